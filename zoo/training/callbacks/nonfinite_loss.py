"""A loss that is not finite, traced to its step, to the examples of its batch and to the first tensor that shows it."""

import keras
import numpy as np

from zoo.training.distributed.replicas import replicas_of
from zoo.training.runs.checkpoint_files import DamagedCheckpointError, checkpoint_paths, checkpoint_step, read_arrays
from zoo.training.runs.resume import assign_arrays, model_state

# Examples that a message lists.
_MOST_EXAMPLES = 20
_KEPT = "checkpoints from before are kept"


class NonFiniteLossError(Exception):
    """The loss of an update is not finite.

    Attributes:
        step: Number of the update.
        loss: Its loss, float.
        position: `(epoch, batch)` after its batch, see `BatchFeed`.
    """

    def __init__(self, step, loss, position):
        super().__init__(f"the loss of step {step} is {loss}")
        self.step, self.loss, self.position = step, loss, position


def explain_nonfinite_loss(error, model, batches, resume):
    """Says in one line where a loss that is not finite comes from, and what to do.

    The batch of the update is made again and looked through. If its arrays are finite, the model gets the weights of
    the newest checkpoint, from before the update, and computes the batch once more, layer by layer.

    Args:
        error: `NonFiniteLossError`.
        model: The model; on one process its weights become those of the newest whole checkpoint, if there is one.
        batches: As of `train`.
        resume: The run's `Resume`.

    Returns:
        str.
    """
    epoch, after = error.position
    batch = next(batches.stream(epoch, after - 1))
    examples = batches.examples(epoch, after - 1) if hasattr(batches, "examples") else None
    examples_are = getattr(batches, "examples_are", None)
    what = f"the loss of step {error.step} is {error.loss}"
    found = _first_nonfinite_array(batch)
    if found is not None:
        name, row = found
        where = f"row {row} of batch {after} of epoch {epoch}"
        if examples is not None and row < len(examples):
            where += f", training example {examples[row] + 1}" + (f" (of the {examples_are})" if examples_are else "")
        return f"{what}: {name} of {where} is not finite: mend the data; {_KEPT}"
    if examples is not None:
        what += f" (training examples {_listed(examples)}" + (f": {examples_are})" if examples_are else ")")
    advice = f"{_KEPT}; start again with a lower learning rate, more warm-up steps or gradient clipping"
    step = None if replicas_of(model).num_processes > 1 else _assign_newest_checkpoint(model, resume.directory)
    if step is None:
        return f"{what}: {advice}"
    layer = _first_nonfinite_layer(model, batch[0])
    if layer is not None:
        return (
            f"{what}: with the weights of step {step} already, {layer} gives values that are not finite for this "
            f"batch: {advice}"
        )
    return f"{what}: with the weights of step {step} all values are finite, so the weights went wrong since: {advice}"


def _assign_newest_checkpoint(model, directory):
    """Gives a model the weights of the newest checkpoint that is whole; returns its step, None if there is none."""
    for path in reversed(checkpoint_paths(directory)):
        try:
            arrays = read_arrays(path, "model")
        except DamagedCheckpointError:
            continue
        assign_arrays(model_state(model), arrays, path)
        return checkpoint_step(path)
    return None


def _first_nonfinite_array(batch):
    """Name and row of the first array of a batch `(x, labels, weights)` with such a value; None if there is none."""
    for name, part in zip(("input", "label", "weight"), batch, strict=True):
        for path, array in keras.tree.flatten_with_path(part):
            array = np.asarray(array)
            rows = np.argwhere(~np.isfinite(array))
            if len(rows):
                inner = "/".join(map(str, path))
                return f"the {name} {inner}" if inner else f"the {name}", int(rows[0, 0])
    return None


def _first_nonfinite_layer(model, inputs):
    """Path of the first layer, in the order of computation, whose output is not finite; None if all are."""
    found = []
    layers = list(model._flatten_layers())  # the model too: what it computes outside of layers

    def watched(layer, call):
        def watching_call(*args, **kwargs):
            outputs = call(*args, **kwargs)
            if not found and not all(_is_finite(output) for output in keras.tree.flatten(outputs)):
                found.append(layer.path or layer.name)
            return outputs

        return watching_call

    # Around Keras's tracking of attributes, which would keep the functions.
    for layer in layers:
        object.__setattr__(layer, "call", watched(layer, layer.call))
    try:
        model(keras.tree.map_structure(keras.ops.convert_to_tensor, inputs), training=False)
    finally:
        for layer in layers:
            object.__delattr__(layer, "call")
    return found[0] if found else None


def _is_finite(output):
    if output is None or not keras.backend.is_float_dtype(keras.backend.standardize_dtype(output.dtype)):
        return True
    return bool(keras.ops.all(keras.ops.isfinite(output)))


def _listed(examples):
    """Sorted numbers from 1 of all examples, or of the first of many; several rows may be from one example."""
    numbers = np.unique(examples) + 1
    shown = ", ".join(map(str, numbers[:_MOST_EXAMPLES]))
    return shown if len(numbers) <= _MOST_EXAMPLES else f"{shown}, ... of {len(numbers)}"
