//! A file in an IGV session: its kind by the ending of its name, its name and colours by its track line, else by its
//! file name.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::text_input::open_text;
use crate::output::track::{lighter, Colour, TrackStyle, HAPLOTYPE1, HAPLOTYPE2, RATIO};

/// Bytes at the start of a bedGraph that are searched for its track line.
const BEGINNING: u64 = 1 << 20;

/// The kinds of files that a session opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `.bw`, `.bigWig`.
    BigWig,
    /// `.bedGraph`, `.bg`.
    BedGraph,
    /// `.bed`.
    Bed,
    /// `.narrowPeak`.
    NarrowPeak,
    /// `.vcf`.
    Vcf,
    /// `.bam`.
    Bam,
    /// `.cram`.
    Cram,
}

impl FileKind {
    /// By the ending of the name, in upper or lower case, with or without `.gz` after it.
    pub fn of(path: &Path) -> Option<Self> {
        split(path).1
    }

    /// Its name in a session.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::BigWig => "bigwig",
            FileKind::BedGraph => "bedgraph",
            FileKind::Bed => "bed",
            FileKind::NarrowPeak => "narrowpeak",
            FileKind::Vcf => "vcf",
            FileKind::Bam => "bam",
            FileKind::Cram => "cram",
        }
    }

    /// Whether it is BAM or CRAM.
    pub fn is_alignments(self) -> bool {
        matches!(self, FileKind::Bam | FileKind::Cram)
    }

    fn is_graph(self) -> bool {
        matches!(self, FileKind::BigWig | FileKind::BedGraph)
    }
}

/// The file's name without its endings, and its kind.
fn split(path: &Path) -> (String, Option<FileKind>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lower = name.to_ascii_lowercase();
    let plain = lower.strip_suffix(".gz").unwrap_or(&lower);
    let (stem, kind) = match plain.rsplit_once('.') {
        Some((stem, "bw" | "bigwig")) if plain == lower => (stem, FileKind::BigWig),
        Some((stem, "bedgraph" | "bg")) => (stem, FileKind::BedGraph),
        Some((stem, "bed")) => (stem, FileKind::Bed),
        Some((stem, "narrowpeak")) => (stem, FileKind::NarrowPeak),
        Some((stem, "vcf")) => (stem, FileKind::Vcf),
        Some((stem, "bam")) if plain == lower => (stem, FileKind::Bam),
        Some((stem, "cram")) if plain == lower => (stem, FileKind::Cram),
        _ => return (name, None),
    };
    // Lower case of ASCII alone: the lengths are those of the name.
    (name.get(..stem.len()).unwrap_or(&name).to_owned(), Some(kind))
}

/// A file that IGV opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgvTrack {
    /// The file.
    pub path: PathBuf,
    /// Its name in the session.
    pub name: String,
    /// Colours of values above and below zero; `None` for files that are not graphs: VCF, BED, BAM.
    pub colours: Option<[Colour; 2]>,
    /// Graphs with the same group share one scale.
    pub group: Option<String>,
    /// Draw the values as the letters of the genome (dynamic sequence track): one value a base.
    pub letters: bool,
}

impl IgvTrack {
    /// A graph that this suite wrote to `path`, with its own scale.
    pub fn graph(path: &Path, style: &TrackStyle) -> Self {
        Self { path: path.into(), name: style.name.clone(), colours: Some(style.colours), group: None, letters: false }
    }

    /// A graph of one value a base, drawn as letters; graphs of the same `group` share one scale.
    pub fn letters(path: &Path, style: &TrackStyle, group: &str) -> Self {
        Self { group: Some(group.into()), letters: true, ..Self::graph(path, style) }
    }

    /// A VCF.
    pub fn variants(path: &Path) -> Self {
        Self { path: path.into(), name: "variants".into(), colours: None, group: None, letters: false }
    }

