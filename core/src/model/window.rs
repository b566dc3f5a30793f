//! Which bases a model sees of a region: the one rule, for training, evaluation, prediction and effects.
//!
//! A window has an **anchor**, one base of the region ([`Anchor`]: summit, middle or TSS). By the layout
//! [`WindowLayout::Centred`] the window holds `length` bases of each allele with the anchor at index `length / 2`; by
//! [`WindowLayout::LeftAligned`] it holds the region's own bases, with nothing after them. By
//! [`Orientation::Region`] a window of a region on the minus strand is read as its reverse complement, so that bases
//! before the anchor are upstream of it on either strand; the anchor is at index `length / 2` then as well.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::genome::{
    allele_pair, edit_within, edited_region, edited_window, region_pair, AllelePair, Edit, KnownBases, Variants,
    WindowSpan,
};
use crate::io::fasta::Reference;
use crate::io::regions::anchor::no_anchor;
use crate::io::regions::{Anchor, Region, Regions, TssSource};
use crate::io::Contigs;
use crate::model::encode::encode;

choice!(
    /// How the sequence of a region fills the network's window.
    #[derive(Default)]
    WindowLayout, "window layout",
    /// The anchor in the middle of both alleles, filled from the genome on both sides.
    #[default]
    Centred "centred",
    /// The region's own bases at the left, nothing after them, as published. Alleles of different length then end at
    /// different positions.
    LeftAligned "left-aligned",
);

choice!(
    /// From which strand a window is read.
    #[derive(Default)]
    Orientation, "orientation",
    /// From the plus strand of the genome.
    #[default]
    Forward "forward",
    /// From the strand of the region: on the minus strand as the reverse complement.
    Region "region",
);

/// How the windows of a model lie in regions: what its metadata keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowRule {
    /// How windows are filled.
    pub layout: WindowLayout,
    /// The base around which they lie; None for a model without regions in training: what the regions provide.
    pub anchor: Option<Anchor>,
    /// Whose TSS, with [`Anchor::Tss`].
    pub tss: TssSource,
    /// From which strand they are read.
    pub orientation: Orientation,
}

impl Default for WindowRule {
    /// Centred on whatever anchor the regions provide, read from the plus strand.
    fn default() -> Self {
        Self { layout: WindowLayout::Centred, anchor: None, tss: TssSource::Gene, orientation: Orientation::Forward }
    }
}

impl fmt::Display for WindowRule {
    /// `centred on the summit`, `centred on the tss of the canonical transcript, oriented by strand`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.layout, self.anchor) {
            (WindowLayout::LeftAligned, _) => f.write_str("left-aligned")?,
            (WindowLayout::Centred, None) => f.write_str("centred on the anchor of the regions")?,
            (WindowLayout::Centred, Some(Anchor::Tss)) => {
                f.write_str("centred on the TSS")?;
                if self.tss == TssSource::Canonical {
                    f.write_str(" of the canonical transcript")?;
                }
            }
            (WindowLayout::Centred, Some(anchor)) => write!(f, "centred on the {anchor}")?,
        }
        match self.orientation {
            Orientation::Forward => Ok(()),
            Orientation::Region => f.write_str(", read from the strand of the region"),
        }
    }
}

impl WindowRule {
    /// The rule for windows of `length` bases in the regions of the file `path`.
    ///
    /// # Errors
    /// A region does not have the anchor of this rule; the message says what to do.
    pub fn windows(&self, length: usize, regions: &Regions, path: &Path) -> Result<Windows> {
        let windows = self.windows_around(length, self.anchor.unwrap_or(regions.anchor));
        if self.layout == WindowLayout::Centred {
            regions.check_anchor(windows.anchor, path)?;
        }
        Ok(windows)
    }

    /// The same around `anchor`, where this rule names none.
    pub fn windows_around(&self, length: usize, anchor: Anchor) -> Windows {
        let anchor = self.anchor.unwrap_or(anchor);
        Windows { length, layout: self.layout, anchor, orientation: self.orientation }
    }
}

/// Makes the window of each region of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Bases of a window, which the network reads.
    pub length: usize,
    /// How windows are filled.
    pub layout: WindowLayout,
    /// The base around which they lie.
    pub anchor: Anchor,
    /// From which strand they are read.
    pub orientation: Orientation,
}

impl Windows {
    /// Windows of `length` bases around the middle of a region, read from the plus strand.
    pub const fn centred(length: usize) -> Self {
        Self { length, layout: WindowLayout::Centred, anchor: Anchor::Middle, orientation: Orientation::Forward }
    }

