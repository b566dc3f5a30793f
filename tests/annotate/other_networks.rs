//! Networks of other software in `deepallele annotate`: an ONNX file and its description in TOML.

use std::fs;

use deepallele_tests::*;

const WINDOW: usize = LINEAR_WINDOW;

fn close(got: &str, expected: f64, what: &str) {
    let got: f64 = got.parse().unwrap_or_else(|_| panic!("{what}: {got}"));
    assert!((got - expected).abs() < 1e-4, "{what}: {got} and not {expected}");
}

#[test]
fn effects_are_differences_of_the_described_output() {
    let folder = scratch();
    let model = linear_network(folder.path(), "ln");
    for (sample, output) in [("liver", 0), ("brain", 1)] {
        let out = good(annotate(&model, &phased()).args(["--model-sample", sample]));
        let header = text(&out);
        assert!(header.contains("##INFO=<ID=DA_LFC,Number=A") && !header.contains("ID=DA_CLFC"), "{header}");
        let rows = query_bytes(&out, "%POS\t%REF\t%ALT\t%DA_LFC\n");
        assert_eq!(rows.len(), 623);
        for row in rows.iter().step_by(20) {
            let start = row[0].parse::<u64>().unwrap() - 1;
            let before = bases(start - WINDOW as u64 / 2, start);
            let behind = bases(start + row[1].len() as u64, start + 2 * WINDOW as u64);
            let window = |allele: &str| format!("{before}{allele}{behind}")[..WINDOW].to_owned();
            let expected = linear_value(&window(&row[2]), output) - linear_value(&window(&row[1]), output);
            close(&row[3], expected / std::f64::consts::LN_2, &format!("{row:?}"));
        }
    }
}

/// In two haplotypes, in regions, beside a network of this suite, with any number of threads.
#[test]
fn it_goes_where_other_models_go() {
    let folder = scratch();
    let model = linear_network(folder.path(), "log2");
    let with = |more: &[&str]| good(annotate(&model, &phased()).args(more).arg("-L").arg(regions()));
    let alone =
        query_bytes(&with(&["-s", "NA12878"]), "%POS\t%DA_LFC\t%DA_LFC_BG1\t%DA_LFC_BG2\t%DA_EPI\t%DA_REGION\n");
    let mut annotated = 0;
    for row in alone.iter().filter(|row| row[1] != "." && row[5] != ".") {
        // A sum over places has the same effect in both backgrounds, and sums of effects leave nothing.
        close(&row[2], row[1].parse().unwrap(), "background 1");
        close(&row[3], row[1].parse().unwrap(), "background 2");
        annotated += 1;
    }
    assert!(annotated > 10, "{annotated}");
    assert!(with(&["--no-version", "-@", "1"]) == with(&["--no-version", "-@", "3"]));

    let ours = imported(folder.path(), "mh");
    let mut both = annotate(&ours, &phased());
    both.args(["--tag", "ours", "--tag", "theirs"]).arg("-m").arg(&model).arg("-L").arg(regions());
    let both = good(&mut both);
    let fields = "%POS\t%DA_LFC\t%DA_REGION\n";
    assert_eq!(query_bytes(&both, "%POS\t%DA_LFC_theirs\t%DA_REGION_theirs\n"), query_bytes(&with(&[]), fields));
    let one = good(annotate(&ours, &phased()).arg("-L").arg(regions()));
    assert_eq!(query_bytes(&both, "%POS\t%DA_LFC_ours\t%DA_REGION_ours\n"), query_bytes(&one, fields));
}

#[test]
fn what_has_no_logarithm_has_no_effect() {
    let folder = scratch();
    let model = linear_network(folder.path(), "linear");
    let output = run(&mut annotate(&model, &phased()));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let missing = query_bytes(&output.stdout, "%DA_LFC\n").iter().filter(|row| row[0] == ".").count();
    assert!(missing > 50, "{missing}");
    let said = text(&output.stderr);
    assert!(said.contains(&format!("left without an effect: {missing} predictions that are no number")), "{said}");
}

