//! What is in a folder, what is absent, and where every number of a page is from.

use std::path::{Path, PathBuf};

use crate::explanation::attributions::folder::ExplainedFolder;
use crate::explanation::attributions::settings::SETTINGS;
use crate::output::explanation::report::json::shortened_to;
use crate::output::explanation::report::model::{Absence, Source};
use crate::output::explanation::report::{ReportOptions, LONGEST_COMMAND};

/// The files of the other steps that a folder has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    folder: PathBuf,
    /// `pairs.tsv` instead of `regions.tsv`.
    pub designed: bool,
    /// `hits.tsv.gz`.
    pub hits: bool,
    /// `motifs.tsv`.
    pub motifs: bool,
    /// `seqlets.tsv.gz`.
    pub seqlets: bool,
    /// `mechanisms.tsv`.
    pub mechanisms: bool,
    /// `mechanism_regions.tsv`.
    pub mechanism_regions: bool,
    /// `cause.tsv`.
    pub cause: bool,
}

impl Found {
    /// Those of `folder`.
    pub fn of(folder: &Path) -> Self {
        let has = |name: &str| folder.join(name).is_file();
        Self {
            folder: folder.into(),
            designed: has("pairs.tsv"),
            hits: has("hits.tsv.gz"),
            motifs: has("motifs.tsv"),
            seqlets: has("seqlets.tsv.gz"),
            mechanisms: has("mechanisms.tsv"),
            mechanism_regions: has("mechanism_regions.tsv"),
            cause: has("cause.tsv"),
        }
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The table of regions or pairs.
    pub fn table(&self) -> &'static str {
        if self.designed {
            "pairs.tsv"
        } else {
            "regions.tsv"
        }
    }

    /// A sentence and a command for each step whose files are not there.
    pub fn absent(&self, counts: bool) -> Vec<Absence> {
        let folder = shortened_to(&self.folder.display().to_string(), LONGEST_COMMAND);
        let step = |what: &'static str, file: &str, lacking: &str, options: &str| Absence {
            what,
            sentence: format!("{lacking}: {file} is not in the folder. This makes it:"),
            command: format!("deepallele explain {what} {folder} {options}"),
        };
        let of_designed =
            |what: &'static str, sentence: &str| Absence { what, sentence: sentence.into(), command: String::new() };
        let mut absent = Vec::new();
        if !counts {
            absent.push(match self.designed {
                true => of_designed("counts", "No measured counts: designed pairs have none."),
                false => Absence {
                    what: "counts",
                    sentence: "No measured counts. This adds them:".into(),
                    command: format!("deepallele explain report {folder} --compare counts.tsv.gz -o report.html"),
                },
            });
        }
        if !self.motifs {
            let lacking = "No learned motifs and no seqlets";
            absent.push(step("motifs", "motifs.tsv", lacking, "--motifs jaspar.meme"));
        }
        if !self.hits {
            absent.push(step("hits", "hits.tsv.gz", "No binding sites", "--motifs jaspar.meme"));
        }
        if !self.mechanisms {
            let lacking = "No tests of motifs across regions";
            let mut absence =
                step("mechanisms", "mechanisms.tsv", lacking, "--motifs jaspar.meme --compare counts.tsv.gz");
            if self.designed {
                let command = "deepallele explain mechanisms --pairs measured.tsv --motifs jaspar.meme -o";
                absence.command = format!("{command} {folder}");
            }
            absent.push(absence);
        }
        if !self.cause {
            let lacking = "No posterior probabilities of variants";
            absent.push(match self.designed {
                true => of_designed("cause", &format!("{lacking}: designed pairs have no counts.")),
                false => step("cause", "cause.tsv", lacking, "--vcf effects.bcf --compare counts.tsv.gz"),
            });
        }
        absent
    }
}

/// The files that were read, with the commands that wrote them.
pub struct Sources {
    /// In the order in which they were read.
    pub files: Vec<Source>,
    counts: bool,
}

/// Version and command line in the lines `##deepallele_NAMEVersion=` and `##deepallele_NAMECommand=` of a table.
fn source(file: &str, header: &[String]) -> Source {
    let value = |end: &str| {
        let found = header.iter().filter_map(|line| {
            let (key, value) = line.strip_prefix("##deepallele_")?.split_once('=')?;
            key.ends_with(end).then_some(value)
        });
        let found: Vec<&str> = found.collect();
        if found.is_empty() {
            return ".".into();
        }
        shortened_to(&found.join("; "), LONGEST_COMMAND)
    };
    Source { file: file.to_owned(), version: value("Version"), command: value("Command") }
}

