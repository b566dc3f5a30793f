//! A thin, safe layer over the HDF5 library: files, datasets of numbers and strings by rows, attributes.
//!
//! Every call takes the library's lock, every size is checked before memory is taken for it, and nothing outside the
//! file is ever opened for it: no external or virtual storage, no links, no filter plugins. A problem is the rest of a
//! sentence that begins with the name of the file.

mod dataset;
mod element;
mod strings;

use std::ffi::{c_char, c_void, CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Once;

pub use dataset::Dataset;
use element::{kind_of, text_type, texts, Allocated};
pub use element::{Kind, Number};

use hdf5_metno_sys::{h5, h5a, h5d, h5e, h5f, h5i, h5l, h5p, h5pl, h5s, h5t, h5z, LOCK};

/// A result whose error is the rest of a sentence.
pub type Part<T> = std::result::Result<T, String>;

/// Largest chunk of storage read, in bytes. The library unpacks a chunk as a whole.
const LARGEST_CHUNK: u64 = 1 << 29;
/// Deflate expands a byte to at most 1032, which limits the size of a dataset by that of its file.
const DEFLATE_AT_MOST: u64 = 1032;

/// Take the lock, with the library ready.
fn lock() -> impl Drop {
    static READY: Once = Once::new();
    let guard = LOCK.lock();
    READY.call_once(|| {
        // SAFETY: called under the lock, before anything else of the library.
        unsafe {
            // Files are closed by their owners; the library's clean-up at exit would come too late.
            h5::H5dont_atexit();
            h5::H5open();
            // Its stack of errors on stderr is not for users: `reason` picks out the line that is.
            h5e::H5Eset_auto2(h5e::H5E_DEFAULT, None, null_mut());
            // Otherwise a file could have any filter library loaded. (The argument is a bit mask.)
            h5pl::H5PLset_loading_state(null_mut());
        }
    });
    guard
}

/// The first error on the stack of the library.
fn reason() -> String {
    unsafe extern "C" fn first(_: u32, error: *const h5e::H5E_error2_t, text: *mut c_void) -> h5::herr_t {
        // SAFETY: the library hands over a valid error and back what we gave it, a String.
        unsafe {
            let text = &mut *text.cast::<String>();
            if text.is_empty() && !(*error).desc.is_null() {
                *text = CStr::from_ptr((*error).desc).to_string_lossy().into_owned();
            }
        }
        0
    }
    let _guard = lock();
    let mut text = String::new();
    // SAFETY: `text` outlives the walk.
    unsafe {
        h5e::H5Ewalk2(h5e::H5E_DEFAULT, h5e::H5E_WALK_UPWARD, Some(first), (&raw mut text).cast());
        h5e::H5Eclear2(h5e::H5E_DEFAULT);
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        "no reason given".into()
    } else {
        text
    }
}

/// An open identifier of the library, closed with the value.
struct Id {
    id: h5i::hid_t,
    close: unsafe extern "C" fn(h5i::hid_t) -> h5::herr_t,
}

impl Id {
    fn new(
        id: h5i::hid_t,
        close: unsafe extern "C" fn(h5i::hid_t) -> h5::herr_t,
        problem: impl FnOnce(String) -> String,
    ) -> Part<Self> {
        match id < 0 {
            true => Err(problem(reason())),
            false => Ok(Self { id, close }),
        }
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        let _guard = lock();
        // SAFETY: ours, and closed once.
        unsafe { (self.close)(self.id) };
    }
}

fn internal(reason: String) -> String {
    format!("cannot be handled by the HDF5 library ({reason})")
}

fn done(code: h5::herr_t, problem: impl FnOnce(String) -> String) -> Part<()> {
    match code < 0 {
        true => Err(problem(reason())),
        false => Ok(()),
    }
}

fn c_name(name: &str) -> Part<CString> {
    CString::new(name).map_err(|_| format!("cannot have the name \"{}\"", name.escape_debug()))
}

fn c_path(path: &Path) -> Part<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| "has a zero byte in its name".to_string())
}

/// Access to a file without the library's file lock, which many network file systems do not have: no other program
/// writes what we read, or knows the temporary name of what we write.
fn unlocked() -> Part<Id> {
    let _guard = lock();
    // SAFETY: the list of properties is our own.
    unsafe {
        let access = Id::new(h5p::H5Pcreate(*h5p::H5P_CLS_FILE_ACCESS), h5p::H5Pclose, internal)?;
        done(h5p::H5Pset_file_locking(access.id, 0, 1), internal)?;
        Ok(access)
    }
}

