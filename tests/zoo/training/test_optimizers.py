import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from zoo.errors import UserError
from zoo.models import GPT2
from zoo.training.optimizers.adam import Adam, AdamW
from zoo.training.optimizers.build_optimizer import build_optimizer
from zoo.training.optimizers.muon import matrices_of_blocks
from zoo.training.optimizers.schedules import InverseSquareRoot

V, D, STEPS = 7, 4, 8
OPTIONS = dict(beta_1=0.9, beta_2=0.98, epsilon=1e-9)


def problem():
    """Initial weights, and for each step ids with repetitions and a target."""
    rng = np.random.default_rng(0)
    weights = {"embeddings": rng.normal(size=(V, D)), "kernel": rng.normal(size=(D, D)), "bias": rng.normal(size=D)}
    ids = [np.array([[1, 1, 1, 2], [2, 5, 1, 0]]), np.array([[3, 3], [6, 3]])] * (STEPS // 2)
    targets = [rng.normal(size=(*i.shape, D)) for i in ids]
    return {name: w.astype("float32") for name, w in weights.items()}, ids, targets


def keras_weights(optimizer, tied=False):
    weights, ids, targets = problem()
    table, kernel, bias = (keras.Variable(weights[name], name=name) for name in ("embeddings", "kernel", "bias"))
    for step_ids, target in zip(ids, targets, strict=True):
        with tf.GradientTape() as tape:
            out = tf.gather(table.value, step_ids) @ kernel.value + bias.value
            loss = tf.reduce_mean((out - tf.constant(target, tf.float32)) ** 2)
            if tied:
                loss += tf.reduce_sum((out @ tf.transpose(table.value)) ** 2) * 1e-2
        gradients = tape.gradient(loss, [table.value, kernel.value, bias.value])
        assert tied or isinstance(gradients[0], tf.IndexedSlices)
        optimizer.apply_gradients(zip(gradients, [table, kernel, bias], strict=True))
    return [variable.numpy() for variable in (table, kernel, bias)]


def torch_weights(weight_decay=0.0, clip_norm=0.0, schedule=lambda step: 0.01, tied=False, factors=(1.0, 1.0, 1.0)):
    weights, ids, targets = problem()
    table, kernel, bias = (torch.nn.Parameter(torch.tensor(weights[n])) for n in ("embeddings", "kernel", "bias"))
    groups = [
        {"params": [parameter], "weight_decay": decay, "factor": factor}
        for parameter, decay, factor in zip(
            (table, kernel, bias), (weight_decay, weight_decay, 0.0), factors, strict=True
        )
    ]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-9)
    for step, (step_ids, target) in enumerate(zip(ids, targets, strict=True)):
        for group in optimizer.param_groups:
            group["lr"] = float(schedule(step)) * group["factor"]
        optimizer.zero_grad()
        out = table[torch.tensor(step_ids)] @ kernel + bias
        loss = torch.mean((out - torch.tensor(target, dtype=torch.float32)) ** 2)
        if tied:
            loss = loss + torch.sum((out @ table.T) ** 2) * 1e-2
        loss.backward()
        if clip_norm:
            torch.nn.utils.clip_grad_norm_([table, kernel, bias], clip_norm)
        optimizer.step()
    return [parameter.detach().numpy() for parameter in (table, kernel, bias)]


