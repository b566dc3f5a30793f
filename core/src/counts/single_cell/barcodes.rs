//! Groups of fragments, such as cells: fragments of one sample with the same value of a tag.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use crate::counts::Fragment;
use crate::error::{Error, Result};
use crate::io::text_input::open_text;

/// Most groups: they have 30 bits in the keys of the matrices.
const MAX_GROUPS: usize = 1 << 30;

/// A list of barcodes, in the order of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barcodes(Vec<Box<[u8]>>);

impl Barcodes {
    /// Read a list, one barcode per line (the first of several tab-separated columns), plain or gzip; empty lines are
    /// skipped.
    ///
    /// # Errors
    /// A line without a valid barcode, a barcode that occurs twice, and a file without barcodes.
    pub fn read(path: &Path) -> Result<Self> {
        let mut reader = open_text(path)?;
        let mut seen: HashMap<Box<[u8]>, u64> = HashMap::new();
        let mut list = Vec::new();
        let mut line = Vec::new();
        for number in 1u64.. {
            line.clear();
            if reader.read_until(b'\n', &mut line).map_err(|e| Error::io(path, e))? == 0 {
                break;
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if text.is_empty() {
                continue;
            }
            let wrong = |problem: String| Error::input(path, format!("line {number}: {problem}"));
            let barcode = text.split(|&b| b == b'\t').next().unwrap_or(b"");
            if usable(Some(barcode)).is_none() {
                return Err(wrong(format!("\"{}\" is not a valid barcode", shown(barcode))));
            }
            if let Some(first) = seen.insert(barcode.into(), number) {
                return Err(wrong(format!("barcode \"{}\" occurs on line {first} already", shown(barcode))));
            }
            list.push(barcode.into());
        }
        if list.is_empty() {
            return Err(Error::input(path, "contains no barcode; give one per line"));
        }
        Ok(Self(list))
    }
}

/// Bytes of an input as part of a message.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// The value of a tag if it can be written into a table: not empty, printable ASCII as SAM demands, and not the `-` that
/// some aligners write for no value.
pub(super) fn usable(value: Option<&[u8]>) -> Option<&[u8]> {
    value.filter(|v| !v.is_empty() && *v != b"-" && v.iter().all(|b| (b' '..=b'~').contains(b)))
}

/// The group of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The number of the group, see [`Groups::name`].
    Is(u32),
    /// The fragment has no usable tag.
    Untagged,
    /// Its barcode is not listed.
    Unlisted,
}

/// The groups, numbered in order of first occurrence. The same value in two samples is two groups, named `SAMPLE_VALUE`
/// (like those of merged objects in Seurat and scanpy); with one sample, a group is named by its value alone.
#[derive(Clone, Debug)]
pub struct Groups {
    samples: Vec<String>,
    by_tag: bool,
    listed: bool,
    numbers: Vec<HashMap<Arc<[u8]>, u32>>,
    names: Vec<(u32, Arc<[u8]>)>,
}

impl Groups {
    /// One group per sample, with its name.
    pub fn samples(samples: &[String]) -> Self {
        Self {
            samples: samples.to_vec(),
            by_tag: false,
            listed: false,
            numbers: Vec::new(),
            names: (0..samples.len() as u32).map(|s| (s, Arc::from(&b""[..]))).collect(),
        }
    }

    /// Groups by a tag. With `barcodes`, only these, sample by sample in the order of the list. With several samples, an
    /// entry `SAMPLE_VALUE` applies to that sample, any other to all of them.
    ///
    /// # Errors
    /// Too many groups.
    pub fn tagged(samples: &[String], barcodes: Option<&Barcodes>) -> Result<Self> {
        let mut groups = Self {
            samples: samples.to_vec(),
            by_tag: true,
            listed: barcodes.is_some(),
            numbers: vec![HashMap::new(); samples.len()],
            names: Vec::new(),
        };
        let prefixes: Vec<Vec<u8>> = samples.iter().map(|s| format!("{s}_").into_bytes()).collect();
        // The longest prefix: the name of one sample may begin with that of another.
        let owner = |entry: &[u8]| {
            let fits = (0..samples.len()).filter(|&s| samples.len() > 1 && entry.starts_with(&prefixes[s]));
            fits.max_by_key(|&s| prefixes[s].len())
        };
        let owners: Vec<Option<usize>> = barcodes.iter().flat_map(|b| &b.0).map(|entry| owner(entry)).collect();
        for sample in 0..samples.len() {
            for (entry, owner) in barcodes.iter().flat_map(|b| &b.0).zip(&owners) {
                match owner {
                    Some(s) if *s == sample => groups.number(sample, &entry[prefixes[sample].len()..])?,
                    Some(_) => continue,
                    None => groups.number(sample, entry)?,
                };
            }
        }
        Ok(groups)
    }

