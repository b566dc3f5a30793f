//! The base of a region around which a model's window lies.

use std::path::Path;

use crate::choice::choice;
use crate::error::{Error, Result};
use crate::io::regions::{Region, Regions};

choice!(
    /// Which base of a region is its anchor.
    Anchor, "anchor",
    /// The summit of a peak (narrowPeak, column 10).
    Summit "summit",
    /// The base in the middle: `start + (end - start) / 2`.
    Middle "middle",
    /// The transcription start site: the 5' end by strand, of the gene in GTF, GFF3 and SAF, else of the region.
    Tss "tss",
);

choice!(
    /// Whose 5' end is the transcription start site of a gene.
    #[derive(Default)]
    TssSource, "source of the TSS",
    /// That of the gene.
    #[default]
    Gene "gene",
    /// That of the transcript tagged `MANE_Select` or `Ensembl_canonical`; of genes without one that of the gene.
    Canonical "canonical",
);

/// The last base of a span on its 5' side, 0-based; None without a strand.
pub(crate) fn five_prime_end((start, end): (u64, u64), strand: u8) -> Option<u64> {
    match strand {
        b'+' => Some(start),
        b'-' => Some(end - 1),
        _ => None,
    }
}

impl Region {
    /// The base in the middle, 0-based.
    pub fn middle(&self) -> u64 {
        self.start + (self.end - self.start) / 2
    }

    /// The anchor by this rule, 0-based; None where the region does not have it.
    pub fn anchor(&self, rule: Anchor) -> Option<u64> {
        match rule {
            Anchor::Summit => self.summit,
            Anchor::Middle => Some(self.middle()),
            Anchor::Tss => self.tss.or_else(|| five_prime_end((self.start, self.end), self.strand)),
        }
    }
}

impl Regions {
    /// That every region has an anchor by this rule. `path` names the file in the message.
    ///
    /// # Errors
    /// A region does not have it: the first is named, with what to do.
    pub fn check_anchor(&self, rule: Anchor, path: &Path) -> Result<()> {
        let lacking = |region: &&Region| region.anchor(rule).is_none();
        let Some(first) = self.list.iter().find(lacking) else { return Ok(()) };
        let count = self.list.iter().filter(lacking).count();
        Err(no_anchor(rule, path, &self.contigs.span_name(first.contig, first.start, first.end), count))
    }
}

/// The error of `count` regions without the anchor of `rule`, of which `first` is one.
pub(crate) fn no_anchor(rule: Anchor, path: &Path, first: &str, count: usize) -> Error {
    let problem = match rule {
        Anchor::Tss => format!(
            "{count} regions have no strand and so no TSS, the first is {first}; give genes (GTF, GFF3) or BED with a \
             strand in column 6, or choose another base with --anchor middle"
        ),
        Anchor::Summit => format!(
            "{count} regions have no summit, the first is {first}; give a narrowPeak file or a count table made with one, \
             or choose another base with --anchor middle"
        ),
        Anchor::Middle => format!("{count} regions have no middle, the first is {first}"),
    };
    Error::input(path, problem)
}

/// What the header of a count table says about the anchors in its rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnchorColumn {
    rule: Option<Anchor>,
    /// Number of the column, from 0.
    column: Option<usize>,
}

impl AnchorColumn {
    /// Take in a line that begins with `#`.
    pub(crate) fn header(&mut self, line: &str) -> std::result::Result<(), String> {
        if let Some(name) = line.strip_prefix("##anchor=") {
            self.rule = Some(name.parse().map_err(|e: Error| e.problem().to_string())?);
        } else if line.starts_with("#chrom\t") {
            self.column = line.split('\t').position(|name| name == "anchor");
        }
        Ok(())
    }

    /// The rule by which the rows have anchors; None for files without them.
    pub(crate) fn rule(&self) -> Option<Anchor> {
        self.rule.filter(|_| self.column.is_some())
    }

    /// The anchor of a row; None for files without them, for `.` and for a row without the column.
    pub(crate) fn of_row(&self, columns: &[&str]) -> std::result::Result<Option<u64>, String> {
        let (Some(_), Some(column)) = (self.rule, self.column) else { return Ok(None) };
        match columns.get(column).copied() {
            None | Some(".") => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| format!("anchor is \"{text}\", not a 0-based position")),
        }
    }
}

impl Region {
    /// Take over an anchor that a count table has for this region by `rule`.
    pub(crate) fn set_anchor(&mut self, rule: Anchor, anchor: u64) {
        match rule {
            Anchor::Summit => self.summit = Some(anchor),
            Anchor::Tss => self.tss = Some(anchor),
            Anchor::Middle => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::regions::bed::test_region;

    #[test]
    fn anchors_by_rule_and_strand() {
        let mut region = test_region(0, 10, 21);
        let all = |region: &Region| [Anchor::Summit, Anchor::Middle, Anchor::Tss].map(|rule| region.anchor(rule));
        assert_eq!(all(&region), [None, Some(15), None]);
        region.strand = b'+';
        assert_eq!(all(&region), [None, Some(15), Some(10)]);
        region.strand = b'-';
        region.summit = Some(12);
        assert_eq!(all(&region), [Some(12), Some(15), Some(20)]);
        region.tss = Some(40);
        assert_eq!(all(&region), [Some(12), Some(15), Some(40)]);
    }
}
