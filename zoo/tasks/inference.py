"""Compiling a function of a model's weights for inference, in the way of the Keras backend in use."""

import keras


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
        return compiled([variable.value for variable in model.variables], **arguments)

    return call
