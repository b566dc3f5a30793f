//! Networks of other software: an ONNX graph that reads one-hot sequences, with a description in TOML.
//!
//! ```toml
//! model = "network.onnx"     # in the folder of the description; default: its name with .onnx
//! window = 2114              # bases that the network reads
//! layout = "N4L"             # (N, 4, L), or "NL4": (N, L, 4)
//! bases = "ACGT"             # the order of the four channels
//! unknown = 0.0              # what N has in all of them; 0.25 for some networks
//! input = "sequence"         # name of the graph's only input; optional
//! strands = "forward"        # "both": the mean over the sequence and its reverse complement
//!
//! [[output]]                 # one for each sample
//! sample = "K562"            # its name for --model-sample
//! tensor = "counts"          # name of the graph's output; optional if there is one
//! at = ["*", 5]              # for each axis after N: an index (0-based), [from, to] or "*"; default: all
//! over = "mean"              # how several values are combined, or "sum"
//! scale = "linear"           # the output is activity on this scale: linear, ln, log2, log10
//! pseudocount = 1.0          # with "linear": added before the logarithm
//! ```
//!
//! Every distinct window of a call takes one full pass.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array1, ArrayView2};
use ort::session::{Session, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef};
use serde::Deserialize;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::model::encode::{complement, flat, ANY};
use crate::model::onnx::external_outputs::{Output, OutputDescription};
use crate::model::onnx::session::{one_line, Graph, Sessions};

/// Far more than any description needs.
const LONGEST_DESCRIPTION: u64 = 1 << 20;
/// Longer than any network's window.
const LONGEST_WINDOW: usize = 1 << 24;
/// Bases in one pass; a single window may be longer.
const CHUNK_BASES: usize = 4096;

choice!(
    /// Axes of the input.
    InputLayout, "layout",
    /// Batch, channel, base.
    ChannelsFirst "N4L",
    /// Batch, base, channel.
    ChannelsLast "NL4",
);

choice!(
    /// Which strands the network reads.
    #[derive(Default)]
    StrandsShown, "choice of strands",
    /// The forward strand.
    #[default]
    Forward "forward",
    /// The sequence and its reverse complement; the output is the mean.
    Both "both",
);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    model: Option<PathBuf>,
    window: usize,
    layout: InputLayout,
    bases: Option<String>,
    #[serde(default)]
    unknown: f32,
    input: Option<String>,
    #[serde(default)]
    strands: StrandsShown,
    output: Vec<OutputDescription>,
}

/// The encoding of windows.
#[derive(Clone, Copy, Debug)]
struct Encoding {
    window: usize,
    layout: InputLayout,
    /// Channels of A, C, G and T.
    channels: [usize; 4],
    unknown: f32,
}

