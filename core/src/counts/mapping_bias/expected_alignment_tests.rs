use super::*;
use proptest::prelude::*;

fn window(reference: &str, edits: &[(u64, u64, &str)]) -> HaplotypeWindow {
    let edits: Vec<Edit> =
        edits.iter().map(|&(start, end, bases)| Edit { start, end, bases: bases.as_bytes() }).collect();
    HaplotypeWindow::new(0, reference.as_bytes(), &edits)
}

fn text(cigar: &[u32]) -> String {
    cigar.iter().map(|c| format!("{}{}", c >> 4, b"MIDNSHP=X"[(c & 15) as usize] as char)).collect()
}

fn loose() -> Scoring {
    Scoring { minimum: 1, ..Scoring::default() }
}

/// Position and CIGAR of one read.
fn align(window: &HaplotypeWindow, from: usize, length: usize) -> Option<(u64, String)> {
    let mut alignment = ExpectedAlignment::default();
    window.align(from, length, &loose(), &mut alignment).then(|| (alignment.position, text(&alignment.cigar)))
}

//                        0         1         2         3         4         5
//                        0123456789012345678901234567890123456789012345678901234567
const REFERENCE: &str = "GATTACAGCTTGCAACGTCCATGAGGTACCTTAGCGAATCTGACGGCTAAGTTCACGG";

#[test]
fn snvs_are_aligned_through_and_two_at_an_end_are_clipped() {
    let one = window(REFERENCE, &[(20, 21, "C")]);
    assert_eq!(align(&one, 10, 20), Some((10, "20M".into())));
    assert_eq!(align(&one, 1, 20), Some((1, "20M".into())), "one mismatch at the end costs less than a clip");
    let two = window(REFERENCE, &[(20, 21, "C"), (21, 22, "A")]);
    assert_eq!(align(&two, 2, 20), Some((2, "18M2S".into())));
    assert_eq!(align(&two, 20, 20), Some((22, "2S18M".into())));
    assert_eq!(align(&two, 2, 25), Some((2, "25M".into())));
}

#[test]
fn indels_are_aligned_in_the_middle_and_clipped_near_an_end() {
    let deletion = window(REFERENCE, &[(25, 30, "")]);
    assert_eq!(align(&deletion, 5, 40), Some((5, "20M5D20M".into())));
    assert_eq!(align(&deletion, 5, 25), Some((5, "20M5S".into())));
    assert_eq!(
        align(&deletion, 5, 23),
        Some((5, "23M".into())),
        "TTA aligned to GTA: one mismatch costs less than a clip"
    );
    let insertion = window(REFERENCE, &[(25, 25, "CCACA")]);
    assert_eq!(align(&insertion, 5, 45), Some((5, "20M5I20M".into())));
    assert_eq!(align(&insertion, 5, 23), Some((5, "20M3S".into())));
    assert_eq!(align(&insertion, 27, 23), Some((25, "3S20M".into())), "starts within the insertion");
    // Nothing but inserted bases.
    let mut alignment = ExpectedAlignment::default();
    let long = window(REFERENCE, &[(25, 25, &"TTGCATGTTTCCAAACCGTT".repeat(3))]);
    assert!(!long.align(30, 40, &Scoring::default(), &mut alignment));
}

#[test]
fn a_read_that_ends_within_a_repeat_hides_its_indel() {
    //                        0123456789
    let reference = "GATTACAGCAAAAAATGCACGTCCATGAGGTACC";
    let longer = window(reference, &[(9, 9, "A")]);
    assert_eq!(align(&longer, 0, 15), Some((0, "15M".into())), "ends within the run");
    assert_eq!(align(&longer, 0, 34), Some((0, "9M1I24M".into())));
    // The same insertion written at the end of the run.
    assert_eq!(align(&window(reference, &[(15, 15, "A")]), 0, 34), Some((0, "9M1I24M".into())));
    assert_eq!(align(&window(reference, &[(14, 15, "")]), 0, 33), Some((0, "9M1D24M".into())));
}

#[test]
fn a_complex_substitution_has_one_gap() {
    let s = window(REFERENCE, &[(20, 24, "CT")]);
    // ATGA becomes CT: T is aligned to T.
    assert_eq!(align(&s, 0, 50), Some((0, "22M2D28M".into())));
    assert_eq!((s.edit(0), s.at(20), s.at(24), s.at(30)), ((20, 22), 20, 22, 28));
}

#[test]
fn positions_count_from_the_start_of_the_window() {
    let s = HaplotypeWindow::new(1000, REFERENCE.as_bytes(), &[Edit { start: 1025, end: 1030, bases: b"" }]);
    assert_eq!(align(&s, 5, 40), Some((1005, "20M5D20M".into())));
    assert_eq!((s.at(1025), s.at(1030), s.at(1031), s.at(1024)), (25, 25, 26, 24));
}

#[test]
fn reads_with_low_scores_or_many_differences_are_unaligned() {
    let far = window(REFERENCE, &[(10, 11, "A"), (20, 21, "C"), (30, 31, "C")]);
    let mut alignment = ExpectedAlignment::default();
    assert!(far.align(0, 50, &Scoring::default(), &mut alignment));
    assert_eq!((alignment.score, alignment.differences), (50 - 15, 3));
    assert!(!far.align(0, 40, &Scoring::default(), &mut alignment), "scores 25");
    assert!(!far.align(0, 50, &Scoring { differences: Some(2), ..Scoring::default() }, &mut alignment));
}

