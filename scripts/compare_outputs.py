#!/usr/bin/env python3
"""Check that two builds of the commands write the same bytes, by the command lines of compare_cases.py on test-data.

    compare_outputs.py compare BIN_A BIN_B         run both, name each output that differs and its first differing line
    compare_outputs.py record BIN FILE.json        write the SHA-256 of each output
    compare_outputs.py check BIN FILE.json         run again and name each output that differs from that table

    --keep DIR     keep the outputs in this folder, which must not exist
    --only WORD    only cases whose name holds WORD, and those whose files they read

BIN holds the built commands. Outputs are the files that a command writes, its standard output and its exit code;
standard error is not compared. Exit 1 when an output differs or a command line has an unexpected exit code.
Standard library only. The engines are those of scripts/fetch_engines.py, unless LIBTORCH and ORT_DYLIB_PATH name others.
"""
import argparse
import gzip
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import compare_cases
import compare_inputs

ROOT = Path(__file__).resolve().parent.parent
STDOUT, EXIT = "<standard output>", "<exit code>"
LONGEST = 300


def environment(commands):
    """The environment of every command."""
    variables = {k: v for k, v in os.environ.items() if k not in ("RUST_LOG", "DEEPALLELE")}
    variables |= {"LC_ALL": "C.UTF-8", "TZ": "UTC", "BCFTOOLS_PLUGINS": f"{commands / 'bcftools'}:"}
    fetch = lambda what: subprocess.run([sys.executable, ROOT / "scripts/fetch_engines.py", what], check=True, text=True,
                                        stdout=subprocess.PIPE).stdout.strip()
    if "LIBTORCH_USE_PYTORCH" not in variables:
        library = f"{variables.get('LIBTORCH') or fetch('torch')}/lib"
        variables["LD_LIBRARY_PATH"] = ":".join(filter(None, [library, variables.get("LD_LIBRARY_PATH")]))
    variables.setdefault("ORT_DYLIB_PATH", fetch("onnx"))
    return variables


def run(case, commands, variables, folder):
    """Run a case in `folder`/NAME. Returns its outputs, label -> bytes, and the reason if it ended unexpectedly."""
    here = folder / case.name
    here.mkdir()
    for name in {"data", "made"} | (compare_cases.reads(case) & set(os.listdir(folder))):
        (here / name).symlink_to(Path("..") / name)
    program = commands / case.program if (commands / case.program).is_file() else case.program
    with open(here / case.stdin if case.stdin else os.devnull, "rb") as stdin:
        try:
            done = subprocess.run([program, *shlex.split(case.line)], cwd=here, env=variables, stdin=stdin, capture_output=True,
                                  timeout=LONGEST)
        except subprocess.TimeoutExpired:
            return {EXIT: b"too long"}, f"not done after {LONGEST} s"
    outputs = {EXIT: str(done.returncode).encode(), STDOUT: done.stdout}
    for at, folders, names in os.walk(here):  # follows no link
        for path in (Path(at) / name for name in sorted(names)):
            outputs[str(path.relative_to(here))] = fixed(path)
    (here / "stdout").write_bytes(done.stdout)  # for --keep
    if done.returncode == case.ends:
        return outputs, None
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return outputs, f"ended with {done.returncode} instead of {case.ends}: {said[-1] if said else ''}"


def fixed(path):
    """The bytes of an output, with the modification time of HDF5 objects set to 0: no option of the commands fixes it.

    It is message 0x0012 of an object header: type, size 8, flags, 3 zeros; then version 1, 3 zeros, 4 bytes of seconds.
    """
    content = path.read_bytes()
    if content.startswith(b"\x89HDF"):
        content = re.sub(rb"(?s)(\x12\0\x08\0.\0\0\0\x01\0\0\0)....", rb"\1\0\0\0\0", content)
    return content


def run_all(cases, commands, folder):
    """Run all cases. Returns their outputs, (name of the case, label) -> bytes, and the names of those that ended unexpectedly."""
    folder.mkdir(parents=True)
    (folder / "made").mkdir()
    (folder / "data").symlink_to(ROOT / "test-data")
    compare_inputs.make(folder / "made", ROOT)
    outputs = {("made", path.name): path.read_bytes() for path in sorted((folder / "made").iterdir())}
    variables, wrong = environment(commands), []
    for case in cases:
        found, trouble = run(case, commands, variables, folder)
        outputs |= {(case.name, label): content for label, content in found.items()}
        if trouble:
            wrong.append(case.name)
            print(f"{case.name}: {trouble}", file=sys.stderr, flush=True)
    return outputs, wrong


