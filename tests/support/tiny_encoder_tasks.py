"""Texts, and encoder tasks of random weights whose answers differ from text to text."""

import numpy as np

from zoo.models import Encoder, MaskedTokenPredictor, SequenceClassifier, TokenClassifier
from zoo.tasks import (
    ClassificationSettings,
    EntityRecognizer,
    EntitySettings,
    FillSettings,
    MaskedLanguageModel,
    RegressionSettings,
    TextClassifier,
    TextRegressor,
)
from zoo.tokenizers import WordPieceTokenizer

TEXTS = [
    "Marie Curie was born in Warsaw.",
    "The café in Köln, near the Rhine, is closed!",
    "",
    "😀 naïve 中国 e\u0301t\u00e9",
    " \t\u3000",
    "born " * 23 + "in Warsaw",
    b"a \xff caf\xc3 in K\xc3\xb6ln",
    "Unbelievable",
]
BLANKS = [
    "Marie [MASK] was born in [MASK].",
    "no blank",
    "",
    "[MASK]",
    "the [MASK][MASK] [MASK] [MASK]",
    "[mask] in köln",
]
WORDS = {
    *("marie", "curie", "was", "born", "in", "warsaw", "the", "cafe", "koln", ",", "near", "rhine", "is", "closed"),
    *("!", ".", "naive", "ete", "un", "##belie", "##va", "##ble", "中"),
}
TAGS = ("O", "B-person", "I-person", "B-place", "I-place")
LABELS = ("travel", "people", "food")
WINDOW, OVERLAP = 12, 4


def make_tokenizer(**options):
    letters = [prefix + letter for letter in "abcdefghijklmnopqrstuvwxyz" for prefix in ("", "##")]
    return WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(WORDS), *letters], **options)


def make_encoder(tokenizer, seed, **options):
    sizes = dict(hidden_dim=16, intermediate_dim=24, num_heads=2, num_layers=2, max_sequence_length=40)
    return randomised(Encoder(tokenizer.vocabulary_size, **{**sizes, **options}), seed)


def randomised(model, seed):
    """Weights that are large enough for outputs to differ clearly."""
    if not model.built:
        model.build()
    rng = np.random.default_rng(seed)
    for weight in model.trainable_weights:
        if len(weight.shape) >= 2:
            weight.assign(
                rng.normal(0, 1.5 * weight.shape[0] ** -0.5 if weight.name == "kernel" else 1.0, weight.shape)
            )
    return model


def make_recognizer(word_scores="mean", **settings):
    tokenizer = make_tokenizer()
    model = randomised(TokenClassifier(make_encoder(tokenizer, 1, pooler=False), len(TAGS)), 2)
    # Otherwise there are few entities, and long ones.
    model.classifier.bias.assign([0.0, 4.0, 0.0, 4.0, 0.0])
    settings = EntitySettings(**{"window": WINDOW, "overlap": OVERLAP, "word_scores": word_scores, **settings})
    return EntityRecognizer(model, tokenizer, TAGS, settings, examples=["Marie Curie"])


def make_classifier(**settings):
    tokenizer = make_tokenizer()
    model = randomised(SequenceClassifier(make_encoder(tokenizer, 3), len(LABELS)), 4)
    return TextClassifier(model, tokenizer, LABELS, ClassificationSettings(**settings), examples=["closed"])


def make_regressor(labels=("stars",), **settings):
    tokenizer = make_tokenizer()
    model = randomised(SequenceClassifier(make_encoder(tokenizer, 7), len(labels)), 8)
    return TextRegressor(model, tokenizer, labels, RegressionSettings(**settings), examples=["closed"])


def make_masked_language_model(**settings):
    tokenizer = make_tokenizer(special_tokens_in_text=("[MASK]",))
    model = randomised(MaskedTokenPredictor(make_encoder(tokenizer, 5), next_sentence=True), 6)
    return MaskedLanguageModel(model, tokenizer, FillSettings(**{"top_k": 3, **settings}), examples=["a [MASK]"])
