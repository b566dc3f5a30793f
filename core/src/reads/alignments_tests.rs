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
fn what_is_no_alignment_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bam");
    let message = |path: &Path| Alignments::open(path, None, 1).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(message(&path).contains("a.bam"));
    for text in ["", "hello", "##fileformat=VCFv4.2\n"] {
        std::fs::write(&path, text).unwrap();
        assert!(message(&path).contains("is no BAM"), "{text:?}: {}", message(&path));
    }
    std::fs::write(&path, "@HD\tVN:1.6\n").unwrap();
    assert!(message(&path).contains("no contigs"), "{}", message(&path));
    assert!(message(folder.path()).contains("folder"));
}
