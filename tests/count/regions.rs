//! Kinds of regions, strands, several alignment files and forms of the variant table: reads made with known alleles
//! against a brute-force count, kinds of files against each other, and VCF through bcftools.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

const LENGTH: usize = 20_000;

/// A source of numbers that is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

/// A read: its aligned stretches, 0-based half-open, and its first one's start.
type Blocks = Vec<(usize, usize)>;

/// A molecule with its haplotype, 1 or 2.
#[derive(Clone)]
struct Molecule {
    haplotype: usize,
    /// Of the first mate or single read.
    forward: bool,
    /// One read or two.
    reads: Vec<Blocks>,
    /// The mate that maps badly, and is left out.
    lost: Option<usize>,
}

impl Molecule {
    /// The aligned stretches of the reads that count.
    fn stretches(&self) -> impl Iterator<Item = &(usize, usize)> {
        self.reads.iter().enumerate().filter(|(i, _)| self.lost != Some(*i)).flat_map(|(_, blocks)| blocks)
    }
}

/// An individual and molecules of it.
struct World {
    genome: Vec<u8>,
    /// Position, 0-based, to the base of each haplotype.
    snvs: BTreeMap<usize, [u8; 2]>,
    molecules: Vec<Molecule>,
}

impl World {
    fn new(seed: u64, molecules: usize) -> Self {
        let mut layout = Random(7);
        let genome: Vec<u8> = (0..LENGTH).map(|_| b"ACGT"[layout.below(4)]).collect();
        let mut snvs = BTreeMap::new();
        let mut at = 40;
        while at < LENGTH {
            let other = *b"ACGT".iter().filter(|b| **b != genome[at]).nth(layout.below(3)).unwrap();
            snvs.insert(at, if layout.below(2) == 0 { [genome[at], other] } else { [other, genome[at]] });
            at += 60 + layout.below(200);
        }
        let mut r = Random(seed);
        let molecules = (0..molecules).map(|_| {
            let start = r.below(LENGTH - 1200);
            // Some reads are spliced.
            let read = |r: &mut Random, start: usize| match r.below(4) {
                0 => {
                    let (first, gap) = (10 + r.below(30), 20 + r.below(400));
                    vec![(start, start + first), (start + first + gap, start + gap + 50)]
                }
                _ => vec![(start, start + 50)],
            };
            let mut reads = vec![read(&mut r, start)];
            if r.below(5) > 0 {
                let mate = start + r.below(500);
                reads.push(read(&mut r, mate));
            }
            let lost = (reads.len() == 2 && r.below(6) == 0).then(|| r.below(2));
            Molecule { haplotype: 1 + r.below(2), forward: r.below(2) == 0, reads, lost }
        });
        Self { genome, snvs, molecules: molecules.collect() }
    }

    fn vcf(&self) -> String {
        let mut text = format!(
            "##fileformat=VCFv4.2\n##contig=<ID=chr1,length={LENGTH}>\n\
             ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
             #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n"
        );
        for (at, [one, _]) in &self.snvs {
            let reference = self.genome[*at];
            let alternative = self.snvs[at].iter().find(|b| **b != reference).unwrap();
            let call = if *one == reference { "0|1" } else { "1|0" };
            let (reference, alternative) = (reference as char, *alternative as char);
            writeln!(text, "chr1\t{}\ts{at}\t{reference}\t{alternative}\t.\tPASS\t.\tGT\t{call}", at + 1).unwrap();
        }
        text
    }

