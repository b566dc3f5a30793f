//! A motif: a position probability matrix with its names.

use std::collections::HashSet;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::error::{Error, Result};

/// The longest motif, in columns. The rarest sequence of such a length still has a p-value that float64 can hold.
pub const LONGEST_MOTIF: usize = 500;

/// How far the probabilities of a column may be from a sum of 1; files have rounded ones.
pub const SUM_TOLERANCE: f64 = 0.01;

/// A motif of L columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Motif {
    name: String,
    alt_name: Option<String>,
    probabilities: Array2<f64>,
    sites: Option<f64>,
    counts: Option<Array2<f64>>,
}

/// Why `row` of four values is not a column of probabilities.
pub(crate) fn why_not_probabilities(row: ArrayView1<f64>) -> Option<String> {
    if row.iter().any(|p| !p.is_finite() || *p < 0.0) {
        return Some("has a value that is not a probability".into());
    }
    let sum = row.sum();
    ((sum - 1.0).abs() > SUM_TOLERANCE).then(|| format!("has probabilities whose sum is {sum:.4} instead of 1"))
}

impl Motif {
    /// A motif of `probabilities` (L, 4), columns in the order A, C, G, T; they are kept as they are.
    ///
    /// # Errors
    /// The name is empty, the array has another shape, no row or more than [`LONGEST_MOTIF`] rows, a value is not a
    /// probability, or a row does not sum to 1 within [`SUM_TOLERANCE`].
    pub fn new(name: impl Into<String>, probabilities: Array2<f64>) -> Result<Self> {
        let name = name.into();
        if name.trim().is_empty() {
            return Err(Error::option("a motif has no name"));
        }
        let wrong = |problem: String| Error::option(format!("motif \"{}\" {problem}", name.escape_debug()));
        let (length, letters) = probabilities.dim();
        if letters != 4 {
            return Err(wrong(format!("has {letters} letters instead of 4")));
        }
        if let Some(problem) = why_not_a_length(length) {
            return Err(wrong(problem));
        }
        for (i, row) in probabilities.rows().into_iter().enumerate() {
            if let Some(problem) = why_not_probabilities(row) {
                return Err(wrong(format!("{problem} in column {}", i + 1)));
            }
        }
        Ok(Self { name, alt_name: None, probabilities, sites: None, counts: None })
    }

    /// A motif of `counts` (L, 4) of aligned sites, columns in the order A, C, G, T. Its probabilities are the shares
    /// of the counts, without a pseudocount; its number of sites is the mean count of a column.
    ///
    /// # Errors
    /// As [`Motif::new`], or a count is negative or not finite, or a column has no counts.
    pub fn from_counts(name: impl Into<String>, counts: Array2<f64>) -> Result<Self> {
        let name = name.into();
        if let Some(i) = counts.rows().into_iter().position(|row| why_not_counts(row).is_some()) {
            let shown = name.escape_debug();
            return Err(Error::option(format!("motif \"{shown}\" has no usable counts in column {}", i + 1)));
        }
        let sums = counts.sum_axis(Axis(1));
        let mut motif = Self::new(name, &counts / &sums.view().insert_axis(Axis(1)))?;
        motif.sites = sums.mean();
        motif.counts = Some(counts);
        Ok(motif)
    }

    /// The same with an alternative name, such as that of the transcription factor; an empty one is none.
    pub fn with_alt_name(mut self, name: impl Into<String>) -> Self {
        self.alt_name = Some(name.into()).filter(|name| !name.trim().is_empty());
        self
    }

    /// The same with a number of sites that the motif was made from.
    pub fn with_sites(mut self, sites: f64) -> Self {
        self.sites = Some(sites).filter(|sites| sites.is_finite() && *sites > 0.0);
        self
    }

    /// The first name, often an identifier such as `MA0139.1`; never empty, may hold spaces.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The second name.
    pub fn alt_name(&self) -> Option<&str> {
        self.alt_name.as_deref()
    }

    /// Probabilities (L, 4) of A, C, G, T.
    pub fn probabilities(&self) -> ArrayView2<'_, f64> {
        self.probabilities.view()
    }

    /// The number of sites that the motif was made from, if it is known.
    pub fn sites(&self) -> Option<f64> {
        self.sites
    }

    /// Counts (L, 4) of A, C, G, T, if the motif was made from counts.
    pub fn counts(&self) -> Option<ArrayView2<'_, f64>> {
        self.counts.as_ref().map(|counts| counts.view())
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.probabilities.nrows()
    }

    /// The motif on the other strand: columns reversed, A exchanged with T and C with G.
    pub fn reverse_complement(&self) -> Self {
        let reversed = |matrix: &Array2<f64>| reverse_complement(matrix.view());
        Self {
            probabilities: reversed(&self.probabilities),
            counts: self.counts.as_ref().map(reversed),
            name: self.name.clone(),
            alt_name: self.alt_name.clone(),
            ..*self
        }
    }

    /// Probabilities with a pseudocount of `share` times the mean count of a column added to each of the four counts of
    /// each column; 0.05 is the pseudocount of MAGGIE (Shen et al. 2020). Without counts they are the probabilities
    /// times the number of sites, and where this is unknown too the pseudocount is relative to a column sum of 1.
    ///
    /// # Errors
    /// `share` is negative or not finite.
    pub fn with_pseudocount(&self, share: f64) -> Result<Self> {
        if !share.is_finite() || share < 0.0 {
            return Err(Error::option(format!("a pseudocount of {share} is not a share of the counts")));
        }
        let counts = match &self.counts {
            Some(counts) => counts.clone(),
            None => &self.probabilities * self.sites.unwrap_or(1.0),
        };
        let sums = counts.sum_axis(Axis(1));
        let added = share * sums.mean().unwrap_or_default();
        let probabilities = (&counts + added) / (sums + 4.0 * added).insert_axis(Axis(1));
        Ok(Self { probabilities, ..self.clone() })
    }
}

