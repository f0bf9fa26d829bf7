"""Texts with classes: readers of CSV, TSV and JSON Lines files, plain or .gz, and the checks that labels need.

A source is a re-iterable of `ClassifiedText`: each iteration reads its file from the start, one text at a time.
"""

import csv
from collections import Counter
from dataclasses import dataclass, field

from zoo.data.json_lines import JsonLines, checked_text, json_type, text_field
from zoo.data.json_lines import field as json_field
from zoo.data.text_lines import MAX_LINE_BYTES, TextLines
from zoo.errors import UserError


@dataclass(frozen=True)
class ClassifiedText:
    """A text and its classes.

    Attributes:
        text: The text.
        labels: One label; of a multi-label data set any number of different ones, in the order of the file.
        source: "file:line" of the text, for messages.
    """

    text: str
    labels: tuple[str, ...]
    source: str = field(default="", compare=False)


class _Columns:
    """What readers of CSV and TSV share: which columns hold the text and the labels.

    Subclasses yield `(fields, where)` for every line or record, the header included.
    """

    def __init__(self, path, text, label, has_header, label_separator):
        self.path = path
        self.text, self.label, self.label_separator = text, label, label_separator
        wanted = [text, *(label if isinstance(label, (list, tuple)) else [label])]
        named = any(isinstance(column, str) for column in wanted)
        self.has_header = named if has_header is None else has_header
        for column in wanted:
            if isinstance(column, str) and not self.has_header:
                raise UserError(f"{path}: column {column!r} is given by name, which needs a header line")
            if not isinstance(column, str) and column < 0:
                raise UserError(f"{path}: column index {column} is negative; columns count from 0")
        if len(set(wanted)) < len(wanted):
            raise UserError(f"{path}: a column is named twice among {', '.join(map(repr, wanted))}; name each once")
        if isinstance(label, (list, tuple)) and not all(isinstance(column, str) for column in label):
            raise UserError(f"{path}: columns of 0 and 1 are labels by their names; give names, not positions")
        if isinstance(label, (list, tuple)) and label_separator is not None:
            raise UserError(f"{path}: labels are in several columns or parted by {label_separator!r}, not both")

    def __iter__(self):
        """Yields `ClassifiedText`, in file order."""
        columns, empty = None, True
        for fields, where in self._records():
            if columns is None:
                header = fields if self.has_header else None
                columns = self._resolved(header, where)
                if self.has_header:
                    continue
            empty = False
            text_column, label_columns = columns
            if len(fields) <= (needed := max(text_column, *label_columns)):
                raise UserError(
                    f"{where}: has {len(fields)} columns, but column {needed} (counting from 0) is needed; "
                    "is it parted by other characters, or a quotation mark missing?"
                )
            yield ClassifiedText(fields[text_column], self._labels(fields, label_columns, where), where)
        if empty:
            raise UserError(f"{self.path}: has no text, only a header or empty lines; is it the right file?")

    def _resolved(self, header, where):
        def index(column):
            if isinstance(column, str) and header.count(column) != 1:
                problem = "twice" if column in header else "not"
                raise UserError(f"{where}: column {column!r} is {problem} in the header, which has {', '.join(header)}")
            return header.index(column) if isinstance(column, str) else column

        labels = self.label if isinstance(self.label, (list, tuple)) else [self.label]
        text_column, label_columns = index(self.text), [index(column) for column in labels]
        if text_column in label_columns:
            raise UserError(f"{where}: text and label are the same column, {self.text!r}; name two")
        return text_column, label_columns

    def _labels(self, fields, columns, where):
        if isinstance(self.label, (list, tuple)):
            return tuple(self._marked(fields, columns, where))
        value = fields[columns[0]].strip()
        if self.label_separator is None:
            return _checked_labels([value], where)
        parts = [part.strip() for part in value.split(self.label_separator)] if value else []
        return _checked_labels(parts, where)

    def _marked(self, fields, columns, where):
        """The names of the columns that hold 1."""
        for name, column in zip(self.label, columns, strict=True):
            if fields[column].strip() not in ("0", "1"):
                raise UserError(f"{where}: column {name!r} must be 0 or 1, not {fields[column]!r:.40}")
            if fields[column].strip() == "1":
                yield name


class CsvClasses(_Columns):
    """Texts of a comma-separated file; fields in quotation marks may hold commas, line ends and doubled marks.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped.
        text: Column of the text: an index from 0, or a name of the header line.
        label: Column of the label, likewise; or a list of the names of columns that hold 0 or 1, one for each label.
        has_header: Whether the first line holds column names. Default: only when a column is given by name.
        label_separator: What parts the labels of a multi-label file within their column, such as ";"; None for one
            label a text.
        delimiter: What parts the columns.

    Raises:
        UserError: For a missing, empty or unreadable file (at construction); while iterating, always with the line,
            for invalid UTF-8, unclosed quotation marks, missing columns and empty or repeated labels.

    Example:
        >>> texts = CsvClasses("train.csv", text="text", label="category")
    """

    def __init__(self, path, text=0, label=1, has_header=None, label_separator=None, delimiter=","):
        self.lines = TextLines(path)
        super().__init__(self.lines.path, text, label, has_header, label_separator)
        if len(delimiter) != 1 or delimiter in '"\n\r':
            raise UserError(f"{path}: columns cannot be parted by {delimiter!r}; give one character, such as ,")
        self.delimiter = delimiter

    def _records(self):
        # The limit belongs to the whole process and is 128 kB at first; a text may be longer, a line no longer than
        # `TextLines` allows.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
        rows = csv.reader((f"{line}\n" for line in self.lines), delimiter=self.delimiter, strict=True)
        begin = 1
        while True:
            try:
                fields = next(rows, None)
            except csv.Error as error:
                raise UserError(
                    f"{self.path}:{begin}: the record that begins here is not CSV ({error}); "
                    "is a quotation mark not closed or not doubled?"
                ) from error
            if fields is None:
                return
            if fields:
                yield fields, f"{self.path}:{begin}"
            begin = rows.line_num + 1