    fn sam(&self, read_group: Option<&str>) -> String {
        let mut lines = Vec::new();
        for (number, molecule) in self.molecules.iter().enumerate() {
            for (i, blocks) in molecule.reads.iter().enumerate() {
                let (mut bases, mut cigar, mut last) = (String::new(), String::new(), 0);
                for &(start, end) in blocks {
                    if last > 0 {
                        cigar += &format!("{}N", start - last);
                    }
                    cigar += &format!("{}M", end - start);
                    last = end;
                    for at in start..end {
                        let base = self.snvs.get(&at).map_or(self.genome[at], |b| b[molecule.haplotype - 1]);
                        bases.push(base as char);
                    }
                }
                let start = blocks[0].0 + 1;
                let reverse = molecule.forward == (i == 1);
                let strand = if reverse { 0x10 } else { 0 };
                let (flag, mate) = match molecule.reads.get(1 - i) {
                    Some(mate) => {
                        let which = if i == 0 { 0x40 } else { 0x80 };
                        (0x3 | which | strand | if reverse { 0 } else { 0x20 }, format!("=\t{}", mate[0].0 + 1))
                    }
                    None => (strand, "*\t0".into()),
                };
                let quality = "I".repeat(bases.len());
                let group = read_group.map(|_| "\tRG:Z:g").unwrap_or_default();
                let mapq = if molecule.lost == Some(i) { 0 } else { 60 };
                let line = format!(
                    "m{number}\t{flag}\tchr1\t{start}\t{mapq}\t{cigar}\t{mate}\t0\t{bases}\t{quality}{group}\n"
                );
                lines.push((start, line));
            }
        }
        lines.sort();
        let group = read_group.map(|name| format!("@RG\tID:g\tSM:{name}\n")).unwrap_or_default();
        let body: String = lines.into_iter().map(|(_, line)| line).collect();
        format!("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:{LENGTH}\n{group}{body}")
    }

    /// hap1, hap2, uninformative, conflicting of a region of these blocks; `strand` that of the first mates that
    /// count, if it matters.
    fn expected(&self, blocks: &[(usize, usize)], strand: Option<bool>) -> [usize; 4] {
        let mut counts = [0; 4];
        for molecule in &self.molecules {
            let touches = molecule.stretches().any(|s| blocks.iter().any(|b| s.0 < b.1 && b.0 < s.1));
            if !touches || strand.is_some_and(|s| s != molecule.forward) {
                continue;
            }
            let informed = molecule.stretches().any(|s| self.snvs.range(s.0..s.1).next().is_some());
            counts[if informed { molecule.haplotype - 1 } else { 2 }] += 1;
        }
        counts
    }

    /// Fragments of each haplotype that show the SNV at `at`.
    fn at_snv(&self, at: usize) -> [usize; 2] {
        let mut counts = [0; 2];
        for molecule in &self.molecules {
            let covers = molecule.stretches().any(|s| (s.0..s.1).contains(&at));
            counts[molecule.haplotype - 1] += covers as usize;
        }
        counts
    }
}

/// Genes of one to five exons, which may overlap each other and themselves: name, strand, exons.
fn genes() -> Vec<(String, char, Blocks)> {
    let mut r = Random(99);
    (0..60)
        .map(|i| {
            let start = r.below(LENGTH - 3000);
            let exons = (0..1 + r.below(5)).map(|_| {
                let from = start + r.below(2500);
                (from, from + 20 + r.below(300))
            });
            let exons = exons.collect();
            (format!("g{i}"), ['+', '-', '.'][r.below(3)], exons)
        })
        .collect()
}

fn gtf(genes: &[(String, char, Blocks)]) -> String {
    let mut text = String::from("#!genome-build made\n");
    for (name, strand, exons) in genes {
        let (start, end) = (exons.iter().map(|e| e.0).min().unwrap(), exons.iter().map(|e| e.1).max().unwrap());
        writeln!(text, "chr1\tx\tgene\t{}\t{end}\t.\t{strand}\t.\tgene_id \"{name}\";", start + 1).unwrap();
        for (from, to) in exons {
            let attributes = format!("transcript_id \"{name}.t\"; gene_id \"{name}\"; gene_name \"N{name}\";");
            writeln!(text, "chr1\tx\texon\t{}\t{to}\t.\t{strand}\t.\t{attributes}", from + 1).unwrap();
        }
    }
    text
}

fn gff3(genes: &[(String, char, Blocks)]) -> String {
    let mut text = String::from("##gff-version 3\n");
    for (name, strand, exons) in genes {
        let (start, end) = (exons.iter().map(|e| e.0).min().unwrap(), exons.iter().map(|e| e.1).max().unwrap());
        for (from, to) in exons {
            writeln!(text, "chr1\tx\texon\t{}\t{to}\t.\t{strand}\t.\tParent=t-{name}", from + 1).unwrap();
        }
        writeln!(text, "chr1\tx\tmRNA\t{}\t{end}\t.\t{strand}\t.\tID=t-{name};Parent={name}", start + 1).unwrap();
        writeln!(text, "chr1\tx\tgene\t{}\t{end}\t.\t{strand}\t.\tID={name}", start + 1).unwrap();
    }
    text + "##FASTA\n>chr1\nACGT\n"
}

