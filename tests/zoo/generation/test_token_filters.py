"""Which tokens survive the filters, and with which probabilities, against the logits processors of transformers."""

import numpy as np
import pytest
from keras import ops

from zoo.errors import UserError
from zoo.generation import token_filters
from zoo.generation.token_filters import check_filters, filtered_weights

torch = pytest.importorskip("torch")
processors = pytest.importorskip("transformers.generation.logits_process")

# temperature, top_k, top_p, min_p of each row, alone and together, on and off.
CONTROLS = [
    (1.0, 0, 1.0, 0.0),
    (0.7, 0, 1.0, 0.0),
    (1.0, 1, 1.0, 0.0),
    (1.0, 40, 1.0, 0.0),
    (1.0, 10**9, 1.0, 0.0),
    (1.0, 0, 0.9, 0.0),
    (1.0, 0, 0.999, 0.0),
    (1.0, 0, 1e-6, 0.0),
    (2.5, 0, 0.5, 0.0),
    (1.0, 0, 1.0, 0.05),
    (0.3, 0, 1.0, 0.5),
    (1.0, 50, 0.8, 0.0),
    (1.3, 1500, 0.99, 0.0),
    (1.5, 30, 0.95, 0.1),
    (0.8, 0, 0.6, 0.02),
    (1.0, 2000, 1.0, 0.0),
]


def expected_probabilities(logits, temperature, top_k, top_p, min_p):
    """One row by transformers, in float64."""
    scores = torch.from_numpy(logits[None].astype("float64")) / temperature
    if top_k:
        scores = processors.TopKLogitsWarper(top_k)(None, scores)
    if top_p < 1:
        scores = processors.TopPLogitsWarper(float(np.float32(top_p)))(None, scores)
    if min_p:
        scores = processors.MinPLogitsWarper(min_p)(None, scores)
    return scores.softmax(-1)[0].numpy()


def filtered(logits, controls):
    temperature, top_k, top_p, min_p = (np.array(column) for column in zip(*controls, strict=True))
    weights = ops.convert_to_numpy(
        filtered_weights(
            ops.convert_to_tensor(logits),
            ops.cast(temperature, "float32"),
            ops.cast(top_k, "int32"),
            ops.cast(top_p, "float32"),
            ops.cast(min_p, "float32"),
        )
    )
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("size", [7, 1000, 5003])
def test_equals_transformers(size, scale):
    """16 combinations of controls on distinct random logits, among them impossible ones."""
    logits = (np.random.default_rng(size).normal(size=(len(CONTROLS), size)) * scale).astype("float32")
    logits[:, 3] = -np.inf
    found = filtered(logits, CONTROLS)
    for row, controls in enumerate(CONTROLS):
        expected = expected_probabilities(logits[row], *controls)
        # Where the tokens at the cut have less than float32's share of the sum, one more or less is rounding.
        different = np.flatnonzero((found[row] > 0) != (expected > 0))
        assert len(different) <= (controls[2] == 0.999), controls
        np.testing.assert_allclose(found[row], expected, rtol=2e-5, atol=2e-6 * len(different), err_msg=str(controls))


def test_a_row_does_not_depend_on_what_others_need():
    """Although some of the rows need a search of the whole vocabulary."""
    logits = np.random.default_rng(1).normal(size=(len(CONTROLS), 5003)).astype("float32")
    together = filtered(logits, CONTROLS)
    for row in range(len(CONTROLS)):
        alone = filtered(logits[row : row + 1], CONTROLS[row : row + 1])
        np.testing.assert_array_equal(alone[0] > 0, together[row] > 0)
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-6)


def test_cuts_are_searched_only_for_rows_that_ask(monkeypatch):
    searches = []

    def counted(name):
        function = getattr(token_filters, name)

        def call(*arguments):
            searches.append(name)
            return function(*arguments)

        monkeypatch.setattr(token_filters, name, call)

    counted("best_of")
    counted("_cuts_by_halving")
    logits = np.random.default_rng(1).normal(size=(2, 5003)).astype("float32")
    filtered(logits, [(1.0, 0, 1.0, 0.0), (0.4, 10**6, 1.0, 0.1)])
    assert searches == []
    filtered(logits, [(1.0, 40, 1.0, 0.0), (0.4, 0, 0.3, 0.1)])
    assert searches == ["best_of"]
    filtered(logits, [(1.0, 40, 1.0, 0.0), (1.0, 0, 0.9999, 0.0)])
    assert searches == ["best_of", "best_of", "_cuts_by_halving"]


def test_ties_with_the_last_token_kept_stay():
    found = filtered(np.array([[3.0, 2.0, 2.0, 1.0]] * 2, "float32"), [(1.0, 2, 1.0, 0.0), (1.0, 0, 0.75, 0.0)])
    np.testing.assert_array_equal(found > 0, [[True, True, True, False]] * 2)


def test_logits_that_are_masked_by_a_large_number():
    """Not by -inf; such tokens must not widen the range that is halved."""
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(3, 4000)).astype("float32")
    logits[:, 1000:] = [[-1e4], [-1e9], [np.finfo("float32").min]]
    for controls in ((1.0, 0, 0.9, 0.0), (0.7, 900, 1.0, 0.0), (0.7, 900, 0.95, 0.0)):
        found = filtered(logits, [controls] * 3)
        for row in range(3):
            expected = expected_probabilities(logits[row], *controls)
            np.testing.assert_array_equal(found[row] > 0, expected > 0)
            np.testing.assert_allclose(found[row], expected, rtol=2e-5)


def test_extreme_values_keep_the_best_token():
    logits = np.random.default_rng(2).normal(size=(5, 2000)).astype("float32")
    controls = [
        (1e-30, 0, 1.0, 0.0),
        (1.0, 0, 0.0, 0.0),
        (1.0, 0, 1.0, 7.0),
        (np.inf, 3, 1.0, 0.0),
        (1.0, -4, 1.0, 0.0),
    ]
    logits[3, 5:] = -np.inf
    found = filtered(logits, controls)
    assert (found > 0).sum(axis=1).tolist() == [1, 1, 1, 3, 2000]
    assert (found.argmax(axis=1)[:3] == logits.argmax(axis=1)[:3]).all()
    assert found[3].max() == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("temperature", -0.1),
        ("temperature", float("inf")),
        ("temperature", float("nan")),
        ("temperature", True),
        ("top_k", -1),
        ("top_k", 2.0),
        ("top_p", 0),
        ("top_p", 0.0),
        ("top_p", 1.01),
        ("top_p", -1),
        ("min_p", 1),
        ("min_p", -0.2),
    ],
)
def test_bad_values_are_named(name, bad):
    neutral = dict(temperature=0, top_k=0, top_p=1, min_p=0)
    check_filters(**neutral)
    with pytest.raises(UserError, match=rf"^{name} must"):
        check_filters(**{**neutral, name: bad})
