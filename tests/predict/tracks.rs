//! Tracks of what was measured beside what was predicted, and IGV sessions with everything in them, read by an XML
//! parser of another language.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

/// Prints genome, resources and tracks of a session, one a line, tabs between.
const READ_SESSION: &str = "
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == 'Session' and root.get('version') == '8', root.attrib
print('genome', root.get('genome'), root.get('locus'), root.get('nextAutoscaleGroup'), sep='\\t')
for resource in root.find('Resources'):
    assert resource.tag == 'Resource', resource.tag
    print('resource', resource.get('path'), resource.get('type'), sep='\\t')
for track in root.iter('Track'):
    keys = ['id', 'name', 'color', 'altColor', 'autoscaleGroup']
    print('track', *[track.get(key, '.') for key in keys], sep='\\t')
";

struct Session {
    locus: String,
    /// Path and type.
    resources: Vec<(String, String)>,
    /// By the name of the file: name, colour, colour below zero, group.
    tracks: HashMap<String, [String; 4]>,
    order: Vec<String>,
}

/// Reads a session and checks what holds for all: relative paths to files that are there, and tracks of them alone.
fn session(path: &Path) -> Session {
    let text = good_text(tool("python3", ["-c", READ_SESSION]).arg(path));
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let folder = path.parent().unwrap();
    let mut session =
        Session { locus: String::new(), resources: Vec::new(), tracks: HashMap::new(), order: Vec::new() };
    let there = |name: &str| {
        assert!(Path::new(name).is_relative(), "{name} is not relative");
        assert!(folder.join(name).is_file(), "{name} is not there");
    };
    for line in &lines {
        match line[0] {
            "genome" => {
                there(line[1]);
                session.locus = line[2].to_owned();
            }
            "resource" => {
                there(line[1]);
                session.resources.push((line[1].to_owned(), line[2].to_owned()));
            }
            _ => {
                let file = line[1].strip_suffix("_coverage").unwrap_or(line[1]);
                let known = session.resources.iter().any(|(path, _)| path == file);
                assert!(known || line[1] == "Reference sequence", "no resource of {line:?}");
                let name = file.rsplit('/').next().unwrap().to_owned();
                session.order.push(name.clone());
                session.tracks.insert(name, [2, 3, 4, 5].map(|i| line[i].to_owned()));
            }
        }
    }
    let unseen =
        session.resources.iter().find(|(path, _)| !session.tracks.contains_key(path.rsplit('/').next().unwrap()));
    assert!(unseen.is_none(), "{unseen:?} has no track");
    session
}

/// Spans of a bedGraph, and the same from the bigWig beside it.
fn spans(prefix: &Path, kind: &str) -> Vec<Span> {
    let file = |ending: &str| PathBuf::from(format!("{}.{kind}.{ending}", prefix.display()));
    let spans = bedgraph(&file("bedGraph"));
    same_spans(&bigwig(&file("bw")), &spans);
    spans
}

/// A count table of the test data without every third of its regions.
fn two_thirds_counted(folder: &Path) -> PathBuf {
    let table = good_text(&mut count(&reads(), &regions()));
    let mut number = 0;
    let kept = table.lines().filter(|line| {
        number += usize::from(!line.starts_with('#'));
        line.starts_with('#') || number % 3 > 0
    });
    put(folder, "counts.tsv", kept.map(|line| format!("{line}\n")).collect::<String>())
}

/// Prediction next to what was counted, with all tracks in `folder`.
fn compared(model: &Path, counts: &Path, folder: &Path) -> Command {
    let mut command = predict(model, &regions());
    command.arg("--compare").arg(counts).arg("--igv").arg(folder.join("predicted.xml"));
    command.arg("--bedgraph").arg(folder.join("p")).arg("--bigwig").arg(folder.join("p"));
    command
}

const HAP1: &str = "0,114,178";
const HAP2: &str = "213,94,0";
const MEASURED1: &str = "128,185,217";
const MEASURED2: &str = "234,175,128";

