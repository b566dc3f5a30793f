//! Published data sets in every way in which they may be stored, and what is refused of them.

mod hand;

use std::fs;
use std::path::{Path, PathBuf};

use deepallele_core::model::published::data_set::write_row;
use hand::{Content, Element, Part, Storage};

const LENGTH: usize = 12;
const PEAKS: [&str; 5] = ["chr1-10-20", "chr16-30-41", "chrX-5-9", "GL456210-1-9", "chr1_random-3-8"];
const SEQUENCES: [[&str; 2]; 5] = [
    ["ACGTACGTAC", "ACGTACGTACG"],
    ["TTTTTTTTTTTT", "T"],
    ["GATTACA", "GATACA"],
    ["CCGG", "CCGGCCGG"],
    ["AGAGA", "AGTGA"],
];
const COUNTS: [[f64; 2]; 5] = [[0.0, 1.0], [7.5, 3.0], [120.0, 44.0], [1.0, 1.0], [31.0, 0.0]];

fn part(name: &str, shape: &[u64], content: Content, element: Element) -> Part {
    Part { name: name.into(), shape: shape.to_vec(), content, element, storage: Storage::Contiguous }
}

fn one_hot(side: usize) -> Vec<f64> {
    let mut rows = vec![0.0; SEQUENCES.len() * LENGTH * 4];
    for (pair, row) in SEQUENCES.iter().zip(rows.chunks_exact_mut(LENGTH * 4)) {
        write_row(pair[side].as_bytes(), row);
    }
    rows
}

/// The parts of a ChIP data set, with its values and names stored plainly.
fn chip() -> Vec<Part> {
    let rows = SEQUENCES.len() as u64;
    let sequence = |name, side| part(name, &[rows, LENGTH as u64, 4], Content::Numbers(one_hot(side)), Element::F64);
    let log = |side: usize| COUNTS.map(|pair| (1.0 + pair[side]).ln()).to_vec();
    let ratio = COUNTS.map(|[a, b]| ((1.0 + a) / (1.0 + b)).ln()).to_vec();
    let names = PEAKS.map(|name| name.as_bytes().to_vec()).to_vec();
    vec![
        sequence("B6_sequence", 0),
        sequence("Cast_sequence", 1),
        part("peak_name", &[rows], Content::Texts(names), Element::Utf8),
        part("B6_counts", &[rows], Content::Numbers(log(0)), Element::F64),
        part("Cast_counts", &[rows], Content::Numbers(log(1)), Element::F64),
        part("ratio", &[rows], Content::Numbers(ratio), Element::F64),
    ]
}

fn of<'a>(parts: &'a mut [Part], name: &str) -> &'a mut Part {
    parts.iter_mut().find(|part| part.name == name).unwrap()
}

fn numbers<'a>(parts: &'a mut [Part], name: &str) -> &'a mut Vec<f64> {
    match &mut of(parts, name).content {
        Content::Numbers(numbers) => numbers,
        Content::Texts(_) => panic!("{name} has no numbers"),
    }
}

