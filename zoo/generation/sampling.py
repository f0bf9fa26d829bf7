"""Sampling: tokens drawn at random, by seeds that are part of the input."""

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from zoo.errors import UserError
from zoo.generation.arg_max import arg_max
from zoo.generation.context import history, make_context
from zoo.generation.control import Control
from zoo.generation.decode_loop import decode_loop
from zoo.generation.decode_options import DecodeOptions
from zoo.generation.end_tokens import end_ids
from zoo.generation.hypotheses import Hypotheses, blank_impossible
from zoo.generation.inverse_cdf import draw
from zoo.generation.next_tokens import token_log_probs
from zoo.generation.random_numbers import uniform
from zoo.generation.repetition_penalty import check_repetition_penalty, with_repetition_penalty
from zoo.generation.row_gather import gather_per_row
from zoo.generation.row_limits import RowLimits, check_count
from zoo.generation.search import Search
from zoo.generation.sequence_record import continued, empty_record
from zoo.generation.token_filters import check_filters, filtered_weights

LARGEST_SEED = 2**31 - 1
_SMALLEST_TOP_P = 1e-6


@dataclass(frozen=True)
class Sampling(Search):
    """Draws sequences for every row, token by token, as many as are wanted.

    In every step, of tokens that are allowed: the repetition penalty, then what `filtered_weights` documents
    (temperature, top-k, top-p, min-p), then one draw. Rows with temperature 0 take the best token instead, the lowest
    id among equals, and so have the result of `Greedy`.

    Sample j of a row is a function of that row, its seed and j alone: not of the batch, `loop_length` or how many
    samples are asked for. The random bits are the same on all backends; where the logits differ in rounding, a draw
    that falls on the border of two tokens can differ.

    `log_probs` sums the model's own log-probabilities of the chosen tokens: at temperature 1, without penalty and
    filters. `scores` are the same.

    Raises:
        UserError: for an impossible value, naming the attribute.

    Attributes:
        temperature: What logits are divided by before a token is drawn; 0 takes the most probable one (greedy search).
        top_k: Draw from the k most probable tokens; 0 from all.
        top_p: Draw from the smallest set of most probable tokens that has this probability; 1 from all.
        min_p: Leave out tokens less probable than this share of the most probable one's probability; 0 none.
        repetition_penalty: Above 1, tokens that occur in the context or among the generated ones become less probable;
            1 for none.
        seed: Of the random numbers.

    Example:
        >>> def step(token_ids, index, state):  # tokens 1 to 3, equally likely
        ...     return ops.tile(ops.array([[-9.0, 1.0, 1.0, 1.0]]), (len(token_ids), 1)), state
        >>> options = DecodeOptions(eos_id=3, pad_id=0, max_new_tokens=4, loop_length=4)
        >>> Sampling(top_k=3, seed=5)(step, (), ops.array([1]), options, num_return=2).token_ids.shape
        (1, 2, 4)
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int = 0

    def __post_init__(self):
        for name, control in self.controls(LARGEST_SEED).items():
            value, least, most = getattr(self, name), control.minimum, control.maximum
            integer = control.dtype == "int32"
            if isinstance(value, bool) or not isinstance(value, int if integer else (int, float)):
                raise UserError(f"{name} must be {'an integer' if integer else 'a number'}, got {value!r}")
            if not least <= value <= most:
                raise UserError(f"{name} must be between {least:g} and {most:g}, got {value!r}")

    @property
    def draws(self) -> bool:
        """Whether tokens are drawn at random."""
        return self.temperature > 0

    def __call__(
        self,
        step: Callable,
        state: Any,
        start_ids: Any,
        options: DecodeOptions,
        *,
        num_return: int = 1,
        **controls: Any,
    ) -> Hypotheses:
        """Runs the search; see `Search`. Where all rows share a number that turns a filter off, it costs nothing."""
        values = {name: controls.pop(name, getattr(self, name)) for name in self.controls(LARGEST_SEED)}
        if controls:
            raise TypeError(f"sampling has no {', '.join(controls)}")
        check_count("num_return", num_return, 1)
        check_filters(**{name: values[name] for name in ("temperature", "top_k", "top_p", "min_p")})
        check_repetition_penalty(values["repetition_penalty"])
        seed = values["seed"]
        fits = isinstance(seed, numbers.Integral) and -LARGEST_SEED - 1 <= int(seed) <= LARGEST_SEED
        if isinstance(seed, numbers.Number) and not fits:
            raise UserError(f"seed must be an integer of 32 bits; got {seed!r}.")
        num_rows = ops.shape(start_ids)[0]

        def per_sequence(values, dtype, neutral=None):
            """[N], or None where one Python number turns a control off for all rows."""
            if neutral is not None and isinstance(values, numbers.Number) and values == neutral:
                return None
            return ops.repeat(ops.broadcast_to(ops.cast(values, dtype), (num_rows,)), num_return, axis=0)

        limits, eos_id, loop_length = options.limits(num_rows), options.eos_id, options.loop_length
        limits = RowLimits(*(ops.repeat(each, num_return, axis=0) for each in limits))
        never_too_early = isinstance(options.min_new_tokens, numbers.Number) and options.min_new_tokens == 0
        temperature = per_sequence(values["temperature"], "float32")
        neutral = {"top_k": 0, "top_p": 1.0, "min_p": 0.0}
        dtypes = {"top_k": "int32", "top_p": "float32", "min_p": "float32"}
        filters = {name: per_sequence(values[name], dtype, neutral[name]) for name, dtype in dtypes.items()}
        filters = {name: each for name, each in filters.items() if each is not None}
        repetition_penalty = per_sequence(values["repetition_penalty"], "float32", 1)
        context = make_context(options.context_token_ids, options.context_mask, num_return)
        # All at once: the generator is a hundred operations, which would be too many for one number a step.
        uniforms = uniform(
            per_sequence(seed, "int32")[:, None],
            per_sequence(options.num_before, "int32")[:, None] + ops.arange(loop_length, dtype="int32")[None, :],
            ops.reshape(ops.broadcast_to(ops.arange(num_return, dtype="int32"), (num_rows, num_return)), (-1, 1)),
        )

        def choose(logits, allowed, state):
            if repetition_penalty is not None:
                said = history(context, state.token_ids, state.index)
                allowed = with_repetition_penalty(allowed, said, repetition_penalty)
            if not never_too_early:
                for end_id in end_ids(eos_id):
                    allowed = _without_token(allowed, end_id, state.index < limits.min_new_tokens)
            best_ids = arg_max(allowed)
            is_drawn = ops.logical_and(temperature > 0, ops.logical_not(state.done))

            def drawn():
                # Rows that draw nothing ask for no filters, which others would wait for.
                asked = {name: ops.where(is_drawn, each, neutral[name]) for name, each in filters.items()}
                weights = filtered_weights(allowed, ops.where(is_drawn, temperature, 1.0), **asked)
                shares = ops.take(uniforms, ops.reshape(state.index, (1,)), axis=1)[:, 0]
                return ops.where(is_drawn, draw(weights, shares), best_ids)

            chosen = ops.cond(ops.any(is_drawn), drawn, lambda: best_ids)
            peak_ids = best_ids if allowed is logits else arg_max(logits)
            found = token_log_probs(logits, chosen[:, None], peak_ids[:, None])[:, 0]
            possible = gather_per_row(allowed, chosen[:, None])[:, 0] > -float("inf")
            found = ops.where(possible, found, -float("inf"))
            return continued(state, chosen, found, limits.max_new_tokens, options)

        last = decode_loop(
            step,
            choose,
            state,
            ops.repeat(start_ids, num_return, axis=0),
            empty_record(num_rows * num_return),
            limits.max_new_tokens <= 0,
            options,
            limits.max_new_tokens,
            num_return,
        )
        log_probs = ops.reshape(last.search.log_probs, (num_rows, num_return))
        return blank_impossible(
            Hypotheses(
                token_ids=ops.reshape(last.token_ids, (num_rows, num_return, loop_length)),
                lengths=ops.reshape(last.search.lengths, (num_rows, num_return)),
                log_probs=log_probs,
                scores=log_probs,
            ),
            options.pad_id,
        )

    def num_sequences(self, num_return: int) -> int:
        """One for each sample; see `Search`."""
        return num_return

    def controls(self, vocabulary_size: int) -> dict[str, Any]:
        """All values; see `Search`."""
        described = {
            "temperature": ("float32", 0.0, 100.0, "0 takes the most probable token"),
            "top_k": ("int32", 0, vocabulary_size, "draw from the k most probable; 0 from all"),
            "top_p": ("float32", _SMALLEST_TOP_P, 1.0, "draw from the most probable of this probability"),
            "min_p": ("float32", 0.0, 1.0, "least probability, as a share of the largest"),
            "repetition_penalty": ("float32", 0.1, 10.0, "above 1 against tokens that occurred"),
            "seed": ("int32", -LARGEST_SEED - 1, LARGEST_SEED, "of the random numbers"),
        }
        return {name: Control(dtype, getattr(self, name), *rest) for name, (dtype, *rest) in described.items()}


def _without_token(logits, token_id, rows):
    """The logits [N, V] with -inf for a token in some rows, bool [N]."""

    def without():
        # Copies cost less than comparing every position.
        of_token = ops.where(rows[:, None], -float("inf"), logits[:, token_id : token_id + 1])
        return ops.concatenate([logits[:, :token_id], of_token, logits[:, token_id + 1 :]], axis=1)

    return ops.cond(ops.any(rows), without, lambda: logits)
