"""Small sound inputs of every format, from which damaged ones are made: a genome of two contigs, the phased variants of
one sample, its reads, regions, tables, a model, a data set and a checkpoint. Standard library, samtools, bcftools,
tabix, and the commands themselves for the files that only they write."""
import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTIGS = {"chr1": 6000, "chr2": 3000}
SAMPLE = "kid"


def call(command, **options):
    """Run a tool that must succeed, quietly."""
    line = [str(part) for part in command]
    done = subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"fuzz: {' '.join(line)} ended with {done.returncode}: {done.stderr.strip()}")


def genome(rng):
    return {name: "".join(rng.choices("ACGT", k=length)) for name, length in CONTIGS.items()}


def variants(rng, sequences):
    """(contig, 0-based position, REF, ALT, genotype): SNVs, insertions and deletions, 40 to 90 bases apart."""
    found = []
    for contig, bases in sequences.items():
        at = 60
        while at < len(bases) - 60:
            ref = bases[at]
            kind = rng.random()
            if kind < 0.7:
                alt = rng.choice([b for b in "ACGT" if b != ref])
            elif kind < 0.85:
                alt = ref + "".join(rng.choices("ACGT", k=rng.randint(1, 6)))
            else:
                ref, alt = bases[at:at + rng.randint(2, 6)], bases[at]
            found.append((contig, at, ref, alt, rng.choice(["0|1", "1|0", "1|1", "0/1"])))
            at += rng.randint(40, 90)
    return found


