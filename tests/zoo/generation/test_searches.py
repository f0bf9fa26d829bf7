"""Searches as objects: what they run, and the values by name that were written before there were objects."""

import numpy as np
import pytest
from keras import ops
from search_references import PrefixTree, beam_search, greedy_search, sample

from zoo.errors import UserError
from zoo.generation import BeamSearch, DecodeOptions, Greedy, Sampling, Search
from zoo.generation.search import search_of

OPTIONS = dict(eos_id=2, pad_id=0, max_new_tokens=[5, 3, 5, 0, 1, 4], min_new_tokens=[0, 3, 4, 0, 0, 2], loop_length=6)
BEAMS = dict(length_penalty_type="average", stopping="estimate")


def run(search, sequences=1, **options):
    step, state = PrefixTree(np.random.default_rng(3), 6, 4, 5).step(sequences)
    start_ids = ops.ones((6,), dtype="int32")
    if isinstance(search, Search):
        found = search(step, state, start_ids, DecodeOptions(**OPTIONS), **options)
    else:
        found = search(step, state, start_ids, **OPTIONS, **options)
    return [ops.convert_to_numpy(part).tolist() for part in found]


def test_objects_run_their_search():
    assert run(Greedy()) == run(greedy_search)
    beams = BeamSearch(3, 0.5, stopping="estimate")
    expected = run(beam_search, 3, num_beams=3, num_return=2, length_penalty=0.5, **BEAMS)
    assert run(beams, 3, num_return=2) == expected != run(beams, 3, num_return=2, length_penalty=3.0)
    sampling = Sampling(temperature=0.7, top_k=3, seed=5)
    expected = run(sample, 3, seeds=5, num_samples=3, temperature=0.7, top_k=3)
    assert run(sampling, 3, num_return=3) == expected != run(sampling, 3, num_return=3, seed=6)
    assert [search.num_sequences(2) for search in (Greedy(), beams, sampling)] == [1, 3, 2]
    assert [search.draws for search in (Greedy(), beams, sampling, Sampling(temperature=0.0))] == [
        False,
        False,
        True,
        False,
    ]
    with pytest.raises(UserError, match="greedy search finds one sequence for each row, not 2"):
        run(Greedy(), num_return=2)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, [1.0, 2.0, 0.5, 1.0, -1.0, 0.0]])
def test_one_beam_has_the_scores_of_beam_search(length_penalty):
    """Of rows that have a result: greedy search says of others that they have none by their score, too."""
    token_ids, lengths, log_probs, scores = run(BeamSearch(1), length_penalty=length_penalty)
    expected = run(beam_search, num_beams=1, length_penalty=length_penalty, **BEAMS)
    assert [token_ids, lengths, log_probs] == expected[:3]
    np.testing.assert_allclose(scores, expected[3], rtol=1e-6)


def test_values_by_name_make_and_change_searches():
    both = (BeamSearch, Greedy)
    assert search_of(BeamSearch(8, stopping="first"), {"num_beams": 2}, both) == BeamSearch(2, stopping="first")
    assert search_of(Greedy(), {}, both) == search_of("Greedy", {}, both) == Greedy()
    assert search_of(Greedy(), {"num_beams": 1}, both) == BeamSearch(1)
    assert search_of({"num_beams": 3, "length_penalty": 2.0}, {}, both) == BeamSearch(3, 2.0)
    assert search_of("Sampling", {"top_p": 0.5}, (Sampling,)) == Sampling(top_p=0.5)


@pytest.mark.parametrize(
    ("search", "values", "message"),
    [
        (Sampling(), {}, r"search must be BeamSearch or Greedy, got Sampling\("),
        ("Beams", {}, "search must be BeamSearch or Greedy, got 'Beams'"),
        (4, {}, "search must be BeamSearch or Greedy, got 4"),
        (BeamSearch(), {"num_beams": True}, "num_beams must be an integer of at least 1, got True"),
        (BeamSearch(), {"temperature": 1.0}, "no search has all of temperature"),
    ],
)
def test_what_is_no_search_is_refused(search, values, message):
    with pytest.raises(UserError, match=message):
        search_of(search, values, (BeamSearch, Greedy))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": -1}, "temperature must be between 0 and 100, got -1"),
        ({"top_k": 1.5}, "top_k must be an integer, got 1.5"),
        ({"seed": 2**31}, "seed must be between -2.14748e\\+09 and 2.14748e\\+09, got 2147483648"),
        ({"min_p": "1"}, "min_p must be a number, got '1'"),
    ],
)
def test_impossible_values_of_sampling_are_refused(values, message):
    with pytest.raises(UserError, match=message):
        Sampling(**values)
