//! The part of the ONNX file format (onnx.proto, IR version 8) that models of this suite use, as prost messages.
//! Field numbers are those of the published schema; `packed = "false"` because it is a proto2 schema.

use prost::encoding::{decode_key, decode_varint, WireType};
use prost::Message;

/// Bytes that the names and descriptions of a model file may have together: all but the numbers of its tensors.
const MOST_TEXT: u64 = 16 << 20;
/// Messages that it may have, on the levels that are looked at. In memory the smallest takes a hundred bytes; in a file, two.
const MOST_MESSAGES: u64 = 1 << 20;

/// Check, without taking memory, that decoding the model file `bytes` takes not much more memory than the file: its
/// metadata, nodes and initializers are counted where they are.
///
/// # Errors
/// The rest of a sentence after the name of the file.
pub fn check_size(bytes: &[u8]) -> Result<(), &'static str> {
    let mut count = Count { text: 0, messages: 0 };
    // Fields that are not decoded are skipped without memory, as are the numbers of tensors, which are as large in memory
    // as in the file.
    let whole = walk(bytes, &mut |field, content| match field {
        // The graph.
        7 => walk(content, &mut |field, content| match field {
            // A node, with its own fields.
            1 => {
                count.messages += 1;
                walk(content, &mut |_, content| count.take(content))
            }
            // A tensor.
            5 => {
                count.messages += 1;
                walk(content, &mut |field, content| !matches!(field, 1 | 8) || count.take(content))
            }
            2 | 11 | 12 => count.take(content),
            _ => true,
        }),
        2 | 3 | 8 | 14 => count.take(content),
        _ => true,
    });
    match (whole, count.fits()) {
        (_, false) => Err("has more than 16 MB of names and metadata, or a million parts, as no model has"),
        (false, true) => Err("is not an ONNX model"),
        (true, true) => Ok(()),
    }
}

/// What decoding a file would allocate beyond the numbers of its tensors.
struct Count {
    text: u64,
    messages: u64,
}

impl Count {
    /// Count a field; false if there are too many.
    fn take(&mut self, content: &[u8]) -> bool {
        self.messages += 1;
        self.text += content.len() as u64;
        self.fits()
    }

    fn fits(&self) -> bool {
        self.text <= MOST_TEXT && self.messages <= MOST_MESSAGES
    }
}

/// Call `each` with the number and content (empty for a plain number) of every field of a message, while it returns
/// true. False if it did not, or the message is broken.
fn walk(mut bytes: &[u8], each: &mut dyn FnMut(u32, &[u8]) -> bool) -> bool {
    while !bytes.is_empty() {
        let Ok((field, kind)) = decode_key(&mut bytes) else { return false };
        let size = match kind {
            WireType::Varint => match decode_varint(&mut bytes) {
                Ok(_) => 0,
                Err(_) => return false,
            },
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::LengthDelimited => match decode_varint(&mut bytes).map(usize::try_from) {
                Ok(Ok(size)) => size,
                _ => return false,
            },
            // Groups are not part of the format.
            WireType::StartGroup | WireType::EndGroup => return false,
        };
        let Some((content, rest)) = bytes.split_at_checked(size) else { return false };
        bytes = rest;
        if !each(field, content) {
            return false;
        }
    }
    true
}

#[derive(Clone, PartialEq, Message)]
pub struct ModelProto {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetId>,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringEntry>,
}

/// A model file read for its metadata alone: the graph is skipped, not copied.
#[derive(Clone, PartialEq, Message)]
pub struct ModelHead {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringEntry>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OperatorSetId {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct StringEntry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

/// Values of `Attribute::kind` and `TensorProto::data_type`.
pub const ATTRIBUTE_FLOAT: i32 = 1;
pub const ATTRIBUTE_INT: i32 = 2;
pub const ATTRIBUTE_INTS: i32 = 7;
pub const FLOAT: i32 = 1;
pub const INT64: i32 = 7;

#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    /// Little-endian, row-major.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<TypeProto>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TypeProto {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorShape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub param: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_would_take_far_more_memory_is_refused() {
        let entries = |n: usize| {
            let mut model = ModelProto { ir_version: 8, ..Default::default() }.encode_to_vec();
            // An empty entry of the metadata takes two bytes here, and 48 in memory.
            model.extend([0x72, 0].repeat(n));
            model
        };
        assert_eq!(check_size(&entries(1000)), Ok(()));
        assert!(check_size(&entries(2_000_000)).unwrap_err().contains("16 MB"));
        let value = "x".repeat(17 << 20);
        let metadata_props = vec![StringEntry { key: "deepallele.x".into(), value }];
        let model = ModelProto { ir_version: 8, metadata_props, ..Default::default() }.encode_to_vec();
        assert!(check_size(&model).unwrap_err().contains("16 MB"));
        let nodes = GraphProto { node: vec![NodeProto::default(); 2_000_000], ..Default::default() };
        let model = ModelProto { ir_version: 8, graph: Some(nodes), ..Default::default() }.encode_to_vec();
        assert!(check_size(&model).is_err());
    }

    #[test]
    fn numbers_of_tensors_are_not_limited() {
        let tensor = TensorProto { raw_data: vec![0; 40 << 20], dims: vec![10 << 20], ..Default::default() };
        let graph = GraphProto { initializer: vec![tensor], ..Default::default() };
        let model = ModelProto { ir_version: 8, graph: Some(graph), ..Default::default() }.encode_to_vec();
        assert_eq!(check_size(&model), Ok(()));
        assert_eq!(check_size(&model[..model.len() - 1]), Err("is not an ONNX model"));
        assert_eq!(check_size(b"#chrom\tstart"), Err("is not an ONNX model"));
    }
}
