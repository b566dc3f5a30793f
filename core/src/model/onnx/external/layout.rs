//! The axes of a network's input.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Axes after the first, which counts the windows, in their order.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct Layout(Vec<Axis>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Channels,
    Bases,
    One,
}

/// Axes of an input; far more than any network has.
const MOST_AXES: usize = 8;

impl FromStr for Layout {
    type Err = String;

    /// `N4L`, `NL4`, `N41L` and so on: N, then 4 (channels) and L (bases) once each, and 1 for axes of length 1.
    fn from_str(text: &str) -> Result<Self, String> {
        let axes = text.strip_prefix('N').and_then(|rest| {
            let axis = |c| match c {
                '4' => Some(Axis::Channels),
                'L' => Some(Axis::Bases),
                '1' => Some(Axis::One),
                _ => None,
            };
            rest.chars().map(axis).collect::<Option<Vec<_>>>()
        });
        let once = |axes: &[Axis], wanted| axes.iter().filter(|&&axis| axis == wanted).count() == 1;
        axes.filter(|axes| once(axes, Axis::Channels) && once(axes, Axis::Bases) && axes.len() < MOST_AXES)
            .map(Layout)
            .ok_or_else(|| format!("layout \"{text}\" is none: use N4L or NL4, with 1 for axes of length 1 (N41L)"))
    }
}

impl TryFrom<String> for Layout {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("N")?;
        self.0.iter().try_for_each(|axis| {
            f.write_str(match axis {
                Axis::Channels => "4",
                Axis::Bases => "L",
                Axis::One => "1",
            })
        })
    }
}

impl Layout {
    /// Whether all bases of one channel follow each other.
    pub fn channels_first(&self) -> bool {
        self.0.iter().find(|axis| **axis != Axis::One) == Some(&Axis::Channels)
    }

    fn length(axis: Axis, window: usize) -> usize {
        match axis {
            Axis::Channels => 4,
            Axis::Bases => window,
            Axis::One => 1,
        }
    }

    /// The shape, in words, of windows of `window` bases: `(N, 4, 2114)`.
    pub fn shape_text(&self, window: usize) -> String {
        let axes: String = self.0.iter().map(|&axis| format!(", {}", Self::length(axis, window))).collect();
        format!("(N{axes})")
    }

    /// The lengths after N of a graph's input of `shape`, in which -1 is a free axis. Axes of length 1 need not be named
    /// by the layout, where it is clear which they are.
    ///
    /// # Errors
    /// The shape is another; the message continues "reads … ".
    pub fn lengths(&self, shape: &[i64], window: usize) -> Result<Vec<usize>, String> {
        let other = || format!("not {}: the description's layout or window is another", self.shape_text(window));
        let Some((_, found)) = shape.split_first().filter(|_| shape.len() <= MOST_AXES) else { return Err(other()) };
        let fits = |length: i64, wanted: usize| length < 0 || usize::try_from(length) == Ok(wanted);
        if found.len() == self.0.len() {
            let wanted: Vec<usize> = self.0.iter().map(|&axis| Self::length(axis, window)).collect();
            return match found.iter().zip(&wanted).all(|(&length, &wanted)| fits(length, wanted)) {
                true => Ok(wanted),
                false => Err(other()),
            };
        }
        if self.0.contains(&Axis::One) || found.len() < self.0.len() {
            return Err(other());
        }
        // Of all ways to add axes of length 1, the one with the fewest free axes among these.
        let mut best: Vec<(usize, Vec<usize>)> = Vec::new();
        for first in 0..found.len() {
            for second in first + 1..found.len() {
                let mut wanted = vec![1; found.len()];
                wanted[first] = Self::length(self.0[0], window);
                wanted[second] = Self::length(self.0[1], window);
                if found.iter().zip(&wanted).all(|(&length, &wanted)| fits(length, wanted)) {
                    let added = (0..found.len()).filter(|axis| ![first, second].contains(axis));
                    best.push((added.filter(|&axis| found[axis] < 0).count(), wanted));
                }
            }
        }
        best.sort();
        match &best[..] {
            [] => Err(other()),
            [(a, one), (b, other), ..] if a == b && one != other => {
                Err("and it is not clear which of these axes are channels and bases: name all, as in layout = \"N41L\""
                    .into())
            }
            [(_, wanted), ..] => Ok(wanted.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_of_length_one_are_found() {
        let lengths = |layout: &str, shape: &[i64]| layout.parse::<Layout>().unwrap().lengths(shape, 12);
        for (layout, shape, expected) in [
            ("N4L", &[-1, 4, 12][..], &[4, 12][..]),
            ("N4L", &[-1, -1, -1], &[4, 12]),
            ("NL4", &[2, 12, 4], &[12, 4]),
            ("N4L", &[-1, 4, 1, 12], &[4, 1, 12]),
            ("N4L", &[-1, 4, 12, 1], &[4, 12, 1]),
            ("N4L", &[-1, 1, 4, 12], &[1, 4, 12]),
            ("NL4", &[-1, 1, 12, 4], &[1, 12, 4]),
            ("NL4", &[-1, 12, 1, 4], &[12, 1, 4]),
            ("N4L", &[-1, 4, 1, -1], &[4, 1, 12]),
            ("N4L", &[-1, -1, 1, -1], &[4, 1, 12]),
            ("N41L", &[-1, -1, -1, -1], &[4, 1, 12]),
            ("N4L1", &[-1, 4, -1, -1], &[4, 12, 1]),
            ("N1L14", &[-1, 1, 12, 1, 4], &[1, 12, 1, 4]),
        ] {
            assert_eq!(lengths(layout, shape).unwrap(), expected, "{layout} {shape:?}");
        }
        for (layout, shape) in [
            ("N4L", &[-1, 12, 4][..]),
            ("N4L", &[-1, 4, 13]),
            ("N4L", &[-1, 4, 2, 12]),
            ("N41L", &[-1, 4, 12]),
            ("N41L", &[-1, 4, 12, 1]),
            ("N4L", &[-1, 48]),
            ("N4L", &[]),
            ("N4L", &[-1, 4, 12, 1, 1, 1, 1, 1, 1, 1]),
        ] {
            let problem = lengths(layout, shape).unwrap_err();
            assert!(problem.contains("layout or window"), "{layout} {shape:?}: {problem}");
        }
        for shape in [&[-1, 4, -1, -1], &[-1, -1, -1, -1]] {
            assert!(lengths("N4L", shape).unwrap_err().contains("N41L"), "{shape:?}");
        }
        assert_eq!("N41L".parse::<Layout>().unwrap().shape_text(12), "(N, 4, 1, 12)");
        for text in ["", "N", "4L", "NCL", "N4", "N44L", "N4LL", "N4L11111111111"] {
            assert!(text.parse::<Layout>().unwrap_err().contains("N4L"), "{text}");
        }
    }
}
