//! Annotated VCFs in igv-reports: the page that docs/tracks.md makes, opened in a browser without a window, shows the
//! records with their effects. igv-reports comes from `scripts/setup.sh test`, the browser is Chromium.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use deepallele_tests::*;

/// What docs/tracks.md says behind the name of the FASTA.
const COLUMNS: &str = "--info-columns DA_LFC DA_CLFC DA_REGION --flanking 2000 --window 500";
const FIELDS: &str = "%CHROM\t%POS\t%REF\t%ALT\t%DA_LFC\t%DA_CLFC\t%DA_REGION\n";

struct Programs {
    browser: &'static str,
    /// Where igv-reports and igv.js lie.
    folder: PathBuf,
}

fn starts(program: &str) -> bool {
    let status = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// `None` where one is missing, which is said even where cargo keeps back what tests print.
fn programs() -> Option<Programs> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/fetch_igv_reports.py");
    let folder = PathBuf::from(good_text(tool("python3", [script]).arg("--where")).trim());
    let browser = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| starts(name));
    let missing = match (browser, folder.is_dir()) {
        (Some(browser), true) => return Some(Programs { browser, folder }),
        (None, _) => "Chromium is not installed".to_owned(),
        (_, false) => format!("{folder:?} is not there"),
    };
    let said =
        format!("\nNOT RUN: pages of igv-reports are not tested, {missing}; scripts/setup.sh test brings both\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    None
}

impl Programs {
    /// A report of `variants` with `tracks`, its igv.js within, so that it opens without a network.
    fn report(&self, variants: &Path, tracks: &[&Path]) -> PathBuf {
        let folder = variants.parent().unwrap();
        let template = fs::read_to_string(self.folder.join("igv_reports/templates/variant_template.html")).unwrap();
        let from = template.find("src=\"https://").expect("a page that loads igv.js") + 5;
        let to = from + template[from..].find('"').unwrap();
        assert!(template[from..to].ends_with("/igv.min.js"), "{}", &template[from..to]);
        let local = format!("file://{}", self.folder.join("igv.min.js").display());
        let template = put(folder, "offline.html", format!("{}{local}{}", &template[..from], &template[to..]));
        let page = folder.join("report.html");
        let mut create = Command::new(self.folder.join("bin/create_report"));
        create.env("PYTHONPATH", &self.folder).stdin(Stdio::null());
        create.arg(variants).arg("--fasta").arg(genome()).args(COLUMNS.split(' '));
        create.arg("--tracks").args(tracks).arg("--output").arg(&page);
        good(create.arg("--standalone").arg("--template").arg(template));
        let written = fs::read_to_string(&page).unwrap();
        assert!(!written.contains("src=\"http") && written.len() > 1_000_000, "igv.js is not within the page");
        page
    }

    /// The cells of the page's table, as they stand once its scripts ran.
    fn rows(&self, page: &Path) -> Vec<Vec<String>> {
        let profile = scratch();
        let mut chromium = tool("timeout", ["120", self.browser, "--headless", "--no-sandbox", "--disable-gpu"]);
        chromium.args([
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
        ]);
        chromium.args(["--disable-component-update", "--disable-sync", "--virtual-time-budget=30000", "--dump-dom"]);
        chromium.arg(format!("--user-data-dir={}", profile.path().display()));
        let document = good_text(chromium.arg(format!("file://{}", page.display())));
        // The script of the page makes the table when igv.js has opened the first variant.
        let (_, table) = document.split_once("<table id=\"variant_table\"").expect("a table");
        let (table, _) = table.split_once("</table>").unwrap();
        let cells = |row: &str, tag: &str| -> Vec<String> {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            let plain = |cell: &str| cell.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            row.split(&open).skip(1).map(|part| plain(part.split(&close).next().unwrap())).collect()
        };
        let (head, body) = table.split_once("<tbody>").unwrap();
        let header = ["CHROM", "POSITION", "REF", "ALT", "ID", "DA_LFC", "DA_CLFC", "DA_REGION"];
        assert_eq!(cells(head, "th"), header);
        body.split("<tr ").skip(1).map(|row| cells(row, "td")).collect()
    }
}

