//! A published data set as a pairs table.

use std::io::Write;

use deepallele_common::{usage, Progress};
use deepallele_core::error::Error;
use deepallele_core::io::output_file::OutFile;
use deepallele_core::io::plain_text::{plain, Plain};
use deepallele_core::model::published::data_set::{chromosome, value_names, Assay, Values};
use deepallele_import::reader::{DataSet, PATIENCE};

use crate::Arguments;

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let options = &arguments.data_set;
    let set = DataSet::open(&arguments.input, options.assay, options.batch.as_deref(), PATIENCE)?;
    let about = set.about.clone();
    let values = options.values.unwrap_or(about.assay.values());
    if (about.assay, values) == (Assay::Rna, Values::Counts) {
        return Err(usage("values of rna are log2 of expression, not of counts: omit --values counts"));
    }
    let [value_a, value_b, ratio] = value_names(about.batch.as_deref());
    log::info!(
        "data set of {} (by {}): {} rows of {} bases",
        about.assay,
        about.recognised_by,
        about.rows,
        about.length
    );
    let mut out = OutFile::create(&arguments.output)?;
    let fail = |e| Error::io(&arguments.output, e);
    out.write_all(b"id\tallele_a\tallele_b\tvalue_a\tvalue_b\tgroup\n").map_err(fail)?;
    let mut progress = Progress::new("rows", Some(about.rows));
    let mut placeless = 0u64;
    let mut line = Vec::new();
    let seen = set.read(values, &mut |row| {
        let group = chromosome(row.name).filter(|c| !c.is_empty());
        placeless += group.is_none() as u64;
        line.clear();
        line.extend_from_slice(plain(row.name).as_bytes());
        for allele in row.alleles {
            line.push(b'\t');
            line.extend_from_slice(allele);
        }
        let [a, b] = row.values;
        // Writing to memory cannot fail.
        let _ = writeln!(line, "\t{a}\t{b}\t{}", Plain(group.unwrap_or(".")));
        out.write_all(&line).map_err(fail)?;
        progress.add(1);
        Ok(())
    })?;
    drop(progress);
    out.finish()?;
    match (about.assay, values) {
        (_, Values::Counts) => {
            log::info!("{value_a} and {value_b} are written as counts; train with --target-scale counts")
        }
        (Assay::Rna, Values::Log) => {
            log::info!("{value_a} and {value_b} are written unchanged, in log2; train with --target-scale log2")
        }
        (_, Values::Log) => log::info!("{value_a} and {value_b} are written unchanged, in natural logarithms"),
    }
    if !about.has_ratio {
        log::warn!("no {ratio} to compare the two values with");
    } else if seen.odd_ratios > 0 {
        log::warn!("{} of {} rows have a {ratio} that is not {value_a} - {value_b}", seen.odd_ratios, seen.rows);
    }
    if seen.unknown > 0 {
        log::warn!(
            "{} bases in {} rows are neither A, C, G, T nor N; they are written as N",
            seen.unknown,
            seen.rows_unknown
        );
    }
    if placeless > 0 {
        log::warn!("{placeless} rows have no chromosome (chrN-) in their name; their group is \".\"");
    }
    Ok(())
}
