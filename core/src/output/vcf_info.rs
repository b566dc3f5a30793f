//! The INFO fields of predicted effects.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::vcf::VcfHeader;

/// log2 fold change of the alternative over REF, from the ratio head.
pub const LFC: &str = "DA_LFC";
/// The same from the count heads.
pub const COUNT_LFC: &str = "DA_CLFC";
/// [`LFC`] in haplotype 1 and in haplotype 2, where two haplotypes are named: [`LFC`] is then their mean.
pub const LFC_BACKGROUND1: &str = "DA_LFC_BG1";
/// See [`LFC_BACKGROUND1`].
pub const LFC_BACKGROUND2: &str = "DA_LFC_BG2";
/// Predicted log2 ratio of the whole pair, haplotype 1 over haplotype 2.
pub const PAIR: &str = "DA_PAIR";
/// [`PAIR`] minus the sum of the effects of single variants.
pub const EPISTASIS: &str = "DA_EPI";
/// The main variant of its region.
pub const MAIN: &str = "DA_MAIN";
/// The regions whose windows were used, the one with the strongest effect first, `contig:from-to`, 1-based inclusive.
pub const REGION: &str = "DA_REGION";
/// Standard deviation of [`LFC`] over the networks of an ensemble.
pub const DEVIATION: &str = "DA_LFC_SD";
/// Jensen-Shannon distance of the profiles with the alternative and with REF, of a network that predicts profiles.
pub const DISTANCE: &str = "DA_JSD";
/// Quantile of [`LFC`] among null effects.
pub const QUANTILE: &str = "DA_Q";
/// Two-sided p-value of [`LFC`] among null effects.
pub const P_VALUE: &str = "DA_P";
/// All values in every region, in the form that `bcftools +split-vep` reads.
pub const ALL: &str = "DA_ALL";

/// Posterior inclusion probability, written by `explain cause`.
pub const PIP: &str = "DA_PIP";

/// All fields.
pub const FIELDS: [&str; 14] = [
    LFC,
    DEVIATION,
    LFC_BACKGROUND1,
    LFC_BACKGROUND2,
    COUNT_LFC,
    DISTANCE,
    QUANTILE,
    P_VALUE,
    PAIR,
    EPISTASIS,
    MAIN,
    REGION,
    ALL,
    PIP,
];

/// Name of a field for the model with this tag.
pub fn tagged(field: &str, tag: Option<&str>) -> String {
    tag.map_or_else(|| field.to_string(), |tag| format!("{field}_{tag}"))
}

/// Check that the fields with these tags are different ones: `DA_LFC` with the tag `SD` is also the deviation of `DA_LFC`.
///
/// # Errors
/// Two fields have the same name.
pub fn check_tags(tags: &[Option<&str>]) -> Result<()> {
    let mut known: HashMap<String, Option<&str>> = HashMap::new();
    // Without a tag all fields may be in the file, from this run or another.
    for tag in std::iter::once(None).chain(tags.iter().copied().filter(Option::is_some)) {
        for field in FIELDS {
            let name = tagged(field, tag);
            if let Some(tag) = known.insert(name.clone(), tag).is_some().then_some(tag).flatten() {
                return Err(Error::option(format!(
                    "fields cannot be named with {tag}: {name} is another field; choose another name"
                )));
            }
        }
    }
    Ok(())
}

/// Which fields are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared<'a> {
    /// Names of the two haplotypes, if effects are predicted in them.
    pub pair: Option<[&'a str; 2]>,
    /// Whether there are regions.
    pub regions: bool,
    /// Whether the values in every region are written.
    pub all: bool,
    /// Whether the model has count heads in addition to the ratio.
    pub counts: bool,
    /// Whether the model is an ensemble.
    pub deviation: bool,
    /// Whether the model predicts profiles.
    pub distance: bool,
    /// Number of null effects of each allele, if there are any.
    pub null: Option<u32>,
    /// Suffix of the names.
    pub tag: Option<&'a str>,
}