#[test]
fn what_was_measured_stands_beside_what_was_predicted() {
    let scratch = scratch();
    // A name that XML would take amiss.
    let folder = scratch.path().join("R&D <\"1\">");
    fs::create_dir(&folder).unwrap();
    let model = imported(scratch.path(), "mh");
    let counts = two_thirds_counted(scratch.path());
    let table = Table::parse(&good_text(&mut compared(&model, &counts, &folder)));

    let rows = 0..table.rows.len();
    let places: Vec<(u64, u64)> =
        rows.map(|row| (table.number(row, "start") as u64, table.number(row, "end") as u64)).collect();
    let alone = |row: usize| {
        let (start, end) = places[row];
        places.iter().enumerate().all(|(other, place)| other == row || place.1 <= start || place.0 >= end)
    };
    let (mut with, mut without) = (0, 0);
    for (kind, column) in [("hap1", "measured_hap1"), ("hap2", "measured_hap2"), ("ratio", "measured_log2_ratio")] {
        let measured = spans(&folder.join("p"), &format!("measured.{kind}"));
        spans(&folder.join("p"), kind);
        for row in (0..table.rows.len()).filter(|row| alone(*row)) {
            let (start, end) = places[row];
            // Regions that touch and have the same value are one span.
            let over: Vec<_> = measured.iter().filter(|s| s.0 < end && s.1 > start).collect();
            if table.text(row, column) == "." {
                assert!(over.is_empty(), "{:?} was not measured: {over:?}", table.rows[row]);
                without += 1;
            } else {
                assert!(over.len() == 1 && over[0].0 <= start && over[0].1 >= end, "{over:?}");
                close(over[0].2, table.number(row, column), &format!("{column} of {:?}", table.rows[row]));
                with += 1;
            }
        }
    }
    assert!(with > 2000 && without > 1000, "{with} measured, {without} not");

    let session = session(&folder.join("predicted.xml"));
    let track =
        |name: &str| session.tracks.get(name).unwrap_or_else(|| panic!("no {name}")).each_ref().map(String::as_str);
    assert_eq!(track("p.measured.hap1.bw"), ["measured hap1 (NA12878:1)", MEASURED1, MEASURED1, "1"]);
    assert_eq!(track("p.hap1.bw"), ["predicted hap1 (NA12878:1)", HAP1, HAP1, "1"]);
    assert_eq!(track("p.measured.hap2.bw"), ["measured hap2 (NA12878:2)", MEASURED2, MEASURED2, "1"]);
    assert_eq!(track("p.hap2.bw"), ["predicted hap2 (NA12878:2)", HAP2, HAP2, "1"]);
    assert_eq!(track("p.measured.ratio.bw"), ["measured log2 ratio", MEASURED1, MEASURED2, "2"]);
    assert_eq!(track("p.ratio.bw"), ["predicted log2 ratio", HAP1, HAP2, "2"]);
    assert_eq!(track("NA12878.chr22.phased.vcf.gz"), ["variants", ".", ".", "."]);
    assert_eq!(session.tracks.len(), 8);
    // It opens where the alleles are predicted to differ most.
    let differ = |row: &usize| match table.number(*row, "variants") {
        0.0 => 0.0,
        _ => table.number(*row, "log2_ratio").abs(),
    };
    let most = (0..places.len()).max_by(|a, b| differ(a).total_cmp(&differ(b))).unwrap();
    assert_eq!(session.locus, format!("chr22:{}-{}", places[most].0 - 9_999, places[most].1 + 10_000));
    // The track line says the same.
    let graph = fs::read_to_string(folder.join("p.measured.ratio.bedGraph")).unwrap();
    let line = graph.lines().find(|l| l.starts_with("track ")).unwrap();
    assert!(line.contains("name=\"measured log2 ratio\" "), "{line}");
    assert!(line.contains(&format!(" color={MEASURED1} altColor={MEASURED2} ")), "{line}");
}

