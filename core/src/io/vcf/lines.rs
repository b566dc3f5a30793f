//! Reading the lines of a VCF, up to a limit: htslib's own functions put a line of any length into memory, and gzip makes
//! 4 GB of 4 MB.

use std::ffi::{c_int, c_void};

use rust_htslib::htslib;

use crate::io::vcf::kstring;

/// The longest line of a VCF, in bytes: a record with 64 bytes for each of two million samples.
pub(super) const LONGEST_LINE: usize = 1 << 27;
/// Bytes that the lines of a header may have together.
pub(super) const LONGEST_HEADER: usize = 1 << 26;
/// Lines that a header may have; each takes some hundred bytes.
pub(super) const MOST_HEADER_LINES: u64 = 1 << 21;

/// What reading a line came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It is in the buffer, without its end.
    Read,
    /// There is none left.
    End,
    /// It is longer than allowed.
    TooLong,
    /// It cannot be read.
    Damage,
}

/// Read the next line of `file`, of at most `longest` bytes, into `line`.
///
/// # Safety
/// `file` is open for reading text, and `line` is null or malloc's.
pub(super) unsafe fn read_line(file: *mut htslib::htsFile, line: &mut htslib::kstring_t, longest: usize) -> Line {
    // SAFETY: the file is open, and says which member of the union is set.
    unsafe {
        let bgzf = htslib::hts_get_bgzfp(file);
        match bgzf.is_null() {
            false => read_compressed(bgzf, line, longest),
            true => read_plain((*file).fp.hfile, line, longest),
        }
    }
}

/// [`read_line`] of a file that is compressed.
unsafe fn read_compressed(bgzf: *mut htslib::BGZF, line: &mut htslib::kstring_t, longest: usize) -> Line {
    line.l = 0;
    loop {
        // SAFETY: the file is open. After a successful look at the next byte the rest of its block is in memory.
        let taken = unsafe {
            match htslib::bgzf_peek(bgzf) {
                0.. => {}
                -1 if line.l == 0 => return Line::End,
                -1 => return ended(line),
                _ => return Line::Damage,
            }
            let (at, length) = ((*bgzf).block_offset, (*bgzf).block_length);
            let (Ok(at), Ok(size)) = (usize::try_from(at), usize::try_from(length - at)) else { return Line::Damage };
            let block = std::slice::from_raw_parts((*bgzf).uncompressed_block.cast::<u8>().add(at), size);
            let found = libc::memchr(block.as_ptr().cast(), c_int::from(b'\n'), size);
            let end = (!found.is_null()).then(|| found as usize - block.as_ptr() as usize);
            let taken = end.map_or(size, |end| end + 1);
            if line.l + end.unwrap_or(size) > longest {
                return Line::TooLong;
            }
            let Some(place) = kstring::room_for(line, taken) else { return Line::Damage };
            // Copied by htslib, which keeps count of where it is.
            if htslib::bgzf_read(bgzf, place.cast(), taken) != taken as isize {
                return Line::Damage;
            }
            line.l += taken;
            end.is_some()
        };
        if taken {
            return ended(line);
        }
    }
}

/// [`read_line`] of a file that is not compressed.
unsafe fn read_plain(file: *mut htslib::hFILE, line: &mut htslib::kstring_t, longest: usize) -> Line {
    const PIECE: usize = 1 << 16;
    line.l = 0;
    loop {
        let Some(place) = kstring::room_for(line, PIECE) else { return Line::Damage };
        // SAFETY: there is room for that many bytes, the terminating zero included.
        let n = unsafe { htslib::hgetdelim(place.cast(), PIECE, c_int::from(b'\n'), file) };
        match n {
            0 if line.l == 0 => return Line::End,
            0 => return ended(line),
            1.. => {}
            _ => return Line::Damage,
        }
        // SAFETY: that many bytes were written there.
        let whole = unsafe { *place.add(n as usize - 1) == b'\n' };
        line.l += n as usize;
        if line.l - usize::from(whole) > longest {
            return Line::TooLong;
        }
        if whole {
            return ended(line);
        }
    }
}

