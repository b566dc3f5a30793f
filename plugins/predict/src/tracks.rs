//! The predictions and the measured values as tracks, and the IGV session that opens them.

use deepallele_common::write_bigwig;
use deepallele_core::effects::predictions::{in_units, RegionPrediction};
use deepallele_core::error::Result;
use deepallele_core::evaluation::agreement::Comparison;
use deepallele_core::genome::HaplotypeSource;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::io::regions::{Region, Regions};
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::model::metadata::{Scale, TargetScale};
use deepallele_core::output::igv::write_session;
use deepallele_core::output::igv_track::IgvTrack;
use deepallele_core::output::track::{lighter, Track, TrackStyle, HAPLOTYPE1, HAPLOTYPE2};

use crate::args::{track_file, Args, TRACKS};

/// Bases shown on both sides of the region at which the session opens.
const MARGIN: u64 = 10_000;

/// Write the tracks and the session that were requested; the session opens `added` as well. The files have temporary
/// names until the returned set is renamed.
pub fn write(
    args: &Args,
    regions: &Regions,
    predictions: &[RegionPrediction],
    comparison: Option<&Comparison>,
    targets: &TargetScale,
    sources: [&HaplotypeSource; 2],
    added: Vec<IgvTrack>,
) -> Result<CompleteFiles> {
    let mut files = CompleteFiles::default();
    if args.tracks.bedgraph.is_none() && args.tracks.bigwig.is_none() {
        return Ok(files);
    }
    let measured = match comparison {
        Some(comparison) => {
            let values = comparison.measured.iter().copied();
            write_set(args, regions, values, |column| style(column, true, "counts", sources), &mut files)?
        }
        None => Vec::new(),
    };
    let finite = |values: &[f64; 3]| values.iter().all(|value| value.is_finite());
    let values = predictions.iter().map(|prediction| Some(in_units(&prediction.raw, targets)).filter(finite));
    let what = targets.scale.to_string();
    let predicted = write_set(args, regions, values, |column| style(column, false, &what, sources), &mut files)?;

    let (Some(session), Some(reference)) = (&args.tracks.igv, &args.genome.reference) else { return Ok(files) };
    let mut opened = Vec::new();
    for (column, mut predicted) in predicted.into_iter().enumerate() {
        predicted.group = Some(if column < 2 { "counts" } else { "ratio" }.into());
        if let Some(mut measured) = measured.get(column).cloned() {
            // Counts and predicted logarithms have different scales.
            let apart = targets.scale == Scale::Log2 && column < 2;
            measured.group = if apart { Some("measured".into()) } else { predicted.group.clone() };
            opened.push(measured);
        }
        opened.push(predicted);
    }
    opened.extend(variants(args));
    opened.extend(added);
    let locus = most_different(regions, predictions).map(|region| {
        let length = regions.contigs.length(region.contig).max(1);
        let (from, to) = (region.start.saturating_sub(MARGIN) + 1, (region.end + MARGIN).min(length));
        format!("{}:{from}-{to}", regions.contigs.name(region.contig))
    });
    files.add(write_session(session, reference, locus.as_deref(), &opened)?);
    Ok(files)
}

/// The region with the largest predicted difference of its alleles; the first of equal ones.
fn most_different<'a>(regions: &'a Regions, predictions: &[RegionPrediction]) -> Option<&'a Region> {
    let differ = |prediction: &RegionPrediction| match prediction.variants {
        n if n > 0 && prediction.raw.ratio.is_finite() => prediction.raw.ratio.abs(),
        _ => 0.0,
    };
    let all = regions.list.iter().zip(predictions).rev();
    all.max_by(|(_, a), (_, b)| differ(a).total_cmp(&differ(b))).map(|(region, _)| region)
}

/// Write haplotype 1, haplotype 2 and ratio, and add the files to `files`; regions without `values` have no span. Returns
/// the tracks that IGV opens.
fn write_set(
    args: &Args,
    regions: &Regions,
    values: impl Iterator<Item = Option<[f64; 3]>>,
    style: impl Fn(usize) -> (TrackStyle, &'static str),
    files: &mut CompleteFiles,
) -> Result<Vec<IgvTrack>> {
    let mut tracks = [0; 3].map(|_| Track::new(regions.contigs.clone()));
    for (region, values) in regions.list.iter().zip(values) {
        for (track, value) in tracks.iter_mut().zip(values.into_iter().flatten()) {
            track.push(region.contig, region.start, region.end, value);
        }
    }
    let provenance = args.provenance.provenance("predict");
    let mut opened = Vec::new();
    for (column, track) in tracks.iter().enumerate() {
        let (style, short) = style(column);
        let mut path = None;
        if let Some(prefix) = &args.tracks.bedgraph {
            let file = track_file(prefix, short, "bedGraph");
            files.add(track.write_bedgraph(&file, &style, provenance.as_ref())?);
            path = Some(file);
        }
        if let Some(prefix) = &args.tracks.bigwig {
            let file = track_file(prefix, short, "bw");
            files.add(write_bigwig(track, &file)?);
            if !track.is_empty() {
                path = Some(file);
            }
        }
        opened.extend(path.map(|path| IgvTrack::graph(&path, &style)));
    }
    Ok(opened)
}

/// Style of a column (haplotype 1, haplotype 2 or ratio) and its part of the file names.
fn style(
    column: usize,
    measured: bool,
    what: &str,
    [first, second]: [&HaplotypeSource; 2],
) -> (TrackStyle, &'static str) {
    let origin = if measured { "measured" } else { "predicted" };
    let (name, description, colours) = match column {
        0 => (format!("{origin} hap1 ({first})"), format!("{origin} {what}, haplotype 1"), [HAPLOTYPE1; 2]),
        1 => (format!("{origin} hap2 ({second})"), format!("{origin} {what}, haplotype 2"), [HAPLOTYPE2; 2]),
        _ => (
            format!("{origin} log2 ratio"),
            format!("{origin} log2 of haplotype 1 over haplotype 2"),
            [HAPLOTYPE1, HAPLOTYPE2],
        ),
    };
    let colours = if measured { colours.map(lighter) } else { colours };
    (TrackStyle { name, description, colours }, TRACKS[usize::from(measured)][column])
}

/// The variants, if IGV can open them.
fn variants(args: &Args) -> Option<IgvTrack> {
    let path = args.haplotypes.variants.as_deref().filter(|v| !is_stdio(v))?;
    match IgvTrack::of_file(path) {
        Ok(_) => Some(IgvTrack::variants(path)),
        Err(problem) => {
            log::warn!("{problem}; the session opens without it");
            None
        }
    }
}
