//! One record, as a line of text or as BCF.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use rust_htslib::htslib;

use crate::io::vcf::kstring::KString;
use crate::io::vcf::VcfHeader;

/// The value of an INFO field.
#[derive(Clone, Debug, PartialEq)]
pub enum InfoValue {
    /// Numbers; `None` is written as `.`.
    Floats(Vec<Option<f32>>),
    /// Strings; characters with a meaning in VCF (white space, `;`, `=`, `,`, `%`) are percent-encoded.
    Texts(Vec<String>),
    /// Strings of several parts, joined with `|`, as VEP and bcftools +split-vep have them; in a part, `|` is
    /// percent-encoded as well.
    Entries(Vec<Vec<String>>),
    /// A field without a value: present or absent.
    Flag(bool),
}

pub(super) enum Data {
    /// Without its line end; INFO is at this range.
    Text(Vec<u8>, std::ops::Range<usize>),
    Bcf(Bcf),
}

pub(super) struct Bcf(pub(super) *mut htslib::bcf1_t);

// SAFETY: owned by the record and reached through it alone.
unsafe impl Send for Bcf {}

impl Drop for Bcf {
    fn drop(&mut self) {
        // SAFETY: made by bcf_init and destroyed once.
        unsafe { htslib::bcf_destroy(self.0) };
    }
}

impl Bcf {
    pub(super) fn new() -> Option<Self> {
        // SAFETY: takes nothing.
        let record = unsafe { htslib::bcf_init() };
        (!record.is_null()).then_some(Self(record))
    }
}

/// Memory of a record that is no longer needed, for the next one: a stream of millions of records would otherwise spend a
/// quarter of its time allocating.
#[derive(Default)]
pub(super) struct Spare {
    pub bcf: Option<Bcf>,
    pub line: Vec<u8>,
    contig: String,
    alleles: Vec<Vec<u8>>,
}

impl Spare {
    /// A line, and no other memory to reuse.
    pub(super) fn of_line(line: Vec<u8>) -> Self {
        Self { line, ..Self::default() }
    }

    /// Put the contig and the alleles, in upper case, into this memory.
    fn fill<'a>(&mut self, contig: &str, alleles: impl Iterator<Item = &'a [u8]>) {
        self.contig.clear();
        self.contig.push_str(contig);
        let mut count = 0;
        for bases in alleles {
            if self.alleles.len() == count {
                self.alleles.push(Vec::with_capacity(bases.len()));
            }
            let slot = &mut self.alleles[count];
            slot.clear();
            slot.extend_from_slice(bases);
            slot.make_ascii_uppercase();
            count += 1;
        }
        self.alleles.truncate(count);
    }
}

/// A record of a VCF or BCF: its position and alleles parsed, all other fields as they were read.
pub struct VcfRecord {
    pub(super) data: Data,
    /// Line of a VCF, or number of a BCF record, from 1; 0 when found by index.
    pub(super) place: u64,
    contig: String,
    start: i64,
    alleles: Vec<Vec<u8>>,
}

impl VcfRecord {
    /// From a line of VCF without its end, made in code; `place` is its line number, for messages.
    ///
    /// # Errors
    /// It is not a line of VCF; the message does not name the record.
    pub fn new(line: Vec<u8>, place: u64) -> Result<Self, String> {
        Self::from_line(Spare::of_line(line), place, 8)
    }

    /// Its memory, for the next record.
    pub(super) fn into_spare(self) -> Spare {
        let Self { data, contig, alleles, .. } = self;
        match data {
            Data::Text(line, _) => Spare { bcf: None, line, contig, alleles },
            Data::Bcf(bcf) => Spare { bcf: Some(bcf), line: Vec::new(), contig, alleles },
        }
    }

