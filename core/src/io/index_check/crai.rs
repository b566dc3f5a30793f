//! `.crai`: the slices of a CRAM, one line for each contig that a slice has reads of.

use std::collections::HashSet;

/// How deeply intervals of slices may contain each other: htslib handles each level by a call of itself. Slices of the
/// same few amplicons do.
const DEEPEST: usize = 10_000;

/// Check a `.crai` (decompressed) of a CRAM with `contigs` contigs and `size` bytes.
pub(super) fn check(bytes: &[u8], contigs: usize, size: u64) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_string())?;
    let mut done = HashSet::new();
    let mut contig = None;
    // The intervals, 1-based inclusive, that contain each other, as htslib nests them.
    let mut around: Vec<(i64, i64)> = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let wrong = |problem: &str| Err(format!("line {}: {problem}", i + 1));
        let mut numbers = [0i64; 6];
        let mut columns = line.split('\t');
        for number in &mut numbers {
            match columns.next().and_then(|column| column.parse().ok()) {
                Some(value) => *number = value,
                None => return wrong("does not have six whole numbers"),
            }
        }
        let [reference, start, span, container, slice, length] = numbers;
        let end = start.saturating_add(span).saturating_sub(1);
        let positions = i64::from(i32::MIN) + 1..i64::from(i32::MAX);
        if reference < -1 || reference >= contigs as i64 {
            return wrong("is of a contig that the file does not have");
        }
        if start < -1 || span < 0 || !positions.contains(&span) || !positions.contains(&end) {
            return wrong("has positions that no contig has");
        }
        let last = container.checked_add(slice).and_then(|at| at.checked_add(length));
        let inside = container > 0 && slice >= 0 && length >= 0 && slice <= i64::from(i32::MAX);
        if !inside || last.is_none_or(|last| last as u64 > size) {
            return wrong("points past the end of the file");
        }
        if contig != Some(reference) {
            // htslib would forget the slices that it had of it.
            if !done.insert(reference) {
                return wrong("is of a contig that other contigs have followed already");
            }
            contig = Some(reference);
            around.clear();
        }
        // Without positions (unplaced reads) they follow each other.
        while around.last().is_some_and(|&(from, to)| start < from || end > to || (reference == -1 && from == 0)) {
            around.pop();
        }
        around.push((start, end));
        if around.len() > DEEPEST {
            return wrong("has too many intervals around its own");
        }
    }
    Ok(())
}
