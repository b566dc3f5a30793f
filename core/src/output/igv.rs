//! A session file for IGV: genome, tracks and variants open with one click, wherever the folder is moved to.

use std::path::{Component, Path, PathBuf};

use super::track::Colour;
use crate::error::{Error, Result};
use crate::files::{is_stdio, write_whole};

/// Something IGV opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgvTrack {
    pub path: PathBuf,
    pub name: String,
    /// `None` for files that are no graph: VCF, BED, BAM.
    pub colour: Option<Colour>,
}

/// Write a session that opens `tracks` over the genome of `reference` at `locus` (`chr:from-to`, 1-based). All
/// paths in it are relative to the session file.
///
/// # Errors
/// A path cannot be made absolute, or the file cannot be written.
pub fn write_session(path: &Path, reference: &Path, locus: Option<&str>, tracks: &[IgvTrack]) -> Result<()> {
    write_whole(path, session(path, reference, locus, tracks)?.as_bytes())
}

fn session(path: &Path, reference: &Path, locus: Option<&str>, tracks: &[IgvTrack]) -> Result<String> {
    let here = std::env::current_dir().map_err(|e| Error::io(path, e))?;
    let folder = match path.parent() {
        Some(parent) if !is_stdio(path) && !parent.as_os_str().is_empty() => tidy(&here.join(parent)),
        _ => tidy(&here),
    };
    let relative = |file: &Path| escape(&relative(&folder, &tidy(&here.join(file))).to_string_lossy());
    let locus = locus.map(|l| format!(" locus=\"{}\"", escape(l))).unwrap_or_default();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n<Session genome=\"{}\"{locus} version=\"8\">\n    <Resources>\n",
        relative(reference)
    );
    for track in tracks {
        text += &format!("        <Resource path=\"{}\"{}/>\n", relative(&track.path), kind(&track.path));
    }
    text += "    </Resources>\n    <Panel name=\"DataPanel\">\n";
    for track in tracks {
        let (id, name) = (relative(&track.path), escape(&track.name));
        text += &match track.colour {
            Some((red, green, blue)) => format!(
                "        <Track id=\"{id}\" name=\"{name}\" color=\"{red},{green},{blue}\" altColor=\"{red},{green},{blue}\" \
                 autoScale=\"true\" height=\"60\" renderer=\"BAR_CHART\" windowFunction=\"mean\" visible=\"true\"/>\n"
            ),
            None => format!("        <Track id=\"{id}\" name=\"{name}\" visible=\"true\"/>\n"),
        };
    }
    text += "    </Panel>\n    <Panel name=\"FeaturePanel\">\n        <Track id=\"Reference sequence\" \
             name=\"Reference sequence\" visible=\"true\"/>\n    </Panel>\n</Session>\n";
    Ok(text)
}

fn kind(path: &Path) -> &'static str {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit('.').next() {
        Some("bw" | "bigwig") => " type=\"bigwig\"",
        Some("bedgraph" | "bg") => " type=\"bedgraph\"",
        Some("vcf") => " type=\"vcf\"",
        Some("bed") => " type=\"bed\"",
        Some("bam") => " type=\"bam\"",
        _ => "",
    }
}

/// An absolute path without `.` and `..`. Links are left alone: the user's own names are what should be stored.
fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

fn relative(folder: &Path, file: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), file.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(Component::ParentDir, from.len() - shared);
    up.chain(to[shared..].iter().copied()).collect()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_session() {
        for (folder, file, expected) in
            [("/a/b", "/a/b/c.bw", "c.bw"), ("/a/b", "/a/d/c.bw", "../d/c.bw"), ("/x", "/a/c", "../a/c")]
        {
            assert_eq!(relative(Path::new(folder), Path::new(file)), Path::new(expected));
        }
        assert_eq!(tidy(Path::new("/a/./b/../c")), Path::new("/a/c"));
    }

    #[test]
    fn a_session_lists_genome_tracks_and_colours() {
        let track = |path: &str, colour| IgvTrack { path: path.into(), name: "a & b".into(), colour };
        let tracks = [track("out/x.bw", Some((0, 114, 178))), track("out/y.vcf.gz", None)];
        let text = session(Path::new("out/s.xml"), Path::new("data/ref.fa.gz"), Some("chr1:1-9"), &tracks).unwrap();
        assert!(text.contains("<Session genome=\"../data/ref.fa.gz\" locus=\"chr1:1-9\" version=\"8\">"), "{text}");
        assert!(text.contains("<Resource path=\"x.bw\" type=\"bigwig\"/>"));
        assert!(text.contains("<Resource path=\"y.vcf.gz\" type=\"vcf\"/>"));
        assert!(text.contains("<Track id=\"x.bw\" name=\"a &amp; b\" color=\"0,114,178\""));
    }
}
