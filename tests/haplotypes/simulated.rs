//! `deepallele haplotypes` on simulated crosses: the genomes it writes are those the simulator spells by plain
//! replacement, for every kind of variant and way of naming the haplotypes.

use std::fs;

use deepallele_tests::simulator::{Cross, CrossKind, Kind, Plan, Target};
use deepallele_tests::*;

fn bases(path: &std::path::Path) -> String {
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|l| if l.starts_with('>') { format!("\n{l}\n") } else { l.into() })
        .collect()
}

#[test]
fn genomes_equal_plain_replacement() {
    for seed in 0..12 {
        let cross = [CrossKind::Strain, CrossKind::Parents][seed as usize % 2];
        let spacing = if seed < 6 { (60, 200) } else { (1, 20) };
        let cross = Cross::new(&Plan { spacing, ..Plan::new(40 + seed, cross, &Kind::ALL) });
        let folder = scratch();
        let fasta = cross.fasta(folder.path(), "reference.fa");
        let vcf = put(folder.path(), "variants.vcf", cross.vcf());
        let expected = [0, 1].map(|h| bases(&cross.sequences(folder.path(), "expected.fa", Target::Haplotype(h))));
        for (name, haplotypes) in [("phased", &["-s", "F1"][..]), ("parents", &["--hap1", "P1", "--hap2", "P2"])] {
            let prefix = folder.path().join(name);
            good(
                deepallele("haplotypes")
                    .arg("-f")
                    .arg(&fasta)
                    .arg("-v")
                    .arg(&vcf)
                    .args(haplotypes)
                    .arg("--fasta")
                    .arg(&prefix),
            );
            for (h, expected) in expected.iter().enumerate() {
                let written = bases(&folder.path().join(format!("{name}.hap{}.fa", h + 1)));
                assert!(written == *expected, "seed {seed}, {name}, haplotype {}", h + 1);
            }
        }
    }
}
