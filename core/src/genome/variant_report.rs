//! Numbers of used and skipped records of a VCF, and sentences about them.

use crate::genome::AssemblyCheck;

/// Numbers of used and skipped records of a VCF, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariantReport {
    /// Records read.
    pub records: u64,
    /// Kept: at least one haplotype differs from REF (unphased heterozygous ones included).
    pub used: u64,
    /// On contigs that the other inputs do not have: not used.
    pub other_contigs: u64,
    /// Both haplotypes are REF.
    pub reference_calls: u64,
    /// Heterozygous without phase: used per variant, never assigned to a haplotype.
    pub unphased: u64,
    /// Heterozygous calls of an inbred strain, left as reference.
    pub heterozygous_strain: u64,
    /// Missing or partial calls, left as reference.
    pub missing: u64,
    /// Carried alleles without a sequence (`<DEL>`, breakends), left as reference.
    pub symbolic: u64,
    /// Carried `*` alleles: the base is deleted by another record.
    pub starred: u64,
    /// Records not applied to a haplotype because they overlap an earlier one of it.
    pub overlapping: u64,
    /// FILTER is neither PASS nor `.`: used nevertheless.
    pub not_pass: u64,
    /// REF reaches beyond the end of its contig: not used.
    pub past_end: u64,
    /// REF compared with the FASTA; records that differ are dropped.
    pub assembly: AssemblyCheck,
    /// A contig name of the file and the name to which it was matched, if they differ by `chr`.
    pub renamed: Option<(String, String)>,
}

impl VariantReport {
    /// Sentences for the user, one per line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} variant records read, {} used", self.records, self.used)];
        if let Some((theirs, ours)) = &self.renamed {
            lines.push(format!("contig names of the variants were matched with or without chr ({theirs} is {ours})"));
        }
        for (n, what) in [
            (self.other_contigs, "on contigs that the other inputs do not have: not used"),
            (self.past_end, "beyond the end of their contig: not used"),
            (self.unphased, "heterozygous without phase: used per variant only"),
            (self.heterozygous_strain, "heterozygous calls of an inbred strain: left as reference"),
            (self.missing, "missing or partial calls: left as reference"),
            (self.symbolic, "alleles without a sequence: left as reference"),
            (self.starred, "alleles deleted by another record (*)"),
            (self.overlapping, "overlap an earlier record of the same haplotype: not applied to it"),
            (self.not_pass, "with a FILTER other than PASS: used; drop them with bcftools view -f PASS,."),
        ] {
            if n > 0 {
                lines.push(format!("{n} {what}"));
            }
        }
        if self.assembly.mismatched > 0 {
            lines.push(format!(
                "{} of {} records dropped because REF differs from the FASTA: {}",
                self.assembly.mismatched,
                self.assembly.checked,
                self.assembly.named()
            ));
        }
        lines
    }
}
