//! The likelihood of counted fragments: a loss whose weight is the depth.
//!
//! With the network's outputs c₁, c₂ (logarithms of the expected fragments of each haplotype, including its share of the
//! uninformative ones) and r (log ratio), all natural logarithms:
//!
//! - total: T = h₁ + h₂ + u follows a negative binomial of mean μ = exp(c₁) + exp(c₂) and variance μ + φμ²;
//! - split: h₁ of the n = h₁ + h₂ informative fragments follows a beta-binomial of mean p and overdispersion ρ
//!   (α = p(1-ρ)/ρ, β = (1-p)(1-ρ)/ρ), once with logit p = r plus the learned bias, once with logit p = c₁ - c₂, so
//!   that both heads learn from the split.
//!
//! φ and ρ are learned with the network, one of each per sample. All is computed in float64, since differences of gamma
//! functions of large arguments cancel.

use tch::{Device, Kind as Type, Tensor};

use crate::error::Result;

/// Initial φ and ρ: both adapt within a few hundred steps.
const FIRST_PHI: f64 = 0.5;
const FIRST_RHO: f64 = 0.02;
/// Bound of learned logarithms, far from overflow of exp.
const LOG_LIMIT: f64 = 15.0;

/// The two learned dispersions of each sample.
pub struct Dispersions {
    /// ln φ, (S).
    pub log_phi: Tensor,
    /// ln(ρ/(1-ρ)), (S).
    pub logit_rho: Tensor,
}

