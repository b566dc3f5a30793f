//! The tables of `explain mechanisms`.

use std::io::{self, Write};
use std::path::Path;

use crate::counts::table::scientific;
use crate::error::{Error, Result};
use crate::explanation::mechanisms::classes::RegionClass;
use crate::explanation::mechanisms::motif_differences::MotifDifference;
use crate::explanation::mechanisms::motif_tests::MotifTest;
use crate::io::output_file::temporary::CreatedFolders;
use crate::io::output_file::{CompleteFiles, OutFile};
use crate::io::plain_text::Plain;
use crate::output::table::{begin_table, number};

/// Columns of the table of motifs.
const MOTIF_COLUMNS: &str = "#motif\tpairs\tchanged\tmore_active\tless_active\tmedian\tmean\tsigned_log10_p\tp_value\tq_value\t\
     weighted_signed_log10_p\tweighted_p_value\tweighted_q_value\tcorrelation\tcorrelation_p\tcorrelation_q\tratio_difference\t\
     welch_t\twelch_p\twelch_q";

/// Columns of the table of regions.
const REGION_COLUMNS: &str =
    "#name\tmeasured\tpredicted\ttrusted\tmotif\tmotif_change\tclass\tmodel_motif\tmodel_change\tmodel_class";

/// The two tables of a folder, `mechanisms.tsv` and `mechanism_regions.tsv`, being written. Neither has its final name
/// before the set is renamed.
pub struct MechanismTables {
    motifs: OutFile,
    regions: OutFile,
    // Last: it is emptied before.
    created: CreatedFolders,
}

/// Names of the two tables.
pub const TABLES: [&str; 2] = ["mechanisms.tsv", "mechanism_regions.tsv"];

impl MechanismTables {
    /// Begin the tables of `folder`, with the lines of `header` above the columns.
    ///
    /// # Errors
    /// The folder or a file cannot be created.
    pub fn create(folder: &Path, header: &[String]) -> Result<Self> {
        let mut created = CreatedFolders::default();
        created.create(folder)?;
        let [motifs, regions] = TABLES;
        let motifs = begin_table(&folder.join(motifs), header, MOTIF_COLUMNS)?;
        let regions = begin_table(&folder.join(regions), header, REGION_COLUMNS)?;
        Ok(Self { motifs, regions, created })
    }

    /// Add a motif.
    ///
    /// # Errors
    /// The table cannot be written.
    pub fn motif(&mut self, name: &str, test: &MotifTest) -> Result<()> {
        write_motif(&mut self.motifs, name, test).map_err(|error| Error::io(self.motifs.path(), error))
    }

    /// Add a region.
    ///
    /// # Errors
    /// The table cannot be written.
    pub fn region(&mut self, line: &RegionLine) -> Result<()> {
        write_region(&mut self.regions, line).map_err(|error| Error::io(self.regions.path(), error))
    }

    /// Write everything to files with temporary names.
    ///
    /// # Errors
    /// A table cannot be written.
    pub fn complete(self) -> Result<CompleteFiles> {
        Ok(self.motifs.complete()?.and(self.regions.complete()?).in_folders(self.created))
    }
}

fn p_value(p: f64) -> String {
    scientific((!p.is_nan()).then_some(p))
}

fn write_motif(out: &mut impl Write, name: &str, test: &MotifTest) -> io::Result<()> {
    let changed = test.sites.iter().filter(|site| site.delta != 0.0).count();
    let MotifDifference { positive, negative, median, mean, p_value: p, .. } = test.difference;
    write!(out, "{}\t{}\t{changed}\t{positive}\t{negative}", Plain(name), test.sites.len())?;
    write!(out, "\t{}\t{}\t{}", number(median), number(mean), number(test.difference.signed_evidence()))?;
    write!(out, "\t{}\t{}", p_value(p), p_value(test.q_value))?;
    match &test.weighted {
        Some((weighted, q)) => {
            write!(out, "\t{}\t{}\t{}", number(weighted.signed_evidence()), p_value(weighted.p_value), p_value(*q))?
        }
        None => write!(out, "\t.\t.\t.")?,
    }
    let [p, q] = test.correlation_p;
    write!(out, "\t{}\t{}\t{}", number(test.correlation), p_value(p), p_value(q))?;
    match &test.welch {
        Some((welch, q)) => {
            let [difference, t] = [welch.difference, welch.t].map(number);
            write!(out, "\t{difference}\t{t}\t{}\t{}", p_value(welch.p_value), p_value(*q))?;
        }
        None => write!(out, "\t.\t.\t.\t.")?,
    }
    writeln!(out)
}

