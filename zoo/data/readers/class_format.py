"""How a file of texts with classes is written, as options of a command."""

from dataclasses import dataclass

from zoo.data.readers.classified_text import open_classes
from zoo.data.readers.table_format import TableFormat


@dataclass(frozen=True)
class ClassFormat(TableFormat):
    """What cannot be told from a file of texts with classes itself, for the configuration of a command to inherit."""

    text_column: str = "text"
    """Column or field of the text that has classes; a number is a position from 0."""
    label_column: str = "label"
    """Column or field of the label; a number is a position from 0."""
    label_columns: tuple[str, ...] = ()
    """Columns or fields of 0 and 1, one for each label, in place of --label-column; makes the data multi-label."""
    label_names: tuple[str, ...] = ()
    """Names of the labels 0, 1, 2 and so on, or of the places of vectors of 0 and 1 in JSON Lines."""
    label_separator: str | None = None
    """What parts several labels within their column or field; makes the data multi-label."""

    def open_classes(self, path, like=None, text_pair=None):
        """The reader of a file, see `zoo.data.readers.classified_text.open_classes`.

        Args:
            path: `pathlib.Path` of the file.
            like: The reader of the training set, whose lists of numbers this file's are read like.
            text_pair: Column or field of the second text of a pair; None for single texts.

        Raises:
            UserError: for a file of another name, and one that cannot be read.
        """
        return open_classes(
            path,
            self.text_column,
            self.label_columns or self.label_column,
            label_separator=self.label_separator,
            delimiter=self.delimiter,
            label_names=self.label_names or None,
            like=like,
            text_pair=text_pair,
        )
