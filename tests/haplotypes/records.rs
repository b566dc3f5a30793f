//! Records written by hand: the status of each, case, masks, and input that is wrong.

use std::fs;
use std::path::Path;

use deepallele_tests::edits::HEADER;
use deepallele_tests::*;

#[test]
fn every_record_is_accounted_for() {
    let folder = scratch();
    let bases = "ACGTACGTAC".repeat(30);
    let reference = fasta(folder.path(), "ref.fa", &[("chrC", &bases)]);
    let body = "chrC\t2\tx1\tC\tT\t.\t.\t.\tGT\t0|1\t1|1\n\
        chrC\t4\t.\tT\tTGG\t.\t.\t.\tGT\t1/0\t0|1\n\
        chrC\t6\t.\tCGT\tC\t.\t.\t.\tGT\t1|1\t.|.\n\
        chrC\t7\t.\tG\tA\t.\t.\t.\tGT\t1|0\t./1\n\
        chrC\t9\t.\tA\t<DEL>\t.\t.\t.\tGT\t0|1\t0|0\n\
        chrC\t10\t.\tC\tG,*\t.\t.\t.\tGT\t1|2\t0|0\n\
        chrC\t12\t.\tC\tc\t.\t.\t.\tGT\t0|1\t0|0\n\
        chrD\t5\t.\tA\tC\t.\t.\t.\tGT\t1|0\t1|1\n";
    let vcf = put(folder.path(), "v.vcf", HEADER.to_string() + body);
    let table = |arguments: &[&str]| {
        let mut command = deepallele("haplotypes");
        command.arg("-f").arg(&reference).arg("-v").arg(&vcf).args(arguments).args(["--report", "-"]);
        let table = Table::parse(&good_text(&mut command));
        let row = |r: usize| {
            let of = |column: &str| table.text(r, column).to_string();
            format!("{} {} {} {} {}", of("pos"), of("haplotype"), of("allele"), of("status"), of("reason"))
        };
        (0..table.rows.len()).map(row).collect::<Vec<_>>()
    };
    assert_eq!(
        table(&["-s", "A"]),
        [
            "2 2 T applied .",
            "4 1 TGG skipped unphased",
            "6 1 C applied .",
            "6 2 C applied .",
            "7 1 A skipped overlap",
            "9 2 <DEL> skipped no_sequence",
            "10 2 * skipped deleted_by_another_record",
            "10 1 G applied .",
            "12 2 C skipped same_as_reference",
            "5 1 C skipped unknown_contig",
        ]
    );
    assert_eq!(
        table(&["--strain", "B"]),
        [
            "2 2 T applied .",
            "4 2 . skipped heterozygous_strain",
            "6 2 . skipped missing",
            "7 2 . skipped missing",
            "5 2 C skipped unknown_contig",
        ]
    );
    // One wrong base among many right ones is dropped and named.
    let right: String = (13..113)
        .map(|pos: usize| {
            let base = &bases[pos - 1..pos];
            let base = if pos == 50 { "T" } else { base };
            let other = if base == "G" { "A" } else { "G" };
            format!("chrC\t{pos}\t.\t{base}\t{other}\t.\t.\t.\tGT\t0|1\t0|0\n")
        })
        .collect();
    fs::write(&vcf, HEADER.to_string() + &right).unwrap();
    let lines = table(&["-s", "A"]);
    assert_eq!(lines.len(), 100);
    assert_eq!(
        lines.iter().filter(|l| l.contains("ref_mismatch")).collect::<Vec<_>>(),
        ["50 2 G skipped ref_mismatch"]
    );
}

#[test]
fn new_bases_have_the_case_of_the_base_at_the_position() {
    let folder = scratch();
    let reference = fasta(folder.path(), "r.fa", &[("chrC", "acgtACGTacgtACGTacgtACGTacgtACGT")]);
    let record = |pos: u32, from: &str, to: &str| format!("chrC\t{pos}\t.\t{from}\t{to}\t.\t.\t.\tGT\t1|1\t0|0\n");
    let body = record(2, "C", "T") + &record(4, "TA", "Gg") + &record(8, "T", "TccCC") + &record(12, "TACG", "t");
    let vcf = vcf_gz(folder.path(), "v.vcf.gz", &(HEADER.replace("=300", "=32") + &body + &record(20, "T", "TccCC")));
    good(haplotypes(&reference, &vcf, "A").arg("--fasta").arg(folder.path().join("o")));
    let ours = fs::read(folder.path().join("o.hap1.fa")).unwrap();
    assert_eq!(text(&ours), text(&good(&mut consensus(&reference, &vcf, "A", "1"))));
    assert_eq!(text(&ours), ">chrC\natgggCGTCCCCacgtTacgtccccACGTacgtACGT\n");
}