fn table() -> String {
    let mut table = "id\tallele_a\tallele_b\tvalue_a\tvalue_b\tgroup\n".to_string();
    for i in 0..PEAKS.len() {
        let group = ["1", "16", "X", ".", "1_random"][i];
        let ([a, b], [x, y]) = (SEQUENCES[i], COUNTS[i]);
        table += &format!("{}\t{a}\t{b}\t{x}\t{y}\t{group}\n", PEAKS[i]);
    }
    table
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Write the parts and import them: the table and what was said.
    fn good(&self, parts: &[Part], more: &[&str]) -> (String, String) {
        hand::write(&self.path("set.hdf5"), parts);
        let output = hand::import(&self.path("set.hdf5"), &self.path("table.tsv"), more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        (fs::read_to_string(self.path("table.tsv")).unwrap(), said)
    }

    /// Write the parts and expect one line that refuses them.
    fn refused(&self, parts: &[Part], more: &[&str]) -> String {
        hand::write(&self.path("set.hdf5"), parts);
        self.refused_as_it_is(more)
    }

    fn refused_as_it_is(&self, more: &[&str]) -> String {
        refused(&self.path("set.hdf5"), self.0.path(), more)
    }
}

fn refused(file: &Path, folder: &Path, more: &[&str]) -> String {
    let listing = || fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let (before, table) = (listing(), folder.join("never.tsv"));
    let output = hand::import(file, &table, &[&["--quiet"], more].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with(&format!("deepallele import: \"{}\": ", file.display())), "{said}");
    assert!(!said.contains("internal error"), "{said}");
    assert_eq!(listing(), before, "something was left behind");
    said
}

#[test]
fn every_way_of_storing_numbers_reads_the_same() {
    let folder = Folder::new();
    let odd = vec![3, 7, 2];
    for element in [Element::F64, Element::F64Big, Element::F32, Element::U8, Element::I64] {
        for storage in [
            Storage::Contiguous,
            Storage::Compact,
            Storage::Chunked(vec![1, LENGTH as u64, 4]),
            Storage::Chunked(odd.clone()),
            Storage::Packed(odd.clone()),
            Storage::Packed(vec![5, LENGTH as u64, 4]),
        ] {
            let mut parts = chip();
            for name in ["B6_sequence", "Cast_sequence"] {
                of(&mut parts, name).element = element;
                of(&mut parts, name).storage = storage.clone();
            }
            for name in ["B6_counts", "Cast_counts", "ratio"] {
                of(&mut parts, name).storage = Storage::Packed(vec![2]);
            }
            assert_eq!(folder.good(&parts, &[]).0, table(), "{element:?} {storage:?}");
        }
    }
    // The two alleles need not be stored alike.
    let mut parts = chip();
    of(&mut parts, "B6_sequence").element = Element::U8;
    of(&mut parts, "Cast_sequence").storage = Storage::Packed(odd);
    assert_eq!(folder.good(&parts, &[]).0, table());
}

#[test]
fn every_way_of_storing_names_reads_the_same() {
    let folder = Folder::new();
    for element in [
        Element::Utf8,
        Element::Ascii,
        Element::ZeroPadded(15),
        Element::ZeroPadded(40),
        Element::SpacePadded(20),
        Element::Ended(16),
    ] {
        for storage in [Storage::Contiguous, Storage::Chunked(vec![2]), Storage::Packed(vec![4])] {
            let mut parts = chip();
            of(&mut parts, "peak_name").element = element;
            of(&mut parts, "peak_name").storage = storage.clone();
            assert_eq!(folder.good(&parts, &[]).0, table(), "{element:?} {storage:?}");
        }
    }
}

#[test]
fn what_was_written_by_h5py_reads() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = Folder::new();
    let letters = |row: usize, allele: usize, length: usize| -> Vec<u8> {
        (0..length).map(|i| b"ACGT"[(row * 7 + i * i + allele * (i % 5 == 0) as usize) % 4]).collect()
    };
    let counts = [["0", "3"], ["10.5", "2"], ["7", "7"], ["1000000", "12.5"]];
    let logs = [["5.25", "5"], ["1", "-1"], ["0.1", "0.3"], ["12", "0"]];
    let peaks = ["chr1-100-130", "chr16-5-35", "chrX-7-37", "chr2-900-930"];
    let genes = ["Actb", "H2-K1", "Xist", "Gm1"];
    for (name, more, recognised, values) in [
        ("atac", &["--batch", "sum"][..], "atac (by its attribute data_type)", counts),
        ("chip", &[], "chip (by its attribute data_type)", counts),
        ("rna", &["--batch", "MF_PC_IL4"], "rna (by its gene_name)", logs),
    ] {
        let output = hand::import(&data.join(format!("{name}.hdf5")), &folder.path("t.tsv"), more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains(recognised), "{said}");
        assert!(said.contains("4 rows of 40 bases") && said.contains("1 bases in 1 rows"), "{said}");
        assert!(!said.contains("ratio"), "{said}");
        let mut expected = "id\tallele_a\tallele_b\tvalue_a\tvalue_b\tgroup\n".to_string();
        for (row, length) in [30, 29, 31, 30].into_iter().enumerate() {
            let (mut a, mut b) = (letters(row, 0, length), letters(row, 1, length + 1));
            if row == 1 {
                (a[0], a[28], b[3]) = (b'N', b'N', b'N');
            }
            let (peak, group) = (peaks[row], ["1", "16", "X", "2"][row]);
            let id = if name == "rna" { format!("{}-{peak}", genes[row]) } else { peak.into() };
            let [a, b] = [a, b].map(|bases| String::from_utf8(bases).unwrap());
            expected += &format!("{id}\t{a}\t{b}\t{}\t{}\t{group}\n", values[row][0], values[row][1]);
        }
        assert_eq!(fs::read_to_string(folder.path("t.tsv")).unwrap(), expected, "{name}");
    }
}

