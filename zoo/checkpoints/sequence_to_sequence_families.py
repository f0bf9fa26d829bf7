"""The encoder-decoder families Marian, BART, mBART and PEGASUS: what makes each, and what its tensors are called.

The names are those of Hugging Face's PyTorch files without "weight" and "bias".
"""

from dataclasses import dataclass

from zoo.architectures.rule import Rule

SEQUENCE_TO_SEQUENCE = "sequence_to_sequence"
"""The kind of every model of these families."""


@dataclass(frozen=True)
class SequenceToSequenceFamily:
    """What distinguishes one family from the others.

    Attributes:
        name: Its `model_type` in a configuration.
        class_name: Its model in `architectures`.
        other_class_names: Further names there of models with the same tensors.
        arguments: Of `EncoderDecoder`, those that the family fixes.
        old_keys: Keys of old configurations and the values that say what `arguments` says.
        defaults: Values of keys that a configuration may leave out, as in transformers.
    """

    name: str
    class_name: str
    other_class_names: tuple
    arguments: dict
    old_keys: dict
    defaults: dict

    @property
    def learned_positions(self):
        """Whether positions are weights."""
        return self.arguments["positions"] == "learned"


_LEARNED = dict(positions="learned", position_offset=2)
_PUBLISHED = dict(positions="sinusoidal_as_published")

MARIAN = SequenceToSequenceFamily(
    name="marian",
    class_name="MarianMTModel",
    other_class_names=("MarianModel",),
    arguments=dict(**_PUBLISHED, norm="post", embedding_norm=False),
    old_keys=dict(normalize_before=False, normalize_embedding=False, add_final_layer_norm=False),
    defaults=dict(
        decoder_start_token_id=58100, pad_token_id=58100, eos_token_id=0, bos_token_id=None, forced_eos_token_id=0
    ),
)
BART = SequenceToSequenceFamily(
    name="bart",
    class_name="BartForConditionalGeneration",
    other_class_names=("BartModel",),
    arguments=dict(**_LEARNED, norm="post", embedding_norm=True),
    old_keys=dict(normalize_before=False, normalize_embedding=True, add_final_layer_norm=False),
    defaults=dict(decoder_start_token_id=2, pad_token_id=1, eos_token_id=2, bos_token_id=0, forced_eos_token_id=2),
)
MBART = SequenceToSequenceFamily(
    name="mbart",
    class_name="MBartForConditionalGeneration",
    other_class_names=("MBartModel",),
    arguments=dict(**_LEARNED, norm="pre", embedding_norm=True),
    old_keys=dict(normalize_before=True, normalize_embedding=True, add_final_layer_norm=True),
    defaults=dict(decoder_start_token_id=None, pad_token_id=1, eos_token_id=2, bos_token_id=0, forced_eos_token_id=2),
)
PEGASUS = SequenceToSequenceFamily(
    name="pegasus",
    class_name="PegasusForConditionalGeneration",
    other_class_names=("PegasusModel",),
    arguments=dict(**_PUBLISHED, norm="pre", embedding_norm=False),
    old_keys=dict(normalize_before=True, normalize_embedding=False, add_final_layer_norm=True),
    defaults=dict(decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, bos_token_id=None, forced_eos_token_id=1),
)

SEQUENCE_TO_SEQUENCE_FAMILIES = (MARIAN, BART, MBART, PEGASUS)

SHARED_TABLE = "model.shared.weight"
# By kind of tying: the tables of ours in the file, and the tensors that repeat one of them.
_TABLES = {
    "all": {"target_embedding": "model.shared"},
    "target": {"source_embedding": "model.encoder.embed_tokens", "target_embedding": "model.decoder.embed_tokens"},
    "none": {
        "source_embedding": "model.encoder.embed_tokens",
        "target_embedding": "model.decoder.embed_tokens",
        "output_embedding": "lm_head",
    },
}
COPIES = {
    "all": {
        name: SHARED_TABLE
        for name in ("model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight")
    },
    "target": {"lm_head.weight": "model.decoder.embed_tokens.weight"},
    "none": {},
}
_BLOCK = {
    **{
        f"{ours}_attention.{part}": f"{theirs}.{name}"
        for ours, theirs in (("self", "self_attn"), ("cross", "encoder_attn"))
        for part, name in (
            ("query", "q_proj"),
            ("key", "k_proj"),
            ("value", "v_proj"),
            ("output_projection", "out_proj"),
        )
    },
    "feed_forward.up_projection": "fc1",
    "feed_forward.down_projection": "fc2",
}
_BLOCK_NORMS = {
    "self_attention_norm": "self_attn_layer_norm",
    "cross_attention_norm": "encoder_attn_layer_norm",
    "feed_forward_norm": "final_layer_norm",
}


def rules_of_sequence_to_sequence(family, arguments):
    """A `Rule` for every layer of an `EncoderDecoder` but its bias of the logits.

    Args:
        family: A `SequenceToSequenceFamily`.
        arguments: Of `EncoderDecoder`.
    """
    found = [
        Rule("table", f"{ours}.embeddings", theirs) for ours, theirs in _TABLES[arguments["tied_embeddings"]].items()
    ]
    for side, positions in (("encoder", "source"), ("decoder", "target")):
        if family.learned_positions:
            found.append(Rule("table", f"{positions}_positions.table", f"model.{side}.embed_positions"))
        if arguments["embedding_norm"]:
            found.append(Rule("norm", f"{positions}_embedding_norm", f"model.{side}.layernorm_embedding"))
        if arguments["norm"] == "pre":
            found.append(Rule("norm", f"{side}_norm", f"model.{side}.layer_norm"))
        for i in range(arguments[f"num_{side}_layers"]):
            for kind, layers in (("dense", _BLOCK), ("norm", _BLOCK_NORMS)):
                for ours, theirs in layers.items():
                    if side == "decoder" or not ours.startswith("cross"):
                        found.append(Rule(kind, f"{side}_blocks.{i}.{ours}", f"model.{side}.layers.{i}.{theirs}"))
    return found