/// `matrix` (L, 4) with its rows and its columns reversed.
pub(crate) fn reverse_complement(matrix: ArrayView2<f64>) -> Array2<f64> {
    let (length, letters) = matrix.dim();
    Array2::from_shape_fn((length, letters), |(i, b)| matrix[[length - 1 - i, letters - 1 - b]])
}

/// Why a motif cannot have `length` columns.
pub(crate) fn why_not_a_length(length: usize) -> Option<String> {
    match length {
        0 => Some("has no columns".into()),
        1..=LONGEST_MOTIF => None,
        _ => Some(format!("has more than {LONGEST_MOTIF} columns")),
    }
}

/// Why `row` is not a column of counts.
pub(crate) fn why_not_counts(row: ArrayView1<f64>) -> Option<&'static str> {
    if row.iter().any(|c| !c.is_finite() || *c < 0.0) {
        return Some("a value is not a count");
    }
    (row.sum() <= 0.0 || !row.sum().is_finite()).then_some("all counts are 0")
}

/// The names that several of `motifs` have, in the order of their second occurrence. Motifs are identified by their
/// place in the list, so that such names are allowed, as in other tools; whoever prints names may want to warn.
pub fn repeated_names(motifs: &[Motif]) -> Vec<&str> {
    let (mut seen, mut repeated) = (HashSet::new(), Vec::new());
    for motif in motifs {
        if !seen.insert(motif.name()) && !repeated.contains(&motif.name()) {
            repeated.push(motif.name());
        }
    }
    repeated
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn what_is_not_a_motif() {
        let row = array![[0.25, 0.25, 0.25, 0.25]];
        assert_eq!(Motif::new("x", row.clone()).unwrap().width(), 1);
        for (name, matrix, part) in [
            (" ", row.clone(), "has no name"),
            ("x", Array2::zeros((0, 4)), "\"x\" has no columns"),
            ("x", array![[0.5, 0.5]], "2 letters"),
            ("x", array![[0.25, 0.25, 0.25, 0.22]], "sum is 0.9700 instead of 1 in column 1"),
            ("x", array![[1.0, 0.0, 0.0, 0.0], [1.5, -0.5, 0.0, 0.0]], "not a probability in column 2"),
            ("x", array![[f64::NAN, 0.0, 0.0, 0.0]], "not a probability in column 1"),
            ("x", Array2::from_elem((LONGEST_MOTIF + 1, 4), 0.25), "more than 500 columns"),
        ] {
            let message = Motif::new(name, matrix).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        for counts in [array![[1.0, 0.0, 0.0, 0.0], [0.0; 4]], array![[f64::MAX; 4]], array![[-1.0, 3.0, 0.0, 0.0]]] {
            assert!(Motif::from_counts("x", counts).is_err());
        }
    }

    #[test]
    fn counts_and_pseudocounts() {
        // Sums 8 and 12, mean 10: 5 % is 0.5 for each letter.
        let motif = Motif::from_counts("x", array![[8.0, 0.0, 0.0, 0.0], [3.0, 3.0, 0.0, 6.0]]).unwrap();
        assert_eq!((motif.sites(), motif.probabilities()[[1, 3]]), (Some(10.0), 0.5));
        let smooth = motif.with_pseudocount(0.05).unwrap();
        assert_eq!(smooth.probabilities(), array![[0.85, 0.05, 0.05, 0.05], [0.25, 0.25, 0.5 / 14.0, 6.5 / 14.0]]);
        assert_eq!((smooth.counts(), smooth.name()), (motif.counts(), "x"));
        assert_eq!(motif.with_pseudocount(0.0).unwrap(), motif);
        assert!(motif.with_pseudocount(-0.1).is_err() && motif.with_pseudocount(f64::NAN).is_err());
        let plain = Motif::new("y", array![[1.0, 0.0, 0.0, 0.0]]).unwrap();
        let expected = plain.clone().with_sites(20.0).with_pseudocount(0.25).unwrap();
        assert_eq!(plain.with_pseudocount(0.25).unwrap().probabilities(), expected.probabilities());
        assert_eq!(expected.probabilities(), array![[0.625, 0.125, 0.125, 0.125]]);
    }

    #[test]
    fn the_other_strand_twice_is_the_motif() {
        let motif = Motif::from_counts("x", array![[8.0, 1.0, 2.0, 3.0], [3.0, 3.0, 0.0, 6.0]]).unwrap();
        let reversed = motif.reverse_complement();
        assert_eq!(reversed.counts().unwrap(), array![[6.0, 0.0, 3.0, 3.0], [3.0, 2.0, 1.0, 8.0]]);
        assert_eq!(reversed.reverse_complement(), motif);
    }

    #[test]
    fn repeated_names_are_named_once() {
        let motif = |name: &str| Motif::new(name, array![[1.0, 0.0, 0.0, 0.0]]).unwrap();
        assert_eq!(repeated_names(&["a", "b", "a", "c", "b", "a"].map(motif)), ["a", "b"]);
        assert!(repeated_names(&["a", "b"].map(motif)).is_empty());
    }
}
