use super::*;
use proptest::prelude::*;

fn contigs() -> Contigs {
    Contigs::new(vec![("chr2".into(), 1000), ("chr1".into(), 2000)])
}

fn read_with(name: &str, text: &str, options: &AnnotationOptions) -> Result<Regions> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Regions::read_any(&path, &contigs(), options)
}

fn read(text: &str) -> Result<Regions> {
    read_with("regions", text, &AnnotationOptions::default())
}

/// Name, contig, span, strand and blocks of every region.
fn shown(regions: &Regions) -> Vec<String> {
    let one = |(i, r): (usize, &Region)| {
        let blocks: Vec<String> = regions
            .blocks
            .iter()
            .filter(|b| b.region as usize == i)
            .map(|b| format!("{}-{}", b.start, b.end))
            .collect();
        let contig = regions.contigs.name(r.contig);
        format!("{} {contig}:{}-{} {} {}", r.name, r.start, r.end, r.strand as char, blocks.join(","))
    };
    regions.list.iter().enumerate().map(one).collect()
}

const SAF: &str = "GeneID\tChr\tStart\tEnd\tStrand\nb\tchr1\t101\t200\t+\na\t1\t301\t400\t-\nb\tchr1\t150\t250\t+\n\
                   b\tchr1\t251\t260\t+\nb\tchr1\t11\t20\t+\nb\tchr2\t1\t5\t+\nb\tchr1\t500\t600\t-\n";

#[test]
fn saf_lines_of_one_gene_are_joined_by_contig_and_strand() {
    let expected =
        ["b chr2:0-5 + 0-5", "b chr1:10-260 + 10-20,100-260", "a chr1:300-400 - 300-400", "b chr1:499-600 - 499-600"];
    assert_eq!(shown(&read(SAF).unwrap()), expected);
    // Without the header, with a comment, with other line ends.
    let bare = SAF.split_once('\n').unwrap().1;
    assert_eq!(shown(&read(bare).unwrap()), expected);
    assert_eq!(shown(&read(&format!("# c\n{}", SAF.replace('\n', "\r\n"))).unwrap()), expected);
    let r = read(SAF).unwrap();
    assert!(r.blocks.is_sorted_by_key(|b| (b.contig, b.start, b.end)));
    assert_eq!(r.renamed, Some(("1".into(), "chr1".into())));
}

#[test]
fn the_kind_is_told_by_name_or_content() {
    let line = |text: &str| RegionFormat::of_line(text);
    for (text, format) in [
        ("chr1\t5\t9", RegionFormat::Bed),
        ("chr1\t5\t9\tname\t3\t+", RegionFormat::Bed),
        ("1\t5\t9\t77\t.", RegionFormat::Bed),
        ("chr1\t100\t200\tp\t0\t.\t1.5\t2\t3\t30", RegionFormat::Bed),
        ("chr1\t100\t200\t7\t8\t9\t.\t2\t3\t30", RegionFormat::Bed),
        ("chr1 5 9", RegionFormat::Bed),
        ("chr1\t10\t20\tp\t0\t+\tsample\t3\t4\t5\t0\t1\t-0.3\t0.9\t.\t.", RegionFormat::Bed),
        ("GeneID\tChr\tStart\tEnd\tStrand", RegionFormat::Saf),
        ("g\tchr1\t5\t9\t+", RegionFormat::Saf),
        ("653635\t1\t5\t9\t-", RegionFormat::Saf),
        ("chr1\tx\texon\t5\t9\t.\t+\t.\tgene_id \"g\";", RegionFormat::Gff),
        ("1\t.\tgene\t5\t9\t.\t.\t.\tID=g", RegionFormat::Gff),
    ] {
        assert_eq!(line(text), format, "{text}");
    }
    for (name, format) in [
        ("a.SAF.gz", Some(RegionFormat::Saf)),
        ("x.gtf", Some(RegionFormat::Gff)),
        ("x.gff3.gz", Some(RegionFormat::Gff)),
        ("x.narrowPeak", Some(RegionFormat::Bed)),
        ("x.tsv", None),
        ("bed", None),
        ("-", None),
    ] {
        assert_eq!(RegionFormat::of_name(Path::new(name)), format, "{name}");
    }
    // What the name says is held to.
    let message = read_with("x.bed", "g\tchr1\t5\t9\t+\n", &AnnotationOptions::default()).unwrap_err().to_string();
    assert!(message.contains("line 1: contig \"g\" is unknown"), "{message}");
}

