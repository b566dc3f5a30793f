use super::*;
use crate::genome::{Alleles, Edit, MISSING};
use crate::io::fasta::reference::test_reference;
use proptest::prelude::*;

const HEADER: &str = "##fileformat=VCFv4.2\n##contig=<ID=1,length=1000>\n##contig=<ID=other>\n\
    ##FILTER=<ID=low,Description=\"x\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
    #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB,C\n";

fn read(body: &str, hap1: &str, hap2: &str) -> Result<(Variants, VariantReport)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.vcf");
    std::fs::write(&path, format!("{HEADER}{body}")).unwrap();
    let contigs = Contigs::new(vec![("chr1".into(), 1000)]);
    Variants::read(&path, &contigs, &hap1.parse().unwrap(), &hap2.parse().unwrap())
}

fn record(pos: u64, reference: &str, alternative: &str, a: &str, b: &str) -> String {
    format!("1\t{pos}\t.\t{reference}\t{alternative}\t.\tPASS\t.\tGT\t{a}\t{b}\n")
}

#[test]
fn phase_and_kind_of_each_call() {
    let body = [
        record(10, "A", "c", "0|1", "0|0"),
        record(20, "A", "C", "0/1", "0|0"),
        record(30, "A", "C", "1/1", "0|0"),
        record(40, "A", "C", "./1", "0|0"),
        record(50, "A", "<DEL>", "0|1", "0|0"),
        record(60, "A", "C,G", "2|1", "0|0"),
        record(70, "A", "C,*", "1|2", "0|0"),
        record(80, "A", "C", "1", "0|0"),
        record(90, "A", "C", "0|0", "1|1"),
        "other\t5\t.\tA\tC\t.\t.\t.\tGT\t1|0\t0|0\n".into(),
        "1\t95\trs1\tA\tC\t.\tlow\t.\tGT\t1|0\t0|0\n".into(),
    ];
    let (v, report) = read(&body.concat(), "A:1", "A:2").unwrap();
    let got: Vec<_> = v.of(0).iter().map(|v| (v.start, v.hap1, v.hap2, v.phased)).collect();
    assert_eq!(
        got,
        [
            (9, 0, 1, true),
            (19, 0, 1, false),
            (29, 1, 1, true),
            (59, 2, 1, true),
            (69, 1, MISSING, true),
            (79, 1, 1, true),
            (94, 1, 0, true)
        ]
    );
    assert_eq!(v.of(0)[0].single_base(), Some((9, b'A', b'C')));
    assert_eq!(v.of(0)[3].single_base(), Some((59, b'G', b'C')));
    assert_eq!(&*v.of(0)[6].id, "rs1");
    let expected = VariantReport {
        records: 11,
        used: 7,
        other_contigs: 1,
        reference_calls: 1,
        unphased: 1,
        missing: 1,
        symbolic: 1,
        starred: 1,
        not_pass: 1,
        renamed: Some(("1".into(), "chr1".into())),
        ..Default::default()
    };
    assert_eq!(report, expected);
    // The other way round.
    let (v, _) = read(&body.concat(), "A:2", "A:1").unwrap();
    assert_eq!((v.of(0)[0].hap1, v.of(0)[0].hap2), (1, 0));
}

#[test]
fn strains_take_homozygous_calls_only() {
    let body =
        [record(10, "A", "C", "1/1", "0/0"), record(20, "A", "C", "0|1", "1/1"), record(30, "A", "C", "./.", "./.")];
    let (v, report) = read(&body.concat(), "A", "B,C").unwrap();
    let got: Vec<_> = v.of(0).iter().map(|v| (v.start, v.hap1, v.hap2)).collect();
    assert_eq!(got, [(9, 1, 0), (19, 0, 1)]);
    assert_eq!((report.heterozygous_strain, report.missing), (1, 2));
    let (v, _) = read(&body.concat(), "ref", "A").unwrap();
    assert_eq!(v.of(0).len(), 1);
}

#[test]
fn overlapping_records_of_one_haplotype_are_not_both_applied() {
    let body = [
        record(10, "ATTT", "A", "1|0", "."), // deletes 10..13 (0-based) on haplotype 1
        record(10, "A", "G", "1|1", "."),    // touches none of them
        record(12, "T", "C", "1|1", "."),    // deleted on haplotype 1
        record(13, "TA", "TAC", "0|1", "."), // inserts at 14
        record(14, "A", "AG", "0|1", "."),   // inserts there too
    ];
    let (v, report) = read(&body.concat(), "A:1", "A:2").unwrap();
    let flags: Vec<_> = v.of(0).iter().map(|v| v.overlaps).collect();
    assert_eq!(flags, [[false, false], [false, false], [true, false], [false, false], [false, true]]);
    assert_eq!(report.overlapping, 2);
    assert_eq!(v.of(0)[2].single_base(), None);
    assert_eq!(v.of(0)[0].edit(1), Some(Edit { start: 10, end: 13, bases: b"" }));
}

