use std::io::Read;

use proptest::prelude::*;

use super::*;

/// A file of the repository's test data.
fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../test-data").join(name)
}

/// The bytes of a file, decompressed.
fn unpacked(path: &Path) -> Vec<u8> {
    content(path, 1 << 30).unwrap()
}

/// A `.bai` of one contig: its bins with their chunks, and its linear index.
fn bai(bins: &[(u32, &[(u64, u64)])], offsets: &[u64]) -> Vec<u8> {
    let mut bytes = b"BAI\x01".to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend((bins.len() as u32).to_le_bytes());
    for (bin, chunks) in bins {
        bytes.extend(bin.to_le_bytes());
        bytes.extend((chunks.len() as u32).to_le_bytes());
        chunks.iter().for_each(|(from, to)| bytes.extend([from.to_le_bytes(), to.to_le_bytes()].concat()));
    }
    bytes.extend((offsets.len() as u32).to_le_bytes());
    offsets.iter().for_each(|offset| bytes.extend(offset.to_le_bytes()));
    bytes.extend(7u64.to_le_bytes());
    bytes
}

/// A `.tbi` with these names, of contigs without records.
fn tbi(preset: u32, names: &[u8], contigs: u32) -> Vec<u8> {
    let mut bytes = b"TBI\x01".to_vec();
    for number in [contigs, preset, 1, 2, 0, u32::from(b'#'), 0, names.len() as u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend_from_slice(names);
    bytes.extend(vec![0; 8 * contigs as usize]);
    bytes
}

fn of_bam(bytes: &[u8]) -> Result<i64, String> {
    binning::check(bytes, binning::Of::Bam { contigs: 1 }, 1000)
}

#[test]
fn indexes_of_samtools_bcftools_and_tabix_are_sound() {
    let reach = CheckedIndex::of_bam(&data("ctcf_chip.chr22.bam"), 93).unwrap().reach();
    assert_eq!(reach, 1 << 29);
    CheckedIndex::of_cram(&data("na12878_wgs.chr20.cram"), 100).unwrap();
    CheckedIndex::of_vcf(&data("NA12878.chr22.phased.vcf.gz"), false).unwrap();
    CheckedIndex::of_vcf(&data("NA12878.chr20.unphased.vcf.gz"), false).unwrap();
    CheckedIndex::of_fasta(&data("chr22.hg19.fa.gz")).unwrap();
    CheckedIndex::of_blocks(&data("chr22.hg19.fa.gz")).unwrap();
    assert!(matches!(CheckedIndex::of_vcf(&data("nothing.vcf.gz"), false), Err(NoIndex::Missing)));
}

#[test]
fn what_is_wrong_with_a_bai_is_named() {
    let good = bai(&[(0, &[(1 << 16, 5 << 16)]), (37450, &[(0, u64::MAX), (10, 0)])], &[0, 0, 1 << 16, 2 << 16]);
    assert_eq!(of_bam(&good), Ok(1 << 29));
    assert_eq!(of_bam(&good[..good.len() - 8]), Ok(1 << 29), "as old programs write it");
    let complaint = |bytes: &[u8]| of_bam(bytes).unwrap_err();
    for (bytes, part) in [
        (b"BAI\x01".to_vec(), "ends early"),
        (good[..good.len() - 12].to_vec(), "ends early"),
        ([&good[..], &[0]].concat(), "9 bytes follow"),
        (b"BAM\x01\0\0\0\0".to_vec(), "not a BAI or CSI index"),
        (tbi(2, b"c\0", 1), "not a BAI or CSI index"),
        // Without end in htslib.
        (bai(&[(u32::MAX, &[])], &[]), "there is no bin 4294967295"),
        (bai(&[(37449, &[])], &[]), "there is no bin 37449"),
        (bai(&[(5, &[]), (5, &[])], &[]), "bin 5 is there twice"),
        // Read outside of its memory in htslib.
        (bai(&[(37450, &[(0, 0)])], &[]), "summary has 1 entries"),
        (bai(&[(5, &[(9, 8)])], &[]), "chunks of bin 5 are not in order"),
        (bai(&[(5, &[(9, 9), (3, 4)])], &[]), "chunks of bin 5 are not in order"),
        (bai(&[(5, &[(9, 1001 << 16)])], &[]), "past the end of the file"),
        (bai(&[(5, &[])], &[1001 << 16]), "past the end of the file"),
        (bai(&[(5, &[])], &[0, u64::MAX]), "past the end of the file"),
        (bai(&[(5, &[])], &[500, 0, 400]), "offset 3 of its linear index"),
    ] {
        assert!(complaint(&bytes).contains(part), "{part}: {}", complaint(&bytes));
    }
    // Freed without having been set, in htslib.
    let mut negative = bai(&[(5, &[])], &[]);
    negative[16..20].copy_from_slice(&(-1i32).to_le_bytes());
    assert!(complaint(&negative).contains("ends early"));
    // As many contigs as four bytes can count.
    assert!(complaint(b"BAI\x01\xff\xff\xff\xff").contains("more than the file"));
}

#[test]
fn what_is_wrong_with_a_tbi_or_csi_is_named() {
    let of_vcf = |bytes: &[u8]| binning::check(bytes, binning::Of::Vcf, 1000);
    assert_eq!(of_vcf(&tbi(2, b"chr1\0chr2\0", 2)), Ok(1 << 29));
    assert_eq!(of_vcf(&tbi(2, b"", 0)), Ok(1 << 29));
    for (bytes, part) in [
        (tbi(2, b"chr1\0chr2\0", 3), "names 2 contigs and has 3"),
        (tbi(2, b"chr1\0chr2", 2), "do not end"),
        (tbi(2, b"chr1\0chr1\0", 2), "contig 2 has no name, or that of another contig"),
        (tbi(2, b"chr1\0\0", 2), "contig 2 has no name, or that of another contig"),
        (tbi(1, b"chr1\0", 1), "not made for a VCF"),
        (tbi(0x10000, b"chr1\0", 1), "not made for a VCF"),
        (bai(&[], &[]), "not a TBI or CSI index"),
    ] {
        let complaint = of_vcf(&bytes).unwrap_err();
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
    let csi = |smallest: u32, depth: u32| {
        let numbers = [smallest, depth, 0, 1, 1, 0, 0, 0, 0];
        [b"CSI\x01".to_vec(), numbers.iter().flat_map(|n| n.to_le_bytes()).collect()].concat()
    };
    let of_bcf = |bytes: &[u8]| binning::check(bytes, binning::Of::Bcf, 1000);
    assert_eq!(of_bcf(&csi(14, 5)), Ok(1 << 29));
    assert_eq!(of_bcf(&csi(12, 6)), Ok(1 << 30));
    assert_eq!(of_bcf(&csi(20, 0)), Ok(1 << 20));
    for (smallest, depth) in [(14, 10), (0, 5), (50, 9), (u32::MAX, 1), (14, u32::MAX), (14, 0x5555_5555)] {
        assert!(of_bcf(&csi(smallest, depth)).unwrap_err().contains("are impossible"));
    }
}

#[test]
fn what_is_wrong_with_a_gzi_is_named() {
    let gzi = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    assert_eq!(gzi::check(&gzi(&[0])), Ok(()));
    assert_eq!(gzi::check(&gzi(&[2, 100, 65280, 200, 65280])), Ok(()));
    for (bytes, part) in [
        (vec![0; 7], "less than eight bytes"),
        // Written outside of its memory in htslib.
        (gzi(&[u64::MAX]), "blocks that it announces"),
        (gzi(&[0xffff_ffff]), "blocks that it announces"),
        (gzi(&[1]), "blocks that it announces"),
        (gzi(&[1, 100, 100, 5]), "blocks that it announces"),
        (gzi(&[2, 100, 65280, 100, 65281]), "block 3 does not follow"),
        (gzi(&[1, 100, 1 << 20]), "block 2 does not follow"),
        (gzi(&[1, 1 << 20, 100]), "block 2 does not follow"),
        (gzi(&[2, 100, 60000, 200, 50000]), "block 3 does not follow"),
    ] {
        let complaint = gzi::check(&bytes).unwrap_err();
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
}

#[test]
fn what_is_wrong_with_a_fai_is_named() {
    for good in ["", "a\t10\t3\t60\t61\n", "a\t0\t3\t0\t0\nb\t7\t9\t7\t8", "a 10 3 60 61\r\n", "a\t9\t3\t9\t10\t20\n"] {
        assert_eq!(fai::check(good.as_bytes()), Ok(()), "{good:?}");
    }
    let long = "x".repeat(9000);
    for (text, part) in [
        ("a\t10\n", "line 1: has no length, offset"),
        ("a\t10\t3\t60\t61\nb\t-1\t3\t60\t61\n", "line 2: has no length, offset"),
        ("\t10\t3\t60\t61\n", "line 1: does not begin with the name"),
        ("a\t10\t3\t0\t61\n", "line 1: has numbers that no sequence has"),
        ("a\t10\t3\t60\t59\n", "line 1: has numbers that no sequence has"),
        ("a\t9223372036854775807\t3\t60\t61\n", "line 1: has numbers that no sequence has"),
        ("a\t10\t9223372036854775807\t60\t61\n", "line 1: has numbers that no sequence has"),
        ("a\t10\t3\t4294967295\t4294967295\n", "line 1: has numbers that no sequence has"),
        (&long, "line 1: is longer than 8000 bytes"),
        ("a\0\t1\t2\t3\t4\n", "line 1: has a zero byte"),
    ] {
        let complaint = fai::check(text.as_bytes()).unwrap_err();
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
}

#[test]
fn what_is_wrong_with_a_crai_is_named() {
    let check = |text: &str| crai::check(text.as_bytes(), 3, 10_000);
    for good in ["", "0\t1\t100\t26\t200\t300\n0\t50\t40\t600\t10\t10\n2\t7\t0\t900\t1\t1\n-1\t0\t1\t950\t1\t1\n"] {
        assert_eq!(check(good), Ok(()), "{good:?}");
    }
    // Slices of one amplicon.
    assert_eq!(check(&"0\t5\t90\t26\t2\t3\n".repeat(5000)), Ok(()));
    for (text, part) in [
        ("0\t1\t100\t26\t200\n", "line 1: does not have six whole numbers"),
        ("0\t1\t100\t26\t200\tx\n", "line 1: does not have six whole numbers"),
        ("0\t1\t100\t26\t200\t99999999999999999999\n", "line 1: does not have six whole numbers"),
        ("3\t1\t100\t26\t2\t3\n", "line 1: is of a contig that the file does not have"),
        ("-2\t1\t100\t26\t2\t3\n", "line 1: is of a contig that the file does not have"),
        ("0\t1\t2147483647\t26\t2\t3\n", "line 1: has positions"),
        ("0\t2147483647\t100\t26\t2\t3\n", "line 1: has positions"),
        ("0\t1\t-5\t26\t2\t3\n", "line 1: has positions"),
        ("0\t1\t100\t26\t9000\t3000\n", "line 1: points past the end"),
        ("0\t1\t100\t9223372036854775807\t9\t3\n", "line 1: points past the end"),
        ("0\t1\t100\t0\t9\t3\n", "line 1: points past the end"),
        ("0\t1\t1\t26\t1\t1\n1\t1\t1\t26\t1\t1\n0\t1\t1\t26\t1\t1\n", "line 3: is of a contig that other contigs"),
    ] {
        let complaint = check(text).unwrap_err();
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
    assert!(check(&"0\t5\t90\t26\t2\t3\n".repeat(20_000)).unwrap_err().contains("too many intervals around"));
}

#[test]
fn the_name_for_htslib_holds_the_bytes() {
    let name = |bytes: &[u8]| CheckedIndex { bytes: bytes.to_vec(), reach: 0 }.name().into_string().unwrap();
    for (bytes, encoded) in
        [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xff\xfe\xfd\0", "//79AA==")]
    {
        assert_eq!(name(bytes), format!("data:;base64,{encoded}"));
    }
    assert_eq!(flate2::read::GzDecoder::new(&NOTHING[..]).read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn a_compressed_index_is_not_unpacked_without_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.vcf.gz");
    std::fs::write(&file, "small").unwrap();
    let out = std::fs::File::create(folder.path().join("x.vcf.gz.tbi")).unwrap();
    let mut out = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    (0..80).for_each(|_| io::Write::write_all(&mut out, &zeros).unwrap());
    out.finish().unwrap();
    let complaint = CheckedIndex::of_vcf(&file, false).unwrap_err().to_string();
    assert!(complaint.contains("x.vcf.gz.tbi\" is damaged: it has more than"), "{complaint}");
}

#[test]
fn the_file_that_htslib_would_take_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert_eq!(found(&at("x.bam"), &["csi", "bai"]), None);
    for name in ["x.bai", "x.bam.bai", "x.csi", "x.bam.csi"] {
        std::fs::write(at(name), "").unwrap();
        assert_eq!(found(&at("x.bam"), &["csi", "bai"]), Some(at(name)));
    }
}

proptest! {
    /// Any damage is either found or harmless; nothing panics.
    #[test]
    fn damage_of_real_indexes(at in 0.0..1.0f64, bytes in proptest::collection::vec(any::<u8>(), 1..9), cut: bool) {
        let place = |n: usize| (at * n as f64) as usize;
        let changed = |mut index: Vec<u8>| {
            let begin = place(index.len());
            if cut {
                index.truncate(begin);
            } else {
                let end = (begin + bytes.len()).min(index.len());
                index[begin..end].copy_from_slice(&bytes[..end - begin]);
            }
            index
        };
        let tbi = changed(unpacked(&data("NA12878.chr22.phased.vcf.gz.tbi")));
        let _ = binning::check(&tbi, binning::Of::Vcf, 3785);
        let bai = changed(unpacked(&data("ctcf_chip.chr22.bam.bai")));
        let outcome = binning::check(&bai, binning::Of::Bam { contigs: 93 }, 9_490_466);
        // What is cut off is noticed, unless it is the last number, which old indexes lack.
        prop_assert!(!cut || outcome.is_err() || bai.len() + 8 >= 52064);
        let _ = crai::check(&changed(unpacked(&data("na12878_wgs.chr20.cram.crai"))), 100, 4_767_513);
        let gzi = changed(unpacked(&data("chr22.hg19.fa.gz.gzi")));
        prop_assert!(!cut || gzi::check(&gzi).is_err());
        let _ = fai::check(&changed(unpacked(&data("chr22.hg19.fa.gz.fai"))));
    }
}
