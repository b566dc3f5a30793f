//! `deepallele annotate -s`: effects in the two haplotypes against windows built by `bcftools consensus`, and the
//! figures of whole regions against `predict`.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use deepallele_tests::*;

const FIELDS: &str = "%POS\t%REF\t%ALT\t%DA_LFC\t%DA_LFC_BG1\t%DA_LFC_BG2\t%DA_CLFC\t%DA_PAIR\t%DA_REGION\t[%GT]\n";

/// Annotation in the two haplotypes, without its input.
fn in_haplotypes(model: &Path) -> Command {
    let mut command = deepallele("annotate");
    command.arg("-m").arg(model).arg("-f").arg(genome()).args(["-s", "NA12878"]);
    command
}

/// The real variants with five samples: the person, and the person with either allele of the records `at` put into
/// either haplotype.
fn with_alleles_exchanged(at: &[u64]) -> String {
    let whole = good_text(tool("bcftools", ["view"]).arg(phased()));
    let mut out = String::new();
    for line in whole.lines() {
        let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
        if line.starts_with("#CHROM") {
            columns.extend(["h1alt", "h1ref", "h2alt", "h2ref"].map(String::from));
        } else if !line.starts_with('#') {
            let call = columns[9].clone();
            let (one, two) = call[..3].split_once('|').unwrap();
            let chosen = at.contains(&columns[1].parse().unwrap());
            let put = |first: &str, second: &str| {
                let (first, second) = if chosen { (first, second) } else { (one, two) };
                format!("{first}|{second}")
            };
            let changed = [put("1", two), put("0", two), put(one, "1"), put(one, "0")];
            columns[8] = "GT".into();
            columns[9] = format!("{one}|{two}");
            columns.extend(changed);
        }
        out += &(columns.join("\t") + "\n");
    }
    out
}

#[test]
fn both_backgrounds_are_those_of_bcftools_consensus() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let annotated = good(in_haplotypes(&model).arg(phased()));
    let all = query_bytes(&annotated, FIELDS);
    assert_eq!(all.len(), 623);
    // Windows without an indel, whose consensus has the window's length, and that do not reach into each other.
    let position = |row: &Vec<String>| row[0].parse::<u64>().unwrap();
    let snv = |row: &&Vec<String>| row[1].len() == 1 && row[2].len() == 1;
    let indels: Vec<u64> = all.iter().filter(|row| !snv(row)).map(position).collect();
    let mut chosen: Vec<&Vec<String>> = Vec::new();
    for row in all.iter().filter(snv).filter(|row| indels.iter().all(|i| i.abs_diff(position(row)) > 2 * WINDOW)) {
        if chosen.last().is_none_or(|last| position(row) - position(last) > 2 * WINDOW) {
            chosen.push(row);
        }
    }
    // Those with a neighbour in their window first: there the background is not the reference.
    let neighbours = |row: &Vec<String>| {
        all.iter().filter(|other| (1..WINDOW / 2).contains(&position(other).abs_diff(position(row)))).count()
    };
    chosen.sort_by_key(|row| std::cmp::Reverse(neighbours(row)));
    chosen.truncate(16);
    assert!(neighbours(chosen[7]) > 0, "too few windows with two variants");
    let at: Vec<u64> = chosen.iter().map(|row| position(row)).collect();
    let vcf = vcf_gz(folder.path(), "five.vcf.gz", &with_alleles_exchanged(&at));
    let window = |row: &Vec<String>, sample: &str, haplotype: &str| -> String {
        let start = position(row) - 1 - WINDOW / 2;
        let place = format!("chr22:{}-{}", start + 1, start + WINDOW);
        let reference = good(tool("samtools", ["faidx"]).arg(genome()).arg(place));
        let mut consensus = tool("bcftools", ["consensus", "-s", sample, "-H", haplotype]);
        let fasta = text(&feed(consensus.arg(&vcf), &reference));
        fasta.lines().skip(1).collect::<String>().to_uppercase()
    };
    let mut pairs = Vec::new();
    for row in &chosen {
        let (one, two) = (window(row, "NA12878", "1"), window(row, "NA12878", "2"));
        pairs.push((one.clone(), two.clone()));
        pairs.push((window(row, "h1alt", "1"), two.clone()));
        pairs.push((window(row, "h1ref", "1"), two));
        pairs.push((one.clone(), window(row, "h2alt", "2")));
        pairs.push((one, window(row, "h2ref", "2")));
    }
    let predictions = raw_predictions(folder.path(), &model, &pairs);
    for (row, [whole, alt1, ref1, alt2, ref2]) in
        chosen.iter().zip(predictions.chunks_exact(5).map(|p| [p[0], p[1], p[2], p[3], p[4]]))
    {
        let log2 = |x: f64| x / std::f64::consts::LN_2;
        let (one, two) = (log2(alt1[2] - ref1[2]), log2(ref2[2] - alt2[2]));
        let counts = log2((alt1[0] - ref1[0] + alt2[1] - ref2[1]) / 2.0);
        let values = [(one + two) / 2.0, one, two, counts, log2(whole[2])];
        for (k, wanted) in values.into_iter().enumerate() {
            close(row[3 + k].parse().unwrap(), wanted, &format!("column {k} of {row:?}"));
        }
        assert!(one != two, "a network for which the background makes no difference cannot test this");
    }
}

