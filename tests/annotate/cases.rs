//! Situations of people who annotate with sequence models, rebuilt small in `test-data/cases/annotate`, with the right
//! answers. The network is linear: the effect of an allele can be written down.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deepallele_tests::*;

/// A case, copied into an empty folder.
struct Case(tempfile::TempDir);

impl Case {
    fn new(name: &str) -> Self {
        let (folder, from) = (scratch(), data("cases/annotate").join(name));
        for entry in fs::read_dir(from).expect("a case") {
            let file = entry.expect("a file").path();
            fs::copy(&file, folder.path().join(file.file_name().expect("a name"))).expect("copied");
        }
        Self(folder)
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// `deepallele annotate` with the network and the genome of the case, run in its folder.
    fn annotate(&self, more: &[&str]) -> Command {
        let mut command = deepallele("annotate");
        command.current_dir(self.folder()).args(["-m", "tiny.toml", "-f", "ref.fa", "--no-version"]).args(more);
        command
    }

    /// The records that it writes, by columns, and stderr.
    fn records(&self, more: &[&str]) -> (Vec<Vec<String>>, String) {
        let output = run(&mut self.annotate(more));
        assert!(output.status.success(), "{more:?}: {}", text(&output.stderr));
        (records(&output.stdout), text(&output.stderr))
    }
}

fn records(vcf: &[u8]) -> Vec<Vec<String>> {
    let lines = text(vcf);
    lines.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').map(str::to_owned).collect()).collect()
}

/// The value of an INFO field, if the record has it.
fn info<'a>(record: &'a [String], field: &str) -> Option<&'a str> {
    record[7].split(';').find_map(|entry| match entry.split_once('=') {
        Some((name, value)) => (name == field).then_some(value),
        None => (entry == field).then_some(""),
    })
}

/// A field that is one number in each record.
fn values(records: &[Vec<String>], field: &str) -> Vec<f64> {
    let value = |record: &Vec<String>| info(record, field).and_then(|v| v.parse().ok()).unwrap_or(f64::NAN);
    records.iter().map(value).collect()
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 2e-5, "{found}, and not {expected}");
}

#[test]
fn padded_snvs_have_the_effect_of_the_snv() {
    let (records, _) = Case::new("01-padded-snv").records(&["in.vcf"]);
    assert_eq!(records.len(), 4);
    values(&records, "DA_LFC").into_iter().for_each(|value| near(value, 0.001));
    // They are in the regions of what they change.
    let case = Case::new("01-padded-snv");
    put(case.folder(), "r.bed", "c1\t180\t199\n");
    let (records, _) = case.records(&["-L", "r.bed", "in.vcf"]);
    assert!(records.iter().all(|record| info(record, "DA_LFC").is_none()), "{records:?}");
}

#[test]
fn an_snv_joined_with_a_long_deletion_has_its_effect() {
    let (records, _) = Case::new("03-ref-longer-than-window").records(&["in.vcf"]);
    let joined: Vec<&str> = info(&records[0], "DA_LFC").unwrap().split(',').collect();
    assert_eq!(joined[0], ".");
    near(joined[1].parse().unwrap(), -0.566);
    near(values(&records, "DA_LFC")[1], -0.566);
}

#[test]
fn what_a_deletion_draws_in_carries_the_variants_of_the_haplotype() {
    let (records, _) = Case::new("04-uncarried-deletion-draws-in").records(&["-s", "S", "in.vcf"]);
    near(values(&records, "DA_LFC_BG1")[0], -2.619);
    near(values(&records, "DA_LFC_BG2")[0], -3.274);
}

#[test]
fn ambiguity_codes_of_the_fasta_are_the_bases_that_they_stand_for() {
    let case = Case::new("06-iupac-in-fasta");
    for more in [&["in.vcf"][..], &["-s", "S", "in.vcf"]] {
        let (records, messages) = case.records(more);
        assert!(values(&records, "DA_LFC").iter().all(|v| v.is_finite()) && records.len() == 8, "{records:?}");
        assert!(messages.contains("8 of 8 records annotated"), "{messages}");
    }
}

