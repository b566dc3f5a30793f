#!/usr/bin/env python3
"""Calibration of `deepallele explain cause` on a simulated cross, whose variants have known effects.

    cause.py FOLDER motifs.meme cause.tsv    FOLDER and motifs as given to scripts/simulate_grammar.py

The true effect of a variant is the mean, over both haplotypes, of what its allele changes in log2 activity. A variant is a cause if
that is at least --min-effect, and the main one if it is also the largest of its region. For each tenth of the range of
probabilities: number, mean probability, share that are causes with its 95 % interval (Wilson), and * where the mean probability
lies outside of it. Standard library only.
"""
import argparse
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
import simulate_grammar as simulation  # noqa: E402


def wilson(right, n, z=1.959964):
    p, scale = right / n, 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / scale
    middle = (p + z * z / (2 * n)) / scale
    return middle - half, middle + half


def window(reference, middle, length, changes):
    """The window of a haplotype around the reference base `middle`."""
    low, high, shift = max(0, middle - length), middle + length, 0
    parts, done = [], low
    for at, before, after in changes:
        parts += [reference[done:at], after]
        done = at + len(before)
        if at <= middle:
            shift += len(after) - len(before)
    bases = "".join(parts) + reference[done:high]
    start = middle - length // 2 + shift - low
    return bases[start:start + length]


def true_effects(folder, motifs, wanted):
    """(region, position from 1) -> effect on log2 of haplotype 1 over haplotype 2, for the regions `wanted`."""
    chosen = json.loads((folder / "grammar.json").read_text())
    names, length = list(chosen["tf"]), chosen["length"]
    pair = tuple(names.index(name) for name in chosen["pair"]) if chosen["pair"] else None
    motifs = simulation.read_motifs(motifs, names, chosen["site_p_value"])
    grammar = simulation.Grammar(motifs, list(chosen["tf"].values()), pair, chosen["pair_bonus"], length)
    reference = dict(simulation.read_fasta(folder / "reference.fa", []))
    variants = {}
    with open(folder / "variants.vcf") as lines:
        for line in lines:
            if not line.startswith("#"):
                contig, position, _, before, after = line.split("\t")[:5]
                variants.setdefault(contig, []).append((int(position) - 1, before, after))
    found = {}
    with open(folder / "truth.tsv") as lines:
        for line in lines:
            contig, start, end, name = line.split("\t")[:4]
            if name not in wanted:
                continue
            middle = int(start) + length // 2
            # What lies in the flanks can be drawn into the window.
            near = [v for v in variants.get(contig, []) if int(start) - simulation.FLANK <= v[0] < int(end) + simulation.FLANK]
            activity = lambda changes: grammar.activity(window(reference[contig], middle, length, changes))[0] / math.log(2)
            plain, other = activity([]), activity(near)
            for i, variant in enumerate(near):
                alone, left_out = activity([variant]), activity(near[:i] + near[i + 1:])
                found[name, variant[0] + 1] = -((alone - plain) + (other - left_out)) / 2
    return found


def table(title, values):
    print(f"\n{title}\n| probability | n | mean probability | share that are | 95 % interval | |\n|---|---|---|---|---|---|")
    for tenth in range(10):
        inside = [(p, true) for p, true in values if min(9, int(10 * p)) == tenth]
        if not inside:
            continue
        n, right = len(inside), sum(true for _, true in inside)
        mean, (low, high) = sum(p for p, _ in inside) / n, wilson(right, n)
        mark = "" if low <= mean <= high else "*"
        print(f"| {tenth / 10:.1f}-{tenth / 10 + 0.1:.1f} | {n} | {mean:.3f} | {right / n:.3f} | {low:.3f}-{high:.3f} | {mark} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("motifs")
    parser.add_argument("cause", type=Path)
    parser.add_argument("--min-effect", type=float, default=0.1)
    options = parser.parse_args()
    regions, columns = {}, None
    for line in options.cause.read_text().splitlines():
        if line.startswith("##"):
            continue
        if columns is None:
            columns = line.lstrip("#").split("\t")
            continue
        row = dict(zip(columns, line.split("\t")))
        regions.setdefault(row["name"], []).append(row)
    truth = true_effects(options.folder, options.motifs, regions)
    inclusion, main_one, none, held, top, clear = [], [], [], [], [], []
    for name, rows in regions.items():
        effects = [abs(truth[name, int(row["pos"])]) for row in rows]
        largest = max(effects)
        there = largest >= options.min_effect
        for row, effect in zip(rows, effects):
            inclusion.append((float(row["probability"]), effect >= options.min_effect))
            main_one.append((float(row["main_probability"]), there and effect == largest))
        none.append((float(rows[0]["none_probability"]), not there))
        if there:
            held.append(any(effect == largest and row["credible"] == "1" for row, effect in zip(rows, effects)))
            best = max(range(len(rows)), key=lambda i: float(rows[i]["main_probability"]))
            top.append(effects[best] == largest)
            if largest > 2 * float(rows[0]["se"]):
                clear.append((effects[best] == largest, len(rows) > 1))
    share = lambda found: f"{sum(found)} of {len(found)} ({100 * sum(found) / max(1, len(found)):.1f} %)"
    print(f"{len(regions)} regions, {len(inclusion)} variants")
    print(f"regions with a cause whose most probable variant is the main one: {share(top)}")
    print(f"... whose effect exceeds twice the standard error: {share([right for right, _ in clear])}")
    print(f"... and which have several variants: {share([right for right, several in clear if several])}")
    print(f"credible sets that hold the main variant: {share(held)}")
    table("probability (DA_PIP)", inclusion)
    table("main_probability", main_one)
    table("none_probability", none)


if __name__ == "__main__":
    main()
