"""T5 of versions 1.0 and 1.1 in Hugging Face directories."""

from typing import ClassVar

import numpy as np
from keras import ops

from zoo.architectures.configuration_keys import ACTIVATIONS, activation_name
from zoo.architectures.sequence_to_sequence_architecture import SequenceToSequenceArchitecture
from zoo.architectures.t5.model import T5
from zoo.architectures.tensor_name import TensorName
from zoo.errors import UserError

_SIZES = {
    "vocab_size": "vocabulary_size",
    "d_model": "hidden_dim",
    "d_ff": "intermediate_dim",
    "num_heads": "num_heads",
    "d_kv": "head_dim",
    "num_layers": "num_encoder_layers",
}
_BUCKETS = {
    "relative_attention_num_buckets": ("num_buckets", 32),
    "relative_attention_max_distance": ("max_distance", 128),
}
_OUTPUT = "lm_head.weight"
_SIDES = ("encoder", "decoder")


class T5Architecture(SequenceToSequenceArchitecture):
    """T5 of versions 1.0 and 1.1, and FLAN-T5."""

    model_type = "t5"
    # The second is the first one's name of 2019; the third has the same tensors where they are tied.
    class_names = ("T5ForConditionalGeneration", "T5WithLMHeadModel", "T5Model")
    model_class = T5
    table = "shared.weight"
    # A table that old files have and no model reads.
    ignored_tensors = (r"decoder\.block\.0\.layer\.1\.EncDecAttention\.relative_attention_bias\.weight",)
    special_tokens: ClassVar = dict(decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, bos_token_id=None)
    # There are no positions to run out of.
    longest_text = 2048
    second_names: ClassVar = {
        "num_attention_heads": "num_heads",
        "hidden_size": "d_model",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    }

    def arguments(self, keys):
        """Arguments of `T5`, those of tied tables until the tensors say otherwise."""
        keys.only(is_encoder_decoder=True, is_decoder=False, quantization_config=())
        arguments = keys.integers(_SIZES)
        # Version 1.1 has neither the tie nor the scale; transformers 5 keeps the latter under a name of its own.
        scaled = keys.flag("scale_decoder_outputs", keys.flag("tie_word_embeddings", True))
        return {
            **arguments,
            "num_decoder_layers": keys.integer("num_decoder_layers", arguments["num_encoder_layers"]),
            **{ours: keys.integer(theirs, default) for theirs, (ours, default) in _BUCKETS.items()},
            "dropout": keys.number("dropout_rate", 0.1),
            "norm_epsilon": keys.number("layer_norm_epsilon", 1e-6),
            **self._feed_forward(keys),
            "scale_logits": scaled,
            "tied_embeddings": True,
            "max_sequence_length": keys.integer("n_positions", 512),
        }

    def _feed_forward(self, keys):
        projection = keys.value("feed_forward_proj", "relu")
        gate, _, name = projection.rpartition("-") if isinstance(projection, str) else (projection, "", "")
        # "gated-gelu" means the approximation by tanh, as in T5's own program.
        name = "gelu_new" if projection == "gated-gelu" else name
        if gate not in ("", "gated") or name not in ACTIVATIONS:
            raise keys.unsupported("feed_forward_proj", "relu and gated-gelu are")
        # Files repeat what follows from it, and transformers would go by the repetition.
        for key, wanted in (("dense_act_fn", name), ("is_gated_act", gate == "gated")):
            if keys.value(key, wanted) != wanted:
                raise UserError(
                    f"{keys.path}: {key} {keys.content[key]!r} is not supported beside feed_forward_proj "
                    f"{projection!r}; it must be {wanted!r}"
                )
        return {"activation": ACTIVATIONS[name], "gated": gate == "gated"}

    def copies(self, arguments):
        """Names that files may repeat the table under."""
        names = [f"{side}.embed_tokens.weight" for side in _SIDES] + [_OUTPUT] * arguments["tied_embeddings"]
        return dict.fromkeys(names, self.table)

    def arguments_of_tensors(self, keys, arguments, tensors):
        """Files tell what config.json may not: transformers 5 calls every output matrix tied."""
        own = _OUTPUT in tensors.shapes
        if not own and not keys.flag("tie_word_embeddings", True):
            # transformers 4 would draw one at random, and transformers 5 take the table of token vectors.
            raise UserError(
                f"{keys.path.parent} lacks {_OUTPUT}, which tie_word_embeddings false in {keys.path.name} asks for"
            )
        return {"tied_embeddings": not own or _equal(tensors, _OUTPUT, self.table)}

    def configuration(self, model):
        """The keys of config.json."""
        config = model.get_config()
        if config["scale_logits"] and not config["tied_embeddings"]:
            raise UserError("transformers has no T5 with tied_embeddings=False and scale_logits=True")
        return {
            **{theirs: config[ours] for theirs, ours in _SIZES.items()},
            "num_decoder_layers": config["num_decoder_layers"],
            **{theirs: config[ours] for theirs, (ours, _) in _BUCKETS.items()},
            "dropout_rate": config["dropout"],
            "layer_norm_epsilon": config["norm_epsilon"],
            "feed_forward_proj": _projection(config["activation"], config["gated"]),
            "n_positions": config["max_sequence_length"],
            # False says both that the output matrix is one of its own and that nothing is scaled.
            "tie_word_embeddings": config["scale_logits"],
            "initializer_factor": 1.0,
        }

    def tensor_names(self, model):
        """Every weight of a built model and its name."""
        config = model.get_config()
        found = [TensorName("token_embedding.embeddings", self.table)]
        if not config["tied_embeddings"]:
            found.append(TensorName("output_embedding.embeddings", _OUTPUT))

        def add_norm(ours, theirs):
            found.append(TensorName(f"{ours}.scale", f"{theirs}.weight"))

        def add_dense(ours, theirs):
            found.append(TensorName(f"{ours}.kernel", f"{theirs}.weight", transposed=True))

        for side in _SIDES:
            bias = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
            found.append(TensorName(f"{side}_bias.table", bias))
            add_norm(f"{side}_norm", f"{side}.final_layer_norm")
            attentions = {"self": "SelfAttention", **({"cross": "EncDecAttention"} if side == "decoder" else {})}
            for i in range(config[f"num_{side}_layers"]):
                ours, theirs = f"{side}_blocks.{i}", f"{side}.block.{i}.layer"
                for number, (kind, name) in enumerate(attentions.items()):
                    add_norm(f"{ours}.{kind}_attention_norm", f"{theirs}.{number}.layer_norm")
                    for part in ("query", "key", "value", "output_projection"):
                        add_dense(f"{ours}.{kind}_attention.{part}", f"{theirs}.{number}.{name}.{part[0]}")
                last = f"{theirs}.{len(attentions)}"
                add_norm(f"{ours}.feed_forward_norm", f"{last}.layer_norm")
                gated = {"gate_projection": "wi_0", "up_projection": "wi_1"}
                projections = gated if config["gated"] else {"up_projection": "wi"}
                for part, name in {**projections, "down_projection": "wo"}.items():
                    add_dense(f"{ours}.feed_forward.{part}", f"{last}.DenseReluDense.{name}")
        return found

    def further_tensors(self, model):
        """The table once more where it is the output matrix although nothing is scaled."""
        config = model.get_config()
        if config["scale_logits"] or not config["tied_embeddings"]:
            return {}
        return {_OUTPUT: ops.convert_to_numpy(model.token_embedding.embeddings).astype("float32").copy()}


def _projection(activation, gated):
    """The value of feed_forward_proj."""
    if not gated:
        return activation_name(activation)
    if activation == "gelu":
        raise UserError(
            "transformers has no T5 with gated=True and activation='gelu': gated-gelu there is gelu_approximate"
        )
    return "gated-gelu" if activation == "gelu_approximate" else f"gated-{activation_name(activation)}"


def _equal(tensors, one, other):
    same = tensors.shapes[one] == tensors.shapes.get(other)
    return same and np.array_equal(tensors.read(one), tensors.read(other))


ARCHITECTURE = T5Architecture()
