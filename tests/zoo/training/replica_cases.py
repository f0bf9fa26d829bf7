"""One training on any number of devices, workers and parts of a batch, beside the same by Keras on one device.

The reference is `train_on_batch` on whole batches, which the tests of loss and optimizer compare with PyTorch.
"""

import os
import signal

import keras
import numpy as np
from tiny_run import VOCABULARY_SIZE, TinyBatches, weights_of

from zoo.training.batch_feed import BatchFeed
from zoo.training.distributed.replicas import scope_of
from zoo.training.loop import train
from zoo.training.optimizers.build_optimizer import build_optimizer
from zoo.training.optimizers.loss_scaling import LossScaleOptimizer
from zoo.training.optimizers.schedules import CosineDecay, InverseSquareRoot
from zoo.training.updates.token_loss import TokenCrossEntropy

STEPS = 6
EMA_MOMENTUM = 0.9
# Some of the gradients are longer, and some are not: they are of norm 0.41 to 0.58.
CLIP_NORM = 0.45
# Adam makes the same update of gradients that are all too large by one factor; not so with this epsilon.
EPSILON = 0.01


def adamw(epsilon=EPSILON):
    """AdamW with a schedule and clipping."""
    return build_optimizer("adamw", CosineDecay(0.02, 2, 10), weight_decay=0.1, clip_norm=CLIP_NORM, epsilon=epsilon)


def muon():
    """Muon, for the matrices of this model's hidden layer."""
    return build_optimizer("muon", 0.02, weight_decay=0.1, epsilon=EPSILON, matrices=["dense/kernel"])


OPTIMIZERS = {
    "adam": lambda: build_optimizer("adam", InverseSquareRoot(0.02, 4), epsilon=EPSILON),
    "adamw": adamw,
    "muon": muon,
    "moving averages": lambda: build_optimizer("adam", 0.02, ema_momentum=EMA_MOMENTUM, epsilon=EPSILON),
}
PARTS = {
    1: {"moving averages": (4,)},
    2: {"adam": (2,), "adamw": (1, 4), "muon": (1,), "moving averages": (2,)},
    4: {"adamw": (2,)},
}
"""In how many parts batches are trained on, by number of replicas and optimizer; a `long` test takes all."""
ALL_PARTS = dict.fromkeys(OPTIMIZERS, (1, 2, 4))
"""The same where time is no matter."""


def uneven_batch(epoch, index):
    """Rows of one to twelve real tokens; 8 rows, and 5 in every third batch."""
    rng = np.random.default_rng([epoch, index])
    rows = 5 if index % 3 == 2 else 8
    lengths = rng.integers(1, 13, rows)
    real = np.arange(12) < lengths[:, None]
    ids = np.where(real, rng.integers(1, VOCABULARY_SIZE, real.shape), 0).astype("int32")
    # Numbers the rows, so that one can count which were trained on.
    number = np.full((rows, 1), 0, "int32") + np.arange(rows, dtype="int32")[:, None] + 100 * index + 1000 * epoch
    return {"ids": ids, "number": number}, (ids + 1) % VOCABULARY_SIZE, real.astype("float32")


def small_model(optimizer, dtype="float32", dropout=0.0, loss=None, eager=False):
    """An embedding, a normalisation and a projection back onto the embedding's vocabulary; built and compiled."""
    keras.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    policy = keras.DTypePolicy(dtype)
    ids = keras.Input((None,), dtype="int32", name="ids")
    number = keras.Input((1,), dtype="int32", name="number")
    hidden = keras.layers.Embedding(VOCABULARY_SIZE, 6, dtype=policy)(ids)
    hidden = keras.layers.Dense(12, activation="gelu", dtype=policy)(hidden)
    hidden = keras.layers.Dropout(dropout, dtype=policy)(hidden)
    hidden = keras.layers.LayerNormalization(dtype=policy)(hidden)
    logits = keras.layers.Dense(VOCABULARY_SIZE, dtype=policy)(hidden)
    model = keras.Model({"ids": ids, "number": number}, logits)
    # The same on all backends.
    model.set_weights([0.3 * rng.normal(size=each.shape) for each in model.get_weights()])
    model.compile(optimizer, loss or TokenCrossEntropy(0.1), run_eagerly=eager, jit_compile="auto")
    if keras.backend.backend() == "tensorflow":
        model.jit_compile = False
    model.optimizer.build(model.trainable_variables)
    return model


