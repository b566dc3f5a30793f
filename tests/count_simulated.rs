//! Counts on simulated crosses against their truth: which fragments can tell the haplotypes apart follows from
//! the bare sequences ([`simulator::truth`]), and those that can must be counted for their haplotype, whatever
//! kind of variant lets them tell and however an aligner placed them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use deepallele_tests::simulator::{
    reads, truth, Cross, CrossKind, Ends, Errors, Fragment, Kind, Plan, Read, ReadPlan, Target,
};
use deepallele_tests::*;

/// A cross and what was drawn from it, written down.
struct Case {
    folder: tempfile::TempDir,
    cross: Cross,
    fragments: Vec<Fragment>,
    fasta: PathBuf,
    vcf: PathBuf,
    bed: PathBuf,
    /// Contig, start, end of each region.
    regions: Vec<(usize, usize, usize)>,
    /// True if ends of reads may be clipped away from where they belong, run into an adapter, or be aligned
    /// wrongly. What they show there need not count, but nothing may count for the wrong haplotype.
    lenient: bool,
}

impl Case {
    fn new(plan: &Plan, reads: &ReadPlan) -> Self {
        let cross = Cross::new(plan);
        let fragments = reads::draw(&cross, reads);
        Self { lenient: reads.ends != [Ends::Keep] || reads.adapters > 0.0, ..Self::of(cross, fragments) }
    }

    fn of(cross: Cross, fragments: Vec<Fragment>) -> Self {
        let folder = scratch();
        let fasta = cross.fasta(folder.path(), "reference.fa");
        let vcf = put(folder.path(), "variants.vcf", cross.vcf());
        // Every contig as a whole, and windows that overlap.
        let mut regions = Vec::new();
        for (contig, pair) in cross.contigs.iter().enumerate() {
            let length = pair.contig.bases.len();
            regions.push((contig, 0, length));
            regions.extend((0..length).step_by(150).map(|start| (contig, start, (start + 190).min(length))));
        }
        let line = |(number, r): (usize, &(usize, usize, usize))| {
            format!("{}\t{}\t{}\tr{number}\n", cross.contigs[r.0].contig.name, r.1, r.2)
        };
        let bed = put(folder.path(), "regions.bed", regions.iter().enumerate().map(line).collect::<String>());
        Self { folder, cross, fragments, fasta, vcf, bed, regions, lenient: false }
    }

    fn sam(&self, name: &str, fragments: &[&Fragment]) -> PathBuf {
        let sam = self.cross.sam(fragments.iter().copied(), Target::Reference);
        put(self.folder.path(), name, sam)
    }

    /// `deepallele count` of the cross's F1 with both tables; gives back regions and variants.
    fn count(&self, alignments: &PathBuf, options: &[&str]) -> Tables {
        let variants = self.folder.path().join("per_variant.tsv");
        let mut command: Command = deepallele("count");
        command.arg(alignments).arg("-v").arg(&self.vcf).arg("-f").arg(&self.fasta).arg("-L").arg(&self.bed);
        let haplotypes: &[&str] =
            if options.iter().any(|o| o.contains("hap1") || *o == "--strain") { &[] } else { &["-s", "F1"] };
        command.args(haplotypes).args(options).arg("--per-variant").arg(&variants).arg("--quiet");
        let regions = good_text(&mut command);
        Tables { regions, variants: fs::read_to_string(variants).unwrap() }
    }

    /// hap1, hap2, uninformative and conflicting of every region, in the order of `regions`.
    fn by_region(&self, tables: &Tables) -> Vec<[usize; 4]> {
        let table = Table::parse(&tables.regions);
        assert_eq!(table.rows.len(), self.regions.len());
        let mut counts = vec![[0; 4]; self.regions.len()];
        for row in 0..table.rows.len() {
            let region: usize = table.text(row, "name")[1..].parse().unwrap();
            counts[region] = ["hap1", "hap2", "uninformative", "conflicting"].map(|c| table.number(row, c) as usize);
        }
        counts
    }

    fn pair(&self, f: &Fragment) -> &deepallele_tests::simulator::Pair {
        &self.cross.contigs[f.contig]
    }

