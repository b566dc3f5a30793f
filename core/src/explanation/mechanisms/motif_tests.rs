//! All tests of all motifs over the pairs whose imbalance is known.

use rayon::prelude::*;

use crate::error::Result;
use crate::explanation::mechanisms::motif_differences::{best_score_differences, LogOdds, MotifDifference};
use crate::explanation::mechanisms::ComparedPair;
use crate::motifs::paired::AlignedSequences;
use crate::motifs::{Motif, ScanOptions, Scanner};
use crate::stats::correlation::pearson;
use crate::stats::false_discovery::q_values;
use crate::stats::student::correlation_p;
use crate::stats::welch::{welch, Welch};

/// Pairs that are scanned at a time.
const BATCH: usize = 256;

/// The sites of a motif in a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SiteChange {
    /// Index of the pair.
    pub pair: usize,
    /// Sum of the scores of the sites in haplotype 1 less that in haplotype 2, in bits. 0 if no site changes.
    pub delta: f64,
}

/// What a motif has to do with the imbalance of many pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct MotifTest {
    /// The pairs with a site in either allele, in order.
    pub sites: Vec<SiteChange>,
    /// Best matches in the more active allele against those in the other: the test of MAGGIE.
    pub difference: MotifDifference,
    /// q-value of that test over all motifs.
    pub q_value: f64,
    /// The same test, the difference of each pair multiplied by the size of its predicted ratio. `None` without
    /// predictions.
    pub weighted: Option<(MotifDifference, f64)>,
    /// Pearson's correlation of the change of a pair's sites with its measured ratio, over the pairs with a site.
    pub correlation: f64,
    /// Its two-sided p-value and q-value.
    pub correlation_p: [f64; 2],
    /// Measured ratio of the pairs with better sites in haplotype 1 against those with better ones in haplotype 2, with
    /// the q-value.
    pub welch: Option<(Welch, f64)>,
}

/// Test every motif over `pairs`; sites have a p-value below `threshold`. Pairs with a measured ratio of 0 do not count in
/// the signed-rank tests, which compare the more active allele with the other.
///
/// q-values are those of Benjamini and Hochberg over all motifs for which a test has a p-value.
///
/// # Errors
/// A motif cannot be scanned for, or a pair's blocks do not fit its alleles.
pub fn test_motifs(motifs: &[Motif], pairs: &[ComparedPair], threshold: f64) -> Result<Vec<MotifTest>> {
    let sites = site_changes(motifs, pairs, threshold)?;
    let oriented: Vec<[&[u8]; 2]> = pairs
        .iter()
        .map(|pair| {
            let [one, two] = pair.alleles.each_ref().map(|allele| &allele[..]);
            if pair.measured < 0.0 {
                [two, one]
            } else {
                [one, two]
            }
        })
        .collect();
    let imbalanced = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(pairs).filter(|(_, pair)| pair.measured != 0.0).map(|(d, _)| *d).collect()
    };
    let predicted: Option<Vec<f64>> = pairs.iter().map(|pair| pair.predicted.map(f64::abs)).collect();
    let of_motif = |(motif, sites): (&Motif, Vec<SiteChange>)| -> Result<MotifTest> {
        let counts = motif.counts().unwrap_or(motif.probabilities());
        let differences = best_score_differences(&LogOdds::from_counts(counts)?, &oriented);
        let weighted = predicted.as_ref().map(|weights| {
            let products: Vec<f64> = differences.iter().zip(weights).map(|(d, w)| d * w).collect();
            MotifDifference::of(imbalanced(&products))
        });
        let (deltas, ratios): (Vec<f64>, Vec<f64>) = sites.iter().map(|s| (s.delta, pairs[s.pair].measured)).unzip();
        let correlation = pearson(&deltas, &ratios);
        let side = |better: fn(f64) -> bool| -> Vec<f64> {
            sites.iter().filter(|s| better(s.delta)).map(|s| pairs[s.pair].measured).collect()
        };
        let welch = welch(&side(|delta| delta > 0.0), &side(|delta| delta < 0.0));
        Ok(MotifTest {
            correlation,
            correlation_p: [correlation_p(correlation, deltas.len() as f64), f64::NAN],
            welch: welch.map(|welch| (welch, f64::NAN)),
            difference: MotifDifference::of(imbalanced(&differences)),
            q_value: f64::NAN,
            weighted: weighted.map(|test| (test, f64::NAN)),
            sites,
        })
    };
    let mut tests = motifs.iter().zip(sites).map(of_motif).collect::<Result<Vec<_>>>()?;
    add_q_values(&mut tests);
    Ok(tests)
}

/// For each motif the pairs with a site in either allele.
fn site_changes(motifs: &[Motif], pairs: &[ComparedPair], threshold: f64) -> Result<Vec<Vec<SiteChange>>> {
    let scanner = Scanner::new(motifs, ScanOptions { threshold, both_strands: true })?;
    let mut sites: Vec<Vec<SiteChange>> = vec![Vec::new(); motifs.len()];
    for (number, batch) in pairs.chunks(BATCH).enumerate() {
        let views: Vec<AlignedSequences> = batch
            .iter()
            .map(|pair| AlignedSequences { first: &pair.alleles[0], second: &pair.alleles[1], blocks: &pair.blocks })
            .collect();
        let sums: Vec<Vec<(usize, f64)>> = scanner
            .scan_pairs(&views)?
            .par_iter()
            .map(|[first, second]| {
                // Added in one order for both alleles, so that equal sites leave exactly 0.
                let mut sums: std::collections::BTreeMap<usize, [f64; 2]> = Default::default();
                for (allele, hits) in [first, second].into_iter().enumerate() {
                    hits.iter().for_each(|hit| sums.entry(hit.motif).or_default()[allele] += hit.score);
                }
                sums.into_iter().map(|(motif, [one, two])| (motif, one - two)).collect()
            })
            .collect();
        for (place, sums) in sums.into_iter().enumerate() {
            let pair = number * BATCH + place;
            sums.into_iter().for_each(|(motif, delta)| sites[motif].push(SiteChange { pair, delta }));
        }
    }
    Ok(sites)
}

