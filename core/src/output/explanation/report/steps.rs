//! The files of the other steps of `explain`, as far as they are there.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use base64ct::{Base64, Encoding};
use ndarray::Ix3;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::explanation::mechanisms::classes::RegionClass;
use crate::io::named_columns::NamedColumns;
use crate::io::npz::read_npz;
use crate::motifs::read_motifs;
use crate::output::explanation::report::join::RegionNames;
use crate::output::explanation::report::json::shortened;
use crate::output::explanation::report::model::{
    Classes, LikeliestVariant, Mechanisms, RegionMechanism, ShownMatch, ShownMotif,
};

/// Bytes of the largest drawing of a tree.
const LARGEST_TREE: u64 = 4 << 20;

/// Motifs whose logos are in the page.
const MOST_MOTIFS: usize = 500;

/// Columns of the widest motif that is drawn.
const WIDEST: usize = 200;

/// A seqlet: haplotype, offset, length, motif, whether the other allele has it as well, mean contribution.
pub type Seqlet = (usize, usize, usize, String, String, String);

/// Seqlets by number of the region, and the lines of their table that begin with `##`.
pub type SeqletsOfRegions = (HashMap<usize, Vec<Seqlet>>, Vec<String>);

/// The seqlets of the regions that `wanted` accepts, by number of the region, and the lines that begin with `##`.
///
/// # Errors
/// The table cannot be read.
pub fn read_seqlets(path: &Path, names: &RegionNames, wanted: impl Fn(usize) -> bool) -> Result<SeqletsOfRegions> {
    let mut table = NamedColumns::open(path)?;
    let columns =
        table.need(["chrom", "start", "region", "haplotype", "offset", "length", "motif", "common", "mean"])?;
    let mut found: HashMap<usize, Vec<Seqlet>> = HashMap::new();
    while let Some(row) = table.next_row()? {
        let [chrom, start, region, haplotype, offset, length, motif, common, mean] =
            columns.map(|column| &row.texts[column][..]);
        let whole = |text: &str| {
            text.parse::<usize>()
                .map_err(|_| table.wrong(row.line, format!("\"{}\" is no number", text.escape_debug())))
        };
        // Of a seqlet in inserted bases beyond a contig there is no position.
        let position = start.parse().unwrap_or(0);
        let Some(region) = names.find(region, chrom, position).filter(|region| wanted(*region)) else { continue };
        let haplotype = whole(haplotype)?;
        if !(1..=2).contains(&haplotype) {
            return Err(table.wrong(row.line, "haplotype is 1 or 2"));
        }
        let [motif, common, mean] = [motif, common, mean].map(shortened);
        let seqlet = (haplotype, whole(offset)?, whole(length)?, motif, common, mean);
        found.entry(region).or_default().push(seqlet);
    }
    Ok((found, table.header().to_vec()))
}

/// The learned motifs of a folder, how many there are besides, and the lines of the table that begin with `##`.
///
/// # Errors
/// A file cannot be read, or they do not belong together.
pub fn read_motif_gallery(folder: &Path) -> Result<(Vec<ShownMotif>, usize, Vec<String>)> {
    let path = folder.join("motifs.tsv");
    let mut table = NamedColumns::open(&path)?;
    let columns =
        table.need(["motif", "n", "regions", "share", "direction", "mean_effect", "increase", "decrease", "common"])?;
    let of_matches: Vec<[usize; 6]> = (1..)
        .map_while(|i| {
            let parts = ["", "_p", "_q", "_offset", "_overlap", "_strand"];
            let found = parts.map(|part| table.find(&format!("match{i}{part}")));
            found.iter().all(Option::is_some).then(|| found.map(Option::unwrap_or_default))
        })
        .collect();
    let mut motifs = Vec::new();
    let mut names = Vec::new();
    let mut more = 0;
    while let Some(row) = table.next_row()? {
        if motifs.len() == MOST_MOTIFS {
            more += 1;
            continue;
        }
        names.push(row.texts[columns[0]].clone());
        let [name, n, regions, share, direction, mean_effect, increase, decrease, common] =
            columns.map(|column| shortened(&row.texts[column]));
        let matches = of_matches.iter().map(|columns| columns.map(|column| shortened(&row.texts[column])));
        let matches = matches.filter(|[name, ..]| name != ".");
        let matches =
            matches.map(|[name, p, q, offset, overlap, strand]| ShownMatch { name, p, q, offset, overlap, strand });
        let (matches, contributions, frequencies) = (matches.collect(), None, None);
        motifs.push(ShownMotif {
            name,
            n,
            regions,
            share,
            direction,
            mean_effect,
            increase,
            decrease,
            common,
            matches,
            contributions,
            frequencies,
        });
    }
    draw_motifs(folder, &mut motifs, &names, names.len() + more)?;
    Ok((motifs, more, table.header().to_vec()))
}

