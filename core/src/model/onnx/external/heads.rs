//! What is read of a network's outputs: one head for each `[[output]]` of the description.

use std::path::Path;

use ort::value::TensorElementType;

use crate::error::{Error, Result};
use crate::model::onnx::external::description::{Description, StrandsShown};
use crate::model::onnx::external::outputs::Output;
use crate::model::onnx::external::profile::Profile;
use crate::model::onnx::external::tensors::{listed, Numbers};
use crate::model::onnx::session::{Shared, Values};

/// Outputs of a description; far more than a file has fields.
const MOST_OUTPUTS: usize = 10_000;

/// The tensors of a graph that a description names.
pub struct Tensors(Vec<String>);

impl Tensors {
    /// Those of `description`, the file `path`, in `graph`, the file `graph_path`, each once.
    ///
    /// # Errors
    /// The graph has no such output, or not of numbers; the message lists those it has.
    pub fn find(description: &Description, path: &Path, graph: &Shared, graph_path: &Path) -> Result<Self> {
        let mut tensors = Tensors(Vec::new());
        if description.outputs.len() > MOST_OUTPUTS {
            let count = description.outputs.len();
            return Err(Error::input(path, format!("has {count} [[output]]; at most {MOST_OUTPUTS} are possible")));
        }
        for (number, output) in description.outputs.iter().enumerate() {
            let of_profile = output.profile.as_ref().map(|profile| Some(profile.tensor.as_str()));
            for name in std::iter::once(output.tensor.as_deref()).chain(of_profile) {
                let name = find(name, graph).map_err(|problem| match problem {
                    Missing::InDescription(e) => Error::input(path, format!("[[output]] {}: {e}", number + 1)),
                    Missing::InGraph(e) => {
                        let known = listed(graph.outputs());
                        let problem = format!("{e}, as \"{}\" needs it; it has {known}", path.display());
                        Error::input(graph_path, problem)
                    }
                })?;
                if !tensors.0.contains(&name) {
                    if is_half(graph, &name) {
                        log::warn!(
                            "\"{}\": the output {name} is float16, which rounds values to 3 digits, and small effects \
                             with them; an export with float32 outputs has none of this",
                            graph_path.display()
                        );
                    }
                    tensors.0.push(name);
                }
            }
        }
        Ok(tensors)
    }

    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    fn number(&self, name: Option<&str>) -> Option<usize> {
        match name {
            Some(name) => self.0.iter().position(|known| known == name),
            // Without a name it is the graph's only one.
            None => Some(0),
        }
    }
}

fn is_half(graph: &Shared, name: &str) -> bool {
    let output = graph.outputs().iter().find(|output| output.name() == name);
    output.is_some_and(|output| output.dtype().tensor_type() == Some(TensorElementType::Float16))
}

enum Missing {
    InDescription(String),
    InGraph(String),
}

/// The full name of the output `name` of a graph, by default its only one.
fn find(name: Option<&str>, graph: &Shared) -> std::result::Result<String, Missing> {
    let outputs = graph.outputs();
    let found = match (name, outputs) {
        (Some(name), _) => outputs.iter().find(|known| known.name() == name),
        (None, [only]) => Some(only),
        (None, _) => {
            let names: Vec<&str> = outputs.iter().map(|known| known.name()).collect();
            return Err(Missing::InDescription(format!("tensor is missing: one of {}", names.join(", "))));
        }
    };
    match found {
        Some(known) if Numbers::reads(known.dtype().tensor_type()) => Ok(known.name().into()),
        Some(known) => {
            let name = known.name();
            Err(Missing::InGraph(format!("gives an output \"{name}\" that is not of float32, float16 or float64")))
        }
        None => Err(Missing::InGraph(format!("gives no output \"{}\"", name.unwrap_or_default()))),
    }
}

/// What is read for one `[[output]]`.
pub struct Head {
    /// Name of the sample or output; empty without one.
    pub name: String,
    /// Whether the name is that of fields.
    pub is_field: bool,
    output: (usize, Output),
    profile: Option<(usize, Profile)>,
}

/// What one head predicts for one window.
#[derive(Clone, Debug, Default)]
pub struct Signal {
    /// Activity, on the scale of the network's output, then as log2.
    pub activity: f64,
    /// Its distribution along the window, with a sum of 1; empty without a profile.
    pub profile: Vec<f32>,
}

