"""Wall time and memory of commands, and rows of the table."""
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path


def cache_folder():
    chosen = os.environ.get("DEEPALLELE_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "deepallele"


def timed(command, peer=False, stdin=None):
    """Wall seconds and peak memory in MB of one run; of a peer that fails None, said on stderr."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        problem = f"bench: {' '.join(map(str, command))} ended with {child.returncode}: {said.decode(errors='replace')}"
        if not peer:
            sys.exit(problem)
        print(problem, file=sys.stderr)
        return None
    return seconds, usage.ru_maxrss / 1024


def in_turns(commands, rounds):
    """Median seconds and largest memory of each command, run one after the other `rounds` times."""
    for command in commands:
        timed(command)  # the files are in memory now
    runs = [[timed(command) for command in commands] for _ in range(rounds)]
    return [(statistics.median(r[i][0] for r in runs), max(r[i][1] for r in runs)) for i in range(len(commands))]


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)
