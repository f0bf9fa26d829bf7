"""`python -m zoo.evaluate`, against scores that other packages and plain loops give for the task's own answers."""

import json
import math

import numpy as np
import pytest
import sacrebleu
import tiny_decoder_summarizer
import tiny_encoder_tasks
import tiny_generator
from keras import ops
from rouge_score import rouge_scorer
from seqeval.metrics import f1_score
from sklearn.metrics import accuracy_score, mean_squared_error
from sklearn.metrics import f1_score as macro_f1

from zoo.data import LineRows, MaskedBatches, TextDocuments, TokenizedDocuments, TokenMasking
from zoo.evaluate import main

pytestmark = pytest.mark.usefixtures("untraced_tasks")

SENTENCES = ["Marie Curie was born in Warsaw .", "closed near Köln , naive", "the cafe in Warsaw", "born in the cafe"]


def evaluate(tmp_path, *arguments):
    main([*map(str, arguments), "--output", str(tmp_path / "scores.json"), "--overwrite"])
    return json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))


def test_translations(tmp_path, tiny_translator, capsys, refused):
    tiny_translator.save(tmp_path / "model")
    sources = ["the horse", "a man", "the horse and a man", "ein Pferd"]
    answers = tiny_translator(sources)
    references = [*(text + " x" for text in answers[:3]), "something else that is longer than four words"]
    (tmp_path / "test.src").write_text("".join(text + "\n" for text in sources), encoding="utf-8")
    (tmp_path / "test.tgt").write_text("".join(text.replace("\n", " ") + "\n" for text in references), encoding="utf-8")
    references = (tmp_path / "test.tgt").read_text(encoding="utf-8").split("\n")[:-1]
    given = [
        tmp_path / "model",
        tmp_path / "test.src",
        "--references",
        tmp_path / "test.tgt",
        "--target-language",
        "de",
    ]
    found = evaluate(tmp_path, *given, "--answers", tmp_path / "answers.txt")
    assert found["scores"]["bleu"]["value"] == pytest.approx(sacrebleu.corpus_bleu(answers, [references]).score)
    assert found["scores"]["chrf"]["value"] == pytest.approx(sacrebleu.corpus_chrf(answers, [references]).score)
    assert (found["sentences"], found["task"]) == (4, "Translator")
    # As `python -m zoo.metrics` has them.
    resampled = sacrebleu.BLEU().corpus_score(answers, [references], n_bootstrap=1000)
    low, high = (max(resampled._mean + sign * resampled._ci, 0.0) for sign in (-1, 1))
    assert (found["scores"]["bleu"]["low"], found["scores"]["bleu"]["high"]) == pytest.approx((low, high))
    chrf = found["scores"]["chrf"]
    assert chrf["low"] < chrf["value"] < chrf["high"]
    written = (tmp_path / "answers.txt").read_text(encoding="utf-8").split("\n")
    assert written == [*(text.replace("\n", " ") for text in answers), ""]
    shown = capsys.readouterr().out
    assert "tok:13a" in shown and "target language de" in shown and f"{low:.2f} - {high:.2f}" in shown
    greedy = evaluate(tmp_path, *given, "--set", "num_beams=1")["scores"]["bleu"]["value"]
    once = sacrebleu.corpus_bleu(tiny_translator(sources, num_beams=1), [references]).score
    assert greedy == pytest.approx(once)
    wrong = refused(main, [*given, "--label-column", "x"])
    assert "--label-column is for a TextClassifier" in wrong and "holds a Translator" in wrong
    assert "answers.txt is there already" in refused(main, [*given, "--answers", tmp_path / "answers.txt"])


def test_summaries(tmp_path):
    task = tiny_decoder_summarizer.make_decoder_summarizer()
    task.save(tmp_path / "model")
    rows = [{"body": text, "one": "the the", "two": text} for text in SENTENCES]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = ["--text-field", "body", "--summary-fields", "one", "two", "--target-language", "en"]
    found = evaluate(tmp_path, tmp_path / "model", tmp_path / "test.jsonl", *options)
    scorer = rouge_scorer.RougeScorer(["rouge1"], use_stemmer=True)
    answers = task(SENTENCES)
    expected = [
        scorer.score_multi(["the the", text], answer)["rouge1"].fmeasure
        for text, answer in zip(SENTENCES, answers, strict=True)
    ]
    assert found["scores"]["rouge1"]["value"] == pytest.approx(100 * np.mean(expected))


