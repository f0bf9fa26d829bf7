"""`python -m zoo.predict`: every task, every form of input, by what the task itself answers in Python."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_decoder_summarizer
import tiny_encoder_tasks
import tiny_generator

from zoo.predict import main
from zoo.predict import run as run_module

TEXTS = ["the horse", "", "Marie Curie was born in Köln , near Warsaw", "in the [MASK] of Köln", "a b c " * 9]


@pytest.fixture(scope="module")
def models(tmp_path_factory, tiny_translator):
    """Tasks by the name of the directory that they are stored in."""
    directory = tmp_path_factory.mktemp("models")
    tasks = {
        "translator": tiny_translator,
        "summarizer": tiny_decoder_summarizer.make_decoder_summarizer(),
        "generator": tiny_generator.make_generator(),
        "recognizer": tiny_encoder_tasks.make_recognizer(),
        "classifier": tiny_encoder_tasks.make_classifier(),
        "multi_label": tiny_encoder_tasks.make_classifier(multi_label=True, threshold=0.34),
        "masked": tiny_encoder_tasks.make_masked_language_model(),
    }
    for name, task in tasks.items():
        task.save(directory / name)
    return directory, tasks


@pytest.fixture
def in_memory(models, monkeypatch):
    """Lets the command use the tasks themselves in place of reading them again and again."""
    directory, tasks = models
    monkeypatch.setattr(run_module, "load", lambda path, dtype: tasks[path.name])
    return directory, tasks


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def predict(*arguments):
    main([str(argument) for argument in arguments])


def close(found, expected):
    """Whether answers are the same but for rounding."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(close(found[name], expected[name]) for name in expected)
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == pytest.approx(expected, abs=1e-4) if isinstance(expected, float) else found == expected


FIELDS = {
    "translator": {"text", "score"},
    "summarizer": {"text", "score", "truncated"},
    "generator": {"text", "score", "num_tokens", "truncated"},
    "recognizer": {"entities"},
    "classifier": {"label", "score", "labels", "scores"},
    "multi_label": {"labels", "scores", "all_labels", "all_scores"},
    "masked": {"blanks"},
}


@pytest.mark.parametrize("name", FIELDS)
def test_every_task_answers_each_line_in_its_order(models, tmp_path, name, capsys):
    directory, tasks = models
    (tmp_path / "in.txt").write_text("".join(text + "\n" for text in TEXTS * 2), encoding="utf-8")
    # Parts of 16 texts would hold all; batches of two are put in the order of lengths within them.
    predict(directory / name, tmp_path / "in.txt", "--output", tmp_path / "out.jsonl", "--batch-size", 2)
    found = [json.loads(line) for line in lines(tmp_path / "out.jsonl")]
    expected = tasks[name].records(TEXTS * 2)
    assert all(row.keys() == FIELDS[name] for row in found)
    assert close(found, expected)
    shown = capsys.readouterr()
    assert shown.out == "" and "10 texts in" in shown.err and "answers in" in shown.err
    assert {path.name for path in tmp_path.iterdir()} == {"in.txt", "out.jsonl"}


