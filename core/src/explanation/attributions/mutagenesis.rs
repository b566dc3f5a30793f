//! In-silico saturation mutagenesis: f(base) - f(present base) for every position and base of either allele, the other
//! allele unchanged.

use ndarray::{Array2, ArrayView1};

use crate::error::Result;
use crate::explanation::attributions::networks::summarise;
use crate::explanation::attributions::{Gauge, Head, PairAttributions};
use crate::model::encode::ANY;
use crate::model::onnx::ensemble::{Ensemble, MemberPrediction};

/// Bytes of mutated windows that are predicted at once.
const BYTES: usize = 32 << 20;

/// The contributions of both alleles of a pair of windows, byte codes (window), by the output number `output` of the
/// models: the mean over their networks. A position without a base (N, padding) is not mutated.
///
/// # Errors
/// A window has another length than the models read; an engine failed.
pub fn mutagenesis(
    models: &mut Ensemble,
    output: usize,
    pair: [ArrayView1<u8>; 2],
    head: Head,
    gauge: Gauge,
) -> Result<PairAttributions> {
    let window = models.window();
    let codes = pair.map(|allele| allele.to_vec());
    let places: Vec<(usize, usize, u8)> = (0..2)
        .flat_map(|allele| codes[allele].iter().enumerate().map(move |(position, &code)| (allele, position, code)))
        .filter(|&(_, _, code)| code < ANY)
        .flat_map(|(allele, position, code)| {
            (0..ANY).filter(move |&base| base != code).map(move |base| (allele, position, base))
        })
        .collect();
    let mut networks = vec![[Array2::<f64>::zeros((4, window)), Array2::zeros((4, window))]; models.members()];
    let mut own: Vec<MemberPrediction> = Vec::new();
    // Once without any mutation, so that a pair without a base has its prediction.
    let chunks = places.chunks((BYTES / window.max(1)).max(1)).chain(places.is_empty().then_some(&places[..]));
    for some in chunks {
        let mutated: Vec<(usize, Vec<u8>)> = some
            .iter()
            .map(|&(allele, position, base)| {
                let mut codes = codes[allele].clone();
                codes[position] = base;
                (allele, codes)
            })
            .collect();
        let predicted = models.predict_changed(pair, &mutated)?.swap_remove(output);
        own = predicted.row(0).to_vec();
        for (&(allele, position, base), predicted) in some.iter().zip(predicted.rows().into_iter().skip(1)) {
            let value = |prediction: &MemberPrediction| match head {
                Head::Ratio => prediction.ratio,
                Head::Count => prediction.counts[allele],
            };
            for ((network, predicted), own) in networks.iter_mut().zip(predicted).zip(&own) {
                network[allele][[base as usize, position]] = value(predicted) - value(own);
            }
        }
    }
    let mut not_finite = 0;
    for contributions in networks.iter_mut().flatten() {
        contributions.iter_mut().filter(|value| !value.is_finite()).for_each(|value| {
            *value = 0.0;
            not_finite += 1;
        });
    }
    networks.iter_mut().for_each(|alleles| {
        alleles.iter_mut().zip(&codes).for_each(|(contributions, codes)| gauge.apply(contributions, codes))
    });
    let own: Vec<[f64; 3]> = own.iter().map(|p| [p.counts[0], p.counts[1], p.ratio]).collect();
    Ok(PairAttributions { not_finite, ..summarise(&networks, &codes, &own) })
}

#[cfg(test)]
#[path = "mutagenesis_tests.rs"]
mod tests;
