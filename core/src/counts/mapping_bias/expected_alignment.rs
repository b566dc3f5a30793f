//! Where an aligner would place an error-free read of a haplotype on the reference, and with which CIGAR.
//!
//! No search is needed: the read consists of blocks that haplotype and reference share, one on each side of an indel.
//! An aligner reports the best-scoring path through some consecutive blocks, the first and last extended without a gap
//! as far as that raises the score, and the rest clipped. So an indel near the end of a read is lost here as it is in an
//! aligner: as mismatches, as chance or repeat matches, or in a soft clip. Alignments with gaps other than those of the
//! haplotype are not considered.

use crate::genome::Edit;

/// Scores and limits of the aligner. The defaults are those of `bwa mem`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// Score of a match.
    pub matching: i32,
    /// Penalty of a mismatch. A base aligned to N has a penalty of 1.
    pub mismatch: i32,
    /// Penalty of a gap of any length.
    pub gap_open: i32,
    /// Penalty of each base of a gap.
    pub gap_extend: i32,
    /// Penalty of clipping an end.
    pub clip: i32,
    /// Reads with a lower score are not aligned.
    pub minimum: i32,
    /// Reads with more differences (mismatches, inserted and deleted bases) are not aligned.
    pub differences: Option<u32>,
}

impl Default for Scoring {
    fn default() -> Self {
        Self { matching: 1, mismatch: 4, gap_open: 6, gap_extend: 1, clip: 5, minimum: 30, differences: None }
    }
}

/// Bases that haplotype and reference share position by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SharedBlock {
    /// First base in the haplotype's sequence.
    haplotype: usize,
    /// First base in the reference window.
    reference: usize,
    length: usize,
}

/// The sequence of a haplotype over a window of the reference, aligned to it.
#[derive(Clone, Debug)]
pub struct HaplotypeWindow {
    /// Position of the window's first base on the contig, 0-based.
    start: u64,
    reference: Vec<u8>,
    sequence: Vec<u8>,
    /// With gaps as in the edits, to look up positions.
    blocks: Vec<SharedBlock>,
    /// With left-aligned gaps, as aligners report them.
    left_aligned: Vec<SharedBlock>,
    /// Bases of each edit in `sequence`, empty for a deletion.
    edits: Vec<(usize, usize)>,
}

/// The alignment that an aligner would report for a read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedAlignment {
    /// First aligned base on the contig, 0-based.
    pub position: u64,
    /// Operations as in BAM: length << 4 | operation.
    pub cigar: Vec<u32>,
    /// Alignment score, without penalties for clipping.
    pub score: i32,
    /// Mismatches, inserted and deleted bases.
    pub differences: u32,
}

impl HaplotypeWindow {
    /// The haplotype with `edits` (sorted, not overlapping, all within the window) over `reference`, the bases of the
    /// contig from `start` (0-based) on.
    pub fn new(start: u64, reference: &[u8], edits: &[Edit]) -> Self {
        let mut window = Self {
            start,
            reference: reference.to_vec(),
            sequence: Vec::with_capacity(reference.len()),
            blocks: Vec::new(),
            left_aligned: Vec::new(),
            edits: Vec::new(),
        };
        let mut copied = 0;
        for edit in edits {
            let (from, to) = ((edit.start - start) as usize, (edit.end - start) as usize);
            window.sequence.extend_from_slice(&reference[copied..from]);
            window.share(copied, from - copied);
            // As many inserted bases as possible are aligned to replaced ones; the gap is where most of them match.
            let (old, new) = (&reference[from..to], edit.bases);
            let shared = old.len().min(new.len());
            let before = gap_offset(old, new);
            let at = window.sequence.len();
            window.edits.push((at, at + new.len()));
            window.sequence.extend_from_slice(&new[..before]);
            window.share(from, before);
            let after = shared - before;
            window.sequence.extend_from_slice(&new[before..]);
            let end = window.sequence.len();
            window.push(SharedBlock { haplotype: end - after, reference: to - after, length: after });
            copied = to;
        }
        window.sequence.extend_from_slice(&reference[copied..]);
        window.share(copied, reference.len() - copied);
        window.align_left();
        window
    }

