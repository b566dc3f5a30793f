//! Reading genotypes of chosen samples from VCF or BCF, record by record.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::text_input::is_stdio;
use crate::io::vcf::index::ByContig;

/// One sample's call at one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Call {
    /// No allele called, or only some, or no GT at all, or more than two alleles.
    Missing,
    /// One copy (sex chromosomes, mitochondrion).
    Haploid(u32),
    Diploid(u32, u32, /* phased */ bool),
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
        // Three tell whether there are two.
        for (i, slot) in values.iter_mut().enumerate().take(n) {
            match value(i) {
                Some(v) => *slot = v,
                None => return Call::Missing,
            }
        }
        Self::from_integers(&values[..n.min(3)])
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

/// An open VCF or BCF file. `rust_htslib::bcf::Reader` takes a file without a readable header for granted
/// and parses every sample, so this goes to htslib itself.
pub(crate) struct VcfFile {
    path: PathBuf,
    file: *mut htslib::htsFile,
    header: *mut htslib::bcf_hdr_t,
    record: *mut htslib::bcf1_t,
    /// The header's number of GT, below 0 until a record or the header has named it.
    gt: libc::c_int,
    /// Column of each wanted sample among those parsed.
    columns: Vec<usize>,
    /// Some contigs alone, if it has an index.
    part: Option<ByContig>,
    /// Records read so far.
    pub records: u64,
}

// SAFETY: htslib keeps no thread-local state for a file, and it is never shared.
unsafe impl Send for VcfFile {}

impl Drop for VcfFile {
    fn drop(&mut self) {
        // SAFETY: each pointer is null or ours, and freed once.
        unsafe {
            if !self.record.is_null() {
                htslib::bcf_destroy(self.record);
            }
            if !self.header.is_null() {
                htslib::bcf_hdr_destroy(self.header);
            }
            htslib::hts_close(self.file);
        }
    }
}

