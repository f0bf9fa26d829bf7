from pathlib import Path

import pytest
from commands import run_python
from recomputed_gradients import CASES, check_gradients, count_calls, tensorflow_gradients

from zoo.layers import TransformerBlock, recompute_blocks


@pytest.mark.parametrize("name", CASES)
def test_gradients_and_random_states_are_those_without(name):
    check_gradients(name, eager=True)


def test_gradients_in_a_graph():
    check_gradients("encoder-decoder")


def test_gradients_in_a_graph_compiled_with_xla():
    check_gradients("encoder", jit_compile=True)


@pytest.mark.parametrize("name", ["encoder-decoder", "t5"])
def test_narrow_floats(name):
    check_gradients(name, "mixed_bfloat16", eager=True)


def test_blocks_are_computed_twice_and_only_in_training():
    make, x = CASES["gpt2"]
    model = make("float32")
    model.build()
    calls = []
    for recompute in (False, True):
        if recompute:
            recompute_blocks(model)
        calls.append(count_calls(TransformerBlock, tensorflow_gradients(model, x, eager=True)))
    assert calls == [3, 6]
    assert count_calls(TransformerBlock, lambda: model(x, training=False)) == 3
    assert type(model).from_config(model.get_config()).decoder_blocks[0].recompute is False


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend):
    pytest.importorskip(backend)
    done = run_python([Path(__file__).with_name("recomputed_gradients.py")], backend=backend)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-1] == "done"
