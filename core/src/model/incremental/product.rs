//! Products of rows with a matrix of weights, where a row is gathered from parts anywhere in memory.
//!
//! A convolution is such a product: the row of an output position has one part for each tap of the kernel, the
//! channels of the position that the tap reads; padding is a part of zeros. The weights are arranged once for the
//! vector units.
//!
//! Every sum runs over the numbers of the row in order, in one accumulator, independent of the rows multiplied with it
//! and of the width of the vectors. So the result of a row depends on that row alone.

use rayon::prelude::*;

/// Rows multiplied at once: their packed numbers stay in the second-level cache.
const ROWS: usize = 96;
/// Rows and columns of one tile of sums, which AVX-512 holds in 24 registers.
const TILE: usize = 12;
const PANEL: usize = 32;
/// Numbers of a row that are packed at once: a panel of weights of this depth stays in the first-level cache.
const DEPTH: usize = 256;

type Sums = [[f32; PANEL]; TILE];

/// The vector units used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lanes {
    /// 16 numbers at once.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// Eight, with fused multiplication.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Those of the compiler's target.
    Plain,
}

impl Lanes {
    /// The widest of this processor.
    pub fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") {
            return Lanes::Avx512;
        }
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Lanes::Avx2;
        }
        Lanes::Plain
    }
}

/// Weights of a layer: rows of `parts`·`part` numbers become rows of `width`.
pub struct Matrix {
    parts: usize,
    part: usize,
    width: usize,
    /// Panel by panel of 32 columns, in each by number of the row; columns beyond the width are 0.
    panels: Vec<[f32; PANEL]>,
    lanes: Lanes,
}

/// Memory of one thread, reused from product to product.
#[derive(Default)]
pub struct Scratch {
    /// By tile, then by number of the row.
    packed: Vec<[f32; TILE]>,
    sums: Vec<Sums>,
    used: Vec<bool>,
    /// Rows that the caller computes as input of the product.
    pub rows: Vec<f32>,
}

impl Matrix {
    /// `weight(part, number, column)` is the weight of number `number` of part `part` of a row.
    pub fn new(parts: usize, part: usize, width: usize, weight: impl Fn(usize, usize, usize) -> f32) -> Self {
        let mut panels = Vec::with_capacity(width.div_ceil(PANEL) * parts * part);
        for first in (0..width).step_by(PANEL) {
            for p in 0..parts {
                for number in 0..part {
                    let mut line = [0.0; PANEL];
                    for (slot, column) in line.iter_mut().zip(first..width) {
                        *slot = weight(p, number, column);
                    }
                    panels.push(line);
                }
            }
        }
        Matrix { parts, part, width, panels, lanes: Lanes::widest() }
    }

    /// Width of a row of the result.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Width of a row that is multiplied.
    pub fn depth(&self) -> usize {
        self.parts * self.part
    }

    /// Parts of a row.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// Multiply rows whose parts follow one another in `parts`; an empty part is zeros, and costs nothing where twelve
    /// neighbouring rows have it. `put` is called with the number of the row, the first column, and up to 32 sums.
    pub fn multiply(&self, parts: &[&[f32]], scratch: &mut Scratch, mut put: impl FnMut(usize, usize, &[f32])) {
        let depth = self.depth();
        let rows = parts.len() / self.parts;
        let (tiles, panels) = (rows.div_ceil(TILE), self.width.div_ceil(PANEL));
        let Scratch { packed, sums, used, .. } = scratch;
        sums.clear();
        sums.resize(tiles * panels, [[0.0; PANEL]; TILE]);
        packed.resize(packed.len().max(tiles * DEPTH), [0.0; TILE]);
        for from in (0..depth).step_by(DEPTH) {
            let length = DEPTH.min(depth - from);
            used.clear();
            for (tile, packed) in packed.chunks_mut(DEPTH).take(tiles).enumerate() {
                let first = tile * TILE;
                let own = &parts[first * self.parts..(first + TILE).min(rows) * self.parts];
                used.push(self.pack(own, from, &mut packed[..length]));
            }
            for panel in 0..panels {
                let weights = &self.panels[panel * depth + from..][..length];
                for (tile, packed) in packed.chunks(DEPTH).take(tiles).enumerate() {
                    if used[tile] {
                        add_products(self.lanes, &packed[..length], weights, &mut sums[tile * panels + panel]);
                    }
                }
            }
        }
        for row in 0..rows {
            for panel in 0..panels {
                let column = panel * PANEL;
                let width = PANEL.min(self.width - column);
                put(row, column, &sums[row / TILE * panels + panel][row % TILE][..width]);
            }
        }
    }

    /// Interleave the numbers from `from` on of up to twelve rows. False if all are zeros.
    fn pack(&self, parts: &[&[f32]], from: usize, packed: &mut [[f32; TILE]]) -> bool {
        let end = from + packed.len();
        let (first, last) = (from / self.part, (end - 1) / self.part);
        if parts.chunks(self.parts).all(|row| row[first..=last].iter().all(|part| part.is_empty())) {
            return false;
        }
        for (r, row) in parts.chunks(self.parts).enumerate() {
            for (p, numbers) in row.iter().enumerate().take(last + 1).skip(first) {
                let begin = p * self.part;
                let (a, b) = (from.max(begin), end.min(begin + self.part));
                let slots = packed[a - from..b - from].iter_mut();
                if numbers.is_empty() {
                    slots.for_each(|slot| slot[r] = 0.0);
                } else {
                    slots.zip(&numbers[a - begin..b - begin]).for_each(|(slot, &x)| slot[r] = x);
                }
            }
        }
        true
    }
}

