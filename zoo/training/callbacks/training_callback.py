"""Base class of this package's callbacks."""

from typing import Any

import keras

from zoo.training.runs.run import TrainingRun


class TrainingCallback(keras.callbacks.Callback):
    """A Keras callback that knows the run it is part of, and may keep state over a resume.

    `on_epoch_end` comes at the end of each interval between checkpoints or validations, when the model's variables
    can be read on every backend. What a callback adds to its `logs` is seen by the callbacks after it.

    Attributes:
        chief_only: Whether, of several processes that train together, only the one that writes files has a use for it.
        run: The `TrainingRun`, set by `train` before training begins.
    """

    chief_only = False
    run: TrainingRun

    def on_log(self, report: Any) -> None:
        """Called every `log_every_steps` updates.

        Args:
            report: dict of floats: step, epoch, loss, learning_rate (if known), tokens_per_second, elapsed_seconds, and
                with `ModelFlops` model_flops_per_second and, where the peak is known, mfu (their share of it).
        """

    def on_step_begin(self, step: Any) -> None:
        """Called before each update.

        Args:
            step: int, the number of the update.
        """

    def on_step_end(self, step: Any, loss: Any) -> None:
        """Called after each update, unlike Keras's `on_train_batch_end` without its loss having been read.

        Args:
            step: int, the number of the update.
            loss: Tensor; reading it makes an accelerator wait.
        """

    def state_dict(self) -> dict:
        """What to keep in checkpoints, as JSON values; empty for a callback without state."""
        return {}

    def load_state_dict(self, state: dict) -> None:
        """Takes back what `state_dict` gave."""
