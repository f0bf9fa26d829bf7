"""The callbacks of a run, over the many short `fit` calls that make it up."""

import math

import keras
import numpy as np

from zoo.training.callbacks.nonfinite_loss import NonFiniteLossError
from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.training.distributed.replicas import any_process, replicas_of
from zoo.training.updates.random_states import random_states, set_random_states


class IntervalCallbacks(keras.callbacks.CallbackList):
    """Keeps the run's counters and passes events on to callbacks.

    `train` calls `fit` once per interval with this list. Callbacks see one beginning and one end of training, and each
    interval as an epoch. The loss is looked at every `log_every_steps` updates and not after each, because reading
    it makes an accelerator wait; a value that is not finite is still traced to its step, before any checkpoint.

    Args:
        callbacks: Keras callbacks, in order.
        updates: The `UpdateModel` that `fit` is called on; callbacks see its `model`, and may tell it to stop.
        run: The `TrainingRun` to keep up to date.
        feed: The `BatchFeed` that `fit` reads from.
        log_every_steps: Updates between `on_log` reports.
        preemption: `Preemption` upon which it stops, or None.
        peak_flops: What the devices could compute, in FLOP/s, or None.
    """

    def __init__(self, callbacks, updates, run, feed, log_every_steps, preemption=None, peak_flops=None):
        super().__init__(callbacks, add_history=True, model=updates.model)
        self._updates = updates
        updates.history = updates.model.history  # what `fit` returns
        self._run = run
        self._feed = feed
        self._log_every_steps = log_every_steps
        self._preemption = preemption
        self._peak_flops = peak_flops
        self._several_processes = replicas_of(updates).num_processes > 1
        self._learning_rate = _learning_rate_of(updates.optimizer, run)
        self._compiles = updates.jit_compile and not updates.run_eagerly
        self._validated = False
        self._warm = False  # whether this sitting has made an update, for which the first is traced
        self._each_step = [callback for callback in self.callbacks if _wants_steps(callback)]
        self._around_steps = [callback for callback in self.callbacks if isinstance(callback, TrainingCallback)]
        self._start_interval()

    def _start_interval(self):
        self._trained = 0  # steps of this interval
        self._losses, self._tokens = 0.0, 0  # of the interval: sum of losses times tokens, and tokens
        self._window = []  # (step, its loss as a tensor, what was fed) since the last report
        self._window_started = self._step_ended = self._run.clock()

    def begin(self):
        """Tells the callbacks that training begins."""
        self.model.stop_training = False
        for callback in self.callbacks:
            callback.on_train_begin({})

    def end(self):
        """Tells the callbacks that training has ended."""
        for callback in self.callbacks:
            callback.on_train_end({})

    def on_train_begin(self, logs=None):
        """One `fit` of many: nothing."""

    def on_train_end(self, logs=None):
        """One `fit` of many: nothing."""

    def on_epoch_begin(self, epoch, logs=None):
        """Starts an interval."""
        self._start_interval()
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        """Passes the beginning of a step on to the callbacks that ask for it."""
        if self._trained == 0:
            # What was drawn since the last step, by validation or by `fit` itself, must make no difference.
            set_random_states(self._run.random_states)
        for callback in self._around_steps:
            callback.on_step_begin(self._run.step + 1)
        for callback in self._each_step:
            callback.on_train_batch_begin(batch, {})

    def on_train_batch_end(self, batch, logs=None):
        """Counts the step, reports if it is time to, and stops if time is up."""
        run = self._run
        known_shapes = len(self._feed.shapes)
        fed = self._feed.trained(batch + 1 - self._trained)
        self._trained = batch + 1
        run.step += len(fed)
        run.position = fed[-1].position
        self._window.append((run.step, logs["loss"], fed))
        for callback in self._around_steps:
            callback.on_step_end(run.step, logs["loss"])
        self._measure_step(len(fed), compiled=self._compiles and len(self._feed.shapes) > known_shapes)
        if run.step % self._log_every_steps == 0:
            self._report()
        if self._each_step:
            values = {name: float(np.sum(keras.ops.convert_to_numpy(value))) for name, value in logs.items()}
            for callback in self._each_step:
                callback.on_train_batch_end(batch, values)
        self._stop_if_told()
        self._stop_if_time_is_up()
        if run.stop_reason is not None:
            self._updates.stop_training = True

    def _measure_step(self, count, compiled):
        now = self._run.clock()
        if self._warm and not compiled:
            self._run.pace.add_step((now - self._step_ended) / count)
        self._warm, self._step_ended = True, now

    def on_epoch_end(self, epoch, logs=None):
        """Ends an interval: validation, history and checkpoints are callbacks that act here."""
        self._run.random_states = random_states()
        if self._window:
            self._report()
        self._run.intervals += 1
        if self._run.step >= self._run.total_steps:
            self._run.stop_reason = "finished"
        started = self._run.clock()
        super().on_epoch_end(epoch, {**(logs or {}), "loss": self._losses / max(self._tokens, 1)})
        seconds = self._run.clock() - started
        if self._run.validates_here:
            # The first one of a sitting is traced.
            if self._validated:
                self._run.pace.seconds_between["validation"] = seconds
            self._validated = True
        elif self._run.checkpoints_here:
            self._run.pace.seconds_between["checkpoint"] = seconds
        self._run.end_interval()
        self._stop_if_told()
        if self._run.stop_reason is not None:
            self._share_signal()

    def _stop_if_told(self):
        if self.model.stop_training and self._run.stop_reason is None:
            self._run.stop_reason = "callback"

    def _stop_if_time_is_up(self):
        run = self._run
        if run.step >= run.total_steps or run.stop_reason is not None:
            return
        preempted = self._preemption is not None and self._preemption.noticed
        late = run.max_seconds is not None and run.elapsed_seconds >= run.max_seconds - run.reserved_seconds
        if self._several_processes:
            # Clocks and signals differ, but all must stop at the same step.
            if run.step % self._log_every_steps:
                return
            preempted, late = any_process(self._updates, (preempted, late))
        if preempted:
            # Of several processes all end, also those that got no signal: none may take the run for finished.
            self._preemption.noticed = True
        if preempted or late:
            run.stop_reason = "preempted" if preempted else "time"

    def _share_signal(self):
        """Of several processes all end, at the end of the run too, where one was told to in the last steps."""
        if self._several_processes and self._preemption is not None:
            (self._preemption.noticed,) = any_process(self._updates, (self._preemption.noticed,))

    def _report(self):
        losses, tokens, flops = 0.0, 0, 0
        for step, loss, fed in self._window:
            loss = float(np.sum(keras.ops.convert_to_numpy(loss)))
            if not math.isfinite(loss):
                raise NonFiniteLossError(step, loss, fed[-1].position)
            step_tokens = sum(batch.tokens for batch in fed)
            losses += loss * step_tokens
            tokens += step_tokens
            flops += sum(batch.flops for batch in fed)
        self._losses += losses
        self._tokens += tokens
        now = self._run.clock()
        seconds = max(now - self._window_started, 1e-9)
        report = {
            "step": self._run.step,
            "epoch": self._run.position[0],
            "loss": losses / max(tokens, 1),
            "tokens_per_second": tokens / seconds,
            "elapsed_seconds": self._run.elapsed_seconds,
        }
        if flops:
            report["model_flops_per_second"] = flops / seconds
            if self._peak_flops is not None:
                report["mfu"] = flops / seconds / self._peak_flops
        if self._learning_rate is not None:
            report["learning_rate"] = float(self._learning_rate(self._run.step - 1))
        self._window = []
        self._window_started = now
        for callback in self.callbacks:
            if isinstance(callback, TrainingCallback):
                callback.on_log(report)


def _learning_rate_of(optimizer, run):
    """A function of the step, from the optimizer's public configuration; None if that does not say."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a loss-scaling wrapper
    schedule = getattr(optimizer, "schedule", None)
    if schedule is not None:
        return lambda step: schedule.compressed(step, run.share)
    value = optimizer.get_config().get("learning_rate")
    if isinstance(value, dict):
        return keras.optimizers.schedules.deserialize(value)
    return None if value is None else lambda step: value


def _wants_steps(callback):
    """Whether a callback does anything at single steps, for which the loss has to be read each time."""
    base = keras.callbacks.Callback
    names = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
    return any(getattr(type(callback), name) is not getattr(base, name) for name in names)
