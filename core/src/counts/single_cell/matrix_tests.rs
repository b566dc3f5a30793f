use super::*;
use crate::counts::single_cell::Barcodes;
use crate::counts::sinks::test_fragment;
use crate::io::text_input::open_text;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::read_to_string;

const ALL: [Class; 4] = [Class::Hap1, Class::Hap2, Class::Uninformative, Class::Conflicting];

/// Sample, class, regions, barcode, molecule.
type Made = (usize, usize, Vec<u32>, Option<&'static str>, Option<&'static str>);

fn add(cells: &mut Cells, made: &Made) {
    let (sample, class, regions, group, umi) = made;
    let (group, umi) = (group.map(str::as_bytes), umi.map(str::as_bytes));
    cells.add(&Fragment { sample: *sample, group, umi, ..test_fragment(ALL[*class], regions) }).unwrap();
}

fn features(n: usize) -> Vec<Feature> {
    let one = |i: usize| Feature {
        id: format!("c:{i}-{}", i + 1),
        name: format!("peak{i}"),
        kind: "Peaks",
        chrom: "c".into(),
        start: i as u64,
        end: i as u64 + 1,
    };
    (0..n).map(one).collect()
}

fn read(path: &Path) -> String {
    read_to_string(open_text(path).unwrap()).unwrap()
}

type Entries = BTreeMap<(usize, String, usize), u64>;

/// Entries by class, barcode and row, as another program would read them; barcodes.
fn written(cells: Cells, n: usize) -> (Entries, Vec<String>, CellSummary) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    let mut out = MatrixFolder::create(&path).unwrap();
    let summary = cells.write(&mut out, &features(n), Some("made-1")).unwrap();
    out.complete().unwrap().rename().unwrap();
    let mut entries = Entries::new();
    let mut barcodes = Vec::new();
    for (class, name) in CLASSES.iter().enumerate() {
        let here = path.join(name);
        barcodes = read(&here.join("barcodes.tsv.gz")).lines().map(String::from).collect();
        let rows = read(&here.join("features.tsv.gz"));
        assert_eq!(rows.lines().count(), n);
        assert_eq!(rows.lines().next(), Some("c:0-1\tpeak0\tPeaks\tc\t0\t1"));
        let text = read(&here.join("matrix.mtx.gz"));
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("%%MatrixMarket matrix coordinate integer general"));
        assert_eq!(lines.next(), Some("%metadata_json: {\"software_version\": \"made-1\", \"format_version\": 2}"));
        let numbers = |line: &str| -> Vec<usize> { line.split(' ').map(|n| n.parse().unwrap()).collect() };
        let size = numbers(lines.next().unwrap());
        let mut last = (0, 0);
        let mut seen = 0;
        for line in lines {
            let [row, column, count] = numbers(line)[..] else { panic!("{line}") };
            assert!((column, row) > last && row >= 1 && count > 0, "{line} after {last:?}");
            last = (column, row);
            seen += 1;
            entries.insert((class, barcodes[column - 1].clone(), row - 1), count as u64);
        }
        assert_eq!(size, [n, barcodes.len(), seen]);
        assert_eq!(summary.entries[class], seen as u64);
    }
    let sum: u64 = entries.values().sum();
    assert_eq!(summary.sums.iter().sum::<u64>(), sum);
    assert_eq!(summary.cells, barcodes.len() as u64);
    (entries, barcodes, summary)
}

fn samples(n: usize) -> Vec<String> {
    ["one", "two"][..n].iter().map(|s| s.to_string()).collect()
}

const TAGS: [Option<&str>; 5] = [None, Some("AC-1"), Some("AA-1"), Some("GG-1"), Some("-")];
const UMIS: [Option<&str>; 5] = [None, Some("ACGT"), Some("ACGTA"), Some("ACGNA"), Some("TTNTT")];

fn any_made() -> impl Strategy<Value = Made> {
    (0..2usize, 0..4usize, prop::collection::btree_set(0u32..4, 0..3), 0..5usize, 0..5usize)
        .prop_map(|(s, c, r, g, u)| (s, c, r.into_iter().collect(), TAGS[g], UMIS[u]))
}

/// The same counts by plain maps.
fn truth(list: &[Made], molecules: bool, several: bool) -> Entries {
    let mut places: BTreeMap<(String, u32), BTreeMap<String, [u64; 4]>> = BTreeMap::new();
    for (i, (sample, class, regions, group, umi)) in list.iter().enumerate() {
        let (Some(group), Some(umi)) = (group.filter(|g| *g != "-"), umi.or((!molecules).then_some(""))) else {
            continue;
        };
        let name = if several { format!("{}_{group}", samples(2)[*sample]) } else { group.to_string() };
        let molecule = if molecules { umi.to_string() } else { i.to_string() };
        for region in regions {
            places.entry((name.clone(), *region)).or_default().entry(molecule.clone()).or_default()[*class] += 1;
        }
    }
    let mut entries = Entries::new();
    for ((name, region), molecules) in places {
        for votes in molecules.values() {
            let class = if votes[0] > votes[1] {
                0
            } else if votes[1] > votes[0] {
                1
            } else if votes[0] > 0 || votes[3] > 0 {
                3
            } else {
                2
            };
            *entries.entry((class, name.clone(), region as usize)).or_default() += 1;
        }
    }
    entries
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn matrices_hold_what_a_plain_count_gives(mut list in prop::collection::vec(any_made(), 0..60), molecules: bool, several: bool) {
        if !several {
            list.iter_mut().for_each(|made| made.0 = 0);
        }
        let groups = Groups::tagged(&samples(1 + several as usize), None).unwrap();
        let mut cells = Cells::new(groups, molecules);
        list.iter().for_each(|made| add(&mut cells, made));
        let (entries, barcodes, summary) = written(cells, 4);
        prop_assert!(barcodes.is_sorted());
        prop_assert_eq!(entries, truth(&list, molecules, several));
        let touching = list.iter().filter(|m| !m.2.is_empty()).count() as u64;
        prop_assert_eq!(summary.fragments + summary.untagged + summary.no_umi, touching);
    }
}

