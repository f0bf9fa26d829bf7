"""Pictures of scores: confusion matrices and reliability diagrams, as PNG files."""

import io
from typing import Any

import numpy as np

from zoo.writing import write_whole, writing

_LARGEST_WITH_COUNTS = 30
"""Most rows of a confusion matrix whose counts are written into the cells; more would not be legible."""


def plot_confusion(counts: Any, names: Any, path: Any, title: str = "", what: Any = "texts") -> None:
    """Draws a confusion matrix: rows are what is right, columns what was predicted.

    Cells are coloured by their share of the row, so that rare labels show as clearly as frequent ones.

    Args:
        counts: int [L, L].
        names: L str, of rows and columns alike.
        path: Where to write the PNG.
        title: Heading of the picture.
        what: What is counted, for the colour bar.

    Raises:
        UserError: The file cannot be written.
    """
    # Imported here because drawing is rare and the import is slow. A Figure of its own needs no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    counts = np.asarray(counts)
    size = len(names)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell = 0.62 if size <= _LARGEST_WITH_COUNTS else 0.19
    edge = max(4.5, cell * size + 2.5)
    figure = Figure(figsize=(edge + 0.8, edge), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    # Mistakes are what one looks for, and mostly a small share: the scale gives them half of its colours up to 1/4.
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    shown = [_shortened(name) for name in names]
    font = 9 if size <= _LARGEST_WITH_COUNTS else 6.5
    axes.set_xticks(range(size), shown, rotation=45 if size <= _LARGEST_WITH_COUNTS else 90, fontsize=font)
    if size <= _LARGEST_WITH_COUNTS:
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")
    axes.set_yticks(range(size), shown, fontsize=font)
    axes.set_xlabel("predicted")
    axes.set_ylabel("reference")
    if size <= _LARGEST_WITH_COUNTS:
        for row, column in np.argwhere(counts):
            color = "white" if shares[row, column] > 0.35 else "black"
            axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=color, fontsize=9)
    # Thin lines between the cells, for the eye to follow a row.
    axes.set_xticks(np.arange(size + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(size + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.88", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, ticks=[0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1])
    bar.set_label(f"share of the row's {what}")
    if title:
        axes.set_title(title)
    _save(figure, path)


def plot_reliability(curves: Any, path: Any, title: str = "") -> None:
    """Draws a reliability diagram: how often predictions are right against how sure the model was.

    Args:
        curves: dict from name to `zoo.metrics.calibration.CalibrationBins`, such as before and after scaling by a
            temperature.
        path: Where to write the PNG.
        title: Heading of the picture.

    Raises:
        UserError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 7.2), layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color="0.6", linewidth=1, linestyle="--", label="as sure as right")
    for place, (name, bins) in enumerate(curves.items()):
        full = bins.counts > 0
        color = f"C{place}"
        upper.plot(
            bins.confidences[full],
            bins.accuracies[full],
            color=color,
            marker="o",
            markersize=4,
            label=f"{name}: ECE {100 * bins.expected_error:.1f}%",
        )
        edges = np.linspace(0, 1, len(bins.counts) + 1)
        lower.stairs(bins.counts / max(1, bins.counts.sum()), edges, color=color, fill=True, alpha=0.25)
        lower.stairs(bins.counts / max(1, bins.counts.sum()), edges, color=color, linewidth=1.2)
    upper.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    upper.legend(frameon=False, loc="upper left")
    lower.set(xlabel="confidence", ylabel="share of predictions", ylim=(0, None))
    for axes in (upper, lower):
        axes.grid(alpha=0.3)
    if title:
        upper.set_title(title)
    _save(figure, path)


def _save(figure, path):
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110, format="png", bbox_inches="tight")
    with writing(path):
        write_whole(path, picture.getvalue())


def _shortened(name, length=32):
    return name if len(name) <= length else name[: length - 1] + "…"
