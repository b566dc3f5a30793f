//! A published data set, written in blocks of rows.

use std::path::{Path, PathBuf};

use deepallele_core::error::{Error, Result};
use deepallele_core::io::output_file::{temporary_for, CompleteFiles, Destination};
use deepallele_core::model::published::data_set::{
    gene, value_names, write_row, Assay, Values, GENE_NAME, PEAK_INDEX, PEAK_NAME, SEQUENCES, SUM,
};
use tempfile::TempPath;

use crate::library::{Dataset, File, Part};

/// Bytes of one allele's rows in a chunk: what the library's cache holds by default.
const CHUNK: usize = 1 << 20;
/// Rows in a chunk of values or names.
const CHUNK_OF_LINES: u64 = 1 << 13;

/// What is to be written.
#[derive(Clone, Debug)]
pub struct Layout {
    /// What was measured.
    pub assay: Assay,
    /// Name of the values; not used for ChIP.
    pub batch: String,
    /// Bases of a row; shorter sequences are padded on the right.
    pub length: usize,
    /// The attribute `window_size` of RNA.
    pub window_size: usize,
    /// Scale of the values given for the rows.
    pub values: Values,
}

/// A data set being written, under a temporary name until [`PublishedWriter::finish`].
pub struct PublishedWriter {
    path: PathBuf,
    layout: Layout,
    temporary: TempPath,
    parts: Parts,
    rows: u64,
    /// Rows not written yet.
    one_hot: [Vec<f64>; 2],
    names: Vec<String>,
    values: [Vec<f64>; 3],
    block: usize,
}

struct Parts {
    file: File,
    sequences: [Dataset; 2],
    names: Dataset,
    /// Genes of RNA, row numbers of ATAC.
    more: Option<Dataset>,
    /// Values of A, B and their ratio; for RNA a second time, as the sum over the one condition there is.
    values: Vec<[Dataset; 3]>,
}

impl PublishedWriter {
    /// Begin the data set `path`.
    pub fn create(path: &Path, layout: Layout) -> Result<Self> {
        if !matches!(Destination::of(path), Ok(Destination::File(_))) {
            return Err(Error::input(path, "cannot be an HDF5 output; give the name of a regular file"));
        }
        let temporary = temporary_for(path)?.into_temp_path();
        let block = (CHUNK / (4 * layout.length * std::mem::size_of::<f64>())).max(1);
        let parts = Parts::create(&temporary, &layout, block).map_err(|problem| Error::input(path, problem))?;
        Ok(Self {
            path: path.to_path_buf(),
            layout,
            temporary,
            parts,
            rows: 0,
            one_hot: Default::default(),
            names: Vec::new(),
            values: Default::default(),
            block,
        })
    }

    /// Add a row.
    ///
    /// # Errors
    /// A sequence is longer than a row, a value has no logarithm, or writing fails. The message of the first two is the
    /// rest of a sentence about the row, in an error without a file.
    pub fn push(&mut self, name: &str, alleles: [&[u8]; 2], values: [f64; 2]) -> Result<()> {
        let length = self.layout.length;
        if let Some(long) = alleles.iter().map(|a| a.len()).find(|&n| n > length) {
            return Err(Error::mismatch(format!("has {long} bases, more than the {length} of a row; see --length")));
        }
        let logs = values.map(|v| self.layout.values.to_stored(v));
        if let Some(side) = (0..2).find(|&side| !logs[side].is_finite()) {
            return Err(Error::mismatch(format!("has the value {}, which is not a count", values[side])));
        }
        for (rows, allele) in self.one_hot.iter_mut().zip(alleles) {
            let start = rows.len();
            rows.resize(start + 4 * length, 0.0);
            write_row(allele, &mut rows[start..]);
        }
        self.names.push(name.to_string());
        for (list, value) in self.values.iter_mut().zip([logs[0], logs[1], logs[0] - logs[1]]) {
            list.push(value);
        }
        if self.names.len() >= self.block {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        if self.names.is_empty() {
            return Ok(());
        }
        let (assay, first) = (self.layout.assay, self.rows);
        self.parts
            .append(assay, first, &self.one_hot, &self.names, &self.values)
            .map_err(|problem| Error::input(&self.path, problem))?;
        self.rows += self.names.len() as u64;
        self.one_hot.iter_mut().for_each(Vec::clear);
        self.values.iter_mut().for_each(Vec::clear);
        self.names.clear();
        Ok(())
    }

    /// Write the rest and rename the file. Returns the number of rows.
    pub fn finish(mut self) -> Result<u64> {
        self.write()?;
        let Self { path, temporary, parts, rows, .. } = self;
        if rows == 0 {
            return Err(Error::input(&path, "would contain no rows"));
        }
        parts.close().map_err(|problem| Error::input(&path, problem))?;
        CompleteFiles::of(temporary, &path)?.rename()?;
        Ok(rows)
    }
}

impl Parts {
    fn create(path: &Path, layout: &Layout, block: usize) -> Part<Self> {
        let file = File::create(path)?;
        let Layout { assay, length, .. } = *layout;
        if let Some(name) = assay.data_type() {
            file.set_text("data_type", name)?;
        } else {
            file.set_number("window_size", layout.window_size as i64)?;
        }
        file.set_number("sequence_length", length as i64)?;
        let batches = match assay {
            Assay::Chip => vec![None],
            Assay::Rna if layout.batch != SUM => vec![Some(layout.batch.as_str()), Some(SUM)],
            Assay::Rna | Assay::Atac => vec![Some(layout.batch.as_str())],
        };
        let sequence = |name| file.create_dataset(name, Some(&[length as u64, 4]), block as u64);
        let text = |name| file.create_dataset(name, None, CHUNK_OF_LINES);
        let number = |name: &String| file.create_dataset(name, Some(&[]), CHUNK_OF_LINES);
        let sequences = [sequence(SEQUENCES[0])?, sequence(SEQUENCES[1])?];
        let names = text(PEAK_NAME)?;
        let more = match assay {
            Assay::Atac => Some(text(PEAK_INDEX)?),
            Assay::Rna => Some(text(GENE_NAME)?),
            Assay::Chip => None,
        };
        let three = |batch: Option<&str>| -> Part<[Dataset; 3]> {
            let [a, b, ratio] = &value_names(batch);
            Ok([number(a)?, number(b)?, number(ratio)?])
        };
        let values = batches.into_iter().map(three).collect::<Part<Vec<_>>>()?;
        Ok(Self { file, sequences, names, more, values })
    }

    fn append(
        &mut self,
        assay: Assay,
        first: u64,
        one_hot: &[Vec<f64>; 2],
        names: &[String],
        values: &[Vec<f64>; 3],
    ) -> Part<()> {
        for (dataset, rows) in self.sequences.iter_mut().zip(one_hot) {
            dataset.append(rows)?;
        }
        self.names.append_texts(names)?;
        if let Some(more) = &mut self.more {
            match assay {
                Assay::Rna => more.append_texts(&names.iter().map(|name| gene(name)).collect::<Vec<_>>())?,
                _ => {
                    let numbers = (first..).take(names.len()).map(|i| i.to_string());
                    more.append_texts(&numbers.collect::<Vec<_>>())?;
                }
            }
        }
        for three in &mut self.values {
            for (dataset, list) in three.iter_mut().zip(values) {
                dataset.append(list)?;
            }
        }
        Ok(())
    }

    fn close(self) -> Part<()> {
        // While the datasets are open: closing one writes its last chunks, but does not report failure.
        self.file.flush()?;
        let Parts { file, sequences, names, more, values } = self;
        drop((sequences, names, more, values));
        file.close()
    }
}