def chosen(word):
    """The cases to run, in order."""
    cases = compare_cases.ordered()
    if any(case.program == "bcftools" for case in cases) and not shutil.which("bcftools"):
        print("compare_outputs: bcftools is not installed; its plugin is not compared", file=sys.stderr)
        cases = [case for case in cases if case.program != "bcftools"]
    wanted = {case.name for case in cases if word in case.name}
    for case in reversed(cases):
        wanted |= compare_cases.reads(case) if case.name in wanted else set()
    return [case for case in cases if case.name in wanted]


def unpacked(content):
    """The decompressed content of a gzip or bgzip file, else the content itself."""
    try:
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError):
        return content


def difference(one, two):
    """The first difference of two contents, in words."""
    if one is None or two is None:
        return "only the first build writes it" if two is None else "only the second build writes it"
    inside, other = unpacked(one), unpacked(two)
    if inside == other:
        return "the same content, compressed differently"
    try:
        lines, others = inside.decode().split("\n"), other.decode().split("\n")
        at = next(i for i, pair in enumerate(zip(lines + [None], others + [None])) if pair[0] != pair[1])
        line = lambda rows: repr(rows[at][:200]) if at < len(rows) else "(end)"
        return f"line {at + 1}:\n    - {line(lines)}\n    + {line(others)}"
    except UnicodeDecodeError:
        at = next((i for i, pair in enumerate(zip(inside, other)) if pair[0] != pair[1]), min(len(inside), len(other)))
        return f"byte {at:,} of {len(inside):,} and {len(other):,}"


def report(cases, differing, explain):
    """Print each output that differs, below the command line of its case."""
    lines = {case.name: case.line for case in cases}
    names = {name for name, _ in differing}
    for name in dict.fromkeys(name for name, _ in differing):
        case = next((case for case in cases if case.name == name), None)
        after = sorted(compare_cases.reads(case) & names - {name}) if case else []
        print(f"{name}: {lines.get(name, '')}" + (f"\n  (reads {', '.join(after)}, whose outputs differ too)" if after else ""))
        for key in (key for key in differing if key[0] == name):
            print(f"  {key[1]}: {explain(key)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["compare", "record", "check"])
    parser.add_argument("commands", type=Path, metavar="BIN")
    parser.add_argument("other", type=Path, metavar="BIN_B|FILE.json")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--only", default="", metavar="WORD")
    options = parser.parse_args()
    start, cases = time.monotonic(), chosen(options.only)
    builds = [options.commands.resolve()] + ([options.other.resolve()] if options.task == "compare" else [])
    for folder in builds:
        if not (folder / "deepallele").is_file():
            sys.exit(f"compare_outputs: no commands in {folder}: run make build")
    table = json.loads(options.other.read_text()) if options.task == "check" else None

    with tempfile.TemporaryDirectory() as scratch:
        top = options.keep or Path(scratch)
        folders = [top / name for name in ("first", "second")][:len(builds)]
        # Side by side, one process of each build at a time.
        with ThreadPoolExecutor() as pool:
            results = list(pool.map(lambda pair: run_all(cases, *pair), zip(builds, folders)))
    outputs, wrong = results[0]
    if options.task == "compare":
        second, also_wrong = results[1]
        wrong = sorted({*wrong, *also_wrong})
        differing = [key for key in dict.fromkeys([*outputs, *second]) if outputs.get(key) != second.get(key)]
        report(cases, differing, lambda key: difference(outputs.get(key), second.get(key)))
    else:
        digests = {"/".join(key): hashlib.sha256(content).hexdigest() for key, content in outputs.items()}
        differing = []
        if options.task == "record":
            options.other.write_text(json.dumps(digests, indent=1) + "\n")
        else:
            names = {case.name for case in cases} | {"made"}
            known = [label for label in table if label.split("/")[0] in names]
            labels = [label for label in dict.fromkeys([*digests, *known]) if digests.get(label) != table.get(label)]
            differing = [tuple(label.split("/", 1)) for label in labels]
            missing = lambda label: "is not written now" if label not in digests else "is not in the table"
            report(cases, differing, lambda key: "differs" if "/".join(key) in digests.keys() & table.keys() else missing("/".join(key)))
    print(f"{len(cases)} command lines, {len(outputs)} outputs, {len(differing)} differ; {len(wrong)} unexpected exit codes; "
          f"{time.monotonic() - start:.0f} s")
    sys.exit(1 if differing or wrong else 0)


if __name__ == "__main__":
    main()
