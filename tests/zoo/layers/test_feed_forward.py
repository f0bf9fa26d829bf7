import numpy as np
import pytest
import torch
from keras import ops
from layer_harness import TARGET, D, randomised
from torch_references import tensor

from zoo.errors import UserError
from zoo.layers import FeedForward

REFERENCES = {
    "relu": torch.nn.functional.relu,
    "gelu": torch.nn.functional.gelu,
    "gelu_approximate": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    "swish": torch.nn.functional.silu,
}


@pytest.mark.parametrize("activation", FeedForward.ACTIVATIONS)
def test_feed_forward_equals_torch(activation):
    layer = FeedForward(D, 24, activation)
    layer.build(TARGET.shape)
    randomised(layer)
    x = 3 * TARGET  # the two gelus differ by 5e-4 at most, near 2
    expanded = tensor(x) @ tensor(layer.up_projection.kernel) + tensor(layer.up_projection.bias)
    expected = REFERENCES[activation](expanded) @ tensor(layer.down_projection.kernel) + tensor(
        layer.down_projection.bias
    )
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected.numpy(), rtol=0, atol=1e-5)


def test_dropout_acts_between_the_projections_and_in_training_only():
    layer = FeedForward(D, 24, dropout=0.5)
    plain = FeedForward(D, 24)
    for each in (layer, plain):
        each.build(TARGET.shape)
        randomised(each)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(TARGET)), ops.convert_to_numpy(plain(TARGET)))
    # All weights of the second projection on one unit: its dropping is seen in every output at once.
    for each in (layer, plain):
        each.down_projection.kernel.assign(np.eye(24, D, dtype="float32"))
        each.down_projection.bias.assign(np.zeros(D))
    expected = ops.convert_to_numpy(plain(TARGET))
    found = ops.convert_to_numpy(layer(TARGET, training=True))
    factors = found[expected > 0.01] / expected[expected > 0.01]
    assert set(np.round(factors, 3)) == {0.0, 2.0}


def test_an_unknown_activation_is_refused():
    with pytest.raises(UserError, match="activation must be one of relu, gelu, gelu_approximate, swish, got 'tanh'"):
        FeedForward(D, 24, "tanh")