/// Pass `rows` of `width` numbers to `fill`, in blocks on all threads of the current pool: the number of the first row,
/// the rows, and the memory of the thread.
pub fn in_blocks(rows: &mut [f32], width: usize, fill: impl Fn(usize, &mut [f32], &mut Scratch) + Sync) {
    let share = (rows.len() / width).div_ceil(rayon::current_num_threads());
    let block = share.next_multiple_of(TILE).clamp(TILE, ROWS);
    rows.par_chunks_mut(block * width)
        .enumerate()
        .for_each_init(Scratch::default, |scratch, (number, rows)| fill(number * block, rows, scratch));
}

fn add_products(lanes: Lanes, packed: &[[f32; TILE]], weights: &[[f32; PANEL]], sums: &mut Sums) {
    match lanes {
        // SAFETY: `Lanes::widest` found the instructions on this processor.
        #[cfg(target_arch = "x86_64")]
        Lanes::Avx512 => unsafe { add_products_avx512(packed, weights, sums) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Lanes::Avx2 => unsafe { add_products_avx2(packed, weights, sums) },
        Lanes::Plain if cfg!(target_arch = "x86_64") => in_parts::<4, 8, false>(packed, weights, sums),
        Lanes::Plain => in_parts::<6, 16, true>(packed, weights, sums),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,fma")]
unsafe fn add_products_avx512(packed: &[[f32; TILE]], weights: &[[f32; PANEL]], sums: &mut Sums) {
    in_parts::<TILE, PANEL, true>(packed, weights, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn add_products_avx2(packed: &[[f32; TILE]], weights: &[[f32; PANEL]], sums: &mut Sums) {
    in_parts::<6, 16, true>(packed, weights, sums);
}

/// A tile by parts of R rows and C columns, as many as the registers hold.
#[inline(always)]
fn in_parts<const R: usize, const C: usize, const FUSED: bool>(
    packed: &[[f32; TILE]],
    weights: &[[f32; PANEL]],
    sums: &mut Sums,
) {
    for row in (0..TILE).step_by(R) {
        for column in (0..PANEL).step_by(C) {
            let mut part = [[0.0f32; C]; R];
            for r in 0..R {
                part[r].copy_from_slice(&sums[row + r][column..column + C]);
            }
            for (a, w) in packed.iter().zip(weights) {
                for r in 0..R {
                    let x = a[row + r];
                    for c in 0..C {
                        let w = w[column + c];
                        part[r][c] = if FUSED { x.mul_add(w, part[r][c]) } else { x * w + part[r][c] };
                    }
                }
            }
            for r in 0..R {
                sums[row + r][column..column + C].copy_from_slice(&part[r]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        (0..count).map(|_| generator.random_range(-1.0..1.0)).collect()
    }

    /// Every number written once, row after row.
    fn product(matrix: &Matrix, parts: &[&[f32]]) -> Vec<f32> {
        let mut out = vec![f32::NAN; parts.len() / matrix.parts() * matrix.width()];
        matrix.multiply(parts, &mut Scratch::default(), |row, column, sums| {
            let slots = &mut out[row * matrix.width() + column..][..sums.len()];
            assert!(slots.iter().all(|x| x.is_nan()));
            slots.copy_from_slice(sums);
        });
        out
    }

    #[test]
    fn products_equal_sums_written_out() {
        for (parts, part, width, rows) in
            [(1, 1, 1, 1), (5, 3, 33, 13), (3, 100, 40, 25), (2, 300, 64, 96), (7, 256, 5, 11), (4, 64, 70, 30)]
        {
            let weights = numbers(parts * part * width, 1);
            let matrix = Matrix::new(parts, part, width, |p, n, c| weights[(p * part + n) * width + c]);
            let data = numbers(rows * parts * part, 2);
            let mut list: Vec<&[f32]> = data.chunks(part).collect();
            list.iter_mut().step_by(3).for_each(|part| *part = &[]);
            let found = product(&matrix, &list);
            for row in 0..rows {
                for column in 0..width {
                    let mut sum = 0.0f64;
                    for (p, numbers) in list[row * parts..][..parts].iter().enumerate() {
                        let weight = |n: usize| f64::from(weights[(p * part + n) * width + column]);
                        sum += numbers.iter().enumerate().map(|(n, &x)| f64::from(x) * weight(n)).sum::<f64>();
                    }
                    let found = f64::from(found[row * width + column]);
                    assert!((found - sum).abs() < 1e-4, "{parts} {part} {width}: {found} {sum}");
                }
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_neighbours_nor_on_the_vector_units() {
        let (parts, part, width, rows) = (3, 200, 45, 40);
        let weights = numbers(parts * part * width, 3);
        let mut matrix = Matrix::new(parts, part, width, |p, n, c| weights[(p * part + n) * width + c]);
        let data = numbers(rows * parts * part, 4);
        let list: Vec<&[f32]> = data.chunks(part).collect();
        let together = product(&matrix, &list);
        for (row, list) in list.chunks(parts).enumerate() {
            assert_eq!(product(&matrix, list), together[row * width..][..width]);
        }
        #[cfg(target_arch = "x86_64")]
        if matrix.lanes != Lanes::Plain {
            matrix.lanes = Lanes::Avx2;
            assert_eq!(product(&matrix, &list), together);
        }
        // Without fused multiplication the last digit may differ.
        matrix.lanes = Lanes::Plain;
        let plain = product(&matrix, &list);
        assert!(plain.iter().zip(&together).all(|(a, b)| (a - b).abs() < 1e-4));
    }
}
