//! Indexes are checked here before htslib loads them: 1.19 trusts what a `.bai`, `.csi`, `.tbi`, `.gzi` or `.crai` says
//! about itself, and a damaged one makes it crash, write outside its memory or never end.
//!
//! | module | contents |
//! |---|---|
//! | `binning` | `.bai`, `.csi` and `.tbi`: bins with their chunks, linear indexes, names of contigs |
//! | `crai` | the index of a CRAM |
//! | `gzi` | the blocks of a BGZF file |
//! | `fai` | the sequences of a FASTA |
//!
//! A checked index is handed to htslib as the bytes that were checked, decompressed, in a name of its `data:` scheme. So
//! it reads neither a file that was exchanged in the meantime nor something else out of the same compressed bytes.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::io::paths::with_suffix;

mod binning;
mod crai;
mod fai;
mod gzi;

/// The size that an index may have, decompressed, in bytes, in addition to that of the file that it belongs to. Every
/// part of a real index points to some block of its file, except for what contigs without records need.
const LARGEST: u64 = 64 << 20;

/// Nothing, compressed by gzip.
const NOTHING: [u8; 20] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// An index whose content has been checked.
#[derive(Debug)]
pub(crate) struct CheckedIndex {
    bytes: Vec<u8>,
    /// Positions from this one on (0-based) have no place in it.
    reach: i64,
}

/// Why there is no index to be used.
#[derive(Debug)]
pub(crate) enum NoIndex {
    /// None of the files exists.
    Missing,
    /// The file and what is wrong with it.
    Damaged(PathBuf, String),
}

impl fmt::Display for NoIndex {
    /// The part of a sentence after the name of the file that should have an index.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoIndex::Missing => f.write_str("has no index that can be read"),
            NoIndex::Damaged(index, problem) => {
                write!(f, "has no index that can be read (\"{}\" is damaged: {problem})", index.display())
            }
        }
    }
}

impl CheckedIndex {
    /// The index of the BAM `data` with `contigs` contigs, in the order in which samtools searches for it.
    pub fn of_bam(data: &Path, contigs: usize) -> Result<Self, NoIndex> {
        let index = found(data, &["csi", "bai"]).ok_or(NoIndex::Missing)?;
        read(data, index, |bytes, size| binning::check(bytes, binning::Of::Bam { contigs }, size))
    }

    /// The index of the CRAM `data` with `contigs` contigs.
    pub fn of_cram(data: &Path, contigs: usize) -> Result<Self, NoIndex> {
        let index = found(data, &["crai"]).ok_or(NoIndex::Missing)?;
        let mut checked = read(data, index, |bytes, size| crai::check(bytes, contigs, size).map(|()| i64::MAX))?;
        if checked.bytes.is_empty() {
            // Of a CRAM without reads: htslib accepts nothing only when it is compressed.
            checked.bytes = NOTHING.into();
        }
        Ok(checked)
    }

    /// The index of the VCF or BCF `data`, in the order in which bcftools searches for it.
    pub fn of_vcf(data: &Path, bcf: bool) -> Result<Self, NoIndex> {
        let index = found(data, if bcf { &["csi"] } else { &["csi", "tbi"] }).ok_or(NoIndex::Missing)?;
        let of = if bcf { binning::Of::Bcf } else { binning::Of::Vcf };
        read(data, index, |bytes, size| binning::check(bytes, of, size))
    }

    /// The `.fai` of the FASTA `data`.
    pub fn of_fasta(data: &Path) -> Result<Self, NoIndex> {
        exact(data, ".fai", |bytes, _| fai::check(bytes))
    }

    /// The `.gzi` of the BGZF file `data`.
    pub fn of_blocks(data: &Path) -> Result<Self, NoIndex> {
        exact(data, ".gzi", |bytes, _| gzi::check(bytes))
    }

    /// The first position, 0-based, that the index cannot express: no record begins there or later.
    pub fn reach(&self) -> i64 {
        self.reach
    }

    /// What was checked, decompressed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The name under which htslib reads the bytes that were checked.
    pub fn name(&self) -> CString {
        let mut name = b"data:;base64,".to_vec();
        base64(&self.bytes, &mut name);
        // Base64 has no zero byte.
        CString::new(name).unwrap_or_default()
    }
}

/// The file that htslib would take: for each ending the name with it appended, then in place of the name's own.
fn found(data: &Path, endings: &[&str]) -> Option<PathBuf> {
    let candidates = endings.iter().flat_map(|e| [with_suffix(data, &format!(".{e}")), data.with_extension(e)]);
    candidates.into_iter().find(|path| path.exists())
}

/// Check the index with the name of `data` and `suffix`.
fn exact(
    data: &Path,
    suffix: &str,
    check: impl FnOnce(&[u8], u64) -> Result<(), String>,
) -> Result<CheckedIndex, NoIndex> {
    let index = with_suffix(data, suffix);
    if !index.exists() {
        return Err(NoIndex::Missing);
    }
    read(data, index, |bytes, size| check(bytes, size).map(|()| i64::MAX))
}

/// Read `index`, an index of `data`, and check it with `check`, which is given its bytes and the size of `data` and
/// returns its reach.
fn read(
    data: &Path,
    index: PathBuf,
    check: impl FnOnce(&[u8], u64) -> Result<i64, String>,
) -> Result<CheckedIndex, NoIndex> {
    let outcome = std::fs::metadata(data).map_err(|e| e.to_string()).and_then(|file| {
        let most = LARGEST.saturating_add(file.len());
        let bytes = content(&index, most).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > most {
            return Err(format!("it has more than {most} bytes, too many for an index of this file"));
        }
        let reach = check(&bytes, file.len())?;
        Ok(CheckedIndex { bytes, reach })
    });
    outcome.map_err(|problem| NoIndex::Damaged(index, problem))
}

/// The decompressed bytes of `index`, but not much more than `most` of them.
fn content(index: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(index)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    (&mut file).take(2).read_to_end(&mut bytes)?;
    let start = std::mem::take(&mut bytes);
    let whole = io::Cursor::new(start.clone()).chain(file);
    match start == [0x1f, 0x8b] {
        true => MultiGzDecoder::new(io::BufReader::new(whole)).take(most + 1).read_to_end(&mut bytes)?,
        false => whole.take(most + 1).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// Append `bytes` in base64.
fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            out.push(match i <= three.len() {
                true => LETTERS[(bits >> (18 - 6 * i) & 63) as usize],
                false => b'=',
            });
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
