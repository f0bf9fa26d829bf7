"""What all models that predict the next token have in common: how they are called, and their steps with a cache."""

from keras import ops

from zoo.layers.flops import Vectors, flops_in_turn
from zoo.layers.key_value_cache import decode_positions, lengthened_cache
from zoo.layers.prompt_chunk import PromptChunk, chunk_length, reads_in_chunks
from zoo.layers.rotary_positions import shared_rotations
from zoo.layers.row_blocks import MOST_LOGITS, in_blocks
from zoo.models.transformer_model import TransformerModel


class Decoder(TransformerModel):
    """A model of causal blocks that predicts the next token from those before it.

    Called on whole sequences it returns logits for training; `prefill`, `start_cache` and `decode_step` serve
    `zoo.generation`, one token at a time after a prompt.

    A subclass makes the layers `token_embedding`, `position_embedding` (None where positions are no vectors),
    `dropout`, `decoder_blocks`, `final_norm` and `output_embedding` (which may be the token embedding); and has a
    `hidden_dim` and a `max_sequence_length`, which steps do not go beyond.
    """

    def build(self, input_shape=None):
        """Creates every weight; the shapes depend on the configuration alone."""
        hidden = (None, None, self.hidden_dim)
        for embedding in (self.token_embedding, self.output_embedding):
            if not embedding.built:
                embedding.build((None, None))
        for layer in (self.position_embedding, *self.decoder_blocks, self.final_norm):
            if layer is not None:
                layer.build(hidden)
        self.built = True

    def call(self, inputs, training=None):
        """Logits of the token after each position.

        Args:
            inputs: dict of `token_ids` int32 `[B, T]`, padding at the end, and optionally `padding_mask` bool or int
                `[B, T]`, True for real tokens, which changes nothing for them, and `segment_ids` int32 `[B, T]` of
                documents packed in one row, each of its own number: a position sees only its own document, and
                positions are counted from its start.
            training: Whether dropout is active.

        Returns:
            float32 `[B, T, V]`.
        """
        return self.logits(self._hidden_states(inputs, training))

    def _hidden_states(self, inputs, training=None):
        """The last block's output `[B, T, D]` for the inputs of `call`."""
        attention_mask, positions = None, None
        if inputs.get("segment_ids") is not None:
            attention_mask, positions = _within_segments(ops.convert_to_tensor(inputs["segment_ids"]))
        x = self.token_embedding(inputs["token_ids"])
        if self.position_embedding is not None:
            x = self.position_embedding(x, positions)
        x = self.dropout(x, training=training)
        for block, rotation in self._with_rotations(x, positions):
            x = block(x, attention_mask=attention_mask, rotation=rotation, training=training)
        return x

    def log_probs(self, token_ids, labels):
        """Log-probability of a token after each position.

        Never has more than `MOST_LOGITS` logits at a time under TensorFlow.

        Args:
            token_ids: int32 `[B, T]`, padding at the end.
            labels: int32 `[B, T]`, the token after each position.

        Returns:
            float32 `[B, T]`.
        """

        def of_positions(x, labels):
            return token_log_probs(self.logits(x), labels)

        x = ops.reshape(self._hidden_states({"token_ids": token_ids}), (-1, self.hidden_dim))
        found = in_blocks(of_positions, (x, ops.reshape(labels, (-1,))), max(MOST_LOGITS // self.vocabulary_size, 1))
        return ops.reshape(found, ops.shape(labels))

    def logits(self, x, output_matrix=None):
        """float32 logits of the last block's output."""
        return self.output_embedding.logits(self.final_norm(x), output_matrix)

    def _with_rotations(self, x, positions=None):
        """Pairs of each block and the rotation of its attention, for `[B, T, D]` at positions 0 to T - 1 if None."""
        positions = ops.arange(ops.shape(x)[1]) if positions is None else positions
        rotations = shared_rotations(self._attentions(), positions)
        return zip(self.decoder_blocks, rotations, strict=True)

    def _attentions(self):
        return [block.self_attention for block in self.decoder_blocks]

    def prefill(self, token_ids, padding_mask=None):
        """Keys and values of prompts, which stand at positions 0 to P - 1.

        Args:
            token_ids: int32 `[B, P]`, padding at the end; P may be 0.
            padding_mask: bool or int `[B, P]`, True for real tokens; all are if None.

        Returns:
            The prompt's cache, a tuple over blocks of keys and values `[B, H', P, K]`; of blocks with a window of W
            positions `[B, H', min(P, W - 1), K]`, the last of each prompt at the end.
        """
        if not self.built:
            self.build()
        lengths = None
        if padding_mask is not None:
            lengths = ops.sum(ops.cast(padding_mask, "int32"), axis=1)
        if reads_in_chunks(self.max_sequence_length):
            return self._prefill_in_chunks(token_ids, lengths)
        x = self.token_embedding(token_ids)
        if self.position_embedding is not None:
            x = self.position_embedding(x)
        prompt_cache = []
        for block, rotation in self._with_rotations(x):
            x, keys_and_values = block.prefill(x, rotation, lengths)
            prompt_cache.append(keys_and_values)
        return tuple(prompt_cache)

    def _prefill_in_chunks(self, token_ids, lengths):
        """The same under TensorFlow, with no more than some tokens on their way through the blocks at a time."""
        import tensorflow as tf

        token_ids = tf.convert_to_tensor(token_ids)
        rows, length = tf.unstack(tf.shape(token_ids))
        lengths = tf.fill([rows], length) if lengths is None else lengths
        attentions = self._attentions()
        size = chunk_length(rows, length, max(layer.num_heads for layer in attentions))

        def read(start, caches):
            stop = tf.minimum(start + size, length)
            positions = tf.range(start, stop)
            x = self.token_embedding(token_ids[:, start:stop])
            if self.position_embedding is not None:
                x = self.position_embedding(x, positions)
            kept = []
            for (block, rotation), cache in zip(self._with_rotations(x, positions), caches, strict=True):
                x, cache = block.prefill(x, rotation, chunk=PromptChunk(start, lengths, cache))
                kept.append(cache)
            return stop, tuple(kept)

        empty = tuple(
            layer.empty_cache(rows, length, None if layer.window is None else layer.window - 1) for layer in attentions
        )
        return tf.while_loop(lambda start, _: start < length, read, (0, empty), parallel_iterations=1)[1]

    def start_cache(self, num_rows, max_length, prompt_cache=None):
        """The state before the first step: an empty cache, or one that begins with the prompts.

        Args:
            num_rows: N, prompts times hypotheses of each.
            max_length: Steps there is room for. Both are Python ints, or int32 scalar tensors in a TensorFlow graph.
            prompt_cache: from `prefill`, of N prompts with one hypothesis each; `decode_step` then needs fewer
                operations and gets no prompt cache itself.

        Returns:
            The cache, a tuple over blocks of keys and values `[N, H', max_length, K]` in the compute dtype, with P
            more positions in front if these are the prompts'; of blocks with a window not more than that.
        """
        attentions = self._attentions()
        if prompt_cache is None:
            return tuple(layer.empty_cache(num_rows, max_length, layer.window) for layer in attentions)
        cache = []
        for layer, prompt in zip(attentions, prompt_cache, strict=True):
            most = None if layer.window is None else layer.window - ops.shape(prompt[0])[2]
            room = layer.empty_cache(num_rows, max_length, most)
            cache.append(tuple(ops.concatenate(parts, axis=2) for parts in zip(prompt, room, strict=True)))
        return tuple(cache)

    def after_prompts(self, token_ids, padding_mask, max_length, num_hypotheses=1):
        """What a search over continuations of prompts needs.

        Args:
            token_ids, padding_mask: As of `prefill`.
            max_length: As of `start_cache`.
            num_hypotheses: M, continuations of each prompt.

        Returns:
            The cache before the first step, and a function `step(token_ids, index, cache)` that is `decode_step` after
            these prompts.
        """
        prompt_cache = self.prefill(token_ids, padding_mask)
        rows = ops.shape(token_ids)[0] * num_hypotheses
        if num_hypotheses == 1:
            cache, prompt_cache = self.start_cache(rows, max_length, prompt_cache), None
        else:
            cache = self.start_cache(rows, max_length)
        output_matrix = self.output_matrix()

        def step(token_ids, index, cache):
            return self.decode_step(token_ids, index, cache, prompt_cache, padding_mask, output_matrix)

        return cache, step

    def lengthened(self, cache, extra):
        """The cache of `decode_step` with room for `extra` more steps, an int32 scalar."""
        return tuple(
            lengthened_cache(each, extra, layer.window) for each, layer in zip(cache, self._attentions(), strict=True)
        )

    def output_matrix(self):
        """The matrix `[D, V]` from hidden states to logits, in the compute dtype, for `decode_step`."""
        if not self.built:
            self.build()
        return self.output_embedding.output_matrix()

    def decode_step(self, token_ids, index, cache, prompt_cache, prompt_mask, output_matrix=None):
        """Logits for the next token of each of N = B * M hypotheses, M to a prompt.

        A token stands as many positions after the real tokens of its prompt as `index` says. Beyond
        `max_sequence_length` it gets the last position: rows that have ended may be carried on with others.

        Args:
            token_ids: int32 `[N]`, the token at position `index`; the hypotheses of a row next to each other.
            index: int32 scalar, counted from the end of each prompt.
            cache: from `start_cache` or the step before.
            prompt_cache: from `prefill`, of the B prompts; None where `start_cache` was given it.
            prompt_mask: bool or int `[B, P]`, True for real tokens.
            output_matrix: `output_matrix()`, computed once before a loop.

        Returns:
            float32 logits `[N, V]` and the new cache.
        """
        prompt_mask = ops.convert_to_tensor(prompt_mask)
        rows = ops.shape(prompt_mask)[0]
        positions = ops.sum(ops.cast(prompt_mask, "int32"), axis=1, keepdims=True) + index
        positions = ops.minimum(positions, self.max_sequence_length - 1)
        x = self.token_embedding(token_ids)
        if self.position_embedding is not None:
            x = self.position_embedding.at(ops.reshape(x, (rows, -1, self.hidden_dim)), positions)
            x = ops.reshape(x, (-1, self.hidden_dim))
        # The hypotheses of a prompt are at the same position.
        same = ops.zeros_like(ops.reshape(token_ids, (rows, -1)), dtype="int32")
        positions = ops.reshape(positions + same, (-1,))
        apart = prompt_cache is not None
        steps = decode_positions(self._attentions(), cache, index, positions, prompt_mask, apart)
        prompts = prompt_cache if apart else [None] * len(steps)
        new_cache = []
        for block, position, block_cache, prompt in zip(self.decoder_blocks, steps, cache, prompts, strict=True):
            x, block_cache = block.step(x, position, block_cache, prompt)
            new_cache.append(block_cache)
        return self.logits(x, output_matrix), tuple(new_cache)

    def packings(self):
        """See `TransformerModel`."""
        for block in self.decoder_blocks:
            yield from block.packings()
        yield self.output_embedding.packing()

    def flops(self, inputs):
        """See `TransformerModel`."""
        vectors = Vectors(*inputs["token_ids"].shape).through(self.token_embedding, self.position_embedding)
        flops, vectors = flops_in_turn(vectors, *self.decoder_blocks)
        return flops + self.output_embedding.flops(vectors.through(self.final_norm))[0]


def _within_segments(segment_ids):
    """Which positions `[B, T, T]` each position of int32 `[B, T]` may see, and its own number within its segment."""
    order = ops.arange(ops.shape(segment_ids)[1])
    same = segment_ids[:, :, None] == segment_ids[:, None, :]
    visible = ops.logical_and(same, order[:, None] >= order[None, :])
    return visible, ops.sum(ops.cast(visible, "int32"), axis=-1) - 1


def token_log_probs(logits, labels):
    """Log-probabilities of tokens, float32 `[...]`, by logits `[..., V]` and token ids `[...]`."""
    chosen = ops.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    return chosen - ops.logsumexp(logits, axis=-1)
