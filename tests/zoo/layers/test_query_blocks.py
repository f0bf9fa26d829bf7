"""Attention by blocks of queries is attention: any block, window, mask and number of heads."""

import keras
import numpy as np
import pytest

from zoo.layers import Attention, RotaryPositions, query_blocks

pytestmark = pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="only TensorFlow's attention is split")


@pytest.mark.parametrize("most", [1, 100, 1000, 2**26])
@pytest.mark.parametrize("options", [{}, {"window": 3}, {"softcap": 2.0, "num_key_value_heads": 1}])
def test_blocks_give_what_the_whole_gives(most, options, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(query_blocks, "MOST_LOGITS", most)
    keras.utils.set_random_seed(1)
    layer = Attention(16, 4, positions=RotaryPositions(4), **options)
    inputs = keras.random.normal((3, 13, 16), seed=2)
    padding_mask = np.arange(13)[None] < np.array([[13], [5], [1]])
    for causal in (True, False):
        for mask in (None, padding_mask):
            layer.in_blocks = False
            whole = layer(inputs, causal=causal, padding_mask=mask)
            layer.in_blocks = True
            found = tf.function(lambda x, m=mask, c=causal: layer(x, causal=c, padding_mask=m))(inputs)
            # In a window of padding nothing is real, and what comes out has no meaning.
            real = padding_mask if mask is not None else np.full_like(padding_mask, True)
            np.testing.assert_allclose(found[real], whole[real], atol=1e-5)
