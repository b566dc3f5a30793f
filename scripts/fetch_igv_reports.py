#!/usr/bin/env python3
"""Fetch igv-reports, and the igv.js that its pages show, into the cache outside the checkout; prints the folder.

    fetch_igv_reports.py [--where]     with --where only prints the folder, there or not

igv-reports comes from whatever package index pip is configured with, igv.js from npm's registry, both of pinned
versions. FOLDER/bin/create_report runs with PYTHONPATH=FOLDER; FOLDER/igv.min.js is what a page needs that shall
open without a network. A finished folder is reused; a folder appears under its final name only when it is whole.
"""
import hashlib
import shutil
import subprocess
import sys
import tarfile

from fetch_engines import cache_folder, ensure

PACKAGES = ["igv-reports==1.17.0", "pysam==0.24.1"]
# The release next to the one that pages of igv-reports 1.17.0 name.
IGV_JS, IGV_JS_DIGEST = "igv@3.5.3", "1074b3dff29fb48f26b50d5a60f0045e17c7e4389068c5db3bb45b7fc6ac29af"
# pysam is built for one version of Python.
NAME = f"igv-reports-1.17.0-python{sys.version_info[0]}.{sys.version_info[1]}"


def fail(message):
    print(f"fetch_igv_reports: {message}", file=sys.stderr)
    sys.exit(1)


def lay(folder, downloads):
    print(f"fetch_igv_reports: fetching {', '.join(PACKAGES)} and {IGV_JS}", file=sys.stderr)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=pysam", "--target", folder, *PACKAGES]
    if subprocess.run(install, stdout=sys.stderr).returncode != 0:
        fail("pip could not fetch them; is a package index configured and reachable?")
    if shutil.which("npm") is None:
        fail("npm is not installed; it fetches igv.js")
    pack = ["npm", "pack", "--silent", "--ignore-scripts", IGV_JS]
    if subprocess.run(pack, cwd=downloads, stdout=subprocess.DEVNULL).returncode != 0:
        fail(f"npm could not fetch {IGV_JS}; is a registry configured and reachable?")
    archive = downloads / f"{IGV_JS.replace('@', '-')}.tgz"
    seen = hashlib.sha256(archive.read_bytes()).hexdigest()
    if seen != IGV_JS_DIGEST:
        fail(f"{IGV_JS} has SHA-256 {seen}, expected {IGV_JS_DIGEST}; it is not the pinned file")
    with tarfile.open(archive) as members:
        for member, name in [("package/dist/igv.min.js", "igv.min.js"), ("package/LICENSE", "igv.js-LICENSE")]:
            with members.extractfile(member) as source, open(folder / name, "wb") as sink:
                shutil.copyfileobj(source, sink)


def main():
    if sys.argv[1:] == ["--where"]:
        print(cache_folder() / NAME)
    elif not sys.argv[1:]:
        print(ensure(NAME, lay))
    else:
        fail("usage: fetch_igv_reports.py [--where]")


if __name__ == "__main__":
    main()
