use super::*;
use crate::assignment::Class;
use crate::assignment::ListSource;
use crate::genome::test_variant;
use crate::genome::Variant;
use crate::genome::Variants;
use crate::io::bam::test_reads::{pack, Made, OPERATIONS};
use crate::io::fasta::reference::test_reference;
use crate::io::regions::bed::test_region;
use crate::io::Contigs;
use proptest::prelude::*;

fn contigs() -> Contigs {
    Contigs::new(vec![("a".into(), 0)])
}

fn regions(list: &[(u64, u64)]) -> Regions {
    let one = |&(start, end): &(u64, u64)| test_region(0, start, end);
    Regions::from_list(contigs(), list.iter().map(one).collect())
}

/// The evidence of each of sorted reads, with `bases` as reference.
pub(super) fn observe(
    list: &[Variant],
    bases: Option<&[u8]>,
    regions: Option<&Regions>,
    reads: &[Made],
) -> Vec<Evidence> {
    let folder = tempfile::tempdir().unwrap();
    let variants = Variants::from_list(&contigs(), vec![list.to_vec()]);
    let mut source = ListSource::new(&variants);
    let reference = bases.map(|b| test_reference(folder.path(), &[("a", b)]));
    let mut sites = SiteWindow::new(&mut source, reference, &contigs());
    sites.enter(0).unwrap();
    let mut observer = Observer::new(regions, None, 13);
    let mut all = Vec::new();
    for read in reads {
        let mut evidence = Evidence::default();
        assert!(observer.read(&read.read(), &mut sites, &mut evidence).unwrap());
        all.push(evidence);
    }
    all
}

/// Class of one read.
pub(super) fn class(list: &[Variant], bases: &[u8], read: Made) -> Class {
    let folder = tempfile::tempdir().unwrap();
    let variants = Variants::from_list(&contigs(), vec![list.to_vec()]);
    let mut source = ListSource::new(&variants);
    let mut sites = SiteWindow::new(&mut source, Some(test_reference(folder.path(), &[("a", bases)])), &contigs());
    sites.enter(0).unwrap();
    let mut observer = Observer::new(None, None, 13);
    let mut evidence = Evidence::default();
    observer.read(&read.read(), &mut sites, &mut evidence).unwrap();
    evidence.support(&sites, observer.costs(), 13).class()
}

fn snvs(positions: &[u64]) -> Vec<Variant> {
    positions.iter().map(|&p| test_variant(p, &["A", "C"], 0, 1)).collect()
}

fn seen(site: u32, base: u8, quality: u8) -> Observation {
    Observation::of_base(site, base, quality)
}

#[test]
fn only_aligned_bases_are_observed() {
    let regions = regions(&[(0, 10), (12, 13), (13, 15), (17, 20)]);
    // Aligned: 10, 11, 14, 15, 16; deleted: 12, 13.
    let mut read = Made::new(10, "1S2M2D3M", "ACGTAC", 0);
    read.qualities = vec![1, 2, 3, 4, 5, 6];
    let evidence = &observe(&snvs(&[9, 10, 12, 13, 14, 16]), None, Some(&regions), &[read])[0];
    assert_eq!(evidence.observations, [seen(1, b'C', 2), seen(4, b'T', 4), seen(5, b'C', 6)]);
    assert_eq!(evidence.regions, [2]);
}

#[test]
fn damaged_reads_are_tolerated() {
    // More aligned than there are bases, and a read without any.
    let mut long = Made::new(10, "9M", "AC", 40);
    let none = Made::new(10, "9M", "", 40);
    long.qualities = vec![40, 40];
    let seen = observe(&snvs(&[10, 11, 12]), None, None, &[long, none]);
    assert_eq!(seen[0].observations.len(), 2);
    assert!(seen[1].is_empty());
    let bases = b"GATTACAGATCCGTAAAAAACGTGATCCATGACTTGACCATGGATCCGATTTAGCAGTACGA";
    let indel = [test_variant(13, &["T", "TA"], 0, 1)];
    for cigar in ["40M", "3M40I2M", "2M40D2M", "1M40N3M", "40S", "5I", "9D"] {
        let mut read = Made::new(2, cigar, "GATTA", 40);
        read.qualities.truncate(4);
        observe(&indel, Some(bases), None, &[read]);
    }
}

