//! `explain hits`.

mod records;
mod source;

use std::collections::HashMap;

use deepallele_common::{check_files, Progress};
use deepallele_core::counts::sample_rows::SampleRows;
use deepallele_core::counts::CountTable;
use deepallele_core::error::Error;
use deepallele_core::explanation::hits::background::PoolBuilder;
use deepallele_core::explanation::hits::concordance::{Concordance, LARGEST_Q};
use deepallele_core::explanation::hits::records::{named, runs, Differences};
use deepallele_core::explanation::hits::{test_changes, ChangeTests, InstanceFinder, Locus, SitePair, State, Tested};
use deepallele_core::io::output_file::{complete_file, CompleteFiles};
use deepallele_core::io::text_input::{read_once, read_small};
use deepallele_core::motifs::{read_motifs, Motif};
use deepallele_core::output::explanation::hit_tables::{HitLine, HitTables, TABLES};
use deepallele_core::output::explanation::motif_info::ChangedSite;
use deepallele_core::output::igv::{with_track, write_session};
use deepallele_core::output::igv_track::IgvTrack;

use crate::args::HitArgs;
use records::Known;
use source::{PairLabel, Source};

/// Bases of one allele in a batch of pairs that is scanned at a time.
const BATCH: usize = 1 << 20;
/// Name of the track of sites in a session.
const SITES: &str = "binding sites";
/// The longest session that is read, in bytes.
const LONGEST_SESSION: u64 = 1 << 20;

/// Run it.
pub fn run(args: &HitArgs) -> anyhow::Result<()> {
    args.check()?;
    check_files(&args.files()?)?;
    args.threads.install(|| find(args))
}

fn find(args: &HitArgs) -> anyhow::Result<()> {
    let motifs = read_motifs(&args.motifs)?;
    let finder = InstanceFinder::new(&motifs, args.threshold)?;
    report_unreachable(args, &motifs, finder.unreachable());
    let mut source = Source::open(args)?;
    let measured = Measured::read(args, source.labels())?;

    let changes = Changes::read(args, &motifs, &finder, &mut source)?;
    let known = match &args.vcf {
        Some(vcf) if !read_once(vcf) => records::known(vcf, &changes.differences)?,
        _ => HashMap::new(),
    };
    let header = args.provenance.header("explain");
    let mut scan = Scan {
        args,
        motifs: &motifs,
        finder,
        measured,
        known,
        tables: HitTables::create(args.tables()?, &header)?,
        states: HashMap::new(),
        significant: 0,
        sites: Vec::new(),
        batch: Vec::new(),
        bases: 0,
        changes,
    };
    let mut progress = Progress::new("regions", Some(source.labels().len() as u64));
    let labels = source.labels().to_vec();
    source.each(|number, pair, variants| {
        scan.add(&labels, number, pair, variants)?;
        progress.add(1);
        Ok(())
    })?;
    scan.flush(&labels)?;
    drop(progress);
    let Scan { tables, states, significant, sites, changes, .. } = scan;
    let mut set = tables.complete()?;
    let annotated = match &args.vcf {
        Some(vcf) => records::annotate(args, vcf, &changes.differences, &sites, source.has_attributions())?,
        None => CompleteFiles::default(),
    };
    set.add(annotated);
    set.add(session(args, source.labels())?);
    set.rename()?;
    report(&states, significant, &changes.tests);
    Ok(())
}

/// The session of the folder with the sites, or a session of them and the variants.
fn session(args: &HitArgs, labels: &[PairLabel]) -> anyhow::Result<CompleteFiles> {
    let folder = args.tables()?;
    let (path, bed) = (folder.join("igv.xml"), TABLES[1]);
    if let Some(reference) = &args.genome.reference {
        let sites = IgvTrack { name: SITES.into(), ..IgvTrack::variants(&folder.join(bed)) };
        // A BCF or a VCF without an index that IGV reads is left out.
        let variants = args.haplotypes.variants.as_ref().filter(|variants| IgvTrack::of_file(variants).is_ok());
        let tracks: Vec<IgvTrack> = variants.map(|path| IgvTrack::variants(path)).into_iter().chain([sites]).collect();
        let first = labels.first().and_then(|label| Some((&label.chrom, label.span?)));
        let locus = first.map(|(chrom, (start, end))| format!("{chrom}:{}-{end}", start + 1));
        return Ok(write_session(&path, reference, locus.as_deref(), &tracks)?);
    }
    if args.without_attributions() || !path.is_file() {
        return Ok(CompleteFiles::default());
    }
    let session = read_small(&path, LONGEST_SESSION)?;
    match with_track(&session, bed, SITES) {
        Some(session) => Ok(complete_file(&path, session.as_bytes())?),
        None => Ok(CompleteFiles::default()),
    }
}

