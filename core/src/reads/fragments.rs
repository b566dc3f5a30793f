//! Joining the mates of a pair in one pass over sorted reads.

use std::collections::HashMap;

use super::alignments::Alignment;
use super::evidence::Evidence;

const PAIRED: u16 = 0x1;
const MATE_UNMAPPED: u16 = 0x8;
const WHICH_MATE: u16 = 0x40 | 0x80;
const SECONDARY_OR_SUPPLEMENTARY: u16 = 0x100 | 0x800;

/// How many may wait before those whose mate cannot come any more are looked for.
const FEW: usize = 4096;

/// What the first mate of a pair has shown, until the second comes.
struct Waiting {
    evidence: Evidence,
    flags: u16,
    /// Contig and position at which the mate is said to lie.
    mate: (u32, i64),
}

/// Reads that wait for their mates. Only what they show is kept, and only of reads that show something.
#[derive(Default)]
pub struct Fragments {
    waiting: HashMap<Box<[u8]>, Waiting>,
    next_release: usize,
}

impl Fragments {
    /// Add a placed read and what it shows; `done` gets every fragment that is complete with it and shows
    /// something. Single reads are fragments of their own, and so are secondary and supplementary
    /// alignments where the filter lets them through.
    pub fn add(&mut self, read: &Alignment, evidence: &mut Evidence, done: &mut impl FnMut(&Evidence)) {
        let single = read.flags & PAIRED == 0 || read.flags & SECONDARY_OR_SUPPLEMENTARY != 0;
        let here = (read.contig as u32, read.position);
        let mate = (read.mate_contig as u32, read.mate_position);
        let placed_mate = !single && read.mate_contig >= 0 && read.flags & MATE_UNMAPPED == 0;
        if placed_mate && mate <= here && !self.waiting.is_empty() {
            if let Some(other) = self.waiting.remove(read.name) {
                if are_mates(other.flags, read.flags) {
                    evidence.join(&other.evidence);
                    done(evidence);
                    return;
                }
                // The same end twice under one name: two molecules.
                done(&other.evidence);
            }
        }
        if evidence.is_empty() {
            return;
        }
        if !placed_mate || mate < here {
            done(evidence);
            return;
        }
        if self.waiting.len() >= self.next_release.max(FEW) {
            self.release(here, done);
        }
        let waiting = Waiting { evidence: evidence.clone(), flags: read.flags, mate };
        if let Some(other) = self.waiting.insert(read.name.into(), waiting) {
            done(&other.evidence);
        }
    }

    /// Hand on those whose mate should have come before `here`: it was filtered out, or is not in the file.
    fn release(&mut self, here: (u32, i64), done: &mut impl FnMut(&Evidence)) {
        self.waiting.retain(|_, w| {
            let keep = w.mate >= here;
            if !keep {
                done(&w.evidence);
            }
            keep
        });
        self.next_release = self.waiting.len() * 2;
    }

    /// Hand on all that still wait, at the end of the file.
    pub fn finish(self, done: &mut impl FnMut(&Evidence)) {
        self.waiting.values().for_each(|w| done(&w.evidence));
    }

    /// How many reads wait for their mates.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// First and second in pair, or not said.
fn are_mates(a: u16, b: u16) -> bool {
    let (a, b) = (a & WHICH_MATE, b & WHICH_MATE);
    a != b || a == 0 || a == WHICH_MATE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::Observation;

    fn read(name: &'static str, flags: u16, position: i64, mate_position: i64) -> Alignment<'static> {
        let mut read = Alignment::test(&[], &[], &[], position);
        read.name = name.as_bytes();
        read.flags = flags;
        read.mate_contig = 0;
        read.mate_position = mate_position;
        read
    }

    /// Sites seen by each fragment, in the order in which they are done.
    fn run(reads: &[(Alignment<'static>, &[u32])]) -> Vec<Vec<u32>> {
        let mut list = Vec::new();
        let mut done = |e: &Evidence| list.push(e.observations.iter().map(|o| o.site).collect());
        let mut fragments = Fragments::default();
        for (read, sites) in reads {
            let observations = sites.iter().map(|&site| Observation { site, base: b'A', quality: 30 }).collect();
            fragments.add(read, &mut Evidence { observations, regions: vec![] }, &mut done);
        }
        fragments.finish(&mut done);
        list
    }

    #[test]
    fn mates_are_one_fragment_wherever_they_lie() {
        for mate in [5, 90] {
            assert_eq!(run(&[(read("a", 0x41, 5, mate), &[1]), (read("a", 0x81, mate, 5), &[1, 2])]), [vec![1, 2]]);
        }
        // The first shows nothing, or the second does not.
        assert_eq!(run(&[(read("a", 0x41, 5, 9), &[]), (read("a", 0x81, 9, 5), &[2])]), [vec![2]]);
        assert_eq!(run(&[(read("a", 0x41, 5, 9), &[2]), (read("a", 0x81, 9, 5), &[])]), [vec![2]]);
    }

    #[test]
    fn lone_mates_single_reads_and_doubled_names_are_all_kept() {
        assert_eq!(run(&[(read("a", 0x41, 5, 9), &[2])]), [vec![2]]);
        assert_eq!(run(&[(read("a", 0, 5, 9), &[2]), (read("a", 0, 6, 9), &[3])]), [vec![2], vec![3]]);
        assert_eq!(run(&[(read("a", 0x49, 5, 5), &[2])]), [vec![2]]);
        let mut twice = run(&[(read("a", 0x41, 5, 9), &[1]), (read("a", 0x41, 6, 9), &[2])]);
        twice.sort();
        assert_eq!(twice, [vec![1], vec![2]]);
    }

    #[test]
    fn reads_whose_mate_never_comes_do_not_pile_up() {
        let mut fragments = Fragments::default();
        let (mut done, mut most) = (0, 0);
        for i in 0..100_000i64 {
            let mut a = read("", 0x41, i, i + 10);
            let name = i.to_string();
            a.name = name.as_bytes();
            let evidence = &mut Evidence { observations: vec![], regions: vec![0] };
            fragments.add(&a, evidence, &mut |_| done += 1);
            most = most.max(fragments.waiting());
        }
        assert!(most <= FEW, "{most}");
        fragments.finish(&mut |_| done += 1);
        assert_eq!(done, 100_000);
    }
}
