//! Values along a genome: added in any order, written sorted and without overlaps.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::io::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::output_file::{CompleteFiles, OutFile};
use crate::io::plain_text::plain;
use crate::io::Contigs;
use crate::output::provenance::Provenance;

/// A colour, red green blue.
pub type Colour = (u8, u8, u8);

/// Haplotype 1 in every track and plot: blue, distinct from the orange of haplotype 2 in any kind of colour vision.
pub const HAPLOTYPE1: Colour = (0, 114, 178);
/// Haplotype 2: orange.
pub const HAPLOTYPE2: Colour = (213, 94, 0);
/// Ratios and effects: dark grey.
pub const RATIO: Colour = (70, 70, 70);

/// The same hue, halfway to white: for measured values next to predicted ones.
pub fn lighter((red, green, blue): Colour) -> Colour {
    let half = |part: u8| part / 2 + 128;
    (half(red), half(green), half(blue))
}

/// Name and colours of a track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackStyle {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Colours of values above and below zero.
    pub colours: [Colour; 2],
}

/// An interval with one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Start, 0-based.
    pub start: u32,
    /// End, exclusive.
    pub end: u32,
    /// Its value.
    pub value: f32,
}

/// Values on the contigs of a genome.
pub struct Track {
    contigs: Contigs,
    spans: Vec<Vec<Span>>,
}

impl Track {
    /// An empty track.
    pub fn new(contigs: Contigs) -> Self {
        let mut spans = Vec::new();
        spans.resize_with(contigs.len(), Vec::new);
        Self { contigs, spans }
    }

    /// The contigs, to whose numbers spans refer.
    pub fn contigs(&self) -> &Contigs {
        &self.contigs
    }

    /// Add a value on `start..end` (0-based half-open), clipped to the contig. Values that are not finite and empty
    /// intervals are ignored.
    pub fn push(&mut self, contig: usize, start: u64, end: u64, value: f64) {
        let Some(list) = self.spans.get_mut(contig) else { return };
        let length = match self.contigs.length(contig) {
            0 => u64::from(u32::MAX),
            n => n.min(u64::from(u32::MAX)),
        };
        let (start, end, value) = (start.min(length) as u32, end.min(length) as u32, value as f32);
        if start < end && value.is_finite() {
            list.push(Span { start, end, value });
        }
    }

    /// True without values.
    pub fn is_empty(&self) -> bool {
        self.spans.iter().all(Vec::is_empty)
    }

    /// True without values on a contig.
    pub fn is_bare(&self, contig: usize) -> bool {
        self.spans.get(contig).is_none_or(Vec::is_empty)
    }

    /// Spans of a contig, sorted, without overlaps: a base with several values has their mean. Spans that were added in
    /// order are not copied.
    pub fn flat(&self, contig: usize) -> impl Iterator<Item = Span> + '_ {
        Flat::new(self.spans.get(contig).map_or(&[], Vec::as_slice))
    }

    /// Contig and span of the value farthest from zero, the first if several are equal.
    pub fn strongest(&self) -> Option<(usize, Span)> {
        let all = self.spans.iter().enumerate().flat_map(|(contig, list)| list.iter().map(move |span| (contig, *span)));
        all.max_by(|(a, x), (b, y)| {
            x.value.abs().total_cmp(&y.value.abs()).then((b, y.start, y.end).cmp(&(a, x.start, x.end)))
        })
    }

    /// Write as bedGraph: provenance, one track line, then the spans in the order of the contigs. The file has a temporary
    /// name until the returned set is renamed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_bedgraph(
        &self,
        path: &Path,
        style: &TrackStyle,
        provenance: Option<&Provenance>,
    ) -> Result<CompleteFiles> {
        let mut out = OutFile::create(path)?;
        let fail = |e| Error::io(path, e);
        for line in provenance.iter().flat_map(|p| p.lines()) {
            writeln!(out, "{line}").map_err(fail)?;
        }
        let (name, description) = (quoted(&style.name), quoted(&style.description));
        let [above, below] = style.colours.map(|(red, green, blue)| format!("{red},{green},{blue}"));
        writeln!(
            out,
            "track type=bedGraph name=\"{name}\" description=\"{description}\" color={above} altColor={below} \
             visibility=full autoScale=on alwaysZero=on"
        )
        .map_err(fail)?;
        for contig in 0..self.contigs.len() {
            let name = plain(self.contigs.name(contig));
            for Span { start, end, value } in self.flat(contig) {
                writeln!(out, "{name}\t{start}\t{end}\t{value}").map_err(fail)?;
            }
        }
        out.complete()
    }
}

/// Text that fits between the double quotes of a track line.
fn quoted(text: &str) -> String {
    text.chars().map(|c| if c == '"' || c.is_control() { '\'' } else { c }).collect()
}

/// By position, then by value, so that a mean does not depend on the order in which values were added.
fn by_place(a: &Span, b: &Span) -> Ordering {
    (a.start, a.end).cmp(&(b.start, b.end)).then(a.value.total_cmp(&b.value))
}

