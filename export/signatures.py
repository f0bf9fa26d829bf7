"""The serving signatures of a task: named string and control tensors in, named result tensors out."""

import keras
import tensorflow as tf

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
                self.variables_by_model[name] = [variable.value for variable in value.variables]
            elif isinstance(value, _Trackable) and not isinstance(value, tf.types.experimental.GenericFunction):
                self.resources[name] = value


def build_signatures(task):
    """Traces the signatures of a task.

    `serving_default` takes `text` alone; `task.controls_signature` ("generate" for tasks that generate), there if the
    task has controls, takes `text` and one tensor per control; both wrap `task.predict_batch` unchanged. Each of
    `task.further_signatures` takes several texts. All inputs have shape [B], as request batching in TensorFlow Serving
    needs. Half precision outputs, which REST cannot carry, become float32.

    Args:
        task: a `zoo.tasks.task.Task` under the TensorFlow backend.

    Returns:
        dict from signature name to concrete function.

    Raises:
        ValueError: when an output is not a tensor with the batch as its first dimension.
    """
    text_spec = tf.TensorSpec([None], tf.string, name="text")

    @tf.function(autograph=False)
    def serving_default(text):
        return _served_outputs(task.predict_batch(text))

    @tf.function(autograph=False)
    def controlled(text, **controls):
        text, controls = _of_one_length(text, controls)
        return _served_outputs(task.predict_batch(text, **controls))

    signatures = {SERVING_DEFAULT: serving_default.get_concrete_function(text=text_spec)}
    if task.controls:
        control_specs = {
            name: tf.TensorSpec([None], control.dtype, name=name) for name, control in task.controls.items()
        }
        signatures[task.controls_signature] = controlled.get_concrete_function(text=text_spec, **control_specs)
    for name, further in task.further_signatures.items():
        specs = {each: tf.TensorSpec([None], tf.string, name=each) for each in further.inputs}
        signatures[name] = _function_of_texts(further.function).get_concrete_function(**specs)
    for name, signature in signatures.items():
        _check_outputs(name, signature.structured_outputs)
    return signatures


def _function_of_texts(function):
    @tf.function(autograph=False)
    def served(text, **texts):
        text, texts = _of_one_length(text, texts)
        return _served_outputs(function(text=text, **texts))

    return served


def _of_one_length(text, values):
    """The tensors again, which fail unless there is one value per text."""
    rows = tf.shape(text)[0]
    checks = [
        tf.debugging.Assert(
            tf.equal(tf.shape(value)[0], rows),
            [f"{name} must hold one value per text; values and texts:", tf.shape(value)[0], rows],
        )
        for name, value in values.items()
    ]
    with tf.control_dependencies(checks):
        return tf.identity(text), {name: tf.identity(value) for name, value in values.items()}


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
