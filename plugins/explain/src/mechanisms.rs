//! `explain mechanisms`.

use deepallele_common::{check_files, Progress};
use deepallele_core::counts::sample_rows::SampleRows;
use deepallele_core::counts::CountTable;
use deepallele_core::error::Error;
use deepallele_core::explanation::attributions::folder::ExplainedFolder;
use deepallele_core::explanation::attributions::pairs::MappedPair;
use deepallele_core::explanation::mechanisms::classes::{classify, explained_shares, RegionClass, Share};
use deepallele_core::explanation::mechanisms::motif_tests::{test_motifs, MotifTest};
use deepallele_core::explanation::mechanisms::site_attributions::{site_attributions, SiteAttribution};
use deepallele_core::explanation::mechanisms::trusted::TrustedRule;
use deepallele_core::explanation::mechanisms::ComparedPair;
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::model::metadata::{LogBase, TargetScale};
use deepallele_core::motifs::{read_motifs, Motif};
use deepallele_core::output::explanation::hit_tables::TABLES as HIT_TABLES;
use deepallele_core::output::explanation::mechanism_tables::{MechanismTables, RegionLine};

use crate::args::MechanismArgs;

/// Run it.
pub fn run(args: &MechanismArgs) -> anyhow::Result<()> {
    args.check()?;
    check_files(&args.files()?)?;
    args.threads.install(|| test(args))
}

fn test(args: &MechanismArgs) -> anyhow::Result<()> {
    let motifs = read_motifs(&args.motifs)?;
    let pairs = match &args.pairs {
        Some(_) => designed(args)?,
        None => of_folder(args)?,
    };
    if pairs.is_empty() {
        log::warn!("no region has a measured |log2 ratio| of at least {}: the tables are empty", args.least_ratio);
    }
    let tests = match pairs.is_empty() {
        true => Vec::new(),
        false => test_motifs(&motifs, &pairs, args.threshold)?,
    };
    let significant: Vec<bool> = tests.iter().map(|test| test.q_value <= args.largest_q).collect();
    let classes = classify(&tests, &significant, &pairs);
    let predicted: Vec<f64> = pairs.iter().map(|pair| pair.predicted.unwrap_or(f64::NAN)).collect();
    let rule = TrustedRule { measured: args.least_ratio, deviations: args.trusted_deviations };
    let measured: Vec<Option<f64>> = pairs.iter().map(|pair| Some(pair.measured)).collect();
    let trusted = rule.choose(&measured, &predicted);

    let by_model = by_model(args, &pairs)?;
    let header = args.provenance.header("explain");
    let mut tables = MechanismTables::create(args.output()?, &header)?;
    motifs.iter().zip(&tests).try_for_each(|(motif, test)| tables.motif(motif.name(), test))?;
    for (number, (pair, (decides, class))) in pairs.iter().zip(&classes).enumerate() {
        tables.region(&RegionLine {
            name: &pair.name,
            measured: pair.measured,
            predicted: pair.predicted.map(|predicted| (predicted, trusted[number])),
            motifs: (decides.map(|found| (motifs[found.motif].name(), found.change)), *class),
            model: by_model.as_ref().map(|found| {
                let (site, class) = &found[number];
                (site.as_ref().map(|site| (&site.motif[..], site.change)), *class)
            }),
        })?;
    }
    tables.complete()?.rename()?;
    report(&motifs, &tests, &significant, &pairs, &classes.iter().map(|(_, class)| *class).collect::<Vec<_>>());
    if let Some(by_model) = by_model.filter(|found| !found.is_empty()) {
        let of_model: Vec<RegionClass> = by_model.iter().map(|(_, class)| *class).collect();
        let of_motifs: Vec<RegionClass> = classes.iter().map(|(_, class)| *class).collect();
        report_shares(args, [&of_motifs, &of_model]);
    }
    if pairs.iter().any(|pair| pair.predicted.is_some()) {
        let n = trusted.iter().filter(|trusted| **trusted).count();
        log::info!("{n} regions are trusted: measured and predicted with the same sign, and strongly");
    }
    Ok(())
}

/// The site of a region that decides, and the class it gives.
type ByModel = (Option<SiteAttribution>, RegionClass);

/// The class of each region by the model: the site that changes what it sees most, from the table of `explain hits`.
fn by_model(args: &MechanismArgs, pairs: &[ComparedPair]) -> anyhow::Result<Option<Vec<ByModel>>> {
    let Some(path) = args.folder.as_ref().map(|folder| folder.join(HIT_TABLES[0])).filter(|path| path.is_file()) else {
        return Ok(None);
    };
    let names: Vec<&str> = pairs.iter().map(|pair| &pair.name[..]).collect();
    let Some(found) = site_attributions(&path, &names)? else { return Ok(None) };
    let class = |(site, pair): (Option<SiteAttribution>, &ComparedPair)| {
        let class = RegionClass::of(pair.measured, site.as_ref().map(|site| site.change));
        (site, class)
    };
    Ok(Some(found.into_iter().zip(pairs).map(class).collect()))
}

