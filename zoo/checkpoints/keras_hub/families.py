"""What KerasHub calls each family that the zoo has too: classes, layers, and what its code fixes."""

from dataclasses import dataclass, field

from zoo.architectures.rule import Rule, expand
from zoo.architectures.tensor_name import TensorName

_PARTS = {"dense": ("kernel", "bias"), "norm": ("gamma", "beta"), "table": (None,), "vector": (None,)}
_ATTENTION = {
    "query": "query",
    "key": "key",
    "value": "value",
    "output_projection": "attention_output",
}


@dataclass(frozen=True, eq=False)
class HubFamily:
    """One family.

    Attributes:
        name: What messages call it.
        backbone, tokenizer: Classes of `keras_hub.models`.
        tasks: Class of `keras_hub.models` by kind of model.
        fixed: Arguments of our model that KerasHub's code fixes, the same in every preset.
        sizes: Argument of our model by that of the backbone.
    """

    name: str
    backbone: str
    tokenizer: str
    tasks: dict
    fixed: dict
    sizes: dict = field(default_factory=dict)


def _same(*names):
    return {name: name for name in names}


_SIZES = _same("vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "num_layers", "dropout")
_LENGTH = _same("max_sequence_length")


def _encoder_tasks(name):
    return {"sequence_classifier": f"{name}TextClassifier", "masked_token_predictor": f"{name}MaskedLM"}


_ENCODER = dict(norm="post", activation_dropout=0.0)
BERT = HubFamily(
    name="BERT",
    backbone="BertBackbone",
    tokenizer="BertTokenizer",
    tasks=_encoder_tasks("Bert"),
    fixed=dict(**_ENCODER, activation="gelu_approximate", layer_norm_epsilon=1e-12, position_offset=0),
    sizes={**_SIZES, **_LENGTH, **_same("num_segments")},
)
DISTILBERT = HubFamily(
    name="DistilBERT",
    backbone="DistilBertBackbone",
    tokenizer="DistilBertTokenizer",
    tasks=_encoder_tasks("DistilBert"),
    fixed=dict(**_ENCODER, activation="gelu", layer_norm_epsilon=1e-12, position_offset=0, num_segments=0),
    sizes={**_SIZES, **_LENGTH},
)
ROBERTA = HubFamily(
    name="RoBERTa",
    backbone="RobertaBackbone",
    tokenizer="RobertaTokenizer",
    tasks=_encoder_tasks("Roberta"),
    fixed=dict(**_ENCODER, activation="gelu", layer_norm_epsilon=1e-5),
    sizes={**_SIZES, **_LENGTH},
)
GPT2 = HubFamily(
    name="GPT-2",
    backbone="GPT2Backbone",
    tokenizer="GPT2Tokenizer",
    tasks={"language_model": "GPT2CausalLM"},
    fixed=dict(activation="gelu_approximate", layer_norm_epsilon=1e-5, tied_embeddings=True, embedding_dropout=None),
    sizes={**_SIZES, **_LENGTH},
)
BART = HubFamily(
    name="BART",
    backbone="BartBackbone",
    tokenizer="BartTokenizer",
    tasks={"sequence_to_sequence": "BartSeq2SeqLM"},
    fixed=dict(
        activation="gelu",
        layer_norm_epsilon=1e-5,
        norm="post",
        positions="learned",
        embedding_norm=True,
        tied_embeddings="all",
        scale_embedding=False,
        activation_dropout=0.0,
    ),
    sizes={
        "target_vocabulary_size": "vocabulary_size",
        "num_encoder_layers": "num_layers",
        **_same("hidden_dim", "intermediate_dim", "num_heads", "dropout"),
        **_LENGTH,
    },
)
T5 = HubFamily(
    name="T5",
    backbone="T5Backbone",
    tokenizer="T5Tokenizer",
    tasks={"sequence_to_sequence": "T5Seq2SeqLM"},
    fixed=dict(num_buckets=32, max_distance=128),
    sizes={
        "num_encoder_layers": "num_layers",
        "head_dim": "key_value_dim",
        "gated": "use_gated_activation",
        "norm_epsilon": "layer_norm_epsilon",
        "tied_embeddings": "tie_embedding_weights",
        **_same("vocabulary_size", "hidden_dim", "intermediate_dim", "num_heads", "dropout"),
    },
)
FAMILIES = (BERT, DISTILBERT, ROBERTA, GPT2, BART, T5)

SEQUENCE_HEADS = {
    "BERT": dict(pooling="pooler", hidden_activation=None),
    "DistilBERT": dict(pooling="first", hidden_activation="relu"),
    "RoBERTa": dict(pooling="first", hidden_activation="tanh"),
}
"""Arguments of `SequenceClassifier` by family."""
_TABLES = {"DistilBERT": "token_and_position_embedding/", "RoBERTa": "embeddings/"}


def _block(ours, theirs, attentions, norms):
    """Rules of one transformer block, whose layers KerasHub names alike everywhere."""
    for kind, layer in attentions.items():
        for part, name in _ATTENTION.items():
            yield Rule("dense", f"{ours}.{kind}_attention.{part}", f"{theirs}/{layer}/{name}")
    for kind in norms:
        yield Rule("norm", f"{ours}.{kind}_norm", f"{theirs}/{kind.replace('feed_forward', 'feedforward')}_layer_norm")
    yield Rule("dense", f"{ours}.feed_forward.up_projection", f"{theirs}/feedforward_intermediate_dense")
    yield Rule("dense", f"{ours}.feed_forward.down_projection", f"{theirs}/feedforward_output_dense")


def _encoder_rules(family, model):
    tables = _TABLES.get(family.name, "")
    yield Rule("table", "token_embedding.embeddings", f"{tables}token_embedding/embeddings")
    yield Rule("table", "position_embedding.table", f"{tables}position_embedding/embeddings")
    if model.segment_embedding is not None:
        yield Rule("table", "segment_embedding.embeddings", "segment_embedding/embeddings")
    yield Rule("norm", "embedding_norm", "embeddings_layer_norm")
    norms = ("self_attention", "feed_forward")
    block = _block("encoder_blocks.{i}", "transformer_layer_{i}", {"self": "self_attention_layer"}, norms)
    yield from expand(block, model.num_layers)
    if model.pooler is not None:
        yield Rule("dense", "pooler", "pooled_dense")


def _gpt2_rules(model):
    yield Rule("table", "token_embedding.embeddings", "token_embedding/embeddings")
    yield Rule("table", "position_embedding.table", "position_embedding/embeddings")
    norms = ("self_attention", "feed_forward")
    block = _block("decoder_blocks.{i}", "transformer_layer_{i}", {"self": "self_attention"}, norms)
    yield from expand(block, model.num_layers)
    yield Rule("norm", "final_norm", "layer_norm")


def _bart_rules(model):
    yield Rule("table", "target_embedding.embeddings", "token_embedding/embeddings")
    for side, ours, attentions in (
        ("encoder", "source", {"self": "self_attention_layer"}),
        ("decoder", "target", {"self": "self_attention", "cross": "cross_attention"}),
    ):
        yield Rule("table", f"{ours}_positions.table", f"{side}_position_embedding/embeddings")
        yield Rule("norm", f"{ours}_embedding_norm", f"{side}_embeddings_layer_norm")
        norms = (*(f"{kind}_attention" for kind in attentions), "feed_forward")
        block = _block(f"{side}_blocks.{{i}}", f"transformer_{side}_layer_{{i}}", attentions, norms)
        yield from expand(block, len(getattr(model, f"{side}_blocks")))


def _t5_names(model):
    """Names of T5's weights, whose paths in KerasHub are not unique: here by attributes of the backbone."""
    yield TensorName("token_embedding.embeddings", "token_embedding.embeddings")
    if model.output_embedding is not model.token_embedding:
        yield TensorName("output_embedding.embeddings", "token_embedding.reverse_embeddings", transposed=True)
    for side in ("encoder", "decoder"):
        blocks = getattr(model, f"{side}_blocks")
        first = f"{side}_transformer_layers.0.self_attention.relative_attention_bias"
        yield TensorName(f"{side}_bias.table", first)
        yield TensorName(f"{side}_norm.scale", f"{side}_layer_norm.weight")
        attentions = ("self", "cross") if side == "decoder" else ("self",)
        for i in range(len(blocks)):
            ours, theirs = f"{side}_blocks.{i}", f"{side}_transformer_layers.{i}"
            for kind in attentions:
                yield TensorName(f"{ours}.{kind}_attention_norm.scale", f"{theirs}.{kind}_attention_layer_norm.weight")
                for part in _ATTENTION:
                    layer = f"{theirs}.{kind}_attention.{part.removesuffix('_projection')}_projector"
                    yield TensorName(f"{ours}.{kind}_attention.{part}.kernel", f"{layer}.kernel")
            yield TensorName(f"{ours}.feed_forward_norm.scale", f"{theirs}.layer_norm.weight")
            gated = {"gate_projection": "input", "up_projection": "gate"}
            layers = gated if model.get_config()["gated"] else {"up_projection": "input"}
            for layer, name in {**layers, "down_projection": "output"}.items():
                yield TensorName(f"{ours}.feed_forward.{layer}.kernel", f"{theirs}.{name}_projector.kernel")


def backbone_names(family, model):
    """`TensorName` of every weight of an encoder, a `GPT2`, an `EncoderDecoder` or a `T5` that the backbone has.

    Args:
        family: A `HubFamily`.
        model: Of ours, without a head.
    """
    if family is T5:
        return list(_t5_names(model))
    rules = {"GPT-2": _gpt2_rules, "BART": _bart_rules}.get(family.name)
    return _names(rules(model) if rules is not None else _encoder_rules(family, model))


def head_names(family, kind):
    """`TensorName` of every weight of a head, `ours` counted from the model with the head."""
    if kind == "sequence_classifier":
        hidden = () if family is BERT else (Rule("dense", "hidden", "pooled_dense"),)
        return _names((*hidden, Rule("dense", "classifier", "logits")))
    return _names(
        (
            Rule("dense", "token_head.transform", "mlm_head/intermediate_dense"),
            Rule("norm", "token_head.transform_norm", "mlm_head/intermediate_layer_norm"),
            Rule("vector", "token_head.bias", "mlm_head/output_bias"),
        )
    )


def _names(rules):
    names = []
    for rule in rules:
        for part in _PARTS[rule.kind]:
            ours, theirs = (
                (rule.ours, rule.theirs) if part is None else (f"{rule.ours}.{part}", f"{rule.theirs}/{part}")
            )
            names.append(TensorName(ours, theirs))
    return names
