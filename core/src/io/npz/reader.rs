//! Reading an array, whole or row after row.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
use ndarray::{ArrayD, IxDyn};
use npyz::{Deserialize, NpyFile, NpyReader};
use zip::{CompressionMethod, ZipArchive};

use super::MEMBER;
use crate::error::{Error, Result};

/// The most bytes that an array that is read as a whole may have.
const MOST: u64 = 8 << 30;

/// An array read row after row (along its first axis) in constant memory.
pub struct NpzReader<T: Deserialize> {
    path: PathBuf,
    shape: Vec<u64>,
    values: NpyReader<T, Box<dyn Read + Send>>,
}

impl<T: Deserialize> NpzReader<T> {
    /// Open the array `arr_0` of a regular file.
    ///
    /// # Errors
    /// The file is not such an archive, or its array has elements other than `T`, or is not in C order.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_member(path, MEMBER)
    }

    fn open_member(path: &Path, member: &str) -> Result<Self> {
        let wrong = |what: String| Error::input(path, what);
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        let mut again = file.try_clone().map_err(|error| Error::io(path, error))?;
        let mut archive = ZipArchive::new(file).map_err(|error| wrong(format!("is not an .npz file: {error}")))?;
        let name = member.trim_end_matches(".npy");
        let found = archive.by_name(member).map_err(|_| wrong(format!("has no array {name}")))?;
        let (start, size, compression) = (found.data_start(), found.compressed_size(), found.compression());
        drop(found);
        let start = start.ok_or_else(|| wrong(format!("has an array {name} without content")))?;
        again.seek(SeekFrom::Start(start)).map_err(|error| Error::io(path, error))?;
        let content = BufReader::with_capacity(1 << 16, again.take(size));
        let content: Box<dyn Read + Send> = match compression {
            CompressionMethod::Stored => Box::new(content),
            CompressionMethod::Deflated => Box::new(BufReader::new(DeflateDecoder::new(content))),
            other => return Err(wrong(format!("has an array compressed by {other}, which is not read"))),
        };
        let array =
            NpyFile::new(content).map_err(|error| wrong(format!("has an array that cannot be read: {error}")))?;
        let (shape, order) = (array.shape().to_vec(), array.order());
        let elements = shape.iter().try_fold(1u64, |product, n| product.checked_mul(*n));
        if order != npyz::Order::C || elements.is_none() {
            return Err(wrong(format!("has an array of shape {shape:?}, which is too large or not in C order")));
        }
        let values = array.data().map_err(|error| wrong(format!("has an array of another type: {error}")))?;
        Ok(Self { path: path.into(), shape, values })
    }

    /// The shape of the whole array.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The next `n` elements.
    ///
    /// # Errors
    /// The array ends before.
    pub fn read(&mut self, n: usize) -> Result<Vec<T>> {
        let early = |error: io::Error| Error::input(&self.path, format!("has an array that ends early: {error}"));
        // What a header declares is not allocated before it has been read.
        let mut values = Vec::with_capacity(n.min(1 << 20));
        for value in self.values.by_ref().take(n) {
            values.push(value.map_err(early)?);
        }
        if values.len() < n {
            return Err(Error::input(&self.path, "has an array that ends early"));
        }
        Ok(values)
    }
}

/// Read the array of a file, of elements that are exactly `T`.
///
/// # Errors
/// The file is not such an archive, its array has other elements or another order, or more than 8 GB.
pub fn read_npz<T: Deserialize>(path: &Path) -> Result<ArrayD<T>> {
    read_member(path, MEMBER)
}

/// As [`read_npz`], the array with another name.
///
/// # Errors
/// As [`read_npz`].
pub fn read_member<T: Deserialize>(path: &Path, member: &str) -> Result<ArrayD<T>> {
    let mut reader = NpzReader::open_member(path, member)?;
    let shape: Vec<usize> = reader.shape.iter().map(|n| *n as usize).collect();
    let elements: u64 = reader.shape.iter().product();
    if elements.checked_mul(std::mem::size_of::<T>() as u64).is_none_or(|bytes| bytes > MOST) {
        let shape = reader.shape;
        return Err(Error::input(
            path,
            format!("has an array of shape {shape:?}, which is too large or not in C order"),
        ));
    }
    let values = reader.read(elements as usize)?;
    ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|error| Error::input(path, error.to_string()))
}
