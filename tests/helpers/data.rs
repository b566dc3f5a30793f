//! The test data: CTCF ChIP-seq reads of NA12878 on chr22, its phased variants, the genome, and peaks with background
//! windows.

use std::fs;
use std::path::{Path, PathBuf};

use super::{good_text, tool};

/// A file of `test-data/`.
pub fn data(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data").join(name);
    assert!(path.exists(), "{path:?} is missing");
    path
}

pub fn reads() -> PathBuf {
    data("ctcf_chip.chr22.bam")
}

pub fn phased() -> PathBuf {
    data("NA12878.chr22.phased.vcf.gz")
}

pub fn genome() -> PathBuf {
    data("chr22.hg19.fa.gz")
}

pub fn regions() -> PathBuf {
    data("regions.narrowPeak")
}

/// A row of [`regions`]; coordinates are 0-based, the end is exclusive.
pub struct Peak {
    pub start: u64,
    pub end: u64,
    pub summit: u64,
    pub name: String,
}

/// The rows of [`regions`].
pub fn peaks() -> Vec<Peak> {
    let table = fs::read_to_string(regions()).expect("the regions");
    let rows = table.lines().map(|line| {
        let columns: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| columns[i].parse::<u64>().expect("a number");
        Peak { start: number(1), end: number(2), summit: number(1) + number(9), name: columns[3].to_owned() }
    });
    rows.collect()
}

/// Bases of the real chromosome, 0-based half-open, upper case, through samtools.
pub fn bases(start: u64, end: u64) -> String {
    let place = format!("chr22:{}-{end}", start + 1);
    let fasta = good_text(tool("samtools", ["faidx"]).arg(genome()).arg(place));
    let bases: String = fasta.lines().skip(1).collect::<String>().to_uppercase();
    assert_eq!(bases.len() as u64, end - start);
    bases
}
