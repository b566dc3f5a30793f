//! The tables of the bias report: by record and by region.

use std::io::{self, Write};

use crate::counts::mapping_bias::outcomes::{reference_fraction, Bias, Outcomes};
use crate::genome::{Variant, MISSING};
use crate::io::plain_text::{plain_bytes, Plain};
use crate::io::regions::Regions;
use crate::io::Contigs;

/// Columns of the table by record, before those of the reads; positions are 1-based as in VCF.
pub const SITE_COLUMNS: [&str; 7] = ["#chrom", "pos", "id", "ref", "alt", "hap1_allele", "hap2_allele"];
/// Columns of the table by region, before those of the reads; 0-based half-open.
pub const REGION_COLUMNS: [&str; 4] = ["#chrom", "start", "end", "name"];
/// Columns of the reads of one haplotype: the fields of [`Outcomes`].
const READS: [&str; 6] = ["laid", "elsewhere", "aligned", "right", "wrong", "unassigned"];

fn header(out: &mut impl Write, lines: &[String], columns: &[&str], last: &[&str]) -> io::Result<()> {
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let reads = ["hap1", "hap2"].into_iter().flat_map(|h| READS.map(|column| format!("{h}_{column}")));
    let names = columns.iter().map(|c| c.to_string()).chain(reads).chain(last.iter().map(|c| c.to_string()));
    writeln!(out, "{}", names.collect::<Vec<_>>().join("\t"))
}

fn reads(out: &mut impl Write, bias: &Bias) -> io::Result<()> {
    let one = |o: &Outcomes| [o.simulated, o.multimapping, o.aligned, o.right, o.wrong, o.unassigned];
    one(&bias.hap1).into_iter().chain(one(&bias.hap2)).try_for_each(|n| write!(out, "\t{n}"))
}

fn fraction(value: Option<f64>) -> String {
    value.map_or(".".into(), |f| format!("{f:.4}"))
}

/// Write the header of the table by record: `lines` as they are, then the names of the columns.
///
/// # Errors
/// Errors of `out`.
pub fn begin_sites(out: &mut impl Write, lines: &[String]) -> io::Result<()> {
    header(out, lines, &SITE_COLUMNS, &["hap1_fraction", "reference_fraction", "flags"])
}

/// Write the line of a record; `limit` is that of [`Bias::flags`].
///
/// # Errors
/// Errors of `out`.
pub fn write_site(out: &mut impl Write, chrom: &str, v: &Variant, bias: &Bias, limit: f64) -> io::Result<()> {
    let text = |allele: &[u8]| String::from_utf8_lossy(&plain_bytes(allele)).into_owned();
    let carried = |allele: u16| if allele == MISSING { ".".into() } else { text(&v.alleles[allele as usize]) };
    let alternatives: Vec<String> = v.alleles.iter().skip(1).map(text).collect();
    write!(
        out,
        "{}\t{}\t{}\t{}\t{}\t{}\t{}",
        Plain(chrom),
        v.start + 1,
        Plain(if v.id.is_empty() { "." } else { &v.id }),
        text(&v.alleles[0]),
        alternatives.join(","),
        carried(v.hap1),
        carried(v.hap2)
    )?;
    reads(out, bias)?;
    let (hap1, reference) = (fraction(bias.hap1_fraction()), fraction(reference_fraction(v, bias)));
    writeln!(out, "\t{hap1}\t{reference}\t{}", bias.flags(limit))
}

/// Write the table by region, in the order of `regions`; `list` has the reads over the sites of each. A region without
/// sites has `.` for its fraction and no flag.
///
/// # Errors
/// Errors of `out`.
pub fn write_regions(
    out: &mut impl Write,
    lines: &[String],
    regions: &Regions,
    contigs: &Contigs,
    list: &[Bias],
    limit: f64,
) -> io::Result<()> {
    header(out, lines, &REGION_COLUMNS, &["hap1_fraction", "flags"])?;
    for (region, bias) in regions.list.iter().zip(list) {
        let (chrom, name) = (Plain(contigs.name(region.contig)), Plain(&region.name));
        write!(out, "{chrom}\t{}\t{}\t{name}", region.start, region.end)?;
        reads(out, bias)?;
        let without_reads = bias.hap1.simulated + bias.hap2.simulated == 0;
        let flags = if without_reads { ".".into() } else { bias.flags(limit) };
        writeln!(out, "\t{}\t{flags}", fraction(bias.hap1_fraction()))?;
    }
    Ok(())
}
