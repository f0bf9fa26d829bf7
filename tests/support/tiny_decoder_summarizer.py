"""A summarizer over a decoder of random weights, whose summaries differ from text to text, and texts."""

import numpy as np

from zoo.models import GPT2
from zoo.tasks import DecoderSummarizationSettings, DecoderSummarizer
from zoo.tasks.decoder_summarizer import SUMMARY_TOKEN
from zoo.tokenizers import BytePairTokenizer

TEXTS = [
    "the slow fox",
    "",
    " \n\t",
    "é 😀 中国",
    "lower, lowest; the quick",
    "low " * 30,
    b"a \xff caf\xc3",
    f"x{SUMMARY_TOKEN}",
]
POSITIONS, NEW = 40, 12


def make_decoder_summarizer(**settings):
    corpus = ["low lower lowest slow slower, the quick brown fox jumps"] * 9
    tokenizer = BytePairTokenizer.train(corpus, 286, ("<|endoftext|>", SUMMARY_TOKEN))
    # One number more than the tokenizer has tokens, as where vocabularies are rounded up.
    model = GPT2(
        tokenizer.vocabulary_size + 1,
        hidden_dim=32,
        intermediate_dim=48,
        num_heads=4,
        num_layers=2,
        max_sequence_length=POSITIONS,
    )
    model.build()
    rng = np.random.default_rng(7)
    model.set_weights([value + rng.normal(0, 0.25, value.shape) for value in model.get_weights()])
    settings = {"max_new_tokens": NEW, "num_beams": 3, "no_repeat_ngram_size": 2, **settings}
    return DecoderSummarizer(model, tokenizer, DecoderSummarizationSettings(**settings), ["the quick", "low"])
