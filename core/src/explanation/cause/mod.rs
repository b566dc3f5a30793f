//! Which variant causes a measured allelic imbalance: a posterior from a model's effects and the counts of the two haplotypes.
//!
//! # The model
//! θ is the true log2 ratio of a region, haplotype 1 over haplotype 2, of which `k` of `n` informative fragments are those of
//! haplotype 1:
//!
//! - k ~ Binomial(n, 1 / (1 + 2^-θ)), and θ = u + Σ β over the variants in which the haplotypes differ. The variants
//!   contribute independently of each other; several may have an effect.
//! - A variant with the predicted effect e (see [`Effect`]) contributes β. With the chance π(e) its prediction holds:
//!   β ~ N(c, b² (t² + r² e² + d²) + 0.02²), c = b e (1 + a / (|e| + 0.01)), d² being the squared standard error of e by its two
//!   backgrounds. Else, with the chance μ, it has an effect that the model does not see: β has a Laplace distribution around 0
//!   with the standard deviation m (as two normal ones with its moments). Else β = 0.
//!   π(e) = 1 / (1 + exp(-g - h ln((|e| + 0.01) / 0.31))).
//! - What other causes add to the region: u ~ N(0, s²), and in the share ν of the regions u ~ N(0, s² + m²). On the log scale
//!   it is the overdispersion of the counts.
//!
//! The ten [`Parameters`] are those of the highest posterior density given all regions of a run (empirical Bayes), so that a
//! model without skill gets b near 0. Of a variant, the posterior inclusion probability is that of
//! |β| ≥ a smallest effect, see [`VariantPosterior`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`likelihood`] | the counts of a region as a normal likelihood of the log2 ratio |
//! | [`parameters`] | the parameters, their priors, and the prior of one effect |
//! | [`combinations`] | all combinations of the states of the variants of a region |
//! | [`mod@fit`] | the parameters of a run |
//! | [`posterior`] | the posterior of each region, and its credible set |

pub mod combinations;
pub mod fit;
pub mod likelihood;
pub mod parameters;
pub mod posterior;

pub use fit::{fit, Fitted};
pub use likelihood::NormalLikelihood;
pub use parameters::Parameters;
pub use posterior::{credible_set, RegionPosterior, VariantPosterior};

#[cfg(test)]
mod calibration_tests;

/// The predicted effect of a variant on log2 of haplotype 1 over haplotype 2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// The mean of both backgrounds, with the sign of the ratio: positive if the allele of haplotype 1 is the more active one.
    pub mean: f64,
    /// Half the difference of both backgrounds: the standard error of their mean.
    pub error: f64,
}

/// A region: its counts, and the variants in which the haplotypes differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// What the counts say of the log2 ratio.
    pub measured: NormalLikelihood,
    /// One for each variant.
    pub effects: Vec<Effect>,
}
