//! Files that the tests make: reads, variants and genomes written on the spot.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{feed, good, good_text, tool};

/// A scratch folder, removed when the value is dropped.
pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

/// The names in a folder, sorted.
pub fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Write `content` to `folder/name`; returns the path.
pub fn put(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).expect("a scratch file");
    path
}

/// A path as an argument among others.
pub fn as_str(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The text of a gzip or BGZF file.
pub fn unpacked(path: &Path) -> String {
    good_text(tool("gzip", ["-dc"]).arg(path))
}

/// A BAM with its index from SAM text; the records must be sorted.
pub fn bam(folder: &Path, name: &str, sam: &str) -> PathBuf {
    let path = folder.join(name);
    feed(tool("samtools", ["view", "-b", "-o"]).arg(&path).arg("-"), sam.as_bytes());
    good(tool("samtools", ["index"]).arg(&path));
    path
}

/// The header of a VCF with phased calls of `samples`. A contig is given as the inside of its header line:
/// `chr1,length=1000`.
pub fn vcf_header(contigs: &[&str], samples: &[&str]) -> String {
    let contigs: String = contigs.iter().map(|contig| format!("##contig=<ID={contig}>\n")).collect();
    format!(
        "##fileformat=VCFv4.2\n{contigs}##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{}\n",
        samples.join("\t")
    )
}

/// A bgzipped VCF with its tabix index from VCF text; the records must be sorted.
pub fn vcf_gz(folder: &Path, name: &str, vcf: &str) -> PathBuf {
    let packed = feed(&mut tool("bgzip", ["-c"]), vcf.as_bytes());
    let path = put(folder, name, packed);
    good(tool("tabix", ["-p", "vcf"]).arg(&path));
    path
}

/// A FASTA with its index from names and sequences.
pub fn fasta(folder: &Path, name: &str, sequences: &[(&str, &str)]) -> PathBuf {
    let body: String = sequences.iter().map(|(name, bases)| format!(">{name}\n{bases}\n")).collect();
    let path = put(folder, name, body);
    good(tool("samtools", ["faidx"]).arg(&path));
    path
}

/// Sequences by name of a FASTA of one of the commands or of bcftools, with lines of 60 bases.
pub fn read_fasta(path: &Path) -> HashMap<String, String> {
    let packed = path.extension().is_some_and(|ending| ending == "gz");
    let text = if packed { unpacked(path) } else { fs::read_to_string(path).expect("a FASTA") };
    let mut found = HashMap::new();
    for part in text.split('>').skip(1) {
        let (name, bases) = part.split_once('\n').expect("a line of bases");
        assert!(bases.lines().all(|line| line.len() <= 60), "{path:?}: {name}");
        let name = name.split_whitespace().next().expect("a name");
        found.insert(name.to_owned(), bases.replace('\n', ""));
    }
    found
}
