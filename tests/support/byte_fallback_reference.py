"""The `tokenizers` package's byte-pair encoding with byte fallback as reference, and texts to compare with it."""

import json
import random
import tempfile
from pathlib import Path

import tokenizers
from byte_pair_reference import source_code
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers
from wordpiece_reference import OTHER_SCRIPTS

from zoo.tokenizers import ByteFallbackTokenizer

BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SPECIAL = ["<unk>", "<s>", "</s>"]
REPLACE = normalizers.Replace(" ", "▁")


def metaspace(scheme, split):
    return None, pre_tokenizers.Metaspace("▁", scheme, split)


# Normaliser, pre-tokeniser and the number of blanks to strip of each kind.
KINDS = {
    "llama2": (normalizers.Sequence([normalizers.Prepend("▁"), REPLACE]), None, 1),
    "mistral": (*metaspace("first", False), 1),
    "gemma": (REPLACE, pre_tokenizers.Split(" ", "merged_with_previous"), 0),
    "always": (*metaspace("always", False), 2),
    "never": (*metaspace("never", False), 0),
    "words": (*metaspace("always", True), 1),
    "first_word": (*metaspace("first", True), 1),
}
PIECES = [
    *(" ", "  ", " ", "▁", "▁▁", "\n", "\n\n", "\t", "\u3000", "\x00", "\r", "\u00a0"),
    *("a", "the", "horse", "é", "e\u0301", "漢", "ж", "\u2047", "😀", "\U0010ffff", "\ufffd", "<", "<0x41>", "0x", ">"),
    *("<s>", "</s>", "<unk>", "<tag>", "<mark>", "<mark> <s>", "1", "23", ".", "...", "'s", "-"),
]


def vocabulary_and_merges():
    """Merges across blanks and line breaks, of frequent characters only, so that others become bytes."""
    trained = tokenizers.Tokenizer(models.BPE())
    trained.normalizer = REPLACE
    texts = [*OTHER_SCRIPTS * 2, *"\n\n".join(source_code()[:3]).split("\n\n"), "a\n\nb\n\n\nc  d   e " * 5]
    trainer = trainers.BpeTrainer(
        vocab_size=1300, special_tokens=[*SPECIAL, *BYTES], limit_alphabet=90, show_progress=False, min_frequency=2
    )
    trained.train_from_iterator(texts, trainer)
    model = json.loads(trained.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def reference(kind, entries):
    normalizer, pre_tokenizer, strip = KINDS[kind]
    model = models.BPE(*entries, byte_fallback=True, fuse_unk=True, unk_token="<unk>")
    theirs = tokenizers.Tokenizer(model)
    if normalizer is not None:
        theirs.normalizer = normalizer
    if pre_tokenizer is not None:
        theirs.pre_tokenizer = pre_tokenizer
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    theirs.decoder = decoders.Sequence([*steps, *([decoders.Strip(" ", strip, 0)] if strip else [])])
    theirs.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    theirs.add_tokens([AddedToken("<tag>", normalized=kind in ("llama2", "gemma"), lstrip=True)])
    theirs.add_tokens([AddedToken("<mark>", normalized=False), AddedToken("\n\n", normalized=False)])
    return theirs


def read(theirs, **options):
    """Our tokenizer of the same file."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "tokenizer.json"
        theirs.save(str(path))
        roles = {"bos": "<s>", "eos": "</s>", "unk": "<unk>"}
        return ByteFallbackTokenizer.from_tokenizer_json(path, roles=roles, **options)


def fuzzed(count, seed):
    generator = random.Random(seed)
    return ["".join(generator.choices(PIECES, k=generator.randrange(12))) for _ in range(count)]
