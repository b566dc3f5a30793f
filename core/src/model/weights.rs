//! Named tensors, checked against an architecture; safetensors in and out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::io::output_file::{complete_file, CompleteFiles};
use crate::model::Architecture;

/// One float32 tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Length along each axis; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its elements, last axis fastest.
    pub data: Vec<f32>,
}

/// The tensors of a network under their published names ([`Architecture::tensor_shapes`]).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(pub BTreeMap<String, Tensor>);

impl Weights {
    /// The tensor `name`, if it exists.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.get(name)
    }

    /// Check that these are exactly the tensors of `architecture`, each of its shape and with finite elements.
    ///
    /// # Errors
    /// Names the first tensor that is missing, of another shape, not finite, or not part of the network.
    pub fn check(&self, architecture: &Architecture) -> Result<()> {
        architecture.validate()?;
        let wanted = architecture.tensor_shapes();
        for (name, shape) in &wanted {
            let tensor = self.get(name).ok_or_else(|| Error::mismatch(format!("the tensor {name} is missing")))?;
            if &tensor.shape != shape || tensor.data.len() != shape.iter().product::<usize>() {
                return Err(Error::mismatch(format!(
                    "the tensor {name} has shape {:?}, expected {shape:?}",
                    tensor.shape
                )));
            }
            if let Some(bad) = tensor.data.iter().find(|x| !x.is_finite()) {
                return Err(Error::mismatch(format!("the tensor {name} holds {bad}")));
            }
            if name.ends_with(".running_var") && tensor.data.iter().any(|&x| x < 0.0) {
                return Err(Error::mismatch(format!("the tensor {name} holds a negative variance")));
            }
        }
        if self.0.len() != wanted.len() {
            let extra = self.0.keys().find(|name| !wanted.iter().any(|(w, _)| w == *name));
            return Err(Error::mismatch(format!(
                "the tensor {} does not belong to a {} network of these sizes",
                extra.map_or("?", |name| name.as_str()),
                architecture.kind
            )));
        }
        Ok(())
    }

    /// Write as safetensors, whole or not at all: the file has a temporary name until the returned set is renamed.
    /// `metadata` goes into the header.
    ///
    /// The file is assembled here, tensors by name and metadata by key: the crate writes metadata in an order that
    /// changes from run to run, and equal seeds must give equal files.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_safetensors(&self, path: &Path, metadata: &BTreeMap<String, String>) -> Result<CompleteFiles> {
        let mut header = BTreeMap::new();
        if !metadata.is_empty() {
            header.insert("__metadata__", serde_json::json!(metadata));
        }
        let mut data = Vec::new();
        for (name, tensor) in &self.0 {
            let start = data.len();
            data.extend(tensor.data.iter().flat_map(|x| x.to_le_bytes()));
            let entry = serde_json::json!({"dtype": "F32", "shape": tensor.shape, "data_offsets": [start, data.len()]});
            header.insert(name, entry);
        }
        let mut text =
            serde_json::to_string(&header).map_err(|e| Error::input(path, format!("cannot be written: {e}")))?;
        // The data begin at a multiple of eight bytes.
        text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
        let mut content = (text.len() as u64).to_le_bytes().to_vec();
        content.extend(text.as_bytes());
        content.extend(data);
        complete_file(path, &content)
    }

    /// Read safetensors: float32 tensors, without `num_batches_tracked` counters, and the metadata of the header.
    ///
    /// # Errors
    /// The file is not safetensors, or has a tensor of another type.
    pub fn read_safetensors(path: &Path) -> Result<(Self, BTreeMap<String, String>)> {
        if !fs::metadata(path).map_err(|e| Error::io(path, e))?.is_file() {
            return Err(Error::input(path, "is not a regular file, so it cannot be a safetensors file"));
        }
        let content = fs::read(path).map_err(|e| Error::io(path, e))?;
        let wrong = |e: safetensors::SafeTensorError| Error::input(path, format!("is not a safetensors file ({e})"));
        let file = SafeTensors::deserialize(&content).map_err(wrong)?;
        let (_, header) = SafeTensors::read_metadata(&content).map_err(wrong)?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            if name.ends_with("num_batches_tracked") {
                continue;
            }
            if view.dtype() != Dtype::F32 {
                return Err(Error::input(path, format!("the tensor {name} is {:?}, expected float32", view.dtype())));
            }
            let data = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
            tensors.insert(name.to_string(), Tensor { shape: view.shape().to_vec(), data });
        }
        let metadata = header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        Ok((Weights(tensors), metadata))
    }
}

