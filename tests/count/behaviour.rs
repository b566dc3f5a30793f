//! How `deepallele count` behaves: the same bytes from every kind of input and any number of threads, each
//! rule of counting on reads made for it, pipes, and its independence of the engines.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use deepallele_tests::*;

/// Count the real reads with further options.
fn count_real(input: &Path, more: &[&str]) -> Command {
    let mut command = count(input, &regions());
    command.args(more).arg("--no-version").arg("--sample-name").arg("NA12878");
    command
}

#[test]
fn bam_cram_and_any_number_of_threads_give_the_same_bytes() {
    let folder = scratch();
    let cram = folder.path().join("reads.cram");
    good(tool("samtools", ["view", "-C", "-T"]).arg(genome()).arg("-o").arg(&cram).arg(reads()));
    good(tool("samtools", ["index"]).arg(&cram));
    let mut variants = Vec::new();
    let mut tables = Vec::new();
    let genome = genome();
    let genome = genome.to_str().unwrap();
    let runs: [(&Path, &[&str]); 5] = [
        (&reads(), &["-@", "1", "-f", genome]),
        (&reads(), &["-@", "2", "-f", genome]),
        (&reads(), &["-@", "7", "-f", genome]),
        (&cram, &["-@", "1", "-f", genome]),
        (&cram, &["-@", "4", "-f", genome]),
    ];
    for (number, (input, more)) in runs.into_iter().enumerate() {
        let variant_table = folder.path().join(format!("variants{number}.tsv"));
        tables.push(without_inputs(&good_text(count_real(input, more).arg("--per-variant").arg(&variant_table))));
        variants.push(without_inputs(&fs::read_to_string(variant_table).unwrap()));
    }
    assert_eq!(Table::parse(&tables[0]).rows.len(), 1304);
    assert_eq!(Table::parse(&variants[0]).rows.len(), 623);
    for number in 1..tables.len() {
        assert!(tables[0] == tables[number], "region table of run {number} differs");
        assert!(variants[0] == variants[number], "variant table of run {number} differs");
    }
    // Not even the header differs between two runs of one command.
    assert!(good(&mut count_real(&reads(), &["-@", "1"])) == good(&mut count_real(&reads(), &["-@", "2"])));
}

/// Tables of different input files: their header lines may name the files.
fn without_inputs(table: &str) -> String {
    without_header(table)
}

#[test]
fn a_pipe_counts_as_the_file_does() {
    let from_file = without_header(&good_text(&mut count_real(&reads(), &[])));
    // BAM, then SAM.
    for form in ["-u", "-h"] {
        let mut view = tool("samtools", ["view", form]);
        view.arg(reads());
        let piped = pipeline(&mut [view, count_real("-".as_ref(), &[])]);
        assert!(from_file == without_header(&text(&piped)), "{form}");
    }
}

#[test]
fn a_name_in_gz_is_bgzf_with_an_index_that_tabix_reads() {
    let folder = scratch();
    let packed = folder.path().join("counts.tsv.gz");
    let said = good(count_real(&reads(), &[]).arg("-o").arg(&packed));
    assert!(said.is_empty(), "the table went to the file, nothing to stdout");
    let plain = good_text(&mut count_real(&reads(), &[]));
    assert!(plain == good_text(tool("bgzip", ["-dc"]).arg(&packed)));
    let found = good_text(&mut tool("tabix", [packed.as_os_str(), "chr22:17372662-17373236".as_ref()]));
    assert!(found.lines().any(|line| line.contains("ctcf_peak_2\t")), "{found:?}");
    assert_eq!(listing(folder.path()), ["counts.tsv.gz", "counts.tsv.gz.tbi"]);
}

#[test]
fn the_header_says_how_the_table_came_to_be() {
    let table = good_text(&mut count(&reads(), &regions()));
    assert!(table.lines().any(|l| l == format!("##deepallele_countVersion={}", env!("CARGO_PKG_VERSION"))));
    assert!(table.lines().any(|l| l.starts_with("##deepallele_countCommand=count ") && l.contains("-s NA12878")));
    let columns = "#chrom\tstart\tend\tname\tscore\tstrand\tsample\thap1\thap2\tuninformative\tconflicting\tvariants\
                   \tlog2_ratio\tse\tp_value\tq_value\tshrunk_log2_ratio\tshrunk_se\tanchor";
    assert!(table.lines().any(|l| l == columns), "{:?}", table.lines().find(|l| l.starts_with("#chrom")));
}

