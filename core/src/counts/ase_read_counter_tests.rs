use super::*;
use crate::genome::HaplotypeSource;
use crate::io::fasta::reference::test_reference;
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::Path;

/// The contigs are 300 bases of A; these are the records of chr1.
const VCF: &str = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=300>\n##contig=<ID=chr2,length=300>\n\
    ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n";

const HEAD: &str = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:300\n@SQ\tSN:chr2\tLN:300\n\
    @RG\tID:one\tSM:kid\n@RG\tID:two\tSM:kid\n@RG\tID:other\tSM:mum\n";

/// The summary, and the lines written.
fn run(vcf: &str, sam: &str, filter: &Filter, within: Option<Spans>) -> (AseSummary, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("v.vcf"), vcf).unwrap();
    std::fs::write(at("r.sam"), sam).unwrap();
    let bases = [b'A'; 300];
    let contigs: [(&str, &[u8]); 2] = [("chr1", &bases), ("chr2", &bases)];
    let mut reference = test_reference(folder.path(), &contigs);
    let mut alignments = Alignments::open(&at("r.sam"), None, 1).unwrap();
    let side = |n| HaplotypeSource::Phased("kid".into(), n);
    let mut variants = VariantStream::builder(&at("v.vcf"), alignments.contigs(), &side(1), &side(2))
        .reference(Reference::open(&at("ref.fa")).unwrap())
        .open()
        .unwrap();
    let mut text = Vec::new();
    let mut row = |r: &AseRow| r.write(&mut text).map_err(|e| Error::io(Path::new("x"), e));
    let within = within.as_ref();
    let summary =
        count_ase(&mut alignments, &mut variants, &mut reference, within, filter, &mut row, &mut |_| {}).unwrap();
    variants.finish().unwrap();
    (summary, String::from_utf8(text).unwrap())
}

/// A SAM line of 20 bases: A, except for `changes` at 1-based positions.
fn read(name: &str, flag: u16, pos: usize, rest: &str, changes: &[(usize, u8)]) -> String {
    let mut bases = vec![b'A'; 20];
    for &(at, base) in changes {
        bases[at - pos] = base;
    }
    let bases = String::from_utf8(bases).unwrap();
    format!("{name}\t{flag}\tchr1\t{pos}\t60\t20M\t{rest}\t{bases}\t{}\tRG:Z:one\n", "I".repeat(20))
}

/// The numbers of the site at 110 (A>C): refCount to improperPairs.
fn at_110(sam: &[String], filter: &Filter) -> Option<String> {
    let vcf = format!("{VCF}chr1\t110\tx\tA\tC\t.\t.\t.\tGT\t1|0\n");
    let (_, text) = run(&vcf, &(HEAD.to_owned() + &sam.concat()), filter, None);
    text.strip_prefix("chr1\t110\tx\tA\tC\t").map(|t| t.trim_end().replace('\t', " "))
}

#[test]
fn each_read_counts_once_by_the_first_reason() {
    let strict = Filter { mapping_quality: 30, base_quality: 20, ..FILTER };
    let one = |line: String| at_110(&[line], &strict).unwrap();
    let plain = || read("a", 0, 100, "*\t0\t0", &[]);
    // refCount altCount totalCount lowMAPQDepth lowBaseQDepth rawDepth otherBases improperPairs
    assert_eq!(one(plain()), "1 0 1 0 0 1 0 0");
    assert_eq!(one(read("a", 0, 100, "*\t0\t0", &[(110, b'C')])), "0 1 1 0 0 1 0 0");
    assert_eq!(one(read("a", 0, 100, "*\t0\t0", &[(110, b'G')])), "0 0 0 0 0 1 1 0");
    assert_eq!(one(read("a", 0, 100, "*\t0\t0", &[(110, b'N')])), "0 0 0 0 0 1 1 0");
    assert_eq!(one(plain().replace("\t60\t", "\t29\t")), "0 0 0 1 0 1 0 0");
    let poor = "I".repeat(10) + "4" + &"I".repeat(9);
    assert_eq!(one(plain().replace(&"I".repeat(20), &poor)), "0 0 0 0 1 1 0 0");
    // Low mapping quality comes before low base quality, and an improper pair before both.
    assert_eq!(one(plain().replace(&"I".repeat(20), &poor).replace("\t60\t", "\t5\t")), "0 0 0 1 0 1 0 0");
    assert_eq!(one(read("a", 0x41, 100, "=\t200\t0", &[]).replace("\t60\t", "\t5\t")), "0 0 0 0 0 1 0 1");
    assert_eq!(one(read("a", 0x43, 100, "=\t200\t0", &[])), "1 0 1 0 0 1 0 0");
    // Proper by its flag, but the mate is not mapped, or has no position.
    assert_eq!(one(read("a", 0x4b, 100, "=\t100\t0", &[])), "0 0 0 0 0 1 0 1");
    assert_eq!(one(read("a", 0x43, 100, "*\t0\t0", &[])), "0 0 0 0 0 1 0 1");
    // An unpaired read cannot be improper.
    assert_eq!(one(read("a", 0x8, 100, "*\t0\t0", &[])), "1 0 1 0 0 1 0 0");
    // The defaults have no limits.
    let poorest = plain().replace("\t60\t", "\t0\t").replace('I', "!");
    assert_eq!(at_110(&[poorest], &FILTER).unwrap(), "1 0 1 0 0 1 0 0");
}