impl Head {
    /// The heads of `description`, the file `path`, for tensors of `shapes`, one for each of `tensors`.
    ///
    /// # Errors
    /// The two do not fit, or two outputs have the same name.
    pub fn all(description: &Description, path: &Path, tensors: &Tensors, shapes: &[Vec<usize>]) -> Result<Vec<Head>> {
        let mut heads: Vec<Head> = Vec::new();
        for (number, output) in description.outputs.iter().enumerate() {
            let head = Head::new(output, description.strands, tensors, shapes);
            let head = head.and_then(|head| head.check(&heads).map(|()| head));
            heads.push(head.map_err(|e| Error::input(path, format!("[[output]] {}: {e}", number + 1)))?);
        }
        Ok(heads)
    }

    fn new(
        description: &super::outputs::OutputDescription,
        strands: StrandsShown,
        tensors: &Tensors,
        shapes: &[Vec<usize>],
    ) -> Result<Head> {
        let tensor = |name: Option<&str>| {
            let number = tensors.number(name).filter(|&number| number < shapes.len());
            number.ok_or_else(|| Error::mismatch("its tensor was not predicted"))
        };
        let number = tensor(description.tensor.as_deref())?;
        let output = Output::new(description, &shapes[number], strands)?;
        let profile = match &description.profile {
            None => None,
            Some(profile) => {
                let number = tensor(Some(&profile.tensor))?;
                let found = Profile::new(profile, &shapes[number], strands);
                Some((number, found.map_err(|e| Error::mismatch(format!("profile: {e}")))?))
            }
        };
        let (name, is_field) = match (&description.sample, &description.name) {
            (Some(_), Some(_)) => return Err(Error::mismatch("it has both a sample and a name: give one of them")),
            (None, Some(name)) => (name.clone(), true),
            (sample, None) => (sample.clone().unwrap_or_default(), false),
        };
        Ok(Head { name, is_field, output: (number, output), profile })
    }

    /// Whether it can follow `others`.
    fn check(&self, others: &[Head]) -> Result<()> {
        let Head { name, is_field, .. } = self;
        let key = if *is_field { "name" } else { "sample" };
        let part_of_field = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
        if *is_field && (name.is_empty() || !name.bytes().all(part_of_field)) {
            let problem = format!("name \"{name}\" cannot be part of an INFO field: use letters, digits, _ and .");
            return Err(Error::mismatch(problem));
        }
        if others.iter().any(|other| other.is_field != *is_field) {
            return Err(Error::mismatch("give every output a name, or every output a sample"));
        }
        if others.iter().any(|other| other.name == *name) {
            return Err(Error::mismatch(format!("{key} \"{name}\" comes twice")));
        }
        Ok(())
    }

    /// Whether it has a profile.
    pub fn has_profile(&self) -> bool {
        self.profile.is_some()
    }

    /// See [`Output::pseudocount`].
    pub fn pseudocount(&self) -> f64 {
        self.output.1.pseudocount()
    }

    /// Before the first [`add`](Self::add).
    pub fn nothing(&self) -> Signal {
        let places = self.profile.as_ref().map_or(0, |(_, profile)| profile.places());
        Signal { activity: 0.0, profile: vec![0.0; places] }
    }

    /// Numbers of the tensors used, and whether there are as many as `rows` windows have.
    ///
    /// # Errors
    /// There are not.
    pub fn check_size(&self, values: &Values, tensors: &Tensors, rows: usize) -> std::result::Result<(), String> {
        let profile = self.profile.as_ref().map(|(number, profile)| (*number, profile.size()));
        for (number, size) in std::iter::once((self.output.0, self.output.1.size())).chain(profile) {
            let found = Numbers::of(&values.list()[number])?.len();
            if found != rows * size {
                return Err(format!("output {} has {found} numbers for {rows} windows", tensors.0[number]));
            }
        }
        Ok(())
    }

    /// Add what `values` have for the window `row`, times `weight`; `reverse` if it was read as its reverse complement.
    ///
    /// # Errors
    /// The values are not numbers.
    pub fn add(
        &self,
        values: &Values,
        row: usize,
        reverse: bool,
        weight: f64,
        to: &mut Signal,
    ) -> std::result::Result<(), String> {
        let (number, output) = &self.output;
        to.activity += weight * output.value(Numbers::of(&values.list()[*number])?, row, reverse);
        if let Some((number, profile)) = &self.profile {
            profile.add(Numbers::of(&values.list()[*number])?, row, reverse, weight, &mut to.profile);
        }
        Ok(())
    }

    /// After the last [`add`](Self::add): activity as log2.
    pub fn finish(&self, signal: &mut Signal) {
        signal.activity = self.output.1.log2(signal.activity);
    }
}
