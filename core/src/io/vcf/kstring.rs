//! htslib's growing string, freed with its owner.

use rust_htslib::htslib;

/// A string that htslib fills and grows with malloc.
pub(super) struct KString(htslib::kstring_t);

// SAFETY: the memory is owned by this value and reached through it alone.
unsafe impl Send for KString {}

impl Drop for KString {
    fn drop(&mut self) {
        // SAFETY: null or allocated with malloc, and freed once.
        unsafe { libc::free(self.0.s.cast()) };
    }
}

impl KString {
    /// An empty string without memory.
    pub fn new() -> Self {
        Self(htslib::kstring_t { l: 0, m: 0, s: std::ptr::null_mut() })
    }

    /// A copy of `bytes`, terminated by a zero byte; `None` if there is no memory for it.
    pub fn copy_of(bytes: &[u8]) -> Option<Self> {
        let room = bytes.len() + 1;
        // SAFETY: the copy and its terminator fit into the memory allocated for them.
        unsafe {
            let copy = libc::malloc(room).cast::<u8>();
            if copy.is_null() {
                return None;
            }
            copy.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            copy.add(bytes.len()).write(0);
            Some(Self(htslib::kstring_t { l: bytes.len() as _, m: room as _, s: copy.cast() }))
        }
    }

    /// For htslib's functions.
    pub fn as_mut(&mut self) -> &mut htslib::kstring_t {
        &mut self.0
    }

    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        bytes(&self.0)
    }
}

/// The content of a string.
pub(super) fn bytes(string: &htslib::kstring_t) -> &[u8] {
    if string.s.is_null() {
        return &[];
    }
    // SAFETY: l bytes were filled at s.
    unsafe { std::slice::from_raw_parts(string.s.cast::<u8>(), string.l) }
}

/// Where `n` bytes can be appended to the string, and a zero byte after them; `None` if there is no memory for them. Its
/// length remains.
pub(super) fn room_for(string: &mut htslib::kstring_t, n: usize) -> Option<*mut u8> {
    let needed = (string.l).checked_add(n)?.checked_add(1)?;
    if needed > string.m {
        let room = needed.max(needed.saturating_add(needed / 2));
        // SAFETY: the memory is null or malloc's, as everywhere in htslib, and replaced only if there is new.
        let grown = unsafe { libc::realloc(string.s.cast(), room) };
        if grown.is_null() {
            return None;
        }
        (string.s, string.m) = (grown.cast(), room);
    }
    // SAFETY: within the memory that was just made large enough.
    Some(unsafe { string.s.cast::<u8>().add(string.l) })
}

/// Put a zero byte after the string, as htslib's parsers need; false if there is no memory for it.
pub(super) fn terminate(string: &mut htslib::kstring_t) -> bool {
    // SAFETY: there is room for one byte.
    room_for(string, 0).map(|end| unsafe { end.write(0) }).is_some()
}
