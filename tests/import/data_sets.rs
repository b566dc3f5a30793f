//! `deepallele export`: data sets as published, seen by HDF5's own tools, and back through `deepallele import`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

fn export(pairs: &Path, output: &Path, more: &[&str]) -> Command {
    let mut command = deepallele("export");
    command.arg("--pairs").arg(pairs).arg("-o").arg(output).args(more);
    command
}

fn import(set: &Path, table: &Path, more: &[&str]) -> Command {
    let mut command = deepallele("import");
    command.arg(set).arg("-o").arg(table).args(more);
    command
}

/// Pairs with sequences of any length up to `longest`, and values that no rounding leaves as they are.
fn pairs(folder: &Path, rows: usize, longest: usize) -> (PathBuf, Table) {
    let mut random = Random(12345);
    let mut text = "value_b\tid\tallele_a\tallele_b\tvalue_a\n".to_string();
    for row in 0..rows {
        let (length, other) = (1 + random.below(longest), 1 + random.below(longest));
        let mut bases = |n: usize| (0..n).map(|_| char::from(b"ACGTN"[random.below(5)])).collect::<String>();
        let (a, b) = (bases(length), bases(other));
        let (x, y) = (random.below(9000) as f64 / 2.0, random.below(1 << 30) as f64 / 7e5);
        text += &format!("{y}\tG{row}-chr{}-{row}-{}\t{a}\t{b}\t{x}\n", row % 22 + 1, row + length);
    }
    let table = Table::parse(&text);
    (put(folder, "pairs.tsv", text), table)
}

/// The numbers of (a part of) a dataset, by h5dump.
fn numbers(set: &Path, name: &str, part: &[&str]) -> Vec<f64> {
    let dump = good_text(tool("h5dump", ["-y", "-m", "%.17g", "-d", name]).args(part).arg(set));
    let data = dump.split("DATA {").nth(1).expect("data").split('}').next().expect("its end");
    data.split([',', '\n']).map(str::trim).filter(|x| !x.is_empty()).map(|x| x.parse().expect("a number")).collect()
}

