//! Bases to byte codes, and codes to the one-hot rows the network reads.

use crate::error::{Error, Result};

/// Code of N and of the other IUPAC letters of doubt: 0.25 in each of the four channels.
pub const ANY: u8 = 4;
/// Code of "no base here" (right padding): zero in all four channels.
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

/// Code of the complementary base; codes that are no base stay.
pub fn complement(code: u8) -> u8 {
    match code {
        0..=3 => 3 - code,
        _ => code,
    }
}

/// Codes of a sequence, left-aligned in `length` places and padded with [`NOTHING`].
///
/// # Errors
/// The sequence is longer than `length`, or holds a byte that is no IUPAC letter (named with its 1-based place).
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
            Error::mismatch(format!("'{}' at base {} is no nucleotide letter", letter.escape_ascii(), i + 1))
        })?;
    }
    Ok(codes)
}

/// Write the one-hot form of `codes` (L of them) into `out`: 4·L numbers, channel by channel in the order
/// A, C, G, T. Every element is written. Codes above [`ANY`] give zeros.
///
/// # Panics
/// When `out` is not four times as long as `codes`.
pub fn one_hot_into(codes: &[u8], out: &mut [f32]) {
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

    #[test]
    fn letters_doubt_and_padding() {
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
}