fn add_q_values(tests: &mut [MotifTest]) {
    fn of<'a>(tests: &'a mut [MotifTest], select: impl Fn(&'a mut MotifTest) -> Option<(f64, &'a mut f64)>) {
        let mut found: Vec<(f64, &mut f64)> =
            tests.iter_mut().filter_map(select).filter(|(p, _)| !p.is_nan()).collect();
        let p: Vec<(f64, u64)> = found.iter().map(|(p, _)| (*p, 1)).collect();
        found.iter_mut().zip(q_values(&p)).for_each(|((_, q), value)| **q = value);
    }
    of(tests, |test| Some((test.difference.p_value, &mut test.q_value)));
    of(tests, |test| test.weighted.as_mut().map(|(test, q)| (test.p_value, q)));
    of(tests, |test| {
        let [p, q] = &mut test.correlation_p;
        Some((*p, q))
    });
    of(tests, |test| test.welch.as_mut().map(|(welch, q)| (welch.p_value, q)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::motifs::paired::AlignedBlock;
    use ndarray::Array2;

    /// A motif that is sure of its bases.
    fn motif(name: &str, bases: &str) -> Motif {
        let rows = bases.bytes().flat_map(|base| b"ACGT".map(|b| if b == base { 20.0 } else { 0.0 }));
        let counts = Array2::from_shape_vec((bases.len(), 4), rows.collect()).unwrap();
        Motif::from_counts(name, counts).unwrap()
    }

    fn pair(alleles: [&str; 2], measured: f64, predicted: f64) -> ComparedPair {
        let length = alleles[0].len();
        ComparedPair {
            name: "p".into(),
            alleles: alleles.map(|a| a.as_bytes().to_vec()),
            blocks: vec![AlignedBlock { first: 0, second: 0, length }],
            measured,
            predicted: Some(predicted),
        }
    }

    const WITH: &str = "CCCCGATTACATCCCC";
    const WITHOUT: &str = "CCCCGATTCCATCCCC";

    #[test]
    fn a_motif_of_the_more_active_allele() {
        let mut pairs = Vec::new();
        for i in 1..=12 {
            let size = f64::from(i);
            let (alleles, sign) = if i % 3 == 0 { ([WITHOUT, WITH], -1.0) } else { ([WITH, WITHOUT], 1.0) };
            // One of them against it.
            let sign = if i == 1 { -sign } else { sign };
            pairs.push(pair(alleles, sign * size, 0.5 * size));
        }
        // Without a site, with sites that do not change, and without imbalance.
        pairs.push(pair(["CCCCCCCCCCCCCCCC"; 2], 1.0, 1.0));
        pairs.push(pair([WITH, WITH], 3.0, 1.0));
        pairs.push(pair([WITH, WITHOUT], 0.0, 1.0));
        let motifs = [motif("m", "GATTACAT"), motif("other", "TTTTTTTT")];
        let tests = test_motifs(&motifs, &pairs, 1e-3).unwrap();
        let test = &tests[0];
        assert_eq!(test.sites.len(), 14);
        assert_eq!(test.sites.iter().filter(|s| s.delta == 0.0).count(), 1);
        assert_eq!((test.difference.positive, test.difference.negative), (11, 1));
        // All differences have the same size, the weighted ones the order of the predictions: 11 of 12 ranks, but the
        // smallest is the one against. Exact p = 2 * 2 / 2^12.
        let (weighted, q) = test.weighted.as_ref().unwrap();
        assert!((weighted.p_value - 4.0 / 4096.0).abs() < 1e-12, "{weighted:?}");
        assert_eq!(*q, 2.0 * weighted.p_value);
        let (welch, _) = test.welch.unwrap();
        let better: Vec<f64> = [-1.0, 2.0, 4.0, 5.0, 7.0, 8.0, 10.0, 11.0, 0.0].to_vec();
        let mean = better.iter().sum::<f64>() / 9.0;
        assert!((welch.difference - (mean + 7.5)).abs() < 1e-12, "{welch:?}");
        assert!(test.correlation > 0.8 && test.correlation_p[0] < 1e-3);
        // The other motif says nothing, and counts among the tests of the first.
        assert!(tests[1].sites.is_empty() && tests[1].correlation.is_nan() && tests[1].welch.is_none());
        assert_eq!(tests[1].difference.p_value, 1.0);
        assert!((test.q_value - 2.0 * test.difference.p_value).abs() < 1e-12);
        assert_eq!(test.correlation_p[0], test.correlation_p[1]);
    }

    #[test]
    fn exchanged_haplotypes_say_the_same() {
        let forward = [pair([WITH, WITHOUT], 1.0, 1.0), pair([WITHOUT, WITH], -2.0, 1.0), pair([WITH, WITH], 1.0, 2.0)];
        let exchanged = forward.clone().map(|pair| {
            let [one, two] = pair.alleles;
            ComparedPair { alleles: [two, one], measured: -pair.measured, ..pair }
        });
        let motifs = [motif("m", "GATTACAT")];
        let [a, b] = [&forward, &exchanged].map(|pairs| test_motifs(&motifs, pairs, 1e-3).unwrap().remove(0));
        assert_eq!((a.difference, a.correlation), (b.difference, b.correlation));
        assert!(a.sites.iter().zip(&b.sites).all(|(a, b)| a.delta == -b.delta));
    }
}
