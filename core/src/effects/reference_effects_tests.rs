use std::sync::Arc;

use super::*;
use crate::effects::regions::RegionIndex;
use crate::io::fasta::reference::test_reference;
use crate::io::fasta::Reference;
use crate::io::regions::bed::test_region;
use crate::io::regions::Regions;
use crate::io::Contigs;
use crate::model::encode::encode_windows;
use crate::model::incremental::IncrementalPredictor;
use crate::model::onnx::ensemble::Network;
use crate::model::onnx::export::{export, export_ensemble};
use crate::model::onnx::predictor::Predictor;
use crate::model::weights::random_weights;
use crate::model::window::Windows;
use crate::model::ModelInfo;
use crate::model::{Architecture, Kind};

const BASES: &[u8] = b"ACGTTGCAAGCTTAGCCATGACCGTATGGATTACAGGCATCCGTTAACGATCGATTTAGCGCAATCGGA";

struct Setting {
    folder: tempfile::TempDir,
}

impl Setting {
    fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut architecture = Architecture::preset("small", kind).unwrap();
        architecture.window = 20;
        architecture.kernel_number = 6;
        architecture.filter_number = 5;
        architecture.hidden = 7;
        let weights = random_weights(&architecture, 3);
        let model = export(&ModelInfo::new(architecture), &weights).unwrap();
        std::fs::write(folder.path().join("m.onnx"), model).unwrap();
        test_reference(folder.path(), &[("chr1", BASES)]);
        Self { folder }
    }

    fn predictor(&self) -> Predictor {
        Predictor::open(&self.folder.path().join("m.onnx"), 2).unwrap()
    }

    fn models(&self) -> Ensemble {
        Ensemble::one(IncrementalPredictor::new(self.predictor()))
    }

    fn reference(&self) -> Reference {
        Reference::open(&self.folder.path().join("ref.fa")).unwrap()
    }

    fn effects(&self, spans: Option<&[(u64, u64)]>) -> VariantEffects {
        let reference = self.reference();
        let contigs: Contigs = reference.contigs().clone();
        let region = |&(start, end): &(u64, u64)| test_region(0, start, end);
        let list = spans.map(|s| Regions::from_list(contigs, s.iter().map(region).collect()));
        let regions = list.map(|list| Arc::new(RegionIndex::new(list)));
        VariantEffects::new(Sites::new(reference, regions, Windows::centred(20)), self.models())
    }
}

fn alleles(text: &str) -> Vec<Vec<u8>> {
    text.split(',').map(|a| a.as_bytes().to_vec()).collect()
}

#[test]
fn effects_equal_predictions_of_windows_written_out() {
    for kind in Kind::ALL {
        let setting = Setting::new(kind);
        let mut effects = setting.effects(None);
        // Base 30 is T; its window is 20..40.
        assert_eq!(BASES[30], b'T');
        effects.add("1", 30, &alleles("T,C,*,TGG,<DEL>")).unwrap();
        assert_eq!(effects.waiting(), 2);
        let got = effects.predict().unwrap().remove(0).remove(0);
        assert_eq!(got.region, 20..40);
        let encoded = |bases: &[u8]| encode_windows(&[bases], 20).unwrap();
        let plain = encoded(&BASES[20..40]);
        let snv = encoded(&[&BASES[20..30], b"C", &BASES[31..40]].concat());
        let insertion = encoded(&[&BASES[20..30], b"TGG", &BASES[31..38]].concat());
        let mut predictor = setting.predictor();
        for (allele, codes) in [(0, &snv), (2, &insertion)] {
            let forth = predictor.predict(codes.view(), plain.view()).unwrap()[0];
            let back = predictor.predict(plain.view(), codes.view()).unwrap()[0];
            let effect = got.alleles[allele].unwrap();
            let ratio = f64::from(forth.ratio - back.ratio) / 2.0 / std::f64::consts::LN_2;
            let counts = f64::from(forth.count1 - forth.count2) / std::f64::consts::LN_2;
            assert!((effect.ratio - ratio).abs() < 1e-5, "{kind}: {effect:?} {ratio}");
            assert!((effect.counts - counts).abs() < 1e-5, "{kind}: {effect:?} {counts}");
            assert!(effect.counts != 0.0 || kind == Kind::Single);
        }
        assert_eq!((got.alleles[1], got.alleles[3]), (None, None));
        assert_eq!(
            (effects.sites().report.star, effects.sites().report.symbolic, effects.sites().report.annotated),
            (1, 1, 1)
        );
    }
}

