//! JASPAR's text format: counts of bases in aligned sites.
//!
//! ```text
//! >MA0139.1 CTCF
//! A  [    87    167    281 ]
//! C  [   291    145     49 ]
//! G  [    76    414    449 ]
//! T  [   459    187    134 ]
//! ```
//!
//! The brackets may be absent. The probabilities of a motif are the shares of its counts;
//! [`Motif::with_pseudocount`] adds pseudocounts.

use ndarray::Array2;

use crate::error::Result;
use crate::motifs::motif::{why_not_a_length, why_not_counts, Motif};
use crate::motifs::motif_file::{number, Lines};

/// The motifs of a JASPAR file.
pub(crate) fn read(lines: &mut Lines) -> Result<Vec<Motif>> {
    let mut motifs = Vec::new();
    while let Some(line) = lines.next()? {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let Some(header) = line.strip_prefix('>') else {
            return Err(lines.wrong("is not the header of a motif, which begins with \">\""));
        };
        let mut words = header.split_ascii_whitespace();
        let name = words.next().ok_or_else(|| lines.wrong("a motif without a name"))?;
        let motif = read_counts(name, lines)?;
        motifs.push(match words.next() {
            Some(alt_name) => motif.with_alt_name(alt_name),
            None => motif,
        });
    }
    Ok(motifs)
}

/// The four lines of counts of the motif `name`.
fn read_counts(name: &str, lines: &mut Lines) -> Result<Motif> {
    let first = lines.number;
    let shown = name.escape_debug();
    let mut counts = Array2::zeros((0, 4));
    for (letter, base) in ["A", "C", "G", "T"].iter().enumerate() {
        let line = lines.next()?.unwrap_or_default();
        let Some(rest) = line.trim().strip_prefix(base) else {
            return Err(
                lines.wrong(format!("is not the line of {base} of motif \"{shown}\", such as \"{base} [ 1 2 3 ]\""))
            );
        };
        let rest = rest.trim();
        let inner = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(rest);
        let values: Option<Vec<f64>> = inner.split_ascii_whitespace().map(number).collect();
        let values =
            values.ok_or_else(|| lines.wrong(format!("motif \"{shown}\" has a count that is not a number")))?;
        if letter == 0 {
            if let Some(problem) = why_not_a_length(values.len()) {
                return Err(lines.wrong(format!("motif \"{shown}\" {problem}")));
            }
            counts = Array2::zeros((values.len(), 4));
        }
        if values.len() != counts.nrows() {
            let problem =
                format!("motif \"{shown}\" has {} counts of {base}, but {} of A", values.len(), counts.nrows());
            return Err(lines.wrong(problem));
        }
        counts.column_mut(letter).assign(&ndarray::aview1(&values));
    }
    for (i, row) in counts.rows().into_iter().enumerate() {
        if let Some(problem) = why_not_counts(row) {
            return Err(lines.wrong_at(first, format!("motif \"{shown}\" has a bad column {}: {problem}", i + 1)));
        }
    }
    Motif::from_counts(name, counts).map_err(|e| lines.wrong_at(first, e.problem()))
}

#[cfg(test)]
mod tests {
    use crate::motifs::motif_file::tests::read;
    use ndarray::array;

    #[test]
    fn counts_are_kept() {
        let text = ">MA1.1\tCTCF\nA  [ 1 2 ]\nC [0 2]\nG [ 0 2.5]\nT [ 3 1.5 ]\n\n\n>b\nA 1\nC 0\nG 0\nT 0";
        let motifs = read(text).unwrap();
        assert_eq!((motifs[0].name(), motifs[0].alt_name(), motifs[0].sites()), ("MA1.1", Some("CTCF"), Some(6.0)));
        assert_eq!(motifs[0].counts().unwrap(), array![[1.0, 0.0, 0.0, 3.0], [2.0, 2.0, 2.5, 1.5]]);
        assert_eq!(motifs[0].probabilities()[[0, 3]], 0.75);
        assert_eq!((motifs[1].name(), motifs[1].alt_name(), motifs.len()), ("b", None, 2));
    }

    #[test]
    fn wrong_files_are_named_with_their_line() {
        for (text, part) in [
            (">\nA [ 1 ]\n", "line 1: a motif without a name"),
            (">x\nA [ 1 ]\nC [ 1 ]\nG [ 1 ]\n", "line 5: is not the line of T of motif \"x\""),
            (">x\nA [ 1 ]\nG [ 1 ]\n", "line 3: is not the line of C"),
            (">x\nA [ 1 ]\nC [ 1 2 ]\n", "line 3: motif \"x\" has 2 counts of C, but 1 of A"),
            (">x\nA [ 1 ]\nC [ y ]\n", "line 3: motif \"x\" has a count that is not a number"),
            (">x\nA [ ]\n", "line 2: motif \"x\" has no columns"),
            (
                ">x\nA [ 1 0 ]\nC [ 1 0 ]\nG [ 1 0 ]\nT [ 1 0 ]\n",
                "line 1: motif \"x\" has a bad column 2: all counts are 0",
            ),
            (">x\nA [ 1 ]\nC [ 1 ]\nG [ 1 ]\nT [ -1 ]\n", "line 1: motif \"x\" has a bad column 1: a value is not"),
            (">x\nA 1\nC 1\nG 1\nT 1\n0.2 0.3\n", "line 6: is not the header of a motif"),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}
