import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_generator import NEW, POSITIONS, PROMPTS, drawn_with_wide_character, make_generator

import zoo
from zoo.errors import UserError
from zoo.models import decoder
from zoo.tasks import GenerationSettings, PromptTemplate, TextGenerator
from zoo.tasks.stop_strings import StopStrings, StopStringsOnHost, joined_stop_strings
from zoo.tasks.text_control import SEPARATOR


@pytest.fixture(scope="module")
def generator():
    return make_generator()


def tokens_of(generator, prompt, begin=False):
    """Tokens that the model reads of a prompt, by definition."""
    tokens = generator.tokenizer.encode([prompt]).to_list()[0]
    if not tokens or begin:
        tokens = [generator.tokenizer.eos_id, *tokens]
    return tokens[-generator.max_source_length :]


def log_probs(generator, tokens):
    """float32 [T, V], of what follows each token, by one pass without a cache."""
    return np.asarray(keras.ops.log_softmax(generator.model({"token_ids": np.array([tokens])})))[0]


def greedy(generator, tokens, steps):
    """Continuation by the best token of the vocabulary, one whole pass a step, and its log-probability."""
    said, total = [], 0.0
    for _ in range(steps):
        found = log_probs(generator, tokens + said)[-1]
        best = int(found[: generator.tokenizer.vocabulary_size].argmax())
        total += found[best]
        if best == generator.tokenizer.eos_id:
            break
        said.append(best)
    return said, total


def test_temperature_zero_takes_the_best_token_of_every_step(generator):
    together = generator.samples(PROMPTS, 1, temperature=0.0)
    for prompt, (found,) in zip(PROMPTS, together, strict=True):
        said, score = greedy(generator, tokens_of(generator, prompt), NEW)
        assert found.text == generator.tokenizer.decode([said]).numpy()[0].decode()
        assert found.num_tokens == len(said)
        assert found.score == pytest.approx(score, abs=1e-4)
        assert found.truncated == (prompt == "low " * 30)
    assert len({found.text for (found,) in together}) > 4


def test_a_row_alone_and_in_a_batch_have_one_answer(generator):
    together = generator(PROMPTS, seed=5)
    assert together == [generator(prompt, seed=5) for prompt in PROMPTS]
    assert together == generator(PROMPTS, seed=5, batch_size=3)
    assert together != generator(PROMPTS, seed=6)
    assert generator([]) == [] and generator.samples([], 2) == []


def test_samples_begin_with_the_answer_and_differ(generator):
    for answer, samples in zip(generator(PROMPTS), generator.samples(PROMPTS, 4), strict=True):
        assert len(samples) == 4 and samples[0].text == answer
        assert len({sample.text for sample in samples}) > 1
    assert [each.text for each in generator.samples(PROMPTS[0], 2)] == [
        each.text for each in generator.samples(PROMPTS[0], 4)[:2]
    ]


def test_token_numbers_beyond_the_tokenizer_never_come(generator):
    vocabulary = generator.tokenizer.vocabulary_size
    assert generator.model.vocabulary_size == vocabulary + 1
    weights = generator.model.get_weights()
    table = weights[0].copy()
    table[vocabulary] *= -50
    generator.model.set_weights([table, *weights[1:]])
    try:
        assert max(log_probs(generator, tokens_of(generator, "x"))[:, vocabulary]) > -1e-3
        generator(PROMPTS, temperature=0.0)
        generator(PROMPTS, top_p=1.0)
    finally:
        generator.model.set_weights(weights)


def test_long_prompts_lose_their_beginning(generator):
    tokens = generator.tokenizer.encode([PROMPTS[5]]).to_list()[0]
    assert len(tokens) > generator.max_source_length == POSITIONS - NEW
    kept = generator.tokenizer.decode([tokens[-generator.max_source_length :]]).numpy()[0].decode()
    assert generator(PROMPTS[5], temperature=0.0) == generator(kept, temperature=0.0)
    assert generator.samples(PROMPTS[5], 1)[0].truncated and not generator.samples(kept, 1)[0].truncated


