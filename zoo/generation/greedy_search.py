"""Greedy search."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from zoo.errors import UserError
from zoo.generation.decode_loop import decode_loop
from zoo.generation.decode_options import DecodeOptions
from zoo.generation.end_tokens import end_ids, is_end
from zoo.generation.hypotheses import Hypotheses, blank_impossible
from zoo.generation.next_tokens import best_next_tokens
from zoo.generation.search import Search
from zoo.generation.sequence_record import continued, empty_record


@dataclass(frozen=True)
class Greedy(Search):
    """Takes the most probable token at every step; the lowest id among equals.

    Scores are log-probabilities, whatever the length: the result is that of beam search with one beam and
    `length_penalty_type="none"`. A row for which every next token is blocked or impossible has no result: it comes back
    empty with -inf.

    Attributes:
        num_beams, temperature: What greedy search is among the others of their kind.

    Example:
        >>> translator = zoo.load("runs/translation").with_settings(search=Greedy())

        Without a task, any step function will do; this one counts up.

        >>> def step(token_ids, index, state):
        ...     return 9.0 * ops.one_hot(token_ids + 1, 5), state
        >>> options = DecodeOptions(eos_id=4, pad_id=0, max_new_tokens=3, loop_length=3)
        >>> ops.convert_to_numpy(Greedy()(step, (), ops.array([1, 2]), options).token_ids).tolist()
        [[[2, 3, 4]], [[3, 4, 0]]]
    """

    num_beams: ClassVar[int] = 1
    temperature: ClassVar[float] = 0.0

    def __call__(
        self,
        step: Callable,
        state: Any,
        start_ids: Any,
        options: DecodeOptions,
        *,
        num_return: int = 1,
    ) -> Hypotheses:
        """Runs the search; see `Search`."""
        if num_return != 1:
            raise UserError(f"greedy search finds one sequence for each row, not {num_return}")
        num_rows = ops.shape(start_ids)[0]
        limits, eos_id = options.limits(num_rows), options.eos_id

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
            return continued(state, chosen, best, limits.max_new_tokens, options)

        last = decode_loop(
            step,
            choose,
            state,
            start_ids,
            empty_record(num_rows),
            limits.max_new_tokens <= 0,
            options,
            limits.max_new_tokens,
        )
        log_probs = last.search.log_probs[:, None]
        return blank_impossible(
            Hypotheses(last.token_ids[:, None, :], last.search.lengths[:, None], log_probs, log_probs), options.pad_id
        )

    def num_sequences(self, num_return: int) -> int:
        """One; see `Search`."""
        return 1
