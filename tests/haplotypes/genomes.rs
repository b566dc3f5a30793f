//! Genomes and chains against bcftools, samtools and sequences built by editing strings.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deepallele_tests::edits::*;
use deepallele_tests::*;

#[test]
fn real_data_equals_bcftools_consensus() {
    let folder = scratch();
    let prefix = folder.path().join("hap");
    good(haplotypes(&genome(), &phased(), "NA12878").arg("--fasta").arg(&prefix).arg("-z"));
    for n in [1, 2] {
        let path = folder.path().join(format!("hap.hap{n}.fa.gz"));
        let ours = good(tool("bgzip", ["-dc"]).arg(&path));
        let theirs = good(&mut consensus(&genome(), &phased(), "NA12878", &format!("{n}pIu")));
        assert!(ours == theirs, "haplotype {n} differs from bcftools consensus");
        // Our indexes, used by samtools, and made again by it.
        let place = "chr22:17252500-17260000";
        let by_ours = good(tool("samtools", ["faidx"]).arg(&path).arg(place));
        let fai = PathBuf::from(format!("{}.fai", path.display()));
        let written = fs::read(&fai).unwrap();
        for ending in ["fai", "gzi"] {
            fs::remove_file(format!("{}.{ending}", path.display())).unwrap();
        }
        let by_theirs = good(tool("samtools", ["faidx"]).arg(&path).arg(place));
        assert_eq!(by_ours, by_theirs);
        assert_eq!(written, fs::read(&fai).unwrap());
    }
}

#[test]
fn random_records_of_every_class_equal_bcftools_and_a_naive_build() {
    for seed in 0..12 {
        let Edited { genome, records: list, folder, reference, vcf } = Edited::new(seed, 2);
        let vcf = vcf_gz(folder.path(), "v.vcf.gz", &fs::read_to_string(vcf).unwrap());
        let prefix = folder.path().join("h");
        good(haplotypes(&reference, &vcf, "A").arg("--fasta").arg(&prefix).arg("--chain").arg(&prefix));
        for n in [1, 2] {
            let ours = folder.path().join(format!("h.hap{n}.fa"));
            let theirs =
                good(consensus(&reference, &vcf, "A", &n.to_string()).args(["-c"]).arg(folder.path().join("c")));
            assert_eq!(text(&fs::read(&ours).unwrap()), text(&theirs), "seed {seed}, haplotype {n}");
            for (contig, (name, bases)) in genome.iter().enumerate() {
                assert_eq!(read_fasta(&ours)[*name], naive(bases, &list, contig, n - 1));
            }
            check_chains(folder.path(), n, &genome, &list);
        }
    }
}

/// Blocks of a chain file: where each begins in target and query, and its length, by contig.
fn blocks(path: &Path, sizes: [&HashMap<String, usize>; 2]) -> HashMap<String, Vec<(usize, usize, usize)>> {
    let mut found = HashMap::new();
    for part in fs::read_to_string(path).unwrap().split("\n\n").filter(|p| !p.is_empty()) {
        let mut lines = part.lines();
        let head: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let number = |i: usize| head[i].parse::<usize>().unwrap();
        assert_eq!((head[0], head[4], head[9], head[2]), ("chain", "+", "+", head[7]));
        assert_eq!([number(3), number(8)], sizes.map(|s| s[head[2]]), "{part}");
        let (mut target, mut query, mut list, mut score) = (number(5), number(10), Vec::new(), 0);
        for line in lines {
            let columns: Vec<usize> = line.split('\t').map(|c| c.parse().unwrap()).collect();
            assert!(columns[0] > 0);
            list.push((target, query, columns[0]));
            score += columns[0];
            target += columns[0] + columns.get(1).unwrap_or(&0);
            query += columns[0] + columns.get(2).unwrap_or(&0);
        }
        assert_eq!((target, query, score), (number(6), number(11), number(1)), "{part}");
        assert!(found.insert(head[2].to_string(), list).is_none());
    }
    found
}

