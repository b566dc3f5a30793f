//! The motif of a cluster of seqlets: the mean of their aligned contribution matrices (contribution weight matrix,
//! CWM), and base frequencies (position probability matrix, PPM) for motif databases. Both as published (Tu et al.
//! 2025).

use ndarray::{s, Array2, ArrayView2};
use rayon::prelude::*;

use super::similarity::{Comparison, Prepared};
use crate::error::{Error, Result};
use crate::explanation::seqlets::published::root_mean_square;
use crate::explanation::seqlets::Seqlet;

/// Rows at the ends of a motif are cut off up to this share of the largest summed size of a row.
const LEAST_CONTRIBUTION: f64 = 0.075;
/// Fewer rows are not a motif.
const LEAST_ROWS: usize = 3;
/// Rows at the ends of base frequencies are cut off below this share of the largest sum of a row.
const LEAST_WEIGHT: f64 = 0.1;
/// Members that all others are compared with to find the centre of a cluster.
const REPRESENTATIVES: usize = 500;

/// How a member of a cluster lies in its motif.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Row of the motif in which the member begins (after reversal), negative if it begins before.
    pub offset: isize,
    /// Whether the member is reverse complemented.
    pub reverse: bool,
}

/// The motif of a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct ContributionMotif {
    /// Shape (length, 4): summed contributions of the members, divided by the largest coverage of a row, so that rows
    /// that few members cover are small.
    pub contributions: Array2<f64>,
    /// Number of members that cover each row.
    pub coverage: Vec<u32>,
    /// Index of the member to which the others are aligned; it is on the forward strand.
    pub centre: usize,
    /// Where each member lies.
    pub placements: Vec<Placement>,
}

/// The motif of the members of one cluster, contribution matrices of the shape (length, 4). The centre is the member
/// with the largest sum of correlations with the others, each at its best alignment; with more than 500 members the sum
/// is over 500 of them, evenly spaced. `None` if less than three rows contribute.
///
/// # Errors
/// No member, or one that is not a contribution matrix.
pub fn contribution_motif(members: &[ArrayView2<f64>], comparison: &Comparison) -> Result<Option<ContributionMotif>> {
    if members.is_empty() {
        return Err(Error::mismatch("a cluster without members has no motif"));
    }
    let prepared: Vec<Prepared> = members.iter().map(|m| Prepared::new(*m)).collect::<Result<_>>()?;
    let compared = members.len().min(REPRESENTATIVES);
    let representatives: Vec<usize> = (0..compared).map(|i| i * members.len() / compared).collect();
    let similarity = |member: &Prepared| -> f64 {
        representatives.iter().map(|other| comparison.align(member, &prepared[*other]).correlation).sum()
    };
    let sums: Vec<f64> = prepared.par_iter().map(similarity).collect();
    // The first of equal ones.
    let centre = (0..sums.len()).rev().max_by(|a, b| sums[*a].total_cmp(&sums[*b])).expect("there are members");
    let place = |(i, member): (usize, &Prepared)| {
        if i == centre {
            return Placement { offset: 0, reverse: false };
        }
        let found = comparison.align(member, &prepared[centre]);
        Placement { offset: found.offset, reverse: found.reverse }
    };
    let mut placements: Vec<Placement> = prepared.par_iter().enumerate().map(place).collect();
    let begin = placements.iter().map(|p| p.offset).min().expect("there are members");
    let ends = placements.iter().zip(members).map(|(p, m)| p.offset + m.nrows() as isize);
    let rows = (ends.max().expect("there are members") - begin) as usize;
    let (mut sum, mut coverage) = (Array2::<f64>::zeros((rows, 4)), vec![0u32; rows]);
    for (placement, member) in placements.iter().zip(members) {
        let from = (placement.offset - begin) as usize;
        let to = from + member.nrows();
        let oriented = if placement.reverse { member.slice(s![..;-1, ..;-1]) } else { member.view() };
        let mut covered = sum.slice_mut(s![from..to, ..]);
        covered += &oriented;
        coverage[from..to].iter_mut().for_each(|n| *n += 1);
    }
    sum /= f64::from(coverage.iter().copied().max().unwrap_or(1));

    let sizes: Vec<f64> = sum.rows().into_iter().map(|row| row.iter().map(|v| v.abs()).sum()).collect();
    let largest = sizes.iter().copied().fold(0.0, f64::max);
    let Some((from, to)) = inner(&sizes, |size| size > LEAST_CONTRIBUTION * largest) else { return Ok(None) };
    if to - from < LEAST_ROWS {
        return Ok(None);
    }
    placements.iter_mut().for_each(|p| p.offset -= begin + from as isize);
    let contributions = sum.slice(s![from..to, ..]).to_owned();
    Ok(Some(ContributionMotif { contributions, coverage: coverage[from..to].to_vec(), centre, placements }))
}