#[test]
fn supplementary_and_failed_reads_count_and_others_do_not() {
    let flagged = |flag| at_110(&[read("a", flag, 100, "*\t0\t0", &[])], &FILTER);
    for flag in [0, 0x200, 0x800] {
        assert_eq!(flagged(flag).unwrap(), "1 0 1 0 0 1 0 0", "{flag:#x}");
    }
    for flag in [0x4, 0x100, 0x400] {
        assert_eq!(flagged(flag), None, "{flag:#x}: a site without reads has no line");
    }
    let with = Filter { excluded_flags: 0x4, ..FILTER };
    assert!(at_110(&[read("a", 0x400, 100, "*\t0\t0", &[])], &with).is_some());
    let plain = read("a", 0, 100, "*\t0\t0", &[]);
    assert_eq!(at_110(&[plain.replace("\tRG:Z:one", "")], &FILTER), None);
    assert!(at_110(&[plain.replace("RG:Z:one", "RG:Z:unheard")], &FILTER).is_some());
    assert_eq!(at_110(&[plain.replace(&"I".repeat(20), "*")], &FILTER), None);
    assert_eq!(at_110(&[plain.replace(&"A".repeat(20), "*").replace(&"I".repeat(20), "*")], &FILTER), None);
    let sam = HEAD.to_owned() + &plain.replace("\tRG:Z:one", "") + &plain.replace(&"I".repeat(20), "*");
    let (summary, _) = run(&format!("{VCF}chr1\t110\tx\tA\tC\t.\t.\t.\tGT\t1|0\n"), &sam, &FILTER, None);
    assert_eq!((summary.alignments, summary.no_group, summary.no_bases, summary.written), (2, 1, 1, 0));
}

#[test]
fn overlapping_mates_that_disagree_are_dropped_and_the_better_base_is_kept() {
    let pair = |first: &[(usize, u8)], second: &[(usize, u8)]| {
        [read("p", 0x63, 100, "=\t105\t25", first), read("p", 0x93, 105, "=\t100\t-25", second)]
    };
    let c = [(110, b'C')];
    assert_eq!(at_110(&pair(&c, &c), &FILTER).unwrap(), "0 1 1 0 0 1 0 0");
    // The line is written with zeros.
    assert_eq!(at_110(&pair(&c, &[]), &FILTER).unwrap(), "0 0 0 0 0 0 0 0");
    // The better one counts, whichever comes first.
    let strict = Filter { base_quality: 20, mapping_quality: 30, ..FILTER };
    for poor in [0, 1] {
        let mut mates = pair(&c, &c);
        mates[poor] = mates[poor].replace(&"I".repeat(20), &"#".repeat(20)).replace("\t60\t", "\t10\t");
        assert_eq!(at_110(&mates, &strict).unwrap(), "0 1 1 0 0 1 0 0");
    }
    // A deletion disagrees with a base, and two deletions count nothing.
    let gap = |line: &str| line.replace("\t20M\t", "\t3M20D17M\t");
    let mates = pair(&[], &[]);
    assert_eq!(at_110(&[mates[0].clone(), gap(&mates[1])], &FILTER).unwrap(), "0 0 0 0 0 0 0 0");
    assert_eq!(at_110(&[gap(&mates[0]), gap(&mates[1])], &FILTER).unwrap(), "0 0 0 0 0 0 0 0");
    // A skip does not cover the site.
    let skip = |line: &str| line.replace("\t20M\t", "\t3M20N17M\t");
    assert_eq!(at_110(&[mates[0].clone(), skip(&mates[1])], &FILTER).unwrap(), "1 0 1 0 0 1 0 0");
    assert_eq!(at_110(&[skip(&mates[0]), skip(&mates[1])], &FILTER), None);
    // Names are unique within the groups of one sample, not across samples.
    let group = |to: &str| [mates[0].clone(), mates[1].replace("RG:Z:one", &format!("RG:Z:{to}"))];
    assert_eq!(at_110(&group("two"), &FILTER).unwrap(), "1 0 1 0 0 1 0 0");
    assert_eq!(at_110(&group("other"), &FILTER).unwrap(), "2 0 2 0 0 2 0 0");
}

