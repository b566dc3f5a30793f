//! Which genome the reads of a fragment fit better.

use crate::assignment::Class;
use crate::assignment::PhredCost;
use crate::counts::dual_reference::fragment::{JoinSummary, Joined, Mate, MateState, PendingFragment};
use crate::counts::Fragment;

/// When a fragment counts, and when one genome fits it better.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// Mates whose better alignment has a mapping quality below this are excluded.
    pub mapping_quality: u8,
    /// The genome with the lower cost is better from this difference on.
    pub threshold: PhredCost,
    /// Whether mates that each favour the other genome by the threshold make a fragment conflicting.
    pub conflicting: bool,
}

/// The class of a fragment, and its position in the better genome; None for a fragment that does not count. Only mates
/// that are aligned to both genomes are compared; the genome with the lower total cost is better if the difference
/// reaches the threshold. Fragments whose mates favour different genomes, neither outweighing the other, are
/// conflicting. `regions` holds the overlapped regions of the result.
pub(super) fn assign<'a>(
    pending: &'a PendingFragment,
    rule: &Rule,
    regions: &'a mut Vec<u32>,
    summary: &mut JoinSummary,
) -> Option<Joined<'a>> {
    // By mate: whether it counts in genome 1, 2.
    let mut counts = [[false; 2]; 2];
    // What favours each genome, and whether any mate could be compared.
    let (mut sums, mut compared) = ([0 as PhredCost; 2], false);
    for (mate, counts) in counts.iter_mut().enumerate() {
        let both = [&pending.genomes[0].mates[mate], &pending.genomes[1].mates[mate]];
        let is = |state: MateState| both.iter().any(|m| m.state == state);
        if is(MateState::Flagged) {
            summary.flagged += 1;
            continue;
        }
        if is(MateState::Excluded) {
            summary.excluded += 1;
            continue;
        }
        let aligned = both.map(|m| m.state == MateState::Aligned);
        if aligned == [false; 2] {
            summary.unplaced += u64::from(is(MateState::Unmapped));
            continue;
        }
        // Positive where genome 1 fits better.
        let difference = if aligned == [true; 2] { both[1].cost.saturating_sub(both[0].cost) } else { 0 };
        let quality = match aligned {
            [true, false] => both[0].mapping_quality,
            [false, true] => both[1].mapping_quality,
            _ if difference > 0 => both[0].mapping_quality,
            _ if difference < 0 => both[1].mapping_quality,
            _ => both[0].mapping_quality.max(both[1].mapping_quality),
        };
        if quality < rule.mapping_quality {
            summary.low_mapping_quality += 1;
            continue;
        }
        *counts = aligned;
        compared |= aligned == [true; 2];
        let better = usize::from(difference < 0);
        sums[better] = sums[better].saturating_add(difference.saturating_abs());
    }
    let any = [0, 1].map(|genome| counts.iter().any(|c| c[genome]));
    if any == [false; 2] {
        return None;
    }
    let [one, two] = sums;
    let (class, only) = match (any, compared) {
        ([true, false], _) => (Class::Uninformative, Some(1)),
        ([false, true], _) => (Class::Uninformative, Some(2)),
        // One mate is aligned to genome 1, the other to genome 2.
        (_, false) => (Class::Uninformative, None),
        _ if one.saturating_sub(two) >= rule.threshold => (Class::Hap1, None),
        _ if two.saturating_sub(one) >= rule.threshold => (Class::Hap2, None),
        _ if rule.conflicting && one >= rule.threshold && two >= rule.threshold => (Class::Conflicting, None),
        _ => (Class::Uninformative, None),
    };
    let genome = match (class, only) {
        (Class::Hap1, _) | (_, Some(1)) => 0,
        (Class::Hap2, _) | (_, Some(_)) => 1,
        _ => usize::from(two > one),
    };
    let fragment = fragment_in(pending, genome, counts.map(|c| c[genome]), class, regions);
    Some(Joined { fragment, only, genome })
}

