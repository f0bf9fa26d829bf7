"""What programs and people leave in files to be scored: texts, entities and classes, line by line."""

import itertools
from pathlib import Path

import numpy as np

from zoo.data.readers.entity_readers import ConllEntities, JsonlEntities
from zoo.data.readers.json_lines import JsonLines, field, json_type, text_field
from zoo.data.readers.tables import open_table
from zoo.data.readers.text_lines import TextLines
from zoo.errors import UserError

_COLUMN_NAMES = ("label", "labels")
# Files whose lines are no texts, by the ending of their names, and the task that reads them.
_WITHOUT_TEXTS = {
    **dict.fromkeys((".conll", ".conllu", ".bio", ".iob"), "ner"),
    **dict.fromkeys((".csv", ".tsv"), "text_classification"),
}


def kind_of_file(path):
    """The ending of a file's name without .gz, such as ".jsonl"."""
    path = Path(path)
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def read_texts(path, fields):
    """Texts of a file: the lines, or of a .jsonl file the text in each of some fields.

    Args:
        path: File, plain or .gz.
        fields: Names of the fields.

    Returns:
        list of lists of str: one list for the lines, or one for each field.

    Raises:
        UserError: For a file that is missing, empty or damaged, rows without the fields, and files whose lines are no
            texts by the ending of their names.
    """
    kind = kind_of_file(path)
    if kind in _WITHOUT_TEXTS:
        raise UserError(
            f"{path}: the lines of a {kind} file are not scored as texts; give --task {_WITHOUT_TEXTS[kind]}, or texts "
            "in a plain text or .jsonl file"
        )
    if kind != ".jsonl":
        return [list(TextLines(path))]
    rows = [[text_field(row, name, where) for name in fields] for row, where in JsonLines(path)]
    if not rows:
        raise UserError(f"{path}: has no row, only empty lines; is it the right file?")
    return [list(column) for column in zip(*rows, strict=True)]


def read_hypotheses_and_references(hypotheses, references, hypothesis_field, reference_fields):
    """The texts to score and their references.

    Args:
        hypotheses: File of the texts to score.
        references: Files of references.
        hypothesis_field, reference_fields: Fields of .jsonl files.

    Returns:
        (list of N str, list of lists of N str).

    Raises:
        UserError: As `read_texts`, and for files of different lengths.
    """
    (texts,) = read_texts(hypotheses, [hypothesis_field])
    lists = []
    for path in references:
        lists += read_texts(path, reference_fields)
        _check_lengths("lines", hypotheses, len(texts), path, len(lists[-1]))
    return texts, lists


def read_entities(predictions, references):
    """Entities of two files of the same texts: CoNLL, or JSON Lines where the name ends in .jsonl.

    Tags that break their scheme, as taggers predict them, are read as the script conlleval reads them.

    Returns:
        (predictions, references): lists of N lists of entities, whose offsets count characters of the text.

    Raises:
        UserError: For files that cannot be read, and for texts or tokens that differ; with file and line.
    """
    # Tokens are compared and entities counted on them, so their texts must not depend on what else a file says.
    options = {"lenient": True, "token_separator": "none"}
    predicted, true = (
        list((JsonlEntities if kind_of_file(path) == ".jsonl" else ConllEntities)(path, **options))
        for path in (predictions, references)
    )
    for one, other in zip(predicted, true, strict=False):
        difference = _difference(_tokens(one), _tokens(other))
        if difference:
            raise UserError(f"{one.source}: the text differs from that at {other.source}: {difference}")
    _check_lengths("texts", predictions, len(predicted), references, len(true))
    return [text.entities for text in predicted], [text.entities for text in true]


def read_labels(path, column=None, separator=None):
    """The labels of every text in a file.

    Args:
        path: File: .csv or .tsv with a header, .jsonl, or else plain text with one label a line.
        column: Column or field of the labels; the one called label, or else labels, if None.
        separator: What parts several labels of one text in plain text and tables.

    Returns:
        list of (labels: tuple of str, where: "file:line").

    Raises:
        UserError: For files that cannot be read, and for empty or repeated labels.
    """
    kind = kind_of_file(path)
    if kind == ".jsonl":
        found = [(_values(row, column, where), where) for row, where in JsonLines(path)]
    elif kind in (".csv", ".tsv"):
        found = list(_table_labels(Path(path), column, separator))
    else:
        found = [(_split(line, separator), f"{path}:{number}") for number, line in enumerate(TextLines(path), 1)]
    if not found:
        raise UserError(f"{path}: has no label, only a header or empty lines; is it the right file?")
    for labels, where in found:
        if not all(labels):
            raise UserError(f"{where}: the label is empty; each line must have one")
        if len(set(labels)) < len(labels):
            raise UserError(f"{where}: has a label twice, {', '.join(labels)}; remove one")
    return found


def label_ids(predictions, references, predicted_path, reference_path):
    """Both files' labels as `zoo.metrics.score_classes` takes them.

    Args:
        predictions, references: As `read_labels` returns them.
        predicted_path, reference_path: The files, for messages.

    Returns:
        (references, predictions, labels): int [N] of indices in `labels`, or where some text does not have exactly
        one label bool [N, L]; tuple of L str.

    Raises:
        UserError: The files are of different lengths.
    """
    _check_lengths("labels", predicted_path, len(predictions), reference_path, len(references))
    both = [[labels for labels, _ in each] for each in (references, predictions)]
    labels = tuple(sorted({label for each in both for text in each for label in text}))
    place = {label: index for index, label in enumerate(labels)}
    if all(len(text) == 1 for each in both for text in each):
        return *(np.array([place[text[0]] for text in each]) for each in both), labels
    marks = np.zeros((2, len(references), len(labels)), bool)
    for side, each in enumerate(both):
        for row, text in enumerate(each):
            marks[side, row, [place[label] for label in text]] = True
    return *marks, labels


def _values(row, column, where):
    name = column or next((name for name in _COLUMN_NAMES if name in row), _COLUMN_NAMES[0])
    value = field(row, name, where)
    values = value if isinstance(value, list) else [value]
    for each in values:
        if isinstance(each, bool) or not isinstance(each, (str, int)):
            raise UserError(f"{where}: field {name!r} must hold text or whole numbers, not {json_type(each)}")
    return tuple(str(each) for each in values)


def _split(value, separator):
    if separator is None:
        return (value.strip(),)
    return tuple(part.strip() for part in value.split(separator)) if value.strip() else ()


def _table_labels(path, column, separator):
    table = open_table(path, True)
    header = table.header()
    name = column or next((name for name in _COLUMN_NAMES if name in header), _COLUMN_NAMES[0])
    for (value,), where in table.rows([name]):
        yield _split(value, separator), where


def _tokens(text):
    return [text.text] if text.tokens is None else [text.text[start:end] for start, end in text.tokens]


def _difference(one, other):
    """The first tokens that differ, for messages; "" if none does."""
    for first, second in itertools.zip_longest(one, other):
        if first != second:
            return " and ".join("nothing more" if each is None else repr(each[:40]) for each in (first, second))
    return ""


def _check_lengths(what, path, count, other_path, other_count):
    if count != other_count:
        raise UserError(
            f"{path} has {count:,} {what} but {other_path} has {other_count:,}: each hypothesis needs the reference of "
            "the same line"
        )
