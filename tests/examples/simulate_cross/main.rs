//! The input of the count benchmarks: a reference with repeats, its cross with a strain, and pairs of reads
//! as a sorted BAM, written contig by contig. Everything follows from the seed.
//!
//!     simulate_cross FOLDER [--contigs 8] [--length 25000000] [--variants 1000000] [--pairs 5000000]
//!                    [--seed 1] [--second-genome]
//!
//! FOLDER gets reference.fa, variants.bcf (sample F1 with phased calls, sample STRAIN homozygous), regions.bed
//! (one window of 1 kb every 4 kb) and reads.bam; with --second-genome also strain.fa and reads.strain.bam, the
//! same reads aligned to it. samtools and bcftools write the indexes. The fourth part of a read name is the true
//! haplotype, 1 (reference) or 2 (strain).

mod contig;
mod reads;

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use contig::contig;
use reads::{reads, Sorted};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Options {
    folder: PathBuf,
    contigs: usize,
    length: usize,
    variants: usize,
    pairs: usize,
    seed: u64,
    second: bool,
}

fn options() -> Result<Options> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("give a folder")?.into();
    let mut o = Options {
        folder,
        contigs: 8,
        length: 25_000_000,
        variants: 1_000_000,
        pairs: 5_000_000,
        seed: 1,
        second: false,
    };
    while let Some(name) = arguments.next() {
        if name == "--second-genome" {
            o.second = true;
            continue;
        }
        let value: usize = arguments.next().ok_or("an option lacks its value")?.parse()?;
        match name.as_str() {
            "--contigs" => o.contigs = value,
            "--length" => o.length = value,
            "--variants" => o.variants = value,
            "--pairs" => o.pairs = value,
            "--seed" => o.seed = value as u64,
            _ => return Err(format!("no option {name}").into()),
        }
    }
    Ok(o)
}

fn fasta(file: &mut impl Write, name: &str, bases: &[u8]) -> Result<()> {
    writeln!(file, ">{name}")?;
    for line in bases.chunks(100) {
        file.write_all(line)?;
        file.write_all(b"\n")?;
    }
    Ok(())
}

fn bcf(path: &Path, o: &Options) -> Result<Child> {
    let mut command = Command::new("bcftools");
    command.args(["view", "--no-version", "-Ob", "-o"]).arg(path).arg("-").stdin(Stdio::piped());
    let mut child = command.spawn()?;
    let mut header = String::from("##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n");
    for i in 1..=o.contigs {
        header += &format!("##contig=<ID=chr{i},length={}>\n", o.length);
    }
    header += "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n";
    header += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tF1\tSTRAIN\n";
    child.stdin.as_mut().ok_or("no stdin")?.write_all(header.as_bytes())?;
    Ok(child)
}

fn must(command: &mut Command) -> Result<()> {
    match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed").into()),
    }
}

fn main() -> Result<()> {
    let o = options()?;
    std::fs::create_dir_all(&o.folder)?;
    let path = |name: &str| o.folder.join(name);
    let mut child = bcf(&path("variants.bcf"), &o)?;
    let mut vcf = BufWriter::new(child.stdin.take().ok_or("no stdin")?);
    let mut references = BufWriter::new(File::create(path("reference.fa"))?);
    let mut regions = BufWriter::new(File::create(path("regions.bed"))?);
    // The strain's BAM names its lengths in the header, so contigs are made before reads, from seeds of their own.
    let dice = |contig: usize, what: u64| ChaCha8Rng::seed_from_u64(o.seed * 1_000_003 + contig as u64 * 2 + what);
    let mut strain_lengths = Vec::new();
    let mut strains = if o.second { Some(BufWriter::new(File::create(path("strain.fa"))?)) } else { None };
    for number in 0..o.contigs {
        let contig = contig(&mut dice(number, 0), number + 1, &o, &mut vcf)?;
        fasta(&mut references, &contig.name, &contig.reference)?;
        if let Some(file) = &mut strains {
            let bases = contig.strain();
            strain_lengths.push(bases.len());
            fasta(file, &contig.name, &bases)?;
        }
        for start in (2000..o.length.saturating_sub(2000)).step_by(4000) {
            writeln!(regions, "{}\t{start}\t{}", contig.name, start + 1000)?;
        }
    }
    vcf.flush()?;
    drop(vcf);
    references.flush()?;
    regions.flush()?;
    if let Some(mut file) = strains {
        file.flush()?;
    }
    if !child.wait()?.success() {
        return Err("bcftools view failed".into());
    }
    let mut out = vec![Sorted::create(&path("reads.bam"), &vec![o.length; o.contigs])?];
    if o.second {
        out.push(Sorted::create(&path("reads.strain.bam"), &strain_lengths)?);
    }
    for number in 0..o.contigs {
        let contig = contig(&mut dice(number, 0), number + 1, &o, &mut std::io::sink())?;
        reads(&mut dice(number, 1), &contig, number as i32, &o, &mut out)?;
    }
    drop(out);
    must(Command::new("bcftools").arg("index").arg(path("variants.bcf")))?;
    must(Command::new("samtools").arg("faidx").arg(path("reference.fa")))?;
    must(Command::new("samtools").args(["index", "-@1"]).arg(path("reads.bam")))?;
    if o.second {
        must(Command::new("samtools").arg("faidx").arg(path("strain.fa")))?;
        must(Command::new("samtools").args(["index", "-@1"]).arg(path("reads.strain.bam")))?;
    }
    Ok(())
}