def test_classes(tmp_path, refused):
    task = tiny_encoder_tasks.make_classifier()
    task.save(tmp_path / "model")
    predicted = [answer["label"] for answer in task(SENTENCES)]
    truth = [*predicted[:3], next(label for label in task.labels if label != predicted[3])]
    table = "id,body,kind\n" + "".join(f'1,"{text}",{label}\n' for text, label in zip(SENTENCES, truth, strict=True))
    (tmp_path / "test.csv").write_text(table, encoding="utf-8")
    given = [tmp_path / "model", tmp_path / "test.csv", "--text-column", "body", "--label-column", "kind"]
    scores = evaluate(tmp_path, *given)["scores"]
    assert scores["accuracy"] == accuracy_score(truth, predicted) == 0.75
    expected = macro_f1(truth, predicted, labels=list(task.labels), average="macro", zero_division=0)
    assert scores["macro"]["f1"] == pytest.approx(expected)
    (tmp_path / "test.csv").write_text(table.replace(truth[0], "nowhere"), encoding="utf-8")
    assert "the label 'nowhere' does not occur" in refused(main, given)
    several = tiny_encoder_tasks.make_classifier(multi_label=True, threshold=0.34)
    several.save(tmp_path / "several")
    rows = [
        {"text": text, "label": answer["labels"]} for text, answer in zip(SENTENCES, several(SENTENCES), strict=True)
    ]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert evaluate(tmp_path, tmp_path / "several", tmp_path / "test.jsonl")["scores"]["accuracy"] == 1.0


