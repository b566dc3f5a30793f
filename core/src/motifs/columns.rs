//! How similar the columns of motifs are.

use ndarray::ArrayView1;

use crate::choice::choice;
use crate::motifs::motif::Motif;

choice!(
    /// How two columns p and q of motifs are compared.
    #[derive(Default)]
    Distance, "distance of columns",
    /// -sqrt(sum of (p - q)²): the one that Gupta et al. (2007) recommend.
    #[default]
    Euclidean "euclidean",
    /// Pearson correlation of p with q over the four bases; 0 where one of them is uniform (`-dist pearson` of MEME's
    /// Tomtom).
    Pearson "pearson",
);

/// Columns of motifs, prepared to be compared with one.
#[derive(Clone, Debug)]
pub struct Columns {
    distance: Distance,
    /// For each base a value of every column.
    bases: [Vec<f64>; 4],
    /// Sum of the squares of each column.
    squares: Vec<f64>,
}

/// `column` as it is compared: for a correlation, centred and of length 1, or 0 where all values are equal.
fn prepare(distance: Distance, column: ArrayView1<f64>) -> [f64; 4] {
    let p = [column[0], column[1], column[2], column[3]];
    match distance {
        Distance::Euclidean => p,
        Distance::Pearson => {
            let mean = p.iter().sum::<f64>() / 4.0;
            let centred = p.map(|p| p - mean);
            let length = centred.iter().map(|p| p * p).sum::<f64>().sqrt();
            // Values of files have six digits: less is rounding of the mean.
            match length > 1e-9 {
                true => centred.map(|p| p / length),
                false => [0.0; 4],
            }
        }
    }
}

fn square(p: [f64; 4]) -> f64 {
    p.iter().fold(0.0, |sum, p| sum + p * p)
}

impl Columns {
    /// The columns of `motifs` one after the other.
    pub fn new<'a>(motifs: impl IntoIterator<Item = &'a Motif>, distance: Distance) -> Self {
        let mut columns = Self { distance, bases: Default::default(), squares: Vec::new() };
        for motif in motifs {
            for row in motif.probabilities().rows() {
                let p = prepare(distance, row);
                columns.bases.iter_mut().zip(p).for_each(|(values, p)| values.push(p));
                columns.squares.push(square(p));
            }
        }
        columns
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.squares.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.squares.is_empty()
    }

    /// Similarity of each column with `column`, the larger the more similar.
    pub fn compare(&self, column: ArrayView1<f64>) -> Vec<f64> {
        let q = prepare(self.distance, column);
        let [a, c, g, t] = &self.bases;
        let bases = a.iter().zip(c).zip(g).zip(t).map(|(((a, c), g), t)| [*a, *c, *g, *t]);
        match self.distance {
            Distance::Pearson => {
                let product = |p: [f64; 4]| p[0] * q[0] + p[1] * q[1] + p[2] * q[2] + p[3] * q[3];
                bases.map(|p| product(p).clamp(-1.0, 1.0)).collect()
            }
            Distance::Euclidean => {
                let (own, twice) = (square(q), q.map(|q| 2.0 * q));
                let apart = |(p, square): ([f64; 4], &f64)| {
                    own + square - twice[0] * p[0] - twice[1] * p[1] - twice[2] * p[2] - twice[3] * p[3]
                };
                // Rounding can make the square of a distance of 0 negative.
                bases.zip(&self.squares).map(|column| -apart(column).max(0.0).sqrt()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::correlation::pearson;
    use ndarray::{array, Axis};

    #[test]
    fn by_the_definitions() {
        let motif = Motif::new(
            "x",
            array![[0.7, 0.1, 0.1, 0.1], [0.2, 0.3, 0.4, 0.1], [0.0, 0.0, 0.0, 1.0], [0.25, 0.25, 0.25, 0.25]],
        );
        let motif = motif.unwrap();
        let rows = motif.probabilities();
        for distance in Distance::ALL {
            let columns = Columns::new([&motif], distance);
            assert!(columns.len() == 4 && !columns.is_empty());
            for q in rows.axis_iter(Axis(0)) {
                for (found, p) in columns.compare(q).iter().zip(rows.axis_iter(Axis(0))) {
                    let expected = match distance {
                        Distance::Euclidean => -(&p - &q).mapv(|d| d * d).sum().sqrt(),
                        Distance::Pearson => {
                            Some(pearson(&p.to_vec(), &q.to_vec())).filter(|r| !r.is_nan()).unwrap_or(0.0)
                        }
                    };
                    assert!((found - expected).abs() < 1e-7, "{distance}: {found} {expected}");
                }
            }
        }
    }
}
