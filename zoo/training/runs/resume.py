"""Writes checkpoints during training and continues from them, to the bit."""

import hashlib
import logging
import math
from pathlib import Path
from typing import Any

import keras

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.training.distributed.layouts import whole_value
from zoo.training.optimizers.zoo_optimizer import SCHEDULE_SHARE
from zoo.training.runs.checkpoint_files import (
    DamagedCheckpointError,
    checkpoint_paths,
    checkpoint_step,
    read_arrays,
    read_state,
    remove_checkpoint,
    remove_partial_checkpoints,
    write_checkpoint,
)

_log = logging.getLogger(__name__)


def checkpoint_directory(run_directory) -> Path:
    """Where a run keeps its checkpoints."""
    return Path(run_directory) / "checkpoints"


def model_state(model):
    """All variables that a model's future depends on: weights, statistics and the states of its dropout seeds.

    Without the weights that do not learn, of a model that keeps those of a checkpoint (`keeps_base`).
    """
    kept = {id(variable) for variable in kept_base(model)}
    return [variable for variable in model.variables if id(variable) not in kept]


def kept_base(model):
    """The weights of a model that are those of a checkpoint and do not learn."""
    if not getattr(model, "keeps_base", False):
        return []
    return [variable for variable in model.weights if not variable.trainable]


def optimizer_state(optimizer):
    """The variables of an optimizer that its future depends on; the share of its schedule is kept with the run."""
    return [variable for variable in optimizer.variables if variable.name != SCHEDULE_SHARE]


def assign_arrays(variables, arrays, path):
    """Puts arrays into variables, in order.

    Raises:
        UserError: Number or shapes differ, which is to say that the checkpoint is of another model.
    """
    if len(variables) != len(arrays):
        raise UserError(
            f"{path}: made by another model or optimizer ({len(arrays)} arrays, expected {len(variables)}): choose "
            "another folder or the settings of that run"
        )
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            raise UserError(
                f"{path}: made by another model: {variable.path} has shape {tuple(variable.shape)}, the checkpoint "
                f"has {array.shape}: choose another folder or the settings of that run"
            )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


