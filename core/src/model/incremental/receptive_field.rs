//! Where two windows differ, and which positions of each layer that reaches.

use std::ops::Range;

/// Positions that differ, as sorted ranges that do not touch. Those closer to each other than `reach` are joined, as
/// the first layer would do.
pub fn differences(one: &[u8], two: &[u8], reach: usize) -> Vec<Range<usize>> {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (i, _) in one.iter().zip(two).enumerate().filter(|(_, (a, b))| a != b) {
        match spans.last_mut() {
            Some(last) if i < last.end + reach => last.end = i + 1,
            _ => spans.push(i..i + 1),
        }
    }
    spans
}

/// Outputs of a convolution that read any of `spans`: a kernel that reaches `left` places to the left and `right` to
/// the right makes each span longer by `right` at its start and by `left` at its end, within `length`.
pub fn reached(spans: &[Range<usize>], left: usize, right: usize, length: usize) -> Vec<Range<usize>> {
    joined(spans.iter().map(|s| s.start.saturating_sub(right)..(s.end + left).min(length)))
}

/// Windows of a pool that hold any of `spans`.
pub fn pooled(spans: &[Range<usize>], size: usize) -> Vec<Range<usize>> {
    joined(spans.iter().map(|s| s.start / size..s.end.div_ceil(size)))
}

/// Ranges sorted by their start, those that touch or overlap as one.
fn joined(spans: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match out.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice::from_ref;

    #[test]
    fn spans_grow_and_join() {
        assert_eq!(differences(b"AAAAAAAAAA", b"AACAAACCAA", 1), [2..3, 6..8]);
        assert_eq!(differences(b"AAAAAAAAAA", b"AACAAACCAA", 4), from_ref(&(2..8)));
        assert!(differences(b"ACGT", b"ACGT", 3).is_empty());
        // An even kernel of ten reads four places to the left and five to the right.
        assert_eq!(reached(&[20..21, 40..41], 4, 5, 100), [15..25, 35..45]);
        assert_eq!(reached(&[2..3, 8..9], 4, 5, 11), from_ref(&(0..11)));
        assert_eq!(pooled(&[3..4, 7..9, 30..31], 4), [0..3, 7..8]);
    }
}
