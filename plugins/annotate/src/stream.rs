//! Reads records, predicts their effects in batches, and writes them in their order.

use std::collections::HashMap;
use std::path::Path;

use deepallele_common::interval::Interval;
use deepallele_common::{check_files, input_or_stdin, usage, Progress};
use deepallele_core::effects::loci;
use deepallele_core::error::Error;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::io::vcf::{Restriction, VcfFormat, VcfReader, VcfRecord, VcfWriter};
use deepallele_core::io::Contigs;
use deepallele_core::model::onnx::ensemble::Ensemble;
use deepallele_core::output::vcf_info::{self, Declared};

use crate::args::{Args, Tagged};
use crate::engine::{open_models, Annotation, Engine, Places};
use crate::tracks::Tracks;

/// Pairs of windows in a batch. Independent of the number of threads: the last digit of a prediction may depend on the
/// batch that it is computed in.
const PAIRS: usize = 512;
/// Bases of one haplotype in a batch, where windows are long.
const BASES: usize = 16 << 20;
/// Effects in a batch, where a model has many outputs.
const EFFECTS: usize = 1 << 16;
/// Records kept at most, where few of them are in a region.
const RECORDS: usize = 4096;

/// Run `annotate`.
pub fn run(args: Args) -> anyhow::Result<()> {
    args.check()?;
    check_files(&args.files())?;
    let input = input_or_stdin(args.input.as_deref(), "variants")?;
    let threads = args.threads.count();
    let mut reader = VcfReader::open(&input, threads.min(4))?;
    let contigs = Contigs::from_names(reader.header().contigs());
    let mut on_contigs = None;
    if let Some(mut list) = args.restrict.by_index(&contigs)? {
        on_contigs = Some(list.iter().map(|interval| interval.contig.clone()).collect::<Vec<_>>());
        if !args.haplotypes.is_empty() {
            // Both files are read once, in the order of their contigs.
            list.sort_by_key(|interval| contigs.find(&interval.contig).unwrap_or(usize::MAX));
        }
        reader.restrict_by_index(restriction(list))?;
    }
    if let Some(list) = args.restrict.by_stream(&contigs)? {
        reader.restrict_by_stream(restriction(list))?;
    }
    let pair = (!args.haplotypes.is_empty()).then(|| args.haplotypes.sources()).transpose()?;
    let names = pair.map(|(one, two)| [one.to_string(), two.to_string()]);
    let tagged = args.models.tagged();
    let ensembles = tagged.iter().map(|choice| open_models(choice, threads)).collect::<anyhow::Result<Vec<_>>>()?;
    let rules: Vec<_> = ensembles.iter().map(|ensemble| args.windows.over(*ensemble.rule())).collect();
    let places = Places::open(&args, &rules)?;
    let tags: Vec<Vec<Option<String>>> = tagged.iter().zip(&ensembles).map(|(one, models)| tags(one, models)).collect();
    let all_tags: Vec<Option<&str>> = tags.iter().flatten().map(Option::as_deref).collect();
    vcf_info::check_tags(&all_tags)?;
    if all_tags.len() > 1 && !args.tracks.is_empty() {
        return Err(usage("tracks and session can show only one output: choose it with --model-sample"));
    }
    let mut models = Vec::new();
    for ((choice, ensemble), tags) in tagged.iter().zip(ensembles).zip(&tags) {
        let outputs = tags.iter().enumerate().map(|(number, tag)| {
            Output::new(Declared {
                pair: names.as_ref().map(|n| [n[0].as_str(), n[1].as_str()]),
                regions: args.regions.is_some(),
                all: args.all_regions,
                counts: ensemble.has_counts(),
                deviation: ensemble.members() > 1,
                distance: ensemble.has_profile(number),
                null: args.null,
                tag: tag.as_deref(),
            })
        });
        let outputs: Vec<Output> = outputs.collect();
        let window = ensemble.window();
        let engine = Engine::open(&args, &places, ensemble, &input, &contigs, on_contigs.as_deref())?;
        let kept: Vec<String> = outputs.iter().flat_map(|output| output.declared.kept(reader.header())).collect();
        if !kept.is_empty() {
            log::warn!(
                "\"{}\" is annotated already: records keep their {} where this run writes no value (bcftools annotate -x removes them)",
                input.display(),
                kept.join(", ")
            );
        }
        for output in &outputs {
            output.declared.declare(reader.header_mut(), env!("CARGO_PKG_VERSION"), &input)?;
        }
        models.push(Model::new(engine, choice.tag, outputs, window));
    }
    let provenance = args.provenance.provenance("annotate");
    for line in provenance.iter().flat_map(|p| p.lines()) {
        reader.header_mut().push(&line)?;
    }

    let mut run = Run {
        models,
        tracks: Tracks::new(&args, places.contigs)?,
        writer: None,
        waiting: Vec::new(),
        progress: Progress::new("records", None),
        args: &args,
        input: &input,
        contigs,
    };
    while let Some(record) = reader.read()? {
        run.add(&mut reader, record)?;
    }
    run.flush(&mut reader, true)?;
    let Run { writer, models, tracks, progress, .. } = run;
    drop(progress);
    for mut model in models {
        if let Some(tag) = model.tag {
            log::info!("{tag}:");
        }
        model.engine.finish()?;
    }
    // All files are complete before the first has its name; the VCF comes last.
    let closed = writer.map_or(Ok(CompleteFiles::default()), |w| w.close(args.index()))?;
    Ok(tracks.finish(&args, provenance.as_ref())?.and(closed).rename()?)
}

