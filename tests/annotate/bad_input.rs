//! `deepallele annotate` on input that is wrong: exit 1, one line that names the file and the place, nothing written.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

/// A model in a folder of its own, and a folder for input and output.
struct Place {
    models: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { models: scratch(), folder: scratch() };
        imported(place.models.path(), "mh");
        place
    }

    fn model(&self) -> PathBuf {
        self.models.path().join("mh.onnx")
    }

    fn here(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        put(self.here(), name, content)
    }

    /// Annotation of `input` with everything else right.
    fn annotate(&self, input: &Path) -> Command {
        self.annotate_with(&self.model(), &genome(), input)
    }

    fn annotate_with(&self, model: &Path, genome: &Path, input: &Path) -> Command {
        let mut command = deepallele("annotate");
        command.arg("-m").arg(model).arg("-f").arg(genome).arg("-o").arg(self.here().join("out.vcf.gz"));
        command.arg("--bedgraph").arg(self.here().join("out.bedGraph")).arg(input);
        command
    }

    fn refuses(&self, command: &mut Command, words: &[&str]) -> String {
        refused_in(self.here(), command, words)
    }

    /// A file by this name with this content is refused, with any number of threads and through a pipe.
    fn refuses_content(&self, name: &str, content: &[u8], words: &[&str]) {
        let file = self.put(name, content);
        for threads in ["1", "8"] {
            let words: Vec<&str> = words.iter().copied().chain([name]).collect();
            self.refuses(self.annotate(&file).args(["-@", threads]), &words);
        }
        self.refuses(self.annotate("-".as_ref()).stdin(File::open(&file).unwrap()), words);
    }
}

fn plain() -> String {
    good_text(tool("bcftools", ["view", "--no-version"]).arg(phased()))
}

/// Line of the file, from 1, on which record `number` (from 1) stands.
fn line_of(vcf: &str, number: usize) -> usize {
    vcf.lines().take_while(|line| line.starts_with('#')).count() + number
}

/// The real variants with `edit` done to the columns of one record (from 1).
fn edited(vcf: &str, number: usize, edit: impl Fn(&mut Vec<String>)) -> String {
    let at = line_of(vcf, number) - 1;
    let lines = vcf.lines().enumerate().map(|(i, line)| {
        let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if i == at {
            edit(&mut columns);
        }
        columns.join("\t") + "\n"
    });
    lines.collect()
}

#[test]
fn files_that_are_cut_or_damaged() {
    let place = Place::new();
    let vcf = plain();
    let packed = fs::read(phased()).unwrap();
    let damaged = "truncated or damaged";
    // In the first block nothing can be unpacked; a flipped bit is found by the checksum.
    place.refuses_content("first_block.vcf.gz", &packed[..100], &[damaged]);
    let mut flipped = packed.clone();
    flipped[packed.len() / 2] ^= 1;
    place.refuses_content("flipped.vcf.gz", &flipped, &[damaged]);
    let gzip = feed(&mut tool("gzip", ["-c"]), vcf.as_bytes());
    place.refuses_content("half.gz", &gzip[..gzip.len() / 2], &[damaged]);
    place.refuses_content("end.gz", &gzip[..gzip.len() - 9], &[damaged]);
    let mut checksum = gzip.clone();
    checksum[gzip.len() - 6] ^= 1;
    place.refuses_content("checksum.gz", &checksum, &[damaged]);
    // A larger one, damaged long after the first records were predicted.
    let (header, body) = vcf.split_at(vcf.find("\nchr22\t").unwrap() + 1);
    let large = header.to_owned() + &body.lines().map(|line| format!("{line}\n").repeat(40)).collect::<String>();
    let large = feed(&mut tool("bgzip", ["-c"]), large.as_bytes());
    let mut late = large.clone();
    late[large.len() * 3 / 4] ^= 1;
    let nowhere = place.put("nowhere.bed", "chr22\t0\t1\n");
    for (name, content) in [("late.vcf.gz", &late[..]), ("late_cut.vcf.gz", &large[..large.len() * 3 / 4])] {
        let file = place.put(name, content);
        // Threads that unpack ahead tell of the damage before the records in front of it are read.
        for (threads, place_of) in [("1", "line "), ("2", name), ("8", name)] {
            let mut command = place.annotate(&file);
            place.refuses(command.args(["-@", threads, "-L"]).arg(&nowhere), &[name, place_of, damaged]);
        }
    }
    // Text whose last line is cut within its columns.
    let cut = vcf.trim_end().rfind("\tGT\t").unwrap();
    place.refuses_content(
        "cut.vcf",
        &vcf.as_bytes()[..cut],
        &[&format!("line {}", line_of(&vcf, 623)), "8 columns", "truncated"],
    );
    // Uncompressed BCF has no checksum and no end: only that a record is whole.
    let bcf = good(tool("bcftools", ["view", "-Ou"]).arg(phased()));
    place.refuses_content("header.bcf", &bcf[..100], &["header"]);
    place.refuses_content("record.bcf", &bcf[..bcf.len() - 3], &["record 623", damaged]);
    place.refuses_content("middle.bcf", &bcf[..bcf.len() / 2], &["record ", damaged]);
}