#[test]
fn exchanging_the_alleles_changes_the_sign_and_nothing_else() {
    let setting = Setting::new(Kind::Paired);
    let mut effects = setting.effects(None);
    effects.add("chr1", 30, &alleles("T,C,T")).unwrap();
    let forth = effects.predict().unwrap().remove(0).remove(0).alleles;
    assert_eq!(
        forth[1].unwrap(),
        AlleleEffect { ratio: 0.0, deviation: None, counts: 0.0, distance: None, null: None }
    );
    let mut mutated = BASES.to_vec();
    mutated[30] = b'C';
    let other = tempfile::tempdir().unwrap();
    let reference = test_reference(other.path(), &[("chr1", &mutated)]);
    let mut effects = VariantEffects::new(Sites::new(reference, None, Windows::centred(20)), setting.models());
    effects.add("chr1", 30, &alleles("C,T")).unwrap();
    let back = effects.predict().unwrap().remove(0).remove(0).alleles[0].unwrap();
    assert!((forth[0].unwrap().ratio + back.ratio).abs() < 1e-6);
    assert!((forth[0].unwrap().counts + back.counts).abs() < 1e-6);
}

#[test]
fn regions_decide_what_is_touched_and_where_the_window_lies() {
    let setting = Setting::new(Kind::Paired);
    let mut effects = setting.effects(Some(&[(28, 36), (5, 65)]));
    for (start, text) in [(30, "T,C"), (4, "T,C"), (60, "T,C"), (10, "C,."), (66, "G,A")] {
        let mut list = alleles(text);
        list[0] = vec![BASES[start as usize]];
        effects.add("chr1", start, &list).unwrap();
    }
    effects.add("chr7", 3, &alleles("A,C")).unwrap();
    let got = effects.predict().unwrap();
    // Both regions, each by its own window: 22..42 and 25..45.
    let both: Vec<_> = got[0].iter().map(|site| site.region.clone()).collect();
    assert!(both == [28..36, 5..65] || both == [5..65, 28..36], "{both:?}");
    let sizes: Vec<f64> = got[0].iter().map(|site| site.strongest().unwrap().abs()).collect();
    assert!(sizes[0] > sizes[1], "{sizes:?}");
    assert_eq!(got[1], []);
    // In the wide region, but its window is 25..45.
    assert_eq!(got[2], [SiteEffects { region: 5..65, anchor: 35, alleles: vec![None] }]);
    assert_eq!(got[3], [SiteEffects { region: 5..65, anchor: 35, alleles: vec![None] }]);
    assert_eq!((&got[4][..], &got[5][..]), (&[][..], &[][..]));
    let report = &effects.sites().report;
    assert_eq!((report.outside, report.beyond_window, report.missing, report.annotated), (3, 1, 1, 1));
    // Without regions it is counted, and an error only where no contig is known.
    let mut effects = setting.effects(None);
    effects.add("chr7", 3, &alleles("A,C")).unwrap();
    assert_eq!((effects.predict().unwrap(), effects.sites().report.unknown_contig), (vec![vec![]], 1));
    let names = |names: &[&str]| Contigs::from_names(names.iter().map(|n| n.to_string()));
    assert!(effects.sites().check_assembly(&names(&["chr7", "1"]), true).is_ok());
    let message = effects.sites().check_assembly(&names(&["chr7"]), true).unwrap_err().to_string();
    assert!(message.contains("no record on a contig of") && message.contains("it has chr7"), "{message}");
}

