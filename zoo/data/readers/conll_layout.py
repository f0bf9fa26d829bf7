"""The columns of a CoNLL file: how they are parted, how many there are, and which hold token and tag."""

import itertools
import re
from collections import Counter
from dataclasses import dataclass

from zoo.data.readers.tag_schemes import split_tag
from zoo.errors import UserError

# Lines that the layout is found out from; each of the others must have it.
_SAMPLE = 2000
_NUMBER = re.compile(r"\d+(?:[-.]\d+)?")
_COMMENT = re.compile(r"#(?:[\s#]|$)")
_KEY_AND_VALUE = re.compile(r"#+\s*\S+\s*=\s")
_GERMEVAL = re.compile(r"(?:PER|LOC|ORG|OTH)(?:deriv|part)?")


@dataclass(frozen=True)
class ConllLayout:
    """The columns of a CoNLL file.

    Attributes:
        path: The file, for messages.
        tabs: Whether columns are parted by tabs, or else by runs of blanks.
        size: How many columns each line has.
        first: Number of a line that has them, for messages.
        token_column, tag_column: Indices from 0.
        remark: What is unusual about the columns, for the user; empty if nothing is.
        numbered: Whether column 0 numbers the tokens of each sentence.
        seen: For each column the values that the first lines have, which tell the token "#" from a comment.
    """

    path: object
    tabs: bool
    size: int
    first: int
    token_column: int
    tag_column: int
    remark: str
    numbered: bool
    seen: tuple[frozenset, ...]

    @classmethod
    def of(cls, lines, token_column=None, tag_column=None):
        """The layout of a file, from its first lines.

        Args:
            lines: `TextLines`.
            token_column, tag_column: Index of a column from 0, negative ones count from the last, -1; None to find it
                out: tokens are in the first column and tags in the last, or, where the first column numbers the
                tokens (CoNLL-U, Universal NER, GermEval), in the second and in the one that holds tags.

        Raises:
            UserError: For a column that there is not, and for columns that cannot be told apart.
        """
        path = lines.path
        numbered_lines = ((number, line) for number, line in enumerate(lines, 1) if _has_content(line))
        sample = list(itertools.islice(numbered_lines, _SAMPLE))
        # Only where no line begins otherwise is one that begins with # sure to be a token.
        plain = [(number, line) for number, line in sample if not line.startswith("#")] or sample
        if not sample:
            return cls(path, False, 2, 1, 0, 1, "", False, (frozenset(),) * 2)
        tabs = any("\t" in line for _, line in plain)
        rows = [(number, _split(line, tabs)) for number, line in plain]
        size = Counter(len(columns) for _, columns in rows).most_common(1)[0][0]
        rows = [(number, columns) for number, columns in rows if len(columns) == size]
        # Tabs at the ends of all lines part no columns.
        while size > 2 and all(not columns[size - 1].strip() for _, columns in rows):
            size -= 1
        # A single column is no layout; its lines are refused one by one.
        size = max(size, 2)
        rows = [(number, columns[:size]) for number, columns in rows if len(columns) >= size]
        values = tuple(zip(*(columns for _, columns in rows), strict=True)) or ((),) * size
        numbered = size >= 3 and _numbers(rows)
        found = _Columns(path, (rows or plain)[0][0], size, values, numbered)
        chosen = found.choose(token_column, tag_column)
        return cls(path, tabs, size, found.first, *chosen, numbered, tuple(map(frozenset, values)))

    def columns(self, line):
        """The columns of a line, a list of str; empty for one of nothing but blanks."""
        if not _has_content(line):
            return []
        columns = _split(line, self.tabs)
        while len(columns) > self.size and not columns[-1].strip():
            columns.pop()
        return columns

    def is_comment(self, line, columns, where):
        """Whether a line before the first token of a sentence is a comment.

        Raises:
            UserError: It might as well be the token "#".
        """
        if not line.startswith("#"):
            return False
        if self.numbered or len(columns) != self.size:
            return bool(self.numbered or _COMMENT.match(line) or _KEY_AND_VALUE.match(line))
        if not _is_tag(columns[self.tag_column]):
            return True
        if self.tabs or not _COMMENT.match(line) or len(columns) == 2:
            return False
        if _KEY_AND_VALUE.match(line):
            return True
        others = set(range(self.size)) - {self.token_column, self.tag_column}
        if not any(columns[other] in self.seen[other] for other in others):
            raise UserError(
                f"{where}: may be a comment, or the token {columns[self.token_column]!r} with the tag "
                f"{columns[self.tag_column]}; remove comments, or part the columns by tabs"
            )
        return False

    def check(self, columns, where):
        """Refuses a line that has other columns.

        Raises:
            UserError: saying which.
        """
        if len(columns) == self.size:
            if self.numbered and not columns[0].isdecimal():
                raise UserError(
                    f"{where}: the first column, which numbers the tokens, has {columns[0]!r}; words of CoNLL-U that "
                    "are written together (1-2) or not at all (1.1) cannot be followed, so remove the line"
                )
            return
        parted = "tab-separated " if self.tabs else ""
        if len(columns) == 1:
            raise UserError(f"{where}: has one {parted}column, {columns[0]!r}; each line needs a token and its tag")
        raise UserError(
            f"{where}: has {len(columns)} {parted}columns but line {self.first} has {self.size}: each line needs the "
            "same columns"
        )


