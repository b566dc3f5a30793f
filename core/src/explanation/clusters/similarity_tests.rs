use super::*;
use crate::stats::correlation::pearson;
use ndarray::{s, Array2};
use proptest::prelude::*;

fn prepared(matrix: &Array2<f64>) -> Prepared {
    Prepared::new(matrix.view()).unwrap()
}

fn complement(matrix: &Array2<f64>) -> Array2<f64> {
    matrix.slice(s![..;-1, ..;-1]).to_owned()
}

fn matrices(lengths: std::ops::Range<usize>) -> impl Strategy<Value = Array2<f64>> {
    lengths.prop_flat_map(|length| {
        prop::collection::vec(-3.0f64..3.0, 4 * length)
            .prop_map(move |v| Array2::from_shape_vec((length, 4), v).unwrap())
    })
}

/// Both matrices written into a span of zeros at every offset, and the Pearson correlation of all its values.
fn by_hand(comparison: &Comparison, first: &Array2<f64>, second: &Array2<f64>) -> Alignment {
    let (p, q) = (first.nrows() as isize, second.nrows() as isize);
    let overlap = (comparison.min_overlap as isize).min(p).min(q);
    let strands = if comparison.reverse_complement { vec![false, true] } else { vec![false] };
    let mut tried = Vec::new();
    for reverse in strands {
        let first = if reverse { complement(first) } else { first.clone() };
        for offset in overlap - p..=q - overlap {
            let (begin, end) = (offset.min(0), (offset + p).max(q));
            let padded = |matrix: &Array2<f64>, at: isize| {
                let mut span = Array2::zeros(((end - begin) as usize, 4));
                let at = (at - begin) as usize;
                span.slice_mut(s![at..at + matrix.nrows(), ..]).assign(matrix);
                span.into_iter().collect::<Vec<f64>>()
            };
            let (x, y) = (padded(&first, offset), padded(second, 0));
            tried.push((Alignment { distance: 0.0, correlation: pearson(&x, &y), offset, reverse }, x.len() as f64));
        }
    }
    let m = tried.len() as i32;
    for (alignment, n) in &mut tried {
        let r = alignment.correlation;
        let p = crate::stats::student::two_sided_p(r * ((*n - 2.0) / (1.0 - r * r)).sqrt(), *n - 2.0);
        let corrected = 1.0 - (1.0 - p).powi(m);
        alignment.distance = match comparison.metric {
            Metric::Correlation => 1.0 - r,
            Metric::PValue if r < 0.0 => 2.0 - corrected,
            Metric::PValue => corrected,
        };
    }
    tried.into_iter().map(|(a, _)| a).min_by(|a, b| a.distance.total_cmp(&b.distance)).unwrap()
}

#[test]
fn a_shifted_copy_is_found() {
    let motif = Array2::from_shape_fn((8, 4), |(i, b)| ((3 * i + 5 * b) % 7) as f64 - 3.0);
    let part = motif.slice(s![2..8, ..]).to_owned();
    for comparison in [Comparison::default(), Comparison { metric: Metric::Correlation, ..Comparison::default() }] {
        let found = comparison.align(&prepared(&part), &prepared(&motif));
        assert_eq!((found.offset, found.reverse), (2, false));
        let found = comparison.align(&prepared(&complement(&part)), &prepared(&motif));
        assert_eq!((found.offset, found.reverse), (2, true));
    }
    let itself = Comparison::default().align(&prepared(&motif), &prepared(&motif));
    assert_eq!((itself.offset, itself.reverse), (0, false));
    assert!(itself.distance < 1e-200);
    assert!((itself.correlation - 1.0).abs() < 1e-12);
}

#[test]
fn the_opposite_is_far() {
    let motif = Array2::from_shape_fn((4, 4), |(i, b)| if i == b { 3.0 } else { -1.0 });
    let opposite = motif.mapv(|v| -v);
    let comparison = Comparison { reverse_complement: false, ..Comparison::default() };
    let found = comparison.align(&prepared(&motif), &prepared(&opposite));
    assert_eq!((found.distance, found.correlation.round()), (2.0, -1.0));
}

