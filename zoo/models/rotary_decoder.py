"""What decoders with rotary positions and root mean square normalisation are made of: Llama's kind and Gemma's."""

import keras

from zoo.errors import UserError
from zoo.layers import TokenEmbedding, TransformerBlock
from zoo.layers.query_blocks import splits_queries
from zoo.layers.rms_norm import RMSNorm
from zoo.models.decoder import Decoder

INITIALIZER_STDDEV = 0.02


class RotaryDecoder(Decoder):
    """A `Decoder` of gated feed-forward networks and attention that differs from block to block.

    Args:
        config: The arguments of the subclass by name, which `get_config` gives back. Those that all have are
            `vocabulary_size`, `hidden_dim`, `intermediate_dim`, `num_heads`, `num_key_value_heads`, `head_dim`,
            `num_layers`, `max_sequence_length`, `activation`, `qk_norm`, `norm_epsilon`, `tied_embeddings`, `dropout`
            and `attention_dropout`.
        attentions: For each block a dict of further arguments of `Attention`.
        order: Of `TransformerBlock`.
        feed_forward_bias: Whether feed-forward networks have biases.
        scale_embedding: Whether token vectors are multiplied by sqrt(D).
        norm_unit_offset: See `RMSNorm`.
    """

    def __init__(
        self,
        config,
        attentions,
        order,
        feed_forward_bias=False,
        scale_embedding=False,
        norm_unit_offset=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = config
        self.vocabulary_size = config["vocabulary_size"]
        self.hidden_dim = config["hidden_dim"]
        self.num_layers = config["num_layers"]
        self.max_sequence_length = config["max_sequence_length"]
        self.tied_embeddings = config["tied_embeddings"]

        def embedding(name, scale=False):
            return TokenEmbedding(
                self.vocabulary_size,
                self.hidden_dim,
                scale=scale,
                initializer_stddev=INITIALIZER_STDDEV,
                dtype=self.dtype_policy,
                name=name,
            )

        self.token_embedding = embedding("token_embedding", scale_embedding)
        self.output_embedding = self.token_embedding if self.tied_embeddings else embedding("output_embedding")
        self.position_embedding = None
        attention = dict(
            num_heads=config["num_heads"],
            num_key_value_heads=config["num_key_value_heads"],
            head_dim=config["head_dim"],
            qk_norm=config["qk_norm"],
            norm_epsilon=config["norm_epsilon"],
            norm_unit_offset=norm_unit_offset,
            dropout=config["attention_dropout"],
            initializer_stddev=INITIALIZER_STDDEV,
        )
        feed_forward = dict(
            intermediate_dim=config["intermediate_dim"],
            activation=config["activation"],
            gated=True,
            use_bias=feed_forward_bias,
            initializer_stddev=INITIALIZER_STDDEV,
        )
        self.decoder_blocks = [
            TransformerBlock(
                self.hidden_dim,
                {**attention, **own},
                feed_forward,
                causal=True,
                dropout=config["dropout"],
                norm="rms",
                order=order,
                norm_epsilon=config["norm_epsilon"],
                norm_unit_offset=norm_unit_offset,
                dtype=self.dtype_policy,
                name=f"decoder_block_{i}",
            )
            for i, own in enumerate(attentions)
        ]
        for block in self.decoder_blocks:
            block.self_attention.in_blocks = splits_queries(self.max_sequence_length)
        self.final_norm = RMSNorm(config["norm_epsilon"], norm_unit_offset, dtype=self.dtype_policy, name="final_norm")
        self.dropout = keras.layers.Dropout(config["dropout"], dtype=self.dtype_policy, name="dropout")

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}


def one_for_each(name, given, num_layers):
    """A list of what each block gets, of such a list or of one value for all.

    Raises:
        UserError: for a list of another length, with the name of the argument.
    """
    if not isinstance(given, (list, tuple)):
        return [given] * num_layers
    if len(given) != num_layers:
        raise UserError(f"{name} has {len(given)} values for {num_layers} layers")
    return list(given)
