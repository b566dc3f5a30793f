//! Genotypes of chosen samples, record by record: a layer on the reader of VCF and BCF.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::vcf::record::Bcf;
use crate::io::vcf::source::VcfSource;

/// One sample's call at one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    /// No allele called, or not all of them, no GT at all, or more than two alleles.
    Missing,
    /// Allele index of the one copy (sex chromosomes, mitochondrion).
    Haploid(u32),
    /// Allele indices in the order written, and whether they are phased.
    Diploid(u32, u32, bool),
}

impl Call {
    /// From the bytes of one sample's GT: `n` integers of the BCF type `kind`.
    fn from_bytes(bytes: &[u8], n: usize, kind: u32) -> Self {
        // Wider integers keep the meaning of the two special values.
        let wide = |v: i32, min: i32| if v <= min + 1 { i32::MIN + (v - min) } else { v };
        let value = |i: usize| match kind {
            htslib::BCF_BT_INT8 => bytes.get(i).map(|&b| wide(b as i8 as i32, i8::MIN as i32)),
            htslib::BCF_BT_INT16 => {
                let two = bytes.get(2 * i..2 * i + 2)?;
                Some(wide(i16::from_le_bytes([two[0], two[1]]) as i32, i16::MIN as i32))
            }
            htslib::BCF_BT_INT32 => {
                let four = bytes.get(4 * i..4 * i + 4)?;
                Some(i32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            }
            _ => None,
        };
        let mut values = [0; 3];
        // The third shows whether there are more than two.
        for (i, slot) in values.iter_mut().enumerate().take(n) {
            match value(i) {
                Some(v) => *slot = v,
                None => return Call::Missing,
            }
        }
        Self::from_integers(&values[..n.min(3)])
    }

    /// From the text of a sample's GT in a line of VCF, such as `0|1`.
    pub fn from_text(text: &str) -> Self {
        let allele = |text: &str| text.parse::<u32>().ok();
        match text.split_once(['|', '/']) {
            None => allele(text).map_or(Call::Missing, Call::Haploid),
            Some((a, b)) => match (allele(a), allele(b)) {
                (Some(a), Some(b)) => Call::Diploid(a, b, text.contains('|')),
                _ => Call::Missing,
            },
        }
    }

    /// From htslib's integers: (allele + 1) << 1, lowest bit set when phased with the allele before.
    fn from_integers(values: &[i32]) -> Self {
        const END: i32 = i32::MIN + 1;
        let values = match values.iter().position(|&v| v == END) {
            Some(n) => &values[..n],
            None => values,
        };
        let allele = |v: i32| u32::try_from((v >> 1) - 1).ok();
        match values {
            [a] => allele(*a).map_or(Call::Missing, Call::Haploid),
            [a, b] => match (allele(*a), allele(*b)) {
                (Some(first), Some(second)) => Call::Diploid(first, second, b & 1 == 1),
                _ => Call::Missing,
            },
            _ => Call::Missing,
        }
    }
}

/// Reads records with the calls of chosen samples, straight from htslib: `rust_htslib::bcf::Reader` assumes a readable
/// header and parses every sample.
pub(crate) struct GenotypeReader {
    source: VcfSource,
    record: Bcf,
    /// The header's number of GT, below 0 until a record or the header has named it.
    gt: libc::c_int,
    /// Column of each chosen sample among those parsed.
    columns: Vec<usize>,
    /// Records read so far.
    pub records: u64,
}

impl GenotypeReader {
    /// Open `path` (`-`: standard input) and parse only `samples` of it, in the order given.
    ///
    /// # Errors
    /// The file is missing, neither VCF nor BCF, its header is broken, or it lacks a sample.
    pub fn open(path: &Path, samples: &[&str]) -> Result<Self> {
        let mut source = VcfSource::open(path, 1)?;
        if let Some(index) = (!source.is_bcf()).then(|| source.index().ok()).flatten() {
            // Contigs without a header line would otherwise be unknown until their first record.
            let contigs = index.contigs(source.header());
            source.header_mut().declare_contigs(&contigs);
        }
        let record = Bcf::new().ok_or_else(|| Error::input(path, "cannot be read: there is no memory for a record"))?;
        let mut reader = Self { source, record, gt: -1, columns: Vec::new(), records: 0 };
        reader.choose(samples)?;
        Ok(reader)
    }

