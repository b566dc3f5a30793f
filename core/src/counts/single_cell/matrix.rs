//! Fragments by region and cell, written as sparse matrices that single-cell tools can read.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::assignment::Class;
use crate::counts::single_cell::barcodes::usable;
use crate::counts::single_cell::sparse_counts::SparseCounts;
use crate::counts::single_cell::Groups;
use crate::counts::{Fragment, FragmentSink, Strandedness};
use crate::error::{Error, Result};
use crate::io::output_file::temporary::CreatedFolders;
use crate::io::output_file::{CompleteFiles, OutFile};
use crate::io::plain_text::{plain_bytes, Plain};
use crate::io::regions::{Region, Regions};

/// The matrices, in the order of [`Class`], each in a folder of this name.
pub const CLASSES: [&str; 4] = ["hap1", "hap2", "uninformative", "conflicting"];

/// Index of a class in [`CLASSES`].
pub(super) fn index(class: Class) -> usize {
    match class {
        Class::Hap1 => 0,
        Class::Hap2 => 1,
        Class::Uninformative => 2,
        Class::Conflicting => 3,
    }
}

/// A row of the matrices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// First column of `features.tsv.gz`: `chrom:start-end` or the gene's identifier.
    pub id: String,
    /// Second column.
    pub name: String,
    /// Third column: `Peaks` or `Gene Expression`.
    pub kind: &'static str,
    /// Fourth column, as in `cellranger-arc`: the contig.
    pub chrom: String,
    /// Fifth column: the first base, 0-based.
    pub start: u64,
    /// Sixth column: past the last base, 0-based.
    pub end: u64,
}

impl Feature {
    /// The rows for `regions`, in their order. Genes have their identifier in both columns; other regions have
    /// `chrom:start-end` and their name, or `chrom:start-end` twice without a name.
    pub fn list(regions: &Regions) -> Vec<Self> {
        let one = |r: &Region| {
            let chrom = regions.contigs.name(r.contig).to_string();
            let span = format!("{chrom}:{}-{}", r.start, r.end);
            let (id, name, kind) = match (regions.genes, r.name.as_str()) {
                (true, name) => (name.to_string(), name.to_string(), "Gene Expression"),
                (false, "." | "") => (span.clone(), span, "Peaks"),
                (false, name) => (span, name.to_string(), "Peaks"),
            };
            Self { id, name, kind, chrom, start: r.start, end: r.end }
        };
        regions.list.iter().map(one).collect()
    }
}

/// Fragments that overlap a region, and the matrices made from them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellSummary {
    /// Counted, or merged into a molecule that is counted.
    pub fragments: u64,
    /// Without a usable barcode.
    pub untagged: u64,
    /// With a barcode that is not listed.
    pub unlisted: u64,
    /// Without a usable molecular identifier.
    pub no_umi: u64,
    /// Non-zero entries of the four matrices, in the order of [`CLASSES`].
    pub entries: [u64; 4],
    /// Sums of their entries.
    pub sums: [u64; 4],
    /// Number of columns.
    pub cells: u64,
}

/// Counts fragments, or molecules if they have identifiers, by region, group and class. Takes 12 bytes of memory for each
/// non-zero entry of a matrix (20 for each molecule), and half as much again while counting.
pub struct Cells {
    groups: Groups,
    strandedness: Strandedness,
    /// Strands of the regions.
    strands: Vec<u8>,
    counts: Counts,
    summary: CellSummary,
}

enum Counts {
    /// Keys are group, region and class.
    Fragments(SparseCounts<u64>),
    /// Keys are group, region, molecule and class; with the numbers of identifiers that are not packed.
    Molecules(SparseCounts<u128>, HashMap<Box<[u8]>, u64>),
}

fn entry(group: u32, region: u32, class: usize) -> u64 {
    // Groups have numbers below 2^30.
    (group as u64) << 34 | (region as u64) << 2 | class as u64
}

