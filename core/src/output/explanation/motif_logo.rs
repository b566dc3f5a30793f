//! Motifs as letters, as SVG: one by one, and all in a tree.

use std::fmt::Write;

use ndarray::{s, Array2, ArrayView1, ArrayView2};

use crate::explanation::learned_motifs::MotifTree;
use crate::output::explanation::logo::{letter, outlines};
use crate::output::track::Colour;
use crate::output::xml::escape;

/// Width of a column of a single logo, and the height of one of its panels, in pixels.
const COLUMN: f64 = 24.0;
const PANEL: f64 = 110.0;
const LEFT: f64 = 60.0;
/// Of the tree: height of a row, widths of the tree, of a column, of the bars, and of the texts.
const ROW: f64 = 44.0;
const TREE: f64 = 160.0;
const SMALL_COLUMN: f64 = 10.0;
const BARS: f64 = 160.0;
const TEXT: f64 = 340.0;
/// Of seqlets that increase and that decrease the prediction.
const INCREASE: Colour = (230, 97, 1);
const DECREASE: Colour = (94, 60, 153);

/// What is drawn of one motif.
pub struct DrawnMotif<'a> {
    /// Contributions (width, 4).
    pub contributions: ArrayView2<'a, f64>,
    /// Base frequencies (width, 4).
    pub frequencies: ArrayView2<'a, f64>,
    /// Above it, or next to it in the tree.
    pub title: String,
    /// Below the title in the tree.
    pub subtitle: String,
    /// Share of the regions.
    pub share: f64,
    /// Share of its seqlets that increase the prediction.
    pub increase: f64,
}

/// Heights of the letters of a column of frequencies: each frequency times the information of the column in bits.
fn information(frequencies: ArrayView1<f64>) -> Vec<f64> {
    let entropy: f64 = frequencies.iter().filter(|p| **p > 0.0).map(|p| -p * p.log2()).sum();
    frequencies.iter().map(|p| p * (2.0 - entropy).max(0.0)).collect()
}

/// Letters of one column at `x`, those above `zero` and those below it stacked with the largest outermost.
fn stack(svg: &mut String, heights: &[f64], x: f64, zero: f64, width: f64, scale: f64) {
    let mut order: Vec<usize> = (0..heights.len()).collect();
    order.sort_by(|a, b| heights[*a].abs().total_cmp(&heights[*b].abs()));
    let (mut above, mut below) = (zero, zero);
    for base in order {
        let height = heights[base] * scale;
        let from = if height >= 0.0 { &mut above } else { &mut below };
        svg.extend(letter(base as u8, x, *from, width, height));
        *from -= height;
    }
}

/// Largest sum of the values above zero in a column, and of those below.
fn extent(values: ArrayView2<f64>) -> (f64, f64) {
    let sum = |sign: f64| {
        let of = |row: ArrayView1<f64>| row.iter().map(|value| (sign * value).max(0.0)).sum::<f64>();
        values.rows().into_iter().map(of).fold(0.0, f64::max)
    };
    (sum(1.0), sum(-1.0))
}

fn begin(width: f64, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n<defs>{}</defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        outlines()
    )
}

fn text(svg: &mut String, x: f64, y: f64, attributes: &str, content: &str) {
    _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" {attributes}>{}</text>", escape(content));
}

/// Contributions of a motif and the information of its base frequencies, one above the other.
pub fn motif_logo(motif: &DrawnMotif) -> String {
    let columns = motif.contributions.nrows();
    let width = (LEFT + COLUMN * columns as f64 + 20.0).max(420.0);
    let mut svg = begin(width, 70.0 + 2.0 * PANEL + 70.0);
    text(&mut svg, 10.0, 20.0, "font-size=\"14\"", &motif.title);
    text(&mut svg, 10.0, 38.0, "fill=\"#555\"", &motif.subtitle);
    let (above, below) = extent(motif.contributions);
    let scale = if above + below > 0.0 { PANEL / (above + below) } else { 0.0 };
    let top = 52.0;
    let zero = top + above * scale;
    let right = LEFT + COLUMN * columns as f64;
    let line = |svg: &mut String, y: f64| {
        _ = writeln!(svg, "<line x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.2}\" y2=\"{y:.2}\" stroke=\"#999\"/>");
    };
    line(&mut svg, zero);
    let small = "text-anchor=\"end\" font-size=\"10\"";
    text(&mut svg, LEFT - 6.0, top + 8.0, small, &format!("{above:+.3}"));
    text(&mut svg, LEFT - 6.0, top + PANEL, small, &format!("{:+.3}", -below));
    for (column, values) in motif.contributions.rows().into_iter().enumerate() {
        stack(&mut svg, &values.to_vec(), LEFT + COLUMN * column as f64, zero, COLUMN, scale);
    }
    text(&mut svg, LEFT, top + PANEL + 16.0, "font-size=\"10\" fill=\"#555\"", "mean contribution, log2");
    let top = top + PANEL + 34.0;
    let zero = top + PANEL;
    line(&mut svg, zero);
    text(&mut svg, LEFT - 6.0, top + 8.0, small, "2 bits");
    for (column, values) in motif.frequencies.rows().into_iter().enumerate() {
        stack(&mut svg, &information(values), LEFT + COLUMN * column as f64, zero, COLUMN, PANEL / 2.0);
        let x = LEFT + COLUMN * (column as f64 + 0.5);
        text(&mut svg, x, zero + 12.0, "text-anchor=\"middle\" font-size=\"9\"", &(column + 1).to_string());
    }
    text(&mut svg, LEFT, zero + 28.0, "font-size=\"10\" fill=\"#555\"", "information of the base frequencies");
    svg + "</svg>\n"
}