#[test]
fn bases_below_the_quality_are_ignored_in_realignment() {
    let bases = b"GATTACAGATCCGTGATCCATGACTTGACCATGGATCCGATTTAGCAGTACGA";
    let list = [test_variant(21, &["GACT", "GTCA"], 0, 1)];
    let read = |q| Made::new(5, "30M", std::str::from_utf8(&bases[5..35]).unwrap(), q);
    assert_eq!(class(&list, bases, read(30)), Class::Hap1);
    assert_eq!(class(&list, bases, read(12)), Class::Uninformative);
}

#[test]
fn homopolymers_shifted_gaps_and_read_ends() {
    let bases = b"GATTACAGATCCGTAAAAAACGTGATCCATGACTTGACCATGGATCCGATTTAGCAGTACGA";
    let list = [test_variant(13, &["T", "TA"], 0, 1)];
    let reference = std::str::from_utf8(bases).unwrap();
    let inserted = format!("{}A{}", &reference[..14], &reference[14..]);
    let of = |position: i64, cigar: &str, from: &str, at: usize, n: usize| {
        class(&list, bases, Made::new(position, cigar, &from[at..at + n], 30))
    };
    assert_eq!(of(0, "50M", reference, 0, 50), Class::Hap1);
    // The extra A left, in the middle and right.
    for cigar in ["14M1I35M", "17M1I32M", "20M1I29M"] {
        assert_eq!(of(0, cigar, &inserted, 0, 50), Class::Hap2, "{cigar}");
    }
    // Reads that end inside the run are uninformative; one base after it is enough.
    for end in [15, 18, 20] {
        assert_eq!(of(0, &format!("{end}M"), reference, 0, end), Class::Uninformative, "{end}");
    }
    assert_eq!(of(0, "21M", reference, 0, 21), Class::Hap1);
    assert_eq!(of(0, "21M", &inserted, 0, 21), Class::Hap2);
    // An aligner opens no gap for two bases: it leaves a mismatch, or clips.
    assert_eq!(of(0, "22M", &inserted, 0, 22), Class::Hap2);
    assert_eq!(of(0, "20M2S", &inserted, 0, 22), Class::Hap2);
    // From the other side.
    assert_eq!(of(18, "25M", reference, 18, 25), Class::Uninformative);
    assert_eq!(of(13, "3S25M", &inserted, 11, 28), Class::Hap2);
    // An adapter clipped after the run is uninformative.
    let adapter = format!("{}CTGTCTCTTATACACATC", &reference[..16]);
    assert_eq!(class(&list, bases, Made::new(0, "16M18S", &adapter, 30)), Class::Uninformative);
    // Spliced over the run.
    let spliced = format!("{}{}", &reference[..12], &reference[22..40]);
    assert_eq!(class(&list, bases, Made::new(0, "12M10N18M", &spliced, 30)), Class::Uninformative);
}

#[test]
fn long_deletions_are_scored_from_inside_and_across() {
    let bases: Vec<u8> = (0..4000u32).map(|i| b"ACGT"[(i.wrapping_mul(2654435761) >> 15) as usize % 4]).collect();
    let reference = std::str::from_utf8(&bases).unwrap();
    let deleted = &reference[999..2500];
    let list = [test_variant(999, &[deleted, &deleted[..1]], 0, 1)];
    for start in [960, 990, 1500, 2450, 2480] {
        let read = Made::new(start, "60M", &reference[start as usize..start as usize + 60], 30);
        assert_eq!(class(&list, &bases, read), Class::Hap1, "{start}");
    }
    let across = format!("{}{}", &reference[970..1000], &reference[2500..2530]);
    assert_eq!(class(&list, &bases, Made::new(970, "30M1500D30M", &across, 30)), Class::Hap2);
    assert_eq!(class(&list, &bases, Made::new(970, "30M30S", &across, 30)), Class::Hap2);
    assert_eq!(class(&list, &bases, Made::new(2500, "30S30M", &across, 30)), Class::Hap2);
    assert_eq!(class(&list, &bases, Made::new(900, "60M", &reference[900..960], 30)), Class::Uninformative);
}

