"""Warm-up requests, which TensorFlow Serving replays when it loads a version, before it answers anybody.

The file is `assets.extra/tf_serving_warmup_requests`, an uncompressed TFRecord of PredictionLog messages, at most 1,000
(https://www.tensorflow.org/tfx/serving/saved_model_warmup). A failing record makes the server refuse the version, so
the records also serve as a smoke test.
"""

import bisect
import itertools
from pathlib import Path

import numpy as np
import tensorflow as tf

from export.input_rows import input_columns, input_rows
from export.prediction_log import encode_predict_log
from export.served_form import trial_value

WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000
SMALLEST_BUCKET = 8
LARGEST_BUCKET = 512
"""Of those that are chosen without being asked for, where inputs may be longer than twice as many tokens."""


def default_buckets(max_source_length):
    """Input lengths in tokens to warm up and to check: powers of two from 8, then the longest input itself.

    Where that is longer than 2 * `LARGEST_BUCKET` tokens, lengths end at `LARGEST_BUCKET`: longer inputs take minutes.
    """
    long = max_source_length > 2 * LARGEST_BUCKET
    lengths = set() if long else {max_source_length}
    length = SMALLEST_BUCKET
    while length <= (LARGEST_BUCKET if long else max_source_length):
        lengths.add(length)
        length *= 2
    return tuple(sorted(lengths))


def text_of_length(tokenizer, texts, num_tokens):
    """The longest text of at most `num_tokens` tokens, found by bisection, that repeats the words of `texts`.

    Args:
        tokenizer: a `zoo.tokenizers` tokenizer.
        texts: list of str or bytes; their words are repeated in order.
        num_tokens: the wanted length in tokens, without special tokens.

    Returns:
        bytes; a single word if even that has more tokens.
    """
    words = [word for text in texts for word in _as_bytes(text).split()] or [b"word"]
    # A word has at least one token nearly always; half as many words again leaves room for those that have none.
    words = list(itertools.islice(itertools.cycle(words), num_tokens + num_tokens // 2 + 1))

    def num_tokens_of(count):
        return int(tokenizer.encode(tf.constant([b" ".join(words[:count])])).row_lengths()[0])

    return b" ".join(words[: max(bisect.bisect_right(range(1, len(words) + 1), num_tokens, key=num_tokens_of), 1)])


def warm_up_requests(task, examples_by_bucket, brief=False):
    """Requests for each signature and bucket: (signature name, dict of input arrays of shape [1]).

    Args:
        task: a `zoo.tasks.task.Task`.
        examples_by_bucket: dict from a length in tokens to an example of it, as `input_rows` takes them.
        brief: whether controls have the values for trials, with which answers are short.
    """
    for row in input_rows(task.inputs, examples_by_bucket.values()):
        for name, signature in task.signatures.items():
            controls = {
                key: np.array(
                    [trial_value(control) if brief else control.default],
                    dtype=tf.as_dtype(control.dtype).as_numpy_dtype,
                )
                for key, control in signature.controls.items()
            }
            yield name, {**input_columns(signature.inputs, [row]), **controls}


def write_warm_up(directory, requests):
    """Writes the warm-up file of a SavedModel.

    Args:
        directory: the SavedModel's directory.
        requests: iterable of (signature name, dict of input arrays).

    Returns:
        The number of records.

    Raises:
        ValueError: for more than 1,000 records, which servers refuse.
    """
    path = Path(directory) / WARM_UP_FILE
    path.parent.mkdir(exist_ok=True)
    records = [encode_predict_log(signature, inputs) for signature, inputs in requests]
    if len(records) > MAX_RECORDS:
        raise ValueError(f"{len(records)} warm-up records; TensorFlow Serving takes at most {MAX_RECORDS}")
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    return len(records)


def _as_bytes(text):
    return text.encode("utf-8") if isinstance(text, str) else text
