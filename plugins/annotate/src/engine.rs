//! Predicts effects, of each alternative allele on the reference or of every variant in two haplotypes, and turns them
//! into the INFO fields of a record.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deepallele_common::{open_ensemble, read_regions, report_windows, usage};
use deepallele_core::effects::haplotype_effects::{BackgroundEffect, PairEffects, PairSite};
use deepallele_core::effects::loci::Sites;
use deepallele_core::effects::null::NullEffects;
use deepallele_core::effects::reference_effects::{AlleleEffect, SiteEffects, VariantEffects};
use deepallele_core::effects::regions::RegionIndex;
use deepallele_core::error::Result;
use deepallele_core::genome::{NearbyVariants, VariantStream};
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::{Anchor, AnnotationOptions};
use deepallele_core::io::vcf::{number_in_text, InfoValue, VcfRecord};
use deepallele_core::io::Contigs;
use deepallele_core::model::onnx::ensemble::Ensemble;
use deepallele_core::model::window::WindowRule;
use deepallele_core::output::vcf_info::{self, Declared};

use crate::args::{Args, Tagged};

/// Bases kept in addition to a window, because deletions draw in more.
const MARGIN: u64 = 100_000;

/// Both engines take records and return what to write, in the same order.
pub enum Engine {
    /// Each alternative allele against the reference allele, in the reference.
    Reference(Box<VariantEffects>),
    /// Every variant in both haplotypes, with the file that these come from.
    Pair(Box<PairEffects>, PathBuf),
}

/// What is written into a record.
pub struct Annotation {
    /// The strongest effect of its alternative alleles.
    pub strongest: Option<f64>,
    /// INFO fields, without tag, and their values.
    pub values: Vec<(&'static str, InfoValue)>,
}

/// Open models that share fields, as one ensemble.
pub fn open_models(models: &Tagged, threads: usize) -> anyhow::Result<Ensemble> {
    Ok(open_ensemble(models.files.iter().map(|file| (file.path, file.sample)), threads)?)
}

/// The genome and the regions of `-L`, read once for all models.
pub struct Places<'a> {
    fasta: &'a Path,
    pub contigs: Contigs,
    regions: Option<Arc<RegionIndex>>,
}

impl<'a> Places<'a> {
    /// For models with windows by `rules`.
    pub fn open(args: &'a Args, rules: &[WindowRule]) -> anyhow::Result<Self> {
        let fasta = args.genome.required()?;
        let contigs = Reference::open(fasta)?.contigs().clone();
        let tss = rules.first().map(|rule| rule.tss).unwrap_or_default();
        if rules.iter().any(|rule| rule.tss != tss) {
            return Err(usage("the models read windows around different TSS, gene and canonical: choose one by --tss"));
        }
        let regions = args
            .regions
            .as_deref()
            .map(|path| read_regions(path, &contigs, &AnnotationOptions::with_tss(tss)))
            .transpose()?;
        Ok(Self { fasta, contigs, regions: regions.map(|regions| Arc::new(RegionIndex::new(regions))) })
    }
}

impl Engine {
    /// The engine that `args` ask for, with `models` at `places`. `declared` are the contigs of the header of `input`,
    /// `only` those of -r or -R.
    pub fn open(
        args: &Args,
        places: &Places,
        models: Ensemble,
        input: &Path,
        declared: &Contigs,
        only: Option<&[String]>,
    ) -> anyhow::Result<Self> {
        let reference = Reference::open(places.fasta)?;
        let rule = args.windows.over(*models.rule());
        let windows = match (&places.regions, &args.regions) {
            (Some(index), Some(path)) => {
                let windows = rule.windows(models.window(), index.regions(), path)?;
                report_windows(windows.length, &rule, windows.anchor);
                windows
            }
            _ => rule.windows_around(models.window(), Anchor::Middle),
        };
        let sites = Sites::new(reference, places.regions.clone(), windows).on_mismatch(args.on_mismatch);
        if args.haplotypes.is_empty() {
            let null = args.null.map(|count| NullEffects { count: count as usize, seed: args.seed });
            return Ok(Engine::Reference(Box::new(VariantEffects::new(sites, models).with_null(null))));
        }
        let (hap1, hap2) = args.haplotypes.sources()?;
        // Never standard input: the options were checked.
        let variants = args.haplotypes.variants.clone().unwrap_or_else(|| input.to_path_buf());
        let contigs = in_order_of(&places.contigs, declared);
        let reference = Some(Reference::open(places.fasta)?);
        // With -r or -R the haplotypes are needed on those contigs alone.
        let wanted = only.map(|names| names.iter().filter_map(|name| contigs.find(name)).collect::<Vec<usize>>());
        let stream = VariantStream::builder(&variants, &contigs, &hap1, &hap2)
            .reference(reference)
            .only_contigs(wanted.as_deref())
            .on_mismatch(args.on_mismatch)
            .any_order()
            .open()?;
        let nearby = NearbyVariants::new(stream, contigs, sites.reach().saturating_add(MARGIN));
        Ok(Engine::Pair(Box::new(PairEffects::new(sites, models, nearby)), variants))
    }