impl CellSummary {
    /// Messages for the user, one per line.
    pub fn lines(&self) -> Vec<String> {
        let (e, s) = (self.entries, self.sums);
        let matrix = |i: usize| format!("{} {} in {} entries", CLASSES[i], s[i], e[i]);
        let all: Vec<String> = (0..CLASSES.len()).map(matrix).collect();
        let mut lines = vec![format!(
            "matrices: {} fragments in the regions, {} columns; {}",
            self.fragments,
            self.cells,
            all.join(", ")
        )];
        excluded(
            "matrices",
            &[(self.untagged, NO_TAG), (self.unlisted, UNLISTED), (self.no_umi, "without the tag of --umi")],
            &mut lines,
        );
        lines
    }
}

pub(super) const NO_TAG: &str = "without the tag of --group-by";
pub(super) const UNLISTED: &str = "of groups that --barcodes does not list";

/// Add a message about excluded fragments, if there are any.
pub(super) fn excluded(what: &str, all: &[(u64, &str)], lines: &mut Vec<String>) {
    let some: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, why)| format!("{n} {why}")).collect();
    if !some.is_empty() {
        lines.push(format!("{what}: fragments excluded: {}", some.join(", ")));
    }
}

impl Cells {
    /// Count by `groups`; with `molecules`, the fragments of one group, region and molecule count as one.
    pub fn new(groups: Groups, molecules: bool) -> Self {
        let counts = match molecules {
            true => Counts::Molecules(SparseCounts::default(), HashMap::new()),
            false => Counts::Fragments(SparseCounts::default()),
        };
        let (strandedness, strands) = (Strandedness::None, Vec::new());
        Self { groups, strandedness, strands, counts, summary: CellSummary::default() }
    }

    /// In regions with a strand, count only fragments that `strandedness` accepts.
    pub fn stranded(mut self, regions: &Regions, strandedness: Strandedness) -> Self {
        self.strandedness = strandedness;
        self.strands = regions.list.iter().map(|r| r.strand).collect();
        self
    }

    /// Write the matrices into `folder`: the folders of [`CLASSES`], each with `barcodes.tsv.gz`,
    /// `features.tsv.gz` and `matrix.mtx.gz`. Columns are the listed groups, or without a list those with an entry in
    /// any of the four. `program` is written into the header of each matrix.
    ///
    /// # Errors
    /// A file that cannot be written. None has its name until the set of [`MatrixFolder::complete`] is renamed.
    pub fn write(mut self, out: &mut MatrixFolder, features: &[Feature], program: Option<&str>) -> Result<CellSummary> {
        let mut entries = match self.counts {
            Counts::Fragments(counts) => counts,
            Counts::Molecules(mut molecules, _) => collapse(&mut molecules),
        };
        let mut columns = vec![u32::MAX; self.groups.len()];
        for (key, count) in entries.sorted() {
            let class = (key & 3) as usize;
            self.summary.entries[class] += 1;
            self.summary.sums[class] += count as u64;
            columns[(key >> 34) as usize] = 0;
        }
        let mut order = self.groups.order();
        if !self.groups.listed() {
            order.retain(|&g| columns[g as usize] == 0);
        }
        self.summary.cells = order.len() as u64;
        // Entries are sorted by group number, columns by name or as listed.
        let mut begins = Vec::with_capacity(self.groups.len() + 1);
        let (keys, counts) = entries.parts();
        for group in 0..=self.groups.len() as u64 {
            begins.push(keys.partition_point(|k| k >> 34 < group));
        }
        for (class, files) in out.files.iter_mut().enumerate() {
            files.barcodes.lines(|w| {
                order.iter().try_for_each(|&g| {
                    w.write_all(&plain_bytes(&self.groups.name(g)))?;
                    w.write_all(b"\n")
                })
            })?;
            files.features.lines(|w| {
                features.iter().try_for_each(|f| {
                    let (id, name, chrom) = (Plain(&f.id), Plain(&f.name), Plain(&f.chrom));
                    writeln!(w, "{id}\t{name}\t{}\t{chrom}\t{}\t{}", f.kind, f.start, f.end)
                })
            })?;
            files.matrix.lines(|w| {
                writeln!(w, "%%MatrixMarket matrix coordinate integer general")?;
                match program {
                    Some(name) => {
                        writeln!(w, "%metadata_json: {{\"software_version\": \"{name}\", \"format_version\": 2}}")?
                    }
                    None => writeln!(w, "%metadata_json: {{\"format_version\": 2}}")?,
                }
                writeln!(w, "{} {} {}", features.len(), order.len(), self.summary.entries[class])?;
                for (column, &group) in order.iter().enumerate() {
                    for i in begins[group as usize]..begins[group as usize + 1] {
                        if (keys[i] & 3) as usize == class {
                            let row = (keys[i] >> 2 & u32::MAX as u64) + 1;
                            writeln!(w, "{row} {} {}", column + 1, counts[i])?;
                        }
                    }
                }
                Ok(())
            })?;
        }
        Ok(self.summary)
    }
}

