//! An open VCF or BCF: the one place that opens it, reads its header, finds its index and checks that it is complete.
//! Whole records ([`VcfReader`](crate::io::vcf::VcfReader)) and genotypes of chosen samples
//! (`GenotypeReader`) are layers on it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::ptr;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::hts_file;
use crate::io::index_check::NoIndex;
use crate::io::paths::with_suffix;
use crate::io::text_input::{is_stdio, open_text, read_once};
use crate::io::vcf::index::{Found, IndexQuery, VcfIndex};
use crate::io::vcf::kstring::KString;
use crate::io::vcf::lines::{read_line, Line, LONGEST_HEADER, LONGEST_LINE, MOST_HEADER_LINES};
use crate::io::vcf::VcfHeader;

/// htslib's file handle.
struct Handle(*mut htslib::htsFile);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: opened by htslib and closed once.
        unsafe { htslib::hts_close(self.0) };
    }
}

/// A VCF (plain, gzip, BGZF) or BCF whose header has been read; `-` is standard input.
pub(super) struct VcfSource {
    path: PathBuf,
    // Before the handle, so that it goes first.
    query: Option<IndexQuery>,
    file: Handle,
    header: VcfHeader,
    bcf: bool,
    line: KString,
    place: u64,
    /// All threads, until those that decompress have been started.
    threads: usize,
}

// SAFETY: htslib keeps no thread-local state for a file, and every pointer is reached through this value alone.
unsafe impl Send for VcfSource {}

