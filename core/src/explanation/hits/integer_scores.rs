//! Scores of a motif as integers: sums do not depend on their order, so that the score of a window with one base replaced
//! is that of the window plus one difference, and equal scores are equal.
//!
//! A score is counted in 1/4096 of a bin of [`LogOdds`]; p-values are those of [`LogOdds`], as log2 in units of 1/1024.

use crate::motifs::log_odds::{LogOdds, BIN};

/// Units of a bin.
const UNITS: i32 = 4096;
/// Units of log2 p.
pub const LOG2_UNITS: f64 = 1024.0;
/// The score of a window that is not there.
pub const NO_WINDOW: i32 = i32::MIN / 2;
/// Scores of a column by code: four bases, and 0 for others.
const STRIDE: usize = 8;

/// Integer scores of a motif on both strands.
pub struct IntegerScores {
    width: usize,
    /// (width, 8) of the forward and the reverse strand.
    strands: [Vec<i32>; 2],
    least_bin: i64,
    /// log2 p by bin from the least one on, in units.
    log2_p: Vec<i32>,
    /// Scores from which a window may be a site.
    near_site: i32,
}

impl IntegerScores {
    /// Those of a motif; sites have a p-value less than `threshold`. `None` where no sequence has one.
    pub fn new(scores: &LogOdds, threshold: f64) -> Option<Self> {
        let cut = scores.cut(threshold)?;
        let matrix = |scores: &LogOdds| -> Vec<i32> {
            let mut flat = vec![0; STRIDE * scores.width()];
            for (column, row) in scores.scores().rows().into_iter().enumerate() {
                for (base, score) in row.iter().enumerate() {
                    flat[STRIDE * column + base] = (score / BIN * f64::from(UNITS)).round() as i32;
                }
            }
            flat
        };
        let strands = [matrix(scores), matrix(&scores.reverse_complement())];
        let (least_bin, survival) = scores.distribution();
        let log2_p = survival.iter().map(|p| (p.max(f64::MIN_POSITIVE).log2() * LOG2_UNITS).round() as i32).collect();
        // Rounding may move a score by a bin.
        let near_site = ((cut / BIN).round() as i32 - 2).saturating_mul(UNITS);
        Some(Self { width: scores.width(), strands, least_bin, log2_p, near_site })
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// log2 of the p-value of a score, in units of 1/1024.
    pub fn log2_p(&self, score: i32) -> i32 {
        let bin = i64::from(score / UNITS) - self.least_bin;
        self.log2_p[bin.clamp(0, self.log2_p.len() as i64 - 1) as usize]
    }

    /// The largest difference of two log2 p, in units.
    pub fn largest_difference(&self) -> usize {
        self.log2_p.last().map_or(0, |least| least.unsigned_abs() as usize)
    }

    /// Whether a window of this score may be a site.
    pub fn may_be_site(&self, score: i32) -> bool {
        score >= self.near_site
    }

    /// The best score of a window of `codes` on both strands; [`NO_WINDOW`] where they are too few.
    pub fn best(&self, codes: &[u8]) -> i32 {
        let mut best = NO_WINDOW;
        for window in codes.windows(self.width) {
            let (mut forward, mut reverse) = (0, 0);
            let rows = self.strands[0].chunks_exact(STRIDE).zip(self.strands[1].chunks_exact(STRIDE));
            for (&code, (one, two)) in window.iter().zip(rows) {
                let code = usize::from(code) % STRIDE;
                forward += one[code];
                reverse += two[code];
            }
            best = best.max(forward).max(reverse);
        }
        best
    }

    /// Scores of all windows of `codes` on both strands, by start; those at the end that do not fit have [`NO_WINDOW`].
    pub fn all(&self, codes: &[u8]) -> [Vec<i32>; 2] {
        self.strands.each_ref().map(|matrix| {
            let mut sums = vec![NO_WINDOW; codes.len()];
            let Some(windows) = (codes.len() + 1).checked_sub(self.width) else { return sums };
            sums[..windows].fill(0);
            for (column, row) in matrix.chunks_exact(STRIDE).enumerate() {
                let bases = &codes[column..column + windows];
                sums[..windows].iter_mut().zip(bases).for_each(|(sum, &code)| *sum += row[usize::from(code) % STRIDE]);
            }
            sums
        })
    }

    /// What replacing `from` by `to` adds to the windows that have the base, on a strand (0 forward, 1 reverse), by start:
    /// from the window whose last base it is to the one whose first base it is.
    pub fn substitution(&self, strand: usize, from: u8, to: u8) -> Vec<i32> {
        let rows = self.strands[strand].chunks_exact(STRIDE).rev();
        rows.map(|row| row[usize::from(to) % STRIDE] - row[usize::from(from) % STRIDE]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motifs::Motif;
    use ndarray::Array2;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn as_log_odds_within_rounding(
            weights in prop::collection::vec([0.01..1.0f64, 0.01..1.0f64, 0.01..1.0f64, 0.01..1.0f64], 2..12),
            codes in prop::collection::vec(0u8..5, 12..40), at in any::<prop::sample::Index>(), to in 0u8..4,
        ) {
            let matrix = Array2::from_shape_fn((weights.len(), 4), |(i, b)| weights[i][b] / weights[i].iter().sum::<f64>());
            let forward = LogOdds::new(&Motif::new("x", matrix).unwrap());
            let scores = IntegerScores::new(&forward, 1.0).unwrap();
            let best = |codes: &[u8]| {
                let of = |scores: &LogOdds| codes.windows(weights.len()).map(|w| scores.score(w)).fold(f64::MIN, f64::max);
                of(&forward).max(of(&forward.reverse_complement()))
            };
            let error = |integer: i32, exact: f64| (f64::from(integer) * BIN / f64::from(UNITS) - exact).abs();
            prop_assert!(error(scores.best(&codes), best(&codes)) < 1e-3);
            let all = scores.all(&codes);
            prop_assert_eq!(*all.iter().flatten().max().unwrap(), scores.best(&codes));
            // One base replaced.
            let at = at.index(codes.len());
            let mut changed = codes.clone();
            changed[at] = to;
            let expected = scores.all(&changed);
            for strand in 0..2 {
                let added = scores.substitution(strand, codes[at], to);
                for (i, more) in added.iter().enumerate() {
                    let Some(start) = (at + 1 + i).checked_sub(weights.len()) else { continue };
                    if start + weights.len() <= codes.len() {
                        prop_assert_eq!(all[strand][start] + more, expected[strand][start]);
                    }
                }
            }
            let p = f64::from(scores.log2_p(scores.best(&codes))) / LOG2_UNITS;
            let near: Vec<f64> = [-BIN, 0.0, BIN].iter().map(|d| forward.p_value(best(&codes) + d).log2()).collect();
            prop_assert!(p <= near[0] + 0.001 && p >= near[2] - 0.001, "{} {:?}", p, near);
        }
    }
}