impl FragmentSink for Cells {
    fn add(&mut self, fragment: &Fragment) -> Result<()> {
        let (strandedness, strands) = (self.strandedness, &self.strands);
        let accepts =
            |r: &u32| strandedness.accepts(strands.get(*r as usize).copied().unwrap_or(b'.'), fragment.strand);
        let mut regions = fragment.regions.iter().copied().filter(accepts).peekable();
        if regions.peek().is_none() {
            return Ok(());
        }
        let (untagged, unlisted) = (&mut self.summary.untagged, &mut self.summary.unlisted);
        let Some(group) = self.groups.number_of(fragment, untagged, unlisted)? else { return Ok(()) };
        let class = index(fragment.class);
        match &mut self.counts {
            Counts::Fragments(counts) => {
                regions.for_each(|region| counts.add(entry(group, region, class)));
            }
            Counts::Molecules(counts, numbers) => {
                let Some(umi) = usable(fragment.umi) else {
                    self.summary.no_umi += 1;
                    return Ok(());
                };
                let umi = molecule(umi, numbers);
                for region in regions {
                    let cell = (entry(group, region, 0) >> 2) as u128;
                    counts.add(cell << 66 | (umi as u128) << 2 | class as u128);
                }
            }
        }
        self.summary.fragments += 1;
        Ok(())
    }
}

/// The number of a molecular identifier: a 1 followed by its bases at two bits each; if it is longer than 31 or has other
/// letters, a consecutive number with the top bit set.
fn molecule(umi: &[u8], numbers: &mut HashMap<Box<[u8]>, u64>) -> u64 {
    let packed = umi.iter().try_fold(1u64, |packed, base| {
        let code = b"ACGT".iter().position(|b| b == base)?;
        Some(packed << 2 | code as u64)
    });
    match packed {
        Some(packed) if umi.len() <= 31 => packed,
        _ => {
            if let Some(&known) = numbers.get(umi) {
                return known;
            }
            let number = 1 << 63 | numbers.len() as u64;
            numbers.insert(umi.into(), number);
            number
        }
    }
}

