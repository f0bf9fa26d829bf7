import numpy as np
from keras import ops

from zoo.layers import TokenEmbedding


def test_lookup_and_logits_share_one_table():
    table = np.random.default_rng(0).normal(size=(11, 4)).astype("float32")
    token_ids = np.array([[1, 10, 0], [5, 5, 2]])
    for scale, factor in ((False, 1.0), (True, 2.0)):  # sqrt(4)
        layer = TokenEmbedding(11, 4, scale=scale)
        layer.build()
        layer.embeddings.assign(table)
        assert len(layer.weights) == 1
        np.testing.assert_allclose(ops.convert_to_numpy(layer(token_ids)), factor * table[token_ids], rtol=1e-6)
        hidden = np.random.default_rng(1).normal(size=(2, 3, 4)).astype("float32")
        # The output projection is not scaled.
        np.testing.assert_allclose(ops.convert_to_numpy(layer.logits(hidden)), hidden @ table.T, rtol=0, atol=1e-6)


def test_vectors_start_with_unit_variance_once_scaled():
    layer = TokenEmbedding(2000, 64, scale=True)
    layer.build()
    vectors = ops.convert_to_numpy(layer(np.arange(2000)[None]))
    assert abs(vectors.std() - 1.0) < 0.02