#[test]
fn a_wrong_description_is_named() {
    let folder = scratch();
    let model = linear_network(folder.path(), "ln");
    let description = fs::read_to_string(&model).unwrap();
    for (from, to, words) in [
        ("window = 64", "window = 65", &["linear.onnx", "(N, 65, 4)"][..]),
        ("at = [1]", "at = [2]", &["linear.toml", "[[output]] 2"]),
        ("linear.onnx", "other.onnx", &["other.onnx", "No such file"]),
        ("scale", "scales", &["linear.toml", "line 7", "scales"]),
    ] {
        let wrong = put(folder.path(), "linear.toml", description.replace(from, to));
        refused(&mut annotate(&wrong, &phased()), words);
    }
    put(folder.path(), "linear.toml", &description);
    refused(annotate(&model, &phased()).args(["--model-sample", "heart"]), &["linear.toml", "heart", "liver, brain"]);
    // Two kinds of windows are no ensemble.
    let ours = imported(folder.path(), "mh");
    let mut mixed = annotate(&ours, &phased());
    refused(mixed.arg("-m").arg(&model).arg("--ensemble"), &["linear.toml", "64 bases", "110"]);
    // A model of this suite reads two sequences.
    let text = "window = 110\nlayout = \"N4L\"\nmodel = \"mh.onnx\"\n[[output]]\nscale = \"ln\"\n";
    let wrong = put(folder.path(), "mh.toml", text);
    refused(&mut annotate(&wrong, &phased()), &["mh.onnx", "2 inputs"]);
}

/// DA_LFC of all records by the network in `folder`, whose description has `more` keys.
fn effects(folder: &std::path::Path, network: &LinearNetwork, more: &str) -> Vec<Vec<String>> {
    network.write(&folder.join("linear.onnx"));
    let text = format!("window = {WINDOW}\nmodel = \"linear.onnx\"\n{more}");
    let model = put(folder, "linear.toml", text);
    query_bytes(&good(&mut annotate(&model, &phased())), "%POS\t%DA_LFC\n")
}

const LIVER: &str = "[[output]]\ntensor = \"y\"\nat = [0]\nscale = \"log2\"\n";

#[test]
fn one_network_has_the_same_effects_behind_every_interface() {
    let folder = scratch();
    let plain = effects(folder.path(), &LinearNetwork::default(), &format!("layout = \"NL4\"\n{LIVER}"));
    assert!(plain.iter().filter(|row| row[1] != ".").count() > 600);
    let control = "[[constant]]\ninput = \"control\"\nvalue = 0\n";
    for (axes, types, layout, constant) in [
        (vec![4, WINDOW], [FLOAT, FLOAT], "N4L", ""),
        (vec![4, 1, WINDOW], [FLOAT, FLOAT], "N4L", ""),
        (vec![4, WINDOW, 1], [FLOAT, FLOAT], "N4L", control),
        (vec![WINDOW, 1, 4], [INT8, DOUBLE], "NL4", ""),
        (vec![WINDOW, 4], [DOUBLE, FLOAT], "NL4", control),
    ] {
        let network =
            LinearNetwork { axes: axes.clone(), types, control: !constant.is_empty(), ..LinearNetwork::default() };
        let found = effects(folder.path(), &network, &format!("layout = \"{layout}\"\n{constant}{LIVER}"));
        assert_eq!(found, plain, "{axes:?} {types:?}");
    }
}

