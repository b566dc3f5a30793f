//! Regions of interest from BED, narrowPeak or a count table.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::regions::anchor::{Anchor, AnchorColumn};
use crate::io::regions::left_out::LeftOut;
use crate::io::regions::lines::{is_browser_line, Lines};
use crate::io::text_input::open_text;
use crate::io::Contigs;

/// One region, 0-based half-open, never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Index in the [`Contigs`] the file was read with.
    pub contig: usize,
    /// First base, 0-based.
    pub start: u64,
    /// End, exclusive.
    pub end: u64,
    /// Column 4, `.` when absent.
    pub name: String,
    /// Column 5 as written, `.` when absent.
    pub score: String,
    /// `+`, `-` or `.`.
    pub strand: u8,
    /// Position of the summit, 0-based, if the file has one (narrowPeak column 10, or a count table made with it).
    pub summit: Option<u64>,
    /// Transcription start site, 0-based, if the file has one (genes with a strand, or a count table made with them).
    pub tss: Option<u64>,
}

/// A region without a name for tests, 0-based half-open.
#[cfg(test)]
pub fn test_region(contig: usize, start: u64, end: u64) -> Region {
    Region { contig, start, end, name: ".".into(), score: ".".into(), strand: b'.', summit: None, tss: None }
}

/// One stretch of a region, 0-based half-open: the region itself, or one exon of a gene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Index in the [`Contigs`] the file was read with.
    pub contig: usize,
    /// First base, 0-based.
    pub start: u64,
    /// End, exclusive.
    pub end: u64,
    /// Index in [`Regions::list`].
    pub region: u32,
}

/// The regions of a file, sorted by contig, start and end.
#[derive(Clone, Debug)]
pub struct Regions {
    /// The contigs whose indices the regions carry.
    pub contigs: Contigs,
    /// The regions.
    pub list: Vec<Region>,
    /// What the regions consist of, sorted by contig, start and end.
    pub blocks: Vec<Block>,
    /// A name in the file and the name in `contigs` it was matched to, when they differ by `chr`.
    pub renamed: Option<(String, String)>,
    /// Lines that were cut or left out.
    pub left_out: LeftOut,
    /// The regions are genes of an annotation, their names the genes' identifiers.
    pub genes: bool,
    /// The anchor that the file provides: summits if it has any, the TSS of genes, else the middle.
    pub anchor: Anchor,
    /// Peaks without a summit in a file that has summits: their middle is taken.
    pub without_summit: u64,
    /// Genes whose TSS is that of their canonical transcript, where those were asked for.
    pub canonical: Option<u64>,
}

impl Regions {
    /// Read BED (3 columns or more), narrowPeak (exactly 10) or our own count table; `-` is standard input,
    /// gzip is unpacked. Lines that begin with `#`, `track` or `browser` and empty lines are skipped. Regions that do not
    /// fit `contigs` are cut or left out, and counted ([`LeftOut`]).
    ///
    /// # Errors
    /// A line that is no region is named; so is a file without any on `contigs`, or with many beyond their ends.
    pub fn read(path: &Path, contigs: &Contigs) -> Result<Self> {
        let mut lines = Lines { reader: open_text(path)?, path, number: 0, line: Vec::new() };
        let mut regions = Self::empty(contigs);
        let mut column = AnchorColumn::default();
        while let Some((number, text)) = lines.next()? {
            let read = match text {
                _ if text.starts_with('#') => column.header(text),
                _ if text.trim().is_empty() || is_browser_line(text) => Ok(()),
                _ => regions.add_bed_line(number, text, &column),
            };
            read.map_err(|problem| Error::input(path, format!("line {number}: {problem}")))?;
        }
        regions.finish_bed(path)
    }

    pub(super) fn empty(contigs: &Contigs) -> Self {
        Self {
            contigs: contigs.clone(),
            list: Vec::new(),
            blocks: Vec::new(),
            renamed: None,
            left_out: LeftOut::default(),
            genes: false,
            anchor: Anchor::Middle,
            without_summit: 0,
            canonical: None,
        }
    }

