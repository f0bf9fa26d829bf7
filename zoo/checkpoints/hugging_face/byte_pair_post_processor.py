"""What the post-processor of a byte-pair tokenizer.json does: special tokens around a text, and places of tokens."""

from zoo.errors import UserError


def tokens_around(processor, ids, path):
    """The tokens that a post-processor of tokenizer.json puts before and after a text, two lists.

    Args:
        processor: Of the file.
        ids: Of the vocabulary, by token.
        path: The file.

    Raises:
        UserError: for other kinds of post-processors, and a token with another number than in the vocabulary.
    """
    # This one is about offsets.
    several = [part for part in processors(processor) if part.get("type") != "ByteLevel"]
    if not several:
        return [], []
    kind = several[0].get("type")
    if len(several) != 1 or kind not in ("RobertaProcessing", "TemplateProcessing"):
        raise UserError(
            f"{path}: post_processor {kind!r} is not supported, only RobertaProcessing and TemplateProcessing"
        )
    if kind == "RobertaProcessing":
        place, numbers = "cls and sep", {token: [number] for token, number in (several[0]["cls"], several[0]["sep"])}
        before, after = [several[0]["cls"][0]], [several[0]["sep"][0]]
    else:
        place = "special_tokens"
        numbers = {token: entry["ids"] for token, entry in (several[0].get(place) or {}).items()}
        pieces = [piece.get("SpecialToken", {}).get("id") for piece in several[0]["single"]]
        text = pieces.index(None)
        before, after = pieces[:text], pieces[text + 1 :]
    for token in (*before, *after):
        if numbers.get(token) != [ids.get(token)]:
            raise UserError(
                f"{path}: {place} of post_processor give {token!r} the numbers {numbers.get(token)} and the "
                f"vocabulary gives it {ids.get(token)}"
            )
    return before, after


def trims_offsets(processor) -> bool:
    """Whether a post-processor of tokenizer.json leaves the blanks before tokens out of their places in a text."""
    return any(part.get("trim_offsets") for part in processors(processor))


def processors(processor):
    """The parts of a post-processor of tokenizer.json that may be a sequence of them or missing, a list."""
    several = processor["processors"] if processor and processor.get("type") == "Sequence" else [processor]
    return [part for part in several if part is not None]
