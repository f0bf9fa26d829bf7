import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from zoo.models import GPT2, training_flops

HERE = Path(__file__).parent


def test_pytorch_counts_the_same_products_forward_and_backward():
    pytest.importorskip("torch")
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(HERE.parents[2])}
    done = subprocess.run(
        [sys.executable, HERE / "counted_by_torch.py"], env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) > 15
    assert {name: ours for name, (ours, _) in found.items()} == {name: theirs for name, (_, theirs) in found.items()}


def test_gpt2_needs_what_the_formula_of_palm_says():
    layers, width, vocabulary_size, length = 3, 16, 23, 10
    model = GPT2(vocabulary_size, width, 4 * width, 4, layers, max_sequence_length=32)
    model.build()
    weights = layers * 12 * width**2 + vocabulary_size * width
    expected = 2 * length * (6 * weights + 12 * layers * length * width)
    assert training_flops(model, {"token_ids": np.zeros((2, length), "int32")}) == expected


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="operations of Sequential cannot be counted"):
        training_flops(keras.Sequential([keras.layers.Dense(3)]), {})
