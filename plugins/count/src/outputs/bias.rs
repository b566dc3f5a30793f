//! The report of reference bias.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use deepallele_core::assignment::Filter;
use deepallele_core::counts::mapping_bias::{self, table, Bias, BiasOptions};
use deepallele_core::error::Error;
use deepallele_core::genome::{HaplotypeSource, Variant, VariantStream};
use deepallele_core::io::bam::Alignments;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::output_file::{CompleteFiles, OutFile, TabixFormat};
use deepallele_core::io::regions::Regions;
use deepallele_core::io::text_input::read_once;
use deepallele_core::io::{Contigs, Spans};

use crate::args::bias::BiasArgs;

/// Alignments by which the read length is determined.
const SAMPLED: usize = 1000;

/// Read length when the alignments cannot be read a second time, or have no bases.
const DEFAULT_LENGTH: usize = 100;

/// What the report is computed from.
pub struct BiasInputs<'a> {
    pub options: &'a BiasArgs,
    pub vcf: &'a Path,
    pub haplotypes: &'a [HaplotypeSource; 2],
    pub contigs: &'a Contigs,
    pub regions: Option<&'a Regions>,
    pub within: Option<&'a Spans>,
    pub fasta: Option<&'a Path>,
    /// The first of the alignment files.
    pub alignments: &'a Path,
    pub filter: Filter,
    pub threads: usize,
    /// Lines that begin with `##`.
    pub header: &'a [String],
}

/// The files of `--bias-report` and `--bias-regions`.
pub struct BiasReport {
    sites: Option<OutFile>,
    regions: Option<OutFile>,
}

impl BiasReport {
    /// Create the files that the options name.
    pub fn create(options: &BiasArgs) -> Result<Self> {
        let create = |path: &Option<PathBuf>| path.as_deref().map(OutFile::create).transpose();
        Ok(Self { sites: create(&options.bias_report)?, regions: create(&options.bias_regions)? })
    }

    /// Simulate the reads and write the report; nothing without a file to write.
    pub fn simulate(&mut self, inputs: &BiasInputs) -> Result<()> {
        let (true, Some(fasta)) = (inputs.options.given(), inputs.fasta) else { return Ok(()) };
        let read_length = match inputs.options.read_length {
            Some(n) => n as usize,
            None => usual_length(inputs.alignments, fasta)?,
        };
        let options = BiasOptions {
            read_length,
            scoring: inputs.options.scoring(read_length),
            genome_wide: !inputs.options.bias_local,
            limit: inputs.options.bias_limit,
            filter: inputs.filter,
            threads: inputs.threads,
        };
        let [hap1, hap2] = inputs.haplotypes;
        let open = || Reference::open(fasta);
        let mut stream = VariantStream::builder(inputs.vcf, inputs.contigs, hap1, hap2).reference(open()?).open()?;
        let mut header = inputs.header.to_vec();
        header.push(header_line(&options));
        if let Some(out) = &mut self.sites {
            table::begin_sites(out, &header).map_err(|e| Error::io(out.path(), e))?;
        }
        let mut write_site = |contig: usize, variant: &Variant, bias: &Bias| match &mut self.sites {
            Some(out) => table::write_site(out, inputs.contigs.name(contig), variant, bias, options.limit)
                .map_err(|e| Error::io(out.path(), e)),
            None => Ok(()),
        };
        let (summary, by_region) = mapping_bias::simulate(
            &mut stream,
            open()?,
            inputs.contigs,
            inputs.regions,
            inputs.within,
            &options,
            &mut write_site,
        )?;
        if let (Some(out), Some(regions)) = (&mut self.regions, inputs.regions) {
            table::write_regions(out, &header, regions, inputs.contigs, &by_region, options.limit)
                .map_err(|e| Error::io(out.path(), e))?;
        }
        summary.lines(&options).iter().for_each(|line| log::info!("{line}"));
        for out in [&mut self.sites, &mut self.regions].into_iter().flatten() {
            out.flush().map_err(|e| Error::io(out.path(), e))?;
        }
        Ok(())
    }

    /// Close the files, and make their indexes.
    pub fn complete(self) -> Result<CompleteFiles> {
        let mut files = CompleteFiles::default();
        if let Some(sites) = self.sites {
            files.add(sites.complete_indexed(TabixFormat::Positions)?);
        }
        if let Some(regions) = self.regions {
            files.add(regions.complete_indexed(TabixFormat::Bed)?);
        }
        Ok(files)
    }
}

/// The header line `##bias=` with the options of the simulation.
fn header_line(options: &BiasOptions) -> String {
    let s = options.scoring;
    format!(
        "##bias=read length {}; match {}, mismatch {}, gap {} and {} a base, clip {}, least score {}; {}",
        options.read_length,
        s.matching,
        s.mismatch,
        s.gap_open,
        s.gap_extend,
        s.clip,
        s.minimum,
        if options.genome_wide { "looked for elsewhere in the FASTA" } else { "not looked for elsewhere" }
    )
}

/// The most frequent length of the first reads; the longer of two equally frequent ones.
fn usual_length(alignments: &Path, fasta: &Path) -> Result<usize> {
    if read_once(alignments) {
        return Ok(DEFAULT_LENGTH);
    }
    let mut file = Alignments::open(alignments, Some(fasta), 1)?;
    let mut lengths = BTreeMap::new();
    let mut sampled = 0;
    while sampled < SAMPLED {
        let Some(read) = file.next_read()? else { break };
        // Secondary and supplementary alignments may have only part of the bases.
        if !read.qualities.is_empty() && read.flags & 0x900 == 0 {
            *lengths.entry(read.qualities.len()).or_insert(0) += 1;
            sampled += 1;
        }
    }
    let usual = lengths.into_iter().max_by_key(|&(length, n)| (n, length)).map_or(DEFAULT_LENGTH, |(length, _)| length);
    Ok(usual.clamp(20, 10_000))
}