/// A file, open for reading or writing.
pub struct File {
    id: Id,
    /// Bytes, when it was opened.
    size: u64,
}

impl File {
    /// True when the file begins as an HDF5 file does.
    pub const MAGIC: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

    /// Open `path` for reading.
    pub fn open(path: &Path) -> Part<Self> {
        let size = std::fs::metadata(path).map_err(|e| e.to_string())?.len();
        let name = c_path(path)?;
        let _guard = lock();
        let access = unlocked()?;
        // SAFETY: a valid C string.
        let id = unsafe { h5f::H5Fopen(name.as_ptr(), h5f::H5F_ACC_RDONLY, access.id) };
        let id = Id::new(id, h5f::H5Fclose, |reason| format!("cannot be opened as an HDF5 file ({reason})"))?;
        Ok(Self { id, size })
    }

    /// Create the file `path`.
    pub fn create(path: &Path) -> Part<Self> {
        let name = c_path(path)?;
        let _guard = lock();
        let access = unlocked()?;
        // SAFETY: a valid C string.
        let id = unsafe { h5f::H5Fcreate(name.as_ptr(), h5f::H5F_ACC_TRUNC, h5p::H5P_DEFAULT, access.id) };
        let id = Id::new(id, h5f::H5Fclose, |reason| format!("cannot be created ({reason})"))?;
        Ok(Self { id, size: 0 })
    }

    /// Write out what is still in memory. Datasets that are open are written as they are.
    pub fn flush(&self) -> Part<()> {
        let _guard = lock();
        // SAFETY: the file is open.
        let code = unsafe { h5f::H5Fflush(self.id.id, h5f::H5F_SCOPE_GLOBAL) };
        done(code, |reason| format!("could not be written to its end ({reason}); is the disk full?"))
    }

    /// Close the file and report failure, which dropping it does not.
    pub fn close(self) -> Part<()> {
        self.flush()?;
        let _guard = lock();
        let id = std::mem::ManuallyDrop::new(self.id);
        // SAFETY: the file is open, and not closed again.
        let code = unsafe { h5f::H5Fclose(id.id) };
        done(code, |reason| format!("could not be closed ({reason}); is the disk full?"))
    }

    /// Names of the objects in the root group, in alphabetical order.
    pub fn names(&self) -> Part<Vec<String>> {
        unsafe extern "C" fn add(
            _: h5i::hid_t,
            name: *const c_char,
            _: *const h5l::H5L_info2_t,
            names: *mut c_void,
        ) -> h5::herr_t {
            // SAFETY: the library hands over a valid name and back what we gave it.
            unsafe {
                let names = &mut *names.cast::<Vec<String>>();
                names.push(CStr::from_ptr(name).to_string_lossy().into_owned());
            }
            0
        }
        let _guard = lock();
        let (mut names, mut at) = (Vec::<String>::new(), 0);
        // SAFETY: `names` and `at` outlive the call.
        let code = unsafe {
            let list = (&raw mut names).cast();
            h5l::H5Literate2(self.id.id, h5::H5_INDEX_NAME, h5::H5_ITER_INC, &mut at, Some(add), list)
        };
        done(code, |reason| format!("has a list of contents that cannot be read ({reason})"))?;
        Ok(names)
    }

    /// A string or whole number among the attributes of the file, as text; None without one.
    pub fn attribute(&self, name: &str) -> Part<Option<String>> {
        let problem = |reason: String| format!("has an attribute {name} that cannot be read ({reason})");
        let c = c_name(name)?;
        let _guard = lock();
        // SAFETY: valid identifiers and names throughout; buffers are as large as the type says.
        unsafe {
            if h5a::H5Aexists(self.id.id, c.as_ptr()) <= 0 {
                return Ok(None);
            }
            let attribute = Id::new(h5a::H5Aopen(self.id.id, c.as_ptr(), h5p::H5P_DEFAULT), h5a::H5Aclose, problem)?;
            let space = Id::new(h5a::H5Aget_space(attribute.id), h5s::H5Sclose, problem)?;
            let kind = Id::new(h5a::H5Aget_type(attribute.id), h5t::H5Tclose, problem)?;
            if h5s::H5Sget_simple_extent_npoints(space.id) != 1 {
                return Ok(None);
            }
            match kind_of(kind.id) {
                Kind::Text(size) => {
                    let read = |buffer: *mut c_void| h5a::H5Aread(attribute.id, kind.id, buffer);
                    let allocated = Allocated::Library { kind: kind.id, space: space.id };
                    Ok(texts(allocated, size, 1, read, problem)?.pop())
                }
                Kind::Integer { .. } => {
                    let mut value = 0i64;
                    done(h5a::H5Aread(attribute.id, i64::native(), (&raw mut value).cast()), problem)?;
                    Ok(Some(value.to_string()))
                }
                _ => Ok(None),
            }
        }
    }

