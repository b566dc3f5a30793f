//! The table of `explain cause`: a line for each variant of each region.

use std::io::{self, Write};

use crate::counts::table::{log2_ratio, CountRow};
use crate::explanation::cause::{credible_set, RegionPosterior};
use crate::io::plain_text::Plain;
use crate::output::explanation::causes::CandidateRegion;
use crate::output::table::number;

/// Names of the columns.
pub const COLUMNS: [&str; 19] = [
    "#chrom",
    "start",
    "end",
    "name",
    "hap1_count",
    "hap2_count",
    "measured",
    "se",
    "variants",
    "none_probability",
    "variant",
    "pos",
    "ref",
    "alt",
    "effect_bg1",
    "effect_bg2",
    "probability",
    "credible",
    "main_probability",
];

/// The last column.
const LAST: &str = "contribution";

/// Write the names of the columns.
///
/// # Errors
/// `out` cannot be written.
pub fn write_columns(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}\t{LAST}", COLUMNS.join("\t"))
}

/// Write the lines of a region: `row` has its counts.
///
/// # Errors
/// `out` cannot be written.
pub fn write_region(
    out: &mut impl Write,
    region: &CandidateRegion,
    row: &CountRow,
    posterior: &RegionPosterior,
) -> io::Result<()> {
    let (ratio, se) = log2_ratio(row.hap1, row.hap2).unwrap_or((f64::NAN, f64::NAN));
    let credible = credible_set(posterior);
    for ((candidate, variant), credible) in region.candidates.iter().zip(&posterior.variants).zip(credible) {
        write!(out, "{}\t{}\t{}\t{}", Plain(&region.contig), region.start, region.end, Plain(&row.name))?;
        write!(out, "\t{}\t{}\t{}\t{}", row.hap1, row.hap2, number(ratio), number(se))?;
        write!(out, "\t{}\t{}", region.candidates.len(), number(posterior.none))?;
        let (reference, alternatives) = (&candidate.reference, &candidate.alternatives);
        let id = format!("{}:{}:{reference}:{alternatives}", region.contig, candidate.position);
        write!(out, "\t{}\t{}\t{}\t{}", Plain(&id), candidate.position, Plain(reference), Plain(alternatives))?;
        let [one, two] = candidate.backgrounds;
        write!(out, "\t{}\t{}\t{}\t{}", number(one), number(two), number(variant.inclusion), u8::from(credible))?;
        writeln!(out, "\t{}\t{}", number(variant.main), number(variant.contribution))?;
    }
    Ok(())
}
