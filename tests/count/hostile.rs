//! `deepallele count` on files made to harm: indexes that would crash or hang htslib, a CRAM that names other files, lines
//! without end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deepallele_tests::*;

const BASES: usize = 3000;

/// A sample with a genome of one contig, reads on it and phased variants.
struct Small {
    folder: tempfile::TempDir,
}

impl Small {
    fn new() -> Self {
        let small = Small { folder: scratch() };
        let genome = small.genome();
        fasta(small.at(""), "ref.fa", &[("chr1", &genome), ("chr2", &genome[..500])]);
        let mut sam = format!("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:{BASES}\n@SQ\tSN:chr2\tLN:500\n");
        for start in (0..BASES - 100).step_by(7) {
            let (bases, qualities) = (&genome[start..start + 100], "I".repeat(100));
            sam += &format!("r{start}\t0\tchr1\t{}\t60\t100M\t*\t0\t0\t{bases}\t{qualities}\n", start + 1);
        }
        bam(small.at(""), "in.bam", &sam);
        let mut vcf = vcf_header(&["chr1,length=3000"], &["kid"]);
        for at in (50..BASES - 50).step_by(150) {
            let base = &genome[at..=at];
            let alt = if base == "A" { "C" } else { "A" };
            vcf += &format!("chr1\t{}\t.\t{base}\t{alt}\t.\t.\t.\tGT\t0|1\n", at + 1);
        }
        vcf_gz(small.at(""), "v.vcf.gz", &vcf);
        put(small.at(""), "r.bed", "chr1\t100\t900\nchr1\t1500\t2500\n");
        small
    }

    fn genome(&self) -> String {
        (0..BASES as u32).map(|i| ['A', 'C', 'G', 'T'][(i.wrapping_mul(2654435761) >> 13) as usize % 4]).collect()
    }

    fn at(&self, name: &str) -> &'static Path {
        // Of the process: these are few and short.
        Box::leak(self.folder.path().join(name).into_boxed_path())
    }

    fn count(&self, input: &Path, more: &[&str]) -> Command {
        let mut command = deepallele("count");
        command.arg(input).arg("-v").arg(self.at("v.vcf.gz")).args(["-s", "kid", "-L"]).arg(self.at("r.bed"));
        command.args(["--no-version", "--sample-name", "kid", "-o"]).arg(self.at("out.tsv")).args(more);
        command
    }

    fn table(&self, input: &Path, more: &[&str]) -> String {
        good(self.count(input, more).arg("--quiet"));
        let table = fs::read_to_string(self.at("out.tsv")).unwrap();
        fs::remove_file(self.at("out.tsv")).unwrap();
        table.lines().filter(|line| !line.starts_with("##")).map(|line| format!("{line}\n")).collect()
    }

    fn refuses(&self, command: &mut Command, words: &[&str]) -> String {
        refused_in(self.at(""), command, words)
    }
}

const PLACE: [&str; 2] = ["-r", "chr1:500-2000"];

/// A `.bai` of two contigs; the first has one bin with a number of chunks, the second nothing.
fn bai(bin: u32, chunks: i32) -> Vec<u8> {
    let numbers = [2, 1, bin, chunks as u32];
    [b"BAI\x01".to_vec(), numbers.iter().flat_map(|n| n.to_le_bytes()).collect(), vec![0; 24]].concat()
}

#[test]
fn a_damaged_bai_is_named_and_never_loaded() {
    let small = Small::new();
    let whole = small.table(small.at("in.bam"), &PLACE);
    let sound = fs::read(small.at("in.bam.bai")).unwrap();
    let damages: [(Vec<u8>, &str); 8] = [
        // Freed what was never set.
        (bai(5, -1), "ends early"),
        // Searched for the level of the bin for ever.
        (bai(u32::MAX, 0), "no bin 4294967295"),
        (bai(37450, 0), "its summary has 0 entries"),
        (sound[..sound.len() / 2].to_vec(), "ends early"),
        (b"BAI\x01\xff\xff\xff\x7f".to_vec(), "more than the file"),
        (b"TBI\x01".to_vec(), "is not a BAI or CSI index"),
        (b"junk".to_vec(), "is not a BAI or CSI index"),
        (Vec::new(), "ends early"),
    ];
    for (bytes, problem) in damages {
        put(small.at(""), "in.bam.bai", bytes);
        let words =
            ["in.bam\": has no index that can be read (", "in.bam.bai\" is damaged: ", problem, "samtools index"];
        small.refuses(&mut small.count(small.at("in.bam"), &PLACE), &words);
        // Without -r no index is needed.
        good(small.count(small.at("in.bam"), &[]).arg("--quiet"));
        fs::remove_file(small.at("out.tsv")).unwrap();
    }
    fs::remove_file(small.at("in.bam.bai")).unwrap();
    small.refuses(&mut small.count(small.at("in.bam"), &PLACE), &["in.bam", "has no index", "samtools index"]);
    // As samtools 1.16 wrote it, and CSI with other sizes of bins.
    for options in [&["-b"][..], &["-c"], &["-m", "12"], &["-m", "20"], &["-m", "30"]] {
        good(tool("samtools", ["index"]).args(options).arg(small.at("in.bam")));
        assert_eq!(small.table(small.at("in.bam"), &PLACE), whole, "{options:?}");
        for name in ["in.bam.bai", "in.bam.csi"] {
            let _ = fs::remove_file(small.at(name));
        }
    }
}