/// Count molecules instead of fragments, each in its class, by group and region (a cell of the matrix).
fn collapse(molecules: &mut SparseCounts<u128>) -> SparseCounts<u64> {
    let mut entries = SparseCounts::default();
    let (mut in_cell, mut cell) = ([0u32; 4], None);
    let (mut fragments, mut current) = ([0u32; 4], None);
    let close_molecule = |fragments: &mut [u32; 4], in_cell: &mut [u32; 4]| {
        if let Some(class) = molecule_class(fragments) {
            in_cell[class] += 1;
        }
        *fragments = [0; 4];
    };
    let mut close_cell = |cell: u128, in_cell: &mut [u32; 4]| {
        for (class, count) in in_cell.iter_mut().enumerate() {
            if *count > 0 {
                entries.append((cell as u64) << 2 | class as u64, *count);
                *count = 0;
            }
        }
    };
    for (key, count) in molecules.sorted() {
        if current.is_some_and(|c| c != key >> 2) {
            close_molecule(&mut fragments, &mut in_cell);
        }
        if let Some(cell) = cell.filter(|c| *c != key >> 66) {
            close_cell(cell, &mut in_cell);
        }
        (current, cell) = (Some(key >> 2), Some(key >> 66));
        fragments[(key & 3) as usize] = count;
    }
    close_molecule(&mut fragments, &mut in_cell);
    if let Some(cell) = cell {
        close_cell(cell, &mut in_cell);
    }
    entries
}

/// The class of a molecule by its number of fragments of each class: that of the majority of its informative fragments;
/// conflicting if there are as many of either haplotype, or if none is informative and one is conflicting. None without
/// fragments.
fn molecule_class(fragments: &[u32; 4]) -> Option<usize> {
    let [hap1, hap2, uninformative, conflicting] = *fragments;
    match hap1.cmp(&hap2) {
        std::cmp::Ordering::Greater => Some(0),
        std::cmp::Ordering::Less => Some(1),
        std::cmp::Ordering::Equal if hap1 > 0 || conflicting > 0 => Some(3),
        std::cmp::Ordering::Equal => (uninformative > 0).then_some(2),
    }
}

struct MatrixFiles {
    barcodes: OutFile,
    features: OutFile,
    matrix: OutFile,
}

trait Lines {
    fn lines(&mut self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()>;
}

impl Lines for OutFile {
    fn lines(&mut self, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
        let mut buffered = std::io::BufWriter::with_capacity(1 << 16, &mut *self);
        let outcome = write(&mut buffered).and_then(|()| buffered.flush());
        drop(buffered);
        outcome.map_err(|e| Error::io(self.path(), e))
    }
}

/// The folder of the matrices. Folders that it created are removed when it is dropped, unless its files receive their
/// names.
pub struct MatrixFolder {
    // In this order: the files are dropped before the folders are removed.
    files: Vec<MatrixFiles>,
    created: CreatedFolders,
}

impl MatrixFolder {
    /// Create `folder` (its parent must exist) with the folders of [`CLASSES`] and their files.
    ///
    /// # Errors
    /// A file of that name, or a folder that cannot be created or written.
    pub fn create(folder: &Path) -> Result<Self> {
        let mut created = CreatedFolders::default();
        created.create(folder)?;
        let mut files = Vec::new();
        for class in CLASSES {
            let folder = folder.join(class);
            created.create(&folder)?;
            files.push(MatrixFiles {
                barcodes: OutFile::create(&folder.join("barcodes.tsv.gz"))?,
                features: OutFile::create(&folder.join("features.tsv.gz"))?,
                matrix: OutFile::create(&folder.join("matrix.mtx.gz"))?,
            });
        }
        Ok(Self { files, created })
    }

    /// The names of the files of `folder`.
    pub fn paths(folder: &Path) -> Vec<PathBuf> {
        let names = ["barcodes.tsv.gz", "features.tsv.gz", "matrix.mtx.gz"];
        CLASSES.iter().flat_map(|class| names.map(|name| folder.join(class).join(name))).collect()
    }

    /// Close all files, which have temporary names until the returned set is renamed.
    ///
    /// # Errors
    /// A file that cannot be written to its end.
    pub fn complete(self) -> Result<CompleteFiles> {
        let Self { files, created } = self;
        let mut done = CompleteFiles::default().in_folders(created);
        for out in files.into_iter().flat_map(|f| [f.barcodes, f.features, f.matrix]) {
            done.add(out.complete()?);
        }
        Ok(done)
    }
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
