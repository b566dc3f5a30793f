//! What a network reads: the windows, and constants for its other inputs.

use std::path::Path;

use ort::session::SessionInputValue;
use ort::value::{Outlet, TensorElementType, ValueType};

use crate::model::encode::{complement, ANY};
use crate::model::onnx::external::description::{ConstantDescription, Description, Length, Windows, LONGEST_WINDOW};
use crate::model::onnx::external::tensors::{described, filled, holds, listed, tensor};
use crate::model::onnx::session::{Shared, Values};

/// Bases in one pass; a single window may be longer.
const CHUNK_BASES: usize = 4096;
/// Numbers of a constant input for all windows of a pass; far more than a control track has.
const LARGEST_CONSTANT: usize = 1 << 26;

/// The inputs of a graph.
#[derive(Clone, Debug)]
pub struct Input {
    name: String,
    kind: TensorElementType,
    /// Bases of a window.
    pub window: usize,
    /// Lengths of the axes after N.
    lengths: Vec<usize>,
    channels_first: bool,
    /// Channels of A, C, G and T.
    channels: [usize; 4],
    unknown: f32,
    /// The number of windows in one pass, if the graph fixes it.
    pub batch: Option<usize>,
    /// Windows in one pass; with `batch`, the only number that the graph accepts.
    pub chunk: usize,
    constants: Vec<Constant>,
}

#[derive(Clone, Debug)]
struct Constant {
    name: String,
    kind: TensorElementType,
    shape: Vec<Length>,
    value: f64,
}

impl Constant {
    fn shape(&self, windows: usize) -> Vec<usize> {
        let length = |&length: &Length| match length {
            Length::Fixed(length) => length,
            Length::Windows(_) => windows,
        };
        self.shape.iter().map(length).collect()
    }
}

/// Shape of a graph's tensor (-1 for a free axis), and the names of its free axes.
fn axes(outlet: &Outlet) -> (Vec<i64>, Vec<String>) {
    match outlet.dtype() {
        ValueType::Tensor { shape, dimension_symbols, .. } => (shape.to_vec(), dimension_symbols.to_vec()),
        _ => Default::default(),
    }
}

impl Input {
    /// The inputs of `graph` by its description, the file `path`.
    ///
    /// # Errors
    /// The two do not fit. The message continues the name of the graph's file.
    pub fn find(graph: &Shared, description: &Description, channels: [usize; 4], path: &Path) -> Result<Self, String> {
        let inputs = graph.inputs();
        let constants = &description.constants;
        for (i, constant) in constants.iter().enumerate() {
            if !inputs.iter().any(|input| input.name() == constant.input) {
                return Err(format!(
                    "has no input \"{}\" for a [[constant]] (it has {})",
                    constant.input,
                    listed(inputs)
                ));
            }
            if constants[..i].iter().any(|other| other.input == constant.input) {
                return Err(format!("has one input \"{}\", but two [[constant]] for it", constant.input));
            }
        }
        let free: Vec<&Outlet> =
            inputs.iter().filter(|input| constants.iter().all(|constant| constant.input != input.name())).collect();
        let input = match (&description.input, &free[..]) {
            (Some(name), _) => free.iter().copied().find(|input| input.name() == name),
            (None, [only]) => Some(*only),
            (None, _) => None,
        };
        let other = free.iter().find(|one| input.is_some_and(|input| input.name() != one.name()));
        let input = match (input, other) {
            (Some(input), None) => input,
            (Some(_), Some(other)) => {
                return Err(format!(
                    "also reads {}: add [[constant]] input = \"{}\" value = 0 to \"{}\" (or the value that it has at \
                     prediction)",
                    described(other),
                    other.name(),
                    path.display()
                ));
            }
            (None, _) => {
                let name =
                    description.input.as_ref().map(|name| format!("no input \"{name}\" for the sequence: it has "));
                return Err(format!(
                    "{}{} inputs ({}): input = NAME chooses that of the sequence, and each other needs a [[constant]] \
                     with input and value",
                    name.map_or_else(|| "reads ".into(), |name| format!("has {name}")),
                    inputs.len(),
                    listed(inputs)
                ));
            }
        };
        let unknown = description.unknown;
        let Some(kind) = input.dtype().tensor_type().filter(|&kind| holds(kind, 1.0).is_some()) else {
            return Err(format!("reads {}, a type that is not supported", described(input)));
        };
        if holds(kind, unknown.into()) != Some(true) {
            return Err(format!("reads {}, which cannot be unknown = {unknown}", described(input)));
        }
        let (window, layout) = (description.window, &description.layout);
        let (shape, symbols) = axes(input);
        let lengths = layout.lengths(&shape, window).map_err(|e| format!("reads {}, {e}", described(input)))?;
        let batch = usize::try_from(shape[0]).ok();
        if let Some(n) = batch.filter(|&n| n == 0 || n.saturating_mul(window) > LONGEST_WINDOW) {
            return Err(format!("reads {n} windows at once: export it with a free first axis"));
        }
        let chunk = batch.unwrap_or((CHUNK_BASES / window).max(1));
        let symbol = symbols.first().map(String::as_str).unwrap_or_default();
        let constants = constants.iter().map(|constant| {
            let outlet = inputs.iter().find(|input| input.name() == constant.input);
            let outlet = outlet.ok_or_else(|| format!("has no input \"{}\"", constant.input))?;
            find_constant(constant, outlet, symbol, chunk).map_err(|e| format!("reads {}: {e}", described(outlet)))
        });
        Ok(Input {
            name: input.name().into(),
            kind,
            window,
            lengths,
            channels_first: layout.channels_first(),
            channels,
            unknown,
            batch,
            chunk,
            constants: constants.collect::<Result<_, String>>()?,
        })
    }

