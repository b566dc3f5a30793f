//! The per-variant table: fragments by the base they show at each SNV.

use std::io::{self, Write};

use super::counter::VariantTally;
use crate::genome::{Variant, Variants};
use crate::reads::Sites;

/// Names of the columns, in order.
pub const COLUMNS: [&str; 12] = [
    "#chrom",
    "pos",
    "id",
    "ref",
    "alt",
    "sample",
    "hap1_allele",
    "hap2_allele",
    "hap1",
    "hap2",
    "other",
    "conflicting",
];

/// Write the table: `header` lines as they are, then a line for each SNV of `sites` that `keep` wants (by
/// contig index and variant), positions 1-based as in VCF. An unphased call has `.` for both haplotype
/// alleles; its `hap1` and `hap2` count the first and second allele of the call.
pub fn write_variants(
    out: &mut impl Write,
    header: &[String],
    variants: &Variants,
    sites: &Sites,
    tallies: &[VariantTally],
    sample: &str,
    keep: impl Fn(usize, &Variant) -> bool,
) -> io::Result<()> {
    for line in header {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{}", COLUMNS.join("\t"))?;
    // Sites are in the order of the base that differs, which padded alleles may put behind POS.
    let mut order: Vec<usize> = (0..sites.records.len()).collect();
    order.sort_by_key(|&i| (sites.contigs[i], sites.records[i].variant));
    for i in order {
        let contig = sites.contigs[i];
        let Some(v) = variants.of(contig).get(sites.records[i].variant) else { continue };
        if !keep(contig, v) {
            continue;
        }
        let text = |allele: &[u8]| String::from_utf8_lossy(allele).into_owned();
        let of_haplotype = |allele: u8| match v.phased {
            true => text(&v.alleles[allele as usize]),
            false => ".".into(),
        };
        let alternatives: Vec<String> = v.alleles.iter().skip(1).map(text).collect();
        let tally = tallies.get(i).copied().unwrap_or_default();
        writeln!(
            out,
            "{}\t{}\t{}\t{}\t{}\t{sample}\t{}\t{}\t{}\t{}\t{}\t{}",
            variants.contigs().name(contig),
            v.start + 1,
            if v.id.is_empty() { "." } else { &v.id },
            text(&v.alleles[0]),
            alternatives.join(","),
            of_haplotype(v.hap1),
            of_haplotype(v.hap2),
            tally.hap1,
            tally.hap2,
            tally.other,
            tally.conflicting
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::variants::test_variant;
    use crate::genome::Contigs;

    #[test]
    fn rows_are_in_the_order_of_the_vcf() {
        let mut unphased = test_variant(30, &["G", "T"], 0, 1);
        unphased.phased = false;
        let list = vec![
            test_variant(5, &["ACGT", "ACGA", "A"], 0, 1),
            test_variant(6, &["C", "A", "T"], 2, 0),
            test_variant(20, &["C", "CA"], 1, 0),
            unphased,
        ];
        let variants = Variants::from_list(&Contigs::new(vec![("1".into(), 0)]), vec![list]);
        let sites = Sites::new(&variants);
        let tallies: Vec<VariantTally> =
            (0..3).map(|i| VariantTally { hap1: 10 + i, hap2: i, other: 0, conflicting: 0 }).collect();
        let mut out = Vec::new();
        write_variants(&mut out, &["##x".into()], &variants, &sites, &tallies, "s", |_, _| true).unwrap();
        let expected =
            "##x\n#chrom\tpos\tid\tref\talt\tsample\thap1_allele\thap2_allele\thap1\thap2\tother\tconflicting\n\
            1\t6\t.\tACGT\tACGA,A\ts\tACGT\tACGA\t11\t1\t0\t0\n\
            1\t7\t.\tC\tA,T\ts\tT\tC\t10\t0\t0\t0\n\
            1\t31\t.\tG\tT\ts\t.\t.\t12\t2\t0\t0\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
