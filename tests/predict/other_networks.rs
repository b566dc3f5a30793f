//! Networks of other software in `deepallele predict`: counts of each haplotype, and their ratio.

use deepallele_tests::*;

#[test]
fn counts_are_those_of_each_haplotype_and_the_ratio_is_their_difference() {
    let folder = scratch();
    let model = linear_network(folder.path(), "log2");
    for (sample, output) in [("liver", 0), ("brain", 1)] {
        let table = good_text(predict(&model, &regions()).args(["--model-sample", sample]));
        let table = Table::parse(&table);
        assert_eq!(table.rows.len(), 1304);
        let mut compared = 0;
        for peak in peaks() {
            let row = (0..table.rows.len()).find(|&row| table.text(row, "name") == peak.name).unwrap();
            let ratio = (table.number(row, "hap1") / table.number(row, "hap2")).log2();
            assert!((ratio - table.number(row, "log2_ratio")).abs() < 1e-4, "{}", peak.name);
            // Without variants both alleles are the reference.
            if table.number(row, "variants") == 0.0 {
                let half = LINEAR_WINDOW as u64 / 2;
                let value = linear_value(&bases(peak.summit - half, peak.summit + half), output);
                for column in ["hap1", "hap2"] {
                    close(table.number(row, column).log2(), value, &format!("{column} of {}", peak.name));
                }
                compared += 1;
            }
        }
        assert!(compared > 100, "{compared}");
    }
}

#[test]
fn designed_pairs_and_missing_values() {
    let folder = scratch();
    let (one, two) = ("ACGTTGCA".repeat(8), "ACGTTGCC".repeat(8));
    let pairs = put(folder.path(), "pairs.tsv", format!("id\tallele_a\tallele_b\np\t{one}\t{two}\n"));
    let run_with = |scale: &str| {
        let model = linear_network(folder.path(), scale);
        let output = run(deepallele("predict").arg("-m").arg(&model).arg("--pairs").arg(&pairs));
        assert!(output.status.success(), "{}", text(&output.stderr));
        (Table::parse(&text(&output.stdout)), text(&output.stderr))
    };
    let (table, _) = run_with("log2");
    for (column, sequence) in [("hap1", &one), ("hap2", &two)] {
        close(table.number(0, column).log2(), linear_value(sequence, 0), column);
    }
    close(table.number(0, "log2_ratio"), linear_value(&one, 0) - linear_value(&two, 0), "ratio");
    // Activity itself, of which one is negative.
    let values = [linear_value(&one, 0), linear_value(&two, 0)];
    assert!(values.iter().any(|&value| value < 0.0), "{values:?}");
    let (table, said) = run_with("linear");
    assert_eq!(table.text(0, "log2_ratio"), ".");
    assert!(said.contains("1 predictions are not finite numbers"), "{said}");
}
