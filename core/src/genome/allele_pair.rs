//! The two sequences of one window, with the map between their coordinates and those of the reference.

use crate::error::{Error, Result};
use crate::genome::Edit;
use crate::genome::{Variant, Variants};
use crate::io::fasta::Reference;

/// One run of bases that haplotype and reference share position by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Index of the first base in the sequence.
    haplotype: usize,
    /// Its reference position, 0-based; negative before the start of the contig.
    reference: i64,
    length: usize,
}

/// Adjacent bases of a haplotype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HaplotypePiece {
    /// Index of the first base in the sequence.
    pub start: usize,
    /// End of the bases in the sequence, exclusive.
    pub end: usize,
    /// Where they are in the reference.
    pub place: PiecePlace,
}

/// Where adjacent bases of a haplotype are in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PiecePlace {
    /// They stand one for one for the bases from this position on, 0-based.
    Reference(u64),
    /// They are inserted, or replace another number of bases.
    Inserted,
    /// N beyond the ends of the contig.
    Outside,
}

/// A haplotype's sequence with its map to the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Haplotype {
    /// Bases in upper case, N past the ends of the contig.
    pub sequence: Vec<u8>,
    runs: Vec<Run>,
    contig_length: u64,
}

impl Haplotype {
    /// The sequence in pieces as long as they can be, in order. Their lengths add up to that of the sequence.
    pub fn pieces(&self) -> Vec<HaplotypePiece> {
        let mut pieces: Vec<HaplotypePiece> = Vec::new();
        let mut put = |start: usize, end: usize, place: PiecePlace| {
            let follows = |last: &HaplotypePiece| match (last.place, place) {
                // A substitution is a separate run, but keeps its place.
                (PiecePlace::Reference(a), PiecePlace::Reference(b)) => a + (last.end - last.start) as u64 == b,
                (a, b) => a == b,
            };
            match pieces.last_mut().filter(|last| follows(last)) {
                _ if start >= end => {}
                Some(last) => last.end = end,
                None => pieces.push(HaplotypePiece { start, end, place }),
            }
        };
        let mut at = 0;
        for run in &self.runs {
            put(at, run.haplotype, PiecePlace::Inserted);
            at = run.haplotype + run.length;
            let before = run.reference.min(0).unsigned_abs().min(run.length as u64) as usize;
            let first = run.reference.max(0) as u64;
            let inside = self.contig_length.saturating_sub(first).min((run.length - before) as u64) as usize;
            let start = run.haplotype + before;
            put(run.haplotype, start, PiecePlace::Outside);
            put(start, start + inside, PiecePlace::Reference(first));
            put(start + inside, at, PiecePlace::Outside);
        }
        put(at, self.sequence.len(), PiecePlace::Inserted);
        pieces
    }

    /// Reference position (0-based) of base `i`; `None` for inserted bases and past the ends of the contig.
    pub fn to_reference(&self, i: usize) -> Option<u64> {
        let run = self.runs[..self.runs.partition_point(|r| r.haplotype <= i)].last()?;
        let offset = i - run.haplotype;
        let position = u64::try_from(run.reference + offset as i64).ok()?;
        (offset < run.length && position < self.contig_length).then_some(position)
    }

    /// Index of the base at reference position `position` (0-based); `None` if it is deleted or outside of the window.
    pub fn from_reference(&self, position: u64) -> Option<usize> {
        let position = i64::try_from(position).ok()?;
        let run = self.runs[..self.runs.partition_point(|r| r.reference <= position)].last()?;
        let offset = (position - run.reference) as usize;
        (offset < run.length && (position as u64) < self.contig_length).then(|| run.haplotype + offset)
    }
}

/// The two alleles of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllelePair {
    /// The sequence of haplotype 1.
    pub hap1: Haplotype,
    /// The sequence of haplotype 2.
    pub hap2: Haplotype,
    /// Records in which the two alleles differ within the window.
    pub variants: usize,
    /// Records applied to at least one allele within the window.
    pub applied: usize,
    /// Records not applied to an allele because they overlap an earlier record of it.
    pub skipped: usize,
}

/// Bases around an anchor, to be cut out of a haplotype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpan {
    /// Reference base (0-based) that is at index `before` of both alleles.
    pub anchor: u64,
    /// Bases of the window to the left of the anchor.
    pub before: usize,
    /// Bases of the window.
    pub length: usize,
}

impl WindowSpan {
    /// `length` bases with the anchor at index `length / 2`.
    pub fn centred(anchor: u64, length: usize) -> Self {
        Self { anchor, before: length / 2, length }
    }

    /// With `margin` bases more on both sides.
    pub fn with_margin(self, margin: usize) -> Self {
        Self { anchor: self.anchor, before: self.before + margin, length: self.length + 2 * margin }
    }

