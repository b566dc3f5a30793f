//! The elements of datasets and attributes: numbers and strings.

use std::ffi::{c_char, c_void, CStr};
use std::ptr::null;

use hdf5_metno_sys::{h5, h5i, h5p, h5t};

use super::strings::Strings;
use super::{done, internal, lock, Id, Part};

/// Longest string read, in bytes; names of peaks and genes have some dozens.
pub(super) const LONGEST_TEXT: usize = 1 << 16;

/// A type that numbers are read into or written from.
pub trait Number: Copy + Default {
    /// The library's name for it; the library is ready and locked.
    #[doc(hidden)]
    fn native() -> h5i::hid_t;
}

macro_rules! numbers {
    ($($number:ty: $native:ident),*) => {
        $(impl Number for $number {
            fn native() -> h5i::hid_t {
                *h5t::$native
            }
        })*
    };
}
numbers!(u8: H5T_NATIVE_UINT8, f32: H5T_NATIVE_FLOAT, f64: H5T_NATIVE_DOUBLE, i64: H5T_NATIVE_INT64);

/// The type of the elements of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Floating point numbers of this number of bytes.
    Float(usize),
    /// Whole numbers.
    Integer {
        /// Bytes of a number.
        size: usize,
        /// Whether they may be negative.
        signed: bool,
    },
    /// Strings of this number of bytes, or of any length.
    Text(Option<usize>),
    /// Anything else.
    Other,
}

/// Kind of an open type; the library is locked.
pub(super) unsafe fn kind_of(stored: h5i::hid_t) -> Kind {
    // SAFETY: the caller's type is open.
    unsafe {
        let size = h5t::H5Tget_size(stored);
        match h5t::H5Tget_class(stored) {
            h5t::H5T_class_t::H5T_FLOAT => Kind::Float(size),
            h5t::H5T_class_t::H5T_INTEGER => {
                Kind::Integer { size, signed: h5t::H5Tget_sign(stored) != h5t::H5T_sign_t::H5T_SGN_NONE }
            }
            h5t::H5T_class_t::H5T_STRING if h5t::H5Tis_variable_str(stored) > 0 => Kind::Text(None),
            h5t::H5T_class_t::H5T_STRING => Kind::Text(Some(size)),
            _ => Kind::Other,
        }
    }
}

/// The type of UTF-8 strings of any length.
pub(super) fn text_type() -> Part<Id> {
    let _guard = lock();
    // SAFETY: the type is a copy of our own.
    unsafe {
        let kind = Id::new(h5t::H5Tcopy(*h5t::H5T_C_S1), h5t::H5Tclose, internal)?;
        done(h5t::H5Tset_size(kind.id, h5t::H5T_VARIABLE), internal)?;
        done(h5t::H5Tset_cset(kind.id, h5t::H5T_cset_t::H5T_CSET_UTF8), internal)?;
        Ok(kind)
    }
}

/// Where strings of any length are allocated.
pub(super) enum Allocated {
    /// By the library, in memory of ours.
    Ours(Strings),
    /// By the library, in its own memory: elements of this type in this space. For a single string, which is no longer
    /// than the file.
    Library { kind: h5i::hid_t, space: h5i::hid_t },
}

/// A string of a file.
fn text(bytes: &[u8]) -> Part<String> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= LONGEST_TEXT => Ok(text.to_string()),
        Ok(_) => Err(format!("a string of {} bytes", bytes.len())),
        Err(_) => Err("a string that is not UTF-8".to_string()),
    }
}

/// Read `n` strings by `read`, which fills a buffer of `n` of them. `size` is that of [`Kind::Text`].
///
/// # Safety
/// `read` writes no more than `n` elements of that size, and pointers to strings as `allocated` says.
pub(super) unsafe fn texts(
    allocated: Allocated,
    size: Option<usize>,
    n: usize,
    read: impl FnOnce(*mut c_void) -> h5::herr_t,
    problem: impl FnOnce(String) -> String,
) -> Part<Vec<String>> {
    if let Some(size) = size {
        if size == 0 || size > LONGEST_TEXT {
            return Err(problem(format!("strings of {size} bytes")));
        }
        let mut bytes = vec![0u8; size * n];
        done(read(bytes.as_mut_ptr().cast()), |reason| reason)
            .and_then(|()| {
                // Padded with zeros or spaces, or ended by the first zero.
                let one = |field: &[u8]| {
                    let field = field.split(|&b| b == 0).next().unwrap_or(field);
                    text(field.trim_ascii_end())
                };
                bytes.chunks_exact(size).map(one).collect()
            })
            .map_err(problem)
    } else {
        let mut pointers = vec![null::<c_char>(); n];
        let mut outcome = done(read(pointers.as_mut_ptr().cast()), |reason| match &allocated {
            Allocated::Ours(strings) => strings.refused().unwrap_or(reason),
            Allocated::Library { .. } => reason,
        })
        .map(|()| Vec::with_capacity(n));
        for &pointer in &pointers {
            let Ok(list) = &mut outcome else { break };
            // SAFETY: the library gives a C string, or null for an empty one.
            let bytes = if pointer.is_null() { &[] } else { unsafe { CStr::from_ptr(pointer) }.to_bytes() };
            match text(bytes) {
                Ok(text) => list.push(text),
                Err(problem) => outcome = Err(problem),
            }
        }
        if let Allocated::Library { kind, space } = allocated {
            // SAFETY: the buffer holds what the library allocated, or nulls.
            unsafe { h5t::H5Treclaim(kind, space, h5p::H5P_DEFAULT, pointers.as_mut_ptr().cast()) };
        }
        outcome.map_err(problem)
    }
}
