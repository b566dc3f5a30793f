//! `.bai`, `.csi` and `.tbi`: for each contig its bins with the chunks of the file that they are in, and (except `.csi`)
//! a linear index.

use std::collections::HashSet;

/// The file that an index belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// A BAM with this many contigs.
    Bam {
        contigs: usize,
    },
    Vcf,
    Bcf,
}

/// Sizes of bins in `.bai` and `.tbi`: 2^14 positions in the smallest, five levels above it.
const FIXED: Levels = Levels { smallest: 14, depth: 5 };

/// The bins of an index.
#[derive(Clone, Copy)]
struct Levels {
    /// The smallest bins have 2^smallest positions.
    smallest: u32,
    /// Levels above them, each with bins eight times as large.
    depth: u32,
}

impl Levels {
    fn new(smallest: u32, depth: u32) -> Result<Self, String> {
        // More levels would have numbers of bins above 2^31, more positions than 2^62.
        let fits = smallest >= 1 && depth <= 9 && smallest.checked_add(3 * depth).is_some_and(|bits| bits <= 62);
        match fits {
            true => Ok(Self { smallest, depth }),
            false => Err(format!("its smallest bins of 2^{smallest} bases and {depth} levels are impossible")),
        }
    }

    /// Bins are numbered below it.
    fn bins(self) -> u32 {
        ((1u32 << (3 * self.depth + 3)) - 1) / 7
    }

    /// The number of what is not a bin: where the records of a contig are and how many there are.
    fn summary(self) -> u32 {
        self.bins() + 1
    }

    /// The first position without a bin.
    fn reach(self) -> i64 {
        1 << (self.smallest + 3 * self.depth)
    }
}

/// Check an index (decompressed) of a file with `size` bytes, and return the first position, 0-based, that it cannot
/// express.
pub(super) fn check(bytes: &[u8], of: Of, size: u64) -> Result<i64, String> {
    let mut rest = Rest(bytes);
    let magic = rest.take(4)?;
    let (levels, linear, contigs, names) = match (magic, of) {
        (b"BAI\x01", Of::Bam { .. }) => (FIXED, true, rest.number()?, None),
        (b"TBI\x01", Of::Vcf) => {
            let contigs = rest.number()?;
            (FIXED, true, contigs, Some(tabix(&mut rest)?))
        }
        (b"CSI\x01", _) => {
            let levels = Levels::new(rest.number()?, rest.number()?)?;
            let length = rest.number()?;
            let mut more = Rest(rest.take(u64::from(length))?);
            let names = if of == Of::Vcf { Some(tabix(&mut more)?) } else { None };
            (levels, false, rest.number()?, names)
        }
        _ => {
            let kind = if of == Of::Vcf { "TBI or CSI" } else { "BAI or CSI" };
            return Err(format!("it is not a {kind} index"));
        }
    };
    if names.is_some_and(|names| names != contigs) {
        return Err(format!("it names {} contigs and has {contigs}", names.unwrap_or(0)));
    }
    if matches!(of, Of::Bam { contigs: known } if u64::from(contigs) > known as u64) {
        return Err(format!("it has {contigs} contigs, more than the file"));
    }
    let mut seen = HashSet::new();
    for contig in 0..contigs {
        let at = |problem: String| format!("contig {}: {problem}", contig + 1);
        bins(&mut rest, levels, linear, size, &mut seen).map_err(at)?;
        if linear {
            offsets(&mut rest, size).map_err(at)?;
        }
    }
    // The number of reads without a position, which old indexes lack.
    match rest.0.len() {
        0 | 8 => Ok(levels.reach()),
        n => Err(format!("{n} bytes follow its last contig")),
    }
}

/// The header that tabix writes, of a VCF: the columns and the names of contigs; returns the number of names.
fn tabix(rest: &mut Rest) -> Result<u32, String> {
    let (preset, sequence, begin) = (rest.number()?, rest.number()?, rest.number()?);
    rest.take(12)?;
    // Preset 0 is a table whose columns were given, 2 a VCF.
    if !matches!(preset, 0 | 2) || sequence != 1 || begin != 2 {
        return Err("it was not made for a VCF".into());
    }
    let length = rest.number()?;
    let list = rest.take(u64::from(length))?;
    let Some((&last, _)) = list.split_last() else { return Ok(0) };
    if last != 0 {
        return Err("its names of contigs do not end".into());
    }
    let mut names = HashSet::new();
    for name in list[..list.len() - 1].split(|&b| b == 0) {
        if name.is_empty() || !names.insert(name) {
            return Err(format!("its contig {} has no name, or that of another contig", names.len() + 1));
        }
    }
    Ok(names.len() as u32)
}

/// The bins of one contig.
fn bins(rest: &mut Rest, levels: Levels, linear: bool, size: u64, seen: &mut HashSet<u32>) -> Result<(), String> {
    seen.clear();
    for _ in 0..rest.number()? {
        let bin = rest.number()?;
        if !seen.insert(bin) {
            return Err(format!("bin {bin} is there twice"));
        }
        let first = if linear { 0 } else { rest.offset()? };
        let chunks = rest.number()?;
        let mut list = Rest(rest.take(u64::from(chunks) * 16)?);
        if bin == levels.summary() {
            if chunks != 2 {
                return Err(format!("its summary has {chunks} entries instead of 2"));
            }
            continue;
        }
        if bin >= levels.bins() {
            return Err(format!("there is no bin {bin}"));
        }
        inside(first, size)?;
        let mut last = 0;
        for _ in 0..chunks {
            let (from, to) = (list.offset()?, list.offset()?);
            if from > to || from < last {
                return Err(format!("the chunks of bin {bin} are not in order"));
            }
            inside(to, size)?;
            last = from;
        }
    }
    Ok(())
}

/// The linear index of one contig: zero where old programs left a gap.
fn offsets(rest: &mut Rest, size: u64) -> Result<(), String> {
    let count = rest.number()?;
    let mut list = Rest(rest.take(u64::from(count) * 8)?);
    let mut last = 0;
    for i in 0..count {
        let offset = list.offset()?;
        if offset != 0 && offset < last {
            return Err(format!("offset {} of its linear index is less than the one before it", i + 1));
        }
        inside(offset, size)?;
        last = last.max(offset);
    }
    Ok(())
}

/// Check that an offset (of a block in the file, times 2^16, plus one in the decompressed block) is in a file of `size`
/// bytes.
fn inside(offset: u64, size: u64) -> Result<(), String> {
    match offset >> 16 <= size {
        true => Ok(()),
        false => Err("it points past the end of the file".into()),
    }
}

/// What has not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: u64) -> Result<&'a [u8], String> {
        let (taken, rest) = usize::try_from(n).ok().and_then(|n| self.0.split_at_checked(n)).ok_or("it ends early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u32, String> {
        let four = self.take(4)?;
        Ok(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    }

    fn offset(&mut self) -> Result<u64, String> {
        let (low, high) = (self.number()?, self.number()?);
        Ok(u64::from(high) << 32 | u64::from(low))
    }
}
