"""Explanation by its peers, each printing seconds: tangermeme 1.6.0 on PyTorch, memelite 0.5.0.

    peer_explanation.py network FOLDER PAIRS      a network of the atac preset with random weights (model.ckpt) and PAIRS
                                                  designed pairs of 330 bases with eight SNVs (pairs.tsv)
    peer_explanation.py loop FOLDER THREADS       one pass of the network over one pair, as the published loop makes for
                                                  each replaced base
    peer_explanation.py ism FOLDER THREADS N      mutagenesis of both alleles of the first N pairs, with fast=True
    peer_explanation.py deeplift FOLDER THREADS N DeepLIFT of both alleles of the first N pairs, 20 shuffles
    peer_explanation.py tomtom MOTIFS             the motifs of a MEME file against each other: the first call, which
                                                  compiles, and a second one
    peer_explanation.py fimo MOTIFS N             their sites in N sequences of 330 bases: likewise
"""
import csv
import random
import sys
import time
from pathlib import Path


def network(folder, pairs):
    import torch
    from peer_network import PRESETS, Network
    torch.manual_seed(1)
    sizes = PRESETS["atac"]
    module = Network("paired", **sizes).eval()
    # Weights that keep the size of what passes through them (He et al. 2015), so that bases have effects well above the
    # rounding of float32, and batch norms as after a training.
    for part in module.modules():
        if isinstance(part, (torch.nn.Conv1d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            value.uniform_(-0.1, 0.3)
    hyper = dict(kernel_number=sizes["kernels"], kernel_length=sizes["kernel_length"], filter_number=sizes["filters"],
                 kernel_size=sizes["kernel_size"], pooling_size=sizes["pool"], pooling_type="avg",
                 conv_layers=sizes["conv_layers"], conv_repeat=sizes["conv_repeat"], h_layers=sizes["h_layers"],
                 hidden_size=sizes["hidden"], dropout=0.2, learning_rate=1e-4, scheduler="cycle",
                 input_length=2 * sizes["window"], mask=None, activation=False)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": module.state_dict(), "hyper_parameters": hyper}, folder / "model.ckpt")
    chance = random.Random(1)
    with open(folder / "pairs.tsv", "w") as table:
        table.write("id\tallele_a\tallele_b\n")
        for number in range(pairs):
            first = [chance.choice("ACGT") for _ in range(sizes["window"])]
            second = list(first)
            for place in chance.sample(range(sizes["window"]), 8):
                second[place] = chance.choice([base for base in "ACGT" if base != first[place]])
            table.write(f"pair{number}\t{''.join(first)}\t{''.join(second)}\n")


def read(folder, threads, most):
    """The network, and both alleles of the first pairs, (N, 4, window) each."""
    import torch
    from peer_network import PRESETS, Network, one_hot
    torch.set_num_threads(threads)
    sizes = PRESETS["atac"]
    module = Network("paired", **sizes).eval()
    module.load_state_dict(torch.load(folder / "model.ckpt", weights_only=False)["state_dict"])
    with open(folder / "pairs.tsv") as table:
        rows = [row for row, _ in zip(csv.DictReader(table, delimiter="\t"), range(most))]
    alleles = [torch.stack([one_hot(row[name], sizes["window"]) for row in rows]) for name in ("allele_a", "allele_b")]
    return module, alleles


def one_allele(module, changed):
    """The ratio as a function of one allele; the other one comes as an argument."""
    import torch

    class OneAllele(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = module

        def forward(self, allele, other):
            pair = (allele, other) if changed == 0 else (other, allele)
            return self.module(*pair)[:, 2:3]
    return OneAllele()


def loop(folder, threads):
    import torch
    module, (first, second) = read(folder, threads, 1)
    times = []
    with torch.no_grad():
        for _ in range(40):
            start = time.perf_counter()
            module(first, second)
            times.append(time.perf_counter() - start)
    print(f"{sorted(times)[len(times) // 2]:.6f} seconds a pass")


def explain(folder, threads, most, method):
    import torch
    if method == "ism":
        from tangermeme.saturation_mutagenesis import saturation_mutagenesis
    else:
        from tangermeme.deep_lift_shap import deep_lift_shap
    module, alleles = read(folder, threads, most)
    start = time.perf_counter()
    found = []
    for changed in (0, 1):
        model, allele, other = one_allele(module, changed), alleles[changed], alleles[1 - changed]
        if method == "ism":
            with torch.no_grad():
                found.append(saturation_mutagenesis(model, allele, args=(other,), device="cpu", hypothetical=True,
                                                    batch_size=64))
        else:
            found.append(deep_lift_shap(model, allele, args=(other,), device="cpu", hypothetical=True,
                                        n_shuffles=20, warning_threshold=1.0))
    print(f"{time.perf_counter() - start:.3f} seconds")
    import numpy
    # tangermeme leaves the last base out of its default range; it is not part of the comparison of values.
    for number, values in enumerate(found):
        numpy.savez(folder / f"peer.{method}.hap{number + 1}.npz", values.detach().numpy())


def motifs(path, what, sequences):
    import numpy
    names, rows = [], []
    for line in open(path):
        if line.startswith("MOTIF"):
            names.append(line.split()[1])
            rows.append([])
        elif names and line[:1] in " 01" and len(line.split()) == 4:
            rows[-1].append([float(value) for value in line.split()])
    matrices = [numpy.array(list(zip(*matrix))) for matrix in rows]
    begin = time.perf_counter()
    from memelite import fimo, tomtom
    generator = numpy.random.default_rng(1)
    hot = numpy.eye(4, dtype=numpy.int8)[generator.integers(0, 4, (sequences, 330))].transpose(0, 2, 1)
    call = {"tomtom": lambda: tomtom(matrices, matrices), "fimo": lambda: fimo(dict(zip(names, matrices)), hot)}[what]
    for which in ("first", "second"):
        call()
        print(f"{which} {time.perf_counter() - begin:.3f} seconds")
        begin = time.perf_counter()


def main():
    what, where, *more = sys.argv[1:]
    more = [int(number) for number in more]
    if what == "network":
        network(Path(where), *more)
    elif what == "loop":
        loop(Path(where), *more)
    elif what in ("ism", "deeplift"):
        explain(Path(where), *more, what)
    else:
        motifs(where, what, *(more or [1]))


if __name__ == "__main__":
    main()
