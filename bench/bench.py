#!/usr/bin/env python3
"""Speed and memory beside the peers, as a table.

    bench.py BIN [--copies N] [--seconds S] [--only count|cross|network|variants|stream|training|explanation] [--large]

count against `samtools view -c` on the same BAM, with one further thread each; count and haplotypes on a
simulated cross beside their peers (cross.py); training steps of the `atac` preset, as published and with this
suite's default network, and a forward pass against the published network in PyTorch 2.11 (peer_network.py), with
the same number of threads; effects of variants beside full passes and a PyTorch loop (variants.py); contributions of bases,
motifs and their sites compared with tangermeme and memelite (explanation.py). The two sides
of a comparison take turns, so that a busy machine slows both. PyTorch comes from $DEEPALLELE_PEER_PYTHON, else
from a virtual environment in the cache folder, made on the first run.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import venv
from pathlib import Path

import cross
import explanation
import stream
import training
import variants
from timing import cache_folder, in_turns, row

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "test-data"
PEER = ["torch==2.11.0", "numpy==2.4.6"]
ROUNDS = 7
TURNS = 3
NETWORK_TURNS = 5
STEPS = 7  # of ours, in each turn


def peer_python():
    """A Python that has the PyTorch to compare with."""
    if os.environ.get("DEEPALLELE_PEER_PYTHON"):
        return os.environ["DEEPALLELE_PEER_PYTHON"]
    folder = cache_folder() / "peer-torch-2.11.0"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"bench: fetching {' and '.join(PEER)} into {folder}, once", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEER], check=True, stdout=sys.stderr)
        (folder / "complete").touch()
    return python


def replicated(copies):
    """The test reads `copies` times over, every copy with read names of its own, sorted and indexed."""
    path = cache_folder() / f"bench-reads-x{copies}.bam"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.bam")
    header = subprocess.run(["samtools", "view", "-H", DATA / "ctcf_chip.chr22.bam"], check=True, capture_output=True).stdout
    sink = subprocess.Popen(["samtools", "sort", "-l", "6", "-m", "500M", "-o", part, "-"], stdin=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    sink.stdin.write(header)
    # Line by line: Linux counts what this program holds when it starts a child as the child's peak memory too.
    for copy in range(copies):
        with subprocess.Popen(["samtools", "view", DATA / "ctcf_chip.chr22.bam"], stdout=subprocess.PIPE) as source:
            for line in source.stdout:
                name, rest = line.split(b"\t", 1)
                sink.stdin.write(b"%s:%d\t%s" % (name, copy, rest))
    sink.stdin.close()
    if sink.wait() != 0:
        sys.exit("bench: samtools sort failed")
    subprocess.run(["samtools", "index", part], check=True)
    os.rename(f"{part}.bai", f"{path}.bai")
    os.rename(part, path)
    return path


def milliseconds(command, env):
    """The median that a peer or one of our examples prints: `… 123 ms, …` or `step_seconds` and a number."""
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
    seconds = re.search(r"step_seconds\s+([\d.]+)", output)
    return 1000 * float(seconds.group(1)) if seconds else float(re.search(r"([\d.]+) ms", output).group(1))


def count_rows(binaries, copies):
    for reads, rounds in [(DATA / "ctcf_chip.chr22.bam", ROUNDS), (replicated(copies), TURNS)]:
        alignments = int(subprocess.run(["samtools", "view", "-c", reads], check=True, capture_output=True).stdout)
        count = [binaries / "deepallele-count", reads, "-v", DATA / "NA12878.chr22.phased.vcf.gz", "-s", "NA12878",
                 "-L", DATA / "regions.narrowPeak", "-@", "2", "--quiet"]
        ours, peer = in_turns([count, ["samtools", "view", "-c", "-@1", reads]], rounds)
        row(f"count, {alignments:,} reads", f"{ours[0]:.3f} s", f"{ours[1]:.0f} MB", f"samtools view -c -@1: {peer[0]:.3f} s",
            f"{ours[0] / peer[0]:.2f}x its time (at most 3)")


def network_rows(seconds, threads):
    python = peer_python()
    env = dict(os.environ)
    plain = {k: v for k, v in env.items() if k != "LD_LIBRARY_PATH"}  # the peer brings its own libtorch
    examples = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "examples"
    peer = [python, ROOT / "bench/peer_network.py", "--preset", "atac", "--threads", str(threads), "--seconds", str(seconds)]
    train = lambda *which: [examples / "time_network", "atac", "32", str(threads), str(STEPS), *which]
    peer_train = [*peer, "--train", "--batch", "32"]
    # The peer is the published module in every row: its time does not depend on where alleles differ.
    for what, pairs, ours, theirs, goal in [
        ("training step, atac", "32", train("published"), peer_train, 1.0),
        ("training step, atac, default network", "32", train("default"), peer_train, 1.4),
        ("training step, atac, default network, 15 % of pairs with an indel", "32", train("default", "0.15"), peer_train, 1.4),
        ("forward pass, atac", "64", [examples / "forward_speed", "paired", "atac", "64", str(threads), str(seconds)],
         [*peer, "--batch", "64"], 1.5),
    ]:
        turns = [(milliseconds(ours, env), milliseconds(theirs, plain)) for _ in range(NETWORK_TURNS)]
        own, other = (statistics.median(turn[i] for turn in turns) for i in (0, 1))
        row(f"{what}, {pairs} pairs, {threads} threads", f"{own:.0f} ms", "", f"PyTorch 2.11: {other:.0f} ms",
            f"{other / own:.2f}x as fast (at least {goal})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("--copies", type=int, default=20, help="copies of the test reads in the larger BAM [%(default)s]")
    parser.add_argument("--seconds", type=float, default=10, help="time for each network measurement [%(default)s]")
    parser.add_argument("--only", choices=["count", "cross", "network", "variants", "stream", "training", "explanation"], help="one part of the table")
    parser.add_argument("--large", action="store_true", help="also a cross of 20 million variants on 2.6 Gb (4 GB of disk), and contributions of 1,000 pairs (an hour)")
    options = parser.parse_args()
    row("what", "deepallele", "memory", "peer", "ratio")
    row(*["---"] * 5)
    if options.only in (None, "count"):
        count_rows(options.binaries, options.copies)
    if options.only in (None, "cross"):
        cross.rows(options.binaries, options.large)
    if options.only in (None, "network"):
        network_rows(options.seconds, min(2, os.cpu_count() or 1))
    if options.only in (None, "variants"):
        variants.rows(peer_python(), options.seconds, min(2, os.cpu_count() or 1))
    if options.only in (None, "stream"):
        stream.rows(options.binaries)
    if options.only in (None, "training"):
        training.memory_row(options.binaries)
    if options.only in (None, "explanation"):
        explanation.rows(options.binaries, peer_python(), min(2, os.cpu_count() or 1), options.large)


if __name__ == "__main__":
    main()