#[test]
fn without_variation_there_is_no_similarity() {
    let flat = Array2::from_elem((6, 4), 0.25);
    let zero = Array2::zeros((6, 4));
    for (a, b) in [(&flat, &zero), (&zero, &zero)] {
        let found = Comparison::default().align(&prepared(a), &prepared(b));
        assert_eq!((found.distance, found.correlation), (1.0, 0.0));
    }
}

/// Values that hardly vary correlate as well as others, and rounding must not hide it.
#[test]
fn nearly_constant_matrices_are_neighbours() {
    let nearly = |scale: f64| Array2::from_shape_fn((6, 4), |(i, b)| 1.0 + scale * ((3 * i + 5 * b) % 7) as f64);
    let all = [prepared(&nearly(1e-4)), prepared(&nearly(2e-4)), prepared(&nearly(1.0))];
    let comparison = Comparison::default();
    let found = Neighbours::new(comparison, &all, 1e-6).unwrap();
    assert_eq!(found.after(0).iter().map(|(i, _)| *i).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn matrices_that_cannot_be_compared() {
    assert!(Prepared::new(Array2::zeros((0, 4)).view()).is_err());
    assert!(Prepared::new(Array2::zeros((5, 3)).view()).is_err());
    assert!(Prepared::new(Array2::from_elem((5, 4), f64::NAN).view()).is_err());
    assert!(Neighbours::new(Comparison::default(), &[], 1.5).is_err());
}

proptest! {
    #[test]
    fn the_best_of_all_offsets_and_strands(
        first in matrices(1..9),
        second in matrices(1..9),
        min_overlap in 1usize..6,
        reverse_complement in prop::bool::ANY,
        p_value in prop::bool::ANY,
    ) {
        let metric = if p_value { Metric::PValue } else { Metric::Correlation };
        let comparison = Comparison { metric, min_overlap, reverse_complement };
        let got = comparison.align(&prepared(&first), &prepared(&second));
        let truth = by_hand(&comparison, &first, &second);
        prop_assert!((got.distance - truth.distance).abs() < 1e-7, "{:?} instead of {:?}", got, truth);
        // With p-values close to 1 the best alignment is a matter of rounding.
        if truth.distance < 0.99 || metric == Metric::Correlation {
            prop_assert_eq!((got.offset, got.reverse), (truth.offset, truth.reverse));
            prop_assert!((got.correlation - truth.correlation).abs() < 1e-9);
        }
    }

    #[test]
    fn exchanged_matrices_have_the_same_distance(first in matrices(4..12), second in matrices(4..12)) {
        let (p, q) = (prepared(&first), prepared(&second));
        let (one, other) = (Comparison::default().align(&p, &q), Comparison::default().align(&q, &p));
        prop_assert!((one.distance - other.distance).abs() < 1e-9);
    }

    #[test]
    fn neighbours_are_all_pairs_below_the_limit(
        centres in prop::collection::vec(matrices(4..9), 1..4),
        copies in prop::collection::vec((0usize..3, prop::bool::ANY, prop::collection::vec(-1.5f64..1.5, 36)), 2..12),
        limit in 0.001f64..1.0,
        p_value in prop::bool::ANY,
    ) {
        let all: Vec<Prepared> = copies.iter().map(|(of, reverse, noise)| {
            let mut matrix = centres[of % centres.len()].clone();
            matrix.iter_mut().zip(noise).for_each(|(v, n)| *v += n);
            prepared(&if *reverse { complement(&matrix) } else { matrix })
        }).collect();
        let metric = if p_value { Metric::PValue } else { Metric::Correlation };
        let comparison = Comparison { metric, ..Comparison::default() };
        let neighbours = Neighbours::new(comparison, &all, limit).unwrap();
        for i in 0..all.len() {
            let truth: Vec<(u32, f64)> = (i + 1..all.len())
                .map(|j| (j as u32, comparison.align(&all[i], &all[j]).distance))
                .filter(|(_, d)| *d < limit)
                .collect();
            prop_assert_eq!(neighbours.after(i), truth);
        }
    }
}
