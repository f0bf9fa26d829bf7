"""The decode loop that every search shares: call the model, let the search choose, record, until every row is done."""

import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops, tree

from zoo.errors import UserError
from zoo.generation.context import history, make_context
from zoo.generation.decode_options import DecodeOptions
from zoo.generation.growing_state import while_growing
from zoo.generation.no_repeat_ngram import without_repeated_ngrams
from zoo.generation.row_gather import take_rows
from zoo.generation.token_rules import with_forced_tokens, without_suppressed_tokens


class DecodeState(NamedTuple):
    """What the loop carries from step to step.

    B rows, N sequences (B for greedy search, B * num_beams for beam search, a row's sequences side by side),
    L = loop_length.

    Attributes:
        index: int32 scalar. How many tokens have been chosen; the position of the next one.
        last_token_ids: int32 [N]. What the model reads next: the start token, then the token chosen last.
        token_ids: int32 [N, L]. The sequences so far, without the start token; `pad_id` from `index` on.
        done: bool [B]. Rows whose result is final. The loop ends when all are.
        step_state: nest of tensors [N, ...]. Belongs to the step function (key-value caches, for example).
        search: nest of tensors. Belongs to the search; its shapes are documented there.
    """

    index: Any
    last_token_ids: Any
    token_ids: Any
    done: Any
    step_state: Any
    search: Any


class Choice(NamedTuple):
    """What a search decides in one step.

    Attributes:
        token_ids: int32 [N]. The next token of every sequence.
        parents: int32 [N], which sequence each one continues, or None if each continues itself.
        search: the search's own part of the state, updated; same structure, shapes and dtypes as before.
        done: bool [B].
    """

    token_ids: Any
    parents: Any
    search: Any
    done: Any


def decode_loop(
    step: Callable,
    choose: Callable,
    step_state: Any,
    start_ids: Any,
    search: Any,
    done: Any,
    options: DecodeOptions,
    max_new_tokens: Any,
    num_copies: int = 1,
) -> DecodeState:
    """Runs a model step by step under a search.

    Runs in a TensorFlow graph, under `jax.jit` and eagerly on all backends: every buffer has its final shape from the
    start and is written by comparing positions, which works for shapes that are tensors too. Only the state of the step
    function may grow, see `DecodeOptions.lengthen`.

    Args:
        step: `step(token_ids int32 [N], index int32 scalar, step_state) -> (logits float [N, V], step_state)`. V must
            be known statically. The returned state has the same leaves, shapes and dtypes as the given one.
        choose: `choose(logits float32 [N, V], allowed float32 [N, V], state: DecodeState) -> Choice`. `allowed` holds
            -inf for tokens that must not follow; it is `logits` itself when all may. Where a token is forced, both are
            0 for that token and -inf for the others, so that its log-probability is 0.
        step_state: nest of tensors [N, ...], `()` for a step without state.
        start_ids: int32 [N].
        search: the search's part of the state.
        done: bool [B], rows that are done before the first step.
        options: `DecodeOptions`. Their `stop` is only for searches with N = B.
        max_new_tokens: int32 [N], the limit of every sequence.
        num_copies: N / B.

    Returns:
        The last `DecodeState`.
    """
    num_sequences, loop_length, token_rules = ops.shape(start_ids)[0], options.loop_length, options.token_rules
    context = None
    if options.no_repeat_ngram_size:
        context = make_context(options.context_token_ids, options.context_mask, num_copies)
    state = DecodeState(
        index=ops.convert_to_tensor(0, dtype="int32"),
        last_token_ids=ops.cast(start_ids, "int32"),
        token_ids=ops.full((num_sequences, loop_length), options.pad_id, dtype="int32"),
        done=done,
        step_state=step_state,
        search=search,
    )
    if isinstance(loop_length, numbers.Integral) and loop_length == 0:
        return state

    def proceed(*parts):
        state = DecodeState(*parts)
        return ops.logical_and(state.index < loop_length, ops.logical_not(ops.all(state.done)))

    def advance(*parts):
        state = DecodeState(*parts)
        logits, new_step_state = step(state.last_token_ids, state.index, state.step_state)
        if logits.shape[-1] is None:
            raise UserError("step must return logits whose last dimension, the vocabulary size, is known statically.")
        token_rules.check_vocabulary_size(logits.shape[-1])
        logits = allowed = ops.cast(logits, "float32")
        if options.no_repeat_ngram_size:
            said = history(context, state.token_ids, state.index)
            allowed = without_repeated_ngrams(
                logits, said.token_ids, said.end, options.no_repeat_ngram_size, said.starts
            )
        allowed = without_suppressed_tokens(allowed, token_rules)
        logits, allowed = with_forced_tokens(logits, allowed, token_rules, state.index, max_new_tokens)
        choice = choose(logits, allowed, state)
        token_ids = state.token_ids
        if choice.parents is not None:
            token_ids = take_rows(token_ids, choice.parents)
            new_step_state = tree.map_structure(lambda leaf: take_rows(leaf, choice.parents), new_step_state)
        token_ids = write_at(token_ids, state.index, choice.token_ids)
        done = choice.done
        if options.stop is not None:
            done = ops.logical_or(done, options.stop(token_ids, state.index + 1))
        return DecodeState(
            index=state.index + 1,
            last_token_ids=choice.token_ids,
            token_ids=token_ids,
            done=done,
            # Compiled loops insist on the container types they started with; a step may return a list for a tuple.
            step_state=tree.pack_sequence_as(state.step_state, tree.flatten(new_step_state)),
            search=choice.search,
        )

    if options.lengthen is None:
        return DecodeState(*ops.while_loop(proceed, advance, state))
    return while_growing(proceed, advance, state, options.lengthen, loop_length)


def write_at(buffer, index, values):
    """Writes `values [...]` at position `index` (int32 scalar) of the last axis of `buffer [..., L]`."""
    here = ops.arange(ops.shape(buffer)[-1], dtype="int32") == index
    return ops.where(here, ops.expand_dims(values, -1), buffer)
