"""A batch of texts as a model reads it."""

from typing import Any, NamedTuple


class Encoded(NamedTuple):
    """What `Task.encode` makes of a batch.

    Attributes:
        tensors: Arguments of `Task.compute` by name, each with first dimension N: B, or more where texts are read in
            several windows.
        padding: For each argument of shape [N, S] or [N, S, ...] with a length that may be rounded up, what to fill it
            with; backends that compile for every shape anew round it up.
        longest: S is not rounded up beyond this; None for no limit.
        rows_at_a_time: int32 scalar, rows that go through the model together, so that memory stays bounded; None for
            all of them.
        options: Python values for `compute` by name; within a TensorFlow graph also scalars.
        kept: What `Task.decode` needs beside the results, by name.
    """

    tensors: dict
    padding: dict
    longest: int | None = None
    rows_at_a_time: Any = None
    options: dict = {}  # noqa: RUF012  a field's default, which nothing changes
    kept: dict = {}  # noqa: RUF012
