//! Per-record report: applied or skipped, with the reason, for each record and haplotype that carries an allele other
//! than REF.

use std::io::Write;

use crate::genome::variant::{Variant, MISSING};
use crate::io::plain_text::{plain_bytes, Plain};

/// Header line of the report. `pos` is 1-based, `haplotype` is 1 or 2, `allele` the allele of the haplotype in the call,
/// `status` `applied` or `skipped`, `reason` why it was skipped.
pub const RECORD_STATUS_HEADER: &str = "#chrom\tpos\tid\tref\talt\thaplotype\tallele\tstatus\treason\n";

/// Why a record is not applied to a haplotype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    Missing,
    Heterozygous,
    Unphased,
    NoSequence,
    Deleted,
    Overlap,
    SameAsReference,
    ReferenceMismatch,
    UnknownContig,
    PastEnd,
}

impl Skipped {
    /// The word of column `reason`.
    fn word(self) -> &'static str {
        match self {
            Skipped::Missing => "missing",
            Skipped::Heterozygous => "heterozygous_strain",
            Skipped::Unphased => "unphased",
            Skipped::NoSequence => "no_sequence",
            Skipped::Deleted => "deleted_by_another_record",
            Skipped::Overlap => "overlap",
            Skipped::SameAsReference => "same_as_reference",
            Skipped::ReferenceMismatch => "ref_mismatch",
            Skipped::UnknownContig => "unknown_contig",
            Skipped::PastEnd => "past_end",
        }
    }
}

/// Append one line. `place` is contig, 0-based start and ID; `alleles` have REF first.
pub(super) fn write_status<'a>(
    to: &mut Vec<u8>,
    place: (&str, i64, &str),
    alleles: impl Iterator<Item = &'a [u8]>,
    haplotype: usize,
    allele: &[u8],
    skipped: Option<Skipped>,
) {
    let (contig, start, id) = place;
    let id = if id.is_empty() { "." } else { id };
    // Writing to memory cannot fail.
    let _ = write!(to, "{}\t{}\t{}\t", Plain(contig), start.saturating_add(1), Plain(id));
    let mut count = 0;
    for bases in alleles {
        if count > 0 {
            to.push(if count == 1 { b'\t' } else { b',' });
        }
        to.extend_from_slice(&plain_bytes(bases));
        count += 1;
    }
    if count < 2 {
        to.extend_from_slice(b"\t.");
    }
    let _ = write!(to, "\t{haplotype}\t");
    to.extend_from_slice(&plain_bytes(if allele.is_empty() { b"." } else { allele }));
    match skipped {
        None => to.extend_from_slice(b"\tapplied\t.\n"),
        Some(why) => {
            let _ = writeln!(to, "\tskipped\t{}", why.word());
        }
    }
}

/// Append the lines of a variant whose overlaps have been decided, one for each haplotype that carries an allele other
/// than REF. `why` is the reason if it is dropped from both haplotypes.
pub(super) fn write_variant(to: &mut Vec<u8>, contig: &str, variant: &Variant, why: Option<Skipped>) {
    for haplotype in [1, 2] {
        let allele = variant.allele(haplotype);
        if allele == 0 || allele == MISSING {
            // REF, or reported when the record was read.
            continue;
        }
        let skipped = if why.is_some() {
            why
        } else if !variant.phased {
            Some(Skipped::Unphased)
        } else if variant.phased_edit(haplotype).is_none() {
            Some(Skipped::SameAsReference)
        } else if variant.overlaps[haplotype - 1] {
            Some(Skipped::Overlap)
        } else {
            None
        };
        let place = (contig, variant.start as i64, &*variant.id);
        write_status(to, place, variant.alleles.iter(), haplotype, &variant.alleles[allele as usize], skipped);
    }
}