    /// Give the file a string as an attribute.
    pub fn set_text(&self, name: &str, value: &str) -> Part<()> {
        let value = c_name(value)?;
        let kind = text_type()?;
        let pointer = value.as_ptr();
        self.set(name, kind.id, (&raw const pointer).cast())
    }

    /// Give the file a whole number as an attribute.
    pub fn set_number(&self, name: &str, value: i64) -> Part<()> {
        let kind = {
            let _guard = lock();
            i64::native()
        };
        self.set(name, kind, (&raw const value).cast())
    }

    fn set(&self, name: &str, kind: h5i::hid_t, value: *const c_void) -> Part<()> {
        let c = c_name(name)?;
        let problem = |reason: String| format!("cannot be given the attribute {name} ({reason})");
        let _guard = lock();
        // SAFETY: valid identifiers and names; `value` is one value of `kind`.
        unsafe {
            let space = Id::new(h5s::H5Screate(h5s::H5S_SCALAR), h5s::H5Sclose, problem)?;
            let id = h5a::H5Acreate2(self.id.id, c.as_ptr(), kind, space.id, h5p::H5P_DEFAULT, h5p::H5P_DEFAULT);
            let attribute = Id::new(id, h5a::H5Aclose, problem)?;
            done(h5a::H5Awrite(attribute.id, kind, value), problem)
        }
    }

    /// Open the dataset `name`.
    ///
    /// # Errors
    /// It is not a dataset, or is stored as a published file never is: outside of the file, in too large chunks, or with
    /// more data than the file can contain.
    pub fn dataset(&self, name: &str) -> Part<Dataset> {
        let problem = |reason: String| format!("has {name}, which cannot be read as a dataset ({reason})");
        let refuse = |what: &str| format!("has {name}, which {what}; that is refused");
        let c = c_name(name)?;
        let _guard = lock();
        // SAFETY: valid identifiers and names throughout; `info` and `dims` are as large as declared.
        unsafe {
            let mut info: h5l::H5L_info2_t = std::mem::zeroed();
            done(h5l::H5Lget_info2(self.id.id, c.as_ptr(), &mut info, h5p::H5P_DEFAULT), problem)?;
            if info.type_ != h5l::H5L_TYPE_HARD {
                return Err(refuse("is a link to somewhere else"));
            }
            let id = Id::new(h5d::H5Dopen2(self.id.id, c.as_ptr(), h5p::H5P_DEFAULT), h5d::H5Dclose, problem)?;
            let space = Id::new(h5d::H5Dget_space(id.id), h5s::H5Sclose, problem)?;
            let axes = h5s::H5Sget_simple_extent_ndims(space.id);
            let mut shape = vec![0; usize::try_from(axes).map_err(|_| problem(reason()))?];
            done(h5s::H5Sget_simple_extent_dims(space.id, shape.as_mut_ptr(), null_mut()), problem)?;
            let stored = Id::new(h5d::H5Dget_type(id.id), h5t::H5Tclose, problem)?;
            let made = Id::new(h5d::H5Dget_create_plist(id.id), h5p::H5Pclose, problem)?;
            if h5p::H5Pget_external_count(made.id) != 0 {
                return Err(refuse("has its content in other files"));
            }
            let mut chunk = vec![0; shape.len()];
            let element = h5t::H5Tget_size(stored.id) as u64;
            let bytes = |dims: &[u64]| dims.iter().try_fold(element, |n, &d| n.checked_mul(d));
            let (chunk, packed) = match h5p::H5Pget_layout(made.id) {
                h5d::H5D_layout_t::H5D_CHUNKED => {
                    let axes = h5p::H5Pget_chunk(made.id, chunk.len() as i32, chunk.as_mut_ptr());
                    if usize::try_from(axes) != Ok(shape.len()) || chunk.contains(&0) {
                        return Err(problem("its chunks have another number of axes".into()));
                    }
                    if bytes(&chunk).is_none_or(|n| n > LARGEST_CHUNK) {
                        return Err(refuse(&format!("is stored in chunks of {chunk:?}, larger than half a gigabyte")));
                    }
                    let filters = h5p::H5Pget_nfilters(made.id);
                    for i in 0..filters.max(0) {
                        known_filter(made.id, i as u32).map_err(|what| format!("has {name}, which {what}"))?;
                    }
                    (Some(chunk), filters > 0)
                }
                h5d::H5D_layout_t::H5D_VIRTUAL => return Err(refuse("has its content in other files")),
                _ => (None, false),
            };
            let most = self.size.saturating_mul(if packed { DEFLATE_AT_MOST } else { 1 });
            if bytes(&shape).is_none_or(|n| n > most) {
                return Err(format!(
                    "has {name}, which says it is {} large, more than a file of {} bytes can hold",
                    size_text(&shape),
                    self.size
                ));
            }
            Ok(Dataset { id, name: name.into(), shape, kind: kind_of(stored.id), chunk })
        }
    }

