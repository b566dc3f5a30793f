use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::effects::regions::RegionIndex;
use crate::genome::VariantStream;
use crate::io::fasta::reference::test_reference;
use crate::io::fasta::Reference;
use crate::io::regions::bed::test_region;
use crate::io::regions::Anchor;
use crate::io::regions::Regions;
use crate::io::Contigs;
use crate::model::encode::encode_windows;
use crate::model::incremental::IncrementalPredictor;
use crate::model::onnx::export::export_ensemble;
use crate::model::onnx::predictor::Predictor;
use crate::model::weights::random_weights;
use crate::model::window::{WindowLayout, WindowRule};
use crate::model::ModelInfo;
use crate::model::{Architecture, Kind};

const WINDOW: usize = 40;

/// A record of the test: 0-based start, REF, ALT, and the allele of each haplotype.
#[derive(Clone, Debug)]
struct Record {
    start: usize,
    reference: Vec<u8>,
    alternative: Vec<u8>,
    carried: [u8; 2],
}

struct Setting {
    folder: tempfile::TempDir,
    genome: Vec<u8>,
    records: Vec<Record>,
}

impl Setting {
    fn new(seed: u64, layout: WindowLayout) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut base = || b"ACGT"[rng.random_range(0..4)];
        let genome: Vec<u8> = (0..300).map(|_| base()).collect();
        let mut records = Vec::new();
        let (mut at, mut last) = (5, 0);
        while at < 280 {
            let kind = rng.random_range(0..4);
            // Some deletions draw much into a window.
            let most = if kind == 2 && rng.random_range(0..4) == 0 { 25 } else { 5 };
            let length = rng.random_range(1..most).min(270usize.saturating_sub(at).max(1));
            let letter = |rng: &mut ChaCha8Rng| b"ACGT"[rng.random_range(0..4)];
            let reference = genome[at..at + if kind == 2 { 1 + length } else { 1 }].to_vec();
            let mut alternative = vec![genome[at]];
            match kind {
                1 => (0..length).for_each(|_| alternative.push(letter(&mut rng))),
                2 => {}
                _ => {
                    alternative[0] =
                        b"ACGT"[(b"ACGT".iter().position(|b| *b == genome[at]).unwrap() + length.min(3)) % 4]
                }
            }
            let carried = [rng.random_range(0..2), rng.random_range(0..2)];
            let next = at + reference.len() + rng.random_range(1..12);
            // Some are written with bases of the reference before and after them, as far as the next record.
            let (mut start, mut reference) = (at, reference);
            if rng.random_range(0..3) == 0 {
                let from = at - rng.random_range(0..=(at - last).min(4));
                let end = at + reference.len();
                let to = end + rng.random_range(0..=(next - end).min(3) / 2);
                alternative = [&genome[from..at], &alternative, &genome[end..to]].concat();
                (start, reference) = (from, genome[from..to].to_vec());
            }
            last = start + reference.len();
            records.push(Record { start, reference, alternative, carried });
            at = next;
        }
        let folder = tempfile::tempdir().unwrap();
        test_reference(folder.path(), &[("chr1", &genome)]);
        let mut vcf = String::from(
            "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=300>\n\
             ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
             #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n",
        );
        for r in &records {
            let text = |b: &[u8]| String::from_utf8(b.to_vec()).unwrap();
            vcf += &format!(
                "chr1\t{}\t.\t{}\t{}\t.\t.\t.\tGT\t{}|{}\n",
                r.start + 1,
                text(&r.reference),
                text(&r.alternative),
                r.carried[0],
                r.carried[1]
            );
        }
        std::fs::write(folder.path().join("v.vcf"), vcf).unwrap();
        let mut architecture = Architecture::preset("small", Kind::Paired).unwrap();
        (architecture.window, architecture.kernel_number) = (WINDOW, 6);
        (architecture.filter_number, architecture.hidden) = (5, 7);
        // Now and then an ensemble.
        let members: Vec<_> = (0..1 + seed % 2).map(|n| random_weights(&architecture, seed + 100 * n)).collect();
        let model = export_ensemble(
            &ModelInfo { windows: WindowRule { layout, ..WindowRule::default() }, ..ModelInfo::new(architecture) },
            &members,
        )
        .unwrap();
        std::fs::write(folder.path().join("m.onnx"), model).unwrap();
        Self { folder, genome, records }
    }

    fn predictor(&self) -> Predictor {
        Predictor::open(&self.folder.path().join("m.onnx"), 2).unwrap()
    }

    fn effects(&self, spans: Option<&[(u64, u64)]>) -> PairEffects {
        let reference = Reference::open(&self.folder.path().join("ref.fa")).unwrap();
        let contigs: Contigs = reference.contigs().clone();
        let region = |&(start, end): &(u64, u64)| test_region(0, start, end);
        let list = spans.map(|s| Regions::from_list(contigs.clone(), s.iter().map(region).collect()));
        let regions = list.map(|list| Arc::new(RegionIndex::new(list)));
        let models = Ensemble::one(IncrementalPredictor::new(self.predictor()));
        let sites = Sites::new(reference, regions, models.rule().windows_around(models.window(), Anchor::Middle));
        let side = |s: u8| crate::genome::HaplotypeSource::Phased("kid".into(), s);
        let stream =
            VariantStream::builder(&self.folder.path().join("v.vcf"), &contigs, &side(1), &side(2)).open().unwrap();
        let nearby = NearbyVariants::new(stream, contigs, sites.reach());
        PairEffects::new(sites, models, nearby)
    }

    /// The window of a haplotype that carries these of the records, letter by letter from the whole contig. Of an
    /// insertion or deletion that can be shifted it is the leftmost bases that come or go.
    fn window(&self, carried: &dyn Fn(usize) -> bool, centre: usize, span: Option<(usize, usize)>) -> Vec<u8> {
        let mut bases = Vec::new();
        // For each base of the haplotype the base of the genome that it stands for.
        let mut from = Vec::new();
        let mut at = 0;
        for (_, r) in self.records.iter().enumerate().filter(|(i, _)| carried(*i)) {
            let (mut old, mut new, mut start) = (&r.reference[..], &r.alternative[..], r.start);
            while let ([o @ .., a], [n @ .., b]) = (old, new) {
                if a != b {
                    break;
                }
                (old, new) = (o, n);
            }
            while let ([a, o @ ..], [b, n @ ..]) = (old, new) {
                if a != b {
                    break;
                }
                (old, new, start) = (o, n, start + 1);
            }
            // A region by itself shows what lies within.
            if span.is_some_and(|(s, e)| start < s || start + old.len() > e) {
                continue;
            }
            (at..start).for_each(|p| {
                bases.push(self.genome[p]);
                from.push(p);
            });
            for (k, b) in new.iter().enumerate() {
                bases.push(*b);
                from.push(if old.len() == new.len() { start + k } else { usize::MAX });
            }
            at = start + old.len();
        }
        (at..self.genome.len()).for_each(|p| {
            bases.push(self.genome[p]);
            from.push(p);
        });
        let place = |p: usize| from.iter().position(|f| *f == p);
        match span {
            Some((s, e)) => {
                // What is inserted at an end of the region belongs to it.
                let inserted = |range: &[usize]| range.iter().take_while(|f| **f == usize::MAX).count();
                let first = (s..).find_map(place).unwrap();
                let before: Vec<usize> = from[..first].iter().rev().copied().collect();
                let last = (0..e).rev().find_map(place).unwrap();
                bases[first - inserted(&before)..last + 1 + inserted(&from[last + 1..])].to_vec()
            }
            None => {
                let anchor = (0..=centre).rev().find_map(place).unwrap() as i64;
                let left = anchor - WINDOW as i64 / 2;
                let at = |i: i64| usize::try_from(i).ok().and_then(|i| bases.get(i)).copied().unwrap_or(b'N');
                (left..left + WINDOW as i64).map(at).collect()
            }
        }
    }
}

