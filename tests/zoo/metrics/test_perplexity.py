import math

import numpy as np
import pytest

from zoo.metrics import Perplexity


def test_values_follow_from_the_probability_of_the_text():
    p = np.array([0.5, 0.25, 0.125, 0.5])
    found = Perplexity(float(-np.log(p).mean()), tokens=4, num_bytes=7, block_length=8, stride=4)
    assert found.per_token == pytest.approx(math.prod(p) ** (-1 / 4))
    assert found.bits_per_byte == pytest.approx(7 / 7)
    assert found.per_byte == pytest.approx(math.prod(p) ** (-1 / 7))
    assert found.to_dict().keys() == {
        *("nll", "tokens", "num_bytes", "block_length", "stride"),
        *("per_token", "per_byte", "bits_per_byte"),
    }
    assert Perplexity(1e4, 1, 1, 1, 1).per_token == math.inf
