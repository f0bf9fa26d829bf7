import numpy as np
import pytest

from zoo.data import StridedWindows
from zoo.errors import UserError

BEGIN = 99


@pytest.mark.parametrize("total", [1, 4, 5, 6, 17, 31])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_every_token_is_predicted_once_with_enough_before_it(total, stride, batch_size):
    length = 5
    text = np.arange(total)
    windows = StridedWindows(text, begin_id=BEGIN, block_length=length, stride=stride, batch_size=batch_size)
    whole = [BEGIN, *text.tolist()]
    predicted = []
    for x, labels, weights in windows:
        assert x["token_ids"].shape == labels.shape == weights.shape and len(labels) <= batch_size
        for row, label_row, weight_row in zip(x["token_ids"], labels, weights, strict=True):
            for place in np.flatnonzero(weight_row):
                label = int(label_row[place])
                context = row[: place + 1].tolist()
                position = whole.index(label)
                assert context == whole[position - len(context) : position]
                assert len(context) == position or len(context) > length - stride
                predicted.append(label)
    assert predicted == text.tolist()
    assert windows.num_tokens == total


def test_what_cannot_be():
    options = dict(begin_id=BEGIN, block_length=4, batch_size=1)
    with pytest.raises(UserError, match="no tokens to predict"):
        StridedWindows([], stride=1, **options)
    for stride in (0, 5):
        with pytest.raises(UserError, match=f"stride={stride} must be between 1 and the block length, 4"):
            StridedWindows([1, 2], stride=stride, **options)
