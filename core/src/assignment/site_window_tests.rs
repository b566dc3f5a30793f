use super::*;
use crate::assignment::ListSource;
use crate::genome::test_variant;
use crate::genome::Variants;
use crate::io::fasta::reference::test_reference;

/// All sites of one contig; with bases, they are its reference.
fn sites(list: Vec<Variant>, bases: Option<&[u8]>) -> (Vec<Site>, Untold) {
    let folder = tempfile::tempdir().unwrap();
    let contigs = Contigs::new(vec![("a".into(), 0)]);
    let variants = Variants::from_list(&contigs, vec![list]);
    let mut source = ListSource::new(&variants);
    let reference = bases.map(|b| test_reference(folder.path(), &[("a", b)]));
    let mut sites = Sites::new(&mut source, reference, &contigs);
    sites.enter(0).unwrap();
    sites.fill(i64::MAX).unwrap();
    assert_eq!(sites.filled(), i64::MAX);
    ((sites.first()..).take_while(|&n| sites.contains(n)).map(|n| sites.get(n).clone()).collect(), sites.untold)
}

#[test]
fn records_at_one_position_make_one_site() {
    let (s, _) = sites(vec![test_variant(9, &["A", "G"], 1, 0), test_variant(9, &["A", "T"], 0, 1)], None);
    assert_eq!(s.len(), 1);
    assert_eq!((s[0].start, s[0].end, &s[0].tells), (9, 10, &Tells::Base(b'G', b'T')));
    assert_eq!(s[0].records.as_slice(), [0, 1]);
    // Each carries the other's base: the same on both.
    let (s, untold) = sites(vec![test_variant(9, &["A", "G"], 1, 0), test_variant(9, &["A", "G"], 0, 1)], None);
    assert_eq!((s.len(), untold.same), (0, 2));
}

#[test]
fn padded_alleles_are_found_at_the_bases_that_differ() {
    let (s, untold) = sites(
        vec![
            test_variant(5, &["ACGT", "ACGA", "A"], 0, 1),
            test_variant(6, &["C", "T"], 1, 0),
            test_variant(20, &["ACG", "GCT"], 1, 0),
            test_variant(30, &["G", "GA"], 1, 0),
            test_variant(40, &["G", "C"], 1, 1),
        ],
        None,
    );
    let got: Vec<_> = s.iter().map(|s| (s.start, s.tells.clone(), s.records.as_slice().to_vec())).collect();
    let several = Tells::Bases([(20, b'G', b'A'), (22, b'T', b'G')].into());
    assert_eq!(
        got,
        [(6, Tells::Base(b'T', b'C'), vec![1]), (8, Tells::Base(b'T', b'A'), vec![0]), (20, several, vec![2])]
    );
    assert_eq!(untold.without_reference, 1);
}

#[test]
fn unphased_records_have_sites_without_a_say() {
    let mut v = test_variant(5, &["A", "C"], 0, 1);
    v.phased = false;
    let (s, _) = sites(vec![v, test_variant(5, &["A", "T"], 1, 0)], None);
    let got: Vec<_> = s.iter().map(|s| (s.phased, s.tells.clone())).collect();
    assert_eq!(got.len(), 2);
    assert!(got.contains(&(false, Tells::Base(b'A', b'C'))) && got.contains(&(true, Tells::Base(b'T', b'A'))));
}

#[test]
fn an_indel_takes_in_its_repeat_and_what_lies_in_it() {
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
    // From three before the first A to three behind the last.
    assert_eq!(spans, [(11, 23, vec![0, 1]), (24, 25, vec![2]), (45, 46, vec![3])]);
    let Tells::Local(local) = &s[0].tells else { panic!("{:?}", s[0]) };
    let inner = |h: usize| &local.sequences[h][local.starts[h]..local.ends[h]];
    assert_eq!((inner(0), inner(1)), (&b"CGTAAAAAACCT"[..], &b"CGTAAAAAAACGT"[..]));
    assert_eq!(local.opening, crate::assignment::realign::gap_opening(7));
    // The next site is unknown in the margin.
    assert_eq!(local.sequences[0][local.ends[0] + 1], b'N');
    // A shared indel beside a differing base is spelt on both.
    let (s, _) = sites(vec![test_variant(13, &["T", "TA"], 1, 1), test_variant(21, &["G", "C"], 1, 0)], Some(bases));
    let Tells::Local(local) = &s[0].tells else { panic!("{:?}", s[0]) };
    assert_eq!(&local.sequences[0][local.starts[0]..local.ends[0]], b"CGTAAAAAAACCT");
    assert_eq!(s[0].records.as_slice(), [0]);
}

#[test]
fn records_come_out_in_order_and_only_those_that_tell() {
    let contigs = Contigs::new(vec![("a".into(), 0), ("b".into(), 0)]);
    let first = vec![test_variant(5, &["A", "C"], 0, 1), test_variant(9, &["A", "AT"], 0, 1)];
    let variants = Variants::from_list(&contigs, vec![first, vec![test_variant(7, &["G", "T"], 1, 0)]]);
    let mut source = ListSource::new(&variants);
    let mut sites = Sites::new(&mut source, None, &contigs);
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
