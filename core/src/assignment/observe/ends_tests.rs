use crate::assignment::observe::tests::{class, observe};
use crate::assignment::{Class, ASSIGN_LLR};
use crate::genome::test_variant;
use crate::genome::Variant;
use crate::io::bam::test_reads::Made;

const BASES: &str =
    "GATTACAGATCCGTGATCCATGACTTGACCATGGATCCGATTTAGCAGTACGATTGCCAGTTACGCAATGCTCAAGGTTTCAGACCAAGTGAGCTATTCCGGACATA";

/// TTAC (60 to 64) deleted, and a base that differs on either side of it.
fn deletion(shared: bool) -> Vec<Variant> {
    vec![
        test_variant(52, &["A", "T"], 0, 1),
        test_variant(59, &["GTTAC", "G"], u16::from(shared), 1),
        test_variant(68, &["T", "A"], 0, 1),
    ]
}

/// A haplotype over the bases of the reference `from..to`: with the deletion or not, and with the other bases or not.
fn haplotype(deleted: bool, other: bool, from: usize, to: usize) -> String {
    let mut bases = BASES.as_bytes().to_vec();
    if other {
        (bases[52], bases[68]) = (b'T', b'A');
    }
    let kept = |i: &usize| !(deleted && (60..64).contains(i));
    (from..to).filter(kept).map(|i| bases[i] as char).collect()
}

/// Sites of a read with the haplotype that each favours; uninformative ones are left out.
fn favoured(list: &[Variant], position: i64, cigar: &str, bases: &str, quality: u8) -> Vec<(u32, i32)> {
    let seen = observe(list, Some(BASES.as_bytes()), None, &[Made::new(position, cigar, bases, quality)]);
    let side = |c: i32| if c >= ASSIGN_LLR { 1 } else { 2 * i32::from(c <= -ASSIGN_LLR) };
    assert!(seen[0].observations.iter().all(|o| !o.other && (o.base == 0 || o.quality >= 13)));
    seen[0].observations.iter().map(|o| (o.site, side(o.llr))).filter(|o| o.1 != 0).collect()
}

fn class_of(list: &[Variant], position: i64, cigar: &str, bases: &str, quality: u8) -> Class {
    class(list, BASES.as_bytes(), Made::new(position, cigar, bases, quality))
}

#[test]
fn a_base_after_an_indel_is_informative_in_clipped_and_misaligned_ends() {
    let list = deletion(false);
    let (right, left) = (haplotype(true, true, 20, 70), haplotype(true, true, 50, 100));
    assert_eq!((right.len(), left.len()), (46, 46));
    for quality in [20, 37] {
        // Clipped, aligned without the gap, and aligned correctly.
        for cigar in ["40M6S", "46M", "40M4D6M"] {
            let favoured = favoured(&list, 20, cigar, &right, quality);
            assert!(favoured.ends_with(&[(1, 2), (2, 2)]), "{cigar}: {favoured:?}");
            assert_eq!(class_of(&list, 20, cigar, &right, quality), Class::Hap2);
        }
        for (position, cigar) in [(64, "10S36M"), (54, "46M"), (50, "10M4D36M")] {
            let favoured = favoured(&list, position, cigar, &left, quality);
            assert!(favoured.starts_with(&[(0, 2), (1, 2)]), "{cigar}: {favoured:?}");
            assert_eq!(class_of(&list, position, cigar, &left, quality), Class::Hap2);
        }
    }
    // The other haplotype's reads over the same bases.
    let (right, left) = (haplotype(false, false, 20, 70), haplotype(false, false, 50, 100));
    for cigar in ["50M", "44M6S", "40M10S"] {
        let favoured = favoured(&list, 20, cigar, &right, 37);
        assert!(favoured.ends_with(&[(1, 1), (2, 1)]), "{cigar}: {favoured:?}");
    }
    for (position, cigar) in [(50, "50M"), (60, "10S40M")] {
        let favoured = favoured(&list, position, cigar, &left, 37);
        assert!(favoured.starts_with(&[(0, 1), (1, 1)]), "{cigar}: {favoured:?}");
    }
}