/// The effects of records of the same change, with bases of the reference before and after it.
fn padded(setting: &Setting, spans: Option<&[(u64, u64)]>, change: (usize, usize, &[u8])) {
    let (start, end, bases) = change;
    let mut all = Vec::new();
    // VCF has a base before what is inserted or deleted.
    let needs_base = start == end || bases.is_empty();
    for (before, after) in [(1, 0), (0, 1), (1, 1), (7, 0), (12, 3), (0, 25), (30, 30)] {
        if before == 0 && needs_base {
            continue;
        }
        let (from, to) = (start - before.min(start), (end + after).min(BASES.len()));
        let alternative = [&BASES[from..start], bases, &BASES[end..to]].concat();
        let mut effects = setting.effects(spans);
        effects.add("chr1", from as i64, &[BASES[from..to].to_vec(), alternative]).unwrap();
        all.push(effects.predict().unwrap().remove(0));
    }
    assert!(!all[0].is_empty() && all[0][0].strongest().is_some(), "{change:?}");
    for one in &all[1..] {
        assert_eq!(one, &all[0], "{change:?}");
    }
}

#[test]
fn a_record_is_what_it_changes_however_it_is_written() {
    let setting = Setting::new(Kind::Paired);
    // A substitution, of two bases, a deletion, an insertion, and both; none can be shifted.
    for change in [(33, 34, &b"T"[..]), (33, 35, b"AC"), (37, 40, b""), (37, 37, b"CCC"), (36, 39, b"AAAAA")] {
        padded(&setting, None, change);
        padded(&setting, Some(&[(20, 50)]), change);
    }
    // Bases outside of a region do not bring a record into it.
    let mut effects = setting.effects(Some(&[(40, 60)]));
    effects.add("chr1", 33, &[BASES[33..45].to_vec(), [b"C", &BASES[34..45]].concat()]).unwrap();
    assert_eq!((effects.predict().unwrap(), effects.sites().report.outside), (vec![vec![]], 1));
}

#[test]
fn alternatives_of_a_joined_record_have_their_own_windows() {
    let setting = Setting::new(Kind::Paired);
    let mut effects = setting.effects(None);
    // An SNV at the first base, one at the last of twelve, and a deletion longer than the window.
    let reference = BASES[20..50].to_vec();
    let with = |at: usize, base: u8| {
        let mut bases = reference.clone();
        bases[at] = if bases[at] == base { b'A' } else { base };
        bases
    };
    let (first, last) = (with(0, b'G'), with(29, b'C'));
    effects.add("chr1", 20, &[reference.clone(), first.clone(), reference[..1].to_vec(), last.clone()]).unwrap();
    effects.add("chr1", 20, &[vec![BASES[20]], vec![first[0]]]).unwrap();
    effects.add("chr1", 49, &[vec![BASES[49]], vec![last[29]]]).unwrap();
    let got = effects.predict().unwrap();
    assert_eq!((got[0].len(), effects.sites().report.too_long), (1, 1));
    let alone = [&got[1][0].alleles[0], &got[2][0].alleles[0]];
    assert_eq!([&got[0][0].alleles[0], &got[0][0].alleles[2]], alone);
    assert_eq!(got[0][0].alleles[1], None);
    let stronger = if alone[0].unwrap().ratio.abs() >= alone[1].unwrap().ratio.abs() { &got[1][0] } else { &got[2][0] };
    assert_eq!(got[0][0].region, stronger.region);
}

#[test]
fn ref_takes_the_place_of_bases_that_the_fasta_does_not_have() {
    let setting = Setting::new(Kind::Paired);
    let effect = |reference: Reference, start: i64, record: &[Vec<u8>]| {
        let mut effects = VariantEffects::new(Sites::new(reference, None, Windows::centred(20)), setting.models());
        effects.add("chr1", start, record).unwrap();
        (effects.predict().unwrap().remove(0), effects.sites().report.assembly.mismatched)
    };
    let snv = [vec![BASES[33]], vec![if BASES[33] == b'C' { b'A' } else { b'C' }]];
    let expected = effect(setting.reference(), 33, &snv);
    let letter = match BASES[33] {
        b'A' | b'G' => b'R',
        _ => b'Y',
    };
    for code in [b'N', letter] {
        let mut bases = BASES.to_vec();
        bases[33] = code;
        let other = tempfile::tempdir().unwrap();
        let reference = || test_reference(other.path(), &[("chr1", &bases)]);
        assert_eq!(effect(reference(), 33, &snv), expected, "{}", code as char);
        // Also under bases that the alleles share.
        let wide: Vec<Vec<u8>> = snv.iter().map(|allele| [&BASES[30..33], allele, &BASES[34..36]].concat()).collect();
        assert_eq!(effect(reference(), 30, &wide), expected);
    }
    // A code that does not stand for REF is a mismatch; so is REF beyond the end.
    let mut bases = BASES.to_vec();
    bases[33] = if letter == b'R' { b'Y' } else { b'R' };
    let other = tempfile::tempdir().unwrap();
    assert_eq!(effect(test_reference(other.path(), &[("chr1", &bases)]), 33, &snv), (vec![], 1));
    let end = BASES.len();
    let past = [[&BASES[end - 3..], b"AC"].concat(), vec![BASES[end - 3]]];
    assert_eq!(effect(setting.reference(), end as i64 - 3, &past), (vec![], 1));
}

