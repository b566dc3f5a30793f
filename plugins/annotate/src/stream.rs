//! Records in, effects predicted together, records out in their order.

use std::path::Path;

use deepallele_common::interval::Interval;
use deepallele_common::{input_or_stdin, Progress};
use deepallele_core::effects::regions::RegionIndex;
use deepallele_core::effects::variants::{SiteEffects, VariantEffects};
use deepallele_core::genome::{Reference, Regions};
use deepallele_core::output::vcf_info;
use deepallele_core::vcf::{IndexKind, InfoValue, Restriction, VcfFormat, VcfReader, VcfRecord, VcfWriter};
use deepallele_core::Error;

use crate::args::Args;
use crate::tracks::Tracks;

/// Pairs of windows that are predicted together. Independent of the number of threads: what the engine computes
/// may depend, in the last digit, on what it is given at once.
const PAIRS: usize = 512;
/// Records held at most while few of them lie in a region.
const RECORDS: usize = 4096;

/// Do all that `annotate` does.
pub fn run(args: Args) -> anyhow::Result<()> {
    args.check()?;
    let input = input_or_stdin(args.input.as_deref(), "variants")?;
    let threads = args.threads.count();
    let predictor = args.model.open(threads)?;
    let reference = Reference::open(args.genome.required()?)?;
    let contigs = reference.contigs().clone();
    let regions = match &args.regions {
        Some(path) => {
            let regions = Regions::read(path, &contigs)?;
            if let Some((theirs, ours)) = &regions.renamed {
                log::info!("\"{}\": contigs matched by name without chr ({theirs} is {ours})", path.display());
            }
            Some(RegionIndex::new(regions))
        }
        None => None,
    };
    let mut reader = VcfReader::open(&input, threads.min(4))?;
    if let Some(list) = args.restrict.by_index()? {
        reader.restrict_by_index(restriction(list))?;
    }
    if let Some(list) = args.restrict.by_stream()? {
        reader.restrict_by_stream(restriction(list))?;
    }
    let provenance = args.provenance.provenance("annotate");
    vcf_info::declare(reader.header_mut(), env!("CARGO_PKG_VERSION"), &input)?;
    for line in provenance.iter().flat_map(|p| p.lines()) {
        reader.header_mut().push(&line)?;
    }

    let mut run = Run {
        effects: VariantEffects::new(reference, predictor, regions),
        tracks: Tracks::new(&args, contigs),
        writer: None,
        waiting: Vec::new(),
        progress: Progress::new("records", None),
        args: &args,
        input: &input,
    };
    while let Some(record) = reader.read()? {
        run.add(&reader, record)?;
    }
    run.flush(&reader, true)?;
    let Run { writer, effects, tracks, progress, .. } = run;
    drop(progress);
    // The VCF gets its name when everything else is there too.
    let closed = writer.map(|w| w.close(index(&args))).transpose()?;
    tracks.finish(&args, provenance.as_ref())?;
    if let Some(closed) = closed {
        closed.persist()?;
    }
    for line in effects.report().lines() {
        log::info!("{line}");
    }
    Ok(())
}

/// IGV opens a compressed VCF only with its index.
fn index(args: &Args) -> Option<IndexKind> {
    let for_igv = args.igv.is_some() && matches!(args.output.format(), VcfFormat::VcfGz(_));
    args.output.write_index.or(for_igv.then_some(IndexKind::Tbi))
}

fn restriction(list: Vec<Interval>) -> Restriction {
    Restriction::new(list.into_iter().map(|i| (i.contig, i.start, i.end)))
}

struct Run<'a> {
    effects: VariantEffects,
    tracks: Tracks,
    /// Made with the first records, so that a file refused before leaves nothing.
    writer: Option<VcfWriter>,
    waiting: Vec<VcfRecord>,
    progress: Progress,
    args: &'a Args,
    input: &'a Path,
}

impl Run<'_> {
    fn named(&self, problem: impl std::fmt::Display) -> Error {
        Error::input(self.input, problem.to_string())
    }

    fn add(&mut self, reader: &VcfReader, record: VcfRecord) -> anyhow::Result<()> {
        let added = self.effects.add(record.contig(), record.start(), record.alleles());
        added.map_err(|e| self.named(format!("{}: {e}", record.place())))?;
        self.waiting.push(record);
        let first = self.writer.is_none() && self.waiting.len() < VariantEffects::enough();
        if !first && (self.effects.waiting() >= PAIRS || self.waiting.len() >= RECORDS) {
            self.flush(reader, false)?;
        }
        Ok(())
    }

    fn flush(&mut self, reader: &VcfReader, last: bool) -> anyhow::Result<()> {
        self.effects.check_assembly(last).map_err(|e| self.named(e))?;
        let predicted = self.effects.predict()?;
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let output = &self.args.output;
                if matches!(output.format(), VcfFormat::Bcf(_) | VcfFormat::BcfUncompressed) {
                    for record in &self.waiting {
                        let checked = record.check_bcf(reader.header());
                        checked.map_err(|e| self.named(format!("{} {e}", record.place())))?;
                    }
                }
                let threads = self.args.threads.count().min(4);
                VcfWriter::create(&output.output, output.format(), reader.header(), threads)?
            }
        };
        self.progress.add(self.waiting.len() as u64);
        for (mut record, effects) in self.waiting.drain(..).zip(predicted) {
            if let Some(effects) = effects {
                self.tracks.push(&record, &effects);
                let values = info(&record, &effects);
                record
                    .set_info(reader.header(), &values)
                    .map_err(|e| Error::input(self.input, format!("{} {e}", record.place())))?;
            }
            writer.write(&mut record, reader.header()).map_err(|e| match e {
                // What is wrong with a record is wrong with the input; the rest names the output already.
                Error::Mismatch(problem) => Error::input(self.input, problem),
                e => e,
            })?;
        }
        self.writer = Some(writer);
        Ok(())
    }
}

fn info(record: &VcfRecord, effects: &SiteEffects) -> Vec<(&'static str, InfoValue)> {
    let region = format!("{}:{}-{}", record.contig(), effects.region.start + 1, effects.region.end);
    let ratios = effects.alleles.iter().map(|e| e.map(|e| e.ratio as f32)).collect();
    let counts = effects.alleles.iter().map(|e| e.map(|e| e.counts as f32)).collect();
    vec![
        (vcf_info::LFC, InfoValue::Floats(ratios)),
        (vcf_info::COUNT_LFC, InfoValue::Floats(counts)),
        (vcf_info::REGION, InfoValue::Text(region)),
    ]
}
