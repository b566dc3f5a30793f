//! Values of the types that networks read and return, and how inputs and outputs are named in messages.

use half::f16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, Tensor, TensorElementType, TensorRef, ValueType};

use crate::model::onnx::session::one_line;

type Kind = TensorElementType;

/// Whether a tensor of this type can hold `value` exactly, apart from rounding of floating-point numbers; `None` for a
/// type that is not supported.
pub fn holds(kind: Kind, value: f64) -> Option<bool> {
    let whole = |least: f64, most: f64| value.fract() == 0.0 && (least..=most).contains(&value);
    Some(match kind {
        Kind::Float32 => (value as f32).is_finite(),
        Kind::Float64 => value.is_finite(),
        Kind::Float16 => f16::from_f64(value).is_finite(),
        Kind::Bool => value == 0.0 || value == 1.0,
        Kind::Int8 => whole(i8::MIN.into(), i8::MAX.into()),
        Kind::Uint8 => whole(0.0, u8::MAX.into()),
        Kind::Int16 => whole(i16::MIN.into(), i16::MAX.into()),
        Kind::Uint16 => whole(0.0, u16::MAX.into()),
        // Of 64 bits too: nothing larger is a constant that anyone gives to a network.
        Kind::Int32 | Kind::Int64 => whole(i32::MIN.into(), i32::MAX.into()),
        Kind::Uint32 | Kind::Uint64 => whole(0.0, u32::MAX.into()),
        _ => return None,
    })
}

/// A tensor of `numbers`, of a type for which [`holds`] is true of each.
///
/// # Errors
/// Their number does not fit the shape, or the type is not supported.
pub fn tensor<'a>(kind: Kind, shape: &[usize], numbers: &'a [f32]) -> Result<SessionInputValue<'a>, String> {
    match kind {
        Kind::Float32 => {
            let tensor = TensorRef::from_array_view((shape.to_vec(), numbers));
            tensor.map(Into::into).map_err(|e| one_line(&e.to_string()))
        }
        _ => converted(kind, shape, numbers.len(), |i| numbers[i].into()),
    }
}

/// A tensor that has `value`, for which [`holds`] is true, everywhere.
///
/// # Errors
/// The type is not supported.
pub fn filled(kind: Kind, shape: &[usize], value: f64) -> Result<SessionInputValue<'static>, String> {
    converted(kind, shape, shape.iter().product(), |_| value)
}

fn converted(
    kind: Kind,
    shape: &[usize],
    count: usize,
    number: impl Fn(usize) -> f64,
) -> Result<SessionInputValue<'static>, String> {
    fn make<T: PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static>(
        shape: &[usize],
        numbers: impl Iterator<Item = T>,
    ) -> Result<SessionInputValue<'static>, String> {
        let tensor = Tensor::from_array((shape.to_vec(), numbers.collect::<Vec<T>>()));
        tensor.map(Into::into).map_err(|e| one_line(&e.to_string()))
    }
    let numbers = (0..count).map(number);
    match kind {
        Kind::Float32 => make(shape, numbers.map(|x| x as f32)),
        Kind::Float64 => make(shape, numbers),
        Kind::Float16 => make(shape, numbers.map(f16::from_f64)),
        Kind::Bool => make(shape, numbers.map(|x| x != 0.0)),
        Kind::Int8 => make(shape, numbers.map(|x| x as i8)),
        Kind::Uint8 => make(shape, numbers.map(|x| x as u8)),
        Kind::Int16 => make(shape, numbers.map(|x| x as i16)),
        Kind::Uint16 => make(shape, numbers.map(|x| x as u16)),
        Kind::Int32 => make(shape, numbers.map(|x| x as i32)),
        Kind::Uint32 => make(shape, numbers.map(|x| x as u32)),
        Kind::Int64 => make(shape, numbers.map(|x| x as i64)),
        Kind::Uint64 => make(shape, numbers.map(|x| x as u64)),
        other => Err(format!("tensors of {} are not supported", kind_name(other))),
    }
}

/// The numbers of an output, row-major.
#[derive(Clone, Copy)]
pub enum Numbers<'a> {
    Single(&'a [f32]),
    Half(&'a [f16]),
    Double(&'a [f64]),
}

impl<'a> Numbers<'a> {
    /// Whether outputs of this type can be read.
    pub fn reads(kind: Option<Kind>) -> bool {
        matches!(kind, Some(Kind::Float32 | Kind::Float16 | Kind::Float64))
    }

    /// The numbers of a value.
    ///
    /// # Errors
    /// It is of another type.
    pub fn of(value: &'a DynValue) -> Result<Self, String> {
        let text = |e: ort::Error| one_line(&e.to_string());
        match value.dtype().tensor_type() {
            Some(Kind::Float16) => value.try_extract_tensor::<f16>().map(|(_, x)| Numbers::Half(x)).map_err(text),
            Some(Kind::Float64) => value.try_extract_tensor::<f64>().map(|(_, x)| Numbers::Double(x)).map_err(text),
            _ => value.try_extract_tensor::<f32>().map(|(_, x)| Numbers::Single(x)).map_err(text),
        }
    }

    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Numbers::Single(x) => x.len(),
            Numbers::Half(x) => x.len(),
            Numbers::Double(x) => x.len(),
        }
    }

    /// The number at `index`.
    ///
    /// # Panics
    /// There is none.
    pub fn at(self, index: usize) -> f64 {
        match self {
            Numbers::Single(x) => x[index].into(),
            Numbers::Half(x) => x[index].into(),
            Numbers::Double(x) => x[index],
        }
    }
}

/// The shape of a value, lengths that cannot be lengths as 0.
pub fn shape_of(value: &DynValue) -> Vec<usize> {
    let shape = value.dtype().tensor_shape();
    shape.map(|shape| shape.iter().map(|&n| usize::try_from(n).unwrap_or(0)).collect()).unwrap_or_default()
}

/// `float32`, `int8`, …
fn kind_name(kind: Kind) -> String {
    format!("{kind:?}").to_lowercase()
}

/// An input or output in words: `dna float32 (?, 4, 2114)`.
pub fn described(outlet: &Outlet) -> String {
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let lengths: Vec<String> = shape.iter().map(|&n| if n < 0 { "?".into() } else { n.to_string() }).collect();
            format!("{} {} ({})", outlet.name(), kind_name(*ty), lengths.join(", "))
        }
        other => format!("{} {}", outlet.name(), one_line(&other.to_string())),
    }
}

/// Several of them: `a float32 (?, 1), b int64 (?)`.
pub fn listed(outlets: &[Outlet]) -> String {
    outlets.iter().map(described).collect::<Vec<_>>().join(", ")
}
