"""The `tokenizers` package's byte-level BPE as reference, and texts to compare with it."""

import random
from pathlib import Path

import tokenizers
from tokenizers import decoders, models, pre_tokenizers
from wordpiece_reference import OTHER_SCRIPTS, random_texts

ROOT = Path(__file__).parents[2]
# Where words may end and begin, and what is special inside the graph.
PIECES = [
    *(" ", " ", "  ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u0085", "\x1c"),
    *("a", "Word", "é", "e\u0301", "漢字", "ß", "'s", "'re", "'S", "'", "'ll", "don't", "7", "42", "½", "٣", "²"),
    *(
        "!",
        "...",
        "<",
        "|",
        "#",
        "_",
        "😀",
        "👨‍👩‍👧‍👦",
        "\x00",
        "\x00\x00",
        "\x7f",
        "\ufffd",
        "\ufeff",
        "\ue000",
        "þ",
        "ÿ",
        "õ",
    ),
    *("\u200b", "\u180e", "\u2028", "\U0010ffff", "<|endoftext|>"),
]


def reference(tokenizer):
    """The package's tokenizer of the same vocabulary, which knows no special tokens."""
    ids = {token: token_id for token_id, token in enumerate(tokenizer.vocabulary)}
    theirs = tokenizers.Tokenizer(models.BPE(ids, [tuple(merge) for merge in tokenizer.merges]))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=tokenizer.add_prefix_space, trim_offsets=False)
    theirs.decoder = decoders.ByteLevel()
    return theirs


def source_code():
    """Python files of this project, whole and by lines."""
    files = [path.read_text() for path in sorted((ROOT / "zoo").rglob("*.py"))]
    return files[:60] + [line for file in files for line in file.split("\n")][:2500]


def odd_texts(count, seed):
    """Texts put together of PIECES, and of characters of many ranges."""
    generator = random.Random(seed)
    texts = ["".join(generator.choices(PIECES, k=generator.randrange(12))) for _ in range(count // 2)]
    return [*texts, *random_texts(count - len(texts), seed), *OTHER_SCRIPTS, *PIECES]


def broken_texts(count, seed):
    """Bytes that are no UTF-8."""
    generator = random.Random(seed)
    pieces = [
        b"a",
        b" ",
        b"\xc3\xa9",
        b"\xff",
        b"\xfd",
        b"\xe2\x96",
        b"\xf0\x9f\x98",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\0",
    ]
    texts = [b"".join(generator.choices(pieces, k=generator.randrange(10))) for _ in range(count // 2)]
    return texts + [generator.randbytes(generator.randrange(20)) for _ in range(count - len(texts))]
