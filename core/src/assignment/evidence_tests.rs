use super::*;
use crate::assignment::ListSource;
use crate::genome::test_variant;
use crate::genome::Variants;
use crate::io::Contigs;

fn seen(site: u32, base: u8, quality: u8) -> Observation {
    Observation { site, base, quality, other: false, contrast: 0, said: 0, covered: 0 }
}

fn aligned(site: u32, contrast: Cost, other: bool) -> Observation {
    Observation { site, base: 0, quality: 0, other, contrast, said: contrast, covered: 1 }
}

fn evidence(list: &[Observation]) -> Evidence {
    Evidence { observations: list.to_vec(), regions: vec![0], ..Default::default() }
}

/// The class of bases at sites where haplotype 1 has A and haplotype 2 has C.
fn class(list: &[Observation]) -> Class {
    let contigs = Contigs::new(vec![("a".into(), 0)]);
    let variants = (0..40).map(|p| test_variant(10 + 2 * p, &["A", "C"], 0, 1)).collect();
    let variants = Variants::from_list(&contigs, vec![variants]);
    let mut source = ListSource::new(&variants);
    let mut sites = Sites::new(&mut source, None, &contigs);
    sites.enter(0).unwrap();
    sites.fill(1000).unwrap();
    evidence(list).support(&sites, &BaseCosts::new(13), 13).class()
}

#[test]
fn overlapping_mates_count_once() {
    let mut a = evidence(&[seen(0, b'A', 30), seen(1, b'A', 30), seen(2, b'A', 30), seen(3, b'A', 150)]);
    a.join(&evidence(&[seen(0, b'A', 20), seen(1, b'C', 40), seen(2, b'C', 30), seen(3, b'A', 120), seen(7, b'C', 9)]));
    assert_eq!(
        a.observations,
        [seen(0, b'A', 50), seen(1, b'C', 32), seen(2, b'N', 0), seen(3, b'A', 200), seen(7, b'C', 9)]
    );
    assert_eq!(a.regions, [0]);
    let mut b = evidence(&[aligned(0, 4000, false), aligned(1, 4000, false), aligned(2, 0, true)]);
    b.join(&evidence(&[aligned(0, 3000, false), aligned(1, -1000, false), aligned(2, -4000, false)]));
    assert_eq!(b.observations, [aligned(0, 4000, false), aligned(1, 3000, false), aligned(2, -4000, false)]);
}

#[test]
fn a_mate_tells_of_the_records_that_it_reaches() {
    let reaching = |contrast: Cost, covered: u16| Observation { covered, ..aligned(0, contrast, false) };
    let joined = |a: Observation, b: Observation| {
        let mut one = evidence(&[a]);
        one.join(&evidence(&[b]));
        (one.observations[0].contrast, one.observations[0].covered)
    };
    assert_eq!(joined(reaching(0, 1), reaching(4000, 2)), (4000, 2));
    assert_eq!(joined(reaching(-4000, 1), reaching(900, 2)), (-3100, 1));
    assert_eq!(joined(reaching(4000, 1), reaching(3000, 2)), (4000, 3));
    assert_eq!(joined(reaching(0, 1), reaching(100, 2)), (100, 3));
}

#[test]
fn classes_follow_the_bases() {
    assert_eq!(class(&[]), Class::Uninformative);
    assert_eq!(class(&[seen(0, b'A', 13)]), Class::Hap1);
    assert_eq!(class(&[seen(0, b'A', 12)]), Class::Uninformative);
    assert_eq!(class(&[seen(0, b'G', 40), seen(1, b'C', 40)]), Class::Hap2);
}

#[test]
fn one_error_makes_no_conflict_but_two_do() {
    let bases = |text: &str, quality: u8| -> Vec<Observation> {
        text.bytes().enumerate().map(|(i, b)| seen(i as u32, b, quality)).collect()
    };
    assert_eq!(class(&bases("AAC", 40)), Class::Hap1);
    assert_eq!(class(&bases("CCCAC", 30)), Class::Hap2);
    assert_eq!(class(&[seen(0, b'A', 40), seen(1, b'C', 15)]), Class::Hap1);
    // One against one, equally good: nobody can say which is the error.
    assert_eq!(class(&bases("AC", 40)), Class::Conflicting);
    assert_eq!(class(&bases("AAAACC", 40)), Class::Conflicting);
    // Of forty bases that err one time in twenty, two are expected to be wrong.
    assert_eq!(class(&bases(&("A".repeat(38) + "CC"), 13)), Class::Hap1);
    assert_eq!(class(&bases(&("A".repeat(20) + &"C".repeat(20)), 13)), Class::Conflicting);
}

#[test]
fn what_was_settled_is_heard_again() {
    let mut first = Evidence {
        settled: Support { sums: [4000, 0], loudest: [4000, 0], errors: 0, phased: true },
        ..Default::default()
    };
    first.join(&Evidence {
        settled: Support { sums: [0, 3900], loudest: [0, 3900], errors: 0, phased: true },
        ..Default::default()
    });
    assert_eq!(first.settled.class(), Class::Conflicting);
    assert!(!first.is_empty());
}
