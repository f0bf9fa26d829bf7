"""Sources of texts with entities: CoNLL files and JSON Lines files, plain or .gz.

A source is a re-iterable of `EntityText`: each iteration reads its file from the start, one text at a time.
"""

import re

from zoo.data.entities import OFFSET_UNITS, Entity, EntityText, checked_entities, unit_offsets
from zoo.data.json_lines import JsonLines, checked_text, field, json_type, text_field
from zoo.data.tag_schemes import TAG_SCHEMES, SchemeDetector, TagError, split_tag, tags_to_spans
from zoo.data.text_lines import TextLines
from zoo.data.token_joiner import TOKEN_SEPARATORS, TokenJoiner
from zoo.errors import UserError

_FULL_NAMES = {"BIO": "BIO (IOB2)"}


class _TaggedSentences:
    """What both readers share: sentences of tokens with one tag each.

    The scheme of the tags and how tokens are joined are found out on a first pass.
    """

    def __init__(self, path, scheme, lenient, token_separator):
        if scheme is not None and scheme not in TAG_SCHEMES:
            raise UserError(f"there is no tag scheme {scheme!r}; the schemes are {', '.join(TAG_SCHEMES)}")
        if token_separator not in TOKEN_SEPARATORS:
            raise UserError(
                f"tokens cannot be separated by {token_separator!r}; give one of {', '.join(TOKEN_SEPARATORS)}"
            )
        self.path = path
        self.lenient = lenient
        self._given_scheme, self._scheme = scheme, None
        self._joiner = TokenJoiner(token_separator)
        self._seen = False

    @property
    def scheme(self):
        """The tag scheme: as given, or else as found out by reading the file. None where there are no tags."""
        self._see()
        return self._scheme

    @property
    def reading(self):
        """How the file is read, one line for the user: "train.conll: read as IOB1"."""
        name = _FULL_NAMES.get(self.scheme, self.scheme)
        if name is None:
            return f"{self.path}: read as spans"
        joined = f", {self._joiner.description}" if self._joiner.description else ""
        return f"{self.path}: read as {name}{', leniently' if self.lenient else ''}{joined}"

    def _see(self):
        """The first pass, once."""
        if self._seen:
            return
        detector, any_tags = SchemeDetector(), False
        for sentence in self._tagged():
            any_tags = True
            detector.see([tag for _, tag, _ in sentence], [place for _, _, place in sentence])
            self._joiner.see([token for token, _, _ in sentence])
        self._scheme = self._given_scheme or (self._detected(detector) if any_tags else None)
        self._seen = True

    def _detected(self, detector):
        try:
            return detector.scheme()
        except UserError:
            # What conlleval makes of B- and I- does not depend on which of the two schemes it is.
            if self.lenient and not detector.has_ends:
                return "BIO"
            raise

    def _entity_text(self, sentence, source):
        """`EntityText` of [(token, tag, place)]."""
        scheme = self.scheme
        for token, _, place in sentence:
            if token.isspace() and not self._joiner.allows_blank_tokens:
                raise UserError(
                    f"{place}: the token is a blank; remove the line, or give the separator none "
                    "(--token-separator none) if blanks of the text are tokens throughout the file"
                )
        text, tokens = self._joiner.join([token for token, _, _ in sentence])
        try:
            spans = tags_to_spans([tag for _, tag, _ in sentence], scheme, self.lenient)
        except TagError as error:
            raise UserError(f"{sentence[error.position][2]}: {error.problem}") from error
        return EntityText(
            text=text,
            entities=tuple(Entity(tokens[first][0], tokens[end - 1][1], label) for first, end, label in spans),
            tokens=tuple(tokens),
            source=source,
        )


