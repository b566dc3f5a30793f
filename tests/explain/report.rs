//! `deepallele explain report`: the page against the tables, in a browser where there is one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use deepallele_tests::*;
use flate2::write::GzEncoder;

const HOSTILE: &str = "</script><img/src=x/onerror=document.title='broken'>\u{2028}\"'&lt;";

/// Columns of `hits.tsv.gz`.
const SITE_COLUMNS: &str = "#chrom\tstart\tend\tmotif\tscore\tstrand\tregion\thap1_score\thap1_p\thap1_attribution\t\
     hap2_score\thap2_p\thap2_attribution\tstate\tdelta_score\tdelta_attribution\teffect\tvariants\tp_change\t\
     q_change\tmeasured\tconcordance\n";

fn report(folder: &Path) -> Command {
    let mut command = deepallele("explain");
    command.current_dir(folder).args(["report", "explained", "-o", "report.html"]);
    command
}

/// Six designed pairs, explained: bases that differ, an insertion, equal alleles, a hostile name.
fn explained(here: &Path) -> Vec<String> {
    let mut random = Random(11);
    let names = ["snv", "insertion", "equal", HOSTILE, "two", "last"];
    let mut table = String::from("id\tallele_a\tallele_b\n");
    for name in names {
        let one = random.bases(90);
        let mut two = one.clone();
        match name {
            "insertion" => two.insert_str(45, "GATTACA"),
            "equal" => {}
            _ => two.replace_range(40..41, if &one[40..41] == "A" { "C" } else { "A" }),
        }
        table += &format!("{name}\t{one}\t{two}\n");
    }
    put(here, "pairs.tsv", table);
    let model = imported(here, "mh");
    let mut command = deepallele("explain");
    good(command.current_dir(here).args(["attributions", "-m"]).arg(model).args([
        "--pairs",
        "pairs.tsv",
        "-o",
        "explained",
    ]));
    names.map(String::from).to_vec()
}

/// Sites of three motifs, one of which has a hostile name, as `explain hits` writes them.
fn add_sites(folder: &Path, names: &[String]) {
    let header =
        "##deepallele_explainVersion=1.2.3\n##deepallele_explainCommand=explain hits explained --motifs </script>\n";
    let mut lines = format!("{header}{SITE_COLUMNS}");
    let mut add = |region: &str, motif: &str, state: &str, q: &str| {
        let score = if state == "kept" { "10.5" } else { "9.25" };
        lines += &format!(
            "{region}\t38\t46\t{motif}\t500\t+\t{region}\t10.5\t1.2500e-5\t0.1230\t{score}\t2.0000e-5\t-0.5\t{state}\t\
             -1.25\t-0.623\t.\t41:A:C\t3.0000e-4\t{q}\t.\t.\n"
        );
    };
    add(&names[0], "CTCF", "kept", ".");
    add(&names[0], HOSTILE, "destroyed", "2.5000e-3");
    add(&names[1], "CTCF", "created", "4.0000e-2");
    add(&names[4], "CTCF", "destroyed", "6.0000e-1");
    let mut out = GzEncoder::new(fs::File::create(folder.join("hits.tsv.gz")).unwrap(), Default::default());
    out.write_all(lines.as_bytes()).unwrap();
    out.finish().unwrap();
}

/// A Chromium: `$CHROMIUM`, or one of `PATH`; a line says that the browser tests are left out without one.
fn browser() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| {
        let mut places =
            std::env::split_paths(&paths).flat_map(|path| ["chromium", "chromium-browser"].map(|name| path.join(name)));
        places.find(|path| path.is_file())
    });
    if found.is_none() {
        println!("not tested in a browser: neither $CHROMIUM nor chromium is there");
    }
    found
}

/// The document of a page after its scripts, and what the browser said; no network.
fn load(chromium: &Path, page: &Path, fragment: &str, more: &[&str]) -> (String, String) {
    let profile = scratch();
    let mut command = Command::new(chromium);
    command.args([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
    ]);
    command.args(["--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1280,1000"]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).args(more).arg("--dump-dom");
    command.arg(format!("file://{}{fragment}", page.display()));
    let done = run(&mut command);
    assert!(done.status.success(), "{}", text(&done.stderr));
    (text(&done.stdout), text(&done.stderr))
}

