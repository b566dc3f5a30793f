use super::*;
use crate::assignment::ListSource;
use crate::assignment::MAX_SITE_LLR;
use crate::counts::{RegionTallies, Strandedness, Tally};
use crate::genome::test_variant;
use crate::genome::{Variant, Variants};
use crate::io::regions::bed::test_region;
use crate::io::regions::Region;
use crate::io::Contigs;
use proptest::prelude::*;
use std::path::Path;

const LENGTH: i64 = 400;

fn regions(spans: &[(u64, u64)]) -> Regions {
    let contigs = Contigs::new(vec![("a".into(), LENGTH as u64)]);
    let one = |&(start, end): &(u64, u64)| test_region(0, start, end);
    let mut list: Vec<Region> = spans.iter().map(one).collect();
    list.sort_by_key(|r| (r.start, r.end));
    Regions::from_list(contigs, list)
}

/// A read of 20 aligned bases, all `base`, all of one quality.
#[derive(Clone, Debug)]
struct Read {
    name: usize,
    flags: u16,
    position: i64,
    mate: i64,
    mapq: u8,
    base: u8,
    quality: u8,
}

fn write_sam(path: &Path, reads: &[Read]) {
    let mut text = format!("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:a\tLN:{LENGTH}\n");
    for r in reads {
        let bases = String::from_utf8(vec![r.base; 20]).unwrap();
        let qualities = String::from_utf8(vec![r.quality + 33; 20]).unwrap();
        let mate = if r.flags & 1 == 1 { "=" } else { "*" };
        text += &format!(
            "r{}\t{}\ta\t{}\t{}\t20M\t{mate}\t{}\t0\t{bases}\t{qualities}\n",
            r.name,
            r.flags,
            r.position + 1,
            r.mapq,
            r.mate + 1
        );
    }
    std::fs::write(path, text).unwrap();
}

/// The results of one sample.
struct Out {
    regions: Vec<Tally>,
    variants: Vec<VariantTally>,
    counted: Counted,
}

#[derive(Default)]
struct Rows(Vec<(u64, Vec<VariantTally>)>);

impl VariantSink for Rows {
    fn add(&mut self, _contig: usize, variant: &Variant, tallies: &[VariantTally]) -> Result<()> {
        self.0.push((variant.start, tallies.to_vec()));
        Ok(())
    }
}

fn count_files(files: &[&[Read]], spans: &[(u64, u64)], list: Vec<Variant>) -> (RegionTallies, Rows, Counted) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..files.len()).map(|i| folder.path().join(format!("{i}.sam"))).collect();
    files.iter().zip(&paths).for_each(|(reads, path)| write_sam(path, reads));
    let mut alignments = MergedAlignments::open(&paths, None, 1).unwrap();
    let contigs = Contigs::new(vec![("a".into(), LENGTH as u64)]);
    let variants = Variants::from_list(&contigs, vec![list]);
    let mut source = ListSource::new(&variants);
    let mut sites = SiteWindow::new(&mut source, None, &contigs);
    let regions = regions(spans);
    let mut tallies = RegionTallies::new(&regions, files.len(), Strandedness::None);
    let mut rows = Rows::default();
    let counting = Counting { regions: Some(&regions), ..Default::default() };
    let counted =
        count(&mut alignments, &mut sites, &counting, &mut [&mut tallies], Some(&mut rows), &mut |_| {}).unwrap();
    (tallies, rows, counted)
}

fn run(reads: &[Read], spans: &[(u64, u64)], positions: &[u64]) -> Out {
    let list = positions.iter().map(|&p| test_variant(p, &["A", "C"], 0, 1)).collect();
    let (tallies, rows, counted) = count_files(&[reads], spans, list);
    assert_eq!(rows.0.iter().map(|r| r.0).collect::<Vec<_>>(), positions);
    let variants = rows.0.iter().map(|r| r.1[0]).collect();
    Out { regions: tallies.tallies(0).to_vec(), variants, counted }
}

#[test]
fn a_pair_counts_once_and_by_both_mates() {
    let read = |flags, position, mate, base| Read { name: 0, flags, position, mate, mapq: 60, base, quality: 30 };
    // The SNV lies under the second mate, the region under the first.
    let pair = [read(0x41, 10, 100, b'T'), read(0x81, 100, 10, b'C')];
    let c = run(&pair, &[(0, 40), (50, 60)], &[105]);
    assert_eq!(c.regions, [Tally { hap2: 1, ..Default::default() }, Tally::default()]);
    assert_eq!(c.variants, [VariantTally { hap2: 1, ..Default::default() }]);
    // Mates that overlap in the region and on the SNV.
    let c = run(&[read(0x41, 10, 15, b'A'), read(0x81, 15, 10, b'A')], &[(0, 40)], &[20, 33]);
    assert_eq!(c.regions, [Tally { hap1: 1, ..Default::default() }]);
    assert_eq!(c.variants.iter().map(|v| v.hap1).collect::<Vec<_>>(), [1, 1]);
    // Mates that fit different haplotypes.
    let c = run(&[read(0x41, 10, 100, b'A'), read(0x81, 100, 10, b'C')], &[(0, 400)], &[15, 105]);
    assert_eq!(c.regions, [Tally { conflicting: 1, ..Default::default() }]);
    assert_eq!(c.variants[0], VariantTally { hap1: 1, conflicting: 1, ..Default::default() });
    assert_eq!(c.counted.summary.at_variants.conflicting, 1);
}

