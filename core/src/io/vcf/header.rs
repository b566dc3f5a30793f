//! A VCF header as text and as htslib's dictionary, kept in step.

use std::ffi::{CStr, CString};
use std::path::Path;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::vcf::kstring::KString;

/// The header of a VCF or BCF.
pub struct VcfHeader {
    /// All lines with their line ends, the `#CHROM` line last.
    text: Vec<u8>,
    pub(super) inner: *mut htslib::bcf_hdr_t,
}

// SAFETY: the dictionary is owned by this value and reached through it alone.
unsafe impl Send for VcfHeader {}

impl Drop for VcfHeader {
    fn drop(&mut self) {
        // SAFETY: made by htslib and destroyed once.
        unsafe { htslib::bcf_hdr_destroy(self.inner) };
    }
}

impl VcfHeader {
    /// From the lines of a VCF header made in code, `#CHROM` last. `path` is for messages.
    ///
    /// # Errors
    /// htslib cannot parse it.
    pub fn new(text: Vec<u8>, path: &Path) -> Result<Self> {
        Self::from_text(text, path)
    }

    /// From the lines of a VCF. `path` is for messages.
    pub(super) fn from_text(text: Vec<u8>, path: &Path) -> Result<Self> {
        let bad = || Error::input(path, "has a broken VCF header");
        let copy = CString::new(text.clone()).map_err(|_| bad())?;
        // SAFETY: bcf_hdr_init takes a mode; bcf_hdr_parse reads the NUL-terminated copy.
        let header = unsafe {
            let inner = htslib::bcf_hdr_init(c"r".as_ptr());
            if inner.is_null() {
                return Err(Error::input(path, "header could not be allocated"));
            }
            let header = Self { text, inner };
            if htslib::bcf_hdr_parse(inner, copy.as_ptr().cast_mut()) < 0 || htslib::bcf_hdr_sync(inner) < 0 {
                return Err(match why_broken(&header.text) {
                    Some(reason) => Error::input(path, format!("has a broken VCF header: {reason}")),
                    None => bad(),
                });
            }
            header
        };
        Ok(header)
    }

    /// From htslib's header, which it takes over.
    ///
    /// # Safety
    /// `inner` is a valid header that nothing else frees.
    pub(super) unsafe fn from_raw(inner: *mut htslib::bcf_hdr_t, path: &Path) -> Result<Self> {
        let mut header = Self { text: Vec::new(), inner };
        let mut text = KString::new();
        // SAFETY: the caller promises a valid header; htslib writes into the string.
        let code = unsafe { htslib::bcf_hdr_format(inner, 0, text.as_mut()) };
        header.text = text.bytes().to_vec();
        if code < 0 {
            return Err(Error::input(path, "has a broken BCF header"));
        }
        Ok(header)
    }

    /// The header as VCF text.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Names of the contigs that the header declares, in order.
    pub fn contigs(&self) -> Vec<String> {
        let mut count = 0;
        // SAFETY: the array is ours to free, its strings belong to the header.
        unsafe {
            let names = htslib::bcf_hdr_seqnames(self.inner, &mut count);
            if names.is_null() {
                return Vec::new();
            }
            let list = (0..count as usize).map(|i| CStr::from_ptr(*names.add(i)).to_string_lossy().into_owned());
            let list = list.collect();
            libc::free(names.cast());
            list
        }
    }

    /// One more than the highest number of a contig.
    pub(super) fn contig_count(&self) -> usize {
        // SAFETY: the header is valid.
        usize::try_from(unsafe { (*self.inner).n[htslib::BCF_DT_CTG as usize] }).unwrap_or(0)
    }

    /// Name of the contig with this number, which records of a BCF use; `None` for a number that the header skips.
    pub(super) fn contig(&self, number: i32) -> Option<&CStr> {
        // SAFETY: the header lists n[BCF_DT_CTG] contigs, and a number that it skips has no key.
        unsafe {
            let number = usize::try_from(number).ok().filter(|&n| n < self.contig_count())?;
            let key = (*(*self.inner).id[htslib::BCF_DT_CTG as usize].add(number)).key;
            (!key.is_null()).then(|| CStr::from_ptr(key))
        }
    }

