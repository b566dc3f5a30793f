//! Kinds of regions and strands: reads with known alleles against a brute-force count, and the kinds of region files
//! against each other.

use std::fmt::Write as _;
use std::fs;

use deepallele_tests::spliced::*;
use deepallele_tests::*;

#[test]
fn genes_of_every_kind_of_file_equal_a_brute_force_count() {
    let world = World::new(1, 3000);
    let kid = world.kid();
    let genes = genes();
    let mut tables = Vec::new();
    for (name, content) in [
        ("genes.gtf", gtf(&genes)),
        ("genes.gff3", gff3(&genes)),
        ("genes.saf", saf(&genes)),
        // Recognised by their content.
        ("one.txt", gtf(&genes)),
        ("two.txt", gff3(&genes)),
        ("three.txt", saf(&genes)),
    ] {
        let file = kid.put(name, content);
        tables.push(good_text(&mut kid.count(&["-L", as_str(&file)])));
        let packed = kid.put(&format!("{name}.gz"), feed(&mut tool("gzip", ["-c"]), &fs::read(&file).unwrap()));
        tables.push(good_text(&mut kid.count(&["-L", as_str(&packed)])));
        let mut piped = kid.count(&["-L", "-", "--quiet"]);
        tables.push(text(&feed(&mut piped, &fs::read(&file).unwrap())));
    }
    assert!(tables.iter().all(|t| without_header(t) == without_header(&tables[0])));
    let table = Table::parse(&tables[0]);
    assert_eq!(table.rows.len(), genes.len());
    let mut informed = 0;
    for row in 0..table.rows.len() {
        let (name, strand, exons) = genes.iter().find(|g| g.0 == table.text(row, "name")).unwrap();
        assert_eq!(table.classes(row), world.expected(exons, None), "{name}");
        assert_eq!((table.number(row, "start") as usize, table.number(row, "end") as usize), span(exons));
        assert_eq!(table.text(row, "strand"), strand.to_string());
        let within = world.snvs.keys().filter(|at| exons.iter().any(|e| (e.0..e.1).contains(at))).count();
        assert_eq!(table.number(row, "variants") as usize, within, "SNVs in the exons of {name}");
        informed += table.classes(row)[0];
    }
    assert!(informed > 500, "{informed}");
}

#[test]
fn other_features_and_attributes_can_be_named() {
    let world = World::new(2, 1500);
    let kid = world.kid();
    let genes = genes();
    let file = kid.put("genes.gtf", gtf(&genes));
    let by = |more: &[&str]| Table::parse(&good_text(kid.count(&["-L", as_str(&file)]).args(more)));
    let named = by(&["--gene-attribute", "gene_name"]);
    assert!((0..named.rows.len()).all(|row| named.text(row, "name").starts_with("Ng")));
    let whole = by(&["--feature-type", "gene"]);
    for row in 0..whole.rows.len() {
        let (_, _, exons) = genes.iter().find(|g| g.0 == whole.text(row, "name")).unwrap();
        assert_eq!(whole.classes(row), world.expected(&[span(exons)], None));
    }
}

#[test]
fn strands_equal_a_brute_force_count() {
    let world = World::new(3, 3000);
    let kid = world.kid();
    let genes = genes();
    let file = kid.put("genes.gtf", gtf(&genes));
    for (strandedness, same) in [("none", None), ("forward", Some(true)), ("reverse", Some(false))] {
        let more = ["-L", as_str(&file), "--strandedness", strandedness];
        let table = Table::parse(&good_text(&mut kid.count(&more)));
        for row in 0..table.rows.len() {
            let (name, strand, exons) = genes.iter().find(|g| g.0 == table.text(row, "name")).unwrap();
            let wanted = same.filter(|_| *strand != '.').map(|same| (*strand == '+') == same);
            assert_eq!(table.classes(row), world.expected(exons, wanted), "{name} {strandedness}");
        }
    }
}

#[test]
fn intervals_count_the_same_in_every_kind_of_file() {
    let folder = scratch();
    let peaks = fs::read_to_string(regions()).unwrap();
    let (mut bed, mut saf, mut gtf, mut gff) = (String::new(), String::new(), String::new(), String::new());
    for (i, line) in peaks.lines().enumerate() {
        let columns: Vec<&str> = line.split('\t').collect();
        let (contig, start, end) = (columns[0], columns[1].parse::<usize>().unwrap() + 1, columns[2]);
        writeln!(bed, "{contig}\t{}\t{end}\tr{i}", columns[1]).unwrap();
        writeln!(saf, "r{i}\t{contig}\t{start}\t{end}\t.").unwrap();
        writeln!(gtf, "{contig}\t.\texon\t{start}\t{end}\t.\t.\t.\tgene_id \"r{i}\";").unwrap();
        writeln!(gff, "{contig}\t.\texon\t{start}\t{end}\t.\t.\t.\tID=e{i};gene_id=r{i}").unwrap();
    }
    let counted = |name: &str, content: String| {
        let file = put(folder.path(), name, content);
        good_text(count(&reads(), &file).arg("--no-version"))
    };
    let expected = counted("r.bed", bed);
    assert_eq!(Table::parse(&expected).rows.len(), 1304);
    assert!(expected == counted("r.saf", saf));
    assert!(expected == counted("r.gtf", gtf));
    assert!(expected == counted("r.gff", gff));
}

