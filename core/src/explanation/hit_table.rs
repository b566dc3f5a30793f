//! Reads `hits.tsv.gz`: binding sites in both alleles of the regions, and their states.

use std::path::Path;

use crate::error::Result;
use crate::explanation::hits::State;
use crate::io::named_columns::{NamedColumns, NamedRow};

/// A site of the table. What is only shown is the text of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct HitRow {
    /// Contig, or the name of a designed pair.
    pub chrom: String,
    /// First base, 0-based.
    pub start: u64,
    /// Past the last base.
    pub end: u64,
    /// Name of the motif.
    pub motif: String,
    /// Name of the region.
    pub region: String,
    /// Its state.
    pub state: State,
    /// q-value of the change; `None` where it was not tested.
    pub q_change: Option<f64>,
    /// The texts of all columns that [`HitTable::open`] was asked for.
    pub shown: Vec<String>,
}

/// The table being read site by site.
pub struct HitTable {
    table: NamedColumns,
    /// Of chrom, start, end, motif, region, state and q_change.
    columns: [usize; 7],
    shown: Vec<usize>,
}

impl HitTable {
    /// Begin to read; `shown` names the columns whose texts are wanted.
    ///
    /// # Errors
    /// The file cannot be read, or lacks a column.
    pub fn open<const N: usize>(path: &Path, shown: [&str; N]) -> Result<Self> {
        let table = NamedColumns::open(path)?;
        let columns = table.need(["chrom", "start", "end", "motif", "region", "state", "q_change"])?;
        let shown = table.need(shown)?.to_vec();
        Ok(Self { table, columns, shown })
    }

    /// The lines that begin with `##`.
    pub fn header(&self) -> &[String] {
        self.table.header()
    }

    /// The next site; `None` after the last.
    ///
    /// # Errors
    /// The file cannot be read, or a line is no site.
    pub fn next_hit(&mut self) -> Result<Option<HitRow>> {
        let Some(NamedRow { line, texts }) = self.table.next_row()? else { return Ok(None) };
        let [chrom, start, end, motif, region, state, q_change] = self.columns.map(|column| &texts[column][..]);
        let wrong = |problem: String| self.table.wrong(line, problem);
        let position =
            |text: &str| text.parse::<u64>().map_err(|_| wrong(format!("\"{}\" is no position", text.escape_debug())));
        let q_change = match q_change {
            "." => None,
            text => match text.parse::<f64>() {
                Ok(q) if (0.0..=1.0).contains(&q) => Some(q),
                _ => return Err(wrong(format!("\"{}\" is no q-value", text.escape_debug()))),
            },
        };
        Ok(Some(HitRow {
            chrom: chrom.to_owned(),
            start: position(start)?,
            end: position(end)?,
            motif: motif.to_owned(),
            region: region.to_owned(),
            state: state.parse().map_err(|error| wrong(format!("{error}")))?,
            q_change,
            shown: self.shown.iter().map(|column| texts[*column].clone()).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Result<Vec<HitRow>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hits.tsv");
        let columns = "#chrom\tstart\tend\tmotif\tscore\tstrand\tregion\tstate\tq_change";
        std::fs::write(&path, format!("##x\n{columns}\n{lines}")).unwrap();
        let mut table = HitTable::open(&path, ["strand", "q_change"])?;
        let mut rows = Vec::new();
        while let Some(row) = table.next_hit()? {
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn sites_have_states_and_texts() {
        let rows = read("c\t5\t9\tCTCF\t1000\t-\tr1\tcreated\t1.5000e-3\nc\t5\t9\tSP1\t1\t+\tr1\tkept\t.\n").unwrap();
        assert_eq!(
            (rows[0].state, rows[0].q_change, &rows[0].shown[..]),
            (State::Created, Some(0.0015), &["-", "1.5000e-3"].map(String::from)[..])
        );
        assert_eq!((rows[1].state, rows[1].q_change, rows[1].start, rows[1].end), (State::Kept, None, 5, 9));
        for (line, words) in [
            ("c\tx\t9\tm\t1\t+\tr\tkept\t.\n", "line 3: \"x\" is no position"),
            ("c\t1\t9\tm\t1\t+\tr\tgone\t.\n", "line 3: \"gone\" is no state: use kept,"),
            ("c\t1\t9\tm\t1\t+\tr\tkept\t2\n", "line 3: \"2\" is no q-value"),
        ] {
            let message = read(line).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
