//! Counts on simulated crosses against their truth: which fragments can tell the haplotypes apart follows from
//! the bare sequences ([`simulator::truth`]), and those that can must be counted for their haplotype, whatever
//! kind of variant lets them tell and however an aligner placed them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use deepallele_tests::simulator::{reads, truth, Cross, CrossKind, Fragment, Kind, Plan, ReadPlan, Target};
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
}

impl Case {
    fn new(plan: &Plan, reads: &ReadPlan) -> Self {
        let cross = Cross::new(plan);
        let fragments = reads::draw(&cross, reads);
        Self::of(cross, fragments)
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
        Self { folder, cross, fragments, fasta, vcf, bed, regions }
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

    /// hap1, hap2 and uninformative of every region by the truth.
    fn expected_regions(&self, fragments: &[&Fragment]) -> Vec<[usize; 3]> {
        let mut counts = vec![[0; 3]; self.regions.len()];
        for f in fragments.iter().filter(|f| f.counts()) {
            let class = if truth::fragment_tells(self.pair(f), f) { f.haplotype } else { 2 };
            let blocks = f.blocks(self.pair(f));
            for (i, r) in self.regions.iter().enumerate() {
                if r.0 == f.contig && blocks.iter().any(|b| b.0 < r.2 && r.1 < b.1) {
                    counts[i][class] += 1;
                }
            }
        }
        counts
    }

    /// hap1 and hap2 of every record whose alleles differ, by contig and 1-based position.
    fn expected_variants(&self, fragments: &[&Fragment]) -> BTreeMap<(String, usize), [usize; 2]> {
        let mut counts = BTreeMap::new();
        for pair in &self.cross.contigs {
            for v in pair.variants.iter().filter(|v| v.differs()) {
                counts.insert((pair.contig.name.clone(), v.start + 1), [0; 2]);
            }
        }
        for f in fragments.iter().filter(|f| f.counts()) {
            let pair = self.pair(f);
            for (i, v) in pair.variants.iter().enumerate() {
                if truth::fragment_tells_variant(pair, f, i) {
                    counts.get_mut(&(pair.contig.name.clone(), v.start + 1)).unwrap()[f.haplotype] += 1;
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
            if counted[..3] != expected || counted[3] != 0 {
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
        let all = self.all();
        let table = Table::parse(&tables.variants);
        let mut expected = self.expected_variants(&all);
        let mut wrong = Vec::new();
        for row in 0..table.rows.len() {
            let place = (table.text(row, "chrom").to_string(), table.number(row, "pos") as usize);
            let Some(expected) = expected.remove(&place) else { continue };
            let counted = ["hap1", "hap2", "other", "conflicting"].map(|c| table.number(row, c) as usize);
            if counted[..2] != expected[..] || counted[2..] != [0, 0] {
                wrong.push(format!("{:?}: {expected:?} true", table.rows[row]));
            }
        }
        assert!(expected.is_empty(), "{what}: no row for {expected:?}");
        assert!(
            wrong.is_empty(),
            "{what}: {} variants differ, such as\n{}",
            wrong.len(),
            wrong[..wrong.len().min(8)].join("\n")
        );
    }

    /// The first few fragments that are counted wrong when each is alone, as text to look into.
    fn culprits(&self) -> String {
        let mut text = String::new();
        let mut shown = 0;
        // Halves are searched until single fragments are left.
        let mut stack = vec![self.fragments.iter().collect::<Vec<_>>()];
        while let Some(part) = stack.pop() {
            if shown == 3 {
                break;
            }
            let counted = self.by_region(&self.count(&self.sam("part.sam", &part), &[]));
            if counted.iter().zip(self.expected_regions(&part)).all(|(c, e)| c[..3] == e && c[3] == 0) {
                continue;
            }
            if let [f] = part[..] {
                text += &self.explain(f, &counted);
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

/// Both tables of a run.
struct Tables {
    regions: String,
    variants: String,
}

impl Case {
    fn length(&self, contig: usize) -> usize {
        self.cross.contigs[contig].contig.bases.len()
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
alone!(snvs Snv, multiallelic_snvs MultiSnv, dense_snvs Dense);

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
fn classes_add_up_to_all_fragments() {
    let plan = Plan::new(17, CrossKind::Parents, &Kind::ALL);
    let case = Case::new(&plan, &ReadPlan { fragments: 1000, ..ReadPlan::everything(17) });
    let all = case.all();
    let counts = case.by_region(&case.count(&case.sam("all.sam", &all), &[]));
    for (counted, expected) in counts.iter().zip(case.expected_regions(&all)) {
        assert_eq!(counted.iter().sum::<usize>(), expected.iter().sum::<usize>());
    }
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