/// Base frequencies and contributions of motifs, as far as their files are there.
fn draw_motifs(folder: &Path, motifs: &mut [ShownMotif], names: &[String], all: usize) -> Result<()> {
    if all == 0 {
        return Ok(());
    }
    let path = folder.join("motifs.meme");
    if path.is_file() {
        let read = read_motifs(&path)?;
        let by_name: HashMap<&str, _> = read.iter().map(|motif| (motif.name(), motif)).collect();
        for (shown, name) in motifs.iter_mut().zip(names) {
            let Some(motif) = by_name.get(&name[..]).filter(|motif| motif.width() <= WIDEST) else { continue };
            let rows = motif.probabilities();
            let four = |row: ndarray::ArrayView1<f64>| [0, 1, 2, 3].map(|base| row[base] as f32);
            shown.frequencies = Some(rows.rows().into_iter().map(four).collect());
        }
    }
    let path = folder.join("motifs.npz");
    if path.is_file() {
        let array = read_npz::<f32>(&path)?;
        let shape = array.shape().to_vec();
        let wrong = || Error::input(&path, format!("has an array of shape {shape:?}, and motifs.tsv {all} motifs"));
        let array = array.into_dimensionality::<Ix3>().map_err(|_| wrong())?;
        if array.dim().0 != all || array.dim().1 != 4 {
            return Err(wrong());
        }
        for (shown, columns) in motifs.iter_mut().zip(array.outer_iter()) {
            let four = |column: usize| [0, 1, 2, 3].map(|base| columns[[base, column]]);
            let filled = (0..columns.ncols()).rposition(|column| four(column) != [0.0; 4]).map_or(0, |last| last + 1);
            let width = shown.frequencies.as_ref().map_or(filled, Vec::len);
            if width <= WIDEST.min(columns.ncols()) && columns.iter().all(|value| value.is_finite()) {
                shown.contributions = Some((0..width).map(four).collect());
            }
        }
    }
    Ok(())
}