fn strings(set: &Path, name: &str) -> Vec<String> {
    let dump = good_text(tool("h5dump", ["-y", "-d", name]).arg(set));
    let data = dump.split("DATA {").nth(1).expect("data").split('}').next().expect("its end");
    data.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn pairs_come_back_as_they_went() {
    let folder = scratch();
    let (file, table) = pairs(folder.path(), 300, 60);
    let (set, back) = (folder.path().join("set.hdf5"), folder.path().join("back.tsv.gz"));
    for (assay, more) in [
        ("atac", &[][..]),
        ("atac", &["--batch", "sc", "--length", "60"]),
        ("atac", &["--values", "log"]),
        ("chip", &["--length", "77"]),
        ("rna", &["--batch", "MF_PC_IL4"]),
        ("rna", &["--batch", "sum", "--length", "20"]),
    ] {
        good(&mut export(&file, &set, &[&["--assay", assay], more].concat()));
        let values: &[&str] = if more.contains(&"log") { &["--values", "log"] } else { &[] };
        good(&mut import(&set, &back, values));
        let read = Table::read(&back);
        assert_eq!(read.columns, ["id", "allele_a", "allele_b", "value_a", "value_b", "group"]);
        assert_eq!(read.rows.len(), 300);
        for row in 0..300 {
            for column in ["id", "allele_a", "allele_b"] {
                assert_eq!(read.text(row, column), table.text(row, column), "{assay} {more:?} {column}");
            }
            assert_eq!(read.text(row, "group"), (row % 22 + 1).to_string());
            // Halves come back exactly, and what was given as a logarithm too.
            assert_eq!(read.number(row, "value_a"), table.number(row, "value_a"));
            let (ours, given) = (read.number(row, "value_b"), table.number(row, "value_b"));
            assert!((ours - given).abs() <= 1e-12 * given.max(1.0), "{ours} {given}");
        }
    }
}

/// What the published tool and its notebooks look for, by another version of the library.
#[test]
fn the_layout_is_the_published_one() {
    let folder = scratch();
    let (file, table) = pairs(folder.path(), 40, 50);
    let set = folder.path().join("set.hdf5");
    let (rows, text, number) = (40, "STRSIZE H5T_VARIABLE", "H5T_IEEE_F64LE");
    for (assay, more, length, lines, attributes) in [
        (
            "atac",
            &[][..],
            330,
            &[
                ("original_peak_index", text),
                ("peak_name", text),
                ("sum.B6", number),
                ("sum.CAST", number),
                ("sum.ratio", number),
            ][..],
            &["data_type", "sequence_length"][..],
        ),
        (
            "chip",
            &[],
            551,
            &[("B6_counts", number), ("Cast_counts", number), ("peak_name", text), ("ratio", number)],
            &["data_type", "sequence_length"],
        ),
        (
            "rna",
            &["--batch", "B_Fo_Sp_PBS", "--length", "64"],
            64,
            &[
                ("B_Fo_Sp_PBS.B6", number),
                ("B_Fo_Sp_PBS.CAST", number),
                ("B_Fo_Sp_PBS.ratio", number),
                ("gene_name", text),
                ("peak_name", text),
                ("sum.B6", number),
                ("sum.CAST", number),
                ("sum.ratio", number),
            ],
            &["sequence_length", "window_size"],
        ),
    ] {
        good(&mut export(&file, &set, &[&["--assay", assay], more].concat()));
        let listed = good_text(tool("h5dump", ["-n", "1"]).arg(&set));
        let mut names: Vec<&str> = listed.lines().filter_map(|l| l.trim().strip_prefix("dataset    /")).collect();
        names.sort();
        let mut expected = vec!["B6_sequence", "Cast_sequence"];
        expected.extend(lines.iter().map(|(name, _)| *name));
        expected.sort();
        assert_eq!(names, expected, "{assay}");
        let found: Vec<&str> = listed.lines().filter_map(|l| l.trim().strip_prefix("attribute  /")).collect();
        assert_eq!(found, attributes, "{assay}");
        let about = |name: &str| good_text(tool("h5dump", ["-H", "-p", "-d", name]).arg(&set));
        for name in ["B6_sequence", "Cast_sequence"] {
            let header = about(name);
            for words in [number, &format!("( {rows}, {length}, 4 )"), "SHUFFLE", "DEFLATE"] {
                assert!(header.contains(words), "{assay} {name}: {header}");
            }
        }
        for (name, kind) in lines {
            let header = about(name);
            assert!(header.contains(kind) && header.contains(&format!("( {rows} )")), "{assay} {name}: {header}");
            assert_eq!(header.contains("H5T_CSET_UTF8"), *kind == text, "{header}");
        }
        let attribute = |name: &str| good_text(tool("h5dump", ["-a", name]).arg(&set));
        assert!(attribute("sequence_length").contains(&format!("(0): {length}")));
        match assay {
            "atac" => assert!(attribute("data_type").contains("ATAC")),
            "chip" => assert!(attribute("data_type").contains("ChIP")),
            _ => assert!(attribute("window_size").contains("(0): 64")),
        }

        // The content, row by row.
        let one_hot = ["B6_sequence", "Cast_sequence"].map(|name| numbers(&set, name, &[]));
        for (name, allele) in one_hot.iter().zip(["allele_a", "allele_b"]) {
            assert_eq!(name.len(), rows * length * 4);
            for (row, channels) in name.chunks_exact(length * 4).enumerate() {
                let mut expected = vec![0.0; length * 4];
                for (i, base) in table.text(row, allele).bytes().enumerate() {
                    match b"ACGT".iter().position(|b| *b == base) {
                        Some(channel) => expected[4 * i + channel] = 1.0,
                        None => expected[4 * i..4 * i + 4].fill(0.25),
                    }
                }
                assert!(channels == expected, "{assay}, row {row} of {allele}");
            }
        }
        let [a, b, ratio] = match assay {
            "atac" => ["sum.B6", "sum.CAST", "sum.ratio"],
            "chip" => ["B6_counts", "Cast_counts", "ratio"],
            _ => ["B_Fo_Sp_PBS.B6", "B_Fo_Sp_PBS.CAST", "B_Fo_Sp_PBS.ratio"],
        }
        .map(|name| numbers(&set, name, &[]));
        for row in 0..rows {
            let log = |x: f64| if assay == "rna" { x } else { (1.0 + x).ln() };
            let (x, y) = (log(table.number(row, "value_a")), log(table.number(row, "value_b")));
            assert!((a[row] - x).abs() < 1e-12 && (b[row] - y).abs() < 1e-12);
            assert_eq!(ratio[row], a[row] - b[row]);
        }
        let peaks: Vec<String> = (0..rows).map(|row| table.text(row, "id").to_string()).collect();
        assert_eq!(strings(&set, "peak_name"), peaks);
        if assay == "rna" {
            assert_eq!(numbers(&set, "sum.CAST", &[]), b);
            let genes: Vec<String> = (0..rows).map(|row| format!("G{row}")).collect();
            assert_eq!(strings(&set, "gene_name"), genes);
        }
    }
}

#[test]
fn counts_and_haplotypes_of_real_regions() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    let table = counted(folder.path(), "counts.tsv.gz");
    let mut sequences = haplotypes(&genome(), &phased(), "NA12878");
    good(sequences.arg("-L").arg(&table).arg("--pairs").arg(path("sequences.tsv")));
    let counts = Table::read(&table);
    let sequences = Table::read(&path("sequences.tsv"));
    // Export of the counts with the sequences of the two haplotypes.
    let export = |output: &str| {
        let mut command = deepallele("export");
        command.arg(&table).arg("-f").arg(genome()).arg("-v").arg(phased()).args(["-s", "NA12878"]);
        command.arg("-o").arg(path(output));
        command
    };
    let longest =
        (0..counts.rows.len()).map(|r| counts.number(r, "end") - counts.number(r, "start")).fold(0.0, f64::max);
    let by_name: HashMap<&str, usize> = (0..sequences.rows.len()).map(|r| (sequences.text(r, "id"), r)).collect();

    for (rule, share) in [("half", 0.5), ("drop", 0.0)] {
        let mut command = export("set.hdf5");
        command.args(["--assay", "chip", "--uninformative", rule, "--length", &(longest + 40.0).to_string()]);
        good(&mut command);
        good(&mut import(&path("set.hdf5"), &path("back.tsv"), &[]));
        let back = Table::read(&path("back.tsv"));
        assert_eq!(back.rows.len(), counts.rows.len());
        let mut differ = 0;
        for row in 0..back.rows.len() {
            let [chrom, start, end] = ["chrom", "start", "end"].map(|column| counts.text(row, column));
            assert_eq!(back.text(row, "id"), format!("{chrom}-{start}-{end}"));
            assert_eq!(back.text(row, "group"), "22");
            let theirs = by_name[counts.text(row, "name")];
            for allele in ["allele_a", "allele_b"] {
                assert_eq!(back.text(row, allele), sequences.text(theirs, allele));
            }
            differ += (back.text(row, "allele_a") != back.text(row, "allele_b")) as usize;
            for (value, side) in [("value_a", "hap1"), ("value_b", "hap2")] {
                let expected = counts.number(row, side) + share * counts.number(row, "uninformative");
                assert_eq!(back.number(row, value), expected);
            }
        }
        assert!(differ > 100, "{differ} regions have a variant");
    }
    // Published peaks have 251 bases in 330; these do not fit.
    let mut narrow = export("narrow.hdf5");
    narrow.args(["--assay", "atac", "--length", "50"]);
    refused_in(folder.path(), &mut narrow, &["counts.tsv.gz", "chr22:", "more than the 50 of a row", "--length"]);
}

