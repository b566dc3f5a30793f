//! `--no-test --dispersion --expected-fraction --combine`: the test of allelic imbalance.

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::counts::imbalance::Settings;

/// `--no-test --dispersion --expected-fraction --combine`
#[derive(Args, Clone, Debug)]
pub struct TestArgs {
    /// Do not test: leave p-values, q-values and shrunken ratios empty
    #[arg(long, conflicts_with_all = ["dispersion", "expected_fraction", "combine"])]
    no_test: bool,

    /// Dispersion of balanced regions beyond binomial sampling, from 0 (binomial) to below 1; auto estimates it for
    /// each sample
    #[arg(long, value_name = "auto|VALUE", default_value = "auto", value_parser = dispersion)]
    dispersion: Dispersion,

    /// Expected share of haplotype 1 among the informative fragments of a balanced region
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    expected_fraction: f64,

    /// Also test the samples of each region together as replicates, in a row with this sample name [default
    /// name: combined]
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "combined",
          value_parser = super::name)]
    pub combine: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Dispersion(Option<f64>);

fn dispersion(text: &str) -> Result<Dispersion, String> {
    if text == "auto" {
        return Ok(Dispersion(None));
    }
    match text.parse::<f64>() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(Dispersion(Some(value))),
        _ => Err("the dispersion must be auto, or a number from 0 to below 1".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=0.99).contains(&value) => Ok(value),
        _ => Err("the share must be a number from 0.01 to 0.99".into()),
    }
}

impl TestArgs {
    /// True if any of these options differs from its default.
    pub fn given(&self) -> bool {
        self.no_test || self.combine.is_some() || self.dispersion.0.is_some() || self.expected_fraction != 0.5
    }

    /// Check `--combine`, before the reads are counted. `regions`: there is a count table.
    ///
    /// # Errors
    /// A usage error: no regions, only one sample, or a sample with the combined name.
    pub fn check(&self, samples: &[String], regions: bool) -> Result<()> {
        let Some(name) = &self.combine else { return Ok(()) };
        if !regions {
            return Err(usage("--combine tests the samples of regions together: give -L REGIONS"));
        }
        if samples.len() < 2 {
            return Err(usage("--combine tests replicates together: give two alignment files or more"));
        }
        if samples.contains(name) {
            return Err(usage(format!("\"{name}\" is the name of a sample: give another name, --combine=NAME")));
        }
        Ok(())
    }

    /// The settings of the test; None with `--no-test`.
    pub fn settings(&self) -> Option<Settings> {
        (!self.no_test).then_some(Settings { dispersion: self.dispersion.0, expectation: self.expected_fraction })
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
    fn replicates_need_several_samples_and_an_unused_name() {
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