    /// From the line in `spare`; `columns` is the number of columns of the header.
    pub(super) fn from_line(mut spare: Spare, place: u64, columns: usize) -> Result<Self, String> {
        let line = std::mem::take(&mut spare.line);
        let mut tabs = line.iter().enumerate().filter(|(_, &b)| b == b'\t').map(|(i, _)| i);
        let mut ends = [0; 8];
        for (column, end) in ends.iter_mut().enumerate() {
            *end = match tabs.next() {
                Some(end) => end,
                None if column == 7 => line.len(),
                None => return Err(format!("has {} columns where VCF has at least 8", column + 1)),
            };
        }
        // In pieces whose count fits into a byte, so that it is vectorised: a line may have thousands of samples.
        let tabs_of = |piece: &[u8]| usize::from(piece.iter().map(|&b| u8::from(b == b'\t')).sum::<u8>());
        let found = 1 + line.chunks(255).map(tabs_of).sum::<usize>();
        if found < columns {
            return Err(format!("has {found} columns where the header has {columns}; is the file truncated?"));
        }
        let column = |i: usize| &line[if i == 0 { 0 } else { ends[i - 1] + 1 }..ends[i]];
        let contig = std::str::from_utf8(column(0)).map_err(|_| "contig name is not UTF-8 text")?;
        if contig.is_empty() {
            return Err("has no contig name".into());
        }
        let position = std::str::from_utf8(column(1)).ok().and_then(|t| t.parse::<i64>().ok());
        let position = position.filter(|p| (0..=i64::from(i32::MAX) * 1000).contains(p));
        let position =
            position.ok_or_else(|| format!("\"{}\" is not a position", String::from_utf8_lossy(column(1))))?;
        let alternatives = (column(4) != b".").then(|| column(4).split(|&b| b == b','));
        spare.fill(contig, std::iter::once(column(3)).chain(alternatives.into_iter().flatten()));
        let info = ends[6] + 1..ends[7];
        let Spare { contig, alleles, .. } = spare;
        Ok(Self { data: Data::Text(line, info), place, contig, start: position - 1, alleles })
    }

    /// From `record`, with the memory of `spare` for contig and alleles.
    pub(super) fn from_bcf(record: Bcf, mut spare: Spare, header: &VcfHeader, place: u64) -> Result<Self, String> {
        // SAFETY: the record was read with this header; strings are NUL-terminated and live in the record.
        unsafe {
            if htslib::bcf_unpack(record.0, htslib::BCF_UN_STR as i32) < 0 {
                return Err("cannot be decoded".into());
            }
            let inner = &*record.0;
            let contig = header.contig(inner.rid).ok_or("is on a contig that the header does not have")?;
            let bases = |i: usize| CStr::from_ptr(*inner.d.allele.add(i)).to_bytes();
            spare.fill(&contig.to_string_lossy(), (0..inner.n_allele() as usize).map(bases));
            let start = inner.pos;
            let Spare { contig, alleles, .. } = spare;
            Ok(Self { data: Data::Bcf(record), place, contig, start, alleles })
        }
    }

    /// The contig as the file names it.
    pub fn contig(&self) -> &str {
        &self.contig
    }

    /// 0-based start; -1 for a telomere record (POS 0).
    pub fn start(&self) -> i64 {
        self.start
    }