const GTF: &str = "#!genome-build x\nchr1\ts\tgene\t11\t90\t.\t+\t.\tgene_id \"g; 1\"; gene_name \"A\";\n\
    chr1\ts\texon\t51\t90\t.\t+\t.\ttranscript_id \"t\"; gene_id \"g; 1\"; gene_name \"A\";\n\
    chr1\ts\texon\t11\t20\t.\t+\t.\tgene_id \"g; 1\"; gene_name \"A\";\n\
    chr1\ts\tCDS\t15\t18\t.\t+\t0\tgene_id \"g; 1\"; gene_name \"A\";\n\
    KI270728.1\ts\texon\t11\t20\t.\t+\t.\tgene_id \"far\"; gene_name \"F\";\n\
    2\ts\texon\t11\t20\t.\t-\t.\tgene_id g2; gene_name \"A\";\n";

#[test]
fn gtf_exons_are_joined_by_gene() {
    let r = read(GTF).unwrap();
    assert_eq!(shown(&r), ["g2 chr2:10-20 - 10-20", "g; 1 chr1:10-90 + 10-20,50-90"]);
    assert_eq!((r.left_out.other_contigs, r.renamed.clone()), (1, Some(("2".into(), "chr2".into()))));
    assert_eq!(r.lines().len(), 2);
    let options = |feature: &str, attribute: Option<&str>| AnnotationOptions {
        feature: feature.into(),
        gene_attribute: attribute.map(Into::into),
        tss: TssSource::Gene,
    };
    let shown_as = |feature, attribute| shown(&read_with("x", GTF, &options(feature, attribute)).unwrap());
    assert_eq!(shown_as("exon", Some("gene_name")), ["A chr2:10-20 - 10-20", "A chr1:10-90 + 10-20,50-90"]);
    assert_eq!(shown_as("gene", None), ["g; 1 chr1:10-90 + 10-90"]);
    assert_eq!(shown_as("CDS", None), ["g; 1 chr1:14-18 + 14-18"]);
}

#[test]
fn gff3_parents_lead_to_the_gene() {
    // The first exon comes before its parents; the gene's own parent is an operon, which is no gene.
    let text = "##gff-version 3\nchr1\t.\texon\t11\t20\t.\t+\t.\tID=e1;Parent=t1\n\
        chr1\t.\toperon\t1\t100\t.\t+\t.\tID=op\n\
        chr1\t.\tgene\t11\t90\t.\t+\t.\tID=gene-A%3B1;Parent=op;Name=A\n\
        chr1\t.\tmRNA\t11\t90\t.\t+\t.\tID=t1;Parent=gene-A%3B1\nchr1\t.\tmRNA\t11\t90\t.\t+\t.\tID=t2;Parent=gene-A%3B1\n\
        chr1\t.\texon\t51\t90\t.\t+\t.\tParent=t1,t2\nchr1\t.\texon\t201\t210\t.\t+\t.\tParent=nowhere\n\
        chr1\t.\texon\t301\t310\t.\t?\t.\tgene=solo\n###\n##FASTA\n>chr1\nACGT\n";
    let expected =
        ["gene-A;1 chr1:10-90 + 10-20,50-90", "nowhere chr1:200-210 + 200-210", "solo chr1:300-310 . 300-310"];
    assert_eq!(shown(&read(text).unwrap()), expected);
    let options = AnnotationOptions { feature: "gene".into(), gene_attribute: None, tss: TssSource::Gene };
    assert_eq!(shown(&read_with("x.gff", text, &options).unwrap()), ["gene-A;1 chr1:10-90 + 10-90"]);
    let options =
        AnnotationOptions { feature: "gene".into(), gene_attribute: Some("Name".into()), tss: TssSource::Gene };
    assert_eq!(shown(&read_with("x.gff", text, &options).unwrap()), ["A chr1:10-90 + 10-90"]);
    let options =
        AnnotationOptions { feature: "exon".into(), gene_attribute: Some("Name".into()), tss: TssSource::Gene };
    let parented = text.replace("\tgene=solo", "\tParent=t1");
    let message = read_with("x.gff", &parented, &options).unwrap_err().to_string();
    assert!(message.contains("line 8: neither it nor a parent of it has the attribute \"Name\""), "{message}");
    // gene_id where there is one: Ensembl has it on the gene, GENCODE on every line.
    let text =
        "chr1\t.\tgene\t11\t90\t.\t+\t.\tID=gene:E1;gene_id=E1\nchr1\t.\tmRNA\t11\t90\t.\t+\t.\tID=t;Parent=gene:E1\n\
        chr1\t.\texon\t11\t20\t.\t+\t.\tParent=t\nchr1\t.\texon\t31\t40\t.\t+\t.\tParent=t;gene_id=E1\n";
    assert_eq!(shown(&read(text).unwrap()), ["E1 chr1:10-40 + 10-20,30-40"]);
}

