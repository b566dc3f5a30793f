use super::*;

#[test]
fn the_sample_is_taken_when_there_is_one() {
    assert_eq!(only_sample("@HD\n@RG\tID:a\tSM:x\n@RG\tID:b\tSM:x\n"), Some("x".into()));
    assert_eq!(only_sample("@RG\tID:a\tSM:x\n@RG\tID:b\tSM:y\n"), None);
    assert_eq!(only_sample("@SQ\tSN:1\n"), None);
}

#[test]
fn operations_span_the_reference_as_sam_says() {
    for (operation, spans) in [(0, 5), (1, 0), (2, 5), (3, 5), (4, 0), (5, 0), (6, 0), (7, 5), (8, 5), (9, 0)] {
        assert_eq!(reference_length(5 << 4 | operation), spans);
    }
}

const SAM: &str = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:1000\n@RG\tID:a\tSM:s\n";

fn read(body: &str) -> Result<Vec<(i64, String)>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sam");
    std::fs::write(&path, format!("{SAM}{body}")).unwrap();
    let mut file = Alignments::open(&path, None, 1)?;
    let mut list = Vec::new();
    while let Some(a) = file.next_read()? {
        let bases: Vec<u8> = (0..a.qualities.len()).map(|i| a.base(i)).collect();
        list.push((a.end(), String::from_utf8(bases).unwrap()));
    }
    Ok(list)
}

#[test]
fn records_are_read_and_disorder_is_an_error() {
    let one = |pos: u64| format!("r{pos}\t0\tchr1\t{pos}\t60\t2S3M1D1M\t*\t0\t0\tACGTNT\tIIIIII\n");
    assert_eq!(read(&one(11)).unwrap(), [(15, "ACGTNT".to_string())]);
    let message = read(&(one(11) + &one(10))).unwrap_err().to_string();
    assert!(message.contains("alignment 2 (\"r10\")") && message.contains("samtools sort"), "{message}");
    let message = read("r\t0\tchr1\tx\n").unwrap_err().to_string();
    assert!(message.contains("alignment 1 cannot be read"), "{message}");
}

#[test]
fn other_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bam");
    let message = |path: &Path| Alignments::open(path, None, 1).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(message(&path).contains("a.bam"));
    for text in ["", "hello", "##fileformat=VCFv4.2\n"] {
        std::fs::write(&path, text).unwrap();
        assert!(message(&path).contains("is not a BAM"), "{text:?}: {}", message(&path));
    }
    std::fs::write(&path, "@HD\tVN:1.6\n").unwrap();
    assert!(message(&path).contains("no contigs"), "{}", message(&path));
    assert!(message(folder.path()).contains("folder"));
}

/// A BAM of two contigs with its index: short reads, and now and then one that spans many.
fn indexed(folder: &Path) -> PathBuf {
    use rust_htslib::bam;
    let path = folder.join("indexed.bam");
    let header = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:400000\n@SQ\tSN:chr2\tLN:400000\n@SQ\tSN:chr3\tLN:9\n";
    let view = bam::HeaderView::from_bytes(header.as_bytes());
    let mut writer = bam::Writer::from_path(&path, &bam::Header::from_template(&view), bam::Format::Bam).unwrap();
    for contig in ["chr1", "chr2"] {
        for number in 0..6000u32 {
            let cigar = if number % 500 == 3 { "5M30000N5M" } else { "10M" };
            // The last tenth is empty; bases that do not compress make several blocks.
            let bases: String = (0..10).map(|i| char::from(b"ACGT"[(number as usize * 7 + i * i) % 4])).collect();
            let line = format!("{contig}.{number}\t0\t{contig}\t{}\t60\t{cigar}\t*\t0\t0\t{bases}\t*", 1 + number * 60);
            writer.write(&bam::Record::from_sam(&view, line.as_bytes()).unwrap()).unwrap();
        }
    }
    writer.write(&bam::Record::from_sam(&view, b"unplaced\t4\t*\t0\t0\t*\t*\t0\t0\tACGT\t*").unwrap()).unwrap();
    drop(writer);
    bam::index::build(&path, None, bam::index::Type::Bai, 1).unwrap();
    path
}

#[test]
fn any_number_of_threads_finds_the_same_by_the_index_as_by_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = indexed(folder.path());
    let end = 1 << 60;
    for spans in [
        vec![(0, 100_000, 100_500)],
        vec![(1, 0, end)],
        vec![(0, 0, 1)],
        vec![(0, 399_000, end)],
        vec![(1, 240_000, 300_000)],
        vec![(2, 0, 9)],
        vec![(0, 359_000, end), (1, 0, 500)],
        vec![(0, 10_000, 10_100), (0, 50_000, 90_000), (1, 77, 78)],
    ] {
        let read = |threads: usize, by_index: bool| -> Vec<(usize, i64, i64)> {
            let mut file = Alignments::open(&path, None, threads).unwrap();
            match by_index {
                true => file.restrict_by_index(&Spans::new(spans.clone())).unwrap(),
                false => file.restrict_by_reading(&Spans::new(spans.clone())),
            }
            let mut list = Vec::new();
            while let Some(a) = file.next_read().unwrap() {
                list.push((a.contig as usize, a.position, a.end()));
            }
            list
        };
        let expected = read(1, false);
        let overlaps = |&(contig, start, end): &(usize, i64, i64)| {
            spans.iter().any(|s| s.0 == contig && start < s.2 as i64 && end > s.1 as i64)
        };
        assert!(expected.iter().all(overlaps));
        for threads in [1, 2, 5] {
            assert_eq!(read(threads, true), expected, "{spans:?} by index, {threads} threads");
            assert_eq!(read(threads, false), expected, "{spans:?} by reading, {threads} threads");
        }
    }
}
