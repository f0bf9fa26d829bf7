"""The validation curves of several runs in one picture.

    python tests/benchmarks/learning_curves.py curves.png "AdamW=runs/shakespeare" "Muon=runs/muon"

Each run is a directory that a recipe has left, behind what to call it.
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from zoo.training import read_history


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("runs", nargs="+", metavar="NAME=DIRECTORY")
    options = parser.parse_args()
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for run in options.runs:
        name, _, directory = run.rpartition("=")
        rows = [row for row in read_history(Path(directory)) if row["kind"] == "validation"]
        steps, values = [row["step"] for row in rows], [row["val_nll"] for row in rows]
        axes.plot(steps, values, marker="o", markersize=3, label=f"{name}: {values[-1]:.3f}")
    axes.set_xlabel("update")
    axes.set_ylabel("validation, nats per token")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(options.picture, dpi=110)


if __name__ == "__main__":
    main()