    /// True if the fragment tells the alleles of record `i`, and does so by what its alignment shows even where
    /// alignments need not be right at their ends.
    fn surely_tells(&self, f: &Fragment, i: usize) -> bool {
        let pair = self.pair(f);
        if !self.lenient {
            return truth::fragment_tells_variant(pair, f, i);
        }
        let v = &pair.variants[i];
        let substitution = v.alleles.iter().all(|a| a.len() == v.alleles[0].len());
        f.counted_reads().any(|r| {
            let blocks = r.place(pair, f.haplotype, Target::Reference).map_or(vec![], |p| p.blocks());
            let aligned = if substitution {
                blocks.iter().any(|b| b.0 + 10 <= v.start && v.end() + 10 <= b.1)
            } else {
                blocks.iter().any(|b| b.0 <= v.end() + 2 && v.start <= b.1 + 2)
            };
            let whole = r.adapters.iter().all(Vec::is_empty);
            aligned && whole && truth::read_tells_variant(pair, f.haplotype, &r.segments, i)
        })
    }

    /// hap1, hap2 and uninformative of every region by the truth, at least and at most.
    fn expected_regions(&self, fragments: &[&Fragment]) -> Vec<[[usize; 3]; 2]> {
        let mut counts = vec![[[0; 3]; 2]; self.regions.len()];
        for f in fragments.iter().filter(|f| f.counts()) {
            let tells = truth::fragment_tells(self.pair(f), f);
            let surely = tells && (!self.lenient || (0..self.pair(f).variants.len()).any(|v| self.surely_tells(f, v)));
            let blocks = f.blocks(self.pair(f));
            for (i, r) in self.regions.iter().enumerate() {
                if r.0 == f.contig && blocks.iter().any(|b| b.0 < r.2 && r.1 < b.1) {
                    counts[i][0][f.haplotype] += surely as usize;
                    counts[i][1][f.haplotype] += tells as usize;
                    counts[i][0][2] += !tells as usize;
                    counts[i][1][2] += !surely as usize;
                }
            }
        }
        counts
    }

    /// hap1 and hap2 of every record whose alleles differ, by contig and 1-based position: at least and at most.
    /// Fragments that tell the haplotypes apart by the records that stand close together (within 60 bases), and
    /// do so by this one alone, must count; those that do so only by all of them may.
    fn expected_variants(&self, fragments: &[&Fragment]) -> BTreeMap<(String, usize), [[usize; 2]; 2]> {
        let mut counts = BTreeMap::new();
        for (contig, pair) in self.cross.contigs.iter().enumerate() {
            let here: Vec<&&Fragment> = fragments.iter().filter(|f| f.contig == contig && f.counts()).collect();
            let variants = &pair.variants;
            let apart = |i: &usize| *i == 0 || variants[i - 1].end() + 60 <= variants[*i].start;
            let mut borders: Vec<usize> = (0..variants.len()).filter(apart).collect();
            borders.push(variants.len());
            for group in borders.windows(2).map(|b| b[0]..b[1]) {
                for i in group.clone().filter(|&i| variants[i].differs()) {
                    let (mut least, mut most) = ([0; 2], [0; 2]);
                    for f in &here {
                        if truth::fragment_tells_variants(pair, f, group.clone()) {
                            most[f.haplotype] += 1;
                            least[f.haplotype] += self.surely_tells(f, i) as usize;
                        }
                    }
                    counts.insert((pair.contig.name.clone(), variants[i].start + 1), [least, most]);
                }
            }
        }
        counts
    }

    /// Demand that error-free fragments are counted as the truth has it, by region and by variant.
    fn demand_truth(&self, what: &str) {
        let tables = self.demand_regions(what);
        self.demand_variants(what, &tables);
    }

    fn all(&self) -> Vec<&Fragment> {
        self.fragments.iter().collect()
    }

    fn demand_regions(&self, what: &str) -> Tables {
        let all = self.all();
        let tables = self.count(&self.sam("all.sam", &all), &[]);
        let mut wrong = Vec::new();
        for (region, (counted, expected)) in self.by_region(&tables).iter().zip(self.expected_regions(&all)).enumerate()
        {
            if !within(counted, &expected) {
                let (contig, start, end) = self.regions[region];
                wrong.push(format!("{}:{start}-{end}: {counted:?} counted, {expected:?} true", contig + 1));
            }
        }
        if !wrong.is_empty() {
            let found = self.culprits();
            panic!("{what}: {} regions differ, such as {}\n{found}", wrong.len(), wrong[0]);
        }
        tables
    }

