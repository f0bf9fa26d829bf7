"""The texts that `python -m export.ask` sends, from its command line or a file."""

from zoo.data.readers.json_lines import JsonLines, text_field
from zoo.data.readers.text_lines import TextLines
from zoo.errors import UserError


def read_file(path):
    """What a file holds: its lines, list of str, or of JSON Lines (`.jsonl`, `.jsonl.gz`) its objects, `JsonLines`.

    Raises:
        UserError: for a file that cannot be read or is empty, naming file and line.
    """
    if (path.with_suffix("") if path.suffix == ".gz" else path).suffix == ".jsonl":
        rows = JsonLines(path)
        for _ in rows:
            pass
        return rows
    return list(TextLines(path))


def asked_rows(given, inputs, field=None):
    """Rows of texts by the names of a signature's inputs.

    Args:
        given: What `read_file` returns; or texts, which for several inputs are NAME=TEXT, row after row.
        inputs: Names of the texts that the signature takes.
        field: Of JSON Lines, where the only text is; None for fields with the names of the inputs.

    Returns:
        list of dict of str by input name.

    Raises:
        UserError: for texts that do not fit the inputs, and a line without a field.
    """
    if isinstance(given, JsonLines):
        if field is not None and len(inputs) > 1:
            raise UserError(f"--text-field is for models of one text; this signature takes {', '.join(inputs)}")
        fields = {name: field or name for name in inputs}
        return [{name: text_field(row, fields[name], where) for name in inputs} for row, where in given]
    if len(inputs) == 1:
        return [{inputs[0]: text} for text in given]
    rows = []
    for text in given:
        name, found, value = text.partition("=")
        if not found or name not in inputs:
            raise UserError(
                f"{text!r} names no input; give NAME=TEXT for each of {', '.join(inputs)}, or a .jsonl file"
            )
        if not rows or name in rows[-1]:
            rows.append({})
        rows[-1][name] = value
    for row in rows:
        missing = [name for name in inputs if name not in row]
        if missing:
            raise UserError(f"the row of {next(iter(row.values()))!r} lacks {missing[0]}; give {', '.join(inputs)}")
    return rows
