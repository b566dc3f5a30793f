use super::*;
use crate::assignment::ListSource;
use crate::genome::test_variant;
use crate::genome::Variants;
use crate::io::fasta::reference::test_reference;

/// All sites of one contig; with bases, they are its reference.
fn sites(list: Vec<Variant>, bases: Option<&[u8]>) -> (Vec<Site>, Unscorable) {
    let folder = tempfile::tempdir().unwrap();
    let contigs = Contigs::new(vec![("a".into(), 0)]);
    let variants = Variants::from_list(&contigs, vec![list]);
    let mut source = ListSource::new(&variants);
    let reference = bases.map(|b| test_reference(folder.path(), &[("a", b)]));
    let mut sites = SiteWindow::new(&mut source, reference, &contigs);
    sites.enter(0).unwrap();
    sites.fill(i64::MAX).unwrap();
    assert_eq!(sites.filled(), i64::MAX);
    ((sites.first()..).take_while(|&n| sites.contains(n)).map(|n| sites.get(n).clone()).collect(), sites.unscorable)
}

#[test]
fn records_at_one_position_make_one_site() {
    let (s, _) = sites(vec![test_variant(9, &["A", "G"], 1, 0), test_variant(9, &["A", "T"], 0, 1)], None);
    assert_eq!(s.len(), 1);
    assert_eq!((s[0].start, s[0].end, &s[0].alleles), (9, 10, &SiteAlleles::Snv(b'G', b'T')));
    assert_eq!(s[0].records.as_slice(), [0, 1]);
    // The two records exchange the base: both haplotypes have the same.
    let (s, unscorable) = sites(vec![test_variant(9, &["A", "G"], 1, 0), test_variant(9, &["A", "G"], 0, 1)], None);
    assert_eq!((s.len(), unscorable.same), (0, 2));
}

#[test]
fn padded_alleles_are_found_at_the_bases_that_differ() {
    let (s, unscorable) = sites(
        vec![
            test_variant(5, &["ACGT", "ACGA", "A"], 0, 1),
            test_variant(6, &["C", "T"], 1, 0),
            test_variant(20, &["ACG", "GCT"], 1, 0),
            test_variant(30, &["G", "GA"], 1, 0),
            test_variant(40, &["G", "C"], 1, 1),
        ],
        None,
    );
    let got: Vec<_> = s.iter().map(|s| (s.start, s.alleles.clone(), s.records.as_slice().to_vec())).collect();
    let several = SiteAlleles::Mnv([(20, b'G', b'A'), (22, b'T', b'G')].into());
    assert_eq!(
        got,
        [
            (6, SiteAlleles::Snv(b'T', b'C'), vec![1]),
            (8, SiteAlleles::Snv(b'T', b'A'), vec![0]),
            (20, several, vec![2])
        ]
    );
    assert_eq!(unscorable.without_reference, 1);
}

#[test]
fn unphased_records_make_sites_without_phase() {
    let mut v = test_variant(5, &["A", "C"], 0, 1);
    v.phased = false;
    let (s, _) = sites(vec![v, test_variant(5, &["A", "T"], 1, 0)], None);
    let got: Vec<_> = s.iter().map(|s| (s.phased, s.alleles.clone())).collect();
    assert_eq!(got.len(), 2);
    assert!(
        got.contains(&(false, SiteAlleles::Snv(b'A', b'C'))) && got.contains(&(true, SiteAlleles::Snv(b'T', b'A')))
    );
}

#[test]
fn the_site_of_an_indel_includes_its_repeat_and_records_in_it() {
    let bases = b"GATTACAGATCCGTAAAAAACGTGATCCATGACTTGACCATGGATCCGATTTAGCAGTACGA";
    //                          ^14..20 A
    let list = vec![
        test_variant(13, &["T", "TA"], 0, 1),
        test_variant(21, &["G", "C"], 1, 0),
        test_variant(24, &["A", "C"], 1, 0),
        test_variant(45, &["C", "T"], 0, 1),
    ];
    let (s, _) = sites(list, Some(bases));
    let spans: Vec<_> = s.iter().map(|s| (s.start, s.end, s.records.as_slice().to_vec())).collect();
    // From three before the first A to three after the last.
    assert_eq!(spans, [(11, 23, vec![0, 1]), (24, 25, vec![2]), (45, 46, vec![3])]);
    let SiteAlleles::Local(local) = &s[0].alleles else { panic!("{:?}", s[0]) };
    let inner = |h: usize| &local.sequences[h][local.starts[h]..local.ends[h]];
    assert_eq!((inner(0), inner(1)), (&b"CGTAAAAAACCT"[..], &b"CGTAAAAAAACGT"[..]));
    assert_eq!(local.opening, crate::assignment::phred::gap_opening(7));
    // The next site is N in the margin.
    assert_eq!(local.sequences[0][local.ends[0] + 1], b'N');
    // An indel of both haplotypes next to an SNV is part of both sequences.
    let (s, _) = sites(vec![test_variant(13, &["T", "TA"], 1, 1), test_variant(21, &["G", "C"], 1, 0)], Some(bases));
    let SiteAlleles::Local(local) = &s[0].alleles else { panic!("{:?}", s[0]) };
    assert_eq!(&local.sequences[0][local.starts[0]..local.ends[0]], b"CGTAAAAAAACCT");
    assert_eq!(s[0].records.as_slice(), [0]);
}

#[test]
fn records_come_out_in_order_without_those_that_cannot_be_scored() {
    let contigs = Contigs::new(vec![("a".into(), 0), ("b".into(), 0)]);
    let first = vec![test_variant(5, &["A", "C"], 0, 1), test_variant(9, &["A", "AT"], 0, 1)];
    let variants = Variants::from_list(&contigs, vec![first, vec![test_variant(7, &["G", "T"], 1, 0)]]);
    let mut source = ListSource::new(&variants);
    let mut sites = SiteWindow::new(&mut source, None, &contigs);
    sites.enter(0).unwrap();
    sites.fill(i64::MAX).unwrap();
    assert_eq!(sites.first_needed(), 0);
    sites.drop_before(100);
    assert_eq!(sites.first_needed(), 2);
    assert!(matches!(sites.take_record(), Some((0, Some(v))) if v.start == 5));
    assert!(matches!(sites.take_record(), Some((1, None))));
    assert!(sites.take_record().is_none());
    sites.enter(1).unwrap();
    sites.fill(i64::MAX).unwrap();
    assert_eq!((sites.first(), sites.get(1).records.as_slice()), (1, &[2u64][..]));
}