#[test]
fn excluded_reads_are_counted_by_reason() {
    let read = |flags, mapq| Read { name: 0, flags, position: 10, mate: -1, mapq, base: b'A', quality: 30 };
    let c = run(&[read(0, 9), read(0x400, 60), read(0, 10)], &[(0, 40)], &[15]);
    let s = c.counted.summary;
    assert_eq!((s.alignments, s.flagged, s.low_mapping_quality, s.in_regions.hap1), (3, 1, 1, 1));
}

fn any_reads() -> impl Strategy<Value = Vec<Read>> {
    let one = (0i64..300, 0i64..120, any::<bool>(), prop::sample::select(vec![0u8, 5, 60, 60]));
    let bases = (prop::sample::select(b"ACGT".to_vec()), prop::sample::select(b"ACGT".to_vec()));
    let all = (one, bases, prop::sample::select(vec![5u8, 12, 13, 20, 30]), prop::sample::select(vec![5u8, 13, 37]));
    prop::collection::vec(all, 0..30).prop_map(|list| {
        let mut reads = Vec::new();
        for (name, ((position, offset, paired, mapq), (base1, base2), q1, q2)) in list.into_iter().enumerate() {
            let mate = (position + offset).min(LENGTH - 20);
            let read = Read { name, flags: 0, position, mate: -1, mapq, base: base1, quality: q1 };
            if paired {
                reads.push(Read { flags: 0x41, mate, ..read.clone() });
                reads.push(Read {
                    flags: 0x81,
                    position: mate,
                    mate: position,
                    mapq: 60,
                    base: base2,
                    quality: q2,
                    ..read
                });
            } else {
                reads.push(read);
            }
        }
        reads.sort_by_key(|r| r.position);
        reads
    })
}

/// The rule of [`crate::assignment::Support::class`] in its plainest form.
fn class_of(bases: &[Option<(u8, u8)>]) -> Class {
    let costs = BaseCosts::new(0);
    let of = |letter: u8| -> Vec<i32> {
        let shown = bases.iter().flatten().filter(|b| b.0 == letter);
        shown.map(|b| costs.llr(b.1).min(MAX_SITE_LLR)).collect()
    };
    let (one, two) = (of(b'A'), of(b'C'));
    let errors: i32 = bases.iter().flatten().filter(|b| b"AC".contains(&b.0)).map(|b| costs.expected_error(b.1)).sum();
    let (sum1, sum2) = (one.iter().sum::<i32>(), two.iter().sum::<i32>());
    let weaker = if sum1 > sum2 { &two } else { &one };
    let beyond = weaker.iter().sum::<i32>() - weaker.iter().max().unwrap_or(&0) - 3 * errors;
    match () {
        _ if beyond >= ASSIGN_LLR => Class::Conflicting,
        _ if sum1 - sum2 >= ASSIGN_LLR => Class::Hap1,
        _ if sum2 - sum1 >= ASSIGN_LLR => Class::Hap2,
        _ if sum1.min(sum2) >= ASSIGN_LLR => Class::Conflicting,
        _ => Class::Uninformative,
    }
}

