"""Labels of texts: probabilities against the model's own logits, single and multi-label, cut-off, presets."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from tiny_encoder_tasks import LABELS, TEXTS, make_classifier

import zoo
from zoo.errors import UserError
from zoo.tasks import ClassificationSettings, TextClassifier


@pytest.fixture(scope="module")
def classifier():
    return make_classifier()


@pytest.fixture(scope="module")
def tagger():
    return make_classifier(multi_label=True)


def reference_logits(task, text, longest=40):
    """One text through the model by itself."""
    tokenizer = task.tokenizer
    ids = tokenizer.encode([text]).to_list()[0][: longest - 2]
    ids = np.array([[tokenizer.cls_id, *ids, tokenizer.sep_id]])
    return np.asarray(task.model({"token_ids": ids, "padding_mask": np.ones_like(ids)}))[0]


def test_probabilities_of_one_label(classifier):
    best = set()
    for text, found in zip(TEXTS, classifier(TEXTS), strict=True):
        logits = reference_logits(classifier, text)
        expected = np.exp(logits) / np.exp(logits).sum()
        order = np.argsort(-expected)
        assert found["labels"] == [LABELS[i] for i in order]
        np.testing.assert_allclose(found["scores"], expected[order], atol=1e-5)
        assert (found["label"], found["score"]) == (found["labels"][0], found["scores"][0])
        best.add(found["label"])
    assert len(best) > 1


def test_probabilities_of_many_labels(tagger):
    counts = set()
    references = [1 / (1 + np.exp(-reference_logits(tagger, text))) for text in TEXTS]
    # Between two probabilities, so that some are above it and some below.
    threshold = float(np.mean(np.sort(np.concatenate(references))[[11, 12]]))
    for expected, found in zip(references, tagger(TEXTS, threshold=threshold), strict=True):
        assert set(found["labels"]) == {label for label, p in zip(LABELS, expected, strict=True) if p >= threshold}
        assert dict(zip(found["all_labels"], found["all_scores"], strict=True)) == pytest.approx(
            dict(zip(LABELS, expected, strict=True)), abs=1e-5
        )
        assert found["all_scores"] == sorted(found["all_scores"], reverse=True)
        assert found["scores"] == found["all_scores"][: len(found["labels"])]
        counts.add(len(found["labels"]))
    assert len(counts) > 1


def test_threshold_by_row(tagger):
    outputs = tagger.predict_batch(tf.constant([TEXTS[0]] * 3), threshold=tf.constant([0.0, 1.0, 0.5]))
    assert outputs["count"].numpy().tolist()[:2] == [3, 0]
    assert outputs["count"].numpy()[2] == (outputs["scores"].numpy()[2] >= 0.5).sum()
    with pytest.raises(UserError, match=r"threshold must be between 0.0 and 1.0, got 2"):
        tagger("a", threshold=2)
    assert tagger.controls_signature == "classify" and not make_classifier().controls


def test_a_text_alone_and_in_a_batch_has_one_answer(classifier):
    together = classifier(TEXTS)
    for text, expected in zip(TEXTS, together, strict=True):
        found = classifier(text)
        assert found["labels"] == expected["labels"]
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-5)
    assert classifier([]) == []


def test_temperature_divides_logits(classifier):
    settings = replace(classifier.settings, temperature=2.5)
    calibrated = TextClassifier(classifier.model, classifier.tokenizer, LABELS, settings)
    logits = reference_logits(classifier, TEXTS[1]) / 2.5
    expected = np.sort(np.exp(logits) / np.exp(logits).sum())[::-1]
    np.testing.assert_allclose(calibrated(TEXTS[1])["scores"], expected, atol=1e-5)


def test_long_texts_are_cut_off(classifier):
    text = "born in " * 100
    expected = reference_logits(classifier, text)
    np.testing.assert_allclose(classifier.batch_logits(tf.constant([text]))[0], expected, atol=1e-5)
    logits = classifier.logits([*TEXTS, text], batch_size=3)
    references = [reference_logits(classifier, each) for each in [*TEXTS, text]]
    np.testing.assert_allclose(logits, references, atol=1e-5)
    assert classifier.logits([]).shape == (0, 3)
    assert classifier.max_source_length == 40
    longest = ("Anna Müller in Ko\u0308ln 😀 " * 50_000)[:1_000_000]
    assert classifier(longest)["scores"] == pytest.approx(classifier(longest[:1000])["scores"], abs=1e-5)
    shorter = make_classifier(max_source_length=7)
    expected = reference_logits(shorter, text, 7)
    np.testing.assert_allclose(shorter.batch_logits(tf.constant([text, "a"]))[0], expected, atol=1e-5)


@pytest.mark.parametrize("multi_label", [False, True])
def test_saved_and_loaded(multi_label, tmp_path):
    task = make_classifier(multi_label=multi_label, temperature=1.5)
    task.save(tmp_path)
    loaded = zoo.load(tmp_path)
    assert isinstance(loaded, zoo.TextClassifier) and loaded.settings == task.settings and loaded.labels == LABELS
    assert loaded(TEXTS) == task(TEXTS)


def test_what_does_not_fit(classifier):
    for labels, message in (
        (("a", "b"), "the model has 3 outputs but there are 2 labels"),
        (("a", "b", "a"), "the label 'a' comes twice"),
    ):
        with pytest.raises(UserError, match=message):
            TextClassifier(classifier.model, classifier.tokenizer, labels)
    for options, message in (
        ({"threshold": 1.1}, "threshold must be between 0 and 1, got 1.1"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"max_source_length": 2}, "max_source_length must be an integer above 2, got 2"),
    ):
        with pytest.raises(UserError, match=message):
            ClassificationSettings(**options)
