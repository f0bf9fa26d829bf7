"""How a file of pairs of texts is written, as options of a command."""

from dataclasses import dataclass

from zoo.data.readers.table_format import TableFormat
from zoo.data.readers.text_pairs import open_pairs


@dataclass(frozen=True)
class PairFormat(TableFormat):
    """What cannot be told from a file of pairs itself, for the configuration of a command to inherit."""

    source_column: str | None = None
    """Column or field of the source in files of pairs, by name or, from 0, position; a dot reaches into JSON objects.
    If None, "source", or the first column where no column is called so."""
    target_column: str | None = None
    """Column or field of the target; "target" or the second column if None."""

    def open_pairs(self, path):
        """The reader of a file, see `zoo.data.readers.text_pairs.open_pairs`.

        Args:
            path: `pathlib.Path` of the file.

        Raises:
            UserError: for a file of another name, and one that cannot be read.
        """
        return open_pairs(path, self.source_column, self.target_column, self.delimiter)
