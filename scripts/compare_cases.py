"""The command lines of scripts/compare_outputs.py, as data.

A case runs in a new folder with links to test-data (`data`), to the files of scripts/compare_inputs.py (`made`) and to the
folders of the earlier cases it reads (by name). So command lines, which many outputs contain, are the same on every run.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    name: str
    line: str
    # The file that is standard input.
    stdin: str = ""
    # The expected exit code. Any other is reported, since the case would compare nothing then.
    ends: int = 0
    # A program in the folder of the build, or one installed.
    program: str = "deepallele"


GENOME = "-f data/chr22.hg19.fa.gz"
PHASED = "data/NA12878.chr22.phased.vcf.gz"
CHR22 = f"{GENOME} -v {PHASED} -s NA12878"
READS = "data/ctcf_chip.chr22.bam"
F1 = "-f made/cross.fa -v made/cross.vcf -s F1"
CAST = "-f made/cross.fa -v made/cross.vcf --strain CAST"
ODD = "-f made/cross.fa -v made/odd.vcf -s F1"
# The CRAM's calls, phased by fiat: those of the repository are unphased.
B37 = "-f data/chr20.b37.fa.gz -v made/chr20.phased.vcf -s NA12878"

COUNT = [
    Case("count", f"count {READS} {CHR22} -L data/regions.narrowPeak -@ 2 --per-variant v.tsv.gz -o c.tsv.gz"),
    Case("count-one-thread", f"count {READS} {CHR22} -L data/regions.narrowPeak -@ 1 --per-variant v.tsv.gz -o c.tsv.gz"),
    Case("count-stdout", f"count {READS} {CHR22} -L data/ctcf_peaks.narrowPeak -@ 2 -q 30 -Q 20 -F 0 --no-version"),
    Case("count-without-fasta", f"count {READS} -v {PHASED} -s NA12878 -L data/regions.narrowPeak --no-test -o c.tsv"),
    Case("count-region", f"count {READS} {CHR22} -L data/regions.narrowPeak -r chr22:20000000-30000000 -o c.tsv.gz"),
    Case("count-targets", f"count {READS} {CHR22} -L data/regions.narrowPeak -t chr22:20000000-30000000 -o c.tsv.gz"),
    Case("count-gatk", f"count {READS} {CHR22} --format gatk --per-variant ase.tsv -@ 2"),
    Case("count-cram", f"count data/na12878_wgs.chr20.cram {B37} --per-variant v.vcf.gz --bias-report b.tsv.gz -@ 2"),
    Case("count-cram-gatk", "count data/na12878_wgs.chr20.cram -f data/chr20.b37.fa.gz -v data/NA12878.chr20.unphased.vcf.gz "
                            "-s NA12878 --format gatk --per-variant ase.tsv.gz -@ 1"),
    Case("count-cross", f"count made/cross.sam {F1} -L made/windows.bed --per-variant v.tsv -o c.tsv.gz -@ 1"),
    Case("count-cross-threads", f"count made/cross.sam {F1} -L made/windows.bed --per-variant v.tsv -o c.tsv.gz -@ 2"),
    Case("count-cross-without-fasta", "count made/cross.sam -v made/cross.vcf -s F1 -L made/windows.bed --per-variant v.tsv -o c.tsv"),
    Case("count-strain", f"count made/cross.sam {CAST} --sample-name cast -L made/windows.bed -o c.tsv --dispersion 0.02 --expected-fraction 0.52"),
    Case("count-hap1-hap2", "count made/cross.sam -f made/cross.fa -v made/cross.vcf --hap1 CAST --hap2 F1:2 -L made/windows.bed"),
    Case("count-odd-records", f"count made/cross.sam {ODD} -L made/windows.bed --per-variant v.bcf --format vcf -o c.tsv"),
    Case("count-vcf-of-two", f"count made/cross.sam made/rep2.sam {F1} --per-variant v.vcf --sample-name one,two -@ 2"),
    Case("count-bcf", f"count made/cross.sam {F1} -L made/peaks.narrowPeak --per-variant v.bcf"),
    Case("count-combine", f"count made/cross.sam made/rep2.sam {F1} -L made/windows.bed --combine -o c.tsv.gz --overview o.svg "
                          "--multiqc o_mqc.json --per-variant v.tsv.gz"),
    Case("count-gtf", f"count made/cross.sam {F1} -L made/genes.gtf --strandedness reverse -o c.tsv.gz"),
    Case("count-gtf-by-name", f"count made/cross.sam {F1} -L made/genes.gtf --gene-attribute gene_name --strandedness forward"),
    Case("count-gff3", f"count made/cross.sam {F1} -L made/genes.gff3 -o c.tsv"),
    Case("count-saf", f"count made/cross.sam {F1} -L made/genes.saf --strandedness forward -o c.tsv"),
    Case("count-exclude", f"count made/cross.sam {F1} -L made/windows.bed --exclude made/blacklist.bed --wasp -T made/places.bed"),
    Case("count-piped", f"count - {F1} -L made/peaks.narrowPeak -o c.tsv --bias-report b.tsv", stdin="made/cross.sam"),
    Case("count-cells", f"count made/cross.sam {F1} -L made/windows.bed --group-by CB --matrix m --fragments f --umi UB -o c.tsv.gz"),
    Case("count-cells-listed", f"count made/cross.sam made/rep2.sam {F1} -L made/genes.gtf --group-by CB --barcodes made/barcodes.txt "
                               "--matrix m --sample-name x,y -@ 2 -o c.tsv"),
    Case("count-fragments", f"count made/cross.sam {F1} --fragments f --tn5-shift -F 2820"),
    Case("count-bias", f"count made/cross.sam {F1} -L made/windows.bed --bias-report b.tsv.gz --bias-regions r.tsv --read-length 60 "
                       "--bias-limit 0.02 -@ 2 -o c.tsv"),
    Case("count-bias-options", f"count made/cross.sam {F1} -L made/windows.bed --bias-report b.tsv --bias-scoring 2,3,5,2,4,20 "
                               "--bias-max-differences 3 --bias-local -o c.tsv"),
    Case("count-two-genomes", f"count --hap1-bam made/hap1.sam --hap2-bam made/hap2.sam {F1} -L made/windows.bed --merged-bam m.bam "
                              "-o c.tsv.gz --overview o.svg"),
    Case("count-two-genomes-scoring", f"count --hap1-bam made/hap1.sam --hap2-bam made/hap2.sam {F1} -L made/genes.gtf "
                                      "--scoring suspenders --group-by CB --matrix m --fragments f -q 20 -o c.tsv"),
    Case("count-no-sample", f"count {READS} {GENOME} -v {PHASED} -s nobody -L data/regions.narrowPeak -o c.tsv", ends=1),
    Case("count-bad-option", f"count {READS} {CHR22} -L data/regions.narrowPeak --no-such-option", ends=2),
    Case("count-two-genomes-wrong", f"count --hap1-bam made/hap2.sam --hap2-bam made/hap1.sam {F1} -L made/windows.bed -o c.tsv", ends=1),
]

HAPLOTYPES = [
    Case("haplotypes", f"haplotypes {F1} --fasta g --masked masked.fa --chain g --report r.tsv -L made/windows.bed --pairs p.tsv.gz"),
    Case("haplotypes-odd", f"haplotypes {ODD} --fasta g -z --masked masked.fa.gz --mask-indels --chain g --report r.tsv.gz "
                           "-L made/peaks.narrowPeak --pairs p.fa -@ 2"),
    Case("haplotypes-strain", f"haplotypes {CAST} --fasta g --report r.tsv -L made/windows.bed --window 200 --pairs p.tsv"),
    Case("haplotypes-chr22", f"haplotypes {CHR22} -L data/regions.narrowPeak --pairs p.fasta.gz --chain g --report r.tsv.gz --no-version"),
    Case("haplotypes-bcf", "haplotypes -f made/cross.fa -v annotate-bcf/e.bcf --hap1 ref --hap2 F1:1 --masked m.fa --report r.tsv"),
]

# One thread: the order of floating-point sums decides the weights.
TINY = "--device cpu -@ 1 --seed 3 --batch-size 16"
CROSS = f"train count-cross/c.tsv.gz {F1} --window 256 --validation-chroms b --test-chroms c {TINY}"
TRAIN = [
    Case("train", f"train count/c.tsv.gz {CHR22} --window 256 --epochs 2 --device cpu -@ 1 --seed 1 -o m"),
    Case("train-pairs", f"train --pairs made/pairs.tsv --window 110 --kmers 4 --weight-decay 0.3 --epochs 3 {TINY} -o m"),
    Case("train-counts-loss", f"{CROSS} --loss counts --pseudocount 1 --epochs 2 --schedule plateau --selection ratio -o m"),
    Case("train-published", f"{CROSS} --compat published --layout centred --epochs 2 -o m"),
    Case("train-left-aligned", f"train count-cross/c.tsv.gz {F1} --compat published --preset atac --window 420 --validation-chroms b,c "
                               f"--epochs 1 {TINY} -o m"),
    Case("train-difference", f"{CROSS} --model difference --epochs 2 --tower-dropout 0.1 --uninformative drop --clip 1 -o m"),
    Case("train-single", f"{CROSS} --model single --epochs 2 --average 0 --schedule constant --augment strand -o m"),
    Case("train-augmented", f"{CROSS} --epochs 2 --augment strand,swap --shift 4 --strands joined --ratio-head free "
                            "--batch-statistics apart --shared-dropout false --first-counts random --decay gradient -o m"),
    Case("train-members", f"{CROSS} --epochs 2 --members 2 --baselines -o m"),
    Case("train-folds", f"train count-combine/c.tsv.gz {F1} --window 256 --folds 3 --block-size 3000 --epochs 2 {TINY} -o m"),
    Case("train-two-crosses", f"{CROSS} --cross count-strain/c.tsv,made/cross.vcf,ref,CAST --epochs 2 -o m"),
    Case("train-pairs-published", f"train --pairs made/pairs.tsv --preset chip --compat published --window 110 --target-scale counts "
                                  f"--epochs 1 {TINY} -o m"),
    Case("train-pairs-imported", f"train --pairs import-atac/p.tsv --window 40 --target-scale counts --split chrom --validation-chroms chr16 "
                                 f"--test-chroms chr2 --epochs 1 {TINY} -o m"),
    Case("train-config", f"{CROSS} --config train-published/m/config.toml --epochs 1 -o m"),
    Case("train-dry-run", f"train count/c.tsv.gz {CHR22} --preset rna --dry-run --device cpu -@ 1 -o m"),
    Case("train-no-such-preset", f"train count/c.tsv.gz {CHR22} --preset giant --device cpu -o m", ends=2),
]

EVALUATE = [
    Case("evaluate", f"evaluate -m train/m/model.onnx count/c.tsv.gz {CHR22} --plots figures --kmer-ridge=4 -@ 2 -o e.tsv"),
    Case("evaluate-all", f"evaluate -m train/m/model.onnx count/c.tsv.gz {CHR22} --part all --uninformative drop --bootstrap 200 --seed 5 "
                         "--direction-bins 0.2,1 -@ 1"),
    Case("evaluate-replicates", f"evaluate -m train-folds/m/model.onnx count-combine/c.tsv.gz --count-sample F1 "
                                f"--replicate count-combine/c.tsv.gz {F1} --part all -o e.tsv.gz"),
    Case("evaluate-pairs", "evaluate -m train-pairs/m/model.onnx --pairs made/pairs.tsv --kmer-ridge=3 --plots figures -o e.tsv"),
    Case("evaluate-imported", "evaluate -m import-mh/m.onnx --pairs made/pairs.tsv --part train --pseudocount 1 --target-scale counts"),
    Case("evaluate-no-pairs", "evaluate -m train-pairs/m/model.onnx --pairs made/no-such-file.tsv", ends=1),
]

TRACKS = "--bedgraph p --bigwig p --igv all.igv.xml"
PREDICT = [
    Case("predict", f"predict -m train/m/model.onnx {CHR22} -L data/regions.narrowPeak -@ 2 -o p.tsv.gz"),
    Case("predict-stdout", f"predict -m train/m/model.onnx {CHR22} -L data/ctcf_peaks.narrowPeak -@ 1 --no-version"),
    Case("predict-tracks", f"predict -m train/m/model.onnx -f data/chr22.hg19.fa.gz -v annotate-tracks/e.vcf.gz -s NA12878 "
                           f"--compare count/c.tsv.gz {TRACKS} --igv-track annotate-tracks/e.bw --igv-track {READS} -@ 2 -o p.tsv.gz"),
    Case("predict-cross", f"predict -m train-folds/m/model.onnx {F1} -L made/windows.bed --model-sample rep2 -o p.tsv"),
    Case("predict-odd-records", f"predict -m train-augmented/m/model.onnx {ODD} -L made/windows.bed -@ 1"),
    Case("predict-left-aligned", f"predict -m train-left-aligned/m/model.onnx {F1} -L made/windows.bed --compare count-cross/c.tsv.gz "
                                 "--uninformative drop -o p.tsv"),
    Case("predict-single", f"predict -m train-single/m/model.onnx {CAST} -L made/windows.bed"),
    Case("predict-difference", f"predict -m train-difference/m/model.onnx {F1} -L made/windows.bed"),
    Case("predict-pairs", "predict -m train-pairs/m/model.onnx --pairs made/pairs.tsv -o p.tsv"),
    Case("predict-imported", "predict -m import-mh/m.onnx --pairs data/parity/mh/pairs.tsv --raw"),
    Case("predict-imported-cr", "predict -m import-cr/m.onnx --pairs data/parity/cr/pairs.tsv --raw"),
    Case("predict-imported-sh", "predict -m import-zip/m.onnx --pairs data/parity/sh/pairs.tsv --raw"),
    Case("predict-log2", "predict -m import-log2/m.onnx --pairs haplotypes-strain/p.tsv", ends=1),
    Case("predict-piped", f"predict -m train-members/m/model.onnx {F1} -L -", stdin="made/peaks.narrowPeak"),
]

ANNOTATE = [
    Case("annotate", f"annotate -m train/m/model.onnx {GENOME} {PHASED} -Oz -o e.vcf.gz -W -@ 2"),
    Case("annotate-stdout", f"annotate -m train/m/model.onnx {GENOME} -L data/regions.narrowPeak {PHASED} -@ 1 --no-version"),
    Case("annotate-tracks", f"annotate -m train/m/model.onnx {GENOME} {PHASED} -W=tbi --bedgraph e.bedGraph --bigwig e.bw "
                            "--igv e.igv.xml -o e.vcf.gz"),
    Case("annotate-haplotypes", f"annotate -m train/m/model.onnx {GENOME} -s NA12878 -L data/regions.narrowPeak {PHASED} -o e.vcf"),
    Case("annotate-chr20", "annotate -m train/m/model.onnx -f data/chr20.b37.fa.gz data/NA12878.chr20.unphased.vcf.gz -@ 2"),
    Case("annotate-bcf", "annotate -m train-counts-loss/m/model.onnx -f made/cross.fa made/cross.vcf -Ob -o e.bcf -W"),
    Case("annotate-bcf-pipe", "annotate -m train-counts-loss/m/model.onnx -f made/cross.fa -Ou -", stdin="annotate-bcf/e.bcf"),
    Case("annotate-odd", "annotate -m train-counts-loss/m/model.onnx -f made/cross.fa -L made/windows.bed --all-regions made/odd.vcf"),
    Case("annotate-f1", "annotate -m train-augmented/m/model.onnx -f made/cross.fa -s F1 -L made/windows.bed --all-regions made/cross.vcf "
                        "--bedgraph e.bedGraph -Oz1 -o e.vcf.gz"),
    Case("annotate-f1-without-regions", "annotate -m train-counts-loss/m/model.onnx -f made/cross.fa -s F1 made/cross.vcf -@ 2"),
    Case("annotate-odd-haplotypes", "annotate -m train-counts-loss/m/model.onnx -f made/cross.fa -s F1 -L made/peaks.narrowPeak made/odd.vcf "
                                    "-@ 1"),
    Case("annotate-strain", "annotate -m train-published/m/model.onnx -f made/cross.fa -v made/cross.vcf --strain CAST -L made/windows.bed "
                            "made/odd.vcf"),
    Case("annotate-left-aligned", "annotate -m train-left-aligned/m/model.onnx -f made/cross.fa -s F1 -L made/windows.bed made/cross.vcf"),
    Case("annotate-targets", f"annotate -m train/m/model.onnx {GENOME} {PHASED} -t chr22:20000000-30000000"),
    Case("annotate-region", f"annotate -m train/m/model.onnx {GENOME} {PHASED} -r chr22:17000000-25000000,chr22:40000000-41000000"),
    Case("annotate-tags", "annotate -m train-folds/m/model.onnx --model-sample F1 --tag one -m train-folds/m/model.onnx --model-sample rep2 "
                          "--tag two -f made/cross.fa -L made/windows.bed made/cross.vcf"),
    Case("annotate-ensemble", "annotate -m train-counts-loss/m/model.onnx -m train-members/m/model.onnx --ensemble -f made/cross.fa -s F1 "
                              "-L made/windows.bed made/cross.vcf -@ 2"),
    Case("annotate-difference", "annotate -m train-difference/m/model.onnx -f made/cross.fa made/cross.vcf"),
    Case("annotate-single", "annotate -m train-single/m/model.onnx -f made/cross.fa -s F1 -L made/windows.bed made/cross.vcf"),
    Case("annotate-kmers", "annotate -m train-pairs/m/model.onnx -f made/cross.fa -s F1 made/cross.vcf"),
    Case("annotate-imported", "annotate -m import-mh/m.onnx -f made/cross.fa -L made/peaks.narrowPeak made/cross.vcf"),
    Case("annotate-network", f"annotate -m made/linear.toml {GENOME} {PHASED}"),
    Case("annotate-network-haplotypes", "annotate -m made/linear.toml --model-sample brain --tag brain -m train-members/m/model.onnx "
                                        "--tag own --model-sample brain -f made/cross.fa -s F1 -L made/windows.bed made/cross.vcf", ends=1),
    Case("annotate-network-f1", "annotate -m made/linear.toml --model-sample brain -f made/cross.fa -s F1 -L made/windows.bed made/odd.vcf"),
    Case("annotate-again", f"annotate -m train-pairs/m/model.onnx {GENOME} annotate-tracks/e.vcf.gz"),
    Case("annotate-same-haplotypes", "annotate -m train/m/model.onnx -f made/cross.fa --hap1 ref --hap2 ref made/cross.vcf", ends=2),
]

IMPORT = [
    Case("import-mh", "import data/parity/mh/model.ckpt -o m.onnx --safetensors m.safetensors --hap1 B6 --hap2 CAST --genome mm10"),
    Case("import-cr", "import data/parity/cr/model.ckpt -o m.onnx --layout left-aligned"),
    Case("import-log2", "import data/parity/sh/model.ckpt -o m.onnx --target-scale log2 --log-base 2"),
    Case("import-zip", "import made/checkpoints.zip --member sh/best.ckpt -o m.onnx"),
    Case("import-zip-unnamed", "import made/checkpoints.zip -o m.onnx", ends=1),
    Case("import-atac", "import made/atac.hdf5 --batch sum -o p.tsv"),
    Case("import-chip", "import made/chip.hdf5 -o p.tsv.gz --values log"),
    Case("import-rna", "import made/rna.hdf5 --batch sum -o -"),
    Case("export-atac", f"export count/c.tsv.gz {CHR22} --assay atac --length 3000 -o d.hdf5"),
    Case("export-chip", f"export count-cross/c.tsv.gz {ODD} --assay chip --uninformative drop -o d.hdf5"),
    Case("export-pairs", "export --pairs made/pairs.tsv --assay rna --batch x --values log -o d.hdf5"),
    Case("import-exported-atac", "import export-atac/d.hdf5 -o p.tsv"),
    Case("import-exported-chip", "import export-chip/d.hdf5 -o p.tsv"),
    Case("import-exported-rna", "import export-pairs/d.hdf5 -o p.tsv --batch x"),
]

PLUGIN = [
    Case("plugin", f"+deepallele -m train/m/model.onnx {GENOME} {PHASED} -Ob -o e.bcf", program="bcftools"),
    Case("plugin-other-side", "+deepallele made/cross.vcf -- -m train-counts-loss/m/model.onnx -f made/cross.fa -s F1 -L made/windows.bed",
         program="bcftools"),
]


def ordered():
    """All cases, each after those whose files it reads."""
    cases = {case.name: case for case in COUNT + IMPORT + HAPLOTYPES + TRAIN + ANNOTATE + PREDICT + EVALUATE + PLUGIN}
    done = {}

    def add(case):
        if case.name not in done:
            for word in reads(case):
                if word in cases and word != case.name:
                    add(cases[word])
            done[case.name] = case

    for case in cases.values():
        add(case)
    return list(done.values())


def reads(case):
    """The first parts of the paths in a command line: names of cases among them."""
    return {part.split("/")[0] for word in f"{case.line} {case.stdin}".split() for part in word.split(",") if "/" in part}