class _Columns:
    """The choice of token and tag among the columns of the first lines."""

    def __init__(self, path, first, size, columns, numbered):
        self.path, self.first, self.size, self.numbered = path, first, size, numbered
        self._columns = columns

    def choose(self, token_column, tag_column):
        """(token column, tag column, remark)."""
        token = self._index("token", token_column)
        tag = self._index("tag", tag_column)
        if token is None:
            token = 1 if self.numbered else 0
        remark = ""
        if tag is None:
            tag, remark = self._tag_column(token) if self.numbered else (max(self.size - 1, 1), "")
        if token == tag:
            raise UserError(f"{self.path}: token and tag are the same column, {tag}; name two columns")
        if self.numbered and token_column is None:
            remark = remark or f"lines are numbered; tokens from column {token}, tags from column {tag}"
        return token, tag, remark

    def _index(self, name, column):
        if column is None:
            return None
        if not -self.size <= column < self.size:
            raise UserError(
                f"{self.path}:{self.first}: has no column {column} for the {name}; its columns are 0 to {self.size - 1}"
            )
        return column % self.size

    def _tag_column(self, token):
        """(tag column of numbered lines, remark)."""
        found = [
            column for column in range(1, self.size) if column != token and all(map(_is_tag, self._columns[column]))
        ]
        if len(found) == 1:
            return found[0], ""
        if not found:
            raise UserError(
                f"{self.path}:{self.first}: lines are numbered, as in CoNLL-U, but no column holds tags, such as "
                "B-person or O, from top to bottom; add one, or name it with --tag-column"
            )
        labels = {split_tag(tag)[1] for column in found for tag in self._columns[column]} - {""}
        if found == [2, 3] and self.size == 4 and all(map(_GERMEVAL.fullmatch, labels)):
            return (
                2,
                "as GermEval: tokens from column 1, outer entities from column 2; inner ones, column 3, are left out",
            )
        raise UserError(
            f"{self.path}:{self.first}: the columns {' and '.join(map(str, found))} all hold tags; say which with "
            "--tag-column"
        )


def tag_columns(layout):
    """Columns, other than that of the tags, that hold tags in all of the first lines, those of entities among them."""
    return [
        column
        for column, values in enumerate(layout.seen)
        if column != layout.tag_column and values - {"O"} and all(map(_is_tag, values))
    ]


def _has_content(line):
    return bool(line.strip(" \t")) and not line.startswith("-DOCSTART-")


def _split(line, tabs):
    if not tabs:
        return re.split(" +", line.strip(" \t"))
    # A column of nothing but a blank is one: files of one character a token have such tokens.
    return [column.strip(" ") or column[:1] for column in line.split("\t")]


def _numbers(rows):
    """Whether the first column counts up by one within sentences, at least once, and is a number everywhere."""
    counted = False
    if not all(_NUMBER.fullmatch(columns[0]) for _, columns in rows):
        return False
    for (line, before), (following, after) in itertools.pairwise(rows):
        if following == line + 1 and before[0].isdecimal() and after[0].isdecimal():
            if int(after[0]) != int(before[0]) + 1:
                return False
            counted = True
    return counted


def _is_tag(text):
    try:
        split_tag(text)
    except ValueError:
        return False
    return True
