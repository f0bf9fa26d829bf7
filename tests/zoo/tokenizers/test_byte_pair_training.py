import random
from itertools import pairwise

import pytest

from zoo.errors import UserError
from zoo.tokenizers import BytePairTokenizer
from zoo.tokenizers.byte_pair.alphabet import ALPHABET


def test_vocabulary(corpus):
    tokenizer = BytePairTokenizer.train(corpus, 500)
    assert tokenizer.vocabulary_size == 500
    assert tokenizer.special_tokens == {"<|endoftext|>": 0}
    assert (tokenizer.bos_id, tokenizer.eos_id, tokenizer.pad_id, tokenizer.unk_id) == (0, 0, 0, None)
    assert set(ALPHABET) <= set(tokenizer.vocabulary)
    assert len(tokenizer.merges) == 500 - 257
    token_ids = tokenizer.encode(corpus)
    # Fewer tokens than bytes: they were joined.
    assert token_ids.flat_values.shape[0] < sum(len(text.encode()) for text in corpus) / 2
    assert [text.decode() for text in tokenizer.decode(token_ids).numpy()] == corpus


def test_more_frequent_pairs_are_joined_first():
    texts = ["ab"] * 50 + ["cd"] * 40 + ["ef"] * 30
    tokenizer = BytePairTokenizer.train(texts, 257 + 2)
    assert tokenizer.merges == (("a", "b"), ("c", "d"))


def test_special_tokens_get_the_first_ids(corpus):
    tokenizer = BytePairTokenizer.train(corpus, 300, ("<pad>", "<s>", "</s>", "<|x|>"), roles={"mask": "<|x|>"})
    ids = tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.mask_id
    assert ids == (0, 1, 2, 3)
    spaced = BytePairTokenizer.train(["abab"] * 9, 257, (), add_prefix_space=True)
    assert spaced.add_prefix_space and spaced.merges == (("a", "b"),)


@pytest.mark.parametrize("special", [("<|endoftext|>",), (), ("<s>", "</s>", "<pad>")])
def test_bytes_alone(special):
    """No merges: every byte is a token, so that ASCII text is modelled by characters."""
    for texts in ([], ["the same text " * 9]):
        tokenizer = BytePairTokenizer.train(texts, 256 + len(special), special)
        assert tokenizer.merges == ()
        assert tokenizer.id_to_token(tokenizer.encode(["To be"]).to_list()[0]) == ["T", "o", "Ġ", "b", "e"]
        assert tokenizer.decode(tokenizer.encode(["né\x00\n"])).numpy().tolist() == ["né\x00\n".encode()]
        assert tokenizer.encode(["né"]).row_lengths().numpy().tolist() == [3]
    assert tokenizer.vocabulary == BytePairTokenizer.train(["ab"] * 3, 257 + len(special), special).vocabulary[:-1]


def test_the_same_vocabulary_every_time():
    generator = random.Random(1)
    texts = [" ".join("".join(generator.choices("abcdefghijé", k=4)) for _ in range(8)) for _ in range(300)]
    found = set()
    for _ in range(3):
        tokenizer = BytePairTokenizer.train(texts, 700, min_frequency=1)
        found.add((tokenizer.vocabulary, tokenizer.merges))
        # Nor does the order of the texts matter.
        generator.shuffle(texts)
    assert len(found) == 1


def merged_by_definition(words, count):
    """Merges of the most frequent pair of symbols, the one with the lowest ids of several (Sennrich et al., 2016)."""
    ids = {character: token_id for token_id, character in enumerate(sorted(ALPHABET))}
    words, merges = [(list(word), times) for word, times in words.items()], []
    for _ in range(count):
        pairs = {}
        for symbols, times in words:
            for pair in pairwise(symbols):
                pairs[pair] = pairs.get(pair, 0) + times
        best = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        merges.append(best)
        ids.setdefault("".join(best), len(ids))
        for symbols, _ in words:
            place = 0
            while place < len(symbols) - 1:
                if (symbols[place], symbols[place + 1]) == best:
                    symbols[place : place + 2] = ["".join(best)]
                place += 1
    return merges


def test_merges_by_definition():
    generator = random.Random(3)
    words = {
        "".join(generator.choices("abcde", k=generator.randrange(2, 8))): generator.randrange(1, 9) for _ in range(60)
    }
    texts = [word for word, times in words.items() for _ in range(times)]
    trained = BytePairTokenizer.train(texts, 256 + 30, (), min_frequency=1)
    assert list(trained.merges) == merged_by_definition(words, 30)


def test_a_size_that_the_text_cannot_fill_is_lowered_if_wanted():
    lowered = BytePairTokenizer.train(["abc"] * 5, 8000, lower_to_fit=True)
    assert lowered.vocabulary_size == 259
    assert lowered.merges == BytePairTokenizer.train(["abc"] * 5, 259).merges


@pytest.mark.parametrize(
    ("texts", "size", "options", "message"),
    [
        ([], 258, {}, "too large for this text: the largest possible is 257"),
        ("text", 300, {}, "not a single text"),
        (["a", b"b"], 300, {}, "training text 2 is bytes"),
        (["abc"] * 5, 256, {}, "too small: 256 bytes and the special tokens alone are 257"),
        (["abc"] * 5, 300, {}, "too large for this text: the largest possible is 259"),
        (["abc"], 300, {}, "largest possible is 257"),
        (["abc"], 300, dict(min_frequency=0), "min_frequency is 0"),
        (["abc"], 300, dict(special_tokens="<s>"), "use a list of tokens"),
        (["abc"], 300, dict(special_tokens=["<s>", "<s>"]), "'<s>' is given twice"),
        (["abc"], 300, dict(special_tokens=["a"]), "'a' is given twice, or is the character of a byte"),
        (["abc"], 300, dict(special_tokens=[""]), "special token '' is not a string"),
        (["abab"] * 9, 258, dict(special_tokens=["ab"]), "'ab' is a special token"),
        (["abc"], 257, dict(roles={"eos": "abc"}), "roles holds 'abc'"),
    ],
)
def test_impossible_training(texts, size, options, message):
    with pytest.raises(UserError, match=message):
        BytePairTokenizer.train(texts, size, **options)


def test_strange_text_can_be_trained_on():
    texts = ["lone \ud800 surrogate \ud800", "nul\x00 \ufffd", "<|endoftext|> <|endoftext|>"] * 3
    tokenizer = BytePairTokenizer.train(texts, 280)
    assert 0 not in tokenizer.encode(texts).flat_values.numpy()
