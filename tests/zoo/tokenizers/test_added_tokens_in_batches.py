"""Batches without added tokens take a shorter way through the graph, which gives what the longer one gives."""

import pytest
import sentencepiece
import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2

from zoo.tokenizers import AddedToken, BytePairTokenizer, SentencePieceTokenizer, WordPieceTokenizer
from zoo.tokenizers.added_tokens.search import telling_characters
from zoo.tokenizers.byte_pair.alphabet import ALPHABET
from zoo.tokenizers.sentencepiece.character_map import characters_that_may_become

CORPUS = ["the [E1] low lower lowest newer wider e1 E 中文 , ."] * 9
TEXTS = (
    "lower and newer, wider.",
    "",
    " \t \u3000 ",
    "［E1］ in fullwidth",
    "[e1] LOW ER",
    "[ E1 ]lower",
    "a中文b low  er low er",
    "e\u0301\u0323 \u212b ß İ",
    b"[E\xff1] not\xf0\x9f valid \xe4",
    b"\x00[/E1]\x00",
    "\tlow\u00a0er",
)


@pytest.fixture(scope="module")
def tokenizers():
    pieces = {
        f"sentencepiece, {normalization}": SentencePieceTokenizer.train(
            CORPUS, 400, normalization=normalization, lower_to_fit=True
        )
        for normalization in ("identity", "nmt_nfkc")
    }
    wordpiece = WordPieceTokenizer.train(CORPUS, 60, lower_to_fit=True)
    return {"wordpiece": wordpiece, "byte pairs": BytePairTokenizer(ALPHABET, [], []), **pieces}


def traced(tokenizer):
    """Ids, and where the tokenizer tells them offsets."""
    offsets = tokenizer.tokenize_with_offsets
    if isinstance(tokenizer, SentencePieceTokenizer):
        known = not tokenizer.escaped and not any(token.normalized for token in tokenizer.added_tokens)
        offsets = offsets if known else lambda texts: ()
    return tf.function(
        lambda texts: (tokenizer.encode(texts), *offsets(texts)),
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


@pytest.mark.parametrize("normalized", [False, True])
def test_a_text_has_the_same_tokens_alone_and_beside_one_that_holds_a_token(normalized, tokenizers):
    further = {"wordpiece": ("low er",), "byte pairs": ("\ufffd",)}
    for name, plain in tokenizers.items():
        size, seen, expected = plain.vocabulary_size, set(), plain.encode(TEXTS).to_list()
        for contents in filter(None, (("[E1]", "[/E1]"), further.get(name))):
            flags = {"special": False, "normalized": normalized}
            added = [AddedToken(content, size + place, **flags) for place, content in enumerate(contents)]
            tokenize = traced(plain._rebuilt(added, ()))
            together = [field.to_list() for field in tokenize(tf.constant([*TEXTS, *contents]))]
            assert [together[0][len(TEXTS) + place][-1] for place in range(len(added))] == [each.id for each in added]
            for place, text in enumerate(TEXTS):
                alone = [field.to_list()[0] for field in tokenize(tf.constant([text]))]
                assert alone == [field[place] for field in together], (name, contents, text)
                if max(alone[0], default=0) < size:
                    seen.add(text)
                    assert alone[0] == expected[place], (name, contents, text)
        assert len(seen) > 6, name


def test_characters_that_tell_of_tokens():
    assert telling_characters(["[E1]", "[/E1]", "[E2]"]) in ("[", "]")
    assert len(telling_characters(["<a>", "{b}", "c"])) == 3
    assert telling_characters(["a b", " "]) == telling_characters(["ab"], "abc") == ""
    for contents in (["[E1]", "E2", "2 中"], ["ab", "bc", "ca"]):
        assert all(set(content) & set(telling_characters(contents)) for content in contents)


def test_characters_that_normalisation_turns_into_others():
    """All that SentencePiece's own normaliser turns into them, and no other."""
    model = SentencePieceTokenizer.train(CORPUS, 400, normalization="nmt_nfkc", lower_to_fit=True).model
    rules = sentencepiece_model_pb2.ModelProto.FromString(model).normalizer_spec.precompiled_charsmap
    single = [chr(code) for code in range(1, 0x20000) if not 0xD800 <= code < 0xE000]
    normalised = sentencepiece.SentencePieceNormalizer(rule_name="nmt_nfkc").normalize(single)
    for characters in ("[", "1<", "中"):
        expected = {each for each, after in zip(single, normalised, strict=True) if set(characters) & set(after)}
        assert (
            set(characters_that_may_become(characters, rules)) - {chr(c) for c in range(0x20000, 0x110000)} == expected
        )
        assert characters_that_may_become(characters, b"") == characters
    # Of sequences the first one: e and an acute accent become one letter.
    assert "e" in characters_that_may_become("é", rules)
