"""Subword regularisation: random segmentations that spell the text, repeatable, and as random as asked for."""

import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2

from zoo.errors import UserError
from zoo.tokenizers import SentencePieceTokenizer
from zoo.tokenizers.sentencepiece import segmentation_sampler
from zoo.tokenizers.sentencepiece.segmentation_sampler import SegmentationSampler

CORPUS = ["a man rides a horse along the beach", "two dogs run through the snow", "the horse and the man run"] * 30

TEXTS = ["a man rides a horse along the beach", "two dogs\trun\nthrough ▁ the snow", "", "  é␛ 😀 "] * 8


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def tokenizer(request):
    return SentencePieceTokenizer.train(CORPUS, 288, request.param)


def lists(rows):
    return [row.tolist() for row in rows]


def test_every_segmentation_spells_its_text(tokenizer):
    sampled = tokenizer.sample(TEXTS, 0.3, seed=1)
    texts = tokenizer.decode(tf.ragged.constant(lists(sampled), tf.int32, 1)).numpy()
    assert [text.decode() for text in texts] == TEXTS
    assert all(row.dtype == np.int32 for row in sampled)
    # The same text comes eight times; some of its segmentations differ.
    assert len({tuple(row) for row in lists(sampled[0::4])}) > 3


def test_the_seed_decides(tokenizer):
    first = lists(tokenizer.sample(TEXTS, 0.2, seed=7))
    assert lists(tokenizer.sample(TEXTS, 0.2, seed=7)) == first
    assert lists(tokenizer.sample(TEXTS, 0.2, seed=8)) != first


def test_bpe_without_dropout_is_encoding_and_with_more_of_it_finer():
    tokenizer = SentencePieceTokenizer.train(TEXTS[:1] * 50 + TEXTS[1:2] * 50, 320, "bpe")
    encoded = tokenizer.encode(TEXTS).to_list()
    assert lists(tokenizer.sample(TEXTS, 0.0, seed=3)) == encoded
    sizes = [sum(map(len, tokenizer.sample(TEXTS, alpha, seed=3))) for alpha in (0.0, 0.1, 0.5, 1.0)]
    assert sizes == sorted(set(sizes))
    # Every merge left out: single characters, of which the leading blank is one.
    assert len(tokenizer.sample(TEXTS[:1], 1.0, seed=3)[0]) == len(TEXTS[0]) + 1


def test_impossible_values():
    tokenizer = SentencePieceTokenizer.train(TEXTS[:1] * 50, 300, "bpe")
    for alpha in (-0.1, 1.1):
        with pytest.raises(UserError, match=f"alpha must be at least 0, and at most 1 for BPE, got {alpha}"):
            tokenizer.sample(["a"], alpha, seed=0)
    assert lists(tokenizer.sample(["a \ud800"], 0.0, seed=0)) == tokenizer.encode(["a \ufffd"]).to_list()


KINDS = ["bpe", "unigram"]
FORMS = {
    "bytes": {
        "vocab_size": 650,
        "hard_vocab_limit": False,
        "byte_fallback": True,
        "user_defined_symbols": ["<en>", "man r", "ors"],
    },
    # Characters that are unknown, blanks at the end of words, blanks that are kept.
    "unknown": {"vocab_size": 300, "treat_whitespace_as_suffix": True, "remove_extra_whitespaces": False},
    # Pieces that reach over blanks.
    "phrases": {"vocab_size": 200, "split_by_whitespace": False, "add_dummy_prefix": False},
}
HARD_TEXTS = [
    "the horse 山 ran",
    "<en>a man rides<en> horses",
    "  thñ snowß山川 ",
    "山",
    "",
    "  ",
    "man ridesthrough the the",
]


def train(texts, kind, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, model_type=kind, minloglevel=2, **options
    )
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


@pytest.fixture(scope="module", params=[(kind, form) for kind in KINDS for form in FORMS], ids=" ".join)
def reference(request, corpus):
    """A model of the package, an alpha for which it has many segmentations, and one for which it has one."""
    kind, form = request.param
    return train(corpus, kind, **FORMS[form]), *((0.4, 0.0) if kind == "bpe" else (0.05, 1e5))