#[test]
fn one_record_of_another_reference_does_not_end_a_run() {
    let case = Case::new("07-one-ref-mismatch-of-50");
    for more in [&["in.vcf"][..], &["-s", "S", "in.vcf"], &["--on-mismatch", "skip", "in.vcf"]] {
        let (records, messages) = case.records(more);
        assert_eq!(records.len(), 50);
        assert_eq!(values(&records, "DA_LFC").iter().filter(|v| v.is_finite()).count(), 49, "{more:?}");
        assert!(messages.contains("left without an effect: 1 records whose REF differs"), "{messages}");
    }
    let folder = case.folder();
    refused_in(folder, &mut case.annotate(&["--on-mismatch", "stop", "in.vcf"]), &["c1:", "in.vcf", "REF differs"]);
    refused_in(folder, &mut case.annotate(&["--on-mismatch", "stop", "-s", "S", "in.vcf"]), &["in.vcf", "REF differs"]);
    // Many are another assembly, unless they are to be skipped.
    let swapped: String = text(&fs::read(case.at("in.vcf")).unwrap())
        .lines()
        .enumerate()
        .map(|(i, line)| match line.starts_with('#') || i % 2 == 0 {
            true => format!("{line}\n"),
            false => {
                let mut columns: Vec<&str> = line.split('\t').collect();
                columns.swap(3, 4);
                columns.join("\t") + "\n"
            }
        })
        .collect();
    let file = put(folder, "swapped.vcf", swapped);
    for more in [&[][..], &["-s", "S"]] {
        let mut command = case.annotate(more);
        refused_in(folder, command.arg(&file).args(["-o", "o.vcf"]), &["of 50 records", "right assembly?"]);
    }
    let (records, _) = case.records(&["--on-mismatch", "skip", "-s", "S", "swapped.vcf"]);
    assert_eq!(records.len(), 50);
}

#[test]
fn records_on_contigs_that_the_fasta_lacks_pass_through() {
    let case = Case::new("08-contig-not-in-fasta");
    for more in [&["in.vcf"][..], &["-L", "r.bed", "in.vcf"], &["-s", "S", "in.vcf"]] {
        let (records, messages) = case.records(more);
        let with = |record: &&Vec<String>| info(record, "DA_LFC").is_some();
        assert_eq!((records.len(), records.iter().filter(with).count()), (4, 2), "{more:?}: {messages}");
        assert!(records.iter().filter(with).all(|record| record[0] == "chr1"));
    }
    let (_, messages) = case.records(&["in.vcf"]);
    assert!(messages.contains("2 records on contigs that the FASTA does not have"), "{messages}");
    // A shard with nothing but a decoy passes through; where no name is known, it is an error.
    let lines = text(&fs::read(case.at("in.vcf")).unwrap());
    let decoy: String = lines.lines().filter(|l| !l.starts_with("chr1\t")).map(|l| format!("{l}\n")).collect();
    put(case.folder(), "decoy.vcf", &decoy);
    assert!(!case.records(&["decoy.vcf"]).0.is_empty());
    put(case.folder(), "other.vcf", lines.replace("chr1", "NC_000001.11"));
    refused(&mut case.annotate(&["other.vcf"]), &["other.vcf", "no record on a contig of", "ref.fa"]);
}

