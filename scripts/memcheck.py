#!/usr/bin/env python3
"""Run the commands under valgrind, on sound inputs and on damaged ones: memcheck.py BIN [--runs N].

Invalid reads and writes, and decisions by memory that was never set, are failures. `train` is left out: valgrind cannot
run libtorch's kernels in useful time. Without valgrind nothing is tested, which is said.
"""
import shutil
import subprocess
import sys
from pathlib import Path

from fuzz import RARELY, TARGETS


def main():
    if shutil.which("valgrind") is None:
        print("memcheck: valgrind is not installed (Debian: apt install valgrind); nothing was tested", file=sys.stderr)
        return 0
    binaries = sys.argv[1] if len(sys.argv) > 1 else "target/release"
    runs = sys.argv[sys.argv.index("--runs") + 1] if "--runs" in sys.argv else "60"
    names = [name for name in TARGETS if name not in RARELY]
    return subprocess.run([sys.executable, Path(__file__).parent / "fuzz.py", binaries, "--valgrind", "--runs", runs,
                           "--only", ",".join(names), "--keep", "memcheck-out"]).returncode


if __name__ == "__main__":
    sys.exit(main())
