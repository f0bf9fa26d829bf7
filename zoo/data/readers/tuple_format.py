"""How a file of texts that belong together is written, as options of a command."""

from dataclasses import dataclass

from zoo.data.readers.table_format import TableFormat
from zoo.data.readers.text_tuples import read_tuples


@dataclass(frozen=True)
class TupleFormat(TableFormat):
    """What cannot be told from such a file itself, for the configuration of a command to inherit."""

    columns: tuple[str, ...] = ()
    """Columns or fields of the texts of an example: anchor and positive, and perhaps hard negatives after them; numbers
    are positions from 0. Without any the file has texts with labels."""
    score_column: str | None = None
    """Column or field of a score of how alike the two texts are; a number is a position from 0."""
    score_low: float = 0.0
    """The lowest score there is."""
    score_high: float = 1.0
    """The highest score there is, such as 5 of STS."""

    def read_tuples(self, path):
        """The rows of a file, see `zoo.data.readers.text_tuples.read_tuples`."""
        scores = (self.score_low, self.score_high)
        return read_tuples(path, self.columns, self.score_column, scores, self.delimiter)
