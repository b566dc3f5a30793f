//! One contig with both haplotypes, as written by `deepallele haplotypes`.

use crate::error::{Error, Result};
use crate::genome::Edit;
use crate::genome::Edits;
use crate::genome::VariantStream;
use crate::genome::{Variant, MISSING};
use crate::io::fasta::Reference;

/// What to collect of a contig in addition to the edits.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContigOptions {
    /// The bases in which the haplotypes differ, for masking.
    pub mask: Option<Masking>,
    /// The variants themselves.
    pub variants: bool,
}

/// Which differences are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masking {
    /// Single bases.
    Snvs,
    /// Also the reference bases of indels and multi-nucleotide substitutions; of an insertion the base on its left.
    All,
}

/// One contig of the reference with the edits of the haplotypes. Memory is that of the contig, not of the genome.
#[derive(Clone, Debug, Default)]
pub struct ContigHaplotypes {
    /// The contig, in the case of the FASTA.
    pub reference: Vec<u8>,
    /// The edits of haplotype 1 and 2. New bases have the case of the reference base at POS, as in `bcftools consensus`.
    pub edits: [Edits; 2],
    /// Intervals to mask (0-based half-open), not sorted.
    pub masks: Vec<(u64, u64)>,
    /// The variants in order of start, if collected.
    pub variants: Vec<Variant>,
}

impl ContigHaplotypes {
    /// Read contig `contig` (index) of `reference`; `stream` was opened for the contigs of `reference`. `progress` is
    /// called with the stream after every variant.
    ///
    /// # Errors
    /// Those of the two files and of `progress`.
    pub fn read(
        &mut self,
        stream: &mut VariantStream,
        reference: &mut Reference,
        contig: usize,
        options: ContigOptions,
        progress: &mut dyn FnMut(&mut VariantStream) -> Result<()>,
    ) -> Result<()> {
        self.edits.iter_mut().for_each(Edits::clear);
        self.masks.clear();
        self.variants.clear();
        // Released first, so that two of the largest contigs are not in memory at once.
        self.reference = Vec::new();
        self.reference = reference.as_written(contig)?;
        stream.enter(contig)?;
        while let Some(variant) = stream.next()? {
            progress(stream)?;
            let first = usize::try_from(variant.start).ok().and_then(|i| self.reference.get(i));
            let (Some(first), true) = (first, variant.end() <= self.reference.len() as u64) else {
                let name = reference.contigs().name(contig);
                return Err(Error::input(reference.path(), format!("{name} ends before {}", variant.end())));
            };
            for (edits, haplotype) in self.edits.iter_mut().zip([1, 2]) {
                if let Some(edit) = variant.edit(haplotype) {
                    edits.add(&edit, first.is_ascii_lowercase());
                }
            }
            if let Some(masking) = options.mask {
                mask(&variant, masking, &mut self.masks);
            }
            if options.variants {
                self.variants.push(variant);
            }
        }
        self.edits.iter_mut().for_each(Edits::sort);
        Ok(())
    }

    /// The bases of haplotype 1 or 2 at reference `start..end` (0-based half-open), as [`Edits::pieces`] cuts them.
    pub fn sequence(&self, haplotype: usize, start: u64, end: u64) -> Vec<u8> {
        let mut bases = Vec::new();
        let add = &mut |piece: &[u8]| {
            bases.extend_from_slice(piece);
            Ok(())
        };
        // Appending cannot fail.
        let _ = self.edits[(haplotype != 1) as usize].pieces(&self.reference, start, end, add);
        bases
    }

    /// Replace the bases of the masked intervals by N.
    pub fn apply_masks(&mut self) {
        for &(start, end) in &self.masks {
            if let Some(bases) = self.reference.get_mut(start as usize..end as usize) {
                bases.fill(b'N');
            }
        }
    }
}

/// Add the intervals of `variant` to mask. Unphased heterozygous calls are masked too: the haplotypes differ there, even if
/// it is unknown which has which base.
fn mask(variant: &Variant, masking: Masking, spans: &mut Vec<(u64, u64)>) {
    if let Some((position, ..)) = variant.single_base() {
        spans.push((position, position + 1));
        return;
    }
    let differs = if variant.phased { variant.differs() } else { variant.hap1 != variant.hap2 };
    if masking == Masking::Snvs || !differs {
        return;
    }
    for (side, allele) in [variant.hap1, variant.hap2].into_iter().enumerate() {
        if allele == 0 || allele == MISSING || variant.overlaps[side] {
            continue;
        }
        if let Some(edit) = Edit::new(variant.start, &variant.alleles[0], &variant.alleles[allele as usize]) {
            spans.push(match edit.start == edit.end {
                true => (edit.start.saturating_sub(1), edit.start.max(1)),
                false => (edit.start, edit.end),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::test_variant;

    fn masked(masking: Masking, list: &[Variant]) -> String {
        let mut contig = ContigHaplotypes { reference: b"acgtACGTacgtACGT".to_vec(), ..Default::default() };
        list.iter().for_each(|v| mask(v, masking, &mut contig.masks));
        contig.apply_masks();
        String::from_utf8(contig.reference).unwrap()
    }

    #[test]
    fn masks_cover_what_differs() {
        let mut unphased = test_variant(1, &["C", "T"], 0, 1);
        unphased.phased = false;
        let list = [
            unphased,
            test_variant(3, &["T", "G"], 1, 1),
            test_variant(4, &["ACG", "ACC"], 1, 0),
            test_variant(8, &["ACG", "A"], 0, 1),
            test_variant(12, &["A", "ATT"], 1, 0),
            test_variant(14, &["GT", "CA"], 1, 0),
        ];
        assert_eq!(masked(Masking::Snvs, &list), "aNgtACNTacgtACGT");
        assert_eq!(masked(Masking::All, &list), "aNgtACNTaNNtNCNN");
    }
}
