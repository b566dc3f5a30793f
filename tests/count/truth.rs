//! Counts on the real reads against three truths: a brute-force count written here, `bcftools mpileup`, and
//! the read groups that say which parental genome a read fits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use deepallele_tests::*;
use rust_htslib::bam::record::{Aux, Cigar};
use rust_htslib::bam::{self, Read};
use rust_htslib::bcf::{self, Read as _};

const FLAGS: u16 = 3844;
const MAPQ: u8 = 10;
const BASEQ: u32 = 13;

/// A phased heterozygous SNV: the base of each haplotype.
#[derive(Clone, Copy)]
struct Snv {
    hap1: u8,
    hap2: u8,
}

/// What a read shows at an SNV.
#[derive(Clone, Copy)]
struct Seen {
    base: u8,
    quality: u32,
    proper: bool,
}

#[derive(Default)]
struct Fragment {
    group: String,
    /// Aligned stretches of both mates, 0-based half-open.
    blocks: Vec<(i64, i64)>,
    seen: BTreeMap<i64, Vec<Seen>>,
}

/// What a fragment's evidence amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Class {
    Hap1,
    Hap2,
    Uninformative,
    Conflicting,
}

/// One base of a fragment at an SNV, mates that overlap taken together as htslib's pileup does: qualities of
/// equal bases add up, of two bases that differ the better one keeps 0.8 of its quality. `None` under the
/// quality limit, and for equally good bases that differ, of which a pileup would pick one by chance.
fn base_of(seen: &[Seen]) -> Option<u8> {
    shown(seen).map(|(base, _)| base)
}

/// [`base_of`] with its quality.
fn shown(seen: &[Seen]) -> Option<(u8, u32)> {
    let (base, quality) = match seen {
        [one] => (one.base, one.quality),
        [a, b] if a.base == b.base => (a.base, a.quality + b.quality),
        [a, b] if a.quality == b.quality => return None,
        [a, b] if a.quality > b.quality => (a.base, a.quality * 4 / 5),
        [_, b] => (b.base, b.quality * 4 / 5),
        _ => panic!("{} reads of one name at one place", seen.len()),
    };
    (quality >= BASEQ).then_some((base, quality))
}

impl Fragment {
    fn class(&self, snvs: &BTreeMap<i64, Snv>) -> Class {
        // What each base says in Phred: ten times the logarithm of how much likelier it is on one haplotype than
        // on the other, 45 at most; and what errors of its quality are expected to say for the wrong side.
        let (mut said, mut errors) = ([Vec::new(), Vec::new()], 0.0);
        for (at, seen) in &self.seen {
            let Some((base, quality)) = shown(seen) else { continue };
            let side = match base {
                b if b == snvs[at].hap1 => 0,
                b if b == snvs[at].hap2 => 1,
                _ => continue,
            };
            let wrong = 10f64.powf(-f64::from(quality.min(200)) / 10.0);
            let loud = 10.0 * ((1.0 - wrong) / (wrong / 3.0)).log10();
            said[side].push(loud.min(45.0));
            errors += wrong / 3.0 * loud;
        }
        let decisive = 10.0 * (0.95f64 / 0.05).log10();
        let [one, two] = [0, 1].map(|side| said[side].iter().sum::<f64>());
        let weaker = &said[usize::from(one > two)];
        // One error is forgiven.
        let beyond = weaker.iter().sum::<f64>() - weaker.iter().fold(0.0, |a: f64, b| a.max(*b)) - 3.0 * errors;
        match () {
            _ if beyond >= decisive => Class::Conflicting,
            _ if one - two >= decisive => Class::Hap1,
            _ if two - one >= decisive => Class::Hap2,
            _ if one.min(two) >= decisive => Class::Conflicting,
            _ => Class::Uninformative,
        }
    }

    fn touches(&self, start: i64, end: i64) -> bool {
        self.blocks.iter().any(|&(from, to)| from < end && to > start)
    }
}

fn snvs() -> BTreeMap<i64, Snv> {
    let mut reader = bcf::Reader::from_path(phased()).unwrap();
    let mut found = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let alleles: Vec<u8> = record.alleles().iter().map(|a| a[0]).collect();
        let genotypes = record.genotypes().unwrap();
        let genotype = genotypes.get(0);
        let allele = |i: usize| alleles[genotype[i].index().unwrap() as usize];
        found.insert(record.pos(), Snv { hap1: allele(0), hap2: allele(1) });
    }
    found
}