    pub(super) fn add_bed_line(
        &mut self,
        number: u64,
        text: &str,
        anchors: &AnchorColumn,
    ) -> std::result::Result<(), String> {
        let parsed = parse(text, number, &self.contigs, anchors, &mut self.left_out)?;
        self.anchor = anchors.rule().unwrap_or(self.anchor);
        let Some(region) = parsed else { return Ok(()) };
        if self.renamed.is_none() {
            let name = text.split(['\t', ' ']).next().unwrap_or("");
            if name != self.contigs.name(region.contig) {
                self.renamed = Some((name.to_string(), self.contigs.name(region.contig).to_string()));
            }
        }
        self.list.push(region);
        Ok(())
    }

    pub(super) fn finish_bed(mut self, path: &Path) -> Result<Self> {
        self.left_out.check(path, self.list.len())?;
        if self.list.is_empty() {
            return Err(Error::input(path, "holds no region; give a BED or narrowPeak file with at least one"));
        }
        if u32::try_from(self.list.len()).is_err() {
            return Err(Error::input(path, "has more than 4 billion regions"));
        }
        if self.list.iter().any(|r| r.summit.is_some()) {
            self.anchor = Anchor::Summit;
            for region in self.list.iter_mut().filter(|r| r.summit.is_none()) {
                region.summit = Some(region.middle());
                self.without_summit += 1;
            }
        }
        // Stable: equal spans keep the order of the file.
        self.list.sort_by_key(|r| (r.contig, r.start, r.end));
        self.whole_blocks();
        Ok(self)
    }
}

impl Regions {
    /// Regions made in code, sorted as in a file, each one block.
    pub fn from_list(contigs: Contigs, mut list: Vec<Region>) -> Self {
        list.sort_by_key(|r| (r.contig, r.start, r.end));
        let mut regions = Self { list, ..Self::empty(&contigs) };
        regions.whole_blocks();
        regions
    }

    /// Keep the regions that `keep` wants, with their blocks.
    pub fn retain(&mut self, mut keep: impl FnMut(&Region) -> bool) {
        // New index of each region that stays.
        let mut index = Vec::with_capacity(self.list.len());
        let mut kept = 0u32;
        self.list.retain(|region| {
            let stays = keep(region);
            index.push(stays.then_some(kept));
            kept += stays as u32;
            stays
        });
        self.blocks.retain_mut(|block| match index.get(block.region as usize).copied().flatten() {
            Some(region) => {
                block.region = region;
                true
            }
            None => false,
        });
    }

    /// What the user should know about how the file was read, a sentence a line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some((theirs, ours)) = &self.renamed {
            lines.push(format!("contig names of the regions were matched with or without chr ({theirs} is {ours})"));
        }
        lines.extend(self.left_out.lines());
        if self.without_summit > 0 {
            lines.push(format!("{} peaks have no summit: their middle is used", self.without_summit));
        }
        if let Some(n) = self.canonical {
            let all = self.list.len();
            lines.push(format!(
                "TSS of {n} of {all} genes from their canonical transcript, of the others from the gene"
            ));
        }
        lines
    }

    /// For each block the furthest end of it and those before it on its contig: all blocks before the first that reaches
    /// beyond a position end before that position.
    pub fn reach(&self) -> Vec<u64> {
        let mut furthest = (usize::MAX, 0);
        let one = |block: &Block| {
            furthest = if furthest.0 == block.contig {
                (block.contig, block.end.max(furthest.1))
            } else {
                (block.contig, block.end)
            };
            furthest.1
        };
        self.blocks.iter().map(one).collect()
    }

    /// Make every region one block; to be called again when `list` has changed.
    pub fn whole_blocks(&mut self) {
        let block = |(i, r): (usize, &Region)| Block { contig: r.contig, start: r.start, end: r.end, region: i as u32 };
        self.blocks = self.list.iter().enumerate().map(block).collect();
    }
}

