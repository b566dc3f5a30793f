"""Counting on a simulated cross: 10 million reads, 1 million variants, beside the peers on the same sites.

The data come from tests/examples/simulate_cross.rs and stay in the cache folder (1.5 GB; another 3 GB for the
mouse-sized cross). Peers are taken from PATH or from `peers/bin` in the cache folder; one that is missing is
said to be and left out:
    bcftools, samtools   Debian
    alleleCounter        Debian package allelecount
    perbase              cargo install perbase --root ~/.cache/deepallele/peers
    wasp2-count          pip install wasp2 "polars<2" (into a virtual environment, linked into peers/bin)
"""
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

from timing import cache_folder, in_turns, row, timed

ROOT = Path(__file__).resolve().parent.parent
CONTIG = "chr1"  # what the slow peers are timed on: an eighth of reads and variants
CONSENSUS_REGIONS = 100


def simulated(name, *options, program="simulate_cross"):
    """Folder of a simulated cross, made on the first use by an example of the tests."""
    folder = cache_folder() / name
    if not folder.exists():
        target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        print(f"bench: simulating {folder}, once", file=sys.stderr)
        part = folder.with_name(f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run([target / "release/examples" / program, part, *options], check=True)
        part.rename(folder)
    return folder


def peer(name):
    """Where a peer is, or None, said on stderr."""
    found = shutil.which(name) or shutil.which(name, path=cache_folder() / "peers" / "bin")
    if not found:
        print(f"bench: {name} is not installed: its row is left out", file=sys.stderr)
    return found


def count_command(binaries, folder, reads, variants, out, regions="regions.bed"):
    return [binaries / "deepallele-count", reads, "-v", variants, "-s", "F1", "-f", folder / "reference.fa",
            "-L", folder / regions, "--per-variant", out / "variants.tsv", "-o", out / "regions.tsv", "-@", "2",
            "--quiet"]


def records(path):
    return int(subprocess.run(["bcftools", "index", "-n", path], check=True, capture_output=True, text=True).stdout)


def subset(folder):
    """Reads and variants of one contig, and its sites as text."""
    reads, variants, sites = (folder / f"{CONTIG}.{end}" for end in ("bam", "bcf", "sites"))
    if not sites.exists():
        subprocess.run(["samtools", "view", "-b", "-@1", "-o", reads, folder / "reads.bam", CONTIG], check=True)
        subprocess.run(["samtools", "index", reads], check=True)
        subprocess.run(["bcftools", "view", "-Ob", "-r", CONTIG, "-o", variants, folder / "variants.bcf"], check=True)
        subprocess.run(["bcftools", "index", variants], check=True)
        part = sites.with_suffix(".part")
        with open(part, "w") as file:
            subprocess.run(["bcftools", "query", "-f", "%CHROM\t%POS\n", variants], check=True, stdout=file)
        part.rename(sites)
    return reads, variants, sites


def reading(binaries, folder, out):
    """By region and per variant in one pass, against reading the file."""
    reads, variants = folder / "reads.bam", folder / "variants.bcf"
    alignments = int(subprocess.run(["samtools", "view", "-c", "-@1", reads], check=True, capture_output=True).stdout)
    ours, theirs = in_turns([count_command(binaries, folder, reads, variants, out),
                             ["samtools", "view", "-c", "-@1", reads]], 3)
    row(f"count, {alignments:,} reads, {records(variants):,} variants, 50,000 regions", f"{ours[0]:.2f} s",
        f"{ours[1]:.0f} MB (at most 500)", f"samtools view -c -@1: {theirs[0]:.2f} s",
        f"{ours[0] / theirs[0]:.2f}x its time (at most 1.5)")


def peers(binaries, folder, out):
    """The same sites in the peers, on one contig."""
    reads, variants, sites = subset(folder)
    reference = folder / "reference.fa"
    bare = ["-F", "3844"]
    commands = {
        "bcftools mpileup": ("bcftools", ["mpileup", "-f", reference, "-B", "-A", "--ff", "3844", "-Q", "13", "-q", "10", "-d", "100000",
                                          "-T", sites, "-a", "AD", "-Ob", "-o", out / "mpileup.bcf", "--threads", "1", reads]),
        "perbase base-depth": ("perbase", ["base-depth", "-B", variants, "-m", "-q", "10", *bare, "-t", "2",
                                           "-o", out / "perbase.tsv", reads]),
        "alleleCounter": ("alleleCounter", ["-l", sites, "-b", reads, "-m", "13", "-q", "10", *bare,
                                            "-o", out / "allelecounter.tsv"]),
        "alleleCounter --dense-snps": ("alleleCounter", ["-l", sites, "-b", reads, "-m", "13", "-q", "10", *bare, "-d",
                                                         "-o", out / "allelecounter.tsv"]),
        "WASP2": ("wasp2-count", ["count-variants", reads, variants, "-s", "F1", "-o", out / "wasp2.tsv"]),
    }
    ours = [timed(count_command(binaries, folder, reads, variants, out)) for _ in range(3)]
    seconds, memory = statistics.median(o[0] for o in ours), max(o[1] for o in ours)
    for name, (program, options) in commands.items():
        path = peer(program)
        theirs = timed([path, *options], peer=True) if path else None
        if theirs:
            goal = "" if name == "WASP2" else " (at least 5)"
            row(f"count, {CONTIG} of the above", f"{seconds:.2f} s", f"{memory:.0f} MB",
                f"{name}: {theirs[0]:.1f} s, {theirs[1]:.0f} MB", f"{theirs[0] / seconds:.1f}x as fast{goal}")


def two_genomes(binaries, folder, out):
    """Both BAMs of the two-genome mode, against reading both."""
    one, two = folder / "reads.bam", folder / "reads.strain.bam"
    count = [binaries / "deepallele-count", "--hap1-bam", one, "--hap2-bam", two, "-v", folder / "variants.bcf",
             "-s", "F1", "-f", folder / "reference.fa", "-L", folder / "regions.bed", "-o", out / "regions.tsv", "-@", "2",
             "--quiet"]
    both = ["bash", "-c", f'samtools view -c -@1 "{one}" && samtools view -c -@1 "{two}"']
    ours, theirs = in_turns([count, both], 3)
    row("count, two genomes, the same reads twice", f"{ours[0]:.2f} s", f"{ours[1]:.0f} MB (at most 500)",
        f"samtools view -c -@1 of both: {theirs[0]:.2f} s", f"{ours[0] / theirs[0]:.2f}x its time (at most 2)")


def haplotypes(binaries, folder, out):
    """Sequence pairs of all regions, against one bcftools consensus a region on a sample of them."""
    reference, variants, regions = (folder / name for name in ("reference.fa", "variants.bcf", "regions.bed"))
    pairs = [binaries / "deepallele-haplotypes", "-f", reference, "-v", variants, "-s", "F1", "-L", regions,
             "--pairs", out / "pairs.tsv", "-@", "2", "--quiet"]
    ours = in_turns([pairs], 3)[0]
    lines = regions.read_text().splitlines()
    total = len(lines)
    some = [line.split("\t") for line in lines[:: total // CONSENSUS_REGIONS][:CONSENSUS_REGIONS]]
    script = "".join(
        f'samtools faidx "{reference}" {c}:{int(s) + 1}-{e} | bcftools consensus -s F1 -H 2 "{variants}" > "{out}/consensus.fa" 2>/dev/null\n'
        for c, s, e in some)
    theirs = timed(["bash", "-e", "-o", "pipefail", "-c", script])[0] / len(some) * total
    row(f"haplotypes --pairs, {total:,} regions of 1 kb", f"{ours[0]:.2f} s", f"{ours[1]:.0f} MB",
        f"bcftools consensus a region: {theirs:.0f} s (from {len(some)} regions, one haplotype)",
        f"{theirs / ours[0]:.0f}x as fast (at least 50)")


def rows(binaries, large):
    """All rows; `large` adds a cross of 20 million variants."""
    folder = simulated("bench-cross-1", "--second-genome")
    out = cache_folder() / "bench-out"
    out.mkdir(exist_ok=True)
    reading(binaries, folder, out)
    peers(binaries, folder, out)
    two_genomes(binaries, folder, out)
    haplotypes(binaries, folder, out)
    if large:
        mouse = simulated("bench-mouse-1", "--contigs", "20", "--length", "130000000", "--variants", "20000000",
                          "--pairs", "500000", "--seed", "2")
        lines = (mouse / "regions.bed").read_text().splitlines(keepends=True)
        (out / "some.bed").write_text("".join(lines[::13]))
        ours = timed(count_command(binaries, mouse, mouse / "reads.bam", mouse / "variants.bcf", out, out / "some.bed"))
        row(f"count, 1,000,000 reads, {records(mouse / 'variants.bcf'):,} variants, 50,000 regions, 2.6 Gb", f"{ours[0]:.1f} s",
            f"{ours[1]:.0f} MB (at most 500)", "", "")
    shutil.rmtree(out)
