"""The three networks in PyTorch, written from their published description, as a peer for benchmarks.

Layers, order and names of tensors follow the description, so that a published state_dict loads with
`load_state_dict`. Each allele goes through the tower by itself, as published. Run as a program it measures the
forward pass of one network in evaluation mode, or a training step of it (Adam, mean squared error):

    peer_network.py [--kind paired] [--preset atac] [--batch 64] [--threads 2] [--seconds 10] [--train] [--window N]
    peer_network.py --check FOLDER      compare with a folder of golden vectors (model.ckpt, pairs.tsv, predictions.tsv)
"""
import argparse
import csv
import sys
import time
from pathlib import Path

import torch
from torch import nn

PRESETS = {
    "atac": dict(window=330, conv_layers=4, conv_repeat=1, kernels=512, kernel_length=15, filters=256, kernel_size=5,
                 pool=4, h_layers=2, hidden=512),
    "chip": dict(window=551, conv_layers=6, conv_repeat=1, kernels=512, kernel_length=15, filters=256, kernel_size=5,
                 pool=2, h_layers=2, hidden=512),
    "rna": dict(window=5000, conv_layers=4, conv_repeat=1, kernels=512, kernel_length=10, filters=256, kernel_size=3,
                pool=5, h_layers=2, hidden=512),
    "small": dict(window=512, conv_layers=3, conv_repeat=1, kernels=64, kernel_length=15, filters=64, kernel_size=5,
                  pool=4, h_layers=1, hidden=64),
}


def block(channels, out, length, dilation=1):
    """Convolution of unchanged length, ReLU, batch norm."""
    convolution = nn.Conv1d(channels, out, length, padding="same", dilation=dilation)
    return nn.Sequential(convolution, nn.ReLU(), nn.BatchNorm1d(out))


class Plus(nn.Module):
    """x + module(x)"""

    def __init__(self, module):
        super().__init__()
        self._module = module

    def forward(self, x):
        return x + self._module(x)


def dense(width, layers, dropout):
    return nn.Sequential(*(nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout))
                           for _ in range(layers)))


