"""How the tokens of a file become the text that they are from."""

import re
import unicodedata

TOKEN_SEPARATORS = ("auto", "blank", "none")
"""What stands between two tokens: nothing or a blank, as their scripts want it; always a blank; never anything."""

# Thai, Lao, Tibetan, Burmese, Khmer; Chinese and Japanese with their punctuation and wide forms, Yi.
_UNSPACED = re.compile(
    "[\u0e01-\u0e5b\u0e80-\u0fff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\u2e80-\u312f\u3190-\u4dbf\u4e00-\ua4cf"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff9f\uffe0-\uffe6"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)
_BLANKS = (" ", "\u00a0")


class TokenJoiner:
    """Joins the tokens of sentences to texts as people write them, so that a model is trained on what it is asked.

    Chinese, Japanese, Thai, Lao, Tibetan, Burmese and Khmer are written without blanks between words. A file is in
    such a script if most of its tokens with letters are, and so is a sentence. "auto" decides for each pair of tokens by the last
    character of the one and the first of the other:

    | the two characters | in a file or sentence of such a script | elsewhere |
    |---|---|---|
    | both of such scripts, or full-width forms | nothing | nothing |
    | letters or digits of other scripts | a blank; nothing where the file has one character a token and these are single characters too | a blank |
    | anything else, such as punctuation or one of each | nothing | a blank |

    Files of one character a token, and files in such a script, may have tokens that are blanks themselves. They are
    then all the blanks there are, and nothing is put between any tokens.

    Args:
        separator: One of `TOKEN_SEPARATORS`.

    Example:
        >>> joiner = TokenJoiner()
        >>> joiner.see(["他", "用", "iPhone", "15", "。"])
        >>> joiner.join(["他", "用", "iPhone", "15", "。"])
        ('他用iPhone 15。', [(0, 1), (1, 2), (2, 8), (9, 11), (11, 12)])
    """  # noqa: E501 the table's row

    def __init__(self, separator="auto"):
        if separator not in TOKEN_SEPARATORS:
            raise ValueError(f"separator must be one of {', '.join(TOKEN_SEPARATORS)}, not {separator!r}")
        self.separator = separator
        self._unspaced_words = self._spaced_words = 0
        self._single = self._longer = self._longer_unspaced = 0
        self._any_blank = False
        self._unspaced_sentences = 0

    def see(self, tokens):
        """Takes in one sentence, a list of str; all are seen before the first is joined."""
        unspaced, spaced = _words(tokens)
        self._unspaced_words += unspaced
        self._spaced_words += spaced
        self._unspaced_sentences += unspaced > spaced
        for token in tokens:
            if _is_single(token):
                self._single += 1
                self._any_blank |= token in _BLANKS
            else:
                self._longer += 1
                self._longer_unspaced += _UNSPACED.match(token) is not None

    @property
    def unspaced(self):
        """Whether the file is in a script without blanks between words."""
        return self._unspaced_words > self._spaced_words

    @property
    def explicit_blanks(self):
        """Whether tokens are all the blanks that the text has."""
        return self._any_blank and (self.unspaced or not self._longer)

    @property
    def allows_blank_tokens(self):
        """Whether a token that is a blank can be followed."""
        return self.separator == "none" or (self.separator == "auto" and (self.unspaced or self.explicit_blanks))

    @property
    def description(self):
        """What is unusual in how tokens are joined, for the user; empty if nothing is."""
        if self.separator != "auto":
            return {"blank": "tokens joined with blanks", "none": "tokens joined without blanks"}[self.separator]
        if self.explicit_blanks:
            return "tokens joined without blanks, as blanks are tokens"
        if self.unspaced:
            return "tokens joined without blanks, as its script wants"
        if self._unspaced_sentences == 1:
            return "tokens of 1 sentence joined without blanks, as its script wants"
        if self._unspaced_sentences:
            return f"tokens of {self._unspaced_sentences:,} sentences joined without blanks, as their script wants"
        return ""

    def join(self, tokens):
        """The text of one sentence.

        Args:
            tokens: list of str.

        Returns:
            (text, spans): str, and a list of (start, end), where in it each token is.
        """
        gap_between = self._gap_between(tokens)
        parts, spans, position = [], [], 0
        for number, token in enumerate(tokens):
            if number and (gap := gap_between(tokens[number - 1], token)):
                parts.append(gap)
                position += len(gap)
            parts.append(token)
            spans.append((position, position + len(token)))
            position += len(token)
        return "".join(parts), spans

    def _gap_between(self, tokens):
        """The function from a token of a sentence and the next one to what stands between them."""
        if self.separator == "none" or (self.separator == "auto" and self.explicit_blanks):
            return _nothing
        unspaced, spaced = (0, 1) if self.separator == "blank" else _words(tokens)
        if unspaced > spaced or (self.unspaced and unspaced):
            return self._gap_in_unspaced
        if self.separator == "auto" and self._is_of_characters:
            # A sentence of digits or Latin letters alone, such as a date.
            return self._gap_in_unspaced
        return _gap_in_spaced if unspaced else _blank

    def _gap_in_unspaced(self, before, after):
        if not (_is_spaced(before[-1]) and _is_spaced(after[0])):
            return ""
        return "" if self._is_of_characters and _is_single(before) and _is_single(after) else " "

    @property
    def _is_of_characters(self):
        """Whether the file has one character a token; whole Latin words and a few others may be among them."""
        return self.unspaced and 100 * self._longer_unspaced <= self._single


def _nothing(before, after):
    return ""


def _blank(before, after):
    return " "


def _gap_in_spaced(before, after):
    return "" if _UNSPACED.match(before[-1]) and _UNSPACED.match(after[0]) else " "


def _words(tokens):
    """How many tokens have letters of scripts without blanks between words, and how many have others.

    Single letters of other scripts that follow each other count as one, or a Latin word in a file of one character a
    token would weigh more than the sentence around it.
    """
    unspaced, spaced, in_word = 0, 0, False
    for token in tokens:
        if not any(map(str.isalpha, token)):
            in_word = False
        elif not token.isascii() and _UNSPACED.search(token):
            unspaced += 1
            in_word = False
        else:
            single = _is_single(token)
            spaced += not (single and in_word)
            in_word = single
    return unspaced, spaced


def _is_single(token):
    """Whether a token is one character, with what is combined with it."""
    return len(token) == 1 or all(unicodedata.category(character)[0] == "M" for character in token[1:])


def _is_spaced(character):
    """Whether a character is a letter or digit of a script with blanks, or combined with one."""
    return (character.isalnum() or unicodedata.category(character)[0] == "M") and not _UNSPACED.match(character)


def spelt(text, tokens):
    """Where tokens are in a text that they spell, but for the blanks between them.

    Returns:
        list of (start, end), or None if there is more in the text, or less, or something else.
    """
    spans, position = [], 0
    for token in tokens:
        while not text.startswith(token, position):
            if position >= len(text) or not text[position].isspace():
                return None
            position += 1
        spans.append((position, position + len(token)))
        position += len(token)
    return None if text[position:].strip() else spans