    /// Whether the graph computes in float16, as far as its input shows.
    pub fn is_half(&self) -> bool {
        self.kind == TensorElementType::Float16
    }

    /// Numbers of one encoded window.
    pub fn size(&self) -> usize {
        4 * self.window
    }

    /// Encode a window, or its reverse complement, into `out`. Every element is written.
    pub fn encode(&self, codes: &[u8], reverse: bool, out: &mut [f32]) {
        match reverse {
            false => self.write(codes.iter().copied(), out),
            true => self.write(codes.iter().rev().map(|&code| complement(code)), out),
        }
    }

    fn write(&self, codes: impl Iterator<Item = u8>, out: &mut [f32]) {
        out.fill(0.0);
        for (base, code) in codes.enumerate() {
            let mut put = |channel: usize, value: f32| {
                let place = match self.channels_first {
                    true => channel * self.window + base,
                    false => 4 * base + channel,
                };
                out[place] = value;
            };
            match code {
                0..=3 => put(self.channels[usize::from(code)], 1.0),
                ANY => (0..4).for_each(|channel| put(channel, self.unknown)),
                _ => {}
            }
        }
    }

    /// The outputs `wanted` of `graph` for `windows` encoded windows.
    ///
    /// # Errors
    /// The message of ONNX Runtime.
    pub fn pass<'s>(
        &self,
        graph: &'s Shared,
        wanted: &[&str],
        windows: usize,
        numbers: &[f32],
    ) -> Result<Values<'s>, String> {
        let shape: Vec<usize> = std::iter::once(windows).chain(self.lengths.iter().copied()).collect();
        let mut inputs: Vec<(&str, SessionInputValue)> = vec![(&self.name, tensor(self.kind, &shape, numbers)?)];
        for constant in &self.constants {
            inputs.push((&constant.name, filled(constant.kind, &constant.shape(windows), constant.value)?));
        }
        graph.run(&inputs, wanted)
    }
}

/// A constant for the input `outlet`. Free axes that are called `batch` count the windows, of which there are at most
/// `most`, and so does a free first axis.
fn find_constant(
    constant: &ConstantDescription,
    outlet: &Outlet,
    batch: &str,
    most: usize,
) -> Result<Constant, String> {
    let Some(kind) = outlet.dtype().tensor_type().filter(|&kind| holds(kind, 0.0).is_some()) else {
        return Err("the type is not supported".into());
    };
    if holds(kind, constant.value) != Some(true) {
        return Err(format!("it cannot be value = {}", constant.value));
    }
    let (lengths, symbols) = axes(outlet);
    let is_batch = |axis: usize| axis == 0 || (!batch.is_empty() && symbols.get(axis).is_some_and(|s| s == batch));
    let of_graph: Vec<Option<Length>> = lengths
        .iter()
        .enumerate()
        .map(|(axis, &length)| match usize::try_from(length) {
            Ok(length) => Some(Length::Fixed(length)),
            Err(_) if is_batch(axis) => Some(Length::Windows(Windows::N)),
            Err(_) => None,
        })
        .collect();
    let shape: Vec<Length> = match &constant.shape {
        None => of_graph.iter().copied().collect::<Option<_>>().ok_or_else(|| {
            let axes: Vec<String> =
                lengths.iter().map(|n| if *n < 0 { "\"N\"".into() } else { n.to_string() }).collect();
            format!("a free axis has no length: give its shape, such as shape = [{}] with numbers", axes.join(", "))
        })?,
        Some(shape) => {
            let fits = |(given, wanted): (&Length, &Option<Length>)| match (given, wanted) {
                (Length::Fixed(given), Some(Length::Fixed(wanted))) => given == wanted,
                (Length::Windows(_), Some(Length::Fixed(_))) => false,
                _ => true,
            };
            if shape.len() != of_graph.len() || !shape.iter().zip(&of_graph).all(fits) {
                return Err("the description has another shape for it".into());
            }
            shape.clone()
        }
    };
    let size = shape.iter().try_fold(1usize, |size, length| match length {
        Length::Fixed(length) => size.checked_mul(*length),
        Length::Windows(_) => size.checked_mul(most),
    });
    match size {
        Some(size) if size <= LARGEST_CONSTANT => {
            Ok(Constant { name: constant.input.clone(), kind, shape, value: constant.value })
        }
        _ => Err("that is too large for a constant".into()),
    }
}