def test_texts_come_from_fields_columns_and_standard_input(in_memory, tmp_path, capsys):
    directory, tasks = in_memory
    classifier = directory / "classifier"
    expected = [found["label"] for found in tasks["classifier"](TEXTS)]
    rows = [{"id": number, "data": {"text": text}} for number, text in enumerate(TEXTS)]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "in.jsonl.gz").write_bytes(gzip.compress(content.encode()))
    predict(classifier, tmp_path / "in.jsonl.gz", "--text-field", "data.text", "--keep", "id", "data")
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["label"] for row in found] == expected
    assert [{"id": row["id"], "data": row["data"]} for row in found] == rows
    quoted = [text.replace("was born", 'was "born",\n') for text in TEXTS]
    table = "id,text\n" + "".join(
        f'{number},"{text.replace(chr(34), chr(34) * 2)}"\n' for number, text in enumerate(quoted)
    )
    (tmp_path / "in.csv").write_text(table, encoding="utf-8")
    (tmp_path / "in.tsv").write_text("".join(f"{text}\tx\n" for text in TEXTS), encoding="utf-8")
    predict(classifier, tmp_path / "in.csv", "--keep", "id", "--output", tmp_path / "csv.jsonl")
    found = [json.loads(line) for line in lines(tmp_path / "csv.jsonl")]
    assert [row["label"] for row in found] == [found["label"] for found in tasks["classifier"](quoted)]
    assert [row["id"] for row in found] == ["0", "1", "2", "3", "4"]
    predict(classifier, tmp_path / "in.tsv", "--text-field", "0", "--output", tmp_path / "tsv.txt")
    assert lines(tmp_path / "tsv.txt") == expected
    # Standard input goes through a process of its own, on another backend.
    done = subprocess.run(
        [sys.executable, "-m", "zoo.predict", classifier, "-", "--backend", "torch", "--output-format", "text"],
        input="".join(text + "\n" for text in TEXTS),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr[-2000:]


def test_settings(in_memory, tmp_path, refused, capsys):
    directory, tasks = in_memory
    source = tmp_path / "in.txt"
    source.write_text("the horse\n", encoding="utf-8")
    predict(directory / "translator", source, "--num-beams", 1, "--max-new-tokens", 3, "--set", "length_penalty=0")
    expected = tasks["translator"].with_settings(num_beams=1, max_new_tokens=3, length_penalty=0).records(["the horse"])
    assert close([json.loads(capsys.readouterr().out)], expected)
    predict(directory / "generator", source, "--temperature", 0.7, "--seed", 5, "--set", 'stop=["e"]')
    expected = tasks["generator"].with_settings(temperature=0.7, seed=5, stop=["e"]).records(["the horse"])
    assert close([json.loads(capsys.readouterr().out)], expected)
    assert "has no setting 'temperature'" in refused(main, [directory / "translator", source, "--temperature", 1])
    assert "by --set" in refused(main, [directory / "generator", source, "--seed", 5, "--set", "seed=3"])
    assert "--set: 'seed'" in refused(main, [directory / "generator", source, "--set", "seed"])


def test_what_is_refused_leaves_nothing_behind(in_memory, tmp_path, refused):
    directory, _ = in_memory
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "a", "label": 3}\n{"txt": "b"}\n', encoding="utf-8")
    classifier = [directory / "classifier", source, "--output", output]
    assert refused(main, classifier) == f"error: {source}:2: has no field 'text'; its fields are txt"
    source.write_text('{"text": "a", "label": 3}\n', encoding="utf-8")
    assert "answers have a field of that name" in refused(main, [*classifier, "--keep", "label"])
    assert "has no field 'id'" in refused(main, [*classifier, "--keep", "id"])
    assert "no plain text" in refused(main, [directory / "recognizer", source, "--output-format", "text"])
    assert "lines of text have none" in refused(main, [directory / "classifier", "-", "--keep", "id"])
    assert "no such file" in refused(main, [directory / "classifier", tmp_path / "none"])
    (tmp_path / "in.csv").write_text("text,id\na\n", encoding="utf-8")
    assert ":2: has 1 column but the header has 2" in refused(main, [directory / "classifier", tmp_path / "in.csv"])
    column = refused(main, [directory / "classifier", tmp_path / "in.csv", "--text-field", "body"])
    assert "column 'body' is not in the header, which has text, id" in column
    assert not output.exists() and {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "in.csv"}
    output.write_text("mine\n", encoding="utf-8")
    assert "give --overwrite" in refused(main, classifier)
    assert output.read_text() == "mine\n"
    predict(*classifier, "--overwrite")
    assert len(lines(output)) == 1


def test_an_interruption_leaves_whole_lines(in_memory, tmp_path, monkeypatch, capsys, refused):
    directory, tasks = in_memory
    source, output = tmp_path / "in.txt", tmp_path / "out.jsonl"
    source.write_text("the horse\n" * 70, encoding="utf-8")
    calls, records = [], tasks["classifier"].records

    def interrupted(texts, **options):
        calls.append(len(texts))
        if len(calls) > 20:
            raise KeyboardInterrupt
        return records(texts, **options)

    monkeypatch.setattr(tasks["classifier"], "records", interrupted)
    with pytest.raises(SystemExit) as ended:
        predict(directory / "classifier", source, "--output", output, "--batch-size", 2)
    assert ended.value.code == 130
    partial = Path(f"{output}.partial")
    assert f"the first 32 answers are in {partial}" in capsys.readouterr().err
    assert len([json.loads(line) for line in lines(partial)]) == 32 and not output.exists()
    # No part was ever larger than sixteen batches, however long the input is.
    assert calls == [2] * 21
    assert "from a run that was stopped" in refused(main, [directory / "classifier", source, "--output", output])


def test_help_imports_neither_keras_nor_tensorflow():
    program = (
        "import sys, zoo.predict.options as options\n"
        "try:\n    options.parse_command_line(['--help'])\n"
        "except SystemExit:\n    print([name for name in ('keras', 'tensorflow', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_backend_that_cannot_be_changed_any_more(models, tmp_path, refused):
    assert "imported Keras with the tensorflow backend already" in refused(main, ["model", "-", "--backend", "jax"])
