"""Inputs of scripts/compare_outputs.py that test-data lacks: a simulated F1 cross with indels, its reads aligned to the
reference and to both haplotype genomes, annotations, allele pairs and a small ONNX network. The same bytes on every run.
"""
import gzip
import os
import random
import shutil
import struct
import zipfile
from pathlib import Path

# Contigs of the cross: start (0-based) and length on chr22 (hg19). Tandem repeats are added, in which gaps can be shifted.
CONTIGS = {"a": (17_700_000, 30_000), "b": (24_000_000, 16_000), "c": (36_600_000, 12_000)}
REPEATS = ["A" * 14, "AC" * 12, "CAG" * 9, "T" * 9]
READ = 75


def make(folder, root):
    """Write every input into `folder`; `root` is the top of the repository."""
    data = root / "test-data"
    draw = random.Random(20)
    genome = {name: sequence(data, *place, draw) for name, place in CONTIGS.items()}
    fasta(folder / "cross.fa", genome)
    records = {name: variants(bases, draw) for name, bases in genome.items()}
    vcf(folder / "cross.vcf", genome, records)
    vcf(folder / "odd.vcf", genome, {name: odd(rows, genome[name], draw) for name, rows in records.items()})
    haplotypes = {name: [Haplotype(genome[name], rows, which) for which in (0, 1)] for name, rows in records.items()}
    reads(folder, genome, haplotypes, draw)
    regions(folder, genome)
    pairs(folder, data)
    network(folder)
    with gzip.open(data / "NA12878.chr20.unphased.vcf.gz", "rt") as calls:
        (folder / "chr20.phased.vcf").write_text("".join(line.replace("0/1:", "0|1:").replace("1/2:", "1|2:") for line in calls))
    with zipfile.ZipFile(folder / "checkpoints.zip", "w") as archive:
        for kind in ("mh", "sh"):
            entry = zipfile.ZipInfo(f"seed_1/{kind}/best.ckpt")  # of a fixed date
            archive.writestr(entry, (data / f"parity/{kind}/model.ckpt").read_bytes())
    for at, folders, _ in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in ("target", ".git"))
        for name in ("atac.hdf5", "chip.hdf5", "rna.hdf5"):
            if (Path(at) / name).is_file():
                shutil.copy(Path(at) / name, folder / name)


