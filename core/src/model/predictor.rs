//! Inference with ONNX Runtime.
//!
//! Pairs are cut into chunks of a size that does not depend on the number of threads, and each chunk is computed
//! by one thread in a session of its own. So results are the same for any number of threads, the cores never wait
//! for each other, and memory does not grow with the number of pairs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::Session;
use ort::value::TensorRef;

use super::encode::one_hot_into;
use super::info::ModelInfo;
use super::onnx::{self, INPUTS, OUTPUTS, SPREAD};
use crate::error::{Error, Result};

/// What the network says about one pair, in its own logarithm (see [`ModelInfo::targets`]).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prediction {
    /// Signal of haplotype 1.
    pub count1: f32,
    /// Signal of haplotype 2.
    pub count2: f32,
    /// Haplotype 1 over haplotype 2.
    pub ratio: f32,
    /// The same output with the two exchanged; -`ratio` unless the network has a free ratio head.
    pub ratio_swapped: f32,
    /// Standard deviations of `count1`, `count2` and `ratio` over the members of an ensemble.
    pub spread: Option<[f32; 3]>,
}

impl Prediction {
    /// Half the difference of both directions: exactly the negative when the haplotypes are exchanged.
    pub fn antisymmetric_ratio(&self) -> f32 {
        (self.ratio - self.ratio_swapped) / 2.0
    }
}

/// A model file ready to predict.
pub struct Predictor {
    path: PathBuf,
    info: ModelInfo,
    model: Vec<u8>,
    threads: usize,
    sessions: Vec<Session>,
    /// Which of the model's samples is predicted.
    sample: usize,
}

impl Predictor {
    /// Open a model file. `threads` is how many cores to use, at least 1.
    ///
    /// # Errors
    /// The file is no model of ours ([`Error::Input`]), or ONNX Runtime is absent or too old ([`Error::Engine`]).
    pub fn open(path: &Path, threads: usize) -> Result<Self> {
        let file = fs::metadata(path).map_err(|e| Error::io(path, e))?;
        // A device could be read without end.
        if !file.is_file() {
            return Err(Error::input(path, "is no regular file, so no model file"));
        }
        let model = fs::read(path).map_err(|e| Error::io(path, e))?;
        let info = onnx::read_info(&model).map_err(|e| Error::input(path, e.to_string()))?;
        let mut predictor =
            Predictor { path: path.into(), info, model, threads: threads.max(1), sessions: vec![], sample: 0 };
        let session = predictor.session()?;
        predictor.check(&session)?;
        predictor.sessions.push(session);
        Ok(predictor)
    }

    /// Predict the sample of this name from now on; at first it is the model's first.
    ///
    /// # Errors
    /// The model has no such sample; the message lists those it has.
    pub fn choose_sample(&mut self, name: &str) -> Result<()> {
        self.sample = self.info.samples.iter().position(|s| s == name).ok_or_else(|| {
            let known = match self.info.samples.len() {
                0 => "its samples have no names".to_string(),
                _ => format!("it has {}", self.info.samples.join(", ")),
            };
            Error::input(&self.path, format!("predicts no sample \"{name}\" ({known})"))
        })?;
        Ok(())
    }

    /// Name of the sample that is predicted, if the model knows it.
    pub fn sample(&self) -> Option<&str> {
        self.info.samples.get(self.sample).map(String::as_str)
    }

    /// What the file says about itself.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Bases of one allele.
    pub fn window(&self) -> usize {
        self.info.architecture.window
    }

    /// The bytes of the file.
    pub(super) fn model(&self) -> &[u8] {
        &self.model
    }

    /// Place of the sample that is predicted among those of the model.
    pub(super) fn sample_number(&self) -> usize {
        self.sample
    }

    /// Cores to use.
    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    /// Pairs worth handing over at once: enough that every thread has several chunks.
    pub fn batch(&self) -> usize {
        self.chunk() * self.threads * 4
    }

    /// Pairs of one chunk.
    fn chunk(&self) -> usize {
        chunk_of(self.info.architecture.window)
    }

