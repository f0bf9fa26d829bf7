"""Rows of tokens and tags that a token classifier learns from, made of texts with entities."""

from dataclasses import dataclass, field

import numpy as np

from zoo.data.batches.label_alignment import AlignmentReport, token_labels, word_tags
from zoo.data.batches.token_windows import window_starts
from zoo.data.readers.entities import entities_in_bytes, unit_offsets

_CHUNK = 512
SPECIAL_TOKENS = 2
"""The begin and end token of every row."""


@dataclass
class EntityRows:
    """N rows, each a window of a text between its begin and end token.

    Attributes:
        token_ids: list of N int32 arrays.
        tag_ids: list of N int32 arrays of the same lengths; 0 where there is no label.
        weights: list of N int32 arrays of the same lengths: 1 where there is a label.
        text_ids: list of N int, the text that each row is from, counted from 0.
        report: How well words fit the entities.
        num_texts: Texts that the rows are from; those without a token have none.
        word_counts: int64 [C], how many words have each tag.
    """

    token_ids: list = field(default_factory=list)
    tag_ids: list = field(default_factory=list)
    weights: list = field(default_factory=list)
    text_ids: list = field(default_factory=list)
    report: AlignmentReport = field(default_factory=AlignmentReport)
    num_texts: int = 0
    word_counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self):
        return len(self.token_ids)


def entity_rows(texts, tokenize, tag_ids, *, bos_id, eos_id, window, overlap, subwords="first"):
    """Tokenizes texts, gives their words tags and cuts them into windows.

    Words are the tokenizer's own. In a text with the tokens of its file, a word inside a token, behind its first, has a
    label only if it is in an entity: the file says that "@user" is none, not that "user" alone would be none. With
    "token" it has none in entities either.

    Args:
        texts: Iterable of `EntityText`.
        tokenize: From a list of str to ragged `token_ids`, `word_ids`, `starts` and `ends`, the offsets in bytes, as
            `tokenize_with_offsets` of a tokenizer gives them.
        tag_ids: `TagIds` of the labels.
        bos_id, eos_id: Ids of the special tokens around each row.
        window: Most tokens of a row, special tokens included.
        overlap: Tokens that neighbouring windows of a longer text share. They are learnt from in both.
        subwords: Which tokens of a word have a label, see `token_labels`; or "token" for the first one of each token of
            the file alone, as in the token classification examples of transformers.

    Returns:
        `EntityRows`.

    Raises:
        UserError: for a window or overlap that cannot be.
        KeyError: for a label that `tag_ids` lacks; see `zoo.data.readers.entities.check_entity_labels`.
    """
    rows = EntityRows(word_counts=np.zeros(len(tag_ids.tags), np.int64))
    size = window - SPECIAL_TOKENS
    for chunk in _chunks(texts):
        tokens = tokenize([text.text for text in chunk])
        splits = tokens.token_ids.row_splits.numpy()
        columns = [getattr(tokens, name).flat_values.numpy() for name in ("token_ids", "word_ids", "starts", "ends")]
        for text, start, stop in zip(chunk, splits[:-1], splits[1:], strict=True):
            ids, words, starts, ends = (column[start:stop] for column in columns)
            if len(ids):
                word_starts, tags = _word_tag_ids(text, words, starts, ends, tag_ids, rows.report)
                labelled = _begins_token(text, word_starts)
                if subwords != "token":
                    labelled |= tags > 0
                rows.word_counts += np.bincount(tags[labelled], minlength=len(rows.word_counts))
                labels = token_labels(
                    np.where(labelled[words], words, -1), tags, "first" if subwords == "token" else subwords
                )
                for first in window_starts(len(ids), size, size - overlap):
                    _add(rows, ids, labels, slice(first, first + size), bos_id, eos_id)
            rows.num_texts += 1
    return rows


def _chunks(texts):
    chunk = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _word_tag_ids(text, words, starts, ends, tag_ids, report):
    """Starts in bytes and tag ids, int [W] and int32 [W], of the words of a text."""
    begins = np.flatnonzero(np.diff(words, prepend=-1))
    word_starts, word_ends = starts[begins], np.maximum.reduceat(ends, begins)
    # Some tokenizers keep the blank before a word, which is no part of an entity.
    content = np.frombuffer(text.text.encode("utf-8", "replace") + b"\0", np.uint8)
    word_starts = word_starts + ((content[word_starts] == ord(" ")) & (word_ends - word_starts > 1))
    entities = entities_in_bytes(text.text, text.entities)
    return word_starts, tag_ids(word_tags(word_starts, word_ends, entities, report, text))


def _begins_token(text, word_starts):
    """bool [W], which words are the first of a token of the file; all of them in a text without such tokens."""
    if text.tokens is None:
        return np.ones(len(word_starts), bool)
    token_starts = unit_offsets(text.text, "bytes")[[start for start, _ in text.tokens]]
    return np.diff(np.searchsorted(token_starts, word_starts, "right"), prepend=-1) > 0


def _add(rows, ids, labels, part, bos_id, eos_id):
    rows.token_ids.append(np.concatenate([[bos_id], ids[part], [eos_id]]).astype(np.int32))
    rows.tag_ids.append(np.pad(labels.tag_ids[part], 1))
    rows.weights.append(np.pad(labels.weights[part].astype(np.int32), 1))
    rows.text_ids.append(rows.num_texts)