#[test]
fn bases_after_an_indel_of_both_haplotypes_are_informative() {
    let list = deletion(true);
    for (other, expected) in [(false, Class::Hap1), (true, Class::Hap2)] {
        let (right, left) = (haplotype(true, other, 20, 70), haplotype(true, other, 50, 100));
        let cover = 1 + i32::from(other);
        for cigar in ["40M6S", "46M", "40M4D6M"] {
            assert_eq!(class_of(&list, 20, cigar, &right, 37), expected, "{cigar}");
            assert_eq!(favoured(&list, 20, cigar, &right, 37).last(), Some(&(1, cover)), "{cigar}");
        }
        for (position, cigar) in [(64, "10S36M"), (54, "46M"), (50, "10M4D36M")] {
            assert_eq!(class_of(&list, position, cigar, &left, 37), expected, "{cigar}");
            assert_eq!(favoured(&list, position, cigar, &left, 37).first(), Some(&(0, cover)), "{cigar}");
        }
    }
    // A base that both have, in the clipped end with one that differs.
    let list = [test_variant(68, &["T", "A"], 0, 1), test_variant(70, &["C", "G"], 1, 1)];
    let read = |base: &str| format!("{}{base}GG{}", &BASES[20..68], &BASES[71..73]);
    for (base, expected) in [("T", Class::Hap1), ("A", Class::Hap2)] {
        assert_eq!(class_of(&list, 20, "48M5S", &read(base), 20), expected);
    }
}

#[test]
fn gaps_misplaced_across_a_differing_base_belong_to_their_insertion() {
    // TAACG before TTACG: where the second T is an A, the insertion can be shifted by all five.
    let list = [test_variant(59, &["G", "GTAACG"], 0, 1), test_variant(61, &["T", "A"], 0, 1)];
    let strain = format!("{}TAACGTAACG{}", &BASES[20..60], &BASES[65..100]);
    for at in 40..=45 {
        let cigar = format!("{at}M5I{}M", strain.len() - at - 5);
        assert_eq!(class_of(&list, 20, &cigar, &strain, 37), Class::Hap2, "{cigar}");
    }
    // The same so close to an end that no gap is opened, or that it is misplaced there.
    for cigar in ["52M", "45M5I2M", "40M12S"] {
        assert_eq!(class_of(&list, 20, cigar, &strain[..52], 37), Class::Hap2, "{cigar}");
    }
    assert_eq!(class_of(&list, 20, "80M", &BASES[20..100], 37), Class::Hap1);
    let shared = [test_variant(59, &["G", "GTAACG"], 1, 1), test_variant(61, &["T", "A"], 0, 1)];
    for at in 40..=45 {
        let cigar = format!("{at}M5I{}M", strain.len() - at - 5);
        assert_eq!(class_of(&shared, 20, &cigar, &strain, 37), Class::Hap2, "{cigar}");
    }
}

#[test]
fn an_adapter_at_a_realigned_end_is_uninformative() {
    let list = deletion(false);
    let adapter = "CTGTCTCTTATACACATC";
    for n in [4, 8, 18] {
        let read = format!("{}{}", &BASES[20..60], &adapter[..n]);
        assert_eq!(class_of(&list[1..], 20, &format!("40M{n}S"), &read, 37), Class::Uninformative, "{n}");
        let read = format!("{}{}", &adapter[..n], &BASES[64..100]);
        assert_eq!(class_of(&list[..2], 64, &format!("{n}S36M"), &read, 37), Class::Uninformative, "{n}");
    }
    // After the deletion and the base.
    let read = format!("{}{adapter}", haplotype(true, true, 20, 75));
    assert_eq!(class_of(&list, 20, "40M29S", &read, 37), Class::Hap2);
    assert!(favoured(&list, 20, "40M29S", &read, 37).ends_with(&[(1, 2), (2, 2)]));
}

#[test]
fn clipped_bases_do_not_anchor_those_next_to_them() {
    // The read begins or ends within the inserted bases next to an adapter, and is aligned without a gap.
    let list = [test_variant(62, &["A", "ACTCGATGA"], 0, 1)];
    let adapter = "TATGGCACAGTCTGTATTTC";
    let read = format!("{adapter}TCGATGA{}", &BASES[63..100]);
    assert_eq!(class_of(&list, 56, "20S44M", &read, 37), Class::Hap2);
    let mirrored = format!("{}CTCGATG{adapter}", &BASES[20..63]);
    assert_eq!(class_of(&list, 20, "50M20S", &mirrored, 37), Class::Hap2);
}

#[test]
fn a_base_that_is_not_clipped_counts_as_aligned() {
    let seen = |cigar: &str| {
        let read = Made::new(20, cigar, &haplotype(true, true, 20, 70), 30);
        let seen = observe(&deletion(false), Some(BASES.as_bytes()), None, &[read]);
        seen[0].observations.last().map(|o| (o.base, o.quality))
    };
    assert_eq!(seen("46M"), Some((b'A', 30)));
    assert_eq!(seen("40M6S"), Some((0, 0)));
}