    /// Reference positions of the window before any indel, 0-based half-open; they may lie outside of the contig.
    pub fn positions(&self) -> std::ops::Range<i64> {
        let start = (self.anchor as i64).saturating_sub(self.before as i64);
        start..start.saturating_add(self.length as i64)
    }

    /// The same clipped at 0, and at least one base.
    fn clipped(&self) -> (u64, u64) {
        let start = self.anchor.saturating_sub(self.before as u64);
        (start, self.anchor.saturating_add((self.length - self.before) as u64).max(start + 1))
    }
}

/// The allele pair of a window, with everything that the two haplotypes carry there applied. Both are exactly as long
/// as the window, with the anchor at index `before` of both (where it is deleted, the next base left of it); bases that
/// indels move in at the ends come from the genome on either side, N past the ends of the contig.
///
/// `contig` is an index of the contigs of `reference`; those of `variants` are matched by name.
///
/// # Errors
/// The FASTA cannot be read.
pub fn allele_pair(
    reference: &mut Reference,
    variants: &Variants,
    contig: usize,
    window: WindowSpan,
) -> Result<AllelePair> {
    let theirs = variant_contig(reference, variants, contig)?;
    let (start, end) = window.clipped();
    // Deletions shift further bases in: widen by all deleted bases until there are no more variants.
    let mut margin = 0u64;
    let near = loop {
        let list: Vec<_> = match theirs {
            Some(i) => variants.overlapping(i, start.saturating_sub(margin), end.saturating_add(margin)).collect(),
            None => Vec::new(),
        };
        let deleted: u64 = list.iter().map(|v| v.end() - v.start).sum();
        if deleted <= margin {
            break list;
        }
        margin = deleted;
    };
    let mut one = |haplotype: usize| {
        let mut edits: Vec<Edit> = near.iter().filter_map(|v| v.edit(haplotype)).collect();
        edits.sort_by_key(|e| (e.start, e.end));
        build(reference, contig, &edits, KnownBases::default(), window)
    };
    let ((hap1, shown1), (hap2, shown2)) = (one(1)?, one(2)?);
    let (mut differing, mut applied, mut skipped) = (0, 0, 0);
    let (spans, shown) = ([covered(&hap1), covered(&hap2)], [shown1, shown2]);
    for variant in near {
        let within = |haplotype: usize| {
            variant.edit(haplotype).is_some_and(|e| shown[haplotype - 1].binary_search(&(e.start, e.end)).is_ok())
        };
        if within(1) || within(2) {
            applied += 1;
            differing += variant.differs() as usize;
        }
        let (from, to) = (variant.start as i64, variant.end() as i64);
        if variant.overlaps != [false; 2] && spans.iter().any(|&(s, e)| from < e && s < to) {
            skipped += 1;
        }
    }
    Ok(AllelePair { hap1, hap2, variants: differing, applied, skipped })
}

/// Whether what `edit` changes lies within the reference bases `start..end` (0-based half-open). Insertions at either end
/// of them belong to them.
pub fn edit_within(edit: &Edit, start: u64, end: u64) -> bool {
    edit.start >= start && edit.end <= end
}

/// The two alleles of exactly the reference bases `start..end` (0-based half-open), whatever their length: as
/// published, where a region is read without the genome around it. An allele that changes bases outside of the region
/// ([`edit_within`]) is not applied, and its record counted in `skipped`.
///
/// `contig` as in [`allele_pair`].
///
/// # Errors
/// The FASTA cannot be read.
pub fn region_pair(
    reference: &mut Reference,
    variants: &Variants,
    contig: usize,
    start: u64,
    end: u64,
) -> Result<AllelePair> {
    let theirs = variant_contig(reference, variants, contig)?;
    // Records of the bases next to the region may insert at its ends.
    let near = (start.saturating_sub(1), end.saturating_add(1));
    let list: Vec<_> = theirs.map(|i| variants.overlapping(i, near.0, near.1).collect()).unwrap_or_default();
    fn inside(variant: &Variant, haplotype: usize, (start, end): (u64, u64)) -> Option<Edit<'_>> {
        variant.edit(haplotype).filter(|edit| edit_within(edit, start, end))
    }
    let region = (start, end);
    let far = |position: u64| {
        i64::try_from(position).map_err(|_| Error::input(reference.path(), format!("has no position {position}")))
    };
    let (from, to) = (far(start)?, far(end)?);
    let mut one = |haplotype: usize| {
        let mut edits: Vec<Edit> = list.iter().filter_map(|v| inside(v, haplotype, region)).collect();
        edits.sort_by_key(|e| (e.start, e.end));
        apply(reference, contig, &edits, KnownBases::default(), from, to).map(|whole| whole.haplotype)
    };
    let (hap1, hap2) = (one(1)?, one(2)?);
    let (mut differing, mut applied, mut skipped) = (0, 0, 0);
    for variant in &list {
        let shown = inside(variant, 1, region).is_some() || inside(variant, 2, region).is_some();
        let outside = |haplotype| variant.edit(haplotype).is_some() && inside(variant, haplotype, region).is_none();
        applied += usize::from(shown);
        differing += usize::from(shown && variant.differs());
        let here = variant.start < end && variant.end() > start;
        skipped += usize::from(here && (outside(1) || outside(2) || variant.overlaps != [false; 2]));
    }
    Ok(AllelePair { hap1, hap2, variants: differing, applied, skipped })
}

