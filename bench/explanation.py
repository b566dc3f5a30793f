"""Explanation compared with its peers: `python3 bench/explanation.py BIN`, rows of `make bench`.

Mutagenesis of designed pairs of 330 bases (network of the `atac` preset as published, random weights) against passes of
that network in PyTorch, one a replaced base as in the published loop, and against tangermeme; motifs compared with each
other and found in sequences (`core/examples/motif_speed`) against memelite; seqlets clustered
(`core/examples/cluster_seqlets`). The two sides of a comparison take turns.
"""
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from timing import cache_folder, row

ROOT = Path(__file__).resolve().parent.parent
PEERS = ["tangermeme==1.6.0", "memelite==0.5.0"]
TURNS = 3
BASES = 330
SEQUENCES = 1000
SEQLETS = 50000


def add_peers(python):
    """The peers, in the environment of PyTorch."""
    if subprocess.run([python, "-c", "import tangermeme, memelite"], capture_output=True).returncode != 0:
        print(f"bench: installing {' and '.join(PEERS)}, once", file=sys.stderr)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True, stdout=sys.stderr)


def said(command, env=None):
    """What a command prints."""
    done = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def seconds(text, what=""):
    """The number before `seconds`, in the line with `what`."""
    return float(re.search(rf"{what}.*?([\d.]+) seconds", text).group(1))


def timed(command):
    """Seconds and peak memory in MB of a command."""
    done = said(["/usr/bin/env", "python3", "-c", TIMED, *command])
    spent, memory = map(float, done.split()[-2:])
    return spent, memory / 1024


TIMED = """
import os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
if status: sys.exit(f"ended with {status}")
print(time.perf_counter() - start, usage.ru_maxrss)
"""


def attribution_rows(binaries, python, threads, pairs, peer_pairs, plain):
    folder = cache_folder() / "bench-explain"
    peer = [python, ROOT / "bench/peer_explanation.py"]
    said([*peer, "network", folder, pairs], plain)
    said([binaries / "deepallele", "import", folder / "model.ckpt", "-o", folder / "model.onnx"])
    explain = [binaries / "deepallele", "explain", "attributions", "-m", folder / "model.onnx", "--pairs",
               folder / "pairs.tsv", "-o", folder / "explained", "-@", threads]
    ours, memory = zip(*(timed(explain) for _ in range(1 if pairs > 100 else TURNS)))
    loop = statistics.median(seconds(said([*peer, "loop", folder, threads], plain)) for _ in range(TURNS))
    each = statistics.median(ours) / pairs
    published = loop * (6 * BASES + 1)
    row(f"mutagenesis of {pairs} pairs of {BASES} bases, {threads} threads", f"{each:.2f} s a pair", f"{max(memory):.0f} MB",
        f"a pass of PyTorch 2.11 for each base: {published:.1f} s", f"{published / each:.0f}x as fast (at least 10)")
    theirs = seconds(said([*peer, "ism", folder, threads, peer_pairs], plain)) / peer_pairs
    row("the same", f"{each:.2f} s a pair", "", f"tangermeme 1.6.0, fast=True, {peer_pairs} pairs: {theirs:.1f} s",
        f"{theirs / each:.1f}x as fast (at least 2)")
    ours, memory = zip(*(timed([*explain, "--method", "deeplift", "--baseline", "shuffles"]) for _ in range(TURNS)))
    each = statistics.median(ours) / pairs
    theirs = seconds(said([*peer, "deeplift", folder, threads, peer_pairs], plain)) / peer_pairs
    row(f"DeepLIFT of {pairs} pairs, 20 shuffles, {threads} threads", f"{each:.3f} s a pair", f"{max(memory):.0f} MB",
        f"tangermeme 1.6.0, {peer_pairs} pairs: {theirs:.3f} s", f"{theirs / each:.1f}x as fast (at least 1)")


def motif_rows(python, threads, plain):
    examples = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "examples"
    motifs = cache_folder() / "bench-746.meme"
    peer = [python, ROOT / "bench/peer_explanation.py"]
    ours = [said([examples / "motif_speed", motifs, SEQUENCES, threads]) for _ in range(TURNS)]
    compared, one, both = (statistics.median(seconds(text, what) for text in ours)
                           for what in ("compared", "one allele", "both alleles"))
    theirs = said([*peer, "tomtom", motifs], plain)
    row(f"746 motifs compared with each other, {threads} threads", f"{compared:.2f} s (at most 3)", "",
        f"memelite 0.5.0: {seconds(theirs, 'first'):.0f} s, called again {seconds(theirs, 'second'):.1f} s",
        f"{seconds(theirs, 'second') / compared:.1f}x as fast as called again")
    theirs = said([*peer, "fimo", motifs, SEQUENCES], plain)
    row(f"746 motifs in {SEQUENCES} sequences of {BASES} bases, {threads} threads", f"{one:.2f} s (at most 4)", "",
        f"memelite 0.5.0: {seconds(theirs, 'first'):.0f} s, called again {seconds(theirs, 'second'):.1f} s",
        f"{seconds(theirs, 'second') / one:.1f}x as fast as called again")
    row("the same in both alleles", f"{both:.2f} s", "", "one allele", f"{both / one:.2f}x as long (at most 1.3)")
    spent, memory = timed([examples / "cluster_seqlets", SEQLETS])
    row(f"{SEQLETS:,} seqlets clustered, all cores", f"{spent:.0f} s", f"{memory:.0f} MB (at most 2,000)", "", "")


def rows(binaries, python, threads, large):
    add_peers(python)
    plain = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}  # the peer brings its own libtorch
    attribution_rows(binaries, python, threads, *((1000, 20) if large else (20, 4)), plain)
    motif_rows(python, threads, plain)


if __name__ == "__main__":
    rows(Path(sys.argv[1]), os.environ.get("DEEPALLELE_PEER_PYTHON", sys.executable), min(2, os.cpu_count() or 1), False)
