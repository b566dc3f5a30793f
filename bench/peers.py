#!/usr/bin/env python3
"""The counting tools on the same input, as the tables of docs/peers.md.

    peers.py BIN

BIN is the folder of the built commands. The input is the truth set of tests/examples/simulate_truth.rs, made in
the cache folder, and the CTCF reads of test-data/. Peers that are not installed are left out (cross.py says how
to get them). Counts of a site are compared allele by allele.
"""
import shutil
import subprocess
import sys
from pathlib import Path

from cross import peer, simulated
from timing import cache_folder

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "test-data"
BASES = "ACGT"


def output(command):
    """Standard output of a command; None when it fails, said on stderr."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"peers: {' '.join(map(str, command))}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return done.stdout


def table(text):
    """Rows of a table with a header line as dictionaries."""
    lines = [line for line in text.splitlines() if line and not line.startswith("##")]
    header = lines[0].lstrip("#").split("\t")
    return [dict(zip(header, line.split("\t"))) for line in lines[1:]]


class Site:
    """A record of the VCF and the two alleles that the sample has there."""

    def __init__(self, chrom, pos, ref, alt, genotype):
        self.key = (chrom, int(pos))
        alleles = [ref, *alt.split(",")]
        self.ref = ref
        one, two = (int(a) for a in genotype.replace("/", "|").split("|"))
        self.alleles = (alleles[one], alleles[two])
        self.differs = one != two
        self.snv = all(len(a) == 1 for a in alleles)


def sites(vcf, sample):
    text = output(["bcftools", "query", "-s", sample, "-f", "%CHROM\t%POS\t%REF\t%ALT[\t%GT]\n", vcf])
    return [s for s in (Site(*line.split("\t")) for line in text.splitlines()) if s.differs]


def by_base(site, counts):
    return tuple(counts.get(allele, 0) for allele in site.alleles)


def deepallele(binaries, data, out):
    done = output([binaries / "deepallele-count", data.reads, "-v", data.vcf, "-s", data.sample, "-f", data.reference,
                   "--per-variant", out / "deepallele.tsv", "--quiet"])
    if done is None:
        return None
    rows = table((out / "deepallele.tsv").read_text())
    return {(r["chrom"], int(r["pos"])): (int(r["hap1"]), int(r["hap2"])) for r in rows}


def gatk_format(binaries, data, out):
    done = output([binaries / "deepallele-count", data.reads, "-v", data.vcf, "-s", data.sample, "-f", data.reference,
                   "--format", "gatk", "-q", "10", "-Q", "13", "--per-variant", out / "gatk.tsv", "--quiet"])
    if done is None:
        return None
    found = {}
    by_key = {s.key: s for s in data.sites}
    for r in table((out / "gatk.tsv").read_text()):
        key = (r["contig"], int(r["position"]))
        counts = {r["refAllele"]: int(r["refCount"]), r["altAllele"]: int(r["altCount"])}
        if key in by_key:
            found[key] = by_base(by_key[key], counts)
    return found


def shortest(ref, alleles):
    """Alleles without what all of them share at the end, so that records of an indel can be compared."""
    while min(map(len, [ref, *alleles])) > 1 and len({a[-1] for a in [ref, *alleles]}) == 1:
        ref, alleles = ref[:-1], [a[:-1] for a in alleles]
    return [ref, *alleles]


def mpileup(data, out):
    text = output(["bash", "-o", "pipefail", "-c",
                   f'bcftools mpileup --ignore-RG -f "{data.reference}" -B -A --ff 3844 -Q 13 -q 10 -d 100000 -T "{data.positions}" -a AD '
                   f'-Ou "{data.reads}" 2>/dev/null | bcftools query -f "%CHROM\t%POS\t%REF\t%ALT[\t%AD]\n"'])
    found = {s.key: (0, 0) for s in data.sites if s.snv}
    by_key = {s.key: s for s in data.sites}
    for line in text.splitlines():
        chrom, pos, ref, alt, depths = line.split("\t")
        site = by_key.get((chrom, int(pos)))
        alleles = [ref.upper(), *(a for a in alt.split(",") if not a.startswith("<"))]
        indel = len(set(map(len, alleles))) > 1
        if not site or indel == site.snv:
            continue
        if indel:
            # One alternative at a time: each is padded to the longest of them.
            counts = dict.fromkeys(site.alleles, 0)
            for i, allele in enumerate(alleles[1:], 1):
                short = shortest(alleles[0], [allele])
                for own in site.alleles:
                    if own != site.ref and shortest(site.ref, [own]) == short:
                        counts[own] = int(depths.split(",")[i])
            if site.ref in counts:
                counts[site.ref] = int(depths.split(",")[0])
            found[site.key] = by_base(site, counts)
        else:
            found[site.key] = by_base(site, dict(zip(alleles, map(int, depths.split(",")))))
    return found


def perbase(program, data, out):
    text = output([program, "base-depth", "-B", data.vcf, "-m", "-q", "10", "-Q", "13", "-F", "3844", "-t", "2", data.reads])
    if text is None:
        return None
    found = {(r["REF"], int(r["POS"])): {b: int(r[b]) for b in BASES} for r in table(text)}
    return {s.key: by_base(s, found.get(s.key, {})) for s in data.sites if s.snv}


def allele_counter(program, data, out):
    text = output([program, "-l", data.positions, "-b", data.reads, "-m", "13", "-q", "10", "-F", "3844", "-f", "0", "-d",
                   "-o", out / "allelecounter.tsv"])
    if text is None:
        return None
    rows = table((out / "allelecounter.tsv").read_text())
    found = {(r["CHR"], int(r["POS"])): {b: int(r[f"Count_{b}"]) for b in BASES} for r in rows}
    return {s.key: by_base(s, found.get(s.key, {})) for s in data.sites if s.snv}


def wasp2(program, data, out):
    reads = out / "wasp2.bam"  # it has no filters of its own
    output(["samtools", "view", "-b", "-q", "10", "-F", "3844", "-o", reads, data.reads])
    output(["samtools", "index", reads])
    if output([program, "count-variants", reads, data.vcf, "-s", data.sample, "-o", out / "wasp2.tsv"]) is None:
        return None
    found = {(r["chrom"], int(r["pos"])): {r["ref"]: int(r["ref_count"]), r["alt"]: int(r["alt_count"])}
             for r in table((out / "wasp2.tsv").read_text())}
    by_key = {s.key: s for s in data.sites}
    return {key: by_base(by_key[key], counts) for key, counts in found.items() if key in by_key}


class Input:
    def __init__(self, reads, vcf, sample, reference, out):
        self.reads, self.vcf, self.sample, self.reference = reads, vcf, sample, reference
        self.sites = sites(vcf, sample)
        self.positions = out / "positions.txt"
        self.positions.write_text("".join(f"{s.key[0]}\t{s.key[1]}\n" for s in self.sites))


def runs(binaries, data, out):
    """Name and counts by site of every tool that is there."""
    yield "deepallele count", deepallele(binaries, data, out)
    yield "deepallele count --format gatk", gatk_format(binaries, data, out)
    yield "bcftools mpileup", mpileup(data, out)
    for name, program, run in [("perbase base-depth", "perbase", perbase), ("alleleCounter", "alleleCounter", allele_counter),
                               ("wasp2-count", "wasp2-count", wasp2)]:
        path = peer(program)
        if path:
            yield name, run(path, data, out)


def print_table(results, truth, kinds):
    """Of each kind of site: how many a tool reports, how many of them are equal to the truth, and how many
    fragments too many and too few it has there."""
    print("| sites | tool | reported | equal | hap1 | hap2 | too many | too few |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for what, chosen in kinds:
        sums = [sum(truth[s.key][h] for s in chosen) for h in (0, 1)]
        print(f"| {what} | *expected* | {len(chosen)} | | {sums[0]} | {sums[1]} | | |")
        for name, counts in results:
            reported = [s for s in chosen if counts and s.key in counts]
            if not reported:
                print(f"| | {name} | 0 | | | | | |")
                continue
            equal = sum(counts[s.key] == truth[s.key] for s in reported)
            sums = [sum(counts[s.key][h] for s in reported) for h in (0, 1)]
            differences = [counts[s.key][h] - truth[s.key][h] for s in reported for h in (0, 1)]
            more, fewer = sum(d for d in differences if d > 0), -sum(d for d in differences if d < 0)
            print(f"| | {name} | {len(reported)} | {equal} | {sums[0]} | {sums[1]} | {more} | {fewer} |")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binaries = Path(sys.argv[1])
    out = cache_folder() / "peers-out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)

    folder = simulated("peers-truth-1", program="simulate_truth")
    data = Input(folder / "reads.bam", folder / "variants.vcf.gz", "F1", folder / "reference.fa", out)
    rows = table((folder / "truth.variants.tsv").read_text())
    truth = {(r["chrom"], int(r["pos"])): (int(r["hap1"]), int(r["hap2"])) for r in rows}
    snvs, others = ([s for s in data.sites if s.snv == snv] for snv in (True, False))
    keys = sorted(s.key for s in data.sites)
    lonely = {k for i, k in enumerate(keys) if all(abs(k[1] - keys[j][1]) > 60 or k[0] != keys[j][0]
                                                   for j in (i - 1, i + 1) if 0 <= j < len(keys))}
    results = list(runs(binaries, data, out))
    print("Simulated, truth known:\n")
    print_table(results, truth, [("SNVs on their own", [s for s in snvs if s.key in lonely]),
                                 ("SNVs beside others", [s for s in snvs if s.key not in lonely]),
                                 ("indels, MNVs, complex on their own", [s for s in others if s.key in lonely]),
                                 ("indels, MNVs, complex beside others", [s for s in others if s.key not in lonely])])

    data = Input(DATA / "ctcf_chip.chr22.bam", DATA / "NA12878.chr22.phased.vcf.gz", "NA12878", DATA / "chr22.hg19.fa.gz", out)
    results = list(runs(binaries, data, out))
    ours = results[0][1]
    print("\nCTCF reads, compared with `deepallele count`:\n")
    print_table(results[1:], ours, [("SNVs", data.sites)])
    for name, counts in results[1:]:
        apart = [s for s in data.sites if counts and counts.get(s.key, (0, 0)) != ours[s.key]]
        shown = ", ".join(f"{s.key[1]} {counts.get(s.key)} against {ours[s.key]}" for s in apart[:4])
        print(f"\n{name}: {len(apart)} sites differ{': ' + shown if apart else ''}")
    shutil.rmtree(out)


if __name__ == "__main__":
    main()
