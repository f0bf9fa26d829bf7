import random
from itertools import pairwise

import numpy as np
import pytest

from zoo.errors import UserError
from zoo.tokenizers.byte_pair.alphabet import ALPHABET, spelled_bytes
from zoo.tokenizers.byte_pair.merging import UNMADE, finishing_merges
from zoo.tokenizers.byte_pair.vocabulary import BytePairVocabulary


def test_alphabet_is_that_of_the_reference():
    from tokenizers import pre_tokenizers

    assert set(ALPHABET) == set(pre_tokenizers.ByteLevel.alphabet())
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str
    text = "".join(map(chr, range(0x800))) + "漢😀\U0010ffff"
    assert "".join(part for part, _ in split(text)) == "".join(ALPHABET[byte] for byte in text.encode())
    assert spelled_bytes("".join(ALPHABET)) == bytes(range(256))


def encoded(text, ranks):
    """Byte-pair merging as its definition says, and the rank of the last merge."""
    symbols, last = list(text), UNMADE
    while True:
        pairs = list(pairwise(symbols))
        known = [pair for pair in pairs if pair in ranks]
        if not known:
            return symbols, last
        best = min(known, key=ranks.get)
        place, last = pairs.index(best), ranks[best]
        symbols[place : place + 2] = ["".join(best)]


def test_finishing_merges_by_definition():
    generator = random.Random(1)
    compared = made = 0
    for _ in range(300):
        entries, merges = list("abc"), []
        for _ in range(generator.randrange(15)):
            pair = generator.choice(entries), generator.choice(entries)
            if pair not in merges and len("".join(pair)) < 12:
                merges.append(pair)
                entries.append("".join(pair))
        generator.shuffle(merges)
        tokens = list(dict.fromkeys([*entries, "cab", "bbbb"]))
        ids = {token: token_id for token_id, token in enumerate(tokens)}
        ranks = {pair: rank for rank, pair in enumerate(merges)}
        byte_ids = [ids.get(chr(byte), 0) for byte in range(256)]
        parts = [(ids[left], ids[right], ids[left + right]) for left, right in merges]
        found = finishing_merges([[byte_ids[byte] for byte in token.encode()] for token in tokens], parts)
        for token, rank in zip(tokens, found, strict=True):
            symbols, last = encoded(token, ranks)
            assert rank == (last if symbols == [token] else UNMADE), (merges, token)
            compared += 1
            made += rank != UNMADE
    assert compared > 2000 and 500 < made < compared - 1000


def test_entries_and_what_text_becomes():
    vocabulary = BytePairVocabulary([*ALPHABET, "ab", "abc", "bc"], [("b", "c"), ("a", "b"), ("ab", "c")], ())
    # "abc" would need "ab", but "bc" is joined first.
    assert [vocabulary.is_made(token_id) for token_id in (97, 256, 257, 258)] == [True, True, False, True]
    np.testing.assert_array_equal(vocabulary.finishing[256:], [1, UNMADE, 0])


def test_well_known_special_tokens_are_found_unless_merges_make_them():
    vocabulary = BytePairVocabulary([*ALPHABET, "<s>", "<|endoftext|>", "<s"], [("<", "s"), ("<s", ">")], None)
    assert vocabulary.special == {"<|endoftext|>": 257}
    assert vocabulary.token_bytes[256:] == (b"<s>", b"", b"<s")


IDS = {character: token_id for token_id, character in enumerate(ALPHABET)}


@pytest.mark.parametrize(
    ("vocabulary", "merges", "special", "message"),
    [
        ("vocab.json", [], None, "from_files reads files"),
        ([*ALPHABET, "a"], [], None, "entry 256, 'a', repeats entry 97"),
        (ALPHABET[:32] + ALPHABET[33:], [], None, "no ordinary entry 'Ġ', byte 0x20"),
        ({**IDS, "ab": 255}, [], None, "'ÿ' has id 255, and so has 'ab'"),
        ({**IDS, "ab": 257}, [], None, "no entry with id 256"),
        ({**IDS, "ab": "256"}, [], None, "'ab' has id '256'"),
        ({**IDS, "ab": -1}, [], None, "'ab' has id -1"),
        ({**IDS, "": 256}, [], None, "entry '' is not a string"),
        ([*ALPHABET, "a b"], [], None, "'a b' holds ' ', which stands for no byte"),
        ([*ALPHABET, "漢"], [], None, "is it a special token"),
        (ALPHABET, "merges.txt", None, "from_files reads files"),
        (ALPHABET, ["a b"], None, "merge 1 is 'a b'; use a pair"),
        (ALPHABET, [("a", "b", "c")], None, "merge 1 is"),
        (ALPHABET, [("a", "b")], None, "merge 1, 'a' and 'b': the vocabulary has no entry 'ab'"),
        ([*ALPHABET, "ab"], [("a", "b"), ("a", "b")], None, "merge 2, 'a' and 'b', repeats merge 1"),
        ([*ALPHABET, "ab"], [("a", "b")], ["ab"], "'ab' is a special token"),
        (ALPHABET, [], "<s>", "special_tokens is '<s>'"),
        (ALPHABET, [], [""], "special token '' is not a string"),
        (ALPHABET, [], ["<s>"], "special token '<s>' is not in the vocabulary"),
        (ALPHABET, [], ["a"], "no ordinary entry 'a', byte 0x61"),
        ([*ALPHABET, "<s>"], [], {"<s>": 3}, "'<s>' has id 256 in the vocabulary, not 3"),
        (ALPHABET, [], {"<s>": None}, "'<s>' has id None"),
        (ALPHABET, [], {"\ud800": 256}, "surrogate"),
    ],
)
def test_impossible_vocabularies(vocabulary, merges, special, message):
    with pytest.raises(UserError, match=message):
        BytePairVocabulary(vocabulary, merges, special)
