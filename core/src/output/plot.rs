//! Scatter plots, learning curves, and estimates with their intervals, as SVG files that have temporary names until the
//! returned set is renamed.

use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::error::Result;
use crate::io::output_file::{complete_file, CompleteFiles};
use crate::output::panel::{panel, picture, rgb, text, Area, Chart, Drawn, Panel, Ticks, SERIES};
use crate::output::track::Colour;

/// Maximum number of points: more look the same, in a file that opens slowly.
const MAX_POINTS: usize = 10_000;

/// One line of a plot of curves: name, and points in the order they are joined.
pub type Series<'a> = (&'a str, Vec<(f64, f64)>);

/// Measured against predicted: both axes have the same range, with the diagonal. `note` (such as
/// `Pearson 0.52, n = 400`) is below the title. Points that are not finite are omitted.
///
/// # Errors
/// The file cannot be written.
pub fn scatter(
    path: &Path,
    title: &str,
    labels: [&str; 2],
    note: &str,
    points: &[(f64, f64)],
    colour: Colour,
) -> Result<CompleteFiles> {
    let points: Vec<_> = points.iter().copied().filter(|p| p.0.is_finite() && p.1.is_finite()).collect();
    let range = padded(points.iter().flat_map(|p| [p.0, p.1]));
    let step = points.len().div_ceil(MAX_POINTS).max(1);
    let note = match step {
        1 => note.to_owned(),
        n => format!("{note}; one point of {n} drawn"),
    };
    let svg = picture(path, (520, 540), |area| {
        let mut chart = headed(area, [title, &note], [range.clone(), range.clone()], labels)?;
        let diagonal = [(range.start, range.start), (range.end, range.end)];
        chart.draw_series(LineSeries::new(diagonal, BLACK.mix(0.4).stroke_width(1)))?;
        let style = rgb(colour).mix(0.45).filled();
        let dots = points.iter().step_by(step).map(|&p| Circle::new(p, 2, style));
        chart.draw_series(dots)?;
        Ok(())
    })?;
    complete_file(path, svg.as_bytes())
}

/// Lines over a common axis, such as losses by epoch, with a legend. Points that are not finite are omitted.
///
/// # Errors
/// The file cannot be written.
pub fn curves(path: &Path, title: &str, labels: [&str; 2], note: &str, series: &[Series]) -> Result<CompleteFiles> {
    let clean: Vec<Series> = series
        .iter()
        .map(|(name, list)| (*name, list.iter().copied().filter(|p| p.0.is_finite() && p.1.is_finite()).collect()))
        .collect();
    let points = || clean.iter().flat_map(|(_, list)| list);
    let (x, y) = (padded(points().map(|p| p.0)), padded(points().map(|p| p.1)));
    let svg = picture(path, (640, 420), |area| {
        let mut chart = headed(area, [title, note], [x, y], labels)?;
        for (i, (name, list)) in clean.iter().enumerate() {
            let colour = rgb(SERIES[i % SERIES.len()]);
            chart
                .draw_series(LineSeries::new(list.iter().copied(), colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
            let dots = list.iter().map(|&p| Circle::new(p, 2, colour.filled()));
            chart.draw_series(dots)?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.2))
            .label_font(("sans-serif", 13))
            .draw()?;
        Ok(())
    })?;
    complete_file(path, svg.as_bytes())
}

/// A point with an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Position on the x axis.
    pub x: f64,
    /// The estimate.
    pub y: f64,
    /// Lower end of its interval, which is drawn if both ends are finite.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    fn interval(&self) -> Option<[(f64, f64); 2]> {
        (self.low.is_finite() && self.high.is_finite()).then_some([(self.x, self.low), (self.x, self.high)])
    }
}

