"""What one process stores, a fresh one loads after `import zoo` alone: TensorFlow, and JAX and PyTorch without it."""

import numpy as np
import pytest
from layer_harness import CASES, DECODER_CASES, ENCODER_CASES, MODEL_CASES
from stored_on_one_backend import SEARCHED, STEPPED

every_backend = pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])


@every_backend
def test_stored_layers_and_models_give_equal_outputs(on_backend, backend):
    results = on_backend(backend)["cases"]
    changed = {name for name in results if name.startswith("changed")}
    assert results.keys() - changed == {case.name for case in CASES} and len(changed) == 6
    for name, found in results.items():
        for what, difference in found.items():
            if what != "searches":
                assert difference < 1e-5, f"{name}, {what}"
    assert all("weights" in results[case.name] for case in [*MODEL_CASES, *ENCODER_CASES, *DECODER_CASES])
    assert all("steps" in results[name] for name in STEPPED)
    for name in ("model_pre_none", "decoder_block_post", "tokens_and_next_sentence", "changed_classifier_int8_lora"):
        assert "saved here" in results[name]


@every_backend
def test_steps_of_families_equal_whole_sequences(on_backend, backend):
    found = on_backend(backend)["steps of families"]
    assert len(found) == 2 and max(found.values()) < 1e-5, found


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_models_need_no_tensorflow(on_backend, backend):
    assert not on_backend(backend)["tensorflow imported"]


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("name", SEARCHED)
def test_searches_give_equal_hypotheses(on_backend, backend, name):
    expected = on_backend("tensorflow")["cases"][name]["searches"]
    found = on_backend(backend)["cases"][name]["searches"]
    for search in ("greedy", "beam"):
        for field in ("token_ids", "lengths"):
            np.testing.assert_array_equal(found[search][field], expected[search][field], err_msg=f"{search} {field}")
        for field in ("log_probs", "scores"):
            np.testing.assert_allclose(found[search][field], expected[search][field], rtol=0, atol=1e-5)


def test_the_searches_are_worth_comparing(on_backend):
    """Rows differ, hypotheses of a row differ, and the limit of 3 tokens holds."""
    for name in SEARCHED:
        beam = on_backend("tensorflow")["cases"][name]["searches"]["beam"]
        token_ids = np.array(beam["token_ids"])
        assert len({tuple(row.ravel()) for row in token_ids}) == len(token_ids)
        assert (token_ids[:, 0] != token_ids[:, 1]).any(axis=1).all()
        assert np.array(beam["lengths"])[1].max() <= 3