fn fragments(snvs: &BTreeMap<i64, Snv>) -> HashMap<Vec<u8>, Fragment> {
    let mut reader = bam::Reader::from_path(reads()).unwrap();
    let mut found: HashMap<Vec<u8>, Fragment> = HashMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        if record.flags() & FLAGS != 0 || record.mapq() < MAPQ {
            continue;
        }
        let fragment = found.entry(record.qname().to_vec()).or_default();
        if let Ok(Aux::String(group)) = record.aux(b"RG") {
            fragment.group = group.to_owned();
        }
        let (mut at, mut within) = (record.pos(), 0usize);
        for operation in record.cigar().iter() {
            match *operation {
                Cigar::Match(n) | Cigar::Equal(n) | Cigar::Diff(n) => {
                    fragment.blocks.push((at, at + n as i64));
                    for (&position, _) in snvs.range(at..at + n as i64) {
                        let offset = within + (position - at) as usize;
                        let seen = Seen {
                            base: record.seq()[offset],
                            quality: record.qual()[offset].into(),
                            proper: record.is_proper_pair(),
                        };
                        fragment.seen.entry(position).or_default().push(seen);
                    }
                    at += n as i64;
                    within += n as usize;
                }
                Cigar::Ins(n) | Cigar::SoftClip(n) => within += n as usize,
                Cigar::Del(n) | Cigar::RefSkip(n) => at += n as i64,
                Cigar::HardClip(_) | Cigar::Pad(_) => {}
            }
        }
    }
    found
}

/// Count the real reads; gives back the region table and the variant table.
fn counted(regions: &Path) -> (Table, Table) {
    let folder = scratch();
    let variants = folder.path().join("variants.tsv");
    let table = good_text(count(&reads(), regions).arg("--per-variant").arg(&variants));
    (Table::parse(&table), Table::read(&variants))
}

#[test]
fn every_region_equals_a_brute_force_count() {
    let snvs = snvs();
    let fragments = fragments(&snvs);
    let (table, _) = counted(&regions());
    assert_eq!(table.rows.len(), 1304);
    let mut informative = 0;
    for row in 0..table.rows.len() {
        let (start, end) = (table.number(row, "start") as i64, table.number(row, "end") as i64);
        let mut expected: HashMap<Class, usize> = HashMap::new();
        for fragment in fragments.values().filter(|f| f.touches(start, end)) {
            *expected.entry(fragment.class(&snvs)).or_default() += 1;
        }
        for (class, column) in [
            (Class::Hap1, "hap1"),
            (Class::Hap2, "hap2"),
            (Class::Uninformative, "uninformative"),
            (Class::Conflicting, "conflicting"),
        ] {
            let counted = table.number(row, column) as usize;
            let expected = expected.get(&class).copied().unwrap_or(0);
            assert_eq!(counted, expected, "{column} of {:?}", table.rows[row]);
        }
        assert_eq!(table.number(row, "variants") as usize, snvs.range(start..end).count());
        let (hap1, hap2) = (table.number(row, "hap1"), table.number(row, "hap2"));
        if hap1 + hap2 > 0.0 {
            informative += 1;
            let ratio = ((hap1 + 0.5) / (hap2 + 0.5)).log2();
            assert!((table.number(row, "log2_ratio") - ratio).abs() < 1e-4, "{:?}", table.rows[row]);
            let error = (1.0 / (hap1 + 0.5) + 1.0 / (hap2 + 0.5)).sqrt() / std::f64::consts::LN_2;
            assert!((table.number(row, "se") - error).abs() < 1e-4, "{:?}", table.rows[row]);
        } else {
            assert_eq!((table.text(row, "log2_ratio"), table.text(row, "se")), (".", "."));
        }
    }
    assert!(informative > 100, "only {informative} regions have informative fragments");
}

#[test]
fn every_snv_equals_a_brute_force_count() {
    let snvs = snvs();
    let fragments = fragments(&snvs);
    let (_, table) = counted(&regions());
    let mut rows = HashMap::new();
    for row in 0..table.rows.len() {
        assert!(rows.insert(table.number(row, "pos") as i64 - 1, row).is_none(), "a position twice");
    }
    assert_eq!(rows.len(), snvs.len());
    let mut covered = 0;
    for (at, snv) in &snvs {
        let bases: Vec<u8> =
            fragments.values().filter_map(|f| f.seen.get(at)).filter_map(|seen| base_of(seen)).collect();
        covered += usize::from(!bases.is_empty());
        let expected = |wanted: u8| bases.iter().filter(|base| **base == wanted).count() as f64;
        let row = rows[at];
        assert_eq!(table.text(row, "hap1_allele").as_bytes(), [snv.hap1]);
        assert_eq!(table.text(row, "hap2_allele").as_bytes(), [snv.hap2]);
        assert_eq!(table.number(row, "hap1"), expected(snv.hap1), "{:?}", table.rows[row]);
        assert_eq!(table.number(row, "hap2"), expected(snv.hap2), "{:?}", table.rows[row]);
        let other = bases.len() as f64 - expected(snv.hap1) - expected(snv.hap2);
        assert_eq!(table.number(row, "other"), other, "{:?}", table.rows[row]);
    }
    assert!(covered > 400, "only {covered} SNVs are covered");
}

