import io
import math
from types import SimpleNamespace

from zoo.training.callbacks.constant_metrics import ConstantMetrics
from zoo.training.callbacks.progress import Progress


def test_a_metric_that_does_not_move_is_said_once():
    metrics = ConstantMetrics()
    rows = [(0.0, 1.5), (0.0, 1.4), (0.0, 1.4), (0.0, 1.4), (0.5, 1.3), (0.5, 1.3), (0.5, 1.2)]
    found = [metrics.see({"val_bleu": bleu, "val_nll": nll}) for bleu, nll in rows]
    assert [[line.split(" in 3")[0] for line in lines] for lines in found] == [
        *([[], [], ["val_bleu exactly 0.0000"], ["val_nll exactly 1.4000"], [], []]),
        ["val_bleu exactly 0.5000"],
    ]


def test_metrics_of_one_value_share_a_line():
    metrics = ConstantMetrics(validations=2)
    rows = [{"val_f1": 0.0, "val_recall": 0.0, "val_nll": math.nan}] * 2
    assert metrics.see(rows[0]) == []
    first, second = metrics.see(rows[1])
    assert first.startswith("val_f1, val_recall exactly 0.0000 in 2 validations in a row")
    assert second.startswith("val_nll exactly nan")


def test_progress_says_it(tmp_path):
    file = io.StringIO()
    progress = Progress(file)
    for step in (10, 20, 30, 40):
        progress.run = SimpleNamespace(step=step, directory=tmp_path)
        progress.on_epoch_end(0, {"loss": 1.0, "val_bleu": 0.0, "val_nll": 1 / step, "val_seconds": 2.0})
    lines = file.getvalue().splitlines()
    assert len(lines) == 5 and lines[0] == "step 10  validation: val_bleu 0.0000  val_nll 0.1000"
    assert lines[3].startswith("val_bleu exactly 0.0000 in 3 validations in a row: no measure of progress")
