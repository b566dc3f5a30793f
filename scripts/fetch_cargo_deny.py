#!/usr/bin/env python3
"""Print the path of cargo-deny: the user's own, else one built into the cache outside the checkout.

cargo fetches the pinned version from whatever registry it is configured with. It is built without optimisation: that
takes a minute or two on two cores instead of ten, and a check is as quick. A folder appears under its final name only
when it is whole.
"""
import os
import shutil
import subprocess
import sys

from fetch_engines import ensure

VERSION = "0.20.2"


def fail(message):
    print(f"fetch_cargo_deny: {message}", file=sys.stderr)
    sys.exit(1)


def build(folder, scratch):
    print(f"fetch_cargo_deny: building cargo-deny {VERSION}", file=sys.stderr)
    install = ["cargo", "install", "--quiet", "--locked", "--debug", "--no-track", "--root", folder,
               "--target-dir", scratch / "target", "--version", f"={VERSION}", "cargo-deny"]
    environment = {**os.environ, "CARGO_PROFILE_DEV_DEBUG": "0"}
    if subprocess.run(install, stdout=sys.stderr, env=environment).returncode != 0:
        fail("cargo could not build it; is a registry configured and reachable? Any cargo-deny in PATH is used instead")


def main():
    if sys.argv[1:]:
        fail("usage: fetch_cargo_deny.py")
    print(shutil.which("cargo-deny") or ensure(f"cargo-deny-{VERSION}", build) / "bin" / "cargo-deny")


if __name__ == "__main__":
    main()
