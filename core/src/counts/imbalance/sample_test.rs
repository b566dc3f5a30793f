//! The test of one sample.

use std::collections::HashMap;

use crate::counts::imbalance::pairs::Histogram;
use crate::counts::imbalance::{dispersion, shrinkage, BetaBinomial, Prior};
use crate::counts::table::log2_ratio;
use crate::stats::false_discovery::q_values;

/// The settings of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Dispersion; estimated from the data if None.
    pub dispersion: Option<f64>,
    /// Expected share of haplotype 1 in a balanced region.
    pub expectation: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { dispersion: None, expectation: 0.5 }
    }
}

/// How the dispersion was determined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// Given by the user.
    Given,
    /// Estimated from the data.
    Fitted {
        /// Rows with at least two informative fragments.
        rows: u64,
        /// The share of them in the imbalanced components of the mixture.
        imbalanced: f64,
    },
    /// Too few rows to estimate it: 0, the binomial test.
    TooFew {
        /// Rows with at least two informative fragments.
        rows: u64,
    },
}

/// The test of a pair of counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// log2((hap1 + 0.5) / (hap2 + 0.5)).
    pub log2_ratio: f64,
    /// Its standard error, without dispersion.
    pub se: f64,
    /// Two-sided p-value, see [`BetaBinomial::two_sided`].
    pub p_value: f64,
    /// Posterior mean and standard deviation of the log2 ratio; None without a prior.
    pub shrunk: Option<(f64, f64)>,
}

/// The test of one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct ImbalanceTest {
    /// The settings it was fitted with.
    pub settings: Settings,
    /// The dispersion of the beta-binomial distribution.
    pub dispersion: f64,
    /// How the dispersion was determined.
    pub source: Source,
    /// Prior of the true log2 ratios; None with too few rows.
    pub prior: Option<Prior>,
    rows: HashMap<(u64, u64), (Row, f64)>,
}

impl ImbalanceTest {
    /// Estimate dispersion and prior from all rows of a sample, and test each distinct pair of counts.
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
            prior.drop_cache();
        }
        test
    }

    /// Ratio and p-value of a pair of counts; None without an informative fragment.
    pub fn row(&self, hap1: u64, hap2: u64) -> Option<Row> {
        match self.rows.get(&(hap1, hap2)) {
            Some((row, _)) => Some(*row),
            None => self.row_expecting(hap1, hap2, self.settings.expectation),
        }
    }

    /// [`ImbalanceTest::row`] with another expected share of haplotype 1, such as at a site where reads of one haplotype
    /// map worse.
    pub fn row_expecting(&self, hap1: u64, hap2: u64, expectation: f64) -> Option<Row> {
        let (ratio, se) = log2_ratio(hap1, hap2)?;
        let n = hap1.saturating_add(hap2);
        let (p_value, _) = BetaBinomial::new(n, expectation, self.dispersion).two_sided(hap1);
        let shrunk = self.prior.as_ref().and_then(|prior| prior.shrink(hap1, hap2));
        Some(Row { log2_ratio: ratio, se, p_value, shrunk })
    }

    /// False discovery rate at which a pair of counts is called, over all rows of the histogram; None for a pair that is
    /// not in it.
    pub fn q(&self, hap1: u64, hap2: u64) -> Option<f64> {
        self.rows.get(&(hap1, hap2)).map(|(_, q)| *q)
    }

    /// The estimates, as a message.
    pub fn summary(&self) -> String {
        let prior = match &self.prior {
            Some(prior) => format!("standard deviation of the true log2 ratios {:.4}", prior.sd()),
            None => format!(
                "no shrunken ratios: fewer than {} rows with {} informative fragments",
                shrinkage::MIN_ROWS,
                shrinkage::MIN_FRAGMENTS
            ),
        };
        let source = match self.source {
            Source::Given => "given".into(),
            Source::Fitted { rows, imbalanced } if imbalanced > 0.0 => {
                format!("from {rows} rows, {:.1} % of them imbalanced", imbalanced * 100.0)
            }
            Source::Fitted { rows, .. } => format!("from {rows} rows"),
            Source::TooFew { .. } => "not estimated".into(),
        };
        format!("dispersion {:.6} ({source}); {prior}", self.dispersion)
    }

    /// A warning if there were too few data.
    pub fn warning(&self) -> Option<String> {
        match self.source {
            Source::TooFew { rows } => Some(format!(
                "too little data for the dispersion ({rows} rows with two informative fragments): p-values are \
                 binomial, and too small for overdispersed data; give --dispersion"
            )),
            _ => None,
        }
    }
}