/// A CRAM of the reads, made with samtools' options.
fn cram(small: &Small, name: &str, options: &[&str]) -> &'static Path {
    let path = small.at(name);
    good(tool("samtools", ["view", "-C", "-o"]).arg(path).args(options).arg(small.at("in.bam")));
    good(tool("samtools", ["index"]).arg(path));
    path
}

#[test]
fn a_cram_is_read_with_the_reference_of_the_user_only() {
    let small = Small::new();
    let reference = small.at("ref.fa").to_str().unwrap();
    let whole = small.table(small.at("in.bam"), &["-f", reference]);
    let named = cram(&small, "named.cram", &["-T", reference]);
    let header = good_text(tool("samtools", ["view", "-H"]).arg(named));
    assert!(header.contains("UR:") && header.contains(reference) && header.contains("M5:"), "{header}");
    assert_eq!(small.table(named, &["-f", reference]), whole);
    let needs = ["named.cram", "a CRAM needs its reference: give -f FASTA"];
    small.refuses(&mut small.count(named, &[]), &needs);
    small.refuses(&mut small.count(named, &PLACE), &needs);
    small.refuses(&mut small.count(named, &["-@", "3"]), &needs);
    // Nor by its checksum, from where the environment of samtools says.
    let checksum = header.split("M5:").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let cache = small.at("cache");
    fs::create_dir(cache).unwrap();
    fs::write(cache.join(&checksum), small.genome()).unwrap();
    let place = format!("{}/%s", cache.display());
    small.refuses(small.count(named, &[]).env("REF_PATH", &place).env("REF_CACHE", &place), &needs);
    // A FASTA without the contig is not completed from elsewhere.
    fasta(small.at(""), "other.fa", &[("chrX", "ACGT")]);
    let other = small.at("other.fa").to_str().unwrap();
    let mut command = small.count(named, &["-f", other]);
    assert_eq!(run(command.env("REF_PATH", &place).arg("--quiet")).status.code(), Some(1));
    assert!(!small.at("out.tsv").exists());
    // What has its reference inside, or needs none, is read without.
    let plain = small.table(small.at("in.bam"), &[]);
    for (name, options) in [("none.cram", "no_ref=1"), ("embedded.cram", "embed_ref=1")] {
        let own = cram(&small, name, &["-T", reference, "--output-fmt-option", options]);
        assert_eq!(small.table(own, &[]), plain, "{name}");
        assert_eq!(small.table(own, &["-@", "3"]), plain, "{name}");
    }
}

#[test]
fn a_damaged_crai_is_named_and_never_loaded() {
    let small = Small::new();
    let reference = small.at("ref.fa").to_str().unwrap();
    let made = cram(&small, "in.cram", &["-T", reference]);
    let arguments = [&PLACE[..], &["-f", reference]].concat();
    let whole = small.table(made, &arguments);
    let sound = unpacked(small.at("in.cram.crai"));
    for (text, problem) in [
        ("2147483645\t1\t1\t100\t1\t1\n".to_owned(), "line 1: is of a contig"),
        (sound.replace('\t', " "), "line 1: does not have six"),
        (format!("{sound}0\t5\t90\t99999999\t2\t3\n"), "points past the end"),
    ] {
        put(small.at(""), "in.cram.crai", feed(&mut tool("gzip", ["-c"]), text.as_bytes()));
        small.refuses(&mut small.count(made, &arguments), &["in.cram.crai\" is damaged: ", problem, "samtools index"]);
    }
    put(small.at(""), "in.cram.crai", &sound);
    assert_eq!(small.table(made, &arguments), whole, "not compressed");
}

#[test]
fn the_indexes_of_a_genome_are_checked_wherever_htslib_reads_them() {
    let small = Small::new();
    let reference = small.at("ref.fa").to_str().unwrap();
    let made = cram(&small, "in.cram", &["-T", reference]);
    fs::write(small.at("bgz.fa.gz"), feed(&mut tool("bgzip", ["-c"]), &fs::read(reference).unwrap())).unwrap();
    good(tool("samtools", ["faidx"]).arg(small.at("bgz.fa.gz")));
    let packed = small.at("bgz.fa.gz").to_str().unwrap();
    let whole = small.table(small.at("in.bam"), &["-f", packed]);
    assert_eq!(small.table(made, &["-f", packed]), whole);
    let (fai, gzi) = (fs::read(small.at("bgz.fa.gz.fai")).unwrap(), fs::read(small.at("bgz.fa.gz.gzi")).unwrap());
    for input in [made, small.at("in.bam")] {
        // Eight bytes after which htslib writes outside of its memory.
        for bytes in [vec![0xff; 8], [0xff; 4].into_iter().chain([0; 4]).collect(), gzi[..gzi.len() - 4].to_vec()] {
            put(small.at(""), "bgz.fa.gz.gzi", bytes);
            let words = ["bgz.fa.gz", "bgz.fa.gz.gzi\" is damaged: ", "samtools faidx"];
            small.refuses(&mut small.count(input, &["-f", packed]), &words);
        }
        put(small.at(""), "bgz.fa.gz.gzi", &gzi);
        put(small.at(""), "bgz.fa.gz.fai", "chr1\t3000\t6\t3000\t2999\n");
        small.refuses(&mut small.count(input, &["-f", packed]), &["bgz.fa.gz.fai\" is damaged: line 1: ", "faidx"]);
        put(small.at(""), "bgz.fa.gz.fai", &fai);
    }
}

