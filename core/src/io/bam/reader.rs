//! Alignments from BAM, CRAM or SAM, in order of position, with a check that the file is complete.

use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::ptr;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::bam::tags;
use crate::io::bam::watch::Watched;
use crate::io::bam::ReadGroups;
use crate::io::bam::Tag;
use crate::io::fasta::reference as fasta;
use crate::io::hts_file;
use crate::io::paths::c_path;
use crate::io::text_input::is_stdio;
use crate::io::{Contigs, Spans};

mod query;

/// One alignment, in the buffer of the reader.
#[derive(Clone, Copy)]
pub struct Alignment<'a> {
    /// Index of the contig, -1 if unplaced.
    pub contig: i32,
    /// First aligned base, 0-based, -1 if unplaced.
    pub position: i64,
    /// MAPQ.
    pub mapping_quality: u8,
    /// FLAG.
    pub flags: u16,
    /// Index of the mate's contig, -1 if unplaced.
    pub mate_contig: i32,
    /// First aligned base of the mate, 0-based, -1 if unplaced.
    pub mate_position: i64,
    /// TLEN: from the leftmost to the rightmost base of the template, negative for the rightmost read; 0 unknown.
    pub template_length: i64,
    /// Read name.
    pub name: &'a [u8],
    /// CIGAR operations as in BAM: `length << 4 | operation`.
    pub cigar: &'a [u32],
    /// Bases as in BAM, two per byte.
    bases: &'a [u8],
    /// Base qualities (Phred), all 255 if the read has none.
    pub qualities: &'a [u8],
    /// Optional fields as in BAM; see [`Alignment::tag`].
    tags: &'a [u8],
}

impl<'a> Alignment<'a> {
    /// Base `i` of the read (0-based), a letter of `=ACMGRSVTWYHKDBN`; `N` past its end.
    pub fn base(&self, i: usize) -> u8 {
        match self.bases.get(i / 2) {
            Some(two) if i < self.qualities.len() => {
                b"=ACMGRSVTWYHKDBN"[(if i.is_multiple_of(2) { two >> 4 } else { two & 15 }) as usize]
            }
            _ => b'N',
        }
    }

    /// Its bases as in BAM, two per byte.
    pub(super) fn packed_bases(&self) -> &'a [u8] {
        self.bases
    }

    /// Its optional fields as in BAM.
    pub(super) fn fields(&self) -> &'a [u8] {
        self.tags
    }

    /// The same with other optional fields.
    #[cfg(test)]
    pub(crate) fn with_fields(mut self, fields: &'a [u8]) -> Self {
        self.tags = fields;
        self
    }

    /// Value of an optional field such as `CB`; `None` if it is absent or an array.
    pub fn tag(&self, name: &[u8; 2]) -> Option<Tag<'a>> {
        tags::find(self.tags, name)
    }

    /// End of the aligned bases on the reference, 0-based exclusive.
    pub fn end(&self) -> i64 {
        self.position + self.cigar.iter().map(|&c| reference_length(c)).sum::<i64>()
    }

    /// An alignment made in code, on contig 0. `packed` are the bases as in BAM, two per byte, as many as `qualities`.
    pub(crate) fn made(packed: &'a [u8], cigar: &'a [u32], qualities: &'a [u8], position: i64) -> Self {
        Self {
            contig: 0,
            position,
            mapping_quality: 60,
            flags: 0,
            mate_contig: -1,
            mate_position: -1,
            template_length: 0,
            name: b"read",
            cigar,
            bases: packed,
            qualities,
            tags: &[],
        }
    }
}

/// Reference bases that a CIGAR operation of BAM spans (M, D, N, = and X).
pub(crate) fn reference_length(operation: u32) -> i64 {
    const SPANS: u32 = 1 << 0 | 1 << 2 | 1 << 3 | 1 << 7 | 1 << 8;
    if SPANS >> (operation & 15) & 1 == 1 {
        (operation >> 4) as i64
    } else {
        0
    }
}

/// The longest header of a BAM, in bytes.
const LONGEST_HEADER: u32 = 1 << 28;
/// Blocks of a file (64 kB each) that may be decompressed ahead.
const BLOCKS_AHEAD: i32 = 64;

