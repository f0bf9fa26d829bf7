"""How a table is written, as options of a command."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TableFormat:
    """What cannot be told from a table itself, for formats to inherit whose files may be tables."""

    delimiter: str | None = None
    """What parts the columns of tables, such as ";", "|" or tab; makes a .tsv file one with quotation marks."""
