"""Greedy search against a plain loop and against beam search with one beam."""

import numpy as np
import pytest
from keras import ops
from search_references import PrefixTree, beam_search, greedy_search, repeats_ngram, rows_of, sample

from zoo.errors import UserError

EOS = 2
MAXIMA, MINIMA = [5, 3, 5, 0, 1, 4], [0, 3, 4, 0, 0, 2]


def plain_greedy(log_probs, vocabulary_size, maximum, minimum, ngram_size):
    """(log_prob, tokens), or None if the search gets stuck."""
    tokens, total = [], 0.0
    while len(tokens) < maximum and EOS not in tokens:
        allowed = [
            token
            for token in range(vocabulary_size)
            if not (token == EOS and len(tokens) < minimum)
            and not (ngram_size and repeats_ngram([*tokens, token], ngram_size))
        ]
        if not allowed:
            return None
        values = log_probs(tuple(tokens))
        tokens.append(max(allowed, key=lambda token: values[token]))
        total += values[tokens[-1]]
    return total, tuple(tokens)


@pytest.mark.parametrize("ngram_size", [0, 1, 2])
@pytest.mark.parametrize("seed", range(8))
def test_equals_a_plain_loop_and_one_beam(seed, ngram_size):
    tree = PrefixTree(np.random.default_rng(seed), 6, 4, 5)
    step, state = tree.step()
    options = dict(
        eos_id=EOS,
        pad_id=0,
        max_new_tokens=MAXIMA,
        min_new_tokens=MINIMA,
        loop_length=6,
        no_repeat_ngram_size=ngram_size,
    )
    start_ids = ops.ones((6,), dtype="int32")
    greedy = greedy_search(step, state, start_ids, **options)
    beam = beam_search(step, state, start_ids, num_beams=1, length_penalty_type="none", **options)
    for ours, theirs in zip(greedy, beam, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))
    for row, found in enumerate(rows_of(greedy, EOS)):
        expected = plain_greedy(
            lambda prefix, row=row: tree.log_probs(row, prefix), 4, MAXIMA[row], MINIMA[row], ngram_size
        )
        if expected is None:
            assert found == []
            continue
        ((score, log_prob, tokens),) = found
        assert tokens == expected[1]
        assert score == log_prob == pytest.approx(expected[0], abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_several_end_tokens(seed):
    ends, maximum, minima = (2, 0, 4), 5, [0, 2, 4]
    tree = PrefixTree(np.random.default_rng(seed), 3, 6, 5)
    step, state = tree.step()
    options = dict(eos_id=ends, pad_id=5, max_new_tokens=maximum, min_new_tokens=minima, loop_length=maximum)
    start_ids = ops.ones((3,), dtype="int32")
    found = [greedy_search(step, state, start_ids, **options)]
    # Rows of temperature 0 take the most probable token, too.
    found.append(sample(step, state, start_ids, seeds=1, temperature=ops.zeros((3,)), **options))
    for row, minimum in enumerate(minima):
        tokens = []
        while len(tokens) < maximum and not (tokens and tokens[-1] in ends):
            values = tree.log_probs(row, tuple(tokens))
            allowed = [token for token in range(6) if len(tokens) >= minimum or token not in ends]
            tokens.append(max(allowed, key=lambda token: values[token]))
        length = len(tokens) - (tokens[-1] in ends)
        for each in found:
            assert ops.convert_to_numpy(each.lengths)[row].tolist() == [length]
            assert ops.convert_to_numpy(each.token_ids)[row, 0].tolist() == tokens + [5] * (maximum - len(tokens))


def test_documented_example():
    def step(token_ids, index, state):
        return 9.0 * ops.one_hot(token_ids + 1, 5), state

    found = greedy_search(step, (), ops.array([1, 2]), eos_id=4, pad_id=0, max_new_tokens=3, loop_length=3)
    assert ops.convert_to_numpy(found.token_ids).tolist() == [[[2, 3, 4]], [[3, 4, 0]]]
    assert ops.convert_to_numpy(found.lengths).tolist() == [[2], [1]]


def test_ends_with_the_last_row():
    calls = []

    def step(token_ids, index, state):
        calls.append(int(index))
        return 9.0 * ops.one_hot(token_ids + 1, 5), state

    greedy_search(step, (), ops.array([1, 3]), eos_id=4, pad_id=0, max_new_tokens=30, loop_length=30)
    assert calls == [0, 1, 2]


def test_ties_go_to_the_lowest_id():
    found = greedy_search(
        lambda token_ids, index, state: (ops.zeros((1, 5)), state),
        (),
        ops.array([1]),
        eos_id=0,
        pad_id=4,
        max_new_tokens=3,
        min_new_tokens=2,
        loop_length=4,
    )
    assert ops.convert_to_numpy(found.token_ids).tolist() == [[[1, 1, 0, 4]]]


def test_half_precision_logits_are_scored_in_float32():
    rng = np.random.default_rng(1)
    logits = ops.cast(ops.convert_to_tensor(rng.normal(size=(1, 3000)).astype("float32")), "bfloat16")
    found = greedy_search(
        lambda token_ids, index, state: (logits, state),
        (),
        ops.array([1]),
        eos_id=2,
        pad_id=0,
        max_new_tokens=1,
        loop_length=1,
    )
    exact = ops.convert_to_numpy(ops.cast(logits, "float32"))[0].astype("float64")
    expected = exact.max() - np.log(np.exp(exact).sum())
    assert ops.convert_to_numpy(found.log_probs)[0, 0] == pytest.approx(expected, abs=1e-5)


def test_bad_arguments_are_named():
    with pytest.raises(UserError, match=r"^loop_length must"):
        greedy_search(lambda *_: None, (), ops.array([1]), eos_id=2, pad_id=0, max_new_tokens=3, loop_length=-3)
    with pytest.raises(UserError, match="vocabulary size"):
        greedy_search(
            lambda *_: (_Unknown(), ()), (), ops.array([1]), eos_id=2, pad_id=0, max_new_tokens=3, loop_length=3
        )


class _Unknown:
    shape = (1, None)
