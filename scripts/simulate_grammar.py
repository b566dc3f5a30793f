#!/usr/bin/env python3
"""Simulate a cross whose regulation is known: planted motifs, variants, allele-specific counts, the ceiling.

    simulate_grammar.py -f genome.fa.gz --motifs motifs.meme -o FOLDER [--noise low|medium|high] [--seed N]

Windows of real sequence get motif sites by a grammar; variants between the two haplotypes change some of the
sites. The activity of an allele is a function of its sequence alone, and the counts are drawn from it, so that
it is known how well a perfect model could do. Into FOLDER go

    reference.fa (.fai)   the windows on several made-up chromosomes: haplotype 1
    variants.vcf          what haplotype 2 has instead; samples F1 (phased 0|1) and STRAIN (1|1)
    counts.tsv            count table as of `deepallele count`
    truth.tsv             for each region the true log2 ratio, both activities, the sites and what hits them
    ceiling.tsv           what the truth itself reaches against the counts; also printed
    grammar.json          all that was chosen

    deepallele train FOLDER/counts.tsv -f FOLDER/reference.fa -v FOLDER/variants.vcf -s F1 --window 256 \\
        --validation-chroms sim8 --test-chroms sim9,sim10 -o run

The motifs are a MEME file, such as JASPAR's "CORE vertebrates non-redundant" in MEME format, or, with pyjaspar
(pip install pyjaspar), what it writes. The same seed gives the same bytes. Standard library only.

The grammar. A site is a place where a motif's log-odds score (bits, uniform background) is at least what random
sequence reaches at a share --site-p-value of places; of sites of one motif that overlap only the best is taken.
Its strength goes from 0 there to 1 at the motif's best sequence, times exp(-d²/2s²), d the distance of its
middle from that of the window and s a quarter of the window. The activity (natural log) of an allele is the sum of
effect x strength over its sites, and for each pair of sites of the two motifs of --pair, 10 to 40 bases apart
from middle to middle, the bonus times the product of the square roots of both strengths.

The counts. Total fragments: negative binomial, mean proportional to exp(activity 1) + exp(activity 2), variance
m + phi m². Each fragment is informative with the chance 1 - (1 - 0.35)^variants. Of the informative ones
those of haplotype 1 are beta-binomial around exp(activity 1) / (exp(activity 1) + exp(activity 2)).
"""
import argparse
import gzip
import json
import math
import random
import sys
from collections import defaultdict
from pathlib import Path

# Fragments a region, on average; phi of the totals; rho (overdispersion) of the split.
NOISE = {"low": (400, 0.05, 0.002), "medium": (100, 0.2, 0.01), "high": (30, 0.5, 0.03)}
EFFECTS = "GABPA=1.0,RUNX1=0.8,CEBPB=0.9,FOS::JUN=1.1,GATA1=0.8,KLF4=0.6,REST=-1.2,ZEB1=-0.9"
FLANK = 40  # bases of real sequence on both sides of a region: what deletions pull in
APART = 8  # bases between variants, and between an indel and the middle of the window
PAIR_SPAN = (10, 40)
SPANNED = 0.35  # share of a region's fragments that span a given variant
PSEUDOCOUNT = 1.0  # what training adds to counts before the logarithm
CORE = 8  # bases by which sites are looked up
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def fail(message):
    sys.exit(f"simulate_grammar: {message}")


# Motifs


class Motif:
    """Log-odds scores of a motif on both strands, and the score from which a place is a site."""

    def __init__(self, name, rows, p_value):
        self.name, self.width, self.probabilities = name, len(rows), rows
        # 0.01 for each base, so that no base is impossible.
        forward = [[math.log2((p + 0.01) / 1.04 / 0.25) for p in row] for row in rows]
        self.strands = {"+": forward, "-": [row[::-1] for row in forward[::-1]]}
        self.best = sum(max(row) for row in forward)
        self.threshold = score_at(forward, p_value)
        if self.threshold >= self.best:
            fail(f'motif "{name}" is too short or too weak for sites at a p-value of {p_value}')

    def strength(self, sequence, at, strand):
        """0 to 1 for the site that begins at `at`; 0 below the threshold."""
        bases = sequence[at:at + self.width]
        score = sum(row["ACGT".index(base)] for row, base in zip(self.strands[strand], bases))
        return max(0.0, (score - self.threshold) / (self.best - self.threshold))

    def instance(self, chance):
        """A sequence drawn from the motif that is a site."""
        while True:
            bases = "".join(draw(chance, row) for row in self.probabilities)
            if self.strength(bases, 0, "+") > 0:
                return bases


