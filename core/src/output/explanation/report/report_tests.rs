use super::*;
use crate::explanation::attributions::pairs::MappedPair;
use crate::explanation::attributions::settings::{test_settings, AttributionSettings};
use crate::explanation::attributions::PairAttributions;
use crate::output::explanation::attribution_folder::{AttributionFolder, ExplainedPair, PairOrigin};
use ndarray::Array2;

const WINDOW: usize = 30;

/// A folder of designed pairs with these names and predicted ratios.
fn folder(names: &[(&str, f64)]) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let settings = AttributionSettings {
        haplotypes: ["allele_a", "allele_b"].map(String::from),
        version: Some("1".into()),
        command: Some("explain attributions </script>".into()),
        ..test_settings(names.len(), WINDOW)
    };
    let mut folder = AttributionFolder::create(place.path(), settings, None, &[], false).unwrap();
    for (name, ratio) in names {
        let pair = MappedPair::designed(b"ACGTACGTACGTACGTACGT", b"ACGTACGTACTTACGTACGT", WINDOW).unwrap();
        let contributions = [Array2::from_elem((4, WINDOW), 0.25), Array2::from_elem((4, WINDOW), -0.5)];
        let attributions =
            PairAttributions { contributions, predicted: [1.0, 2.0, *ratio], agreement: None, not_finite: 0 };
        let codes = pair.codes.each_ref().map(|codes| &codes[..]);
        let (maps, variants) = (pair.maps.each_ref(), pair.variants);
        folder
            .add(&ExplainedPair {
                origin: PairOrigin::Designed(name),
                codes,
                maps,
                variants,
                attributions: &attributions,
            })
            .unwrap();
    }
    folder.complete().unwrap().rename().unwrap();
    place
}

/// The page, and the blocks of data by their names.
fn page(folder: &Path, most: usize) -> (String, HashMap<String, serde_json::Value>, ReportSummary) {
    let output = folder.join("report.html");
    let options = ReportOptions { counts: None, most, provenance: None };
    let summary = write_report(&ExplainedFolder::open(folder).unwrap(), &options, &output, &mut || ()).unwrap();
    let text = std::fs::read_to_string(&output).unwrap();
    let mut blocks = HashMap::new();
    for block in text.split("<script type=\"application/json\" id=\"").skip(1) {
        let (id, rest) = block.split_once("\">").unwrap();
        let json = rest.split_once("</script>").unwrap().0;
        blocks.insert(id.to_owned(), serde_json::from_str(json).unwrap());
    }
    (text, blocks, summary)
}

#[test]
fn the_page_holds_the_strongest_regions_with_the_digits_of_the_table() {
    let place = folder(&[("a", 0.125), ("b", -3.5), ("c", f64::NAN), ("d", 1.0 / 3.0)]);
    let (text, blocks, summary) = page(place.path(), 3);
    assert_eq!((summary.regions, summary.all_regions, summary.bytes), (3, 4, text.len() as u64));
    let report = &blocks["report"];
    let of = |key: &str| report["regions"].as_array().unwrap().iter().map(|r| r[key].to_string()).collect::<Vec<_>>();
    assert_eq!(of("number"), ["1", "3", "0"]);
    assert_eq!(of("ratio"), ["\"-3.5\"", "\"0.333333\"", "\"0.125\""]);
    assert_eq!(of("sum2"), ["\"-10\""; 3]);
    assert_eq!(report["settings"]["designed"], true);
    let notes = report["notes"].to_string();
    assert!(notes.contains("3 of 4 are in this page") && notes.contains("1 are left out"), "{notes}");
    assert_eq!(blocks.len(), 4);
    assert_eq!(blocks["region-1"]["alleles"][1], "ACGTACGTACTTACGTACGT");
    assert_eq!(blocks["region-1"]["differences"][0]["place"], "11");
    assert!(!blocks.contains_key("region-2"));
}

#[test]
fn names_and_commands_cannot_end_the_data() {
    let long = "x".repeat(1 << 20);
    let hostile = "</script><img src=x onerror=alert(1)>\u{2028}\"'";
    let place = folder(&[(hostile, 1.0), (&long, 0.5)]);
    let (text, blocks, _) = page(place.path(), 10);
    assert_eq!(blocks["report"]["regions"][0]["name"], hostile);
    assert_eq!(blocks["report"]["files"][0]["command"], "explain attributions </script>");
    // Each block has one end, and the script of the page.
    assert_eq!(text.matches("</script").count(), blocks.len() + 1);
    assert!(!text.contains("<img src=x"));
    assert!(text.len() < 1 << 17, "{}", text.len());
}

#[test]
fn a_damaged_table_leaves_no_page() {
    let place = folder(&[("a", 1.0)]);
    std::fs::write(place.path().join("hits.tsv.gz"), "#chrom\tstart\n").unwrap();
    let output = place.path().join("report.html");
    let options = ReportOptions { counts: None, most: 1, provenance: None };
    let folder = ExplainedFolder::open(place.path()).unwrap();
    let message = write_report(&folder, &options, &output, &mut || ()).unwrap_err().to_string();
    assert!(message.contains("hits.tsv.gz") && message.contains("no column end"), "{message}");
    assert!(!output.exists());
}
