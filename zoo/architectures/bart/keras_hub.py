"""BART in KerasHub."""

from typing import ClassVar

from zoo.architectures.keras_hub_map import KerasHubMap, block_rules, paths_of_rules
from zoo.architectures.rule import Rule, expand
from zoo.models import EncoderDecoder

_SAME = ("hidden_dim", "intermediate_dim", "num_heads", "dropout", "max_sequence_length")
_SIDES = (
    ("encoder", "source", {"self": "self_attention_layer"}),
    ("decoder", "target", {"self": "self_attention", "cross": "cross_attention"}),
)


class BartKerasHubMap(KerasHubMap):
    """BART."""

    name = "BART"
    backbone = "BartBackbone"
    tokenizer = "BartTokenizer"
    tasks: ClassVar = {"sequence_to_sequence": "BartSeq2SeqLM"}
    kind = "sequence_to_sequence"
    model_class = EncoderDecoder
    fixed: ClassVar = dict(
        activation="gelu",
        layer_norm_epsilon=1e-5,
        norm="post",
        positions="learned",
        embedding_norm=True,
        tied_embeddings="all",
        scale_embedding=False,
        activation_dropout=0.0,
    )
    sizes: ClassVar = {
        "target_vocabulary_size": "vocabulary_size",
        "num_encoder_layers": "num_layers",
        **{name: name for name in _SAME},
    }
    rows_before_positions = 2
    position_tables = tuple(f"{side}_position_embedding/embeddings" for side, _, _ in _SIDES)

    def further_arguments(self, given, backbone, path):
        """Both sides are alike."""
        return {
            **super().further_arguments(given, backbone, path),
            "source_vocabulary_size": given["target_vocabulary_size"],
            "num_decoder_layers": given["num_encoder_layers"],
            "position_offset": self.rows_before_positions,
        }

    def wanted(self, config):
        """Both sides must be alike."""
        wanted = {
            **self.fixed,
            "num_decoder_layers": config["num_encoder_layers"],
            "source_vocabulary_size": config["target_vocabulary_size"],
        }
        for name, like in (("decoder_intermediate_dim", "intermediate_dim"), ("num_decoder_heads", "num_heads")):
            if config[name] is not None:
                wanted[name] = config[like]
        return wanted

    def tensor_names(self, model):
        """Every weight and its path."""
        rules = [Rule("table", "target_embedding.embeddings", "token_embedding/embeddings")]
        for side, text, attentions in _SIDES:
            rules.append(Rule("table", f"{text}_positions.table", f"{side}_position_embedding/embeddings"))
            rules.append(Rule("norm", f"{text}_embedding_norm", f"{side}_embeddings_layer_norm"))
            norms = (*(f"{kind}_attention" for kind in attentions), "feed_forward")
            block = block_rules(f"{side}_blocks.{{i}}", f"transformer_{side}_layer_{{i}}", attentions, norms)
            rules += expand(block, len(getattr(model, f"{side}_blocks")))
        return paths_of_rules(rules)

    def special_tokens(self, tokenizer):
        """As transformers' tokenizer and generation of BART do."""
        return dict(
            start_token_id=tokenizer.eos_id,
            forced_first_token_id=tokenizer.bos_id,
            source_prefix_ids=(tokenizer.bos_id,),
            source_suffix_ids=(tokenizer.eos_id,),
        )


KERAS_HUB = BartKerasHubMap()
