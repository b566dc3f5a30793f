//! The first predictions of a graph: the shapes of its outputs, and whether the prediction of a window depends on the
//! windows that are predicted together with it. Batch normalisation in training mode and a softmax over the axis of
//! windows do that, and then a prediction depends on which records a file has.

use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};
use crate::model::onnx::external::input::Input;
use crate::model::onnx::external::tensors::{shape_of, Numbers};
use crate::model::onnx::session::{failed, Shared};

/// Longer windows are predicted one by one in any case ([`Input::chunk`]), and take long.
const LONGEST: usize = 1 << 16;
/// Windows predicted together, where the graph does not fix their number.
const TOGETHER: usize = 3;
/// Largest difference, relative to the largest number of the output, that rounding explains: sums of thousands of terms
/// in another order, in float32 or in float16.
const ROUNDING: f64 = 1e-3;
const ROUNDING_HALF: f64 = 3e-2;

/// What was found.
pub struct Probed {
    /// Shape of each output for one pass.
    pub shapes: Vec<Vec<usize>>,
    /// The graph leaves the number of windows free, but cannot predict several.
    pub one_by_one: bool,
}

/// Outputs of one window of a pass, and their shapes.
#[derive(Default)]
struct OneWindow {
    shapes: Vec<Vec<usize>>,
    numbers: Vec<Vec<f64>>,
    /// Of each output the largest difference that is rounding.
    rounding: Vec<f64>,
}

/// Predict a window alone and together with others. `path` is the file of the graph.
///
/// # Errors
/// The graph cannot be computed; its outputs are not one row per window; the rows differ, apart from rounding.
pub fn probe(graph: &Shared, input: &Input, wanted: &[&str], path: &Path) -> Result<Probed> {
    let rows = input.batch.unwrap_or(1);
    // In the second pass the window has another place and other neighbours.
    let alone = pass(graph, input, wanted, rows, 0).map_err(|e| failed(path, &e))?;
    for (name, shape) in wanted.iter().zip(&alone.shapes) {
        if shape.first() != Some(&rows) {
            let problem =
                format!("gives for {rows} windows an output {name} of {shape:?}, not one row for each window");
            return Err(Error::input(path, problem));
        }
    }
    let done = |one_by_one, alone: OneWindow| Ok(Probed { shapes: alone.shapes, one_by_one });
    let again = || pass(graph, input, wanted, rows, 0).map_err(|e| failed(path, &e));
    let random = |number: usize| {
        let name = wanted[number];
        let problem = "each time for the same sequence (dropout in training mode, noise): export it after model.eval()";
        Err(Error::input(path, format!("gives another output {name} {problem}")))
    };
    if input.batch == Some(1) || input.window > LONGEST {
        return match alone.differs(&again()?) {
            Some(number) => random(number),
            None => done(false, alone),
        };
    }
    let together = input.batch.unwrap_or(TOGETHER);
    let others = match pass(graph, input, wanted, together, together - 1) {
        Ok(others) if others.shapes.iter().all(|shape| shape.first() == Some(&together)) => others,
        // Exported with a fixed number of windows somewhere inside.
        _ if input.batch.is_none() => return done(true, alone),
        Ok(_) => return Err(Error::input(path, "gives outputs of another shape for other windows")),
        Err(e) => return Err(failed(path, &e)),
    };
    let Some(number) = alone.differs(&others) else { return done(false, alone) };
    if let Some(number) = alone.differs(&again()?) {
        return random(number);
    }
    let name = wanted[number];
    Err(Error::input(
        path,
        format!(
            "gives an output {name} for a sequence that depends on the other sequences of the batch (batch normalisation \
             in training mode, a softmax over the first axis, dynamic quantisation): export it after model.eval(), or \
             for a batch of 1"
        ),
    ))
}

impl OneWindow {
    /// The first output that differs, apart from rounding.
    fn differs(&self, other: &OneWindow) -> Option<usize> {
        let far = |&number: &usize| {
            let (ours, theirs) = (&self.numbers[number], &other.numbers[number]);
            let rounding = self.rounding[number].max(other.rounding[number]);
            let far = |(a, b): (&f64, &f64)| a.is_nan() != b.is_nan() || (a - b).abs() > rounding;
            ours.len() != theirs.len() || ours.iter().zip(theirs).any(far)
        };
        (0..self.numbers.len()).find(far)
    }
}

/// Outputs of a random window, that with the number `at` of `windows`. The others are random too; of few different bases
/// if `at` is not the first.
fn pass(
    graph: &Shared,
    input: &Input,
    wanted: &[&str],
    windows: usize,
    at: usize,
) -> std::result::Result<OneWindow, String> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut encoded = vec![0.0; windows * input.size()];
    for number in std::iter::once(at).chain((0..windows).filter(|&number| number != at)) {
        let bases = if number == at || at == 0 { 4 } else { 1 + number % 2 };
        let codes: Vec<u8> = (0..input.window).map(|_| random.random_range(0..bases) as u8).collect();
        input.encode(&codes, false, &mut encoded[number * input.size()..(number + 1) * input.size()]);
    }
    let results = input.pass(graph, wanted, windows, &encoded)?;
    let mut found = OneWindow::default();
    for value in results.list() {
        let (shape, numbers) = (shape_of(value), Numbers::of(value)?);
        // Of an output of another shape, only the shape is used.
        let size = numbers.len() / windows;
        let all = (0..numbers.len()).map(|i| numbers.at(i).abs());
        let largest = all.filter(|x| x.is_finite()).fold(0.0, f64::max);
        let half = input.is_half() || matches!(numbers, Numbers::Half(_));
        found.rounding.push(largest * if half { ROUNDING_HALF } else { ROUNDING });
        found.numbers.push((at * size..(at + 1) * size).map(|i| numbers.at(i)).collect());
        found.shapes.push(shape);
    }
    Ok(found)
}
