//! Windows that overlap: the end of one is the start of the next.

/// Several windows of one length, and the sequence in which they all lie.
#[derive(Debug, PartialEq)]
pub struct Stretch {
    /// Codes from the start of the first window to the end of the last.
    pub codes: Vec<u8>,
    /// Number of each window, and where in the stretch it begins.
    pub windows: Vec<(usize, usize)>,
}

/// Windows that go on where the one before them is, as stretches of at most `longest` codes, and the numbers of all
/// others. A window costs `ends` positions more in a stretch than what it makes that longer: those overlap that
/// save a tenth.
pub fn stretches(windows: &[&[u8]], ends: usize, longest: usize) -> (Vec<usize>, Vec<Stretch>) {
    let (mut alone, mut found): (Vec<usize>, Vec<Stretch>) = (Vec::new(), Vec::new());
    let mut settle = |stretch: Stretch, alone: &mut Vec<usize>| match &stretch.windows[..] {
        [(only, _)] => alone.push(*only),
        _ => found.push(stretch),
    };
    let mut open: Option<Stretch> = None;
    for (number, window) in windows.iter().enumerate() {
        let length = window.len();
        let further = match &open {
            Some(stretch) => {
                let most = (length * 9 / 10).saturating_sub(ends).min(longest.saturating_sub(stretch.codes.len()));
                shift(&stretch.codes[stretch.codes.len() - length..], window, most)
            }
            None => None,
        };
        match (&mut open, further) {
            (Some(stretch), Some(further)) => {
                stretch.codes.extend(&window[length - further..]);
                stretch.windows.push((number, stretch.codes.len() - length));
            }
            _ => {
                if let Some(stretch) = open.take() {
                    settle(stretch, &mut alone);
                }
                open = Some(Stretch { codes: window.to_vec(), windows: vec![(number, 0)] });
            }
        }
    }
    if let Some(stretch) = open {
        settle(stretch, &mut alone);
    }
    (alone, found)
}

/// By how many places, at most so many, `next` lies further on than `window`.
fn shift(window: &[u8], next: &[u8], most: usize) -> Option<usize> {
    // Repeats look alike for long: what is compared is bounded.
    let mut patience = 16 * window.len();
    for further in 1..=most {
        let rest = window.len() - further;
        let alike = window[further..].iter().zip(&next[..rest]).take_while(|(a, b)| a == b).count();
        if alike == rest {
            return Some(further);
        }
        patience = patience.checked_sub(alike + 1)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_go_on_are_one_stretch() {
        let sequence = b"ACGTTGCAAGCTTAGCCATGACCGTATGGATTACAGGCATCC";
        let window = |at: usize| &sequence[at..at + 20];
        let windows = [window(0), window(3), window(4), b"GGGGGGGGGGGGGGGGGGGG", window(20), window(22), window(1)];
        let (alone, found) = stretches(&windows, 4, 1000);
        assert_eq!(alone, [3, 6]);
        let stretch =
            |codes: &[u8], windows: &[(usize, usize)]| Stretch { codes: codes.into(), windows: windows.into() };
        assert_eq!(
            found,
            [stretch(&sequence[..24], &[(0, 0), (1, 3), (2, 4)]), stretch(&sequence[20..42], &[(4, 0), (5, 2)]),]
        );
        // No longer than memory allows, and not for a few places in common.
        assert_eq!(stretches(&windows, 4, 23).1[0].windows, [(0, 0), (1, 3)]);
        assert_eq!(stretches(&windows[..2], 16, 1000), (vec![0, 1], vec![]));
        assert_eq!(shift(&[4; 20], &[4; 20], 9), Some(1));
        // Long repeats that never fit are given up.
        let (mut a, b) = (vec![4u8; 5000], vec![4u8; 5000]);
        a[4999] = 0;
        assert_eq!(shift(&a, &b, 4000), None);
    }
}