#[test]
fn masks_cover_what_differs() {
    let folder = scratch();
    let reference = fasta(folder.path(), "r.fa", &[("chrC", "acgtACGTacgtACGTacgt"), ("chrD", "ACGT")]);
    let record = |pos: u32, from: &str, to: &str, call: &str| {
        format!("chrC\t{pos}\t.\t{from}\t{to}\t.\t.\t.\tGT\t{call}\t0|0\n")
    };
    let body = [
        record(2, "C", "T", "0/1"),
        record(4, "T", "G", "1|1"),
        record(7, "GT", "GA", "1|0"),
        record(9, "ACG", "A", "0|1"),
        record(13, "A", "ATT", "1|0"),
        record(15, "GT", "CA", "0|1"),
    ];
    let vcf = put(folder.path(), "v.vcf", HEADER.replace("=300", "=20") + &body.concat());
    let masked = |more: &[&str]| good_text(haplotypes(&reference, &vcf, "A").args(["--masked", "-"]).args(more));
    assert_eq!(masked(&[]), ">chrC\naNgtACGNacgtACGTacgt\n>chrD\nACGT\n");
    assert_eq!(masked(&["--mask-indels"]), ">chrC\naNgtACGNaNNtNCNNacgt\n>chrD\nACGT\n");
}

#[test]
fn wrong_input_is_told_and_nothing_is_left() {
    let folder = scratch();
    let reference = fasta(folder.path(), "ref.fa", &[("chrC", &"ACGTACGTAC".repeat(30))]);
    let bare = put(folder.path(), "bare.fa", ">chrC\nACGT\n");
    let short = fasta(folder.path(), "short.fa", &[("chrC", "ACGT")]);
    let record = |pos: u32, from: &str| format!("chrC\t{pos}\t.\t{from}\tN\t.\t.\t.\tGT\t0|1\t0|0\n");
    let good_vcf = put(folder.path(), "good.vcf", HEADER.to_string() + &record(5, "A"));
    let wrong = put(folder.path(), "wrong.vcf", HEADER.to_string() + &record(5, "G"));
    let unsorted = put(folder.path(), "unsorted.vcf", HEADER.to_string() + &record(6, "C") + &record(5, "A"));
    let empty = put(folder.path(), "empty.bed", "");
    let odd = put(folder.path(), "odd.bed", "chrZ\t1\t2\n");
    let run = |reference: &Path, vcf: &Path, sample: &str| {
        let mut command = haplotypes(reference, vcf, sample);
        command.arg("--fasta").arg(folder.path().join("out")).arg("--chain").arg(folder.path().join("out"));
        command
    };
    let here = folder.path();
    refused_in(here, &mut run(&bare, &good_vcf, "A"), &["bare.fa", "samtools faidx"]);
    refused_in(here, &mut run(&short, &good_vcf, "A"), &["good.vcf", "record 1", "past the end of chrC"]);
    refused_in(here, &mut run(&reference, &good_vcf, "Z"), &["good.vcf", "no sample \"Z\"", "it has A, B"]);
    refused_in(here, &mut run(&reference, &wrong, "A"), &["wrong.vcf", "assembly", "chrC:5 G (FASTA: A)"]);
    refused_in(here, &mut run(&reference, &unsorted, "A"), &["unsorted.vcf", "record 2 (chrC:5)", "bcftools sort"]);
    refused_in(here, &mut run(&reference, Path::new("nothing.vcf"), "A"), &["nothing.vcf"]);
    let pairs = here.join("pairs.tsv");
    for (bed, words) in [(&empty, "no region"), (&odd, "line 1")] {
        refused_in(here, run(&reference, &good_vcf, "A").arg("-L").arg(bed).arg("--pairs").arg(&pairs), &[words]);
    }
    for option in ["--masked", "--report", "--pairs"] {
        let bed = put(here, "all.bed", "chrC\t0\t300\n");
        let mut command = run(&reference, &good_vcf, "A");
        if option == "--pairs" {
            command.arg("-L").arg(bed);
        }
        refused_in(here, command.args([option, "/dev/full"]), &["/dev/full"]);
    }
    let missing = here.join("no/such/folder");
    let mut command = haplotypes(&reference, &good_vcf, "A");
    refused_in(here, command.arg("--fasta").arg(&missing), &["no/such/folder"]);
    // A VCF without its end-of-file block.
    let packed = fs::read(phased()).unwrap();
    let cut = put(here, "cut.vcf.gz", &packed[..packed.len() - 28]);
    refused_in(
        here,
        run(&genome(), &cut, "NA12878").arg("--masked").arg(here.join("m.fa")),
        &["cut.vcf.gz", "truncated"],
    );
}
