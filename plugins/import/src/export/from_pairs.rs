//! A data set from a pairs table.

use std::path::Path;

use deepallele_common::Progress;
use deepallele_core::error::Error;
use deepallele_core::io::allele_pairs_table::PairsReader;
use deepallele_core::io::text_input::read_once;
use deepallele_core::model::published::data_set::Assay;

use crate::args::Args;
use crate::Export;

pub fn run(args: &Args, path: &Path) -> anyhow::Result<()> {
    let (length, window) = match args.length() {
        Some(length) if args.assay != Assay::Rna || read_once(path) => (length, length),
        // As published: the row has the length of the longest sequence, if indels made that longer than the window.
        window => {
            let longest = longest(path)?;
            (window.unwrap_or(longest).max(longest), window.unwrap_or(longest))
        }
    };
    let mut export = Export::create(args, args.layout(length, window))?;
    let mut progress = Progress::new("pairs", None);
    for row in PairsReader::open(path, true)? {
        let row = row?;
        let at = |problem: String| Error::input(path, format!("line {}: {problem}", row.line));
        let Some(values) = row.values else { return Err(at("has no measured values".into()).into()) };
        if row.id.is_empty() {
            return Err(at("has an empty id".into()).into());
        }
        export.push(&row.id, [&row.allele_a, &row.allele_b], values, at)?;
        progress.add(1);
    }
    drop(progress);
    Ok(export.finish()?)
}

/// Bases of the longest sequence of the table.
fn longest(path: &Path) -> deepallele_core::error::Result<usize> {
    let mut longest = 0;
    for row in PairsReader::open(path, true)? {
        let row = row?;
        longest = longest.max(row.allele_a.len()).max(row.allele_b.len());
    }
    match longest {
        0 => Err(Error::input(path, "contains no pairs")),
        bases => Ok(bases),
    }
}
