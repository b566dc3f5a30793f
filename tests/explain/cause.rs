//! `deepallele explain cause`: the table and the VCF against each other and against what was put in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

/// A region of 200 bases with up to three variants: what each does to log2 of its own haplotype, whether haplotype 1 carries
/// it, and the counts.
struct Made {
    variants: Vec<(f64, bool)>,
    counts: [u64; 2],
}

/// Regions in which the first variant explains the counts, and balanced ones.
fn regions(count: usize) -> Vec<Made> {
    (0..count)
        .map(|i| {
            let first = i % 4 < 2;
            match i % 3 {
                0 => {
                    Made { variants: vec![(1.0, first), (0.01, true)], counts: if first { [80, 40] } else { [40, 80] } }
                }
                1 => Made { variants: vec![(0.01, first), (-0.02, false), (0.0, true)], counts: [61, 59] },
                _ => Made { variants: vec![(-0.8, first)], counts: if first { [40, 70] } else { [70, 40] } },
            }
        })
        .collect()
}

/// `effects.vcf` and `counts.tsv` of these regions in `folder`.
fn write(folder: &Path, regions: &[Made]) {
    let haplotype = |number: usize| {
        format!(
            "##INFO=<ID=DA_LFC_BG{number},Number=A,Type=Float,Description=\"Effect, in haplotype {number} (kid:{number})\">\n"
        )
    };
    let mut vcf = format!(
        "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=1000000>\n{}{}##INFO=<ID=DA_REGION,Number=.,Type=String,Description=\"Regions\">\n\
         ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tmum\tkid\nchr1\t5\t.\tA\tC\t.\t.\t.\tGT\t0|0\t0|1\n",
        haplotype(1),
        haplotype(2)
    );
    let mut counts = String::from(
        "##haplotype1=kid:1\n##haplotype2=kid:2\n#chrom\tstart\tend\tname\tscore\tstrand\tsample\thap1\thap2\tuninformative\t\
         conflicting\tvariants\tlog2_ratio\tse\tp_value\tq_value\n",
    );
    for (i, region) in regions.iter().enumerate() {
        let start = 1000 + 500 * i;
        for (j, (effect, first)) in region.variants.iter().enumerate() {
            let call = if *first { "1|0" } else { "0|1" };
            vcf += &format!(
                "chr1\t{}\t.\tA\tC\t.\t.\tDA_LFC_BG1={effect};DA_LFC_BG2={};DA_REGION=chr1:{}-{}\tGT\t0|0\t{call}\n",
                start + 20 + 30 * j,
                effect * 1.1,
                start + 1,
                start + 200
            );
        }
        let [hap1, hap2] = region.counts;
        counts += &format!("chr1\t{start}\t{}\tr{i}\t.\t.\tkid\t{hap1}\t{hap2}\t9\t0\t1\t.\t.\t.\t.\n", start + 200);
    }
    put(folder, "effects.vcf", vcf);
    put(folder, "counts.tsv", counts);
}

fn cause(folder: &Path) -> Command {
    let mut command = deepallele("explain");
    command.current_dir(folder).args(["cause", "--vcf", "effects.vcf", "--compare", "counts.tsv"]);
    command
}

fn table(path: PathBuf) -> Table {
    Table::parse(&fs::read_to_string(path).expect("a table"))
}

