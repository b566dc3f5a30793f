use super::*;
use crate::assignment::Filter;
use crate::counts::mapping_bias::expected_alignment::Scoring;
use crate::counts::mapping_bias::outcomes::Outcomes;
use crate::genome::{Edit, HaplotypeSource};
use crate::io::fasta::reference::test_reference;
use crate::io::regions::bed::test_region;
use proptest::prelude::*;
use std::path::Path;

/// Bases without repeats of any length that matters.
fn random_bases(n: usize, mut seed: u64) -> Vec<u8> {
    (0..n)
        .map(|_| {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            b"ACGT"[(seed >> 60) as usize % 4]
        })
        .collect()
}

fn options(read_length: usize) -> BiasOptions {
    BiasOptions {
        read_length,
        scoring: Scoring::default(),
        genome_wide: true,
        limit: 0.05,
        filter: Filter::default(),
        threads: 2,
    }
}

struct World {
    folder: tempfile::TempDir,
    contigs: Contigs,
}

/// A record: position (0-based), REF, ALT, genotype.
type Call = (usize, String, String, &'static str);

impl World {
    fn new(bases: &[u8], calls: &[Call]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        test_reference(folder.path(), &[("chr1", bases)]);
        let mut vcf = String::from("##fileformat=VCFv4.2\n##contig=<ID=chr1>\n");
        vcf += "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"GT\">\n";
        vcf += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n";
        for (at, old, new, gt) in calls {
            vcf += &format!("chr1\t{}\t.\t{old}\t{new}\t.\tPASS\t.\tGT\t{gt}\n", at + 1);
        }
        std::fs::write(folder.path().join("v.vcf"), vcf).unwrap();
        Self { folder, contigs: Contigs::new(vec![("chr1".into(), bases.len() as u64)]) }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn stream(&self) -> VariantStream {
        let sample = |side| HaplotypeSource::Phased("kid".into(), side);
        VariantStream::builder(&self.path("v.vcf"), &self.contigs, &sample(1), &sample(2)).open().unwrap()
    }

    fn simulate(&self, regions: Option<&Regions>, options: &BiasOptions) -> (Vec<(u64, Bias)>, BiasSummary, Vec<Bias>) {
        let reference = Reference::open(Path::new(&self.path("ref.fa"))).unwrap();
        let mut sites = Vec::new();
        let (summary, by_region) =
            simulate(&mut self.stream(), reference, &self.contigs, regions, None, options, &mut |_, v, b| {
                sites.push((v.start, *b));
                Ok(())
            })
            .unwrap();
        (sites, summary, by_region)
    }
}

fn other(base: u8) -> String {
    (match base {
        b'A' => "C",
        b'C' => "G",
        b'G' => "T",
        _ => "A",
    })
    .into()
}

fn snv(bases: &[u8], at: usize, gt: &'static str) -> Call {
    (at, (bases[at] as char).to_string(), other(bases[at]), gt)
}

fn outcomes(simulated: u64, multimapping: u64, aligned: u64, right: u64) -> Outcomes {
    Outcomes { simulated, multimapping, aligned, right, wrong: 0, unassigned: aligned - right }
}

#[test]
fn a_single_snv_is_balanced_and_each_offset_simulated_once() {
    let bases = random_bases(1000, 1);
    let world = World::new(&bases, &[snv(&bases, 500, "0|1"), snv(&bases, 990, "1|0")]);
    let (sites, summary, _) = world.simulate(None, &options(50));
    assert_eq!(sites.iter().map(|s| s.0).collect::<Vec<_>>(), [500, 990]);
    assert_eq!(sites[0].1, Bias { hap1: outcomes(50, 0, 50, 50), hap2: outcomes(50, 0, 50, 50) });
    // Near the end of the contig only ten offsets fit.
    assert_eq!(sites[1].1, Bias { hap1: outcomes(10, 0, 10, 10), hap2: outcomes(10, 0, 10, 10) });
    assert_eq!((summary.sites, summary.biased, summary.with_fraction), (2, 0, 2));
    assert_eq!(summary.reads, Bias { hap1: outcomes(60, 0, 60, 60), hap2: outcomes(60, 0, 60, 60) });
}

#[test]
fn clustered_snvs_lose_the_other_allele() {
    // Ten SNVs within 30 bases on haplotype 2: its reads score too little.
    let bases = random_bases(1000, 2);
    let calls: Vec<Call> = (0..10).map(|i| snv(&bases, 500 + 3 * i, "0|1")).collect();
    let world = World::new(&bases, &calls);
    let (sites, summary, _) = world.simulate(None, &options(50));
    for (_, bias) in &sites {
        assert_eq!(bias.hap1, outcomes(50, 0, 50, 50));
        assert!(bias.hap2.aligned < 25, "{bias:?}");
        assert!(bias.biased(0.05) && bias.hap1_fraction().unwrap() > 0.6);
    }
    assert_eq!(summary.biased, 10);
    assert_eq!(summary.lines(&options(50)).len(), 3);
}

#[test]
fn multimapping_reads_of_the_alternative_are_lost() {
    // The sequence around the site occurs twice; the second copy has the alternative allele.
    let mut bases = random_bases(3000, 3);
    let copy = bases[400..600].to_vec();
    bases.splice(2000..2200, copy);
    let call = snv(&bases, 500, "0|1");
    bases[2100] = call.2.as_bytes()[0];
    let world = World::new(&bases, &[call]);
    let (sites, _, _) = world.simulate(None, &options(50));
    // Reads of the reference differ from the copy.
    assert_eq!(sites[0].1, Bias { hap1: outcomes(50, 0, 50, 50), hap2: outcomes(50, 50, 0, 0) });
    assert_eq!((sites[0].1.flags(0.05), sites[0].1.hap1_fraction()), ("bias,repeat".into(), Some(1.0)));
    let (sites, _, _) = world.simulate(None, &BiasOptions { genome_wide: false, ..options(50) });
    assert_eq!((sites[0].1.flags(0.05), sites[0].1.hap1_fraction()), (".".into(), Some(0.5)));
    // A copy of the reference matches reads of the reference as well as their own locus does, and those of the
    // alternative too: one base differs at either locus.
    let both = Bias { hap1: outcomes(50, 50, 0, 0), hap2: outcomes(50, 50, 0, 0) };
    bases[2100] = bases[500];
    let world = World::new(&bases, &[snv(&bases, 500, "0|1")]);
    let (sites, _, _) = world.simulate(None, &options(50));
    assert_eq!((sites[0].1, sites[0].1.flags(0.05)), (both, "repeat,none".into()));
    // So does a copy on the other strand.
    let inverted: Vec<u8> = bases[400..600]
        .iter()
        .rev()
        .map(|b| match b {
            b'A' => b'T',
            b'C' => b'G',
            b'G' => b'C',
            _ => b'A',
        })
        .collect();
    bases.splice(2000..2200, inverted);
    let world = World::new(&bases, &[snv(&bases, 500, "0|1")]);
    assert_eq!(world.simulate(None, &options(50)).0[0].1, both);
    // A copy with another base in the middle matches only reads of the alternative.
    bases[2099] = b"CGTA"[b"ACGT".iter().position(|b| *b == bases[2099]).unwrap()];
    let world = World::new(&bases, &[snv(&bases, 500, "0|1")]);
    let bias = world.simulate(None, &options(50)).0[0].1;
    assert_eq!(bias.hap1, outcomes(50, 0, 50, 50));
}

#[test]
fn regions_count_a_read_once_however_many_sites_it_covers() {
    let bases = random_bases(2000, 4);
    let world = World::new(&bases, &[snv(&bases, 500, "0|1"), snv(&bases, 510, "0|1"), snv(&bases, 900, "0|1")]);
    let region = |start, end| test_region(0, start, end);
    let regions = Regions::from_list(
        world.contigs.clone(),
        vec![region(0, 505), region(450, 600), region(501, 510), region(300, 1000)],
    );
    let (sites, _, by_region) = world.simulate(Some(&regions), &options(50));
    assert_eq!(sites.len(), 3);
    let reads: Vec<u64> = by_region.iter().map(|b| b.hap1.simulated).collect();
    // Sorted by start and end: 0-505, 300-1000, 450-600, 501-510.
    assert_eq!(reads, [50, 60 + 50, 60, 0]);
}

/// All reads of a haplotype that show `site`, by brute force on the whole contig: their number.
fn brute(bases: &[u8], calls: &[Call], haplotype: usize, length: usize) -> Vec<u64> {
    // The reference bases that base i of the haplotype corresponds to.
    let mut sequence = Vec::new();
    let mut origin: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    let carried = |c: &Call| c.3.split('|').nth(haplotype - 1) == Some("1");
    let trimmed = |c: &Call| {
        let e = Edit::new(c.0 as u64, c.1.as_bytes(), c.2.as_bytes()).unwrap();
        (e.start as usize, e.end as usize, e.bases.to_vec())
    };
    let mut footprints = vec![(usize::MAX, usize::MAX); calls.len()];
    for (i, c) in calls.iter().enumerate().filter(|(_, c)| carried(c)) {
        let (start, end, new) = trimmed(c);
        sequence.extend_from_slice(&bases[at..start]);
        origin.extend((at..start).map(|p| (p, p + 1)));
        footprints[i] = (sequence.len(), sequence.len() + new.len());
        sequence.extend_from_slice(&new);
        origin.extend(new.iter().map(|_| (usize::MAX, usize::MAX)));
        at = end;
    }
    sequence.extend_from_slice(&bases[at..]);
    origin.extend((at..bases.len()).map(|p| (p, p + 1)));
    for (i, c) in calls.iter().enumerate().filter(|(_, c)| !carried(c)) {
        let (start, end, _) = trimmed(c);
        let find = |p: usize| origin.iter().position(|o| o.0 != usize::MAX && o.0 >= p).unwrap_or(sequence.len());
        footprints[i] = (find(start), find(end));
    }
    let shows = |p: &(usize, usize), from: usize| match p.0 == p.1 {
        true => from < p.0 && p.0 < from + length,
        false => from < p.1 && p.0 < from + length,
    };
    footprints.iter().map(|p| (0..=sequence.len() - length).filter(|&f| shows(p, f)).count() as u64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn every_read_over_every_site_is_simulated_once(
        seed: u64,
        steps in prop::collection::vec((1usize..90, 0usize..4, 1usize..6, prop::sample::select(vec!["0|1", "1|0"])), 1..60),
    ) {
        let bases = random_bases(7000, seed);
        let mut at = 100;
        let mut calls: Vec<Call> = Vec::new();
        for (skip, kind, size, gt) in steps {
            at += skip;
            let text = |from: usize, to: usize| String::from_utf8(bases[from..to].to_vec()).unwrap();
            let call = match kind {
                0 => (at, text(at, at + 1 + size), text(at, at + 1), gt),
                1 => (at, text(at, at + 1), text(at, at + 1) + &text(at + 40, at + 40 + size), gt),
                _ => snv(&bases, at, gt),
            };
            at += call.1.len() + 1;
            calls.push(call);
        }
        let world = World::new(&bases, &calls);
        let options = BiasOptions { genome_wide: false, ..options(40) };
        // Few variants a chunk, so that chunks share reads.
        let (sites, summary, by_region) = world.simulate_in_chunks_of(3, &options);
        let truth = [brute(&bases, &calls, 1, 40), brute(&bases, &calls, 2, 40)];
        prop_assert_eq!(sites.len(), calls.len());
        for (i, (start, bias)) in sites.iter().enumerate() {
            prop_assert_eq!(*start as usize, calls[i].0);
            prop_assert_eq!([bias.hap1.simulated, bias.hap2.simulated], [truth[0][i], truth[1][i]], "record {}", i);
            for of in [bias.hap1, bias.hap2] {
                prop_assert_eq!(of.right + of.wrong + of.unassigned, of.aligned);
                prop_assert!(of.aligned <= of.simulated);
            }
        }
        // One region over all of it sees each read once, as the summary does, and chunks make no difference.
        prop_assert_eq!(by_region[0], summary.reads);
        let (again, summary_again, _) = world.simulate_in_chunks_of(1000, &options);
        prop_assert_eq!(again, sites);
        prop_assert_eq!(summary_again.reads, summary.reads);
    }
}

impl World {
    /// All of the contig is one region.
    fn simulate_in_chunks_of(&self, most: usize, options: &BiasOptions) -> (Vec<(u64, Bias)>, BiasSummary, Vec<Bias>) {
        let whole = test_region(0, 0, self.contigs.length(0));
        let regions = Regions::from_list(self.contigs.clone(), vec![whole]);
        let reference = Reference::open(&self.path("ref.fa")).unwrap();
        let mut stream = self.stream();
        let mut chunks = Chunks::new(&mut stream, reference, &self.contigs, None, options.read_length);
        chunks.most = most;
        let mut sites = Vec::new();
        let (summary, by_region) =
            simulate_chunks(chunks, &self.path("ref.fa"), &self.contigs, Some(&regions), options, &mut |_, v, b| {
                sites.push((v.start, *b));
                Ok(())
            })
            .unwrap();
        (sites, summary, by_region)
    }
}
