"""The translation recipe, by its real command on small data."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from commands import run_python

import zoo
from recipes.text_to_text.scored_language import check_score_moves
from recipes.translation import main
from recipes.translation import recipe as translation
from recipes.translation.config import parse_command_line
from zoo.data.datasets.sample_corpus import sample_pairs
from zoo.errors import UserError
from zoo.metrics.text_language import guess_language, language_from_code
from zoo.metrics.translation_scores import TranslationScores
from zoo.tasks import TranslationSettings

ROOT = Path(__file__).parents[2]


def write_pairs(directory, name, pairs):
    for side, language in enumerate(("en", "de")):
        text = "".join(pair[side] + "\n" for pair in pairs)
        (directory / f"{name}.{language}").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    pairs = sample_pairs(340, seed=5)
    write_pairs(directory, "train", pairs[:300])
    write_pairs(directory, "val", pairs[300:320])
    write_pairs(directory, "test", pairs[320:])
    return directory


def arguments(corpus, directory, *extra):
    files = [
        part
        for split, name in (("train", "train"), ("validation", "val"), ("test", "test"))
        for side, language in (("source", "en"), ("target", "de"))
        for part in (f"--{split}-{side}", str(corpus / f"{name}.{language}"))
    ]
    small = "--vocabulary-size 400 --num-layers 1 --batch-size-tokens 1024 --size tiny --max-length 96 --num-beams 2"
    steps = "--total-steps 40 --warmup-steps 10 --validate-every-steps 20 --checkpoint-every-steps 10"
    few = "--norm post --schedule inverse_square_root --learning-rate 3e-3"
    few += " --early-stopping-patience 0 --average-checkpoints 2"
    return ["--variant", "own-data", "--directory", str(directory), *files, *f"{small} {steps} {few}".split(), *extra]


def command(argv, backend="tensorflow"):
    return run_python(["-m", "recipes.translation", *argv], backend=backend)


def history(directory):
    return [json.loads(line) for line in (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "finished"
    done = command(arguments(corpus, directory, "--target-language", "deu_Latn"))
    assert done.returncode == 0, done.stderr
    return directory, done


def test_a_run_leaves_preset_scores_and_learning_curve(finished, corpus):
    directory, done = finished
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    assert results["updates"] == 40 and results["stop_reason"] == "finished" and results["sentences"] == 20
    assert set(results["scores"]) == {"bleu", "chrf", "lowercase_tokenized_bleu"}
    assert (directory / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert len((directory / "test.hypotheses.txt").read_text(encoding="utf-8").splitlines()) == 20
    assert json.loads((directory / "recipe.json").read_text(encoding="utf-8"))["vocabulary_size"] == 400
    assert "BLEU" in done.stdout and "reference" in done.stdout and "target language de\n" in done.stdout
    validation = history(directory)[-1]
    assert 0 <= validation["val_bleu"] < 100 and 0 < validation["val_chrf"] < 100


def test_a_lowercase_translator_is_scored_without_regard_to_case(corpus, tmp_path):
    config = parse_command_line(arguments(corpus, tmp_path, "--normalization", "lowercase"))
    source, target = translation.make_tokenizers(config, translation.open_splits(config)[0], resumed=False)
    assert source is target and source.decode(source.encode(["Am 3. Mai"])).numpy() == [b"am 3. mai"]

    def echo(texts, progress):
        return [text.lower() for text in texts]

    pairs = [("The train to Prague leaves.", "The Train to Prague leaves.")] * 3
    assert translation.writes_lowercase(target)
    english = language_from_code("en")
    scores, _ = translation.evaluate(echo, pairs, TranslationScores(english, lowercase=True))
    assert [scores[name].value for name in ("bleu", "chrf")] == pytest.approx([100.0, 100.0])
    assert "case:lc" in scores["bleu"].signature and "case:lc" in scores["chrf"].signature
    cased, _ = translation.evaluate(echo, pairs, TranslationScores(english, lowercase=False))
    assert cased["bleu"].value < 60 and "case:mixed" in cased["bleu"].signature


def test_the_scores_follow_the_language():
    chinese, references = language_from_code("zho_Hans"), ["今天天气很好我们去公园玩"]
    scores = TranslationScores(chinese, lowercase=False).of(references, references)
    assert set(scores) == {"bleu", "chrf"} and "|tok:zh|" in scores["bleu"].signature
    assert [score.value for score in scores.values()] == pytest.approx([100, 100])
    guessed = TranslationScores(guess_language(["Plain English."]), lowercase=False, tokenizer="char")
    assert set(guessed.of(["a b"], ["a b"])) == {"bleu", "chrf"}
    assert "|tok:char|" in guessed.of(["a b"], ["a b"])["bleu"].signature


def test_early_stopping_does_not_follow_a_score_that_cannot_move():
    check_score_moves("val_rouge1", {"rouge1": 100.0, "rouge2": 0.0})
    check_score_moves("val_nll", {"rouge1": 0.0})
    with pytest.raises(UserError, match=r"val_rouge2 cannot be followed: .*; choose val_rouge1 or val_nll"):
        check_score_moves("val_rouge2", {"rouge1": 100.0, "rouge2": 0.0})


def test_subword_sampling_draws_every_epoch_anew(corpus, tmp_path):
    config = parse_command_line(arguments(corpus, tmp_path, "--subword-sampling", "0.3", "--max-length", "250"))
    pairs = translation.open_splits(config)[0]
    tokenizers = translation.make_tokenizers(config, pairs, resumed=False)

    def epoch(number, training=True):
        settings = TranslationSettings()
        drawn = translation.sampled_tokens(config, tokenizers, settings) if training else None
        batches = translation.make_batches(config, pairs, tokenizers, settings, training, encode_epoch=drawn)
        batches = batches.epoch(number)
        rows = [row[: int(mask.sum()) - 1] for x, _, _ in batches for row, mask in zip(*_sources(x), strict=True)]
        texts = tokenizers[0].decode([row.tolist() for row in rows]).numpy()
        return sum(map(len, rows)), sorted(text.decode() for text in texts)

    counts = [epoch(number) for number in (0, 1, 0)]
    plain, texts = epoch(0, training=False)
    assert counts[0] == counts[2] and counts[0][0] != counts[1][0]
    assert all(count > plain * 1.1 for count, _ in counts) and all(found == texts for _, found in counts)
    assert texts == sorted(source for source, _ in pairs)


def _sources(x):
    return x["source_token_ids"], x["source_padding_mask"]


def test_the_loss_falls_from_the_uniform_loss(finished):
    directory, _ = finished
    validations = [row for row in history(directory) if row["kind"] == "validation"]
    assert [row["step"] for row in validations] == [20, 40]
    # An untrained model is near ln(400) = 5.99; forty updates on this corpus learn its commonest tokens.
    assert 3.0 < validations[1]["val_nll"] < validations[0]["val_nll"] < 5.99


def test_the_preset_gives_the_hypotheses_that_were_scored(finished, corpus):
    import zoo

    directory, _ = finished
    translator = zoo.load(directory)
    sources = (corpus / "test.en").read_text(encoding="utf-8").splitlines()
    hypotheses = (directory / "test.hypotheses.txt").read_text(encoding="utf-8").splitlines()
    assert [text.replace("\n", " ") for text in translator(sources)] == hypotheses
    assert translator.examples == (corpus / "val.en").read_text(encoding="utf-8").splitlines()


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(finished, corpus, tmp_path):
    import numpy as np

    import zoo

    directory, _ = finished
    resumed = tmp_path / "resumed"
    interrupted = command(arguments(corpus, resumed, "--max-minutes", "0.0001"))
    assert interrupted.returncode == 0, interrupted.stderr
    assert json.loads((resumed / "results.json").read_text(encoding="utf-8"))["stop_reason"] == "time"
    again = command(arguments(corpus, resumed))
    assert again.returncode == 0, again.stderr
    assert "going on from step" in again.stderr
    for expected, found in zip(
        zoo.load(directory).model.get_weights(), zoo.load(resumed).model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_train_a_preset_that_tensorflow_loads(backend, corpus, tmp_path):
    import zoo

    # Short sentences only, since JAX compiles for every shape.
    short = ["--max-length", "32", "--validation-bleu-lines", "4", "--batch-size-tokens", "512"]
    short += ["--total-steps", "30", "--validate-every-steps", "15"]
    done = command(arguments(corpus, tmp_path / backend, *short), backend)
    assert done.returncode == 0, done.stderr
    validations = [row for row in history(tmp_path / backend) if row["kind"] == "validation"]
    assert 3.0 < validations[1]["val_nll"] < validations[0]["val_nll"] < 5.99
    sources = (corpus / "test.en").read_text(encoding="utf-8").splitlines()
    hypotheses = (tmp_path / backend / "test.hypotheses.txt").read_text(encoding="utf-8").splitlines()
    assert [text.replace("\n", " ") for text in zoo.load(tmp_path / backend)(sources)] == hypotheses


@pytest.mark.parametrize(
    ("extra", "parts"),
    [
        (["--total-steps", "0"], ["--total-steps"]),
        (["--dropout", "1.5"], ["--dropout"]),
        (["--label-smoothing", "1"], ["--label-smoothing"]),
        (["--learning-rate", "0"], ["--learning-rate"]),
        (["--schedule", "cosine", "--warmup-steps", "40"], ["--warmup-steps", "--total-steps"]),
        (["--batch-size-tokens", "50"], ["--batch-size-tokens", "--max-length"]),
        (["--optimizer", "adam"], ["--weight-decay", "adamw"]),
        (["--dataset", "sample"], ["--dataset", "own-data"]),
        (["--train", "pairs.tsv"], ["--train-source"]),
        (["--target-language", "klingon"], ["no language 'klingon'", "jpn_Jpan"]),
        (["--test-target", "None"], ["--test-source", "--test-target"]),
        (["--validation-source", "None", "--validation-target", "None"], ["--validation"]),
        (["--train-source", "nothing.en"], ["nothing.en"]),
        (["--dataset", "wmt99", "--train-source", "None", "--train-target", "None"], ["wmt99", "multi30k"]),
    ],
)
def test_impossible_options_end_in_one_line_naming_the_flag(corpus, tmp_path, refused, extra, parts):
    error = refused(main, arguments(corpus, tmp_path / "run", *extra))
    assert all(part in error for part in parts)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "今天天气很好我们去公园玩",
            "are written as zh is, and cannot be scored by words of de; give --target-language zh",
        ),
        ("", "the validation data has nothing to score, only empty lines"),
    ],
)
def test_validation_data_that_cannot_be_scored_is_refused_before_there_is_a_vocabulary(
    corpus, tmp_path, refused, monkeypatch, line, message
):
    for side in ("source", "target"):
        (tmp_path / side).write_text(f"{line}\n" * 2, encoding="utf-8")
    files = ["--validation-source", str(tmp_path / "source"), "--validation-target", str(tmp_path / "target")]
    monkeypatch.setattr(translation, "start_translator", None)
    assert message in refused(main, arguments(corpus, tmp_path / "run", *files, "--target-language", "de"))
    assert not (tmp_path / "run").exists()


def test_a_directory_of_another_run_is_refused_and_left_alone(finished, corpus, refused):
    directory, _ = finished
    before = {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}
    error = refused(main, arguments(corpus, directory, "--seed", "9"))
    assert str(directory) in error and "seed 1 instead of 9" in error
    assert {path: path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()} == before


def test_a_directory_of_other_files_is_refused(corpus, tmp_path, refused):
    (tmp_path / "thesis.tex").write_text("precious", encoding="utf-8")
    error = refused(main, arguments(corpus, tmp_path))
    assert str(tmp_path) in error and "--directory" in error
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_unequal_files_name_both_and_their_line_counts(corpus, tmp_path, refused):
    short = tmp_path / "short.de"
    short.write_text("eins\nzwei\n", encoding="utf-8")
    error = refused(main, arguments(corpus, tmp_path / "run", "--train-target", str(short)))
    assert all(part in error for part in ("short.de", "train.en", "300", "2"))


def start_workers(corpus, directory):
    """Two processes that train together; both see the same directory."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    cluster = {"worker": [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]}
    for each in sockets:
        each.close()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "recipes.translation", *arguments(corpus, directory)],
            env={**environment, "TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": n}})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(2)
    ]


@pytest.mark.long
def test_workers_of_which_one_is_killed_go_on_with_the_same_command(corpus, tmp_path):
    weights = []
    for name, kills in (("whole", 0), ("killed", 1)):
        directory = tmp_path / name
        workers = start_workers(corpus, directory)
        if kills:
            while not list(directory.glob("checkpoints/checkpoint-*")):
                time.sleep(0.05)
            workers[1].kill()
            _, err = workers[0].communicate(timeout=200)
            assert workers[0].returncode == 2, err
            assert "another worker is gone" in err.splitlines()[-1]
            assert "start all workers again with the same command" in err.splitlines()[-1]
            assert not (directory / "results.json").exists()
            workers = start_workers(corpus, directory)
        for worker in workers:
            _, err = worker.communicate(timeout=300)
            assert worker.returncode == 0, err
        assert json.loads((directory / "results.json").read_text(encoding="utf-8"))["updates"] == 40
        weights.append(zoo.load(directory).model.get_weights())
    for whole, killed in zip(*weights, strict=True):
        np.testing.assert_allclose(whole, killed, rtol=0, atol=1e-6)
