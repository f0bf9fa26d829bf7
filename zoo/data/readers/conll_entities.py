"""Sentences of CoNLL files, with entities."""

import re
from typing import Any

from zoo.data.readers.conll_layout import ConllLayout, tag_columns
from zoo.data.readers.labels import checked_label
from zoo.data.readers.tag_schemes import split_tag
from zoo.data.readers.tagged_sentences import TaggedSentence, TaggedSentences
from zoo.data.readers.text_lines import TextLines
from zoo.errors import UserError

_TEXT = re.compile(r"#\s*text\s*=\s*(.*)")


class ConllEntities(TaggedSentences):
    """Sentences of a CoNLL file: a token and its tag on each line, an empty line after each sentence.

    Columns are parted by tabs if the file has any, else by runs of blanks; each line has as many. A sentence's text is
    that of its comment "# text = ...", as in Universal Dependencies, if the tokens spell it; otherwise they are joined
    as `TokenJoiner` says. Skipped are lines of the token -DOCSTART- and comments: lines before the first token of a
    sentence that begin with "#" and a blank, and are no token "#" with its tag.

    Args:
        path: File, plain or gzip-compressed.
        scheme: One of `zoo.data.readers.tag_schemes.TAG_SCHEMES`. Default: found out from the tags, see `scheme`.
        lenient: Whether sequences that break the scheme are read as the script conlleval reads them, instead of
            being refused.
        token_column, tag_column: Index of a column from 0; negative ones count from the last, -1. Default: found out,
            see `ConllLayout.of`.
        token_separator: One of `zoo.data.readers.token_joiner.TOKEN_SEPARATORS`.

    Raises:
        UserError: For a missing, empty or unreadable file (at construction); while iterating, always with the line,
            for invalid UTF-8, a line without a tag, a number of columns unlike that of other lines, something
            that is no tag, and tags that break the scheme.

    Example:
        >>> sentences = ConllEntities("emerging.dev.conll")
        >>> print(sentences.reading)
        emerging.dev.conll: read as BIO (IOB2)
        >>> for sentence in sentences: ...
    """

    def __init__(
        self,
        path: Any,
        scheme: str | None = None,
        lenient: bool = False,
        token_column: int | str | None = None,
        tag_column: int | str | None = None,
        token_separator: str = "auto",
    ):
        self.lines = TextLines(path)
        super().__init__(self.lines.path, scheme, lenient, token_separator)
        self.token_column, self.tag_column = token_column, tag_column
        if token_column is not None and token_column == tag_column:
            raise UserError(f"{path}: token and tag are the same column, {token_column}; name two columns")
        self._found_layout = None

    def __iter__(self):
        """Yields `EntityText`, in file order."""
        for sentence in self._tagged():
            yield self._entity_text(sentence)

    @property
    def _layout(self):
        if self._found_layout is None:
            self._found_layout = ConllLayout.of(self.lines, self.token_column, self.tag_column)
        return self._found_layout

    def _remarks(self):
        yield self._layout.remark
        yield from super()._remarks()

    def _tagged(self):
        layout = self._layout
        sentence, text, any_sentence = None, None, False
        for number, line in enumerate(self.lines, 1):
            columns = layout.columns(line)
            self.lines.check_start(line, number)
            if not columns:
                if sentence is not None:
                    yield sentence
                sentence = text = None
                continue
            where = f"{self.path}:{number}"
            if sentence is None:
                if layout.is_comment(line, columns, where):
                    if match := _TEXT.fullmatch(line.rstrip()):
                        text = match[1]
                    continue
                sentence, any_sentence = TaggedSentence([], [], [], where, text), True
            token, tag = self._token(columns, where)
            sentence.tokens.append(token)
            sentence.tags.append(tag)
            sentence.places.append(where)
        if sentence is not None:
            yield sentence
        if not any_sentence:
            raise UserError(f"{self.path}: has no sentence, only empty lines and comments; is it the right file?")

    def _token(self, columns, where):
        layout = self._layout
        layout.check(columns, where)
        token, tag = columns[layout.token_column], columns[layout.tag_column]
        if not token:
            raise UserError(f"{where}: the token is empty; remove the line or name another column")
        if tag:
            tag = checked_label(tag, "the tag", where)
        try:
            split_tag(tag)
        except ValueError as error:
            others = tag_columns(layout) if self.tag_column is None else []
            hint = f"; column {others[0]} holds tags: is it --tag-column {others[0]}?" if len(others) == 1 else ""
            raise UserError(f"{where}: {error}{hint}") from error
        return token, tag