#[test]
fn a_vcf_without_effects_is_written_with_every_by_product() {
    let case = Case::new("09-header-only");
    for (number, file) in ["in.vcf", "none.vcf"].into_iter().enumerate() {
        for more in [
            &["--bedgraph", "x.bedGraph"][..],
            &["--bigwig", "x.bw"],
            &["--bigwig", "x.bw", "--igv", "x.xml"],
            &["--bigwig", "x.bw", "--bedgraph", "x.bedGraph", "--igv", "x.xml", "-W=tbi"],
        ] {
            // Of an earlier run.
            put(case.folder(), "x.bw", "old");
            let out = format!("out{number}.vcf.gz");
            let output = run(case.annotate(&[file, "-o", &out, more[0], more[1]]).args(&more[2..]));
            assert!(output.status.success(), "{more:?}: {}", text(&output.stderr));
            assert!(text(&good(&mut tool("bcftools", ["view", "-h", as_str(&case.at(&out))]))).contains("DA_LFC"));
            if more.contains(&"x.bw") {
                assert!(text(&output.stderr).contains("\"x.bw\" is not written"), "{}", text(&output.stderr));
                assert!(!case.at("x.bw").exists());
            }
            if more.contains(&"x.xml") {
                let session = fs::read_to_string(case.at("x.xml")).unwrap();
                assert!(!session.contains("x.bw") && session.contains(&out), "{session}");
            }
        }
    }
    let lines = text(&good(&mut case.annotate(&["-s", "S", "in.vcf"])));
    assert!(lines.lines().last().unwrap().starts_with("#CHROM"));
    let bcf = good(&mut case.annotate(&["in.vcf", "-Ob"]));
    assert_eq!(feed(&mut tool("bcftools", ["view", "-H"]), &bcf), b"");
}

#[test]
fn pipes_by_any_name_are_pipes() {
    let case = Case::new("10-process-substitution-two-haplotypes");
    let expected = case.records(&["-s", "S", "in.vcf"]).0;
    assert!(!expected.is_empty());
    let shell = |line: &str| {
        let mut command = Command::new("timeout");
        let program = bin_folder().join("deepallele");
        let line =
            line.replace("ANNOTATE", &format!("{} annotate -m tiny.toml -f ref.fa --no-version", as_str(&program)));
        without_engines(command.args(["20", "bash", "-c", &line]).current_dir(case.folder()).stdin(Stdio::null()));
        run(&mut command)
    };
    // The haplotypes cannot be read a second time from a pipe, whatever it is called.
    for line in [
        "ANNOTATE -s S <(bcftools view in.vcf)",
        "ANNOTATE -s S <(bcftools view -Oz in.vcf)",
        "bcftools view in.vcf | ANNOTATE -s S /dev/stdin",
        "mkfifo fifo; (timeout 5 bash -c 'bcftools view in.vcf > fifo' > /dev/null 2>&1 &); ANNOTATE -s S fifo",
    ] {
        let output = shell(line);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("name the file of the two haplotypes with -v VCF"), "{line}");
        assert!(output.stdout.is_empty());
    }
    let output = shell("ANNOTATE -m tiny.toml --tag a --tag b -s S -v <(bcftools view in.vcf) in.vcf");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let both = shell("bcftools view in.vcf | ANNOTATE -s S -v - /dev/stdin");
    assert!(text(&both.stderr).contains("only one input"), "{}", text(&both.stderr));
    for line in [
        "ANNOTATE -s S -v <(bcftools view in.vcf) - < in.vcf",
        "ANNOTATE -s S /dev/stdin < in.vcf",
        "ANNOTATE -s S -v in.vcf <(bcftools view in.vcf)",
        "bcftools view -Ob in.vcf | ANNOTATE -s S -v in.vcf /dev/stdin",
    ] {
        let output = shell(line);
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        assert_eq!(records(&output.stdout), expected, "{line}");
    }
}

#[test]
fn fields_are_recognised_by_the_keys_of_their_declaration() {
    let case = Case::new("12-header-key-order");
    for file in ["in0.vcf", "in1.vcf"] {
        let out = case.at("out.vcf");
        good(&mut case.annotate(&[file, "-o", as_str(&out)]));
        let header = good_text(&mut tool("bcftools", ["view", "-h", as_str(&out)]));
        let declared =
            |line: &&str| line.starts_with("##INFO") && (line.contains("ID=DA_LFC,") || line.contains("ID=DA_LFC>"));
        assert_eq!(header.lines().filter(declared).count(), 1, "{header}");
        assert!(query(&out, "%DA_LFC\n").iter().all(|row| row[0].parse::<f64>().is_ok()));
    }
    for file in ["in2.vcf", "in3.vcf"] {
        refused_in(case.folder(), &mut case.annotate(&[file, "-o", "no.vcf"]), &[file, "DA_LFC", "annotate -x"]);
    }
}

