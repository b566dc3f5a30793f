//! `DA_PIP` in the records of a VCF.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Error, Result};
use crate::explanation::cause::RegionPosterior;
use crate::io::output_file::CompleteFiles;
use crate::io::vcf::{IndexKind, InfoValue, VcfFormat, VcfReader, VcfWriter};
use crate::output::explanation::causes::CandidateRegion;
use crate::output::vcf_info;

/// The posterior inclusion probability of each alternative of some records, by the number of the record from 0.
#[derive(Clone, Debug, Default)]
pub struct Inclusions(HashMap<u64, ([u32; 2], f64)>);

impl Inclusions {
    /// Take up a region: of a record the value is that of its first region, as that of the other fields is.
    pub fn add(&mut self, region: &CandidateRegion, posterior: &RegionPosterior) {
        for (candidate, variant) in region.candidates.iter().zip(&posterior.variants) {
            if candidate.first {
                self.0.insert(candidate.record, (candidate.alleles, variant.inclusion));
            }
        }
    }
}

/// Where the VCF is written, and how.
#[derive(Clone, Copy, Debug)]
pub struct VcfOutput<'a> {
    /// The file; `-` is standard output.
    pub path: &'a Path,
    /// Its format.
    pub format: VcfFormat,
    /// Its index, if any.
    pub index: Option<IndexKind>,
}

/// Copy `input`, which has as many `records`, with `DA_PIP` (with the suffix `tag`): that of each alternative that one
/// haplotype carries. `smallest` is the smallest effect of a cause, `lines` go into the header. The files have temporary names
/// until the set is renamed.
///
/// # Errors
/// `input` cannot be read or is not the file that it was; the output cannot be written.
pub fn write_inclusions(
    (input, records): (&Path, u64),
    output: VcfOutput,
    (tag, smallest): (Option<&str>, f64),
    lines: &[String],
    inclusions: &Inclusions,
    threads: usize,
) -> Result<CompleteFiles> {
    let mut reader = VcfReader::open(input, threads)?;
    let name = vcf_info::tagged(vcf_info::PIP, tag);
    // Values of an earlier run would be wrong.
    let earlier = reader.header().has_info(&name);
    let description = format!(
        "Description=\"Posterior inclusion probability: chance that the variant changes the log2 ratio of its region by at least \
         {smallest}, given its counts{}\",Source=\"deepallele\",Version=\"{}\"",
        tag.map_or_else(String::new, |tag| format!(", model {tag}")),
        env!("CARGO_PKG_VERSION")
    );
    reader.header_mut().declare_info(&name, "A", "Float", &description, input)?;
    for line in lines {
        reader.header_mut().push(line)?;
    }
    let mut writer =
        VcfWriter::create(output.path, output.format, reader.header(), threads)?.expect_index(output.index);
    let mut number = 0;
    while let Some(mut record) = reader.read()? {
        let alternatives = record.alleles().len().saturating_sub(1);
        let values = match inclusions.0.get(&number) {
            Some((alleles, inclusion)) => {
                let carried = |allele: u32| alleles.contains(&allele).then_some(*inclusion as f32);
                Some((1..=alternatives as u32).map(carried).collect())
            }
            None if earlier && record.has_info(reader.header(), &name) => Some(vec![None; alternatives]),
            None => None,
        };
        if let Some(values) = values {
            record
                .set_info(reader.header(), &[(&name, InfoValue::Floats(values))])
                .map_err(|problem| Error::input(input, format!("{} {problem}", record.place())))?;
        }
        writer.write(&mut record, reader.header()).map_err(|error| error.in_file(input))?;
        reader.recycle(record);
        number += 1;
    }
    if number != records {
        return Err(Error::input(input, "was changed while it was read"));
    }
    writer.close(output.index)
}