#[test]
fn files_that_are_no_vcf() {
    let place = Place::new();
    let noise: Vec<u8> = (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    place.refuses_content("empty.vcf", b"", &["is empty"]);
    place.refuses_content("empty.vcf.gz", &feed(&mut tool("bgzip", ["-c"]), b""), &["is empty"]);
    place.refuses_content("noise", &noise, &["neither VCF nor BCF"]);
    place.refuses_content("noise.gz", &[b"\x1f\x8b\x08\x04", &noise[..]].concat(), &[]);
    place.refuses_content("noise.bcf", &[b"BCF\x02\x02", &noise[..]].concat(), &["header"]);
    place.refuses(&mut place.annotate(&reads()), &["ctcf_chip.chr22.bam", "neither VCF nor BCF"]);
    place.refuses(&mut place.annotate(&genome()), &["chr22.hg19.fa.gz", "neither VCF nor BCF"]);
    place.refuses(&mut place.annotate("/dev/zero".as_ref()), &["/dev/zero"]);
    place.refuses(&mut place.annotate(place.here()), &["is a folder"]);
    // Lengths that a damaged or hostile file declares are not believed.
    let header = good(tool("bcftools", ["view", "-h", "-Ou"]).arg(phased()));
    let declared = |length: [u8; 4]| [b"BCF\x02\x02", &length[..], &noise[..]].concat();
    place.refuses_content("long_header.bcf", &declared([0xff, 0xff, 0xff, 0x7f]), &["header"]);
    place.refuses_content("minus_header.bcf", &declared([0xff; 4]), &["header"]);
    for (name, lengths) in [
        ("long_record.bcf", [0xf0, 0xff, 0xff, 0x7f, 0xf0, 0xff, 0xff, 0x7f]),
        ("minus_record.bcf", [0xff; 8]),
        ("no_record.bcf", [0; 8]),
    ] {
        place.refuses_content(name, &[&header[..], &lengths[..], &noise[..]].concat(), &["record 1"]);
    }
    // What the text of a header can have wrong.
    let vcf = plain();
    let without = |start: &str| -> String {
        vcf.lines().filter(|line| !line.starts_with(start)).map(|line| format!("{line}\n")).collect()
    };
    place.refuses_content("no_header.vcf", without("#").as_bytes(), &["neither VCF nor BCF"]);
    place.refuses_content("no_columns.vcf", without("#CHROM").as_bytes(), &["#CHROM"]);
    place.refuses_content("cut_header.vcf", &vcf.as_bytes()[..200], &["#CHROM"]);
    for kind in ["Number=1,Type=Float", "Number=A,Type=String"] {
        let line = format!("##INFO=<ID=DA_LFC,{kind},Description=\"x\">\n#CHROM");
        place.refuses_content(
            "other_type.vcf",
            vcf.replace("#CHROM", &line).as_bytes(),
            &["INFO/DA_LFC", "bcftools annotate -x"],
        );
    }
}

#[test]
fn records_that_are_wrong() {
    let place = Place::new();
    let vcf = plain();
    let line = format!("line {}", line_of(&vcf, 500));
    let cases: Vec<(&str, String, &str)> = vec![
        ("few.vcf", edited(&vcf, 500, |c| c.truncate(6)), "6 columns where"),
        ("no_format.vcf", edited(&vcf, 500, |c| c.truncate(8)), "8 columns where the header has 10"),
        ("no_sample.vcf", edited(&vcf, 500, |c| c.truncate(9)), "9 columns where the header has 10"),
        ("blank.vcf", edited(&vcf, 500, |c| c.clear()), "1 columns"),
        ("no_contig.vcf", edited(&vcf, 500, |c| c[0].clear()), "no contig name"),
        ("word.vcf", edited(&vcf, 500, |c| c[1] = "x".into()), "\"x\" is not a position"),
        ("nothing.vcf", edited(&vcf, 500, |c| c[1].clear()), "is not a position"),
        ("minus.vcf", edited(&vcf, 500, |c| c[1] = "-1".into()), "\"-1\" is not a position"),
        ("half.vcf", edited(&vcf, 500, |c| c[1] = "17.5".into()), "\"17.5\" is not a position"),
        ("huge.vcf", edited(&vcf, 500, |c| c[1] = "9".repeat(20)), "is not a position"),
    ];
    for (name, content, words) in cases {
        place.refuses_content(name, content.as_bytes(), &[&line, words]);
        // The same through the index, which knows no lines; what is wrong with a position is htslib's to find there.
        if words.contains("columns where") {
            let folder = scratch();
            let file = vcf_gz(folder.path(), "broken.vcf.gz", &content);
            let record = content.lines().nth(line_of(&vcf, 500) - 1).unwrap().split('\t').take(2).collect::<Vec<_>>();
            let record = record.join(" ");
            refused(place.annotate(&file).args(["-r", "chr22:1-60000000"]), &["broken.vcf.gz", words, &record]);
        }
    }
    // With two haplotypes the file is read ahead: it is named once, with the place of what is wrong.
    let file = place.put("pair.vcf", edited(&vcf, 5, |c| c[1] = "x".into()));
    let said = place.refuses(place.annotate(&file).args(["-s", "NA12878"]), &["record 5"]);
    assert!(said.matches("pair.vcf").count() == 1 && !said.contains("line 8"), "{said}");
    let (header, records): (Vec<&str>, Vec<&str>) = vcf.lines().partition(|line| line.starts_with('#'));
    let turned: Vec<&str> = header.into_iter().chain(records.into_iter().rev()).collect();
    let turned = place.put("turned.vcf", turned.join("\n") + "\n");
    let said = place.refuses(place.annotate(&turned).args(["-s", "NA12878"]), &["record 2", "bcftools sort"]);
    assert_eq!(said.matches("turned.vcf").count(), 1, "{said}");
    place.refuses(place.annotate(&phased()).args(["-s", "nobody"]), &["phased.vcf.gz", "\"nobody\"", "NA12878"]);
}

#[test]
fn places_at_the_ends_of_a_contig_are_none_of_them() {
    let place = Place::new();
    let vcf = plain();
    let first: Vec<&str> = vcf.lines().find(|line| line.starts_with("chr22")).unwrap().split('\t').collect();
    let record = |position: &str, reference: &str, alternative: &str| {
        format!("{}\t{position}\t.\t{reference}\t{alternative}\t.\t.\t.\tGT\t0|1\n", first[0])
    };
    let at = vcf.find("\nchr22\t").unwrap() + 1;
    let mut whole = vcf.clone();
    // Before the first base, the first and the last one (N in this assembly), a deletion of the last two.
    whole.insert_str(at, &(record("0", "N", "A") + &record("1", "N", "A")));
    whole += &(record("51304565", "NN", "N") + &record("51304566", "N", "A"));
    let file = place.put("ends.vcf", &whole);
    let output = run(&mut annotate(&place.model(), &file));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    let records: Vec<&str> = out.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(records.len(), 627);
    let has = |line: &str| line.contains("DA_LFC=");
    assert!(!has(records[0]) && has(records[1]) && has(records[625]) && has(records[626]), "{}", records[626]);
    assert!(text(&output.stderr).contains("1 missing or malformed"), "{}", text(&output.stderr));
    // Past the end: one of many is counted and named; alone it is the wrong assembly.
    let past = place.put("past.vcf", whole + &record("51304567", "A", "C"));
    let output = run(&mut annotate(&place.model(), &past));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("chr22:51304567 A (FASTA: past its end)"), "{}", text(&output.stderr));
    let alone = place.put("alone.vcf", vcf[..at].to_owned() + &record("51304567", "A", "C"));
    place.refuses(&mut place.annotate(&alone), &["alone.vcf", "chr22:51304567", "assembly"]);
}

