use super::*;
use crate::assignment::Class;
use crate::genome::test_variant;
use crate::output::overview_plot::svg;

fn fragment(sample: usize, contig: usize, class: Class) -> Fragment<'static> {
    Fragment {
        sample,
        class,
        regions: &[],
        contig,
        start: 0,
        end: 1,
        strand: b'+',
        paired: true,
        single: false,
        group: None,
        umi: None,
    }
}

fn totals() -> Totals {
    let contigs = Contigs::new(vec![("1".into(), 10), ("2".into(), 10), ("X".into(), 10)]);
    let mut totals = Totals::new(&["a".into(), "b".into()], &contigs);
    for (sample, contig, class) in [
        (0, 0, Class::Hap1),
        (0, 0, Class::Hap2),
        (0, 2, Class::Hap1),
        (1, 2, Class::Uninformative),
        (1, 2, Class::Conflicting),
    ] {
        totals.add(&fragment(sample, contig, class)).unwrap();
    }
    totals
}

#[test]
fn totals_are_by_sample_and_by_contig() {
    let totals = totals();
    let four = |t: &Tally| [t.hap1, t.hap2, t.uninformative, t.conflicting];
    let classes = totals.classes();
    assert_eq!((four(&classes[0].1), four(&classes[1].1)), ([2, 1, 0, 0], [0, 0, 1, 1]));
    let contigs: Vec<(String, [u64; 4])> = totals.chromosomes().iter().map(|(n, t)| (n.clone(), four(t))).collect();
    assert_eq!(contigs, [("1".to_string(), [1, 1, 0, 0]), ("X".to_string(), [1, 0, 1, 1])]);
}

#[test]
fn the_reference_is_where_the_call_says() {
    let mut shares = Shares::new(&["a".into()]);
    let tally = |hap1, hap2| [VariantTally { hap1, hap2, other: 0, conflicting: 0 }];
    shares.add(0, &test_variant(1, &["C", "A"], 0, 1), &tally(6, 2)).unwrap();
    shares.add(0, &test_variant(2, &["C", "A"], 1, 0), &tally(4, 8)).unwrap();
    shares.add(0, &test_variant(3, &["C", "A", "G"], 1, 2), &tally(9, 0)).unwrap();
    shares.add(0, &test_variant(4, &["C", "A"], 0, 1), &tally(0, 0)).unwrap();
    let overview = Overview::new(&totals(), &[], Some(&shares), Some(Settings::default()));
    let points = &overview.fractions[0].1;
    assert_eq!(points.len(), 1, "8 and 12 fragments are of similar coverage: {points:?}");
    assert_eq!((points[0].from, points[0].rows), (8, 2));
    assert!((points[0].mean - (0.75 + 8.0 / 12.0) / 2.0).abs() < 1e-12);
    assert_eq!(overview.fraction_of, ["Reference", "variants"]);
    // Only 4 and 8 have ten fragments.
    assert_eq!(overview.p[0].1.iter().sum::<u64>(), 1);
    assert!(Overview::new(&totals(), &[], Some(&shares), None).p.is_empty());
}

fn row(sample: &str, hap1: u64, hap2: u64, p: Option<f64>) -> CountRow {
    CountRow {
        chrom: "1".into(),
        start: 0,
        end: 1,
        name: ".".into(),
        score: ".".into(),
        strand: b'.',
        sample: sample.into(),
        hap1,
        hap2,
        uninformative: 0,
        conflicting: 0,
        variants: 1,
        log2_ratio: None,
        se: None,
        p_value: p,
        q_value: None,
        shrunk_log2_ratio: None,
        shrunk_se: None,
        anchor: None,
    }
}

#[test]
fn without_records_the_rows_are_used() {
    let rows =
        [row("a", 10, 10, Some(1.0)), row("a", 30, 0, Some(0.0)), row("b", 2, 1, Some(0.5)), row("b", 0, 0, None)];
    let overview = Overview::new(&totals(), &rows, None, Some(Settings::default()));
    assert_eq!(overview.fraction_of, ["Haplotype 1", "regions"]);
    assert_eq!(overview.fractions[0].1.len(), 1);
    assert_eq!(overview.fractions[1].1[0].mean, 2.0 / 3.0);
    assert_eq!(overview.p.len(), 1, "b has no row of ten fragments");
    assert_eq!((overview.p[0].1[0], overview.p[0].1[P_BARS - 1]), (1, 1));
}

#[test]
fn the_picture_names_what_it_shows_and_never_fails() {
    let rows: Vec<CountRow> = (0..200).map(|i| row("a<b", 10 + i % 7, 12, Some(i as f64 / 200.0))).collect();
    let drawn = svg(&Overview::new(&totals(), &rows, None, None)).unwrap();
    for words in ["Fragments by class", "Chromosomes", "Haplotype 1 fraction by coverage", "p-values", "a&lt;b", "X"] {
        assert!(drawn.contains(words), "{words} is not in the picture");
    }
    let empty = svg(&Overview::new(&Totals::new(&[], &Contigs::new(Vec::new())), &[], None, None)).unwrap();
    assert!(empty.contains("no informative fragment") && empty.contains("no p-values"));
    // Many samples and contigs.
    let names: Vec<String> = (0..60).map(|i| format!("sample_with_a_long_name_{i}")).collect();
    let contigs = Contigs::new((0..500).map(|i| (format!("contig_{i}"), 10)).collect());
    let mut many = Totals::new(&names, &contigs);
    for i in 0..500 {
        many.add(&fragment(i % 60, i, Class::Hap1)).unwrap();
    }
    let drawn = svg(&Overview::new(&many, &[], None, None)).unwrap();
    assert!(drawn.contains("36 more samples not drawn") && drawn.contains("460 more contigs not drawn"));
}

#[test]
fn names_are_text_in_reports_and_pictures() {
    let contigs = Contigs::new(vec![("c\u{7}<b>".into(), 10)]);
    let mut totals = Totals::new(&["<script>alert(1)</script>\u{1b}[0m&".into()], &contigs);
    totals.add(&fragment(0, 0, Class::Hap1)).unwrap();
    let overview = Overview::new(&totals, &[], None, None);
    let json = overview.multiqc();
    assert!(!json.contains("<script"), "{json}");
    let content: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(content["data"]["&lt;script&gt;alert(1)&lt;/script&gt;%1B[0m&"]["hap1"], 1);
    let drawn = svg(&overview).unwrap();
    assert!(!drawn.contains("<script") && !drawn.contains("<b>"), "{drawn}");
    assert!(!drawn.chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
}

#[test]
fn multiqc_content_is_valid_json() {
    let content: serde_json::Value =
        serde_json::from_str(&Overview::new(&totals(), &[], None, None).multiqc()).unwrap();
    assert_eq!(content["plot_type"], "bargraph");
    assert_eq!(content["data"]["a"]["hap1"], 2);
    assert_eq!(content["data"]["b"]["uninformative"], 1);
    assert_eq!(content["categories"]["hap1"]["color"], "#0072b2");
}