def draw(chance, row):
    """One of ACGT with the probabilities of `row`."""
    left = chance.random() * sum(row)
    for base, p in zip("ACGT", row):
        left -= p
        if left < 0:
            return base
    return "ACGT"[row.index(max(row))]


def score_at(matrix, p_value):
    """The lowest score, to 0.01 bits, that uniform random sequence reaches with at most this chance."""
    chances = {0: 1.0}
    for row in matrix:
        following = defaultdict(float)
        for score, chance in chances.items():
            for value in row:
                following[score + round(100 * value)] += chance / 4
        chances = following
    left, threshold = p_value, max(chances) + 1
    for score in sorted(chances, reverse=True):
        left -= chances[score]
        if left < 0:
            break
        threshold = score
    return threshold / 100


def read_motifs(path, wanted, p_value):
    """The motifs `wanted` (names or identifiers) of a MEME file, in that order."""
    found, name, rows, missing = defaultdict(list), [], [], 0
    with open_text(path) as lines:
        for number, line in enumerate(lines, 1):
            words = line.split()
            if line.startswith("MOTIF") and len(words) > 1:
                name, missing = words[1:3], 0
            elif line.startswith("letter-probability matrix") and name:
                try:
                    missing = int(words[words.index("w=") + 1])
                except (ValueError, IndexError):
                    fail(f'"{path}", line {number}: the matrix has no "w= WIDTH"')
                rows = []
                for key in set(name):
                    found[key].append(rows)
            elif missing > 0 and words:
                try:
                    row = [float(word) for word in words]
                except ValueError:
                    row = []
                if len(row) != 4 or not all(0 <= p <= 1 for p in row) or not 0.9 < sum(row) < 1.1:
                    fail(f'"{path}", line {number}: is no row of four probabilities')
                rows.append(row)
                missing -= 1
    if missing > 0:
        fail(f'"{path}" ends within a matrix of "{name[0]}"')
    if not found:
        fail(f'"{path}" holds no motifs in MEME format')
    for key in wanted:
        if len(found[key]) != 1:
            fail(f'"{path}" has {len(found[key])} motifs "{key}", not one; name others with --tf')
    return [Motif(key, found[key][0], p_value) for key in wanted]


class Scanner:
    """Finds sites by their most telling bases: a table of every k-mer that can be part of one."""

    def __init__(self, motifs):
        self.motifs = motifs
        self.tables = defaultdict(lambda: defaultdict(list))
        for index, motif in enumerate(motifs):
            for strand, matrix in motif.strands.items():
                k = min(CORE, motif.width)
                best = [max(row) for row in matrix]
                offset = max(range(motif.width - k + 1), key=lambda i: sum(best[i:i + k]))
                rest = motif.best - sum(best[offset:offset + k])
                for kmer in kmers(matrix[offset:offset + k], motif.threshold - rest):
                    self.tables[k][kmer].append((index, strand, offset))

    def sites(self, sequence):
        """(motif, start, strand, strength) of the sites of `sequence`, strength not yet weighted."""
        hits = []
        for k, table in self.tables.items():
            for at in range(len(sequence) - k + 1):
                for index, strand, offset in table.get(sequence[at:at + k], ()):
                    motif, start = self.motifs[index], at - offset
                    if 0 <= start <= len(sequence) - motif.width:
                        strength = motif.strength(sequence, start, strand)
                        if strength > 0:
                            hits.append((index, start, strand, strength))
        kept = []
        for hit in sorted(hits, key=lambda hit: (-hit[3], hit[:3])):
            width = self.motifs[hit[0]].width
            if all(hit[0] != other[0] or abs(hit[1] - other[1]) >= width for other in kept):
                kept.append(hit)
        return sorted(kept, key=lambda hit: hit[1])


