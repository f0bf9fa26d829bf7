"""What a translator answers: order, batches, beams, scores; bad input is in test_translator_input.py."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from tiny_translation import LINES, make_tiny_model

from zoo.errors import UserError
from zoo.generation import BeamSearch
from zoo.tasks import Translator
from zoo.tokenizers import SentencePieceTokenizer

TEXTS = [line for line in LINES if isinstance(line, str) and line.strip()]


def test_answers_are_worth_comparing(tiny_translator):
    """Every text has an answer of its own, some end by themselves, and beams find other answers than greedy search."""
    greedy, beam = tiny_translator(TEXTS, num_beams=1), tiny_translator(TEXTS)
    assert len(set(greedy)) == len(set(beam)) == len(TEXTS)
    assert greedy != beam
    lengths = [len(tokens) for tokens in tiny_translator.tokenizer.encode(beam).to_list()]
    assert min(lengths) < 13


@pytest.mark.usefixtures("untraced_tasks")
def test_other_settings_of_the_same_model(tiny_translator):
    greedy = tiny_translator.with_settings(num_beams=1, max_new_tokens=5)
    assert (
        greedy(TEXTS) == tiny_translator(TEXTS, num_beams=1, max_new_tokens=5) and greedy.model is tiny_translator.model
    )
    assert greedy.examples == tiny_translator.examples and greedy.controls["max_new_tokens"].default == 5
    with pytest.raises(
        UserError, match="Translator has no setting 'beams'; its settings are num_beams, length_penalty,"
    ):
        tiny_translator.with_settings(beams=1)
    with pytest.raises(UserError, match="num_beams must be an integer of at least 1, got 0"):
        tiny_translator.with_settings(num_beams=0)


def test_lists_of_any_length_in_the_order_given(tiny_translator):
    alone = {text: tiny_translator(text, num_beams=1) for text in TEXTS}
    texts = [TEXTS[i] for i in np.random.default_rng(0).integers(0, len(TEXTS), 23)]
    for batch_size in (1, 4, 100):
        assert tiny_translator(texts, num_beams=1, batch_size=batch_size) == [alone[text] for text in texts]
    assert tiny_translator([]) == [] and tiny_translator.n_best([], 2) == []
    assert tiny_translator(iter(TEXTS[:2]), num_beams=1) == [alone[text] for text in TEXTS[:2]]


def test_a_row_alone_and_in_a_batch_have_one_answer_and_score(tiny_translator):
    together = tiny_translator.n_best(TEXTS, 3)
    for text, expected in zip(TEXTS, together, strict=True):
        found = tiny_translator.n_best(text, 3)
        assert [t.text for t in found] == [t.text for t in expected]
        np.testing.assert_allclose([t.score for t in found], [t.score for t in expected], rtol=0, atol=1e-5)


def test_n_best_is_sorted_and_distinct(tiny_translator):
    for best in tiny_translator.n_best(TEXTS, 3):
        scores = [translation.score for translation in best]
        assert len(best) == 3 and scores == sorted(scores, reverse=True) and max(scores) < 0
        assert len({translation.text for translation in best}) == 3


def test_texts_without_anything_to_translate(tiny_translator):
    for blank in ("", " ", "\t\n\r \x0b", "\u3000\u00a0\u2003", b""):
        assert tiny_translator(blank) == ""
        assert tiny_translator.n_best(blank, 2) == [("", 0.0)] * 2
        assert tiny_translator.n_best(blank, 1, num_beams=1, min_new_tokens=3) == [("", 0.0)]
    mixed = tiny_translator(["", TEXTS[0], " "], num_beams=1)
    assert mixed == ["", tiny_translator(TEXTS[0], num_beams=1), ""]
    assert tiny_translator("\u200b.") != ""


def test_what_is_no_valid_unicode_is_read_as_the_replacement_character(tiny_translator):
    expected = tiny_translator("a \ufffd man")
    assert tiny_translator(b"a \xff man") == expected
    surrogate = tiny_translator("a \ud800 man")
    assert surrogate == tiny_translator(b"a \xed\xa0\x80 man")
    for text in (expected, surrogate):
        text.encode("utf-8")
    assert tiny_translator("a\x00b") != tiny_translator("a")


def test_long_lines_are_cut_off(tiny_translator):
    tokenizer, longest = tiny_translator.tokenizer, tiny_translator.max_source_length
    token_ids = tokenizer.encode(["the horse " * 200])[:, : longest - 1]
    kept = tokenizer.decode(token_ids).numpy()[0].decode()
    assert tokenizer.encode([kept]).to_list() == token_ids.to_list()
    assert tiny_translator("the horse " * 200) == tiny_translator(kept)
    assert tiny_translator("the horse " * 200) != tiny_translator(kept[: len(kept) // 2])


def target_token_ids(translator, source, num_beams):
    """Token ids of the best translation with what ended it, and its score, from inside the translator."""
    rows = tf.constant([source])
    source_token_ids, mask, *_ = translator._encode(rows)
    found = translator.compute(
        source_token_ids=source_token_ids,
        source_padding_mask=mask,
        max_new_tokens=tf.constant([14]),
        min_new_tokens=tf.constant([0]),
        length_penalty=tf.constant([1.0]),
        loop_length=14,
        search=BeamSearch(num_beams),
        num_return=1,
        settings=translator.settings,
    )
    token_ids = [int(i) for i in found[0].numpy()[0, 0] if i != translator.tokenizer.pad_id]
    return source_token_ids, mask, token_ids


@pytest.mark.parametrize("num_beams", [1, 3])
def test_scores_are_mean_log_probabilities_of_a_full_pass(tiny_translator, num_beams):
    """Recomputed without a cache and without the search: one forward pass over the tokens that were found."""
    for text in TEXTS[:3]:
        [answer] = tiny_translator.n_best(text, 1, num_beams=num_beams)
        source_token_ids, mask, token_ids = target_token_ids(tiny_translator, text, num_beams)
        inputs = {"source_token_ids": source_token_ids, "source_padding_mask": mask}
        logits = tiny_translator.model({**inputs, "target_token_ids": np.array([[1, *token_ids[:-1]]])})
        log_probs = ops.convert_to_numpy(keras.ops.log_softmax(logits))[0]
        log_prob = sum(log_probs[i, token_id] for i, token_id in enumerate(token_ids))
        assert answer.score == pytest.approx(log_prob / len(token_ids), abs=1e-5)
        if num_beams == 1:
            assert token_ids == log_probs.argmax(axis=-1).tolist()


def test_predict_batch_traced_gives_the_answers_of_the_call(tiny_translator):
    """The function that exports wrap, with a row of no text and a control for each row."""
    traced = tf.function(
        tiny_translator.predict_batch,
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )
    found = traced(tf.constant([*TEXTS, ""]))
    assert [text.decode() for text in found["text"].numpy()] == [*tiny_translator(TEXTS), ""]
    assert found["score"].numpy()[-1] == 0.0
    empty = traced(tf.constant([], tf.string))
    assert empty["text"].shape == empty["score"].shape == (0,)
    rows = tiny_translator.predict_batch(
        tf.constant(TEXTS[:2]), max_new_tokens=tf.constant([3, 14]), length_penalty=tf.constant([1.0, 0.0])
    )
    expected = [
        tiny_translator(TEXTS[0], max_new_tokens=3),
        tiny_translator(TEXTS[1], length_penalty=0.0),
    ]
    assert [text.decode() for text in rows["text"].numpy()] == expected


def test_one_trace_serves_every_batch_size_length_and_option(tiny_tokenizer):
    translator = Translator(make_tiny_model(tiny_tokenizer), tiny_tokenizer)
    traces = []
    original = translator._encode
    translator._encode = lambda text: traces.append(text.shape) or original(text)
    options = [{}, {"max_new_tokens": 5}, {"length_penalty": 0.5, "min_new_tokens": 2}]
    for texts, option in zip(([TEXTS[0]], TEXTS[:3], [TEXTS[0] * 3, ""]), options, strict=True):
        translator(texts, num_beams=1, max_new_tokens=option.pop("max_new_tokens", 4), **option)
    assert len(traces) == 1
    translator.settings = replace(translator.settings, no_repeat_ngram_size=1)
    tokens = tiny_tokenizer.encode([translator(TEXTS[3], num_beams=1)]).to_list()[0]
    assert len(traces) == 2 and len(set(tokens)) == len(tokens)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same_texts_and_scores(on_backend, backend):
    expected, found = on_backend("tensorflow")["translations"], on_backend(backend)["translations"]
    for num_beams in ("1", "3"):
        for mine, theirs in zip(found[num_beams], expected[num_beams], strict=True):
            assert mine[0][0] == theirs[0][0]
            assert mine[0][1] == pytest.approx(theirs[0][1], abs=1e-5)


@pytest.mark.usefixtures("untraced_tasks")
def test_two_tokenizers_and_a_second_save(tmp_path, tiny_tokenizer, tiny_translator):
    """Separate vocabularies come back as two; a preset saved over it brings nothing of it along."""
    import zoo

    target = SentencePieceTokenizer.train(["eins zwei drei vier fünf"] * 5, 280, "bpe")
    model = make_tiny_model(tiny_tokenizer)
    config = {**model.get_config(), "target_vocabulary_size": 280, "name": "other"}
    translator = Translator(
        type(model).from_config(config), tiny_tokenizer, target, tiny_translator.settings, ["x", "y"]
    )
    translator.save(tmp_path)
    again = zoo.load(tmp_path)
    assert again.target_tokenizer.model == target.model != again.source_tokenizer.model
    assert again.examples == ["x", "y"]
    assert again(TEXTS, num_beams=1) == translator(TEXTS, num_beams=1)
    plain = Translator(tiny_translator.model, tiny_tokenizer, settings=tiny_translator.settings)
    plain.save(tmp_path)
    again = zoo.load(tmp_path)
    assert again.examples == [] and again.target_tokenizer is again.source_tokenizer
    assert json.loads((tmp_path / "config.json").read_text())["task"] == "Translator"
