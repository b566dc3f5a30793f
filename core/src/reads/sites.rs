//! The single bases in which the haplotypes differ, in the order in which sorted reads meet them.

use crate::genome::Variants;

/// A record of the VCF that a site shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteRecord {
    /// Index in [`Variants::of`] for the contig of the site.
    pub variant: usize,
    /// Base of haplotype 1 (of the first allele of an unphased call).
    pub first: u8,
    /// Base of haplotype 2 (of the second allele of an unphased call).
    pub second: u8,
}

/// One position at which reads can tell alleles apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// 0-based.
    pub position: i64,
    /// Bases of the two haplotypes; None if all records here are unphased.
    pub haplotypes: Option<(u8, u8)>,
    /// The records behind it, as a range of [`Sites::records`].
    pub records: std::ops::Range<usize>,
}

/// All sites, by contig and position.
#[derive(Clone, Debug, Default)]
pub struct Sites {
    list: Vec<Site>,
    /// Contig `i` has sites `begins[i]..begins[i + 1]`.
    begins: Vec<usize>,
    /// Records of all sites, in order.
    pub records: Vec<SiteRecord>,
    /// Contig of each record in `records`.
    pub contigs: Vec<usize>,
    /// Differing records that are no single base (indels, substitutions of several bases): they are in the
    /// sequences, but reads are not assigned by them.
    pub not_single: u64,
}

impl Sites {
    /// The sites of `variants`. Records at one position (a multi-allelic site split over lines) make one
    /// site, at which a haplotype carries whatever its one non-reference record says.
    pub fn new(variants: &Variants) -> Self {
        let mut sites = Sites { begins: vec![0], ..Default::default() };
        for contig in 0..variants.contigs().len() {
            // Padded alleles put the differing base behind POS: sort by the base itself.
            let mut single: Vec<(u64, SiteRecord, bool, u8)> = Vec::new();
            for (variant, v) in variants.of(contig).iter().enumerate() {
                match v.single_base() {
                    Some((position, first, second)) => {
                        let reference = v.alleles[0][(position - v.start) as usize];
                        single.push((position, SiteRecord { variant, first, second }, v.phased, reference));
                    }
                    None => sites.not_single += (v.differs() || !v.phased) as u64,
                }
            }
            single.sort_by_key(|s| (s.0, s.1.variant));
            for group in single.chunk_by(|a, b| a.0 == b.0) {
                let begin = sites.records.len();
                let mut haplotypes: Option<(u8, u8)> = None;
                for &(_, record, phased, reference) in group {
                    sites.records.push(record);
                    sites.contigs.push(contig);
                    if phased {
                        let known = haplotypes.unwrap_or((reference, reference));
                        let pick = |known: u8, new: u8| if new == reference { known } else { new };
                        haplotypes = Some((pick(known.0, record.first), pick(known.1, record.second)));
                    }
                }
                // Split records may add up to the same base on both.
                haplotypes = haplotypes.filter(|(a, b)| a != b);
                let position = group[0].0 as i64;
                sites.list.push(Site { position, haplotypes, records: begin..sites.records.len() });
            }
            sites.begins.push(sites.list.len());
        }
        sites
    }

    /// Site `i`.
    pub fn get(&self, i: u32) -> &Site {
        &self.list[i as usize]
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if nothing tells the haplotypes apart.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Indices of the sites of a contig.
    pub fn of(&self, contig: usize) -> std::ops::Range<usize> {
        match (self.begins.get(contig), self.begins.get(contig + 1)) {
            (Some(&a), Some(&b)) => a..b,
            _ => 0..0,
        }
    }

    pub(super) fn position(&self, i: usize) -> i64 {
        self.list[i].position
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genome::variants::test_variant;
    use crate::genome::{Contigs, Variants};

    fn sites(list: Vec<crate::genome::Variant>) -> Sites {
        let contigs = Contigs::new(vec![("a".into(), 0), ("b".into(), 0)]);
        Sites::new(&Variants::from_list(&contigs, vec![vec![], list]))
    }

    #[test]
    fn records_at_one_position_make_one_site() {
        let s = sites(vec![test_variant(9, &["A", "G"], 1, 0), test_variant(9, &["A", "T"], 0, 1)]);
        assert_eq!((s.len(), s.of(0), s.of(1)), (1, 0..0, 0..1));
        assert_eq!(s.get(0).haplotypes, Some((b'G', b'T')));
        assert_eq!(s.get(0).records, 0..2);
    }

    #[test]
    fn padded_alleles_are_found_at_the_base_that_differs() {
        let s = sites(vec![
            test_variant(5, &["ACGT", "ACGA", "A"], 0, 1),
            test_variant(6, &["C", "T"], 1, 0),
            test_variant(7, &["G", "GA"], 1, 0),
            test_variant(20, &["AC", "GT"], 1, 0),
        ]);
        let got: Vec<_> = (0..s.len() as u32).map(|i| (s.get(i).position, s.get(i).haplotypes)).collect();
        assert_eq!(got, [(6, Some((b'T', b'C'))), (8, Some((b'T', b'A')))]);
        assert_eq!(s.not_single, 2);
    }

    #[test]
    fn unphased_records_tell_no_haplotypes_apart() {
        let mut v = test_variant(5, &["A", "C"], 0, 1);
        v.phased = false;
        let s = sites(vec![v]);
        assert_eq!(s.get(0).haplotypes, None);
        assert_eq!(s.records[0], SiteRecord { variant: 0, first: b'A', second: b'C' });
    }
}
