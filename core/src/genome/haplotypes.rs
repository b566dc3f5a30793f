//! How users name a haplotype: the reference, an inbred strain, or one side of a phased sample.

use std::fmt;
use std::str::FromStr;

/// Where the alleles of one haplotype come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HaplotypeSource {
    /// The reference: `ref`.
    Reference,
    /// Homozygous calls of a sample: `SAMPLE`.
    Strain(String),
    /// Allele 1 or 2 of a sample's phased calls: `SAMPLE:1`, `SAMPLE:2`.
    Phased(String, u8),
}

impl HaplotypeSource {
    /// The VCF sample whose alleles are used; `None` for the reference.
    pub fn sample(&self) -> Option<&str> {
        match self {
            HaplotypeSource::Reference => None,
            HaplotypeSource::Strain(name) | HaplotypeSource::Phased(name, _) => Some(name),
        }
    }
}

impl FromStr for HaplotypeSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |name: &str| {
            if name.is_empty() {
                Err(format!("\"{text}\" does not name a sample; use ref, SAMPLE, SAMPLE:1 or SAMPLE:2"))
            } else {
                Ok(name.to_string())
            }
        };
        if text == "ref" {
            return Ok(HaplotypeSource::Reference);
        }
        if let Some(name) = text.strip_suffix(":1") {
            return Ok(HaplotypeSource::Phased(named(name)?, 1));
        }
        if let Some(name) = text.strip_suffix(":2") {
            return Ok(HaplotypeSource::Phased(named(name)?, 2));
        }
        Ok(HaplotypeSource::Strain(named(text)?))
    }
}

impl fmt::Display for HaplotypeSource {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            HaplotypeSource::Reference => write!(f, "ref"),
            HaplotypeSource::Strain(name) => write!(f, "{name}"),
            HaplotypeSource::Phased(name, side) => write!(f, "{name}:{side}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_are_parsed_and_displayed() {
        for text in ["ref", "CAST_EiJ", "NA12878:1", "a:b:2"] {
            assert_eq!(text.parse::<HaplotypeSource>().unwrap().to_string(), text);
        }
        assert_eq!("a:b:2".parse(), Ok(HaplotypeSource::Phased("a:b".into(), 2)));
        assert_eq!("x:3".parse(), Ok(HaplotypeSource::Strain("x:3".into())));
        assert!("".parse::<HaplotypeSource>().is_err());
        assert!(":1".parse::<HaplotypeSource>().is_err());
    }
}
