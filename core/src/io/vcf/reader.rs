//! Reading records one by one, from the front or by index.

use std::collections::HashMap;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rust_htslib::htslib as hts;

use crate::error::{Error, Result};
use crate::io::text_input::is_stdio;
use crate::io::vcf::index::VcfIndex;
use crate::io::vcf::record::{take_kstring, Bcf, Spare};
use crate::io::vcf::VcfHeader;
use crate::io::vcf::VcfRecord;
use crate::io::Contigs;

/// Sorted, disjoint intervals by contig, to which reading is restricted.
#[derive(Clone, Debug, Default)]
pub struct Restriction(Vec<(String, Vec<(i64, i64)>)>);

impl Restriction {
    /// From intervals (contig, start, end; 0-based half-open) in any order; those that touch are joined.
    /// Contigs keep the order of their first interval.
    pub fn new(intervals: impl IntoIterator<Item = (String, u64, u64)>) -> Self {
        let mut order: Vec<(String, Vec<(i64, i64)>)> = Vec::new();
        let mut index: HashMap<String, usize> = HashMap::new();
        let clip = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for (contig, start, end) in intervals {
            let at = *index.entry(contig.clone()).or_insert_with(|| {
                order.push((contig, Vec::new()));
                order.len() - 1
            });
            order[at].1.push((clip(start), clip(end)));
        }
        for (_, list) in &mut order {
            list.sort_unstable();
            let mut joined: Vec<(i64, i64)> = Vec::with_capacity(list.len());
            for &(start, end) in list.iter() {
                match joined.last_mut() {
                    Some(last) if start <= last.1 => last.1 = last.1.max(end),
                    _ => joined.push((start, end)),
                }
            }
            *list = joined;
        }
        Self(order)
    }
}

/// How the records are found.
enum Mode {
    All,
    /// Read everything, keep records that start in an interval. By contig name as the file has it.
    Targets(HashMap<String, Vec<(i64, i64)>>),
    /// Records that overlap an interval, through the index.
    Indexed {
        index: VcfIndex,
        /// Index's number of the contig, interval.
        queue: std::vec::IntoIter<(i32, i64, i64)>,
        iterator: *mut hts::hts_itr_t,
        /// End of the interval before the current one on the same contig: what starts before it has been read.
        done_until: i64,
        current: Option<(i32, i64)>,
    },
}

/// A VCF (plain, gzip, BGZF) or BCF being read; `-` is standard input.
pub struct VcfReader {
    path: PathBuf,
    file: *mut hts::htsFile,
    header: VcfHeader,
    /// Columns that a line has at least.
    columns: usize,
    bcf: bool,
    mode: Mode,
    line: hts::kstring_t,
    place: u64,
    /// See [`VcfReader::recycle`].
    spares: Vec<Spare>,
    /// All threads, until those that unpack have been started.
    threads: usize,
}

// SAFETY: every pointer is owned by this value and reached through it alone.
unsafe impl Send for VcfReader {}

impl Drop for VcfReader {
    fn drop(&mut self) {
        // SAFETY: each was made by htslib and is released once.
        unsafe {
            if let Mode::Indexed { iterator, .. } = &self.mode {
                hts::hts_itr_destroy(*iterator);
            }
            take_kstring(&mut self.line);
            hts::hts_close(self.file);
        }
    }
}

fn empty_string() -> hts::kstring_t {
    hts::kstring_t { l: 0, m: 0, s: std::ptr::null_mut() }
}

pub(super) fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Error::input(path, "has a zero byte in its name"))
}

