"""Beam search against exhaustive enumeration, a plain reference, scripted logits and itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from search_references import (
    PrefixTree,
    all_sequences,
    assert_same_hypotheses,
    beam_search,
    penalty,
    plain_beam_search,
    repeats_ngram,
    rows_of,
)

from zoo.errors import UserError
from zoo.generation import LENGTH_PENALTY_TYPES

EOS = 2


def search(tree, num_beams, rows=None, **options):
    """rows_of(beam_search(...)) on a prefix tree."""
    step, state = tree.step(num_beams, rows)
    num_rows = len(state[0]) // num_beams
    start_ids = ops.ones((num_rows,), dtype="int32")
    return rows_of(
        beam_search(step, state, start_ids, num_beams=num_beams, eos_id=EOS, pad_id=0, **options), eos_id=EOS
    )


@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(3, 5), (4, 4), (4, 5), (5, 3), (6, 3), (6, 4)]),
    minimum=st.integers(0, 5),
    alpha=st.sampled_from([0.0, 0.6, 1.0, 2.0, -0.7]),
    penalty_type=st.sampled_from(LENGTH_PENALTY_TYPES),
    scale=st.sampled_from([0.3, 1.0, 4.0]),
    num_return=st.sampled_from([1, 3, 20]),
    ngram_size=st.sampled_from([0, 0, 1, 2, 3]),
)
@settings(max_examples=60, deadline=None)
def test_equals_exhaustive_search_with_enough_beams(
    seed, shape, minimum, alpha, penalty_type, scale, num_return, ngram_size
):
    vocabulary_size, maximum = shape
    tree = PrefixTree(np.random.default_rng(seed), 2, vocabulary_size, maximum, scale)
    found = search(
        tree,
        num_beams=vocabulary_size * (vocabulary_size - 1) ** (maximum - 1),
        max_new_tokens=[maximum, maximum - 1],
        min_new_tokens=[0, minimum],
        length_penalty=[alpha, alpha / 2],
        length_penalty_type=penalty_type,
        num_return=num_return,
        loop_length=maximum + 1,
        no_repeat_ngram_size=ngram_size,
    )
    for row, (longest, shortest, exponent) in enumerate([(maximum, 0, alpha), (maximum - 1, minimum, alpha / 2)]):
        sequences = all_sequences(
            lambda prefix, row=row: tree.log_probs(row, prefix),
            vocabulary_size,
            eos_id=EOS,
            maximum=longest,
            minimum=shortest,
            ngram_size=ngram_size,
        )
        expected = [
            (total / penalty(len(tokens), exponent, penalty_type), total, tokens) for tokens, total in sequences.items()
        ]
        assert_same_hypotheses(found[row], expected, num_return)


@given(
    seed=st.integers(0, 10**6),
    num_beams=st.integers(1, 7),
    alpha=st.sampled_from([0.0, 0.6, 1.0, 3.0, -0.7]),
    penalty_type=st.sampled_from(LENGTH_PENALTY_TYPES),
    scale=st.sampled_from([0.3, 1.0, 4.0]),
    ngram_size=st.sampled_from([0, 2]),
    all_returned=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_few_beams_equal_the_documented_algorithm_without_early_end(
    seed, num_beams, alpha, penalty_type, scale, ngram_size, all_returned
):
    tree = PrefixTree(np.random.default_rng(seed), 3, 4, 6, scale)
    num_return = num_beams if all_returned else 1
    maxima, minima = [6, 4, 1], [0, 3, 1]
    found = search(
        tree,
        num_beams,
        max_new_tokens=maxima,
        min_new_tokens=minima,
        length_penalty=alpha,
        length_penalty_type=penalty_type,
        num_return=num_return,
        loop_length=6,
        no_repeat_ngram_size=ngram_size,
    )
    for row in range(3):
        expected = plain_beam_search(
            lambda prefix, row=row: tree.log_probs(row, prefix),
            4,
            num_beams=num_beams,
            eos_id=EOS,
            maximum=maxima[row],
            minimum=minima[row],
            alpha=alpha,
            penalty_type=penalty_type,
            ngram_size=ngram_size,
        )
        assert_same_hypotheses(found[row], expected, num_return)


A, B, C = 3, 4, 5


def scripted(probabilities):
    """Step function with next-token probabilities {last token: {token: probability}}; the rest is impossible."""
    table = np.zeros((6, 6), "float32")
    for last, following in probabilities.items():
        for token, probability in following.items():
            table[last, token] = probability
    with np.errstate(divide="ignore"):
        logits = ops.convert_to_tensor(np.log(table))
    return lambda token_ids, index, state: (ops.take(logits, token_ids, axis=0), state)


# "A eos" has probability 0.54, more than anything that starts with B; what the model says after eos must not matter.
FINISHED_EARLY = {
    1: {A: 0.6, B: 0.4},
    A: {EOS: 0.9, C: 0.1},
    B: {B: 0.95, EOS: 0.05},
    C: {C: 0.5, EOS: 0.5},
    EOS: {A: 0.5, B: 0.5},
}


def test_finished_hypotheses_do_not_decay():
    found = beam_search(
        scripted(FINISHED_EARLY),
        (),
        ops.array([1]),
        num_beams=2,
        num_return=2,
        eos_id=EOS,
        pad_id=0,
        max_new_tokens=8,
        length_penalty_type="none",
        loop_length=8,
    )
    rows = rows_of(found, EOS)
    assert rows[0][0][2] == (A, EOS)
    assert rows[0][0][1] == pytest.approx(math.log(0.54), abs=1e-6)
    assert rows[0][1][2] == (B,) * 8
    assert ops.convert_to_numpy(found.token_ids)[0, 0].tolist() == [A, EOS, 0, 0, 0, 0, 0, 0]
    assert ops.convert_to_numpy(found.lengths).tolist() == [[1, 8]]

    # The case tells right from wrong: extending finished hypotheses as if they were live loses the answer.
    live = [(0.0, (1,))]
    for _ in range(8):
        grown = [
            (total + math.log(p), (*tokens, token))
            for total, tokens in live
            for token, p in FINISHED_EARLY[tokens[-1]].items()
        ]
        live = sorted(grown, reverse=True)[:2]
    assert live[0][1][1] == B


def test_finished_hypothesis_survives_while_live_ones_crowd_every_beam():
    # Half ends at once; the other half goes on for ever with two branches that fill both beams.
    step = scripted({1: {EOS: 0.5, A: 0.3, B: 0.2}, A: {A: 1.0}, B: {B: 1.0}})
    rows = rows_of(
        beam_search(
            step,
            (),
            ops.array([1]),
            num_beams=2,
            num_return=2,
            eos_id=EOS,
            pad_id=0,
            max_new_tokens=6,
            length_penalty=1.0,
            length_penalty_type="average",
            loop_length=6,
        ),
        EOS,
    )
    # log 0.3 / 6 > log 0.2 / 6 > log 0.5 / 1
    assert [tokens for _, _, tokens in rows[0]] == [(A,) * 6, (B,) * 6]
    rows = rows_of(
        beam_search(
            step,
            (),
            ops.array([1]),
            num_beams=2,
            num_return=2,
            eos_id=EOS,
            pad_id=0,
            max_new_tokens=6,
            length_penalty_type="none",
            loop_length=6,
        ),
        EOS,
    )
    assert [tokens for _, _, tokens in rows[0]] == [(EOS,), (A,) * 6]


def test_end_token_outside_the_best_num_beams_does_not_finish():
    # The documented rule: with one beam, "eos" at rank 2 is not kept, though 0.4 beats everything that follows.
    step = scripted({1: {A: 0.6, EOS: 0.4}, A: {A: 0.5, B: 0.3, EOS: 0.2}, B: {B: 1.0}})
    options = dict(eos_id=EOS, pad_id=0, max_new_tokens=4, length_penalty_type="none", loop_length=4)
    one = rows_of(beam_search(step, (), ops.array([1]), num_beams=1, **options), EOS)
    two = rows_of(beam_search(step, (), ops.array([1]), num_beams=2, **options), EOS)
    assert one[0][0][2] == (A,) * 4
    assert two[0][0][2] == (EOS,)


def test_ties_go_to_the_lowest_index():
    step = scripted({token: {EOS: 0.25, A: 0.25, B: 0.25, C: 0.25} for token in (1, A, B, C)})
    rows = rows_of(
        beam_search(
            step,
            (),
            ops.array([1]),
            num_beams=3,
            num_return=3,
            eos_id=EOS,
            pad_id=0,
            max_new_tokens=2,
            length_penalty_type="none",
            loop_length=2,
        ),
        EOS,
    )
    # Candidates after one token: eos, A, B, C; after two: A eos, A A, A B, A C, B eos ...
    assert [tokens for _, _, tokens in rows[0]] == [(EOS,), (A, EOS), (A, A)]


@pytest.mark.parametrize("num_beams", [1, 3, 9])
def test_a_row_does_not_depend_on_its_neighbours(num_beams):
    tree = PrefixTree(np.random.default_rng(5), 6, 5, 5, scale=1.5)
    maxima, minima = [5, 1, 4, 0, 5, 2], [0, 0, 2, 0, 4, 1]
    alphas = [0.0, 1.0, 2.0, 0.6, -0.5, 0.6]
    options = dict(num_return=num_beams, no_repeat_ngram_size=2)
    together = search(
        tree,
        num_beams,
        max_new_tokens=maxima,
        min_new_tokens=minima,
        length_penalty=alphas,
        loop_length=9,
        **options,
    )
    for row in range(6):
        alone = search(
            tree,
            num_beams,
            rows=[row],
            max_new_tokens=maxima[row],
            min_new_tokens=minima[row],
            length_penalty=alphas[row],
            loop_length=maxima[row],
            **options,
        )
        # Kernels may round differently for another number of rows; the search adds nothing to that.
        assert [tokens for _, _, tokens in alone[0]] == [tokens for _, _, tokens in together[row]]
        np.testing.assert_allclose([h[:2] for h in alone[0]], [h[:2] for h in together[row]], atol=3e-6)


def test_state_follows_the_beams():
    """A step that writes down what it was fed must find, for the survivors, what the search returns."""
    rng = np.random.default_rng(8)
    table = ops.convert_to_tensor(rng.normal(size=(7, 7)).astype("float32") * [1, 1, 0, 1, 1, 1, 1])
    length, num_beams = 6, 3

    def step(token_ids, index, state):
        history = ops.where(ops.arange(length) == index, token_ids[:, None], state["history"])
        # The logits depend on the whole history, so a wrong reorder changes what is found.
        mixed = ops.sum(ops.where(history < 0, 0, history) * (ops.arange(length) + 1), axis=1) % 7
        return ops.take(table, mixed, axis=0), {"history": history}

    seen = {"history": ops.full((2 * num_beams, length), -1, dtype="int32")}
    found = beam_search(
        step,
        seen,
        ops.array([1, 3]),
        num_beams=num_beams,
        num_return=num_beams,
        eos_id=2,
        pad_id=0,
        max_new_tokens=length,
        min_new_tokens=length,
        length_penalty_type="none",
        loop_length=length,
    )
    token_ids, log_probs = ops.convert_to_numpy(found.token_ids), ops.convert_to_numpy(found.log_probs)
    table = ops.convert_to_numpy(table).astype("float64")
    for b, start in enumerate([1, 3]):
        for k in range(num_beams):
            history, total = [start], 0.0
            for token in token_ids[b, k]:
                logits = table[sum(t * (i + 1) for i, t in enumerate(history)) % 7]
                total += (logits - np.log(np.exp(logits).sum()))[token]
                history.append(int(token))
            assert total == pytest.approx(log_probs[b, k], abs=1e-5)


def test_more_beams_than_sequences_leaves_empty_places():
    tree = PrefixTree(np.random.default_rng(0), 1, 3, 2)
    step, state = tree.step(20)
    found = beam_search(
        step,
        state,
        ops.array([1]),
        num_beams=20,
        num_return=20,
        eos_id=EOS,
        pad_id=0,
        max_new_tokens=2,
        loop_length=2,
    )
    # eos; 2 first tokens x 3 second tokens
    assert len(rows_of(found, EOS)[0]) == 7
    assert np.isneginf(ops.convert_to_numpy(found.log_probs)[0, 7:]).all()
    assert (ops.convert_to_numpy(found.token_ids)[0, 7:] == 0).all()


def test_impossible_and_broken_logits_give_empty_rows_and_leave_the_others_alone():
    good = np.log(np.array([0.1, 0.1, 0.5, 0.1, 0.1, 0.1], "float32"))
    rows = np.stack([good, np.full(6, -np.inf), np.full(6, np.nan), good, np.where(np.arange(6) == 4, np.nan, good)])
    logits = ops.convert_to_tensor(np.repeat(rows.astype("float32"), 2, axis=0))
    found = beam_search(
        lambda token_ids, index, state: (logits, state),
        (),
        ops.ones((5,), dtype="int32"),
        num_beams=2,
        eos_id=EOS,
        pad_id=0,
        max_new_tokens=4,
        loop_length=4,
        length_penalty_type="none",
    )
    log_probs = ops.convert_to_numpy(found.log_probs)[:, 0]
    assert log_probs[[0, 3]] == pytest.approx(math.log(0.5), abs=1e-6)
    assert np.isneginf(log_probs[[1, 2, 4]]).all()
    assert not np.isnan(ops.convert_to_numpy(found.scores)).any()
    assert (ops.convert_to_numpy(found.token_ids)[[1, 2, 4]] == 0).all()


def test_certain_tokens_do_not_become_nan():
    step = scripted({1: {A: 1.0}, A: {B: 1.0}, B: {EOS: 1.0}})
    rows = rows_of(
        beam_search(
            step,
            (),
            ops.array([1]),
            num_beams=4,
            num_return=4,
            eos_id=EOS,
            pad_id=0,
            max_new_tokens=5,
            loop_length=5,
        ),
        EOS,
    )
    assert rows == [[(0.0, 0.0, (A, B, EOS))]]


def test_ends_when_nothing_can_improve():
    calls = []

    def counted(token_ids, index, state):
        calls.append(int(index))
        return scripted(FINISHED_EARLY)(token_ids, index, state)

    options = dict(num_beams=2, eos_id=EOS, pad_id=0, max_new_tokens=50, loop_length=50)
    beam_search(counted, (), ops.array([1]), length_penalty_type="none", **options)
    assert calls == [0, 1]
    # A strong reward for length: the live branch B B B ... could still win, so the search must go on.
    calls.clear()
    rows = rows_of(
        beam_search(counted, (), ops.array([1]), length_penalty=3.0, length_penalty_type="average", **options), EOS
    )
    assert len(calls) == 50
    assert rows[0][0][2] == (B,) * 50


def test_no_repeated_ngrams_in_long_output():
    rng = np.random.default_rng(3)
    table = ops.convert_to_tensor(rng.normal(size=(8, 8)).astype("float32") * 3)
    step = lambda token_ids, index, state: (ops.take(table, token_ids, axis=0), state)  # noqa: E731
    options = dict(num_beams=3, num_return=3, eos_id=EOS, pad_id=0, max_new_tokens=24, min_new_tokens=24)
    free = beam_search(step, (), ops.array([1, 5]), loop_length=24, **options)
    assert all(repeats_ngram(tokens, 2) for row in rows_of(free, EOS) for _, _, tokens in row)
    for size in (2, 3):
        held = beam_search(step, (), ops.array([1, 5]), loop_length=24, no_repeat_ngram_size=size, **options)
        rows = rows_of(held, EOS)
        assert [len(row) for row in rows] == [3, 3]
        assert not any(repeats_ngram(tokens, size) for row in rows for _, _, tokens in row)


def test_zero_tokens_and_zero_rows():
    tree = PrefixTree(np.random.default_rng(0), 2, 4, 2)
    assert search(tree, 3, max_new_tokens=0, loop_length=0) == [[(0.0, 0.0, ())]] * 2
    assert search(tree, 3, max_new_tokens=[-4, 0], loop_length=2) == [[(0.0, 0.0, ())]] * 2
    step, state = tree.step(3, rows=[])
    found = beam_search(
        step, state, ops.zeros((0,), dtype="int32"), num_beams=3, eos_id=2, pad_id=0, max_new_tokens=2, loop_length=2
    )
    assert ops.shape(found.token_ids) == (0, 1, 2)


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (dict(num_beams=0), "num_beams"),
        (dict(num_beams=2.0), "num_beams"),
        (dict(num_beams=2, num_return=3), "num_return"),
        (dict(num_return=0), "num_return"),
        (dict(loop_length=-1), "loop_length"),
        (dict(max_new_tokens=-1), "max_new_tokens"),
        (dict(min_new_tokens=-1), "min_new_tokens"),
        (dict(no_repeat_ngram_size=-1), "no_repeat_ngram_size"),
        (dict(length_penalty_type="google"), "length_penalty_type"),
        (dict(eos_id=-1), "eos_id"),
    ],
)
def test_bad_arguments_are_named(bad, name):
    options = dict(num_beams=2, eos_id=EOS, pad_id=0, max_new_tokens=2, loop_length=2)
    with pytest.raises(UserError, match=rf"^{name} must"):
        beam_search(lambda *_: None, (), ops.array([1]), **{**options, **bad})