    fn demand_variants(&self, what: &str, tables: &Tables) {
        let wrong = self.wrong_variants(&self.all(), tables);
        if !wrong.is_empty() {
            let found = self.culprits();
            panic!(
                "{what}: {} variants differ, such as\n{}\n{found}",
                wrong.len(),
                wrong[..wrong.len().min(4)].join("\n")
            );
        }
    }

    /// Rows of the variant table that are not what the truth says of `fragments`.
    fn wrong_variants(&self, fragments: &[&Fragment], tables: &Tables) -> Vec<String> {
        let table = Table::parse(&tables.variants);
        let mut expected = self.expected_variants(fragments);
        let mut wrong = Vec::new();
        for row in 0..table.rows.len() {
            let place = (table.text(row, "chrom").to_string(), table.number(row, "pos") as usize);
            let Some(expected) = expected.remove(&place) else { continue };
            let counted = ["hap1", "hap2", "other", "conflicting"].map(|c| table.number(row, c) as usize);
            let [least, most] = expected;
            let spare = if self.lenient { most[0] + most[1] - least[0] - least[1] } else { 0 };
            let fits = (0..2).all(|h| (least[h]..=most[h]).contains(&counted[h]));
            if !fits || counted[2] > spare || counted[3] > 0 {
                wrong.push(format!("{}: {least:?} to {most:?} true", table.rows[row].join(" ")));
            }
        }
        wrong.extend(expected.keys().map(|place| format!("{place:?} has no row")));
        wrong
    }

    /// The first few fragments that are counted wrong when each is alone, as text to look into.
    fn culprits(&self) -> String {
        let mut text = String::new();
        let mut shown = 0;
        // Halves are searched until single fragments are left.
        let mut stack = vec![self.all()];
        while let Some(part) = stack.pop() {
            if shown == 3 {
                break;
            }
            let tables = self.count(&self.sam("part.sam", &part), &[]);
            let counted = self.by_region(&tables);
            let wrong = self.wrong_variants(&part, &tables);
            let regions_right = counted.iter().zip(self.expected_regions(&part)).all(|(c, e)| within(c, &e));
            if regions_right && wrong.is_empty() {
                continue;
            }
            if let [f] = part[..] {
                text += &self.explain(f, &counted);
                wrong.iter().for_each(|line| text += &format!("  {line}\n"));
                shown += 1;
                continue;
            }
            let half = part.len() / 2;
            stack.push(part[half..].to_vec());
            stack.push(part[..half].to_vec());
        }
        text
    }

    fn explain(&self, f: &Fragment, counted: &[[usize; 4]]) -> String {
        let pair = self.pair(f);
        let tells = truth::fragment_tells(pair, f);
        let counted = [0, 1, 2, 3].map(|class| counted.iter().any(|c| c[class] > 0) as usize);
        let mut text = format!("{} tells: {tells}, counted [h1, h2, -, x]: {counted:?}\n", f.name);
        let sam = self.cross.sam([f], Target::Reference);
        sam.lines().filter(|l| !l.starts_with('@')).for_each(|l| text += &format!("  {l}\n"));
        let (from, to) = f.blocks(pair).iter().fold((usize::MAX, 0), |a, b| (a.0.min(b.0), a.1.max(b.1)));
        for v in pair.variants.iter().filter(|v| v.start < to + 30 && v.end() + 30 > from) {
            let alleles: Vec<_> = v.alleles.iter().map(|a| String::from_utf8_lossy(a)).collect();
            text += &format!("  {} {} {:?}\n", v.start + 1, alleles.join(","), v.haplotypes);
        }
        let from = from.saturating_sub(30);
        text + &format!(
            "  reference from {}: {}\n",
            from + 1,
            String::from_utf8_lossy(&pair.contig.bases[from..(to + 30).min(pair.contig.bases.len())])
        )
    }
}