fn report_unreachable(args: &HitArgs, motifs: &[Motif], unreachable: &[usize]) {
    if unreachable.is_empty() {
        return;
    }
    let names: Vec<&str> = unreachable.iter().map(|&motif| motifs[motif].name()).collect();
    let more = names.len().saturating_sub(10);
    let listed = names[..names.len() - more].join(", ");
    let and_more = if more > 0 { format!(" and {more} more") } else { String::new() };
    log::warn!(
        "{} of {} motifs are too short or too weak to have a site with p < {}: {listed}{and_more}",
        names.len(),
        motifs.len(),
        args.threshold
    );
}

fn report(states: &HashMap<State, usize>, significant: usize, tests: &ChangeTests) {
    let count = |state: &State| states.get(state).copied().unwrap_or(0);
    let all: usize = states.values().sum();
    let listed: Vec<String> = State::ALL.iter().map(|state| format!("{} {state}", count(state))).collect();
    log::info!("{all} sites: {}", listed.join(", "));
    log::info!("{} changes of a motif's windows tested; {significant} sites with q < 0.05", tests.tests);
    if tests.untested > 0 {
        log::info!("{} changes were not tested: too near to the ends, or of unknown bases", tests.untested);
    }
}

/// The measured ratio of each region: ratio and q.
struct Measured(Vec<Option<(f64, Option<f64>)>>);

impl Measured {
    fn read(args: &HitArgs, labels: &[PairLabel]) -> anyhow::Result<Self> {
        let Some(path) = &args.compare else { return Ok(Self(vec![None; labels.len()])) };
        let table = CountTable::read(path)?;
        let rows = SampleRows::choose(path, &table, args.count_sample.as_deref())?;
        let of_label = |label: &PairLabel| {
            let (start, end) = label.span?;
            let row = rows.find(&label.chrom, start, end)?;
            Some((row.log2_ratio?, row.q_value))
        };
        let found: Vec<_> = labels.iter().map(of_label).collect();
        let count = found.iter().flatten().count();
        if count == 0 && !labels.is_empty() {
            return Err(Error::input(path, "has none of the regions (same contig, start and end)").into());
        }
        log::info!("{count} of {} regions have a measured ratio", labels.len());
        Ok(Self(found))
    }
}

/// What the first pass over the pairs finds.
struct Changes {
    tests: ChangeTests,
    differences: Differences,
    /// For each pair the first place (contig, position) that it or a later one may have.
    to_come: Vec<(usize, u64)>,
}

impl Changes {
    fn read(args: &HitArgs, motifs: &[Motif], finder: &InstanceFinder, source: &mut Source) -> anyhow::Result<Self> {
        let reachable: Vec<bool> = (0..motifs.len()).map(|motif| !finder.unreachable().contains(&motif)).collect();
        let widths = motifs.iter().zip(&reachable).filter(|(_, reachable)| **reachable).map(|(motif, _)| motif.width());
        let widest = widths.max().unwrap_or(1);
        let count = reachable.iter().filter(|reachable| **reachable).count();
        let labels = source.labels().to_vec();
        let mut pool = PoolBuilder::new(args.background, count, source.bases(), args.seed);
        let (mut loci, mut differences) = (Vec::new(), Differences::default());
        let mut to_come: Vec<(usize, u64)> = labels.iter().map(|label| (label.contig, u64::MAX)).collect();
        source.each(|number, pair, _| {
            pool.add(pair.codes(0));
            loci.extend(Locus::of(number as u32, &pair, widest));
            if args.vcf.is_some() {
                differences.add(&labels[number].chrom, number as u32, &pair);
            }
            to_come[number].1 = pair.span(&pair.common()).0;
            Ok(())
        })?;
        for i in (1..to_come.len()).rev() {
            to_come[i - 1] = to_come[i - 1].min(to_come[i]);
        }
        differences.prepare();
        let tests = test_changes(motifs, &loci, &pool.finish(), args.threshold, args.seed);
        Ok(Self { tests, differences, to_come })
    }
}

/// The second pass: sites of pairs, written in batches.
struct Scan<'a> {
    args: &'a HitArgs,
    motifs: &'a [Motif],
    finder: InstanceFinder,
    measured: Measured,
    /// Records of `--vcf` by the difference they make.
    known: HashMap<(u32, usize), Vec<Known>>,
    tables: HitTables,
    states: HashMap<State, usize>,
    significant: usize,
    /// Of `--vcf`.
    sites: Vec<ChangedSite>,
    batch: Vec<(usize, SitePair, Option<source::Records>)>,
    bases: usize,
    changes: Changes,
}