/// An open alignment file. Uses htslib itself: `rust_htslib` assumes a readable header when there is an index.
pub struct Alignments {
    path: PathBuf,
    file: *mut htslib::htsFile,
    header: *mut htslib::sam_hdr_t,
    record: *mut htslib::bam1_t,
    pool: *mut htslib::hts_tpool,
    index: *mut htslib::hts_idx_t,
    iterator: *mut htslib::hts_itr_t,
    contigs: Contigs,
    sample: Option<String>,
    groups: ReadGroups,
    /// What to read; `None` reads everything.
    spans: Option<Spans>,
    /// The current one of `spans`.
    span: usize,
    /// Contig and position of the record read last.
    last: (u32, i64),
    /// Records may be in any order.
    any_order: bool,
    has_reference: bool,
    /// Alignments read so far.
    pub records: u64,
    /// All threads, until those that decompress have been started.
    threads: usize,
    /// Found by the index, and read sequentially from there.
    straight: bool,
    /// The first position that the index cannot express.
    reach: i64,
    /// Of a CRAM.
    watched: Option<Watched>,
}

impl Drop for Alignments {
    fn drop(&mut self) {
        // Closing waits for the threads that decode.
        let _inside = self.watched.as_mut().map(Watched::enter);
        // SAFETY: each pointer is null or owned and freed once; the iterator and index before the file.
        unsafe {
            if !self.iterator.is_null() {
                htslib::hts_itr_destroy(self.iterator);
            }
            if !self.index.is_null() {
                htslib::hts_idx_destroy(self.index);
            }
            if !self.record.is_null() {
                htslib::bam_destroy1(self.record);
            }
            if !self.header.is_null() {
                htslib::sam_hdr_destroy(self.header);
            }
            htslib::hts_close(self.file);
            // The threads of the file end when it is closed.
            if !self.pool.is_null() {
                htslib::hts_tpool_destroy(self.pool);
            }
        }
    }
}

