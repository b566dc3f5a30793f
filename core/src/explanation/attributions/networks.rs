//! The networks of an ensemble: the mean of their contributions, and how they agree.

use ndarray::Array2;

use crate::explanation::attributions::{of_present_bases, PairAttributions};
use crate::stats::correlation::pearson;

/// The contributions of a pair from those of each network, (4, window) of each allele, and its predictions: haplotype 1,
/// haplotype 2, ratio.
pub(super) fn summarise(
    networks: &[[Array2<f64>; 2]],
    codes: &[Vec<u8>; 2],
    predicted: &[[f64; 3]],
) -> PairAttributions {
    let count = networks.len() as f64;
    let mean = |allele: usize| {
        let sum = networks.iter().fold(Array2::<f64>::zeros((4, codes[allele].len())), |sum, n| sum + &n[allele]);
        (sum / count).mapv(|value| value as f32)
    };
    let of_pair = |value: usize| predicted.iter().map(|p| p[value]).sum::<f64>() / predicted.len() as f64;
    PairAttributions {
        contributions: [0, 1].map(mean),
        predicted: [0, 1, 2].map(of_pair),
        agreement: agreement(networks, codes),
        not_finite: 0,
    }
}

/// The mean over pairs of networks of the correlation of what present bases contribute; `None` for a single network, and
/// where nothing differs.
fn agreement(networks: &[[Array2<f64>; 2]], codes: &[Vec<u8>; 2]) -> Option<f64> {
    let present = |network: &[Array2<f64>; 2]| -> Vec<f64> {
        let of = |allele: usize| {
            of_present_bases(network[allele].mapv(|v| v as f32).view(), &codes[allele]).into_iter().map(f64::from)
        };
        of(0).chain(of(1)).collect()
    };
    let present: Vec<Vec<f64>> = networks.iter().map(present).collect();
    let pairs = present.iter().enumerate().flat_map(|(i, one)| present[i + 1..].iter().map(move |two| (one, two)));
    let correlations: Vec<f64> = pairs.map(|(one, two)| pearson(one, two)).filter(|r| r.is_finite()).collect();
    (!correlations.is_empty()).then(|| correlations.iter().sum::<f64>() / correlations.len() as f64)
}
