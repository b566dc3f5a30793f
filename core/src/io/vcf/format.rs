//! The formats in which VCF and BCF are written.

use std::path::Path;
use std::str::FromStr;

/// A format of VCF or BCF; compressed ones with an optional level, 0 (uncompressed) to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VcfFormat {
    /// `v`: plain VCF.
    Vcf,
    /// `z`: VCF compressed with BGZF.
    VcfGz(Option<u8>),
    /// `b`: BCF compressed with BGZF.
    Bcf(Option<u8>),
    /// `u`: uncompressed BCF, for pipes.
    BcfUncompressed,
}

/// A kind of index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKind {
    /// CSI, for contigs of any length.
    Csi,
    /// TBI, for VCF only, up to 512 Mb.
    Tbi,
}

impl IndexKind {
    /// What its file is called after the name of the data.
    pub fn suffix(self) -> &'static str {
        match self {
            IndexKind::Csi => ".csi",
            IndexKind::Tbi => ".tbi",
        }
    }
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

    /// Check that an index of this kind can be made for the format.
    ///
    /// # Errors
    /// It cannot; the message says what to do.
    pub fn check_index(self, kind: IndexKind) -> Result<(), String> {
        match (self, kind) {
            (VcfFormat::Vcf | VcfFormat::BcfUncompressed, _) => {
                Err("-W needs compressed output: use -Oz or -Ob, or a name in .vcf.gz or .bcf".into())
            }
            (VcfFormat::Bcf(_), IndexKind::Tbi) => Err("BCF needs a CSI index: use -W or -W=csi".into()),
            _ => Ok(()),
        }
    }
}

impl FromStr for VcfFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad =
            || format!("\"{text}\" is not an output type; use u, b, v or z, with an optional level 0-9 after b or z");
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
            _ => Err(format!("\"{text}\" is not an index type; use csi or tbi")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_those_of_bcftools() {
        assert_eq!("u".parse(), Ok(VcfFormat::BcfUncompressed));
        assert_eq!("b".parse(), Ok(VcfFormat::Bcf(None)));
        assert_eq!("z9".parse(), Ok(VcfFormat::VcfGz(Some(9))));
        for wrong in ["", "x", "v3", "z10", "zz"] {
            assert!(wrong.parse::<VcfFormat>().is_err(), "{wrong}");
        }
    }
}
