//! `deepallele haplotypes`: sequences of the two haplotypes.

mod args;
mod outputs;

use std::process::ExitCode;

use anyhow::Result;
use args::Args;
use deepallele_common::{check_files, read_regions, report_windows, run_main, Progress};
use deepallele_core::genome::{ContigHaplotypes, ContigOptions, Masking, VariantStream};
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::AnnotationOptions;
use deepallele_core::model::window::WindowRule;
use outputs::Outputs;

fn main() -> ExitCode {
    run_main("haplotypes", run)
}

fn run(args: Args) -> Result<()> {
    args.check()?;
    check_files(&args.files())?;
    let fasta = args.genome.required()?;
    let vcf = args.haplotypes.required()?;
    let (hap1, hap2) = args.haplotypes.sources()?;

    let mut reference = Reference::open(fasta)?;
    let contigs = reference.contigs().clone();
    let options = AnnotationOptions::with_tss(args.tss);
    let regions = args.regions.as_deref().map(|path| read_regions(path, &contigs, &options)).transpose()?;
    let windows = match (args.window, &regions, &args.regions) {
        (Some(length), Some(regions), Some(path)) => {
            let rule = WindowRule { anchor: args.anchor, orientation: args.orient, ..WindowRule::default() };
            let windows = rule.windows(length as usize, regions, path)?;
            report_windows(windows.length, &WindowRule { tss: args.tss, ..rule }, windows.anchor);
            Some(windows)
        }
        _ => None,
    };
    // A second handle to the FASTA: REF is compared by the thread that reads the variants.
    let mut stream = VariantStream::builder(vcf, &contigs, &hap1, &hap2)
        .reference(Reference::open(fasta)?)
        .with_record_status(args.report.is_some())
        .open()?;
    let mut outputs = Outputs::create(&args, [&hap1, &hap2], &contigs, windows)?;
    let masking = if args.mask_indels { Masking::All } else { Masking::Snvs };
    let options = ContigOptions { mask: args.masked.as_ref().map(|_| masking), variants: args.window.is_some() };

    let mut progress = Progress::new("contigs", Some(contigs.len() as u64));
    let mut contig = ContigHaplotypes::default();
    let mut rest = regions.as_ref().map_or(&[] as &[_], |r| &r.list);
    for index in 0..contigs.len() {
        let here = rest.partition_point(|r| r.contig <= index);
        let (now, later) = rest.split_at(here);
        rest = later;
        if outputs.need(now) {
            let report = &mut |stream: &mut VariantStream| outputs.report(stream);
            contig.read(&mut stream, &mut reference, index, options, report)?;
            outputs.write(&mut contig, &mut reference, index, now)?;
        } else if args.report.is_some() {
            stream.enter(index)?;
            while stream.next()?.is_some() {
                outputs.report(&mut stream)?;
            }
        }
        progress.add(1);
    }
    drop(progress);
    let report = stream.finish()?;
    outputs.report(&mut stream)?;
    report.lines().iter().for_each(|line| log::info!("{line}"));
    outputs.finish()
}
