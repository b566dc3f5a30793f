//! The test of the records of the per-variant table, which is streamed: rows are kept in a temporary file until all counts
//! are known.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use crate::counts::imbalance::pairs::{Histogram, PairMap};
use crate::counts::imbalance::{ImbalanceTest, Settings};
use crate::counts::table::{fixed, scientific};
use crate::counts::{VariantSink, VariantTable, VariantTally};
use crate::error::{Error, Result};
use crate::genome::Variant;
use crate::io::output_file::{temporary_for, Destination};
use crate::io::{Contigs, Spans};

/// Columns that follow those of the per-variant table.
pub const COLUMNS: [&str; 3] = ["log2_ratio", "p_value", "q_value"];

/// A per-variant table that is tested when it is complete.
pub struct TestedVariants {
    table: VariantTable<BufWriter<File>>,
    path: PathBuf,
    within: Option<Spans>,
    samples: Vec<String>,
    pairs: Vec<PairMap<u64>>,
}

impl TestedVariants {
    /// As [`VariantTable::begin`]; the rows are kept in a temporary file in the folder of `path` (in the system's
    /// temporary folder if `path` is standard output or a device).
    ///
    /// # Errors
    /// A temporary file that cannot be created or written.
    pub fn begin(
        path: &Path,
        header: &[String],
        contigs: &Contigs,
        samples: &[String],
        within: Option<Spans>,
    ) -> Result<Self> {
        let file = match Destination::of(path)? {
            Destination::Descriptor(_) | Destination::Special(_) => {
                tempfile::tempfile().map_err(|e| Error::io(path, e))?
            }
            // Without a name it is deleted when the process ends, in whatever way.
            Destination::File(_) => {
                let (file, name) = temporary_for(path)?.into_parts();
                name.close().map_err(|e| Error::io(path, e))?;
                file
            }
        };
        let out = BufWriter::with_capacity(1 << 16, file);
        Ok(Self {
            table: VariantTable::begin(out, path, header, contigs, samples, within.clone())?,
            path: path.into(),
            within,
            samples: samples.to_vec(),
            pairs: vec![PairMap::new(); samples.len()],
        })
    }

    /// Fit the test to each sample and write all rows to `out` with their ratio, p-value and q-value. Returns the tests in
    /// the order of the samples.
    ///
    /// # Errors
    /// A temporary file that cannot be read; errors of `out`.
    pub fn finish(self, out: &mut impl Write, settings: Settings) -> Result<Vec<(String, ImbalanceTest)>> {
        let tests: Vec<(String, ImbalanceTest)> = self
            .samples
            .into_iter()
            .zip(self.pairs)
            .map(|(name, pairs)| {
                let histogram: Histogram = pairs.into_pairs().collect();
                (name, ImbalanceTest::fit(&histogram, settings))
            })
            .collect();
        let fail = |e| Error::io(&self.path, e);
        let mut file = self.table.into_inner().into_inner().map_err(|e| fail(e.into_error()))?;
        file.rewind().map_err(fail)?;
        append(BufReader::with_capacity(1 << 16, file), out, &tests).map_err(fail)?;
        Ok(tests)
    }
}

impl VariantSink for TestedVariants {
    fn add(&mut self, contig: usize, variant: &Variant, tallies: &[VariantTally]) -> Result<()> {
        if self.within.as_ref().is_some_and(|w| !w.overlap(contig, variant.start, variant.end())) {
            return Ok(());
        }
        for (pairs, tally) in self.pairs.iter_mut().zip(tallies) {
            *pairs.get((tally.hap1, tally.hap2), || 0) += 1;
        }
        self.table.add(contig, variant, tallies)
    }
}

/// Bytes written at a time.
const BUFFER: usize = 1 << 16;