/// Goes through sorted spans from one end or start to the next.
struct Flat<'a> {
    sorted: Cow<'a, [Span]>,
    /// The first that has not been begun.
    next: usize,
    /// Those that reach beyond `position`.
    active: Vec<Span>,
    position: u32,
    /// The last piece, which the next one extends if it has the same value.
    last: Option<Span>,
}

impl<'a> Flat<'a> {
    fn new(list: &'a [Span]) -> Self {
        let sorted = match list.is_sorted_by(|a, b| by_place(a, b) != Ordering::Greater) {
            true => Cow::Borrowed(list),
            false => {
                let mut copy = list.to_vec();
                copy.sort_unstable_by(by_place);
                Cow::Owned(copy)
            }
        };
        Self { sorted, next: 0, active: Vec::new(), position: 0, last: None }
    }

    /// The next interval that the same spans cover.
    fn piece(&mut self) -> Option<Span> {
        let position = self.position;
        self.active.retain(|s| s.end > position);
        if self.active.is_empty() {
            self.position = self.sorted.get(self.next)?.start;
        }
        while let Some(span) = self.sorted.get(self.next).filter(|s| s.start <= self.position) {
            self.active.push(*span);
            self.next += 1;
        }
        let ends = self.active.iter().map(|s| s.end);
        let end = ends.chain(self.sorted.get(self.next).map(|s| s.start)).min()?;
        let sum: f64 = self.active.iter().map(|s| f64::from(s.value)).sum();
        let piece = Span { start: self.position, end, value: (sum / self.active.len() as f64) as f32 };
        self.position = end;
        Some(piece)
    }
}

impl Iterator for Flat<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        loop {
            let Some(piece) = self.piece() else { return self.last.take() };
            match &mut self.last {
                Some(last) if last.end == piece.start && last.value == piece.value => last.end = piece.end,
                last => {
                    if let Some(whole) = last.replace(piece) {
                        return Some(whole);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn track(spans: &[(u64, u64, f64)]) -> Track {
        let mut track = Track::new(Contigs::new(vec![("chr1".into(), 100), ("chr2".into(), 100)]));
        spans.iter().for_each(|&(s, e, v)| track.push(0, s, e, v));
        track
    }

    #[test]
    fn overlaps_become_means_and_contigs_end() {
        let flat = track(&[(10, 20, 1.0), (15, 30, 3.0), (40, 40, 9.0), (90, 200, 5.0), (1, 2, f64::NAN)]);
        let flat: Vec<_> = flat.flat(0).map(|s| (s.start, s.end, s.value)).collect();
        assert_eq!(flat, [(10, 15, 1.0), (15, 20, 2.0), (20, 30, 3.0), (90, 100, 5.0)]);
    }

    #[test]
    fn the_strongest_is_the_first_of_equal_ones() {
        assert_eq!(track(&[]).strongest(), None);
        let mut track = track(&[(10, 20, 1.0), (60, 70, 3.0), (40, 50, -3.0), (80, 90, 0.5)]);
        track.push(1, 1, 2, 3.0);
        assert_eq!(track.strongest(), Some((0, Span { start: 40, end: 50, value: -3.0 })));
        track.push(1, 7, 9, -3.5);
        assert_eq!(track.strongest(), Some((1, Span { start: 7, end: 9, value: -3.5 })));
    }

    #[test]
    fn bedgraph_has_one_track_line_and_sorted_spans() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.bedGraph");
        let style = TrackStyle { name: "a \"b\"".into(), description: "d".into(), colours: [HAPLOTYPE1, HAPLOTYPE2] };
        let made = Provenance::new("predict", "1", ["x"]);
        track(&[(20, 30, -0.5), (10, 20, 1.25)]).write_bedgraph(&path, &style, Some(&made)).unwrap().rename().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "##deepallele_predictVersion=1");
        assert!(lines[2]
            .starts_with("track type=bedGraph name=\"a 'b'\" description=\"d\" color=0,114,178 altColor=213,94,0 "));
        assert_eq!(lines[3..], ["chr1\t10\t20\t1.25", "chr1\t20\t30\t-0.5"]);
    }

    proptest! {
        #[test]
        fn every_base_gets_the_mean_of_what_covers_it(
            spans in prop::collection::vec((0u64..90, 1u64..30, -5i32..5), 0..15)
        ) {
            let spans: Vec<_> = spans.into_iter().map(|(s, n, v)| (s, s + n, f64::from(v))).collect();
            let flat: Vec<Span> = track(&spans).flat(0).collect();
            prop_assert!(flat.windows(2).all(|w| w[0].end <= w[1].start));
            for base in 0..100u64 {
                let over: Vec<f64> =
                    spans.iter().filter(|s| s.0 <= base && base < s.1).map(|s| s.2).collect();
                let got = flat.iter().find(|s| u64::from(s.start) <= base && base < u64::from(s.end)).map(|s| s.value);
                let mean = (!over.is_empty()).then(|| (over.iter().sum::<f64>() / over.len() as f64) as f32);
                prop_assert_eq!(got, mean);
            }
        }
    }
}