/// Best score of the whole read by dynamic programming (Gotoh), with the same scores for unclipped ends.
fn best_score(read: &[u8], reference: &[u8], s: &Scoring) -> i32 {
    let (n, m) = (read.len(), reference.len());
    let low = i32::MIN / 2;
    let mut h = vec![vec![low; m + 1]; n + 1];
    let (mut e, mut f) = (h.clone(), h.clone());
    let mut best = 0;
    for i in 1..=n {
        for j in 1..=m {
            let score = if read[i - 1] == reference[j - 1] { s.matching } else { -s.mismatch };
            let begin = if i == 1 { s.clip } else { 0 };
            e[i][j] = (e[i][j - 1] - s.gap_extend).max(h[i][j - 1] - s.gap_open - s.gap_extend);
            f[i][j] = (f[i - 1][j] - s.gap_extend).max(h[i - 1][j] - s.gap_open - s.gap_extend);
            let before = h[i - 1][j - 1].max(begin);
            h[i][j] = (before + score).max(e[i][j]).max(f[i][j]);
            best = best.max(h[i][j] + if i == n { s.clip } else { 0 });
        }
    }
    best
}

/// Score of a CIGAR, with the scores for unclipped ends.
fn score_of(read: &[u8], reference: &[u8], alignment: &ExpectedAlignment, s: &Scoring) -> i32 {
    let (mut i, mut j, mut score) = (0, alignment.position as usize, 0);
    let clipped = |c: Option<&u32>| c.is_some_and(|c| c & 15 == 4);
    score += s.clip * (!clipped(alignment.cigar.first()) as i32 + !clipped(alignment.cigar.last()) as i32);
    for c in &alignment.cigar {
        let n = (c >> 4) as usize;
        match c & 15 {
            0 => {
                for k in 0..n {
                    score += if read[i + k] == reference[j + k] { s.matching } else { -s.mismatch };
                }
                i += n;
                j += n;
            }
            1 => {
                score -= s.gap_open + s.gap_extend * n as i32;
                i += n;
            }
            2 => {
                score -= s.gap_open + s.gap_extend * n as i32;
                j += n;
            }
            _ => i += n,
        }
    }
    assert_eq!(i, read.len());
    score
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn scores_are_those_of_the_cigar_and_at_most_the_best(
        letters in prop::collection::vec(0usize..4, 120),
        cuts in prop::collection::vec((0usize..12, 0usize..4, prop::collection::vec(0usize..4, 0..5)), 0..4),
        length in 20usize..50,
        few in 2usize..5,
    ) {
        // Few letters make repeats.
        let reference: Vec<u8> = letters.iter().map(|i| b"ACGT"[i % few]).collect();
        let mut texts = Vec::new();
        let mut at = 30;
        for (skip, old, new) in &cuts {
            at += skip + 1;
            texts.push((at, at + old, new.iter().map(|i| b"ACGT"[*i]).collect::<Vec<u8>>()));
            at += old;
        }
        texts.retain(|t| reference[t.0..t.1] != t.2[..]);
        let edits: Vec<Edit> = texts.iter().map(|t| Edit { start: t.0 as u64, end: t.1 as u64, bases: &t.2 }).collect();
        let window = HaplotypeWindow::new(0, &reference, &edits);
        // The sequence, by hand.
        let mut expected = reference.clone();
        for t in texts.iter().rev() {
            expected.splice(t.0..t.1, t.2.iter().copied());
        }
        prop_assert_eq!(window.sequence(), &expected[..]);
        let scoring = loose();
        let mut alignment = ExpectedAlignment::default();
        for from in 0..=expected.len() - length {
            if !window.align(from, length, &scoring, &mut alignment) {
                continue;
            }
            let read = &expected[from..from + length];
            let ends = [alignment.cigar.first(), alignment.cigar.last()].iter().filter(|c| c.is_some_and(|c| c & 15 != 4)).count();
            let total = alignment.score + ends as i32 * scoring.clip;
            prop_assert_eq!(score_of(read, &reference, &alignment, &scoring), total);
            let best = best_score(read, &reference, &scoring);
            prop_assert!(total <= best, "{} over {}", total, best);
            if edits.is_empty() {
                prop_assert_eq!(&alignment, &ExpectedAlignment { position: from as u64, cigar: vec![(length as u32) << 4], score: length as i32, differences: 0 });
            }
        }
    }
}

#[test]
fn almost_all_alignments_have_the_best_score() {
    let mut seed = 7u64;
    let mut random = |n: u64| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let (mut equal, mut all) = (0, 0);
    let scoring = loose();
    let mut alignment = ExpectedAlignment::default();
    for round in 0..60 {
        let reference: Vec<u8> = (0..120).map(|_| b"ACGT"[random(4) as usize]).collect();
        let size = 1 + random(6) as usize;
        let new: Vec<u8> = (0..size).map(|_| b"ACGT"[random(4) as usize]).collect();
        let edit = match round % 3 {
            0 => Edit { start: 60, end: 60 + size as u64, bases: b"" },
            1 => Edit { start: 60, end: 60, bases: &new },
            _ => Edit { start: 60, end: 61, bases: if reference[60] == b'A' { b"C" } else { b"A" } },
        };
        let window = HaplotypeWindow::new(0, &reference, &[edit]);
        for from in 30..60 {
            let read = &window.sequence()[from..from + 40];
            assert!(window.align(from, 40, &scoring, &mut alignment));
            let ends = [alignment.cigar.first(), alignment.cigar.last()]
                .iter()
                .filter(|c| c.is_some_and(|c| c & 15 != 4))
                .count();
            all += 1;
            equal += (alignment.score + ends as i32 * scoring.clip == best_score(read, &reference, &scoring)) as usize;
        }
    }
    assert_eq!(all, 1800);
    assert!(equal >= 1780, "{equal} of {all}");
}
