"""Marian, BART, mBART and PEGASUS of transformers, by value; and what is refused."""

import json
import re

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_references import edit_config
from tiny_sequence_to_sequence import EVERY, MODELS, PADDING_MASK, V, logits, make_reference, reference_logits

from zoo.checkpoints import load_hugging_face
from zoo.errors import UserError
from zoo.models import EncoderDecoder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """From family and option to a reference and the directory it was saved in."""
    cache = {}

    def get(family, option="plain"):
        if (family, option) not in cache:
            reference = make_reference(family, option)
            directory = tmp_path_factory.mktemp(f"{family}-{option}")
            reference.save_pretrained(directory)
            cache[family, option] = (reference, directory)
        return cache[family, option]

    return get


@pytest.fixture
def marian(saved, tmp_path):
    """A copy of a Marian directory that a test may change."""
    reference, _ = saved("marian")
    reference.save_pretrained(tmp_path)
    return tmp_path


def rewrite(directory, change):
    path = directory / "model.safetensors"
    state = load_file(path)
    change(state)
    save_file({name: value.contiguous() for name, value in state.items()}, path, metadata={"format": "pt"})


def refuse(directory, *words, **options):
    with pytest.raises(UserError) as caught:
        load_hugging_face(directory, **options)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


@pytest.mark.parametrize(("family", "option"), EVERY)
def test_logits_are_those_of_transformers(saved, family, option):
    reference, directory = saved(family, option)
    found = load_hugging_face(directory)
    assert (found.kind, found.family, type(found.model)) == ("sequence_to_sequence", family, EncoderDecoder)
    expected = reference_logits(reference)
    np.testing.assert_allclose(logits(found.model), expected, rtol=0, atol=1e-4)
    # What is compared differs between rows, positions and tokens.
    assert min(np.abs(np.diff(expected, axis=axis)).max() for axis in range(3)) > 1e-1


@pytest.mark.parametrize("family", MODELS)
def test_the_model_comes_back_from_its_configuration(saved, family):
    model = load_hugging_face(saved(family)[1]).model
    again = EncoderDecoder.from_config(json.loads(json.dumps(model.get_config())))
    again.build()
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(logits(again), logits(model))