    /// Add a block: the last `length` bases of the sequence, and the reference from `reference` on.
    fn share(&mut self, reference: usize, length: usize) {
        self.push(SharedBlock { haplotype: self.sequence.len() - length, reference, length });
    }

    fn push(&mut self, next: SharedBlock) {
        match self.blocks.last_mut() {
            _ if next.length == 0 => {}
            Some(last)
                if last.haplotype + last.length == next.haplotype && last.reference + last.length == next.reference =>
            {
                last.length += next.length;
            }
            _ => self.blocks.push(next),
        }
    }

    fn align_left(&mut self) {
        self.left_aligned = self.blocks.clone();
        for i in 1..self.left_aligned.len() {
            let (before, after) = self.left_aligned.split_at_mut(i);
            let (before, after) = (&mut before[i - 1], &mut after[0]);
            while before.length > 1 && self.sequence[after.haplotype - 1] == self.reference[after.reference - 1] {
                before.length -= 1;
                after.haplotype -= 1;
                after.reference -= 1;
                after.length += 1;
            }
        }
    }

    /// The bases of the haplotype.
    pub fn sequence(&self) -> &[u8] {
        &self.sequence
    }

    /// The bases of the reference.
    pub fn reference(&self) -> &[u8] {
        &self.reference
    }

    /// Start and end (0-based half-open) of the bases of edit `i` in the sequence; equal for a deletion.
    pub fn edit(&self, i: usize) -> (usize, usize) {
        self.edits[i]
    }

    /// Index in the sequence of the first base at or after `position` (0-based) of the contig.
    pub fn at(&self, position: u64) -> usize {
        let position = position.saturating_sub(self.start) as usize;
        let i = self.blocks.partition_point(|b| b.reference + b.length <= position);
        match self.blocks.get(i) {
            Some(b) => b.haplotype + position.saturating_sub(b.reference),
            None => self.sequence.len(),
        }
    }

    /// Align the read of bases `from..from + length` of the sequence to the reference; false if an aligner would leave
    /// it unaligned.
    pub fn align(&self, from: usize, length: usize, scoring: &Scoring, alignment: &mut ExpectedAlignment) -> bool {
        let first = self.left_aligned.partition_point(|b| b.haplotype + b.length <= from);
        let within = |b: &&SharedBlock| b.haplotype < from + length;
        let n = self.left_aligned[first..].iter().take_while(within).count();
        let blocks = &self.left_aligned[first..first + n];
        let mut best: Option<Path> = None;
        // Fewer gaps first: at equal scores the simpler path is kept.
        for more in 0..n {
            for a in 0..n - more {
                let path = self.best_path(from, length, &blocks[a..=a + more], scoring);
                if best.as_ref().is_none_or(|b| path.score > b.score) {
                    best = Some(Path { first: a, last: a + more, ..path });
                }
            }
        }
        let Some(path) = best.filter(|p| p.from < p.to) else { return false };
        self.describe(from, length, &blocks[path.first..=path.last], &path, alignment);
        let unclipped = (path.from == 0) as i32 + (path.to == length) as i32;
        alignment.score = path.score - unclipped * scoring.clip;
        alignment.score >= scoring.minimum && scoring.differences.is_none_or(|most| alignment.differences <= most)
    }

    /// The best-scoring part of the read along consecutive `blocks`.
    fn best_path(&self, from: usize, length: usize, blocks: &[SharedBlock], scoring: &Scoring) -> Path {
        let mut best = Path::default();
        let (mut score, mut start) = (scoring.clip, 0);
        for (k, block) in blocks.iter().enumerate() {
            let (begin, end) = columns(from, length, blocks, k);
            if k > 0 {
                let gaps = gap_between(&blocks[k - 1], block);
                for gap in [gaps.0, gaps.1].into_iter().filter(|g| *g > 0) {
                    score -= scoring.gap_open + scoring.gap_extend * gap as i32;
                }
            }
            for column in begin..end {
                if score <= 0 {
                    (score, start) = (0, column);
                }
                score += self.column(from + column, block, scoring);
                let total = score + if column + 1 == length { scoring.clip } else { 0 };
                if total > best.score {
                    best = Path { score: total, from: start, to: column + 1, ..best };
                }
            }
        }
        best
    }