/// Bases of the reference that a record knows: its REF. They take the place of ambiguity codes of the FASTA (N, R, …).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownBases<'a> {
    /// Position of the first base, 0-based.
    pub start: u64,
    /// The bases, upper case.
    pub bases: &'a [u8],
}

impl KnownBases<'_> {
    /// Put them into `sequence`, the FASTA's bases from 0-based `from` on.
    fn fill(&self, sequence: &mut [u8], from: i64) {
        let first = i64::try_from(self.start).unwrap_or(i64::MAX).saturating_sub(from);
        let (skipped, at) = (first.min(0).unsigned_abs(), first.max(0).unsigned_abs());
        let (Ok(skipped), Ok(at)) = (usize::try_from(skipped), usize::try_from(at)) else { return };
        let known = self.bases.get(skipped..).unwrap_or_default();
        for (base, &known) in sequence.get_mut(at..).unwrap_or_default().iter_mut().zip(known) {
            if !b"ACGT".contains(base) {
                *base = known;
            }
        }
    }
}

/// The sequence of one haplotype of a window as in [`allele_pair`](fn@allele_pair), with `edits` (in order of start, not
/// overlapping) applied, and `known` bases where the FASTA has none.
///
/// # Errors
/// The FASTA cannot be read.
pub fn edited_window(
    reference: &mut Reference,
    contig: usize,
    edits: &[Edit],
    known: KnownBases,
    window: WindowSpan,
) -> Result<Vec<u8>> {
    Ok(build(reference, contig, edits, known, window)?.0.sequence)
}

/// The sequence of one haplotype of exactly the reference bases `from..to` (0-based half-open) as in [`region_pair`]: of
/// `edits` (in order of start, not overlapping), those within the region are applied; `known` as in [`edited_window`].
///
/// # Errors
/// The FASTA cannot be read.
pub fn edited_region(
    reference: &mut Reference,
    contig: usize,
    edits: &[Edit],
    known: KnownBases,
    (from, to): (u64, u64),
) -> Result<Vec<u8>> {
    let inside: Vec<Edit> = edits.iter().filter(|e| edit_within(e, from, to)).copied().collect();
    let far = |position: u64| {
        i64::try_from(position).map_err(|_| Error::input(reference.path(), format!("has no position {position}")))
    };
    let (from, to) = (far(from)?, far(to)?);
    Ok(apply(reference, contig, &inside, known, from, to)?.haplotype.sequence)
}

fn variant_contig(reference: &Reference, variants: &Variants, contig: usize) -> Result<Option<usize>> {
    if contig >= reference.contigs().len() {
        return Err(Error::input(reference.path(), format!("has no sequence number {}", contig + 1)));
    }
    Ok(variants.contigs().find(reference.contigs().name(contig)))
}

/// Reference interval from the first to the last shared base of a haplotype, half-open.
fn covered(haplotype: &Haplotype) -> (i64, i64) {
    match (haplotype.runs.first(), haplotype.runs.last()) {
        (Some(first), Some(last)) => (first.reference, last.reference + last.length as i64),
        _ => (0, 0),
    }
}

/// Reference bases that an edit replaces: start, end (0-based half-open).
type Replaced = (u64, u64);

