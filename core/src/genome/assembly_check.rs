//! Whether REF of the records of a VCF is that of the FASTA, and when the answer is that it is the wrong assembly.

use std::path::Path;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::io::contigs::too_many;
use crate::io::fasta::Reference;
use crate::io::Contigs;

choice!(
    /// What to do with records whose REF is not that of the FASTA.
    #[derive(Default)]
    OnMismatch, "way to treat records whose REF differs from the FASTA",
    /// Leave them out and report them, and stop where there are so many that the assembly is the wrong one
    /// ([`AssemblyCheck::verdict`]).
    #[default]
    Auto "auto",
    /// Leave them out and report them, however many.
    Skip "skip",
    /// Stop at the first.
    Stop "stop",
);

/// Records named in messages.
const EXAMPLES: usize = 5;
/// Records that must have been compared before a run is stopped in the middle of a file.
const MANY: u64 = 10_000;

/// Counts the records whose REF was compared with the FASTA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssemblyCheck {
    /// What to do with records that differ.
    pub policy: OnMismatch,
    /// Records compared.
    pub checked: u64,
    /// Records whose REF differs, or reaches beyond the end of its contig.
    pub mismatched: u64,
    /// The first five of those, as in `chr1:100 A (FASTA: G)`; positions are 1-based.
    pub examples: Vec<String>,
}

impl AssemblyCheck {
    /// Compare REF, `bases` in upper case at 0-based `start`, with the FASTA ([`Reference::matches`]) and count the record.
    /// `contig` is an index of `reference`, `name` the name of the contig in messages.
    ///
    /// # Errors
    /// The FASTA cannot be read; it differs and the policy is [`OnMismatch::Stop`].
    pub fn agrees(
        &mut self,
        reference: &mut Reference,
        contig: usize,
        name: &str,
        start: u64,
        bases: &[u8],
    ) -> Result<bool> {
        self.checked += 1;
        if reference.matches(contig, start, bases)? {
            return Ok(true);
        }
        self.mismatched += 1;
        if self.examples.len() < EXAMPLES {
            let text = |b: &[u8]| String::from_utf8_lossy(&b[..b.len().min(20)]).into_owned();
            let (length, end) = (reference.contigs().length(contig), start.saturating_add(bases.len() as u64));
            let found = match end <= length {
                true => text(&reference.fetch(contig, start as i64, end as i64)?),
                false if start >= length => "past its end".into(),
                false => format!("ends at {length}"),
            };
            self.examples.push(format!("{name}:{} {} (FASTA: {found})", start.saturating_add(1), text(bases)));
        }
        match self.policy {
            OnMismatch::Stop => Err(Error::mismatch(format!(
                "REF differs from \"{}\" at {}; with --on-mismatch skip such records are left out",
                reference.path().display(),
                self.examples.last().map_or("", |m| m)
            ))),
            _ => Ok(false),
        }
    }

    /// Whether the assembly is the wrong one: at the end of the file (`last`) [`too_many`] records differ; before, most of
    /// at least 10,000. Records that differ often lie side by side
    /// (inversions, patches), so that a small share at the beginning says nothing about a file.
    ///
    /// # Errors
    /// It is. The message has the evidence and names the FASTA `path`, not the VCF.
    pub fn verdict(&self, path: &Path, last: bool) -> Result<()> {
        let (checked, mismatched) = (self.checked, self.mismatched);
        let wrong = match last {
            true => too_many(mismatched, checked),
            false => checked >= MANY && mismatched > checked / 2,
        };
        if self.policy != OnMismatch::Auto || !wrong {
            return Ok(());
        }
        Err(Error::mismatch(format!(
            "REF differs from \"{}\" at {mismatched} of {checked} records, as at {}: is it the right assembly?",
            path.display(),
            self.named()
        )))
    }

    /// The first records that differ, `chr1:100 A (FASTA: G), chr1:200 C (FASTA: T), …`.
    pub fn named(&self) -> String {
        let more = if self.mismatched > self.examples.len() as u64 { ", …" } else { "" };
        format!("{}{more}", self.examples.join(", "))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(checked: u64, mismatched: u64, last: bool) -> bool {
        let check = AssemblyCheck { checked, mismatched, ..AssemblyCheck::default() };
        check.verdict(Path::new("f.fa"), last).is_err()
    }

    #[test]
    fn the_verdict_is_that_of_the_whole_file() {
        // One of 50, and 20 neighbours of 5,800, do not show a wrong assembly, wherever they lie.
        assert!(!wrong(50, 1, true) && !wrong(5800, 20, true) && !wrong(1025, 20, false));
        assert!(wrong(1000, 20, true) && wrong(4, 3, true) && wrong(1, 1, true));
        // Half of a small file.
        assert!(!wrong(4, 2, true) && wrong(40, 20, true));
        assert!(wrong(10_000, 6000, false) && !wrong(10_000, 4000, false) && !wrong(9999, 9999, false));
        let check = AssemblyCheck { checked: 9, mismatched: 9, policy: OnMismatch::Skip, ..AssemblyCheck::default() };
        assert!(check.verdict(Path::new("f.fa"), true).is_ok());
    }
}
