//! The effect of a variant compared with the effects of the same change in shuffled sequences.
//!
//! The window of the reference is shuffled with its dinucleotides kept, REF and ALT are put into it at the place that the
//! variant has in the window, and both are predicted like the variant itself.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::model::encode::NOTHING;
use crate::stats::shuffle::shuffle_dinucleotides;

/// Which null effects are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NullEffects {
    /// Shuffled windows for each allele.
    pub count: usize,
    /// With the same seed, an allele in a window has the same ones in every run and file.
    pub seed: u64,
}

/// Where an effect lies among null effects.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NullRank {
    /// The fraction of null effects below it, equal ones counted half.
    pub quantile: f64,
    /// (1 + null effects at least as large in size) / (1 + null effects): two-sided, never 0.
    pub p_value: f64,
}

impl NullRank {
    /// Of `effect` among `null`, of which those that are not finite do not count; `None` without any.
    pub fn of(effect: f64, null: impl Iterator<Item = f64>) -> Option<Self> {
        let (mut count, mut below, mut equal, mut extreme) = (0.0, 0.0, 0.0, 0.0);
        for value in null.filter(|value| value.is_finite()) {
            count += 1.0;
            below += f64::from(u8::from(value < effect));
            equal += f64::from(u8::from(value == effect));
            extreme += f64::from(u8::from(value.abs() >= effect.abs()));
        }
        let rank = NullRank { quantile: (below + equal / 2.0) / count, p_value: (1.0 + extreme) / (1.0 + count) };
        (count > 0.0).then_some(rank)
    }
}

/// One change of a window, apart from the sequence that it is in.
struct Change<'a> {
    /// Codes of the window with REF, and of the bases after it that a deletion draws in.
    sequence: Vec<u8>,
    /// Codes from which both alleles have other bases, and how many of them REF has.
    start: usize,
    replaced: usize,
    reference: &'a [u8],
    alternative: &'a [u8],
    /// Bases of both windows, without what fills them up.
    lengths: [usize; 2],
}

impl<'a> Change<'a> {
    /// Between two windows that differ in `replaced` bases of the first, in place of which the second has `inserted`, and
    /// in what enters or leaves at the end; `None` if they differ in anything else.
    fn between(reference: &'a [u8], alternative: &'a [u8], replaced: usize, inserted: usize) -> Option<Self> {
        let same = reference.iter().zip(alternative).take_while(|(a, b)| a == b).count();
        let most = reference.len().checked_sub(replaced)?.min(alternative.len().checked_sub(inserted)?);
        let start = same.min(most);
        let after = [&reference[start + replaced..], &alternative[start + inserted..]];
        let common = after[0].len().min(after[1].len());
        if after[0][..common] != after[1][..common] {
            return None;
        }
        Some(Change {
            sequence: [reference, &after[1][common..]].concat(),
            start,
            replaced,
            reference: &reference[start..start + replaced],
            alternative: &alternative[start..start + inserted],
            lengths: [reference.len(), alternative.len()],
        })
    }

    /// Both alleles in a shuffled sequence: with ALT and with REF.
    fn shuffled(&self, random: &mut impl Rng) -> [Vec<u8>; 2] {
        let sequence = shuffle_dinucleotides(&self.sequence, random);
        let (before, after) = (&sequence[..self.start], &sequence[self.start + self.replaced..]);
        let with = |allele: &[u8], length: usize| {
            let mut window = [before, allele, after].concat();
            window.truncate(length);
            window
        };
        [with(self.alternative, self.lengths[1]), with(self.reference, self.lengths[0])]
    }
}

impl NullEffects {
    /// Pairs of windows with ALT and with REF for the variant that makes `alternative` of `reference` (codes of windows of
    /// the same length), where `replaced` bases of REF are `inserted` others. None where the windows differ otherwise,
    /// since the variant lies only partly in them.
    pub fn pairs(&self, reference: &[u8], alternative: &[u8], replaced: usize, inserted: usize) -> Vec<[Vec<u8>; 2]> {
        let length = reference.len();
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ hash(&[reference, alternative]));
        let bases = |codes: &[u8]| codes.len() - codes.iter().rev().take_while(|&&code| code == NOTHING).count();
        let one = &reference[..bases(reference)];
        let two = &alternative[..bases(alternative)];
        let filled = |mut window: Vec<u8>| {
            window.resize(length, NOTHING);
            window
        };
        if let Some(change) = Change::between(one, two, replaced, inserted) {
            return (0..self.count).map(|_| change.shuffled(&mut random).map(filled)).collect();
        }
        // Before the base on which a window is centred, bases enter and leave on its left.
        let backwards = |codes: &[u8]| -> Vec<u8> { codes.iter().rev().copied().collect() };
        let (one, two) = (backwards(one), backwards(two));
        let Some(change) = Change::between(&one, &two, replaced, inserted) else { return Vec::new() };
        (0..self.count).map(|_| change.shuffled(&mut random).map(|window| filled(backwards(&window)))).collect()
    }
}

