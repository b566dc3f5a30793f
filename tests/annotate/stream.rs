//! `deepallele annotate` as a part of a pipe of bcftools: the same records whichever way they come and go, fields that
//! bcftools splits, merges, filters and removes, and restrictions that take what `bcftools view` takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

/// First base of the hand-made records, 1-based.
const FIRST: u64 = 17_400_000;

/// Records of every kind on the real chromosome, sorted, with three samples or without any column of theirs.
fn every_kind(samples: bool) -> String {
    let stretch = bases(FIRST - 1, FIRST + 1200);
    let at = |offset: usize, length: usize| stretch[offset..offset + length].to_owned();
    let other = |base: &str| if base.starts_with('A') { "C" } else { "A" };
    let third = |base: &str| if base.starts_with('G') { "T" } else { "G" };
    let mut records = Vec::new();
    let mut record = |offset: usize, reference: String, alternatives: String, filter: &str, info: &str, one: &str| {
        records.push((
            FIRST + offset as u64,
            reference,
            alternatives,
            filter.to_owned(),
            info.to_owned(),
            one.to_owned(),
        ));
    };
    let snv = |offset: usize| (at(offset, 1), other(&at(offset, 1)).to_owned());
    let (a, b) = snv(0);
    record(0, a, b, "late", "AF=0.5;DB", "0|1:3,4");
    record(100, at(100, 4), at(100, 1), "PASS", ".", "1|0:3,4");
    record(200, at(200, 1), at(200, 1) + "TTGACA", "late;q10", ".", "1|1:.");
    let base = at(300, 1);
    let all = format!("{},{},*", other(&base), third(&base));
    record(300, base, all, ".", "AF=0.25,1e-10,.;RS=1,2,3,.", "1|2:1,2,3,4");
    record(400, at(400, 1), "<DEL>".into(), "PASS", "END=17400500", "0|1:.");
    record(450, at(450, 1), ".".into(), "PASS", "DB", "0|0:3");
    record(460, at(460, 1), "*".into(), "PASS", ".", "0|1:.");
    record(500, at(500, 1), at(500, 1) + &"ACGT".repeat(60), "PASS", ".", "0|1:.");
    // An MNV, a record of the same place, and a deletion that overlaps both.
    record(
        600,
        at(600, 3),
        format!("{}{}{}", other(&at(600, 1)), at(601, 1), other(&at(602, 1))),
        "PASS",
        "ODD=a,b%3B c",
        "0|1:3,4",
    );
    let (a, b) = (at(600, 1), third(&at(600, 1)).to_owned());
    record(600, a, b, "PASS", ".", "1|0:3,4");
    record(601, at(601, 3), at(601, 1), "PASS", ".", "0|1:3,4");
    let (a, b) = snv(700);
    record(700, a.to_lowercase(), b.to_lowercase(), "PASS", ".", "0|1:3,4");
    let (a, _) = snv(750);
    record(750, a, "R".into(), "PASS", ".", "0|1:3,4");
    record(800, at(800, 1), format!("{}[chr22:17500000[", at(800, 1)), "PASS", ".", "0|1:3,4");
    let five = at(820, 5);
    record(820, five.clone(), format!("{},{},{five}AC", &five[..1], &five[..2]), "PASS", "AF=.,.,.", "2|3:1,2,3,4");
    record(900, at(900, 1), "<*>".into(), "PASS", ".", "0/0:.");
    let (a, b) = snv(1000);
    record(1000, a, b, "PASS", ".", "0/1:7,8");
    let mut vcf = String::from(
        "##fileformat=VCFv4.2\n##FILTER=<ID=PASS,Description=\"All filters passed\">\n\
         ##contig=<ID=chrOther,length=100>\n##contig=<ID=chr22,length=51304566>\n\
         ##ALT=<ID=DEL,Description=\"Deletion\">\n##FILTER=<ID=late,Description=\"l\">\n\
         ##FILTER=<ID=q10,Description=\"q\">\n##INFO=<ID=END,Number=1,Type=Integer,Description=\"e\">\n\
         ##INFO=<ID=AF,Number=A,Type=Float,Description=\"f\">\n##INFO=<ID=DB,Number=0,Type=Flag,Description=\"d\">\n\
         ##INFO=<ID=ODD,Number=.,Type=String,Description=\"with \\\"quotes\\\", a comma\">\n\
         ##INFO=<ID=RS,Number=R,Type=Integer,Description=\"r\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
         ##FORMAT=<ID=AD,Number=R,Type=Integer,Description=\"a\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    );
    vcf += if samples { "\tFORMAT\tone\ttwo\tthree\n" } else { "\n" };
    for (position, reference, alternatives, filter, info, one) in records {
        let quality = if position % 200 == 0 { "." } else { "9.5" };
        let id = if position % 3 == 0 { ".".to_owned() } else { format!("id{position}") };
        vcf += &format!("chr22\t{position}\t{id}\t{reference}\t{alternatives}\t{quality}\t{filter}\t{info}");
        vcf += &if samples { format!("\tGT:AD\t{one}\t1|0:5,.\t./.:.\n") } else { "\n".to_owned() };
    }
    vcf
}

/// How many records [`every_kind`] makes.
const RECORDS: usize = 17;

/// Annotation by one or several models, without its input.
fn by_models(models: &[PathBuf]) -> Command {
    let mut command = deepallele("annotate");
    command.arg("-f").arg(genome()).arg("--quiet");
    for (number, model) in models.iter().enumerate() {
        command.arg("-m").arg(model);
        if models.len() > 1 {
            command.arg("--tag").arg(format!("m{number}"));
        }
    }
    command
}

/// The records of a VCF or BCF as bcftools prints them, which has nothing to warn of.
fn records(bytes: &[u8]) -> String {
    let folder = scratch();
    let file = put(folder.path(), "x", bytes);
    text(&silently(tool("bcftools", ["view", "-H"]).arg(file)))
}

/// `content` as vcf, vcf.gz, bcf and uncompressed bcf, as bcftools writes them.
fn forms(folder: &Path, name: &str, content: &str) -> Vec<PathBuf> {
    let plain = put(folder, &format!("{name}.vcf"), content);
    let made = [("vcf.gz", "-Oz"), ("bcf", "-Ob"), ("u.bcf", "-Ou")].map(|(suffix, option)| {
        let path = folder.join(format!("{name}.{suffix}"));
        // Through stdout: by the name of a file bcftools would compress what is to be uncompressed.
        let bytes = silently(tool("bcftools", ["view", option]).arg(&plain));
        assert_eq!(bytes.starts_with(b"BCF"), option == "-Ou");
        fs::write(&path, bytes).unwrap();
        path
    });
    std::iter::once(plain).chain(made).collect()
}

/// Every form from a file and through a pipe, in every form of output, with 1, 2, 3 and 8 threads; gives back the
/// records, which are always the same.
fn the_same_every_way(command: &dyn Fn() -> Command, inputs: &[PathBuf]) -> String {
    let mut wanted: Option<String> = None;
    for (i, input) in inputs.iter().enumerate() {
        let bytes = fs::read(input).unwrap();
        for (o, output) in ["-Ov", "-Oz", "-Ob", "-Ou"].into_iter().enumerate() {
            for piped in [false, true] {
                let mut command = command();
                command.args([output, "-@", ["1", "2", "3", "8"][(i + o + usize::from(piped)) % 4]]);
                let out = match piped {
                    true => feed(command.arg("-"), &bytes),
                    false => silently(command.arg(input)),
                };
                let wanted = wanted.get_or_insert_with(|| records(&out));
                assert_eq!(*wanted, records(&out), "{input:?}, piped: {piped}, {output}: {command:?}");
            }
        }
    }
    wanted.expect("an input")
}

/// `tag` of each record, as it stands in INFO; "" where it is not there.
fn field<'a>(records: &'a str, tag: &str) -> Vec<&'a str> {
    let info = |line: &'a str| line.split('\t').nth(7).expect("eight columns");
    let value = |info: &'a str| {
        info.split(';').find_map(|f| f.split_once('=').filter(|(key, _)| *key == tag)).map_or("", |(_, value)| value)
    };
    records.lines().map(info).map(value).collect()
}