def test_numbers(tmp_path, refused, capsys):
    texts = [*SENTENCES, *tiny_encoder_tasks.TEXTS[:2], "a naive café", "born"]
    truth = [1.0, 2.5, 0.0, -1.0, 4.0, 2.5, 3.0, 1.5]
    task = tiny_encoder_tasks.make_regressor(sigmoid=True)
    task.save(tmp_path / "model")
    table = "id,body,stars\n" + "".join(
        f'{number},"{text}",{value}\n' for number, (text, value) in enumerate(zip(texts, truth, strict=True))
    )
    (tmp_path / "test.csv").write_text(table, encoding="utf-8")
    given = [tmp_path / "model", tmp_path / "test.csv", "--text-column", "body", "--label-column", "stars"]
    found = evaluate(tmp_path, *given)
    predicted = [answer["score"] for answer in task(texts)]
    scores = found["scores"]["stars"]
    assert found["task"] == "TextRegressor" and found["texts"] == 8
    assert scores["pearson"]["value"] == pytest.approx(np.corrcoef(truth, predicted)[0, 1], rel=1e-5)
    assert scores["mse"]["value"] == pytest.approx(mean_squared_error(truth, predicted), rel=1e-5)
    assert all(score["low"] < score["value"] < score["high"] for score in scores.values())
    assert f"{scores['mse']['low']:.4f} - {scores['mse']['high']:.4f}" in capsys.readouterr().out
    (tmp_path / "test.csv").write_text(table.replace("4.0", "many"), encoding="utf-8")
    error = refused(main, given)
    assert "test.csv:6: column 'stars' must hold a number such as 3 or 0.25, not 'many'" in error

    several = tiny_encoder_tasks.make_regressor(labels=("grammar", "style"))
    several.save(tmp_path / "several")
    rows = [{"text": text, "label": [1.0, value]} for text, value in zip(texts, truth, strict=True)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    scores = evaluate(tmp_path, tmp_path / "several", tmp_path / "test.jsonl")["scores"]
    grammar, style = zip(*(answer["values"] for answer in several(texts)), strict=True)
    assert scores["grammar"]["pearson"] == {"name": "Pearson", "value": None, "low": None, "high": None}
    assert scores["grammar"]["mse"]["value"] == pytest.approx(mean_squared_error(np.ones(8), grammar), rel=1e-5)
    assert scores["style"]["pearson"]["value"] == pytest.approx(np.corrcoef(truth, style)[0, 1], rel=1e-5)
    assert "all the same have no correlation" in capsys.readouterr().out
    error = refused(main, [tmp_path / "model", tmp_path / "test.jsonl"])
    assert "has 2 numbers a text where the model gives 1, stars" in error


def test_entities(tmp_path):
    task = tiny_encoder_tasks.make_recognizer()
    task.save(tmp_path / "model")
    tagged, predicted = [], []
    for sentence, found in zip(SENTENCES, task(SENTENCES), strict=True):
        tags, start = [], 0
        for word in sentence.split():
            inside = [each for each in found if each["start"] <= start < each["end"]]
            first = inside and inside[0]["start"] == start
            tags.append(f"{'B' if first else 'I'}-{inside[0]['label']}" if inside else "O")
            start += len(word) + 1
        predicted.append(tags)
        # All first words are places in truth.
        tagged.append(["B-place", *("O" if tag.startswith("I") else tag for tag in tags[1:])])
    lines = "".join(
        "".join(f"{word}\t{tag}\n" for word, tag in zip(sentence.split(), tags, strict=True)) + "\n"
        for sentence, tags in zip(SENTENCES, tagged, strict=True)
    )
    (tmp_path / "test.conll").write_text(lines, encoding="utf-8")
    found = evaluate(tmp_path, tmp_path / "model", tmp_path / "test.conll", "--tag-scheme", "BIO")
    assert found["scores"]["strict"]["micro"]["f1"] == pytest.approx(f1_score(tagged, predicted), abs=1e-9)


def log_probabilities(logits):
    logits = ops.convert_to_numpy(logits).astype("float64")
    return (
        logits
        - np.log(np.exp(logits - logits.max(-1, keepdims=True)).sum(-1, keepdims=True))
        - logits.max(-1, keepdims=True)
    )


def test_perplexity_of_generators(tmp_path, refused):
    task = tiny_generator.make_generator()
    task.save(tmp_path / "model")
    text = "the train arrives.\nanother line of the train " * 3
    (tmp_path / "test.txt").write_text(text, encoding="utf-8")
    found = evaluate(tmp_path, tmp_path / "model", tmp_path / "test.txt", "--context", 8, "--stride", 3)["perplexity"]
    ids = [task.tokenizer.eos_id, *task.tokenizer.encode([text]).to_list()[0]]
    # A window of 8 tokens at a time, each token judged in the first window that reaches it.
    total, reached = 0.0, 0
    for start in range(0, len(ids), 3):
        window = ids[start : start + 8]
        scores = log_probabilities(task.model({"token_ids": np.array([window])}))[0]
        for place in range(len(window)):
            target = start + place + 1
            if target > reached and target < len(ids):
                total, reached = total - scores[place, ids[target]], target
        if reached == len(ids) - 1:
            break
    assert found["tokens"] == len(ids) - 1
    assert found["nll"] == pytest.approx(total / (len(ids) - 1), rel=1e-4)
    assert found["per_token"] == pytest.approx(math.exp(found["nll"]))
    assert found["bits_per_byte"] == pytest.approx(total / math.log(2) / len(text.encode()), rel=1e-4)
    too_long = refused(main, [tmp_path / "model", tmp_path / "test.txt", "--context", 10_000])
    assert "--context must be between 2 and the" in too_long


def test_perplexity_of_masked_language_models(tmp_path):
    task = tiny_encoder_tasks.make_masked_language_model()
    task.save(tmp_path / "model")
    (tmp_path / "test.txt").write_text("".join(text + "\n" for text in SENTENCES * 6), encoding="utf-8")
    options = ["--line-by-line", "--masked-share", 0.3]
    first, again = (evaluate(tmp_path, tmp_path / "model", tmp_path / "test.txt", *options) for _ in range(2))
    assert first == again and first["hidden_tokens"] > 20
    scores = first["scores"]
    assert scores["perplexity"] == pytest.approx(math.exp(scores["nll"]))
    # The same tokens hidden once more, judged one by one.
    tokenizer = task.tokenizer.reading_from_text(())
    documents = TokenizedDocuments.encode(TextDocuments([tmp_path / "test.txt"]), tokenizer.tokenize_with_offsets)
    rows = LineRows(documents, sequence_length=task.max_source_length, bos_id=2, eos_id=3, pad_id=0)
    masking = TokenMasking(mask_id=4, special_ids=range(5), vocabulary_size=tokenizer.vocabulary_size, share=0.3)
    total = right = 0
    for x, labels, weights in MaskedBatches(rows, masking, batch_size=32, shuffle=False).epoch(0):
        log_probs = log_probabilities(task.model(x)["token_logits"])
        for row, place in np.argwhere(weights > 0):
            total -= log_probs[row, place, labels[row, place]]
            right += log_probs[row, place].argmax() == labels[row, place]
    assert scores["nll"] == pytest.approx(total / first["hidden_tokens"], rel=1e-4) and scores["nll"] > 1.0
    assert scores["accuracy"] == pytest.approx(right / first["hidden_tokens"]) and scores.keys() == {
        "nll",
        "perplexity",
        "accuracy",
    }
