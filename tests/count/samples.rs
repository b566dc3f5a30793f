//! Several alignment files, and the variant table as VCF and BCF: against a brute-force count and through bcftools.

use std::fs;
use std::process::Command;

use deepallele_tests::spliced::*;
use deepallele_tests::*;

/// A count that says nothing of its command line.
fn count(kid: &Kid, more: &[&str]) -> Command {
    kid.count(&[more, &["--no-version"]].concat())
}

/// The same of one alignment file alone.
fn count_one(kid: &Kid, file: usize, more: &[&str]) -> Command {
    kid.count_files(&kid.bams[file..=file], &[more, &["--no-version"]].concat())
}

#[test]
fn several_files_are_several_samples() {
    let worlds = [World::new(5, 1000), World::new(6, 1500), World::new(7, 500)];
    // Two of one individual, one without read groups.
    let sams = [worlds[0].sam(Some("kid")), worlds[1].sam(Some("kid")), worlds[2].sam(None)];
    let kid = Kid::new(&worlds[0].vcf(), &[("rep0", &sams[0]), ("rep1", &sams[1]), ("rep2", &sams[2])]);
    let file = kid.put("genes.gtf", gtf(&genes()));
    let records = kid.at("v.tsv");
    let more = ["-L", as_str(&file), "--per-variant", as_str(&records)];
    let table = good_text(&mut count(&kid, &more));
    let together = Table::parse(&table);
    let together_records = Table::read(&records);
    assert_eq!(together.rows.len(), 3 * genes().len());
    for i in 0..3 {
        let name = format!("rep{i}");
        let alone = Table::parse(&good_text(count_one(&kid, i, &more).args(["--sample-name", &name])));
        let alone_records = Table::read(&records);
        // Sorted by region, then in the order of the files.
        for (row, expected) in alone.rows.iter().enumerate() {
            // What follows the counts may draw on all samples.
            assert_eq!(together.rows[3 * row + i][..12], expected[..12]);
        }
        for (row, expected) in alone_records.rows.iter().enumerate() {
            assert_eq!(together_records.rows[3 * row + i][..12], expected[..12]);
        }
    }
    let names = |more: &[&str]| -> Vec<String> {
        let table = Table::parse(&good_text(count(&kid, &["-L", as_str(&file)]).args(more)));
        (0..3).map(|row| table.text(row, "sample").to_owned()).collect()
    };
    assert_eq!(names(&["--sample-name", "a,b,c"]), ["a", "b", "c"]);
    assert_eq!(names(&["--sample-name", "a", "--sample-name", "b c", "--sample-name", "d"]), ["a", "b c", "d"]);
    assert!(table == good_text(count(&kid, &more).args(["-@", "3"])));
    for wrong in ["a", "a,a,b", "a,,b"] {
        misused(&mut count(&kid, &["-L", as_str(&file), "--sample-name", wrong]));
    }
}

#[test]
fn vcf_and_bcf_hold_what_the_table_holds() {
    let worlds = [World::new(8, 1500), World::new(9, 1500)];
    let sams = worlds.each_ref().map(|world| world.sam(None));
    let kid = Kid::new(&worlds[0].vcf(), &[("rep0", &sams[0]), ("rep1", &sams[1])]);
    let at = |name: &str| kid.at(name);
    good(&mut count(&kid, &["--per-variant", as_str(&at("t.tsv"))]));
    let table = Table::read(&at("t.tsv"));
    assert_eq!(table.rows.len(), 2 * worlds[0].snvs.len());
    for (row, at) in worlds[0].snvs.keys().flat_map(|at| [at, at]).enumerate() {
        let [hap1, hap2] = worlds[row % 2].at_snv(*at);
        let counted = ["hap1", "hap2", "other", "conflicting"].map(|column| table.number(row, column) as usize);
        assert_eq!(counted, [hap1, hap2, 0, 0], "{:?}", table.rows[row]);
    }
    let alleles = "%CHROM\t%POS\t%ID\t%REF\t%ALT[\t%GT:%AD:%DA_H1:%DA_H2:%DA_OTHER:%DA_CONFLICT]\n";
    for (name, index) in [("o.vcf", None), ("o.vcf.gz", Some("tbi")), ("o.bcf", Some("csi"))] {
        good(&mut count(&kid, &["--per-variant", as_str(&at(name))]));
        let lines = query(&at(name), alleles);
        assert_eq!(lines.len(), worlds[0].snvs.len());
        for (number, line) in lines.iter().enumerate() {
            let row = 2 * number;
            let mut expected: String = ["chrom", "pos", "id", "ref", "alt"].map(|c| table.text(row, c)).join("\t");
            for row in [row, row + 1] {
                let swapped = table.text(row, "hap1_allele") != table.text(row, "ref");
                let (hap1, hap2) = (table.text(row, "hap1"), table.text(row, "hap2"));
                let (call, depth) = if swapped { ("1|0", [hap2, hap1]) } else { ("0|1", [hap1, hap2]) };
                let rest = ["hap1", "hap2", "other", "conflicting"].map(|c| table.text(row, c)).join(":");
                expected += &format!("\t{call}:{}:{rest}", depth.join(","));
            }
            assert_eq!(line.join("\t"), expected, "{name}");
        }
        silently(tool("bcftools", ["view", "-Ov"]).arg(at(name)));
        assert_eq!(good_text(tool("bcftools", ["query", "-l"]).arg(at(name))), "rep0\nrep1\n");
        if let Some(index) = index {
            assert!(at(&format!("{name}.{index}")).exists());
            let first = *worlds[0].snvs.keys().nth(3).unwrap() + 1;
            let place = format!("chr1:{first}-{first}");
            let found = good_text(tool("bcftools", ["view", "-H", "-r", &place]).arg(at(name)));
            assert_eq!(found.lines().count(), 1);
        }
    }
    // Two runs merged are the run of both.
    for i in 0..2 {
        good(&mut count_one(&kid, i, &["--per-variant", as_str(&at(&format!("{i}.vcf.gz")))]));
    }
    good(tool("bcftools", ["merge", "-o"]).arg(at("merged.vcf")).arg(at("0.vcf.gz")).arg(at("1.vcf.gz")));
    assert_eq!(query(&at("merged.vcf"), alleles), query(&at("o.bcf"), alleles));
    // To standard output when told, and a table under a name of a VCF.
    let piped = good_text(&mut count(&kid, &["--per-variant", "-", "--format", "vcf"]));
    assert!(piped == fs::read_to_string(at("o.vcf")).unwrap());
    good(&mut count(&kid, &["--per-variant", as_str(&at("odd.vcf")), "--format", "tsv"]));
    assert!(fs::read(at("odd.vcf")).unwrap() == fs::read(at("t.tsv")).unwrap());
}

#[test]
fn variant_files_that_cannot_be_written() {
    let kid = World::new(12, 20).kid();
    for name in ["o.vcf", "o.vcf.gz", "o.bcf", "o.tsv"] {
        let nowhere = kid.at("none").join(name);
        refused_in(kid.folder(), &mut kid.count(&["--per-variant", as_str(&nowhere)]), &[name]);
    }
    let more = ["--per-variant", "/dev/full", "--format", "vcf"];
    refused_in(kid.folder(), &mut kid.count(&more), &["/dev/full"]);
    // --format without --per-variant.
    misused(&mut kid.count(&["-L", as_str(&kid.bams[0]), "--format", "vcf"]));
}
