"""Tokenizers of mBART, PEGASUS and T5 directories against the sentencepiece package and transformers' tokenizers."""

import json
import random
import unicodedata

import pytest
import sentencepiece
from tiny_checkpoints import TARGET_WORDS, WORDS, sentences
from tiny_sentencepiece import MODEL_FILES, TOKENIZERS, write_tokenizer

from zoo.checkpoints.hugging_face import load_sequence_to_sequence_tokenizers
from zoo.errors import UserError

HARD_TEXTS = [
    *("", " ", "   blanks   everywhere  ", "\t\r\n", "a\tman\n", "\x00a\x00", "▁▁ x", "a▁man", "中文 字"),
    *("the 中文 horse", "😀😀 the", "e\u0301 ﬁ ½ ① ＡＢｃ", "\u00a0\u3000\u2028x\u0085", "\ufeffbom\ufffd\u200b"),
    *("가힣", "ก็", "»quoted« – “dash”…", "en_XX the horse", "the ro_RO", "</s> <s> <pad> <unk>", "<mask> <mask_1>"),
    *("<unk_2> <extra_id_0>", "x" * 3000),
]
# Where each piece of the model file is in the family's numbering: unknown, and the rest.
NUMBERS = {"mbart": (3, 1), "mbart50": (3, 1), "pegasus": (105, 103), "t5": (2, 0)}


def texts_to_compare():
    generator = random.Random(11)
    characters = "".join(WORDS + TARGET_WORDS) + "    \t\n\u00a0\u3000é\u0301ﬁ½①😀▁<>.,\u200b\ufeff\x00ＡＢｃ가힣ก็"
    fuzz = ["".join(generator.choices(characters, k=generator.randrange(1, 40))) for _ in range(1500)]
    return [*HARD_TEXTS, *sentences(300), *sentences(300, TARGET_WORDS), *fuzz]


def comparable(text, reference):
    """Whether transformers reads a text as its model file does: not with marks of blanks, special tokens, and combining
    characters, before which its normaliser can lose a character."""
    marked = "▁" in text or any(token in text for token in reference.all_special_tokens)
    return not marked and not any(unicodedata.category(character) == "Mn" for character in text)


@pytest.fixture(scope="module", params=list(TOKENIZERS))
def tokenizers(request, tmp_path_factory):
    """Kind, directory, what the zoo makes of it, transformers' tokenizer and the model file's processor."""
    kind = request.param
    directory = tmp_path_factory.mktemp(kind)
    reference = write_tokenizer(directory, kind)
    (directory / "config.json").write_text("{}")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(directory / MODEL_FILES[kind]))
    return kind, directory, read(directory, kind, len(reference)), reference, processor


def read(directory, kind, size=1000, **languages):
    return load_sequence_to_sequence_tokenizers(directory, kind.removesuffix("50"), size, **languages)


def test_ids_are_those_of_the_model_file(tokenizers):
    kind, _, found, _, processor = tokenizers
    added = [token.content for token in found.source.added_tokens if not token.control]
    texts = [text for text in texts_to_compare() if not any(token in text for token in added)]
    unknown, offset = NUMBERS[kind]
    expected = [
        [unknown if piece == processor.unk_id() else piece + offset for piece in row] for row in processor.encode(texts)
    ]
    assert found.source.encode(texts).to_list() == expected and found.target is found.source
    assert len({piece for row in expected for piece in row}) > 50 and len(texts) > 2000


def test_ids_are_those_of_transformers(tokenizers):
    """Of texts as the model file normalises them, which transformers 5 does only in part."""
    _, _, found, reference, processor = tokenizers
    texts = [text for text in texts_to_compare() if comparable(text, reference)]
    normalised = [text.replace("▁", " ").strip(" ") for text in processor.normalize(texts)]
    # Sentences need no normalisation.
    assert sum(a == b for a, b in zip(texts, normalised, strict=True)) > 700 and len(texts) > 1500
    around = (found.source_prefix_ids, found.source_suffix_ids)
    ours = [[*around[0], *row, *around[1]] for row in found.source.encode(texts).to_list()]
    assert ours == reference(normalised)["input_ids"]