#[test]
fn a_broken_header_has_a_reason() {
    let case = Case::new("18-header-faults-by-reason");
    for (file, words) in [
        ("dup.vcf", ["\"S\" is listed twice", "reheader"]),
        ("lf.vcf", ["first line is empty", "##fileformat=VCF"]),
        ("spaces.vcf", ["line 6", "has tabs"]),
    ] {
        refused(&mut case.annotate(&[file]), &[file, words[0], words[1]]);
    }
    put(case.folder(), "bom.vcf", [b"\xef\xbb\xbf", &fs::read(case.at("in.vcf")).unwrap()[..]].concat());
    refused(&mut case.annotate(&["bom.vcf"]), &["bom.vcf", "byte order mark"]);
}

#[test]
fn contigs_may_come_in_any_order_with_and_without_lines() {
    let case = Case::new("20-no-contig-lines-other-order");
    let plain = case.records(&["with.vcf"]).0;
    assert_eq!(plain.len(), 18);
    assert_eq!(case.records(&["in.vcf"]).0, plain);
    let pairs = case.records(&["-s", "S", "with.vcf"]).0;
    assert_eq!(pairs.len(), 18);
    for more in
        [&["in.vcf"][..], &["-v", "in.vcf", "with.vcf"], &["-v", "with.vcf", "in.vcf"], &["-v", "in.vcf", "in.vcf"]]
    {
        assert_eq!(case.records(&[&["-s", "S"], more].concat()).0, pairs, "{more:?}");
    }
    for haplotypes in ["in.vcf", "with.vcf"] {
        let input = fs::read(case.at("in.vcf")).unwrap();
        let got = feed(&mut case.annotate(&["-s", "S", "-v", haplotypes, "-"]), &input);
        assert_eq!(records(&got), pairs, "{haplotypes}");
    }
    // A header whose order is not that of the records.
    let lines = text(&fs::read(case.at("with.vcf")).unwrap());
    let (contigs, others): (Vec<&str>, Vec<&str>) = lines.lines().partition(|l| l.starts_with("##contig"));
    let reversed =
        [vec![others[0]], contigs.into_iter().rev().collect(), others[1..].to_vec()].concat().join("\n") + "\n";
    put(case.folder(), "reversed.vcf", reversed);
    for more in [&["reversed.vcf"][..], &["-v", "with.vcf", "reversed.vcf"], &["-v", "reversed.vcf", "in.vcf"]] {
        assert_eq!(case.records(&[&["-s", "S"], more].concat()).0, pairs, "{more:?}");
    }
    // Records of one contig in two places are not sorted.
    let mut scattered: Vec<&str> = lines.lines().collect();
    let first = scattered.iter().position(|l| !l.starts_with('#')).unwrap();
    let moved = scattered.remove(first);
    scattered.push(moved);
    put(case.folder(), "scattered.vcf", scattered.join("\n") + "\n");
    let mut command = case.annotate(&["-s", "S", "-v", "with.vcf", "scattered.vcf", "-o", "no.vcf"]);
    refused_in(case.folder(), &mut command, &["scattered.vcf", "bcftools sort"]);
}

/// The files that IGV opens with a session: it follows the links in the session's folder before it goes up.
fn opened_by_igv(session: &Path) -> Vec<PathBuf> {
    let folder = session.parent().unwrap().canonicalize().unwrap();
    let text = fs::read_to_string(session).unwrap();
    let attributes = text.split("path=\"").skip(1).chain(text.split("genome=\"").skip(1));
    let path = |rest: &str| {
        let escaped = rest.split('"').next().unwrap();
        let plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        folder.join(plain)
    };
    attributes.map(path).collect()
}

