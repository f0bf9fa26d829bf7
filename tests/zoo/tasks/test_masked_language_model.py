"""Blanks in text: candidates against the model's own distribution, several blanks, none, and none that fit."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_encoder_tasks import BLANKS, make_masked_language_model, make_tokenizer

import zoo
from zoo.errors import UserError
from zoo.tasks import FillSettings, MaskedLanguageModel


@pytest.fixture(scope="module")
def task():
    return make_masked_language_model()


def reference(task, text):
    """The three most probable tokens at each blank of a text that goes through the model by itself."""
    tokenizer = task.tokenizer
    ids = tokenizer.encode([text]).to_list()[0]
    ids = np.array([[tokenizer.cls_id, *ids, tokenizer.sep_id]])
    logits = np.asarray(task.model({"token_ids": ids, "padding_mask": np.ones_like(ids)})["token_logits"])[0]
    found = []
    for position in np.flatnonzero(ids[0] == tokenizer.mask_id):
        p = np.exp(logits[position]) / np.exp(logits[position]).sum()
        found.append([(tokenizer.vocabulary[i], float(p[i])) for i in np.argsort(-p)[:3]])
    return found


def test_candidates_are_those_of_the_model(task):
    answers = task(BLANKS)
    for text, blanks in zip(BLANKS, answers, strict=True):
        expected = reference(task, text)
        assert [[c["token"] for c in blank] for blank in blanks] == [
            [token for token, _ in blank] for blank in expected
        ]
        for blank, wanted in zip(blanks, expected, strict=True):
            np.testing.assert_allclose([c["score"] for c in blank], [score for _, score in wanted], rtol=1e-4)
    assert [len(blanks) for blanks in answers] == [2, 0, 0, 1, 4, 0]
    assert len({blank[0]["token"] for blanks in answers for blank in blanks}) > 1


def test_a_text_alone_and_in_a_batch_has_one_answer(task):
    for text, expected in zip(BLANKS, task(BLANKS), strict=True):
        found = task(text)
        assert [[c["token"] for c in blank] for blank in found] == [[c["token"] for c in blank] for blank in expected]
    assert task([]) == []


def test_outputs_are_dense_with_counts(task):
    outputs = {name: value.numpy() for name, value in task.predict_batch(tf.constant(BLANKS)).items()}
    assert outputs["tokens"].shape == outputs["scores"].shape == (len(BLANKS), 4, 3)
    assert set(outputs["tokens"][0, 2:].ravel()) == {b""} and not outputs["scores"][0, 2:].any()
    outputs = task.predict_batch(tf.constant([], tf.string))
    assert outputs["tokens"].shape == (0, 1, 3) and outputs["count"].shape == (0,)


def test_saved_and_loaded(task, tmp_path):
    task.save(tmp_path)
    loaded = zoo.load(tmp_path)
    assert isinstance(loaded, zoo.MaskedLanguageModel) and loaded.settings == task.settings
    assert loaded(BLANKS) == task(BLANKS)


def test_what_does_not_fit(task):
    with pytest.raises(UserError, match="the tokenizer does not read its mask token from text"):
        MaskedLanguageModel(task.model, make_tokenizer())
    with pytest.raises(UserError, match="top_k must be an integer of at least 1, got 0"):
        FillSettings(top_k=0)
    assert make_masked_language_model(top_k=10_000).settings.top_k == task.tokenizer.vocabulary_size