#[test]
fn batches_are_chosen_by_name() {
    let folder = Folder::new();
    let batched = |names: &[&str]| {
        let mut parts = chip();
        let values: Vec<Part> = parts.drain(3..).collect();
        for (shift, name) in names.iter().enumerate() {
            for (value, end) in values.iter().zip(["B6", "CAST", "ratio"]) {
                let mut value = Part { name: format!("{name}.{end}"), ..value.clone() };
                if let Content::Numbers(numbers) = &mut value.content {
                    numbers.iter_mut().for_each(|x| *x = (x.exp() + shift as f64).ln());
                }
                parts.push(value);
            }
        }
        parts
    };
    let (table_of_one, said) = folder.good(&batched(&["sc"]), &[]);
    assert_eq!(table_of_one, table());
    assert!(
        said.contains("atac (by its batches") && said.contains("sc.B6 and sc.CAST are written as counts"),
        "{said}"
    );
    let two = batched(&["sum", "sc"]);
    let message = folder.refused(&two, &[]);
    assert!(message.contains("choose with --batch: sc, sum"), "{message}");
    assert!(folder.refused(&two, &["--batch", "bulk"]).contains("no batch \"bulk\"; it has sc, sum"));
    let (second, said) = folder.good(&two, &["--batch", "sc"]);
    let line = |text: &str, i: usize| text.lines().nth(i).unwrap().to_string();
    assert_eq!(line(&second, 1), line(&table(), 1).replace("\t0\t1\t", "\t1\t2\t"));
    // One more on both sides: the ratio is another.
    assert!(said.contains("5 of 5 rows have a sc.ratio that is not sc.B6 - sc.CAST"), "{said}");
    assert!(folder.refused(&chip(), &["--batch", "sum"]).contains("omit --batch"));
    assert!(folder.refused(&chip(), &["--assay", "atac"]).contains("has no values such as sum.B6"));
    // A sum in addition to the only condition is not an alternative for expression, but it is for counts.
    let rna = batched(&["sum", "B_Fo_Sp_PBS"]);
    let (logs, said) = folder.good(&rna, &["--assay", "rna"]);
    assert!(said.contains("B_Fo_Sp_PBS.CAST are written unchanged, in log2"), "{said}");
    let row = line(&logs, 3);
    let values: Vec<f64> = row.split('\t').skip(3).take(2).map(|x| x.parse().unwrap()).collect();
    assert!((values[0] - 122f64.ln()).abs() < 1e-14 && (values[1] - 46f64.ln()).abs() < 1e-14, "{row}");
    assert!(folder.refused(&rna, &["--assay", "atac"]).contains("--batch"));
}

