//! A VCF header as text and as htslib's dictionary, kept in step.

use std::ffi::{CStr, CString};
use std::path::Path;

use rust_htslib::htslib as hts;

use crate::error::{Error, Result};

/// The header of a VCF or BCF.
pub struct VcfHeader {
    /// All lines with their line ends, the `#CHROM` line last.
    text: Vec<u8>,
    pub(super) inner: *mut hts::bcf_hdr_t,
}

// SAFETY: the dictionary is owned by this value and reached through it alone.
unsafe impl Send for VcfHeader {}

impl Drop for VcfHeader {
    fn drop(&mut self) {
        // SAFETY: made by htslib and destroyed once.
        unsafe { hts::bcf_hdr_destroy(self.inner) };
    }
}

impl VcfHeader {
    /// From the lines of a VCF header made in code, `#CHROM` last. `path` is for messages.
    ///
    /// # Errors
    /// It is no header.
    pub fn new(text: Vec<u8>, path: &Path) -> Result<Self> {
        Self::from_text(text, path)
    }

    /// From the lines of a VCF. `path` is for messages.
    pub(super) fn from_text(text: Vec<u8>, path: &Path) -> Result<Self> {
        let bad = || Error::input(path, "has a broken VCF header");
        let copy = CString::new(text.clone()).map_err(|_| bad())?;
        // SAFETY: bcf_hdr_init takes a mode; bcf_hdr_parse reads the NUL-terminated copy.
        let header = unsafe {
            let inner = hts::bcf_hdr_init(c"r".as_ptr());
            if inner.is_null() {
                return Err(Error::input(path, "header could not be allocated"));
            }
            let header = Self { text, inner };
            if hts::bcf_hdr_parse(inner, copy.as_ptr().cast_mut()) < 0 || hts::bcf_hdr_sync(inner) < 0 {
                return Err(bad());
            }
            header
        };
        Ok(header)
    }

    /// From htslib's own, which it takes over.
    ///
    /// # Safety
    /// `inner` is a valid header that nobody else frees.
    pub(super) unsafe fn from_raw(inner: *mut hts::bcf_hdr_t, path: &Path) -> Result<Self> {
        let mut header = Self { text: Vec::new(), inner };
        let mut line = hts::kstring_t { l: 0, m: 0, s: std::ptr::null_mut() };
        let code = hts::bcf_hdr_format(inner, 0, &mut line);
        header.text = crate::io::vcf::record::take_kstring(&mut line);
        if code < 0 {
            return Err(Error::input(path, "has a broken BCF header"));
        }
        Ok(header)
    }

    /// The header as a VCF has it.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Names of the contigs that the header declares, in order.
    pub fn contigs(&self) -> Vec<String> {
        let mut count = 0;
        // SAFETY: the array is ours to free, its strings belong to the header.
        unsafe {
            let names = hts::bcf_hdr_seqnames(self.inner, &mut count);
            if names.is_null() {
                return Vec::new();
            }
            let list = (0..count as usize).map(|i| CStr::from_ptr(*names.add(i)).to_string_lossy().into_owned());
            let list = list.collect();
            libc::free(names.cast());
            list
        }
    }

    /// Add a `##` line (no line end) above `#CHROM`.
    ///
    /// # Errors
    /// htslib refuses the line.
    pub fn push(&mut self, line: &str) -> Result<()> {
        let refused = || Error::mismatch(format!("header line \"{line}\" cannot be added"));
        let copy = CString::new(line).map_err(|_| refused())?;
        // SAFETY: header and line are valid for the call.
        if unsafe { hts::bcf_hdr_append(self.inner, copy.as_ptr()) } < 0 || unsafe { hts::bcf_hdr_sync(self.inner) } < 0
        {
            return Err(refused());
        }
        let at = self.columns_line();
        let mut tail = self.text.split_off(at);
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
        self.text.append(&mut tail);
        Ok(())
    }

    /// Declare an INFO field. One that is there already with the same number and type stays as it is.
    ///
    /// # Errors
    /// It is there with another number or type: values of two kinds cannot share a name.
    pub fn declare_info(&mut self, tag: &str, number: &str, kind: &str, rest: &str, path: &Path) -> Result<()> {
        let start = format!("##INFO=<ID={tag},");
        let present =
            self.text.split(|&b| b == b'\n').find(|l| l.starts_with(start.as_bytes())).map(String::from_utf8_lossy);
        match present {
            None => self.push(&format!("{start}Number={number},Type={kind},{rest}>")),
            Some(line) if line.contains(&format!("Number={number},")) && line.contains(&format!("Type={kind},")) => {
                Ok(())
            }
            Some(_) => Err(Error::input(
                path,
                format!("has another INFO/{tag} in its header; remove it with bcftools annotate -x INFO/{tag}"),
            )),
        }
    }

    /// Whether an INFO field is declared.
    pub fn has_info(&self, tag: &str) -> bool {
        let start = format!("##INFO=<ID={tag},");
        self.text.split(|&b| b == b'\n').any(|line| line.starts_with(start.as_bytes()))
    }

    /// Columns that the `#CHROM` line names.
    pub(super) fn columns(&self) -> usize {
        let line = &self.text[self.columns_line()..];
        1 + line.iter().filter(|&&b| b == b'\t').count()
    }

    /// Where the `#CHROM` line starts.
    fn columns_line(&self) -> usize {
        let mut at = 0;
        for line in self.text.split_inclusive(|&b| b == b'\n') {
            if line.starts_with(b"#") && !line.starts_with(b"##") {
                return at;
            }
            at += line.len();
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "##fileformat=VCFv4.2\n##contig=<ID=1>\n##contig=<ID=chrX,length=9>\n\
                        #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";

    #[test]
    fn lines_go_above_the_columns_and_into_the_dictionary() {
        let mut header = VcfHeader::from_text(TEXT.into(), Path::new("x")).unwrap();
        header.declare_info("DA", "A", "Float", "Description=\"d\"", Path::new("x")).unwrap();
        header.declare_info("DA", "A", "Float", "Description=\"e\"", Path::new("x")).unwrap();
        let text = String::from_utf8(header.text().to_vec()).unwrap();
        assert!(text.contains("DA,Number=A,Type=Float,Description=\"d\">\n#CHROM"), "{text}");
        assert_eq!(text.matches("ID=DA").count(), 1);
        assert_eq!(header.contigs(), ["1", "chrX"]);
        let clash = header.declare_info("DA", "1", "Float", "Description=\"d\"", Path::new("x"));
        assert!(clash.unwrap_err().to_string().contains("annotate -x INFO/DA"));
    }
}