    /// Names of the contigs by number, empty for one that the header skips.
    pub(super) fn contigs_by_number(&self) -> Vec<String> {
        let name = |number| self.contig(number).map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        (0..self.contig_count() as i32).map(name).collect()
    }

    /// Names of the samples, in order.
    pub(super) fn samples(&self) -> Vec<String> {
        // SAFETY: the header is valid and lists n[BCF_DT_SAMPLE] names.
        unsafe {
            let count = (*self.inner).n[htslib::BCF_DT_SAMPLE as usize];
            (0..usize::try_from(count).unwrap_or(0))
                .map(|i| CStr::from_ptr(*(*self.inner).samples.add(i)).to_string_lossy().into_owned())
                .collect()
        }
    }

    /// Add those of `contigs` that are missing to htslib's dictionary, as htslib itself does with those of a tabix
    /// index. The text stays as it is.
    pub(super) fn declare_contigs(&mut self, contigs: &[String]) {
        let known = self.contigs_by_number();
        let missing = contigs.iter().filter(|contig| !known.contains(contig));
        for name in missing.filter_map(|contig| CString::new(contig.as_str()).ok()) {
            let length = name.as_bytes().len();
            // SAFETY: the names are C strings; the header takes the line over, or it is destroyed.
            unsafe {
                let Some(line) = new_contig_line(&name, length) else { return };
                if htslib::bcf_hdr_add_hrec(self.inner, line) < 0 {
                    htslib::bcf_hrec_destroy(line);
                    return;
                }
            }
        }
        // SAFETY: the header is valid.
        unsafe { htslib::bcf_hdr_sync(self.inner) };
    }

    /// Add a `##` line (no line end) above `#CHROM`.
    ///
    /// # Errors
    /// htslib refuses the line.
    pub fn push(&mut self, line: &str) -> Result<()> {
        let refused = || Error::mismatch(format!("header line \"{line}\" cannot be added"));
        let copy = CString::new(line).map_err(|_| refused())?;
        // SAFETY: header and line are valid for the call.
        let failed =
            unsafe { htslib::bcf_hdr_append(self.inner, copy.as_ptr()) < 0 || htslib::bcf_hdr_sync(self.inner) < 0 };
        if failed {
            return Err(refused());
        }
        let at = self.columns_line();
        let mut tail = self.text.split_off(at);
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
        self.text.append(&mut tail);
        Ok(())
    }

    /// Declare an INFO field, unless the header has it with the same number and type, whatever the order of its keys.
    /// `number` and `kind` are its `Number` and `Type`, `rest` the other keys, as in `Description="..."`; `path` is for
    /// messages.
    ///
    /// # Errors
    /// The header has it with another number or type.
    pub fn declare_info(&mut self, tag: &str, number: &str, kind: &str, rest: &str, path: &Path) -> Result<()> {
        match self.info(tag) {
            None => self.push(&format!("##INFO=<ID={tag},Number={number},Type={kind},{rest}>")),
            Some(found) if found == (Some(number.into()), Some(kind.into())) => Ok(()),
            Some((theirs, type_of)) => {
                let shown = |key: Option<String>| key.unwrap_or_else(|| "missing".into());
                Err(Error::input(
                    path,
                    format!(
                        "has another INFO/{tag} in its header (Number {}, Type {}; ours has {number} and {kind}); remove it \
                         with bcftools annotate -x INFO/{tag}",
                        shown(theirs),
                        shown(type_of)
                    ),
                ))
            }
        }
    }

    /// Whether an INFO field is declared.
    pub fn has_info(&self, tag: &str) -> bool {
        self.info(tag).is_some()
    }