#[test]
fn wrong_files_are_named() {
    let message = |body: &str, hap: &str| read(body, hap, "ref").unwrap_err().to_string();
    assert!(message("", "Z").contains("has no sample \"Z\": it has A, B,C"), "{}", message("", "Z"));
    assert!(message(&record(999, "AAA", "C", "1|1", "0|0"), "A").contains("past the end of chr1"));
    assert!(message("other\t5\t.\tA\tC\t.\t.\t.\tGT\t1|1\t0|0\n", "A").contains("no record on a contig"));
    assert!(message("1\tx\n", "A").contains("record 1 is broken"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.vcf");
    let open = |path: &Path| {
        let strain = HaplotypeSource::Strain("A".into());
        Variants::read(path, &Contigs::default(), &strain, &HaplotypeSource::Reference).unwrap_err().to_string()
    };
    assert!(open(&path).contains("v.vcf"));
    for (text, problem) in [
        ("", "is empty"),
        ("hello\n", "is neither VCF nor BCF"),
        ("##fileformat=VCFv4.2\n", "ends within its header (there is no #CHROM line)"),
    ] {
        std::fs::write(&path, text).unwrap();
        assert!(open(&path).contains(problem), "{text:?}: {}", open(&path));
    }
}

#[test]
fn a_wrong_assembly_stops_and_rare_mismatches_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let mut reference = test_reference(folder.path(), &[("chr1", &[b'A'; 1000])]);
    let mut body: String = (1..=200).map(|i| record(i * 2, "A", "C", "0|1", "0|0")).collect();
    body += &record(500, "G", "C", "0|1", "0|0");
    let (mut v, mut report) = read(&body, "A:1", "A:2").unwrap();
    v.check_reference(&mut reference, &mut report).unwrap();
    assert_eq!((report.assembly.checked, report.assembly.mismatched, report.used), (201, 1, 200));
    assert_eq!(report.assembly.examples, ["chr1:500 G (FASTA: A)"]);
    assert!(report.lines().iter().any(|l| l.contains("chr1:500")));
    let (mut v, mut report) = read(&record(500, "G", "C", "0|1", "0|0"), "A:1", "A:2").unwrap();
    assert!(v.check_reference(&mut reference, &mut report).unwrap_err().to_string().contains("assembly"));
}

#[test]
fn edits_are_trimmed() {
    assert_eq!(Edit::new(5, b"CAA", b"CA"), Some(Edit { start: 6, end: 7, bases: b"" }));
    assert_eq!(Edit::new(5, b"C", b"CTT"), Some(Edit { start: 6, end: 6, bases: b"TT" }));
    assert_eq!(Edit::new(5, b"AC", b"GC"), Some(Edit { start: 5, end: 6, bases: b"G" }));
    assert_eq!(Edit::new(5, b"AC", b"AC"), None);
}

/// Variants with deletions of any length, sorted or not.
fn any_variants() -> impl Strategy<Value = Vec<Variant>> {
    prop::collection::vec((0u64..300, 1usize..60, 0u16..2, 0u16..2), 0..40).prop_map(|list| {
        list.into_iter()
            .map(|(start, length, hap1, hap2)| Variant {
                start,
                id: "".into(),
                alleles: Alleles::new(&[&vec![b'A'; length], b"C"]),
                hap1,
                hap2,
                phased: true,
                overlaps: [false; 2],
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn overlapping_equals_brute_force(list in any_variants(), start in 0u64..320, width in 1u64..60) {
        let contigs = Contigs::new(vec![("a".into(), 0)]);
        let v = Variants::from_list(&contigs, vec![list]);
        let found: Vec<&Variant> = v.overlapping(0, start, start + width).collect();
        let truth: Vec<&Variant> =
            v.of(0).iter().filter(|v| v.start < start + width && v.start + v.alleles[0].len() as u64 > start).collect();
        prop_assert_eq!(found, truth);
    }

    #[test]
    fn applied_edits_never_overlap(list in any_variants()) {
        let contigs = Contigs::new(vec![("a".into(), 0)]);
        let v = Variants::from_list(&contigs, vec![list]);
        for haplotype in [1, 2] {
            let mut edits: Vec<Edit> = v.of(0).iter().filter_map(|v| v.edit(haplotype)).collect();
            edits.sort_by_key(|e| (e.start, e.end));
            prop_assert!(edits.windows(2).all(|w| w[0].end <= w[1].start));
        }
    }

    #[test]
    fn alleles_come_back_as_given(alleles in prop::collection::vec("[ACGT]{1,12}", 1..4)) {
        let bytes: Vec<&[u8]> = alleles.iter().map(|a| a.as_bytes()).collect();
        let joined = Alleles::new(&bytes);
        prop_assert_eq!(joined.len(), alleles.len());
        for (i, a) in bytes.iter().enumerate() {
            prop_assert_eq!(&joined[i], *a);
        }
    }
}
