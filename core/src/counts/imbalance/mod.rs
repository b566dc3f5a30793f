//! The test of allelic imbalance: is the share of haplotype 1 another than expected?
//!
//! All of it works on a histogram of pairs of counts, so that millions of variants cost little.
//! `docs/statistics.md` has the formulas and their sources.
//!
//! | module | what it is about |
//! |---|---|
//! | [`beta_binomial`] | the distribution under the null, and p |
//! | [`dispersion`] | how far balanced regions spread beyond chance |
//! | [`shrinkage`] | the prior of the true ratios, and the shrunken ratio |
//! | [`combine`] | replicates taken together |
//! | [`table`] | the test over the rows of a count table |
//! | [`variant_rows`] | the test over the records of the per-variant table |
//! | [`search`] | the best value of one scale parameter |

pub mod beta_binomial;
pub mod combine;
pub mod dispersion;
pub mod search;
pub mod shrinkage;
pub mod table;
pub mod variant_rows;

use std::collections::{BTreeMap, HashMap};

pub use beta_binomial::BetaBinomial;
pub use combine::{combine, Combined, Replicate};
pub use shrinkage::Prior;
pub use table::{test_rows, TableTest};
pub use variant_rows::TestedVariants;

/// How many regions (or variants) have these counts of haplotype 1 and 2.
pub type Histogram = BTreeMap<(u64, u64), u64>;

/// What the user may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Dispersion; None has it estimated from the data.
    pub dispersion: Option<f64>,
    /// Share of haplotype 1 in a balanced region.
    pub expectation: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { dispersion: None, expectation: 0.5 }
    }
}

/// Where a dispersion comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// The user gave it.
    Given,
    /// Estimated from `rows` with at least two informative fragments, a share `imbalanced` of them being set
    /// apart.
    Fitted { rows: u64, imbalanced: f64 },
    /// Only so many rows with at least two informative fragments, too few to tell: 0, the binomial test.
    TooFew { rows: u64 },
}

/// What the test says of a pair of counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// log2((hap1 + 0.5) / (hap2 + 0.5)).
    pub log2_ratio: f64,
    /// Its standard error when there is no dispersion.
    pub se: f64,
    /// Two-sided p-value, see [`BetaBinomial::two_sided`].
    pub p_value: f64,
    /// Mean and standard deviation of the log2 ratio given counts and prior; None without a prior.
    pub shrunk: Option<(f64, f64)>,
}

/// The test of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct ImbalanceTest {
    pub settings: Settings,
    /// Dispersion in use.
    pub dispersion: f64,
    pub source: Source,
    /// Spread of the true log2 ratios; None with too few rows to tell.
    pub prior: Option<Prior>,
    rows: HashMap<(u64, u64), (Row, f64)>,
}

impl ImbalanceTest {
    /// Estimate dispersion and prior from all rows of a sample, and test each pair of counts once.
    pub fn fit(histogram: &Histogram, settings: Settings) -> Self {
        let (dispersion, source) = match settings.dispersion {
            Some(rho) => (rho, Source::Given),
            None => match dispersion::fit(histogram, settings.expectation) {
                Ok(fit) => (fit.rho, Source::Fitted { rows: fit.rows, imbalanced: fit.imbalanced }),
                Err(rows) => (0.0, Source::TooFew { rows }),
            },
        };
        let middle = (settings.expectation / (1.0 - settings.expectation)).log2();
        let prior = Prior::fit(histogram, middle, dispersion);
        let mut test = Self { settings, dispersion, source, prior, rows: HashMap::new() };
        let tested: Vec<((u64, u64), u64, Row)> = histogram
            .iter()
            .filter_map(|(&pair, &rows)| Some((pair, rows, test.row(pair.0, pair.1)?)))
            .filter(|(_, rows, _)| *rows > 0)
            .collect();
        let q = q_values(&tested.iter().map(|(_, rows, row)| (row.p_value, *rows)).collect::<Vec<_>>());
        test.rows = tested.into_iter().zip(q).map(|((pair, _, row), q)| (pair, (row, q))).collect();
        if let Some(prior) = &mut test.prior {
            prior.forget();
        }
        test
    }

    /// Ratio and p of a pair of counts; None without an informative fragment.
    pub fn row(&self, hap1: u64, hap2: u64) -> Option<Row> {
        match self.rows.get(&(hap1, hap2)) {
            Some((row, _)) => Some(*row),
            None => self.row_expecting(hap1, hap2, self.settings.expectation),
        }
    }

    /// [`ImbalanceTest::row`] where this share of haplotype 1 is expected, such as that of a site where reads of
    /// one haplotype map worse.
    pub fn row_expecting(&self, hap1: u64, hap2: u64, expectation: f64) -> Option<Row> {
        let (ratio, se) = crate::counts::table::log2_ratio(hap1, hap2)?;
        let n = hap1.saturating_add(hap2);
        let (p_value, _) = BetaBinomial::new(n, expectation, self.dispersion).two_sided(hap1);
        let shrunk = self.prior.as_ref().and_then(|prior| prior.shrink(hap1, hap2));
        Some(Row { log2_ratio: ratio, se, p_value, shrunk })
    }

    /// False discovery rate at which a pair of counts of the histogram is called, over all rows with p; None for
    /// a pair that was not in it.
    pub fn q(&self, hap1: u64, hap2: u64) -> Option<f64> {
        self.rows.get(&(hap1, hap2)).map(|(_, q)| *q)
    }

    /// A sentence about the estimates.
    pub fn summary(&self) -> String {
        let spread = match &self.prior {
            Some(prior) => format!("true log2 ratios spread by {:.4}", prior.sd()),
            None => format!(
                "no shrunken ratios: fewer than {} rows with {} informative fragments",
                shrinkage::LEAST_ROWS,
                shrinkage::LEAST_FRAGMENTS
            ),
        };
        let from = match self.source {
            Source::Given => "given".into(),
            Source::Fitted { rows, imbalanced } if imbalanced > 0.0 => {
                format!("from {rows} rows, {:.1} % of them set apart as imbalanced", imbalanced * 100.0)
            }
            Source::Fitted { rows, .. } => format!("from {rows} rows"),
            Source::TooFew { .. } => "not estimated".into(),
        };
        format!("dispersion {:.6} ({from}); {spread}", self.dispersion)
    }

    /// A sentence of warning when the data were too few.
    pub fn warning(&self) -> Option<String> {
        match self.source {
            Source::TooFew { rows } => Some(format!(
                "too little data for the dispersion ({rows} rows with two informative fragments): p-values are \
                 binomial, and too small if the data vary more; give --dispersion"
            )),
            _ => None,
        }
    }
}

/// q-values of p-values with the number of rows that have each (Benjamini and Hochberg 1995), in their order.
pub fn q_values(p: &[(f64, u64)]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].0.total_cmp(&p[b].0));
    let total: u64 = p.iter().map(|x| x.1).sum();
    let mut rank = total;
    let mut least: f64 = 1.0;
    let mut q = vec![1.0; p.len()];
    for &i in order.iter().rev() {
        least = least.min(p[i].0 * total as f64 / rank.max(1) as f64);
        q[i] = least;
        rank -= p[i].1;
    }
    q
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