def assert_same(ours, reference):
    for mine, theirs in zip(ours, reference, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_adam_equals_torch_on_repeated_ids(tied):
    assert_same(keras_weights(build_optimizer("adam", 0.01, **OPTIONS), tied), torch_weights(tied=tied))


def test_plain_keras_does_not():
    """The reason for our classes; if this fails, Keras has mended it and they can go."""
    ours = keras_weights(keras.optimizers.Adam(0.01, **OPTIONS))
    assert np.abs(ours[0] - torch_weights()[0]).max() > 1e-3


def test_adamw_with_schedule_and_clipping_equals_torch():
    schedule = InverseSquareRoot(0.02, 3)
    optimizer = build_optimizer("adamw", schedule, **OPTIONS, weight_decay=0.3, clip_norm=0.5)
    assert_same(keras_weights(optimizer), torch_weights(0.3, 0.5, schedule))


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
def test_rates_by_variable_equal_torch_parameter_groups(clip_norm):
    factors = {"embeddings": 0.25, "bias": 0.25}
    optimizer = build_optimizer("adamw", 0.02, **OPTIONS, weight_decay=0.3, clip_norm=clip_norm, rate_factors=factors)
    reference = torch_weights(0.3, clip_norm, lambda step: 0.02, factors=(0.25, 1.0, 0.25))
    assert_same(keras_weights(optimizer), reference)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert copy.rate_factors == factors


def test_muon_equals_torch():
    """That of PyTorch rounds to bfloat16 while it makes a matrix orthogonal."""
    rng = np.random.default_rng(8)
    start, gradients = rng.normal(size=(6, 10)).astype("float32"), rng.normal(size=(5, 6, 10)).astype("float32")
    parameter = torch.nn.Parameter(torch.tensor(start))
    reference = torch.optim.Muon([parameter], lr=0.02, weight_decay=0.3, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    kernel = keras.Variable(start, name="kernel")
    optimizer = build_optimizer("muon", 0.02, weight_decay=0.3, matrices=["kernel"])
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        reference.step()
        optimizer.apply([tf.constant(gradient)], [kernel])
    moved = np.abs(kernel.numpy() - start).max()
    np.testing.assert_allclose(kernel.numpy(), parameter.detach().numpy(), atol=0.02 * moved)


def test_muon_is_for_the_matrices_of_blocks():
    model = GPT2(11, hidden_dim=8, intermediate_dim=12, num_heads=2, num_layers=2, max_sequence_length=6)
    model.build()
    paths = matrices_of_blocks(model)
    of_blocks = [v.path for v in model.trainable_variables if "decoder_block" in v.path and len(v.shape) == 2]
    assert sorted(paths) == sorted(of_blocks) and len(paths) == 2 * 6
    optimizer = build_optimizer("muon", InverseSquareRoot(0.1, 5), weight_decay=0.2, matrices=paths)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert copy.get_config() == optimizer.get_config() and copy.matrices == tuple(paths)


def test_only_matrices_decay():
    layers = [keras.layers.Embedding(5, 4), keras.layers.LayerNormalization(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    before = {variable.path: variable.numpy() + 1.0 for variable in model.trainable_variables}
    for variable in model.trainable_variables:
        variable.assign(before[variable.path])
    optimizer = build_optimizer("adamw", 0.1, weight_decay=0.5)
    optimizer.apply([tf.zeros(v.shape) for v in model.trainable_variables], model.trainable_variables)
    decayed = {v.name for v in model.trainable_variables if not np.array_equal(v.numpy(), before[v.path])}
    assert decayed == {"embeddings", "kernel"}
    kernel = layers[2].kernel
    np.testing.assert_allclose(kernel.numpy(), before[kernel.path] * (1 - 0.1 * 0.5), rtol=1e-6)


def test_serialisable():
    optimizer = build_optimizer("adamw", InverseSquareRoot(0.1, 5), weight_decay=0.2, clip_norm=3.0, **OPTIONS)
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(copy) is AdamW and copy.get_config() == optimizer.get_config()
    assert copy.global_clipnorm == 3.0 and copy.weight_decay == 0.2 and copy.epsilon == 1e-9
    assert type(build_optimizer("adam", 0.1)) is Adam


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(name="sgd"), 'unknown optimizer "sgd"'),
        (dict(name="adam", weight_decay=0.1), '"adam" has no weight decay'),
        (dict(name="muon"), '"muon" needs matrices'),
        (dict(name="adamw", matrices=["kernel"]), 'matrices are for "muon", not for "adamw"'),
        (dict(name="adam", beta_2=1.0), "beta_2 must be"),
        (dict(name="adamw", weight_decay=-1.0), "weight_decay must be at least 0"),
        (dict(name="adam", clip_norm=float("nan")), "clip_norm must be at least 0"),
    ],
)
def test_impossible_values(arguments, message):
    with pytest.raises(UserError, match=message):
        build_optimizer(schedule=0.1, **arguments)
