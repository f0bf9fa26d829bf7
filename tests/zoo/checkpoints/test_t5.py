"""T5 of transformers, versions 1.0 and 1.1, by value; its answers; its export; and what is refused."""

import json

import numpy as np
import pytest
import tensorflow as tf
import torch
from safetensors.torch import load_file, save_file
from tiny_checkpoints import TARGET_WORDS, sentences
from tiny_references import edit_config
from tiny_sentencepiece import make_t5, write_t5
from tiny_sequence_to_sequence import V, logits, reference_logits
from transformers.models.t5.modeling_t5 import T5Attention

import zoo
from export.saved_model import export_saved_model
from zoo.checkpoints import load_hugging_face
from zoo.convert import main
from zoo.errors import UserError
from zoo.layers import RelativePositionBias
from zoo.models import T5
from zoo.tasks.foreign import task_from_hugging_face

TEXTS = [*sentences(40, seed=2), *sentences(16, TARGET_WORDS, seed=3), "x", "größer 中文 ☃", "two  dogs"]
SIZES = dict(
    vocab_size=V,
    d_model=16,
    d_kv=6,
    d_ff=20,
    num_heads=3,
    num_layers=2,
    num_decoder_layers=1,
    relative_attention_num_buckets=8,
    relative_attention_max_distance=6,
    layer_norm_epsilon=1e-3,
)


# Parameters of the checkpoints that were published.
@pytest.mark.parametrize(
    ("size", "parameters"), [("small", 60506624), ("base", 222903552), ("large", 737668096), ("11b", 11307321344)]
)
def test_sizes_have_the_published_number_of_parameters(size, parameters):
    config = T5.from_size(size, num_encoder_layers=1, num_decoder_layers=1).get_config()
    width, heads = config["hidden_dim"], config["num_heads"] * config["head_dim"]
    sub_layer = 4 * width * heads + width
    network = 2 * width * config["intermediate_dim"] + width
    layers = T5.sizes[size]["num_encoder_layers"]
    blocks = layers * (3 * sub_layer + 2 * network)
    assert blocks + 2 * 32 * config["num_heads"] + 2 * width + config["vocabulary_size"] * width == parameters


@pytest.fixture(params=["1.0", "1.1"])
def saved(request, tmp_path):
    """Version, a reference and the directory it was saved in."""
    reference = make_t5(request.param, **SIZES)
    reference.save_pretrained(tmp_path)
    return request.param, reference, tmp_path


@pytest.fixture(scope="module", params=["1.0", "1.1"])
def answering(request, tmp_path_factory):
    """A directory with a tokenizer, transformers' model and tokenizer."""
    directory = tmp_path_factory.mktemp("t5")
    return directory, *write_t5(directory, request.param)


def test_logits_are_those_of_transformers(saved):
    version, reference, directory = saved
    found = load_hugging_face(directory)
    assert (found.kind, found.family, type(found.model)) == ("sequence_to_sequence", "t5", T5)
    config = found.model.get_config()
    assert (config["gated"], config["tied_embeddings"], config["scale_logits"]) == (
        (False, True, True) if version == "1.0" else (True, False, False)
    )
    expected = reference_logits(reference)
    np.testing.assert_allclose(logits(found.model), expected, rtol=0, atol=1e-4)
    # What is compared differs between rows, positions and tokens.
    assert min(np.abs(np.diff(expected, axis=axis)).max() for axis in range(3)) > 1e-1
    again = T5.from_config(json.loads(json.dumps(config)))
    again.build()
    again.set_weights(found.model.get_weights())
    np.testing.assert_array_equal(logits(again), logits(found.model))


def test_files_as_google_published_them(saved):
    """The tie is said in config.json alone, and files repeat the table and hold one that no model reads."""
    version, reference, directory = saved
    content = json.loads((directory / "config.json").read_text())
    content.pop("scale_decoder_outputs", None)
    content["tie_word_embeddings"] = version == "1.0"
    (directory / "config.json").write_text(json.dumps(content))
    state = load_file(directory / "model.safetensors")
    state["encoder.embed_tokens.weight"] = state["shared.weight"].clone()
    state["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = torch.ones(8, 3)
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})
    np.testing.assert_allclose(logits(load_hugging_face(directory).model), reference_logits(reference), atol=1e-4)
    state["encoder.embed_tokens.weight"] += 1
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"encoder.embed_tokens.weight differs from shared.weight"):
        load_hugging_face(directory)