#[test]
fn every_snv_equals_bcftools_mpileup() {
    let snvs = snvs();
    let fragments = fragments(&snvs);
    let (_, table) = counted(&regions());
    let folder = scratch();
    let pile = folder.path().join("pile.bcf");
    // -A: keep reads whose mate lies elsewhere, as count does.
    good(
        tool("bcftools", "mpileup -B -A -Q 13 -q 10 -d 1000000 --ignore-RG -a FORMAT/AD --ff 3844 -Ob".split(' '))
            .arg("-f")
            .arg(genome())
            .arg("-T")
            .arg(phased())
            .arg("-o")
            .arg(&pile)
            .arg(reads()),
    );
    let piled = good_text(tool("bcftools", ["query", "-f", "%POS\t%REF,%ALT\t[%AD]\n"]).arg(&pile));
    let mut depth: HashMap<(i64, u8), i64> = HashMap::new();
    for line in piled.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let at = columns[0].parse::<i64>().unwrap() - 1;
        for (allele, count) in columns[1].split(',').zip(columns[2].split(',')) {
            depth.insert((at, allele.as_bytes()[0]), count.parse().unwrap());
        }
    }
    // mpileup joins overlapping mates of proper pairs only: others it counts twice. Those we take off.
    let mut twice = 0;
    for fragment in fragments.values() {
        for (&at, seen) in &fragment.seen {
            if let [a, b] = seen[..] {
                if !a.proper && a.base == b.base && a.quality >= BASEQ && b.quality >= BASEQ {
                    *depth.get_mut(&(at, a.base)).expect("mpileup saw it") -= 1;
                    twice += 1;
                }
            }
        }
    }
    assert!(twice < 5, "{twice} is too many to be a footnote");
    let mut total = 0;
    for row in 0..table.rows.len() {
        let at = table.number(row, "pos") as i64 - 1;
        let snv = snvs[&at];
        for (column, base) in [("hap1", snv.hap1), ("hap2", snv.hap2)] {
            let piled = depth.get(&(at, base)).copied().unwrap_or(0);
            assert_eq!(table.number(row, column) as i64, piled, "{column} of {:?}", table.rows[row]);
            total += piled;
        }
    }
    assert!(total > 3000, "only {total} bases compared");
}

/// hap1 is the first allele of `paternal|maternal`. Each parent's reads are counted by themselves, over the
/// whole chromosome, so that the table's classes are the fate of that parent's fragments.
#[test]
fn fragments_go_to_the_parent_their_read_group_names() {
    let snvs = snvs();
    let fragments = fragments(&snvs);
    let folder = scratch();
    let whole = put(folder.path(), "whole.bed", "chr22\t0\t51304566\n");
    let mut covering = 0;
    let mut right = 0;
    for (parent, own, other) in [("paternal", "hap1", "hap2"), ("maternal", "hap2", "hap1")] {
        let part = folder.path().join(format!("{parent}.bam"));
        good(tool("samtools", ["view", "-b", "-r", parent, "-o"]).arg(&part).arg(reads()));
        let table = Table::parse(&good_text(&mut count(&part, &whole)));
        assert_eq!(table.rows.len(), 1);
        let of_parent = || fragments.values().filter(|f| f.group == parent);
        let cover = of_parent().filter(|f| !f.seen.is_empty()).count();
        let (went, wrong) = (table.number(0, own) as usize, table.number(0, other) as usize);
        assert!(went as f64 >= 0.99 * cover as f64, "{parent}: {went} of {cover}");
        // The rest, each one explained.
        let conflicting = table.number(0, "conflicting") as usize;
        let poor =
            of_parent().filter(|f| !f.seen.is_empty() && f.seen.values().all(|seen| base_of(seen).is_none())).count();
        let neither = of_parent()
            .filter(|f| f.seen.values().any(|seen| base_of(seen).is_some()))
            .filter(|f| f.class(&snvs) == Class::Uninformative)
            .count();
        assert_eq!(went + wrong + conflicting + poor + neither, cover, "{parent}: some fragments are unexplained");
        let classes: f64 = CLASSES.iter().map(|c| table.number(0, c)).sum();
        assert_eq!(classes as usize, of_parent().count(), "{parent}: fragments were lost or made up");
        covering += cover;
        right += went;
        println!("{parent}: {went} of {cover}, wrong {wrong}, conflicting {conflicting}, poor base {poor}, neither {neither}");
    }
    assert!(covering > 3000);
    assert!(right as f64 >= 0.99 * covering as f64);
    // Every fragment carries one of the three groups; the truth covers most of what is informative.
    let groups: HashSet<&str> = fragments.values().map(|f| f.group.as_str()).collect();
    assert_eq!(groups.len(), 3);
}
