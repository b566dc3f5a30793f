//! Which genome the reads of a fragment fit better.

use crate::assignment::Class;
use crate::assignment::PhredCost;
use crate::counts::dual_reference::join::{JoinSummary, Joined};
use crate::io::bam::writer::BamRecord;

/// What is known of a mate in one genome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing has come.
    #[default]
    Absent,
    Unmapped,
    /// Left out by a flag.
    Flagged,
    /// Left out by an excluded region.
    Excluded,
    Placed,
}

/// A mate in one genome, on the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mate {
    pub state: State,
    pub reverse: bool,
    /// Of the mapping.
    pub quality: u8,
    pub cost: PhredCost,
    pub contig: u32,
    /// First and past the last aligned base; the same where no base has a place.
    pub start: u32,
    pub end: u32,
}

/// A fragment in one genome.
#[derive(Clone, Debug, Default)]
pub(super) struct Half {
    pub mates: [Mate; 2],
    /// Regions that each mate touches.
    pub regions: [Vec<u32>; 2],
    pub records: [Option<BamRecord>; 2],
}

/// A fragment of which something may still come.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    pub used: bool,
    pub key: u128,
    /// Something of it has come in this file.
    pub seen: [bool; 2],
    pub single: bool,
    pub halves: [Half; 2],
    pub group: Option<Box<[u8]>>,
    pub umi: Option<Box<[u8]>>,
}

impl Waiting {
    /// The verdict; None for a fragment that does not count. The genome with the lower total wins when the
    /// difference is `decisive`; only mates that are aligned to both are compared. Mates that each speak
    /// decisively for another genome, neither outweighing the other, are conflicting, if `conflicts`.
    pub fn judge(&self, least: u8, decisive: PhredCost, conflicts: bool, summary: &mut JoinSummary) -> Option<Joined> {
        // By mate: whether it counts in genome 1, 2.
        let mut counts = [[false; 2]; 2];
        let (mut sums, mut compared) = ([0 as PhredCost; 2], false);
        for (mate, counts) in counts.iter_mut().enumerate() {
            let both = [&self.halves[0].mates[mate], &self.halves[1].mates[mate]];
            let is = |state: State| both.iter().any(|m| m.state == state);
            if is(State::Flagged) {
                summary.flagged += 1;
                continue;
            }
            if is(State::Excluded) {
                summary.excluded += 1;
                continue;
            }
            let placed = both.map(|m| m.state == State::Placed);
            if placed == [false; 2] {
                summary.unplaced += u64::from(is(State::Unmapped));
                continue;
            }
            // How much better genome 1 fits.
            let llr = if placed == [true; 2] { both[1].cost.saturating_sub(both[0].cost) } else { 0 };
            let quality = match placed {
                [true, false] => both[0].quality,
                [false, true] => both[1].quality,
                _ if llr > 0 => both[0].quality,
                _ if llr < 0 => both[1].quality,
                _ => both[0].quality.max(both[1].quality),
            };
            if quality < least {
                summary.low_mapping_quality += 1;
                continue;
            }
            *counts = placed;
            compared |= placed == [true; 2];
            let side = usize::from(llr < 0);
            sums[side] = sums[side].saturating_add(llr.saturating_abs());
        }
        let any = [0, 1].map(|side| counts.iter().any(|c| c[side]));
        if any == [false; 2] {
            return None;
        }
        let [one, two] = sums;
        let (class, only) = match (any, compared) {
            ([true, false], _) => (Class::Uninformative, Some(1)),
            ([false, true], _) => (Class::Uninformative, Some(2)),
            // One mate here, the other there: nothing can be compared.
            (_, false) => (Class::Uninformative, None),
            _ if one.saturating_sub(two) >= decisive => (Class::Hap1, None),
            _ if two.saturating_sub(one) >= decisive => (Class::Hap2, None),
            _ if conflicts && one >= decisive && two >= decisive => (Class::Conflicting, None),
            _ => (Class::Uninformative, None),
        };
        let side = match (class, only) {
            (Class::Hap1, _) | (_, Some(1)) => 0,
            (Class::Hap2, _) | (_, Some(_)) => 1,
            _ => usize::from(two > one),
        };
        Some(self.place(class, only, side, counts.map(|c| c[side])))
    }

