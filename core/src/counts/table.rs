//! The count table: one line per region and sample, BED-compatible.

use std::io::{self, BufRead, Write};
use std::path::Path;

use crate::counts::Tally;
use crate::error::{Error, Result};
use crate::io::plain_text::Plain;
use crate::io::regions::anchor::AnchorColumn;
use crate::io::regions::{Anchor, Region, TssSource};
use crate::io::text_input::open_text;

/// Names of the columns that every count table has, in order.
pub const COLUMNS: [&str; 16] = [
    "#chrom",
    "start",
    "end",
    "name",
    "score",
    "strand",
    "sample",
    "hap1",
    "hap2",
    "uninformative",
    "conflicting",
    "variants",
    "log2_ratio",
    "se",
    "p_value",
    "q_value",
];

/// Columns that follow them in the tables of [`CountTable::write`]; readers may ignore them.
pub const MORE_COLUMNS: [&str; 3] = ["shrunk_log2_ratio", "shrunk_se", "anchor"];

/// One region of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct CountRow {
    /// Contig of the region.
    pub chrom: String,
    /// First base of the region, 0-based.
    pub start: u64,
    /// Past the last base of the region, 0-based.
    pub end: u64,
    /// Name of the region, `.` for none.
    pub name: String,
    /// Score of the region, as its file has it; `.` for none.
    pub score: String,
    /// `+`, `-` or `.`.
    pub strand: u8,
    /// Sample, or the name of the combined replicates.
    pub sample: String,
    /// Fragments assigned to haplotype 1.
    pub hap1: u64,
    /// Fragments assigned to haplotype 2.
    pub hap2: u64,
    /// Fragments that fit both haplotypes, or not differently enough.
    pub uninformative: u64,
    /// Fragments that fit each haplotype in different places.
    pub conflicting: u64,
    /// Records within the region in which the haplotypes differ.
    pub variants: u64,
    /// log2((hap1 + 0.5) / (hap2 + 0.5)); None without an informative fragment.
    pub log2_ratio: Option<f64>,
    /// Standard error of `log2_ratio`.
    pub se: Option<f64>,
    /// Two-sided p-value of the imbalance test, see [`crate::counts::imbalance`].
    pub p_value: Option<f64>,
    /// False discovery rate at this p-value over the rows of the sample.
    pub q_value: Option<f64>,
    /// Posterior mean of the log2 ratio; not read back by [`CountTable::read`].
    pub shrunk_log2_ratio: Option<f64>,
    /// Posterior standard deviation of the log2 ratio; not read back.
    pub shrunk_se: Option<f64>,
    /// The base around which a model's window lies, 0-based, by the rule of the header line `##anchor=`; None in tables
    /// without it.
    pub anchor: Option<u64>,
}

impl CountRow {
    /// The row as a region of contig number `contig`, with the anchor that the table has by `rule`.
    pub fn region(&self, contig: usize, rule: Option<Anchor>) -> Region {
        let mut region = Region {
            contig,
            start: self.start,
            end: self.end,
            name: self.name.clone(),
            score: self.score.clone(),
            strand: self.strand,
            summit: None,
            tss: None,
        };
        if let (Some(rule), Some(anchor)) = (rule, self.anchor) {
            region.set_anchor(rule, anchor);
        }
        region
    }

    /// The row of `region`, on the contig named `chrom`, with the fragments of `sample`: ratio and standard error are
    /// those of [`log2_ratio`], the number of variants is 0, and there is no test and no anchor.
    pub fn new(chrom: &str, region: &Region, sample: &str, tally: Tally) -> Self {
        let ratio = log2_ratio(tally.hap1, tally.hap2);
        Self {
            chrom: chrom.into(),
            start: region.start,
            end: region.end,
            name: region.name.clone(),
            score: region.score.clone(),
            strand: region.strand,
            sample: sample.into(),
            hap1: tally.hap1,
            hap2: tally.hap2,
            uninformative: tally.uninformative,
            conflicting: tally.conflicting,
            variants: 0,
            log2_ratio: ratio.map(|r| r.0),
            se: ratio.map(|r| r.1),
            p_value: None,
            q_value: None,
            shrunk_log2_ratio: None,
            shrunk_se: None,
            anchor: None,
        }
    }
}

