//! The description of a network of other software: a file in TOML.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::model::onnx::external::layout::Layout;
use crate::model::onnx::external::outputs::OutputDescription;
use crate::model::onnx::session::one_line;

/// Far more than any description needs.
const LONGEST_DESCRIPTION: u64 = 1 << 20;
/// Longer than any network's window.
pub const LONGEST_WINDOW: usize = 1 << 24;

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

/// The keys of a description.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    pub model: Option<PathBuf>,
    pub window: usize,
    pub layout: Layout,
    bases: Option<String>,
    #[serde(default)]
    pub unknown: f32,
    pub input: Option<String>,
    #[serde(default)]
    pub strands: StrandsShown,
    #[serde(default, rename = "constant")]
    pub constants: Vec<ConstantDescription>,
    #[serde(rename = "output")]
    pub outputs: Vec<OutputDescription>,
}

/// `[[constant]]`: an input that has the same value everywhere.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantDescription {
    /// Name of the graph's input.
    pub input: String,
    /// Its value.
    pub value: f64,
    /// Its shape, where the graph leaves it open.
    pub shape: Option<Vec<Length>>,
}

/// Length of an axis.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(untagged, expecting = "a length, or \"N\" for the number of windows")]
pub enum Length {
    Fixed(usize),
    Windows(Windows),
}

/// As many as windows are predicted together.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum Windows {
    N,
}

impl Description {
    /// Read the file `path`.
    ///
    /// # Errors
    /// It is not a description; the message names the line where the problem has one.
    pub fn read(path: &Path) -> Result<Self> {
        let file = fs::metadata(path).map_err(|e| Error::io(path, e))?;
        if !file.is_file() || file.len() > LONGEST_DESCRIPTION {
            return Err(Error::input(path, "is not a description of a model: not a regular file, or far too long"));
        }
        let bytes = fs::read(path).map_err(|e| Error::io(path, e))?;
        let text =
            String::from_utf8(bytes).map_err(|_| Error::input(path, "is not UTF-8 text: a description is TOML"))?;
        let description: Description = toml::from_str(&text).map_err(|e| {
            let line = e.span().map_or(0, |s| text[..s.start.min(text.len())].matches('\n').count() + 1);
            Error::input(path, format!("line {line}: {}", one_line(e.message())))
        })?;
        let wrong = |problem: String| Err(Error::input(path, problem));
        let Description { window, unknown, .. } = description;
        if window == 0 || window > LONGEST_WINDOW {
            return wrong(format!("window = {window} is not a length that a network reads"));
        }
        if !unknown.is_finite() {
            return wrong(format!("unknown = {unknown} must be a finite number"));
        }
        if description.outputs.is_empty() {
            return wrong("has no [[output]]".into());
        }
        Ok(description)
    }

    /// Channel of A, C, G and T; `None` if `bases` does not name each of them once.
    pub fn channels(&self) -> Option<[usize; 4]> {
        let bases = self.bases.as_deref().unwrap_or("ACGT");
        let of = |base: char| bases.find(base).filter(|_| bases.len() == 4);
        Some([of('A')?, of('C')?, of('G')?, of('T')?])
    }

    /// The file of the graph, for the description `path`.
    pub fn graph(&self, path: &Path) -> PathBuf {
        match &self.model {
            Some(name) => path.parent().unwrap_or(Path::new("")).join(name),
            None => path.with_extension("onnx"),
        }
    }
}
