//! The picture of an [`Overview`]: four panels.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::counts::Tally;
use crate::error::Result;
use crate::output::overview::{Overview, CLASS_COLOURS, LEAST_FRAGMENTS, P_BARS};
use crate::output::panel::{panel, picture, rgb, text, Area, Drawn, Panel, Ticks, SERIES};
use crate::output::track::{Colour, HAPLOTYPE1, HAPLOTYPE2};

const CLASS_NAMES: [&str; 4] = ["haplotype 1", "haplotype 2", "conflicting", "uninformative"];

/// Maximum number of bars and lines in a panel; the number of others is given.
const MOST_SAMPLES: usize = 24;
const MOST_CONTIGS: usize = 40;
const MOST_LINES: usize = SERIES.len();

const WIDTH: i32 = 960;
const GAP: i32 = 14;
const ROW: i32 = 22;
const PANEL: u32 = 340;

/// The picture of a run, 960 pixels wide, as SVG.
///
/// # Errors
/// The drawing library failed.
pub fn svg(overview: &Overview) -> Result<String> {
    let bars = overview.classes.len().clamp(1, MOST_SAMPLES) as i32 * ROW + 96;
    let height = bars + 2 * PANEL as i32;
    picture(Path::new("overview"), (WIDTH as u32, height as u32), |area| {
        let (top, rest) = area.split_vertically(bars);
        let (middle, bottom) = rest.split_vertically(PANEL as i32);
        classes(&top, overview)?;
        chromosomes(&middle, overview)?;
        let (left, right) = bottom.split_horizontally(WIDTH / 2);
        fractions(&left, overview)?;
        p_values(&right, overview)
    })
}

/// The layout of a chart in one of the lower panels.
fn layout(labels: [&str; 2], x: Ticks, y: fn(&f64) -> String) -> Panel<'_> {
    let y = Ticks { count: None, format: y };
    Panel { margins: [70, 8, 4, 18], axes: [44, 54], fonts: [11, 12], labels, x: Some(x), y }
}

fn title(area: &Area, words: &str, note: &str) -> Drawn {
    text(area, words, (GAP, 12), 17, (HPos::Left, VPos::Top), 1.0)?;
    text(area, note, (GAP, 34), 12, (HPos::Left, VPos::Top), 0.65)
}

fn bar(area: &Area, from: (i32, i32), to: (i32, i32), colour: Colour) -> Drawn {
    if to.0 <= from.0 || to.1 <= from.1 {
        return Ok(());
    }
    area.draw(&Rectangle::new([from, to], rgb(colour).filled()))
}

/// A square and a name for each class, right-aligned.
fn class_legend(area: &Area, names: &[&str]) -> Drawn {
    let mut right = WIDTH - GAP;
    for (name, colour) in names.iter().zip(CLASS_COLOURS).rev() {
        right -= 7 * name.len() as i32;
        text(area, name, (right, 15), 12, (HPos::Left, VPos::Top), 0.8)?;
        bar(area, (right - 15, 16), (right - 4, 27), colour)?;
        right -= 28;
    }
    Ok(())
}

fn parts(t: &Tally) -> [u64; 4] {
    [t.hap1, t.hap2, t.conflicting, t.uninformative]
}

/// 1234567 as 1,234,567.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// At most `most` characters, with the middle omitted.
fn shortened(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_string();
    }
    let (head, tail) = ((most - 1) / 2, most - 1 - (most - 1) / 2);
    let part = |range: &[char]| range.iter().collect::<String>();
    format!("{}…{}", part(&letters[..head]), part(&letters[letters.len() - tail..]))
}