#[test]
fn what_would_be_wrong_is_refused() {
    let folder = scratch();
    let refusal = |network: LinearNetwork, more: &str, words: &[&str]| {
        network.write(&folder.path().join("linear.onnx"));
        let text = format!("window = {WINDOW}\nlayout = \"NL4\"\nmodel = \"linear.onnx\"\n{more}");
        refused(&mut annotate(&put(folder.path(), "linear.toml", text), &phased()), words);
    };
    let plain = LinearNetwork::default;
    // Places or tracks of one strand, without the key that says so.
    let bins = || LinearNetwork { bins: true, ..plain() };
    let part = "strands = \"both\"\n[[output]]\ntensor = \"bins\"\nat = [0, 0]\nscale = \"log2\"\n";
    refusal(bins(), part, &["linear.toml", "[[output]] 1", "axis = 1", "strand_pair"]);
    refusal(bins(), &format!("{part}axis = 0"), &["N is axis 0"]);
    // Windows that influence each other.
    refusal(
        LinearNetwork { centred: true, ..plain() },
        LIVER,
        &["linear.onnx", "other sequences of the batch", "eval()"],
    );
    // A second input without a value.
    let control = || LinearNetwork { control: true, ..plain() };
    refusal(control(), &format!("input = \"x\"\n{LIVER}"), &["linear.onnx", "control float32 (?, 1)", "[[constant]]"]);
    refusal(LinearNetwork { types: [INT8, 7], ..plain() }, LIVER, &["y int64 (?, 2)", "float32, float16 or float64"]);
}

#[test]
fn both_strands_are_read_at_the_same_place() {
    let folder = scratch();
    let network = LinearNetwork { bins: true, ..LinearNetwork::default() };
    let output = "[[output]]\ntensor = \"bins\"\nat = [0, 0]\naxis = 1\nscale = \"log2\"\n";
    let rows = effects(folder.path(), &network, &format!("layout = \"NL4\"\nstrands = \"both\"\n{output}"));
    let alleles = query(&phased(), "%POS\t%REF\t%ALT\n");
    for (row, allele) in rows.iter().zip(&alleles).step_by(25) {
        let start = allele[0].parse::<u64>().unwrap() - 1;
        let value = |base: &str| {
            let window = bases(start - WINDOW as u64 / 2, start) + base + &bases(start + 1, start + WINDOW as u64 / 2);
            let complement = |base| "TGCAN".chars().nth("ACGTN".find(base).unwrap()).unwrap();
            let reverse: String = window.chars().rev().map(complement).collect();
            // Place 0 of 2 is place 1 on the other strand.
            (linear_value(&window, 0) + linear_value(&reverse, 1)) / 2.0
        };
        assert_eq!((&row[0], allele[1].len(), allele[2].len()), (&allele[0], 1, 1));
        close(&row[1], value(&allele[2]) - value(&allele[1]), &format!("{row:?}"));
    }
}

#[test]
fn outputs_with_names_have_their_own_fields() {
    let folder = scratch();
    let network = LinearNetwork { bins: true, ..LinearNetwork::default() };
    network.write(&folder.path().join("linear.onnx"));
    let output = |name: &str, at: usize| {
        format!("[[output]]\nname = \"{name}\"\ntensor = \"y\"\nat = [{at}]\nscale = \"log2\"\n")
    };
    let profile = "[output.profile]\ntensor = \"bins\"\n";
    let text = format!("window = {WINDOW}\nlayout = \"NL4\"\n{}{}{profile}", output("liver", 0), output("brain", 1));
    let model = put(folder.path(), "linear.toml", text);
    let all = good(annotate(&model, &phased()).arg("-L").arg(regions()));
    let header = text_of_header(&all);
    for field in ["DA_LFC_liver", "DA_LFC_brain", "DA_JSD_brain", "DA_REGION_liver"] {
        assert!(header.contains(&format!("ID={field},")), "{header}");
    }
    assert!(!header.contains("DA_JSD_liver") && !header.contains("ID=DA_LFC,"), "{header}");
    for (name, jsd) in [("liver", ""), ("brain", "\t%DA_JSD")] {
        let one = good(annotate(&model, &phased()).arg("-L").arg(regions()).args(["--model-sample", name]));
        let fields = format!("%POS\t%DA_LFC\t%DA_REGION{jsd}\n");
        let tagged = fields.replace("\t%DA_LFC", &format!("\t%DA_LFC_{name}"));
        let tagged = tagged.replace("DA_REGION", &format!("DA_REGION_{name}")).replace("JSD", &format!("JSD_{name}"));
        assert_eq!(query_bytes(&all, &tagged), query_bytes(&one, &fields), "{name}");
    }
    // The profile of two places: softmax of both outputs.
    let alone = good(annotate(&model, &phased()).args(["--tag", "x"]));
    let rows = query_bytes(&alone, "%POS\t%REF\t%ALT\t%DA_LFC_x_liver\t%DA_JSD_x_brain\n");
    for row in rows.iter().step_by(25) {
        let start = row[0].parse::<u64>().unwrap() - 1;
        let share = |base: &str| {
            let window = bases(start - WINDOW as u64 / 2, start) + base + &bases(start + 1, start + WINDOW as u64 / 2);
            1.0 / (1.0 + (linear_value(&window, 1) - linear_value(&window, 0)).exp())
        };
        let entropy = |p: f64| -[p, 1.0 - p].map(|p| if p > 0.0 { p * p.log2() } else { 0.0 }).iter().sum::<f64>();
        let (with, without) = (share(&row[2]), share(&row[1]));
        let divergence = entropy((with + without) / 2.0) - (entropy(with) + entropy(without)) / 2.0;
        let found: f64 = row[4].parse().unwrap();
        assert!((found.powi(2) - divergence).abs() < 1e-5, "{row:?} {divergence}");
    }
    let said = misused(annotate(&model, &phased()).arg("--bedgraph").arg(folder.path().join("t.bedGraph")));
    assert!(said.contains("--model-sample"), "{said}");
    let wrong = put(folder.path(), "linear.toml", fs::read_to_string(&model).unwrap().replace("\"liver\"", "\"SD\""));
    refused(&mut annotate(&wrong, &phased()), &["SD", "DA_LFC_SD"]);
}

