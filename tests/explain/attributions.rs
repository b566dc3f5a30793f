//! `deepallele explain attributions`: arrays, tables, tracks and map against each other, and against `annotate` and
//! `predict`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bigtools::BigWigRead;
use deepallele_tests::*;

/// An array of NumPy: its shape and values.
pub(crate) struct Array {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Array {
    fn read(path: &Path) -> Self {
        let mut archive = zip::ZipArchive::new(fs::File::open(path).expect("an archive")).expect("an archive");
        assert_eq!(archive.len(), 1, "{path:?}");
        let array = npyz::NpyFile::new(archive.by_name("arr_0.npy").expect("arr_0")).expect("an array");
        let shape: Vec<usize> = array.shape().iter().map(|n| *n as usize).collect();
        let kind = array.dtype().descr();
        let values = match &kind[..] {
            "'<f4'" => array.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
            "'|i1'" => array.into_vec::<i8>().unwrap().into_iter().map(f64::from).collect(),
            other => panic!("{other}"),
        };
        Self { shape, values }
    }

    pub(crate) fn at(&self, pair: usize, base: usize, offset: usize) -> f64 {
        self.values[(pair * self.shape[1] + base) * self.shape[2] + offset]
    }

    /// The base of a one-hot array; N where there is none.
    pub(crate) fn base(&self, pair: usize, offset: usize) -> char {
        let base = (0..4).find(|&base| self.at(pair, base, offset) == 1.0);
        base.map_or('N', |base| char::from(b"ACGT"[base]))
    }
}

/// A folder that `explain attributions` wrote.
pub(crate) struct Explained {
    folder: PathBuf,
    /// Of haplotype 1 and 2: contributions and sequences.
    pub(crate) contributions: [Array; 2],
    pub(crate) sequences: [Array; 2],
}

impl Explained {
    pub(crate) fn read(folder: &Path) -> Self {
        let array = |name: &str| Array::read(&folder.join(name));
        Self {
            folder: folder.into(),
            contributions: [array("hap1.npz"), array("hap2.npz")],
            sequences: [array("hap1.ohe.npz"), array("hap2.ohe.npz")],
        }
    }

    /// Position (0-based) of each base of an allele, `None` for inserted bases.
    pub(crate) fn positions(&self, pair: usize, haplotype: usize) -> Vec<Option<u64>> {
        let map = good_text(tool("bgzip", ["-dc"]).arg(self.folder.join("map.tsv.gz")));
        let mut positions = Vec::new();
        for line in map.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            if columns[0] != pair.to_string() || columns[1] != (haplotype + 1).to_string() {
                continue;
            }
            assert_eq!(columns[2], positions.len().to_string(), "{line}");
            let length: u64 = columns[3].parse().unwrap();
            let span = columns[5].parse::<u64>().ok().zip(columns[6].parse::<u64>().ok());
            match span {
                Some((start, end)) if start < end => {
                    assert_eq!(end - start, length, "{line}");
                    positions.extend((start..end).map(Some));
                }
                _ => positions.extend((0..length).map(|_| None)),
            }
        }
        positions
    }
}

fn explain(model: &Path, folder: &Path) -> Command {
    let mut command = deepallele("explain");
    command.arg("attributions").arg("-m").arg(model).arg("-o").arg(folder);
    command
}

/// Of the person of the test data, in these lines of narrowPeak or BED.
pub(crate) fn in_genome(model: &Path, regions: &Path, folder: &Path) -> Command {
    let mut command = explain(model, folder);
    command.arg("-f").arg(genome()).arg("-v").arg(phased()).args(["-s", "NA12878", "-L"]).arg(regions);
    command
}

/// Regions around heterozygous variants, as BED: at most `most`.
pub(crate) fn around_variants(folder: &Path, most: usize) -> PathBuf {
    let calls = good_text(tool("bcftools", ["query", "-f", "%POS\t[%GT]\n"]).arg(phased()));
    let mut lines = String::new();
    let mut last = 0;
    for line in calls.lines() {
        let (position, call) = line.split_once('\t').unwrap();
        let position: u64 = position.parse().unwrap();
        if matches!(call, "0|1" | "1|0") && position > last + 5000 && lines.lines().count() < most {
            lines += &format!("chr22\t{}\t{}\tr{position}\n", position - 40, position + 60);
            last = position;
        }
    }
    put(folder, "r.bed", lines)
}