fn saf(genes: &[(String, char, Blocks)]) -> String {
    let mut text = String::from("GeneID\tChr\tStart\tEnd\tStrand\n");
    for (name, strand, exons) in genes {
        for (from, to) in exons {
            writeln!(text, "{name}\tchr1\t{}\t{to}\t{strand}", from + 1).unwrap();
        }
    }
    text
}

/// The world in files: BAM and VCF.
fn files(folder: &Path, world: &World) -> (PathBuf, PathBuf) {
    (bam(folder, "reads.bam", &world.sam(Some("kid"))), vcf_gz(folder, "v.vcf.gz", &world.vcf()))
}

fn count(reads: &[&Path], variants: &Path, more: &[&str]) -> Command {
    let mut command = deepallele("count");
    command.args(reads).arg("-v").arg(variants).args(["-s", "kid", "--no-version"]).args(more);
    command
}

fn classes(table: &Table, row: usize) -> [usize; 4] {
    ["hap1", "hap2", "uninformative", "conflicting"].map(|column| table.number(row, column) as usize)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn genes_of_every_kind_of_file_equal_a_brute_force_count() {
    let folder = scratch();
    let world = World::new(1, 3000);
    let (reads, variants) = files(folder.path(), &world);
    let genes = genes();
    let mut tables = Vec::new();
    for (name, content) in [
        ("genes.gtf", gtf(&genes)),
        ("genes.gff3", gff3(&genes)),
        ("genes.saf", saf(&genes)),
        // Told by their content.
        ("one.txt", gtf(&genes)),
        ("two.txt", gff3(&genes)),
        ("three.txt", saf(&genes)),
    ] {
        let file = put(folder.path(), name, content);
        tables.push(good_text(&mut count(&[&reads], &variants, &["-L", path(&file)])));
        let packed =
            put(folder.path(), &format!("{name}.gz"), feed(&mut tool("gzip", ["-c"]), &fs::read(&file).unwrap()));
        tables.push(good_text(&mut count(&[&reads], &variants, &["-L", path(&packed)])));
        let mut piped = count(&[&reads], &variants, &["-L", "-", "--quiet"]);
        tables.push(text(&feed(&mut piped, &fs::read(&file).unwrap())));
    }
    assert!(tables.iter().all(|t| without_header(t) == without_header(&tables[0])));
    let table = Table::parse(&tables[0]);
    assert_eq!(table.rows.len(), genes.len());
    let mut informed = 0;
    for row in 0..table.rows.len() {
        let (name, strand, exons) = genes.iter().find(|g| g.0 == table.text(row, "name")).unwrap();
        assert_eq!(classes(&table, row), world.expected(exons, None), "{name}");
        assert_eq!(table.number(row, "start") as usize, exons.iter().map(|e| e.0).min().unwrap());
        assert_eq!(table.number(row, "end") as usize, exons.iter().map(|e| e.1).max().unwrap());
        assert_eq!(table.text(row, "strand"), strand.to_string());
        let within = world.snvs.keys().filter(|at| exons.iter().any(|e| (e.0..e.1).contains(at))).count();
        assert_eq!(table.number(row, "variants") as usize, within, "SNVs in the exons of {name}");
        informed += classes(&table, row)[0];
    }
    assert!(informed > 500, "{informed}");
}

#[test]
fn other_features_and_attributes_can_be_named() {
    let folder = scratch();
    let world = World::new(2, 1500);
    let (reads, variants) = files(folder.path(), &world);
    let genes = genes();
    let file = put(folder.path(), "genes.gtf", gtf(&genes));
    let by = |more: &[&str]| Table::parse(&good_text(count(&[&reads], &variants, &["-L", path(&file)]).args(more)));
    let named = by(&["--gene-attribute", "gene_name"]);
    assert!((0..named.rows.len()).all(|row| named.text(row, "name").starts_with("Ng")));
    let whole = by(&["--feature-type", "gene"]);
    for row in 0..whole.rows.len() {
        let (_, _, exons) = genes.iter().find(|g| g.0 == whole.text(row, "name")).unwrap();
        let span = (exons.iter().map(|e| e.0).min().unwrap(), exons.iter().map(|e| e.1).max().unwrap());
        assert_eq!(classes(&whole, row), world.expected(&[span], None));
    }
}

#[test]
fn strands_equal_a_brute_force_count() {
    let folder = scratch();
    let world = World::new(3, 3000);
    let (reads, variants) = files(folder.path(), &world);
    let genes = genes();
    let file = put(folder.path(), "genes.gtf", gtf(&genes));
    for (strandedness, same) in [("none", None), ("forward", Some(true)), ("reverse", Some(false))] {
        let more = ["-L", path(&file), "--strandedness", strandedness];
        let table = Table::parse(&good_text(&mut count(&[&reads], &variants, &more)));
        for row in 0..table.rows.len() {
            let (name, strand, exons) = genes.iter().find(|g| g.0 == table.text(row, "name")).unwrap();
            let wanted = same.filter(|_| *strand != '.').map(|same| (*strand == '+') == same);
            assert_eq!(classes(&table, row), world.expected(exons, wanted), "{name} {strandedness}");
        }
    }
}

#[test]
fn intervals_count_the_same_in_every_kind_of_file() {
    let folder = scratch();
    let peaks = fs::read_to_string(regions()).unwrap();
    let (mut bed, mut saf, mut gtf, mut gff) = (String::new(), String::new(), String::new(), String::new());
    for (i, line) in peaks.lines().enumerate() {
        let columns: Vec<&str> = line.split('\t').collect();
        let (contig, start, end) = (columns[0], columns[1].parse::<usize>().unwrap() + 1, columns[2]);
        writeln!(bed, "{contig}\t{}\t{end}\tr{i}", columns[1]).unwrap();
        writeln!(saf, "r{i}\t{contig}\t{start}\t{end}\t.").unwrap();
        writeln!(gtf, "{contig}\t.\texon\t{start}\t{end}\t.\t.\t.\tgene_id \"r{i}\";").unwrap();
        writeln!(gff, "{contig}\t.\texon\t{start}\t{end}\t.\t.\t.\tID=e{i};gene_id=r{i}").unwrap();
    }
    let counted = |name: &str, content: String| {
        let file = put(folder.path(), name, content);
        let mut command = deepallele("count");
        command.arg(reads()).arg("-v").arg(phased()).args(["-s", "NA12878", "--no-version", "-L"]).arg(file);
        good_text(&mut command)
    };
    let expected = counted("r.bed", bed);
    assert_eq!(Table::parse(&expected).rows.len(), 1304);
    assert!(expected == counted("r.saf", saf));
    assert!(expected == counted("r.gtf", gtf));
    assert!(expected == counted("r.gff", gff));
}

#[test]
fn a_restriction_keeps_the_genes_it_touches_whole() {
    let folder = scratch();
    let world = World::new(4, 2000);
    let (reads, variants) = files(folder.path(), &world);
    let genes = genes();
    let file = put(folder.path(), "genes.gtf", gtf(&genes));
    let whole = Table::parse(&good_text(&mut count(&[&reads], &variants, &["-L", path(&file)])));
    let (from, to) = (4000, 14_000);
    for option in ["-r", "-t"] {
        let place = format!("chr1:{}-{to}", from + 1);
        let some = Table::parse(&good_text(&mut count(&[&reads], &variants, &["-L", path(&file), option, &place])));
        let inside =
            |row: &usize| (whole.number(*row, "start") as usize) < to && whole.number(*row, "end") as usize > from;
        let names: Vec<&str> = (0..whole.rows.len()).filter(inside).map(|row| whole.text(row, "name")).collect();
        let got: Vec<&str> = (0..some.rows.len()).map(|row| some.text(row, "name")).collect();
        assert_eq!(got, names);
        // Exons well inside see all their reads; none sees more than there are.
        let mut equal = 0;
        for row in 0..some.rows.len() {
            let (_, _, exons) = genes.iter().find(|g| g.0 == some.text(row, "name")).unwrap();
            let (counted, expected) = (classes(&some, row), world.expected(exons, None));
            assert!(counted.iter().sum::<usize>() <= expected.iter().sum());
            if exons.iter().all(|e| e.0 > from + 1200 && e.1 < to - 1200) {
                assert_eq!(counted, expected);
                equal += 1;
            }
        }
        assert!(equal > 0 && some.rows.len() < whole.rows.len());
    }
}

#[test]
fn several_files_are_several_samples() {
    let folder = scratch();
    let worlds = [World::new(5, 1000), World::new(6, 1500), World::new(7, 500)];
    let variants = vcf_gz(folder.path(), "v.vcf.gz", &worlds[0].vcf());
    let file = put(folder.path(), "genes.gtf", gtf(&genes()));
    // Two of one individual, one without read groups.
    let groups = [Some("kid"), Some("kid"), None];
    let bams: Vec<PathBuf> =
        (0..3).map(|i| bam(folder.path(), &format!("rep{i}.bam"), &worlds[i].sam(groups[i]))).collect();
    let all: Vec<&Path> = bams.iter().map(PathBuf::as_path).collect();
    let records = folder.path().join("v.tsv");
    let more = ["-L", path(&file), "--per-variant", path(&records)];
    let table = good_text(&mut count(&all, &variants, &more));
    let together = Table::parse(&table);
    let records_text = fs::read_to_string(&records).unwrap();
    let together_records = Table::parse(&records_text);
    assert_eq!(together.rows.len(), 3 * genes().len());
    for (i, bam) in bams.iter().enumerate() {
        let name = format!("rep{i}");
        let alone = good_text(count(&[bam], &variants, &more).args(["--sample-name", &name]));
        let alone = Table::parse(&alone);
        let alone_records = Table::parse(&fs::read_to_string(&records).unwrap());
        // Sorted by region, then in the order of the files.
        for (row, expected) in alone.rows.iter().enumerate() {
            // What follows the counts may draw on all samples.
            assert_eq!(together.rows[3 * row + i][..12], expected[..12]);
        }
        for (row, expected) in alone_records.rows.iter().enumerate() {
            assert_eq!(together_records.rows[3 * row + i][..12], expected[..12]);
        }
    }
    let names = |more: &[&str]| -> Vec<String> {
        let table = Table::parse(&good_text(count(&all, &variants, &["-L", path(&file)]).args(more)));
        (0..3).map(|row| table.text(row, "sample").to_owned()).collect()
    };
    assert_eq!(names(&["--sample-name", "a,b,c"]), ["a", "b", "c"]);
    assert_eq!(names(&["--sample-name", "a", "--sample-name", "b c", "--sample-name", "d"]), ["a", "b c", "d"]);
    assert!(table == good_text(count(&all, &variants, &more).args(["-@", "3"])));
    for wrong in ["a", "a,a,b", "a,,b"] {
        let output = run(count(&all, &variants, &["-L", path(&file), "--sample-name", wrong]).arg("--quiet"));
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", text(&output.stderr));
    }
}

/// The columns of a query, a line a record.
fn queried(file: &Path, format: &str) -> Vec<String> {
    let said = run(tool("bcftools", ["query", "-f", format]).arg(file));
    assert!(said.status.success() && said.stderr.is_empty(), "{}", text(&said.stderr));
    text(&said.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn vcf_and_bcf_hold_what_the_table_holds() {
    let folder = scratch();
    let worlds = [World::new(8, 1500), World::new(9, 1500)];
    let variants = vcf_gz(folder.path(), "v.vcf.gz", &worlds[0].vcf());
    let bams: Vec<PathBuf> = (0..2).map(|i| bam(folder.path(), &format!("rep{i}.bam"), &worlds[i].sam(None))).collect();
    let all: Vec<&Path> = bams.iter().map(PathBuf::as_path).collect();
    let at = |name: &str| folder.path().join(name);
    good(&mut count(&all, &variants, &["--per-variant", path(&at("t.tsv"))]));
    let table = Table::parse(&fs::read_to_string(at("t.tsv")).unwrap());
    assert_eq!(table.rows.len(), 2 * worlds[0].snvs.len());
    for (row, at) in worlds[0].snvs.keys().flat_map(|at| [at, at]).enumerate() {
        let [hap1, hap2] = worlds[row % 2].at_snv(*at);
        let counted = ["hap1", "hap2", "other", "conflicting"].map(|column| table.number(row, column) as usize);
        assert_eq!(counted, [hap1, hap2, 0, 0], "{:?}", table.rows[row]);
    }
    let alleles = "%CHROM\t%POS\t%ID\t%REF\t%ALT[\t%GT:%AD:%DA_H1:%DA_H2:%DA_OTHER:%DA_CONFLICT]\n";
    for (name, index) in [("o.vcf", None), ("o.vcf.gz", Some("tbi")), ("o.bcf", Some("csi"))] {
        good(&mut count(&all, &variants, &["--per-variant", path(&at(name))]));
        let lines = queried(&at(name), alleles);
        assert_eq!(lines.len(), worlds[0].snvs.len());
        for (number, line) in lines.iter().enumerate() {
            let row = 2 * number;
            let mut expected: String = ["chrom", "pos", "id", "ref", "alt"].map(|c| table.text(row, c)).join("\t");
            for row in [row, row + 1] {
                let swapped = table.text(row, "hap1_allele") != table.text(row, "ref");
                let (hap1, hap2) = (table.text(row, "hap1"), table.text(row, "hap2"));
                let (call, depth) = if swapped { ("1|0", [hap2, hap1]) } else { ("0|1", [hap1, hap2]) };
                let rest = ["hap1", "hap2", "other", "conflicting"].map(|c| table.text(row, c)).join(":");
                expected += &format!("\t{call}:{}:{rest}", depth.join(","));
            }
            assert_eq!(line, &expected, "{name}");
        }
        let said = run(tool("bcftools", ["view", "-Ov"]).arg(at(name)));
        assert!(said.status.success() && said.stderr.is_empty(), "{}", text(&said.stderr));
        assert_eq!(good_text(tool("bcftools", ["query", "-l"]).arg(at(name))), "rep0\nrep1\n");
        if let Some(index) = index {
            assert!(at(&format!("{name}.{index}")).exists());
            let first = *worlds[0].snvs.keys().nth(3).unwrap() + 1;
            let place = format!("chr1:{first}-{first}");
            let found = good_text(tool("bcftools", ["view", "-H", "-r", &place]).arg(at(name)));
            assert_eq!(found.lines().count(), 1);
        }
    }
    // Two runs merged are the run of both.
    for (i, bam) in all.iter().enumerate() {
        good(&mut count(&[bam], &variants, &["--per-variant", path(&at(&format!("{i}.vcf.gz")))]));
    }
    good(tool("bcftools", ["merge", "-o"]).arg(at("merged.vcf")).arg(at("0.vcf.gz")).arg(at("1.vcf.gz")));
    assert_eq!(queried(&at("merged.vcf"), alleles), queried(&at("o.bcf"), alleles));
    // To standard output when told, and a table under a name of a VCF.
    let piped = good_text(&mut count(&all, &variants, &["--per-variant", "-", "--format", "vcf"]));
    assert!(piped == fs::read_to_string(at("o.vcf")).unwrap());
    good(&mut count(&all, &variants, &["--per-variant", path(&at("odd.vcf")), "--format", "tsv"]));
    assert!(fs::read(at("odd.vcf")).unwrap() == fs::read(at("t.tsv")).unwrap());
}

#[test]
fn wrong_annotation_is_named_with_its_line() {
    let folder = scratch();
    let world = World::new(10, 20);
    let (reads, variants) = files(folder.path(), &world);
    let line = "chr1\tx\texon\t11\t20\t.\t+\t.\tgene_id \"g\";\n";
    let with = |from: &str, to: &str| line.to_owned() + &line.replace(from, to);
    let saf = "g\tchr1\t11\t20\t+\n";
    for (name, content, words) in [
        ("start.gtf", with("\t11\t", "\t0\t"), vec!["line 2", "start 0"]),
        ("order.gtf", with("\t11\t", "\t21\t"), vec!["line 2", "end 20 is before start 21"]),
        ("huge.gtf", with("\t20\t", "\t99999999999999999999\t"), vec!["line 2", "99999999999999999999"]),
        ("past.gtf", with("\t20\t", "\t20001\t"), vec!["line 2", "past the end of chr1"]),
        ("gene.gtf", with("gene_id", "gene"), vec!["line 2", "gene_id", "--gene-attribute"]),
        ("short.gtf", with("\t.\t+\t.\tgene_id \"g\";", ""), vec!["line 2", "5 columns"]),
        ("strand.gtf", with("\t+\t", "\tup\t"), vec!["line 2", "strand is \"up\""]),
        ("feature.gtf", line.replace("exon", "CDS"), vec!["no feature \"exon\" (it has CDS)", "--feature-type"]),
        ("contigs.gtf", line.replace("chr1", "chr9"), vec!["chr9", "chr1"]),
        ("empty.gtf", "# nothing\n".into(), vec!["holds no region"]),
        (
            "circle.gff3",
            "chr1\t.\tmRNA\t1\t9\t.\t+\t.\tID=a;Parent=a\nchr1\t.\texon\t1\t9\t.\t+\t.\tParent=a\n".into(),
            vec!["line 2", "circle"],
        ),
        ("nothing.gff3", "chr1\t.\texon\t1\t9\t.\t+\t.\tNote=x\n".into(), vec!["line 1", "--gene-attribute"]),
        ("short.saf", saf.to_owned() + "g\tchr1\t11\n", vec!["line 2", "SAF has five"]),
        ("minus.saf", saf.replace("\t11\t", "\t-11\t"), vec!["line 1", "start -11"]),
        ("name.saf", saf.to_owned() + &saf[1..], vec!["line 2", "GeneID"]),
    ] {
        let file = put(folder.path(), name, content);
        let out = folder.path().join("out.tsv");
        let mut command = count(&[&reads], &variants, &["-L", path(&file), "-o", path(&out)]);
        refused_in(folder.path(), &mut command, &[&[name], &words[..]].concat());
    }
    // Cut in the middle, and no text at all.
    let whole = feed(&mut tool("gzip", ["-c"]), gtf(&genes()).as_bytes());
    let cut = put(folder.path(), "cut.gtf.gz", &whole[..whole.len() / 2]);
    refused_in(folder.path(), &mut count(&[&reads], &variants, &["-L", path(&cut)]), &["cut.gtf.gz"]);
    let odd = put(folder.path(), "odd.gtf", b"chr1\tx\texon\t11\t20\t.\t+\t.\tgene_id \"\xff\";\n");
    refused_in(folder.path(), &mut count(&[&reads], &variants, &["-L", path(&odd)]), &["odd.gtf", "line 1", "text"]);
}

#[test]
fn lines_on_other_contigs_are_reported() {
    let folder = scratch();
    let world = World::new(11, 20);
    let (reads, variants) = files(folder.path(), &world);
    let lines = "chr1\tx\texon\t11\t20\t.\t+\t.\tgene_id \"g\";\nchrUn\tx\texon\t11\t20\t.\t+\t.\tgene_id \"h\";\n";
    let file = put(folder.path(), "g.gtf", lines);
    let output = run(&mut count(&[&reads], &variants, &["-L", path(&file)]));
    assert!(output.status.success());
    assert_eq!(Table::parse(&text(&output.stdout)).rows.len(), 1);
    assert!(text(&output.stderr).contains("1 lines of the regions are on contigs"), "{}", text(&output.stderr));
}

#[test]
fn variant_files_that_cannot_be_written() {
    let folder = scratch();
    let world = World::new(12, 20);
    let (reads, variants) = files(folder.path(), &world);
    for name in ["o.vcf", "o.vcf.gz", "o.bcf", "o.tsv"] {
        let nowhere = folder.path().join("none").join(name);
        refused_in(folder.path(), &mut count(&[&reads], &variants, &["--per-variant", path(&nowhere)]), &[name]);
    }
    let more = ["--per-variant", "/dev/full", "--format", "vcf"];
    refused_in(folder.path(), &mut count(&[&reads], &variants, &more), &["/dev/full"]);
    let output = run(&mut count(&[&reads], &variants, &["-L", path(&reads), "--format", "vcf"]));
    assert_eq!(output.status.code(), Some(2), "--format without --per-variant");
}
