//! `--feature-type --gene-attribute --strandedness`: how regions of annotation are read and counted in.

use clap::Args;
use deepallele_core::counts::Strandedness;
use deepallele_core::io::regions::AnnotationOptions;

/// `--feature-type --gene-attribute --strandedness`
#[derive(Args, Clone, Debug)]
pub struct RegionArgs {
    /// GTF and GFF3: the feature (column 3) whose lines make the regions
    #[arg(long, value_name = "TYPE", default_value = "exon", requires = "regions")]
    feature_type: String,

    /// GTF and GFF3: the attribute that names the gene; lines of one gene are one region (one for each contig and
    /// strand, all of its name) [default: gene_id; in GFF3 also that of the parents, else the gene's ID]
    #[arg(long, value_name = "NAME", requires = "regions")]
    gene_attribute: Option<String>,

    /// none, forward or reverse: in regions with a strand count only fragments whose first mate or single read lies
    /// on it (forward) or on the other one (reverse, as in dUTP libraries)
    #[arg(long, value_name = "HOW", default_value = "none", requires = "regions")]
    pub strandedness: Strandedness,
}

impl RegionArgs {
    /// What is taken from GTF and GFF3.
    pub fn annotation(&self) -> AnnotationOptions {
        AnnotationOptions { feature: self.feature_type.clone(), gene_attribute: self.gene_attribute.clone() }
    }
}
