//! Arrays of NumPy in files of one array, `.npz` with the key `arr_0`, as `numpy.savez` writes them and tools for
//! attributions read them; written row after row in constant memory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use npyz::{AutoSerialize, Deserialize, NpyFile, Serialize, TypeWrite, WriterBuilder};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{Error, Result};
use crate::io::output_file::patient::{FirstError, Patient};
use crate::io::output_file::{CompleteFiles, Destination, Unfinished};

/// The name of the array.
const MEMBER: &str = "arr_0.npy";
/// Bytes of an array from where on a member of a zip archive needs 64-bit sizes, with room for the header.
const LARGE: u64 = (1 << 32) - (1 << 20);
/// The most bytes that an array that is read may have.
const MOST: u64 = 8 << 30;

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

/// Read the array of a file, of elements that are exactly `T`.
///
/// # Errors
/// The file is not such an archive, its array has other elements or another order, or more than 8 GB.
pub fn read_npz<T: Deserialize + Clone + Default>(path: &Path) -> Result<ArrayD<T>> {
    read_member(path, MEMBER)
}

/// As [`read_npz`], the array with another name.
///
/// # Errors
/// As [`read_npz`].
pub fn read_member<T: Deserialize + Clone + Default>(path: &Path, member: &str) -> Result<ArrayD<T>> {
    let wrong = |what: String| Error::input(path, what);
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    let mut archive = ZipArchive::new(file).map_err(|error| wrong(format!("is not an .npz file: {error}")))?;
    let member =
        archive.by_name(member).map_err(|_| wrong(format!("has no array {}", member.trim_end_matches(".npy"))))?;
    let limited = member.take(MOST);
    let array = NpyFile::new(limited).map_err(|error| wrong(format!("has an array that cannot be read: {error}")))?;
    let (shape, order) = (array.shape().to_vec(), array.order());
    let bytes = shape.iter().try_fold(std::mem::size_of::<T>() as u64, |bytes, n| bytes.checked_mul(*n));
    if order != npyz::Order::C || bytes.is_none_or(|bytes| bytes > MOST) {
        return Err(wrong(format!("has an array of shape {shape:?}, which is too large or not in C order")));
    }
    let values: io::Result<Vec<T>> = match array.data() {
        Ok(values) => values.collect(),
        Err(error) => return Err(wrong(format!("has an array of another type: {error}"))),
    };
    let values = values.map_err(|error| wrong(format!("has an array that ends early: {error}")))?;
    let shape: Vec<usize> = shape.iter().map(|n| *n as usize).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_row_after_row_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut writer = NpzWriter::<f32>::create(&path, &[3, 4, 2]).unwrap();
        (0..3).for_each(|row| writer.write(&[row as f32 + 0.5; 8]).unwrap());
        let set = writer.complete().unwrap();
        assert!(!path.exists());
        set.rename().unwrap();
        let array = read_npz::<f32>(&path).unwrap();
        assert_eq!(array.shape(), [3, 4, 2]);
        assert!(array.outer_iter().zip([0.5, 1.5, 2.5]).all(|(row, value)| row.iter().all(|v| *v == value)));
        assert!(read_npz::<i8>(&path).unwrap_err().to_string().contains("another type"));
    }

    #[test]
    fn too_few_elements_are_an_error_and_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let mut writer = NpzWriter::<i8>::create(&path, &[2, 2]).unwrap();
        writer.write(&[1; 3]).unwrap();
        assert!(writer.complete().is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_array_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        for (content, words) in [(&b"PK"[..], "is not an .npz file"), (b"", "is not an .npz file")] {
            std::fs::write(&path, content).unwrap();
            let message = read_npz::<f32>(&path).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains("a.npz"), "{message}");
        }
        assert!(read_npz::<f32>(&folder.path().join("none.npz")).is_err());
    }
}