    /// Read only the records on `contigs`, names of the header in its order, if the file has an index that is not older
    /// than itself; else all of them.
    pub fn only(&mut self, contigs: &[&str]) {
        let Some(index) = self.source.fresh_index() else { return };
        // The last position that htslib knows.
        let end = i64::from(i32::MAX) << 32 | i64::from(i32::MAX);
        // A contig without a record has no number in the index.
        let numbers = contigs.iter().map(|contig| index.number(self.source.header(), contig)).filter(|&n| n >= 0);
        let intervals = numbers.map(|number| (number, 0, end)).collect();
        self.source.restrict(index, intervals);
    }

    /// Names of the header's contigs by number, empty for a number that it skips.
    pub fn header_contigs(&self) -> Vec<String> {
        self.source.header().contigs_by_number()
    }

    fn choose(&mut self, samples: &[&str]) -> Result<()> {
        let known = self.source.header().samples();
        for sample in samples {
            if !known.iter().any(|name| name == sample) {
                let shown = known.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
                let has = match known.len() {
                    0 => "it has no samples".to_string(),
                    n if n <= 5 => format!("it has {shown}"),
                    n => format!("it has {shown} and {} more; bcftools query -l lists them", n - 5),
                };
                return Err(self.wrong(format!("has no sample \"{sample}\": {has}")));
            }
        }
        let list = samples.join(",");
        // A name that htslib's list cannot express: all samples are parsed.
        if samples.iter().any(|s| s.contains(',')) || list.starts_with('^') || list == "-" {
            self.columns = samples.iter().filter_map(|s| known.iter().position(|k| k == s)).collect();
            return Ok(());
        }
        // htslib keeps the order of the file.
        let kept: Vec<&String> = known.iter().filter(|name| samples.contains(&name.as_str())).collect();
        self.columns = samples.iter().filter_map(|s| kept.iter().position(|k| k == s)).collect();
        let list = CString::new(list).map_err(|_| self.wrong("has a broken header".into()))?;
        let list = if samples.is_empty() { ptr::null() } else { list.as_ptr() };
        // SAFETY: a valid header and a comma-separated C string (null: no sample at all).
        if unsafe { htslib::bcf_hdr_set_samples(self.header(), list, 0) } != 0 {
            return Err(self.wrong("has a broken list of samples".into()));
        }
        Ok(())
    }

    fn header(&self) -> *mut htslib::bcf_hdr_t {
        self.source.header().inner
    }

    /// Read the next record; false at the end of a complete file.
    ///
    /// # Errors
    /// A broken record, named by its number, or a truncated file.
    pub fn next(&mut self) -> Result<bool> {
        // SAFETY: a record of htslib's.
        if !unsafe { self.source.next(self.record.0)? } {
            return Ok(false);
        }
        self.records += 1;
        let header = self.header();
        // SAFETY: header and record are valid, and the line was just read.
        let code = unsafe {
            if !self.source.is_bcf() {
                htslib::vcf_parse(self.source.line_mut(), header, self.record.0)
            } else if self.source.place() == 0 && !(*header).keep_samples.is_null() {
                // An index query leaves this to the caller; bcf_read does it itself.
                htslib::bcf_subset_format(header, self.record.0)
            } else {
                0
            }
        };
        // Undefined contigs and tags are tolerated, as htslib itself does; broken columns are not.
        let tolerated = (htslib::BCF_ERR_CTG_UNDEF | htslib::BCF_ERR_TAG_UNDEF) as i32;
        // SAFETY: the record is valid.
        let broken = unsafe { (*self.record.0).errcode & !tolerated } != 0;
        let at = self.records;
        if code < 0 || broken {
            return Err(self.wrong(format!("record {at} is broken or truncated; bcftools view shows where")));
        }
        // INFO stays packed: it is not needed here, and it is most of many a record.
        let wanted = htslib::BCF_UN_STR | htslib::BCF_UN_FLT | htslib::BCF_UN_FMT;
        // SAFETY: the record was just read.
        if unsafe { htslib::bcf_unpack(self.record.0, wanted as i32) } != 0 {
            return Err(self.wrong(format!("record {at} is broken")));
        }
        Ok(true)
    }

