//! Windows that overlap, merged: the end of one is the start of the next.

/// Several windows of one length, and the sequence that they cover together.
#[derive(Debug, PartialEq)]
pub struct Merged {
    /// Codes from the start of the first window to the end of the last.
    pub codes: Vec<u8>,
    /// Number of each window, and its offset in the sequence.
    pub windows: Vec<(usize, usize)>,
}

/// Consecutive windows that overlap, merged to sequences of at most `longest` codes, and the numbers of all others. In
/// a merged sequence a window costs `ends` positions more than the sequence becomes longer: windows are merged if that
/// saves at least a tenth.
pub fn merge_overlapping(windows: &[&[u8]], ends: usize, longest: usize) -> (Vec<usize>, Vec<Merged>) {
    let (mut single, mut found): (Vec<usize>, Vec<Merged>) = (Vec::new(), Vec::new());
    let mut close = |merged: Merged, single: &mut Vec<usize>| match &merged.windows[..] {
        [(only, _)] => single.push(*only),
        _ => found.push(merged),
    };
    let mut open: Option<Merged> = None;
    for (number, window) in windows.iter().enumerate() {
        let length = window.len();
        let offset = match &open {
            Some(merged) => {
                let most = (length * 9 / 10).saturating_sub(ends).min(longest.saturating_sub(merged.codes.len()));
                offset(&merged.codes[merged.codes.len() - length..], window, most)
            }
            None => None,
        };
        match (&mut open, offset) {
            (Some(merged), Some(offset)) => {
                merged.codes.extend(&window[length - offset..]);
                merged.windows.push((number, merged.codes.len() - length));
            }
            _ => {
                if let Some(merged) = open.take() {
                    close(merged, &mut single);
                }
                open = Some(Merged { codes: window.to_vec(), windows: vec![(number, 0)] });
            }
        }
    }
    if let Some(merged) = open {
        close(merged, &mut single);
    }
    (single, found)
}

/// The offset of `next` from `window`, at least 1 and at most `most`.
fn offset(window: &[u8], next: &[u8], most: usize) -> Option<usize> {
    // In repeats many offsets nearly fit: the number of comparisons is limited.
    let mut patience = 16 * window.len();
    for offset in 1..=most {
        let rest = window.len() - offset;
        let equal = window[offset..].iter().zip(&next[..rest]).take_while(|(a, b)| a == b).count();
        if equal == rest {
            return Some(offset);
        }
        patience = patience.checked_sub(equal + 1)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_windows_are_merged() {
        let sequence = b"ACGTTGCAAGCTTAGCCATGACCGTATGGATTACAGGCATCC";
        let window = |at: usize| &sequence[at..at + 20];
        let windows = [window(0), window(3), window(4), b"GGGGGGGGGGGGGGGGGGGG", window(20), window(22), window(1)];
        let (single, found) = merge_overlapping(&windows, 4, 1000);
        assert_eq!(single, [3, 6]);
        let merged = |codes: &[u8], windows: &[(usize, usize)]| Merged { codes: codes.into(), windows: windows.into() };
        assert_eq!(
            found,
            [merged(&sequence[..24], &[(0, 0), (1, 3), (2, 4)]), merged(&sequence[20..42], &[(4, 0), (5, 2)]),]
        );
        // Not longer than memory allows, and not for a short overlap.
        assert_eq!(merge_overlapping(&windows, 4, 23).1[0].windows, [(0, 0), (1, 3)]);
        assert_eq!(merge_overlapping(&windows[..2], 16, 1000), (vec![0, 1], vec![]));
        assert_eq!(offset(&[4; 20], &[4; 20], 9), Some(1));
        // The search in long repeats that never fit ends early.
        let (mut a, b) = (vec![4u8; 5000], vec![4u8; 5000]);
        a[4999] = 0;
        assert_eq!(offset(&a, &b, 4000), None);
    }
}
