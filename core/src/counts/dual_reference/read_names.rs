//! Keys for read names: 128 bits instead of the text.

use std::hash::{BuildHasherDefault, Hasher};

/// 128 bits of a name. Among a billion names, two share their key with a probability of 1 in 10^20.
pub(super) fn key(name: &[u8]) -> u128 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    // Digits of the golden ratio, e and pi.
    let (mut one, mut two) = (0x9e37_79b9_7f4a_7c15, 0xb7e1_5162_8aed_2a6b);
    for chunk in name.chunks(8) {
        let mut eight = [0; 8];
        eight[..chunk.len()].copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        one = fold(one ^ word, 0x2432_f6a8_885a_308d) ^ one.rotate_left(23);
        two = fold(two ^ word.rotate_left(32), 0xd131_98a2_e037_0735) ^ two.rotate_left(41);
    }
    let length = name.len() as u64;
    (u128::from(fold(one ^ length, 0xe7a9_8a2e_0370_7345)) << 64)
        | u128::from(fold(two ^ length, 0xc4ce_b9fe_1a85_ec53))
}

/// Builds [`KeyHasher`]s for a map by [`key`].
pub(super) type KeyHash = BuildHasherDefault<KeyHasher>;

/// Hashes a key to its lower half: its bits are evenly distributed already.
#[derive(Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for (i, &b) in bytes.iter().enumerate().take(8) {
            self.0 ^= u64::from(b) << (8 * i);
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_have_different_keys() {
        let mut keys: Vec<u128> = (0..200_000u32).map(|i| key(format!("read:{i}").as_bytes())).collect();
        keys.extend([key(b""), key(b"a"), key(b"a\0"), key(b"aaaaaaaa"), key(b"aaaaaaaaa")]);
        // Of the lower half, which is the hash, and of the whole.
        let mut low: Vec<u64> = keys.iter().map(|k| *k as u64).collect();
        low.sort();
        low.dedup();
        keys.sort();
        keys.dedup();
        assert_eq!((keys.len(), low.len()), (200_005, 200_005));
    }
}
