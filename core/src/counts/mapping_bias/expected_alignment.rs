//! Where an aligner would put an error-free read of a haplotype on the reference, and with which CIGAR.
//!
//! No search is needed: a read of a haplotype lies on the stretches that haplotype and reference share, one for
//! each side of an indel. What an aligner reports is the best-scoring path over some of these stretches in a
//! row, its first and last extended without a gap as far as that pays, the rest clipped. So an indel close to
//! the end of a read disappears here as it does there: behind mismatches, behind matches by chance or repeat, or
//! in a soft clip. Not found are alignments with other gaps than those of the haplotype.

use crate::genome::Edit;

/// Costs and limits of the aligner. The defaults are those of `bwa mem`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// Gain of a base that matches.
    pub matching: i32,
    /// Cost of one that does not. A base beside an N costs 1.
    pub mismatch: i32,
    /// Cost of a gap, whatever its length.
    pub gap_open: i32,
    /// Cost of each base of a gap.
    pub gap_extend: i32,
    /// Cost of clipping an end.
    pub clip: i32,
    /// A read that scores less is not aligned.
    pub minimum: i32,
    /// A read with more differences (mismatches, inserted and deleted bases) is not aligned.
    pub differences: Option<u32>,
}

impl Default for Scoring {
    fn default() -> Self {
        Self { matching: 1, mismatch: 4, gap_open: 6, gap_extend: 1, clip: 5, minimum: 30, differences: None }
    }
}

/// A run of bases that haplotype and reference share position by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    haplotype: usize,
    /// Index in the reference window.
    reference: usize,
    length: usize,
}

/// A haplotype over a window of the reference, with its map to it.
#[derive(Clone, Debug)]
pub struct Strand {
    /// Position of the window's first base on the contig, 0-based.
    start: u64,
    reference: Vec<u8>,
    sequence: Vec<u8>,
    /// As the edits say, for looking up positions.
    stretches: Vec<Stretch>,
    /// With every gap as far to the left as it goes, as aligners report it.
    left: Vec<Stretch>,
    /// Bases of each edit in `sequence`, empty for a deletion.
    edits: Vec<(usize, usize)>,
}

/// The alignment of a read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// First aligned base on the contig, 0-based.
    pub position: u64,
    /// Operations as in BAM: length << 4 | operation.
    pub cigar: Vec<u32>,
    /// Without gain or cost of the ends.
    pub score: i32,
    /// Mismatches, inserted and deleted bases.
    pub differences: u32,
}

impl Strand {
    /// The haplotype that has `edits` (sorted, not overlapping, all within the window) over `reference`, the bases
    /// of the contig from `start` on.
    pub fn new(start: u64, reference: &[u8], edits: &[Edit]) -> Self {
        let mut strand = Self {
            start,
            reference: reference.to_vec(),
            sequence: Vec::with_capacity(reference.len()),
            stretches: Vec::new(),
            left: Vec::new(),
            edits: Vec::new(),
        };
        let mut copied = 0;
        for edit in edits {
            let (from, to) = ((edit.start - start) as usize, (edit.end - start) as usize);
            strand.sequence.extend_from_slice(&reference[copied..from]);
            strand.share(copied, from - copied);
            // Of bases in place of others as many lie side by side as there can be; the gap is where the others
            // fit best.
            let (old, new) = (&reference[from..to], edit.bases);
            let shared = old.len().min(new.len());
            let before = gap_place(old, new);
            let at = strand.sequence.len();
            strand.edits.push((at, at + new.len()));
            strand.sequence.extend_from_slice(&new[..before]);
            strand.share(from, before);
            let behind = shared - before;
            strand.sequence.extend_from_slice(&new[before..]);
            let end = strand.sequence.len();
            strand.push(Stretch { haplotype: end - behind, reference: to - behind, length: behind });
            copied = to;
        }
        strand.sequence.extend_from_slice(&reference[copied..]);
        strand.share(copied, reference.len() - copied);
        strand.align_left();
        strand
    }