#[test]
fn regions_have_the_ratio_that_predict_gives_and_one_main_variant() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let predicted = Table::parse(&good_text(&mut predict(&model, &regions())));
    let ratio_of: HashMap<String, f64> = (0..predicted.rows.len())
        .map(|i| {
            let name = format!("chr22:{}-{}", predicted.number(i, "start") + 1.0, predicted.text(i, "end"));
            (name, predicted.number(i, "log2_ratio"))
        })
        .collect();
    let out = good(in_haplotypes(&model).arg("-L").arg(regions()).arg(phased()));
    let all = query_bytes(&out, "%DA_REGION\t%DA_PAIR\t%DA_EPI\t%DA_MAIN\t%DA_LFC\t[%GT]\n");
    let mut by_region: HashMap<&str, Vec<&Vec<String>>> = HashMap::new();
    for row in all.iter().filter(|row| row[0] != ".") {
        by_region.entry(&row[0]).or_default().push(row);
    }
    assert!(by_region.len() > 100, "{}", by_region.len());
    let mut several = 0;
    for (region, rows) in by_region {
        let number = |row: &Vec<String>, k: usize| row[k].parse::<f64>().unwrap();
        let (pair, unexplained) = (number(rows[0], 1), number(rows[0], 2));
        close(pair, ratio_of[region], region);
        // Records in which the haplotypes differ, with the sign that ALT has in the ratio.
        let signed = rows.iter().filter(|row| row[4] != ".").filter_map(|row| match row[5].as_str() {
            "1|0" => Some((row, number(row, 4))),
            "0|1" => Some((row, -number(row, 4))),
            _ => None,
        });
        let signed: Vec<_> = signed.collect();
        // Records in the window and outside the region have a part in it too, but are not those of the region.
        if signed.len() == rows.len() && rows.iter().filter(|row| row[3] == "1").count() == 1 {
            let main = signed.iter().find(|(row, _)| row[3] == "1").unwrap().1.abs();
            assert!(signed.iter().all(|(_, v)| v.abs() <= main + 1e-6), "{region}: {rows:?}");
            if signed.len() > 1 {
                several += 1;
            }
        }
        let sum: f64 = signed.iter().map(|(_, v)| v).sum();
        if signed.len() == 1 && rows.len() == 1 && rows[0][3] == "1" {
            close(unexplained, pair - sum, region);
        }
        assert!(rows.iter().filter(|row| row[3] == "1").count() <= 1, "{region}");
    }
    assert!(several > 1, "{several} regions with several variants");
    // The fields are there for bcftools to choose by.
    let view = feed(&mut tool("bcftools", ["view", "-H", "-i", "DA_MAIN=1 && abs(DA_EPI)<10", "-"]), &out);
    assert!(text(&view).lines().all(|line| line.contains(";DA_MAIN")) && !view.is_empty());
}

