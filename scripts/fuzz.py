#!/usr/bin/env python3
"""Run the commands on damaged files, and report every run that does not end as it should.

    fuzz.py BIN [--runs N] [--seconds S] [--seed N] [--only NAME,...] [--keep DIR] [--valgrind]

BIN is the folder of the commands. A run takes one sound input (scripts/fuzz_inputs.py), damages one of its files
(scripts/fuzz_mutate.py) and must end with exit code 0, 1 or 2 within 150 s of computing and 4 GB of memory; a failure has one line
on stderr and leaves no file. The files in test-data/damaged, which crashed or hung a command once, come first. What
fails is kept in DIR (default: fuzz-out) with its command line. Runs depend on the seed and their number only.
"""
import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import fuzz_inputs
from fuzz_inputs import ROOT, SAMPLE
from fuzz_mutate import any_bytes, cram, inside, member, text

KEPT = ROOT / "test-data/damaged"
# Processor time, since the machine may be busy; more than the watch over CRAM (100 s) and HDF5 (45 s) allows.
SECONDS = 150
MEMORY = 4 << 30

VARIANTS = ["-v", "v.vcf.gz", "-s", SAMPLE]
COUNT = ["count", "in.bam", "-f", "ref.fa", *VARIANTS, "-L", "r.bed", "-o", "out/o.tsv"]
PREDICT = ["predict", "-m", "model.onnx", "-f", "ref.fa", *VARIANTS, "-L", "r.bed", "-o", "out/o.tsv"]
ANNOTATE = ["annotate", "-m", "model.onnx", "-f", "ref.fa", "-o", "out/o.vcf"]
HAPLOTYPES = ["haplotypes", "-f", "ref.fa", *VARIANTS, "--fasta", "out/genomes"]
ONE = ["-r", "chr1:500-3000"]


def put(command, old, new):
    """The command line with another file in place of one."""
    return [new if part == old else part for part in command]


