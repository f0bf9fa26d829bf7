"""Encoders of every family beside transformers, where windows and distances count, and every key of config.json."""

import json

import numpy as np
import pytest

from zoo.architectures import architecture_named
from zoo.architectures.configuration_keys import ConfigurationKeys
from zoo.checkpoints.hugging_face import load_hugging_face, save_hugging_face
from zoo.errors import UserError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

V, LENGTH = 41, 150
SIZES = dict(vocab_size=V, hidden_size=24, intermediate_size=20, num_hidden_layers=5, num_attention_heads=3)
SPECIAL = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 1)
CONFIGS = {
    "MPNet": lambda **changes: transformers.MPNetConfig(**SIZES, max_position_embeddings=160, **changes),
    "ModernBert": lambda **changes: transformers.ModernBertConfig(
        **{**SIZES, **SPECIAL, "local_attention": 10, "rope_parameters": ROTARY, **changes}
    ),
}
ROTARY = {
    "full_attention": {"rope_type": "default", "rope_theta": 500.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 20.0},
}
BIASES = dict.fromkeys(("attention_bias", "mlp_bias", "norm_bias", "classifier_bias"), True)
CASES = {
    "mpnet": ("MPNetModel", {}),
    "modernbert": ("ModernBertModel", {}),
    "modernbert_biases": ("ModernBertForTokenClassification", BIASES),
    "modernbert_mean": ("ModernBertForSequenceClassification", {"classifier_pooling": "mean"}),
    "modernbert_blanks": ("ModernBertForMaskedLM", {**BIASES, "classifier_activation": "silu"}),
    "modernbert_layers": (
        "ModernBertModel",
        {
            "layer_types": [*["sliding_attention"] * 4, "full_attention"],
            "rope_parameters": {**ROTARY, "full_attention": {"rope_type": "linear", "factor": 2.0, "rope_theta": 9.0}},
        },
    ),
}


def make(name, changes):
    family = next(family for family in CONFIGS if name.startswith(family))
    model = getattr(transformers, name)(CONFIGS[family](**changes)).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            mean = float("norm" in path.lower() and path.endswith("weight"))
            weight.copy_(mean + 0.3 * torch.randn(weight.shape, generator=generator))
    return model


def batch():
    """Two texts, the second far shorter than the first and longer than a window."""
    mask = np.arange(LENGTH) < np.array([[LENGTH], [40]])
    ids = np.random.default_rng(6).integers(5, V, (2, LENGTH))
    return np.where(mask, ids, 1).astype("int32"), mask


def theirs(model):
    ids, mask = batch()
    with torch.no_grad():
        found = model(torch.tensor(ids).long(), attention_mask=torch.tensor(mask).long())[0].numpy()
    return found[mask] if found.ndim == 3 else found


def ours(model):
    ids, mask = batch()
    found = model({"token_ids": ids, "padding_mask": mask})
    found = np.asarray(found["hidden_states"] if isinstance(found, dict) else found)
    return found[mask] if found.ndim == 3 else found


@pytest.mark.parametrize("case", CASES)
def test_long_texts_in_and_out(case, tmp_path):
    name, changes = CASES[case]
    reference = make(name, changes)
    reference.save_pretrained(tmp_path / "theirs")
    model = load_hugging_face(tmp_path / "theirs").model
    expected = theirs(reference)
    np.testing.assert_allclose(ours(model), expected, rtol=0, atol=1e-5 * max(1.0, np.abs(expected).max()))
    save_hugging_face(model, tmp_path / "ours")
    again, report = getattr(transformers, name).from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report.values()), report
    np.testing.assert_allclose(theirs(again.eval()), expected, rtol=0, atol=1e-5 * max(1.0, np.abs(expected).max()))


def test_positions_and_windows_of_earlier_files(tmp_path):
    """global_attn_every_n_layers and two bases, as transformers 4 writes them."""
    reference = make("ModernBertModel", {})
    reference.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    content = json.loads(path.read_text())
    del content["layer_types"], content["rope_parameters"]
    earlier = {"global_attn_every_n_layers": 2, "global_rope_theta": 300.0, "local_rope_theta": 30.0}
    path.write_text(json.dumps({**content, **earlier}))
    expected = theirs(transformers.ModernBertModel.from_pretrained(tmp_path).eval())
    assert np.abs(expected - theirs(reference)).max() > 0.1
    found = ours(load_hugging_face(tmp_path).model)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("family", ["XLMRoberta", "MPNet", "Electra", "Albert", "ModernBert"])
def test_what_a_configuration_leaves_out_is_what_transformers_takes(family):
    """The reference is a configuration in full, as transformers fills it up."""
    config = getattr(transformers, f"{family}Config")
    sizes = {
        **SIZES,
        "max_position_embeddings": 50,
        **({"embedding_size": 16} if family in ("Electra", "Albert") else {}),
    }
    architecture = architecture_named(config.model_type)
    special = {"pad_token_id": 1, **({} if family == "XLMRoberta" else {"bos_token_id": 0, "eos_token_id": 0})}
    filled = config(**sizes, **special).to_dict()
    short, full = ({**content, "pad_token_id": 1} for content in (sizes, filled))
    for kind in ("encoder", *architecture.heads):
        keys = [ConfigurationKeys(content, "config.json") for content in (short, full)]
        assert architecture.arguments(keys[0]) == architecture.arguments(keys[1])
        if kind != "encoder":
            assert architecture.arguments_of_head(kind, keys[0]) == architecture.arguments_of_head(kind, keys[1])


# Keys that change no answer: of training, of generation, of how transformers computes, or for people.
UNREAD = {
    *("initializer_range", "initializer_cutoff_factor", "use_cache", "dtype", "transformers_version", "_name_or_path"),
    *("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "pad_token_id", "architectures", "model_type"),
    *("return_dict", "output_hidden_states", "output_attentions", "chunk_size_feed_forward", "label2id", "id2label"),
    *("problem_type", "deterministic_flash_attn", "sparse_prediction", "sparse_pred_ignore_index"),
    # Of heads that the zoo does not have, and of `tie_word_embeddings` files that the reader itself refuses.
    *("summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout", "tie_word_embeddings"),
}
OTHER = {"hidden_act": "relu", "hidden_activation": "relu", "classifier_activation": "relu"}
OTHER |= {"classifier_pooling": "mean", "classifier_dropout": 0.3, "layer_types": ["full_attention"] * 5}
OTHER |= {"rope_parameters": ROTARY, "local_attention": 64}


@pytest.mark.parametrize("family", ["XLMRoberta", "MPNet", "Electra", "Albert", "ModernBert"])
def test_another_value_of_every_key_is_followed_or_refused(family):
    config = getattr(transformers, f"{family}Config")
    architecture = architecture_named(config.model_type)
    content = config(**SIZES, **(SPECIAL if family == "ModernBert" else {})).to_dict()
    if family == "ModernBert":
        # Which counts the layers, too.
        content["layer_types"] = None

    def read(content):
        keys = ConfigurationKeys(content, "config.json")
        heads = [architecture.arguments_of_head(kind, keys) for kind in architecture.heads]
        return [architecture.arguments(keys), *heads]

    for key, value in content.items():
        if key in UNREAD:
            continue
        other = OTHER[key] if key in OTHER else not value if isinstance(value, bool) else value + 1
        try:
            assert read({**content, key: other}) != read(content), key
        except UserError as error:
            assert key in str(error)
