//! Joining the mates of a pair in one pass over sorted reads.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::assignment::Evidence;
use crate::io::bam::Alignment;

const PAIRED: u16 = 0x1;
const MATE_UNMAPPED: u16 = 0x8;
const REVERSE: u16 = 0x10;
const FIRST: u16 = 0x40;
const SECOND: u16 = 0x80;
const WHICH_MATE: u16 = FIRST | SECOND;
const SECONDARY_OR_SUPPLEMENTARY: u16 = 0x100 | 0x800;

/// The evidence of one read of a fragment, or of both mates once joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FragmentEvidence {
    /// Observations at sites, and regions.
    pub evidence: Evidence,
    /// Index of the alignment file.
    pub sample: usize,
    /// Index of the contig of the first read.
    pub contig: usize,
    /// First aligned base of its reads on that contig, 0-based.
    pub start: i64,
    /// Past the last aligned base of its reads on that contig.
    pub end: i64,
    /// Flags of the first read.
    pub flags: u16,
    /// `+` or `-`, see [`strand`].
    pub strand: u8,
    /// Both mates are joined, and on one contig.
    pub paired: bool,
    /// Value of the tag that groups fragments, such as `CB`.
    pub group: Option<Box<[u8]>>,
    /// Value of the tag of the unique molecular identifier, such as `UB`.
    pub umi: Option<Box<[u8]>>,
}

