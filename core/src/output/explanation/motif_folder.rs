//! What a model has learned, as files in the folder of its contributions.
//!
//! | file | content |
//! |---|---|
//! | `motifs.meme` | base frequencies of the motifs |
//! | `motifs.tsv` | one line for each motif |
//! | `motifs.npz` | contributions of the motifs, float32 (motifs, 4, longest), key `arr_0`; 0 behind the end of a motif |
//! | `seqlets.tsv.gz` | one line for each seqlet, by position |
//! | `motif_logos/` | an SVG for each motif |
//! | `motif_tree.svg` | all motifs |

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::counts::table::scientific;
use crate::error::{Error, Result};
use crate::explanation::attributions::folder::{ExplainedFolder, PairLabel};
use crate::explanation::clusters::contribution_motif::Direction;
use crate::explanation::learned_motifs::{motif_of_seqlets, motif_tree, LearnedMotif, NAMED_MATCHES};
use crate::explanation::seqlets::of_pairs::PairSeqlet;
use crate::io::npz::NpzWriter;
use crate::io::output_file::temporary::CreatedFolders;
use crate::io::output_file::{complete_file, CompleteFiles};
use crate::io::plain_text::Plain;
use crate::motifs::{Match, Motif, MotifWriter, Strand};
use crate::output::explanation::motif_logo::{motif_logo, motif_tree_drawing, DrawnMotif};
use crate::output::table::{begin_table, number};

/// The files apart from the logos.
pub const FILES: [&str; 5] = ["motifs.meme", "motifs.tsv", "motifs.npz", "seqlets.tsv.gz", "motif_tree.svg"];

/// The folder of the logos.
pub const LOGOS: &str = "motif_logos";

/// Motifs with a q-value below this lend their name.
const ALIKE: f64 = 0.05;

/// What is written.
pub struct MotifResults<'a> {
    /// The folder of the contributions.
    pub folder: &'a ExplainedFolder,
    /// All seqlets.
    pub seqlets: &'a [PairSeqlet],
    /// The motifs.
    pub motifs: &'a [LearnedMotif],
    /// Known motifs.
    pub known: &'a [Motif],
    /// For each motif the known ones that it resembles most, by number; empty without known motifs.
    pub matches: &'a [Vec<(usize, Match)>],
    /// Comment lines of the tables.
    pub header: &'a [String],
}

/// A motif's name with its alternative name, if it has another one.
pub fn full_name(motif: &Motif) -> String {
    match motif.alt_name() {
        Some(alt_name) if alt_name != motif.name() => format!("{} {alt_name}", motif.name()),
        _ => motif.name().to_owned(),
    }
}

/// p, q, offset, overlap and strand of a match, as in all tables.
pub fn match_columns(found: &Match) -> String {
    let strand = if found.strand == Strand::Forward { '+' } else { '-' };
    let (p, q) = (scientific(Some(found.p_value)), scientific(Some(found.q_value)));
    format!("{p}\t{q}\t{}\t{}\t{strand}", found.offset, found.overlap)
}

