"""The same searches on TensorFlow (graph, all sizes unknown while tracing), JAX (jit) and PyTorch give one result."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("search_on_one_backend.py")
ROOT = Path(__file__).parents[3]


def results_on(backend):
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run([sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=550)
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
        for field in ("token_ids", "lengths"):
            np.testing.assert_array_equal(results[name][field], expected[field], err_msg=f"{name}: {field}")
        for field in ("log_probs", "scores"):
            np.testing.assert_allclose(
                results[name][field], expected[field], rtol=1e-5, atol=1e-5, err_msg=f"{name}: {field}"
            )


def test_the_cases_are_worth_comparing(tensorflow_results):
    """Hypotheses of several lengths, ended and cut off, and a row that may not produce anything."""
    lengths = np.array(tensorflow_results["gnmt"]["lengths"])
    assert len(set(lengths.ravel().tolist())) >= 4
    assert lengths[3].tolist() == [0, 0, 0]
    assert lengths[4].min() == 7
    assert np.array(tensorflow_results["no room at all"]["token_ids"]).shape == (5, 1, 0)
