use super::*;
use crate::genome::Variants;
use crate::io::fasta::reference::test_reference;
use proptest::prelude::*;

const HEADER: &str = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n##contig=<ID=chr2>\n##contig=<ID=chr3>\n\
    ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
    #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\n";

fn contigs() -> Contigs {
    Contigs::new(vec![("chr1".into(), 1000), ("chr2".into(), 1000), ("chr3".into(), 1000)])
}

struct Files {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn file(body: &str) -> Files {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v.vcf");
    std::fs::write(&path, format!("{HEADER}{body}")).unwrap();
    Files { path, _folder: folder }
}

fn open(files: &Files, reference: Option<Reference>) -> VariantStream {
    let (hap1, hap2) = ("A:1".parse().unwrap(), "A:2".parse().unwrap());
    VariantStream::builder(&files.path, &contigs(), &hap1, &hap2).reference(reference).open().unwrap()
}

fn snv(contig: &str, pos: u64) -> String {
    format!("{contig}\t{pos}\t.\tA\tC\t.\t.\t.\tGT\t0|1\n")
}

/// Starts of the variants of a contig.
fn starts(stream: &mut VariantStream, contig: usize) -> Result<Vec<u64>> {
    stream.enter(contig)?;
    let mut list = Vec::new();
    while let Some(variant) = stream.next()? {
        list.push(variant.start);
    }
    Ok(list)
}

#[test]
fn contigs_come_in_any_order_of_the_file() {
    for order in [["chr1", "chr2", "chr3"], ["chr3", "chr1", "chr2"], ["chr2", "chr3", "chr1"]] {
        // More than one chunk a contig.
        let body: String = order
            .iter()
            .map(|name| (0..3000u64).map(|i| snv(name, 1 + i / 4 + name.as_bytes()[3] as u64)).collect::<String>())
            .collect();
        let mut stream = open(&file(&body), None);
        assert_eq!(stream.next().unwrap(), None);
        for contig in 0..3 {
            let got = starts(&mut stream, contig).unwrap();
            assert_eq!((got.len(), got[0], got[2999]), (3000, contig as u64 + 49, contig as u64 + 49 + 749));
        }
        assert_eq!(stream.n_parked, 0);
        assert!(stream.enter(1).is_err());
        let report = stream.finish().unwrap();
        assert_eq!((report.records, report.used), (9000, 9000));
    }
}

#[test]
fn what_is_passed_by_is_counted() {
    let files = file(&[snv("chr1", 5), snv("chr2", 6), snv("chr2", 7), snv("chr3", 8)].concat());
    let mut stream = open(&files, None);
    stream.enter(0).unwrap();
    assert_eq!(starts(&mut stream, 2).unwrap(), [7]);
    assert_eq!(stream.finish().unwrap().used, 4);
    assert_eq!(stream.report().used, 4);
    assert_eq!(stream.next().unwrap(), None);
    // Nothing asked for at all.
    assert_eq!(open(&files, None).finish().unwrap().used, 4);
    // Dropped half-way.
    open(&files, None).enter(0).unwrap();
}

#[test]
fn records_out_of_order_are_named() {
    for (body, part) in [
        ([snv("chr1", 9), snv("chr1", 8)].concat(), "record 2 (chr1:8) comes after position 9"),
        ([snv("chr1", 1), snv("chr2", 2), snv("chr1", 3)].concat(), "record 3 (chr1:3) comes after another contig"),
        (snv("chr9", 1), "no record on a contig"),
        (snv("chr1", 1001), "past the end of chr1"),
    ] {
        let message = open(&file(&body), None).finish().unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_contig_taken_for_absent_is_never_lost_silently() {
    let mut stream = open(&file(&[snv("chr2", 3), snv("chr1", 4)].concat()), None);
    stream.n_parked = MAX_PARKED;
    stream.growing = Some(1);
    assert_eq!(starts(&mut stream, 0).unwrap(), [0u64; 0]);
    let message = starts(&mut stream, 1).and_then(|_| stream.finish()).unwrap_err().to_string();
    assert!(message.contains("chr1:4 comes after contigs"), "{message}");
}

#[test]
fn ref_is_compared_and_a_wrong_assembly_stops_early() {
    let folder = tempfile::tempdir().unwrap();
    let reference = || Some(test_reference(folder.path(), &[("1", &[b'A'; 1000]), ("2", &[b'C'; 1000])]));
    let body: String = (1..=200).map(|i| snv("chr1", i)).collect::<String>() + &snv("chr2", 3);
    let mut stream = open(&file(&body), reference());
    assert_eq!(starts(&mut stream, 0).unwrap().len(), 200);
    assert_eq!(starts(&mut stream, 1).unwrap(), [0u64; 0]);
    let report = stream.finish().unwrap();
    assert_eq!((report.assembly.checked, report.assembly.mismatched, report.used), (201, 1, 200));
    assert_eq!(report.assembly.examples, ["chr2:3 A (FASTA: C)"]);
    let message = open(&file(&snv("chr2", 3)), reference()).finish().unwrap_err().to_string();
    assert!(message.contains("assembly"), "{message}");
    let message = open(&file(&snv("chr3", 3)), reference()).finish().unwrap_err().to_string();
    assert!(message.contains("no sequence \"chr3\""), "{message}");
}

/// Contig, position, REF, the other alleles, and the numbers of two of them.
type Record = (usize, u64, String, Vec<String>, u32, u32);

/// Records of any kind, sorted: SNVs, indels, padded, overlapping, multi-allelic, missing, unphased.
fn any_body() -> impl Strategy<Value = String> {
    let one =
        (0usize..3, 1u64..120, "[ACGT]{1,8}", prop::collection::vec("[ACGT]{1,8}|\\*|<DEL>", 1..3), 0u32..3, 0u32..3);
    prop::collection::vec((one, prop::bool::weighted(0.9)), 1..80).prop_map(|mut list| {
        list.sort_by_key(|((contig, pos, ..), _)| (*contig, *pos));
        let line = |((contig, pos, reference, others, a, b), phased): (Record, bool)| {
            // Share the first bases with REF now and then, so that the edit begins after POS.
            let padded = others.iter().map(|o| match o.as_bytes()[0] {
                b'G' => format!("{reference}{o}"),
                b'T' => format!("{}{o}", &reference[..reference.len() / 2]),
                _ => o.clone(),
            });
            let (a, b) = (a.min(others.len() as u32), b.min(others.len() as u32));
            let others = padded.collect::<Vec<_>>().join(",");
            let sign = if phased { '|' } else { '/' };
            format!("chr{}\t{pos}\t.\t{reference}\t{others}\t.\t.\t.\tGT\t{a}{sign}{b}\n", contig + 1)
        };
        list.into_iter().map(line).collect()
    })
}

proptest! {
    #[test]
    fn the_stream_equals_the_list_in_memory(body in any_body()) {
        let files = file(&body);
        let (hap1, hap2) = ("A:1".parse().unwrap(), "A:2".parse().unwrap());
        let (variants, report) = Variants::read(&files.path, &contigs(), &hap1, &hap2).unwrap();
        let mut stream = open(&files, None);
        for contig in 0..3 {
            stream.enter(contig).unwrap();
            for expected in variants.of(contig) {
                let got = stream.next().unwrap();
                prop_assert_eq!(got.as_ref(), Some(expected));
            }
            prop_assert_eq!(stream.next().unwrap(), None);
        }
        prop_assert_eq!(stream.finish().unwrap(), report);
    }
}

#[test]
fn contigs_can_be_entered_in_any_order() {
    let names = ["chr1", "chr2", "chr3"];
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0], [2, 1, 0]] {
        // In the file they come as chr1, chr3, chr2.
        let body: String = ["chr1", "chr3", "chr2"]
            .iter()
            .map(|name| (0..2000).map(|i| snv(name, 1 + i / 4)).collect::<String>())
            .collect();
        let files = file(&body);
        let (hap1, hap2) = ("A:1".parse().unwrap(), "A:2".parse().unwrap());
        let mut stream = VariantStream::builder(&files.path, &contigs(), &hap1, &hap2).any_order().open().unwrap();
        for contig in order {
            assert_eq!(starts(&mut stream, contig).unwrap().len(), 2000, "{order:?} {contig}");
        }
        let message = stream.enter(order[0]).unwrap_err().to_string();
        assert!(message.contains(names[order[0]]) && message.contains("bcftools sort"), "{message}");
        assert_eq!((stream.n_parked, stream.finish().unwrap().used), (0, 6000));
    }
}

#[test]
fn with_any_order_no_more_than_a_million_variants_are_kept() {
    let files = file(&[snv("chr1", 5), snv("chr2", 6), snv("chr3", 7)].concat());
    let (hap1, hap2) = ("A:1".parse().unwrap(), "A:2".parse().unwrap());
    let mut stream = VariantStream::builder(&files.path, &contigs(), &hap1, &hap2).any_order().open().unwrap();
    stream.enter(1).unwrap();
    // The next variant that is kept is one too many.
    (stream.n_parked, stream.growing) = (MAX_PARKED, Some(0));
    assert_eq!(stream.next().unwrap().map(|v| v.start), Some(5));
    let message = stream.enter(0).unwrap_err().to_string();
    assert!(message.contains("has chr1 in another place") && message.contains("v.vcf"), "{message}");
    assert_eq!(starts(&mut stream, 2).unwrap(), [6]);
}

#[test]
fn records_past_the_end_of_a_contig_are_counted() {
    let mut body: String = (1..=50).map(|i| snv("chr1", i)).collect();
    body += &snv("chr1", 1001);
    let report = open(&file(&body), None).finish().unwrap();
    assert_eq!((report.used, report.past_end), (50, 1));
    assert!(report.lines().iter().any(|line| line.contains("1 beyond the end of their contig")), "{report:?}");
}
