//! A pickle reader that executes nothing: it builds numbers, strings, plain containers and descriptions of
//! tensors, and refuses the rest.
//!
//! A pickle is a program for a small stack machine; `GLOBAL` names a Python object and `REDUCE` calls it. Here a
//! name is only ever looked up in the lists below. A few are understood (tensors, ordered dictionaries), those
//! that training state is known to hold (optimiser, scheduler, trainer classes) become [`Node::Opaque`]
//! placeholders, and every other name ends the reading with an error.

use crate::model::published::pickle_machine::Machine;

/// Largest pickle read. The tensors lie outside it: those of published checkpoints have some ten kilobytes.
pub const MAX_PICKLE: usize = 8 << 20;

/// Place of a value in [`Pickle::nodes`].
pub(super) type Id = u32;
/// Why a pickle was refused, as the rest of a sentence that begins with the file's name.
pub type Refusal = String;
pub(super) type Result<T> = std::result::Result<T, Refusal>;

/// Number type of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageType {
    Float,
    Double,
    Half,
    BFloat16,
    /// Integers and the like: counters, never weights. Holds no more than its name.
    Other(&'static str),
}

/// A tensor as the pickle describes it; its numbers lie in the archive member `data/{key}`.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorRef {
    pub kind: StorageType,
    pub key: Box<str>,
    /// Elements of the storage.
    pub storage_len: u64,
    /// First element of the tensor in the storage.
    pub offset: u64,
    pub shape: Vec<u64>,
    pub stride: Vec<u64>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Box<str>),
    Tuple(Box<[Id]>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Box<(StorageType, Box<str>, u64)>),
    Tensor(Box<TensorRef>),
    /// Something of a part we do not use.
    Opaque,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Storage(StorageType),
    Harmless,
}

/// Look a name up. Only here are names given a meaning, and no meaning is ever "call it".
pub(super) fn resolve(module: &str, name: &str) -> Result<Global> {
    use StorageType::*;
    let storage = |kind| Ok(Global::Storage(kind));
    match (module, name) {
        ("collections", "OrderedDict") => return Ok(Global::OrderedDict),
        ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => return Ok(Global::RebuildTensor),
        ("torch._utils", "_rebuild_parameter") => return Ok(Global::RebuildParameter),
        ("torch", "Size") => return Ok(Global::Size),
        ("torch", "FloatStorage") => return storage(Float),
        ("torch", "DoubleStorage") => return storage(Double),
        ("torch", "HalfStorage") => return storage(Half),
        ("torch", "BFloat16Storage") => return storage(BFloat16),
        ("torch", "LongStorage") => return storage(Other("int64")),
        ("torch", "IntStorage") => return storage(Other("int32")),
        ("torch", "ShortStorage") => return storage(Other("int16")),
        ("torch", "CharStorage") => return storage(Other("int8")),
        ("torch", "ByteStorage") => return storage(Other("uint8")),
        ("torch", "BoolStorage") => return storage(Other("bool")),
        _ => {}
    }
    // Training state holds these (a cyclic schedule pickles one of its bound methods, and with it itself and the
    // optimiser). They are stood in for, never made.
    const PACKAGES: [&str; 5] =
        ["torch.optim", "pytorch_lightning", "lightning", "lightning_fabric", "lightning_utilities"];
    let in_package = |p: &&str| module.strip_prefix(*p).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let harmless = match module {
        "builtins" | "__builtin__" => matches!(
            name,
            "getattr" | "set" | "frozenset" | "dict" | "list" | "tuple" | "int" | "float" | "bool" | "str" | "object"
        ),
        "collections" => matches!(name, "defaultdict" | "deque"),
        "copyreg" | "copy_reg" => name == "_reconstructor",
        "_codecs" => name == "encode",
        "argparse" => name == "Namespace",
        "pathlib" => matches!(name, "Path" | "PosixPath" | "PurePosixPath"),
        "numpy" => matches!(name, "dtype" | "ndarray"),
        "numpy.core.multiarray" | "numpy._core.multiarray" => matches!(name, "scalar" | "_reconstruct"),
        "torch" => matches!(name, "device" | "float32" | "float64" | "float16" | "bfloat16" | "int64" | "int32"),
        _ => PACKAGES.iter().any(in_package),
    };
    // A dotted name walks through attributes, which could lead out of a harmless module.
    if harmless && !name.contains('.') {
        return Ok(Global::Harmless);
    }
    let shown = |text: &str| text.chars().take(60).collect::<String>().escape_debug().to_string();
    Err(format!(
        "asks to load {}.{}, which is no tensor or plain container; refused, nothing of it was executed",
        shown(module),
        shown(name)
    ))
}

/// A pickle read whole.
#[derive(Debug)]
pub struct Pickle {
    nodes: Vec<Node>,
    root: Id,
}

/// One value inside a [`Pickle`].
#[derive(Clone, Copy)]
pub struct View<'a> {
    pickle: &'a Pickle,
    id: Id,
}

impl Pickle {
    /// Read a pickle of any protocol up to 5.
    ///
    /// # Errors
    /// It is longer than [`MAX_PICKLE`], broken, or names a Python object outside the known ones.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_PICKLE {
            return Err(format!("holds a pickle of {} bytes, more than any checkpoint needs", bytes.len()));
        }
        let (nodes, root) = Machine::new(bytes).run()?;
        Ok(Pickle { nodes, root })
    }

    /// The value the pickle stands for.
    pub fn root(&self) -> View<'_> {
        View { pickle: self, id: self.root }
    }
}

impl<'a> View<'a> {
    fn node(self) -> &'a Node {
        &self.pickle.nodes[self.id as usize]
    }

    /// Value of a string key when this is a dictionary that has it.
    pub fn get(self, key: &str) -> Option<View<'a>> {
        self.items()?.filter(|(k, _)| k.text() == Some(key)).last().map(|(_, value)| value)
    }

    /// Keys and values when this is a dictionary.
    pub fn items(self) -> Option<impl Iterator<Item = (View<'a>, View<'a>)>> {
        let pickle = self.pickle;
        match self.node() {
            Node::Dict(items) => {
                Some(items.iter().map(move |&(k, v)| (View { pickle, id: k }, View { pickle, id: v })))
            }
            _ => None,
        }
    }

    /// The string, when it is one.
    pub fn text(self) -> Option<&'a str> {
        match self.node() {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, when it is an integer.
    pub fn int(self) -> Option<i64> {
        match *self.node() {
            Node::Int(value) => Some(value),
            _ => None,
        }
    }

    /// The number, whole or not.
    pub fn float(self) -> Option<f64> {
        match *self.node() {
            Node::Int(value) => Some(value as f64),
            Node::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The tensor, when it is one.
    pub fn tensor(self) -> Option<&'a TensorRef> {
        match self.node() {
            Node::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Values when this is a list or a tuple.
    pub fn list(self) -> Option<impl Iterator<Item = View<'a>>> {
        let pickle = self.pickle;
        let items: &[Id] = match self.node() {
            Node::List(items) => items,
            Node::Tuple(items) => items,
            _ => return None,
        };
        Some(items.iter().map(move |&id| View { pickle, id }))
    }

    /// None, False, or an empty list or tuple.
    pub fn is_empty(self) -> bool {
        match self.node() {
            Node::None | Node::Bool(false) => true,
            Node::List(items) => items.is_empty(),
            Node::Tuple(items) => items.is_empty(),
            _ => false,
        }
    }
}

#[cfg(test)]
#[path = "pickle_tests.rs"]
mod tests;
