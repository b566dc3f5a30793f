"""Small data sets in the published layout, written by h5py: what `atac.hdf5`, `chip.hdf5` and `rna.hdf5` beside this are.

    pip install numpy==2.4.6 h5py==3.16.0 && python make.py FOLDER

The tests read the three files as they are and know their content by the same rules.
"""

import sys

import h5py
import numpy as np

LETTERS = "ACGT"


def sequence(row, allele, length):
    """Bases of a row: any rule that makes them differ by row and allele will do."""
    return "".join(LETTERS[(row * 7 + i * i + allele * (i % 5 == 0)) % 4] for i in range(length))


def one_hot(sequences, length):
    rows = np.zeros((len(sequences), length, 4))
    for row, bases in enumerate(sequences):
        for position, base in enumerate(bases):
            if base == "N":
                rows[row, position] = 0.25
            elif base in LETTERS:
                rows[row, position, LETTERS.index(base)] = 1.0
    return rows


def add_sequences(file, lengths, length, **storage):
    a = [sequence(row, 0, n) for row, n in enumerate(lengths)]
    b = [sequence(row, 1, n + 1) for row, n in enumerate(lengths)]
    a[1] = "N" + a[1][1:-1] + "N"
    b[1] = b[1][:3] + "R" + b[1][4:]
    file.create_dataset("B6_sequence", data=one_hot(a, length), **storage)
    file.create_dataset("Cast_sequence", data=one_hot(b, length), **storage)


def texts(file, name, values):
    file.create_dataset(name, data=np.array(values, dtype=object), dtype=h5py.string_dtype(encoding="utf-8"))


def values(file, names, a, b):
    for name, data in zip(names, (a, b, a - b)):
        file.create_dataset(name, data=data)


folder = sys.argv[1]
peaks = ["chr1-100-130", "chr16-5-35", "chrX-7-37", "chr2-900-930"]
counts = np.array([[0.0, 3.0], [10.5, 2.0], [7.0, 7.0], [1000000.0, 12.5]])

with h5py.File(f"{folder}/atac.hdf5", "w") as file:
    add_sequences(file, [30, 29, 31, 30], 40)
    texts(file, "peak_name", peaks)
    texts(file, "original_peak_index", ["0", "1", "2", "4"])
    a, b = np.log(1 + counts).T
    values(file, ["sum.B6", "sum.CAST", "sum.ratio"], a, b)
    values(file, ["sc.B6", "sc.CAST", "sc.ratio"], a / 2, b / 4)
    file.attrs["data_type"] = "atac"
    file.attrs["sequence_length"] = 40

with h5py.File(f"{folder}/chip.hdf5", "w") as file:
    add_sequences(file, [30, 29, 31, 30], 40)
    texts(file, "peak_name", peaks)
    a, b = np.log(1 + counts).T
    values(file, ["B6_counts", "Cast_counts", "ratio"], a, b)
    file.attrs["data_type"] = "chip"
    file.attrs["sequence_length"] = 40

with h5py.File(f"{folder}/rna.hdf5", "w") as file:
    add_sequences(file, [30, 29, 31, 30], 40, compression="gzip", shuffle=True)
    texts(file, "gene_name", ["Actb", "H2-K1", "Xist", "Gm1"])
    texts(file, "peak_name", [f"{gene}-{peak}" for gene, peak in zip(["Actb", "H2-K1", "Xist", "Gm1"], peaks)])
    a, b = np.array([5.25, 1.0, 0.1, 12.0]), np.array([5.0, -1.0, 0.3, 0.0])
    values(file, ["MF_PC_IL4.B6", "MF_PC_IL4.CAST", "MF_PC_IL4.ratio"], a, b)
    values(file, ["B_Fo_Sp_PBS.B6", "B_Fo_Sp_PBS.CAST", "B_Fo_Sp_PBS.ratio"], b, a)
    values(file, ["sum.B6", "sum.CAST", "sum.ratio"], a + b, a + b)
    file.attrs["window_size"] = 30
    file.attrs["sequence_length"] = 40
