"""Adapters beside projections: what they compute, fold into, are stored as, and leave alone."""

import math

import keras
import numpy as np
import pytest
from changed_models import ENCODER_INPUTS, PAIR_INPUTS, TOKEN_IDS, make_classifier, make_gpt2, make_t5, quantize

from zoo.adapters import (
    METHODS,
    AdaptedProjections,
    Bottleneck,
    LowRank,
    Rescaling,
    Tuning,
    WeightDecomposed,
    adapters_of,
    fold_adapters,
)
from zoo.checkpoints.hugging_face import save_hugging_face
from zoo.checkpoints.preset import load_preset, save_preset
from zoo.errors import UserError
from zoo.layers import Projection
from zoo.models import training_flops
from zoo.weights import PackedWeights, with_dtype

MODELS = {
    "classifier": (make_classifier, ENCODER_INPUTS),
    "gpt2": (make_gpt2, {"token_ids": TOKEN_IDS}),
    "t5": (make_t5, PAIR_INPUTS),
}
ADDING = ("lora", "dora", "ia3", "adapter")
every_method = pytest.mark.parametrize("method", ADDING)


def outputs(model, inputs):
    return keras.ops.convert_to_numpy(model(inputs))


def body(model):
    return getattr(model, "encoder", model) if "Classifier" in type(model).__name__ else model


def tuned(name, method, **options):
    """A tiny model whose adapters have learned something, and its inputs."""
    make, inputs = MODELS[name]
    model = make()
    before = outputs(model, inputs)
    Tuning(method, **options).apply(model, body(model))
    np.testing.assert_allclose(outputs(model, inputs), before, rtol=0, atol=1e-6)
    rng = np.random.default_rng(3)
    for adapter in adapters_of(model).values():
        for weight in adapter.weights:
            weight.assign(weight.numpy() + rng.normal(scale=0.3, size=weight.shape))
    return model, inputs


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def by_hand(adapter, x, kernel, bias):
    """What the publications say, in float64."""
    weights = {weight.name: weight.numpy().astype("float64") for weight in adapter.weights}
    y = x @ kernel + bias
    if isinstance(adapter, WeightDecomposed):
        changed = kernel + adapter.alpha / adapter.rank * weights["down"] @ weights["up"]
        return x @ (weights["magnitude"] * changed / np.sqrt((changed**2).sum(0))) + bias
    if isinstance(adapter, LowRank):
        return y + adapter.alpha / adapter.rank * (x @ weights["down"]) @ weights["up"]
    if isinstance(adapter, Rescaling):
        return (x * weights["factors"]) @ kernel + bias if adapter.of_inputs else y * weights["factors"]
    hidden = gelu(y @ weights["down"] + weights["down_bias"])
    return y + hidden @ weights["up"] + weights["up_bias"]


@pytest.mark.parametrize(
    "adapter",
    [LowRank(2), LowRank(3, alpha=1.5), WeightDecomposed(2), Rescaling(), Rescaling(of_inputs=True), Bottleneck(3)],
    ids=lambda adapter: type(adapter).__name__,
)
def test_a_projection_computes_what_its_adapter_says(adapter):
    rng = np.random.default_rng(1)
    adapter = type(adapter).from_config(adapter.get_config())
    layer = Projection(4)
    layer.build((None, 5))
    layer.bias.assign(rng.normal(size=4))
    layer.attach(adapter)
    assert layer.trainable_variables == adapter.trainable_variables
    for weight in adapter.weights:
        weight.assign(weight.numpy() + rng.normal(size=weight.shape))
    x = rng.normal(size=(3, 2, 5)).astype("float32")
    kernel, bias = layer.kernel.numpy().astype("float64"), layer.bias.numpy().astype("float64")
    expected = by_hand(adapter, x.astype("float64"), kernel, bias)
    np.testing.assert_allclose(outputs(layer, x), expected, rtol=1e-4, atol=1e-5)
    if adapter.folds:
        kernel, bias = layer.folded()
        np.testing.assert_allclose(x @ kernel + bias, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="adapters are for built layers"):
        layer.attach(LowRank(2))
    layer.detach()
    assert layer.adapter is None and layer.trainable_variables == [layer.kernel, layer.bias]
    np.testing.assert_allclose(outputs(layer, x), x @ layer.kernel.numpy() + layer.bias.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [LowRank, WeightDecomposed])
def test_dropout_is_of_what_adapters_read_and_of_training_alone(make):
    layer = Projection(4)
    layer.build((None, 5))
    layer.attach(make(2, dropout=0.5))
    layer.adapter.up.assign(np.ones((2, 4)))
    x = np.random.default_rng(2).normal(size=(6, 5)).astype("float32")
    still = outputs(layer, x)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer(x, training=False)), still)
    dropped = keras.ops.convert_to_numpy(layer(x, training=True))
    assert np.abs(dropped - still).max() > 1e-3


