"""Greedy search."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from keras import ops

from zoo.errors import UserError
from zoo.generation.context import make_context
from zoo.generation.decode_loop import Choice, decode_loop
from zoo.generation.end_tokens import end_ids, is_end
from zoo.generation.hypotheses import Hypotheses, blank_impossible
from zoo.generation.next_tokens import best_next_tokens
from zoo.generation.row_limits import check_common, row_limits
from zoo.generation.search import Search
from zoo.generation.token_rules import NO_RULES


@dataclass(frozen=True)
class Greedy(Search):
    """`greedy_search`: the most probable token at every step. Scores are log-probabilities, whatever the length.

    Attributes:
        num_beams, temperature: What greedy search is among the others of their kind.

    Example:
        >>> translator = zoo.load("runs/translation").with_settings(search=Greedy())
    """

    num_beams: ClassVar[int] = 1
    temperature: ClassVar[float] = 0.0

    def __call__(self, step, state, start_ids, *, num_return=1, **options):
        """Runs the search; see `Search`."""
        if num_return != 1:
            raise UserError(f"greedy search finds one sequence for each row, not {num_return}")
        return greedy_search(step, state, start_ids, **options)

    def num_sequences(self, num_return):
        """One; see `Search`."""
        return 1


class GreedyRecord(NamedTuple):
    """What greedy search keeps beside the sequences.

    Attributes:
        log_probs: float32 [B]. -inf once every next token was blocked or impossible.
        lengths: int32 [B]. Tokens before the end token.
    """

    log_probs: Any
    lengths: Any


def greedy_search(
    step,
    state,
    start_ids,
    *,
    eos_id,
    pad_id,
    max_new_tokens,
    min_new_tokens=0,
    loop_length,
    no_repeat_ngram_size=0,
    token_rules=NO_RULES,
    context_token_ids=None,
    context_mask=None,
    stop=None,
):
    """Takes the most probable token at every step; the lowest id among equals.

    Equal to `beam_search` with `num_beams=1` and `length_penalty_type="none"`. A row's result depends on that row
    alone. A row for which every next token is blocked or impossible has no result: it comes back empty with -inf.

    Args:
        step: `step(token_ids int32 [B], index int32 scalar, state) -> (logits float [B, V], state)`.
        state: nest of tensors [B, ...] that the step function keeps, for example key-value caches; `()` for none.
        start_ids: int32 [B], the first input of every row.
        eos_id: Python int, the token that ends a sequence; or a tuple of several.
        pad_id: Python int, fills the output after the end.
        max_new_tokens: int32 [B] or scalar, the most tokens a row gets, the end token included. Clipped to
            0..loop_length; 0 gives an empty sequence of log-probability 0.
        min_new_tokens: int32 [B] or scalar, tokens that must come before the end token.
        loop_length: Python int, or int32 scalar tensor in a TensorFlow graph: size of the output, at least the
            largest `max_new_tokens`.
        no_repeat_ngram_size: Python int; no n-gram of this size occurs twice in a sequence. 0 allows everything.
        token_rules: `TokenRules`, tokens that never come or must come first or last. Forced tokens count 0.
        context_token_ids: int32 [B, P] or None, what comes before the generated tokens, the start token included if it
            shall count; n-grams of it are not repeated either, as for a decoder-only model in transformers.
        context_mask: bool [B, P], True for real tokens; None if all are.
        stop: `stop(token_ids int32 [B, L], index int32 scalar) -> bool [B]` or None. Called after each step with the
            sequences, of which `index` tokens are chosen; True ends a sequence.

    Returns:
        `Hypotheses` with one hypothesis a row: token_ids int32 [B, 1, loop_length].

    Raises:
        UserError: an argument is out of range; the message names it.

    Example:
        >>> def step(token_ids, index, state):  # counts up
        ...     return 9.0 * ops.one_hot(token_ids + 1, 5), state
        >>> found = greedy_search(step, (), ops.array([1, 2]), eos_id=4, pad_id=0, max_new_tokens=3, loop_length=3)
        >>> ops.convert_to_numpy(found.token_ids).tolist()
        [[[2, 3, 4]], [[3, 4, 0]]]
    """
    check_common(
        eos_id=eos_id,
        pad_id=pad_id,
        max_new_tokens=max_new_tokens,
        min_new_tokens=min_new_tokens,
        loop_length=loop_length,
        no_repeat_ngram_size=no_repeat_ngram_size,
    )
    num_rows = ops.shape(start_ids)[0]
    limits = row_limits(num_rows, max_new_tokens, min_new_tokens, loop_length, eos_id, token_rules)

    def choose(logits, allowed, state):
        # Where end tokens may not come yet, one of as many runners-up is the best of the others.
        count = min(1 + len(end_ids(eos_id)), logits.shape[-1])
        log_probs, token_ids = best_next_tokens(logits, allowed, count)
        too_early = (state.index < limits.min_new_tokens)[:, None]
        log_probs = ops.where(ops.logical_and(is_end(token_ids, eos_id), too_early), -float("inf"), log_probs)
        best, chosen = log_probs[:, -1], token_ids[:, -1]
        for place in reversed(range(count - 1)):
            is_better = log_probs[:, place] >= best
            best = ops.where(is_better, log_probs[:, place], best)
            chosen = ops.where(is_better, token_ids[:, place], chosen)
        ends = is_end(chosen, eos_id)
        length = state.index + 1
        record = GreedyRecord(
            log_probs=ops.where(state.done, state.search.log_probs, state.search.log_probs + best),
            lengths=ops.where(state.done, state.search.lengths, length - ops.cast(ends, "int32")),
        )
        final = ops.logical_or(ends, ops.logical_or(length >= limits.max_new_tokens, best == -float("inf")))
        return Choice(
            token_ids=ops.where(state.done, pad_id, chosen),
            parents=None,
            search=record,
            done=ops.logical_or(state.done, final),
        )

    last = decode_loop(
        step,
        choose,
        state,
        start_ids,
        GreedyRecord(ops.zeros((num_rows,), dtype="float32"), ops.zeros((num_rows,), dtype="int32")),
        limits.max_new_tokens <= 0,
        pad_id=pad_id,
        loop_length=loop_length,
        no_repeat_ngram_size=no_repeat_ngram_size,
        token_rules=token_rules,
        context=make_context(context_token_ids, context_mask),
        stop=stop,
        max_new_tokens=limits.max_new_tokens,
    )
    log_probs = last.search.log_probs[:, None]
    return blank_impossible(
        Hypotheses(last.token_ids[:, None, :], last.search.lengths[:, None], log_probs, log_probs), pad_id
    )