const SOON: &str = "--virtual-time-budget=4000";

/// The page with a script of checks after its own: the policy that would refuse it is changed, nothing else.
fn with_checks(page: &Path, checks: &str) -> PathBuf {
    let html = fs::read_to_string(page).unwrap();
    let (before, rest) = html.split_once("script-src ").unwrap();
    let rest = &rest[rest.find(';').unwrap()..];
    let end = rest.rfind("</body>").unwrap();
    // The checks hold names that would end their own script.
    let checks = checks.replace("</", "<\\/");
    let driver = format!(
        "<pre id=\"result\">nothing ran</pre><script>
         const result = document.getElementById('result');
         let n = 0;
         const is = (found, expected, what) => {{
           n++;
           const [one, two] = [found, expected].map((each) => JSON.stringify(each));
           if (one !== two) throw new Error(what + ': ' + one + ' instead of ' + two);
         }};
         const check = () => {{\n{checks}\n}};
         setTimeout(() => {{
           try {{
             check();
             result.textContent = 'fine ' + n;
           }} catch (error) {{
             result.textContent = 'wrong ' + error;
           }}
         }}, 500);
         </script>"
    );
    let path = page.with_extension("checked.html");
    fs::write(&path, format!("{before}script-src 'unsafe-inline'{}{driver}{}", &rest[..end], &rest[end..])).unwrap();
    path
}

fn result(dom: &str) -> &str {
    dom.split_once("<pre id=\"result\">").expect("the checks").1.split_once("</pre>").unwrap().0
}

#[test]
fn the_page_is_that_of_the_tables() {
    let folder = scratch();
    let here = folder.path();
    let names = explained(here);
    let said = run(&mut report(here));
    assert!(text(&said.stderr).contains("6 of 6 regions in a page of"), "{}", text(&said.stderr));
    let html = fs::read_to_string(here.join("report.html")).unwrap();
    // Nothing is there but what attributions has written, and the page says so.
    for command in ["motifs explained", "hits explained", "mechanisms --pairs"] {
        assert!(html.contains(&format!("deepallele explain {command}")), "{command}");
    }
    let table = Table::read(&here.join("explained/pairs.tsv"));
    for row in 0..6 {
        for column in ["hap1", "hap2", "log2_ratio", "sum_hap1", "sum_hap2"] {
            let value = table.text(row, column);
            assert!(html.contains(&format!("\"{value}\"")), "{column} {value}");
        }
    }
    // Names end nothing; nothing is loaded.
    assert!(!html.contains("<img") && !html.contains("src=\"") && !html.contains("\u{2028}"));
    assert_eq!(html.matches("</script").count(), 6 + 2);
    assert!(!html.contains("href=\"http") && !html.contains("url("));

    add_sites(&here.join("explained"), &names);
    let mut fewer = report(here);
    let said = run(fewer.args(["--regions-at-most", "2"]));
    assert!(text(&said.stderr).contains("4 regions with weaker evidence are left out"), "{}", text(&said.stderr));
    let html = fs::read_to_string(here.join("report.html")).unwrap();
    // Those with the least q-values of a changed site.
    assert!(html.contains("id=\"region-0\"") && html.contains("id=\"region-1\"") && !html.contains("id=\"region-2\""));
    assert!(html.contains("2 of 6 are in this page"));
    // The same bytes again.
    good(report(here).args(["--regions-at-most", "2", "--no-version"]));
    let one = fs::read(here.join("report.html")).unwrap();
    good(report(here).args(["--regions-at-most", "2", "--no-version"]));
    assert!(one == fs::read(here.join("report.html")).unwrap());
}