/// True if hap1, hap2 and uninformative are within their limits, and nothing conflicts.
fn within(counted: &[usize; 4], limits: &[[usize; 3]; 2]) -> bool {
    counted[3] == 0 && (0..3).all(|i| (limits[0][i]..=limits[1][i]).contains(&counted[i]))
}

/// Both tables of a run.
struct Tables {
    regions: String,
    variants: String,
}

impl Case {
    /// hap1, hap2, uninformative and conflicting of these fragments, each once.
    fn classes<'a>(&self, fragments: impl Iterator<Item = &'a Fragment>) -> [usize; 4] {
        let part: Vec<&Fragment> = fragments.collect();
        let counts = self.by_region(&self.count(&self.sam("part.sam", &part), &[]));
        let whole = self.regions.iter().zip(counts).filter(|(r, _)| r.1 == 0 && r.2 == self.length(r.0));
        whole.fold([0; 4], |sum, (_, c)| [0, 1, 2, 3].map(|i| sum[i] + c[i]))
    }

    /// hap1, hap2, uninformative and conflicting of a whole contig by the truth.
    fn expected_whole(&self, contig: usize) -> [usize; 4] {
        let mut counts = [0; 4];
        for f in self.fragments.iter().filter(|f| f.contig == contig && f.counts()) {
            counts[if truth::fragment_tells(self.pair(f), f) { f.haplotype } else { 2 }] += 1;
        }
        counts
    }

    fn length(&self, contig: usize) -> usize {
        self.cross.contigs[contig].contig.bases.len()
    }

    /// How many of the fragments that can tell are counted for their haplotype, for the other, as
    /// uninformative, and as conflicting; and the same four for those that cannot tell, haplotype 1 and 2 first.
    fn verdicts(&self) -> ([usize; 4], [usize; 4]) {
        let tells = |f: &Fragment| truth::fragment_tells(self.pair(f), f);
        let of = |h: usize| self.fragments.iter().filter(move |f| f.counts() && f.haplotype == h && tells(f));
        let [one, two] = [self.classes(of(0)), self.classes(of(1))];
        let told = [one[0] + two[1], one[1] + two[0], one[2] + two[2], one[3] + two[3]];
        (told, self.classes(self.fragments.iter().filter(|f| f.counts() && !tells(f))))
    }
}

fn seeded(kind: Kind, cross: CrossKind) -> u64 {
    100 + kind as u64 * 2 + cross as u64
}

const CROSSES: [CrossKind; 2] = [CrossKind::Strain, CrossKind::Parents];

/// One kind of variant alone, every read aligned to its ends.
fn alone(kind: Kind) {
    for cross in CROSSES {
        let seed = seeded(kind, cross);
        let reads = ReadPlan { spliced: 0.2, fragments: 300, ..ReadPlan::clean(seed) };
        Case::new(&Plan::new(seed, cross, &[kind]), &reads).demand_truth(&format!("{kind:?}, {cross:?}"));
    }
}