impl Sources {
    /// Those that every report reads.
    pub fn of(folder: &ExplainedFolder, options: &ReportOptions) -> Self {
        let settings = folder.settings();
        let text = |text: &Option<String>| shortened_to(text.as_deref().unwrap_or("."), LONGEST_COMMAND);
        let (version, command) = (text(&settings.version), text(&settings.command));
        let table = Found::of(folder.path()).table();
        let names = [SETTINGS, table, "map.tsv.gz", "hap1.npz, hap2.npz, hap1.ohe.npz, hap2.ohe.npz"];
        let of = |file: &str| Source { file: file.into(), version: version.clone(), command: command.clone() };
        let mut files: Vec<Source> = names.iter().map(|file| of(file)).collect();
        if let Some(counts) = &options.counts {
            files.push(source(&counts.file, &counts.header));
        }
        Self { files, counts: options.counts.is_some() }
    }

    /// Add a file of the folder, if it is there.
    pub fn add(&mut self, found: &Found, name: &str, header: &[String]) {
        if found.path(name).is_file() {
            self.files.push(source(name, header));
        }
    }

    /// What is shown, the file it is from, and the columns of the file.
    pub fn origins(&self, found: &Found) -> Vec<[String; 3]> {
        let table = found.table();
        let counts = self.files.get(4).filter(|_| self.counts).map_or("", |source| &source.file);
        let same = "the columns of the same names";
        let all = [
            (
                true,
                "predicted log2 counts and ratio, sums of contributions, agreement",
                table,
                "hap1, hap2, log2_ratio, sum_hap1, sum_hap2, agreement",
            ),
            (
                true,
                "letters, their heights, and effects of differing bases",
                "hap1.npz, hap2.npz, hap1.ohe.npz, hap2.ohe.npz",
                "contribution of the present base; with --head ratio that of haplotype 2 is drawn with the other sign. \
                 An effect is the contribution of the base less that of the base of the other allele",
            ),
            (true, "columns and positions", "map.tsv.gz", "offset, length, start, end"),
            (
                self.counts,
                "measured counts, ratio, standard error, p and q",
                counts,
                "hap1, hap2, log2_ratio, se, p_value, q_value",
            ),
            (found.hits, "sites, their states and changes", "hits.tsv.gz", same),
            (found.seqlets, "seqlets", "seqlets.tsv.gz", "haplotype, offset, length, mean, motif, common"),
            (found.motifs, "learned motifs", "motifs.tsv", same),
            (found.motifs, "their logos and tree", "motifs.npz, motifs.meme, motif_tree.svg", "all"),
            (found.mechanisms, "tests of motifs across regions", "mechanisms.tsv", same),
            (
                found.mechanisms && found.mechanism_regions,
                "classes of regions",
                "mechanism_regions.tsv",
                "motif, motif_change, class, model_motif, model_change, model_class",
            ),
            (found.cause, "posterior probabilities of variants", "cause.tsv", same),
        ];
        let there = all.iter().filter(|(there, ..)| *there);
        there.map(|(_, what, file, columns)| [what, file, columns].map(|text| (*text).to_string())).collect()
    }
}

/// Sentences about what the page holds and what it leaves out.
pub fn notes(
    options: &ReportOptions,
    shown: usize,
    all: usize,
    sites_elsewhere: usize,
    more_motifs: usize,
) -> Vec<String> {
    let order =
        "in the order of their evidence: the least q-value of a changed site, then that of the measured imbalance, \
                 then the largest predicted ratio";
    let mut notes = vec![match shown == all {
        true => format!("All {all} are in this page, {order}."),
        false => format!(
            "{shown} of {all} are in this page, {order}; {} are left out (--regions-at-most {}).",
            all - shown,
            options.most
        ),
    }];
    if let Some(counts) = &options.counts {
        notes.push(format!("Measured: {} of {all}, sample {}.", counts.len(), shortened_to(&counts.sample, 200)));
    }
    if sites_elsewhere > 0 {
        notes.push(format!("{sites_elsewhere} sites of hits.tsv.gz are of other regions and left out."));
    }
    if more_motifs > 0 {
        notes.push(format!("{more_motifs} more motifs are in motifs.tsv."));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_said_with_its_command() {
        let folder = tempfile::tempdir().unwrap();
        let found = Found::of(folder.path());
        let absent = found.absent(false);
        let what: Vec<&str> = absent.iter().map(|each| each.what).collect();
        assert_eq!(what, ["counts", "motifs", "hits", "mechanisms", "cause"]);
        assert!(absent.iter().all(|each| each.command.contains(&folder.path().display().to_string())));
        for file in ["motifs.tsv", "hits.tsv.gz", "mechanisms.tsv", "cause.tsv"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        assert_eq!(Found::of(folder.path()).absent(true), []);
    }

    #[test]
    fn command_lines_are_those_of_the_headers() {
        let header = ["##deepallele_explainVersion=1.2", "##deepallele_explainCommand=explain hits a=b", "##other=x"];
        let found = source("hits.tsv.gz", &header.map(String::from));
        assert_eq!((&found.version[..], &found.command[..]), ("1.2", "explain hits a=b"));
        assert_eq!(source("x", &[]).command, ".");
    }
}
