//! The per-variant table: fragments by allele at each record.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::counts::{VariantSink, VariantTally};
use crate::error::{Error, Result};
use crate::genome::{Variant, MISSING};
use crate::io::plain_text::{plain, plain_bytes};
use crate::io::{Contigs, Spans};

/// Names of the columns, in order.
pub const COLUMNS: [&str; 12] = [
    "#chrom",
    "pos",
    "id",
    "ref",
    "alt",
    "sample",
    "hap1_allele",
    "hap2_allele",
    "hap1",
    "hap2",
    "other",
    "conflicting",
];

/// One record of one sample.
#[derive(Clone, Copy, Debug)]
pub struct VariantRow<'a> {
    /// Name of the contig.
    pub chrom: &'a str,
    /// The record.
    pub variant: &'a Variant,
    /// Name of the sample.
    pub sample: &'a str,
    /// The fragments by allele.
    pub tally: VariantTally,
}

impl VariantRow<'_> {
    /// Write the columns of [`COLUMNS`], without a line end. Positions are 1-based as in VCF. The haplotype alleles of an
    /// unphased call are `.`, and its `hap1` and `hap2` count the first and second allele of the call. An allele
    /// without a sequence is `.` too.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line = Vec::with_capacity(96);
        self.append(&mut line);
        out.write_all(&line)
    }

    /// [`VariantRow::write`] into memory.
    pub fn append(&self, line: &mut Vec<u8>) {
        let v = self.variant;
        line.extend_from_slice(plain(self.chrom).as_bytes());
        line.push(b'\t');
        number(line, v.start + 1);
        line.push(b'\t');
        line.extend_from_slice(plain(if v.id.is_empty() { "." } else { &v.id }).as_bytes());
        for (i, allele) in v.alleles.iter().enumerate() {
            line.push(if i < 2 { b'\t' } else { b',' });
            line.extend_from_slice(&plain_bytes(allele));
        }
        if v.alleles.len() < 2 {
            line.extend_from_slice(b"\t.");
        }
        line.push(b'\t');
        line.extend_from_slice(plain(self.sample).as_bytes());
        for allele in [v.hap1, v.hap2] {
            line.push(b'\t');
            line.extend_from_slice(&match v.phased && allele != MISSING {
                true => plain_bytes(&v.alleles[allele as usize]),
                false => Cow::Borrowed(&b"."[..]),
            });
        }
        for n in [self.tally.hap1, self.tally.hap2, self.tally.other, self.tally.conflicting] {
            line.push(b'\t');
            number(line, n);
        }
    }
}

/// Append a number in decimal; faster than `write!`, since there are millions of them.
pub(super) fn number(line: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[first..]);
}

/// Writes the table record by record, one line per sample.
pub struct VariantTable<W> {
    out: W,
    path: PathBuf,
    contigs: Contigs,
    samples: Vec<String>,
    within: Option<Spans>,
    line: Vec<u8>,
}

impl<W: Write> VariantTable<W> {
    /// Write the `header` lines, as they are, and the names of the columns. `path` is used in messages. Records that do
    /// not overlap `within` will be omitted.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn begin(
        mut out: W,
        path: &Path,
        header: &[String],
        contigs: &Contigs,
        samples: &[String],
        within: Option<Spans>,
    ) -> Result<Self> {
        let mut begin = || {
            for line in header {
                writeln!(out, "{line}")?;
            }
            writeln!(out, "{}", COLUMNS.join("\t"))
        };
        begin().map_err(|e| Error::io(path, e))?;
        Ok(Self {
            out,
            path: path.into(),
            contigs: contigs.clone(),
            samples: samples.to_vec(),
            within,
            line: Vec::new(),
        })
    }

    /// The output, with everything written to it but not flushed.
    pub fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> VariantSink for VariantTable<W> {
    fn add(&mut self, contig: usize, variant: &Variant, tallies: &[VariantTally]) -> Result<()> {
        if self.within.as_ref().is_some_and(|w| !w.overlap(contig, variant.start, variant.end())) {
            return Ok(());
        }
        let chrom = self.contigs.name(contig);
        self.line.clear();
        for (sample, &tally) in self.samples.iter().zip(tallies) {
            VariantRow { chrom, variant, sample, tally }.append(&mut self.line);
            self.line.push(b'\n');
        }
        self.out.write_all(&self.line).map_err(|e| Error::io(&self.path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::test_variant;

    fn table(within: Option<Spans>) -> String {
        let mut unphased = test_variant(30, &["G", "T"], 0, 1);
        unphased.phased = false;
        let mut named = test_variant(6, &["C", "A", "T"], 2, 0);
        named.id = "rs1".into();
        let list = [
            test_variant(5, &["ACGT", "ACGA", "A"], 0, 1),
            named,
            test_variant(20, &["C", "<DEL>"], MISSING, 0),
            unphased,
        ];
        let contigs = Contigs::new(vec![("1".into(), 0)]);
        let samples = ["s".to_string(), "t".to_string()];
        let mut table =
            VariantTable::begin(Vec::new(), Path::new("x"), &["##x".into()], &contigs, &samples, within).unwrap();
        for (i, variant) in list.iter().enumerate() {
            let first = VariantTally { hap1: 10 + i as u64, hap2: i as u64, other: 0, conflicting: 0 };
            let second = VariantTally { hap1: 0, hap2: 1, other: 2, conflicting: 3 };
            table.add(0, variant, &[first, second]).unwrap();
        }
        String::from_utf8(table.into_inner()).unwrap()
    }

    const HEADER: &str =
        "##x\n#chrom\tpos\tid\tref\talt\tsample\thap1_allele\thap2_allele\thap1\thap2\tother\tconflicting\n";

    #[test]
    fn one_line_per_record_and_sample() {
        let expected = "1\t6\t.\tACGT\tACGA,A\ts\tACGT\tACGA\t10\t0\t0\t0\n\
            1\t6\t.\tACGT\tACGA,A\tt\tACGT\tACGA\t0\t1\t2\t3\n\
            1\t7\trs1\tC\tA,T\ts\tT\tC\t11\t1\t0\t0\n1\t7\trs1\tC\tA,T\tt\tT\tC\t0\t1\t2\t3\n\
            1\t21\t.\tC\t<DEL>\ts\t.\tC\t12\t2\t0\t0\n1\t21\t.\tC\t<DEL>\tt\t.\tC\t0\t1\t2\t3\n\
            1\t31\t.\tG\tT\ts\t.\t.\t13\t3\t0\t0\n1\t31\t.\tG\tT\tt\t.\t.\t0\t1\t2\t3\n";
        assert_eq!(table(None), HEADER.to_owned() + expected);
    }

    #[test]
    fn numbers_are_written_in_decimal() {
        for n in [0, 7, 10, 99, 100, 1234567890, u64::MAX] {
            let mut line = Vec::new();
            number(&mut line, n);
            assert_eq!(line, n.to_string().into_bytes());
        }
    }

    #[test]
    fn records_outside_the_spans_are_omitted() {
        let got = table(Some(Spans::new([(0, 8, 21)])));
        let places: Vec<&str> = got.lines().skip(2).map(|l| l.split('\t').nth(1).unwrap()).collect();
        assert_eq!(places, ["6", "6", "21", "21"]);
    }

    #[test]
    fn a_full_disk_is_reported_with_the_file() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let begun = VariantTable::begin(full, Path::new("v.tsv"), &[], &Contigs::default(), &[], None);
        assert!(begun.err().unwrap().to_string().contains("v.tsv"));
    }
}
