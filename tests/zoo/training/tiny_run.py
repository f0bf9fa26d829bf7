"""A model and data small enough to train in a test; run as a program it trains them."""

import time

import keras
import numpy as np

from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.training.callbacks.validation import Validation
from zoo.training.loop import train
from zoo.training.optimizers.build_optimizer import build_optimizer
from zoo.training.optimizers.schedules import InverseSquareRoot
from zoo.training.runs.resume import Resume
from zoo.training.updates.token_loss import TokenCrossEntropy

VOCABULARY_SIZE = 11
BATCHES_PER_EPOCH = 5


def batch(epoch, index):
    """A batch that is a function of its position, of a shape of its own."""
    rng = np.random.default_rng([epoch, index])
    rows, source_length, target_length = (int(n) for n in rng.integers(1, 6, size=3))
    source = rng.integers(0, VOCABULARY_SIZE, (rows, source_length)).astype("int32")
    target = rng.integers(0, VOCABULARY_SIZE, (rows, target_length)).astype("int32")
    weights = (rng.random((rows, target_length)) < 0.8).astype("float32")
    return {"source": source, "target": target}, (target + 1) % VOCABULARY_SIZE, weights


class StepClock(TrainingCallback):
    """A clock that a step moves by four seconds, the first of a sitting by a minute, as if it were traced."""

    def __init__(self, seconds=4.0, first=60.0, stop_at=None):
        super().__init__()
        self.now, self.seconds, self.first, self.stop_at = 0.0, seconds, first, stop_at

    def __call__(self):
        return self.now

    def on_step_end(self, step, loss):
        self.now += self.first or self.seconds
        self.first = 0.0
        if step == self.stop_at:
            raise KeyboardInterrupt


class TinyBatches:
    """The interface of `zoo.data.PairBatches` that training uses."""

    def __init__(self, seconds=0.0, make=batch):
        self.seconds = seconds
        self.make = make
        self.read = []

    def stream(self, epoch, index):
        return _Stream(self, epoch, index)


class _Stream:
    def __init__(self, batches, epoch, index):
        self.batches = batches
        self.position = (epoch, index)

    def __next__(self):
        epoch, index = self.position
        if index == BATCHES_PER_EPOCH:
            epoch, index = epoch + 1, 0
        self.position = (epoch, index + 1)
        self.batches.read.append((epoch, index))
        time.sleep(self.batches.seconds)
        return self.batches.make(epoch, index)


def batch_of_one_shape(epoch, index):
    """A batch for backends that compile for each shape."""
    rng = np.random.default_rng([epoch, index])
    source = rng.integers(0, VOCABULARY_SIZE, (4, 3)).astype("int32")
    target = rng.integers(0, VOCABULARY_SIZE, (4, 5)).astype("int32")
    weights = (rng.random(target.shape) < 0.8).astype("float32")
    return {"source": source, "target": target}, (target + 1) % VOCABULARY_SIZE, weights


def tiny_model(seed=3, eager=False):
    """An embedding that source and target share, a normalisation and a projection; compiled."""
    keras.utils.set_random_seed(seed)
    embedding = keras.layers.Embedding(VOCABULARY_SIZE, 6)
    source = keras.Input((None,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    context = keras.ops.mean(embedding(source), axis=1, keepdims=True)
    hidden = keras.layers.Dropout(0.3)(embedding(target) + context)
    hidden = keras.layers.LayerNormalization()(hidden)
    logits = keras.layers.Dense(VOCABULARY_SIZE)(hidden)
    model = keras.Model({"source": source, "target": target}, logits)
    model.compile(
        optimizer=build_optimizer("adamw", InverseSquareRoot(0.03, 10), weight_decay=0.1, clip_norm=1.0),
        loss=TokenCrossEntropy(0.1),
        run_eagerly=eager,
    )
    return model


def validation_batches(make=batch):
    return [make(1000, index) for index in range(3)]


def weights_of(model):
    return [np.asarray(keras.ops.convert_to_numpy(variable.value)) for variable in model.variables]


def train_tiny(directory, total_steps, *, seconds=0.0, make=batch, eager=False, **options):
    """Trains a new tiny model in `directory`, from its checkpoint if it has one; returns the model and the result.

    For a few steps `eager` saves the second that tracing takes.
    """
    model = tiny_model(eager=eager)
    options = {"checkpoint_every_steps": 3, "log_every_steps": 2, "progress": False, **options}
    if options.get("validate_every_steps"):
        options.setdefault("validation", Validation(validation_batches(make)))
    return model, train(model, TinyBatches(seconds, make), total_steps=total_steps, directory=directory, **options)


def train_and_save(directory, total_steps, seconds, weights_path):
    """`train_tiny` with validation; writes the final weights to a file once it has got there."""
    resume = Resume(keep_last=2, keep_best=1, metric="val_nll", mode="min")
    model, _ = train_tiny(directory, total_steps, seconds=seconds, validate_every_steps=4, resume=resume)
    np.savez(weights_path, *weights_of(model))