#[test]
fn what_bcf_or_an_index_cannot_hold() {
    let place = Place::new();
    let vcf = plain();
    let nowhere = place.put("nowhere.bed", "chr22\t0\t1\n");
    let to = |name: &str, input: &Path| {
        let mut command = deepallele("annotate");
        command.arg("-m").arg(place.model()).arg("-f").arg(genome()).arg("-L").arg(&nowhere);
        command.arg("-o").arg(place.here().join(name)).arg(input);
        command
    };
    // The last record, and twice so many: the second time the output has been begun.
    let (header, body) = vcf.split_at(vcf.find("\nchr22\t").unwrap() + 1);
    for copies in [1, 7] {
        let vcf = header.to_owned() + &body.lines().map(|line| format!("{line}\n").repeat(copies)).collect::<String>();
        let line = format!("line {}", line_of(&vcf, 623 * copies));
        let last = |edit: &dyn Fn(&mut Vec<String>)| edited(&vcf, 623 * copies, edit);
        for (name, content, words) in [
            ("contig.vcf", last(&|c| c[0] = "chrQ".into()), "contig is not declared"),
            ("info.vcf", last(&|c| c[7] = "NEW=1".into()), "not declared in the header"),
            ("format.vcf", last(&|c| c[8] = "ZZ".into()), "not declared in the header"),
            ("far.vcf", last(&|c| c[1] = "2147483649".into()), "positions end"),
        ] {
            let file = place.put(name, content);
            place.refuses(&mut to("x.bcf", &file), &[name, &line, words, "write VCF"]);
            good(&mut to("x.vcf", &file));
            fs::remove_file(place.here().join("x.vcf")).unwrap();
        }
    }
    // An index needs order, and says so at the record.
    let line = format!("line {}", line_of(&vcf, 623));
    let last = |edit: &dyn Fn(&mut Vec<String>)| edited(&vcf, 623, edit);
    let between = edited(&vcf, 300, |c| c[0] = "chrQ".into()).replace("##contig", "##contig=<ID=chrQ>\n##contig");
    let far = |c: &mut Vec<String>| c[1] = "536870912".into();
    for (name, content, place_of, words) in [
        ("back.vcf", last(&|c| c[1] = "17000000".into()), line.clone(), "bcftools sort"),
        ("apart.vcf", between, format!("line {}", line_of(&vcf, 302)), "bcftools sort"),
    ] {
        let file = place.put(name, content);
        for out in ["x.vcf.gz", "x.bcf"] {
            place.refuses(to(out, &file).arg("-W"), &[name, &place_of, words]);
        }
        place.refuses(to("x.vcf.gz", &file).arg("--igv").arg(place.here().join("x.xml")), &[name, &place_of, words]);
    }
    let file = place.put(
        "far.vcf",
        last(&|c| {
            far(c);
            c[3] = "AC".into();
        }),
    );
    place.refuses(to("x.vcf.gz", &file).arg("-W=tbi"), &["far.vcf", &line, "-W=csi"]);
    good(to("x.vcf.gz", &file).arg("-W=csi"));
    let found =
        text(&silently(&mut tool("tabix", [place.here().join("x.vcf.gz").to_str().unwrap(), "chr22:536870913"])));
    assert_eq!(found.lines().count(), 1, "{found}");
}

