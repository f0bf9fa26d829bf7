"""Training on another backend than TensorFlow, checked against numpy; run as a program with KERAS_BACKEND set."""

import contextlib
import gzip
import json
import logging
import re
import sys
from pathlib import Path

import keras
import numpy as np
from tiny_run import VOCABULARY_SIZE, batch_of_one_shape, tiny_model, train_tiny, weights_of

from zoo.training.callbacks.profile import Profile
from zoo.training.optimizers.build_optimizer import build_optimizer
from zoo.training.runs.averaging import average_checkpoints, select_checkpoints
from zoo.training.runs.resume import Resume
from zoo.training.updates.token_loss import TokenCrossEntropy


class LogitTable(keras.layers.Layer):
    """Logits that are weights, so that one training step shows the gradient of the loss."""

    def build(self, shape):
        self.table = self.add_weight(shape=(2, 3, VOCABULARY_SIZE), name="table")

    def call(self, inputs):
        return self.table + 0.0 * keras.ops.cast(inputs[:, :, None], "float32")


def check_loss_and_gradient():
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(2, 3, VOCABULARY_SIZE)) * 4
    labels = rng.integers(0, VOCABULARY_SIZE, (2, 3)).astype("int32")
    weights = np.array([[1, 1, 0], [1, 0, 0]], "float32")
    smoothing = 0.1
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    target = (1 - smoothing) * np.eye(VOCABULARY_SIZE)[labels] + smoothing / VOCABULARY_SIZE
    loss = ((-target * np.log(probabilities)).sum(-1) * weights).sum() / weights.sum()
    gradient = (probabilities - target) * weights[..., None] / weights.sum()

    layer = LogitTable()
    model = keras.Sequential([keras.Input(batch_shape=(2, 3), dtype="int32"), layer])
    layer.table.assign(logits)
    model.compile(keras.optimizers.SGD(1.0), loss=TokenCrossEntropy(smoothing))
    ours = model.train_on_batch(labels, labels, sample_weight=weights)
    np.testing.assert_allclose(ours, loss, rtol=1e-5)
    np.testing.assert_allclose(logits - weights_of(model)[0], gradient, atol=2e-6)


def check_optimizer():
    """AdamW with clipping on given gradients, step by step in float64."""
    rng = np.random.default_rng(6)
    kernel, bias = rng.normal(size=(3, 2)).astype("float32"), rng.normal(size=2).astype("float32")
    variables = [keras.Variable(kernel, name="kernel"), keras.Variable(bias, name="bias")]
    optimizer = build_optimizer("adamw", 0.1, beta_1=0.9, beta_2=0.98, weight_decay=0.3, clip_norm=2.0)
    expected = [kernel.astype("float64"), bias.astype("float64")]
    m, v = [0.0, 0.0], [0.0, 0.0]
    for step in range(1, 6):
        gradients = [rng.normal(size=variable.shape) * step for variable in expected]
        optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32")) for g in gradients], variables)
        norm = np.sqrt(sum((g**2).sum() for g in gradients))
        for i, gradient in enumerate(gradients):
            gradient = gradient * min(1.0, 2.0 / norm)
            m[i] = 0.9 * m[i] + 0.1 * gradient
            v[i] = 0.98 * v[i] + 0.02 * gradient**2
            decay = 0.3 if i == 0 else 0.0
            update = (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.98**step)) + 1e-9)
            expected[i] = expected[i] - 0.1 * (decay * expected[i] + update)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(np.asarray(keras.ops.convert_to_numpy(variable.value)), value, atol=2e-6)


