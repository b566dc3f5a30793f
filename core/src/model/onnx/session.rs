//! ONNX Runtime: its library, and a graph opened once for all threads.
//!
//! Work is divided into pieces that do not depend on the number of threads, and each piece is computed by one thread. So
//! results are the same for any number of threads, and the cores never wait for each other. All threads share one
//! session, so that weights are in memory once.

use std::env;
use std::ffi::{c_char, CString};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet};
use ort::AsPointer;

use crate::error::{Error, Result};

/// Location of a graph.
pub enum Graph {
    /// In memory.
    Bytes(Vec<u8>),
    /// In its file, with the files it refers to in the same folder.
    File,
}

/// A graph that several threads compute at the same time.
pub struct Shared(Session);

/// Values of a graph's outputs.
pub struct Values<'s> {
    list: Vec<DynValue>,
    /// Their memory belongs to the session.
    _session: PhantomData<&'s Shared>,
}

impl Values<'_> {
    /// One for each output, in the order in which they were requested.
    pub fn list(&self) -> &[DynValue] {
        &self.list
    }
}

impl Shared {
    /// The inputs that must be given.
    pub fn inputs(&self) -> &[Outlet] {
        self.0.inputs()
    }

    /// All outputs.
    pub fn outputs(&self) -> &[Outlet] {
        self.0.outputs()
    }

    /// The outputs `wanted` for `inputs`, each with its name. Only what these outputs need is computed.
    ///
    /// # Errors
    /// The message of ONNX Runtime, in one line.
    pub fn run(
        &self,
        inputs: &[(&str, SessionInputValue)],
        wanted: &[&str],
    ) -> std::result::Result<Values<'_>, String> {
        let text = |name: &str| CString::new(name).map_err(|_| format!("the name {name:?} contains a zero byte"));
        let input_names = inputs.iter().map(|(name, _)| text(name)).collect::<std::result::Result<Vec<_>, _>>()?;
        let output_names = wanted.iter().map(|name| text(name)).collect::<std::result::Result<Vec<_>, _>>()?;
        let pointers = |names: &[CString]| names.iter().map(|name| name.as_ptr()).collect::<Vec<*const c_char>>();
        let (input_pointers, output_pointers) = (pointers(&input_names), pointers(&output_names));
        let values: Vec<_> = inputs.iter().map(|(_, value)| value.ptr()).collect();
        let mut results = vec![ptr::null_mut(); wanted.len()];
        // The crate's own `run` borrows the session mutably, since execution providers of some devices cannot be used by
        // several threads. Sessions here have the CPU provider only, for which ONNX Runtime documents Run as safe to call
        // from several threads on the same session (its kernels have no state).
        // SAFETY: the session is alive; there are as many names as values and as results, and all are alive during the
        // call; Run reads the inputs only, and writes one pointer for each output.
        let status = unsafe {
            (ort::api().Run)(
                self.0.ptr().cast_mut(),
                ptr::null(),
                input_pointers.as_ptr(),
                values.as_ptr(),
                values.len(),
                output_pointers.as_ptr(),
                output_pointers.len(),
                results.as_mut_ptr(),
            )
        };
        // SAFETY: the status comes from the call above and is used once.
        unsafe { ort::Error::result_from_status(status) }.map_err(|e| one_line(&e.to_string()))?;
        let list = results.into_iter().zip(wanted).map(|(result, name)| {
            let result = NonNull::new(result).ok_or_else(|| format!("no output {name}"))?;
            // SAFETY: a value that Run returned, owned by nothing else, in memory of the session's allocator.
            Ok(unsafe { DynValue::from_ptr(result, Some(self.0.allocator())) })
        });
        let list = list.collect::<std::result::Result<Vec<_>, String>>()?;
        Ok(Values { list, _session: PhantomData })
    }
}

/// A graph, and the number of threads that compute it.
pub struct Sessions {
    path: PathBuf,
    graph: Graph,
    threads: usize,
    shared: Shared,
}

impl Sessions {
    /// Open the graph of the file `path` to be computed by up to `threads` threads.
    ///
    /// # Errors
    /// It is not a model ([`ErrorKind::Format`](crate::error::ErrorKind::Format)), or ONNX Runtime is absent or too old
    /// ([`ErrorKind::Engine`](crate::error::ErrorKind::Engine)).
    pub fn open(path: &Path, graph: Graph, threads: usize) -> Result<Self> {
        let shared = Shared(session(path, &graph)?);
        Ok(Sessions { path: path.into(), graph, threads: threads.max(1), shared })
    }

    /// The graph, for its inputs and outputs.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The bytes of the graph, if it is in memory.
    pub fn bytes(&self) -> &[u8] {
        match &self.graph {
            Graph::Bytes(bytes) => bytes,
            Graph::File => &[],
        }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Call `compute` for each of `count` pieces of `work`. Every thread has its own `B`.
    ///
    /// # Errors
    /// The problem that `compute` returns, with the file of the model.
    pub fn run<W: Send, B: Default>(
        &self,
        count: usize,
        work: impl Iterator<Item = W> + Send,
        compute: impl Fn(&Shared, &mut B, W) -> std::result::Result<(), String> + Sync,
    ) -> Result<()> {
        let workers = self.threads.min(count).max(1);
        let work = Mutex::new(work);
        let failure = Mutex::new(None);
        // A poisoned lock is used all the same: the panic that poisoned it is being propagated.
        let next = || work.lock().unwrap_or_else(|e| e.into_inner()).next();
        let run = || {
            let mut own = B::default();
            while let Some(piece) = next() {
                if let Err(problem) = compute(&self.shared, &mut own, piece) {
                    *failure.lock().unwrap_or_else(|e| e.into_inner()) = Some(problem);
                    return;
                }
            }
        };
        if workers == 1 {
            run();
        } else {
            std::thread::scope(|scope| {
                for _ in 0..workers {
                    scope.spawn(run);
                }
            });
        }
        match failure.into_inner().unwrap_or_else(|e| e.into_inner()) {
            Some(problem) => Err(failed(&self.path, &problem)),
            None => Ok(()),
        }
    }
}

/// The error of a graph, of the file `path`, that ONNX Runtime could not compute.
pub fn failed(path: &Path, problem: &str) -> Error {
    Error::engine(format!("ONNX Runtime failed on \"{}\": {problem}", path.display()))
}

fn session(path: &Path, graph: &Graph) -> Result<Session> {
    let environment = environment()?;
    let make = || -> std::result::Result<Session, String> {
        let text = |e: &dyn std::fmt::Display| one_line(&e.to_string());
        let mut builder = Session::builder(environment)
            .map_err(|e| text(&e))?
            .with_log_level(LogLevel::Fatal)
            .map_err(|e| text(&e))?
            .with_optimization_level(GraphOptimizationLevel::All)
            .map_err(|e| text(&e))?
            .with_intra_threads(1)
            .map_err(|e| text(&e))?;
        match graph {
            Graph::Bytes(bytes) => builder.commit_from_memory(bytes).map_err(|e| text(&e)),
            Graph::File => builder.commit_from_file(path).map_err(|e| text(&e)),
        }
    };
    make().map_err(|e| Error::input(path, format!("is not a model that ONNX Runtime can load: {e}")))
}

/// The text of an error in one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The environment of the process. The library is that of `ORT_DYLIB_PATH`, else the one in the folder of the executable
/// (or above, for test binaries), else the one of the system's search path.
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
    made.as_ref().map_err(|problem| Error::engine(problem.clone()))
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