    /// Any other file. Graphs with `.hap1.`, `.hap2.` or `.ratio.` in their name have the colours of the haplotypes,
    /// lighter ones with `.measured.` as well; a bedGraph's track line has precedence. Haplotypes whose names are
    /// otherwise equal share one scale.
    ///
    /// # Errors
    /// The file does not exist, its ending is not one that a session opens, or an index that IGV needs is missing.
    pub fn of_file(path: &Path) -> Result<Self> {
        let (stem, kind) = split(path);
        let Some(kind) = kind else {
            let problem = match path.extension().is_some_and(|e| e.eq_ignore_ascii_case("bcf")) {
                true => "is a BCF, which IGV does not read: make it a VCF with bcftools view -Oz -W=tbi",
                false => {
                    "has no ending by which IGV knows it: .bw, .bedGraph, .bed, .narrowPeak, .vcf, .vcf.gz, .bam or .cram"
                }
            };
            return Err(Error::input(path, problem));
        };
        let found = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if !found.is_file() {
            return Err(Error::input(path, "is not a regular file, which IGV needs"));
        }
        if let Some(how) = lacking_index(path, kind) {
            return Err(Error::input(path, format!("has no index, which IGV needs: {how} makes it")));
        }
        let mut track = Self { path: path.into(), name: stem, colours: None, group: None, letters: false };
        if kind.is_graph() {
            track.colours = Some(colours(path));
            track.group = group(path);
        }
        if kind == FileKind::BedGraph {
            if let Some(line) = track_line(path)? {
                track.name = value(&line, "name").filter(|n| !n.is_empty()).map_or(track.name, str::to_owned);
                if let Some(above) = value(&line, "color").and_then(colour) {
                    let below = value(&line, "altColor").and_then(colour).unwrap_or(above);
                    track.colours = Some([above, below]);
                }
            }
        }
        Ok(track)
    }
}

/// The command that makes the missing index.
fn lacking_index(path: &Path, kind: FileKind) -> Option<&'static str> {
    let exists = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name).exists()
    };
    let packed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    match kind {
        FileKind::Bam => {
            let found = exists(".bai") || exists(".csi") || path.with_extension("bai").exists();
            (!found).then_some("samtools index")
        }
        FileKind::Cram => {
            let found = exists(".crai") || path.with_extension("crai").exists();
            (!found).then_some("samtools index")
        }
        // IGV reads a CSI of alignments, but not of a VCF.
        FileKind::Vcf if packed => (!exists(".tbi")).then_some("bcftools index -t"),
        _ => None,
    }
}

fn colours(path: &Path) -> [Colour; 2] {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let colours = if name.contains(".hap1.") {
        [HAPLOTYPE1; 2]
    } else if name.contains(".hap2.") {
        [HAPLOTYPE2; 2]
    } else if name.contains(".ratio.") {
        [HAPLOTYPE1, HAPLOTYPE2]
    } else {
        [RATIO; 2]
    };
    match name.contains(".measured.") {
        true => colours.map(lighter),
        false => colours,
    }
}

/// One group for the haplotype counts that were written together, one for their ratios.
fn group(path: &Path) -> Option<String> {
    let name = path.to_string_lossy();
    [(".hap1.", "counts"), (".hap2.", "counts"), (".ratio.", "ratio")].into_iter().find_map(|(part, what)| {
        let (prefix, _) = name.rsplit_once(part)?;
        Some(format!("{}/{what}", prefix.strip_suffix(".measured").unwrap_or(prefix)))
    })
}

/// The track line of a bedGraph: before all values, after comments.
fn track_line(path: &Path) -> Result<Option<String>> {
    let mut lines = open_text(path)?.take(BEGINNING);
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line).map_err(|e| Error::io(path, e))? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.starts_with("track ") {
            return Ok(Some(text.to_owned()));
        }
        if !text.is_empty() && !text.starts_with('#') && !text.starts_with("browser ") {
            return Ok(None);
        }
    }
}

/// The value of `key` in a track line: `key=value`, `key="a value"` or `key='a value'`.
fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = line.strip_prefix("track ")?;
    loop {
        rest = rest.trim_start();
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => after[1..].split_once(quote)?,
            _ => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        if name == key {
            return Some(value);
        }
        rest = after;
    }
}