/// Apply `edits` (sorted, not overlapping) and cut the window out. The second value lists the edits visible in it.
fn build(
    reference: &mut Reference,
    contig: usize,
    edits: &[Edit],
    known: KnownBases,
    window: WindowSpan,
) -> Result<(Haplotype, Vec<Replaced>)> {
    let WindowSpan { anchor, before: left, length } = window;
    let centre =
        i64::try_from(anchor).map_err(|_| Error::input(reference.path(), format!("has no position {anchor}")))?;
    let right = length - left;
    let (mut from, mut to) = (centre.saturating_sub(left as i64), centre.saturating_add(right.max(1) as i64));
    loop {
        // Do not split an edit.
        for edit in edits {
            let (start, end) = (edit.start as i64, edit.end as i64);
            if start < from && from < end {
                from = start;
            }
            if start < to && to < end {
                to = end;
            }
        }
        let whole = apply(reference, contig, edits, known, from, to)?;
        let runs = &whole.haplotype.runs;
        let n = whole.haplotype.sequence.len();
        // The base at `centre`; where it is deleted, the last base of its replacement, or the one to the left.
        let at_centre = (runs[..runs.partition_point(|r| r.reference <= centre)].last())
            .filter(|r| centre < r.reference + r.length as i64);
        let at_centre = at_centre.map(|r| (r.haplotype as i64) + (centre - r.reference));
        let anchor = match at_centre {
            Some(at) => at,
            // By the edit, not by the next remaining base: another edit may follow immediately.
            None => {
                let covers = |span: &Replaced| (span.0 as i64) <= centre && centre < span.1 as i64;
                whole.marks.iter().find(|m| covers(&m.2)).map_or(n, |m| m.1) as i64 - 1
            }
        };
        let missing_left = left as i64 - anchor;
        let missing_right = right as i64 - (n as i64 - anchor);
        if missing_left <= 0 && missing_right <= 0 {
            let (haplotype, mut shown) = whole.cut((anchor - left as i64) as usize, length);
            // An edit that deletes the centre shifts the window: it is visible even where it is outside of it.
            let moved = |e: &&Edit| (e.start as i64) <= centre && centre < e.end as i64 && at_centre.is_none();
            if let Some(edit) = edits.iter().find(moved) {
                shown.push((edit.start, edit.end));
                shown.sort_unstable();
                shown.dedup();
            }
            return Ok((haplotype, shown));
        }
        from = from.saturating_sub(missing_left.max(0));
        to = to.saturating_add(missing_right.max(0));
    }
}

/// A haplotype before it is cut to length.
struct Whole {
    haplotype: Haplotype,
    /// Where each edit is in the sequence (start, end).
    marks: Vec<(usize, usize, Replaced)>,
}

impl Whole {
    fn cut(self, first: usize, length: usize) -> (Haplotype, Vec<Replaced>) {
        let end = first + length;
        let Haplotype { mut sequence, runs, contig_length } = self.haplotype;
        sequence.truncate(end);
        sequence.drain(..first);
        let clipped = runs.iter().filter_map(|r| {
            let (from, to) = (r.haplotype.max(first), (r.haplotype + r.length).min(end));
            (from < to).then(|| Run {
                haplotype: from - first,
                reference: r.reference + (from - r.haplotype) as i64,
                length: to - from,
            })
        });
        let runs = clipped.collect();
        // A deletion is visible if bases on both sides of it are.
        let shows = |a: usize, b: usize| if a == b { first < a && a < end } else { a < end && first < b };
        let spans = self.marks.iter().filter(|&&(a, b, _)| shows(a, b)).map(|m| m.2).collect();
        (Haplotype { sequence, runs, contig_length }, spans)
    }

    /// Append reference `from..to`; `bases` is the reference from `first` on.
    fn copy(&mut self, bases: &[u8], first: i64, from: i64, to: i64) {
        if to > from {
            let run = Run { haplotype: self.haplotype.sequence.len(), reference: from, length: (to - from) as usize };
            self.haplotype.runs.push(run);
            self.haplotype.sequence.extend_from_slice(&bases[(from - first) as usize..(to - first) as usize]);
        }
    }
}

/// The haplotype of reference bases `from..to`, which may extend past the ends of the contig.
fn apply(
    reference: &mut Reference,
    contig: usize,
    edits: &[Edit],
    known: KnownBases,
    from: i64,
    to: i64,
) -> Result<Whole> {
    let mut bases = reference.fetch(contig, from, to)?;
    known.fill(&mut bases, from);
    let haplotype = Haplotype {
        sequence: Vec::with_capacity(bases.len()),
        runs: Vec::with_capacity(1 + edits.len()),
        contig_length: reference.contigs().length(contig),
    };
    let mut whole = Whole { haplotype, marks: Vec::with_capacity(edits.len()) };
    let mut copied = from;
    for edit in edits {
        let (start, end) = (edit.start as i64, edit.end as i64);
        if start < copied || end > to {
            continue;
        }
        let at;
        if edit.bases.len() as i64 == end - start {
            // A substitution keeps the coordinates of all bases.
            whole.copy(&bases, from, copied, end);
            at = whole.haplotype.sequence.len() - edit.bases.len();
            whole.haplotype.sequence[at..].copy_from_slice(edit.bases);
        } else {
            whole.copy(&bases, from, copied, start);
            at = whole.haplotype.sequence.len();
            whole.haplotype.sequence.extend_from_slice(edit.bases);
        }
        whole.marks.push((at, at + edit.bases.len(), (edit.start, edit.end)));
        copied = end;
    }
    whole.copy(&bases, from, copied, to);
    Ok(whole)
}

#[cfg(test)]
#[path = "tests/allele_pair.rs"]
pub(crate) mod tests;
