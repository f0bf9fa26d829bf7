"""Answers to questions: those of the pipeline of transformers, with places in characters and bytes, of any context."""

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tiny_foreign_encoders
import torch
import transformers
from tiny_encoder_tasks import make_encoder, make_tokenizer, randomised

import zoo
from zoo.convert.conversion import convert
from zoo.errors import UserError
from zoo.models import SpanPredictor
from zoo.tasks import QuestionAnswerer, QuestionAnsweringSettings
from zoo.tasks.loading import stored_inputs

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "answers_of_transformers_4.57.1.tar.xz"
FAMILIES = ("Bert", "DistilBert", "Roberta", "mpnet", "electra")
# The others where there is time.
OFTEN = ("Bert", "Roberta")
IN_TURN = [*OFTEN, *(pytest.param(name, marks=pytest.mark.long) for name in FAMILIES if name not in OFTEN)]
PLACES = ("answer", "start", "end")
# Settings for the options of the pipeline.
NAMES = {
    "handle_impossible_answer": "no_answer",
    "max_answer_len": "max_answer_tokens",
    "doc_stride": "overlap",
    "max_seq_len": "window",
    "align_to_words": "whole_words",
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    directory = tmp_path_factory.mktemp("answers")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(directory, filter="data")
    return directory


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize("family", IN_TURN)
def test_answers_are_those_of_the_pipeline(stored, family):
    """200 questions, a third of them with several windows, with six sets of options each."""
    content = json.loads((stored / family / "answers.json").read_text(encoding="utf-8"))
    questions, contexts = ([row[name] for row in content["rows"]] for name in ("question", "context"))
    task = zoo.load(stored / family)
    assert isinstance(task, zoo.QuestionAnswerer) and stored_inputs(stored / family) == ("question", "context")
    tokens = task.tokenizer.encode(contexts).row_lengths().numpy()
    assert len(questions) == 40 and (tokens > 48).sum() > 8
    empty = 0
    for place, options in enumerate(content["options"]):
        changed = task.with_settings(**{NAMES[name]: options[name] for name in options if name in NAMES})
        several = options.get("top_k")
        asked = dict(batch_size=len(questions))
        if several:
            found = changed.n_best(questions, contexts, several, **asked)
        else:
            found = changed(questions, contexts, **asked)
        for row, answers in zip(content["rows"], found, strict=True):
            context, expected = row["context"], row["answers"][place]
            # The pipeline fills up its list with spans that begin at [CLS], of probability 0.
            expected = [each for each in expected if each["score"] > 0] if several else expected
            answers = answers if several else [answers]
            for one, other in zip(answers, expected, strict=True):
                assert {name: one[name] for name in PLACES} == {name: other[name] for name in PLACES}, (one, other)
                assert one["score"] == pytest.approx(other["score"], abs=1e-4)
                assert context[one["start"] : one["end"]] == one["answer"]
                assert context.encode()[one["start_byte"] : one["end_byte"]].decode() == one["answer"]
            empty += sum(not each["answer"] for each in answers)
    assert 5 < empty < 160


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_transformers(stored, family):
    rows = json.loads((stored / family / "answers.json").read_text(encoding="utf-8"))["rows"]
    columns = [[row[name] for row in rows] for name in ("question", "context")]
    task = zoo.load(stored / family)
    encoded = task.encode(*map(tf.constant, columns))
    tokenizer = transformers.AutoTokenizer.from_pretrained(stored / family)
    reference = tokenizer(
        *columns,
        padding=True,
        truncation="only_second",
        max_length=task.settings.window,
        stride=task.settings.overlap,
        return_overflowing_tokens=True,
        return_tensors="pt",
    )
    if family not in ("Bert", "electra"):
        reference.pop("token_type_ids", None)
    reference.pop("overflow_to_sample_mapping")
    assert encoded.tensors["token_ids"].numpy().tolist() == reference["input_ids"].tolist()
    if family in ("Bert", "electra"):
        assert encoded.tensors["segment_ids"].numpy().tolist() == reference["token_type_ids"].tolist()
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(stored / family).eval()
    with torch.no_grad():
        expected = model(**reference)
    found = np.asarray(task.model({name: value.numpy() for name, value in encoded.tensors.items()}))
    mask = reference["attention_mask"].numpy().astype(bool)
    assert len(found) > 2 * len(rows)
    for side, logits in enumerate((expected.start_logits, expected.end_logits)):
        np.testing.assert_allclose(found[:, side][mask], logits.numpy()[mask], atol=1e-4, rtol=1e-5)


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize("family", IN_TURN)
def test_there_and_back(stored, tmp_path, family):
    convert(stored / family, tmp_path / "preset")
    convert(tmp_path / "preset", tmp_path / "back", to="hugging-face")
    rows = json.loads((stored / family / "answers.json").read_text(encoding="utf-8"))["rows"][:12]
    columns = [[row[name] for row in rows] for name in ("question", "context")]
    task, preset, back = (zoo.load(path) for path in (stored / family, tmp_path / "preset", tmp_path / "back"))
    assert task.settings == preset.settings == back.settings
    assert task(*columns) == preset(*columns) == back(*columns)
    model, report = transformers.AutoModelForQuestionAnswering.from_pretrained(
        tmp_path / "back", output_loading_info=True
    )
    assert not report["missing_keys"] and not report["unexpected_keys"]
    original = transformers.AutoModelForQuestionAnswering.from_pretrained(stored / family)
    for name, value in original.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value)


