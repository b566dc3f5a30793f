//! `deepallele annotate`: its numbers against the same windows given to `predict --pairs`, its files against
//! bcftools, and what passes through it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deepallele_tests::*;

/// Window of the imported network.
const WINDOW: u64 = 110;

fn annotate(model: &Path, input: &Path) -> Command {
    let mut command = deepallele("annotate");
    command.arg("-m").arg(model).arg("-f").arg(genome()).arg(input);
    command
}

/// `FORMAT` of every record, through `bcftools query`: both a reader of our numbers and a check of the file.
fn query(file: &Path, format: &str) -> Vec<Vec<String>> {
    let table = good_text(tool("bcftools", ["query", "-f", format]).arg(file));
    table.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// `base` replaced by `alt` behind `before` bases, refilled from the right to a whole window centred on `start`.
fn windows(start: u64, reference: &str, alternative: &str) -> (String, String) {
    let left = bases(start - WINDOW / 2, start);
    let right = bases(start + reference.len() as u64, start + 2 * WINDOW);
    let whole = |allele: &str| format!("{left}{allele}{right}")[..WINDOW as usize].to_owned();
    (whole(alternative), whole(reference))
}

/// DA_LFC and DA_CLFC of (alternative, reference) pairs, by their definition from the network's outputs.
fn effects(folder: &Path, model: &Path, pairs: &[(String, String)]) -> Vec<(f64, f64)> {
    let swapped: Vec<(String, String)> = pairs.iter().map(|(a, b)| (b.clone(), a.clone())).collect();
    let forward = raw_predictions(folder, model, pairs);
    let backward = raw_predictions(folder, model, &swapped);
    let ln2 = std::f64::consts::LN_2;
    forward.iter().zip(backward).map(|(f, b)| ((f[2] - b[2]) / 2.0 / ln2, (f[0] - f[1]) / ln2)).collect()
}

/// A few records on the real chromosome: SNVs, a deletion, an insertion, several alternatives, and alternatives
/// that have no sequence.
fn small_vcf() -> String {
    let mut vcf = String::from(
        "##fileformat=VCFv4.2\n##contig=<ID=chr22,length=51304566>\n##ALT=<ID=DEL,Description=\"d\">\n\
         ##INFO=<ID=END,Number=1,Type=Integer,Description=\"e\">\n\
         ##FILTER=<ID=late,Description=\"l\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n",
    );
    let other = |base: &str| if base == "A" { "C" } else { "A" };
    let third = |base: &str| if base == "G" { "T" } else { "G" };
    let mut record = |pos: u64, reference: String, alternative: String, info: &str| {
        vcf += &format!("chr22\t{pos}\tid{pos}\t{reference}\t{alternative}\t9.5\tlate\t{info}\tGT\t0|1\n");
    };
    let at = |pos: u64, length: u64| bases(pos - 1, pos - 1 + length);
    record(17_400_000, at(17_400_000, 1), other(&at(17_400_000, 1)).into(), ".");
    record(17_400_100, at(17_400_100, 4), at(17_400_100, 1), ".");
    record(17_400_200, at(17_400_200, 1), at(17_400_200, 1) + "TTGACA", ".");
    let base = at(17_400_300, 1);
    record(17_400_300, base.clone(), format!("{},{},*", other(&base), third(&base)), ".");
    record(17_400_400, at(17_400_400, 1), "<DEL>".into(), "END=17400500");
    record(17_400_500, at(17_400_500, 1), ".".into(), ".");
    record(17_400_600, at(17_400_600, 1), at(17_400_600, 1) + &"ACGT".repeat(60), ".");
    record(17_400_700, at(17_400_700, 2), other(&at(17_400_700, 1)).to_owned() + &at(17_400_701, 1), ".");
    vcf
}

#[test]
fn effects_are_those_of_the_two_windows() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let out = folder.path().join("out.bcf");
    good(annotate(&model, &phased()).arg("-o").arg(&out));
    let rows = query(&out, "%POS\t%REF\t%ALT\t%DA_LFC\t%DA_CLFC\n");
    assert_eq!(rows.len(), 623);
    let some: Vec<&Vec<String>> = rows.iter().step_by(15).collect();
    let pairs: Vec<(String, String)> =
        some.iter().map(|row| windows(row[0].parse::<u64>().unwrap() - 1, &row[1], &row[2])).collect();
    let mut nonzero = 0;
    for (row, (ratio, counts)) in some.iter().zip(effects(folder.path(), &model, &pairs)) {
        close(row[3].parse().unwrap(), ratio, &format!("DA_LFC of {row:?}"));
        close(row[4].parse().unwrap(), counts, &format!("DA_CLFC of {row:?}"));
        nonzero += usize::from(ratio.abs() > 1e-3 && counts.abs() > 1e-3);
    }
    assert!(nonzero > some.len() / 2, "a network that sees no variant cannot test this");
}

