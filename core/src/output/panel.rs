//! The set-up that all charts share: the canvas, headings, axes and colours.

use std::ops::Range;
use std::path::Path;

use plotters::coord::types::RangedCoordf64;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::error::{Error, Result};
use crate::output::track::{Colour, HAPLOTYPE1, HAPLOTYPE2, RATIO};

/// Colours of lines in the order of their series.
pub(super) const SERIES: [Colour; 6] = [HAPLOTYPE1, HAPLOTYPE2, (0, 158, 115), (204, 121, 167), (230, 159, 0), RATIO];

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
/// The result of drawing.
pub(super) type Drawn<T = ()> = std::result::Result<T, DrawingAreaErrorKind<std::io::Error>>;

pub(super) fn rgb((red, green, blue): Colour) -> RGBColor {
    RGBColor(red, green, blue)
}

/// A white picture of `size` pixels with what `draw` draws, as SVG.
///
/// # Errors
/// The drawing library failed; `path` is what the message names.
pub(super) fn picture(path: &Path, size: (u32, u32), draw: impl FnOnce(&Area) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        area.fill(&WHITE).and_then(|()| draw(&area)).and_then(|()| area.present())
    };
    drawn.map_err(|e| Error::input(path, format!("could not be drawn: {e}")))?;
    // XML has no control characters but these; names of samples and contigs may have others.
    Ok(svg.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '?' } else { c }).collect())
}

/// Text at a pixel; `grey` from 0 (white) to 1 (black).
pub(super) fn text(area: &Area, words: &str, at: (i32, i32), size: i32, place: (HPos, VPos), grey: f64) -> Drawn {
    let style = ("sans-serif", size).into_font().color(&BLACK.mix(grey)).pos(Pos::new(place.0, place.1));
    area.draw(&Text::new(words.to_owned(), at, style))
}

/// Numbers along an axis: about how many if given, and how they are written.
pub(super) struct Ticks {
    pub count: Option<usize>,
    pub format: fn(&f64) -> String,
}

/// Layout and axes of a chart. Lengths are in pixels.
pub(super) struct Panel<'a> {
    /// Room above, below, to the left and to the right.
    pub margins: [u32; 4],
    /// Room for the numbers and the name of the x and of the y axis.
    pub axes: [u32; 2],
    /// Font size of the numbers and of the names.
    pub fonts: [i32; 2],
    /// Names of the axes; none for the x axis if it has no ticks.
    pub labels: [&'a str; 2],
    /// Of the x axis; `None` for neither numbers nor lines.
    pub x: Option<Ticks>,
    pub y: Ticks,
}

/// A chart with axes and faint lines, without data.
pub(super) fn panel<'a, 'b>(area: &'a Area<'b>, x: Range<f64>, y: Range<f64>, panel: &Panel) -> Drawn<Chart<'a, 'b>> {
    let [top, bottom, left, right] = panel.margins;
    let mut chart = ChartBuilder::on(area)
        .margin_top(top)
        .margin_bottom(bottom)
        .margin_left(left)
        .margin_right(right)
        .x_label_area_size(panel.axes[0])
        .y_label_area_size(panel.axes[1])
        .build_cartesian_2d(x, y)?;
    let mut mesh = chart.configure_mesh();
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1))
        .axis_style(BLACK.mix(0.5))
        .label_style(("sans-serif", panel.fonts[0]))
        .axis_desc_style(("sans-serif", panel.fonts[1]))
        .y_desc(panel.labels[1])
        .y_label_formatter(&panel.y.format);
    match &panel.x {
        Some(ticks) => {
            mesh.x_desc(panel.labels[0]).x_label_formatter(&ticks.format);
            if let Some(count) = ticks.count {
                mesh.x_labels(count);
            }
        }
        None => {
            mesh.disable_x_mesh().x_labels(0);
        }
    }
    if let Some(count) = panel.y.count {
        mesh.y_labels(count);
    }
    mesh.draw()?;
    drop(mesh);
    Ok(chart)
}