impl VcfReader {
    /// Open a file and read its header. `threads` decompress beside the caller.
    ///
    /// # Errors
    /// The file is missing, no VCF or BCF, or its header is broken.
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        if !is_stdio(path) {
            // htslib's own failure would lose the reason.
            let kind = std::fs::metadata(path).map_err(|e| Error::io(path, e))?;
            if kind.is_dir() {
                return Err(Error::input(path, "is a folder, not a file"));
            }
        }
        let name = c_path(path)?;
        // SAFETY: valid C strings; the result is checked.
        let file = unsafe { hts::hts_open(name.as_ptr(), c"r".as_ptr()) };
        if file.is_null() {
            let error = io::Error::last_os_error();
            return Err(match error.raw_os_error() {
                Some(libc::ENOEXEC | 0) | None => Error::input(path, "is neither VCF nor BCF"),
                _ => Error::io(path, error),
            });
        }
        // SAFETY: file is open; header and line are owned below on every path.
        unsafe {
            let close = |error| {
                hts::hts_close(file);
                Err(error)
            };
            let format = (*file).format.format;
            let bcf = format == hts::htsExactFormat_bcf;
            if !bcf && format != hts::htsExactFormat_vcf {
                let empty = format == hts::htsExactFormat_empty_format;
                return close(Error::input(
                    path,
                    match empty {
                        true => "is empty, or cut short in its first block",
                        false => "is neither VCF nor BCF",
                    },
                ));
            }
            let mut line = empty_string();
            let header = match bcf {
                true => {
                    let inner = hts::bcf_hdr_read(file);
                    if inner.is_null() {
                        Err(Error::input(path, "has a broken BCF header"))
                    } else {
                        VcfHeader::from_raw(inner, path).map(|header| (header, 0))
                    }
                }
                false => read_text_header(file, &mut line, path),
            };
            match header {
                Ok((header, place)) => {
                    let (path, columns, mode) = (path.into(), header.columns(), Mode::All);
                    Ok(Self { path, file, header, columns, bcf, mode, line, place, spares: Vec::new(), threads })
                }
                Err(error) => {
                    take_kstring(&mut line);
                    close(error)
                }
            }
        }
    }

    /// The header; lines may be added to it before it is written.
    pub fn header_mut(&mut self) -> &mut VcfHeader {
        &mut self.header
    }

    /// The header.
    pub fn header(&self) -> &VcfHeader {
        &self.header
    }

    /// The name given to [`VcfReader::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keep only records whose position lies in one of the intervals, reading through everything.
    ///
    /// # Errors
    /// The header declares contigs, and one of the intervals' is not among them.
    pub fn restrict_by_stream(&mut self, restriction: Restriction) -> Result<()> {
        let declared = self.header.contigs();
        let contigs = Contigs::from_names(declared.clone());
        let mut by_name = HashMap::new();
        for (name, list) in restriction.0 {
            let name = match contigs.find(&name) {
                Some(i) => contigs.name(i).to_owned(),
                None if declared.is_empty() => name,
                None => return Err(self.unknown(&name, &contigs)),
            };
            by_name.insert(name, list);
        }
        self.mode = Mode::Targets(by_name);
        Ok(())
    }

    /// Read only records that overlap one of the intervals, through the index beside the file.
    ///
    /// # Errors
    /// There is no index, or it does not know a contig.
    pub fn restrict_by_index(&mut self, restriction: Restriction) -> Result<()> {
        if is_stdio(&self.path) {
            return Err(Error::input(&self.path, "a pipe has no index; use -t or -T instead of -r or -R"));
        }
        let name = c_path(&self.path)?;
        // SAFETY: the file is open.
        if !self.bcf && unsafe { (*self.file).format.compression } != hts::htsCompression_bgzf {
            return Err(Error::input(
                &self.path,
                "is not compressed with bgzip and so has no index; use -t or -T instead of -r or -R",
            ));
        }
        let index = VcfIndex::load(&name, self.bcf).ok_or_else(|| {
            Error::input(&self.path, "has no index that can be read; make one with bcftools index -f, or use -t or -T")
        })?;
        let names = match index {
            VcfIndex::Bcf(_) => self.header.contigs(),
            // SAFETY: the index is loaded; the list is ours, its names the index's.
            VcfIndex::Tabix(tabix) => unsafe {
                let mut count = 0;
                let list = hts::tbx_seqnames(tabix, &mut count);
                let names = (0..count.max(0) as usize)
                    .map(|i| std::ffi::CStr::from_ptr(*list.add(i)).to_string_lossy().into_owned())
                    .collect();
                libc::free(list.cast());
                names
            },
        };
        // A contig may be declared and have no record, and so not be in the index: that is no mistake.
        let indexed = Contigs::from_names(names);
        let declared = Contigs::from_names(self.header.contigs());
        let mut intervals = Vec::new();
        for (name, list) in restriction.0 {
            let Some(known) = indexed.find(&name) else {
                match declared.find(&name) {
                    Some(_) => continue,
                    None => return Err(self.unknown(&name, &indexed)),
                }
            };
            // SAFETY: the header is that of the file.
            let number = unsafe { index.number(self.header.inner, indexed.name(known)) };
            intervals.extend(list.into_iter().map(|(start, end)| (number, start, end)));
        }
        let (queue, iterator) = (intervals.into_iter(), std::ptr::null_mut());
        self.mode = Mode::Indexed { index, queue, iterator, done_until: -1, current: None };
        Ok(())
    }

    fn unknown(&self, name: &str, contigs: &Contigs) -> Error {
        Error::input(&self.path, format!("has no contig \"{name}\" (it has {})", contigs.summary()))
    }

    /// The next record, `None` at the end.
    ///
    /// # Errors
    /// A broken record, named by its line or number, or a file that ends too early.
    pub fn read(&mut self) -> Result<Option<VcfRecord>> {
        // Not by the index: htslib 1.19 waits for ever for a thread to seek that has met a damaged block.
        let threads = std::mem::replace(&mut self.threads, 1);
        if threads > 1 && !matches!(self.mode, Mode::Indexed { .. }) {
            // SAFETY: the file is open.
            unsafe { hts::hts_set_threads(self.file, (threads - 1) as i32) };
        }
        loop {
            let record = match self.mode {
                Mode::Indexed { .. } => self.read_indexed()?,
                _ => self.read_next()?,
            };
            let Some(record) = record else { return Ok(None) };
            match &self.mode {
                Mode::Targets(wanted) => {
                    let list = wanted.get(record.contig()).map(Vec::as_slice).unwrap_or_default();
                    let at = list.partition_point(|&(_, end)| end <= record.start());
                    if list.get(at).is_some_and(|&(start, _)| start <= record.start()) {
                        return Ok(Some(record));
                    }
                }
                _ => return Ok(Some(record)),
            }
        }
    }

    fn read_next(&mut self) -> Result<Option<VcfRecord>> {
        self.place += 1;
        let mut spare = self.spares.pop().unwrap_or_default();
        let word = if self.bcf { "record" } else { "line" };
        let broken = |problem: String| Error::input(&self.path, format!("{word} {}: {problem}", self.place));
        if self.bcf {
            let record = spare.bcf.take().or_else(Bcf::new).ok_or_else(|| broken("no memory".into()))?;
            // SAFETY: file, header and record are valid.
            let code = unsafe { hts::bcf_read(self.file, self.header.inner, record.0) };
            return match code {
                0 => VcfRecord::from_bcf(record, spare, &self.header, self.place).map(Some).map_err(broken),
                -1 => self.check_end().map(|()| None),
                _ => Err(broken("cannot be read; the file is truncated or damaged".into())),
            };
        }
        // SAFETY: line is a string of ours that htslib grows.
        let code = unsafe { hts::hts_getline(self.file, i32::from(b'\n'), &mut self.line) };
        match code {
            0.. => {
                self.copy_line(&mut spare.line);
                VcfRecord::from_line(spare, self.place, self.columns).map(Some).map_err(broken)
            }
            -1 => self.check_end().map(|()| None),
            _ => Err(broken("cannot be read; the file is truncated or damaged".into())),
        }
    }

    /// The line read last, in place of what `to` holds.
    fn copy_line(&self, to: &mut Vec<u8>) {
        to.clear();
        if !self.line.s.is_null() {
            // SAFETY: htslib filled l bytes at s.
            to.extend_from_slice(unsafe { std::slice::from_raw_parts(self.line.s.cast::<u8>(), self.line.l) });
        }
    }

    /// Take back a record that is no longer needed, so that the next one is read into its memory.
    pub fn recycle(&mut self, record: VcfRecord) {
        self.spares.push(record.into_spare());
    }

    /// BGZF ends with an empty block; a file cut between two blocks lacks it.
    fn check_end(&self) -> Result<()> {
        // SAFETY: the file is open.
        let cut = unsafe {
            let bgzf = hts::hts_get_bgzfp(self.file);
            (*self.file).format.compression == hts::htsCompression_bgzf
                && !bgzf.is_null()
                && (*bgzf).no_eof_block() != 0
        };
        match cut {
            true => Err(Error::truncated(&self.path, "is truncated: it has no end-of-file block")),
            false => Ok(()),
        }
    }

    fn read_indexed(&mut self) -> Result<Option<VcfRecord>> {
        let Mode::Indexed { index, queue, iterator, done_until, current } = &mut self.mode else { return Ok(None) };
        let broken = |problem: &str| Error::input(&self.path, problem);
        loop {
            if iterator.is_null() {
                let Some((contig, start, end)) = queue.next() else { return Ok(None) };
                *done_until = match *current {
                    Some((last, until)) if last == contig => until,
                    _ => -1,
                };
                *current = Some((contig, end));
                *iterator = index.query(contig, start, end);
                if iterator.is_null() {
                    return Err(broken("index cannot be used; make it again with bcftools index -f"));
                }
            }
            let record = match index {
                VcfIndex::Bcf(_) => Some(Bcf::new().ok_or_else(|| broken("no memory"))?),
                VcfIndex::Tabix(_) => None,
            };
            let into = record.as_ref().map_or(std::ptr::null_mut(), |record| record.0);
            // SAFETY: file and iterator are valid, and there is a record where the index asks for one.
            let code = unsafe { index.next(self.file, *iterator, into, &mut self.line) };
            match code {
                0.. => {}
                -1 => {
                    // SAFETY: made above, released once.
                    unsafe { hts::hts_itr_destroy(*iterator) };
                    *iterator = std::ptr::null_mut();
                    continue;
                }
                _ => return Err(broken("cannot be read; the file is truncated or damaged, or its index is stale")),
            }
            let until = *done_until;
            let record = match record {
                Some(record) => VcfRecord::from_bcf(record, Spare::default(), &self.header, 0)
                    .map_err(|problem| broken(&format!("a record {problem}")))?,
                None => {
                    // SAFETY: htslib filled l bytes at s.
                    let bytes = unsafe { std::slice::from_raw_parts(self.line.s.cast::<u8>(), self.line.l) };
                    VcfRecord::from_line(Spare::of_line(bytes.to_vec()), 0, self.columns)
                        .map_err(|problem| broken(&format!("the record \"{}\": {problem}", beginning(bytes))))?
                }
            };
            if record.start() >= until {
                return Ok(Some(record));
            }
        }
    }
}

