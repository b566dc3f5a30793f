//! The output files of a run, each written only if requested.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use deepallele_core::error::Error;
use deepallele_core::genome::{
    chain, coordinate_map, ChainDirection, ContigHaplotypes, HaplotypeSource, VariantStream, Variants,
    RECORD_STATUS_HEADER,
};
use deepallele_core::io::fasta::{FastaWriter, Reference};
use deepallele_core::io::output_file::{CompleteFiles, OutFile};
use deepallele_core::io::plain_text::{plain, Plain};
use deepallele_core::io::regions::Region;
use deepallele_core::io::Contigs;
use deepallele_core::model::window::Windows;

use crate::args::{is_fasta, Args};

/// The files being written; none has its final name before [`Outputs::finish`].
pub struct Outputs {
    genomes: Option<[FastaWriter; 2]>,
    masked: Option<FastaWriter>,
    /// For each haplotype: to the reference, and from it.
    chains: Option<[[OutFile; 2]; 2]>,
    pairs: Option<Pairs>,
    report: Option<OutFile>,
}

/// The sequences of regions.
struct Pairs {
    out: PairsFile,
    /// Windows of the regions; `None` for the regions themselves.
    windows: Option<Windows>,
    /// Regions written.
    written: u64,
    /// Regions left out because a haplotype has no bases there.
    empty: u64,
}

enum PairsFile {
    Table(OutFile),
    Fasta(FastaWriter),
}

fn put(out: &mut OutFile, bytes: &[u8]) -> deepallele_core::error::Result<()> {
    out.write_all(bytes).map_err(|e| Error::io(out.path(), e))
}

impl Outputs {
    /// Open the outputs of `args`.
    pub fn create(
        args: &Args,
        haplotypes: [&HaplotypeSource; 2],
        contigs: &Contigs,
        windows: Option<Windows>,
    ) -> Result<Self> {
        let threads = args.threads.count();
        let both = |[a, b]: [_; 2]| -> Result<[FastaWriter; 2]> {
            Ok([FastaWriter::create(a, threads)?, FastaWriter::create(b, threads)?])
        };
        let genomes = args.genomes().as_ref().map(|[a, b]| both([a.as_path(), b.as_path()])).transpose()?;
        let masked = args.masked.as_deref().map(|path| FastaWriter::create(path, threads)).transpose()?;
        if args.chain.is_some() {
            if let Some((name, _)) = contigs.iter().find(|(_, length)| *length > coordinate_map::MAX_CONTIG_LENGTH / 2)
            {
                let path = args.genome.required()?;
                return Err(Error::input(path, format!("{name} is too long for a chain file")).into());
            }
        }
        let two = |[a, b]: &[std::path::PathBuf; 2]| -> Result<[OutFile; 2]> {
            Ok([OutFile::create(a)?, OutFile::create(b)?])
        };
        let chains = match args.chains() {
            Some([first, second]) => Some([two(&first)?, two(&second)?]),
            None => None,
        };
        let pairs = args.pairs.as_deref().map(|path| Pairs::create(path, windows, threads)).transpose()?;
        let mut report = args.report.as_deref().map(OutFile::create).transpose()?;
        if let Some(out) = &mut report {
            let mut lines: Vec<String> = args.version.provenance("haplotypes").map_or(Vec::new(), |p| p.lines().into());
            lines.extend(haplotypes.iter().enumerate().map(|(i, h)| format!("##haplotype{}={h}", i + 1)));
            let clean = |line: &String| line.chars().map(|c| if c.is_control() { '?' } else { c }).collect::<String>();
            let head: String = lines.iter().map(|line| clean(line) + "\n").collect();
            put(out, (head + RECORD_STATUS_HEADER).as_bytes())?;
        }
        Ok(Self { genomes, masked, chains, pairs, report })
    }

    /// True if there is something to write for a contig with `regions`.
    pub fn need(&self, regions: &[Region]) -> bool {
        self.genomes.is_some() || self.masked.is_some() || self.chains.is_some() || !regions.is_empty()
    }

    /// Write the report lines of the records read since the last call.
    pub fn report(&mut self, stream: &mut VariantStream) -> deepallele_core::error::Result<()> {
        match &mut self.report {
            Some(out) => put(out, &stream.take_record_status()),
            None => Ok(()),
        }
    }

