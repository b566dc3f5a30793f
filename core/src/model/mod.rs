//! The paired network: architecture, weights, checkpoints, ONNX export and inference.