/// log2 ratio of two counts and its standard error, with one half added to each (Haldane 1956, Anscombe 1956):
/// log2((a + ½) / (b + ½)) and √(1/(a + ½) + 1/(b + ½)) / ln 2. None when both counts are 0.
pub fn log2_ratio(hap1: u64, hap2: u64) -> Option<(f64, f64)> {
    if hap1 == 0 && hap2 == 0 {
        return None;
    }
    let (a, b) = (hap1 as f64 + 0.5, hap2 as f64 + 0.5);
    Some(((a / b).log2(), (1.0 / a + 1.0 / b).sqrt() / std::f64::consts::LN_2))
}

/// A count table in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CountTable {
    /// Lines that begin with `##`, without line ends.
    pub header: Vec<String>,
    /// One row per region and sample.
    pub rows: Vec<CountRow>,
}

impl CountTable {
    /// Value of the header line `##key=value`, such as `haplotype1`.
    pub fn header_value(&self, key: &str) -> Option<&str> {
        self.header.iter().find_map(|l| l.strip_prefix("##")?.strip_prefix(key)?.strip_prefix('='))
    }

    /// The rule by which the rows have anchors; None in a table without them.
    pub fn anchor(&self) -> Option<Anchor> {
        self.header_value("anchor").and_then(|name| name.parse().ok())
    }

    /// Whose TSS the anchors are, where the rule is [`Anchor::Tss`].
    pub fn tss(&self) -> TssSource {
        self.header_value("tss").and_then(|name| name.parse().ok()).unwrap_or_default()
    }

    /// Write header, column names and rows.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for line in &self.header {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "{}\t{}", COLUMNS.join("\t"), MORE_COLUMNS.join("\t"))?;
        for r in &self.rows {
            write!(
                out,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                Plain(&r.chrom),
                r.start,
                r.end,
                Plain(&r.name),
                Plain(&r.score),
                r.strand as char,
                Plain(&r.sample),
                r.hap1,
                r.hap2,
                r.uninformative,
                r.conflicting,
                r.variants
            )?;
            for value in [r.log2_ratio, r.se] {
                write!(out, "\t{}", fixed(value))?;
            }
            for value in [r.p_value, r.q_value] {
                write!(out, "\t{}", scientific(value))?;
            }
            for value in [r.shrunk_log2_ratio, r.shrunk_se] {
                write!(out, "\t{}", fixed(value))?;
            }
            match r.anchor {
                Some(anchor) => writeln!(out, "\t{anchor}")?,
                None => writeln!(out, "\t.")?,
            }
        }
        Ok(())
    }

    /// The name of `sample`, or of the only one, of the table that was read from `path`.
    ///
    /// # Errors
    /// Several samples and none named, or one that is not there.
    pub fn sample(&self, path: &Path, sample: Option<&str>) -> Result<&str> {
        let mut samples: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !samples.contains(&row.sample.as_str()) {
                samples.push(&row.sample);
            }
        }
        let all = samples.join(", ");
        match sample {
            Some(name) => match samples.iter().find(|known| **known == name) {
                Some(known) => Ok(known),
                None => Err(Error::input(path, format!("has no sample {name}; it has {all}"))),
            },
            None if samples.len() == 1 => Ok(samples[0]),
            None => Err(Error::input(path, format!("holds several samples ({all}); name one by --count-sample"))),
        }
    }

    /// Read a count table, plain or gzip; `-` is standard input. Of the columns after the sixteen of [`COLUMNS`] only
    /// `anchor` is read.
    ///
    /// # Errors
    /// A file that is not a count table, a malformed line (named by its number), and a table without rows.
    pub fn read(path: &Path) -> Result<Self> {
        let mut table = CountTable::default();
        let mut named = false;
        let mut anchors = AnchorColumn::default();
        for (i, line) in open_text(path)?.lines().enumerate() {
            let wrong = |problem: String| Error::input(path, format!("line {}: {problem}", i + 1));
            let line = line.map_err(|e| match e.kind() {
                io::ErrorKind::InvalidData => wrong("is not valid text (UTF-8)".into()),
                _ => Error::io(path, e),
            })?;
            let line = line.strip_suffix('\r').unwrap_or(&line);
            if line.starts_with('#') {
                anchors.header(line).map_err(wrong)?;
            }
            if line.starts_with("##") {
                table.header.push(line.to_string());
            } else if line.starts_with('#') {
                if !line.split('\t').take(COLUMNS.len()).eq(COLUMNS) {
                    return Err(wrong(format!(
                        "is not the header of a count table, which begins with {}; make one with deepallele count",
                        COLUMNS[..4].join(" ")
                    )));
                }
                named = true;
            } else if !line.trim().is_empty() {
                if !named {
                    return Err(wrong("comes before the #chrom line; make a count table with deepallele count".into()));
                }
                table.rows.push(parse(line, &anchors).map_err(wrong)?);
            }
        }
        if table.rows.is_empty() {
            return Err(Error::input(path, "contains no regions; is it a count table of deepallele count?"));
        }
        Ok(table)
    }
}