#[test]
fn what_cannot_be_reported_is_named() {
    let folder = scratch();
    let here = folder.path();
    refused_in(here, &mut report(here), &["explained", "explain.json"]);
    explained(here);
    let explained = here.join("explained");
    for (file, content, words) in [
        ("hits.tsv.gz", "#chrom\tstart\tend\n", &["hits.tsv.gz", "no column motif"][..]),
        ("cause.tsv", "", &["cause.tsv", "no line of column names"]),
        (
            "seqlets.tsv.gz",
            "#chrom\tstart\tregion\thaplotype\toffset\tlength\tmotif\tcommon\tmean\nx\t1\tsnv\t3\t1\t2\t.\t0\t1\n",
            &["seqlets.tsv.gz", "line 2"],
        ),
        ("motifs.tsv", "#motif\tn\n", &["motifs.tsv", "no column regions"]),
    ] {
        put(&explained, file, content);
        refused_in(here, &mut report(here), words);
        fs::remove_file(explained.join(file)).unwrap();
    }
    refused_in(here, report(here).args(["--compare", "pairs.tsv"]), &["pairs.tsv"]);
    let mut onto_input = deepallele("explain");
    let said = misused(onto_input.current_dir(here).args(["report", "explained", "-o", "explained/pairs.tsv"]));
    assert!(said.contains("pairs.tsv"), "{said}");
}

#[test]
fn a_browser_shows_it() {
    let Some(chromium) = browser() else { return };
    let folder = scratch();
    let here = folder.path();
    let names = explained(here);
    add_sites(&here.join("explained"), &names);
    good(&mut report(here));
    let page = here.join("report.html");
    let (dom, said) = load(&chromium, &page, "#region=1", &[SOON]);
    assert!(!said.contains("CONSOLE"), "{said}");
    assert!(dom.contains("aria-selected=\"true\"") && !dom.contains("<title>broken"), "{dom}");

    // The same look-out sees a script that the policy refuses.
    let refused = here.join("refused.html");
    let html = fs::read_to_string(&page).unwrap();
    fs::write(&refused, html.replace("</body>", "<script>document.title = 'ran';</script></body>")).unwrap();
    let (dom, said) = load(&chromium, &refused, "", &[SOON]);
    assert!(said.contains("CONSOLE") && !dom.contains("<title>ran"), "{said}");

    let table = Table::read(&here.join("explained/pairs.tsv"));
    let ratios: Vec<String> = (0..6).map(|row| format!("{:?}", table.text(row, "log2_ratio"))).collect();
    let given = format!("const ratios = [{}]; const name = {HOSTILE:?};", ratios.join(", "));
    let checks = format!("{given}\n{}", include_str!("report_checks.js"));
    let (dom, said) = load(&chromium, &with_checks(&page, &checks), "", &[SOON]);
    assert!(result(&dom).starts_with("fine"), "{}\n{said}", result(&dom));
    // A check can fail.
    let (dom, _) = load(&chromium, &with_checks(&page, "is(1, 2, 'one');"), "", &[SOON]);
    assert_eq!(result(&dom), "wrong Error: one: 1 instead of 2");
}