/// Remove the end of a line and terminate it.
fn ended(line: &mut htslib::kstring_t) -> Line {
    for end in [b'\n', b'\r'] {
        // SAFETY: l bytes are at s.
        if line.l > 0 && unsafe { *line.s.cast::<u8>().add(line.l - 1) } == end {
            line.l -= 1;
        }
    }
    match kstring::terminate(line) {
        true => Line::Read,
        false => Line::Damage,
    }
}

/// What the callback of an index query returns for a line that is too long, below the codes of htslib.
pub(super) const TOO_LONG: c_int = -9;

/// Read the next line of a tabix-indexed VCF for an index query, with its contig and interval (0-based half-open) as
/// tabix has them: from POS over REF, or to INFO/END.
///
/// # Safety
/// `bgzf`, `tabix` and `line` are an open file, its index and a string that is null or malloc's; the others can be
/// written.
pub(super) unsafe extern "C" fn read_indexed(
    bgzf: *mut htslib::BGZF,
    tabix: *mut c_void,
    line: *mut c_void,
    contig: *mut c_int,
    begin: *mut htslib::hts_pos_t,
    end: *mut htslib::hts_pos_t,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe {
        let line = &mut *line.cast::<htslib::kstring_t>();
        match read_compressed(bgzf, line, LONGEST_LINE) {
            Line::Read => {}
            Line::End => return -1,
            Line::TooLong => return TOO_LONG,
            Line::Damage => return -2,
        }
        let bytes = kstring::bytes(line);
        let Some((name, from, to)) = interval(bytes) else { return -2 };
        let Ok(name) = std::ffi::CString::new(name) else { return -2 };
        *contig = htslib::tbx_name2id(tabix.cast(), name.as_ptr());
        (*begin, *end) = (from, to);
        // The length of a line is below 2^31.
        line.l as c_int
    }
}

/// Contig and interval (0-based half-open) of a line of a VCF.
fn interval(line: &[u8]) -> Option<(&[u8], i64, i64)> {
    let mut columns = line.split(|&b| b == b'\t');
    let (contig, position) = (columns.next()?, std::str::from_utf8(columns.next()?).ok()?);
    let begin = position.parse::<i64>().ok()?.saturating_sub(1).max(0);
    let reference = columns.nth(1).map_or(1, |bases| bases.len().max(1) as i64);
    let mut end = begin.saturating_add(reference);
    if let Some(info) = columns.nth(3) {
        let value = info.split(|&b| b == b';').find_map(|field| field.strip_prefix(b"END="));
        let value = value.and_then(|value| std::str::from_utf8(value).ok()?.parse::<i64>().ok());
        end = value.filter(|&value| value > begin).unwrap_or(end);
    }
    Some((contig, begin, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_line() {
        let of = |line: &str| interval(line.as_bytes()).map(|(_, begin, end)| (begin, end));
        assert_eq!(of("c\t10\t.\tACG\tA\t.\t.\tAC=1"), Some((9, 12)));
        assert_eq!(of("c\t10\t.\tA\t<DEL>\t.\t.\tAC=1;END=50;SVTYPE=DEL"), Some((9, 50)));
        assert_eq!(of("c\t10\t.\tA\t<DEL>\t.\t.\tEND=50"), Some((9, 50)));
        assert_eq!(of("c\t10\t.\tA\t<DEL>\t.\t.\tCIEND=50;END=."), Some((9, 10)));
        assert_eq!(of("c\t10\t.\tA\t<DEL>\t.\t.\tEND=5"), Some((9, 10)));
        assert_eq!(of("c\t0\t.\tA"), Some((0, 1)));
        assert_eq!(of("c\tx\t.\tA"), None);
        assert_eq!(of("c"), None);
    }
}
