"""Presets of KerasHub, by value against its own models; skipped where keras-hub is not installed."""

import json
import shutil
import sys

import keras
import numpy as np
import pytest
from keras import ops
from tiny_gpt2 import assert_equal_logits, logits
from tiny_references import PADDING_MASK, SEGMENT_IDS, V, assert_equal_outputs, outputs, real_positions, token_ids

from zoo.checkpoints import load_foreign, load_foreign_tokenizer
from zoo.checkpoints.keras_hub import is_keras_hub, load_keras_hub
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer

keras_hub = pytest.importorskip("keras_hub")
pytestmark = pytest.mark.published

SIZES = dict(
    vocabulary_size=V,
    num_layers=2,
    num_heads=3,
    hidden_dim=12,
    intermediate_dim=20,
    max_sequence_length=9,
    dropout=0.2,
)
NAMES = ("BertBackbone", "DistilBertBackbone", "RobertaBackbone")


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """From the name of a class to a directory and the outputs of the backbone saved there."""
    found = {}
    for name in NAMES:
        keras.utils.set_random_seed(3)
        backbone = getattr(keras_hub.models, name)(**SIZES)
        rng = np.random.default_rng(6)
        for weight in backbone.weights:
            weight.assign(rng.normal(float(weight.path.endswith("gamma")), 0.3, size=weight.shape))
        directory = tmp_path_factory.mktemp(name)
        backbone.save_to_preset(str(directory))
        inputs = {"token_ids": token_ids(), "padding_mask": PADDING_MASK, "segment_ids": SEGMENT_IDS.clip(max=1)}
        given = backbone({key: inputs[key] for key in backbone.input})
        if isinstance(given, dict):
            given = {"hidden_states": given["sequence_output"], "pooled": given["pooled_output"]}
        else:
            given = {"hidden_states": given}
        found[name] = (directory, real_positions({key: ops.convert_to_numpy(value) for key, value in given.items()}))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_those_of_the_backbone(presets, name):
    directory, expected = presets[name]
    assert is_keras_hub(directory)
    found = load_keras_hub(directory)
    assert (found.kind, found.directory) == ("encoder", directory)
    assert_equal_outputs(outputs(found.model, segment_ids=SEGMENT_IDS.clip(max=1)), expected)
    assert found.model.get_config()["dropout"] == found.model.get_config()["attention_dropout"] == 0.2


def test_logits_of_gpt2_equal_those_of_the_backbone(tmp_path):
    backbone = keras_hub.models.GPT2Backbone(**SIZES)
    rng = np.random.default_rng(6)
    for weight in backbone.weights:
        weight.assign(rng.normal(float(weight.path.endswith("gamma")), 0.3, size=weight.shape))
    backbone.save_to_preset(str(tmp_path))
    hidden_states = backbone({"token_ids": token_ids(), "padding_mask": PADDING_MASK})
    expected = ops.convert_to_numpy(backbone.token_embedding(hidden_states, reverse=True))
    found = load_foreign(tmp_path)
    assert (found.kind, found.directory) == ("language_model", tmp_path)
    assert_equal_logits(logits(found.model), expected[PADDING_MASK == 1])
    config = found.model.get_config()
    assert config["dropout"] == config["attention_dropout"] == 0.2
    refuse(tmp_path, 'only the language_model is read; use kind="language_model"', kind="encoder")


def test_the_tokenizer_of_gpt2(tmp_path):
    keras_hub.models.GPT2Backbone(**SIZES).save_to_preset(str(tmp_path))
    trained = BytePairTokenizer.train(["low lower lowest slow"] * 9, 262)
    vocabulary = {token: i for i, token in enumerate(trained.vocabulary)}
    merges = [" ".join(pair) for pair in trained.merges]
    tokenizer = keras_hub.models.GPT2Tokenizer(vocabulary=vocabulary, merges=merges)
    tokenizer.save_to_preset(str(tmp_path))
    found = load_foreign_tokenizer(tmp_path)
    texts = ["slower and lower", "low lows"]
    assert found.encode(texts).to_list() == [ops.convert_to_numpy(tokenizer(text)).tolist() for text in texts]
    assert found.eos_id == tokenizer.end_token_id


def refuse(directory, *words, kind=None):
    with pytest.raises(UserError) as caught:
        load_keras_hub(directory, kind)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_what_is_refused(presets, tmp_path, monkeypatch):
    refuse(tmp_path, f"{tmp_path} is no preset of KerasHub")
    refuse(presets["BertBackbone"][0], 'only the encoder is read; use kind="encoder"', kind="language_model")
    directory = shutil.copytree(presets["BertBackbone"][0], tmp_path / "preset")
    path = directory / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "class_name": "GemmaBackbone"}))
    refuse(directory, f"{path}: class_name 'GemmaBackbone' is not supported; supported are BertBackbone")
    path.write_text(json.dumps(content))
    (directory / "model.weights.h5").write_bytes(b"nonsense")
    refuse(directory, f"{directory} cannot be read as a preset")
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    refuse(directory, "install keras-transformer-zoo[hub]")
