"""Exports of tasks over pairs: a fresh process gives Python's answers, and orders of documents have a signature."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tiny_encoder_tasks import make_encoder, make_tokenizer, randomised

from export.ask import main as ask
from export.saved_model import export_saved_model
from export.served_form import ServedForm
from export.signatures import build_signatures
from zoo.models import SequenceClassifier, SpanPredictor
from zoo.tasks import PairScorer, QuestionAnswerer, QuestionAnsweringSettings

CONTEXT = "Marie Curie was born in Warsaw, near the Rhine! naïve closed cafe. " * 3


def make_scorer():
    tokenizer = make_tokenizer()
    model = randomised(SequenceClassifier(make_encoder(tokenizer, 31), 1), 32)
    return PairScorer(model, tokenizer, examples=[{"text": "who was born", "text_pair": "Marie Curie"}])


def make_answerer():
    tokenizer = make_tokenizer()
    model = randomised(SpanPredictor(make_encoder(tokenizer, 21, pooler=False)), 22)
    settings = QuestionAnsweringSettings(window=24, overlap=8, no_answer=True)
    return QuestionAnswerer(model, tokenizer, settings, [{"question": "who was born", "context": CONTEXT}])


def answers(shown):
    return [json.loads(line.split("REST")[1]) for line in shown.splitlines() if line.startswith("  REST ")]


def test_scores_and_orders_are_served(tmp_path, capsys):
    scorer = make_scorer()
    directory = tmp_path / "scorer"
    version = export_saved_model(scorer, directory, max_batch_size=4)
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert sorted(report["signatures"]) == ["rerank", "serving_default"] and report["rows"] > 30
    assert (
        "| output | `order` | int32 | [batch, None] | the documents' numbers" in (directory / "serving.md").read_text()
    )
    documents = ["in warsaw", "in Köln", "", "nobody"]
    ask([str(directory), "query=who", "documents=" + "\x1e".join(documents), "--signature", "rerank"])
    (found,) = answers(capsys.readouterr().out)
    expected = scorer.rerank("who", documents)
    assert found["order"] == [each["document"] for each in expected] and found["count"] == 4
    assert found["scores"] == pytest.approx([each["score"] for each in expected], abs=1e-5)


def test_orders_of_a_fixed_width():
    """However a server splits a batch, answers can be joined; documents that have no place are counted."""
    scorer = make_scorer()
    serve = build_signatures(scorer, ServedForm(width=2))["rerank"]
    found = {
        name: value.numpy().tolist()
        for name, value in serve(tf.constant(["who", "marie"]), tf.constant(["a\x1eborn\x1ecafe", "closed"])).items()
    }
    whole = scorer.rerank("who", ["a", "born", "cafe"])
    assert found["order"] == [[each["document"] for each in whole[:2]], [0, -1]]
    assert (found["count"], found["total"]) == ([2, 1], [3, 1]) and np.shape(found["scores"]) == (2, 2)


def test_answers_are_served(tmp_path, capsys):
    """Over REST and gRPC, one and several; a row without a question or a context says so, and others are answered."""
    answerer = make_answerer()
    directory = tmp_path / "answerer"
    version = export_saved_model(answerer, directory, max_batch_size=4)
    report = json.loads((version / "assets.extra" / "parity.json").read_text())
    assert report["servers"] == ["2.11", *(f"2.{minor}" for minor in range(12, 21))] and report["rows"] > 20
    assert report["row_errors"] >= 6
    question = "where is the cafe"
    expected = {**answerer(question, CONTEXT), "error": ""}
    ask([str(directory), f"question={question}", f"context={CONTEXT}"])
    shown = capsys.readouterr().out
    for line in shown.splitlines():
        if line.startswith(("  REST", "  gRPC")):
            found = json.loads(line.split(maxsplit=1)[1])
            assert {**found, "score": 0} == {**expected, "score": 0}
            assert found["score"] == pytest.approx(expected["score"], abs=1e-5)
    assert "\n  REST" in shown and "\n  gRPC" in shown
    serve = build_signatures(answerer, ServedForm(row_errors=True))["n_best"]
    asked = [tf.constant([question, " ", question]), tf.constant([CONTEXT, CONTEXT, ""])]
    found = {name: value.numpy() for name, value in serve(*asked).items()}
    best = answerer.n_best(question, CONTEXT)
    assert found["count"].tolist() == [len(best), 0, 0] == [5, 0, 0]
    assert [text.decode() for text in found["answers"][0]] == [each["answer"] for each in best]
    np.testing.assert_allclose(found["scores"][0], [each["score"] for each in best], atol=1e-5)
    messages = [b"", b"question must not be empty", b"context must not be empty"]
    assert found["error"].tolist() == messages and not found["scores"][1:].any()


def test_blank_texts_fail_requests_without_errors_of_rows():
    serve = build_signatures(make_answerer(), ServedForm())["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="context must not be empty"):
        serve(tf.constant(["who", "who"]), tf.constant(["Ana", "\t"]))
