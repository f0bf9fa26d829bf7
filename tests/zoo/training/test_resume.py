import logging
import random
import resource
import shutil
import signal
import time

import numpy as np
import pytest
import tiny_run
from fork_server import context
from tiny_run import TinyBatches, tiny_model, train_tiny, weights_of

from zoo.errors import UserError
from zoo.training.callbacks.validation import Validation
from zoo.training.loop import train
from zoo.training.runs.averaging import average_checkpoints, select_checkpoints
from zoo.training.runs.checkpoint_files import checkpoint_paths
from zoo.training.runs.resume import Resume


def steps_on_disk(directory):
    return [int(path.name[-8:]) for path in checkpoint_paths(directory / "checkpoints")]


def flip_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("kills_wanted", [4, pytest.param(24, marks=pytest.mark.long)])
def test_killed_at_random_moments_ends_with_the_same_bits(tmp_path, kills_wanted):
    steps = 10 * kills_wanted

    def start(name, seconds):
        arguments = (tmp_path / name, steps, seconds, tmp_path / f"{name}.npz")
        process = context.Process(target=tiny_run.train_and_save, args=arguments)
        process.start()
        return process

    whole = start("whole", 0.0)
    seed = random.randrange(1000)
    chance = random.Random(seed)
    kills, truncated = 0, False
    while not (tmp_path / "killed.npz").exists():
        # A kill needs some progress since the one before, or there would be no end of them.
        before = steps_on_disk(tmp_path / "killed")
        process = start("killed", 0.03)
        while process.is_alive() and kills < kills_wanted and steps_on_disk(tmp_path / "killed") == before:
            time.sleep(0.01)
        if kills < kills_wanted:
            time.sleep(chance.uniform(0.0, 0.4))
            process.kill()
            kills += 1
        process.join()
        assert process.exitcode == (0 if (tmp_path / "killed.npz").exists() else -signal.SIGKILL)
        if kills == 2 and not truncated:
            truncated = True
            newest = checkpoint_paths(tmp_path / "killed" / "checkpoints")[-1]
            truncate(newest / "model.npz")
    whole.join()
    with np.load(tmp_path / "whole.npz") as expected, np.load(tmp_path / "killed.npz") as resumed:
        assert set(expected) == set(resumed)
        for name in expected:
            np.testing.assert_array_equal(expected[name], resumed[name], err_msg=f"seed {seed}")
    assert kills == kills_wanted
    assert steps_on_disk(tmp_path / "killed") == steps_on_disk(tmp_path / "whole")
    assert not list((tmp_path / "killed" / "checkpoints").glob(".partial*"))