    /// Predict n pairs. Each of `haplotype1` and `haplotype2` holds n·[`window`](Self::window) byte codes
    /// ([`super::encode::encode`]), pair after pair.
    ///
    /// # Errors
    /// The two differ in length or are no multiple of the window; ONNX Runtime failed.
    pub fn predict(&mut self, haplotype1: &[u8], haplotype2: &[u8]) -> Result<Vec<Prediction>> {
        let window = self.window();
        let pairs = count_pairs(haplotype1, haplotype2, window)?;
        let chunk = self.chunk();
        let workers = self.threads.min(pairs.div_ceil(chunk)).max(1);
        while self.sessions.len() < workers {
            let session = self.session()?;
            self.sessions.push(session);
        }
        let mut out = vec![Prediction::default(); pairs];
        let span = chunk * window;
        let inputs = haplotype1.chunks(span).zip(haplotype2.chunks(span));
        let work = Mutex::new(inputs.zip(out.chunks_mut(chunk)));
        let failure = Mutex::new(None);
        // A poisoned lock is taken all the same: the panic that poisoned it is on its way up.
        let next = || work.lock().unwrap_or_else(|e| e.into_inner()).next();
        let heads =
            Heads { outputs: self.info.architecture.outputs, sample: self.sample, ensemble: self.info.members > 1 };
        let run = |session: &mut Session| {
            let mut buffers = [vec![], vec![]];
            while let Some(((one, two), out)) = next() {
                if let Err(e) = compute(session, [one, two], window, heads, &mut buffers, out) {
                    *failure.lock().unwrap_or_else(|e| e.into_inner()) = Some(e);
                    return;
                }
            }
        };
        let sessions = &mut self.sessions[..workers];
        if let [only] = sessions {
            run(only);
        } else {
            std::thread::scope(|scope| {
                for session in sessions {
                    scope.spawn(|| run(session));
                }
            });
        }
        match failure.into_inner().unwrap_or_else(|e| e.into_inner()) {
            Some(problem) => {
                Err(Error::Engine(format!("ONNX Runtime failed on \"{}\": {problem}", self.path.display())))
            }
            None => Ok(out),
        }
    }

    fn session(&self) -> Result<Session> {
        let environment = environment()?;
        let make = || -> std::result::Result<Session, String> {
            let text = |e: &dyn std::fmt::Display| one_line(&e.to_string());
            Session::builder(environment)
                .map_err(|e| text(&e))?
                .with_log_level(LogLevel::Fatal)
                .map_err(|e| text(&e))?
                .with_optimization_level(GraphOptimizationLevel::All)
                .map_err(|e| text(&e))?
                .with_intra_threads(1)
                .map_err(|e| text(&e))?
                .commit_from_memory(&self.model)
                .map_err(|e| text(&e))
        };
        make().map_err(|e| Error::input(&self.path, format!("is no model that ONNX Runtime accepts: {e}")))
    }

    /// The metadata are ours; make sure that the graph is.
    fn check(&self, session: &Session) -> Result<()> {
        let shape = |outlets: &[ort::value::Outlet], name: &str| -> Option<Vec<i64>> {
            let outlet = outlets.iter().find(|outlet| outlet.name() == name)?;
            Some(outlet.dtype().tensor_shape()?.to_vec())
        };
        let fits = INPUTS.iter().all(|name| {
            shape(session.inputs(), name).is_some_and(|s| s.len() == 3 && s[1..] == [4, self.window() as i64])
        }) && OUTPUTS.iter().all(|name| shape(session.outputs(), name).is_some())
            && (self.info.members == 1 || shape(session.outputs(), SPREAD).is_some());
        if !fits || session.inputs().len() != INPUTS.len() {
            return Err(Error::input(&self.path, "has a graph that does not fit its own metadata; export it anew"));
        }
        Ok(())
    }
}

/// How many pairs of windows two rows of codes are.
pub(super) fn count_pairs(haplotype1: &[u8], haplotype2: &[u8], window: usize) -> Result<usize> {
    if haplotype1.len() != haplotype2.len() || haplotype1.len() % window != 0 {
        return Err(Error::Mismatch(format!(
            "alleles of {} and {} bases are no pairs of windows of {window}",
            haplotype1.len(),
            haplotype2.len()
        )));
    }
    Ok(haplotype1.len() / window)
}

