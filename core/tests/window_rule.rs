//! One rule for which bases a model sees: training, evaluation, prediction and the effects of variants read the same
//! window of a region, and it is the one that plain string operations give.
#![cfg(feature = "onnx")]

use std::path::Path;
use std::sync::Arc;

use deepallele_core::counts::{CountRow, CountTable};
use deepallele_core::effects::loci::Sites;
use deepallele_core::effects::regions::RegionIndex;
use deepallele_core::evaluation::{Counts, Examples};
use deepallele_core::genome::{Edit, HaplotypeSource, KnownBases, Variants};
use deepallele_core::io::fasta::Reference;
use deepallele_core::io::regions::{Anchor, AnnotationOptions, Region, Regions, TssSource};
use deepallele_core::model::encode::encode;
use deepallele_core::model::metadata::TargetScale;
use deepallele_core::model::window::{Orientation, WindowLayout, WindowRule, Windows};
use deepallele_core::model::{Architecture, Kind, ModelInfo};
use deepallele_core::training::dataset::{Dataset, Sequences, Uninformative};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const LENGTH: usize = 300;

/// A record and the haplotypes that carry its alternative.
struct Record {
    start: usize,
    reference: Vec<u8>,
    alternative: Vec<u8>,
    carried: [u8; 2],
}

/// A genome of one contig with records of every kind, in files.
struct World {
    folder: tempfile::TempDir,
    genome: Vec<u8>,
    records: Vec<Record>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let genome: Vec<u8> = (0..LENGTH).map(|_| b"ACGT"[rng.random_range(0..4)]).collect();
        let mut records = Vec::new();
        let mut at = rng.random_range(0..6usize);
        while at < LENGTH - 8 {
            let size = rng.random_range(1..5usize);
            let (mut reference, mut alternative) = (vec![genome[at]], vec![genome[at]]);
            match rng.random_range(0..4) {
                0 => alternative.extend((0..size).map(|_| b"ACGT"[rng.random_range(0..4)])),
                1 => reference.extend(&genome[at + 1..at + 1 + size]),
                _ => alternative[0] = if genome[at] == b'A' { b'C' } else { b'A' },
            }
            let carried = [rng.random_range(0..2), rng.random_range(0..2)];
            let next = at + reference.len() + rng.random_range(1..14);
            records.push(Record { start: at, reference, alternative, carried });
            at = next;
        }
        let folder = tempfile::tempdir().unwrap();
        let text = |bases: &[u8]| String::from_utf8(bases.to_vec()).unwrap();
        std::fs::write(folder.path().join("ref.fa"), format!(">chr1\n{}\n", text(&genome))).unwrap();
        let index = format!("chr1\t{LENGTH}\t6\t{LENGTH}\t{}\n", LENGTH + 1);
        std::fs::write(folder.path().join("ref.fa.fai"), index).unwrap();
        let mut vcf = format!(
            "##fileformat=VCFv4.2\n##contig=<ID=chr1,length={LENGTH}>\n\
             ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
             #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n"
        );
        for r in &records {
            let (reference, alternative) = (text(&r.reference), text(&r.alternative));
            let [one, two] = r.carried;
            vcf += &format!("chr1\t{}\t.\t{reference}\t{alternative}\t.\t.\t.\tGT\t{one}|{two}\n", r.start + 1);
        }
        std::fs::write(folder.path().join("v.vcf"), vcf).unwrap();
        Self { folder, genome, records }
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The window of a region by string operations: the haplotype as a list of bases with their reference positions,
    /// the index of the anchor in it, and the bases around that index.
    fn truth(&self, haplotype: usize, region: &Region, anchor: u64, windows: &Windows) -> Vec<u8> {
        let alone = windows.layout == WindowLayout::LeftAligned;
        let mut bases: Vec<(Option<usize>, u8)> = Vec::new();
        let mut at = 0;
        for record in self.records.iter().filter(|r| r.carried[haplotype] == 1) {
            let Some(edit) = Edit::new(record.start as u64, &record.reference, &record.alternative) else { continue };
            // Of a region alone only what changes its own bases; insertions at its ends belong to it.
            if alone && (edit.start < region.start || edit.end > region.end) {
                continue;
            }
            let (start, end) = (edit.start as usize, edit.end as usize);
            bases.extend((at..start).map(|i| (Some(i), self.genome[i])));
            // A substituted base keeps its position; inserted ones have none.
            let same = edit.bases.len() == end - start;
            bases.extend(edit.bases.iter().enumerate().map(|(i, &b)| (same.then_some(start + i), b)));
            at = end;
        }
        bases.extend((at..LENGTH).map(|i| (Some(i), self.genome[i])));
        let index = |position: usize| bases.iter().position(|b| b.0 == Some(position));
        let reverse = windows.orientation == Orientation::Region && region.strand == b'-';
        let mut cut: Vec<u8> = if alone {
            let inside = |i: &usize| (region.start as usize..region.end as usize).contains(i);
            // From the first to the last base of the region, with what is inserted at its ends.
            let before = bases.iter().position(|b| b.0.as_ref().is_some_and(inside));
            let (mut first, mut last) = match before {
                Some(first) => (first, bases.iter().rposition(|b| b.0.as_ref().is_some_and(inside)).unwrap() + 1),
                None => {
                    let next = bases.iter().position(|b| b.0.is_some_and(|i| i >= region.end as usize));
                    let next = next.unwrap_or(bases.len());
                    (next, next)
                }
            };
            while first > 0 && bases[first - 1].0.is_none() {
                first -= 1;
            }
            while last < bases.len() && bases[last].0.is_none() {
                last += 1;
            }
            bases[first..last].iter().map(|b| b.1).collect()
        } else {
            // Where the anchor is deleted, the next base left of it that is there.
            let at = (0..=anchor as usize).rev().find_map(index).map_or(-1, |i| i as i64);
            let before = if reverse { (windows.length - 1) / 2 } else { windows.length / 2 } as i64;
            let base = |i: i64| usize::try_from(i).ok().and_then(|i| bases.get(i)).map_or(b'N', |b| b.1);
            (at - before..at - before + windows.length as i64).map(base).collect()
        };
        if reverse {
            let complement = |b: &u8| match b {
                b'A' => b'T',
                b'C' => b'G',
                b'G' => b'C',
                b'T' => b'A',
                other => *other,
            };
            cut = cut.iter().rev().map(complement).collect();
        }
        cut
    }