class ConllEntities(_TaggedSentences):
    """Sentences of a CoNLL file: a token and its tag on each line, an empty line after each sentence.

    Columns are parted by tabs where a line has one, else by runs of blanks. The tokens of a sentence are joined into
    its text, as `TokenJoiner` says, and their offsets kept. Skipped are lines of the token -DOCSTART- and comments:
    lines before the first token of a sentence that begin with "#" and end in no tag.

    Args:
        path: File, plain or gzip-compressed.
        scheme: One of `zoo.data.tag_schemes.TAG_SCHEMES`. Default: found out from the tags, see `scheme`.
        lenient: Whether sequences that break the scheme are read as the script conlleval reads them, instead of
            being refused.
        token_column, tag_column: Index of a column from 0; negative ones count from the last, -1.
        token_separator: One of `zoo.data.token_joiner.TOKEN_SEPARATORS`.

    Raises:
        UserError: For a missing, empty or unreadable file (at construction); while iterating, always with the line,
            for invalid UTF-8, a line without a tag, a number of columns unlike that of the lines before, something
            that is no tag, and tags that break the scheme.

    Example:
        >>> sentences = ConllEntities("emerging.dev.conll")
        >>> print(sentences.reading)
        emerging.dev.conll: read as BIO (IOB2)
        >>> for sentence in sentences: ...
    """

    def __init__(self, path, scheme=None, lenient=False, token_column=0, tag_column=-1, token_separator="auto"):
        self.lines = TextLines(path)
        super().__init__(self.lines.path, scheme, lenient, token_separator)
        self.token_column, self.tag_column = token_column, tag_column
        if token_column == tag_column:
            raise UserError(f"{path}: token and tag are the same column, {token_column}; name two columns")

    def __iter__(self):
        """Yields `EntityText`, in file order."""
        for sentence in self._tagged():
            yield self._entity_text(sentence, sentence[0][2])

    def _tagged(self):
        """Yields sentences as lists of (token, tag, place)."""
        sentence, any_sentence, shape = [], False, None
        for number, line in enumerate(self.lines, 1):
            columns = _columns(line)
            if not columns or columns[0] == "-DOCSTART-":
                if sentence:
                    any_sentence = True
                    yield sentence
                sentence = []
                continue
            if not sentence and line.startswith("#") and not _is_tag(columns[-1]):
                continue
            shape = shape or (len(columns), number)
            sentence.append(self._token(columns, f"{self.path}:{number}", shape))
        if sentence:
            any_sentence = True
            yield sentence
        if not any_sentence:
            raise UserError(f"{self.path}: has no sentence, only empty lines and comments; is it the right file?")

    def _token(self, columns, where, shape):
        size, first = shape
        last = len(columns) - 1
        if len(columns) == 1:
            raise UserError(f"{where}: has one column, {columns[0]!r}; each line needs a token and its tag")
        if len(columns) != size:
            raise UserError(
                f"{where}: has {len(columns)} columns but line {first} has {size}: each line needs the same columns"
            )
        for name, column in (("token", self.token_column), ("tag", self.tag_column)):
            if not -len(columns) <= column <= last:
                raise UserError(f"{where}: has no column {column} for the {name}; its columns are 0 to {last}")
        token, tag = columns[self.token_column], columns[self.tag_column]
        if not token:
            raise UserError(f"{where}: the token is empty; remove the line or name another column")
        return token, tag, where


