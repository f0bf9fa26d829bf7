"""Rendered conversations: control tokens of the template are read, the same text typed by a user stays text."""

from collections.abc import Iterable

import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers.clean_text import clean_text

# Unicode noncharacters. A character that could begin a control token is written as the mark and a code of its own.
_MARK, _MARK_ITSELF, _FIRST_CODE, _LAST_CODE = "\ufdd2", "\ufdd3", 0xFDD4, 0xFDEF


class LiteralText(tf.Module):
    """A spelling of texts in which no control token can be found, and back.

    Attributes:
        codes: Pairs of a character and what stands for it; that of the mark is the first.
    """

    def __init__(self, contents: Iterable[str]):
        """Chooses the codes.

        Args:
            contents: Spellings of the control tokens.

        Raises:
            UserError: if they begin with more different characters than there are codes.
        """
        super().__init__(name="literal_text")
        firsts = sorted({content[0] for content in contents})
        if len(firsts) > _LAST_CODE - _FIRST_CODE + 1:
            raise UserError(f"the control tokens begin with {len(firsts)} different characters, which is too many")
        codes = [(first, _MARK + chr(_FIRST_CODE + place)) for place, first in enumerate(firsts)]
        self.codes = ((_MARK, _MARK + _MARK_ITSELF), *codes)

    def spelled(self, text: str) -> str:
        """A text that holds no control token and that `read` makes this one again."""
        return text.translate(str.maketrans(dict(self.codes)))

    def spell(self, texts) -> tf.Tensor:
        """`spelled` of texts in a graph, string [P], valid UTF-8."""
        for character, code in self.codes:
            texts = tf.strings.regex_replace(texts, _literal(character), code)
        return texts

    def read(self, texts) -> tf.Tensor:
        """The texts that were spelled, string [P]."""
        for character, code in reversed(self.codes):
            texts = tf.strings.regex_replace(texts, code, _rewritten(character))
        return texts


class RenderedTextTokenizer(tf.Module):
    """A tokenizer as it reads conversations that a template has rendered; everything else is that of the tokenizer.

    Attributes:
        tokenizer: The `Tokenizer`.
        literal: `LiteralText` that what users say has to be spelled by.
    """

    def __init__(self, tokenizer):
        super().__init__(name="rendered_text_tokenizer")
        self.tokenizer = tokenizer
        self.literal = LiteralText(tokenizer.control_tokens)
        self._splitter = tokenizer.splitter_of_all(self.literal.read)

    def encode(self, texts) -> tf.RaggedTensor:
        """Token ids of rendered conversations; see `Tokenizer.encode`."""
        return self.tokenizer.encode_by(self._splitter, clean_text(texts))

    def __getattr__(self, name):
        if name in ("tokenizer", "literal", "_splitter"):
            raise AttributeError(name)
        return getattr(self.tokenizer, name)


def _literal(character):
    return rf"\x{{{ord(character):x}}}"


def _rewritten(character):
    # A backslash means something to RE2's rewriting.
    return character.replace("\\", "\\\\")
