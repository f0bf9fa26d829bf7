"""Training on some logical devices under TensorFlow; run as a program, which prints the checks it has made.

    python replica_run.py DIRECTORY COUNT        # what the suite runs
    python replica_run.py DIRECTORY COUNT all    # every optimizer with every number of parts, and nothing else

A process has one number of replicas: TensorFlow's groups of devices keep the size that they had first.
"""

import contextlib
import functools
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

COUNT = int(sys.argv[2])
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * COUNT
)

from mesh_cases import check_recomputation  # noqa: E402
from replica_cases import (  # noqa: E402
    ALL_PARTS,
    OPTIMIZERS,
    PARTS,
    assert_as_reference,
    model_of_float16,
    overflowing_batch,
    reference,
    small_model,
    trained,
)
from tiny_run import VOCABULARY_SIZE, weights_of  # noqa: E402

from zoo.training.distributed.devices import open_devices  # noqa: E402
from zoo.training.optimizers.build_optimizer import build_optimizer  # noqa: E402
from zoo.training.updates.token_loss import TokenCrossEntropy  # noqa: E402

expected_of = functools.cache(reference)


def scope_for(count):
    """The context to make a model for a number of devices in: one, or those of this process."""
    return contextlib.nullcontext() if count == 1 else DEVICES.scope()


def number(variable):
    return float(keras.ops.convert_to_numpy(variable.value))


def check_updates(directory, parts_of, count=COUNT):
    for name, numbers in parts_of.items():
        expected = expected_of(name)
        for parts in numbers:
            what = f"{name}, {count} replicas, {parts} parts"
            with scope_for(count):
                model = small_model(OPTIMIZERS[name]())
            result = trained(model, directory / what, accumulate_steps=parts)
            assert_as_reference(result, model, expected, what)


def check_resume(directory):
    weights = []
    for sittings in ((6,), (3, 6)):
        for steps in sittings:
            with DEVICES.scope():
                model = small_model(OPTIMIZERS["adamw"](), dropout=0.3)
            run = dict(steps=steps, accumulate_steps=2, checkpoint_every_steps=3)
            trained(model, directory / f"resume {sittings}", **run)
        weights.append(weights_of(model))
    for whole, halves in zip(*weights, strict=True):
        np.testing.assert_array_equal(whole, halves)
    print("resume with dropout")


def check_other_devices(directory):
    """A run that begins on one device goes on with several."""
    trained(small_model(OPTIMIZERS["adamw"]()), directory / "other devices", steps=3)
    with DEVICES.scope():
        model = small_model(OPTIMIZERS["adamw"]())
    result = trained(model, directory / "other devices", accumulate_steps=2)
    assert_as_reference(result, model, expected_of("adamw"), "one device, then several")


def check_dropout_differs(directory):
    """Two replicas get the same row; without dropout of their own they would compute the same."""

    class Recorder(keras.layers.Layer):
        """Keeps what passes, by replica."""

        def build(self, shape):
            self.seen = self.add_weight(shape=(12, 12), name="seen", trainable=False, aggregation="none")

        def call(self, inputs):
            self.seen.assign(inputs[0])
            return inputs

    def same_rows(epoch, index):
        ids = np.full((2, 12), 3, "int32")
        return {"ids": ids}, ids, np.ones(ids.shape, "float32")

    with DEVICES.scope():
        keras.utils.set_random_seed(1)
        ids = keras.Input((12,), dtype="int32", name="ids")
        hidden = keras.layers.Embedding(VOCABULARY_SIZE, 12)(ids)
        recorder = Recorder()
        hidden = recorder(keras.layers.Dropout(0.5)(hidden))
        model = keras.Model({"ids": ids}, keras.layers.Dense(VOCABULARY_SIZE)(hidden))
        model.compile(build_optimizer("adam", 0.01), TokenCrossEntropy(), jit_compile=False)
    trained(model, directory / "dropout", steps=1, make=same_rows)
    first, second = (
        copy.numpy() == 0.0 for copy in model.distribute_strategy.experimental_local_results(recorder.seen.value)
    )
    assert 0.3 < first.mean() < 0.7 and 0.3 < second.mean() < 0.7 and 0.3 < (first != second).mean() < 0.7
    print("dropout differs")


def check_precision(directory):
    """Losses in narrow floats are those of one device, but for rounding."""
    # The relative rounding of bfloat16 is 2 ** -8, of float16 2 ** -11.
    for dtype, tolerance in (("mixed_bfloat16", 2**-7), ("mixed_float16", 2**-10)):
        losses = []
        for count in (1, COUNT):
            with scope_for(count):
                scaling = dtype == "mixed_float16"
                optimizer = build_optimizer("adamw", 0.02, weight_decay=0.1, clip_norm=0.2, loss_scaling=scaling)
                model = small_model(optimizer, dtype)
            result = trained(model, directory / f"{dtype} {count}", accumulate_steps=2)
            losses.append([row["loss"] for row in result.history])
            assert all(variable.dtype == "float32" for variable in model.trainable_variables)
        np.testing.assert_allclose(losses[1], losses[0], rtol=tolerance)
        print(dtype)


def check_overflow(directory):
    """An overflow planted on the second replica."""
    for parts in (1, 2):
        with DEVICES.scope():
            model = model_of_float16()
        optimizer = model.optimizer
        run = dict(make=overflowing_batch, accumulate_steps=parts, checkpoint_every_steps=1)
        seen = []
        for steps in (2, 3, 4):
            trained(model, directory / f"overflow {parts}", steps=steps, **run)
            seen.append((weights_of(model), number(optimizer.dynamic_scale), number(optimizer.iterations)))
        (before, scale, second), (after, halved, third), (later, same, fourth) = seen
        assert (second, third, fourth) == (2, 2, 3)
        assert halved == scale / 2 == same
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one, other)
        assert all(np.isfinite(array).all() for array in later)
        assert not np.array_equal(after[0], later[0])
    print("overflow on the second replica")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    DEVICES = open_devices()
    if sys.argv[3:] == ["all"]:
        check_updates(folder, ALL_PARTS)
        check_resume(folder)
        if COUNT > 1:
            check_precision(folder)
        sys.exit()
    check_updates(folder, PARTS[COUNT])
    if COUNT == 2:
        check_updates(folder, PARTS[1], count=1)
        check_resume(folder)
        check_other_devices(folder)
        check_dropout_differs(folder)
        check_overflow(folder)
        check_recomputation(folder, DEVICES.scope)
        check_precision(folder)