/// A hash that is the same on every machine and in every version (FNV-1a).
fn hash(parts: &[&[u8]]) -> u64 {
    let bytes = parts.iter().copied().flatten();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::encode::encode;

    fn counts(codes: &[u8]) -> Vec<usize> {
        (0..25).map(|pair| codes.windows(2).filter(|two| usize::from(two[0] * 5 + two[1]) == pair).count()).collect()
    }

    #[test]
    fn ranks_are_those_of_the_definition() {
        let of =
            |effect: f64, null: &[f64]| NullRank::of(effect, null.iter().copied()).map(|r| (r.quantile, r.p_value));
        assert_eq!(of(0.5, &[0.1, 0.5, -0.7, 0.2]), Some((0.875, 0.6)));
        assert_eq!(of(-2.0, &[0.1, 0.5, -0.7]), Some((0.0, 0.25)));
        assert_eq!(of(3.0, &[f64::NAN, 1.0, f64::INFINITY]), Some((1.0, 0.5)));
        assert_eq!(of(3.0, &[f64::NAN]), None);
        assert_eq!(of(3.0, &[]), None);
    }

    /// The genome around windows of 40 bases; the window is centred at its base 20.
    const GENOME: &[u8] = b"GATTACAGATTTCCGAGAATACACGTTTGACCATGACCATTTGGGCATATCGCGAAACTGACCTGATTAC";

    /// Windows of GENOME from 10 on, with `replaced` bases at 30 as `allele`, and the change drawing in bases on the right
    /// or on the left.
    fn windows(replaced: usize, allele: &[u8], left: bool) -> [Vec<u8>; 2] {
        let edited = [&GENOME[..30], allele, &GENOME[30 + replaced..]].concat();
        let from = if left { 10 + allele.len() - replaced.min(10 + allele.len()) } else { 10 };
        [encode(&GENOME[10..50], 40).unwrap(), encode(&edited[from..from + 40], 40).unwrap()]
    }

    #[test]
    fn the_same_change_is_made_in_a_shuffled_window() {
        let null = NullEffects { count: 50, seed: 7 };
        for (replaced, allele, left) in [
            (1, &b"C"[..], false),
            (2, b"CA", false),
            (0, b"CCGCC", false),
            (4, b"", false),
            (3, b"G", false),
            (4, b"", true),
            (0, b"CCGCC", true),
        ] {
            let what = format!("{replaced} {} {left}", String::from_utf8_lossy(allele));
            let [reference, alternative] = windows(replaced, allele, left);
            let pairs = null.pairs(&reference, &alternative, replaced, allele.len());
            assert_eq!(pairs.len(), 50, "{what}");
            assert_eq!(pairs, null.pairs(&reference, &alternative, replaced, allele.len()));
            assert_ne!(
                pairs,
                NullEffects { count: 50, seed: 8 }.pairs(&reference, &alternative, replaced, allele.len())
            );
            for [alt, plain] in &pairs {
                assert_eq!((alt.len(), plain.len()), (40, 40));
                assert_ne!(plain, &reference, "{what}");
                // Between a window and the shuffled one the same place is changed in the same way.
                let place = reference.iter().zip(&alternative).take_while(|(a, b)| a == b).count().min(39);
                if !left {
                    let place = place.min(40 - replaced).min(40 - allele.len());
                    assert_eq!(alt[..place], plain[..place], "{what}");
                    assert_eq!(plain[place..place + replaced], reference[place..place + replaced]);
                    assert_eq!(alt[place..place + allele.len()], alternative[place..place + allele.len()]);
                    let rest = 40 - place - replaced.max(allele.len());
                    assert_eq!(alt[place + allele.len()..][..rest], plain[place + replaced..][..rest], "{what}");
                } else {
                    let rest = 40 - 20 - replaced;
                    assert_eq!(alt[40 - rest..], plain[40 - rest..], "{what}");
                }
            }
        }
        // A substitution of one base: apart from it and its neighbours, the shuffled window has the same dinucleotides.
        let [reference, alternative] = windows(1, b"C", false);
        for [_, plain] in null.pairs(&reference, &alternative, 1, 1) {
            let difference: usize = counts(&plain).iter().zip(counts(&reference)).map(|(a, b)| a.abs_diff(b)).sum();
            assert!(difference <= 4, "{difference}");
            assert_eq!((plain[0], plain[39]), (reference[0], reference[39]));
        }
    }

    #[test]
    fn windows_that_are_not_filled_stay_so() {
        let reference = encode(b"ACGATTACAGATTACA", 20).unwrap();
        let alternative = encode(b"ACGATTAAGATTACA", 20).unwrap();
        let pairs = NullEffects { count: 5, seed: 7 }.pairs(&reference, &alternative, 1, 0);
        assert_eq!(pairs.len(), 5);
        for [alt, plain] in pairs {
            assert!(plain[16..].iter().all(|&code| code == NOTHING) && plain[15] != NOTHING);
            assert!(alt[15..].iter().all(|&code| code == NOTHING) && alt[14] != NOTHING);
        }
        // Another difference than the one that is named.
        let other = encode(b"TCGATTAAGATTACT", 20).unwrap();
        assert!(NullEffects { count: 5, seed: 7 }.pairs(&reference, &other, 1, 0).is_empty());
    }
}
