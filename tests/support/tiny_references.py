"""Tiny random models of transformers, and what they and the zoo answer to the same batch."""

import json
from dataclasses import dataclass

import numpy as np
import torch
import transformers
from keras import ops

from zoo.models import SpanPredictor

V, B, S = 37, 3, 7
PADDING_MASK = np.array([[1] * 7, [1] * 4 + [0] * 3, [1] * 2 + [0] * 5], "int32")
SEGMENT_IDS = np.array([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0], [0] * 7], "int32")
LABELS = ("O", "B-place", "I-place", "größe")

_BERT_SIZES = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20)
# Values other than the defaults wherever a default could hide a key that is not read.
CONFIGS = {
    "Bert": lambda: transformers.BertConfig(
        vocab_size=V, **_BERT_SIZES, max_position_embeddings=9, type_vocab_size=3, layer_norm_eps=1e-3
    ),
    "DistilBert": lambda: transformers.DistilBertConfig(
        vocab_size=V, dim=12, n_layers=2, n_heads=3, hidden_dim=20, max_position_embeddings=9, activation="relu"
    ),
    "Roberta": lambda: transformers.RobertaConfig(
        vocab_size=V,
        **_BERT_SIZES,
        max_position_embeddings=11,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_act="gelu_new",
    ),
    "XLMRoberta": lambda: transformers.XLMRobertaConfig(
        vocab_size=V, **_BERT_SIZES, max_position_embeddings=11, type_vocab_size=1, layer_norm_eps=1e-5
    ),
    "MPNet": lambda: transformers.MPNetConfig(
        vocab_size=V, **_BERT_SIZES, max_position_embeddings=11, layer_norm_eps=1e-3, hidden_act="gelu_new"
    ),
    "Electra": lambda: transformers.ElectraConfig(
        vocab_size=V,
        **_BERT_SIZES,
        embedding_size=8,
        max_position_embeddings=9,
        type_vocab_size=3,
        layer_norm_eps=1e-3,
        hidden_act="relu",
    ),
    "Albert": lambda: transformers.AlbertConfig(
        vocab_size=V,
        **{**_BERT_SIZES, "num_hidden_layers": 5},
        embedding_size=12,
        num_hidden_groups=2,
        inner_group_num=2,
        max_position_embeddings=9,
        type_vocab_size=3,
        layer_norm_eps=1e-3,
        hidden_act="relu",
        pad_token_id=0,
    ),
    "ModernBert": lambda: transformers.ModernBertConfig(
        vocab_size=V,
        **{**_BERT_SIZES, "num_hidden_layers": 4},
        max_position_embeddings=9,
        local_attention=4,
        norm_eps=1e-3,
        hidden_activation="gelu_new",
        classifier_activation="relu",
        **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0),
    ),
    "Camembert": lambda: transformers.CamembertConfig(
        vocab_size=V, **_BERT_SIZES, max_position_embeddings=11, type_vocab_size=1, layer_norm_eps=1e-5
    ),
}
KINDS = {
    "Model": "encoder",
    "ForTokenClassification": "token_classifier",
    "ForSequenceClassification": "sequence_classifier",
    "ForQuestionAnswering": "span_predictor",
    "ForMaskedLM": "masked_token_predictor",
    "ForPreTraining": "pretraining",
}
EVERY = [
    f"{family}{suffix}"
    for family in ("Bert", "DistilBert", "Roberta", "XLMRoberta", "MPNet", "Electra", "Albert", "ModernBert")
    for suffix in KINDS
    if family in ("Bert", "Albert") or suffix != "ForPreTraining"
]


@dataclass
class Reference:
    """A model of transformers in evaluation mode.

    Attributes:
        name: Its class.
        model: The model, every weight noise.
    """

    name: str
    model: torch.nn.Module

    @property
    def family(self):
        return next(family for family in CONFIGS if self.name.startswith(family))

    @property
    def kind(self):
        return KINDS[self.name.removeprefix(self.family)]

    def outputs(self):
        """Every output by the name that the zoo gives it, real positions only where there are positions."""
        return reference_outputs(self.model)


def make_reference(name, seed=3):
    """A `Reference` of a class of transformers."""
    family = next(family for family in CONFIGS if name.startswith(family))
    config = CONFIGS[family]()
    if name.endswith("Classification"):
        config.id2label = dict(enumerate(LABELS))
        config.label2id = {label: number for number, label in enumerate(LABELS)}
    model = getattr(transformers, name)(config).eval()
    randomise(model, seed)
    return Reference(name, model)


def randomise(model, seed=3):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for path, weight in model.named_parameters():
            mean = float("norm" in path.lower() and path.endswith("weight"))
            weight.copy_(mean + 0.3 * torch.randn(weight.shape, generator=generator))


def token_ids(pad_id=0):
    ids = np.random.default_rng(4).integers(5, V, size=(B, S))
    return np.where(PADDING_MASK, ids, pad_id).astype("int32")


def reference_outputs(model):
    config = model.config
    ids = token_ids(config.pad_token_id)
    inputs = {"input_ids": torch.tensor(ids).long(), "attention_mask": torch.tensor(PADDING_MASK).long()}
    if getattr(config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = torch.tensor(SEGMENT_IDS).long()
    with torch.no_grad():
        found = dict(model(**inputs))
    if "start_logits" in found:
        found = {"logits": torch.stack([found["start_logits"], found["end_logits"]], dim=-1)}
    names = {
        "last_hidden_state": "hidden_states",
        "pooler_output": "pooled",
        "logits": "logits",
        "prediction_logits": "token_logits",
        "seq_relationship_logits": "next_sentence_logits",
        "sop_logits": "next_sentence_logits",
    }
    return real_positions({names[key]: value.numpy() for key, value in found.items() if value is not None})


def outputs(model, pad_id=0, segment_ids=SEGMENT_IDS):
    """What a model of the zoo answers to the same batch, in the same form."""
    found = model({"token_ids": token_ids(pad_id), "padding_mask": PADDING_MASK, "segment_ids": segment_ids})
    if isinstance(model, SpanPredictor):
        found = ops.transpose(found, (0, 2, 1))
    found = found if isinstance(found, dict) else {"logits": found}
    return real_positions({name: ops.convert_to_numpy(value) for name, value in found.items()})


def real_positions(found):
    return {name: value[PADDING_MASK == 1] if value.ndim == 3 else value for name, value in found.items()}


def assert_equal_outputs(found, expected, tolerance=1e-5):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance, err_msg=name)
        assert np.abs(np.diff(value, axis=0)).max() > 1e-2, name  # rows differ, so something is compared


def edit_config(directory, **changes):
    """Changes entries of a directory's config.json; None removes one."""
    path = directory / "config.json"
    content = json.loads(path.read_text())
    content.update(changes)
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return path