    /// `Number` and `Type` of an INFO field that is declared.
    fn info(&self, tag: &str) -> Option<(Option<String>, Option<String>)> {
        let tag = CString::new(tag).ok()?;
        // SAFETY: header and strings are valid for the call; the line and its strings belong to the header and are copied.
        unsafe {
            let line = htslib::bcf_hdr_get_hrec(
                self.inner,
                htslib::BCF_HL_INFO as i32,
                c"ID".as_ptr(),
                tag.as_ptr(),
                std::ptr::null(),
            );
            if line.is_null() {
                return None;
            }
            let value = |key: &CStr| {
                let at = usize::try_from(htslib::bcf_hrec_find_key(line, key.as_ptr())).ok()?;
                let value = *(*line).vals.add(at);
                (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().trim_matches('"').to_string())
            };
            Some((value(c"Number"), value(c"Type")))
        }
    }

    /// Number of columns of the `#CHROM` line.
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

/// Why htslib does not read a header, where it can be seen.
fn why_broken(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let columns: Vec<&str> = text.lines().last()?.split('\t').collect();
    let samples = columns.get(9..).unwrap_or_default();
    let mut known = std::collections::HashSet::new();
    if let Some(twice) = samples.iter().find(|sample| !known.insert(**sample)) {
        return Some(format!("sample \"{twice}\" is listed twice; name the samples with bcftools reheader -s"));
    }
    match columns.get(8) {
        Some(ninth) if *ninth != "FORMAT" => Some(format!("column 9 of the #CHROM line is \"{ninth}\", not FORMAT")),
        _ => None,
    }
}

/// A header line `##contig=<ID=name>`, to be taken over by a header; `None` if there is no memory.
///
/// # Safety
/// `length` is that of `name`.
unsafe fn new_contig_line(name: &CStr, length: usize) -> Option<*mut htslib::bcf_hrec_t> {
    // SAFETY: all zeros is an empty line, which htslib fills and frees; the length is that of the name.
    unsafe {
        let line = libc::calloc(1, std::mem::size_of::<htslib::bcf_hrec_t>()).cast::<htslib::bcf_hrec_t>();
        if line.is_null() {
            return None;
        }
        (*line).key = libc::strdup(c"contig".as_ptr());
        let failed = (*line).key.is_null()
            || htslib::bcf_hrec_add_key(line, c"ID".as_ptr(), 2) < 0
            || htslib::bcf_hrec_set_val(line, (*line).nkeys - 1, name.as_ptr(), length as _, 0) < 0;
        if failed {
            htslib::bcf_hrec_destroy(line);
            return None;
        }
        Some(line)
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

    #[test]
    fn fields_are_found_by_their_keys_in_any_order() {
        let declared = |line: &str| {
            let text = TEXT.replace("#CHROM", &format!("{line}\n#CHROM"));
            let mut header = VcfHeader::from_text(text.into(), Path::new("x")).unwrap();
            let outcome = header.declare_info("DA", "A", "Float", "Description=\"d\"", Path::new("x"));
            (header.has_info("DA"), outcome.is_ok(), String::from_utf8_lossy(header.text()).matches("DA").count())
        };
        assert_eq!(declared("##INFO=<Number=A,Type=Float,ID=DA,Description=\"x\">"), (true, true, 1));
        assert_eq!(declared("##INFO=<Description=\"x\",Type=Float,Number=A,ID=DA>"), (true, true, 1));
        let (has, same, _) = declared("##INFO=<ID=DA,Number=1,Type=Float,Description=\"Number=A,Type=Float,\">");
        assert!(has && !same);
        let (has, same, _) = declared("##INFO=<ID=DA,Number=A,Type=String,Description=\"x\">");
        assert!(has && !same);
        // Another field whose name begins alike, and a FORMAT field of this name, are none.
        let other = "##INFO=<ID=DAX,Number=1,Type=Float,Description=\"x\">\n\
                     ##FORMAT=<ID=DA,Number=1,Type=Float,Description=\"ID=DA,\">";
        assert!(declared(other).1);
    }
}
