//! Initial bias of the count heads: the median of their targets.
//!
//! Logarithms of counts are far from 0, the prediction of random weights, and an optimiser that changes every weight by
//! about the learning rate per step would spend its first epochs on that difference. The median, not the mean, because
//! of extreme values.

use tch::Tensor;

use crate::error::{Error, Result};
use crate::model::torch::network::Network;
use crate::model::Kind;
use crate::training::dataset::Dataset;
use crate::training::options::Loss;

/// Median target of the count heads for each sample, over `rows` with a weight above 0: of the mean of both alleles,
/// or, for [`Loss::Counts`], of the logarithm of half the fragments (half a fragment where there is none). 0 for a
/// sample without measurements in `rows`.
pub fn count_medians(data: &Dataset, rows: &[i64], loss: Loss) -> Vec<f64> {
    let outputs = data.outputs();
    let of_sample = |sample: usize| {
        let known = rows.iter().map(|&row| row as usize);
        let known = known.filter(|&i| data.has(i, sample) && data.weights[i * outputs + sample] > 0.0);
        let value = |i: usize| match loss {
            Loss::Squared => {
                let target = data.targets[i * outputs + sample];
                (f64::from(target[0]) + f64::from(target[1])) / 2.0
            }
            Loss::Counts => {
                let fragments = data.fragments[i * outputs + sample];
                (fragments.iter().map(|&n| f64::from(n)).sum::<f64>() / 2.0).max(0.5).ln()
            }
        };
        let mut values: Vec<f64> = known.map(value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    (0..outputs).map(of_sample).collect()
}

/// Set the bias of the count head's last layer to [`count_medians`]. A single network ends in a rectifier: a median
/// below 0 would keep it at 0, so its bias is left random.
///
/// # Errors
/// libtorch fails.
pub fn start_at_medians(network: &Network, data: &Dataset, rows: &[i64], loss: Loss) -> Result<()> {
    let medians = count_medians(data, rows, loss);
    let architecture = network.architecture();
    if architecture.kind == Kind::Single && medians.iter().any(|&median| median <= 0.0) {
        return Ok(());
    }
    let name = format!("{}.0.bias", architecture.count_output_key());
    let bias = network.parameters().find(|(key, _)| *key == name);
    let (_, bias) = bias.ok_or_else(|| Error::mismatch(format!("the network has no {name}")))?;
    let _guard = tch::no_grad_guard();
    bias.shallow_clone().f_copy_(&Tensor::f_from_slice(&medians)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::torch::network::{initial_weights, NetworkOptions};
    use crate::model::Architecture;
    use crate::training::dataset::Measured;

    fn data() -> Dataset {
        let mut data = Dataset::of_samples(4, 0, vec!["a".into(), "b".into()]);
        let measured = |fragments: [f32; 3], weight: f32| {
            let half = f64::from(fragments[2]) / 2.0;
            let values = [f64::from(fragments[0]) + half, f64::from(fragments[1]) + half];
            Measured { values, fragments, weight }
        };
        let nothing = None;
        let scale = crate::model::metadata::TargetScale::default();
        for (id, one, two) in [
            ("first", measured([3.0, 5.0, 0.0], 1.0), nothing),
            ("second", measured([1.0, 1.0, 8.0], 2.0), nothing),
            ("apart", measured([1e6, 1e6, 1e6], 1.0), nothing),
        ] {
            data.push_measured(id, None, b"ACGT", b"ACGA", &[Some(one), two], &scale).unwrap();
        }
        data
    }

    #[test]
    fn the_median_is_that_of_the_rows() {
        let medians = count_medians(&data(), &[0, 1, 2], Loss::Squared);
        // Logarithms of 3 and 5, of twice 5, and of twice 1.5 million, the pseudocount added: the second is in the middle.
        assert!((medians[0] - 6f64.ln()).abs() < 1e-6, "{medians:?}");
        assert_eq!(medians[1], 0.0, "nothing is measured in the second sample");
        let medians = count_medians(&data(), &[0, 1, 2], Loss::Counts);
        assert!((medians[0] - 5f64.ln()).abs() < 1e-6, "{medians:?}");
        assert_eq!(count_medians(&data(), &[], Loss::Counts), [0.0, 0.0]);
    }

    #[test]
    fn the_heads_of_an_untrained_network_lie_around_it() {
        for kind in [Kind::Paired, Kind::Difference, Kind::Single] {
            let sizes =
                Architecture { window: 64, outputs: 2, ..Architecture::preset("small", kind).unwrap().recommended() };
            let weights = initial_weights(&sizes, 1);
            let network = Network::new(&sizes, &weights, tch::Device::Cpu, NetworkOptions::default()).unwrap();
            start_at_medians(&network, &data(), &[0, 1, 2], Loss::Squared).unwrap();
            let name = format!("{}.0.bias", sizes.count_output_key());
            let weights = network.weights().unwrap();
            let bias = &weights.get(&name).unwrap().data;
            // The second sample has median 0: a single network is left as it is.
            assert_eq!((bias[0] - 1.79).abs() < 0.01, kind != Kind::Single, "{kind:?}: {bias:?}");
        }
    }
}
