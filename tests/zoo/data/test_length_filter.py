import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.batches.length_filter import LengthFilter
from zoo.errors import UserError


def reason(source, target, max_source, max_target, ratio):
    """The rule, one pair at a time."""
    if not source or not target:
        return "empty"
    if source + 1 > max_source:
        return "source_too_long"
    if target + 1 > max_target:
        return "target_too_long"
    if ratio is not None and max(source / target, target / source) > ratio:
        return "ratio"
    return "kept"


@given(
    lengths=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30),
    ratio=st.sampled_from([None, 1.0, 1.5, 3.0]),
)
def test_against_one_pair_at_a_time(lengths, ratio):
    limits = LengthFilter(8, 10, ratio)
    report = limits.report()
    source, target = np.array(lengths, int).reshape(-1, 2).T
    keep = limits.kept(source[:5], target[:5], report).tolist() + limits.kept(source[5:], target[5:], report).tolist()
    expected = [reason(a, b, 8, 10, ratio) for a, b in lengths]
    assert keep == [each == "kept" for each in expected]
    for name in ("kept", "empty", "source_too_long", "target_too_long", "ratio"):
        assert getattr(report, name) == expected.count(name)
    assert report.total == len(lengths)


def test_report_in_one_line():
    limits = LengthFilter(8, 10, 2.5)
    report = limits.report()
    limits.kept(np.full(1990, 5), np.full(1990, 5), report)
    assert str(report) == "kept 1,990 of 1,990 pairs"
    limits.kept(np.array([0, 7, 8, 5, 2]), np.array([5, 7, 8, 10, 7]), report)
    assert str(report) == (
        "kept 1,991 of 1,995 pairs; dropped 4 (0.20%): 1 empty, 1 with source longer than 8 tokens, "
        "1 with target longer than 10 tokens, 1 with a length ratio above 2.5"
    )
    assert "ratio" not in str(LengthFilter(8, 10).report())


def test_impossible_limits():
    with pytest.raises(UserError, match="max_source_length=1 "):
        LengthFilter(1, 10)
    with pytest.raises(UserError, match="max_target_length=0 "):
        LengthFilter(10, 0)
    for ratio in (0.5, float("nan")):
        with pytest.raises(UserError, match="max_length_ratio"):
            LengthFilter(10, 10, ratio)
