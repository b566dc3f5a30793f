//! `deepallele predict` on regions: the table against windows made here, tracks, comparison, bad input.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use deepallele_tests::*;

/// The two alleles of the window around `centre`: all variants of the test data are SNVs.
fn alleles(centre: u64, snvs: &[(u64, String, String, String)]) -> (String, String, usize) {
    let left = centre - WINDOW / 2;
    let reference = bases(left, left + WINDOW);
    let (mut first, mut second) = (reference.clone(), reference);
    let mut inside = 0;
    for (start, _, alternative, genotype) in snvs.iter().filter(|v| (left..left + WINDOW).contains(&v.0)) {
        let at = (start - left) as usize;
        let allele = if genotype == "1|0" { &mut first } else { &mut second };
        allele.replace_range(at..at + 1, alternative);
        inside += 1;
    }
    (first, second, inside)
}

fn snvs() -> Vec<(u64, String, String, String)> {
    let rows = query(&phased(), "%POS\t%REF\t%ALT\t[%GT]\n").into_iter();
    rows.map(|c| (c[0].parse::<u64>().unwrap() - 1, c[1].clone(), c[2].clone(), c[3].clone())).collect()
}

#[test]
fn regions_are_predicted_from_their_two_alleles() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let table = Table::parse(&good_text(&mut predict(&model, &regions())));
    assert_eq!(table.rows.len(), 1304);
    assert_eq!(&table.columns[..8], ["chrom", "start", "end", "name", "hap1", "hap2", "log2_ratio", "variants"]);
    let row_of: HashMap<String, usize> =
        (0..table.rows.len()).map(|row| (table.text(row, "name").to_owned(), row)).collect();
    let snvs = snvs();
    let near = |centre: u64| snvs.iter().any(|v| v.0.abs_diff(centre) < WINDOW / 2);
    let (with, without): (Vec<_>, Vec<_>) = peaks().into_iter().partition(|peak| near(peak.summit));
    let some: Vec<_> = with.into_iter().take(25).chain(without.into_iter().step_by(200)).collect();
    let made: Vec<_> = some.iter().map(|peak| alleles(peak.summit, &snvs)).collect();
    let pairs: Vec<(String, String)> = made.iter().map(|m| (m.0.clone(), m.1.clone())).collect();
    let raw = raw_predictions(folder.path(), &model, &pairs);
    let mut differ = 0;
    for ((region, (first, second, variants)), raw) in some.iter().zip(&made).zip(raw) {
        let row = row_of[&region.name];
        assert_eq!(table.number(row, "start") as u64, region.start);
        assert_eq!(table.number(row, "end") as u64, region.end);
        assert_eq!(table.number(row, "variants") as usize, *variants, "{}", region.name);
        // The network works in ln(count + 1).
        close(table.number(row, "hap1"), (raw[0].exp() - 1.0).max(0.0), &format!("hap1 of {}", region.name));
        close(table.number(row, "hap2"), (raw[1].exp() - 1.0).max(0.0), &format!("hap2 of {}", region.name));
        close(table.number(row, "log2_ratio"), raw[2] / std::f64::consts::LN_2, &format!("ratio of {}", region.name));
        differ += usize::from(first != second);
    }
    assert!(differ >= 25, "only {differ} alleles differ");
}

#[test]
fn the_same_bytes_at_any_number_of_threads_and_from_a_pipe() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let with = |threads: &str| good_text(predict(&model, &regions()).args(["-@", threads]));
    let one = without_header(&with("1"));
    assert!(one == without_header(&with("2")) && one == without_header(&with("5")));
    let piped = feed(&mut predict(&model, "-".as_ref()), &fs::read(regions()).unwrap());
    assert!(one == without_header(&text(&piped)));
}

#[test]
fn tracks_hold_the_table() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let name = |name: &str| folder.path().join(name);
    let table = Table::parse(&good_text(
        predict(&model, &regions())
            .arg("--bedgraph")
            .arg(name("graph"))
            .arg("--bigwig")
            .arg(name("wig"))
            .arg("--igv")
            .arg(name("session.xml")),
    ));
    let made = listing(folder.path());
    let session = fs::read_to_string(name("session.xml")).unwrap();
    for (track, column) in [("hap1", "hap1"), ("hap2", "hap2"), ("ratio", "log2_ratio")] {
        let find = |prefix: &str, ending: &str| {
            made.iter()
                .find(|n| n.starts_with(prefix) && n.contains(track) && n.ends_with(ending))
                .unwrap_or_else(|| panic!("no {prefix}*{track}*{ending} in {made:?}"))
        };
        let intervals = bedgraph(&name(find("graph", ".bedGraph")));
        for pair in intervals.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "{pair:?} overlap");
        }
        // A region that no other overlaps has exactly its value.
        let mut compared = 0;
        for row in 0..table.rows.len() {
            let (start, end) = (table.number(row, "start") as u64, table.number(row, "end") as u64);
            if let Some(found) = intervals.iter().find(|i| (i.0, i.1) == (start, end)) {
                close(found.2, table.number(row, column), &format!("{column} of {:?}", table.rows[row]));
                compared += 1;
            }
        }
        assert!(compared > 1250, "only {compared} regions stand in the track");
        let wig = find("wig", ".bw");
        same_spans(&bigwig(&name(wig)), &intervals);
        assert!(session.contains(&format!("path=\"{wig}\"")), "{wig} is not in {session}");
    }
}