def make_answerer(**settings):
    tokenizer = make_tokenizer()
    model = randomised(SpanPredictor(make_encoder(tokenizer, 21, pooler=False)), 22)
    return QuestionAnswerer(model, tokenizer, QuestionAnsweringSettings(**{"window": 24, "overlap": 8, **settings}))


@pytest.mark.usefixtures("untraced_tasks")
def test_answers_do_not_depend_on_neighbours_and_are_always_there():
    answerer = make_answerer()
    questions = ["who was born?", "?", "where " * 60, "born", "marie"]
    contexts = ["Marie Curie was born in Warsaw. " * 9, "\u3000", "in Köln \xff".encode("latin-1"), "born", "\u200b"]
    found = answerer(questions, contexts)
    for one, question, context in zip(found, questions, contexts, strict=True):
        alone = answerer(question, context)
        assert {**one, "score": 0} == {**alone, "score": 0}
        assert one["score"] == pytest.approx(alone["score"], abs=1e-5)
    empty = {"answer": "", "score": 0.0, "start": 0, "end": 0, "start_byte": 0, "end_byte": 0}
    assert found[1] == found[4] == empty and all(found[place]["answer"] for place in (0, 2, 3))
    allowed = make_answerer(no_answer=True)("?", "\u3000")
    assert allowed["answer"] == "" and allowed["score"] == pytest.approx(1.0)
    assert answerer.n_best("?", "\u3000") == [] and answerer([], []) == answerer.n_best([], []) == []


def test_texts_of_blanks_are_refused_by_name():
    answerer = make_answerer()
    for texts, message in (
        ((["who?", ""], ["Ana", "Bob"]), "question must not be empty; that at position 1 is b''"),
        ((["who?"], [" \n"]), "context must not be empty; that at position 0"),
        (("who?", ""), "context must not be empty"),
    ):
        for call in (answerer, answerer.n_best):
            with pytest.raises(UserError, match=message):
                call(*texts)
    with pytest.raises(tf.errors.InvalidArgumentError, match="question must not be empty"):
        answerer.predict_batch(tf.constant(["who?", " "]), tf.constant(["Ana", "Bob"]))


@pytest.mark.usefixtures("untraced_tasks")
def test_no_answer_by_threshold():
    """Empty where the logarithm of its probability exceeds the other's by more than the threshold."""
    content = "Marie Curie was born in Warsaw, near the Rhine! naïve closed cafe. " * 2
    plain = make_answerer()("who was born", content)
    (nothing,) = (
        each for each in make_answerer(no_answer=True).n_best("who was born", content, 500) if not each["answer"]
    )
    difference = np.log(nothing["score"] / plain["score"])
    for threshold, answer in ((difference - 0.01, ""), (difference + 0.01, plain["answer"])):
        settings = dict(no_answer=True, no_answer_threshold=float(threshold))
        found = make_answerer(**settings)("who was born", content)
        assert found["answer"] == answer
        assert found["score"] == pytest.approx(plain["score"] if answer else nothing["score"], rel=1e-5)


