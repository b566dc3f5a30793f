//! Intervals given on the command line or in a file, read as bcftools reads them.

use std::io::BufRead;
use std::path::Path;

use deepallele_core::error::{Error, Result};
use deepallele_core::io::text_input::open_text;
use deepallele_core::io::Contigs;

/// An interval of one contig, 0-based half-open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// Name of the contig.
    pub contig: String,
    /// First base, 0-based.
    pub start: u64,
    /// One past the last base; [`TO_THE_END`] where the interval is open.
    pub end: u64,
}

/// The end of an interval that reaches to the end of its contig, whose length is not known here.
pub const TO_THE_END: u64 = i64::MAX as u64 / 2;

/// Parse `chr`, `chr:pos`, `chr:from-` or `chr:from-to` (1-based, inclusive, commas allowed in numbers). As samtools and
/// bcftools have it, text that is itself the name of one of `contigs` is that contig (`HLA-A*01:01`), and a name with a
/// colon can be put in braces: `{HLA-A*01:01}:5-9`.
///
/// # Errors
/// Text that is not a region, in a sentence for the user.
pub fn parse(text: &str, contigs: &Contigs) -> std::result::Result<Interval, String> {
    if text.contains(':') && contigs.has(text) {
        return Ok(Interval { contig: text.to_owned(), start: 0, end: TO_THE_END });
    }
    let bad = || format!("\"{text}\" is not a region; write chr, chr:pos or chr:from-to");
    let (contig, place) = if let Some(rest) = text.strip_prefix('{') {
        let (contig, rest) = rest.split_once('}').ok_or_else(bad)?;
        match rest.strip_prefix(':') {
            Some(place) => (contig, Some(place)),
            None if rest.is_empty() => (contig, None),
            None => return Err(bad()),
        }
    } else {
        match text.rsplit_once(':') {
            Some((contig, place)) => (contig, Some(place)),
            None => (text, None),
        }
    };
    if contig.is_empty() {
        return Err(bad());
    }
    let number = |s: &str| s.replace(',', "").parse::<u64>().ok().filter(|&n| n > 0 && n <= TO_THE_END);
    let (first, last) = match place {
        None => (1, TO_THE_END),
        Some(place) => match place.split_once('-') {
            None => {
                let n = number(place).ok_or_else(bad)?;
                (n, n)
            }
            Some((from, "")) => (number(from).ok_or_else(bad)?, TO_THE_END),
            Some((from, to)) => (number(from).ok_or_else(bad)?, number(to).ok_or_else(bad)?),
        },
    };
    if last < first {
        return Err(format!("region \"{text}\" ends before it starts"));
    }
    Ok(Interval { contig: contig.to_owned(), start: first - 1, end: last })
}

