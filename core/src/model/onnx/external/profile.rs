//! The profile of a network: how its signal is distributed along the window.

use serde::Deserialize;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::model::onnx::external::description::StrandsShown;
use crate::model::onnx::external::selection::{Axes, Places, Selection, StrandPair};
use crate::model::onnx::external::tensors::Numbers;

choice!(
    /// What the numbers of a profile are.
    #[derive(Default)]
    ProfileValues, "kind of profile",
    /// Logits: the softmax over all of them is the distribution.
    #[default]
    Logits "logits",
    /// Numbers in proportion to the signal.
    Linear "linear",
);

/// `[output.profile]` of a description.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileDescription {
    /// Name of the graph's output.
    pub tensor: String,
    #[serde(default)]
    values: ProfileValues,
    #[serde(default)]
    at: Vec<Places>,
    axis: Option<usize>,
    track_axis: Option<usize>,
    strand_pair: Option<StrandPair>,
}

/// Reads the distribution of the signal from a tensor.
#[derive(Clone, Debug)]
pub struct Profile {
    values: ProfileValues,
    selection: Selection,
}

impl Profile {
    /// As [`Output::new`](crate::model::onnx::external::outputs::Output::new).
    ///
    /// # Errors
    /// As there. With both strands the axis of positions must be known, since the order of places matters.
    pub fn new(description: &ProfileDescription, shape: &[usize], strands: StrandsShown) -> Result<Self> {
        let ProfileDescription { values, at, axis, track_axis, strand_pair, .. } = description;
        let axes = Axes { at, axis: *axis, track_axis: *track_axis, strand_pair: strand_pair.as_ref() };
        let selection = Selection::new(axes, shape, strands)?;
        if strands == StrandsShown::Both && axis.is_none() {
            return Err(Error::mismatch(
                "axis is missing: strands = \"both\" needs the axis of positions of a profile, N being axis 0",
            ));
        }
        Ok(Profile { values: *values, selection })
    }

    /// Elements of the tensor per window.
    pub fn size(&self) -> usize {
        self.selection.size
    }

    /// Places of the profile.
    pub fn places(&self) -> usize {
        self.selection.forward.len()
    }

    /// Add the distribution of the window `row`, times `weight`, to `out` ([`places`](Self::places)); `reverse` if the
    /// window was read as its reverse complement.
    pub fn add(&self, numbers: Numbers, row: usize, reverse: bool, weight: f64, out: &mut [f32]) {
        let first = row * self.size();
        let values = || self.selection.elements(reverse).iter().map(|&element| numbers.at(first + element));
        // Of logits the largest is subtracted, so that none overflows.
        let largest = values().fold(f64::NEG_INFINITY, f64::max);
        let signal = |value: f64| match self.values {
            ProfileValues::Logits => (value - largest).exp(),
            ProfileValues::Linear => value,
        };
        let sum: f64 = values().map(signal).sum();
        for (value, slot) in values().zip(out) {
            *slot += (weight * signal(value) / sum) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str, shape: &[usize]) -> std::result::Result<Profile, String> {
        let description: ProfileDescription = toml::from_str(text).map_err(|e| e.message().to_string())?;
        Profile::new(&description, shape, StrandsShown::Both).map_err(|e| e.to_string())
    }

    #[test]
    fn a_profile_is_the_softmax_over_all_places_and_strands() {
        // Three places on two strands: ln of 1 to 6.
        let logits: Vec<f32> = (1..=6).map(|x| (x as f32).ln() + 700.0).collect();
        let keys = "tensor = \"p\"\naxis = 1\n";
        for (more, reversed) in
            [("", [5.0, 6.0, 3.0, 4.0, 1.0, 2.0]), ("strand_pair = [[0, 1]]", [6.0, 5.0, 4.0, 3.0, 2.0, 1.0])]
        {
            let profile = profile(&format!("{keys}{more}"), &[1, 3, 2]).unwrap();
            for (reverse, expected) in [(false, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), (true, reversed)] {
                let mut out = [0.0; 6];
                profile.add(Numbers::Single(&logits), 0, reverse, 0.5, &mut out);
                profile.add(Numbers::Single(&logits), 0, reverse, 0.5, &mut out);
                let close = out.iter().zip(expected).all(|(&x, y)| (x - y / 21.0).abs() < 1e-4);
                assert!(close, "{more} {out:?}");
            }
        }
        let linear = profile(&format!("{keys}values = \"linear\"\nat = [\"*\", 1]"), &[2, 3, 2]).unwrap();
        let mut out = [0.0; 3];
        let numbers: Vec<f32> = (0..12).map(|x| x as f32).collect();
        linear.add(Numbers::Single(&numbers), 1, false, 1.0, &mut out);
        assert_eq!(out, [7.0, 9.0, 11.0].map(|x| x / 27.0));
        assert!(profile("tensor = \"p\"", &[1, 3, 2]).unwrap_err().contains("axis is missing"));
    }
}
