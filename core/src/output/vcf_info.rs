//! The INFO fields of predicted effects.

use std::path::Path;

use crate::error::Result;
use crate::vcf::VcfHeader;

/// log2 fold change of the alternative over REF, from the ratio head.
pub const LFC: &str = "DA_LFC";
/// The same from the count heads.
pub const COUNT_LFC: &str = "DA_CLFC";
/// The region whose window was used, `contig:from-to`, 1-based inclusive.
pub const REGION: &str = "DA_REGION";

/// Declare the fields in a header. `version` is that of the tool.
///
/// # Errors
/// The header has one of the names with another number or type.
pub fn declare(header: &mut VcfHeader, version: &str, path: &Path) -> Result<()> {
    let source = format!("Source=\"deepallele\",Version=\"{version}\"");
    for (tag, number, kind, description) in [
        (LFC, "A", "Float", "Predicted log2 fold change of activity, ALT over REF, ratio head (antisymmetrised)"),
        (COUNT_LFC, "A", "Float", "Predicted log2 fold change of activity, ALT over REF, difference of count heads"),
        (REGION, "1", "String", "Region whose window was predicted, contig:from-to, 1-based inclusive"),
    ] {
        header.declare_info(tag, number, kind, &format!("Description=\"{description}\",{source}"), path)?;
    }
    Ok(())
}
