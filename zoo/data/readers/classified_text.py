"""Texts with classes: readers of CSV, TSV and JSON Lines files, plain or .gz.

A source is a re-iterable of `ClassifiedText`: each iteration reads its file from the start, one text at a time.
"""

import itertools
import shlex
from dataclasses import dataclass, field
from typing import Any

from zoo.data.readers.accepted_rows import AcceptedRows
from zoo.data.readers.json_lines import JsonLines, checked_text, json_type, text_field
from zoo.data.readers.json_lines import field as json_field
from zoo.data.readers.label_vectors import are_vectors, vector_places
from zoo.data.readers.labels import checked_label
from zoo.data.readers.tables import CsvTable, TsvTable, named_column, open_table
from zoo.errors import UserError


@dataclass(frozen=True)
class ClassifiedText:
    """A text, or a pair of texts, and its classes.

    Attributes:
        text: The text, or the first of a pair.
        labels: One label; of a multi-label data set any number of different ones, in the order of the file.
        source: "file:line" of the text, for messages.
        text_pair: The second text of a pair; None for a single text.
    """

    text: str
    labels: tuple[str, ...]
    source: str = field(default="", compare=False)
    text_pair: str | None = None


# What the column of labels is called; no text would have such a label.
_HEADER_NAMES = ("label", "labels", "category", "class", "label_id")


class TableClasses:
    """Texts of a table, whose rows all have as many columns.

    Args:
        table: `zoo.data.readers.tables.Table`.
        text: Column of the text: an index from 0, or a name of the header line.
        label: Column of the label, likewise; or a list of the names of columns that hold 0 or 1 (or true and false),
            one for each label.
        label_separator: What parts the labels of a multi-label file within their column, such as ";"; None for one
            label a text.
        label_names: Names of labels that are numbers, from 0; None to call them by their numbers.
        text_pair: Column of the second text of a pair, like `text`; None for single texts.

    Raises:
        UserError: For columns that cannot be; while iterating, always with the line, for what the table refuses and for
            empty, repeated or invisible labels.
    """

    vectors = False

    def __init__(self, table, text, label, label_separator, label_names=None, text_pair=None):
        self.table, self.path = table, table.path
        self.text, self.label = text, label
        self.label_separator, self.label_names = label_separator, label_names
        path = self.path
        labels = list(label) if isinstance(label, (list, tuple)) else [label]
        self._texts = [text] if text_pair is None else [text, text_pair]
        self._columns = [*self._texts, *labels]
        for column in self._columns:
            if isinstance(column, str) and not table.has_header:
                raise UserError(f"{path}: column {column!r} is given by name, which needs a header line")
            if not isinstance(column, str) and column < 0:
                raise UserError(f"{path}: column index {column} is negative; columns count from 0")
        if len(set(self._columns)) < len(self._columns):
            raise UserError(
                f"{path}: a column is named twice among {', '.join(map(repr, self._columns))}; name each once"
            )
        self._marked = isinstance(label, (list, tuple))
        if self._marked and not all(isinstance(column, str) for column in label):
            raise UserError(f"{path}: columns of 0 and 1 are labels by their names; give names, not positions")
        if self._marked and label_separator is not None:
            raise UserError(f"{path}: labels are in several columns or parted by {label_separator!r}, not both")

    def __iter__(self):
        """Yields `ClassifiedText`, in file order."""
        self._check_columns()
        empty = True
        for columns, where in self.table.rows(self._columns):
            (text, *pair), values = columns[: len(self._texts)], columns[len(self._texts) :]
            if empty and not self.table.has_header and values[0].strip().lower() in _HEADER_NAMES:
                raise UserError(
                    f"{where}: looks like a header, with the label {values[0]!r}; give columns by their names, or "
                    "change that label"
                )
            empty = False
            yield ClassifiedText(text, self._labels(values, where), where, *pair)
        if empty:
            raise UserError(f"{self.path}: has no text, only a header or empty lines; is it the right file?")

    def _check_columns(self):
        try:
            found = self.table.check(self._columns)
        except UserError as error:
            marks = self._columns_of_marks() if self.label not in self.table.header() else ()
            if "--delimiter" in str(error) or len(marks) < 2:
                raise
            raise UserError(
                f"{error}; columns of 0 and 1 are labels with --label-columns {' '.join(map(_quoted, marks))}"
            ) from error
        if found and found[0] in found[1:]:
            raise UserError(f"{self.path}: text and label are the same column, {self.text!r}; name two")
        if len(self._texts) > 1 and len(set(found)) < len(found):
            raise UserError(
                f"{self.path}: the column {self._texts[1]!r} is named twice; name one for each text and label"
            )

    def _columns_of_marks(self):
        """Names of the columns that hold 0 or 1 in all of the first rows."""
        names = self.table.header()
        rows = [values for values, _ in itertools.islice(self.table.rows(list(range(len(names)))), 100)]
        return [name for name, values in zip(names, zip(*rows, strict=True), strict=False) if set(values) <= {"0", "1"}]

    def _labels(self, values, where):
        if self._marked:
            return _marked_labels(zip(self.label, map(str.strip, values), strict=True), "column", where)
        parts = _parts(values[0], self.label_separator)
        return _checked_labels([_named(part, self.label_names, where) for part in parts], where)


