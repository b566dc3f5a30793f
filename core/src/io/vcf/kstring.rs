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
        if self.0.s.is_null() {
            return &[];
        }
        // SAFETY: htslib filled l bytes at s.
        unsafe { std::slice::from_raw_parts(self.0.s.cast::<u8>(), self.0.l) }
    }
}
