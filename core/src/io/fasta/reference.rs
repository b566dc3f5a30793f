//! The reference genome: an indexed FASTA, plain or BGZF.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::fasta::plain::PlainLines;
use crate::io::index_check::{CheckedIndex, NoIndex};
use crate::io::paths::{c_path, with_suffix};
use crate::io::Contigs;

/// Bases read at a time where requests are close to each other: neighbouring windows then cost one copy each.
const CHUNK: i64 = 1 << 18;
/// Bases read at a time where requests are far apart: each needs a BGZF block to be decompressed.
const FAR_CHUNK: i64 = 1 << 13;
/// Bases read before the one requested, since the next window may begin a little earlier.
const BEFORE: i64 = 1 << 11;

/// Whether a letter of a FASTA is `base` or an ambiguity code that includes it (both upper case). VCF 4.3 has the first base
/// of a code, in the order of the alphabet, in REF; other callers write another of its bases.
pub fn stands_for(letter: u8, base: u8) -> bool {
    let bases: &[u8] = match letter {
        b'N' => return true,
        b'R' => b"AG",
        b'Y' => b"CT",
        b'S' => b"CG",
        b'W' => b"AT",
        b'K' => b"GT",
        b'M' => b"AC",
        b'B' => b"CGT",
        b'D' => b"AGT",
        b'H' => b"ACT",
        b'V' => b"ACG",
        _ => b"",
    };
    letter == base || bases.contains(&base)
}

/// An open FASTA file with its index.
pub struct Reference {
    path: PathBuf,
    index: Index,
    contigs: Contigs,
    /// If the file is uncompressed.
    lines: Option<PlainLines>,
    cached: Option<Chunk>,
}

/// Bases in memory, in upper case, from 0-based position `start`.
struct Chunk {
    contig: usize,
    start: i64,
    bases: Vec<u8>,
}

/// htslib's index. `rust_htslib::faidx` checks neither opening nor fetching, so this uses htslib itself.
struct Index(NonNull<htslib::faidx_t>);

// SAFETY: htslib keeps no thread-local state for an index, and it is never shared.
unsafe impl Send for Index {}

impl Drop for Index {
    fn drop(&mut self) {
        // SAFETY: the pointer came from fai_load3 and is destroyed once.
        unsafe { htslib::fai_destroy(self.0.as_ptr()) }
    }
}

/// Open the FASTA `path` and check its `.fai` and, if it is compressed, its `.gzi`.
///
/// # Errors
/// As [`Reference::open`].
fn open_checked(path: &Path) -> Result<(File, CheckedIndex, Option<CheckedIndex>)> {
    let mut start = [0; 4];
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    if file.metadata().map_err(|e| Error::io(path, e))?.is_dir() {
        return Err(Error::input(path, "is a folder, not a FASTA file"));
    }
    match file.read_exact(&mut start) {
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
            return Err(Error::input(path, "is not a FASTA file: it is almost empty"))
        }
        other => other.map_err(|e| Error::io(path, e))?,
    }
    let compressed = start.starts_with(&[0x1f, 0x8b]);
    if compressed && start[3] & 4 == 0 {
        return Err(Error::input(path, "is compressed with gzip, not bgzip: decompress it and compress it with bgzip"));
    }
    if !compressed && start[0] != b'>' && start[0] != b';' {
        return Err(Error::input(path, "is not a FASTA file: it does not begin with >"));
    }
    let refused = |suffix: &str, why: NoIndex| {
        let why = match why {
            NoIndex::Missing => format!("has no index \"{}\"", with_suffix(path, suffix).display()),
            damaged => damaged.to_string(),
        };
        Error::input(path, format!("{why}; make it with: samtools faidx {}", path.display()))
    };
    let sequences = CheckedIndex::of_fasta(path).map_err(|why| refused(".fai", why))?;
    let blocks = match compressed {
        true => Some(CheckedIndex::of_blocks(path).map_err(|why| refused(".gzi", why))?),
        false => None,
    };
    Ok((file, sequences, blocks))
}

/// Check that `path` is a FASTA with sound indexes, for what htslib opens itself.
///
/// # Errors
/// As [`Reference::open`].
pub(in crate::io) fn check(path: &Path) -> Result<()> {
    open_checked(path).map(|_| ())
}