#[test]
fn bases_beyond_a_short_insert_are_adapter() {
    // A forward read of 20 at 100 with an insert of 10: 110 and on is adapter.
    let forward = |tlen: i64| at_110(&[read("a", 0x63, 100, &format!("=\t91\t{tlen}"), &[])], &FILTER);
    assert_eq!(forward(10), None);
    assert_eq!(forward(11).unwrap(), "1 0 1 0 0 1 0 0");
    // A TLEN of 0 is unknown; reads with one above 100 are not checked.
    assert!(forward(0).is_some());
    // A reverse read whose mate starts at 111: what comes before is adapter, whatever TLEN but 0 and above 100.
    let reverse = |mate: usize, tlen: i64| at_110(&[read("a", 0x53, 100, &format!("=\t{mate}\t{tlen}"), &[])], &FILTER);
    assert_eq!(reverse(111, -9), None);
    assert_eq!(reverse(111, -150), None);
    assert!(reverse(111, 0).is_some() && reverse(111, 101).is_some());
    assert!(reverse(110, -9).is_some());
    // A mate that starts on the last base or after it does not end the insert.
    assert!(reverse(118, -9).is_none() && reverse(119, -9).is_some());
    // Mates on one strand.
    assert!(at_110(&[read("a", 0x43, 100, "=\t91\t10", &[])], &FILTER).is_some());
}

#[test]
fn only_biallelic_heterozygous_snvs_are_sites() {
    let vcf = VCF.to_owned()
        + "chr1\t101\t.\tA\tC\t.\t.\t.\tGT\t1|1\nchr1\t102\t.\tA\tC,G\t.\t.\t.\tGT\t0|1\nchr1\t103\t.\tAA\tA\t.\t.\t.\tGT\t0|1\n\
           chr1\t104\tu\tA\tC\t.\t.\t.\tGT\t0/1\nchr1\t105\t.\tA\tC\t.\t.\t.\tGT\t0|1\nchr1\t105\t.\tA\tG\t.\t.\t.\tGT\t1|0\n\
           chr1\t106\t.\tAA\tAC\t.\t.\t.\tGT\t0|1\nchr1\t107\t.\tA\t<DEL>\t.\t.\t.\tGT\t0|1\nchr1\t108\t.\tA\tG\t.\t.\t.\tGT\t0|0\n\
           chr1\t109\t.\tA\tG\t.\t.\t.\tGT\t./1\nchr1\t200\tfar\tA\tG\t.\t.\t.\tGT\t0|1\nchr2\t5\ttwo\tA\tG\t.\t.\t.\tGT\t0|1\n";
    let sam =
        HEAD.to_owned() + &read("a", 0, 100, "*\t0\t0", &[]) + &read("b", 0, 1, "*\t0\t0", &[]).replace("chr1", "chr2");
    let (summary, text) = run(&vcf, &sam, &FILTER, None);
    let expected = "chr1\t104\tu\tA\tC\t1\t0\t1\t0\t0\t1\t0\t0\nchr2\t5\ttwo\tA\tG\t1\t0\t1\t0\t0\t1\t0\t0\n";
    assert_eq!(text, expected);
    assert_eq!((summary.written, summary.doubled), (2, 2));
    let (_, text) = run(&vcf, &sam, &FILTER, Some(Spans::new([(1, 4, 5), (0, 104, 300)])));
    assert_eq!(text, expected.split_once('\n').unwrap().1);
}

/// One read of the property test: start (0-based), operations, bases (those on the reference and inserted), ...
#[derive(Clone, Debug)]
struct Made {
    name: usize,
    flag: u16,
    start: i64,
    cigar: Vec<(usize, char)>,
    bases: Vec<(u8, u8)>,
    mapq: u8,
    mate: i64,
    tlen: i64,
}