/// Contig and position of a line as it has them, for messages.
fn beginning(line: &[u8]) -> String {
    let columns = line[..line.len().min(100)].split(|&b| b == b'\t').take(2);
    columns.map(|column| String::from_utf8_lossy(column).into_owned()).collect::<Vec<_>>().join(" ")
}

/// The `##` lines and the `#CHROM` line, with the number of lines read.
unsafe fn read_text_header(
    file: *mut hts::htsFile,
    line: &mut hts::kstring_t,
    path: &Path,
) -> Result<(VcfHeader, u64)> {
    let mut text = Vec::new();
    let mut count = 0;
    loop {
        let code = hts::hts_getline(file, i32::from(b'\n'), line);
        count += 1;
        if code < -1 {
            return Err(Error::truncated(path, "cannot be read; the file is truncated or damaged"));
        }
        if code < 0 || line.s.is_null() {
            return Err(Error::input(path, "ends within its header (there is no #CHROM line)"));
        }
        let bytes = std::slice::from_raw_parts(line.s.cast::<u8>(), line.l);
        if bytes.is_empty() {
            continue;
        }
        if bytes[0] != b'#' {
            return Err(Error::input(path, format!("line {count}: stands before the #CHROM line")));
        }
        text.extend_from_slice(bytes);
        text.push(b'\n');
        if !bytes.starts_with(b"##") {
            if !bytes.starts_with(b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO") {
                return Err(Error::input(path, format!("line {count}: is no #CHROM line of eight columns or more")));
            }
            return Ok((VcfHeader::from_text(text, path)?, count));
        }
    }
}