class CsvClasses(TableClasses):
    """Texts of a comma-separated file; fields in quotation marks may hold commas, line ends and doubled marks.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped.
        text, label, label_separator: See `TableClasses`.
        has_header: Whether the first line holds column names. Default: only when a column is given by name.
        delimiter: What parts the columns.

    Raises:
        UserError: As `TableClasses`, and for a missing, empty or unreadable file (at construction).

    Example:
        >>> texts = CsvClasses("train.csv", text="text", label="category")
    """

    def __init__(
        self,
        path: Any,
        text: str | int = 0,
        label: Any = 1,
        has_header: bool | None = None,
        label_separator: str | None = None,
        delimiter: Any = ",",
    ):
        table = CsvTable(path, _has_header(text, label, has_header), delimiter)
        super().__init__(table, text, label, label_separator)


class TsvClasses(TableClasses):
    """Texts of a tab-separated file; fields are what stands between tabs, without quoting. Arguments: `CsvClasses`."""

    def __init__(
        self,
        path: Any,
        text: Any = 0,
        label: Any = 1,
        has_header: bool | None = None,
        label_separator: str | None = None,
    ):
        table = TsvTable(path, _has_header(text, label, has_header))
        super().__init__(table, text, label, label_separator)


def _has_header(text, label, has_header):
    named = any(isinstance(column, str) for column in [text, *(label if isinstance(label, (list, tuple)) else [label])])
    return named if has_header is None else has_header


def _quoted(name):
    return name if name.isalnum() else shlex.quote(name)


class JsonlClasses:
    """Texts of a JSON Lines file.

    The label is text, a whole number, or, for a multi-label data set, a list of them. Lists of 0 and 1 that are all of
    the same length, two or more, are vectors instead, as transformers wants them for several labels: place n stands for
    label n.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped, and rows that the annotator turned down, see
            `AcceptedRows`.
        text: Field of the text. A dot reaches into nested objects: "data.text".
        label: Field of the label, likewise; or a list of the fields that hold 0 or 1 (or true and false), one for each
            label.
        label_separator, label_names, text_pair: See `TableClasses`.
        vectors: Whether lists are vectors; None to find it out from the file.

    Raises:
        UserError: As `CsvClasses`, and for a line that is not a JSON object, or lacks a field, or holds something
            else in it.
    """

    def __init__(
        self,
        path: Any,
        text: Any = "text",
        label: Any = "label",
        label_separator: str | None = None,
        label_names: Any = None,
        vectors: Any = None,
        text_pair: Any = None,
    ):
        self._marked = isinstance(label, (list, tuple))
        self._texts = [text] if text_pair is None else [text, text_pair]
        fields = [*self._texts, *(label if self._marked else [label])]
        self.rows = AcceptedRows(JsonLines(path), fields)
        self.path = self.rows.path
        self.text, self.label = text, label
        self.label_separator, self.label_names = label_separator, label_names
        self._vectors = False if self._marked else vectors
        if text in fields[len(self._texts) :]:
            raise UserError(f"{path}: text and label are the same field, {text!r}; name two")
        if text_pair in (text, *fields[2:]) and text_pair is not None:
            raise UserError(f"{path}: the field {text_pair!r} is named twice; name a field for each text and the label")

    @property
    def vectors(self) -> bool:
        """Whether labels are vectors of 0 and 1."""
        if self._vectors is None:
            self._vectors = are_vectors(json_field(row, self.label, where) for row, where in self.rows)
        return self._vectors

    @property
    def reading(self) -> str:
        """What is unusual in how the file is read, one line for the user; empty if nothing is."""
        remarks = [self.rows.remark, "lists of 0 and 1 read as vectors of labels" if self.vectors else ""]
        return f"{self.path}: {'; '.join(filter(None, remarks))}" if any(remarks) else ""

    def __iter__(self):
        """Yields `ClassifiedText`, in file order."""
        for row, where in self.rows:
            text, *pair = (text_field(row, name, where) for name in self._texts)
            yield ClassifiedText(text, self._labels(row, where), where, *pair)

    def _labels(self, row, where):
        if self._marked:
            return _marked_labels(((name, json_field(row, name, where)) for name in self.label), "field", where)
        value = json_field(row, self.label, where)
        if self.vectors:
            value = vector_places(value, f"field {self.label!r}", where)
        elif isinstance(value, str):
            value = _parts(value, self.label_separator)
        values = value if isinstance(value, list) else [value]
        return _checked_labels([self._label(each, where) for each in values], where)

    def _label(self, value, where):
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise UserError(f"{where}: field {self.label!r} must hold text or whole numbers, not {json_type(value)}")
        return _named(checked_text(value, f"field {self.label!r}", where), self.label_names, where)