/// The shares of regions that motifs alone and the model explain.
fn report_shares(args: &MechanismArgs, classes: [&[RegionClass]; 2]) {
    let units: Vec<u32> = (0..classes[0].len() as u32).collect();
    let shares = explained_shares(classes, &units, args.bootstrap as usize, args.seed);
    let shown = |share: &Share| {
        let [low, high] = share.interval.map(|end| 100.0 * end);
        format!("{:.1} % ({low:.1} to {high:.1})", 100.0 * share.share)
    };
    let [motifs, model, more] = shares.each_ref().map(shown);
    log::info!(
        "explained by motifs alone: {motifs} of the regions; by sites as the model sees them: {model}; more by {more}"
    );
}

/// The regions of a folder with their measured ratios.
fn of_folder(args: &MechanismArgs) -> anyhow::Result<Vec<ComparedPair>> {
    let (Some(path), Some(compare)) = (&args.folder, &args.compare) else { return Ok(Vec::new()) };
    let folder = ExplainedFolder::open(path)?;
    let table = CountTable::read(compare)?;
    let rows = SampleRows::choose(compare, &table, args.count_sample.as_deref())?;
    let mut pairs = Vec::new();
    let (mut found, mut balanced) = (0, 0);
    let mut progress = Progress::new("regions", Some(folder.labels().len() as u64));
    for pair in folder.pairs()? {
        progress.add(1);
        let pair = pair?;
        let label = &folder.labels()[pair.number];
        let Some((contig, start, end)) = &label.span else {
            return Err(
                Error::input(path, "explains designed pairs, which have no counts: give the table by --pairs").into()
            );
        };
        let Some(measured) = rows.find(contig, *start, *end).and_then(|row| row.log2_ratio) else { continue };
        found += 1;
        if measured.abs() < args.least_ratio {
            balanced += 1;
            continue;
        }
        let codes = pair.codes.each_ref().map(|codes| &codes[..]);
        let predicted = Some(label.predicted[2]).filter(|ratio| ratio.is_finite());
        pairs.push(ComparedPair::new(&label.name, codes, pair.maps.each_ref(), measured, predicted));
    }
    drop(progress);
    if found == 0 {
        return Err(Error::input(compare, "has none of the regions explained (same contig, start and end)").into());
    }
    let all = folder.labels().len();
    log::info!("{all} regions, {found} with a measured ratio, {} of at least {}", found - balanced, args.least_ratio);
    Ok(pairs)
}

fn designed(args: &MechanismArgs) -> anyhow::Result<Vec<ComparedPair>> {
    let Some(path) = &args.pairs else { return Ok(Vec::new()) };
    let table = PairsTable::read(path, true)?;
    let scale = args.target_scale;
    let scale = TargetScale { scale, pseudocount: scale.usual_pseudocount(), log_base: LogBase::Two };
    let mut pairs = Vec::new();
    for row in &table.rows {
        let at = |problem: String| Error::input(path, format!("line {}: {problem}", row.line));
        let Some([a, b]) = row.values else { return Err(at("has no measured values".into()).into()) };
        let measured = scale.to_network(a) - scale.to_network(b);
        if !measured.is_finite() {
            return Err(at("has values without a logarithm".into()).into());
        }
        if measured.abs() < args.least_ratio {
            continue;
        }
        let window = row.allele_a.len().max(row.allele_b.len());
        let pair = MappedPair::designed(&row.allele_a, &row.allele_b, window).map_err(|error| at(error.to_string()))?;
        let codes = pair.codes.each_ref().map(|codes| &codes[..]);
        pairs.push(ComparedPair::new(&row.id, codes, pair.maps.each_ref(), measured, None));
    }
    log::info!("{} pairs, {} with a ratio of at least {}", table.rows.len(), pairs.len(), args.least_ratio);
    Ok(pairs)
}

fn report(
    motifs: &[Motif],
    tests: &[MotifTest],
    significant: &[bool],
    pairs: &[ComparedPair],
    classes: &[RegionClass],
) {
    if pairs.is_empty() {
        return;
    }
    let found = significant.iter().filter(|found| **found).count();
    log::info!("{found} of {} motifs go with the more active or the less active allele", motifs.len());
    let mut ranked: Vec<usize> = (0..tests.len()).filter(|i| significant[*i]).collect();
    ranked.sort_by(|a, b| tests[*a].difference.p_value.total_cmp(&tests[*b].difference.p_value));
    for i in ranked.into_iter().take(5) {
        let test = &tests[i];
        let side = if test.difference.first_is_higher { "more" } else { "less" };
        let (name, q) = (motifs[i].name(), test.q_value);
        let (positive, negative) = (test.difference.positive, test.difference.negative);
        log::info!("{name}: better in the {side} active allele, {positive} pairs against {negative}, q {q:.2e}");
    }
    for class in RegionClass::ALL {
        let n = classes.iter().filter(|found| **found == class).count();
        log::info!("{}: {n} of {} regions", class.name().replace('_', " "), classes.len());
    }
}
