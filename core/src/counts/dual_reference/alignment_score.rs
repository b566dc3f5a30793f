//! The cost of an alignment under the genome that it was made with.

use crate::assignment::{BaseCosts, PhredCost, ASSIGN_LLR, GAP_EXTENSION, GAP_OPENING};
use crate::choice::choice;
use crate::io::bam::{Alignment, Tag};

choice!(
    /// How alignments to two genomes are compared.
    #[derive(Default)]
    Scoring, "scoring",
    /// By the likelihood of the read under the genome: mismatches by their base quality, gaps, and clipped bases like
    /// mismatches.
    #[default]
    Likelihood "likelihood",
    /// As the Suspenders tool does: 6 for a mismatch, 5 for a gap and 3 for each of its bases, nothing for clipped bases;
    /// any difference in cost decides. For comparison only: a clipped alignment beats a complete one.
    Suspenders "suspenders",
);

/// Why an alignment has no cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostError {
    /// It has neither MD, nor NM, nor = and X in the CIGAR.
    NoDifferences,
    /// MD covers other bases than the CIGAR.
    InconsistentMd,
}

/// Computes the costs of alignments.
pub struct AlignmentCosts {
    scoring: Scoring,
    bases: BaseCosts,
    /// Alignments without MD and = or X so far: NM has the number of mismatches, but not which bases they are.
    pub by_nm: u64,
}

impl AlignmentCosts {
    /// Bases with a quality below `base_quality` cost nothing.
    pub fn new(scoring: Scoring, base_quality: u8) -> Self {
        Self { scoring, bases: BaseCosts::new(base_quality), by_nm: 0 }
    }

    /// The difference in cost from which one genome is better.
    pub fn threshold(&self) -> PhredCost {
        match self.scoring {
            Scoring::Likelihood => ASSIGN_LLR,
            Scoring::Suspenders => 1,
        }
    }

    /// How the costs are computed.
    pub fn scoring(&self) -> Scoring {
        self.scoring
    }

    /// The cost of `read`; 0 for a perfect alignment.
    ///
    /// # Errors
    /// The mismatches are unknown, or MD does not fit the CIGAR.
    pub fn cost(&mut self, read: &Alignment) -> Result<PhredCost, CostError> {
        let (mut cost, mut offset, mut gaps, mut exact, mut plain) = (0 as PhredCost, 0usize, 0i64, false, false);
        for &operation in read.cigar {
            let (kind, length) = (operation & 15, (operation >> 4) as usize);
            let bases = PhredCost::try_from(length).unwrap_or(PhredCost::MAX);
            match kind {
                0 => {
                    plain = true;
                    offset += length;
                }
                7 => {
                    exact = true;
                    offset += length;
                }
                8 => {
                    exact = true;
                    (offset..offset + length).for_each(|i| cost = cost.saturating_add(self.mismatch(read, i, b'A')));
                    offset += length;
                }
                1 | 2 => {
                    gaps += length as i64;
                    cost = cost.saturating_add(match self.scoring {
                        Scoring::Likelihood => GAP_OPENING.saturating_add(GAP_EXTENSION.saturating_mul(bases - 1)),
                        Scoring::Suspenders => bases.saturating_mul(3).saturating_add(5),
                    });
                    if kind == 1 {
                        offset += length;
                    }
                }
                4 => {
                    if self.scoring == Scoring::Likelihood {
                        let clipped = (offset..offset + length).map(|i| self.mismatch(read, i, b'A'));
                        cost = clipped.fold(cost, PhredCost::saturating_add);
                    }
                    offset += length;
                }
                5 if self.scoring == Scoring::Likelihood => {
                    // Hard-clipped bases have no qualities.
                    cost = cost.saturating_add(self.bases.llr(255).saturating_mul(bases));
                }
                _ => {}
            }
        }
        if exact && !plain {
            return Ok(cost);
        }
        if let Some(Tag::Text(text)) = read.tag(b"MD") {
            return self.by_md(read, text).map(|more| cost.saturating_add(more));
        }
        let Some(Tag::Int(number)) = read.tag(b"NM") else { return Err(CostError::NoDifferences) };
        let mismatches = PhredCost::try_from((number - gaps).max(0)).unwrap_or(PhredCost::MAX);
        self.by_nm += 1;
        let each = match self.scoring {
            Scoring::Likelihood => self.bases.llr(255),
            Scoring::Suspenders => 6,
        };
        Ok(cost.saturating_add(mismatches.saturating_mul(each)))
    }

    /// PhredCost of base `i` of the read where the genome has the different base `letter`.
    fn mismatch(&self, read: &Alignment, i: usize, letter: u8) -> PhredCost {
        match self.scoring {
            Scoring::Suspenders => 6,
            // N matches any base.
            Scoring::Likelihood if read.base(i) == b'N' || letter == b'N' => 0,
            Scoring::Likelihood => read.qualities.get(i).map_or(0, |&q| self.bases.llr(q)),
        }
    }

