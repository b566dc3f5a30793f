//! The tables of `explain hits`: binding sites of both alleles with their states.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write};
use std::path::Path;

use crate::counts::table::scientific;
use crate::error::{Error, Result};
use crate::explanation::hits::concordance::Concordance;
use crate::explanation::hits::{Instance, SitePair, State, Tested};
use crate::io::output_file::temporary::CreatedFolders;
use crate::io::output_file::{CompleteFiles, OutFile, TabixFormat};
use crate::io::plain_text::Plain;
use crate::output::table::{begin_table, number};
use crate::output::track::Colour;

/// Columns of the table.
pub const COLUMNS: &str = "#chrom\tstart\tend\tmotif\tscore\tstrand\tregion\thap1_score\thap1_p\thap1_attribution\t\
     hap2_score\thap2_p\thap2_attribution\tstate\tdelta_score\tdelta_attribution\teffect\tvariants\tp_change\tq_change\t\
     measured\tconcordance";

/// Names of the table and of the BED.
pub const TABLES: [&str; 2] = ["hits.tsv.gz", "hits.bed"];

/// The colour of a state, in genome browsers and in the report.
pub fn colour(state: State) -> Colour {
    match state {
        State::Kept => (150, 150, 150),
        State::Strengthened => (240, 140, 110),
        State::Weakened => (120, 160, 235),
        State::Created => (200, 20, 20),
        State::Destroyed => (20, 40, 190),
        State::Moved => (130, 30, 140),
    }
}

/// What a line of the table says.
pub struct HitLine<'a> {
    /// Place of the contig in the order of the table, and its name.
    pub contig: (usize, &'a str),
    /// Name of the region.
    pub region: &'a str,
    /// Name of the motif.
    pub motif: &'a str,
    /// The pair of the site.
    pub pair: &'a SitePair,
    /// The site.
    pub instance: &'a Instance,
    /// The test of its change.
    pub tested: Option<&'a Tested>,
    /// Predicted log2 of haplotype 1 over haplotype 2 of its variants.
    pub effect: Option<f64>,
    /// Its variants.
    pub variants: &'a [String],
    /// Measured log2 of haplotype 1 over haplotype 2.
    pub measured: Option<f64>,
    /// Whether both agree.
    pub concordance: Option<Concordance>,
}

impl HitLine<'_> {
    /// Reference positions (0-based half-open) of the site; of inserted bases alone the base after them.
    pub fn span(&self) -> (u64, u64) {
        let (start, end) = self.pair.span(&self.instance.columns);
        (start, end.max(start + 1))
    }

    /// What the bases of the site contribute in an allele.
    pub fn attribution(&self, allele: usize) -> Option<f64> {
        let site = self.instance.sites[allele].as_ref()?;
        self.pair.attribution(allele, site.offsets.clone())
    }

    /// Score of the second allele less that of the first, in bits.
    pub fn delta_score(&self) -> Option<f64> {
        let [one, two] = self.instance.sites.each_ref().map(|site| site.as_ref().map(|site| site.score));
        Some(two? - one?)
    }

    /// The same of what the bases contribute.
    pub fn delta_attribution(&self) -> Option<f64> {
        Some(self.attribution(1)? - self.attribution(0)?)
    }

    /// -100 log10 of the best p, at most 1000.
    fn bed_score(&self) -> u32 {
        (-100.0 * self.instance.best_p().max(1e-300).log10()).round().clamp(0.0, 1000.0) as u32
    }

    fn text(&self) -> String {
        let (start, end) = self.span();
        let value = |value: Option<f64>| number(value.unwrap_or(f64::NAN));
        let of_allele = |allele: usize| {
            let site = self.instance.sites[allele].as_ref();
            let (score, p) = (value(site.map(|site| site.score)), scientific(site.map(|site| site.p_value)));
            format!("{score}\t{p}\t{}", value(self.attribution(allele)))
        };
        let variants = self.variants.join(",");
        format!(
            "{}\t{start}\t{end}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            Plain(self.contig.1),
            Plain(self.motif),
            self.bed_score(),
            self.instance.strand.symbol(),
            Plain(self.region),
            of_allele(0),
            of_allele(1),
            self.instance.state,
            value(self.delta_score()),
            value(self.delta_attribution()),
            value(self.effect),
            if variants.is_empty() { ".".into() } else { Plain(&variants).to_string() },
            scientific(self.tested.and_then(|tested| tested.p_value)),
            scientific(self.tested.and_then(|tested| tested.q_value)),
            value(self.measured),
            self.concordance.map_or(".", Concordance::name),
        )
    }

    fn bed(&self) -> String {
        let (start, end) = self.span();
        let (red, green, blue) = colour(self.instance.state);
        let (chrom, motif, strand) = (Plain(self.contig.1), Plain(self.motif), self.instance.strand.symbol());
        let score = self.bed_score();
        format!("{chrom}\t{start}\t{end}\t{motif}\t{score}\t{strand}\t{start}\t{end}\t{red},{green},{blue}")
    }
}

/// A line that waits for others that may come before it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    contig: usize,
    span: (u64, u64),
    text: String,
    bed: String,
}

/// The table and the BED being written, sorted. Nothing has its final name before the set is renamed.
pub struct HitTables {
    table: OutFile,
    bed: OutFile,
    waiting: BinaryHeap<Reverse<Waiting>>,
    // Last: it is emptied before.
    created: CreatedFolders,
}

impl HitTables {
    /// Begin the files of `folder`, with the lines of `header` above the columns.
    ///
    /// # Errors
    /// The folder or a file cannot be created.
    pub fn create(folder: &Path, header: &[String]) -> Result<Self> {
        let mut created = CreatedFolders::default();
        created.create(folder)?;
        let [table, bed] = TABLES.map(|name| folder.join(name));
        let (table, mut bed) = (begin_table(&table, header, COLUMNS)?, OutFile::create(&bed)?);
        write_line(&mut bed, "track name=\"sites\" description=\"binding sites by state\" itemRgb=\"On\"")?;
        Ok(Self { table, bed, waiting: BinaryHeap::new(), created })
    }

    /// Add a line.
    pub fn add(&mut self, line: &HitLine) {
        let (contig, span) = (line.contig.0, line.span());
        self.waiting.push(Reverse(Waiting { contig, span, text: line.text(), bed: line.bed() }));
    }

    /// Write the lines before `place`, a contig and a position (0-based): none that is still to come lies there.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write_before(&mut self, place: (usize, u64)) -> Result<()> {
        while self.waiting.peek().is_some_and(|Reverse(line)| (line.contig, line.span.0) < place) {
            let Some(Reverse(line)) = self.waiting.pop() else { break };
            write_line(&mut self.table, &line.text)?;
            write_line(&mut self.bed, &line.bed)?;
        }
        Ok(())
    }

    /// Write everything to files with temporary names, and the index of the table.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn complete(mut self) -> Result<CompleteFiles> {
        self.write_before((usize::MAX, u64::MAX))?;
        let table = self.table.complete_indexed(TabixFormat::Bed)?;
        Ok(table.and(self.bed.complete()?).in_folders(self.created))
    }
}

fn write_line(out: &mut OutFile, line: &str) -> Result<()> {
    let written: io::Result<()> = writeln!(out, "{line}");
    written.map_err(|error| Error::io(out.path(), error))
}
