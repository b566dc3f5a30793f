//! Alignments of the same reads to the genomes of two haplotypes, joined by name in one pass.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;

use crate::assignment::Class;
use crate::assignment::Filter;
use crate::counts::dual_reference::alignment_score::{AlignmentCosts, NoCost, Scoring};
use crate::counts::dual_reference::assign::{Half, Mate, State, Waiting};
use crate::counts::dual_reference::liftover::{aligned, lift};
use crate::error::{Error, Result};
use crate::genome::{HaplotypeMaps, IntervalIndex};
use crate::io::bam::writer::BamRecord;
use crate::io::bam::Tag;
use crate::io::bam::{Alignment, Alignments};

const PAIRED: u16 = 1;
const UNMAPPED: u16 = 4;
const REVERSE: u16 = 0x10;
const SECOND: u16 = 0x80;
/// Secondary and supplementary: they are parts of a read that its primary alignment stands for.
const PARTS: u16 = 0x900;
/// Optional fields that hold no more once an alignment is moved, or that are written anew.
const STALE: [[u8; 2]; 6] = [*b"MD", *b"NM", *b"MC", *b"SA", *b"HP", *b"po"];
/// Alignments between two calls of `progress`.
const EVERY: u64 = 1 << 16;

/// What to gather of each fragment.
#[derive(Clone, Debug, Default)]
pub struct Joining {
    pub filter: Filter,
    pub scoring: Scoring,
    /// Blocks of regions, with the number of their region; by the contigs of the reference, as `excluded`.
    pub blocks: IntervalIndex,
    /// Reads with an aligned base in one of these are left out.
    pub excluded: IntervalIndex,
    /// Tag that groups fragments, and tag of the molecule's identifier.
    pub group_by: Option<[u8; 2]>,
    pub umi: Option<[u8; 2]>,
    /// Keep the alignments themselves, moved to the reference.
    pub records: bool,
}

/// A fragment of which nothing is to come any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    pub class: Class,
    /// Aligned to one genome only, 1 or 2: no evidence, and its class is uninformative.
    pub only: Option<u8>,
    /// Index in 0, 1 of the genome whose alignments these are.
    pub side: usize,
    /// Regions touched, ascending, each once.
    pub regions: Vec<u32>,
    /// Contig of the reference of the first read.
    pub contig: usize,
    /// Outermost aligned bases on that contig, 0-based half-open.
    pub start: u64,
    pub end: u64,
    /// `+` or `-`, as [`Fragment`](crate::counts::Fragment) has it.
    pub strand: u8,
    /// Both mates are there, on one contig.
    pub paired: bool,
    /// An unpaired read.
    pub single: bool,
}

/// What was read and what became of it. A mate counts once, not once a genome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinSummary {
    /// Alignments read from each file.
    pub alignments: [u64; 2],
    /// Left out by a flag in one of the files, among them secondary and supplementary alignments.
    pub flagged: u64,
    /// Left out by the mapping quality of the better alignment.
    pub low_mapping_quality: u64,
    /// Aligned to neither genome, or to none of the reference's contigs.
    pub unplaced: u64,
    /// Left out because an aligned base lies in an excluded region.
    pub excluded: u64,
    /// Fragments aligned to one genome only.
    pub only: [u64; 2],
    /// Alignments whose bases that differ are known by number only (NM).
    pub by_number: u64,
}

/// Two files of alignments, to the genome of haplotype 1 and of haplotype 2.
pub struct TwoGenomes<'a> {
    files: [Alignments; 2],
    join: Join<'a>,
}