#[test]
fn clipped_ends_are_informative_where_they_fit_and_adapters_are_not() {
    let bases = b"GATTACAGATCCGTGATCCATGACTTGACCATGGATCCGATTTAGCAGTACGATTGCCAGTTACGCAATG\
        CTCAAGGTTTCAGACCAAGTGAGCTATTCCGGACATA";
    let reference = std::str::from_utf8(bases).unwrap();
    let list = [test_variant(41, &["TTAG", "AAGC"], 0, 1), test_variant(60, &["T", "TCC"], 0, 1)];
    let strain = format!("{}AAGC{}", &reference[..41], &reference[45..60]);
    let of = |position: i64, cigar: &str, text: &str| class(&list, bases, Made::new(position, cigar, text, 35));
    // Aligners clip an end with too many mismatches: that of the strain is informative all the same.
    assert_eq!(of(10, "31M4S", &strain[10..45]), Class::Hap2);
    assert_eq!(of(10, "31M3S", &strain[10..44]), Class::Hap2);
    assert_eq!(of(45, "6S14M", &strain[39..59]), Class::Hap2);
    assert_eq!(of(10, "31M4S", &reference[10..45]), Class::Hap1);
    // An end that fits neither is uninformative.
    assert_eq!(of(10, "31M8S", &format!("{}CTGTCTCT", &reference[10..41])), Class::Uninformative);
    // The aligned bases before an adapter after an insertion are informative.
    let adapter = format!("{}CTGTCTCTTATACACATC", &reference[30..64]);
    assert_eq!(class(&list[1..], bases, Made::new(30, "34M18S", &adapter, 35)), Class::Hap1);
    let inserted = format!("{}CC{}CTGTCTCTTA", &reference[30..61], &reference[61..64]);
    assert_eq!(class(&list[1..], bases, Made::new(30, "31M2I3M10S", &inserted, 35)), Class::Hap2);
}

#[test]
fn records_are_covered_by_the_haplotype_that_the_read_fits() {
    // An SNV next to a deletion of ten: the read begins within the bases that are deleted from the other haplotype.
    let bases = b"GATTACAGATCCGTGATCCATGACTTGACCATGGATCCGATTTAGCAGTACGATTGCCAGTTACGCAATG";
    let reference = std::str::from_utf8(bases).unwrap();
    let list = [test_variant(20, &["T", "G"], 0, 1), test_variant(21, &["GACTTGACCAT", "G"], 0, 1)];
    let strain = format!("{}GG{}", &reference[..20], &reference[32..]);
    let second = CoveredRecords::one(1);
    let both = CoveredRecords::one(0) | second;
    let seen = observe(&list, Some(bases), None, &[Made::new(32, "3S30M", &strain[19..52], 35)]);
    assert_eq!(seen[0].observations.iter().map(|o| (o.covered, o.llr < 0)).collect::<Vec<_>>(), [(both, true)]);
    let seen = observe(&list, Some(bases), None, &[Made::new(28, "30M", &reference[28..58], 35)]);
    assert_eq!(seen[0].observations.iter().map(|o| (o.covered, o.llr > 0)).collect::<Vec<_>>(), [(second, true)]);
}

proptest! {
    /// Sorted reads against regions and SNVs, each compared with every base of every read.
    #[test]
    fn the_sweep_equals_brute_force(
        spans in prop::collection::vec((0u64..200, 1u64..60), 0..12),
        positions in prop::collection::btree_set(0u64..220, 0..40),
        mut reads in prop::collection::vec((0i64..200, prop::collection::vec((1u32..12, 0usize..9), 1..5)), 1..25),
    ) {
        let positions: Vec<u64> = positions.into_iter().collect();
        let regions = regions(&spans.iter().map(|&(s, l)| (s, s + l)).collect::<Vec<_>>());
        reads.sort_by_key(|r| r.0);
        let (mut made, mut truths) = (Vec::new(), Vec::new());
        for (start, operations) in reads {
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
            let shown: Vec<Observation> = positions.iter().enumerate().filter_map(|(s, &p)| {
                let (_, i) = aligned.iter().find(|a| a.0 == p as i64)?;
                Some(seen(s as u32, bases[*i], qualities[*i]))
            }).collect();
            let touched: Vec<u32> = regions.list.iter().enumerate()
                .filter(|(_, r)| aligned.iter().any(|a| a.0 >= r.start as i64 && a.0 < r.end as i64))
                .map(|(i, _)| i as u32).collect();
            truths.push((shown, touched));
            let cigar = operations.iter().map(|&(n, o)| n << 4 | o as u32).collect();
            made.push(Made { packed: pack(&bases), cigar, qualities, position: start });
        }
        for (got, (shown, touched)) in observe(&snvs(&positions), None, Some(&regions), &made).iter().zip(truths) {
            prop_assert_eq!(&got.observations, &shown);
            prop_assert_eq!(&got.regions, &touched);
        }
    }
}

