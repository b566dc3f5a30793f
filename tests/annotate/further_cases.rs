//! Neighbours of the situations in `cases.rs`: the same class of input, written another way.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use bigtools::BigWigRead;
use deepallele_tests::*;

/// A genome of one contig `c1`, a linear network that reads 64 bases of it, and what is annotated there.
struct Small {
    folder: tempfile::TempDir,
    bases: String,
}

impl Small {
    fn new(length: usize) -> Self {
        let folder = scratch();
        let bases = Random(5).bases(length);
        fasta(folder.path(), "ref.fa", &[("c1", &bases)]);
        linear_network(folder.path(), "log2");
        Self { folder, bases }
    }

    fn annotate(&self, more: &[&str]) -> Command {
        let mut command = deepallele("annotate");
        command.current_dir(self.folder.path()).args(["-m", "linear.toml", "-f", "ref.fa", "--no-version"]).args(more);
        command
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        put(self.folder.path(), name, content);
    }

    fn base(&self, position: usize) -> &str {
        &self.bases[position - 1..position]
    }

    /// An SNV at a 1-based position.
    fn snv(&self, position: usize) -> String {
        let other = if self.base(position) == "A" { "C" } else { "A" };
        format!("c1\t{position}\t.\t{}\t{other}\t.\t.\t.\tGT\t0|1\n", self.base(position))
    }

    fn effect(&self, reference: &str, alternative: &str, centre: usize, position: usize) -> f64 {
        let mut changed = self.bases.clone();
        changed.replace_range(position - 1..position - 1 + reference.len(), alternative);
        let window = |bases: &str| bases[centre - 33..centre + 31].to_owned();
        linear_value(&window(&changed), 0) - linear_value(&window(&self.bases), 0)
    }
}

#[test]
fn faults_of_headers_are_named_by_their_reason() {
    let small = Small::new(300);
    let header = vcf_header(&["c1,length=300"], &["S"]);
    let record = small.snv(150);
    let lines = &header[..header.find("#CHROM").unwrap()];
    for (name, content, words) in [
        ("no-columns.vcf", format!("{lines}{record}"), &["#CHROM"][..]),
        ("no-header.vcf", record.clone(), &["neither VCF nor BCF"]),
        ("few.vcf", format!("{lines}#CHROM\tPOS\tID\tREF\n{record}"), &["#CHROM"]),
        ("samples.vcf", format!("{header}{}", record.replace("\t0|1", "")), &["line 5", "9 columns"]),
        ("html.vcf", "<!DOCTYPE html>\n<html></html>\n".into(), &["VCF"]),
    ] {
        small.put(name, content);
        let output = run(&mut small.annotate(&[name, "--model-sample", "liver", "-o", "no.vcf"]));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(name) && words.iter().all(|word| said.contains(word)), "{name}: {said}");
        assert!(said.lines().count() == 1 && !small.folder.path().join("no.vcf").exists(), "{said}");
    }
}

#[test]
fn alternatives_have_their_own_numbers_at_the_limits_of_a_byte() {
    let small = Small::new(300);
    for count in [127, 128, 254, 255, 256, 257, 400] {
        // Insertions, each of another sequence. By their last base they cannot be shifted.
        let base = |i: usize, k: usize| char::from(b"ACGT"[i >> (2 * k) & 3]);
        let last = if small.base(150) == "A" { "C" } else { "A" };
        let inserted = |i: usize| (0..5).map(|k| base(i, k)).collect::<String>() + last;
        let alternatives: Vec<String> = (0..count).map(|i| small.base(150).to_owned() + &inserted(i)).collect();
        let mut vcf = vcf_header(&["c1,length=300"], &["S"]);
        writeln!(vcf, "c1\t150\t.\t{}\t{}\t.\t.\t.\tGT\t{count}|0", small.base(150), alternatives.join(",")).unwrap();
        // A neighbour, whose effect in haplotype 1 is added to that of the last alternative.
        vcf += &small.snv(160);
        small.put("in.vcf", vcf);
        let rows = query_bytes(&good(&mut small.annotate(&["in.vcf"])), "%DA_LFC\n");
        let values: Vec<f64> = rows[0][0].split(',').map(|v| v.parse().unwrap()).collect();
        assert_eq!(values.len(), count);
        for (k, value) in values.iter().enumerate() {
            close(*value, small.effect(small.base(150), &alternatives[k], 150, 150), &format!("{k} of {count}"));
        }
        for suffix in ["vcf", "bcf"] {
            let out = format!("o.{suffix}");
            good(&mut small.annotate(&["-s", "S", "in.vcf", "-o", &out]));
            let rows = query(&small.folder.path().join(&out), "%DA_PAIR\t%DA_LFC_BG1\n");
            let whole = small.effect(small.base(150), &alternatives[count - 1], 150, 150);
            // Haplotype 2 has the neighbour.
            let snv = small.effect(small.base(160), if small.base(160) == "A" { "C" } else { "A" }, 150, 160);
            close(rows[0][0].parse().unwrap(), whole - snv, &format!("{count} {suffix}"));
        }
    }
}