impl Reference {
    /// Open `path`, a FASTA file with its index `.fai` (and `.gzi` if compressed with bgzip) in the same folder. A missing
    /// index is not created, since the folder may be shared or read-only.
    ///
    /// # Errors
    /// The file or an index is missing or unreadable, is not FASTA, or is compressed with gzip instead of bgzip.
    pub fn open(path: &Path) -> Result<Self> {
        let make = format!("make it with: samtools faidx {}", path.display());
        let (file, checked, blocks) = open_checked(path)?;
        let name = c_path(path)?;
        let (sequences, offsets) = (checked.name(), blocks.as_ref().map(CheckedIndex::name));
        let offsets = offsets.as_ref().map_or(std::ptr::null(), |offsets| offsets.as_ptr());
        // SAFETY: valid C strings, or null; flags 0 asks htslib not to build an index.
        let index = unsafe { htslib::fai_load3(name.as_ptr(), sequences.as_ptr(), offsets, 0) };
        let index = NonNull::new(index)
            .map(Index)
            .ok_or_else(|| Error::input(path, format!("has an index that cannot be read; {make}")))?;
        // SAFETY: the index is open.
        let n = unsafe { htslib::faidx_nseq(index.0.as_ptr()) };
        let mut list = Vec::new();
        for i in 0..n {
            // SAFETY: i is in range, and the name lives as long as the index.
            let name = unsafe {
                let name = htslib::faidx_iseq(index.0.as_ptr(), i);
                if name.is_null() {
                    continue;
                }
                CStr::from_ptr(name)
            };
            // SAFETY: both pointers are valid.
            let length = unsafe { htslib::faidx_seq_len64(index.0.as_ptr(), name.as_ptr()) };
            let name = name.to_str().map_err(|_| {
                Error::input(with_suffix(path, ".fai"), format!("line {}: the name is not UTF-8 text", i + 1))
            })?;
            list.push((name.to_string(), u64::try_from(length).unwrap_or(0)));
        }
        if list.is_empty() {
            return Err(Error::input(path, format!("has an index without sequences; {make}")));
        }
        let contigs = Contigs::new(list);
        let lines = if blocks.is_some() { None } else { PlainLines::open(file, checked.bytes(), &contigs) };
        Ok(Self { path: path.to_path_buf(), index, contigs, lines, cached: None })
    }

    /// The file name given to [`Reference::open`].
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The sequences, in the order of the index.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// A whole contig in the case of the file: soft-masked bases are lower case.
    ///
    /// # Errors
    /// As [`Reference::fetch`].
    pub fn as_written(&mut self, contig: usize) -> Result<Vec<u8>> {
        if contig >= self.contigs.len() {
            return Err(Error::input(&self.path, format!("has no sequence number {}", contig + 1)));
        }
        match i64::try_from(self.contigs.length(contig)) {
            Ok(0) => Ok(Vec::new()),
            Ok(length) => self.load(contig, 0, length),
            Err(_) => Err(Error::input(&self.path, "has an index with an impossible length")),
        }
    }

    /// True if the contig has `bases` (upper case) from `start` (0-based) on. An ambiguity code of the file matches the bases
    /// that it stands for, N any ([`stands_for`]); past the end of the contig nothing matches.
    ///
    /// # Errors
    /// As [`Reference::fetch`].
    pub fn matches(&mut self, contig: usize, start: u64, bases: &[u8]) -> Result<bool> {
        let fits = |found: &[u8]| found.iter().zip(bases).all(|(&f, &b)| stands_for(f, b));
        let end = start.saturating_add(bases.len() as u64);
        if contig < self.contigs.len() && end > self.contigs.length(contig) {
            return Ok(false);
        }
        // Without a copy where it is in memory: this is called for every record of a VCF.
        if let Some(chunk) = self.cached.as_ref().filter(|c| c.contig == contig && c.start as u64 <= start) {
            let at = (start - chunk.start as u64) as usize;
            if let Some(found) = chunk.bases.get(at..at + bases.len()) {
                return Ok(fits(found));
            }
        }
        Ok(fits(&self.fetch(contig, start as i64, end as i64)?))
    }

    /// Bases `start..end` (0-based half-open) of a contig in upper case; N before its start and past its end.
    ///
    /// # Errors
    /// The file cannot be read, or holds something other than letters there (an outdated index).
    pub fn fetch(&mut self, contig: usize, start: i64, end: i64) -> Result<Vec<u8>> {
        if contig >= self.contigs.len() {
            return Err(Error::input(&self.path, format!("has no sequence number {}", contig + 1)));
        }
        let length = i64::try_from(self.contigs.length(contig)).unwrap_or(i64::MAX);
        let wanted = usize::try_from(end.saturating_sub(start)).unwrap_or(0);
        let (from, to) = (start.clamp(0, length), end.clamp(0, length));
        if from >= to {
            return Ok(vec![b'N'; wanted]);
        }
        let inside = |c: &Chunk| c.contig == contig && c.start <= from && to <= c.start + c.bases.len() as i64;
        if !self.cached.as_ref().is_some_and(inside) {
            let first = (from - BEFORE).max(0);
            let near = |c: &Chunk| c.contig == contig && (from - c.start).abs() < CHUNK;
            let size = if self.cached.as_ref().is_some_and(near) { CHUNK } else { FAR_CHUNK };
            let last = to.max(first.saturating_add(size)).min(length);
            // Released first: a window may be as large as a chromosome.
            self.cached = None;
            let mut bases = self.load(contig, first, last)?;
            bases.make_ascii_uppercase();
            self.cached = Some(Chunk { contig, start: first, bases });
        }
        let mut bases = Vec::with_capacity(wanted);
        bases.resize((from - start) as usize, b'N');
        if let Some(chunk) = &self.cached {
            bases.extend_from_slice(&chunk.bases[(from - chunk.start) as usize..(to - chunk.start) as usize]);
        }
        bases.resize(wanted, b'N');
        Ok(bases)
    }

