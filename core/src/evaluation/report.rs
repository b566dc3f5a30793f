//! The rows of an evaluation, each a number with its interval.

use crate::stats::bootstrap::Resampling;

/// One figure. What has no value is NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it belongs to: agreement, calibration, direction, ceiling, controls or kmer_ridge.
    pub section: &'static str,
    /// hap1, hap2 or log2_ratio.
    pub quantity: &'static str,
    /// Which of several: a decile, a bin, a control, a kind of noise; `all` where there is one.
    pub case: String,
    /// What was computed.
    pub name: &'static str,
    /// The metric; NaN where it has no value.
    pub value: f64,
    /// Ends of the 95 % interval.
    pub low: f64,
    /// Upper end of the interval; NaN without one.
    pub high: f64,
    /// Windows.
    pub n: usize,
}

/// Predicted quantities in the order of every array of three.
pub const QUANTITIES: [&str; 3] = ["hap1", "hap2", "log2_ratio"];

/// A statistic of weighted resampling units.
type Statistic<'a> = Box<dyn Fn(&[u32]) -> f64 + Sync + 'a>;

/// Rows being gathered; those that are statistics get their intervals all at once in the end, so that each
/// resample is drawn once and figures that belong together see the same windows.
#[derive(Default)]
pub struct Report<'a> {
    rows: Vec<Row>,
    statistics: Vec<(usize, Statistic<'a>)>,
}

impl<'a> Report<'a> {
    /// A row of known value and interval.
    pub fn row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// A row of known value without an interval.
    pub fn plain(
        &mut self,
        section: &'static str,
        quantity: &'static str,
        case: &str,
        name: &'static str,
        value: f64,
        n: usize,
    ) {
        let case = case.to_owned();
        self.rows.push(Row { section, quantity, case, name, value, low: f64::NAN, high: f64::NAN, n });
    }

    /// A row whose value and interval come of `statistic`.
    pub fn statistic(
        &mut self,
        section: &'static str,
        quantity: &'static str,
        case: &str,
        name: &'static str,
        n: usize,
        statistic: impl Fn(&[u32]) -> f64 + Sync + 'a,
    ) {
        self.statistics.push((self.rows.len(), Box::new(statistic)));
        self.plain(section, quantity, case, name, f64::NAN, n);
    }

    /// Compute values and intervals.
    pub fn finish(mut self, resampling: Resampling) -> Vec<Row> {
        let once = vec![1; resampling.units];
        let values: Vec<f64> = self.statistics.iter().map(|(_, s)| s(&once)).collect();
        let intervals = resampling.intervals(|weights| self.statistics.iter().map(|(_, s)| s(weights)).collect());
        for (((row, _), value), [low, high]) in self.statistics.iter().zip(values).zip(intervals) {
            let row = &mut self.rows[*row];
            // A figure without a value has no interval either.
            (row.value, row.low, row.high) =
                if value.is_finite() { (value, low, high) } else { (value, f64::NAN, f64::NAN) };
        }
        self.rows
    }
}
