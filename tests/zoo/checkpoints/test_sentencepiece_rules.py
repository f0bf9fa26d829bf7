"""Rules of a SentencePiece model and of a tokenizer.json beside it: SentencePiece's usual ones, or refused by name."""

import json

import pytest
from sentencepiece import sentencepiece_model_pb2
from tiny_sentencepiece import MODEL_FILES, write_tokenizer

from zoo.checkpoints.hugging_face import load_sequence_to_sequence_tokenizers
from zoo.errors import UserError


def read(directory, kind="t5"):
    return load_sequence_to_sequence_tokenizers(directory, kind, 10**6)


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    """A directory with spiece.model and the tokenizer.json that transformers writes."""
    directory = tmp_path_factory.mktemp("t5")
    reference = write_tokenizer(directory, "t5")
    model = (directory / "spiece.model").read_bytes()
    reference.save_pretrained(directory)
    (directory / "spiece.model").write_bytes(model)
    (directory / "config.json").write_text("{}")
    return directory


def copy(directory, target):
    for path in directory.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_both_files(t5, tmp_path):
    copy(t5, tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    texts = ["a man rides  a ｈorse.", "größer ½"]
    assert read(t5).source.encode(texts).to_list() == read(tmp_path).source.encode(texts).to_list()


def put(value, *path):
    def change(content):
        for key in path[:-1]:
            content = content[key]
        content[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put(None, "normalizer"), r"its normalizer is another than that of spiece.model"),
        (put({"type": "Lowercase"}, "normalizer"), "normalizer 'Lowercase' is not supported"),
        (put("first", "decoder", "prepend_scheme"), "prepend_scheme 'first' of decoder is not supported"),
        (put(False, "pre_tokenizer", "pretokenizers", 1, "split"), "split False of pre_tokenizer is not supported"),
        (put("never", "pre_tokenizer", "pretokenizers", 1, "prepend_scheme"), "prepend_scheme 'never' of pre_token"),
        (put("_", "pre_tokenizer", "pretokenizers", 1, "replacement"), "replacement '_' of pre_tokenizer"),
        (put({"type": "WhitespaceSplit"}, "pre_tokenizer"), r"pre_tokenizer \['WhitespaceSplit'\] is not supported"),
        (put({"type": "WordPiece"}, "decoder"), "decoder 'WordPiece' is not supported"),
        (put(None, "post_processor"), r"post_processor \[\] is not supported; it must put </s> behind a text"),
        (put(["\u2581dragon", -3.0], "model", "vocab", 20), "token 20 of its vocabulary is another than"),
        (put(True, "model", "byte_fallback"), "must be Unigram without byte_fallback"),
    ],
)
def test_rules_that_are_refused(t5, tmp_path, change, message):
    path = copy(t5, tmp_path) / "tokenizer.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=message):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["t5", "pegasus", "mbart"])
@pytest.mark.parametrize(
    ("spec", "key", "value"),
    [
        ("normalizer_spec", "add_dummy_prefix", False),
        ("normalizer_spec", "remove_extra_whitespaces", False),
        ("normalizer_spec", "escape_whitespaces", False),
        ("trainer_spec", "treat_whitespace_as_suffix", True),
        ("trainer_spec", "model_type", sentencepiece_model_pb2.TrainerSpec.BPE),
    ],
)
def test_models_that_are_refused(tmp_path, kind, spec, key, value):
    write_tokenizer(tmp_path, kind)
    (tmp_path / "config.json").write_text("{}")
    path = tmp_path / MODEL_FILES[kind]
    proto = sentencepiece_model_pb2.ModelProto.FromString(path.read_bytes())
    setattr(getattr(proto, spec), key, value)
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(UserError, match=rf"{path.name}: {key} {value!r} is not supported"):
        read(tmp_path, kind)


@pytest.mark.parametrize("kind", ["UNUSED", "USER_DEFINED"])
def test_pieces_that_transformers_reads_otherwise_are_refused(tmp_path, kind):
    write_tokenizer(tmp_path, "mbart")
    (tmp_path / "config.json").write_text("{}")
    path = tmp_path / MODEL_FILES["mbart"]
    proto = sentencepiece_model_pb2.ModelProto.FromString(path.read_bytes())
    piece = next(each for each in proto.pieces if each.piece == "\u2581and")
    piece.type = getattr(piece, kind)
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(UserError, match=rf"{path.name}: the piece '\u2581and' is {kind.lower()}, which is not"):
        read(tmp_path, "mbart")