def kmers(matrix, least):
    """Every sequence of `matrix` that scores at least `least`."""
    rest = [0.0]
    for row in matrix[::-1]:
        rest.append(rest[-1] + max(row))
    rest.reverse()
    found = [("", 0.0)]
    for row, after in zip(matrix, rest[1:]):
        found = [(kmer + base, score + value) for kmer, score in found for base, value in zip("ACGT", row)
                 if score + value + after >= least - 1e-9]
    return [kmer for kmer, _ in found]


class Grammar:
    """What a sequence does."""

    def __init__(self, motifs, effects, pair, bonus, length):
        self.scanner, self.motifs, self.effects = Scanner(motifs), motifs, effects
        self.pair, self.bonus, self.length = pair, bonus, length

    def middle(self, site):
        return site[1] + self.motifs[site[0]].width / 2

    def activity(self, window):
        """Natural logarithm of the activity of a window, and its sites."""
        sites, total, strengths = self.scanner.sites(window), 0.0, []
        for site in sites:
            distance = (self.middle(site) - self.length / 2) / (self.length / 4)
            strengths.append(site[3] * math.exp(-distance * distance / 2))
            total += self.effects[site[0]] * strengths[-1]
        for one, first in zip(sites, strengths):
            for other, second in zip(sites, strengths):
                if self.pair and (one[0], other[0]) == self.pair \
                        and PAIR_SPAN[0] <= abs(self.middle(one) - self.middle(other)) <= PAIR_SPAN[1]:
                    total += self.bonus * math.sqrt(first * second)
        return total, sites


# Sequences


def open_text(path):
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        return gzip.open(path, "rt", encoding="ascii") if packed else open(path, encoding="ascii")
    except OSError as error:
        fail(f'"{path}": {error.strerror}')


def read_fasta(path, contigs):
    """(name, bases in upper case) of every sequence, or of those in `contigs`."""
    sequences, name, parts = [], None, []
    try:
        with open_text(path) as lines:
            for line in lines:
                if line.startswith(">"):
                    if parts:
                        sequences.append((name, "".join(parts).upper()))
                    name, parts = (line[1:].split() or [""])[0], []
                elif not contigs or name in contigs:
                    parts.append(line.strip())
    except (UnicodeDecodeError, EOFError, OSError) as error:
        fail(f'"{path}" cannot be read to its end: {error}')
    if parts:
        sequences.append((name, "".join(parts).upper()))
    for contig in set(contigs) - {name for name, _ in sequences}:
        fail(f'"{path}" has no sequence {contig}')
    return sequences


def windows(sequences, length, count, chance):
    """`count` stretches of ACGT of `length` bases that do not overlap, in random order."""
    places = [(i, at) for i, (_, bases) in enumerate(sequences) for at in range(0, len(bases) - length + 1, length)]
    shuffle(places, chance)
    found = []
    for i, at in places:
        bases = sequences[i][1][at:at + length]
        if not bases.strip("ACGT"):
            found.append((sequences[i][0], at, bases))
            if len(found) == count:
                return found
    fail(f"only {len(found)} windows of {length} bases are free of N, and {count} regions were asked for")


def shuffle(items, chance):
    # Our own: that of the standard library is not promised to stay.
    for i in range(len(items) - 1, 0, -1):
        j = int(chance.random() * (i + 1))
        items[i], items[j] = items[j], items[i]


def poisson(mean, chance):
    total = 0
    while mean > 0:
        # exp of no more than 500, added up.
        limit, mean = math.exp(-min(mean, 500.0)), mean - 500.0
        product = chance.random()
        while product > limit:
            total += 1
            product *= chance.random()
    return total


def binomial(n, p, chance):
    return sum(chance.random() < p for _ in range(n))


