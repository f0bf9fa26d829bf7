"""The penalty, over prompts and generated tokens, against transformers."""

import numpy as np
import pytest
from keras import ops

from zoo.errors import UserError
from zoo.generation.context import history, make_context
from zoo.generation.repetition_penalty import check_repetition_penalty, with_repetition_penalty

torch = pytest.importorskip("torch")
processors = pytest.importorskip("transformers.generation.logits_process")

VOCABULARY = 40


@pytest.mark.parametrize("index", [0, 1, 6])
@pytest.mark.parametrize("prompt_length", [None, 0, 5])
def test_equals_transformers(index, prompt_length):
    rng = np.random.default_rng(index)
    penalties = np.array([1.3, 1.0, 0.7, 5.0, 1.1], "float32")
    logits = rng.normal(size=(5, VOCABULARY)).astype("float32")
    logits[:, 7] = -np.inf
    generated = rng.integers(VOCABULARY, size=(5, 6)).astype("int32")
    generated[:, 2] = generated[:, 0]  # more than once counts once
    context = mask = None
    if prompt_length is not None:
        prompt = rng.integers(VOCABULARY, size=(5, prompt_length)).astype("int32")
        mask = rng.random(prompt.shape) < 0.6
        mask[2] = False
        context = make_context(ops.convert_to_tensor(prompt), ops.convert_to_tensor(mask))
    said = history(context, ops.convert_to_tensor(generated), ops.array(index, dtype="int32"))
    found = with_repetition_penalty(ops.convert_to_tensor(logits), said, ops.convert_to_tensor(penalties))
    for row in range(5):
        tokens = generated[row, :index].tolist()
        tokens = tokens if mask is None else prompt[row][mask[row]].tolist() + tokens
        expected = logits[row]
        if tokens:
            processor = processors.RepetitionPenaltyLogitsProcessor(float(penalties[row]))
            expected = processor(torch.tensor([tokens]), torch.from_numpy(logits[row : row + 1]))[0].numpy()
        np.testing.assert_allclose(ops.convert_to_numpy(found)[row], expected, rtol=1e-6)


@pytest.mark.parametrize("bad", [0, -1.5, float("inf"), float("nan"), True])
def test_bad_values_are_named(bad):
    with pytest.raises(UserError, match=r"^repetition_penalty must"):
        check_repetition_penalty(bad)
