//! What a model file says about itself: all that inference needs apart from the graph.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use std::fmt::Display;
use std::str::FromStr;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::io::regions::{Anchor, TssSource};
use crate::model::architecture::{RatioHead, Strands};
use crate::model::window::{Orientation, WindowLayout, WindowRule};
use crate::model::Architecture;

/// Version of the metadata; a reader refuses newer ones.
pub const FORMAT_VERSION: u32 = 3;

choice!(
    /// What the measured values were, and so how a prediction is turned back into one.
    Scale, "target scale",
    /// Fragment counts; the network sees log(count + pseudocount).
    Counts "counts",
    /// Other non-negative values (expression, activity); the network sees log(value + pseudocount).
    Linear "linear",
    /// Values that were log2 already; the network sees the logarithm in its own base, no pseudocount.
    Log2 "log2",
);

/// How measured values and network outputs relate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetScale {
    /// What the measured values are.
    pub scale: Scale,
    /// Added to a value before its logarithm; not used by [`Scale::Log2`].
    pub pseudocount: f64,
    /// Base of the network's logarithms: e for everything trained here, 2 for published expression models.
    pub log_base: LogBase,
}

choice!(
    /// Base of the logarithms inside a network.
    LogBase, "base of logarithms",
    /// Natural logarithm.
    E "e",
    /// Base 2.
    Two "2",
);

impl LogBase {
    /// Natural logarithm of the base.
    pub fn ln(self) -> f64 {
        match self {
            LogBase::E => 1.0,
            LogBase::Two => LN_2,
        }
    }
}

impl Default for TargetScale {
    /// ln(count + 1), as published for ATAC and ChIP.
    fn default() -> Self {
        TargetScale { scale: Scale::Counts, pseudocount: 1.0, log_base: LogBase::E }
    }
}

impl Scale {
    /// What is usually added to a measured value before its logarithm.
    pub fn usual_pseudocount(self) -> f64 {
        match self {
            Scale::Counts => 1.0,
            Scale::Linear => 0.1,
            Scale::Log2 => 0.0,
        }
    }
}

impl TargetScale {
    /// The scale of measured counts compared with a model: that of its own measurements, but a model of log2 values has no
    /// pseudocount to take logarithms of counts with.
    pub fn of_counts(self) -> Self {
        match self.scale {
            Scale::Log2 => TargetScale::default(),
            Scale::Counts | Scale::Linear => self.of_measurements(),
        }
    }

    /// The scale in which measured counts are compared with outputs: where outputs are logarithms of expected counts
    /// themselves, a count of 0 needs a pseudocount all the same.
    pub fn of_measurements(self) -> Self {
        match self.scale {
            Scale::Counts if self.pseudocount == 0.0 => TargetScale { pseudocount: 1.0, ..self },
            _ => self,
        }
    }

    /// A measured value as the network sees it.
    pub fn to_network(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Counts | Scale::Linear => (value + self.pseudocount).ln() / self.log_base.ln(),
            Scale::Log2 => value * LN_2 / self.log_base.ln(),
        }
    }

    /// A network output as a measured value: the inverse of [`TargetScale::to_network`].
    pub fn from_network(&self, output: f64) -> f64 {
        match self.scale {
            Scale::Counts | Scale::Linear => (output * self.log_base.ln()).exp() - self.pseudocount,
            Scale::Log2 => output * self.log_base.ln() / LN_2,
        }
    }

    /// A network output as users see it: as [`TargetScale::from_network`], but counts and other values that cannot
    /// be negative are cut at 0.
    pub fn in_units(&self, output: f64) -> f64 {
        let value = self.from_network(output);
        match self.scale {
            Scale::Counts | Scale::Linear => value.max(0.0),
            Scale::Log2 => value,
        }
    }

    /// A ratio, or a difference of two counts, in the network's logarithm, as log2.
    pub fn log2(&self, output: f64) -> f64 {
        output * self.log_base.ln() / LN_2
    }
}

/// Parts of the genome that training did not learn from: chromosomes, or `chrom:start-end` (1-based, inclusive).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeldOut {
    /// Used for early stopping and for choosing the model.
    pub validation: Vec<String>,
    /// Used for nothing but the reported figures.
    pub test: Vec<String>,
}

