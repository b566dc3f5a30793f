//! One page of what the steps of `explain` have written: a file that loads nothing, with the data as JSON that the page
//! itself draws.
//!
//! | module | what it holds |
//! |---|---|
//! | [`page`] | the page around the data (`page/`: HTML, CSS, JavaScript) |
//! | [`json`] | data as text that a browser takes for nothing else |
//! | [`model`] | what the page shows besides the alleles |
//! | [`detail`] | both alleles of a region on one coordinate map |
//! | [`sites`] | binding sites, by region |
//! | [`steps`] | motifs, seqlets, mechanisms, posterior probabilities |
//! | [`counts`] | measured counts of the regions |
//! | [`join`] | which region a line of a table is about |
//! | [`sources`] | what is there, what is absent, and where every number is from |
//!
//! Every file but those of `explain attributions` may be absent. Two passes over the sites and one over the pairs:
//! memory grows with the regions of the page, not with those of the folder, of which only the table is kept.

pub mod counts;
pub mod detail;
pub mod join;
pub mod json;
pub mod model;
pub mod page;
pub mod sites;
pub mod sources;
pub mod steps;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::explanation::attributions::folder::ExplainedFolder;
use crate::explanation::hits::State;
use crate::io::named_columns::NamedColumns;
use crate::io::output_file::OutFile;
use crate::output::explanation::hit_tables::colour;
use crate::output::explanation::logo::LETTERS;
use crate::output::provenance::Provenance;
use crate::output::track::{Colour, HAPLOTYPE1, HAPLOTYPE2};

use counts::MeasuredRegions;
use detail::PairDetail;
use join::RegionNames;
use json::{inert_json, shortened, shortened_to};
use model::{Letter, RegionLine, ReportData, ShownSettings, ShownState, PACKED_SITE_COLUMNS, SITE_COLUMNS};
use page::Page;
use sites::{least_q_values, Sites};
use sources::{Found, Sources};
use steps::{Cause, Seqlet};

/// Characters of the longest command line in a page.
const LONGEST_COMMAND: usize = 4000;

/// What a report is made of.
pub struct ReportOptions<'a> {
    /// Measured counts.
    pub counts: Option<MeasuredRegions>,
    /// Most regions of the page; those with the strongest evidence are shown.
    pub most: usize,
    /// Version and command line.
    pub provenance: Option<&'a Provenance>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportSummary {
    /// Regions of the page.
    pub regions: usize,
    /// Regions of the folder.
    pub all_regions: usize,
    /// Sites in regions that the folder does not have.
    pub sites_elsewhere: usize,
    /// Bytes of the page.
    pub bytes: u64,
}

/// The block of a region.
#[derive(Serialize)]
struct RegionBlock<'a> {
    #[serde(flatten)]
    pair: &'a PairDetail,
    sites: &'a [Vec<String>],
    seqlets: &'a [Seqlet],
    cause: Option<&'a Cause>,
}

/// Bytes that were written.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: std::io::Write> std::io::Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn rgb((red, green, blue): Colour) -> String {
    format!("rgb({red}, {green}, {blue})")
}

