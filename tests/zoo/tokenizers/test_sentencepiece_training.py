import re
from pathlib import Path

import pytest
from commands import run_python

from zoo.errors import UserError
from zoo.tokenizers import SentencePieceTokenizer

ROOT = Path(__file__).parents[3]


def train(texts, size=420, model_type="unigram", **options):
    return SentencePieceTokenizer.train(texts, size, model_type, **options)


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
@pytest.mark.parametrize("max_training_lines", [2_000_000, 120])
def test_training_is_the_same_every_time(corpus, model_type, max_training_lines, tmp_path):
    # The second training runs in another process, with nothing trained before it.
    options = {"max_training_lines": max_training_lines, "character_coverage": 0.98}
    size = 320
    (tmp_path / "corpus").write_text("\n".join(line for line in corpus), encoding="utf-8")
    script = (
        "from zoo.tokenizers import SentencePieceTokenizer as T\n"
        "lines = open('corpus', encoding='utf-8').read().split('\\n')\n"
        f"tokenizer = T.train(lines, {size}, {model_type!r}, **{options!r})\n"
        "open('model', 'wb').write(tokenizer.model)"
    )
    done = run_python(["-c", script], tmp_path)
    assert done.returncode == 0, done.stderr
    model = train(corpus, size, model_type, **options).model
    assert (tmp_path / "model").read_bytes() == model


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_too_large_a_vocabulary_says_the_largest_and_that_one_works(corpus, model_type):
    with pytest.raises(UserError, match="largest possible is") as error:
        train(corpus, 100_000, model_type)
    largest = int(re.search(r"is (\d+)$", str(error.value))[1])
    model = train(corpus, largest, model_type)
    assert model.vocabulary_size == largest
    assert train(corpus, 100_000, model_type, lower_to_fit=True).model == model.model
    with pytest.raises(UserError):
        train(corpus, largest + 1, model_type)


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
def test_too_small_a_vocabulary_says_what_is_needed_and_that_works(corpus, model_type):
    with pytest.raises(UserError, match="use at least") as error:
        train(corpus, 270, model_type, character_coverage=1.0)
    smallest = int(re.search(r"at least (\d+)", str(error.value))[1])
    assert train(corpus, smallest, model_type, character_coverage=1.0).vocabulary_size == smallest
    with pytest.raises(UserError, match="267"):
        train(corpus, 267, model_type)


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
@pytest.mark.parametrize("texts", [["a"], ["good film", "bad film"], ["私はテニス部員です。"]])
def test_sizes_that_messages_name_work_for_very_small_texts(texts, model_type):
    for size in (1, 268, 8000):
        with pytest.raises(UserError) as error:
            train(texts, size, model_type)
        named = int(re.search(r"(?:at least|possible is) (\d+)$", str(error.value))[1])
        assert train(texts, named, model_type).vocabulary_size == named


@pytest.mark.parametrize("texts", [[], [""], ["", "\n"], iter(())])
def test_empty_corpus(texts):
    with pytest.raises(UserError, match="empty"):
        train(texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_type": "word"}, "model_type.*'word'"),
        ({"normalization": "nfd"}, "normalization.*'nfd'"),
        ({"character_coverage": 1.5}, "character_coverage"),
        ({"max_training_lines": 0}, "max_training_lines"),
        ({"user_defined_symbols": ["a b"]}, "'a b'"),
        ({"user_defined_symbols": [""]}, "empty"),
        ({"user_defined_symbols": ["<s>"]}, "already"),
        ({"user_defined_symbols": ["<0x0A>"]}, "already"),
        ({"user_defined_symbols": ["<x>", "<x>"]}, "twice"),
        ({"user_defined_symbols": ["a,b", "␛t"]}, "␛t"),
    ],
)
def test_impossible_options(corpus, options, message):
    with pytest.raises(UserError, match=message):
        train(corpus, **options)


def test_a_sample_comes_from_the_whole_text():
    texts = ["early bird"] * 1000 + ["late quokka"] * 1000
    tokens = train(texts, 300, "bpe", max_training_lines=40).id_to_token(range(300))
    assert {"▁early", "▁quokka"} <= set(tokens)


def test_texts_of_a_wrong_type(corpus):
    with pytest.raises(UserError, match="iterable of str"):
        train("one text")
    with pytest.raises(UserError, match="training text 2 is bytes"):
        train(["good", b"bad"])


@pytest.mark.parametrize("model_type", ["unigram", "bpe"])
@pytest.mark.parametrize("normalization", ["identity", "nfkc"])
def test_user_defined_symbols_are_single_tokens(corpus, model_type, normalization):
    tokenizer = train(corpus, 420, model_type, normalization=normalization, user_defined_symbols=["<2de>", "a,b"])
    row = tokenizer.encode(["<2de> the horse<2de>a,b"]).to_list()[0]
    tokens = tokenizer.id_to_token(row)
    assert tokens.count("<2de>") == 2 and tokens[-1] == "a,b"
    assert tokenizer.decode([row]).numpy()[0] == b"<2de> the horse<2de>a,b"


def test_lines_that_the_trainer_would_drop_are_learned_from():
    # NUL, U+2585, inner line breaks and lines over 4192 bytes: the trainer skips or breaks each of these by itself.
    texts = ["\x00 zebra zebra", "▅ quokka quokka", "x\nokapi okapi", "numbat " * 2000, "lone \ud800 gecko"] * 20
    tokens = set(train(texts, 340, "bpe", character_coverage=1.0).id_to_token(range(340)))
    assert {"▁zebra", "▁quokka", "▁okapi", "▁numbat", "▁gecko"} <= tokens
    tokens = set(train(texts, 330, "bpe", character_coverage=1.0, normalization="nfkc").id_to_token(range(330)))
    assert {"▁zebra", "▁quokka", "▁okapi", "▁numbat", "▁gecko"} <= tokens


def test_split_digits():
    texts = ["in 2025", "on 14 May 2025", "since 1999"] * 50
    whole = train(texts, 300, "bpe").id_to_token(range(300))
    split = train(texts, 292, "bpe", split_digits=True).id_to_token(range(292))
    assert "▁2025" in whole
    assert not [token for token in split if re.search(r"\d", token) and len(token) > 1 and not token.startswith("<0x")]


def test_runs_of_blanks_become_one_token():
    tokenizer = train(["def f():", "        return g(x)", "        x = 1"] * 50, 300, "bpe")
    assert len(tokenizer.encode(["        return"]).to_list()[0]) < 6
