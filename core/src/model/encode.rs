//! Bases to byte codes, and codes to the one-hot rows that the network reads.
//!
//! n windows of L bases are an array of codes (n, L).

use std::borrow::Cow;

use ndarray::{Array2, Array3, ArrayView2, Axis};

use crate::error::{Error, Result};

/// Code of N and of the other IUPAC ambiguity letters: 0.25 in each of the four channels.
pub const ANY: u8 = 4;
/// Code of padding on the right: zero in all four channels.
pub const NOTHING: u8 = 5;

/// Byte code of one letter, upper or lower case: 0..=3 for A, C, G, T (U as T), [`ANY`] for N and the other
/// IUPAC letters, `None` for anything else.
pub fn code(letter: u8) -> Option<u8> {
    match letter.to_ascii_uppercase() {
        b'A' => Some(0),
        b'C' => Some(1),
        b'G' => Some(2),
        b'T' | b'U' => Some(3),
        b'N' | b'R' | b'Y' | b'S' | b'W' | b'K' | b'M' | b'B' | b'D' | b'H' | b'V' => Some(ANY),
        _ => None,
    }
}

/// The letter of a code; `N` for [`ANY`] and [`NOTHING`].
pub fn letter(code: u8) -> u8 {
    b"ACGT".get(usize::from(code)).copied().unwrap_or(b'N')
}

/// Code of the complementary base; [`ANY`] and [`NOTHING`] are their own complements.
pub fn complement(code: u8) -> u8 {
    match code {
        0..=3 => 3 - code,
        _ => code,
    }
}

/// Codes of one sequence as a window: left-aligned, padded with [`NOTHING`] to `length`.
///
/// # Errors
/// The sequence is longer than `length`, or has a byte that is not an IUPAC letter (named with its 1-based position).
pub fn encode(sequence: &[u8], length: usize) -> Result<Vec<u8>> {
    if sequence.len() > length {
        return Err(Error::mismatch(format!(
            "a sequence of {} bases does not fit the model's window of {length}",
            sequence.len()
        )));
    }
    let mut codes = vec![NOTHING; length];
    for (i, (&letter, slot)) in sequence.iter().zip(&mut codes).enumerate() {
        *slot = code(letter).ok_or_else(|| {
            Error::mismatch(format!("'{}' at base {} is not a nucleotide letter", letter.escape_ascii(), i + 1))
        })?;
    }
    Ok(codes)
}

/// Codes (n, `length`) of n sequences, each as [`encode`] has it.
///
/// # Errors
/// As [`encode`].
pub fn encode_windows<S: AsRef<[u8]>>(sequences: &[S], length: usize) -> Result<Array2<u8>> {
    let mut windows = Array2::from_elem((sequences.len(), length), NOTHING);
    for (sequence, mut window) in sequences.iter().zip(windows.rows_mut()) {
        encode(sequence.as_ref(), length)?.iter().zip(&mut window).for_each(|(&code, slot)| *slot = code);
    }
    Ok(windows)
}

/// Windows that follow one another in `codes` as an array (n, `length`), without a copy.
///
/// # Errors
/// `codes` is not a whole number of windows.
pub fn as_windows(codes: &[u8], length: usize) -> Result<ArrayView2<'_, u8>> {
    let windows = codes.len().checked_div(length).unwrap_or(0);
    ArrayView2::from_shape((windows, length), codes)
        .ok()
        .filter(|view| view.len() == codes.len())
        .ok_or_else(|| Error::mismatch(format!("{} codes are not windows of {length} bases", codes.len())))
}

/// The codes of windows (n, L), one window after the other; copied only where they are not contiguous.
pub(crate) fn flat(windows: ArrayView2<u8>) -> Cow<[u8]> {
    match windows.to_slice() {
        Some(codes) => Cow::Borrowed(codes),
        None => Cow::Owned(windows.iter().copied().collect()),
    }
}

/// One-hot form (n, 4, L) of codes (n, L), channels in the order A, C, G, T.
pub fn one_hot(windows: ArrayView2<u8>) -> Array3<f32> {
    let (count, length) = windows.dim();
    let mut out = Array3::zeros((count, 4, length));
    for (codes, mut row) in windows.rows().into_iter().zip(out.axis_iter_mut(Axis(0))) {
        // Rows of a new array are contiguous.
        if let Some(row) = row.as_slice_mut() {
            one_hot_into(&flat(codes.insert_axis(Axis(0))), row);
        }
    }
    out
}

/// Write the one-hot form of one window `codes` (L) into `out` (4, L). Every element is written.
///
/// # Panics
/// `out` is not four times as long as `codes`.
pub(crate) fn one_hot_into(codes: &[u8], out: &mut [f32]) {
    let length = codes.len();
    assert_eq!(out.len(), 4 * length, "one-hot buffer of the wrong size");
    out.fill(0.0);
    for (i, &code) in codes.iter().enumerate() {
        match code {
            0..=3 => out[code as usize * length + i] = 1.0,
            ANY => (0..4).for_each(|channel| out[channel * length + i] = 0.25),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};

    #[test]
    fn letters_ambiguity_and_padding() {
        assert_eq!(encode(b"ACGTacgtNRu", 13).unwrap(), [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 3, 5, 5]);
        assert!(encode(b"ACGT", 3).unwrap_err().to_string().contains("window of 3"));
        assert!(encode(b"AC-T", 8).unwrap_err().to_string().contains("'-' at base 3"));
    }

    #[test]
    fn one_hot_is_channel_major_and_overwrites() {
        let mut out = [9.0; 12];
        one_hot_into(&[2, ANY, NOTHING], &mut out);
        assert_eq!(out, [0.0, 0.25, 0.0, 0.0, 0.25, 0.0, 1.0, 0.25, 0.0, 0.0, 0.25, 0.0]);
    }

    #[test]
    fn windows_are_arrays() {
        let windows = encode_windows(&["ACG", "TN"], 3).unwrap();
        assert_eq!(windows, array![[0, 1, 2], [3, 4, 5]]);
        assert!(encode_windows(&["ACG", "TNAA"], 3).is_err());
        assert_eq!(as_windows(&[0, 1, 2, 3, 4, 5], 3).unwrap(), windows);
        assert_eq!(as_windows(&[], 3).unwrap().dim(), (0, 3));
        assert!(as_windows(&[0, 1, 2, 3], 3).is_err() && as_windows(&[0], 0).is_err());
        assert!(matches!(flat(windows.view()), Cow::Borrowed(codes) if codes == [0, 1, 2, 3, 4, 5]));
        assert_eq!(flat(windows.t())[..], [0, 3, 1, 4, 2, 5]);
        let hot = one_hot(windows.view());
        assert_eq!(hot.dim(), (2, 4, 3));
        assert_eq!(hot.slice(s![0, .., ..]), array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0f32; 3]]);
        assert_eq!(hot.slice(s![1, .., 1]), array![0.25, 0.25, 0.25, 0.25]);
        assert_eq!(one_hot(windows.t()).slice(s![0, 3, ..]), array![0.0, 1.0]);
    }
}