#[test]
fn records_of_every_kind_are_the_same_whichever_way_they_go() {
    let folder = scratch();
    let models = [imported(folder.path(), "mh"), imported(folder.path(), "cr")];
    let with = forms(folder.path(), "with", &every_kind(true));
    let without = forms(folder.path(), "without", &every_kind(false));
    let alone = the_same_every_way(&|| by_models(&models[..1]), &with);
    assert_eq!(alone.lines().count(), RECORDS);
    let effects = field(&alone, "DA_LFC");
    assert!(effects[0].parse::<f64>().is_ok(), "{effects:?}");
    assert!(effects[3].ends_with(",.") && effects[3].matches(',').count() == 2, "{effects:?}");
    assert_eq!(effects.iter().filter(|e| e.contains(|c: char| c.is_ascii_digit())).count(), 11, "{alone}");
    // All other columns are those that came.
    let bare = silently(tool("bcftools", ["annotate", "-x", "INFO/DA_LFC,INFO/DA_CLFC,INFO/DA_REGION"]).arg(put(
        folder.path(),
        "alone.vcf",
        good(by_models(&models[..1]).arg(&with[0])),
    )));
    assert_eq!(records(&bare), records(&fs::read(&with[0]).unwrap()));
    // Samples have no part in it.
    let sites = the_same_every_way(&|| by_models(&models[..1]), &without);
    let columns = |text: &str| -> Vec<String> {
        text.lines().map(|l| l.split('\t').take(8).collect::<Vec<_>>().join("\t")).collect()
    };
    assert_eq!(columns(&alone), columns(&sites));
}