/// All motifs in a tree, each with the letters of its base frequencies, its title and a bar of its share of the regions, in
/// which seqlets that increase and that decrease the prediction have a part each.
pub fn motif_tree_drawing(motifs: &[DrawnMotif], tree: &MotifTree) -> String {
    let longest = motifs.iter().map(|motif| motif.frequencies.nrows()).max().unwrap_or(0);
    let logos = TREE + 20.0;
    let texts = logos + SMALL_COLUMN * longest as f64 + 16.0;
    let bars = texts + TEXT;
    let top = 40.0;
    let bottom = top + ROW * motifs.len() as f64;
    let mut svg = begin(bars + BARS + 70.0, bottom + 50.0);
    text(&mut svg, 10.0, 20.0, "font-size=\"14\"", &format!("{} motifs", motifs.len()));
    text(&mut svg, bars, 20.0, "font-size=\"10\"", "share of the regions");
    for (x, colour, what) in [(bars, INCREASE, "increase"), (bars + 70.0, DECREASE, "decrease")] {
        let fill = fill(colour);
        _ = writeln!(svg, "<rect x=\"{x}\" y=\"26\" width=\"9\" height=\"9\" {fill}/>");
        text(&mut svg, x + 12.0, 34.0, "font-size=\"9\"", what);
    }
    let most = motifs.iter().map(|motif| motif.share).filter(|s| s.is_finite()).fold(0.0, f64::max);
    for (row, &(number, reverse)) in tree.leaves.iter().enumerate() {
        let Some(motif) = motifs.get(number) else { continue };
        let y = top + ROW * row as f64;
        let frequencies: Array2<f64> = match reverse {
            true => motif.frequencies.slice(s![..;-1, ..;-1]).to_owned(),
            false => motif.frequencies.to_owned(),
        };
        let high = ROW - 8.0;
        for (column, values) in frequencies.rows().into_iter().enumerate() {
            let x = logos + SMALL_COLUMN * column as f64;
            stack(&mut svg, &information(values), x, y + high, SMALL_COLUMN, high / 2.0);
        }
        text(&mut svg, texts, y + 16.0, "", &motif.title);
        text(&mut svg, texts, y + 31.0, "font-size=\"10\" fill=\"#555\"", &motif.subtitle);
        let wide = if most > 0.0 { BARS * motif.share / most } else { 0.0 };
        let part = wide * motif.increase;
        for (x, wide, colour) in [(bars, part, INCREASE), (bars + part, wide - part, DECREASE)] {
            let fill = fill(colour);
            _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"{}\" {fill}/>",
                y + 6.0,
                ROW - 20.0
            );
        }
        text(&mut svg, bars + wide + 5.0, y + 22.0, "font-size=\"10\"", &format!("{:.1} %", 100.0 * motif.share));
    }
    branches(&mut svg, motifs.len(), tree, top, bottom);
    svg + "</svg>\n"
}

