#!/usr/bin/env python3
"""Check that no dependency in Cargo.lock asks for a newer compiler than rust-version of the workspace promises."""
import json
import subprocess
import sys


def number(version):
    return tuple(int(part) for part in version.split("."))[:2]


def main():
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--all-features"]
    metadata = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    members = set(metadata["workspace_members"])
    packages = [package for package in metadata["packages"] if package["rust_version"]]
    promised = {package["rust_version"] for package in packages if package["id"] in members}
    if len(promised) != 1:
        sys.exit(f"check_rust_version: packages of the workspace promise {', '.join(sorted(promised)) or 'nothing'}")
    oldest = promised.pop()
    newer = [package for package in packages if number(package["rust_version"]) > number(oldest)]
    for package in newer:
        print(f"check_rust_version: {package['name']} {package['version']} needs Rust {package['rust_version']}, "
              f"but rust-version in Cargo.toml is {oldest}", file=sys.stderr)
    sys.exit(1 if newer else 0)


if __name__ == "__main__":
    main()
