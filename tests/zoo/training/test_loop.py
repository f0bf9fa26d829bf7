import json
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_run import (
    BATCHES_PER_EPOCH,
    VOCABULARY_SIZE,
    TinyBatches,
    batch,
    batch_of_one_shape,
    tiny_model,
    train_tiny,
    validation_batches,
    weights_of,
)

from zoo.errors import UserError
from zoo.training.callbacks.early_stopping import EarlyStopping
from zoo.training.callbacks.history import read_history
from zoo.training.callbacks.validation import Validation
from zoo.training.loop import train


def positions(count):
    return [divmod(n, BATCHES_PER_EPOCH) for n in range(count)]


def assert_same_weights(model, other):
    for ours, theirs in zip(weights_of(model), weights_of(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_same_weights_as_a_loop_by_hand(tmp_path):
    """One Keras `train_on_batch` per batch, in order: no batch lost, repeated or swapped by reading ahead."""
    model, result = train_tiny(tmp_path, 14, checkpoint_every_steps=4, validate_every_steps=3)
    assert (result.step, result.stop_reason) == (14, "finished")
    by_hand = tiny_model()
    for position in positions(14):
        x, labels, weights = batch(*position)
        by_hand.train_on_batch(x, labels, sample_weight=weights)
    for ours, theirs in zip(weights_of(model), weights_of(by_hand), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_in_two_sittings_is_as_in_one(tmp_path):
    whole, _ = train_tiny(tmp_path / "whole", 13)
    train_tiny(tmp_path / "halves", 7)
    halves, result = train_tiny(tmp_path / "halves", 13)
    assert result.step == 13
    assert_same_weights(whole, halves)


def test_finished_run_is_not_trained_again(tmp_path):
    first, _ = train_tiny(tmp_path, 6, eager=True)
    again, result = train_tiny(tmp_path, 6, eager=True)
    assert (result.step, result.stop_reason) == (6, "finished")
    assert_same_weights(first, again)


def test_one_trace_for_all_shapes(tmp_path):
    model = tiny_model()
    traces = []
    call = model.call
    model.call = lambda *args, **kwargs: traces.append(1) or call(*args, **kwargs)
    train(model, TinyBatches(), total_steps=12, directory=tmp_path, checkpoint_every_steps=4, progress=False)
    assert len({x["target"].shape for x, _, _ in (batch(*p) for p in positions(12))}) > 5
    assert len(traces) == 1


def test_history_has_the_loss_of_each_window_weighted_by_tokens(tmp_path):
    _, result = train_tiny(tmp_path, 8, eager=True, log_every_steps=2, checkpoint_every_steps=8)
    by_hand = tiny_model(eager=True)
    expected = []
    for position in positions(8):
        x, labels, weights = batch(*position)
        expected.append((float(by_hand.train_on_batch(x, labels, sample_weight=weights)), weights.sum()))
    rows = [row for row in result.history if row["kind"] == "train"]
    assert [row["step"] for row in rows] == [2, 4, 6, 8]
    for row, (first, second) in zip(rows, zip(expected[::2], expected[1::2], strict=True), strict=True):
        losses, tokens = zip(first, second, strict=True)
        np.testing.assert_allclose(row["loss"], np.average(losses, weights=tokens), rtol=1e-5)
    assert [row["epoch"] for row in rows] == [0, 0, 1, 1]
    np.testing.assert_allclose([row["learning_rate"] for row in rows], [0.006, 0.012, 0.018, 0.024], rtol=1e-5)


class NumberedBatches(TinyBatches):
    def examples(self, epoch, index):
        """The example numbers of a batch: 0, 1, ... of the first, and so on."""
        return np.arange(4) + 4 * (BATCHES_PER_EPOCH * epoch + index)


class BatchesOfFiles(NumberedBatches):
    examples_are = "lines of a.en and a.de"


def train_until_not_finite(directory, message, batches, callbacks=()):
    with pytest.raises(UserError, match=message):
        train(
            tiny_model(eager=True),
            batches,
            total_steps=20,
            directory=directory,
            checkpoint_every_steps=5,
            log_every_steps=50,
            callbacks=callbacks,
            progress=False,
        )
    assert [path.name for path in (directory / "checkpoints").iterdir()] == ["checkpoint-00000005"]


def test_value_in_the_data_that_is_not_finite_is_named_and_checkpoints_are_kept(tmp_path):
    def make(epoch, index):
        x, labels, weights = batch_of_one_shape(epoch, index)
        if (epoch, index) == (1, 2):
            weights[3, 1] = np.nan
        return x, labels, weights

    message = (
        r"^the loss of step 8 is nan: the weight of row 3 of batch 3 of epoch 1, training example 32 is not finite: "
        r"mend the data; checkpoints from before are kept$"
    )
    train_until_not_finite(tmp_path / "numbered", message, NumberedBatches(make=make))
    message = message.replace("example 32", r"example 32 \(of the lines of a.en and a.de\)")
    train_until_not_finite(tmp_path / "of files", message, BatchesOfFiles(make=make))


class DamagedWeights(keras.callbacks.Callback):
    """Makes a weight NaN at the end of an interval, before its checkpoint, or after a step, behind it."""

    def __init__(self, interval=None, step=None):
        super().__init__()
        self.interval, self.step = interval, step
        self.seen = 0

    def damage(self):
        self.model.layers[-1].bias.assign(np.full(VOCABULARY_SIZE, np.nan, "float32"))

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.step:
            self.damage()

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.interval:
            self.damage()


def test_layer_that_gives_values_that_are_not_finite_is_named(tmp_path):
    message = (
        r"^the loss of step 6 is nan \(training examples 21, 22, 23, 24: lines of a.en and a.de\): with the weights of "
        r"step 5 already, dense\S* gives values that are not finite for this batch: .*learning rate"
    )
    train_until_not_finite(tmp_path, message, BatchesOfFiles(), [DamagedWeights(interval=0)])


def test_weights_that_went_wrong_since_the_last_checkpoint(tmp_path):
    message = r"^the loss of step 8 is nan: with the weights of step 5 all values are finite, so the weights went wrong"
    train_until_not_finite(tmp_path, message, TinyBatches(), [DamagedWeights(step=7)])


def test_loss_that_is_not_finite_is_reported_though_the_checkpoint_is_damaged(tmp_path):
    class DamagedCheckpoint(DamagedWeights):
        def damage(self):
            super().damage()
            (tmp_path / "checkpoints" / "checkpoint-00000005" / "model.npz").write_bytes(b"cut short")

    message = r"^the loss of step 8 is nan: checkpoints from before are kept; start again with a lower learning rate"
    train_until_not_finite(tmp_path, message, TinyBatches(), [DamagedCheckpoint(step=7)])


def test_time_limit_stops_with_a_checkpoint_and_goes_on(tmp_path):
    whole, _ = train_tiny(tmp_path / "whole", 20, eager=True, checkpoint_every_steps=10)
    limited = dict(eager=True, seconds=0.2, checkpoint_every_steps=10)
    _, first = train_tiny(tmp_path / "limited", 20, max_minutes=1.5 / 60, **limited)
    assert first.stop_reason == "time" and 0 < first.step < 20
    started = time.monotonic()
    _, second = train_tiny(tmp_path / "limited", 20, max_minutes=1.5 / 60, **limited)
    assert (second.step, second.stop_reason) == (first.step, "time"), "the limit holds over all sittings"
    assert time.monotonic() - started < 5
    model, third = train_tiny(tmp_path / "limited", 20, eager=True)
    assert third.stop_reason == "finished"
    assert_same_weights(whole, model)


def test_early_stopping_ends_training_and_holds_after_a_restart(tmp_path):
    def score(model):
        return {"bleu": {4: 1.0, 8: 3.0, 12: 2.0, 16: 3.0}[int(model.optimizer.iterations)]}

    def run():
        return train_tiny(
            tmp_path,
            40,
            eager=True,
            validate_every_steps=4,
            validation=Validation(validation_batches(), score),
            early_stopping=EarlyStopping("val_bleu", patience=2, mode="max"),
        )[1]

    result = run()
    assert (result.step, result.stop_reason) == (16, "early_stopping")
    assert [row["val_bleu"] for row in result.history if row["kind"] == "validation"] == [1.0, 3.0, 2.0, 3.0]
    again = run()
    assert (again.step, again.stop_reason) == (16, "early_stopping")
    assert len(again.history) == len(result.history)


def test_learning_rate_is_known_under_loss_scaling(tmp_path):
    model = tiny_model(eager=True)
    model.compile(keras.optimizers.LossScaleOptimizer(model.optimizer), model.loss, run_eagerly=True)
    options = dict(total_steps=4, checkpoint_every_steps=4, log_every_steps=4, progress=False)
    result = train(model, TinyBatches(), directory=tmp_path, **options)
    np.testing.assert_allclose(result.history[0]["learning_rate"], 0.03 * 4 / 10, rtol=1e-6)


def test_history_that_cannot_be_written(tmp_path):
    (tmp_path / "run").write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"run.history\.jsonl: cannot write"):
        train_tiny(tmp_path / "run", 4, eager=True)


def test_history_after_a_restart_has_no_row_twice(tmp_path):
    train_tiny(tmp_path, 8, eager=True, validate_every_steps=4, checkpoint_every_steps=5, log_every_steps=2)
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"kind": "train", "step": 9999, "loss": 1.0}\n')  # from after the checkpoint, then a kill
    _, result = train_tiny(
        tmp_path, 12, eager=True, validate_every_steps=4, checkpoint_every_steps=5, log_every_steps=2
    )
    assert read_history(tmp_path) == result.history
    assert [row["step"] for row in result.history if row["kind"] == "validation"] == [4, 8, 12]
    assert [row["step"] for row in result.history if row["kind"] == "train"] == [2, 4, 5, 6, 8, 10, 12]
    csv = (tmp_path / "history.csv").read_text().splitlines()
    assert len(csv) == 1 + len(result.history) and "val_nll" in csv[0]


def test_keras_callbacks_see_one_training_with_epochs(tmp_path):
    class Recorder(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.events = []

        def on_train_begin(self, logs=None):
            self.events.append("begin")

        def on_train_batch_end(self, batch, logs=None):
            assert isinstance(logs["loss"], float)
            self.events.append(batch)

        def on_epoch_end(self, epoch, logs=None):
            self.events.append((f"epoch {epoch}", "val_nll" in logs))

        def on_train_end(self, logs=None):
            self.events.append("end")

    recorder = Recorder()
    train_tiny(tmp_path, 5, eager=True, callbacks=[recorder], checkpoint_every_steps=3, validate_every_steps=5)
    assert recorder.events == ["begin", 0, 1, 2, ("epoch 0", False), 0, 1, ("epoch 1", True), "end"]


@pytest.mark.parametrize("error", [UserError("train.tsv, line 7: no tab"), KeyError("bug")])
def test_errors_of_the_data_come_out_as_they_are(tmp_path, error):
    def make(epoch, index):
        if (epoch, index) == (0, 3):
            raise error
        return batch(epoch, index)

    with pytest.raises(type(error)) as caught:
        train(
            tiny_model(eager=True),
            TinyBatches(make=make),
            total_steps=9,
            directory=tmp_path,
            checkpoint_every_steps=9,
            progress=False,
        )
    assert caught.value is error


def test_model_that_is_not_built(tmp_path):
    class Late(keras.Model):
        def __init__(self):
            super().__init__()
            self.embed = keras.layers.Embedding(11, 4)
            self.project = keras.layers.Dense(11)

        def call(self, inputs):
            return self.project(self.embed(inputs["target"]))

    def run(total_steps):
        keras.utils.set_random_seed(0)
        model = Late()
        model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
        train(
            model,
            TinyBatches(),
            total_steps=total_steps,
            directory=tmp_path / str(total_steps > 4),
            checkpoint_every_steps=2,
            progress=False,
        )
        return model

    assert int(run(4).optimizer.iterations) == 4
    assert int(run(6).optimizer.iterations) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(total_steps=0), "total_steps must be at least 1"),
        (dict(checkpoint_every_steps=0), "checkpoint_every_steps must be at least 1"),
        (dict(max_minutes=0), "max_minutes must be above 0"),
        (dict(validate_every_steps=5), "validate_every_steps needs validation data"),
        (dict(early_stopping=EarlyStopping("val_nll", 1, "min")), "early stopping needs validation"),
    ],
)
def test_impossible_options(tmp_path, options, message):
    options = {"total_steps": 4, "checkpoint_every_steps": 2, **options}
    with pytest.raises(UserError, match=message):
        train(tiny_model(), TinyBatches(), directory=tmp_path / "run", progress=False, **options)
    assert not (tmp_path / "run").exists()


