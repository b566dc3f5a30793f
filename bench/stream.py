"""`annotate` as a part of a pipe: what reading and writing cost, and effects in two haplotypes on a million variants.

The records are those of the simulated cross (`cross.py`), the network is the small golden one of `test-data/parity`.
"""
import subprocess
import tempfile
from pathlib import Path

from cross import records, simulated
from timing import in_turns, row, timed

ROOT = Path(__file__).resolve().parent.parent
TURNS = 3


def rows(binaries):
    folder = simulated("bench-cross-1")
    variants, regions = folder / "variants.bcf", folder / "regions.bed"
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        model, nowhere, text = scratch / "model.onnx", scratch / "nowhere.bed", scratch / "variants.vcf.gz"
        subprocess.run([binaries / "deepallele-import", ROOT / "test-data/parity/mh/model.ckpt", "-o", model, "--quiet"],
                       check=True)
        # Before the first variant: every record passes through.
        nowhere.write_text("chr1\t0\t1\n")
        subprocess.run(["bcftools", "view", "-Oz", "-o", text, "--threads", "1", variants], check=True)
        number = f"{records(variants):,}"
        annotate = [binaries / "deepallele-annotate", "-m", model, "-f", folder / "reference.fa", "-@", "2", "--quiet"]
        for source, kind in [(variants, "b"), (text, "z")]:
            out = scratch / "out"
            ours = [*annotate, "-L", nowhere, f"-O{kind}", "-o", out, source]
            peer = ["bcftools", "view", f"-O{kind}", "--threads", "1", "-o", out, source]
            (seconds, memory), (theirs, _) = in_turns([ours, peer], TURNS)
            what = "BCF" if kind == "b" else "vcf.gz"
            row(f"annotate, {number} records of {what}, none in a region", f"{seconds:.2f} s", f"{memory:.0f} MB (at most 1,000)",
                f"bcftools view: {theirs:.2f} s", f"{seconds / theirs:.2f}x its time (at most 1.3)")
        for what, more in [("on the reference", []), ("in two haplotypes", ["-s", "F1"])]:
            seconds, memory = timed([*annotate, "-L", regions, *more, "-Ob", "-o", scratch / "out", variants])
            row(f"annotate {what}, {number} records, 50,000 regions", f"{seconds:.1f} s", f"{memory:.0f} MB (at most 1,000)", "", "")
