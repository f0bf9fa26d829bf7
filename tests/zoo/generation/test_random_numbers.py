"""Known answers of Threefry, and the statistics of what it becomes here."""

import numpy as np
import pytest
from keras import ops

from zoo.generation.random_numbers import threefry, uniform

stats = pytest.importorskip("scipy.stats")

# Of the authors' Random123 (kat_vectors): key, counter, result of threefry2x32 with 20 rounds.
KNOWN_ANSWERS = [
    ("00000000 00000000", "00000000 00000000", "6b200159 99ba4efe"),
    ("ffffffff ffffffff", "ffffffff ffffffff", "1cb996fc bb002be7"),
    ("13198a2e 03707344", "243f6a88 85a308d3", "c4923a9c 483df7a0"),
]


def words(texts):
    """int32 [n, 2] from two unsigned hexadecimal words each."""
    return np.array([[int(word, 16) for word in text.split()] for text in texts], "uint32").view("int32")


def plain_threefry(key, counter):
    """The same in Python's unbounded integers."""
    mask = 2**32 - 1
    keys = [*key, key[0] ^ key[1] ^ 0x1BD11BDA]
    first, second = (counter[0] + keys[0]) & mask, (counter[1] + keys[1]) & mask
    for number in range(20):
        places = (13, 15, 26, 6, 17, 29, 16, 24)[number % 8]
        first = (first + second) & mask
        second = (((second << places) | (second >> (32 - places))) & mask) ^ first
        if number % 4 == 3:
            injection = number // 4 + 1
            first = (first + keys[injection % 3]) & mask
            second = (second + keys[(injection + 1) % 3] + injection) & mask
    return first, second


def test_known_answers():
    keys, counters, answers = (words(column) for column in zip(*KNOWN_ANSWERS, strict=True))
    found = threefry((keys[:, 0], keys[:, 1]), (counters[:, 0], counters[:, 1]))
    np.testing.assert_array_equal(np.stack([ops.convert_to_numpy(part) for part in found], axis=1), answers)


def test_equals_unbounded_integers():
    """2,000 random keys and counters; the upper 24 bits are the fraction."""
    numbers = np.random.default_rng(0).integers(-(2**31), 2**31, size=(4, 2000)).astype("int32")
    numbers[1] = 0
    expected = [plain_threefry(column[:2], column[2:]) for column in numbers.view("uint32").T.tolist()]
    found = threefry((numbers[0], numbers[1]), (numbers[2], numbers[3]))
    found = np.stack([ops.convert_to_numpy(part) for part in found], axis=1)
    np.testing.assert_array_equal(found.view("uint32"), expected)
    fractions = ops.convert_to_numpy(uniform(numbers[0], numbers[2], numbers[3]))
    assert fractions.dtype == np.float32
    np.testing.assert_array_equal(fractions, [(first >> 8) / 2**24 for first, _ in expected])


def draws(seeds, steps, samples):
    """float32 [seeds, steps, samples] with consecutive seeds from -500 on."""
    return ops.convert_to_numpy(
        uniform(
            np.arange(-500, seeds - 500, dtype="int32")[:, None, None],
            np.arange(steps, dtype="int32")[:, None],
            np.arange(samples, dtype="int32"),
        )
    )


def test_uniform_and_independent():
    """A million numbers: of consecutive seeds, steps and samples, each by itself and in pairs with its neighbours.

    The p-values are fixed by the seeds; 1e-3 would be missed by chance once in a hundred choices of them.
    """
    numbers = draws(1000, 100, 10)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.histogram(numbers, bins=1000, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > 1e-3
    lower_bits = np.bincount((numbers.ravel() * 2**24).astype("int64") % 256)
    assert stats.chisquare(lower_bits).pvalue > 1e-3
    pairs = {
        "seeds": (numbers[:-1:2], numbers[1::2]),
        "steps": (numbers[:, :-1:2], numbers[:, 1::2]),
        "samples": (numbers[:, :, :-1:2], numbers[:, :, 1::2]),
        "seed and step": (numbers[:-1, 1:], numbers[1:, :-1]),
        "step and sample": (numbers[:, :-1, 1:], numbers[:, 1:, :-1]),
    }
    for name, (left, right) in pairs.items():
        cells = np.histogram2d(left.ravel(), right.ravel(), bins=32, range=[(0, 1), (0, 1)])[0]
        assert stats.chisquare(cells.ravel()).pvalue > 1e-3, name
        assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 4 / np.sqrt(left.size), name


def test_a_number_depends_on_its_own_three_integers():
    numbers = draws(6, 5, 4)
    alone = ops.convert_to_numpy(uniform(ops.array([-497], dtype="int32"), 4, 2))
    assert alone.tolist() == [numbers[3, 4, 2]]
    # Counters are no part of each other or of the seed.
    assert len(np.unique(numbers)) == numbers.size


@pytest.mark.parametrize("seed", [-(2**31), -1, 0, 2**31 - 1])
def test_every_integer_is_a_seed(seed):
    numbers = ops.convert_to_numpy(uniform(ops.array([seed], dtype="int32"), np.arange(4000, dtype="int32")))
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
