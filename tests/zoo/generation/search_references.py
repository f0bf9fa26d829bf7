"""Toy models and plain Python searches that the tests compare with; float64, loops, no cleverness."""

import itertools
import math
from dataclasses import fields

import numpy as np
from keras import ops

from zoo.generation import BeamSearch, DecodeOptions, Greedy, Sampling

NAMES_OF_OPTIONS = [field.name for field in fields(DecodeOptions)]


def greedy_search(step, state, start_ids, **options):
    """`Greedy` with its options by name."""
    return Greedy()(step, state, start_ids, DecodeOptions(**options))


def beam_search(step, state, start_ids, *, num_return=1, length_penalty=1.0, length_penalty_type="gnmt", **given):
    """`BeamSearch` with its values and options by name; of one beam too, which is not greedy search here."""
    options = DecodeOptions(**{name: given.pop(name) for name in NAMES_OF_OPTIONS if name in given})
    search = BeamSearch(length_penalty_type=length_penalty_type, **given)
    if search.num_beams > 1 or num_return > 1:
        return search(step, state, start_ids, options, num_return=num_return, length_penalty=length_penalty)
    alpha = ops.broadcast_to(ops.cast(length_penalty, "float32"), ops.shape(start_ids)[:1])
    return search._with_beams(step, state, start_ids, options, alpha, num_return)


def sample(step, state, start_ids, *, seeds, num_samples=1, **given):
    """`Sampling` with its values, which rows may have of their own, and options by name."""
    options = DecodeOptions(**{name: given.pop(name) for name in NAMES_OF_OPTIONS if name in given})
    return Sampling()(step, state, start_ids, options, num_return=num_samples, seed=seeds, **given)


class PrefixTree:
    """A model whose next-token logits are random for every prefix separately, so that nothing can be right by luck.

    Prefixes are numbered like a heap: the empty one is 0, and token t after prefix p gives p * V + t + 1. The number
    of its own prefix is the step's state, so a search that reorders state wrongly reads the wrong logits.
    """

    def __init__(self, rng, num_rows, vocabulary_size, depth, scale=2.0):
        self.vocabulary_size = vocabulary_size
        self.num_prefixes = sum(vocabulary_size**level for level in range(depth))
        self.logits = (rng.normal(size=(num_rows, self.num_prefixes, vocabulary_size)) * scale).astype("float32")

    def step(self, num_beams=1, rows=None):
        """(step function, initial state) for the given rows, all by default."""
        rows = list(range(len(self.logits))) if rows is None else rows
        table = ops.convert_to_tensor(self.logits.reshape(-1, self.vocabulary_size))

        def step(token_ids, index, state):
            row, prefix = state
            child = prefix * self.vocabulary_size + token_ids + 1
            prefix = ops.where(index > 0, child, prefix)
            # Rows that are done are still stepped; where they stand is nobody's business.
            prefix = ops.minimum(prefix, self.num_prefixes - 1)
            return ops.take(table, row * self.num_prefixes + prefix, axis=0), (row, prefix)

        rows = np.repeat(np.array(rows, "int32"), num_beams)
        return step, (ops.convert_to_tensor(rows), ops.zeros(rows.shape, dtype="int32"))

    def log_probs(self, row, prefix):
        """float64 [V]."""
        number = 0
        for token in prefix:
            number = number * self.vocabulary_size + token + 1
        return log_softmax(self.logits[row, number])


def log_softmax(logits):
    """float64 log-softmax of a vector."""
    logits = np.asarray(logits, "float64")
    return logits - (logits.max() + np.log(np.exp(logits - logits.max()).sum()))


def penalty(length, alpha, penalty_type):
    """The divisor, as its formula is written in the papers."""
    return {"gnmt": ((5 + length) / 6) ** alpha, "average": length**alpha, "none": 1.0}[penalty_type]


def ruled(log_probs, rules, maximum):
    """The log-probabilities of a row under `TokenRules`, written position by position."""

    def ruled_log_probs(prefix):
        values = np.array(log_probs(prefix))
        for token in rules.suppressed_token_ids:
            values[token] = -math.inf
        forced = None
        if len(prefix) == 0 and rules.forced_first_token_id is not None:
            forced = rules.forced_first_token_id
        if len(prefix) == maximum - 1 and rules.forced_last_token_id is not None:
            forced = rules.forced_last_token_id
        if forced is not None:
            values[:] = -math.inf
            values[forced] = 0.0
        return values

    return ruled_log_probs