    /// The window of `region`; `path` and `contigs` name it in the message.
    ///
    /// # Errors
    /// The region has no such anchor.
    pub fn of(&self, region: &Region, contigs: &Contigs, path: &Path) -> Result<Window> {
        let alone = self.layout == WindowLayout::LeftAligned;
        let anchor = match region.anchor(self.anchor) {
            Some(anchor) => anchor,
            None if alone => region.middle(),
            None => {
                let name = contigs.span_name(region.contig, region.start, region.end);
                return Err(no_anchor(self.anchor, path, &name, 1));
            }
        };
        Ok(self.at(region, anchor))
    }

    /// The window of a region of a file that [`WindowRule::windows`] checked.
    pub fn of_checked(&self, region: &Region) -> Window {
        self.at(region, region.anchor(self.anchor).unwrap_or_else(|| region.middle()))
    }

    fn at(&self, region: &Region, anchor: u64) -> Window {
        Window {
            contig: region.contig,
            region: region.start..region.end,
            anchor,
            length: self.length,
            alone: self.layout == WindowLayout::LeftAligned,
            reverse: self.orientation == Orientation::Region && region.strand == b'-',
        }
    }
}

/// The window of one region on the genome.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Number of the contig in the reference.
    pub contig: usize,
    /// The region, 0-based half-open; without regions the window around the variant.
    pub region: Range<u64>,
    /// The base at index `length / 2` of a centred window, 0-based.
    pub anchor: u64,
    /// Bases that the network reads of one allele.
    pub length: usize,
    /// Whether the model reads the region's own bases only ([`WindowLayout::LeftAligned`]).
    pub alone: bool,
    /// Whether it is read as its reverse complement.
    pub reverse: bool,
}

/// Both alleles of a window as the network reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPair {
    /// Bases of haplotype 1 and 2.
    pub sequences: [Vec<u8>; 2],
    /// Records in which the two alleles differ within the window.
    pub variants: usize,
    /// Records not applied to an allele because they overlap an earlier one of it, or reach out of the region.
    pub skipped: usize,
}

impl Window {
    /// The window of `length` bases around `position` (0-based) of a contig, without a region.
    pub fn around(contig: usize, position: u64, length: usize) -> Self {
        let half = length as u64 / 2;
        let region = position.saturating_sub(half)..position.saturating_add(length as u64 - half);
        Self { contig, region, anchor: position, length, alone: false, reverse: false }
    }

    /// The bases around the anchor. The reverse complement of a window has the anchor at the mirrored index, so that
    /// it is at `length / 2` when it is read.
    fn span(&self) -> WindowSpan {
        let before = if self.reverse { self.length.saturating_sub(1) / 2 } else { self.length / 2 };
        WindowSpan { anchor: self.anchor, before, length: self.length }
    }

    /// Reference positions that the model reads before any indel, 0-based half-open; those of a centred window may lie
    /// outside of the contig.
    pub fn positions(&self) -> Range<i64> {
        match self.alone {
            true => self.region.start as i64..self.region.end as i64,
            false => self.span().positions(),
        }
    }

    /// Both alleles with what the haplotypes carry and their maps to the reference, from the plus strand whatever strand
    /// the network reads; with `margin` bases more on both sides of a centred window.
    ///
    /// # Errors
    /// The FASTA cannot be read.
    pub fn alleles(&self, reference: &mut Reference, variants: &Variants, margin: usize) -> Result<AllelePair> {
        match self.alone {
            true => region_pair(reference, variants, self.contig, self.region.start, self.region.end),
            false => allele_pair(reference, variants, self.contig, self.span().with_margin(margin)),
        }
    }

    /// Both alleles with what the haplotypes carry, as the network reads them; with `margin` bases more on both sides of
    /// a centred window.
    ///
    /// # Errors
    /// The FASTA cannot be read.
    pub fn pair(&self, reference: &mut Reference, variants: &Variants, margin: usize) -> Result<WindowPair> {
        let AllelePair { hap1, hap2, variants, skipped, .. } = self.alleles(reference, variants, margin)?;
        let sequences = [hap1.sequence, hap2.sequence].map(|bases| self.oriented(bases));
        Ok(WindowPair { sequences, variants, skipped })
    }

    /// Codes of the window with `edits` (in order of start, not overlapping), of which a model of regions alone does not
    /// see what reaches out of them, and `known` bases where the FASTA has none; `None` where it does not fit the network.
    ///
    /// # Errors
    /// The FASTA cannot be read.
    pub fn codes(&self, reference: &mut Reference, edits: &[Edit], known: KnownBases) -> Result<Option<Vec<u8>>> {
        let bases = match self.alone {
            true => edited_region(reference, self.contig, edits, known, (self.region.start, self.region.end))?,
            false => edited_window(reference, self.contig, edits, known, self.span())?,
        };
        match bases.len() <= self.length {
            true => encode(&self.oriented(bases), self.length).map(Some),
            false => Ok(None),
        }
    }

