//! REF of the records against the FASTA.

use std::path::Path;

use crate::error::{Error, Result};
use crate::genome::Variant;
use crate::genome::VariantReport;
use crate::io::fasta::Reference;
use crate::io::Contigs;

/// Index in `reference` of contig `contig` of `contigs`.
///
/// # Errors
/// The FASTA lacks it, or has it with another length.
pub(super) fn reference_contig(reference: &Reference, contigs: &Contigs, contig: usize) -> Result<usize> {
    let name = contigs.name(contig);
    let theirs = reference.contigs().find(name).ok_or_else(|| {
        Error::input(reference.path(), format!("has no sequence \"{name}\" (it has {})", reference.contigs().summary()))
    })?;
    let (ours, length) = (contigs.length(contig), reference.contigs().length(theirs));
    if ours > 0 && ours != length {
        return Err(Error::input(
            reference.path(),
            format!("{name} has {length} bases, but {ours} in the other inputs: is it the right assembly?"),
        ));
    }
    Ok(theirs)
}

/// True if REF of `variant` equals the FASTA, where N matches any base. Compared and differing records are counted in
/// `report`, and the first that differ are named there. `contig` is an index of `reference`, `name` the contig's name in
/// messages.
pub(super) fn matches_reference(
    reference: &mut Reference,
    contig: usize,
    name: &str,
    variant: &Variant,
    report: &mut VariantReport,
) -> Result<bool> {
    let expected = &variant.alleles[0];
    report.checked += 1;
    if reference.matches(contig, variant.start, expected)? {
        return Ok(true);
    }
    let found = reference.fetch(contig, variant.start as i64, variant.end() as i64)?;
    report.mismatched += 1;
    if report.mismatches.len() < 5 {
        let text = |b: &[u8]| String::from_utf8_lossy(&b[..b.len().min(20)]).into_owned();
        let (at, expected, found) = (variant.start + 1, text(expected), text(&found));
        report.mismatches.push(format!("{name}:{at} {expected} (FASTA: {found})"));
    }
    Ok(false)
}

/// An error when more than 1 % of the records compared so far differ from the FASTA.
pub(super) fn check_mismatch_share(reference: &Reference, vcf: &Path, report: &VariantReport) -> Result<()> {
    if report.mismatched * 100 <= report.checked {
        return Ok(());
    }
    Err(Error::input(
        vcf,
        format!(
            "REF differs from \"{}\" at {} of {} records, first {}: is it the right assembly?",
            reference.path().display(),
            report.mismatched,
            report.checked,
            report.mismatches.first().map_or("", |m| m)
        ),
    ))
}