/// From the first to one past the last of the values to keep.
fn inner(values: &[f64], keep: impl Fn(f64) -> bool) -> Option<(usize, usize)> {
    let from = values.iter().position(|v| keep(*v))?;
    let last = values.iter().rposition(|v| keep(*v))?;
    Some((from, last + 1))
}

/// Whether the bases of a motif increase or decrease the prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Its contributions are positive.
    Increases,
    /// They are negative.
    Decreases,
}

/// Base frequencies of a contribution motif, for comparison with databases of binding motifs.
#[derive(Clone, Debug, PartialEq)]
pub struct BaseFrequencies {
    /// Shape (length, 4); each row sums to 1.
    pub frequencies: Array2<f64>,
    /// The first row of the contribution motif that is kept.
    pub start: usize,
    /// The sign that was taken out of the contributions.
    pub direction: Direction,
}

/// Base frequencies of contributions of the shape (length, 4): exp(contribution / root mean square), normalised in each
/// row after the ends are cut off. Negative contributions are multiplied by -1 before, so that the bases which decrease
/// the prediction have large frequencies. The sign is that of the summed strongest contributions of the rows: the sum
/// of all contributions of a row is often exactly 0 and has no sign. `None` if all contributions are 0.
pub fn base_frequencies(contributions: ArrayView2<f64>) -> Option<BaseFrequencies> {
    let strongest =
        |row: ndarray::ArrayView1<f64>| row.iter().fold(0.0f64, |a, b| if b.abs() > a.abs() { *b } else { a });
    let negative = contributions.rows().into_iter().map(strongest).sum::<f64>() < 0.0;
    frequencies_in(contributions, if negative { Direction::Decreases } else { Direction::Increases })
}

/// As [`base_frequencies`], with a direction that is known.
pub fn frequencies_in(contributions: ArrayView2<f64>, direction: Direction) -> Option<BaseFrequencies> {
    let root_mean_square = root_mean_square(contributions.iter().copied());
    if root_mean_square.is_nan() || root_mean_square <= 0.0 {
        return None;
    }
    let sign = if direction == Direction::Decreases { -1.0 } else { 1.0 };
    let weights = contributions.mapv(|v| (sign * v / root_mean_square).exp());
    let sums: Vec<f64> = weights.rows().into_iter().map(|row| row.sum()).collect();
    let largest = sums.iter().copied().fold(0.0, f64::max);
    let (start, end) = inner(&sums, |sum| sum >= LEAST_WEIGHT * largest)?;
    let mut frequencies = weights.slice(s![start..end, ..]).to_owned();
    for (mut row, sum) in frequencies.rows_mut().into_iter().zip(&sums[start..end]) {
        row /= *sum;
    }
    Some(BaseFrequencies { frequencies, start, direction })
}

/// Effects of the seqlets of a cluster, whose matrices have lost their sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effects {
    /// Seqlets that increase the prediction.
    pub positive: usize,
    /// Seqlets that decrease it.
    pub negative: usize,
    /// Mean over seqlets of their mean attribution; NaN without seqlets.
    pub mean: f64,
}

