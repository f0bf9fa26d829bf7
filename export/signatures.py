"""The serving signatures of a task: named string and control tensors in, named result tensors out."""

import contextlib
import functools
import inspect

import keras
import tensorflow as tf

from export.served_form import ServedForm, answered_by_row, in_fixed_width
from zoo.models.decoding_panels import in_panels, variables_read

SERVING_DEFAULT = "serving_default"

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
                self.variables_by_model[name] = [variable.value for variable in variables_read(value)]
            elif isinstance(value, _Trackable) and not isinstance(value, tf.types.experimental.GenericFunction):
                self.resources[name] = value


@contextlib.contextmanager
def decoder_in_panels(task):
    """A task to be exported, whose decoder reads its matrices in panels until the context ends.

    Args:
        task: a `zoo.tasks.task.Task`.

    Yields:
        The task again, so that nothing traced before is used; the same one if it has no decoder, or a small one.
    """
    with in_panels(task.model) as changed:
        yield task.with_settings() if changed else task


def build_signatures(task, form=ServedForm()):  # noqa: B008  frozen
    """Traces the signatures of a task.

    `serving_default` takes `text` alone; `task.controls_signature` ("generate" for tasks that generate), there if the
    task has controls, takes `text` and one tensor per control; both wrap `task.predict_batch` unchanged. Each of
    `task.further_signatures` takes several texts. All inputs have shape [B], as request batching in TensorFlow Serving
    needs; one value of a control counts for all texts. A SavedModel holds the controls' defaults, so that clients may
    leave controls out over gRPC. Half precision outputs, which REST cannot carry, become float32.

    Args:
        task: a `zoo.tasks.task.Task` under the TensorFlow backend.
        form: `ServedForm` of the answers.

    Returns:
        dict from signature name to `tf.function` of one input signature, for `tf.saved_model.save`.

    Raises:
        ValueError: when an output is not a tensor with the batch as its first dimension.
    """

    def answers(inputs):
        outputs = task.predict_batch(**inputs)
        return outputs if form.width is None else in_fixed_width(outputs, task.ragged_outputs, form.width)

    signatures = {SERVING_DEFAULT: _signature(answers, {"text": "string"})}
    if task.controls:
        dtypes = {name: control.dtype for name, control in task.controls.items()}
        defaults = {name: tf.constant([control.default], control.dtype) for name, control in task.controls.items()}

        def controlled(inputs):
            inputs = _of_one_length(inputs, one_for_all=True)
            return answered_by_row(answers, inputs, task.controls) if form.row_errors else answers(inputs)

        signatures[task.controls_signature] = _signature(controlled, {"text": "string", **dtypes}, defaults)
    for name, further in task.further_signatures.items():
        signatures[name] = _signature(_function_of_texts(further.function), dict.fromkeys(further.inputs, "string"))
    for name, signature in signatures.items():
        _check_outputs(name, signature.get_concrete_function().structured_outputs)
    return signatures


def _signature(function, dtypes, defaults=None):
    """A `tf.function` of vectors, whose arguments have the names and defaults that a SavedModel's signature gets.

    Of concrete functions `tf.saved_model.save` does not keep the defaults.
    """

    def served(*values):
        return _served_outputs(function(dict(zip(dtypes, values, strict=True))))

    parameter = functools.partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    served.__signature__ = inspect.Signature(
        [parameter(name, default=(defaults or {}).get(name, inspect.Parameter.empty)) for name in dtypes]
    )
    specs = [tf.TensorSpec([None], dtype, name=name) for name, dtype in dtypes.items()]
    return tf.function(served, input_signature=specs, autograph=False)


def _function_of_texts(function):
    return lambda inputs: function(**_of_one_length(inputs))


def _of_one_length(inputs, one_for_all=False):
    """The inputs again, which fail unless there is one value per text, or one for all texts where that is allowed."""
    texts = inputs["text"]
    rows = tf.shape(texts)[0]
    others = {name: value for name, value in inputs.items() if name != "text"}
    checks = []
    for name, value in others.items():
        count = tf.shape(value)[0]
        matches = tf.equal(count, rows)
        wanted = "one value per text"
        if one_for_all:
            matches, wanted = tf.logical_or(matches, tf.equal(count, 1)), "one value per text or one for all"
        checks.append(tf.debugging.Assert(matches, [f"{name} must hold {wanted}; values and texts:", count, rows]))
    with tf.control_dependencies(checks):
        return {"text": tf.identity(texts), **{name: tf.broadcast_to(value, [rows]) for name, value in others.items()}}


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
