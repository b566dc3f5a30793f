//! Which elements of a network's outputs are the activity, and on which scale.

use std::f64::consts::{LN_2, LOG2_10};

use serde::Deserialize;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::model::onnx::external::description::StrandsShown;
use crate::model::onnx::external::profile::ProfileDescription;
use crate::model::onnx::external::selection::{Axes, Places, Selection, StrandPair};
use crate::model::onnx::external::tensors::Numbers;

choice!(
    /// How a network's output relates to activity.
    OutputScale, "scale of an output",
    /// Activity itself, such as counts.
    Linear "linear",
    /// Its natural logarithm.
    Ln "ln",
    /// Its logarithm to base 2.
    Log2 "log2",
    /// Its logarithm to base 10.
    Log10 "log10",
);

choice!(
    /// How several values are combined.
    #[derive(Default)]
    Over, "way to combine values",
    /// Their mean.
    #[default]
    Mean "mean",
    /// Their sum.
    Sum "sum",
);

/// `[[output]]` of a description: one sample that the network predicts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputDescription {
    /// Name of the sample, of which one is predicted.
    pub sample: Option<String>,
    /// Name in the fields that are written: outputs that have one are all predicted, in one pass.
    pub name: Option<String>,
    /// Name of the graph's output; optional if there is one.
    pub tensor: Option<String>,
    /// For each axis after the first: an index, a range, or all. Default: everything.
    #[serde(default)]
    at: Vec<Places>,
    #[serde(default)]
    over: Over,
    scale: OutputScale,
    /// Added before the logarithm of [`OutputScale::Linear`].
    pseudocount: Option<f64>,
    /// The axis of positions along the sequence; N is axis 0.
    axis: Option<usize>,
    /// The axis of tracks; N is axis 0. Default: the only axis apart from N and `axis`.
    track_axis: Option<usize>,
    /// Which tracks are the two strands of one measurement.
    strand_pair: Option<StrandPair>,
    /// The distribution of the same signal along the window.
    pub profile: Option<ProfileDescription>,
}

/// Reads the activity from a tensor.
#[derive(Clone, Debug)]
pub struct Output {
    over: Over,
    scale: OutputScale,
    pseudocount: f64,
    selection: Selection,
}

impl Output {
    /// The elements of a tensor of `shape` (N, …) that `description` selects, for a network that reads `strands`.
    ///
    /// # Errors
    /// The two do not fit. The message begins with the key that is wrong.
    pub fn new(description: &OutputDescription, shape: &[usize], strands: StrandsShown) -> Result<Self> {
        let OutputDescription { at, over, scale, pseudocount, axis, track_axis, strand_pair, .. } = description;
        let problem = |text: String| Err(Error::mismatch(text));
        let pseudocount = match (scale, *pseudocount) {
            (OutputScale::Linear, Some(p)) if p.is_finite() && p >= 0.0 => p,
            (OutputScale::Linear, None) => 0.0,
            (OutputScale::Linear, Some(p)) => return problem(format!("pseudocount {p} must be a number from 0 on")),
            (scale, Some(_)) => {
                return problem(format!("pseudocount is for scale \"linear\": \"{scale}\" is a logarithm already"))
            }
            (_, None) => 0.0,
        };
        let axes = Axes { at, axis: *axis, track_axis: *track_axis, strand_pair: strand_pair.as_ref() };
        let selection = Selection::new(axes, shape, strands)?;
        Ok(Output { over: *over, scale: *scale, pseudocount, selection })
    }

    /// Elements of the tensor per window.
    pub fn size(&self) -> usize {
        self.selection.size
    }

    /// The output for the window `row` of a tensor; `reverse` if it was read as its reverse complement.
    pub fn value(&self, numbers: Numbers, row: usize, reverse: bool) -> f64 {
        let (first, elements) = (row * self.size(), self.selection.elements(reverse));
        let sum: f64 = elements.iter().map(|&element| numbers.at(first + element)).sum();
        match self.over {
            Over::Sum => sum,
            Over::Mean => sum / elements.len() as f64,
        }
    }

