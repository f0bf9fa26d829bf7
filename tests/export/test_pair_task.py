"""A task of two texts that lies in one file, `pair_judge.py`: all that other tasks have works with it unchanged."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import tensorflow as tf
from pair_judge import PairJudge, make_pair_judge

import zoo
from export.ask import main as ask
from export.export_command import main as export_command
from export.prediction_log import decode_predict_log
from export.warm_up import WARM_UP_FILE
from zoo.errors import UserError
from zoo.predict import main as predict
from zoo.tasks import register_task

FIRST = ["who is it?", "", "where is the far land", "a b c d e f g h i j k l m n o p"]
SECOND = ["a man", "nobody at all", "😀", "a b c d e f g h i j k l m n o p"]


@pytest.fixture(scope="module")
def scorer():
    return make_pair_judge()


@pytest.fixture(scope="module")
def preset(scorer, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pairs") / "preset"
    scorer.save(directory)
    return directory


@pytest.fixture(scope="module")
def served(preset, tmp_path_factory):
    """The directory of versions, written by the command."""
    directory = tmp_path_factory.mktemp("serving") / "pairs"
    export_command([str(preset), str(directory), "--max-batch-size", "4"])
    return directory


def expected_scores(scorer):
    """By the model alone, row by row."""
    tokenizer, scores = scorer.tokenizer, []
    for first, second in zip(FIRST, SECOND, strict=True):
        one, two = (ids[:10] for ids in tokenizer.encode([first, second]).to_list())
        ids = np.array([[tokenizer.bos_id, *one, tokenizer.eos_id, *two, tokenizer.eos_id]])
        segments = np.array([[0] * (len(one) + 2) + [1] * (len(two) + 1)])
        logits = scorer.model({"token_ids": ids, "padding_mask": ids >= 0, "segment_ids": segments})
        scores.append(1 / (1 + np.exp(-np.asarray(logits)[0, 0])))
    return scores


def test_python_answers_lists_and_single_texts_by_position_and_by_name(scorer):
    found = scorer(FIRST, SECOND, batch_size=2)
    expected = expected_scores(scorer)
    assert [each["score"] for each in found] == pytest.approx(expected, abs=1e-5) and np.std(expected) > 0.05
    assert [each["fits"] for each in found] == [score >= 0.5 for score in expected]
    assert scorer(FIRST[0], text_pair=SECOND[0])["score"] == pytest.approx(expected[0], abs=1e-5)
    assert not any(each["fits"] for each in scorer(text=FIRST, text_pair=SECOND, threshold=1.0))
    assert scorer([], []) == []
    assert scorer.similarity(FIRST, FIRST) == pytest.approx([1.0] * 4, abs=1e-5)
    assert scorer.similarity("who", "where") == pytest.approx(scorer.similarity("where", "who"), abs=1e-5)


@pytest.mark.parametrize(
    ("texts", "named", "message"),
    [
        ((["a"],), {}, "there is no text_pair; the inputs are text, text_pair"),
        ((["a"], ["b"], ["c"]), {}, "3 texts are given; the inputs are text, text_pair"),
        ((["a"], ["b"]), {"text": ["a"]}, "text comes twice; the inputs are text, text_pair"),
        ((["a", "b"], ["c"]), {}, "2 texts and 1 text_pairs; give one of each, or lists of the same length"),
        (("a", ["c"]), {}, "1 texts and 1 text_pairs; give one of each"),
        ((["a"], [3]), {}, r"text_pairs\[0\] is of type int; give str or bytes"),
        ((["a"], ["b"]), {"other": 1}, "unknown option 'other'; known are threshold"),
    ],
)
def test_texts_that_do_not_fit_the_inputs_are_refused(scorer, texts, named, message):
    with pytest.raises(UserError, match=message):
        scorer(*texts, **named)


def test_presets(scorer, preset):
    again = zoo.load(preset)
    assert isinstance(again, PairJudge) and again(FIRST, SECOND) == scorer(FIRST, SECOND)
    assert (again.settings, again.examples) == (scorer.settings, scorer.examples)
    assert json.loads((preset / "config.json").read_text())["task_config"] == {"settings": asdict(scorer.settings)}
    assert scorer.with_settings(threshold=1.0)(FIRST[0], SECOND[0])["fits"] is False

    with pytest.raises(UserError, match="there is a task 'PairJudge' already, in pair_judge; choose another name"):
        register_task(type("PairJudge", (PairJudge,), {}))


def test_exports_are_verified_warmed_up_and_explained(scorer, served):
    version = served / "1"
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert report["rows"] > 60 and report["refusals"] == 4 and report["row_errors"] > 2
    inputs = {name: sorted(signature["inputs"]) for name, signature in report["signatures"].items()}
    pair = ["text", "text_pair"]
    assert inputs == {"serving_default": pair, "decide": [*pair, "threshold"], "similarity": ["other", "text"]}
    records = [
        decode_predict_log(record)
        for record in tf.data.TFRecordDataset(str(version / WARM_UP_FILE)).as_numpy_iterator()
    ]
    assert {(name, *sorted(values)) for name, values in records} == {
        (name, *sorted(names)) for name, names in inputs.items()
    }
    requests = {name: json.loads((served / name).read_text()) for name in ("request.json", "request_similarity.json")}
    assert requests["request.json"] == {"instances": scorer.examples[:2]}
    others = [{"text": "who is it?", "other": "where"}, {"text": "where", "other": "who is it?"}]
    assert requests["request_similarity.json"] == {"signature_name": "similarity", "instances": others}
    guide = (served / "serving.md").read_text()
    assert 'request.inputs["text_pair"].CopyFrom(tf.make_tensor_proto(text_pair))' in guide
    assert "| output | `score` | float32 | [batch] | how well the texts fit |" in guide
    assert "| output | `similarity` | float32 | [batch] | cosine of the vectors of both texts |" in guide
    assert guide.index("| input | `text` |") < guide.index("| input | `text_pair` |")


def answers(shown):
    return [json.loads(line.split("REST")[1]) for line in shown.splitlines() if line.startswith("  REST ")]


def test_servers_are_asked_over_both_protocols(scorer, served, one_server, tmp_path, capsys, refused):
    one_server(served)
    pairs = list(zip(FIRST, SECOND, strict=True))
    given = [argument for one, two in pairs for argument in (f"text={one}", f"text_pair={two}")]
    ask([str(served), *given])
    found = answers(capsys.readouterr().out)
    assert [each["score"] for each in found] == pytest.approx(expected_scores(scorer), abs=1e-5)
    rows = "".join(json.dumps({"text": one, "text_pair": two}) + "\n" for one, two in pairs)
    (tmp_path / "pairs.jsonl").write_text(rows, encoding="utf-8")
    directory = tmp_path / "answers"
    files = ["--input-file", str(tmp_path / "pairs.jsonl"), "--output-dir", str(directory)]
    ask([str(served), *files, "--set", "threshold=1"])
    lines = [json.loads(line) for line in (directory / "grpc.txt").read_text().splitlines()]
    assert [each["fits"] for each in lines] == [False] * 4 and {each["error"] for each in lines} == {""}
    capsys.readouterr()
    ask([str(served), "text=who", "other=where", "--signature", "similarity"])
    (found,) = answers(capsys.readouterr().out)
    assert found["similarity"] == pytest.approx(scorer.similarity("who", "where"), abs=1e-5)
    assert "the row of 'who' lacks text_pair" in refused(ask, [served, "text=who"])
    assert "'who' names no input; give NAME=TEXT for each of text, text_pair" in refused(ask, [served, "who"])
    assert "--signature: the model has no 'x'; it has decide" in refused(ask, [served, "a", "--signature", "x"])


def test_files_of_rows_are_answered(scorer, preset, tmp_path, capsys, refused):
    path = tmp_path / "pairs.tsv"
    rows = [f"{two}\t{number}\t{one}\n" for number, (one, two) in enumerate(zip(FIRST, SECOND, strict=True))]
    path.write_text("".join(["text_pair\tid\ttext\n", *rows]), encoding="utf-8")
    predict([str(preset), str(path), "--keep", "id"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["score"] for each in found] == pytest.approx(expected_scores(scorer), abs=1e-5)
    assert [each["id"] for each in found] == ["0", "1", "2", "3"]
    predict([str(preset), str(path), "--text-field", "2", "0", "--output-format", "text"])
    assert len(capsys.readouterr().out.splitlines()) == 5
    assert "names 1 fields; the model takes text, text_pair" in refused(predict, [preset, path, "--text-field", "0"])
    (tmp_path / "lines.txt").write_text("a\n")
    assert "give JSON Lines or a table with a field for each" in refused(predict, [preset, tmp_path / "lines.txt"])
