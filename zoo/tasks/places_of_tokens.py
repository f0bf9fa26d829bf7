"""Tokenizers for tasks whose answers are places in a text."""

from zoo.errors import UserError
from zoo.tokenizers import Tokenizer


def require_places(tokenizer: Tokenizer, answers: str) -> None:
    """Refuses a tokenizer that cannot say where in a text its tokens are.

    Args:
        tokenizer: The tokenizer.
        answers: What needs that, for the message.

    Raises:
        UserError: saying why, if it is because of an option of the tokenizer.
    """
    if not hasattr(tokenizer, "tokenize_with_offsets"):
        raise UserError(f"{type(tokenizer).__name__} gives no offsets, which {answers} need")
    try:
        tokenizer.tokenize_with_offsets([""])
    except UserError as error:
        raise UserError(f"{error}, which {answers} need") from None
