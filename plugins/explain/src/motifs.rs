//! `explain motifs`.

use std::io::Write;

use deepallele_common::{check_files, open_ensemble, usage, Progress};
use deepallele_core::error::Error;
use deepallele_core::explanation::attributions::folder::ExplainedFolder;
use deepallele_core::explanation::learned_motifs::{best_matches, cluster, learned_motifs, Learned, NAMED_MATCHES};
use deepallele_core::explanation::seqlets::of_pairs::{
    call, locate, Called, CallerName, Control, Convention, PairSeqlet, Tracks,
};
use deepallele_core::explanation::seqlets::recursive::Sign;
use deepallele_core::explanation::seqlets::shuffled::{check_models, chosen_pairs, shuffled_tracks};
use deepallele_core::io::output_file::OutFile;
use deepallele_core::io::plain_text::Plain;
use deepallele_core::motifs::tomtom::FEW_TARGETS;
use deepallele_core::motifs::{read_motifs, Motif, Tomtom};
use deepallele_core::output::explanation::motif_folder::{full_name, match_columns, MotifResults};

use crate::args::MotifArgs;

/// Matches of `--match` have at most this q-value.
const LARGEST_Q: f64 = 0.5;

/// Run it.
pub fn run(args: &MotifArgs) -> anyhow::Result<()> {
    args.check()?;
    check_files(&args.files())?;
    args.threads.install(|| match &args.matched {
        Some(_) => compare(args),
        None => learn(args),
    })
}

fn known(args: &MotifArgs) -> anyhow::Result<Vec<Motif>> {
    let Some(path) = &args.motifs else { return Ok(Vec::new()) };
    let known = read_motifs(path)?;
    if known.len() < FEW_TARGETS {
        log::warn!(
            "\"{}\" holds {} motifs: p-values of matches come from their columns, and are rough with less than {FEW_TARGETS}",
            path.display(),
            known.len()
        );
    }
    Ok(known)
}

/// `--match`.
fn compare(args: &MotifArgs) -> anyhow::Result<()> {
    let Some(path) = &args.matched else { return Ok(()) };
    let queries = read_motifs(path)?;
    let known = known(args)?;
    let tomtom = Tomtom::new(&known, args.tomtom())?;
    let matches = best_matches(&tomtom, &queries, known.len());
    let mut out = OutFile::create(&args.output)?;
    let mut lines = args.provenance.header("explain");
    lines.push("#motif\tmatch\tp\tq\toffset\toverlap\tstrand".into());
    for (query, matches) in queries.iter().zip(&matches) {
        let shown = matches.iter().enumerate().filter(|(rank, (_, found))| *rank == 0 || found.q_value <= LARGEST_Q);
        lines.extend(shown.map(|(_, (number, found))| {
            let (query, known) = (full_name(query), full_name(&known[*number]));
            format!("{}\t{}\t{}", Plain(&query), Plain(&known), match_columns(found))
        }));
    }
    for line in lines {
        writeln!(out, "{line}").map_err(|error| Error::io(&args.output, error))?;
    }
    Ok(out.finish()?)
}

fn learn(args: &MotifArgs) -> anyhow::Result<()> {
    let path = args.folder()?;
    let folder = ExplainedFolder::open(path)?;
    let known = known(args)?;
    let convention = Convention { head: folder.settings().head, gauge: folder.settings().gauge };
    let control = match args.models.is_empty() {
        true => None,
        false => Some(control(args, &folder, convention)?),
    };
    let tracks = Tracks::read(folder.pairs()?, convention).map_err(|error| error.in_file(path))?;
    let target = args.target().filter(|_| args.caller == CallerName::Recursive);
    let rate = control.as_ref().filter(|_| args.threshold.is_none());
    let rate = rate.map(|tracks| Control { tracks, target: target.unwrap_or(1.0) });
    let called = call(&tracks, &args.seqlets(), rate)?;
    report_seqlets(args, &called, rate.is_some());
    let seqlets = locate(folder.pairs()?, convention, &tracks, called.seqlets, args.flanks())?;
    drop(tracks);
    let options = args.options();
    let clusters = cluster(&seqlets, &options)?;
    let learned = learned_motifs(&seqlets, &clusters, &options)?;
    let motifs: Vec<Motif> = learned.motifs.iter().map(|learned| learned.motif.clone()).collect();
    let matches = match known.is_empty() {
        true => Vec::new(),
        false => best_matches(&Tomtom::new(&known, args.tomtom())?, &motifs, NAMED_MATCHES),
    };
    let results = MotifResults {
        folder: &folder,
        seqlets: &seqlets,
        motifs: &learned.motifs,
        known: &known,
        matches: &matches,
        header: &args.provenance.header("explain"),
    };
    results.complete()?.rename()?;
    report_motifs(args, &seqlets, &learned);
    for (learned, best) in learned.motifs.iter().zip(matches.iter().filter_map(|matches| matches.first())).take(5) {
        let (number, found) = best;
        log::info!(
            "{}: {} seqlets in {} regions, most like {} (q {:.2e})",
            learned.motif.name(),
            learned.members.len(),
            learned.regions,
            full_name(&known[*number]),
            found.q_value
        );
    }
    Ok(())
}

