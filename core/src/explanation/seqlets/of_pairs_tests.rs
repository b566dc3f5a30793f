use ndarray::Array2;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::super::sort;
use super::*;
use crate::explanation::attributions::pairs::MappedPair;
use crate::genome::{HaplotypePiece, PiecePlace};
use crate::model::encode::{encode, ANY, NOTHING};

const RATIO: Convention = Convention { head: Head::Ratio, gauge: Gauge::ZeroSum };
const COUNT: Convention = Convention { head: Head::Count, gauge: Gauge::ZeroSum };

/// A pair whose present bases contribute `values` to their own haplotype, less a third of it for each other base.
fn pair(number: usize, sequences: [&[u8]; 2], maps: [BaseMap; 2], values: [&[f64]; 2], head: Head) -> FolderPair {
    let window = sequences.iter().map(|s| s.len()).max().unwrap() + 2;
    let codes = sequences.map(|sequence| encode(sequence, window).unwrap());
    let contributions = [0, 1].map(|allele: usize| {
        let sign = if head == Head::Ratio && allele == 1 { -1.0 } else { 1.0 };
        Array2::from_shape_fn((4, window), |(base, position)| {
            match (codes[allele][position], values[allele].get(position)) {
                (code, Some(value)) if code < ANY => {
                    (sign * if code == base as u8 { *value } else { -*value / 3.0 }) as f32
                }
                _ => 0.0,
            }
        })
    });
    FolderPair { number, codes, maps, contributions }
}

fn read(pairs: &[FolderPair], convention: Convention) -> Result<Tracks> {
    Tracks::read(pairs.iter().cloned().map(Ok), convention)
}

fn place(pairs: &[FolderPair], convention: Convention, seqlets: Vec<Seqlet>, flanks: usize) -> Vec<PairSeqlet> {
    let tracks = read(pairs, convention).unwrap();
    locate(pairs.iter().cloned().map(Ok), convention, &tracks, seqlets, flanks).unwrap()
}

/// Allele B lacks bases 10 to 15 of allele A, and has three more after base 20.
fn deleted(head: Head) -> FolderPair {
    let a: &[u8] = b"ACGTTGCAAGCTTAGACATGACCGTATGGATT";
    let b: Vec<u8> = [&a[..10], &a[16..21], b"TTT", &a[21..]].concat();
    let piece = |start, end, place| HaplotypePiece { start, end, place };
    let of_b = vec![
        piece(0, 10, PiecePlace::Reference(0)),
        piece(10, 15, PiecePlace::Reference(16)),
        piece(15, 18, PiecePlace::Inserted),
        piece(18, b.len(), PiecePlace::Reference(21)),
    ];
    let maps = [BaseMap::without_reference(a.len()), BaseMap::of_pieces(of_b, b.len())];
    let values: Vec<f64> = (0..a.len()).map(|i| i as f64).collect();
    let other: Vec<f64> = (0..b.len()).map(|i| 100.0 + i as f64).collect();
    pair(0, [a, &b], maps, [&values, &other], head)
}

#[test]
fn what_is_deleted_in_the_other_allele_contributes_nothing_there() {
    let pairs = [deleted(Head::Ratio)];
    let tracks = read(&pairs, RATIO).unwrap();
    assert_eq!((tracks.tracks[0][12], tracks.tracks[1][12]), (12.0, 112.0));
    let of = |sequence, start, end| Seqlet::of(sequence, start, end, &tracks.tracks[sequence]);
    let seqlets = vec![of(0, 8, 12), of(0, 10, 16), of(0, 19, 23), of(1, 13, 16), of(1, 15, 18)];
    let found = place(&pairs, RATIO, seqlets, 0);
    let others: Vec<_> = found.iter().map(|s| s.other).collect();
    // Next to bases 19 to 22 are 13, 14 and, behind three inserted ones, 18 and 19.
    assert_eq!(others, [Some((8, 10)), None, Some((13, 20)), Some((19, 21)), None]);
    let common: Vec<bool> = found.iter().map(|s| s.common).collect();
    assert_eq!(common, [false, false, true, true, false]);
    let deltas: Vec<f64> = found.iter().map(|s| s.delta).collect();
    let mean = |values: std::ops::Range<usize>| (values.start + values.end - 1) as f64 / 2.0;
    let expected = [100.0 + mean(8..10) - mean(8..12), -mean(10..16), 100.0 + mean(13..20) - mean(19..23)];
    assert_eq!(deltas[..3], expected);
    assert_eq!(deltas[3..], [mean(19..21) - 100.0 - mean(13..16), -100.0 - mean(15..18)]);
    let reference: Vec<_> = found.iter().map(|s| s.reference).collect();
    assert_eq!(reference, [Some((8, 12)), Some((10, 16)), Some((19, 23)), Some((19, 21)), Some((21, 21))]);
}

