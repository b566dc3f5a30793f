//! Fragments of each haplotype in regions, as tab-separated lines on standard output:
//!
//!     count_bam READS.bam PHASED.vcf.gz SAMPLE REGIONS.bed
//!
//! The same numbers as `deepallele count READS.bam -v PHASED.vcf.gz -s SAMPLE -L REGIONS.bed | cut -f 1-3,8-11`. The
//! sum of a line is that of `samtools view -c -f 64 -q 10 -F 3844 READS.bam REGION` where both mates of all pairs are
//! in the region. Only SNVs are used: with a FASTA, `SiteWindow` realigns reads at insertions and deletions too.

use std::error::Error;
use std::path::Path;

use deepallele_core::{
    count, Counting, HaplotypeSource, MergedAlignments, RegionTallies, Regions, SiteWindow, Strandedness, VariantStream,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [reads, vcf, sample, regions] = &arguments[..] else {
        return Err("usage: count_bam READS.bam PHASED.vcf.gz SAMPLE REGIONS.bed".into());
    };
    let mut alignments = MergedAlignments::open(&[reads.into()], None, 2)?;
    // Everything is numbered by the contigs of the alignments; "22" of a file is "chr22" of another.
    let contigs = alignments.contigs().clone();
    let regions = Regions::read(Path::new(regions), &contigs)?;
    let [hap1, hap2] = [1, 2].map(|side| HaplotypeSource::Phased(sample.clone(), side));
    let mut variants = VariantStream::builder(Path::new(vcf), &contigs, &hap1, &hap2).open()?;

    let mut sites = SiteWindow::new(&mut variants, None, &contigs);
    let mut tallies = RegionTallies::new(&regions, 1, Strandedness::None);
    let counting = Counting { regions: Some(&regions), ..Counting::default() };
    let counted = count(&mut alignments, &mut sites, &counting, &mut [&mut tallies], None, &mut |_| ())?;
    for line in variants.finish()?.lines().iter().chain(&counted.summary.lines(true)) {
        eprintln!("{line}");
    }

    println!("#chrom\tstart\tend\thap1\thap2\tuninformative\tconflicting");
    for (region, tally) in regions.list.iter().zip(tallies.tallies(0)) {
        let (chrom, start, end) = (contigs.name(region.contig), region.start, region.end);
        let [hap1, hap2, none, both] = [tally.hap1, tally.hap2, tally.uninformative, tally.conflicting];
        println!("{chrom}\t{start}\t{end}\t{hap1}\t{hap2}\t{none}\t{both}");
    }
    Ok(())
}
