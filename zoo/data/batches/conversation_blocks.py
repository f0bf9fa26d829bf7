"""Batches of whole conversations, several in a row, of which only the answers are learned."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from zoo.data.batches.batch_position import check_batch_position
from zoo.data.batches.batch_stream import BatchStream
from zoo.errors import UserError


class ConversationTokens(NamedTuple):
    """One conversation.

    Attributes:
        token_ids: int32 [T].
        learned: bool [T], whether a token belongs to an answer, its end token included.
    """

    token_ids: np.ndarray
    learned: np.ndarray


class ConversationBlocks:
    """Batches of rows that are filled with whole conversations, all of one shape; (seed, epoch) alone decides them.

    Conversations are put into rows once, the longest first, each into the first row with room for it (first-fit
    decreasing); an epoch has the rows in another order. In a row each conversation is a segment of its own, which a
    model is to read alone. What is longer than a row loses its end; a conversation without an answer in what is left is
    left out.

    Args:
        conversations: `ConversationTokens`.
        block_length: S, tokens of a row: the context of the model.
        batch_size: B.
        pad_id: What fills up rows.
        seed: int >= 0.
        shuffle: False gives every epoch the rows in one order, for validation.

    Attributes:
        num_conversations: Those that are read.
        num_cut: How many of them lose their end.
        num_left_out: Those that are not read.
        num_learned: Tokens of an epoch that are predicted.

    Raises:
        UserError: For no answer, and numbers that cannot be.

    Example:
        >>> said = ConversationTokens(np.array([5, 6, 7, 8]), np.array([False, False, True, True]))
        >>> batches = ConversationBlocks([said], block_length=4, batch_size=1, pad_id=0, shuffle=False)
        >>> for x, labels, weights in batches.epoch(0):
        ...     print(x["token_ids"], labels, weights)
        [[5 6 7 0]] [[6 7 8 0]] [[0. 1. 1. 0.]]
    """

    def __init__(
        self,
        conversations: Iterable[ConversationTokens],
        *,
        block_length: int,
        batch_size: int,
        pad_id: int,
        seed: int = 0,
        shuffle: bool = True,
    ):
        for name, value in (("block_length", block_length), ("batch_size", batch_size)):
            if value < 1:
                raise UserError(f"{name}={value} must be at least 1")
        self._block_length, self._batch_size, self._pad_id = block_length, batch_size, pad_id
        self._seed, self._shuffle = seed, shuffle
        # A row reads all tokens of a conversation but the last, and predicts all but the first.
        longest, read = block_length + 1, []
        self.num_cut = self.num_left_out = 0
        for token_ids, learned in conversations:
            if not learned[1:longest].any():
                self.num_left_out += 1
                continue
            self.num_cut += len(token_ids) > longest
            read.append(ConversationTokens(token_ids[:longest], learned[:longest]))
        if not read:
            raise UserError(
                "there is no answer to learn from: no conversation has one within its first "
                f"{longest} tokens; more are read with a larger context"
            )
        self.num_conversations = len(read)
        self.num_learned = sum(int(each.learned[1:].sum()) for each in read)
        self._rows = _first_fit_decreasing(read, block_length)

    def num_batches(self, epoch: int = 0) -> int:
        """Number of batches of any epoch."""
        return -(-len(self._rows) // self._batch_size)

    def epoch(
        self, epoch: int, skip_batches: int = 0
    ) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]]:
        """Iterates over the batches of one epoch.

        Args:
            epoch: int >= 0; with `shuffle=False` it makes no difference.
            skip_batches: Number of batches to leave out at the start.

        Yields:
            (x, labels, weights): x is a dict of int32 arrays [B, S], "token_ids" and "segment_ids", which number the
            conversations of a row from 0; labels int32 [B, S] are the tokens that follow, with weights float32 [B, S],
            1 for those of answers.

        Raises:
            UserError: when the epoch has fewer than `skip_batches` batches.
        """
        total = self.num_batches(epoch)
        check_batch_position(skip_batches, epoch, total)
        order = np.arange(len(self._rows))
        if self._shuffle:
            order = np.random.default_rng([self._seed, epoch]).permutation(order)
        for index in range(skip_batches, total):
            yield self._batch(order[index * self._batch_size : (index + 1) * self._batch_size])

    def stream(self, start_epoch: int = 0, start_batch: int = 0) -> BatchStream:
        """Returns a `BatchStream`: the batches of all epochs without end, from the given position on."""
        return BatchStream(self, start_epoch, start_batch)

    def _batch(self, rows):
        shape = (self._batch_size, self._block_length)
        token_ids, labels = (np.full(shape, self._pad_id, np.int32) for _ in range(2))
        segment_ids, weights = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        for place, row in enumerate(rows):
            start = number = 0
            for number, conversation in enumerate(self._rows[row]):
                part = slice(start, start + len(conversation.token_ids) - 1)
                token_ids[place, part] = conversation.token_ids[:-1]
                labels[place, part] = conversation.token_ids[1:]
                weights[place, part] = conversation.learned[1:]
                segment_ids[place, part] = number
                start = part.stop
            segment_ids[place, start:] = number + 1
        return {"token_ids": token_ids, "segment_ids": segment_ids}, labels, weights


def _first_fit_decreasing(conversations, block_length):
    """Lists of conversations that fit into a row each."""
    rows, room = [], []
    # Rows that are full are not looked at any more.
    first = 0
    for conversation in sorted(conversations, key=lambda each: -len(each.token_ids)):
        length = len(conversation.token_ids) - 1
        place = next((place for place in range(first, len(rows)) if room[place] >= length), None)
        if place is None:
            place = len(rows)
            rows.append([])
            room.append(block_length)
        rows[place].append(conversation)
        room[place] -= length
        while first < len(rows) and room[first] == 0:
            first += 1
    return rows