class TsvClasses(_Columns):
    """Texts of a tab-separated file; fields are what stands between tabs, without quoting. Arguments: `CsvClasses`."""

    def __init__(self, path, text=0, label=1, has_header=None, label_separator=None):
        self.lines = TextLines(path)
        super().__init__(self.lines.path, text, label, has_header, label_separator)

    def _records(self):
        for number, line in enumerate(self.lines, 1):
            if line:
                yield line.split("\t"), f"{self.path}:{number}"


class JsonlClasses:
    """Texts of a JSON Lines file.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped.
        text: Field of the text. A dot reaches into nested objects: "data.text".
        label: Field of the label, likewise: text, a number, or, for a multi-label data set, a list of them.

    Raises:
        UserError: As `CsvClasses`, and for a line that is not a JSON object, or lacks a field, or holds something
            else in it.
    """

    def __init__(self, path, text="text", label="label"):
        self.rows = JsonLines(path)
        self.path = self.rows.path
        self.text, self.label = text, label
        if text == label:
            raise UserError(f"{path}: text and label are the same field, {text!r}; name two")

    def __iter__(self):
        """Yields `ClassifiedText`, in file order."""
        empty = True
        for row, where in self.rows:
            empty = False
            value = json_field(row, self.label, where)
            values = value if isinstance(value, list) else [value]
            labels = [self._label(each, where) for each in values]
            yield ClassifiedText(text_field(row, self.text, where), _checked_labels(labels, where), where)
        if empty:
            raise UserError(f"{self.path}: has no row, only empty lines; is it the right file?")

    def _label(self, value, where):
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise UserError(f"{where}: field {self.label!r} must hold text or whole numbers, not {json_type(value)}")
        return checked_text(value, f"field {self.label!r}", where)


def _checked_labels(labels, where):
    for label in labels:
        if not label.strip():
            raise UserError(f"{where}: the label is empty; give the text one or remove it")
        if labels.count(label) > 1:
            raise UserError(f"{where}: has the label {label!r} twice; remove one")
    return tuple(labels)


def class_labels(texts):
    """The labels of a training set.

    Args:
        texts: Iterable of `ClassifiedText`.

    Returns:
        (labels: tuple of str, sorted; multi_label: bool, whether some text does not have exactly one label).

    Raises:
        UserError: There are fewer than two labels, or, where texts have any number of them, none.
    """
    counts, multi_label, source = Counter(), False, ""
    for text in texts:
        source = source or text.source
        counts.update(text.labels)
        multi_label |= len(text.labels) != 1
    if len(counts) < (1 if multi_label else 2):
        where = f"{source.rpartition(':')[0]}: " if source else ""
        found = f"all texts have the label {next(iter(counts))!r}" if counts else "no text has a label"
        raise UserError(f"{where}{found}, so that there is nothing to learn; is the column of the labels right?")
    return tuple(sorted(counts)), multi_label


def check_class_labels(texts, labels, multi_label=False):
    """Refuses texts whose labels a model does not have.

    Args:
        texts: Iterable of `ClassifiedText`, such as a validation or test set.
        labels: The labels of the training set.
        multi_label: Whether texts may have any number of labels.

    Returns:
        `collections.Counter` of the texts by label.

    Raises:
        UserError: naming file and line of the first text with another label, or with another number of them than one.
    """
    known, counts = set(labels), Counter()
    for text in texts:
        where = f"{text.source}: " if text.source else ""
        if not multi_label and len(text.labels) != 1:
            raise UserError(
                f"{where}has {len(text.labels)} labels, but every text of the training data has one; "
                "give it one label, or train with texts that have any number"
            )
        for label in text.labels:
            if label not in known:
                shown = ", ".join(sorted(known)[:10]) + (", ..." if len(known) > 10 else "")
                raise UserError(
                    f"{where}the label {label!r} does not occur in the training data, which has {shown}; "
                    "rename or remove it, or train with texts that have it"
                )
            counts[label] += 1
    return counts


def hold_out(texts, share=0.1):
    """Splits off a validation set where none is published: of each label, texts at even distances in the file.

    Deterministic, so that a run that is resumed, or repeated with another seed, trains on the same texts.

    Args:
        texts: Iterable of `ClassifiedText`.
        share: Between 0 and 1, how much to hold out. A label keeps at least one text to train on, and one with too
            few texts for the share is not held out.

    Returns:
        (training, validation): lists of `ClassifiedText`, in file order.

    Raises:
        UserError: The share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise UserError(f"the share to hold out must lie between 0 and 1, not {share}")
    training, validation, seen = [], [], Counter()
    for text in texts:
        seen[text.labels] += 1
        count = seen[text.labels]
        # The text that completes another whole one of the share; never the first, even for large shares.
        held = int(count * share) > int((count - 1) * share) and count > 1
        (validation if held else training).append(text)
    return training, validation