    /// Where the mates that count lie in the genome of `side`.
    fn place(&self, class: Class, only: Option<u8>, side: usize, counts: [bool; 2]) -> Joined {
        let half = &self.halves[side];
        let mates: Vec<(usize, &Mate)> = half.mates.iter().enumerate().filter(|(i, _)| counts[*i]).collect();
        // With one mate here and the other there, the first of those that count stands for the fragment.
        let first = mates.first().map_or((0, &half.mates[0]), |m| *m);
        let contig = first.1.contig;
        let here = mates.iter().filter(|(_, m)| m.contig == contig);
        let (start, end) = here.fold((first.1.start, first.1.end), |(s, e), (_, m)| (s.min(m.start), e.max(m.end)));
        let mut regions: Vec<u32> = mates.iter().flat_map(|(i, _)| half.regions[*i].iter().copied()).collect();
        regions.sort_unstable();
        regions.dedup();
        let forward = first.1.reverse == (first.0 == 1);
        Joined {
            class,
            only,
            side,
            regions,
            contig: contig as usize,
            start: u64::from(start),
            end: u64::from(end),
            strand: if forward { b'+' } else { b'-' },
            paired: mates.len() == 2 && mates[1].1.contig == contig,
            single: self.single,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mate(state: State, cost: PhredCost, start: u32) -> Mate {
        Mate { state, cost, start, end: start + 10, quality: 30, ..Mate::default() }
    }

    fn judge(list: [[Mate; 2]; 2]) -> (Option<Joined>, JoinSummary) {
        let mut waiting = Waiting { seen: [true; 2], ..Waiting::default() };
        for (half, mates) in waiting.halves.iter_mut().zip(list) {
            half.mates = mates;
        }
        waiting.halves[0].regions = [vec![3, 1], vec![3]];
        waiting.halves[1].regions = [vec![7], vec![]];
        let mut summary = JoinSummary::default();
        (waiting.judge(10, 100, true, &mut summary), summary)
    }

    #[test]
    fn the_better_genome_wins_and_lone_alignments_are_no_evidence() {
        use State::{Absent, Excluded, Flagged, Placed, Unmapped};
        let p = |cost, start| mate(Placed, cost, start);
        let none = Mate::default();
        let class = |list| judge(list).0.map(|j| (j.class, j.only, j.side));
        assert_eq!(class([[p(0, 5), p(0, 90)], [p(60, 5), p(60, 90)]]), Some((Class::Hap1, None, 0)));
        assert_eq!(class([[p(500, 5), none], [p(60, 5), none]]), Some((Class::Hap2, None, 1)));
        assert_eq!(class([[p(0, 5), none], [p(99, 5), none]]), Some((Class::Uninformative, None, 0)));
        assert_eq!(class([[p(99, 5), none], [p(0, 5), none]]), Some((Class::Uninformative, None, 1)));
        assert_eq!(class([[p(0, 5), p(200, 90)], [p(200, 5), p(0, 90)]]), Some((Class::Conflicting, None, 0)));
        assert_eq!(class([[p(0, 5), p(200, 90)], [p(310, 5), p(0, 90)]]), Some((Class::Hap1, None, 0)));
        // The second mate is aligned to genome 1 only, and says nothing.
        assert_eq!(class([[p(300, 5), p(0, 90)], [p(0, 5), none]]), Some((Class::Hap2, None, 1)));
        assert_eq!(class([[p(0, 5), none], [mate(Unmapped, 0, 0), none]]), Some((Class::Uninformative, Some(1), 0)));
        assert_eq!(class([[none, none], [p(0, 5), none]]), Some((Class::Uninformative, Some(2), 1)));
        assert_eq!(class([[p(0, 5), none], [none, p(0, 90)]]), Some((Class::Uninformative, None, 0)));
        assert_eq!(class([[mate(Flagged, 0, 5), none], [p(0, 5), none]]), None);
        assert_eq!(class([[mate(Excluded, 0, 5), none], [p(0, 5), none]]), None);
        assert_eq!(class([[mate(Absent, 0, 5), none], [mate(Unmapped, 0, 5), none]]), None);
    }

    #[test]
    fn the_better_alignment_must_be_mapped_well() {
        let (good, mut poor) = (mate(State::Placed, 0, 5), mate(State::Placed, 300, 5));
        poor.quality = 3;
        let none = Mate::default();
        assert_eq!(judge([[good, none], [poor, none]]).0.map(|j| j.class), Some(Class::Hap1));
        let better = Mate { cost: -300, ..poor };
        let (joined, summary) = judge([[good, none], [better, none]]);
        assert_eq!((joined, summary.low_mapping_quality), (None, 1));
    }

    #[test]
    fn the_winner_says_where_the_fragment_lies() {
        let p = |cost, start| mate(State::Placed, cost, start);
        let mut second = p(0, 90);
        second.reverse = true;
        let joined = judge([[p(0, 5), second], [p(200, 7), second]]).0.unwrap();
        assert_eq!((joined.regions, joined.start, joined.end, joined.strand), (vec![1, 3], 5, 100, b'+'));
        assert!(joined.paired && !joined.single);
        let joined = judge([[p(500, 5), second], [p(200, 7), second]]).0.unwrap();
        assert_eq!((joined.regions, joined.start), (vec![7], 7));
        // A lone second mate is turned round.
        let joined = judge([[Mate::default(), second], [Mate::default(), second]]).0.unwrap();
        assert_eq!((joined.strand, joined.paired, joined.start), (b'+', false, 90));
    }
}
