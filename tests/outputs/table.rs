//! The table of the commands: what each reads, and every output that it can write.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deepallele_tests::*;

/// An option for an output.
pub struct Output {
    /// The option, after others that it needs.
    pub option: &'static [&'static str],
    /// Its value, a name in the folder of outputs.
    pub value: &'static str,
    /// The files that it makes, in that folder; its content is in the first.
    pub files: &'static [&'static str],
    /// Whether its value is the name of its first file, not a prefix or a folder.
    pub file: bool,
}

const fn file(option: &'static [&'static str], files: &'static [&'static str]) -> Output {
    Output { option, value: files[0], files, file: true }
}

const fn several(option: &'static [&'static str], value: &'static str, files: &'static [&'static str]) -> Output {
    Output { option, value, files, file: false }
}

/// A way to use a command.
pub struct Case {
    pub name: &'static str,
    /// The command without its outputs.
    pub command: fn(&Inputs) -> Command,
    /// The names of the files that it reads, indexes included.
    pub reads: &'static [&'static str],
    pub outputs: &'static [Output],
    /// Whether the first output goes to standard output unless it has a name.
    pub to_stdout: bool,
    /// Whether the files depend on the command line, which is in them.
    pub records_command: bool,
}

/// The inputs of all commands, in a folder.
pub struct Inputs {
    pub folder: tempfile::TempDir,
}

impl Inputs {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn make() -> Self {
        let folder = scratch();
        let here = folder.path();
        let sequence = "A".repeat(cells::LENGTH);
        fasta(here, "ref.fa", &[("chr1", &sequence), ("chr2", &sequence)]);
        vcf_gz(here, "in.vcf.gz", &cells::vcf());
        put(here, "in.bed", cells::bed());
        bam(here, "in.bam", &cells::sam(7, 400));
        for name in ["hap1.bam", "hap2.bam"] {
            let mut calmd = tool("samtools", ["calmd", "-b"]);
            put(here, name, good(calmd.arg(here.join("in.bam")).arg(here.join("ref.fa"))));
        }
        put(here, "barcodes.txt", "AA-1\nAC-1\nCA-1\nTT-1\n");
        fs::copy(data("parity/mh/model.ckpt"), here.join("model.ckpt")).expect("a copy");
        good(deepallele("import").arg(here.join("model.ckpt")).arg("-o").arg(here.join("model.onnx")));
        let inputs = Self { folder };
        good(count(&inputs).arg("-o").arg(inputs.path("counts.tsv")));
        let mut pairs = String::from("id\tallele_a\tallele_b\tvalue_a\tvalue_b\tgroup\n");
        let mut random = Random(3);
        for number in 0..120 {
            let bases: String = (0..110).map(|_| random.of(&["A", "C", "G", "T"])).collect();
            let other = bases.replacen("AC", "GT", 1);
            let (a, b) = (1 + random.below(50), 1 + random.below(50));
            pairs += &format!("chr1-{number}-x\t{bases}\t{other}\t{a}\t{b}\tg{number}\n");
        }
        let few: String = pairs.lines().take(4).map(|line| format!("{line}\n")).collect();
        put(inputs.folder.path(), "few.tsv", few);
        put(inputs.folder.path(), "pairs.tsv", pairs);
        let mut export = export_pairs(&inputs);
        good(export.arg("-o").arg(inputs.path("set.h5")));
        inputs
    }
}

fn on_genome(name: &str, inputs: &Inputs) -> Command {
    let mut command = deepallele(name);
    command.arg("-f").arg(inputs.path("ref.fa")).arg("-v").arg(inputs.path("in.vcf.gz")).args(["-s", "kid", "--quiet"]);
    command
}

fn count(inputs: &Inputs) -> Command {
    let mut command = on_genome("count", inputs);
    command.arg(inputs.path("in.bam")).arg("-L").arg(inputs.path("in.bed")).arg("--no-version");
    command
}

fn count_like_gatk(inputs: &Inputs) -> Command {
    let mut command = on_genome("count", inputs);
    command.arg(inputs.path("in.bam")).args(["--format", "gatk", "--no-version"]);
    command
}