impl MotifResults<'_> {
    /// Write everything into the folder; the files have temporary names until the returned set is renamed. Logos of an
    /// earlier run that have no successor are removed then.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn complete(&self) -> Result<CompleteFiles> {
        let at = |name: &str| self.folder.path().join(name);
        let mut created = CreatedFolders::default();
        let mut set = self.seqlet_table(&at("seqlets.tsv.gz"))?;
        set.add(self.motif_table(&at("motifs.tsv"))?);
        set.add(self.contributions(&at("motifs.npz"))?);
        let drawn: Vec<DrawnMotif> = (0..self.motifs.len()).map(|motif| self.drawn(motif)).collect();
        let logos = at(LOGOS);
        if !drawn.is_empty() {
            created.create(&logos)?;
        }
        let mut names = Vec::new();
        for (motif, drawn) in self.motifs.iter().zip(&drawn) {
            let path = logos.join(format!("{}.svg", motif.motif.name()));
            set.add(complete_file(&path, motif_logo(drawn).as_bytes())?);
            names.push(path);
        }
        for old in earlier_logos(&logos)?.iter().filter(|old| !names.contains(old)) {
            set.add(CompleteFiles::without(old)?);
        }
        let tree = at("motif_tree.svg");
        set.add(match drawn.is_empty() {
            true => CompleteFiles::without(&tree)?,
            false => complete_file(&tree, motif_tree_drawing(&drawn, &motif_tree(self.motifs)?).as_bytes())?,
        });
        // Last: what other steps read.
        let mut meme = MotifWriter::create(&at("motifs.meme"))?;
        for (number, motif) in self.motifs.iter().enumerate() {
            let known = self.alike(number);
            let motif = motif.motif.clone();
            meme.write(&match known {
                Some(known) => motif.with_alt_name(format!("{}-like", known.alt_name().unwrap_or(known.name()))),
                None => motif,
            })?;
        }
        set.add(meme.complete()?);
        Ok(set.in_folders(created))
    }

    fn matches(&self, motif: usize) -> &[(usize, Match)] {
        self.matches.get(motif).map_or(&[], |matches| &matches[..])
    }

    /// The known motif that a motif is like.
    fn alike(&self, motif: usize) -> Option<&Motif> {
        self.matches(motif).first().filter(|(_, found)| found.q_value < ALIKE).map(|(known, _)| &self.known[*known])
    }

    fn share(&self, motif: &LearnedMotif) -> f64 {
        motif.regions as f64 / self.folder.labels().len().max(1) as f64
    }

    fn drawn(&self, number: usize) -> DrawnMotif<'_> {
        let motif = &self.motifs[number];
        let best = self.matches(number).first();
        let title = match best {
            Some((known, found)) => {
                let name = full_name(&self.known[*known]);
                format!("{}: {name}, q = {:.1e}", motif.motif.name(), found.q_value)
            }
            None => motif.motif.name().to_owned(),
        };
        let (seqlets, effect) = (motif.members.len(), motif.effects.mean);
        let (regions, common) = (motif.regions, motif.common);
        DrawnMotif {
            contributions: motif.contributions.view(),
            frequencies: motif.motif.probabilities(),
            title,
            subtitle: format!("{seqlets} seqlets ({common} common) in {regions} regions, mean effect {effect:+.3}"),
            share: self.share(motif),
            increase: motif.effects.positive as f64 / seqlets.max(1) as f64,
        }
    }

    fn motif_table(&self, path: &Path) -> Result<CompleteFiles> {
        let mut columns = "#motif\tn\tregions\tshare\tdirection\tmean_effect\tincrease\tdecrease\tcommon".to_owned();
        for i in 1..=NAMED_MATCHES {
            columns +=
                &format!("\tmatch{i}\tmatch{i}_p\tmatch{i}_q\tmatch{i}_offset\tmatch{i}_overlap\tmatch{i}_strand");
        }
        let mut out = begin_table(path, self.header, &columns)?;
        for (number_of, motif) in self.motifs.iter().enumerate() {
            let seqlets = motif.members.len();
            let direction = match motif.direction() {
                Direction::Increases => "increase",
                Direction::Decreases => "decrease",
            };
            let mut line = format!(
                "{}\t{seqlets}\t{}\t{}\t{direction}\t{}\t{}\t{}\t{}",
                motif.motif.name(),
                motif.regions,
                number(self.share(motif)),
                number(motif.effects.mean),
                motif.effects.positive,
                motif.effects.negative,
                number(motif.common as f64 / seqlets.max(1) as f64),
            );
            for i in 0..NAMED_MATCHES {
                line += &match self.matches(number_of).get(i) {
                    Some((known, found)) => {
                        format!("\t{}\t{}", Plain(&full_name(&self.known[*known])), match_columns(found))
                    }
                    None => "\t.".repeat(6),
                };
            }
            writeln!(out, "{line}").map_err(|e| Error::io(path, e))?;
        }
        out.complete()
    }

    fn contributions(&self, path: &Path) -> Result<CompleteFiles> {
        let longest = self.motifs.iter().map(|motif| motif.contributions.nrows()).max().unwrap_or(0);
        let mut out = NpzWriter::<f32>::create(path, &[self.motifs.len() as u64, 4, longest as u64])?;
        for motif in self.motifs {
            for base in motif.contributions.columns() {
                let padded: Vec<f32> =
                    (0..longest).map(|row| base.get(row).map_or(0.0, |value| *value as f32)).collect();
                out.write(&padded)?;
            }
        }
        out.complete()
    }

    fn seqlet_table(&self, path: &Path) -> Result<CompleteFiles> {
        let columns =
            "#chrom\tstart\tend\tname\tscore\tstrand\tregion\thaplotype\toffset\tlength\tmean\tp_value\tmotif\t\
                       common\tdelta\tother_start\tother_end";
        let mut out = begin_table(path, self.header, columns)?;
        let motifs = motif_of_seqlets(self.motifs, self.seqlets.len());
        let largest = self.seqlets.iter().map(|s| s.seqlet.mean.abs()).fold(0.0, f64::max);
        for number in self.by_position() {
            let seqlet = &self.seqlets[number];
            let line = self.seqlet_line(seqlet, motifs[number], largest);
            writeln!(out, "{line}").map_err(|e| Error::io(path, e))?;
        }
        out.complete()
    }

    /// Contigs in the order of the regions, designed pairs one after the other; seqlets beyond the end of a contig first.
    fn by_position(&self) -> Vec<usize> {
        let mut contigs: HashMap<&str, usize> = HashMap::new();
        let mut of_pair = Vec::with_capacity(self.folder.labels().len());
        for (pair, label) in self.folder.labels().iter().enumerate() {
            let next = contigs.len();
            of_pair.push(match &label.span {
                Some((contig, ..)) => *contigs.entry(contig).or_insert(next),
                None => pair,
            });
        }
        let mut order: Vec<usize> = (0..self.seqlets.len()).collect();
        order.sort_by_key(|&number| {
            let seqlet = &self.seqlets[number];
            (of_pair.get(seqlet.pair()).copied(), seqlet.reference, number)
        });
        order
    }

    fn seqlet_line(&self, located: &PairSeqlet, motif: Option<(usize, bool)>, largest: f64) -> String {
        let PairSeqlet { seqlet, other, common, delta, reference, reverse, .. } = located;
        let label: Option<&PairLabel> = self.folder.labels().get(located.pair());
        let region = label.map_or(".", |label| &label.name[..]);
        let chrom = label.map_or(".", |label| label.span.as_ref().map_or(&label.name[..], |(contig, ..)| &contig[..]));
        let place = reference.map_or(".\t.".into(), |(start, end)| format!("{start}\t{end}"));
        let name = motif.map_or(".", |(motif, _)| self.motifs[motif].motif.name());
        // A BED score, from 0 to 1000.
        let score = if largest > 0.0 { (1000.0 * seqlet.mean.abs() / largest).round() } else { 0.0 };
        let strand = match motif.map(|(_, complemented)| complemented != *reverse) {
            None => '.',
            Some(false) => '+',
            Some(true) => '-',
        };
        let (haplotype, offset, length) = (located.allele() + 1, seqlet.start, seqlet.length());
        let (mean, p_value, delta) = (number(seqlet.mean), scientific(seqlet.p_value), number(*delta));
        let other = other.map_or(".\t.".into(), |(start, end)| format!("{start}\t{end}"));
        let (chrom, region, common) = (Plain(chrom), Plain(region), u8::from(*common));
        format!(
            "{chrom}\t{place}\t{name}\t{score}\t{strand}\t{region}\t{haplotype}\t{offset}\t{length}\t{mean}\t{p_value}\t\
             {name}\t{common}\t{delta}\t{other}"
        )
    }
}

/// Logos that an earlier run has written.
fn earlier_logos(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::io(folder, e))?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("motif_")?.strip_suffix(".svg"));
        if number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
#[path = "motif_folder_tests.rs"]
mod tests;