    /// The last `length` bases of the sequence are the reference from `reference` on.
    fn share(&mut self, reference: usize, length: usize) {
        self.push(Stretch { haplotype: self.sequence.len() - length, reference, length });
    }

    fn push(&mut self, next: Stretch) {
        match self.stretches.last_mut() {
            _ if next.length == 0 => {}
            Some(last)
                if last.haplotype + last.length == next.haplotype && last.reference + last.length == next.reference =>
            {
                last.length += next.length;
            }
            _ => self.stretches.push(next),
        }
    }

    fn align_left(&mut self) {
        self.left = self.stretches.clone();
        for i in 1..self.left.len() {
            let (before, behind) = self.left.split_at_mut(i);
            let (before, behind) = (&mut before[i - 1], &mut behind[0]);
            while before.length > 1 && self.sequence[behind.haplotype - 1] == self.reference[behind.reference - 1] {
                before.length -= 1;
                behind.haplotype -= 1;
                behind.reference -= 1;
                behind.length += 1;
            }
        }
    }

    /// The haplotype's bases.
    pub fn sequence(&self) -> &[u8] {
        &self.sequence
    }

    /// The reference of the window.
    pub fn reference(&self) -> &[u8] {
        &self.reference
    }

    /// Bases of edit `i` of those given, as a range of the sequence; empty for a deletion.
    pub fn edit(&self, i: usize) -> (usize, usize) {
        self.edits[i]
    }

    /// Index of the first base at or behind `position` of the contig.
    pub fn at(&self, position: u64) -> usize {
        let position = position.saturating_sub(self.start) as usize;
        let i = self.stretches.partition_point(|s| s.reference + s.length <= position);
        match self.stretches.get(i) {
            Some(s) => s.haplotype + position.saturating_sub(s.reference),
            None => self.sequence.len(),
        }
    }

    /// Put the read of bases `from..from + length` on the reference; false when an aligner would not.
    pub fn place(&self, from: usize, length: usize, scoring: &Scoring, placed: &mut Placed) -> bool {
        let first = self.left.partition_point(|s| s.haplotype + s.length <= from);
        let within = |s: &&Stretch| s.haplotype < from + length;
        let n = self.left[first..].iter().take_while(within).count();
        let stretches = &self.left[first..first + n];
        let mut best: Option<Path> = None;
        // Fewer gaps first: of equal scores the simpler one stays.
        for more in 0..n {
            for a in 0..n - more {
                let path = self.best_path(from, length, &stretches[a..=a + more], scoring);
                if best.as_ref().is_none_or(|b| path.score > b.score) {
                    best = Some(Path { first: a, last: a + more, ..path });
                }
            }
        }
        let Some(path) = best.filter(|p| p.from < p.to) else { return false };
        self.describe(from, length, &stretches[path.first..=path.last], &path, placed);
        let ends = (path.from == 0) as i32 + (path.to == length) as i32;
        placed.score = path.score - ends * scoring.clip;
        placed.score >= scoring.minimum && scoring.differences.is_none_or(|most| placed.differences <= most)
    }

    /// The best stretch of the read that runs over all or some of `stretches` in a row.
    fn best_path(&self, from: usize, length: usize, stretches: &[Stretch], scoring: &Scoring) -> Path {
        let mut best = Path::default();
        let (mut score, mut start) = (scoring.clip, 0);
        for (k, stretch) in stretches.iter().enumerate() {
            let (begin, end) = columns(from, length, stretches, k);
            if k > 0 {
                let gaps = gap_between(&stretches[k - 1], stretch);
                for gap in [gaps.0, gaps.1].into_iter().filter(|g| *g > 0) {
                    score -= scoring.gap_open + scoring.gap_extend * gap as i32;
                }
            }
            for column in begin..end {
                if score <= 0 {
                    (score, start) = (0, column);
                }
                score += self.column(from + column, stretch, scoring);
                let total = score + if column + 1 == length { scoring.clip } else { 0 };
                if total > best.score {
                    best = Path { score: total, from: start, to: column + 1, ..best };
                }
            }
        }
        best
    }

