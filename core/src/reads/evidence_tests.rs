use super::*;
use crate::genome::variants::test_variant;
use crate::genome::{Contigs, Region, Variants};
use proptest::prelude::*;

const OPERATIONS: &str = "MIDNSHP=X";

fn cigar(text: &str) -> Vec<u32> {
    let mut list = Vec::new();
    let mut length = 0;
    for c in text.chars() {
        match c.to_digit(10) {
            Some(d) => length = length * 10 + d,
            None => {
                list.push(length << 4 | OPERATIONS.find(c).unwrap() as u32);
                length = 0;
            }
        }
    }
    list
}

fn pack(bases: &[u8]) -> Vec<u8> {
    let code = |b: u8| b"=ACMGRSVTWYHKDBN".iter().position(|c| *c == b).unwrap() as u8;
    bases.chunks(2).map(|two| code(two[0]) << 4 | two.get(1).map_or(0, |b| code(*b))).collect()
}

fn sites_at(positions: &[u64]) -> Sites {
    let contigs = Contigs::new(vec![("a".into(), 0)]);
    let list = positions.iter().map(|&p| test_variant(p, &["A", "C"], 0, 1)).collect();
    Sites::new(&Variants::from_list(&contigs, vec![list]))
}

fn regions(list: &[(u64, u64)]) -> Regions {
    let mut list: Vec<Region> = list
        .iter()
        .map(|&(start, end)| Region {
            contig: 0,
            start,
            end,
            name: ".".into(),
            score: ".".into(),
            strand: b'.',
            summit: None,
        })
        .collect();
    list.sort_by_key(|r| (r.start, r.end));
    Regions::from_list(Contigs::new(vec![("a".into(), 0)]), list)
}

fn seen(site: u32, base: u8, quality: u8) -> Observation {
    Observation { site, base, quality }
}

#[test]
fn only_aligned_bases_are_seen() {
    let sites = sites_at(&[9, 10, 12, 13, 14, 16]);
    let regions = regions(&[(0, 10), (12, 13), (13, 15), (17, 20)]);
    let (bases, qualities) = (pack(b"ACGTAC"), [1, 2, 3, 4, 5, 6]);
    // Aligned: 10, 11, 14, 15, 16; deleted: 12, 13.
    let cigar = cigar("1S2M2D3M");
    let read = Alignment::test(&bases, &cigar, &qualities, 10);
    let mut evidence = Evidence::default();
    Sweep::new(Some(&regions), &sites).look(&read, &mut evidence);
    assert_eq!(evidence.observations, [seen(1, b'C', 2), seen(4, b'T', 4), seen(5, b'C', 6)]);
    assert_eq!(evidence.regions, [2]);
}

#[test]
fn overlapping_mates_count_once() {
    let evidence = |list: &[Observation]| Evidence { observations: list.to_vec(), regions: vec![0] };
    let mut a = evidence(&[seen(0, b'A', 30), seen(1, b'A', 30), seen(2, b'A', 30), seen(3, b'A', 150)]);
    a.join(&evidence(&[seen(0, b'A', 20), seen(1, b'C', 40), seen(2, b'C', 30), seen(3, b'A', 120), seen(7, b'C', 9)]));
    assert_eq!(
        a.observations,
        [seen(0, b'A', 50), seen(1, b'C', 32), seen(2, b'N', 0), seen(3, b'A', 200), seen(7, b'C', 9)]
    );
    assert_eq!(a.regions, [0]);
}

#[test]
fn classes_follow_the_bases() {
    let sites = sites_at(&[1, 2, 3]);
    let class = |list: &[Observation]| Evidence { observations: list.to_vec(), regions: vec![] }.class(&sites, 13);
    assert_eq!(class(&[]), Class::Uninformative);
    assert_eq!(class(&[seen(0, b'A', 13)]), Class::Hap1);
    assert_eq!(class(&[seen(0, b'A', 12)]), Class::Uninformative);
    assert_eq!(class(&[seen(0, b'G', 40), seen(1, b'C', 40)]), Class::Hap2);
    assert_eq!(class(&[seen(0, b'A', 40), seen(1, b'C', 40)]), Class::Conflicting);
}

#[test]
fn damaged_reads_do_no_harm() {
    let sites = sites_at(&[10, 11, 12]);
    let (bases, qualities) = (pack(b"AC"), [40, 40]);
    let cigar = cigar("9M");
    let mut evidence = Evidence::default();
    // More aligned than there are bases, and a read without any.
    Sweep::new(None, &sites).look(&Alignment::test(&bases, &cigar, &qualities, 10), &mut evidence);
    assert_eq!(evidence.observations.len(), 2);
    Sweep::new(None, &sites).look(&Alignment::test(&[], &cigar, &[], 10), &mut evidence);
    assert!(evidence.is_empty());
}

proptest! {
    /// Sorted reads against regions and sites, each compared with every base of every read.
    #[test]
    fn the_sweep_equals_brute_force(
        spans in prop::collection::vec((0u64..200, 1u64..60), 0..12),
        positions in prop::collection::btree_set(0u64..220, 0..40),
        mut reads in prop::collection::vec((0i64..200, prop::collection::vec((1u32..12, 0usize..9), 1..5)), 1..25),
    ) {
        let positions: Vec<u64> = positions.into_iter().collect();
        let sites = sites_at(&positions);
        let regions = regions(&spans.iter().map(|&(s, l)| (s, s + l)).collect::<Vec<_>>());
        reads.sort_by_key(|r| r.0);
        let mut sweep = Sweep::new(Some(&regions), &sites);
        let mut evidence = Evidence::default();
        for (start, operations) in reads {
            let cigar: Vec<u32> = operations.iter().map(|&(n, o)| n << 4 | o as u32).collect();
            // Every aligned base: reference position and index in the read.
            let (mut aligned, mut position, mut index) = (Vec::new(), start, 0usize);
            for &(n, o) in &operations {
                for _ in 0..n {
                    let o = OPERATIONS.as_bytes()[o];
                    if b"M=X".contains(&o) {
                        aligned.push((position, index));
                    }
                    position += b"MDN=X".contains(&o) as i64;
                    index += b"MIS=X".contains(&o) as usize;
                }
            }
            let bases: Vec<u8> = (0..index).map(|i| b"ACGT"[i % 4]).collect();
            let qualities: Vec<u8> = (0..index).map(|i| (i % 60) as u8).collect();
            let packed = pack(&bases);
            sweep.look(&Alignment::test(&packed, &cigar, &qualities, start), &mut evidence);
            let truth: Vec<Observation> = positions.iter().enumerate().filter_map(|(s, &p)| {
                let (_, i) = aligned.iter().find(|a| a.0 == p as i64)?;
                Some(seen(s as u32, bases[*i], qualities[*i]))
            }).collect();
            prop_assert_eq!(&evidence.observations, &truth);
            let truth: Vec<u32> = regions.list.iter().enumerate()
                .filter(|(_, r)| aligned.iter().any(|a| a.0 >= r.start as i64 && a.0 < r.end as i64))
                .map(|(i, _)| i as u32).collect();
            prop_assert_eq!(&evidence.regions, &truth);
        }
    }
}