#[test]
fn compared_with_counts() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let counts = counted(folder.path(), "counts.tsv.gz");
    let output = run(predict(&model, &regions()).arg("--compare").arg(&counts));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = Table::parse(&text(&output.stdout));
    assert!(table.columns.len() > 8, "measured columns: {:?}", table.columns);
    let said = text(&output.stderr).to_lowercase();
    assert!(said.contains("pearson") && said.contains("spearman"), "{said}");
}

#[test]
fn bad_input_leaves_nothing() {
    let models = scratch();
    let model = imported(models.path(), "mh");
    let folder = scratch();
    let here = folder.path();
    let to_files = |model: &Path, regions: &Path| {
        let mut command = predict(model, regions);
        command.arg("-o").arg(here.join("out.tsv")).arg("--bedgraph").arg(here.join("graph"));
        command
    };
    for (name, content, words) in [
        ("contig.bed", "chrQ\t1\t2\n", vec!["contig.bed", "line 1", "chrQ"]),
        ("backwards.bed", "chr22\t300\t250\n", vec!["backwards.bed", "line 1"]),
        ("empty.bed", "", vec!["empty.bed"]),
    ] {
        let bed = put(here, name, content);
        refused_in(here, &mut to_files(&model, &bed), &words);
    }
    let words = put(here, "words.onnx", "these are words");
    refused_in(here, &mut to_files(&words, &regions()), &["words.onnx"]);
    refused_in(here, &mut to_files("nowhere.onnx".as_ref(), &regions()), &["\"nowhere.onnx\""]);
    for (name, content, words) in [
        ("long.tsv", format!("id\tallele_a\tallele_b\nx\t{0}\t{0}\n", "A".repeat(111)), vec!["long.tsv", "line 2"]),
        ("header.tsv", "id\tleft\tright\nx\tA\tC\n".to_owned(), vec!["header.tsv", "allele_a"]),
        ("short.tsv", "id\tallele_a\tallele_b\nx\tA\n".to_owned(), vec!["short.tsv", "line 2"]),
        ("none.tsv", String::new(), vec!["none.tsv"]),
    ] {
        let pairs = put(here, name, content);
        let mut command = deepallele("predict");
        command.arg("-m").arg(&model).arg("--pairs").arg(pairs).arg("-o").arg(here.join("out.tsv"));
        refused_in(here, &mut command, &words);
    }
    let mut command = predict(&model, &regions());
    refused_in(here, command.args(["-o", "/dev/full"]), &["/dev/full", "No space left"]);
    // Variants and genome.
    let packed = fs::read(phased()).unwrap();
    let vcf = good_text(tool("bcftools", ["view"]).arg(phased()));
    let line = vcf.lines().last().unwrap();
    let fasta = put(here, "bare.fa", ">chr22\nACGT\n");
    let with = |variants: &Path, genome: &Path, sample: &str| {
        let mut command = deepallele("predict");
        command.arg("-m").arg(&model).arg("-f").arg(genome).arg("-v").arg(variants).args(["-s", sample, "-L"]);
        command.arg(regions()).arg("-o").arg(here.join("out.tsv.gz"));
        command
    };
    for (name, content, words) in [
        ("short.vcf.gz", packed[..packed.len() / 2].to_vec(), vec![]),
        ("no_end.vcf.gz", packed[..packed.len() - 28].to_vec(), vec!["truncated"]),
        ("columns.vcf", vcf.replace(line, &line[..line.len() - 6]).into_bytes(), vec!["record 623"]),
        ("words.vcf", b"these are words\n".to_vec(), vec![]),
        ("none.vcf", Vec::new(), vec![]),
    ] {
        let variants = put(here, name, content);
        let words: Vec<&str> = words.into_iter().chain([name]).collect();
        refused_in(here, &mut with(&variants, &genome(), "NA12878"), &words);
    }
    refused_in(here, &mut with(&phased(), &genome(), "nobody"), &["phased.vcf.gz", "\"nobody\""]);
    refused_in(here, &mut with(&phased(), &fasta, "NA12878"), &["bare.fa.fai", "samtools faidx"]);
    put(here, "bare.fa.fai", "chr22\t51304566\t7\t60\t61\n");
    refused_in(here, &mut with(&phased(), &fasta, "NA12878"), &["bare.fa", "index is outdated"]);
    let whole = fs::read(&model).unwrap();
    let cut = put(here, "cut.onnx", &whole[..whole.len() / 2]);
    refused_in(here, &mut to_files(&cut, &regions()), &["cut.onnx"]);
}

#[test]
fn a_closed_pipe_ends_quietly_with_0() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    ends_quietly_unread(predict(&model, &regions()).arg("--quiet"));
}
