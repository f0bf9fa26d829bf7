"""How a file of texts with entities is written, as options of a command."""

from dataclasses import dataclass
from typing import Literal

from zoo.data.readers.entity_readers import open_entities


@dataclass(frozen=True)
class EntityFormat:
    """What cannot be told from a file of texts with entities itself, for the configuration of a command to inherit."""

    token_column: int | None = None
    """Column of the tokens of a CoNLL file, from 0, or from the last, -1; the first if None, or where lines are
    numbered (CoNLL-U, GermEval) the second."""
    tag_column: int | None = None
    """Column of the tags, likewise; the last if None, or where lines are numbered the one that holds tags."""
    text_field: str = "text"
    """Field of the text in JSON Lines."""
    entities_field: str | None = None
    """Field of the list of entities in JSON Lines; entities, spans, labels or label if None."""
    offsets: Literal["characters", "bytes", "utf16"] = "characters"
    """What the offsets of entities in JSON Lines count; UTF-16 units are JavaScript's and Java's."""
    tag_scheme: Literal["BIO", "IOB1", "BIOES", "BILOU", "BMES"] | None = None
    """Scheme of the tags of entities; found out if None."""
    token_separator: Literal["auto", "blank", "none"] = "auto"
    """What stands between the tokens of a CoNLL file in its texts: a blank or nothing; "auto" goes by their scripts,
    such as nothing between Chinese characters."""
    lenient: bool = False
    """Read tags that break their scheme as conlleval does, instead of refusing them."""

    def open_entities(self, path):
        """The reader of a file, see `zoo.data.readers.entity_readers.open_entities`.

        Args:
            path: `pathlib.Path` of the file.

        Raises:
            UserError: for a file that cannot be read.
        """
        return open_entities(
            path,
            scheme=self.tag_scheme,
            lenient=self.lenient,
            token_separator=self.token_separator,
            token_column=self.token_column,
            tag_column=self.tag_column,
            offsets=self.offsets,
            text_field=self.text_field,
            entities_field=self.entities_field,
        )
