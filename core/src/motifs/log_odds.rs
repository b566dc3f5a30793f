//! Scores of a motif as log2-odds against uniform bases, and the exact p-value of a score (FIMO, Grant et al. 2011).
//!
//! W = log2(p + 0.0001) - log2(1/4) for each base of each column. For p-values the scores are counted in bins of 0.1:
//! I = round(W / 0.1), ties to even, and the distribution of the sum of I over all 4^L sequences is computed column by
//! column (Staden 1989).

use ndarray::{Array2, ArrayView2};

use crate::motifs::motif::{self, Motif};

/// Added to each probability, so that its logarithm exists.
pub const PSEUDO_PROBABILITY: f64 = 1e-4;

/// Width of a bin of scores, in bits.
pub const BIN: f64 = 0.1;

/// The scores of a motif on one strand, with their distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct LogOdds {
    scores: Array2<f64>,
    /// The bin of the first value of `survival`: the least sum of integer scores.
    least: i64,
    /// p of a sum of integer scores of at least `least + i`; the last one is that of the largest sum.
    survival: Vec<f64>,
}

impl LogOdds {
    /// Scores of `motif` on the forward strand.
    pub fn new(motif: &Motif) -> Self {
        let background = 0.25f64.log2();
        let scores = motif.probabilities().mapv(|p| (p + PSEUDO_PROBABILITY).log2() - background);
        let bins = scores.mapv(|score| (score / BIN).round_ties_even() as i64);
        let (least, survival) = survival(bins.view());
        Self { scores, least, survival }
    }

    /// The scores on the reverse strand; their distribution is the same.
    pub fn reverse_complement(&self) -> Self {
        Self { scores: motif::reverse_complement(self.scores.view()), ..self.clone() }
    }

    /// Scores (L, 4) in bits, bases in the order A, C, G, T. A base that is not known has the score 0.
    pub fn scores(&self) -> ArrayView2<'_, f64> {
        self.scores.view()
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.scores.nrows()
    }

    /// Score in bits of the bases `codes` (0 to 3 for A, C, G, T; others score 0), added from left to right.
    ///
    /// # Panics
    /// There are fewer codes than columns.
    pub fn score(&self, codes: &[u8]) -> f64 {
        let codes = &codes[..self.width()];
        codes.iter().zip(self.scores.rows()).fold(0.0, |sum, (&code, row)| match row.get(usize::from(code)) {
            Some(score) => sum + score,
            None => sum,
        })
    }

    /// The probability that a sequence of uniform bases scores at least as much as `score` (bits), rounded towards 0 to
    /// a whole bin.
    ///
    /// A score may be a bin or two above the largest sum of rounded scores, because rounding can make a sum smaller.
    /// It then has the p-value of that largest sum, which is 4^-L for a motif with one best sequence. (FIMO in memelite
    /// reports 0 in this case.)
    pub fn p_value(&self, score: f64) -> f64 {
        let above = (score / BIN) as i64 - self.least;
        self.survival[above.clamp(0, self.survival.len() as i64 - 1) as usize]
    }

    /// The least p-value that a sequence can have.
    pub fn least_p_value(&self) -> f64 {
        self.survival[self.survival.len() - 1]
    }

    /// The least sum of scores in bins, and for it and each larger one up to the largest the probability of at least that
    /// sum.
    pub(crate) fn distribution(&self) -> (i64, &[f64]) {
        (self.least, &self.survival)
    }

    /// The score (bits) above which p-values are less than `threshold`: a whole number of bins. None if no sequence has
    /// such a p-value.
    pub fn cut(&self, threshold: f64) -> Option<f64> {
        let first = self.survival.partition_point(|&p| p >= threshold);
        (first < self.survival.len()).then(|| (self.least + first as i64) as f64 * BIN)
    }
}

