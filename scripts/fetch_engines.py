#!/usr/bin/env python3
"""Fetch the two engines, libtorch and ONNX Runtime, into a cache outside the checkout.

    fetch_engines.py torch    prints the folder that LIBTORCH should name
    fetch_engines.py onnx     prints the path of libonnxruntime.so

Both come out of Python wheels that pip fetches from whatever index it is configured with. Every wheel
is pinned by version and SHA-256, always the CPython 3.11 build, whatever Python runs this script: only
the shared libraries and C++ headers in it are used. A finished folder is reused; a folder appears under
its final name only when it is whole. Libraries and headers are compared with their digests every time, which takes
some two seconds; "verified" after the name leaves that out, for callers that have just done it.
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


# SHA-256 of what is linked and opened, as it is in the pinned wheels.
DIGESTS = {
    "libtorch-2.11.0-cpu": {
        "lib/libtorch_cpu.so": "99ea9120891528198d73d477714adf14ec662dec467aca8a3940796ccd452e91",
        "lib/libc10.so": "be5e17cd7752a6af003978706379384c3108f6b68916bb1949e610f6397bb640",
        "lib/libgomp.so.1": "e28fb2896a3d612b46a27d7f8ef840d34c9efbc29b70a044c42095fb94856890",
        "lib/libcudart.so.13": "96c42e418cec19054186b9429c321603cc190bf26a18104e19408117a2a817b0",
        "lib/libcupti.so.13": "e2f9ed861fe27c492b8bb52b5e3220ef5120f3edcda36312e96b7fd8a186be3e",
    },
    "onnxruntime-1.32.0": {
        "libonnxruntime.so": "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
    },
}
# Of all headers of libtorch together; see `tree_digest`.
HEADERS = "eea2bb639a83c5bfe4e7819073071e6d294f442e921e4d9e74741cfee968a34d"


def fail(message):
    print(f"fetch_engines: {message}", file=sys.stderr)
    sys.exit(1)


def cache_folder():
    chosen = os.environ.get("DEEPALLELE_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "deepallele"


def file_digest(path):
    """SHA-256 of a file."""
    seen = hashlib.sha256()
    with open(path, "rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            seen.update(chunk)
    return seen.hexdigest()


def tree_digest(folder):
    """SHA-256 over the names and digests of all files below a folder, in the order of their names."""
    seen = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        seen.update(f"{path.relative_to(folder).as_posix()}\0{file_digest(path)}\n".encode())
    return seen.hexdigest()


def verify(folder):
    """Check what is linked and opened, at every build: the cache is an ordinary folder, and others may write there."""
    advice = f"remove {folder} and run this again"
    for name, digest in DIGESTS.get(folder.name, {}).items():
        if not (folder / name).is_file():
            fail(f"{folder / name} is missing; {advice}")
        seen = file_digest(folder / name)
        if seen != digest:
            fail(f"{folder / name} has SHA-256 {seen}, expected {digest}: it was changed or is damaged; {advice}")
    if not folder.name.startswith("libtorch"):
        return
    if tree_digest(folder / "include") != HEADERS:
        fail(f"{folder / 'include'} is not as in the pinned wheel: a header was changed or is missing; {advice}")
    # Made here, so that it has no pinned digest. The cache may be read-only.
    with tempfile.TemporaryDirectory() as scratch:
        ours, there = Path(scratch) / "libtorch.so", folder / "lib/libtorch.so"
        empty_library(ours)
        if not there.is_file() or file_digest(ours) != file_digest(there):
            copy = there.with_name(f"libtorch.so.{os.getpid()}")
            shutil.copyfile(ours, copy)
            copy.replace(there)


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
    seen = file_digest(found[0])
    if seen != digest:
        fail(f"{requirement} has SHA-256 {seen}, expected {digest}; it is not the pinned file")
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


def empty_library(path):
    """What torch-sys links as -ltorch; the real one only pulls in the CUDA half."""
    subprocess.run(["gcc", "-shared", "-x", "c", "/dev/null", "-o", str(path)], check=True)


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
    empty_library(folder / "lib" / "libtorch.so")
    (folder / "build-version").write_text("2.11.0\n")


def lay_onnx(folder, downloads):
    with zipfile.ZipFile(wheel("onnxruntime", downloads)) as archive:
        take(archive, only(archive, "capi/libonnxruntime.so.1.32.0"), folder / "libonnxruntime.so")
        for notice in ("LICENSE", "ThirdPartyNotices.txt"):
            take(archive, f"onnxruntime/{notice}", folder / notice)


def ensure(name, lay, check=True):
    """The folder `name` of the cache, made by `lay` if it is not there, and verified unless the caller has done so."""
    final = cache_folder() / name
    if final.is_dir():
        if check:
            verify(final)
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
    verify(final)
    return final


def main():
    check = sys.argv[2:] != ["verified"]
    if sys.argv[1:2] == ["torch"] and len(sys.argv) == 3 - check:
        print(ensure("libtorch-2.11.0-cpu", lay_torch, check))
    elif sys.argv[1:2] == ["onnx"] and len(sys.argv) == 3 - check:
        print(ensure("onnxruntime-1.32.0", lay_onnx, check) / "libonnxruntime.so")
    else:
        fail("usage: fetch_engines.py torch|onnx [verified]")


if __name__ == "__main__":
    main()
