//! Which elements of a network's outputs are the activity, and on which scale.

use std::f64::consts::{LN_2, LOG2_10};
use std::ops::Range;

use serde::Deserialize;

use crate::choice::choice;
use crate::error::{Error, Result};

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
    /// Name of the sample.
    #[serde(default)]
    pub sample: String,
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
}

/// Indices on one axis, 0-based.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "an index, 0-based, [from, to] (half-open) or \"*\"")]
enum Places {
    One(usize),
    Range([usize; 2]),
    All(Star),
}

#[derive(Clone, Debug, Deserialize)]
enum Star {
    #[serde(rename = "*")]
    All,
}

/// Reads the activity from a tensor.
#[derive(Clone, Debug)]
pub struct Output {
    over: Over,
    scale: OutputScale,
    pseudocount: f64,
    /// Elements of the tensor per window.
    size: usize,
    /// The elements that are used.
    offsets: Vec<usize>,
}

impl Output {
    /// The elements of a tensor of `shape` (N, …) that `description` selects.
    ///
    /// # Errors
    /// The two do not fit. The message begins with the key that is wrong.
    pub fn new(description: &OutputDescription, shape: &[usize]) -> Result<Self> {
        let OutputDescription { at, over, scale, pseudocount, .. } = description;
        let axes = shape.get(1..).unwrap_or_default();
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
        if !at.is_empty() && at.len() != axes.len() {
            return problem(format!("at names {} axes, but the output is (N{})", at.len(), text(axes)));
        }
        let mut size = 1usize;
        for &length in axes {
            size = match size.checked_mul(length) {
                Some(size) if size > 0 => size,
                _ => return problem(format!("the output is (N{}): it has no elements", text(axes))),
            };
        }
        let mut offsets = vec![0];
        for (axis, &length) in axes.iter().enumerate() {
            let places = match at.get(axis) {
                None | Some(Places::All(Star::All)) => 0..length,
                Some(&Places::One(place)) => place..place.saturating_add(1),
                Some(&Places::Range([from, to])) => from..to,
            };
            if places.is_empty() || places.end > length {
                let Range { start, end } = places;
                return problem(format!("at {start}..{end} is outside an axis of {length} (0-based, half-open)"));
            }
            offsets = offsets.iter().flat_map(|o| places.clone().map(move |place| o * length + place)).collect();
        }
        Ok(Output { over: *over, scale: *scale, pseudocount, size, offsets })
    }

    /// Elements of the tensor per window.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The output for a window whose elements of the tensor are `values` ([`size`](Self::size)).
    pub fn value(&self, values: &[f32]) -> f64 {
        let sum: f64 = self.offsets.iter().map(|&offset| f64::from(values[offset])).sum();
        match self.over {
            Over::Sum => sum,
            Over::Mean => sum / self.offsets.len() as f64,
        }
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

fn text(axes: &[usize]) -> String {
    axes.iter().map(|length| format!(", {length}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(text: &str, shape: &[usize]) -> std::result::Result<Output, String> {
        let description: OutputDescription = toml::from_str(text).map_err(|e| e.message().to_string())?;
        Output::new(&description, shape).map_err(|e| e.to_string())
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
            assert_eq!((output.size(), output.value(&values)), (12, expected), "{text}");
        }
        assert_eq!(output("scale = \"ln\"", &[5]).unwrap().value(&[3.0]), 3.0);
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
        ] {
            let problem = output(text, shape).unwrap_err();
            assert!(problem.contains(words), "{text}: {problem}");
        }
    }
}
