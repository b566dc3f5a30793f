//! How binding sites change what a model sees in a region, from the table of `explain hits`.

use std::collections::HashMap;
use std::path::Path;

use crate::error::Result;
use crate::explanation::hit_table::HitTable;
use crate::explanation::hits::State;

/// The site of a region whose contribution differs most between the alleles.
#[derive(Clone, Debug, PartialEq)]
pub struct SiteAttribution {
    /// Name of its motif.
    pub motif: String,
    /// What its bases contribute in haplotype 1 less what they contribute in haplotype 2, each to the activity of its own
    /// haplotype; 0 in an allele that lacks the bases, and of a region whose sites are all kept.
    pub change: f64,
}

/// For each of `regions`, by name, the site that decides; `None` without a site. Names that several regions have are not
/// looked for. `None` if the table has no attributions.
///
/// # Errors
/// The table cannot be read.
pub fn site_attributions(path: &Path, regions: &[&str]) -> Result<Option<Vec<Option<SiteAttribution>>>> {
    let mut numbers: HashMap<&str, Option<usize>> = HashMap::with_capacity(regions.len());
    for (number, name) in regions.iter().enumerate() {
        numbers.entry(name).and_modify(|found| *found = None).or_insert(Some(number));
    }
    let mut found: Vec<Option<SiteAttribution>> = vec![None; regions.len()];
    let mut attributions = false;
    let mut table = HitTable::open(path, ["hap1_attribution", "hap2_attribution"])?;
    while let Some(hit) = table.next_hit()? {
        let own: Vec<Option<f64>> = hit.shown.iter().map(|text| text.parse().ok()).collect();
        let [one, two] = own[..] else { continue };
        if one.is_none() && two.is_none() {
            continue;
        }
        attributions = true;
        let Some(Some(number)) = numbers.get(&hit.region[..]) else { continue };
        let change = match hit.state {
            State::Kept => 0.0,
            _ => one.unwrap_or(0.0) - two.unwrap_or(0.0),
        };
        let strongest = &mut found[*number];
        if strongest.as_ref().is_none_or(|found| change.abs() > found.change.abs()) {
            *strongest = Some(SiteAttribution { motif: hit.motif, change });
        }
    }
    Ok(attributions.then_some(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_that_differs_most_decides() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hits.tsv");
        let columns = "#chrom\tstart\tend\tmotif\tregion\thap1_attribution\thap2_attribution\tstate\tq_change\n";
        let read = |lines: &str| {
            std::fs::write(&path, format!("{columns}{lines}")).unwrap();
            site_attributions(&path, &["a", "b", "twice", "c", "twice"]).unwrap()
        };
        let lines = "x\t1\t9\tCTCF\ta\t0.5\t0.25\tweakened\t.\nx\t1\t9\tSP1\ta\t.\t0.75\tcreated\t.\n\
                     x\t1\t9\tSP1\tb\t2\t-2\tkept\t.\nx\t1\t9\tSP1\ttwice\t2\t1\tdestroyed\t.\nx\t1\t9\tSP1\tz\t2\t1\tdestroyed\t.\n";
        let found = read(lines).unwrap();
        let of = |motif: &str, change| Some(SiteAttribution { motif: motif.into(), change });
        assert_eq!(found, [of("SP1", -0.75), of("SP1", 0.0), None, None, None]);
        assert_eq!(read("x\t1\t9\tCTCF\ta\t.\t.\tweakened\t.\n"), None);
        assert_eq!(read(""), None);
    }
}
