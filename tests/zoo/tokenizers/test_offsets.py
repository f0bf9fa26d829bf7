import random

import pytest
import tensorflow as tf

from zoo.errors import UserError
from zoo.tokenizers import character_offsets, clean_text

TEXTS = ["", "abc", "é😀!", "漢字\x00", "e\u0301", " "]


def test_every_byte_offset():
    offsets = [list(range(len(text.encode()) + 1)) for text in TEXTS]
    # An offset inside a character counts as the end of that character.
    expected = [
        [next(n for n in range(len(text) + 1) if len(text[:n].encode()) >= offset) for offset in row]
        for text, row in zip(TEXTS, offsets, strict=True)
    ]
    found = character_offsets(TEXTS, tf.ragged.constant(offsets, tf.int32))
    assert found.dtype == tf.int32 and found.to_list() == expected


def test_offsets_outside_the_text_and_in_any_order():
    found = character_offsets(["é!", "", "abc"], tf.ragged.constant([[3, 99, 0, -5, 2], [0, 4], [2, 1]], tf.int64))
    assert found.to_list() == [[2, 2, 0, 0, 1], [0, 0], [2, 1]]
    assert character_offsets([], tf.ragged.constant([], tf.int32, ragged_rank=1)).to_list() == []


def test_invalid_utf8_is_counted_as_in_the_cleaned_text():
    generator = random.Random(9)
    pieces = [
        b"a",
        b"\xc3\xa9",
        b"\xff",
        b"\xe2\x96",
        b"\xf0\x9f\x98\x80",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf5",
        b"\x80",
        b"\x00",
    ]
    texts = [b"".join(generator.choices(pieces, k=generator.randrange(12))) for _ in range(2000)]
    texts += [bytes(generator.randrange(256) for _ in range(generator.randrange(12))) for _ in range(2000)]
    cleaned = [text.decode() for text in clean_text(texts).numpy()]
    assert [text.encode() for text in cleaned if "\ufffd" not in text] == [
        text for text, clean in zip(texts, cleaned, strict=True) if "\ufffd" not in clean
    ]
    ends = tf.ragged.constant([[0, len(text.encode()), 10**6] for text in cleaned], tf.int32)
    assert character_offsets(texts, ends).to_list() == [[0, len(text), len(text)] for text in cleaned]


def test_clean_text_leaves_valid_text_alone():
    texts = [*TEXTS, "\ufffd", "\U0010ffff\ufffe"]
    assert [text.decode() for text in clean_text(texts).numpy()] == texts
    assert clean_text(["a\ud800b"]).numpy()[0].decode().strip("\ufffd")[0] == "a"


def test_one_text_in_place_of_a_list():
    with pytest.raises(UserError, match="put it in a list"):
        clean_text("text")
    with pytest.raises(UserError, match=r"shape \[B\]"):
        clean_text([["text"]])
