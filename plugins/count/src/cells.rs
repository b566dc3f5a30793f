//! `--group-by --matrix --fragments`: counts and fragments of single cells.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use deepallele_common::usage;
use deepallele_core::counts::single_cell::{
    Barcodes, Cells, ClosedFragments, Feature, FragmentsFiles, Groups, MatrixFolder,
};
use deepallele_core::counts::{Counting, FragmentSink, Strandedness};
use deepallele_core::io::regions::Regions;
use deepallele_core::io::text_input::is_stdio;
use deepallele_core::io::Contigs;

/// `--group-by --matrix --barcodes --umi --fragments --tn5-shift`
#[derive(Args, Clone, Debug)]
pub struct CellArgs {
    /// Group the fragments of --matrix and --fragments by this tag of their reads, such as CB for cell barcodes
    ///
    /// With several alignment files, groups are named SAMPLE_VALUE.
    #[arg(long, value_name = "TAG", value_parser = tag)]
    group_by: Option<[u8; 2]>,

    /// Write the fragments by region and group as sparse matrices into this folder (needs -L and --group-by)
    ///
    /// It gets the folders hap1, hap2, uninformative and conflicting, each with barcodes.tsv.gz, features.tsv.gz
    /// and matrix.mtx.gz as 10x tools write them: scanpy.read_10x_mtx (with gex_only=False where the regions are
    /// peaks) and Seurat's Read10X open any of them. All four have the same rows, the regions, and the same
    /// columns, the groups with a fragment in a region, sorted. Fragments are counted, not cut sites.
    #[arg(long, value_name = "DIR", requires_all = ["group_by", "regions"])]
    matrix: Option<PathBuf>,

    /// Only the groups of this list, one a line, gzip allowed; the matrices have exactly these columns in this order
    ///
    /// With several alignment files an entry holds for each of them, or for one if written as SAMPLE_VALUE.
    #[arg(long, value_name = "FILE", requires = "group_by")]
    barcodes: Option<PathBuf>,

    /// In the matrices, count the fragments of one group, region and value of this tag, such as UB, as one molecule
    ///
    /// Its haplotype is that of most of its informative fragments; conflicting if as many say the one as the other.
    #[arg(long, value_name = "TAG", requires = "matrix", value_parser = tag)]
    umi: Option<[u8; 2]>,

    /// Write PREFIX.hap1.fragments.tsv.gz and likewise hap2, uninformative and conflicting, each with an index
    ///
    /// As the fragments.tsv.gz of 10x tools: contig, start, end (0-based, half-open), group (the sample without
    /// --group-by), and how many fragments are the same in all of these; duplicates are among them only if -F lets
    /// them through. Sorted; indexed for tabix. A pair whose mates are both on one contig is a line, or an unpaired
    /// read.
    #[arg(long, value_name = "PREFIX")]
    fragments: Option<PathBuf>,

    /// In --fragments, move starts 4 bases to the right and ends 5 to the left, as cellranger-atac does
    ///
    /// So they lie in the middle between the cuts that the transposase made. Not for reads that were shifted
    /// before, nor for assays without transposase.
    #[arg(long, requires = "fragments")]
    tn5_shift: bool,
}

