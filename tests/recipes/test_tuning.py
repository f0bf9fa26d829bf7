"""Recipes of which only adapters, biases or the head learn: small checkpoints, going on, and what is left behind."""

import contextlib
import json

import numpy as np
import pytest
from fine_tuning_data import write_classes

import zoo
from recipes.language_modeling.config import parse_command_line as parse_language_model
from recipes.ner.config import parse_command_line as parse_ner
from recipes.text_classification import recipe as text_classification
from recipes.text_classification.config import parse_command_line
from zoo.adapters import adapters_of
from zoo.checkpoints.peft import read_peft
from zoo.errors import UserError

SMALL = ["--epochs", "8", "--batch-size", "16", "--max-source-length", "24"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Texts, and a preset of a classifier of other labels to start from."""
    directory = tmp_path_factory.mktemp("tuning")
    write_classes(directory / "train.jsonl", 1)
    write_classes(directory / "test.csv", 2)
    size = ("--size", "tiny", "--vocabulary-size", "100", "--learning-rate", "2e-3")
    for name, epochs in (("base", "4"), ("other", "1")):
        files = (
            "--train",
            directory / "train.jsonl",
            "--directory",
            directory / name,
            *size,
            *SMALL,
            "--epochs",
            epochs,
        )
        text_classification.run(parse_command_line(list(map(str, files))))
    return directory


def arguments(corpus, directory, *extra):
    files = ("--train", corpus / "train.jsonl", "--test", corpus / "test.csv", "--pretrained", corpus / "base")
    return list(map(str, (*files, "--directory", directory, *SMALL, *extra)))


@contextlib.contextmanager
def exchanged(one, other):
    """Two directories under each other's names."""

    def exchange():
        one.rename(one.with_name("between"))
        other.rename(one)
        one.with_name("between").rename(other)

    exchange()
    try:
        yield
    finally:
        exchange()


def test_low_rank_adapters_learn_go_on_and_are_left_in_both_forms(corpus, tmp_path, monkeypatch):
    directory, tune = tmp_path / "run", ("--tune", "lora", "--tune-rank", 4, "--tune-dropout", 0.1)
    whole = text_classification.run(parse_command_line(arguments(corpus, tmp_path / "whole", *tune)))
    assert whole["scores"]["accuracy"] > 0.9

    class Stopped(Exception):
        """As if the process had been killed."""

    ordinary = text_classification.TextClassification.validation_score

    def stops_at_the_third(recipe):
        score, calls = ordinary(recipe), []

        def scored(model):
            calls.append(model)
            if len(calls) == 3:
                raise Stopped
            return score(model)

        return scored

    with monkeypatch.context() as patch:
        patch.setattr(text_classification.TextClassification, "validation_score", stops_at_the_third)
        with pytest.raises(Stopped):
            text_classification.run(parse_command_line(arguments(corpus, directory, *tune)))
    newest = sorted((directory / "checkpoints").iterdir())[-1]
    size = sum(path.stat().st_size for path in newest.glob("*.npz"))
    assert size < (corpus / "base" / "model.weights.h5").stat().st_size / 2
    with (
        exchanged(corpus / "base", corpus / "other"),
        pytest.raises(UserError, match="beside other weights than those"),
    ):
        text_classification.run(parse_command_line(arguments(corpus, directory, *tune)))
    assert text_classification.run(parse_command_line(arguments(corpus, directory, *tune)))["scores"] == whole["scores"]

    merged, base = zoo.load(directory), zoo.load(corpus / "base")
    assert not adapters_of(merged.model)
    config = json.loads((directory / "adapter" / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_dropout"]) == ("LORA", 4, 0.1)
    assert config["base_model_name_or_path"] == str(corpus / "base")
    # The head of the base has the same labels, so that the adapter makes it the tuned model.
    read_peft(base.model, directory / "adapter")
    text = ["where did my card go"]
    np.testing.assert_allclose(base.logits(text), merged.logits(text), rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["head", "adapter"])
def test_the_encoder_stays_as_it_was(corpus, tmp_path, method):
    directory = tmp_path / method
    results = text_classification.run(
        parse_command_line(arguments(corpus, directory, "--tune", method, "--epochs", "2"))
    )
    assert results["updates"] > 0 and not (directory / "adapter").exists()
    tuned, base = zoo.load(directory), zoo.load(corpus / "base")
    assert bool(adapters_of(tuned.model)) == (method == "adapter")
    matrices = [block.feed_forward.down_projection.kernel.numpy() for block in tuned.model.encoder.encoder_blocks]
    before = [block.feed_forward.down_projection.kernel.numpy() for block in base.model.encoder.encoder_blocks]
    np.testing.assert_array_equal(matrices, before)


@pytest.mark.parametrize(
    ("parse", "given", "message"),
    [
        (parse_command_line, ("--tune", "lora"), "--tune lora needs --pretrained"),
        (parse_command_line, ("--tune-rank", "4"), "--tune-rank is for adapters; choose some with --tune"),
        (
            parse_ner,
            ("--tune", "ia3", "--pretrained", "base", "--trainable-blocks", "1"),
            "--trainable-blocks and --tune both say what learns",
        ),
        (parse_ner, ("--tune", "ia3", "--pretrained", "base", "--add-token", "[E]"), "--add-token adds vectors"),
        (
            parse_language_model,
            ("--tune", "lora", "--pretrained", "base", "--optimizer", "muon"),
            "--optimizer muon is for matrices, which --tune lora leaves as they are",
        ),
    ],
)
def test_contradictions_are_refused(parse, given, message):
    with pytest.raises(UserError, match=message):
        parse(["--train", "train.jsonl", *given])


def test_an_option_that_a_method_lacks_is_refused_before_anything_is_written(corpus, tmp_path):
    with pytest.raises(UserError, match="tuning by 'ia3' has no rank"):
        given = arguments(corpus, tmp_path / "run", "--tune", "ia3", "--tune-rank", "4")
        text_classification.run(parse_command_line(given))
    assert not (tmp_path / "run").exists()
