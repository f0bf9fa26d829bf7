"""The same searches on TensorFlow (graph, all sizes unknown while tracing), JAX (jit) and PyTorch give one result."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import run_script

SCRIPT = Path(__file__).with_name("search_on_one_backend.py")


def results_on(backend):
    done = run_script([SCRIPT], backend)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def tensorflow_results():
    return results_on("tensorflow")


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_backends_agree(tensorflow_results, backend):
    pytest.importorskip(backend)
    results = results_on(backend)
    assert results.keys() == tensorflow_results.keys()
    for name, expected in tensorflow_results.items():
        for field, values in expected.items():
            exact = field not in ("log_probs", "scores")
            tolerance = {} if exact else {"rtol": 1e-5, "atol": 1e-5}
            compare = np.testing.assert_array_equal if exact else np.testing.assert_allclose
            compare(results[name][field], values, err_msg=f"{name}: {field}", **tolerance)


def test_known_answers_of_the_random_numbers(tensorflow_results):
    """Of Random123; the other backends' are compared with these."""
    known = [["6b200159", "99ba4efe"], ["1cb996fc", "bb002be7"], ["c4923a9c", "483df7a0"]]
    assert tensorflow_results["random bits"]["words"] == known


def test_the_cases_are_worth_comparing(tensorflow_results):
    """Hypotheses of several lengths, ended and cut off, and a row that may not produce anything."""
    lengths = np.array(tensorflow_results["gnmt"]["lengths"])
    assert len(set(lengths.ravel().tolist())) >= 4
    assert lengths[3].tolist() == [0, 0, 0]
    assert lengths[4].min() == 7
    samples = {name: str(case["token_ids"]) for name, case in tensorflow_results.items() if "samples" in name}
    assert len(set(samples.values())) == 4
    for name in ("samples", "filtered samples"):
        token_ids = np.array(tensorflow_results[name]["token_ids"])
        assert (token_ids[0, 0] != token_ids[0, 1]).any()
    assert len(np.unique(tensorflow_results["samples of many tokens"]["token_ids"])) > 20
    assert np.array(tensorflow_results["no room at all"]["token_ids"]).shape == (5, 1, 0)
    assert min(tensorflow_results["tags"]["counts"]) >= 1
    assert tensorflow_results["tags"]["tag_ids"] != tensorflow_results["learned tags"]["tag_ids"]