#[test]
fn a_file_that_only_names_other_files_is_not_followed() {
    let small = Small::new();
    let list = format!(
        "{{\"htsget\": {{\"format\": \"BAM\", \"urls\": [{{\"url\": \"file://{}\"}}]}}}}\n",
        small.at("in.bam").display()
    );
    let input = put(small.at(""), "list.bam", &list);
    small.refuses(&mut small.count(&input, &[]), &["list.bam", "a list of other files (htsget)"]);
    let mut piped = small.count("-".as_ref(), &[]);
    small.refuses(piped.stdin(fs::File::open(&input).unwrap()), &["a list of other files (htsget)"]);
    let mut command = deepallele("count");
    command.arg(small.at("in.bam")).arg("-v").arg(&input).args(["-s", "kid", "-L"]).arg(small.at("r.bed"));
    small.refuses(command.arg("-o").arg(small.at("out.tsv")), &["list.bam", "a list of other files (htsget)"]);
}

/// `text` and then 300 MB of `filler`, as gzip of some hundred kilobytes.
fn bomb(small: &Small, name: &str, text: &str, filler: u8) -> PathBuf {
    let path = small.at(name).to_path_buf();
    let mut pack = tool("gzip", ["-c"]);
    let mut child = pack.stdin(Stdio::piped()).stdout(fs::File::create(&path).unwrap()).spawn().expect("gzip starts");
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    let piece = vec![filler; 1 << 20];
    (0..300).for_each(|_| input.write_all(&piece).unwrap());
    drop(input);
    assert!(child.wait().unwrap().success());
    path
}

/// The command with 400 MB of memory for data: far less than the bombs.
fn with_little_memory(command: &Command) -> Command {
    let mut limited = tool("sh", ["-c", "ulimit -d 400000; exec \"$@\"", "sh"]);
    limited.arg(command.get_program()).args(command.get_args());
    limited
}

/// [`refused`] of a command with little memory.
fn refuses_bomb(small: &Small, command: &Command, words: &[&str]) {
    let output = run(with_little_memory(command).arg("--quiet"));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(words.iter().all(|word| said.contains(word)) && said.lines().count() == 1, "{words:?}: {said}");
    assert!(!small.at("out.tsv").exists());
}

#[test]
fn text_without_line_ends_takes_no_memory() {
    let small = Small::new();
    let reads = small.at("in.bam");
    let with = |option: &str, path: &Path| {
        let mut command = small.count(reads, &[]);
        command.arg(option).arg(path);
        command
    };
    let line = "line 2: is longer than 16 MB";
    let bed = bomb(&small, "b.bed.gz", "chr1\t1\t5\n", b'x');
    refuses_bomb(&small, &with("-R", &bed), &["b.bed.gz", line]);
    refuses_bomb(&small, &with("-T", &bed), &["b.bed.gz", line]);
    let mut regions = deepallele("count");
    regions.arg(reads).arg("-v").arg(small.at("v.vcf.gz")).args(["-s", "kid", "-L"]).arg(&bed);
    regions.arg("-o").arg(small.at("out.tsv"));
    refuses_bomb(&small, &regions, &["b.bed.gz", line]);
    let variants = |path: &Path| {
        let mut command = deepallele("count");
        command.arg(reads).arg("-v").arg(path).args(["-s", "kid", "-L"]).arg(small.at("r.bed"));
        command.arg("-o").arg(small.at("out.tsv"));
        command
    };
    let header = vcf_header(&["chr1,length=3000"], &["kid"]);
    let lines = header.lines().count();
    let vcf = bomb(&small, "b.vcf.gz", &format!("{header}chr1\t5\t.\tA\t"), b'C');
    refuses_bomb(&small, &variants(&vcf), &["b.vcf.gz", &format!("line {}", lines + 1), "longer than 128 MB"]);
    let vcf = bomb(&small, "h.vcf.gz", "##fileformat=VCFv4.2\n##x=", b'y');
    refuses_bomb(&small, &variants(&vcf), &["h.vcf.gz", "line 2: the header is longer than 64 MB"]);
    let vcf = bomb(&small, "n.vcf.gz", "##fileformat=VCFv4.2\n", b'\n');
    refuses_bomb(&small, &variants(&vcf), &["n.vcf.gz", "two million lines"]);
}
