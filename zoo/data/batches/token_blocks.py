"""Batches of consecutive tokens for language models that predict the next one."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.data.batches.batch_position import check_batch_position
from zoo.data.batches.batch_stream import BatchStream
from zoo.data.batches.encoded_pairs import TokenRows
from zoo.errors import UserError


class TokenBlocks:
    """Batches of `batch_size` blocks of consecutive tokens, all of one shape; (seed, epoch) alone decides them.

    The documents make one stream with the end token before each of them, so that it also stands for "a text begins".
    In an epoch every token of the stream is read once and predicted once, from those before it in its block. With
    `shuffle` the documents come in an order drawn anew each epoch, and the stream, closed to a ring, is opened at a
    random place, so that blocks begin elsewhere each time. Only the last block is filled up, and the last batch, with
    weight 0.

    Args:
        documents: Sequences of token ids without special tokens, lists or integer arrays.
        eos_id: The end token.
        block_length: S, tokens of a block: the context of the model.
        batch_size: B.
        seed: int >= 0.
        shuffle: False gives every epoch the documents as they come, cut from the first token on, for validation.
        document_masks: Whether batches tell the documents in a block apart, for a model whose positions see their own
            document alone.

    Raises:
        UserError: For no tokens and numbers that cannot be.

    Example:
        >>> batches = TokenBlocks([[5, 6, 7], [8]], eos_id=0, block_length=4, batch_size=1, shuffle=False)
        >>> for x, labels, weights in batches.epoch(0):
        ...     print(x["token_ids"], labels, weights)
        [[0 5 6 7]] [[5 6 7 0]] [[1. 1. 1. 1.]]
        [[0 8 0 0]] [[8 0 0 0]] [[1. 1. 0. 0.]]
    """

    def __init__(
        self,
        documents: Any,
        *,
        eos_id: int,
        block_length: int,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        document_masks: Any = False,
    ):
        for name, value in (("block_length", block_length), ("batch_size", batch_size)):
            if value < 1:
                raise UserError(f"{name}={value} must be at least 1")
        self._documents = TokenRows.from_sequences([document for document in documents if len(document)])
        if not len(self._documents.tokens):
            raise UserError("there are no tokens to learn from: the text is empty")
        self._eos_id, self._block_length, self._batch_size = eos_id, block_length, batch_size
        self._seed, self._shuffle, self._document_masks = seed, shuffle, document_masks
        self._planned = (None, None, None)

    @property
    def num_tokens(self) -> int:
        """Tokens of the stream, the end tokens included."""
        return len(self._documents.tokens) + len(self._documents.lengths)

    @property
    def num_documents(self) -> int:
        """Documents that have a token."""
        return len(self._documents.lengths)

    def num_batches(self, epoch: int = 0) -> int:
        """Number of batches of any epoch."""
        return -(-self._num_blocks() // self._batch_size)

    def _num_blocks(self):
        return -(-self.num_tokens // self._block_length)

    def epoch(self, epoch: int, skip_batches: int = 0) -> Iterator[Any]:
        """Iterates over the batches of one epoch.

        Args:
            epoch: int >= 0; with `shuffle=False` it makes no difference.
            skip_batches: Number of batches to leave out at the start.

        Yields:
            (x, labels, weights): x is a dict of int32 arrays [B, S], "token_ids" and with `document_masks` also
            "segment_ids", which number the documents of a row from 0; labels int32 [B, S] are the tokens that follow,
            with weights float32 [B, S].

        Raises:
            UserError: when the epoch has fewer than `skip_batches` batches.
        """
        total = self.num_batches(epoch)
        check_batch_position(skip_batches, epoch, total)
        stream, order = self._plan(epoch)
        for index in range(skip_batches, total):
            yield self._batch(stream, order[index * self._batch_size : (index + 1) * self._batch_size])

    def stream(self, start_epoch: int = 0, start_batch: int = 0) -> BatchStream:
        """Returns a `BatchStream`: the batches of all epochs without end, from the given position on."""
        return BatchStream(self, start_epoch, start_batch)

    def _plan(self, epoch):
        """The stream of an epoch from the place where it is opened, and the order of its blocks.

        The stream is (tokens int32 [T], begins bool [T]): whether a token is the end token before a document.
        """
        epoch = epoch if self._shuffle else 0
        known, stream, order = self._planned
        if known == epoch:
            return stream, order
        rng = np.random.default_rng([self._seed, epoch])
        count = self.num_documents
        sequence = rng.permutation(count) if self._shuffle else np.arange(count)
        lengths = self._documents.lengths[sequence]
        begins = np.zeros(self.num_tokens, bool)
        begins[np.cumsum(lengths + 1) - lengths - 1] = True
        tokens = np.full(self.num_tokens, self._eos_id, np.int32)
        tokens[~begins] = self._documents.gather(sequence)
        order = np.arange(self._num_blocks())
        if self._shuffle:
            start = int(rng.integers(self.num_tokens))
            tokens, begins = np.roll(tokens, -start), np.roll(begins, -start)
            order = rng.permutation(order)
        self._planned = (epoch, (tokens, begins), order)
        return (tokens, begins), order

    def _batch(self, stream, blocks):
        tokens, begins = stream
        places = np.full((self._batch_size, self._block_length), len(tokens), np.int64)
        places[: len(blocks)] = blocks[:, None] * self._block_length + np.arange(self._block_length)
        real = places < len(tokens)
        at = np.where(real, places, 0)
        x = {"token_ids": np.where(real, tokens[at], self._eos_id).astype(np.int32)}
        if self._document_masks:
            starts = begins[at] & real
            starts[:, 0] = False
            x["segment_ids"] = np.cumsum(starts, axis=1, dtype=np.int32)
        labels = np.where(real, tokens[(at + 1) % len(tokens)], self._eos_id).astype(np.int32)
        return x, labels, real.astype(np.float32)