#[test]
fn contributions_have_the_sign_of_the_own_haplotype_and_of_the_seqlet() {
    for (head, convention) in [(Head::Ratio, RATIO), (Head::Count, COUNT)] {
        let mut pairs = [deleted(head)];
        let tracks = read(&pairs, convention).unwrap();
        assert!(tracks.tracks.iter().flatten().all(|value| *value >= 0.0));
        // Relative to the present base the track would be 0.
        let codes = pairs[0].codes.clone();
        pairs[0].contributions.iter_mut().zip(&codes).for_each(|(contributions, codes)| {
            let mut raw = contributions.mapv(f64::from);
            Gauge::Nothing.apply(&mut raw, codes);
            *contributions = raw.mapv(|value| value as f32);
        });
        let relative = read(&pairs, Convention { gauge: Gauge::Nothing, ..convention }).unwrap();
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-4;
        assert!(relative.tracks.iter().flatten().zip(tracks.tracks.iter().flatten()).all(close));
    }
    // Allele B of a ratio, upside down: the seqlet is negative, its matrix is not.
    let mut pairs = [deleted(Head::Ratio)];
    pairs[0].contributions[1] *= -1.0;
    let tracks = read(&pairs, RATIO).unwrap();
    let seqlet = Seqlet::of(1, 1, 4, &tracks.tracks[1]);
    assert_eq!(seqlet.mean, -102.0);
    for (flanks, length, first) in [(0, 3, 101.0), (1, 5, 100.0), (5, 9, 100.0)] {
        let found = &place(&pairs, RATIO, vec![seqlet.clone()], flanks)[0];
        let (rows, code) = (&found.contributions, pairs[0].codes[1][1 - flanks.min(1)]);
        assert_eq!((rows.dim(), rows[[0, code as usize]]), ((length, 4), first));
    }
    let (squares, values) = pairs[0]
        .contributions
        .iter()
        .flatten()
        .fold((0.0, 0), |(sum, n), value| (sum + f64::from(*value).powi(2), n + 1));
    assert!((tracks.root_mean_square - (squares / f64::from(values)).sqrt()).abs() < 1e-9);
}

#[test]
fn alleles_read_in_reverse_are_placed() {
    let a: &[u8] = b"ACGTACGTAC";
    let of = |pieces: Vec<HaplotypePiece>| {
        let mapped = BaseMap::of_pieces(pieces, 10).pieces();
        let turned: Vec<MappedPiece> = mapped
            .iter()
            .rev()
            .map(|piece| MappedPiece { offset: 10 - piece.offset - piece.length, ..*piece })
            .collect();
        BaseMap::of_mapped(&turned, true)
    };
    let piece = |start, end, place| HaplotypePiece { start, end, place };
    let one = of(vec![piece(0, 10, PiecePlace::Reference(50))]);
    let inserted = of(vec![
        piece(0, 4, PiecePlace::Reference(50)),
        piece(4, 6, PiecePlace::Inserted),
        piece(6, 10, PiecePlace::Reference(54)),
    ]);
    let pairs = [pair(0, [a, a], [one, inserted], [&[1.0; 10], &[1.0; 10]], Head::Count)];
    let tracks = read(&pairs, COUNT).unwrap();
    let of = |sequence, start, end| Seqlet::of(sequence, start, end, &tracks.tracks[sequence]);
    let found = place(&pairs, COUNT, vec![of(0, 0, 3), of(1, 2, 6), of(1, 4, 6)], 0);
    let reference: Vec<_> = found.iter().map(|s| s.reference.unwrap()).collect();
    assert_eq!(reference, [(57, 60), (54, 56), (54, 54)]);
    assert!(found.iter().all(|s| s.reverse));
    // Bases 57 to 59 of allele A are the first ones of the window; allele B begins at 57.
    assert_eq!(found.iter().map(|s| s.other).collect::<Vec<_>>(), [Some((0, 1)), Some((4, 6)), None]);
}

