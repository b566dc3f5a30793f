//! Designed pairs.

use std::io::Write;
use std::path::Path;

use deepallele_common::Progress;
use deepallele_core::effects::predictions::{in_units, predict_pairs, ratio_spread};
use deepallele_core::error::Error;
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::io::output_file::OutFile;
use deepallele_core::io::plain_text::Plain;
use deepallele_core::model::onnx::pair_model::PairModel;
use deepallele_core::output::table::number;

use crate::args::Args;
use crate::{report_not_finite, SPREAD_COLUMN};

/// Predict the pairs of `table`, into a plain table with one header line, as its input is.
pub fn run(args: &Args, table: &Path, mut predictor: PairModel) -> anyhow::Result<()> {
    let table = PairsTable::read(table, false)?;
    let mut progress = Progress::new("pairs", Some(table.rows.len() as u64));
    let mut before = 0;
    let predictions = predict_pairs(&table, &mut predictor, &mut |done| {
        progress.add((done - before) as u64);
        before = done;
    })?;
    drop(progress);
    let targets = predictor.info().targets;
    let mut out = OutFile::create(&args.output.output)?;
    let fail = |e| Error::io(&args.output.output, e);
    let header = if args.raw { "id\tcount_a\tcount_b\tratio" } else { "id\thap1\thap2\tlog2_ratio" };
    let ensemble = predictor.info().members > 1;
    writeln!(out, "{header}{}", if ensemble { SPREAD_COLUMN } else { "" }).map_err(fail)?;
    for (row, raw) in table.rows.iter().zip(&predictions) {
        let written = if args.raw {
            write!(out, "{}\t{}\t{}\t{}", Plain(&row.id), raw.count1, raw.count2, raw.ratio)
        } else {
            let [hap1, hap2, ratio] = in_units(raw, &targets).map(number);
            write!(out, "{}\t{hap1}\t{hap2}\t{ratio}", Plain(&row.id))
        };
        written.map_err(fail)?;
        if ensemble {
            write!(out, "\t{}", number(ratio_spread(raw, &targets))).map_err(fail)?;
        }
        writeln!(out).map_err(fail)?;
    }
    out.finish()?;
    log::info!("{} pairs predicted", predictions.len());
    report_not_finite(predictions.iter());
    Ok(())
}
