import json
import shutil

import pytest

from zoo import tokenizers
from zoo.errors import UserError
from zoo.tokenizers import SentencePieceTokenizer


@pytest.fixture
def directory(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "preset" / "tokenizer")
    return tmp_path / "preset" / "tokenizer"


def test_save_and_load(tokenizer, directory):
    texts = ["a horse\t▁", "  ", "語"]
    for loaded in (tokenizers.load(directory), tokenizers.load(str(directory)), SentencePieceTokenizer.load(directory)):
        assert type(loaded) is SentencePieceTokenizer
        assert loaded.vocabulary_size == tokenizer.vocabulary_size
        assert loaded.escaped
        assert loaded.encode(texts).to_list() == tokenizer.encode(texts).to_list()
    assert sorted(path.name for path in directory.iterdir()) == ["sentencepiece.model", "tokenizer.json"]
    assert json.loads((directory / "tokenizer.json").read_text())["class"] == "SentencePieceTokenizer"


def test_saving_again_replaces(tokenizer, directory, corpus):
    other = SentencePieceTokenizer.train(corpus, 400)
    other.save(directory)
    assert tokenizers.load(directory).vocabulary_size == 400


@pytest.mark.parametrize("name", ["sentencepiece.model", "tokenizer.json"])
def test_missing_file_is_named(directory, name):
    (directory / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing"):
        tokenizers.load(directory)


def test_missing_directory_and_file_for_directory(directory, tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        tokenizers.load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is a file"):
        tokenizers.load(directory / "sentencepiece.model")


def test_truncated_or_altered_model_is_named(directory):
    path = directory / "sentencepiece.model"
    content = path.read_bytes()
    altered = bytearray(content)
    altered[len(content) // 2] ^= 1
    for damaged in (content[:-1], content[: len(content) // 2], b"", bytes(altered), content + b"\n"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"sentencepiece\.model is truncated or was altered"):
            tokenizers.load(directory)


@pytest.mark.parametrize("content", [b"", b'{"class": "Sent', b"[]", b'{"class": 3}', b"\xff\xfe", b"{}"])
def test_damaged_config_is_named(directory, content):
    (directory / "tokenizer.json").write_bytes(content)
    with pytest.raises(UserError, match=r"tokenizer\.json"):
        tokenizers.load(directory)


@pytest.mark.parametrize("sums", [None, 3, {}, {"sentencepiece.model": None}])
def test_config_without_checksum(directory, sums):
    config = json.loads((directory / "tokenizer.json").read_text())
    config["sha256"] = sums
    (directory / "tokenizer.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"sentencepiece\.model"):
        tokenizers.load(directory)


def test_unknown_class_is_named(directory):
    (directory / "tokenizer.json").write_text('{"class": "MorseTokenizer"}')
    with pytest.raises(UserError, match=r"MorseTokenizer.*SentencePieceTokenizer"):
        tokenizers.load(directory)
    with pytest.raises(UserError, match="MorseTokenizer"):
        SentencePieceTokenizer.load(directory)


def test_failed_save_leaves_the_old_files(tokenizer, directory, corpus, full_disk):
    with pytest.raises(OSError, match="No space"):
        SentencePieceTokenizer.train(corpus, 400).save(directory)
    assert tokenizers.load(directory).vocabulary_size == 420
    assert len(list(directory.iterdir())) == 2


def test_moved_directory_still_loads(directory, tmp_path):
    shutil.move(directory, tmp_path / "moved")
    assert tokenizers.load(tmp_path / "moved").vocabulary_size == 420