#[test]
fn nor_do_regions_haplotypes_and_several_models_depend_on_the_way() {
    let folder = scratch();
    let models = [imported(folder.path(), "mh"), imported(folder.path(), "cr")];
    let inputs = forms(folder.path(), "in", &every_kind(true));
    let bed = put(folder.path(), "r.bed", "chr22\t17400250\t17400350\tfirst\nchr22\t17400590\t17400720\tsecond\n");
    let inside = the_same_every_way(
        &|| {
            let mut command = by_models(&models[..1]);
            command.arg("-L").arg(&bed);
            command
        },
        &inputs,
    );
    let touched: Vec<usize> = (0..RECORDS).filter(|&i| !field(&inside, "DA_LFC")[i].is_empty()).collect();
    assert_eq!(touched, [3, 8, 9, 10, 11]);
    let pair = the_same_every_way(
        &|| {
            let mut command = by_models(&models[..1]);
            command.args(["-s", "one", "-v"]).arg(&inputs[2]).arg("-L").arg(&bed);
            command
        },
        &inputs,
    );
    let effects = field(&pair, "DA_LFC_BG1");
    assert!(effects[8].parse::<f64>().is_ok() && effects[0].is_empty(), "{effects:?}");
    assert!(pair.lines().any(|line| line.contains(";DA_MAIN")), "{pair}");
    let both = the_same_every_way(&|| by_models(&models), &inputs);
    assert!(field(&both, "DA_LFC_m0")[0] != field(&both, "DA_LFC_m1")[0], "{both}");
    assert_eq!(field(&both, "DA_LFC"), [""; RECORDS]);
}