/// Names of at most `most` characters. If one is too long, all lose their common prefix and suffix, so that they remain
/// distinct.
fn short_names(names: &[&str], most: usize) -> Vec<String> {
    let letters: Vec<Vec<char>> = names.iter().map(|n| n.chars().collect()).collect();
    if letters.len() < 2 || letters.iter().all(|l| l.len() <= most) {
        return names.iter().map(|n| shortened(n, most)).collect();
    }
    let least = letters.iter().map(Vec::len).min().unwrap_or(0);
    let head = (0..least).take_while(|&i| letters.iter().all(|l| l[i] == letters[0][i])).count();
    let same_from_end = |i: &usize| letters.iter().all(|l| l[l.len() - 1 - i] == letters[0][letters[0].len() - 1 - i]);
    let tail = (0..least - head).take_while(same_from_end).count();
    let mark = |n: usize| if n > 0 { "…" } else { "" };
    let own = |l: &Vec<char>| -> String { l[head..l.len() - tail].iter().collect() };
    letters.iter().map(|l| shortened(&format!("{}{}{}", mark(head), own(l), mark(tail)), most)).collect()
}

fn more(all: usize, drawn: usize, what: &str) -> String {
    match all > drawn {
        true => format!("; {} more {what} not drawn", all - drawn),
        false => String::new(),
    }
}

fn classes(area: &Area, overview: &Overview) -> Drawn {
    let drawn = overview.classes.len().min(MOST_SAMPLES);
    let note = format!(
        "of fragments that touch a region or cover a variant, by sample{}",
        more(overview.classes.len(), drawn, "samples")
    );
    title(area, "Fragments by class", &note)?;
    class_legend(area, &CLASS_NAMES)?;
    let (left, right) = (190, WIDTH - 270);
    let names: Vec<&str> = overview.classes.iter().take(drawn).map(|(s, _)| s.as_str()).collect();
    let names = short_names(&names, 24);
    for (i, (_, tally)) in overview.classes.iter().take(drawn).enumerate() {
        let y = 62 + i as i32 * ROW;
        text(area, &names[i], (left - 8, y + 8), 12, (HPos::Right, VPos::Center), 0.9)?;
        let total = tally.total();
        let mut sum = 0;
        for (part, colour) in parts(tally).into_iter().zip(CLASS_COLOURS) {
            let place = |n: u64| left + ((right - left) as f64 * n as f64 / total.max(1) as f64).round() as i32;
            bar(area, (place(sum), y), (place(sum + part), y + 16), colour)?;
            sum += part;
        }
        let informative = tally.hap1 + tally.hap2;
        let share = match informative {
            0 => "no informative fragment".to_string(),
            n => format!("haplotype 1: {:.1} % of {}", 100.0 * tally.hap1 as f64 / n as f64, grouped(n)),
        };
        text(area, &share, (right + 10, y + 8), 12, (HPos::Left, VPos::Center), 0.8)?;
    }
    let y = 62 + drawn as i32 * ROW + 2;
    for percent in [0, 25, 50, 75, 100] {
        let x = left + (right - left) * percent / 100;
        text(area, &format!("{percent} %"), (x, y), 11, (HPos::Center, VPos::Top), 0.65)?;
    }
    Ok(())
}

/// The next of 1, 2, 5 times a power of ten.
fn step(span: f64) -> f64 {
    let power = 10f64.powf(span.max(1.0).log10().floor());
    [0.1, 0.2, 0.5, 1.0, 2.0].map(|f| f * power).into_iter().find(|s| span / s <= 5.0).unwrap_or(power).max(1.0)
}

