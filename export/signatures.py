"""The serving signatures of a task: named string and control tensors in, named result tensors out."""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf

from export.served_form import ServedForm, answered_by_row, in_fixed_width
from zoo.weights import PackedWeights

# Variables, tables, assets and modules; the base class has no other public name.
_Trackable = tf.__internal__.tracking.Trackable


class ServedTask(tf.Module):
    """What a SavedModel of a task owns: the variables of its Keras models, its tokenizers and their tables.

    Keras objects themselves are left out, so that the SavedModel loads where no Keras is installed.

    Args:
        task: a `zoo.tasks.task.Task` under the TensorFlow backend.
    """

    def __init__(self, task):
        super().__init__(name="served_task")
        self.variables_by_model = {}
        self.resources = {}
        for name, value in vars(task).items():
            if isinstance(value, keras.layers.Layer):
                self.variables_by_model[name] = [variable.value for variable in PackedWeights().variables(value)]
            elif isinstance(value, _Trackable) and not isinstance(value, tf.types.experimental.GenericFunction):
                self.resources[name] = value


@contextlib.contextmanager
def in_form(task, form):
    """A task to be exported, whose model is in another form until the context ends.

    Args:
        task: a `zoo.tasks.task.Task`.
        form: `zoo.weights.PackedWeights`.

    Yields:
        The task again, so that nothing traced before is used; the same one if its model stays as it is.
    """
    with form.applied_to(task.model):
        yield task.with_settings() if form.applied else task


def build_signatures(task, form=ServedForm()):  # noqa: B008  frozen
    """Traces the signatures of a task.

    They are those of `task.signatures`, whose functions are wrapped unchanged. All inputs have shape [B], as request
    batching in TensorFlow Serving needs; one value of a control counts for all texts. A SavedModel holds the controls'
    defaults, so that clients may leave controls out over gRPC. Half precision outputs, which REST cannot carry, become
    float32.

    Args:
        task: a `zoo.tasks.task.Task` under the TensorFlow backend.
        form: `ServedForm` of the answers.

    Returns:
        dict from signature name to `tf.function` of one input signature, for `tf.saved_model.save`.

    Raises:
        ValueError: when an output is not a tensor with the batch as its first dimension, and when the outputs are not
            those that a signature declares.
    """

    signatures = {}
    for name, declared in task.signatures.items():
        dtypes = {**dict.fromkeys(declared.inputs, "string"), **{k: v.dtype for k, v in declared.controls.items()}}
        defaults = {k: tf.constant([v.default], v.dtype) for k, v in declared.controls.items()}
        signatures[name] = _signature(_served(name, declared, form), dtypes, defaults)
        _check_outputs(name, signatures[name].get_concrete_function().structured_outputs)
    return signatures


def _served(name, declared, form):
    """The function of a `Signature` as it is served, from tensors by input name to tensors by output name."""

    def answers(inputs):
        outputs = declared.function(**inputs)
        if declared.outputs and outputs.keys() != declared.outputs.keys():
            raise ValueError(f"{name!r} gives {', '.join(outputs)}; it declares {', '.join(declared.outputs)}")
        if form.width is not None and declared.ragged_outputs:
            return in_fixed_width(outputs, declared.ragged_outputs, form.width)
        return outputs

    def served(inputs):
        inputs = _of_one_length(inputs, declared)
        if form.row_errors and (declared.controls or declared.required):
            return answered_by_row(answers, inputs, declared)
        return answers(inputs)

    return served


def _signature(function, dtypes, defaults):
    """A `tf.function` of vectors, whose arguments have the names and defaults that a SavedModel's signature gets.

    Of concrete functions `tf.saved_model.save` does not keep the defaults.
    """

    def served(*values):
        return _served_outputs(function(dict(zip(dtypes, values, strict=True))))

    parameter = functools.partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    served.__signature__ = inspect.Signature(
        [parameter(name, default=defaults.get(name, inspect.Parameter.empty)) for name in dtypes]
    )
    specs = [tf.TensorSpec([None], dtype, name=name) for name, dtype in dtypes.items()]
    return tf.function(served, input_signature=specs, autograph=False)


def _of_one_length(inputs, declared):
    """The inputs again, which fail unless there is one value per text, or of a control one for all texts."""
    first, *others = inputs
    if not others:
        return inputs
    rows = tf.shape(inputs[first])[0]
    checks = []
    for name in others:
        count = tf.shape(inputs[name])[0]
        matches, wanted = tf.equal(count, rows), "one value per text"
        if name in declared.controls:
            matches, wanted = tf.logical_or(matches, tf.equal(count, 1)), "one value per text or one for all"
        checks.append(tf.debugging.Assert(matches, [f"{name} must hold {wanted}; values and texts:", count, rows]))
    with tf.control_dependencies(checks):
        return {
            first: tf.identity(inputs[first]),
            **{name: tf.broadcast_to(inputs[name], [rows]) for name in others},
        }


def _served_outputs(outputs):
    served = {}
    for name, value in outputs.items():
        value = tf.convert_to_tensor(value)
        if value.dtype in (tf.float16, tf.bfloat16):
            value = tf.cast(value, tf.float32)
        served[name] = tf.identity(value, name=name)
    return served


def _check_outputs(signature, outputs):
    for name, value in outputs.items():
        if value.shape.rank == 0 or (value.shape.rank is not None and value.shape[0] is not None):
            raise ValueError(
                f"output {name!r} of {signature!r} has shape {value.shape}; its first dimension must be the batch"
            )
