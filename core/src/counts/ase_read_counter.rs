//! Reads by allele at heterozygous SNVs with the rules and columns of GATK's ASEReadCounter (version 4).
//!
//! They differ from those of the other tables: each site is counted independently, supplementary and QC-fail reads
//! count, reads need a read group, and of two overlapping mates that disagree neither counts.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::rc::Rc;

use crate::assignment::Filter;
use crate::error::{Error, Result};
use crate::genome::{Variant, VariantStream};
use crate::io::bam::{Alignment, Alignments, Tag};
use crate::io::fasta::Reference;
use crate::io::plain_text::Plain;
use crate::io::{Contigs, Spans};

/// Names of the columns, in order.
pub const COLUMNS: [&str; 13] = [
    "contig",
    "position",
    "variantID",
    "refAllele",
    "altAllele",
    "refCount",
    "altCount",
    "totalCount",
    "lowMAPQDepth",
    "lowBaseQDepth",
    "rawDepth",
    "otherBases",
    "improperPairs",
];

/// The defaults of GATK: no limit on either quality, and flags 1284 (unmapped, secondary, duplicate).
pub const FILTER: Filter = Filter { mapping_quality: 0, base_quality: 0, excluded_flags: 0x4 | 0x100 | 0x400 };

/// Reads with a larger TLEN are not checked for adapter. TLEN is positive in the leftmost read only.
const ADAPTER_LIMIT: i64 = 100;

/// The base of a read with a deletion at the site; no letter is 0.
const DELETED: u8 = 0;

const PAIRED: u16 = 0x1;
const PROPER: u16 = 0x2;
const UNMAPPED: u16 = 0x4;
const MATE_UNMAPPED: u16 = 0x8;
const REVERSE: u16 = 0x10;
const MATE_REVERSE: u16 = 0x20;

/// The counts at one site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AseCounts {
    /// Reads with the reference allele.
    pub reference: u64,
    /// Reads with the alternative allele.
    pub alternative: u64,
    /// Reads with a low mapping quality.
    pub low_mapping_quality: u64,
    /// Reads with a low base quality.
    pub low_base_quality: u64,
    /// All reads, after overlapping mates are reconciled.
    pub raw: u64,
    /// Reads with any other base.
    pub other: u64,
    /// Reads of improper pairs.
    pub improper: u64,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AseRow<'a> {
    /// Name of the contig.
    pub contig: &'a str,
    /// Position of the SNV, 0-based.
    pub position: u64,
    /// ID of the record; empty for none.
    pub id: &'a str,
    /// Base of the reference, upper case.
    pub reference: u8,
    /// Base of the alternative allele, upper case.
    pub alternative: u8,
    /// Reads by allele and reason.
    pub counts: AseCounts,
}

impl AseRow<'_> {
    /// Write the line with its line end; the position is written 1-based.
    ///
    /// # Errors
    /// Errors of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let c = &self.counts;
        writeln!(
            out,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            Plain(self.contig),
            self.position + 1,
            Plain(if self.id.is_empty() { "." } else { self.id }),
            self.reference as char,
            self.alternative as char,
            c.reference,
            c.alternative,
            c.reference + c.alternative,
            c.low_mapping_quality,
            c.low_base_quality,
            c.raw,
            c.other,
            c.improper
        )
    }
}

/// Alignments read and excluded, and sites counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AseSummary {
    /// Alignments read.
    pub alignments: u64,
    /// Excluded by a flag, or without a position.
    pub flagged: u64,
    /// Excluded because they have no read group.
    pub no_group: u64,
    /// Excluded because they have no bases or qualities.
    pub no_bases: u64,
    /// Lines written.
    pub written: u64,
    /// SNVs excluded because another has the same position.
    pub doubled: u64,
    /// Records read that are not biallelic heterozygous SNVs.
    pub not_snv: u64,
}

impl AseSummary {
    /// Messages for the user, one per line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} alignments read; excluded: {} by flags, {} without read group, {} without bases or qualities",
            self.alignments, self.flagged, self.no_group, self.no_bases
        )];
        if self.not_snv > 0 {
            lines.push(format!("{} records excluded: not biallelic heterozygous SNVs", self.not_snv));
        }
        if self.doubled > 0 {
            lines.push(format!("{} SNVs excluded: another record has the same position", self.doubled));
        }
        lines.push(format!("{} sites covered", self.written));
        lines
    }
}

/// The properties of a read that all its sites share.
struct Read {
    name: Box<[u8]>,
    sample: u32,
    mapping_quality: u8,
    improper: bool,
}

/// A read at a site.
struct Element {
    read: Rc<Read>,
    /// A letter, or [`DELETED`].
    base: u8,
    quality: u8,
}

/// A site that further reads may cover.
struct OpenSite {
    position: i64,
    id: Box<str>,
    alternative: u8,
    elements: Vec<Element>,
}

/// The alternative base of a record that is a biallelic heterozygous SNV.
fn snv(v: &Variant) -> Option<u8> {
    let het = matches!((v.hap1, v.hap2), (0, 1) | (1, 0));
    match (v.alleles.len(), v.alleles.get(0), v.alleles.get(1)) {
        (2, Some([_]), Some([alternative])) if het => Some(*alternative),
        _ => None,
    }
}

