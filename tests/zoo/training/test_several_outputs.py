"""Training and validation of a model of two outputs, with labels and weights by output."""

import keras
import numpy as np
import pytest
from tiny_run import VOCABULARY_SIZE, TinyBatches, weights_of

from zoo.training.batch_feed import BatchFeed
from zoo.training.callbacks.validation import Validation
from zoo.training.loop import train
from zoo.training.updates.token_loss import TokenCrossEntropy
from zoo.training.updates.token_metrics import TokenAccuracy, TokenNegativeLogLikelihood


def batch(epoch, index):
    """Labels by token and by row; the last row is empty."""
    rng = np.random.default_rng([epoch, index])
    ids = rng.integers(0, VOCABULARY_SIZE, (4, 5)).astype("int32")
    weights = (rng.random(ids.shape) < 0.6).astype("float32")
    weights[-1] = 0.0
    labels = {"tokens": (ids + 1) % VOCABULARY_SIZE, "row": ids[:, 0] % 2}
    return {"ids": ids}, labels, {"tokens": weights, "row": np.array([1, 1, 1, 0], "float32")}


def make_model():
    keras.utils.set_random_seed(4)
    ids = keras.Input((None,), dtype="int32", name="ids")
    hidden = keras.layers.Embedding(VOCABULARY_SIZE, 6)(ids)
    tokens = keras.layers.Dense(VOCABULARY_SIZE)(hidden)
    row = keras.layers.Dense(2)(keras.ops.mean(hidden, axis=1))
    model = keras.Model({"ids": ids}, {"tokens": tokens, "row": row})
    loss = {name: TokenCrossEntropy() for name in ("tokens", "row")}
    model.compile(keras.optimizers.SGD(0.5), loss=loss, run_eagerly=True)
    return model


def metrics():
    return {"tokens": [TokenNegativeLogLikelihood(), TokenAccuracy()], "row": [TokenAccuracy(name="row_accuracy")]}


def test_training_sums_the_losses_and_validation_measures_each_output(tmp_path):
    model = make_model()
    validation_batches = [batch(9, index) for index in range(3)]
    result = train(
        model,
        TinyBatches(make=batch),
        total_steps=2,
        directory=tmp_path,
        checkpoint_every_steps=2,
        validate_every_steps=2,
        validation=Validation(validation_batches, metrics=metrics()),
        log_every_steps=1,
        progress=False,
    )
    # The same two updates by hand, one output's loss after the other.
    by_hand = make_model()
    losses = []
    for index in range(2):
        x, labels, weights = batch(0, index)
        losses.append(float(by_hand.train_on_batch(x, labels, sample_weight=weights, return_dict=True)["loss"]))
    for ours, theirs in zip(weights_of(model), weights_of(by_hand), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    first, second, validation = result.history
    assert [first["loss"], second["loss"]] == pytest.approx(losses, rel=1e-5)

    nll, right, tokens, right_rows = 0.0, 0.0, 0.0, 0.0
    for x, labels, weights in validation_batches:
        outputs = {name: np.asarray(value, "float64") for name, value in model(x).items()}
        p = np.exp(outputs["tokens"]) / np.exp(outputs["tokens"]).sum(-1, keepdims=True)
        at_label = np.take_along_axis(p, labels["tokens"][..., None], -1)[..., 0]
        nll -= (np.log(at_label) * weights["tokens"]).sum()
        right += ((outputs["tokens"].argmax(-1) == labels["tokens"]) * weights["tokens"]).sum()
        tokens += weights["tokens"].sum()
        right_rows += ((outputs["row"].argmax(-1) == labels["row"]) * weights["row"]).sum()
    assert validation["val_nll"] == pytest.approx(nll / tokens, rel=1e-5)
    assert validation["val_perplexity"] == pytest.approx(np.exp(nll / tokens), rel=1e-5)
    assert validation["val_accuracy"] == pytest.approx(right / tokens)
    assert validation["val_row_accuracy"] == pytest.approx(right_rows / 9)


def test_what_is_fed_is_counted_over_all_outputs():
    feed = BatchFeed(TinyBatches(make=batch))
    _, _, weights = feed.first_batch()
    (fed,) = feed.trained(1)
    assert fed.tokens == int(weights["tokens"].sum()) + 3
