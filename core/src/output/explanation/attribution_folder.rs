//! The folder that holds the contributions of many pairs: arrays for other tools, tables, tracks and logos.
//!
//! | file | content |
//! |---|---|
//! | `hap1.npz`, `hap2.npz` | contributions of all four bases, float32 (pairs, 4, window), key `arr_0` |
//! | `hap1.ohe.npz`, `hap2.ohe.npz` | the sequences, one-hot, int8 (pairs, 4, window), key `arr_0` |
//! | `regions.tsv` or `pairs.tsv` | one line for each pair, in the order of the arrays |
//! | `map.tsv.gz` | where the bases of each allele are in the reference |
//! | `hap1.bw`, `hap2.bw` | contributions of present bases, one record for each base of the reference |
//! | `logos/` | an SVG for each pair |
//! | `explain.json` | how the numbers were made |

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::explanation::attributions::base_map::{side_by_side, BaseMap};
use crate::explanation::attributions::settings::{AttributionSettings, SETTINGS};
use crate::explanation::attributions::{of_present_bases, PairAttributions};
use crate::io::npz::NpzWriter;
use crate::io::output_file::temporary::CreatedFolders;
use crate::io::output_file::{complete_file, CompleteFiles, OutFile};
use crate::io::plain_text::Plain;
use crate::io::Contigs;
use crate::output::explanation::base_track::BaseTrack;
use crate::output::explanation::logo::{pair_logo, LogoColumn, LogoLabels};
use crate::output::table::{begin_table, number};

/// Columns of a logo at most.
const LOGO_COLUMNS: usize = 400;

/// Where a pair comes from.
#[derive(Clone, Copy, Debug)]
pub enum PairOrigin<'a> {
    /// A region of the genome: number of its contig, start and end (0-based half-open), the anchor of its window, name, and
    /// the first base (0-based) that a window still to come may have on this contig.
    Region {
        /// Number of the contig.
        contig: usize,
        /// Start, 0-based.
        start: u64,
        /// End, exclusive.
        end: u64,
        /// The base around which the window lies.
        anchor: u64,
        /// The region's name.
        name: &'a str,
        /// First base that a later window on this contig may have.
        complete_before: u64,
    },
    /// A designed pair by its name.
    Designed(&'a str),
}