/// Estimates joined by a line, with the diagonal and, dashed, the line y = slope · x + intercept (`note` can explain it;
/// a legend would cover points). Each axis has its own range: predictions are often much smaller than measurements.
/// Points that are not finite are omitted.
///
/// # Errors
/// The file cannot be written.
pub fn with_errors(
    path: &Path,
    title: &str,
    labels: [&str; 2],
    note: &str,
    estimates: &[Estimate],
    line: Option<[f64; 2]>,
    colour: Colour,
) -> Result<CompleteFiles> {
    let known: Vec<&Estimate> = estimates.iter().filter(|e| e.x.is_finite() && e.y.is_finite()).collect();
    let x = padded(known.iter().map(|e| e.x));
    let y = padded(known.iter().flat_map(|e| [e.y, e.low, e.high]).filter(|v| v.is_finite()));
    let svg = picture(path, (520, 540), |area| {
        let mut chart = headed(area, [title, note], [x.clone(), y.clone()], labels)?;
        let mut straight = |slope: f64, intercept: f64, dashed: bool| -> Drawn {
            let Some(ends) = within(&x, &y, slope, intercept) else { return Ok(()) };
            match dashed {
                true => chart.draw_series(DashedLineSeries::new(ends, 6, 4, rgb(colour).stroke_width(1)))?,
                false => chart.draw_series(LineSeries::new(ends, BLACK.mix(0.4).stroke_width(1)))?,
            };
            Ok(())
        };
        straight(1.0, 0.0, false)?;
        if let Some([slope, intercept]) = line.filter(|l| l.iter().all(|v| v.is_finite())) {
            straight(slope, intercept, true)?;
        }
        let style = rgb(colour);
        let joined = known.iter().map(|e| (e.x, e.y));
        chart.draw_series(LineSeries::new(joined, style.mix(0.5).stroke_width(1)))?;
        let bars = known.iter().filter_map(|e| e.interval()).map(|ends| PathElement::new(ends, style.stroke_width(2)));
        chart.draw_series(bars)?;
        chart.draw_series(known.iter().map(|e| Circle::new((e.x, e.y), 4, style.filled())))?;
        Ok(())
    })?;
    complete_file(path, svg.as_bytes())
}

/// The part of a straight line inside a plot, if any.
fn within(x: &Range<f64>, y: &Range<f64>, slope: f64, intercept: f64) -> Option<[(f64, f64); 2]> {
    let (mut from, mut to) = (x.start, x.end);
    if slope != 0.0 {
        let (a, b) = ((y.start - intercept) / slope, (y.end - intercept) / slope);
        (from, to) = (from.max(a.min(b)), to.min(a.max(b)));
    } else if !y.contains(&intercept) {
        return None;
    }
    (from < to).then(|| [from, to].map(|x| (x, slope * x + intercept)))
}

/// Shares from 0 to 1 as bars with intervals, one for each name (lines separated by `\n`), and a dashed line at `chance`.
/// A share that is not finite has a name, but no bar.
///
/// # Errors
/// The file cannot be written.
pub fn shares(
    path: &Path,
    title: &str,
    labels: [&str; 2],
    note: &str,
    bars: &[(String, Estimate)],
    chance: f64,
    colour: Colour,
) -> Result<CompleteFiles> {
    let width = (140 + 88 * bars.len() as u32).clamp(440, 1600);
    let svg = picture(path, (width, 440), |area| {
        headings(area, title, note)?;
        let end = bars.len().max(1) as f64 - 0.5;
        let mut chart = panel(area, -0.5..end, 0.0..1.0, &Panel { axes: [70, 58], ..layout(labels) })?;
        let known = || bars.iter().enumerate().filter(|(_, (_, e))| e.y.is_finite()).map(|(i, (_, e))| (i as f64, e));
        let style = rgb(colour);
        let filled = style.mix(0.35).filled();
        chart.draw_series(known().map(|(x, e)| Rectangle::new([(x - 0.3, 0.0), (x + 0.3, e.y)], filled)))?;
        let ends = known().filter_map(|(x, e)| Estimate { x, ..*e }.interval());
        chart.draw_series(ends.map(|ends| PathElement::new(ends, style.stroke_width(2))))?;
        chart.draw_series(known().map(|(x, e)| Circle::new((x, e.y), 4, style.filled())))?;
        let level = [(-0.5, chance), (end, chance)];
        chart.draw_series(DashedLineSeries::new(level, 6, 4, BLACK.mix(0.6).stroke_width(1)))?;
        let place = (HPos::Center, VPos::Top);
        for (i, (name, _)) in bars.iter().enumerate() {
            let (x, y) = chart.backend_coord(&(i as f64, 0.0));
            for (line, words) in name.split('\n').enumerate() {
                let grey = if line == 0 { 1.0 } else { 0.65 };
                text(area, words, (x, y + 8 + 15 * line as i32), 12, place, grey)?;
            }
        }
        let middle = (chart.backend_coord(&((end - 0.5) / 2.0, 0.0)).0, 440 - 24);
        text(area, labels[0], middle, 14, place, 1.0)
    })?;
    complete_file(path, svg.as_bytes())
}

/// A chart below its headings; `below` pixels for the numbers and the name of the x axis.
fn headed<'a, 'b>(
    area: &'a Area<'b>,
    [title, note]: [&str; 2],
    [x, y]: [Range<f64>; 2],
    labels: [&str; 2],
) -> Drawn<Chart<'a, 'b>> {
    headings(area, title, note)?;
    let ticks = || Ticks { count: None, format: short };
    panel(area, x, y, &Panel { x: Some(ticks()), ..layout(labels) })
}

/// The layout of a chart below its headings, without numbers on its x axis.
fn layout(labels: [&str; 2]) -> Panel<'_> {
    let y = Ticks { count: None, format: short };
    Panel { margins: [58, 8, 10, 20], axes: [46, 58], fonts: [12, 14], labels, x: None, y }
}