/// Effects of `seqlets`.
pub fn effects<'a>(seqlets: impl IntoIterator<Item = &'a Seqlet>) -> Effects {
    let means: Vec<f64> = seqlets.into_iter().map(|s| s.mean).collect();
    let positive = means.iter().filter(|m| **m > 0.0).count();
    let negative = means.iter().filter(|m| **m < 0.0).count();
    Effects { positive, negative, mean: crate::stats::correlation::mean(&means) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn motif() -> Array2<f64> {
        array![
            [3.0, -1.0, -1.0, -1.0],
            [-1.0, 3.0, -1.0, -1.0],
            [-1.0, -1.0, 6.0, -1.0],
            [4.0, -1.0, -1.0, -1.0],
            [-2.0, -1.0, -1.0, 5.0],
            [5.0, -1.0, -1.0, -1.0],
        ]
    }

    #[test]
    fn members_are_put_where_they_belong() {
        let whole = motif();
        let part = whole.slice(s![1.., ..]).to_owned();
        let reversed = whole.slice(s![..;-1, ..;-1]).to_owned();
        let beginning = whole.slice(s![..4, ..]).to_owned();
        let members = [part.view(), whole.view(), whole.view(), reversed.view(), beginning.view()];
        let found = contribution_motif(&members, &Comparison::default()).unwrap().unwrap();
        assert_eq!(found.centre, 1);
        let place = |offset, reverse| Placement { offset, reverse };
        let placements = [place(1, false), place(0, false), place(0, false), place(0, true), place(0, false)];
        assert_eq!(found.placements, placements);
        assert_eq!(found.coverage, [4, 5, 5, 5, 4, 4]);
        let mut mean = whole.clone();
        [0, 4, 5].iter().for_each(|row| mean.row_mut(*row).mapv_inplace(|v| v * 0.8));
        assert!((&found.contributions - &mean).iter().all(|d| d.abs() < 1e-12));
    }

    #[test]
    fn weak_ends_are_cut_off() {
        let mut weak = motif();
        weak.row_mut(0).fill(0.1);
        weak.row_mut(5).fill(-0.1);
        let found = contribution_motif(&[weak.view()], &Comparison::default()).unwrap().unwrap();
        assert_eq!(found.contributions, weak.slice(s![1..5, ..]));
        assert_eq!((found.placements[0].offset, found.coverage), (-1, vec![1; 4]));
        // Two rows are left.
        weak.slice_mut(s![..4, ..]).fill(0.0);
        weak.row_mut(5).fill(1.0);
        assert!(contribution_motif(&[weak.view()], &Comparison::default()).unwrap().is_none());
        assert!(contribution_motif(&[Array2::zeros((5, 4)).view()], &Comparison::default()).unwrap().is_none());
        assert!(contribution_motif(&[], &Comparison::default()).is_err());
    }

    #[test]
    fn the_centre_of_many_members_is_found() {
        let (whole, other) = (motif(), Array2::from_shape_fn((6, 4), |(i, b)| ((i * b) % 3) as f64));
        let mut members = vec![other.view()];
        members.extend(vec![whole.view(); 2 * REPRESENTATIVES + 7]);
        let found = contribution_motif(&members, &Comparison::default()).unwrap().unwrap();
        assert_eq!((found.centre, found.placements.len()), (1, members.len()));
    }

    #[test]
    fn frequencies_of_contributions() {
        let contributions = array![[2.0, 0.0, 0.0, -2.0], [0.0, 0.0, 2.0, -2.0]];
        let root_mean_square = 2.0f64.sqrt();
        let found = base_frequencies(contributions.view()).unwrap();
        let (high, low) = ((2.0 / root_mean_square).exp(), (-2.0 / root_mean_square).exp());
        let sum = high + 2.0 + low;
        let wanted = array![[high, 1.0, 1.0, low], [1.0, 1.0, high, low]] / sum;
        assert!((&found.frequencies - &wanted).iter().all(|d| d.abs() < 1e-15));
        assert_eq!((found.start, found.direction), (0, Direction::Increases));
        assert!(base_frequencies(Array2::zeros((4, 4)).view()).is_none());
        assert!(base_frequencies(Array2::zeros((0, 4)).view()).is_none());
    }

    #[test]
    fn the_direction_is_that_of_the_strongest_bases() {
        // Rows that sum to 0, as zero-sum attributions do.
        let row = |base: usize| -> Vec<f64> { (0..4).map(|b| if b == base { 0.75 } else { -0.25 }).collect() };
        let rows = [row(0), row(2), row(2), row(3)].concat();
        let up = Array2::from_shape_vec((4, 4), rows).unwrap();
        let (of_up, of_down) =
            (base_frequencies(up.view()).unwrap(), base_frequencies(up.mapv(|v| -v).view()).unwrap());
        assert_eq!((of_up.direction, of_down.direction), (Direction::Increases, Direction::Decreases));
        assert_eq!(of_up.frequencies, of_down.frequencies);
        // One base that is missed by far more than any is preferred: the direction cannot be seen, but known.
        let missed = array![[1.0, 1.0, 1.0, -3.0], [1.0, -3.0, 1.0, 1.0]];
        assert_eq!(base_frequencies(missed.view()).unwrap().direction, Direction::Decreases);
        let known = frequencies_in(missed.view(), Direction::Increases).unwrap();
        assert!(known.direction == Direction::Increases && known.frequencies[[0, 0]] > 0.3);
    }

    #[test]
    fn rows_without_weight_are_cut_off() {
        let mut contributions = Array2::from_shape_fn((12, 4), |(_, base)| if base == 2 { -2.0 } else { 9.0 });
        [0, 11].iter().for_each(|row| contributions.row_mut(*row).fill(-20.0));
        let found = base_frequencies(contributions.view()).unwrap();
        assert_eq!((found.start, found.frequencies.nrows()), (1, 10));
    }

    #[test]
    fn effects_of_a_cluster() {
        let seqlet = |mean| Seqlet { sequence: 0, start: 0, end: 4, mean, p_value: None };
        let found = effects(&[seqlet(1.0), seqlet(2.0), seqlet(-6.0)]);
        assert_eq!(found, Effects { positive: 2, negative: 1, mean: -1.0 });
    }
}