/// A haplotype base by base: each with its reference position, none for inserted ones.
fn bases_of(bases: &[u8], variants: &Variants, haplotype: usize) -> Vec<(u8, Option<i64>)> {
    let mut all: Vec<_> = bases.iter().enumerate().map(|(i, b)| (*b, Some(i as i64))).collect();
    let mut edits: Vec<Edit> = variants.of(0).iter().filter_map(|v| v.edit(haplotype)).collect();
    edits.sort_by_key(|e| (e.start, e.end));
    for e in edits.iter().rev() {
        let keep = e.bases.len() as u64 == e.end - e.start;
        let new = e.bases.iter().enumerate().map(|(i, b)| (*b, keep.then_some(e.start as i64 + i as i64)));
        all.splice(e.start as usize..e.end as usize, new.collect::<Vec<_>>());
    }
    all
}

use crate::genome::Edit;

/// An error-free read of a haplotype as its true alignment to the reference; insertions at its ends are clipped.
fn truly_aligned(haplotype: &[(u8, Option<i64>)], from: usize, n: usize) -> Option<Made> {
    let part = &haplotype[from..from + n];
    let position = part.iter().find_map(|b| b.1)?;
    let (mut cigar, mut next): (Vec<u32>, Option<i64>) = (Vec::new(), None);
    let mut push = |n: u32, operation: u32| match cigar.last_mut() {
        Some(last) if *last & 15 == operation => *last += n << 4,
        _ => cigar.push(n << 4 | operation),
    };
    let last = part.iter().rposition(|b| b.1.is_some())?;
    for (i, (_, place)) in part.iter().enumerate() {
        match (place, next) {
            (None, None) => push(1, 4),
            (None, Some(_)) => push(1, if i > last { 4 } else { 1 }),
            (Some(p), before) => {
                if let Some(expected) = before {
                    if *p > expected {
                        push((*p - expected) as u32, 2);
                    }
                }
                push(1, 0);
                next = Some(p + 1);
            }
        }
    }
    let bases: Vec<u8> = part.iter().map(|b| b.0).collect();
    Some(Made { packed: pack(&bases), cigar, qualities: vec![35; n], position })
}

fn any_case() -> impl Strategy<Value = (Vec<u8>, Vec<Variant>, usize, usize, bool)> {
    let sequence = prop::collection::vec((prop::sample::select(b"ACGT".to_vec()), 1usize..7), 60..90);
    let one = (30u64..150, 1usize..6, "[ACGT]{0,5}", 0u8..3);
    (sequence, prop::collection::vec(one, 1..4), 0usize..120, 25usize..70, any::<bool>()).prop_map(
        |(runs, list, from, n, second)| {
            let bases: Vec<u8> = runs.into_iter().flat_map(|(b, n)| std::iter::repeat_n(b, n)).collect();
            let bases = if bases.len() < 260 { [bases.clone(), bases.clone(), bases].concat() } else { bases };
            let variant = |(start, n, inserted, which): (u64, usize, String, u8)| {
                let reference = std::str::from_utf8(&bases[start as usize..start as usize + n]).unwrap();
                let alternative = format!("{}{inserted}", &reference[..1]);
                let (hap1, hap2) = [(0, 1), (1, 0), (1, 1)][which as usize];
                test_variant(start, &[reference, &alternative], hap1, hap2)
            };
            let list = list.into_iter().map(variant).collect();
            (bases, list, from, n, second)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..Default::default() })]
    /// Error-free reads in their true alignment: a read that fits the other haplotype equally well, anywhere near, is
    /// not assigned, and no read is assigned to the wrong one.
    #[test]
    fn reads_are_assigned_to_their_haplotype((bases, list, from, n, second) in any_case()) {
        let variants = Variants::from_list(&contigs(), vec![list.clone()]);
        let both = [bases_of(&bases, &variants, 1), bases_of(&bases, &variants, 2)];
        let own = &both[second as usize];
        prop_assume!(from + n <= own.len());
        let Some(read) = truly_aligned(own, from, n) else { return Ok(()) };
        let letters: Vec<u8> = own[from..from + n].iter().map(|b| b.0).collect();
        let other: Vec<u8> = both[!second as usize].iter().map(|b| b.0).collect();
        let near = from.saturating_sub(12)..(from + n + 12).min(other.len());
        let fits_other = other[near].windows(n).any(|w| w == letters);
        let got = class(&list, &bases, read);
        let right = if second { Class::Hap2 } else { Class::Hap1 };
        if fits_other {
            prop_assert_eq!(got, Class::Uninformative);
        } else {
            prop_assert_eq!(got, right);
        }
    }
}