#[test]
fn igv_finds_the_files_of_a_session_behind_links() {
    let case = Case::new("21-igv-session-paths");
    let project = case.at("proj");
    for folder in ["proj/ref dir", "proj/a & b #1 100% ü", "proj/scratch/deep/out", "elsewhere/far"] {
        fs::create_dir_all(case.at(folder)).unwrap();
    }
    for file in ["ref.fa", "ref.fa.fai"] {
        fs::copy(case.at(file), project.join("ref dir").join(file)).unwrap();
    }
    symlink("scratch/deep/out", project.join("out")).unwrap();
    symlink(case.at("elsewhere/far"), project.join("disk")).unwrap();
    for [vcf, track, session] in [
        ["a & b #1 100% ü/e.vcf.gz", "a & b #1 100% ü/e.bw", "a & b #1 100% ü/s.xml"],
        ["e2.vcf.gz", "scratch/e2.bw", "scratch/s.xml"],
        ["e3.vcf.gz", "scratch/e3.bw", "ref dir/s.xml"],
        ["out/e.vcf.gz", "out/e.bw", "out/s.xml"],
        ["disk/e.vcf.gz", "disk/e.bw", "disk/s.xml"],
        ["out/f.vcf.gz", "disk/f.bw", "s.xml"],
    ] {
        let mut command = deepallele("annotate");
        command.current_dir(&project).args(["-m", "../tiny.toml", "-f", "ref dir/ref.fa", "--no-version", "../in.vcf"]);
        good(command.args(["-o", vcf, "--bigwig", track, "--igv", session]));
        let opened = opened_by_igv(&project.join(session));
        assert_eq!(opened.len(), 3, "{opened:?}");
        for file in opened {
            assert!(file.exists(), "{session}: {file:?}");
        }
    }
}

#[test]
fn three_hundred_alternatives_are_three_hundred() {
    let case = Case::new("25-three-hundred-alternatives");
    let (records, _) = case.records(&["in.vcf"]);
    assert_eq!(info(records.last().unwrap(), "DA_LFC").unwrap().split(',').count(), 330);
    // Haplotype 1 carries alternative 300: as if that were the only one.
    let (all, _) = case.records(&["-s", "S", "in.vcf"]);
    let lines = text(&fs::read(case.at("in.vcf")).unwrap());
    let mut only = String::new();
    for line in lines.lines() {
        let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if !line.starts_with('#') && columns[4].split(',').count() > 1 {
            let alternatives: Vec<&str> = columns[4].split(',').collect();
            let calls: Vec<&str> = columns[9].split(':').next().unwrap().split('|').collect();
            assert_eq!(calls[0], "300");
            let numbers = [0, 1].map(|i: usize| calls[i].parse::<usize>().unwrap());
            columns[4] = format!("{},{}", alternatives[numbers[0] - 1], alternatives[numbers[1] - 1]);
            columns[9] = "1|2".into();
        }
        only += &(columns.join("\t") + "\n");
    }
    put(case.folder(), "only.vcf", only);
    let (two, _) = case.records(&["-s", "S", "only.vcf"]);
    let pair = |records: &[Vec<String>]| values(records, "DA_PAIR");
    assert_eq!(pair(&all), pair(&two));
    assert!(pair(&all).iter().any(|v| *v != 0.0));
}

#[test]
fn regions_that_do_not_fit_the_contigs_are_cut_or_left_out() {
    let case = Case::new("27-peak-past-the-contig-end");
    for (file, annotated, words) in [
        ("alt.bed", 1, "1 lines of the regions are on contigs that the other inputs do not have"),
        ("empty.bed", 1, "1 regions are empty"),
        ("macs.narrowPeak", 2, "1 regions reach beyond the end of their contig: cut there"),
    ] {
        let (records, messages) = case.records(&["-L", file, "in.vcf"]);
        let with = records.iter().filter(|record| info(record, "DA_LFC").is_some()).count();
        assert_eq!(with, annotated, "{file}: {records:?}");
        assert!(messages.contains(words), "{file}: {messages}");
    }
    // A region of which nothing is left; and a file of them, which is of another assembly.
    put(case.folder(), "far.bed", "chr1\t130\t180\nchr1\t9000\t9100\n");
    let (_, messages) = case.records(&["-L", "far.bed", "in.vcf"]);
    assert!(messages.contains("1 regions lie beyond the end of their contig: not used"), "{messages}");
    put(case.folder(), "wrong.bed", "chr1\t130\t180\nchr1\t9000\t9100\nchr1\t9200\t9300\n");
    refused(&mut case.annotate(&["-L", "wrong.bed", "in.vcf"]), &["wrong.bed", "line 2", "2 of 3 lines", "assembly?"]);
    put(
        case.folder(),
        "g.gtf",
        "chr1\tx\texon\t131\t180\t.\t+\t.\tgene_id \"a\";\nchr2\tx\texon\t280\t339\t.\t+\t.\tgene_id \"b\";\n",
    );
    let (records, _) = case.records(&["-L", "g.gtf", "--anchor", "middle", "in.vcf"]);
    assert!(records.iter().all(|record| info(record, "DA_LFC").is_some()), "{records:?}");
}