#[test]
fn the_variant_that_fits_the_counts_is_the_cause() {
    let folder = scratch();
    let here = folder.path();
    let made = regions(240);
    write(here, &made);
    good(cause(here).args(["-o", "cause.tsv", "--output-vcf", "out.bcf", "-W"]));
    let found = table(here.join("cause.tsv"));
    let lines: usize = made.iter().map(|region| region.variants.len()).sum();
    assert_eq!(found.rows.len(), lines);
    let mut row = 0;
    for (i, region) in made.iter().enumerate() {
        let (mut main, mut inside) = (0.0, 0.0);
        for (j, (effect, first)) in region.variants.iter().enumerate() {
            assert_eq!(found.text(row, "name"), format!("r{i}"));
            assert_eq!(found.text(row, "pos"), (1000 + 500 * i + 20 + 30 * j).to_string());
            // Effects have the sign of haplotype 1 over haplotype 2.
            let signed = if *first { *effect } else { -effect };
            close(found.number(row, "effect_bg1"), signed, "effect_bg1");
            let probability = found.number(row, "probability");
            assert!((0.0..=1.0).contains(&probability));
            if effect.abs() > 0.5 {
                assert!(probability > 0.9 && found.text(row, "credible") == "1", "r{i}: {probability}");
                assert!(found.number(row, "contribution") * signed > 0.0);
            } else {
                assert!(probability < 0.5, "r{i}: {probability}");
            }
            main += found.number(row, "main_probability");
            inside += found.number(row, "main_probability") * found.number(row, "credible");
            row += 1;
        }
        let none = found.number(row - 1, "none_probability");
        assert!((main + none - 1.0).abs() < 1e-4, "r{i}: {main} {none}");
        assert!(inside >= 0.95 * main - 1e-4, "r{i}");
        assert_eq!(none > 0.5, region.variants.iter().all(|(effect, _)| effect.abs() < 0.5), "r{i}: {none}");
    }
    // The VCF has the same probabilities, and records without a region are as they were.
    let records = query(&here.join("out.bcf"), "%POS\t%INFO/DA_PIP\t%INFO/DA_REGION\n");
    assert_eq!(records.len(), lines + 1);
    assert_eq!(records[0], ["5", ".", "."]);
    for (row, record) in records[1..].iter().enumerate() {
        assert_eq!(record[0], found.text(row, "pos"));
        close(record[1].parse().unwrap(), found.number(row, "probability"), "DA_PIP");
    }
    assert!(here.join("out.bcf.csi").exists());

    // The same with one thread, from BCF, into a compressed table and into the folder.
    good(tool("bcftools", ["view", "-Ob", "-o", "effects.bcf", "effects.vcf"]).current_dir(here));
    fs::create_dir(here.join("explained")).unwrap();
    let mut again = deepallele("explain");
    again.current_dir(here).args(["cause", "explained", "--vcf", "effects.bcf", "--compare", "counts.tsv", "-@", "1"]);
    good(&mut again);
    let plain = |name: &str| without_header(&fs::read_to_string(here.join(name)).unwrap());
    assert_eq!(plain("explained/cause.tsv"), plain("cause.tsv"));
    good(cause(here).args(["-o", "cause.tsv.gz", "-@", "2"]));
    assert_eq!(without_header(&unpacked(&here.join("cause.tsv.gz"))), plain("cause.tsv"));
    assert!(here.join("cause.tsv.gz.tbi").exists());

    // A second run replaces what the first has written.
    let mut second = deepallele("explain");
    second.current_dir(here).args(["cause", "--vcf", "out.bcf", "--compare", "counts.tsv", "-o", "second.tsv"]);
    good(second.args(["--output-vcf", "second.vcf", "--min-effect", "5"]));
    let records = query(&here.join("second.vcf"), "%INFO/DA_PIP\n");
    assert_eq!(records[0], ["."]);
    assert!(records[1..].iter().all(|record| record[0].parse::<f64>().unwrap() < 0.2));
}

#[test]
fn few_regions_have_fixed_values_and_a_useless_model_none_of_its_own() {
    let folder = scratch();
    let here = folder.path();
    write(here, &regions(6));
    let output = run(cause(here).args(["-o", "cause.tsv"]));
    assert!(output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("too few to estimate"), "{said}");

    // Predictions that have nothing to do with the counts.
    let useless: Vec<Made> = (0..400usize)
        .map(|i| {
            let mixed = i.wrapping_mul(2_654_435_761) >> 7;
            let effect = |bits: usize| ((mixed >> bits) % 100) as f64 / 100.0 - 0.5;
            let counts = [[80, 40], [40, 80], [60, 60], [62, 58], [55, 65]][i % 5];
            Made { variants: vec![(effect(0), mixed & 1 == 0), (effect(8), mixed & 2 == 0)], counts }
        })
        .collect();
    write(here, &useless);
    good(cause(here).args(["-o", "cause.tsv"]));
    let found = table(here.join("cause.tsv"));
    let sure = (0..found.rows.len()).filter(|row| found.number(*row, "main_probability") > 0.9).count();
    assert!(sure < found.rows.len() / 50, "{sure} of {}", found.rows.len());
}

