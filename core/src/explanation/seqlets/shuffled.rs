//! Contributions in sequences without signal, for the false discovery rate of seqlets: those of the same model to shuffled
//! sequences with the dinucleotides of regions.

use ndarray::ArrayView1;
use rand::seq::index::sample;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::of_pairs::Convention;
use crate::error::{Error, Result};
use crate::explanation::attributions::folder::{FolderPair, PairLabel};
use crate::explanation::attributions::mutagenesis::mutagenesis;
use crate::explanation::attributions::{of_present_bases, Gauge, Head};
use crate::model::encode::NOTHING;
use crate::model::onnx::ensemble::{Ensemble, MemberPrediction};
use crate::stats::shuffle::shuffle_dinucleotides;

/// How far a prediction may be from that in a folder, which has six digits, relative to 1 + its size.
const SAME: f64 = 1e-3;

/// `number` of `pairs` pairs at random, ascending; all if there are no more. The same for the same `seed`.
pub fn chosen_pairs(pairs: usize, number: usize, seed: u64) -> Vec<usize> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = sample(&mut random, pairs, number.min(pairs)).into_vec();
    chosen.sort_unstable();
    chosen
}

/// That `models` are those of a folder: they predict of `pair` what its label says. Predictions that are not finite numbers
/// are not compared.
///
/// # Errors
/// They read other windows or predict something else; an engine failed.
pub fn check_models(models: &mut Ensemble, pair: &FolderPair, label: &PairLabel) -> Result<()> {
    let (window, codes) = (models.window(), pair.codes.each_ref().map(|codes| ArrayView1::from(&codes[..])));
    if codes[0].len() != window {
        let length = codes[0].len();
        return Err(Error::mismatch(format!("reads windows of {window} bases, and those of the folder have {length}")));
    }
    let predicted = models.predict_changed(codes, &[])?.swap_remove(0);
    let own = predicted.row(0);
    let mean = |value: fn(&MemberPrediction) -> f64| own.iter().map(value).sum::<f64>() / own.len() as f64;
    let found = [mean(|p| p.counts[0]), mean(|p| p.counts[1]), mean(|p| p.ratio)];
    let differs = |(found, expected): (&f64, &f64)| (found - expected).abs() > SAME * (1.0 + expected.abs());
    match found.iter().zip(&label.predicted).find(|pair| differs(*pair)) {
        None => Ok(()),
        Some((found, expected)) => Err(Error::mismatch(format!(
            "is not the model of the folder: it predicts {found:.4} for {}, and the folder has {expected:.4}",
            label.name
        ))),
    }
}

/// The contributions of the present bases of both alleles of a pair without signal: both are haplotype 1 of `pair`,
/// shuffled with its dinucleotides kept, so that the alleles are alike as those of a real pair are. The shuffling depends
/// on `seed` and on the number of the pair.
///
/// # Errors
/// The models read other windows; an engine failed.
pub fn shuffled_tracks(models: &mut Ensemble, pair: &FolderPair, head: Head, seed: u64) -> Result<[Vec<f64>; 2]> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(1 + pair.number as u64);
    let bases = pair.maps[0].bases();
    let mut codes = shuffle_dinucleotides(&pair.codes[0][..bases], &mut random);
    codes.resize(pair.codes[0].len(), NOTHING);
    let view = ArrayView1::from(&codes[..]);
    let found = mutagenesis(models, 0, [view, view], head, Gauge::ZeroSum)?;
    let shuffled = FolderPair {
        number: pair.number,
        codes: [codes.clone(), codes],
        maps: [pair.maps[0].clone(), pair.maps[0].clone()],
        contributions: found.contributions,
    };
    let convention = Convention { head, gauge: Gauge::ZeroSum };
    Ok([0, 1].map(|allele| {
        let own = convention.own(&shuffled, allele);
        of_present_bases(own.view(), &shuffled.codes[allele][..bases]).into_iter().map(f64::from).collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_chosen_once_and_by_the_seed() {
        let chosen = chosen_pairs(1000, 100, 1);
        assert!(chosen.len() == 100 && chosen.windows(2).all(|two| two[0] < two[1]) && chosen[99] < 1000);
        assert_eq!(chosen, chosen_pairs(1000, 100, 1));
        assert_ne!(chosen, chosen_pairs(1000, 100, 2));
        assert_eq!(chosen_pairs(3, 100, 1), [0, 1, 2]);
        assert!(chosen_pairs(0, 100, 1).is_empty());
    }
}