    /// INFO/END, 1-based inclusive; 0 without it.
    pub(super) fn info_end(&self) -> i64 {
        match &self.data {
            Data::Text(line, info) => {
                let fields = line.get(info.clone()).unwrap_or_default().split(|&b| b == b';');
                let end = fields.filter_map(|field| field.strip_prefix(b"END=")).next();
                end.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0)
            }
            // SAFETY: a record of htslib's, whose length follows END.
            Data::Bcf(bcf) => unsafe { (*bcf.0).pos.saturating_add((*bcf.0).rlen) },
        }
    }

    /// The numbers of an INFO field of type Float, `None` for `.`; `None` for a record without the field, or with something
    /// else in it.
    pub fn info_floats(&self, header: &VcfHeader, tag: &str) -> Option<Vec<Option<f32>>> {
        match &self.data {
            Data::Text(line, info) => {
                let value = info_field(line.get(info.clone()).unwrap_or_default(), tag)?.strip_prefix(b"=")?;
                let number = |text: &str| match text {
                    "." => Some(None),
                    text => text.parse().ok().map(Some),
                };
                std::str::from_utf8(value).ok()?.split(',').map(number).collect()
            }
            Data::Bcf(record) => {
                let tag = CString::new(tag).ok()?;
                let (mut values, mut room) = (std::ptr::null_mut(), 0);
                // SAFETY: record and header belong together; htslib allocates `values` for the n floats that it returns.
                unsafe {
                    let kind = htslib::BCF_HT_REAL as i32;
                    let n =
                        htslib::bcf_get_info_values(header.inner, record.0, tag.as_ptr(), &mut values, &mut room, kind);
                    let bits = match usize::try_from(n) {
                        Ok(n) if n > 0 => std::slice::from_raw_parts(values.cast::<u32>(), n).to_vec(),
                        _ => Vec::new(),
                    };
                    libc::free(values);
                    let present = |bits: u32| (bits != htslib::bcf_float_missing).then(|| f32::from_bits(bits));
                    let end = bits.iter().position(|bits| *bits == htslib::bcf_float_vector_end).unwrap_or(bits.len());
                    (n > 0).then(|| bits[..end].iter().map(|bits| present(*bits)).collect())
                }
            }
        }
    }

    /// Whether the record has this INFO field.
    pub fn has_info(&self, header: &VcfHeader, tag: &str) -> bool {
        match &self.data {
            Data::Text(line, info) => info_field(line.get(info.clone()).unwrap_or_default(), tag).is_some(),
            Data::Bcf(record) => CString::new(tag).is_ok_and(|tag| {
                // SAFETY: record and header belong together; the field that is found is not used.
                !unsafe { htslib::bcf_get_info(header.inner, record.0, tag.as_ptr()) }.is_null()
            }),
        }
    }

    /// REF and the alternative alleles, in upper case; only REF if ALT is `.`.
    pub fn alleles(&self) -> &[Vec<u8>] {
        &self.alleles
    }

    /// For messages: line or record number where known, and `contig:position` (1-based).
    pub fn place(&self) -> String {
        let at = format!("{}:{}", self.contig, self.start + 1);
        match (&self.data, self.place) {
            (_, 0) => at,
            (Data::Text(..), n) => format!("line {n} ({at})"),
            (Data::Bcf(_), n) => format!("record {n} ({at})"),
        }
    }

    /// Set INFO fields: an existing field keeps its place and gets the new value, new fields follow the existing ones in
    /// the order given.
    ///
    /// # Errors
    /// A field cannot be set; the message does not name the record.
    pub fn set_info(&mut self, header: &VcfHeader, values: &[(&str, InfoValue)]) -> Result<(), String> {
        match &mut self.data {
            Data::Text(line, info) => {
                let edited = edit(&line[info.clone()], values);
                let tail = line.split_off(info.end);
                line.truncate(info.start);
                line.extend_from_slice(&edited);
                info.end = line.len();
                line.extend_from_slice(&tail);
                Ok(())
            }
            Data::Bcf(record) => values.iter().try_for_each(|(tag, value)| set_bcf(record, header, tag, value)),
        }
    }

    /// Check that the record can be written as BCF: a line of VCF may use contigs and fields that its header does not
    /// declare.
    ///
    /// # Errors
    /// It cannot; the message does not name the record. htslib has then added what was missing to its dictionary, so that
    /// the header can no longer be used for writing.
    pub fn check_bcf(&self, header: &VcfHeader) -> Result<(), String> {
        match &self.data {
            Data::Text(line, _) => parse(line, header).map(|_| ()),
            Data::Bcf(_) => Ok(()),
        }
    }

    /// The record as a line of VCF, without its end.
    pub(crate) fn to_line(&self, header: &VcfHeader) -> Result<Cow<'_, [u8]>, String> {
        match &self.data {
            Data::Text(line, _) => Ok(Cow::Borrowed(line)),
            Data::Bcf(record) => {
                let mut text = KString::new();
                // SAFETY: record and header belong together.
                let code = unsafe { htslib::vcf_format(header.inner, record.0, text.as_mut()) };
                let mut line = text.bytes().to_vec();
                if code < 0 {
                    return Err("cannot be written as VCF".into());
                }
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                Ok(Cow::Owned(line))
            }
        }
    }
}

/// A line of VCF as a BCF record.
pub(super) fn parse(line: &[u8], header: &VcfHeader) -> Result<Bcf, String> {
    if line.contains(&0) {
        return Err("contains a zero byte".into());
    }
    let record = Bcf::new().ok_or("no memory")?;
    let mut text = KString::copy_of(line).ok_or("no memory")?;
    // SAFETY: record and header are valid; vcf_parse changes the copy.
    let code = unsafe { htslib::vcf_parse(text.as_mut(), header.inner, record.0) };
    // SAFETY: the record is valid.
    let flaws = unsafe { (*record.0).errcode } as u32;
    let undeclared =
        [(htslib::BCF_ERR_CTG_UNDEF, "its contig"), (htslib::BCF_ERR_TAG_UNDEF, "one of its filters or fields")];
    if let Some((_, what)) = undeclared.iter().find(|(flag, _)| flaws & flag != 0) {
        return Err(format!("cannot become BCF: {what} is not declared in the header; write VCF (-Ov or -Oz)"));
    }
    match code < 0 || flaws & !htslib::BCF_ERR_LIMITS != 0 {
        true => Err("cannot become BCF: it breaks the VCF format".into()),
        false => Ok(record),
    }
}