impl VcfSource {
    /// Open `path` and read its header. `threads` includes the caller's; the others decompress.
    ///
    /// # Errors
    /// The file is missing, a folder, neither VCF nor BCF, or its header is broken.
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        if !is_stdio(path) {
            // htslib's own failure would lose the reason.
            let kind = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
            if kind.is_dir() {
                return Err(Error::input(path, "is a folder, not a VCF or BCF file"));
            }
        }
        let file = hts_file::open(path, || neither(path))?;
        let file = Handle(file);
        // SAFETY: the file is open.
        let format = unsafe { (*file.0).format.format };
        let bcf = format == htslib::htsExactFormat_bcf;
        if !bcf && format != htslib::htsExactFormat_vcf {
            let empty = format == htslib::htsExactFormat_empty_format;
            return Err(Error::input(
                path,
                match empty {
                    true => "is empty, or truncated within its first block".into(),
                    false => neither(path),
                },
            ));
        }
        let mut line = KString::new();
        let (header, place) = match bcf {
            true => (read_bcf_header(&file, path)?, 0),
            false => read_text_header(&file, &mut line, path)?,
        };
        Ok(Self { path: path.into(), query: None, file, header, bcf, line, place, threads })
    }

    /// The name given to [`VcfSource::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its header.
    pub fn header(&self) -> &VcfHeader {
        &self.header
    }

    /// Its header, to be changed before it is written.
    pub fn header_mut(&mut self) -> &mut VcfHeader {
        &mut self.header
    }

    /// Whether it is a BCF.
    pub fn is_bcf(&self) -> bool {
        self.bcf
    }

    /// Line (VCF, the header included) or number (BCF) of the record read last, from 1; 0 when it was found by the
    /// index.
    pub fn place(&self) -> u64 {
        self.place
    }

    /// The line read last, without its end.
    pub fn line(&self) -> &[u8] {
        self.line.bytes()
    }

    /// The line read last, for htslib's parser, which changes it.
    pub fn line_mut(&mut self) -> &mut htslib::kstring_t {
        self.line.as_mut()
    }

    /// Whether it is a file compressed with BGZF.
    pub fn is_bgzf(&self) -> bool {
        // SAFETY: the file is open.
        unsafe { (*self.file.0).format.compression == htslib::htsCompression_bgzf }
    }

    /// The index of the file.
    ///
    /// # Errors
    /// There is none, or it is damaged.
    pub fn index(&self) -> std::result::Result<VcfIndex, NoIndex> {
        match read_once(&self.path) {
            true => Err(NoIndex::Missing),
            false => VcfIndex::load(&self.path, self.bcf),
        }
    }

    /// The same, unless it is older than the file.
    pub fn fresh_index(&self) -> Option<VcfIndex> {
        let changed = |path: &Path| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        let file = changed(&self.path)?;
        // htslib takes the first that exists.
        let index = [".csi", ".tbi"].iter().find_map(|suffix| changed(&with_suffix(&self.path, suffix)))?;
        if index < file || !self.is_bgzf() {
            return None;
        }
        self.index().ok()
    }

    /// Read only records that overlap one of `intervals` (contig as the index numbers it, start, end; 0-based
    /// half-open), in their order.
    pub fn restrict(&mut self, index: VcfIndex, intervals: Vec<(i32, i64, i64)>) {
        // Found by the index, a record has no number.
        self.place = 0;
        self.query = Some(IndexQuery::new(index, intervals));
    }

    /// With [`VcfSource::restrict`]: end of the interval before the current one on the same contig, else -1. A record
    /// that starts before it has been read already.
    pub fn read_until(&self) -> i64 {
        self.query.as_ref().map_or(-1, IndexQuery::read_until)
    }

    /// Read the next record: of a BCF into `record`, of a VCF into [`VcfSource::line`]; false at the end of a complete
    /// file.
    ///
    /// # Safety
    /// `record` is a record of htslib's where the file is a BCF.
    ///
    /// # Errors
    /// What cannot be read, and a truncated file.
    #[inline]
    pub unsafe fn next(&mut self, record: *mut htslib::bcf1_t) -> Result<bool> {
        if self.query.is_some() {
            // SAFETY: as the caller promises.
            return unsafe { self.next_by_index(record) };
        }
        // Not with an index: htslib 1.19 waits for ever for a thread to seek that has met a damaged block.
        if self.threads > 1 {
            // SAFETY: the file is open.
            unsafe { htslib::hts_set_threads(self.file.0, (self.threads - 1) as i32) };
            self.threads = 1;
        }
        self.place += 1;
        // SAFETY: file and header are open, the record is valid as the caller promises.
        let outcome = unsafe {
            match self.bcf {
                true => match htslib::bcf_read(self.file.0, self.header.inner, record) {
                    0.. => Line::Read,
                    -1 => Line::End,
                    _ => Line::Damage,
                },
                false => read_line(self.file.0, self.line.as_mut(), LONGEST_LINE),
            }
        };
        match outcome {
            Line::Read => Ok(true),
            Line::End => self.check_end().map(|()| false),
            Line::TooLong => Err(self.wrong(TOO_LONG_A_LINE)),
            Line::Damage => Err(self.wrong("cannot be read; the file is truncated or damaged")),
        }
    }

    /// [`VcfSource::next`] of a restricted file, with the same conditions.
    unsafe fn next_by_index(&mut self, record: *mut htslib::bcf1_t) -> Result<bool> {
        let Some(query) = &mut self.query else { return Ok(false) };
        // SAFETY: the file is open with its index, the record is valid as the caller promises.
        let problem = match unsafe { query.next(self.file.0, record, &mut self.line) } {
            Found::Record => return Ok(true),
            Found::End => return Ok(false),
            Found::TooLong => TOO_LONG_A_LINE,
            Found::Damage => "cannot be read; the file is truncated or damaged, or its index is stale",
            Found::NoIndex => "index cannot be used; make it again with bcftools index -f",
        };
        Err(Error::input(&self.path, problem))
    }

    /// A problem of the record read last.
    pub fn wrong(&self, problem: &str) -> Error {
        let place = match (self.place, self.bcf) {
            (0, true) => "a record".into(),
            (0, false) => format!("the record \"{}\"", beginning(self.line())),
            (n, true) => format!("record {n}"),
            (n, false) => format!("line {n}"),
        };
        Error::input(&self.path, format!("{place}: {problem}"))
    }

    /// BGZF ends with an empty block; a file truncated between two blocks lacks it.
    fn check_end(&self) -> Result<()> {
        // SAFETY: the file is open, and htslib says whether it has a BGZF handle.
        let truncated = self.is_bgzf()
            && unsafe {
                let bgzf = htslib::hts_get_bgzfp(self.file.0);
                !bgzf.is_null() && (*bgzf).no_eof_block() != 0
            };
        if !truncated {
            return Ok(());
        }
        let (word, last) = (if self.bcf { "record" } else { "line" }, self.place - 1);
        Err(Error::truncated(
            &self.path,
            format!("is truncated: it ends after {word} {last} without an end-of-file block"),
        ))
    }
}