/// Parse a comma-separated list of regions. A comma followed by three digits is part of a number.
///
/// # Errors
/// As [`parse`].
pub fn parse_list(text: &str, contigs: &Contigs) -> std::result::Result<Vec<Interval>, String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(',') {
        let thousands = part.len() >= 3
            && part.as_bytes()[..3].iter().all(u8::is_ascii_digit)
            && part[3..].chars().all(|c| c.is_ascii_digit() || c == '-');
        match parts.last_mut() {
            Some(last) if thousands && last.contains(':') => {
                last.push(',');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts.iter().map(|p| parse(p, contigs)).collect()
}

/// Read an interval file: BED (0-based) when its name ends in `.bed` or `.bed.gz`, otherwise
/// `contig position [end]`, 1-based inclusive, which includes VCF.
///
/// # Errors
/// A file without intervals, or a line that is not one.
pub fn read(path: &Path) -> Result<Vec<Interval>> {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let bed = name.ends_with(".bed") || name.ends_with(".bed.gz") || name.ends_with(".narrowpeak");
    let vcf = name.ends_with(".vcf") || name.ends_with(".vcf.gz");
    let mut list = Vec::new();
    for (index, line) in open_text(path)?.lines().enumerate() {
        let line = line.map_err(|e| Error::io(path, e))?;
        let line = line.trim_end_matches('\r');
        if line.is_empty() || line.starts_with('#') || line.starts_with("track") || line.starts_with("browser") {
            continue;
        }
        let bad = |what: &str| Error::input(path, format!("line {}: {what}", index + 1));
        let mut fields = line.split(['\t', ' ']);
        let contig = fields.next().filter(|c| !c.is_empty()).ok_or_else(|| bad("no contig name"))?;
        let first = fields.next().ok_or_else(|| bad("needs a contig and a position"))?;
        let number = |s: &str| s.parse::<u64>().ok().filter(|&n| n <= TO_THE_END);
        let first = number(first).ok_or_else(|| bad(&format!("\"{first}\" is not a position")))?;
        let last = match fields.next() {
            Some(text) if !vcf => Some(number(text).ok_or_else(|| bad(&format!("\"{text}\" is not a position")))?),
            _ => None,
        };
        let (start, end) = if bed {
            (first, last.ok_or_else(|| bad("needs start and end"))?)
        } else {
            let start = first.checked_sub(1).ok_or_else(|| bad("positions start at 1 (is it BED? name it .bed)"))?;
            (start, last.unwrap_or(first))
        };
        if end < start {
            return Err(bad("ends before it starts"));
        }
        list.push(Interval { contig: contig.to_owned(), start, end });
    }
    if list.is_empty() {
        return Err(Error::input(path, "contains no intervals"));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(contig: &str, start: u64, end: u64) -> Interval {
        Interval { contig: contig.into(), start, end }
    }

    fn parse(text: &str) -> std::result::Result<Interval, String> {
        super::parse(text, &Contigs::default())
    }

    fn parse_list(text: &str) -> std::result::Result<Vec<Interval>, String> {
        super::parse_list(text, &Contigs::default())
    }

    #[test]
    fn names_with_colons_are_contigs_where_the_file_has_them() {
        let contigs = Contigs::from_names(["HLA-A*01:01", "HLA-A*01:01:02", "chr1"].map(String::from));
        let parse = |text| super::parse(text, &contigs);
        assert_eq!(parse("HLA-A*01:01"), Ok(at("HLA-A*01:01", 0, TO_THE_END)));
        assert_eq!(parse("HLA-A*01:01:02"), Ok(at("HLA-A*01:01:02", 0, TO_THE_END)));
        assert_eq!(parse("HLA-A*01:01:5-9"), Ok(at("HLA-A*01:01", 4, 9)));
        assert_eq!(parse("{HLA-A*01:01}:2"), Ok(at("HLA-A*01:01", 1, 2)));
        assert_eq!(parse("chr1:7"), Ok(at("chr1", 6, 7)));
        let list = super::parse_list("HLA-A*01:01,chr1:1,000-2,000", &contigs).unwrap();
        assert_eq!(list, [at("HLA-A*01:01", 0, TO_THE_END), at("chr1", 999, 2000)]);
    }

    #[test]
    fn regions_are_one_based_and_inclusive() {
        assert_eq!(parse("chr2:1,001-2,000"), Ok(at("chr2", 1000, 2000)));
        assert_eq!(parse("2:7"), Ok(at("2", 6, 7)));
        assert_eq!(parse("X"), Ok(at("X", 0, TO_THE_END)));
        assert_eq!(parse("X:11-"), Ok(at("X", 10, TO_THE_END)));
        assert_eq!(parse("{HLA:01}:5-9"), Ok(at("HLA:01", 4, 9)));
        for wrong in ["", ":3", "1:0", "1:9-8", "1:a", "1:-4", "{x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lists_may_have_commas_in_numbers() {
        assert_eq!(parse_list("1:1,000-2,000,2:5").unwrap(), [at("1", 999, 2000), at("2", 4, 5)]);
        assert_eq!(
            parse_list("1,2,chrX:4").unwrap(),
            [at("1", 0, TO_THE_END), at("2", 0, TO_THE_END), at("chrX", 3, 4)]
        );
    }

    #[test]
    fn files_are_bed_by_name_and_one_based_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let bed = folder.path().join("a.bed");
        std::fs::write(&bed, "track name=x\nchr1\t5\t9\tname\n").unwrap();
        assert_eq!(read(&bed).unwrap(), [at("chr1", 5, 9)]);
        let tsv = folder.path().join("a.tsv");
        std::fs::write(&tsv, "#c\nchr1\t5\nchr1\t7\t9\n").unwrap();
        assert_eq!(read(&tsv).unwrap(), [at("chr1", 4, 5), at("chr1", 6, 9)]);
        std::fs::write(&tsv, "chr1\t5\nchr1\t9\t7\n").unwrap();
        let message = read(&tsv).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("before"), "{message}");
    }
}