#[test]
fn records_at_the_ends_of_a_contig_pass_through() {
    let small = Small::new(300);
    let last = small.base(300);
    let other = if last == "A" { "C" } else { "A" };
    let first = small.base(1);
    let lines = [
        // The telomere, which is not a base.
        "c1\t0\ttelomere\tN\t<DEL>\t.\t.\t.\tGT\t0|1".to_owned(),
        format!("c1\t1\tfirst\t{first}\t{}\t.\t.\t.\tGT\t0|1", if first == "A" { "C" } else { "A" }),
        format!("c1\t300\tlast\t{last}\t{other}\t.\t.\t.\tGT\t0|1"),
        format!("c1\t300\tinserted\t{last}\t{last}GG\t.\t.\t.\tGT\t0|1"),
        format!("c1\t300\tover\t{last}A\t{last}\t.\t.\t.\tGT\t0|1"),
        "c1\t301\tbeyond\tA\tC\t.\t.\t.\tGT\t0|1".to_owned(),
        "c1\t900\tfar\tACGT\tA\t.\t.\t.\tGT\t1|1".to_owned(),
    ];
    small.put("in.vcf", vcf_header(&["c1,length=1000"], &["S"]) + &lines.join("\n") + "\n");
    small.put("all.bed", "c1\t0\t300\n");
    for more in [&[][..], &["-s", "S"], &["-L", "all.bed"], &["-s", "S", "-L", "all.bed"]] {
        let args = [more, &["--on-mismatch", "skip", "in.vcf"]].concat();
        let output = run(&mut small.annotate(&args));
        let said = text(&output.stderr);
        assert!(output.status.success(), "{more:?}: {said}");
        let rows = query_bytes(&output.stdout, "%ID\t%DA_LFC\n");
        let with: Vec<&str> = rows.iter().filter(|row| row[1] != ".").map(|row| &row[0][..]).collect();
        assert_eq!(rows.len(), lines.len(), "{more:?}");
        let expected = if more.contains(&"-L") { &[][..] } else { &["first", "last", "inserted"] };
        assert_eq!(with, expected, "{more:?}: {said}");
        assert!(said.contains("REF differs") || more.contains(&"-L"), "{more:?}: {said}");
    }
    // In a region around them.
    small.put("end.bed", "c1\t260\t300\n");
    let rows = query_bytes(&good(&mut small.annotate(&["-L", "end.bed", "in.vcf"])), "%ID\t%DA_LFC\n");
    let with: Vec<&str> = rows.iter().filter(|row| row[1] != ".").map(|row| &row[0][..]).collect();
    assert_eq!(with, ["last", "inserted"]);
}

