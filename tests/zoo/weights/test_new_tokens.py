"""Rows of new tokens in the tables of models."""

import keras
import numpy as np
import pytest
import torch
import transformers
from changed_models import ENCODER_INPUTS, TOKEN_IDS, V, make_gpt2

from zoo.checkpoints.hugging_face import load_hugging_face
from zoo.weights import with_new_tokens

NEW_IDS = np.array([[5, V, 2, V + 1, 0], [V + 1, 3, 2, 0, 0]], "int32")


def reference(kind):
    """A tiny model of transformers, every weight noise."""
    torch.manual_seed(3)
    if kind == "encoder":
        sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=24)
        model = transformers.BertForMaskedLM(
            transformers.BertConfig(vocab_size=V, max_position_embeddings=8, pad_token_id=None, **sizes)
        )
    else:
        sizes = dict(vocab_size=V, n_embd=16, n_layer=1, n_head=2, n_positions=8, bos_token_id=None, eos_token_id=None)
        model = transformers.GPT2LMHeadModel(transformers.GPT2Config(tie_word_embeddings=kind == "tied", **sizes))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(0.3 * torch.randn(weight.shape) + float("norm.weight" in name.lower() or ".ln_" in name))
    return model.eval()


@pytest.mark.parametrize("kind", ["encoder", "tied", "untied"])
def test_it_is_what_transformers_makes_of_a_resized_model(kind, tmp_path):
    theirs = reference(kind)
    theirs.save_pretrained(tmp_path)
    ours = with_new_tokens(load_hugging_face(tmp_path).model, V, 2)
    # Which draws the new rows around the mean, at a thousandth of a percent of the variance.
    theirs.resize_token_embeddings(V + 2, mean_resizing=True)
    inputs = {**ENCODER_INPUTS, "token_ids": NEW_IDS} if kind == "encoder" else {"token_ids": NEW_IDS}
    found = keras.ops.convert_to_numpy(ours(inputs))
    with torch.no_grad():
        mask = {"attention_mask": torch.tensor(ENCODER_INPUTS["padding_mask"])} if kind == "encoder" else {}
        expected = theirs(input_ids=torch.tensor(NEW_IDS).long(), **mask).logits.numpy()
    if kind == "encoder":
        # transformers starts the new entries of this bias at 0, where the zoo takes the mean of the others.
        bias = keras.ops.convert_to_numpy(ours.token_head.bias)
        np.testing.assert_allclose(bias[V:], bias[:V].mean(), rtol=1e-6)
        expected[..., V:] += bias[V:] - theirs.cls.predictions.bias.detach().numpy()[V:]
    assert found.shape == expected.shape == (2, 5, V + 2)
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_rows_of_no_token_are_taken_first():
    """A table of 23 rows for 21 tokens: of three new ones two have rows."""
    model = make_gpt2()
    table = keras.ops.convert_to_numpy(model.token_embedding.embeddings)
    grown = with_new_tokens(model, V - 2, 3)
    found = keras.ops.convert_to_numpy(grown.token_embedding.embeddings)
    assert grown.vocabulary_size == V + 1 and grown.get_config()["vocabulary_size"] == V + 1
    np.testing.assert_array_equal(found[: V - 2], table[: V - 2])
    np.testing.assert_allclose(found[V - 2 :], np.repeat(table[: V - 2].mean(0)[None], 3, 0), rtol=1e-5, atol=1e-7)
    kept = keras.ops.convert_to_numpy(with_new_tokens(model, V - 2, 1).token_embedding.embeddings)
    assert len(kept) == V
    np.testing.assert_array_equal(kept[V - 1], table[V - 1])
    np.testing.assert_allclose(
        grown({"token_ids": np.minimum(TOKEN_IDS, 9)})[..., : V - 2],
        model({"token_ids": np.minimum(TOKEN_IDS, 9)})[..., : V - 2],
        atol=1e-5,
    )