    pub fn sites(&self) -> &Sites {
        match self {
            Engine::Reference(effects) => effects.sites(),
            Engine::Pair(effects, _) => effects.sites(),
        }
    }

    /// Pairs of windows that wait.
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

    /// For each output of the models the fields `declared` of each of the `records` that wait; `None` for one that stays
    /// unchanged.
    pub fn predict<'a>(
        &mut self,
        records: &[VcfRecord],
        declared: impl Iterator<Item = &'a Declared<'a>>,
    ) -> Result<Vec<Vec<Option<Annotation>>>> {
        let found: Vec<Vec<Vec<InRegion>>> = match self {
            Engine::Reference(effects) => in_regions(effects.predict_outputs()?, of_reference),
            Engine::Pair(effects, _) => in_regions(effects.predict_outputs()?, of_pair),
        };
        let by_output = found.into_iter().zip(declared).map(|(found, declared)| {
            let fields = declared.in_region();
            let records = found.iter().zip(records);
            records.map(|(found, record)| annotation(record, found, &fields, declared.all)).collect()
        });
        Ok(by_output.collect())
    }

    /// Read the rest of the haplotypes, so that an error at the end of their file is not missed, and report how many
    /// records were used.
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
fn in_order_of(contigs: &Contigs, declared: &Contigs) -> Contigs {
    let mut list: Vec<(String, u64)> = contigs.iter().map(|(name, length)| (name.to_string(), length)).collect();
    list.sort_by_key(|(name, _)| declared.find(name).unwrap_or(usize::MAX));
    Contigs::new(list)
}

