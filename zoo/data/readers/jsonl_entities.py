"""Texts of JSON Lines files, with entities as spans or as one tag per token."""

from typing import Any

from zoo.data.readers.accepted_rows import AcceptedRows
from zoo.data.readers.entities import OFFSET_UNITS, Entity, EntityText, checked_entities, unit_offsets
from zoo.data.readers.json_lines import JsonLines, checked_text, field, json_type, text_field
from zoo.data.readers.labels import checked_label
from zoo.data.readers.tagged_sentences import TaggedSentence, TaggedSentences
from zoo.data.readers.token_joiner import spelt
from zoo.errors import UserError

_SPAN_LISTS = ("entities", "spans", "labels", "label")
_SPAN_FIELDS = (("start", "start_offset"), ("end", "end_offset"), ("label", "type", "labels"))


class JsonlEntities(TaggedSentences):
    """Texts of a JSON Lines file, with entities as spans or as one tag per token.

    A row is read in the first of these forms that its fields allow:

    | fields | form |
    |---|---|
    | text, and a list entities, spans, labels or label | spans of the text: objects with start, end and label (also spelled start_offset, end_offset, type, or labels with a list of one), or lists [start, end, label]; as doccano, spaCy, Prodigy and Label Studio (JSON-MIN) write them |
    | tokens, and tags or ner_tags | two lists of strings of the same length; the text is the field text, if there is one, or the tokens are joined as those of CoNLL files |

    Rows that the annotator turned down are left out, see `AcceptedRows`. The field text of a span must be what its
    offsets cover.

    Args:
        path: File, plain or gzip-compressed. Empty lines are skipped; other fields are ignored.
        offsets: What start and end count: "characters" (Unicode code points, as Python counts), "bytes" of UTF-8 or
            "utf16" units (as JavaScript and Java count).
        scheme, lenient, token_separator: As for `ConllEntities`; for tokens only.
        text: Field of the text.
        entities: Field of the list of spans. Default: the one of the four above that there is.

    Raises:
        UserError: As `ConllEntities`, and for rows of another form, spans outside the text, spans that overlap or
            cover nothing, offsets inside a character, and yes-or-no annotations, which leave the rest of a text open.

    Example:
        >>> texts = JsonlEntities("train.jsonl")  # {"text": "In Rome.", "entities": [[3, 7, "place"]]}
    """  # noqa: E501 the table's row

    def __init__(
        self,
        path: Any,
        offsets: Any = "characters",
        scheme: str | None = None,
        lenient: bool = False,
        token_separator: str = "auto",
        text: Any = "text",
        entities: Any = None,
    ):
        rows = JsonLines(path)
        super().__init__(rows.path, scheme, lenient, token_separator)
        if offsets not in OFFSET_UNITS:
            raise UserError(f"offsets cannot count {offsets!r}; they count {', '.join(OFFSET_UNITS)}")
        if text == entities:
            raise UserError(f"{path}: text and entities are the same field, {text!r}; name two")
        self.offsets = offsets
        self.text, self.entities = text, entities
        self.rows = AcceptedRows(rows, [text, entities or ""])

    def __iter__(self):
        """Yields `EntityText`, in file order."""
        for row, where in self.rows:
            name = self._spans_field(row, where)
            yield self._spans(row, name, where) if name else self._entity_text(self._sentence(row, where))

    def _remarks(self):
        yield self.rows.remark
        yield from super()._remarks()

    def _tagged(self):
        for row, where in self.rows:
            if not self._spans_field(row, where):
                yield self._sentence(row, where)

    def _spans_field(self, row, where):
        """The field that holds the spans of a row; None if its tokens have tags."""
        if self.entities is not None:
            return self.entities
        if row.get("_is_binary") is True:
            raise UserError(
                f"{where}: answers yes or no to one span (_is_binary) and leaves the rest of the text open; annotate "
                "whole texts, such as by ner.manual or ner.correct"
            )
        found = [name for name in _SPAN_LISTS if isinstance(row.get(name), list)]
        if len(found) > 1:
            raise UserError(
                f"{where}: has the lists {' and '.join(found)}; say which holds the entities (--entities-field)"
            )
        if not found:
            found = [name for name in _SPAN_LISTS if name in row][:1]
        has_text = self.text in row or self.text.partition(".")[0] in row
        if has_text and found and ("tokens" not in row or isinstance(row[found[0]], list)):
            return found[0]
        if has_text and "tokens" not in row:
            raise UserError(
                f'{where}: has no entities; write "entities": [] if there is none (its fields are {", ".join(row)})'
            )
        return None

    def _sentence(self, row, where):
        tokens, tags = _tokens_and_tags(row, where)
        text = None
        if self.text in row and tokens:
            text = text_field(row, self.text, where)
            if spelt(text, tokens) is None and self._joiner.separator == "auto":
                raise UserError(
                    f"{where}: the tokens do not spell the text; mend one of them, or give a token separator "
                    "(--token-separator blank) to have the tokens joined and the text ignored"
                )
        return TaggedSentence(tokens, tags, [where] * len(tokens), where, text)

    def _spans(self, row, name, where):
        text = text_field(row, self.text, where)
        spans = field(row, name, where)
        if not isinstance(spans, list):
            raise UserError(f"{where}: field {name!r} must be a list of entities, not {json_type(spans)}")
        entities, quotes = [], []
        for number, span in enumerate(spans, 1):
            entities.append(_span(span, f"entity {number} of field {name!r}", where))
            quotes.append(span.get("text") if isinstance(span, dict) else None)
        if self.offsets != "characters":
            entities = self._in_characters(text, entities, where)
        for entity, quote in zip(entities, quotes, strict=True):
            if isinstance(quote, str) and quote != text[slice(*entity[:2])]:
                raise UserError(
                    f"{where}: the entity {entity.start} to {entity.end} ({entity.label!r}) covers "
                    f"{text[slice(*entity[:2])]!r:.40} but its text is {quote!r:.40}; do its offsets count something "
                    "else (--offsets)?"
                )
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


def _tokens_and_tags(row, where):
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
    return tokens, [checked_label(tag, f"tag {number}", where) for number, tag in enumerate(tags, 1)]


def _span(span, what, where):
    if isinstance(span, dict):
        values = []
        for names in _SPAN_FIELDS:
            name = next((name for name in names if name in span), None)
            if name is None:
                raise UserError(f"{where}: {what} has no field {names[0]!r}; it has {', '.join(span) or 'none'}")
            value = span[name]
            if name == "labels" and isinstance(value, list):
                if len(value) != 1:
                    raise UserError(f"{where}: {what} has {len(value)} labels; each entity has one")
                (value,) = value
            values.append(value)
    elif isinstance(span, list) and len(span) == 3:
        values = span
    else:
        raise UserError(f"{where}: {what} must be an object with start, end and label, or a list of the three")
    for name, value in zip(("start", "end"), values[:2], strict=True):
        if not isinstance(value, int) or isinstance(value, bool):
            raise UserError(f"{where}: {name} of {what} must be a whole number, not {value!r:.40}")
    label = checked_text(values[2], f"the label of {what}", where)
    return Entity(values[0], values[1], checked_label(label, f"the label of {what}", where))
