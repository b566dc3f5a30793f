//! A session file for IGV, which opens genome, tracks and variants; its paths are relative, so the folder can be moved.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::output_file::{complete_file, CompleteFiles};
use crate::io::text_input::is_stdio;
use crate::output::igv_track::{FileKind, IgvTrack};
use crate::output::xml::escape;

/// Write a session that opens `tracks` over the genome of `reference` at `locus` (`chr:from-to`, 1-based): graphs,
/// features and alignments, each in the order given. All paths in it are relative to the session file, which has a
/// temporary name until the returned set is renamed.
///
/// # Errors
/// A path cannot be made absolute, or the file cannot be written.
pub fn write_session(path: &Path, reference: &Path, locus: Option<&str>, tracks: &[IgvTrack]) -> Result<CompleteFiles> {
    complete_file(path, session(path, reference, locus, tracks)?.as_bytes())
}

/// The session `text`, written by [`write_session`], with one more track of features: the file `file` in its own folder.
/// `None` if it has the track already, or is no such session.
pub fn with_track(text: &str, file: &str, name: &str) -> Option<String> {
    let (id, name) = (escape(file), escape(name));
    let resource = format!("        <Resource path=\"{id}\"");
    let (resources, panels) = text.split_once("    </Resources>\n")?;
    let (tracks, rest) = panels.split_once("    </Panel>\n")?;
    if resources.contains(&resource) {
        return None;
    }
    let kind = FileKind::of(Path::new(file)).map(|kind| format!(" type=\"{}\"", kind.name())).unwrap_or_default();
    Some(format!(
        "{resources}{resource}{kind}/>\n    </Resources>\n{tracks}        <Track id=\"{id}\" name=\"{name}\" \
         visible=\"true\"/>\n    </Panel>\n{rest}"
    ))
}

fn session(path: &Path, reference: &Path, locus: Option<&str>, tracks: &[IgvTrack]) -> Result<String> {
    let here = std::env::current_dir().map_err(|e| Error::io(path, e))?;
    let folder = match path.parent() {
        Some(parent) if !is_stdio(path) && !parent.as_os_str().is_empty() => real(&here.join(parent)),
        _ => real(&here),
    };
    let relative = |file: &Path| escape(&relative(&folder, &in_real_folder(&here.join(file))).to_string_lossy());
    let locus = locus.map(|l| format!(" locus=\"{}\"", escape(l))).unwrap_or_default();
    // IGV knows groups by numbers, and wants to know the next free one.
    let mut groups: Vec<&str> = Vec::new();
    for group in tracks.iter().filter_map(|t| t.group.as_deref()) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n\
         <Session genome=\"{}\"{locus} nextAutoscaleGroup=\"{}\" version=\"8\">\n    <Resources>\n",
        relative(reference),
        groups.len() + 1
    );
    for track in tracks {
        let kind = FileKind::of(&track.path).map(|kind| format!(" type=\"{}\"", kind.name())).unwrap_or_default();
        text += &format!("        <Resource path=\"{}\"{kind}/>\n", relative(&track.path));
    }
    text += "    </Resources>\n    <Panel name=\"DataPanel\">\n";
    let (reads, others): (Vec<_>, Vec<_>) =
        tracks.iter().partition(|t| FileKind::of(&t.path).is_some_and(FileKind::is_alignments));
    let (graphs, features): (Vec<_>, Vec<_>) = others.into_iter().partition(|t| t.colours.is_some());
    for track in graphs.into_iter().chain(features) {
        let (id, name) = (relative(&track.path), escape(&track.name));
        let number = track.group.as_deref().and_then(|group| groups.iter().position(|g| *g == group));
        let group = number.map(|n| format!(" autoscaleGroup=\"{}\"", n + 1)).unwrap_or_default();
        text += &match track.colours {
            Some(colours) => {
                let renderer = if track.letters { "DYNSEQ" } else { "BAR_CHART" };
                let [above, below] = colours.map(|(red, green, blue)| format!("{red},{green},{blue}"));
                format!(
                    "        <Track id=\"{id}\" name=\"{name}\" color=\"{above}\" altColor=\"{below}\" \
                     autoScale=\"true\"{group} height=\"60\" renderer=\"{renderer}\" windowFunction=\"mean\" \
                     visible=\"true\"/>\n"
                )
            }
            None => format!("        <Track id=\"{id}\" name=\"{name}\" visible=\"true\"/>\n"),
        };
    }
    text += "    </Panel>\n";
    for (number, track) in reads.iter().enumerate() {
        let (id, name) = (relative(&track.path), escape(&track.name));
        // IGV makes a second track of the reads' depth.
        text += &format!(
            "    <Panel name=\"Panel{number}\">\n        <Track id=\"{id}_coverage\" name=\"{name} coverage\" \
             visible=\"true\"/>\n        <Track id=\"{id}\" name=\"{name}\" visible=\"true\"/>\n    </Panel>\n"
        );
    }
    text += "    <Panel name=\"FeaturePanel\">\n        <Track id=\"Reference sequence\" \
             name=\"Reference sequence\" visible=\"true\"/>\n    </Panel>\n</Session>\n";
    Ok(text)
}

