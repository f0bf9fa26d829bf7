"""Training to its end, then the average of its last or best checkpoints: the middle of most recipes."""

import sys

from recipes.skeleton.dry_run import end_if_dry_run
from recipes.skeleton.reports import model_flops, report_callbacks
from recipes.skeleton.run_plan import intervals
from zoo.layers import recompute_blocks
from zoo.training import (
    EarlyStopping,
    Resume,
    average_checkpoints,
    part_processes,
    plot_learning_curve,
    replicas_of,
    scope_of,
    select_checkpoints,
    train,
)


def leave_the_rest_to_the_chief(model):
    """Ends this process if it is one of several that trained the model and another is to evaluate and save it."""
    is_chief = replicas_of(model).is_chief
    part_processes(model)
    if not is_chief:
        sys.exit(0)


def train_and_average(config, model, batches, validation, *, metric, mode, claim, callbacks=()):
    """Trains a compiled model and leaves it with the average of its last or best checkpoints, or its moving averages.

    Args:
        config: The recipe's configuration, with the options on steps (planned), checkpoints, early stopping and time.
        model: Compiled.
        batches: Training batches.
        validation: `zoo.training.Validation`.
        metric: What early stopping and the best checkpoints go by, such as "val_nll".
        mode: Whether larger or smaller values of it are better, "max" or "min".
        claim: `zoo.training.RunClaim`.
        callbacks: More callbacks.

    Returns:
        `zoo.training.TrainingResult`, and the paths of the checkpoints whose average the model is, none with moving
        averages.
    """
    end_if_dry_run(config, model, batches, config.total_steps)
    if config.devices.recompute:
        recompute_blocks(model)
    validate_every_steps, checkpoint_every_steps = intervals(config)
    best_by = metric if config.average_best else None
    with claim:
        result = train(
            model,
            batches,
            total_steps=config.total_steps,
            directory=config.directory,
            checkpoint_every_steps=checkpoint_every_steps,
            accumulate_steps=config.devices.accumulate_steps,
            validate_every_steps=validate_every_steps,
            validation=validation,
            early_stopping=(
                EarlyStopping(metric, config.early_stopping_patience, mode) if config.early_stopping_patience else None
            ),
            resume=Resume(
                keep_last=config.average_checkpoints,
                keep_best=config.average_checkpoints if config.average_best else 0,
                metric=best_by,
                mode=mode,
            ),
            callbacks=[claim, *callbacks, *report_callbacks(config)],
            max_minutes=config.max_minutes,
            ends_in_time=True,
            model_flops=model_flops(config, model),
        )
    leave_the_rest_to_the_chief(model)
    if config.ema_momentum:
        checkpoints = []
        with scope_of(model):
            model.optimizer.use_moving_averages(model.trainable_variables)
    else:
        checkpoints = select_checkpoints(config.directory, config.average_checkpoints, best_by, mode)
        average_checkpoints(model, checkpoints)
    plot_learning_curve(result.history, config.directory / "learning_curve.png", title=str(config.directory.name))
    return result, checkpoints