#[test]
fn indels_several_alternatives_and_those_without_a_sequence() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let input = put(folder.path(), "small.vcf", small_vcf());
    let out = folder.path().join("out.vcf");
    let output = run(annotate(&model, &input).arg("-o").arg(&out));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows = query(&out, "%POS\t%REF\t%ALT\t%DA_LFC\t%DA_CLFC\n");
    assert_eq!(rows.len(), 8);
    let mut compared = 0;
    for row in &rows {
        let start = row[0].parse::<u64>().unwrap() - 1;
        let values = |column: usize| row[column].split(',').collect::<Vec<_>>();
        for (index, alternative) in row[2].split(',').enumerate() {
            let plain = alternative.bytes().all(|b| b"ACGT".contains(&b)) && alternative.len() < WINDOW as usize;
            let value = |column: usize| *values(column).get(index).unwrap_or(&".");
            if !plain {
                assert_eq!((value(3), value(4)), (".", "."), "{row:?}");
                continue;
            }
            let pair = windows(start, &row[1], alternative);
            let expected = effects(folder.path(), &model, &[pair])[0];
            close(value(3).parse().unwrap(), expected.0, &format!("DA_LFC of {row:?}"));
            close(value(4).parse().unwrap(), expected.1, &format!("DA_CLFC of {row:?}"));
            compared += 1;
        }
    }
    assert_eq!(compared, 6);
    // What was left out is said.
    assert!(text(&output.stderr).lines().count() >= 2, "{}", text(&output.stderr));
    // The rest of each record is as it came.
    let body = |file: &Path| {
        good_text(tool("bcftools", ["annotate", "-x", "INFO/DA_LFC,INFO/DA_CLFC,INFO/DA_REGION"]).arg(file))
    };
    let records =
        |text: String| -> Vec<String> { text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect() };
    assert_eq!(records(body(&out)), records(fs::read_to_string(&input).unwrap()));
}

#[test]
fn the_pipe_of_the_handbook_works() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let mut middle = annotate(&model, "-".as_ref());
    middle.arg("-Ob");
    let mut first = tool("bcftools", ["view", "-Ob"]);
    first.arg(phased());
    let printed = text(&pipeline(&mut [first, middle, tool("bcftools", ["query", "-f", "%POS %DA_LFC\n"])]));
    assert_eq!(printed.lines().count(), 623);
    for line in printed.lines() {
        let (pos, effect) = line.split_once(' ').unwrap();
        assert!(pos.parse::<u64>().is_ok() && effect.parse::<f64>().is_ok(), "{line:?}");
    }
}

/// Every way in and every way out gives the same records.
#[test]
fn files_and_pipes_of_every_kind_agree() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let records = |bytes: &[u8]| -> Vec<u8> { feed(&mut tool("bcftools", ["view", "-H"]), bytes) };
    let reference = records(&good(&mut annotate(&model, &phased())));
    assert_eq!(text(&reference).lines().count(), 623);
    let bcf = folder.path().join("in.bcf");
    let plain = folder.path().join("in.vcf");
    good(tool("bcftools", ["view", "-Ob", "-o"]).arg(&bcf).arg(phased()));
    good(tool("bcftools", ["view", "-Ov", "-o"]).arg(&plain).arg(phased()));
    for input in [&bcf, &plain, &phased()] {
        for kind in ["-Ou", "-Ob", "-Ob9", "-Ov", "-Oz", "-Oz1"] {
            let out = good(annotate(&model, input).arg(kind));
            assert!(reference == records(&out), "{input:?} {kind}");
        }
        let piped = feed(&mut annotate(&model, "-".as_ref()), &fs::read(input).unwrap());
        assert!(reference == records(&piped), "{input:?} through a pipe");
    }
    for (name, magic) in [("o.bcf", &b"\x1f\x8b"[..]), ("o.vcf.gz", b"\x1f\x8b"), ("o.vcf", b"##fileformat")] {
        let out = folder.path().join(name);
        good(annotate(&model, &plain).arg("-o").arg(&out));
        let bytes = fs::read(&out).unwrap();
        assert!(bytes.starts_with(magic), "{name}");
        assert!(reference == records(&bytes), "{name}");
    }
}

