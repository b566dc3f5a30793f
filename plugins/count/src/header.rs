//! The `##` lines of the outputs.

use std::path::{Path, PathBuf};

use deepallele_core::genome::HaplotypeSource;

use crate::args::Args;

/// Version, command and inputs (unless `--no-version`), and the two haplotypes.
pub fn lines(args: &Args, alignments: &[PathBuf], vcf: &Path, haplotypes: &[HaplotypeSource; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(provenance) = args.version.provenance("count") {
        lines.extend(provenance.lines());
        lines.extend(alignments.iter().map(|p| format!("##alignments={}", p.display())));
        lines.push(format!("##variants={}", vcf.display()));
        if let Some(regions) = &args.regions {
            lines.push(format!("##regions={}", regions.display()));
        }
    }
    for (i, haplotype) in haplotypes.iter().enumerate() {
        lines.push(format!("##haplotype{}={haplotype}", i + 1));
    }
    lines.iter().map(|l| l.chars().map(|c| if c.is_control() { '?' } else { c }).collect()).collect()
}

/// Program and version, for files with a field for them; None with `--no-version`.
pub fn program(args: &Args) -> Option<String> {
    args.version.provenance("count").map(|p| format!("deepallele-{}", p.version()))
}