/// A file that has been annotated before, by us and then edited by others, has its fields replaced and declared once.
#[test]
fn what_is_annotated_already_is_replaced() {
    let folder = scratch();
    let models = [imported(folder.path(), "mh"), imported(folder.path(), "cr")];
    let input = put(folder.path(), "in.vcf", every_kind(true));
    let new = |file: &Path| text(&silently(by_models(&models[1..]).arg(file)));
    let wanted = new(&input);
    let first = text(&silently(by_models(&models[..1]).arg(&input)));
    assert!(records(first.as_bytes()) != records(wanted.as_bytes()));
    let first = put(folder.path(), "first.vcf", first);
    let again = new(&first);
    assert_eq!(records(again.as_bytes()), records(wanted.as_bytes()));
    assert_eq!(again.matches("##INFO=<ID=DA_LFC,").count(), 1);
    // Another tool has put a field of its own behind ours: the same records from text and from BCF.
    let tail = put(folder.path(), "tail.tsv", format!("chr22\t{FIRST}\t1\nchr22\t{}\t2\n", FIRST + 300));
    let packed = folder.path().join("tail.tsv.gz");
    fs::write(&packed, feed(&mut tool("bgzip", ["-c"]), &fs::read(&tail).unwrap())).unwrap();
    silently(tool("tabix", ["-s1", "-b2", "-e2"]).arg(&packed));
    let header = put(folder.path(), "tail.hdr", "##INFO=<ID=TAIL,Number=1,Type=Integer,Description=\"t\">\n");
    let mut later = tool("bcftools", ["annotate", "-c", "CHROM,POS,TAIL", "-h"]);
    let later = text(&silently(later.arg(header).arg("-a").arg(packed).arg(first)));
    assert!(later.contains(";TAIL=2"), "{later}");
    let inputs = forms(folder.path(), "later", &later);
    let same = the_same_every_way(&|| by_models(&models[1..]), &inputs);
    assert_eq!(field(&same, "DA_LFC"), field(&records(wanted.as_bytes()), "DA_LFC"));
    assert_eq!(same.matches("TAIL=").count(), 2);
}

/// Values of an earlier run that stay are told.
#[test]
fn what_an_earlier_run_has_left_is_told() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let command = |input: &Path| annotate(&model, input);
    let input = put(folder.path(), "in.vcf", every_kind(true));
    let bed = put(folder.path(), "r.bed", "chr22\t17400250\t17400350\n");
    let first = put(folder.path(), "first.vcf", silently(command(&input).arg("--quiet")));
    let pair = put(folder.path(), "pair.vcf", silently(command(&input).args(["--quiet", "-s", "one"])));
    let warned = |command: &mut Command| -> Option<String> {
        let output = run(command);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr).lines().find(|line| line.contains("warning: ")).map(str::to_owned)
    };
    assert_eq!(warned(&mut command(&input)), None);
    assert_eq!(warned(command(&input).arg("-L").arg(&bed)), None);
    assert_eq!(warned(&mut command(&first)), None);
    assert_eq!(warned(command(&first).args(["-s", "one"])), None);
    let line = warned(command(&first).arg("-L").arg(&bed)).expect("a warning");
    assert!(
        line.contains("first.vcf\" is annotated already") && line.contains("DA_LFC, DA_CLFC, DA_REGION "),
        "{line}"
    );
    let line = warned(&mut command(&pair)).expect("a warning");
    assert!(line.contains("their DA_LFC_BG1, DA_LFC_BG2, DA_PAIR where"), "{line}");
    // They are kept, as it says.
    let after = silently(command(&pair).arg("--quiet"));
    assert!(text(&after).lines().any(|line| line.contains("DA_LFC_BG1=") && line.contains("DA_LFC=")));
}

/// Success, and no warning on stderr, where `norm` counts its lines.
fn without_warning(command: &mut Command) {
    let output = run(command);
    let said = text(&output.stderr).to_lowercase();
    assert!(output.status.success(), "{command:?}: {said}");
    for word in ["[w", "[e", "warn", "error"] {
        assert!(!said.contains(word), "{command:?}: {said}");
    }
}