/// Every fragment against every region and SNV, base by base.
fn brute_force(reads: &[Read], regions: &Regions, positions: &[u64]) -> (Vec<Tally>, Vec<VariantTally>) {
    let mut tallies = vec![Tally::default(); regions.list.len()];
    let mut at = vec![VariantTally::default(); positions.len()];
    let names: std::collections::BTreeSet<usize> = reads.iter().map(|r| r.name).collect();
    for name in names {
        let used: Vec<&Read> = reads.iter().filter(|r| r.name == name && r.mapq >= 10).collect();
        let covers = |r: &Read, p: i64| (r.position..r.position + 20).contains(&p);
        let bases: Vec<Option<(u8, u8)>> = positions
            .iter()
            .map(|&p| {
                let over: Vec<&&Read> = used.iter().filter(|r| covers(r, p as i64)).collect();
                let (base, quality) = match over[..] {
                    [] => return None,
                    [a] => (a.base, a.quality as u32),
                    [a, b, ..] if a.base == b.base => (a.base, a.quality as u32 + b.quality as u32),
                    [a, b, ..] if a.quality == b.quality => return None,
                    [a, b, ..] => {
                        let better = if a.quality > b.quality { a } else { b };
                        (better.base, (better.quality as f64 * 0.8) as u32)
                    }
                };
                (quality >= 13).then_some((base, quality.min(200) as u8))
            })
            .collect();
        let class = class_of(&bases);
        let conflicting = class == Class::Conflicting;
        let bases: Vec<Option<u8>> = bases.iter().map(|b| b.map(|b| b.0)).collect();
        for (region, tally) in regions.list.iter().zip(&mut tallies) {
            if used.iter().any(|r| (region.start..region.end).any(|p| covers(r, p as i64))) {
                tally.add(class);
            }
        }
        for (base, tally) in bases.iter().zip(&mut at) {
            match base {
                Some(b'A') => tally.hap1 += 1,
                Some(b'C') => tally.hap2 += 1,
                Some(_) => tally.other += 1,
                None => {}
            }
            tally.conflicting += (conflicting && matches!(base, Some(b'A' | b'C'))) as u64;
        }
    }
    (tallies, at)
}

#[test]
fn several_files_are_counted_separately() {
    let read = |flags, position, mate, base| Read { name: 0, flags, position, mate, mapq: 60, base, quality: 30 };
    let pair = [read(0x41, 10, 15, b'A'), read(0x81, 15, 10, b'A')];
    let other = [read(0, 12, -1, b'C')];
    let snv = |p: u64| test_variant(p, &["A", "C"], 0, 1);
    let (tallies, rows, counted) = count_files(&[&pair, &other], &[(0, 40)], vec![snv(20), snv(300)]);
    assert_eq!((tallies.tallies(0)[0].hap1, tallies.tallies(1)[0].hap2), (1, 1));
    assert_eq!((rows.0[0].1[0].hap1, rows.0[0].1[1].hap2, rows.0[1].0), (1, 1, 300));
    assert_eq!((counted.variants, counted.summary.alignments), (vec![1], 3));
}

#[test]
fn mates_on_another_contig_share_a_class() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.sam");
    let bases = |b: &str| b.repeat(20);
    let text = format!(
        "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:a\tLN:400\n@SQ\tSN:b\tLN:400\n\
         r\t65\ta\t11\t60\t20M\tb\t11\t0\t{}\t{q}\nr\t129\tb\t11\t60\t20M\ta\t11\t0\t{}\t{q}\n",
        bases("A"),
        bases("C"),
        q = bases("?"),
    );
    std::fs::write(&path, text).unwrap();
    let mut alignments = MergedAlignments::open(&[path], None, 1).unwrap();
    let contigs = alignments.contigs().clone();
    let snv = || test_variant(15, &["A", "C"], 0, 1);
    let variants = Variants::from_list(&contigs, vec![vec![snv()], vec![snv()]]);
    let mut source = ListSource::new(&variants);
    let mut sites = SiteWindow::new(&mut source, None, &contigs);
    let whole = |contig| Region { contig, start: 0, end: 400, ..regions(&[(0, 1)]).list[0].clone() };
    let regions = Regions::from_list(contigs, vec![whole(0), whole(1)]);
    let mut tallies = RegionTallies::new(&regions, 1, Strandedness::None);
    let mut rows = Rows::default();
    let counting = Counting { regions: Some(&regions), ..Default::default() };
    count(&mut alignments, &mut sites, &counting, &mut [&mut tallies], Some(&mut rows), &mut |_| {}).unwrap();
    // The fragment fits both; the allele that each mate shows is counted from that mate alone.
    assert_eq!(tallies.tallies(0).iter().map(|t| t.conflicting).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(rows.0[0].1[0], VariantTally { hap1: 1, ..Default::default() });
    assert_eq!(rows.0[1].1[0], VariantTally { hap2: 1, ..Default::default() });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..Default::default() })]
    #[test]
    fn counts_equal_brute_force(
        reads in any_reads(),
        spans in prop::collection::vec((0u64..380, 1u64..80), 0..8),
        positions in prop::collection::btree_set(0u64..400, 0..30),
    ) {
        let spans: Vec<(u64, u64)> = spans.iter().map(|&(s, l)| (s, s + l)).collect();
        let positions: Vec<u64> = positions.into_iter().collect();
        let counted = run(&reads, &spans, &positions);
        let (tallies, at) = brute_force(&reads, &regions(&spans), &positions);
        prop_assert_eq!(counted.regions, tallies);
        prop_assert_eq!(counted.variants, at);
    }
}
