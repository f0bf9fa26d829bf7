"""Runs that end with their time, by a clock that only training moves."""

import io
import math
import time

import keras
import numpy as np
import pytest
from tiny_run import StepClock, TinyBatches, batch_of_one_shape, train_tiny, validation_batches, weights_of

from zoo.training.callbacks.progress import LOG_NAME, Progress
from zoo.training.callbacks.validation import Validation
from zoo.training.loop import train
from zoo.training.optimizers.build_optimizer import build_optimizer
from zoo.training.optimizers.schedules import CosineDecay
from zoo.training.runs.pace import Pace
from zoo.training.runs.run import TrainingRun
from zoo.training.runs.share_of_run import ShareOfRun
from zoo.training.updates.token_loss import TokenCrossEntropy


def model_with_cosine(total_steps):
    keras.utils.set_random_seed(3)
    tokens = keras.Input((None,), dtype="int32", name="target")
    logits = keras.layers.Dense(11)(keras.layers.Embedding(11, 4)(tokens))
    model = keras.Model({"target": tokens}, logits)
    schedule = CosineDecay(0.5, min(400, total_steps // 10), total_steps)
    model.compile(build_optimizer("adam", schedule), TokenCrossEntropy(), run_eagerly=True)
    return model


def targets_alone(epoch, index):
    x, labels, weights = batch_of_one_shape(epoch, index)
    return {"target": x["target"]}, labels, weights


def timed(directory, clock, minutes=5, total_steps=5000, **options):
    model = model_with_cosine(total_steps)
    options = {"validate_every_steps": ShareOfRun(5), "checkpoint_every_steps": ShareOfRun(10), **options}
    result = train(
        model,
        TinyBatches(make=targets_alone),
        total_steps=total_steps,
        directory=directory,
        validation=Validation([targets_alone(9, 0)]),
        callbacks=[clock],
        max_minutes=minutes,
        ends_in_time=True,
        log_every_steps=1,
        progress=False,
        clock=clock,
        **options,
    )
    return model, result


def learning_rates(result):
    return {row["step"]: row["learning_rate"] for row in result.history if row["kind"] == "train"}


def test_the_schedule_ends_when_the_time_does(tmp_path):
    # 60 seconds of tracing and 60 steps of four seconds, out of the 5,000 that were asked for.
    _, result = timed(tmp_path, StepClock())
    assert (result.step, result.stop_reason) == (61, "time")
    rates = learning_rates(result)
    # A warm-up of 400 in 5,000 is one of 5 in 61, and the cosine of 5,000 is over at 61.
    schedule = CosineDecay(0.5, 400, 5000)
    for step in (11, 20, 45, 61):
        assert rates[step] == pytest.approx(float(schedule(step / 61 * 5000 - 1)), rel=0.02, abs=1e-4)
    assert max(rates.values()) == pytest.approx(0.5, rel=0.05) and max(rates, key=rates.get) == 11
    assert rates[61] < 1e-4
    validated = [row["step"] for row in result.history if row["kind"] == "validation"]
    assert len(validated) in (5, 6) and validated[-1] == 61
    assert np.ptp(np.diff(validated[:-1])) <= 5


def test_a_run_that_was_killed_keeps_its_schedule(tmp_path):
    model, whole = timed(tmp_path / "whole", StepClock())
    with pytest.raises(KeyboardInterrupt):
        timed(tmp_path / "killed", StepClock(stop_at=35))
    # As on a machine where nothing has to be traced again.
    resumed_model, resumed = timed(tmp_path / "killed", StepClock(first=0.0))
    assert resumed.step == whole.step
    for step, rate in learning_rates(whole).items():
        assert learning_rates(resumed)[step] == pytest.approx(rate, rel=1e-6), step
    for one, other in zip(weights_of(model), weights_of(resumed_model), strict=True):
        np.testing.assert_array_equal(one, other)
    again = timed(tmp_path / "killed", StepClock(first=0.0))[1]
    assert (again.step, again.stop_reason) == (whole.step, "time")


def test_more_time_stretches_the_rest_and_no_limit_leaves_the_schedule_as_it_is(tmp_path):
    timed(tmp_path, StepClock(first=0.0), minutes=1)
    _, longer = timed(tmp_path, StepClock(first=0.0), minutes=3)
    rates = learning_rates(longer)
    assert rates[15] < 0.005 and rates[20] > 0.2 and rates[longer.step] < 1e-4 and longer.step == 45
    _, whole = timed(tmp_path, StepClock(first=0.0), minutes=None, total_steps=50)
    assert whole.stop_reason == "finished" and learning_rates(whole)[50] == 0.0


def test_the_slower_second_half_still_ends_in_time(tmp_path):
    class Slower(StepClock):
        def on_step_end(self, step, loss):
            self.seconds = 4.0 if step < 25 else 8.0
            super().on_step_end(step, loss)

    _, result = timed(tmp_path, Slower(first=0.0))
    assert result.step == 50 and learning_rates(result)[50] < 2e-3


def test_a_run_that_is_faster_than_its_time_is_as_without_a_limit(tmp_path):
    options = dict(total_steps=14, checkpoint_every_steps=5, validate_every_steps=5)
    limited, result = timed(tmp_path / "limited", StepClock(first=0.0), minutes=1, **options)
    unlimited, _ = timed(tmp_path / "unlimited", StepClock(first=0.0), minutes=None, **options)
    assert result.stop_reason == "finished"
    for one, other in zip(weights_of(limited), weights_of(unlimited), strict=True):
        np.testing.assert_array_equal(one, other)


def test_time_left_is_bounded_by_the_limit_and_counts_validations():
    clock = StepClock()
    run = TrainingRun(None, 50_000, 500, 1000, max_seconds=360.0, ends_in_time=True, clock=clock)
    assert run.seconds_left() == 360.0, "before anything is measured"
    clock.now = 60.0
    run.pace.add_step(2.0)
    assert run.seconds_left() == 300.0, "not the 27 hours that 50,000 steps take"
    unlimited = TrainingRun(None, 100, 50, 10, clock=clock)
    assert unlimited.seconds_left() is None
    unlimited.pace.add_step(2.0)
    unlimited.pace.seconds_between.update(validation=30.0, checkpoint=1.0)
    unlimited.step = 40
    assert unlimited.seconds_left() == pytest.approx(60 * 2.0 + 6 * 30.0 + 60 / 50)


def test_pace_forgets_what_is_long_ago_and_survives_a_checkpoint():
    pace = Pace()
    assert pace.seconds_per_step is None
    for seconds in [9.0] * 100 + [1.0] * 100:
        pace.add_step(seconds)
    copy = Pace()
    copy.load_state_dict(pace.state_dict())
    assert copy.seconds_per_step == pace.seconds_per_step == 1.0


def test_a_line_at_least_now_and_then_and_all_lines_in_the_log(tmp_path):
    file = io.StringIO()

    def slow(model):
        time.sleep(0.5)
        return {}

    show = Progress(file, line_every_seconds=math.inf, silent_seconds=0.1)
    train_tiny(
        tmp_path,
        4,
        eager=True,
        callbacks=[show],
        validate_every_steps=4,
        validation=Validation(validation_batches(), slow),
    )
    lines = file.getvalue().splitlines()
    assert sum("at work for 0:0" in line for line in lines) >= 2
    assert (tmp_path / LOG_NAME).read_text(encoding="utf-8").splitlines() == lines
    assert show._watch is None
