import pytest

from zoo.errors import UserError
from zoo.tokenizers import WordPieceTokenizer

GOOD = ["[PAD]", "[UNK]", "a", "##a"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
def test_file_with_one_entry_a_line(tmp_path, end, last):
    path = tmp_path / "vocab.txt"
    # Line ends of Unicode are characters of entries.
    entries = [*GOOD, "\u2028", "x\x85y"]
    path.write_bytes((end.join(entries) + (end if last else "")).encode())
    tokenizer = WordPieceTokenizer.from_vocabulary_file(path, lowercase=False, max_word_length=3)
    assert tokenizer.vocabulary == tuple(entries)
    assert (tokenizer.lowercase, tokenizer.strip_accents, tokenizer.max_word_length) == (False, False, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"vocab\.txt is empty"),
        (b"[PAD]\n[UNK]\na\xff\n", r"vocab\.txt, line 3: not UTF-8"),
        (b"[PAD]\n[UNK]\na\tb\n", r"vocab\.txt, line 3: the entry 'a\\tb' holds a tab"),
        (b"[PAD]\na\n", r"vocab\.txt has no line \[UNK\]"),
        (b"<pad>\n[UNK]\na\n", r"vocab\.txt has no line \[PAD\]"),
    ],
)
def test_bad_files_are_named_with_the_line(tmp_path, content, message):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        WordPieceTokenizer.from_vocabulary_file(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.txt cannot be read"):
        WordPieceTokenizer.from_vocabulary_file(tmp_path / "nowhere.txt")
    with pytest.raises(UserError, match="cannot be read"):
        WordPieceTokenizer.from_vocabulary_file(tmp_path)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ("[PAD]", "list of entries"),
        ([], r"no \[PAD\]"),
        (["[PAD]", "a"], r"no \[UNK\]"),
        ([*GOOD, 7], "entry 4 is int"),
        ([*GOOD, "a\n"], "entry 4 .* holds a tab or line end"),
    ],
)
def test_bad_vocabularies(vocabulary, message):
    with pytest.raises(UserError, match=message):
        WordPieceTokenizer(vocabulary)