#[test]
fn mismatches_side_by_side_are_judged_by_the_whole_file() {
    let case = Case::new("29-mismatches-in-one-stretch");
    // 5,800 records, 20 neighbours among them with REF and ALT exchanged, as an inversion leaves them after liftover.
    let genome: String = fs::read_to_string(case.at("ref.fa")).unwrap().lines().skip(1).collect();
    let contig = fs::read_to_string(case.at("ref.fa.fai")).unwrap().split('\t').next().unwrap().to_owned();
    let record = |i: usize| {
        let reference = genome.as_bytes()[100 + i] as char;
        let other = if reference == 'A' { 'C' } else { 'A' };
        let (reference, other) = if (1005..1025).contains(&i) { (other, reference) } else { (reference, other) };
        format!("{contig}\t{}\t.\t{reference}\t{other}\t.\tPASS\t.\tGT\t0|1", 101 + i)
    };
    let lines: Vec<String> = vcf_header(&[&contig], &["S"]).lines().map(str::to_owned).collect();
    let header: Vec<&str> = lines.iter().map(String::as_str).collect();
    let body: Vec<String> = (0..5800).map(record).collect();
    let body: Vec<&str> = body.iter().map(String::as_str).collect();
    for (from, more) in [(0, &[][..]), (1200, &[]), (1000, &[]), (0, &["-s", "S"])] {
        let moved: Vec<&str> = header.iter().chain(&body[from..]).chain(&body[..from]).copied().collect();
        let file = put(case.folder(), "moved.vcf", moved.join("\n") + "\n");
        let mut command = case.annotate(more);
        let got = records(&good(command.arg(&file)));
        let with = got.iter().filter(|record| info(record, "DA_LFC").is_some()).count();
        assert_eq!((got.len(), with), (5800, 5780), "from {from}");
    }
}

#[test]
fn ref_past_the_end_of_a_contig_is_a_mismatch() {
    let case = Case::new("32-ref-past-the-contig-end");
    for more in [&["in.vcf"][..], &["-s", "S", "in.vcf"]] {
        let (records, messages) = case.records(more);
        let with = records.iter().filter(|record| info(record, "DA_LFC").is_some()).count();
        assert_eq!((records.len(), with), (151, 150), "{more:?}: {messages}");
        assert!(messages.contains("1 records whose REF differs"), "{messages}");
    }
}

#[test]
fn summits_of_one_peak_have_their_own_names() {
    let case = Case::new("35-several-summits-of-one-peak");
    let out = case.at("out.vcf");
    good(&mut case.annotate(&["-L", "summits.narrowPeak", "--all-regions", "in.vcf", "-o", as_str(&out)]));
    let rows =
        good_text(&mut tool("bcftools", ["+split-vep", "-d", "-a", "DA_ALL", "-f", "%Region %LFC\n", as_str(&out)]));
    let rows: Vec<(&str, f64)> =
        rows.lines().map(|l| l.split_once(' ').unwrap()).map(|(r, v)| (r, v.parse().unwrap())).collect();
    assert_eq!(rows.len(), 2, "{rows:?}");
    for (name, value) in rows {
        match name {
            "chr1:251-400@301" => near(value, -0.705),
            "chr1:251-400@331" => near(value, 0.952),
            other => panic!("{other}"),
        }
    }
    let names = query(&out, "%DA_REGION\n");
    assert_eq!(names[0][0], "chr1:251-400@331,chr1:251-400@301");
}