def check_muon():
    """Muon on a matrix and AdamW on the rest, on given gradients, step by step in float64."""
    rng = np.random.default_rng(7)
    start = [rng.normal(size=shape).astype("float32") for shape in ((3, 5), (5, 3), (4, 3), (3,))]
    variables = [
        keras.Variable(value, name=name) for value, name in zip(start, ("wide", "tall", "table", "bias"), strict=True)
    ]
    optimizer = build_optimizer(
        "muon", 0.1, beta_1=0.9, beta_2=0.98, weight_decay=0.3, matrices=[variable.path for variable in variables[:2]]
    )
    expected = [value.astype("float64") for value in start]
    m, v = [0.0] * 4, [0.0] * 4
    for step in range(1, 6):
        gradients = [rng.normal(size=value.shape) for value in start]
        optimizer.apply([keras.ops.convert_to_tensor(g.astype("float32")) for g in gradients], variables)
        for i, gradient in enumerate(gradients):
            if i < 2:
                m[i] = 0.95 * m[i] + gradient
                update = gradient + 0.95 * m[i]
                update = update / np.linalg.norm(update)
                for _ in range(5):
                    square = update @ update.T if i == 0 else update.T @ update
                    polynomial = 3.4445 * np.eye(3) - 4.7750 * square + 2.0315 * square @ square
                    update = polynomial @ update if i == 0 else update @ polynomial
                update = 0.2 * np.sqrt(5) * update
            else:
                m[i] = 0.9 * m[i] + 0.1 * gradient
                v[i] = 0.98 * v[i] + 0.02 * gradient**2
                update = (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.98**step)) + 1e-9)
            decay = 0.0 if i == 3 else 0.3
            expected[i] = expected[i] - 0.1 * (decay * expected[i] + update)
    for variable, value in zip(variables, expected, strict=True):
        np.testing.assert_allclose(np.asarray(keras.ops.convert_to_numpy(variable.value)), value, atol=5e-6)


def check_training(directory):
    resume = Resume(keep_best=1, metric="val_nll", mode="min")
    whole, result = train_tiny(directory / "whole", 11, make=batch_of_one_shape, validate_every_steps=4, resume=resume)
    assert (result.step, result.stop_reason) == (11, "finished")
    by_hand = tiny_model()
    for n in range(11):
        x, labels, weights = batch_of_one_shape(*divmod(n, 5))
        by_hand.train_on_batch(x, labels, sample_weight=weights)
    for ours, theirs in zip(weights_of(whole), weights_of(by_hand), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    train_tiny(directory / "halves", 7, make=batch_of_one_shape)
    halves, _ = train_tiny(directory / "halves", 11, make=batch_of_one_shape)
    for ours, theirs in zip(weights_of(whole), weights_of(halves), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    validations = [row for row in result.history if row["kind"] == "validation"]
    assert [row["step"] for row in validations] == [4, 8, 11]
    assert all(np.isfinite(row["val_nll"]) for row in validations)
    last, before = select_checkpoints(directory / "whole", 2)
    average_checkpoints(whole, [last, last])
    for ours, theirs in zip(weights_of(whole), weights_of(halves), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    average_checkpoints(whole, [last, before])
    assert not np.array_equal(weights_of(whole)[0], weights_of(halves)[0])


def batch_of_two_shapes(epoch, index):
    x, labels, weights = batch_of_one_shape(epoch, index)
    width = 5 - index % 2
    return {**x, "target": x["target"][:, :width]}, labels[:, :width], weights[:, :width]


@contextlib.contextmanager
def log_of_jax():
    """What the compiler logs meanwhile, a list."""
    import jax

    messages = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger("jax")
    logger.addHandler(handler)
    logger.propagate = False
    with jax.log_compiles():
        yield messages
    logger.removeHandler(handler)


def check_reports(directory):
    """The compiler's own log says how many updates it compiled, and a profile has its updates by their numbers."""
    on_jax = keras.backend.backend() == "jax"
    with log_of_jax() if on_jax else contextlib.nullcontext() as messages:
        _, result = train_tiny(directory, 8, make=batch_of_two_shapes, callbacks=[Profile(2)])
    if on_jax:
        compiled = [line for line in messages if re.match(r"Compiling \S*train_step", line)]
        assert len(compiled) == result.compiled_shapes == 2, messages
    else:
        assert result.compiled_shapes is None
    (path,) = (directory / "profile").rglob("*.json*")
    text = path.read_bytes()
    events = json.loads(gzip.decompress(text) if path.suffix == ".gz" else text)["traceEvents"]
    if on_jax:
        found = {int(event["args"]["step_num"]) for event in events if event.get("name") == "train"}
    else:
        names = {event["name"] for event in events if "name" in event}
        found = {int(name[6:]) for name in names if name.startswith("train ")}
        assert "aten::mm" in names
    assert found == {6, 7}


if __name__ == "__main__":
    check_loss_and_gradient()
    check_optimizer()
    check_muon()
    check_training(Path(sys.argv[1]))
    check_reports(Path(sys.argv[1]) / "reports")
    print(keras.backend.backend(), "tensorflow" in sys.modules)
