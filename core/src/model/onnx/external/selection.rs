//! Which elements of a tensor are used, and where the same elements are when the network reads the other strand.

use std::ops::Range;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::model::onnx::external::description::StrandsShown;

/// Elements of a tensor for one window; far more than any network returns.
const MOST_ELEMENTS: usize = 1 << 26;

/// Indices on one axis, 0-based.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "an index, 0-based, [from, to] (half-open) or \"*\"")]
pub enum Places {
    One(usize),
    Range([usize; 2]),
    All(Star),
}

#[derive(Clone, Debug, Deserialize)]
pub enum Star {
    #[serde(rename = "*")]
    All,
}

/// Which tracks are the two strands of one measurement.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "pairs of tracks [[i, j], ...], or for each track the number of its partner")]
pub enum StrandPair {
    Pairs(Vec<[usize; 2]>),
    Partners(Vec<usize>),
}

/// What an output's description says of its axes.
#[derive(Clone, Copy, Debug)]
pub struct Axes<'a> {
    /// For each axis after N what is used of it; empty for everything.
    pub at: &'a [Places],
    /// The axis of positions; N is axis 0.
    pub axis: Option<usize>,
    /// The axis of tracks; N is axis 0.
    pub track_axis: Option<usize>,
    /// Their partners on the other strand.
    pub strand_pair: Option<&'a StrandPair>,
}

/// Elements of a tensor for one window.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Elements of the tensor per window.
    pub size: usize,
    /// Those that are used.
    pub forward: Vec<usize>,
    /// The same, one for each, of a window that was read as its reverse complement; `None` where they do not differ.
    reverse: Option<Vec<usize>>,
}

impl Selection {
    /// The elements of a tensor of `shape` (N, …) that `axes` selects.
    ///
    /// # Errors
    /// The two do not fit, or both `strands` are read and it is not known where the elements are on the other one. The
    /// message begins with the key that is wrong.
    pub fn new(axes: Axes, shape: &[usize], strands: StrandsShown) -> Result<Self> {
        let lengths = shape.get(1..).unwrap_or_default();
        let problem = |text: String| Err(Error::mismatch(text));
        if !axes.at.is_empty() && axes.at.len() != lengths.len() {
            return problem(format!("at names {} axes, but the output is (N{})", axes.at.len(), text(lengths)));
        }
        let size = lengths.iter().try_fold(1usize, |size, &length| size.checked_mul(length)).unwrap_or(usize::MAX);
        if size == 0 || size > MOST_ELEMENTS {
            let what = if size == 0 { "has no elements" } else { "is too large" };
            return problem(format!("the output is (N{}): it {what}", text(lengths)));
        }
        let mut used = Vec::with_capacity(lengths.len());
        for (number, &length) in lengths.iter().enumerate() {
            let places = match axes.at.get(number) {
                None | Some(Places::All(Star::All)) => 0..length,
                Some(&Places::One(place)) => place..place.saturating_add(1),
                Some(&Places::Range([from, to])) => from..to,
            };
            if places.is_empty() || places.end > length {
                let Range { start, end } = places;
                return problem(format!("at {start}..{end} is outside an axis of {length} (0-based, half-open)"));
            }
            used.push(places);
        }
        let (positions, tracks) = axes.roles(&used, lengths)?;
        if strands == StrandsShown::Both {
            check_mirror(&used, lengths, positions, tracks.as_ref().map(|(axis, _)| *axis))?;
        }
        // Index of the element on the strand read, and on the other one.
        let mut found = vec![(0, 0)];
        for (number, (places, &length)) in used.iter().zip(lengths).enumerate() {
            let other = |place: usize| match &tracks {
                _ if positions == Some(number) => length - 1 - place,
                Some((axis, partners)) if *axis == number => partners[place],
                _ => place,
            };
            let next = found.iter().flat_map(|&(one, two)| {
                places.clone().map(move |place| (one * length + place, two * length + other(place)))
            });
            found = next.collect();
        }
        let (forward, reverse): (Vec<usize>, Vec<usize>) = found.into_iter().unzip();
        let reverse = (strands == StrandsShown::Both && reverse != forward).then_some(reverse);
        Ok(Selection { size, forward, reverse })
    }

