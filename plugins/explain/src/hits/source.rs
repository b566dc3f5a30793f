//! Where the pairs come from: a folder of contributions, regions of a genome, or a table.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use deepallele_common::{read_regions, report_windows};
use deepallele_core::error::Error;
use deepallele_core::explanation::attributions::base_map::BaseMap;
use deepallele_core::explanation::attributions::folder::ExplainedFolder;
use deepallele_core::explanation::attributions::of_present_bases;
use deepallele_core::explanation::attributions::pairs::MappedPair;
use deepallele_core::explanation::hits::SitePair;
use deepallele_core::genome::{Variant, Variants};
use deepallele_core::io::allele_pairs_table::PairsTable;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::AnnotationOptions;
use deepallele_core::model::encode::encode;
use deepallele_core::model::window::{Window, WindowLayout, WindowRule};

use crate::args::HitArgs;

/// What a pair is called.
#[derive(Clone, Debug)]
pub struct PairLabel {
    /// The contig, or the name of a designed pair, and its place in the order of the tables.
    pub chrom: String,
    pub contig: usize,
    /// Name of the region.
    pub region: String,
    /// The region, 0-based half-open.
    pub span: Option<(u64, u64)>,
}

/// The records in which the haplotypes of a window differ.
pub struct Records(Vec<(u64, u64, String)>);

impl Records {
    fn of<'a>(variants: impl Iterator<Item = &'a Variant>) -> Self {
        let mut list = Vec::new();
        for variant in variants.filter(|variant| variant.differs()) {
            for (haplotype, allele) in [(1, variant.hap1), (2, variant.hap2)] {
                let Some(edit) = variant.edit(haplotype) else { continue };
                let alternative = variant.alleles.get(usize::from(allele)).unwrap_or_default();
                let bases = [&variant.alleles[0], alternative].map(|bases| String::from_utf8_lossy(bases).into_owned());
                list.push((edit.start, edit.end, format!("{}:{}:{}", variant.start + 1, bases[0], bases[1])));
            }
        }
        Self(list)
    }

    /// Those that change reference positions `start..end`, or insert bases there.
    pub fn at(&self, (start, end): (u64, u64)) -> Vec<String> {
        let here = |from: u64, to: u64| from.max(start) < to.min(end) || from == start;
        self.0.iter().filter(|(from, to, _)| here(*from, *to)).map(|(.., name)| name.clone()).collect()
    }
}

pub struct Source {
    kind: Kind,
    labels: Vec<PairLabel>,
    bases: usize,
}

enum Kind {
    Folder(Box<ExplainedFolder>),
    Genome { windows: Vec<Window>, reference: Box<Reference>, variants: Box<Variants> },
    Pairs(PairsTable),
}

impl Source {
    pub fn open(args: &HitArgs) -> anyhow::Result<Self> {
        match (&args.pairs, &args.regions, &args.folder) {
            (Some(path), ..) => {
                let table = PairsTable::read(path, false)?;
                let names = table.rows.iter().map(|row| row.id.clone());
                let labels = designed(path, names)?;
                let bases = table.rows.iter().map(|row| row.allele_a.len()).sum();
                Ok(Self { kind: Kind::Pairs(table), labels, bases })
            }
            (_, Some(_), _) => Self::of_regions(args),
            (.., Some(path)) => {
                let folder = ExplainedFolder::open(path)?;
                let labels = folder.labels();
                let mut contigs: HashMap<&str, usize> = HashMap::new();
                let labels = match labels.iter().all(|label| label.span.is_some()) {
                    false => designed(path, labels.iter().map(|label| label.name.clone()))?,
                    true => labels
                        .iter()
                        .filter_map(|label| {
                            let (chrom, start, end) = label.span.as_ref()?;
                            let next = contigs.len();
                            let contig = *contigs.entry(chrom).or_insert(next);
                            let (chrom, region) = (chrom.clone(), label.name.clone());
                            Some(PairLabel { chrom, contig, region, span: Some((*start, *end)) })
                        })
                        .collect(),
                };
                let bases = labels.len() * folder.settings().window;
                Ok(Self { kind: Kind::Folder(Box::new(folder)), labels, bases })
            }
            _ => Err(deepallele_common::usage("needs the FOLDER of explain attributions, or -L BED or --pairs TSV")),
        }
    }