fn set_bcf(record: &mut Bcf, header: &VcfHeader, tag: &str, value: &InfoValue) -> Result<(), String> {
    let fail = || format!("INFO/{tag} cannot be set");
    let name = CString::new(tag).map_err(|_| fail())?;
    let code = match value {
        InfoValue::Floats(values) => {
            // As bits, so that the missing value, a signalling NaN, stays unchanged.
            // SAFETY: a constant of htslib's.
            let missing = unsafe { htslib::bcf_float_missing };
            let bits: Vec<u32> = values.iter().map(|v| v.map_or(missing, f32::to_bits)).collect();
            let n = i32::try_from(bits.len()).map_err(|_| fail())?;
            // SAFETY: the pointer is to n values of four bytes.
            unsafe {
                let values = bits.as_ptr().cast();
                htslib::bcf_update_info(header.inner, record.0, name.as_ptr(), values, n, htslib::BCF_HT_REAL as i32)
            }
        }
        InfoValue::Texts(_) | InfoValue::Entries(_) => {
            let text = CString::new(text_of(value)).map_err(|_| fail())?;
            // SAFETY: a NUL-terminated string, for which n need only be positive.
            unsafe {
                let values = text.as_ptr().cast();
                htslib::bcf_update_info(header.inner, record.0, name.as_ptr(), values, 1, htslib::BCF_HT_STR as i32)
            }
        }
        InfoValue::Flag(there) => {
            // SAFETY: a flag has no values; n is 1 if it is present.
            unsafe {
                let (none, n) = (std::ptr::null(), i32::from(*there));
                htslib::bcf_update_info(header.inner, record.0, name.as_ptr(), none, n, htslib::BCF_HT_FLAG as i32)
            }
        }
    };
    match code < 0 {
        true => Err(fail()),
        false => Ok(()),
    }
}

/// INFO with `values`: an existing field keeps its place, as in a BCF record, new ones follow.
fn edit(info: &[u8], values: &[(&str, InfoValue)]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(info.len() + 64);
    let mut placed = vec![false; values.len()];
    for field in info.split(|&b| b == b';').filter(|f| !f.is_empty() && *f != b".") {
        let key = field.split(|&b| b == b'=').next().unwrap_or(field);
        match values.iter().position(|(tag, _)| tag.as_bytes() == key) {
            Some(number) if placed[number] => {}
            Some(number) => {
                placed[number] = true;
                put_value(&mut out, values[number].0, &values[number].1);
            }
            None => {
                out.extend_from_slice(field);
                out.push(b';');
            }
        }
    }
    for ((tag, value), _) in values.iter().zip(placed).filter(|(_, placed)| !placed) {
        put_value(&mut out, tag, value);
    }
    out.pop();
    if out.is_empty() {
        out.push(b'.');
    }
    out
}

/// The strings of a value as they are written; empty for numbers and flags.
fn text_of(value: &InfoValue) -> String {
    let entry = |parts: &Vec<String>| {
        let parts: Vec<String> = parts.iter().map(|part| escape(part).replace('|', "%7C")).collect();
        parts.join("|")
    };
    match value {
        InfoValue::Texts(texts) => texts.iter().map(|text| escape(text)).collect::<Vec<_>>().join(","),
        InfoValue::Entries(entries) => entries.iter().map(entry).collect::<Vec<_>>().join(","),
        InfoValue::Floats(_) | InfoValue::Flag(_) => String::new(),
    }
}

/// What follows the name of an INFO field: `=` and its value, or nothing for a flag; `None` without the field.
fn info_field<'a>(info: &'a [u8], tag: &str) -> Option<&'a [u8]> {
    let mut fields = info.split(|&b| b == b';').filter_map(|field| field.strip_prefix(tag.as_bytes()));
    fields.find(|rest| rest.first().is_none_or(|&b| b == b'='))
}

/// A number as it is written for [`InfoValue::Floats`].
pub fn number_in_text(value: f32) -> String {
    String::from_utf8_lossy(&float_text(value)).into_owned()
}

/// Append `tag=value;`, and nothing for an absent flag.
fn put_value(out: &mut Vec<u8>, tag: &str, value: &InfoValue) {
    if *value == InfoValue::Flag(false) {
        return;
    }
    out.extend_from_slice(tag.as_bytes());
    match value {
        InfoValue::Flag(_) => {}
        InfoValue::Texts(_) | InfoValue::Entries(_) => {
            out.push(b'=');
            out.extend_from_slice(text_of(value).as_bytes());
        }
        InfoValue::Floats(values) => {
            out.push(b'=');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                match value {
                    Some(value) => out.extend_from_slice(&float_text(*value)),
                    None => out.push(b'.'),
                }
            }
        }
    }
    out.push(b';');
}

