//! The records of `--vcf`.

use std::collections::HashMap;
use std::path::Path;

use deepallele_core::error::Error;
use deepallele_core::explanation::hits::records::Differences;
use deepallele_core::io::output_file::CompleteFiles;
use deepallele_core::io::vcf::{VcfFormat, VcfReader, VcfWriter};
use deepallele_core::output::explanation::motif_info::{self, ChangedSite};

use crate::args::HitArgs;

/// An allele of a record of `--vcf`.
#[derive(Clone)]
pub struct Known {
    /// `position:REF:ALT`, 1-based.
    pub name: String,
    /// What it adds to the predicted log2 of haplotype 1 over haplotype 2, if `annotate` has written that.
    pub effect: Option<f64>,
}

/// The field of `annotate` with the effect of ALT over REF.
const EFFECT: &str = "DA_LFC";

/// The records that make differences, by number of the pair and first column of the difference.
pub fn known(vcf: &Path, differences: &Differences) -> anyhow::Result<HashMap<(u32, usize), Vec<Known>>> {
    let mut known: HashMap<(u32, usize), Vec<Known>> = HashMap::new();
    let mut reader = VcfReader::open(vcf, 1)?;
    while let Some(record) = reader.read()? {
        if let (Ok(start), Some((reference, alternatives))) =
            (u64::try_from(record.start()), record.alleles().split_first())
        {
            let effects = record.info_floats(reader.header(), EFFECT).unwrap_or_default();
            for (number, alternative) in alternatives.iter().enumerate() {
                let Some(found) = differences.find(record.contig(), start, reference, alternative) else { continue };
                let sign = if found.alternative == 0 { 1.0 } else { -1.0 };
                let effect = effects.get(number).copied().flatten().map(|effect| sign * f64::from(effect));
                let bases = [reference, alternative].map(|bases| String::from_utf8_lossy(bases));
                let name = format!("{}:{}:{}", start + 1, bases[0], bases[1]);
                for key in found.differences {
                    known.entry(key).or_default().push(Known { name: name.clone(), effect });
                }
            }
        }
        reader.recycle(record);
    }
    Ok(known)
}

/// Write the records with the sites that they change. The file has a temporary name until the returned set is renamed.
pub fn annotate(
    args: &HitArgs,
    vcf: &Path,
    differences: &Differences,
    sites: &[ChangedSite],
    attributions: bool,
) -> anyhow::Result<CompleteFiles> {
    let threads = args.threads.count().min(4);
    let mut reader = VcfReader::open(vcf, threads)?;
    let fields = [motif_info::MOTIFS, motif_info::TOP, motif_info::ATTRIBUTION];
    let kept: Vec<&str> = fields.into_iter().filter(|field| reader.header().has_info(field)).collect();
    if !kept.is_empty() {
        log::warn!(
            "\"{}\" has {} already: records keep theirs where this run writes no value (bcftools annotate -x removes them)",
            vcf.display(),
            kept.join(", ")
        );
    }
    motif_info::declare(reader.header_mut(), attributions, env!("CARGO_PKG_VERSION"), vcf)?;
    for line in args.provenance.header("explain") {
        reader.header_mut().push(&line)?;
    }
    let (output, format) = (&args.output.output, args.output.format());
    let mut writer = VcfWriter::create(output, format, reader.header(), threads)?.expect_index(args.output.write_index);
    let (mut records, mut changing) = (0u64, 0u64);
    while let Some(mut record) = reader.read()? {
        let values = motif_info::values(&record, differences, sites, attributions);
        if matches!(format, VcfFormat::Bcf(_) | VcfFormat::BcfUncompressed) {
            let checked = record.check_bcf(reader.header());
            checked.map_err(|e| Error::input(vcf, format!("{} {e}", record.place())))?;
        }
        if !values.is_empty() {
            let set = record.set_info(reader.header(), &values);
            set.map_err(|e| Error::input(vcf, format!("{} {e}", record.place())))?;
        }
        records += 1;
        changing += u64::from(values.iter().any(|(field, _)| *field == motif_info::MOTIFS));
        // An error of a record names the input; all others name the output.
        writer.write(&mut record, reader.header()).map_err(|e| e.in_file(vcf))?;
        reader.recycle(record);
    }
    log::info!("{records} records, {changing} of them in a site");
    Ok(writer.close(args.output.write_index)?)
}
