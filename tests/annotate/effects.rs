//! The numbers of `deepallele annotate` against the same windows given to `predict --pairs`.

use std::fs;
use std::path::Path;

use deepallele_tests::*;

/// `base` replaced by `alt` behind `before` bases, refilled from the right to a whole window centred on `start`.
fn windows(start: u64, reference: &str, alternative: &str) -> (String, String) {
    let left = bases(start - WINDOW / 2, start);
    let right = bases(start + reference.len() as u64, start + 2 * WINDOW);
    let whole = |allele: &str| format!("{left}{allele}{right}")[..WINDOW as usize].to_owned();
    (whole(alternative), whole(reference))
}

/// DA_LFC and DA_CLFC of (alternative, reference) pairs, by their definition from the network's outputs.
fn effects(folder: &Path, model: &Path, pairs: &[(String, String)]) -> Vec<(f64, f64)> {
    let swapped: Vec<(String, String)> = pairs.iter().map(|(a, b)| (b.clone(), a.clone())).collect();
    let forward = raw_predictions(folder, model, pairs);
    let backward = raw_predictions(folder, model, &swapped);
    let ln2 = std::f64::consts::LN_2;
    forward.iter().zip(backward).map(|(f, b)| ((f[2] - b[2]) / 2.0 / ln2, (f[0] - f[1]) / ln2)).collect()
}

/// A few records on the real chromosome: SNVs, a deletion, an insertion, several alternatives, and alternatives
/// that have no sequence.
fn small_vcf() -> String {
    let mut vcf = String::from(
        "##fileformat=VCFv4.2\n##contig=<ID=chr22,length=51304566>\n##ALT=<ID=DEL,Description=\"d\">\n\
         ##INFO=<ID=END,Number=1,Type=Integer,Description=\"e\">\n\
         ##FILTER=<ID=late,Description=\"l\">\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tkid\n",
    );
    let other = |base: &str| if base == "A" { "C" } else { "A" };
    let third = |base: &str| if base == "G" { "T" } else { "G" };
    let mut record = |pos: u64, reference: String, alternative: String, info: &str| {
        vcf += &format!("chr22\t{pos}\tid{pos}\t{reference}\t{alternative}\t9.5\tlate\t{info}\tGT\t0|1\n");
    };
    let at = |pos: u64, length: u64| bases(pos - 1, pos - 1 + length);
    record(17_400_000, at(17_400_000, 1), other(&at(17_400_000, 1)).into(), ".");
    record(17_400_100, at(17_400_100, 4), at(17_400_100, 1), ".");
    record(17_400_200, at(17_400_200, 1), at(17_400_200, 1) + "TTGACA", ".");
    let base = at(17_400_300, 1);
    record(17_400_300, base.clone(), format!("{},{},*", other(&base), third(&base)), ".");
    record(17_400_400, at(17_400_400, 1), "<DEL>".into(), "END=17400500");
    record(17_400_500, at(17_400_500, 1), ".".into(), ".");
    record(17_400_600, at(17_400_600, 1), at(17_400_600, 1) + &"ACGT".repeat(60), ".");
    record(17_400_700, at(17_400_700, 2), other(&at(17_400_700, 1)).to_owned() + &at(17_400_701, 1), ".");
    vcf
}

#[test]
fn effects_are_those_of_the_two_windows() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let out = folder.path().join("out.bcf");
    good(annotate(&model, &phased()).arg("-o").arg(&out));
    let rows = query(&out, "%POS\t%REF\t%ALT\t%DA_LFC\t%DA_CLFC\n");
    assert_eq!(rows.len(), 623);
    let some: Vec<&Vec<String>> = rows.iter().step_by(15).collect();
    let pairs: Vec<(String, String)> =
        some.iter().map(|row| windows(row[0].parse::<u64>().unwrap() - 1, &row[1], &row[2])).collect();
    let mut nonzero = 0;
    for (row, (ratio, counts)) in some.iter().zip(effects(folder.path(), &model, &pairs)) {
        close(row[3].parse().unwrap(), ratio, &format!("DA_LFC of {row:?}"));
        close(row[4].parse().unwrap(), counts, &format!("DA_CLFC of {row:?}"));
        nonzero += usize::from(ratio.abs() > 1e-3 && counts.abs() > 1e-3);
    }
    assert!(nonzero > some.len() / 2, "a network that sees no variant cannot test this");
}