def repeats_ngram(tokens, size):
    """Whether an n-gram of this size occurs twice."""
    ngrams = [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]
    return len(ngrams) != len(set(ngrams))


def all_sequences(log_probs, vocabulary_size, *, eos_id, maximum, minimum=0, ngram_size=0):
    """{token tuple: log-probability} of every sequence that ends in eos_id or is `maximum` tokens long."""
    if maximum == 0:
        return {(): 0.0}
    found = {}
    others = [token for token in range(vocabulary_size) if token != eos_id]
    for length in range(1, maximum + 1):
        last = [*others, eos_id] if length == maximum else [eos_id]
        for tokens in itertools.product(*[others] * (length - 1), last):
            if tokens[-1] == eos_id and length - 1 < minimum:
                continue
            body = tokens[:-1] if tokens[-1] == eos_id else tokens
            if ngram_size and (repeats_ngram(body, ngram_size) or repeats_ngram(tokens, ngram_size)):
                continue
            total = sum(log_probs(tokens[:i])[token] for i, token in enumerate(tokens))
            if total > -math.inf:
                found[tokens] = total
    return found


def plain_beam_search(
    log_probs, vocabulary_size, *, num_beams, eos_id, maximum, minimum=0, alpha=0.0, penalty_type="none", ngram_size=0
):
    """Beam search as documented, for one row, without any early end: [(score, log_prob, tokens)] best first."""
    if maximum == 0:
        return [(0.0, 0.0, ())]
    live, finished = [(0.0, ())], []
    for index in range(maximum):
        candidates = []
        for total, tokens in live:
            next_log_probs = log_probs(tokens)
            for token in range(vocabulary_size):
                if token == eos_id and index < minimum:
                    continue
                if ngram_size and repeats_ngram([*tokens, token], ngram_size):
                    continue
                if next_log_probs[token] == -math.inf:
                    continue
                candidates.append((total + next_log_probs[token], (*tokens, token)))
        candidates = sorted(candidates, key=lambda item: -item[0])[: 2 * num_beams]
        for total, tokens in candidates[:num_beams]:
            if tokens[-1] == eos_id or index + 1 == maximum:
                finished.append((total / penalty(index + 1, alpha, penalty_type), total, tokens))
        live = [item for item in candidates if item[1][-1] != eos_id][:num_beams]
    return sorted(finished, key=lambda item: -item[0])


def rows_of(hypotheses, eos_id):
    """Hypotheses as nested lists of (score, log_prob, tokens); checks on the way that the four outputs agree."""
    token_ids, lengths, log_probs, scores = (ops.convert_to_numpy(part) for part in hypotheses)
    rows = []
    for b in range(token_ids.shape[0]):
        assert list(scores[b]) == sorted(scores[b], reverse=True)
        row = []
        for k in range(token_ids.shape[1]):
            if math.isinf(scores[b, k]):
                assert log_probs[b, k] == scores[b, k] == -math.inf
                assert lengths[b, k] == 0
                continue
            length = int(lengths[b, k])
            ended = length < token_ids.shape[2] and token_ids[b, k, length] == eos_id
            tokens = tuple(int(token) for token in token_ids[b, k, : length + ended])
            assert eos_id not in tokens[:length]
            row.append((float(scores[b, k]), float(log_probs[b, k]), tokens))
        rows.append(row)
    return rows


def assert_same_hypotheses(found, expected, num_return):
    """The found (score, log_prob, tokens) are the best of the expected ones, up to the order of near-ties."""
    expected = sorted(expected, key=lambda item: -item[0])
    assert len(found) == min(num_return, len(expected))
    by_tokens = {tokens: (score, total) for score, total, tokens in expected}
    assert len({tokens for _, _, tokens in found}) == len(found)
    np.testing.assert_allclose([item[0] for item in found], [item[0] for item in expected[: len(found)]], atol=2e-5)
    for score, total, tokens in found:
        np.testing.assert_allclose((score, total), by_tokens[tokens], atol=2e-5)
