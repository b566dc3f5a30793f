//! Where the second allele of a pair can differ from the first after the first stage of the tower, divided into windows
//! of one width. Positions are 0-based on the tower's axis; a cell is the input of one step of the pool.

/// A layer: the zero padding that would keep its length, and multiplications per position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    pub(super) left: usize,
    pub(super) right: usize,
    pub(super) work: f64,
}

/// The first stage: its layers in order, its length in positions, the size of the pool after it.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) layers: Vec<Reach>,
    pub(super) length: usize,
    pub(super) pool: usize,
}

/// Windows in which second alleles are computed. Those of a row do not overlap, and the last may reach beyond the
/// end of the sequence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Windows {
    /// Width of all, in cells.
    pub(super) cells: usize,
    /// Row and first cell of each window, in order.
    pub(super) places: Vec<(usize, usize)>,
    /// Multiplications for them, as a share of those for whole rows.
    pub(super) share: f64,
}

/// Positions added to the cost of every layer of a window: narrow rows use vector units less well than long ones.
const OVERHEAD: usize = 4;
/// Windows up to this width are tried cell by cell; then every step is a quarter wider than the last.
const FINE: usize = 16;

impl Stage {
    /// Padding of the whole stage on both sides: how far the receptive field reaches.
    pub(super) fn margin(&self) -> (usize, usize) {
        self.layers.iter().fold((0, 0), |(left, right), layer| (left + layer.left, right + layer.right))
    }

    /// Cells of a row.
    pub(super) fn cells(&self) -> usize {
        self.length.div_ceil(self.pool)
    }

    /// Cells [first, last] that differing positions of one row can reach, sorted, not adjacent.
    fn reached(&self, differs: &[bool]) -> Vec<(usize, usize)> {
        let (left, right) = self.margin();
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for (place, _) in differs.iter().enumerate().filter(|(_, differs)| **differs) {
            // Output p depends on inputs p - left to p + right.
            let first = place.saturating_sub(right) / self.pool;
            let last = (place + left).min(self.length - 1) / self.pool;
            match spans.last_mut() {
                Some(span) if first <= span.1 + 1 => span.1 = span.1.max(last),
                _ => spans.push((first, last)),
            }
        }
        spans
    }

    /// Multiplications for a row of `width` output positions, each layer before the last wider by the receptive field of
    /// the following ones, or all of the same length if `whole`.
    fn work(&self, width: usize, whole: bool) -> f64 {
        let mut extra = 0;
        let mut sum = 0.0;
        for layer in self.layers.iter().rev() {
            let positions = if whole { width } else { width + extra + OVERHEAD };
            sum += layer.work * positions as f64;
            extra += layer.left + layer.right;
        }
        sum
    }

    /// The windows of least cost, for rows of [`Stage::length`] flags that mark where the alleles differ.
    pub(super) fn windows(&self, differs: &[bool]) -> Windows {
        let spans: Vec<Vec<(usize, usize)>> = differs.chunks(self.length).map(|row| self.reached(row)).collect();
        let whole = spans.len() as f64 * self.work(self.length, true);
        let mut best = Windows { cells: 1, places: Vec::new(), share: 0.0 };
        if spans.iter().all(Vec::is_empty) {
            return best;
        }
        best.share = f64::INFINITY;
        let mut cells = 1;
        while cells <= self.cells() {
            let count: usize = spans.iter().map(|row| starts(row, cells).count()).sum();
            let share = count as f64 * self.work(cells * self.pool, false) / whole;
            if share < best.share {
                (best.cells, best.share) = (cells, share);
            }
            cells += if cells < FINE { 1 } else { cells / 4 };
        }
        let places = spans.iter().enumerate().flat_map(|(row, spans)| starts(spans, best.cells).map(move |s| (row, s)));
        best.places = places.collect();
        best
    }
}

/// First cells of windows of `cells` cells that cover `spans`: each begins at the first cell not covered yet.
fn starts(spans: &[(usize, usize)], cells: usize) -> impl Iterator<Item = usize> + '_ {
    let (mut span, mut covered) = (0, 0);
    std::iter::from_fn(move || {
        while spans.get(span)?.1 < covered {
            span += 1;
        }
        let start = spans[span].0.max(covered);
        covered = start + cells;
        Some(start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stage(length: usize, pool: usize, layers: &[(usize, usize)]) -> Stage {
        let layers = layers.iter().map(|&(left, right)| Reach { left, right, work: 1.0 }).collect();
        Stage { layers, length, pool }
    }

    #[test]
    fn windows_on_paper() {
        // Output p sees p - 3 to p + 4: a difference at 10 reaches 6 to 13, cells 1 to 3.
        let stage = stage(32, 4, &[(2, 2), (1, 2)]);
        assert_eq!(stage.margin(), (3, 4));
        let mut differs = vec![false; 64];
        assert_eq!(stage.windows(&differs), Windows { cells: 1, places: vec![], share: 0.0 });
        differs[32 + 10] = true;
        let one = stage.windows(&differs);
        assert_eq!((one.cells, &one.places[..]), (3, &[(1, 1)][..]));
        // (12 + 4) + (12 + 3 + 4) of 2 rows of 2 layers of 32.
        assert_eq!(one.share, 35.0 / 128.0);
        // At both ends of the other row: cells 0 to 0 and 7 to 7, cut off by the ends of the sequence.
        (differs[0], differs[31]) = (true, true);
        assert_eq!(stage.reached(&differs[..32]), [(0, 0), (6, 7)]);
        assert_eq!(starts(&[(0, 0), (6, 7)], 2).collect::<Vec<_>>(), [0, 6]);
        assert_eq!(starts(&[(0, 4), (6, 7)], 3).collect::<Vec<_>>(), [0, 3, 6]);
        assert_eq!(starts(&[(0, 3), (5, 7)], 6).collect::<Vec<_>>(), [0, 6]);
    }

    proptest! {
        /// Whatever differs: every position it can reach is in one window, and no two windows of a row overlap.
        #[test]
        fn every_reached_position_is_in_one_window(
            length in 1usize..200, pool in 1usize..9, rows in 1usize..5,
            layers in prop::collection::vec((0usize..5, 0usize..5), 1..5),
            share in 0.0f64..1.0, seed in any::<u64>(),
        ) {
            use rand::{Rng, SeedableRng};
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let differs: Vec<bool> = (0..rows * length).map(|_| rng.random_bool(share * share * share)).collect();
            let stage = stage(length, pool, &layers);
            let windows = stage.windows(&differs);
            let mut covered = vec![0; rows * length];
            for &(row, cell) in &windows.places {
                prop_assert!(cell * pool < length);
                for place in cell * pool..((cell + windows.cells) * pool).min(length) {
                    covered[row * length + place] += 1;
                }
            }
            prop_assert!(covered.iter().all(|&times| times <= 1));
            let (left, right) = stage.margin();
            for row in 0..rows {
                for output in 0..length {
                    let inputs = output.saturating_sub(left)..(output + right + 1).min(length);
                    let touched = differs[row * length..][inputs].iter().any(|&d| d);
                    prop_assert!(!touched || covered[row * length + output] == 1);
                }
            }
        }
    }
}
