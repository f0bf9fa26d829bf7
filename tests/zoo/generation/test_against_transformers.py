"""Beam search against an independent implementation: `generate` of transformers, on a tiny random GPT-2.

How the definitions line up. The same: candidates are the best 2K continuations; a candidate finishes if it ends in the
end token among the best K, or as it is at the token limit; score = log_prob / length ** length_penalty where the length
counts the end token ("average" here); minimum length and repeated n-grams take tokens out after the log-softmax.
`early_stopping="never"` is the setting that ends a row only when nothing can improve. Different: transformers counts
the prompt in n-grams, so start tokens are made impossible here; it has no GNMT penalty; it keeps K finished hypotheses
where this package keeps as many as are returned, which cannot show.
"""

import itertools

import numpy as np
import pytest
from keras import ops
from search_references import beam_search, greedy_search, rows_of

from zoo.generation import TokenRules

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

# Not 0: transformers takes a pad id of 0 for none and pads with the end token.
PAD, EOS, VOCABULARY, LONGEST = 2, 1, 20, 8
START_IDS = [14, 15, 16, 17, 18, 19]


@pytest.fixture(scope="module")
def model():
    """A random GPT-2 with sharp distributions, which never says a start token or the padding."""
    torch.manual_seed(2)
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=16,
        n_embd=16,
        n_layer=1,
        n_head=2,
        initializer_range=0.7,
        bos_token_id=None,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    bias = torch.zeros(VOCABULARY)
    bias[[PAD, *START_IDS]] = -1e4
    model.lm_head.register_forward_hook(lambda module, inputs, output: output * 0.4 + bias)
    return model


def search(model, num_beams, **options):
    """Our search with the model as a step function that rereads the whole history."""

    def step(token_ids, index, history):
        history = ops.where(ops.arange(LONGEST) == index, token_ids[:, None], history)
        prefix = torch.from_numpy(ops.convert_to_numpy(history)[:, : int(index) + 1].astype("int64"))
        with torch.no_grad():
            logits = model(prefix).logits[:, -1]
        return ops.convert_to_tensor(logits.numpy()), history

    options.update(eos_id=EOS, pad_id=PAD, max_new_tokens=LONGEST, loop_length=LONGEST)
    history = ops.zeros((len(START_IDS) * num_beams, LONGEST), dtype="int32")
    start_ids = ops.array(START_IDS, dtype="int32")
    if num_beams == 1:
        return rows_of(greedy_search(step, history, start_ids, **options), EOS)
    options["length_penalty_type"] = "average"
    return rows_of(beam_search(step, history, start_ids, num_beams=num_beams, **options), EOS)


def generate(model, **options):
    """transformers' search; token tuples and scores (None for greedy search), one after another."""
    prompt = torch.tensor(START_IDS)[:, None]
    result = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=LONGEST,
        do_sample=False,
        return_dict_in_generate=True,
        output_scores=True,
        **options,
    )
    sequences = [tuple(token for token in row[1:] if token != PAD) for row in result.sequences.tolist()]
    return sequences, None if options["num_beams"] == 1 else result.sequences_scores.numpy()


BEAMS = [(2, 2), (4, 1), (5, 5)]
"""Numbers of beams and of hypotheses returned."""
PENALTIES = [0.0, 0.7, 2.0]


def combinations(one_in, *choices):
    """All combinations, but a share of them `long`; any two values of different choices come together all the same."""
    for numbers in itertools.product(*map(range, map(len, choices))):
        marks = [pytest.mark.long] if sum(numbers) % one_in else []
        yield pytest.param(*(choice[number] for choice, number in zip(choices, numbers, strict=True)), marks=marks)


@pytest.mark.parametrize(
    ("beams", "length_penalty", "limits"), combinations(3, BEAMS, PENALTIES, [(0, 0), (4, 0), (0, 2), (3, 1)])
)
def test_beam_search_equals_generate(model, beams, length_penalty, limits):
    """Six inputs for each of 12 settings, and of 36 with the `long` ones."""
    (num_beams, num_return), (minimum, ngram_size) = beams, limits
    sequences, scores = generate(
        model,
        num_beams=num_beams,
        num_return_sequences=num_return,
        length_penalty=length_penalty,
        early_stopping="never",
        min_new_tokens=minimum,
        no_repeat_ngram_size=ngram_size,
    )
    rows = search(
        model,
        num_beams,
        num_return=num_return,
        length_penalty=length_penalty,
        min_new_tokens=minimum,
        no_repeat_ngram_size=ngram_size,
    )
    ours = [hypothesis for row in rows for hypothesis in row]
    assert [tokens for _, _, tokens in ours] == sequences
    np.testing.assert_allclose([score for score, _, _ in ours], scores, atol=2e-5)


