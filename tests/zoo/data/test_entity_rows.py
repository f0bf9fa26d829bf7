"""Rows for token classifiers: tags on the right tokens, windows, counts."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
import transformers

from zoo.data.batches.entity_rows import entity_rows
from zoo.data.batches.label_alignment import TagIds
from zoo.data.readers.entities import Entity, EntityText
from zoo.errors import UserError
from zoo.tokenizers import WordPieceTokenizer

TAGS = TagIds(("person", "place"))


def tokenize(texts):
    """Tokens of at most three letters of blank-separated words; the id is the token's length, offsets are bytes."""
    columns = {"token_ids": [], "word_ids": [], "starts": [], "ends": []}
    for text in texts:
        found, position = [], 0
        for word, letters in enumerate(text.split(" ")):
            for piece in _batched(letters, 3):
                size = len("".join(piece).encode())
                found.append((len(piece), word, position, position + size))
                position += size
            position += 1
        for name, values in zip(columns, zip(*found, strict=True) if found else [()] * 4, strict=True):
            columns[name].append(list(values))
    return SimpleNamespace(**{name: tf.ragged.constant(rows, tf.int32, 1) for name, rows in columns.items()})


def _batched(letters, size):
    return [letters[start : start + size] for start in range(0, len(letters), size)]


TEXTS = [
    EntityText("Ana López in Köln", (Entity(0, 9, "person"), Entity(13, 17, "place"))),
    EntityText(""),
    EntityText("nobody here"),
]


def rows_of(texts, **options):
    return entity_rows(texts, tokenize, TAGS, **{"bos_id": 8, "eos_id": 9, "window": 20, "overlap": 2, **options})


def lists(arrays):
    return [array.tolist() for array in arrays]


def test_words_that_begin_with_a_blank():
    """As those of byte-pair tokenizers do: entities end where words end, and short words are found."""

    def with_blanks(texts):
        tokens = tokenize(texts)
        first = tokens.word_ids.flat_values[1:] != tokens.word_ids.flat_values[:-1]
        shift = tf.cast(tf.concat([[False], first], 0) & (tokens.starts.flat_values > 0), tf.int32)
        tokens.starts = tokens.starts.with_flat_values(tokens.starts.flat_values - shift)
        return tokens

    texts = [*TEXTS[:1], EntityText("in Ö x", (Entity(3, 4, "place"),))]
    options = dict(bos_id=1, eos_id=2, window=20, overlap=0)
    plain, found = (entity_rows(texts, how, TAGS, **options) for how in (tokenize, with_blanks))
    assert (found.report.exact, found.report.moved, found.report.lost) == (3, 0, 0)
    for one, other in zip(plain.tag_ids, found.tag_ids, strict=True):
        np.testing.assert_array_equal(one, other)


