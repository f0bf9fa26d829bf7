"""Sampling inside a SavedModel and compiled by XLA: the tokens are those that are drawn eagerly."""

import numpy as np
import pytest
from keras import ops
from search_references import sample

tf = pytest.importorskip("tensorflow")

VOCABULARY, LONGEST = 700, 5
CONTROLS = {
    "seeds": np.array([3, 4, 3, -9], "int32"),
    "temperature": np.array([1.0, 0.0, 2.0, 1.0], "float32"),
    "top_k": np.array([0, 0, 600, 20], "int32"),
    "top_p": np.array([1.0, 0.9, 0.99, 0.8], "float32"),
    "repetition_penalty": np.array([1.0, 1.2, 1.0, 3.0], "float32"),
}
START_IDS = np.array([5, 6, 5, 8], "int32")


@pytest.fixture(scope="module")
def draw():
    table = np.random.default_rng(0).normal(size=(VOCABULARY, VOCABULARY)).astype("float32") * 2

    def step(token_ids, index, state):
        return ops.take(ops.convert_to_tensor(table), token_ids, axis=0), state

    def draw(start_ids, seeds, temperature, top_k, top_p, repetition_penalty):
        controls = dict(
            seeds=seeds, temperature=temperature, top_k=top_k, top_p=top_p, repetition_penalty=repetition_penalty
        )
        options = dict(num_samples=2, eos_id=1, pad_id=0, max_new_tokens=LONGEST, loop_length=LONGEST)
        return sample(step, (), start_ids, **controls, **options)._asdict()

    return draw


def test_a_saved_model_draws_the_same_tokens(draw, tmp_path):
    """All rows together, one alone and none at all, with the batch size unknown to the graph."""
    module = tf.Module()
    signature = [tf.TensorSpec([None], tf.int32)]
    signature += [tf.TensorSpec([None], tf.as_dtype(values.dtype)) for values in CONTROLS.values()]
    module.draw = tf.function(draw, input_signature=signature, autograph=False)
    tf.saved_model.save(module, str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    expected = draw(START_IDS, **CONTROLS)
    for rows in (slice(0, 4), slice(2, 3), slice(0, 0)):
        found = loaded.draw(START_IDS[rows], *(values[rows] for values in CONTROLS.values()))
        np.testing.assert_array_equal(found["token_ids"], expected["token_ids"][rows])
        np.testing.assert_allclose(found["log_probs"], expected["log_probs"][rows], rtol=1e-5)


def test_xla_draws_the_same_tokens(draw):
    found = tf.function(draw, jit_compile=True, autograph=False)(START_IDS, **CONTROLS)
    expected = draw(START_IDS, **CONTROLS)
    np.testing.assert_array_equal(found["token_ids"], expected["token_ids"])
    np.testing.assert_allclose(found["log_probs"], expected["log_probs"], rtol=1e-5)
