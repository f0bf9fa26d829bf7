"""GPT-2 in checkpoints that hold queries, keys and values side by side: OpenAI's and Hugging Face's."""

from zoo.architectures.rule import Rule, expand
from zoo.architectures.tensor_name import TensorName
from zoo.errors import UserError
from zoo.models import GPT2

MODEL_TYPE = "gpt2"
"""The family's name in a configuration."""
LANGUAGE_MODEL = "language_model"
"""The kind of every model of the family."""

_LAYERS = (
    Rule("table", "token_embedding.embeddings", "wte"),
    Rule("table", "position_embedding.table", "wpe"),
    Rule("norm", "decoder_blocks.{i}.self_attention_norm", "h.{i}.ln_1"),
    Rule("dense", "decoder_blocks.{i}.self_attention.query", "h.{i}.attn.c_attn"),
    Rule("dense", "decoder_blocks.{i}.self_attention.key", "h.{i}.attn.c_attn"),
    Rule("dense", "decoder_blocks.{i}.self_attention.value", "h.{i}.attn.c_attn"),
    Rule("dense", "decoder_blocks.{i}.self_attention.output_projection", "h.{i}.attn.c_proj"),
    Rule("norm", "decoder_blocks.{i}.feed_forward_norm", "h.{i}.ln_2"),
    Rule("dense", "decoder_blocks.{i}.feed_forward.up_projection", "h.{i}.mlp.c_fc"),
    Rule("dense", "decoder_blocks.{i}.feed_forward.down_projection", "h.{i}.mlp.c_proj"),
    Rule("norm", "final_norm", "ln_f"),
)
_WEIGHTS = {"dense": ("kernel", "bias"), "norm": ("gamma", "beta"), "table": (None,)}
_SIDE_BY_SIDE = ("query", "key", "value")


def gpt2_names(num_layers, spelled):
    """`TensorName` of every weight of a model but an output matrix of its own.

    Args:
        num_layers: Number of blocks.
        spelled: From a layer such as "h.0.attn.c_attn" and one of "kernel", "bias", "gamma", "beta" and None (a table)
            to the name in the file, whose matrices are `[inputs, outputs]`.
    """
    names = []
    for rule in expand(_LAYERS, num_layers):
        layer = rule.ours.rpartition(".")[2]
        part = (_SIDE_BY_SIDE.index(layer), len(_SIDE_BY_SIDE)) if layer in _SIDE_BY_SIDE else None
        for weight in _WEIGHTS[rule.kind]:
            ours = rule.ours if weight is None else f"{rule.ours}.{weight}"
            names.append(TensorName(ours, spelled(rule.theirs, weight), part=part))
    return names


def make_gpt2(arguments, path, dtype=None):
    """A built `GPT2` of new weights; errors name the file that the arguments came from."""
    try:
        model = GPT2(**arguments, dtype=dtype)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    model.build()
    return model


def check_language_model(kind, directory):
    """Refuses to make another kind of model of a GPT-2.

    Raises:
        UserError: naming the kind asked for.
    """
    if kind not in (LANGUAGE_MODEL, None):
        raise UserError(f"{directory} holds a model of kind {LANGUAGE_MODEL!r}, which is no {kind!r}")
