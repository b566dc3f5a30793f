//! A track as bigWig, where there is anything to write.

use std::path::Path;

use deepallele_core::error::{Error, Result};
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::output::bigwig;
use deepallele_core::output::track::Track;

/// Write `track` to `path` as bigWig, under a temporary name until it is renamed; `None` if it has no values, since the
/// format cannot be empty: that is reported, and costs no other output. A file of this name, of an earlier run, is removed then: it would be taken for the result.
///
/// # Errors
/// As [`bigwig::write`]; the earlier file cannot be removed.
pub fn write_bigwig(track: &Track, path: &Path) -> Result<Option<CompleteFiles>> {
    if !track.is_empty() {
        return bigwig::write(track, path).map(Some);
    }
    if path.is_file() {
        std::fs::remove_file(path).map_err(|e| Error::io(path, e))?;
    }
    log::warn!("\"{}\" is not written: nothing was predicted, and a bigWig cannot be empty", path.display());
    Ok(None)
}
