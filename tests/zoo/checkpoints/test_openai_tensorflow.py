"""Checkpoints with the files and variables of OpenAI's GPT-2, by value against the model of transformers they hold."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from openai_gpt2 import HPARAMS, variables, write
from tiny_gpt2 import PUBLISHED, assert_equal_logits, logits, make_gpt2, reference_logits

from zoo.checkpoints import checkpoint_format, load_foreign, load_foreign_tokenizer
from zoo.checkpoints.openai_tensorflow import is_openai_tensorflow, load_openai_tensorflow
from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A directory and the logits of the model written there."""
    reference, directory = make_gpt2(**PUBLISHED), tmp_path_factory.mktemp("openai")
    write(directory, variables(reference))
    return directory, reference_logits(reference)


def test_logits_equal_transformers(written):
    directory, expected = written
    assert is_openai_tensorflow(directory) and checkpoint_format(directory) == "openai_tensorflow"
    found = load_foreign(directory)
    assert (found.kind, found.directory) == ("language_model", directory)
    assert_equal_logits(logits(found.model), expected)
    half = load_openai_tensorflow(directory / "model.ckpt", "language_model", dtype="mixed_bfloat16").model
    assert 0 < np.abs(logits(half) - expected).max() < 0.1 * np.abs(expected).max()


def test_the_names_are_those_published(written):
    """Of a block of the published checkpoint, and of what is in no block."""
    names = dict(tf.train.list_variables(str(written[0] / "model.ckpt")))
    assert names["model/h0/attn/c_attn/w"] == [1, 12, 36] and names["model/h1/mlp/c_fc/b"] == [48]
    block = {"attn/c_attn/", "attn/c_proj/", "mlp/c_fc/", "mlp/c_proj/"}
    expected = {f"model/h{i}/{layer}{part}" for i in range(2) for layer in block for part in "wb"}
    norms = {"h0/ln_1", "h0/ln_2", "h1/ln_1", "h1/ln_2", "ln_f"}
    expected |= {f"model/{norm}/{part}" for norm in norms for part in "gb"} | {"model/wte", "model/wpe"}
    assert names.keys() == expected


def test_the_tokenizer(tmp_path):
    trained = BytePairTokenizer.train(["low lower lowest slow"] * 9, 262)
    (tmp_path / "hparams.json").write_text(json.dumps(HPARAMS))
    (tmp_path / "encoder.json").write_text(json.dumps({token: i for i, token in enumerate(trained.vocabulary)}))
    (tmp_path / "vocab.bpe").write_text("\n".join(["#version: 0.2", *map(" ".join, trained.merges), ""]))
    found = load_foreign_tokenizer(tmp_path)
    texts = ["slower and lower", "größe \u3000 x"]
    assert found.encode(texts).to_list() == trained.encode(texts).to_list()
    assert found.eos_id == trained.eos_id
    (tmp_path / "vocab.bpe").unlink()
    with pytest.raises(UserError, match=r"vocab\.bpe cannot be read"):
        load_foreign_tokenizer(tmp_path)


def refuse(path, *words, kind=None):
    with pytest.raises(UserError) as caught:
        load_openai_tensorflow(path, kind)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_variables_that_do_not_fit(tmp_path):
    values = variables(make_gpt2(**PUBLISHED))
    values["model/h0/attn/c_attn/w"] = values["model/h0/attn/c_attn/w"].repeat(2, axis=0)
    values["model/h1/extra"] = values.pop("model/h1/ln_1/g")
    # What training leaves in a checkpoint does no harm.
    values |= {"model/wte/Adam_1": values["model/wte"], "beta1_power": np.float32(0.9), "global_step": np.int64(3)}
    write(tmp_path, values)
    refuse(
        tmp_path,
        f"{tmp_path / 'model.ckpt'} does not hold the weights",
        "missing: model/h1/ln_1/g; unexpected: model/h1/extra; of another shape: "
        "model/h0/attn/c_attn/w [2, 12, 36] instead of [12, 36]",
    )


def test_files_missing_or_damaged(written, tmp_path):
    refuse(tmp_path / "nowhere", "neither a directory nor a checkpoint")
    directory = shutil.copytree(written[0], tmp_path / "model")
    refuse(directory, "holds a model of kind 'language_model', which is no 'encoder'", kind="encoder")
    path = directory / "hparams.json"
    for content, words in (
        ("{", "is damaged"),
        ("[]", "is damaged"),
        (json.dumps({"n_vocab": 37, "n_ctx": 9}), "it lacks n_embd, n_head, n_layer"),
        (json.dumps({**HPARAMS, "activation": "swish"}), "activation 'swish' is not supported"),
        (json.dumps({**HPARAMS, "n_layer": 2.0}), "n_layer 2.0 is not supported"),
        (json.dumps({**HPARAMS, "n_head": 5}), "got 12 and 5"),
        (json.dumps({**HPARAMS, "n_vocab": 38}), "of another shape: model/wte [37, 12] instead of [38, 12]"),
    ):
        path.write_text(content)
        refuse(directory, str(directory), words)
    path.unlink()
    refuse(directory, f"{path} cannot be read")
    assert not is_openai_tensorflow(directory)
    (directory / "model.ckpt.index").unlink()
    refuse(directory, "must hold one TensorFlow checkpoint, a file like model.ckpt.index; found none")
