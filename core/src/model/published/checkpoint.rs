//! Published checkpoints, as Lightning writes them: a zip archive (`torch.save` since 1.6) of one pickle and the
//! tensors. Nothing in it is executed; see [`crate::model::published::pickle`].

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use half::{bf16, f16};
use zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result};
use crate::model::architecture::{RatioHead, Strands};
use crate::model::published::pickle::{Pickle, StorageType, TensorRef, View, MAX_PICKLE};
use crate::model::{Architecture, Kind};
use crate::model::{Tensor, Weights};

/// Largest checkpoint extracted from an archive of several, in bytes: ten times that of the largest published network
/// with the state of its optimiser.
const MAX_MEMBER: u64 = 2 << 30;
/// Bytes to which a compressed one may expand, and how many times its size beyond that: weights hardly compress, while
/// deflate can fill the temporary folder with 2 GB out of 2 MB.
const EXPANDS_FREELY: u64 = 64 << 20;
const EXPANDS_AT_MOST: u64 = 20;

/// The network of a checkpoint.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its sizes.
    pub architecture: Architecture,
    /// Its weights.
    pub weights: Weights,
    /// Name of the checkpoint inside an archive of several.
    pub member: Option<String>,
    /// Kernels of the first convolution that the checkpoint masks; their weights here make their output 0.
    pub masked: usize,
}

/// Read the network of a Lightning checkpoint: [`read_member`] of a file that is, or holds, only one.
///
/// # Errors
/// As [`read_member`].
pub fn read_checkpoint(path: &Path) -> Result<(Architecture, Weights)> {
    read_member(path, None).map(|found| (found.architecture, found.weights))
}

/// Read the network of a Lightning checkpoint: its sizes from `hyper_parameters` and the shapes of the tensors,
/// its weights from `state_dict`. Of an archive of checkpoints, `member` names one: by its name, or the end of it
/// from a `/` on.
///
/// # Errors
/// The file is not such a checkpoint or is damaged, it asks to load something other than tensors and plain containers,
/// its network has another design (the message names the setting), or it is an archive in which `member` does not
/// select one.
pub fn read_member(path: &Path, member: Option<&str>) -> Result<Imported> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let size = file.metadata().map_err(|e| Error::io(path, e))?;
    if !size.is_file() {
        return Err(Error::input(path, "is not a regular file, so it cannot be a checkpoint"));
    }
    let refuse = |problem: String| Error::input(path, problem);
    let (mut archive, member) = open(file, size.len(), member).map_err(refuse)?;
    let refuse = |problem: String| match &member {
        Some(name) => Error::input(path, format!("its member \"{}\" {problem}", name.escape_debug())),
        None => Error::input(path, problem),
    };
    let pickle = Pickle::read(&archive.pickle().map_err(refuse)?).map_err(refuse)?;
    let root = pickle.root();
    let state = root
        .get("state_dict")
        .ok_or_else(|| refuse("has no state_dict: it is not a Lightning checkpoint of a network".into()))?;
    let tensors = list_tensors(state).map_err(refuse)?;
    let settings = root
        .get("hyper_parameters")
        .ok_or_else(|| refuse("has no hyper_parameters, so the sizes of its network are not known".into()))?;
    let architecture = sizes(&tensors, settings).map_err(refuse)?;
    let misfit = |e: Error| refuse(format!("does not fit the {} network it says it is: {e}", architecture.kind));
    architecture.validate().map_err(misfit)?;
    let mut weights = Weights::default();
    // Shapes first, so that no data are read for a network that will be refused, and never more than the size of the
    // file.
    let mut left = archive.file_size;
    for (name, shape) in architecture.tensor_shapes() {
        let Some(&tensor) = tensors.get(name.as_str()) else {
            return Err(misfit(Error::mismatch(format!("the tensor {name} is missing"))));
        };
        if !tensor.shape.iter().copied().eq(shape.iter().map(|&n| n as u64)) {
            let problem = format!("the tensor {name} has shape {:?}, expected {shape:?}", tensor.shape);
            return Err(misfit(Error::mismatch(problem)));
        }
        let data = archive.numbers(tensor, &mut left).map_err(|e| refuse(format!("{e} (tensor {name})")))?;
        weights.0.insert(name, Tensor { shape, data });
    }
    if let Some(extra) = tensors.keys().find(|name| !weights.0.contains_key(**name)) {
        return Err(misfit(Error::mismatch(format!("the tensor {} does not belong to it", extra.escape_debug()))));
    }
    weights.check(&architecture).map_err(misfit)?;
    let mask = mask(settings, architecture.kernel_number).map_err(refuse)?;
    switch_off(&mut weights, &architecture, &mask);
    Ok(Imported { architecture, weights, member, masked: mask.len() })
}