impl<'a> TwoGenomes<'a> {
    /// Open both files: BAM or SAM, sorted by position or by name, or as the aligner wrote them. `maps` bring
    /// positions to the reference.
    ///
    /// # Errors
    /// What [`Alignments::open`] finds wrong; a contig whose length is not that of the haplotype.
    pub fn open(paths: [&Path; 2], maps: &'a HaplotypeMaps, joining: Joining, threads: usize) -> Result<Self> {
        let each = threads.div_ceil(2).max(threads.min(2));
        let mut files = [Alignments::open(paths[0], None, each)?, Alignments::open(paths[1], None, each)?];
        files.iter_mut().for_each(Alignments::in_any_order);
        let mut contigs = [Vec::new(), Vec::new()];
        let mut by_position = true;
        for (side, file) in files.iter().enumerate() {
            contigs[side] = fit(file, maps, side)?;
            let header = file.header_text();
            let first = header.lines().next().filter(|line| line.starts_with("@HD")).unwrap_or("");
            by_position &= !first.contains("SO:queryname") && !first.contains("GO:query");
        }
        let costs = AlignmentCosts::new(joining.scoring, joining.filter.base_quality);
        Ok(Self {
            files,
            join: Join {
                maps,
                joining,
                costs,
                contigs,
                by_position,
                places: [(0, 0); 2],
                names: HashMap::default(),
                waiting: Vec::new(),
                free: Vec::new(),
                unmatched: [0; 2],
                cigar: Vec::new(),
                summary: JoinSummary::default(),
            },
        })
    }

    /// The two files.
    pub fn files(&self) -> &[Alignments; 2] {
        &self.files
    }

    /// Read both files and hand out every fragment that counts, once, with its group and molecule and its
    /// alignments (moved to the reference, mates told of each other) if they are kept. `progress` is called now
    /// and then with the number of alignments read since the last call.
    ///
    /// # Errors
    /// What is wrong with the files, and what `give` gives back.
    pub fn run(&mut self, give: &mut Give, progress: &mut dyn FnMut(u64)) -> Result<JoinSummary> {
        let mut open = [true; 2];
        let mut read_so_far = 0;
        while let Some(side) = self.join.turn(open) {
            let wrong = match self.files[side].next_read()? {
                None => {
                    open[side] = false;
                    continue;
                }
                Some(read) => {
                    self.join.summary.alignments[side] += 1;
                    match self.join.add(side, &read) {
                        Ok(None) => None,
                        Ok(Some(whole)) => {
                            self.join.finish(whole, give)?;
                            None
                        }
                        Err(problem) => Some(problem.of(&read)),
                    }
                }
            };
            if let Some(problem) = wrong {
                let number = self.files[side].records;
                return Err(Error::input(self.files[side].path(), format!("alignment {number} {problem}")));
            }
            read_so_far += 1;
            if read_so_far % EVERY == 0 {
                progress(EVERY);
            }
        }
        // What is left came in one file only, or half of it.
        for i in 0..self.join.waiting.len() {
            if self.join.waiting[i].used {
                self.join.finish(i, give)?;
            }
        }
        progress(read_so_far % EVERY);
        self.join.summary.by_number = self.join.costs.by_number;
        Ok(self.join.summary)
    }
}

/// Takes a fragment, its group and molecule, and its alignments.
pub type Give<'g> = dyn FnMut(&Joined, Option<&[u8]>, Option<&[u8]>, &mut [BamRecord]) -> Result<()> + 'g;

/// The reference's contig of each of `file`'s.
fn fit(file: &Alignments, maps: &HaplotypeMaps, side: usize) -> Result<Vec<Option<usize>>> {
    let mut list = Vec::with_capacity(file.contigs().len());
    for (name, length) in file.contigs().iter() {
        let found = maps.contigs().find(name);
        if let Some(contig) = found {
            let expected = maps.of(side + 1, contig).haplotype_length();
            if length != expected {
                let problem = format!(
                    "{name} has {length} bases, but haplotype {} of the variants has {expected}: align to the \
                     genome that `deepallele haplotypes --fasta` writes from the same variants",
                    side + 1
                );
                return Err(Error::input(file.path(), problem));
            }
        }
        list.push(found);
    }
    if list.iter().all(Option::is_none) {
        return Err(Error::input(
            file.path(),
            format!(
                "has no contig of the reference: it has {}, not {}",
                file.contigs().summary(),
                maps.contigs().summary()
            ),
        ));
    }
    Ok(list)
}

enum Problem {
    Cost(NoCost),
    Twice,
}

impl Problem {
    fn of(&self, read: &Alignment) -> String {
        let name = String::from_utf8_lossy(read.name);
        match self {
            Problem::Cost(NoCost::Unknown) => {
                format!("(\"{name}\") has neither MD nor NM nor = and X in its CIGAR; samtools calmd adds MD")
            }
            Problem::Cost(NoCost::Damaged) => {
                format!("(\"{name}\") has an MD that does not fit its CIGAR; samtools calmd makes it anew")
            }
            Problem::Twice => {
                format!(
                    "(\"{name}\") comes twice as the same mate: names must be unique, and secondary alignments marked"
                )
            }
        }
    }
}

