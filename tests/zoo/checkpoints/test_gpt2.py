"""Hugging Face directories of GPT-2 in and out, by value, and what is refused."""

import re
import shutil

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_gpt2 import OTHER, PUBLISHED, assert_equal_logits, logits, make_gpt2, reference_logits
from tiny_references import edit_config

from zoo.checkpoints import checkpoint_format, load_foreign, load_hugging_face, save_hugging_face
from zoo.errors import UserError
from zoo.models import GPT2

CONFIGS = {"published": PUBLISHED, "other": OTHER, "untied": {**OTHER, "tie_word_embeddings": False}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """By name: a model of transformers and the directory it was saved in."""
    found = {}
    for name, config in CONFIGS.items():
        found[name] = (make_gpt2(**config), tmp_path_factory.mktemp(name))
        found[name][0].save_pretrained(found[name][1])
    return found


@pytest.fixture
def directory(saved, tmp_path):
    return shutil.copytree(saved["other"][1], tmp_path / "model")


def rewrite(directory, change):
    path = directory / "model.safetensors"
    state = load_file(path)
    state = change(state) or state
    save_file({name: value.contiguous() for name, value in state.items()}, path, metadata={"format": "pt"})


@pytest.mark.parametrize("name", CONFIGS)
def test_in(saved, name):
    reference, directory = saved[name]
    assert checkpoint_format(directory) == "hugging_face"
    found = load_foreign(directory)
    assert (found.kind, type(found.model), found.directory) == ("language_model", GPT2, directory)
    assert found.labels is None
    assert_equal_logits(logits(found.model), reference_logits(reference))
    config = found.model.get_config()
    rates = [config[key] for key in ("dropout", "embedding_dropout", "attention_dropout")]
    assert rates == ([0.1, None, 0.1] if name == "published" else [0.11, 0.12, 0.13])


@pytest.mark.parametrize("name", CONFIGS)
def test_and_back(saved, name, tmp_path):
    """transformers loads what was written without a missing or unexpected tensor, and answers as before."""
    reference, directory = saved[name]
    save_hugging_face(load_hugging_face(directory).model, tmp_path, end_token_id=5)
    again, report = transformers.GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values()), report
    assert_equal_logits(reference_logits(again.eval()), reference_logits(reference), tolerance=1e-5)
    assert again.state_dict().keys() == reference.state_dict().keys()
    for tensor_name, tensor in reference.state_dict().items():
        assert torch.equal(again.state_dict()[tensor_name], tensor), tensor_name
    mine, theirs = again.config.to_dict(), reference.config.to_dict()
    unimportant = {"_name_or_path", "architectures", "n_inner", "bos_token_id", "eos_token_id", "transformers_version"}
    unimportant |= {"id2label", "label2id", "num_labels"}
    assert {key for key in theirs if mine[key] != theirs[key]} <= unimportant
    assert (mine["bos_token_id"], mine["eos_token_id"], mine["n_inner"]) == (5, 5, reference.config.n_inner or 48)
    assert type(transformers.AutoModelForCausalLM.from_pretrained(tmp_path)) is transformers.GPT2LMHeadModel


def test_a_new_model_out(tmp_path):
    """From the zoo's own initial weights, in a file of every layer's rates."""
    model = GPT2(37, 12, 20, 3, 2, dropout=0.2, attention_dropout=0.3, activation="swish", max_sequence_length=9)
    save_hugging_face(model, tmp_path)
    again = transformers.GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    np.testing.assert_allclose(reference_logits(again), logits(model), rtol=0, atol=1e-5)
    config = again.config
    assert (config.embd_pdrop, config.resid_pdrop, config.attn_pdrop) == (0.2, 0.2, 0.3)
    assert (config.eos_token_id, config.activation_function) == (None, "silu")