#[test]
fn a_closed_pipe_ends_quietly_with_0() {
    ends_quietly_unread(&mut count_real(&reads(), &["--quiet"]));
}

#[test]
fn count_knows_no_engine() {
    let count = bin_folder().join("deepallele-count");
    let libraries = libraries(&count);
    for engine in ["torch", "c10", "onnx", "cuda"] {
        assert!(!libraries.contains(engine), "count is linked against {engine}:\n{libraries}");
    }
    // A copy in another folder, without an engine next to it, with an environment that names none.
    let folder = scratch();
    let mut command = Command::new(copied(&count, folder.path()));
    command.env_clear().stdin(Stdio::null());
    command.arg(reads()).arg("-v").arg(phased()).args(["-s", "NA12878", "-L"]).arg(regions());
    assert_eq!(Table::parse(&good_text(&mut command)).rows.len(), 1304);
}

// Below, reads made for one rule each. The contig is 1,000 bases of A; SNVs A>C at 101 (0|1), A>G at 151
// (1|0), A>T at 801 (0|1).

const RECORDS: &str = "\
    chr1\t101\tone\tA\tC\t.\tPASS\t.\tGT\t0/0\t0|1\n\
    chr1\t151\ttwo\tA\tG\t.\tPASS\t.\tGT\t0/0\t1|0\n\
    chr1\t801\tthree\tA\tT\t.\tPASS\t.\tGT\t0/1\t0|1\n";

const HEAD: &str = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:1000\n";

fn vcf() -> String {
    vcf_header(&["chr1,length=1000"], &["mum", "kid"]) + RECORDS
}

/// A SAM line with `bases` placed into 50 A's at 1-based positions, quality 40 but where `poor` says.
fn read(name: &str, flag: u16, pos: usize, mate: usize, bases: &[(usize, char)], poor: &[(usize, u8)]) -> String {
    let mut sequence = vec![b'A'; 50];
    let mut quality = vec![b'I'; 50];
    for (at, base) in bases {
        sequence[at - pos] = *base as u8;
    }
    for (at, value) in poor {
        quality[at - pos] = value + 33;
    }
    let next = if mate == 0 { "*\t0\t0".to_owned() } else { format!("=\t{mate}\t0") };
    format!("{name}\t{flag}\tchr1\t{pos}\t60\t50M\t{next}\t{}\t{}\n", text(&sequence), text(&quality))
}

/// Sorted records under [`HEAD`].
fn sam(mut records: Vec<String>) -> String {
    records.sort_by_key(|r| r.split('\t').nth(3).unwrap().parse::<usize>().unwrap());
    HEAD.to_owned() + &records.concat()
}

/// hap1, hap2, uninformative, conflicting of the region 50-900.
fn classes(records: Vec<String>, more: &[&str]) -> [f64; 4] {
    let kid = Kid::new(&vcf(), &[("reads", &sam(records))]);
    let region = kid.put("r.bed", "chr1\t50\t900\n");
    let table = Table::parse(&good_text(kid.count(&["-L", as_str(&region)]).args(more)));
    assert_eq!(table.rows.len(), 1);
    CLASSES.map(|column| table.number(0, column))
}

