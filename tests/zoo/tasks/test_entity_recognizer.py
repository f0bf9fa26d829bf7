"""Entities from text: against a plain Python pipeline over the `tokenizers` package, in batches, at any length."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
import tokenizers
from tiny_encoder_tasks import OVERLAP, TAGS, TEXTS, WINDOW, make_encoder, make_recognizer, make_tokenizer

import zoo
from zoo.errors import UserError
from zoo.models import TokenClassifier
from zoo.tasks import EntityRecognizer, EntitySettings


@pytest.fixture(scope="module")
def recognizer():
    return make_recognizer()


@pytest.fixture(scope="module")
def by_first_token():
    return make_recognizer("first")


def reference_tokens(text):
    """(id, word, start, end) of each token in characters, as the `tokenizers` package has them."""
    vocabulary = {token: index for index, token in enumerate(make_tokenizer().vocabulary)}
    tokenizer = tokenizers.BertWordPieceTokenizer(vocabulary, lowercase=True)
    encoding = tokenizer.encode(text, add_special_tokens=False)
    columns = zip(encoding.ids, encoding.word_ids, encoding.offsets, strict=True)
    return [(token_id, word, start, end) for token_id, word, (start, end) in columns]


def reference_token_scores(recognizer, ids):
    """Log-probabilities [T, C]: each window through the model by itself, each token from its most central window."""
    size = WINDOW - 2
    starts = [0]
    while starts[-1] + size < len(ids):
        starts.append(min(starts[-1] + size - OVERLAP, len(ids) - size))
    tokenizer, windows = recognizer.tokenizer, []
    for start in starts:
        row = [tokenizer.cls_id, *ids[start : start + size], tokenizer.sep_id]
        logits = recognizer.model({"token_ids": np.array([row]), "padding_mask": np.ones((1, len(row)))})
        windows.append(tf.nn.log_softmax(logits).numpy()[0, 1:-1])
    scores = []
    for position in range(len(ids)):
        inside = [n for n, start in enumerate(starts) if start <= position < start + size]
        best = max(inside, key=lambda n: (min(position - starts[n], starts[n] + size - 1 - position), -n))
        scores.append(windows[best][position - starts[best]])
    return scores


def reference_entities(recognizer, text, how):
    """The entities of the best legal tag sequence, found word by word."""
    tokens = reference_tokens(text)
    token_scores = reference_token_scores(recognizer, [token[0] for token in tokens])
    words = [list(group) for _, group in itertools.groupby(range(len(tokens)), key=lambda index: tokens[index][1])]
    scores = [np.mean([token_scores[i] for i in (word if how == "mean" else word[:1])], axis=0) for word in words]
    legal = {
        (one, other) for one in ("", *TAGS) for other in TAGS if not other.startswith("I-") or one[2:] == other[2:]
    }
    paths = {"": (0.0, ())}
    for word in scores:
        extended = {}
        for tag, score in zip(TAGS, word, strict=True):
            before = [(total, path) for last, (total, path) in paths.items() if (last, tag) in legal]
            if before:
                total, path = max(before)
                extended[tag] = (total + score, (*path, tag))
        paths = extended
    tags = max(paths.values())[1]
    found = []
    for index, tag in enumerate(tags):
        if tag.startswith("B-"):
            found.append([tag[2:], [index]])
        elif tag.startswith("I-"):
            found[-1][1].append(index)
    return [
        {
            "label": label,
            "start": tokens[words[members[0]][0]][2],
            "end": tokens[words[members[-1]][-1]][3],
            "score": float(np.exp(np.mean([tf.nn.log_softmax(scores[m])[TAGS.index(tags[m])] for m in members]))),
        }
        for label, members in found
    ]


@pytest.mark.parametrize("how", ["mean", "first"])
def test_entities_are_those_of_a_plain_pipeline(recognizer, by_first_token, how):
    task = recognizer if how == "mean" else by_first_token
    sizes = []
    for text, found in zip(TEXTS, task(TEXTS), strict=True):
        readable = text if isinstance(text, str) else text.decode("utf-8", "replace")
        expected = reference_entities(task, readable, how)
        sizes.append(len(expected))
        assert [(e["label"], e["start"], e["end"]) for e in found] == [
            (e["label"], e["start"], e["end"]) for e in expected
        ]
        np.testing.assert_allclose([e["score"] for e in found], [e["score"] for e in expected], rtol=1e-4)
        for entity in found:
            assert readable[entity["start"] : entity["end"]] == entity["text"]
            assert readable.encode()[entity["start_byte"] : entity["end_byte"]].decode() == entity["text"]
    # Worth comparing: texts with many entities, some of several words, in emoji, accents and windows.
    assert max(sizes) > 5 and sizes[2] == sizes[4] == 0 and all(sizes[i] for i in (0, 1, 3, 5, 6))


def same(one, other):
    """Entities equal but for rounding in the scores."""
    return [{**e, "score": None} for e in one] == [{**e, "score": None} for e in other] and np.allclose(
        [e["score"] for e in one], [e["score"] for e in other], rtol=1e-4
    )


def test_a_text_alone_and_in_a_batch_has_one_answer(recognizer):
    together = recognizer(TEXTS)
    for text, expected in zip(TEXTS, together, strict=True):
        assert same(recognizer(text), expected)
    for batch_size in (1, 3):
        assert all(map(same, recognizer(TEXTS, batch_size=batch_size), together))
    assert recognizer([]) == []


def test_outputs_are_dense_with_counts(recognizer):
    outputs = {name: value.numpy() for name, value in recognizer.predict_batch(tf.constant(TEXTS[:4])).items()}
    counts = outputs["count"]
    assert outputs["label"].shape == (4, counts.max()) and counts[2] == 0
    for row, count in enumerate(counts):
        for name, fill in recognizer.ragged_outputs.items():
            assert set(outputs[name][row, count:].tolist()) <= {fill}
    for empty in (tf.constant([], tf.string), tf.constant(["", " "])):
        outputs = recognizer.predict_batch(empty)
        assert outputs["label"].shape == (len(empty), 1) and not outputs["count"].numpy().any()


def test_long_texts_are_read_in_parts(recognizer, monkeypatch):
    text = " ".join(TEXTS[i] for i in (0, 1, 3, 5, 7)) * 4
    expected = recognizer(text)
    monkeypatch.setattr("zoo.tasks.encoder_task._POSITIONS_AT_A_TIME", 3 * WINDOW)
    other = EntityRecognizer(recognizer.model, recognizer.tokenizer, TAGS, recognizer.settings)
    assert len(expected) > 20 and same(other(text), expected)
    assert [same(one, two) for one, two in zip(other(TEXTS), recognizer(TEXTS), strict=True)] == [True] * len(TEXTS)


def test_a_million_characters(recognizer):
    """Offsets count on to the end, over characters of one to four bytes and marks that combine with others."""
    text = ("Anna Müller in Ko\u0308ln 😀 " * 50_000)[:1_000_000]
    content, found = text.encode(), recognizer(text)
    assert len(found) > 100_000 and found[0]["start"] < 20 and found[-1]["end"] > 999_980
    for entity in found:
        assert entity["text"] == text[entity["start"] : entity["end"]]
        assert entity["text"].encode() == content[entity["start_byte"] : entity["end_byte"]]
    assert {"Müller", "Ko\u0308ln"} <= {entity["text"] for entity in found}


@pytest.mark.usefixtures("untraced_tasks")
def test_saved_and_loaded(recognizer, tmp_path):
    recognizer.save(tmp_path / "preset")
    loaded = zoo.load(tmp_path / "preset")
    assert isinstance(loaded, zoo.EntityRecognizer) and loaded.settings == recognizer.settings
    assert loaded.rules.tags == TAGS and loaded.labels == ("person", "place") and loaded.examples == ["Marie Curie"]
    assert loaded(TEXTS) == recognizer(TEXTS)


@pytest.mark.usefixtures("untraced_tasks")
def test_other_settings_of_the_same_model(recognizer, by_first_token):
    other = recognizer.with_settings(word_scores="first")
    assert other.settings == by_first_token.settings and other(TEXTS) == by_first_token(TEXTS)


@pytest.mark.usefixtures("untraced_tasks")
def test_windows_fit_the_model(recognizer):
    task = EntityRecognizer(recognizer.model, recognizer.tokenizer, TAGS)
    assert task.max_source_length == task.settings.window == 40 and task.settings.overlap == 9
    assert task("born " * 100)


def test_what_does_not_fit(recognizer):
    model, tokenizer = recognizer.model, recognizer.tokenizer
    with pytest.raises(UserError, match="the model has 5 outputs but there are 4 tags"):
        EntityRecognizer(model, tokenizer, ("O", "B-a", "I-a", "B-b"))
    with pytest.raises(UserError, match="'person' is no tag of BIO"):
        EntityRecognizer(model, tokenizer, ("O", "person", "B-a", "I-a", "B-b"))
    with pytest.raises(UserError, match="the tokenizer has 299 tokens but the model"):
        EntityRecognizer(model, replace_vocabulary(299), TAGS)
    for changes, message in (
        ({"window": 2}, "window must be an integer of at least 3, got 2"),
        ({"overlap": 10}, r"overlap \(10\) must be less than .* \(10\)"),
        ({"word_scores": "last"}, "word_scores must be one of mean, first, token, got 'last'"),
    ):
        with pytest.raises(UserError, match=message):
            replace(EntitySettings(window=12, overlap=4), **changes)
    with pytest.raises(UserError, match=r"texts\[1\] is of type int"):
        recognizer(["a", 1])
    with pytest.raises(UserError, match="unknown option 'threshold'"):
        recognizer("a", threshold=0.5)


def replace_vocabulary(size):
    tokenizer = make_tokenizer()
    extra = [f"extra{index}" for index in range(size - tokenizer.vocabulary_size)]
    return type(tokenizer)([*tokenizer.vocabulary, *extra])


def test_tokenizers_without_offsets_are_refused(tiny_tokenizer):
    encoder = make_encoder(tiny_tokenizer, 1, pooler=False)
    with pytest.raises(UserError, match="places of tokens in a text are not known with the reversible escape"):
        EntityRecognizer(TokenClassifier(encoder, len(TAGS)), tiny_tokenizer, TAGS)
