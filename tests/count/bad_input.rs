//! `deepallele count` on input that is wrong: exit 1, one line that names the file and the place, nothing
//! written.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

/// `count` of `input` with everything else right, writing into `folder`.
fn count_into(folder: &Path, input: &Path) -> Command {
    count_with(folder, input, &phased(), "NA12878", &regions())
}

fn count_with(folder: &Path, input: &Path, variants: &Path, sample: &str, regions: &Path) -> Command {
    let mut command = deepallele("count");
    command.arg(input).arg("-v").arg(variants).args(["-s", sample, "-L"]).arg(regions);
    command.arg("-o").arg(folder.join("counts.tsv.gz")).arg("--per-variant").arg(folder.join("variants.tsv"));
    command
}

/// The first `length` bytes of a file, under its own name in `folder`, with its index.
fn cut(folder: &Path, file: &Path, length: usize) -> PathBuf {
    let bytes = fs::read(file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    let short = put(folder, name, &bytes[..length]);
    for ending in ["bai", "tbi"] {
        let index = PathBuf::from(format!("{}.{ending}", file.display()));
        if index.exists() {
            fs::copy(index, folder.join(format!("{name}.{ending}"))).unwrap();
        }
    }
    short
}

#[test]
fn a_truncated_bam() {
    let size = fs::metadata(reads()).unwrap().len() as usize;
    // In the middle of a block; and without the empty block that marks the end.
    for length in [size / 2, size - 28] {
        let folder = scratch();
        let short = cut(folder.path(), &reads(), length);
        refused_in(folder.path(), &mut count_into(folder.path(), &short), &["ctcf_chip.chr22.bam", "truncated"]);
        // The same bytes through a pipe.
        let mut piped = count_into(folder.path(), "-".as_ref());
        piped.stdin(File::open(&short).unwrap());
        refused_in(folder.path(), &mut piped, &["truncated"]);
    }
}

/// Where the blocks of a BGZF file begin.
fn blocks(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    loop {
        let at = starts[starts.len() - 1];
        let size = usize::from(u16::from_le_bytes([bytes[at + 16], bytes[at + 17]])) + 1;
        if at + size >= bytes.len() {
            return starts;
        }
        starts.push(at + size);
    }
}

/// Threads that meet a damaged block answer nobody any more. Whoever waits for them waits for ever, now and then: so
/// many times over.
#[test]
fn a_damaged_block_is_told_and_never_waited_for() {
    let folder = scratch();
    let outputs = scratch();
    let whole = fs::read(reads()).unwrap();
    let starts = blocks(&whole);
    let (place, all) = (&["-r", "chr22:40000000-41000000"][..], &[][..]);
    let several = &["-r", "chr22:17000000-18000000,chr22:30000000-31000000,chr22:40000000-41000000"][..];
    for (number, damaged) in [1, 2, 4].into_iter().enumerate() {
        let mut bytes = whole.clone();
        bytes[starts[damaged]] ^= 0xff;
        let file = put(folder.path(), &format!("{number}.bam"), &bytes);
        fs::copy(format!("{}.bai", reads().display()), folder.path().join(format!("{number}.bam.bai"))).unwrap();
        for more in [all, place, several] {
            for _ in 0..12 {
                let command = count_into(outputs.path(), &file);
                let mut patient = tool("timeout", ["60"]);
                patient.arg(command.get_program()).args(command.get_args()).args(more).args(["-@", "3", "--quiet"]);
                let output = run(&mut patient);
                let said = text(&output.stderr);
                assert_ne!(output.status.code(), Some(124), "block {damaged}, {more:?}: it waits for ever");
                // By the index it need not come by the damage.
                if more.is_empty() {
                    assert_eq!(output.status.code(), Some(1), "{said}");
                    assert!(said.contains(&format!("{number}.bam")) && said.contains("damaged"), "{said}");
                }
            }
        }
    }
}

#[test]
fn a_missing_index() {
    let folder = scratch();
    let bare = folder.path().join("bare.bam");
    fs::copy(reads(), &bare).unwrap();
    let mut command = count_into(folder.path(), &bare);
    refused_in(folder.path(), command.args(["-r", "chr22:17372000-17400000"]), &["bare.bam", "samtools index"]);
}

#[test]
fn a_file_that_is_not_there_or_no_bam() {
    let folder = scratch();
    refused_in(folder.path(), &mut count_into(folder.path(), "nowhere.bam".as_ref()), &["\"nowhere.bam\""]);
    let words = put(folder.path(), "words.bam", "these are words\n");
    refused_in(folder.path(), &mut count_into(folder.path(), &words), &["words.bam"]);
    let empty = put(folder.path(), "empty.bam", "");
    refused_in(folder.path(), &mut count_into(folder.path(), &empty), &["empty.bam"]);
}

#[test]
fn reads_that_are_not_sorted() {
    let folder = scratch();
    let unsorted = folder.path().join("unsorted.bam");
    good(tool("samtools", ["sort", "-n", "-o"]).arg(&unsorted).arg(reads()));
    refused_in(folder.path(), &mut count_into(folder.path(), &unsorted), &["unsorted.bam", "sort"]);
    // A header that claims an order the records have not.
    let header = good_text(tool("samtools", ["view", "-H"]).arg(reads()));
    let body = good_text(tool("samtools", ["view"]).arg(&unsorted));
    let lie = folder.path().join("lie.bam");
    feed(tool("samtools", ["view", "-b", "-o"]).arg(&lie), (header + &body).as_bytes());
    refused_in(folder.path(), &mut count_into(folder.path(), &lie), &["lie.bam", "sort"]);
}

#[test]
fn a_vcf_without_the_sample() {
    let folder = scratch();
    let mut command = count_with(folder.path(), &reads(), &phased(), "NA00001", &regions());
    refused_in(folder.path(), &mut command, &["NA12878.chr22.phased.vcf.gz", "NA00001", "NA12878"]);
}

#[test]
fn a_truncated_vcf_and_one_that_is_none() {
    let folder = scratch();
    let size = fs::metadata(phased()).unwrap().len() as usize;
    let short = cut(folder.path(), &phased(), size / 2);
    refused_in(
        folder.path(),
        &mut count_with(folder.path(), &reads(), &short, "NA12878", &regions()),
        &["NA12878.chr22.phased.vcf.gz"],
    );
    let words = put(folder.path(), "words.vcf", "these are words\n");
    refused_in(folder.path(), &mut count_with(folder.path(), &reads(), &words, "NA12878", &regions()), &["words.vcf"]);
}

#[test]
fn regions_that_are_wrong() {
    for (name, content, words) in [
        ("contig.bed", "chrQ\t1\t2\n", vec!["contig.bed", "line 1", "chrQ"]),
        ("backwards.bed", "chr22\t100\t200\nchr22\t300\t250\n", vec!["backwards.bed", "line 2"]),
        ("minus.bed", "chr22\t-5\t200\n", vec!["minus.bed", "line 1"]),
        ("words.bed", "# a comment\nchr22\tten\t200\n", vec!["words.bed", "line 2"]),
        ("narrow.bed", "chr22\t100\n", vec!["narrow.bed", "line 1"]),
        ("huge.bed", "chr22\t1\t99999999999999999999\n", vec!["huge.bed", "line 1"]),
        ("past.bed", "chr22\t51304000\t51305000\n", vec!["past.bed", "line 1"]),
        ("empty.bed", "", vec!["empty.bed"]),
        ("comments.bed", "# nothing\n\ntrack name=x\n", vec!["comments.bed"]),
    ] {
        let folder = scratch();
        let bed = put(folder.path(), name, content);
        let mut command = count_with(folder.path(), &reads(), &phased(), "NA12878", &bed);
        refused_in(folder.path(), &mut command, &words);
    }
}

#[test]
fn a_reference_allele_that_is_not_the_fastas() {
    let folder = scratch();
    // 623 records: each C is called G, so far more than 1 % differ.
    let vcf = good_text(tool("bcftools", ["view"]).arg(phased()));
    let wrong: String = vcf
        .lines()
        .map(|line| {
            let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            if !line.starts_with('#') && columns[3] == "C" && columns[4] != "G" {
                columns[3] = "G".into();
            }
            columns.join("\t") + "\n"
        })
        .collect();
    let wrong = vcf_gz(folder.path(), "wrong.vcf.gz", &wrong);
    let mut command = count_with(folder.path(), &reads(), &wrong, "NA12878", &regions());
    refused_in(folder.path(), command.arg("-f").arg(genome()), &["wrong.vcf.gz", "assembly"]);
}

#[test]
fn a_full_disk() {
    for table in ["-o", "--per-variant"] {
        let mut command = count(&reads(), &regions());
        let folder = scratch();
        if table == "--per-variant" {
            command.arg("-o").arg(folder.path().join("counts.tsv"));
        }
        refused_in(folder.path(), command.args([table, "/dev/full"]), &["/dev/full", "No space left"]);
    }
    let said = refused_by_full_stdout(count(&reads(), &regions()).arg("--quiet"));
    assert!(said.contains("No space left"), "{said}");
}

#[test]
fn usage_is_wrong_with_2() {
    for arguments in [vec![], vec!["--no-such-option"], vec!["reads.bam", "-q", "many"]] {
        misused(deepallele("count").args(&arguments));
    }
}
