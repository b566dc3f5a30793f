//! Counting fragments that were aligned to the genomes of both haplotypes.

use crate::assignment::Class;
use crate::counts::dual_reference::fragment::JoinSummary;
use crate::counts::dual_reference::join::TwoGenomes;
use crate::counts::region_counts::RegionVariants;
use crate::counts::{FragmentSink, Tally};
use crate::error::Result;
use crate::genome::{HaplotypeMaps, Variant, VariantStream};
use crate::io::bam::writer::{BamRecord, BamWriter};
use crate::io::regions::Regions;
use crate::io::Contigs;

/// Read the coordinate maps of both haplotypes on `contigs`, those of the reference, and count for each of `regions`
/// the records within it in which the haplotypes differ.
///
/// # Errors
/// Variants that cannot be read.
pub fn read_maps(
    stream: &mut VariantStream,
    contigs: &Contigs,
    regions: Option<&Regions>,
) -> Result<(HaplotypeMaps, Vec<u64>)> {
    let mut variants = RegionVariants::new(regions);
    let mut add = |contig: usize, variant: &Variant| {
        if variant.differs() {
            let edits = [1, 2].into_iter().filter_map(|haplotype| variant.edit(haplotype));
            variants.add(contig, edits.map(|e| (e.start, e.end)));
        }
    };
    let maps = HaplotypeMaps::read(stream, contigs, &mut add)?;
    Ok((maps, variants.into_counts()))
}

/// Alignments read and excluded, and fragments counted, by [`count_two_genomes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwoGenomesSummary {
    /// Alignments read and excluded.
    pub join: JoinSummary,
    /// All fragments that count, each once.
    pub all: Tally,
    /// Those that overlap a region.
    pub in_regions: Tally,
}

impl TwoGenomesSummary {
    /// Messages for the user, one per line; with `regions` also about the fragments in regions.
    pub fn lines(&self, regions: bool) -> Vec<String> {
        let join = &self.join;
        let [one, two] = join.alignments;
        let mut excluded = format!(
            "{one} and {two} alignments read; excluded: {} by flags, {} by mapping quality, {} unplaced",
            join.flagged, join.low_mapping_quality, join.unplaced
        );
        if join.excluded > 0 {
            excluded += &format!(", {} in excluded regions", join.excluded);
        }
        let mut lines = vec![excluded];
        if join.by_nm > 0 {
            lines.push(format!(
                "{} alignments have no MD: the number of mismatches is that of NM, each counted with quality 30",
                join.by_nm
            ));
        }
        if regions {
            lines.push(format!("fragments in the regions: {}", self.in_regions.describe()));
        }
        lines.push(format!("all fragments: {}", self.all.describe()));
        lines.push(format!(
            "fragments aligned to one genome only, counted as uninformative: {} only_hap1, {} only_hap2",
            join.only[0], join.only[1]
        ));
        lines
    }
}

/// Count the fragments of `genomes`. Each of `sinks` receives every fragment; its alignments go to `merged` with the
/// tags `HP` (1 or 2, absent when it is not assigned) and `po` (1, 2, or 3 when it is not assigned). `progress` is called
/// now and then with the number of alignments read since the last call.
///
/// # Errors
/// Alignments that cannot be read or compared, and outputs that cannot be written.
pub fn count_two_genomes(
    genomes: &mut TwoGenomes,
    sinks: &mut [&mut dyn FragmentSink],
    mut merged: Option<&mut BamWriter>,
    progress: &mut dyn FnMut(u64),
) -> Result<TwoGenomesSummary> {
    let mut summary = TwoGenomesSummary::default();
    let join = genomes.run(
        &mut |joined, records| {
            let fragment = &joined.fragment;
            summary.all.add(fragment.class);
            if !fragment.regions.is_empty() {
                summary.in_regions.add(fragment.class);
            }
            sinks.iter_mut().try_for_each(|sink| sink.add(fragment))?;
            match &mut merged {
                Some(out) => records.iter_mut().try_for_each(|record| write(out, record, fragment.class)),
                None => Ok(()),
            }
        },
        progress,
    )?;
    summary.join = join;
    Ok(summary)
}

fn write(out: &mut BamWriter, record: &mut BamRecord, class: Class) -> Result<()> {
    let assigned = match class {
        Class::Hap1 => Some(1),
        Class::Hap2 => Some(2),
        Class::Uninformative | Class::Conflicting => None,
    };
    if let Some(haplotype) = assigned {
        record.add_number(b"HP", haplotype);
    }
    record.add_number(b"po", assigned.unwrap_or(3));
    out.write(record)
}

/// The header of the merged BAM: the read groups and programs of both files, each once by its name, and `program`, the
/// `@PG` line of this run.
pub fn merged_header(genomes: &TwoGenomes, program: Option<&str>) -> String {
    let mut text = String::from("@HD\tVN:1.6\tSO:unsorted\tGO:query\n");
    let mut seen: Vec<String> = Vec::new();
    for file in genomes.files() {
        for line in file.header_text().lines().filter(|l| !l.starts_with("@HD") && !l.starts_with("@SQ")) {
            let name = match line.starts_with("@CO") {
                true => None,
                false => line.split('\t').find(|field| field.starts_with("ID:")),
            };
            let name = name.map_or(line.to_string(), |id| format!("{}\t{id}", &line.get(..3).unwrap_or("")));
            if !seen.contains(&name) {
                seen.push(name);
                text += &format!("{line}\n");
            }
        }
    }
    if let Some(line) = program {
        text += &format!("{line}\n");
    }
    text
}
