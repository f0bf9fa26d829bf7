"""Texts of a call, and batches of similar length of them, with results back in the order given."""

from collections.abc import Iterable, Mapping

from rich.progress import track

from zoo.errors import UserError


def read_texts(inputs, given, options):
    """The texts of a call, one column for each input of the task.

    Args:
        inputs: Names of the inputs.
        given: What the call was given by position: for each input a str, or a list of str or bytes.
        options: What it was given by name, inputs among them.

    Returns:
        (columns, single, options): a list of bytes for each input, all of one length; whether a single str was given
        for each; and what is left of the options.

    Raises:
        UserError: for an input that is missing or too many, anything but str or bytes, naming its position, and for
            columns of different lengths.
    """
    named = dict(zip(inputs, given, strict=False))
    twice = [name for name in named if name in options]
    if len(given) > len(inputs) or twice:
        excess = f"{twice[0]} comes twice" if twice else f"{len(given)} texts are given"
        raise UserError(f"{excess}; the inputs are {', '.join(inputs)}")
    named |= {name: options[name] for name in inputs if name in options}
    columns, single = [], []
    for name in inputs:
        if name not in named:
            raise UserError(f"there is no {name}; the inputs are {', '.join(inputs)}")
        column, is_single = _check_texts(named[name], _plural(name), len(inputs) > 1)
        columns.append(column)
        single.append(is_single)
    if len(set(map(len, columns))) > 1 or len(set(single)) > 1:
        counts = " and ".join(f"{len(column)} {_plural(name)}" for name, column in zip(inputs, columns, strict=True))
        raise UserError(f"{counts}; give one of each, or lists of the same length")
    return columns, single[0], {name: value for name, value in options.items() if name not in inputs}


def _plural(name):
    return name if name.endswith("s") else f"{name}s"


def _check_texts(texts, name, among_others):
    """The texts as a list of bytes, and whether a single str was given."""
    if isinstance(texts, (str, bytes)):
        return [_to_bytes(texts)], True
    if isinstance(texts, Mapping):
        keys = ", ".join(map(repr, texts))
        advice = "" if among_others else " (pairs are for other tasks, such as PairClassifier)"
        raise UserError(f"{name} are a dict with the keys {keys}; give a str or a list of str{advice}")
    if not isinstance(texts, Iterable):
        raise UserError(f"{name} are of type {type(texts).__name__}; give a str or a list of str")
    texts = list(texts)
    for position, text in enumerate(texts):
        if not isinstance(text, (str, bytes)):
            raise UserError(f"{name}[{position}] is of type {type(text).__name__}; give str or bytes")
    return [_to_bytes(text) for text in texts], False


def _to_bytes(text):
    """UTF-8, lone surrogates (which JSON can bring) as invalid bytes that the tokenizer replaces."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def map_in_batches(function, columns, *, batch_size, progress=False, description="predicting"):
    """Calls `function` on batches of texts of similar length.

    Args:
        function: From a list of texts for each input to a list of as many results.
        columns: A list of bytes for each input, all of one length.
        batch_size: Rows in a batch, at most.
        progress: Whether to show a progress bar.
        description: Text beside the bar.

    Returns:
        The results in the order of the rows.

    Raises:
        UserError: for an impossible batch size.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise UserError(f"batch_size must be an integer of at least 1, got {batch_size!r}")
    lengths = list(map(sum, zip(*(map(len, column) for column in columns), strict=True)))
    order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    results = [None] * len(order)
    # Before version 14.3 rich ends a line even if it shows nothing.
    for batch in track(batches, description=description, transient=True) if progress else batches:
        for place, result in zip(batch, function([[column[i] for i in batch] for column in columns]), strict=True):
            results[place] = result
    return results