/// What `metadata_props` of a model file hold.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Sizes of the network.
    pub architecture: Architecture,
    /// Relation of outputs to measured values.
    pub targets: TargetScale,
    /// Names of the samples predicted, one for each of the architecture's outputs; empty when not known.
    pub samples: Vec<String>,
    /// Which bases of a region the network reads.
    pub windows: WindowRule,
    /// Networks in the file, whose mean is the prediction.
    pub members: usize,
    /// What favours haplotype 1 whatever the sequence, for each sample, in the network's logarithm: learned apart from
    /// an antisymmetric ratio head and no part of a prediction. Empty for other networks.
    pub ratio_bias: Vec<f64>,
    /// Names of haplotype 1 and 2 in training; empty when not known.
    pub haplotypes: [String; 2],
    /// Reference the windows came from (file name or assembly); empty when not known.
    pub genome: String,
    /// What training kept apart.
    pub held_out: HeldOut,
    /// Command line that made the model.
    pub command: String,
    /// Version of the tool that made it.
    pub tool_version: String,
    /// Anything else worth keeping; keys must not be among our own.
    pub extra: BTreeMap<String, String>,
}

const PREFIX: &str = "deepallele.";
/// Far above any ensemble that makes sense.
const MAX_MEMBERS: usize = 256;

impl ModelInfo {
    /// The number of the sample of this name among those predicted.
    ///
    /// # Errors
    /// There is none; the message lists those there are, and does not name the file.
    pub fn sample_number(&self, name: &str) -> Result<usize> {
        self.samples.iter().position(|sample| sample == name).ok_or_else(|| {
            let known = match &self.samples[..] {
                [] => "its samples have no names".into(),
                samples => format!("it has {}", samples.join(", ")),
            };
            Error::mismatch(format!("does not predict a sample \"{name}\" ({known})"))
        })
    }

    /// Description of a network with the default targets and nothing else known.
    pub fn new(architecture: Architecture) -> Self {
        ModelInfo {
            architecture,
            targets: TargetScale::default(),
            samples: Vec::new(),
            windows: WindowRule::default(),
            members: 1,
            ratio_bias: Vec::new(),
            haplotypes: Default::default(),
            genome: String::new(),
            held_out: HeldOut::default(),
            command: String::new(),
            tool_version: env!("CARGO_PKG_VERSION").into(),
            extra: BTreeMap::new(),
        }
    }

    /// As the string pairs of an ONNX file's `metadata_props`, all keys under `deepallele.`.
    pub fn to_metadata(&self) -> BTreeMap<String, String> {
        let a = &self.architecture;
        let mut map: BTreeMap<String, String> = self.extra.clone();
        let mut put = |key: &str, value: &dyn Display| map.insert(key.into(), value.to_string());
        put("format_version", &FORMAT_VERSION);
        put("tool_version", &self.tool_version);
        put("command", &self.command);
        put("kind", &a.kind);
        put("window", &a.window);
        put("conv_layers", &a.conv_layers);
        put("conv_repeat", &a.conv_repeat);
        put("kernel_number", &a.kernel_number);
        put("kernel_length", &a.kernel_length);
        put("filter_number", &a.filter_number);
        put("kernel_size", &a.kernel_size);
        put("pooling_size", &a.pooling_size);
        put("dilation", &a.dilation);
        put("h_layers", &a.h_layers);
        put("hidden", &a.hidden);
        put("dropout", &a.dropout);
        put("batch_norm", &a.batch_norm);
        put("strands", &a.strands);
        put("ratio_head", &a.ratio_head);
        put("tower_dropout", &a.tower_dropout);
        put("outputs", &a.outputs);
        put("kmers", &a.kmers);
        put("members", &self.members);
        put("layout", &self.windows.layout);
        put("anchor", &self.windows.anchor.map_or("", Anchor::name));
        put("tss", &self.windows.tss);
        put("orientation", &self.windows.orientation);
        let bias: Vec<String> = self.ratio_bias.iter().map(f64::to_string).collect();
        put("ratio_bias", &bias.join(","));
        // A name may hold any letter but a line break.
        put("samples", &self.samples.join("\n"));
        // For readers other than ours; both are fixed in this format version.
        put("encoding", &"one-hot ACGT, N 0.25, left-aligned, zero-padded");
        put("heads", &"count1,count2,ratio");
        put("target_scale", &self.targets.scale);
        put("pseudocount", &self.targets.pseudocount);
        put("log_base", &self.targets.log_base);
        put("haplotype1", &self.haplotypes[0]);
        put("haplotype2", &self.haplotypes[1]);
        put("genome", &self.genome);
        put("validation", &self.held_out.validation.join(","));
        put("test", &self.held_out.test.join(","));
        map.into_iter().map(|(key, value)| (format!("{PREFIX}{key}"), value)).collect()
    }

