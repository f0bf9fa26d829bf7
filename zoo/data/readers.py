"""Sources of text pairs: two line-parallel files, one TSV file or one JSON Lines file, plain or .gz.

A source is a re-iterable of `(source: str, target: str)`: each iteration reads its files from the start, line by
line, so that a file may be larger than memory. `zoo.data.text_lines.TextLines` says what a line is. Its
`examples_are` says where to look for example n, for messages that number examples from 1.
"""

from itertools import zip_longest

from zoo.data.json_lines import JsonLines, text_field
from zoo.data.text_lines import TextLines
from zoo.errors import UserError


class ParallelText:
    """Pairs from two files in which line n of one translates line n of the other.

    Args:
        source_path: Text file, plain or gzip-compressed.
        target_path: Text file with the same number of lines.

    Raises:
        UserError: For a missing, empty or unreadable file (at construction), invalid UTF-8 (when its line is
            reached) and unequal line counts (when the shorter file ends).

    Example:
        >>> pairs = ParallelText("train.en.gz", "train.de.gz")
        >>> for source, target in pairs: ...
    """

    def __init__(self, source_path, target_path):
        self.source = TextLines(source_path)
        self.target = TextLines(target_path)
        if self.source.path.resolve() == self.target.path.resolve():
            raise UserError(f"{source_path}: is given as source and as target; name two different files")

    @property
    def examples_are(self):
        """Where example n is."""
        return f"lines of {self.source.path} and {self.target.path}"

    def __iter__(self):
        """Yields (source, target) strings, in file order."""
        for source, target in zip_longest(self.source, self.target):
            if source is None or target is None:
                self._raise_unequal()
            yield source, target

    def _raise_unequal(self):
        counts = [sum(1 for _ in lines.raw_lines()) for lines in (self.source, self.target)]
        raise UserError(
            f"{self.source.path} has {counts[0]:,} lines but {self.target.path} has {counts[1]:,}: line n of one "
            "must translate line n of the other; give files with the same number of lines"
        )


class TsvText:
    """Pairs from two columns of a tab-separated file.

    Fields are what stands between tabs: there is no quoting and no escaping, as in the files of OPUS and Tatoeba.

    Args:
        path: File, plain or gzip-compressed. Further columns are ignored; empty lines are skipped.
        source: Column of the source text: an index from 0, or a name of the header line.
        target: Column of the target text, likewise.
        has_header: Whether the first line holds column names. Default: only when a column is given by name.

    Raises:
        UserError: As `ParallelText`, and for a column that the header or a line does not have.

    Example:
        >>> TsvText("pairs.tsv", source="en", target="de")
    """

    def __init__(self, path, source=0, target=1, has_header=None):
        self.lines = TextLines(path)
        self.source, self.target = source, target
        named = isinstance(source, str) or isinstance(target, str)
        self.has_header = named if has_header is None else has_header
        for column in (source, target):
            if isinstance(column, str) and not self.has_header:
                raise UserError(f"{path}: column {column!r} is given by name, which needs a header line")
            if not isinstance(column, str) and column < 0:
                raise UserError(f"{path}: column index {column} is negative; columns count from 0")
        if source == target:
            raise UserError(f"{path}: source and target are the same column, {source!r}; name two columns")
        if self.has_header:
            self._resolved(self._header())

    @property
    def examples_are(self):
        """Where example n is."""
        left_out = "the header and empty ones" if self.has_header else "empty ones"
        return f"lines of {self.lines.path}, {left_out} not counted"

    def __iter__(self):
        """Yields (source, target) strings, in file order."""
        source, target = self._resolved(self._header()) if self.has_header else (self.source, self.target)
        needed = max(source, target)
        for number, line in enumerate(self.lines, 1):
            if (number == 1 and self.has_header) or not line:
                continue
            fields = line.split("\t")
            if len(fields) <= needed:
                raise UserError(
                    f"{self.lines.path}:{number}: has {len(fields)} tab-separated columns, "
                    f"but column {needed} (counting from 0) is needed"
                )
            yield fields[source], fields[target]

    def _header(self):
        return next(iter(self.lines)).split("\t")

    def _resolved(self, header):
        indices = []
        for column in (self.source, self.target):
            if isinstance(column, str) and header.count(column) != 1:
                problem = "twice" if column in header else "not"
                raise UserError(
                    f"{self.lines.path}:1: column {column!r} is {problem} in the header, which has {', '.join(header)}"
                )
            indices.append(header.index(column) if isinstance(column, str) else column)
        if indices[0] == indices[1]:
            raise UserError(f"{self.lines.path}:1: source and target are the same column, {header[indices[0]]!r}")
        return indices


class JsonlText:
    """Pairs from two string fields of a JSON Lines file: one JSON object per line.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped.
        source: Field of the source text. A dot reaches into nested objects: "translation.en".
        target: Field of the target text, likewise.

    Raises:
        UserError: As `ParallelText`, and for a line that is not a JSON object, or lacks a field, or holds something
            other than text in it.

    Example:
        >>> JsonlText("pairs.jsonl", source="translation.en", target="translation.de")
    """

    def __init__(self, path, source="source", target="target"):
        self.rows = JsonLines(path)
        self.source, self.target = source, target
        if source == target:
            raise UserError(f"{path}: source and target are the same field, {source!r}; name two fields")

    @property
    def examples_are(self):
        """Where example n is."""
        return f"lines of {self.rows.path}, empty ones not counted"

    def __iter__(self):
        """Yields (source, target) strings, in file order."""
        for row, where in self.rows:
            yield text_field(row, self.source, where), text_field(row, self.target, where)
