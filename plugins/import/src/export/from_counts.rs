//! A data set from a count table and the sequences of its regions.

use std::path::Path;

use deepallele_common::{report_windows, Progress};
use deepallele_core::counts::{CountRow, CountTable};
use deepallele_core::error::Error;
use deepallele_core::genome::{ContigHaplotypes, ContigOptions, VariantStream, Variants};
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::Anchor;
use deepallele_core::io::Contigs;
use deepallele_core::model::window::WindowRule;

use crate::args::Args;
use crate::Export;

pub fn run(args: &Args, path: &Path) -> anyhow::Result<()> {
    let fasta = args.genome.required()?;
    let vcf = args.haplotypes.required()?;
    let (hap1, hap2) = args.haplotypes.sources()?;
    let length = args.length().unwrap_or_default();
    let table = CountTable::read(path)?;
    let mut reference = Reference::open(fasta)?;
    let contigs = reference.contigs().clone();
    let rows = by_contig(path, &table, &contigs, fasta)?;
    // A second handle: the stream of variants compares REF in another thread.
    let mut stream = VariantStream::builder(vcf, &contigs, &hap1, &hap2).reference(Reference::open(fasta)?).open()?;
    let mut export = Export::create(args, args.layout(length, length))?;

    let mut progress = Progress::new("regions", Some(table.rows.len() as u64));
    let mut contig = ContigHaplotypes::default();
    let options = ContigOptions { mask: None, variants: true };
    let mut empty = 0u64;
    let anchor = args.anchor.or(table.anchor()).unwrap_or(Anchor::Middle);
    let rule =
        WindowRule { layout: args.window_layout, anchor: Some(anchor), tss: table.tss(), orientation: args.orient };
    let windows = rule.windows_around(length, anchor);
    report_windows(length, &rule, anchor);
    for (index, rows) in rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
        contig.read(&mut stream, &mut reference, index, options, &mut |_| Ok(()))?;
        let only = Contigs::new(vec![(contigs.name(index).to_string(), contigs.length(index))]);
        let variants = Variants::from_list(&only, vec![std::mem::take(&mut contig.variants)]);
        for row in rows {
            let at =
                |problem: String| Error::input(path, format!("{}:{}-{}: {problem}", row.chrom, row.start + 1, row.end));
            progress.add(1);
            let region = row.region(index, table.anchor());
            let [a, b] = windows.of(&region, &contigs, path)?.pair(&mut reference, &variants, 0)?.sequences;
            if a.is_empty() || b.is_empty() {
                empty += 1;
                continue;
            }
            let shared = args.uninformative.share() * row.uninformative as f64;
            let values = [row.hap1, row.hap2].map(|count| count as f64 + shared);
            // The published split needs chr in the name.
            let chrom = row.chrom.strip_prefix("chr").unwrap_or(&row.chrom);
            let name = format!("chr{chrom}-{}-{}", row.start, row.end);
            export.push(&name, [&a, &b], values, at)?;
        }
    }
    drop(progress);
    let report = stream.finish()?;
    report.lines().iter().for_each(|line| log::info!("{line}"));
    if empty > 0 {
        log::warn!("{empty} regions are left out: one of the haplotypes has no bases in them");
    }
    Ok(export.finish()?)
}

/// The rows of each contig of the FASTA, in the order of the table.
fn by_contig<'a>(
    path: &Path,
    table: &'a CountTable,
    contigs: &Contigs,
    fasta: &Path,
) -> deepallele_core::error::Result<Vec<Vec<&'a CountRow>>> {
    let mut rows = vec![Vec::new(); contigs.len()];
    let sample = table.rows.first().map(|row| &row.sample);
    for row in &table.rows {
        let at =
            |problem: String| Error::input(path, format!("{}:{}-{}: {problem}", row.chrom, row.start + 1, row.end));
        if let Some(first) = sample.filter(|first| **first != row.sample) {
            return Err(at(format!("has counts of {} after those of {first}; export needs one sample", row.sample)));
        }
        let contig = contigs
            .find(&row.chrom)
            .ok_or_else(|| at(format!("\"{}\" has no contig {}", fasta.display(), row.chrom)))?;
        if row.end > contigs.length(contig) {
            return Err(at(format!("reaches beyond the {} bases of the contig", contigs.length(contig))));
        }
        rows[contig].push(row);
    }
    Ok(rows)
}