impl Dispersions {
    /// Initial values for `outputs` samples.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn new(outputs: usize, device: Device) -> Result<Self> {
        let filled = |value: f64| -> Result<Tensor> {
            let values = vec![value; outputs];
            Ok(Tensor::f_from_slice(&values)?.f_to_device(device)?.f_detach()?.set_requires_grad(true))
        };
        Ok(Self { log_phi: filled(FIRST_PHI.ln())?, logit_rho: filled((FIRST_RHO / (1.0 - FIRST_RHO)).ln())? })
    }

    /// φ and ρ of each sample.
    ///
    /// # Errors
    /// libtorch fails.
    pub fn values(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let host = |t: &Tensor| -> Result<Vec<f64>> {
            let t = t.detach().f_to_device(Device::Cpu)?.f_contiguous()?;
            let mut values = vec![0.0; t.numel()];
            let count = values.len();
            t.f_copy_data(&mut values, count)?;
            Ok(values)
        };
        let phi = host(&self.log_phi)?.iter().map(|x| x.exp()).collect();
        Ok((phi, host(&self.logit_rho)?.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect()))
    }

    /// Negative log-likelihood of each example and sample, (B, S), up to constants that do not depend on the network.
    ///
    /// `heads`: counts of haplotype 1, of haplotype 2 and ratios with their bias, (B, S) each; `fragments`:
    /// (B, 3·S), see [`crate::training::device_data::Batch`].
    ///
    /// # Errors
    /// libtorch fails.
    pub fn loss(&self, heads: [&Tensor; 3], fragments: &Tensor, ratio_weight: f64) -> Result<Tensor> {
        let outputs = fragments.size()[1] / 3;
        let part = |k: i64| fragments.f_narrow(1, k * outputs, outputs);
        let (hap1, hap2, shared) = (part(0)?, part(1)?, part(2)?);
        let [count1, count2, ratio] = heads.map(|h| h.f_to_kind(Type::Double));
        let (count1, count2, ratio) = (count1?, count2?, ratio?);
        let limit = |t: Tensor| -> Result<Tensor> { Ok(t.f_clamp(-LOG_LIMIT, LOG_LIMIT)?) };

        let total = hap1.f_add(&hap2)?.f_add(&shared)?;
        let log_mean = limit(count1.f_logaddexp(&count2)?)?;
        let log_phi = limit(self.log_phi.shallow_clone())?;
        // r = 1/φ; ln(r + μ) by logaddexp, so that neither end of the scale overflows.
        let r = log_phi.f_neg()?.f_exp()?;
        let log_sum = log_mean.f_logaddexp(&log_phi.f_neg()?)?;
        let gamma = total.f_add(&r)?.f_lgamma()?.f_sub(&r.f_lgamma()?)?;
        let drawn = total.f_mul(&log_mean.f_sub(&log_sum)?)?;
        let empty = r.f_mul(&log_sum.f_add(&log_phi)?)?;
        let of_total = empty.f_sub(&gamma)?.f_sub(&drawn)?;

        let size = limit(self.logit_rho.shallow_clone())?.f_neg()?.f_exp()?;
        let of_split = |logit: &Tensor| -> Result<Tensor> {
            let logit = limit(logit.shallow_clone())?;
            let (alpha, beta) = (logit.f_sigmoid()?.f_mul(&size)?, logit.f_neg()?.f_sigmoid()?.f_mul(&size)?);
            let rising =
                |a: &Tensor, n: &Tensor| -> Result<Tensor> { Ok(a.f_add(n)?.f_lgamma()?.f_sub(&a.f_lgamma()?)?) };
            let informative = hap1.f_add(&hap2)?;
            Ok(rising(&size, &informative)?.f_sub(&rising(&alpha, &hap1)?)?.f_sub(&rising(&beta, &hap2)?)?)
        };
        let by_ratio = of_split(&ratio)?.f_mul_scalar(ratio_weight)?;
        Ok(of_total.f_add(&by_ratio)?.f_add(&of_split(&count1.f_sub(&count2)?)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::gamma::ln_gamma;

    fn tensor(values: &[f64]) -> Tensor {
        Tensor::from_slice(values).view([1, -1])
    }

    /// Straight from the definitions, without the constants.
    fn expected(c1: f64, c2: f64, r: f64, [h1, h2, u]: [f64; 3], phi: f64, rho: f64) -> f64 {
        let (mean, size, total) = (c1.exp() + c2.exp(), 1.0 / phi, h1 + h2 + u);
        let negative_binomial = ln_gamma(total + size) - ln_gamma(size)
            + size * (size / (size + mean)).ln()
            + total * (mean / (size + mean)).ln();
        let split = |logit: f64| {
            let (p, k) = (1.0 / (1.0 + (-logit).exp()), (1.0 - rho) / rho);
            let beta = |a: f64, b: f64| ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
            beta(h1 + p * k, h2 + (1.0 - p) * k) - beta(p * k, (1.0 - p) * k)
        };
        -(negative_binomial + split(r) + split(c1 - c2))
    }

    #[test]
    fn it_is_the_likelihood_of_the_definitions() {
        let dispersions = Dispersions::new(2, Device::Cpu).unwrap();
        let fragments = tensor(&[7.0, 0.0, 3.0, 0.0, 20.0, 0.0]);
        let loss = dispersions
            .loss([&tensor(&[1.5, -2.0]), &tensor(&[0.5, 3.0]), &tensor(&[0.8, -9.0])], &fragments, 1.0)
            .unwrap();
        let wanted = [
            expected(1.5, 0.5, 0.8, [7.0, 3.0, 20.0], FIRST_PHI, FIRST_RHO),
            expected(-2.0, 3.0, -9.0, [0.0, 0.0, 0.0], FIRST_PHI, FIRST_RHO),
        ];
        for (s, wanted) in wanted.iter().enumerate() {
            let found = loss.double_value(&[0, s as i64]);
            assert!((found - wanted).abs() < 1e-9, "{found} and not {wanted}");
        }
    }

    #[test]
    fn its_minimum_is_at_the_counts() {
        // Nearly without overdispersion of the split: the best c₁, c₂ and r are those of the counts themselves.
        let dispersions =
            Dispersions { logit_rho: Tensor::from_slice(&[-14.0f64]), ..Dispersions::new(1, Device::Cpu).unwrap() };
        let fragments = Tensor::from_slice(&[30.0f64, 10.0, 40.0]).view([1, 3]);
        let outputs = Tensor::from_slice(&[2.0f64, 2.0, 0.0]).view([1, 3]).set_requires_grad(true);
        for _ in 0..4000 {
            let mut outputs = outputs.shallow_clone();
            outputs.zero_grad();
            let head = |k: i64| outputs.narrow(1, k, 1);
            dispersions.loss([&head(0), &head(1), &head(2)], &fragments, 1.0).unwrap().sum(Type::Double).backward();
            let gradient = outputs.grad();
            tch::no_grad(|| {
                let _ = outputs.f_sub_(&(gradient * 0.05)).unwrap();
            });
        }
        let at = |k: i64| outputs.double_value(&[0, k]);
        assert!((at(2) - 3f64.ln()).abs() < 1e-3, "ratio {}", at(2));
        assert!((at(0) - 60f64.ln()).abs() < 1e-3 && (at(1) - 20f64.ln()).abs() < 1e-3, "{} {}", at(0), at(1));
    }

    #[test]
    fn far_outputs_and_great_depths_stay_finite() {
        let dispersions = Dispersions::new(1, Device::Cpu).unwrap();
        for (count, ratio) in [(-80.0, 90.0), (60.0, -500.0), (0.0, 0.0)] {
            for depth in [0.0, 1e7] {
                let loss = dispersions
                    .loss(
                        [&tensor(&[count]), &tensor(&[-count]), &tensor(&[ratio])],
                        &tensor(&[depth, 0.0, depth]),
                        1.0,
                    )
                    .unwrap();
                assert!(loss.double_value(&[0, 0]).is_finite(), "{count} {ratio} {depth}");
            }
        }
    }
}