#[test]
fn fields_are_split_and_joined_with_their_alleles() {
    let folder = scratch();
    let here = folder.path();
    let model = [imported(here, "mh")];
    let input = put(here, "in.vcf", every_kind(true));
    let whole = here.join("whole.bcf");
    silently(by_models(&model).arg("-o").arg(&whole).arg(&input));
    let apart = here.join("apart.bcf");
    without_warning(tool("bcftools", ["norm", "-m-", "-Ob", "-o"]).arg(&apart).arg(&whole));
    let fields = "%POS\t%REF\t%ALT\t%DA_LFC\t%DA_CLFC\t%DA_REGION\n";
    // Each allele with its values.
    let expanded = |file: &Path| -> Vec<Vec<String>> {
        let mut alleles = Vec::new();
        for row in query(file, fields) {
            for (number, alternative) in row[2].split(',').enumerate() {
                let of =
                    |column: usize| row[column].split(',').nth(number).expect("a value for each allele").to_owned();
                alleles.push(vec![row[0].clone(), alternative.to_owned(), of(3), of(4), row[5].clone()]);
            }
        }
        alleles.sort();
        alleles
    };
    let wanted = expanded(&whole);
    assert!(wanted.iter().any(|row| row[1] == "*" && row[2] == ".") && wanted.len() == RECORDS + 4, "{wanted:?}");
    assert_eq!(expanded(&apart), wanted);
    let split = query(&apart, fields);
    assert!(split.iter().all(|row| !row[2].contains(',')), "{split:?}");
    // What is annotated after the split is what was split after annotation.
    let bare = here.join("bare.bcf");
    without_warning(tool("bcftools", ["norm", "-m-", "-Ob", "-o"]).arg(&bare).arg(&input));
    let later = here.join("later.bcf");
    silently(by_models(&model).arg("-o").arg(&later).arg(&bare));
    // (Alleles of one record that change different places share the region of the strongest.)
    let later = query(&later, fields);
    let beginning = |rows: &[Vec<String>]| -> Vec<Vec<String>> { rows.iter().map(|row| row[..5].to_vec()).collect() };
    assert_eq!(beginning(&later), beginning(&split));
    for (one, other) in later.iter().zip(&split) {
        assert!(later.iter().any(|row| row[0] == one[0] && row[5] == other[5]), "{one:?} {other:?}");
    }
    // And back.
    let joined = here.join("joined.bcf");
    without_warning(tool("bcftools", ["norm", "-m+both", "-Ob", "-o"]).arg(&joined).arg(&apart));
    assert!(query(&joined, fields).iter().filter(|row| row[3].contains(',')).count() == 2);
    assert_eq!(expanded(&joined), wanted);
}

#[test]
fn fields_survive_a_merge_and_are_there_to_choose_by() {
    let folder = scratch();
    let here = folder.path();
    let model = [imported(here, "mh")];
    let annotated = here.join("a.bcf");
    silently(by_models(&model).args(["-W", "-o"]).arg(&annotated).arg(phased()));
    let fields = "%POS\t%ALT\t%DA_LFC\t%DA_CLFC\t%DA_REGION\n";
    // Another sample with every second record, and one more.
    let lines = good_text(tool("bcftools", ["view"]).arg(phased()));
    let mut number = 0;
    let mut other = String::new();
    for line in lines.lines() {
        number += usize::from(!line.starts_with('#'));
        if line.starts_with('#') || number % 2 == 0 {
            other += &(line.replace("NA12878", "somebody") + "\n");
        }
    }
    let other = vcf_gz(here, "other.vcf.gz", &other);
    let merged = here.join("merged.bcf");
    silently(tool("bcftools", ["merge", "-Ob", "-o"]).arg(&merged).arg(&annotated).arg(other));
    assert_eq!(query(&merged, fields), query(&annotated, fields));
    assert_eq!(text(&silently(tool("bcftools", ["query", "-l"]).arg(&merged))), "NA12878\nsomebody\n");
    // Filters.
    let rows = query(&annotated, fields);
    let effect = |row: &Vec<String>| row[2].parse::<f64>().unwrap();
    let mut chosen = 0;
    for threshold in [-0.02, 0.0, 0.05, 1.0] {
        let wanted: Vec<String> = rows.iter().filter(|r| effect(r) > threshold).map(|r| r[0].clone()).collect();
        let view = tool("bcftools", ["view", "-H", "-i", &format!("INFO/DA_LFC>{threshold}")]).arg(&annotated).output();
        let view = text(&view.unwrap().stdout);
        let found: Vec<&str> = view.lines().map(|line| line.split('\t').nth(1).unwrap()).collect();
        assert_eq!(found, wanted, "{threshold}");
        chosen += usize::from(!wanted.is_empty() && wanted.len() < rows.len());
    }
    assert!(chosen >= 2, "thresholds that take all or nothing cannot test this");
    // A field goes as any other does, with its line in the header.
    let gone = text(&silently(tool("bcftools", ["annotate", "-x", "INFO/DA_LFC"]).arg(&annotated)));
    assert!(!gone.contains("DA_LFC=") && !gone.contains("ID=DA_LFC,") && gone.contains("DA_CLFC="));
}