#[test]
fn listed_cells_are_the_columns_and_others_are_excluded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b");
    std::fs::write(&path, "GG-1\nTT-1\nAA-1\n").unwrap();
    let groups = Groups::tagged(&samples(1), Some(&Barcodes::read(&path).unwrap())).unwrap();
    let mut cells = Cells::new(groups, false);
    let list: [Made; 4] = [
        (0, 1, vec![1, 3], Some("AA-1"), None),
        (0, 1, vec![1], Some("AC-1"), None),
        (0, 0, vec![0], Some("GG-1"), None),
        (0, 0, vec![0], None, None),
    ];
    list.iter().for_each(|made| add(&mut cells, made));
    let (entries, barcodes, summary) = written(cells, 4);
    assert_eq!(barcodes, ["GG-1", "TT-1", "AA-1"]);
    let key = |class, name: &str, row| ((class, name.to_string(), row), 1);
    assert_eq!(entries, BTreeMap::from([key(0, "GG-1", 0), key(1, "AA-1", 1), key(1, "AA-1", 3)]));
    assert_eq!((summary.fragments, summary.untagged, summary.unlisted), (2, 1, 1));
}

#[test]
fn molecules_have_one_class() {
    assert_eq!(molecule_class(&[2, 1, 9, 9]), Some(0));
    assert_eq!(molecule_class(&[1, 2, 0, 0]), Some(1));
    assert_eq!(molecule_class(&[1, 1, 0, 0]), Some(3));
    assert_eq!(molecule_class(&[0, 0, 5, 1]), Some(3));
    assert_eq!(molecule_class(&[0, 0, 5, 0]), Some(2));
    assert_eq!(molecule_class(&[0; 4]), None);
    let mut names = HashMap::new();
    let umis = ["A", "AA", "", "ACGN", "ACGTACGTACGTACGTACGTACGTACGTACG", "ACGTACGTACGTACGTACGTACGTACGTACGT", "N"];
    let numbers: Vec<u64> = umis.iter().map(|u| molecule(u.as_bytes(), &mut names)).collect();
    assert_eq!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len(), umis.len());
    assert_eq!(molecule(b"ACGN", &mut names), numbers[3]);
}

#[test]
fn a_folder_that_was_not_finished_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    drop(MatrixFolder::create(&path).unwrap());
    assert!(!path.exists());
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("mine"), "x").unwrap();
    drop(MatrixFolder::create(&path).unwrap());
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 1);
    let message = MatrixFolder::create(&path.join("mine")).err().unwrap().to_string();
    assert!(message.contains("is a file"), "{message}");
    let message = MatrixFolder::create(Path::new("/nowhere/m")).err().unwrap().to_string();
    assert!(message.contains("\"/nowhere/m\""), "{message}");
}

#[test]
fn strands_are_those_of_the_table() {
    let contigs = crate::io::Contigs::new(vec![("c".into(), 100)]);
    let region = |start, strand| Region { strand, ..crate::io::regions::bed::test_region(0, start, start + 1) };
    let regions = Regions::from_list(contigs, vec![region(0, b'+'), region(1, b'-'), region(2, b'.')]);
    let rows = |strandedness| {
        let cells = Cells::new(Groups::tagged(&samples(1), None).unwrap(), false);
        let mut cells = cells.stranded(&regions, strandedness);
        add(&mut cells, &(0, 0, vec![0, 1, 2], Some("A"), None));
        written(cells, 3).0.into_keys().map(|k| k.2).collect::<Vec<_>>()
    };
    // The fragment is on the forward strand.
    assert_eq!(rows(Strandedness::None), [0, 1, 2]);
    assert_eq!(rows(Strandedness::Forward), [0, 2]);
    assert_eq!(rows(Strandedness::Reverse), [1, 2]);
}

#[test]
fn rows_are_named_as_10x_tools_name_them() {
    let contigs = crate::io::Contigs::new(vec![("c".into(), 100)]);
    let region = |start, name: &str| Region {
        contig: 0,
        start,
        end: start + 10,
        name: name.into(),
        score: ".".into(),
        strand: b'.',
        summit: None,
        tss: None,
    };
    let mut regions = Regions::from_list(contigs, vec![region(5, "."), region(20, "ENSG1")]);
    let shown = |regions: &Regions| -> Vec<String> {
        Feature::list(regions).iter().map(|f| format!("{} {} {}", f.id, f.name, f.kind)).collect()
    };
    assert_eq!(shown(&regions), ["c:5-15 c:5-15 Peaks", "c:20-30 ENSG1 Peaks"]);
    regions.genes = true;
    assert_eq!(shown(&regions)[1], "ENSG1 ENSG1 Gene Expression");
}
