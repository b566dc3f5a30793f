//! Phred-scaled costs of bases and gaps.
//!
//! Costs are −10 log10 of a probability (Phred) in hundredths, so that sums are exact and the same on every machine.
//! A base of quality q is wrong with e = 10^(−q/10); it shows the haplotype's base with 1 − e and each of the
//! other three with e / 3. A gap costs its opening, and [`GAP_EXTENSION`] for every base after the first.

/// Hundredths of a Phred unit. Costs are at least 0; the difference of two is a log-likelihood ratio (LLR).
pub type PhredCost = i32;

/// One Phred unit.
pub const PHRED: PhredCost = 100;

/// LLR from which a fragment is assigned: 95 % against 5 %, 10 log10(0.95 / 0.05).
pub const ASSIGN_LLR: PhredCost = 1279;

/// Cost of opening a gap where the sequence does not repeat: one in 30,000, about the rate of short-read sequencers.
pub const GAP_OPENING: PhredCost = 45 * PHRED;

/// Cost of each further base of a gap.
pub const GAP_EXTENSION: PhredCost = 10 * PHRED;

/// Cap on the log-likelihood ratio of one site: whatever the base quality, the read may be mismapped or the genotype
/// wrong.
pub const MAX_SITE_LLR: PhredCost = 45 * PHRED;

/// Cost of leaving the haplotype within a soft-clipped end, as at an adapter: a soft clip that matches to its last base
/// is evidence by itself.
pub const ADAPTER_OPENING: PhredCost = 13 * PHRED;

/// Cost of each adapter base. A random base would be 6 Phred; half of it prevents the few that match by chance
/// at the beginning of an adapter from counting as evidence.
pub const ADAPTER: PhredCost = 3 * PHRED;

/// Quality assumed where the file gives none.
const UNKNOWN_QUALITY: u8 = 30;

/// Cost of opening a gap in a repeat of `units` equal units: two Phred less for each unit beyond the first,
/// 15 at the least, since polymerases slip in repeats.
pub fn gap_opening(units: usize) -> PhredCost {
    let units = PhredCost::try_from(units.saturating_sub(1)).unwrap_or(PhredCost::MAX / PHRED / 2).min(100);
    (GAP_OPENING - 2 * PHRED * units).max(15 * PHRED)
}

/// Costs of a matching and of a mismatching base, by quality.
pub struct BaseCosts {
    matches: [PhredCost; 256],
    mismatches: [PhredCost; 256],
    expected: [PhredCost; 256],
}

impl BaseCosts {
    /// Bases with a quality below `least` cost nothing, match or not.
    pub fn new(least: u8) -> Self {
        let mut costs = Self { matches: [0; 256], mismatches: [0; 256], expected: [0; 256] };
        for quality in least..=255 {
            let known = if quality == 255 { UNKNOWN_QUALITY } else { quality };
            // A quality of 0 to 2 would be worse than a guess among four.
            let error = 10f64.powf(-f64::from(known) / 10.0).min(0.75);
            let phred = |p: f64| (-1000.0 * p.log10()).round() as PhredCost;
            costs.matches[usize::from(quality)] = phred(1.0 - error);
            costs.mismatches[usize::from(quality)] = phred(error / 3.0);
            costs.expected[usize::from(quality)] = (error / 3.0 * f64::from(costs.llr(quality))).ceil() as PhredCost;
        }
        costs
    }

    /// Log-likelihood ratio of a matching against a mismatching base.
    pub fn llr(&self, quality: u8) -> PhredCost {
        self.mismatches[usize::from(quality)] - self.matches[usize::from(quality)]
    }

    /// LLR that a base of this quality is expected to add to the wrong haplotype: its LLR times its error rate.
    pub fn expected_error(&self, quality: u8) -> PhredCost {
        self.expected[usize::from(quality)]
    }

    /// Cost of showing `base` where the haplotype has `expected`; either may be N, which matches every base.
    pub(super) fn of(&self, base: u8, expected: u8, quality: u8) -> PhredCost {
        if base == b'N' || expected == b'N' {
            0
        } else if base == expected {
            self.matches[usize::from(quality)]
        } else {
            self.mismatches[usize::from(quality)]
        }
    }

    /// Cost of the bases if all match, the least possible.
    pub fn least(&self, bases: &[u8], qualities: &[u8]) -> PhredCost {
        bases.iter().zip(qualities).map(|(&b, &q)| self.of(b, b, q)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_known_on_paper() {
        let costs = BaseCosts::new(0);
        // Quality 10: wrong one time in ten.
        assert_eq!(costs.of(b'A', b'A', 10), 46);
        assert_eq!(costs.of(b'A', b'C', 10), 1477);
        assert_eq!(costs.of(b'N', b'C', 10), 0);
        assert_eq!(costs.llr(255), costs.llr(30));
        assert_eq!(costs.llr(0), 0);
        assert_eq!(BaseCosts::new(13).llr(12), 0);
        assert!(BaseCosts::new(13).llr(13) > ASSIGN_LLR);
        assert_eq!((gap_opening(1), gap_opening(4), gap_opening(1000)), (4500, 3900, 1500));
    }
}