    /// Read what [`ModelInfo::to_metadata`] wrote; keys of others are ignored.
    ///
    /// # Errors
    /// A key is missing or its value makes no sense, or the format is newer than this version knows. The message
    /// names no file; the caller does.
    pub fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self> {
        let mut own: BTreeMap<&str, &str> =
            metadata.iter().filter_map(|(k, v)| Some((k.strip_prefix(PREFIX)?, v.as_str()))).collect();
        let version: u32 = take(&mut own, "format_version")?;
        if version == 0 || version > FORMAT_VERSION {
            return Err(Error::mismatch(format!(
                "model format {version} is newer than this version reads ({FORMAT_VERSION}); update deepallele"
            )));
        }
        let architecture = Architecture {
            kind: take(&mut own, "kind")?,
            window: take(&mut own, "window")?,
            conv_layers: take(&mut own, "conv_layers")?,
            conv_repeat: take(&mut own, "conv_repeat")?,
            kernel_number: take(&mut own, "kernel_number")?,
            kernel_length: take(&mut own, "kernel_length")?,
            filter_number: take(&mut own, "filter_number")?,
            kernel_size: take(&mut own, "kernel_size")?,
            pooling_size: take(&mut own, "pooling_size")?,
            dilation: take(&mut own, "dilation")?,
            h_layers: take(&mut own, "h_layers")?,
            hidden: take(&mut own, "hidden")?,
            dropout: take(&mut own, "dropout")?,
            batch_norm: take(&mut own, "batch_norm")?,
            // Keys that format 1 had not; it knew the published design alone.
            strands: take_or(&mut own, "strands", Strands::Joined)?,
            ratio_head: take_or(&mut own, "ratio_head", RatioHead::Free)?,
            tower_dropout: take_or(&mut own, "tower_dropout", 0.0)?,
            outputs: take_or(&mut own, "outputs", 1)?,
            kmers: take_or(&mut own, "kmers", 0)?,
        };
        architecture.validate()?;
        let members: usize = take_or(&mut own, "members", 1)?;
        // Before format 3 training read windows around the middle of a region, whatever the file had.
        let anchor = match own.get("anchor") {
            Some(&"") => own.remove("anchor").and(None),
            _ => Some(take_or(&mut own, "anchor", Anchor::Middle)?),
        };
        let windows = WindowRule {
            layout: take_or(&mut own, "layout", WindowLayout::Centred)?,
            anchor,
            tss: take_or(&mut own, "tss", TssSource::Gene)?,
            orientation: take_or(&mut own, "orientation", Orientation::Forward)?,
        };
        if members == 0 || members > MAX_MEMBERS {
            return Err(Error::mismatch(format!("the model's metadata have {PREFIX}members={members}")));
        }
        let targets = TargetScale {
            scale: take(&mut own, "target_scale")?,
            pseudocount: take(&mut own, "pseudocount")?,
            log_base: take(&mut own, "log_base")?,
        };
        if !targets.pseudocount.is_finite() {
            return Err(Error::mismatch("the model's metadata have a pseudocount that is not a number"));
        }
        let mut text = |key: &str| own.remove(key).unwrap_or_default().to_string();
        let samples: Vec<String> = text("samples").split('\n').filter(|s| !s.is_empty()).map(String::from).collect();
        let bias = text("ratio_bias");
        let ratio_bias: std::result::Result<Vec<f64>, _> =
            bias.split(',').filter(|s| !s.is_empty()).map(str::parse).collect();
        let ratio_bias = ratio_bias
            .ok()
            .filter(|b| b.iter().all(|x| x.is_finite()))
            .ok_or_else(|| Error::mismatch(format!("the model's metadata have {PREFIX}ratio_bias={bias}")))?;
        for (count, what) in [(samples.len(), "samples"), (ratio_bias.len(), "ratio_bias")] {
            if count != 0 && count != architecture.outputs {
                return Err(Error::mismatch(format!(
                    "the model's metadata have {count} values of {PREFIX}{what} for {} outputs",
                    architecture.outputs
                )));
            }
        }
        let haplotypes = [text("haplotype1"), text("haplotype2")];
        let (genome, command, tool_version) = (text("genome"), text("command"), text("tool_version"));
        let names = |joined: String| joined.split(',').filter(|s| !s.is_empty()).map(String::from).collect();
        let held_out = HeldOut { validation: names(text("validation")), test: names(text("test")) };
        text("encoding");
        text("heads");
        let extra = own.into_iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Ok(ModelInfo {
            architecture,
            targets,
            samples,
            windows,
            members,
            ratio_bias,
            haplotypes,
            genome,
            held_out,
            command,
            tool_version,
            extra,
        })
    }
}

fn take<T: FromStr>(own: &mut BTreeMap<&str, &str>, key: &str) -> Result<T> {
    let value = own.remove(key).ok_or_else(|| Error::mismatch(format!("the model's metadata lack {PREFIX}{key}")))?;
    value.parse().map_err(|_| Error::mismatch(format!("the model's metadata have {PREFIX}{key}={value}")))
}