    fn number(&mut self, sample: usize, value: &[u8]) -> Result<u32> {
        if let Some(&number) = self.numbers[sample].get(value) {
            return Ok(number);
        }
        if self.names.len() >= MAX_GROUPS {
            return Err(Error::mismatch(format!(
                "more than {MAX_GROUPS} groups: is the tag a barcode? list the groups with --barcodes"
            )));
        }
        let number = self.names.len() as u32;
        let value: Arc<[u8]> = value.into();
        self.names.push((sample as u32, value.clone()));
        self.numbers[sample].insert(value, number);
        Ok(number)
    }

    /// The group of a fragment.
    ///
    /// # Errors
    /// Too many groups.
    pub fn of(&mut self, fragment: &Fragment) -> Result<Group> {
        if !self.by_tag {
            return Ok(Group::Is(fragment.sample as u32));
        }
        let Some(value) = usable(fragment.group) else { return Ok(Group::Untagged) };
        if self.listed {
            return Ok(self.numbers[fragment.sample].get(value).map_or(Group::Unlisted, |&n| Group::Is(n)));
        }
        self.number(fragment.sample, value).map(Group::Is)
    }

    /// Number of the group of a fragment. Fragments without one are added to `untagged` or `unlisted`.
    ///
    /// # Errors
    /// Too many groups.
    pub fn number_of(&mut self, fragment: &Fragment, untagged: &mut u64, unlisted: &mut u64) -> Result<Option<u32>> {
        let why = match self.of(fragment)? {
            Group::Is(number) => return Ok(Some(number)),
            Group::Untagged => untagged,
            Group::Unlisted => unlisted,
        };
        *why += 1;
        Ok(None)
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Name of a group.
    pub fn name(&self, number: u32) -> Vec<u8> {
        let (sample, value) = &self.names[number as usize];
        let sample = self.samples[*sample as usize].as_bytes();
        match (self.by_tag, self.samples.len()) {
            (false, _) => sample.to_vec(),
            (true, 1) => value.to_vec(),
            (true, _) => [sample, b"_", value].concat(),
        }
    }

    /// The groups in the order of output: as listed, or by sample and value.
    pub fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.names.len() as u32).collect();
        if !self.listed {
            order.sort_by(|&a, &b| self.names[a as usize].cmp(&self.names[b as usize]));
        }
        order
    }

    /// True if only listed groups count.
    pub fn listed(&self) -> bool {
        self.listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assignment::Class;
    use crate::counts::sinks::test_fragment;

    fn fragment(sample: usize, group: &str) -> Fragment<'_> {
        Fragment { sample, group: Some(group.as_bytes()), ..test_fragment(Class::Hap1, &[0]) }
    }

    fn names(groups: &Groups) -> Vec<String> {
        groups.order().into_iter().map(|n| String::from_utf8(groups.name(n)).unwrap()).collect()
    }

    fn list(text: &str) -> Result<Barcodes> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.tsv");
        std::fs::write(&path, text).unwrap();
        Barcodes::read(&path)
    }

    #[test]
    fn group_names_have_the_sample_if_there_are_several() {
        let mut one = Groups::tagged(&["a".into()], None).unwrap();
        for name in ["T", "C", "T", "-", "", "a\tb"] {
            one.of(&fragment(0, name)).unwrap();
        }
        assert_eq!(names(&one), ["C", "T"]);
        let mut two = Groups::tagged(&["x".into(), "a".into()], None).unwrap();
        let numbers: Vec<Group> =
            [(1, "T"), (0, "T"), (0, "C"), (1, "T")].map(|(s, g)| two.of(&fragment(s, g)).unwrap()).to_vec();
        assert_eq!(numbers, [Group::Is(0), Group::Is(1), Group::Is(2), Group::Is(0)]);
        assert_eq!(names(&two), ["x_C", "x_T", "a_T"]);
        assert_eq!(names(&Groups::samples(&["x".into(), "a".into()])), ["x", "a"]);
    }

    #[test]
    fn listed_groups_keep_their_order() {
        let barcodes = list("T-1\textra\r\n\nC-1\nb_c_G-1\n").unwrap();
        let mut one = Groups::tagged(&["b".into()], Some(&barcodes)).unwrap();
        assert_eq!(names(&one), ["T-1", "C-1", "b_c_G-1"]);
        assert_eq!(one.of(&fragment(0, "C-1")).unwrap(), Group::Is(1));
        assert_eq!(one.of(&fragment(0, "A-1")).unwrap(), Group::Unlisted);
        assert_eq!(one.of(&fragment(0, "-")).unwrap(), Group::Untagged);
        let several = Groups::tagged(&["b".into(), "b_c".into()], Some(&barcodes)).unwrap();
        assert_eq!(names(&several), ["b_T-1", "b_C-1", "b_c_T-1", "b_c_C-1", "b_c_G-1"]);
    }

    #[test]
    fn errors_in_lists_are_reported_by_line() {
        for (text, part) in [
            ("", "contains no barcode"),
            ("\n\n", "contains no barcode"),
            ("A\nC\nA\n", "line 3: barcode \"A\" occurs on line 1"),
            ("A\n\u{1}x\n", "line 2: \"?x\" is not a valid barcode"),
            ("A\n\tC\n", "line 2"),
        ] {
            let message = list(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text:?} gave {message}");
        }
    }
}