const TOO_LONG_A_LINE: &str = "a line is longer than 128 MB; is it a VCF?";

/// Contig and position of a line as it has them, for messages.
fn beginning(line: &[u8]) -> String {
    let columns = line[..line.len().min(100)].split(|&b| b == b'\t').take(2);
    columns.map(|column| String::from_utf8_lossy(column).into_owned()).collect::<Vec<_>>().join(" ")
}

/// The problem of a file of another format.
fn neither(path: &Path) -> String {
    format!("is neither VCF nor BCF{}", why_not_vcf(path))
}

/// What the beginning of a text file lacks to be a VCF; nothing for a pipe, which cannot be read again.
fn why_not_vcf(path: &Path) -> &'static str {
    if !path.is_file() {
        return "";
    }
    let mut start = Vec::new();
    if open_text(path).and_then(|file| file.take(64).read_to_end(&mut start).map_err(|e| Error::io(path, e))).is_err() {
        return "";
    }
    match &start[..] {
        [b'\n' | b'\r', ..] => ": its first line is empty; a VCF begins with ##fileformat=VCF",
        [0xef, 0xbb, 0xbf, ..] => ": it begins with a byte order mark; a VCF begins with ##fileformat=VCF",
        [b' ' | b'\t', ..] => ": its first line begins with white space; a VCF begins with ##fileformat=VCF",
        [b'#', ..] => ": its first line is not ##fileformat=VCF",
        _ => "",
    }
}

fn read_bcf_header(file: &Handle, path: &Path) -> Result<VcfHeader> {
    // SAFETY: the file is open; the header is checked and taken over.
    unsafe {
        // Its length follows five bytes that name the format.
        let length = hts_file::announced(htslib::hts_get_bgzfp(file.0), 5);
        if length.is_some_and(|length| length as usize > LONGEST_HEADER) {
            return Err(Error::input(path, "has a BCF header of more than 64 MB, which is not supported"));
        }
        // None: its first block ends within it, as no program writes it.
        let inner = match length {
            Some(_) => htslib::bcf_hdr_read(file.0),
            None => ptr::null_mut(),
        };
        if inner.is_null() {
            return Err(Error::input(path, "has a broken BCF header, or is truncated within it"));
        }
        VcfHeader::from_raw(inner, path)
    }
}

/// The `##` lines and the `#CHROM` line, with the number of lines read. Not htslib's own reader: it keeps no copy of
/// the text.
fn read_text_header(file: &Handle, line: &mut KString, path: &Path) -> Result<(VcfHeader, u64)> {
    let mut text = Vec::new();
    let mut count = 0;
    loop {
        count += 1;
        // SAFETY: the file is open.
        let outcome = unsafe { read_line(file.0, line.as_mut(), LONGEST_HEADER - text.len().min(LONGEST_HEADER)) };
        match outcome {
            Line::Read if count <= MOST_HEADER_LINES => {}
            Line::Read | Line::TooLong => {
                let problem = "the header is longer than 64 MB or two million lines, which is not supported";
                return Err(Error::input(path, format!("line {count}: {problem}")));
            }
            Line::End => return Err(Error::input(path, "ends within its header (there is no #CHROM line)")),
            Line::Damage => return Err(Error::truncated(path, "cannot be read; the file is truncated or damaged")),
        }
        let bytes = line.bytes();
        if bytes.is_empty() {
            continue;
        }
        if bytes[0] != b'#' {
            return Err(Error::input(path, format!("line {count}: a record precedes the #CHROM line")));
        }
        text.extend_from_slice(bytes);
        text.push(b'\n');
        if !bytes.starts_with(b"##") {
            if !bytes.starts_with(b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO") {
                let spaces =
                    !bytes.contains(&b'\t') && bytes.split(|b| *b == b' ').filter(|c| !c.is_empty()).count() >= 8;
                let problem = match spaces {
                    true => "has spaces between its columns, where VCF has tabs",
                    false => "is not a #CHROM line of at least eight tab-separated columns",
                };
                return Err(Error::input(path, format!("line {count}: {problem}")));
            }
            return Ok((VcfHeader::from_text(text, path)?, count));
        }
    }
}