/// The kernels in the setting `mask`, in order.
fn mask(settings: View<'_>, kernels: usize) -> Part<Vec<usize>> {
    let Some(mask) = settings.get("mask").filter(|mask| !mask.is_empty()) else { return Ok(Vec::new()) };
    let list = mask.list().ok_or("has a mask that is not a list of kernels (hyper-parameter mask)")?;
    let mut list = list
        .map(|kernel| match kernel.int().map(usize::try_from) {
            Some(Ok(kernel)) if kernel < kernels => Ok(kernel),
            _ => Err(format!("has a mask with an entry that is not a kernel, from 0 to {} (mask)", kernels - 1)),
        })
        .collect::<Part<Vec<_>>>()?;
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// Make the outputs of `kernels` exactly 0, as a mask after the first block does: by the scale and shift of its batch
/// norm, or without one by the kernel itself, whose rectified output is then 0.
fn switch_off(weights: &mut Weights, architecture: &Architecture, kernels: &[usize]) {
    let layer = if architecture.batch_norm { "conv0.2" } else { "conv0.0" };
    for part in ["weight", "bias"] {
        let Some(tensor) = weights.0.get_mut(&format!("{layer}.{part}")) else { continue };
        let each = tensor.data.len() / architecture.kernel_number;
        for &kernel in kernels {
            tensor.data[kernel * each..(kernel + 1) * each].fill(0.0);
        }
    }
}

type Part<T> = std::result::Result<T, String>;

fn list_tensors(state: View<'_>) -> Part<BTreeMap<&str, &TensorRef>> {
    let items = state.items().ok_or("has a state_dict that is not a dictionary")?;
    let mut tensors = BTreeMap::new();
    for (key, value) in items {
        let name = key.text().ok_or("has a state_dict with a key that is not a string")?;
        if name.ends_with(".num_batches_tracked") {
            continue;
        }
        let tensor = value
            .tensor()
            .ok_or_else(|| format!("has a state_dict in which {} is not a tensor", name.escape_debug()))?;
        tensors.insert(name, tensor);
    }
    Ok(tensors)
}

/// Sizes of the network: from the shapes of tensors where possible, else from the settings.
fn sizes(tensors: &BTreeMap<&str, &TensorRef>, settings: View<'_>) -> Part<Architecture> {
    let axis = |name: &str, axis: usize| -> Part<usize> {
        let tensor =
            tensors.get(name).ok_or_else(|| format!("lacks the tensor {name}; it is not a DeepAllele network"))?;
        let length = tensor.shape.get(axis).ok_or_else(|| format!("has a tensor {name} of too few axes"))?;
        usize::try_from(*length).map_err(|_| format!("has a tensor {name} of impossible size"))
    };
    let whole = |name: &str, default: Option<usize>| -> Part<usize> {
        match settings.get(name) {
            Some(value) => value
                .int()
                .and_then(|n| usize::try_from(n).ok())
                .ok_or_else(|| format!("has the hyper-parameter {name}, which is not a whole number")),
            None => default.ok_or_else(|| format!("lacks the hyper-parameter {name}")),
        }
    };
    if let Some(pooling) = settings.get("pooling_type").filter(|p| p.text() != Some("avg")) {
        let name = pooling.text().unwrap_or("?").escape_debug();
        return Err(format!("has {name} pooling (pooling_type); only avg pooling is supported"));
    }
    let strands = whole("input_length", None)?;
    if strands % 2 != 0 {
        return Err(format!("has input_length {strands}, which should be twice the window"));
    }
    let count = |prefix: &str| {
        (0..).take_while(|layer| tensors.contains_key(format!("{prefix}.{layer}.0.weight").as_str())).count()
    };
    let kind = if tensors.contains_key("ratio_out.0.weight") {
        Kind::Paired
    } else if tensors.contains_key("counts_out.0.weight") {
        Kind::Difference
    } else {
        Kind::Single
    };
    let dropout = settings.get("dropout").map_or(Some(0.2), View::float).ok_or("has a dropout that is not a number")?;
    Ok(Architecture {
        kind,
        window: strands / 2,
        conv_layers: whole("conv_layers", Some(4))?,
        conv_repeat: whole("conv_repeat", Some(1))?,
        kernel_number: axis("conv0.0.weight", 0)?,
        kernel_length: axis("conv0.0.weight", 2)?,
        filter_number: axis("convlayers.0.0.weight", 0)?,
        kernel_size: axis("convlayers.0.0.weight", 2)?,
        pooling_size: whole("pooling_size", Some(2))?,
        dilation: whole("dilation", Some(1))?,
        h_layers: count("fclayers"),
        hidden: axis("fc0.0.weight", 0)?,
        dropout,
        batch_norm: tensors.contains_key("conv0.2.weight"),
        strands: Strands::Joined,
        ratio_head: RatioHead::Free,
        tower_dropout: 0.0,
        outputs: 1,
        kmers: 0,
    })
}

struct Archive<R: io::Read + io::Seek> {
    zip: ZipArchive<R>,
    /// Folder inside the archive, with its `/`.
    root: String,
    file_size: u64,
}

/// The archive of one checkpoint: the file itself, or the member of it that `member` names, unpacked into a
/// temporary file.
fn open(file: File, size: u64, member: Option<&str>) -> Part<(Archive<BufReader<File>>, Option<String>)> {
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|_| NO_ZIP.to_string())?;
    let names = member_names(&zip);
    if names.iter().any(|name| name.ends_with("/data.pkl")) {
        return match member {
            Some(_) => Err("is one checkpoint, not an archive of several; leave --member out".into()),
            None => Ok((Archive::new(zip, size)?, None)),
        };
    }
    let name = choose(&names, member)?.to_string();
    let damaged = |e: &dyn std::fmt::Display| format!("is damaged: {} cannot be read ({e})", name.escape_debug());
    let packed = zip.by_name(&name).map_err(|e| damaged(&e))?;
    let size = packed.size();
    if size > MAX_MEMBER {
        return Err(format!("has a member {} of {size} bytes, too large to be right", name.escape_debug()));
    }
    let compressed = packed.compressed_size();
    if size > EXPANDS_FREELY && size / EXPANDS_AT_MOST > compressed {
        return Err(format!(
            "has a member {} of {size} bytes in {compressed}, which cannot be weights; unpack it yourself if it is sound",
            name.escape_debug()
        ));
    }
    let scratch = |e: io::Error| format!("cannot be unpacked into a temporary file ({e})");
    let mut file = tempfile::tempfile().map_err(scratch)?;
    // Never more than its declared size, however much it decompresses to.
    let written = io::copy(&mut packed.take(size + 1), &mut file).map_err(|e| damaged(&e))?;
    if written != size {
        return Err(damaged(&"its size is not the declared one"));
    }
    file.rewind().map_err(scratch)?;
    let inner = ZipArchive::new(BufReader::new(file))
        .map_err(|_| NO_ZIP.to_string())
        .and_then(|zip| Archive::new(zip, size))
        .map_err(|problem| format!("its member \"{}\" {problem}", name.escape_debug()))?;
    Ok((inner, Some(name)))
}

