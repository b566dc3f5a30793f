//! `explain cause`.

use std::io::Write;

use deepallele_common::check_files;
use deepallele_core::counts::sample_rows::SampleRows;
use deepallele_core::counts::table::CountRow;
use deepallele_core::counts::CountTable;
use deepallele_core::error::Error;
use deepallele_core::explanation::cause::fit::MIN_REGIONS;
use deepallele_core::explanation::cause::posterior::Posteriors;
use deepallele_core::explanation::cause::{fit, NormalLikelihood, Region, RegionPosterior};
use deepallele_core::io::output_file::{OutFile, TabixFormat};
use deepallele_core::output::explanation::causes::inclusion::{write_inclusions, Inclusions, VcfOutput};
use deepallele_core::output::explanation::causes::table::{write_columns, write_region};
use deepallele_core::output::explanation::causes::{CandidateRegion, Candidates};
use rayon::prelude::*;

use crate::args::CauseArgs;

/// Run it.
pub fn run(args: &CauseArgs) -> anyhow::Result<()> {
    args.check()?;
    check_files(&args.files())?;
    args.threads.install(|| explain(args))
}

/// A region with its counts.
type Measured<'a> = (&'a CandidateRegion, &'a CountRow, Region);

fn explain(args: &CauseArgs) -> anyhow::Result<()> {
    let threads = args.threads.count().min(4);
    let table = CountTable::read(&args.compare)?;
    let rows = SampleRows::choose(&args.compare, &table, args.count_sample.as_deref())?;
    let tag = args.tag.as_deref();
    let candidates = Candidates::read(&args.vcf, tag, threads)?;
    same_haplotypes(args, &table, &candidates)?;
    let measured = measured(args, &rows, &candidates)?;

    let regions: Vec<Region> = measured.iter().map(|(.., region)| region.clone()).collect();
    let fitted = fit(&regions);
    let parameters = fitted.parameters;
    if fitted.regions == 0 {
        log::warn!(
            "{} regions are too few to estimate how far predictions can be trusted (at least {MIN_REGIONS}): fixed values are used",
            regions.len()
        );
    } else {
        log::info!("true per predicted effect {:.2}, from {} regions", parameters.scale, fitted.regions);
    }
    log::info!(
        "a predicted effect of 0.3 holds with the chance {:.2}; effects that are not predicted: {:.3} of variants",
        parameters.holds(0.3),
        parameters.missed
    );
    let posteriors = Posteriors::new(parameters, args.min_effect);
    let found: Vec<RegionPosterior> = regions.par_iter().map(|region| posteriors.of(region)).collect();

    let header = args.provenance.header("explain");
    let path = args.table();
    let mut out = OutFile::create(&path)?;
    let mut inclusions = Inclusions::default();
    let failed = |error| Error::io(&path, error);
    header.iter().try_for_each(|line| writeln!(out, "{line}")).map_err(failed)?;
    write_columns(&mut out).map_err(failed)?;
    for ((region, row, _), posterior) in measured.iter().zip(&found) {
        write_region(&mut out, region, row, posterior).map_err(failed)?;
        inclusions.add(region, posterior);
    }
    let mut complete = out.complete_indexed(TabixFormat::Bed)?;
    if let Some(path) = &args.output_vcf {
        let output = VcfOutput { path, format: args.format(path), index: args.write_index };
        let input = (args.vcf.as_path(), candidates.records);
        complete.add(write_inclusions(input, output, (tag, args.min_effect), &header, &inclusions, threads)?);
    }
    complete.rename()?;
    report(&found, &candidates, args.min_effect);
    Ok(())
}

/// The regions of the VCF that have counts.
fn measured<'a>(
    args: &CauseArgs,
    rows: &SampleRows<'a>,
    candidates: &'a Candidates,
) -> anyhow::Result<Vec<Measured<'a>>> {
    let (mut measured, mut absent, mut empty) = (Vec::new(), 0, 0);
    for region in &candidates.regions {
        let Some(row) = rows.find(&region.contig, region.start, region.end) else {
            absent += 1;
            continue;
        };
        let Some(likelihood) = NormalLikelihood::of_counts(row.hap1, row.hap2) else {
            empty += 1;
            continue;
        };
        let effects = region.candidates.iter().map(|candidate| candidate.effect()).collect();
        measured.push((region, row, Region { measured: likelihood, effects }));
    }
    if candidates.regions.is_empty() {
        return Err(Error::input(&args.vcf, "has no variant with an effect in which the haplotypes differ").into());
    }
    if absent == candidates.regions.len() {
        return Err(Error::input(
            &args.compare,
            format!(
                "has none of the {absent} regions of INFO/DA_REGION in \"{}\": annotate with -L and this table",
                args.vcf.display()
            ),
        )
        .into());
    }
    for (count, why) in [(absent, "are not in the count table"), (empty, "have no informative fragment")] {
        if count > 0 {
            log::info!("{count} of {} regions {why} and are left out", candidates.regions.len());
        }
    }
    Ok(measured)
}

/// Check that effects and counts are of the same haplotypes, where the count table names them.
fn same_haplotypes(args: &CauseArgs, table: &CountTable, candidates: &Candidates) -> anyhow::Result<()> {
    let effects = candidates.haplotypes.each_ref().map(ToString::to_string);
    let counts = ["haplotype1", "haplotype2"].map(|key| table.header_value(key));
    if let [Some(one), Some(two)] = counts {
        if [one, two] != effects {
            let [a, b] = &effects;
            return Err(Error::input(
                &args.compare,
                format!(
                    "counts the haplotypes {one} and {two}, but the effects of \"{}\" are in {a} and {b}",
                    args.vcf.display()
                ),
            )
            .into());
        }
    }
    Ok(())
}

/// What the user should know at the end.
fn report(found: &[RegionPosterior], candidates: &Candidates, smallest: f64) {
    let variants: usize = found.iter().map(|region| region.variants.len()).sum();
    let none: f64 = found.iter().map(|region| region.none).sum();
    let likely = found.iter().flat_map(|region| &region.variants).filter(|variant| variant.inclusion >= 0.9).count();
    log::info!("{} regions with {variants} variants", found.len());
    log::info!(
        "{likely} variants have an effect of at least {smallest} with a probability of 0.9 or more; of {none:.0} regions none of the variants has"
    );
    if candidates.borrowed > 0 {
        log::info!(
            "{} times a variant lies in several regions and has the effect of the first in all of them: annotate with --all-regions for those of each",
            candidates.borrowed
        );
    }
    if candidates.without_effect > 0 {
        log::info!("{} times a variant has no predicted effect and is not considered", candidates.without_effect);
    }
}
