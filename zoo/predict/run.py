"""Answering the texts of a file in parts."""

import itertools
import json
import math
from typing import Any

import numpy as np

from zoo.errors import UserError
from zoo.predict.answer_file import AnswerFile
from zoo.predict.answers import check_plain_text, plain_text
from zoo.predict.progress import PredictionProgress
from zoo.predict.texts import open_texts
from zoo.tasks import load
from zoo.tasks.loading import stored_inputs

# Batches of texts that are read, put in the order of their length, answered and written together.
_BATCHES_OF_A_PART = 16


def run(config):
    """Answers every text of the input.

    Args:
        config: A `PredictConfig`.

    Raises:
        UserError: for an input, an output or a model that cannot be used. A file is read to its end before the first
            text is answered, so that a mistake in it is found before anything is written.
    """
    texts = open_texts(config, stored_inputs(config.model))
    total = None if config.input == "-" else _checked_count(texts, config)
    task = load(config.model, config.dtype)
    if config.changed_settings:
        task = task.with_settings(**config.changed_settings)
    if config.found_output_format == "text":
        check_plain_text(task)
    output = AnswerFile(config.output, config.overwrite)
    try:
        with PredictionProgress(total) as progress:
            for part in _parts(texts, _BATCHES_OF_A_PART * config.batch_size):
                output.write(_answered(task, part, config, progress))
        output.finish()
    except (UserError, KeyboardInterrupt) as error:
        left = output.stop()
        if left and isinstance(error, UserError):
            raise UserError(f"{error}; {left}") from error
        if left:
            progress.say(left)
        raise
    progress.report("" if config.output is None else f"; answers in {config.output}")


def _checked_count(texts, config):
    count = sum(1 for _ in texts)
    if not count:
        raise UserError(f"{config.input}: has no text, only a header or empty lines; is it the right file?")
    return count


def _parts(texts, size):
    """Yields lists of up to `size` texts."""
    texts = iter(texts)
    while part := list(itertools.islice(texts, size)):
        yield part


def _answered(task, part, config, progress):
    """The lines for a part, in its order; batches hold texts of similar length."""
    order = sorted(range(len(part)), key=lambda place: sum(map(len, part[place].texts)), reverse=True)
    lines: list = [None] * len(part)
    for start in range(0, len(part), config.batch_size):
        batch = order[start : start + config.batch_size]
        columns = map(list, zip(*(part[place].texts for place in batch), strict=True))
        records = task.records(*columns, batch_size=len(batch))
        for place, found in zip(batch, records, strict=True):
            lines[place] = _line(task, found, part[place].kept, config)
        progress.advance(len(batch))
    return lines


def _line(task, found, kept, config):
    if config.found_output_format == "text":
        return plain_text(task, found)
    taken = sorted(kept.keys() & found.keys())
    if taken:
        raise UserError(f"--keep {taken[0]}: answers have a field of that name; rename the field of the input")
    return json.dumps({**kept, **_plain(found)}, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """The value for JSON: scores in the digits that tell a float32, and null for those that are not finite."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(str(np.float32(value))) if math.isfinite(value) else None
    return value
