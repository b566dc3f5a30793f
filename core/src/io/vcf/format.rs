//! The forms a VCF can be written in.

use std::path::Path;
use std::str::FromStr;

/// A form of VCF or BCF; compressed ones with an optional level, 0 (stored) to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VcfFormat {
    /// `v`
    Vcf,
    /// `z`, BGZF
    VcfGz(Option<u8>),
    /// `b`
    Bcf(Option<u8>),
    /// `u`, for pipes
    BcfUncompressed,
}

/// A kind of index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKind {
    Csi,
    Tbi,
}

impl VcfFormat {
    /// By the suffix of a file name: `.bcf`, `.vcf.gz` (or any `.gz`, `.bgz`), else plain VCF.
    pub fn from_suffix(path: &Path) -> Self {
        match path.extension().and_then(|e| e.to_str()) {
            Some("bcf") => VcfFormat::Bcf(None),
            Some("gz" | "bgz") => VcfFormat::VcfGz(None),
            _ => VcfFormat::Vcf,
        }
    }

    /// Whether an index of this kind can be made for the format; otherwise why not.
    pub fn check_index(self, kind: IndexKind) -> Result<(), String> {
        match (self, kind) {
            (VcfFormat::Vcf | VcfFormat::BcfUncompressed, _) => {
                Err("-W needs compressed output: use -Oz or -Ob, or a name in .vcf.gz or .bcf".into())
            }
            (VcfFormat::Bcf(_), IndexKind::Tbi) => Err("BCF takes a CSI index: use -W or -W=csi".into()),
            _ => Ok(()),
        }
    }
}

impl FromStr for VcfFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("\"{text}\" is no output type; use u, b, v or z, with a level 0-9 behind b or z");
        let mut letters = text.chars();
        let (kind, level, rest) = (letters.next(), letters.next(), letters.next());
        let level = match level {
            None => None,
            Some(c) => Some(c.to_digit(10).ok_or_else(bad)? as u8),
        };
        match (kind, level, rest) {
            (_, _, Some(_)) => Err(bad()),
            (Some('u'), None, _) => Ok(VcfFormat::BcfUncompressed),
            (Some('v'), None, _) => Ok(VcfFormat::Vcf),
            (Some('b'), level, _) => Ok(VcfFormat::Bcf(level)),
            (Some('z'), level, _) => Ok(VcfFormat::VcfGz(level)),
            _ => Err(bad()),
        }
    }
}

impl FromStr for IndexKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "csi" => Ok(IndexKind::Csi),
            "tbi" => Ok(IndexKind::Tbi),
            _ => Err(format!("\"{text}\" is no index type; use csi or tbi")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_as_bcftools_has_them() {
        assert_eq!("u".parse(), Ok(VcfFormat::BcfUncompressed));
        assert_eq!("b".parse(), Ok(VcfFormat::Bcf(None)));
        assert_eq!("z9".parse(), Ok(VcfFormat::VcfGz(Some(9))));
        for wrong in ["", "x", "v3", "z10", "zz"] {
            assert!(wrong.parse::<VcfFormat>().is_err(), "{wrong}");
        }
    }
}
