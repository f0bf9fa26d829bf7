"""A profile of a few updates, by the profiler of the backend."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import keras

from zoo.errors import UserError
from zoo.training.callbacks.training_callback import TrainingCallback

WARM_UP_UPDATES = 5
"""Updates before those that are profiled: the first ones trace and compile."""


class Profile(TrainingCallback):
    """Records what devices and host do in a few updates, into `<run>/profile`, and says how to look at it.

    TensorFlow and JAX write what XProf shows, PyTorch a Chrome trace. Updates are named "train" with their number. A
    shape that is new in these updates is compiled in them; so are checkpoints and validations part of the profile.

    Args:
        updates: Number of updates to record, after `WARM_UP_UPDATES` of this sitting.
        file: Where to say so; standard error by default.

    Raises:
        UserError: for fewer than one update.
    """

    chief_only = True

    def __init__(self, updates: Any, file: Any = None):
        super().__init__()
        if updates < 1:
            raise UserError(f"a profile is of at least 1 update, got {updates}")
        self._updates = updates
        self._file = file
        self._profiler = self._named = None  # while it records

    @property
    def directory(self) -> Path:
        """Where the profile is written."""
        return self.run.directory / "profile"

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Chooses the updates."""
        self._first = self.run.step + WARM_UP_UPDATES + 1
        self._last = self._first + self._updates - 1

    def on_step_begin(self, step: Any) -> None:
        """Starts to record before the first of them."""
        if step == self._first:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._profiler = _PROFILERS[keras.backend.backend()](self.directory)
        if self._profiler is not None:
            self._named = contextlib.ExitStack()
            self._named.enter_context(self._profiler.named(step))

    def on_step_end(self, step: Any, loss: Any) -> None:
        """Stops after the last of them, once devices have come to its end too."""
        if self._profiler is None:
            return
        if step == self._last:
            keras.ops.convert_to_numpy(loss)
        self._named.close()
        if step == self._last:
            self._stop(step)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Writes what there is, if training ended early."""
        if self._profiler is not None:
            self._named.close()
            self._stop(self.run.step)
        elif self.run.step < self._first:
            self._say(f"no profile: training ended before update {self._first}")

    def _stop(self, step):
        profiler, self._profiler = self._profiler, None
        how = profiler.write(self._first, step)
        self._say(f"profile of updates {self._first} to {step} in {self.directory}: {how}")

    def _say(self, text):
        print(text, file=self._file or sys.stderr)


class _TensorFlowProfiler:
    def __init__(self, directory):
        import tensorflow as tf

        self._directory = directory
        self._profiler = tf.profiler.experimental
        self._profiler.start(str(directory))

    def named(self, step):
        return self._profiler.Trace("train", step_num=step, _r=1)

    def write(self, first, last):
        self._profiler.stop()
        return _xprof(self._directory)


class _JaxProfiler:
    def __init__(self, directory):
        import jax

        self._directory = directory
        self._profiler = jax.profiler
        self._profiler.start_trace(str(directory))

    def named(self, step):
        return self._profiler.StepTraceAnnotation("train", step_num=step)

    def write(self, first, last):
        self._profiler.stop_trace()
        return _xprof(self._directory)


class _TorchProfiler:
    def __init__(self, directory):
        import torch

        self._directory = directory
        self._name = torch.profiler.record_function
        activities = [torch.profiler.ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        self._profile = torch.profiler.profile(activities=activities)
        self._profile.start()

    def named(self, step):
        return self._name(f"train {step}")

    def write(self, first, last):
        self._profile.stop()
        path = self._directory / f"updates_{first}_to_{last}.json"
        self._profile.export_chrome_trace(str(path))
        return f"open {path} at https://ui.perfetto.dev"


_PROFILERS = {"tensorflow": _TensorFlowProfiler, "jax": _JaxProfiler, "torch": _TorchProfiler}


def _xprof(directory):
    return f"look at it with `xprof --logdir {directory}` (pip install xprof)"
