"""The `tokenizers` package's byte-level tokenizers of language models as reference, and texts to compare with them."""

import random

import tokenizers
from byte_pair_reference import source_code
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers
from wordpiece_reference import OTHER_SCRIPTS

from zoo.tokenizers import BytePairTokenizer

# Written out as the models' files have them, and not taken from the project.
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
BLANKS = r"\s*[\r\n]+|\s+(?!\S)|\s+"
CAPITALS = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)
EXPRESSIONS = {
    "llama3": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + BLANKS,
    "qwen2": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + BLANKS,
    "qwen3_5": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + BLANKS,
    "tekken": rf"{CAPITALS[0]}|{CAPITALS[1]}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{BLANKS}",
    "gpt4o": rf"{CAPITALS[0]}{CONTRACTIONS}?|{CAPITALS[1]}{CONTRACTIONS}?|\p{{N}}{{1,3}}"
    rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{BLANKS}",
}
# Steps, normalisation and ignore_merges of each kind.
KINDS = {
    "smollm": (("digits", "gpt2"), None, False),
    "digit_runs": (("digit_runs", "gpt2"), None, False),
    "llama3": (("llama3",), None, True),
    "qwen2": (("qwen2",), "NFC", False),
    "qwen3_5": (("qwen3_5",), "NFC", False),
    "tekken": (("tekken",), None, True),
    "gpt4o": (("gpt4o",), None, False),
}
PIECES = [
    *(" ", "  ", "\n", "\r", "\t", "\u00a0", "\u3000", "\u0085", "\u2028", "\x0b", "\x1c", "\x00", "\u200b"),
    *("/", "//", "!", "?!", "<|", "_", "\ufffd", "\U0001f600", "\U0010ffff", "1", "12", "3456", "٣", "½", "Ⅷ"),
    *("a", "Z", "aB", "XMLHttp", "é", "É", "e\u0301", "ǅ", "ʰ", "漢字", "あ", "ا", "\u064e", "\u0300", "\u20e3", "हि"),
    *("'s", "'S", "'ſ", "'Re", "'LL", "'d", "'vE", "'", "’s", "ﬁ", "A\u030a", "\u1112\u1161", "q\u0323\u0307"),
    *("\U00011de0", "\U00016ff4", "\u0897", "\U000105d2\u0307"),
]


def fuzzed(count, seed):
    """Texts put together of PIECES, a third of them of few kinds, so that runs come about."""
    generator = random.Random(seed)
    texts = []
    for index in range(count):
        pieces = generator.choices(PIECES, k=3) if index % 3 == 0 else PIECES
        texts.append("".join(generator.choices(pieces, k=generator.randrange(14))))
    return texts


def splitter(steps):
    """The package's pre-tokeniser."""
    if "gpt2" in steps:
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(steps[0] == "digits"), pre_tokenizers.ByteLevel(False)])
    split = pre_tokenizers.Split(Regex(EXPRESSIONS[steps[0]]), "isolated")
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def reference(kind, tokenizer):
    """The package's tokenizer of the same vocabulary."""
    steps, normalization, ignore_merges = KINDS[kind]
    ids = {token: token_id for token_id, token in enumerate(tokenizer.vocabulary)}
    model = models.BPE(ids, [tuple(merge) for merge in tokenizer.merges], ignore_merges=ignore_merges)
    theirs = tokenizers.Tokenizer(model)
    theirs.normalizer = normalizers.NFC() if normalization else None
    theirs.pre_tokenizer, theirs.decoder = splitter(steps), decoders.ByteLevel()
    return theirs


def vocabulary_and_merges():
    """A vocabulary with entries that no merges make, and with merges across what some kinds keep apart."""
    texts = [*OTHER_SCRIPTS * 3, *source_code()[:12], "12 123 1999 2024 'S 'LL \r\n\r\n  !/ XMLHttpRequest" * 9]
    trained = BytePairTokenizer.train(texts, 900, (), pre_tokenizer=("llama3",))
    extra = ["Ġhorse", "2024", "'S", "horses"]
    return [*trained.vocabulary, *(token for token in extra if token not in trained.vocabulary)], trained.merges


def made(kind, vocabulary, **options):
    steps, normalization, ignore_merges = KINDS[kind]
    options = {"pre_tokenizer": steps, "normalization": normalization, "ignore_merges": ignore_merges, **options}
    return BytePairTokenizer(*vocabulary, (), **options)
