//! The variants of each region with their effects, as `annotate -s -L` wrote them into a VCF.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::explanation::cause::Effect;
use crate::genome::HaplotypeSource;
use crate::io::vcf::VcfReader;
use crate::output::explanation::causes::record_effects::{haplotypes_of, Fields};

/// A variant in which the haplotypes differ, in one region.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Number of its record in the file, from 0.
    pub record: u64,
    /// 1-based position.
    pub position: i64,
    /// REF.
    pub reference: String,
    /// The alternatives, with commas between them.
    pub alternatives: String,
    /// Which allele each haplotype carries, 0 for REF.
    pub alleles: [u32; 2],
    /// Predicted effect on log2 of haplotype 1 over haplotype 2, in haplotype 1 and in haplotype 2.
    pub backgrounds: [f64; 2],
    /// Whether the region is the first of the record, to which its fields refer.
    pub first: bool,
}

impl Candidate {
    /// Mean of both backgrounds, and half their difference.
    pub fn effect(&self) -> Effect {
        let [one, two] = self.backgrounds;
        Effect { mean: (one + two) / 2.0, error: (one - two).abs() / 2.0 }
    }
}

/// A region and its variants.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateRegion {
    /// Contig as the VCF names it.
    pub contig: String,
    /// 0-based half-open.
    pub start: u64,
    /// Past the last base.
    pub end: u64,
    /// In the order of the file.
    pub candidates: Vec<Candidate>,
}

/// The regions and variants of an annotated VCF.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// By contig, in the order in which contigs occur, then by position.
    pub regions: Vec<CandidateRegion>,
    /// The haplotypes in which effects were predicted.
    pub haplotypes: [HaplotypeSource; 2],
    /// Records read.
    pub records: u64,
    /// Variants in a further region with the effects of the record's first region.
    pub borrowed: u64,
    /// Variants without a predicted effect in a region.
    pub without_effect: u64,
}

impl Candidates {
    /// Read all records of a VCF or BCF, decompressed by `threads` threads; `tag` is the suffix of its fields.
    ///
    /// # Errors
    /// The file is broken, or lacks the fields, or the genotypes of the haplotypes that its header names.
    pub fn read(path: &Path, tag: Option<&str>, threads: usize) -> Result<Self> {
        let mut reader = VcfReader::open(path, threads)?;
        let [Some(hap1), Some(hap2)] = haplotypes_of(reader.header(), tag) else {
            // The fields are missing, or their description is another one.
            let unknown = HaplotypeSource::Reference;
            let problem = Fields::of_header(reader.header(), tag, [unknown.clone(), unknown]).err();
            return Err(Error::input(
                path,
                problem.unwrap_or_else(|| {
                    "does not name the haplotypes of its effects: write it with deepallele annotate".into()
                }),
            ));
        };
        let haplotypes = [hap1, hap2];
        let fields = Fields::of_header(reader.header(), tag, haplotypes.clone()).map_err(|p| Error::input(path, p))?;
        let mut found = Self { regions: Vec::new(), haplotypes, records: 0, borrowed: 0, without_effect: 0 };
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut contigs: HashMap<String, usize> = HashMap::new();
        while let Some(record) = reader.read()? {
            let number = found.records;
            found.records += 1;
            if !record.has_info(reader.header(), &fields.region) {
                reader.recycle(record);
                continue;
            }
            let wrong = |problem: String| Error::input(path, format!("{} {problem}", record.place()));
            let line = record.to_line(reader.header()).map_err(wrong)?;
            let read = fields.read(&String::from_utf8_lossy(&line)).map_err(wrong)?;
            for (rank, region) in read.iter().flat_map(|read| &read.regions).enumerate() {
                let Some(backgrounds) = region.effect else {
                    found.without_effect += 1;
                    continue;
                };
                found.borrowed += u64::from(region.borrowed);
                let place = match known.get(&region.name) {
                    Some(&place) => place,
                    None => {
                        let (contig, start, end) = span(&region.name).ok_or_else(|| {
                            wrong(format!(
                                "has the region \"{}\" in INFO/{}, not contig:from-to",
                                region.name, fields.region
                            ))
                        })?;
                        let next = contigs.len();
                        contigs.entry(contig.clone()).or_insert(next);
                        found.regions.push(CandidateRegion { contig, start, end, candidates: Vec::new() });
                        known.insert(region.name.clone(), found.regions.len() - 1);
                        found.regions.len() - 1
                    }
                };
                let bases = |allele: &Vec<u8>| String::from_utf8_lossy(allele).into_owned();
                let alternatives: Vec<String> = record.alleles().iter().skip(1).map(bases).collect();
                found.regions[place].candidates.push(Candidate {
                    record: number,
                    position: record.start() + 1,
                    reference: record.alleles().first().map(bases).unwrap_or_default(),
                    alternatives: alternatives.join(","),
                    alleles: read.as_ref().map_or([0; 2], |read| read.alleles),
                    backgrounds,
                    first: rank == 0,
                });
            }
            drop(line);
            reader.recycle(record);
        }
        found.regions.sort_by_key(|region| (contigs.get(&region.contig).copied(), region.start, region.end));
        Ok(found)
    }
}

/// Contig, 0-based start and end of `contig:from-to`, 1-based inclusive, with `@anchor` or not.
fn span(name: &str) -> Option<(String, u64, u64)> {
    let (contig, rest) = name.rsplit_once(':')?;
    let rest = rest.split_once('@').map_or(rest, |(span, _)| span);
    let (from, to) = rest.split_once('-')?;
    let (from, to) = (from.parse::<u64>().ok()?, to.parse::<u64>().ok()?);
    (from >= 1 && to >= from && !contig.is_empty()).then(|| (contig.to_owned(), from - 1, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_read_from_their_names() {
        assert_eq!(span("chr1:11-20"), Some(("chr1".into(), 10, 20)));
        assert_eq!(span("HLA:A*01:1-1@1"), Some(("HLA:A*01".into(), 0, 1)));
        for name in ["chr1", "chr1:0-5", "chr1:5-4", ":1-2", "chr1:a-b", "chr1:1-99999999999999999999"] {
            assert_eq!(span(name), None, "{name}");
        }
    }
}