/// Names as 128 bits, spread evenly: they are their own hash.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for (i, &b) in bytes.iter().enumerate().take(8) {
            self.0 ^= u64::from(b) << (8 * i);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

/// 128 bits of a name. Two names of a billion share them with a chance of 1 in 10^20.
fn key(name: &[u8]) -> u128 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    // Digits of the golden ratio, e and pi.
    let (mut one, mut two) = (0x9e37_79b9_7f4a_7c15, 0xb7e1_5162_8aed_2a6b);
    for chunk in name.chunks(8) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        one = fold(one ^ word, 0x2432_f6a8_885a_308d) ^ one.rotate_left(23);
        two = fold(two ^ word.rotate_left(32), 0xd131_98a2_e037_0735) ^ two.rotate_left(41);
    }
    let length = name.len() as u64;
    (u128::from(fold(one ^ length, 0xe7a9_8a2e_0370_7345)) << 64)
        | u128::from(fold(two ^ length, 0xc4ce_b9fe_1a85_ec53))
}

/// What has been seen of the fragments that wait for the rest of them.
struct Join<'a> {
    maps: &'a HaplotypeMaps,
    joining: Joining,
    costs: AlignmentCosts,
    contigs: [Vec<Option<usize>>; 2],
    /// Both files are sorted by position, as far as they have been read.
    by_position: bool,
    /// Where each file is: contig and position on the reference.
    places: [(usize, u64); 2],
    names: HashMap<u128, u32, BuildHasherDefault<Same>>,
    waiting: Vec<Waiting>,
    free: Vec<u32>,
    /// Fragments seen in this file only.
    unmatched: [u64; 2],
    cigar: Vec<u32>,
    summary: JoinSummary,
}

