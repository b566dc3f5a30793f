//! ONNX Runtime: its library, and a graph opened once for each thread.
//!
//! Work is divided into pieces that do not depend on the number of threads, and each piece is computed by one thread in
//! its own session. So results are the same for any number of threads, and the cores never wait for each other.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::Session;

use crate::error::{Error, Result};

/// Location of a graph.
pub enum Graph {
    /// In memory.
    Bytes(Vec<u8>),
    /// In its file, with the files it refers to in the same folder.
    File,
}

/// A graph in as many sessions as threads are used.
pub struct Sessions {
    path: PathBuf,
    graph: Graph,
    threads: usize,
    list: Vec<Session>,
}

impl Sessions {
    /// Open the graph of the file `path` to be computed by up to `threads` threads.
    ///
    /// # Errors
    /// It is not a model ([`ErrorKind::Format`](crate::error::ErrorKind::Format)), or ONNX Runtime is absent or too old
    /// ([`ErrorKind::Engine`](crate::error::ErrorKind::Engine)).
    pub fn open(path: &Path, graph: Graph, threads: usize) -> Result<Self> {
        let mut sessions = Sessions { path: path.into(), graph, threads: threads.max(1), list: Vec::new() };
        sessions.grow(1)?;
        Ok(sessions)
    }

    /// The first of them, for its inputs and outputs.
    pub fn first(&self) -> &Session {
        &self.list[0]
    }

    /// The graph, if it is in memory.
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
        &mut self,
        count: usize,
        work: impl Iterator<Item = W> + Send,
        compute: impl Fn(&mut Session, &mut B, W) -> std::result::Result<(), String> + Sync,
    ) -> Result<()> {
        let workers = self.threads.min(count).max(1);
        self.grow(workers)?;
        let work = Mutex::new(work);
        let failure = Mutex::new(None);
        // A poisoned lock is used all the same: the panic that poisoned it is being propagated.
        let next = || work.lock().unwrap_or_else(|e| e.into_inner()).next();
        let run = |session: &mut Session| {
            let mut own = B::default();
            while let Some(piece) = next() {
                if let Err(problem) = compute(session, &mut own, piece) {
                    *failure.lock().unwrap_or_else(|e| e.into_inner()) = Some(problem);
                    return;
                }
            }
        };
        let sessions = &mut self.list[..workers];
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
                Err(Error::engine(format!("ONNX Runtime failed on \"{}\": {problem}", self.path.display())))
            }
            None => Ok(()),
        }
    }

    fn grow(&mut self, count: usize) -> Result<()> {
        while self.list.len() < count {
            let session = self.session()?;
            self.list.push(session);
        }
        Ok(())
    }

    fn session(&self) -> Result<Session> {
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
            match &self.graph {
                Graph::Bytes(bytes) => builder.commit_from_memory(bytes).map_err(|e| text(&e)),
                Graph::File => builder.commit_from_file(&self.path).map_err(|e| text(&e)),
            }
        };
        make().map_err(|e| Error::input(&self.path, format!("is not a model that ONNX Runtime can load: {e}")))
    }
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