/// Write the page of `folder` to `output`; `-` is standard output. `progress` is called after every pair of the folder.
///
/// # Errors
/// A file of the folder is damaged, or the page cannot be written; it has no name then.
pub fn write_report(
    folder: &ExplainedFolder,
    options: &ReportOptions,
    output: &Path,
    progress: &mut dyn FnMut(),
) -> Result<ReportSummary> {
    let names = RegionNames::new(folder.labels());
    let found = Found::of(folder.path());
    let chosen = choose(folder, options, &names, &found)?;
    let mut wanted = vec![false; folder.labels().len()];
    chosen.iter().for_each(|number| wanted[*number] = true);
    let is_wanted = |number: usize| wanted.get(number).copied().unwrap_or(false);

    let mut sources = Sources::of(folder, options);
    let mut sites = match found.hits {
        true => Sites::read(&found.path("hits.tsv.gz"), &names, is_wanted)?,
        false => Sites::default(),
    };
    sources.add(&found, "hits.tsv.gz", &sites.header);
    let (seqlets, header) = match found.seqlets {
        true => steps::read_seqlets(&found.path("seqlets.tsv.gz"), &names, is_wanted)?,
        false => Default::default(),
    };
    sources.add(&found, "seqlets.tsv.gz", &header);
    let (causes, header) = match found.cause {
        true => steps::read_causes(&found.path("cause.tsv"), &names, is_wanted)?,
        false => Default::default(),
    };
    sources.add(&found, "cause.tsv", &header);

    let path = output;
    let fail = |error| Error::io(path, error);
    let mut out = Counted { out: OutFile::create(output)?, bytes: 0 };
    let page = Page::assembled();
    page.begin(&mut out).map_err(fail)?;
    let mut left = chosen.len();
    for pair in folder.pairs()? {
        if left == 0 {
            break;
        }
        let pair = pair?;
        progress();
        if !is_wanted(pair.number) {
            continue;
        }
        left -= 1;
        let detail = PairDetail::of(&pair, folder.settings().head);
        let block = RegionBlock {
            pair: &detail,
            sites: sites.regions.get(&pair.number).map_or(&[], |sites| &sites.rows[..]),
            seqlets: seqlets.get(&pair.number).map_or(&[], |seqlets| &seqlets[..]),
            cause: causes.get(&pair.number),
        };
        let json = inert_json(&block)?;
        if let Some(sites) = sites.regions.get_mut(&pair.number) {
            sites.rows = Vec::new();
        }
        page.block(&mut out, &format!("region-{}", pair.number), &json).map_err(fail)?;
    }
    let data = data(folder, options, &names, &found, sources, Chosen { chosen: &chosen, sites: &mut sites, causes })?;
    page.block(&mut out, "report", &inert_json(&data)?).map_err(fail)?;
    page.end(&mut out).map_err(fail)?;
    let bytes = out.bytes;
    out.out.finish()?;
    let (regions, all_regions) = (chosen.len(), folder.labels().len());
    Ok(ReportSummary { regions, all_regions, sites_elsewhere: sites.elsewhere, bytes })
}

/// The regions of the page, the strongest evidence first: the least q-value of a changed site, then that of the
/// measured imbalance, then the largest predicted ratio.
fn choose(folder: &ExplainedFolder, options: &ReportOptions, names: &RegionNames, found: &Found) -> Result<Vec<usize>> {
    let labels = folder.labels();
    let least = match found.hits {
        true => least_q_values(&found.path("hits.tsv.gz"), names, labels.len())?,
        false => vec![None; labels.len()],
    };
    let q_value = |number: usize| options.counts.as_ref().and_then(|counts| counts.q_value(number));
    let key = |number: usize| {
        let ratio = labels[number].predicted[2].abs();
        let ratio = if ratio.is_nan() { 0.0 } else { ratio };
        [least[number].unwrap_or(2.0), q_value(number).unwrap_or(2.0), -ratio]
    };
    let keys: Vec<[f64; 3]> = (0..labels.len()).map(key).collect();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| {
        let parts = keys[*a].iter().zip(&keys[*b]).map(|(a, b)| a.total_cmp(b));
        parts.fold(Ordering::Equal, Ordering::then)
    });
    order.truncate(options.most);
    Ok(order)
}

/// The regions of the page and what the tables say of them.
struct Chosen<'a> {
    chosen: &'a [usize],
    sites: &'a mut Sites,
    causes: HashMap<usize, Cause>,
}

