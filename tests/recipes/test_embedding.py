"""The embedding recipe on small data: labels, pairs, triplets, scores and a teacher, and mistakes."""

import json
import random

import numpy as np
import pytest
from fine_tuning_data import ENDINGS, TOPICS, write_classes

import zoo
from recipes.embedding import main
from recipes.embedding import recipe as embedding
from recipes.embedding.config import parse_command_line
from zoo.convert.conversion import convert

SMALL = "--size tiny --vocabulary-size 100 --learning-rate 2e-3 --batch-size 16 --max-source-length 24"
# What can be told of texts without their letters: answers share none with their questions.
ANSWERS = {"lost": "block it", "arrival": "wait a week", "limit": "call us"}


def rows(seed):
    """Questions, the right answer, a wrong one, and how right an answer drawn at random is."""
    rng = random.Random(seed)
    for topic, phrases in TOPICS.items():
        for phrase in phrases:
            for ending in ENDINGS:
                wrong = rng.choice([each for each in ANSWERS if each != topic])
                drawn = rng.choice(list(ANSWERS))
                yield phrase + ending, ANSWERS[topic], ANSWERS[wrong], ANSWERS[drawn], 4 * (drawn == topic)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    write_classes(directory / "train.csv", 1)
    write_classes(directory / "test.jsonl", 2)
    lines = ["question\tright\twrong\tdrawn\tscore", *("\t".join(map(str, row)) for row in rows(3))]
    (directory / "rows.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (directory / "queries.tsv").write_text("id\ttext\nq1\tI lost my card\nq2\traise my limit\n", encoding="utf-8")
    answers = "".join(f"{name}\t{answer}\n" for name, answer in ANSWERS.items())
    (directory / "corpus.tsv").write_text("id\ttext\n" + answers, encoding="utf-8")
    qrels = "query-id\tcorpus-id\tscore\nq1\tlost\t1\nq2\tlimit\t1\n"
    (directory / "qrels.tsv").write_text(qrels, encoding="utf-8")
    return directory


def arguments(directory, *extra):
    return ["--directory", str(directory), *SMALL.split(), *map(str, extra)]


def run(directory, *extra):
    return embedding.run(parse_command_line(arguments(directory, *extra)))


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "finished"
    extra = ("--train", corpus / "train.csv", "--test", corpus / "test.jsonl", "--accumulate-steps", 3)
    dims = ("--matryoshka-dims", 32, "--prompts", "query=ask : ", "--query-prompt", "query")
    return directory, run(directory, *extra, *dims, "--epochs", 4)


def test_texts_with_labels(finished):
    directory, results = finished
    assert results == json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert results["scored"].startswith("test: 66 texts, each with the label of the nearest of 66 training texts")
    assert list(results["scores"]) == ["TF-IDF", "trained", "trained, 32 entries"]
    assert all(row["accuracy"] > 0.9 for row in results["scores"].values())
    assert (directory / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    history = [json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()]
    validations = [row for row in history if row["kind"] == "validation"]
    assert validations[-1]["val_loss"] < 0.1 and validations[-1]["val_accuracy"] > 0.8


def test_the_preset_is_what_was_scored(finished, corpus):
    directory, results = finished
    embedder = zoo.load(directory)
    assert embedder.settings.prompts == {"query": "ask : "} and embedder.settings.max_source_length == 24
    texts = [line.rsplit(",", 1) for line in (corpus / "train.csv").read_text().splitlines()[1:]]
    tests = [json.loads(line) for line in (corpus / "test.jsonl").read_text().splitlines()]
    train = embedder([text.strip('"') for text, _ in texts], prompt="query")
    found = embedder([row["text"] for row in tests], prompt="query") @ train.T
    right = [texts[place][1] == row["label"] for place, row in zip(found.argmax(axis=1), tests, strict=True)]
    assert np.mean(right) == pytest.approx(results["scores"]["trained"]["accuracy"])
    bits = embedder.with_settings(precision="int8")("I lost my card")
    assert bits.dtype == np.int8 and bits.shape == (128,) and len(set(bits.tolist())) > 20


def test_rows_of_anchor_and_positive(corpus, tmp_path, finished):
    """In-batch negatives from a directory of sentence-transformers, which was written from a run."""
    convert(finished[0], tmp_path / "sentence_transformers", to="hugging-face")
    files = ("--train", corpus / "rows.tsv", "--columns", "question", "right", "--symmetric")
    retrieval = [f"--test-{name}={corpus / name}.tsv" for name in ("queries", "corpus", "qrels")]
    argv = ["--directory", tmp_path / "run", "--pretrained", tmp_path / "sentence_transformers", "--epochs", 4]
    results = embedding.run(parse_command_line([*map(str, [*argv, *files]), *retrieval, "--learning-rate", "1e-3"]))
    assert list(results["scores"]) == ["TF-IDF", "before training", "trained"]
    assert results["scored"] == "validation: 6 queries among 3 texts"
    assert results["scores"]["trained"]["recall_at_1"] > 0.9 > results["scores"]["TF-IDF"]["recall_at_1"]
    assert results["retrieval"]["scores"]["trained"]["mrr_at_10"] == 1.0
    assert zoo.load(tmp_path / "run").settings.prompts == {"query": "ask : "}


@pytest.mark.parametrize(
    ("options", "name", "least"),
    [
        ("--columns question right wrong --loss triplet --distance euclidean --margin 1", "recall_at_1", 0.6),
        ("--columns question drawn --score-column score --score-high 4", "spearman", 0.5),
        ("--columns question drawn --score-column score --score-high 4 --loss cosine", "spearman", 0.5),
    ],
)
def test_other_losses(corpus, tmp_path, options, name, least):
    """They learn what they are trained on, which no letters tell."""
    files = ("--train", corpus / "rows.tsv", "--test", corpus / "rows.tsv")
    scores = run(tmp_path / "run", *files, *options.split(), "--epochs", 12)["scores"]
    assert scores["trained"][name] > max(least, scores["TF-IDF"][name])


def test_a_teacher(corpus, tmp_path, finished):
    options = ("--columns", "question", "right", "--loss", "distillation", "--teacher", finished[0])
    results = run(tmp_path / "run", "--train", corpus / "rows.tsv", *options, "--pooling", "first", "--epochs", 30)
    assert list(results["scores"]) == ["trained"] and results["scores"]["trained"]["cosine"] > 0.9
    teacher, student = zoo.load(finished[0])("my card is gone"), zoo.load(tmp_path / "run")("my card is gone")
    assert teacher @ student > 0.8


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ((), "own data: give --train, or a named data set with --dataset"),
        (("--train", "t.csv", "--columns", "a"), "--loss in-batch compares texts; --columns names one alone"),
        (("--train", "t.csv", "--columns", "a", "b", "--loss", "triplet"), "--loss triplet needs --columns of anchor"),
        (("--train", "t.csv", "--columns", "a", "b", "--loss", "cosent"), "--loss cosent needs a --score-column"),
        (("--train", "t.csv", "--columns", "a", "--score-column", "s"), "--score-column is a score of two texts"),
        (
            ("--train", "t.csv", "--columns", "a", "b", "--score-column", "s", "--loss", "in-batch"),
            "--loss in-batch needs no --score-column",
        ),
        (("--train", "t.csv", "--teacher", "x"), "--loss distillation and --teacher go together"),
        (("--train", "t.csv", "--score-low", "1"), "--score-low 1 must be below --score-high 1"),
        (("--train", "t.csv", "--score-high", "5"), "--score-high is for a --score-column; no file given is one"),
        (
            ("--train", "t.csv", "--columns", "a", "b", "--label-column", "c"),
            "--label-column is for texts with labels, without --columns; no file given is one",
        ),
        (("--train", "t.csv", "--prompts", "query"), "--prompts must be different NAME=TEXT, got 'query'"),
        (("--train", "t.csv", "--test-corpus", "c.tsv"), "a retrieval set is three files"),
        (("--train", "t.csv", "--matryoshka-dims", "8", "8"), "--matryoshka-dims must be different numbers above 0"),
        (("--train", "t.csv", "--texts-per-label", "1"), "--texts-per-label must be at least 2, got 1"),
        (("--train", "t.csv", "--pretrained", "x", "--dropout", "0.1"), "--dropout is for new encoders"),
        (("--dataset", "banking77", "--columns", "a", "b"), "--columns is for files of your own"),
    ],
)
def test_mistakes_end_in_one_line(tmp_path, refused, extra, message):
    assert message in refused(main, arguments(tmp_path / "run", *extra))
    assert not (tmp_path / "run").exists()


