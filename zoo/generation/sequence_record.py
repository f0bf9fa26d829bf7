"""What greedy search and sampling keep of sequences of which each goes on by itself."""

from typing import Any, NamedTuple

from keras import ops

from zoo.generation.decode_loop import Choice
from zoo.generation.end_tokens import is_end


class SequenceRecord(NamedTuple):
    """What is kept beside the sequences.

    Attributes:
        log_probs: float32 [N]. -inf once every next token was blocked or impossible.
        lengths: int32 [N]. Tokens before the end token.
    """

    log_probs: Any
    lengths: Any


def empty_record(num_sequences: Any) -> SequenceRecord:
    """The `SequenceRecord` of N sequences before their first token."""
    return SequenceRecord(ops.zeros((num_sequences,), dtype="float32"), ops.zeros((num_sequences,), dtype="int32"))


def continued(state: Any, token_ids: Any, log_probs: Any, max_new_tokens: Any, options: Any) -> Choice:
    """The `Choice` of a step in which each sequence gets a token; those that are done get padding.

    Args:
        state: `DecodeState`, whose `search` is a `SequenceRecord`.
        token_ids: int32 [N], the tokens.
        log_probs: float32 [N] of them; -inf ends a sequence.
        max_new_tokens: int32 [N].
        options: `DecodeOptions`.
    """
    ends = is_end(token_ids, options.eos_id)
    length = state.index + 1
    record = SequenceRecord(
        log_probs=ops.where(state.done, state.search.log_probs, state.search.log_probs + log_probs),
        lengths=ops.where(state.done, state.search.lengths, length - ops.cast(ends, "int32")),
    )
    final = ops.logical_or(ends, ops.logical_or(length >= max_new_tokens, log_probs == -float("inf")))
    return Choice(
        token_ids=ops.where(state.done, options.pad_id, token_ids),
        parents=None,
        search=record,
        done=ops.logical_or(state.done, final),
    )