    /// What is added to activity before its logarithm.
    pub fn pseudocount(&self) -> f64 {
        self.pseudocount
    }

    /// log2 of activity from [`Output::value`]; not finite where activity is not positive.
    pub fn log2(&self, value: f64) -> f64 {
        match self.scale {
            OutputScale::Linear => (value + self.pseudocount).log2(),
            OutputScale::Ln => value / LN_2,
            OutputScale::Log2 => value,
            OutputScale::Log10 => value * LOG2_10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, shape: &[usize], strands: StrandsShown) -> std::result::Result<Output, String> {
        let description: OutputDescription = toml::from_str(text).map_err(|e| e.message().to_string())?;
        Output::new(&description, shape, strands).map_err(|e| e.to_string())
    }

    fn output(text: &str, shape: &[usize]) -> std::result::Result<Output, String> {
        read(text, shape, StrandsShown::Forward)
    }

    #[test]
    fn elements_are_selected_on_every_axis() {
        // Two windows, three bins, four tracks: the number at (bin, track) is 10 bin + track.
        let values: Vec<f32> = (0..12).map(|i| (10 * (i / 4) + i % 4) as f32).collect();
        for (text, expected) in [
            ("scale = \"log2\"", 11.5),
            ("scale = \"log2\"\nat = [1, 2]", 12.0),
            ("scale = \"log2\"\nat = [\"*\", 3]", 13.0),
            ("scale = \"log2\"\nat = [[1, 3], \"*\"]\nover = \"sum\"", 132.0),
            ("scale = \"log2\"\nat = [[0, 2], [2, 4]]", 7.5),
        ] {
            let output = output(text, &[2, 3, 4]).unwrap();
            assert_eq!((output.size(), output.value(Numbers::Single(&values), 0, false)), (12, expected), "{text}");
        }
        assert_eq!(output("scale = \"ln\"", &[5]).unwrap().value(Numbers::Single(&[3.0]), 0, false), 3.0);
    }

    #[test]
    fn every_scale_becomes_log2() {
        let log2 = |text: &str, value: f64| output(text, &[1, 1]).unwrap().log2(value);
        assert_eq!(log2("scale = \"linear\"", 8.0), 3.0);
        assert_eq!(log2("scale = \"linear\"\npseudocount = 1.0", 7.0), 3.0);
        assert_eq!(log2("scale = \"log2\"", 3.0), 3.0);
        assert!((log2("scale = \"ln\"", 8f64.ln()) - 3.0).abs() < 1e-12);
        assert!((log2("scale = \"log10\"", 8f64.log10()) - 3.0).abs() < 1e-12);
        assert!(!log2("scale = \"linear\"", -1.0).is_finite() && !log2("scale = \"linear\"", 0.0).is_finite());
    }

    #[test]
    fn misfits_are_errors() {
        for (text, shape, words) in [
            ("scale = \"log2\"\nat = [1]", &[1, 3, 4][..], "at names 1 axes, but the output is (N, 3, 4)"),
            ("scale = \"log2\"\nat = [4]", &[1, 4], "4..5 is outside an axis of 4"),
            ("scale = \"log2\"\nat = [[3, 3]]", &[1, 4], "3..3 is outside"),
            ("scale = \"log2\"\nat = [[1, 18446744073709551615]]", &[1, 4], ""),
            ("scale = \"log2\"\nat = [9223372036854775807]", &[1, 4], "outside"),
            ("scale = \"log2\"\nat = [\"all\"]", &[1, 4], "[from, to]"),
            ("scale = \"log2\"\npseudocount = 1.0", &[1, 4], "pseudocount is for scale"),
            ("scale = \"linear\"\npseudocount = -1.0", &[1, 4], "pseudocount -1"),
            ("scale = \"logit\"", &[1, 4], "logit"),
            ("", &[1, 4], "scale"),
            ("scale = \"ln\"\nindex = 4", &[1, 4], "index"),
            ("scale = \"ln\"", &[1, 0], "no elements"),
            ("scale = \"ln\"\naxis = 0", &[1, 4], "N is axis 0"),
            ("scale = \"ln\"\naxis = 2", &[1, 4], "axis = 2"),
            ("scale = \"ln\"\naxis = 1\ntrack_axis = 1", &[1, 4], "same axis"),
            ("scale = \"ln\"\nstrand_pair = [[0, 4]]", &[1, 4], "outside an axis of 4"),
            ("scale = \"ln\"\nstrand_pair = [[0, 1], [2, 1]]", &[1, 4], "track 1 twice"),
            ("scale = \"ln\"\nstrand_pair = [1, 0]", &[1, 4], "2 numbers"),
            ("scale = \"ln\"\nstrand_pair = [1, 0, 3, 1]", &[1, 4], "partner of track 2 is 3"),
            ("scale = \"ln\"\nstrand_pair = [1, 0, 9, 9]", &[1, 4], "partner of track 2 is 9"),
            ("scale = \"ln\"\nstrand_pair = \"yes\"", &[1, 4], "pairs of tracks"),
            ("scale = \"ln\"\nstrand_pair = [[0, 1]]", &[1, 4, 4], "track_axis"),
        ] {
            let problem = output(text, shape).unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }

    /// On the other strand, places are mirrored and tracks exchanged. Two windows of four bins and three tracks; the number
    /// at (bin, track) is 10 bin + track, and 100 more in the second window.
    #[test]
    fn the_other_strand_has_the_same_places_elsewhere() {
        let values: Vec<f64> = (0..24).map(|i| f64::from(100 * (i / 12) + 10 * (i % 12 / 3) + i % 3)).collect();
        let (both, shape) = (StrandsShown::Both, &[2, 4, 3][..]);
        for (keys, expected) in [
            ("axis = 1\nat = [2, 0]", [20.0, 10.0]),
            ("axis = 1\nat = [2, 0]\nstrand_pair = [[0, 1]]", [20.0, 11.0]),
            ("axis = 1\nat = [[0, 2], 2]\nstrand_pair = [1, 0, 2]", [7.0, 27.0]),
            ("at = [\"*\", 1]\nstrand_pair = [[0, 1]]", [16.0, 15.0]),
            ("at = [[1, 3], 1]\ntrack_axis = 2\nstrand_pair = []", [16.0, 16.0]),
            ("at = [[1, 3], 1]\naxis = 1\ntrack_axis = 2\nstrand_pair = [2, 1, 0]", [16.0, 16.0]),
            ("at = [[1, 3], 0]\ntrack_axis = 2\nstrand_pair = [2, 1, 0]", [15.0, 17.0]),
            ("", [16.0, 16.0]),
        ] {
            let text = format!("scale = \"log2\"\n{keys}");
            let output = read(&text, shape, both).unwrap_or_else(|e| panic!("{keys}: {e}"));
            let found = [false, true].map(|reverse| output.value(Numbers::Double(&values), 0, reverse));
            assert_eq!(found, expected, "{keys}");
            let second = [false, true].map(|reverse| output.value(Numbers::Double(&values), 1, reverse) - 100.0);
            assert_eq!(second, expected, "{keys}");
            // Read on one strand alone, the keys change nothing.
            let alone = self::output(&text, shape).unwrap();
            assert_eq!(alone.value(Numbers::Double(&values), 0, true), expected[0], "{keys}");
        }
        for (keys, words) in [
            ("at = [2, 0]", &["at 2..3 of axis 1", "axis = 1", "strand_pair"][..]),
            ("at = [\"*\", 0]", &["at 0..1 of axis 2", "axis = 2", "strand_pair"]),
            ("at = [2, 0]\ntrack_axis = 2\nstrand_pair = []", &["at 2..3 of axis 1"]),
        ] {
            let problem = read(&format!("scale = \"log2\"\n{keys}"), shape, both).unwrap_err();
            assert!(words.iter().all(|word| problem.contains(word)), "{keys}: {problem}");
        }
    }
}