def test_the_begin_token_before_every_prompt():
    generator = make_generator(begin_token=True)
    for prompt in (PROMPTS[0], ""):
        said, _ = greedy(generator, tokens_of(generator, prompt, begin=True), NEW)
        assert generator(prompt, temperature=0.0) == generator.tokenizer.decode([said]).numpy()[0].decode()


def test_stop_strings_end_texts_without_them(generator):
    free = generator.samples(PROMPTS, 1, temperature=0.0, max_new_tokens=NEW)
    characters = [each for (found,) in free for each in found.text[1:-1] if each not in ("\ufffd", SEPARATOR)]
    stop = sorted(set(characters[:: max(1, len(characters) // 3)]))
    stopped = generator.samples(PROMPTS, 1, temperature=0.0, stop=stop)
    cut = 0
    for (one,), (other,) in zip(free, stopped, strict=True):
        places = [one.text.find(string) for string in stop if string in one.text]
        assert other.text == (one.text[: min(places)] if places else one.text)
        cut += bool(places)
        assert other.num_tokens <= one.num_tokens
    assert cut >= 1 and sum(other.num_tokens for (other,) in stopped) < sum(one.num_tokens for (one,) in free)
    fixed = generator.with_settings(stop=stop)
    assert fixed(PROMPTS, temperature=0.0) == [other.text for (other,) in stopped]


def test_stop_strings_are_found_by_their_bytes():
    """Tokens cut characters and stop strings anywhere; what is found is what Python finds in the bytes of each row."""
    several = [
        ("b",),
        ("ab", "\n"),
        ("é", ".*b"),
        ("\\", "😀x"),
        ("c\nd",),
        (),
        ("never",),
        ("\0", "]["),
        ("_1^-", "$|"),
    ]
    rng = np.random.default_rng(3)
    pieces = [b"", b"a", b"b", b"ab", b"\n", b"c\n", b"d", b"\xc3", b"\xa9", b".*", b"\\", "😀".encode(), b"x", b"\xf0"]
    pieces += [b"\0", b"][", b"_1", b"^-", b"$|("]
    stops = [several[row % len(several)] for row in range(900)]
    strings = StopStrings(tf.constant([joined_stop_strings(stop) for stop in stops]), pieces)
    on_host = StopStringsOnHost(tuple(tuple(s.encode() for s in stop) for stop in stops), tuple(pieces))
    token_ids = rng.integers(0, len(pieces), (900, 9)).astype(np.int32)
    hook = tf.function(strings.hook(), autograph=False)
    found = np.zeros(900, bool)
    for index in range(1, 10):
        now = hook(tf.constant(token_ids), tf.constant(index)).numpy()
        found |= now
        assert (on_host.found(token_ids, index) == now).all()
    whole = [b"".join(pieces[t] for t in row) for row in token_ids]
    expected = [any(s.encode() in text for s in stop) for stop, text in zip(stops, whole, strict=True)]
    assert found.tolist() == expected
    # Each of them comes, but for the two that cannot, and not always.
    counts = np.array(expected).reshape(100, len(several)).sum(0)
    assert (counts[[5, 6]] == 0).all() and (np.delete(counts, [5, 6]) > 0).all() and (counts < 100).all()
    texts = [text.decode("utf-8", "ignore") for text in whole]
    ends = [
        min([text.find(s) for s in stop if s in text], default=len(text))
        for stop, text in zip(stops, texts, strict=True)
    ]
    assert [text.decode() for text in strings.cut(tf.constant(texts)).numpy()] == [
        text[:end] for text, end in zip(texts, ends, strict=True)
    ]


def test_every_row_has_stop_strings_of_its_own():
    generator = make_generator(stop=["o", "w"])
    prompt, seed, wide = drawn_with_wide_character(generator)
    prompts = [prompt, *PROMPTS[:6]]
    free = generator(prompts, stop=(), seed=seed)
    assert wide in free[0]
    # Those of the settings, none, the last character of each text, two that never come; separators count for nothing.
    last = [next((each for each in reversed(text) if each not in ("\ufffd", SEPARATOR)), "never") for text in free[3:6]]
    stops = [wide, "", SEPARATOR, *last, f"Zürich{SEPARATOR}{SEPARATOR}北京"]
    own = [(wide,), ("o", "w"), (), *((string,) for string in last), ("Zürich", "北京")]
    found = generator.predict_batch(tf.constant(prompts), stop=tf.constant(stops), seed=tf.fill([7], seed))
    texts = [text.decode() for text in found["text"].numpy()]
    assert texts == [generator(each, seed=seed, stop=stop) for each, stop in zip(prompts, own, strict=True)]
    for text, stop, whole in zip(texts, own, free, strict=True):
        assert text == whole[: min((whole.find(each) for each in stop if each in whole), default=len(whole))]
    assert sum(text != whole for text, whole in zip(texts, free, strict=True)) > 1
    samples = generator.samples(PROMPTS[:2], 3, temperature=1.0, stop=["l", "s"])
    assert not any(set("ls") & set(each.text) for row in samples for each in row)
    with pytest.raises(tf.errors.InvalidArgumentError, match="stop must have at most 1024 bytes"):
        generator.predict_batch(tf.constant(["x"]), stop=tf.constant(["é" * 513]))


def test_scores_are_sums_over_the_continuation(generator):
    texts = ["the slow", "", "low", "é", "the quick brown"]
    continuations = [" fox", "slow", "", " 😀 x", " jumps, the slower fox"]
    for text, continuation, found in zip(texts, continuations, generator.score(texts, continuations), strict=True):
        before = tokens_of(generator, text)
        after = generator.tokenizer.encode([continuation]).to_list()[0]
        table = log_probs(generator, before + after)
        expected = sum(table[len(before) + i - 1, token] for i, token in enumerate(after))
        assert found.log_prob == pytest.approx(expected, abs=1e-4)
        assert (found.num_tokens, found.truncated) == (len(after), False)
    assert generator.score("the slow", " fox") == generator.score(["the slow"], [" fox"])[0]


def test_scores_of_texts_beyond_the_context(generator):
    """Only the last tokens are read, and only those of the continuation count."""
    text, continuation = "low " * 25, " slow" * 5
    after = generator.tokenizer.encode([continuation]).to_list()[0]
    tokens = [*generator.tokenizer.encode([text]).to_list()[0], *after][-POSITIONS - 1 :]
    table = log_probs(generator, tokens[:-1])
    expected = sum(table[i, tokens[i + 1]] for i in range(POSITIONS - len(after), POSITIONS))
    found = generator.score(text, continuation)
    assert found.truncated and found.num_tokens == len(after) and found.log_prob == pytest.approx(expected, abs=1e-4)
    long = generator.score("x", " slow" * 60)
    assert long.truncated and long.num_tokens == POSITIONS
    with pytest.raises(UserError, match="2 texts and 1 continuations"):
        generator.score(["a", "b"], ["c"])


def test_scores_with_few_logits_at_a_time(generator, monkeypatch):
    """As long texts of large vocabularies have them: three positions at a time, of rows of any length."""
    texts, continuations = ["the slow", "", "low"], [" fox", "slow", " jumps, the slower fox"]
    expected = generator.score(texts, continuations)
    monkeypatch.setattr(decoder, "MOST_LOGITS", 3 * generator.model.vocabulary_size)
    for found, whole in zip(generator.with_settings().score(texts, continuations), expected, strict=True):
        assert found.log_prob == pytest.approx(whole.log_prob, abs=1e-5)
        assert found[1:] == whole[1:]


def test_choices_share_a_probability_of_one(generator):
    choices = [" fox", " slow", " jumps"]
    found = generator.choose("the", choices)
    values = [np.exp(generator.score("the", choice).log_prob) for choice in choices]
    assert found == pytest.approx(dict(zip(choices, values / np.sum(values), strict=True)), abs=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    with pytest.raises(UserError, match="at least two different texts"):
        generator.choose("the", ["a", "a"])


def test_predict_batch_with_controls_for_each_row(generator):
    controls = {
        "temperature": [0.0, 1.0, 1.0],
        "seed": [0, 4, 4],
        "max_new_tokens": [NEW, 3, NEW],
        "top_k": [0, 0, 1],
        "repetition_penalty": [1.0, 1.0, 1.0],
    }
    dtypes = {name: generator.controls[name].dtype for name in controls}
    found = generator.predict_batch(
        tf.constant(PROMPTS[:3]), **{name: tf.constant(value, dtypes[name]) for name, value in controls.items()}
    )
    expected = [
        generator(PROMPTS[0], temperature=0.0),
        generator(PROMPTS[1], seed=4, max_new_tokens=3),
        generator(PROMPTS[2], temperature=0.0),
    ]
    assert [text.decode() for text in found["text"].numpy()] == expected
    assert {name: (value.dtype.name, value.shape[0]) for name, value in found.items()} == {
        "text": ("string", 3),
        "score": ("float32", 3),
        "num_tokens": ("int32", 3),
        "truncated": ("bool", 3),
    }
    empty = generator.predict_batch(tf.constant([], tf.string))
    assert all(value.shape[0] == 0 for value in empty.values())


def in_parts(generator, prompts, at_a_time, most, **controls):
    """Answers of one prompt each, in calls of a few tokens; the texts that were settled between them are checked."""
    rows = len(prompts)
    so_far, settled = tf.fill([rows], ""), [b""] * rows
    for end in range(at_a_time, most + at_a_time, at_a_time):
        limit = tf.fill([rows], min(end, most))
        found = generator.resumable_batch(tf.constant(prompts), so_far=so_far, max_new_tokens=limit, **controls)
        so_far = found["token_ids"]
        texts, lengths = found["text"].numpy().tolist(), found["settled_bytes"].numpy().tolist()
        for row, (text, length) in enumerate(zip(texts, lengths, strict=True)):
            assert text.startswith(settled[row]) and length >= len(settled[row])
            settled[row] = text[:length]
            settled[row].decode("utf-8")
        if found["finished"].numpy().all():
            break
    # Rows that had ended would have gone on with others; these are left to end alone.
    return found


@pytest.mark.parametrize("changes", [{"stop": ["\n\n", "w r"]}, {"repetition_penalty": 1.4, "no_repeat_ngram_size": 2}])
def test_parts_together_are_one_call(generator, changes):
    generator = generator.with_settings(**changes)
    wide = 0
    for seed, prompt in itertools.product(range(3), PROMPTS):
        whole = generator.resumable_batch(tf.constant([prompt]), seed=tf.constant([seed]))
        wide += any(ord(character) > 127 for character in whole["text"].numpy()[0].decode())
        for at_a_time in (1, 5):
            found = in_parts(generator, [prompt], at_a_time, NEW, seed=tf.constant([seed]))
            for name in ("text", "num_tokens", "truncated", "token_ids", "finished", "prompt_tokens"):
                assert found[name].numpy().tolist() == whole[name].numpy().tolist(), (name, prompt, seed)
    assert wide > 3
    (found,) = whole["token_ids"].numpy().tolist()
    assert len(found.split()) == whole["num_tokens"].numpy()[0]


def test_a_stop_string_across_two_calls(generator):
    text = generator("low", seed=1, stop=())
    middle = len(text) // 2
    stop = text[middle - 2 : middle + 2]
    expected = text[: text.index(stop)]
    found = in_parts(generator, ["low"], 1, NEW, seed=tf.constant([1]), stop=tf.constant([stop]))
    assert [found["text"].numpy()[0].decode(), found["finished"].numpy()[0]] == [expected, True]


@pytest.mark.parametrize(
    ("controls", "message"),
    [
        ({"top_p": 0.0}, "top_p must be between 1e-06 and 1.0, got 0"),
        ({"temperature": -1.0}, "temperature must be between 0.0 and 100.0, got -1"),
        ({"min_p": 1.5}, "min_p must be between"),
        ({"top_k": 1.5}, "top_k must be an integer"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be between 0.1"),
        ({"seed": 2**31}, "seed must be between"),
        ({"num_beams": 3}, "unknown option 'num_beams'"),
        ({"stop": [""]}, "stop: '' is not a text"),
        ({"stop": ["x" * 65]}, "more than 64 bytes"),
        ({"stop": ["x" * 60] * 20}, "more than 1024 bytes together"),
        ({"stop": "abc"}, "stop must be a list of strings"),
        ({"stop": ["a\x1eb"]}, "which separates stop strings"),
        ({"so_far": "1 x"}, "so_far must have at most 120 bytes and be at most 12 token ids below 285"),
        ({"so_far": "285"}, "at most 12 token ids below 285"),
        ({"so_far": "1" + " 1" * NEW}, "at most 12 token ids below 285"),
    ],
)
def test_bad_options_are_named(generator, controls, message):
    with pytest.raises(UserError, match=message):
        generator("x", **controls)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_new_tokens": 0},
        {"min_new_tokens": 200},
        {"temperature": float("nan")},
        {"top_p": 0},
        {"seed": 2**31},
        {"stop": "abc"},
        {"max_source_length": 0},
    ],
)
def test_impossible_settings_are_named(settings):
    with pytest.raises(UserError, match=next(iter(settings))):
        GenerationSettings(**settings)


def test_tokenizer_and_model_must_belong_together(generator):
    small = zoo.models.GPT2(10, hidden_dim=8, intermediate_dim=8, num_heads=1, num_layers=1, max_sequence_length=8)
    with pytest.raises(UserError, match=r"285 tokens but the model 10"):
        TextGenerator(small, generator.tokenizer)


def test_presets_come_back(generator, tmp_path):
    changed = generator.with_settings(stop=["\n\n", "é"], temperature=0.3, max_new_tokens=7)
    changed.save(tmp_path)
    again = zoo.load(tmp_path)
    assert isinstance(again, zoo.TextGenerator) and again.settings == changed.settings
    assert again.settings.max_source_length == POSITIONS - NEW
    assert again(PROMPTS) == changed(PROMPTS) and again.examples == ["the quick", "low"]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same_texts_and_scores(on_backend, backend):
    expected, found = on_backend("tensorflow")["generations"], on_backend(backend)["generations"]
    assert sum(row[2] < NEW for row in expected["stopped by row"]) > 2
    for kind, numbers in (("greedy", 1), ("drawn", 1), ("stopped by row", 1), ("scores", 0)):
        for mine, theirs in zip(found[kind], expected[kind], strict=True):
            assert mine[numbers] == pytest.approx(theirs[numbers], abs=1e-3)
            assert [*mine[:numbers], *mine[numbers + 1 :]] == [*theirs[:numbers], *theirs[numbers + 1 :]]


def test_prompts_with_examples():
    template = PromptTemplate("Q: {input}\nA: {output}.", "Answer.")
    assert template("2?", [("1?", "one"), ("{output}", "{input}")]) == (
        "Answer.\n\nQ: 1?\nA: one.\n\nQ: {output}\nA: {input}.\n\nQ: 2?\nA:"
    )
    assert PromptTemplate()("x") == "Input: x\nOutput:"
    for example, message in (
        ("{input}", "must hold {output} once"),
        ("{output} {input}", "must come before"),
        ("{input}{input}{output}", "must hold {input} once"),
    ):
        with pytest.raises(UserError, match=message.replace("{", r"\{")):
            PromptTemplate(example)
    with pytest.raises(UserError, match="separator of a prompt is empty"):
        PromptTemplate(separator="")
