"""`Translator` against CTranslate2, an independent engine, on the same weights.

Where the two searches are defined alike (no minimum length, no blocked n-grams, "average" length penalty, a limit that
is the same for all rows) texts and scores must agree. Ours ends a row when nothing better can come. CTranslate2 ends it
at the first `num_beams` finished hypotheses, or later with its option `patience`: with enough patience the results are
equal by definition, and without it CTranslate2's cannot be better.
"""

import random
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("ctranslate2")

import keras
import tensorflow as tf

from zoo.models import EncoderDecoder
from zoo.tasks import TranslationSettings, Translator
from zoo.tokenizers import SentencePieceTokenizer

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import ctranslate2_conversion
from ctranslate2_text import TextTranslator

SYLLABLES = [first + last for first in ("b", "k", "st", "m", "tr", "sch") for last in ("a", "el", "in", "or", "ung")]
NUM_TEXTS = 64
ENDLESS_PATIENCE = 1000.0
MAX_TOKENS = 24
# The factor keeps the limit by source length, which CTranslate2 lacks, out of the way.
SETTINGS = TranslationSettings(max_new_tokens=MAX_TOKENS, max_source_length=64, max_tokens_factor=100.0)


def random_texts():
    generator = random.Random(5)
    words = ["".join(generator.choices(SYLLABLES, k=generator.randrange(1, 4))) for _ in range(200)]
    texts = [" ".join(generator.choices(words, k=generator.randrange(1, 12))) + "." for _ in range(NUM_TEXTS - 3)]
    return [*texts, "naïve 北京 🙂", "a\ttab and ▁", "x"]


def random_model(tokenizer, norm, activation, tied_embeddings):
    model = EncoderDecoder(
        tokenizer.vocabulary_size,
        tokenizer.vocabulary_size,
        hidden_dim=32,
        intermediate_dim=48,
        num_heads=4,
        num_encoder_layers=2,
        num_decoder_layers=2,
        max_sequence_length=64,
        norm=norm,
        activation=activation,
        tied_embeddings=tied_embeddings,
    )
    model.build()
    generator = np.random.default_rng(3)
    for variable in model.variables:
        # Also moves what starts as zeros and ones, so that no bias or scale can be left out unnoticed.
        variable.assign(1.3 * variable.numpy() + 0.08 * generator.normal(size=variable.shape))
    # Lets hypotheses end at different lengths: the last offset raises the logit of the end token.
    last = model.decoder_norm if norm == "pre" else model.decoder_blocks[-1].feed_forward_norm
    end = model.output_embedding.embeddings.numpy()[tokenizer.eos_id]
    last.beta.assign(last.beta.numpy() + 3.0 * end / np.sum(end**2))
    return model


MODELS = [("post", "relu", "all"), ("pre", "gelu", "none")]


@pytest.fixture(scope="module", params=MODELS, ids=lambda values: "-".join(values))
def engines(request, tmp_path_factory):
    keras.utils.set_random_seed(3)
    texts = random_texts()
    tokenizer = SentencePieceTokenizer.train(texts, 420, "bpe")
    model = random_model(tokenizer, *request.param)
    directory = tmp_path_factory.mktemp("ctranslate2")
    ctranslate2_conversion.convert(model, tokenizer, tokenizer, directory)
    translator = Translator(model, tokenizer, settings=SETTINGS)
    return translator, TextTranslator(directory, threads=1), texts


def ours(engines, num_beams, length_penalty):
    translator, _, texts = engines
    found = translator.n_best(texts, 1, batch_size=NUM_TEXTS, num_beams=num_beams, length_penalty=length_penalty)
    return [translations[0] for translations in found]


def theirs(engines, num_beams, length_penalty, patience):
    translator, engine, texts = engines
    tokenizer = translator.tokenizer
    options = ctranslate2_conversion.aligned_options(SETTINGS, num_beams)
    options["length_penalty"] = length_penalty
    results = engine.engine.translate_batch([engine.pieces(text) for text in texts], patience=patience, **options)
    lengths = [len(result.hypotheses[0]) for result in results]
    assert len(set(lengths)) > 5, f"too much alike for a test: lengths {lengths}"
    # Random models write bytes that are no UTF-8, which detokenisers replace in different ways: ours reads both.
    ids = [[engine.target.piece_to_id(piece) for piece in result.hypotheses[0]] for result in results]
    decoded = tokenizer.decode(tf.ragged.constant(ids, tf.int32)).numpy()
    return [(text.decode(), result.scores[0]) for text, result in zip(decoded, results, strict=True)]


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("num_beams", [1, 4])
def test_texts_and_scores_equal_ctranslate2(engines, num_beams, length_penalty):
    found = ours(engines, num_beams, length_penalty)
    expected = theirs(engines, num_beams, length_penalty, ENDLESS_PATIENCE)
    for index, (translation, (text, score)) in enumerate(zip(found, expected, strict=True)):
        assert translation.score == pytest.approx(score, abs=1e-4), f"row {index}"
        assert translation.text == text, f"row {index}"


def test_never_worse_than_ctranslate2_at_its_default_patience(engines):
    pairs = list(zip(ours(engines, 4, 1.0), theirs(engines, 4, 1.0, patience=1.0), strict=True))
    assert all(found.score >= score - 1e-4 for found, (_, score) in pairs)
    equal = [found for found, (text, _) in pairs if found.text == text]
    assert 0 < len(equal) < NUM_TEXTS, "the two ways to end a search should show, and not everywhere"
