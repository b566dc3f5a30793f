//! Sparse matrices and fragments files.

use anyhow::Result;
use deepallele_core::counts::single_cell::{Barcodes, Cells, Feature, FragmentsFiles, Groups, MatrixFolder};
use deepallele_core::counts::FragmentSink;
use deepallele_core::io::output_file::CompleteFiles;

use super::Run;
use crate::header;

/// The files of `--matrix` and `--fragments` being written.
pub struct CellOutput {
    matrix: Option<(Cells, MatrixFolder)>,
    fragments: Option<FragmentsFiles>,
}

impl CellOutput {
    /// Create the files that the options name.
    pub fn create(run: &Run) -> Result<Self> {
        let args = &run.args.cells;
        let barcodes = args.barcodes.as_deref().map(Barcodes::read).transpose()?;
        let groups = || match args.group_by {
            Some(_) => Groups::tagged(run.samples, barcodes.as_ref()),
            None => Ok(Groups::samples(run.samples)),
        };
        let matrix = match (&args.matrix, run.regions) {
            (Some(folder), Some(regions)) => {
                let strandedness = run.args.region_options.strandedness;
                let cells = Cells::new(groups()?, args.umi.is_some()).stranded(regions, strandedness);
                Some((cells, MatrixFolder::create(folder)?))
            }
            _ => None,
        };
        let fragments = match &args.fragments {
            Some(prefix) => Some(FragmentsFiles::create(prefix, groups()?, run.contigs, args.tn5_shift, run.header)?),
            None => None,
        };
        Ok(Self { matrix, fragments })
    }

    /// What receives the fragments.
    pub fn sinks(&mut self) -> impl Iterator<Item = &mut dyn FragmentSink> {
        let matrix = self.matrix.as_mut().map(|(cells, _)| cells as &mut dyn FragmentSink);
        matrix.into_iter().chain(self.fragments.as_mut().map(|f| f as &mut dyn FragmentSink))
    }

    /// Write the rest of the files, and report what was written.
    pub fn finish(self, run: &Run) -> Result<CompleteFiles> {
        let mut lines = Vec::new();
        let mut finished = CompleteFiles::default();
        if let (Some((cells, mut folder)), Some(regions)) = (self.matrix, run.regions) {
            let program = header::program(run.args);
            lines.extend(cells.write(&mut folder, &Feature::list(regions), program.as_deref())?.lines());
            finished.add(folder.complete()?);
        }
        if let Some(fragments) = self.fragments {
            let (summary, files) = fragments.close()?;
            lines.extend(summary.lines());
            finished.add(files);
        }
        lines.iter().for_each(|line| log::info!("{line}"));
        Ok(finished)
    }
}
