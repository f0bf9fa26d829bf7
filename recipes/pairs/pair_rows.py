"""Pairs of texts as rows of tokens to train on."""

from recipes.encoders.token_rows import TokenRowLists

# Pairs that are tokenised at a time.
_PART = 1000


def pair_rows(texts, task):
    """Rows of tokens of pairs, as the task reads them.

    Args:
        texts: list of objects with a `text` and a `text_pair`.
        task: A `zoo.tasks` task over pairs.

    Returns:
        `TokenRowLists`.
    """
    rows = TokenRowLists()
    for start in range(0, len(texts), _PART):
        part = texts[start : start + _PART]
        columns = [[getattr(text, name) for text in part] for name in task.inputs]
        rows.add(task.encode(*columns).tensors)
    return rows


def pair_examples(texts):
    """Pairs to verify exports with, a dict each."""
    return [{"text": text.text, "text_pair": text.text_pair} for text in texts]


def vocabulary_of_pairs(texts):
    """Yields both texts of every pair."""
    for pair in texts:
        yield pair.text
        yield pair.text_pair
