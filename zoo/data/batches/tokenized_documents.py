"""A compact store of tokenized documents: one flat array of tokens, and where words, lines and documents begin."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from zoo.errors import UserError

_CHUNK_LINES = 1024


@dataclass(frozen=True)
class TokenizedDocuments:
    """D documents of altogether L lines and T tokens, without special tokens; five bytes a token in memory.

    Attributes:
        name: What to call the text in messages.
        tokens: int32 [T].
        word_starts: bool [T + 1], whether a token is the first of its word; True at the end.
        line_splits: int64 [L + 1], where in `tokens` each line begins; the last is T.
        document_splits: int64 [D + 1], which line each document begins with; the last is L.
    """

    name: str
    tokens: np.ndarray
    word_starts: np.ndarray
    line_splits: np.ndarray
    document_splits: np.ndarray

    def __len__(self):
        return len(self.document_splits) - 1

    @property
    def token_splits(self) -> np.ndarray:
        """int64 [D + 1], where in `tokens` each document begins; the last is T."""
        return self.line_splits[self.document_splits]

    @classmethod
    def encode(cls, documents: Any, tokenize: Any, name: str = "the text") -> Self:
        """Tokenizes documents. Lines without a token are left out, and so are documents without one.

        Args:
            documents: Iterable of lists of str, such as `TextDocuments`.
            tokenize: From a list of str to ragged `token_ids` and `word_ids`, as `tokenize_with_offsets` of a tokenizer
                gives them.
            name: What to call the text in messages.

        Raises:
            UserError: when nothing is left.
        """
        tokens, word_starts, line_lengths, lines_of_documents = [], [], [], []

        def add(lines):
            found = tokenize(lines)
            splits = found.token_ids.row_splits.numpy()
            begins = np.diff(found.word_ids.flat_values.numpy(), prepend=-1) != 0
            begins[splits[:-1][splits[:-1] < splits[-1]]] = True
            tokens.append(found.token_ids.flat_values.numpy().astype(np.int32))
            word_starts.append(begins)
            line_lengths.append(np.diff(splits))

        chunk = []
        for document in documents:
            lines_of_documents.append(len(document))
            for line in document:
                chunk.append(line)
                if len(chunk) == _CHUNK_LINES:
                    add(chunk)
                    chunk = []
        if chunk:
            add(chunk)
        lengths = np.concatenate([np.zeros(0, np.int64), *line_lengths])
        if not lengths.any():
            raise UserError(f"{name}: the tokenizer finds no token in it; is it the right file?")
        # Lines that count in each document, and documents that count.
        document_of_line = np.repeat(np.arange(len(lines_of_documents)), lines_of_documents)[lengths > 0]
        lines = np.bincount(document_of_line)
        return cls(
            name=name,
            tokens=np.concatenate(tokens),
            word_starts=np.concatenate([*word_starts, [True]]),
            line_splits=_splits(lengths[lengths > 0]),
            document_splits=_splits(lines[lines > 0]),
        )


def _splits(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