fn restriction(list: Vec<Interval>) -> Restriction {
    Restriction::new(list.into_iter().map(|i| (i.contig, i.start, i.end)))
}

/// The suffixes of the fields of each output of models that share `choice`.
fn tags(choice: &Tagged, models: &Ensemble) -> Vec<Option<String>> {
    let tag = |name: Option<&str>| match (choice.tag, name) {
        (Some(tag), Some(name)) => Some(format!("{tag}_{name}")),
        (tag, name) => tag.or(name).map(String::from),
    };
    models.outputs().into_iter().map(tag).collect()
}

/// One output of models, and its fields.
struct Output<'a> {
    declared: Declared<'a>,
    /// The name of each field with the tag.
    names: HashMap<&'static str, String>,
}

impl<'a> Output<'a> {
    fn new(declared: Declared<'a>) -> Self {
        let tag = declared.tag;
        let names = tag.map(|tag| vcf_info::FIELDS.map(|field| (field, vcf_info::tagged(field, Some(tag)))));
        Self { declared, names: names.into_iter().flatten().collect() }
    }

    fn field(&self, field: &'static str) -> &str {
        self.names.get(field).map_or(field, String::as_str)
    }
}

struct Model<'a> {
    engine: Engine,
    /// `--tag`.
    tag: Option<&'a str>,
    outputs: Vec<Output<'a>>,
    /// Pairs of windows in a batch, and how many may wait at most.
    enough: usize,
    most: usize,
}

impl<'a> Model<'a> {
    fn new(engine: Engine, tag: Option<&'a str>, outputs: Vec<Output<'a>>, window: usize) -> Self {
        let (window, count) = (window.max(1), outputs.len().max(1));
        let enough = (BASES / window).min(EFFECTS / count).clamp(1, PAIRS);
        let most = (4 * BASES / window).min(4 * EFFECTS / count).max(1);
        Self { engine, tag, outputs, enough, most }
    }
}

struct Run<'a> {
    models: Vec<Model<'a>>,
    tracks: Tracks,
    /// Created with the first records, so that an input refused before that leaves no file.
    writer: Option<VcfWriter>,
    waiting: Vec<VcfRecord>,
    progress: Progress,
    args: &'a Args,
    input: &'a Path,
    /// Those that the header of the input declares.
    contigs: Contigs,
}

impl Run<'_> {
    fn named(&self, problem: impl std::fmt::Display) -> Error {
        Error::input(self.input, problem.to_string())
    }

    fn of_haplotypes(&self, file: &Path) -> bool {
        self.models.iter().any(|model| matches!(&model.engine, Engine::Pair(_, variants) if variants == file))
    }

    fn add(&mut self, reader: &mut VcfReader, record: VcfRecord) -> anyhow::Result<()> {
        let added = self.models.iter_mut().try_for_each(|model| model.engine.add(&record));
        // An error in the file of the haplotypes, which is read ahead, has nothing to do with this record.
        added.map_err(|e| match e.file().is_some_and(|file| self.of_haplotypes(file)) {
            true => e,
            false => self.named(format!("{}: {e}", record.place())),
        })?;
        self.waiting.push(record);
        let first = self.writer.is_none() && self.waiting.len() < loci::enough();
        let enough = self.models.iter().any(|model| model.engine.waiting() >= model.enough);
        // Long windows cannot wait until enough records have been compared with the assembly.
        let full = self.models.iter().any(|model| model.engine.waiting() >= model.most);
        if full || (!first && (enough || self.waiting.len() >= RECORDS)) {
            self.flush(reader, false)?;
        }
        Ok(())
    }

    fn flush(&mut self, reader: &mut VcfReader, last: bool) -> anyhow::Result<()> {
        let mut predicted = Vec::with_capacity(self.models.len());
        for model in &mut self.models {
            let checked = model.engine.sites().check_assembly(&self.contigs, last);
            checked.map_err(|e| Error::input(self.input, e.to_string()))?;
            let declared = model.outputs.iter().map(|output| &output.declared);
            predicted.extend(model.engine.predict(&self.waiting, declared)?.into_iter().map(Vec::into_iter));
        }
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
                    .expect_index(self.args.index())
            }
        };
        self.progress.add(self.waiting.len() as u64);
        for mut record in self.waiting.drain(..) {
            let outputs = self.models.iter().flat_map(|model| &model.outputs);
            for (output, predicted) in outputs.zip(&mut predicted) {
                let Some(Annotation { strongest, values }) = predicted.next().flatten() else { continue };
                self.tracks.push(&record, strongest);
                let values: Vec<_> = values.into_iter().map(|(field, value)| (output.field(field), value)).collect();
                record
                    .set_info(reader.header(), &values)
                    .map_err(|e| Error::input(self.input, format!("{} {e}", record.place())))?;
            }
            // An error of a record names the input; all others name the output.
            writer.write(&mut record, reader.header()).map_err(|e| e.in_file(self.input))?;
            reader.recycle(record);
        }
        self.writer = Some(writer);
        Ok(())
    }
}
