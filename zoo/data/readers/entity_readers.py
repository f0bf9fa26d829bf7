"""Sources of texts with entities: CoNLL files and JSON Lines files, plain or .gz.

A source is a re-iterable of `EntityText`: each iteration reads its file from the start, one text at a time.
"""

from zoo.data.readers.conll_entities import ConllEntities
from zoo.data.readers.jsonl_entities import JsonlEntities

__all__ = ["ConllEntities", "JsonlEntities", "open_entities"]


def open_entities(
    path,
    *,
    scheme=None,
    lenient=False,
    token_separator="auto",
    token_column=None,
    tag_column=None,
    offsets="characters",
    text_field="text",
    entities_field=None,
):
    """The reader of a file of texts with entities: JSON Lines if it is named .jsonl (or .jsonl.gz), or else CoNLL.

    Args:
        path: `pathlib.Path` of the file.
        scheme, lenient, token_separator: See `ConllEntities`; of tokens with tags.
        token_column, tag_column: See `ConllEntities`; of CoNLL files alone.
        offsets, text_field, entities_field: See `JsonlEntities`; of JSON Lines alone.

    Raises:
        UserError: For a file that cannot be read.
    """
    options = {"scheme": scheme, "lenient": lenient, "token_separator": token_separator}
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return JsonlEntities(path, offsets, text=text_field, entities=entities_field, **options)
    return ConllEntities(path, token_column=token_column, tag_column=tag_column, **options)
