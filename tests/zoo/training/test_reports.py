import io
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.image import imread
from tiny_run import batch, train_tiny

from zoo.errors import UserError
from zoo.training.callbacks.history import read_history
from zoo.training.callbacks.learning_curve import plot_learning_curve
from zoo.training.callbacks.progress import Progress, duration, flops_per_second
from zoo.training.callbacks.tensorboard import TensorBoard
from zoo.training.callbacks.text_samples import TextSamples
from zoo.training.speed.model_flops import ModelFlops


def test_plain_lines(tmp_path):
    file = io.StringIO()
    show = Progress(file, line_every_seconds=0.0)
    train_tiny(tmp_path, 4, validate_every_steps=4, checkpoint_every_steps=4, eager=True, callbacks=[show])
    lines = file.getvalue().splitlines()
    assert lines[0].startswith("step 2/4  loss 2.") and "tokens/s" in lines[0] and "left" in lines[0]
    assert lines[1].startswith("step 4/4  loss 2.") and "lr 1.20e-02" in lines[1] and lines[1].endswith("0:00 left")
    assert lines[2].startswith("step 4  validation: val_nll ") and "val_accuracy" in lines[2]
    assert lines[3].startswith("finished at step 4 after 0:0")
    assert "\x1b" not in file.getvalue()
    file = io.StringIO()
    train_tiny(tmp_path, 10, eager=True, callbacks=[Progress(file, line_every_seconds=99.0)])
    assert file.getvalue().splitlines()[0] == "going on from step 4 of 10"
    assert file.getvalue().count("tokens/s") == 2, "the first and the last"


def test_speed_in_operations_is_that_in_tokens_times_operations_of_a_token(tmp_path):
    file = io.StringIO()
    speed = ModelFlops(lambda x: 7e9 * x["source"].size, peak=4e12)
    show = Progress(file, line_every_seconds=0.0)
    _, result = train_tiny(tmp_path, 4, checkpoint_every_steps=4, eager=True, callbacks=[show], model_flops=speed)
    for row, steps in zip(result.history, ((0, 1), (2, 3)), strict=True):
        batches = [batch(0, step) for step in steps]
        operations = 7e9 * sum(x["source"].size for x, _, _ in batches)
        seconds = sum(int(weights.sum()) for _, _, weights in batches) / row["tokens_per_second"]
        assert row["model_flops_per_second"] == pytest.approx(operations / seconds)
        assert row["mfu"] == pytest.approx(operations / seconds / 4e12)
        assert f"  {flops_per_second(operations / seconds)}  MFU {operations / seconds / 4e12:.1%}  " in file.getvalue()
    _, result = train_tiny(tmp_path / "unknown", 2, eager=True, model_flops=ModelFlops(speed.of_batch))
    assert "model_flops_per_second" in result.history[0] and "mfu" not in result.history[0]


@pytest.mark.parametrize(("value", "text"), [(12.34e9, "12.3 GFLOP/s"), (5e14, "500.0 TFLOP/s"), (2e7, "0.0 GFLOP/s")])
def test_flops_per_second(value, text):
    assert flops_per_second(value) == text


def test_bar_on_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    file = Terminal()
    train_tiny(tmp_path, 4, validate_every_steps=4, eager=True, callbacks=[Progress(file)])
    shown = file.getvalue()
    assert "step 4/4" in shown and "\x1b[" in shown and "validation: val_nll" in shown