/// One pair.
pub struct ExplainedPair<'a> {
    /// Where it comes from.
    pub origin: PairOrigin<'a>,
    /// Codes of both alleles, (window).
    pub codes: [&'a [u8]; 2],
    /// Where their bases are.
    pub maps: [&'a BaseMap; 2],
    /// Records in which the alleles differ; of designed pairs the bases.
    pub variants: usize,
    /// What each base contributes.
    pub attributions: &'a PairAttributions,
}

struct OfAllele {
    contributions: NpzWriter<f32>,
    one_hot: NpzWriter<i8>,
    track: Option<BaseTrack>,
}

/// Writes a folder, pair after pair, in constant memory. Nothing has its final name before the set is renamed.
pub struct AttributionFolder {
    folder: PathBuf,
    settings: AttributionSettings,
    contigs: Option<Contigs>,
    alleles: [OfAllele; 2],
    map: OutFile,
    table: OutFile,
    logos: Option<CompleteFiles>,
    written: usize,
    // Last: it is emptied before.
    created: CreatedFolders,
}

/// Names of the tracks of both haplotypes in the folder.
pub const TRACKS: [&str; 2] = ["hap1.bw", "hap2.bw"];

impl AttributionFolder {
    /// Begin the files of `folder`; with `contigs` for regions of a genome, without for designed pairs. With `logos` also an
    /// SVG of each pair.
    ///
    /// # Errors
    /// The folder or a file cannot be created.
    pub fn create(
        folder: &Path,
        settings: AttributionSettings,
        contigs: Option<Contigs>,
        header: &[String],
        logos: bool,
    ) -> Result<Self> {
        let mut created = CreatedFolders::default();
        created.create(folder)?;
        if logos {
            created.create(&folder.join("logos"))?;
        }
        let shape = [settings.pairs as u64, 4, settings.window as u64];
        let allele = |number: usize| -> Result<OfAllele> {
            let track = contigs.as_ref().map(|contigs| BaseTrack::new(&folder.join(TRACKS[number]), contigs.clone()));
            Ok(OfAllele {
                contributions: NpzWriter::create(&folder.join(format!("hap{}.npz", number + 1)), &shape)?,
                one_hot: NpzWriter::create(&folder.join(format!("hap{}.ohe.npz", number + 1)), &shape)?,
                track: track.transpose()?,
            })
        };
        let alleles = [allele(0)?, allele(1)?];
        let map_columns = "#pair\thaplotype\toffset\tlength\tchrom\tstart\tend\tstrand";
        let map = begin_table(&folder.join("map.tsv.gz"), header, map_columns)?;
        let (name, first) = match contigs.is_some() {
            true => ("regions.tsv", "#chrom\tstart\tend\tname"),
            false => ("pairs.tsv", "#id"),
        };
        let columns = format!("{first}\thap1\thap2\tlog2_ratio\tvariants\tsum_hap1\tsum_hap2\tagreement");
        let table = begin_table(&folder.join(name), header, &columns)?;
        let logos = logos.then(CompleteFiles::default);
        Ok(Self { folder: folder.into(), settings, contigs, alleles, map, table, logos, written: 0, created })
    }

    /// Add the next pair.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn add(&mut self, pair: &ExplainedPair) -> Result<()> {
        let present = [0, 1].map(|i| of_present_bases(pair.attributions.contributions[i].view(), pair.codes[i]));
        for (number, allele) in self.alleles.iter_mut().enumerate() {
            allele.contributions.write(&pair.attributions.contributions[number])?;
            for base in 0..4 {
                let one_hot: Vec<i8> = pair.codes[number].iter().map(|&code| i8::from(code == base)).collect();
                allele.one_hot.write(&one_hot)?;
            }
            if let (Some(track), PairOrigin::Region { contig, anchor, complete_before, .. }) =
                (&mut allele.track, pair.origin)
            {
                let sign = self.settings.head.own_sign(number);
                let values = pair.maps[number].positions().into_iter().zip(&present[number]);
                let values = values.filter_map(|(position, value)| Some((position?, sign * value)));
                track.add(contig, values, anchor, complete_before)?;
            }
        }
        self.write_map(pair).map_err(|error| Error::io(self.map.path(), error))?;
        self.write_line(pair, &present).map_err(|error| Error::io(self.table.path(), error))?;
        if let Some(logos) = &mut self.logos {
            let svg = logo(pair, &present, &self.settings, self.contigs.as_ref());
            logos.add(complete_file(&self.folder.join(format!("logos/{}.svg", self.written)), svg.as_bytes())?);
        }
        self.written += 1;
        Ok(())
    }

    fn write_map(&mut self, pair: &ExplainedPair) -> std::io::Result<()> {
        for (haplotype, map) in pair.maps.iter().enumerate() {
            let strand = if map.is_reverse() { '-' } else { '+' };
            for piece in map.pieces() {
                let chrom = match (pair.origin, &self.contigs) {
                    (PairOrigin::Region { contig, .. }, Some(contigs)) => contigs.name(contig),
                    _ => "allele_a",
                };
                let place = match piece.reference {
                    Some((start, end)) => format!("{}\t{start}\t{end}\t{strand}", Plain(chrom)),
                    None => ".\t.\t.\t.".into(),
                };
                let (number, offset, length) = (self.written, piece.offset, piece.length);
                writeln!(self.map, "{number}\t{}\t{offset}\t{length}\t{place}", haplotype + 1)?;
            }
        }
        Ok(())
    }

    fn write_line(&mut self, pair: &ExplainedPair, present: &[Vec<f32>; 2]) -> std::io::Result<()> {
        match (pair.origin, &self.contigs) {
            (PairOrigin::Region { contig, start, end, name, .. }, Some(contigs)) => {
                write!(self.table, "{}\t{start}\t{end}\t{}", Plain(contigs.name(contig)), Plain(name))?;
            }
            (PairOrigin::Region { name, .. } | PairOrigin::Designed(name), _) => write!(self.table, "{}", Plain(name))?,
        }
        let [hap1, hap2, ratio] = pair.attributions.predicted.map(number);
        let [one, two] = [0, 1].map(|i| number(present[i].iter().map(|value| f64::from(*value)).sum()));
        let agreement = pair.attributions.agreement.map_or(".".into(), number);
        writeln!(self.table, "\t{hap1}\t{hap2}\t{ratio}\t{}\t{one}\t{two}\t{agreement}", pair.variants)
    }

    /// Write everything; the files have temporary names until the returned set is renamed. A track without a value is not
    /// written.
    ///
    /// # Errors
    /// A file cannot be written, or pairs are missing.
    pub fn complete(self) -> Result<CompleteFiles> {
        let mut set = CompleteFiles::default();
        for (allele, track) in self.alleles.into_iter().zip(TRACKS) {
            set.add(allele.contributions.complete()?);
            set.add(allele.one_hot.complete()?);
            set.add(match allele.track {
                Some(track) if !track.is_empty() => track.complete()?,
                _ => CompleteFiles::without(&self.folder.join(track))?,
            });
        }
        set.add(self.map.complete()?);
        set.add(self.logos.unwrap_or_default());
        set.add(self.table.complete()?);
        let path = self.folder.join(SETTINGS);
        let json =
            serde_json::to_string_pretty(&self.settings).map_err(|error| Error::input(&path, error.to_string()))?;
        set.add(complete_file(&path, (json + "\n").as_bytes())?);
        Ok(set.in_folders(self.created))
    }
}