#[test]
fn reference_blocks_stay_untouched() {
    let setting = Setting::new(Kind::Paired);
    for spans in [None, Some(&[(20, 50)][..])] {
        let mut effects = setting.effects(spans);
        for block in ["T,<NON_REF>", "T,<*>", "T,<*>"] {
            effects.add("chr1", 30, &alleles(block)).unwrap();
        }
        effects.add("chr1", 30, &alleles("T,C,<NON_REF>")).unwrap();
        let got = effects.predict().unwrap();
        assert_eq!(&got[..3], [vec![], vec![], vec![]]);
        assert!(got[3][0].alleles[0].is_some() && got[3][0].alleles[1].is_none());
        assert_eq!((effects.sites().report.star, effects.sites().report.annotated), (4, 1));
    }
}

#[test]
fn a_wrong_assembly_is_an_error_and_a_rare_mismatch_named() {
    let setting = Setting::new(Kind::Difference);
    let mut effects = setting.effects(None);
    effects.add("chr1", 30, &alleles("G,C")).unwrap();
    effects.add("chr1", 500, &alleles("G,C")).unwrap();
    let none = Contigs::default();
    assert!(effects.sites().check_assembly(&none, false).is_ok());
    let message = effects.sites().check_assembly(&none, true).unwrap_err().to_string();
    assert!(message.contains("2 of 2") && message.contains("chr1:31 G (FASTA: T)"), "{message}");
    assert_eq!(effects.predict().unwrap(), [vec![], vec![]]);
    for _ in 0..200 {
        effects.add("chr1", 30, &alleles("T,C")).unwrap();
    }
    assert!(effects.sites().check_assembly(&none, true).is_ok());
    assert!(effects.sites().report.lines().iter().any(|line| line.contains("chr1:501 G (FASTA: past its end)")));
}

#[test]
fn what_cannot_be_a_window_is_counted() {
    let setting = Setting::new(Kind::Paired);
    let mut effects = setting.effects(None);
    let long = String::from_utf8([&BASES[10..11], &[b'A'; 30][..]].concat()).unwrap();
    effects.add("chr1", 10, &[vec![BASES[10]], long.into_bytes()]).unwrap();
    effects.add("chr1", 10, &[BASES[10..40].to_vec(), vec![BASES[10]]]).unwrap();
    effects.add("chr1", -1, &alleles("N,C")).unwrap();
    effects.add("chr1", 10, &alleles("C")).unwrap();
    effects.add("chr1", 10, &[vec![BASES[10]], b"C[chr2:5[".to_vec()]).unwrap();
    effects.add("chr1", 10, &[vec![BASES[10]], b"J".to_vec()]).unwrap();
    effects.predict().unwrap();
    let report = &effects.sites().report;
    assert_eq!((report.too_long, report.missing, report.monomorphic, report.symbolic), (2, 2, 1, 1));
    assert_eq!((report.records, report.annotated, report.assembly.mismatched), (6, 0, 0));
}

