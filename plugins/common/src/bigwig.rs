//! A track as bigWig, where there is anything to write.

use std::path::Path;

use deepallele_core::error::Result;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::output::bigwig;
use deepallele_core::output::track::Track;

/// Write `track` to `path` as bigWig. Without values there is none, since the format cannot be empty: that is reported, and
/// costs no other output. A file of this name from an earlier run would be taken for the result, and is removed when the
/// returned set is renamed.
///
/// # Errors
/// As [`bigwig::write`].
pub fn write_bigwig(track: &Track, path: &Path) -> Result<CompleteFiles> {
    if !track.is_empty() {
        return bigwig::write(track, path);
    }
    log::warn!("\"{}\" is not written: nothing was predicted, and a bigWig cannot be empty", path.display());
    CompleteFiles::without(path)
}