/// A tag's name: a letter, and a letter or digit.
fn tag(text: &str) -> Result<[u8; 2], String> {
    match text.as_bytes() {
        [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphanumeric() => Ok([*a, *b]),
        _ => Err("a tag has two characters, such as CB".into()),
    }
}

impl CellArgs {
    /// True if fragments are written: a run that has nothing else to do is complete.
    pub fn stands_alone(&self) -> bool {
        self.fragments.is_some()
    }

    /// True if any of these options was given.
    pub fn given(&self) -> bool {
        self.group_by.is_some() || self.fragments.is_some()
    }

    /// Combinations of options that cannot be.
    pub fn check(&self) -> Result<()> {
        if self.group_by.is_some() && self.matrix.is_none() && self.fragments.is_none() {
            return Err(usage("--group-by needs somewhere to put the groups: give --matrix DIR or --fragments PREFIX"));
        }
        if self.barcodes.as_deref().is_some_and(is_stdio) {
            return Err(usage("--barcodes needs a file, not standard input"));
        }
        if [&self.matrix, &self.fragments].into_iter().flatten().any(|path| is_stdio(path)) {
            return Err(usage("--matrix and --fragments make several files, which cannot go to standard output"));
        }
        Ok(())
    }

    /// The tags of groups and molecules.
    pub fn tags(&self) -> (Option<[u8; 2]>, Option<[u8; 2]>) {
        (self.group_by, self.umi)
    }

    /// What of the fragments is needed.
    pub fn ask(&self, counting: &mut Counting) {
        (counting.group_by, counting.umi) = self.tags();
        counting.everything |= self.fragments.is_some();
    }

    /// Begin writing what is asked for. `header` are lines that begin with `##`.
    pub fn create(
        &self,
        samples: &[String],
        contigs: &Contigs,
        regions: Option<&Regions>,
        strandedness: Strandedness,
        header: &[String],
    ) -> Result<CellOutput> {
        let barcodes = self.barcodes.as_deref().map(Barcodes::read).transpose()?;
        let groups = || match self.group_by {
            Some(_) => Groups::tagged(samples, barcodes.as_ref()),
            None => Ok(Groups::samples(samples)),
        };
        let matrix = match (&self.matrix, regions) {
            (Some(folder), Some(regions)) => {
                let cells = Cells::new(groups()?, self.umi.is_some()).stranded(regions, strandedness);
                Some((cells, MatrixFolder::create(folder)?))
            }
            _ => None,
        };
        let fragments = match &self.fragments {
            Some(prefix) => Some(FragmentsFiles::create(prefix, groups()?, contigs, self.tn5_shift, header)?),
            None => None,
        };
        Ok(CellOutput { matrix, fragments })
    }
}

/// Matrices and fragment files being written.
pub struct CellOutput {
    matrix: Option<(Cells, MatrixFolder)>,
    fragments: Option<FragmentsFiles>,
}

/// The same, whole but without their names.
pub struct ClosedCells {
    matrix: Option<MatrixFolder>,
    fragments: Option<ClosedFragments>,
}

impl CellOutput {
    /// Who wants the fragments.
    pub fn sinks(&mut self) -> impl Iterator<Item = &mut dyn FragmentSink> {
        let matrix = self.matrix.as_mut().map(|(cells, _)| cells as &mut dyn FragmentSink);
        matrix.into_iter().chain(self.fragments.as_mut().map(|f| f as &mut dyn FragmentSink))
    }

    /// Write everything, and say what was written. `made_by` is the program and its version.
    pub fn close(self, regions: Option<&Regions>, made_by: Option<&str>) -> Result<ClosedCells> {
        let mut lines = Vec::new();
        let mut closed = ClosedCells { matrix: None, fragments: None };
        if let (Some((cells, mut folder)), Some(regions)) = (self.matrix, regions) {
            lines.extend(cells.write(&mut folder, &Feature::list(regions), made_by)?.lines());
            closed.matrix = Some(folder);
        }
        if let Some(fragments) = self.fragments {
            let (summary, files) = fragments.close()?;
            lines.extend(summary.lines());
            closed.fragments = Some(files);
        }
        lines.iter().for_each(|line| log::info!("{line}"));
        Ok(closed)
    }
}

impl ClosedCells {
    /// Give the files their names.
    pub fn persist(self) -> Result<()> {
        self.matrix.map(MatrixFolder::finish).transpose()?;
        self.fragments.map(ClosedFragments::persist).transpose()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_letter_and_a_letter_or_digit() {
        assert_eq!(tag("CB"), Ok(*b"CB"));
        assert_eq!(tag("X0"), Ok(*b"X0"));
        for wrong in ["", "C", "CBX", "0X", "C-", "é"] {
            assert!(tag(wrong).is_err(), "{wrong}");
        }
    }
}
