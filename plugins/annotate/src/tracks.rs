//! The effects as tracks, and the IGV session that opens them.

use deepallele_common::write_bigwig;
use deepallele_core::error::Result;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::io::vcf::VcfRecord;
use deepallele_core::io::Contigs;
use deepallele_core::output::igv::write_session;
use deepallele_core::output::igv_track::IgvTrack;
use deepallele_core::output::provenance::Provenance;
use deepallele_core::output::track::{Track, TrackStyle, RATIO};

use crate::args::Args;

/// Bases shown on both sides of the strongest effect, where the session opens.
const MARGIN: u32 = 2000;

/// The track of effects, where one is requested.
pub struct Tracks {
    effects: Option<Track>,
    /// Further files that the session opens.
    added: Vec<IgvTrack>,
}

impl Tracks {
    pub fn new(args: &Args, contigs: Contigs) -> Result<Self> {
        let effects = (!args.tracks.is_empty()).then(|| Track::new(contigs));
        Ok(Self { effects, added: args.tracks.added()? })
    }

    /// Add the strongest effect of a record, on the bases of its REF.
    pub fn push(&mut self, record: &VcfRecord, strongest: Option<f64>) {
        let Some(track) = &mut self.effects else { return };
        let place = track.contigs().find(record.contig()).zip(u64::try_from(record.start()).ok());
        if let (Some(value), Some((contig, start))) = (strongest, place) {
            let length = record.alleles().first().map_or(1, Vec::len) as u64;
            track.push(contig, start, start + length, value);
        }
    }

    /// The files of the tracks and the session, which have temporary names until the set is renamed.
    pub fn finish(self, args: &Args, provenance: Option<&Provenance>) -> Result<CompleteFiles> {
        let mut files = CompleteFiles::default();
        let Some(track) = self.effects else { return Ok(files) };
        let style = TrackStyle {
            name: "variant effect".into(),
            description: "predicted log2 fold change, ALT over REF".into(),
            colours: [RATIO; 2],
        };
        if let Some(path) = &args.tracks.bedgraph {
            files.add(track.write_bedgraph(path, &style, provenance)?);
        }
        if let Some(path) = &args.tracks.bigwig {
            files.add(write_bigwig(&track, path)?);
        }
        let Some(session) = &args.tracks.igv else { return Ok(files) };
        let graph = args.tracks.bigwig.as_ref().filter(|_| !track.is_empty()).or(args.tracks.bedgraph.as_ref());
        let effects = graph.map(|path| IgvTrack::graph(path, &style)).into_iter();
        let variants = IgvTrack::variants(&args.output.output);
        let tracks: Vec<IgvTrack> = effects.chain([variants]).chain(self.added).collect();
        let locus = track.strongest().map(|(contig, span)| {
            let length = track.contigs().length(contig).max(1);
            let (from, to) =
                (span.start.saturating_sub(MARGIN) + 1, u64::from(span.end.saturating_add(MARGIN)).min(length));
            format!("{}:{from}-{to}", track.contigs().name(contig))
        });
        if let Some(reference) = &args.genome.reference {
            files.add(write_session(session, reference, locus.as_deref(), &tracks)?);
        }
        Ok(files)
    }
}
