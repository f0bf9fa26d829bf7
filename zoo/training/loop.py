"""Training from the first step to the last, over kills and restarts, through Keras's `fit`."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import keras

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.training.batch_feed import BatchFeed
from zoo.training.callbacks.early_stopping import EarlyStopping
from zoo.training.callbacks.history import History
from zoo.training.callbacks.interval_callbacks import IntervalCallbacks
from zoo.training.callbacks.nonfinite_loss import NonFiniteLossError, explain_nonfinite_loss
from zoo.training.callbacks.preemption import Preemption
from zoo.training.callbacks.progress import Progress
from zoo.training.distributed.batch_parts import every_nth_row, pad_rows
from zoo.training.distributed.jax_processes import end_without_the_others
from zoo.training.distributed.layouts import check_heads
from zoo.training.distributed.replica_seeds import spread_generators, spread_seeds
from zoo.training.distributed.replicas import number_of_chief, replicas_of, scope_of
from zoo.training.optimizers.build_optimizer import OPTIMIZERS
from zoo.training.runs.resume import Resume
from zoo.training.runs.run import TrainingRun
from zoo.training.runs.share_of_run import ShareOfRun
from zoo.training.updates.random_states import random_states
from zoo.training.updates.summed_loss import SummedLoss
from zoo.training.updates.update_model import update_model


class TrainingResult(NamedTuple):
    """How a call of `train` ended.

    Attributes:
        step: Updates that the model has had.
        stop_reason: "finished", "early_stopping", "time", or "callback" where a callback set `model.stop_training`.
        history: Rows as in `history.jsonl`, see `zoo.training.callbacks.history.History`.
        elapsed_seconds: Wall time over all sittings.
        compiled_shapes: Shapes of batches that this sitting compiled an update for; None without a compiler.
    """

    step: int
    stop_reason: str
    history: list[dict]
    elapsed_seconds: float
    compiled_shapes: int | None = None


def train(
    model: keras.Model,
    batches: Any,
    *,
    total_steps: int,
    directory: str | Path,
    checkpoint_every_steps: int | ShareOfRun,
    accumulate_steps: int = 1,
    validate_every_steps: int = 0,
    validation: Any = None,
    early_stopping: Any = None,
    resume: Any = None,
    callbacks: Any = (),
    log_every_steps: int = 50,
    max_minutes: float | None = None,
    ends_in_time: bool = False,
    progress: bool = True,
    model_flops: Any = None,
    clock: Any = time.monotonic,
) -> Any:
    """Trains a compiled model, from its newest checkpoint in `directory` if there is one.

    At the end of an interval the order is: validation, early stopping, `callbacks`, history, checkpoint, progress; what
    one of them adds to the logs the next ones see. Interrupted at any moment, the same call goes on from the last
    checkpoint, with the same batches in the same order. SIGTERM lets a last checkpoint be written, then ends the
    process.

    A batch is one update, on however many devices: a model made in the scope of a `tf.distribute` strategy, under a
    `keras.distribution` or in the processes of `torchrun` is trained with the rows of each batch divided among them.
    The update is the same as on one device, since losses are divided by the weights of the whole batch, and gradients
    are added before they are clipped.

    Args:
        model: Compiled `keras.Model`, best with `TokenCrossEntropy`, without loss weights and losses of layers. Metrics
            that it was compiled with are not computed; `validation` has its own. On batches of many shapes leave
            `jit_compile` off under TensorFlow.
        batches: See `BatchFeed`; for instance `zoo.data.PairBatches`.
        total_steps: Update number at which training ends, over all sittings.
        directory: Folder of the run: checkpoints, `history.jsonl` and `history.csv`.
        checkpoint_every_steps: Updates between checkpoints, or a `ShareOfRun`.
        accumulate_steps: Parts that each device works on one after the other for an update, to save memory; the update
            is the same.
        validate_every_steps: Updates between validations, or a `ShareOfRun`; 0 for none. The last step is validated
            too.
        validation: `Validation`, needed if `validate_every_steps` is not 0.
        early_stopping: `EarlyStopping`, optional.
        resume: `Resume` with the numbers of checkpoints to keep; the last 3 by default.
        callbacks: More Keras callbacks; each interval is an epoch to them.
        log_every_steps: Updates between rows in the history and lines of progress.
        max_minutes: Wall time of the run over all sittings after which it stops with a checkpoint, after one update at
            the least; a later call with more time goes on as if it had not stopped, but for `ends_in_time`.
        ends_in_time: Whether a run that `max_minutes` ends is a whole one: the learning-rate schedule of
            `zoo.training`'s optimizers, and what is a `ShareOfRun`, is compressed into the updates that time allows, by
            the measured speed, and the last step is validated. Of several processes one measures for all.
        progress: Whether to show progress on standard error.
        model_flops: `ModelFlops`, with which speed is reported in FLOP/s too.
        clock: Seconds since some moment; what time is measured by.

    Returns:
        `TrainingResult`.

    Raises:
        UserError: Impossible numbers, a loss that is not finite (the message names the step, the examples, and the
            first tensor that is not finite either), checkpoints of another model or all damaged, a disk that is full.
    """
    directory = Path(directory)
    _check_numbers(
        total_steps, checkpoint_every_steps, accumulate_steps, validate_every_steps, log_every_steps, max_minutes
    )
    _check_validation(validate_every_steps, validation, early_stopping)
    replicas = replicas_of(model)
    _check_optimizer(model.optimizer, replicas)
    run = TrainingRun(
        directory,
        total_steps,
        checkpoint_every_steps,
        validate_every_steps,
        is_chief=replicas.is_chief,
        max_seconds=None if max_minutes is None else 60.0 * max_minutes,
        ends_in_time=ends_in_time and max_minutes is not None,
        clock=clock,
    )
    resume = resume or Resume()
    history = History()
    ordered = [validation, early_stopping, *callbacks, history, resume, Progress() if progress else None]
    ordered = [
        each for each in ordered if each is not None and (run.is_chief or not getattr(each, "chief_only", False))
    ]
    for callback in ordered:
        callback.set_model(model)
        if hasattr(callback, "on_log"):
            callback.run = run
    resume.watch(ordered)

    with scope_of(model):
        _build(model, batches)
    check_heads(model)
    _check_loss(model)
    spread_generators(replicas)
    run.random_states = random_states()
    with scope_of(model):
        resume.restore()
        spread_seeds(model, replicas)
    if run.step >= total_steps:
        return TrainingResult(run.step, "finished", history.rows, run.elapsed_seconds)
    if early_stopping is not None and early_stopping.exhausted:
        return TrainingResult(run.step, "early_stopping", history.rows, run.elapsed_seconds)
    if run.step and run.max_seconds is not None and run.elapsed_seconds >= run.max_seconds - run.reserved_seconds:
        return TrainingResult(run.step, "time", history.rows, run.elapsed_seconds)

    loss = SummedLoss(model.loss)

    def split(batch):
        x, labels, weights = batch
        batch = pad_rows((x, labels, loss.divided(weights)), replicas.count * accumulate_steps)
        return [every_nth_row(batch, *share) for share in replicas.shares]

    feed = BatchFeed(batches, run.position, split, model_flops and model_flops.of_batch)
    with scope_of(model):
        updates = update_model(model, loss, accumulate_steps)
    with Preemption() as preemption:
        peak_flops = model_flops and model_flops.peak
        events = IntervalCallbacks(ordered, updates, run, feed, log_every_steps, preemption, peak_flops)
        events.begin()
        try:
            while run.stop_reason is None:
                _fit_schedule(updates, run)
                _fit_interval(updates, feed, run, events)
        except NonFiniteLossError as error:
            raise UserError(explain_nonfinite_loss(error, model, batches, resume)) from None
        finally:
            events.end()
    compiled = len(feed.shapes) if updates.jit_compile and not updates.run_eagerly else None
    return TrainingResult(run.step, run.stop_reason, history.rows, run.elapsed_seconds, compiled)


def _fit_schedule(updates, run):
    """Compresses the schedule of the learning rate to the share of the run that time allows."""
    if run.ends_in_time:
        run.share = number_of_chief(updates, run.measured_share() or 0.0) or run.share
    else:
        run.share = 1.0
    optimizer = getattr(updates.optimizer, "inner_optimizer", updates.optimizer)
    if getattr(optimizer, "schedule_share", None) is not None:
        with scope_of(updates):
            optimizer.schedule_share.assign(run.share)


def _fit_interval(updates, feed, run, events):
    strategy = getattr(updates, "distribute_strategy", None)
    several = strategy is not None and strategy.num_replicas_in_sync > 1
    try:
        updates.fit(
            feed.fit_input(strategy if several else None),
            initial_epoch=run.intervals,
            epochs=run.intervals + 1,
            steps_per_epoch=run.next_boundary() - run.step,
            callbacks=events,
            shuffle=False,
            verbose=0,
        )
    except Exception as error:
        if feed.error is not None:
            raise feed.error from None
        if _lost_a_worker(updates, error):
            if keras.backend.backend() == "jax":
                end_without_the_others()
            raise UserError(
                f"another worker is gone at step {run.step} ({type(error).__name__}): start all workers again with the "
                "same command to go on from the last checkpoint"
            ) from error
        raise


def _lost_a_worker(updates, error):
    if keras.backend.backend() == "torch" or replicas_of(updates).num_processes == 1:
        return False
    if keras.backend.backend() == "jax":
        import jax

        return isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" not in str(error)
    import tensorflow as tf

    return isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError))


def _build(model, batches):
    """Creates all variables, so that a checkpoint can be loaded into them."""
    if not model.built:
        x, _, _ = BatchFeed(batches).first_batch()
        model(keras.tree.map_structure(lambda array: array[:1], x))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _check_optimizer(optimizer, replicas):
    # Keras's own clip before they add under TensorFlow, and do not add at all under PyTorch.
    if replicas.count > 1 and keras.backend.backend() != "jax" and not isinstance(optimizer, OPTIMIZERS):
        raise UserError(
            f"{type(optimizer).__name__} does not add gradients over replicas as training needs: compile with "
            "zoo.training.build_optimizer"
        )


def _check_loss(model):
    if (model.get_compile_config() or {}).get("loss_weights") is not None:
        raise UserError("loss_weights of compile are not supported: put them into the weights of the labels")
    if model.losses:
        raise UserError("losses of layers, such as regularizers, are not supported: use weight decay")


def _check_numbers(
    total_steps, checkpoint_every_steps, accumulate_steps, validate_every_steps, log_every_steps, max_minutes
):
    for name, value in (
        ("total_steps", total_steps),
        ("checkpoint_every_steps", checkpoint_every_steps),
        ("accumulate_steps", accumulate_steps),
        ("log_every_steps", log_every_steps),
    ):
        if not isinstance(value, ShareOfRun):
            check_range(name, value, least=1)
    if not isinstance(validate_every_steps, ShareOfRun):
        check_range("validate_every_steps", validate_every_steps, least=0)
    check_range("max_minutes", max_minutes, above=0)


def _check_validation(validate_every_steps, validation, early_stopping):
    if validate_every_steps and validation is None:
        raise UserError("validate_every_steps needs validation data: give some or set it to 0")
    if early_stopping is not None and not validate_every_steps:
        raise UserError("early stopping needs validation: set validate_every_steps")
    if early_stopping is not None and not isinstance(early_stopping, EarlyStopping):
        raise TypeError(f"early_stopping must be zoo.training's EarlyStopping, got {type(early_stopping).__name__}")