#[test]
fn wrong_lines_are_named() {
    let gtf = "chr1\ts\texon\t11\t20\t.\t+\t.\tgene_id \"g\";\n";
    let change = |from: &str, to: &str| gtf.to_owned() + &gtf.replace(from, to);
    for (text, part) in [
        (change("\t11\t", "\t0\t"), "line 2: start 0 is below 1"),
        (change("\t11\t", "\t-4\t"), "line 2: start -4 is below 1"),
        (change("\t11\t", "\t30\t"), "line 2: end 20 is before start 30"),
        (change("\t20\t", "\t99999999999999999999\t"), "line 2: end \"99999999999999999999\" is not a whole number"),
        // One line of several is cut there; a file of such lines is of another assembly.
        (gtf.replace("\t20\t", "\t9223372036854775807\t"), "line 1: end 9223372036854775807 is past the end of chr1"),
        (gtf.replace("\t20\t", "\t2001\t"), "past the end of chr1 (2000 bases)"),
        (change("\t+\t", "\tx\t"), "line 2: strand is \"x\""),
        (change("gene_id", "gen"), "line 2: the exon has no attribute \"gene_id\"; name another with --gene-attribute"),
        (change("\"g\"", "\"\""), "line 2: gene_id is empty"),
        (gtf.to_owned() + "chr1\ts\texon\n", "line 2: has 3 columns, but GTF and GFF have nine"),
        (gtf.replace("exon", "CDS"), "holds no feature \"exon\" (it has CDS); name one of them with --feature-type"),
        (
            gtf.replace("chr1", "chrX"),
            "holds nothing on a contig of the other inputs: it has chrX, they have chr2, chr1",
        ),
        ("g\tchr1\t5\t9\t+\ng\tchr1\t5\n".into(), "line 2: has 3 columns, but SAF has five"),
        ("g\tchr1\t5\t9\t+\n\tchr1\t5\t9\t+\n".into(), "line 2: has no GeneID"),
        ("g\tchr1\t5\t9\t+\ng\tchr1\t0\t9\t+\n".into(), "line 2: start 0 is below 1"),
        ("g\tchr1\t5\t9\t+\ng\tchr1\t1e2\t900\t+\n".into(), "line 2: start \"1e2\" is not a whole number"),
        ("GeneID\tChr\tStart\tEnd\tStrand\n".into(), "holds no region"),
        ("##gff-version 3\n".into(), "holds no region"),
        ("chr1\t.\texon\t1\t2\t.\t+\t.\tNote=x\n".into(), "line 1: the exon has no gene_id, Parent, gene or ID"),
        (
            "##gff-version 3\nchr1\t.\tmRNA\t1\t2\t.\t+\t.\tID=a;Parent=a\nchr1\t.\texon\t1\t2\t.\t+\t.\tParent=a\n"
                .into(),
            "line 3: the parents of \"a\" form a circle",
        ),
        ("".into(), "holds no region"),
        ("chr1\t1\t2\nchr1\t9\t5\n".into(), "line 2: end 5 is before start 9"),
    ] {
        let message = read(&text).unwrap_err().to_string();
        assert!(message.contains(part), "{text:?} gave {message}");
        assert!(message.contains("regions\""), "{message}");
    }
    let endless = "chr1\t1\t2\n".to_owned() + &"x".repeat(1 << 24);
    assert!(read(&endless).unwrap_err().to_string().contains("line 2: is longer than 16 MB"));
    assert!(read_with("x.gtf", "chr1\t1\t2\n", &AnnotationOptions::default())
        .unwrap_err()
        .to_string()
        .contains("line 1"));
}

#[test]
fn regions_that_go_take_their_blocks_along() {
    let mut r = read(SAF).unwrap();
    let all = shown(&r);
    r.retain(|region| region.contig == 1 && region.strand == b'+' || region.name == "a");
    assert_eq!(shown(&r), all[1..3]);
    assert!(r.blocks.is_sorted_by_key(|b| (b.contig, b.start, b.end)));
    r.retain(|_| false);
    assert!(r.list.is_empty() && r.blocks.is_empty());
}