/// The region of a line; `None` for one that is left out.
fn parse(
    text: &str,
    line: u64,
    contigs: &Contigs,
    anchors: &AnchorColumn,
    left_out: &mut LeftOut,
) -> std::result::Result<Option<Region>, String> {
    // Names may hold spaces in a tab-separated file; some BED files are separated by spaces.
    let columns: Vec<&str> =
        if text.contains('\t') { text.split('\t').collect() } else { text.split_whitespace().collect() };
    let [name, start, end, ..] = columns[..] else {
        return Err(format!("has {} columns, but a region needs contig, start and end", columns.len()));
    };
    let Some(contig) = contigs.find(name) else {
        left_out.on_other_contig(line, name, contigs);
        return Ok(None);
    };
    let number = |text: &str, what: &str| match text.parse::<i64>() {
        Ok(n) if n >= 0 => Ok(n as u64),
        Ok(n) => Err(format!("{what} {n} is negative")),
        Err(_) => Err(format!("{what} \"{text}\" is not a whole number")),
    };
    let (start, end) = (number(start, "start")?, number(end, "end")?);
    if end < start {
        return Err(format!("end {end} is before start {start}"));
    }
    let text_of = |i: usize| columns.get(i).filter(|c| !c.is_empty()).map_or(".", |c| *c).to_string();
    let strand = match columns.get(5).copied().unwrap_or(".") {
        "+" => b'+',
        "-" => b'-',
        "." | "" => b'.',
        other => return Err(format!("strand is \"{other}\"; it must be +, - or .")),
    };
    let summit = summit(&columns, end - start)?.map(|offset| start + offset);
    let anchor = anchors.rule().zip(anchors.of_row(&columns)?);
    let needed = anchor.map(|(_, anchor)| anchor).or(summit);
    let Some((start, end)) = left_out.place(line, (start, end), needed, contigs, contig) else { return Ok(None) };
    let mut region = Region { contig, start, end, name: text_of(3), score: text_of(4), strand, summit, tss: None };
    if let Some((rule, anchor)) = anchor {
        region.set_anchor(rule, anchor);
    }
    Ok(Some(region))
}

