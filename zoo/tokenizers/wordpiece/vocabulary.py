"""Vocabularies of WordPiece tokenizers: lists of entries, and the file with one entry a line."""

from collections.abc import Sequence

from zoo.errors import UserError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTINUATION = "##"


class WordPieceVocabulary:
    """A checked vocabulary.

    An object of its own because TensorFlow looks through every list, tuple and dict that a module holds, entry by entry
    and many times, whenever the module is saved.

    Attributes:
        tokens: The entries by id.
        ids: The ids by entry, the last one of an entry that is there twice, as other programs read such files.
    """

    def __init__(self, tokens: Sequence[str], special_tokens: Sequence[str] = SPECIAL_TOKENS):
        """Checks and stores the entries.

        Args:
            tokens: The entries by id.
            special_tokens: Spellings of `SPECIAL_TOKENS`.

        Raises:
            UserError: if an entry is no str or holds a tab or line end, or if the token of padding or that of unknown
                words is missing.
        """
        if isinstance(tokens, (str, bytes)):
            raise UserError(
                "vocabulary must be a list of entries; WordPieceTokenizer.from_vocabulary_file reads a file"
            )
        self.tokens = tuple(tokens)
        problem = _first_problem(self.tokens)
        if problem:
            index, text = problem
            raise UserError(f"vocabulary entry {index} {text}")
        self.ids = {token: token_id for token_id, token in enumerate(self.tokens)}
        for token in special_tokens[:2]:
            if token not in self.ids:
                raise UserError(f"the vocabulary has no {token}; a BERT vocabulary needs it")


def parse_vocabulary(content: bytes, path, special_tokens: Sequence[str] = SPECIAL_TOKENS) -> tuple[str, ...]:
    """The entries of a vocab.txt.

    Args:
        content: The file's bytes: UTF-8, one entry a line.
        path: The file's name for messages.
        special_tokens: Spellings of `SPECIAL_TOKENS`.

    Raises:
        UserError: naming the file and the line, for what `WordPieceVocabulary` refuses and for bytes that are no UTF-8.
    """
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise UserError(f"{path} is empty; get the vocabulary again")
    vocabulary = []
    for number, line in enumerate(lines, 1):
        try:
            vocabulary.append(line.removesuffix(b"\r").decode("utf-8"))
        except UnicodeDecodeError:
            raise UserError(f"{path}, line {number}: not UTF-8; a vocabulary has one entry a line") from None
    problem = _first_problem(vocabulary)
    if problem:
        index, text = problem
        raise UserError(f"{path}, line {index + 1}: the entry {text}")
    for token in special_tokens[:2]:
        if token not in vocabulary:
            raise UserError(f"{path} has no line {token}: it is no BERT vocabulary")
    return tuple(vocabulary)


def _first_problem(vocabulary):
    """The first impossible entry: its index and what is wrong with it; None if there is none."""
    for index, token in enumerate(vocabulary):
        if not isinstance(token, str):
            return index, f"is {type(token).__name__}, not str"
        if any(character in token for character in "\t\r\n"):
            return index, f"{token!r} holds a tab or line end, which no word does"
    return None
