"""What a search returns."""

from typing import Any, NamedTuple

from keras import ops


class Hypotheses(NamedTuple):
    """The sequences that were found for every row: the best of a search, best first, or samples as they were drawn.

    B rows, n hypotheses a row, L the search's `loop_length`. A row that has fewer than n possible sequences (a tiny
    vocabulary, or everything blocked) is filled up with empty ones whose `log_probs` and `scores` are -inf.

    Attributes:
        token_ids: int32 [B, n, L]. Without the start token; the end token is included where one was produced, and
            `pad_id` follows.
        lengths: int32 [B, n]. Tokens before the end token.
        log_probs: float32 [B, n]. Sum of the model's log-probabilities of the tokens, the end token's included; forced
            tokens count 0.
        scores: float32 [B, n]. `log_probs` divided by the length penalty; equal to `log_probs` without one.
    """

    token_ids: Any
    lengths: Any
    log_probs: Any
    scores: Any


def blank_impossible(hypotheses, pad_id):
    """Empties the places that no sequence reached (score -inf), whatever the search left in them."""
    possible = hypotheses.scores > -float("inf")
    return Hypotheses(
        token_ids=ops.where(possible[:, :, None], hypotheses.token_ids, pad_id),
        lengths=ops.where(possible, hypotheses.lengths, 0),
        log_probs=ops.where(possible, hypotheses.log_probs, -float("inf")),
        scores=hypotheses.scores,
    )