#[test]
fn variants_of_one_region_share_its_reference_window() {
    let setting = Setting::new(Kind::Paired);
    let mut effects = setting.effects(Some(&[(20, 40)]));
    let snv = |at: usize| alleles(&if BASES[at] == b'A' { "A,C,G".into() } else { format!("{},A", BASES[at] as char) });
    let mut alternatives = 0;
    for round in [22..30, 30..37] {
        for at in round {
            let record = snv(at);
            alternatives += record.len() as u64 - 1;
            effects.add("chr1", at as i64, &record).unwrap();
        }
        let found = effects.predict().unwrap();
        assert!(found.iter().flatten().all(|site| site.alleles.iter().all(Option::is_some)));
        let Network::Paired(model) = &effects.models.models()[0] else { panic!("a network of ours") };
        let passes = model.passes().expect("a graph of ours");
        assert_eq!((passes.whole, passes.overlapping, passes.incremental), (1, 0, alternatives));
    }
}

#[test]
fn each_region_has_the_effect_of_its_own_window() {
    let setting = Setting::new(Kind::Paired);
    let spans = [(20, 44), (26, 50), (30, 33), (30, 33), (0, 66)];
    let mut effects = setting.effects(Some(&spans));
    effects.add("chr1", 32, &alleles("A,C,G")).unwrap();
    assert_eq!(BASES[32], b'A');
    let all = effects.predict().unwrap().remove(0);
    // The region that is listed twice counts once.
    assert_eq!(all.len(), 4);
    for one in &all {
        let mut alone = setting.effects(Some(&[(one.region.start, one.region.end)]));
        alone.add("chr1", 32, &alleles("A,C,G")).unwrap();
        assert_eq!(alone.predict().unwrap().remove(0), std::slice::from_ref(one));
    }
    let sizes: Vec<f64> = all.iter().map(|site| site.strongest().unwrap().abs()).collect();
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
}

#[test]
fn an_ensemble_has_mean_and_deviation_in_one_file_or_in_several() {
    let setting = Setting::new(Kind::Paired);
    let path = |name: &str| setting.folder.path().join(name);
    let info = ModelInfo::new(setting.predictor().info().architecture.clone());
    let members: Vec<_> = (0..3).map(|seed| random_weights(&info.architecture, 40 + seed)).collect();
    std::fs::write(path("all.onnx"), export_ensemble(&info, &members).unwrap()).unwrap();
    let open = |name: &str| IncrementalPredictor::new(Predictor::open(&path(name), 1).unwrap());
    let of = |models: Ensemble| {
        let mut effects = VariantEffects::new(Sites::new(setting.reference(), None, Windows::centred(20)), models);
        effects.add("chr1", 30, &alleles("T,C")).unwrap();
        effects.predict().unwrap().remove(0).remove(0).alleles[0].unwrap()
    };
    let mut singles = Vec::new();
    for (number, weights) in members.iter().enumerate() {
        std::fs::write(path(&format!("{number}.onnx")), export(&info, weights).unwrap()).unwrap();
        singles.push(of(Ensemble::one(open(&format!("{number}.onnx")))));
    }
    assert!(singles.iter().all(|e| e.deviation.is_none()));
    let mean = singles.iter().map(|e| e.ratio).sum::<f64>() / 3.0;
    let squares: f64 = singles.iter().map(|e| (e.ratio - mean).powi(2)).sum();
    let counts = singles.iter().map(|e| e.counts).sum::<f64>() / 3.0;
    let one_file = of(Ensemble::one(open("all.onnx")));
    let files = ["1.onnx", "2.onnx"].into_iter();
    let several = of(files.fold(Ensemble::one(open("0.onnx")), |ensemble, name| ensemble.with(open(name)).unwrap()));
    for got in [one_file, several] {
        let deviation = got.deviation.expect("three networks");
        assert!((got.ratio - mean).abs() < 1e-6 && (got.counts - counts).abs() < 1e-6, "{got:?}");
        assert!((deviation - (squares / 2.0).sqrt()).abs() < 1e-6 && deviation > 0.0, "{got:?}");
    }
    let mut other = info.clone();
    other.architecture.window = 24;
    let weights = random_weights(&other.architecture, 1);
    std::fs::write(path("other.onnx"), export(&other, &weights).unwrap()).unwrap();
    let problem = Ensemble::one(open("0.onnx")).with(open("other.onnx")).err().unwrap().to_string();
    assert!(problem.contains("24 bases") && problem.contains("20 bases"), "{problem}");
}
