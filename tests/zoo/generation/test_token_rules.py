"""Suppressed and forced tokens against brute force, in greedy and beam search; what rules are refused."""

import math

import numpy as np
import pytest
from keras import ops
from search_references import (
    PrefixTree,
    all_sequences,
    assert_same_hypotheses,
    beam_search,
    greedy_search,
    penalty,
    plain_beam_search,
    rows_of,
    ruled,
)

from zoo.errors import UserError
from zoo.generation import TokenRules

EOS, VOCABULARY = 2, 5
MAXIMA, MINIMA = [5, 3, 1, 0, 2, 4], [0, 2, 1, 0, 2, 4]
RULES = {
    "suppressed": TokenRules(suppressed_token_ids=(0, 4)),
    "suppressed end": TokenRules(suppressed_token_ids=(EOS,)),
    "first": TokenRules(forced_first_token_id=3),
    "last": TokenRules(forced_last_token_id=EOS),
    "last is no end": TokenRules(forced_last_token_id=1),
    "first is the end": TokenRules(forced_first_token_id=EOS),
    "forced though suppressed": TokenRules((1, 3, EOS), forced_first_token_id=3, forced_last_token_id=EOS),
}


def earliest_end(rules, row):
    """How many tokens must come before the end token, by the rules' word."""
    if rules.forced_first_token_id == EOS:
        return 0
    return min(MINIMA[row], MAXIMA[row] - 1) if rules.forced_last_token_id == EOS else MINIMA[row]


@pytest.mark.parametrize("num_beams", [1, 2, 4, 500])
@pytest.mark.parametrize("name", RULES)
def test_equals_brute_force(name, num_beams):
    """Few beams against the plain algorithm, very many against all sequences there are."""
    rules = RULES[name]
    exhaustive = num_beams == 500
    tree = PrefixTree(np.random.default_rng(len(name)), len(MAXIMA), VOCABULARY, 5)
    step, state = tree.step(num_beams)
    num_return = min(num_beams, 3)
    found = rows_of(
        beam_search(
            step,
            state,
            ops.ones((len(MAXIMA),), dtype="int32"),
            num_beams=num_beams,
            num_return=num_return,
            eos_id=EOS,
            pad_id=0,
            max_new_tokens=MAXIMA,
            min_new_tokens=MINIMA,
            length_penalty=0.8,
            loop_length=6,
            token_rules=rules,
        ),
        EOS,
    )
    for row, maximum in enumerate(MAXIMA):
        log_probs = ruled(lambda prefix, row=row: tree.log_probs(row, prefix), rules, maximum)
        options = dict(eos_id=EOS, maximum=maximum, minimum=earliest_end(rules, row))
        if exhaustive:
            sequences = all_sequences(log_probs, VOCABULARY, **options)
            expected = [
                (total / penalty(len(tokens), 0.8, "gnmt"), total, tokens) for tokens, total in sequences.items()
            ]
        else:
            expected = plain_beam_search(
                log_probs, VOCABULARY, num_beams=num_beams, alpha=0.8, penalty_type="gnmt", **options
            )
        assert_same_hypotheses(found[row], expected, num_return)


@pytest.mark.parametrize("name", RULES)
def test_greedy_search_equals_one_beam(name):
    tree = PrefixTree(np.random.default_rng(len(name)), len(MAXIMA), VOCABULARY, 5)
    step, state = tree.step()
    options = dict(
        eos_id=EOS,
        pad_id=0,
        max_new_tokens=MAXIMA,
        min_new_tokens=MINIMA,
        loop_length=6,
        no_repeat_ngram_size=2,
        token_rules=RULES[name],
    )
    start_ids = ops.ones((len(MAXIMA),), dtype="int32")
    greedy = greedy_search(step, state, start_ids, **options)
    beam = beam_search(step, state, start_ids, num_beams=1, length_penalty_type="none", **options)
    for ours, theirs in zip(greedy, beam, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))


def constant(logits):
    return lambda token_ids, index, state: (ops.tile(ops.array([logits], dtype="float32"), (len(token_ids), 1)), state)


def test_forced_tokens_count_nothing_and_suppressed_ones_are_not_renormalised():
    logits = [math.log(0.4), math.log(0.3), math.log(0.2), math.log(0.1)]
    found = greedy_search(
        constant(logits),
        (),
        ops.array([1, 1]),
        eos_id=2,
        pad_id=0,
        max_new_tokens=[3, 1],
        loop_length=3,
        token_rules=TokenRules((0,), forced_first_token_id=3, forced_last_token_id=2),
    )
    assert ops.convert_to_numpy(found.token_ids).tolist() == [[[3, 1, 2]], [[2, 0, 0]]]
    assert ops.convert_to_numpy(found.log_probs)[:, 0] == pytest.approx([math.log(0.3), 0.0], abs=1e-6)


def test_nothing_is_left():
    found = greedy_search(
        constant([0.0, 1.0, 2.0]),
        (),
        ops.array([1]),
        eos_id=2,
        pad_id=0,
        max_new_tokens=3,
        loop_length=3,
        token_rules=TokenRules((0, 1, 2)),
    )
    assert ops.convert_to_numpy(found.log_probs).tolist() == [[-math.inf]]
    assert ops.convert_to_numpy(found.token_ids).tolist() == [[[0, 0, 0]]]


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (dict(suppressed_token_ids=(1, -1)), "suppressed_token_ids"),
        (dict(suppressed_token_ids=(True,)), "suppressed_token_ids"),
        (dict(suppressed_token_ids=7), "suppressed_token_ids"),
        (dict(forced_first_token_id=1.0), "forced_first_token_id"),
        (dict(forced_last_token_id=-2), "forced_last_token_id"),
    ],
)
def test_bad_rules_are_named(bad, name):
    with pytest.raises(UserError, match=rf"^{name} must"):
        TokenRules(**bad)


def test_tokens_that_the_model_does_not_have():
    with pytest.raises(UserError, match=r"^forced_last_token_id must be less than the vocabulary size 3"):
        greedy_search(
            constant([0.0, 1.0, 2.0]),
            (),
            ops.array([1]),
            eos_id=2,
            pad_id=0,
            max_new_tokens=3,
            loop_length=3,
            token_rules=TokenRules(forced_last_token_id=3),
        )