#[test]
fn regions_of_one_span_are_distinguished_by_their_summits() {
    let small = Small::new(600);
    small.put("in.vcf", vcf_header(&["c1,length=600"], &["S"]) + &small.snv(300));
    let other = if small.base(300) == "A" { "C" } else { "A" };
    // Three summits of one peak; one of them listed twice; another peak with the same summit.
    let summits = [70, 80, 110, 80].map(|at| format!("c1\t200\t400\tp\t1\t.\t1\t1\t1\t{at}\n")).concat();
    small.put("r.narrowPeak", summits + "c1\t250\t400\tq\t1\t.\t1\t1\t1\t30\n");
    let table = good(
        deepallele("annotate").current_dir(small.folder.path()).args(["-m", "linear.toml", "-f", "ref.fa"]).args([
            "--no-version",
            "--all-regions",
            "-L",
            "r.narrowPeak",
            "in.vcf",
        ]),
    );
    let entries = query_bytes(&table, "%DA_ALL\n")[0][0].clone();
    let mut found: Vec<(String, f64)> = entries
        .split(',')
        .map(|entry| {
            let parts: Vec<&str> = entry.split('|').collect();
            (parts[2].to_owned(), parts[3].parse().unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = found.iter().map(|f| &f.0[..]).collect();
    assert_eq!(names, ["c1:201-400@271", "c1:201-400@281", "c1:201-400@311", "c1:251-400"]);
    for ((_, value), summit) in found.iter().zip([271, 281, 311, 281]) {
        close(*value, small.effect(small.base(300), other, summit, 300), "summit");
    }
}

/// The most that the chromosome tree of a bigWig holds with the library that writes it.
const MOST: usize = 32_767;

fn with_contigs(folder: &Path, number: usize) {
    let bases = Random(9).bases(80);
    let (mut genome, mut index, mut offset) = (String::new(), String::new(), 0);
    let mut vcf = String::from("##fileformat=VCFv4.2\n");
    let mut records = String::new();
    let other = if &bases[39..40] == "A" { "C" } else { "A" };
    for i in 0..number {
        let name = format!("s{i}");
        offset += name.len() + 2;
        writeln!(genome, ">{name}\n{bases}").unwrap();
        writeln!(index, "{name}\t80\t{offset}\t80\t81").unwrap();
        offset += 81;
        writeln!(vcf, "##contig=<ID={name},length=80>").unwrap();
        writeln!(records, "{name}\t40\t.\t{}\t{other}\t.\t.\t.", &bases[39..40]).unwrap();
    }
    vcf += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    put(folder, "ref.fa", genome);
    put(folder, "ref.fa.fai", index);
    put(folder, "in.vcf", vcf + &records);
    // All but a few contigs are without values.
    let few: String = (0..number).step_by(number / 3).map(|i| format!("s{i}\t0\t80\n")).collect();
    put(folder, "few.bed", few);
}

/// Number of values of a bigWig, each contig that it lists having some.
fn values(path: &Path) -> usize {
    let mut file = BigWigRead::open_file(as_str(path)).expect("a bigWig");
    let contigs: Vec<_> = file.chroms().iter().map(|contig| (contig.name.clone(), contig.length)).collect();
    let mut of = |(name, length): &(String, u32)| file.get_interval(name, 0, *length).expect("a contig").count();
    let numbers: Vec<usize> = contigs.iter().map(&mut of).collect();
    assert!(numbers.iter().all(|n| *n > 0));
    numbers.iter().sum()
}

#[test]
fn a_bigwig_lists_the_contigs_with_values_and_no_more_than_it_holds() {
    let folder = scratch();
    let here = folder.path();
    linear_network(here, "log2");
    let annotate = |more: &[&str]| {
        let mut command = deepallele("annotate");
        command.current_dir(here).args(["-m", "linear.toml", "-f", "ref.fa", "in.vcf"]).args(more);
        command
    };
    with_contigs(here, 65_536);
    good(&mut annotate(&["-L", "few.bed", "-o", "few.vcf", "--bigwig", "few.bw"]));
    assert_eq!(values(&here.join("few.bw")), 4);
    assert!(fs::metadata(here.join("few.bw")).unwrap().len() < 100_000);
    refused_in(here, &mut annotate(&["-o", "all.vcf", "--bigwig", "all.bw"]), &["all.bw", "65536", "contigs"]);
    // Without the track, and as text, there is no limit.
    good(&mut annotate(&["-o", "all.vcf", "--bedgraph", "all.bedGraph"]));
    let graph = fs::read_to_string(here.join("all.bedGraph")).unwrap();
    assert_eq!(graph.lines().filter(|line| line.starts_with('s')).count(), 65_536);
    for (number, fits) in [(MOST, true), (MOST + 1, false), (300, true)] {
        with_contigs(here, number);
        let mut command = annotate(&["-o", "n.vcf", "--bigwig", "n.bw"]);
        match fits {
            true => {
                good(&mut command);
                assert_eq!(values(&here.join("n.bw")), number);
                for file in ["n.bw", "n.vcf"] {
                    fs::remove_file(here.join(file)).unwrap();
                }
            }
            false => drop(refused_in(here, &mut command, &["n.bw", "contigs"])),
        }
    }
}