def plant(bases, grammar, density, chance):
    """`bases` with sites written into it, and the sites as (motif, start, strand)."""
    length, planted, motifs = len(bases), [], grammar.motifs

    def put(index, middle):
        motif = motifs[index]
        start = int(middle - motif.width / 2)
        inside = FLANK <= start and start + motif.width <= length - FLANK
        free = all(start + motif.width <= at or at + motifs[other].width <= start for other, at, _ in planted)
        if not (inside and free):
            return None
        site, strand = motif.instance(chance), "+" if chance.random() < 0.5 else "-"
        written = site if strand == "+" else site.translate(COMPLEMENT)[::-1]
        planted.append((index, start, strand))
        return bases[:start] + written + bases[start + motif.width:]

    for _ in range(poisson(density, chance)):
        index = int(chance.random() * len(motifs))
        middle = length / 2 + chance.gauss(0.0, grammar.length / 5)
        bases = put(index, middle) or bases
        # Of the pair, one brings the other half of the time, near enough to act together.
        if grammar.pair and index in grammar.pair and planted and chance.random() < 0.5:
            mate = grammar.pair[1 - grammar.pair.index(index)]
            apart = PAIR_SPAN[0] + chance.random() * (PAIR_SPAN[1] - PAIR_SPAN[0])
            bases = put(mate, middle + (apart if chance.random() < 0.5 else -apart)) or bases
    return bases, sorted(planted, key=lambda site: site[1])


def make_variants(bases, planted, grammar, rate, site_share, indel_share, chance):
    """Changes of `bases` as (start, bases there, bases instead), sorted, apart from each other."""
    changes, length, middle = [], len(bases), len(bases) // 2
    for _ in range(poisson(rate * grammar.length / 1000, chance)):
        if planted and chance.random() < site_share:
            index, start, _ = planted[int(chance.random() * len(planted))]
            at = start + int(chance.random() * grammar.motifs[index].width)
        else:
            at = FLANK + int(chance.random() * grammar.length)
        if chance.random() >= indel_share:
            before = bases[at]
            after = "ACGT".replace(before, "")[int(chance.random() * 3)]
        else:
            # One to six bases, the short ones most often, behind the base at `at`, as a VCF has them.
            size = 1
            while size < 6 and chance.random() < 0.5:
                size += 1
            if abs(at - middle) < size + APART:
                continue
            if chance.random() < 0.5:
                before, after = bases[at:at + 1 + size], bases[at]
            else:
                before = bases[at]
                after = before + "".join(draw(chance, [1, 1, 1, 1]) for _ in range(size))
        inside = FLANK + APART <= at and at + len(before) <= length - FLANK - APART
        if inside and all(at + len(before) + APART <= s or s + len(b) + APART <= at for s, b, _ in changes):
            changes.append((at, before, after))
    return sorted(changes)


class Region:
    """One window with its two alleles. Positions are 0-based on the reference stretch, flanks included."""

    def __init__(self, source, bases, planted, changes, grammar, chance):
        self.source = source
        self.variants, self.reference, other = [], "", ""
        # Where on the reference each of `bases` lies, and by how much the middle of the window is moved on the other.
        places, done, shift = [], 0, 0

        def copy(end):
            places.extend(range(len(self.reference), len(self.reference) + end - done))
            self.reference += bases[done:end]
            return other + bases[done:end]

        for at, before, after in changes:
            other = copy(at)
            # Sites are whole on either haplotype equally often.
            kept, instead = (before, after) if chance.random() < 0.5 else (after, before)
            here = len(self.reference)
            places.extend(here + min(i, len(kept) - 1) for i in range(len(before)))
            self.variants.append((here, kept, instead))
            self.reference += kept
            other += instead
            done = at + len(before)
            if here <= FLANK + grammar.length // 2:
                shift += len(instead) - len(kept)
        other = copy(len(bases))
        self.planted = []
        for index, start, strand in planted:
            first, end = places[start], places[start + grammar.motifs[index].width - 1] + 1
            hits = [at for at, kept, _ in self.variants if at < end and at + len(kept) > first]
            self.planted.append((index, (first, end), strand, hits))
        # The same reference base is in the middle of both windows, as training has them.
        self.windows = [self.reference[FLANK:FLANK + grammar.length],
                        other[FLANK + shift:FLANK + shift + grammar.length]]
        self.activities, self.sites = zip(*(grammar.activity(window) for window in self.windows))

    def true_log2_ratio(self):
        return (self.activities[0] - self.activities[1]) / math.log(2)

    def share(self):
        """Share of haplotype 1 among fragments."""
        return 1 / (1 + math.exp(self.activities[1] - self.activities[0]))

    def informative_share(self):
        return 1 - (1 - SPANNED) ** len(self.variants)

    def count(self, scale, phi, rho, chance):
        """Draw hap1, hap2 and uninformative fragments."""
        mean = scale * sum(math.exp(a) for a in self.activities)
        total = poisson(chance.gammavariate(1 / phi, phi * mean) if phi > 0 else mean, chance)
        informative = binomial(total, self.informative_share(), chance)
        share = self.share()
        if rho > 0:
            share = chance.betavariate(share * (1 - rho) / rho, (1 - share) * (1 - rho) / rho)
        one = binomial(informative, share, chance)
        self.counts = (one, informative - one, total - informative)

    def measured(self, half):
        """log2 ratio as training makes it of the counts: uninformative fragments split in halves, or dropped."""
        one, two, shared = self.counts
        added = PSEUDOCOUNT + (shared / 2 if half else 0)
        return math.log2((one + added) / (two + added))

    def expected(self):
        """The log2 ratio that many fragments would have, the uninformative ones split in halves."""
        known, share = self.informative_share(), self.share()
        return math.log2((known * share + (1 - known) / 2) / (known * (1 - share) + (1 - known) / 2))


