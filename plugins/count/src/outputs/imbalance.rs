//! The test of the count table, and messages about tests.

use deepallele_core::counts::imbalance::{test_rows, ImbalanceTest};
use deepallele_core::counts::CountRow;

use crate::args::imbalance::TestArgs;

/// Test every row and, with `--combine`, add the combined rows; report the estimates. The rows of a region must be
/// adjacent. Returns lines for the header of the table.
pub fn test_table(rows: &mut Vec<CountRow>, args: &TestArgs) -> Vec<String> {
    let Some(settings) = args.settings() else { return Vec::new() };
    let result = test_rows(rows, settings, args.combine.as_deref());
    for (sample, test) in &result.samples {
        report(sample, test);
    }
    result.header()
}

/// Report the estimates of a test; `what` was tested.
pub fn report(what: &str, test: &ImbalanceTest) {
    log::info!("{what}: {}", test.summary());
    if let Some(warning) = test.warning() {
        log::warn!("{what}: {warning}");
    }
}