#[test]
fn restrictions_take_the_records_that_bcftools_takes() {
    let folder = scratch();
    let here = folder.path();
    let model = [imported(here, "mh")];
    let vcf = vcf_gz(here, "in.vcf.gz", &every_kind(true));
    let bcf = here.join("in.bcf");
    silently(tool("bcftools", ["view", "-Ob", "-o"]).arg(&bcf).arg(&vcf));
    silently(tool("bcftools", ["index"]).arg(&bcf));
    let bed = put(here, "r.bed", "chr22\t17400101\t17400102\nchr22\t17400450\t17400601\nchr22\t17400599\t17400600\n");
    let packed = put(here, "r.bed.gz", feed(&mut tool("bgzip", ["-c"]), &fs::read(&bed).unwrap()));
    let places = put(here, "r.tsv", "chr22\t17400102\nchr22\t17400450\n");
    let stretches = put(here, "s.tsv", "chr22\t17400102\t17400102\nchr22\t17400450\t17400500\n");
    let name = |path: &Path| path.to_str().unwrap().to_owned();
    let places_only = |bytes: &[u8]| -> Vec<String> {
        let of = |line: &str| line.split('\t').take(5).collect::<Vec<_>>().join(" ");
        text(bytes).lines().filter(|l| !l.starts_with('#')).map(of).collect()
    };
    let mut counts = Vec::new();
    for place in [
        // All of a contig, one base of a deletion, the middle of <DEL>, ends, places that overlap, one without records.
        "chr22".to_owned(),
        "chr22:17400102".to_owned(),
        "chr22:17400490-17400495".to_owned(),
        "chr22:17400600-".to_owned(),
        "chr22:17400600-17400601,chr22:17400601-17400700,chr22:17400000".to_owned(),
        "chrOther".to_owned(),
        "chrOther:5-6,chr22:17400600".to_owned(),
    ]
    .into_iter()
    .map(|place| ("-r -t", place))
    .chain([&bed, &packed, &places, &stretches].map(|file| ("-R -T", name(file))))
    {
        let (options, place) = place;
        for option in options.split(' ') {
            for input in [&vcf, &bcf] {
                let wanted = places_only(&silently(tool("bcftools", ["view", "-H", option, &place]).arg(input)));
                let found = places_only(&silently(by_models(&model).args([option, &place]).arg(input)));
                assert_eq!(found, wanted, "{option} {place} of {input:?}");
                counts.push(wanted.len());
            }
        }
    }
    assert!(counts.contains(&0) && counts.contains(&1) && counts.contains(&RECORDS), "{counts:?}");
}

#[test]
fn indexes_are_those_that_bcftools_and_tabix_read() {
    let folder = scratch();
    let here = folder.path();
    let model = [imported(here, "mh")];
    let input = put(here, "in.vcf", every_kind(true));
    for (file, option) in [("a.vcf.gz", "-W=tbi"), ("b.vcf.gz", "-W=csi"), ("c.vcf.gz", "-W"), ("d.bcf", "-W")] {
        let out = here.join(file);
        silently(by_models(&model).args([option, "-o"]).arg(&out).arg(&input));
        let counted = text(&silently(tool("bcftools", ["index", "-s"]).arg(&out)));
        assert_eq!(counted, format!("chr22\t51304566\t{RECORDS}\n"), "{file} {option}");
        if file.ends_with(".gz") {
            assert_eq!(text(&silently(tool("tabix", ["-l"]).arg(&out))), "chr22\n");
            let one = text(&silently(&mut tool("tabix", [out.to_str().unwrap(), "chr22:17400490-17400495"])));
            assert_eq!(one.lines().count(), 1, "{one}");
            assert!(one.contains("<DEL>"), "{one}");
        }
    }
}
