"""Rows of annotated data, without those that the annotator turned down."""

from collections import Counter

from zoo.errors import UserError

_MARKS = ("answer", "was_cancelled")


class AcceptedRows:
    """The rows of a JSON Lines file that an annotation tool did not mark as turned down; re-iterable.

    Prodigy writes "answer": "reject" or "ignore" beside an annotation that is wrong or was passed over, Label Studio
    "was_cancelled": true. Such rows are left out and counted.

    Args:
        rows: `JsonLines`.
        fields: Fields that are read; one of these says nothing about the row.
    """

    def __init__(self, rows, fields):
        self.path = rows.path
        self._rows = rows
        used = {name for field in fields for name in (field, field.partition(".")[0])}
        self._marks = [name for name in _MARKS if name not in used]
        self._left_out = None

    def __iter__(self):
        """Yields (row: dict, where: "file:line")."""
        left_out, kept = Counter(), 0
        for row, where in self._rows:
            if (mark := self._mark(row)) is None:
                kept += 1
                yield row, where
            else:
                left_out[mark] += 1
        self._left_out = left_out
        if not kept:
            why = f"every row is marked {' or '.join(left_out)}" if left_out else "has no row, only empty lines"
            raise UserError(f"{self.path}: {why}; is it the right file?")

    @property
    def remark(self):
        """How many rows are left out, for the user; empty if none is."""
        if self._left_out is None:
            for _ in self:
                pass
        counts = self._left_out.items()
        return ", ".join(f"{count:,} row{'s' if count > 1 else ''} marked {mark} left out" for mark, count in counts)

    def _mark(self, row):
        for name in self._marks:
            value = row.get(name)
            if value in ("reject", "ignore") or value is True:
                return f"{name} {str(value).lower()}"
        return None
