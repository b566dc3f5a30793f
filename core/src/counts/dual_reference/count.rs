//! Counting fragments that were aligned to the genomes of both haplotypes.

use crate::assignment::Class;
use crate::counts::dual_reference::join::{JoinSummary, TwoGenomes};
use crate::counts::{Counted, Summary, Tally};
use crate::counts::{Fragment, FragmentSink};
use crate::error::Result;
use crate::genome::{HaplotypeMaps, IntervalIndex, Variant, VariantStream};
use crate::io::bam::writer::{BamRecord, BamWriter};
use crate::io::regions::Regions;
use crate::io::Contigs;

/// Blocks of `regions`, to be found in any order.
pub fn blocks_of(regions: Option<&Regions>) -> IntervalIndex {
    let blocks = regions.map_or(&[][..], |r| &r.blocks);
    IntervalIndex::new(blocks.iter().map(|b| (b.contig, b.start, b.end, b.region)))
}

/// Read the maps of both haplotypes on `contigs`, the reference's, and count for each of `n_regions` regions the records in its `blocks` in
/// which the haplotypes differ.
///
/// # Errors
/// What is wrong with the variants.
pub fn read_maps(
    stream: &mut VariantStream,
    contigs: &Contigs,
    n_regions: usize,
    blocks: &IntervalIndex,
) -> Result<(HaplotypeMaps, Vec<u64>)> {
    let (mut differing, mut touched) = (vec![0; n_regions], Vec::new());
    let mut see = |contig: usize, variant: &Variant| {
        if !variant.differs() {
            return;
        }
        touched.clear();
        for edit in [1, 2].into_iter().filter_map(|haplotype| variant.edit(haplotype)) {
            touched.extend(blocks.overlapping(contig, edit.start, edit.end));
        }
        touched.sort_unstable();
        touched.dedup();
        touched.iter().for_each(|&region| differing[region as usize] += 1);
    };
    let maps = HaplotypeMaps::read(stream, contigs, &mut see)?;
    Ok((maps, differing))
}

/// What came of [`count_two_genomes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TwoGenomesSummary {
    pub join: JoinSummary,
    /// All fragments that count, each once.
    pub all: Tally,
    /// Those that touch a region.
    pub in_regions: Tally,
}

impl TwoGenomesSummary {
    /// Sentences for the user.
    pub fn lines(&self, regions: bool) -> Vec<String> {
        let join = &self.join;
        let [one, two] = join.alignments;
        let mut left_out = format!(
            "{one} and {two} alignments read; left out: {} by flags, {} by mapping quality, {} unplaced",
            join.flagged, join.low_mapping_quality, join.unplaced
        );
        if join.excluded > 0 {
            left_out += &format!(", {} in excluded regions", join.excluded);
        }
        let mut lines = vec![left_out];
        if join.by_number > 0 {
            lines.push(format!(
                "{} alignments have no MD: the bases that differ are counted by NM, each as one of quality 30",
                join.by_number
            ));
        }
        if regions {
            lines.push(format!("fragments in the regions: {}", self.in_regions.words()));
        }
        lines.push(format!("fragments in all: {}", self.all.words()));
        lines.push(format!(
            "aligned to one genome only, no evidence and counted as uninformative: {} only_hap1, {} only_hap2",
            join.only[0], join.only[1]
        ));
        lines
    }

    /// As the summary of the other modes, for what shows a run in pictures.
    pub fn as_summary(&self) -> Summary {
        Summary {
            alignments: self.join.alignments.iter().sum(),
            flagged: self.join.flagged,
            low_mapping_quality: self.join.low_mapping_quality,
            unplaced: self.join.unplaced,
            excluded: self.join.excluded,
            in_regions: self.in_regions,
            ..Summary::default()
        }
    }

    /// As the result of the other modes; `variants` are those of [`read_maps`].
    pub fn as_counted(&self, variants: Vec<u64>) -> Counted {
        Counted { summary: self.as_summary(), variants }
    }
}

/// Count the fragments of `genomes`: each goes to every of `sinks`, and its alignments to `merged` with the tags
/// `HP` (1 or 2, absent when it is not told) and `po` (1, 2, or 3 for not told). `progress` is called now and then
/// with the number of alignments read since the last call.
///
/// # Errors
/// What is wrong with the alignments, and what cannot be written.
pub fn count_two_genomes(
    genomes: &mut TwoGenomes,
    sinks: &mut [&mut dyn FragmentSink],
    mut merged: Option<&mut BamWriter>,
    progress: &mut dyn FnMut(u64),
) -> Result<TwoGenomesSummary> {
    let mut summary = TwoGenomesSummary::default();
    let join = genomes.run(
        &mut |joined, group, umi, records| {
            summary.all.add(joined.class);
            if !joined.regions.is_empty() {
                summary.in_regions.add(joined.class);
            }
            let fragment = Fragment {
                sample: 0,
                class: joined.class,
                regions: &joined.regions,
                contig: joined.contig,
                start: joined.start,
                end: joined.end,
                strand: joined.strand,
                paired: joined.paired,
                single: joined.single,
                group,
                umi,
            };
            sinks.iter_mut().try_for_each(|sink| sink.add(&fragment))?;
            match &mut merged {
                Some(out) => records.iter_mut().try_for_each(|record| write(out, record, joined.class)),
                None => Ok(()),
            }
        },
        progress,
    )?;
    summary.join = join;
    Ok(summary)
}

fn write(out: &mut BamWriter, record: &mut BamRecord, class: Class) -> Result<()> {
    let told = match class {
        Class::Hap1 => Some(1),
        Class::Hap2 => Some(2),
        Class::Uninformative | Class::Conflicting => None,
    };
    if let Some(haplotype) = told {
        record.add_number(b"HP", haplotype);
    }
    record.add_number(b"po", told.unwrap_or(3));
    out.write(record)
}

/// The header of the merged BAM: what the two files say of read groups and programs, each once by its name, and
/// `program`, the line of this one.
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
