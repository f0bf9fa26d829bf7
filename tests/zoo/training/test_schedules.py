import math

import keras
import numpy as np
import pytest

from zoo.training.optimizers.schedules import (
    ConstantAfterWarmUp,
    CosineDecay,
    InverseSquareRoot,
    LinearDecay,
    WarmupStableDecay,
)


def at_updates(schedule, updates):
    """Learning rates of updates counted from 1; Keras passes the number of updates before."""
    return [float(schedule(np.int64(update - 1))) for update in updates]


def test_inverse_square_root_by_hand():
    rates = at_updates(InverseSquareRoot(0.4, warmup_steps=4), [1, 2, 4, 16, 64])
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.4, 0.2, 0.1], rtol=1e-6)


def test_inverse_square_root_is_the_schedule_of_the_paper():
    hidden_dim, warmup = 512, 4000
    schedule = InverseSquareRoot(hidden_dim**-0.5 * warmup**-0.5, warmup)
    updates = [1, 10, 3999, 4000, 4001, 100_000]
    paper = [hidden_dim**-0.5 * min(n**-0.5, n * warmup**-1.5) for n in updates]
    np.testing.assert_allclose(at_updates(schedule, updates), paper, rtol=1e-6)


def test_cosine_by_hand():
    schedule = CosineDecay(1.0, warmup_steps=2, total_steps=10, final_fraction=0.2)
    expected = [0.5, 1.0, 0.2 + 0.8 * 0.5 * (1 + math.cos(math.pi / 4)), 0.6, 0.2, 0.2]
    np.testing.assert_allclose(at_updates(schedule, [1, 2, 4, 6, 10, 99]), expected, rtol=1e-6)


def test_linear_by_hand():
    rates = at_updates(LinearDecay(0.6, warmup_steps=2, total_steps=8), [1, 2, 3, 5, 7, 8, 99])
    np.testing.assert_allclose(rates, [0.3, 0.6, 0.5, 0.3, 0.1, 0.0, 0.0], atol=1e-7)


def test_warmup_stable_decay_by_hand():
    schedule = WarmupStableDecay(0.4, warmup_steps=2, total_steps=20, decay_share=0.2, final_fraction=0.5)
    rates = at_updates(schedule, [1, 2, 9, 16, 17, 18, 20, 99])
    np.testing.assert_allclose(rates, [0.2, 0.4, 0.4, 0.4, 0.35, 0.3, 0.2, 0.2], rtol=1e-6)
    # Decay that would begin within warm-up begins after it.
    np.testing.assert_allclose(at_updates(WarmupStableDecay(1.0, 6, 10, 1.0), [6, 8, 10]), [1.0, 0.5, 0.0], atol=1e-7)


def test_constant_by_hand():
    np.testing.assert_allclose(at_updates(ConstantAfterWarmUp(0.3, 3), [1, 2, 3, 99]), [0.1, 0.2, 0.3, 0.3], rtol=1e-6)


@pytest.mark.parametrize("make", [InverseSquareRoot, ConstantAfterWarmUp, lambda p, w: CosineDecay(p, w, 9)])
def test_no_warm_up_starts_at_the_peak(make):
    rate = at_updates(make(0.25, 0), [1])[0]
    assert 0.23 < rate <= 0.25


def test_serialisable():
    schedule = CosineDecay(0.7, warmup_steps=5, total_steps=50, final_fraction=0.1)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert type(copy) is CosineDecay and copy.get_config() == schedule.get_config()
    schedule = LinearDecay(0.7, warmup_steps=5, total_steps=50)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(schedule))
    assert type(copy) is LinearDecay and copy.get_config() == schedule.get_config()
    optimizer = keras.optimizers.Adam(InverseSquareRoot(0.1, 7))
    copy = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert copy.get_config()["learning_rate"] == optimizer.get_config()["learning_rate"]


@pytest.mark.parametrize(("arguments", "message"), [((0.0, 5), "peak_learning_rate must"), ((1.0, -1), "warmup_steps")])
def test_impossible_values(arguments, message):
    with pytest.raises(ValueError, match=message):
        InverseSquareRoot(*arguments)


def test_cosine_must_end_after_warm_up():
    with pytest.raises(ValueError, match=r"total_steps \(5\) must be above warmup_steps \(5\)"):
        CosineDecay(1.0, 5, 5)
    with pytest.raises(ValueError, match=r"total_steps \(5\) must be above warmup_steps \(6\)"):
        LinearDecay(1.0, 6, 5)