/// Regions around variants and the folder of their contributions.
pub(crate) struct ExplainedRegions {
    pub model: PathBuf,
    pub regions: PathBuf,
    pub out: PathBuf,
    pub explained: Explained,
}

impl ExplainedRegions {
    /// Of eight regions.
    pub fn new(here: &Path) -> Self {
        let model = imported(here, "mh");
        let regions = around_variants(here, 8);
        let out = here.join("explained");
        good(&mut in_genome(&model, &regions, &out));
        let explained = Explained::read(&out);
        Self { model, regions, out, explained }
    }
}

#[test]
fn arrays_tracks_map_and_table_belong_together() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let regions = around_variants(here, 6);
    let out = here.join("explained");
    good(in_genome(&model, &regions, &out).arg("--logos"));
    let explained = Explained::read(&out);
    let table = Table::parse(&fs::read_to_string(out.join("regions.tsv")).unwrap());
    let window = WINDOW as usize;
    let track = |number: usize| BigWigRead::open_file(as_str(&out.join(format!("hap{}.bw", number + 1)))).unwrap();
    let mut tracks = [track(0), track(1)];
    for (haplotype, track) in tracks.iter_mut().enumerate() {
        let (contributions, sequences) = (&explained.contributions[haplotype], &explained.sequences[haplotype]);
        assert_eq!(contributions.shape, [6, 4, window]);
        assert_eq!(sequences.shape, [6, 4, window]);
        let mut records = 0;
        for pair in 0..6 {
            let positions = explained.positions(pair, haplotype);
            assert_eq!(positions.len(), window);
            let mut sum = 0.0;
            for (offset, position) in positions.iter().enumerate() {
                let column = (0..4).map(|base| contributions.at(pair, base, offset));
                assert!(column.clone().sum::<f64>().abs() < 1e-5, "zero-sum");
                let present: f64 = column.zip(0..4).map(|(value, base)| value * sequences.at(pair, base, offset)).sum();
                sum += present;
                let Some(position) = position else { continue };
                let found: Vec<_> = track
                    .get_interval("chr22", *position as u32, *position as u32 + 1)
                    .unwrap()
                    .map(|value| value.unwrap())
                    .collect();
                let sign = if haplotype == 0 { 1.0 } else { -1.0 };
                assert_eq!((found.len(), found[0].start, found[0].end), (1, *position as u32, *position as u32 + 1));
                assert_eq!(f64::from(found[0].value), sign * present);
                records += 1;
            }
            close(table.number(pair, &format!("sum_hap{}", haplotype + 1)), sum, "sum");
        }
        // One record a base, and nothing else.
        assert_eq!(track.get_interval("chr22", 0, 51_304_566).unwrap().count(), records);
    }
    // Where the alleles have the bases of the reference, they are those of the FASTA.
    for pair in 0..6 {
        let positions = explained.positions(pair, 0);
        let start = positions[0].unwrap();
        let reference = bases(start, start + WINDOW);
        let [one, two] = [0, 1].map(|haplotype| -> String {
            (0..window).map(|offset| explained.sequences[haplotype].base(pair, offset)).collect()
        });
        let differing = (0..window).filter(|&i| one.as_bytes()[i] != two.as_bytes()[i]).count();
        assert_eq!(differing, table.number(pair, "variants") as usize);
        assert!(differing > 0);
        for i in 0..window {
            let bases = [&one, &two, &reference].map(|bases| bases.as_bytes()[i]);
            assert!(bases[0] == bases[2] || bases[1] == bases[2], "{pair} {i}");
        }
        assert!(fs::read_to_string(out.join(format!("logos/{pair}.svg"))).unwrap().ends_with("</svg>\n"));
    }
    let session = fs::read_to_string(out.join("igv.xml")).unwrap();
    assert_eq!(session.matches("renderer=\"DYNSEQ\"").count(), 2, "{session}");
    // The pair itself is what `predict` says.
    let predicted = Table::parse(&good_text(predict(&model, &regions).args(["--anchor", "middle"])));
    for pair in 0..6 {
        close(table.number(pair, "log2_ratio"), predicted.number(pair, "log2_ratio"), "ratio");
    }
}

