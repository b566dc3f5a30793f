//! Whole-genome reads of one individual have no allelic imbalance: the counts of both alleles must be even, and
//! the p-values uniform. Unphased heterozygous calls, reference against alternative.

use deepallele_tests::*;

/// Per-variant counts of the whole-genome reads with further options.
fn table(more: &[&str]) -> Table {
    let folder = scratch();
    let out = folder.path().join("variants.tsv");
    good(
        deepallele("count")
            .arg(data("na12878_wgs.chr20.cram"))
            .arg("-f")
            .arg(data("chr20.b37.fa.gz"))
            .arg("-v")
            .arg(data("NA12878.chr20.unphased.vcf.gz"))
            .args(["-s", "NA12878", "--quiet", "--per-variant"])
            .arg(&out)
            .args(more),
    );
    Table::read(&out)
}

/// Rows with at least ten fragments on either allele together: "covered".
fn covered(table: &Table, keep: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..table.rows.len()).filter(|&r| table.number(r, "hap1") + table.number(r, "hap2") >= 10.0 && keep(r)).collect()
}

fn is_snv(table: &Table, row: usize) -> bool {
    table.text(row, "ref").len() == 1 && table.text(row, "alt").len() == 1
}

fn mean_fraction(table: &Table, rows: &[usize]) -> f64 {
    let one = |&r: &usize| table.number(r, "hap1") / (table.number(r, "hap1") + table.number(r, "hap2"));
    rows.iter().map(one).sum::<f64>() / rows.len() as f64
}

/// p-value of the test of Kolmogorov and Smirnov that these are uniform (asymptotic, as in Numerical Recipes).
fn uniform(mut p: Vec<f64>) -> f64 {
    p.sort_by(f64::total_cmp);
    let n = p.len() as f64;
    let distance = |(i, x): (usize, &f64)| ((i + 1) as f64 / n - x).max(x - i as f64 / n);
    let d = p.iter().enumerate().map(distance).fold(0.0, f64::max);
    let x = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * d;
    let sum: f64 = (1..101).map(|k| (-1f64).powi(k - 1) * (-2.0 * f64::from(k * k) * x * x).exp()).sum();
    (2.0 * sum).clamp(0.0, 1.0)
}

fn p_values(table: &Table, rows: &[usize]) -> Vec<f64> {
    rows.iter().map(|&r| table.number(r, "p_value")).collect()
}

#[test]
fn alleles_are_even_and_p_is_uniform() {
    let table = table(&[]);
    let all = covered(&table, |_| true);
    let snvs = covered(&table, |r| is_snv(&table, r));
    assert!(all.len() > 320 && snvs.len() > 260, "{} and {} covered", all.len(), snvs.len());
    for (what, rows) in [("all", &all), ("SNVs", &snvs)] {
        let mean = mean_fraction(&table, rows);
        assert!((mean - 0.5).abs() <= 0.01, "{what}: mean reference fraction {mean}");
        let ks = uniform(p_values(&table, rows));
        assert!(ks > 0.05, "{what}: uniformity of p has a p-value of {ks}");
        println!("{what}: {} records, mean reference fraction {mean:.4}, Kolmogorov-Smirnov p {ks:.3}", rows.len());
    }
    // Nothing is called. (The smallest q are those of changes of length of long tandem repeats, where sequencing
    // itself adds and drops copies.)
    let least = |rows: &[usize]| rows.iter().map(|&r| table.number(r, "q_value")).fold(1.0, f64::min);
    assert!(least(&all) > 0.05 && least(&snvs) > 0.1, "a call in null data: {} {}", least(&all), least(&snvs));
}

#[test]
fn the_binomial_test_fits_the_snvs_as_well() {
    let table = table(&["--dispersion", "0"]);
    let snvs = covered(&table, |r| is_snv(&table, r));
    let ks = uniform(p_values(&table, &snvs));
    assert!(ks > 0.05, "{ks}");
    // A dispersion that is not there makes p too large: the test of the test.
    let wide = self::table(&["--dispersion", "0.1"]);
    assert!(uniform(p_values(&wide, &covered(&wide, |r| is_snv(&wide, r)))) < 1e-6);
}
