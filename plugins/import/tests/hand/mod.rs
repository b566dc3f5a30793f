//! HDF5 files made by hand for the tests, in every way in which a data set may be stored, and in some in which it may
//! not.

// Calls of the C library and little else: an unsafe block would be around all of each function.
#![allow(unsafe_op_in_unsafe_fn)]

use std::ffi::{c_char, c_void, CString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::ptr::{null, null_mut};

use hdf5_metno_sys::{h5, h5d, h5e, h5f, h5i::hid_t, h5l, h5p, h5s, h5t, h5z, LOCK};

/// How the elements of a dataset are stored.
#[derive(Clone, Copy, Debug)]
pub enum Element {
    F64,
    F64Big,
    F32,
    U8,
    I64,
    /// Strings of any length, in UTF-8 or ASCII.
    Utf8,
    Ascii,
    /// Strings of so many bytes, padded with zeros or spaces, or ended by a zero.
    ZeroPadded(usize),
    SpacePadded(usize),
    Ended(usize),
}

/// Where the elements lie.
#[derive(Clone, Debug)]
pub enum Storage {
    Contiguous,
    Compact,
    /// Chunks of this shape, plain or with gzip and shuffle.
    Chunked(Vec<u64>),
    Packed(Vec<u64>),
    /// Chunks with a filter of which the library knows nothing, switched off for each.
    UnknownFilter(Vec<u64>),
    /// In another file.
    External(PathBuf),
    /// Chunks of which none is written, in a dataset of this shape.
    Boast(Vec<u64>),
    /// A view of another dataset.
    Virtual,
}

/// The content of a dataset, row-major.
#[derive(Clone, Debug)]
pub enum Content {
    Numbers(Vec<f64>),
    Texts(Vec<Vec<u8>>),
}

#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    pub shape: Vec<u64>,
    pub content: Content,
    pub element: Element,
    pub storage: Storage,
}

fn checked(id: hid_t) -> hid_t {
    assert!(id >= 0, "the HDF5 library refused");
    id
}

