"""Gradients with and without recomputation on one backend; run with KERAS_BACKEND set it prints what it found."""

import contextlib
import io
import math
import re

import keras
import numpy as np

from zoo.layers import recompute_blocks
from zoo.models import GPT2, T5, Encoder, EncoderDecoder, TokenClassifier

SIZES = dict(hidden_dim=8, intermediate_dim=12, num_heads=2)
RATES = dict(dropout=0.2, attention_dropout=0.2)


def ids(length):
    return np.random.default_rng(length).integers(1, 11, (3, length)).astype("int32")


MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0]], "int32")
PAIR = {"source_token_ids": ids(6), "source_padding_mask": MASK, "target_token_ids": ids(5)}
CASES = {
    "encoder": (
        lambda dtype: TokenClassifier(Encoder(11, **SIZES, **RATES, num_layers=2, pooler=False, dtype=dtype), 3),
        {"token_ids": ids(6), "padding_mask": MASK},
    ),
    "encoder-decoder": (
        lambda dtype: EncoderDecoder(
            11, 11, **SIZES, **RATES, num_encoder_layers=1, num_decoder_layers=1, norm="pre", dtype=dtype
        ),
        PAIR,
    ),
    "gpt2": (lambda dtype: GPT2(11, **SIZES, **RATES, num_layers=3, dtype=dtype), {"token_ids": ids(6)}),
    "t5": (
        lambda dtype: T5(
            11, **SIZES, head_dim=4, num_encoder_layers=1, num_decoder_layers=1, dropout=0.2, gated=True, dtype=dtype
        ),
        PAIR,
    ),
}


def loss_of(outputs):
    return keras.ops.mean(keras.ops.square(keras.ops.cast(outputs, "float32")))


def tensorflow_gradients(model, x, eager=False, jit_compile=False):
    """A function that computes them, compiled when it is first called, as those of the other backends."""
    import tensorflow as tf

    def compute():
        with tf.GradientTape() as tape:
            loss = loss_of(model(x, training=True))
        return tape.gradient(loss, [each.value for each in model.trainable_variables])

    traced = compute if eager else tf.function(compute, jit_compile=jit_compile, autograph=False)
    return lambda: [tf.convert_to_tensor(each).numpy() for each in traced()]


def jax_gradients(model, x):
    import jax

    compiled = jax.jit(jax.grad(stateless_loss(model, x), has_aux=True))

    def compute():
        gradients, non_trainable = compiled(*values_of(model))
        for variable, value in zip(model.non_trainable_variables, non_trainable, strict=True):
            variable.assign(value)
        return [np.asarray(each) for each in gradients]

    return compute


def stateless_loss(model, x):
    def loss(trainable, non_trainable):
        outputs, non_trainable = model.stateless_call(trainable, non_trainable, x, training=True)
        return loss_of(outputs), non_trainable

    return loss


def values_of(model):
    return tuple([v.value for v in kind] for kind in (model.trainable_variables, model.non_trainable_variables))


def torch_gradients(model, x):
    def compute():
        for variable in model.trainable_variables:
            variable.value.grad = None
        loss_of(model(x, training=True)).backward()
        return [variable.value.grad.numpy().copy() for variable in model.trainable_variables]

    return compute


GRADIENTS = {"tensorflow": tensorflow_gradients, "jax": jax_gradients, "torch": torch_gradients}


def random_states(model):
    return [keras.ops.convert_to_numpy(variable.value) for variable in model.non_trainable_variables]


def start_again(model, states):
    """Gives back the random states that a model had, and PyTorch's."""
    for variable, state in zip(model.non_trainable_variables, states, strict=True):
        variable.assign(state)
    if keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(1)


def largest_difference(ours, theirs):
    """Of any two gradients, relative to the largest entry of all."""
    largest = max(np.abs(each).max() for each in theirs)
    return max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)) / largest


def check_gradients(name, dtype="float32", **options):
    """The same gradients and random states; and dropout that would show if it were another."""
    make, x = CASES[name]
    keras.utils.set_random_seed(2)
    model = make(dtype)
    model.build()
    gradients_of = GRADIENTS[keras.backend.backend()]
    states = random_states(model)
    start_again(model, states)
    compute = gradients_of(model, x, **options)
    expected = compute()
    states_after = random_states(model)
    with_other_dropout = compute()
    start_again(model, states)
    recompute_blocks(model)
    found = gradients_of(model, x, **options)()
    for ours, theirs in zip(random_states(model), states_after, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert largest_difference(with_other_dropout, expected) > 0.05, name
    assert all(np.abs(each).max() > 0 for each in expected if each.ndim > 1), name
    difference = largest_difference(found, expected)
    assert difference < (1e-6 if dtype == "float32" else 2e-2), (name, difference)
    return difference


def count_calls(monkeypatched, compute):
    """How often the blocks of a class are computed."""
    calls = []
    original = monkeypatched.call

    def counting(self, *args, **kwargs):
        calls.append(self.name)
        return original(self, *args, **kwargs)

    monkeypatched.call = counting
    try:
        compute()
    finally:
        monkeypatched.call = original
    return len(calls)


def deep_model(recompute):
    model = GPT2(11, 32, 128, 2, 6, max_sequence_length=64, dropout=0.1, attention_dropout=0.1)
    model.build()
    if recompute:
        recompute_blocks(model)
    return model, {"token_ids": np.ones((4, 64), "int32")}


def kept_bytes_of_jax(recompute):
    """What the forward pass keeps for the backward pass, without weights."""
    import jax

    model, x = deep_model(recompute)
    loss = stateless_loss(model, x)
    trainable, non_trainable = values_of(model)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        jax.ad_checkpoint.print_saved_residuals(lambda values: loss(values, non_trainable)[0], trainable)
    kept = [line for line in printed.getvalue().splitlines() if "from the argument" not in line]
    shapes = [re.match(r"[a-z]+(\d+)\[([\d,]*)\]", line).groups() for line in kept if not line.startswith("bool")]
    return sum(int(bits) // 8 * math.prod(map(int, filter(None, shape.split(",")))) for bits, shape in shapes)


def kept_bytes_of_torch(recompute):
    """What the forward pass keeps for the backward pass, without weights."""
    import torch

    model, x = deep_model(recompute)
    weights = {variable.value.data_ptr() for variable in model.trainable_variables}
    kept = {}

    def keep(tensor):
        if tensor.data_ptr() not in weights:
            kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = loss_of(model(x, training=True))
    loss.backward()
    return sum(kept.values())


if __name__ == "__main__":
    names, narrow = CASES, ("encoder-decoder", "t5")
    if keras.backend.backend() == "jax":
        import jax

        # Compiling takes seconds even so.
        jax.config.update("jax_disable_most_optimizations", True)
        names, narrow = ("encoder-decoder",), ()
    for name in names:
        print(name, check_gradients(name))
    for name in narrow:
        print(name, "bfloat16", check_gradients(name, "mixed_bfloat16"))
    kept_bytes = {"jax": kept_bytes_of_jax, "torch": kept_bytes_of_torch}[keras.backend.backend()]
    all_kept, few_kept = kept_bytes(False), kept_bytes(True)
    print("kept for the backward pass", all_kept, few_kept)
    assert few_kept < 0.5 * all_kept
    print("done")