/// As [`take`], for a key that may be absent.
fn take_or<T: FromStr>(own: &mut BTreeMap<&str, &str>, key: &str, default: T) -> Result<T> {
    match own.contains_key(key) {
        true => take(own, key),
        false => Ok(default),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn info() -> ModelInfo {
        let mut info = ModelInfo::new(Architecture::preset("rna", Kind::Difference).unwrap());
        info.targets = TargetScale { scale: Scale::Linear, pseudocount: 0.125, log_base: LogBase::Two };
        info.haplotypes = ["ref".into(), "CAST/EiJ".into()];
        info.held_out = HeldOut { validation: vec!["chr16".into()], test: vec!["chr18:1-5".into(), "chr2".into()] };
        info.command = "deepallele train \"a b\"\tc".into();
        info.extra.insert("seed".into(), "7".into());
        info
    }

    fn newer() -> ModelInfo {
        let mut info = ModelInfo::new(Architecture {
            strands: Strands::Averaged,
            ratio_head: RatioHead::Antisymmetric,
            tower_dropout: 0.25,
            outputs: 2,
            kmers: 3,
            ..Architecture::preset("small", Kind::Paired).unwrap()
        });
        info.samples = vec!["liver, fed".into(), "brain".into()];
        info.ratio_bias = vec![-0.25, 1.5e-3];
        info.windows = WindowRule {
            layout: WindowLayout::LeftAligned,
            anchor: Some(Anchor::Tss),
            tss: TssSource::Canonical,
            orientation: Orientation::Region,
        };
        info.members = 5;
        info
    }

    #[test]
    fn metadata_read_back() {
        assert_eq!(ModelInfo::from_metadata(&info().to_metadata()).unwrap(), info());
        assert_eq!(ModelInfo::from_metadata(&newer().to_metadata()).unwrap(), newer());
    }

    #[test]
    fn the_first_format_is_the_published_design() {
        let mut metadata = info().to_metadata();
        for key in [
            "strands",
            "ratio_head",
            "tower_dropout",
            "outputs",
            "kmers",
            "members",
            "layout",
            "ratio_bias",
            "samples",
            "anchor",
            "tss",
            "orientation",
        ] {
            metadata.remove(&format!("{PREFIX}{key}")).unwrap();
        }
        metadata.insert(format!("{PREFIX}format_version"), "1".into());
        let windows = WindowRule { anchor: Some(Anchor::Middle), ..WindowRule::default() };
        assert_eq!(ModelInfo::from_metadata(&metadata).unwrap(), ModelInfo { windows, ..info() });
    }

    #[test]
    fn metadata_of_others_are_refused() {
        assert!(ModelInfo::from_metadata(&BTreeMap::new()).unwrap_err().to_string().contains("format_version"));
        for (key, value, complaint) in [
            ("format_version", "4", "update"),
            ("anchor", "peak", "anchor=peak"),
            ("orientation", "minus", "orientation=minus"),
            ("outputs", "0", "outputs is 0"),
            ("kmers", "6", "kmers is 6"),
            ("members", "9999999", "members"),
            ("ratio_bias", "0.5,x", "ratio_bias"),
            ("ratio_bias", "0.5,0.5", "2 values"),
            ("strands", "both", "strands=both"),
            ("window", "-3", "window=-3"),
            ("window", "0", "window is 0"),
            ("kind", "mh", "kind=mh"),
            ("pseudocount", "inf", "pseudocount"),
        ] {
            let mut metadata = info().to_metadata();
            metadata.insert(format!("{PREFIX}{key}"), value.into());
            let message = ModelInfo::from_metadata(&metadata).unwrap_err().to_string();
            assert!(message.contains(complaint), "{message}");
        }
    }

    #[test]
    fn scales_are_inverted() {
        let natural = TargetScale::default();
        assert!((natural.to_network(7.0) - 8f64.ln()).abs() < 1e-12);
        assert!((natural.log2(LN_2) - 1.0).abs() < 1e-12);
        for scale in [Scale::Counts, Scale::Linear, Scale::Log2] {
            for log_base in [LogBase::E, LogBase::Two] {
                let targets = TargetScale { scale, pseudocount: 0.5, log_base };
                assert!((targets.from_network(targets.to_network(3.25)) - 3.25).abs() < 1e-12);
            }
        }
        let published = TargetScale { scale: Scale::Log2, pseudocount: 0.0, log_base: LogBase::Two };
        assert_eq!(published.to_network(5.0), 5.0);
        assert_eq!(published.log2(1.5), 1.5);
    }
}
