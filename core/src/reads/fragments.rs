//! Joining the mates of a pair in one pass over sorted reads.

use std::collections::HashMap;

use super::alignments::Alignment;
use super::evidence::Evidence;

const PAIRED: u16 = 0x1;
const MATE_UNMAPPED: u16 = 0x8;
const REVERSE: u16 = 0x10;
const FIRST: u16 = 0x40;
const SECOND: u16 = 0x80;
const WHICH_MATE: u16 = FIRST | SECOND;
const SECONDARY_OR_SUPPLEMENTARY: u16 = 0x100 | 0x800;

/// What has been seen of a fragment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub evidence: Evidence,
    /// Index of the alignment file.
    pub sample: usize,
    /// Contig of the first read.
    pub contig: usize,
    /// Outermost aligned bases of its reads on that contig, 0-based half-open.
    pub start: i64,
    pub end: i64,
    /// Flags of the first read.
    pub flags: u16,
    /// `+` or `-`, see [`strand`].
    pub strand: u8,
    /// Both mates, on one contig.
    pub paired: bool,
    /// Value of the tag that groups fragments, and of the molecule's identifier.
    pub group: Option<Box<[u8]>>,
    pub umi: Option<Box<[u8]>>,
}

impl Seen {
    /// Join the mate that came later. Joining is the same in either order.
    pub fn join(&mut self, mate: &Seen) {
        self.evidence.join(&mate.evidence);
        if self.contig == mate.contig {
            self.start = self.start.min(mate.start);
            self.end = self.end.max(mate.end);
            self.paired = true;
        }
        if mate.flags & FIRST != 0 {
            self.strand = mate.strand;
        }
        if self.group.is_none() {
            self.group.clone_from(&mate.group);
        }
        if self.umi.is_none() {
            self.umi.clone_from(&mate.umi);
        }
    }
}

/// Strand of the fragment by one of its reads: that of the first mate or single read, the other strand of the
/// second mate.
pub fn strand(flags: u16) -> u8 {
    let second = flags & PAIRED != 0 && flags & WHICH_MATE == SECOND;
    if (flags & REVERSE != 0) != second {
        b'-'
    } else {
        b'+'
    }
}

/// True for a read that no mate belongs to: unpaired, or a secondary or supplementary alignment.
pub fn is_single(flags: u16) -> bool {
    flags & PAIRED == 0 || flags & SECONDARY_OR_SUPPLEMENTARY != 0
}

/// Where the mate of a read is said to lie (contig, position), if there is a mate and it is placed.
pub fn mate_place(read: &Alignment) -> Option<(u32, i64)> {
    let placed = !is_single(read.flags) && read.mate_contig >= 0 && read.flags & MATE_UNMAPPED == 0;
    placed.then_some((read.mate_contig as u32, read.mate_position))
}

struct Waiting {
    seen: Seen,
    mate: (u32, i64),
}

/// Reads that wait for their mates. Only what they show is kept.
#[derive(Default)]
pub struct Fragments {
    /// By sample.
    waiting: Vec<HashMap<Box<[u8]>, Waiting>>,
    count: usize,
}

/// What the mate of a read that has come, or another read of its name, has shown.
pub enum Other {
    Mate(Seen),
    /// The same end twice under one name: two molecules.
    Stranger(Seen),
}

impl Fragments {
    /// For alignment files of so many samples.
    pub fn new(samples: usize) -> Self {
        Self { waiting: (0..samples).map(|_| HashMap::new()).collect(), count: 0 }
    }

    /// What waits for this read, if something does.
    pub fn take(&mut self, read: &Alignment, sample: usize) -> Option<Other> {
        let mate = mate_place(read)?;
        if self.waiting[sample].is_empty() || mate > (read.contig as u32, read.position) {
            return None;
        }
        let other = self.waiting[sample].remove(read.name)?.seen;
        self.count -= 1;
        Some(if are_mates(other.flags, read.flags) { Other::Mate(other) } else { Other::Stranger(other) })
    }

    /// True if the mate of a read, for which nothing was waiting, is still to come.
    pub fn waits(read: &Alignment) -> bool {
        mate_place(read).is_some_and(|mate| mate >= (read.contig as u32, read.position))
    }

    /// Let what a read has shown wait for its mate. Gives back what waited under its name before: it waits
    /// no longer.
    pub fn wait(&mut self, read: &Alignment, seen: Seen) -> Option<Seen> {
        let mate = mate_place(read)?;
        let before = self.waiting[seen.sample].insert(read.name.into(), Waiting { seen, mate });
        self.count += before.is_none() as usize;
        before.map(|w| w.seen)
    }