    fn wrong(&self, problem: String) -> Error {
        Error::input(self.source.path(), problem)
    }

    /// The header's number of the current record's contig.
    ///
    /// # Errors
    /// The header has no such contig.
    pub fn contig(&self) -> Result<usize> {
        // SAFETY: the record is valid.
        let number = unsafe { (*self.record.0).rid };
        match usize::try_from(number) {
            Ok(contig) if contig < self.source.header().contig_count() => Ok(contig),
            _ => Err(self.wrong(format!("record {} has no contig", self.records))),
        }
    }

    /// Name of the current record's contig.
    ///
    /// # Errors
    /// The header has no such contig, or its name is not UTF-8 text.
    pub fn contig_name(&self) -> Result<&str> {
        // SAFETY: the record is valid.
        let number = unsafe { (*self.record.0).rid };
        let name = self.source.header().contig(number);
        let name = name.ok_or_else(|| self.wrong(format!("record {} has no contig", self.records)))?;
        name.to_str().map_err(|_| self.wrong(format!("record {}: the contig's name is not UTF-8 text", self.records)))
    }

    /// Position of the current record, 0-based; -1 for a telomere record.
    pub fn position(&self) -> i64 {
        // SAFETY: the record is valid.
        unsafe { (*self.record.0).pos }
    }

    /// ID of the current record, empty for `.`.
    pub fn id(&self) -> Result<&str> {
        // SAFETY: unpacked, so the pointer is null or a C string.
        let id = unsafe {
            let id = (*self.record.0).d.id;
            if id.is_null() {
                return Ok("");
            }
            CStr::from_ptr(id)
        };
        let id = id.to_str().map_err(|_| self.wrong(format!("record {}: the ID is not UTF-8 text", self.records)))?;
        Ok(if id == "." { "" } else { id })
    }

    /// True when FILTER is PASS or `.`.
    pub fn passes(&self) -> bool {
        // SAFETY: unpacked; flt holds n_flt header ids, and PASS is always id 0.
        unsafe {
            let d = &(*self.record.0).d;
            d.n_flt == 0 || (d.n_flt == 1 && *d.flt == 0)
        }
    }

    /// Number of alleles of the current record, REF included.
    pub fn n_alleles(&self) -> usize {
        // SAFETY: the record is valid.
        unsafe { (*self.record.0).n_allele() as usize }
    }

    /// Allele `i` of the current record, REF first; empty where there is none.
    pub fn allele(&self, i: usize) -> &[u8] {
        if i >= self.n_alleles() {
            return b"";
        }
        // SAFETY: unpacked, so d.allele holds n_allele C strings.
        unsafe { CStr::from_ptr(*(*self.record.0).d.allele.add(i)).to_bytes() }
    }

