//! The inputs of `count` with alignments to the reference, opened and matched to the contigs of the alignments.

use std::path::PathBuf;

use anyhow::Result;
use deepallele_common::interval::Interval;
use deepallele_common::{input_or_stdin, one_stdin};
use deepallele_core::error::Error;
use deepallele_core::genome::{HaplotypeSource, VariantStream};
use deepallele_core::io::bam::MergedAlignments;
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::Regions;
use deepallele_core::io::{Contigs, Spans};

use crate::args::Args;

/// The inputs, all by the contigs of the alignments.
pub struct Inputs {
    /// The alignment files.
    pub paths: Vec<PathBuf>,
    /// The variants file.
    pub vcf: PathBuf,
    /// Haplotype 1 and 2.
    pub haplotypes: [HaplotypeSource; 2],
    /// The alignments of all files, merged by position.
    pub alignments: MergedAlignments,
    /// The spans of -r, -R, -t or -T.
    pub spans: Option<Spans>,
    /// The regions of -L that overlap the spans.
    pub regions: Option<Regions>,
    /// The regions of --exclude.
    pub excluded: Option<Regions>,
    /// The variants of both haplotypes.
    pub variants: VariantStream,
    /// The genome of -f.
    pub reference: Option<Reference>,
}

impl Inputs {
    /// Open the inputs that the options name.
    pub fn open(args: &Args) -> Result<Self> {
        let paths = alignment_files(args)?;
        let vcf = args.haplotypes.required()?.to_path_buf();
        let (hap1, hap2) = args.haplotypes.sources()?;
        let others = [Some(vcf.as_path()), args.regions.as_deref(), args.exclude.as_deref(), args.restrict.file()];
        one_stdin(paths.iter().map(PathBuf::as_path).chain(others.into_iter().flatten()))?;
        let fasta = args.genome.reference.as_deref();
        let mut alignments = MergedAlignments::open(&paths, fasta, args.threads.count())?;
        let contigs = alignments.contigs().clone();
        // With an index, only the contigs of the spans need variants. (Reads extend beyond the spans.)
        let mut wanted = None;
        let spans = match restriction(args, &contigs)? {
            Some(Restriction::ByIndex(spans)) => {
                alignments.restrict_by_index(&spans)?;
                wanted = Some(spans.contigs());
                Some(spans)
            }
            Some(Restriction::ByReading(spans)) => {
                alignments.restrict_by_reading(&spans);
                Some(spans)
            }
            None => None,
        };
        let mut regions = match &args.regions {
            Some(path) => Some(args.region_options.read(path, &contigs)?),
            None => None,
        };
        if let (Some(regions), Some(spans)) = (&mut regions, &spans) {
            regions.retain(|r| spans.overlap(r.contig, r.start, r.end));
        }
        let excluded = args.exclude.as_deref().map(|path| Regions::read(path, &contigs)).transpose()?;
        for regions in [&regions, &excluded].into_iter().flatten() {
            regions.lines().iter().for_each(|line| log::info!("{line}"));
        }
        let open = || fasta.map(Reference::open).transpose();
        let variants = VariantStream::builder(&vcf, &contigs, &hap1, &hap2)
            .reference(open()?)
            .only_contigs(wanted.as_deref())
            .open()?;
        Ok(Self {
            paths,
            vcf,
            haplotypes: [hap1, hap2],
            alignments,
            spans,
            regions,
            excluded,
            variants,
            reference: open()?,
        })
    }
}

/// The alignment files, or standard input when none is named and it is a pipe.
pub fn alignment_files(args: &Args) -> Result<Vec<PathBuf>> {
    match args.alignments.len() {
        0 => Ok(vec![input_or_stdin(None, "alignments (BAM, CRAM or SAM)")?]),
        _ => Ok(args.alignments.clone()),
    }
}

/// The spans that a run is restricted to.
pub enum Restriction {
    /// -r, -R
    ByIndex(Spans),
    /// -t, -T
    ByReading(Spans),
}

impl Restriction {
    /// The spans, however they are applied.
    pub fn spans(&self) -> &Spans {
        match self {
            Restriction::ByIndex(spans) | Restriction::ByReading(spans) => spans,
        }
    }
}

/// The spans of -r, -R, -t or -T by the contigs of the alignments.
pub fn restriction(args: &Args, contigs: &Contigs) -> Result<Option<Restriction>> {
    let resolve = |list: Vec<Interval>| -> Result<Spans> {
        let one = |i: Interval| match contigs.find(&i.contig) {
            Some(contig) => Ok((contig, i.start, i.end)),
            None => Err(Error::mismatch(format!(
                "region on \"{}\", a contig that the alignments do not have (they have {})",
                i.contig,
                contigs.summary()
            ))),
        };
        Ok(Spans::new(list.into_iter().map(one).collect::<Result<Vec<_>, _>>()?))
    };
    if let Some(list) = args.restrict.by_index(contigs)? {
        return Ok(Some(Restriction::ByIndex(resolve(list)?)));
    }
    if let Some(list) = args.restrict.by_stream(contigs)? {
        return Ok(Some(Restriction::ByReading(resolve(list)?)));
    }
    Ok(None)
}