class Network(nn.Module):
    """kind: paired, difference or single. Input (N, 4, window) for each allele, output (N, 3):
    count 1, count 2, ratio."""

    def __init__(self, kind, window, conv_layers, conv_repeat, kernels, kernel_length, filters, kernel_size, pool,
                 h_layers, hidden, dilation=1, dropout=0.2):
        super().__init__()
        self.kind = kind
        self.conv0 = block(4, kernels, kernel_length)
        layers = [block(kernels, filters, kernel_size)]
        length = 2 * window
        for _ in range(conv_layers):
            layers += [Plus(block(filters, filters, kernel_size, dilation)) for _ in range(conv_repeat)]
            layers.append(nn.AvgPool1d(pool, pool, ceil_mode=True))
            length = -(-length // pool)
        self.convlayers = nn.Sequential(*layers)
        self.fc0 = nn.Sequential(nn.Linear(length * filters, hidden), nn.ReLU())
        self.fclayers = dense(hidden, h_layers, dropout)
        if kind == "paired":
            self.ratio_fclayers = dense(2 * hidden, h_layers, dropout)
            self.ratio_out = nn.Sequential(nn.Linear(2 * hidden, 1))
        if kind == "single":
            self.out = nn.Sequential(nn.Linear(hidden, 1), nn.ReLU())
        else:
            self.counts_out = nn.Sequential(nn.Linear(hidden, 1))

    def embed(self, allele):
        """Both strands end to end through the tower."""
        strands = torch.cat([allele, allele.flip(1, 2)], dim=2)
        return self.fc0(self.convlayers(self.conv0(strands)).flatten(1))

    def forward(self, allele1, allele2):
        first, second = self.embed(allele1), self.embed(allele2)
        last = self.out if self.kind == "single" else self.counts_out
        count1, count2 = last(self.fclayers(first)), last(self.fclayers(second))
        if self.kind == "paired":
            ratio = self.ratio_out(self.ratio_fclayers(torch.cat([first, second], dim=1)))
        else:
            ratio = count1 - count2
        return torch.cat([count1, count2, ratio], dim=1)


def one_hot(sequence, window):
    """(4, window): A, C, G, T as unit vectors, N as 0.25 in each, zeros on the right."""
    out = torch.zeros(4, window)
    for position, base in enumerate(sequence):
        if base == "N":
            out[:, position] = 0.25
        else:
            out["ACGT".index(base), position] = 1
    return out


def random_pairs(count, window, seed=0):
    """Two one-hot batches of random bases."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda: torch.randint(0, 4, (count, window), generator=generator)
    return [nn.functional.one_hot(draw(), 4).transpose(1, 2).float().contiguous() for _ in range(2)]


def forward_pass(network, batch, window):
    """A function that runs the network once on `batch` pairs in evaluation mode."""
    pairs = random_pairs(batch, window)
    network.eval()

    def run():
        with torch.no_grad():
            network(*pairs)
    return run


def training_step(network, batch, window):
    """A function that takes one optimiser step on `batch` pairs."""
    pairs = random_pairs(batch, window)
    targets = torch.randn(batch, 3, generator=torch.Generator().manual_seed(1))
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=1e-5)

    def run():
        optimiser.zero_grad()
        nn.functional.mse_loss(network(*pairs), targets).backward()
        optimiser.step()
    return run


def measure(run, batch, seconds):
    """Median seconds of `run` after a warm-up, and seconds of CPU time for each of its `batch` pairs."""
    times = []
    for _ in range(2):
        run()
    end, cpu = time.perf_counter() + seconds, time.process_time()
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / (len(times) * batch)
    return sorted(times)[len(times) // 2], cpu


def check(folder):
    """Largest difference from the golden predictions in `folder`."""
    saved = torch.load(folder / "model.ckpt", weights_only=True)
    state, settings = saved["state_dict"], saved["hyper_parameters"]
    kind = ("paired" if "ratio_out.0.weight" in state
            else "difference" if "counts_out.0.weight" in state else "single")
    window = settings["input_length"] // 2
    network = Network(kind, window, settings["conv_layers"], settings["conv_repeat"], settings["kernel_number"],
                      settings["kernel_length"], settings["filter_number"], settings["kernel_size"],
                      settings["pooling_size"], settings["h_layers"], settings["hidden_size"])
    network.load_state_dict(state)
    network.eval()
    read = lambda name: list(csv.reader(open(folder / name), delimiter="\t"))[1:]
    rows = read("pairs.tsv")
    pairs = [torch.stack([one_hot(row[column], window) for row in rows]) for column in (1, 2)]
    expected = torch.tensor([[float(x) for x in row[1:]] for row in read("predictions.tsv")])
    with torch.no_grad():
        found = network(*pairs)[:, :expected.shape[1]]
    return (found - expected).abs().max().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=["paired", "difference", "single"], default="paired")
    parser.add_argument("--preset", choices=list(PRESETS), default="atac")
    parser.add_argument("--window", type=int, help="bases of an allele [the preset's]")
    parser.add_argument("--batch", type=int, default=64, help="pairs in a forward pass [%(default)s]")
    parser.add_argument("--threads", type=int, default=2, help="[%(default)s]")
    parser.add_argument("--seconds", type=float, default=10, help="how long to measure [%(default)s]")
    parser.add_argument("--train", action="store_true", help="measure a training step instead")
    parser.add_argument("--check", type=Path, metavar="FOLDER", help="compare with golden vectors instead")
    options = parser.parse_args()
    if options.check:
        largest = check(options.check)
        print(f"{options.check}: largest difference {largest:.2g}")
        sys.exit(largest > 1e-4)
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    sizes = dict(PRESETS[options.preset])
    sizes["window"] = options.window or sizes["window"]
    network = Network(options.kind, **sizes)
    what, make = ("training step", training_step) if options.train else ("forward", forward_pass)
    median, cpu = measure(make(network, options.batch, sizes["window"]), options.batch, options.seconds)
    print(f"PyTorch {torch.__version__} {what}, {options.kind}, {options.preset}, {options.batch} pairs, "
          f"{options.threads} threads: {median * 1000:.0f} ms, {options.batch / median:.1f} pairs/s, "
          f"{cpu * 1000:.1f} CPU ms a pair")


if __name__ == "__main__":
    main()
