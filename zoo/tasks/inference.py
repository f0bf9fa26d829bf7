"""Running a function of a model's weights from a TensorFlow program, in the way of the Keras backend in use."""

import keras
import numpy as np
import tensorflow as tf

SMALLEST_COMPILED_LENGTH = 32
"""A backend that compiles for every shape anew sees powers of two from here up, and row counts of powers of two."""


def compile_inference(model, function, static_argnames=()):
    """A compiled form of `function`, for arguments that are arrays.

    On JAX the function is jitted with the model's variables as arguments, so later weight updates are seen. On
    PyTorch it runs eagerly without gradients. On TensorFlow it is returned as it is: callers trace it as part of
    their own graph.

    Args:
        model: The `keras.Model` whose variables `function` reads.
        function: Takes and returns tensors of the backend, passed by keyword.
        static_argnames: Names of keyword arguments that are Python values.

    Returns:
        A function of the same keyword arguments.
    """
    backend = keras.config.backend()
    if backend == "jax":
        return _compile_for_jax(model, function, static_argnames)
    if backend == "torch":
        import torch

        return torch.no_grad()(function)
    return function


def _compile_for_jax(model, function, static_argnames):
    import jax

    def with_state(values, **arguments):
        mapping = list(zip(model.variables, values, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return function(**arguments)

    compiled = jax.jit(with_state, static_argnames=static_argnames)

    def call(**arguments):
        return compiled([_on_this_process(variable.value) for variable in model.variables], **arguments)

    return call


def _on_this_process(array):
    """An array, of which others of several training processes have copies, for this process to compute with alone."""
    import jax

    if array.is_fully_addressable:
        return array
    sharding = jax.sharding.NamedSharding(array.sharding.mesh.local_mesh, array.sharding.spec)
    parts = [shard.data for shard in array.addressable_shards]
    return jax.make_array_from_single_device_arrays(array.shape, sharding, parts)


def traced(function, *signature):
    """A function of TensorFlow tensors, traced once into a graph where the Keras backend is TensorFlow.

    Args:
        function: What to trace; returned as it is for other backends, whose operations no graph can hold.
        signature: `tf.TensorSpec`s of its arguments, or nests of them.
    """
    if keras.config.backend() != "tensorflow":
        return function
    # Outside of a graph that is being traced, which may want the function first: others will call it too.
    with tf.init_scope():
        # A call of what is traced spares Python the search for a trace that fits.
        return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def call_in_backend(function, tensors, padding, largest_length, **options):
    """Calls a compiled function on TensorFlow tensors and returns TensorFlow tensors.

    Under TensorFlow the call becomes part of the graph at hand. Other backends run outside of any graph; for JAX,
    which compiles for every shape anew, rows and lengths are rounded up first.

    Args:
        function: From `compile_inference`. Its results have first dimension B.
        tensors: Arguments by name, each with first dimension B.
        padding: For each argument of shape [B, S] or [B, S, ...] with a length to be rounded up, what to fill it with;
            rows that are added are zero.
        largest_length: S is not rounded up beyond this; None for no limit.
        options: Python values, passed on.

    Returns:
        The tuple of results. Their rows are those of the arguments; lengths may be the rounded ones.
    """
    if keras.config.backend() == "tensorflow":
        return function(**tensors, **options)
    arrays = {name: value.numpy() for name, value in tensors.items()}
    rows = len(next(iter(arrays.values())))
    if keras.config.backend() == "jax":
        for name, fill in padding.items():
            length = arrays[name].shape[1]
            extra = rounded_up(length, SMALLEST_COMPILED_LENGTH, largest_length) - length
            arrays[name] = _lengthened(arrays[name], 1, extra, fill)
        extra = rounded_up(rows) - rows
        arrays = {name: _lengthened(value, 0, extra, 0) for name, value in arrays.items()}
    results = function(**{name: keras.ops.convert_to_tensor(value) for name, value in arrays.items()}, **options)
    return tuple(tf.constant(keras.ops.convert_to_numpy(value)[:rows]) for value in results)


def loop_length_in_backend(length, longest):
    """A number of steps, int32 scalar, as the Keras backend in use takes it: a Python number where nothing is traced.

    Args:
        length: int32 scalar tensor.
        longest: For JAX, which compiles for every number anew, it is rounded up, but not beyond this.
    """
    if keras.config.backend() == "tensorflow":
        return length
    length = int(length)
    return rounded_up(length, SMALLEST_COMPILED_LENGTH, longest) if keras.config.backend() == "jax" else length


def _lengthened(array, axis, extra, fill):
    widths = [(0, 0)] * array.ndim
    widths[axis] = (0, extra)
    return np.pad(array, widths, constant_values=fill)


def rounded_up(size, smallest=1, largest=None):
    """The next power of two, at least `smallest` and at most `largest`."""
    size = max(smallest, 1 << (size - 1).bit_length())
    return size if largest is None else min(size, largest)