def reads(rng, sequences):
    """Lines of SAM: pairs of 100 bases with a barcode, from the reference."""
    lines = []
    for contig, bases in sequences.items():
        for number in range(len(bases) // 15):
            first = rng.randrange(len(bases) - 320)
            second = first + rng.randint(110, 210)
            size = second + 100 - first
            tags = f"NH:i:1\tCB:Z:{rng.choice(['AAAC', 'CCGT', 'GGTA'])}-1\tRG:Z:a"
            for flag, at, mate, length in [(99, first, second, size), (147, second, first, -size)]:
                cigar, sequence = "100M", bases[at:at + 100]
                if rng.random() < 0.1:
                    cigar, sequence = "40M2D50M10S", bases[at:at + 40] + bases[at + 42:at + 92] + "ACGTACGTAC"
                qualities = "".join(chr(33 + rng.randint(20, 40)) for _ in sequence)
                lines.append((contig, at, f"r{contig}{number}\t{flag}\t{contig}\t{at + 1}\t60\t{cigar}\t=\t{mate + 1}"
                              f"\t{length}\t{sequence}\t{qualities}\t{tags}"))
    order = list(CONTIGS)
    lines.sort(key=lambda line: (order.index(line[0]), line[1]))
    header = ["@HD\tVN:1.6\tSO:coordinate"] + [f"@SQ\tSN:{n}\tLN:{l}" for n, l in CONTIGS.items()]
    return "\n".join(header + [f"@RG\tID:a\tSM:{SAMPLE}"] + [line[2] for line in lines]) + "\n"


def regions(folder):
    """BED, narrowPeak, SAF, GTF and GFF3 of the same intervals."""
    places = [(c, start, start + 200) for c, length in CONTIGS.items() for start in range(100, length - 400, 350)]
    write = lambda name, lines: (folder / name).write_text("\n".join(lines) + "\n")
    write("r.bed", [f"{c}\t{s}\t{e}\tp{i}\t0\t+" for i, (c, s, e) in enumerate(places)])
    write("r.narrowPeak", [f"{c}\t{s}\t{e}\tp{i}\t10\t.\t5.5\t4\t3\t90" for i, (c, s, e) in enumerate(places)])
    write("r.saf", ["GeneID\tChr\tStart\tEnd\tStrand"] +
          [f"g{i}\t{c}\t{s + 1}\t{e}\t+" for i, (c, s, e) in enumerate(places)])
    write("r.gtf", [f'{c}\tx\texon\t{s + 1}\t{e}\t.\t-\t.\tgene_id "g{i}"; gene_name "n{i}"; exon_number 1;'
                    for i, (c, s, e) in enumerate(places)])
    write("r.gff3", ["##gff-version 3"] + [line for i, (c, s, e) in enumerate(places) for line in (
        f"{c}\tx\tgene\t{s + 1}\t{e}\t.\t-\t.\tID=gene:g{i};Name=n{i}",
        f"{c}\tx\tmRNA\t{s + 1}\t{e}\t.\t-\t.\tID=t{i};Parent=gene:g{i}",
        f"{c}\tx\texon\t{s + 1}\t{e}\t.\t-\t.\tParent=t{i}")])
    write("r.list", [f"{c}\t{s + 1}\t{e}" for c, s, e in places])
    write("values.tsv", [f"name\t{SAMPLE}.hap1\t{SAMPLE}.hap2"] +
          [f"p{i}\t{1 + i % 5}.5\t{2 + i % 3}" for i in range(len(places))])


def network():
    """An ONNX graph of one operator: the mean of each channel of a one-hot sequence of 200 bases."""
    def field(number, value):
        if isinstance(value, int):
            return bytes([number << 3, value & 0x7f | 0x80, value >> 7])
        data = value.encode() if isinstance(value, str) else value
        return bytes([number << 3 | 2, len(data) & 0x7f | 0x80, len(data) >> 7]) + data

    def tensor(name, *sizes):
        dims = b"".join(field(1, field(1, n) if n else field(2, "N")) for n in sizes)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))

    node = field(1, "sequence") + field(2, "mean") + field(4, "GlobalAveragePool")
    graph = field(1, node) + field(2, "g") + field(11, tensor("sequence", 0, 4, 200)) + field(12, tensor("mean", 0, 4, 1))
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def make(folder, binaries, seed=1):
    """Make all inputs in `folder`; returns the environment to run the commands in."""
    rng = random.Random(seed)
    sequences = genome(rng)
    text = "".join(f">{name}\n" + "\n".join(bases[i:i + 60] for i in range(0, len(bases), 60)) + "\n"
                   for name, bases in sequences.items())
    (folder / "ref.fa").write_text(text)
    (folder / "bgz.fa").write_text(text)
    call(["samtools", "faidx", folder / "ref.fa"])
    call(["bgzip", folder / "bgz.fa"])
    call(["samtools", "faidx", folder / "bgz.fa.gz"])

    header = ["##fileformat=VCFv4.3", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
              '##INFO=<ID=AF,Number=A,Type=Float,Description="Frequency">']
    header += [f"##contig=<ID={name},length={length}>" for name, length in CONTIGS.items()]
    header.append(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{SAMPLE}")
    records = [f"{c}\t{at + 1}\t.\t{ref}\t{alt}\t50\tPASS\tAF=0.25\tGT\t{gt}"
               for c, at, ref, alt, gt in variants(rng, sequences)]
    (folder / "v.vcf").write_text("\n".join(header + records) + "\n")
    for name, how in [("v.vcf.gz", "z"), ("c.vcf.gz", "z"), ("v.bcf", "b")]:
        call(["bcftools", "view", "-O", how, "-o", folder / name, folder / "v.vcf"])
    call(["bcftools", "index", "-t", folder / "v.vcf.gz"])
    call(["bcftools", "index", "-c", folder / "c.vcf.gz"])
    call(["bcftools", "index", folder / "v.bcf"])

    (folder / "in.sam").write_text(reads(rng, sequences))
    call(["samtools", "view", "-b", "-o", folder / "in.bam", folder / "in.sam"])
    call(["samtools", "view", "-b", "-o", folder / "csi.bam", folder / "in.sam"])
    call(["samtools", "index", folder / "in.bam"])
    call(["samtools", "index", "-c", folder / "csi.bam"])
    # Level 0: blocks as they are, so that damage reaches the decoders.
    for name, options in [("in.cram", "version=3.0,level=0"), ("small.cram", "version=3.1,seqs_per_slice=40"),
                          ("old.cram", "version=2.1")]:
        call(["samtools", "view", "-C", "-T", folder / "ref.fa", "--output-fmt", f"cram,{options}", "-o", folder / name,
              folder / "in.sam"])
        call(["samtools", "index", folder / name])

    regions(folder)
    (folder / "barcodes.txt").write_text("AAAC-1\nCCGT-1\n")

    environment = dict(os.environ, RUST_LOG="error", RUST_BACKTRACE="0")
    run = lambda name, *arguments: call([Path(binaries) / f"deepallele-{name}", *arguments], cwd=folder, env=environment)
    run("count", "in.bam", "-f", "ref.fa", "-v", "v.vcf.gz", "-s", SAMPLE, "-L", "r.bed", "-o", "counts.tsv")
    run("import", ROOT / "test-data/parity/cr/model.ckpt", "-o", "model.onnx")
    call(["cp", ROOT / "test-data/parity/cr/model.ckpt", folder / "model.ckpt"])
    call(["cp", ROOT / "test-data/parity/cr/pairs.tsv", folder / "pairs.tsv"])
    run("export", "counts.tsv", "-f", "ref.fa", "-v", "v.vcf.gz", "-s", SAMPLE, "--assay", "atac", "--length", "260",
        "-o", "set.hdf5")
    (folder / "mean.onnx").write_bytes(network())
    (folder / "other.toml").write_text('model = "mean.onnx"\nwindow = 200\nlayout = "N4L"\ninput = "sequence"\n[[output]]\n'
                                       'sample = "x"\nat = [1, 0]\nscale = "linear"\npseudocount = 1.0\n')
    table = (ROOT / "test-data/parity/mh/train_pairs.tsv").read_text().replace("target_a\ttarget_b", "value_a\tvalue_b", 1)
    (folder / "train.tsv").write_text(table)
    if (Path(binaries) / "deepallele-train").exists():
        run("train", "--pairs", "train.tsv", "--window", "200", "--epochs", "1", "-o", "trained")
        call(["cp", folder / "trained/config.toml", folder / "config.toml"])
    return environment