def test_names_of_the_bare_model(saved, tmp_path):
    """OpenAI's weights as first converted: no prefix, masks among the weights, the table once more at the output."""
    reference, directory = saved["other"]
    shutil.copytree(directory, tmp_path, dirs_exist_ok=True)

    def old(state):
        state = {name.removeprefix("transformer."): value for name, value in state.items()}
        for i in range(2):
            state[f"h.{i}.attn.bias"] = torch.tril(torch.ones(1, 1, 9, 9))
            state[f"h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
        return state

    rewrite(tmp_path, old)
    assert_equal_logits(logits(load_hugging_face(tmp_path).model), reference_logits(reference))
    rewrite(tmp_path, lambda state: state.update({"lm_head.weight": state["wte.weight"].clone()}))
    assert_equal_logits(logits(load_hugging_face(tmp_path).model), reference_logits(reference))
    rewrite(tmp_path, lambda state: state.update({"lm_head.weight": state["wte.weight"] + 1e-3}))
    refuse(tmp_path, "lm_head.weight differs from wte.weight")


def test_the_class_without_an_output_matrix(saved, tmp_path):
    reference, _ = saved["other"]
    reference.transformer.save_pretrained(tmp_path)
    assert "transformer.wte.weight" not in load_file(tmp_path / "model.safetensors")
    assert_equal_logits(logits(load_hugging_face(tmp_path).model), reference_logits(reference))
    # Old files name no class at all.
    edit_config(tmp_path, architectures=None)
    assert_equal_logits(logits(load_hugging_face(tmp_path).model), reference_logits(reference))
    edit_config(tmp_path, tie_word_embeddings=False)
    refuse(tmp_path, "missing: lm_head.weight")


def test_shards_and_half_precision(saved, tmp_path):
    reference, _ = saved["other"]
    reference.save_pretrained(tmp_path / "shards", max_shard_size="2KB")
    assert len(list((tmp_path / "shards").glob("model-*.safetensors"))) > 2
    assert_equal_logits(logits(load_hugging_face(tmp_path / "shards").model), reference_logits(reference))
    half = make_gpt2(**OTHER)
    half.to(torch.bfloat16).save_pretrained(tmp_path / "half")
    model = load_hugging_face(tmp_path / "half").model
    assert {weight.dtype for weight in model.trainable_weights} == {"float32"}
    assert_equal_logits(logits(model), reference_logits(half.float()))
    assert load_hugging_face(tmp_path / "half", dtype="mixed_float16").model.dtype_policy.name == "mixed_float16"


@pytest.mark.parametrize(
    "settings",
    [
        dict(scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True),
        dict(scale_attn_weights=False),
        dict(scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True),
    ],
    ids=str,
)
def test_attention_scaled_otherwise(saved, tmp_path, settings):
    """And the model that answers alike goes out as one of the usual kind."""
    reference = make_gpt2(**OTHER, **settings)
    reference.save_pretrained(tmp_path)
    expected = reference_logits(reference)
    assert np.abs(expected - reference_logits(saved["other"][0])).max() > 1e-2
    model = load_hugging_face(tmp_path).model
    assert_equal_logits(logits(model), expected)
    save_hugging_face(model, tmp_path / "usual")
    again = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "usual").eval()
    assert again.config.scale_attn_weights and not again.config.scale_attn_by_inverse_layer_idx
    assert_equal_logits(reference_logits(again), expected)


def test_other_heads_are_left_behind(tmp_path):
    model = make_gpt2(transformers.GPT2ForSequenceClassification, **OTHER)
    model.save_pretrained(tmp_path)
    refuse(tmp_path, "['GPT2ForSequenceClassification'] names no model that the zoo has", 'kind="language_model"')
    found = load_hugging_face(tmp_path, "language_model")
    language_model = transformers.GPT2LMHeadModel(model.config).eval()
    language_model.transformer.load_state_dict(model.transformer.state_dict())
    assert_equal_logits(logits(found.model), reference_logits(language_model))


def refuse(directory, *words, kind=None):
    with pytest.raises(UserError) as caught:
        load_hugging_face(directory, kind)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def test_every_wrong_tensor_is_named_at_once(directory):
    def damage(state):
        del state["transformer.h.1.ln_2.bias"]
        state["transformer.h.0.crossattention.c_attn.weight"] = torch.zeros(12, 24)
        state["transformer.h.0.attn.c_attn.weight"] = torch.zeros(36, 12)
        state["transformer.h.1.attn.c_attn.bias"] = torch.zeros(35)

    rewrite(directory, damage)
    refuse(
        directory,
        "missing: transformer.h.1.ln_2.bias; unexpected: transformer.h.0.crossattention.c_attn.weight; "
        "of another shape: transformer.h.0.attn.c_attn.weight [36, 12] instead of [12, 36], "
        "transformer.h.1.attn.c_attn.bias [35] instead of [36]",
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"add_cross_attention": True}, "add_cross_attention True is not supported"),
        ({"activation_function": "mish"}, "activation_function 'mish' is not supported; supported are gelu, gelu_new"),
        ({"quantization_config": {"bits": 4}}, "quantization_config {'bits': 4} is not supported"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads {'0': [1]} is not supported"),
        ({"scale_attn_weights": "yes"}, "scale_attn_weights 'yes' is not supported; it must be true or false"),
        ({"n_embd": None, "n_layer": None}, "it lacks n_embd, n_layer"),
        ({"n_embd": "12"}, "n_embd '12' is not supported"),
        ({"n_layer": 0}, "n_layer 0 is not supported"),
        ({"n_inner": 2.5}, "n_inner 2.5 is not supported"),
        ({"resid_pdrop": -1}, "resid_pdrop -1 is not supported"),
        ({"n_head": 5}, "hidden_dim must be a multiple of num_heads, got 12 and 5"),
        ({"n_layer": 1}, "unexpected: transformer.h.1.attn.c_attn.bias"),
        ({"n_positions": 8}, "of another shape: transformer.wpe.weight [9, 12] instead of [8, 12]"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_configurations(directory, changes, words):
    path = edit_config(directory, **changes)
    assert str(path.parent) in refuse(directory, words)


def test_other_kinds_and_formats(directory):
    refuse(directory, "holds a model of kind 'language_model', which is no 'encoder'", kind="encoder")
    (directory / "model.safetensors").rename(directory / "tf_model.h5")
    with pytest.raises(UserError, match=r"a model of type 'gpt2' is read from safetensors files only$"):
        load_foreign(directory)
    (directory / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(
        UserError, match=r"safetensors files only; .*pytorch_model\.bin is a pickle.*where you trust it, c"
    ):
        load_foreign(directory)


def test_models_that_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match="labels and problem_type are those of a classifier"):
        save_hugging_face(GPT2(37, 12, 20, 3, 2), tmp_path, labels=["a"])
    assert not re.search("json", " ".join(path.name for path in tmp_path.iterdir()))