fn append(mut rows: impl BufRead, out: &mut impl Write, tests: &[(String, ImbalanceTest)]) -> io::Result<()> {
    let mut seen: Vec<PairMap<String>> = vec![PairMap::new(); tests.len()];
    // Lines are assembled in memory: writing each part to the file is slow.
    let mut lines = Vec::with_capacity(BUFFER + (1 << 12));
    let mut number = 0;
    loop {
        if lines.len() >= BUFFER {
            out.write_all(&lines)?;
            lines.clear();
        }
        let begin = lines.len();
        if rows.read_until(b'\n', &mut lines)? == 0 {
            return out.write_all(&lines);
        }
        if lines.last() == Some(&b'\n') {
            lines.pop();
        }
        if lines[begin..].starts_with(b"##") {
            lines.push(b'\n');
            continue;
        }
        if lines[begin..].starts_with(b"#") {
            let columns = lines.split_off(begin);
            for (name, test) in tests {
                let name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
                writeln!(lines, "##dispersion={name}:{:.6}", test.dispersion)?;
            }
            lines.extend_from_slice(&columns);
            write!(lines, "\t{}", COLUMNS.join("\t"))?;
        } else {
            let sample = number % tests.len();
            number += 1;
            let pair = counts(&lines[begin..])?;
            let text = seen[sample].get(pair, || {
                let test = &tests[sample].1;
                let row = test.row(pair.0, pair.1);
                let q = row.and(test.q(pair.0, pair.1));
                format!(
                    "\t{}\t{}\t{}",
                    fixed(row.map(|r| r.log2_ratio)),
                    scientific(row.map(|r| r.p_value)),
                    scientific(q)
                )
            });
            lines.extend_from_slice(text.as_bytes());
        }
        lines.push(b'\n');
    }
}

/// hap1 and hap2 of a row that [`VariantTable`] wrote.
fn counts(line: &[u8]) -> io::Result<(u64, u64)> {
    // The last four columns are counts, of which these are the first two.
    let mut columns = line.rsplit(|b| *b == b'\t').skip(2);
    let mut next = || {
        let digits = columns.next().filter(|c| !c.is_empty() && c.len() < 20)?;
        digits.iter().try_fold(0u64, |n, d| d.is_ascii_digit().then(|| n * 10 + u64::from(d - b'0')))
    };
    match (next(), next()) {
        (Some(hap2), Some(hap1)) => Ok((hap1, hap2)),
        _ => Err(io::Error::other("the temporary file holds a row without counts")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::test_variant;

    #[test]
    fn rows_are_tested_by_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.tsv");
        let contigs = Contigs::new(vec![("1".into(), 0)]);
        let samples = ["a".to_string(), "b".to_string()];
        let within = Some(Spans::new(vec![(0, 0, 1000)]));
        let mut tested = TestedVariants::begin(&path, &["##x".into()], &contigs, &samples, within).unwrap();
        for i in 0..40 {
            let tally = |hap1, hap2| VariantTally { hap1, hap2, other: 1, conflicting: 0 };
            let b = if i == 3 { tally(0, 0) } else { tally(5, 60) };
            tested.add(0, &test_variant(i * 10, &["C", "A"], 0, 1), &[tally(40, 40 + i % 2), b]).unwrap();
        }
        // Outside: neither a row nor part of the fit.
        let outside = VariantTally { hap1: 900, hap2: 0, other: 0, conflicting: 0 };
        tested.add(0, &test_variant(5000, &["C", "A"], 0, 1), &[outside, outside]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no file has a name before the end");
        let mut out = Vec::new();
        let tests = tested.finish(&mut out, Settings::default()).unwrap();
        assert_eq!(tests.len(), 2);
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4 + 80);
        assert!(lines[1].starts_with("##dispersion=a:0.0000") && lines[2].starts_with("##dispersion=b:0."));
        assert!(lines[3].ends_with("\tconflicting\tlog2_ratio\tp_value\tq_value"));
        let (row, q) = (tests[1].1.row(5, 60).unwrap(), tests[1].1.q(5, 60));
        let expected = format!("\t5\t60\t1\t0\t{:.4}\t{:.4e}\t{}", row.log2_ratio, row.p_value, scientific(q));
        assert!(lines[5].ends_with(&expected), "{}", lines[5]);
        assert!(lines[11].ends_with("\tb\tC\tA\t0\t0\t1\t0\t.\t.\t."), "{}", lines[11]);
    }
}
