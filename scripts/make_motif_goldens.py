#!/usr/bin/env python3
"""Make test-data/motifs: a subset of the JASPAR motifs, and what memelite 0.5.0 finds with it.

    pip install memelite==0.5.0
    scripts/make_motif_goldens.py JASPAR2020_CORE_vertebrates.meme test-data/motifs

The first argument is JASPAR 2020 "CORE vertebrates non-redundant" in MEME format (746 motifs). Into the folder go

    jaspar2020_subset.meme   52 of its motifs, unchanged
    sequences.txt.gz         40 random sequences of 330 bases, some with N, most with a planted site
    fimo.tsv.gz              hits with p < 0.0001 of memelite's `fimo`
    tomtom.tsv.gz            each motif against each by memelite's `tomtom`, n_target_bins=None
"""
import gzip
import random
import sys
from pathlib import Path

CHOSEN = ["CTCF", "CTCFL", "ZIC4", "GATA1", "Spi1", "SPI1", "SPIB", "CRX", "Crx", "Arnt", "ARNT::HIF1A", "FOS::JUN",
          "CEBPA", "TP53", "REST", "MYC", "MAX", "FLI1", "ERF::HOXB13"]
SIZE = 52


def motifs_of(text):
    """Header and the motifs of a MEME file as (name, width, text)."""
    head, *parts = text.split("\nMOTIF ")
    for part in parts:
        yield part.split()[0], int(part.split("w=")[1].split()[0]), part.strip("\n")


def main():
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    import numpy
    from memelite import fimo, tomtom
    from memelite.io import read_meme

    text = source.read_text()
    motifs = list(motifs_of(text))
    shortest = min(motifs, key=lambda motif: motif[1])[0]
    longest = max(motifs, key=lambda motif: motif[1])[0]
    chosen = {name for name, _, _ in motifs if name in {*CHOSEN, shortest, longest}}
    # The rest evenly from the list.
    for i in range(len(motifs)):
        if len(chosen) < SIZE:
            chosen.add(motifs[i * 7 * 17 % len(motifs)][0])
    kept = [motif for motif in motifs if motif[0] in chosen]
    subset = folder / "jaspar2020_subset.meme"
    head = text.split("\nMOTIF ")[0].strip("\n")
    subset.write_text("\n\n".join([head] + ["MOTIF " + motif[2] for motif in kept]) + "\n")

    matrices = read_meme(str(subset))
    names, arrays = list(matrices), list(matrices.values())
    assert len(names) == len(kept)

    draw = random.Random(2020)
    sequences = []
    for i in range(40):
        bases = [draw.choice("ACGT") for _ in range(330)]
        if i % 5:
            matrix = arrays[draw.randrange(len(arrays))].T
            site = ["ACGT"[max(range(4), key=lambda base: row[base])] for row in matrix]
            if draw.random() < 0.5:
                site = ["TGCA"["ACGT".index(base)] for base in reversed(site)]
            begin = draw.randrange(330 - len(site))
            bases[begin:begin + len(site)] = site
        for _ in range(i % 3):
            begin, size = draw.randrange(330), draw.choice([1, 1, 3, 40])
            bases[begin:begin + size] = "N" * len(bases[begin:begin + size])
        sequences.append("".join(bases))

    def write(name, lines):
        # Without the time, so that the same content gives the same bytes.
        with open(folder / name, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as out:
            out.write("".join(line + "\n" for line in lines).encode())

    write("sequences.txt.gz", sequences)
    one_hot = numpy.array([[[base == letter for base in row] for letter in "ACGT"] for row in sequences], dtype="int8")
    lines = ["sequence\tstart\tend\tmotif\tstrand\tscore\tp_value"]
    for motif, hits in enumerate(fimo(matrices, one_hot, threshold=1e-4)):
        columns = (hits[c] for c in ("sequence_name", "start", "end", "strand", "score", "p-value"))
        for sequence, start, end, strand, score, p in zip(*columns):
            lines.append(f"{sequence}\t{start}\t{end}\t{motif}\t{strand}\t{float(score)!r}\t{float(p)!r}")
    write("fimo.tsv.gz", lines)

    p, score, offset, overlap, strand = tomtom(arrays, arrays, n_target_bins=None)
    lines = ["query\ttarget\tp_value\tscore\toffset\toverlap\tstrand"]
    for i in range(len(names)):
        for j in range(len(names)):
            values = "\t".join(str(int(x[i, j])) for x in (score, offset, overlap))
            lines.append(f"{i}\t{j}\t{float(p[i, j])!r}\t{values}\t{'+-'[int(strand[i, j])]}")
    write("tomtom.tsv.gz", lines)


if __name__ == "__main__":
    main()
