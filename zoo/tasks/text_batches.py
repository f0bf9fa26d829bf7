"""Batches of similar length out of a list of texts, and results back in the order given."""

from collections.abc import Iterable, Mapping

from rich.progress import track

from zoo.errors import UserError


def check_texts(texts):
    """The texts as a list of bytes, and whether a single str was given.

    Raises:
        UserError: for anything but str or bytes, naming its position.
    """
    if isinstance(texts, (str, bytes)):
        return [_to_bytes(texts)], True
    if isinstance(texts, Mapping):
        keys = ", ".join(map(repr, texts))
        raise UserError(f"texts are a dict with the keys {keys}; give a str or a list of str (pairs are not supported)")
    if not isinstance(texts, Iterable):
        raise UserError(f"texts are of type {type(texts).__name__}; give a str or a list of str")
    texts = list(texts)
    for position, text in enumerate(texts):
        if not isinstance(text, (str, bytes)):
            raise UserError(f"texts[{position}] is of type {type(text).__name__}; give str or bytes")
    return [_to_bytes(text) for text in texts], False


def _to_bytes(text):
    """UTF-8, lone surrogates (which JSON can bring) as invalid bytes that the tokenizer replaces."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


def map_in_batches(function, texts, *, batch_size, progress=False, description="predicting", length=len):
    """Calls `function` on batches of texts of similar length.

    Args:
        function: From a list of texts to a list of as many results.
        texts: list of bytes, or of anything that `length` takes.
        batch_size: Texts in a batch, at most.
        progress: Whether to show a progress bar.
        description: Text beside the bar.
        length: From a text to its length.

    Returns:
        The results in the order of `texts`.

    Raises:
        UserError: for an impossible batch size.
    """
    if not isinstance(batch_size, int) or batch_size < 1:
        raise UserError(f"batch_size must be an integer of at least 1, got {batch_size!r}")
    order = sorted(range(len(texts)), key=lambda position: length(texts[position]), reverse=True)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    results = [None] * len(texts)
    # Before version 14.3 rich ends a line even if it shows nothing.
    for batch in track(batches, description=description, transient=True) if progress else batches:
        for position, result in zip(batch, function([texts[i] for i in batch]), strict=True):
            results[position] = result
    return results