fn count_on_two_genomes(inputs: &Inputs) -> Command {
    let mut command = on_genome("count", inputs);
    command.arg("--hap1-bam").arg(inputs.path("hap1.bam")).arg("--hap2-bam").arg(inputs.path("hap2.bam"));
    command.arg("-L").arg(inputs.path("in.bed")).arg("--no-version");
    command
}

fn haplotypes(inputs: &Inputs) -> Command {
    let mut command = on_genome("haplotypes", inputs);
    command.arg("--no-version");
    command
}

fn haplotypes_of_regions(inputs: &Inputs) -> Command {
    let mut command = haplotypes(inputs);
    command.arg("-L").arg(inputs.path("in.bed"));
    command
}

fn train(inputs: &Inputs) -> Command {
    let mut command = deepallele("train");
    command.arg("--pairs").arg(inputs.path("pairs.tsv")).args(["-w", "110", "--device", "cpu", "--epochs", "1"]);
    command.args(["-@", "1", "--seed", "1", "--quiet"]);
    command
}

fn evaluate(inputs: &Inputs) -> Command {
    let mut command = on_genome("evaluate", inputs);
    command.arg("-m").arg(inputs.path("model.onnx")).arg(inputs.path("counts.tsv"));
    command.args(["--part", "all", "--no-version", "--bootstrap", "20"]);
    command
}

fn predict(inputs: &Inputs) -> Command {
    let mut command = on_genome("predict", inputs);
    command.arg("-m").arg(inputs.path("model.onnx")).arg("-L").arg(inputs.path("in.bed")).arg("--no-version");
    command
}

fn predict_pairs(inputs: &Inputs) -> Command {
    let mut command = deepallele("predict");
    command.arg("-m").arg(inputs.path("model.onnx")).arg("--pairs").arg(inputs.path("pairs.tsv")).arg("--quiet");
    command
}

fn annotate(inputs: &Inputs) -> Command {
    let mut command = deepallele("annotate");
    command.arg("-m").arg(inputs.path("model.onnx")).arg("-f").arg(inputs.path("ref.fa"));
    command.arg(inputs.path("in.vcf.gz")).args(["--no-version", "--quiet", "-@", "1"]);
    command
}

fn explain(inputs: &Inputs) -> Command {
    let mut command = deepallele("explain");
    command.arg("attributions").arg("-m").arg(inputs.path("model.onnx")).arg("--pairs").arg(inputs.path("few.tsv"));
    command.args(["--no-version", "--quiet", "-@", "1"]);
    command
}

fn import_checkpoint(inputs: &Inputs) -> Command {
    let mut command = deepallele("import");
    command.arg(inputs.path("model.ckpt")).args(["--no-version", "--quiet"]);
    command
}

fn import_data_set(inputs: &Inputs) -> Command {
    let mut command = deepallele("import");
    command.arg(inputs.path("set.h5")).args(["--no-version", "--quiet"]);
    command
}

fn export_pairs(inputs: &Inputs) -> Command {
    let mut command = deepallele("export");
    command.arg("--pairs").arg(inputs.path("pairs.tsv")).args(["--assay", "atac", "--quiet"]);
    command
}

fn export_counts(inputs: &Inputs) -> Command {
    let mut command = on_genome("export", inputs);
    command.arg(inputs.path("counts.tsv")).args(["--assay", "atac", "--length", "900"]);
    command
}

const GENOME: [&str; 4] = ["ref.fa", "ref.fa.fai", "in.vcf.gz", "in.vcf.gz.tbi"];

