//! Writing an array row after row.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use npyz::{AutoSerialize, Serialize, TypeWrite, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::MEMBER;
use crate::error::{Error, Result};
use crate::io::output_file::patient::{FirstError, Patient};
use crate::io::output_file::{CompleteFiles, Destination, Unfinished};

/// Bytes of an array from where on a member of a zip archive needs 64-bit sizes, with room for the header.
const LARGE: u64 = (1 << 32) - (1 << 20);

/// An array being written, in C order, to a file under a temporary name.
pub struct NpzWriter<T: Serialize> {
    path: PathBuf,
    archive: ZipWriter<BufWriter<Patient>>,
    failed: FirstError,
    elements: T::TypeWriter,
    /// Elements that are still to come.
    left: u64,
    unfinished: Option<Unfinished>,
}

impl<T: Serialize + AutoSerialize> NpzWriter<T> {
    /// Begin an array of `shape` in `path`, a regular file.
    ///
    /// # Errors
    /// The file cannot be created, or is none.
    pub fn create(path: &Path, shape: &[u64]) -> Result<Self> {
        let destination = Destination::of(path)?;
        if !matches!(destination, Destination::File(_)) {
            return Err(Error::input(path, "is not a regular file, which an archive of NumPy needs"));
        }
        let left = shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n));
        let bytes = left.and_then(|left| left.checked_mul(std::mem::size_of::<T>() as u64));
        let (Some(left), Some(bytes)) = (left, bytes) else {
            return Err(Error::input(path, format!("cannot hold an array of shape {shape:?}")));
        };
        let (file, unfinished) = destination.open(path)?;
        let fail = |error: io::Error| Error::io(path, error);
        let failed = FirstError::default();
        let mut archive = ZipWriter::new(BufWriter::with_capacity(1 << 16, Patient::new(file, &failed)));
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(bytes > LARGE);
        archive.start_file(MEMBER, options).map_err(|error| fail(error.into()))?;
        let header = npyz::WriteOptions::new_header_only().dtype(T::default_dtype()).shape(shape).writer(&mut archive);
        header.write_header_only().map_err(fail)?;
        let elements = T::writer(&T::default_dtype()).map_err(|error| Error::input(path, error.to_string()))?;
        Ok(Self { path: path.to_path_buf(), archive, failed, elements, left, unfinished })
    }

    /// Append elements.
    ///
    /// # Errors
    /// They cannot be written, or are more than the shape holds.
    pub fn write<'a>(&mut self, values: impl IntoIterator<Item = &'a T>) -> Result<()>
    where
        T: 'a,
    {
        for value in values {
            self.left =
                self.left.checked_sub(1).ok_or_else(|| Error::input(&self.path, "has more elements than its shape"))?;
            let written = self.elements.write_one(&mut self.archive, value);
            written.map_err(|error| Error::io(&self.path, error))?;
        }
        self.failed.check(&self.path)
    }

    /// Write everything to the file, which has its temporary name until the returned set is renamed.
    ///
    /// # Errors
    /// It cannot be written, or there are fewer elements than the shape holds.
    pub fn complete(self) -> Result<CompleteFiles> {
        if self.left > 0 {
            return Err(Error::input(&self.path, format!("lacks {} elements of its shape", self.left)));
        }
        let fail = |error: io::Error| Error::io(&self.path, error);
        let mut buffer = self.archive.finish().map_err(|error| fail(error.into()))?;
        buffer.flush().map_err(fail)?;
        drop(buffer);
        self.failed.check(&self.path)?;
        CompleteFiles::unfinished(self.unfinished, &self.path)
    }
}
