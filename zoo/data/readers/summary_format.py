"""How a file of texts with summaries is written, as options of a command."""

from dataclasses import dataclass

from zoo.data.readers.summaries import open_summaries
from zoo.data.readers.table_format import TableFormat


@dataclass(frozen=True)
class SummaryFormat(TableFormat):
    """What cannot be told from a file of summaries itself, for the configuration of a command to inherit."""

    text_field: str = "text"
    """Field or column of the files that holds the text."""
    summary_fields: tuple[str, ...] = ("summary",)
    """Fields or columns that hold summaries: the first is learnt from, all are references of the scores."""

    def open_summaries(self, path):
        """The reader of a file, see `zoo.data.readers.summaries.open_summaries`.

        Args:
            path: `pathlib.Path` of the file.

        Raises:
            UserError: for a file that cannot be read.
        """
        return open_summaries(path, self.text_field, self.summary_fields, self.delimiter)