#[test]
fn threads_and_header() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let with = |more: &[&str]| good(annotate(&model, &phased()).args(more));
    assert!(with(&["--no-version", "-@", "1"]) == with(&["--no-version", "-@", "4"]));
    let header = text(&with(&[]));
    let line = |start: &str| header.lines().find(|l| l.starts_with(start)).unwrap_or_else(|| panic!("no {start}"));
    assert!(line("##deepallele_annotateVersion=").contains(env!("CARGO_PKG_VERSION")));
    assert!(line("##deepallele_annotateCommand=annotate ").contains("-m "));
    for field in ["DA_LFC", "DA_CLFC"] {
        let line = line(&format!("##INFO=<ID={field},Number=A,Type=Float,"));
        assert!(line.contains("Source=\"deepallele\"") && line.contains("Version=\""), "{line}");
    }
    line("##INFO=<ID=DA_REGION,");
    let bare = text(&with(&["--no-version"]));
    assert!(!bare.contains("deepallele_annotateCommand") && !bare.contains("deepallele_annotateVersion"));
}

#[test]
fn an_index_comes_on_request() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    for (name, option, index) in
        [("a.vcf.gz", "-W=tbi", "a.vcf.gz.tbi"), ("b.vcf.gz", "-W", "b.vcf.gz.csi"), ("c.bcf", "-W", "c.bcf.csi")]
    {
        let out = folder.path().join(name);
        good(annotate(&model, &phased()).arg(option).arg("-o").arg(&out));
        assert!(folder.path().join(index).is_file(), "{:?}", listing(folder.path()));
        let some = good_text(tool("bcftools", ["view", "-H", "-r", "chr22:17398508"]).arg(&out));
        assert_eq!(some.lines().count(), 1);
    }
}

#[test]
fn restricted_by_index_or_by_stream() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let places = |vcf: String| -> Vec<String> {
        let records = vcf.lines().filter(|l| !l.starts_with('#'));
        records.map(|l| l.split('\t').nth(1).unwrap().to_owned()).collect()
    };
    // From the place of one record to the place of another: both ends are inside.
    let place = "chr22:17398508-17699818";
    let expected = places(good_text(tool("bcftools", ["view", "-H", "-r", place]).arg(phased())));
    assert_eq!(expected.len(), 5);
    let bed = put(folder.path(), "r.bed", "chr22\t17398507\t17699818\n");
    let bed = bed.to_str().unwrap();
    for (option, value) in [("-r", place), ("-t", place), ("-R", bed), ("-T", bed)] {
        let out = good_text(annotate(&model, &phased()).args([option, value]));
        assert_eq!(places(out), expected, "{option}");
    }
}

#[test]
fn records_outside_every_region_pass_through_untouched() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let out = good_text(annotate(&model, &phased()).arg("-L").arg(regions()));
    let before = good_text(tool("bcftools", ["view", "-H"]).arg(phased()));
    let after: Vec<&str> = out.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(after.len(), before.lines().count());
    // bedtools-like truth: inside when start <= pos < end for some region.
    let table = fs::read_to_string(regions()).unwrap();
    let regions: Vec<(u64, u64, u64, &str)> = table
        .lines()
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let number = |i: usize| columns[i].parse::<u64>().unwrap();
            (number(1), number(2), number(1) + number(9), columns[3])
        })
        .collect();
    let (mut inside, mut outside, mut pairs, mut values) = (0, 0, Vec::new(), Vec::new());
    for (before, after) in before.lines().zip(after) {
        let columns: Vec<&str> = before.split('\t').collect();
        let start = columns[1].parse::<u64>().unwrap() - 1;
        let nearest = regions
            .iter()
            .filter(|(from, to, _, _)| (*from..*to).contains(&start))
            .min_by_key(|(_, _, centre, _)| centre.abs_diff(start));
        let Some((_, _, centre, name)) = nearest else {
            assert_eq!(before, after);
            outside += 1;
            continue;
        };
        inside += 1;
        assert!(after.contains("DA_REGION="), "{after}");
        assert!(after.contains(name) || after.contains("chr22:"), "{after} should name {name}");
        let left = centre - WINDOW / 2;
        let mut reference = bases(left, left + WINDOW);
        let field = |name: &str| -> f64 {
            let info = after.split('\t').nth(7).unwrap();
            let value = info.split(';').find_map(|f| f.strip_prefix(&format!("{name}="))).expect(name);
            value.parse().unwrap_or_else(|_| panic!("{name} of {after}"))
        };
        // A window that the variant is not in cannot show it: that record has no effect to compare.
        if (left..left + WINDOW).contains(&start) {
            let at = (start - left) as usize;
            let plain = reference.clone();
            reference.replace_range(at..at + 1, columns[4]);
            pairs.push((reference, plain));
            values.push((field("DA_LFC"), field("DA_CLFC")));
        }
    }
    assert!(inside > 100 && outside > 300, "{inside} inside, {outside} outside");
    assert!(pairs.len() > 10);
    for (value, expected) in values.iter().zip(effects(folder.path(), &model, &pairs)) {
        close(value.0, expected.0, "DA_LFC");
        close(value.1, expected.1, "DA_CLFC");
    }
}

