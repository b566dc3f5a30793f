use super::*;
use crate::genome::variants::test_variant;
use crate::genome::{Contigs, Region, Variants};
use proptest::prelude::*;
use std::path::Path;

const LENGTH: i64 = 400;

fn variants(positions: &[u64]) -> Variants {
    let contigs = Contigs::new(vec![("a".into(), LENGTH as u64)]);
    Variants::from_list(&contigs, vec![positions.iter().map(|&p| test_variant(p, &["A", "C"], 0, 1)).collect()])
}

fn regions(spans: &[(u64, u64)]) -> Regions {
    let contigs = Contigs::new(vec![("a".into(), LENGTH as u64)]);
    let one = |&(start, end): &(u64, u64)| Region {
        contig: 0,
        start,
        end,
        name: ".".into(),
        score: ".".into(),
        strand: b'.',
        summit: None,
    };
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

fn run(reads: &[Read], spans: &[(u64, u64)], positions: &[u64]) -> Counted {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.sam");
    write_sam(&path, reads);
    let mut alignments = Alignments::open(&path, None, 1).unwrap();
    let sites = Sites::new(&variants(positions));
    count(&mut alignments, Some(&regions(spans)), &sites, &Filter::default(), &mut |_| {}).unwrap()
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
    assert_eq!(c.summary.at_variants.conflicting, 1);
}

#[test]
fn what_is_left_out_is_counted() {
    let read = |flags, mapq| Read { name: 0, flags, position: 10, mate: -1, mapq, base: b'A', quality: 30 };
    let c = run(&[read(0, 9), read(0x400, 60), read(0, 10)], &[(0, 40)], &[15]);
    let s = c.summary;
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

/// Every fragment against every region and SNV, base by base.
fn brute_force(reads: &[Read], regions: &Regions, positions: &[u64]) -> (Vec<Tally>, Vec<VariantTally>) {
    let mut tallies = vec![Tally::default(); regions.list.len()];
    let mut at = vec![VariantTally::default(); positions.len()];
    let names: std::collections::BTreeSet<usize> = reads.iter().map(|r| r.name).collect();
    for name in names {
        let used: Vec<&Read> = reads.iter().filter(|r| r.name == name && r.mapq >= 10).collect();
        let covers = |r: &Read, p: i64| (r.position..r.position + 20).contains(&p);
        let bases: Vec<Option<u8>> = positions
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
                (quality >= 13).then_some(base)
            })
            .collect();
        let one = bases.contains(&Some(b'A'));
        let two = bases.contains(&Some(b'C'));
        let class = match (one, two) {
            (true, true) => Class::Conflicting,
            (true, false) => Class::Hap1,
            (false, true) => Class::Hap2,
            (false, false) => Class::Uninformative,
        };
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
            tally.conflicting += (one && two && matches!(base, Some(b'A' | b'C'))) as u64;
        }
    }
    (tallies, at)
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