#[test]
fn effects_of_annotate_and_counts_of_count_fit_together() {
    let folder = scratch();
    let here = folder.path();
    let counts = counted(here, "counts.tsv.gz");
    let model = imported(here, "mh");
    let mut effects = annotate(&model, &phased());
    good(effects.args(["-s", "NA12878", "-L"]).arg(&counts).arg("-o").arg(here.join("effects.bcf")));
    let mut command = deepallele("explain");
    command.current_dir(here).args(["cause", "--vcf", "effects.bcf", "--compare", "counts.tsv.gz", "-o", "cause.tsv"]);
    good(command.args(["--output-vcf", "out.vcf.gz", "-W=tbi"]));
    let found = table(here.join("cause.tsv"));
    assert!(!found.rows.is_empty());
    let effects = query(&here.join("out.vcf.gz"), "%POS\t%INFO/DA_LFC_BG1\t[%GT]\t%INFO/DA_PIP\n");
    for row in 0..found.rows.len() {
        let position = found.text(row, "pos");
        let record = effects.iter().find(|record| record[0] == position).expect("the record");
        let signed: f64 = record[1].parse().unwrap();
        let signed = if record[2] == "0|1" { -signed } else { signed };
        close(found.number(row, "effect_bg1"), signed, position);
        assert_ne!(record[3], ".");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = scratch();
    let here = folder.path();
    write(here, &regions(6));
    let vcf = fs::read_to_string(here.join("effects.vcf")).unwrap();
    let counts = fs::read_to_string(here.join("counts.tsv")).unwrap();
    let with = |vcf: &str, counts: &str| {
        put(here, "effects.vcf", vcf);
        put(here, "counts.tsv", counts);
        let mut command = cause(here);
        command.args(["-o", "cause.tsv", "--output-vcf", "out.vcf"]);
        command
    };
    let last = counts.lines().last().unwrap();
    let several = format!("{counts}{}\n", last.replace("\tkid\t", "\tother\t"));
    let without: String =
        vcf.lines().filter(|line| !line.starts_with("##INFO=<ID=DA_LFC_BG1")).map(|l| format!("{l}\n")).collect();
    for (vcf, counts, words) in [
        (&without, &counts, &["effects.vcf", "INFO/DA_LFC_BG1", "annotate -s"][..]),
        (&vcf.replace("\tkid\n", "\tdad\n"), &counts, &["effects.vcf", "no sample \"kid\""]),
        (&vcf.replace("DA_REGION=chr1:", "DA_REGION=chr1-"), &counts, &["effects.vcf", "line 9", "not contig:from-to"]),
        (
            &vcf.replace("DA_LFC_BG2=1.1;", "DA_LFC_BG2=x;"),
            &counts,
            &["effects.vcf", "line 9", "INFO/DA_LFC_BG2 is \"x\""],
        ),
        (&vcf.replace("1|0", "0|0").replace("0|1", "0|0"), &counts, &["effects.vcf", "haplotypes differ"]),
        (&vcf, &counts.replace("chr1\t", "chr2\t"), &["counts.tsv", "none of the 6 regions"]),
        (&vcf, &several, &["counts.tsv", "several samples (kid, other)", "--count-sample"]),
        (&vcf, &counts.replace("=kid:1", "=kid:2"), &["counts.tsv", "kid:2 and kid:2", "kid:1 and kid:2"]),
        (&vcf, &counts.replace("#chrom", "#contig"), &["counts.tsv", "count table"]),
        (&vcf[..vcf.len() - 12].to_string(), &counts, &["effects.vcf", "columns"]),
    ] {
        refused_in(here, &mut with(vcf, counts), words);
    }
    with(&vcf, &counts);
    let piped = misused(cause(here).args(["--vcf", "-", "--output-vcf", "out.vcf"]).args(["-o", "cause.tsv"]));
    assert!(piped.contains("cannot be used multiple times") || piped.contains("--vcf"), "{piped}");
    let mut pipe = deepallele("explain");
    pipe.current_dir(here).args(["cause", "--vcf", "/dev/stdin", "--compare", "counts.tsv", "--output-vcf", "out.vcf"]);
    let said = misused(pipe.stdin(std::process::Stdio::piped()));
    assert!(said.contains("a pipe can be read only once"), "{said}");
    // Without the VCF a pipe is read once.
    let mut pipe = deepallele("explain");
    pipe.current_dir(here).args(["cause", "--vcf", "-", "--compare", "counts.tsv", "--no-version"]);
    let piped = feed(&mut pipe, vcf.as_bytes());
    assert_eq!(text(&piped).lines().count(), 1 + vcf.matches("DA_REGION=").count());
}
