"""What all encoder-decoders have in common: how tasks and `zoo.generation` call them, and their steps with a cache."""

from keras import ops

from zoo.layers.flops import Vectors, flops_in_turn
from zoo.layers.key_value_cache import decode_positions, lengthened_cache
from zoo.models.transformer_model import TransformerModel


class SequenceToSequenceModel(TransformerModel):
    """A model that encodes a source and predicts the next token of a target from those before it and from the source.

    Called on whole sequences it returns logits for training; `encode`, `start_cache` and `decode_step` serve
    `zoo.generation`, one token at a time with a static key-value cache.

    A subclass makes the layers `encoder_blocks`, `encoder_norm`, `decoder_blocks`, `decoder_norm` (None for no norm)
    and `output_embedding`, and gives `embed_source` and `embed_target`.
    """

    def embed_source(self, token_ids, training=None):
        """What the first block of the encoder reads: float `[B, S, D]` of int32 `[B, S]`."""
        raise NotImplementedError

    def embed_target(self, token_ids, index=None, training=None):
        """What the first block of the decoder reads.

        Args:
            token_ids: int32 `[B, T]`, or `[N]` in a step.
            index: int32 scalar, the position of a step.
            training: Whether dropout is active.

        Returns:
            float `[B, T, D]`, or `[N, D]` in a step.
        """
        raise NotImplementedError

    def looked_up(self, side):
        """The layers without products of matrices that make what the "source" or "target" side's first block reads."""
        raise NotImplementedError

    def logits(self, x, output_matrix=None, training=None):
        """float32 logits of the last block's output."""
        x = x if self.decoder_norm is None else self.decoder_norm(x)
        return self.output_embedding.logits(x, output_matrix)

    def source_bias(self, padding_mask):
        """float32 `[B, H, S, S]` to add to the encoder's logits, which hides padding too; None for no bias."""
        return None

    def target_bias(self, length):
        """float32 `[1, H, T, T]` to add to the decoder's logits for itself; None for no bias."""
        return None

    def step_bias(self, index, position):
        """float32 `[1, H, 1, L]` as `target_bias` in a step, which hides what is not visible; None for no bias."""
        return None

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

    def encode(self, source_token_ids, source_padding_mask, training=None):
        """Encodes int32 `[B, S]` to float `[B, S, D]`; the mask is bool or int `[B, S]`, True for real tokens."""
        if not self.built:
            self.build()
        x = self.embed_source(source_token_ids, training=training)
        bias = self.source_bias(source_padding_mask)
        hidden = dict(padding_mask=source_padding_mask) if bias is None else dict(bias=bias)
        for block in self.encoder_blocks:
            x = block(x, **hidden, training=training)
        return x if self.encoder_norm is None else self.encoder_norm(x)

    def decode(self, target_token_ids, encoded, source_padding_mask, training=None):
        """float32 logits `[B, T, V]` for the token after each position of int32 `[B, T]`."""
        x = self.embed_target(target_token_ids, training=training)
        bias = self.target_bias(ops.shape(x)[1])
        for block in self.decoder_blocks:
            x = block(x, encoded, encoded_padding_mask=source_padding_mask, bias=bias, training=training)
        return self.logits(x, training=training)

    def start_cache(self, encoded, max_length, num_hypotheses=1):
        """The decoder's state before its first step.

        Args:
            encoded: float `[B, S, D]`.
            max_length: Steps there is room for; a Python int, or an int32 scalar tensor in a TensorFlow graph.
            num_hypotheses: M, hypotheses per row.

        Returns:
            The cache, a tuple over blocks of keys and values `[B * M, H', max_length, K]`, and the cross-attention
            cache, a tuple over blocks of keys and values `[B, H', S, K]`.
        """
        rows = ops.shape(encoded)[0] * num_hypotheses
        cache = tuple(block.self_attention.empty_cache(rows, max_length) for block in self.decoder_blocks)
        cross_cache = tuple(block.cross_attention.keys_and_values(encoded) for block in self.decoder_blocks)
        return cache, cross_cache

    def lengthened(self, cache, extra):
        """The cache of `decode_step` with room for `extra` more steps, an int32 scalar."""
        return lengthened_cache(cache, extra)

    def output_matrix(self):
        """The matrix `[D, V]` from hidden states to logits, in the compute dtype, for `decode_step`."""
        if not self.built:
            self.build()
        return self.output_embedding.output_matrix()

    def decode_step(self, token_ids, index, cache, cross_cache, source_padding_mask, output_matrix=None):
        """Logits for the next token of each of N = B * M hypotheses.

        Args:
            token_ids: int32 `[N]`, the token at position `index`; the hypotheses of a row next to each other.
            index: int32 scalar.
            cache, cross_cache: from `start_cache` or the step before.
            source_padding_mask: bool or int `[B, S]`.
            output_matrix: `output_matrix()`, computed once before a loop.

        Returns:
            float32 logits `[N, V]` and the new cache.
        """
        x = self.embed_target(token_ids, index, training=False)
        steps = decode_positions([block.self_attention for block in self.decoder_blocks], cache, index)
        bias = self.step_bias(index, steps[0])
        visible = ops.cast(source_padding_mask, "bool")[:, None, None, :]
        new_cache = []
        for block, position, block_cache, encoded_cache in zip(
            self.decoder_blocks, steps, cache, cross_cache, strict=True
        ):
            position = position if bias is None else position._replace(bias=bias)
            x, block_cache = block.step(x, position, block_cache, encoded_cache=encoded_cache, encoded_visible=visible)
            new_cache.append(block_cache)
        return self.logits(x, output_matrix), tuple(new_cache)

    def packings(self):
        """See `TransformerModel`."""
        for block in self.decoder_blocks:
            yield from block.packings()
        yield self.output_embedding.packing()

    def flops(self, inputs):
        """See `TransformerModel`."""
        source, target = (
            Vectors(*inputs[f"{side}_token_ids"].shape).through(*self.looked_up(side)) for side in ("source", "target")
        )
        total, source = flops_in_turn(source, *self.encoder_blocks)
        source = source.through(self.encoder_norm)
        for block in self.decoder_blocks:
            flops, target = block.flops(target, source)
            total += flops
        return total + self.output_embedding.flops(target.through(self.decoder_norm))[0]
