//! Event files for TensorBoard: TFRecord framing around `Event` messages with scalar summaries.
//!
//! A record is its length (u64), the masked CRC-32C of that, the message, and the masked CRC-32C of the message, all
//! little-endian; a CRC is masked as ((crc >> 15 | crc << 17) + 0xa282ead8).

use std::io::Write;
use std::path::Path;

use prost::Message;

use crate::error::Result;
use crate::io::output_file::{complete_file, CompleteFiles};

/// tensorflow.Event, with the fields used here.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<SummaryMessage>,
}

/// tensorflow.Summary.
#[derive(Clone, PartialEq, Message)]
struct SummaryMessage {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// tensorflow.Summary.Value.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// The scalars of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalars {
    /// Optimiser steps done.
    pub step: u64,
    /// Seconds since 1970.
    pub time: f64,
    /// Name and value; values that are not finite are omitted.
    pub values: Vec<(String, f64)>,
}

/// Write `path`, which has a temporary name until the returned set is renamed. TensorBoard wants `tfevents` in the name.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: &Path, list: &[Scalars]) -> Result<CompleteFiles> {
    let first = list.first().map_or(0.0, |s| s.time);
    let version = Event { wall_time: first, file_version: Some("brain.Event:2".into()), ..Default::default() };
    let mut content = Vec::new();
    record(&mut content, &version);
    for scalars in list {
        let values = scalars.values.iter().filter(|(_, v)| v.is_finite());
        let value =
            values.map(|(tag, v)| Value { tag: tag.clone(), simple_value: Some(*v as f32) }).collect::<Vec<_>>();
        let event = Event {
            wall_time: scalars.time,
            step: i64::try_from(scalars.step).unwrap_or(i64::MAX),
            summary: Some(SummaryMessage { value }),
            ..Default::default()
        };
        record(&mut content, &event);
    }
    complete_file(path, &content)
}

/// The metrics of a run, one step per epoch; its last epoch ended at `end`, in seconds since 1970.
#[cfg(feature = "torch")]
pub fn of_history(history: &[crate::training::epoch_metrics::EpochMetrics], end: f64) -> Vec<Scalars> {
    let mut time = end - history.iter().map(|m| m.seconds).sum::<f64>();
    let scalars = history.iter().map(|m| {
        time += m.seconds;
        let values = [
            ("loss/train", m.train_loss),
            ("loss/validation", m.validation_loss),
            ("learning_rate", m.learning_rate),
            ("pearson/hap1", m.pearson_hap1),
            ("pearson/hap2", m.pearson_hap2),
            ("pearson/ratio", m.pearson_ratio),
            ("spearman/hap1", m.spearman_hap1),
            ("spearman/hap2", m.spearman_hap2),
            ("spearman/ratio", m.spearman_ratio),
        ];
        Scalars { step: m.steps, time, values: values.map(|(tag, v)| (tag.to_string(), v)).to_vec() }
    });
    scalars.collect()
}

fn record(out: &mut Vec<u8>, event: &Event) {
    let message = event.encode_to_vec();
    let length = (message.len() as u64).to_le_bytes();
    for part in [&length[..], &message] {
        // Writing into memory cannot fail.
        let _ = out.write_all(part);
        let _ = out.write_all(&masked_crc(part).to_le_bytes());
    }
}

fn masked_crc(data: &[u8]) -> u32 {
    let crc = crc32c::crc32c(data);
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_framed_as_tensorboard_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.out.tfevents.1");
        let list = [Scalars { step: 7, time: 12.5, values: vec![("loss".into(), 0.25), ("none".into(), f64::NAN)] }];
        write(&path, &list).unwrap().rename().unwrap();
        let content = std::fs::read(&path).unwrap();
        let mut rest = &content[..];
        let mut events = Vec::new();
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let crc = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap());
            assert_eq!(crc(8), masked_crc(&rest[..8]));
            assert_eq!(crc(12 + length), masked_crc(&rest[12..12 + length]));
            events.push(Event::decode(&rest[12..12 + length]).unwrap());
            rest = &rest[16 + length..];
        }
        assert_eq!(events[0].file_version.as_deref(), Some("brain.Event:2"));
        let summary = events[1].summary.as_ref().unwrap();
        assert_eq!((events[1].step, summary.value.len()), (7, 1));
        assert_eq!((summary.value[0].tag.as_str(), summary.value[0].simple_value), ("loss", Some(0.25)));
        // The check value of CRC-32C, 0xe3069283 for the nine digits, masked.
        assert_eq!(masked_crc(b"123456789"), 0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8));
    }
}
