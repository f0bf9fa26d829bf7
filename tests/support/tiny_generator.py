"""A text generator of random weights whose continuations differ from prompt to prompt, and prompts."""

import numpy as np

from zoo.models import GPT2
from zoo.tasks import GenerationSettings, TextGenerator
from zoo.tokenizers import BytePairTokenizer

PROMPTS = [
    "the slow fox",
    "",
    " \n\t",
    "é 😀 中国",
    "lower, lowest; the quick",
    "low " * 30,
    b"a \xff caf\xc3",
    "x",
]
POSITIONS, NEW = 40, 12


def make_generator(positions=POSITIONS, chat_template=None, **settings):
    tokenizer = BytePairTokenizer.train(["low lower lowest slow slower, the quick brown fox jumps"] * 9, 285)
    # One number more than the tokenizer has tokens, as where vocabularies are rounded up.
    model = GPT2(
        tokenizer.vocabulary_size + 1,
        hidden_dim=32,
        intermediate_dim=48,
        num_heads=4,
        num_layers=2,
        max_sequence_length=positions,
    )
    model.build()
    rng = np.random.default_rng(7)
    model.set_weights([value + rng.normal(0, 0.25, value.shape) for value in model.get_weights()])
    settings = {"max_new_tokens": NEW, **settings}
    return TextGenerator(model, tokenizer, GenerationSettings(**settings), ["the quick", "low"], chat_template)


def drawn_with_wide_character(generator):
    """A prompt and a seed whose continuation without stop strings has a character of several bytes, and that one."""
    for seed in range(30):
        for prompt, text in zip(PROMPTS, generator(PROMPTS, seed=seed, stop=()), strict=True):
            wide = [character for character in text if ord(character) > 127 and character != "\ufffd"]
            if wide:
                return prompt, seed, wide[0]
    raise AssertionError("no continuation has one")
