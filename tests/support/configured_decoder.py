"""A decoder made of nothing but configurations of the zoo's layers, as published families use them; on any backend."""

import keras
from keras import ops

from zoo.layers import RMSNorm, RotaryPositions, TokenEmbedding, TransformerBlock
from zoo.models.decoder import Decoder

VOCABULARY = 23
HIDDEN_DIM, INTERMEDIATE_DIM, NUM_LAYERS = 16, 24, 4


class ConfiguredDecoder(Decoder):
    """A decoder without biases and position vectors, normalised by root mean squares.

    Args:
        attentions: Arguments of `Attention` for each block.
        activation: Of the gated feed-forward networks.
        block: Further arguments of `TransformerBlock`.
        gemma: Whether embeddings are scaled and the weights of normalisations count from 1.
        logit_softcap: Limit of the logits, or None.
    """

    def __init__(self, attentions, activation="swish", block=None, gemma=False, logit_softcap=None, **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim, self.max_sequence_length, self.logit_softcap = HIDDEN_DIM, 64, logit_softcap
        self.token_embedding = TokenEmbedding(VOCABULARY, HIDDEN_DIM, scale=gemma, name="token_embedding")
        self.position_embedding = None
        self.output_embedding = TokenEmbedding(VOCABULARY, HIDDEN_DIM, name="output_embedding")
        self.decoder_blocks = [
            TransformerBlock(
                HIDDEN_DIM,
                {"num_heads": 4, "num_key_value_heads": 2, "use_bias": False, **attention},
                dict(intermediate_dim=INTERMEDIATE_DIM, activation=activation, gated=True, use_bias=False),
                causal=True,
                **{"norm": "rms", "order": "pre", "norm_epsilon": 1e-6, **(block or {})},
                norm_unit_offset=gemma,
                name=f"decoder_block_{i}",
            )
            for i, attention in enumerate(attentions)
        ]
        self.final_norm = RMSNorm(1e-6, gemma, name="final_norm")
        self.dropout = keras.layers.Dropout(0.0)

    def logits(self, x, output_matrix=None):
        logits = super().logits(x, output_matrix)
        return logits if self.logit_softcap is None else ops.tanh(logits / self.logit_softcap) * self.logit_softcap


def gemma2():
    """Grouped heads of their own width, every other block with a window, all softcaps and four normalisations."""
    rotary = RotaryPositions(6)
    attention = dict(head_dim=6, positions=rotary, softcap=1.5, scale=10**-0.5)
    return ConfiguredDecoder(
        [{**attention, "window": window} for window in (3, None, 3, None)],
        "gelu_approximate",
        dict(order="both"),
        gemma=True,
        logit_softcap=2.0,
    )


def gemma3():
    """Normalised queries and keys, and two kinds of rotary positions."""
    attention = dict(head_dim=6, qk_norm=True, norm_unit_offset=True, scale=10**-0.5)
    near, far = (dict(positions=RotaryPositions(6, base), window=w) for base, w in ((100.0, 3), (10000.0, None)))
    attentions = [{**attention, **kind} for kind in (near, near, near, far)]
    return ConfiguredDecoder(attentions, "gelu_approximate", dict(order="both"), gemma=True)


def llama(base=10000.0, scaling=None, dim=4, **attention):
    """As Llama, whose heads are 4 wide."""
    return ConfiguredDecoder([dict(positions=RotaryPositions(dim, base, scaling), **attention)] * NUM_LAYERS)