#[test]
fn indels_several_alternatives_and_those_without_a_sequence() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let input = put(folder.path(), "small.vcf", small_vcf());
    let out = folder.path().join("out.vcf");
    let output = run(annotate(&model, &input).arg("-o").arg(&out));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rows = query(&out, "%POS\t%REF\t%ALT\t%DA_LFC\t%DA_CLFC\n");
    assert_eq!(rows.len(), 8);
    let mut compared = 0;
    for row in &rows {
        let start = row[0].parse::<u64>().unwrap() - 1;
        let values = |column: usize| row[column].split(',').collect::<Vec<_>>();
        for (index, alternative) in row[2].split(',').enumerate() {
            let plain = alternative.bytes().all(|b| b"ACGT".contains(&b)) && alternative.len() < WINDOW as usize;
            let value = |column: usize| *values(column).get(index).unwrap_or(&".");
            if !plain {
                assert_eq!((value(3), value(4)), (".", "."), "{row:?}");
                continue;
            }
            let pair = windows(start, &row[1], alternative);
            let expected = effects(folder.path(), &model, &[pair])[0];
            close(value(3).parse().unwrap(), expected.0, &format!("DA_LFC of {row:?}"));
            close(value(4).parse().unwrap(), expected.1, &format!("DA_CLFC of {row:?}"));
            compared += 1;
        }
    }
    assert_eq!(compared, 6);
    // What was left out is said.
    assert!(text(&output.stderr).lines().count() >= 2, "{}", text(&output.stderr));
    // The rest of each record is as it came.
    let body = |file: &Path| {
        good_text(tool("bcftools", ["annotate", "-x", "INFO/DA_LFC,INFO/DA_CLFC,INFO/DA_REGION"]).arg(file))
    };
    let records =
        |text: String| -> Vec<String> { text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect() };
    assert_eq!(records(body(&out)), records(fs::read_to_string(&input).unwrap()));
}

#[test]
fn records_outside_every_region_pass_through_untouched() {
    let folder = scratch();
    let model = imported(folder.path(), "mh");
    let out = good_text(annotate(&model, &phased()).arg("-L").arg(regions()));
    let before = good_text(tool("bcftools", ["view", "-H"]).arg(phased()));
    let after: Vec<&str> = out.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(after.len(), before.lines().count());
    // bedtools-like truth: inside when start <= pos < end for some region.
    let peaks = peaks();
    let (mut inside, mut outside, mut pairs, mut values) = (0, 0, Vec::new(), Vec::new());
    for (before, after) in before.lines().zip(after) {
        let columns: Vec<&str> = before.split('\t').collect();
        let start = columns[1].parse::<u64>().unwrap() - 1;
        let nearest = peaks
            .iter()
            .filter(|peak| (peak.start..peak.end).contains(&start))
            .min_by_key(|peak| peak.summit.abs_diff(start));
        let Some(peak) = nearest else {
            assert_eq!(before, after);
            outside += 1;
            continue;
        };
        inside += 1;
        assert!(after.contains("DA_REGION="), "{after}");
        assert!(after.contains(&peak.name) || after.contains("chr22:"), "{after} should name {}", peak.name);
        let left = peak.summit - WINDOW / 2;
        let mut reference = bases(left, left + WINDOW);
        let field = |name: &str| -> f64 {
            let info = after.split('\t').nth(7).unwrap();
            let value = info.split(';').find_map(|f| f.strip_prefix(&format!("{name}="))).expect(name);
            value.parse().unwrap_or_else(|_| panic!("{name} of {after}"))
        };
        // A window that the variant is not in cannot show it: that record has no effect to compare.
        if (left..left + WINDOW).contains(&start) {
            let at = (start - left) as usize;
            let plain = reference.clone();
            reference.replace_range(at..at + 1, columns[4]);
            pairs.push((reference, plain));
            values.push((field("DA_LFC"), field("DA_CLFC")));
        }
    }
    assert!(inside > 100 && outside > 300, "{inside} inside, {outside} outside");
    assert!(pairs.len() > 10);
    for (value, expected) in values.iter().zip(effects(folder.path(), &model, &pairs)) {
        close(value.0, expected.0, "DA_LFC");
        close(value.1, expected.1, "DA_CLFC");
    }
}