fn headings(area: &Area, title: &str, note: &str) -> Drawn {
    text(area, title, (14, 10), 18, (HPos::Left, VPos::Top), 1.0)?;
    text(area, note, (14, 34), 13, (HPos::Left, VPos::Top), 0.65)
}

/// Four decimals without trailing zeros.
fn short(value: &f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" || text.is_empty() {
        "0".into()
    } else {
        text.into()
    }
}

/// The range of some numbers with a margin; a range of length 1 if it would be empty.
fn padded(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let room = if high > low { (high - low) * 0.04 } else { 0.5 };
    low - room..high + room
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::track::{HAPLOTYPE1, RATIO};

    #[test]
    fn plots_are_svg_with_every_point_and_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.svg");
        let points = [(1.0, 2.0), (3.0, 1.0), (f64::NAN, 1.0)];
        scatter(&path, "Haplotype 1 <test>", ["measured", "predicted"], "n = 2", &points, HAPLOTYPE1)
            .unwrap()
            .rename()
            .unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("<svg") && text.contains("measured") && text.contains("n = 2"));
        assert!(text.contains("&lt;test&gt;"));
        assert_eq!(text.matches("<circle").count(), 2);
        let series = [("training", vec![(1.0, 0.5), (2.0, 0.25)]), ("validation", vec![(1.0, 0.75)])];
        curves(&path, "Loss", ["epoch", "loss"], "", &series).unwrap().rename().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("training") && text.contains("validation"));
        assert_eq!(text.matches("<circle").count(), 3);
    }

    #[test]
    fn estimates_and_shares_have_their_intervals() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.svg");
        let point = |x: f64, y: f64, half: f64| Estimate { x, y, low: y - half, high: y + half };
        let points = [point(0.0, 0.1, 0.2), point(1.0, 0.8, 0.1), point(2.0, 1.7, f64::NAN), point(3.0, f64::NAN, 1.0)];
        with_errors(&path, "Calibration", ["p", "m"], "n", &points, Some([0.9, 0.05]), RATIO)
            .unwrap()
            .rename()
            .unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("<circle").count(), 3);
        // Diagonal, dashes, the line through the points, two intervals.
        assert!(text.matches("<polyline").count() > 8);
        let bars =
            [("0-0.5\nn = 7".to_owned(), point(0.0, 0.6, 0.2)), (">2\nn = 0".to_owned(), point(1.0, f64::NAN, 0.0))];
        shares(&path, "Direction", ["size", "share"], "n", &bars, 0.5, RATIO).unwrap().rename().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches("<circle").count(), 1);
        for word in ["0-0.5", "n = 7", "&gt;2", "n = 0", "size", "share"] {
            assert!(text.contains(word), "{word}");
        }
        with_errors(&path, "t", ["x", "y"], "n", &[], None, RATIO).unwrap().rename().unwrap();
        shares(&path, "t", ["x", "y"], "n", &[], 0.5, RATIO).unwrap().rename().unwrap();
    }

    #[test]
    fn straight_lines_are_cut_at_the_frame() {
        assert_eq!(within(&(0.0..2.0), &(0.0..1.0), 1.0, 0.0), Some([(0.0, 0.0), (1.0, 1.0)]));
        assert_eq!(within(&(0.0..2.0), &(0.0..1.0), -1.0, 1.5), Some([(0.5, 1.0), (1.5, 0.0)]));
        assert_eq!(within(&(0.0..2.0), &(0.0..1.0), 0.0, 0.5), Some([(0.0, 0.5), (2.0, 0.5)]));
        assert_eq!(within(&(0.0..2.0), &(0.0..1.0), 0.0, 3.0), None);
        assert_eq!(within(&(0.0..2.0), &(0.0..1.0), 1.0, 9.0), None);
    }

    #[test]
    fn nothing_to_draw_is_an_empty_plot_and_many_points_are_thinned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.svg");
        scatter(&path, "t", ["x", "y"], "n", &[], RATIO).unwrap().rename().unwrap();
        curves(&path, "t", ["x", "y"], "n", &[("a", vec![(1.0, 1.0)])]).unwrap().rename().unwrap();
        let many: Vec<_> = (0..25_000).map(|i| (f64::from(i), 1.0)).collect();
        scatter(&path, "t", ["x", "y"], "n", &many, RATIO).unwrap().rename().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.matches("<circle").count() <= MAX_POINTS && text.contains("one point of 3 drawn"));
    }

    #[test]
    fn numbers_are_short() {
        let shown: Vec<_> = [0.0, -0.00001, 2.5, 1000.0, 0.30000000000000004].iter().map(short).collect();
        assert_eq!(shown, ["0", "0", "2.5", "1000", "0.3"]);
    }
}
