"""Bad input to translators: one line that names what is wrong."""

import re

import numpy as np
import pytest
import tensorflow as tf
from tiny_translation import make_tiny_model

from zoo.errors import UserError
from zoo.tasks import TranslationSettings, Translator
from zoo.tokenizers import SentencePieceTokenizer


def refuse(message, function, *args, **kwargs):
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        function(*args, **kwargs)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["a", 3], "texts[1] is of type int; give str or bytes"),
        ([["a"]], "texts[0] is of type list; give str or bytes"),
        (["a", "b", None], "texts[2] is of type NoneType; give str or bytes"),
        (None, "texts are of type NoneType; give a str or a list of str"),
        (7, "texts are of type int; give a str or a list of str"),
    ],
)
def test_texts_that_are_none(tiny_translator, texts, message):
    refuse(message, tiny_translator, texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens must be between 1 and 14, got 0"),
        ({"max_new_tokens": 15}, "max_new_tokens must be between 1 and 14, got 15"),
        ({"min_new_tokens": -1}, "min_new_tokens must be between 0 and 14, got -1"),
        ({"max_new_tokens": 3.5}, "max_new_tokens must be an integer, got 3.5"),
        ({"max_new_tokens": True}, "max_new_tokens must be an integer, got True"),
        ({"max_new_tokens": [3]}, "max_new_tokens must be an integer, got [3]"),
        ({"length_penalty": -10.1}, "length_penalty must be between -10.0 and 10.0, got -10.1"),
        ({"length_penalty": 11}, "length_penalty must be between -10.0 and 10.0, got 11"),
        ({"length_penalty": float("nan")}, "length_penalty must be a number, got nan"),
        ({"length_penalty": "1"}, "length_penalty must be a number, got '1'"),
        (
            {"beam_width": 3},
            "unknown option 'beam_width'; known are max_new_tokens, min_new_tokens, length_penalty",
        ),
        ({"num_beams": 0}, "num_beams must be an integer, at least 1, got 0"),
        ({"num_beams": 2.0}, "num_beams must be an integer, at least 1, got 2.0"),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0"),
        ({"batch_size": -5}, "batch_size must be an integer of at least 1, got -5"),
    ],
)
def test_options_out_of_bounds(tiny_translator, options, message):
    refuse(message, tiny_translator, ["a"], **options)


def test_numbers_of_numpy_are_numbers(tiny_translator):
    options = {"max_new_tokens": np.int64(3), "length_penalty": np.float32(0.5)}
    assert tiny_translator("the horse", **options) == tiny_translator("the horse", max_new_tokens=3, length_penalty=0.5)


def test_more_translations_than_beams(tiny_translator):
    refuse("n must be an integer, between 1 and num_beams (3), got 4", tiny_translator.n_best, ["a"], 4)
    refuse("n must be an integer, between 1 and num_beams (2), got 0", tiny_translator.n_best, ["a"], 0, num_beams=2)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(
    ("name", "values", "bounds"),
    [
        ("max_new_tokens", [3, 0], "between 1 and 14"),
        ("min_new_tokens", [15, 0], "between 0 and 14"),
        ("length_penalty", [1.0, float("nan")], "between -10.0 and 10.0"),
    ],
)
def test_one_row_out_of_bounds_fails_a_batch_by_name(tiny_translator, traced, name, values, bounds):
    predict = tf.function(tiny_translator.predict_batch, autograph=False) if traced else tiny_translator.predict_batch
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name} must be {bounds}"):
        predict(tf.constant(["a", "b"]), **{name: tf.constant(values)})


def test_an_unknown_control_of_a_batch(tiny_translator):
    with pytest.raises(TypeError, match="unknown control 'beams'; known are max_new_tokens"):
        tiny_translator.predict_batch(tf.constant(["a"]), beams=tf.constant([2]))


def test_bounds_are_kept(tiny_translator):
    """min_new_tokens and max_new_tokens are the lengths of the token sequences, the end token counted by the latter."""

    def lengths(**options):
        outputs = tiny_translator.predict_batch(
            tf.constant(["two dogs run through the snow"]), **{k: tf.constant([v]) for k, v in options.items()}
        )
        return len(tiny_translator.tokenizer.encode(outputs["text"]).to_list()[0])

    free = lengths()
    assert free < 13
    assert lengths(max_new_tokens=2) <= 2
    assert lengths(min_new_tokens=13) > free


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_beams": 0}, "num_beams must be an integer of at least 1, got 0"),
        ({"num_beams": 2.5}, "num_beams must be an integer of at least 1, got 2.5"),
        ({"max_new_tokens": 0}, "max_new_tokens must be an integer of at least 1, got 0"),
        ({"max_source_length": 1}, "max_source_length must be an integer of at least 2, got 1"),
        ({"min_new_tokens": 5, "max_new_tokens": 4}, "min_new_tokens (5) must not exceed max_new_tokens (4)"),
        ({"length_penalty_type": "google"}, "length_penalty_type must be one of gnmt, average, none, got 'google'"),
        ({"length_penalty": -11.0}, "length_penalty must be between -10 and 10, got -11.0"),
        ({"max_tokens_factor": float("nan")}, "max_tokens_factor must be at least 0, got nan"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size must be an integer of at least 0, got -1"),
    ],
)
def test_impossible_settings(settings, message):
    refuse(message, TranslationSettings, **settings)


def test_settings_beyond_the_model_are_lowered_to_it(tiny_translator):
    translator = Translator(tiny_translator.model, tiny_translator.tokenizer)
    assert translator.settings.max_new_tokens == translator.max_source_length == 40
    assert TranslationSettings().max_new_tokens == 256
    assert translator.controls["max_new_tokens"].maximum == 40


def test_tokenizers_that_do_not_fit(tiny_tokenizer):
    model = make_tiny_model(tiny_tokenizer)
    other = SentencePieceTokenizer.train(["eins zwei drei vier fünf"] * 5, 280, "bpe")
    refuse("the source tokenizer has 280 tokens but the model 299", Translator, model, other)
    refuse("the target tokenizer has 280 tokens but the model 299", Translator, model, tiny_tokenizer, other)
    without = SentencePieceTokenizer(tiny_tokenizer.model)
    without.eos_id = None
    refuse("the source tokenizer has no eos token", Translator, model, without)
