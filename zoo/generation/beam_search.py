"""Beam search whose finished hypotheses are kept apart and never change."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from keras import ops

from zoo.errors import UserError
from zoo.generation.control import Control
from zoo.generation.decode_loop import Choice, decode_loop, write_at
from zoo.generation.decode_options import DecodeOptions
from zoo.generation.greedy_search import Greedy
from zoo.generation.hypotheses import Hypotheses, blank_impossible
from zoo.generation.length_penalty import LENGTH_PENALTY_TYPES, length_penalty_divisor, normalised_scores
from zoo.generation.next_tokens import best_next_tokens
from zoo.generation.row_gather import gather_per_row, row_offsets
from zoo.generation.row_limits import check_count
from zoo.generation.search import Search
from zoo.generation.top_k import top_k

STOPPING_RULES = ("exact", "first", "estimate")
MAX_LENGTH_PENALTY = 10
"""Bound of `BeamSearch.length_penalty` on either side of 0."""
_IMPOSSIBLE = -float("inf")


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


@dataclass(frozen=True)
class BeamSearch(Search):
    """Keeps the `num_beams` best unfinished sequences of every row and the best finished ones, as many as are wanted.

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

    Equal scores: the hypothesis that finished first wins, then the better beam, then the lower token id (PyTorch's
    top-k does not promise the order of exact ties).

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        num_beams: Width, K >= 1; may exceed the vocabulary size. 1 is greedy search, with scores that are normalised
            all the same.
        length_penalty: Exponent of the length normalisation; larger favours longer sequences, 0 disables it, and below
            0 shorter ones win.
        length_penalty_type: "gnmt" for ((5 + length) / 6) ** length_penalty, "average" for length ** length_penalty,
            "none" for 1; see `length_penalty_divisor`.
        stopping: When a row ends: "exact" as in 5., `early_stopping="never"` of transformers; "first" as soon as
            `num_beams` hypotheses have finished (True there); "estimate" when as many have finished and the best live
            sequence, scored as if it ended now, is no better than the worst of the best `num_beams` of them (False).
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

    def __call__(
        self,
        step: Callable,
        state: Any,
        start_ids: Any,
        options: DecodeOptions,
        *,
        num_return: int = 1,
        length_penalty: Any = None,
    ) -> Hypotheses:
        """Runs the search; see `Search`."""
        check_count("num_return", num_return, 1)
        if num_return > self.num_beams:
            raise UserError(f"num_return must not exceed num_beams; got {num_return} with num_beams={self.num_beams}.")
        penalty = self.length_penalty if length_penalty is None else length_penalty
        alpha = ops.broadcast_to(ops.cast(penalty, "float32"), ops.shape(start_ids)[:1])
        if self.num_beams == 1:
            return self._greedy(step, state, start_ids, options, alpha)
        return self._with_beams(step, state, start_ids, options, alpha, num_return)

    def _greedy(self, step, state, start_ids, options, alpha):
        found = Greedy()(step, state, start_ids, options)
        # Beam search counts the end token, where there is one, as part of the length; so does this score.
        limit = ops.broadcast_to(ops.cast(options.max_new_tokens, "int32"), ops.shape(start_ids)[:1])[:, None]
        lengths = ops.maximum(found.lengths + ops.cast(found.lengths < limit, "int32"), 1)
        divisor = length_penalty_divisor(lengths, alpha[:, None], self.length_penalty_type)
        return found._replace(scores=found.log_probs / divisor)

    def _with_beams(self, step, state, start_ids, options, alpha, num_return):
        if options.stop is not None:
            raise UserError("stop must be None for beam search.")
        if isinstance(options.eos_id, tuple):
            raise UserError(f"eos_id must be one token for beam search; got {options.eos_id!r}.")
        num_beams, stopping, eos_id = self.num_beams, self.stopping, options.eos_id
        num_rows = ops.shape(start_ids)[0]
        limits, loop_length = options.limits(num_rows), options.loop_length

        def divisor(length):
            return length_penalty_divisor(length, alpha, self.length_penalty_type)

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
        empty_first = ops.where(
            ops.logical_and(nothing_allowed[:, None], ops.arange(num_return) == 0), 0.0, _IMPOSSIBLE
        )
        record = BeamRecord(
            # All beams start equal: only the first counts.
            live_log_probs=ops.broadcast_to(
                ops.where(ops.arange(num_beams) == 0, 0.0, _IMPOSSIBLE)[None, :], (num_rows, num_beams)
            ),
            log_probs=empty_first,
            scores=empty_first,
            lengths=ops.zeros((num_rows, num_return), dtype="int32"),
            token_ids=ops.full((num_rows, num_return, loop_length), options.pad_id, dtype="int32"),
            best_scores=() if stopping == "exact" else ops.full((num_rows, num_beams), _IMPOSSIBLE),
        )
        last = decode_loop(
            step,
            choose,
            state,
            ops.repeat(start_ids, num_beams, axis=0),
            record,
            nothing_allowed,
            options,
            ops.repeat(limits.max_new_tokens, num_beams, axis=0),
            num_beams,
        ).search
        return blank_impossible(Hypotheses(last.token_ids, last.lengths, last.log_probs, last.scores), options.pad_id)

    def num_sequences(self, num_return: int) -> int:
        """The beams; see `Search`."""
        return self.num_beams

    def controls(self, vocabulary_size: int) -> dict[str, Any]:
        """The length penalty; see `Search`."""
        most, described = float(MAX_LENGTH_PENALTY), "exponent of the length normalisation of scores"
        return {"length_penalty": Control("float32", self.length_penalty, -most, most, described)}


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