#[test]
fn damaged_contributions_and_changed_pairs_are_errors() {
    let mut bad = deleted(Head::Ratio);
    bad.contributions[1][[2, 3]] = f32::NAN;
    let message = read(&[bad], RATIO).unwrap_err().to_string();
    assert!(message.contains("haplotype 2 of pair 1"), "{message}");
    let pairs = [deleted(Head::Ratio)];
    let tracks = read(&pairs, RATIO).unwrap();
    let seqlet = Seqlet::of(0, 0, 4, &tracks.tracks[0]);
    let nothing = std::iter::empty::<Result<FolderPair>>();
    assert!(locate(nothing, RATIO, &tracks, vec![seqlet.clone()], 0).is_err());
    let other = MappedPair::designed(b"ACGTACGT", b"ACGTACGA", 12).unwrap();
    let contributions = [Array2::zeros((4, 12)), Array2::zeros((4, 12))];
    let other = FolderPair { number: 0, codes: other.codes, maps: other.maps, contributions };
    let message = locate([Ok(other)], RATIO, &tracks, vec![seqlet], 0).unwrap_err().to_string();
    assert!(message.contains("pair 1 has changed"), "{message}");
    assert!(read(&[], RATIO).unwrap().root_mean_square.is_nan());
}

/// Two alleles of the same reference in pieces.
fn alleles() -> impl Strategy<Value = [Vec<HaplotypePiece>; 2]> {
    let of_one = prop::collection::vec((0u8..4, 1usize..5), 1..6).prop_map(|parts| {
        let (mut pieces, mut at, mut reference) = (Vec::new(), 0, 0u64);
        for (kind, length) in parts {
            let place = match kind {
                // A deletion.
                0 => {
                    reference += length as u64;
                    continue;
                }
                1 => PiecePlace::Inserted,
                _ => PiecePlace::Reference(reference),
            };
            if kind > 1 {
                reference += length as u64;
            }
            pieces.push(HaplotypePiece { start: at, end: at + length, place });
            at += length;
        }
        pieces.push(HaplotypePiece { start: at, end: at + 3, place: PiecePlace::Reference(reference) });
        pieces
    });
    [of_one.clone(), of_one].prop_map(|[one, two]| [one, two])
}

fn spans() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0usize..4, 1usize..5), 0..4)
}

proptest! {
    #[test]
    fn the_other_allele_is_that_of_the_columns(
        alleles in alleles(), spans in [spans(), spans()], seed in any::<u64>(),
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let maps = alleles.map(|pieces| {
            let length = pieces.last().map_or(0, |piece| piece.end);
            BaseMap::of_pieces(pieces, length)
        });
        let values = maps.each_ref().map(|map| -> Vec<f64> {
            (0..map.bases()).map(|_| f64::from(random.random_range(-64i32..64)) / 8.0).collect()
        });
        let bases = maps.each_ref().map(|map| vec![b'A'; map.bases()]);
        let sequences = [&bases[0][..], &bases[1][..]];
        let pairs = [pair(0, sequences, maps.clone(), values.each_ref().map(|v| &v[..]), Head::Ratio)];
        let tracks = read(&pairs, RATIO).unwrap();
        let mut seqlets = Vec::new();
        for (allele, spans) in spans.iter().enumerate() {
            let mut at = 0;
            for (gap, length) in spans {
                let (start, end) = (at + gap, at + gap + length);
                if end <= maps[allele].bases() {
                    seqlets.push(Seqlet::of(allele, start, end, &tracks.tracks[allele]));
                }
                at = end;
            }
        }
        sort(&mut seqlets);
        let columns = side_by_side([&maps[0], &maps[1]]);
        let found = place(&pairs, RATIO, seqlets.clone(), 0);
        prop_assert_eq!(found.len(), seqlets.len());
        for (found, seqlet) in found.iter().zip(&seqlets) {
            prop_assert_eq!(&found.seqlet, seqlet);
            let (own, other) = (seqlet.sequence, 1 - seqlet.sequence);
            let inside = |offset: &Option<usize>| offset.is_some_and(|o| (seqlet.start..seqlet.end).contains(&o));
            let next: Vec<usize> = columns.iter().filter(|c| inside(&c[own])).filter_map(|c| c[other]).collect();
            let extent = next.iter().min().zip(next.iter().max()).map(|(least, most)| (*least, most + 1));
            prop_assert_eq!(found.other, extent);
            let of_other = extent.map_or(0.0, |(from, to)| {
                (from..to).map(|i| tracks.tracks[other][i]).sum::<f64>() / (to - from) as f64
            });
            prop_assert!((found.delta - (of_other - seqlet.mean)).abs() < 1e-9);
            let covered = |o: &usize| seqlets.iter().any(|s| s.sequence == other && (s.start..s.end).contains(o));
            prop_assert_eq!(found.common, next.iter().any(covered));
            let positions: Vec<u64> =
                maps[own].positions()[seqlet.start..seqlet.end].iter().flatten().copied().collect();
            let (start, end) = found.reference.unwrap();
            prop_assert!(positions.iter().all(|p| (start..end).contains(p)));
            if positions.len() == seqlet.length() {
                prop_assert_eq!((start, end), (positions[0], positions[positions.len() - 1] + 1));
            }
        }
    }
}