def test_mistakes_in_files_end_in_one_line(corpus, tmp_path, refused, finished):
    (tmp_path / "empty.csv").write_text("text,label\na,x\nb,x\n ,y\nc,y\n")
    (tmp_path / "many.csv").write_text("text,label\na,x;y\nb,x\nc,y\n")
    (tmp_path / "single.csv").write_text("text,label\na,x\nb,y\nc,y\nd,z\n")
    (tmp_path / "alike.csv").write_text("a,b\n" + "".join(f"question {n},answer\n" for n in range(8)))
    rows = corpus / "rows.tsv"
    for extra, message in (
        (("--train", tmp_path / "empty.csv"), "empty.csv:4: the text is empty"),
        (("--train", tmp_path / "many.csv", "--label-separator", ";"), "with exactly one label each"),
        (("--train", tmp_path / "single.csv"), "labels have two texts or more"),
        (("--train", corpus / "train.csv", "--query-prompt", "ask"), "--query-prompt 'ask' is not among the prompts"),
        (("--train", rows, "--columns", "question", "drawn", "--score-column", "score"), "rows.tsv:"),
        (("--train", tmp_path / "alike.csv", "--columns", "a", "b"), "any two rows have a text in common"),
        (
            ("--train", corpus / "train.csv", "--pretrained", finished[0], "--pooling", "first"),
            "--pooling is for encoders;",
        ),
    ):
        assert message in refused(main, ["--directory", str(tmp_path / "run"), *map(str, extra)])
        assert not (tmp_path / "run").exists()
