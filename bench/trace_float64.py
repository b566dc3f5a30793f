"""The golden training run of test-data/parity/mh once more, in float64, with PyTorch.

The float32 trace there is one rounding among many: rounding errors grow a hundred thousandfold over its 90 steps,
so PyTorch itself, with another number of threads or in float64, leaves it by more than 1e-3 from about step 60 on.
In float64 the same growth starts at 1e-16 and the trace is the same everywhere, so every step can be compared.

    trace_float64.py        writes trace.tsv and final_predictions.tsv into test-data/parity_float64
    trace_float64.py float32 [THREADS]    prints how far a float32 run strays from the golden trace
"""
import csv
import sys
from pathlib import Path

import torch

from peer_network import Network, one_hot

DATA = Path(__file__).resolve().parent.parent / "test-data"


def read(name):
    with open(DATA / "parity" / "mh" / name) as lines:
        return list(csv.reader(lines, delimiter="\t"))[1:]


def train(kind):
    """Losses before each of the 90 steps, and the predictions after them."""
    saved = torch.load(DATA / "parity" / "mh" / "train_init.ckpt", weights_only=True)
    settings = saved["hyper_parameters"]
    window = settings["input_length"] // 2
    network = Network("paired", window, settings["conv_layers"], settings["conv_repeat"], settings["kernel_number"],
                      settings["kernel_length"], settings["filter_number"], settings["kernel_size"],
                      settings["pooling_size"], settings["h_layers"], settings["hidden_size"], dropout=0.0)
    network.load_state_dict(saved["state_dict"])
    network.to(kind).train()
    rows = read("train_pairs.tsv")
    first, second = (torch.stack([one_hot(r[c], window) for r in rows]).to(kind) for c in (1, 2))
    targets = torch.tensor([[float(v) for v in r[3:6]] for r in rows], dtype=kind)
    optimiser = torch.optim.Adam(network.parameters(), weight_decay=1e-5)
    losses = []
    for step, (_, rate, _) in enumerate(read("train_trace.tsv")):
        batch = slice(step % 3 * 32, step % 3 * 32 + 32)
        optimiser.param_groups[0]["lr"] = float(rate)
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(network(first[batch], second[batch]), targets[batch])
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    network.eval()
    with torch.no_grad():
        return losses, network(first, second)


def main():
    golden = [float(row[2]) for row in read("train_trace.tsv")]
    if sys.argv[1:2] == ["float32"]:
        torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
        losses, _ = train(torch.float32)
        strays = [abs(a / b - 1) for a, b in zip(losses, golden)]
        first = next((i for i, s in enumerate(strays) if s > 1e-3), None)
        print(f"float32, {torch.get_num_threads()} threads: more than 1e-3 off from step {first} on, at most {max(strays):.2g}")
        return
    losses, predictions = train(torch.float64)
    folder = DATA / "parity_float64"
    with open(folder / "trace.tsv", "w") as out:
        out.write("step\tloss\n")
        out.writelines(f"{step}\t{loss:.15g}\n" for step, loss in enumerate(losses))
    with open(folder / "final_predictions.tsv", "w") as out:
        out.write("id\tcount_a\tcount_b\tratio\n")
        for row, values in zip(read("train_pairs.tsv"), predictions.tolist()):
            out.write("\t".join([row[0]] + [f"{v:.15g}" for v in values]) + "\n")


if __name__ == "__main__":
    main()
