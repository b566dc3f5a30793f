//! Where an aligner would put a read: position and CIGAR from the known columns, with what aligners do to read
//! ends and to gaps that could lie in several places.

use rand::Rng;

use super::haplotypes::{Column, Columns};
use super::Dice;

/// What happens to the ends of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Aligned to the last base, with the gaps where they belong.
    Keep,
    /// Clipped from a gap that lies within this many bases of the end.
    Clip(usize),
    /// Without the gap: the bases outside a gap within this many bases of the end (inserted ones included) are
    /// aligned as if there was none, so that they mismatch.
    Mismatch(usize),
    /// The best local alignment with the scores of bwa mem: match 1, mismatch -4, gap -6 and -1 a base, clip -5.
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Match(i64),
    Insert,
    Delete(i64),
    Skip(i64),
    Clip,
}

/// An alignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// First aligned base on the target, 0-based.
    pub position: usize,
    /// Length and letter.
    pub cigar: Vec<(usize, char)>,
    /// Mismatches, inserted and deleted bases (the tag NM).
    pub distance: usize,
    /// Score as of bwa mem (the tag AS).
    pub score: i64,
}

impl Placement {
    /// Aligned stretches (M) on the target, 0-based half-open.
    pub fn blocks(&self) -> Vec<(usize, usize)> {
        let (mut at, mut blocks) = (self.position, Vec::new());
        for &(n, op) in &self.cigar {
            match op {
                'M' => {
                    blocks.push((at, at + n));
                    at += n;
                }
                'D' | 'N' => at += n,
                _ => {}
            }
        }
        blocks
    }

    /// Past the last aligned base.
    pub fn end(&self) -> usize {
        self.position + self.cigar.iter().filter(|c| matches!(c.1, 'M' | 'D' | 'N')).map(|c| c.0).sum::<usize>()
    }

    pub fn cigar_text(&self) -> String {
        self.cigar.iter().map(|(n, op)| format!("{n}{op}")).collect()
    }
}

/// Place the bases of haplotype stretches `segments` (spliced together when there are several) on `target`.
/// `shift` moves gaps to another place that fits as well. None if fewer than 20 bases stay aligned, or a
/// splice falls into a gap.
pub fn place(
    columns: &Columns,
    segments: &[(usize, usize)],
    bases: &[u8],
    target: &[u8],
    ends: Ends,
    shift: Option<&mut Dice>,
) -> Option<Placement> {
    let mut ops = Vec::with_capacity(bases.len() + 20);
    for (i, &(start, end)) in segments.iter().enumerate() {
        if i > 0 {
            let before = columns.list[columns.at(segments[i - 1].1 - 1)].target?;
            let behind = columns.list[columns.at(start)].target?;
            ops.push(Op::Skip(behind as i64 - before as i64 - 1));
        }
        ops.extend(columns.list[columns.at(start)..=columns.at(end - 1)].iter().map(|c| match *c {
            Column { own: Some(_), target: Some(t) } => Op::Match(t as i64),
            Column { own: Some(_), target: None } => Op::Insert,
            Column { target, .. } => Op::Delete(target.unwrap_or(0) as i64),
        }));
    }
    for outward in [-1, 1] {
        strip(&mut ops)?;
        mend(&mut ops, ends, outward, target.len() as i64);
        ops.reverse();
    }
    if ends == Ends::Local {
        local(&mut ops, bases, target);
    }
    if let Some(dice) = shift {
        move_gaps(&mut ops, bases, target, dice);
    }
    let aligned = ops.iter().filter(|op| matches!(op, Op::Match(_))).count();
    (aligned >= 20).then(|| finish(&ops, bases, target))
}

/// All bases side by side with the target's from `position` on.
pub fn ungapped(position: usize, bases: &[u8], target: &[u8]) -> Placement {
    let ops: Vec<Op> = (0..bases.len()).map(|i| Op::Match((position + i) as i64)).collect();
    finish(&ops, bases, target)
}

fn takes_base(op: &Op) -> bool {
    matches!(op, Op::Match(_) | Op::Insert | Op::Clip)
}

/// No gap comes before the first aligned base: inserted bases are clipped, deleted ones nothing.
fn strip(ops: &mut Vec<Op>) -> Option<()> {
    let first = ops.iter().position(|op| matches!(op, Op::Match(_)))?;
    let clipped = ops[..first].iter().filter(|op| takes_base(op)).count();
    ops.splice(..first, std::iter::repeat_n(Op::Clip, clipped));
    Some(())
}