#[test]
fn a_fragment_counts_once_whatever_its_mates_cover() {
    // Single read on each haplotype, and one on neither.
    assert_eq!(classes(vec![read("a", 0, 80, 0, &[], &[])], &[]), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(classes(vec![read("a", 0, 80, 0, &[(101, 'C')], &[])], &[]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(vec![read("a", 0, 300, 0, &[], &[])], &[]), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(classes(vec![read("a", 0, 80, 0, &[(101, 'G')], &[])], &[]), [0.0, 0.0, 1.0, 0.0]);
    // Both mates over one SNV.
    let pair = |one, two| vec![read("a", 99, 80, 90, one, &[]), read("a", 147, 90, 80, two, &[])];
    assert_eq!(classes(pair(&[(101, 'C')], &[(101, 'C')]), &[]), [0.0, 1.0, 0.0, 0.0]);
    // Mates far apart: either alone informs the whole fragment; together they may agree or conflict.
    let apart = |one, two| vec![read("a", 99, 80, 790, one, &[]), read("a", 147, 790, 80, two, &[])];
    assert_eq!(classes(apart(&[(101, 'C')], &[(801, 'T')]), &[]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(apart(&[(101, 'C')], &[]), &[]), [0.0, 0.0, 0.0, 1.0]);
    // At 151 haplotype 1 has the alternative.
    let two = |bases: &[(usize, char)]| vec![read("a", 0, 102, 0, bases, &[])];
    assert_eq!(classes(two(&[(151, 'G')]), &[]), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(classes(two(&[]), &[]), [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn base_quality_decides_whether_a_base_speaks() {
    let one = |quality: u8| vec![read("a", 0, 80, 0, &[(101, 'C')], &[(101, quality)])];
    assert_eq!(classes(one(13), &[]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(one(12), &[]), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(classes(one(12), &["-Q", "12"]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(one(20), &["-Q", "21"]), [0.0, 0.0, 1.0, 0.0]);
    // Overlapping mates that agree add up; of two that disagree the much better one is believed, and two
    // equally good ones cancel.
    let pair = |first: u8, second: u8, base: char| {
        vec![
            read("a", 99, 80, 90, &[(101, 'C')], &[(101, first)]),
            read("a", 147, 90, 80, &[(101, base)], &[(101, second)]),
        ]
    };
    assert_eq!(classes(pair(7, 7, 'C'), &[]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(pair(40, 2, 'A'), &[]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(pair(2, 40, 'A'), &[]), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(classes(pair(13, 13, 'A'), &[]), [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn flags_and_mapping_quality_filter_reads() {
    let flagged = |flag: u16| vec![read("a", flag, 80, 0, &[(101, 'C')], &[])];
    for flag in [0x4, 0x100, 0x200, 0x400, 0x800] {
        assert_eq!(classes(flagged(flag), &[]), [0.0; 4], "flag {flag:#x}");
    }
    assert_eq!(classes(flagged(0x400), &["-F", "2820"]), [0.0, 1.0, 0.0, 0.0]);
    let mapped = |quality: &str| vec![read("a", 0, 80, 0, &[(101, 'C')], &[]).replace("\t60\t", quality)];
    assert_eq!(classes(mapped("\t10\t"), &[]), [0.0, 1.0, 0.0, 0.0]);
    assert_eq!(classes(mapped("\t9\t"), &[]), [0.0; 4]);
    assert_eq!(classes(mapped("\t9\t"), &["-q", "9"]), [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn insertions_deletions_and_clips_shift_nothing() {
    let with = |cigar: &str| {
        let base = 101 - 80;
        // The C lies where the CIGAR says that position 101 is in the read.
        let offset = match cigar {
            "10S40M" => base + 10,
            "10M5I35M" => base + 5,
            "10M5D40M" => base - 5,
            "50M" => base,
            other => panic!("{other}"),
        };
        let mut line = read("a", 0, 80, 0, &[(80 + offset, 'C')], &[]);
        line = line.replace("\t50M\t", &format!("\t{cigar}\t"));
        classes(vec![line], &[])
    };
    for cigar in ["50M", "10S40M", "10M5I35M", "10M5D40M"] {
        assert_eq!(with(cigar), [0.0, 1.0, 0.0, 0.0], "{cigar}");
    }
    // A deletion or a splice over the SNV shows no base there.
    let over = |cigar| vec![read("a", 0, 80, 0, &[], &[]).replace("\t50M\t", cigar)];
    assert_eq!(classes(over("\t15M20D35M\t"), &[]), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(classes(over("\t15M20N35M\t"), &[]), [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn contig_names_match_with_and_without_chr() {
    let reads = sam(vec![read("a", 0, 80, 0, &[(101, 'C')], &[])]);
    let kid = Kid::new(&vcf().replace("chr1", "1"), &[("reads", &reads)]);
    let region = kid.put("r.bed", "1\t50\t900\n");
    let output = run(&mut kid.count(&["-L", as_str(&region)]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(Table::parse(&text(&output.stdout)).number(0, "hap2"), 1.0);
    assert!(text(&output.stderr).contains("chr"), "the choice is reported: {:?}", text(&output.stderr));
}

#[test]
fn a_region_of_the_index_sees_only_its_reads() {
    let all = Table::parse(&good_text(&mut count_real(&reads(), &[])));
    let some = Table::parse(&good_text(&mut count_real(&reads(), &["-r", "chr22:17372000-17400000"])));
    let row = (0..all.rows.len()).find(|row| all.text(*row, "name") == "ctcf_peak_3").unwrap();
    let same = some.rows.iter().find(|r| **r == all.rows[row]);
    assert!(same.is_some(), "{:?} is not in the restricted table", all.rows[row]);
    assert!(some.sum("uninformative") < all.sum("uninformative"));
}

/// With -r only the contigs asked for are read of a VCF that has an index, and the result is the same as of one without.
#[test]
fn a_region_of_the_index_reads_only_its_contigs_of_the_variants() {
    let folder = scratch();
    let here = folder.path();
    let on = |line: String, contig: &str| line.replace("\tchr1\t", &format!("\t{contig}\t"));
    let of_contig = |contig: &str| -> String {
        let base = if contig == "chr3" { 'A' } else { 'C' };
        let records = [read("a", 0, 80, 0, &[(101, base)], &[]), read("b", 0, 120, 0, &[(151, 'G')], &[])];
        records.map(|record| on(record, contig)).concat()
    };
    let contigs = ["chr1", "chr2", "chr3"];
    let head: String = contigs.iter().map(|c| format!("@SQ\tSN:{c}\tLN:1000\n")).collect();
    let sam = format!("@HD\tVN:1.6\tSO:coordinate\n{head}{}", contigs.map(of_contig).concat());
    let alignments = bam(here, "reads.bam", &sam);
    // chr2 is in the header, with no record.
    let lengths = ["chr1,length=1000", "chr2,length=1000", "chr3,length=1000"];
    let vcf = vcf_header(&lengths, &["mum", "kid"]) + RECORDS + &RECORDS.replace("chr1", "chr3");
    let plain = put(here, "plain.vcf", &vcf);
    let packed = vcf_gz(here, "packed.vcf.gz", &vcf);
    let binary = here.join("binary.bcf");
    good(tool("bcftools", ["view", "-Ob", "-o"]).arg(&binary).arg(&plain));
    good(tool("bcftools", ["index"]).arg(&binary));
    let stale = here.join("stale.bcf");
    fs::copy(&binary, &stale).unwrap();
    fs::copy(here.join("binary.bcf.csi"), here.join("stale.bcf.csi")).unwrap();
    good(tool("touch", ["-d", "2001-01-01"]).arg(here.join("stale.bcf.csi")));
    let bed: String = contigs.iter().map(|contig| format!("{contig}\t50\t900\n")).collect();
    let bed = put(here, "r.bed", bed);
    let count = |variants: &Path, region: &str| {
        let table = here.join("variants.tsv");
        let mut command = deepallele("count");
        command.arg(&alignments).arg("-v").arg(variants).args(["-s", "kid", "--no-version", "-r", region, "-L"]);
        let output = run(command.arg(&bed).arg("--per-variant").arg(&table));
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), fs::read_to_string(&table).unwrap(), text(&output.stderr))
    };
    for (region, of_index) in [("chr3", 3), ("chr1:90-160", 3), ("chr1:90-160,chr3:1-200", 6), ("chr2", 0)] {
        let (regions, variants, said) = count(&plain, region);
        assert!(said.contains("6 variant records read"), "{said}");
        for (file, read) in [(&packed, of_index), (&binary, of_index), (&stale, 6)] {
            let (again, of_variants, said) = count(file, region);
            assert_eq!((&again, &of_variants), (&regions, &variants), "{file:?} {region}");
            assert!(said.contains(&format!("{read} variant records read")), "{file:?} {region}: {said}");
        }
    }
}

#[test]
fn the_variant_table_in_gz_is_indexed_too() {
    let folder = scratch();
    let packed = folder.path().join("variants.tsv.gz");
    good(count_real(&reads(), &[]).arg("--per-variant").arg(&packed));
    let found = good_text(&mut tool("tabix", [packed.as_os_str(), "chr22:17398508-17653030".as_ref()]));
    let places: Vec<&str> = found.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
    assert_eq!(places, ["17398508", "17653030"]);
}
