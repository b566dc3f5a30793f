//! How contributions are computed, and what they are relative to.

use crate::choice::choice;

choice!(
    /// How contributions are computed.
    Method, "method",
    /// Every base of either allele replaced by every other one.
    Ism "ism",
    /// Derivatives of the prediction.
    Gradient "gradient",
    /// Derivatives averaged on the way from the baseline to the pair (Sundararajan et al. 2017).
    IntegratedGradients "integrated-gradients",
    /// DeepLIFT with the Rescale rule (Shrikumar et al. 2017).
    DeepLift "deeplift",
);

impl Method {
    /// Whether contributions are relative to a baseline.
    pub fn has_baseline(self) -> bool {
        matches!(self, Method::IntegratedGradients | Method::DeepLift)
    }
}

choice!(
    /// What a pair is compared with.
    Baseline, "baseline",
    /// A quarter of each base at every position of both alleles.
    Uniform "uniform",
    /// Each allele by itself with the other allele in its place.
    OtherAllele "other-allele",
    /// Dinucleotide shuffles of both alleles; contributions are the mean over them.
    Shuffles "shuffles",
);