#[test]
fn a_restriction_keeps_the_genes_it_touches_whole() {
    let world = World::new(4, 2000);
    let kid = world.kid();
    let genes = genes();
    let file = kid.put("genes.gtf", gtf(&genes));
    let whole = Table::parse(&good_text(&mut kid.count(&["-L", as_str(&file)])));
    let (from, to) = (4000, 14_000);
    for option in ["-r", "-t"] {
        let place = format!("chr1:{}-{to}", from + 1);
        let some = Table::parse(&good_text(&mut kid.count(&["-L", as_str(&file), option, &place])));
        let inside =
            |row: &usize| (whole.number(*row, "start") as usize) < to && whole.number(*row, "end") as usize > from;
        let names: Vec<&str> = (0..whole.rows.len()).filter(inside).map(|row| whole.text(row, "name")).collect();
        let got: Vec<&str> = (0..some.rows.len()).map(|row| some.text(row, "name")).collect();
        assert_eq!(got, names);
        // Exons well inside see all their reads; none sees more than there are.
        let mut equal = 0;
        for row in 0..some.rows.len() {
            let (_, _, exons) = genes.iter().find(|g| g.0 == some.text(row, "name")).unwrap();
            let (counted, expected) = (some.classes(row), world.expected(exons, None));
            assert!(counted.iter().sum::<usize>() <= expected.iter().sum());
            if exons.iter().all(|e| e.0 > from + 1200 && e.1 < to - 1200) {
                assert_eq!(counted, expected);
                equal += 1;
            }
        }
        assert!(equal > 0 && some.rows.len() < whole.rows.len());
    }
}

#[test]
fn wrong_annotation_is_named_with_its_line() {
    let kid = World::new(10, 20).kid();
    let line = "chr1\tx\texon\t11\t20\t.\t+\t.\tgene_id \"g\";\n";
    let with = |from: &str, to: &str| line.to_owned() + &line.replace(from, to);
    let saf = "g\tchr1\t11\t20\t+\n";
    for (name, content, words) in [
        ("start.gtf", with("\t11\t", "\t0\t"), vec!["line 2", "start 0"]),
        ("order.gtf", with("\t11\t", "\t21\t"), vec!["line 2", "end 20 is before start 21"]),
        ("huge.gtf", with("\t20\t", "\t99999999999999999999\t"), vec!["line 2", "99999999999999999999"]),
        ("past.gtf", line.replace("\t20\t", "\t20001\t"), vec!["line 1", "past the end of chr1"]),
        ("gene.gtf", with("gene_id", "gene"), vec!["line 2", "gene_id", "--gene-attribute"]),
        ("short.gtf", with("\t.\t+\t.\tgene_id \"g\";", ""), vec!["line 2", "5 columns"]),
        ("strand.gtf", with("\t+\t", "\tup\t"), vec!["line 2", "strand is \"up\""]),
        ("feature.gtf", line.replace("exon", "CDS"), vec!["no feature \"exon\" (it has CDS)", "--feature-type"]),
        ("contigs.gtf", line.replace("chr1", "chr9"), vec!["chr9", "chr1"]),
        ("empty.gtf", "# nothing\n".into(), vec!["holds no region"]),
        (
            "circle.gff3",
            "chr1\t.\tmRNA\t1\t9\t.\t+\t.\tID=a;Parent=a\nchr1\t.\texon\t1\t9\t.\t+\t.\tParent=a\n".into(),
            vec!["line 2", "circle"],
        ),
        ("nothing.gff3", "chr1\t.\texon\t1\t9\t.\t+\t.\tNote=x\n".into(), vec!["line 1", "--gene-attribute"]),
        ("short.saf", saf.to_owned() + "g\tchr1\t11\n", vec!["line 2", "SAF has five"]),
        ("minus.saf", saf.replace("\t11\t", "\t-11\t"), vec!["line 1", "start -11"]),
        ("name.saf", saf.to_owned() + &saf[1..], vec!["line 2", "GeneID"]),
    ] {
        let file = kid.put(name, content);
        let out = kid.at("out.tsv");
        let mut command = kid.count(&["-L", as_str(&file), "-o", as_str(&out)]);
        refused_in(kid.folder(), &mut command, &[&[name], &words[..]].concat());
    }
    // Cut in the middle, and no text at all.
    let whole = feed(&mut tool("gzip", ["-c"]), gtf(&genes()).as_bytes());
    let cut = kid.put("cut.gtf.gz", &whole[..whole.len() / 2]);
    refused_in(kid.folder(), &mut kid.count(&["-L", as_str(&cut)]), &["cut.gtf.gz"]);
    let odd = kid.put("odd.gtf", b"chr1\tx\texon\t11\t20\t.\t+\t.\tgene_id \"\xff\";\n");
    refused_in(kid.folder(), &mut kid.count(&["-L", as_str(&odd)]), &["odd.gtf", "line 1", "text"]);
}

#[test]
fn lines_on_other_contigs_are_reported() {
    let kid = World::new(11, 20).kid();
    let lines = "chr1\tx\texon\t11\t20\t.\t+\t.\tgene_id \"g\";\nchrUn\tx\texon\t11\t20\t.\t+\t.\tgene_id \"h\";\n";
    let file = kid.put("g.gtf", lines);
    let output = run(&mut kid.count(&["-L", as_str(&file)]));
    assert!(output.status.success());
    assert_eq!(Table::parse(&text(&output.stdout)).rows.len(), 1);
    assert!(text(&output.stderr).contains("1 lines of the regions are on contigs"), "{}", text(&output.stderr));
}
