//! The contributions of both alleles of a pair as letters, one above the other, as SVG.

use std::fmt::Write;
use std::ops::Range;

use crate::output::track::{Colour, HAPLOTYPE1, HAPLOTYPE2};
use crate::output::xml::escape;

/// Width of a column and height of an allele's letters above and below zero, in pixels.
const COLUMN: f64 = 9.0;
const HALF: f64 = 55.0;
const LEFT: f64 = 90.0;
const TOP: f64 = 44.0;
/// Space between the two alleles.
const BETWEEN: f64 = 34.0;

/// Outlines of A, C, G and T in a box of 100 by 100, and the colours that sequence logos have.
pub(crate) const LETTERS: [(char, &str, Colour); 4] = [
    ('A', "M0 100L40 0H60L100 100H79L71 76H29L21 100ZM35 59H65L50 18Z", (0, 128, 0)),
    ('C', "M97 30A48 50 0 1 0 97 70L77 64A29 32 0 1 1 77 36Z", (0, 0, 255)),
    ('G', "M97 30A48 50 0 1 0 97 72V46H55V62H78V66A29 32 0 1 1 77 36Z", (255, 166, 0)),
    ('T', "M0 0H100V19H61V100H39V19H0Z", (255, 0, 0)),
];

/// The outlines of the four letters, named `A` to `T`, to be put between `<defs>` and `</defs>`.
pub(crate) fn outlines() -> String {
    let mut defined = String::new();
    for (letter, outline, (red, green, blue)) in LETTERS {
        let fill = format!("fill=\"rgb({red},{green},{blue})\" fill-rule=\"evenodd\"");
        _ = write!(defined, "<path id=\"{letter}\" d=\"{outline}\" {fill}/>");
    }
    defined
}

/// A letter of [`outlines`] with its left end at `x`, from `zero` up to `height` above it; below it and upside down where
/// `height` is negative. Nothing for other codes than those of bases, and where it would not be seen.
pub(crate) fn letter(code: u8, x: f64, zero: f64, width: f64, height: f64) -> Option<String> {
    let (letter, ..) = LETTERS.get(code as usize)?;
    let scale = height / 100.0;
    if scale.is_nan() || scale.abs() < 0.002 {
        return None;
    }
    // Above the line from its top down, below it mirrored.
    let (y, wide) = (zero - height, width / 100.0 * 0.96);
    Some(format!("<use href=\"#{letter}\" transform=\"translate({x:.2},{y:.2})scale({wide:.4},{scale:.4})\"/>\n"))
}

/// One column of the two alleles: the code of the base (0 to 3 for A, C, G, T; more for N) and its contribution, `None` where
/// the allele has a gap.
pub type LogoColumn = [Option<(u8, f32)>; 2];

/// What is drawn above and next to the letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogoLabels {
    /// Above all.
    pub title: String,
    /// Left of each allele.
    pub alleles: [String; 2],
    /// Columns and what is written under them, such as positions.
    pub ticks: Vec<(usize, String)>,
    /// What the numbers of the scale are.
    pub unit: String,
}

/// The SVG of `columns`. Both alleles have the same scale; letters below the line are upside down. Columns in which the
/// alleles differ have a grey ground, and a gap is a dash; before the first and after the last base of an allele, where its
/// window has ended, is nothing.
pub fn pair_logo(columns: &[LogoColumn], labels: &LogoLabels) -> String {
    let all = columns.iter().flatten().flatten();
    let most = all.map(|(_, value)| f64::from(value.abs())).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let scale = if most > 0.0 { HALF / most } else { 0.0 };
    let width = LEFT + COLUMN * columns.len() as f64 + 20.0;
    let height = TOP + 4.0 * HALF + BETWEEN + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n<defs>"
    );
    svg += &outlines();
    svg += "</defs>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n";
    _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{}</text>", escaped(&labels.title));
    let bottom = TOP + 4.0 * HALF + BETWEEN;
    let shown = [0, 1].map(|allele| {
        let has_base = |column: &LogoColumn| column[allele].is_some();
        columns.iter().position(has_base).zip(columns.iter().rposition(has_base)).map_or(0..0, |(a, b)| a..b + 1)
    });
    // Columns in which the alleles differ, neighbours together.
    let differs: Vec<bool> =
        (0..columns.len()).map(|at| shown.iter().all(|shown| shown.contains(&at)) && differs(&columns[at])).collect();
    let mut at = 0;
    for run in differs.chunk_by(|a, b| a == b) {
        if run[0] {
            let (x, wide) = (LEFT + COLUMN * at as f64, COLUMN * run.len() as f64);
            let high = bottom - TOP;
            _ = writeln!(svg, "<rect x=\"{x}\" y=\"{TOP}\" width=\"{wide}\" height=\"{high}\" fill=\"#e6e6e6\"/>");
        }
        at += run.len();
    }
    for (allele, colour) in [HAPLOTYPE1, HAPLOTYPE2].into_iter().enumerate() {
        let zero = TOP + HALF + allele as f64 * (2.0 * HALF + BETWEEN);
        draw_allele(&mut svg, columns, allele, shown[allele].clone(), zero, scale);
        let (red, green, blue) = colour;
        let name = escaped(&labels.alleles[allele]);
        _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"rgb({red},{green},{blue})\">{name}</text>",
            LEFT - 8.0,
            zero + 4.0
        );
        for (value, y) in [(most, zero - HALF), (-most, zero + HALF)] {
            let (x, y) = (LEFT - 8.0, y + 4.0);
            let value = if most > 0.0 { format!("{value:+.3}") } else { "0".into() };
            _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" font-size=\"9\">{value}</text>");
        }
    }
    for (column, text) in &labels.ticks {
        let x = LEFT + COLUMN * (*column as f64 + 0.5);
        _ = writeln!(
            svg,
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"black\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\">{}</text>",
            bottom + 5.0,
            bottom + 17.0,
            escaped(text)
        );
    }
    let unit = escaped(&labels.unit);
    _ = writeln!(svg, "<text x=\"{LEFT}\" y=\"{}\" font-size=\"10\" fill=\"#555\">{unit}</text>", bottom + 34.0);
    svg + "</svg>\n"
}

