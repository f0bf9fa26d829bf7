"""What every search is told besides the model: what ends a sequence, how long it may be and what must not follow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zoo.errors import UserError
from zoo.generation.end_tokens import end_ids
from zoo.generation.row_limits import RowLimits, check_count, row_limits
from zoo.generation.token_rules import NO_RULES, TokenRules


@dataclass(frozen=True, eq=False)
class DecodeOptions:
    """Options of a search for B rows.

    Raises:
        UserError: for a number out of range, and a mask without tokens, naming the attribute.

    Attributes:
        eos_id: The token that ends a sequence; or a tuple of several, not for several beams.
        pad_id: Fills the output after the end.
        max_new_tokens: int32 `[B]` or scalar, the most tokens a row gets, the end token included. Clipped to
            0..loop_length; 0 gives an empty sequence of log-probability 0.
        loop_length: int, or int32 scalar tensor in a TensorFlow graph: size of the output, at least the largest
            `max_new_tokens`.
        min_new_tokens: int32 `[B]` or scalar, tokens that must come before the end token.
        no_repeat_ngram_size: No n-gram of this size occurs twice in a sequence; 0 allows everything.
        num_before: int32 `[B]` or scalar, tokens that earlier calls have chosen for a row and that are part of its
            context now: random numbers are drawn as if all were chosen in one call. The limits do not count them.
        token_rules: Tokens that never come or must come first or last. Forced tokens count 0.
        context_token_ids: int32 `[B, P]` or None, what comes before the generated tokens, the start token included if
            it shall count; n-grams of it are not repeated either, as for a decoder-only model in transformers, and
            `Sampling` penalises its tokens.
        context_mask: bool `[B, P]`, True for real tokens; None if all are.
        stop: `stop(token_ids int32 [N, L], index int32 scalar) -> bool [N]` or None. Called after each step with the N
            sequences, of which `index` tokens are chosen; True ends a sequence. Not for beam search.
        lengthen: `lengthen(state, extra int32 scalar) -> state`, the state of the step function with room for so many
            more steps; the state that a search begins with then has room for none. It is called while a search goes
            on, so that short outputs never pay for the length of the longest. None if there is room for `loop_length`
            steps from the beginning.

    Example:
        >>> options = DecodeOptions(eos_id=2, pad_id=0, max_new_tokens=20, loop_length=20)
    """

    eos_id: int | tuple[int, ...]
    pad_id: int
    max_new_tokens: Any
    loop_length: Any
    min_new_tokens: Any = 0
    no_repeat_ngram_size: int = 0
    num_before: Any = 0
    token_rules: TokenRules = NO_RULES
    context_token_ids: Any = None
    context_mask: Any = None
    stop: Callable | None = None
    lengthen: Callable | None = None

    def __post_init__(self):
        for end_id in end_ids(self.eos_id):
            check_count("eos_id", end_id, 0)
        for name in ("pad_id", "max_new_tokens", "min_new_tokens", "loop_length", "no_repeat_ngram_size"):
            check_count(name, getattr(self, name), 0)
        if self.context_mask is not None and self.context_token_ids is None:
            raise UserError("context_mask must come with context_token_ids.")

    def limits(self, num_rows: Any) -> RowLimits:
        """The `RowLimits` of so many rows, int or int32 scalar."""
        return row_limits(
            num_rows, self.max_new_tokens, self.min_new_tokens, self.loop_length, self.eos_id, self.token_rules
        )
