#!/usr/bin/env python3
"""The main job on the real data of test-data/: count -> train -> annotate -> predict -> tracks.

    demo.py BIN OUT    BIN holds the built commands, OUT is made

Prints each command as it runs, then a table of what came out, with time and memory. Standard library only.
"""
import gzip
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

THREADS = str(min(2, os.cpu_count() or 1))
# Below so many windows a correlation of either sign is chance (95 % of those without any lie within 0.36 at 30).
ENOUGH, FEW = 30, ": too few to tell chance from skill"


class Step:
    """One command that was run: its name, seconds and peak memory in MB."""

    def __init__(self, arguments):
        self.name = arguments[0]
        print("\n$ deepallele " + " ".join(shlex.quote(str(a)) for a in arguments), flush=True)
        start = time.monotonic()
        child = subprocess.Popen([BIN / "deepallele", *arguments])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - start
        self.megabytes = usage.ru_maxrss / 1024
        if child.returncode != 0:
            sys.exit(f"demo: deepallele {self.name} ended with {child.returncode}")


def rows(path):
    """The lines of a table, each as a dictionary by the names of its header line."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt") as lines:
        header = None
        for line in lines:
            if line.startswith("##"):
                continue
            columns = line.rstrip("\n").split("\t")
            if header is None:
                header = [columns[0].lstrip("#"), *columns[1:]]
            else:
                yield dict(zip(header, columns))


def main():
    data = Path("test-data")
    reads, variants, genome = data / "ctcf_chip.chr22.bam", data / "NA12878.chr22.phased.vcf.gz", data / "chr22.hg19.fa.gz"
    regions = data / "regions.narrowPeak"
    OUT.mkdir(parents=True, exist_ok=True)
    counts, model = OUT / "counts.tsv.gz", OUT / "model/model.onnx"
    who = ["-v", variants, "-s", "NA12878"]
    steps = [
        Step(["count", reads, *who, "-f", genome, "-L", regions, "-@", THREADS, "--per-variant", OUT / "variants.tsv.gz",
              "-o", counts]),
        # A short window: a minute or two on two cores, for one chromosome of data.
        Step(["train", counts, "-f", genome, *who, "--window", "256", "--seed", "1", "--device", "cpu", "-@", THREADS,
              "-o", OUT / "model"]),
        Step(["annotate", "-m", model, "-f", genome, variants, "-@", THREADS, "-W=tbi",
              "--bedgraph", OUT / "effects.bedGraph", "--bigwig", OUT / "effects.bw", "--igv", OUT / "effects.igv.xml",
              "-o", OUT / "effects.vcf.gz"]),
        # From the annotated file, so that the session of all shows variants with their effects.
        Step(["predict", "-m", model, "-f", genome, "-v", OUT / "effects.vcf.gz", "-s", "NA12878", "-L", counts,
              "-@", THREADS, "--compare", counts, "--bedgraph", OUT / "predicted", "--bigwig", OUT / "predicted",
              "--igv", OUT / "all.igv.xml", "--igv-track", OUT / "effects.bw", "--igv-track", reads,
              "-o", OUT / "predictions.tsv.gz"]),
    ]
    report(steps, counts)


def report(steps, counts):
    line = lambda name, value: print(f"{name:<34} {value}")
    table = list(rows(counts))
    print("\n== what the demo made ==")
    classes = ["hap1", "hap2", "uninformative", "conflicting"]
    line("regions counted", f"{len(table):,}")
    line("fragments", ", ".join(f"{name} {sum(int(row[name]) for row in table):,}" for name in classes))
    sites = list(rows(OUT / "variants.tsv.gz"))
    covered = sum(int(row["hap1"]) + int(row["hap2"]) > 0 for row in sites)
    line("heterozygous SNVs with fragments", f"{covered} of {len(sites)}")

    summary = json.loads((OUT / "model/summary.json").read_text())
    run = summary["runs"][0]
    line("windows", ", ".join(f"{run[part]} {part}" for part in ["train", "validation", "test"]))
    line("epochs", f"{run['epochs']}, best {run['best_epoch']}")
    print("held-out windows, log counts         Pearson hap1  hap2    Spearman hap1  hap2    MSE hap1  hap2")
    number = lambda value: "   .  " if value is None else f"{value:6.3f}"
    for entry in summary["on_test"]:
        one, two = entry["hap1"], entry["hap2"]
        cells = [number(side[key]) for key in ["pearson", "spearman", "mean_squared_error"] for side in (one, two)]
        print(f"  {entry['name']:<34} {cells[0]}  {cells[1]}        {cells[2]}  {cells[3]}    {cells[4]}  {cells[5]}")
    ratio = next(entry["ratio"] for entry in summary["on_test"] if entry["name"] == "model")
    line("held-out log2 ratio", f"Pearson {number(ratio['pearson']).strip()}, Spearman {number(ratio['spearman']).strip()}"
                                f" over {ratio['n']} windows whose alleles differ{FEW if ratio['n'] < ENOUGH else ''}")

    with gzip.open(OUT / "effects.vcf.gz", "rt") as records:
        annotated = [record for record in records if not record.startswith("#")]
    with_effect = sum("DA_LFC=" in record and "DA_LFC=." not in record for record in annotated)
    line("variants annotated", f"{with_effect} of {len(annotated)}")
    line("time", f"{sum(s.seconds for s in steps):.0f} s (" + ", ".join(f"{s.name} {s.seconds:.1f}" for s in steps) + ")")
    line("peak memory", f"{max(s.megabytes for s in steps):.0f} MB (" + ", ".join(f"{s.name} {s.megabytes:.0f}" for s in steps) + ")")
    print("files")
    for path in sorted(p for p in OUT.rglob("*") if p.is_file()):
        print(f"  {path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    os.chdir(Path(__file__).resolve().parent.parent)
    BIN, OUT = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    main()