const NO_ZIP: &str = "is not a checkpoint: not a zip archive, as torch.save has written since PyTorch 1.6";

/// Names of the members, without those that cannot be read.
fn member_names<R: io::Read + io::Seek>(zip: &ZipArchive<R>) -> Vec<String> {
    zip.file_names().flatten().map(|name| name.into_owned()).collect()
}

/// The checkpoint that `member` selects among `names`, or the only one.
fn choose<'a>(names: &'a [String], member: Option<&str>) -> Part<&'a str> {
    let all: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.ends_with(".ckpt")).collect();
    let listed = |list: &[&str]| {
        let more = list.len().saturating_sub(8);
        let shown: Vec<String> = list.iter().take(8).map(|name| format!("\"{}\"", name.escape_debug())).collect();
        shown.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
    };
    if all.is_empty() {
        return Err("is a zip archive, but not a checkpoint: it has no data.pkl".into());
    }
    let Some(wanted) = member else {
        return match all[..] {
            [only] => Ok(only),
            _ => Err(format!("is an archive of {} checkpoints; choose one with --member: {}", all.len(), listed(&all))),
        };
    };
    if let Some(name) = all.iter().find(|name| **name == wanted) {
        return Ok(name);
    }
    let fits = |name: &&str| name.strip_suffix(wanted).is_some_and(|before| before.ends_with('/'));
    match all.iter().copied().filter(fits).collect::<Vec<_>>()[..] {
        [one] => Ok(one),
        [] => Err(format!("has no checkpoint \"{}\"; there are {}", wanted.escape_debug(), listed(&all))),
        ref several => Err(format!("has more than one \"{}\": {}", wanted.escape_debug(), listed(several))),
    }
}

