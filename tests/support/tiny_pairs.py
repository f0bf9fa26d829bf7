"""Hugging Face directories of tiny random classifiers of pairs, and pairs of texts of all lengths."""

import json
import random

import torch
import transformers
from tiny_byte_pair import roberta_tokenizer, write_tokenizer
from tiny_encoder_tasks import WORDS, make_tokenizer

from zoo.checkpoints.hugging_face import tokenizer_files

MAX_LENGTH = 24
_SIZES = dict(hidden_size=16, intermediate_size=24, num_attention_heads=2, num_hidden_layers=2)
POOL = [
    *sorted(WORDS),
    "low",
    "lowest",
    "Köln",
    "12",
    "😀",
    "unbelievable",
    "zq",
    "e\u0301t\u00e9",
    "[SEP]",
    "</s>",
    "中国",
]
CONFIGS = {
    "Bert": lambda size, **options: transformers.BertConfig(
        vocab_size=size, max_position_embeddings=48, **_SIZES, **options
    ),
    "DistilBert": lambda size, **options: transformers.DistilBertConfig(
        vocab_size=size, max_position_embeddings=48, dim=16, hidden_dim=24, n_heads=2, n_layers=2, **options
    ),
    "Roberta": lambda size, **options: transformers.RobertaConfig(
        vocab_size=size, max_position_embeddings=50, type_vocab_size=1, pad_token_id=1, **_SIZES, **options
    ),
}


def pairs(count, seed=5, longest=22):
    """Two lists of texts of no word up to `longest`, blanks at their ends among them."""
    generator = random.Random(seed)

    def text():
        words = generator.choices(POOL, k=generator.choice([0, 1, 2, 3, 5, 8, 13, longest]))
        return generator.choice(["", "", "", " "]) + " ".join(words) + generator.choice(["", "", "", " "])

    return [text() for _ in range(count)], [text() for _ in range(count)]


def write(directory, family, suffix, seed=0, form="vocab.txt", max_length=MAX_LENGTH, **options):
    """A model of random weights, large enough for answers to differ, with its tokenizer; returns both."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer = roberta_tokenizer() if family == "Roberta" else make_tokenizer()
    torch.manual_seed(seed)
    model = getattr(transformers, family + suffix)(CONFIGS[family](tokenizer.vocabulary_size, **options)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, 0.5)
    model.save_pretrained(directory)
    if family == "Roberta":
        theirs = write_tokenizer(directory, tokenizer, "roberta", form)
    else:
        for name, write_file in tokenizer_files(tokenizer).items():
            write_file(directory / name)
        path = directory / "tokenizer_config.json"
        settings = json.loads(path.read_text())
        path.write_text(json.dumps({**settings, "tokenizer_class": f"{family}Tokenizer"}))
        theirs = transformers.AutoTokenizer.from_pretrained(directory)
    theirs.model_max_length = max_length
    theirs.save_pretrained(directory)
    return model, theirs