class Resume(TrainingCallback):
    """Keeps the last and the best checkpoints of a run.

    A checkpoint has the model's variables (seeds of dropout included), the optimizer's, the step, the position in the
    data, and the state of every callback. On one device a run that is killed and started again ends with the weights
    of a run that was not, to the bit. Of several processes one writes, and all read.

    Args:
        keep_last: Number of newest checkpoints kept, at least 1.
        keep_best: Number of best checkpoints kept besides, by `metric`; with it, a validation whose score is among the
            best writes a checkpoint even between the regular ones.
        metric: Name in the logs of a validation, such as "val_bleu".
        mode: "max" or "min".
    """

    def __init__(self, keep_last: int = 3, keep_best: int = 0, metric: str | None = None, mode: str = "max"):
        super().__init__()
        check_range("keep_last", keep_last, least=1)
        if keep_best and not metric:
            raise UserError("keep_best needs a metric to tell the best checkpoints by")
        if mode not in ("max", "min"):
            raise UserError(f'mode must be "max" or "min", got "{mode}"')
        self.keep_last = keep_last
        self.keep_best = keep_best
        self.metric = metric
        self.mode = mode
        self._scores = {}  # step -> score, of the checkpoints on disk
        self._stateful = {}
        self._base_digest = None

    @property
    def directory(self) -> Path:
        """Where this run's checkpoints are."""
        return checkpoint_directory(self.run.directory)

    def watch(self, callbacks: Any) -> None:
        """Says whose state goes into checkpoints: those of `callbacks` that are `TrainingCallback`s."""
        self._stateful = {}
        for callback in callbacks:
            if isinstance(callback, TrainingCallback) and callback is not self:
                name = type(callback).__name__
                if name in self._stateful and callback.state_dict():
                    raise UserError(f"two callbacks of class {name} would share one place in the checkpoints")
                self._stateful[name] = callback

    def restore(self) -> bool:
        """Continues from the newest checkpoint that is whole; False if there is none at all.

        Raises:
            UserError: There are checkpoints, but all are damaged, or they are of another model.
        """
        if self.run.is_chief:
            remove_partial_checkpoints(self.directory)
        paths = checkpoint_paths(self.directory)
        for path in reversed(paths):
            try:
                state = read_state(path)
                arrays = {stem: read_arrays(path, stem) for stem in ("model", "optimizer", "random")}
            except DamagedCheckpointError as error:
                _log.warning("%s; trying the one before", error)
                continue
            if state.get("base", self._base()) != self._base():
                raise UserError(
                    f"{path}: learned beside other weights than those of --pretrained now: give the checkpoint that "
                    "the run began from, or choose another folder"
                )
            assign_arrays(model_state(self.model), arrays["model"], path)
            assign_arrays(optimizer_state(self.model.optimizer), arrays["optimizer"], path)
            self.run.random_states = arrays["random"]
            self.run.load_state_dict(state["run"])
            for name, callback in self._stateful.items():
                if name in state["callbacks"]:
                    callback.load_state_dict(state["callbacks"][name])
            self._scores = self._read_scores(paths[: paths.index(path) + 1])
            return True
        if paths:
            raise UserError(f"{self.directory}: all {len(paths)} checkpoints are damaged: delete them to start anew")
        return False

    def _read_scores(self, paths):
        scores = {}
        for path in paths:
            try:
                state = read_state(path)
            except DamagedCheckpointError:
                continue
            if self.metric in state["metrics"]:
                scores[checkpoint_step(path)] = state["metrics"][self.metric]
        return scores

    def best_steps(self) -> list[int]:
        """Steps of the `keep_best` best checkpoints, best first; of two equal ones the newer is the better."""
        sign = 1.0 if self.mode == "max" else -1.0

        def rank(step):
            score = sign * self._scores[step]
            return (-math.inf if math.isnan(score) else score, step)

        return sorted(self._scores, key=rank, reverse=True)[: self.keep_best]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes a checkpoint if one is due or the score is among the best, then deletes those no longer wanted."""
        if not self.run.is_chief:
            return
        logs = logs or {}
        step = self.run.step
        if self.keep_best and self.run.validates_here:
            if self.metric not in logs:
                known = ", ".join(sorted(logs)) or "nothing"
                raise UserError(f'checkpoints are ranked by "{self.metric}", which is not reported: there is {known}')
            self._scores[step] = logs[self.metric]
        if self.run.checkpoints_here or step in self.best_steps():
            self.save(logs)
        on_disk = {checkpoint_step(path) for path in checkpoint_paths(self.directory)}
        self._scores = {step: score for step, score in self._scores.items() if step in on_disk}

    def save(self, metrics: Any) -> Path:
        """Writes a checkpoint of this moment; `metrics` are the logs that go with it."""
        state = {
            "run": self.run.state_dict(),
            "metrics": {name: value for name, value in metrics.items() if isinstance(value, (int, float))},
            "callbacks": {name: callback.state_dict() for name, callback in self._stateful.items()},
            "keras": keras.__version__,
            "backend": keras.backend.backend(),
            "base": self._base(),
        }
        arrays = {
            "model": [whole_value(variable) for variable in model_state(self.model)],
            "optimizer": [whole_value(variable) for variable in optimizer_state(self.model.optimizer)],
            "random": self.run.random_states,
        }
        path = write_checkpoint(self.directory, self.run.step, arrays, state)
        self._prune()
        return path

    def _base(self):
        """A digest of the weights that checkpoints leave out, which training does not change; None without any."""
        base = kept_base(self.model)
        if self._base_digest is None and base:
            digest = hashlib.sha256()
            for variable in base:
                digest.update(whole_value(variable).tobytes())
            self._base_digest = digest.hexdigest()
        return self._base_digest

    def _prune(self):
        best = self.best_steps()
        for path in checkpoint_paths(self.directory)[: -self.keep_last]:
            if checkpoint_step(path) not in best:
                remove_checkpoint(path)
