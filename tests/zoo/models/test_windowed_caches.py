"""Prompts read in chunks, and caches that do not grow past a window: the same logits as of whole sequences."""

import keras
import numpy as np
import pytest
from continued_prompts import VOCABULARY, continuations, whole_and_steps
from keras import ops

from zoo.architectures.llama.model import Llama
from zoo.layers import prompt_chunk

WINDOWS = [3, None, 1, 7]
# Of no prompt at all, of a single token, of just a window, and far beyond all of them.
PROMPTS = [0, 1, 3, 7, 8, 19]


def windowed_llama(positions):
    keras.utils.set_random_seed(4)
    model = Llama(
        VOCABULARY,
        32,
        48,
        num_heads=4,
        num_layers=4,
        num_key_value_heads=2,
        max_sequence_length=positions,
        windows=WINDOWS,
        dropout=0.0,
    )
    model.build()
    for variable in model.trainable_variables:
        noise = keras.random.normal(variable.shape, stddev=0.3, seed=len(variable.path))
        variable.assign(variable + noise)
    return model


@pytest.mark.parametrize("most", [None, 1, 4 * 6 * 20 * 5, 2**26])
@pytest.mark.parametrize(("num_hypotheses", "as_searches"), [(1, True), (1, False), (3, True)])
def test_steps_after_prompts_are_those_of_whole_sequences(most, num_hypotheses, as_searches, monkeypatch):
    if most is not None:
        if keras.config.backend() != "tensorflow":
            pytest.skip("the other backends read prompts at once")
        monkeypatch.setattr(prompt_chunk, "MOST_LOGITS", most)
    model = windowed_llama(64 if most is None else 2048)
    given = continuations(PROMPTS, num_hypotheses, num_steps=17)
    whole, steps = whole_and_steps(model, *given, spare_room=2, as_searches=as_searches)
    np.testing.assert_allclose(steps, whole, rtol=0, atol=2e-4)
    assert np.abs(np.diff(whole, axis=1)).max() > 1


def test_caches_end_with_their_windows():
    model = windowed_llama(64)
    prompts, mask, targets = continuations(PROMPTS, num_steps=12)
    prompt_cache = model.prefill(prompts, mask)
    assert [keys.shape[2] for keys, _ in prompt_cache] == [2, 20, 0, 6]
    cache = model.start_cache(len(prompts), 2, prompt_cache)
    assert [keys.shape[2] for keys, _ in cache] == [3, 22, 1, 7]
    # Room is made as the search makes it; the steps do not see where.
    whole, _ = whole_and_steps(model, prompts, mask, targets)
    for index in range(12):
        if index in (2, 6):
            cache = model.lengthened(cache, 4 if index == 2 else 6)
        token_ids = ops.convert_to_tensor(targets[:, index])
        logits, cache = model.decode_step(token_ids, index, cache, None, mask)
        np.testing.assert_allclose(ops.convert_to_numpy(logits), whole[:, index], rtol=0, atol=2e-4)
    assert [keys.shape[2] for keys, _ in cache] == [3, 32, 1, 7]


def test_one_graph_for_every_length(monkeypatch):
    """Rows, lengths of prompts and of chunks unknown while tracing, as exports need it."""
    tf = pytest.importorskip("tensorflow")
    if keras.config.backend() != "tensorflow":
        pytest.skip("a graph of TensorFlow's")
    monkeypatch.setattr(prompt_chunk, "MOST_LOGITS", 600)
    model = windowed_llama(2048)
    ids = tf.TensorSpec([None, None], tf.int32)

    @tf.function(input_signature=[ids, ids, tf.TensorSpec([None], tf.int32)], autograph=False)
    def second_logits(prompts, mask, token_ids):
        cache, step = model.after_prompts(prompts, mask, 0)
        _, cache = step(token_ids, tf.constant(0), model.lengthened(cache, 2))
        return step(token_ids + 1, tf.constant(1), cache)[0]

    for lengths in ([4, 19, 0], [0], [1, 2]):
        prompts, mask, targets = continuations(lengths, num_steps=2)
        targets[:, 1] = targets[:, 0] + 1
        whole, _ = whole_and_steps(model, prompts, mask, targets)
        found = second_logits(prompts, mask, targets[:, 0])
        np.testing.assert_allclose(found, whole[:, 1], rtol=0, atol=2e-4)
