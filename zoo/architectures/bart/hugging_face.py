"""BART in Hugging Face directories, and the keys and tensors that Marian, mBART and PEGASUS share with it."""

from typing import ClassVar

import numpy as np
from keras import ops

from zoo.architectures.configuration_keys import activation_name
from zoo.architectures.rule import Rule, names_of_rules
from zoo.architectures.sequence_to_sequence_architecture import SequenceToSequenceArchitecture
from zoo.errors import UserError
from zoo.layers import sinusoidal_table
from zoo.models import EncoderDecoder

_SIZES = {
    "vocab_size": "source_vocabulary_size",
    "d_model": "hidden_dim",
    "encoder_ffn_dim": "intermediate_dim",
    "decoder_ffn_dim": "decoder_intermediate_dim",
    "encoder_attention_heads": "num_heads",
    "decoder_attention_heads": "num_decoder_heads",
    "encoder_layers": "num_encoder_layers",
    "decoder_layers": "num_decoder_layers",
    "max_position_embeddings": "max_sequence_length",
}
# Rates where a configuration has none.
_RATES = {"dropout": 0.1, "attention_dropout": 0.0, "activation_dropout": 0.0}
# Of the decoder, with what they are where a model has none of its own.
_OF_DECODER = {"decoder_intermediate_dim": "intermediate_dim", "num_decoder_heads": "num_heads"}
_NORM_EPSILON = 1e-5
# Half precision moves a sinusoidal table that a file repeats.
_TABLE_TOLERANCE = 1e-3

_LOGITS_BIAS = "final_logits_bias"
_POSITION_TABLES = tuple(f"model.{side}.embed_positions.weight" for side in ("encoder", "decoder"))
_OUTPUT = "lm_head"
_TABLES_OF_SIDES = {"source": "model.encoder.embed_tokens", "target": "model.decoder.embed_tokens"}
# By kind of tying: the tables of ours in the file. Whatever else is there repeats one of them.
_TABLES = {
    "all": {"target": "model.shared"},
    "target": _TABLES_OF_SIDES,
    "none": {**_TABLES_OF_SIDES, "output": _OUTPUT},
}
_PROJECTIONS = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output_projection": "out_proj"}
_BLOCK = {
    **{f"self_attention.{ours}": f"self_attn.{theirs}" for ours, theirs in _PROJECTIONS.items()},
    **{f"cross_attention.{ours}": f"encoder_attn.{theirs}" for ours, theirs in _PROJECTIONS.items()},
    "feed_forward.up_projection": "fc1",
    "feed_forward.down_projection": "fc2",
}
_BLOCK_NORMS = {
    "self_attention_norm": "self_attn_layer_norm",
    "cross_attention_norm": "encoder_attn_layer_norm",
    "feed_forward_norm": "final_layer_norm",
}


