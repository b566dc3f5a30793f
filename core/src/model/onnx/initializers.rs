//! The networks inside a model file, read back from its graph.

use std::collections::BTreeMap;

use prost::Message;

use crate::model::architecture::KMER_WEIGHT;
use crate::model::onnx::export::{graph, member_prefix};
use crate::model::onnx::proto::{GraphProto, ModelProto, TensorProto, FLOAT};
use crate::model::Architecture;
use crate::model::ModelInfo;
use crate::model::{Tensor, Weights};

/// The networks of a model file, one for each member. Where the file has a batch norm merged into its convolution, the
/// batch norm here has a scale of 1 or -1 and the shift that remained.
///
/// `None` unless exporting these networks gives the graph of the file, number for number, which proves that they are
/// what the file computes.
pub fn read_weights(model: &[u8], info: &ModelInfo) -> Option<Vec<Weights>> {
    let file = ModelProto::decode(model).ok()?.graph?;
    let architecture = &info.architecture;
    let members: Option<Vec<Weights>> =
        (0..info.members).map(|number| member(&file, architecture, &member_prefix(number, info.members))).collect();
    let members = members?;
    (graph(architecture, &members).ok()? == file).then_some(members)
}

fn member(file: &GraphProto, architecture: &Architecture, prefix: &str) -> Option<Weights> {
    let tensors: BTreeMap<&str, &TensorProto> = file.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
    let (mut signs, mut shifts) = (BTreeMap::new(), BTreeMap::new());
    // A batch norm belongs to the last convolution before it, also after a sum or a pool.
    let mut key: Option<String> = None;
    for node in &file.node {
        match node.op_type.as_str() {
            "Conv" => {
                let own = node.input.get(1)?.strip_prefix(prefix);
                key = own.and_then(|name| name.strip_suffix(".weight")).map(String::from);
            }
            "BatchNormalization" => {
                let Some(key) = &key else { continue };
                let scale = numbers(tensors.get(node.input.get(1)?.as_str())?)?;
                let shift = numbers(tensors.get(node.input.get(2)?.as_str())?)?;
                if scale.iter().any(|&s| s < 0.0) {
                    signs.insert(key.clone(), scale);
                } else {
                    shifts.insert(key.clone(), shift);
                }
            }
            _ => {}
        }
    }
    let made = architecture.tensor_shapes().into_iter().map(|(name, shape)| {
        let size = shape.iter().product();
        let of = |part: &str| name.strip_suffix(part);
        let data = if let Some(key) = of(".2.weight") {
            signs.remove(key).unwrap_or_else(|| vec![1.0; size])
        } else if let Some(key) = of(".2.bias") {
            shifts.remove(key).unwrap_or_else(|| vec![0.0; size])
        } else if of(".2.running_var").is_some() {
            // With the epsilon of batch norm it is 1 in float32.
            vec![1.0 - 1e-5; size]
        } else if of(".2.running_mean").is_some() || name == "ratio_bias" {
            // The bias is not part of the graph.
            vec![0.0; size]
        } else if name == KMER_WEIGHT {
            numbers(tensors.get(format!("{prefix}{name}").as_str())?)?
        } else {
            let (key, part) = name.rsplit_once(".0.")?;
            numbers(tensors.get(format!("{prefix}{key}.{part}").as_str())?)?
        };
        (data.len() == size).then_some((name, Tensor { shape, data }))
    });
    Some(Weights(made.collect::<Option<_>>()?))
}

fn numbers(tensor: &TensorProto) -> Option<Vec<f32>> {
    let read = tensor.raw_data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    (tensor.data_type == FLOAT && tensor.raw_data.len().is_multiple_of(4)).then(|| read.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::onnx::export::export_ensemble;
    use crate::model::weights::random_weights;
    use crate::model::Kind;

    #[test]
    fn what_was_exported_is_read_and_exported_again() {
        for (kind, members, batch_norm) in
            [(Kind::Paired, 1, true), (Kind::Difference, 3, true), (Kind::Single, 2, false)]
        {
            let preset = Architecture::preset("small", kind).unwrap();
            let architecture = Architecture {
                window: 40,
                kernel_number: 7,
                filter_number: 5,
                hidden: 6,
                conv_repeat: 2,
                batch_norm,
                kmers: members,
                ..preset
            }
            .recommended();
            let mut info = ModelInfo::new(architecture.clone());
            info.members = members;
            let mut networks: Vec<Weights> =
                (0..members as u64).map(|seed| random_weights(&architecture, seed)).collect();
            if let Some(gamma) = networks[0].0.get_mut("convlayers.1._module.2.weight") {
                gamma.data.iter_mut().step_by(3).for_each(|g| *g = -*g);
            }
            let file = export_ensemble(&info, &networks).unwrap();
            let read = read_weights(&file, &info).expect("a file of ours");
            assert_eq!(read.len(), members);
            // Apart from the bias in the metadata they are the same file.
            let again = ModelProto::decode(&export_ensemble(&info, &read).unwrap()[..]).unwrap();
            assert_eq!(again.graph, ModelProto::decode(&file[..]).unwrap().graph);
            assert!(networks.iter().zip(&read).all(|(a, b)| a.0["fc0.0.weight"] == b.0["fc0.0.weight"]));
        }
    }

    #[test]
    fn another_graph_is_not_taken_for_ours() {
        let info = ModelInfo::new(Architecture { window: 40, ..Architecture::preset("small", Kind::Paired).unwrap() });
        let file = export_ensemble(&info, &[random_weights(&info.architecture, 1)]).unwrap();
        let change = |edit: fn(&mut GraphProto)| {
            let mut model = ModelProto::decode(&file[..]).unwrap();
            edit(model.graph.as_mut().unwrap());
            read_weights(&model.encode_to_vec(), &info)
        };
        assert!(change(|_| ()).is_some());
        assert!(change(|graph| graph.node.iter_mut().find(|n| n.op_type == "Relu").unwrap().op_type = "Tanh".into())
            .is_none());
        assert!(change(|graph| drop(graph.node.pop())).is_none());
        assert!(change(|graph| drop(graph.initializer.pop())).is_none());
        assert!(change(|graph| graph.node.iter_mut().find(|n| n.op_type == "Conv").unwrap().attribute[2].ints[1] = 3)
            .is_none());
        let other = ModelInfo { members: 2, ..info.clone() };
        assert!(read_weights(&file, &other).is_none());
        assert!(read_weights(b"hello", &info).is_none());
    }
}