def test_sigterm_leaves_a_checkpoint_of_the_last_step(tmp_path):
    whole, _ = train_tiny(tmp_path / "whole", 60)
    directory = tmp_path / "preempted"
    arguments = (directory, 60, 0.05, tmp_path / "never.npz")
    process = context.Process(target=tiny_run.train_and_save, args=arguments)
    process.start()
    while not steps_on_disk(directory):
        time.sleep(0.01)
    time.sleep(0.12)
    process.terminate()
    process.join(60)
    assert process.exitcode == -signal.SIGTERM and not (tmp_path / "never.npz").exists()
    stopped_at = steps_on_disk(directory)[-1]
    assert 3 <= stopped_at < 60
    history = (directory / "history.csv").read_text().splitlines()
    assert history[-1].split(",")[1] == str(stopped_at), "the history ends where the checkpoint does"
    model, result = train_tiny(directory, 60)
    assert (result.step, result.stop_reason) == (60, "finished")
    for ours, theirs in zip(weights_of(model), weights_of(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("file", ["model.npz", "optimizer.npz", "state.json"])
@pytest.mark.parametrize("damage", [truncate, flip_byte, lambda path: path.unlink()], ids=["cut", "flipped", "gone"])
def test_damaged_newest_falls_back_and_says_so(tmp_path, caplog, finished, file, damage):
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    damage(directory / "checkpoints" / "checkpoint-00000009" / file)
    model = tiny_model()
    resume = Resume()
    with caplog.at_level(logging.WARNING):
        # Already past its last step: restores and returns.
        result = train(
            model,
            TinyBatches(),
            total_steps=6,
            directory=directory,
            checkpoint_every_steps=3,
            resume=resume,
            progress=False,
        )
    assert result.step == 6
    assert f"checkpoint-00000009/{file}" in caplog.text and "trying the one before" in caplog.text


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished") / "run"
    train_tiny(directory, 9, eager=True)
    assert steps_on_disk(directory) == [3, 6, 9]
    return directory


def test_all_damaged_is_an_error(tmp_path, finished):
    directory = tmp_path / "run"
    shutil.copytree(finished, directory)
    for path in checkpoint_paths(directory / "checkpoints"):
        truncate(path / "state.json")
    with pytest.raises(UserError, match="all 3 checkpoints are damaged"):
        train_tiny(directory, 12, eager=True)


def test_checkpoint_of_another_model(finished):
    def build():
        import keras

        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
        model.compile(optimizer="adam", loss="mse")
        return model

    with pytest.raises(UserError, match="made by another model"):
        train(build(), TinyBatches(), total_steps=12, directory=finished, checkpoint_every_steps=3, progress=False)


def test_no_pickles(finished):
    for path in finished.rglob("*.npz"):
        with np.load(path, allow_pickle=False) as stored:
            assert all(stored[name].dtype != object for name in stored)


def test_keeps_the_last_and_the_best(tmp_path):
    scores = dict(zip(range(2, 21, 2), [5.0, 9.0, 1.0, 7.0, float("nan"), 9.0, 2.0, 3.0, 1.0, 0.0], strict=True))
    validation = Validation(
        tiny_run.validation_batches(), lambda model: {"bleu": scores[int(model.optimizer.iterations)]}
    )
    resume = Resume(keep_last=2, keep_best=3, metric="val_bleu", mode="max")
    train_tiny(
        tmp_path, 20, eager=True, checkpoint_every_steps=5, validate_every_steps=2, validation=validation, resume=resume
    )
    # Best: 9.0 at 4 and 12, 7.0 at 8; last of those written: 15 and 20.
    assert steps_on_disk(tmp_path) == [4, 8, 12, 15, 20]
    assert resume.best_steps() == [12, 4, 8]
    best = select_checkpoints(tmp_path, 2, metric="val_bleu", mode="max")
    assert sorted(path.name for path in best) == ["checkpoint-00000004", "checkpoint-00000012"]
    worst = select_checkpoints(tmp_path, 1, metric="val_bleu", mode="min")
    assert [path.name for path in worst] == ["checkpoint-00000020"]


def test_average_of_checkpoints(tmp_path):
    weights = []

    class Keep(tiny_run.Validation):
        def on_epoch_end(self, epoch, logs=None):
            weights.append(weights_of(self.model))

    train_tiny(tmp_path, 9, eager=True, callbacks=[Keep([])], resume=Resume(keep_last=2))
    model = tiny_model(seed=99)
    average_checkpoints(model, select_checkpoints(tmp_path, 5))
    assert len(weights) == 3
    for averaged, second, third in zip(weights_of(model), *weights[1:], strict=True):
        if averaged.dtype == np.float32:
            np.testing.assert_array_equal(averaged, ((second.astype("float64") + third) / 2).astype("float32"))
            assert not np.array_equal(averaged, third)
        else:
            np.testing.assert_array_equal(averaged, third)


def test_average_of_nothing(tmp_path, finished):
    with pytest.raises(UserError, match="no checkpoints to average"):
        select_checkpoints(tmp_path, 3)
    with pytest.raises(UserError, match='no checkpoint has a score "val_bleu"'):
        select_checkpoints(finished, 3, metric="val_bleu")


def _train_with_little_space(directory):
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    try:
        train_tiny(directory, 15, eager=True)
    except UserError as error:
        (directory / "message").write_text(str(error))


def test_full_disk_is_one_line_and_leaves_the_checkpoints(tmp_path):
    directory = tmp_path / "run"
    train_tiny(directory, 9, eager=True)
    before = steps_on_disk(directory)
    process = context.Process(target=_train_with_little_space, args=(directory,))
    process.start()
    process.join()
    message = (directory / "message").read_text()
    assert "checkpoint-00000012: cannot write the checkpoint (File too large)" in message and "\n" not in message
    assert steps_on_disk(directory) == before
    _, result = train_tiny(directory, 15, eager=True)
    assert result.step == 15


def test_bfloat16_variables_survive(tmp_path):
    import ml_dtypes

    from zoo.training.runs.checkpoint_files import read_arrays, write_checkpoint

    array = np.arange(5, dtype="float32").astype(ml_dtypes.bfloat16)
    path = write_checkpoint(tmp_path, 1, {"model": [array, np.arange(3)]}, {})
    first, second = read_arrays(path, "model")
    assert first.dtype == array.dtype
    np.testing.assert_array_equal(first.astype("float32"), np.arange(5))
    np.testing.assert_array_equal(second, np.arange(3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(keep_last=0), "keep_last must be at least 1"),
        (dict(keep_best=2), "keep_best needs a metric"),
        (dict(keep_best=2, metric="val_bleu", mode="up"), 'mode must be "max" or "min"'),
    ],
)
def test_impossible_options(options, message):
    with pytest.raises(UserError, match=message):
        Resume(**options)


def test_ranking_metric_that_is_not_reported(tmp_path):
    resume = Resume(keep_best=1, metric="val_blue")
    with pytest.raises(UserError, match=r'ranked by "val_blue".*there is .*val_nll'):
        train_tiny(tmp_path, 4, eager=True, validate_every_steps=2, resume=resume)
