//! The test of allelic imbalance: its options, and the table's rows through it.

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::counts::imbalance::{test_rows, ImbalanceTest, Settings, TableTest};
use deepallele_core::counts::CountRow;

/// How p, q and shrunken ratios are made.
#[derive(Args, Clone, Debug)]
pub struct TestArgs {
    /// Leave p, q and shrunken ratios empty
    #[arg(long, help_heading = "Imbalance test", conflicts_with_all = ["dispersion", "expected_fraction", "combine"])]
    no_test: bool,

    /// How far balanced regions vary beyond chance, from 0 (binomial) to below 1; auto estimates it, a sample at a time
    #[arg(long, help_heading = "Imbalance test", value_name = "auto|VALUE", default_value = "auto", value_parser = dispersion)]
    dispersion: Dispersion,

    /// Share of haplotype 1 among the fragments of a balanced region
    #[arg(long, help_heading = "Imbalance test", value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    expected_fraction: f64,

    /// Also take the samples of each region together as replicates, in a row with this sample name [combined]
    #[arg(long, help_heading = "Imbalance test", value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "combined", value_parser = crate::args::name)]
    combine: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Dispersion(Option<f64>);

fn dispersion(text: &str) -> Result<Dispersion, String> {
    if text == "auto" {
        return Ok(Dispersion(None));
    }
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(Dispersion(Some(value))),
        _ => Err("a dispersion is auto, or a number from 0 to below 1".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=0.99).contains(&value) => Ok(value),
        _ => Err("a share is a number from 0.01 to 0.99".into()),
    }
}

impl TestArgs {
    /// True if anything about the test was asked for.
    pub fn given(&self) -> bool {
        self.no_test || self.combine.is_some() || self.dispersion.0.is_some() || self.expected_fraction != 0.5
    }

    /// Refuse what cannot be combined, before the long part. `regions`: there is a table of regions.
    ///
    /// # Errors
    /// No regions, one sample only, or the combined name taken.
    pub fn check(&self, samples: &[String], regions: bool) -> Result<()> {
        let Some(name) = &self.combine else { return Ok(()) };
        if !regions {
            return Err(usage("--combine takes the samples of regions together: give -L REGIONS"));
        }
        if samples.len() < 2 {
            return Err(usage("--combine takes replicates together: give two alignment files or more"));
        }
        if samples.contains(name) {
            return Err(usage(format!("\"{name}\" is a sample already: give another name, --combine=NAME")));
        }
        Ok(())
    }

    /// What the test runs with; None when it is off.
    pub fn settings(&self) -> Option<Settings> {
        (!self.no_test).then_some(Settings { dispersion: self.dispersion.0, expectation: self.expected_fraction })
    }

    /// Fill p, q and the shrunken ratio of each row, add the combined rows if they are asked for, say what was
    /// estimated, and give back lines for the table's header. The rows of a region stand side by side.
    pub fn test(&self, rows: &mut Vec<CountRow>) -> Vec<String> {
        let Some(settings) = self.settings() else { return Vec::new() };
        let result: TableTest = test_rows(rows, settings, self.combine.as_deref());
        for (sample, test) in &result.samples {
            say(&format!("{sample}: "), test);
        }
        result.header()
    }
}

/// What a test rests on, as a message.
pub fn say(before: &str, test: &ImbalanceTest) {
    log::info!("{before}{}", test.summary());
    if let Some(warning) = test.warning() {
        log::warn!("{before}{warning}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked() {
        assert_eq!(dispersion("auto"), Ok(Dispersion(None)));
        assert_eq!(dispersion("0.05"), Ok(Dispersion(Some(0.05))));
        for wrong in ["1", "-0.1", "NaN", "x", ""] {
            assert!(dispersion(wrong).is_err(), "{wrong}");
        }
        assert!(share("0").is_err() && share("1").is_err() && share("nan").is_err() && share("0.48").is_ok());
    }

    #[test]
    fn replicates_need_several_samples_and_a_free_name() {
        let two = ["a".to_string(), "b".to_string()];
        let args = |combine: Option<&str>| TestArgs {
            no_test: false,
            dispersion: Dispersion(None),
            expected_fraction: 0.5,
            combine: combine.map(str::to_string),
        };
        assert!(args(None).check(&two[..1], false).is_ok() && args(Some("c")).check(&two, true).is_ok());
        assert!(args(Some("c")).check(&two[..1], true).is_err() && args(Some("b")).check(&two, true).is_err());
        assert!(args(Some("c")).check(&two, false).is_err());
    }
}