/// Every command, with every output that it has.
pub const CASES: &[Case] = &[
    Case {
        name: "count",
        command: count,
        reads: &["in.bam", "in.bam.bai", "in.bed", GENOME[0], GENOME[1], GENOME[2], GENOME[3]],
        outputs: &[
            file(&["-o"], &["o.tsv.gz", "o.tsv.gz.tbi"]),
            file(&["--per-variant"], &["v.tsv.gz", "v.tsv.gz.tbi"]),
            several(
                &["--group-by", "CB", "--matrix"],
                "mx",
                &[
                    "mx/hap1/matrix.mtx.gz",
                    "mx/hap1/barcodes.tsv.gz",
                    "mx/hap2/features.tsv.gz",
                    "mx/conflicting/matrix.mtx.gz",
                ],
            ),
            several(
                &["--fragments"],
                "fr",
                &["fr.hap1.fragments.tsv.gz", "fr.hap1.fragments.tsv.gz.tbi", "fr.conflicting.fragments.tsv.gz"],
            ),
            file(&["--overview"], &["o.svg"]),
            file(&["--multiqc"], &["o_mqc.json"]),
            file(&["--bias-local", "--read-length", "60", "--bias-report"], &["bias.tsv.gz", "bias.tsv.gz.tbi"]),
            file(&["--bias-regions"], &["regions.tsv"]),
        ],
        to_stdout: true,
        records_command: false,
    },
    Case {
        name: "count --per-variant VCF",
        command: count,
        reads: &["in.bam", GENOME[2]],
        outputs: &[file(&["-o"], &["o.tsv"]), file(&["--per-variant"], &["v.bcf", "v.bcf.csi"])],
        to_stdout: true,
        records_command: false,
    },
    Case {
        name: "count --format gatk",
        command: count_like_gatk,
        reads: &["in.bam", "in.bam.bai", GENOME[0]],
        outputs: &[file(&["--per-variant"], &["v.tsv"])],
        to_stdout: false,
        records_command: false,
    },
    Case {
        name: "count --hap1-bam",
        command: count_on_two_genomes,
        reads: &["hap1.bam", "hap2.bam", "in.bed", GENOME[0]],
        outputs: &[file(&["-o"], &["o.tsv"]), file(&["--merged-bam"], &["merged.bam"])],
        to_stdout: true,
        records_command: false,
    },
    Case {
        name: "haplotypes",
        command: haplotypes_of_regions,
        reads: &["in.bed", GENOME[0], GENOME[1], GENOME[2]],
        outputs: &[
            file(&["--pairs"], &["pairs.tsv"]),
            several(
                &["-z", "--fasta"],
                "g",
                &["g.hap1.fa.gz", "g.hap1.fa.gz.fai", "g.hap1.fa.gz.gzi", "g.hap2.fa.gz", "g.hap2.fa.gz.fai"],
            ),
            file(&["--masked"], &["masked.fa", "masked.fa.fai"]),
            several(&["--chain"], "c", &["c.hap1ToRef.chain", "c.refToHap1.chain", "c.hap2ToRef.chain"]),
            file(&["--report"], &["report.tsv.gz"]),
        ],
        to_stdout: false,
        records_command: false,
    },
    Case {
        name: "train",
        command: train,
        reads: &["pairs.tsv"],
        outputs: &[several(
            &["-o"],
            "model",
            &[
                "model/model.onnx",
                "model/summary.json",
                "model/config.toml",
                "model/loss.svg",
                "model/model.safetensors",
            ],
        )],
        to_stdout: false,
        records_command: true,
    },
    Case {
        name: "evaluate",
        command: evaluate,
        reads: &["model.onnx", "counts.tsv", GENOME[0], GENOME[1], GENOME[2]],
        outputs: &[
            file(&["-o"], &["e.tsv"]),
            several(&["--plots"], "p", &["p.hap1.svg", "p.ratio.svg", "p.calibration.svg", "p.direction.svg"]),
        ],
        to_stdout: true,
        records_command: false,
    },
    Case {
        name: "predict",
        command: predict,
        reads: &["model.onnx", "in.bed", GENOME[0], GENOME[1], GENOME[2]],
        outputs: &[
            file(&["-o"], &["p.tsv.gz", "p.tsv.gz.tbi"]),
            several(&["--bedgraph"], "t", &["t.hap1.bedGraph", "t.hap2.bedGraph", "t.ratio.bedGraph"]),
            several(&["--bigwig"], "t", &["t.hap1.bw", "t.hap2.bw", "t.ratio.bw"]),
            file(&["--igv"], &["s.xml"]),
        ],
        to_stdout: true,
        records_command: false,
    },
    Case {
        name: "predict --pairs",
        command: predict_pairs,
        reads: &["model.onnx", "pairs.tsv"],
        outputs: &[file(&["-o"], &["p.tsv"])],
        to_stdout: true,
        records_command: false,
    },
    Case {
        name: "annotate",
        command: annotate,
        reads: &["model.onnx", GENOME[0], GENOME[1], GENOME[2], GENOME[3]],
        outputs: &[
            file(&["-Oz", "-W=tbi", "-o"], &["a.vcf.gz", "a.vcf.gz.tbi"]),
            file(&["--bedgraph"], &["a.bedGraph"]),
            file(&["--bigwig"], &["a.bw"]),
            file(&["--igv"], &["a.xml"]),
        ],
        to_stdout: true,
        records_command: false,
    },
    Case {
        name: "explain",
        command: explain,
        reads: &["model.onnx", "few.tsv"],
        outputs: &[several(
            &["-o"],
            "ex",
            &["ex/hap1.npz", "ex/hap2.npz", "ex/hap1.ohe.npz", "ex/hap2.ohe.npz", "ex/map.tsv.gz", "ex/pairs.tsv"],
        )],
        to_stdout: false,
        records_command: false,
    },
    Case {
        name: "import of a checkpoint",
        command: import_checkpoint,
        reads: &["model.ckpt"],
        outputs: &[file(&["-o"], &["m.onnx"]), file(&["--safetensors"], &["m.safetensors"])],
        to_stdout: false,
        records_command: false,
    },
    Case {
        name: "import of a data set",
        command: import_data_set,
        reads: &["set.h5"],
        outputs: &[file(&["-o"], &["p.tsv.gz"])],
        to_stdout: false,
        records_command: false,
    },
    Case {
        name: "export --pairs",
        command: export_pairs,
        reads: &["pairs.tsv"],
        outputs: &[file(&["-o"], &["x.h5"])],
        to_stdout: false,
        records_command: true,
    },
    Case {
        name: "export",
        command: export_counts,
        reads: &["counts.tsv", GENOME[0], GENOME[1], GENOME[2]],
        outputs: &[file(&["-o"], &["x.h5"])],
        to_stdout: false,
        records_command: true,
    },
];