@pytest.mark.parametrize(("buckets", "farthest"), [(32, 128), (8, 6), (20, 50)])
def test_buckets_are_those_of_transformers(buckets, farthest):
    positions = np.arange(300)
    relative = torch.tensor(positions[None, :] - positions[:, None])
    for bidirectional in (True, False):
        layer = RelativePositionBias(2, buckets, farthest, bidirectional)
        layer.build()
        layer.table.assign(np.arange(2 * buckets).reshape(buckets, 2))
        expected = T5Attention._relative_position_bucket(relative, bidirectional, buckets, farthest)
        np.testing.assert_array_equal(layer(positions, positions)[0, 1], 2 * expected.numpy() + 1)


@pytest.mark.parametrize("beams", [1, 4])
def test_answers_are_those_of_transformers(answering, beams):
    directory, model, tokenizer = answering
    task = task_from_hugging_face(directory, source_prefix="man: ")
    assert isinstance(task, zoo.Summarizer)
    # n-grams reach back to the start token, padding.
    nameless = list(range(len(tokenizer), model.config.vocab_size))
    found = task(TEXTS, num_beams=beams)
    inputs = tokenizer([f"man: {text}" for text in TEXTS], return_tensors="pt", padding=True)
    with torch.no_grad():
        ids = model.generate(**inputs, num_beams=beams, suppress_tokens=nameless)
    assert found == [text.lstrip(" ") for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
    assert len(set(found)) > 0.6 * len(found)
    assert zoo.load(directory)(TEXTS[:9], num_beams=1) != task(TEXTS[:9], num_beams=1)


def test_a_preset_and_its_export(tmp_path):
    write_t5(tmp_path / "model", "1.1", num_beams=2, max_length=8)
    main([str(tmp_path / "model"), str(tmp_path / "preset"), "--task", "translation", "--source-prefix", "man: "])
    task = zoo.load(tmp_path / "preset")
    assert isinstance(task, zoo.Translator) and task.settings.source_prefix == "man: "
    texts = TEXTS[:3]
    version = export_saved_model(task, tmp_path / "serving", parity_texts=texts, max_batch_size=4, buckets=[8])
    served = tf.saved_model.load(str(version)).signatures["serving_default"](text=tf.constant(texts))
    assert [text.decode() for text in served["text"].numpy()] == task(texts)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"architectures": ["T5EncoderModel"]},
            "architectures ['T5EncoderModel'] is not supported; supported are T5For",
        ),
        ({"tie_word_embeddings": False}, "lacks lm_head.weight"),
        ({"feed_forward_proj": "gated-mish"}, "feed_forward_proj 'gated-mish' is not supported"),
        ({"is_gated_act": True}, "is_gated_act True is not supported beside feed_forward_proj 'relu'"),
        ({"dense_act_fn": "silu"}, "dense_act_fn 'silu' is not supported beside feed_forward_proj 'relu'"),
        ({"d_kv": None}, "it lacks d_kv"),
        ({"num_heads": 0}, "num_heads 0 is not supported"),
        ({"relative_attention_max_distance": 1}, "max_distance (1) more than"),
        ({"quantization_config": {"bits": 4}}, "quantization_config {'bits': 4} is not supported; it must be None"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_configurations_that_are_refused(tmp_path, changes, words):
    make_t5("1.0", **SIZES).save_pretrained(tmp_path)
    edit_config(tmp_path, **changes)
    with pytest.raises(UserError) as caught:
        load_hugging_face(tmp_path)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_prefix_that_is_no_text(answering):
    with pytest.raises(UserError, match="source_prefix must be a text, got 5"):
        task_from_hugging_face(answering[0], source_prefix=5)
