"""The record of a run: every training interval and every validation."""

import contextlib
import csv
import json
from pathlib import Path
from typing import Any

from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.writing import writing

JSONL_NAME = "history.jsonl"
CSV_NAME = "history.csv"


@contextlib.contextmanager
def _written(path, mode="w"):
    """Opens a file of the run; what keeps it from being written is a mistake that the user can mend."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8", newline="") as file:
            yield file


class History(TrainingCallback):
    """Writes `history.jsonl` in the run's folder while training, and `history.csv` when it ends.

    Rows have `kind` "train" (what `TrainingCallback.on_log` is told) or "validation" (step and all `val_` values).
    Checkpoints keep the rows so far: after a kill, rows past the checkpoint go.

    Attributes:
        rows: list of dicts, oldest first.
    """

    def __init__(self):
        super().__init__()
        self.rows = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Writes the rows there are, so that the file holds nothing from after the checkpoint."""
        if not self.run.is_chief:
            return
        with _written(self._path) as file:
            file.writelines(json.dumps(row) + "\n" for row in self.rows)

    @property
    def _path(self):
        return self.run.directory / JSONL_NAME

    def _add(self, row):
        self.rows.append(row)
        if not self.run.is_chief:
            return
        with _written(self._path, "a") as file:
            file.write(json.dumps(row) + "\n")

    def on_log(self, report: Any) -> None:
        """Adds a row "train"."""
        self._add({"kind": "train", **report})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Adds a row "validation", if this was one."""
        values = {name: value for name, value in (logs or {}).items() if name.startswith("val_")}
        if values:
            self._add({"kind": "validation", "step": self.run.step, **values})

    def on_train_end(self, logs: dict | None = None) -> None:
        """Writes the table with one column per name."""
        if not self.run.is_chief:
            return
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        with _written(self.run.directory / CSV_NAME) as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.rows)

    def state_dict(self) -> dict[str, Any]:
        """The rows so far."""
        return {"rows": self.rows}

    def load_state_dict(self, state: Any) -> None:
        """Takes back what `state_dict` gave."""
        self.rows = list(state["rows"])


def read_history(run_directory: Path) -> list[dict[str, Any]]:
    """Reads the rows of a run's `history.jsonl`; a last line that was cut short is left out.

    Args:
        run_directory: `pathlib.Path` of the folder given to `train`.

    Returns:
        list of dicts, oldest first.
    """
    rows = []
    for line in (run_directory / JSONL_NAME).read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            rows.append(json.loads(line))
    return rows