/// Access without the library's lock, which a program that another test starts at this moment would inherit.
unsafe fn unlocked() -> hid_t {
    let access = checked(h5p::H5Pcreate(*h5p::H5P_CLS_FILE_ACCESS));
    assert!(h5p::H5Pset_file_locking(access, 0, 1) >= 0);
    access
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

/// Write the parts into a new file.
pub fn write(path: &Path, parts: &[Part]) {
    let _guard = LOCK.lock();
    // SAFETY: valid names and identifiers; every buffer has the size of its dataset.
    unsafe {
        h5::H5open();
        h5e::H5Eset_auto2(h5e::H5E_DEFAULT, None, null_mut());
        let default = h5p::H5P_DEFAULT;
        let name = c(path.to_str().unwrap());
        let file = checked(h5f::H5Fcreate(name.as_ptr(), h5f::H5F_ACC_TRUNC, default, unlocked()));
        for part in parts {
            dataset(file, part);
        }
        assert!(h5f::H5Fclose(file) >= 0);
    }
}

/// Add a link to `path` of another file, or to a name of this one.
pub fn link(path: &Path, name: &str, to: Result<(&str, &str), &str>) {
    let _guard = LOCK.lock();
    // SAFETY: valid names and identifiers.
    unsafe {
        let default = h5p::H5P_DEFAULT;
        let file = checked(h5f::H5Fopen(c(path.to_str().unwrap()).as_ptr(), h5f::H5F_ACC_RDWR, unlocked()));
        h5l::H5Ldelete(file, c(name).as_ptr(), default);
        let code = match to {
            Ok((other, object)) => {
                h5l::H5Lcreate_external(c(other).as_ptr(), c(object).as_ptr(), file, c(name).as_ptr(), default, default)
            }
            Err(own) => h5l::H5Lcreate_soft(c(own).as_ptr(), file, c(name).as_ptr(), default, default),
        };
        assert!(code >= 0 && h5f::H5Fclose(file) >= 0);
    }
}

unsafe fn string_type(size: usize, set: h5t::H5T_cset_t, padding: h5t::H5T_str_t) -> hid_t {
    let kind = checked(h5t::H5Tcopy(*h5t::H5T_C_S1));
    assert!(h5t::H5Tset_size(kind, size) >= 0);
    assert!(h5t::H5Tset_cset(kind, set) >= 0 && h5t::H5Tset_strpad(kind, padding) >= 0);
    kind
}

unsafe fn dataset(file: hid_t, part: &Part) {
    use h5t::H5T_cset_t::*;
    use h5t::H5T_str_t::*;
    let default = h5p::H5P_DEFAULT;
    let shape = match &part.storage {
        Storage::Boast(shape) => shape.clone(),
        _ => part.shape.clone(),
    };
    let kind = match part.element {
        Element::F64 => h5t::H5Tcopy(*h5t::H5T_IEEE_F64LE),
        Element::F64Big => h5t::H5Tcopy(*h5t::H5T_IEEE_F64BE),
        Element::F32 => h5t::H5Tcopy(*h5t::H5T_IEEE_F32LE),
        Element::U8 => h5t::H5Tcopy(*h5t::H5T_STD_U8LE),
        Element::I64 => h5t::H5Tcopy(*h5t::H5T_STD_I64LE),
        Element::Utf8 => string_type(h5t::H5T_VARIABLE, H5T_CSET_UTF8, H5T_STR_NULLTERM),
        Element::Ascii => string_type(h5t::H5T_VARIABLE, H5T_CSET_ASCII, H5T_STR_NULLTERM),
        Element::ZeroPadded(n) => string_type(n, H5T_CSET_UTF8, H5T_STR_NULLPAD),
        Element::SpacePadded(n) => string_type(n, H5T_CSET_ASCII, H5T_STR_SPACEPAD),
        Element::Ended(n) => string_type(n, H5T_CSET_ASCII, H5T_STR_NULLTERM),
    };
    let space = checked(h5s::H5Screate_simple(shape.len() as i32, shape.as_ptr(), null()));
    let how = checked(h5p::H5Pcreate(*h5p::H5P_CLS_DATASET_CREATE));
    let chunked = |chunk: &[u64]| assert!(h5p::H5Pset_chunk(how, chunk.len() as i32, chunk.as_ptr()) >= 0);
    match &part.storage {
        Storage::Contiguous => {}
        Storage::Compact => assert!(h5p::H5Pset_layout(how, h5d::H5D_layout_t::H5D_COMPACT) >= 0),
        Storage::Chunked(chunk) => chunked(chunk),
        Storage::Boast(_) => chunked(&part.shape),
        Storage::Packed(chunk) => {
            chunked(chunk);
            assert!(h5p::H5Pset_shuffle(how) >= 0 && h5p::H5Pset_deflate(how, 6) >= 0);
        }
        Storage::UnknownFilter(chunk) => {
            chunked(chunk);
            assert!(h5p::H5Pset_filter(how, 32_000, h5z::H5Z_FLAG_OPTIONAL, 0, null()) >= 0);
        }
        Storage::External(path) => {
            let size = shape.iter().product::<u64>() * h5t::H5Tget_size(kind) as u64;
            assert!(h5p::H5Pset_external(how, c(path.to_str().unwrap()).as_ptr(), 0, size) >= 0);
        }
        Storage::Virtual => {
            assert!(h5p::H5Pset_virtual(how, space, c("other.h5").as_ptr(), c("x").as_ptr(), space) >= 0)
        }
    }
    let name = c(&part.name);
    let id = checked(h5d::H5Dcreate2(file, name.as_ptr(), kind, space, default, how, default));
    if !matches!(part.storage, Storage::Boast(_) | Storage::Virtual) {
        let code = match &part.content {
            Content::Numbers(numbers) => {
                assert_eq!(numbers.len() as u64, shape.iter().product::<u64>(), "{}", part.name);
                let buffer = numbers.as_ptr().cast::<c_void>();
                h5d::H5Dwrite(id, *h5t::H5T_NATIVE_DOUBLE, h5s::H5S_ALL, h5s::H5S_ALL, default, buffer)
            }
            Content::Texts(texts) => match part.element {
                Element::Utf8 | Element::Ascii => {
                    let strings: Vec<CString> = texts.iter().map(|t| CString::new(t.clone()).unwrap()).collect();
                    let pointers: Vec<*const c_char> = strings.iter().map(|s| s.as_ptr()).collect();
                    h5d::H5Dwrite(id, kind, h5s::H5S_ALL, h5s::H5S_ALL, default, pointers.as_ptr().cast())
                }
                Element::ZeroPadded(n) | Element::SpacePadded(n) | Element::Ended(n) => {
                    let fill = if matches!(part.element, Element::SpacePadded(_)) { b' ' } else { 0 };
                    let field =
                        |t: &Vec<u8>| t.iter().copied().chain(std::iter::repeat(fill)).take(n).collect::<Vec<_>>();
                    let bytes: Vec<u8> = texts.iter().flat_map(field).collect();
                    h5d::H5Dwrite(id, kind, h5s::H5S_ALL, h5s::H5S_ALL, default, bytes.as_ptr().cast())
                }
                _ => panic!("{} is no list of strings", part.name),
            },
        };
        assert!(code >= 0, "{} was not written", part.name);
    }
    h5d::H5Dclose(id);
    h5p::H5Pclose(how);
    h5s::H5Sclose(space);
    h5t::H5Tclose(kind);
}

/// `deepallele-import FILE -o TABLE`, with more options.
pub fn import(file: &Path, table: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deepallele-import"));
    command.arg(file).arg("-o").arg(table).args(more).env_remove("RUST_LOG").output().unwrap()
}
