//! `deepallele export`: counts or pairs as a data set of the published layout.

mod args;
mod from_counts;
mod from_pairs;

use std::process::ExitCode;

use anyhow::Context;
use args::Args;
use deepallele_common::{check_files, run_main};
use deepallele_core::error::{Error, Result};
use deepallele_core::model::published::data_set::chromosome;
use deepallele_import::writer::{Layout, PublishedWriter};

fn main() -> ExitCode {
    run_main("export", run)
}

fn run(args: Args) -> anyhow::Result<()> {
    args.check()?;
    check_files(&args.files())?;
    match &args.pairs {
        Some(path) => from_pairs::run(&args, path),
        None => from_counts::run(&args, args.counts.as_deref().context("a count table or --pairs is needed")?),
    }
}

/// A data set being written.
struct Export {
    writer: PublishedWriter,
    layout: Layout,
    /// Rows whose name has no chromosome by the published rule.
    placeless: u64,
}

impl Export {
    fn create(args: &Args, layout: Layout) -> Result<Self> {
        let writer = PublishedWriter::create(&args.output, layout.clone())?;
        Ok(Self { writer, layout, placeless: 0 })
    }

    /// Add a row; `at` adds its origin to an error message.
    fn push(
        &mut self,
        name: &str,
        alleles: [&[u8]; 2],
        values: [f64; 2],
        at: impl FnOnce(String) -> Error,
    ) -> Result<()> {
        self.placeless += chromosome(name).is_none_or(str::is_empty) as u64;
        self.writer.push(name, alleles, values).map_err(|error| match error.file() {
            None => at(error.problem().into()),
            Some(_) => error,
        })
    }

    fn finish(self) -> Result<()> {
        let rows = self.writer.finish()?;
        let Layout { assay, length, .. } = self.layout;
        log::info!("data set of {assay}: {rows} rows of {length} bases");
        if self.placeless > 0 {
            log::warn!(
                "{} rows have no chromosome (chrN-) in their name, which a split by chromosome needs",
                self.placeless
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[test]
    fn options_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn wrong_combinations_are_usage_errors() {
        for (line, word) in [
            ("c.tsv -o o.h5 --assay rna", "--pairs"),
            ("c.tsv -o o.h5 --assay atac --values log", "--values"),
            ("c.tsv -o o.h5 --assay chip --batch x", "--batch"),
            ("--pairs p.tsv -o o.h5 --assay rna", "--batch"),
            ("--pairs p.tsv -o o.h5 --assay rna --batch x --values counts", "--values"),
            ("--pairs p.tsv -o o.h5 --assay atac -f x.fa", "-f"),
            ("--pairs p.tsv -o o.h5 --assay atac --batch a/b", "--batch"),
            ("--pairs - -o o.h5 --assay rna --batch x", "--length"),
        ] {
            let args = Args::try_parse_from([&["export"], &line.split(' ').collect::<Vec<_>>()[..]].concat()).unwrap();
            let error = run(args).unwrap_err();
            assert!(error.is::<deepallele_common::UsageError>(), "{line}: {error}");
            assert!(error.to_string().contains(word), "{line}: {error}");
        }
    }
}
