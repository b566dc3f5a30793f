//! The sites of `hits.tsv.gz`: evidence for every region, then the sites of those that the page shows.

use std::collections::HashMap;
use std::path::Path;

use crate::error::Result;
use crate::explanation::hit_table::{HitRow, HitTable};
use crate::explanation::hits::State;
use crate::output::explanation::report::join::RegionNames;
use crate::output::explanation::report::json::shortened;
use crate::output::explanation::report::model::{BestSite, PACKED_SITE_COLUMNS, SITE_COLUMNS};

/// Columns that are numbers of something else in the page.
const MOTIF: usize = 2;
const STATE: usize = 10;

/// Columns of haplotype 1, and how far those of haplotype 2 are from them.
const HAP1: std::ops::Range<usize> = 4..7;
const FROM_HAP1: usize = 3;
const Q_CHANGE: usize = 15;

/// The sites of one region.
#[derive(Clone, Debug, Default)]
pub struct RegionSites {
    /// Those that are not kept.
    pub changed: usize,
    /// That with the least q-value.
    pub best: Option<BestSite>,
    /// For each site motif and state as one number, and the q-value of the change.
    pub index: Vec<(usize, Option<String>)>,
    /// For each site the values of the first [`PACKED_SITE_COLUMNS`] as one text, and the others if one is not `.`.
    pub rows: Vec<Vec<String>>,
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
        let q = hit.q_change.and_then(|_| hit.shown.get(Q_CHANGE).map(|q| shortened(q)));
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
        self.rows.push(packed(&hit.shown, motif, state));
    }
}

/// The texts of a site in few bytes: most sites are the same in both alleles.
fn packed(texts: &[String], motif: usize, state: usize) -> Vec<String> {
    let (first, rest) = texts.split_at(PACKED_SITE_COLUMNS.min(texts.len()));
    let value = |(column, text): (usize, &String)| match column {
        MOTIF => motif.to_string(),
        STATE => state.to_string(),
        column if HAP1.contains(&column.wrapping_sub(FROM_HAP1)) && first[column - FROM_HAP1] == *text => "=".into(),
        // Numbers have no spaces.
        _ => shortened(text).replace(' ', "?"),
    };
    let mut packed = vec![first.iter().enumerate().map(value).collect::<Vec<_>>().join(" ")];
    if rest.iter().any(|text| text != ".") {
        packed.extend(rest.iter().map(|text| shortened(text)));
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation::attributions::folder::PairLabel;

    #[test]
    fn the_strongest_change_is_that_with_the_least_q() {
        assert_eq!([MOTIF, STATE, Q_CHANGE].map(|column| SITE_COLUMNS[column]), ["motif", "state", "q_change"]);
        for column in HAP1 {
            let of_hap2 = SITE_COLUMNS[column].replace("hap1", "hap2");
            assert_eq!(SITE_COLUMNS[column + FROM_HAP1], of_hap2);
        }
        assert_eq!(SITE_COLUMNS[PACKED_SITE_COLUMNS..], ["variants", "concordance"]);
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
        let row = "7 9 2 strand hap1_score hap1_p hap1_attribution hap2_score hap2_p hap2_attribution 4 delta_score \
                   delta_attribution effect p_change 0.5";
        assert_eq!(sites.regions[&0].rows[2], [row, "variants", "concordance"]);
        let mut texts = SITE_COLUMNS.map(String::from);
        for column in HAP1 {
            texts[column] = "1.5".into();
            texts[column + FROM_HAP1] = if column == 5 { "2 <".into() } else { "1.5".into() };
        }
        texts[PACKED_SITE_COLUMNS..].fill(".".into());
        let row = "start end 0 strand 1.5 1.5 1.5 = 2?< = 1 delta_score delta_attribution effect p_change q_change";
        assert_eq!(packed(&texts, 0, 1), [row]);
        assert!(!Sites::read(&path, &names, |region| region == 1).unwrap().regions.contains_key(&0));
    }
}