#[test]
fn contigs_with_odd_names_are_found_and_written_safely() {
    let case = Case::new("01-padded-snv");
    let odd = "HLA-A*01:01:01|x";
    let genome = fs::read_to_string(case.at("ref.fa")).unwrap().replace(">c1", &format!(">{odd}"));
    put(case.folder(), "ref.fa", genome);
    let index = fs::read_to_string(case.at("ref.fa.fai")).unwrap().replacen("c1", odd, 1);
    let shift = (odd.len() - 2) as u64;
    let index: Vec<String> = index.trim_end().split('\t').map(str::to_owned).collect();
    let offset = index[2].parse::<u64>().unwrap() + shift;
    put(case.folder(), "ref.fa.fai", format!("{odd}\t{}\t{offset}\t{}\t{}\n", index[1], index[3], index[4]));
    let vcf = fs::read_to_string(case.at("in.vcf")).unwrap();
    let vcf = vcf.replace("\nc1\t", &format!("\n{odd}\t")).replace("ID=c1,", &format!("ID={odd},"));
    put(case.folder(), "in.vcf", vcf);
    put(case.folder(), "r.bed", format!("{odd}\t150\t250\n"));
    let (records, _) = case.records(&["-L", "r.bed", "--all-regions", "-t", odd, "in.vcf"]);
    assert_eq!(records.len(), 4);
    let all = info(&records[0], "DA_ALL").unwrap();
    assert_eq!(all.split('|').nth(2), Some("HLA-A*01:01:01%7Cx:151-250"), "{all}");
    let at = format!("{{{odd}}}:200");
    assert_eq!(case.records(&["-t", &at, "in.vcf"]).0.len(), 2);
}

#[test]
fn an_end_beyond_what_an_index_holds_is_named() {
    let case = Case::new("01-padded-snv");
    let lines = text(&fs::read(case.at("in.vcf")).unwrap())
        .replace("#CHROM", "##INFO=<ID=END,Number=1,Type=Integer,Description=\"e\">\n#CHROM");
    let far = lines.replacen("\tPASS\t.\t", "\tPASS\tEND=600000000\t", 1);
    assert_ne!(far, lines);
    put(case.folder(), "end.vcf", far);
    let command = &mut case.annotate(&["end.vcf", "-o", "o.vcf.gz", "-W=tbi"]);
    refused_in(case.folder(), command, &["end.vcf", "END=600000000", "-W=csi"]);
    good(&mut case.annotate(&["end.vcf", "-o", "o.vcf.gz", "-W=csi"]));
}

#[test]
fn reference_blocks_of_a_gvcf_stay_as_they_are() {
    let case = Case::new("01-padded-snv");
    let lines = text(&fs::read(case.at("in.vcf")).unwrap());
    let header: Vec<&str> = lines.lines().filter(|l| l.starts_with('#')).collect();
    let base = |position: usize| {
        let genome = fs::read_to_string(case.at("ref.fa")).unwrap();
        genome.lines().skip(1).collect::<String>().as_bytes()[position - 1] as char
    };
    let block = format!("c1\t100\t.\t{}\t<NON_REF>\t.\t.\tEND=180\tGT\t0/0", base(100));
    let star = format!("c1\t190\t.\t{}\t<*>\t.\t.\t.\tGT\t0/0", base(190));
    let real = format!("c1\t200\t.\t{}\tA,<NON_REF>\t.\t.\t.\tGT\t0|1", base(200));
    let header = header[..header.len() - 1].join("\n")
        + "\n##INFO=<ID=END,Number=1,Type=Integer,Description=\"e\">\n"
        + header[header.len() - 1];
    let mut file = fs::File::create(case.at("g.vcf")).unwrap();
    write!(file, "{header}\n{block}\n{star}\n{real}\n").unwrap();
    for more in [&["g.vcf"][..], &["-s", "S", "g.vcf"]] {
        let (records, messages) = case.records(more);
        assert_eq!(records[0].join("\t"), block);
        assert_eq!(records[1].join("\t"), star);
        let values = info(&records[2], "DA_LFC").unwrap();
        assert!(
            values.ends_with(",.") && messages.contains("3 * alleles, and reference blocks"),
            "{values} {messages}"
        );
    }
}