def test_the_best_answer_by_brute_force():
    """From the model's logits of each window alone, row by row."""
    answerer = make_answerer(whole_words=False, max_answer_tokens=3)
    question, context = "who was born", "Marie Curie was born in Warsaw, near the Rhine! naïve closed cafe. " * 2
    tokenizer = answerer.tokenizer
    asked = tokenizer.encode([question]).to_list()[0]
    tokens = tokenizer.tokenize_with_offsets([context])
    ids, starts, ends = (getattr(tokens, name).to_list()[0] for name in ("token_ids", "starts", "ends"))
    width = 24 - 3 - len(asked)
    sums, begin = {}, 0
    while True:
        part = ids[begin : begin + width]
        row = np.array([[tokenizer.bos_id, *asked, tokenizer.eos_id, *part, tokenizer.eos_id]])
        segments = np.array([[0] * (len(asked) + 2) + [1] * (len(part) + 1)])
        logits = np.asarray(
            answerer.model({"token_ids": row, "padding_mask": np.ones_like(row), "segment_ids": segments})
        )[0].T
        first = len(asked) + 2
        chosen = np.concatenate([logits[:1], logits[first : first + len(part)]])
        probabilities = np.exp(chosen - chosen.max(0)) / np.exp(chosen - chosen.max(0)).sum(0)
        spans = [
            (probabilities[1 + one, 0] * probabilities[1 + other, 1], begin + one, begin + other)
            for one in range(len(part))
            for other in range(one, min(one + 3, len(part)))
        ]
        score, one, other = max(spans)
        text = context.encode()[starts[one] : ends[other]].decode().lower()
        sums[text] = sums.get(text, 0.0) + score
        if begin + width >= len(ids):
            break
        begin += width - 8
    best = max(sums, key=sums.get)
    found = answerer(question, context)
    assert begin > 0 and found["answer"].lower() == best and found["score"] == pytest.approx(sums[best], abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"overlap": 24}, "window must be at least 29 with an overlap of 24, got 24"),
        ({"window": 0}, "window must be an integer of at least 1, got 0"),
        ({"max_answer_tokens": 0}, "max_answer_tokens must be an integer of at least 1"),
        ({"no_answer": 1}, "no_answer must be true or false, got 1"),
        ({"no_answer_threshold": float("nan")}, "no_answer_threshold must be between -1000.0 and 1000.0, got nan"),
        ({"num_answers": 0}, "num_answers must be an integer of at least 1"),
    ],
)
def test_impossible_settings(settings, message):
    with pytest.raises(UserError, match=message):
        make_answerer(**settings)


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize("family", ["xlm-roberta", "modernbert"])
def test_answers_of_tokenizers_that_normalise(family, tmp_path):
    """The most probable span of transformers' logits, where its tokenizer says that tokens are."""
    model, tokenizer = tiny_foreign_encoders.write(tmp_path, family, "ForQuestionAnswering")
    task = zoo.load(tmp_path).with_settings(whole_words=False)
    contexts = ["Marie  Curie was born in Warsaw, near the Rhine", "das Pferd läuft weiß", "a b c d", "日本 中 Marie ½"]
    question = "who was born?"
    for context, found in zip(contexts, task([question] * len(contexts), contexts), strict=True):
        inputs = tokenizer(question, context, return_tensors="pt", return_offsets_mapping=True)
        places = inputs.pop("offset_mapping")[0].tolist()
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            logits = model(**inputs)
        tokens = [place for place, side in enumerate(inputs.sequence_ids(0)) if side == 1]
        starts, ends = (side[0, [0, *tokens]].softmax(0)[1:] for side in (logits.start_logits, logits.end_logits))
        spans = [(i, j) for i in range(len(tokens)) for j in range(i, min(i + 15, len(tokens)))]
        first, last = max(spans, key=lambda span: starts[span[0]] * ends[span[1]])
        start, end = places[tokens[first]][0], places[tokens[last]][1]
        assert (found["start"], found["end"], found["answer"]) == (start, end, context[start:end])
        assert found["score"] == pytest.approx(float(starts[first] * ends[last]), abs=1e-5)


def test_models_that_are_not_for_questions(stored, tmp_path):
    source = stored / "Bert"
    for file in source.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((source / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "id2label": {"0": "a", "1": "b", "2": "c"}}))
    with pytest.raises(UserError, match=r"a model for questions has 2 outputs, .*; 3 labels are not supported"):
        zoo.load(tmp_path)
