//! `--feature-type --gene-attribute --strandedness --anchor --tss`: regions from annotation, strand-specific libraries, and
//! the anchors of regions.

use std::path::Path;

use clap::Args;
use deepallele_core::counts::Strandedness;
use deepallele_core::error::Result;
use deepallele_core::io::regions::{Anchor, AnnotationOptions, Regions, TssSource};
use deepallele_core::io::Contigs;

/// `--feature-type --gene-attribute --strandedness --anchor --tss`
#[derive(Args, Clone, Debug)]
pub struct RegionArgs {
    /// GTF and GFF3: feature type (column 3) to count in
    #[arg(long, value_name = "TYPE", default_value = "exon", requires = "regions")]
    feature_type: String,

    /// GTF and GFF3: attribute that names the gene; the lines of one gene, contig and strand are one region
    /// [default: gene_id; in GFF3 also that of the parents, else the ID of the gene]
    #[arg(long, value_name = "NAME", requires = "regions")]
    gene_attribute: Option<String>,

    /// none, forward or reverse. In regions with a strand, count only fragments whose first mate or single read is
    /// aligned to that strand (forward), or to the opposite one (reverse, as in dUTP libraries)
    #[arg(long, value_name = "HOW", default_value = "none", requires = "regions")]
    pub strandedness: Strandedness,

    /// Anchor of a region, around which models will place their window (column anchor): summit, middle or tss (5' end by
    /// strand) [default: summit if the file has summits, tss for genes of GTF and GFF3, else middle]
    #[arg(long, value_name = "BASE", requires = "regions")]
    anchor: Option<Anchor>,

    /// TSS in GTF and GFF3: that of the gene, or of its canonical transcript (tagged MANE_Select or Ensembl_canonical; of
    /// the gene if there is none)
    #[arg(long, value_name = "SOURCE", default_value = "gene", requires = "regions")]
    tss: TssSource,
}

impl RegionArgs {
    /// How GTF and GFF3 files are read.
    pub fn annotation(&self) -> AnnotationOptions {
        let (feature, gene_attribute) = (self.feature_type.clone(), self.gene_attribute.clone());
        AnnotationOptions { feature, gene_attribute, tss: self.tss }
    }

    /// Read the regions of a file, with the anchors that the options choose.
    ///
    /// # Errors
    /// A file that cannot be read, or regions without such an anchor.
    pub fn read(&self, path: &Path, contigs: &Contigs) -> Result<Regions> {
        let mut regions = Regions::read_any(path, contigs, &self.annotation())?;
        if let Some(anchor) = self.anchor {
            regions.check_anchor(anchor, path)?;
            regions.anchor = anchor;
        }
        Ok(regions)
    }

    /// Lines of the count table's header with the rule of the anchors.
    pub fn header(&self, regions: &Regions) -> Vec<String> {
        let mut lines = vec![format!("##anchor={}", regions.anchor)];
        if regions.anchor == Anchor::Tss && self.tss == TssSource::Canonical {
            lines.push(format!("##tss={}", self.tss));
        }
        lines
    }
}
