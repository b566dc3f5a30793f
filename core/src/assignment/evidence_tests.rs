use super::*;
use crate::assignment::ListSource;
use crate::genome::test_variant;
use crate::genome::Variants;
use crate::io::Contigs;

fn base(site: u32, base: u8, quality: u8) -> Observation {
    Observation::of_base(site, base, quality)
}

fn aligned(site: u32, llr: PhredCost, other: bool) -> Observation {
    Observation { other, ..Observation::of_llr(site, llr, CoveredRecords::one(0)) }
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
    let mut sites = SiteWindow::new(&mut source, None, &contigs);
    sites.enter(0).unwrap();
    sites.fill(1000).unwrap();
    evidence(list).support(&sites, &BaseCosts::new(13), 13).class()
}

#[test]
fn overlapping_mates_count_once() {
    let mut a = evidence(&[base(0, b'A', 30), base(1, b'A', 30), base(2, b'A', 30), base(3, b'A', 150)]);
    a.join(&evidence(&[base(0, b'A', 20), base(1, b'C', 40), base(2, b'C', 30), base(3, b'A', 120), base(7, b'C', 9)]));
    assert_eq!(
        a.observations,
        [base(0, b'A', 50), base(1, b'C', 32), base(2, b'N', 0), base(3, b'A', 200), base(7, b'C', 9)]
    );
    assert_eq!(a.regions, [0]);
    let mut b = evidence(&[aligned(0, 4000, false), aligned(1, 4000, false), aligned(2, 0, true)]);
    b.join(&evidence(&[aligned(0, 3000, false), aligned(1, -1000, false), aligned(2, -4000, false)]));
    assert_eq!(b.observations, [aligned(0, 4000, false), aligned(1, 3000, false), aligned(2, -4000, false)]);
}

#[test]
fn the_evidence_of_a_mate_is_limited_to_the_records_that_it_covers() {
    let [first, second] = [0, 1].map(CoveredRecords::one);
    let covering = |(llr, covered): (PhredCost, CoveredRecords)| Observation { covered, ..aligned(0, llr, false) };
    let joined = |a, b| {
        let mut one = evidence(&[covering(a)]);
        one.join(&evidence(&[covering(b)]));
        (one.observations[0].llr, one.observations[0].covered)
    };
    assert_eq!(joined((0, first), (4000, second)), (4000, second));
    assert_eq!(joined((-4000, first), (900, second)), (-3100, first));
    assert_eq!(joined((4000, first), (3000, second)), (4000, first | second));
    assert_eq!(joined((0, first), (100, second)), (100, first | second));
}

#[test]
fn classes_follow_the_bases() {
    assert_eq!(class(&[]), Class::Uninformative);
    assert_eq!(class(&[base(0, b'A', 13)]), Class::Hap1);
    assert_eq!(class(&[base(0, b'A', 12)]), Class::Uninformative);
    assert_eq!(class(&[base(0, b'G', 40), base(1, b'C', 40)]), Class::Hap2);
}

#[test]
fn one_error_makes_no_conflict_but_two_do() {
    let bases = |text: &str, quality: u8| -> Vec<Observation> {
        text.bytes().enumerate().map(|(i, b)| base(i as u32, b, quality)).collect()
    };
    assert_eq!(class(&bases("AAC", 40)), Class::Hap1);
    assert_eq!(class(&bases("CCCAC", 30)), Class::Hap2);
    assert_eq!(class(&[base(0, b'A', 40), base(1, b'C', 15)]), Class::Hap1);
    // One against one, equally good: either may be the error.
    assert_eq!(class(&bases("AC", 40)), Class::Conflicting);
    assert_eq!(class(&bases("AAAACC", 40)), Class::Conflicting);
    // Of forty bases that err one time in twenty, two are expected to be wrong.
    assert_eq!(class(&bases(&("A".repeat(38) + "CC"), 13)), Class::Hap1);
    assert_eq!(class(&bases(&("A".repeat(20) + &"C".repeat(20)), 13)), Class::Conflicting);
}

#[test]
fn summed_sites_count_as_before() {
    let mut first = Evidence {
        summed: Support { sums: [4000, 0], largest: [4000, 0], errors: 0, phased: true },
        ..Default::default()
    };
    first.join(&Evidence {
        summed: Support { sums: [0, 3900], largest: [0, 3900], errors: 0, phased: true },
        ..Default::default()
    });
    assert_eq!(first.summed.class(), Class::Conflicting);
    assert!(!first.is_empty());
}