def test_tags_of_first_subwords():
    rows = rows_of(TEXTS)
    # Ana Lóp ez in Köl n | nob ody her e
    assert lists(rows.token_ids) == [[8, 3, 3, 2, 2, 3, 1, 9], [8, 3, 3, 3, 1, 9]]
    begin_person, in_person, begin_place = (TAGS.tags.index(tag) for tag in ("B-person", "I-person", "B-place"))
    assert lists(rows.tag_ids) == [
        [0, begin_person, in_person, 0, 0, begin_place, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    assert lists(rows.weights) == [[0, 1, 1, 0, 1, 1, 0, 0], [0, 1, 0, 1, 0, 0]]
    assert rows.num_texts == 3 and len(rows) == 2 and rows.text_ids == [0, 2]
    assert (rows.report.exact, rows.report.moved, rows.report.lost) == (2, 0, 0)
    counts = dict(zip(TAGS.tags, rows.word_counts.tolist(), strict=True))
    assert counts == {"O": 3, "B-person": 1, "I-person": 1, "B-place": 1, "I-place": 0}


def test_tags_of_all_subwords():
    rows = rows_of(TEXTS[:1], subwords="all")
    begin_person, in_person, begin_place = (TAGS.tags.index(tag) for tag in ("B-person", "I-person", "B-place"))
    assert lists(rows.tag_ids) == [[0, begin_person, in_person, in_person, 0, begin_place, begin_place, 0]]
    assert lists(rows.weights) == [[0, 1, 1, 1, 1, 1, 1, 0]]


def test_words_inside_a_token_of_the_file_have_labels_in_entities_only():
    text = "ab cde Ana Ló fg"
    begin, inside = (TAGS.tags.index(tag) for tag in ("B-person", "I-person"))

    def labelled(*tokens):
        rows = rows_of([EntityText(text, (Entity(7, 13, "person"),), tokens)])
        found = zip(rows.tag_ids[0].tolist(), rows.weights[0].tolist(), strict=True)
        return [tag if weight else None for tag, weight in found][1:-1], rows.word_counts.sum()

    assert labelled((0, 6), (7, 13), (14, 16)) == ([0, None, begin, inside, 0], 4)
    assert labelled((0, 2), (3, 6), (7, 10), (11, 13), (14, 16)) == ([0, 0, begin, inside, 0], 5)
    assert labelled((0, 16)) == ([0, None, begin, inside, None], 3)
    assert labelled() == ([0, None, begin, inside, None], 3)


def test_first_words_of_file_tokens_have_the_labels_of_transformers():
    """As its token classification examples align them; "first" has labels behind punctuation in entities too."""
    words = ["@Zoë", "http://t.co/a", "don't", "visit", "Wörld-Trade", "#Center", ".", "naïve", "東京", "U.S."]
    text = " ".join(words)
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    tokens = tuple((int(start), int(start) + len(word)) for start, word in zip(starts, words, strict=True))
    tokenizer = WordPieceTokenizer.train([text, "zoe don visit world trade center naive"], 72)

    def labels(subwords):
        rows = entity_rows(
            [EntityText(text, (Entity(tokens[4][0], tokens[5][1], "place"),), tokens)],
            tokenizer.tokenize_with_offsets,
            TAGS,
            bos_id=tokenizer.bos_id,
            eos_id=tokenizer.eos_id,
            window=200,
            overlap=0,
            subwords=subwords,
        )
        assert rows.report.exact == 1 and rows.word_counts.sum() == rows.weights[0].sum()
        found = zip(rows.tag_ids[0].tolist(), rows.weights[0].tolist(), strict=True)
        return rows.token_ids[0].tolist(), [tag if weight else None for tag, weight in found]

    reference = transformers.BertTokenizerFast(vocab={token: index for index, token in enumerate(tokenizer.vocabulary)})
    encoding = reference(words, is_split_into_words=True)
    tags = ["O", "O", "O", "O", "B-place", "I-place", *["O"] * 4]
    expected, before = [], None
    for word in encoding.word_ids():
        expected.append(None if word is None or word == before else TAGS.tags.index(tags[word]))
        before = word
    assert labels("token") == (encoding["input_ids"], expected)
    _, found = labels("first")
    more = [one for one, other in zip(found, expected, strict=True) if one != other]
    # The hyphen, Trade and Center.
    assert more == [TAGS.tags.index("I-place")] * 3
    assert all(one == other for one, other in zip(found, expected, strict=True) if other is not None)


def test_long_texts_come_in_windows():
    text = EntityText("a b c d e f g", (Entity(4, 5, "place"),))
    rows = rows_of([text, TEXTS[2]], window=6, overlap=2)
    assert rows.text_ids == [0, 0, 0, 1]
    rows = rows_of([text], window=6, overlap=2)
    place = TAGS.tags.index("B-place")
    assert lists(rows.tag_ids) == [[0, 0, 0, place, 0, 0], [0, place, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    assert all(ids[0] == 8 and ids[-1] == 9 and len(ids) == 6 for ids in rows.token_ids)
    assert rows.word_counts.sum() == 7
    with pytest.raises(UserError, match="stride must be between 1 and the window of 4 tokens, not 0"):
        rows_of([text], window=6, overlap=4)


def test_more_texts_than_a_chunk():
    rows = rows_of([TEXTS[0]] * 1100)
    assert len(rows) == 1100 and len({tuple(ids) for ids in lists(rows.tag_ids)}) == 1
    assert rows.report.exact == 2200 and np.issubdtype(rows.weights[0].dtype, np.integer)


def test_unknown_labels_do_not_pass():
    with pytest.raises(KeyError, match="B-food"):
        rows_of([EntityText("a", (Entity(0, 1, "food"),))])
