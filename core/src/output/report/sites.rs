//! The sites of `hits.tsv.gz`: evidence for every region, then the sites of those that the page shows.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::explanation::hit_table::{HitRow, HitTable};
use crate::explanation::hits::State;
use crate::output::report::join::RegionNames;
use crate::output::report::json::shortened;
use crate::output::report::model::{BestSite, SITE_COLUMNS};

/// Columns that are numbers of something else in the page.
const MOTIF: usize = 2;
const STATE: usize = 10;

/// A value of a site: a text of the table, or the number of its motif or state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SiteValue {
    /// As the table has it.
    Text(String),
    /// A number in a list of the page.
    Number(usize),
}

/// The sites of one region.
#[derive(Clone, Debug, Default)]
pub struct RegionSites {
    /// Those that are not kept.
    pub changed: usize,
    /// That with the least q-value.
    pub best: Option<BestSite>,
    /// For each site motif and state as one number, and the q-value of the change.
    pub index: Vec<(usize, Option<String>)>,
    /// For each site the values of [`SITE_COLUMNS`].
    pub rows: Vec<Vec<SiteValue>>,
    least_q: Option<f64>,
}

/// The sites of the regions of a page.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    /// Names of the motifs.
    pub motif_names: Vec<String>,
    /// By number of the region.
    pub regions: HashMap<usize, RegionSites>,
    /// Lines about regions that the folder does not have.
    pub elsewhere: usize,
    /// The lines that begin with `##`.
    pub header: Vec<String>,
}

/// The number of a state in the page.
fn number_of(state: State) -> usize {
    State::ALL.iter().position(|each| *each == state).unwrap_or_default()
}

fn region_of(names: &RegionNames, hit: &HitRow) -> Option<usize> {
    names.find(&hit.region, &hit.chrom, hit.start)
}

/// The least q-value of a change in each of `regions` regions.
///
/// # Errors
/// The table cannot be read.
pub fn least_q_values(path: &Path, names: &RegionNames, regions: usize) -> Result<Vec<Option<f64>>> {
    let mut least = vec![None; regions];
    let mut table = HitTable::open(path, [])?;
    while let Some(hit) = table.next_hit()? {
        let (Some(region), Some(q)) = (region_of(names, &hit), hit.q_change) else { continue };
        if let Some(least) = least.get_mut(region).filter(|_| hit.state != State::Kept) {
            *least = Some(least.map_or(q, |least: f64| least.min(q)));
        }
    }
    Ok(least)
}

impl Sites {
    /// The sites of the regions that `wanted` accepts.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn read(path: &Path, names: &RegionNames, wanted: impl Fn(usize) -> bool) -> Result<Self> {
        let mut table = HitTable::open(path, SITE_COLUMNS)?;
        let mut sites = Self { header: table.header().to_vec(), ..Self::default() };
        let mut motifs: HashMap<String, usize> = HashMap::new();
        while let Some(hit) = table.next_hit()? {
            let Some(region) = region_of(names, &hit) else {
                sites.elsewhere += 1;
                continue;
            };
            if !wanted(region) {
                continue;
            }
            let next = motifs.len();
            let motif = *motifs.entry(hit.motif.clone()).or_insert_with(|| {
                sites.motif_names.push(shortened(&hit.motif));
                next
            });
            sites.regions.entry(region).or_default().add(hit, motif);
        }
        Ok(sites)
    }
}

impl RegionSites {
    fn add(&mut self, hit: HitRow, motif: usize) {
        let state = number_of(hit.state);
        let q = hit.q_change.and_then(|_| hit.shown.get(16).map(|q| shortened(q)));
        if hit.state != State::Kept {
            self.changed += 1;
            let better = match (hit.q_change, self.least_q) {
                (Some(q), Some(least)) => q < least,
                (q, None) => q.is_some() || self.best.is_none(),
                (None, Some(_)) => false,
            };
            if better {
                let q = q.clone().unwrap_or_else(|| ".".into());
                self.best = Some(BestSite { motif: shortened(&hit.motif), state: hit.state.name(), q });
                self.least_q = hit.q_change;
            }
        }
        self.index.push((motif * State::ALL.len() + state, q));
        let value = |(column, text): (usize, &String)| match column {
            MOTIF => SiteValue::Number(motif),
            STATE => SiteValue::Number(state),
            _ => SiteValue::Text(shortened(text)),
        };
        self.rows.push(hit.shown.iter().enumerate().map(value).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::attributions::folder::PairLabel;

    #[test]
    fn the_strongest_change_is_that_with_the_least_q() {
        assert_eq!([SITE_COLUMNS[MOTIF], SITE_COLUMNS[STATE], SITE_COLUMNS[16]], ["motif", "state", "q_change"]);
        let line = |region: &str, motif: &str, state: &str, q: &str| {
            let values = SITE_COLUMNS.map(|column| match column {
                "motif" => motif,
                "state" => state,
                "q_change" => q,
                "start" => "7",
                "end" => "9",
                column => column,
            });
            format!("c\t{region}\t{}\n", values.join("\t"))
        };
        let text = format!("##k=v\n#chrom\tregion\t{}\n", SITE_COLUMNS.join("\t"))
            + &line("a", "kept", "kept", "1e-9")
            + &line("a", "first", "created", ".")
            + &line("a", "weak", "destroyed", "0.5")
            + &line("a", "strong", "weakened", "1e-3")
            + &line("b", "strong", "kept", ".")
            + &line("b", "none", "moved", ".")
            + &line("other", "x", "kept", ".");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hits.tsv.gz");
        std::fs::write(&path, text).unwrap();
        let label = |name: &str| PairLabel {
            name: name.into(),
            span: Some(("c".into(), 0, 9)),
            predicted: [0.0; 3],
            variants: 0,
        };
        let labels = ["a", "b", "c"].map(label);
        let names = RegionNames::new(&labels);
        assert_eq!(least_q_values(&path, &names, 3).unwrap(), [Some(1e-3), None, None]);
        let sites = Sites::read(&path, &names, |_| true).unwrap();
        assert_eq!((sites.motif_names.len(), sites.elsewhere, &sites.header[..]), (5, 1, &["##k=v".to_owned()][..]));
        let best = |motif: &str, state, q: &str| Some(BestSite { motif: motif.into(), state, q: q.into() });
        assert_eq!(
            (sites.regions[&0].changed, sites.regions[&0].best.clone()),
            (3, best("strong", "weakened", "1e-3"))
        );
        assert_eq!((sites.regions[&1].changed, sites.regions[&1].best.clone()), (1, best("none", "moved", ".")));
        assert_eq!(sites.regions[&1].index[0], (3 * 6, None));
        assert_eq!(sites.regions[&0].index[2], (2 * 6 + 4, Some("0.5".into())));
        assert_eq!(
            sites.regions[&0].rows[2][..4],
            [
                SiteValue::Text("7".into()),
                SiteValue::Text("9".into()),
                SiteValue::Number(2),
                SiteValue::Text("strand".into())
            ]
        );
        assert!(!Sites::read(&path, &names, |region| region == 1).unwrap().regions.contains_key(&0));
    }
}
