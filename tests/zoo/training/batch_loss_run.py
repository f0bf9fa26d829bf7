"""On the backend of the environment: losses of whole batches, in parts and on replicas, beside one update of all.

    python batch_loss_run.py FILE

Under PyTorch one process writes what it came to into FILE, and those that have been given what `torchrun` sets train
together and compare with it.
"""

import contextlib
import os
import sys
import tempfile

import keras
import numpy as np

from zoo.models import Encoder, SentenceEncoder, SentenceTupleEncoder
from zoo.training import (
    CoSENT,
    CosineRegression,
    InBatchNegatives,
    Matryoshka,
    TripletLoss,
    VectorDistillation,
    build_optimizer,
    open_devices,
    train,
)

BACKEND = keras.config.backend()
if BACKEND == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
RNG = np.random.default_rng(3)
WIDTHS = (5, 7, 4)


def batch(index):
    """Eight examples of three texts, and seven in every other batch; with an eighth of no weight where XLA compiles."""
    rng = np.random.default_rng(index)
    rows = 8 if BACKEND == "jax" else 8 - index % 2
    x = {}
    for text, width in enumerate(WIDTHS):
        lengths = rng.integers(1, width + 1, rows)
        mask = (np.arange(width) < lengths[:, None]).astype("int32")
        x[f"token_ids_{text}"] = (rng.integers(1, 20, mask.shape) * mask).astype("int32")
        x[f"padding_mask_{text}"] = mask
    weights = np.ones(rows, "float32")
    weights[8 - index % 2 :] = 0
    return x, rng.random(rows).astype("float32"), weights


class Batches:
    """What `train` reads."""

    def stream(self, epoch, index):
        return Stream(index)


class Stream:
    def __init__(self, index):
        self.position = (0, index)

    def __next__(self):
        index = self.position[1]
        self.position = (0, index + 1)
        return batch(index)


def tuples(dropout=0.0):
    keras.utils.set_random_seed(5)
    encoder = Encoder(
        vocabulary_size=20,
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        max_sequence_length=8,
        pooler=False,
        dropout=dropout,
        attention_dropout=dropout,
    )
    model = SentenceTupleEncoder(SentenceEncoder(encoder, normalize=False), len(WIDTHS))
    model.build()
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.3)
    model.compile(build_optimizer("adamw", 0.01, epsilon=0.01, clip_norm=0.5), InBatchNegatives(0.2, symmetric=True))
    model.jit_compile = BACKEND == "jax"
    return model


def trained(steps=3, scope=None, dropout=0.0, **options):
    with scope or contextlib.nullcontext():
        model = tuples(dropout)
    with tempfile.TemporaryDirectory() as directory:
        result = train(model, Batches(), total_steps=steps, directory=directory, checkpoint_every_steps=10,
                       log_every_steps=1, progress=False, **options)  # fmt: skip
    weights = [keras.ops.convert_to_numpy(variable.value) for variable in model.trainable_variables]
    return [row["loss"] for row in result.history], weights


def check(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=2e-5)
    for ours, whole in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, whole, rtol=0, atol=2e-5)


def losses():
    """The values that the test in the other process compares with sentence-transformers, by plain numpy here."""
    vectors = RNG.normal(size=(4, 3, 6)).astype("float32")
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    scores = np.array([0.2, 0.9, 0.4, 0.4], "float32")
    cosines = (unit[:, 0] * unit[:, 1]).sum(-1)
    logits = unit[:, 0] @ np.concatenate([unit[:, 1], unit[:, 2]]).T / 0.05
    pairs = [cosines[i] - cosines[j] for i in range(4) for j in range(4) if scores[i] < scores[j]]
    expected = {
        InBatchNegatives(): np.mean(np.log(np.exp(logits).sum(1)) - cosines / 0.05),
        CoSENT(): np.log(1 + np.exp(np.array(pairs) / 0.05).sum()),
        CosineRegression(): np.mean((cosines - scores) ** 2),
        Matryoshka(CosineRegression(), [6]): np.mean((cosines - scores) ** 2),
        TripletLoss(): np.maximum((unit[:, 0] * unit[:, 2]).sum(-1) - cosines + 0.5, 0).mean(),
    }
    for loss, value in expected.items():
        np.testing.assert_allclose(float(loss(scores, vectors)), value, rtol=1e-5)
    teacher = RNG.normal(size=(4, 6)).astype("float32")
    value = float(VectorDistillation()(teacher, vectors[:, :1]))
    np.testing.assert_allclose(value, ((vectors[:, 0] - teacher) ** 2).mean(), rtol=1e-5)


def check_replicas(whole):
    """Two replicas, which come to what one device has come to."""
    devices = open_devices({"tensorflow": "mirrored", "jax": "mesh"}.get(BACKEND, "auto"))
    for parts in (1, 2) if BACKEND == "torch" else (2,):
        check(trained(scope=devices.scope(), accumulate_steps=parts), whole)
        print(f"{parts} parts on 2 replicas")


if "RANK" in os.environ:
    with np.load(sys.argv[1]) as stored:
        check_replicas((stored["arr_0"], [stored[f"arr_{index}"] for index in range(1, len(stored.files))]))
    import torch

    torch.distributed.destroy_process_group()
    sys.exit()

losses()
print("losses")
whole = trained()
assert whole[0][-1] < whole[0][0]
for parts in (2, 4) if BACKEND == "torch" else (4,):
    check(trained(accumulate_steps=parts), whole)
    print(f"{parts} parts")
# The second pass drops what the first one did, so the loss of the first update is that of its vectors.
first = trained(accumulate_steps=2, dropout=0.3)
if BACKEND == "torch":
    check(first, trained(accumulate_steps=2, dropout=0.3))
assert abs(first[0][0] - whole[0][0]) > 1e-3
print("dropout")
if BACKEND == "torch":
    np.savez(sys.argv[1], whole[0], *whole[1])
else:
    check_replicas(whole)