#[test]
fn indexes_that_do_not_fit() {
    let place = Place::new();
    let file = place.put("in.vcf.gz", fs::read(phased()).unwrap());
    let whole = fs::read(format!("{}.tbi", phased().display())).unwrap();
    for index in [&b"junk"[..], &whole[..whole.len() / 2], b""] {
        place.put("in.vcf.gz.tbi", index);
        place.refuses(place.annotate(&file).args(["-r", "chr22"]), &["in.vcf.gz", "bcftools index"]);
    }
    // Gzip has no index, nor has text, nor a pipe.
    let gzip = place.put("gzip.vcf.gz", feed(&mut tool("gzip", ["-c"]), plain().as_bytes()));
    place.refuses(place.annotate(&gzip).args(["-r", "chr22"]), &["gzip.vcf.gz", "bgzip", "-t"]);
    let text = place.put("text.vcf", plain());
    place.refuses(place.annotate(&text).args(["-r", "chr22"]), &["text.vcf", "-t"]);
    place
        .refuses(place.annotate("-".as_ref()).args(["-r", "chr22"]).stdin(File::open(&file).unwrap()), &["pipe", "-t"]);
}

#[test]
fn a_genome_that_cannot_be_read() {
    let place = Place::new();
    let stretch = bases(17_000_000, 17_010_000);
    let refuses = |fasta: &Path, words: &[&str]| {
        place.refuses(&mut place.annotate_with(&place.model(), fasta, &phased()), words);
    };
    let small = place.put("small.fa", format!(">chr22\n{stretch}\n"));
    refuses(&small, &["small.fa.fai", "samtools faidx"]);
    for (index, words) in [
        ("", &["small.fa", "samtools faidx"]),
        ("chr22\t51304566\n", &["small.fa", "samtools faidx"]),
        ("\u{1}\u{2}\u{3}\u{4}", &["small.fa", "samtools faidx"]),
        // Of another file: the genome is cut short.
        ("chr22\t51304566\t7\t60\t61\n", &["small.fa", "index is outdated"]),
        // The right one, of a genome that is too short.
        ("chr22\t10000\t7\t10000\t10001\n", &["phased.vcf.gz", "assembly"]),
    ] {
        place.put("small.fa.fai", index);
        refuses(&small, words);
    }
    let packed = fs::read(genome()).unwrap();
    let cut = place.put("cut.fa.gz", &packed[..packed.len() / 3]);
    fs::copy(format!("{}.fai", genome().display()), place.here().join("cut.fa.gz.fai")).unwrap();
    refuses(&cut, &["cut.fa.gz.gzi", "samtools faidx"]);
    let blocks = fs::read(format!("{}.gzi", genome().display())).unwrap();
    place.put("cut.fa.gz.gzi", &blocks[..100]);
    refuses(&cut, &["cut.fa.gz", "samtools faidx"]);
    place.put("cut.fa.gz.gzi", &blocks);
    refuses(&cut, &["cut.fa.gz", "truncated", "line "]);
    refuses(place.here(), &["is a folder"]);
    refuses("nowhere.fa".as_ref(), &["\"nowhere.fa\""]);
    refuses("/dev/null".as_ref(), &["/dev/null", "not a FASTA"]);
}

