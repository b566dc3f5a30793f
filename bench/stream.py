"""`annotate` as a part of a pipe: what reading and writing cost, effects in two haplotypes on a million variants, and
a stream of 20 million.

The records are those of the simulated cross (`cross.py`), the network is the small golden one of `test-data/parity`.
"""
import subprocess
import tempfile
from pathlib import Path

from cross import records, simulated
from timing import in_turns, row, timed

ROOT = Path(__file__).resolve().parent.parent
TURNS = 3
STREAMED = 20_000_000
REGIONS = 500  # of the 50,000, in which records of the long stream are annotated


def streamed(annotate, variants, regions, scratch):
    """The records of `variants` over and over as uncompressed BCF through a pipe, some of them annotated."""
    once, header, body, some = (scratch / name for name in ("once", "header", "body", "some.bed"))
    # By its name bcftools would compress it.
    with open(once, "wb") as out:
        subprocess.run(["bcftools", "view", "-Ou", variants], check=True, stdout=out)
    with open(once, "rb") as whole:
        size = 9 + int.from_bytes(whole.read(9)[5:], "little")
    with open(header, "wb") as out:
        subprocess.run(["head", "-c", str(size), once], check=True, stdout=out)
    with open(body, "wb") as out:
        subprocess.run(["tail", "-c", f"+{size + 1}", once], check=True, stdout=out)
    lines = regions.read_text().splitlines(keepends=True)
    some.write_text("".join(lines[:: len(lines) // REGIONS]))
    del lines
    times = -(-STREAMED // records(variants))
    with subprocess.Popen(["cat", header, *[body] * times], stdout=subprocess.PIPE) as source:
        seconds, memory = timed([*annotate, "-L", some, "-Ou", "-o", "/dev/null", "-"], stdin=source.stdout)
        source.stdout.close()
    number = f"{times * records(variants):,}"
    row(f"annotate, {number} records of BCF through a pipe, {REGIONS} regions", f"{seconds:.1f} s", f"{memory:.0f} MB (at most 1,000)", "", "")


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
        streamed(annotate, variants, regions, scratch)