fn made() -> impl Strategy<Value = Made> {
    let operations = prop::collection::vec((1..9usize, prop::sample::select(vec!['M', 'I', 'D', 'N', '=', 'X'])), 0..4);
    let flags = prop::sample::select(vec![0u16, 0x63, 0x93, 0x53, 0xa3, 0x41, 0x4b, 0x43, 0x400, 0x800, 0x200]);
    (0..6usize, flags, 0..60i64, 0..3usize, operations, 0..3u8, 0..70i64, -30..30i64, any::<u64>()).prop_map(
        |(name, flag, start, clip, middle, mapq, mate, tlen, seed)| {
            let mut cigar = vec![(clip, 'S'), (3, 'M')];
            cigar.extend(middle);
            cigar.extend([(2, 'M'), (clip, 'S')]);
            cigar.retain(|c| c.0 > 0);
            let length: usize = cigar.iter().filter(|c| "MIS=X".contains(c.1)).map(|c| c.0).sum();
            let mut state = seed | 1;
            let mut draw = |n: u64| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 33) % n
            };
            let bases = (0..length).map(|_| (b"AACCG"[draw(5) as usize], 10 + draw(3) as u8)).collect();
            Made { name, flag, start, cigar, bases, mapq: 10 + mapq, mate, tlen }
        },
    )
}

/// Base (`-` in a deletion) and quality at a position, base by base.
fn shown_at(read: &Made, position: i64) -> Option<(u8, u8)> {
    let (mut at, mut i) = (read.start, 0);
    for &(n, operation) in &read.cigar {
        for _ in 0..n {
            if at == position {
                match operation {
                    'M' | '=' | 'X' => return Some(read.bases[i]),
                    'D' => return Some((b'-', 0)),
                    'N' => return None,
                    _ => {}
                }
            }
            at += "MDN=X".contains(operation) as i64;
            i += "MIS=X".contains(operation) as usize;
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn counts_equal_brute_force(mut reads in prop::collection::vec(made(), 1..25), sites in prop::collection::btree_set(0..80i64, 1..12)) {
        reads.sort_by_key(|r| r.start);
        let filter = Filter { mapping_quality: 11, base_quality: 11, ..FILTER };
        let mut sam = HEAD.to_owned();
        for r in &reads {
            let cigar: String = r.cigar.iter().map(|(n, c)| format!("{n}{c}")).collect();
            let bases: String = r.bases.iter().map(|b| b.0 as char).collect();
            let qualities: String = r.bases.iter().map(|b| (b.1 + 33) as char).collect();
            sam += &format!(
                "r{}\t{}\tchr1\t{}\t{}\t{cigar}\t=\t{}\t{}\t{bases}\t{qualities}\tRG:Z:one\n",
                r.name, r.flag, r.start + 1, r.mapq, r.mate + 1, r.tlen
            );
        }
        let mut vcf = VCF.to_owned();
        let mut expected = String::new();
        for &site in &sites {
            vcf += &format!("chr1\t{}\t.\tA\tC\t.\t.\t.\tGT\t0|1\n", site + 1);
            let mut by_name: HashMap<usize, Vec<(&Made, u8, u8)>> = HashMap::new();
            let mut any = false;
            for r in reads.iter().filter(|r| r.flag & 0x504 == 0) {
                let Some((base, quality)) = shown_at(r, site) else { continue };
                // 1-based positions, as in the definition of the rule.
                let end: i64 = r.start + r.cigar.iter().filter(|c| "MDN=X".contains(c.1)).map(|c| c.0 as i64).sum::<i64>();
                let (pos, start, mate) = (site + 1, r.start + 1, r.mate + 1);
                let reverse = r.flag & 0x10 != 0;
                let defined = r.tlen != 0 && r.flag & 1 != 0 && r.flag & 8 == 0 && reverse != (r.flag & 0x20 != 0)
                    && if reverse { end > mate } else { start <= mate + r.tlen };
                if defined && r.tlen <= 100 && if reverse { pos < mate } else { pos >= start + r.tlen.abs() } {
                    continue;
                }
                any = true;
                by_name.entry(r.name).or_default().push((r, base, quality));
            }
            if !any {
                continue;
            }
            let mut n = [0; 8];
            for mates in by_name.values() {
                if mates.iter().any(|m| m.1 != mates[0].1) || mates[0].1 == b'-' {
                    continue;
                }
                let best = mates.iter().map(|m| m.2).max().unwrap();
                let (r, base, quality) = mates.iter().find(|m| m.2 == best).unwrap();
                n[5] += 1;
                let kind = if r.flag & 1 != 0 && (r.flag & 8 != 0 || r.flag & 2 == 0) { 7 }
                    else if r.mapq < 11 { 3 } else if *quality < 11 { 4 }
                    else if *base == b'A' { 0 } else if *base == b'C' { 1 } else { 6 };
                n[kind] += 1;
            }
            n[2] = n[0] + n[1];
            let n: Vec<String> = n.iter().map(ToString::to_string).collect();
            expected += &format!("chr1\t{}\t.\tA\tC\t{}\n", site + 1, n.join("\t"));
        }
        let (_, text) = run(&vcf, &sam, &filter, None);
        prop_assert_eq!(text, expected);
    }
}
