"""The text classification recipe on small data: one label, many labels, all forms of files, mistakes."""

import json

import pytest
from fine_tuning_data import TOPICS, write_classes, write_many_classes

import zoo
from recipes.text_classification import main
from recipes.text_classification import recipe as text_classification
from recipes.text_classification.config import parse_command_line

SMALL = "--size tiny --vocabulary-size 100 --epochs 8 --learning-rate 2e-3 --batch-size 16 --max-source-length 24"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    write_classes(directory / "train.jsonl", 1)
    write_classes(directory / "test.csv", 2)
    write_many_classes(directory / "many.tsv", 3)
    write_many_classes(directory / "many.jsonl", 4, count=20)
    return directory


def arguments(directory, *extra):
    return ["--directory", str(directory), *SMALL.split(), *map(str, extra)]


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "finished"
    extra = ("--train", corpus / "train.jsonl", "--test", corpus / "test.csv")
    speed = ("--recompute", "--profile", 2, "--peak-teraflops", 0.25)
    results = text_classification.run(parse_command_line(arguments(directory, *extra, *speed)))
    return directory, results


def test_it_learns_and_reports(finished):
    directory, results = finished
    assert results == json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert results["split"] == "test" and results["scores"]["accuracy"] > 0.9
    assert results["scores"]["confusion"]["names"] == sorted(TOPICS)
    for picture in ("learning_curve.png", "test.confusion.png", "test.reliability.png"):
        assert (directory / picture).read_bytes().startswith(b"\x89PNG")


def test_speed_is_reported(finished):
    directory, results = finished
    assert results["labels_per_second"] > 0 and results["compiled_shapes"] is None
    assert results["mfu"] == pytest.approx(results["model_flops_per_second"] / 0.25e12)
    # 2 N operations a weight in the blocks alone, N = 2 * 12 * 128 ** 2, for each of at least 8 tokens to a label.
    assert results["model_flops_per_second"] > results["labels_per_second"] * 3 * 2 * (2 * 12 * 128**2) * 8
    assert list((directory / "profile").rglob("*.xplane.pb"))


def test_calibration_does_not_make_probabilities_worse(finished):
    _, results = finished
    before, after = results["expected_calibration_error"].values()
    assert results["temperature"] != 1.0 and after <= before + 0.02


def test_the_preset_gives_what_was_scored(finished, corpus):
    directory, results = finished
    classifier = zoo.load(directory)
    assert classifier.settings.temperature == results["temperature"]
    lines = (corpus / "test.csv").read_text(encoding="utf-8").splitlines()[1:]
    texts, labels = zip(*(line.strip('"').rsplit('",', 1) for line in lines), strict=True)
    right = [answer["label"] == label for answer, label in zip(classifier(list(texts)), labels, strict=True)]
    assert sum(right) / len(right) == pytest.approx(results["scores"]["accuracy"])


def test_many_labels(corpus, tmp_path):
    """Of a table with several in a column, and of JSON Lines with lists."""
    files = ("--train", corpus / "many.tsv", "--label-separator", ";", "--validation", corpus / "many.jsonl")
    extra = ("--pooling", "first", "--epochs", "12")
    results = text_classification.run(parse_command_line(arguments(tmp_path / "run", *files, *extra)))
    assert results["split"] == "validation" and results["texts"] == 20 and results["scores"]["micro"]["f1"] > 0.8
    assert "confusion" not in results["scores"] and not (tmp_path / "run" / "validation.confusion.png").exists()
    answer = zoo.load(tmp_path / "run")("raise my limit and I lost my card")
    assert set(answer["labels"]) == {"limit", "lost"} and len(answer["all_labels"]) == len(TOPICS)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ((), "own data: give --train, or a named data set with --dataset"),
        (("--train", "texts.txt"), "texts.txt: the name must end in .csv, .tsv or .jsonl"),
        (("--train", "none.csv"), "none.csv"),
        (("--train", "none.jsonl", "--delimiter", ";"), "--delimiter is for tables (.csv, .tsv); no file given is one"),
        (
            ("--dataset", "banking77", "--test", "t.csv"),
            "--test is for files of your own; --dataset banking77 has its own",
        ),
        (("--peak-teraflops", "0"), "--peak-teraflops must be above 0, got 0.0"),
        (("--profile", "-1"), "--profile must be at least 0, got -1"),
        (("--max-source-length", "3"), "--max-source-length must be at least 4, got 3"),
        (("--dataset", "wnut17x"), "there is no data set 'wnut17x'"),
    ],
)
def test_mistakes_end_in_one_line(tmp_path, refused, extra, message):
    assert message in refused(main, arguments(tmp_path / "run", *extra))
    assert not (tmp_path / "run").exists()


def test_labels_of_the_test_file_must_be_known(corpus, tmp_path, refused):
    (tmp_path / "test.csv").write_text("text,label\nhello,greeting\n")
    argv = arguments(tmp_path / "run", "--train", corpus / "train.jsonl", "--test", tmp_path / "test.csv")
    error = refused(main, argv)
    assert "test.csv:2: the label 'greeting' does not occur in the training data" in error