proptest! {
    /// Whatever a file holds, it is read or refused.
    #[test]
    fn any_text_is_read_or_refused(
        lines in prop::collection::vec(
            prop::collection::vec(
                prop::sample::select(vec![
                    "chr1", "chr2", "exon", "gene", "+", "-", ".", "0", "1", "7", "900", "99999999999", "é", "",
                    "gene_id \"a;b\"; x", "gene_id", "gene_id \"", "gene_id=a%2", "Parent=a,b,,;ID=a", "ID=;Parent=", "ID=b;Parent=b",
                    "GeneID", "##FASTA", ">x", "#", "track", ";", "=", "\u{0}",
                ]),
                0..11,
            ),
            0..12,
        ),
        name in prop::sample::select(vec!["x", "x.gtf", "x.gff3", "x.saf", "x.bed"]),
        attribute in prop::sample::select(vec![None, Some(""), Some("gene_id"), Some("a;b"), Some("ID")]),
    ) {
        let text: String = lines.iter().map(|l| l.join("\t") + "\n").collect();
        let options = AnnotationOptions { feature: "exon".into(), gene_attribute: attribute.map(Into::into), tss: TssSource::Gene };
        match read_with(name, &text, &options) {
            Ok(regions) => prop_assert!(regions.blocks.iter().all(|b| b.start < b.end && b.end <= 2000)),
            Err(error) => prop_assert!(error.to_string().contains(name)),
        }
    }

    /// Every base of every line is in exactly one block of its gene, and nothing else is.
    #[test]
    fn blocks_hold_the_bases_of_the_lines(
        lines in prop::collection::vec((0..4usize, 0..2usize, any::<bool>(), 0..60u64, 1..15u64), 1..40),
    ) {
        let mut saf = String::new();
        let mut gtf = String::new();
        let mut truth = std::collections::BTreeSet::new();
        for &(gene, contig, plus, start, length) in &lines {
            let (name, strand) = (["chr2", "chr1"][contig], if plus { '+' } else { '-' });
            let (first, last) = (start + 1, start + length);
            saf += &format!("g{gene}\t{name}\t{first}\t{last}\t{strand}\n");
            gtf += &format!("{name}\ts\texon\t{first}\t{last}\t.\t{strand}\t.\tgene_id \"g{gene}\";\n");
            truth.extend((start..start + length).map(|base| (format!("g{gene}"), contig, strand as u8, base)));
        }
        let from_saf = read(&saf).unwrap();
        let from_gtf = read(&gtf).unwrap();
        prop_assert_eq!(shown(&from_saf), shown(&from_gtf));
        let mut found = std::collections::BTreeSet::new();
        for block in &from_saf.blocks {
            let region = &from_saf.list[block.region as usize];
            prop_assert!(region.start <= block.start && block.end <= region.end && block.contig == region.contig);
            for base in block.start..block.end {
                prop_assert!(found.insert((region.name.clone(), block.contig, region.strand, base)), "twice");
            }
        }
        prop_assert_eq!(found, truth);
        prop_assert!(from_saf.list.is_sorted_by_key(|r| (r.contig, r.start, r.end)));
        prop_assert!(from_saf.blocks.is_sorted_by_key(|b| (b.contig, b.start, b.end)));
    }
}

/// Name and TSS of every region, and the anchor of the file.
fn starts(text: &str, options: &AnnotationOptions) -> (Vec<(String, Option<u64>)>, Anchor) {
    let regions = read_with("genes.gtf", text, options).unwrap();
    (regions.list.iter().map(|r| (r.name.clone(), r.tss)).collect(), regions.anchor)
}

fn named(list: &[(&str, u64)]) -> Vec<(String, Option<u64>)> {
    list.iter().map(|(name, tss)| (name.to_string(), Some(*tss))).collect()
}

const GENES: &str = "chr1\tx\tgene\t101\t900\t.\t+\t.\tgene_id \"a\";\n\
    chr1\tx\ttranscript\t151\t800\t.\t+\t.\tgene_id \"a\"; transcript_id \"a2\"; tag \"basic\"; tag \"Ensembl_canonical\";\n\
    chr1\tx\texon\t101\t200\t.\t+\t.\tgene_id \"a\"; transcript_id \"a1\";\n\
    chr1\tx\texon\t151\t300\t.\t+\t.\tgene_id \"a\"; transcript_id \"a2\"; tag \"Ensembl_canonical\";\n\
    chr1\tx\tCDS\t171\t300\t.\t+\t.\tgene_id \"a\"; transcript_id \"a2\";\n\
    chr1\tx\tgene\t1001\t1900\t.\t-\t.\tgene_id \"b\";\n\
    chr1\tx\texon\t1001\t1900\t.\t-\t.\tgene_id \"b\"; transcript_id \"b1\";\n\
    chr1\tx\texon\t1101\t1600\t.\t-\t.\tgene_id \"b\"; transcript_id \"b2\"; tag \"MANE Select\";\n\
    chr1\tx\tCDS\t1101\t1500\t.\t-\t.\tgene_id \"b\"; transcript_id \"b2\";\n";