/// The lines of the tree, from a distance of 0 on the right to the largest one on the left, with a scale below.
fn branches(svg: &mut String, items: usize, tree: &MotifTree, top: f64, bottom: f64) {
    let most = tree.tree.joined.iter().map(|joined| joined.distance).fold(0.0, f64::max);
    let x_of = |distance: f64| if most > 0.0 { TREE - (TREE - 14.0) * distance / most } else { TREE };
    // Place of each cluster: distance, and middle of its rows.
    let mut places = vec![(0.0, 0.0); items];
    for (row, &(number, _)) in tree.leaves.iter().enumerate() {
        places[number] = (0.0, top + ROW * (row as f64 + 0.5) - 4.0);
    }
    for joined in &tree.tree.joined {
        let x = x_of(joined.distance);
        let ends = joined.clusters.map(|cluster| places[cluster]);
        for (distance, y) in ends {
            let from = x_of(distance);
            _ = writeln!(svg, "<path d=\"M{from:.1} {y:.1}H{x:.1}\" stroke=\"black\" fill=\"none\"/>");
        }
        let [(_, one), (_, two)] = ends;
        _ = writeln!(svg, "<path d=\"M{x:.1} {one:.1}V{two:.1}\" stroke=\"black\" fill=\"none\"/>");
        places.push((joined.distance, (one + two) / 2.0));
    }
    if most > 0.0 {
        let y = bottom + 10.0;
        _ = writeln!(svg, "<path d=\"M{:.1} {y:.1}H{TREE}\" stroke=\"#555\" fill=\"none\"/>", x_of(most));
        text(svg, x_of(most), y + 14.0, "font-size=\"9\"", &format!("{most:.2}"));
        text(svg, TREE, y + 14.0, "font-size=\"9\" text-anchor=\"end\"", "0");
        text(svg, x_of(most), y + 27.0, "font-size=\"9\" fill=\"#555\"", "1 - correlation of contributions");
    }
}

fn fill((red, green, blue): Colour) -> String {
    format!("fill=\"rgb({red},{green},{blue})\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::clusters::tree::Tree;
    use ndarray::array;

    fn drawn<'a>(contributions: &'a Array2<f64>, frequencies: &'a Array2<f64>, title: &str) -> DrawnMotif<'a> {
        DrawnMotif {
            contributions: contributions.view(),
            frequencies: frequencies.view(),
            title: title.into(),
            subtitle: "</svg><script>".into(),
            share: 0.25,
            increase: 0.75,
        }
    }

    #[test]
    fn letters_are_stacked_with_the_largest_outermost() {
        let mut svg = String::new();
        stack(&mut svg, &[1.0, 3.0, -2.0, 0.0], 0.0, 100.0, 10.0, 10.0);
        let lines: Vec<&str> = svg.lines().collect();
        assert_eq!(lines.len(), 3);
        // A from 100 to 90, G mirrored down to 120, C from 90 to 60.
        assert!(lines[0].contains("#A\" transform=\"translate(0.00,90.00)scale(0.0960,0.1000)"), "{svg}");
        assert!(lines[1].contains("#G\" transform=\"translate(0.00,120.00)scale(0.0960,-0.2000)"), "{svg}");
        assert!(lines[2].contains("#C\" transform=\"translate(0.00,60.00)scale(0.0960,0.3000)"), "{svg}");
    }

    #[test]
    fn information_is_in_bits() {
        assert_eq!(information(array![0.0, 1.0, 0.0, 0.0].view()), [0.0, 2.0, 0.0, 0.0]);
        assert_eq!(information(array![0.25, 0.25, 0.25, 0.25].view()), [0.0; 4]);
        assert_eq!(information(array![0.5, 0.5, 0.0, 0.0].view()), [0.5, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn drawings_have_all_motifs_and_no_markup_of_names() {
        let contributions = array![[2.0, -1.0, -1.0, 0.0], [0.0, 1.0, -1.0, 0.0], [0.0, 0.0, 0.0, 0.0]];
        let frequencies = array![[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25]];
        let motifs =
            [drawn(&contributions, &frequencies, "motif_1 <b>"), drawn(&contributions, &frequencies, "motif_2")];
        let logo = motif_logo(&motifs[0]);
        assert_eq!(logo.matches("<use").count(), 5 + 2);
        assert!(logo.contains("motif_1 &lt;b&gt;") && !logo.contains("<script") && logo.ends_with("</svg>\n"));
        let tree = MotifTree { tree: Tree::average_linkage(2, &[0.5]).unwrap(), leaves: vec![(1, false), (0, true)] };
        let svg = motif_tree_drawing(&motifs, &tree);
        assert!(svg.find("motif_2").unwrap() < svg.find("motif_1").unwrap());
        assert_eq!((svg.matches("<use").count(), svg.matches("25.0 %").count()), (4, 2));
        // The second leaf is reverse complemented: its first letter is the T of the reversed A.
        let second = &svg[svg.find("motif_2").unwrap()..];
        assert!(second.find("#T").unwrap() < second.find("#G").unwrap());
        assert!(svg.contains("0.50") && !svg.contains("NaN") && !svg.contains("<script"));
        let one = MotifTree { tree: Tree::average_linkage(1, &[]).unwrap(), leaves: vec![(0, false)] };
        assert!(motif_tree_drawing(&motifs[..1], &one).contains("motif_1"));
    }
}
