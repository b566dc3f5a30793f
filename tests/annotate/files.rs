//! Files and pipes of `deepallele annotate` against bcftools, and what passes through it.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use deepallele_tests::*;

#[test]
fn the_pipe_of_the_handbook_works() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let mut middle = annotate(&model, "-".as_ref());
    middle.arg("-Ob");
    let mut first = tool("bcftools", ["view", "-Ob"]);
    first.arg(phased());
    let printed = text(&pipeline(&mut [first, middle, tool("bcftools", ["query", "-f", "%POS %DA_LFC\n"])]));
    assert_eq!(printed.lines().count(), 623);
    for line in printed.lines() {
        let (pos, effect) = line.split_once(' ').unwrap();
        assert!(pos.parse::<u64>().is_ok() && effect.parse::<f64>().is_ok(), "{line:?}");
    }
}

/// Every way in and every way out gives the same records.
#[test]
fn files_and_pipes_of_every_kind_agree() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let records = |bytes: &[u8]| -> Vec<u8> { feed(&mut tool("bcftools", ["view", "-H"]), bytes) };
    let reference = records(&good(&mut annotate(&model, &phased())));
    assert_eq!(text(&reference).lines().count(), 623);
    let bcf = folder.path().join("in.bcf");
    let plain = folder.path().join("in.vcf");
    good(tool("bcftools", ["view", "-Ob", "-o"]).arg(&bcf).arg(phased()));
    good(tool("bcftools", ["view", "-Ov", "-o"]).arg(&plain).arg(phased()));
    for input in [&bcf, &plain, &phased()] {
        for kind in ["-Ou", "-Ob", "-Ob9", "-Ov", "-Oz", "-Oz1"] {
            let out = good(annotate(&model, input).arg(kind));
            assert!(reference == records(&out), "{input:?} {kind}");
        }
        let piped = feed(&mut annotate(&model, "-".as_ref()), &fs::read(input).unwrap());
        assert!(reference == records(&piped), "{input:?} through a pipe");
    }
    for (name, magic) in [("o.bcf", &b"\x1f\x8b"[..]), ("o.vcf.gz", b"\x1f\x8b"), ("o.vcf", b"##fileformat")] {
        let out = folder.path().join(name);
        good(annotate(&model, &plain).arg("-o").arg(&out));
        let bytes = fs::read(&out).unwrap();
        assert!(bytes.starts_with(magic), "{name}");
        assert!(reference == records(&bytes), "{name}");
    }
}

#[test]
fn threads_and_header() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let with = |more: &[&str]| good(annotate(&model, &phased()).args(more));
    assert!(with(&["--no-version", "-@", "1"]) == with(&["--no-version", "-@", "4"]));
    let header = text(&with(&[]));
    let line = |start: &str| header.lines().find(|l| l.starts_with(start)).unwrap_or_else(|| panic!("no {start}"));
    assert!(line("##deepallele_annotateVersion=").contains(env!("CARGO_PKG_VERSION")));
    assert!(line("##deepallele_annotateCommand=annotate ").contains("-m "));
    for field in ["DA_LFC", "DA_CLFC"] {
        let line = line(&format!("##INFO=<ID={field},Number=A,Type=Float,"));
        assert!(line.contains("Source=\"deepallele\"") && line.contains("Version=\""), "{line}");
    }
    line("##INFO=<ID=DA_REGION,");
    let bare = text(&with(&["--no-version"]));
    assert!(!bare.contains("deepallele_annotateCommand") && !bare.contains("deepallele_annotateVersion"));
}

#[test]
fn an_index_comes_on_request() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    for (name, option, index) in
        [("a.vcf.gz", "-W=tbi", "a.vcf.gz.tbi"), ("b.vcf.gz", "-W", "b.vcf.gz.csi"), ("c.bcf", "-W", "c.bcf.csi")]
    {
        let out = folder.path().join(name);
        good(annotate(&model, &phased()).arg(option).arg("-o").arg(&out));
        assert!(folder.path().join(index).is_file(), "{:?}", listing(folder.path()));
        let some = good_text(tool("bcftools", ["view", "-H", "-r", "chr22:17398508"]).arg(&out));
        assert_eq!(some.lines().count(), 1);
    }
}

#[test]
fn restricted_by_index_or_by_stream() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let places = |vcf: String| -> Vec<String> {
        let records = vcf.lines().filter(|l| !l.starts_with('#'));
        records.map(|l| l.split('\t').nth(1).unwrap().to_owned()).collect()
    };
    // From the place of one record to the place of another: both ends are inside.
    let place = "chr22:17398508-17699818";
    let expected = places(good_text(tool("bcftools", ["view", "-H", "-r", place]).arg(phased())));
    assert_eq!(expected.len(), 5);
    let bed = put(folder.path(), "r.bed", "chr22\t17398507\t17699818\n");
    let bed = bed.to_str().unwrap();
    for (option, value) in [("-r", place), ("-t", place), ("-R", bed), ("-T", bed)] {
        let out = good_text(annotate(&model, &phased()).args([option, value]));
        assert_eq!(places(out), expected, "{option}");
    }
}

#[test]
fn tracks_and_a_session_that_opens_them() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let name = |name: &str| folder.path().join(name);
    good(
        annotate(&model, &phased())
            .arg("-o")
            .arg(name("effects.vcf.gz"))
            .arg("-W=tbi")
            .arg("--bedgraph")
            .arg(name("effects.bedGraph"))
            .arg("--bigwig")
            .arg(name("effects.bw"))
            .arg("--igv")
            .arg(name("session.xml")),
    );
    let spans = bedgraph(&name("effects.bedGraph"));
    assert_eq!(spans.len(), 623);
    let mut last = 0;
    for (start, end, value) in spans {
        assert!(start >= last && end > start, "{start}-{end}: not sorted or overlapping");
        assert!(value.is_finite(), "{value}");
        last = end;
    }
    assert!(fs::read(name("effects.bw")).unwrap().starts_with(&[0x26, 0xfc, 0x8f, 0x88]));
    let session = fs::read_to_string(name("session.xml")).unwrap();
    for file in ["effects.vcf.gz", "effects.bw"] {
        assert!(session.contains(&format!("path=\"{file}\"")), "{file}, by a relative path, is not in {session}");
    }
}

#[test]
fn the_record_stream_flows_before_its_input_ends() {
    // 20,000 records come in; the reader takes a line and goes away long before the end.
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let header =
        "##fileformat=VCFv4.2\n##contig=<ID=chr22,length=51304566>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    let mut child =
        annotate(&model, "-".as_ref()).arg("--quiet").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut sink = child.stdin.take().unwrap();
    let mut source = child.stdout.take().unwrap();
    let stretch = bases(20_000_000, 20_005_000);
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut line = header.to_owned();
        for (offset, base) in stretch.bytes().enumerate() {
            let other = if base == b'A' { 'C' } else { 'A' };
            line += &format!("chr22\t{}\t.\t{}\t{other}\t.\t.\t.\n", 20_000_001 + offset, base as char);
        }
        sink.write_all(line.as_bytes()).is_ok().then_some(sink)
    });
    // stdin is still open: what arrives now was not held back for the end of the input.
    let mut some = vec![0; 20_000];
    source.read_exact(&mut some).unwrap();
    let seen = text(&some);
    assert!(seen.lines().any(|l| l.starts_with("chr22\t20000001\t")), "{seen}");
    drop(source);
    drop(writer.join().unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
