//! External measurements joined to regions by name.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::regions::Regions;
use crate::io::values_table::{ValueRow, ValuesTable};
use crate::model::metadata::{Scale, TargetScale};
use crate::training::dataset::{target, Dataset, Measured, Sequences};

impl Dataset {
    /// The regions that a table of external measurements names. `path` names the regions in messages; `report` is called
    /// after each region with the number done. Regions and lines without a counterpart are left out and listed.
    ///
    /// # Errors
    /// No name joins, a region without the anchor of the windows, one that does not fit the window, or a value that has
    /// no logarithm.
    pub fn from_values(
        path: &Path,
        regions: &Regions,
        table: &ValuesTable,
        source: &mut Sequences,
        scale: &TargetScale,
        report: &mut dyn FnMut(usize),
    ) -> Result<(Self, Unjoined)> {
        let mut lines: HashMap<&str, (&ValueRow, bool)> =
            table.rows.iter().map(|row| (row.name.as_str(), (row, false))).collect();
        let mut times: HashMap<&str, u32> = HashMap::new();
        for region in &regions.list {
            *times.entry(&region.name).or_insert(0) += 1;
        }
        let mut unjoined = Unjoined::default();
        let mut data = Self::of_samples(source.windows.length, source.margin, table.samples.clone());
        for (done, region) in regions.list.iter().enumerate() {
            report(done + 1);
            let Some((row, joined)) = lines.get_mut(region.name.as_str()) else {
                unjoined.regions.push(region.name.clone());
                continue;
            };
            *joined = true;
            if times.get(region.name.as_str()).is_some_and(|&n| n > 1) {
                unjoined.ambiguous.push(region.name.clone());
                continue;
            }
            let whole = |v: f64| v >= 0.0 && v.fract() == 0.0;
            let measured = |values: &Option<[f64; 2]>| {
                values.map(|values| match scale.scale == Scale::Counts && values.into_iter().all(whole) {
                    true => {
                        Measured { fragments: [values[0] as f32, values[1] as f32, 0.0], ..Measured::of_values(values) }
                    }
                    false => Measured::of_values(values),
                })
            };
            let measured: Vec<_> = row.values.iter().map(measured).collect();
            if measured.iter().all(Option::is_none) {
                unjoined.missing.push(region.name.clone());
                continue;
            }
            for one in measured.iter().flatten() {
                target(&region.name, one.values, scale)
                    .map_err(|e| Error::input(&table.path, format!("line {}: {}", row.line, e.problem())))?;
            }
            let chrom = regions.contigs.name(region.contig).to_string();
            data.push_region(path, region, &chrom, source, &measured, scale)?;
        }
        unjoined.ambiguous.dedup();
        unjoined.lines = table.rows.iter().filter(|row| !lines[row.name.as_str()].1).map(|r| r.name.clone()).collect();
        if data.is_empty() {
            let quoted = |name: Option<&String>| name.map_or("(none)".to_string(), |name| format!("\"{name}\""));
            let line = quoted(table.rows.first().map(|row| &row.name));
            let region = quoted(regions.list.first().map(|region| &region.name));
            let problem = format!(
                "no line has measurements of one region of \"{}\": the first names are {line} here and {region} there",
                path.display(),
            );
            return Err(Error::input(&table.path, problem));
        }
        Ok((data, unjoined))
    }
}

/// Names that a table of external measurements and its regions do not share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unjoined {
    /// Regions without a line.
    pub regions: Vec<String>,
    /// Lines without a region.
    pub lines: Vec<String>,
    /// Names of several regions, whose line belongs to none of them.
    pub ambiguous: Vec<String>,
    /// Regions whose line has a missing value in every sample.
    pub missing: Vec<String>,
}

impl Unjoined {
    /// Each name with the reason, in the order of the fields.
    pub fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let lists = [
            ("region_without_line", &self.regions),
            ("line_without_region", &self.lines),
            ("name_of_several_regions", &self.ambiguous),
            ("no_value", &self.missing),
        ];
        lists.into_iter().flat_map(|(reason, list)| list.iter().map(move |name| (reason, name.as_str())))
    }

    /// What the user should know, one sentence per line.
    pub fn messages(&self) -> Vec<String> {
        let mut messages = Vec::new();
        for (list, what) in [
            (&self.regions, "regions have no line in the table of values"),
            (&self.lines, "lines of the table of values name no region"),
            (&self.ambiguous, "names of the table of values belong to several regions"),
            (&self.missing, "regions have no value in any sample"),
        ] {
            if !list.is_empty() {
                let shown = list.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
                let more = if list.len() > 5 { ", …" } else { "" };
                messages.push(format!("{} {what}, not used: {shown}{more}", list.len()));
            }
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::Variants;
    use crate::io::fasta::reference::test_reference;
    use crate::io::regions::{bed::test_region, Region};
    use crate::io::Contigs;
    use crate::model::window::Windows;

    #[test]
    fn values_join_by_name_and_the_rest_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("values.tsv");
        let text =
            "gene\ta.hap1\ta.hap2\tb.hap1\tb.hap2\ng1\t3\t4\tNA\t1\ng2\tNA\t1\t.\t.\ng4\t1\t1\t1\t1\nx\t1\t1\t1\t1\n";
        std::fs::write(&path, text).unwrap();
        let table = ValuesTable::read(&path).unwrap();
        let mut reference = test_reference(folder.path(), &[("chr1", b"ACGTTGCAACGGTTAACCGT")]);
        let variants = Variants::from_list(&Contigs::new(vec![("chr1".into(), 0)]), vec![vec![]]);
        let named = |name: &str, start| Region { name: name.into(), ..test_region(0, start, start + 6) };
        let list = vec![named("g1", 2), named("g2", 3), named("g3", 4), named("g4", 5), named("g4", 6)];
        let regions = Regions::from_list(reference.contigs().clone(), list);
        let mut source =
            Sequences { reference: &mut reference, variants: &variants, windows: Windows::centred(6), margin: 0 };
        let scale = TargetScale::default();
        let mut read = |regions: &Regions| {
            Dataset::from_values("r.gtf".as_ref(), regions, &table, &mut source, &scale, &mut |_| ())
        };
        let (data, unjoined) = read(&regions).unwrap();
        assert_eq!((data.ids.join(" "), data.samples.join(" ")), ("g1".to_string(), "a b".to_string()));
        assert_eq!((data.values[0], data.has(0, 0), data.has(0, 1)), ([3.0, 4.0], true, false));
        assert_eq!(data.fragments[0], [3.0, 4.0, 0.0]);
        let names: Vec<_> = unjoined.names().collect();
        let expected = [
            ("region_without_line", "g3"),
            ("line_without_region", "x"),
            ("name_of_several_regions", "g4"),
            ("no_value", "g2"),
        ];
        assert_eq!(names, expected);
        assert!(unjoined.messages()[0].contains("1 regions have no line") && unjoined.messages().len() == 4);
        let other = Regions::from_list(regions.contigs.clone(), vec![named("y", 2)]);
        let message = read(&other).unwrap_err().to_string();
        assert!(message.contains("\"g1\" here and \"y\" there"), "{message}");
    }
}
