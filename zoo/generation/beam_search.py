"""Beam search whose finished hypotheses are kept apart and never change."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from keras import ops

from zoo.errors import UserError
from zoo.generation.context import make_context
from zoo.generation.control import Control
from zoo.generation.decode_loop import Choice, decode_loop, write_at
from zoo.generation.greedy_search import greedy_search
from zoo.generation.hypotheses import Hypotheses, blank_impossible
from zoo.generation.length_penalty import LENGTH_PENALTY_TYPES, length_penalty_divisor, normalised_scores
from zoo.generation.next_tokens import best_next_tokens
from zoo.generation.row_gather import gather_per_row, row_offsets
from zoo.generation.row_limits import check_common, check_count, row_limits
from zoo.generation.search import Search
from zoo.generation.token_rules import NO_RULES
from zoo.generation.top_k import top_k

STOPPING_RULES = ("exact", "first", "estimate")
MAX_LENGTH_PENALTY = 10
"""Bound of `BeamSearch.length_penalty` on either side of 0."""
_IMPOSSIBLE = -float("inf")


@dataclass(frozen=True)
class BeamSearch(Search):
    """`beam_search` with its values.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        num_beams: Width; 1 is greedy search, with scores that are normalised all the same.
        length_penalty: Exponent of the length normalisation; larger favours longer sequences, 0 disables it, and below
            0 shorter ones win.
        length_penalty_type: "gnmt" for ((5 + length) / 6) ** length_penalty, "average" for length ** length_penalty.
        stopping: When a row ends: "exact", "first" or "estimate"; see `beam_search`.
    """

    num_beams: int = 4
    length_penalty: float = 1.0
    length_penalty_type: str = "average"
    stopping: str = "exact"

    def __post_init__(self):
        if not isinstance(self.num_beams, int) or isinstance(self.num_beams, bool) or self.num_beams < 1:
            raise UserError(f"num_beams must be an integer of at least 1, got {self.num_beams!r}")
        if not abs(self.length_penalty) <= MAX_LENGTH_PENALTY:
            raise UserError(
                f"length_penalty must be between -{MAX_LENGTH_PENALTY} and {MAX_LENGTH_PENALTY}, "
                f"got {self.length_penalty!r}"
            )
        for name, known in (("length_penalty_type", LENGTH_PENALTY_TYPES), ("stopping", STOPPING_RULES)):
            if getattr(self, name) not in known:
                raise UserError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")

    def __call__(self, step, state, start_ids, *, num_return=1, length_penalty=None, **options):
        """Runs the search; see `Search`."""
        penalty = self.length_penalty if length_penalty is None else length_penalty
        if self.num_beams == 1 and num_return == 1:
            found = greedy_search(step, state, start_ids, **options)
            # Beam search counts the end token, where there is one, as part of the length; so does this score.
            rows = ops.shape(start_ids)[:1]
            alpha = ops.broadcast_to(ops.cast(penalty, "float32"), rows)[:, None]
            limit = ops.broadcast_to(ops.cast(options["max_new_tokens"], "int32"), rows)[:, None]
            lengths = ops.maximum(found.lengths + ops.cast(found.lengths < limit, "int32"), 1)
            return found._replace(
                scores=found.log_probs / length_penalty_divisor(lengths, alpha, self.length_penalty_type)
            )
        return beam_search(
            step,
            state,
            start_ids,
            num_beams=self.num_beams,
            num_return=num_return,
            length_penalty=penalty,
            length_penalty_type=self.length_penalty_type,
            stopping=self.stopping,
            **options,
        )

    def num_sequences(self, num_return):
        """The beams; see `Search`."""
        return self.num_beams

    def controls(self, vocabulary_size):
        """The length penalty; see `Search`."""
        most, described = float(MAX_LENGTH_PENALTY), "exponent of the length normalisation of scores"
        return {"length_penalty": Control("float32", self.length_penalty, -most, most, described)}


class BeamRecord(NamedTuple):
    """What beam search keeps beside the live sequences. B rows, K beams, n hypotheses to return, L = loop_length.

    Attributes:
        live_log_probs: float32 [B, K], descending. -inf marks a beam that holds nothing.
        log_probs: float32 [B, n], of the best finished hypotheses, as are the next three. -inf marks a free place.
        scores: float32 [B, n], descending.
        lengths: int32 [B, n]. Tokens before the end token.
        token_ids: int32 [B, n, L]. With the end token.
        best_scores: float32 [B, K], of the best K finished hypotheses, where the stopping rule needs them; else ().
    """

    live_log_probs: Any
    log_probs: Any
    scores: Any
    lengths: Any
    token_ids: Any
    best_scores: Any


def beam_search(
    step,
    state,
    start_ids,
    *,
    num_beams,
    eos_id,
    pad_id,
    max_new_tokens,
    min_new_tokens=0,
    length_penalty=1.0,
    length_penalty_type="gnmt",
    stopping="exact",
    num_return=1,
    loop_length,
    no_repeat_ngram_size=0,
    token_rules=NO_RULES,
    context_token_ids=None,
    context_mask=None,
):
    """Keeps the `num_beams` best unfinished sequences of every row and the `num_return` best finished ones.

    Definition, per row (after the live and finished sets of flax's and T5X's beam search):

    1. All continuations of the live sequences compete by summed log-probability (float32, the model's own: blocked
       tokens are left out, the others not renormalised; forced tokens count 0). The best 2 * num_beams are candidates.
    2. A candidate **finishes** if it ends in `eos_id` and ranks among the best `num_beams` (the rule of fairseq,
       transformers and CTranslate2, without which one beam would not be greedy search; T5X lets all candidates
       finish). Finished hypotheses compete by score = log_prob / penalty(length); they are never extended and never
       decay.
    3. The best `num_beams` candidates that do not end in `eos_id` live on.
    4. In the step that reaches the row's `max_new_tokens`, the best `num_beams` candidates finish as they are, with or
       without an end token.
    5. The row ends as soon as no live sequence can still enter the n-best list: the best live log-probability, divided
       by the most favourable penalty it can reach, is no better than the worst of the n finished scores. As
       log-probabilities only fall, this never changes the result; with enough beams it equals exhaustive search.
       Two rules of other programs end a row earlier, and so can change the result: see `stopping`.

    A row's result depends on that row alone, not on the batch or `loop_length`. Equal scores: the hypothesis that
    finished first wins, then the better beam, then the lower token id (PyTorch's top-k does not promise the order of
    exact ties).

    Args:
        step: `step(token_ids int32 [N], index int32 scalar, state) -> (logits float [N, V], state)` with
            N = B * num_beams; row b's sequences are b * num_beams .. (b + 1) * num_beams - 1.
        state: nest of tensors [N, ...] that the step function keeps; the search reorders it along axis 0 when beams
            change places. Encoder outputs and other things that are equal for a row's beams need not be in it.
        start_ids: int32 [B], the first input of every row.
        num_beams: Python int, K >= 1. May exceed the vocabulary size.
        eos_id: Python int, the token that ends a sequence.
        pad_id: Python int, fills the output after the end.
        max_new_tokens: int32 [B] or scalar, the most tokens a row gets, the end token included. Clipped to
            0..loop_length; 0 gives an empty sequence of log-probability 0.
        min_new_tokens: int32 [B] or scalar, tokens that must come before the end token.
        length_penalty: float32 [B] or scalar, the exponent of the penalty; 0 compares plain log-probabilities.
        length_penalty_type: "gnmt", "average" or "none"; see `length_penalty_divisor`.
        stopping: When a row ends: "exact" as in 5., `early_stopping="never"` of transformers; "first" as soon as
            `num_beams` hypotheses have finished (True there); "estimate" when as many have finished and the best live
            sequence, scored as if it ended now, is no better than the worst of the best `num_beams` of them (False).
        num_return: Python int, n <= num_beams.
        loop_length: Python int, or int32 scalar tensor in a TensorFlow graph: size of the output, at least the
            largest `max_new_tokens`.
        no_repeat_ngram_size: Python int; no n-gram of this size occurs twice in a sequence. 0 allows everything.
        token_rules: `TokenRules`, tokens that never come or must come first or last. Forced tokens count 0.
        context_token_ids: int32 [B, P] or None, what comes before the generated tokens, the start token included if it
            shall count; n-grams of it are not repeated either, as for a decoder-only model in transformers.
        context_mask: bool [B, P], True for real tokens; None if all are.

    Returns:
        `Hypotheses`: token_ids int32 [B, n, loop_length], lengths int32 [B, n], log_probs and scores float32 [B, n].

    Raises:
        UserError: an argument is out of range; the message names it.
    """
    check_common(
        eos_id=eos_id,
        pad_id=pad_id,
        max_new_tokens=max_new_tokens,
        min_new_tokens=min_new_tokens,
        loop_length=loop_length,
        no_repeat_ngram_size=no_repeat_ngram_size,
    )
    check_count("num_beams", num_beams, 1)
    check_count("num_return", num_return, 1)
    if num_return > num_beams:
        raise UserError(f"num_return must not exceed num_beams; got {num_return} with num_beams={num_beams}.")
    if length_penalty_type not in LENGTH_PENALTY_TYPES:
        raise UserError(
            f"length_penalty_type must be one of {', '.join(LENGTH_PENALTY_TYPES)}; got {length_penalty_type!r}."
        )
    if stopping not in STOPPING_RULES:
        raise UserError(f"stopping must be one of {', '.join(STOPPING_RULES)}; got {stopping!r}.")
    num_rows = ops.shape(start_ids)[0]
    limits = row_limits(num_rows, max_new_tokens, min_new_tokens, loop_length, eos_id, token_rules)
    alpha = ops.broadcast_to(ops.cast(length_penalty, "float32"), (num_rows,))

    def divisor(length):
        return length_penalty_divisor(length, alpha, length_penalty_type)

    def is_settled(record, best_live, length):
        """bool [B], rows whose search is over before their token limit."""
        if stopping == "exact":
            # The divisor is monotonic in the length, so its largest reachable value is at one end of the range.
            most_favourable = ops.maximum(divisor(length + 1), divisor(limits.max_new_tokens))
            return normalised_scores(best_live, most_favourable) <= record.scores[:, -1]
        worst = record.best_scores[:, -1]
        if stopping == "first":
            return ops.logical_or(worst > _IMPOSSIBLE, best_live == _IMPOSSIBLE)
        return normalised_scores(best_live, divisor(length)) <= worst

    def choose(logits, allowed, state):
        record = state.search
        length = state.index + 1
        log_probs, token_ids, beams = _candidates(logits, allowed, state, num_beams, eos_id, limits)
        ends = token_ids == eos_id
        at_limit = length >= limits.max_new_tokens
        finishes = ops.logical_and(ops.logical_or(ends, at_limit[:, None]), ops.logical_not(state.done)[:, None])
        sequences = ops.reshape(state.token_ids, (num_rows, num_beams, loop_length))
        record = _add_finished(
            record,
            ops.where(finishes, log_probs, _IMPOSSIBLE)[:, :num_beams],
            divisor(length)[:, None],
            (length - ops.cast(ends, "int32"))[:, :num_beams],
            write_at(gather_per_row(sequences, beams[:, :num_beams]), state.index, token_ids[:, :num_beams]),
        )
        live_log_probs, places = top_k(ops.where(ends, _IMPOSSIBLE, log_probs), num_beams)
        settled = is_settled(record, live_log_probs[:, 0], length)
        return Choice(
            token_ids=ops.reshape(gather_per_row(token_ids, places), (-1,)),
            parents=ops.reshape(gather_per_row(beams, places) + row_offsets(num_rows, num_beams), (-1,)),
            search=record._replace(live_log_probs=live_log_probs),
            done=ops.logical_or(state.done, ops.logical_or(at_limit, settled)),
        )

    # Rows that may not produce anything have the empty sequence as their one hypothesis.
    nothing_allowed = limits.max_new_tokens <= 0
    empty_first = ops.where(ops.logical_and(nothing_allowed[:, None], ops.arange(num_return) == 0), 0.0, _IMPOSSIBLE)
    record = BeamRecord(
        # All beams start equal: only the first counts.
        live_log_probs=ops.broadcast_to(
            ops.where(ops.arange(num_beams) == 0, 0.0, _IMPOSSIBLE)[None, :], (num_rows, num_beams)
        ),
        log_probs=empty_first,
        scores=empty_first,
        lengths=ops.zeros((num_rows, num_return), dtype="int32"),
        token_ids=ops.full((num_rows, num_return, loop_length), pad_id, dtype="int32"),
        best_scores=() if stopping == "exact" else ops.full((num_rows, num_beams), _IMPOSSIBLE),
    )
    last = decode_loop(
        step,
        choose,
        state,
        ops.repeat(start_ids, num_beams, axis=0),
        record,
        nothing_allowed,
        pad_id=pad_id,
        loop_length=loop_length,
        no_repeat_ngram_size=no_repeat_ngram_size,
        token_rules=token_rules,
        context=make_context(context_token_ids, context_mask, num_beams),
        max_new_tokens=ops.repeat(limits.max_new_tokens, num_beams, axis=0),
    ).search
    return blank_impossible(Hypotheses(last.token_ids, last.lengths, last.log_probs, last.scores), pad_id)


def _candidates(logits, allowed, state, num_beams, eos_id, limits):
    """The best 2K continuations of a row: (log_probs, token_ids, beams), each [B, 2K] (fewer if V is tiny)."""
    # What is used later: the best K of all, and the best K without an end token. One beam can supply all K of either,
    # and has one end token to pass over; so K + 1 for every beam are enough.
    per_beam = min(num_beams + 1, logits.shape[-1])
    log_probs, token_ids = best_next_tokens(logits, allowed, per_beam)
    num_rows = ops.shape(state.search.live_log_probs)[0]
    too_early = (state.index < limits.min_new_tokens)[:, None]
    token_ids = ops.reshape(token_ids, (num_rows, num_beams * per_beam))
    log_probs = ops.reshape(log_probs, (num_rows, num_beams, per_beam)) + state.search.live_log_probs[:, :, None]
    log_probs = ops.reshape(log_probs, (num_rows, num_beams * per_beam))
    log_probs = ops.where(ops.logical_and(token_ids == eos_id, too_early), _IMPOSSIBLE, log_probs)
    log_probs, places = top_k(log_probs, min(2 * num_beams, num_beams * per_beam))
    return log_probs, gather_per_row(token_ids, places), places // per_beam


def _add_finished(record, log_probs, divisor, lengths, token_ids):
    """Merges candidates [B, K] (-inf: did not finish) into the n best finished hypotheses."""
    num_return = record.scores.shape[1]
    new_scores = normalised_scores(log_probs, divisor)
    # Earlier hypotheses come first and so win ties.
    scores, places = top_k(ops.concatenate([record.scores, new_scores], axis=1), num_return)
    best_scores = record.best_scores
    if not isinstance(best_scores, tuple):
        best_scores, _ = top_k(ops.concatenate([best_scores, new_scores], axis=1), best_scores.shape[1])
    return record._replace(
        best_scores=best_scores,
        scores=scores,
        log_probs=gather_per_row(ops.concatenate([record.log_probs, log_probs], axis=1), places),
        lengths=gather_per_row(ops.concatenate([record.lengths, lengths], axis=1), places),
        token_ids=gather_per_row(ops.concatenate([record.token_ids, token_ids], axis=1), places),
    )
