//! Memory for strings of any length, with a limit: a file of 88 kB can have 65,536 names that are all the same 60,000
//! bytes of its heap, and the library copies every one before any can be looked at.

use std::ffi::c_void;

use hdf5_metno_sys::{h5i, h5p};

use super::element::LONGEST_TEXT;
use super::{done, internal, lock, Id, Part};

/// Bytes of strings in memory at a time: some hundred for each row of the largest block.
const MOST: usize = 1 << 26;

/// What the library has allocated for strings, freed when this is dropped.
pub(super) struct Strings {
    transfer: Id,
    // At a fixed address, which the library keeps.
    memory: Box<Memory>,
}

struct Memory {
    pieces: Vec<Vec<u8>>,
    bytes: usize,
    /// The size of the allocation that was refused.
    refused: Option<usize>,
}

impl Strings {
    /// With nothing allocated.
    pub fn new() -> Part<Self> {
        let mut memory = Box::new(Memory { pieces: Vec::new(), bytes: 0, refused: None });
        let info = (&raw mut *memory).cast();
        let _guard = lock();
        // SAFETY: the list of properties is our own, and `memory` lives as long as it.
        unsafe {
            let transfer = Id::new(h5p::H5Pcreate(*h5p::H5P_CLS_DATASET_XFER), h5p::H5Pclose, internal)?;
            done(h5p::H5Pset_vlen_mem_manager(transfer.id, Some(allocate), info, Some(keep), info), internal)?;
            Ok(Self { transfer, memory })
        }
    }

    /// The properties with which to read into this memory.
    pub fn transfer(&self) -> h5i::hid_t {
        self.transfer.id
    }

    /// Why the library was refused memory.
    pub fn refused(&self) -> Option<String> {
        self.memory.refused.map(|size| match size > LONGEST_TEXT + 1 {
            true => format!("a string of {} bytes", size - 1),
            false => format!("strings of more than {} MB in a block of rows", MOST >> 20),
        })
    }
}

/// Memory for a string of `size` bytes with its end, or null.
unsafe extern "C" fn allocate(size: usize, memory: *mut c_void) -> *mut c_void {
    // SAFETY: the library hands back what it was given, while nothing else uses it.
    let memory = unsafe { &mut *memory.cast::<Memory>() };
    if size > LONGEST_TEXT + 1 || size > MOST - memory.bytes {
        memory.refused = Some(size);
        return std::ptr::null_mut();
    }
    let mut piece = Vec::<u8>::new();
    if piece.try_reserve_exact(size.max(1)).is_err() {
        return std::ptr::null_mut();
    }
    let place = piece.as_mut_ptr();
    memory.bytes += size;
    memory.pieces.push(piece);
    place.cast()
}

/// Freed with all others.
unsafe extern "C" fn keep(_: *mut c_void, _: *mut c_void) {}

#[cfg(test)]
mod tests {
    use std::ffi::c_char;
    use std::path::Path;
    use std::ptr::{null, null_mut};

    use hdf5_metno_sys::{h5d, h5s};

    use super::super::element::text_type;
    use super::super::{c_name, File};
    use super::*;

    /// A file whose dataset `name` has `rows` strings, which are all the same `length` bytes of it.
    fn repeated(path: &Path, rows: usize, length: usize) {
        let file = File::create(path).unwrap();
        let (name, text, kind) = (c_name("name").unwrap(), c_name(&"x".repeat(length)).unwrap(), text_type().unwrap());
        let mut strings: Vec<*const c_char> = vec![null(); rows];
        strings[0] = text.as_ptr();
        let offset = {
            let _guard = lock();
            let all = h5p::H5P_DEFAULT;
            // SAFETY: valid identifiers; as many strings as the space has elements.
            unsafe {
                let space = Id::new(h5s::H5Screate_simple(1, &(rows as u64), null()), h5s::H5Sclose, internal).unwrap();
                let made = h5d::H5Dcreate2(file.id.id, name.as_ptr(), kind.id, space.id, all, all, all);
                let made = Id::new(made, h5d::H5Dclose, internal).unwrap();
                let buffer = strings.as_ptr().cast();
                done(h5d::H5Dwrite(made.id, kind.id, h5s::H5S_ALL, h5s::H5S_ALL, all, buffer), internal).unwrap();
                h5d::H5Dget_offset(made.id) as usize
            }
        };
        file.close().unwrap();
        // A string is 16 bytes: its length, and where it is.
        let mut bytes = std::fs::read(path).unwrap();
        let first = bytes[offset..offset + 16].to_vec();
        bytes[offset..offset + 16 * rows].copy_from_slice(&first.repeat(rows));
        std::fs::write(path, bytes).unwrap();
    }

    fn read(rows: usize, length: usize) -> Part<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.hdf5");
        repeated(&path, rows, length);
        File::open(&path)?.dataset("name")?.read_texts(0, rows)
    }

    #[test]
    fn strings_that_are_all_the_same_bytes_are_not_copied_without_limit() {
        let texts = read(1000, 60_000).unwrap();
        assert!(texts.len() == 1000 && texts.iter().all(|text| text.len() == 60_000));
        let problem = read(65_536, 60_000).unwrap_err();
        assert!(problem.contains("strings of more than 64 MB in a block of rows"), "{problem}");
        let problem = read(4096, 10 << 20).unwrap_err();
        assert!(problem.contains("a string of 10485760 bytes"), "{problem}");
        assert_eq!(read(2, LONGEST_TEXT).unwrap()[1].len(), LONGEST_TEXT);
        assert!(read(2, LONGEST_TEXT + 1).unwrap_err().contains("a string of 65537 bytes"));
    }

    #[test]
    fn memory_is_counted_and_freed() {
        let mut strings = Strings::new().unwrap();
        let memory = (&raw mut *strings.memory).cast();
        // SAFETY: as the library calls it.
        let take = |size: usize| unsafe { allocate(size, memory) };
        assert!(!take(0).is_null() && !take(LONGEST_TEXT + 1).is_null());
        assert_eq!(take(LONGEST_TEXT + 2), null_mut());
        assert_eq!(strings.refused().unwrap(), format!("a string of {} bytes", LONGEST_TEXT + 1));
        // Too many of them.
        let fit = (0..).take_while(|_| !take(LONGEST_TEXT).is_null()).count();
        assert_eq!(fit, MOST / LONGEST_TEXT - 2);
        assert!(strings.refused().unwrap().contains("64 MB"));
    }
}
