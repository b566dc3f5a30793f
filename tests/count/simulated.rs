//! Counts on simulated crosses against their truth: which fragments can tell the haplotypes apart follows from
//! the bare sequences ([`simulator::truth`]), and those that can must be counted for their haplotype, whatever
//! kind of variant lets them tell and however an aligner placed them.

use deepallele_tests::simulator::{truth, Case, CrossKind, Ends, Errors, Kind, Plan, Read, ReadPlan, Tables, Target};
use deepallele_tests::*;

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
        let ([right, wrong, silent, conflicting], unanswerable) = case.verdicts();
        let answerable = (right + wrong + silent + conflicting) as f64;
        let shares = [right, wrong, silent, conflicting].map(|n| n as f64 / answerable);
        println!("{cross:?}, Q30: right, wrong, uninformative, conflicting {shares:?} of {answerable}; unanswerable {unanswerable:?}");
        // One base in a thousand is wrong, and one error in three shows the other allele of an SNV.
        assert!(answerable > 5000.0 && shares[0] >= 0.995 && shares[1] <= 0.001 && shares[3] <= 0.002, "{shares:?}");
        let total = unanswerable.iter().sum::<usize>() as f64;
        assert!((unanswerable[0] + unanswerable[1] + unanswerable[3]) as f64 / total <= 0.002, "{unanswerable:?}");
    }
}

#[test]
fn qualities_of_a_sequencer_mislead_no_more() {
    for cross in CROSSES {
        let plan = Plan::new(15 + cross as u64, cross, &Kind::ALL);
        let case = Case::new(&plan, &ReadPlan { fragments: 2000, ..ReadPlan::everything(15) });
        let ([right, wrong, silent, conflicting], unanswerable) = case.verdicts();
        let answerable = (right + wrong + silent + conflicting) as f64;
        let shares = [right, wrong, silent, conflicting].map(|n| n as f64 / answerable);
        println!(
            "{cross:?}, by quality: right, wrong, uninformative, conflicting {shares:?} of {answerable}; unanswerable {unanswerable:?}"
        );
        // Three bases in a hundred are below the quality limit: a lone SNV says nothing there.
        assert!(answerable > 2000.0 && shares[0] >= 0.95 && shares[1] <= 0.001 && shares[3] <= 0.002, "{shares:?}");
        let total = unanswerable.iter().sum::<usize>() as f64;
        assert!((unanswerable[0] + unanswerable[1] + unanswerable[3]) as f64 / total <= 0.005, "{unanswerable:?}");
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
        let answerable: Vec<usize> =
            (0..pair.variants.len()).filter(|&v| truth::fragment_tells_variant(pair, &fragment, v)).collect();
        if answerable.len() < 3 {
            continue;
        }
        // The other haplotype's letter at one SNV; all are SNVs, so positions are those of the reference. Of
        // overlapping mates only the first has the error.
        let v = &pair.variants[answerable[number % answerable.len()]];
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
        let plan = Plan { contigs: 150, length: 600, ..Plan::new(25 + cross as u64, cross, &Kind::ALL) };
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
        let case = Case::new(&plan, &reads);
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

#[test]
fn doubtful_ends_of_many_crosses() {
    for seed in 0..12 {
        let cross = CROSSES[seed as usize % 2];
        let crowded = [Kind::SnvBesideIndel, Kind::Shared, Kind::Tandem, Kind::Homopolymer, Kind::Deletion];
        let plan = Plan::new(170 + seed, cross, &Kind::ALL);
        let plan = match seed % 3 {
            0 => plan,
            1 => Plan { spacing: (1, 60), ..plan },
            _ => Plan { spacing: (1, 25), kinds: crowded.to_vec(), ..plan },
        };
        let ends = [Ends::Clip(10), Ends::Mismatch(10), Ends::Local, Ends::Keep];
        let ends = if seed < 4 { vec![ends[seed as usize]] } else { ends.to_vec() };
        let (length, insert) = if seed % 5 == 0 { (50, (60, 200)) } else { (100, (110, 320)) };
        let clean = ReadPlan::clean(170 + seed);
        let adapters = if seed % 3 == 0 { 0.3 } else { 0.0 };
        let reads = ReadPlan { ends, length, insert, adapters, spliced: 0.1, shifted: 0.3, fragments: 1000, ..clean };
        let case = Case::new(&plan, &reads);
        let what = format!("doubtful ends, seed {seed}, {cross:?}");
        match seed % 3 {
            0 => case.demand_truth(&what),
            // Records that stand this close together share what a fragment shows.
            _ => drop(case.demand_regions(&what)),
        }
    }
}