class JsonlEntities(_TaggedSentences):
    """Texts of a JSON Lines file, with entities as spans or as one tag per token.

    A row is read in the first of these forms that its fields allow:

    | fields | form |
    |---|---|
    | text, and entities, spans, labels or label | spans of the text: objects with start, end and label (also spelled start_offset, end_offset, type), or lists [start, end, label]; doccano's and spaCy's exports |
    | tokens, and tags or ner_tags | two lists of strings of the same length; tokens are joined as those of CoNLL files |

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped; other fields are ignored.
        offsets: What start and end count: "characters" (Unicode code points, as Python counts), "bytes" of UTF-8 or
            "utf16" units (as JavaScript and Java count).
        scheme, lenient, token_separator: As for `ConllEntities`; for tokens only.

    Raises:
        UserError: As `ConllEntities`, and for rows of another form, spans outside the text, spans that overlap or
            cover nothing, and offsets inside a character.

    Example:
        >>> texts = JsonlEntities("train.jsonl")  # {"text": "In Rome.", "entities": [[3, 7, "place"]]}
    """  # noqa: E501 the table's row

    def __init__(self, path, offsets="characters", scheme=None, lenient=False, token_separator="auto"):
        self.rows = JsonLines(path)
        super().__init__(self.rows.path, scheme, lenient, token_separator)
        if offsets not in OFFSET_UNITS:
            raise UserError(f"offsets cannot count {offsets!r}; they count {', '.join(OFFSET_UNITS)}")
        self.offsets = offsets

    def __iter__(self):
        """Yields `EntityText`, in file order."""
        empty = True
        for row, where in self.rows:
            empty = False
            if _has_spans(row):
                yield self._spans(row, where)
            else:
                yield self._entity_text(_row_tokens(row, where), where)
        if empty:
            raise UserError(f"{self.path}: has no row, only empty lines; is it the right file?")

    def _tagged(self):
        for row, where in self.rows:
            if not _has_spans(row):
                yield _row_tokens(row, where)

    def _spans(self, row, where):
        text = text_field(row, "text", where)
        name = next((name for name in _SPAN_LISTS if name in row), None)
        if name is None:
            raise UserError(
                f'{where}: has no entities; write "entities": [] if there is none (its fields are {", ".join(row)})'
            )
        spans = row[name]
        if not isinstance(spans, list):
            raise UserError(f"{where}: field {name!r} must be a list of entities, not {json_type(spans)}")
        entities = [_span(span, f"entity {number} of field {name!r}", where) for number, span in enumerate(spans, 1)]
        if self.offsets != "characters":
            entities = self._in_characters(text, entities, where)
        return EntityText(text, checked_entities(text, entities, where), source=where)

    def _in_characters(self, text, entities, where):
        units = unit_offsets(text, self.offsets).tolist()
        characters = {offset: character for character, offset in enumerate(units)}
        found = []
        for entity in entities:
            for offset in entity[:2]:
                if offset not in characters:
                    inside = 0 <= offset <= units[-1]
                    problem = "inside a character" if inside else f"outside the text, which has {units[-1]:,}"
                    raise UserError(
                        f"{where}: the entity {entity.start} to {entity.end} ({entity.label!r}) begins or ends "
                        f"{problem}, at {offset}; do its offsets really count {self.offsets}?"
                    )
            found.append(Entity(characters[entity.start], characters[entity.end], entity.label))
        return found


def _columns(line):
    if not (content := line.strip(" \t")):
        return []
    # A column of nothing but a blank is one: files of one character a token have such tokens.
    if "\t" in line:
        return [column.strip(" ") or column[:1] for column in line.rstrip(" \t").split("\t")]
    return re.split(" +", content)


def _is_tag(text):
    try:
        split_tag(text)
    except ValueError:
        return False
    return True


_SPAN_LISTS = ("entities", "spans", "labels", "label")
_SPAN_FIELDS = (("start", "start_offset"), ("end", "end_offset"), ("label", "type"))


def _has_spans(row):
    return "text" in row and ("tokens" not in row or any(name in row for name in _SPAN_LISTS))


def _row_tokens(row, where):
    name = next((name for name in ("tags", "ner_tags") if name in row), None)
    if "tokens" not in row or name is None:
        raise UserError(
            f"{where}: needs the fields text and entities or tokens and tags; its fields are {', '.join(row) or 'none'}"
        )
    tokens, tags = field(row, "tokens", where), row[name]
    for what, values in (("tokens", tokens), (name, tags)):
        if not isinstance(values, list):
            raise UserError(f"{where}: field {what!r} must be a list, not {json_type(values)}")
    if len(tokens) != len(tags):
        raise UserError(f"{where}: has {len(tokens):,} tokens but {len(tags):,} tags; each token needs one tag")
    for number, (token, tag) in enumerate(zip(tokens, tags, strict=True), 1):
        if not checked_text(token, f"token {number}", where):
            raise UserError(f"{where}: token {number} is empty; remove it and its tag")
        if isinstance(tag, int):
            raise UserError(f"{where}: tag {number} is the number {tag}; write its name instead, such as B-person")
        checked_text(tag, f"tag {number}", where)
    return [(token, tag, where) for token, tag in zip(tokens, tags, strict=True)]


def _span(span, what, where):
    if isinstance(span, dict):
        values = []
        for names in _SPAN_FIELDS:
            name = next((name for name in names if name in span), None)
            if name is None:
                raise UserError(f"{where}: {what} has no field {names[0]!r}; it has {', '.join(span) or 'none'}")
            values.append(span[name])
    elif isinstance(span, list) and len(span) == 3:
        values = span
    else:
        raise UserError(f"{where}: {what} must be an object with start, end and label, or a list of the three")
    for name, value in zip(("start", "end"), values[:2], strict=True):
        if not isinstance(value, int) or isinstance(value, bool):
            raise UserError(f"{where}: {name} of {what} must be a whole number, not {value!r:.40}")
    return Entity(values[0], values[1], checked_text(values[2], f"the label of {what}", where))