def test_texts_are_those_of_transformers(tokenizers):
    """Of ids of texts, and of any ids, which models may produce; without the blanks before the first word."""
    _, _, found, reference, _ = tokenizers
    tokenizer = found.target
    generator = random.Random(5)
    rows = [generator.choices(range(tokenizer.vocabulary_size), k=generator.randrange(0, 12)) for _ in range(1500)]
    rows += tokenizer.encode(texts_to_compare()[:600]).to_list()
    expected = [text.lstrip(" ") for text in reference.batch_decode(rows, skip_special_tokens=True)]
    assert [text.decode() for text in tokenizer.decode(rows).numpy()] == expected


def test_special_tokens(tokenizers):
    kind, _, found, reference, _ = tokenizers
    tokenizer = found.source
    assert tokenizer.vocabulary_size == len(reference)
    assert tokenizer.id_to_token(range(len(reference))) == reference.convert_ids_to_tokens(range(len(reference)))
    for role in ("pad", "eos", "unk"):
        assert getattr(tokenizer, f"{role}_id") == getattr(reference, f"{role}_token_id")
    assert tokenizer.bos_id == (None if kind in ("pegasus", "t5") else reference.convert_tokens_to_ids("<s>"))


def test_tokenizer_json_alone(tokenizers, tmp_path):
    """What transformers 5 saves."""
    kind, _, found, reference, _ = tokenizers
    reference.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert not (tmp_path / MODEL_FILES[kind]).exists()
    if kind == "mbart":
        with pytest.raises(UserError, match=r"tokenizer.json lacks the normalisation of sentencepiece"):
            read(tmp_path, kind)
        return
    again = read(tmp_path, kind)
    texts = texts_to_compare()
    assert again.source.encode(texts).to_list() == found.source.encode(texts).to_list()
    assert again.source_prefix_ids == found.source_prefix_ids and again.max_source_length == 512
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    for part, words in (
        ({"model": {"type": "BPE"}}, "a model of type 'BPE' is not supported for this family"),
        ({"pre_tokenizer": {"type": "ByteLevel"}}, "pre-tokenizers other than WhitespaceSplit and Metaspace"),
    ):
        (tmp_path / "tokenizer.json").write_text(json.dumps({**content, **part}))
        with pytest.raises(UserError, match=words):
            read(tmp_path, kind)


def test_files_that_cannot_be_used(tokenizers, tmp_path):
    kind, directory, *_ = tokenizers
    (tmp_path / "config.json").write_text("{}")
    config = tmp_path / "tokenizer_config.json"
    for content, words in (
        ({"tokenizer_class": "XLNetTokenizer"}, "tokenizer_class 'XLNetTokenizer' .*is not supported"),
        ({"tokenizer_class": TOKENIZERS[kind].__name__, "eos_token": "<end>"}, "eos_token '<end>' is not supported"),
        ({"tokenizer_class": TOKENIZERS[kind].__name__}, f"neither {MODEL_FILES[kind]} nor tokenizer.json"),
    ):
        config.write_text(json.dumps(content))
        with pytest.raises(UserError, match=words):
            read(tmp_path, kind)
    model = (directory / MODEL_FILES[kind]).read_bytes()
    (tmp_path / MODEL_FILES[kind]).write_bytes(model[: len(model) // 2])
    with pytest.raises(UserError, match=rf"{MODEL_FILES[kind]}: .*truncated"):
        read(tmp_path, kind)
    other = "pegasus" if kind.startswith("mbart") else "mbart"
    write_tokenizer(tmp_path / "other", other)
    (tmp_path / "other" / MODEL_FILES[other]).rename(tmp_path / MODEL_FILES[kind])
    with pytest.raises(UserError, match=r"begins with the pieces .*; those of its family begin with"):
        read(tmp_path, kind)