/// See [`Predictor::chunk`]. The speed hardly depends on it (within 20 % from 1 to 32 pairs of 330 bases, on cores
/// with AVX-512), so it is chosen for memory: some ten megabytes for the widest tensor of the largest preset.
fn chunk_of(window: usize) -> usize {
    (2640 / window).max(1)
}

/// What is to be taken from a model's outputs.
#[derive(Clone, Copy)]
struct Heads {
    /// Samples the model predicts.
    outputs: usize,
    /// The one wanted.
    sample: usize,
    ensemble: bool,
}

fn compute(
    session: &mut Session,
    codes: [&[u8]; 2],
    window: usize,
    heads: Heads,
    buffers: &mut [Vec<f32>; 2],
    out: &mut [Prediction],
) -> std::result::Result<(), String> {
    let pairs = out.len();
    for (codes, buffer) in codes.iter().zip(buffers.iter_mut()) {
        buffer.resize(pairs * 4 * window, 0.0);
        for (codes, rows) in codes.chunks(window).zip(buffer.chunks_mut(4 * window)) {
            one_hot_into(codes, rows);
        }
    }
    let text = |e: ort::Error| one_line(&e.to_string());
    let [one, two] = &*buffers;
    let one = TensorRef::from_array_view(([pairs, 4, window], &one[..])).map_err(text)?;
    let two = TensorRef::from_array_view(([pairs, 4, window], &two[..])).map_err(text)?;
    let results = session.run(ort::inputs![INPUTS[0] => one, INPUTS[1] => two]).map_err(text)?;
    let read = |name: &str, width: usize| {
        let value = results.get(name).ok_or_else(|| format!("no output {name}"))?;
        let (_, numbers) = value.try_extract_tensor::<f32>().map_err(text)?;
        match numbers.len() == pairs * width {
            true => Ok(numbers),
            false => Err(format!("output {name} has {} numbers for {pairs} pairs", numbers.len())),
        }
    };
    let Heads { outputs, sample, ensemble } = heads;
    let (predicted, swapped) = (read(OUTPUTS[0], 3 * outputs)?, read(OUTPUTS[1], outputs)?);
    let spread = ensemble.then(|| read(SPREAD, 3 * outputs)).transpose()?;
    let three = |values: &[f32], i: usize| [0, 1, 2].map(|head| values[(3 * i + head) * outputs + sample]);
    for (i, slot) in out.iter_mut().enumerate() {
        let [count1, count2, ratio] = three(predicted, i);
        let spread = spread.map(|s| three(s, i));
        *slot = Prediction { count1, count2, ratio, ratio_swapped: swapped[i * outputs + sample], spread };
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The one environment of the process, its library found by `ORT_DYLIB_PATH`, beside the executable (or in the
/// folder above, where test binaries have it), or by the system's search path.
fn environment() -> Result<&'static Environment> {
    static SHARED: OnceLock<std::result::Result<Environment, String>> = OnceLock::new();
    let made = SHARED.get_or_init(|| {
        let library = library();
        let advice = "install ONNX Runtime 1.24 or newer, or set ORT_DYLIB_PATH to its libonnxruntime.so";
        let builder = ort::init_from(&library)
            .map_err(|e| format!("ONNX Runtime cannot be loaded ({}); {advice}", one_line(&e.to_string())))?;
        builder
            .with_name("deepallele")
            .with_telemetry(false)
            .build()
            .map_err(|e| format!("ONNX Runtime cannot start ({}); {advice}", one_line(&e.to_string())))
    });
    made.as_ref().map_err(|problem| Error::Engine(problem.clone()))
}

fn library() -> PathBuf {
    const NAME: &str = "libonnxruntime.so";
    if let Some(path) = env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        return path.into();
    }
    let folder = env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf));
    let candidates = folder.iter().flat_map(|f| [Some(f.join(NAME)), f.parent().map(|up| up.join(NAME))]);
    candidates.flatten().find(|path| path.is_file()).unwrap_or_else(|| NAME.into())
}

#[cfg(test)]
#[path = "predictor_tests.rs"]
mod tests;