/// True if the base at `position` (0-based) of the read is adapter, beyond the end of an insert shorter than the read.
/// The end of the insert is the mate's position for a reverse read and follows from TLEN for a forward one. No base is
/// adapter if the mates do not face each other or TLEN is above 100.
fn in_adapter(read: &Alignment, end: i64, position: i64) -> bool {
    let reverse = read.flags & REVERSE != 0;
    let facing = read.flags & PAIRED != 0
        && read.flags & UNMAPPED == 0
        && !mate_is_unmapped(read)
        && reverse != (read.flags & MATE_REVERSE != 0);
    let length = read.template_length;
    if !facing || length == 0 || length > ADAPTER_LIMIT {
        return false;
    }
    if reverse {
        // The mate starts within the read, or before it.
        end > read.mate_position + 1 && position < read.mate_position
    } else {
        let insert_end = read.position.saturating_add(length.saturating_abs());
        read.position <= read.mate_position.saturating_add(length) && position >= insert_end
    }
}

fn mate_is_unmapped(read: &Alignment) -> bool {
    read.flags & MATE_UNMAPPED != 0 || read.mate_contig < 0 || read.mate_position < 0
}

/// Count at one site. Each read counts once, by the first of these that applies: improper pair, low mapping quality, low base
/// quality, reference, alternative, other.
fn count_site(site: &mut OpenSite, reference: u8, filter: &Filter) -> AseCounts {
    let mut counts = AseCounts::default();
    // A stable sort: reads of one name stay in the order of the file.
    site.elements.sort_by(|a, b| (a.read.sample, &a.read.name).cmp(&(b.read.sample, &b.read.name)));
    let same = |a: &Element, b: &Element| a.read.sample == b.read.sample && a.read.name == b.read.name;
    for mates in site.elements.chunk_by(same) {
        let Some(element) = reconciled(mates).filter(|e| e.base != DELETED) else { continue };
        counts.raw += 1;
        *if element.read.improper {
            &mut counts.improper
        } else if element.read.mapping_quality < filter.mapping_quality {
            &mut counts.low_mapping_quality
        } else if element.quality < filter.base_quality {
            &mut counts.low_base_quality
        } else if element.base == reference {
            &mut counts.reference
        } else if element.base == site.alternative {
            &mut counts.alternative
        } else {
            &mut counts.other
        } += 1;
    }
    counts
}

/// The read of the best quality among those of one name at one site, the first of equal ones; None if two disagree.
fn reconciled(mates: &[Element]) -> Option<&Element> {
    let mut mates = mates.iter();
    let mut best = mates.next()?;
    for other in mates {
        if other.base != best.base {
            return None;
        }
        if other.quality > best.quality {
            best = other;
        }
    }
    Some(best)
}

/// The sites that sorted reads can cover.
struct Window<'a> {
    variants: &'a mut VariantStream,
    within: Option<&'a Spans>,
    contig: usize,
    open: VecDeque<OpenSite>,
    /// Read from the stream, but beyond all reads so far.
    ahead: Option<Variant>,
    doubled: u64,
    not_snv: u64,
}

impl Window<'_> {
    fn enter(&mut self, contig: usize) -> Result<()> {
        self.contig = contig;
        self.ahead = None;
        self.variants.enter(contig)
    }

    /// Read all sites before `end` into `open`.
    fn load(&mut self, end: i64) -> Result<()> {
        loop {
            if self.ahead.is_none() {
                self.ahead = self.variants.next()?;
            }
            let Some(v) = self.ahead.take_if(|v| (v.start as i64) < end) else { return Ok(()) };
            if self.within.is_some_and(|w| !w.overlap(self.contig, v.start, v.start + 1)) {
                continue;
            }
            let Some(alternative) = snv(&v) else {
                self.not_snv += 1;
                continue;
            };
            let position = v.start as i64;
            match self.open.back_mut() {
                // A multi-allelic site on several lines: marked by DELETED as its alternative.
                Some(last) if last.position == position => {
                    self.doubled += 1 + (last.alternative != DELETED) as u64;
                    last.alternative = DELETED;
                }
                _ => self.open.push_back(OpenSite { position, id: v.id, alternative, elements: Vec::new() }),
            }
        }
    }
}

