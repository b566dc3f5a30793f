//! The count table.

use std::io::Write;

use anyhow::Result;
use deepallele_core::counts::{CountRow, CountTable, Fragment, FragmentSink, RegionTallies, Tally};
use deepallele_core::error::Error;
use deepallele_core::io::output_file::{CompleteFiles, OutFile, TabixFormat};
use deepallele_core::io::regions::Regions;

use super::Run;

/// The count table and the fragments counted for it.
pub struct RegionTable<'a> {
    out: OutFile,
    tallies: RegionTallies,
    regions: &'a Regions,
    samples: &'a [String],
}

impl<'a> RegionTable<'a> {
    /// Create the file of `-o`.
    pub fn create(run: &Run<'a>, regions: &'a Regions) -> Result<Self> {
        Ok(Self {
            out: OutFile::create(&run.args.output.output)?,
            tallies: RegionTallies::new(regions, run.samples.len(), run.args.region_options.strandedness),
            regions,
            samples: run.samples,
        })
    }

    /// The regions.
    pub fn regions(&self) -> &Regions {
        self.regions
    }

    /// Fragments in any region, each once.
    pub fn in_regions(&self) -> Tally {
        self.tallies.all()
    }

    /// The rows, region by region, without test. `variants` are the records in each region in which the haplotypes
    /// differ.
    pub fn rows(&self, variants: &[u64]) -> Vec<CountRow> {
        let mut rows = Vec::with_capacity(self.regions.list.len() * self.samples.len());
        for (i, (region, &variants)) in self.regions.list.iter().zip(variants).enumerate() {
            let chrom = self.regions.contigs.name(region.contig);
            let anchor = region.anchor(self.regions.anchor);
            for (number, sample) in self.samples.iter().enumerate() {
                let tally = self.tallies.tallies(number)[i];
                rows.push(CountRow { variants, anchor, ..CountRow::new(chrom, region, sample, tally) });
            }
        }
        rows
    }

    /// Write the table.
    pub fn write(&mut self, table: &CountTable) -> Result<()> {
        let out = &mut self.out;
        table.write(out).and_then(|()| out.flush()).map_err(|e| Error::io(out.path(), e))?;
        Ok(())
    }

    /// Close the file, and make its index.
    pub fn complete(self) -> Result<CompleteFiles> {
        Ok(self.out.complete_indexed(TabixFormat::Bed)?)
    }
}

impl FragmentSink for RegionTable<'_> {
    fn add(&mut self, fragment: &Fragment) -> deepallele_core::error::Result<()> {
        self.tallies.add(fragment)
    }
}