class BartArchitecture(SequenceToSequenceArchitecture):
    """BART.

    Attributes:
        fixed: Arguments of `EncoderDecoder` that the family's program fixes.
        old_keys: Keys of old configurations and the values that say what `fixed` says.
        ties_all: Whether source, target and output always share one table.
        writes_positions: Whether transformers expects a table of positions in the file although it is sinusoidal.
    """

    model_type = "bart"
    class_names = ("BartForConditionalGeneration", "BartModel")
    model_class = EncoderDecoder
    tokenizer_class = "BartTokenizer"
    table = "model.shared.weight"
    special_tokens: ClassVar = dict(
        decoder_start_token_id=2, pad_token_id=1, eos_token_id=2, bos_token_id=0, forced_eos_token_id=2
    )
    second_names: ClassVar = {
        "num_attention_heads": "encoder_attention_heads",
        "hidden_size": "d_model",
        "num_hidden_layers": "encoder_layers",
    }
    fixed: ClassVar = dict(norm="post", positions="learned", position_offset=2, embedding_norm=True)
    old_keys: ClassVar = dict(normalize_before=False, normalize_embedding=True, add_final_layer_norm=False)
    ties_all = True
    writes_positions = False

    @property
    def ignored_tensors(self):
        """The bias of the logits and sinusoidal tables, which `finish` and `arguments_of_tensors` read."""
        return (_LOGITS_BIAS, *(() if self._learned else _POSITION_TABLES))

    @property
    def _learned(self):
        """Whether positions are weights."""
        return self.fixed["positions"] == "learned"

    def name_with_head(self, name):
        """The model alone leaves out a prefix."""
        return f"model.{name}" if name.startswith(("shared.", "encoder.", "decoder.")) else name

    def arguments(self, keys):
        """Arguments of `EncoderDecoder`."""
        keys.only(
            is_encoder_decoder=True,
            is_decoder=False,
            add_bias_logits=False,
            quantization_config=(),
            pruned_heads={},
            **self.old_keys,
        )
        arguments = keys.integers(_SIZES)
        target_vocabulary_size = arguments["source_vocabulary_size"]
        tied = self._tied_embeddings(keys)
        if tied != "all":
            target_vocabulary_size = keys.integer("decoder_vocab_size", target_vocabulary_size)
        return {
            **arguments,
            **{name: keys.number(name, default) for name, default in _RATES.items()},
            **self.fixed,
            "target_vocabulary_size": target_vocabulary_size,
            "activation": keys.activation("activation_function", "gelu"),
            "scale_embedding": keys.flag("scale_embedding", False),
            "tied_embeddings": tied,
        }

    def _tied_embeddings(self, keys):
        shared = keys.flag("share_encoder_decoder_embeddings", True)
        tied = keys.flag("tie_word_embeddings", True)
        if shared and not tied:
            raise keys.unsupported("tie_word_embeddings", "the output matrix must be the table of vectors")
        return "all" if shared else "target" if tied else "none"

    def copies(self, arguments):
        """Tables that files hold several times."""
        tables = arguments["tied_embeddings"]
        if tables == "all":
            names = (*_TABLES_OF_SIDES.values(), _OUTPUT)
            return {f"{name}.weight": self.table for name in names}
        return {f"{_OUTPUT}.weight": f"{_TABLES_OF_SIDES['target']}.weight"} if tables == "target" else {}

    def arguments_of_tensors(self, keys, arguments, tensors):
        """Whether there is a bias of the logits, and which sinusoidal table of positions files repeat."""
        found = {"logits_bias": self._logits_bias(arguments["target_vocabulary_size"], tensors) is not None}
        return found if self._learned else {**found, "positions": self._kind_of_positions(arguments, tensors)}

    def _logits_bias(self, vocabulary_size, tensors):
        """The bias of the logits, or None if there is none or it is zero."""
        wanted = (1, vocabulary_size)
        if _LOGITS_BIAS not in tensors.shapes:
            return None
        if tensors.shapes[_LOGITS_BIAS] != wanted:
            found = list(tensors.shapes[_LOGITS_BIAS])
            raise UserError(f"{tensors.origin}: {_LOGITS_BIAS} is of shape {found} instead of {list(wanted)}")
        bias = tensors.read(_LOGITS_BIAS).astype("float32")[0]
        return bias if bias.any() else None

    def _kind_of_positions(self, arguments, tensors):
        """The kind of the tables, of which any other would change every answer."""
        shape = (arguments["max_sequence_length"], arguments["hidden_dim"])
        found = {name: tensors.read(name).astype("float32") for name in _POSITION_TABLES if name in tensors.shapes}
        # Files written here may hold the table whose frequencies fall to exactly 1 / 10000.
        for kind in (arguments["positions"], "sinusoidal"):
            expected = sinusoidal_table(*shape, kind=kind)
            if all(
                table.shape == shape and np.allclose(table, expected, rtol=0, atol=_TABLE_TOLERANCE)
                for table in found.values()
            ):
                return kind
        raise UserError(f"{tensors.origin}: {next(iter(found))} is not the sinusoidal table of {list(shape)} values")

    def finish(self, model, tensors):
        """Sets the bias of the logits, which is a row there."""
        if model.logits_bias is not None:
            model.logits_bias.assign(self._logits_bias(model.target_vocabulary_size, tensors))

    def configuration(self, model):
        """The keys of config.json."""
        config = model.get_config()
        self._check(config)
        config |= {ours: config[ours] or config[shared] for ours, shared in _OF_DECODER.items()}
        return {
            **{theirs: config[ours] for theirs, ours in _SIZES.items()},
            **{name: config[name] for name in _RATES},
            "num_hidden_layers": config["num_encoder_layers"],
            "activation_function": activation_name(config["activation"]),
            "scale_embedding": config["scale_embedding"],
            "tie_word_embeddings": config["tied_embeddings"] != "none",
            "forced_eos_token_id": None,
            "init_std": 0.02,
        }

    def _check(self, config):
        """Refuses arguments of `EncoderDecoder` that the family does not have."""
        allowed: dict[str, tuple] = {name: (value,) for name, value in self.fixed.items()}
        if not self._learned:
            # Of either kind, since files can hold the table.
            allowed |= {"positions": (*allowed["positions"], "sinusoidal"), "position_offset": (0,)}
        allowed["layer_norm_epsilon"] = (_NORM_EPSILON,)
        if self.ties_all:
            allowed["tied_embeddings"] = ("all",)
        for name, values in allowed.items():
            if config[name] not in values:
                raise UserError(
                    f"transformers has no {self.class_names[0]} with {name}={config[name]!r}, only with {values[0]!r}"
                )

    def tensor_names(self, model):
        """Every weight of a built model and its name, but for the bias of the logits."""
        config = model.get_config()
        rules = [
            Rule("table", f"{ours}_embedding.embeddings", theirs)
            for ours, theirs in _TABLES[config["tied_embeddings"]].items()
        ]
        for side, text in (("encoder", "source"), ("decoder", "target")):
            if self._learned:
                rules.append(Rule("table", f"{text}_positions.table", f"model.{side}.embed_positions"))
            if config["embedding_norm"]:
                rules.append(Rule("norm", f"{text}_embedding_norm", f"model.{side}.layernorm_embedding"))
            if config["norm"] == "pre":
                rules.append(Rule("norm", f"{side}_norm", f"model.{side}.layer_norm"))
            for i in range(config[f"num_{side}_layers"]):
                rules += [
                    Rule(kind, f"{side}_blocks.{i}.{ours}", f"model.{side}.layers.{i}.{theirs}")
                    for kind, layers in (("dense", _BLOCK), ("norm", _BLOCK_NORMS))
                    for ours, theirs in layers.items()
                    if side == "decoder" or not ours.startswith("cross")
                ]
        return names_of_rules(rules)

    def further_tensors(self, model):
        """The bias of the logits, which transformers has always, and tables that it would make otherwise."""
        config = model.get_config()
        found = {}
        if config["positions"] == "sinusoidal" or self.writes_positions:
            table = sinusoidal_table(config["max_sequence_length"], config["hidden_dim"], config["positions"])
            found = {name: table.copy() for name in _POSITION_TABLES}
        bias = np.zeros(config["target_vocabulary_size"], "float32")
        if model.logits_bias is not None:
            bias = ops.convert_to_numpy(model.logits_bias).astype("float32")
        return {**found, _LOGITS_BIAS: bias[None]}


ARCHITECTURE = BartArchitecture()