/// What the table of regions says of one.
pub struct RegionLine<'a> {
    /// Its name.
    pub name: &'a str,
    /// Measured log2 ratio.
    pub measured: f64,
    /// Predicted log2 ratio, and whether the region is trusted.
    pub predicted: Option<(f64, bool)>,
    /// By motifs alone: the motif that decides, by how many bits it is better in haplotype 1, and the class.
    pub motifs: (Option<(&'a str, f64)>, RegionClass),
    /// By the model: the site that decides, how much more it contributes in haplotype 1 (log2), and the class.
    pub model: Option<(Option<(&'a str, f64)>, RegionClass)>,
}

fn write_region(out: &mut impl Write, line: &RegionLine) -> io::Result<()> {
    write!(out, "{}\t{}", Plain(line.name), number(line.measured))?;
    match line.predicted {
        Some((predicted, trusted)) => write!(out, "\t{}\t{}", number(predicted), if trusted { "yes" } else { "no" })?,
        None => write!(out, "\t.\t.")?,
    }
    for (decides, class) in std::iter::once(Some(&line.motifs)).chain([line.model.as_ref()]).map(|found| match found {
        Some((decides, class)) => (*decides, Some(*class)),
        None => (None, None),
    }) {
        match decides {
            Some((motif, change)) => write!(out, "\t{}\t{}", Plain(motif), number(change))?,
            None => write!(out, "\t.\t.")?,
        }
        write!(out, "\t{}", class.map_or(".", RegionClass::name))?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_for_every_column() {
        let difference = MotifDifference::of(vec![1.0, 2.0, -0.5]);
        let sites = vec![crate::explanation::mechanisms::motif_tests::SiteChange { pair: 0, delta: 2.0 }];
        let mut test = MotifTest {
            sites,
            difference,
            q_value: 0.5,
            weighted: None,
            correlation: f64::NAN,
            correlation_p: [f64::NAN; 2],
            welch: None,
        };
        let line = |test: &MotifTest| {
            let mut text = Vec::new();
            write_motif(&mut text, "a\tb", test).unwrap();
            String::from_utf8(text).unwrap()
        };
        let columns = MOTIF_COLUMNS.split('\t').count();
        let bare = line(&test);
        assert_eq!(bare.split('\t').count(), columns, "{bare}");
        assert!(bare.starts_with("a%09b\t1\t1\t2\t1\t1\t0.833333\t"), "{bare}");
        test.weighted = Some((difference, 0.1));
        test.welch = Some((crate::stats::welch::welch(&[1.0, 2.0], &[3.0, 5.0]).unwrap(), 0.2));
        let full = line(&test);
        assert_eq!(full.split('\t').count(), columns, "{full}");

        let region = |predicted, model| {
            let motifs = (Some(("CTCF", -2.5)), RegionClass::Opposite);
            let mut text = Vec::new();
            write_region(&mut text, &RegionLine { name: "r", measured: 1.0, predicted, motifs, model }).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert_eq!(region(None, None), "r\t1\t.\t.\tCTCF\t-2.5\topposite\t.\t.\t.\n");
        let model = Some((None, RegionClass::NoSite));
        assert_eq!(region(Some((0.5, true)), model), "r\t1\t0.5\tyes\tCTCF\t-2.5\topposite\t.\t.\tno_site\n");
        assert_eq!(region(None, None).split('\t').count(), REGION_COLUMNS.split('\t').count());
    }
}