/// The contribution of ALT less that of REF is the effect in that background.
#[test]
fn contributions_are_the_effects_of_annotate() {
    let folder = scratch();
    let here = folder.path();
    let ExplainedRegions { model, regions, explained, .. } = ExplainedRegions::new(here);
    let mut effects = annotate(&model, &phased());
    let fields = "%POS\t%REF\t%ALT\t%DA_LFC_BG1\t%DA_LFC_BG2\n";
    let rows = query_bytes(&good(effects.args(["-s", "NA12878", "-L"]).arg(&regions)), fields);
    let mut compared = 0;
    for row in rows.iter().filter(|row| row[3] != "." && row[1].len() == 1 && row[2].len() == 1) {
        let position = row[0].parse::<u64>().unwrap() - 1;
        for pair in 0..8 {
            for haplotype in 0..2 {
                let positions = explained.positions(pair, haplotype);
                let Some(offset) = positions.iter().position(|p| *p == Some(position)) else { continue };
                let of = |base: &str| explained.contributions[haplotype].at(pair, "ACGT".find(base).unwrap(), offset);
                // Both are of haplotype 1 over haplotype 2; an effect is of ALT in its own haplotype.
                let sign = if haplotype == 0 { 1.0 } else { -1.0 };
                close(row[3 + haplotype].parse().unwrap(), sign * (of(&row[2]) - of(&row[1])), &format!("{row:?}"));
                compared += 1;
            }
        }
    }
    assert!(compared >= 16, "{compared}");
}

#[test]
fn threads_and_runs_agree() {
    let folder = scratch();
    let here = folder.path();
    let model = imported(here, "mh");
    let regions = around_variants(here, 3);
    let files = |threads: &str| -> Vec<Vec<u8>> {
        let out = here.join(format!("t{threads}"));
        good(in_genome(&model, &regions, &out).args(["--no-version", "--logos", "-@", threads]));
        // Once more into the same folder.
        good(in_genome(&model, &regions, &out).args(["--no-version", "--logos", "-@", threads]));
        let names = ["hap1.npz", "hap2.npz", "hap1.ohe.npz", "hap2.ohe.npz", "map.tsv.gz", "regions.tsv"];
        let more = ["hap1.bw", "hap2.bw", "explain.json", "logos/2.svg"];
        let mut listed = listing(&out);
        listed.retain(|name| name != "logos");
        let mut expected: Vec<&str> = names.iter().chain(&more[..3]).copied().chain(["igv.xml"]).collect();
        expected.sort_unstable();
        listed.sort();
        assert_eq!(listed, expected);
        names.iter().chain(&more).map(|name| fs::read(out.join(name)).unwrap()).collect()
    };
    let one = files("1");
    assert!(files("2") == one && files("8") == one);
}

/// A linear network of other software: a contribution is the difference of two weights.
#[test]
fn other_networks_are_explained() {
    let folder = scratch();
    let here = folder.path();
    let model = linear_network(here, "log2");
    let [a, b] = [bases(17_400_000, 17_400_064), bases(17_400_000, 17_400_060) + "TTAA"];
    let pairs = put(here, "pairs.tsv", format!("id\tallele_a\tallele_b\nx<y>\t{a}\t{b}\nshort\t{}\t{b}\n", &a[..40]));
    for (head, sign) in [("ratio", -1.0), ("count", 1.0)] {
        let out = here.join(head);
        let mut command = explain(&model, &out);
        command.args(["--model-sample", "brain", "--gauge", "none", "--head", head, "--pairs"]).arg(&pairs);
        good(&mut command);
        let explained = Explained::read(&out);
        assert_eq!(explained.contributions[0].shape, [2, 4, LINEAR_WINDOW]);
        for (pair, alleles) in [[&a[..], &b], [&a[..40], &b]].into_iter().enumerate() {
            for (haplotype, (allele, sign)) in alleles.into_iter().zip([1.0, sign]).enumerate() {
                for offset in 0..LINEAR_WINDOW {
                    for (base, letter) in "ACGT".chars().enumerate() {
                        let found = explained.contributions[haplotype].at(pair, base, offset);
                        let mut changed = allele.to_owned();
                        if offset < allele.len() {
                            changed.replace_range(offset..offset + 1, &letter.to_string());
                        }
                        let expected = sign * (linear_value(&changed, 1) - linear_value(allele, 1));
                        assert!((found - expected).abs() < 1e-4, "{head} {pair} {haplotype} {offset} {letter}");
                    }
                }
            }
        }
        let table = Table::parse(&fs::read_to_string(out.join("pairs.tsv")).unwrap());
        assert_eq!((table.text(0, "id"), table.text(1, "id")), ("x<y>", "short"));
        assert!(!out.join("igv.xml").exists() && !out.join("hap1.bw").exists());
    }
}
