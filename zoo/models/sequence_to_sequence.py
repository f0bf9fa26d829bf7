"""What all encoder-decoders have in common: how tasks and `zoo.generation` call them."""

from keras import ops

from zoo.models.transformer_model import TransformerModel


class SequenceToSequenceModel(TransformerModel):
    """A model with `encode`, `decode`, `decoder_blocks`, `output_embedding` and `decode_step`.

    Blocks of the decoder have `self_attention` and `cross_attention`, and a `step` with a static key-value cache.
    """

    def call(self, inputs, training=None):
        """Logits of a batch with teacher forcing.

        Args:
            inputs: dict of `source_token_ids` int32 `[B, S]`, `source_padding_mask` bool or int `[B, S]`, and
                `target_token_ids` int32 `[B, T]`, shifted right (first the start token).
            training: Whether dropout is active.

        Returns:
            float32 `[B, T, V]`.
        """
        mask = inputs["source_padding_mask"]
        encoded = self.encode(inputs["source_token_ids"], mask, training=training)
        return self.decode(inputs["target_token_ids"], encoded, mask, training=training)

    def start_cache(self, encoded, max_length, num_hypotheses=1):
        """The decoder's state before its first step.

        Args:
            encoded: float `[B, S, D]`.
            max_length: Steps there is room for; a Python int, or an int32 scalar tensor in a TensorFlow graph.
            num_hypotheses: K, hypotheses per row.

        Returns:
            The cache, a tuple over blocks of keys and values `[B * K, H, max_length, head_dim]`, and the
            cross-attention cache, a tuple over blocks of keys and values `[B, H, S, head_dim]`.
        """
        rows = ops.shape(encoded)[0] * num_hypotheses
        cache = tuple(block.self_attention.empty_cache(rows, max_length) for block in self.decoder_blocks)
        cross_cache = tuple(block.cross_attention.keys_and_values(encoded) for block in self.decoder_blocks)
        return cache, cross_cache

    def output_matrix(self):
        """The matrix `[D, V]` from hidden states to logits, in the compute dtype, for `decode_step`."""
        if not self.built:
            self.build()
        return self.output_embedding.output_matrix()