    /// Gain or cost of base `i` of the sequence on the diagonal of a stretch.
    fn column(&self, i: usize, stretch: &Stretch, scoring: &Scoring) -> i32 {
        let theirs = self.beside(i, stretch);
        match theirs {
            b'N' => -1,
            base if base == self.sequence[i] => scoring.matching,
            _ if self.sequence[i] == b'N' => -1,
            _ => -scoring.mismatch,
        }
    }

    /// Reference base beside base `i` on the diagonal of a stretch, N outside the window.
    fn beside(&self, i: usize, stretch: &Stretch) -> u8 {
        let place = (i + stretch.reference).checked_sub(stretch.haplotype);
        place.and_then(|p| self.reference.get(p)).copied().unwrap_or(b'N')
    }

    /// Position, CIGAR and differences of a path.
    fn describe(&self, from: usize, length: usize, stretches: &[Stretch], path: &Path, placed: &mut Placed) {
        placed.cigar.clear();
        placed.differences = 0;
        let mut push = |n: usize, operation: u32| {
            if n > 0 {
                placed.cigar.push((n as u32) << 4 | operation);
            }
        };
        push(path.from, 4);
        let mut inside = false;
        for (k, stretch) in stretches.iter().enumerate() {
            let (begin, end) = columns(from, length, stretches, k);
            let (begin, end) = (begin.max(path.from), end.min(path.to));
            if begin >= end {
                continue;
            }
            if inside {
                let (inserted, deleted) = gap_between(&stretches[k - 1], stretch);
                push(inserted, 1);
                push(deleted, 2);
                placed.differences += (inserted + deleted) as u32;
            } else {
                // A path never begins outside the window: nothing matches there.
                placed.position = self.start + (from + begin + stretch.reference - stretch.haplotype) as u64;
            }
            inside = true;
            push(end - begin, 0);
            let differs = |i: &usize| self.sequence[*i] != self.beside(*i, stretch);
            placed.differences += (from + begin..from + end).filter(differs).count() as u32;
        }
        push(length - path.to, 4);
    }
}

/// A part of a read, from column to column, over stretches.
#[derive(Clone, Copy, Debug, Default)]
struct Path {
    score: i32,
    from: usize,
    to: usize,
    first: usize,
    last: usize,
}

/// Columns of the read that lie on stretch `k`: its own, and to the ends of the read for the outer ones.
fn columns(from: usize, length: usize, stretches: &[Stretch], k: usize) -> (usize, usize) {
    let s = &stretches[k];
    let begin = if k == 0 { 0 } else { s.haplotype.saturating_sub(from) };
    let end = if k + 1 == stretches.len() { length } else { (s.haplotype + s.length).saturating_sub(from) };
    (begin, end)
}

/// Bases inserted and deleted between two stretches.
fn gap_between(before: &Stretch, behind: &Stretch) -> (usize, usize) {
    (behind.haplotype - before.haplotype - before.length, behind.reference - before.reference - before.length)
}

/// How many bases of an edit stand before its gap, so that most of the others match; the leftmost such place.
fn gap_place(old: &[u8], new: &[u8]) -> usize {
    let shared = old.len().min(new.len());
    let matches = |before: &usize| {
        let behind = shared - before;
        let left = old[..*before].iter().zip(&new[..*before]).filter(|(a, b)| a == b).count();
        let right = old[old.len() - behind..].iter().zip(&new[new.len() - behind..]).filter(|(a, b)| a == b).count();
        left + right
    };
    // Of equals max_by_key takes the last: from the right, the leftmost.
    (0..=shared).rev().max_by_key(matches).unwrap_or(0)
}

#[cfg(test)]
#[path = "expected_alignment_tests.rs"]
mod tests;