    fn of_regions(args: &HitArgs) -> anyhow::Result<Self> {
        let mut reference = Reference::open(args.genome.required()?)?;
        let contigs = reference.contigs().clone();
        let Some(file) = &args.regions else { return Err(deepallele_common::usage("give -L BED")) };
        let rule = args.windows.over(WindowRule {
            layout: if args.window.is_some() { WindowLayout::Centred } else { WindowLayout::LeftAligned },
            ..WindowRule::default()
        });
        let regions = read_regions(file, &contigs, &AnnotationOptions::with_tss(rule.tss))?;
        if regions.list.is_empty() {
            return Err(Error::input(file, "has no regions to scan").into());
        }
        let longest = regions.list.iter().map(|region| region.end - region.start).max().unwrap_or(0);
        let length = args.window.map_or(longest as usize, |window| window as usize);
        let windows = rule.windows(length, &regions, file)?;
        if args.window.is_some() {
            report_windows(length, &rule, windows.anchor);
        }
        let (hap1, hap2) = args.haplotypes.complete_sources()?;
        let variants = match hap1.sample().or(hap2.sample()) {
            None => {
                log::warn!("both haplotypes are the reference: no site changes");
                Variants::from_list(&contigs, vec![Vec::new(); contigs.len()])
            }
            Some(_) => args.haplotypes.read_variants([&hap1, &hap2], &mut reference)?,
        };
        let labels = regions.list.iter().map(|region| PairLabel {
            chrom: contigs.name(region.contig).to_owned(),
            contig: region.contig,
            region: region.name.clone(),
            span: Some((region.start, region.end)),
        });
        let labels: Vec<PairLabel> = labels.collect();
        let windows: Vec<Window> = regions.list.iter().map(|region| windows.of_checked(region)).collect();
        let bases = windows.iter().map(|window| window.positions()).map(|p| (p.end - p.start).max(0) as usize).sum();
        let kind = Kind::Genome { windows, reference: Box::new(reference), variants: Box::new(variants) };
        Ok(Self { kind, labels, bases })
    }

    /// Of each pair, in order.
    pub fn labels(&self) -> &[PairLabel] {
        &self.labels
    }

    /// About how many bases one allele of all pairs has.
    pub fn bases(&self) -> usize {
        self.bases
    }

    /// Whether pairs have contributions.
    pub fn has_attributions(&self) -> bool {
        matches!(self.kind, Kind::Folder(_))
    }

    /// Call `f` with the number of each pair, the pair, and its records where they are known.
    pub fn each(
        &mut self,
        mut f: impl FnMut(usize, SitePair, Option<Records>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        match &mut self.kind {
            Kind::Folder(folder) => {
                let head = folder.settings().head;
                for pair in folder.pairs()? {
                    let pair = pair?;
                    let values = [0, 1].map(|allele| {
                        let values = of_present_bases(pair.contributions[allele].view(), &pair.codes[allele]);
                        values.into_iter().map(|value| head.own_sign(allele) * value).collect()
                    });
                    let codes = pair.codes.each_ref().map(|codes| &codes[..]);
                    f(pair.number, SitePair::new(codes, pair.maps.each_ref(), Some(values)), None)?;
                }
            }
            Kind::Genome { windows, reference, variants } => {
                for (number, window) in windows.iter().enumerate() {
                    let alleles = window.alleles(reference, variants, 0)?;
                    let maps = [&alleles.hap1, &alleles.hap2].map(|haplotype| BaseMap::of(haplotype, false));
                    let codes = [encode_all(&alleles.hap1.sequence)?, encode_all(&alleles.hap2.sequence)?];
                    let codes = codes.each_ref().map(|codes| &codes[..]);
                    let pair = SitePair::new(codes, maps.each_ref(), None);
                    let (start, end) = pair.span(&(0..pair.len()));
                    let records = Records::of(variants.overlapping(window.contig, start, end));
                    f(number, pair, Some(records))?;
                }
            }
            Kind::Pairs(table) => {
                for (number, row) in table.rows.iter().enumerate() {
                    let window = row.allele_a.len().max(row.allele_b.len());
                    let pair = MappedPair::designed(&row.allele_a, &row.allele_b, window)
                        .map_err(|error| Error::input(&table.path, format!("line {}: {error}", row.line)))?;
                    let codes = pair.codes.each_ref().map(|codes| &codes[..]);
                    f(number, SitePair::new(codes, pair.maps.each_ref(), None), None)?;
                }
            }
        }
        Ok(())
    }
}

fn encode_all(bases: &[u8]) -> anyhow::Result<Vec<u8>> {
    Ok(encode(bases, bases.len())?)
}

/// Designed pairs: each is a contig of its own in the tables, so that their names must differ.
fn designed(file: &Path, names: impl Iterator<Item = String>) -> anyhow::Result<Vec<PairLabel>> {
    let mut seen = HashSet::new();
    let label = |(contig, name): (usize, String)| match seen.insert(name.clone()) {
        true => Ok(PairLabel { chrom: name.clone(), contig, region: name, span: None }),
        false => {
            let shown = name.escape_debug();
            Err(Error::input(
                file,
                format!("has two pairs named \"{shown}\": the table of sites needs different names"),
            )
            .into())
        }
    };
    names.enumerate().map(label).collect()
}
