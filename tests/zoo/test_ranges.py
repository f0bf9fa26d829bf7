import math

import pytest

from zoo.errors import UserError
from zoo.ranges import check_range


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0, dict(least=1), "n must be at least 1, got 0"),
        (-1, dict(least=0), "n must be at least 0, got -1"),
        (0.0, dict(above=0), "n must be above 0, got 0.0"),
        (1.0, dict(least=0, below=1), "n must be at least 0 and below 1, got 1.0"),
        (1.5, dict(above=0, most=1), "n must be above 0 and at most 1, got 1.5"),
        (101, dict(least=0, most=100), "n must be between 0 and 100, got 101"),
        (math.nan, dict(least=0), "n must be at least 0, got nan"),
        (math.nan, dict(below=1), "n must be below 1, got nan"),
    ],
)
def test_a_number_outside_is_refused(value, bounds, message):
    with pytest.raises(UserError) as error:
        check_range("n", value, **bounds)
    assert str(error.value) == message


def test_bounds_may_be_reached_or_not_and_none_passes():
    for value, bounds in ((1, dict(least=1, most=1)), (0.5, dict(above=0, below=1)), (None, dict(least=1))):
        check_range("n", value, **bounds)
