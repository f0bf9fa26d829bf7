"""Documents in which every token has an id of its own, so that each can be found again."""

import numpy as np

from zoo.data.batches.tokenized_documents import TokenizedDocuments

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIAL = (PAD, UNK, CLS, SEP, MASK)
IDS = dict(bos_id=CLS, eos_id=SEP, pad_id=PAD)
FIRST = len(SPECIAL)
"""The id of the first token of the first document; the others count on from it."""


def documents_of(lines):
    """From documents as lists of lines as lists of word lengths."""
    words = [length for document in lines for line in document for length in line]
    line_lengths = [sum(line) for document in lines for line in document]
    starts = np.zeros(sum(words) + 1, bool)
    starts[np.cumsum([0, *words])] = True
    return TokenizedDocuments(
        "corpus.txt",
        np.arange(FIRST, FIRST + sum(words), dtype=np.int32),
        starts,
        np.cumsum([0, *line_lengths]),
        np.cumsum([0, *map(len, lines)]),
    )


def random_documents(seed, count, most_lines=12, most_words=15):
    rng = np.random.default_rng(seed)
    return documents_of(
        [
            [
                rng.choice([1, 1, 1, 2, 3], rng.integers(1, most_words + 1)).tolist()
                for _ in range(rng.integers(1, most_lines + 1))
            ]
            for _ in range(count)
        ]
    )


def word_of_token(documents):
    """int [T]: the number of the word that each token is part of."""
    return np.cumsum(documents.word_starts[:-1])


def document_of_token(documents):
    """int [T]."""
    return np.repeat(np.arange(len(documents)), np.diff(documents.token_splits))


def all_rows(plan):
    return plan.rows(np.arange(len(plan)))