    fn variants(&self, reference: &Reference) -> Variants {
        let side = |s: u8| HaplotypeSource::Phased("kid".into(), s);
        Variants::read(&self.file("v.vcf"), reference.contigs(), &side(1), &side(2)).unwrap().0
    }
}

/// The regions as a count table of the file that `regions` came from.
fn count_table(regions: &Regions, rule: Anchor, path: &Path) -> CountTable {
    let row = |region: &Region| CountRow {
        chrom: "chr1".into(),
        start: region.start,
        end: region.end,
        name: region.name.clone(),
        score: ".".into(),
        strand: region.strand,
        sample: "s".into(),
        hap1: 3,
        hap2: 5,
        uninformative: 1,
        conflicting: 0,
        variants: 0,
        log2_ratio: None,
        se: None,
        p_value: None,
        q_value: None,
        shrunk_log2_ratio: None,
        shrunk_se: None,
        anchor: region.anchor(rule),
    };
    let table = CountTable { header: vec![format!("##anchor={rule}")], rows: regions.list.iter().map(row).collect() };
    let mut text = Vec::new();
    table.write(&mut text).unwrap();
    std::fs::write(path, text).unwrap();
    CountTable::read(path).unwrap()
}

fn window_rules() -> impl Strategy<Value = (WindowRule, usize)> {
    let anchor = prop_oneof![Just(Anchor::Summit), Just(Anchor::Middle), Just(Anchor::Tss)];
    let layout = prop_oneof![3 => Just(WindowLayout::Centred), 1 => Just(WindowLayout::LeftAligned)];
    let orientation = prop_oneof![Just(Orientation::Forward), Just(Orientation::Region)];
    (anchor, layout, orientation, 1usize..70).prop_map(|(anchor, layout, orientation, length)| {
        // A region alone must fit.
        let length = if layout == WindowLayout::LeftAligned { 140 + length } else { length };
        (WindowRule { layout, anchor: Some(anchor), tss: TssSource::Gene, orientation }, length)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn all_read_the_same_window(
        seed in 0u64..10_000,
        (rule, length) in window_rules(),
        spans in prop::collection::vec((0u64..LENGTH as u64, 1u64..60, 0u64..60, 0usize..2), 1..6),
    ) {
        let world = World::new(seed);
        // One file that provides every anchor: peaks with a summit, which have a strand.
        let mut bed = String::new();
        for (i, (start, size, summit, strand)) in spans.iter().enumerate() {
            let end = (start + size).min(LENGTH as u64);
            let summit = summit % (end - start);
            bed += &format!("chr1\t{start}\t{end}\tr{i}\t0\t{}\t1\t2\t3\t{summit}\n", ["+", "-"][*strand]);
        }
        let path = world.file("regions.narrowPeak");
        std::fs::write(&path, bed).unwrap();
        let mut reference = Reference::open(&world.file("ref.fa")).unwrap();
        let variants = world.variants(&reference);
        let regions = Regions::read_any(&path, reference.contigs(), &AnnotationOptions::default()).unwrap();
        let anchor = rule.anchor.unwrap();
        let windows = rule.windows(length, &regions, &path).unwrap();
        let truth: Vec<[Vec<u8>; 2]> = regions.list.iter()
            .map(|r| [0, 1].map(|h| encode(&world.truth(h, r, r.anchor(anchor).unwrap(), &windows), length).unwrap()))
            .collect();

        // Prediction.
        for (region, truth) in regions.list.iter().zip(&truth) {
            let pair = windows.of_checked(region).pair(&mut reference, &variants, 0).unwrap();
            for (sequence, truth) in pair.sequences.iter().zip(truth) {
                prop_assert_eq!(&encode(sequence, length).unwrap(), truth);
            }
        }
        // Training and evaluation, from a count table of these regions.
        let counts = world.file("counts.tsv");
        let table = count_table(&regions, anchor, &counts);
        let margin = if rule.layout == WindowLayout::Centred { 7 } else { 0 };
        let mut source = Sequences { reference: &mut reference, variants: &variants, windows, margin };
        let scale = TargetScale::default();
        // Equal spans may be listed twice; they differ by name.
        let data = Dataset::from_counts(&counts, &table, &mut source, Uninformative::Half, &scale, &mut |_| ()).unwrap();
        let chosen = Counts::new(&counts, &table, None, scale, 0.5).unwrap();
        let mut info = ModelInfo::new(Architecture { window: length, ..Architecture::preset("small", Kind::Paired).unwrap() });
        info.windows = rule;
        let examples =
            Examples::from_counts(&chosen, &mut reference, &variants, &info, &windows, &mut |_| ()).unwrap();
        for (i, truth) in truth.iter().enumerate() {
            prop_assert_eq!(data.codes(i), (&truth[0][..], &truth[1][..]));
            prop_assert_eq!(examples.codes(i), (&truth[0][..], &truth[1][..]));
            let place = data.places[i].clone().unwrap();
            prop_assert_eq!(place.start..place.end, windows.of_checked(&regions.list[i]).positions());
        }
        // Effects: the windows of a record, on the reference and in either haplotype.
        let index = Arc::new(RegionIndex::new(regions.clone()));
        let mut sites = Sites::new(Reference::open(&world.file("ref.fa")).unwrap(), Some(index), windows);
        let mut seen = 0;
        for record in &world.records {
            let alleles = [record.reference.clone(), record.alternative.clone()];
            let Some(site) = sites.find("chr1", record.start as i64, &alleles).unwrap() else { continue };
            for window in site.windows.iter().map(|of| &of.window) {
                for (region, truth) in regions.list.iter().zip(&truth) {
                    if (window.region.clone(), window.anchor, window.reverse)
                        != (region.start..region.end, region.anchor(anchor).unwrap(),
                            windows.of_checked(region).reverse)
                    {
                        continue;
                    }
                    for (haplotype, truth) in [1, 2].into_iter().zip(truth) {
                        let edits: Vec<Edit> =
                            variants.of(0).iter().filter_map(|variant| variant.edit(haplotype)).collect();
                        let codes = window.codes(&mut sites.reference, &edits, KnownBases::default()).unwrap();
                        prop_assert_eq!(codes.as_ref(), Some(truth));
                        seen += 1;
                    }
                }
            }
        }
        // Bases that the alleles of a record share at its ends bring it into no region.
        let overlapping = world.records.iter().any(|r| regions.list.iter().any(|region| {
            let shortest = r.reference.len().min(r.alternative.len());
            let right = (1..shortest)
                .take_while(|k| r.reference[r.reference.len() - k] == r.alternative[r.alternative.len() - k])
                .count();
            let left = (0..shortest - right - 1).take_while(|&k| r.reference[k] == r.alternative[k]).count();
            let (start, end) = (r.start + left, r.start + r.reference.len() - right);
            region.start < end as u64 && region.end > start as u64
        }));
        prop_assert_eq!(seen > 0, overlapping);
    }
}