/// A ratio or its standard error as in all tables: four decimals, `.` for none.
pub fn fixed(value: Option<f64>) -> String {
    match value.map(|v| format!("{v:.4}")) {
        Some(text) if text == "-0.0000" => "0.0000".into(),
        Some(text) => text,
        None => ".".into(),
    }
}

/// A p- or q-value as in all tables: five significant digits, `.` for none.
pub fn scientific(value: Option<f64>) -> String {
    value.map_or(".".into(), |v| format!("{v:.4e}"))
}

fn parse(line: &str, anchors: &AnchorColumn) -> std::result::Result<CountRow, String> {
    let c: Vec<&str> = line.split('\t').collect();
    if c.len() < COLUMNS.len() {
        return Err(format!("has {} columns instead of {}", c.len(), COLUMNS.len()));
    }
    let whole = |i: usize| c[i].parse::<u64>().map_err(|_| format!("{} is \"{}\", not a count", COLUMNS[i], c[i]));
    let number = |i: usize| match c[i] {
        "." => Ok(None),
        text => match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(format!("{} is \"{text}\"; it must be a number or .", COLUMNS[i])),
        },
    };
    let strand = match c[5] {
        "+" => b'+',
        "-" => b'-',
        "." => b'.',
        other => return Err(format!("strand is \"{other}\"; it must be +, - or .")),
    };
    let (start, end) = (whole(1)?, whole(2)?);
    if end <= start {
        return Err(format!("end {end} is not greater than start {start}"));
    }
    if c[0].is_empty() {
        return Err("has an empty contig name".into());
    }
    Ok(CountRow {
        chrom: c[0].into(),
        start,
        end,
        name: c[3].into(),
        score: c[4].into(),
        strand,
        sample: c[6].into(),
        hap1: whole(7)?,
        hap2: whole(8)?,
        uninformative: whole(9)?,
        conflicting: whole(10)?,
        variants: whole(11)?,
        log2_ratio: number(12)?,
        se: number(13)?,
        p_value: number(14)?,
        q_value: number(15)?,
        shrunk_log2_ratio: None,
        shrunk_se: None,
        anchor: anchors.of_row(&c)?,
    })
}