# Name: the file that is damaged, how, and the command that reads it.
TARGETS = {
    "bam": ("in.bam", inside(any_bytes), COUNT),
    "sam": ("in.sam", text, put(COUNT, "in.bam", "in.sam")),
    "bai": ("in.bam.bai", any_bytes, COUNT + ONE),
    "bam-csi": ("csi.bam.csi", inside(any_bytes), put(COUNT, "in.bam", "csi.bam") + ONE),
    "cram": ("in.cram", cram, put(COUNT, "in.bam", "in.cram")),
    "cram-3.1": ("small.cram", cram, put(COUNT, "in.bam", "small.cram") + ["-@", "2"]),
    "cram-2.1": ("old.cram", any_bytes, put(COUNT, "in.bam", "old.cram")),
    "crai": ("in.cram.crai", inside(text), put(COUNT, "in.bam", "in.cram") + ONE),
    "barcodes": ("barcodes.txt", text, COUNT[:-2] + ["--group-by", "CB", "--matrix", "out/cells", "--barcodes", "barcodes.txt"]),
    "vcf": ("v.vcf", text, put(HAPLOTYPES, "v.vcf.gz", "v.vcf")),
    "vcf.gz": ("v.vcf.gz", inside(text), ANNOTATE + ["v.vcf.gz"]),
    "tbi": ("v.vcf.gz.tbi", inside(any_bytes), ANNOTATE + ONE + ["v.vcf.gz"]),
    "vcf-csi": ("c.vcf.gz.csi", inside(any_bytes), ANNOTATE + ONE + ["c.vcf.gz"]),
    "bcf": ("v.bcf", inside(any_bytes), ANNOTATE + ["v.bcf"]),
    "bcf-genotypes": ("v.bcf", inside(any_bytes), put(HAPLOTYPES, "v.vcf.gz", "v.bcf")),
    "bcf-csi": ("v.bcf.csi", inside(any_bytes), ANNOTATE + ONE + ["v.bcf"]),
    "fasta": ("ref.fa", text, HAPLOTYPES),
    "fasta.gz": ("bgz.fa.gz", inside(any_bytes), put(HAPLOTYPES, "ref.fa", "bgz.fa.gz")),
    "fai": ("ref.fa.fai", text, HAPLOTYPES),
    "fai.gz": ("bgz.fa.gz.fai", text, put(HAPLOTYPES, "ref.fa", "bgz.fa.gz")),
    "gzi": ("bgz.fa.gz.gzi", any_bytes, put(HAPLOTYPES, "ref.fa", "bgz.fa.gz")),
    "bed": ("r.bed", text, COUNT),
    "narrowPeak": ("r.narrowPeak", text, put(COUNT, "r.bed", "r.narrowPeak")),
    "saf": ("r.saf", text, put(COUNT, "r.bed", "r.saf")),
    "gtf": ("r.gtf", text, put(COUNT, "r.bed", "r.gtf")),
    "gff3": ("r.gff3", text, put(COUNT, "r.bed", "r.gff3")),
    "intervals": ("r.list", text, ANNOTATE + ["-T", "r.list", "v.vcf.gz"]),
    "counts": ("counts.tsv", text, ["evaluate", "-m", "model.onnx", "-f", "ref.fa", *VARIANTS, "--part", "all", "-o",
                                    "out/o.tsv", "counts.tsv"]),
    "pairs": ("pairs.tsv", text, ["predict", "-m", "model.onnx", "--pairs", "pairs.tsv", "-o", "out/o.tsv"]),
    "values": ("values.tsv", text, ["train", "--values", "values.tsv", "-L", "r.bed", "-f", "ref.fa", *VARIANTS,
                                    "--window", "200", "--block-size", "500", "--dry-run", "-o", "out/model"]),
    "config": ("config.toml", text, ["train", "--pairs", "train.tsv", "--config", "config.toml", "--dry-run", "-o",
                                     "out/model"]),
    "description": ("other.toml", text, put(ANNOTATE, "model.onnx", "other.toml") + ["v.vcf.gz"]),
    "network": ("mean.onnx", any_bytes, put(ANNOTATE, "model.onnx", "other.toml") + ["v.vcf.gz"]),
    "model": ("model.onnx", any_bytes, PREDICT),
    "hdf5": ("set.hdf5", any_bytes, ["import", "set.hdf5", "-o", "out/o.tsv"]),
    "checkpoint": ("model.ckpt", member, ["import", "model.ckpt", "-o", "out/o.onnx"]),
}
# Slow ones are tried less often: they load libtorch or several hundred megabytes.
RARELY = {"values", "config"}


def limits(memory, seconds):
    """Called in the child: memory, processor time, core files."""
    def apply():
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return apply