#[test]
fn regions_and_restrictions_that_are_wrong() {
    let place = Place::new();
    for (content, of_regions, of_restriction) in [
        ("chr22\t100\t200\nchr22\t500\t400\n", "line 2", "line 2"),
        ("chr22\tten\t200\n", "line 1", "line 1"),
        ("chr22\t100\n", "line 1", "line 1"),
        ("chr22\t-5\t200\n", "line 1", "line 1"),
        ("chr22\t1\t99999999999999999999\n", "line 1", "line 1"),
        ("chrQ\t1\t2\n", "line 1", "\"chrQ\""),
        ("# nothing\n", "no region", "no intervals"),
    ] {
        let bed = place.put("r.bed", content);
        for (option, words) in [("-L", of_regions), ("-R", of_restriction), ("-T", of_restriction)] {
            let said = place.refuses(place.annotate(&phased()).arg(option).arg(&bed), &[words]);
            assert!(said.contains("r.bed") || said.contains("phased.vcf.gz"), "{said}");
        }
    }
    for (option, value) in [("-r", "chrQ"), ("-t", "chrQ:1-5")] {
        place.refuses(place.annotate(&phased()).args([option, value]), &["phased.vcf.gz", "\"chrQ\"", "chr22"]);
    }
    misused(place.annotate(&phased()).args(["-r", "chr22:9-1"]));
}

#[test]
fn models_that_are_none() {
    let place = Place::new();
    for (model, words) in [
        (place.here().to_path_buf(), "regular file"),
        ("/dev/zero".into(), "/dev/zero"),
        (phased(), "phased.vcf.gz"),
        (genome(), "chr22.hg19.fa.gz"),
    ] {
        place.refuses(&mut place.annotate_with(&model, &genome(), &phased()), &[words]);
    }
    // The second of two.
    let whole = fs::read(place.model()).unwrap();
    let short = place.put("short.onnx", &whole[..whole.len() - 100]);
    let mut two = deepallele("annotate");
    two.arg("-m").arg(place.model()).args(["--tag", "a", "--tag", "b", "-m"]).arg(&short).arg("-f").arg(genome());
    place.refuses(two.arg("-o").arg(place.here().join("x.vcf")).arg(phased()), &["short.onnx"]);
}

