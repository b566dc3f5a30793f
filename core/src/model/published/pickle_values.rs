//! The values that a pickle can hold here, and the Python objects that it may name.

/// Largest pickle read, in bytes. Tensors are outside of it: the pickles of published checkpoints have some ten
/// kilobytes.
pub const MAX_PICKLE: usize = 8 << 20;

/// Index of a value.
pub(super) type Id = u32;
/// Why a pickle was refused: the rest of a sentence that begins with the file's name.
pub type Refusal = String;
pub(super) type Result<T> = std::result::Result<T, Refusal>;

/// Number type of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageType {
    /// float32.
    Float,
    /// float64.
    Double,
    /// float16.
    Half,
    /// bfloat16.
    BFloat16,
    /// Other types, by name: counters, never weights.
    Other(&'static str),
}

/// A tensor as the pickle describes it; its numbers are in the member `data/{key}` of the archive.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorRef {
    /// Number type.
    pub kind: StorageType,
    /// Name of the storage.
    pub key: Box<str>,
    /// Elements of the storage.
    pub storage_len: u64,
    /// First element of the tensor in the storage.
    pub offset: u64,
    /// Length along each axis.
    pub shape: Vec<u64>,
    /// Elements of the storage between neighbours along each axis.
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
    /// A value that is not used here.
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

/// Look a name up. Names have a meaning only here, and no meaning is a call.
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
    // Training states hold these (a cyclic schedule pickles one of its bound methods, and with it itself and the
    // optimiser). They become placeholders.
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
        "asks to load {}.{}, which is not a tensor or plain container; refused, nothing was executed",
        shown(module),
        shown(name)
    ))
}