    /// PhredCost of the mismatches in MD.
    fn by_md(&self, read: &Alignment, text: &[u8]) -> Result<PhredCost, CostError> {
        // The aligned blocks of the read, which MD describes: offset and length.
        let mut blocks = read.cigar.iter().scan(0usize, |offset, &operation| {
            let (kind, length, start) = (operation & 15, (operation >> 4) as usize, *offset);
            if matches!(kind, 0 | 1 | 4 | 7 | 8) {
                *offset += length;
            }
            Some(if matches!(kind, 0 | 7 | 8) { (start, length) } else { (start, 0) })
        });
        let (mut at, mut left) = (0, 0);
        let mut step = |count: usize| -> Option<usize> {
            let mut count = count;
            // The read's offset after `count` bases.
            loop {
                if count <= left {
                    at += count;
                    left -= count;
                    return Some(at);
                }
                count -= left;
                (at, left) = blocks.next()?;
            }
        };
        let (mut cost, mut number, mut deleted) = (0 as PhredCost, 0usize, false);
        for &letter in text {
            match letter {
                b'0'..=b'9' => {
                    deleted = false;
                    number = number.saturating_mul(10).saturating_add(usize::from(letter - b'0'));
                }
                b'^' => {
                    step(number).ok_or(CostError::InconsistentMd)?;
                    (number, deleted) = (0, true);
                }
                _ if deleted => {}
                _ => {
                    // The matching bases before it, and itself.
                    let after = step(number.saturating_add(1)).ok_or(CostError::InconsistentMd)?;
                    number = 0;
                    let more = match self.scoring {
                        // The cost of = and X is counted already.
                        _ if !in_match(read, after - 1) => 0,
                        _ => self.mismatch(read, after - 1, letter.to_ascii_uppercase()),
                    };
                    cost = cost.saturating_add(more);
                }
            }
        }
        step(number).map(|_| cost).ok_or(CostError::InconsistentMd)
    }
}

/// True if base `i` of the read lies in an `M`.
fn in_match(read: &Alignment, i: usize) -> bool {
    let mut offset = 0;
    for &operation in read.cigar {
        let (kind, length) = (operation & 15, (operation >> 4) as usize);
        if matches!(kind, 0 | 1 | 4 | 7 | 8) {
            offset += length;
            if i < offset {
                return kind == 0;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::bam::test_reads::Made;

    fn text(name: &[u8; 2], value: &str) -> Vec<u8> {
        [&name[..], b"Z", value.as_bytes(), b"\0"].concat()
    }

    fn cost_of(scoring: Scoring, cigar: &str, bases: &str, fields: &[u8]) -> Result<PhredCost, CostError> {
        let mut made = Made::new(0, cigar, bases, 30);
        // Qualities 30, 31, 32, ...
        made.qualities.iter_mut().enumerate().for_each(|(i, q)| *q = 30 + i as u8);
        AlignmentCosts::new(scoring, 0).cost(&made.read().with_fields(fields))
    }

    fn likely(cigar: &str, bases: &str, md: &str) -> Result<PhredCost, CostError> {
        cost_of(Scoring::Likelihood, cigar, bases, &text(b"MD", md))
    }

    fn wrong(qualities: &[u8]) -> PhredCost {
        let costs = BaseCosts::new(0);
        qualities.iter().map(|&q| costs.llr(q)).sum()
    }

    #[test]
    fn mismatches_cost_by_their_quality_from_md_and_from_the_cigar() {
        assert_eq!(likely("8M", "ACGTACGT", "8"), Ok(0));
        assert_eq!(likely("8M", "ACGTACGT", "2A3C1"), Ok(wrong(&[32, 36])));
        assert_eq!(likely("8M", "ACGTACGT", "0A6C0"), Ok(wrong(&[30, 37])));
        assert_eq!(likely("8M", "ACGTACGT", "AC6"), Ok(wrong(&[30, 31])));
        assert_eq!(likely("8M", "NCGTACGT", "0A0N6"), Ok(0));
        assert_eq!(cost_of(Scoring::Likelihood, "2=1X3=1X1=", "ACGTACGT", &[]), Ok(wrong(&[32, 36])));
        assert_eq!(likely("2=1X3=2M", "ACGTACGT", "2A3C1"), Ok(wrong(&[32, 36])));
        // MD has deletions, but neither insertions nor clips.
        let gap = GAP_OPENING + GAP_EXTENSION;
        assert_eq!(likely("2M2I4M", "ACGTACGT", "2A3"), Ok(gap + wrong(&[34])));
        assert_eq!(likely("1S2M2D3M2S", "ACGTACGT", "2^GG1A1"), Ok(gap + wrong(&[30, 34, 36, 37])));
        assert_eq!(likely("2M9N6M", "ACGTACGT", "3A4"), Ok(wrong(&[33])));
        assert_eq!(likely("2H8M", "ACGTACGT", "8"), Ok(wrong(&[30, 30])));
    }

    #[test]
    fn without_md_the_number_of_mismatches_is_that_of_nm_or_an_error() {
        let number = |n: u8| [b"NMC".as_slice(), &[n]].concat();
        assert_eq!(cost_of(Scoring::Likelihood, "8M", "ACGTACGT", &[]), Err(CostError::NoDifferences));
        assert_eq!(cost_of(Scoring::Likelihood, "3M1I4M", "ACGTACGT", &number(3)), Ok(GAP_OPENING + wrong(&[30, 30])));
        for md in ["9", "8A", "7A1", "3^A6"] {
            assert_eq!(likely("8M", "ACGTACGT", md), Err(CostError::InconsistentMd), "{md}");
        }
        assert_eq!(likely("8M", "ACGTACGT", "99999999999999999999999"), Err(CostError::InconsistentMd));
    }

    #[test]
    fn suspenders_does_not_count_clips() {
        let theirs = |cigar: &str, md: &str| cost_of(Scoring::Suspenders, cigar, "ACGTACGT", &text(b"MD", md));
        assert_eq!(theirs("8M", "2A3C1"), Ok(12));
        assert_eq!(theirs("3S5M", "5"), Ok(0));
        assert_eq!(theirs("3M2I3M", "6"), Ok(11));
        let number = [b"NMC".as_slice(), &[3]].concat();
        assert_eq!(cost_of(Scoring::Suspenders, "3M2I3M", "ACGTACGT", &number), Ok(17));
        assert!(AlignmentCosts::new(Scoring::Suspenders, 0).threshold() == 1);
    }
}
