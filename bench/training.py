"""Memory of training on many regions: `python3 bench/training.py BIN`, a row of `make bench`."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from timing import row

DATA = Path(__file__).resolve().parent.parent / "test-data"
REGIONS, WINDOW = 100_000, 1000
SECONDS = 45  # of training, after the windows are read
FIRST, LAST = 16_100_000, 51_200_000  # of chr22, where there is sequence


def count_table(path):
    """Counts of regions anywhere on the chromosome, by chance: memory does not ask what they are."""
    rng = random.Random(1)
    starts = sorted(rng.sample(range(FIRST, LAST), REGIONS))
    columns = ("#chrom start end name score strand sample hap1 hap2 uninformative conflicting variants log2_ratio se "
               "p_value q_value").split()
    with open(path, "w") as out:
        out.write("\t".join(columns) + "\n")
        for number, start in enumerate(starts):
            counts = "\t".join(str(rng.randrange(50)) for _ in range(3))
            out.write(f"chr22\t{start}\t{start + 500}\tregion{number}\t.\t.\tsample\t{counts}\t0\t0\t.\t.\t.\t.\n")


def memory_row(binaries):
    """Train until the first steps are done and a while longer, stop with Ctrl-C, and see what it took."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "counts.tsv"
        count_table(table)
        command = [binaries / "deepallele-train", table, "-f", DATA / "chr22.hg19.fa.gz", "-v",
                   DATA / "NA12878.chr22.phased.vcf.gz", "-s", "NA12878", "--window", str(WINDOW), "--device", "cpu",
                   "-@", "2", "-o", Path(folder) / "run"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in child.stderr:
            if " parameters on " in line:
                break
        time.sleep(SECONDS)
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
        _, _, usage = os.wait4(child.pid, 0)
        if "stopped in epoch" not in said:
            sys.exit(f"bench: training on {REGIONS} regions ended otherwise than by Ctrl-C: {said}")
        row(f"train, {REGIONS:,} regions of {WINDOW} bases, small preset", "",
            f"{usage.ru_maxrss / 1024:,.0f} MB (at most 2,000)", "", "")


if __name__ == "__main__":
    memory_row(Path(sys.argv[1]))