    /// Write contig `index` of the reference, with `regions` on it. Its reference bases are then masked.
    pub fn write(
        &mut self,
        contig: &mut ContigHaplotypes,
        reference: &mut Reference,
        index: usize,
        regions: &[Region],
    ) -> Result<()> {
        let name = reference.contigs().name(index).to_string();
        let length = contig.reference.len() as u64;
        if let Some(genomes) = &mut self.genomes {
            for (out, edits) in genomes.iter_mut().zip(&contig.edits) {
                out.begin(&name)?;
                edits.pieces(&contig.reference, 0, length, &mut |piece| out.write(piece))?;
            }
        }
        if let Some(chains) = &mut self.chains {
            for (outs, edits) in chains.iter_mut().zip(&contig.edits) {
                let map = edits.coordinate_map(length);
                for (out, direction) in outs.iter_mut().zip([ChainDirection::ToReference, ChainDirection::ToHaplotype])
                {
                    put(out, chain(&name, &map, direction, index + 1).as_bytes())?;
                }
            }
        }
        if let Some(pairs) = &mut self.pairs {
            pairs.write(contig, reference, &name, regions)?;
        }
        if let Some(out) = &mut self.masked {
            contig.apply_masks();
            out.begin(&name)?;
            out.write(&contig.reference)?;
        }
        Ok(())
    }

    /// Complete all files, and only then give them their final names.
    pub fn finish(self) -> Result<()> {
        let tables: Vec<OutFile> = self.chains.into_iter().flatten().flatten().chain(self.report).collect();
        let mut sequences: Vec<FastaWriter> = self.genomes.into_iter().flatten().chain(self.masked).collect();
        let mut files = CompleteFiles::default();
        if let Some(pairs) = self.pairs {
            log::info!("{} region pairs written", pairs.written);
            if pairs.empty > 0 {
                log::warn!("{} regions left out of the pairs: a haplotype has no bases there", pairs.empty);
            }
            match pairs.out {
                PairsFile::Table(out) => files.add(out.complete()?),
                PairsFile::Fasta(out) => sequences.push(out),
            }
        }
        for out in tables {
            files.add(out.complete()?);
        }
        for out in sequences {
            files.add(out.finish()?);
        }
        Ok(files.rename()?)
    }
}

impl Pairs {
    fn create(path: &Path, windows: Option<Windows>, threads: usize) -> Result<Self> {
        let out = if is_fasta(path) {
            PairsFile::Fasta(FastaWriter::create(path, threads)?)
        } else {
            let mut out = OutFile::create(path)?;
            put(&mut out, b"id\tallele_a\tallele_b\n")?;
            PairsFile::Table(out)
        };
        Ok(Self { out, windows, written: 0, empty: 0 })
    }

    fn write(
        &mut self,
        contig: &mut ContigHaplotypes,
        reference: &mut Reference,
        name: &str,
        regions: &[Region],
    ) -> Result<()> {
        // A window looks up the variants around it.
        let variants = self.windows.map(|_| {
            let only = Contigs::new(vec![(name.to_string(), contig.reference.len() as u64)]);
            Variants::from_list(&only, vec![std::mem::take(&mut contig.variants)])
        });
        for region in regions {
            let sequences = match (&self.windows, &variants) {
                (Some(windows), Some(variants)) => windows.of_checked(region).pair(reference, variants, 0)?.sequences,
                _ => [1, 2].map(|n| contig.sequence(n, region.start, region.end).to_ascii_uppercase()),
            };
            let id = match region.name.as_str() {
                "." => format!("{}:{}-{}", Plain(name), region.start, region.end),
                named => plain(named).into_owned(),
            };
            match &mut self.out {
                PairsFile::Table(_) if sequences.iter().any(Vec::is_empty) => {
                    self.empty += 1;
                    continue;
                }
                PairsFile::Table(out) => {
                    let [a, b] = &sequences;
                    put(out, &[id.as_bytes(), b"\t", a, b"\t", b, b"\n"].concat())?;
                }
                PairsFile::Fasta(out) => {
                    // In FASTA a name ends at the first space.
                    let id = id.replace(char::is_whitespace, "_");
                    for (sequence, side) in sequences.iter().zip(["hap1", "hap2"]) {
                        out.begin(&format!("{id}_{side}"))?;
                        out.write(sequence)?;
                    }
                }
            }
            self.written += 1;
        }
        Ok(())
    }
}
