//! Pairs of sequences of regions against whole haplotypes and bcftools.

use deepallele_tests::edits::*;
use deepallele_tests::*;

#[test]
fn pairs_of_neighbouring_regions_join_to_the_haplotypes() {
    let Edited { genome, records: list, folder, reference, vcf } = Edited::new(7, 2);
    let bed: String = genome
        .iter()
        .flat_map(|(name, bases)| {
            let ends = (0..bases.len()).step_by(70).map(move |s| (s, (s + 70).min(bases.len())));
            ends.map(move |(s, e)| format!("{name}\t{s}\t{e}\n"))
        })
        .collect();
    let bed = put(folder.path(), "r.bed", bed);
    let (table, fa) = (folder.path().join("p.tsv"), folder.path().join("p.fa.gz"));
    for out in [&table, &fa] {
        good(haplotypes(&reference, &vcf, "A").arg("-L").arg(&bed).arg("--pairs").arg(out));
    }
    let table = Table::read(&table);
    let sequences = read_fasta(&fa);
    assert_eq!(table.text(1, "id"), "chrA:70-140");
    for (n, column) in [(0, "allele_a"), (1, "allele_b")] {
        for (contig, (name, bases)) in genome.iter().enumerate() {
            let rows = (0..table.rows.len()).filter(|&r| table.text(r, "id").starts_with(&format!("{name}:")));
            let joined: String = rows.clone().map(|r| table.text(r, column)).collect();
            assert_eq!(joined, naive(bases, &list, contig, n));
            for r in rows {
                assert_eq!(sequences[&format!("{}_hap{}", table.text(r, "id"), n + 1)], table.text(r, column));
            }
        }
    }
}

#[test]
fn pairs_equal_bcftools_region_by_region_and_windows_have_one_length() {
    let folder = scratch();
    let table = |more: &[&str]| {
        let out = folder.path().join("p.tsv.gz");
        good(haplotypes(&genome(), &phased(), "NA12878").arg("-L").arg(regions()).arg("--pairs").arg(&out).args(more));
        Table::read(&out)
    };
    let (whole, window) = (table(&[]), table(&["--window", "128"]));
    let mut bed: Vec<(u64, u64, u64, String)> =
        peaks().into_iter().map(|peak| (peak.start, peak.end, peak.summit, peak.name)).collect();
    bed.sort();
    assert_eq!((whole.rows.len(), window.rows.len()), (bed.len(), bed.len()));
    let mut compared = 0;
    for (row, (start, end, centre, name)) in bed.iter().enumerate() {
        assert_eq!((whole.text(row, "id"), window.text(row, "id")), (name.as_str(), name.as_str()));
        let differ = whole.text(row, "allele_a") != whole.text(row, "allele_b");
        for (n, column) in [("1", "allele_a"), ("2", "allele_b")] {
            let sequence = whole.text(row, column);
            assert_eq!(window.text(row, column).len(), 128);
            assert_eq!(sequence.len() as u64, end - start, "only SNVs here");
            if differ && compared < 20 {
                let mut cut = tool("samtools", ["faidx"]);
                cut.arg(genome()).arg(format!("chr22:{}-{end}", start + 1));
                let mut apply = tool("bcftools", ["consensus", "-s", "NA12878", "-H", n]);
                apply.arg(phased());
                let theirs = text(&pipeline(&mut [cut, apply]));
                assert_eq!(sequence, theirs.lines().skip(1).collect::<String>().to_uppercase());
                compared += 1;
            }
            if *centre >= start + 64 && centre + 64 <= *end {
                let from = (centre - 64 - start) as usize;
                assert_eq!(window.text(row, column), &sequence[from..from + 128]);
            }
        }
    }
    assert_eq!(compared, 20);
}
