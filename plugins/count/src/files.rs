//! The files that a run reads and writes.

use std::path::Path;

use deepallele_common::{write_table, Indexed, RunFiles};
use deepallele_core::counts::single_cell::{FragmentsFiles, MatrixFolder};
use deepallele_core::io::vcf::VcfFormat;

use crate::args::variants::VariantFormat;
use crate::args::Args;

/// Every file that the options name, with indexes.
pub fn files(args: &Args) -> RunFiles {
    let mut files = RunFiles::default();
    match args.alignments.is_empty() && args.two_genomes.files().is_none() {
        true => files.read("ALIGNMENTS", Path::new("-")),
        false => args.alignments.iter().for_each(|p| files.read_indexed("ALIGNMENTS", p, Indexed::Alignments)),
    }
    if let Some([hap1, hap2]) = args.two_genomes.files() {
        files.read_indexed("--hap1-bam", hap1, Indexed::Alignments);
        files.read_indexed("--hap2-bam", hap2, Indexed::Alignments);
    }
    args.genome.files(&mut files);
    args.haplotypes.files(&mut files);
    args.restrict.files(&mut files);
    for (option, path) in [("-L", &args.regions), ("--exclude", &args.exclude), ("--barcodes", &args.cells.barcodes)] {
        path.iter().for_each(|path| files.read(option, path));
    }
    outputs(args, &mut files);
    files
}

fn outputs(args: &Args, files: &mut RunFiles) {
    if args.regions.is_some() {
        args.output.files(true, files);
    }
    if let Some(path) = &args.variants.per_variant {
        match args.variants.format() {
            VariantFormat::Tsv => write_table(files, "--per-variant", path, true),
            VariantFormat::Gatk => files.write("--per-variant", path),
            VariantFormat::Vcf => {
                let indexes: &[&str] = match VcfFormat::from_suffix(path) {
                    // .csi if a contig is too long for .tbi.
                    VcfFormat::VcfGz(_) => &[".tbi", ".csi"],
                    VcfFormat::Bcf(_) => &[".csi"],
                    VcfFormat::Vcf | VcfFormat::BcfUncompressed => &[],
                };
                files.write_indexed("--per-variant", path, indexes);
            }
        }
    }
    for path in args.cells.matrix.iter().flat_map(|folder| MatrixFolder::paths(folder)) {
        files.write_in_new_folder("--matrix", &path);
    }
    for path in args.cells.fragments.iter().flat_map(|prefix| FragmentsFiles::paths(prefix)) {
        write_table(files, "--fragments", &path, true);
    }
    for (option, path) in [
        ("--overview", &args.overview.overview),
        ("--multiqc", &args.overview.multiqc),
        ("--merged-bam", &args.two_genomes.merged_bam),
    ] {
        path.iter().for_each(|path| files.write(option, path));
    }
    for (option, path) in [("--bias-report", &args.bias.bias_report), ("--bias-regions", &args.bias.bias_regions)] {
        path.iter().for_each(|path| write_table(files, option, path, true));
    }
}
