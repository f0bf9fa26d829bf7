"""Fixed rules of a checkpoint about single tokens: which never come, which must come first or last."""

import numbers
from dataclasses import dataclass

import numpy as np
from keras import ops

from zoo.errors import UserError


@dataclass(frozen=True)
class TokenRules:
    """Tokens that are never generated, and tokens that are forced at the first or the last place.

    What counts as log-probability, in every search:

    - Suppressed tokens are left out like all blocked tokens: the others keep the model's own log-probabilities, whose
      softmax runs over the whole vocabulary, suppressed tokens included.
    - A forced token is certain: it counts 0, whatever the model says, and it does come, even if it is suppressed, would
      repeat an n-gram or is an end token before `min_new_tokens`. At a place that is both first and last, the last
      token's rule holds.

    This is how `generate` of transformers scores beams with `bad_words_ids` (single tokens), `forced_bos_token_id` and
    `forced_eos_token_id`. One thing differs: `bad_words_ids` spares the end token, and here it can be suppressed.

    Attributes:
        suppressed_token_ids: Tuple of int, tokens that are never generated (Marian: the padding token).
        forced_first_token_id: int or None, the first generated token (BART: its begin token; multilingual models: the
            language).
        forced_last_token_id: int or None, the token of the last place that a row's `max_new_tokens` allows, in rows
            that get that far (Marian and BART: the end token).

    Raises:
        UserError: a token id is no integer of at least 0; the message names the attribute.

    Example:
        >>> marian = TokenRules(suppressed_token_ids=(58100,), forced_last_token_id=0)
    """

    suppressed_token_ids: tuple = ()
    forced_first_token_id: int | None = None
    forced_last_token_id: int | None = None

    def __post_init__(self):
        try:
            object.__setattr__(self, "suppressed_token_ids", tuple(self.suppressed_token_ids))
        except TypeError as error:
            raise UserError(f"suppressed_token_ids must be token ids; got {self.suppressed_token_ids!r}.") from error
        for name, token_id in self._named_token_ids():
            if isinstance(token_id, bool) or not isinstance(token_id, numbers.Integral) or token_id < 0:
                raise UserError(f"{name} must hold integers of at least 0; got {token_id!r}.")

    def check_vocabulary_size(self, vocabulary_size: int) -> None:
        """Refuses tokens that a model does not have.

        Raises:
            UserError: naming the attribute.
        """
        for name, token_id in self._named_token_ids():
            if token_id >= vocabulary_size:
                raise UserError(f"{name} must be less than the vocabulary size {vocabulary_size}; got {token_id}.")

    def _named_token_ids(self):
        names = ["suppressed_token_ids"] * len(self.suppressed_token_ids)
        named = list(zip(names, self.suppressed_token_ids, strict=True))
        forced = {name: getattr(self, name) for name in ("forced_first_token_id", "forced_last_token_id")}
        return named + [(name, token_id) for name, token_id in forced.items() if token_id is not None]


NO_RULES = TokenRules()


def without_suppressed_tokens(logits, rules):
    """The logits float32 [N, V] with -inf for suppressed tokens; the same tensor if there are none."""
    if not rules.suppressed_token_ids:
        return logits
    bias = np.zeros((1, logits.shape[-1]), "float32")
    bias[:, list(rules.suppressed_token_ids)] = -np.inf
    return logits + ops.convert_to_tensor(bias)


def with_forced_tokens(logits, allowed, rules, index, max_new_tokens):
    """Makes forced tokens certain and all others impossible.

    Args:
        logits: float32 [N, V].
        allowed: float32 [N, V], the logits with -inf for tokens that must not follow, or `logits` itself.
        rules: `TokenRules`.
        index: int32 scalar, the position of the next token.
        max_new_tokens: int32 [N], the limit of every sequence.

    Returns:
        (logits, allowed), the same objects if nothing is ever forced; one object if it was one before.
    """
    if rules.forced_first_token_id is None and rules.forced_last_token_id is None:
        return logits, allowed
    forced_ids = ops.full((ops.shape(logits)[0],), -1, dtype="int32")
    if rules.forced_first_token_id is not None:
        forced_ids = ops.where(index == 0, rules.forced_first_token_id, forced_ids)
    if rules.forced_last_token_id is not None:
        forced_ids = ops.where(index == max_new_tokens - 1, rules.forced_last_token_id, forced_ids)
    forced_ids = ops.expand_dims(forced_ids, 1)

    def certain(values):
        is_forced = ops.expand_dims(ops.arange(values.shape[-1], dtype="int32"), 0) == forced_ids
        return ops.where(forced_ids < 0, values, ops.where(is_forced, 0.0, -float("inf")))

    def forced(values):
        # Few steps force anything; the others are spared the passes over the vocabulary.
        return ops.cond(ops.any(forced_ids >= 0), lambda: certain(values), lambda: values)

    if allowed is logits:
        logits = forced(logits)
        return logits, logits
    return forced(logits), forced(allowed)