impl Encoding {
    /// Encode a window into `out`. Every element is written.
    fn write(&self, codes: impl Iterator<Item = u8>, out: &mut [f32]) {
        out.fill(0.0);
        for (base, code) in codes.enumerate() {
            let mut put = |channel: usize, value: f32| {
                let place = match self.layout {
                    InputLayout::ChannelsFirst => channel * self.window + base,
                    InputLayout::ChannelsLast => 4 * base + channel,
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

    fn shape(&self, windows: usize) -> [usize; 3] {
        match self.layout {
            InputLayout::ChannelsFirst => [windows, 4, self.window],
            InputLayout::ChannelsLast => [windows, self.window, 4],
        }
    }
}

/// A network with its description.
pub struct SequenceModel {
    path: PathBuf,
    sessions: Sessions,
    encoding: Encoding,
    strands: StrandsShown,
    input: String,
    /// Windows in one pass; with `fixed`, the only number that the graph accepts.
    chunk: usize,
    fixed: bool,
    /// Name of each sample, of its tensor, and which elements are used.
    samples: Vec<(String, String, Output)>,
    sample: usize,
}

impl SequenceModel {
    /// Open the network of the description `path`, to be computed by up to `threads` threads.
    ///
    /// # Errors
    /// The description is wrong, or does not fit the graph ([`ErrorKind::Format`](crate::error::ErrorKind::Format)); ONNX Runtime is absent or failed.
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        let wrong = |problem: String| Error::input(path, problem);
        let description = read(path)?;
        let Description { window, layout, unknown, strands, .. } = description;
        if window == 0 || window > LONGEST_WINDOW {
            return Err(wrong(format!("window = {window} is not a length that a network reads")));
        }
        if !unknown.is_finite() {
            return Err(wrong(format!("unknown = {unknown} must be a finite number")));
        }
        let channels = channels(description.bases.as_deref().unwrap_or("ACGT"))
            .ok_or_else(|| wrong("bases must name each of A, C, G and T once, in the order of the channels".into()))?;
        let encoding = Encoding { window, layout, channels, unknown };
        let folder = path.parent().unwrap_or(Path::new(""));
        let graph = match &description.model {
            Some(name) => folder.join(name),
            None => path.with_extension("onnx"),
        };
        let file = fs::metadata(&graph).map_err(|e| Error::io(&graph, e))?;
        if !file.is_file() {
            return Err(Error::input(&graph, "is not a regular file, so it cannot be a model file"));
        }
        let sessions = Sessions::open(&graph, Graph::File, threads)?;
        let of_graph = |problem: String| Error::input(&graph, problem);
        let (input, batch) = find_input(sessions.first(), description.input.as_deref(), &encoding).map_err(of_graph)?;
        let chunk = batch.unwrap_or((CHUNK_BASES / window).max(1));
        let mut model = SequenceModel {
            path: path.into(),
            sessions,
            encoding,
            strands,
            input,
            chunk,
            fixed: batch.is_some(),
            samples: Vec::new(),
            sample: 0,
        };
        model.find_outputs(&description.output, &graph)?;
        Ok(model)
    }

    /// Run the network on one window, and find the outputs that the description names.
    fn find_outputs(&mut self, described: &[OutputDescription], graph: &Path) -> Result<()> {
        let path = self.path.clone();
        let (encoding, input, windows) = (self.encoding, self.input.clone(), if self.fixed { self.chunk } else { 1 });
        let mut found: Vec<(String, Vec<usize>)> = Vec::new();
        let nothing = vec![0.0; windows * 4 * encoding.window];
        let work = std::iter::once(&mut found);
        self.sessions.run(1, work, |session, _: &mut (), found| {
            let results = pass(session, &input, &encoding, windows, &nothing)?;
            found.extend(results.iter().filter_map(|(name, value)| {
                let shape = value.shape().iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect();
                let numbers = value.dtype().tensor_type() == Some(TensorElementType::Float32);
                numbers.then(|| (name.to_string(), shape))
            }));
            Ok(())
        })?;
        let names = found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        if described.is_empty() {
            return Err(Error::input(&path, "has no [[output]]"));
        }
        for (number, description) in described.iter().enumerate() {
            let place = format!("[[output]] {}", number + 1);
            let tensor = match &description.tensor {
                Some(name) => found.iter().find(|(known, _)| known == name),
                None if found.len() == 1 => found.first(),
                None => return Err(Error::input(&path, format!("{place}: tensor is missing: one of {names}"))),
            };
            let Some((tensor, shape)) = tensor else {
                let name = description.tensor.as_deref().unwrap_or_default();
                let problem =
                    format!("gives no float32 output \"{name}\" (it has {names}), as \"{}\" says", path.display());
                return Err(Error::input(graph, problem));
            };
            if shape.first() != Some(&windows) {
                return Err(Error::input(
                    graph,
                    format!("gives for {windows} windows an output {tensor} of {shape:?}"),
                ));
            }
            let output = Output::new(description, shape);
            let output = output.map_err(|e| Error::input(&path, format!("{place}: {e}")))?;
            if self.samples.iter().any(|(sample, _, _)| *sample == description.sample) {
                return Err(Error::input(&path, format!("{place}: sample \"{}\" comes twice", description.sample)));
            }
            self.samples.push((description.sample.clone(), tensor.clone(), output));
        }
        Ok(())
    }

    /// Predict the sample of this name from now on; before, it is the first of the description.
    ///
    /// # Errors
    /// There is no such sample; the message lists the samples.
    pub fn choose_sample(&mut self, name: &str) -> Result<()> {
        self.sample = self.samples.iter().position(|(known, _, _)| known == name).ok_or_else(|| {
            Error::input(&self.path, format!("describes no sample \"{name}\" (it has {})", self.samples().join(", ")))
        })?;
        Ok(())
    }

    /// Names of the samples.
    pub fn samples(&self) -> Vec<&str> {
        self.samples.iter().map(|(name, _, _)| name.as_str()).collect()
    }

    /// Bases of a window.
    pub fn window(&self) -> usize {
        self.encoding.window
    }

    /// log2 of the activity of n windows, from byte codes ([`crate::model::encode`]) (n, [`window`](Self::window)).
    ///
    /// # Errors
    /// The shape is another; ONNX Runtime failed, or its output is not of the size it had at first.
    pub fn predict(&mut self, windows: ArrayView2<u8>) -> Result<Array1<f64>> {
        if windows.ncols() != self.encoding.window {
            let (found, wanted) = (windows.dim(), self.encoding.window);
            return Err(Error::mismatch(format!("an array of shape {found:?} is not windows of {wanted} bases")));
        }
        let windows = flat(windows);
        let mut numbers: HashMap<&[u8], usize> = HashMap::new();
        let mut distinct: Vec<&[u8]> = Vec::new();
        let mut number = |window| {
            *numbers.entry(window).or_insert_with(|| {
                distinct.push(window);
                distinct.len() - 1
            })
        };
        let order: Vec<usize> = windows.chunks(self.encoding.window).map(&mut number).collect();
        let mut values = vec![0.0; distinct.len()];
        let (_, tensor, output) = &self.samples[self.sample];
        let (encoding, input, strands) = (self.encoding, &self.input, self.strands);
        let (chunk, fixed) = (self.chunk, self.fixed);
        let size = 4 * encoding.window;
        let compute = |session: &mut Session, buffer: &mut Vec<f32>, (windows, out): (&[&[u8]], &mut [f64])| {
            let rows = if fixed { chunk } else { windows.len() };
            buffer.resize(rows * size, 0.0);
            let shown: &[bool] = match strands {
                StrandsShown::Forward => &[false],
                StrandsShown::Both => &[false, true],
            };
            for &reverse in shown {
                for (codes, row) in windows.iter().zip(buffer.chunks_mut(size)) {
                    match reverse {
                        false => encoding.write(codes.iter().copied(), row),
                        true => encoding.write(codes.iter().rev().map(|&code| complement(code)), row),
                    }
                }
                let results = pass(session, input, &encoding, rows, buffer)?;
                let value = results.get(tensor).ok_or_else(|| format!("no output {tensor}"))?;
                let (_, found) = value.try_extract_tensor::<f32>().map_err(|e| one_line(&e.to_string()))?;
                if found.len() != rows * output.size() {
                    return Err(format!("output {tensor} has {} numbers for {rows} windows", found.len()));
                }
                for (slot, row) in out.iter_mut().zip(found.chunks(output.size())) {
                    *slot += output.value(row) / shown.len() as f64;
                }
            }
            Ok(())
        };
        let work = distinct.chunks(chunk).zip(values.chunks_mut(chunk));
        self.sessions.run(distinct.len().div_ceil(chunk), work, compute)?;
        Ok(order.into_iter().map(|number| output.log2(values[number])).collect())
    }
}

fn read(path: &Path) -> Result<Description> {
    let file = fs::metadata(path).map_err(|e| Error::io(path, e))?;
    if !file.is_file() || file.len() > LONGEST_DESCRIPTION {
        return Err(Error::input(path, "is not a description of a model: not a regular file, or far too long"));
    }
    let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
    let text = String::from_utf8(bytes).map_err(|_| Error::input(path, "is not UTF-8 text: a description is TOML"))?;
    toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(0, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
        Error::input(path, format!("line {line}: {}", one_line(e.message())))
    })
}

/// Channel of A, C, G and T.
fn channels(bases: &str) -> Option<[usize; 4]> {
    let of = |base: char| bases.find(base).filter(|_| bases.len() == 4);
    Some([of('A')?, of('C')?, of('G')?, of('T')?])
}

/// Name of the input, and the number of windows in one pass if the graph fixes it.
fn find_input(
    session: &Session,
    name: Option<&str>,
    encoding: &Encoding,
) -> std::result::Result<(String, Option<usize>), String> {
    let inputs: Vec<&Outlet> = session.inputs().iter().collect();
    let names = inputs.iter().map(|input| input.name()).collect::<Vec<_>>().join(", ");
    let [input] = inputs[..] else {
        return Err(format!("reads {} inputs ({names}), but a model of one sequence is needed", inputs.len()));
    };
    if name.is_some_and(|name| name != input.name()) {
        return Err(format!("has no input \"{}\": its one is {names}", name.unwrap_or_default()));
    }
    let kind = input.dtype().tensor_type();
    if kind != Some(TensorElementType::Float32) {
        return Err(format!("reads {}, not float32: convert its input", input.dtype()));
    }
    let shape: Vec<i64> = input.dtype().tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default();
    let wanted = encoding.shape(1);
    let fits = |(found, wanted): (&i64, &usize)| *found < 0 || usize::try_from(*found) == Ok(*wanted);
    if shape.len() != 3 || !shape[1..].iter().zip(&wanted[1..]).all(fits) {
        let found: Vec<String> = shape.iter().map(|&n| if n < 0 { "?".into() } else { n.to_string() }).collect();
        return Err(format!(
            "reads ({}), not (N, {}, {}): the description's layout or window is another",
            found.join(", "),
            wanted[1],
            wanted[2]
        ));
    }
    let batch = usize::try_from(shape[0]).ok();
    match batch {
        Some(n) if n == 0 || n.saturating_mul(encoding.window) > LONGEST_WINDOW => {
            Err(format!("reads {n} windows at once: export it with a free first axis"))
        }
        batch => Ok((input.name().to_string(), batch)),
    }
}

/// The graph's outputs for `windows` windows.
fn pass<'s>(
    session: &'s mut Session,
    input: &str,
    encoding: &Encoding,
    windows: usize,
    numbers: &[f32],
) -> std::result::Result<SessionOutputs<'s>, String> {
    let text = |e: ort::Error| one_line(&e.to_string());
    let tensor = TensorRef::from_array_view((encoding.shape(windows), numbers)).map_err(text)?;
    session.run(ort::inputs![input => tensor]).map_err(text)
}

#[cfg(test)]
#[path = "external_tests.rs"]
mod tests;
