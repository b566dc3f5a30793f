//! `--feature-type --gene-attribute --strandedness`: how regions of annotation are read and counted in.

use std::path::Path;

use clap::Args;
use deepallele_core::counts::Strandedness;
use deepallele_core::error::Result;
use deepallele_core::io::regions::{Anchor, AnnotationOptions, Regions, TssSource};
use deepallele_core::io::Contigs;

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

    /// Base of a region around which a model's window will lie, column anchor: summit, middle or tss (5' end by strand)
    /// [default: summit where the file has summits, tss for genes of GTF and GFF3, else middle]
    #[arg(long, value_name = "BASE", requires = "regions")]
    anchor: Option<Anchor>,

    /// Whose TSS in GTF and GFF3: gene, or canonical (the transcript tagged MANE_Select or Ensembl_canonical; the gene
    /// where there is none)
    #[arg(long, value_name = "SOURCE", default_value = "gene", requires = "regions")]
    tss: TssSource,
}

impl RegionArgs {
    /// What is taken from GTF and GFF3.
    pub fn annotation(&self) -> AnnotationOptions {
        let (feature, gene_attribute) = (self.feature_type.clone(), self.gene_attribute.clone());
        AnnotationOptions { feature, gene_attribute, tss: self.tss }
    }

    /// The regions of a file, anchored as the options say.
    pub fn read(&self, path: &Path, contigs: &Contigs) -> Result<Regions> {
        let mut regions = Regions::read_any(path, contigs, &self.annotation())?;
        if let Some(anchor) = self.anchor {
            regions.check_anchor(anchor, path)?;
            regions.anchor = anchor;
        }
        Ok(regions)
    }

    /// Lines of the count table's header that say where regions have their anchor.
    pub fn header(&self, regions: &Regions) -> Vec<String> {
        let mut lines = vec![format!("##anchor={}", regions.anchor)];
        if regions.anchor == Anchor::Tss && self.tss == TssSource::Canonical {
            lines.push(format!("##tss={}", self.tss));
        }
        lines
    }
}
