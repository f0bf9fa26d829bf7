"""The recipe for pairs of texts on small data: what takes both texts to tell is learned, scored and served again."""

import json
import random

import pytest

import zoo
from recipes.pairs import main
from recipes.pairs import recipe as pairs
from recipes.pairs.classification import PairClassification
from recipes.pairs.config import parse_command_line
from recipes.pairs.pair_rows import pair_rows
from zoo.data.datasets.label_pairs import label_pairs
from zoo.data.readers.classified_text import ClassifiedText
from zoo.errors import UserError
from zoo.evaluate import main as evaluate
from zoo.predict import main as predict

SMALL = "--size tiny --vocabulary-size 60 --epochs 14 --learning-rate 2e-3 --batch-size 16 --max-source-length 24"
THINGS = ("card", "limit")
FRAMES = ("where is my {}", "I lost the {}", "my {} is gone", "how do I get a {}")


def write_pairs(path, count, seed):
    """Two questions, and what the first and the second are about."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        things = THINGS[number % 2], THINGS[number // 2 % 2]
        rows.append([*(generator.choice(FRAMES).format(thing) for thing in things), "-".join(things)])
    if path.suffix == ".jsonl":
        keys = ("text", "text_pair", "label")
        lines = [json.dumps(dict(zip(keys, row, strict=True))) for row in rows]
    else:
        lines = ["first\tsecond\tverdict", *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pairs")
    write_pairs(directory / "train.jsonl", 400, 1)
    write_pairs(directory / "test.jsonl", 80, 2)
    run = directory / "run"
    files = ["--train", directory / "train.jsonl", "--test", directory / "test.jsonl", "--directory", run]
    results = pairs.run(parse_command_line([*SMALL.split(), *map(str, files)]))
    return directory, results


def test_it_learns_what_takes_both_texts(finished, capsys):
    directory, results = finished
    assert results["split"] == "test" and results["scores"]["accuracy"] > 0.85
    task = zoo.load(directory / "run")
    assert isinstance(task, zoo.PairClassifier) and len(task.labels) == 4 and "card-limit" in task.labels
    assert (task.settings.separators, task.settings.second_segment) == (1, 1)
    assert set(task.examples[0]) == {"text", "text_pair"}
    evaluate([str(directory / "run"), str(directory / "test.jsonl"), "--output", str(directory / "scores.json")])
    scores = json.loads((directory / "scores.json").read_text())
    assert scores["scores"]["accuracy"] == pytest.approx(results["scores"]["accuracy"])
    capsys.readouterr()
    predict([str(directory / "run"), str(directory / "test.jsonl")])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    with (directory / "test.jsonl").open() as lines:
        truth = [json.loads(line)["label"] for line in lines]
    right = [row["label"] == label for row, label in zip(found, truth, strict=True)]
    assert sum(right) / len(right) == pytest.approx(results["scores"]["accuracy"])


def test_rows_are_those_of_the_task(finished):
    directory, _ = finished
    task = zoo.load(directory / "run")
    recipe = PairClassification(parse_command_line([*SMALL.split(), "--train", str(directory / "train.jsonl")]))
    recipe.open_data()
    rows = pair_rows(recipe.train_texts[:5], task)
    for text, ids, segments in zip(recipe.train_texts[:5], rows.token_ids, rows.segment_ids, strict=True):
        one, other = task.tokenizer.encode([text.text, text.text_pair]).to_list()
        bos, eos = task.tokenizer.bos_id, task.tokenizer.eos_id
        assert ids.tolist() == [bos, *one, eos, *other, eos]
        assert segments.tolist() == [0] * (len(one) + 2) + [1] * (len(other) + 1)


def test_tables_and_mistakes(tmp_path, refused):
    write_pairs(tmp_path / "train.tsv", 40, 3)
    columns = ["--text-column", "first", "--text-pair-column", "second", "--label-column", "verdict"]
    argv = [*SMALL.split(), "--train", str(tmp_path / "train.tsv"), "--directory", str(tmp_path / "run")]
    texts = list(parse_command_line([*argv, *columns]).open_classes(tmp_path / "train.tsv"))
    assert len(texts) == 40 and texts[0].text_pair and texts[0].labels == ("card-card",)
    for wrong, message in (
        (columns[:2], "column 'text_pair' is not in the header, which has first, second, verdict"),
        ([*columns[:2], "--text-pair-column", "first", *columns[4:]], "a column is named twice"),
        ([*columns, "--max-source-length", "5"], "--max-source-length must be at least 6 for two texts, got 5"),
    ):
        assert message in refused(main, [*argv, *wrong])
    assert not (tmp_path / "run").exists()
    for wrong, message in (
        (["--score-range", "0", "5"], "--score-range is for numbers; name their column with --score-column"),
        (["--score-column", "n", "--label-names", "a"], "--label-names is for labels and --score-column for numbers"),
        (["--score-column", "n", "--score-range", "5", "0"], "must be two numbers, the smaller first, got (5.0, 0.0)"),
    ):
        assert message in refused(main, [*argv, *columns[:4], *wrong])
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "label": "x"}\n')
    argv[argv.index("--train") + 1] = str(tmp_path / "rows.jsonl")
    assert "rows.jsonl:1" in refused(main, argv)
    (tmp_path / "rows.jsonl").write_text('{"text": "a", "text_pair": "b", "label": 4.2}\n')
    message = "rows.jsonl:1: the score 4.2 does not lie between 0 and 1; --score-range says between which numbers"
    assert message in refused(main, [*argv, "--score-column", "label"])


def test_a_scorer_learns_numbers(tmp_path, capsys):
    """Scores of 0 to 5 by how many texts are about cards, in CSV; the preset answers and ranks, and is scored."""
    generator = random.Random(4)
    for name, count in (("train", 320), ("test", 60)):
        lines = ["one,two,much"]
        for _ in range(count):
            things = generator.choice(THINGS), generator.choice(THINGS)
            frames = [generator.choice(FRAMES) for _ in range(2)]
            first, second = (frame.format(thing) for frame, thing in zip(frames, things, strict=True))
            lines.append(f"{first},{second},{2.5 * things.count('card')}")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    columns = ["--text-column", "one", "--text-pair-column", "two"]
    files = ["--train", tmp_path / "train.csv", "--test", tmp_path / "test.csv", "--directory", tmp_path / "run"]
    scored = ["--score-column", "much", "--score-range", "0", "5"]
    results = pairs.run(parse_command_line([*SMALL.split(), *columns, *map(str, files), *scored]))
    assert results["pairs"] == 60 and results["scores"]["spearman"]["value"] > 0.7
    task = zoo.load(tmp_path / "run")
    assert isinstance(task, zoo.PairScorer) and task.settings.sigmoid
    best, other = task.rerank("where is my card", ["I lost the limit", "I lost the card"])
    assert (best["document"], other["document"]) == (1, 0)
    argv = [str(tmp_path / "run"), str(tmp_path / "test.csv"), *columns, "--label-column", "much"]
    evaluate([*argv, "--output", str(tmp_path / "scores.json")])
    found = json.loads((tmp_path / "scores.json").read_text())["scores"]["score"]["spearman"]["value"]
    assert found == pytest.approx(results["scores"]["spearman"]["value"], abs=1e-6)


def test_pairs_of_texts_with_classes():
    """Each text with another of its class and with one of another class, the same in every run."""
    texts = [ClassifiedText(f"text {number}", (label,)) for number, label in enumerate("aabbbcab")]
    classes = {text.text: text.labels[0] for text in texts}
    found = label_pairs(texts)
    assert found == label_pairs(texts) != label_pairs(texts, seed=1)
    # The only text of the class c has no other.
    assert len(found) == 2 * len(texts) - 1
    for pair in found:
        assert pair.text != pair.text_pair
        assert pair.labels == ("same" if classes[pair.text] == classes[pair.text_pair] else "different",)
    different = {pair.text_pair for seed in range(40) for pair in label_pairs(texts, seed) if pair.text == "text 0"}
    assert different == set(classes) - {"text 0"}
    with pytest.raises(UserError, match="need texts of two classes"):
        label_pairs(texts[:2])