/// 30,000 rows are 640 MB as float64, of each of which both commands see a small part at a time.
#[test]
fn memory_does_not_grow_with_the_rows() {
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    let (a, b) = ("ACGTTGCAAC".repeat(25), "ACGTTGCATC".repeat(33));
    let rows: String = (0..30_000).map(|i| format!("chr1-{i}-{}\t{a}\t{b}\t{i}\t1\n", i + 250)).collect();
    put(folder.path(), "pairs.tsv", format!("id\tallele_a\tallele_b\tvalue_a\tvalue_b\n{rows}"));
    for line in ["export --pairs pairs.tsv -o set.hdf5 --assay atac", "import set.hdf5 -o back.tsv"] {
        let limited = format!("ulimit -v 500000; exec \"$0\" {line}");
        let door = bin_folder().join("deepallele");
        good(tool("sh", ["-c", &limited]).arg(door).current_dir(folder.path()));
    }
    let back = fs::read_to_string(path("back.tsv")).unwrap();
    assert_eq!(back.lines().count(), 30_001);
    assert_eq!(back.lines().last().unwrap(), format!("chr1-29999-30249\t{a}\t{b}\t29999\t1\t1"));
}

#[test]
fn what_cannot_be_a_row_is_named_and_nothing_is_left() {
    let folder = scratch();
    let set = put(folder.path(), "set.hdf5", "an older file");
    let with = |line: &str| {
        let text = format!("id\tallele_a\tallele_b\tvalue_a\tvalue_b\nchr1-1-2\tACGT\tACG\t1\t2\n{line}");
        put(folder.path(), "pairs.tsv", text)
    };
    for (line, words) in [
        ("chr1-3-4\tACGTACGT\tA\t1\t2\n", &["line 3", "8 bases, more than the 6", "--length"][..]),
        ("chr1-3-4\tACGT\tA\t1\t-3\n", &["line 3", "value -3, which is not a count"]),
        ("chr1-3-4\tACGT\tA\tx\t3\n", &["line 3", "value_a 'x'"]),
        ("\tACGT\tA\t1\t3\n", &["line 3", "empty id"]),
        ("chr1-3-4\tACGT\n", &["line 3"]),
    ] {
        refused_in(folder.path(), &mut export(&with(line), &set, &["--assay", "atac", "--length", "6"]), words);
        assert_eq!(fs::read_to_string(&set).unwrap(), "an older file");
    }
    let empty = put(folder.path(), "empty.tsv", "id\tallele_a\tallele_b\tvalue_a\tvalue_b\n");
    refused_in(folder.path(), &mut export(&empty, &set, &["--assay", "chip"]), &["no rows"]);
    refused_in(folder.path(), &mut export(&empty, &set, &["--assay", "rna", "--batch", "x"]), &["no pairs"]);
    let good_pairs = with("");
    refused(&mut export(&good_pairs, "/dev/null".as_ref(), &["--assay", "chip"]), &["/dev/null", "regular file"]);
    refused(&mut export(&good_pairs, "-".as_ref(), &["--assay", "chip"]), &["regular file"]);
    refused(&mut export(&good_pairs, "/nowhere/x.hdf5".as_ref(), &["--assay", "chip"]), &["/nowhere/x.hdf5"]);
    // Without a place in the name, the published tool splits at random: that is said.
    let nameless = put(folder.path(), "names.tsv", "id\tallele_a\tallele_b\tvalue_a\tvalue_b\nMPRA_1\tAC\tAG\t1\t2\n");
    let output = run(&mut export(&nameless, &set, &["--assay", "chip"]));
    assert!(output.status.success() && text(&output.stderr).contains("1 rows have no chromosome"));
    assert_eq!(strings(&set, "peak_name"), ["MPRA_1"]);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let folder = scratch();
    let (a, b) = (bases(20_000_000, 20_000_300), bases(20_001_000, 20_001_300));
    // Nothing that packs well: bases of the chromosome one after the other.
    let all = bases(20_000_000, 20_600_000);
    let rows: String = (0..1900)
        .map(|i| format!("chr1-{i}-9\t{}\t{}\t1\t2\n", &all[i * 300..i * 300 + 300], &all[i * 310..i * 310 + 300]))
        .collect();
    put(folder.path(), "pairs.tsv", format!("id\tallele_a\tallele_b\tvalue_a\tvalue_b\nx\t{a}\t{b}\t1\t2\n{rows}"));
    // Files end at 200 KB here.
    let command = export("pairs.tsv".as_ref(), "set.hdf5".as_ref(), &["--quiet", "--assay", "atac"]);
    let output = run(with_room_for(400, &command).current_dir(folder.path()));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("\"set.hdf5\"") && said.contains("is the disk full?"), "{said}");
    assert_eq!(listing(folder.path()), ["pairs.tsv"]);
}

/// HDF5 is in these two programs and in no other.
#[test]
fn only_two_commands_hold_hdf5() {
    let mark = b"HDF5 library version";
    let mut found: Vec<String> = listing(&bin_folder())
        .into_iter()
        .filter(|name| name.starts_with("deepallele") && !name.contains('.'))
        .filter(|name| {
            let program = fs::read(bin_folder().join(name)).unwrap();
            program.windows(mark.len()).any(|bytes| bytes == mark)
        })
        .collect();
    found.sort();
    assert_eq!(found, ["deepallele-export", "deepallele-import"]);
    for name in found {
        let libraries = libraries(&bin_folder().join(name));
        assert!(!libraries.contains("hdf5") && !libraries.contains("libz."), "{libraries}");
    }
}