/// A float as htslib writes it, so that VCF and BCF output have the same value.
fn float_text(value: f32) -> Vec<u8> {
    let mut text = KString::new();
    // SAFETY: kputd grows the empty string it is given.
    unsafe { htslib::kputd(f64::from(value), text.as_mut()) };
    text.bytes().to_vec()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ';' | '=' | ',' | '%' => out.push_str(&format!("%{:02X}", c as u32)),
            c if c.is_whitespace() || c.is_control() => out.push_str(&format!("%{:02X}", c as u32)),
            c => out.push(c),
        }
    }
    if out.is_empty() {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(values: &[Option<f32>]) -> InfoValue {
        InfoValue::Floats(values.to_vec())
    }

    #[test]
    fn info_is_edited_in_place_and_the_rest_of_the_line_stays() {
        let edited = |info: &str| {
            let values =
                [("DA", floats(&[Some(-0.25), None])), ("DR", InfoValue::Texts(vec!["a;b c".into(), "d,e".into()]))];
            String::from_utf8(edit(info.as_bytes(), &values)).unwrap()
        };
        assert_eq!(edited("."), "DA=-0.25,.;DR=a%3Bb%20c,d%2Ce");
        assert_eq!(edited("AF=0.50;DA=9;DB"), "AF=0.50;DA=-0.25,.;DB;DR=a%3Bb%20c,d%2Ce");
        assert_eq!(edit(b".", &[]), b".");
        let flags = |info: &str, main: bool| {
            let values = [("DM", InfoValue::Flag(main)), ("DA", floats(&[Some(1.0)]))];
            String::from_utf8(edit(info.as_bytes(), &values)).unwrap()
        };
        assert_eq!(flags("DB;DM", true), "DB;DM;DA=1");
        assert_eq!(flags("DM;DB;DA=3;DA=4", true), "DM;DB;DA=1");
        assert_eq!(flags("DM;DB", false), "DB;DA=1");
    }

    #[test]
    fn lines_are_read_as_far_as_needed() {
        let line = b"chr1\t10\trs1\tac\tG,*\t0.50\tPASS\tAF=0.50\tGT\t0|1".to_vec();
        let record = VcfRecord::new(line, 7).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((record.contig(), record.start()), ("chr1", 9));
        assert_eq!(record.alleles(), [b"AC".to_vec(), b"G".to_vec(), b"*".to_vec()]);
        assert_eq!(record.place(), "line 7 (chr1:10)");
        let header = VcfHeader::new(
            b"##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##INFO=<ID=AF,Number=A,Type=Float,Description=\"x\">\n\
            #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
                .to_vec(),
            std::path::Path::new("x.vcf"),
        )
        .unwrap();
        let line = |info: &str| format!("chr1\t10\trs1\tAC\tG,T\t0.50\t.\t{info}").into_bytes();
        for (info, expected) in [
            ("DB;AF=0.5,.", Some(vec![Some(0.5), None])),
            ("XAF=1;AF=-2e-1", Some(vec![Some(-0.2)])),
            ("DB", None),
            (".", None),
        ] {
            let record = VcfRecord::new(line(info), 7).unwrap();
            assert_eq!(record.info_floats(&header, "AF"), expected, "{info}");
            if !info.contains("D") && !info.contains("X") {
                let bcf = parse(&line(info), &header).unwrap();
                let bcf = VcfRecord { data: Data::Bcf(bcf), ..VcfRecord::new(line(info), 7).unwrap() };
                assert_eq!(bcf.info_floats(&header, "AF"), expected, "{info}");
            }
        }
        for (wrong, needle) in [
            ("chr1\t10\t.\tA\tC", "5 columns"),
            ("1\tx\t.\tA\tC\t.\t.\t.", "not a position"),
            ("\t1\t.\tA\tC\t.\t.\t.", "contig"),
        ] {
            let error = VcfRecord::new(wrong.into(), 1).err().unwrap();
            assert!(error.contains(needle), "{error}");
        }
    }

    #[test]
    fn floats_read_as_htslib_writes_them() {
        for (value, text) in [(0.1f32, "0.1"), (-1.2345679, "-1.23457"), (0.0, "0"), (1e-7, "1e-07")] {
            assert_eq!(String::from_utf8(float_text(value)).unwrap(), text);
        }
    }
}