impl VcfFile {
    /// Open `path` (`-`: standard input) and parse only `samples` of it, in the order given.
    pub fn open(path: &Path, samples: &[&str]) -> Result<Self> {
        if !is_stdio(path) {
            let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
            if file.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
                return Err(Error::input(path, "is a folder, not a VCF or BCF file"));
            }
        }
        let not_vcf = || Error::input(path, "is no VCF or BCF file, or its header is broken");
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| not_vcf())?;
        // SAFETY: valid C strings; the result is checked.
        let file = unsafe { htslib::hts_open(name.as_ptr(), c"r".as_ptr()) };
        if file.is_null() {
            return Err(not_vcf());
        }
        let mut vcf = Self {
            path: path.to_path_buf(),
            file,
            header: ptr::null_mut(),
            record: ptr::null_mut(),
            gt: -1,
            columns: Vec::new(),
            part: None,
            records: 0,
        };
        // SAFETY: file is open; header and record are checked before use.
        unsafe {
            if (*file).format.category != htslib::htsFormatCategory_variant_data {
                return Err(not_vcf());
            }
            vcf.header = htslib::bcf_hdr_read(file);
            vcf.record = htslib::bcf_init();
            if vcf.header.is_null() || vcf.record.is_null() {
                return Err(not_vcf());
            }
        }
        vcf.choose(samples)?;
        Ok(vcf)
    }

    /// Read only the records on `contigs`, names of the header in its order, if the file has an index: else all of them.
    pub fn only(&mut self, contigs: &[&str]) {
        if !is_stdio(&self.path) {
            // SAFETY: file and header are open, and only the header was read.
            self.part = unsafe { ByContig::open(&self.path, self.file, self.header, contigs) };
        }
    }

    fn sample_names(&self) -> Vec<String> {
        // SAFETY: the header is valid and lists n[BCF_DT_SAMPLE] names.
        unsafe {
            let n = (*self.header).n[htslib::BCF_DT_SAMPLE as usize];
            (0..usize::try_from(n).unwrap_or(0))
                .map(|i| CStr::from_ptr(*(*self.header).samples.add(i)).to_string_lossy().into_owned())
                .collect()
        }
    }

    /// Names of the header's contigs, in its order.
    pub fn header_contigs(&self) -> Vec<String> {
        // SAFETY: the header is valid and lists n[BCF_DT_CTG] contigs; numbers that it skips have no key.
        unsafe {
            let n = (*self.header).n[htslib::BCF_DT_CTG as usize];
            (0..usize::try_from(n).unwrap_or(0))
                .map(|i| match (*(*self.header).id[htslib::BCF_DT_CTG as usize].add(i)).key {
                    key if key.is_null() => String::new(),
                    key => CStr::from_ptr(key).to_string_lossy().into_owned(),
                })
                .collect()
        }
    }

    fn choose(&mut self, samples: &[&str]) -> Result<()> {
        let known = self.sample_names();
        for sample in samples {
            if !known.iter().any(|name| name == sample) {
                let shown = known.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
                let has = match known.len() {
                    0 => "it has no samples".to_string(),
                    n if n <= 5 => format!("it has {shown}"),
                    n => format!("it has {shown} and {} more; bcftools query -l lists them", n - 5),
                };
                return Err(Error::input(&self.path, format!("has no sample \"{sample}\": {has}")));
            }
        }
        // htslib keeps the order of the file whatever the order asked for.
        let kept: Vec<&String> = known.iter().filter(|name| samples.contains(&name.as_str())).collect();
        self.columns = samples.iter().filter_map(|s| kept.iter().position(|k| k == s)).collect();
        let list = CString::new(samples.join(",")).map_err(|_| Error::input(&self.path, "has a broken header"))?;
        let list = if samples.is_empty() { ptr::null() } else { list.as_ptr() };
        // SAFETY: a valid header and a comma-separated C string (null: no sample at all). A name with a comma
        // cannot be asked for this way; all samples are then parsed.
        if samples.iter().any(|s| s.contains(',')) {
            self.columns = samples.iter().filter_map(|s| known.iter().position(|k| k == s)).collect();
        } else if unsafe { htslib::bcf_hdr_set_samples(self.header, list, 0) } != 0 {
            return Err(Error::input(&self.path, "has a broken list of samples"));
        }
        Ok(())
    }

    /// Read the next record; false at the end of a complete file.
    pub fn next(&mut self) -> Result<bool> {
        // SAFETY: all three are valid for the life of self.
        let code = unsafe {
            match &mut self.part {
                Some(part) => part.next(self.file, self.header, self.record),
                None => htslib::bcf_read(self.file, self.header, self.record),
            }
        };
        if code == -1 {
            if self.part.is_some() {
                return Ok(false);
            }
            // SAFETY: the format decides which member of the union is set.
            let cut = unsafe {
                (*self.file).format.compression == htslib::htsCompression_bgzf
                    && !(*self.file).fp.bgzf.is_null()
                    && (*(*self.file).fp.bgzf).no_eof_block() != 0
            };
            if cut {
                let at = self.records;
                let problem = format!("ends after record {at} without its end marker; it is truncated");
                return Err(Error::truncated(&self.path, problem));
            }
            return Ok(false);
        }
        self.records += 1;
        // Undefined contigs and tags are tolerated, as htslib itself does; broken columns are not.
        let tolerated = (htslib::BCF_ERR_CTG_UNDEF | htslib::BCF_ERR_TAG_UNDEF) as i32;
        // SAFETY: the record is valid.
        let broken = unsafe { (*self.record).errcode & !tolerated } != 0;
        if code < 0 || broken {
            let at = self.records;
            return Err(self.wrong(format!("record {at} is broken or truncated; bcftools view shows where")));
        }
        // INFO stays packed: nothing here asks for it, and it is most of many a record.
        let wanted = htslib::BCF_UN_STR | htslib::BCF_UN_FLT | htslib::BCF_UN_FMT;
        // SAFETY: the record was just read.
        if unsafe { htslib::bcf_unpack(self.record, wanted as i32) } != 0 {
            let at = self.records;
            return Err(self.wrong(format!("record {at} is broken")));
        }
        Ok(true)
    }

    fn wrong(&self, problem: String) -> Error {
        Error::input(&self.path, problem)
    }

    /// The header's number of the current record's contig.
    pub fn contig(&self) -> Result<usize> {
        // SAFETY: the record and the header are valid.
        let (rid, n) = unsafe { ((*self.record).rid, (*self.header).n[htslib::BCF_DT_CTG as usize]) };
        match usize::try_from(rid) {
            Ok(i) if rid < n => Ok(i),
            _ => Err(self.wrong(format!("record {} has no contig", self.records))),
        }
    }

    /// Name of the current record's contig.
    pub fn contig_name(&self) -> Result<&str> {
        let contig = self.contig()?;
        // SAFETY: contig() checks the number against the header's own count; numbers it skips have no key.
        let name = unsafe {
            let key = (*(*self.header).id[htslib::BCF_DT_CTG as usize].add(contig)).key;
            if key.is_null() {
                return Err(self.wrong(format!("record {} has no contig", self.records)));
            }
            CStr::from_ptr(key)
        };
        name.to_str().map_err(|_| self.wrong(format!("record {}: the contig's name is not text", self.records)))
    }

    /// Position of the current record, 0-based; -1 for a telomere record.
    pub fn position(&self) -> i64 {
        // SAFETY: the record is valid.
        unsafe { (*self.record).pos }
    }

    /// ID of the current record, empty for `.`.
    pub fn id(&self) -> Result<&str> {
        // SAFETY: unpacked, so the pointer is null or a C string.
        let id = unsafe {
            let id = (*self.record).d.id;
            if id.is_null() {
                return Ok("");
            }
            CStr::from_ptr(id)
        };
        let id = id.to_str().map_err(|_| self.wrong(format!("record {}: the ID is not text", self.records)))?;
        Ok(if id == "." { "" } else { id })
    }

    /// True when FILTER is PASS or `.`.
    pub fn passes(&self) -> bool {
        // SAFETY: unpacked; flt holds n_flt header ids, and PASS is always id 0.
        unsafe {
            let d = &(*self.record).d;
            d.n_flt == 0 || (d.n_flt == 1 && *d.flt == 0)
        }
    }

    /// Number of alleles of the current record, REF included.
    pub fn n_alleles(&self) -> usize {
        // SAFETY: the record is valid.
        unsafe { (*self.record).n_allele() as usize }
    }

    /// Allele `i` of the current record, REF first; empty where there is none.
    pub fn allele(&self, i: usize) -> &[u8] {
        if i >= self.n_alleles() {
            return b"";
        }
        // SAFETY: unpacked, so d.allele holds n_allele C strings.
        unsafe { CStr::from_ptr(*(*self.record).d.allele.add(i)).to_bytes() }
    }

    /// Calls of the wanted samples at the current record, in the order they were asked for.
    pub fn calls(&mut self, calls: &mut Vec<Call>) {
        calls.clear();
        // SAFETY: header and record are valid; a field with values has n_sample times size bytes at p, which
        // htslib checked when it read the record.
        unsafe {
            if self.gt < 0 {
                // A VCF may use GT without a header line; htslib then adds one at the first record.
                self.gt = htslib::bcf_hdr_id2int(self.header, htslib::BCF_DT_ID as i32, c"GT".as_ptr());
            }
            let field = match self.gt {
                -1 => ptr::null_mut(),
                gt => htslib::bcf_get_fmt_id(self.record, gt),
            };
            let samples = (*self.record).n_sample() as usize;
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

    #[test]
    fn calls_follow_the_encoding_of_bcf() {
        let end = i32::MIN + 1;
        assert_eq!(Call::from_integers(&[2, 5]), Call::Diploid(0, 1, true));
        assert_eq!(Call::from_integers(&[4, 2]), Call::Diploid(1, 0, false));
        assert_eq!(Call::from_integers(&[4, end]), Call::Haploid(1));
        assert_eq!(Call::from_integers(&[0, 5]), Call::Missing);
        assert_eq!(Call::from_integers(&[2, 3, 4]), Call::Missing);
        assert_eq!(Call::from_integers(&[end]), Call::Missing);
    }
}
