//! `explain attributions`.

use std::path::Path;

use deepallele_common::{check_files, read_regions, report_windows, Progress};
use deepallele_core::error::Error;
use deepallele_core::explanation::attributions::multipliers::Delta;
use deepallele_core::explanation::attributions::pairs::{first_positions_to_come, MappedPair};
use deepallele_core::explanation::attributions::settings::{AttributionSettings, FORMAT};
use deepallele_core::explanation::attributions::PairAttributions;
use deepallele_core::genome::Variants;
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::io::regions::AnnotationOptions;
use deepallele_core::output::explanation::attribution_folder::{AttributionFolder, ExplainedPair, PairOrigin, TRACKS};
use deepallele_core::output::igv::write_session;
use deepallele_core::output::igv_track::IgvTrack;
use deepallele_core::output::track::{TrackStyle, HAPLOTYPE1, HAPLOTYPE2};

use crate::args::AttributionArgs;
use crate::explainer::Explainer;

/// Run it.
pub fn run(args: &AttributionArgs) -> anyhow::Result<()> {
    args.check()?;
    check_files(&args.files())?;
    let models = Explainer::open(args)?;
    match &args.pairs {
        Some(_) => of_pairs(args, models),
        None => of_regions(args, models),
    }
}

fn settings(args: &AttributionArgs, models: &Explainer, pairs: usize, haplotypes: [String; 2]) -> AttributionSettings {
    let provenance = args.provenance.provenance("explain");
    AttributionSettings {
        format: FORMAT,
        method: args.method.to_string(),
        baseline: args.baseline(),
        shuffles: args.shuffles(),
        seed: args.shuffles().map(|_| args.seed),
        head: args.head,
        gauge: args.gauge,
        unit: "log2".into(),
        window: models.window(),
        networks: models.members(),
        models: args.models.iter().map(|path| path.display().to_string()).collect(),
        haplotypes,
        pairs,
        version: provenance.as_ref().map(|p| p.version().to_owned()),
        command: provenance.as_ref().map(|p| p.command_line().to_owned()),
    }
}

fn of_regions(args: &AttributionArgs, mut models: Explainer) -> anyhow::Result<()> {
    let fasta = args.genome.required()?;
    let mut reference = Reference::open(fasta)?;
    let contigs = reference.contigs().clone();
    let file = args.regions_file()?;
    let rule = args.windows.over(models.rule());
    let regions = read_regions(file, &contigs, &AnnotationOptions::with_tss(rule.tss))?;
    if regions.list.is_empty() {
        return Err(Error::input(file, "has no regions to explain").into());
    }
    let windows = rule.windows(models.window(), &regions, file)?;
    report_windows(windows.length, &rule, windows.anchor);
    let (hap1, hap2) = args.haplotypes.complete_sources()?;
    let variants = match hap1.sample().or(hap2.sample()) {
        None => {
            log::warn!("both haplotypes are the reference: their contributions are those of identical alleles");
            Variants::from_list(&contigs, vec![Vec::new(); contigs.len()])
        }
        Some(_) => args.haplotypes.read_variants([&hap1, &hap2], &mut reference)?,
    };
    let list: Vec<_> = regions.list.iter().map(|region| windows.of_checked(region)).collect();
    let to_come = first_positions_to_come(&list);
    let settings = settings(args, &models, list.len(), [hap1.to_string(), hap2.to_string()]);
    let mut folder = AttributionFolder::create(
        &args.output,
        settings,
        Some(contigs.clone()),
        &args.provenance.header("explain"),
        args.logos,
    )?;
    let mut progress = Progress::new("regions", Some(list.len() as u64));
    let mut report = Report::default();
    for ((region, window), complete_before) in regions.list.iter().zip(&list).zip(to_come) {
        let pair = MappedPair::of_window(window, &mut reference, &variants)?.ok_or_else(|| {
            let name = contigs.span_name(region.contig, region.start, region.end);
            Error::input(file, format!("region {name} is longer than the {} bases of the window", windows.length))
        })?;
        let (attributions, deltas) = models.explain(args, &pair)?;
        report.add(&pair, &attributions, &deltas);
        let origin = PairOrigin::Region {
            contig: region.contig,
            start: region.start,
            end: region.end,
            anchor: window.anchor,
            name: &region.name,
            complete_before,
        };
        folder.add(&explained(origin, &pair, &attributions))?;
        progress.add(1);
    }
    drop(progress);
    let mut set = folder.complete()?;
    let locus = regions.list.first().map(|r| contigs.span_name(r.contig, r.start, r.end));
    set.add(session(args, fasta, locus.as_deref())?);
    set.rename()?;
    report.lines("regions");
    peers(args, models.window());
    Ok(())
}