impl Declared<'_> {
    /// The fields of one allele in one region, in the order of [`ALL`], where allele, consequence and region precede them.
    /// The consequence, without which split-vep reads no field, is `gain` or `loss` of activity, or `none`.
    pub fn in_region(&self) -> Vec<&'static str> {
        let pair = self.pair.is_some();
        let fields = [
            (LFC, true),
            (DEVIATION, self.deviation),
            (LFC_BACKGROUND1, pair),
            (LFC_BACKGROUND2, pair),
            (COUNT_LFC, self.counts),
            (DISTANCE, self.distance && !pair),
            (QUANTILE, self.null.is_some() && !pair),
            (P_VALUE, self.null.is_some() && !pair),
            (PAIR, pair),
            (EPISTASIS, pair && self.regions),
            (MAIN, pair && self.regions),
        ];
        fields.into_iter().filter(|(_, there)| *there).map(|(field, _)| field).collect()
    }

    fn null_effects(&self) -> String {
        let count = self.null.unwrap_or_default();
        format!("those of the same change in {count} dinucleotide-shuffled windows")
    }

    /// Number, type and description of a field.
    fn describe(&self, field: &str) -> (&'static str, &'static str, String) {
        let fold_change = "Predicted log2 fold change of activity, ALT over REF";
        let [one, two] = self.pair.unwrap_or_default();
        let head = if self.counts { ", ratio head" } else { "" };
        let (number, kind, text) = match field {
            LFC if self.pair.is_some() => ("A", "Float", format!("{fold_change}{head}, mean of both haplotypes")),
            LFC if !self.counts => ("A", "Float", fold_change.into()),
            LFC => ("A", "Float", format!("{fold_change}, ratio head (antisymmetrised)")),
            DEVIATION => ("A", "Float", "Standard deviation of DA_LFC over the networks of the ensemble".into()),
            LFC_BACKGROUND1 => ("A", "Float", format!("{fold_change}{head}, in haplotype 1 ({one})")),
            LFC_BACKGROUND2 => ("A", "Float", format!("{fold_change}{head}, in haplotype 2 ({two})")),
            COUNT_LFC if self.pair.is_some() => {
                ("A", "Float", format!("{fold_change}, count head, mean of both haplotypes"))
            }
            COUNT_LFC => ("A", "Float", format!("{fold_change}, difference of count heads")),
            DISTANCE => {
                let text = "Jensen-Shannon distance (base 2) of the predicted profiles with ALT and with REF";
                ("A", "Float", text.into())
            }
            QUANTILE => ("A", "Float", format!("Quantile of DA_LFC among {}", self.null_effects())),
            P_VALUE => ("A", "Float", format!("Two-sided p-value of DA_LFC among {}", self.null_effects())),
            PAIR => ("1", "Float", format!("Predicted log2 ratio of the pair, haplotype 1 ({one}) over 2 ({two})")),
            EPISTASIS => ("1", "Float", "DA_PAIR less the sum of the effects of single variants of the region".into()),
            MAIN => ("0", "Flag", "The variant with the largest effect on the ratio of its region".into()),
            ALL => {
                // Without the common prefix: a column of split-vep is not an INFO field.
                let own = self.in_region().into_iter().map(|field| field.trim_start_matches("DA_"));
                let fields = ["Allele", "Consequence", "Region"].into_iter().chain(own).collect::<Vec<_>>().join("|");
                (".", "String", format!("Every region, the strongest effect first. Format: {fields}"))
            }
            _ => {
                let text =
                    "Regions whose windows were predicted, contig:from-to, 1-based inclusive (of several with one \
                            span with @ and the anchor), strongest effect first; the other fields are of the first";
                (".", "String", text.into())
            }
        };
        (number, kind, text)
    }

    /// Fields of an earlier annotation in `header` that records may keep: those that are not written now; with regions all,
    /// since records outside of them are not changed.
    pub fn kept(&self, header: &VcfHeader) -> Vec<String> {
        let written = self.in_region();
        let written = |field: &&str| !self.regions && (*field == REGION || written.contains(field));
        let left = FIELDS.into_iter().filter(|field| !written(field));
        left.map(|field| tagged(field, self.tag)).filter(|name| header.has_info(name)).collect()
    }

    /// Declare the fields in a header. `version` is that of the tool.
    ///
    /// # Errors
    /// The header, of the file `path`, has one of the names with another number or type.
    pub fn declare(&self, header: &mut VcfHeader, version: &str, path: &Path) -> Result<()> {
        let source = format!("Source=\"deepallele\",Version=\"{version}\"");
        let of_model = self.tag.map_or_else(String::new, |tag| format!(", model {tag}"));
        let last = [Some(REGION), self.all.then_some(ALL)];
        for field in self.in_region().into_iter().chain(last.into_iter().flatten()) {
            let (number, kind, description) = self.describe(field);
            // Only a list of names may follow "Format:".
            let of_model = if field == ALL { "" } else { &of_model };
            let rest = format!("Description=\"{description}{of_model}\",{source}");
            header.declare_info(&tagged(field, self.tag), number, kind, &rest, path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tagged_fields_are_different_ones() {
        check_tags(&[None]).unwrap();
        check_tags(&[Some("liver"), Some("brain"), Some("liver_brain")]).unwrap();
        for (tags, words) in [
            (&[Some("SD")][..], "named with SD: DA_LFC_SD"),
            (&[Some("x"), Some("BG1")], "DA_LFC_BG1"),
            (&[Some("a"), Some("SD_a")], "DA_LFC_SD_a"),
            (&[Some("a"), Some("a")], "DA_LFC_a"),
        ] {
            let problem = check_tags(tags).unwrap_err().to_string();
            assert!(problem.contains(words), "{problem}");
        }
    }
}