/// A value of the VCF as igv-reports shows it, a float of two digits; what is missing as nothing.
fn two_digits(value: &str) -> Option<f64> {
    let value = (value != ".").then(|| f64::from(value.parse::<f32>().unwrap()))?;
    Some(format!("{value:.1e}").parse().unwrap())
}

/// The rows are the records of `variants`, as `bcftools query` reads them; gives back how many effects were compared.
fn compare(rows: &[Vec<String>], variants: &Path) -> usize {
    let records = good_text(tool("bcftools", ["query", "-f", FIELDS]).arg(variants));
    assert_eq!(rows.len(), records.lines().count());
    let mut compared = 0;
    for (row, record) in rows.iter().zip(records.lines()) {
        let record: Vec<&str> = record.split('\t').collect();
        assert_eq!(row[..4], record[..4]);
        for (shown, written) in [(&row[5], record[4]), (&row[6], record[5])] {
            let shown: Vec<Option<f64>> =
                shown.split(',').map(|v| (!v.is_empty()).then(|| v.parse().unwrap())).collect();
            let written: Vec<Option<f64>> = written.split(',').map(two_digits).collect();
            assert_eq!(shown, written, "{row:?} against {record:?}");
            compared += shown.iter().flatten().count();
        }
        assert_eq!(row[7], if record[6] == "." { "" } else { record[6] });
    }
    compared
}

#[test]
fn the_page_of_the_manual_shows_every_record_with_its_effects() {
    let manual = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tracks.md")).unwrap();
    assert!(
        manual.contains(&format!("create_report strong.vcf.gz --fasta genome.fa {COLUMNS} ")),
        "docs/tracks.md says something else"
    );
    let Some(programs) = programs() else { return };
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let (annotated, strong) = (here.join("annotated.vcf.gz"), here.join("strong.vcf.gz"));
    let mut annotate = annotate(&model, &phased());
    annotate.arg("-L").arg(regions()).arg("-o").arg(&annotated);
    good(annotate.arg("--bedgraph").arg(here.join("effects.bedGraph")));
    good(tool("bcftools", ["view", "-i", "abs(DA_LFC) > 0.01", "-Oz", "-o"]).arg(&strong).arg(&annotated));
    good(tool("bcftools", ["index", "-t"]).arg(&strong));
    let page = programs.report(&strong, &[&here.join("effects.bedGraph"), &strong, &reads()]);
    let rows = programs.rows(&page);
    assert!(rows.len() > 15, "{} rows", rows.len());
    assert!(compare(&rows, &strong) >= 2 * rows.len());
    assert!(rows.iter().any(|row| row[5].starts_with('-')) && rows.iter().all(|row| row[7].starts_with("chr22:")));
}

#[test]
fn several_alternatives_indels_and_those_without_an_effect() {
    let Some(programs) = programs() else { return };
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let at = |position: u64, length: u64| bases(position - 1, position - 1 + length);
    let other = |base: &str, list: &str| list.chars().find(|c| !base.contains(*c)).unwrap();
    let mut vcf = String::from(
        "##fileformat=VCFv4.2\n##contig=<ID=chr22,length=51304566>\n##ALT=<ID=DEL,Description=\"d\">\n\
         ##INFO=<ID=END,Number=1,Type=Integer,Description=\"e\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
    );
    let mut record = |pos: u64, reference: &str, alternative: &str, info: &str| {
        vcf += &format!("chr22\t{pos}\t.\t{reference}\t{alternative}\t.\t.\t{info}\n");
    };
    let base = at(17_400_300, 1);
    record(17_400_300, &base, &format!("{},*,{}", other(&base, "AC"), other(&base, "GT")), ".");
    record(17_400_400, &at(17_400_400, 1), "<DEL>", "END=17400500");
    record(17_400_500, &at(17_400_500, 4), &at(17_400_500, 1), ".");
    record(17_400_600, &at(17_400_600, 1), &(at(17_400_600, 1) + "TTGACA"), ".");
    let input = put(here, "in.vcf", vcf);
    let annotated = here.join("annotated.vcf.gz");
    good(annotate(&model, &input).arg("-o").arg(&annotated).arg("-W=tbi"));
    let rows = programs.rows(&programs.report(&annotated, &[&annotated]));
    assert_eq!((rows.len(), compare(&rows, &annotated)), (4, 8));
    assert_eq!(rows[0][5].split(',').nth(1), Some(""), "{rows:?}");
}
