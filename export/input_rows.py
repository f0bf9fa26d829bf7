"""Rows of texts that requests are made of: examples of a task by the names of its inputs, and columns of them."""

import numpy as np

from zoo.errors import UserError


def input_rows(inputs, examples):
    """Examples as rows.

    Args:
        inputs: Names of the texts that a task takes.
        examples: A str or bytes each, the first input; or a dict of them by name, with all inputs.

    Returns:
        list of dict from input name to bytes.

    Raises:
        UserError: for an example of several texts that lacks an input or has one that the task does not take.
    """
    rows = []
    for example in examples:
        row = example if isinstance(example, dict) else {inputs[0]: example}
        if isinstance(example, dict) and set(row) != set(inputs):
            raise UserError(f"an example has {', '.join(map(repr, row)) or 'no texts'}; the task takes {inputs}")
        rows.append({name: _as_bytes(row[name]) for name in inputs if name in row})
    return rows


def input_columns(inputs, rows):
    """Arrays [B] of the texts of rows, by input name.

    An input that the rows do not name gets the first texts of the rows after: of the next one, or for the third input
    of the one after it, and so on.

    Args:
        inputs: Names of the texts that a signature takes.
        rows: As `input_rows` returns them.
    """
    firsts = [next(iter(row.values())) for row in rows]
    columns = {}
    for place, name in enumerate(inputs):
        turn = place % max(len(rows), 1)
        named = all(name in row for row in rows)
        columns[name] = text_array([row[name] for row in rows] if named else firsts[turn:] + firsts[:turn])
    return columns


def text_array(texts):
    """A numpy array of objects [n]; numpy's own strings lose what they end in, NUL."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array


def _as_bytes(text):
    return text.encode("utf-8") if isinstance(text, str) else text