def sequence(data, start, length, draw):
    """Bases of chr22 from `start` (0-based), with repeats."""
    with gzip.open(data / "chr22.hg19.fa.gz", "rt") as file:
        file.readline()
        line = len(file.readline()) - 1
        file.seek(0)
        file.readline()
        file.read(start // line * (line + 1))
        bases = file.read(length + length // line + 1).replace("\n", "")[:length]
    for at in range(400, length - 400, 600):
        repeat = draw.choice(REPEATS)
        bases = bases[:at] + repeat + bases[at + len(repeat):]
    return bases


def fasta(path, genome, line=60):
    text, index = "", ""
    for name, bases in genome.items():
        text += f">{name}\n"
        index += f"{name}\t{len(bases)}\t{len(text)}\t{line}\t{line + 1}\n"
        text += "".join(bases[i:i + line] + "\n" for i in range(0, len(bases), line))
    path.write_text(text)
    Path(f"{path}.fai").write_text(index)


def variants(bases, draw):
    """Records that do not touch: (position, 0-based; alleles, REF first; the two of F1; genotype of CAST)."""
    rows, at = [], 150
    while at < len(bases) - 200:
        reference, kind = bases[at].upper(), draw.random()
        others = [b for b in "ACGT" if b != reference]
        two = draw.sample(others, 2)
        if kind < 0.55:
            alleles = [reference, two[0]]
        elif kind < 0.70:
            alleles = [reference, reference + "".join(draw.choice("ACGT") for _ in range(draw.randint(1, 6)))]
        elif kind < 0.85:
            alleles = [bases[at:at + draw.randint(2, 9)].upper(), reference]
        elif kind < 0.92:
            alleles = [bases[at:at + 3].upper(), two[0] + bases[at + 1].upper() + draw.choice(others)]
        else:
            alleles = [reference, *two]
        if len(set(alleles)) == len(alleles) and "N" not in "".join(alleles):
            carried = draw.choice([(0, 1), (1, 0), (0, 1), (1, 0), (1, 1)]) if len(alleles) == 2 else (1, 2)
            cast = draw.choice(["1/1", "1/1", "1/1", "0/0", "0/1", "./."])
            rows.append((at, alleles, carried, cast))
        # Some records close together, some at a repeat, some further apart than a read.
        at += len(alleles[0]) + draw.choice([2, 7, 15, 40, 90, 160])
        if draw.random() < 0.3:
            at = max(at, at // 600 * 600 + 400 - draw.randint(1, 3))
    return rows


def odd(rows, bases, draw):
    """`rows` and further records that overlap them or cannot be applied."""
    more = []
    for number, (at, alleles, carried, cast) in enumerate(rows[::6]):
        # One wrong REF a contig: with many the commands refuse the file as one of another assembly.
        kind, letter = 5 if number == 20 else draw.randrange(5), bases[at].upper()
        first = [[letter, "<DEL>"], [letter, "*"], [letter, "A" if letter != "A" else "C"], [letter, letter + "GG"],
                 [bases[at:at + 4].upper(), letter], ["A" if letter != "A" else "C", letter]][kind]
        if "N" not in first[0]:
            more.append((at, first, draw.choice(["0|1", "1|0", "0/1", ".|.", "1|1"]), cast))
    return sorted(rows + more, key=lambda row: row[0])


def vcf(path, genome, records):
    lines = ["##fileformat=VCFv4.2", '##FILTER=<ID=PASS,Description="All filters passed">']
    lines += [f"##contig=<ID={name},length={len(bases)}>" for name, bases in genome.items()]
    lines += ['##ALT=<ID=DEL,Description="Deletion">', '##INFO=<ID=NOTE,Number=1,Type=String,Description="Any text">',
              '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
              "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tF1\tCAST"]
    for name, rows in records.items():
        for i, (at, alleles, carried, cast) in enumerate(rows):
            genotype = carried if isinstance(carried, str) else "{}|{}".format(*carried)
            info = "." if i % 3 else f"NOTE=n{i}"
            lines.append(f"{name}\t{at + 1}\tr{i}\t{alleles[0]}\t{','.join(alleles[1:])}\t{i % 60}\tPASS\t{info}\tGT\t{genotype}\t{cast}")
    path.write_text("\n".join(lines) + "\n")


class Haplotype:
    """Bases of one haplotype, and the reference position of each (None for inserted bases)."""

    def __init__(self, reference, rows, which):
        bases, self.places, done = [], [], 0
        for at, alleles, carried, _ in rows:
            allele = alleles[carried[which]]
            bases.append(reference[done:at] + allele)
            same = min(len(allele), len(alleles[0]))
            self.places += [*range(done, at + same), *[None] * (len(allele) - same)]
            done = at + len(alleles[0])
        self.bases = ("".join(bases) + reference[done:]).upper()
        self.places += range(done, len(reference))
        self.at = {place: i for i, place in enumerate(self.places) if place is not None}


def aligned(read, places, target, draw=None):
    """An alignment of `read` whose bases belong at `places` (0-based) of `target`: (position, CIGAR, NM, MD), or None.

    With `draw`, the bases after an indel within 12 bases of the read's end are sometimes soft-clipped or aligned without
    the gap, as aligners do.
    """
    places = list(places)
    if draw:
        for i in range(1, 13):
            one, two = places[-i - 1], places[-i]
            if one is None or two is None or two != one + 1:
                how = draw.random()
                straight = one is not None and one + i < len(target)
                if how < 0.4 or (how < 0.8 and not straight):
                    places[-i:] = [None] * i
                elif how < 0.8:
                    places[-i:] = range(one + 1, one + 1 + i)
                break
    known = [i for i, place in enumerate(places) if place is not None]
    if len(known) < 30:
        return None
    first, last = known[0], known[-1]
    steps, matched, differing, md, end = [("S", first)], 0, 0, "", places[first]
    for i in range(first, last + 1):
        place = places[i]
        if place is None:
            steps.append(("I", 1))
            differing += 1
            continue
        if place > end:
            steps.append(("D", place - end))
            md, matched, differing = md + f"{matched}^{target[end:place].upper()}", 0, differing + place - end
        steps.append(("M", 1))
        if read[i] == target[place].upper():
            matched += 1
        else:
            md, matched, differing = md + f"{matched}{target[place].upper()}", 0, differing + 1
        end = place + 1
    steps.append(("S", len(read) - 1 - last))
    cigar, before = [], None
    for step, length in steps:
        if length and step == before:
            cigar[-1][1] += length
        elif length:
            cigar.append([step, length])
            before = step
    return places[first], "".join(f"{length}{step}" for step, length in cigar), differing, f"{md}{matched}"


def reads(folder, genome, haplotypes, draw):
    """Pairs of both haplotypes: `cross.sam` sorted, `rep2.sam` (a second draw), `hap1.sam` sorted and `hap2.sam` by name."""
    targets = {"ref": genome} | {f"hap{h + 1}": {n: pair[h].bases for n, pair in haplotypes.items()} for h in (0, 1)}
    for name, share in (("cross", 12), ("rep2", 25)):
        lines = {target: [] for target in targets}
        for contig in genome:
            for number in range(len(genome[contig]) // share):
                fragment(f"{contig}{number}", contig, haplotypes[contig], targets, lines, draw)
        if name == "rep2":
            sam(folder / "rep2.sam", genome, lines["ref"], "rep2", True)
        else:
            sam(folder / "cross.sam", genome, lines["ref"], "F1", True)
            sam(folder / "hap1.sam", targets["hap1"], lines["hap1"], "F1", True)
            sam(folder / "hap2.sam", targets["hap2"], lines["hap2"], "F1", False)


def fragment(name, contig, pair, targets, lines, draw):
    """Draw one read pair and add its SAM lines to those of each target."""
    which = 0 if draw.random() < (0.7 if contig == "b" else 0.45) else 1
    haplotype = pair[which]
    length = draw.randint(90, 320)
    start = draw.randrange(len(haplotype.bases) - length)
    forward = draw.random() < 0.5
    tags = f"\tCB:Z:{draw.choice(['AA-1', 'AC-1', 'CA-1', 'GT-1', '-'])}\tUB:Z:{draw.choice(['ACGT', 'TTTT', 'ACGA'])}\tRG:Z:one"
    tags += draw.choice(["", "\tvW:i:1", "\tvW:i:2"])
    common = (1024 if draw.random() < 0.04 else 0) | (512 if draw.random() < 0.01 else 0)
    mapq = draw.choice([60, 60, 60, 60, 30, 9, 0])
    mates = []
    for begin in (start, start + length - READ):
        source = haplotype
        if mates and draw.random() < 0.03:  # a conflicting pair
            source = pair[1 - which]
            begin = next((source.at[p] for p in haplotype.places[begin:] if p in source.at), len(source.bases)) - 1
            begin = max(0, min(begin, len(source.bases) - READ))
        mutate = lambda base: draw.choice("ACGTN") if draw.random() < 0.006 else base
        bases = "".join(mutate(base) for base in source.bases[begin:begin + READ])
        mates.append((source, begin, bases, "".join(draw.choice("#-7FFFF") for _ in bases)))
    # Sometimes a mate is unmapped in one of the genomes.
    lost = draw.choice(["ref", "hap1", "hap2"]) if draw.random() < 0.04 else None
    for target, sequences in targets.items():
        found = []
        for source, begin, bases, _ in mates:
            places = source.places[begin:begin + READ]
            if target != "ref":
                other = pair[int(target[3]) - 1]
                places = range(begin, begin + READ) if other is source else [other.at.get(p) for p in places]
            found.append(aligned(bases, places, sequences[contig], draw if target != "hap2" else None))
        if lost == target:
            found[1] = None
        if found == [None, None]:
            continue
        for i, ((_, _, bases, quality), here, mate) in enumerate(zip(mates, found, found[::-1])):
            flag = 1 | common | (64 if (i == 0) == forward else 128) | (16 if i else 32)
            flag |= (0 if here else 4) | (0 if mate else 8) | (2 if here and mate else 0)
            position = (here or mate)[0]
            size = (max(f[0] for f in found) - min(f[0] for f in found) + READ) * (1 - 2 * i) if here and mate else 0
            extra = f"\tNM:i:{here[2]}" + (f"\tMD:Z:{here[3]}" if len(lines[target]) % 9 else "") if here else ""
            fields = [name, flag, contig, position + 1, mapq if here else 0, here[1] if here else "*", "=",
                      (mate or here)[0] + 1, size, bases, quality]
            lines[target].append((list(sequences).index(contig), position, "\t".join(map(str, fields)) + tags + extra))


def sam(path, genome, lines, sample, by_position):
    """`lines` are (contig's number, position, line)."""
    text = "@HD\tVN:1.6\tSO:" + ("coordinate" if by_position else "unsorted") + "\n"
    text += "".join(f"@SQ\tSN:{name}\tLN:{len(bases)}\n" for name, bases in genome.items()) + f"@RG\tID:one\tSM:{sample}\n"
    lines = sorted(lines, key=lambda line: line[:2]) if by_position else lines
    path.write_text(text + "".join(line[2] + "\n" for line in lines))


def regions(folder, genome):
    bed, peaks, gtf, gff, saf = "", "", "", "##gff-version 3\n", "GeneID\tChr\tStart\tEnd\tStrand\n"
    for contig, bases in genome.items():
        for start in range(300, len(bases) - 700, 350):
            bed += f"{contig}\t{start}\t{start + 400}\t{f'w{start}' if start % 3 else '.'}\n"
            peaks += f"{contig}\t{start + 20}\t{start + 240}\tp{contig}{start}\t0\t{'+-.'[start % 3]}\t0\t-1\t-1\t{start % 200}\n"
        for number, start in enumerate(range(500, len(bases) - 2500, 1500)):
            gene, strand = f"{contig}G{number}", "+-"[number % 2]
            gff += f"{contig}\tx\tgene\t{start + 1}\t{start + 1300}\t.\t{strand}\t.\tID=gene:{gene}\n"
            gff += f"{contig}\tx\tmRNA\t{start + 1}\t{start + 1300}\t.\t{strand}\t.\tID=t:{gene};Parent=gene:{gene}\n"
            for exon in range(3):
                one, two = start + 1 + exon * 450, start + 300 + exon * 520
                gtf += f'{contig}\tx\texon\t{one}\t{two}\t.\t{strand}\t.\tgene_id "{gene}"; gene_name "N{number // 2}";\n'
                gff += f"{contig}\tx\texon\t{one}\t{two}\t.\t{strand}\t.\tParent=t:{gene}\n"
                saf += f"{gene}\t{contig}\t{one}\t{two}\t{strand}\n"
    for name, text in (("windows.bed", bed), ("peaks.narrowPeak", peaks), ("genes.gtf", gtf), ("genes.gff3", gff), ("genes.saf", saf),
                       ("blacklist.bed", "a\t2000\t2600\nb\t900\t950\n"), ("barcodes.txt", "GT-1\nAA-1\nno-such\n"),
                       ("places.bed", "a\t1000\t6000\nc\t0\t3000\n")):
        (folder / name).write_text(text)


def pairs(folder, data):
    """Pairs with values, groups and standard deviations, from those of the golden vectors."""
    text = "id\tallele_a\tallele_b\tvalue_a\tvalue_b\tgroup\tsd_a\tsd_b\n"
    for i, line in enumerate((data / "parity/mh/train_pairs.tsv").read_text().splitlines()[1:]):
        name, one, two = line.split("\t")[:3]
        text += f"{name}\t{one}\t{two}\t{5 + i * 7 % 23}\t{4 + i * 11 % 19}\tchr{i % 12}-1\t0.{1 + i % 3}\t0.{1 + i % 4}\n"
    (folder / "pairs.tsv").write_text(text)


def field(tag, value):
    """A field of a protocol buffer: a number, bytes or text."""
    def number(n):
        return bytes([n & 127 | 128]) + number(n >> 7) if n > 127 else bytes([n])
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(value)) + value


def network(folder, window=64):
    """`linear.onnx`, (N, window, 4) -> Flatten -> MatMul -> (N, 2), and its description `linear.toml`."""
    node = lambda op, inputs, output: b"".join(field(1, i) for i in inputs) + field(2, output) + field(4, op)
    axis = lambda n: field(1, field(1, n) if n else field(2, "N"))
    value = lambda name, shape: field(1, name) + field(2, field(1, field(1, 1) + field(2, b"".join(map(axis, shape)))))
    weights = struct.pack(f"<{8 * window}f", *(((i * 37) % 127) / 64 - 1 for i in range(8 * window)))
    tensor = field(1, 4 * window) + field(1, 2) + field(2, 1) + field(8, "w") + field(9, weights)
    graph = field(1, node("Flatten", ["x"], "row")) + field(1, node("MatMul", ["row", "w"], "y")) + field(2, "linear")
    graph += field(5, tensor) + field(11, value("x", [0, window, 4])) + field(12, value("y", [0, 2]))
    (folder / "linear.onnx").write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17)))
    (folder / "linear.toml").write_text(
        f'window = {window}\nlayout = "NL4"\nstrands = "both"\n\n[[output]]\nsample = "liver"\nat = [0]\nscale = "ln"\n\n'
        '[[output]]\nsample = "brain"\nat = [1]\nscale = "log2"\n')