    /// Give out, in a fixed order, those whose mate should have come before `here` (contig, position): it was
    /// filtered out, or is not in the file.
    pub fn release(&mut self, here: (u32, i64)) -> Vec<Seen> {
        let mut late: Vec<(Box<[u8]>, Seen)> = Vec::new();
        for waiting in &mut self.waiting {
            let names: Vec<_> = waiting.iter().filter(|(_, w)| w.mate < here).map(|(name, _)| name.clone()).collect();
            for name in names {
                if let Some(w) = waiting.remove(&name) {
                    late.push((name, w.seen));
                }
            }
        }
        self.count -= late.len();
        late.sort_by(|a, b| {
            let key = |s: &Seen| (s.contig, s.start, s.end, s.sample);
            key(&a.1).cmp(&key(&b.1)).then_with(|| a.0.cmp(&b.0))
        });
        late.into_iter().map(|(_, seen)| seen).collect()
    }

    /// How many reads wait for their mates.
    pub fn waiting(&self) -> usize {
        self.count
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

    fn read(name: &'static str, flags: u16, position: i64, mate_position: i64) -> Alignment<'static> {
        let mut read = Alignment::made(&[], &[], &[], position);
        read.name = name.as_bytes();
        read.flags = flags;
        read.mate_contig = 0;
        read.mate_position = mate_position;
        read
    }

    /// Regions touched by each fragment, in the order in which they are done.
    fn run(reads: &[(Alignment<'static>, &[u32])]) -> Vec<Vec<u32>> {
        let mut list = Vec::new();
        let mut fragments = Fragments::new(1);
        for (read, regions) in reads {
            let evidence = Evidence { regions: regions.to_vec(), ..Default::default() };
            let mut seen = Seen { evidence, flags: read.flags, start: read.position, ..Default::default() };
            match fragments.take(read, 0) {
                Some(Other::Mate(other)) => {
                    seen.join(&other);
                    list.push(seen.evidence.regions);
                    continue;
                }
                Some(Other::Stranger(other)) => list.push(other.evidence.regions),
                None => {}
            }
            if Fragments::waits(read) {
                list.extend(fragments.wait(read, seen).map(|s| s.evidence.regions));
            } else {
                list.push(seen.evidence.regions);
            }
        }
        list.extend(fragments.release((1, 0)).into_iter().map(|s| s.evidence.regions));
        assert_eq!(fragments.waiting(), 0);
        list
    }

    #[test]
    fn mates_are_one_fragment_wherever_they_lie() {
        for mate in [5, 90] {
            assert_eq!(run(&[(read("a", 0x41, 5, mate), &[1]), (read("a", 0x81, mate, 5), &[1, 2])]), [vec![1, 2]]);
        }
    }

    #[test]
    fn lone_mates_single_reads_and_doubled_names_are_all_kept() {
        assert_eq!(run(&[(read("a", 0x41, 5, 9), &[2])]), [vec![2]]);
        assert_eq!(run(&[(read("a", 0, 5, 9), &[2]), (read("a", 0, 6, 9), &[3])]), [vec![2], vec![3]]);
        assert_eq!(run(&[(read("a", 0x49, 5, 5), &[2])]), [vec![2]]);
        let mut twice = run(&[(read("a", 0x41, 5, 9), &[1]), (read("a", 0x41, 6, 9), &[2])]);
        twice.sort();
        assert_eq!(twice, [vec![1], vec![2]]);
        // The second of a pair whose first was left out.
        assert_eq!(run(&[(read("a", 0x81, 9, 5), &[4])]), [vec![4]]);
    }

    #[test]
    fn strands_are_those_of_the_first_mate() {
        for (flags, expected) in [(0, b'+'), (0x10, b'-'), (0x41, b'+'), (0x51, b'-'), (0x81, b'-'), (0x91, b'+')] {
            assert_eq!(strand(flags), expected, "{flags:#x}");
        }
    }

    #[test]
    fn late_ones_come_in_a_fixed_order() {
        let mut fragments = Fragments::new(1);
        for i in (0..100i64).rev() {
            let mut a = read("", 0x41, i, i + 10);
            let name = i.to_string();
            a.name = name.as_bytes();
            fragments.wait(&a, Seen { start: i, ..Default::default() });
        }
        let starts: Vec<i64> = fragments.release((0, 60)).iter().map(|s| s.start).collect();
        assert_eq!(starts, (0..50).collect::<Vec<_>>());
        assert_eq!(fragments.waiting(), 50);
    }
}