impl Case {
    /// The command with these outputs in `folder`; what an output needs of others is added.
    pub fn with(&self, inputs: &Inputs, outputs: &[&Output], folder: &Path) -> Command {
        let mut command = (self.command)(inputs);
        for output in outputs {
            command.args(output.option).arg(folder.join(output.value));
        }
        command
    }

    /// `output` with what it needs: the first output, and for a session a track.
    pub fn alone(&self, output: &'static Output) -> Vec<&'static Output> {
        let track = |other: &&'static Output| self.name == "predict" && other.option == ["--bigwig"];
        let session = output.option == ["--igv"];
        let mut list: Vec<&'static Output> = self.outputs[..1].iter().collect();
        list.extend(self.outputs.iter().filter(|other| session && track(other)));
        if !std::ptr::eq(list[0], output) {
            list.push(output);
        }
        list
    }

    pub fn all(&self) -> Vec<&'static Output> {
        self.outputs.iter().collect()
    }

    /// All files of all outputs.
    pub fn files(&self) -> Vec<&'static str> {
        self.outputs.iter().flat_map(|output| output.files).copied().collect()
    }
}

/// The content of an output, unpacked where it is compressed.
pub fn content(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
    match bytes.starts_with(&[0x1f, 0x8b]) {
        true => feed(&mut tool("gzip", ["-dc"]), &bytes),
        false => bytes,
    }
}

/// All names below a folder, sorted; folders end in a slash.
pub fn tree(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for name in listing(folder) {
        let path = folder.join(&name);
        if path.is_dir() && !path.is_symlink() {
            names.extend(tree(&path).into_iter().map(|below| format!("{name}/{below}")));
            names.push(format!("{name}/"));
        } else {
            names.push(name);
        }
    }
    names
}
