"""Training to its end, then the average of its last or best checkpoints: the middle of every run."""

import sys

from recipes.skeleton.reports import model_flops, report_callbacks
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


def train_and_average(config, plan, model, batches, validation, claim, callbacks=()):
    """Trains a compiled model and leaves it with the average of its last or best checkpoints, or its moving averages.

    Of several processes that train together all but the chief end here.

    Args:
        config: The recipe's configuration, a `TrainingOptions`.
        plan: `RunPlan`.
        model: Compiled.
        batches: Training batches.
        validation: `zoo.training.Validation`.
        claim: `zoo.training.RunClaim`.
        callbacks: More callbacks.

    Returns:
        `zoo.training.TrainingResult`, and the paths of the checkpoints whose average the model is, none with moving
        averages.
    """
    if config.devices.recompute:
        recompute_blocks(model)
    best_by = plan.metric if plan.average_best else None
    patience = config.early_stopping_patience
    with claim:
        result = train(
            model,
            batches,
            total_steps=plan.total_steps,
            directory=config.directory,
            checkpoint_every_steps=plan.checkpoint_every_steps,
            accumulate_steps=config.devices.accumulate_steps,
            validate_every_steps=plan.validate_every_steps,
            validation=validation,
            early_stopping=EarlyStopping(plan.metric, patience, plan.mode) if patience else None,
            resume=Resume(
                keep_last=plan.keep_last,
                keep_best=config.average_checkpoints if plan.average_best else 0,
                metric=best_by,
                mode=plan.mode,
            ),
            callbacks=[claim, *callbacks, *report_callbacks(config)],
            max_minutes=config.max_minutes,
            ends_in_time=True,
            model_flops=model_flops(config, model),
        )
    is_chief = replicas_of(model).is_chief
    part_processes(model)
    if not is_chief:
        sys.exit(0)
    if plan.moving_averages:
        checkpoints = []
        with scope_of(model):
            model.optimizer.use_moving_averages(model.trainable_variables)
    else:
        checkpoints = select_checkpoints(config.directory, config.average_checkpoints, best_by, plan.mode)
        average_checkpoints(model, checkpoints)
    plot_learning_curve(result.history, config.directory / "learning_curve.png", title=str(config.directory.name))
    return result, checkpoints
