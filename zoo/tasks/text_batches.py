"""Batches of similar length out of a list of texts, and results back in the order given."""

from rich.progress import track

from zoo.errors import UserError


def check_texts(texts):
    """The texts as a list, and whether a single str was given.

    Raises:
        UserError: for anything but str or bytes, naming its position.
    """
    if isinstance(texts, (str, bytes)):
        return [texts], True
    texts = list(texts)
    for position, text in enumerate(texts):
        if not isinstance(text, (str, bytes)):
            raise UserError(f"texts[{position}] is of type {type(text).__name__}; give str or bytes")
    return texts, False


def map_in_batches(function, texts, *, batch_size, progress=False, description="predicting"):
    """Calls `function` on batches of texts of similar length.

    Args:
        function: From a list of texts to a list of as many results.
        texts: list of str or bytes.
        batch_size: Texts in a batch, at most.
        progress: Whether to show a progress bar.
        description: Text beside the bar.

    Returns:
        The results in the order of `texts`.
    """
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]), reverse=True)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    results = [None] * len(texts)
    for batch in track(batches, description=description, disable=not progress, transient=True):
        for position, result in zip(batch, function([texts[i] for i in batch]), strict=True):
            results[position] = result
    return results
