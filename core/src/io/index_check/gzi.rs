//! `.gzi`: the blocks of a BGZF file, each by its offset in the file and in the decompressed text.

/// A BGZF block has at most this many bytes, compressed or not.
const BLOCK: u64 = 1 << 16;

/// Check a `.gzi`: as many entries as it says, in order, no block larger than BGZF allows. An entry after the end of the
/// file is found when it is read.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let number = |i: usize| {
        let eight = bytes.get(8 * i..8 * i + 8)?;
        Some(u64::from_le_bytes(eight.try_into().ok()?))
    };
    let Some(count) = number(0) else { return Err("it has less than eight bytes".into()) };
    let (entries, rest) = ((bytes.len() - 8) as u64 / 16, (bytes.len() - 8) % 16);
    if count != entries || rest != 0 {
        return Err(format!("it has {} bytes, not those of the {count} blocks that it announces", bytes.len()));
    }
    let mut last = (0, 0);
    for i in 0..entries as usize {
        let (Some(packed), Some(plain)) = (number(1 + 2 * i), number(2 + 2 * i)) else { break };
        // A block may be empty where files were concatenated.
        let fits = packed > last.0 && packed - last.0 <= BLOCK && plain >= last.1 && plain - last.1 <= BLOCK;
        if !fits {
            return Err(format!("block {} does not follow the one before it", i + 2));
        }
        last = (packed, plain);
    }
    Ok(())
}