/// Column 10 of narrowPeak, which has exactly ten columns of which 7 to 9 are numbers.
fn summit(columns: &[&str], width: u64) -> std::result::Result<Option<u64>, String> {
    if columns.len() != 10 || !columns[6..9].iter().all(|c| c.parse::<f64>().is_ok()) {
        return Ok(None);
    }
    match columns[9].trim().parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(n) if n >= 0 && (n as u64) < width => Ok(Some(n as u64)),
        Ok(n) => Err(format!("summit offset {n} lies outside the peak of {width} bases")),
        Err(_) => Err(format!("summit offset \"{}\" is not a whole number", columns[9])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{write::GzEncoder, Compression};
    use std::io::Write;

    fn read(text: &str) -> Result<Regions> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.bed");
        std::fs::write(&path, text).unwrap();
        let contigs = Contigs::new(vec![("chr2".into(), 1000), ("chr1".into(), 2000)]);
        Regions::read(&path, &contigs)
    }

    #[test]
    fn bed_is_sorted_by_the_order_of_contigs() {
        let r = read("track name=x\n#c\nchr1\t5\t9\tb\t3\t-\r\n1\t5\t7\n\nchr2 1 4 a\n").unwrap();
        let got: Vec<_> = r.list.iter().map(|r| (r.contig, r.start, r.end, r.name.as_str(), r.strand)).collect();
        assert_eq!(got, [(0, 1, 4, "a", b'.'), (1, 5, 7, ".", b'.'), (1, 5, 9, "b", b'-')]);
        assert_eq!(r.renamed, Some(("1".into(), "chr1".into())));
        assert_eq!((r.anchor, r.list[2].anchor(Anchor::Middle)), (Anchor::Middle, Some(7)));
    }

    #[test]
    fn narrow_peaks_have_summits() {
        let r = read("chr1\t100\t200\tp\t0\t.\t1.5\t2\t3\t30\nchr1\t100\t201\tp\t0\t.\t1.5\t2\t3\t-1\n").unwrap();
        assert_eq!((r.anchor, r.list[0].summit), (Anchor::Summit, Some(130)));
        // A peak without a summit has its middle, and is counted.
        assert_eq!((r.without_summit, r.list[1].summit), (1, Some(150)));
        assert!(r.lines().iter().any(|line| line.contains("1 peaks have no summit")));
        let r = read("chr1\t100\t201\tp\t0\t.\t1.5\t2\t3\t-1\n").unwrap();
        assert_eq!((r.anchor, r.without_summit, r.list[0].summit), (Anchor::Middle, 0, None));
    }

    #[test]
    fn a_count_table_is_read_as_regions() {
        let line = "chr1\t10\t20\tp\t0\t+\tsample\t3\t4\t5\t0\t1\t-0.3\t0.9\t.\t.\n";
        let r = read(&format!("##deepallele count\n#chrom\tstart\tend\n{line}")).unwrap();
        assert_eq!((r.list.len(), r.list[0].strand, r.list[0].summit), (1, b'+', None));
    }

    #[test]
    fn a_count_table_carries_its_anchors() {
        let header = "##anchor=tss\n#chrom\tstart\tend\tname\tscore\tstrand\tanchor\n";
        let r = read(&format!("{header}chr1\t10\t20\tg\t0\t+\t15\nchr1\t10\t20\th\t0\t-\t.\n")).unwrap();
        assert_eq!((r.anchor, r.list[0].tss, r.list[1].tss), (Anchor::Tss, Some(15), None));
        assert_eq!(r.list.iter().map(|r| r.anchor(Anchor::Tss)).collect::<Vec<_>>(), [Some(15), Some(19)]);
        for (text, part) in [
            (format!("{header}chr1\t10\t20\tg\t0\t+\tx\n"), "line 3: anchor is \"x\""),
            (format!("{header}chr1\t10\t20\tg\t0\t+\t9999\n"), "line 3: anchor 9999 is past the end of chr1"),
            ("##anchor=peak\n".into(), "line 1: \"peak\""),
        ] {
            let message = read(&text).unwrap_err().to_string();
            assert!(message.contains(part), "{text:?} gave {message}");
        }
    }

    #[test]
    fn regions_that_lack_the_anchor_are_an_error_that_says_what_to_do() {
        let path = Path::new("r.bed");
        let bed = read("chr1\t5\t9\ta\t3\t-\nchr1\t15\t19\tb\t3\t.\n").unwrap();
        assert!(bed.check_anchor(Anchor::Middle, path).is_ok());
        let message = bed.check_anchor(Anchor::Tss, path).unwrap_err().to_string();
        assert!(message.contains("1 regions have no strand") && message.contains("chr1:16-19"), "{message}");
        assert!(message.contains("--anchor middle"), "{message}");
        let message = bed.check_anchor(Anchor::Summit, path).unwrap_err().to_string();
        assert!(message.contains("2 regions have no summit") && message.contains("narrowPeak"), "{message}");
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, part) in [
            ("chr1\t1\t2\nchr1\t9\t5\n", "line 2: end 5 is before start 9"),
            ("chr1\t-1\t5\n", "line 1: start -1 is negative"),
            ("chr1\tx\t5\n", "line 1: start \"x\" is not a whole number"),
            ("chr1\t1\n", "line 1: has 2 columns"),
            ("chrX\t1\t5\n", "contig \"chrX\" is unknown (known are chr2, chr1)"),
            ("chr1\t1\t5000\n", "past the end of chr1"),
            ("chr1\t5\t5\n", "empty"),
            ("chr1\t1\t99999999999999999999\n", "not a whole number"),
            ("chr1\t1\t5\ta\t0\t*\n", "strand"),
            ("chr1\t100\t200\tp\t0\t.\t1.5\t2\t3\t100\n", "summit offset 100"),
            ("#only a comment\n", "holds no region"),
            ("", "holds no region"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text:?} gave {message}");
            assert!(message.contains("r.bed"));
        }
    }

    #[test]
    fn gzip_is_unpacked_and_a_cut_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.bed.gz");
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        for i in 0..5000 {
            writeln!(out, "chr1\t{}\t{}", i, i + 7 + i % 13).unwrap();
        }
        let bytes = out.finish().unwrap();
        let contigs = Contigs::new(vec![("chr1".into(), 0)]);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Regions::read(&path, &contigs).unwrap().list.len(), 5000);
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(Regions::read(&path, &contigs).is_err());
    }
}