fn differs(column: &LogoColumn) -> bool {
    column[0].map(|(code, _)| code) != column[1].map(|(code, _)| code)
}

fn draw_allele(svg: &mut String, columns: &[LogoColumn], allele: usize, shown: Range<usize>, zero: f64, scale: f64) {
    let right = LEFT + COLUMN * columns.len() as f64;
    _ = writeln!(
        svg,
        "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{zero}\" y2=\"{zero}\" stroke=\"#999\" stroke-width=\"0.5\"/>"
    );
    for (number, column) in columns.iter().enumerate() {
        let x = LEFT + COLUMN * number as f64;
        match column[allele] {
            None if !shown.contains(&number) => {}
            None => {
                let (from, to) = (x + 1.0, x + COLUMN - 1.0);
                _ = writeln!(
                    svg,
                    "<line x1=\"{from}\" x2=\"{to}\" y1=\"{zero}\" y2=\"{zero}\" stroke=\"black\" stroke-width=\"2\"/>"
                );
            }
            Some((code, value)) => {
                svg.extend(letter(code, x, zero, COLUMN, f64::from(value) * scale));
            }
        }
    }
}

/// For XML, without control characters.
fn escaped(text: &str) -> String {
    escape(&text.replace(char::is_control, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_gaps_and_differences_are_drawn() {
        let columns = [
            [Some((0, 0.5)), Some((0, 0.4))],
            [Some((1, -1.0)), Some((2, 0.25))],
            [None, Some((3, 0.1))],
            [Some((4, 0.0)), Some((4, 0.0))],
        ];
        let labels = LogoLabels {
            title: "</svg><script>&".into(),
            alleles: ["hap\u{7}1".into(), "hap2".into()],
            ticks: vec![(0, "chr1:5".into())],
            unit: "log2".into(),
        };
        let svg = pair_logo(&columns, &labels);
        assert!(svg.contains("&lt;/svg&gt;&lt;script&gt;&amp;") && !svg.contains("<script"), "{svg}");
        assert!(svg.contains(">hap1<") && svg.contains(">chr1:5<") && svg.contains("+1.000"));
        assert_eq!(svg.matches("<use").count(), 5);
        // One ground for two neighbours that differ; one dash.
        assert_eq!((svg.matches("#e6e6e6").count(), svg.matches("stroke-width=\"2\"").count()), (1, 1));
        // A window that ends before the other does not differ.
        let ends = pair_logo(&columns[..3], &labels);
        assert_eq!((ends.matches("#e6e6e6").count(), ends.matches("stroke-width=\"2\"").count()), (1, 0));
        assert!(ends.contains(&format!("width=\"{COLUMN}\" height=\"{}\" fill=\"#e6e6e6\"", 4.0 * HALF + BETWEEN)));
        // Upside down: the height is negative.
        assert!(svg.contains("<use href=\"#C\" transform=\"translate(99.00,154.00)scale(0.0864,-0.5500)\"/>"), "{svg}");
        assert!(pair_logo(&[], &LogoLabels::default()).ends_with("</svg>\n"));
    }
}