/// Random weights at about the scale of initial ones, for tests and benchmarks that need a network without training.
/// They depend on `seed` and the architecture alone.
pub fn random_weights(architecture: &Architecture, seed: u64) -> Weights {
    use rand::{Rng, SeedableRng};
    let mut generator = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut fan_in = 1;
    let tensors = architecture.tensor_shapes().into_iter().map(|(name, shape)| {
        let size: usize = shape.iter().product();
        if name.ends_with(".0.weight") {
            fan_in = (size / shape[0]).max(1);
        }
        let bound = 1.0 / (fan_in as f32).sqrt();
        let range = match name.rsplit('.').next() {
            Some("running_var") => 0.05..1.0,
            Some("running_mean") => 0.0..0.5,
            _ if name.ends_with(".2.weight") => 0.5..1.5,
            _ => -bound..bound,
        };
        let data = (0..size).map(|_| generator.random_range(range.clone())).collect();
        (name, Tensor { shape, data })
    });
    Weights(tensors.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn tiny() -> Architecture {
        Architecture {
            window: 20,
            kernel_number: 3,
            filter_number: 2,
            hidden: 4,
            ..Architecture::preset("small", Kind::Paired).unwrap()
        }
    }

    #[test]
    fn safetensors_read_back_what_was_written() {
        let weights = random_weights(&tiny(), 1);
        weights.check(&tiny()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let metadata =
            BTreeMap::from(["kind", "genome", "window", "targets"].map(|key| (key.to_string(), format!("of {key}"))));
        weights.write_safetensors(&path, &metadata).unwrap().rename().unwrap();
        let content = fs::read(&path).unwrap();
        assert_eq!(Weights::read_safetensors(&path).unwrap(), (weights.clone(), metadata.clone()));
        let again = folder.path().join("again.safetensors");
        weights.write_safetensors(&again, &metadata).unwrap().rename().unwrap();
        assert_eq!(fs::read(again).unwrap(), content);
    }

    #[test]
    fn wrong_tensors_are_named() {
        let good = random_weights(&tiny(), 1);
        let complaint = |change: fn(&mut Weights)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.check(&tiny()).unwrap_err().to_string()
        };
        assert!(complaint(|w| drop(w.0.remove("fc0.0.bias"))).contains("fc0.0.bias is missing"));
        assert!(complaint(|w| w.0.get_mut("fc0.0.bias").unwrap().shape = vec![5]).contains("shape [5], expected [4]"));
        assert!(complaint(|w| w.0.get_mut("fc0.0.bias").unwrap().data[1] = f32::NAN).contains("NaN"));
        assert!(complaint(|w| w.0.get_mut("conv0.2.running_var").unwrap().data[0] = -1.0).contains("negative"));
        assert!(complaint(|w| drop(w.0.insert("odd".into(), w.0["fc0.0.bias"].clone()))).contains("odd"));
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        for content in [&b""[..], b"hello there", &[0xff; 64], b"\x02\0\0\0\0\0\0\0{}"] {
            fs::write(&path, content).unwrap();
            if let Ok((weights, _)) = Weights::read_safetensors(&path) {
                assert!(weights.0.is_empty());
            }
        }
        fs::write(&path, [0xff; 64]).unwrap();
        assert!(Weights::read_safetensors(&path).unwrap_err().to_string().contains("not a safetensors"));
    }
}
