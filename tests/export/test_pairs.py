"""Exports of scorers of pairs: a fresh process gives Python's answers, and orders of documents have a signature."""

import json

import numpy as np
import pytest
import tensorflow as tf
from tiny_encoder_tasks import make_encoder, make_tokenizer, randomised

from export.ask import main as ask
from export.saved_model import export_saved_model
from export.served_form import ServedForm
from export.signatures import build_signatures
from zoo.models import SequenceClassifier
from zoo.tasks import PairScorer


def make_scorer():
    tokenizer = make_tokenizer()
    model = randomised(SequenceClassifier(make_encoder(tokenizer, 31), 1), 32)
    return PairScorer(model, tokenizer, examples=[{"text": "who was born", "text_pair": "Marie Curie"}])


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
