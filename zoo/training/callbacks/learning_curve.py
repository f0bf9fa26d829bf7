"""A picture of a run: training loss, validation loss and scores over the steps."""

import io
import math
from typing import Any

from zoo.errors import UserError
from zoo.writing import write_whole, writing

_DOT = 7
_LOSSES = ("val_nll", "val_loss")


def plot_learning_curve(rows: Any, path: Any, title: str = "") -> None:
    """Draws the learning curve of a run as a PNG.

    The upper panel has the training loss and the loss or negative log-likelihood of validation; below it comes one
    panel for each further score of validation, its best value marked.

    Args:
        rows: Rows of a `History`.
        path: Where to write the PNG.
        title: Heading of the picture.

    Raises:
        UserError: There are no rows to draw, or the file cannot be written.
    """
    # Imported here because drawing is rare and the import is slow. A Figure of its own needs no display.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    training = [row for row in rows if row["kind"] == "train"]
    validation = [row for row in rows if row["kind"] == "validation"]
    if not training and not validation:
        raise UserError(f"{path}: there is no history to draw: train for at least one interval")
    skipped = (*_LOSSES, "val_seconds", "val_perplexity")
    scores = list(dict.fromkeys(n for row in validation for n in row if n.startswith("val_") and n not in skipped))

    figure = Figure(figsize=(8, 3.2 + 2.0 * len(scores)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(
        1 + len(scores), 1, sharex=True, squeeze=False, height_ratios=[3] + [2] * len(scores)
    ).ravel()
    loss_panel = panels[0]
    steps, values = _points(training, "loss")
    if steps:
        # A single point makes no line.
        dot = {"marker": "o", "markersize": _DOT} if len(steps) == 1 else {}
        loss_panel.plot(steps, values, color="tab:blue", linewidth=1, label="training loss", **dot)
    for name in _LOSSES:
        steps, values = _points(validation, name)
        if steps:
            label = f"validation {name.removeprefix('val_')}"
            loss_panel.plot(steps, values, color="tab:orange", label=label, **_marked(steps))
    loss_panel.set_ylabel("loss" if any("val_loss" in row for row in validation) else "nats per token")
    if loss_panel.lines:
        loss_panel.legend(frameon=False)
    if title:
        loss_panel.set_title(title)
    for panel, name in zip(panels[1:], scores, strict=True):
        steps, values = _points(validation, name)
        panel.plot(steps, values, color="tab:green", **_marked(steps))
        panel.set_ylabel(name.removeprefix("val_"))
        if values:
            best = max(range(len(values)), key=values.__getitem__)
            panel.annotate(
                f"{values[best]:.4g}",
                (steps[best], values[best]),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
            )
            panel.margins(y=0.2)
    for panel in panels:
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("step")
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120, format="png")
    with writing(path):
        write_whole(path, picture.getvalue())


def _marked(steps):
    """How points are marked: the fewer there are, the more each stands for."""
    return {"marker": "o", "markersize": _DOT if len(steps) == 1 else 3}


def _points(rows, name):
    """Steps and finite values of one column."""
    found = [(row["step"], row[name]) for row in rows if math.isfinite(row.get(name, math.nan))]
    return [step for step, _ in found], [value for _, value in found]
