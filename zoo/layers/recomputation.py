"""Recomputation of activations in the backward pass, to save memory."""

from typing import Any

import keras


class Recomputable(keras.layers.Layer):
    """Mixin of a layer that can be told not to keep its inner activations while it is trained.

    The backward pass then computes the layer once more, with the same dropout, from what it has read: gradients are
    the same, in exchange for about a third more computation. It has an effect in calls with `training=True` alone.

    Keras's own `RematScope` (3.15) cannot be used here: under TensorFlow its layers draw new dropout masks when they
    are recomputed, so that gradients are wrong, and under JAX it fails for layers with an argument `training`.

    Attributes:
        recompute: Whether it does so; False at first, and not part of the configuration.

    Source: Chen et al. 2016, https://arxiv.org/abs/1604.06174.
    """

    recompute = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the layer as Keras does."""
        if not (self.recompute and self.built and kwargs.get("training")):
            return super().__call__(*args, **kwargs)
        return _recomputed(super().__call__, self.variables, args, kwargs)


def recompute_blocks(model: keras.Model) -> None:
    """Makes all blocks of a model `recompute`.

    Args:
        model: A model of `zoo.models`.

    Example:
        >>> model = GPT2.from_size("small")
        >>> recompute_blocks(model)
        >>> model.decoder_blocks[0].recompute
        True
    """
    for layer in model.layers:
        if isinstance(layer, Recomputable):
            layer.recompute = True
        elif isinstance(layer, keras.Model):
            recompute_blocks(layer)


def _recomputed(call, variables, args, kwargs):
    """`call(*args, **kwargs)` of a layer with these variables, by the backend's means of recomputation.

    What is recomputed is a function of tensors alone: of the variables' values, states of dropout among them, and of
    the arguments. The new states come out of it and are assigned outside.
    """
    values = [variable.value for variable in variables]
    leaves = keras.tree.flatten((args, kwargs))
    is_input = [keras.ops.is_tensor(leaf) for leaf in leaves]
    inputs = [leaf for leaf, given in zip(leaves, is_input, strict=True) if given]

    def pure(values, inputs):
        inputs = iter(inputs)
        flat = [next(inputs) if given else leaf for leaf, given in zip(leaves, is_input, strict=True)]
        inner_args, inner_kwargs = keras.tree.pack_sequence_as((args, kwargs), flat)
        with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
            outputs = call(*inner_args, **inner_kwargs)
        return outputs, [scope.get_current_value(each) for each in random_states]

    # What a block changes is not float; weights may have been read in a narrower float, which must not be assigned.
    random_states = [each for each in variables if not keras.backend.is_float_dtype(each.dtype)]
    outputs, states = _BACKENDS[keras.backend.backend()](pure, values, inputs)
    for variable, state in zip(random_states, states, strict=True):
        variable.assign(state)
    return outputs


def _on_jax(pure, values, inputs):
    import jax

    return jax.checkpoint(pure)(values, inputs)


def _on_torch(pure, values, inputs):
    from torch.utils.checkpoint import checkpoint

    # Masks are drawn by PyTorch's own generator, whose state it puts back for the second time.
    return checkpoint(pure, values, inputs, use_reentrant=False, preserve_rng_state=True)


def _on_tensorflow(pure, values, inputs):
    """Only floats go through `tf.recompute_grad`, which wants a gradient for everything that it is given."""
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(each) for each in [*values, *inputs]]
    floats = [each for each in tensors if each.dtype.is_floating]
    states = []

    @tf.recompute_grad
    def outputs_of(*floats):
        floats = iter(floats)
        given = [next(floats) if each.dtype.is_floating else each for each in tensors]
        outputs, new_states = pure(given[: len(values)], given[len(values) :])
        states.append(new_states)
        return outputs

    outputs = outputs_of(*floats)
    return outputs, states[0]


_BACKENDS = {"jax": _on_jax, "torch": _on_torch, "tensorflow": _on_tensorflow}
