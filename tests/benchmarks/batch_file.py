"""Training batches in a file, so that contestants read the same ones without the code that made them."""

import numpy as np


def save_batches(batches, path):
    """Writes a list of (x, labels, weights), as `zoo.data.PairBatches` makes them, to an .npz file."""
    arrays = {}
    for index, (x, labels, weights) in enumerate(batches):
        arrays |= {f"{index}/{name}": array for name, array in {**x, "labels": labels, "weights": weights}.items()}
    np.savez(path, **arrays)


def load_batches(path):
    """Reads what `save_batches` wrote."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    batches = []
    for index in range(1 + max(int(name.partition("/")[0]) for name in arrays)):
        x = {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(f"{index}/")}
        batches.append((x, x.pop("labels"), x.pop("weights")))
    return batches


def real_tokens(batches):
    """Target tokens of the batches that are no padding."""
    return int(sum(np.count_nonzero(weights) for _, _, weights in batches))
