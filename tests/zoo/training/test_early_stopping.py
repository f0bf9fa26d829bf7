import types

import pytest

from zoo.errors import UserError
from zoo.training.callbacks.early_stopping import EarlyStopping


def run_through(stopping, values, validates=lambda step: True):
    """Step at which training stops, or None."""
    run = types.SimpleNamespace(step=0, stop_reason=None, validates_here=True)
    stopping.run = run
    stopping.set_model(types.SimpleNamespace(stop_training=False))
    for step, value in enumerate(values, start=1):
        run.step, run.validates_here = step, validates(step)
        stopping.on_epoch_end(step - 1, {"val_nll": value} if run.validates_here else {})
        if stopping.model.stop_training:
            assert run.stop_reason == "early_stopping"
            return step
    return None


@pytest.mark.parametrize(
    ("mode", "min_delta", "values", "expected"),
    [
        ("min", 0.0, [3, 2, 2, 2.5], 4),
        ("min", 0.0, [3, 2, 2, 1.9, 5, 1.8, 9, 9], 8),
        ("min", 0.5, [3, 2.6, 2.4, 2.2, 2.0], 5),
        ("max", 0.0, [3, 2, 1], 3),
        ("max", 0.0, [1, 2, 3, 4], None),
        ("min", 0.0, [float("nan"), 3, float("nan"), float("nan")], 4),
        ("min", 0.0, [float("nan"), float("nan")], 2),
    ],
)
def test_patience_of_two(mode, min_delta, values, expected):
    assert run_through(EarlyStopping("val_nll", 2, mode, min_delta), values) == expected


def test_only_validations_count():
    stopping = EarlyStopping("val_nll", 2, "min")
    assert run_through(stopping, [1, None, None, 2, None, 3], validates=lambda step: step in (1, 4, 6)) == 6
    assert (stopping.best, stopping.best_step) == (1, 1)


def test_state_goes_on_where_it_was():
    first, second = EarlyStopping("val_nll", 3, "min"), EarlyStopping("val_nll", 3, "min")
    assert run_through(first, [1, 2]) is None
    second.load_state_dict(first.state_dict())
    assert run_through(second, [1.5, 1.5, 1.5]) == 2


def test_metric_that_is_not_reported():
    with pytest.raises(UserError, match='watches "val_bleu", which is not reported: there is val_nll'):
        run_through(EarlyStopping("val_bleu", 2, "max"), [1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("m", 1, "up"), "mode"), (("m", 0, "min"), "patience"), (("m", 1, "min", -1), "min_delta")],
)
def test_impossible_options(arguments, message):
    with pytest.raises(UserError, match=message):
        EarlyStopping(*arguments)