macro_rules! alone {
    ($($name:ident $kind:ident),*) => { $(#[test] fn $name() { alone(Kind::$kind) })* };
}
alone!(snvs Snv, insertions Insertion, deletions Deletion, mnvs Mnv, complex_ones Complex, multiallelic_snvs MultiSnv,
    multiallelic_indels MultiIndel, homopolymers Homopolymer, tandem_repeats Tandem, dense_snvs Dense,
    snvs_beside_indels SnvBesideIndel, shared_variants Shared);

/// All kinds together, with `reads` free of errors.
fn mixed(what: &str, reads: ReadPlan) {
    for cross in CROSSES {
        let plan = Plan::new(reads.seed + cross as u64, cross, &Kind::ALL);
        Case::new(&plan, &reads).demand_truth(&format!("{what}, {cross:?}"));
    }
}

#[test]
fn all_kinds_together() {
    mixed("to their ends", ReadPlan::clean(1));
}

#[test]
fn ends_clipped_at_gaps() {
    mixed("clipped", ReadPlan { ends: vec![Ends::Clip(10)], ..ReadPlan::clean(2) });
}

#[test]
fn ends_mismatched_instead_of_gaps() {
    mixed("mismatched", ReadPlan { ends: vec![Ends::Mismatch(10)], ..ReadPlan::clean(3) });
}

#[test]
fn ends_as_the_best_local_alignment_has_them() {
    mixed("local", ReadPlan { ends: vec![Ends::Local], ..ReadPlan::clean(4) });
}

#[test]
fn adapters_and_hard_clips_are_no_evidence() {
    mixed("adapters", ReadPlan { adapters: 0.5, hard_clipped: 0.5, ..ReadPlan::clean(5) });
}

#[test]
fn duplicates_secondary_and_the_like_do_not_count() {
    mixed("noise", ReadPlan { noise: 0.7, ..ReadPlan::clean(6) });
}

#[test]
fn short_reads_and_short_fragments() {
    mixed("short", ReadPlan { length: 36, insert: (36, 80), ..ReadPlan::clean(7) });
}

#[test]
fn everything_at_once_without_errors() {
    mixed("everything", ReadPlan { errors: Errors::None, ..ReadPlan::everything(8) });
}

#[test]
fn shifted_gaps_count_as_left_aligned_ones() {
    for cross in CROSSES {
        let plan =
            Plan::new(9 + cross as u64, cross, &[Kind::Homopolymer, Kind::Tandem, Kind::MultiIndel, Kind::Deletion]);
        let mut case = Case::new(&plan, &ReadPlan { spliced: 0.1, ..ReadPlan::clean(9) });
        let left = case.count(&case.sam("left.sam", &case.all()), &[]);
        let before: Vec<_> = case.fragments.iter().map(|f| f.blocks(case.pair(f))).collect();
        for (number, read) in case.fragments.iter_mut().flat_map(|f| &mut f.reads).enumerate() {
            read.shift = Some(number as u64);
        }
        let moved = case.fragments.iter().zip(before).filter(|(f, b)| f.blocks(case.pair(f)) != *b).count();
        assert!(moved > 200, "only {moved} fragments have a gap that can be moved");
        let shifted = case.count(&case.sam("shifted.sam", &case.all()), &[]);
        assert_eq!(without_header(&left.variants), without_header(&shifted.variants));
        // A gap that moves over the border of a region takes aligned bases with it: whole contigs are compared.
        let whole = |t: &Tables| -> Vec<_> { self_contained(&case, t) };
        assert_eq!(whole(&left), whole(&shifted));
    }
}

/// Counts of the regions that span a contig.
fn self_contained(case: &Case, tables: &Tables) -> Vec<[usize; 4]> {
    let counts = case.by_region(tables);
    case.regions.iter().zip(counts).filter(|(r, _)| r.1 == 0 && r.2 == case.length(r.0)).map(|(_, c)| c).collect()
}

#[test]
fn errors_elsewhere_change_nothing() {
    for cross in CROSSES {
        let plan = Plan::new(11 + cross as u64, cross, &Kind::ALL);
        let reads = ReadPlan { errors: Errors::Fixed(20), fragments: 4000, ..ReadPlan::everything(11) };
        let mut case = Case::new(&plan, &reads);
        // All errors of a fragment lie further from every variant than its repeat reaches.
        let mut fragments = std::mem::take(&mut case.fragments);
        fragments.retain(|f| {
            let places = &case.pair(f).places[f.haplotype];
            let near = |at: usize| places.iter().any(|p| at + 30 > p.0 && at < p.1 + 50);
            let of = |r: &Read| -> Vec<usize> {
                let own: Vec<usize> = r.segments.iter().flat_map(|&(start, end)| start..end).collect();
                r.errors.iter().map(|&i| own[i]).collect()
            };
            let errors: Vec<usize> = f.reads.iter().flat_map(of).collect();
            !errors.is_empty() && errors.iter().all(|&at| !near(at))
        });
        case.fragments = fragments;
        assert!(case.fragments.len() > 500, "{}", case.fragments.len());
        case.demand_truth(&format!("errors elsewhere, {cross:?}"));
    }
}

#[test]
fn few_errors_mislead_few_fragments() {
    for cross in CROSSES {
        let plan = Plan::new(13 + cross as u64, cross, &Kind::ALL);
        let reads = ReadPlan { errors: Errors::Fixed(30), fragments: 2500, shifted: 0.5, ..ReadPlan::clean(13) };
        let case = Case::new(&plan, &reads);
        let ([right, wrong, silent, conflicting], untold) = case.verdicts();
        let told = (right + wrong + silent + conflicting) as f64;
        let shares = [right, wrong, silent, conflicting].map(|n| n as f64 / told);
        println!("{cross:?}, Q30: right, wrong, uninformative, conflicting {shares:?} of {told}; untold {untold:?}");
        // One base in a thousand is wrong, and one error in three shows the other allele of an SNV.
        assert!(told > 5000.0 && shares[0] >= 0.995 && shares[1] <= 0.001 && shares[3] <= 0.002, "{shares:?}");
        let total = untold.iter().sum::<usize>() as f64;
        assert!((untold[0] + untold[1] + untold[3]) as f64 / total <= 0.002, "{untold:?}");
    }
}

#[test]
fn qualities_of_a_sequencer_mislead_no_more() {
    for cross in CROSSES {
        let plan = Plan::new(15 + cross as u64, cross, &Kind::ALL);
        let case = Case::new(&plan, &ReadPlan { fragments: 2000, ..ReadPlan::everything(15) });
        let ([right, wrong, silent, conflicting], untold) = case.verdicts();
        let told = (right + wrong + silent + conflicting) as f64;
        let shares = [right, wrong, silent, conflicting].map(|n| n as f64 / told);
        println!(
            "{cross:?}, by quality: right, wrong, uninformative, conflicting {shares:?} of {told}; untold {untold:?}"
        );
        // Three bases in a hundred are below the quality limit: a lone SNV says nothing there.
        assert!(told > 2000.0 && shares[0] >= 0.95 && shares[1] <= 0.001 && shares[3] <= 0.002, "{shares:?}");
        let total = untold.iter().sum::<usize>() as f64;
        assert!((untold[0] + untold[1] + untold[3]) as f64 / total <= 0.005, "{untold:?}");
    }
}

#[test]
fn classes_add_up_to_all_fragments() {
    let plan = Plan::new(17, CrossKind::Parents, &Kind::ALL);
    let case = Case::new(&plan, &ReadPlan { fragments: 1000, ..ReadPlan::everything(17) });
    let all = case.all();
    let counts = case.by_region(&case.count(&case.sam("all.sam", &all), &[]));
    for (counted, expected) in counts.iter().zip(case.expected_regions(&all)) {
        // Whatever the classes, all fragments are there.
        assert_eq!(counted.iter().sum::<usize>(), expected[1][0] + expected[1][1] + expected[0][2]);
    }
}

#[test]
fn one_wrong_letter_makes_no_conflict() {
    let plan = Plan { spacing: (12, 25), ..Plan::new(19, CrossKind::Parents, &[Kind::Snv]) };
    let mut case = Case::new(&plan, &ReadPlan { paired: 0.3, ..ReadPlan::clean(19) });
    let mut kept = Vec::new();
    for (number, mut fragment) in std::mem::take(&mut case.fragments).into_iter().enumerate() {
        let (pair, h) = (&case.cross.contigs[fragment.contig], fragment.haplotype);
        let told: Vec<usize> =
            (0..pair.variants.len()).filter(|&v| truth::fragment_tells_variant(pair, &fragment, v)).collect();
        if told.len() < 3 {
            continue;
        }
        // The other haplotype's letter at one SNV; all are SNVs, so positions are those of the reference. Of
        // overlapping mates only the first has the error.
        let v = &pair.variants[told[number % told.len()]];
        let read = fragment.reads.iter_mut().find(|r| r.segments[0].0 <= v.start && v.start < r.segments[0].1).unwrap();
        read.bases[v.start - read.segments[0].0] = v.allele(1 - h)[0];
        kept.push(fragment);
    }
    assert!(kept.len() > 1000);
    case.fragments = kept;
    case.demand_regions("one letter of the other haplotype");
}

#[test]
fn threads_and_formats_change_no_byte() {
    let plan = Plan::new(21, CrossKind::Parents, &Kind::ALL);
    let case = Case::new(&plan, &ReadPlan { fragments: 1000, ..ReadPlan::everything(21) });
    let sam = case.cross.sam(case.all(), Target::Reference);
    let folder = case.folder.path();
    let bam = bam(folder, "all.bam", &sam);
    let cram = folder.join("all.cram");
    good(tool("samtools", ["view", "-C", "-T"]).arg(&case.fasta).arg("-o").arg(&cram).arg(&bam));
    let plain = put(folder, "all.sam", &sam);
    let expected = case.count(&bam, &["-@", "1"]);
    for (file, threads) in [(&bam, "2"), (&bam, "7"), (&cram, "1"), (&cram, "3"), (&plain, "1"), (&plain, "4")] {
        let tables = case.count(file, &["-@", threads]);
        assert_eq!(without_header(&tables.regions), without_header(&expected.regions), "{file:?}, {threads}");
        assert_eq!(without_header(&tables.variants), without_header(&expected.variants), "{file:?}, {threads}");
    }
}

#[test]
fn haplotypes_may_be_named_in_several_ways() {
    for (cross, names) in [
        (
            CrossKind::Strain,
            &[&["--strain", "P2"][..], &["--hap1", "P1", "--hap2", "P2"], &["--hap1", "ref", "--hap2", "F1:2"]][..],
        ),
        (CrossKind::Parents, &[&["--hap1", "P1", "--hap2", "P2"], &["--hap1", "F1:1", "--hap2", "P2"]]),
    ] {
        let case = Case::new(&Plan::new(23, cross, &Kind::ALL), &ReadPlan::everything(23));
        let sam = case.sam("all.sam", &case.all());
        let expected = case.by_region(&case.count(&sam, &[]));
        for names in names {
            assert_eq!(case.by_region(&case.count(&sam, names)), expected, "{names:?}");
        }
    }
}

#[test]
fn many_small_crosses() {
    for cross in CROSSES {
        // A replacement by another length is not looked for beyond its place: its gap is not moved.
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|k| *k != Kind::Complex).collect();
        let plan = Plan { contigs: 150, length: 600, ..Plan::new(25 + cross as u64, cross, &kinds) };
        let reads = ReadPlan { errors: Errors::None, fragments: 30, ..ReadPlan::everything(25) };
        Case::new(&plan, &reads).demand_truth(&format!("many small, {cross:?}"));
    }
}

#[test]
fn crowded_variants() {
    for seed in 0..20 {
        let cross = CROSSES[seed as usize % 2];
        let plan = Plan { spacing: (1, 20), contigs: 10, length: 800, ..Plan::new(27 + seed, cross, &Kind::ALL) };
        let reads = ReadPlan { fragments: 60, shifted: 0.3, ..ReadPlan::clean(27 + seed) };
        Case::new(&plan, &reads).demand_regions(&format!("crowded, seed {seed}, {cross:?}"));
    }
}

#[test]
fn two_genomes_agree_with_one_on_reads_that_tell() {
    for cross in CROSSES {
        let plan = Plan::new(61 + cross as u64, cross, &Kind::ALL);
        let reads = ReadPlan { noise: 0.2, ends: vec![Ends::Keep, Ends::Local], ..ReadPlan::clean(61) };
        let case = Case { lenient: false, ..Case::new(&plan, &reads) };
        let [one, two] = [0, 1].map(|h| {
            let sam = case.cross.sam(case.all(), Target::Haplotype(h));
            bam(case.folder.path(), &format!("hap{}.bam", h + 1), &sam)
        });
        let mut command = deepallele("count");
        command
            .arg("--hap1-bam")
            .arg(one)
            .arg("--hap2-bam")
            .arg(two)
            .arg("-f")
            .arg(&case.fasta)
            .arg("-v")
            .arg(&case.vcf);
        let regions = good_text(command.args(["-s", "F1", "--quiet", "-L"]).arg(&case.bed));
        let counted = case.by_region(&Tables { regions, variants: String::new() });
        for (region, counted) in case.regions.iter().zip(counted).filter(|(r, _)| r.1 == 0 && r.2 == case.length(r.0)) {
            let expected = case.expected_whole(region.0);
            assert_eq!(counted, expected, "{cross:?}, contig {}", region.0 + 1);
        }
    }
}
