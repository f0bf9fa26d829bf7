"""The question answering recipe on small data: SQuAD's JSON and JSON Lines, windows, questions without an answer."""

import json
import random

import pytest

import zoo
from recipes.question_answering import main
from recipes.question_answering import recipe as question_answering
from recipes.question_answering.config import parse_command_line
from zoo.data.readers.questions import read_questions
from zoo.errors import UserError
from zoo.evaluate import main as evaluate

SMALL = "--size tiny --vocabulary-size 150 --epochs 12 --learning-rate 2e-3 --window 32 --overlap 8"
PEOPLE = ("Ana", "Bob", "Chen", "Dora", "Emil", "Zoë")
PLACES = ("Köln", "Oslo", "Rome", "Lima", "Paris")
OTHERS = ("The weather is fine today .", "Nobody goes there now .", "They like tea and cake .")


def make_questions(count, seed):
    """(question, context, answer, start): who lives where, by one sentence among others; nobody says when."""
    generator = random.Random(seed)
    for number in range(count):
        person, place = generator.choice(PEOPLE), generator.choice(PLACES)
        sentences = [f"{person} lives in {place} .", *generator.choices(OTHERS, k=generator.choice([0, 1, 5]))]
        generator.shuffle(sentences)
        context = f"{' '.join(sentences)} Number {number} ."
        kind = ("who", "where", "when", "who", "where")[number % 5]
        answer = {"who": person, "where": place, "when": None}[kind]
        yield f"{kind} is it ?", context, answer, context.index(answer) if answer else 0


def write_squad(path, count, seed):
    paragraphs = []
    for number, (question, context, answer, start) in enumerate(make_questions(count, seed)):
        answers = [] if answer is None else [{"text": answer, "answer_start": start}]
        entry = {"id": str(number), "question": question, "answers": answers, "is_impossible": answer is None}
        paragraphs.append({"context": context, "qas": [entry]})
    path.write_text(json.dumps({"version": "v2.0", "data": [{"title": "x", "paragraphs": paragraphs}]}))


def write_lines(path, count, seed):
    lines = []
    for question, context, answer, start in make_questions(count, seed):
        found = {"text": [answer], "answer_start": [start]} if answer else {"text": [], "answer_start": []}
        lines.append(json.dumps({"question": question, "context": context, "answers": found}, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("questions")
    write_squad(directory / "train.json", 400, 1)
    write_lines(directory / "test.jsonl", 60, 2)
    files = ["--train", directory / "train.json", "--test", directory / "test.jsonl", "--directory", directory / "run"]
    results = question_answering.run(parse_command_line([*SMALL.split(), *map(str, files)]))
    return directory, results


def test_it_learns_to_find_answers(finished, capsys):
    directory, results = finished
    scores = results["scores"]
    assert results["split"] == "test" and scores["f1"] > 0.6 and scores["answerable"]["f1"] > 0.5
    assert scores["unanswerable"]["count"] == 12
    task = zoo.load(directory / "run")
    assert isinstance(task, zoo.QuestionAnswerer) and task.settings.no_answer
    output = directory / "scores.json"
    evaluate([str(directory / "run"), str(directory / "test.jsonl"), "--output", str(output)])
    assert json.loads(output.read_text())["scores"] == scores
    capsys.readouterr()


def test_positions_are_those_of_the_answers(finished):
    directory, _ = finished
    task = zoo.load(directory / "run").with_settings(window=24, overlap=8)
    questions = read_questions(directory / "train.json")[:40]
    rows = question_answering.QuestionRows(questions, task)
    assert len(rows.token_ids) > len(questions)
    found = set()
    for ids, (begin, end), number in zip(rows.token_ids, rows.positions, rows.question_ids, strict=True):
        if begin:
            assert (
                ids[begin : end + 1].tolist() == task.tokenizer.encode([questions[number].answers[0][0]]).to_list()[0]
            )
            found.add(number)
        else:
            assert end == 0
    assert found == {number for number, each in enumerate(questions) if each.answers}


def test_mistakes(tmp_path, refused):
    def argv(name, *more):
        return [*SMALL.split(), "--train", str(tmp_path / name), "--directory", str(tmp_path / "run"), *more]

    row = {"question": "who?", "context": "it is Ana", "answers": [{"text": "Ana", "answer_start": 6}]}
    for name, content, message in (
        (
            "a.jsonl",
            {**row, "answers": [{"text": "Bob", "answer_start": 6}]},
            "a.jsonl:1: the answer 'Bob' does not stand",
        ),
        ("b.jsonl", {**row, "question": " "}, "b.jsonl:1: the question is empty"),
        ("c.jsonl", {**row, "answers": "Ana"}, "c.jsonl:1: answers must be a list or an object, not"),
        ("d.jsonl", {**row, "answers": {"text": ["Ana"], "answer_start": []}}, "as many entries in text as in"),
        ("e.jsonl", {"question": "who?", "context": "a"}, "e.jsonl:1: has no field 'answers'"),
        ("f.json", {"data": [{}]}, "is not as SQuAD's files"),
        ("g.jsonl", row, "all questions are about one context; give questions about others with --validation"),
        ("h.jsonl", {**row, "answers": []}, "all questions are about one context"),
    ):
        (tmp_path / name).write_text(json.dumps(content) + "\n")
        assert message in refused(main, argv(name)), name
    for more, message in (
        (("--window", "12"), "--window must be at least 5 more than --overlap 8, got 12"),
        (("--label-smoothing", "0.1"), "--label-smoothing would spread probability"),
    ):
        assert message in refused(main, argv("g.jsonl", *more))
    assert not (tmp_path / "run").exists()
    with pytest.raises(UserError, match=r"the name must end in .json \(as SQuAD's\) or .jsonl"):
        read_questions(tmp_path / "x.csv")
