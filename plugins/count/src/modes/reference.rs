//! Counts the fragments of alignments to the reference.

use anyhow::Result;
use deepallele_common::{check_files, usage, Progress};
use deepallele_core::assignment::SiteWindow;
use deepallele_core::counts::{self, Counted, Counting};
use deepallele_core::io::text_input::is_stdio;

use crate::args::Args;
use crate::files::files;
use crate::header;
use crate::inputs::Inputs;
use crate::outputs::bias::BiasInputs;
use crate::outputs::{Outputs, Run};
use crate::samples::sample_names;

/// Count, and write all outputs.
pub fn run(args: &Args) -> Result<()> {
    check_usage(args)?;
    let mut inputs = Inputs::open(args)?;
    let samples = names(args, &inputs)?;
    args.test.check(&samples, inputs.regions.is_some())?;
    let contigs = inputs.alignments.contigs().clone();
    let run = Run {
        args,
        header: &header::lines(args, &inputs.paths, &inputs.vcf, &inputs.haplotypes),
        contigs: &contigs,
        samples: &samples,
        regions: inputs.regions.as_ref(),
        spans: inputs.spans.as_ref(),
        variants: true,
    };
    let mut outputs = Outputs::create(run)?;
    let mut sites = SiteWindow::new(&mut inputs.variants, inputs.reference.take(), &contigs);
    let counting = Counting {
        regions: inputs.regions.as_ref(),
        excluded: inputs.excluded.as_ref(),
        filter: args.filter.filter(),
        wasp: args.wasp,
        group_by: args.cells.group_by,
        umi: args.cells.umi,
        everything: args.cells.writes_fragments(),
    };
    let mut progress = Progress::new("alignments", None);
    let mut advance = |n| progress.add(n);
    let mut sinks = outputs.sinks();
    let records = sinks.variants.as_sink();
    let Counted { mut summary, variants } =
        counts::count(&mut inputs.alignments, &mut sites, &counting, &mut sinks.fragments, records, &mut advance)?;
    drop(progress);
    let unscorable = sites.unscorable;
    inputs.variants.finish()?.lines().iter().for_each(|line| log::info!("{line}"));
    unscorable.lines().iter().for_each(|line| log::info!("{line}"));
    if summary.at_variants.total() == 0 {
        log::warn!("no fragment covers a variant that distinguishes the haplotypes: all fragments are uninformative");
    }
    if let Some(tally) = outputs.in_regions() {
        // Of the strand that counts.
        summary.in_regions = tally;
    }
    summary.lines(inputs.regions.is_some()).iter().for_each(|line| log::info!("{line}"));
    outputs.bias.simulate(&BiasInputs {
        options: &args.bias,
        vcf: &inputs.vcf,
        haplotypes: &inputs.haplotypes,
        contigs: &contigs,
        regions: inputs.regions.as_ref(),
        within: inputs.spans.as_ref(),
        fasta: args.genome.reference.as_deref(),
        alignments: &inputs.paths[0],
        filter: args.filter.filter(),
        threads: args.threads.count(),
        header: run.header,
    })?;
    Ok(outputs.finish(&variants)?.rename()?)
}

/// Check for options that cannot be combined, and for outputs.
fn check_usage(args: &Args) -> Result<()> {
    args.cells.check()?;
    args.overview.check()?;
    args.bias.check(args.haplotypes.variants.as_deref(), args.genome.reference.as_deref())?;
    let to_stdout = is_stdio(&args.output.output);
    match (&args.regions, &args.variants.per_variant) {
        (None, None) if !args.cells.writes_fragments() && !args.bias.given() && !args.overview.given() => {
            return Err(usage("has nothing to count: give -L REGIONS, --per-variant FILE, or both"))
        }
        (None, _) if !to_stdout => {
            return Err(usage("-o is the table of regions: give -L REGIONS, or only --per-variant FILE"))
        }
        (Some(_), Some(file)) if to_stdout && is_stdio(file) => {
            return Err(usage("two tables cannot both go to standard output: give -o FILE"))
        }
        _ => {}
    }
    check_files(&files(args))
}

/// The sample name of each file; that of a pipe is the sample of the variants.
fn names(args: &Args, inputs: &Inputs) -> Result<Vec<String>> {
    let files: Vec<_> = inputs.alignments.files().iter().map(|f| (f.path(), f.sample())).collect();
    let piped = inputs.haplotypes.iter().rev().find_map(|h| h.sample()).unwrap_or(".");
    sample_names(&args.sample_name, &files, piped)
}