/// Apply `ends` to the end with which `ops` begin; `outward` is the step along the target towards that end.
fn mend(ops: &mut Vec<Op>, ends: Ends, outward: i64, length: i64) {
    let within = match ends {
        Ends::Clip(n) | Ends::Mismatch(n) => n,
        Ends::Keep | Ends::Local => return,
    };
    let is_gap = |op: &Op| matches!(op, Op::Insert | Op::Delete(_));
    let mut gap = ops.iter().position(|op| is_gap(op) || matches!(op, Op::Skip(_)));
    gap = gap.filter(|&g| is_gap(&ops[g]) && g <= within);
    let clipped = ops.iter().take_while(|op| **op == Op::Clip).count();
    if gap.is_none() && (1..=within).contains(&clipped) {
        gap = Some(clipped - 1);
    }
    let Some(gap) = gap else { return };
    let Some(cut) = (gap..ops.len()).find(|&i| matches!(ops[i], Op::Match(_) | Op::Skip(_))) else { return };
    let Op::Match(anchor) = ops[cut] else { return };
    let n = ops[..cut].iter().filter(|op| takes_base(op)).count() as i64;
    let furthest = anchor + outward * n;
    if matches!(ends, Ends::Mismatch(_)) && (0..length).contains(&furthest) && n <= within as i64 {
        ops.splice(..cut, (1..=n).rev().map(|d| Op::Match(anchor + outward * d)));
    } else {
        ops.splice(..cut, (0..n).map(|_| Op::Clip));
    }
}

/// The score of each operation; a gap pays for its opening with its first base.
fn scores(ops: &[Op], bases: &[u8], target: &[u8]) -> Vec<i64> {
    let mut base = 0;
    let mut scores = Vec::with_capacity(ops.len());
    for (i, op) in ops.iter().enumerate() {
        let open = |same: bool| if same { -1 } else { -7 };
        scores.push(match *op {
            Op::Match(t) if bases[base] == target[t as usize] => 1,
            Op::Match(_) => -4,
            Op::Insert => open(i > 0 && ops[i - 1] == Op::Insert),
            Op::Delete(_) => open(i > 0 && matches!(ops[i - 1], Op::Delete(_))),
            Op::Skip(_) | Op::Clip => 0,
        });
        base += takes_base(op) as usize;
    }
    scores
}

/// Clip to the best local alignment.
fn local(ops: &mut [Op], bases: &[u8], target: &[u8]) {
    const CLIP: i64 = 5;
    let scores = scores(ops, bases, target);
    let whole = |i: usize| matches!(ops[i], Op::Match(_));
    let (mut best, mut range) = (i64::MIN, (0, 0));
    for from in (0..ops.len()).filter(|&i| whole(i)) {
        let mut score = if from == 0 { CLIP } else { 0 };
        for (to, one) in scores.iter().enumerate().skip(from) {
            score += one;
            let total = score + if to + 1 == ops.len() { CLIP } else { 0 };
            if whole(to) && total > best {
                (best, range) = (total, (from, to));
            }
        }
    }
    let last = ops.len();
    for i in (0..range.0).chain(range.1 + 1..last) {
        // Deleted and skipped stretches outside are marked for `finish`, which drops them.
        ops[i] = if takes_base(&ops[i]) { Op::Clip } else { Op::Skip(0) };
    }
}

