"""Labels as vectors of 0 and 1, place n for label n."""

from zoo.errors import UserError


def are_vectors(values):
    """Whether the labels of a file are vectors: lists of one length, two or more, of nothing but 0 and 1.

    Lists of that kind could otherwise only say that every text has both the label 0 and the label 1.

    Args:
        values: Iterable of the label of each text, as JSON has it; read as far as is needed.
    """
    size = None
    for value in values:
        if not isinstance(value, list) or len(value) < 2 or len(value) != (size or len(value)):
            return False
        if not all(_is_mark(mark) for mark in value):
            return False
        size = len(value)
    return size is not None


def vector_places(vector, what, where):
    """The places that hold 1, a list of int.

    Raises:
        UserError: It is no vector.
    """
    if not isinstance(vector, list) or not all(_is_mark(mark) for mark in vector):
        raise UserError(f"{where}: {what} must be a list of 0 and 1, as in the training data, not {vector!r:.40}")
    return [place for place, mark in enumerate(vector) if mark]


def _is_mark(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value in (0, 1)