@pytest.mark.parametrize(
    ("beams", "length_penalty", "ends"), combinations(2, BEAMS, PENALTIES, [("first", True), ("estimate", False)])
)
def test_earlier_ends_equal_generate(model, beams, length_penalty, ends):
    (num_beams, num_return), (stopping, early_stopping) = beams, ends
    options = dict(num_beams=num_beams, length_penalty=length_penalty)
    sequences, scores = generate(
        model, **options, num_return_sequences=num_return, early_stopping=early_stopping, no_repeat_ngram_size=2
    )
    options.update(num_return=num_return, no_repeat_ngram_size=2)
    ours = [hypothesis for row in search(model, **options, stopping=stopping) for hypothesis in row]
    assert [tokens for _, _, tokens in ours] == sequences
    np.testing.assert_allclose([score for score, _, _ in ours], scores, atol=2e-5)


@pytest.mark.parametrize(
    ("stopping", "early_stopping"), [("exact", "never"), ("first", True), ("estimate", False)], ids=str
)
def test_penalties_below_zero_equal_generate(model, stopping, early_stopping):
    """Scores grow with the length: a sum of log-probabilities times length ** 1.5."""
    sequences, scores = generate(
        model, num_beams=4, num_return_sequences=3, length_penalty=-1.5, early_stopping=early_stopping
    )
    rows = search(model, 4, num_return=3, length_penalty=-1.5, stopping=stopping)
    ours = [hypothesis for row in rows for hypothesis in row]
    assert [tokens for _, _, tokens in ours] == sequences
    np.testing.assert_allclose([score for score, _, _ in ours], scores, rtol=2e-6, atol=2e-5)


def test_an_early_end_misses_longer_answers(model):
    exact, first = (
        [row[0][2] for row in search(model, 4, length_penalty=2.0, stopping=stopping)]
        for stopping in ("exact", "first")
    )
    assert exact != first


@pytest.mark.parametrize(("minimum", "ngram_size"), [(0, 0), (4, 0), (3, 1), (0, 2)])
def test_greedy_search_equals_generate(model, minimum, ngram_size):
    sequences, _ = generate(model, num_beams=1, min_new_tokens=minimum, no_repeat_ngram_size=ngram_size)
    rows = search(model, 1, min_new_tokens=minimum, no_repeat_ngram_size=ngram_size)
    assert [row[0][2] for row in rows] == sequences


# (our rules, transformers' names for them). Token 5 is among the model's favourites.
RULES = {
    "Marian": (
        TokenRules(suppressed_token_ids=(PAD,), forced_last_token_id=EOS),
        dict(bad_words_ids=[[PAD]], forced_eos_token_id=EOS),
    ),
    "BART": (
        TokenRules(forced_first_token_id=7, forced_last_token_id=EOS),
        dict(forced_bos_token_id=7, forced_eos_token_id=EOS),
    ),
    "suppressed": (TokenRules(suppressed_token_ids=(5, 9, 11)), dict(bad_words_ids=[[5], [9], [11]])),
    "forced though suppressed": (
        TokenRules(suppressed_token_ids=(5, 9), forced_first_token_id=5),
        dict(bad_words_ids=[[5], [9]], forced_bos_token_id=5),
    ),
}


@pytest.mark.parametrize(("minimum", "ngram_size"), [(0, 0), (LONGEST, 2)])
@pytest.mark.parametrize(
    ("num_beams", "length_penalty"), [(1, None), (4, 1.3), pytest.param(4, 0.0, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("name", RULES)
def test_token_rules_equal_generate(model, name, num_beams, length_penalty, minimum, ngram_size):
    rules, their_rules = RULES[name]
    theirs = dict(num_beams=num_beams, min_new_tokens=minimum, no_repeat_ngram_size=ngram_size, **their_rules)
    ours = dict(token_rules=rules, min_new_tokens=minimum, no_repeat_ngram_size=ngram_size)
    if num_beams == 1:
        sequences, _ = generate(model, **theirs)
        assert [row[0][2] for row in search(model, 1, **ours)] == sequences
        return
    theirs.update(num_return_sequences=3, length_penalty=length_penalty, early_stopping="never")
    sequences, scores = generate(model, **theirs)
    rows = search(model, num_beams, num_return=3, length_penalty=length_penalty, **ours)
    found = [hypothesis for row in rows for hypothesis in row]
    assert [tokens for _, _, tokens in found] == sequences
    np.testing.assert_allclose([score for score, _, _ in found], scores, atol=2e-5)


def test_the_rules_are_worth_comparing(model):
    """Each of them changes what is found without it."""
    free = search(model, 4, num_return=3)
    assert all(search(model, 4, num_return=3, token_rules=rules) != free for rules, _ in RULES.values())


def test_the_model_is_worth_comparing(model):
    """Hypotheses end by themselves and at the limit, and the penalty changes the winner."""
    short = search(model, 4, length_penalty=0.0)
    long = search(model, 4, length_penalty=2.0)
    assert len({len(row[0][2]) for row in short + long}) >= 3
    assert [row[0][2] for row in short] != [row[0][2] for row in long]
