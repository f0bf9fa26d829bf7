"""The encoder families BERT, DistilBERT and RoBERTa: what each part of a model is called in their checkpoints.

The names are those of Hugging Face's PyTorch files without "weight" and "bias". Google's TensorFlow files and Keras
2 files use the same names for BERT with other separators and endings, so each format renders its own from these rules.
"""

from dataclasses import dataclass, field

from zoo.architectures.rule import Rule, expand

# What a model is: an encoder alone, or one of the models with a head.
KINDS = ("encoder", "token_classifier", "sequence_classifier", "masked_token_predictor", "pretraining")


@dataclass(frozen=True)
class Family:
    """Names of one family.

    Attributes:
        name: Its `model_type` in a configuration, as written.
        model_types: Every `model_type` read.
        class_prefixes: Starts of the names in `architectures`, the one written first.
        tensor_prefix: Before every name of the encoder in a model with a head.
        encoder, pooler: Rules of the encoder.
        heads: Rules of each kind of head, by kind.
        sequence_head: The arguments of `SequenceClassifier` that make this family's head.
        token_head_activation: Of the masked language model's head; the encoder's if None.
        copies: Tensors that repeat another, by name.
        foreign_heads: Patterns of tensors of heads that the zoo does not have.
    """

    name: str
    model_types: tuple
    class_prefixes: tuple
    tensor_prefix: str
    encoder: tuple
    pooler: tuple
    heads: dict
    sequence_head: dict
    token_head_activation: str | None = None
    copies: dict = field(default_factory=dict)
    foreign_heads: tuple = (r"qa_outputs\..*",)


def _embeddings(segments=True):
    yield Rule("table", "token_embedding.embeddings", "embeddings.word_embeddings")
    yield Rule("table", "position_embedding.table", "embeddings.position_embeddings")
    if segments:
        yield Rule("table", "segment_embedding.embeddings", "embeddings.token_type_embeddings")
    yield Rule("norm", "embedding_norm", "embeddings.LayerNorm")


def _blocks(prefix, layers):
    kinds = {"self_attention_norm": "norm", "feed_forward_norm": "norm"}
    for ours, theirs in layers.items():
        yield Rule(kinds.get(ours, "dense"), f"encoder_blocks.{{i}}.{ours}", f"{prefix}.{{i}}.{theirs}")


_BERT_ENCODER = (
    *_embeddings(),
    *_blocks(
        "encoder.layer",
        {
            "self_attention.query": "attention.self.query",
            "self_attention.key": "attention.self.key",
            "self_attention.value": "attention.self.value",
            "self_attention.output_projection": "attention.output.dense",
            "self_attention_norm": "attention.output.LayerNorm",
            "feed_forward.up_projection": "intermediate.dense",
            "feed_forward.down_projection": "output.dense",
            "feed_forward_norm": "output.LayerNorm",
        },
    ),
)
_BERT_POOLER = (Rule("dense", "pooler", "pooler.dense"),)
_CLASSIFIER = (Rule("dense", "classifier", "classifier"),)
_BERT_TOKENS = (
    Rule("dense", "token_head.transform", "cls.predictions.transform.dense"),
    Rule("norm", "token_head.transform_norm", "cls.predictions.transform.LayerNorm"),
    Rule("vector", "token_head.bias", "cls.predictions.bias"),
)

BERT = Family(
    name="bert",
    model_types=("bert",),
    class_prefixes=("Bert",),
    tensor_prefix="bert.",
    encoder=_BERT_ENCODER,
    pooler=_BERT_POOLER,
    heads={
        "token_classifier": _CLASSIFIER,
        "sequence_classifier": _CLASSIFIER,
        "masked_token_predictor": _BERT_TOKENS,
        "pretraining": (*_BERT_TOKENS, Rule("dense", "next_sentence_head", "cls.seq_relationship")),
    },
    sequence_head={"pooling": "pooler"},
    copies={
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
)

DISTILBERT = Family(
    name="distilbert",
    model_types=("distilbert",),
    class_prefixes=("DistilBert",),
    tensor_prefix="distilbert.",
    encoder=(
        *_embeddings(segments=False),
        *_blocks(
            "transformer.layer",
            {
                "self_attention.query": "attention.q_lin",
                "self_attention.key": "attention.k_lin",
                "self_attention.value": "attention.v_lin",
                "self_attention.output_projection": "attention.out_lin",
                "self_attention_norm": "sa_layer_norm",
                "feed_forward.up_projection": "ffn.lin1",
                "feed_forward.down_projection": "ffn.lin2",
                "feed_forward_norm": "output_layer_norm",
            },
        ),
    ),
    pooler=(),
    heads={
        "token_classifier": _CLASSIFIER,
        "sequence_classifier": (Rule("dense", "hidden", "pre_classifier"), *_CLASSIFIER),
        "masked_token_predictor": (
            Rule("dense", "token_head.transform", "vocab_transform"),
            Rule("norm", "token_head.transform_norm", "vocab_layer_norm"),
            Rule("vector", "token_head.bias", "vocab_projector.bias"),
        ),
    },
    sequence_head={"pooling": "first", "hidden_activation": "relu"},
    copies={"vocab_projector.weight": "distilbert.embeddings.word_embeddings.weight"},
)

ROBERTA = Family(
    name="roberta",
    model_types=("roberta", "xlm-roberta", "camembert"),
    class_prefixes=("Roberta", "XLMRoberta", "Camembert"),
    tensor_prefix="roberta.",
    encoder=_BERT_ENCODER,
    pooler=_BERT_POOLER,
    heads={
        "token_classifier": _CLASSIFIER,
        "sequence_classifier": (
            Rule("dense", "hidden", "classifier.dense"),
            Rule("dense", "classifier", "classifier.out_proj"),
        ),
        "masked_token_predictor": (
            Rule("dense", "token_head.transform", "lm_head.dense"),
            Rule("norm", "token_head.transform_norm", "lm_head.layer_norm"),
            Rule("vector", "token_head.bias", "lm_head.bias"),
        ),
    },
    sequence_head={"pooling": "first", "hidden_activation": "tanh"},
    token_head_activation="gelu",
    copies={
        "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    },
)

FAMILIES = (BERT, DISTILBERT, ROBERTA)


def rules_of_model(family, kind, num_layers, with_pooler):
    """Rules of a whole model, `ours` counted from it and `theirs` with the encoder's prefix if there is a head.

    Args:
        family: A `Family`.
        kind: One of `KINDS` that the family has.
        num_layers: Number of blocks.
        with_pooler: Whether the pooler belongs to the model.
    """
    rules = expand((*family.encoder, *(family.pooler if with_pooler else ())), num_layers)
    if kind == "encoder":
        return list(rules)
    encoder = [Rule(rule.kind, f"encoder.{rule.ours}", family.tensor_prefix + rule.theirs) for rule in rules]
    return [*encoder, *family.heads[kind]]


def needs_pooler(family, kind):
    """Whether a model with a head reads the encoder's pooler."""
    return kind == "pretraining" or (kind == "sequence_classifier" and family.sequence_head["pooling"] == "pooler")