/// Count at every biallelic heterozygous SNV of `variants` on the contigs of `alignments`, phased or not, that overlaps
/// `within`; `row` receives the covered ones in order. `variants` must have been opened with those contigs. A site is
/// covered if a read has a base or a deletion there. `progress` is called now and then with the number of alignments read
/// since the last call.
///
/// # Errors
/// Files that cannot be read, and errors of `row`.
pub fn count_ase(
    alignments: &mut Alignments,
    variants: &mut VariantStream,
    reference: &mut Reference,
    within: Option<&Spans>,
    filter: &Filter,
    row: &mut dyn FnMut(&AseRow) -> Result<()>,
    progress: &mut dyn FnMut(u64),
) -> Result<AseSummary> {
    const PROGRESS_INTERVAL: u64 = 1 << 16;
    let contigs = alignments.contigs().clone();
    let groups = alignments.read_groups().clone();
    let mut out = Output { contigs: &contigs, reference, filter, row, fasta_contig: None, written: 0 };
    let mut summary = AseSummary::default();
    let mut window =
        Window { variants, within, contig: usize::MAX, open: VecDeque::new(), ahead: None, doubled: 0, not_snv: 0 };
    while let Some(read) = alignments.next_read()? {
        summary.alignments += 1;
        if summary.alignments % PROGRESS_INTERVAL == 0 {
            progress(PROGRESS_INTERVAL);
        }
        if read.flags & filter.excluded_flags != 0 || read.contig < 0 || read.position < 0 {
            summary.flagged += 1;
            continue;
        }
        if read.qualities.first().is_none_or(|&q| q == 255) {
            summary.no_bases += 1;
            continue;
        }
        let Some(Tag::Text(group)) = read.tag(b"RG") else {
            summary.no_group += 1;
            continue;
        };
        if read.contig as usize != window.contig {
            out.write(&mut window, i64::MAX)?;
            window.enter(read.contig as usize)?;
        }
        out.write(&mut window, read.position)?;
        let end = read.end();
        window.load(end)?;
        // Groups that are not in the header count as one further sample.
        let sample = || groups.sample(group).unwrap_or(u32::MAX);
        add_read(&read, sample, end, &mut window.open);
    }
    out.write(&mut window, i64::MAX)?;
    progress(summary.alignments % PROGRESS_INTERVAL);
    (summary.written, summary.doubled, summary.not_snv) = (out.written, window.doubled, window.not_snv);
    Ok(summary)
}

/// Add a read to the sites it covers.
fn add_read(read: &Alignment, sample: impl Fn() -> u32, end: i64, open: &mut VecDeque<OpenSite>) {
    // Most sites before the read have been written already.
    let mut site = open.partition_point(|s| s.position < read.position);
    let mut shared: Option<Rc<Read>> = None;
    let (mut position, mut index) = (read.position, 0usize);
    for &operation in read.cigar {
        let length = (operation >> 4) as usize;
        let (on_reference, on_read) = match operation & 15 {
            0 | 7 | 8 => (true, true),
            2 | 3 => (true, false),
            1 | 4 => (false, true),
            _ => (false, false),
        };
        let after = if on_reference { position.saturating_add(length as i64) } else { position };
        while let Some(here) = open.get_mut(site).filter(|s| s.position < after) {
            site += 1;
            let at = index + (here.position - position) as usize;
            let (base, quality) = match operation & 15 {
                3 => continue,
                2 => (DELETED, 0),
                _ => match read.qualities.get(at) {
                    Some(&quality) => (read.base(at), quality),
                    None => continue,
                },
            };
            if in_adapter(read, end, here.position) {
                continue;
            }
            let shared = shared.get_or_insert_with(|| {
                let paired = read.flags & PAIRED != 0;
                Rc::new(Read {
                    name: read.name.into(),
                    sample: sample(),
                    mapping_quality: read.mapping_quality,
                    improper: paired && (mate_is_unmapped(read) || read.flags & PROPER == 0),
                })
            });
            here.elements.push(Element { read: shared.clone(), base, quality });
        }
        position = after;
        index += if on_read { length } else { 0 };
        if site == open.len() {
            break;
        }
    }
}

/// Writes complete sites.
struct Output<'a> {
    contigs: &'a Contigs,
    reference: &'a mut Reference,
    filter: &'a Filter,
    row: &'a mut dyn FnMut(&AseRow) -> Result<()>,
    /// A contig and its index in the FASTA.
    fasta_contig: Option<(usize, usize)>,
    written: u64,
}

impl Output<'_> {
    /// Write the sites before `end`, which no further read can cover.
    fn write(&mut self, window: &mut Window, end: i64) -> Result<()> {
        while window.open.front().is_some_and(|s| s.position < end) {
            let Some(mut site) = window.open.pop_front() else { break };
            if site.elements.is_empty() || site.alternative == DELETED {
                continue;
            }
            let name = self.contigs.name(window.contig);
            let fasta_contig = match self.fasta_contig {
                Some((contig, index)) if contig == window.contig => index,
                _ => self.reference.contigs().find(name).ok_or_else(|| {
                    let has = self.reference.contigs().summary();
                    Error::input(self.reference.path(), format!("has no sequence \"{name}\" (it has {has})"))
                })?,
            };
            self.fasta_contig = Some((window.contig, fasta_contig));
            let bases = self.reference.fetch(fasta_contig, site.position, site.position + 1)?;
            let base = bases.first().copied().unwrap_or(b'N');
            let reference = if matches!(base, b'A' | b'C' | b'G' | b'T') { base } else { b'N' };
            let counts = count_site(&mut site, reference, self.filter);
            let (position, alternative) = (site.position as u64, site.alternative);
            (self.row)(&AseRow { contig: name, position, id: &site.id, reference, alternative, counts })?;
            self.written += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "ase_read_counter_tests.rs"]
mod tests;
