"""Blocked top-k and log-probabilities against sorting and float64."""

import numpy as np
import pytest
from keras import ops

from zoo.generation.next_tokens import best_next_tokens
from zoo.generation.top_k import top_k


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 1024, 1031, 9712, 9973, 10000])
@pytest.mark.parametrize("k", [1, 2, 9, 21])
@pytest.mark.parametrize("kind", ["distinct", "ties", "mostly -inf", "all -inf"])
def test_equals_stable_sort(size, k, kind):
    if k > size:
        return
    rng = np.random.default_rng(size + k)
    values = rng.normal(size=(5, size)).astype("float32")
    if kind == "ties":
        values = np.round(values * 2) / 2
    elif kind == "mostly -inf":
        values[rng.random(values.shape) < 0.999] = -np.inf
    elif kind == "all -inf":
        values[:] = -np.inf
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    best, positions = (ops.convert_to_numpy(part) for part in top_k(ops.convert_to_tensor(values), k))
    np.testing.assert_array_equal(best, np.take_along_axis(values, order, axis=1))
    possible = np.isfinite(best)
    np.testing.assert_array_equal(positions[possible], order[possible])
    assert positions.min() >= 0
    assert positions.max() < size


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("blocked_share", [None, 0.5, 0.999])
@pytest.mark.parametrize("size", [6, 5000])
def test_log_probs_equal_float64(scale, blocked_share, size):
    rng = np.random.default_rng(0)
    logits = (rng.normal(size=(4, size)) * scale + 1e3).astype("float32")
    logits[0, 1:3] = -np.inf
    blocked = None if blocked_share is None else rng.random(logits.shape) < blocked_share
    if blocked is not None:
        # The peak itself is blocked: what remains may be so improbable that its probability underflows.
        blocked[1, logits[1].argmax()] = True
    given = allowed = ops.convert_to_tensor(logits)
    if blocked is not None:
        allowed = ops.convert_to_tensor(np.where(blocked, -np.inf, logits).astype("float32"))
    found, token_ids = best_next_tokens(given, allowed, 3)
    found, token_ids = ops.convert_to_numpy(found), ops.convert_to_numpy(token_ids)
    exact = logits.astype("float64")
    peak = exact.max(axis=1, keepdims=True)
    exact = exact - peak - np.log(np.exp(exact - peak).sum(axis=1, keepdims=True))
    if blocked is not None:
        exact = np.where(blocked, -np.inf, exact)
    expected = -np.sort(-exact, axis=1)[:, :3]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-4)  # logits near 1e3 have steps of 6e-5
    assert (found <= 0).all()
    possible = np.isfinite(found)
    picked = np.take_along_axis(exact, token_ids, axis=1)
    np.testing.assert_allclose(found[possible], picked[possible], rtol=1e-5, atol=2e-4)