fn explained<'a>(
    origin: PairOrigin<'a>,
    pair: &'a MappedPair,
    attributions: &'a PairAttributions,
) -> ExplainedPair<'a> {
    ExplainedPair {
        origin,
        codes: pair.codes.each_ref().map(|codes| &codes[..]),
        maps: pair.maps.each_ref(),
        variants: pair.variants,
        attributions,
    }
}

/// A session of both tracks, drawn as letters, and the variants.
fn session(args: &AttributionArgs, fasta: &Path, locus: Option<&str>) -> anyhow::Result<CompleteFiles> {
    let track = |number: usize, colour| {
        let name = format!("contributions of haplotype {}", number + 1);
        let style = TrackStyle { description: name.clone(), name, colours: [colour; 2] };
        IgvTrack::letters(&args.output.join(TRACKS[number]), &style, "contributions")
    };
    let mut tracks = vec![track(0, HAPLOTYPE1), track(1, HAPLOTYPE2)];
    if let Some(variants) = &args.haplotypes.variants {
        // A BCF or a VCF without an index that IGV reads is left out.
        match IgvTrack::of_file(variants) {
            Ok(_) => tracks.push(IgvTrack::variants(variants)),
            Err(error) => log::info!("{error}; the session does without the variants"),
        }
    }
    Ok(write_session(&args.output.join("igv.xml"), fasta, locus, &tracks)?)
}

fn of_pairs(args: &AttributionArgs, mut models: Explainer) -> anyhow::Result<()> {
    let Some(path) = &args.pairs else { return Ok(()) };
    let table = PairsTable::read(path, false)?;
    let settings = settings(args, &models, table.rows.len(), ["allele_a", "allele_b"].map(String::from));
    let mut folder =
        AttributionFolder::create(&args.output, settings, None, &args.provenance.header("explain"), args.logos)?;
    let mut progress = Progress::new("pairs", Some(table.rows.len() as u64));
    let mut report = Report::default();
    for row in &table.rows {
        let pair = MappedPair::designed(&row.allele_a, &row.allele_b, models.window())
            .map_err(|error| Error::input(path, format!("line {}: {error}", row.line)))?;
        let (attributions, deltas) = models.explain(args, &pair)?;
        report.add(&pair, &attributions, &deltas);
        folder.add(&explained(PairOrigin::Designed(&row.id), &pair, &attributions))?;
        progress.add(1);
    }
    drop(progress);
    folder.complete()?.rename()?;
    report.lines("pairs");
    peers(args, models.window());
    Ok(())
}

/// What the user should know at the end.
#[derive(Default)]
struct Report {
    pairs: usize,
    differing: usize,
    skipped: usize,
    not_finite: usize,
    /// Pairs of sums and differences, and the sums of the absolute differences and of the errors, with the largest error.
    sums: usize,
    difference: f64,
    error: f64,
    largest_error: f64,
}

impl Report {
    fn add(&mut self, pair: &MappedPair, attributions: &PairAttributions, deltas: &[Delta]) {
        for delta in deltas {
            let error = (delta.sum - delta.difference).abs();
            self.sums += 1;
            self.difference += delta.difference.abs();
            self.error += error;
            self.largest_error = self.largest_error.max(error);
        }
        self.pairs += 1;
        self.differing += usize::from(pair.variants > 0);
        self.skipped += pair.skipped;
        self.not_finite += attributions.not_finite;
    }

    fn lines(&self, what: &str) {
        log::info!("{} {what} explained; in {} the two alleles differ", self.pairs, self.differing);
        if self.skipped > 0 {
            log::info!(
                "in {} cases a record was not applied because it overlaps an earlier one of its haplotype",
                self.skipped
            );
        }
        if self.sums > 0 {
            log::info!(
                "contributions sum to the difference of the predictions for pair and baseline within {:.2e} (log2)",
                self.largest_error
            );
        }
        // Rounding alone is of no concern where the differences themselves are near 0.
        if self.error > 0.01 * self.difference && self.error > 1e-4 * self.sums as f64 {
            log::warn!(
                "contributions miss the difference of the predictions by {:.1} % in the mean; choose --method ism or deeplift",
                100.0 * self.error / self.difference
            );
        }
        if self.not_finite > 0 {
            log::warn!(
                "{} contributions are not finite numbers and are written as 0 (activity not positive)",
                self.not_finite
            );
        }
    }
}

/// The command of modisco-lite that reads the arrays: its window is even, and it must be named below 400 bases.
fn peers(args: &AttributionArgs, window: usize) {
    if window < 100 {
        log::info!("modisco-lite reads windows of at least 100 bases; these have {window}");
        return;
    }
    let file = |name: &str| args.output.join(name).display().to_string();
    let even = window - window % 2;
    for haplotype in ["hap1", "hap2"] {
        log::info!(
            "for modisco-lite: modisco motifs -s {} -a {} -n 2000 -w {even} -o {haplotype}.modisco.h5",
            file(&format!("{haplotype}.ohe.npz")),
            file(&format!("{haplotype}.npz"))
        );
    }
}
