//! The predictions as tracks, and the session that opens them.

use std::path::{Path, PathBuf};

use deepallele_core::effects::windows::{in_units, RegionPrediction};
use deepallele_core::files::is_stdio;
use deepallele_core::genome::{HaplotypeSource, Regions};
use deepallele_core::model::info::TargetScale;
use deepallele_core::output::bigwig;
use deepallele_core::output::igv::{write_session, IgvTrack};
use deepallele_core::output::track::{Track, TrackStyle, HAPLOTYPE1, HAPLOTYPE2, RATIO};
use deepallele_core::Result;

use crate::args::Args;

/// Room on both sides of the first region when the session opens.
const ROOM: u64 = 10_000;

/// Write what the options ask for.
pub fn write(
    args: &Args,
    regions: &Regions,
    predictions: &[RegionPrediction],
    targets: &TargetScale,
    sources: [&HaplotypeSource; 2],
) -> Result<()> {
    if args.bedgraph.is_none() && args.bigwig.is_none() {
        return Ok(());
    }
    let mut tracks = [0; 3].map(|_| Track::new(regions.contigs.clone()));
    for (region, prediction) in regions.list.iter().zip(predictions) {
        for (track, value) in tracks.iter_mut().zip(in_units(&prediction.raw, targets)) {
            track.push(region.contig, region.start, region.end, value);
        }
    }
    let [first, second] = sources;
    let styles = [
        (format!("haplotype 1 ({first})"), format!("predicted {}, haplotype 1", targets.scale), HAPLOTYPE1),
        (format!("haplotype 2 ({second})"), format!("predicted {}, haplotype 2", targets.scale), HAPLOTYPE2),
        ("log2 ratio".into(), "predicted log2 of haplotype 1 over haplotype 2".into(), RATIO),
    ];
    let provenance = args.provenance.provenance("predict");
    let mut opened = Vec::new();
    for ((track, (name, description, colour)), short) in tracks.iter().zip(styles).zip(["hap1", "hap2", "ratio"]) {
        let style = TrackStyle { name, description, colour };
        let mut path = None;
        if let Some(prefix) = &args.bedgraph {
            let file = with_ending(prefix, &format!(".{short}.bedGraph"));
            track.write_bedgraph(&file, &style, provenance.as_ref())?;
            path = Some(file);
        }
        if let Some(prefix) = &args.bigwig {
            let file = with_ending(prefix, &format!(".{short}.bw"));
            bigwig::write(track, &file)?;
            path = Some(file);
        }
        opened.extend(path.map(|path| IgvTrack { path, name: style.name, colour: Some(style.colour) }));
    }
    let (Some(session), Some(reference)) = (&args.igv, &args.genome.reference) else { return Ok(()) };
    if let Some(variants) = args.haplotypes.variants.as_deref().filter(|v| !is_stdio(v)) {
        opened.push(IgvTrack { path: variants.into(), name: "variants".into(), colour: None });
    }
    let locus = regions.list.first().map(|region| {
        let length = regions.contigs.length(region.contig).max(1);
        let (from, to) = (region.start.saturating_sub(ROOM) + 1, (region.end + ROOM).min(length));
        format!("{}:{from}-{to}", regions.contigs.name(region.contig))
    });
    write_session(session, reference, locus.as_deref(), &opened)
}

/// `prefix` with `ending` behind its last letter, whatever dots it holds.
fn with_ending(prefix: &Path, ending: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