    /// Whether the model sees any of the bases `start..end` (0-based half-open).
    pub fn sees(&self, start: u64, end: u64) -> bool {
        let span = self.span();
        let to = self.anchor.saturating_add((span.length - span.before) as u64);
        self.alone || (start < to && end > self.anchor.saturating_sub(span.before as u64))
    }

    /// Whether the model can see all of `edit`.
    pub fn holds(&self, edit: &Edit) -> bool {
        !self.alone || edit_within(edit, self.region.start, self.region.end)
    }

    /// The bases (0-based half-open) whose variants can change the window: those it covers and the next one.
    pub fn reach(&self) -> (u64, u64) {
        if self.alone {
            return (self.region.start.saturating_sub(1), self.region.end.saturating_add(1));
        }
        let from = self.anchor.saturating_sub(self.span().before as u64);
        (from, from.saturating_add(self.length as u64 + 1))
    }

    /// Bases of the plus strand as the network reads them.
    pub fn oriented(&self, bases: Vec<u8>) -> Vec<u8> {
        match self.reverse {
            true => bio::alphabets::dna::revcomp(bases),
            false => bases,
        }
    }
}

/// The error of a region that does not fit, with its name.
pub fn in_region(error: &Error, contigs: &Contigs, region: &Region) -> Error {
    let name = contigs.span_name(region.contig, region.start, region.end);
    Error::mismatch(format!("region {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::regions::bed::test_region;

    #[test]
    fn the_anchor_is_at_half_the_length_on_either_strand() {
        for length in [1, 2, 5, 6] {
            let windows = Windows { orientation: Orientation::Region, ..Windows::centred(length) };
            for (strand, before) in [(b'+', length / 2), (b'.', length / 2), (b'-', length - 1 - length / 2)] {
                let window = windows.of_checked(&Region { strand, ..test_region(0, 100, 121) });
                let start = 110 - before as i64;
                assert_eq!(window.positions(), start..start + length as i64, "{length} {}", strand as char);
                // Index of the anchor as the network reads it.
                let index = if window.reverse { start + length as i64 - 1 - 110 } else { 110 - start };
                assert_eq!(index as usize, length / 2);
                for position in 100..120u64 {
                    let within = window.positions().contains(&(position as i64));
                    assert_eq!(window.sees(position, position + 1), within, "{length} {position}");
                }
            }
        }
    }

    #[test]
    fn a_model_of_regions_alone_does_not_see_what_reaches_out_of_them() {
        let holds = |layout, alternative: &[u8], (start, end): (u64, u64)| {
            let window = Windows { layout, ..Windows::centred(10) }.of_checked(&test_region(0, start, end));
            Edit::new(20, b"A", alternative).as_ref().is_none_or(|e| window.holds(e))
        };
        let alone = |alternative, region| holds(WindowLayout::LeftAligned, alternative, region);
        assert!(alone(b"T", (20, 22)) && alone(b"ATT", (15, 25)) && alone(b"A", (21, 25)));
        assert!(!alone(b"T", (21, 25)) && !alone(b"T", (15, 20)));
        assert!(holds(WindowLayout::Centred, b"T", (21, 25)));
    }

    #[test]
    fn rules_take_the_anchor_of_the_model_or_of_the_file() {
        let contigs = Contigs::new(vec![("chr1".into(), 1000)]);
        let path = Path::new("r.narrowPeak");
        let region = Region { summit: Some(103), ..test_region(0, 100, 121) };
        let mut regions = Regions::from_list(contigs, vec![region]);
        regions.anchor = Anchor::Summit;
        let anchor =
            |anchor| WindowRule { anchor, ..WindowRule::default() }.windows(10, &regions, path).map(|w| w.anchor);
        assert_eq!(anchor(None).unwrap(), Anchor::Summit);
        assert_eq!(anchor(Some(Anchor::Middle)).unwrap(), Anchor::Middle);
        let message = anchor(Some(Anchor::Tss)).unwrap_err().to_string();
        assert!(message.contains("r.narrowPeak") && message.contains("chr1:101-121"), "{message}");
        // A model that reads regions alone needs no anchor.
        let alone =
            WindowRule { layout: WindowLayout::LeftAligned, anchor: Some(Anchor::Tss), ..WindowRule::default() };
        assert!(alone.windows(30, &regions, path).is_ok());
    }

    #[test]
    fn rules_say_what_they_are() {
        let rule = WindowRule {
            anchor: Some(Anchor::Tss),
            tss: TssSource::Canonical,
            orientation: Orientation::Region,
            ..WindowRule::default()
        };
        let expected = "centred on the TSS of the canonical transcript, read from the strand of the region";
        assert_eq!(rule.to_string(), expected);
        assert_eq!(
            WindowRule { anchor: Some(Anchor::Summit), ..WindowRule::default() }.to_string(),
            "centred on the summit"
        );
    }
}