    /// The elements of a window that was read forward or as its reverse complement.
    pub fn elements(&self, reverse: bool) -> &[usize] {
        self.reverse.as_deref().filter(|_| reverse).unwrap_or(&self.forward)
    }
}

impl Axes<'_> {
    /// Among the axes after N (0-based) that of positions, and that of tracks with the partner of each track.
    #[allow(clippy::type_complexity)]
    fn roles(&self, used: &[Range<usize>], lengths: &[usize]) -> Result<(Option<usize>, Option<(usize, Vec<usize>)>)> {
        let problem = |text: String| Err(Error::mismatch(text));
        let find = |key: &str, axis: Option<usize>| match axis {
            Some(axis) if axis == 0 || axis > lengths.len() => Err(Error::mismatch(format!(
                "{key} = {axis} is not an axis of the output (N{}), of which N is axis 0",
                text(lengths)
            ))),
            axis => Ok(axis.map(|axis| axis - 1)),
        };
        let (positions, tracks) = (find("axis", self.axis)?, find("track_axis", self.track_axis)?);
        if positions.is_some() && positions == tracks {
            return problem("axis and track_axis are the same axis".into());
        }
        let Some(pairs) = self.strand_pair else {
            return Ok((positions, tracks.map(|axis| (axis, (0..lengths[axis]).collect()))));
        };
        let others: Vec<usize> = (0..lengths.len()).filter(|&axis| positions != Some(axis)).collect();
        // Without axis, tracks are where a part is used.
        let partly: Vec<usize> = others.iter().copied().filter(|&axis| used[axis].len() < lengths[axis]).collect();
        let tracks = match (tracks, &others[..], &partly[..]) {
            (Some(axis), ..) | (None, &[axis], _) => axis,
            (None, _, &[axis]) if positions.is_none() => axis,
            _ => {
                return problem(format!(
                    "strand_pair is about tracks: name their axis of the output (N{}) by track_axis, N being axis 0",
                    text(lengths)
                ))
            }
        };
        let length = lengths[tracks];
        let mut partners: Vec<usize> = (0..length).collect();
        match pairs {
            StrandPair::Pairs(pairs) => {
                let mut named = vec![false; length];
                for &[one, two] in pairs {
                    if one >= length || two >= length {
                        return problem(format!("strand_pair [{one}, {two}] is outside an axis of {length} (0-based)"));
                    }
                    if named[one] || named[two] {
                        return problem(format!(
                            "strand_pair names track {} twice",
                            if named[one] { one } else { two }
                        ));
                    }
                    (named[one], named[two]) = (true, true);
                    (partners[one], partners[two]) = (two, one);
                }
            }
            StrandPair::Partners(list) => {
                if list.len() != length {
                    return problem(format!("strand_pair has {} numbers, but the axis {length} tracks", list.len()));
                }
                let wrong = |&track: &usize| list.get(list[track]) != Some(&track);
                if let Some(track) = (0..length).find(wrong) {
                    let partner = list[track];
                    return problem(format!(
                        "strand_pair: the partner of track {track} is {partner}, but {track} is not that of {partner}"
                    ));
                }
                partners.clone_from(list);
            }
        }
        Ok((positions, Some((tracks, partners))))
    }
}

/// Whether it is known where the places `used` are on the other strand: an axis of which a part is used that is not its
/// own mirror image must be that of positions or of tracks.
fn check_mirror(
    used: &[Range<usize>],
    lengths: &[usize],
    positions: Option<usize>,
    tracks: Option<usize>,
) -> Result<()> {
    // Once the axis of positions is known, places on the others do not depend on the strand, unless strand_pair says so.
    if positions.is_some() {
        return Ok(());
    }
    for (number, (places, &length)) in used.iter().zip(lengths).enumerate() {
        if tracks != Some(number) && places.start + places.end != length {
            let (Range { start, end }, axis) = (places, number + 1);
            return Err(Error::mismatch(format!(
                "at {start}..{end} of axis {axis}, which has {length} places, is not its own mirror image, and strands = \
                 \"both\" needs the same places on the other strand: give axis = {axis} if they are positions along \
                 the sequence, or strand_pair = [[i, j], ...] if they are tracks ([] for tracks without a strand)"
            )));
        }
    }
    Ok(())
}

fn text(axes: &[usize]) -> String {
    axes.iter().map(|length| format!(", {length}")).collect()
}