# The ceiling


def pearson(x, y):
    """None where it has no value."""
    if len(x) < 2:
        return None
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    xy = math.fsum((a - mx) * (b - my) for a, b in zip(x, y))
    norm = math.sqrt(math.fsum((a - mx) ** 2 for a in x) * math.fsum((b - my) ** 2 for b in y))
    return xy / norm if norm > 0 else None


def ceiling(regions, parts):
    """Lines of ceiling.tsv: for each part what the truth reaches, over the regions whose alleles differ."""
    lines = ["part\tregions\ttrue_half\texpected_half\ttrue_drop\tsd_true_log2_ratio"]
    for name, chroms in parts.items():
        rows = [r for r in regions if r.chrom in chroms and r.variants]
        true = [r.true_log2_ratio() for r in rows]
        half = [r.measured(True) for r in rows]
        # Without an informative fragment there is nothing measured once the others are dropped.
        seen = [r for r in rows if r.counts[0] + r.counts[1] > 0]
        mean = math.fsum(true) / max(1, len(true))
        figures = [pearson(true, half), pearson([r.expected() for r in rows], half),
                   pearson([r.true_log2_ratio() for r in seen], [r.measured(False) for r in seen]),
                   math.sqrt(math.fsum((t - mean) ** 2 for t in true) / max(1, len(true)))]
        lines.append("\t".join([name, str(len(rows))] + ["." if f is None else f"{f:.4f}" for f in figures]))
    return lines


# Files


def write(path, lines):
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.writelines(line + "\n" for line in lines)


def write_reference(folder, chroms):
    width, offset, lines, index = 60, 0, [], []
    for name, bases in chroms:
        offset += len(name) + 2
        index.append(f"{name}\t{len(bases)}\t{offset}\t{width}\t{width + 1}")
        rows = [bases[i:i + width] for i in range(0, len(bases), width)]
        offset += len(bases) + len(rows)
        lines += [">" + name, *rows]
    write(folder / "reference.fa", lines)
    write(folder / "reference.fa.fai", index)