#[test]
fn values_may_stay_logarithms() {
    let folder = Folder::new();
    let (logs, said) = folder.good(&chip(), &["--values", "log"]);
    assert!(said.contains("natural logarithms"), "{said}");
    let row: Vec<&str> = logs.lines().nth(2).unwrap().split('\t').collect();
    assert_eq!(row[3].parse(), Ok((8.5f64).ln()));
    assert_eq!(row[4].parse(), Ok(4f64.ln()));
    // Of values that were no counts nothing is rounded away.
    let mut parts = chip();
    numbers(&mut parts, "B6_counts")[0] = 1.234_567_890_123;
    let (counts, _) = folder.good(&parts, &[]);
    let value: f64 = counts.lines().nth(1).unwrap().split('\t').nth(3).unwrap().parse().unwrap();
    assert!((value.ln_1p() - 1.234_567_890_123).abs() < 1e-14, "{value}");
    // float32 keeps seven digits; a ratio that is right to seven digits is not reported.
    let mut parts = chip();
    for name in ["B6_counts", "Cast_counts", "ratio"] {
        of(&mut parts, name).element = Element::F32;
    }
    let (counts, said) = folder.good(&parts, &[]);
    assert!(!said.contains("ratio"), "{said}");
    let value: f64 = counts.lines().nth(3).unwrap().split('\t').nth(3).unwrap().parse().unwrap();
    assert!((value - 120.0).abs() < 1e-4, "{value}");
}

#[test]
fn what_is_odd_is_counted() {
    let folder = Folder::new();
    let mut parts = chip();
    numbers(&mut parts, "ratio")[2] += 0.01;
    // Two letters that the encoding has not, in one sequence.
    for position in [2, 4] {
        numbers(&mut parts, "B6_sequence")[4 * position..4 * position + 4].fill(0.0);
    }
    let (table, said) = folder.good(&parts, &[]);
    assert!(table.contains("chr1-10-20\tACNTNCGTAC\t"), "{table}");
    for words in ["1 of 5 rows have a ratio", "2 bases in 1 rows", "1 rows have no chromosome"] {
        assert!(said.contains(words), "{said}");
    }
    parts.pop();
    assert!(folder.good(&parts, &[]).1.contains("no ratio to compare"));
}

#[test]
fn rows_that_are_no_sequences_are_named() {
    let folder = Folder::new();
    let change = |at: usize, to: &[f64]| {
        let mut parts = chip();
        numbers(&mut parts, "Cast_sequence")[at..at + to.len()].copy_from_slice(to);
        folder.refused(&parts, &[])
    };
    let row = 4 * LENGTH;
    for (at, to, problem) in [
        (row + 4, &[1.0, 1.0][..], "row 2 (\"chr16-30-41\"): Cast_sequence position 2 is (1, 1, 0, 0)"),
        (2 * row, &[0.5, 0.5, 0.0, 0.0], "row 3 (\"chrX-5-9\"): Cast_sequence position 1 is (0.5, 0.5, 0, 0)"),
        (2 * row, &[f64::NAN, 0.0, 1.0, 0.0], "row 3"),
        (2 * row, &[0.0, 0.0, -1.0, 0.0], "(0, 0, -1, 0)"),
        (0, &[0.0; 8], "begins with 2 empty positions"),
        (row, &[0.0; 4], "has no base"),
    ] {
        let message = change(at, to);
        assert!(message.contains(problem), "{message}");
    }
    for (value, problem) in [
        (f64::NAN, "row 4 (\"GL456210-1-9\"): B6_counts is NaN, which is not a number"),
        (f64::INFINITY, "is inf"),
        (800.0, "B6_counts is 800, which is too large"),
    ] {
        let mut parts = chip();
        numbers(&mut parts, "B6_counts")[3] = value;
        let message = folder.refused(&parts, &[]);
        assert!(message.contains(problem), "{message}");
    }
    for (name, problem) in [
        (&b"chr1\t5"[..], "row 2 (\"chr1\\t5\"): its name"),
        (b"", "row 2 (\"\"): its name is empty"),
        (b"chr\xff", "not UTF-8"),
    ] {
        let mut parts = chip();
        if let Content::Texts(names) = &mut of(&mut parts, "peak_name").content {
            names[1] = name.to_vec();
        }
        let message = folder.refused(&parts, &[]);
        assert!(message.contains(problem), "{message}");
    }
}

