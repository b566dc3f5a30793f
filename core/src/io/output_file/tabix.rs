//! The tabix index of a table.

use std::path::Path;

use rust_htslib::htslib;

use crate::error::{Error, Result};
use crate::io::output_file::complete::CompleteFiles;
use crate::io::output_file::failure::index_failure;
use crate::io::output_file::temporary::temporary_for;
use crate::io::paths::{c_path, with_suffix};

/// Columns by which tabix indexes a finished BGZF file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabixFormat {
    /// BED-like: columns 1 to 3, 0-based half-open.
    Bed,
    /// Column 1 and 2, 1-based positions.
    Positions,
}

/// The index of `data`, which will be called `named`.
///
/// # Errors
/// The table is not sorted, or the index cannot be written.
pub(super) fn tabix_index(data: &Path, named: &Path, format: TabixFormat) -> Result<CompleteFiles> {
    let conf = match format {
        TabixFormat::Bed => htslib::tbx_conf_t {
            preset: htslib::TBX_UCSC as i32,
            sc: 1,
            bc: 2,
            ec: 3,
            meta_char: '#' as i32,
            line_skip: 0,
        },
        TabixFormat::Positions => htslib::tbx_conf_t {
            preset: htslib::TBX_GENERIC as i32,
            sc: 1,
            bc: 2,
            ec: 2, // htslib takes the start for the end only when the end has a column
            meta_char: '#' as i32,
            line_skip: 0,
        },
    };
    let path = with_suffix(named, ".tbi");
    let (file, scratch) = temporary_for(&path)?.into_parts();
    let (from, to) = (c_path(data)?, c_path(&scratch)?);
    // SAFETY: both names are valid C strings and conf outlives the call.
    let code = unsafe { htslib::tbx_index_build3(from.as_ptr(), to.as_ptr(), 0, 1, &conf) };
    match code {
        0 => CompleteFiles::of(scratch, &path),
        _ => Err(index_failure(&file, &path)
            .unwrap_or_else(|| Error::input(named, "cannot be indexed; is it sorted by position?"))),
    }
}