/// An array of NumPy as `explain attributions` writes it.
fn put_array(path: &Path, kind: &str, shape: [usize; 3], values: &[u8]) {
    let [a, b, c] = shape;
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({a}, {b}, {c}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    archive.start_file("arr_0.npy", options).unwrap();
    archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
    archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    archive.write_all(header.as_bytes()).unwrap();
    archive.write_all(values).unwrap();
    archive.finish().unwrap();
}

/// A folder of `regions` regions of 330 bases with `sites` sites each.
fn many_regions(folder: &Path, regions: usize, sites: usize) {
    const BASES: usize = 330;
    let mut random = Random(3);
    fs::create_dir_all(folder).unwrap();
    let mut table =
        String::from("#chrom\tstart\tend\tname\thap1\thap2\tlog2_ratio\tvariants\tsum_hap1\tsum_hap2\tagreement\n");
    let mut map = String::from("#pair\thaplotype\toffset\tlength\tchrom\tstart\tend\tstrand\n");
    let mut hits = SITE_COLUMNS.to_owned();
    let mut one_hot = [Vec::new(), Vec::new()];
    let mut contributions = [Vec::new(), Vec::new()];
    for number in 0..regions {
        let start = 1_000_000 + 1000 * number;
        let end = start + BASES;
        table += &format!(
            "chr22\t{start}\t{end}\tregion_{number}\t3.19732\t2.88123\t0.31609\t1\t9.67115\t-9.1231\t0.912345\n"
        );
        let mut bases = random.bases(BASES).into_bytes();
        for allele in 0..2 {
            map += &format!("{number}\t{}\t0\t{BASES}\tchr22\t{start}\t{end}\t+\n", allele + 1);
            if allele == 1 {
                bases[100] = if bases[100] == b'A' { b'C' } else { b'A' };
            }
            for base in b"ACGT" {
                for letter in &bases {
                    one_hot[allele].push(u8::from(letter == base));
                    let value = random.below(10_000) as f32 / 5_000.0 - 1.0;
                    contributions[allele].extend(value.to_le_bytes());
                }
            }
        }
        for site in 0..sites {
            let at = start + random.below(300);
            // As JASPAR has them in CTCF peaks: 70 a region, of which one in 100 differs.
            let (state, q, p, second) = match site {
                0 => ("weakened", "1.2345e-2", "1.2345e-3", "11.2345\t2.3456e-5\t0.234567"),
                _ => ("kept", ".", ".", "12.3456\t1.2345e-5\t0.123456"),
            };
            let (to, motif) = (at + 12, random.below(746));
            let variants = if site == 0 { "chr22:101:A:C" } else { "." };
            hits += &format!(
                "chr22\t{at}\t{to}\tMA{motif:04}.1 TF{motif}\t512\t+\tregion_{number}\t12.3456\t1.2345e-5\t0.123456\t\
                 {second}\t{state}\t-1.11111\t0.111111\t.\t{variants}\t{p}\t{q}\t0.31609\t.\n"
            );
        }
    }
    for allele in 0..2 {
        let shape = [regions, 4, BASES];
        put_array(&folder.join(format!("hap{}.npz", allele + 1)), "<f4", shape, &contributions[allele]);
        put_array(&folder.join(format!("hap{}.ohe.npz", allele + 1)), "|i1", shape, &one_hot[allele]);
    }
    put(folder, "regions.tsv", table);
    put(folder, "map.tsv.gz", map);
    put(folder, "hits.tsv.gz", hits);
    put(
        folder,
        "explain.json",
        format!(
            r#"{{"format": 1, "method": "ism", "head": "ratio", "gauge": "zero-sum", "unit": "log2", "window": {BASES},
            "networks": 1, "models": ["m.onnx"], "haplotypes": ["ref", "alt"], "pairs": {regions}, "version": null,
            "command": null}}"#
        ),
    );
}

#[test]
fn a_thousand_regions_are_a_small_page_that_is_there_at_once() {
    let folder = scratch();
    let here = folder.path();
    many_regions(&here.join("explained"), 1000, 70);
    good(&mut report(here));
    let page = here.join("report.html");
    let megabytes = fs::metadata(&page).unwrap().len() as f64 / 1e6;
    println!("1,000 regions of 330 bases with 70 sites: {megabytes:.2} MB");
    assert!(megabytes <= 15.0, "{megabytes}");
    let Some(chromium) = browser() else { return };
    // Since the navigation began: the script stands at the end of the page, after that which fills the table.
    let checks = "";
    let checked = with_checks(&page, checks);
    let html = fs::read_to_string(&checked).unwrap();
    let timed = html.replace(
        "let n = 0;",
        "let n = 0; document.title = 'usable after ' + performance.now() + ' rows ' + \
         document.querySelectorAll('#region-table tbody tr').length;",
    );
    fs::write(&checked, timed).unwrap();
    let before = Instant::now();
    let (dom, said) = load(&chromium, &checked, "", &[]);
    assert!(!said.contains("CONSOLE"), "{said}");
    let title = dom.split_once("<title>usable after ").expect("the time").1.split_once("</title>").unwrap().0;
    let (milliseconds, rows) = title.split_once(" rows ").unwrap();
    println!("table usable after {milliseconds} ms; with the start of the browser {:?}", before.elapsed());
    assert_eq!(rows, "12");
    assert!(milliseconds.parse::<f64>().unwrap() < 2000.0, "{milliseconds} ms");
}