fn colour(text: &str) -> Option<Colour> {
    let parts: Vec<u8> = text.split(',').map(|part| part.trim().parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [red, green, blue] => Some((red, green, blue)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(folder: &Path, name: &str, content: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn kinds_by_their_endings() {
        for (name, kind) in [
            ("a.bw", Some(FileKind::BigWig)),
            ("a.hap1.bigWig", Some(FileKind::BigWig)),
            ("a.bw.gz", None),
            ("a.bedGraph.gz", Some(FileKind::BedGraph)),
            ("a.VCF.gz", Some(FileKind::Vcf)),
            ("a.narrowPeak", Some(FileKind::NarrowPeak)),
            ("a.cram", Some(FileKind::Cram)),
            ("a.txt", None),
            ("bed", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(FileKind::of(Path::new(name)), kind, "{name}");
        }
        assert_eq!(split(Path::new("x/Ä.Hap1.BedGraph.gz")).0, "Ä.Hap1");
    }

    #[test]
    fn haplotypes_have_their_colours_and_one_scale() {
        let folder = tempfile::tempdir().unwrap();
        let track = |name: &str| IgvTrack::of_file(&made(folder.path(), name, "")).unwrap();
        let (one, two) = (track("p.hap1.bw"), track("p.measured.hap2.bw"));
        assert_eq!((one.name.as_str(), one.colours), ("p.hap1", Some([HAPLOTYPE1; 2])));
        assert_eq!((two.name.as_str(), two.colours), ("p.measured.hap2", Some([lighter(HAPLOTYPE2); 2])));
        assert!(one.group.is_some() && one.group == two.group);
        assert_ne!(track("other.hap1.bw").group, one.group);
        let ratio = track("p.ratio.bw");
        assert_eq!(ratio.colours, Some([HAPLOTYPE1, HAPLOTYPE2]));
        assert_eq!(ratio.group, track("p.measured.ratio.bw").group);
        assert_ne!(ratio.group, one.group);
        let other = track("effects.bw");
        assert_eq!((other.colours, other.group), (Some([RATIO; 2]), None));
        assert_eq!(track("p.hap1.bed").colours, None);
    }

    #[test]
    fn a_track_line_goes_before_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let track = |content: &str| IgvTrack::of_file(&made(folder.path(), "p.hap1.bedGraph", content)).unwrap();
        let line = "track type=bedGraph description='a name=no one' name=\"one of two\" color=1,2,3 altColor=4,5,6\n";
        let read = track(&format!("##made\nbrowser hide all\n\n{line}chr1\t1\t2\t3\n"));
        assert_eq!((read.name.as_str(), read.colours), ("one of two", Some([(1, 2, 3), (4, 5, 6)])));
        assert_eq!(track("track name=x color=7,8,9").colours, Some([(7, 8, 9); 2]));
        for odd in
            ["track color=1,2", "track color=1,2,999 name=\"x", "track", "track =", "chr1\t1\t2\t3\ntrack color=1,1,1"]
        {
            let read = track(odd);
            assert_eq!((read.name.as_str(), read.colours), ("p.hap1", Some([HAPLOTYPE1; 2])), "{odd}");
        }
    }

    #[test]
    fn what_igv_cannot_open_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path, words: &str| {
            let said = IgvTrack::of_file(path).unwrap_err().to_string();
            assert!(said.contains(words), "{said}");
        };
        refused(&folder.path().join("none.bw"), "none.bw");
        refused(&made(folder.path(), "a.bcf", ""), "bcftools view");
        refused(&made(folder.path(), "a.txt", ""), "ending");
        refused(folder.path().join("a.txt").parent().unwrap(), "ending");
        refused(&made(folder.path(), "a.bam", ""), "samtools index");
        refused(&made(folder.path(), "a.cram", ""), "samtools index");
        let packed = made(folder.path(), "a.vcf.gz", "");
        refused(&packed, "bcftools index");
        // IGV reads no CSI of a VCF.
        made(folder.path(), "a.vcf.gz.csi", "");
        refused(&packed, "bcftools index -t");
        made(folder.path(), "a.vcf.gz.tbi", "");
        assert_eq!(IgvTrack::of_file(&packed).unwrap().name, "a");
        made(folder.path(), "a.bai", "");
        assert!(IgvTrack::of_file(&folder.path().join("a.bam")).is_ok());
        std::fs::create_dir(folder.path().join("folder.bw")).unwrap();
        refused(&folder.path().join("folder.bw"), "regular file");
    }
}
