//! Alignments of the same reads to the genomes of two haplotypes, joined by name in one pass.

use std::collections::HashMap;
use std::path::Path;

use crate::assignment::Filter;
use crate::counts::dual_reference::alignment_score::{AlignmentCosts, CostError, Scoring};
use crate::counts::dual_reference::assign::{assign, Rule};
use crate::counts::dual_reference::fragment::{JoinSummary, Joined, Mate, MateState, PendingFragment};
use crate::counts::dual_reference::liftover::{aligned_blocks, lift};
use crate::counts::dual_reference::read_names::{key, KeyHash};
use crate::error::{Error, Result};
use crate::genome::{HaplotypeMaps, IntervalIndex};
use crate::io::bam::writer::BamRecord;
use crate::io::bam::{Alignment, Alignments, Tag};

const PAIRED: u16 = 1;
const UNMAPPED: u16 = 4;
const REVERSE: u16 = 0x10;
const SECOND: u16 = 0x80;
/// Secondary and supplementary alignments: parts of a read, which its primary alignment represents.
const PARTS: u16 = 0x900;
/// Optional fields that no longer hold once an alignment is lifted over, or that are written again.
const STALE: [[u8; 2]; 6] = [*b"MD", *b"NM", *b"MC", *b"SA", *b"HP", *b"po"];
/// Alignments between two calls of `progress`.
const PROGRESS_INTERVAL: u64 = 1 << 16;

/// How alignments are filtered and compared, and what is kept of each fragment.
#[derive(Clone, Debug, Default)]
pub struct JoinOptions {
    /// Which reads and bases count.
    pub filter: Filter,
    /// How alignments to the two genomes are compared.
    pub scoring: Scoring,
    /// Blocks of regions, with the index of their region, by the contigs of the reference.
    pub blocks: IntervalIndex,
    /// Reads with an aligned base in one of these are excluded; by the contigs of the reference.
    pub excluded: IntervalIndex,
    /// Tag by which fragments are grouped.
    pub group_by: Option<[u8; 2]>,
    /// Tag of the molecular identifier.
    pub umi: Option<[u8; 2]>,
    /// Keep the alignments, lifted over to the reference.
    pub records: bool,
}

/// Two files of alignments, to the genome of haplotype 1 and of haplotype 2.
pub struct TwoGenomes<'a> {
    files: [Alignments; 2],
    join: Join<'a>,
}

