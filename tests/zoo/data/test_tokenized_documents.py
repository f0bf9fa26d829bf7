import numpy as np
import pytest

from zoo.data.batches import tokenized_documents
from zoo.data.batches.tokenized_documents import TokenizedDocuments
from zoo.errors import UserError
from zoo.tokenizers import WordPieceTokenizer

TOKENIZER = WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##b", "##c", ".", "d"])


@pytest.mark.parametrize("chunk", [1, 2, 1024])
def test_tokens_words_lines_and_documents(monkeypatch, chunk):
    monkeypatch.setattr(tokenized_documents, "_CHUNK_LINES", chunk)
    nothing = "\u200b"
    documents = [["abc.", nothing, "d"], [nothing], ["d", "d", "ab a x"]]
    found = TokenizedDocuments.encode(documents, TOKENIZER.tokenize_with_offsets)
    lines = [["a", "##b", "##c", "."], ["d"], ["d"], ["d"], ["a", "##b", "a", "[UNK]"]]
    assert TOKENIZER.id_to_token(found.tokens) == [token for line in lines for token in line]
    assert found.word_starts.tolist() == [token[:2] != "##" for line in lines for token in line] + [True]
    assert found.line_splits.tolist() == np.cumsum([0, *map(len, lines)]).tolist()
    assert found.document_splits.tolist() == [0, 2, 5] and len(found) == 2
    assert found.token_splits.tolist() == [0, 5, 11]
    assert found.tokens.dtype == np.int32 and found.word_starts.dtype == bool


def test_text_without_tokens_is_refused():
    with pytest.raises(UserError, match=r"corpus.txt: the tokenizer finds no token"):
        TokenizedDocuments.encode([["\u200b"]], TOKENIZER.tokenize_with_offsets, "corpus.txt")