def test_segmentations_are_as_frequent_as_those_of_the_package(reference):
    processor, alpha, _ = reference
    sampler = SegmentationSampler(processor)
    num_draws = 10_000
    for text in ("the horse rides", "man<en>山é horse"):
        texts = [text] * num_draws
        drawn = Counter(map(tuple, lists(sampler.sample(texts, alpha, seed=5))))
        options = {"enable_sampling": True, "alpha": alpha, "nbest_size": -1, "num_threads": 1}
        expected = Counter(map(tuple, processor.encode(texts, **options)))
        assert len(drawn) > 1
        seldom = {ids for ids in {*drawn, *expected} if drawn[ids] + expected[ids] < 40}
        pairs = [(drawn[ids], expected[ids]) for ids in {*drawn, *expected} - seldom]
        pairs.append((sum(drawn[ids] for ids in seldom), sum(expected[ids] for ids in seldom)))
        for count, reference_count in pairs:
            share = (count + reference_count) / (2 * num_draws)
            # 5.5 standard errors: a false alarm in one of some ten thousand runs.
            assert abs(count - reference_count) <= 5.5 * (2 * num_draws * share * (1 - share)) ** 0.5


def test_without_chance_it_is_what_the_package_encodes(reference, corpus):
    processor, alpha, certain = reference
    texts = [*HARD_TEXTS, *CORPUS[:3], *corpus[:60], *corpus[-4:]]
    sampler = SegmentationSampler(processor)
    encoded = processor.encode(texts)
    assert lists(sampler.sample(texts, certain, seed=0)) == encoded
    drawn = lists(sampler.sample(texts, alpha, seed=0))
    assert drawn != encoded
    assert processor.decode(drawn) == processor.decode(encoded)


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_that_are_not_to_be_used(kind, corpus):
    proto = sentencepiece_model_pb2.ModelProto.FromString(train(corpus, kind, vocab_size=200).serialized_model_proto())
    longer = [piece for piece in proto.pieces if len(piece.piece) > 1 and piece.type == piece.NORMAL]
    for piece in longer[::2]:
        piece.type = piece.UNUSED
    processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
    sampler = SegmentationSampler(processor)
    texts = corpus[:50]
    assert lists(sampler.sample(texts, 0.0 if kind == "bpe" else 1e5, seed=0)) == processor.encode(texts)
    unused = {number for number, piece in enumerate(proto.pieces) if piece.type == piece.UNUSED}
    assert not unused.intersection(*lists(sampler.sample(texts, 0.3, seed=0)))


FRESH_PROCESS = """
import json, runpy, sys
import sentencepiece
file, *models = sys.argv[1:]
Sampler = runpy.run_path(file)["SegmentationSampler"]
texts = json.load(sys.stdin)
samplers = [Sampler(sentencepiece.SentencePieceProcessor(model_file=model)) for model in models]
print(json.dumps([[row.tolist() for row in sampler.sample(texts, 0.3, 11)] for sampler in samplers]))
assert "tensorflow" not in sys.modules
"""


def test_another_process_draws_the_same(corpus, tmp_path):
    processors = [train(corpus, kind, **FORMS["bytes"]) for kind in KINDS]
    files = [tmp_path / kind for kind in KINDS]
    for file, processor in zip(files, processors, strict=True):
        file.write_bytes(processor.serialized_model_proto())
    texts = [*HARD_TEXTS, *CORPUS]
    source = Path(segmentation_sampler.__file__)
    done = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, str(source), *map(str, files)],
        input=json.dumps(texts),
        env={"PYTHONPATH": str(source.parents[3])},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert json.loads(done.stdout) == [lists(SegmentationSampler(model).sample(texts, 0.3, 11)) for model in processors]


def test_models_that_have_one_segmentation_are_refused():
    tokenizer = SentencePieceTokenizer(train(CORPUS, "char", vocab_size=20).serialized_model_proto())
    with pytest.raises(UserError, match="unigram and BPE models only, and this is a char model"):
        tokenizer.sample(["a"], 0.1, seed=0)