fn chromosomes(area: &Area, overview: &Overview) -> Drawn {
    let all = &overview.chromosomes;
    // The contigs with most informative fragments, in their own order.
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(all[i].1.hap1 + all[i].1.hap2), i));
    order.truncate(MOST_CONTIGS);
    order.sort_unstable();
    let note = format!("informative fragments, all samples{}", more(all.len(), order.len(), "contigs"));
    title(area, "Chromosomes", &note)?;
    class_legend(area, &CLASS_NAMES[..2])?;
    if all.is_empty() {
        return text(area, "no informative fragment", (WIDTH / 2, 150), 13, (HPos::Center, VPos::Center), 0.65);
    }
    let (left, right, top, bottom) = (80, WIDTH - 2 * GAP, 64, PANEL as i32 - 66);
    let highest = order.iter().map(|&i| all[i].1.hap1.max(all[i].1.hap2)).max().unwrap_or(0).max(1) as f64;
    let every = step(highest);
    let y = |n: f64| bottom - ((bottom - top) as f64 * n / highest).round() as i32;
    let mut at = 0.0;
    while at <= highest {
        let line = PathElement::new([(left, y(at)), (right, y(at))], BLACK.mix(0.12).stroke_width(1));
        area.draw(&line)?;
        text(area, &grouped(at as u64), (left - 8, y(at)), 11, (HPos::Right, VPos::Center), 0.8)?;
        at += every;
    }
    let slot = ((right - left) as f64 / order.len().max(1) as f64).min(120.0);
    for (place, &i) in order.iter().enumerate() {
        let (name, tally) = &all[i];
        let from = left as f64 + slot * place as f64;
        let at = |share: f64| (from + slot * share).round() as i32;
        bar(area, (at(0.15), y(tally.hap1 as f64)), (at(0.5), bottom), HAPLOTYPE1)?;
        bar(area, (at(0.5), y(tally.hap2 as f64)), (at(0.85), bottom), HAPLOTYPE2)?;
        let name = shortened(name, 14);
        // Horizontal if the name fits under the bars, else vertical.
        if 6.5 * name.chars().count() as f64 <= slot {
            text(area, &name, (at(0.5), bottom + 6), 11, (HPos::Center, VPos::Top), 0.9)?;
        } else {
            let style = ("sans-serif", 11)
                .into_font()
                .transform(FontTransform::Rotate270)
                .color(&BLACK.mix(0.9))
                .pos(Pos::new(HPos::Right, VPos::Center));
            area.draw(&Text::new(name, (at(0.5), bottom + 6), style))?;
        }
    }
    Ok(())
}

/// Names and colours of lines, below the title.
fn line_legend(area: &Area, names: &[&str]) -> Drawn {
    let mut x = GAP;
    let room = (WIDTH / 2 - 2 * GAP) / names.len().max(1) as i32;
    let letters = ((room - 30) / 7).max(3) as usize;
    for (name, colour) in short_names(names, letters).into_iter().zip(SERIES) {
        area.draw(&PathElement::new([(x, 57), (x + 14, 57)], rgb(colour).stroke_width(3)))?;
        text(area, &name, (x + 18, 57), 11, (HPos::Left, VPos::Center), 0.9)?;
        x += 32 + 7 * name.chars().count() as i32;
    }
    Ok(())
}

fn nothing(area: &Area, words: &str) -> Drawn {
    text(area, words, (WIDTH / 4, PANEL as i32 / 2), 13, (HPos::Center, VPos::Center), 0.65)
}

fn fractions(area: &Area, overview: &Overview) -> Drawn {
    let lines: Vec<_> = overview.fractions.iter().filter(|(_, points)| !points.is_empty()).collect();
    let shown = &lines[..lines.len().min(MOST_LINES)];
    let [fraction_of, rows] = overview.fraction_of;
    let hidden = more(lines.len(), shown.len(), "samples");
    title(area, &format!("{fraction_of} fraction by coverage"), &format!("mean over {rows}, 95 % interval{hidden}"))?;
    if shown.is_empty() {
        return nothing(area, "no informative fragment");
    }
    line_legend(area, &shown.iter().map(|(s, _)| s.as_str()).collect::<Vec<_>>())?;
    let points = || shown.iter().flat_map(|(_, p)| p);
    let first = points().map(|p| p.from).min().unwrap_or(1).ilog2() as f64;
    let last = points().map(|p| p.from).max().unwrap_or(1).ilog2() as f64;
    // Around one half, to include all means, but not so narrow that noise looks like bias.
    let reach = points().map(|p| (p.mean - 0.5).abs() + 0.02).fold(0.1, f64::max).min(0.5);
    let coverage = |v: &f64| match v.fract().abs() < 1e-6 && *v >= 0.0 {
        true => grouped(2f64.powf(*v) as u64),
        false => String::new(),
    };
    let x = Ticks { count: Some(((last - first) as usize + 2).min(12)), format: coverage };
    let labels = ["informative fragments: this many to twice as many", &format!("{fraction_of} fraction")];
    let style = layout(labels, x, |v| format!("{v:.2}"));
    let mut chart = panel(area, first - 0.4..last + 0.4, 0.5 - reach..0.5 + reach, &style)?;
    let half = [(first - 0.4, 0.5), (last + 0.4, 0.5)];
    chart.draw_series(LineSeries::new(half, BLACK.mix(0.5).stroke_width(1)))?;
    for (i, ((_, points), colour)) in shown.iter().zip(SERIES).enumerate() {
        let colour = rgb(colour);
        // Samples next to each other.
        let x = |p: u64| p.ilog2() as f64 + 0.08 * (i as f64 - (shown.len() - 1) as f64 / 2.0);
        chart.draw_series(LineSeries::new(points.iter().map(|p| (x(p.from), p.mean)), colour.stroke_width(2)))?;
        let within = |y: f64| y.clamp(0.5 - reach, 0.5 + reach);
        chart.draw_series(points.iter().map(|p| {
            let (low, high) = (within(p.mean - 1.96 * p.se), within(p.mean + 1.96 * p.se));
            PathElement::new([(x(p.from), low), (x(p.from), high)], colour.stroke_width(1))
        }))?;
        chart.draw_series(points.iter().map(|p| Circle::new((x(p.from), p.mean), 3, colour.filled())))?;
    }
    Ok(())
}

