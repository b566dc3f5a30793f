//! The INFO fields of `explain hits`: binding sites that an alternative allele changes.

use std::path::Path;

use crate::error::Result;
use crate::explanation::hits::records::Differences;
use crate::explanation::hits::State;
use crate::io::vcf::{InfoValue, VcfHeader, VcfRecord};
use crate::motifs::Strand;
use crate::output::table::number;

/// All changed sites of an allele.
pub const MOTIFS: &str = "DA_MOTIF";
/// The motif of the most unusual change.
pub const TOP: &str = "DA_MOTIF_TOP";
/// What an allele contributes.
pub const ATTRIBUTION: &str = "DA_ATTR";

/// The term of the Sequence Ontology for a variant in a binding site. bcftools +split-vep reads no field without a
/// consequence.
const CONSEQUENCE: &str = "TF_binding_site_variant";

/// The parts of [`MOTIFS`].
const PARTS: &str = "Allele|Consequence|Motif|State|Strand|From-To|dScore|dAttr|p|q";

/// A site that lies across a difference, from the first to the second allele.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedSite {
    /// Name of the motif.
    pub motif: String,
    /// What becomes of it.
    pub state: State,
    /// The strand that resembles the motif.
    pub strand: Strand,
    /// Reference positions, 0-based half-open.
    pub span: (u64, u64),
    /// Difference of the scores in bits, second less first.
    pub delta_score: Option<f64>,
    /// The same of what the bases contribute.
    pub delta_attribution: Option<f64>,
    /// p-value of the change.
    pub p_value: Option<f64>,
    /// q-value of the change.
    pub q_value: Option<f64>,
}

/// Declare the fields in a header, of the file `path`; `version` is that of the tool.
///
/// # Errors
/// The header has one of the names with another number or type.
pub fn declare(header: &mut VcfHeader, attributions: bool, version: &str, path: &Path) -> Result<()> {
    let of_tool = format!("Source=\"deepallele\",Version=\"{version}\"");
    let mut field = |tag: &str, number: &str, kind: &str, text: &str| {
        header.declare_info(tag, number, kind, &format!("Description=\"{text}\",{of_tool}"), path)
    };
    let text = format!("Binding sites that the allele changes, from REF to ALT, the smallest p first. Format: {PARTS}");
    field(MOTIFS, ".", "String", &text)?;
    field(TOP, "A", "String", "Motif of the site whose change by the allele has the smallest p-value")?;
    match attributions {
        true => {
            field(ATTRIBUTION, "A", "Float", "Contribution of ALT to the activity of its haplotype, less that of REF")
        }
        false => Ok(()),
    }
}

fn part(value: Option<f64>) -> String {
    number(value.unwrap_or(f64::NAN))
}

fn p_part(p: Option<f64>) -> String {
    p.map_or(".".into(), |p| format!("{p:.3e}"))
}

/// The fields of a record; none where no pair differs by one of its alleles.
pub fn values(
    record: &VcfRecord,
    differences: &Differences,
    sites: &[ChangedSite],
    attributions: bool,
) -> Vec<(&'static str, InfoValue)> {
    let (Ok(start), Some((reference, alternatives))) = (u64::try_from(record.start()), record.alleles().split_first())
    else {
        return Vec::new();
    };
    let (mut entries, mut top, mut contributions) = (Vec::new(), Vec::new(), Vec::new());
    let mut found_any = false;
    for alternative in alternatives {
        let found = differences.find(record.contig(), start, reference, alternative);
        found_any |= found.is_some();
        contributions.push(found.as_ref().and_then(|found| found.attribution).map(|value| value as f32));
        let mut own: Vec<(&ChangedSite, bool)> = Vec::new();
        if let Some(found) = &found {
            own.extend(found.sites.iter().filter_map(|&site| sites.get(site)).map(|s| (s, found.alternative == 0)));
        }
        own.sort_by(|(a, _), (b, _)| a.p_value.unwrap_or(2.0).total_cmp(&b.p_value.unwrap_or(2.0)));
        top.push(own.first().map_or(".".to_owned(), |(site, _)| site.motif.clone()));
        let allele = String::from_utf8_lossy(alternative);
        for (site, reversed) in own {
            let sign = if reversed { -1.0 } else { 1.0 };
            let state = if reversed { site.state.reversed() } else { site.state };
            let entry = vec![
                allele.to_string(),
                CONSEQUENCE.to_owned(),
                site.motif.clone(),
                state.to_string(),
                site.strand.symbol().to_string(),
                format!("{}-{}", site.span.0 + 1, site.span.1),
                part(site.delta_score.map(|delta| sign * delta)),
                part(site.delta_attribution.map(|delta| sign * delta)),
                p_part(site.p_value),
                p_part(site.q_value),
            ];
            // Windows may overlap: the same site in several regions.
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    if !found_any {
        return Vec::new();
    }
    let mut values = Vec::new();
    if !entries.is_empty() {
        values.push((MOTIFS, InfoValue::Entries(entries)));
        values.push((TOP, InfoValue::Texts(top)));
    }
    if attributions {
        values.push((ATTRIBUTION, InfoValue::Floats(contributions)));
    }
    values
}
