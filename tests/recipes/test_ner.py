"""The entity recognition recipe, in this process and by its real command, on small data."""

import json

import numpy as np
import pytest
from commands import run_python
from fine_tuning_data import write_conll, write_spans

import zoo
from recipes.ner import main
from recipes.ner import recipe as ner
from recipes.ner.config import NerConfig, parse_command_line
from zoo.errors import UserError
from zoo.evaluate.entities import score_recognizer

SMALL = "--size tiny --vocabulary-size 120 --epochs 6 --learning-rate 2e-3 --batch-size 16 --window 24 --overlap 6"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The same sentences as CoNLL files, each of another scheme, and as JSON Lines of spans.

    The last test text has spans alone, one of which ends inside a word.
    """
    directory = tmp_path_factory.mktemp("corpus")
    for name, count, seed, scheme in (("train", 250, 1, "BIO"), ("val", 30, 2, "IOB1"), ("test", 40, 3, "BIOES")):
        write_conll(directory / f"{name}.conll", count, seed, scheme)
        write_spans(directory / f"{name}.jsonl", count, seed)
    with (directory / "test.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"text": "Bob lives in Oslo.", "entities": [[0, 3, "person"], [13, 16, "place"]]}\n')
    return directory


def arguments(corpus, directory, *extra, suffix="conll"):
    files = [part for split in ("train", "val", "test") for part in (f"--{split}", str(corpus / f"{split}.{suffix}"))]
    files = ["--validation" if part == "--val" else part for part in files]
    return ["--directory", str(directory), *files, *SMALL.split(), *extra]


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    """A run by the real command."""
    directory = tmp_path_factory.mktemp("runs") / "finished"
    done = run_python(["-m", "recipes.ner", *arguments(corpus, directory, "--average-checkpoints", "2")])
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def test_it_learns_and_reports(finished):
    directory, output = finished
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert results["split"] == "test" and results["texts"] == 40 and results["updates"] == 6 * 16
    assert results["scores"]["strict"]["micro"]["f1"] > 0.9
    assert set(results["scores"]["strict"]["labels"]) == {"person", "place"}
    assert len(results["averaged_checkpoints"]) == 2
    for picture in ("learning_curve.png", "test.confusion.png"):
        assert (directory / picture).read_bytes().startswith(b"\x89PNG")
    # Long paths break the lines anywhere.
    said = "".join(output.split())
    for name, scheme in (("train", "BIO(IOB2)"), ("val", "IOB1"), ("test", "BIOES")):
        assert f"{name}.conll:readas{scheme}" in said
    assert "micro" in output and "labels person, place" in output


def test_the_preset_gives_what_was_scored(finished, corpus):
    directory, _ = finished
    recognizer = zoo.load(directory)
    config = parse_command_line(arguments(corpus, directory, "--average-checkpoints", "2"))
    texts = list(ner.open_splits(config)[2])
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert score_recognizer(recognizer, texts).to_dict() == results["scores"]
    found = recognizer("In S\u00e3o Paulo , Zo\u00eb met Jean-Luc .")
    assert [(entity["text"], entity["label"]) for entity in found] == [
        ("S\u00e3o Paulo", "place"),
        ("Zo\u00eb", "person"),
        ("Jean-Luc", "person"),
    ]
    assert len(recognizer.examples) == 30 and recognizer.settings.word_scores == "first"


def test_a_finished_run_is_not_trained_again(finished, corpus):
    directory, _ = finished
    weights = zoo.load(directory).model.get_weights()
    history = (directory / "history.jsonl").read_bytes()
    main(arguments(corpus, directory, "--average-checkpoints", "2"))
    assert (directory / "history.jsonl").read_bytes() == history
    for before, after in zip(weights, zoo.load(directory).model.get_weights(), strict=True):
        assert (before == after).all()


def test_fine_tuning_the_head_of_a_preset(finished, corpus, tmp_path, capsys):
    """The encoder stays as it was, the new head learns again what the old one knew; every token has a label.

    The texts have spans and no tokens, so that spans are counted: one that ends inside a word is never found exactly.
    Once all entities of the validation texts are found, or else no more of them, training ends early.
    """
    directory, _ = finished
    options = "--trainable-blocks 0 --epochs 12 --learning-rate 1e-2 --subword-labels all --class-weights inverse"
    options += " --early-stopping-patience 2"
    config = parse_command_line(
        arguments(corpus, tmp_path / "run", "--pretrained", str(directory), *options.split(), suffix="jsonl")
    )
    results = ner.run(config)
    printed = capsys.readouterr()
    said = "".join(printed.out.split())
    assert all(f"{name}.jsonl:readasspans" in said for name in ("train", "val", "test"))
    strict, relaxed = (results["scores"][kind]["labels"]["place"] for kind in ("strict", "relaxed"))
    assert results["texts"] == 41 and results["scores"]["strict"]["micro"]["f1"] > 0.8
    assert strict["recall"] < 1 and strict["recall"] < relaxed["recall"]
    history = map(json.loads, (tmp_path / "run" / "history.jsonl").read_text(encoding="utf-8").splitlines())
    f1 = {row["step"]: row["val_f1"] for row in history if row["kind"] == "validation"}
    best = max(f1, key=f1.get)
    assert results["stop_reason"] == "early_stopping" and results["updates"] == best + 2 * 16 == max(f1) < 12 * 16
    assert f"stopped early at step {max(f1)} after" in printed.err
    old, new = zoo.load(directory).model, zoo.load(tmp_path / "run").model
    for one, other in zip(old.encoder.get_weights(), new.encoder.get_weights(), strict=True):
        assert (one == other).all()
    assert (old.classifier.get_weights()[0] != new.classifier.get_weights()[0]).any()


def test_class_weights():
    """Of 14 words; the third tag has none. Weighted, they count as 14 again."""
    counts = np.array([9, 4, 0, 1])
    expected = {
        "none": None,
        # 1/9, 1/4 and 1 make each tag count as much as the others: 3 in all, to be multiplied by 14/3.
        "inverse": [14 / 27, 14 / 12, 0, 14 / 3],
        # 1/3, 1/2 and 1 make 3 + 2 + 1 = 6, to be multiplied by 14/6.
        "inverse_square_root": [7 / 9, 7 / 6, 0, 7 / 3],
    }
    for name, weights in expected.items():
        found = ner.label_weights(NerConfig(class_weights=name), counts)
        assert found is None if weights is None else found.tolist() == pytest.approx(weights)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (("--dataset", "wnut17"), "--dataset and --train name two training sets"),
        (("--offsets", "utf16"), "--offsets is for JSON Lines; no file given is one"),
        (("--tag-column", "5"), "has no column 5 for the tag; its columns are 0 to 1"),
        (("--window", "3"), "--window must be at least 4, got 3"),
        (("--overlap", "22"), "--overlap must be at least 0 and below --window less 2, got 22"),
        (("--epochs", "0"), "--epochs must be at least 1, got 0"),
        (("--layer-decay", "0"), "--layer-decay must be above 0 and at most 1"),
        (("--pretrained", "nowhere"), "nowhere is not a directory"),
        (("--trainable-blocks", "9"), "the encoder has 2 blocks; 9 of them cannot be trained"),
    ],
)
def test_mistakes_end_in_one_line(corpus, tmp_path, refused, extra, message):
    assert message in refused(main, arguments(corpus, tmp_path / "run", *extra))


def test_data_that_does_not_fit(corpus, tmp_path):
    files = {"train": "Bob B-person\nleft O\n", "other": "Oslo B-place\nfell O\n", "none": "it O\nrains O\n"}
    for name, content in files.items():
        (tmp_path / f"{name}.conll").write_text(content)
    train, other, none = (tmp_path / f"{name}.conll" for name in files)
    with pytest.raises(UserError, match=r"other.conll:1: the label 'place' of 'Oslo' does not occur in the training"):
        ner.run(NerConfig(directory=tmp_path / "run", train=train, validation=other))
    with pytest.raises(UserError, match=r"none.conll: none of the 1 texts has an entity"):
        ner.run(NerConfig(directory=tmp_path / "run", train=none, validation=train))
    with pytest.raises(
        UserError, match=r"^\S*train.conll: no label has enough texts to hold out .* give .*--validation"
    ):
        ner.run(NerConfig(directory=tmp_path / "run", train=train))
    assert not (tmp_path / "run").exists()
