"""Samples against exact distributions, greedy search, transformers, and themselves in other batches."""

import itertools
import math

import numpy as np
import pytest
from keras import ops
from search_references import PrefixTree, beam_search, greedy_search, log_softmax, repeats_ngram, sample

from zoo.errors import UserError
from zoo.generation import TokenRules

stats = pytest.importorskip("scipy.stats")

EOS, VOCABULARY, LONGEST = 2, 5, 3
NUM_ROWS, NUM_SAMPLES = 4, 5000
# A fixed outcome of fixed seeds; by chance it would be missed once in a thousand choices of them.
SMALLEST_PVALUE = 1e-3


def filtered_probabilities(log_probs, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    """The definition, token by token, in float64."""
    scaled = log_probs / temperature
    probabilities = np.exp(scaled - scaled.max())
    order = np.argsort(-probabilities)
    if top_k:
        probabilities[order[top_k:]] = 0
    probabilities /= probabilities.sum()
    kept, mass = [], 0.0
    for token in order:
        if mass < top_p:
            kept.append(token)
        mass += probabilities[token]
    probabilities[[token for token in order if token not in kept]] = 0
    probabilities[probabilities < min_p * probabilities.max()] = 0
    return probabilities / probabilities.sum()


def sequence_probabilities(next_probabilities):
    """{tokens: probability} of all sequences that end in EOS or are LONGEST long."""
    found = {}
    for length in range(1, LONGEST + 1):
        for tokens in itertools.product(range(VOCABULARY), repeat=length):
            if EOS in tokens[:-1] or (tokens[-1] != EOS and length < LONGEST):
                continue
            probability = math.prod(next_probabilities(tokens[:i])[token] for i, token in enumerate(tokens))
            if probability > 0:
                found[tokens] = probability
    return found


def run(tree, num_samples, seeds, rows=None, **options):
    step, state = tree.step(num_samples, rows)
    options = {**dict(max_new_tokens=LONGEST, loop_length=LONGEST), **options}
    start_ids = ops.ones((len(state[0]) // num_samples,), dtype="int32")
    return sample(step, state, start_ids, seeds=seeds, num_samples=num_samples, eos_id=EOS, pad_id=0, **options)


def sequences(found):
    """Token tuples with their end tokens, [B][num_samples]."""
    token_ids, lengths = ops.convert_to_numpy(found.token_ids), ops.convert_to_numpy(found.lengths)
    rows = []
    for ids, row_lengths in zip(token_ids.tolist(), lengths.tolist(), strict=True):
        row = []
        for tokens, length in zip(ids, row_lengths, strict=True):
            ended = length < len(tokens) and tokens[length] == EOS
            assert not any(tokens[length + ended :])
            row.append(tuple(tokens[: length + ended]))
        rows.append(row)
    return rows


@pytest.fixture(scope="module")
def tree():
    """EOS is 2 and padding 0; token 0 can also be said, which `sequences` tells apart by the lengths."""
    return PrefixTree(np.random.default_rng(3), NUM_ROWS, VOCABULARY, LONGEST, scale=1.0)


CONTROLS = {
    "plain": {},
    "temperature": {"temperature": 0.5},
    "hot": {"temperature": 1.7},
    "top-k": {"top_k": 2},
    "top-p": {"top_p": 0.7},
    "min-p": {"min_p": 0.3},
    "all": {"temperature": 1.5, "top_k": 4, "top_p": 0.9, "min_p": 0.1},
}


@pytest.mark.parametrize("name", CONTROLS)
def test_follows_the_exact_distribution(tree, name):
    """Chi-square over all sequences there are, 20,000 samples for each setting; log-probabilities are the model's."""
    found = run(tree, NUM_SAMPLES, np.arange(NUM_ROWS) + len(name), **CONTROLS[name])
    log_probs = ops.convert_to_numpy(found.log_probs)
    np.testing.assert_array_equal(ops.convert_to_numpy(found.scores), log_probs)
    for row, samples in enumerate(sequences(found)):
        expected = sequence_probabilities(
            lambda prefix, row=row: filtered_probabilities(tree.log_probs(row, prefix), **CONTROLS[name])
        )
        assert sum(expected.values()) == pytest.approx(1)
        counts = dict.fromkeys(expected, 0)
        for tokens in samples:
            counts[tokens] += 1
        # Sequences that are hardly ever expected are counted together.
        often = [tokens for tokens, probability in expected.items() if probability * NUM_SAMPLES >= 5]
        observed = [counts[tokens] for tokens in often]
        wanted = [expected[tokens] * NUM_SAMPLES for tokens in often]
        if NUM_SAMPLES - sum(wanted) > 1:
            observed.append(NUM_SAMPLES - sum(observed))
            wanted.append(NUM_SAMPLES - sum(wanted))
        if len(often) > 1:
            assert stats.chisquare(observed, np.array(wanted) / sum(wanted) * NUM_SAMPLES).pvalue > SMALLEST_PVALUE
        for number in range(0, NUM_SAMPLES, 250):
            tokens = samples[number]
            total = sum(tree.log_probs(row, tokens[:i])[token] for i, token in enumerate(tokens))
            assert log_probs[row, number] == pytest.approx(total, abs=1e-5)


def test_seeds_are_independent_of_each_other():
    """One sample of each of 20,000 seeds in a row follows the distribution as well."""
    tree = PrefixTree(np.random.default_rng(4), 1, VOCABULARY, 1)
    found = run(tree, 1, np.arange(20000), rows=[0] * 20000, max_new_tokens=1)
    counts = np.bincount(ops.convert_to_numpy(found.token_ids)[:, 0, 0], minlength=VOCABULARY)
    expected = np.exp(tree.log_probs(0, ())) * 20000
    assert stats.chisquare(counts, expected / expected.sum() * 20000).pvalue > SMALLEST_PVALUE


ROW_CONTROLS = dict(
    temperature=[1.0, 0.0, 0.6, 3.0, 1.2, 0.0],
    top_k=[0, 0, 3, 4, 0, 2],
    top_p=[1.0, 1.0, 0.9, 1.0, 0.8, 0.5],
    min_p=[0.0, 0.2, 0.0, 0.05, 0.1, 0.0],
    repetition_penalty=[1.0, 1.5, 1.2, 1.0, 0.8, 1.0],
    max_new_tokens=[6, 6, 2, 5, 0, 4],
    min_new_tokens=[0, 3, 1, 5, 0, 2],
)
SEEDS = [5, 5, 6, -7, 2**31 - 1, 0]


def longer_tree(num_rows=6):
    return PrefixTree(np.random.default_rng(6), num_rows, VOCABULARY, 6)


def test_a_sample_depends_on_its_row_and_number_alone():
    tree = longer_tree()
    context = np.array([[1, 3, 0], [1, 0, 0], [4, 4, 1], [0, 1, 3], [1, 0, 3], [3, 1, 1]], "int32")
    mask = context > 0
    options = dict(no_repeat_ngram_size=3, token_rules=TokenRules(forced_last_token_id=EOS))
    together = run(
        tree, 3, SEEDS, loop_length=9, context_token_ids=context, context_mask=mask, **ROW_CONTROLS, **options
    )
    again = run(tree, 3, SEEDS, loop_length=9, context_token_ids=context, context_mask=mask, **ROW_CONTROLS, **options)
    for one, other in zip(together, again, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))
    for row in range(6):
        controls = {name: values[row] for name, values in ROW_CONTROLS.items()}
        alone = run(
            tree,
            2,
            SEEDS[row],
            rows=[row],
            loop_length=controls["max_new_tokens"],
            context_token_ids=context[row : row + 1][:, mask[row]],
            **controls,
            **options,
        )
        assert sequences(alone)[0] == sequences(together)[row][:2]
        np.testing.assert_allclose(
            ops.convert_to_numpy(alone.log_probs)[0], ops.convert_to_numpy(together.log_probs)[row, :2], atol=3e-6
        )


def test_other_seeds_and_other_samples_differ():
    tree = PrefixTree(np.random.default_rng(6), 1, VOCABULARY, 6, scale=0.1)
    options = dict(max_new_tokens=6, min_new_tokens=6, loop_length=6)
    found = sequences(run(tree, 8, np.arange(40), rows=[0] * 40, **options))
    # Of 4,096 about equally likely sequences; 308 of 320 would be different on average.
    assert len({tokens for row in found for tokens in row}) > 290


@pytest.mark.parametrize("ngram_size", [0, 2])
def test_temperature_0_is_greedy_search(ngram_size):
    """Also beside rows that are random, with filters on that change nothing."""
    tree = longer_tree()
    step, state = tree.step()
    options = dict(
        eos_id=EOS,
        pad_id=0,
        max_new_tokens=[6, 3, 5, 0, 1, 4],
        min_new_tokens=[0, 3, 4, 0, 0, 2],
        loop_length=7,
        no_repeat_ngram_size=ngram_size,
        token_rules=TokenRules((4,)),
    )
    start_ids = ops.ones((6,), dtype="int32")
    greedy = greedy_search(step, state, start_ids, **options)
    zeros = sample(step, state, start_ids, seeds=SEEDS, temperature=0, **options)
    mixed = sample(
        step, state, start_ids, seeds=SEEDS, temperature=[0.0, 1.0, 0.0, 1.0, 0.0, 1.0], top_k=3, top_p=0.9, **options
    )
    for expected, all_zero, some_zero in zip(greedy, zeros, mixed, strict=True):
        expected = ops.convert_to_numpy(expected)
        np.testing.assert_array_equal(ops.convert_to_numpy(all_zero), expected)
        np.testing.assert_array_equal(ops.convert_to_numpy(some_zero)[::2], expected[::2])


def test_limits_rules_and_ngrams_hold():
    tree = PrefixTree(np.random.default_rng(7), 1, VOCABULARY, 6, scale=0.3)
    options = dict(max_new_tokens=6, loop_length=6, temperature=2.0)
    rules = TokenRules((0,), forced_first_token_id=3, forced_last_token_id=EOS)
    for tokens in sequences(run(tree, 300, 1, min_new_tokens=3, token_rules=rules, **options))[0]:
        assert tokens[0] == 3
        assert tokens[-1] == EOS
        assert 0 not in tokens
        assert len(tokens) >= 4
    held = sequences(run(tree, 300, 1, min_new_tokens=6, no_repeat_ngram_size=2, **options))[0]
    assert not any(repeats_ngram(tokens, 2) for tokens in held)
    free = sequences(run(tree, 300, 1, min_new_tokens=6, **options))[0]
    assert any(repeats_ngram(tokens, 2) for tokens in free)


def test_impossible_and_broken_logits_give_empty_rows_and_leave_the_others_alone():
    good = np.log(np.array([0.1, 0.1, 0.5, 0.1, 0.2], "float32"))
    rows = np.stack([good, np.full(5, -np.inf), np.full(5, np.nan), np.where(np.arange(5) == 4, np.nan, good), good])
    logits = ops.convert_to_tensor(rows.astype("float32"))
    for controls in ({}, {"temperature": 0}, {"top_k": 2, "top_p": 0.9, "min_p": 0.1}):
        found = sample(
            lambda token_ids, index, state: (logits, state),
            (),
            ops.ones((5,), dtype="int32"),
            seeds=3,
            eos_id=EOS,
            pad_id=0,
            max_new_tokens=4,
            loop_length=4,
            **controls,
        )
        log_probs = ops.convert_to_numpy(found.log_probs)[:, 0]
        assert np.isneginf(log_probs).tolist() == [False, True, True, True, False]
        assert log_probs[0] == log_probs[4]
        assert (ops.convert_to_numpy(found.token_ids)[1:4] == 0).all()
        assert (ops.convert_to_numpy(found.lengths)[1:4] == 0).all()


def test_blocking_everything_ends_the_row():
    tree = PrefixTree(np.random.default_rng(6), 1, 3, 6)
    step, state = tree.step()
    # Two tokens that are no end token, none of which may come twice, and an end token that may not come yet.
    found = sample(
        step,
        state,
        ops.ones((1,), dtype="int32"),
        seeds=3,
        eos_id=EOS,
        pad_id=0,
        max_new_tokens=5,
        min_new_tokens=5,
        loop_length=5,
        no_repeat_ngram_size=1,
    )
    assert ops.convert_to_numpy(found.log_probs).tolist() == [[-math.inf]]
    assert ops.convert_to_numpy(found.lengths).tolist() == [[0]]


def counting(vocabulary_size=9):
    """Says the number after the last one, nearly always."""
    return lambda token_ids, index, state: (30.0 * ops.one_hot(token_ids + 1, vocabulary_size), state)


def stops_after(last):
    """Ends sequences whose latest token is the given one; notes what it was called with."""
    calls = []

    def stop(token_ids, index):
        calls.append((ops.convert_to_numpy(token_ids).tolist(), int(index)))
        return ops.take(token_ids, index - 1, axis=1) == last

    return stop, calls


def test_stop_ends_sequences():
    options = dict(eos_id=8, pad_id=0, max_new_tokens=5, loop_length=5)
    start_ids = ops.array([1, 3, 6], dtype="int32")
    for search, extra in ((greedy_search, {}), (sample, {"seeds": 1})):
        stop, calls = stops_after(5)
        found = search(counting(), (), start_ids, stop=stop, **options, **extra)
        assert ops.convert_to_numpy(found.token_ids)[:, 0].tolist() == [
            [2, 3, 4, 5, 0],
            [4, 5, 0, 0, 0],
            [7, 8, 0, 0, 0],
        ]
        assert ops.convert_to_numpy(found.lengths)[:, 0].tolist() == [4, 2, 1]
        assert [index for _, index in calls] == [1, 2, 3, 4]
        assert calls[0][0] == [[2, 0, 0, 0, 0], [4, 0, 0, 0, 0], [7, 0, 0, 0, 0]]
    stop, calls = stops_after(5)
    found = sample(counting(), (), start_ids, seeds=1, num_samples=2, stop=stop, **options)
    assert ops.convert_to_numpy(found.lengths).tolist() == [[4, 4], [2, 2], [1, 1]]
    assert np.shape(calls[0][0]) == (6, 5)


@pytest.mark.parametrize("mask", [[[True] * 4], [[True, False, True, True]], [[False] * 4]])
@pytest.mark.parametrize("num_beams", [None, 1, 3])
def test_ngrams_of_the_context_are_not_repeated(mask, num_beams):
    """The context's bigrams are those of its real tokens, wherever the padding is."""
    context = [1, 2, 3, 1]
    real = [token for token, is_real in zip(context, mask[0], strict=True) if is_real]
    options = dict(eos_id=8, pad_id=0, max_new_tokens=4, loop_length=4, no_repeat_ngram_size=2)
    options.update(context_token_ids=np.array([context], "int32"), context_mask=np.array(mask))
    start_ids = ops.array([1], dtype="int32")
    # Everything prefers 2 after 1, 3 after 2, 1 after 3, and 5 otherwise.
    logits = np.zeros((9, 9), "float32")
    logits[[1, 2, 3], [2, 3, 1]] = 30
    logits[:, 5] = 20
    step = lambda token_ids, index, state: (ops.take(ops.convert_to_tensor(logits), token_ids, axis=0), state)  # noqa: E731
    if num_beams is None:
        found = greedy_search(step, (), start_ids, **options)
    else:
        found = beam_search(step, (), start_ids, num_beams=num_beams, length_penalty_type="none", **options)
    tokens = ops.convert_to_numpy(found.token_ids)[0, 0].tolist()
    expected, said = [], list(real)
    last = 1
    for _ in range(4):
        order = np.argsort(-logits[last], kind="stable")
        last = next(int(token) for token in order if not repeats_new_bigram(said, int(token)))
        said.append(last)
        expected.append(last)
    if num_beams in (None, 1):
        assert tokens == expected
    bigrams = list(itertools.pairwise(real))
    spoken = [*real[-1:], *tokens]
    new_bigrams = list(itertools.pairwise(spoken))
    assert not set(bigrams) & set(new_bigrams)
    assert len(set(new_bigrams)) == len(new_bigrams)


def repeats_new_bigram(said, token):
    """Whether the token would complete a bigram that was said before."""
    return bool(said) and (said[-1], token) in set(itertools.pairwise(said))


def test_a_mask_without_a_context():
    with pytest.raises(UserError, match=r"^context_mask must come with context_token_ids"):
        run(longer_tree(1), 1, 0, context_mask=np.ones((1, 2), "bool"))


def test_equals_transformers_at_temperature_0_with_a_penalty():
    """Greedy `generate` of a random GPT-2 with a prompt, repetition penalty and blocked n-grams of the prompt."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    torch.manual_seed(3)
    config = transformers.GPT2Config(
        vocab_size=30, n_positions=32, n_embd=16, n_layer=1, n_head=2, initializer_range=0.6, eos_token_id=29
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    prompts = np.random.default_rng(0).integers(1, 6, size=(12, 5)).astype("int32")
    length = 12

    def step(token_ids, index, history):
        history = ops.where(ops.arange(length) == index, token_ids[:, None], history)
        read = np.concatenate([prompts[:, :-1], ops.convert_to_numpy(history)[:, : int(index) + 1]], axis=1)
        with torch.no_grad():
            logits = model(torch.from_numpy(read.astype("int64"))).logits[:, -1]
        return ops.convert_to_tensor(logits.numpy()), history

    found = {}
    for penalty, ngram_size in ((1.0, 0), (1.4, 0), (1.0, 2), (1.2, 3)):
        ours = sample(
            step,
            ops.zeros((12, length), dtype="int32"),
            ops.convert_to_tensor(prompts[:, -1]),
            seeds=0,
            temperature=0,
            repetition_penalty=penalty,
            no_repeat_ngram_size=ngram_size,
            context_token_ids=prompts,
            eos_id=29,
            pad_id=0,
            max_new_tokens=length,
            loop_length=length,
        )
        inputs = torch.from_numpy(prompts.astype("int64"))
        theirs = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            do_sample=False,
            max_new_tokens=length,
            repetition_penalty=penalty,
            no_repeat_ngram_size=ngram_size,
            pad_token_id=0,
        )[:, 5:].numpy()
        found[penalty, ngram_size] = ops.convert_to_numpy(ours.token_ids)[:, 0]
        np.testing.assert_array_equal(found[penalty, ngram_size][:, : theirs.shape[1]], theirs)
    # The options change what is said.
    assert len({ids.tobytes() for ids in found.values()}) == 4


def test_half_precision_logits():
    logits = ops.cast(ops.array([[1.0, 2.0, 0.5, -1.0]]), "bfloat16")
    found = sample(
        lambda token_ids, index, state: (logits, state),
        (),
        ops.array([1]),
        seeds=11,
        eos_id=2,
        pad_id=0,
        max_new_tokens=1,
        loop_length=1,
    )
    token = ops.convert_to_numpy(found.token_ids)[0, 0, 0]
    expected = log_softmax([1.0, 2.0, 0.5, -1.0])[token]
    assert ops.convert_to_numpy(found.log_probs)[0, 0] == pytest.approx(expected, abs=1e-5)


def test_documented_example():
    def step(token_ids, index, state):
        return ops.tile(ops.array([[-9.0, 1.0, 1.0, 1.0]]), (len(token_ids), 1)), state

    options = dict(seeds=ops.array([5]), num_samples=2, top_k=3, loop_length=4)
    found = sample(step, (), ops.array([1]), eos_id=3, pad_id=0, max_new_tokens=4, **options)
    assert found.token_ids.shape == (1, 2, 4)


def test_zero_tokens_and_zero_rows():
    tree = longer_tree(2)
    assert sequences(run(tree, 2, 1, max_new_tokens=0, loop_length=0)) == [[(), ()]] * 2
    assert sequences(run(tree, 2, 1, max_new_tokens=[-3, 0], loop_length=2)) == [[(), ()]] * 2
    found = run(tree, 2, 1, rows=[], top_k=2, top_p=0.5)
    assert ops.shape(found.token_ids) == (0, 2, LONGEST)


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        (dict(temperature=-1), "temperature"),
        (dict(top_k=-1), "top_k"),
        (dict(top_p=0), "top_p"),
        (dict(min_p=1.0), "min_p"),
        (dict(repetition_penalty=0), "repetition_penalty"),
        (dict(num_samples=0), "num_return"),
        (dict(seeds=2**31), "seed"),
        (dict(seeds=1.5), "seed"),
        (dict(loop_length=-1), "loop_length"),
        (dict(max_new_tokens=-1), "max_new_tokens"),
        (dict(eos_id=-1), "eos_id"),
    ],
)
def test_bad_arguments_are_named(bad, name):
    options = dict(seeds=1, eos_id=EOS, pad_id=0, max_new_tokens=2, loop_length=2)
    with pytest.raises(UserError, match=rf"^{name} must"):
        sample(lambda *_: None, (), ops.array([1]), **{**options, **bad})