def write_variants(folder, chroms, regions):
    lines = ["##fileformat=VCFv4.2", "##source=simulate_grammar.py",
             '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    lines += [f"##contig=<ID={name},length={len(bases)}>" for name, bases in chroms]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tF1\tSTRAIN")
    for region in regions:
        for at, kept, instead in region.variants:
            lines.append(f"{region.chrom}\t{region.offset + at + 1}\t.\t{kept}\t{instead}\t.\tPASS\t.\tGT\t0|1\t1|1")
    write(folder / "variants.vcf", lines)


def write_counts(folder, regions, length):
    lines = ["##source=simulate_grammar.py", "##haplotype1=F1:1", "##haplotype2=F1:2",
             "#chrom\tstart\tend\tname\tscore\tstrand\tsample\thap1\thap2\tuninformative\tconflicting\tvariants"
             "\tlog2_ratio\tse\tp_value\tq_value"]
    for r in regions:
        one, two, shared = r.counts
        ratio, error = ".", "."
        if one + two > 0:
            # One half is added to each, as deepallele count does.
            ratio = f"{math.log2((one + 0.5) / (two + 0.5)) + 0.0:.4f}"
            error = f"{math.sqrt(1 / (one + 0.5) + 1 / (two + 0.5)) / math.log(2):.4f}"
        lines.append(f"{r.chrom}\t{r.start}\t{r.start + length}\t{r.name}\t.\t.\tF1\t{one}\t{two}\t{shared}\t0"
                     f"\t{len(r.variants)}\t{ratio}\t{error}\t.\t.")
    write(folder / "counts.tsv", lines)


def write_truth(folder, regions, grammar):
    """Positions are 0-based on the chromosome, sites half-open; those of sites1 and sites2 are within the window."""
    motifs = grammar.motifs
    lines = ["#chrom\tstart\tend\tname\ttrue_log2_ratio\texpected_log2_ratio\tmeasured_log2_ratio\tactivity1\tactivity2"
             "\tplanted\tsites1\tsites2\tsource"]
    for r in regions:
        planted = [f"{motifs[i].name}:{strand}:{r.offset + span[0]}-{r.offset + span[1]}"
                   + "".join(f"|{r.offset + hit}" for hit in hits) for i, span, strand, hits in r.planted]
        sites = [[f"{motifs[i].name}:{strand}:{at}:{strength:.3f}" for i, at, strand, strength in allele]
                 for allele in r.sites]
        numbers = [r.true_log2_ratio(), r.expected(), r.measured(True), *r.activities]
        cells = [r.chrom, str(r.start), str(r.start + grammar.length), r.name, *(f"{n + 0.0:.6f}" for n in numbers)]
        cells += [",".join(names) or "." for names in (planted, *sites)] + [f"{r.source[0]}:{r.source[1]}"]
        lines.append("\t".join(cells))
    write(folder / "truth.tsv", lines)


def read_options():
    about, rest = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(description=about, epilog=rest,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("-f", "--reference", required=True, help="FASTA to take sequence from, plain, gzip or bgzip")
    add("--contigs", default="", help="only from these sequences, comma-separated")
    add("--motifs", required=True, help="motifs in MEME format")
    add("-o", "--output", required=True, help="folder for what is made, created if absent")
    add("--tf", default=EFFECTS, help="motifs with the effect of a perfect site, natural log, below 0 for a "
                                      "repressor [%(default)s]")
    add("--pair", default=None, help="two motifs that act together, comma-separated; none for no pair "
                                     "[GABPA,RUNX1 where --tf has both]")
    add("--pair-bonus", type=float, default=1.0, help="what a perfect pair adds [%(default)s]")
    add("--site-p-value", type=float, default=1e-4, help="chance of a site at a random place [%(default)s]")
    add("--sites", type=float, default=2.5, help="sites planted a region, on average [%(default)s]")
    add("--regions", type=int, default=6000, help="[%(default)s]")
    add("--length", type=int, default=256, help="bases of a region [%(default)s]")
    add("--chroms", type=int, default=10, help="chromosomes to make [%(default)s]")
    add("--variants-per-kb", type=float, default=8.0, help="[%(default)s]")
    add("--site-share", type=float, default=0.5, help="share of variants put into planted sites [%(default)s]")
    add("--indel-share", type=float, default=0.1, help="share of variants that are indels [%(default)s]")
    add("--noise", choices=NOISE, default="medium", help="depth and overdispersion together [%(default)s]")
    add("--depth", type=float, help="mean fragments a region [by --noise: 400, 100, 30]")
    add("--dispersion-total", type=float, help="phi of the totals [by --noise: 0.05, 0.2, 0.5]")
    add("--dispersion-split", type=float, help="rho of the split [by --noise: 0.002, 0.01, 0.03]")
    add("--validation-chroms", default="sim8", help="for the ceiling by part [%(default)s]")
    add("--test-chroms", default="sim9,sim10", help="likewise [%(default)s]")
    add("--seed", type=int, default=1, help="[%(default)s]")
    o = parser.parse_args()
    depth, phi, rho = NOISE[o.noise]
    o.depth = depth if o.depth is None else o.depth
    o.dispersion_total = phi if o.dispersion_total is None else o.dispersion_total
    o.dispersion_split = rho if o.dispersion_split is None else o.dispersion_split
    try:
        o.tf = {name: float(effect) for name, effect in (item.rsplit("=", 1) for item in o.tf.split(","))}
    except ValueError:
        parser.error("--tf must be NAME=EFFECT,NAME=EFFECT,…")
    default = "GABPA,RUNX1" if {"GABPA", "RUNX1"} <= set(o.tf) else "none"
    pair = o.pair or default
    o.pair = None if pair == "none" else pair.split(",")
    if o.pair and (len(set(o.pair)) != 2 or not set(o.pair) <= set(o.tf)):
        parser.error("--pair must be two motifs of --tf")
    split = lambda text: [name for name in text.split(",") if name]
    o.contigs, o.validation_chroms, o.test_chroms = map(split, (o.contigs, o.validation_chroms, o.test_chroms))
    if not (o.chroms >= 1 and o.regions >= o.chroms and 32 <= o.length <= 100_000):
        parser.error("there must be a region for each chromosome, of 32 to 100000 bases")
    shares = [o.site_share, o.indel_share, o.site_p_value]
    if not all(0 <= share <= 1 for share in shares) or not 0 <= o.dispersion_split < 1:
        parser.error("shares, the p-value and rho must be 0 to 1, rho below 1")
    if not (0 < o.depth <= 1e5 and 0 <= o.sites <= 100 and 0 <= o.variants_per_kb <= 100
            and 0 <= o.dispersion_total <= 100):
        parser.error("depth must be above 0 and at most 100000; sites, variants and phi 0 to 100")
    return o


def main():
    o = read_options()
    motifs = read_motifs(o.motifs, list(o.tf), o.site_p_value)
    names = [motif.name for motif in motifs]
    pair = tuple(names.index(name) for name in o.pair) if o.pair else None
    grammar = Grammar(motifs, list(o.tf.values()), pair, o.pair_bonus, o.length)
    # One generator for the sequences, one for the counts: all noise levels have the same sequences.
    chance, counting = random.Random(o.seed), random.Random(o.seed + 1_000_003)
    chroms, regions = [], []
    taken = windows(read_fasta(o.reference, o.contigs), o.length + 2 * FLANK, o.regions, chance)
    for number in range(o.chroms):
        name, parts, offset = f"sim{number + 1}", [], 0
        for i in range(number * o.regions // o.chroms, (number + 1) * o.regions // o.chroms):
            contig, at, bases = taken[i]
            bases, planted = plant(bases, grammar, o.sites, chance)
            changes = make_variants(bases, planted, grammar, o.variants_per_kb, o.site_share, o.indel_share, chance)
            region = Region((contig, at), bases, planted, changes, grammar, chance)
            region.chrom, region.name, region.offset, region.start = name, f"region_{i + 1}", offset, offset + FLANK
            parts.append(region.reference)
            offset += len(region.reference)
            regions.append(region)
        chroms.append((name, "".join(parts)))
    of_all = math.fsum(math.exp(a) for region in regions for a in region.activities)
    for region in regions:
        region.count(o.depth * len(regions) / of_all, o.dispersion_total, o.dispersion_split, counting)
    held = {"validation": o.validation_chroms, "test": o.test_chroms}
    train = [name for name, _ in chroms if all(name not in names for names in held.values())]
    report = ceiling(regions, {"all": [name for name, _ in chroms], "train": train, **held})
    folder = Path(o.output)
    folder.mkdir(parents=True, exist_ok=True)
    write_reference(folder, chroms)
    write_variants(folder, chroms, regions)
    write_counts(folder, regions, o.length)
    write_truth(folder, regions, grammar)
    write(folder / "ceiling.tsv", report)
    thresholds = {m.name: {"threshold_bits": m.threshold, "best_bits": round(m.best, 4)} for m in motifs}
    chosen = {k: v for k, v in vars(o).items() if k not in ("output", "reference", "motifs")}
    write(folder / "grammar.json", [json.dumps({**chosen, "scores": thresholds}, indent=2)])
    hit = sum(bool(hits) for region in regions for *_, hits in region.planted)
    print(f"{len(regions)} regions, {sum(len(r.planted) for r in regions)} planted sites ({hit} hit by a variant), "
          f"{sum(len(r.variants) for r in regions)} variants, {sum(sum(r.counts) for r in regions)} fragments")
    print("\n".join(report))


if __name__ == "__main__":
    main()
