"""Checkpoints with the variables of Google's programs, by value against a TensorFlow 1 graph that wrote them."""

import json
import shutil

import google_bert
import numpy as np
import pytest
import tensorflow as tf
from tiny_references import PADDING_MASK, SEGMENT_IDS, assert_equal_outputs, outputs, real_positions, token_ids

from zoo.checkpoints.original_tensorflow import is_original_tensorflow, load_original_tensorflow
from zoo.errors import UserError

KINDS = ("encoder", "pretraining", "sequence_classifier")
OUTPUTS = {
    "encoder": ("hidden_states", "pooled"),
    "pretraining": ("token_logits", "next_sentence_logits"),
    "sequence_classifier": ("logits",),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """From a kind to a directory and the outputs of the graph that wrote it."""
    found = {}
    for kind in KINDS:
        directory = tmp_path_factory.mktemp(kind)
        given = google_bert.write(directory, kind, token_ids(), PADDING_MASK, SEGMENT_IDS)
        found[kind] = (directory, real_positions(given))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_equal_those_of_the_graph(written, kind):
    directory, expected = written[kind]
    assert is_original_tensorflow(directory)
    found = load_original_tensorflow(directory)
    assert (found.kind, found.directory) == (kind, directory)
    assert found.labels == (("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3") if kind == "sequence_classifier" else None)
    assert_equal_outputs(outputs(found.model), {name: expected[name] for name in OUTPUTS[kind]})


def test_the_encoder_alone_and_half_the_heads(written):
    directory, expected = written["pretraining"]
    encoder = load_original_tensorflow(directory / "bert_model.ckpt", "encoder").model
    assert_equal_outputs(outputs(encoder), {name: expected[name] for name in OUTPUTS["encoder"]})
    predictor = load_original_tensorflow(directory, "masked_token_predictor").model
    assert_equal_outputs(outputs(predictor), {"logits": expected["token_logits"]})


def refuse(path, *words, kind=None):
    with pytest.raises(UserError) as caught:
        load_original_tensorflow(path, kind)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_variables_that_do_not_fit(written, tmp_path):
    """Every one is named: of another shape by the configuration, missing and unexpected by the file."""
    directory = shutil.copytree(written["encoder"][0], tmp_path / "model")
    path = directory / "bert_config.json"
    path.write_text(json.dumps({**google_bert.SIZES, "num_hidden_layers": 3, "vocab_size": 38}))
    refuse(
        directory,
        "missing: bert/encoder/layer_2/attention/self/query/kernel, ",
        "of another shape: bert/embeddings/word_embeddings [37, 12] instead of [38, 12]",
    )
    path.write_text(json.dumps({**google_bert.SIZES, "num_hidden_layers": 1}))
    refuse(directory, "unexpected: bert/encoder/layer_1/attention/output/LayerNorm/beta, ")
    refuse(written["encoder"][0], "missing: output_weights, output_bias", kind="sequence_classifier")
    refuse(written["encoder"][0], "kind must be one of encoder, sequence_classifier", kind="token_classifier")


def test_files_missing_or_damaged(written, tmp_path):
    refuse(tmp_path / "nowhere", "neither a directory nor a checkpoint")
    refuse(tmp_path, "must hold one TensorFlow checkpoint", "found none")
    assert not is_original_tensorflow(tmp_path)
    directory = shutil.copytree(written["encoder"][0], tmp_path / "model")
    shutil.copy(directory / "bert_model.ckpt.index", directory / "other.ckpt.index")
    refuse(directory, "found bert_model.ckpt, other.ckpt; give the path of one of them")
    (directory / "other.ckpt.index").unlink()
    path = directory / "bert_config.json"
    for content, words in (
        ("{", "is damaged"),
        ("[]", "is damaged"),
        ("{}", "it lacks vocab_size, hidden_size"),
        (json.dumps({**google_bert.SIZES, "hidden_act": "mish"}), "hidden_act 'mish' is not supported"),
        (json.dumps({**google_bert.SIZES, "num_attention_heads": 5}), "got 12 and 5"),
    ):
        path.write_text(content)
        refuse(directory, str(path), words)
    path.unlink()
    refuse(directory, f"{path} cannot be read")
    path.write_text(json.dumps(google_bert.SIZES))
    data = directory / "bert_model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:500])
    refuse(directory, str(directory / "bert_model.ckpt"), "cannot be read")
    (directory / "bert_model.ckpt.index").write_bytes(b"nonsense")
    refuse(directory, f"{directory / 'bert_model.ckpt'} is no TensorFlow checkpoint that can be read")


def test_checkpoints_of_another_program(tmp_path):
    """tf.train.Checkpoint writes object paths, not these names: all are listed."""
    tf.train.Checkpoint(kernel=tf.Variable(np.zeros(2))).save(str(tmp_path / "model"))
    (tmp_path / "bert_config.json").write_text(json.dumps(google_bert.SIZES))
    refuse(tmp_path, "missing: bert/embeddings/word_embeddings", "unexpected: _CHECKPOINTABLE_OBJECT_GRAPH, kernel/")