impl<'a> TwoGenomes<'a> {
    /// Open both files: BAM or SAM, sorted by position or by name, or as the aligner wrote them. `maps` map positions
    /// to the reference.
    ///
    /// # Errors
    /// As [`Alignments::open`]; a contig whose length is not that of the haplotype.
    pub fn open(paths: [&Path; 2], maps: &'a HaplotypeMaps, options: JoinOptions, threads: usize) -> Result<Self> {
        let each = threads.div_ceil(2).max(threads.min(2));
        let mut files = [Alignments::open(paths[0], None, each)?, Alignments::open(paths[1], None, each)?];
        files.iter_mut().for_each(Alignments::in_any_order);
        let mut contigs = [Vec::new(), Vec::new()];
        let mut by_position = true;
        for (side, file) in files.iter().enumerate() {
            contigs[side] = match_contigs(file, maps, side)?;
            let header = file.header_text();
            let first = header.lines().next().filter(|line| line.starts_with("@HD")).unwrap_or("");
            by_position &= !first.contains("SO:queryname") && !first.contains("GO:query");
        }
        let costs = AlignmentCosts::new(options.scoring, options.filter.base_quality);
        let rule = Rule {
            mapping_quality: options.filter.mapping_quality,
            threshold: costs.threshold(),
            conflicting: options.scoring == Scoring::Likelihood,
        };
        Ok(Self {
            files,
            join: Join {
                maps,
                options,
                costs,
                rule,
                contigs,
                by_position,
                positions: [(0, 0); 2],
                by_name: HashMap::default(),
                pending: Vec::new(),
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

    /// Read both files and pass every fragment that counts to `receive`, once, with its alignments if they are kept
    /// (lifted over to the reference, each with the position of its mate). `progress` is called now and then with the
    /// number of alignments read since the last call.
    ///
    /// # Errors
    /// Alignments that cannot be read or compared, and errors of `receive`.
    pub fn run(&mut self, receive: &mut Receive, progress: &mut dyn FnMut(u64)) -> Result<JoinSummary> {
        let mut open = [true; 2];
        let mut read_so_far = 0;
        while let Some(side) = self.join.next_file(open) {
            let problem = match self.files[side].next_read()? {
                None => {
                    open[side] = false;
                    continue;
                }
                Some(read) => {
                    self.join.summary.alignments[side] += 1;
                    match self.join.add(side, &read) {
                        Ok(None) => None,
                        Ok(Some(complete)) => {
                            self.join.complete(complete, receive)?;
                            None
                        }
                        Err(problem) => Some(problem.message(&read)),
                    }
                }
            };
            if let Some(problem) = problem {
                let number = self.files[side].records;
                return Err(Error::input(self.files[side].path(), format!("alignment {number} {problem}")));
            }
            read_so_far += 1;
            if read_so_far % PROGRESS_INTERVAL == 0 {
                progress(PROGRESS_INTERVAL);
            }
        }
        // The rest occurred in one file only, or without one of the mates.
        for i in 0..self.join.pending.len() {
            if self.join.pending[i].used {
                self.join.complete(i, receive)?;
            }
        }
        progress(read_so_far % PROGRESS_INTERVAL);
        self.join.summary.by_nm = self.join.costs.by_nm;
        Ok(self.join.summary)
    }
}

/// Receives a fragment and its alignments.
pub type Receive<'r> = dyn FnMut(&Joined, &mut [BamRecord]) -> Result<()> + 'r;

/// For each contig of `file`, the contig of the reference.
fn match_contigs(file: &Alignments, maps: &HaplotypeMaps, side: usize) -> Result<Vec<Option<usize>>> {
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

/// What is wrong with an alignment.
enum Problem {
    Cost(CostError),
    /// The same mate of the same name again.
    Duplicate,
}

impl Problem {
    fn message(&self, read: &Alignment) -> String {
        let name = String::from_utf8_lossy(read.name);
        match self {
            Problem::Cost(CostError::NoDifferences) => {
                format!("(\"{name}\") has neither MD nor NM nor = and X in its CIGAR; add MD with samtools calmd")
            }
            Problem::Cost(CostError::InconsistentMd) => {
                format!("(\"{name}\") has an MD that does not fit its CIGAR; recompute it with samtools calmd")
            }
            Problem::Duplicate => {
                format!(
                    "(\"{name}\") occurs twice as the same mate: names must be unique, and secondary alignments flagged"
                )
            }
        }
    }
}

/// The pending fragments of two files.
struct Join<'a> {
    maps: &'a HaplotypeMaps,
    options: JoinOptions,
    costs: AlignmentCosts,
    rule: Rule,
    contigs: [Vec<Option<usize>>; 2],
    /// Both files are sorted by position, as far as they have been read.
    by_position: bool,
    /// Contig and position on the reference that each file has reached.
    positions: [(usize, u64); 2],
    by_name: HashMap<u128, u32, KeyHash>,
    pending: Vec<PendingFragment>,
    /// Slots of `pending` that are free.
    free: Vec<u32>,
    /// Fragments that occurred in this file only.
    unmatched: [u64; 2],
    cigar: Vec<u32>,
    summary: JoinSummary,
}

impl Join<'_> {
    /// Which file to read next: if both are sorted by position, the one that is behind on the reference; else the one
    /// with fewer fragments that the other lacks.
    fn next_file(&self, open: [bool; 2]) -> Option<usize> {
        match open {
            [true, true] if self.by_position => Some(usize::from(self.positions[1] < self.positions[0])),
            [true, true] => Some(usize::from(self.unmatched[1] < self.unmatched[0])),
            [true, false] => Some(0),
            [false, true] => Some(1),
            [false, false] => None,
        }
    }

    /// Add an alignment to its fragment; returns the slot of the fragment when it is complete.
    fn add(&mut self, side: usize, read: &Alignment) -> std::result::Result<Option<usize>, Problem> {
        if read.flags & PARTS != 0 {
            self.summary.flagged += 1;
            return Ok(None);
        }
        let contig = usize::try_from(read.contig).ok().and_then(|i| self.contigs[side][i]);
        let position = u64::try_from(read.position).ok();
        let reverse = read.flags & REVERSE != 0;
        let mut mate = Mate { reverse, mapping_quality: read.mapping_quality, ..Mate::default() };
        let mut regions = Vec::new();
        self.cigar.clear();
        let mut lifted = (usize::MAX, u64::MAX);
        mate.state = MateState::Unmapped;
        // A flag excludes a read in whichever genome; unmapped reads are recognised below.
        if read.flags & self.options.filter.excluded_flags & !(UNMAPPED | PARTS) != 0 {
            mate.state = MateState::Flagged;
        }
        if let (Some(contig), Some(position), true) = (contig, position, read.flags & UNMAPPED == 0) {
            let map = self.maps.of(side + 1, contig);
            // A read within an insertion has no reference position; it gets that of the base before the insertion.
            let start = lift(map, position, read.cigar, &mut self.cigar);
            let near = || map.blocks_from(position).next().map_or(map.reference_length(), |b| b.reference);
            lifted = (contig, start.unwrap_or_else(|| near().saturating_sub(1)));
            if mate.state != MateState::Flagged {
                mate.state = MateState::Aligned;
                mate.cost = self.costs.cost(read).map_err(Problem::Cost)?;
            }
            (mate.contig, mate.start, mate.end) = (contig as u32, lifted.1 as u32, lifted.1 as u32);
            for (start, end) in aligned_blocks(lifted.1, &self.cigar) {
                mate.end = end as u32;
                regions.extend(self.options.blocks.overlapping(contig, start, end));
                let excluded = self.options.excluded.overlapping(contig, start, end).next().is_some();
                if mate.state == MateState::Aligned && excluded {
                    mate.state = MateState::Excluded;
                }
            }
        }
        // Unplaced reads come last in a sorted file.
        if lifted < self.positions[side] && lifted.0 != usize::MAX {
            self.by_position = false;
        }
        self.positions[side] = lifted;

        let record = self.options.records.then(|| {
            let (contig, position) = match lifted.0 {
                usize::MAX => (-1, -1),
                contig => (contig as i32, i32::try_from(lifted.1).unwrap_or(-1)),
            };
            BamRecord::new(read, contig, position, &self.cigar, &STALE)
        });
        let paired = read.flags & PAIRED != 0;
        let which = usize::from(paired && read.flags & SECOND != 0);
        let slot = self.slot_of(key(read.name), side);
        let pending = &mut self.pending[slot];
        let text = |name: Option<[u8; 2]>| match name.and_then(|n| read.tag(&n)) {
            Some(Tag::Text(text)) if !text.is_empty() => Some(text.into()),
            _ => None,
        };
        if pending.group.is_none() {
            pending.group = text(self.options.group_by);
        }
        if pending.umi.is_none() {
            pending.umi = text(self.options.umi);
        }
        pending.single = !paired;
        let alignments = &mut pending.genomes[side];
        if alignments.mates[which].state != MateState::Absent {
            return Err(Problem::Duplicate);
        }
        alignments.mates[which] = mate;
        alignments.regions[which] = regions;
        if let Some(record) = record {
            alignments.records[which] = Some(record);
        }
        let expected = 1 + usize::from(paired);
        let present = |mates: &[Mate; 2]| mates.iter().filter(|m| m.state != MateState::Absent).count();
        Ok(pending.genomes.iter().all(|g| present(&g.mates) >= expected).then_some(slot))
    }

    /// The slot of the fragment of this name, of which file `side` has an alignment.
    fn slot_of(&mut self, key: u128, side: usize) -> usize {
        if let Some(&slot) = self.by_name.get(&key) {
            let pending = &mut self.pending[slot as usize];
            if !pending.seen[side] {
                pending.seen[side] = true;
                self.unmatched[1 - side] -= 1;
            }
            return slot as usize;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.pending.push(PendingFragment::default());
                self.pending.len() as u32 - 1
            }
        };
        self.by_name.insert(key, slot);
        let pending = &mut self.pending[slot as usize];
        pending.used = true;
        pending.key = key;
        pending.seen[side] = true;
        self.unmatched[side] += 1;
        slot as usize
    }

    /// Assign a fragment, pass it on if it counts, and free its slot.
    fn complete(&mut self, slot: usize, receive: &mut Receive) -> Result<()> {
        let mut pending = std::mem::take(&mut self.pending[slot]);
        self.by_name.remove(&pending.key);
        self.free.push(slot as u32);
        if pending.seen != [true; 2] {
            self.unmatched[usize::from(pending.seen[1])] -= 1;
        }
        let mut kept = pending.genomes.each_mut().map(|g| std::mem::take(&mut g.records));
        let mut regions = Vec::new();
        let Some(joined) = assign(&pending, &self.rule, &mut regions, &mut self.summary) else { return Ok(()) };
        if let Some(only) = joined.only {
            self.summary.only[usize::from(only) - 1] += 1;
        }
        let mut records: Vec<BamRecord> = kept[joined.genome].iter_mut().filter_map(Option::take).collect();
        if let [first, second] = &mut records[..] {
            BamRecord::join(first, second);
        }
        receive(&joined, &mut records)
    }
}
