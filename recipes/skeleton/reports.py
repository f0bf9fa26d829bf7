"""What a training run is watched by: operations a second, TensorBoard events and profiles."""

import functools

from zoo.models import training_flops
from zoo.training import ModelFlops, Profile, TensorBoard, peak_flops


def model_flops(config, model):
    """The `ModelFlops` of a run; the peak is that of --peak-teraflops, or of the accelerator if that is known.

    Args:
        config: The recipe's configuration.
        model: A model of `zoo.models`.
    """
    given = config.devices.peak_teraflops
    peak = peak_flops(model, config.precision, None if given is None else given * 1e12)
    return ModelFlops(functools.partial(training_flops, model), peak)


def report_callbacks(config):
    """Callbacks for the reports that a configuration asks for."""
    callbacks = [TensorBoard()] if config.tensorboard else []
    return [*callbacks, Profile(config.devices.profile)] if config.devices.profile else callbacks