/// Chains sum up, are each other's reverse, and pair equal bases but for substitutions.
fn check_chains(folder: &Path, n: usize, genome: &Genome, list: &[Made]) {
    let haplotype = read_fasta(&folder.join(format!("h.hap{n}.fa")));
    let sizes = genome.iter().map(|(name, bases)| (name.to_string(), bases.len())).collect();
    let hap_sizes = haplotype.iter().map(|(name, bases)| (name.clone(), bases.len())).collect();
    let to_reference = blocks(&folder.join(format!("h.hap{n}ToRef.chain")), [&hap_sizes, &sizes]);
    let back = blocks(&folder.join(format!("h.refToHap{n}.chain")), [&sizes, &hap_sizes]);
    assert_eq!(to_reference.len(), genome.len());
    for (contig, (name, bases)) in genome.iter().enumerate() {
        let there = &to_reference[*name];
        let turned: Vec<_> = back[*name].iter().map(|b| (b.1, b.0, b.2)).collect();
        assert_eq!(*there, turned);
        let mut differing = 0;
        for &(h, r, length) in there {
            let pairs = haplotype[*name][h..h + length].bytes().zip(bases[r..r + length].bytes());
            differing += pairs.filter(|(a, b)| a != b).count();
        }
        let substitutions: usize = list
            .iter()
            .filter(|m| m.contig == contig && m.alleles[m.calls[n - 1]].len() == m.alleles[0].len())
            .map(|m| m.alleles[m.calls[n - 1]].bytes().zip(m.alleles[0].bytes()).filter(|(a, b)| a != b).count())
            .sum();
        assert_eq!(differing, substitutions, "{name}");
    }
}

/// bcftools leaves out a record whose REF or padding merely touches one before it (`TA>CA` then `A>AGG`), even
/// where the bases that change are different ones. Both are applied here: what counts is what is changed. Of
/// records that change the same bases, or insert at the same place, the first is applied, as there.
#[test]
fn overlapping_records_first_come_first_served() {
    for seed in 100..112 {
        let Edited { genome, records: list, folder, reference, vcf } = Edited::new(seed, 0);
        let (prefix, report) = (folder.path().join("h"), folder.path().join("report.tsv"));
        good(haplotypes(&reference, &vcf, "A").arg("--fasta").arg(&prefix).arg("--report").arg(&report));
        for n in [1, 2] {
            let ours = read_fasta(&folder.path().join(format!("h.hap{n}.fa")));
            for (contig, (name, bases)) in genome.iter().enumerate() {
                assert_eq!(ours[*name], naive(bases, &list, contig, n - 1), "seed {seed}");
            }
        }
        let table = Table::read(&report);
        let carried: usize = list.iter().map(|m| m.calls.iter().filter(|&&c| c != 0).count()).sum();
        assert_eq!(table.rows.len(), carried, "a line for each record and haplotype");
        assert!((0..carried).any(|row| table.text(row, "reason") == "overlap"));
        // In the order of the file.
        let order: Vec<_> = (0..carried).map(|r| (table.text(r, "chrom"), table.number(r, "pos") as u64)).collect();
        assert!(order.windows(2).all(|w| w[0] <= w[1]));
    }
}

#[test]
fn bcf_pipes_and_threads_give_the_same_bytes() {
    let folder = scratch();
    let outputs = |label: &str, command: &mut Command| {
        let prefix = folder.path().join(label);
        command.arg("--fasta").arg(&prefix).arg("--chain").arg(&prefix).arg("--quiet");
        command.arg("--masked").arg(folder.path().join(format!("{label}.masked.fa")));
        good(command);
        let names = ["hap1.fa", "hap1.fa.fai", "hap2.fa", "hap1ToRef.chain", "refToHap2.chain", "masked.fa"];
        names.map(|name| fs::read(folder.path().join(format!("{label}.{name}"))).unwrap())
    };
    let plain = outputs("plain", &mut haplotypes(&genome(), &phased(), "NA12878"));
    let bcf = folder.path().join("v.bcf");
    good(tool("bcftools", ["view", "-Ob", "-o"]).arg(&bcf).arg(phased()));
    assert!(plain == outputs("bcf", haplotypes(&genome(), &bcf, "NA12878").args(["-@", "1"])));
    let mut piped = haplotypes(&genome(), Path::new("-"), "NA12878");
    piped.stdin(Stdio::from(fs::File::open(&bcf).unwrap()));
    assert!(plain == outputs("piped", &mut piped));
}