#[test]
fn outputs_that_cannot_be() {
    let place = Place::new();
    // Before anything is read: this input never ends.
    for option in ["-o", "--bedgraph", "--bigwig", "--igv"] {
        let mut command = deepallele("annotate");
        command.arg("-m").arg(place.model()).arg("-f").arg(genome());
        if option != "-o" {
            command.arg("-o").arg(place.here().join("x.vcf"));
        }
        command.args([option, "/nowhere/x.vcf"]).arg("/dev/zero");
        place.refuses(&mut command, &["/nowhere/x.vcf", "folder does not exist"]);
    }
    place.refuses(place.annotate(&phased()).arg("--bigwig").arg(place.here()), &["is a folder"]);
    let said = misused(place.annotate(&phased()).arg("--igv").arg(place.here().join("out.bedGraph")));
    assert!(said.contains("two outputs"), "{said}");
    assert_eq!(listing(place.here()), [""; 0]);
}

#[test]
fn bad_input_leaves_nothing() {
    let place = Place::new();
    let indexed = |model: &Path, input: &Path| {
        let mut command = place.annotate_with(model, &genome(), input);
        command.arg("-W");
        command
    };
    let model = place.model();
    // Truncated VCF and BCF.
    let packed = fs::read(phased()).unwrap();
    let short = place.put("short.vcf.gz", &packed[..packed.len() / 2]);
    place.refuses(&mut indexed(&model, &short), &["short.vcf.gz"]);
    let no_end = place.put("no_end.vcf.gz", &packed[..packed.len() - 28]);
    place.refuses(&mut indexed(&model, &no_end), &["no_end.vcf.gz", "truncated"]);
    let bcf = good(tool("bcftools", ["view", "-Ob"]).arg(phased()));
    let short = place.put("short.bcf", &bcf[..bcf.len() / 2]);
    place.refuses(&mut indexed(&model, &short), &["short.bcf"]);
    // No VCF, no file.
    let words = place.put("words.vcf", "these are words\n");
    place.refuses(&mut indexed(&model, &words), &["words.vcf"]);
    place.refuses(&mut indexed(&model, "nowhere.vcf".as_ref()), &["\"nowhere.vcf\""]);
    // A model that is none.
    for (name, content) in [("words.onnx", "these are words"), ("empty.onnx", "")] {
        let no_model = place.put(name, content);
        place.refuses(&mut indexed(&no_model, &phased()), &[name]);
    }
    let checkpoint = data("parity/mh/model.ckpt");
    place.refuses(&mut indexed(&checkpoint, &phased()), &["model.ckpt"]);
    let whole = fs::read(&model).unwrap();
    let short = place.put("short.onnx", &whole[..whole.len() / 2]);
    place.refuses(&mut indexed(&short, &phased()), &["short.onnx"]);
    // No index where one is needed.
    let bare = place.put("bare.vcf.gz", &packed);
    place.refuses(indexed(&model, &bare).args(["-r", "chr22:1-20000000"]), &["bare.vcf.gz", "index"]);
    // Regions.
    let bed = place.put("bad.bed", "chr22\t1\t2\nchr22\t9\t4\n");
    place.refuses(indexed(&model, &phased()).arg("-L").arg(&bed), &["bad.bed", "line 2"]);
    let empty = place.put("empty.bed", "");
    place.refuses(indexed(&model, &phased()).arg("-L").arg(&empty), &["empty.bed"]);
}

#[test]
fn a_reference_that_is_not_the_variants() {
    let place = Place::new();
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
    let shifted = place.put("shifted.vcf", shifted);
    place.refuses(place.annotate(&shifted).arg("-W"), &["shifted.vcf", "assembly"]);
    // A contig the genome has not.
    let other = place.put("other.vcf", vcf.replace("chr22", "chrQ"));
    place.refuses(place.annotate(&other).arg("-W"), &["other.vcf", "chrQ"]);
    // One record of 623 is under the 1 %: counted, named, left without a value.
    let line = vcf.lines().find(|l| l.starts_with("chr22\t17653030\t")).unwrap();
    let one = place.put("one.vcf", vcf.replace(line, &line.replace("\tC\tT\t", "\tG\tT\t")));
    let output = run(&mut annotate(&place.model(), &one));
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("17653030"), "{}", text(&output.stderr));
    let record = text(&output.stdout);
    let record = record.lines().find(|l| l.starts_with("chr22\t17653030\t")).unwrap();
    assert!(!record.contains("DA_LFC=0") && !record.contains("DA_LFC=-") && record.contains("\tG\tT\t"), "{record}");
}
