//! How the contributions of a folder were made.

use serde::{Deserialize, Serialize};

use crate::explanation::attributions::methods::Baseline;
use crate::explanation::attributions::{Gauge, Head};

/// Version of the layout of a folder that this version writes and reads.
pub const FORMAT: u32 = 1;

/// The file of a folder that holds the settings.
pub const SETTINGS: &str = "explain.json";

/// How the numbers of a folder were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributionSettings {
    /// Version of the folder's layout.
    pub format: u32,
    /// [`Method`](crate::explanation::attributions::methods::Method) by its name.
    pub method: String,
    /// What contributions are relative to, for methods that have a
    /// [`Baseline`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Shuffles of each allele, if they are the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffles: Option<usize>,
    /// Seed of the shuffles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Which prediction is explained.
    pub head: Head,
    /// What contributions are relative to.
    pub gauge: Gauge,
    /// `log2`.
    pub unit: String,
    /// Bases of a window.
    pub window: usize,
    /// Networks whose mean the contributions are.
    pub networks: usize,
    /// Files of the models, as they were named.
    pub models: Vec<String>,
    /// The two haplotypes; of designed pairs the columns of their table.
    pub haplotypes: [String; 2],
    /// Number of pairs.
    pub pairs: usize,
    /// Version of the program.
    pub version: Option<String>,
    /// Command line.
    pub command: Option<String>,
}

/// Those of `pairs` pairs of `window` bases, for tests.
#[cfg(test)]
pub(crate) fn test_settings(pairs: usize, window: usize) -> AttributionSettings {
    AttributionSettings {
        format: FORMAT,
        method: "ism".into(),
        baseline: None,
        shuffles: None,
        seed: None,
        head: Head::Ratio,
        gauge: Gauge::ZeroSum,
        unit: "log2".into(),
        window,
        networks: 1,
        models: vec!["model.onnx".into()],
        haplotypes: ["F1:1", "F1:2"].map(String::from),
        pairs,
        version: None,
        command: Some("explain attributions -m model.onnx".into()),
    }
}
