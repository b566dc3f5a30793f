//! Predicted effect of each alternative allele on activity, added to the records of a VCF or BCF as they pass:
//!
//!     bcftools view -r chr22 CALLS.bcf | annotate_stream MODEL.onnx REF.fa | bcftools filter -i 'abs(DA_LFC) > 1'
//!
//! What `deepallele annotate -m MODEL.onnx -f REF.fa --no-version -` does. ONNX Runtime is found as the commands find
//! it: in ORT_DYLIB_PATH, or next to the program.

use std::error::Error;
use std::path::Path;

use deepallele_core::effects::loci::Sites;
use deepallele_core::io::regions::Anchor;
use deepallele_core::io::vcf::{InfoValue, VcfFormat, VcfReader, VcfRecord, VcfWriter};
use deepallele_core::io::Contigs;
use deepallele_core::model::incremental::IncrementalPredictor;
use deepallele_core::model::onnx::ensemble::Ensemble;
use deepallele_core::output::vcf_info::{Declared, COUNT_LFC, LFC, REGION};
use deepallele_core::{Predictor, Reference, VariantEffects};

/// Records predicted together.
const TOGETHER: usize = 512;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, fasta] = &arguments[..] else {
        return Err("usage: annotate_stream MODEL.onnx REF.fa < IN.vcf > OUT.vcf".into());
    };
    // Recomputes only what a variant can change.
    let model = Ensemble::one(IncrementalPredictor::new(Predictor::open(Path::new(model), 1)?));
    let stdio = Path::new("-");
    let mut reader = VcfReader::open(stdio, 1)?;
    let fields = Declared { counts: model.has_counts(), ..Declared::default() };
    fields.declare(reader.header_mut(), env!("CARGO_PKG_VERSION"), stdio)?;
    let windows = model.rule().windows_around(model.window(), Anchor::Middle);
    let sites = Sites::new(Reference::open(Path::new(fasta))?, None, windows);
    let mut effects = VariantEffects::new(sites, model);

    let mut writer = VcfWriter::create(stdio, VcfFormat::Vcf, reader.header(), 1)?;
    let mut waiting: Vec<VcfRecord> = Vec::new();
    loop {
        let record = reader.read()?;
        let last = record.is_none();
        if let Some(record) = record {
            effects.add(record.contig(), record.start(), record.alleles())?;
            waiting.push(record);
        }
        if last || waiting.len() == TOGETHER {
            for (mut record, found) in waiting.drain(..).zip(effects.predict()?) {
                // One window around the record; none where REF is not that of the FASTA.
                if let Some(found) = found.first() {
                    let ratios = found.alleles.iter().map(|allele| allele.map(|e| e.ratio as f32)).collect();
                    let counts = found.alleles.iter().map(|allele| allele.map(|e| e.counts as f32)).collect();
                    let region = format!("{}:{}-{}", record.contig(), found.region.start + 1, found.region.end);
                    let values = [
                        (LFC, InfoValue::Floats(ratios)),
                        (COUNT_LFC, InfoValue::Floats(counts)),
                        (REGION, InfoValue::Texts(vec![region])),
                    ];
                    record.set_info(reader.header(), &values)?;
                }
                writer.write(&mut record, reader.header())?;
            }
        }
        if last {
            break;
        }
    }
    effects.sites().check_assembly(&Contigs::from_names(reader.header().contigs()), true)?;
    effects.sites().report.lines().iter().for_each(|line| eprintln!("{line}"));
    Ok(writer.finish(None)?)
}
