#!/usr/bin/env python3
"""Recompute test-data/seqlets/recursive.tsv.gz: seqlets that tangermeme calls on generated tracks.

Needs tangermeme 1.6.0. The tracks are not stored: core/src/explanation/seqlets/recursive_tests.rs generates the same
numbers, all of them multiples of 2^-12 and so exact in float32 and float64.

Lines: `seqlet SET example start end attribution p`, then `fdr threshold seqlets control_seqlets fdr`. SET is
`positive`, `negative` (called on the negated tracks) or `controlled` (at a false discovery rate of 0.1 with the control tracks).
"""
import argparse
import gzip
from pathlib import Path

GOLDENS = Path(__file__).resolve().parent.parent / "test-data/seqlets/recursive.tsv.gz"
LENGTH = 330


class Generator:
    """A 64-bit linear congruential generator (Knuth's MMIX constants), of which the upper 16 bits are used."""

    def __init__(self, seed):
        self.state = seed

    def draw(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 48


def tracks(number, seed, bumps):
    """`number` tracks of LENGTH values: independent or smoothed noise in turn, with `bumps` bumps each."""
    generator = Generator(seed)
    made = []
    for index in range(number):
        # The difference of two uniform numbers, twice: roughly normal.
        noise = [generator.draw() - generator.draw() + generator.draw() - generator.draw() for _ in range(LENGTH + 2)]
        if index % 2 == 0:
            track = [2 * value for value in noise[:LENGTH]]
        else:
            track = [sum(noise[i : i + 3]) for i in range(LENGTH)]
        for _ in range(bumps):
            width = 6 + generator.draw() % 12
            start = generator.draw() % (LENGTH - width)
            height = 60_000 + 2 * generator.draw()
            sign = 1 if generator.draw() % 3 else -1
            for i in range(start, start + width):
                track[i] += sign * height
        made.append([(value >> 4) / 2**12 for value in track])
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=40)
    parser.add_argument("--output", type=Path, default=GOLDENS)
    options = parser.parse_args()

    import numpy
    import tangermeme.seqlet

    lines = []
    values = numpy.array(tracks(options.tracks, 1, 4))
    control = numpy.array(tracks(options.tracks, 2, 0))

    def add(name, called):
        for row in called.itertuples(index=False):
            example, start, end, attribution, p = row
            lines.append(f"seqlet\t{name}\t{example}\t{start}\t{end}\t{float(attribution)!r}\t{float(p)!r}")

    call = tangermeme.seqlet.recursive_seqlets
    add("positive", call(values))
    add("negative", call(-values))
    controlled = call(values, X_control=control, return_fdr=True)
    add("controlled", controlled[0])
    for row in controlled[1].itertuples(index=False):
        threshold, seqlets, of_control, fdr = row
        lines.append(f"fdr\t{float(threshold)!r}\t{seqlets}\t{of_control}\t{float(fdr)!r}")
    with open(options.output, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write("".join(line + "\n" for line in lines).encode())


if __name__ == "__main__":
    main()
