//! A dataset by its rows.

use std::ffi::{c_char, c_void};
use std::ptr::null;

use hdf5_metno_sys::{h5d, h5p, h5s, h5t};

use super::element::{text_type, texts, Allocated, Kind, Number};
use super::strings::Strings;
use super::{c_name, done, internal, lock, Id, Part};

/// A dataset, read or written by rows of its first axis.
pub struct Dataset {
    pub(super) id: Id,
    pub(super) name: String,
    /// Length along each axis.
    pub(crate) shape: Vec<u64>,
    /// What its elements are.
    pub(crate) kind: Kind,
    /// Shape of its chunks, if it has any.
    pub(crate) chunk: Option<Vec<u64>>,
}

impl Dataset {
    /// Its name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Elements in a row.
    fn width(&self) -> Part<usize> {
        let width = self.shape.iter().skip(1).try_fold(1u64, |n, &d| n.checked_mul(d));
        width.and_then(|n| usize::try_from(n).ok()).ok_or_else(|| format!("has {}, which is too large", self.name))
    }

    /// The selection of `rows` rows from `first` on, and the same shape in memory: with another shape the library would
    /// copy single elements. The library is locked.
    unsafe fn select(&self, first: u64, rows: usize) -> Part<(Id, Id)> {
        let (mut start, mut count) = (vec![0; self.shape.len()], self.shape.clone());
        let (Some(from), Some(many)) = (start.first_mut(), count.first_mut()) else {
            return Err(format!("has {}, which is a single value", self.name));
        };
        (*from, *many) = (first, rows as u64);
        // SAFETY: as many axes as the dataset has; the caller holds the lock.
        unsafe {
            let there = Id::new(h5d::H5Dget_space(self.id.id), h5s::H5Sclose, internal)?;
            let set = h5s::H5S_seloper_t::H5S_SELECT_SET;
            let code = h5s::H5Sselect_hyperslab(there.id, set, start.as_ptr(), null(), count.as_ptr(), null());
            done(code, internal)?;
            let here = h5s::H5Screate_simple(count.len() as i32, count.as_ptr(), null());
            let here = Id::new(here, h5s::H5Sclose, internal)?;
            Ok((there, here))
        }
    }

    fn unreadable(&self, first: u64, rows: usize, reason: String) -> String {
        format!("cannot be read at rows {} to {} of {} ({reason})", first + 1, first + rows as u64, self.name)
    }

    /// Read `rows` rows from `first` (0-based) on into `numbers`.
    pub fn read<T: Number>(&self, first: u64, rows: usize, numbers: &mut Vec<T>) -> Part<()> {
        if !matches!(self.kind, Kind::Float(_) | Kind::Integer { .. }) {
            return Err(format!("has {}, which does not consist of numbers", self.name));
        }
        let elements = self
            .width()?
            .checked_mul(rows)
            .ok_or_else(|| format!("has {}, of which too large a part would be read", self.name))?;
        numbers.clear();
        numbers.resize(elements, T::default());
        let _guard = lock();
        // SAFETY: the buffer has the size of the selection, in the requested type.
        unsafe {
            let (there, here) = self.select(first, rows)?;
            let buffer = numbers.as_mut_ptr().cast();
            let code = h5d::H5Dread(self.id.id, T::native(), here.id, there.id, h5p::H5P_DEFAULT, buffer);
            done(code, |reason| self.unreadable(first, rows, reason))
        }
    }

    /// Read `rows` strings from row `first` (0-based) on.
    pub fn read_texts(&self, first: u64, rows: usize) -> Part<Vec<String>> {
        let Kind::Text(size) = self.kind else {
            return Err(format!("has {}, which does not consist of strings", self.name));
        };
        let _guard = lock();
        let problem = |reason: String| self.unreadable(first, rows, reason);
        // SAFETY: as for numbers; `texts` makes the buffer.
        unsafe {
            let (there, here) = self.select(first, rows)?;
            let kind = Id::new(h5d::H5Dget_type(self.id.id), h5t::H5Tclose, internal)?;
            let strings = Strings::new()?;
            let transfer = strings.transfer();
            let read = |buffer: *mut c_void| h5d::H5Dread(self.id.id, kind.id, here.id, there.id, transfer, buffer);
            texts(Allocated::Ours(strings), size, rows, read, problem)
        }
    }

    fn grow(&mut self, rows: usize) -> Part<u64> {
        let first = self.shape[0];
        self.shape[0] = first + rows as u64;
        let _guard = lock();
        // SAFETY: as many axes as the dataset has.
        let code = unsafe { h5d::H5Dset_extent(self.id.id, self.shape.as_ptr()) };
        done(code, |reason| self.unwritable(reason)).map(|()| first)
    }

    fn unwritable(&self, reason: String) -> String {
        format!("could not be written at row {} of {} ({reason}); is the disk full?", self.shape[0], self.name)
    }

    /// Append rows of numbers.
    pub fn append<T: Number>(&mut self, numbers: &[T]) -> Part<()> {
        let width = self.width()?.max(1);
        assert!(numbers.len().is_multiple_of(width), "a row was cut");
        let rows = numbers.len() / width;
        let first = self.grow(rows)?;
        let _guard = lock();
        // SAFETY: the buffer has the size of the selection, in the type that is named.
        unsafe {
            let (there, here) = self.select(first, rows)?;
            let buffer = numbers.as_ptr().cast();
            let code = h5d::H5Dwrite(self.id.id, T::native(), here.id, there.id, h5p::H5P_DEFAULT, buffer);
            done(code, |reason| self.unwritable(reason))
        }
    }

    /// Append rows of strings.
    pub fn append_texts<S: AsRef<str>>(&mut self, texts: &[S]) -> Part<()> {
        let strings = texts.iter().map(|text| c_name(text.as_ref())).collect::<Part<Vec<_>>>()?;
        let pointers: Vec<*const c_char> = strings.iter().map(|s| s.as_ptr()).collect();
        let kind = text_type()?;
        let first = self.grow(texts.len())?;
        let _guard = lock();
        // SAFETY: as many C strings as the selection has elements, alive until the end of the call.
        unsafe {
            let (there, here) = self.select(first, texts.len())?;
            let buffer = pointers.as_ptr().cast();
            let code = h5d::H5Dwrite(self.id.id, kind.id, here.id, there.id, h5p::H5P_DEFAULT, buffer);
            done(code, |reason| self.unwritable(reason))
        }
    }
}