/// A folder without links, as IGV resolves the folder of a session before it goes up from there.
fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| tidy(folder))
}

/// A file in its real folder, under the name that the user gave it, which may be a link.
fn in_real_folder(file: &Path) -> PathBuf {
    match (file.parent(), file.file_name()) {
        (Some(folder), Some(name)) => real(folder).join(name),
        _ => tidy(file),
    }
}

/// An absolute path without `.` and `..`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_added_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let tracks = [IgvTrack::variants(&at("x.vcf"))];
        let before = session(&at("igv.xml"), &at("ref.fa"), None, &tracks).unwrap();
        let after = with_track(&before, "hits.bed", "sites").unwrap();
        let both = [
            IgvTrack::variants(&at("x.vcf")),
            IgvTrack { name: "sites".into(), ..IgvTrack::variants(&at("hits.bed")) },
        ];
        assert_eq!(after, session(&at("igv.xml"), &at("ref.fa"), None, &both).unwrap());
        assert_eq!(with_track(&after, "hits.bed", "sites"), None);
        assert_eq!(with_track("<Session/>", "hits.bed", "sites"), None);
    }

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
        let track = |path: &str, colours, group: Option<&str>| IgvTrack {
            path: path.into(),
            name: "a & b".into(),
            colours,
            group: group.map(str::to_owned),
            letters: path.ends_with("z.bw"),
        };
        let colours = Some([(0, 114, 178), (1, 2, 3)]);
        let tracks = [
            track("out/y.vcf.gz", None, None),
            track("out/r.bam", None, None),
            track("out/x.bw", colours, Some("counts")),
            track("out/z.bw", colours, Some("ratio")),
            track("out/m.bedGraph", colours, Some("counts")),
            track("out/alone.bw", colours, None),
        ];
        let text = session(Path::new("out/s.xml"), Path::new("data/ref.fa.gz"), Some("chr1:1-9"), &tracks).unwrap();
        assert!(
            text.contains(
                "<Session genome=\"../data/ref.fa.gz\" locus=\"chr1:1-9\" nextAutoscaleGroup=\"3\" version=\"8\">"
            ),
            "{text}"
        );
        for resource in
            ["x.bw\" type=\"bigwig", "m.bedGraph\" type=\"bedgraph", "y.vcf.gz\" type=\"vcf", "r.bam\" type=\"bam"]
        {
            assert!(text.contains(&format!("<Resource path=\"{resource}\"/>")), "{resource} in {text}");
        }
        let place = |id: &str| text.find(&format!("<Track id=\"{id}\" name=\"a &amp; b")).expect(id);
        let line = |id: &str| text[place(id)..].lines().next().unwrap();
        assert!(line("x.bw").contains("color=\"0,114,178\" altColor=\"1,2,3\""));
        for (id, group) in [("x.bw", Some("1")), ("m.bedGraph", Some("1")), ("z.bw", Some("2")), ("alone.bw", None)] {
            let wanted = group.map(|g| format!("autoscaleGroup=\"{g}\""));
            assert_eq!(line(id).contains("autoscaleGroup"), wanted.is_some());
            assert!(wanted.is_none_or(|w| line(id).contains(&w)), "{}", line(id));
        }
        assert!(line("z.bw").contains("renderer=\"DYNSEQ\"") && line("x.bw").contains("renderer=\"BAR_CHART\""));
        let order = ["x.bw", "z.bw", "m.bedGraph", "alone.bw", "y.vcf.gz", "r.bam_coverage", "r.bam"].map(place);
        assert!(order.is_sorted(), "{text}");
    }
}
