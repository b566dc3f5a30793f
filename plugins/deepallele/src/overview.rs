//! What the front door says about the commands.

use crate::search::commands;

/// A line about each of the suite's own commands, in the order of the work.
const KNOWN: [(&str, &str); 9] = [
    ("haplotypes", "sequences of the two haplotypes: FASTA, chain files, region pairs"),
    ("count", "allele-specific read counts of regions and variants"),
    ("train", "train the paired sequence model on counts"),
    ("evaluate", "how good a model is on windows it did not learn from"),
    ("predict", "predicted counts and allelic ratio of regions, tracks"),
    ("annotate", "predicted allelic effects in VCF/BCF records"),
    ("explain", ""),
    ("import", "published checkpoints to model.onnx, published data sets to pairs"),
    ("export", "published data sets (HDF5) from counts or pairs"),
];

/// The commands found, each with a line about it: in the order of the work, then whatever else is installed.
pub fn lines() -> Vec<(String, &'static str)> {
    let mut found = commands();
    let mut lines = Vec::new();
    for (name, about) in KNOWN {
        lines.extend(found.remove(name).map(|_| (name.to_owned(), about)));
    }
    lines.extend(found.into_keys().map(|name| (name, "")));
    lines
}

/// The names of the commands found, on one line.
pub fn names() -> String {
    let found = commands();
    match found.is_empty() {
        true => "none, neither beside this program nor on PATH".to_owned(),
        false => found.into_keys().collect::<Vec<_>>().join(", "),
    }
}

/// What `deepallele` alone prints.
pub fn overview() -> String {
    let mut text = String::from(
        "Which variant makes one allele more active than the other?\n\n\
         Usage: deepallele NAME [OPTIONS]\n       deepallele help NAME\n       deepallele --version\n\nCommands:\n",
    );
    let lines = lines();
    for (name, about) in &lines {
        text.push_str(format!("  {name:<10} {about}").trim_end());
        text.push('\n');
    }
    if lines.is_empty() {
        text.push_str("  none found, neither beside this program nor on PATH\n");
    }
    text
}

/// What the completion scripts read: a command a line, and what is said about it behind a tab.
pub fn list() -> String {
    lines().iter().map(|(name, about)| format!("{name}\t{about}\n")).collect()
}