fn text_of_header(vcf: &[u8]) -> String {
    text(vcf).lines().take_while(|line| line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// The effect of a linear network does not depend on the sequence around, so that all null effects are equal to it.
#[test]
fn effects_are_ranked_among_null_effects() {
    let folder = scratch();
    let model = linear_network(folder.path(), "log2");
    let with = |more: &[&str]| good(annotate(&model, &phased()).args(["--no-version", "--null", "9"]).args(more));
    let out = with(&[]);
    let rows = query_bytes(&out, "%POS\t%REF\t%ALT\t%DA_LFC\t%DA_Q\t%DA_P\n");
    let snvs: Vec<_> = rows.iter().filter(|row| row[1].len() == 1 && row[2].len() == 1).collect();
    assert!(snvs.len() > 500);
    for row in snvs {
        // Equal but for rounding: about half are below, and not fewer than none are as large.
        let (quantile, p): (f64, f64) = (row[4].parse().unwrap(), row[5].parse().unwrap());
        assert!((0.0..=1.0).contains(&quantile) && (0.1..=1.0).contains(&p), "{row:?}");
    }
    // The same for any number of threads, and for a record whatever else is in the file; another with another seed.
    assert!(out == with(&["-@", "3"]));
    let ours = imported(folder.path(), "mh");
    let fields = "%POS\t%DA_LFC\t%DA_Q\t%DA_P\n";
    let ranked = |more: &[&str]| {
        let mut command = annotate(&ours, &phased());
        query_bytes(&good(command.args(["--null", "9"]).args(more)), fields)
    };
    let all = ranked(&["-t", "chr22:30000000-31000000"]);
    let few = ranked(&["-t", "chr22:30500000-31000000"]);
    assert!(!few.is_empty() && all.len() > few.len());
    assert_eq!(all[all.len() - few.len()..], few[..]);
    assert_ne!(all, ranked(&["-t", "chr22:30000000-31000000", "--seed", "2"]));
    let of_rank = |row: &Vec<String>| (row[2].parse::<f64>().unwrap() * 18.0, row[3].parse::<f64>().unwrap() * 10.0);
    for row in all.iter().filter(|row| row[2] != ".") {
        let (quantile, p) = of_rank(row);
        assert!((quantile - quantile.round()).abs() < 1e-4 && (p - p.round()).abs() < 1e-4, "{row:?}");
        assert!(p.round() >= 1.0, "{row:?}");
    }
}
