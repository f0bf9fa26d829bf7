"""Heads that other people's models have: one number or several, and tags of every spelling, as transformers answers."""

import numpy as np
import pytest
import tensorflow as tf
import torch
import transformers
from test_foreign import READABLE, pipeline, write

import zoo
from export import export_saved_model
from zoo.convert.conversion import convert
from zoo.errors import UserError
from zoo.predict.answers import plain_text
from zoo.tasks import RegressionSettings


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize("problem", [None, "regression"])
def test_one_number(tmp_path, problem):
    write(tmp_path, transformers.BertForSequenceClassification, 3, num_labels=1, problem_type=problem)
    task = zoo.load(tmp_path)
    assert isinstance(task, zoo.TextRegressor) and task.settings.sigmoid == (problem is None)
    answers = task(READABLE)
    expected = [answer["score"] for answer in pipeline("text-classification", tmp_path)(READABLE)]
    np.testing.assert_allclose([answer["score"] for answer in answers], expected, atol=1e-5)
    values = np.array([answer["value"] for answer in answers])
    np.testing.assert_allclose(1 / (1 + np.exp(-values)) if problem is None else values, expected, atol=1e-5)
    assert values.std() > 0.1 and plain_text(task, answers[0]) == str(answers[0]["value"])
    task.save(tmp_path / "preset")
    assert zoo.load(tmp_path / "preset")(READABLE) == answers
    convert(tmp_path / "preset", tmp_path / "again", to="hugging-face")
    again = [answer["score"] for answer in pipeline("text-classification", tmp_path / "again")(READABLE)]
    np.testing.assert_allclose(again, expected, atol=1e-5)


def test_a_served_number(tmp_path):
    write(tmp_path / "model", transformers.BertForSequenceClassification, 3, num_labels=1)
    task = zoo.load(tmp_path / "model")
    version = export_saved_model(task, tmp_path / "serving", parity_texts=READABLE[:2], max_batch_size=4, buckets=[8])
    served = tf.saved_model.load(str(version)).signatures["serving_default"](text=tf.constant(READABLE[:2]))
    assert {name: value.shape.as_list() for name, value in served.items()} == {"value": [2], "score": [2]}
    for name, value in served.items():
        np.testing.assert_allclose(value, [answer[name] for answer in task(READABLE[:2])], atol=1e-5)


@pytest.mark.usefixtures("untraced_tasks")
def test_several_numbers(tmp_path):
    names = {0: "price", 1: "taste", 2: "service"}
    model = write(tmp_path, transformers.BertForSequenceClassification, 3, id2label=names, problem_type="regression")
    task = zoo.load(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text, answer in zip(READABLE, task(READABLE), strict=True):
        with torch.no_grad():
            expected = model(**tokenizer(text, return_tensors="pt")).logits[0]
        assert answer["labels"] == list(names.values())
        np.testing.assert_allclose(answer["values"], expected, atol=1e-5)
    with pytest.raises(UserError, match="sigmoid is for models of one output; this one has 3"):
        task.with_settings(sigmoid=True)
    with pytest.raises(UserError, match="sigmoid must be true or false, got 1"):
        RegressionSettings(sigmoid=1)
    with pytest.raises(UserError, match="max_source_length must be an integer above 2, got 2"):
        RegressionSettings(max_source_length=2)


def test_one_label_that_is_a_class(tmp_path):
    """It would always be that one; transformers 5 refuses it too."""
    write(tmp_path, transformers.BertForSequenceClassification, 3, num_labels=1, problem_type="regression")
    path = tmp_path / "config.json"
    path.write_text(path.read_text().replace('"regression"', '"single_label_classification"'))
    with pytest.raises(UserError, match=r"config.json: problem_type 'single_label_classification' with one label"):
        zoo.load(tmp_path)


TAG_SETS = {
    "no prefix": ["O", "PER", "LOC"],
    "LABEL_i": None,
    "lower case": ["o", "b-per", "i-per"],
    "X": ["O", "B-PER", "X"],
    "BMES and W": ["O", "B-PER", "M-PER", "E-PER", "W-PER", "B-LOC"],
    "hyphens": ["O", "B-new-york", "I-new-york", "new-york", "I-O"],
}


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize("name", TAG_SETS)
def test_tags_of_every_spelling(tmp_path, name):
    tags = TAG_SETS[name]
    write(
        tmp_path,
        transformers.BertForTokenClassification,
        11,
        **({"num_labels": 3} if tags is None else {"id2label": dict(enumerate(tags))}),
    )
    recognizer = zoo.load(tmp_path)
    assert (recognizer.settings.scheme, recognizer.settings.word_scores) == ("SIMPLE", "token")
    reference = pipeline("token-classification", tmp_path, aggregation_strategy="simple")
    answers = recognizer(READABLE)
    for text, answer in zip(READABLE, answers, strict=True):
        expected = reference(text)
        assert [(e["label"], e["start"], e["end"]) for e in answer] == [
            (e["entity_group"], e["start"], e["end"]) for e in expected
        ]
        np.testing.assert_allclose([e["score"] for e in answer], [e["score"] for e in expected], atol=1e-5)
    assert sum(map(len, answers)) >= 5
    recognizer.save(tmp_path / "preset")
    assert zoo.load(tmp_path / "preset")(READABLE) == answers
