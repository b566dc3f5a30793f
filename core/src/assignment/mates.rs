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

/// A place in which a read waits. Empty ones keep their memory for the next.
#[derive(Default)]
struct Slot {
    seen: Seen,
    name: Vec<u8>,
    mate: (u32, i64),
    /// Another slot under the same hash.
    next: Option<u32>,
}

/// Reads that wait for their mates. Only what they show is kept.
#[derive(Default)]
pub struct Fragments {
    /// First slot by the hash of name and sample.
    heads: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
}

/// A read that waited under the name of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    slot: u32,
    /// It is the mate; else the same end came twice under one name, from two molecules.
    pub is_mate: bool,
}

impl Fragments {
    /// What waits for this read, if something does. It waits no longer; hand it back with
    /// [`Fragments::done`].
    pub fn take(&mut self, read: &Alignment, sample: usize) -> Option<Found> {
        let mate = mate_place(read)?;
        if self.heads.is_empty() || mate > (read.contig as u32, read.position) {
            return None;
        }
        let slot = self.unlink(read.name, sample)?;
        Some(Found { slot, is_mate: are_mates(self.slots[slot as usize].seen.flags, read.flags) })
    }

    /// What a found read has shown.
    pub fn seen(&mut self, found: Found) -> &mut Seen {
        &mut self.slots[found.slot as usize].seen
    }

    /// Have the memory of a found read back.
    pub fn done(&mut self, found: Found) {
        self.free.push(found.slot);
    }

    /// Take the slot of this name out of its chain.
    fn unlink(&mut self, name: &[u8], sample: usize) -> Option<u32> {
        let hash = hash(name, sample);
        let head = *self.heads.get(&hash)?;
        let (mut before, mut at) = (None, head);
        loop {
            let slot = &self.slots[at as usize];
            let next = slot.next;
            if slot.seen.sample == sample && slot.name == name {
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

    /// True if the mate of a read, for which nothing was waiting, is still to come.
    pub fn waits(read: &Alignment) -> bool {
        mate_place(read).is_some_and(|mate| mate >= (read.contig as u32, read.position))
    }

    /// Let what a read has shown wait for its mate; `seen` is left empty. Gives back what waited under its name
    /// before: it waits no longer.
    pub fn wait(&mut self, read: &Alignment, seen: &mut Seen) -> Option<Found> {
        let mate = mate_place(read)?;
        let before = self.unlink(read.name, seen.sample).map(|slot| Found { slot, is_mate: false });
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            (self.slots.len() - 1) as u32
        });
        let key = hash(read.name, seen.sample);
        let slot = &mut self.slots[at as usize];
        slot.name.clear();
        slot.name.extend_from_slice(read.name);
        slot.mate = mate;
        std::mem::swap(&mut slot.seen, seen);
        seen.evidence.clear();
        slot.next = self.heads.insert(key, at);
        before
    }

    /// Give out, in a fixed order, those whose mate should have come before `here` (contig, position): it was
    /// filtered out, or is not in the file.
    pub fn release(&mut self, here: (u32, i64)) -> Vec<Seen> {
        let all = self.heads.values().copied();
        let chains = all.flat_map(|head| std::iter::successors(Some(head), |&at| self.slots[at as usize].next));
        let mut late: Vec<u32> = chains.filter(|&at| self.slots[at as usize].mate < here).collect();
        late.sort_by(|&a, &b| {
            let (a, b) = (&self.slots[a as usize], &self.slots[b as usize]);
            let key = |s: &Slot| (s.seen.contig, s.seen.start, s.seen.end, s.seen.sample);
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
        let name = |&at: &u32| (self.slots[at as usize].name.clone(), self.slots[at as usize].seen.sample);
        let names: Vec<(Vec<u8>, usize)> = late.iter().map(name).collect();
        let released = names.iter().filter_map(|(name, sample)| {
            let at = self.unlink(name, *sample)?;
            self.free.push(at);
            Some(std::mem::take(&mut self.slots[at as usize].seen))
        });
        released.collect()
    }

    /// How many reads wait for their mates.
    pub fn waiting(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

/// Of name and sample, eight bytes at a time; the same on every machine.
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

/// Passes a key that is a hash already.
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
        let mut fragments = Fragments::default();
        for (read, regions) in reads {
            let evidence = Evidence { regions: regions.to_vec(), ..Default::default() };
            let mut seen = Seen { evidence, flags: read.flags, start: read.position, ..Default::default() };
            if let Some(found) = fragments.take(read, 0) {
                let mate = fragments.seen(found);
                if found.is_mate {
                    mate.join(&seen);
                }
                list.push(mate.evidence.regions.clone());
                fragments.done(found);
                if found.is_mate {
                    continue;
                }
            }
            if !Fragments::waits(read) {
                list.push(seen.evidence.regions);
            } else if let Some(before) = fragments.wait(read, &mut seen) {
                list.push(fragments.seen(before).evidence.regions.clone());
                fragments.done(before);
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
        let mut fragments = Fragments::default();
        for i in (0..100i64).rev() {
            let mut a = read("", 0x41, i, i + 10);
            let name = i.to_string();
            a.name = name.as_bytes();
            assert!(fragments.wait(&a, &mut Seen { start: i, ..Default::default() }).is_none());
        }
        let starts: Vec<i64> = fragments.release((0, 60)).iter().map(|s| s.start).collect();
        assert_eq!(starts, (0..50).collect::<Vec<_>>());
        assert_eq!(fragments.waiting(), 50);
    }
}