impl Join<'_> {
    /// Which file to read next: the one that is behind on the reference; of files in another order the one with
    /// fewer fragments that the other lacks.
    fn turn(&self, open: [bool; 2]) -> Option<usize> {
        match open {
            [true, true] if self.by_position => Some(usize::from(self.places[1] < self.places[0])),
            [true, true] => Some(usize::from(self.unmatched[1] < self.unmatched[0])),
            [true, false] => Some(0),
            [false, true] => Some(1),
            [false, false] => None,
        }
    }

    /// Take in an alignment; gives back the number of its fragment when it is whole.
    fn add(&mut self, side: usize, read: &Alignment) -> std::result::Result<Option<usize>, Problem> {
        if read.flags & PARTS != 0 {
            self.summary.flagged += 1;
            return Ok(None);
        }
        let contig = usize::try_from(read.contig).ok().and_then(|i| self.contigs[side][i]);
        let position = u64::try_from(read.position).ok();
        let mut mate = Mate { reverse: read.flags & REVERSE != 0, quality: read.mapping_quality, ..Mate::default() };
        let mut regions = Vec::new();
        self.cigar.clear();
        let mut place = (usize::MAX, u64::MAX);
        mate.state = State::Unmapped;
        // A flag leaves a read out wherever it is aligned; that it is unmapped is told by the other flags.
        if read.flags & self.joining.filter.excluded_flags & !(UNMAPPED | PARTS) != 0 {
            mate.state = State::Flagged;
        }
        if let (Some(contig), Some(position), true) = (contig, position, read.flags & UNMAPPED == 0) {
            let map = self.maps.of(side + 1, contig);
            // Within an insertion there is no place; the base before it stands in.
            let start = lift(map, position, read.cigar, &mut self.cigar);
            let near = || map.blocks_from(position).next().map_or(map.reference_length(), |b| b.reference);
            place = (contig, start.unwrap_or_else(|| near().saturating_sub(1)));
            if mate.state != State::Flagged {
                mate.state = State::Placed;
                mate.cost = self.costs.cost(read).map_err(Problem::Cost)?;
            }
            (mate.contig, mate.start, mate.end) = (contig as u32, place.1 as u32, place.1 as u32);
            for (start, end) in aligned(place.1, &self.cigar) {
                mate.end = end as u32;
                regions.extend(self.joining.blocks.overlapping(contig, start, end));
                if mate.state == State::Placed && self.joining.excluded.overlapping(contig, start, end).next().is_some()
                {
                    mate.state = State::Excluded;
                }
            }
        }
        // Unplaced reads come last in a sorted file.
        if place < self.places[side] && place.0 != usize::MAX {
            self.by_position = false;
        }
        self.places[side] = place;

        let record = self.joining.records.then(|| {
            let (contig, at) = match place.0 {
                usize::MAX => (-1, -1),
                contig => (contig as i32, i32::try_from(place.1).unwrap_or(-1)),
            };
            BamRecord::new(read, contig, at, &self.cigar, &STALE)
        });
        let paired = read.flags & PAIRED != 0;
        let which = usize::from(paired && read.flags & SECOND != 0);
        let number = self.find(key(read.name), side);
        let waiting = &mut self.waiting[number];
        let text = |name: Option<[u8; 2]>| match name.and_then(|n| read.tag(&n)) {
            Some(Tag::Text(text)) if !text.is_empty() => Some(text.into()),
            _ => None,
        };
        if waiting.group.is_none() {
            waiting.group = text(self.joining.group_by);
        }
        if waiting.umi.is_none() {
            waiting.umi = text(self.joining.umi);
        }
        waiting.single = !paired;
        let half: &mut Half = &mut waiting.halves[side];
        if half.mates[which].state != State::Absent {
            return Err(Problem::Twice);
        }
        half.mates[which] = mate;
        half.regions[which] = regions;
        if let Some(record) = record {
            half.records[which] = Some(record);
        }
        let whole = |half: &Half| half.mates.iter().filter(|m| m.state != State::Absent).count() > usize::from(paired);
        Ok(waiting.halves.iter().all(whole).then_some(number))
    }

    /// The fragment of a name, of which `side` has shown something now.
    fn find(&mut self, key: u128, side: usize) -> usize {
        if let Some(&number) = self.names.get(&key) {
            let waiting = &mut self.waiting[number as usize];
            if !waiting.seen[side] {
                waiting.seen[side] = true;
                self.unmatched[1 - side] -= 1;
            }
            return number as usize;
        }
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.waiting.push(Waiting::default());
                self.waiting.len() as u32 - 1
            }
        };
        self.names.insert(key, number);
        let waiting = &mut self.waiting[number as usize];
        waiting.used = true;
        waiting.key = key;
        waiting.seen[side] = true;
        self.unmatched[side] += 1;
        number as usize
    }

    /// Judge a fragment, hand it out if it counts, and forget it.
    fn finish(&mut self, number: usize, give: &mut Give) -> Result<()> {
        let mut waiting = std::mem::take(&mut self.waiting[number]);
        self.names.remove(&waiting.key);
        self.free.push(number as u32);
        if waiting.seen != [true; 2] {
            self.unmatched[usize::from(waiting.seen[1])] -= 1;
        }
        let least = self.joining.filter.mapping_quality;
        let evidence = self.joining.scoring == Scoring::Likelihood;
        let Some(joined) = waiting.judge(least, self.costs.decisive(), evidence, &mut self.summary) else {
            return Ok(());
        };
        if let Some(only) = joined.only {
            self.summary.only[usize::from(only) - 1] += 1;
        }
        let mut records: Vec<BamRecord> = Vec::new();
        if self.joining.records {
            records.extend(waiting.halves[joined.side].records.iter_mut().filter_map(Option::take));
            if let [first, second] = &mut records[..] {
                BamRecord::join(first, second);
            }
        }
        give(&joined, waiting.group.as_deref(), waiting.umi.as_deref(), &mut records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_keys_of_their_own() {
        let mut keys: Vec<u128> = (0..200_000u32).map(|i| key(format!("read:{i}").as_bytes())).collect();
        keys.extend([key(b""), key(b"a"), key(b"a\0"), key(b"aaaaaaaa"), key(b"aaaaaaaaa")]);
        // Of the low half, which chooses the place in the table, and of the whole.
        let mut low: Vec<u64> = keys.iter().map(|k| *k as u64).collect();
        low.sort();
        low.dedup();
        keys.sort();
        keys.dedup();
        assert_eq!((keys.len(), low.len()), (200_005, 200_005));
    }
}