impl Alignments {
    /// Open `path` (`-`: standard input). `reference` is the FASTA of a CRAM; a CRAM that needs one is read with no
    /// other, whatever its header or the environment of htslib names. Of `threads`, all but the caller's
    /// decompress blocks ahead.
    ///
    /// # Errors
    /// The file is missing, is not an alignment file, has a broken header, or is truncated.
    pub fn open(path: &Path, reference: Option<&Path>, threads: usize) -> Result<Self> {
        if !is_stdio(path) {
            let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
            if file.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
                return Err(Error::input(path, "is a folder, not an alignment file"));
            }
        }
        let wrong = |problem: &str| Error::input(path, problem);
        let mut watched = Watched::new(path);
        let inside = watched.enter();
        let file = hts_file::open(path, || "is not a BAM, CRAM or SAM file".into())?;
        drop(inside);
        let mut alignments = Self {
            path: path.to_path_buf(),
            file,
            header: ptr::null_mut(),
            record: ptr::null_mut(),
            pool: ptr::null_mut(),
            index: ptr::null_mut(),
            iterator: ptr::null_mut(),
            contigs: Contigs::default(),
            sample: None,
            groups: ReadGroups::default(),
            spans: None,
            span: 0,
            last: (0, -1),
            any_order: false,
            has_reference: reference.is_some(),
            records: 0,
            threads,
            straight: false,
            reach: i64::MAX,
            watched: None,
        };
        // Only a CRAM: its guard costs a little for every alignment.
        alignments.watched = alignments.is_cram().then_some(watched);
        // SAFETY: the file is open, pointers are checked before use.
        unsafe {
            if (*file).format.category != htslib::htsFormatCategory_sequence_data
                || ![htslib::htsExactFormat_bam, htslib::htsExactFormat_cram, htslib::htsExactFormat_sam]
                    .contains(&(*file).format.format)
            {
                return Err(wrong("is not a BAM, CRAM or SAM file"));
            }
            if alignments.is_cram() && htslib::cram_major_vers((*file).fp.cram) > 3 {
                return Err(wrong("is CRAM 4, which is experimental; convert it with samtools view -b"));
            }
            if let Some(reference) = reference {
                if alignments.is_cram() {
                    // htslib reads both indexes of the FASTA itself.
                    fasta::check(reference)?;
                }
                if htslib::hts_set_fai_filename(file, c_path(reference)?.as_ptr()) != 0 {
                    return Err(Error::input(reference, "cannot be used as the reference of the alignments"));
                }
            }
            let _inside = alignments.watched.as_mut().map(Watched::enter);
            if htslib::hts_check_EOF(file) == 0 {
                return Err(wrong("is truncated: it has no end-of-file block; copy or make it again"));
            }
            if (*file).format.format == htslib::htsExactFormat_bam {
                // Its length follows four bytes that name the format.
                let length = hts_file::announced(htslib::hts_get_bgzfp(file), 4);
                match length {
                    Some(length) if length > LONGEST_HEADER => {
                        return Err(wrong("has a BAM header of more than 256 MB, which is not supported"))
                    }
                    Some(_) => {}
                    // Its first block ends within it, as no program writes it.
                    None => return Err(wrong("has no readable header")),
                }
            }
            alignments.header = htslib::sam_hdr_read(file);
            alignments.record = htslib::bam_init1();
            if alignments.header.is_null() || alignments.record.is_null() {
                return Err(wrong("has no readable header"));
            }
        }
        alignments.read_header()?;
        if alignments.is_cram() {
            alignments.forget_other_references();
        }
        Ok(alignments)
    }

    /// Remove from the header of a CRAM, as htslib has it for decoding, what it would find a reference by: the files
    /// that it names (UR) and checksums (M5), which are looked up in REF_PATH, REF_CACHE and on the internet. Whoever
    /// made the file would otherwise choose what is opened here.
    fn forget_other_references(&mut self) {
        // SAFETY: the file is an open CRAM, whose header belongs to it; the strings are terminated.
        unsafe {
            let header = htslib::cram_fd_get_header((*self.file).fp.cram);
            for (name, _) in self.contigs.iter() {
                let Ok(name) = CString::new(name) else { continue };
                for tag in [c"UR", c"M5"] {
                    let (line, key) = (c"SQ".as_ptr(), c"SN".as_ptr());
                    htslib::sam_hdr_remove_tag_id(header, line, key, name.as_ptr(), tag.as_ptr());
                }
            }
        }
    }

    /// Start the threads that decompress blocks ahead, after everything else that they would be needed for: htslib 1.19
    /// waits for ever for one that has met a damaged block, be it to check the end-of-file block or to seek.
    fn start_threads(&mut self) -> Result<()> {
        let threads = std::mem::replace(&mut self.threads, 1);
        // SAFETY: the file is open.
        let text = unsafe { (*self.file).format.format == htslib::htsExactFormat_sam };
        // Text would be parsed by several threads, which do not report the line of an error.
        match threads > 1 && !text {
            true => self.decompress_ahead(threads.min(1024) as i32 - 1),
            false => Ok(()),
        }
    }

    /// Start `workers` threads that decompress blocks ahead: more blocks than the two per thread of htslib, with which
    /// reader and threads wait for each other.
    fn decompress_ahead(&mut self, workers: i32) -> Result<()> {
        // SAFETY: the file is open, and the pool lives until after it is closed.
        let set = unsafe {
            self.pool = htslib::hts_tpool_init(workers);
            let mut pool =
                htslib::htsThreadPool { pool: self.pool, qsize: workers.saturating_mul(2).max(BLOCKS_AHEAD) };
            !self.pool.is_null() && htslib::hts_set_thread_pool(self.file, &mut pool) == 0
        };
        if set {
            Ok(())
        } else {
            Err(self.wrong("cannot be read with several threads; give -@ 1".into()))
        }
    }

    fn read_header(&mut self) -> Result<()> {
        let mut list = Vec::new();
        // SAFETY: the header is valid, and i is below its number of contigs.
        unsafe {
            for i in 0..htslib::sam_hdr_nref(self.header) {
                let name = htslib::sam_hdr_tid2name(self.header, i);
                let length = u64::try_from(htslib::sam_hdr_tid2len(self.header, i)).unwrap_or(0);
                let name = if name.is_null() { None } else { CStr::from_ptr(name).to_str().ok() };
                let name = name.ok_or_else(|| {
                    Error::input(&self.path, format!("has a broken header: the name of contig {}", i + 1))
                })?;
                list.push((name.to_string(), length));
            }
            let text = htslib::sam_hdr_str(self.header);
            if !text.is_null() {
                let text = CStr::from_ptr(text).to_string_lossy();
                self.sample = only_sample(&text);
                self.groups = ReadGroups::from_header(&text);
            }
        }
        if list.is_empty() {
            return Err(Error::input(&self.path, "has no contigs in its header (@SQ); is it aligned?"));
        }
        self.contigs = Contigs::new(list);
        Ok(())
    }

    /// Accept records in any order, instead of reporting those that precede the one before them as an error.
    pub fn in_any_order(&mut self) {
        self.any_order = true;
    }

    /// The header as text.
    pub fn header_text(&self) -> String {
        // SAFETY: the header is valid, and its text a C string where there is one.
        unsafe {
            let text = htslib::sam_hdr_str(self.header);
            match text.is_null() {
                true => String::new(),
                false => CStr::from_ptr(text).to_string_lossy().into_owned(),
            }
        }
    }

    /// The file name given to [`Alignments::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The contigs of the header.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// The sample (SM) of the read groups, if they all name the same one.
    pub fn sample(&self) -> Option<&str> {
        self.sample.as_deref()
    }

    /// The read groups of the header.
    pub fn read_groups(&self) -> &ReadGroups {
        &self.groups
    }

    fn wrong(&self, problem: String) -> Error {
        Error::input(&self.path, problem)
    }

    /// The next alignment, or `None` at the end of a complete file.
    ///
    /// # Errors
    /// A record that cannot be read, a truncated file, records out of order.
    #[inline]
    pub fn next_read(&mut self) -> Result<Option<Alignment<'_>>> {
        if self.threads > 1 && self.index.is_null() {
            self.start_threads()?;
        }
        let code = loop {
            if self.index.is_null() {
                let inside = self.watched.as_mut().map(Watched::enter);
                // SAFETY: all three are valid for the life of self.
                let code = unsafe { htslib::sam_read1(self.file, self.header, self.record) };
                drop(inside);
                if code >= 0 && self.spans.is_some() && !self.in_spans() {
                    self.records += 1;
                    self.view()?;
                    continue;
                }
                break code;
            }
            if self.iterator.is_null() && !self.straight && !self.next_span()? {
                return Ok(None);
            }
            if self.straight {
                // SAFETY: all three are valid for the life of self.
                let code = unsafe { htslib::sam_read1(self.file, self.header, self.record) };
                match code >= 0 && !self.in_spans() {
                    true if self.after_spans() => return Ok(None),
                    true => continue,
                    false if code == -1 => return Ok(None),
                    false => break code,
                }
            }
            let inside = self.watched.as_mut().map(Watched::enter);
            // SAFETY: iterator, record and file are valid. A CRAM iterator takes no BGZF handle.
            let code = unsafe {
                let bgzf = if (*self.file).is_bgzf() != 0 { (*self.file).fp.bgzf } else { ptr::null_mut() };
                htslib::hts_itr_next(bgzf, self.iterator, self.record.cast(), self.file.cast())
            };
            drop(inside);
            if code == -1 {
                // SAFETY: ours, freed once.
                unsafe { htslib::hts_itr_destroy(self.iterator) };
                self.iterator = ptr::null_mut();
                self.span += 1;
                continue;
            }
            if code >= 0 && self.in_earlier_span() {
                continue;
            }
            break code;
        };
        if code == -1 {
            self.check_end()?;
            return Ok(None);
        }
        self.records += 1;
        if code < -1 {
            let hint = if self.is_cram() && !self.has_reference {
                "; a CRAM needs its reference: give -f FASTA (or a BAM, with --hap1-bam and --hap2-bam)"
            } else if self.is_cram() {
                "; it is truncated, damaged, or the reference is not the one it was made with"
            } else {
                ": it is truncated or damaged"
            };
            return Err(self.wrong(format!("alignment {} cannot be read{hint}", self.records)));
        }
        self.view().map(Some)
    }

    /// The alignment that [`Alignments::next_read`] returned last.
    ///
    /// # Errors
    /// None, if that call succeeded.
    pub fn current(&mut self) -> Result<Alignment<'_>> {
        self.view()
    }

    fn is_cram(&self) -> bool {
        // SAFETY: the file is open.
        unsafe { (*self.file).format.format == htslib::htsExactFormat_cram }
    }

    /// Check that the file ends with an end-of-file block, which for a pipe is known only now.
    fn check_end(&self) -> Result<()> {
        // A CRAM older than version 3 may lack it.
        // SAFETY: the file is open, and is_bgzf and the format say which member of the union is set.
        let cut = unsafe {
            let file = &*self.file;
            if file.is_bgzf() != 0 {
                file.format.compression == htslib::htsCompression_bgzf
                    && !file.fp.bgzf.is_null()
                    && (*file.fp.bgzf).no_eof_block() != 0
            } else {
                self.is_cram()
                    && !file.fp.cram.is_null()
                    && htslib::cram_major_vers(file.fp.cram) >= 3
                    && htslib::cram_container_is_empty(file.fp.cram) == 0
            }
        };
        if cut {
            let n = self.records;
            let problem = format!("is truncated: it ends after alignment {n} without an end-of-file block");
            return Err(Error::truncated(&self.path, problem));
        }
        Ok(())
    }

    /// The current record, with its sizes checked against its buffer and its position against the record before.
    #[inline]
    fn view(&mut self) -> Result<Alignment<'_>> {
        // SAFETY: the record was just read; every slice is checked to be within its l_data bytes.
        let view = unsafe {
            let core = &(*self.record).core;
            let size = usize::try_from((*self.record).l_data).unwrap_or(0);
            let data: &[u8] = if size == 0 { &[] } else { std::slice::from_raw_parts((*self.record).data, size) };
            let l_name = core.l_qname as usize;
            let l_cigar = core.n_cigar as usize * 4;
            let l_bases = usize::try_from(core.l_qseq).unwrap_or(0);
            let at_bases = l_name + l_cigar;
            let at_qualities = at_bases + l_bases.div_ceil(2);
            if at_qualities + l_bases > size || !l_name.is_multiple_of(4) {
                return Err(self.wrong(format!("alignment {} is damaged", self.records)));
            }
            // The name is terminated and padded with zeros.
            let used = l_name.saturating_sub(core.l_extranul as usize + 1);
            Alignment {
                contig: core.tid,
                position: core.pos,
                mapping_quality: core.qual,
                flags: core.flag,
                mate_contig: core.mtid,
                mate_position: core.mpos,
                template_length: core.isize_,
                name: &data[..used],
                // Aligned: htslib pads the name to four bytes and allocates the data.
                cigar: std::slice::from_raw_parts(data[l_name..].as_ptr().cast(), core.n_cigar as usize),
                bases: &data[at_bases..at_qualities],
                qualities: &data[at_qualities..at_qualities + l_bases],
                tags: &data[at_qualities + l_bases..],
            }
        };
        // Unplaced reads (contig -1) come last.
        let place = (view.contig as u32, view.position);
        if place < self.last && !self.any_order {
            let name = String::from_utf8_lossy(view.name).into_owned();
            return Err(Error::input(
                &self.path,
                format!(
                    "alignment {} (\"{name}\") precedes the one before it; sort the file with samtools sort",
                    self.records
                ),
            ));
        }
        if view.contig >= self.contigs.len() as i32 {
            return Err(Error::input(
                &self.path,
                format!("alignment {} is on a contig that the header does not have", self.records),
            ));
        }
        // Damaged CRAM records can have any numbers here.
        let contigs = -1..self.contigs.len() as i32;
        if !contigs.contains(&view.contig) || !contigs.contains(&view.mate_contig) {
            return Err(self.wrong(format!("alignment {} is damaged: it has no such contig or mate", self.records)));
        }
        self.last = place;
        Ok(view)
    }
}

/// The sample (SM) of the read groups in a SAM header, if they all name the same one.
fn only_sample(header: &str) -> Option<String> {
    let mut samples = header
        .lines()
        .filter(|l| l.starts_with("@RG\t"))
        .filter_map(|l| l.split('\t').find_map(|f| f.strip_prefix("SM:")))
        .filter(|s| !s.is_empty());
    let first = samples.next()?;
    samples.all(|s| s == first).then(|| first.to_string())
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