#[test]
fn files_pipes_and_threads_agree() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let bcf = folder.path().join("in.bcf");
    good(tool("bcftools", ["view", "-Ob", "-o"]).arg(&bcf).arg(phased()));
    let plain = good(tool("bcftools", ["view"]).arg(phased()));
    let fields = "%POS\t%DA_LFC\t%DA_LFC_BG1\t%DA_LFC_BG2\t%DA_CLFC\t%DA_PAIR\t%DA_EPI\t%DA_MAIN\t%DA_REGION\n";
    let of = |command: &mut Command| query_bytes(&good(command.arg("-L").arg(regions())), fields);
    let wanted = of(in_haplotypes(&model).args(["-@", "1"]).arg(phased()));
    assert!(wanted.iter().any(|row| row[7] == "1"));
    assert_eq!(of(in_haplotypes(&model).args(["-@", "3"]).arg(&bcf)), wanted);
    assert_eq!(of(in_haplotypes(&model).args(["-Ob"]).arg("-v").arg(&bcf).arg(phased())), wanted);
    let piped = feed(in_haplotypes(&model).arg("-L").arg(regions()).arg("-v").arg(phased()).args(["-Ou", "-"]), &plain);
    assert_eq!(query_bytes(&piped, fields), wanted);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let said = misused(in_haplotypes(&model).arg("-"));
    assert!(said.contains("-v VCF"), "{said}");
    let mut same = deepallele("annotate");
    same.arg("-m").arg(&model).arg("-f").arg(genome()).args(["--hap1", "ref", "--hap2", "ref"]).arg(phased());
    misused(&mut same);
    let mut nobody = deepallele("annotate");
    nobody.arg("-m").arg(&model).arg("-f").arg(genome()).args(["-s", "nobody", "-o"]);
    refused_in(folder.path(), nobody.arg(folder.path().join("x.vcf")).arg(phased()), &["nobody"]);
    // The records of the stream go back by more than what is kept.
    let whole = good_text(tool("bcftools", ["view"]).arg(phased()));
    let (header, records): (Vec<&str>, Vec<&str>) = whole.lines().partition(|line| line.starts_with('#'));
    let turned: Vec<&str> = header.into_iter().chain(records.into_iter().rev()).collect();
    let turned = put(folder.path(), "turned.vcf", turned.join("\n") + "\n");
    refused_in(
        folder.path(),
        in_haplotypes(&model).arg("-v").arg(phased()).arg("-o").arg(folder.path().join("x.vcf")).arg(&turned),
        &["turned.vcf", "bcftools sort"],
    );
}

#[test]
fn several_models_have_their_own_fields() {
    let folder = scratch();
    let models = ["mh", "cr"].map(|network| imported(folder.path(), network));
    let fields = |tag: &str| format!("%DA_LFC{tag}\t%DA_LFC_BG1{tag}\t%DA_PAIR{tag}\t%DA_MAIN{tag}\t%DA_REGION{tag}\n");
    let mut both = deepallele("annotate");
    both.arg("-f").arg(genome()).args(["-s", "NA12878", "--tag", "many", "--tag", "one", "-L"]).arg(regions());
    let together = good(both.arg("-m").arg(&models[0]).arg("-m").arg(&models[1]).arg(phased()));
    let mut differ = 0;
    for (model, tag) in models.iter().zip(["_many", "_one"]) {
        let alone = good(in_haplotypes(model).arg("-L").arg(regions()).arg(phased()));
        let alone = query_bytes(&alone, &fields(""));
        assert_eq!(query_bytes(&together, &fields(tag)), alone);
        differ += usize::from(alone == query_bytes(&together, &fields("_many")));
    }
    assert_eq!(differ, 1, "two models that say the same cannot test this");
    let mut untagged = deepallele("annotate");
    let said = misused(untagged.arg("-m").arg(&models[0]).arg("-m").arg(&models[1]).arg("-f").arg(genome()));
    assert!(said.contains("--tag"), "{said}");
}

/// Regions of the index may be given in any order: both files are read in that of their contigs.
#[test]
fn regions_of_the_index_come_in_the_order_of_the_contigs() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let [one, two] = [17_400_000, 18_400_000].map(|at| bases(at, at + 3000));
    let genome = fasta(here, "g.fa", &[("c1", &one), ("c2", &two)]);
    let mut vcf = String::from(
        "##fileformat=VCFv4.2\n##contig=<ID=c1,length=3000>\n##contig=<ID=c2,length=3000>\n\
         ##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n",
    );
    for (contig, sequence) in [("c1", &one), ("c2", &two)] {
        for at in (500..2500).step_by(40) {
            let reference = &sequence[at..at + 1];
            let other = if reference == "A" { "C" } else { "A" };
            vcf += &format!("{contig}\t{}\t.\t{reference}\t{other}\t.\t.\t.\tGT\t0|1\n", at + 1);
        }
    }
    let variants = vcf_gz(here, "v.vcf.gz", &vcf);
    let with = |region: &str| {
        let mut command = deepallele("annotate");
        command.arg("-m").arg(&model).arg("-f").arg(&genome).args(["-s", "kid", "--no-version", "-r", region]);
        good_text(command.arg(&variants))
    };
    let sorted = with("c1:600-900,c2:1000-1500");
    assert_eq!(sorted.lines().filter(|line| line.contains("DA_PAIR=")).count(), 19, "{sorted}");
    assert_eq!(with("c2:1000-1500,c1:600-900"), sorted);
    // The windows at the edges see variants beside them: as in the whole file.
    let mut all = deepallele("annotate");
    all.arg("-m").arg(&model).arg("-f").arg(&genome).args(["-s", "kid", "--no-version"]).arg(&variants);
    let all = good_text(&mut all);
    assert!(sorted.lines().all(|line| all.lines().any(|other| other == line)), "{sorted}");
}