/// Ratio and counts of a pair of windows by the whole network, in log2.
fn full(predictor: &mut Predictor, one: &[u8], two: &[u8]) -> [f64; 3] {
    let [one, two] = [one, two].map(|bases| encode_windows(&[bases], WINDOW).unwrap());
    let p = predictor.predict(one.view(), two.view()).unwrap()[0];
    let log2 = |x: f32| f64::from(x) / std::f64::consts::LN_2;
    [log2(p.ratio), log2(p.count1), log2(p.count2)]
}

fn close(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{what}: {a} and not {b}");
}

/// Everything by hand: windows cut from whole haplotypes, one full pass each.
fn compare(setting: &Setting, spans: Option<&[(u64, u64)]>, alone: bool) -> usize {
    let mut predictor = setting.predictor();
    let mut effects = setting.effects(spans);
    for r in &setting.records {
        effects.add("chr1", r.start as i64, &[r.reference.clone(), r.alternative.clone()]).unwrap();
    }
    let sites = effects.predict().unwrap();
    let mut compared = 0;
    for (i, site) in sites.iter().enumerate().flat_map(|(i, found)| found.iter().map(move |site| (i, site))) {
        let centre = match spans {
            Some(_) => (site.region.start + site.region.end) as usize / 2,
            None => {
                // The shortest record of the change: bases that both alleles have at the right, then at the left, left out.
                let Record { start, reference, alternative, .. } = &setting.records[i];
                let shared = (1..reference.len().min(alternative.len()))
                    .take_while(|k| reference[reference.len() - k] == alternative[alternative.len() - k])
                    .count();
                let (old, new) = (reference.len() - shared, alternative.len() - shared);
                start + (0..old.min(new) - 1).take_while(|&k| reference[k] == alternative[k]).count()
            }
        };
        let span = alone.then_some((site.region.start as usize, site.region.end as usize));
        // Haplotype `h` with record `changed` set to `allele`.
        let window = |h: usize, changed: Option<(usize, bool)>| {
            let carried = |k: usize| match changed {
                Some((which, allele)) if which == k => allele,
                _ => setting.records[k].carried[h] == 1,
            };
            setting.window(&carried, centre, span)
        };
        let (one, two) = (window(0, None), window(1, None));
        let whole = full(&mut predictor, &one, &two);
        close(site.pair, whole[0], "pair");
        let Some(Some(effect)) = site.alleles.first() else { continue };
        let set = |h: usize, allele: bool| window(h, Some((i, allele)));
        let first = [true, false].map(|allele| full(&mut predictor, &set(0, allele), &two));
        close(effect.ratio[0], first[0][0] - first[1][0], "background 1");
        let second = [true, false].map(|allele| full(&mut predictor, &one, &set(1, allele)));
        close(effect.ratio[1], second[1][0] - second[0][0], "background 2");
        let counts = (first[0][1] - first[1][1] + second[0][2] - second[1][2]) / 2.0;
        close(effect.counts, counts, "counts");
        compared += 1;
        let Some(of_region) = site.of_region else { continue };
        let mut contributions = Vec::new();
        for (k, r) in setting.records.iter().enumerate().filter(|(_, r)| r.carried[0] != r.carried[1]) {
            let equal1 = full(&mut predictor, &window(0, Some((k, r.carried[1] == 1))), &two)[0];
            let equal2 = full(&mut predictor, &one, &window(1, Some((k, r.carried[0] == 1))))[0];
            contributions.push((k, ((whole[0] - equal1) + (whole[0] - equal2)) / 2.0));
        }
        let sum: f64 = contributions.iter().map(|c| c.1).sum();
        close(of_region.unexplained, whole[0] - sum, "unexplained");
        let main = contributions.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).filter(|c| c.1 != 0.0);
        assert_eq!(of_region.main, main.is_some_and(|(k, _)| *k == i), "main variant of {:?}", site.region);
    }
    compared
}

#[test]
fn effects_equal_full_passes_over_haplotypes_written_out() {
    let mut compared = 0;
    for seed in 0..12 {
        let setting = Setting::new(seed, WindowLayout::Centred);
        compared += compare(&setting, None, false);
        let spans = [(20, 50), (60, 101), (90, 130), (135, 190), (140, 165), (220, 260)];
        compared += compare(&setting, Some(&spans), false);
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn a_model_of_regions_alone_sees_nothing_beside_them() {
    let mut compared = 0;
    for seed in 20..28 {
        let setting = Setting::new(seed, WindowLayout::LeftAligned);
        compared += compare(&setting, Some(&[(20, 50), (60, 90), (120, 145), (200, 230)]), true);
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn places_that_go_back_are_refused() {
    let setting = Setting::new(3, WindowLayout::Centred);
    let mut effects = setting.effects(None);
    let mut add = |r: &Record| effects.add("chr1", r.start as i64, &[r.reference.clone(), r.alternative.clone()]);
    let [first, .., before, last] = &setting.records[..] else { panic!("too few records") };
    add(before).unwrap();
    add(last).unwrap();
    let error = add(first).unwrap_err().to_string();
    assert!(error.contains("bcftools sort"), "{error}");
}