    /// Create a dataset to which rows are appended: float64, or strings of any length when `width` is None. `width` are the
    /// axes after the first. It is stored gzip-compressed in chunks of `chunk` rows.
    pub fn create_dataset(&self, name: &str, width: Option<&[u64]>, chunk: u64) -> Part<Dataset> {
        let problem = |reason: String| format!("cannot be given the dataset {name} ({reason})");
        let c = c_name(name)?;
        let kind = match width {
            Some(_) => Kind::Float(8),
            None => Kind::Text(None),
        };
        let text = text_type()?;
        let _guard = lock();
        let rest = width.unwrap_or(&[]);
        let dims = |first: u64| -> Vec<u64> { [&[first], rest].concat() };
        // SAFETY: valid identifiers and names; each list of axes has as many entries as it is said to have.
        unsafe {
            let axes = 1 + rest.len() as i32;
            let (now, most, pieces) = (dims(0), dims(h5s::H5S_UNLIMITED), dims(chunk.max(1)));
            let space = h5s::H5Screate_simple(axes, now.as_ptr(), most.as_ptr());
            let space = Id::new(space, h5s::H5Sclose, problem)?;
            let how = Id::new(h5p::H5Pcreate(*h5p::H5P_CLS_DATASET_CREATE), h5p::H5Pclose, problem)?;
            done(h5p::H5Pset_chunk(how.id, axes, pieces.as_ptr()), problem)?;
            done(h5p::H5Pset_shuffle(how.id), problem)?;
            done(h5p::H5Pset_deflate(how.id, 4), problem)?;
            let stored = if width.is_some() { *h5t::H5T_IEEE_F64LE } else { text.id };
            let links = h5p::H5P_DEFAULT;
            let id = h5d::H5Dcreate2(self.id.id, c.as_ptr(), stored, space.id, links, how.id, h5p::H5P_DEFAULT);
            let id = Id::new(id, h5d::H5Dclose, problem)?;
            Ok(Dataset { id, name: name.into(), shape: now, kind, chunk: Some(pieces) })
        }
    }
}

/// Refuse filters that are not part of the library.
unsafe fn known_filter(made: h5i::hid_t, i: u32) -> Part<()> {
    let (mut flags, mut values, mut config) = (0, 0, 0);
    let mut name = [0 as c_char; 64];
    // SAFETY: `made` is a list of creation properties; the name is cut to the size of `name`, no values are requested.
    let id = unsafe {
        h5p::H5Pget_filter2(made, i, &mut flags, &mut values, null_mut(), name.len(), name.as_mut_ptr(), &mut config)
    };
    // SAFETY: any number is allowed.
    match id >= 0 && unsafe { h5z::H5Zfilter_avail(id) } > 0 {
        true => Ok(()),
        false => {
            name[63] = 0;
            // SAFETY: the last byte is 0 whatever the library wrote.
            let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().escape_debug().to_string();
            Err(format!("is compressed by filter {id} ({name}), not gzip; convert it, for example with h5repack"))
        }
    }
}

fn size_text(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ")
}