def _parts(value, separator):
    """The labels in a text."""
    if separator is None:
        return [value]
    return value.split(separator) if value.strip() else []


def _named(label, names, where):
    """The name of a label that is a number, where there are names."""
    label = label.strip()
    if names is None:
        return label
    if not label.isdecimal() or int(label) >= len(names):
        raise UserError(
            f"{where}: the label {label!r:.40} has no name; --label-names names {len(names)}, counted from 0"
        )
    return names[int(label)]


def _marked_labels(marks, kind, where):
    """The names that are marked with 1 among (name, value)."""
    found = []
    for name, value in marks:
        known = {"0": False, "0.0": False, "false": False, "1": True, "1.0": True, "true": True}
        if (mark := known.get(str(value).lower())) is None:
            raise UserError(f"{where}: {kind} {name!r} must be 0 or 1, not {value!r:.40}")
        if mark:
            found.append(name)
    return _checked_labels(found, where)


def _checked_labels(labels, where):
    labels = [checked_label(label, "the label", where) for label in labels]
    for label in labels:
        if labels.count(label) > 1:
            raise UserError(f"{where}: has the label {label!r} twice; remove one")
    return tuple(labels)


def open_classes(
    path,
    text: Any = "text",
    label: Any = "label",
    *,
    label_separator=None,
    delimiter=None,
    label_names=None,
    like=None,
    text_pair: Any = None,
):
    """The reader of a file of texts with classes, by its name: .jsonl, .csv or .tsv, or .gz after it.

    Args:
        path: `pathlib.Path` of the file.
        text: Column or field of the text; digits are a column's position from 0.
        label: Likewise of the label; or a list of the columns or fields of 0 and 1.
        label_separator: See `TableClasses`.
        delimiter: See `zoo.data.readers.tables.open_table`; of tables alone.
        label_names: See `TableClasses`.
        like: The reader of the training set, whose lists of numbers this file's are read like.
        text_pair: Column or field of the second text of a pair, like `text`; None for single texts.

    Raises:
        UserError: For a file of another name, and one that cannot be read.
    """
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        vectors = None if like is None else like.vectors
        return JsonlClasses(path, text, label, label_separator, label_names, vectors, text_pair)
    if not path.name.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        raise UserError(f"{path}: the name must end in .csv, .tsv or .jsonl (or .gz after it)")
    text = named_column(text)
    label = list(label) if isinstance(label, (list, tuple)) else named_column(label)
    text_pair = None if text_pair is None else named_column(text_pair)
    table = open_table(path, _has_header(text, label, None) or isinstance(text_pair, str), delimiter)
    return TableClasses(table, text, label, label_separator, label_names, text_pair)