def test_interrupted_training_leaves_the_terminal_alone(tmp_path):
    class Stop(Progress):
        def on_log(self, report):
            raise KeyboardInterrupt

    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path, 4, eager=True, callbacks=[Stop(file)])
    assert file.getvalue().startswith("interrupted at step 2")


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (61, "1:01"), (3599.6, "1:00:00"), (90061, "25:01:01")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_tensorboard_has_the_values_of_the_history(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    _, result = train_tiny(
        tmp_path,
        6,
        validate_every_steps=3,
        eager=True,
        callbacks=[TensorBoard()],
        model_flops=ModelFlops(lambda x: 1000, peak=1e9),
    )
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    for tag, kind, name in (
        ("train/loss", "train", "loss"),
        ("train/tokens_per_second", "train", "tokens_per_second"),
        ("train/model_flops_per_second", "train", "model_flops_per_second"),
        ("train/mfu", "train", "mfu"),
        ("validation/nll", "validation", "val_nll"),
    ):
        written = [(event.step, tensor_util.make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag)]
        expected = [(row["step"], row[name]) for row in result.history if row["kind"] == kind]
        np.testing.assert_allclose(written, expected, rtol=1e-6)


def test_history_whose_last_line_was_cut(tmp_path):
    (tmp_path / "history.jsonl").write_text('{"kind": "train", "step": 1}\n{"kind": "tra')
    assert read_history(tmp_path) == [{"kind": "train", "step": 1}]


def example_rows():
    rows = []
    for step in range(50, 2001, 50):
        rows.append({"kind": "train", "step": step, "loss": 2 + 6 * math.exp(-step / 400)})
        if step % 200 == 0:
            bleu = 40 * (1 - math.exp(-step / 500)) - step / 400
            rows.append({"kind": "validation", "step": step, "val_nll": 1.5 + 6 * math.exp(-step / 400)})
            rows[-1].update(val_bleu=bleu, val_accuracy=bleu / 60, val_perplexity=9.0, val_seconds=1.0)
    return rows


def colour_columns(picture, colour):
    """Columns in which a colour is drawn."""
    return np.nonzero((np.abs(picture[..., :3] - np.array(colour) / 255).max(-1) < 0.02).any(0))[0]


def test_learning_curve_draws_every_curve_over_the_whole_width(tmp_path):
    path = tmp_path / "curve.png"
    plot_learning_curve(example_rows(), path, "test run")
    picture = imread(path)
    assert picture.shape[0] > 700 and picture.shape[1] == 960
    for colour in ((31, 119, 180), (255, 127, 14), (44, 160, 44)):  # tab:blue, tab:orange, tab:green
        columns = colour_columns(picture, colour)
        assert columns.max() - columns.min() > 700


def test_learning_curve_shows_single_points(tmp_path):
    rows = [
        {"kind": "train", "step": 9, "loss": 2.0},
        {"kind": "validation", "step": 9, "val_nll": 3.0, "val_bleu": 1.0},
    ]
    plot_learning_curve(rows, tmp_path / "curve.png")
    picture = imread(tmp_path / "curve.png")
    for colour in ((31, 119, 180), (255, 127, 14), (44, 160, 44)):
        columns = colour_columns(picture[:, : picture.shape[1] * 3 // 4], colour)  # without the legend
        assert len(columns) >= 8, "a marker in the middle"


def test_learning_curve_with_gaps(tmp_path):
    rows = [{"kind": "train", "step": 1, "loss": 2.0}, {"kind": "validation", "step": 1, "val_bleu": math.nan}]
    plot_learning_curve(rows, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 1000


def test_nothing_to_draw(tmp_path):
    with pytest.raises(UserError, match="no history to draw"):
        plot_learning_curve([], tmp_path / "curve.png")


def test_a_full_disk_leaves_the_earlier_picture(tmp_path, full_disk):
    path = tmp_path / "curve.png"
    path.write_text("earlier")
    with pytest.raises(UserError, match=r"curve\.png: cannot write \(No space left on device\): free some space"):
        plot_learning_curve(example_rows(), path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("curve.png", "earlier")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_when_samples_are_kept(tmp_path):
    (tmp_path / "samples.txt").symlink_to("/dev/full")
    samples = TextSamples(lambda prompts: prompts, ["a"], show=False)
    samples.run = SimpleNamespace(directory=tmp_path, step=1, validates_here=True)
    with pytest.raises(UserError, match=r"samples\.txt: cannot write \(No space left on device\): free some space"):
        samples.on_epoch_end(0)
