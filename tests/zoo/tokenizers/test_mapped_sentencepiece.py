"""Marian's tokenizer against transformers' MarianTokenizer: ids of texts and texts of ids."""

import json
import random

import marian_files
import pytest
import tensorflow as tf
import transformers

from zoo.errors import UserError
from zoo.tokenizers import MappedSentencePieceTokenizer, load

SPECIAL = ("</s>", "<unk>", "<pad>", "<s>")
TARGET_WORDS = ["das", "Pferd", "größer", "ein", "Übung", "läuft", "中文", "für", "Straße", "weiß"]
HARD_TEXTS = [
    "",
    " ",
    "   blanks   everywhere  ",
    "\t\r\n",
    "\x00a\x00",
    "▁▁ x",
    "中文",
    "the 中文 horse",
    "😀😀 the",
    "e\u0301 ﬁ ½ ①",
    "<",
    "\u00a0\u3000\u2028x\u0085",
    "\ufeffbom\ufffd",
    ">>fra<< the horse",
    ">>deu<<the horse",
    " >>deu<< the horse",
    ">>xxx<< the horse",
    ">><< the",
    ">>a\nb<< the",
    ">>fra<< >>deu<< the",
    ">>fra<<",
    ">> open",
    "the >>fra<< horse",
    "»quoted« – “dash”…",
    "x" * 3000,
]


@pytest.fixture(scope="module")
def models(corpus):
    generator = random.Random(3)
    target = [" ".join(generator.choices(TARGET_WORDS, k=5)) for _ in range(300)]
    return marian_files.spm(corpus, 300), marian_files.spm(target, 90, model_type="bpe", normalization_rule_name="nfkc")


@pytest.fixture(scope="module")
def joint(models, tmp_path_factory):
    """Ours for source and target, and transformers', of one vocabulary."""
    directory = tmp_path_factory.mktemp("joint")
    marian_files.write(directory, *models)
    ours = [
        MappedSentencePieceTokenizer.from_files(directory / name, directory / "vocab.json")
        for name in ("source.spm", "target.spm")
    ]
    return *ours, transformers.MarianTokenizer.from_pretrained(directory)


def texts_to_compare(corpus):
    generator = random.Random(11)
    characters = "".join(corpus)[:4000] + "äß中😀\u0301»–\t\n\x00\u00a0<>▁"
    random_texts = ["".join(generator.choices(characters, k=generator.randrange(1, 40))) for _ in range(1500)]
    mixed = [" ".join(generator.choices([*corpus, *TARGET_WORDS, *HARD_TEXTS[:-1]], k=3)) for _ in range(500)]
    codes = [generator.choice([">>fra<<", ">>deu<< ", ">>und<<"]) + text for text in corpus[:200]]
    texts = [*HARD_TEXTS, *corpus, *random_texts, *mixed, *codes]
    return [text for text in texts if not any(token in text for token in SPECIAL)]


def test_ids_are_those_of_transformers(joint, corpus):
    source, target, reference = joint
    texts = texts_to_compare(corpus)
    assert len(texts) >= 2000
    expected = reference(texts, add_special_tokens=False)["input_ids"]
    assert source.encode(texts).to_list() == expected
    assert {source.unk_id, source.vocabulary.index(">>fra<<")} <= set().union(*expected)
    expected = reference(text_target=texts, add_special_tokens=False)["input_ids"]
    assert target.encode(texts).to_list() == expected
    assert [source.eos_id] == reference("")["input_ids"]
    assert (source.pad_id, source.unk_id) == (reference.pad_token_id, reference.unk_token_id)


def test_texts_are_those_of_transformers(joint, corpus):
    """Of ids of texts, and of any ids, which models may produce."""
    source, target, reference = joint
    generator = random.Random(5)
    rows = [generator.choices(range(source.vocabulary_size), k=generator.randrange(0, 12)) for _ in range(1500)]
    rows += target.encode(texts_to_compare(corpus)[:600]).to_list()
    expected = reference.batch_decode(rows, skip_special_tokens=True)
    assert [text.decode() for text in target.decode(rows).numpy()] == expected
    assert [text.decode() for text in source.decode(rows).numpy()] == expected
    padded = tf.ragged.constant(rows[:50], tf.int32, ragged_rank=1).to_tensor(target.pad_id)
    assert [text.decode() for text in target.decode(padded).numpy()] == expected[:50]


