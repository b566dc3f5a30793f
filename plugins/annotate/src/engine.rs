//! What predicts: each alternative on the reference, or every variant in the two haplotypes of a sample; and what of it
//! goes into a record.

use std::path::{Path, PathBuf};

use deepallele_common::open_model;
use deepallele_core::effects::backgrounds::{PairEffects, PairSite};
use deepallele_core::effects::regions::RegionIndex;
use deepallele_core::effects::sites::Sites;
use deepallele_core::effects::variants::{SiteEffects, VariantEffects};
use deepallele_core::genome::{Contigs, NearbyVariants, Reference, Regions, VariantStream};
use deepallele_core::output::vcf_info;
use deepallele_core::vcf::{InfoValue, VcfReader, VcfRecord};
use deepallele_core::Result;

use crate::args::{Args, ModelChoice};

/// Bases kept beside what a window needs, for deletions that draw in more.
const ROOM: u64 = 100_000;

/// Both engines take records and give back what to write, in the same order.
pub enum Engine {
    Reference(VariantEffects),
    /// With the file that its haplotypes come from.
    Pair(Box<PairEffects>, PathBuf),
}

/// What a record gets.
pub struct Annotation {
    /// Effect of the alternative with the strongest one.
    pub strongest: Option<f64>,
    pub values: Vec<(&'static str, InfoValue)>,
}

impl Engine {
    /// Open `model`, and the genome and the regions that `args` name; `reader` is the input.
    pub fn open(args: &Args, model: &ModelChoice, input: &Path, reader: &VcfReader) -> anyhow::Result<Self> {
        let predictor = open_model(model.path, model.sample, args.threads.count())?;
        let path = args.genome.required()?;
        let reference = Reference::open(path)?;
        let contigs = reference.contigs().clone();
        let regions = match &args.regions {
            Some(path) => {
                let regions = Regions::read(path, &contigs)?;
                if let Some((theirs, ours)) = &regions.renamed {
                    log::info!("\"{}\": contigs matched by name without chr ({theirs} is {ours})", path.display());
                }
                Some(RegionIndex::new(regions))
            }
            None => None,
        };
        let sites = Sites::new(reference, regions, predictor.info());
        if args.haplotypes.is_empty() {
            return Ok(Engine::Reference(VariantEffects::new(sites, predictor)));
        }
        let (hap1, hap2) = args.haplotypes.sources()?;
        // Never standard input: the options were checked.
        let variants = args.haplotypes.variants.clone().unwrap_or_else(|| input.to_path_buf());
        let contigs = in_order_of(&contigs, reader);
        let stream = VariantStream::open(&variants, &contigs, &hap1, &hap2, Some(Reference::open(path)?))?;
        let nearby = NearbyVariants::new(stream, contigs, sites.reach().saturating_add(ROOM));
        Ok(Engine::Pair(Box::new(PairEffects::new(sites, predictor, nearby)), variants))
    }

    pub fn sites(&self) -> &Sites {
        match self {
            Engine::Reference(effects) => effects.sites(),
            Engine::Pair(effects, _) => effects.sites(),
        }
    }

    pub fn waiting(&self) -> usize {
        match self {
            Engine::Reference(effects) => effects.waiting(),
            Engine::Pair(effects, _) => effects.waiting(),
        }
    }

    pub fn add(&mut self, record: &VcfRecord) -> Result<()> {
        let (contig, start, alleles) = (record.contig(), record.start(), record.alleles());
        match self {
            Engine::Reference(effects) => effects.add(contig, start, alleles),
            Engine::Pair(effects, _) => effects.add(contig, start, alleles),
        }
    }

    /// For each of the `records` that wait what it gets, `None` for one that stays untouched.
    pub fn predict(&mut self, records: &[VcfRecord]) -> Result<Vec<Option<Annotation>>> {
        match self {
            Engine::Reference(effects) => {
                let sites = effects.predict()?.into_iter().zip(records);
                Ok(sites.map(|(site, record)| site.map(|site| of_reference(record, site))).collect())
            }
            Engine::Pair(effects, _) => {
                let sites = effects.predict()?.into_iter().zip(records);
                Ok(sites.map(|(site, record)| site.map(|site| of_pair(record, site))).collect())
            }
        }
    }

    /// Read what is left of the haplotypes, so that nothing wrong at the end of their file is missed, and say what
    /// became of the records.
    pub fn finish(&mut self) -> Result<()> {
        if let Engine::Pair(effects, path) = self {
            for line in effects.variants().finish()?.lines() {
                log::info!("\"{}\": {line}", path.display());
            }
        }
        for line in self.sites().report.lines() {
            log::info!("{line}");
        }
        Ok(())
    }
}

/// The FASTA's contigs in the order in which the records come: that of the input's header.
fn in_order_of(contigs: &Contigs, reader: &VcfReader) -> Contigs {
    let header = Contigs::new(reader.header().contigs().into_iter().map(|name| (name, 0)).collect());
    let mut list: Vec<(String, u64)> = contigs.iter().map(|(name, length)| (name.to_string(), length)).collect();
    list.sort_by_key(|(name, _)| header.find(name).unwrap_or(usize::MAX));
    Contigs::new(list)
}

fn region(record: &VcfRecord, region: &std::ops::Range<u64>) -> InfoValue {
    InfoValue::Text(format!("{}:{}-{}", record.contig(), region.start + 1, region.end))
}

/// A value for each alternative, and the strongest.
fn floats<T>(alleles: &[Option<T>], value: impl Fn(&T) -> f64) -> InfoValue {
    InfoValue::Floats(alleles.iter().map(|e| e.as_ref().map(|e| value(e) as f32)).collect())
}

fn strongest(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.max_by(|a, b| a.abs().total_cmp(&b.abs()))
}

fn of_reference(record: &VcfRecord, site: SiteEffects) -> Annotation {
    Annotation {
        strongest: strongest(site.alleles.iter().flatten().map(|e| e.ratio)),
        values: vec![
            (vcf_info::LFC, floats(&site.alleles, |e| e.ratio)),
            (vcf_info::COUNT_LFC, floats(&site.alleles, |e| e.counts)),
            (vcf_info::REGION, region(record, &site.region)),
        ],
    }
}

fn of_pair(record: &VcfRecord, site: PairSite) -> Annotation {
    let mut values = vec![
        (vcf_info::LFC, floats(&site.alleles, |e| e.mean())),
        (vcf_info::LFC_BACKGROUND1, floats(&site.alleles, |e| e.ratio[0])),
        (vcf_info::LFC_BACKGROUND2, floats(&site.alleles, |e| e.ratio[1])),
        (vcf_info::COUNT_LFC, floats(&site.alleles, |e| e.counts)),
        (vcf_info::PAIR, InfoValue::Floats(vec![Some(site.pair as f32)])),
    ];
    if let Some(of_region) = site.of_region {
        values.push((vcf_info::EPISTASIS, InfoValue::Floats(vec![Some(of_region.unexplained as f32)])));
        values.push((vcf_info::MAIN, InfoValue::Flag(of_region.main)));
    }
    values.push((vcf_info::REGION, region(record, &site.region)));
    Annotation { strongest: strongest(site.alleles.iter().flatten().map(|e| e.mean())), values }
}
