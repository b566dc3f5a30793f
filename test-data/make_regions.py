#!/usr/bin/env python3
"""Make regions.narrowPeak: the CTCF peaks and, for each, one background window of the same width.

    make_regions.py [--seed N] [peaks.narrowPeak [genome.fa.gz]] > regions.narrowPeak

A background window lies on the peak's chromosome at a place drawn uniformly. It and MARGIN bases to
either side hold no N, overlap no peak, and keep off the windows drawn before it, so no sequence
around a background window is a peak's. Peaks keep their ten columns, the summit among them; a
background window is named background_K after the K-th peak and has its middle in the summit column. The
same seed gives the same bytes with every Python 3.
"""
import argparse
import bisect
import gzip
import random
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MARGIN = 500
TRIES = 100_000


def read_peaks(path):
    """The peaks as lists of ten text columns."""
    peaks = []
    with open(path, encoding="ascii") as lines:
        for number, line in enumerate(lines, 1):
            columns = line.rstrip("\n").split("\t")
            if len(columns) != 10:
                sys.exit(f"make_regions: {path}, line {number}: {len(columns)} columns, narrowPeak has 10")
            peaks.append(columns)
    return peaks


def called_stretches(path):
    """For each sequence of the FASTA its length and the sorted (start, end) of its runs of N."""
    found = {}
    with gzip.open(path, "rt", encoding="ascii") as lines:
        name, parts = None, []
        for line in lines:
            if line.startswith(">"):
                if name is not None:
                    found[name] = runs_of_n("".join(parts))
                name, parts = line[1:].split()[0], []
            else:
                parts.append(line.strip())
        if name is not None:
            found[name] = runs_of_n("".join(parts))
    return found


def runs_of_n(sequence):
    return len(sequence), [(m.start(), m.end()) for m in re.finditer("[Nn]+", sequence)]


class Taken:
    """Intervals that may not be overlapped, kept sorted and merged by insertion."""

    def __init__(self, intervals):
        self.starts, self.ends = [], []
        for start, end in sorted(intervals):
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            else:
                self.starts.append(start)
                self.ends.append(end)

    def free(self, start, end):
        at = bisect.bisect_left(self.ends, start + 1)
        return at == len(self.starts) or self.starts[at] >= end

    def add(self, start, end):
        """Add an interval that is free."""
        at = bisect.bisect_left(self.starts, start)
        self.starts.insert(at, start)
        self.ends.insert(at, end)


def main():
    parser = argparse.ArgumentParser(description="CTCF peaks and a matched background window for each")
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("peaks", nargs="?", default=HERE / "ctcf_peaks.narrowPeak")
    parser.add_argument("genome", nargs="?", default=HERE / "chr22.hg19.fa.gz")
    options = parser.parse_args()

    peaks = read_peaks(options.peaks)
    genome = called_stretches(options.genome)
    # random() alone: its stream is the same in every Python 3, that of randrange() is not promised to be.
    draw = random.Random(options.seed).random
    taken = {
        name: Taken(gaps + [(int(p[1]), int(p[2])) for p in peaks if p[0] == name])
        for name, (_, gaps) in genome.items()
    }
    rows = [(p[0], int(p[1]), int(p[2]), p) for p in peaks]
    for number, peak in enumerate(peaks, 1):
        chromosome, width = peak[0], int(peak[2]) - int(peak[1])
        length = genome[chromosome][0]
        for _ in range(TRIES):
            start = MARGIN + int(draw() * (length - width - 2 * MARGIN))
            if taken[chromosome].free(start - MARGIN, start + width + MARGIN):
                break
        else:
            sys.exit(f"make_regions: no room for a background window of {width} bases on {chromosome}")
        end = start + width
        taken[chromosome].add(start, end)
        name = f"background_{number}"
        rows.append((chromosome, start, end,
                     [chromosome, str(start), str(end), name, "0", ".", "0", "-1", "-1", str(width // 2)]))
    for row in sorted(rows, key=lambda row: row[:3]):
        print("\t".join(row[3]))


if __name__ == "__main__":
    main()