/// The letters of both alleles: all columns, or those around the differences of the alleles, else the middle.
fn logo(
    pair: &ExplainedPair,
    present: &[Vec<f32>; 2],
    settings: &AttributionSettings,
    contigs: Option<&Contigs>,
) -> String {
    let side = side_by_side(pair.maps);
    let columns: Vec<LogoColumn> = side
        .iter()
        .map(|column| {
            let of = |allele: usize| {
                let offset = column[allele]?;
                Some((pair.codes[allele][offset], settings.head.own_sign(allele) * present[allele][offset]))
            };
            [of(0), of(1)]
        })
        .collect();
    // Gaps at the ends are where a window has ended.
    let differing = |column: &LogoColumn| matches!(column, [Some((a, _)), Some((b, _))] if a != b);
    let (first, last) = (columns.iter().position(differing), columns.iter().rposition(differing));
    let middle = first.zip(last).map_or(columns.len() / 2, |(first, last)| (first + last) / 2);
    let from = middle.saturating_sub(LOGO_COLUMNS / 2).min(columns.len().saturating_sub(LOGO_COLUMNS));
    let to = (from + LOGO_COLUMNS).min(columns.len());
    let positions = pair.maps[0].positions();
    let mut ticks = Vec::new();
    for (number, column) in side[from..to].iter().enumerate() {
        let position = column[0].and_then(|offset| positions[offset]);
        if let Some(position) = position.filter(|p| (p + 1) % 50 == 0) {
            ticks.push((number, (position + 1).to_string()));
        }
    }
    let (title, what) = match (pair.origin, contigs) {
        (PairOrigin::Region { contig, start, end, name, .. }, Some(contigs)) => {
            (format!("{name} {}", contigs.span_name(contig, start, end)), "position of haplotype 1 in the reference")
        }
        (PairOrigin::Region { name, .. } | PairOrigin::Designed(name), _) => (name.to_owned(), "position in allele A"),
    };
    let [hap1, hap2, ratio] = pair.attributions.predicted;
    let title = format!("{title}   log2 counts {hap1:.2} and {hap2:.2}, log2 ratio {ratio:.3}");
    let unit = format!("contribution to the activity of the own haplotype, log2 ({}); {what}", settings.head);
    let labels = LogoLabels { title, alleles: settings.haplotypes.clone(), ticks, unit };
    pair_logo(&columns[from..to], &labels)
}

#[cfg(test)]
#[path = "attribution_folder_tests.rs"]
mod tests;