/// The distribution of the sum of one value of each row of `bins` (L, 4), all with probability 1/4: the least sum, and
/// for it and each larger sum up to the largest one the probability of at least that sum.
fn survival(bins: ArrayView2<i64>) -> (i64, Vec<f64>) {
    let ends: Vec<(i64, i64)> = bins
        .rows()
        .into_iter()
        .map(|row| row.iter().fold((i64::MAX, i64::MIN), |(least, most), &bin| (least.min(bin), most.max(bin))))
        .collect();
    let least: i64 = ends.iter().map(|end| end.0).sum();
    let most: i64 = ends.iter().map(|end| end.1).sum();
    let size = (most - least + 1) as usize;
    let (mut before, mut after) = (vec![0.0; size], vec![0.0; size]);
    before[0] = 1.0;
    let mut reached = 1;
    for (row, (low, high)) in bins.rows().into_iter().zip(&ends) {
        let grown = reached + (high - low) as usize;
        after[..grown].fill(0.0);
        for &bin in row {
            let shift = (bin - low) as usize;
            after[shift..shift + reached].iter_mut().zip(&before[..reached]).for_each(|(to, from)| *to += 0.25 * from);
        }
        std::mem::swap(&mut before, &mut after);
        reached = grown;
    }
    // From the top, where small probabilities are added first.
    let mut sum = 0.0;
    for value in before.iter_mut().rev() {
        sum += *value;
        *value = sum;
    }
    (least, before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn motif(rows: &[[f64; 4]]) -> Motif {
        let matrix = Array2::from_shape_fn((rows.len(), 4), |(i, b)| rows[i][b] / rows[i].iter().sum::<f64>());
        Motif::new("x", matrix).unwrap()
    }

    #[test]
    fn one_column_on_paper() {
        let scores = LogOdds::new(&motif(&[[0.5, 0.25, 0.25, 0.0]]));
        assert!((scores.scores()[[0, 0]] - (0.5001f64.log2() + 2.0)).abs() < 1e-15);
        // Bins 10, 0, 0, -113.
        assert_eq!(scores.survival.len(), 124);
        assert_eq!((scores.p_value(1.0003), scores.p_value(0.95), scores.p_value(0.0)), (0.25, 0.25, 0.75));
        assert_eq!((scores.p_value(-0.1), scores.p_value(-11.3), scores.p_value(-20.0)), (0.75, 1.0, 1.0));
        assert_eq!((scores.least_p_value(), scores.p_value(9.0)), (0.25, 0.25));
        assert_eq!((scores.cut(0.25), scores.cut(0.3)), (None, Some(0.1)));
        assert_eq!(scores.score(&[3, 0]), scores.scores()[[0, 3]]);
        assert_eq!(scores.score(&[4]), 0.0);
    }

    #[test]
    fn the_other_strand_scores_the_other_strand() {
        let forward = LogOdds::new(&motif(&[[0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]]));
        let reverse = forward.reverse_complement();
        assert_eq!(reverse.score(&[0, 3]), forward.scores()[[1, 3]] + forward.scores()[[0, 0]]);
        assert_eq!(
            reverse.scores(),
            array![
                [
                    forward.scores()[[1, 3]],
                    forward.scores()[[1, 2]],
                    forward.scores()[[1, 1]],
                    forward.scores()[[1, 0]]
                ],
                [
                    forward.scores()[[0, 3]],
                    forward.scores()[[0, 2]],
                    forward.scores()[[0, 1]],
                    forward.scores()[[0, 0]]
                ],
            ]
        );
        assert_eq!(LogOdds::new(&motif(&[[0.7, 0.1, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4]]).reverse_complement()), reverse);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn p_values_count_sequences(
            rows in prop::collection::vec([0.0..1.0f64, 0.01..1.0f64, 0.0..1.0f64, 0.0..0.1f64], 1..6),
        ) {
            let scores = LogOdds::new(&motif(&rows));
            let width = scores.width();
            let bin = |column: usize, base: usize| (scores.scores()[[column, base]] / BIN).round_ties_even() as i64;
            let mut sums: Vec<i64> = (0..4usize.pow(width as u32))
                .map(|code| (0..width).map(|column| bin(column, code >> (2 * column) & 3)).sum())
                .collect();
            sums.sort_unstable();
            let most = scores.least + scores.survival.len() as i64 - 1;
            prop_assert_eq!((sums[0], sums[sums.len() - 1]), (scores.least, most));
            for (i, &p) in scores.survival.iter().enumerate() {
                let at_least = sums.len() - sums.partition_point(|&sum| sum < scores.least + i as i64);
                prop_assert!((p - at_least as f64 / sums.len() as f64).abs() < 1e-15);
            }
            for threshold in [0.5, 0.1, 1e-3] {
                let expected = scores.survival.iter().position(|&p| p < threshold);
                prop_assert_eq!(scores.cut(threshold), expected.map(|i| (scores.least + i as i64) as f64 * BIN));
            }
        }
    }
}