fn p_values(area: &Area, overview: &Overview) -> Drawn {
    let shown = &overview.p[..overview.p.len().min(MOST_LINES)];
    let note = format!(
        "{} with {LEAST_FRAGMENTS} informative fragments and more; the line at 1 is no imbalance{}",
        overview.p_of,
        more(overview.p.len(), shown.len(), "samples")
    );
    if shown.is_empty() {
        title(area, "p-values", "")?;
        return nothing(area, "no p-values");
    }
    title(area, "p-values", &note)?;
    line_legend(area, &shown.iter().map(|(s, _)| s.as_str()).collect::<Vec<_>>())?;
    let density = |bars: &[u64; P_BARS]| -> Vec<f64> {
        let rows: u64 = bars.iter().sum();
        bars.iter().map(|b| *b as f64 * P_BARS as f64 / rows.max(1) as f64).collect()
    };
    let lines: Vec<Vec<f64>> = shown.iter().map(|(_, bars)| density(bars)).collect();
    let highest = lines.iter().flatten().copied().fold(1.5, f64::max) * 1.05;
    let tenths = |v: &f64| format!("{v:.1}");
    let style = layout(["p-value", "density"], Ticks { count: Some(6), format: tenths }, tenths);
    let mut chart = panel(area, 0.0..1.0, 0.0..highest, &style)?;
    let width = 1.0 / P_BARS as f64;
    if let [line] = lines.as_slice() {
        let style = rgb(SERIES[0]).mix(0.6).filled();
        chart.draw_series(line.iter().enumerate().map(|(i, y)| {
            let mut bar = Rectangle::new([(i as f64 * width, 0.0), ((i + 1) as f64 * width, *y)], style);
            bar.set_margin(0, 0, 1, 1);
            bar
        }))?;
    } else {
        for (line, colour) in lines.iter().zip(SERIES) {
            let steps =
                line.iter().enumerate().flat_map(|(i, y)| [(i as f64 * width, *y), ((i + 1) as f64 * width, *y)]);
            chart.draw_series(LineSeries::new(steps, rgb(colour).stroke_width(2)))?;
        }
    }
    chart.draw_series(LineSeries::new([(0.0, 1.0), (1.0, 1.0)], BLACK.mix(0.5).stroke_width(1)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_readable() {
        assert_eq!([0, 999, 1000, 1234567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(shortened("chr1", 8), "chr1");
        assert_eq!(shortened("a_very_long_name", 9), "a_ve…name");
        assert_eq!(short_names(&["rep_1_of_brain", "rep_2_of_brain"], 9), ["…1…", "…2…"]);
        assert_eq!(short_names(&["same", "same"], 3), ["…", "…"]);
        assert_eq!(short_names(&["brain_1", "b"], 7), ["brain_1", "b"]);
        assert_eq!([1.0, 7.0, 42.0, 1000.0, 1800.0].map(step), [1.0, 2.0, 10.0, 200.0, 500.0]);
    }
}
