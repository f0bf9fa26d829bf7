"""Pairs of texts as tokens for training, written and cut as the task reads and writes them."""

import functools

import numpy as np

from zoo.errors import UserError


def token_arrays(tokenizer, texts):
    """Token ids of each text, a list of numpy arrays."""
    tokens = tokenizer.encode(texts)
    return np.split(tokens.values.numpy(), tokens.row_splits.numpy()[1:-1])


class EncodedTexts:
    """Tokens of texts as the model reads them, cut to its length, and how many were cut.

    Args:
        encode: From a list of str to their tokens, a list of integer arrays.
        prefix: Text before each text.
        before, after: Token ids around those of each text.
        longest: Most tokens of a text with those around it and those that batches put after it; None for any number.
        ending: Number of tokens that batches put after each text: its end token, or a separator.

    Attributes:
        cut: Texts that were cut, and all texts, of those read so far.
    """

    def __init__(self, encode, *, prefix="", before=(), after=(), longest=None, ending=1):
        self._encode, self._prefix = encode, prefix
        self._before, self._after = np.array(before, np.int32), np.array(after, np.int32)
        self._room = None if longest is None else longest - len(before) - len(after) - ending
        self.cut = [0, 0]

    def __call__(self, texts):
        """Tokens of texts, a list of int32 arrays."""
        rows = self._encode([self._prefix + text for text in texts] if self._prefix else texts)
        if self._room is not None:
            self.cut[0] += sum(len(row) > self._room for row in rows)
            self.cut[1] += len(rows)
            rows = [row[: self._room] for row in rows]
        return [np.concatenate([self._before, row, self._after]).astype(np.int32) for row in rows]


def source_end_id(settings):
    """The last token of every source, which batches put there; None for the end token.

    Args:
        settings: `zoo.tasks.SequenceToSequenceSettings`.

    Raises:
        UserError: for sources that end in nothing.
    """
    suffix = settings.source_suffix_ids
    if suffix == ():
        raise UserError("source_suffix_ids is empty: sources that end in no token cannot be trained on here")
    return None if suffix is None else suffix[-1]


def pair_encoders(tokenizers, settings, *, longest=None, ending=1, encode=None):
    """How sources and targets become tokens, in the way that a task reads and writes them.

    Args:
        tokenizers: That of the sources and that of the targets.
        settings: `zoo.tasks.SequenceToSequenceSettings`.
        longest, ending: Of sources; see `EncodedTexts`. The last token of `settings.source_suffix_ids` is for batches
            to put (`source_end_id`).
        encode: From texts to token arrays, for sources and for targets; what the tokenizers give if None.

    Returns:
        Two `EncodedTexts`.
    """
    if encode is None:
        encode = tuple(functools.partial(token_arrays, tokenizer) for tokenizer in tokenizers)
    source = EncodedTexts(
        encode[0],
        prefix=settings.source_prefix,
        before=settings.source_prefix_ids,
        after=(settings.source_suffix_ids or ())[:-1],
        longest=longest,
        ending=ending,
    )
    first = () if settings.forced_first_token_id is None else (settings.forced_first_token_id,)
    return source, EncodedTexts(encode[1], before=first)