class Runner:
    def __init__(self, binaries, inputs, environment, keep, valgrind):
        self.binaries, self.inputs, self.environment = binaries, inputs, environment
        self.keep, self.valgrind = keep, valgrind
        self.outcomes, self.failures = Counter(), []

    def run(self, name, label, damaged):
        """One run with `damaged` in place of the file of a target."""
        file, _, command = TARGETS[name]
        with tempfile.TemporaryDirectory(prefix="fuzz-run-") as scratch:
            place = Path(scratch)
            for path in self.inputs.iterdir():
                if path.name != file and path.is_file():
                    (place / path.name).symlink_to(path)
            (place / file).write_bytes(damaged)
            (place / "out").mkdir()
            line = [self.binaries / f"deepallele-{command[0]}", *command[1:]]
            # Virtual memory is no measure of what libtorch and valgrind use.
            memory = 0 if self.valgrind or command[0] == "train" else MEMORY
            seconds = SECONDS
            if self.valgrind:
                line = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=no", "--max-stackframe=8000000",
                        f"--suppressions={ROOT / 'scripts/memcheck.supp'}", *line]
                seconds *= 20
            try:
                done = subprocess.run(line, cwd=place, env=self.environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=10 * seconds,
                                      preexec_fn=limits(memory, seconds))
                code, said = done.returncode, done.stderr.decode(errors="replace")
            except subprocess.TimeoutExpired as error:
                code, said = "timeout", (error.stderr or b"").decode(errors="replace")
            left = sorted(str(p.relative_to(place)) for p in (place / "out").rglob("*") if p.is_file())
            problem = self.judge(code, said, left)
        self.outcomes[str(code)] += 1
        if label == "sound" and code != 0:
            sys.exit(f"fuzz: a sound file is refused: {' '.join(map(str, line))} ended with {code}: {said}")
        if problem:
            self.keep_failure(name, label, file, damaged, line, problem, said)

    @staticmethod
    def judge(code, said, left):
        """What is wrong with the end of a run, None if nothing."""
        lines = said.removesuffix("\n").split("\n")
        if code not in (0, 1, 2):
            return f"exit {code}"
        if "internal error" in said or "panicked" in said:
            return "panic"
        if code == 0:
            return None
        if any(ord(c) < 32 and c != "\n" for c in said):
            return "control characters on stderr"
        if len(lines) != 1 or not lines[0].startswith("deepallele"):
            return f"{len(lines)} lines on stderr"
        if left:
            return f"left {', '.join(left)}"
        return None

    def keep_failure(self, name, label, file, damaged, line, problem, said):
        folder = self.keep / f"{name}-{label}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(damaged)
        (folder / "command.txt").write_text(" ".join(str(part) for part in line) + f"\n{problem}\n{said[:5000]}\n")
        self.failures.append((name, label, problem))
        first = said.splitlines()[0][:150] if said.strip() else ""
        print(f"fuzz: {name} {label}: {problem}: {first}", file=sys.stderr, flush=True)


def kept_files():
    """(target, label, bytes) of the files that failed once: test-data/damaged/TARGET/LABEL."""
    return [(path.parent.name, path.name, path.read_bytes())
            for path in sorted(KEPT.glob("*/*")) if path.parent.name in TARGETS]


def main():
    parser = argparse.ArgumentParser(description="Run the commands on damaged files.")
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=0, help="end after this time, whatever the number of runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-out"))
    parser.add_argument("--valgrind", action="store_true")
    options = parser.parse_args()
    binaries = options.binaries.resolve()
    names = [name for name in options.only.split(",") if name] or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        sys.exit(f"fuzz: unknown: {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    names = [n for n in names if (binaries / f"deepallele-{TARGETS[n][2][0]}").exists()]
    often = [n for n in names if n not in RARELY] or names

    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-inputs-") as scratch:
        inputs = Path(scratch)
        environment = fuzz_inputs.make(inputs, binaries)
        runner = Runner(binaries, inputs, environment, options.keep, options.valgrind)
        # Sound inputs must be accepted.
        for name in names:
            runner.run(name, "sound", (inputs / TARGETS[name][0]).read_bytes())
        for name, label, damaged in kept_files():
            if name in names:
                runner.run(name, label, damaged)
        done = 0
        for number in range(options.first, options.first + options.runs):
            if options.seconds and time.monotonic() - begin > options.seconds:
                break
            rng = random.Random(f"{options.seed} {number}")
            name = rng.choice(names if number % 10 == 0 else often)
            file, change, _ = TARGETS[name]
            others = [(inputs / TARGETS[rng.choice(names)][0]).read_bytes()]
            try:
                damaged = change(rng, (inputs / file).read_bytes(), others)
            except Exception as error:  # a bug of this script, not of what is tested
                sys.exit(f"fuzz: run {number}, {name}: {error!r}")
            runner.run(name, f"{options.seed}-{number}", damaged)
            done += 1
    ends = ", ".join(f"{count} with exit {code}" for code, count in sorted(runner.outcomes.items()))
    took = time.monotonic() - begin
    print(f"fuzz: {done} runs on damaged files and {sum(runner.outcomes.values()) - done} on others in {took:.0f} s: "
          f"{ends}; {len(runner.failures)} failures")
    for name, label, problem in runner.failures:
        print(f"fuzz: {name} {label}: {problem} ({options.keep / f'{name}-{label}'})")
    sys.exit(1 if runner.failures else 0)


if __name__ == "__main__":
    main()
