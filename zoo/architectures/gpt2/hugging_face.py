"""GPT-2 in Hugging Face directories, whose files have queries, keys and values side by side."""

import math
from typing import ClassVar

from keras import ops

from zoo.architectures.configuration_keys import activation_name
from zoo.architectures.gpt2.model import GPT2
from zoo.architectures.language_model_architecture import LanguageModelArchitecture
from zoo.architectures.tensor_name import TensorName

_SIZES = {
    "vocab_size": "vocabulary_size",
    "n_embd": "hidden_dim",
    "n_head": "num_heads",
    "n_layer": "num_layers",
    "n_positions": "max_sequence_length",
}
_SIDE_BY_SIDE = ("query", "key", "value")
_BLOCK_NORMS = {"self_attention_norm": "ln_1", "feed_forward_norm": "ln_2"}
_BLOCK_LAYERS = {
    **{f"self_attention.{part}": "attn.c_attn" for part in _SIDE_BY_SIDE},
    "self_attention.output_projection": "attn.c_proj",
    "feed_forward.up_projection": "mlp.c_fc",
    "feed_forward.down_projection": "mlp.c_proj",
}
# Their values change what is computed, in ways that are followed.
_SCALES = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False}
# Of precision alone: the zoo takes every softmax in float32.
_PRECISION = "reorder_and_upcast_attn"


class GPT2Architecture(LanguageModelArchitecture):
    """GPT-2, DistilGPT-2 and DialoGPT."""

    model_type = "gpt2"
    class_names = ("GPT2LMHeadModel", "GPT2Model")
    model_class = GPT2
    tokenizer_class = "GPT2Tokenizer"
    prefix = "transformer."
    table = "transformer.wte.weight"
    # Masks that old versions of transformers saved.
    ignored_tensors = (r"h\.\d+\.attn\.(bias|masked_bias)",)
    begins_with_end = True
    has_tokenizer_json = False
    second_names: ClassVar = {
        "num_attention_heads": "n_head",
        "hidden_size": "n_embd",
        "num_hidden_layers": "n_layer",
        "max_position_embeddings": "n_positions",
    }

    def arguments(self, keys):
        """Arguments of `GPT2`."""
        keys.only(add_cross_attention=False, is_encoder_decoder=False, pruned_heads={}, quantization_config=())
        keys.flag(_PRECISION, False)
        self._scales(keys)
        arguments = keys.integers(_SIZES)
        dropout, of_embeddings = keys.number("resid_pdrop", 0.1), keys.number("embd_pdrop", 0.1)
        return {
            **arguments,
            "intermediate_dim": keys.integer("n_inner", 4 * arguments["hidden_dim"]),
            "activation": keys.activation("activation_function", "gelu_new"),
            "dropout": dropout,
            "attention_dropout": keys.number("attn_pdrop", 0.1),
            "embedding_dropout": None if of_embeddings == dropout else of_embeddings,
            "layer_norm_epsilon": keys.number("layer_norm_epsilon", 1e-5),
            "tied_embeddings": keys.flag("tie_word_embeddings", True),
        }

    def finish(self, model, keys):
        """Scales queries where the file's attention is not scaled by the width of a head, to the same effect."""
        scales = self._scales(keys)
        for i, block in enumerate(model.decoder_blocks):
            attention = block.self_attention
            factor = 1.0 if scales["scale_attn_weights"] else math.sqrt(attention.head_dim)
            if scales["scale_attn_by_inverse_layer_idx"]:
                factor /= i + 1
            if factor != 1.0:
                for weight in attention.query.weights:
                    weight.assign(ops.convert_to_tensor(weight) * factor)

    def configuration(self, model):
        """The keys of config.json."""
        config = model.get_config()
        dropout = config["dropout"]
        return {
            **{theirs: config[ours] for theirs, ours in _SIZES.items()},
            "n_inner": config["intermediate_dim"],
            "activation_function": activation_name(config["activation"]),
            "resid_pdrop": dropout,
            "attn_pdrop": config["attention_dropout"],
            "embd_pdrop": dropout if config["embedding_dropout"] is None else config["embedding_dropout"],
            "layer_norm_epsilon": config["layer_norm_epsilon"],
            "tie_word_embeddings": config["tied_embeddings"],
            **_SCALES,
            _PRECISION: False,
        }

    def tensor_names(self, model):
        """Every weight of a built model and its name."""
        names = [
            TensorName("token_embedding.embeddings", self.table),
            TensorName("position_embedding.table", f"{self.prefix}wpe.weight"),
            *self._norm("final_norm", f"{self.prefix}ln_f"),
        ]
        if not model.tied_embeddings:
            names.append(TensorName("output_embedding.embeddings", self.output_matrix))
        for i in range(model.num_layers):
            ours, theirs = f"decoder_blocks.{i}", f"{self.prefix}h.{i}"
            for attribute, name in _BLOCK_NORMS.items():
                names += self._norm(f"{ours}.{attribute}", f"{theirs}.{name}")
            for path, name in _BLOCK_LAYERS.items():
                layer = path.rpartition(".")[2]
                part = (_SIDE_BY_SIDE.index(layer), len(_SIDE_BY_SIDE)) if layer in _SIDE_BY_SIDE else None
                names += [
                    TensorName(f"{ours}.{path}.{weight}", f"{theirs}.{name}.{their_weight}", part=part)
                    for weight, their_weight in (("kernel", "weight"), ("bias", "bias"))
                ]
        return names

    def _norm(self, ours, theirs):
        return [TensorName(f"{ours}.gamma", f"{theirs}.weight"), TensorName(f"{ours}.beta", f"{theirs}.bias")]

    def _scales(self, keys):
        return {key: keys.flag(key, default) for key, default in _SCALES.items()}


ARCHITECTURE = GPT2Architecture()
