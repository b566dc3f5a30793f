//! The per-variant counts as VCF or BCF, one column per sample.

use std::path::Path;

use crate::counts::variant_table::number;
use crate::counts::{VariantSink, VariantTally};
use crate::error::{Error, Result};
use crate::genome::{Variant, MISSING};
use crate::io::output_file::CompleteFiles;
use crate::io::plain_text::{plain, plain_bytes, Plain};
use crate::io::vcf::{IndexKind, VcfFormat, VcfHeader, VcfRecord, VcfWriter};
use crate::io::{Contigs, Spans};

/// The FORMAT fields, in order: name, number, type, description.
const FIELDS: [(&str, &str, &str, &str); 6] = [
    ("GT", "1", "String", "Genotype as counted: haplotype 1|haplotype 2, or a/b where the phase is not known"),
    ("AD", "R", "Integer", "Fragments that show each allele; missing for alleles of neither haplotype"),
    ("DA_H1", "1", "Integer", "Fragments that show the allele of haplotype 1 (of an unphased call: the first)"),
    ("DA_H2", "1", "Integer", "Fragments that show the allele of haplotype 2 (of an unphased call: the second)"),
    ("DA_OTHER", "1", "Integer", "Fragments that show neither"),
    ("DA_CONFLICT", "1", "Integer", "Of DA_H1 and DA_H2 those that fit the other haplotype elsewhere"),
];

/// The longest contig, in bases, that a tabix index can hold.
const TABIX_LIMIT: u64 = 1 << 29;

/// Writes VCF or BCF record by record. The file has a temporary name until the set of [`VariantVcf::close`] is renamed.
pub struct VariantVcf {
    writer: VcfWriter,
    header: VcfHeader,
    format: VcfFormat,
    contigs: Contigs,
    within: Option<Spans>,
    records: u64,
}

impl VariantVcf {
    /// Create `path` (`-`: standard output). `lines` are `##key=value` lines of the header; records that do not overlap
    /// `within` will be omitted.
    ///
    /// # Errors
    /// A file that cannot be written; a name of a sample or contig that VCF does not allow.
    pub fn create(
        path: &Path,
        format: VcfFormat,
        lines: &[String],
        contigs: &Contigs,
        samples: &[String],
        within: Option<Spans>,
        threads: usize,
    ) -> Result<Self> {
        let mut text = String::from("##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n");
        for line in lines.iter().filter(|l| l.starts_with("##") && l.contains('=')) {
            text += &format!("{line}\n");
        }
        for (name, length) in contigs.iter() {
            let name = Plain(name);
            text += &match length {
                0 => format!("##contig=<ID={name}>\n"),
                n => format!("##contig=<ID={name},length={n}>\n"),
            };
        }
        for (name, number, kind, words) in FIELDS {
            text += &format!("##FORMAT=<ID={name},Number={number},Type={kind},Description=\"{words}\">\n");
        }
        text += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT";
        for sample in samples {
            if sample.is_empty() || sample.contains(['\t', '\n', '\r']) {
                return Err(Error::mismatch(format!(
                    "\"{}\" cannot be the name of a sample in VCF; give another with --sample-name",
                    sample.escape_default()
                )));
            }
            text += &format!("\t{}", Plain(sample));
        }
        text.push('\n');
        let header = VcfHeader::new(text.into_bytes(), path)?;
        let writer = VcfWriter::create(path, format, &header, threads)?;
        Ok(Self { writer, header, format, contigs: contigs.clone(), within, records: 0 })
    }

    /// Write the rest and, for compressed files, the index: `.tbi` for VCF (`.csi` if a contig is too long for it), `.csi`
    /// for BCF.
    ///
    /// # Errors
    /// A file that cannot be written, such as on a full disk.
    pub fn close(self) -> Result<CompleteFiles> {
        let long = self.contigs.iter().any(|(_, length)| length >= TABIX_LIMIT);
        let index = match self.format {
            VcfFormat::VcfGz(_) if !long => Some(IndexKind::Tbi),
            VcfFormat::VcfGz(_) | VcfFormat::Bcf(_) => Some(IndexKind::Csi),
            VcfFormat::Vcf | VcfFormat::BcfUncompressed => None,
        };
        self.writer.close(index)
    }
}

/// Append the value of a field, at most the largest 32-bit integer, which is the type in BCF.
fn value(out: &mut Vec<u8>, n: u64) {
    number(out, n.min(i32::MAX as u64));
}

/// A line of VCF without its line end.
fn line(contig: &str, v: &Variant, tallies: &[VariantTally]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(plain(contig).as_bytes());
    out.push(b'\t');
    number(&mut out, v.start + 1);
    out.push(b'\t');
    out.extend_from_slice(plain(if v.id.is_empty() { "." } else { &v.id }).as_bytes());
    for (i, allele) in v.alleles.iter().enumerate() {
        out.push(if i < 2 { b'\t' } else { b',' });
        out.extend_from_slice(&plain_bytes(allele));
    }
    let alleles = v.alleles.len();
    if alleles < 2 {
        out.extend_from_slice(b"\t.");
    }
    out.extend_from_slice(b"\t.\t.\t.\t");
    for (i, (name, ..)) in FIELDS.iter().enumerate() {
        if i > 0 {
            out.push(b':');
        }
        out.extend_from_slice(name.as_bytes());
    }
    for t in tallies {
        out.push(b'\t');
        for (i, allele) in [v.hap1, v.hap2].into_iter().enumerate() {
            if i > 0 {
                out.push(if v.phased { b'|' } else { b'/' });
            }
            match allele {
                MISSING => out.push(b'.'),
                allele => value(&mut out, allele.into()),
            }
        }
        for i in 0..alleles {
            out.push(if i == 0 { b':' } else { b',' });
            let of = |hap: u16, n: u64| (hap != MISSING && usize::from(hap) == i).then_some(n);
            match (of(v.hap1, t.hap1), of(v.hap2, t.hap2)) {
                (None, None) => out.push(b'.'),
                (a, b) => value(&mut out, a.unwrap_or(0) + b.unwrap_or(0)),
            }
        }
        for n in [t.hap1, t.hap2, t.other, t.conflicting] {
            out.push(b':');
            value(&mut out, n);
        }
    }
    out
}

