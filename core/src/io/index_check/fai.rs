//! `.fai`: the sequences of a FASTA, by name, length, offset, and the bases and bytes of their lines.

/// The longest line, in bytes: htslib reads CRAM references with a buffer of 8 kB.
const LONGEST: usize = 8000;
/// The longest sequence, in bases, that positions can be computed for without overflow.
const LONGEST_SEQUENCE: u64 = 1 << 40;

/// Check a `.fai`. An offset after the end of the file is found when it is read.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let wrong = |problem: &str| Err(format!("line {}: {problem}", i + 1));
        if line.is_empty() {
            continue;
        }
        if line.len() > LONGEST {
            return wrong("is longer than 8000 bytes");
        }
        if line.contains(&0) {
            return wrong("has a zero byte");
        }
        if line[0].is_ascii_whitespace() {
            return wrong("does not begin with the name of a sequence");
        }
        let mut columns = line.split(u8::is_ascii_whitespace).filter(|column| !column.is_empty()).skip(1);
        let mut number = || std::str::from_utf8(columns.next()?).ok()?.parse::<u64>().ok();
        let numbers = (number(), number(), number(), number());
        let (Some(length), Some(offset), Some(bases), Some(width)) = numbers else {
            return wrong("has no length, offset, bases per line and bytes per line after the name");
        };
        let fits = length <= LONGEST_SEQUENCE
            && offset <= i64::MAX as u64 / 2
            && bases <= i32::MAX as u64
            && width <= i32::MAX as u64
            && bases <= width
            && (bases > 0 || length == 0);
        if !fits {
            return wrong("has numbers that no sequence has");
        }
        // How often line ends would have to be counted.
        if bases > 0 && (length / bases).checked_mul(width).and_then(|n| n.checked_add(offset)).is_none() {
            return wrong("has numbers that no sequence has");
        }
    }
    Ok(())
}
