#!/usr/bin/env python3
"""Fetch the two engines, libtorch and ONNX Runtime, into a cache outside the checkout.

    fetch_engines.py torch    prints the folder that LIBTORCH should name
    fetch_engines.py onnx     prints the path of libonnxruntime.so

Both come out of Python wheels that pip fetches from whatever index it is configured with. Every wheel
is pinned by version and SHA-256, always the CPython 3.11 build, whatever Python runs this script: only
the shared libraries and C++ headers in it are used. A finished folder is reused; a folder appears under
its final name only when it is whole.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEELS = {
    "torch": ("torch==2.11.0", "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a"),
    "cudart": ("nvidia-cuda-runtime==13.0.96", "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548"),
    "cupti": ("nvidia-cuda-cupti==13.0.85", "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8"),
    "onnxruntime": ("onnxruntime==1.32.0", "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d"),
}
PLATFORMS = ["manylinux_2_28_x86_64", "manylinux_2_25_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64"]
# What a CPU build of torch-sys links and opens; CUDA and Python parts stay in the wheel.
TORCH_LIBRARIES = ["libtorch_cpu.so", "libc10.so", "libgomp.so.1"]


def fail(message):
    print(f"fetch_engines: {message}", file=sys.stderr)
    sys.exit(1)


def cache_folder():
    chosen = os.environ.get("DEEPALLELE_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "deepallele"


def wheel(name, folder):
    """Download one pinned wheel and check its digest; returns its path."""
    requirement, digest = WHEELS[name]
    print(f"fetch_engines: fetching {requirement}", file=sys.stderr)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
               "--python-version", "3.11", "--implementation", "cp", "--dest", str(folder)]
    for platform in PLATFORMS:
        command += ["--platform", platform]
    done = subprocess.run(command + [requirement], stdout=sys.stderr)
    if done.returncode != 0:
        fail(f"pip could not fetch {requirement}; is a package index configured and reachable?")
    found = list(folder.glob(requirement.split("==")[0].replace("-", "_") + "-*.whl"))
    if len(found) != 1:
        fail(f"pip left no wheel for {requirement}")
    seen = hashlib.sha256()
    with open(found[0], "rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            seen.update(chunk)
    if seen.hexdigest() != digest:
        fail(f"{requirement} has SHA-256 {seen.hexdigest()}, expected {digest}; it is not the pinned file")
    return found[0]


def take(archive, member, target):
    """Copy one member of a wheel to `target`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, open(target, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)


def only(archive, ending):
    members = [m for m in archive.namelist() if m.endswith(ending)]
    if len(members) != 1:
        fail(f"{archive.filename} holds {len(members)} members that end in {ending}")
    return members[0]


def lay_torch(folder, downloads):
    with zipfile.ZipFile(wheel("torch", downloads)) as archive:
        for library in TORCH_LIBRARIES:
            take(archive, f"torch/lib/{library}", folder / "lib" / library)
        for member in archive.namelist():
            if member.startswith("torch/include/") and not member.endswith("/"):
                take(archive, member, folder / member[len("torch/"):])
    for name, library in [("cudart", "libcudart.so.13"), ("cupti", "libcupti.so.13")]:
        with zipfile.ZipFile(wheel(name, downloads)) as archive:
            take(archive, only(archive, library), folder / "lib" / library)
    # torch-sys links -ltorch; the real one only pulls in the CUDA half.
    subprocess.run(["gcc", "-shared", "-x", "c", "/dev/null", "-o", str(folder / "lib" / "libtorch.so")], check=True)
    (folder / "build-version").write_text("2.11.0\n")


def lay_onnx(folder, downloads):
    with zipfile.ZipFile(wheel("onnxruntime", downloads)) as archive:
        take(archive, only(archive, "capi/libonnxruntime.so.1.32.0"), folder / "libonnxruntime.so")
        for notice in ("LICENSE", "ThirdPartyNotices.txt"):
            take(archive, f"onnxruntime/{notice}", folder / notice)


def ensure(name, lay):
    final = cache_folder() / name
    if final.is_dir():
        return final
    final.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=final.parent) as scratch:
        folder = Path(scratch) / "ready"
        folder.mkdir()
        downloads = Path(scratch) / "wheels"
        downloads.mkdir()
        lay(folder, downloads)
        try:
            folder.rename(final)
        except OSError:
            if not final.is_dir():  # another run finished first: use its folder
                raise
    return final


def main():
    if sys.argv[1:] == ["torch"]:
        print(ensure("libtorch-2.11.0-cpu", lay_torch))
    elif sys.argv[1:] == ["onnx"]:
        print(ensure("onnxruntime-1.32.0", lay_onnx) / "libonnxruntime.so")
    else:
        fail("usage: fetch_engines.py torch|onnx")


if __name__ == "__main__":
    main()