/// Noise of each base: independent, or with half of what the base before had (AR(1)).
fn noise(random: &mut ChaCha8Rng, tracks: usize, length: usize, memory: f64) -> Vec<Vec<f64>> {
    let mut track = || {
        let mut last = 0.0;
        let mut values = Vec::with_capacity(length);
        for _ in 0..length {
            // Nearly normal.
            let fresh: f64 = (0..6).map(|_| random.random_range(-1.0..1.0)).sum();
            last = memory * last + fresh;
            values.push(last);
        }
        values
    };
    (0..tracks).map(|_| track()).collect()
}

/// Realised false discovery rate over 20 seeds, and the share of planted spans found, at the target rate.
fn realised(memory: f64, target: f64) -> (f64, f64) {
    let (mut false_share, mut found_share) = (0.0, 0.0);
    for seed in 0..20 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut own = noise(&mut random, 40, 250, memory);
        let mut planted = Vec::new();
        for (sequence, track) in own.iter_mut().enumerate() {
            for (sign, from) in [(1.0, 0), (-1.0, 125)] {
                let (start, length) = (from + random.random_range(0..100), random.random_range(8..16));
                track[start..start + length].iter_mut().for_each(|value| *value += sign * 5.0);
                planted.push(Seqlet { sequence, start, end: start + length, mean: sign, p_value: None });
            }
        }
        let control = noise(&mut random, 40, 250, memory);
        let tracks = Tracks { tracks: own, root_mean_square: 1.0 };
        let caller = Caller::Recursive(Recursive { bins: 250, ..Recursive::default() });
        let called = call(&tracks, &caller, Some(Control { tracks: &control, target })).unwrap();
        let is_planted = |s: &&Seqlet| planted.iter().any(|p| p.overlaps(s) && (p.mean > 0.0) == (s.mean > 0.0));
        let right = called.seqlets.iter().filter(is_planted).count();
        false_share += (called.seqlets.len() - right) as f64 / called.seqlets.len().max(1) as f64 / 20.0;
        let found = planted.iter().filter(|p| called.seqlets.iter().any(|s| s.overlaps(p))).count();
        found_share += found as f64 / planted.len() as f64 / 20.0;
        for sign in called.signs {
            assert!(sign.fdr.unwrap() <= target && sign.threshold.is_some() && sign.seqlets > 20);
        }
    }
    (false_share, found_share)
}

#[test]
fn the_false_discovery_rate_is_as_promised() {
    for memory in [0.0, 0.5] {
        for target in [0.05, 0.1] {
            let (rate, found) = realised(memory, target);
            assert!(rate <= 1.5 * target && found > 0.5, "memory {memory}, target {target}: {rate}, found {found}");
        }
    }
}

#[test]
fn noise_alone_has_no_controlled_seqlets_and_a_hopeless_estimate() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let tracks = Tracks { tracks: noise(&mut random, 20, 250, 0.5), root_mean_square: 1.0 };
    let control = noise(&mut random, 20, 250, 0.5);
    let control = Some(Control { tracks: &control, target: 0.1 });
    let called = call(&tracks, &Caller::Recursive(Recursive::default()), control).unwrap();
    assert!(called.seqlets.is_empty());
    for sign in called.signs {
        assert!(sign.threshold.is_none() && sign.fdr.unwrap() > 0.1);
    }
    // The published scan has no threshold: its rate is estimated.
    let loose = Published { cut: 2.0, ..Published::default() };
    let called = call(&tracks, &Caller::Published(loose), control).unwrap();
    for sign in called.signs {
        assert!(sign.threshold.is_none() && sign.seqlets > 5 && sign.fdr.unwrap() > 0.3, "{sign:?}");
    }
    let both: usize = called.signs.iter().map(|sign| sign.seqlets).sum();
    assert!(
        called.seqlets.len() == both && call(&tracks, &Caller::Published(loose), None).unwrap().signs[0].fdr.is_none()
    );
}

#[test]
fn padding_and_n_are_no_bases_of_a_track() {
    let mapped = MappedPair::designed(b"ACNT", b"ACNTA", 8).unwrap();
    assert_eq!(mapped.codes[0][4..], [NOTHING; 4]);
    let contributions = [Array2::from_elem((4, 8), 1.0), Array2::from_elem((4, 8), 1.0)];
    let pair = FolderPair { number: 0, codes: mapped.codes, maps: mapped.maps, contributions };
    let tracks = read(&[pair], COUNT).unwrap().tracks;
    assert_eq!(tracks, [vec![1.0, 1.0, 0.0, 1.0], vec![1.0, 1.0, 0.0, 1.0, 1.0]]);
}