    /// Put the calls of the chosen samples at the current record into `calls`, in the order given to
    /// [`GenotypeReader::open`].
    pub fn calls(&mut self, calls: &mut Vec<Call>) {
        calls.clear();
        // SAFETY: header and record are valid; a field with values has n_sample times size bytes at p, which
        // htslib checked when it read the record.
        unsafe {
            if self.gt < 0 {
                // A VCF may use GT without a header line; htslib then adds one at the first record.
                self.gt = htslib::bcf_hdr_id2int(self.header(), htslib::BCF_DT_ID as i32, c"GT".as_ptr());
            }
            let field = match self.gt {
                -1 => ptr::null_mut(),
                gt => htslib::bcf_get_fmt_id(self.record.0, gt),
            };
            let samples = (*self.record.0).n_sample() as usize;
            for &column in &self.columns {
                if field.is_null() || (*field).p.is_null() || column >= samples {
                    calls.push(Call::Missing);
                    continue;
                }
                let (n, size) = (usize::try_from((*field).n).unwrap_or(0), usize::try_from((*field).size).unwrap_or(0));
                let at = std::slice::from_raw_parts((*field).p.add(column * size), size);
                calls.push(Call::from_bytes(at, n, (*field).type_ as u32));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::vcf::{IndexKind, VcfFormat, VcfReader, VcfWriter};

    #[test]
    fn calls_follow_the_encoding_of_bcf() {
        let end = i32::MIN + 1;
        assert_eq!(Call::from_integers(&[2, 5]), Call::Diploid(0, 1, true));
        assert_eq!(Call::from_integers(&[4, 2]), Call::Diploid(1, 0, false));
        assert_eq!(Call::from_integers(&[4, end]), Call::Haploid(1));
        assert_eq!(Call::from_integers(&[0, 5]), Call::Missing);
        assert_eq!(Call::from_integers(&[2, 3, 4]), Call::Missing);
        assert_eq!(Call::from_integers(&[end]), Call::Missing);
        for (text, call) in [
            ("0|1", Call::Diploid(0, 1, true)),
            ("2/0", Call::Diploid(2, 0, false)),
            ("1", Call::Haploid(1)),
            (".", Call::Missing),
            ("./.", Call::Missing),
            ("0|.", Call::Missing),
            ("0|1|1", Call::Missing),
            ("", Call::Missing),
        ] {
            assert_eq!(Call::from_text(text), call, "{text}");
        }
    }

    /// Calls of sample B with contig and position, of the contigs in `only` if given.
    fn calls_of_b(path: &Path, only: Option<&[&str]>) -> Vec<(String, i64, Call)> {
        let mut reader = GenotypeReader::open(path, &["B"]).unwrap();
        if let Some(contigs) = only {
            reader.only(contigs);
        }
        let (mut list, mut calls) = (Vec::new(), Vec::new());
        while reader.next().unwrap() {
            reader.calls(&mut calls);
            list.push((reader.contig_name().unwrap().to_owned(), reader.position(), calls[0]));
        }
        list
    }

    #[test]
    fn the_index_finds_contigs_whether_or_not_the_header_declares_them() {
        let body = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n\
            chr1\t10\t.\tA\tC\t.\t.\t.\tGT\t0|1\t1|0\nchr2\t20\t.\tA\tC\t.\t.\t.\tGT\t0|0\t0/1\n\
            chr2\t30\t.\tA\tC\t.\t.\t.\tGT\t0|0\t1|1\n";
        let format = "##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n";
        let contigs = "##contig=<ID=chr1>\n##contig=<ID=chr2>\n";
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("undeclared.vcf.gz", format.to_owned() + body, VcfFormat::VcfGz(None), IndexKind::Tbi),
            ("declared.vcf.gz", format.to_owned() + contigs + body, VcfFormat::VcfGz(None), IndexKind::Csi),
            ("declared.bcf", format.to_owned() + contigs + body, VcfFormat::Bcf(None), IndexKind::Csi),
        ];
        for (name, text, format, index) in files {
            let (plain, path) = (folder.path().join("in.vcf"), folder.path().join(name));
            std::fs::write(&plain, text).unwrap();
            let mut reader = VcfReader::open(&plain, 1).unwrap();
            let mut writer = VcfWriter::create(&path, format, reader.header(), 1).unwrap();
            while let Some(mut record) = reader.read().unwrap() {
                writer.write(&mut record, reader.header()).unwrap();
            }
            writer.finish(Some(index)).unwrap();
            assert_eq!(GenotypeReader::open(&path, &["B"]).unwrap().header_contigs(), ["chr1", "chr2"], "{name}");
            let all = calls_of_b(&path, None);
            assert_eq!(all[0], ("chr1".into(), 9, Call::Diploid(1, 0, true)), "{name}");
            assert_eq!(all[1], ("chr2".into(), 19, Call::Diploid(0, 1, false)), "{name}");
            assert_eq!(calls_of_b(&path, Some(&["chr2"])), all[1..], "{name}");
            assert_eq!(calls_of_b(&path, Some(&["chr1"])), all[..1], "{name}");
            assert!(calls_of_b(&path, Some(&[])).is_empty(), "{name}");
        }
    }
}