impl VariantSink for VariantVcf {
    fn add(&mut self, contig: usize, variant: &Variant, tallies: &[VariantTally]) -> Result<()> {
        if self.within.as_ref().is_some_and(|w| !w.overlap(contig, variant.start, variant.end())) {
            return Ok(());
        }
        self.records += 1;
        let line = line(self.contigs.name(contig), variant, tallies);
        let wrong = |problem: String| {
            let place = format!("{}:{}", self.contigs.name(contig), variant.start + 1);
            Error::mismatch(format!("record {place} cannot be written as VCF: {problem}"))
        };
        let mut record = VcfRecord::new(line, self.records).map_err(wrong)?;
        self.writer.write(&mut record, &self.header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::test_variant;
    use crate::io::vcf::VcfReader;

    fn tally(hap1: u64, hap2: u64, other: u64, conflicting: u64) -> VariantTally {
        VariantTally { hap1, hap2, other, conflicting }
    }

    #[test]
    fn lines_are_known_on_paper() {
        let text = |v: &Variant, t: &[VariantTally]| String::from_utf8(line("c", v, t)).unwrap();
        let fields = "GT:AD:DA_H1:DA_H2:DA_OTHER:DA_CONFLICT";
        let mut v = test_variant(9, &["A", "C", "G"], 2, 1);
        assert_eq!(
            text(&v, &[tally(5, 3, 2, 1), tally(0, 0, 0, 0)]),
            format!("c\t10\t.\tA\tC,G\t.\t.\t.\t{fields}\t2|1:.,3,5:5:3:2:1\t2|1:.,0,0:0:0:0:0")
        );
        v.phased = false;
        v.id = "rs1".into();
        assert_eq!(text(&v, &[tally(5, 3, 2, 1)]), format!("c\t10\trs1\tA\tC,G\t.\t.\t.\t{fields}\t2/1:.,3,5:5:3:2:1"));
        let v = test_variant(9, &["A", "<DEL>"], 0, MISSING);
        assert_eq!(text(&v, &[tally(5, 0, 2, 0)]), format!("c\t10\t.\tA\t<DEL>\t.\t.\t.\t{fields}\t0|.:5,.:5:0:2:0"));
        let v = test_variant(9, &["A", "AT"], 1, 1);
        assert_eq!(text(&v, &[tally(5, 4, 2, 0)]), format!("c\t10\t.\tA\tAT\t.\t.\t.\t{fields}\t1|1:.,9:5:4:2:0"));
    }

    #[test]
    fn all_formats_hold_the_same_records() {
        let folder = tempfile::tempdir().unwrap();
        let contigs = Contigs::new(vec![("chr1".into(), 1000), ("chr2".into(), 0)]);
        let samples = ["one".to_string(), "two x".to_string()];
        let lines = ["##haplotype1=ref".to_string(), "##odd".to_string()];
        let mut bodies = Vec::new();
        for (name, index) in [("a.vcf", None), ("a.vcf.gz", Some("a.vcf.gz.tbi")), ("a.bcf", Some("a.bcf.csi"))] {
            let path = folder.path().join(name);
            let format = VcfFormat::from_suffix(&path);
            let within = Some(Spans::new([(0, 5, 12), (1, 0, 100)]));
            let mut out = VariantVcf::create(&path, format, &lines, &contigs, &samples, within, 2).unwrap();
            for (contig, start) in [(0, 9), (0, 20), (1, 30)] {
                let v = test_variant(start, &["ACT", "A"], 0, 1);
                out.add(contig, &v, &[tally(1, 2, 3, 1), tally(9, 8, 7, 6)]).unwrap();
            }
            assert!(!path.exists(), "the file has no name before the end");
            out.close().unwrap().rename().unwrap();
            assert!(index.is_none_or(|i| folder.path().join(i).exists()), "{name}");
            let mut reader = VcfReader::open(&path, 1).unwrap();
            let header = String::from_utf8(reader.header().text().to_vec()).unwrap();
            assert!(header.contains("##haplotype1=ref\n") && !header.contains("##odd"), "{header}");
            assert!(header.trim_end().ends_with("FORMAT\tone\ttwo x"), "{header}");
            let mut body = Vec::new();
            while let Some(record) = reader.read().unwrap() {
                body.push(String::from_utf8(record.to_line(reader.header()).unwrap().into_owned()).unwrap());
            }
            bodies.push(body);
        }
        assert_eq!(bodies[0].len(), 2);
        assert!(bodies[0][1].starts_with("chr2\t31\t.\tACT\tA\t.\t.\t.\tGT:AD:"), "{:?}", bodies[0]);
        assert!(bodies.iter().all(|b| *b == bodies[0]), "{bodies:?}");
    }

    #[test]
    fn names_that_break_the_columns_are_refused() {
        let samples = ["a\tb".to_string()];
        let contigs = Contigs::default();
        let made = VariantVcf::create(Path::new("-"), VcfFormat::Vcf, &[], &contigs, &samples, None, 1);
        assert!(made.err().unwrap().to_string().contains("cannot be the name of a sample"));
    }
}