def reference(name):
    """Losses and weights of whole batches on one device."""
    model = small_model(OPTIMIZERS[name]())
    losses, averages = [], None
    for index in range(STEPS):
        x, labels, weights = uneven_batch(*divmod(index, 5))
        losses.append(float(model.train_on_batch(x, labels, sample_weight=weights)))
        now = weights_of(model)
        rate = 1.0 if averages is None else 1.0 - EMA_MOMENTUM
        averages = [each + rate * (new - each) for each, new in zip(averages or now, now, strict=True)]
    return losses, averages if name == "moving averages" else now


def overflowing_batch(epoch, index):
    """An `uneven_batch`; the gradient of row 1, which is the second replica's, overflows in the third."""
    x, labels, weights = uneven_batch(epoch, index)
    weights[1] *= 1e20 if index == 2 else 1.0
    return x, labels, weights


def with_sigterm(make):
    """The same batches, with a SIGTERM for this process at the one of the first epoch that SIGTERM_AT names, if any."""

    def batch(epoch, index):
        if f"{epoch} {index}" == f"0 {os.environ.get('SIGTERM_AT')}":
            os.kill(os.getpid(), signal.SIGTERM)
        return make(epoch, index)

    return batch


def model_of_float16():
    """A model whose loss is not divided by its weights, so that large ones overflow."""
    optimizer = build_optimizer("adamw", 0.02, weight_decay=0.1, epsilon=EPSILON)
    optimizer = LossScaleOptimizer(optimizer, initial_scale=64.0)
    return small_model(optimizer, "mixed_float16", loss=TokenCrossEntropy(reduction="sum"))


def trained(model, directory, *, steps=STEPS, make=uneven_batch, **options):
    """Trains a model, with a row of history for each step."""
    options = {"checkpoint_every_steps": 4, "log_every_steps": 1, "progress": False, **options}
    return train(model, TinyBatches(make=make), total_steps=steps, directory=directory, **options)


def count_fed_rows():
    """From now on lists the numbers of the real rows that batch feeds of this process hand out; returns the list."""
    fed = []
    read = BatchFeed._batches

    def counted(self):
        for batch in read(self):
            x, _, weights = batch
            fed.extend(x["number"][np.sum(weights, axis=1) > 0, 0].tolist())
            yield batch

    BatchFeed._batches = counted
    return fed


def assert_as_reference(result, model, expected, what, tolerance=1e-6):
    """Losses within 2e-6, weights within `tolerance` of the largest in their array; prints the case, how far it is off.

    Biases of keys add the same to all logits of a query, which changes no attention: what they come to is rounding
    alone, and has to be within 1e-9.
    """
    losses, weights = expected
    if model.optimizer.use_ema:
        with scope_of(model):
            model.optimizer.use_moving_averages(model.trainable_variables)
    ours = [row["loss"] for row in result.history if row["kind"] == "train"]
    np.testing.assert_allclose(ours, losses, rtol=2e-6, err_msg=what)
    differences = []
    for variable, mine, theirs in zip(model.variables, weights_of(model), weights, strict=True):
        allowed = 1e-9 if variable.path.endswith("/key/bias") else tolerance * np.abs(theirs).max()
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=allowed, err_msg=f"{what}: {variable.path}")
        differences.append(np.abs(mine - theirs).max() / allowed)
    print(f"{what}\t{tolerance * max(differences):.1e}")
