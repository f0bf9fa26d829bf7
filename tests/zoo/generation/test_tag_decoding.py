"""Viterbi against all tag sequences, spans against a plain loop, in graph and eagerly."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from zoo.errors import UserError
from zoo.generation.tag_decoding import TagRules, best_tags, tag_spans

BIO = ("O", "B-a", "I-a", "B-b", "I-b")
SHUFFLED = ("I-b", "B-b", "I-a", "O", "B-a")
BIOES = ("O", "B-a", "I-a", "E-a", "S-a")


def is_legal(tags, scheme):
    """The definition of the schemes, written out over strings."""
    padded = ["O", *tags, "O"]
    for before, here in itertools.pairwise(padded):
        if scheme == "BIO" and here[0] == "I" and before not in (f"B{here[1:]}", f"I{here[1:]}"):
            return False
        if scheme == "BIOES":
            if here[0] in "IE" and before not in (f"B{here[1:]}", f"I{here[1:]}"):
                return False
            if before[0] in "BI" and here not in (f"I{before[1:]}", f"E{before[1:]}"):
                return False
    return True


def spelled(tags):
    """Entities of a legal sequence as (first, end, label)."""
    spans = []
    for position, tag in enumerate(tags):
        if tag[0] in "BS":
            spans.append([position, position + 1, tag[2:]])
        elif tag != "O":
            spans[-1][1] = position + 1
    return [tuple(span) for span in spans]


def search(tags, scheme, scores, transitions, begin, end):
    """The best legal sequence of all."""
    best, best_sum = None, -np.inf
    for ids in itertools.product(range(len(tags)), repeat=len(scores)):
        if not is_legal([tags[number] for number in ids], scheme):
            continue
        total = sum(scores[t, number] for t, number in enumerate(ids))
        if ids:
            total += begin[ids[0]] + end[ids[-1]]
        total += sum(transitions[a, b] for a, b in itertools.pairwise(ids))
        if total > best_sum:
            best, best_sum = ids, total
    return list(best)


def in_graph(function, *specs):
    return tf.function(function, [tf.TensorSpec(shape, dtype) for shape, dtype in specs], autograph=False)


@pytest.mark.parametrize(
    ("tags", "scheme"), [(BIO, "BIO"), (SHUFFLED, "BIO"), (BIOES, "BIOES"), (BIO, "IOB1"), (("B-a", "I-a"), "BIO")]
)
@pytest.mark.parametrize("learned", [False, True])
def test_equals_the_best_of_all_sequences(tags, scheme, learned):
    rng = np.random.default_rng(len(tags) + learned)
    num_tags = len(tags)
    rules = TagRules(tags, scheme)
    lengths = np.array([5, 0, 1, 3, 5, 2, 4, 5], "int32")
    scores = rng.normal(size=(8, 5, num_tags)).astype("float32")
    scores[:4] *= 20
    learned_scores = [rng.normal(size=size).astype("float32") for size in ((num_tags, num_tags), num_tags, num_tags)]
    options = dict(zip(("transitions", "begin_scores", "end_scores"), learned_scores, strict=True)) if learned else {}
    decode = in_graph(
        lambda scores, lengths: best_tags(scores, lengths, rules, **options),
        ([None, None, num_tags], tf.float32),
        ([None], tf.int32),
    )
    found = decode(scores, lengths).numpy()
    zero = [np.zeros((num_tags, num_tags)), np.zeros(num_tags), np.zeros(num_tags)]
    changed = 0
    for row, length in enumerate(lengths):
        expected = search(tags, scheme, scores[row, :length], *(learned_scores if learned else zero))
        assert found[row, :length].tolist() == expected
        changed += expected != scores[row, :length].argmax(-1).tolist()
        assert (found[row, length:] == 0).all()
    assert changed >= (1 if scheme != "IOB1" or learned else 0)
    np.testing.assert_array_equal(ops.convert_to_numpy(best_tags(scores, lengths, rules, **options)), found)


def test_a_row_does_not_depend_on_the_others():
    rng = np.random.default_rng(0)
    rules = TagRules(BIO)
    scores = rng.normal(size=(3, 9, 5)).astype("float32")
    lengths = np.array([9, 4, 6], "int32")
    together = ops.convert_to_numpy(best_tags(scores, lengths, rules))
    scores[1, 4:] = 1e3
    spoilt = ops.convert_to_numpy(best_tags(scores, lengths, rules))
    np.testing.assert_array_equal(together, spoilt)
    alone = ops.convert_to_numpy(best_tags(scores[1:2, :4], lengths[1:2], rules))
    np.testing.assert_array_equal(alone[0], together[1, :4])


def test_long_text_keeps_its_precision():
    """A weak preference at the end of 20,000 words whose scores add up to more than float32 can resolve."""
    scores = np.full((1, 20_000, 3), -50.0, "float32")
    scores[:, :, 0] = -40.0
    scores[0, -2:] = [[-40.0, -40.01, -60.0], [-40.0, -60.0, -39.98]]
    rules = TagRules(("O", "B-a", "I-a"))
    decode = tf.function(lambda scores: best_tags(scores, [20_000], rules), autograph=False)
    found = decode(scores).numpy()
    assert found[0, -3:].tolist() == [0, 1, 2]
    assert found[0, :-2].max() == 0


def test_impossible_scores_still_give_a_legal_sequence():
    scores = np.full((1, 3, 5), -np.inf, "float32")
    scores[0, :, 2] = 0.0
    found = ops.convert_to_numpy(best_tags(scores, [3], TagRules(BIO)))
    assert is_legal([BIO[number] for number in found[0]], "BIO")
    assert found[0, 1:].tolist() == [2, 2]


@pytest.mark.parametrize("max_spans", [None, 2, 40])
@pytest.mark.parametrize(("tags", "scheme"), [(SHUFFLED, "BIO"), (BIOES, "BIOES")])
def test_spans(tags, scheme, max_spans):
    rng = np.random.default_rng(3)
    rules = TagRules(tags, scheme)
    lengths = np.array([12, 0, 7, 12, 1, 12], "int32")
    scores = rng.normal(size=(6, 12, 5)).astype("float32") * 2
    scores[3, :, tags.index("O")] = 30  # a text without an entity

    def decode(scores, lengths):
        found = best_tags(scores, lengths, rules)
        return found, tag_spans(found, scores, lengths, rules, max_spans)

    found, spans = in_graph(decode, ([None, None, 5], tf.float32), ([None], tf.int32))(scores, lengths)
    found, spans = found.numpy(), type(spans)(*(part.numpy() for part in spans))
    exact = scores.astype("float64")
    log_probs = exact - np.log(np.exp(exact).sum(-1, keepdims=True))
    most = 0
    for row, length in enumerate(lengths):
        all_expected = spelled([tags[number] for number in found[row, :length]])
        most = max(most, len(all_expected))
        expected = all_expected[:max_spans]
        assert spans.counts[row] == len(expected)
        for number, (first, end, label) in enumerate(expected):
            assert (spans.starts[row, number], spans.ends[row, number]) == (first, end)
            assert rules.labels[spans.label_ids[row, number]] == label
            mean = np.mean([log_probs[row, t, found[row, t]] for t in range(first, end)])
            np.testing.assert_allclose(spans.scores[row, number], np.exp(mean), rtol=1e-5)
        for part in spans[:4]:
            assert (part[row, len(expected) :] == 0).all()
    assert spans.starts.shape == (6, most if max_spans is None else max_spans)
    assert most > 2
    assert spans.counts[3] == 0


def test_sequences_that_break_the_scheme_are_read_as_conlleval_reads_them():
    ids = np.array([[2, 2, 4, 1, 2, 0, 4]], "int32")  # I-a I-a I-b B-a I-a O I-b
    spans = tag_spans(ids, np.zeros((1, 7, 5), "float32"), [7], TagRules(BIO))
    pairs = np.stack([ops.convert_to_numpy(spans.starts), ops.convert_to_numpy(spans.ends)], -1)
    assert pairs.tolist() == [[[0, 2], [2, 3], [3, 5], [6, 7]]]
    np.testing.assert_allclose(ops.convert_to_numpy(spans.scores), 0.2, rtol=1e-6)


@pytest.mark.parametrize(("num_rows", "num_words"), [(0, 0), (0, 4), (3, 0), (2, 1)])
def test_nothing_to_decode(num_rows, num_words):
    rules = TagRules(BIO)
    decode = in_graph(
        lambda scores, lengths: tag_spans(best_tags(scores, lengths, rules), scores, lengths, rules),
        ([None, None, 5], tf.float32),
        ([None], tf.int32),
    )
    spans = decode(np.zeros((num_rows, num_words, 5), "float32"), np.zeros(num_rows, "int32"))
    assert spans.starts.shape == spans.scores.shape == (num_rows, 1)
    assert spans.counts.numpy().tolist() == [0] * num_rows


def test_tags_that_cannot_be_decoded():
    for tags, scheme, message in (
        (("O", "person"), "BIO", "'person' is no tag of BIO"),
        (("O", "S-a"), "BIO", "'S-a' is no tag of BIO"),
        (("O", "B-a", "B-a"), "BIO", "'B-a' comes twice"),
        (("I-a",), "BIO", "no sequence can begin"),
        (("O", "B-a"), "BIOES", "nothing may follow B-a"),
        (BIO, "IO", "cannot be decoded as 'IO'"),
    ):
        with pytest.raises(UserError, match=message):
            TagRules(tags, scheme)