/// Contributions in shuffled sequences of chosen regions.
fn control(args: &MotifArgs, folder: &ExplainedFolder, convention: Convention) -> anyhow::Result<Vec<Vec<f64>>> {
    let method = &folder.settings().method;
    if method != "ism" {
        return Err(usage(format!(
            "-m explains shuffled sequences by in-silico mutagenesis, and the folder was made by {method}: leave it out, or \
             run explain attributions --method ism"
        )));
    }
    let files = args.models.iter().map(|path| (path.as_path(), args.model_sample.as_deref()));
    let mut models = open_ensemble(files, args.threads.count())?;
    let chosen = chosen_pairs(folder.labels().len(), args.null_regions as usize, args.seed);
    let mut progress = Progress::new("shuffled regions", Some(chosen.len() as u64));
    let mut tracks = Vec::with_capacity(2 * chosen.len());
    let mut next = 0;
    for pair in folder.pairs()? {
        let Some(number) = chosen.get(next) else { break };
        let pair = pair?;
        if pair.number != *number {
            continue;
        }
        if next == 0 {
            let checked = check_models(&mut models, &pair, &folder.labels()[pair.number]);
            checked.map_err(|error| error.in_file(&args.models[0]))?;
        }
        tracks.extend(shuffled_tracks(&mut models, &pair, convention.head, args.seed)?);
        next += 1;
        progress.add(1);
    }
    drop(progress);
    if tracks.iter().all(Vec::is_empty) {
        return Err(Error::input(folder.path(), "has no bases of which shuffled sequences could be made").into());
    }
    Ok(tracks)
}

fn report_seqlets(args: &MotifArgs, called: &Called, controlled: bool) {
    for sign in &called.signs {
        let name = if sign.sign == Sign::Positive { "increase" } else { "decrease" };
        let seqlets = format!("{} seqlets that {name} the activity of their haplotype", sign.seqlets);
        let fdr = sign.fdr.map_or("none".into(), |fdr| format!("{fdr:.3}"));
        match (controlled, sign.threshold) {
            (false, None) => log::info!("{seqlets}"),
            (false, Some(p)) => log::info!("{seqlets}, p-value below {p}"),
            (true, Some(p)) => log::info!("{seqlets}, p-value below {p:.2e}, estimated false discovery rate {fdr}"),
            (true, None) if args.caller == CallerName::Published => {
                log::info!("{seqlets}, estimated false discovery rate {fdr}");
            }
            (true, None) => {
                log::info!("{seqlets}: no threshold reaches the false discovery rate (least estimate {fdr})")
            }
        }
    }
    if !controlled {
        let why = if args.caller == CallerName::Published { "" } else { ": p-values rank spans" };
        log::warn!("no error rate of seqlets is controlled{why}; -m MODEL adds a false discovery rate");
    }
}

fn report_motifs(args: &MotifArgs, seqlets: &[PairSeqlet], learned: &Learned) {
    if seqlets.is_empty() {
        log::warn!("there are no seqlets: the tables are empty");
        return;
    }
    let common = seqlets.iter().filter(|seqlet| seqlet.common).count();
    let in_motifs: usize = learned.motifs.iter().map(|motif| motif.members.len()).sum();
    log::info!("{} seqlets, of which {common} have a counterpart in the other allele", seqlets.len());
    log::info!(
        "{} clusters, of which {} are motifs of at least {} seqlets, with {in_motifs} seqlets together",
        learned.clusters,
        learned.motifs.len(),
        args.least_seqlets
    );
    if learned.without_positions > 0 {
        log::info!("{} clusters are no motif: less than three positions contribute", learned.without_positions);
    }
}
