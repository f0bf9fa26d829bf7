"""The run's history as TensorBoard events."""

from typing import Any

from zoo.errors import UserError
from zoo.training.callbacks.training_callback import TrainingCallback


class TensorBoard(TrainingCallback):
    """Writes every report and validation as scalars to `<run>/tensorboard`, on any backend.

    Needs the package tensorboard; TensorFlow is not used.

    Raises:
        UserError: At construction, if the package is not there.
    """

    chief_only = True

    def __init__(self):
        super().__init__()
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise UserError("TensorBoard logs need the package tensorboard: pip install tensorboard") from error
        self._make_writer = Writer
        self._writer = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Opens the event file."""
        self._writer = self._make_writer(str(self.run.directory / "tensorboard"))

    def on_log(self, report: Any) -> None:
        """Adds the report's scalars, under `train/`."""
        for name, value in report.items():
            if name != "step":
                self._writer.add_scalar(f"train/{name}", value, report["step"])

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Adds the scalars of a validation, under `validation/`."""
        for name, value in (logs or {}).items():
            if name.startswith("val_"):
                self._writer.add_scalar(f"validation/{name[4:]}", value, self.run.step)
        self._writer.flush()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the event file."""
        self._writer.close()