/// The fragment as its mates that count are aligned to `genome`.
fn fragment_in<'a>(
    pending: &'a PendingFragment,
    genome: usize,
    counts: [bool; 2],
    class: Class,
    regions: &'a mut Vec<u32>,
) -> Fragment<'a> {
    let alignments = &pending.genomes[genome];
    let mates: Vec<(usize, &Mate)> = alignments.mates.iter().enumerate().filter(|(i, _)| counts[*i]).collect();
    // If each mate is aligned to another genome, the one that counts here places the fragment.
    let first = mates.first().map_or((0, &alignments.mates[0]), |m| *m);
    let contig = first.1.contig;
    let here = mates.iter().filter(|(_, m)| m.contig == contig);
    let (start, end) = here.fold((first.1.start, first.1.end), |(s, e), (_, m)| (s.min(m.start), e.max(m.end)));
    regions.clear();
    regions.extend(mates.iter().flat_map(|(i, _)| alignments.regions[*i].iter().copied()));
    regions.sort_unstable();
    regions.dedup();
    let forward = first.1.reverse == (first.0 == 1);
    Fragment {
        sample: 0,
        class,
        regions,
        contig: contig as usize,
        start: u64::from(start),
        end: u64::from(end),
        strand: if forward { b'+' } else { b'-' },
        paired: mates.len() == 2 && mates[1].1.contig == contig,
        single: pending.single,
        group: pending.group.as_deref(),
        umi: pending.umi.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mate(state: MateState, cost: PhredCost, start: u32) -> Mate {
        Mate { state, cost, start, end: start + 10, mapping_quality: 30, ..Mate::default() }
    }

    /// What `read` takes of the fragment with these mates in genome 1, 2.
    fn assigned<T>(list: [[Mate; 2]; 2], read: impl FnOnce(&Joined) -> T) -> (Option<T>, JoinSummary) {
        let mut pending = PendingFragment { seen: [true; 2], ..PendingFragment::default() };
        for (alignments, mates) in pending.genomes.iter_mut().zip(list) {
            alignments.mates = mates;
        }
        pending.genomes[0].regions = [vec![3, 1], vec![3]];
        pending.genomes[1].regions = [vec![7], vec![]];
        let mut summary = JoinSummary::default();
        let rule = Rule { mapping_quality: 10, threshold: 100, conflicting: true };
        let mut regions = Vec::new();
        (assign(&pending, &rule, &mut regions, &mut summary).map(|j| read(&j)), summary)
    }

    #[test]
    fn the_better_genome_is_chosen_and_alignments_to_one_genome_are_no_evidence() {
        use MateState::{Absent, Aligned, Excluded, Flagged, Unmapped};
        let a = |cost, start| mate(Aligned, cost, start);
        let none = Mate::default();
        let class = |list| assigned(list, |j| (j.fragment.class, j.only, j.genome)).0;
        assert_eq!(class([[a(0, 5), a(0, 90)], [a(60, 5), a(60, 90)]]), Some((Class::Hap1, None, 0)));
        assert_eq!(class([[a(500, 5), none], [a(60, 5), none]]), Some((Class::Hap2, None, 1)));
        assert_eq!(class([[a(0, 5), none], [a(99, 5), none]]), Some((Class::Uninformative, None, 0)));
        assert_eq!(class([[a(99, 5), none], [a(0, 5), none]]), Some((Class::Uninformative, None, 1)));
        assert_eq!(class([[a(0, 5), a(200, 90)], [a(200, 5), a(0, 90)]]), Some((Class::Conflicting, None, 0)));
        assert_eq!(class([[a(0, 5), a(200, 90)], [a(310, 5), a(0, 90)]]), Some((Class::Hap1, None, 0)));
        // The second mate is aligned to genome 1 only and is not compared.
        assert_eq!(class([[a(300, 5), a(0, 90)], [a(0, 5), none]]), Some((Class::Hap2, None, 1)));
        assert_eq!(class([[a(0, 5), none], [mate(Unmapped, 0, 0), none]]), Some((Class::Uninformative, Some(1), 0)));
        assert_eq!(class([[none, none], [a(0, 5), none]]), Some((Class::Uninformative, Some(2), 1)));
        assert_eq!(class([[a(0, 5), none], [none, a(0, 90)]]), Some((Class::Uninformative, None, 0)));
        assert_eq!(class([[mate(Flagged, 0, 5), none], [a(0, 5), none]]), None);
        assert_eq!(class([[mate(Excluded, 0, 5), none], [a(0, 5), none]]), None);
        assert_eq!(class([[mate(Absent, 0, 5), none], [mate(Unmapped, 0, 5), none]]), None);
    }

    #[test]
    fn the_mapping_quality_of_the_better_alignment_counts() {
        let (good, mut poor) = (mate(MateState::Aligned, 0, 5), mate(MateState::Aligned, 300, 5));
        poor.mapping_quality = 3;
        let none = Mate::default();
        assert_eq!(assigned([[good, none], [poor, none]], |j| j.fragment.class).0, Some(Class::Hap1));
        let better = Mate { cost: -300, ..poor };
        let (class, summary) = assigned([[good, none], [better, none]], |j| j.fragment.class);
        assert_eq!((class, summary.low_mapping_quality), (None, 1));
    }

    #[test]
    fn the_better_genome_places_the_fragment() {
        let a = |cost, start| mate(MateState::Aligned, cost, start);
        let mut second = a(0, 90);
        second.reverse = true;
        let fragment = |list, check: fn(&Fragment)| assert!(assigned(list, |j| check(&j.fragment)).0.is_some());
        fragment([[a(0, 5), second], [a(200, 7), second]], |f| {
            assert_eq!((f.regions, f.start, f.end, f.strand), (&[1, 3][..], 5, 100, b'+'));
            assert!(f.paired && !f.single);
        });
        fragment([[a(500, 5), second], [a(200, 7), second]], |f| assert_eq!((f.regions, f.start), (&[7][..], 7)));
        // The strand of a fragment is the opposite of that of a lone second mate.
        fragment([[Mate::default(), second], [Mate::default(), second]], |f| {
            assert_eq!((f.strand, f.paired, f.start), (b'+', false, 90));
        });
    }
}