    /// Read `start..end`, which is within the contig, in the case of the file.
    fn load(&self, contig: usize, start: i64, end: i64) -> Result<Vec<u8>> {
        let name = self.contigs.name(contig);
        let stale = || {
            Error::truncated(
                &self.path,
                format!("cannot be read at {name}:{}-{end}; the file is truncated or its index is outdated", start + 1),
            )
        };
        if let Some(lines) = &self.lines {
            let bases = lines.read(contig, start as u64, end as u64).ok_or_else(stale)?;
            return if all_letters(&bases) { Ok(bases) } else { Err(stale()) };
        }
        let c_name = CString::new(name).map_err(|_| stale())?;
        let mut length: htslib::hts_pos_t = 0;
        // SAFETY: valid pointers; the last position is inclusive. The buffer is malloc's and freed below.
        let bases = unsafe {
            let sequence =
                htslib::faidx_fetch_seq64(self.index.0.as_ptr(), c_name.as_ptr(), start, end - 1, &mut length);
            if sequence.is_null() {
                return Err(stale());
            }
            let bases = match usize::try_from(length) {
                Ok(n) => std::slice::from_raw_parts(sequence as *const u8, n).to_vec(),
                Err(_) => Vec::new(),
            };
            libc::free(sequence as *mut libc::c_void);
            bases
        };
        if bases.len() as i64 != end - start || !all_letters(&bases) {
            return Err(stale());
        }
        Ok(bases)
    }
}

/// True if all are letters; without a branch, so that it is vectorised.
fn all_letters(bases: &[u8]) -> bool {
    bases.iter().fold(0u8, |wrong, b| wrong | u8::from((b | 32).wrapping_sub(b'a') > 25)) == 0
}

/// A FASTA file with its index, made in a folder of the test's own.
#[cfg(test)]
pub(crate) fn test_reference(folder: &Path, contigs: &[(&str, &[u8])]) -> Reference {
    let path = folder.join("ref.fa");
    let (mut text, mut index) = (Vec::new(), String::new());
    for (name, bases) in contigs {
        text.extend_from_slice(format!(">{name}\n").as_bytes());
        index += &format!("{name}\t{}\t{}\t60\t61\n", bases.len(), text.len());
        for line in bases.chunks(60) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }
    std::fs::write(&path, text).unwrap();
    std::fs::write(folder.join("ref.fa.fai"), index).unwrap();
    Reference::open(&path).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_upper_case_and_padded_with_n() {
        let folder = tempfile::tempdir().unwrap();
        let mut r = test_reference(folder.path(), &[("chr1", b"acgtACGTnn"), ("chr2", &[b'g'; 200])]);
        assert_eq!(r.contigs().length(1), 200);
        assert_eq!(r.fetch(0, -3, 5).unwrap(), b"NNNACGTA");
        assert_eq!(r.fetch(0, 6, 13).unwrap(), b"GTNNNNN");
        assert_eq!(r.fetch(0, 50, 52).unwrap(), b"NN");
        assert_eq!(r.fetch(0, -9, -7).unwrap(), b"NN");
        assert_eq!(r.fetch(0, 4, 4).unwrap(), b"");
        assert_eq!(r.fetch(1, 190, 201).unwrap(), b"GGGGGGGGGGN");
        assert!(r.fetch(2, 0, 1).is_err());
    }

    #[test]
    fn any_order_gives_the_same_as_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let bases: Vec<u8> =
            (0..700_000u32).map(|i| b"ACGT"[(i.wrapping_mul(2654435761) >> 13) as usize % 4]).collect();
        let mut r = test_reference(folder.path(), &[("a", &bases)]);
        for (start, end) in [(0, 10), (262_000, 263_000), (690_000, 700_000), (5, 600_000), (1, 2), (300_000, 300_001)]
        {
            assert_eq!(r.fetch(0, start, end).unwrap(), bases[start as usize..end as usize]);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.fa");
        let message = |path: &Path| Reference::open(path).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message(&path).contains("x.fa"));
        std::fs::write(&path, ">a\nACGT\n").unwrap();
        assert!(message(&path).contains("samtools faidx"));
        std::fs::write(&path, "nonsense").unwrap();
        assert!(message(&path).contains("does not begin with >"));
        std::fs::write(&path, ">").unwrap();
        assert!(message(&path).contains("empty"));
        // An index that promises more than there is.
        std::fs::write(&path, ">a\nACGT\n").unwrap();
        std::fs::write(folder.path().join("x.fa.fai"), "a\t900000000000\t3\t60\t61\n").unwrap();
        let mut r = Reference::open(&path).unwrap();
        let error = r.fetch(0, 0, 100).unwrap_err().to_string();
        assert!(error.contains("truncated"), "{error}");
    }
}
