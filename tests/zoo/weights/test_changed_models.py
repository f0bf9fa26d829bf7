"""Quantised layers and low-rank adapters: read again as they were, copied, and counted."""

import functools
import json

import keras
import numpy as np
import pytest
from changed_models import (
    ENCODER_INPUTS,
    NAMES,
    TOKEN_IDS,
    add_adapters,
    changed_models,
    make_classifier,
    make_encoder_decoder,
    make_gpt2,
    make_t5,
    quantize,
)

from zoo.adapters import AdaptedProjections, LowRank
from zoo.checkpoints.preset import load_preset, save_preset
from zoo.errors import UserError
from zoo.models import training_flops
from zoo.weights import QuantizedWeights, StoredPrecision, layers_by_path, with_dtype

every_change = pytest.mark.parametrize("name", NAMES)


@functools.cache
def changed():
    """Models and inputs by name; not made while tests are collected, which every worker does."""
    return {name: (model, inputs) for name, model, inputs in changed_models()}


def outputs(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs))


def preset(directory, model):
    save_preset(directory, task="Any", task_config={}, model=model, assets={})
    return directory


@every_change
def test_changed_models_are_read_again_as_they_were(tmp_path, name):
    model, inputs = changed()[name]
    expected = outputs(model, inputs)
    model.save(tmp_path / "model.keras")
    for again in (keras.saving.load_model(tmp_path / "model.keras"), load_preset(preset(tmp_path / "p", model)).model):
        np.testing.assert_allclose(outputs(again, inputs), expected, rtol=0, atol=1e-6)
        modes = {path: layer.quantization_mode for path, layer in layers_by_path(model).items()}
        assert {path: layer.quantization_mode for path, layer in layers_by_path(again).items()} == modes


@pytest.mark.parametrize("mode", ["int8", None])
def test_forms_are_applied_and_undone(mode):
    """Quantised as layer by layer; with adapters as before until these have learned, and again when they are gone."""
    model, expected = make_gpt2(), make_gpt2()
    inputs = {"token_ids": TOKEN_IDS}
    if mode is not None:
        quantize(expected, mode)
        form = QuantizedWeights(mode)
        assert form.apply(model) is model and form.saved(model).keys() == form.saved(expected).keys() != set()
        assert form.score_tolerance is None
        with pytest.raises(UserError, match="QuantizedWeights does not keep what the weights were"):
            form.undo(model)
    before = outputs(expected, inputs)
    np.testing.assert_array_equal(outputs(model, inputs), before)
    trained = [variable.path for variable in model.trainable_variables]
    adapters = AdaptedProjections(lambda _: LowRank(2))
    with adapters.applied_to(model):
        np.testing.assert_allclose(outputs(model, inputs), before, rtol=0, atol=1e-6)
        added = [variable for variable in model.trainable_variables if variable.path.endswith(("/down", "/up"))]
        assert len(added) == 2 * 12 and len(added) + 1 < len(adapters.variables(model))
        for variable in added:
            variable.assign(np.full(variable.shape, 0.2))
        assert np.abs(outputs(model, inputs) - before).max() > 1e-2
    np.testing.assert_array_equal(outputs(model, inputs), before)
    assert [variable.path for variable in model.trainable_variables] == trained
    half = StoredPrecision("bfloat16").apply(model)
    assert half is not model and {variable.dtype for variable in half.trainable_variables} == {"bfloat16"}
    np.testing.assert_allclose(outputs(half, inputs), before, rtol=0, atol=0.5)


@pytest.mark.parametrize("make", [make_gpt2, make_classifier, make_encoder_decoder, make_t5])
def test_changes_change_what_models_answer(make):
    """Otherwise nothing here would show anything."""
    model = make()
    inputs = next(inputs for each, inputs in changed().values() if type(each) is type(model))
    before = outputs(model, inputs)
    quantize(model, "int8")
    quantized = outputs(model, inputs)
    add_adapters(model)
    assert np.abs(quantized - before).max() > 1e-3
    assert np.abs(outputs(model, inputs) - quantized).max() > 1e-2