/// The values of a record in one region by field: per allele, or one for the record.
struct InRegion {
    region: Range<u64>,
    anchor: u64,
    strongest: Option<f64>,
    of_alleles: Vec<(&'static str, Vec<Option<f64>>)>,
    of_record: Vec<(&'static str, Option<f64>)>,
    main: bool,
}

/// What was found of each record in each region, by output.
fn in_regions<S>(found: Vec<Vec<Vec<S>>>, convert: fn(S) -> InRegion) -> Vec<Vec<Vec<InRegion>>> {
    let of_record = |found: Vec<S>| found.into_iter().map(convert).collect();
    found.into_iter().map(|found| found.into_iter().map(of_record).collect()).collect()
}

fn of_reference(site: SiteEffects) -> InRegion {
    let of = |value: fn(&AlleleEffect) -> Option<f64>| site.alleles.iter().map(|e| value(e.as_ref()?)).collect();
    InRegion {
        strongest: site.strongest(),
        of_alleles: vec![
            (vcf_info::LFC, of(|e| Some(e.ratio))),
            (vcf_info::DEVIATION, of(|e| e.deviation)),
            (vcf_info::COUNT_LFC, of(|e| Some(e.counts))),
            (vcf_info::DISTANCE, of(|e| e.distance)),
            (vcf_info::QUANTILE, of(|e| e.null.map(|null| null.quantile))),
            (vcf_info::P_VALUE, of(|e| e.null.map(|null| null.p_value))),
        ],
        of_record: Vec::new(),
        main: false,
        anchor: site.anchor,
        region: site.region,
    }
}

fn of_pair(site: PairSite) -> InRegion {
    let of = |value: fn(&BackgroundEffect) -> Option<f64>| site.alleles.iter().map(|e| value(e.as_ref()?)).collect();
    InRegion {
        strongest: site.strongest(),
        of_alleles: vec![
            (vcf_info::LFC, of(|e| Some(e.mean()))),
            (vcf_info::DEVIATION, of(|e| e.deviation)),
            (vcf_info::LFC_BACKGROUND1, of(|e| Some(e.ratio[0]))),
            (vcf_info::LFC_BACKGROUND2, of(|e| Some(e.ratio[1]))),
            (vcf_info::COUNT_LFC, of(|e| Some(e.counts))),
        ],
        of_record: vec![
            (vcf_info::PAIR, Some(site.pair)),
            (vcf_info::EPISTASIS, site.of_region.map(|of_region| of_region.unexplained)),
        ],
        main: site.of_region.is_some_and(|of_region| of_region.main),
        anchor: site.anchor,
        region: site.region,
    }
}

/// The `fields` of a record from what was found in its regions, the strongest first; with `every`, also DA_ALL.
fn annotation(record: &VcfRecord, found: &[InRegion], fields: &[&'static str], every: bool) -> Option<Annotation> {
    let first = found.first()?;
    let mut values = Vec::with_capacity(fields.len() + 2);
    for &field in fields {
        let value = match (of_field(&first.of_alleles, field), of_field(&first.of_record, field)) {
            (Some(of_alleles), _) => InfoValue::Floats(of_alleles.iter().map(|v| v.map(|v| v as f32)).collect()),
            (None, Some(value)) => InfoValue::Floats(vec![value.map(|v| v as f32)]),
            (None, None) => InfoValue::Flag(first.main),
        };
        values.push((field, value));
    }
    let regions = region_names(record, found);
    if every {
        values.push((vcf_info::ALL, InfoValue::Entries(all(record, found, &regions, fields))));
    }
    values.push((vcf_info::REGION, InfoValue::Texts(regions)));
    Some(Annotation { strongest: first.strongest, values })
}

fn of_field<'a, T>(list: &'a [(&'static str, T)], field: &str) -> Option<&'a T> {
    list.iter().find(|(name, _)| *name == field).map(|(_, value)| value)
}

/// `contig:from-to` of each region, 1-based inclusive; where another has the same span (two summits of one peak), `@` and the
/// 1-based anchor follow.
fn region_names(record: &VcfRecord, found: &[InRegion]) -> Vec<String> {
    let contig = record.contig();
    let name = |one: &InRegion| {
        let span = format!("{contig}:{}-{}", one.region.start + 1, one.region.end);
        match found.iter().filter(|other| other.region == one.region).count() {
            0 | 1 => span,
            _ => format!("{span}@{}", one.anchor + 1),
        }
    };
    found.iter().map(name).collect()
}

/// `DA_ALL`: an entry for each allele in each region, whose names are `regions`.
fn all(record: &VcfRecord, found: &[InRegion], regions: &[String], fields: &[&str]) -> Vec<Vec<String>> {
    let number = |value: Option<f64>| value.map_or_else(|| ".".to_string(), |v| number_in_text(v as f32));
    let alternatives = record.alleles().get(1..).unwrap_or_default();
    let mut entries = Vec::new();
    for (one, region) in found.iter().zip(regions) {
        for (i, allele) in alternatives.iter().enumerate() {
            let effect = of_field(&one.of_alleles, vcf_info::LFC).and_then(|effects| effects.get(i).copied().flatten());
            let consequence = match effect {
                Some(effect) if effect > 0.0 => "gain",
                Some(effect) if effect < 0.0 => "loss",
                _ => "none",
            };
            let mut entry = vec![String::from_utf8_lossy(allele).into_owned(), consequence.into(), region.clone()];
            let value = |field: &&str| match (of_field(&one.of_alleles, field), of_field(&one.of_record, field)) {
                (Some(of_alleles), _) => number(of_alleles.get(i).copied().flatten()),
                (None, Some(value)) => number(*value),
                (None, None) => u8::from(one.main).to_string(),
            };
            entry.extend(fields.iter().map(value));
            entries.push(entry);
        }
    }
    entries
}