@pytest.mark.parametrize(
    ("name", "method"), [*(("classifier", each) for each in ADDING), ("gpt2", "ia3"), ("t5", "dora")]
)
def test_adapters_fold_and_are_read_again(tmp_path, name, method):
    model, inputs = tuned(name, method)
    expected = outputs(model, inputs)
    assert np.abs(expected - outputs(MODELS[name][0](), inputs)).max() > 1e-2
    model.save(tmp_path / "model.keras")
    save_preset(tmp_path / "preset", task="Any", task_config={}, model=model, assets={})
    again = [keras.saving.load_model(tmp_path / "model.keras"), load_preset(tmp_path / "preset").model]
    for each in (*again, with_dtype(model, "float32")):
        assert adapters_of(each).keys() == adapters_of(model).keys() != set()
        np.testing.assert_allclose(outputs(each, inputs), expected, rtol=0, atol=1e-6)
    if method != "adapter":
        with pytest.raises(UserError, match="the model has adapters, for which these files have no place"):
            save_hugging_face(model, tmp_path / "written", end_token_id=1)
    assert fold_adapters(model) is model
    assert bool(adapters_of(model)) == (method == "adapter")
    np.testing.assert_allclose(outputs(model, inputs), expected, rtol=0, atol=2e-5)


@every_method
def test_packed_matrices_hold_what_adapters_have_learned(method):
    """What they replace may be anything; a bottleneck, which is no part of a matrix, is still read."""
    model, inputs = tuned("gpt2", method)
    expected = outputs(model, inputs)
    packing = PackedWeights(min_decoder_bytes=0)
    with packing.applied_to(model):
        assert packing.applied
        read = {id(variable) for variable in packing.variables(model)}
        for variable in model.variables:
            if id(variable) not in read:
                variable.assign(np.full(variable.shape, np.nan))
        np.testing.assert_allclose(outputs(model, inputs), expected, rtol=0, atol=1e-5)
    of_adapters = [variable for adapter in adapters_of(model).values() for variable in adapter.weights]
    assert {id(variable) in read for variable in of_adapters} == {method == "adapter"}


@pytest.mark.parametrize("method", METHODS)
def test_what_learns(method):
    """The head always, what the method says, and nothing else; training costs accordingly."""
    model = make_classifier()
    whole = training_flops(model, ENCODER_INPUTS)
    Tuning(method, rank=1 if method in ("lora", "dora", "adapter") else None).apply(model, model.encoder)
    learning = [variable.path for variable in model.trainable_variables]
    head = [variable.path for variable in model.trainable_variables if "classifier/" in variable.path]
    assert len(head) == 2
    pooler = {variable.path for variable in model.encoder.pooler.weights}
    encoder = [path for path in learning if path not in pooler and path not in head]
    encoder = {path.rpartition("/")[2] for path in encoder}
    expected = {
        "head": set(),
        "bitfit": {"bias", "beta"},
        "lora": {"down", "up"},
        "dora": {"down", "up", "magnitude"},
        "ia3": {"factors"},
        "adapter": {"down", "down_bias", "up", "up_bias"},
    }
    if method == "full":
        assert len(learning) == len(model.weights) and training_flops(model, ENCODER_INPUTS) == whole
    else:
        assert encoder == expected[method] and model.keeps_base
        assert training_flops(model, ENCODER_INPUTS) < whole


def test_what_cannot_be_tuned_is_refused_by_name():
    cases = [
        (lambda: Tuning("half"), "unknown way of tuning 'half'"),
        (lambda: Tuning("ia3", rank=4), "tuning by 'ia3' has no rank"),
        (lambda: Tuning("bitfit", targets=("query",)), "tuning by 'bitfit' has no targets"),
        (lambda: Tuning("lora", targets=("q_proj",)), "targets of adapters are some of query, .* not q_proj"),
        (lambda: Tuning("lora", targets=("gate",)).apply(make_gpt2()), "no projection of the model is one of gate"),
        (lambda: Tuning("head").apply(make_gpt2()), "nothing of the model would learn"),
    ]
    for make, message in cases:
        with pytest.raises(UserError, match=message):
            make()
    model = make_gpt2()
    AdaptedProjections(lambda _: LowRank(2), ["query"]).apply(model)
    with pytest.raises(UserError, match="the model has adapters already"):
        Tuning("lora").apply(model)
    quantized = make_gpt2()
    quantize(quantized, "int8")
    AdaptedProjections(lambda _: LowRank(2)).apply(quantized)
    with pytest.raises(UserError, match="adapters cannot become part of quantised matrices"):
        fold_adapters(quantized)