def test_quantised_weights_are_int8_in_the_file(tmp_path):
    import h5py

    types = {}
    with h5py.File(preset(tmp_path, changed()["changed_gpt2_int8"][0]) / "model.weights.h5") as file:
        file.visititems(lambda name, found: types.update({name: getattr(found, "dtype", None)}))
    assert sum(dtype == np.int8 for dtype in types.values()) == 12


def test_a_quantised_preset_is_read_in_another_precision(tmp_path):
    model, inputs = changed()["changed_gpt2_int8"]
    half = load_preset(preset(tmp_path, model), dtype="mixed_bfloat16").model
    assert half.decoder_blocks[0].self_attention.query.dtype_policy.name == "int8_from_mixed_bfloat16"
    np.testing.assert_allclose(outputs(half, inputs), outputs(model, inputs), rtol=0, atol=0.2)


def test_a_path_that_leads_nowhere_is_refused(tmp_path):
    preset(tmp_path, changed()["changed_gpt2_int8"][0])
    config = json.loads((tmp_path / "config.json").read_text())
    layers = config["model"]["build_config"]["quantized_layers"]
    layers["decoder_blocks/7/self_attention/query"] = layers.pop("decoder_blocks/0/self_attention/query")
    del config["sha256"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="no layer decoder_blocks/7/self_attention/query, which is to be int8"):
        load_preset(tmp_path)


def test_presets_hold_no_optimizer(tmp_path):
    import h5py

    model = make_classifier()
    alone = preset(tmp_path / "alone", model) / "model.weights.h5"
    model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(ENCODER_INPUTS, np.array([0, 2]), verbose=0)
    optimizer = model.optimizer
    trained = preset(tmp_path / "trained", model) / "model.weights.h5"
    names = [set(), set()]
    for path, found in zip((alone, trained), names, strict=True):
        with h5py.File(path) as file:
            file.visit(found.add)
    assert names[0] == names[1]
    assert model.optimizer is optimizer and int(optimizer.iterations) == 1
    model.fit(ENCODER_INPUTS, np.array([0, 2]), verbose=0)


@pytest.mark.parametrize("name", ["changed_classifier_lora", "changed_classifier_int8_lora"])
def test_copies_in_float32_answer_alike(name):
    """What ends a run in mixed precision."""
    model, inputs = changed()[name]
    copy = with_dtype(model, "float32")
    np.testing.assert_allclose(outputs(copy, inputs), outputs(model, inputs), rtol=0, atol=1e-5)
    assert copy.encoder.encoder_blocks[0].self_attention.query.lora_enabled == name.endswith("int8_lora")


def test_a_mixed_precision_model_with_adapters_becomes_float32():
    model = make_classifier(dtype="mixed_bfloat16")
    add_adapters(model)
    copy = with_dtype(model, "float32")
    assert copy.compute_dtype == copy.encoder.compute_dtype == "float32"
    np.testing.assert_allclose(outputs(copy, ENCODER_INPUTS), outputs(model, ENCODER_INPUTS), rtol=0, atol=0.2)


def test_operations_of_changed_models():
    """T = 5 tokens in B = 2 rows; D = 16, intermediate 24, V = 23; by hand."""
    positions = TOKEN_IDS.size
    inputs = {"token_ids": TOKEN_IDS}
    dense = 2 * positions * 2 * (4 * 16 * 16 + 2 * 16 * 24)
    table = 2 * positions * 16 * 23
    attention = 2 * 2 * 2 * positions * 5 * 16
    assert training_flops(make_gpt2(), inputs) == 3 * (dense + table + attention)
    # Matrices of int8 have no gradient: only the table and what lies before it is trained.
    assert training_flops(changed()["changed_gpt2_int8"][0], inputs) == 2 * dense + 3 * (table + attention)
    assert training_flops(changed()["changed_gpt2_int4"][0], inputs) == 2 * dense + 3 * (table + attention)
    model = make_gpt2()
    add_adapters(model, rank=2)
    adapters = 2 * positions * 2 * 2 * (4 * (16 + 16) + 2 * (16 + 24))
    assert training_flops(model, inputs) == 2 * dense + 3 * (adapters + table + attention)