/// Move each gap to the right by a random number of steps as long as it fits as well there.
fn move_gaps(ops: &mut [Op], bases: &[u8], target: &[u8], dice: &mut Dice) {
    let mut i = 1;
    let mut base = takes_base(&ops[0]) as usize;
    while i < ops.len() {
        let same = |op: &Op| match ops[i] {
            Op::Insert => *op == Op::Insert,
            Op::Delete(_) => matches!(op, Op::Delete(_)),
            _ => false,
        };
        let run = ops[i..].iter().take_while(|op| same(op)).count();
        if run == 0 {
            base += takes_base(&ops[i]) as usize;
            i += 1;
            continue;
        }
        let insert = ops[i] == Op::Insert;
        let mut steps = dice.random_range(0..=12);
        while steps > 0 && i + run + 1 < ops.len() {
            let (Op::Match(next), Op::Match(_)) = (ops[i + run], ops[i + run + 1]) else { break };
            let first = if let Op::Delete(t) = ops[i] { t } else { 0 };
            let fits =
                if insert { bases[base] == bases[base + run] } else { target[first as usize] == target[next as usize] };
            if !fits {
                break;
            }
            if insert {
                ops[i] = Op::Match(next);
                ops[i + run] = Op::Insert;
            } else {
                ops[i] = Op::Match(first);
                (0..run).for_each(|k| ops[i + 1 + k] = Op::Delete(first + 1 + k as i64));
            }
            base += 1;
            i += 1;
            steps -= 1;
        }
        base += if insert { run } else { 0 };
        i += run;
    }
}

fn finish(ops: &[Op], bases: &[u8], target: &[u8]) -> Placement {
    let scores = scores(ops, bases, target);
    let mut cigar: Vec<(usize, char)> = Vec::new();
    let (mut position, mut distance, mut base) = (None, 0, 0);
    for op in ops {
        let (n, letter) = match *op {
            Op::Match(t) => {
                position.get_or_insert(t as usize);
                distance += (bases[base] != target[t as usize]) as usize;
                (1, 'M')
            }
            Op::Insert => (1, 'I'),
            Op::Delete(_) => (1, 'D'),
            Op::Skip(n) => (n as usize, 'N'),
            Op::Clip => (1, 'S'),
        };
        distance += matches!(letter, 'I' | 'D') as usize;
        base += takes_base(op) as usize;
        match cigar.last_mut() {
            Some(last) if last.1 == letter => last.0 += n,
            _ if n > 0 => cigar.push((n, letter)),
            _ => {}
        }
    }
    Placement { position: position.unwrap_or(0), cigar, distance, score: scores.iter().sum() }
}

#[cfg(test)]
mod tests {
    use super::super::{haplotypes, Target, Variant};
    use super::*;
    use rand::SeedableRng;

    //                         0         10        20        30        40
    const REFERENCE: &[u8] = b"ACGTTGCAAGCTAAAAAACGTGCATCGATTAGCCTAGACT";

    /// A deletion of two A of six, left-aligned.
    fn placed(from: usize, to: usize, ends: Ends) -> (usize, String) {
        let v = [Variant::new(11, &["TAA", "T"], [0, 1])];
        let bases = haplotypes::sequence(REFERENCE, &v, 1);
        let columns = Columns::new(REFERENCE, &v, 1, Target::Reference);
        let p = place(&columns, &[(from, to)], &bases[from..to], REFERENCE, ends, None).unwrap();
        (p.position, p.cigar_text())
    }

    #[test]
    fn ends_are_kept_clipped_or_mismatched() {
        assert_eq!(placed(0, 36, Ends::Keep), (0, "12M2D24M".into()));
        assert_eq!(placed(12, 36, Ends::Keep), (14, "24M".into()));
        assert_eq!(placed(8, 36, Ends::Clip(5)), (14, "4S24M".into()));
        assert_eq!(placed(8, 36, Ends::Clip(3)), (8, "4M2D24M".into()));
        assert_eq!(placed(8, 36, Ends::Mismatch(5)), (10, "28M".into()));
        // The gap costs 8, the clip 5: four bases outside pay for the difference, two do not.
        assert_eq!(placed(8, 36, Ends::Local), (8, "4M2D24M".into()));
        assert_eq!(placed(10, 36, Ends::Local), (14, "2S24M".into()));
    }

    #[test]
    fn moved_gaps_fit_as_well() {
        let v = [Variant::new(11, &["TAA", "T"], [0, 1])];
        let bases = haplotypes::sequence(REFERENCE, &v, 1);
        let columns = Columns::new(REFERENCE, &v, 1, Target::Reference);
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..40 {
            let mut dice = Dice::seed_from_u64(seed);
            let p = place(&columns, &[(0, 36)], &bases[..36], REFERENCE, Ends::Keep, Some(&mut dice)).unwrap();
            assert_eq!(p.distance, 2);
            seen.insert(p.cigar_text());
        }
        let all: Vec<String> = (12..=16).map(|n| format!("{n}M2D{}M", 36 - n)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
    }
}
