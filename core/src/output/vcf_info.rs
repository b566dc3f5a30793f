//! The INFO fields of predicted effects.

use std::path::Path;

use crate::error::Result;
use crate::vcf::VcfHeader;

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
/// What the sum of single variants leaves of [`PAIR`].
pub const EPISTASIS: &str = "DA_EPI";
/// The main variant of its region.
pub const MAIN: &str = "DA_MAIN";
/// The region whose window was used, `contig:from-to`, 1-based inclusive.
pub const REGION: &str = "DA_REGION";

/// All of them.
pub const FIELDS: [&str; 8] = [LFC, LFC_BACKGROUND1, LFC_BACKGROUND2, COUNT_LFC, PAIR, EPISTASIS, MAIN, REGION];

/// A field of the model with this tag.
pub fn tagged(field: &str, tag: Option<&str>) -> String {
    tag.map_or_else(|| field.to_string(), |tag| format!("{field}_{tag}"))
}

/// Fields of an earlier annotation in `header` that records may keep when [`declare`] is called with the same `pair`,
/// `regions` and `tag`: those that are not written now, and with regions all, since records outside stay as they are.
pub fn kept(header: &VcfHeader, pair: bool, regions: bool, tag: Option<&str>) -> Vec<String> {
    let written = |field: &&str| match (regions, pair) {
        (true, _) => false,
        (false, true) => ![EPISTASIS, MAIN].contains(field),
        (false, false) => [LFC, COUNT_LFC, REGION].contains(field),
    };
    let left = FIELDS.into_iter().filter(|field| !written(field));
    left.map(|field| tagged(field, tag)).filter(|name| header.has_info(name)).collect()
}

/// Declare the fields in a header. `version` is that of the tool; `pair` are the names of the two haplotypes whose
/// fields are declared too, `regions` says whether those of whole regions are; `tag` ends the names.
///
/// # Errors
/// The header has one of the names with another number or type.
pub fn declare(
    header: &mut VcfHeader,
    version: &str,
    pair: Option<[&str; 2]>,
    regions: bool,
    tag: Option<&str>,
    path: &Path,
) -> Result<()> {
    let source = format!("Source=\"deepallele\",Version=\"{version}\"");
    let fold_change = "Predicted log2 fold change of activity, ALT over REF";
    let own = |text: &str| text.to_string();
    let mut fields = match pair {
        None => vec![
            (LFC, "A", "Float", format!("{fold_change}, ratio head (antisymmetrised)")),
            (COUNT_LFC, "A", "Float", format!("{fold_change}, difference of count heads")),
        ],
        Some([one, two]) => vec![
            (LFC, "A", "Float", format!("{fold_change}, ratio head, mean of both haplotypes")),
            (LFC_BACKGROUND1, "A", "Float", format!("{fold_change}, ratio head, in haplotype 1 ({one})")),
            (LFC_BACKGROUND2, "A", "Float", format!("{fold_change}, ratio head, in haplotype 2 ({two})")),
            (COUNT_LFC, "A", "Float", format!("{fold_change}, count head, mean of both haplotypes")),
            (PAIR, "1", "Float", format!("Predicted log2 ratio of the pair, haplotype 1 ({one}) over 2 ({two})")),
        ],
    };
    if pair.is_some() && regions {
        fields.push((
            EPISTASIS,
            "1",
            "Float",
            own("DA_PAIR less the sum of the effects of single variants of the region"),
        ));
        fields.push((MAIN, "0", "Flag", own("The variant with the largest effect on the ratio of its region")));
    }
    fields.push((REGION, "1", "String", own("Region whose window was predicted, contig:from-to, 1-based inclusive")));
    let of_model = tag.map_or_else(String::new, |tag| format!(", model {tag}"));
    for (field, number, kind, description) in fields {
        let rest = format!("Description=\"{description}{of_model}\",{source}");
        header.declare_info(&tagged(field, tag), number, kind, &rest, path)?;
    }
    Ok(())
}