/// A row with fragments of haplotype 1, of haplotype 2 and uninformative ones, without a ratio.
#[cfg(test)]
pub(crate) fn test_row(chrom: &str, (start, end): (u64, u64), sample: &str, counts: [u64; 3]) -> CountRow {
    let [hap1, hap2, uninformative] = counts;
    let tally = Tally { hap1, hap2, uninformative, conflicting: 0 };
    let region = crate::io::regions::bed::test_region(0, start, end);
    CountRow { log2_ratio: None, se: None, ..CountRow::new(chrom, &region, sample, tally) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> CountRow {
        let region = Region {
            name: "peak 1".into(),
            score: "0".into(),
            strand: b'+',
            ..crate::io::regions::bed::test_region(0, 5, 90)
        };
        let row = CountRow::new("chr1", &region, "s", Tally { hap1: 7, hap2: 1, uninformative: 30, conflicting: 2 });
        // Tables keep four decimals.
        let rounded = |value: Option<f64>| value.map(|v| (v * 1e4).round() / 1e4);
        CountRow {
            variants: 1,
            log2_ratio: rounded(row.log2_ratio),
            se: rounded(row.se),
            q_value: Some(0.0125),
            anchor: Some(40),
            ..row
        }
    }

    fn read(text: &[u8]) -> Result<CountTable> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts.tsv");
        std::fs::write(&path, text).unwrap();
        CountTable::read(&path)
    }

    #[test]
    fn ratios_are_known_on_paper() {
        assert_eq!(log2_ratio(0, 0), None);
        let (ratio, se) = log2_ratio(3, 3).unwrap();
        assert_eq!(ratio, 0.0);
        assert!((se - (2.0f64 / 3.5).sqrt() / 2f64.ln()).abs() < 1e-12);
        assert_eq!(log2_ratio(7, 3).unwrap().0, (7.5f64 / 3.5).log2());
    }

    #[test]
    fn a_table_reads_back_as_written() {
        let table =
            CountTable { header: vec!["##haplotype1=NA12878:1".into(), "##anchor=summit".into()], rows: vec![row()] };
        let mut text = Vec::new();
        table.write(&mut text).unwrap();
        let back = read(&text).unwrap();
        assert_eq!(back, table);
        assert_eq!(back.header_value("haplotype1"), Some("NA12878:1"));
        assert_eq!(back.header_value("haplotype"), None);
        assert_eq!((back.anchor(), back.rows[0].region(0, back.anchor()).summit), (Some(Anchor::Summit), Some(40)));
        // Tables of earlier versions have no such column.
        let old = read(
            format!("##x=1\n{}\nchr1\t5\t9\t.\t.\t-\ts\t1\t2\t3\t4\t5\t.\t.\t.\t.\n", COLUMNS.join("\t")).as_bytes(),
        );
        let old = old.unwrap();
        assert_eq!((old.anchor(), old.rows[0].anchor), (None, None));
        assert_eq!(old.rows[0].region(0, None).anchor(Anchor::Tss), Some(8));
        assert!(String::from_utf8(text).unwrap().contains("\t2.3219\t1.2904\t.\t1.2500e-2\t.\t.\t40\n"));
    }

    #[test]
    fn malformed_lines_are_reported_by_number() {
        let header = format!("##x=1\n{}\n", COLUMNS.join("\t"));
        let line = "chr1\t5\t9\t.\t.\t.\ts\t1\t2\t3\t4\t5\t.\t.\t.\t.";
        assert_eq!(read(format!("{header}{line}\r\n").as_bytes()).unwrap().rows.len(), 1);
        for (text, part) in [
            (header.clone(), "contains no regions"),
            (line.to_string(), "line 1: comes before"),
            ("#chrom\tstart\n".to_string(), "line 1: is not the header"),
            (format!("{header}{}", line.replace("\t9\t", "\t5\t")), "line 3: end 5"),
            (format!("{header}{}", line.replace("\t1\t2", "\t-1\t2")), "line 3: hap1 is \"-1\""),
            (format!("{header}chr1\t5\n"), "line 3: has 2 columns"),
            (format!("{header}{}", line.replace("5\t.\t.", "5\tNaN\t.")), "line 3: log2_ratio"),
        ] {
            let message = read(text.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        assert!(read(b"#chrom\xff\n").unwrap_err().to_string().contains("line 1"));
    }
}