def test_blanks_before_punctuation(models, tmp_path):
    """clean_up_tokenization_spaces, which tokenizer_config.json of many a model has."""
    vocabulary, _ = marian_files.write(tmp_path, *models, config={"clean_up_tokenization_spaces": True})
    words = [f"\u2581{word}" for word in (".", "?", "!", ",", "'", "n't", "'m", "'s", "'ve", "'re", "a", "b")]
    vocabulary = [*vocabulary, *(word for word in words if word not in vocabulary)]
    (tmp_path / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(vocabulary)}))
    reference = transformers.MarianTokenizer.from_pretrained(tmp_path)
    ours = MappedSentencePieceTokenizer(models[1], vocabulary, clean_up_spaces=True)
    generator = random.Random(9)
    rows = [[vocabulary.index(word) for word in generator.choices(words, k=8)] for _ in range(300)]
    expected = reference.batch_decode(rows, skip_special_tokens=True)
    assert [text.decode() for text in ours.decode(rows).numpy()] == expected


def test_two_vocabularies(models, tmp_path):
    source, target = marian_files.write(tmp_path, *models, joint=False)
    assert source != target
    reference = transformers.MarianTokenizer.from_pretrained(tmp_path)
    ours = MappedSentencePieceTokenizer.from_files(tmp_path / "target.spm", tmp_path / "target_vocab.json")
    texts = [f"{a} {b}" for a in TARGET_WORDS for b in TARGET_WORDS]
    rows = reference(text_target=texts, add_special_tokens=False)["input_ids"]
    assert ours.encode(texts).to_list() == rows
    assert [text.decode() for text in ours.decode(rows).numpy()] == reference.batch_decode(
        rows, skip_special_tokens=True
    )


def test_text_yields_no_special_token(joint):
    source, _, reference = joint
    assert source.eos_id in reference("a </s> b", add_special_tokens=False)["input_ids"]
    ids = set().union(*source.encode(["a </s> b", "<pad>", "</s>", "<s>"]).to_list())
    assert not ids & {source.eos_id, source.pad_id}


def test_saved_and_inside_a_saved_model(joint, tmp_path, corpus):
    source = joint[0]
    source.save(tmp_path / "tokenizer")
    again = load(tmp_path / "tokenizer")
    texts = [*HARD_TEXTS, *corpus[:20]]
    expected = source.encode(texts).to_list()
    assert type(again) is MappedSentencePieceTokenizer and again.encode(texts).to_list() == expected
    assert again.vocabulary == source.vocabulary and again.token_to_id(">>deu<<") == 3
    module = tf.Module()
    module.tokenizer = again
    module.encode = tf.function(again.encode, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(module, str(tmp_path / "saved"))
    found = tf.saved_model.load(str(tmp_path / "saved")).encode(tf.constant(texts))
    assert found.to_list() == expected
    assert again.encode(tf.constant([], tf.string)).to_list() == []
    (tmp_path / "tokenizer" / "vocabulary.json").write_text("[]")
    with pytest.raises(UserError, match=r"vocabulary.json is truncated or was altered"):
        load(tmp_path / "tokenizer")


def test_language_codes_are_text_where_they_are_not_wanted(joint):
    source = joint[0]
    plain = MappedSentencePieceTokenizer(source.model, source.vocabulary, language_prefix=False)
    assert plain.encode([">>fra<< a"]).to_list() != source.encode([">>fra<< a"]).to_list()
    assert plain.encode(["a man"]).to_list() == source.encode(["a man"]).to_list()


def test_files_that_cannot_be_used(joint, models, tmp_path):
    source = joint[0]
    marian_files.write(tmp_path, *models)
    files = tmp_path / "source.spm", tmp_path / "vocab.json"
    with pytest.raises(UserError, match="the vocabulary holds an entry twice"):
        MappedSentencePieceTokenizer(source.model, [*source.vocabulary, "<pad>"])
    with pytest.raises(UserError, match="the vocabulary has no '<pad>', which is a special token"):
        MappedSentencePieceTokenizer(source.model, source.vocabulary[:-1])
    with pytest.raises(UserError, match="not a SentencePiece model"):
        MappedSentencePieceTokenizer(b"spm", source.vocabulary)
    (tmp_path / "vocab.json").write_text(json.dumps({"<unk>": 0, "</s>": 2}))
    with pytest.raises(UserError, match=r"vocab.json does not number its entries from 0 without gaps"):
        MappedSentencePieceTokenizer.from_files(*files)
    (tmp_path / "vocab.json").write_text("{")
    with pytest.raises(UserError, match=r"vocab.json is damaged"):
        MappedSentencePieceTokenizer.from_files(*files)
    (tmp_path / "source.spm").unlink()
    with pytest.raises(UserError, match=r"source.spm cannot be read: No such file"):
        MappedSentencePieceTokenizer.from_files(*files)
    with pytest.raises(IndexError, match="token id -1 is outside the vocabulary"):
        source.id_to_token([-1])
    with pytest.raises(KeyError):
        source.token_to_id("no such piece")
    assert source.id_to_token([0, 1]) == ["</s>", "<unk>"]