#[test]
fn genes_begin_at_their_five_prime_end_by_strand() {
    let exons = AnnotationOptions::default();
    assert_eq!(starts(GENES, &exons), (named(&[("a", 100), ("b", 1899)]), Anchor::Tss));
    // Regions of coding sequence have the TSS of the gene, not of the region.
    let coding = AnnotationOptions { feature: "CDS".into(), ..AnnotationOptions::default() };
    assert_eq!(starts(GENES, &coding).0, named(&[("a", 100), ("b", 1899)]));
    // Without gene lines it is the end of what there is.
    let without: String = GENES.lines().filter(|l| !l.contains("\tgene\t")).map(|l| format!("{l}\n")).collect();
    assert_eq!(starts(&without, &coding).0, named(&[("a", 170), ("b", 1499)]));
    // A gene without a strand has none, and then the file's anchor is the middle.
    let (got, anchor) = starts(&GENES.replace("\t-\t", "\t.\t"), &exons);
    assert_eq!((got[1].1, anchor), (None, Anchor::Middle));
}

#[test]
fn canonical_transcripts_give_the_start_where_they_are_tagged() {
    let canonical = |feature: &str| AnnotationOptions {
        feature: feature.into(),
        tss: TssSource::Canonical,
        ..AnnotationOptions::default()
    };
    for feature in ["exon", "CDS", "gene", "transcript"] {
        let expected: &[(&str, u64)] = if feature == "transcript" { &[("a", 150)] } else { &[("a", 150), ("b", 1599)] };
        assert_eq!(starts(GENES, &canonical(feature)).0, named(expected), "{feature}");
    }
    let untagged = GENES.replace("Ensembl_canonical", "other");
    let regions = read_with("g.gtf", &untagged, &canonical("exon")).unwrap();
    assert_eq!((regions.list[0].tss, regions.canonical), (Some(100), Some(1)));
    assert!(regions.lines().iter().any(|line| line.contains("TSS of 1 of 2 genes")), "{:?}", regions.lines());
}

#[test]
fn canonical_transcripts_of_gff3_lead_to_their_gene() {
    let text = "##gff-version 3\n\
        chr1\tx\tgene\t101\t900\t.\t-\t.\tID=gene:a;gene_id=a\n\
        chr1\tx\tmRNA\t101\t800\t.\t-\t.\tID=t1;Parent=gene:a;tag=basic,Ensembl_canonical\n\
        chr1\tx\texon\t101\t200\t.\t-\t.\tParent=t1\n\
        chr1\tx\texon\t701\t900\t.\t-\t.\tParent=t2\n\
        chr1\tx\tmRNA\t101\t900\t.\t-\t.\tID=t2;Parent=gene:a\n\
        chr1\tx\tncRNA_gene\t1101\t1200\t.\t+\t.\tID=gene:b\n\
        chr1\tx\tlnc_RNA\t1111\t1200\t.\t+\t.\tID=t3;Parent=gene:b\n\
        chr1\tx\texon\t1121\t1200\t.\t+\t.\tParent=t3\n";
    for (tss, a) in [(TssSource::Gene, 899), (TssSource::Canonical, 799)] {
        for feature in ["exon", "gene"] {
            let options = AnnotationOptions { feature: feature.into(), tss, ..AnnotationOptions::default() };
            let regions = read_with("g.gff3", text, &options).unwrap();
            let of = |name: &str| regions.list.iter().find(|r| r.name == name).and_then(|r| r.tss);
            assert_eq!(of("a"), Some(a), "{tss} {feature}");
            if feature == "exon" {
                assert_eq!(of("gene:b"), Some(1100), "{tss}");
            }
        }
    }
}

#[test]
fn a_tab_within_an_attribute_is_refused() {
    let line = "chr1\tx\texon\t401\t700\t.\t+\t.\tgene_id \"g";
    for (name, rest) in [("x.gtf", "\t1\";"), ("x.gff3", "\t1\";\tmore"), ("x", "\";\tID=1")] {
        let text = format!("#comment\n{line}{rest}\n");
        let message = read_with(name, &text, &AnnotationOptions::default()).unwrap_err().to_string();
        assert!(message.contains("line 2: has 1") && message.contains("nine"), "{message}");
    }
    // An empty column at the end is no name.
    assert_eq!(read_with("x.gtf", &format!("{line}\";\t\n"), &AnnotationOptions::default()).unwrap().list.len(), 1);
}