#[test]
fn tracks_and_a_session_that_opens_them() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let name = |name: &str| folder.path().join(name);
    good(
        annotate(&model, &phased())
            .arg("-o")
            .arg(name("effects.vcf.gz"))
            .arg("-W=tbi")
            .arg("--bedgraph")
            .arg(name("effects.bedGraph"))
            .arg("--bigwig")
            .arg(name("effects.bw"))
            .arg("--igv")
            .arg(name("session.xml")),
    );
    let graph = fs::read_to_string(name("effects.bedGraph")).unwrap();
    let lines: Vec<&str> = graph.lines().collect();
    assert_eq!(lines.iter().filter(|l| l.starts_with("track")).count(), 1);
    let mut last = 0;
    let mut values = 0;
    for line in lines.iter().filter(|l| !l.starts_with("track") && !l.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (start, end): (u64, u64) = (columns[1].parse().unwrap(), columns[2].parse().unwrap());
        assert!(start >= last && end > start, "{line}: not sorted or overlapping");
        assert!(columns[3].parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        last = end;
        values += 1;
    }
    assert_eq!(values, 623);
    assert!(fs::read(name("effects.bw")).unwrap().starts_with(&[0x26, 0xfc, 0x8f, 0x88]));
    let session = fs::read_to_string(name("session.xml")).unwrap();
    for file in ["effects.vcf.gz", "effects.bw"] {
        assert!(session.contains(&format!("path=\"{file}\"")), "{file}, by a relative path, is not in {session}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly_with_0() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    for kind in ["-Ov", "-Ob"] {
        let mut child = annotate(&model, &phased())
            .args([kind, "--quiet"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{kind}: {}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn the_record_stream_flows_before_its_input_ends() {
    // 20,000 records come in; the reader takes a line and goes away long before the end.
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let header =
        "##fileformat=VCFv4.2\n##contig=<ID=chr22,length=51304566>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    let mut child =
        annotate(&model, "-".as_ref()).arg("--quiet").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut sink = child.stdin.take().unwrap();
    let mut source = child.stdout.take().unwrap();
    let stretch = bases(20_000_000, 20_005_000);
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut line = header.to_owned();
        for (offset, base) in stretch.bytes().enumerate() {
            let other = if base == b'A' { 'C' } else { 'A' };
            line += &format!("chr22\t{}\t.\t{}\t{other}\t.\t.\t.\n", 20_000_001 + offset, base as char);
        }
        sink.write_all(line.as_bytes()).is_ok().then_some(sink)
    });
    // stdin is still open: what arrives now was not held back for the end of the input.
    let mut some = vec![0; 20_000];
    source.read_exact(&mut some).unwrap();
    let seen = text(&some);
    assert!(seen.lines().any(|l| l.starts_with("chr22\t20000001\t")), "{seen}");
    drop(source);
    drop(writer.join().unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn to_file(folder: &Path, model: &Path, input: &Path) -> Command {
    let mut command = annotate(model, input);
    command.arg("-o").arg(folder.join("out.vcf.gz")).arg("-W").arg("--bedgraph").arg(folder.join("out.bedGraph"));
    command
}

#[test]
fn bad_input_leaves_nothing() {
    let models = scratch();
    let model = imported(models.path(), "mh");
    let folder = scratch();
    let here = folder.path();
    // Truncated VCF and BCF.
    let packed = fs::read(phased()).unwrap();
    let short = put(here, "short.vcf.gz", &packed[..packed.len() / 2]);
    refused_in(here, &mut to_file(here, &model, &short), &["short.vcf.gz"]);
    let no_end = put(here, "no_end.vcf.gz", &packed[..packed.len() - 28]);
    refused_in(here, &mut to_file(here, &model, &no_end), &["no_end.vcf.gz", "truncated"]);
    let bcf = good(tool("bcftools", ["view", "-Ob"]).arg(phased()));
    let short = put(here, "short.bcf", &bcf[..bcf.len() / 2]);
    refused_in(here, &mut to_file(here, &model, &short), &["short.bcf"]);
    // No VCF, no file.
    let words = put(here, "words.vcf", "these are words\n");
    refused_in(here, &mut to_file(here, &model, &words), &["words.vcf"]);
    refused_in(here, &mut to_file(here, &model, "nowhere.vcf".as_ref()), &["\"nowhere.vcf\""]);
    // A model that is none.
    for (name, content) in [("words.onnx", "these are words"), ("empty.onnx", "")] {
        let no_model = put(here, name, content);
        refused_in(here, &mut to_file(here, &no_model, &phased()), &[name]);
    }
    let checkpoint = data("parity/mh/model.ckpt");
    refused_in(here, &mut to_file(here, &checkpoint, &phased()), &["model.ckpt"]);
    let whole = fs::read(&model).unwrap();
    let short = put(here, "short.onnx", &whole[..whole.len() / 2]);
    refused_in(here, &mut to_file(here, &short, &phased()), &["short.onnx"]);
    // No index where one is needed.
    let bare = put(here, "bare.vcf.gz", &packed);
    refused_in(here, to_file(here, &model, &bare).args(["-r", "chr22:1-20000000"]), &["bare.vcf.gz", "index"]);
    // Regions.
    let bed = put(here, "bad.bed", "chr22\t1\t2\nchr22\t9\t4\n");
    refused_in(here, to_file(here, &model, &phased()).arg("-L").arg(&bed), &["bad.bed", "line 2"]);
    let empty = put(here, "empty.bed", "");
    refused_in(here, to_file(here, &model, &phased()).arg("-L").arg(&empty), &["empty.bed"]);
}

#[test]
fn a_reference_that_is_not_the_variants() {
    let folder = scratch();
    let here = folder.path();
    let models = scratch();
    let model = imported(models.path(), "mh");
    // Every REF off by one position: the wrong assembly.
    let vcf = good_text(tool("bcftools", ["view"]).arg(phased()));
    let shifted: String = vcf
        .lines()
        .map(|line| {
            let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            if !line.starts_with('#') {
                columns[1] = (columns[1].parse::<u64>().unwrap() + 1).to_string();
            }
            columns.join("\t") + "\n"
        })
        .collect();
    let shifted = put(here, "shifted.vcf", shifted);
    refused_in(here, &mut to_file(here, &model, &shifted), &["shifted.vcf", "assembly"]);
    // A contig the genome has not.
    let other = put(here, "other.vcf", vcf.replace("chr22", "chrQ"));
    refused_in(here, &mut to_file(here, &model, &other), &["other.vcf", "chrQ"]);
    // One record of 623 is under the 1 %: counted, named, left without a value.
    let line = vcf.lines().find(|l| l.starts_with("chr22\t17653030\t")).unwrap();
    let one = put(here, "one.vcf", vcf.replace(line, &line.replace("\tC\tT\t", "\tG\tT\t")));
    let output = run(&mut annotate(&model, &one));
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("17653030"), "{}", text(&output.stderr));
    let record = text(&output.stdout);
    let record = record.lines().find(|l| l.starts_with("chr22\t17653030\t")).unwrap();
    assert!(!record.contains("DA_LFC=0") && !record.contains("DA_LFC=-") && record.contains("\tG\tT\t"), "{record}");
}

#[test]
fn a_full_disk() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    for kind in ["-Ov", "-Oz", "-Ob"] {
        let mut command = annotate(&model, &phased());
        refused_in(folder.path(), command.args([kind, "-o", "/dev/full"]), &["/dev/full"]);
        let mut command = annotate(&model, &phased());
        command.args([kind, "--quiet"]).stdout(fs::File::options().write(true).open("/dev/full").unwrap());
        let output = run(&mut command);
        assert_eq!(output.status.code(), Some(1), "{kind}");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{}", text(&output.stderr));
    }
}

#[test]
fn without_the_engine_it_says_what_to_do() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let alone: PathBuf = folder.path().join("deepallele-annotate");
    fs::copy(bin_folder().join("deepallele-annotate"), &alone).unwrap();
    let mut command = Command::new(alone);
    command.env_clear().stdin(Stdio::null()).arg("-m").arg(model).arg("-f").arg(genome()).arg(phased());
    let output = run(command.arg("--quiet"));
    if output.status.success() {
        return; // the system has an ONNX Runtime of its own
    }
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("ORT_DYLIB_PATH"), "{said}");
    assert!(output.stdout.is_empty());
}
