//! A simulated cross with its truth, for comparing counting tools on one input (bench/peers.py):
//!
//!     simulate_truth FOLDER [SEED]
//!
//! FOLDER gets reference.fa, variants.vcf.gz (sample F1, phased; P1 and P2, the parents), reads.bam, regions.bed,
//! and, as tables, truth.variants.tsv and truth.regions.tsv: how many fragments of each haplotype can tell it
//! there by their error-free bases (and, for regions, how many cannot).

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use deepallele_tests::simulator::{reads, truth, Cross, CrossKind, Errors, Kind, Plan, ReadPlan, Target};
use deepallele_tests::{bam, vcf_gz};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder: PathBuf = arguments.next().ok_or("give a folder")?.into();
    let seed: u64 = arguments.next().map_or(Ok(1), |s| s.parse())?;
    std::fs::create_dir_all(&folder)?;
    // Three SNVs to one of each other kind.
    let kinds: Vec<Kind> = Kind::ALL.iter().copied().chain([Kind::Snv; 22]).collect();
    let plan =
        Plan { contigs: 10, length: 100_000, spacing: (100, 500), ..Plan::new(seed, CrossKind::Parents, &kinds) };
    let cross = Cross::new(&plan);
    // One base in a thousand is wrong and says so; no base is too bad to count.
    let reads = ReadPlan { fragments: 15_000, adapters: 0.02, errors: Errors::Fixed(30), ..ReadPlan::everything(seed) };
    let fragments = reads::draw(&cross, &reads);

    cross.fasta(&folder, "reference.fa");
    vcf_gz(&folder, "variants.vcf.gz", &cross.vcf());
    bam(&folder, "reads.bam", &cross.sam(&fragments, Target::Reference));

    let create = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
    let (mut bed, mut regions, mut variants) =
        (create("regions.bed")?, create("truth.regions.tsv")?, create("truth.variants.tsv")?);
    writeln!(regions, "chrom\tstart\tend\thap1\thap2\tuninformative")?;
    writeln!(variants, "chrom\tpos\tref\talt\thap1_allele\thap2_allele\thap1\thap2")?;
    for (contig, pair) in cross.contigs.iter().enumerate() {
        const WINDOW: usize = 1000;
        let mut windows = vec![[0usize; 3]; pair.contig.bases.len() / WINDOW];
        let mut told = vec![[0usize; 2]; pair.variants.len()];
        for f in fragments.iter().filter(|f| f.contig == contig && f.counts()) {
            let class = if truth::fragment_tells(pair, f) { f.haplotype } else { 2 };
            let mut touched: Vec<usize> =
                f.blocks(pair).iter().flat_map(|b| b.0 / WINDOW..=(b.1 - 1) / WINDOW).collect();
            touched.sort_unstable();
            touched.dedup();
            touched.into_iter().for_each(|w| windows[w][class] += 1);
            for (v, told) in told.iter_mut().enumerate() {
                told[f.haplotype] += truth::fragment_tells_variant(pair, f, v) as usize;
            }
        }
        let name = &pair.contig.name;
        for (w, counts) in windows.iter().enumerate() {
            let (start, end) = (w * WINDOW, (w + 1) * WINDOW);
            writeln!(bed, "{name}\t{start}\t{end}")?;
            writeln!(regions, "{name}\t{start}\t{end}\t{}\t{}\t{}", counts[0], counts[1], counts[2])?;
        }
        for (v, counts) in pair.variants.iter().zip(told).filter(|(v, _)| v.differs()) {
            let text = |a: &[u8]| String::from_utf8_lossy(a).into_owned();
            let alleles: Vec<String> = v.alleles.iter().map(|a| text(a)).collect();
            let (reference, alternative) = (&alleles[0], alleles[1..].join(","));
            let [one, two] = [0, 1].map(|h| text(v.allele(h)));
            let (a, b) = (counts[0], counts[1]);
            writeln!(variants, "{name}\t{}\t{reference}\t{alternative}\t{one}\t{two}\t{a}\t{b}", v.start + 1)?;
        }
    }
    Ok(())
}