#[test]
fn data_sets_that_are_none_are_refused() {
    let folder = Folder::new();
    for name in ["B6_sequence", "Cast_sequence", "peak_name", "B6_counts", "Cast_counts"] {
        let parts: Vec<Part> = chip().into_iter().filter(|part| part.name != name).collect();
        let more: &[&str] = if name == "B6_counts" { &["--assay", "chip"] } else { &[] };
        let message = folder.refused(&parts, more);
        assert!(message.contains(&format!("has no {name}")), "{message}");
    }
    let with = |name: &str, change: &dyn Fn(&mut Part)| {
        let mut parts = chip();
        change(of(&mut parts, name));
        folder.refused(&parts, &[])
    };
    let rows = SEQUENCES.len() as u64;
    for (name, shape, problem) in [
        ("B6_sequence", &[rows, 4, LENGTH as u64][..], "of shape [5, 4, 12], not (rows, length, 4)"),
        ("B6_sequence", &[rows, LENGTH as u64 * 4], "of shape [5, 48]"),
        ("Cast_sequence", &[rows, LENGTH as u64 / 2, 4, 2], "but [5, 12, 4] of B6_sequence"),
        ("peak_name", &[rows, 1], "peak_name of shape [5, 1] for 5 rows"),
        ("B6_counts", &[1, rows], "B6_counts of shape [1, 5] for 5 rows"),
    ] {
        let message = with(name, &|part| part.shape = shape.to_vec());
        assert!(message.contains(problem), "{message}");
    }
    let texts = |part: &mut Part| {
        part.element = Element::Utf8;
        part.content = Content::Texts(PEAKS.map(|p| p.as_bytes().to_vec()).to_vec());
    };
    assert!(with("ratio", &texts).contains("has ratio, which does not consist of numbers"));
    let lengths = |part: &mut Part| {
        part.element = Element::F64;
        part.content = Content::Numbers(vec![1.0; PEAKS.len()]);
    };
    assert!(with("peak_name", &lengths).contains("has peak_name, which does not consist of strings"));
    let one_name = |part: &mut Part| part.element = Element::ZeroPadded(100_000);
    assert!(with("peak_name", &one_name).contains("strings of 100000 bytes"));
}

#[test]
fn sizes_that_no_file_holds_are_refused() {
    let folder = Folder::new();
    let boast = |rows: u64| {
        let mut parts = chip();
        for part in &mut parts {
            let mut shape = part.shape.clone();
            shape[0] = rows;
            part.storage = Storage::Boast(shape);
        }
        parts
    };
    for rows in [1 << 60, 1 << 40, 100_000_000] {
        let message = folder.refused(&boast(rows), &[]);
        assert!(message.contains("more than a file of"), "{message}");
    }
    let mut parts = chip();
    of(&mut parts, "B6_sequence").storage = Storage::Boast(vec![5, 1 << 50, 4]);
    assert!(folder.refused(&parts, &[]).contains("5 x 1125899906842624 x 4 large"));
    // Chunks are unpacked as a whole.
    let mut parts = chip();
    of(&mut parts, "B6_sequence").shape = vec![100, 330_000, 4];
    of(&mut parts, "B6_sequence").storage = Storage::Boast(vec![1000, 330_000, 4]);
    assert!(folder.refused(&parts, &[]).contains("larger than half a gigabyte"));
    // Datasets of which nothing was ever written.
    let mut parts = chip();
    of(&mut parts, "B6_sequence").storage = Storage::Boast(vec![5, LENGTH as u64, 4]);
    assert!(folder.refused(&parts, &[]).contains("row 1 (\"chr1-10-20\"): B6_sequence has no base"));
}

