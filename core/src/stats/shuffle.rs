//! Sequences shuffled with their dinucleotides kept.

use rand::seq::SliceRandom;
use rand::Rng;

/// A random sequence with exactly the dinucleotides of `sequence`, and so with the same letters and the same first and
/// last one: each such sequence is equally likely (Altschul and Erikson 1985). With the same state of `random` the same.
///
/// A sequence is a walk that uses each dinucleotide once. The last step out of each letter is drawn so that these steps
/// lead to the last letter (a uniform spanning tree, by loop-erased random walks: Wilson 1996), and the other steps come
/// before it in random order.
pub fn shuffle_dinucleotides(sequence: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let Some((&first, &last)) = sequence.first().zip(sequence.last()) else { return Vec::new() };
    let mut steps: Vec<Vec<u8>> = vec![Vec::new(); 256];
    for pair in sequence.windows(2) {
        steps[usize::from(pair[0])].push(pair[1]);
    }
    let mut in_tree = [false; 256];
    in_tree[usize::from(last)] = true;
    // Number of the last step out of each letter among its steps.
    let mut last_step = [0; 256];
    for start in 0..256 {
        if steps[start].is_empty() {
            continue;
        }
        let mut letter = start;
        while !in_tree[letter] {
            last_step[letter] = random.random_range(0..steps[letter].len());
            letter = usize::from(steps[letter][last_step[letter]]);
        }
        letter = start;
        while !in_tree[letter] {
            in_tree[letter] = true;
            letter = usize::from(steps[letter][last_step[letter]]);
        }
    }
    for (letter, steps) in steps.iter_mut().enumerate() {
        // All steps out of the last letter are free: the walk ends when they are used up.
        let kept = if letter == usize::from(last) || steps.is_empty() { None } else { Some(last_step[letter]) };
        if let Some(kept) = kept {
            let end = steps.len() - 1;
            steps.swap(kept, end);
        }
        let free = steps.len() - usize::from(kept.is_some());
        steps[..free].shuffle(random);
    }
    let mut used = [0; 256];
    let mut shuffled = Vec::with_capacity(sequence.len());
    let mut letter = first;
    shuffled.push(letter);
    for _ in 1..sequence.len() {
        let at = usize::from(letter);
        letter = steps[at][used[at]];
        used[at] += 1;
        shuffled.push(letter);
    }
    shuffled
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn dinucleotides(sequence: &[u8]) -> BTreeMap<Vec<u8>, usize> {
        let mut counts = BTreeMap::new();
        for pair in sequence.windows(2) {
            *counts.entry(pair.to_vec()).or_default() += 1;
        }
        counts
    }

    /// Every arrangement of the letters with the same dinucleotides.
    fn all(sequence: &[u8]) -> BTreeSet<Vec<u8>> {
        fn extend(walk: &mut Vec<u8>, left: &mut BTreeMap<Vec<u8>, usize>, found: &mut BTreeSet<Vec<u8>>) {
            if left.values().all(|&n| n == 0) {
                found.insert(walk.clone());
                return;
            }
            for pair in left.keys().cloned().collect::<Vec<_>>() {
                if Some(&pair[0]) == walk.last() && left[&pair] > 0 {
                    *left.get_mut(&pair).unwrap() -= 1;
                    walk.push(pair[1]);
                    extend(walk, left, found);
                    walk.pop();
                    *left.get_mut(&pair).unwrap() += 1;
                }
            }
        }
        let mut found = BTreeSet::new();
        extend(&mut vec![sequence[0]], &mut dinucleotides(sequence), &mut found);
        found
    }

    #[test]
    fn every_sequence_is_equally_likely() {
        for sequence in ["ACATAGA", "AACAAGAAC", "ACGTACGGTA", "AAAACCA", "CACACAGAGTC", "ATTA"] {
            let sequence = sequence.as_bytes();
            let possible = all(sequence);
            let mut random = ChaCha8Rng::seed_from_u64(3);
            let mut seen: BTreeMap<Vec<u8>, f64> = BTreeMap::new();
            let draws = 1000 * possible.len();
            for _ in 0..draws {
                *seen.entry(shuffle_dinucleotides(sequence, &mut random)).or_default() += 1.0;
            }
            assert_eq!(seen.keys().cloned().collect::<BTreeSet<_>>(), possible);
            // Chi-square, whose mean is the degrees of freedom and whose variance twice that.
            let statistic: f64 = seen.values().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
            let freedom = possible.len() as f64 - 1.0;
            assert!(statistic <= freedom + 5.0 * (2.0 * freedom).sqrt(), "{statistic} with {freedom}");
        }
    }

    #[test]
    fn short_and_uniform_sequences_stay() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for sequence in [&b""[..], b"A", b"AC", b"AAAAAAAA", b"ACGT"] {
            assert_eq!(shuffle_dinucleotides(sequence, &mut random), sequence);
        }
    }

    #[test]
    fn a_long_sequence_of_two_kinds_is_shuffled_in_time() {
        // A step out of each half is rare: trees drawn by rejection would never be found.
        let mut sequence = [vec![b'A'; 5000], vec![b'C'; 5000], vec![b'G'; 5000]].concat();
        sequence.extend(b"CATG".repeat(3));
        let shuffled = shuffle_dinucleotides(&sequence, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(dinucleotides(&shuffled), dinucleotides(&sequence));
        assert_ne!(shuffled, sequence);
    }

    proptest! {
        #[test]
        fn dinucleotides_and_ends_are_kept(sequence in "[ACGTN]{1,300}", seed in 0u64..1000) {
            let draw = || shuffle_dinucleotides(sequence.as_bytes(), &mut ChaCha8Rng::seed_from_u64(seed));
            let shuffled = draw();
            prop_assert_eq!(&shuffled, &draw());
            prop_assert_eq!(dinucleotides(&shuffled), dinucleotides(sequence.as_bytes()));
            prop_assert_eq!(shuffled.first(), sequence.as_bytes().first());
            prop_assert_eq!(shuffled.last(), sequence.as_bytes().last());
        }
    }
}
