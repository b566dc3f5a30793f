//! Whether the change of a site goes with the measured ratio, in the words of ADASTRA (Abramov et al. 2021).

use crate::choice::choice;

choice!(
    /// What a changed site says of a measured imbalance.
    Concordance, "concordance",
    /// The allele with the better site is the more active one, and log2 of the ratio of p is at least 2.
    Concordant "Concordant",
    /// The allele with the better site is the less active one, and log2 of the ratio of p is at least 2.
    Discordant "Discordant",
    /// As concordant, with a smaller ratio of p.
    WeakConcordant "Weak Concordant",
    /// As discordant, with a smaller ratio of p.
    WeakDiscordant "Weak Discordant",
    /// No site in either allele: both p are above 0.0005.
    NoHit "No Hit",
);

/// q-value of the measured imbalance above which nothing is said.
pub const LARGEST_Q: f64 = 0.25;
/// p of a site at most.
const LARGEST_P: f64 = 5e-4;
/// |log2 ratio of p| from which a change is a strong one.
const STRONG: f64 = 2.0;

impl Concordance {
    /// Of `log2_p`, log2 of the best p-value around the change in either allele, and the measured log2(hap1/hap2). `None`
    /// where one of both has no direction.
    pub fn of(log2_p: [f64; 2], measured: f64) -> Option<Self> {
        if log2_p.iter().all(|p| *p > LARGEST_P.log2()) {
            return Some(Concordance::NoHit);
        }
        // Positive if the first allele has the better site, as the measured ratio.
        let change = log2_p[1] - log2_p[0];
        if change == 0.0 || measured == 0.0 || !measured.is_finite() {
            return None;
        }
        Some(match ((change > 0.0) == (measured > 0.0), change.abs() >= STRONG) {
            (true, true) => Concordance::Concordant,
            (true, false) => Concordance::WeakConcordant,
            (false, true) => Concordance::Discordant,
            (false, false) => Concordance::WeakDiscordant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_adastra() {
        use Concordance::*;
        for (p, measured, expected) in [
            ([-16.0, -14.0], 0.3, Some(Concordant)),
            ([-16.0, -14.1], 0.3, Some(WeakConcordant)),
            ([-16.0, -14.0], -0.3, Some(Discordant)),
            ([-11.0, -11.5], 0.3, Some(WeakDiscordant)),
            ([-10.9, -2.0], 0.3, Some(NoHit)),
            ([-10.97, -2.0], 0.3, Some(Concordant)),
            ([-16.0, -16.0], 0.3, None),
            ([-16.0, -12.0], 0.0, None),
        ] {
            assert_eq!(Concordance::of(p, measured), expected, "{p:?} {measured}");
        }
    }
}