impl Scan<'_> {
    fn add(
        &mut self,
        labels: &[PairLabel],
        number: usize,
        pair: SitePair,
        variants: Option<source::Records>,
    ) -> anyhow::Result<()> {
        self.bases += pair.len();
        self.batch.push((number, pair, variants));
        if self.bases >= BATCH {
            self.flush(labels)?;
        }
        Ok(())
    }

    fn flush(&mut self, labels: &[PairLabel]) -> anyhow::Result<()> {
        self.bases = 0;
        let (mut numbers, mut pairs) = (Vec::new(), Vec::new());
        for (number, pair, records) in self.batch.drain(..) {
            numbers.push((number, records));
            pairs.push(pair);
        }
        let found = self.finder.find(&pairs)?;
        for (((number, records), pair), instances) in numbers.into_iter().zip(&pairs).zip(found) {
            let label = &labels[number];
            for instance in &instances {
                let columns = pair.differing_in(&instance.columns);
                let (variants, effect) = self.variants(number, label, pair, records.as_ref(), columns);
                let test = |column| self.changes.tests.get(number as u32, instance.motif, column);
                let tested = instance.change.and_then(test).copied();
                let measured = self.measured.0[number];
                let line = HitLine {
                    contig: (label.contig, &label.chrom),
                    region: &label.region,
                    motif: self.motifs[instance.motif].name(),
                    pair,
                    instance,
                    tested: tested.as_ref(),
                    effect,
                    variants: &variants,
                    measured: measured.map(|(ratio, _)| ratio),
                    concordance: concordance(tested.as_ref(), measured),
                };
                *self.states.entry(instance.state).or_default() += 1;
                self.significant += usize::from(tested.and_then(|t| t.q_value).is_some_and(|q| q < 0.05));
                if self.args.vcf.is_some() && !columns.is_empty() {
                    self.sites.push(ChangedSite {
                        motif: line.motif.to_owned(),
                        state: instance.state,
                        strand: instance.strand,
                        span: line.span(),
                        delta_score: line.delta_score(),
                        delta_attribution: line.delta_attribution(),
                        p_value: tested.and_then(|tested| tested.p_value),
                        q_value: tested.and_then(|tested| tested.q_value),
                    });
                    for run in all_runs(pair, columns) {
                        self.changes.differences.put(number as u32, run, self.sites.len() - 1);
                    }
                }
                self.tables.add(&line);
            }
            let next = self.changes.to_come.get(number + 1).copied().unwrap_or((usize::MAX, u64::MAX));
            self.tables.write_before(next)?;
        }
        Ok(())
    }

    /// The variants in `columns`: records where they are known, or else the bases of both alleles; and the sum of their
    /// effects where they are known.
    fn variants(
        &self,
        number: usize,
        label: &PairLabel,
        pair: &SitePair,
        records: Option<&source::Records>,
        columns: &[usize],
    ) -> (Vec<String>, Option<f64>) {
        let mut names: Vec<String> = Vec::new();
        let mut known: Vec<&Known> = Vec::new();
        for run in runs(columns) {
            let starts = all_runs(pair, &[run.start]);
            let of_run: Vec<&Known> =
                starts.iter().filter_map(|start| self.known.get(&(number as u32, *start))).flatten().collect();
            let own = match records {
                Some(records) => records.at(pair.span(&run)),
                None => of_run.iter().map(|known| known.name.clone()).collect(),
            };
            match own.is_empty() {
                true => names.push(named(pair, &run)),
                false => names.extend(own),
            }
            // A record may make several differences.
            known.extend(
                of_run.into_iter().filter(|one| known.iter().all(|other| other.name != one.name)).collect::<Vec<_>>(),
            );
        }
        names.dedup();
        let effect = known.iter().filter_map(|known| known.effect).reduce(|sum, effect| sum + effect);
        (names.iter().map(|name| format!("{}:{name}", label.chrom)).collect(), effect)
    }
}

/// The first columns of the runs of differing columns of a pair that `columns` are in.
fn all_runs(pair: &SitePair, columns: &[usize]) -> Vec<usize> {
    let all = runs(pair.differing());
    let touched = all.iter().filter(|run| columns.iter().any(|column| run.contains(column)));
    touched.map(|run| run.start).collect()
}

fn concordance(tested: Option<&Tested>, measured: Option<(f64, Option<f64>)>) -> Option<Concordance> {
    let (ratio, q) = measured?;
    q.filter(|q| *q <= LARGEST_Q)?;
    Concordance::of(tested?.log2_p, ratio)
}
