//! The sample of each read group of a header.

use std::collections::HashMap;

/// The read groups (`@RG`) of a SAM header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadGroups {
    /// Number of the sample by ID.
    samples: HashMap<Box<[u8]>, u32>,
    /// SM of the samples, in the order of the header.
    names: Vec<String>,
}

impl ReadGroups {
    /// From the text of a header. A group without SM is a separate sample; of a repeated ID the first counts.
    pub fn from_header(text: &str) -> Self {
        let mut groups = Self::default();
        for line in text.lines().filter(|l| l.starts_with("@RG\t")) {
            let field = |key: &str| line.split('\t').find_map(|f| f.strip_prefix(key)).filter(|v| !v.is_empty());
            let Some(id) = field("ID:") else { continue };
            if groups.samples.contains_key(id.as_bytes()) {
                continue;
            }
            let name = field("SM:").unwrap_or("");
            let known = groups.names.iter().position(|n| !name.is_empty() && n == name);
            let sample = known.unwrap_or(groups.names.len());
            if known.is_none() {
                groups.names.push(name.to_string());
            }
            groups.samples.insert(id.as_bytes().into(), sample as u32);
        }
        groups
    }

    /// Number of the sample of read group `id`, from 0 in the order of the header; `None` for a group that the header does
    /// not have.
    pub fn sample(&self, id: &[u8]) -> Option<u32> {
        self.samples.get(id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_one_sample_share_its_number() {
        let header = "@HD\tVN:1\n@RG\tID:a\tSM:x\n@RG\tSM:y\tID:b\n@RG\tID:c\tSM:x\n@RG\tID:d\n@RG\tID:e\n@RG\tID:a\tSM:y\n@RG\tSM:z\n";
        let groups = ReadGroups::from_header(header);
        let of = |id: &str| groups.sample(id.as_bytes());
        assert_eq!(
            [of("a"), of("b"), of("c"), of("d"), of("e"), of("f")],
            [Some(0), Some(1), Some(0), Some(2), Some(3), None]
        );
    }
}