    /// Score of base `i` of the sequence on the diagonal of a block.
    fn column(&self, i: usize, block: &SharedBlock, scoring: &Scoring) -> i32 {
        match self.reference_base(i, block) {
            b'N' => -1,
            base if base == self.sequence[i] => scoring.matching,
            _ if self.sequence[i] == b'N' => -1,
            _ => -scoring.mismatch,
        }
    }

    /// Reference base aligned to base `i` on the diagonal of a block, N outside the window.
    fn reference_base(&self, i: usize, block: &SharedBlock) -> u8 {
        let index = (i + block.reference).checked_sub(block.haplotype);
        index.and_then(|p| self.reference.get(p)).copied().unwrap_or(b'N')
    }

    /// Position, CIGAR and differences of a path.
    fn describe(
        &self,
        from: usize,
        length: usize,
        blocks: &[SharedBlock],
        path: &Path,
        alignment: &mut ExpectedAlignment,
    ) {
        alignment.cigar.clear();
        alignment.differences = 0;
        let mut push = |n: usize, operation: u32| {
            if n > 0 {
                alignment.cigar.push((n as u32) << 4 | operation);
            }
        };
        push(path.from, 4);
        let mut inside = false;
        for (k, block) in blocks.iter().enumerate() {
            let (begin, end) = columns(from, length, blocks, k);
            let (begin, end) = (begin.max(path.from), end.min(path.to));
            if begin >= end {
                continue;
            }
            if inside {
                let (inserted, deleted) = gap_between(&blocks[k - 1], block);
                push(inserted, 1);
                push(deleted, 2);
                alignment.differences += (inserted + deleted) as u32;
            } else {
                // A path never begins outside the window, where nothing matches.
                alignment.position = self.start + (from + begin + block.reference - block.haplotype) as u64;
            }
            inside = true;
            push(end - begin, 0);
            let differs = |i: &usize| self.sequence[*i] != self.reference_base(*i, block);
            alignment.differences += (from + begin..from + end).filter(differs).count() as u32;
        }
        push(length - path.to, 4);
    }
}

/// Bases `from..to` of a read along the blocks `first..=last`.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    score: i32,
    from: usize,
    to: usize,
    first: usize,
    last: usize,
}

/// Bases of the read along block `k`: those of the block, and for the outer blocks to the ends of the read.
fn columns(from: usize, length: usize, blocks: &[SharedBlock], k: usize) -> (usize, usize) {
    let b = &blocks[k];
    let begin = if k == 0 { 0 } else { b.haplotype.saturating_sub(from) };
    let end = if k + 1 == blocks.len() { length } else { (b.haplotype + b.length).saturating_sub(from) };
    (begin, end)
}

/// Bases inserted and deleted between two blocks.
fn gap_between(before: &SharedBlock, after: &SharedBlock) -> (usize, usize) {
    (after.haplotype - before.haplotype - before.length, after.reference - before.reference - before.length)
}

/// Number of bases of an edit before its gap with which most of the other bases match; the lowest such number.
fn gap_offset(old: &[u8], new: &[u8]) -> usize {
    let shared = old.len().min(new.len());
    let matches = |before: &usize| {
        let after = shared - before;
        let left = old[..*before].iter().zip(&new[..*before]).filter(|(a, b)| a == b).count();
        let right = old[old.len() - after..].iter().zip(&new[new.len() - after..]).filter(|(a, b)| a == b).count();
        left + right
    };
    // max_by_key returns the last of equal elements: in reverse order, the lowest.
    (0..=shared).rev().max_by_key(matches).unwrap_or(0)
}

#[cfg(test)]
#[path = "expected_alignment_tests.rs"]
mod tests;