fn data(
    folder: &ExplainedFolder,
    options: &ReportOptions,
    names: &RegionNames,
    found: &Found,
    mut sources: Sources,
    of: Chosen,
) -> Result<ReportData> {
    let settings = folder.settings();
    let (mut classes, mut mechanisms) = (HashMap::new(), None);
    if found.mechanisms {
        let (mut table, header) = steps::read_mechanisms(&found.path("mechanisms.tsv"))?;
        sources.add(found, "mechanisms.tsv", &header);
        if found.mechanism_regions {
            let header;
            (classes, table.classes, header) = steps::read_classes(&found.path("mechanism_regions.tsv"), names)?;
            sources.add(found, "mechanism_regions.tsv", &header);
        }
        mechanisms = Some(table);
    }
    let (mut motifs, mut more_motifs, mut tree) = (Vec::new(), 0, None);
    if found.motifs {
        let (read, more, header) = steps::read_motif_gallery(folder.path())?;
        (motifs, more_motifs) = (read, more);
        for file in ["motifs.tsv", "motifs.meme", "motifs.npz", "motif_tree.svg"] {
            sources.add(found, file, &header);
        }
        tree = steps::read_tree(&found.path("motif_tree.svg"))?;
    }
    let mut lines = region_lines(folder, found, of.chosen)?;
    for line in &mut lines {
        if let Some(sites) = of.sites.regions.get_mut(&line.number) {
            (line.changed, line.best) = (sites.changed, sites.best.take());
            line.sites = std::mem::take(&mut sites.index);
        }
        line.measured = options.counts.as_ref().and_then(|counts| counts.of(line.number));
        let cause = of.causes.get(&line.number);
        line.cause = cause.and_then(|cause| cause.likeliest.as_ref()).map(|(_, likeliest)| likeliest.clone());
        line.mechanism = classes.remove(&line.number);
    }
    let text = |text: Option<&str>| shortened_to(text.unwrap_or("."), LONGEST_COMMAND);
    let states = State::ALL.iter().map(|state| ShownState {
        name: state.name(),
        meaning: state.meaning(),
        colour: rgb(colour(*state)),
    });
    let letters =
        LETTERS.iter().map(|(letter, outline, colour)| Letter { letter: *letter, outline, colour: rgb(*colour) });
    Ok(ReportData {
        settings: ShownSettings {
            method: shortened(&settings.method),
            head: settings.head.name().into(),
            gauge: settings.gauge.name().into(),
            window: settings.window,
            haplotypes: settings.haplotypes.each_ref().map(|name| shortened(name)),
            models: settings.models.iter().map(|name| shortened(name)).collect(),
            designed: found.designed,
        },
        table: found.table(),
        all_regions: folder.labels().len(),
        notes: sources::notes(options, of.chosen.len(), folder.labels().len(), of.sites.elsewhere, more_motifs),
        absent: found.absent(options.counts.is_some()),
        has_counts: options.counts.is_some(),
        has_seqlets: found.seqlets,
        states: states.collect(),
        letters: letters.collect(),
        colours: [HAPLOTYPE1, HAPLOTYPE2].map(rgb),
        regions: lines,
        motif_names: std::mem::take(&mut of.sites.motif_names),
        site_columns: &SITE_COLUMNS,
        packed_site_columns: PACKED_SITE_COLUMNS,
        motifs,
        tree,
        mechanisms,
        origins: sources.origins(found),
        files: sources.files,
        version: text(options.provenance.map(Provenance::version)),
        command: text(options.provenance.map(Provenance::command_line)),
    })
}

/// The lines of `regions.tsv` or `pairs.tsv` of these regions, in their order, with the digits of the file.
fn region_lines(folder: &ExplainedFolder, found: &Found, chosen: &[usize]) -> Result<Vec<RegionLine>> {
    let places: HashMap<usize, usize> = chosen.iter().enumerate().map(|(place, number)| (*number, place)).collect();
    let mut table = NamedColumns::open(&folder.path().join(found.table()))?;
    let name = table.need([if found.designed { "id" } else { "name" }])?[0];
    let values = table.need(["hap1", "hap2", "log2_ratio", "variants", "sum_hap1", "sum_hap2", "agreement"])?;
    let place = match found.designed {
        true => None,
        false => Some(table.need(["chrom", "start", "end"])?),
    };
    let mut lines = vec![RegionLine::default(); chosen.len()];
    let mut number = 0;
    while let Some(row) = table.next_row()? {
        if let Some(line) = places.get(&number).and_then(|place| lines.get_mut(*place)) {
            let [hap1, hap2, ratio, variants, sum1, sum2, agreement] =
                values.map(|column| shortened(&row.texts[column]));
            let (chrom, start, end) = match place.map(|columns| columns.map(|column| shortened(&row.texts[column]))) {
                Some([chrom, start, end]) => (Some(chrom), Some(start), Some(end)),
                None => (None, None, None),
            };
            let name = shortened(&row.texts[name]);
            *line = RegionLine {
                number,
                name,
                chrom,
                start,
                end,
                hap1,
                hap2,
                ratio,
                variants,
                sum1,
                sum2,
                agreement,
                ..RegionLine::default()
            };
        }
        number += 1;
    }
    Ok(lines)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