/// A drawing in base64; `None` where there is none, or a very large one.
///
/// # Errors
/// It cannot be read.
pub fn read_tree(path: &Path) -> Result<Option<String>> {
    if !path.is_file() {
        return Ok(None);
    }
    let fail = |error| Error::io(path, error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    file.take(LARGEST_TREE + 1).read_to_end(&mut bytes).map_err(fail)?;
    Ok((bytes.len() as u64 <= LARGEST_TREE).then(|| Base64::encode_string(&bytes)))
}

/// The table `mechanisms.tsv` and its lines that begin with `##`.
///
/// # Errors
/// It cannot be read.
pub fn read_mechanisms(path: &Path) -> Result<(Mechanisms, Vec<String>)> {
    let mut table = NamedColumns::open(path)?;
    let columns = table.columns().iter().map(|name| shortened(name)).collect();
    let mut rows = Vec::new();
    while let Some(row) = table.next_row()? {
        rows.push(row.texts.iter().map(|text| shortened(text)).collect());
    }
    Ok((Mechanisms { columns, rows, classes: Classes::default() }, table.header().to_vec()))
}

/// What `mechanism_regions.tsv` says of each region, by its number, how many regions are of each class, and the lines that
/// begin with `##`.
///
/// # Errors
/// It cannot be read.
pub fn read_classes(
    path: &Path,
    names: &RegionNames,
) -> Result<(HashMap<usize, RegionMechanism>, Classes, Vec<String>)> {
    let mut table = NamedColumns::open(path)?;
    let columns =
        table.need(["name", "motif", "motif_change", "class", "model_motif", "model_change", "model_class"])?;
    let mut found = HashMap::new();
    let mut counts: HashMap<String, [usize; 2]> = HashMap::new();
    let mut regions = 0;
    while let Some(row) = table.next_row()? {
        regions += 1;
        let name = &row.texts[columns[0]];
        let [_, motif, motif_change, class, model_motif, model_change, model_class] =
            columns.map(|column| shortened(&row.texts[column]));
        counts.entry(class.clone()).or_default()[0] += 1;
        counts.entry(model_class.clone()).or_default()[1] += 1;
        if let Some(number) = names.only(name) {
            let line = RegionMechanism { motif, motif_change, class, model_motif, model_change, model_class };
            found.insert(number, line);
        }
    }
    let by_model = counts.iter().any(|(class, [_, n])| class != "." && *n > 0);
    let mut columns = vec!["class".to_owned(), "regions by motifs alone".into()];
    columns.extend(by_model.then(|| "regions by the model".into()));
    let known = RegionClass::ALL.iter().map(|class| class.name());
    let rows = known.filter_map(|class| {
        let [motifs, model] = counts.get(class)?;
        let mut row = vec![class.replace('_', " "), motifs.to_string()];
        row.extend(by_model.then(|| model.to_string()));
        Some(row)
    });
    let rows = rows.collect();
    let classes = Classes { columns, rows, note: format!("{regions} regions of mechanism_regions.tsv") };
    Ok((found, classes, table.header().to_vec()))
}

/// The variants of a region with their probabilities.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cause {
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// A variant and its values.
    pub rows: Vec<Vec<String>>,
    /// Probability that none of them is the cause.
    pub none: String,
    /// The likeliest one.
    #[serde(skip)]
    pub likeliest: Option<(f64, LikeliestVariant)>,
}

/// Columns of `cause.tsv` that are shown of a variant.
const CAUSE_COLUMNS: [&str; 8] =
    ["variant", "pos", "ref", "alt", "effect_bg1", "effect_bg2", "probability", "credible"];

/// Those that are shown where the table has them.
const MORE_CAUSE_COLUMNS: [&str; 2] = ["main_probability", "contribution"];

/// The variants of the regions that `wanted` accepts, by number of the region, and the lines that begin with `##`.
///
/// # Errors
/// The table cannot be read.
pub fn read_causes(
    path: &Path,
    names: &RegionNames,
    wanted: impl Fn(usize) -> bool,
) -> Result<(HashMap<usize, Cause>, Vec<String>)> {
    let mut table = NamedColumns::open(path)?;
    let place = table.need(["chrom", "start", "end", "name", "none_probability"])?;
    let shown = table.need(CAUSE_COLUMNS)?;
    let more: Vec<(&str, usize)> =
        MORE_CAUSE_COLUMNS.iter().filter_map(|name| table.find(name).map(|column| (*name, column))).collect();
    let mut found: HashMap<usize, Cause> = HashMap::new();
    while let Some(row) = table.next_row()? {
        let [chrom, start, end, name, none] = place.map(|column| &row.texts[column][..]);
        let middle =
            start.parse::<u64>().ok().zip(end.parse::<u64>().ok()).map_or(0, |(start, end)| start / 2 + end / 2);
        let Some(region) = names.find(name, chrom, middle).filter(|region| wanted(*region)) else { continue };
        let values = shown.map(|column| shortened(&row.texts[column]));
        let cause = found.entry(region).or_default();
        if cause.columns.is_empty() {
            cause.columns = CAUSE_COLUMNS.iter().copied().chain(more.iter().map(|(name, _)| *name)).collect();
            cause.none = shortened(none);
        }
        let [variant, pos, reference, alternative, .., probability, _] = &values;
        if let Ok(number) = probability.parse::<f64>() {
            if cause.likeliest.as_ref().is_none_or(|(most, _)| number > *most) {
                let variant = match &variant[..] {
                    "." => format!("{pos}:{reference}:{alternative}"),
                    variant => variant.to_owned(),
                };
                let probability = probability.clone();
                cause.likeliest = Some((number, LikeliestVariant { variant, probability }));
            }
        }
        let more = more.iter().map(|(_, column)| shortened(&row.texts[*column]));
        cause.rows.push(values.into_iter().chain(more).collect());
    }
    Ok((found, table.header().to_vec()))
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
