//! What a command reads.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use deepallele_core::genome::{HaplotypeSource, Variants};
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::file_identity::{is_stdin, Indexed, RunFiles};

use crate::usage_error::usage;

/// `-f`
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct GenomeArgs {
    /// Reference genome: FASTA, plain or bgzip-compressed, with its index (.fai)
    #[arg(short = 'f', long, value_name = "FASTA")]
    pub reference: Option<PathBuf>,
}

impl GenomeArgs {
    /// The FASTA file.
    ///
    /// # Errors
    /// A usage error when it was not given.
    pub fn required(&self) -> anyhow::Result<&Path> {
        self.reference.as_deref().ok_or_else(|| usage("needs a reference genome: give -f FASTA"))
    }

    /// Add the files that are read.
    pub fn files(&self, files: &mut RunFiles) {
        self.reference.iter().for_each(|path| files.read_indexed("-f", path, Indexed::Genome));
    }
}

/// `-v -s --strain --hap1 --hap2`
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Regions and variants")]
pub struct HaplotypeArgs {
    /// Variants of the two haplotypes: VCF or BCF
    #[arg(short = 'v', long, value_name = "VCF")]
    pub variants: Option<PathBuf>,

    /// Phased sample: its first alleles are haplotype 1, its second alleles haplotype 2 (short for --hap1 SAMPLE:1
    /// --hap2 SAMPLE:2)
    #[arg(short = 's', long, value_name = "SAMPLE", conflicts_with_all = ["strain", "hap1", "hap2"])]
    sample: Option<String>,

    /// Inbred strain crossed with the reference: haplotype 1 is the reference, haplotype 2 the strain (short for
    /// --hap1 ref --hap2 SAMPLE)
    #[arg(long, value_name = "SAMPLE", conflicts_with_all = ["hap1", "hap2"])]
    strain: Option<String>,

    /// Haplotype 1: ref, SAMPLE (inbred), SAMPLE:1 or SAMPLE:2 (phased)
    #[arg(long, value_name = "SPEC", requires = "hap2")]
    hap1: Option<HaplotypeSource>,

    /// Haplotype 2, in the same form
    #[arg(long, value_name = "SPEC", requires = "hap1")]
    hap2: Option<HaplotypeSource>,
}

impl HaplotypeArgs {
    /// The file of variants.
    ///
    /// # Errors
    /// A usage error when it was not given.
    pub fn required(&self) -> anyhow::Result<&Path> {
        self.variants.as_deref().ok_or_else(|| usage("needs the variants of the two haplotypes: give -v VCF"))
    }

    /// Add the files that are read.
    pub fn files(&self, files: &mut RunFiles) {
        self.variants.iter().for_each(|path| files.read_indexed("-v", path, Indexed::Variants));
    }

    /// True when none of these options was given.
    pub fn is_empty(&self) -> bool {
        self.variants.is_none() && self.sample.is_none() && self.strain.is_none() && self.hap1.is_none()
    }

    /// Haplotype 1 and 2.
    ///
    /// # Errors
    /// A usage error when they were not given.
    pub fn sources(&self) -> anyhow::Result<(HaplotypeSource, HaplotypeSource)> {
        match (&self.sample, &self.strain, &self.hap1, &self.hap2) {
            (Some(s), ..) => Ok((HaplotypeSource::Phased(s.clone(), 1), HaplotypeSource::Phased(s.clone(), 2))),
            (None, Some(name), ..) => Ok((HaplotypeSource::Reference, HaplotypeSource::Strain(name.clone()))),
            (None, None, Some(hap1), Some(hap2)) => Ok((hap1.clone(), hap2.clone())),
            _ => Err(usage("needs the two haplotypes: give -s SAMPLE, --strain SAMPLE, or --hap1 and --hap2")),
        }
    }

    /// Haplotype 1 and 2, with the file of variants given where one of them needs it.
    ///
    /// # Errors
    /// A usage error when something was not given.
    pub fn complete_sources(&self) -> anyhow::Result<(HaplotypeSource, HaplotypeSource)> {
        let (hap1, hap2) = self.sources()?;
        if hap1.sample().or(hap2.sample()).is_some() {
            self.required()?;
        }
        Ok((hap1, hap2))
    }

    /// What two haplotypes carry, with REF checked against the genome, and what the user should know about it on stderr.
    ///
    /// # Errors
    /// A usage error when no file of variants was given; as [`Variants::read`] and [`Variants::check_reference`].
    pub fn read_variants(
        &self,
        [hap1, hap2]: [&HaplotypeSource; 2],
        reference: &mut Reference,
    ) -> anyhow::Result<Variants> {
        let path = self.required()?;
        let (mut variants, mut found) = Variants::read(path, reference.contigs(), hap1, hap2)?;
        variants.check_reference(reference, &mut found)?;
        found.lines().iter().for_each(|line| log::info!("\"{}\": {line}", path.display()));
        Ok(variants)
    }
}

/// The input to read: the named one, else a piped standard input, so that a command never waits at a terminal.
///
/// # Errors
/// A usage error when there is neither; `what` says what is missing.
pub fn input_or_stdin(named: Option<&Path>, what: &str) -> anyhow::Result<PathBuf> {
    match named {
        Some(path) => Ok(path.to_path_buf()),
        None if !std::io::stdin().is_terminal() => Ok("-".into()),
        None => Err(usage(format!("needs {what}: name a file, or pipe it in"))),
    }
}

/// Check that at most one of `inputs` is standard input.
///
/// # Errors
/// A usage error when more are.
pub fn one_stdin<'a>(inputs: impl IntoIterator<Item = &'a Path>) -> anyhow::Result<()> {
    match inputs.into_iter().filter(|path| is_stdin(path)).count() {
        0 | 1 => Ok(()),
        _ => Err(usage("only one input can come from standard input")),
    }
}
