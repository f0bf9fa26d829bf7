"""Added tokens found in parts of texts, inside a graph."""

import re
from collections import Counter
from collections.abc import Sequence

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.added_tokens.added_token import AddedToken
from zoo.tokenizers.byte_pair.characters import BLANKS
from zoo.tokenizers.character_ranges import class_content
from zoo.tokenizers.text_parts import TextParts
from zoo.tokenizers.wordpiece.word_characters import WORD_CHARACTERS

# Bytes that no UTF-8 text holds, so that regular expressions do not match them.
_BOUNDARY = b"\xff"
_MARK = b"\xfe"
# More than any text has.
_ALL = 2**31 - 1


class AddedTokenSearch(tf.Module):
    """Looks for several added tokens at the same time: from left to right, the longest first.

    Attributes:
        pattern: Regular expression of all tokens.
    """

    def __init__(self, tokens: Sequence[AddedToken], contents: Sequence[str], blanks: str = BLANKS):
        """Creates the tables.

        Args:
            tokens: Which tokens to look for.
            contents: What each of them is in a text. Of several with one content the first token counts.
            blanks: Code points that `lstrip` and `rstrip` swallow, in ranges of hexadecimal numbers.

        Raises:
            UserError: for a content without text.
        """
        super().__init__(name="added_token_search")
        by_content = {}
        for token, content in zip(tokens, contents, strict=True):
            if not content:
                raise UserError(f"added token {token.content!r}: normalisation leaves nothing of it")
            by_content.setdefault(content, token)
        # Of alternatives the first counts that matches.
        longest_first = sorted(by_content, key=lambda content: -len(content.encode()))
        self.pattern = "|".join(map(_literal, longest_first))
        tokens = tuple(by_content.values())
        self._count = len(tokens)
        self._single_word, self._lstrip, self._rstrip = (
            any(getattr(token, flag) for token in tokens) for flag in ("single_word", "lstrip", "rstrip")
        )
        self._blanks, self._word_character = f"[{class_content(blanks)}]+", f"[{class_content(WORD_CHARACTERS)}]"
        # Tables belong to no single trace, even if the tokenizer is made inside a tf.function.
        with tf.init_scope():
            keys = tf.constant([_MARK + content.encode() for content in by_content], tf.string)
            entries = tf.lookup.KeyValueTensorInitializer(keys, tf.range(self._count))
            # What is no token has the number after the last.
            self._table = tf.lookup.StaticHashTable(entries, default_value=self._count)
            self._ids = tf.constant([*(token.id for token in tokens), -1], tf.int32)
            self._flags = tf.constant(
                [*([token.single_word, token.lstrip, token.rstrip] for token in tokens), [False] * 3]
            )

    def split(self, parts: TextParts) -> TextParts:
        """Splits each part that is text, as a text of its own."""
        marked = tf.strings.regex_replace(parts.texts, self.pattern, _BOUNDARY + _MARK + rb"\0" + _BOUNDARY)
        found = tf.reduce_any(tf.strings.length(marked) != tf.strings.length(parts.texts))
        return TextParts(*tf.cond(found, lambda: self._split(parts, marked), lambda: parts))

    def _split(self, parts, marked):
        # Tokens found earlier have no text, but must not get lost.
        marked = tf.where(parts.token_ids >= 0, _MARK, marked)
        split = tf.raw_ops.StringSplit(input=marked, delimiter=_BOUNDARY, skip_empty=True)
        pieces, parents = split.values, split.indices[:, 0]
        known = tf.gather(parts.token_ids, parents)
        which = self._table.lookup(pieces)
        is_marked = (which < self._count) | (known >= 0)
        texts = tf.where(is_marked, tf.strings.substr(pieces, 1, _ALL), pieces)
        # Tokens found earlier are no text, and no word's neighbours.
        texts = tf.where(known >= 0, " ", texts)
        if self._single_word:
            texts, which, known, parents = self._without_parts_of_words(texts, which, known, parents)
        is_text = (which == self._count) & (known < 0)
        lengths = tf.where(known >= 0, tf.gather(parts.ends - parts.starts, parents), tf.strings.length(texts))
        ends = tf.cumsum(lengths)
        starts = ends - lengths
        row_splits = _first_not_below(parents, tf.range(tf.size(parts.texts, tf.int64) + 1))
        firsts = tf.gather(tf.concat([starts, [0]], 0), tf.gather(row_splits, parents))
        within = tf.gather(parts.starts, parents) - firsts
        starts, ends = starts + within, ends + within
        texts = tf.where(is_text, texts, "")
        if self._lstrip or self._rstrip:
            texts, starts, ends = self._without_swallowed_blanks(texts, starts, ends, which, is_text, parents)
        token_ids = tf.where(known >= 0, known, tf.gather(self._ids, which))
        return TextParts(texts, token_ids, starts, ends, tf.gather(row_splits, parts.row_splits))

    def _without_parts_of_words(self, texts, which, known, parents):
        """Tokens that must be words and have a letter, digit or underscore beside them become text again."""
        last, first = (tf.strings.substr(texts, place, 1, unit="UTF8_CHAR") for place in (-1, 0))
        ends, starts = (tf.strings.regex_full_match(character, self._word_character) for character in (last, first))
        same = parents[1:] == parents[:-1]
        beside = tf.concat([[False], ends[:-1] & same], 0) | tf.concat([starts[1:] & same, [False]], 0)
        part_of_word = tf.gather(self._flags[:, 0], which) & beside
        which = tf.where(part_of_word, self._count, which)
        apart = (which < self._count) | (known >= 0)
        begins = tf.concat([[True], apart[1:] | apart[:-1] | ~same], 0)
        groups = tf.cumsum(tf.cast(begins, tf.int32)) - 1
        firsts = tf.where(begins)[:, 0]
        texts = tf.strings.unsorted_segment_join(texts, groups, tf.size(firsts))
        return texts, *(tf.gather(values, firsts) for values in (which, known, parents))

    def _without_swallowed_blanks(self, texts, starts, ends, which, is_text, parents):
        same = parents[1:] == parents[:-1]
        after = tf.concat([[False], tf.gather(self._flags[:, 2], which[:-1]) & same], 0) & is_text
        before = tf.concat([tf.gather(self._flags[:, 1], which[1:]) & same, [False]], 0) & is_text
        shorter = tf.strings.regex_replace(texts, f"^{self._blanks}", "", replace_global=False)
        texts, whole = tf.where(after, shorter, texts), texts
        leading = tf.strings.length(whole) - tf.strings.length(texts)
        shorter = tf.strings.regex_replace(texts, f"{self._blanks}$", "", replace_global=False)
        texts, whole = tf.where(before, shorter, texts), texts
        trailing = tf.strings.length(whole) - tf.strings.length(texts)
        # The neighbours grow by what the text loses.
        starts += leading - tf.concat([[0], trailing[:-1]], 0)
        ends += tf.concat([leading[1:], [0]], 0) - trailing
        return texts, starts, ends


def telling_characters(contents: Sequence[str], never: str = " ") -> str:
    """Few characters, rare ones, of which every content holds one: a text without them holds none of the contents.

    Args:
        contents: The contents.
        never: Characters that may not be taken, because texts have other ones for them.

    Returns:
        The characters; an empty str if some content has no character that may be taken.
    """
    remaining, found = {frozenset(content) - {*never} for content in contents}, ""
    if frozenset() in remaining:
        return ""
    while remaining:
        counts = Counter(character for content in remaining for character in content)
        best = max(counts, key=lambda each: (not each.isalnum(), counts[each], each))
        found += best
        remaining = {content for content in remaining if best not in content}
    return found


def _literal(text):
    # RE2 takes NUL only as an escape sequence.
    return re.escape(text).replace("\x00", r"\x00")


def _first_not_below(ascending, values):
    """tf.searchsorted for vectors, in fewer operations."""
    return tf.raw_ops.LowerBound(sorted_inputs=ascending[tf.newaxis], values=values[tf.newaxis], out_type=tf.int64)[0]