impl<R: io::Read + io::Seek> Archive<R> {
    fn new(zip: ZipArchive<R>, file_size: u64) -> Part<Self> {
        let names = member_names(&zip);
        let pickles: Vec<&String> = names.iter().filter(|name| name.ends_with("/data.pkl")).collect();
        let root = match pickles[..] {
            [name] => name.trim_end_matches("data.pkl").to_string(),
            [] => return Err("is a zip archive, but not a checkpoint: it has no data.pkl".into()),
            _ => return Err("is not a checkpoint: it has more than one data.pkl".into()),
        };
        let mut archive = Archive { zip, root, file_size };
        // Written since PyTorch 2.1; before it every file was little-endian.
        if archive.has("byteorder") && archive.member("byteorder", 16)? != b"little" {
            return Err("was written on a big-endian machine, which is not supported".into());
        }
        Ok(archive)
    }

    fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(&format!("{}{name}", self.root)).is_some()
    }

    fn pickle(&mut self) -> Part<Vec<u8>> {
        self.member("data.pkl", MAX_PICKLE as u64)
    }

    /// A member as a whole, at most `limit` bytes. Members are stored, not compressed, so that none can decompress to
    /// more than the file itself.
    fn member(&mut self, name: &str, limit: u64) -> Part<Vec<u8>> {
        let full = format!("{}{name}", self.root);
        let damaged = |e: &dyn std::fmt::Display| format!("is damaged: {} cannot be read ({e})", full.escape_debug());
        let member = self.zip.by_name(&full).map_err(|e| damaged(&e))?;
        if member.compression() != CompressionMethod::Stored {
            return Err(format!("has its member {} compressed, as torch.save never does", full.escape_debug()));
        }
        if member.size() > limit || member.size() > self.file_size {
            return Err(format!(
                "has a member {} of {} bytes, too large to be right",
                full.escape_debug(),
                member.size()
            ));
        }
        let (size, mut content) = (member.size(), Vec::new());
        member.take(limit).read_to_end(&mut content).map_err(|e| damaged(&e))?;
        if content.len() as u64 != size {
            return Err(damaged(&"it is cut short"));
        }
        Ok(content)
    }

    /// The elements of a tensor, row-major. `left` is the number of bytes that may still be read from the file.
    fn numbers(&mut self, tensor: &TensorRef, left: &mut u64) -> Part<Vec<f32>> {
        let width: u64 = match tensor.kind {
            StorageType::Double => 8,
            StorageType::Float => 4,
            StorageType::Half | StorageType::BFloat16 => 2,
            StorageType::Other(name) => return Err(format!("has {name} where floating point is expected")),
        };
        let outside = || "has a tensor that reaches outside its storage".to_string();
        let bytes = tensor.storage_len.checked_mul(width).filter(|&n| n <= self.file_size).ok_or_else(outside)?;
        let elements = tensor.shape.iter().try_fold(1u64, |n, &axis| n.checked_mul(axis)).ok_or_else(outside)?;
        // A stride of 0 repeats elements: without this a short file could ask for any amount of memory.
        *left = elements.checked_mul(width).and_then(|n| left.checked_sub(n)).ok_or_else(outside)?;
        let last = (tensor.shape.iter().zip(&tensor.stride)).try_fold(tensor.offset, |at, (&axis, &stride)| {
            at.checked_add(axis.saturating_sub(1).checked_mul(stride)?)
        });
        if elements > 0 && last.is_none_or(|last| last >= tensor.storage_len) {
            return Err(outside());
        }
        let key = &tensor.key;
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(format!("has a storage named \"{}\"", key.escape_debug()));
        }
        let raw = self.member(&format!("data/{key}"), bytes)?;
        if (raw.len() as u64) < bytes {
            return Err(format!("is damaged: storage {key} has {} bytes, expected {bytes}", raw.len()));
        }
        let one = |at: u64| -> f32 {
            let part = &raw[(at * width) as usize..((at + 1) * width) as usize];
            let half = || u16::from_le_bytes([part[0], part[1]]);
            match tensor.kind {
                StorageType::Double => {
                    let mut eight = [0; 8];
                    eight.copy_from_slice(part);
                    f64::from_le_bytes(eight) as f32
                }
                StorageType::Half => f16::from_bits(half()).to_f32(),
                StorageType::BFloat16 => bf16::from_bits(half()).to_f32(),
                _ => f32::from_le_bytes([part[0], part[1], part[2], part[3]]),
            }
        };
        let mut index = vec![0u64; tensor.shape.len()];
        let mut data = Vec::with_capacity(elements as usize);
        for _ in 0..elements {
            let at = index.iter().zip(&tensor.stride).map(|(&i, &stride)| i * stride).sum::<u64>();
            data.push(one(tensor.offset + at));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < tensor.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Ok(data)
    }
}

#[cfg(test)]
#[path = "checkpoint_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "checkpoint_variants_tests.rs"]
mod variants_tests;