def test_losses_that_would_be_left_out_are_refused(tmp_path):
    options = dict(total_steps=2, directory=tmp_path / "run", checkpoint_every_steps=2, progress=False)
    model = tiny_model()
    model.compile(model.optimizer, model.loss, loss_weights=0.5)
    with pytest.raises(UserError, match="loss_weights of compile are not supported"):
        train(model, TinyBatches(), **options)
    ids = keras.Input((None,), dtype="int32", name="target")
    hidden = keras.layers.Embedding(11, 4, embeddings_regularizer="l2")(ids)
    model = keras.Model({"target": ids}, keras.layers.Dense(11)(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(UserError, match="such as regularizers, are not supported"):
        train(model, TinyBatches(make=lambda *p: ({"target": batch(*p)[0]["target"]}, *batch(*p)[1:])), **options)


def test_validation_equals_one_pass_over_all_tokens(tmp_path):
    model, result = train_tiny(tmp_path, 4, eager=True, validate_every_steps=4)
    nll, hits, tokens = 0.0, 0.0, 0.0
    for x, labels, weights in validation_batches():
        log_probs = tf.nn.log_softmax(model(x)).numpy()
        nll -= (np.take_along_axis(log_probs, labels[..., None], -1)[..., 0] * weights).sum()
        hits += ((log_probs.argmax(-1) == labels) * weights).sum()
        tokens += weights.sum()
    row = result.history[-1]
    assert row["kind"] == "validation"
    np.testing.assert_allclose(row["val_nll"], nll / tokens, rtol=1e-5)
    np.testing.assert_allclose(row["val_perplexity"], np.exp(nll / tokens), rtol=1e-5)
    np.testing.assert_allclose(row["val_accuracy"], hits / tokens, rtol=1e-6)
    json.dumps(row)


def test_validation_without_data(tmp_path):
    with pytest.raises(UserError, match="no validation data"):
        train_tiny(tmp_path, 4, eager=True, validate_every_steps=2, validation=Validation([]))


def test_validation_traces_once(tmp_path):
    validation = Validation(validation_batches())
    model = tiny_model()
    validation.evaluate(model)
    traces = []
    test_step = validation._evaluator.test_step
    validation._evaluator.test_step = lambda data: traces.append(1) or test_step(data)
    validation._evaluator.make_test_function(force=True)
    first = validation.evaluate(model)
    assert validation.evaluate(model) == first
    assert len(traces) == 1