/// A data set that asks for other files could show what its maker may not read.
#[test]
fn nothing_is_read_from_elsewhere() {
    let folder = Folder::new();
    let outside = folder.path("outside");
    fs::write(&outside, vec![0; 5 * LENGTH * 4 * 8]).unwrap();
    let with = |storage: Storage| {
        let mut parts = chip();
        of(&mut parts, "B6_sequence").storage = storage;
        folder.refused(&parts, &[])
    };
    assert!(with(Storage::External(outside)).contains("B6_sequence, which has its content in other files"));
    assert!(with(Storage::Virtual).contains("in other files"));
    let message = with(Storage::UnknownFilter(vec![1, LENGTH as u64, 4]));
    assert!(message.contains("is compressed by filter 32000") && message.contains("repack"), "{message}");
    for to in [Ok(("/etc/passwd", "B6_sequence")), Err("/Cast_sequence")] {
        hand::write(&folder.path("set.hdf5"), &chip());
        hand::link(&folder.path("set.hdf5"), "B6_sequence", to);
        assert!(folder.refused_as_it_is(&[]).contains("is a link to somewhere else"));
    }
}

#[test]
fn cut_and_damaged_files_end_in_one_line() {
    let folder = Folder::new();
    let mut parts = chip();
    for name in ["B6_sequence", "Cast_sequence"] {
        of(&mut parts, name).storage = Storage::Packed(vec![2, LENGTH as u64, 4]);
    }
    // Without a heap of strings, of which damaged.rs has its own story.
    of(&mut parts, "peak_name").element = Element::ZeroPadded(20);
    assert_eq!(folder.good(&parts, &[]).0, table());
    let whole = fs::read(folder.path("set.hdf5")).unwrap();
    let file = folder.path("set.hdf5");
    for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        folder.refused_as_it_is(&[]);
    }
    // A byte of a packed chunk: found by looking for the start of zlib's stream.
    let at = whole.windows(2).rposition(|w| w == b"\x78\x9c" || w == b"\x78\x5e").unwrap();
    let mut bad = whole.clone();
    bad[at + 6] ^= 0xff;
    fs::write(&file, &bad).unwrap();
    let message = folder.refused_as_it_is(&[]);
    assert!(message.contains("cannot be read at rows") || message.contains("row "), "{message}");
    // Elsewhere: an error or, where nothing hangs on the byte, none.
    let structure = |at: usize| whole[at] != 0 && at.is_multiple_of(5);
    for at in (0..whole.len()).filter(|&at| structure(at)) {
        let mut bad = whole.clone();
        bad[at] ^= 0x41;
        fs::write(&file, &bad).unwrap();
        let output = hand::import(&file, &folder.path("out.tsv"), &["--quiet"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 1)), "byte {at}: {:?} {said}", output.status);
        assert!(said.lines().count() <= 1 && !said.contains("internal error"), "byte {at}: {said}");
    }
}

#[test]
fn options_of_checkpoints_are_a_mistake() {
    let folder = Folder::new();
    hand::write(&folder.path("set.hdf5"), &chip());
    for more in [&["--hap1", "B6"][..], &["--safetensors", "x"], &["--member", "x"], &["--log-base", "2"]] {
        let output = hand::import(&folder.path("set.hdf5"), &folder.path("t.tsv"), more);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(more[0]));
    }
    let output =
        hand::import(&folder.path("set.hdf5"), &folder.path("t.tsv"), &["--assay", "rna", "--values", "counts"]);
    // The assay is refused first: there are no batches.
    assert!(!output.status.success() && !folder.path("t.tsv").exists());
}
