"""An English-German sample corpus of any size: generated sentences with dates, times, prices, units and numbers.

Babel (CLDR) writes dates, figures, prices and units, num2words spells numbers out, and the carrier sentences are ours.
Every translation is exact, so that a small model can be trained and judged within minutes and without a download.
"""

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

from zoo.errors import UserError

Pair = tuple[str, str]

# A draw that repeats this often in a row has run through what the sentences can say.
_MAX_REPEATS = 20_000


class SampleSplits(NamedTuple):
    """Sentence pairs of which no English and no German sentence occurs twice, within a split or across splits."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]


def sample_pairs(count: int, seed: int = 0) -> list[Pair]:
    """English sentences with their German translations, all different.

    Args:
        count: How many. A smaller count with the same seed gives the beginning of a larger one.
        seed: Decides every choice; nothing depends on the clock, the machine or the hash seed.

    Returns:
        `(english, german)` pairs.

    Raises:
        UserError: if Babel or num2words is not installed, or `count` is more than there are sentences.
    """
    if count < 0:
        raise UserError(f"count is {count}; it cannot be negative")
    return list(itertools.islice(_distinct_pairs(seed), count))


def sample_splits(train: int = 20_000, validation: int = 500, test: int = 500, seed: int = 0) -> SampleSplits:
    """Training, validation and test pairs without overlap.

    Validation and test sentences are the same for every size of the training part.

    Args:
        train, validation, test: Number of pairs in each part.
        seed: As in `sample_pairs`.

    Raises:
        UserError: as in `sample_pairs`.
    """
    for name, count in (("train", train), ("validation", validation), ("test", test)):
        if count < 0:
            raise UserError(f"{name} is {count}; it cannot be negative")
    # Fixed shares of the stream would waste it: the small parts come from the front, training from all that follows.
    pairs = _distinct_pairs(seed)
    test_pairs = list(itertools.islice(pairs, test))
    validation_pairs = list(itertools.islice(pairs, validation))
    return SampleSplits(list(itertools.islice(pairs, train)), validation_pairs, test_pairs)


def _distinct_pairs(seed) -> Iterator[Pair]:
    try:
        # Both libraries are the extra "sample", which only this corpus needs.
        from zoo.data.datasets.sample_sentences import Sentences
    except ImportError as error:
        library = (error.name or "").partition(".")[0]
        if library not in ("babel", "num2words"):
            raise
        raise UserError(f"the sample corpus needs {library}: run pip install 'keras-transformer-zoo[sample]'") from None
    sentences = Sentences(random.Random(seed))
    english_seen, german_seen = set(), set()
    repeats = 0
    while repeats < _MAX_REPEATS:
        english, german = sentences.draw()
        if english in english_seen or german in german_seen:
            repeats += 1
            continue
        repeats = 0
        english_seen.add(english)
        german_seen.add(german)
        yield english, german
    raise UserError(f"the sample corpus holds no more than about {len(english_seen)} sentences; ask for fewer")
