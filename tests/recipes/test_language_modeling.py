"""The language modelling recipe, by its real command and in this process, on small data."""

import json

import numpy as np
import pytest
from commands import run_python
from pretraining_data import write_documents

import zoo
from recipes.language_modeling import main
from recipes.language_modeling import recipe as language_modeling
from recipes.language_modeling.config import VARIANTS, LanguageModelingConfig, parse_command_line
from zoo.errors import UserError
from zoo.evaluate import perplexity
from zoo.evaluate.perplexity import encode_documents
from zoo.tokenizers import BytePairTokenizer

SMALL = "--vocabulary-size 300 --num-layers 1 --hidden-dim 32 --num-heads 2 --dropout 0 --context 24 --batch-size 16"
STEPS = "--total-steps 60 --warmup-steps 10 --validate-every-steps 30 --checkpoint-every-steps 20 --learning-rate 1e-2"
SEPARATOR = ["--document-separator", "\\n\\n"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus")
    for name, count, seed in (("train", 150, 1), ("val", 20, 3)):
        write_documents(directory / f"{name}.txt", count, seed)
    return directory


def arguments(corpus, directory, *extra, small=SMALL):
    files = ["--train", str(corpus / "train.txt"), "--validation", str(corpus / "val.txt"), *SEPARATOR]
    return ["--directory", str(directory), *files, *small.split(), *STEPS.split(), *map(str, extra)]


def command(argv, backend="tensorflow"):
    return run_python(["-m", "recipes.language_modeling", *argv], backend=backend)


def history(directory, kind):
    rows = [json.loads(line) for line in (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == kind]


@pytest.fixture(scope="module")
def finished(corpus, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "finished"
    done = command(arguments(corpus, directory, "--sample-prompts", "", "the"))
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def test_it_learns_and_leaves_what_it_says(finished):
    directory, output = finished
    results = json.loads((directory / "results.json").read_text(encoding="utf-8"))
    first, last = history(directory, "validation")
    assert last["val_nll"] < first["val_nll"] < np.log(300) and results["documents"] == 20
    assert results["blocks"]["nll"] == pytest.approx(last["val_nll"], abs=1e-4)
    samples = (directory / "samples.txt").read_text(encoding="utf-8")
    assert samples.count("=== update 30\n") == samples.count("=== update 60\n") == 2 and "\nthe" in samples
    assert (directory / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert "bits per byte" in output and "--- (from the beginning)" in output and "--- the" in output


def test_the_preset_has_the_perplexity_that_was_reported(finished, corpus):
    """Every token's probability in windows made by hand; bytes counted from the file."""
    directory, _ = finished
    generator = zoo.load(directory)
    documents = (corpus / "val.txt").read_text(encoding="utf-8").split("\n\n")
    context, stride, total, count = 24, 12, 0.0, 0
    for text in documents:
        tokens = [generator.tokenizer.eos_id, *generator.tokenizer.encode([text]).to_list()[0]]
        done = 1
        for start in range(0, len(tokens), stride):
            window = tokens[start : start + context + 1]
            if start + len(window) <= done:
                break
            logits = np.asarray(generator.model({"token_ids": np.array([window[:-1]])}), "float64")[0]
            log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
            for place in range(done - start, len(window)):
                total -= log_p[place - 1, window[place]]
                count += 1
            done = start + len(window)
    found = json.loads((directory / "results.json").read_text(encoding="utf-8"))["perplexity"]
    assert (found["tokens"], found["stride"], found["block_length"]) == (count, stride, context)
    assert found["nll"] == pytest.approx(total / count, rel=1e-4)
    num_bytes = sum(len(text.encode()) for text in documents)
    assert found["num_bytes"] == num_bytes
    assert found["bits_per_byte"] == pytest.approx(total / num_bytes / np.log(2), rel=1e-4)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(finished, corpus, tmp_path):
    directory, _ = finished
    argv = arguments(corpus, tmp_path / "run", "--sample-prompts")
    main([*argv, "--max-minutes", "0.0001"])
    assert json.loads((tmp_path / "run" / "results.json").read_text())["updates"] < 60
    main(argv)
    for mine, theirs in zip(
        zoo.load(tmp_path / "run").model.get_weights(), zoo.load(directory).model.get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-6)


def test_training_goes_on_from_a_preset_with_document_masks(finished, corpus, tmp_path):
    directory, _ = finished
    small = "--context 16 --batch-size 16 --document-masks --sample-prompts"
    main(arguments(corpus, tmp_path / "run", "--pretrained", directory, small=small))
    before = json.loads((directory / "results.json").read_text())["perplexity"]["nll"]
    after = json.loads((tmp_path / "run" / "results.json").read_text())["perplexity"]["nll"]
    assert after < before
    assert zoo.load(tmp_path / "run").tokenizer.merges == zoo.load(directory).tokenizer.merges
    with pytest.raises(UserError, match="--context 30 is more than the 24 positions"):
        language_modeling.run(
            parse_command_line(["--pretrained", str(directory), "--context", "30", *files_of(corpus)])
        )


def files_of(corpus):
    return ["--train", str(corpus / "train.txt"), "--validation", str(corpus / "val.txt"), "--directory", "absent"]


@pytest.mark.usefixtures("untraced_tasks")
@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("jax", "--architecture llama --num-key-value-heads 1 --qk-norm --optimizer muon --z-loss 1e-4"),
        ("torch", "--optimizer muon --schedule wsd"),
    ],
)
def test_other_backends_train_a_preset_that_tensorflow_loads(backend, options, corpus, tmp_path):
    extra = ["--total-steps", "20", "--warmup-steps", "2", "--sample-tokens", "6", *options.split()]
    done = command(arguments(corpus, tmp_path / backend, *extra), backend)
    assert done.returncode == 0, done.stderr
    (only,) = history(tmp_path / backend, "validation")
    assert only["val_nll"] < np.log(300) - 0.5
    assert len(zoo.load(tmp_path / backend)("the", max_new_tokens=4)) > 0


def test_pieces_of_a_text_have_the_tokens_of_the_whole(monkeypatch):
    monkeypatch.setattr(perplexity, "_CHUNK_CHARACTERS", 10)
    text = "One line.\nTwo\n\n  three \n\tfour\nfive's 😀\n\n\nsix\n seven eight nine ten\neleven\n" * 3
    pieces = list(perplexity.pieces(text))
    assert "".join(pieces) == text and len(pieces) > 8
    tokenizer = BytePairTokenizer.train([text], 290)
    (tokens,) = encode_documents(tokenizer, [text])
    assert tokens.tolist() == tokenizer.encode([text]).to_list()[0]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--context", "1"], "--context must be at least 2"),
        (["--stride", "300"], "--stride must be between 1 and --context"),
        (["--final-learning-rate", "1"], "--final-learning-rate must be between 0 and --learning-rate"),
        (["--dropout", "1"], "--dropout must be at least 0 and below 1"),
        (
            ["--total-steps", "5000", "--warmup-steps", "5000"],
            "--warmup-steps 5000 must be at least 0 and below --total-steps",
        ),
        (["--top-p", "0"], "--top-p must be above 0"),
        (["--temperature", "-1"], "--temperature must be between 0 and 100"),
        (["--num-layers", "0"], "--num-layers must be at least 1"),
        (["--pretrained", "x", "--dropout", "0.2"], "--dropout is for new models"),
        (["--pretrained", "x", "--architecture", "llama"], "--architecture is for new models"),
        (["--pretrained", "x", "--qk-norm", "--architecture", "llama"], "is for new models"),
        (["--qk-norm"], "--qk-norm is for --architecture llama"),
        (["--num-key-value-heads", "2"], "--num-key-value-heads is for --architecture llama"),
        (["--size", "15m"], "--size 15m is not of --architecture gpt2, which has small, medium, large, xl"),
        (["--architecture", "llama", "--size", "xl"], "--size xl is not of --architecture llama, which has 15m,"),
        (["--z-loss", "-1"], "--z-loss must be at least 0"),
        ([], "--train is missing"),
        (["--dataset", "tinyshakespeare", "--train", "a"], "--dataset and --train name two texts"),
        (["--dataset", "multi30k"], "'multi30k' is for translation, not for language modelling"),
    ],
)
def test_mistakes_end_in_one_line(argv, message, tmp_path, refused):
    assert message in refused(main, [*argv, "--directory", tmp_path / "run"])
    assert not (tmp_path / "run").exists()


def test_variants_are_consistent():
    for name, make in VARIANTS.items():
        assert make().variant == name
        assert parse_command_line(["--variant", name]) == make()
    assert LanguageModelingConfig() == VARIANTS["own-data"]()