impl FragmentEvidence {
    /// Join the mate that came later. The result does not depend on the order.
    pub fn join(&mut self, mate: &FragmentEvidence) {
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

/// Strand of the fragment, `+` or `-`, by the flags of one of its reads: that of the first mate or single read, the
/// opposite of the second mate's.
pub fn strand(flags: u16) -> u8 {
    let second = flags & PAIRED != 0 && flags & WHICH_MATE == SECOND;
    if (flags & REVERSE != 0) != second {
        b'-'
    } else {
        b'+'
    }
}

/// True for a read without a mate: unpaired, or a secondary or supplementary alignment.
pub fn is_single(flags: u16) -> bool {
    flags & PAIRED == 0 || flags & SECONDARY_OR_SUPPLEMENTARY != 0
}

/// Contig and position of the mate according to the read, if there is a mate and it is placed.
pub fn mate_position(read: &Alignment) -> Option<(u32, i64)> {
    let placed = !is_single(read.flags) && read.mate_contig >= 0 && read.flags & MATE_UNMAPPED == 0;
    placed.then_some((read.mate_contig as u32, read.mate_position))
}

/// A read that waits for its mate. Free slots keep their memory for the next read.
#[derive(Default)]
struct Slot {
    fragment: FragmentEvidence,
    name: Vec<u8>,
    mate: (u32, i64),
    /// Next slot with the same hash.
    next: Option<u32>,
}

/// Reads that wait for their mates. Only their evidence is kept.
#[derive(Default)]
pub struct Fragments {
    /// First slot for each hash of name and sample.
    heads: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

/// A waiting read that has the name of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    slot: u32,
    /// It is the mate; else the same end occurs twice under one name, from two molecules.
    pub is_mate: bool,
}

impl Fragments {
    /// Take the read that waits for this one, if there is one. Return its memory with [`Fragments::recycle`].
    pub fn take(&mut self, read: &Alignment, sample: usize) -> Option<Waiting> {
        let mate = mate_position(read)?;
        if self.heads.is_empty() || mate > (read.contig as u32, read.position) {
            return None;
        }
        let slot = self.unlink(read.name, sample)?;
        Some(Waiting { slot, is_mate: are_mates(self.slots[slot as usize].fragment.flags, read.flags) })
    }

    /// The evidence of a read that has been taken.
    pub fn get(&mut self, taken: Waiting) -> &mut FragmentEvidence {
        &mut self.slots[taken.slot as usize].fragment
    }

    /// Reuse the memory of a read that has been taken.
    pub fn recycle(&mut self, taken: Waiting) {
        self.free.push(taken.slot);
    }

    /// Remove the slot of this name from its chain.
    fn unlink(&mut self, name: &[u8], sample: usize) -> Option<u32> {
        let hash = hash(name, sample);
        let head = *self.heads.get(&hash)?;
        let (mut before, mut at) = (None, head);
        loop {
            let slot = &self.slots[at as usize];
            let next = slot.next;
            if slot.fragment.sample == sample && slot.name == name {
                match (before, next) {
                    (None, None) => {
                        self.heads.remove(&hash);
                    }
                    (None, Some(next)) => {
                        self.heads.insert(hash, next);
                    }
                    (Some(before), _) => self.slots[before as usize].next = next,
                }
                return Some(at);
            }
            (before, at) = (Some(at), next?);
        }
    }

    /// True if the mate of a read, for which no read was waiting, is still to come.
    pub fn awaits_mate(read: &Alignment) -> bool {
        mate_position(read).is_some_and(|mate| mate >= (read.contig as u32, read.position))
    }

    /// Keep the evidence of a read until its mate comes; `fragment` is left empty. Returns the read that waited under
    /// its name before, taken out as by [`Fragments::take`].
    pub fn wait(&mut self, read: &Alignment, fragment: &mut FragmentEvidence) -> Option<Waiting> {
        let mate = mate_position(read)?;
        let before = self.unlink(read.name, fragment.sample).map(|slot| Waiting { slot, is_mate: false });
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let key = hash(read.name, fragment.sample);
        let slot = &mut self.slots[at as usize];
        slot.name.clear();
        slot.name.extend_from_slice(read.name);
        slot.mate = mate;
        std::mem::swap(&mut slot.fragment, fragment);
        fragment.evidence.clear();
        slot.next = self.heads.insert(key, at);
        before
    }

    /// Take out, in a fixed order, the reads whose mate should have come before `here` (contig, position): it was
    /// filtered out, or is not in the file.
    pub fn release(&mut self, here: (u32, i64)) -> Vec<FragmentEvidence> {
        let all = self.heads.values().copied();
        let chains = all.flat_map(|head| std::iter::successors(Some(head), |&at| self.slots[at as usize].next));
        let mut late: Vec<u32> = chains.filter(|&at| self.slots[at as usize].mate < here).collect();
        late.sort_by(|&a, &b| {
            let (a, b) = (&self.slots[a as usize], &self.slots[b as usize]);
            let key = |s: &Slot| (s.fragment.contig, s.fragment.start, s.fragment.end, s.fragment.sample);
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        let name = |&at: &u32| (self.slots[at as usize].name.clone(), self.slots[at as usize].fragment.sample);
        let names: Vec<(Vec<u8>, usize)> = late.iter().map(name).collect();
        let released = names.iter().filter_map(|(name, sample)| {
            let at = self.unlink(name, *sample)?;
            self.free.push(at);
            Some(std::mem::take(&mut self.slots[at as usize].fragment))
        });
        released.collect()
    }

    /// Number of reads that wait for their mates.
    pub fn waiting(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

/// Hash of name and sample, eight bytes at a time; the same on every machine.
fn hash(name: &[u8], sample: usize) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = (sample as u64 ^ name.len() as u64).wrapping_mul(ODD);
    let mut mix = |word: u64| state = (state.rotate_left(23) ^ word).wrapping_mul(ODD);
    let mut words = name.chunks_exact(8);
    for word in &mut words {
        mix(word.iter().fold(0, |w, &b| w << 8 | u64::from(b)));
    }
    mix(words.remainder().iter().fold(0, |w, &b| w << 8 | u64::from(b)));
    state ^ state >> 32
}

/// Passes on a key that is already a hash.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&b| self.0 = self.0 << 8 | u64::from(b));
    }

    fn write_u64(&mut self, key: u64) {
        // The table takes its upper seven bits as well as its lower ones.
        self.0 = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// True for the first and second of a pair, and where the flags do not say which they are.
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

    /// Regions that each fragment overlaps, in the order in which they are complete.
    fn run(reads: &[(Alignment<'static>, &[u32])]) -> Vec<Vec<u32>> {
        let mut list = Vec::new();
        let mut fragments = Fragments::default();
        for (read, regions) in reads {
            let evidence = Evidence { regions: regions.to_vec(), ..Default::default() };
            let mut fragment =
                FragmentEvidence { evidence, flags: read.flags, start: read.position, ..Default::default() };
            if let Some(waiting) = fragments.take(read, 0) {
                let mate = fragments.get(waiting);
                if waiting.is_mate {
                    mate.join(&fragment);
                }
                list.push(mate.evidence.regions.clone());
                fragments.recycle(waiting);
                if waiting.is_mate {
                    continue;
                }
            }
            if !Fragments::awaits_mate(read) {
                list.push(fragment.evidence.regions);
            } else if let Some(before) = fragments.wait(read, &mut fragment) {
                list.push(fragments.get(before).evidence.regions.clone());
                fragments.recycle(before);
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
    fn reads_without_mates_and_repeated_names_are_all_kept() {
        assert_eq!(run(&[(read("a", 0x41, 5, 9), &[2])]), [vec![2]]);
        assert_eq!(run(&[(read("a", 0, 5, 9), &[2]), (read("a", 0, 6, 9), &[3])]), [vec![2], vec![3]]);
        assert_eq!(run(&[(read("a", 0x49, 5, 5), &[2])]), [vec![2]]);
        let mut twice = run(&[(read("a", 0x41, 5, 9), &[1]), (read("a", 0x41, 6, 9), &[2])]);
        twice.sort();
        assert_eq!(twice, [vec![1], vec![2]]);
        // The second of a pair whose first was filtered out.
        assert_eq!(run(&[(read("a", 0x81, 9, 5), &[4])]), [vec![4]]);
    }

    #[test]
    fn strands_are_those_of_the_first_mate() {
        for (flags, expected) in [(0, b'+'), (0x10, b'-'), (0x41, b'+'), (0x51, b'-'), (0x81, b'-'), (0x91, b'+')] {
            assert_eq!(strand(flags), expected, "{flags:#x}");
        }
    }

    #[test]
    fn late_reads_are_released_in_a_fixed_order() {
        let mut fragments = Fragments::default();
        for i in (0..100i64).rev() {
            let mut a = read("", 0x41, i, i + 10);
            let name = i.to_string();
            a.name = name.as_bytes();
            assert!(fragments.wait(&a, &mut FragmentEvidence { start: i, ..Default::default() }).is_none());
        }
        let starts: Vec<i64> = fragments.release((0, 60)).iter().map(|s| s.start).collect();
        assert_eq!(starts, (0..50).collect::<Vec<_>>());
        assert_eq!(fragments.waiting(), 50);
    }
}