def test_shards_and_repeated_tables(saved, tmp_path):
    """The table under every name that old files gave it, positions written out, in shards; or under one name only."""
    reference, _ = saved("marian")
    expected = reference_logits(reference)
    reference.save_pretrained(tmp_path, max_shard_size="4KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    np.testing.assert_allclose(logits(load_hugging_face(tmp_path).model), expected, rtol=0, atol=1e-4)
    reference.save_pretrained(tmp_path / "old")
    names = ("model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens", "lm_head")

    def repeat(state):
        table = next(state[f"{name}.weight"] for name in names if f"{name}.weight" in state)
        state.update({f"{name}.weight": table.clone() for name in names})
        state.update(
            {
                f"model.{side}.embed_positions.weight": reference.model.encoder.embed_positions.create_weight()
                for side in ("encoder", "decoder")
            }
        )

    rewrite(tmp_path / "old", repeat)
    np.testing.assert_allclose(logits(load_hugging_face(tmp_path / "old").model), expected, rtol=0, atol=1e-4)
    for kept in names:
        rewrite(tmp_path / "old", repeat)
        state = load_file(tmp_path / "old" / "model.safetensors")
        others = {f"{name}.weight" for name in names if name != kept}
        state = {name: value for name, value in state.items() if name not in others}
        save_file(state, tmp_path / "old" / "model.safetensors", metadata={"format": "pt"})
        np.testing.assert_allclose(logits(load_hugging_face(tmp_path / "old").model), expected, rtol=0, atol=1e-4)
    rewrite(tmp_path / "old", repeat)
    rewrite(tmp_path / "old", lambda state: state["lm_head.weight"].add_(1))
    refuse(tmp_path / "old", "lm_head.weight differs from model.shared.weight")


def test_a_file_without_a_bias_of_the_logits(saved, tmp_path):
    reference = make_reference("bart")
    torch.nn.init.zeros_(reference.final_logits_bias)
    reference.save_pretrained(tmp_path)
    for _ in range(2):
        model = load_hugging_face(tmp_path).model
        assert model.logits_bias is None
        np.testing.assert_allclose(logits(model), reference_logits(reference), rtol=0, atol=1e-4)
        rewrite(tmp_path, lambda state: state.pop("final_logits_bias", None))


def test_wrong_tensors_are_listed(marian):
    def damage(state):
        state["model.encoder.layers.1.fc1.weights"] = state.pop("model.encoder.layers.1.fc1.weight")
        state["model.decoder.layers.0.encoder_attn.k_proj.weight"] = torch.zeros(16, 17)

    rewrite(marian, damage)
    refuse(
        marian,
        "missing: model.encoder.layers.1.fc1.weight; ",
        "unexpected: model.encoder.layers.1.fc1.weights; ",
        "of another shape: model.decoder.layers.0.encoder_attn.k_proj.weight [16, 17] instead of [16, 16]",
    )
    rewrite(marian, lambda state: state.update({"final_logits_bias": torch.zeros(1, V - 1)}))
    refuse(marian, f"final_logits_bias is of shape [1, {V - 1}] instead of [1, {V}]")


def test_positions_of_another_table(marian):
    rewrite(marian, lambda state: state.update({"model.encoder.embed_positions.weight": torch.ones(24, 16)}))
    refuse(marian, "model.encoder.embed_positions.weight is not the sinusoidal table of [24, 16] values")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"architectures": ["MarianForCausalLM"]},
            "architectures ['MarianForCausalLM'] is not supported; supported are MarianMTModel, MarianModel",
        ),
        ({"normalize_before": True}, "normalize_before True is not supported; it must be False"),
        ({"add_bias_logits": True}, "add_bias_logits True is not supported"),
        ({"activation_function": "mish"}, "activation_function 'mish' is not supported; supported are gelu, gelu_new"),
        ({"d_model": None, "decoder_layers": None}, "it lacks d_model, decoder_layers"),
        ({"d_model": "16"}, "d_model '16' is not supported"),
        ({"encoder_attention_heads": 3}, "hidden_dim must be a multiple of num_heads, got 16 and 3"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings False is not supported"),
        ({"quantization_config": {"bits": 4}}, "quantization_config {'bits': 4} is not supported"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_configurations_that_are_refused(marian, changes, words):
    path = edit_config(marian, **changes)
    refuse(marian, str(path), words)


@pytest.mark.parametrize("family", MODELS)
def test_files_of_the_model_without_a_head(saved, family, tmp_path):
    """facebook/bart-base names BartModel; older files name no class. transformers loads the tied head all the same."""
    _, directory = saved(family)
    transformers.AutoModel.from_pretrained(directory).save_pretrained(tmp_path)
    assert not any(name.startswith("model.") for name in load_file(tmp_path / "model.safetensors"))
    expected = reference_logits(MODELS[family][1].from_pretrained(tmp_path).eval())
    np.testing.assert_allclose(logits(load_hugging_face(tmp_path).model), expected, atol=2e-5)
    edit_config(tmp_path, architectures=None)
    np.testing.assert_allclose(logits(load_hugging_face(tmp_path).model), expected, atol=2e-5)


def test_it_is_no_encoder(marian):
    refuse(marian, "holds a model of kind 'sequence_to_sequence', which is no 'encoder'", kind="encoder")


def generation_of(directory, **content):
    (directory / "generation_config.json").write_text(json.dumps(content))
    return load_hugging_face(directory).generation


def test_settings_of_opus_mt(marian):
    """generation_config.json as Helsinki-NLP's models have it, with this model's tokens."""
    found = generation_of(
        marian,
        bad_words_ids=[[1]],
        bos_token_id=0,
        decoder_start_token_id=1,
        eos_token_id=2,
        forced_eos_token_id=2,
        max_length=512,
        num_beams=6,
        pad_token_id=1,
        renormalize_logits=True,
        transformers_version="4.32.0.dev0",
    )
    assert found == dict(
        num_beams=6,
        length_penalty=1.0,
        length_penalty_type="average",
        no_repeat_ngram_size=0,
        min_new_tokens=0,
        max_new_tokens=511,
        max_tokens_factor=0.0,
        stopping="estimate",
        start_token_id=1,
        suppressed_token_ids=(1,),
        renormalize=True,
        forced_first_token_id=None,
        forced_last_token_id=2,
    )


def test_settings_of_config_json_as_in_bart_large_cnn(saved, tmp_path):
    saved("bart")[0].save_pretrained(tmp_path)
    (tmp_path / "generation_config.json").unlink()
    edit_config(
        tmp_path,
        early_stopping=True,
        force_bos_token_to_be_generated=True,
        length_penalty=2.0,
        max_length=142,
        min_length=56,
        no_repeat_ngram_size=3,
        num_beams=4,
        normalize_before=False,
        task_specific_params={"summarization": {"num_beams": 9}},
    )
    found = load_hugging_face(tmp_path).generation
    assert (found["min_new_tokens"], found["max_new_tokens"], found["num_beams"]) == (55, 141, 4)
    assert (found["length_penalty"], found["no_repeat_ngram_size"], found["stopping"]) == (2.0, 3, "first")
    assert (found["start_token_id"], found["forced_first_token_id"], found["forced_last_token_id"]) == (2, 0, 2)
    edit_config(tmp_path, num_beams=2, decoder_start_token_id=None, forced_eos_token_id=None, early_stopping="never")
    found = load_hugging_face(tmp_path).generation
    assert (found["start_token_id"], found["forced_last_token_id"], found["stopping"]) == (2, 2, "exact")
    assert found["suppressed_token_ids"] == () and PADDING_MASK.shape == (3, 7)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (dict(do_sample=True), "do_sample True is not supported"),
        (dict(repetition_penalty=1.2), "repetition_penalty 1.2 is not supported"),
        (dict(num_beam_groups=2), "num_beam_groups 2 is not supported"),
        (dict(bad_words_ids=[[3], [4, 5]]), "bad_words_ids [[4, 5]] are not supported; each must be one token"),
        (dict(decoder_start_token_id=[2, 3]), "decoder_start_token_id [2, 3] is not supported; it must be one token"),
        (dict(early_stopping="often"), "early_stopping 'often' is not supported"),
        (dict(max_length="long"), "max_length 'long' is not supported"),
        (dict(something_new=0.5), "something_new 0.5 is not supported; remove it to do without"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_ways_of_decoding_that_are_refused(marian, content, words):
    with pytest.raises(UserError, match=re.escape(f"{marian / 'generation_config.json'}: {words}")):
        generation_of(marian, **content)
    (marian / "generation_config.json").write_text("{")
    refuse(marian, "generation_config.json is damaged")
