"""Effects of single-base variants: `python3 bench/variants.py`, rows of `make bench`.

What `annotate` computes of a variant (`core/examples/variant_speed`), against a full pass of ONNX Runtime over its pair
of windows, and against the published network in PyTorch, one variant a call (`peer_network.py --batch 1`). The network
is the published one of each preset, paired; `default` in a row's name is this suite's own.
"""
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from timing import row

ROOT = Path(__file__).resolve().parent.parent
TURNS = 3
# Name, preset, window, network, variants of a region, regions, bases between windows or "", how many variants are
# enough to measure full passes, and by how much these are to be slower.
CASES = [
    ("atac, 8 in each region", "atac", 330, "published", 8, 128, "", 16, 5),
    ("atac, default network, 8 in each region", "atac", 330, "default", 8, 128, "", 16, 5),
    ("atac, every base of a region", "atac", 330, "published", 330, 6, "", 16, 5),
    ("atac, a window around each, 30 bases apart", "atac", 330, "published", 1024, 1, "30", 16, 5),
    ("rna, 10 kb, 100 in each region", "rna", 10000, "published", 100, 4, "", 2, 10),
    ("rna, 10 kb, a window around each, 30 bases apart", "rna", 10000, "published", 256, 1, "30", 2, 10),
]


def run(command, env):
    """Milliseconds a variant and peak memory in MB."""
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, text=True)
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with {child.returncode}")
    # The peer rounds to whole milliseconds; pairs a second say more where these are few.
    found = re.search(r"([\d.]+) ms a variant", said) or re.search(r": (\d{3,}) ms, ", said)
    milliseconds = float(found.group(1)) if found else 1000 / float(re.search(r"([\d.]+) pairs/s", said).group(1))
    return milliseconds, usage.ru_maxrss / 1024


def rows(python, seconds, threads):
    """`python` is one with PyTorch, `seconds` the time for each of its measurements."""
    env = dict(os.environ)
    plain = {k: v for k, v in env.items() if k != "LD_LIBRARY_PATH"}  # the peer brings its own libtorch
    speed = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "examples" / "variant_speed"
    for what, preset, window, network, variants, regions, apart, enough, goal in CASES:
        local = [speed, "incremental", preset, window, network, variants, regions, threads, apart]
        full = [speed, "full", preset, window, network, 1, enough, threads]
        peer = [python, ROOT / "bench/peer_network.py", "--preset", preset, "--window", window, "--batch", 1,
                "--threads", threads, "--seconds", seconds]
        turns = [(run(local, env), run(full, env), run(peer, plain)) for _ in range(TURNS)]
        ours, in_full, torch = (statistics.median(turn[i][0] for turn in turns) for i in range(3))
        memory, of_full = (max(turn[i][1] for turn in turns) for i in range(2))
        row(f"effects of SNVs, {what}, {threads} threads", f"{ours:.2f} ms each", f"{memory:.0f} MB (at most 1,000)",
            f"full passes of ONNX Runtime: {in_full:.1f} ms, {of_full:.0f} MB", f"{in_full / ours:.1f}x as fast (at least {goal})")
        row("the same", f"{ours:.2f} ms each", "", f"PyTorch 2.11, one variant a call: {torch:.1f} ms",
            f"{torch / ours:.1f}x as fast (at least 50)")


if __name__ == "__main__":
    rows(os.environ.get("DEEPALLELE_PEER_PYTHON", sys.executable), 10, min(2, os.cpu_count() or 1))