#[test]
fn one_session_of_all() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let counts = two_thirds_counted(here);
    good(&mut compared(&model, &counts, here));
    let mut annotate = annotate(&model, &phased());
    annotate.arg("-o").arg(here.join("effects.vcf.gz"));
    annotate.arg("--bigwig").arg(here.join("effects.bw")).arg("--igv").arg(here.join("all.xml"));
    for file in ["p.measured.hap1.bedGraph", "p.hap1.bw", "p.measured.hap2.bedGraph", "p.hap2.bw"] {
        annotate.arg("--igv-track").arg(here.join(file));
    }
    annotate.arg("--igv-track").arg(reads()).arg("--igv-track").arg(regions());
    good(&mut annotate);
    let session = session(&here.join("all.xml"));
    let track =
        |name: &str| session.tracks.get(name).unwrap_or_else(|| panic!("no {name}")).each_ref().map(String::as_str);
    assert_eq!(track("effects.bw"), ["variant effect", "70,70,70", "70,70,70", "."]);
    // Names and colours of track lines, else of file names; measured and predicted on one scale.
    assert_eq!(track("p.measured.hap1.bedGraph"), ["measured hap1 (NA12878:1)", MEASURED1, MEASURED1, "1"]);
    assert_eq!(track("p.hap1.bw"), ["p.hap1", HAP1, HAP1, "1"]);
    assert_eq!(track("p.measured.hap2.bedGraph"), ["measured hap2 (NA12878:2)", MEASURED2, MEASURED2, "1"]);
    assert_eq!(track("p.hap2.bw"), ["p.hap2", HAP2, HAP2, "1"]);
    let types: HashMap<&str, &str> =
        session.resources.iter().map(|(path, kind)| (path.rsplit('/').next().unwrap(), kind.as_str())).collect();
    assert_eq!(types["effects.vcf.gz"], "vcf");
    assert_eq!(types["p.measured.hap1.bedGraph"], "bedgraph");
    assert_eq!(types["ctcf_chip.chr22.bam"], "bam");
    assert_eq!(types["regions.narrowPeak"], "narrowpeak");
    let graphs = session.order.iter().position(|name| name == "effects.vcf.gz");
    assert_eq!(graphs, Some(5), "graphs stand above the variants: {:?}", session.order);
    assert_eq!(session.order[7..], ["ctcf_chip.chr22.bam", "ctcf_chip.chr22.bam", "Reference sequence"]);
}

#[test]
fn files_that_igv_cannot_open_are_refused_before_anything_is_predicted() {
    let models = scratch();
    let model = imported(models.path(), "mh");
    let folder = scratch();
    let here = folder.path();
    let bare = put(here, "bare.vcf.gz", fs::read(phased()).unwrap());
    let bcf = put(here, "x.bcf", "");
    let text = put(here, "x.txt", "");
    for (file, words) in [
        (here.join("none.bw"), ["none.bw", "No such file"]),
        (bare, ["bare.vcf.gz", "index"]),
        (bcf, ["x.bcf", "bcftools view"]),
        (text, ["x.txt", "ending"]),
    ] {
        let mut annotate = annotate(&model, &phased());
        annotate.arg("-o").arg(here.join("out.vcf.gz"));
        annotate.arg("--igv").arg(here.join("s.xml")).arg("--igv-track").arg(&file);
        refused_in(here, &mut annotate, &words);
        let mut predict = deepallele("predict");
        predict.arg("-m").arg(&model).arg("-f").arg(genome()).args(["--hap1", "ref", "--hap2", "ref", "-L"]);
        predict.arg(regions()).arg("-o").arg(here.join("out.tsv")).arg("--bigwig").arg(here.join("p"));
        predict.arg("--igv").arg(here.join("s.xml")).arg("--igv-track").arg(&file);
        refused_in(here, &mut predict, &words);
    }
}

#[test]
fn variants_without_an_index_are_left_out_of_the_session_and_named() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let bare = put(here, "bare.vcf.gz", fs::read(phased()).unwrap());
    let mut predict = deepallele("predict");
    predict.arg("-m").arg(&model).arg("-f").arg(genome()).arg("-v").arg(&bare).args(["-s", "NA12878", "-L"]);
    predict.arg(regions()).arg("-o").arg(here.join("out.tsv")).arg("--bigwig").arg(here.join("p"));
    let output = run(predict.arg("--igv").arg(here.join("s.xml")));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("bare.vcf.gz\": has no index"), "{}", text(&output.stderr));
    let session = session(&here.join("s.xml"));
    assert_eq!(session.order, ["p.hap1.bw", "p.hap2.bw", "p.ratio.bw", "Reference sequence"]);
}
