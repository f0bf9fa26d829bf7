"""Options from files: what a run saved is taken as it is, the command line comes first, and mistakes are one line."""

import importlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.training.runs.run_directory import saved_form

RECIPES = (
    "translation",
    "summarization",
    "ner",
    "text_classification",
    "pairs",
    "question_answering",
    "embedding",
    "language_modeling",
    "pretraining",
)


def config_of(recipe):
    return importlib.import_module(f"recipes.{recipe}.config")


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_run_saved_is_taken_as_it_is_and_options_override_it(recipe, tmp_path):
    config = config_of(recipe)
    path = tmp_path / "recipe.json"
    for make in config.VARIANTS.values():
        options = make()
        options = replace(options, seed=7, devices=replace(options.devices, mesh="2x1", accumulate_steps=3))
        path.write_text(json.dumps({"recipe": recipe, **saved_form(options)}))
        assert config.parse_command_line(["--config", str(path)]) == options
        changed = config.parse_command_line(["--learning-rate", "0.5", f"--config={path}", "--strategy", "one"])
        devices = replace(options.devices, strategy="one")
        assert changed == replace(options, learning_rate=0.5, devices=devices)


@pytest.mark.parametrize("module", [*(f"recipes.{recipe}.config" for recipe in RECIPES), "zoo.evaluate.options"])
def test_help_explains_every_option_wherever_it_is_declared(module, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit):
        importlib.import_module(module).parse_command_line(["--help"])
    options = re.split(r"\n\W*(?=--)", capsys.readouterr().out)[1:]
    assert len(options) > 30
    for option in options:
        # Without flags, choices and names of types, and up to the default value.
        words = re.sub(r"--\S+|\{.*?\}", "", option.partition("(default")[0])
        assert re.search("[a-z]{2}", words), option


@pytest.mark.parametrize("recipe", RECIPES)
def test_toml(recipe, tmp_path):
    """A variant, which the other options start from, and devices with and without their table."""
    config = config_of(recipe)
    variant, make = list(config.VARIANTS.items())[-1]
    path = tmp_path / "options.toml"
    path.write_text(
        f'variant = "{variant}"\nlearning_rate = 1\nmax_minutes = "None"\nprofile = 2\n[devices]\nmesh = "2x1"\n'
    )
    expected = make()
    devices = replace(expected.devices, profile=2, mesh="2x1")
    expected = replace(expected, learning_rate=1.0, max_minutes=None, devices=devices)
    found = config.parse_command_line(["--config", str(path)])
    assert found == expected and type(found.learning_rate) is float
    first, make = next(iter(config.VARIANTS.items()))
    found = config.parse_command_line(["--config", str(path), "--variant", first])
    assert found.variant == first and found.directory == make().directory and found.learning_rate == 1.0


def test_values_that_only_go_together_with_those_of_the_command_line(tmp_path):
    path = tmp_path / "options.json"
    path.write_text('{"warmup_steps": 20000, "sample_prompts": ["The", "A"], "train": ["a.txt"]}')
    found = config_of("language_modeling").parse_command_line(["--config", str(path), "--total-steps", "30000"])
    assert found.warmup_steps == 20000 and found.sample_prompts == ("The", "A") and found.train == (Path("a.txt"),)


@pytest.mark.parametrize("recipe", RECIPES)
def test_mistakes_name_file_and_key(recipe, tmp_path, refused):
    main = importlib.import_module(f"recipes.{recipe}").main
    for name, content, message in (
        ("a.toml", "learnin_rate = 1e-3", "a.toml: there is no option learnin_rate; did you mean learning_rate?"),
        ("a.toml", "learning-rate = 1e-3", "a.toml: there is no option learning-rate; did you mean learning_rate?"),
        ("a.toml", "[devices]\nprofil = 1", "a.toml: there is no option devices.profil; did you mean profile?"),
        ("a.json", '{"[]": 1}', "a.json: there is no option []; --help lists the options"),
        ("a.toml", 'learning_rate = "high"', 'a.toml: learning_rate must be a number, not "high"'),
        ("a.json", '{"seed": true}', "a.json: seed must be a whole number, not true"),
        ("a.json", '{"seed": null}', "a.json: seed must be a whole number, not null"),
        ("a.json", '{"tensorboard": 1}', "a.json: tensorboard must be true or false, not 1"),
        ("a.toml", 'precision = "half"', 'a.toml: precision must be one of "float32", "mixed_bfloat16"'),
        ("a.toml", 'variant = "nope"', "a.toml: variant must be one of "),
        ("a.toml", "directory = 3", "a.toml: directory must be a path, as a text, not 3"),
        ("a.toml", "devices = 3", "a.toml: devices must be a table, not 3"),
        ("a.toml", "profile = 1\n[devices]\nprofile = 1", "a.toml: profile is given twice"),
        ("a.json", '{"devices": {"profile": 1}, "profile": 2}', "a.json: profile is given twice"),
        ("a.toml", "learning_rate = -1", "a.toml: learning_rate must be above 0, got -1"),
        ("a.toml", "early_stopping_patience = -1", "a.toml: early_stopping_patience must be at least 0, got -1"),
        ("a.toml", "[devices]\nprofile = -1", "a.toml: profile must be at least 0, got -1"),
        ("a.toml", "seed = 1\nseed = 2", "a.toml: Cannot overwrite a value"),
        ("a.json", '{"seed": 1, "seed": 2}', "a.json: the key seed is given twice"),
        ("a.json", '{"seed": 1', "a.json: Expecting ',' delimiter: line 1 column 11"),
        ("a.json", "[1]", "a.json: it must hold an object of options, not [1]"),
        ("a.json", '{"recipe": "other"}', f"a.json: it is of recipes.other, not of recipes.{recipe}"),
        ("a.yaml", "", "a.yaml: the name must end in .toml or .json"),
    ):
        (tmp_path / name).write_text(content)
        error = refused(main, ["--directory", tmp_path / "run", "--config", tmp_path / name])
        assert message in error and error.count(str(tmp_path)) == 1, (error, message)
    assert "absent.toml: cannot be read (No such file" in refused(main, ["--config", tmp_path / "absent.toml"])
    # What the command line says is its own mistake.
    (tmp_path / "a.toml").write_text("learning_rate = 1e-3")
    error = refused(main, ["--config", tmp_path / "a.toml", "--learning-rate", "-1"])
    assert error == "error: --learning-rate must be above 0, got -1.0"
    assert not (tmp_path / "run").exists()


def test_lists(tmp_path, refused):
    main = importlib.import_module("recipes.pretraining").main
    (tmp_path / "a.toml").write_text('train = "corpus.txt"')
    error = refused(main, ["--config", tmp_path / "a.toml"])
    assert error.endswith('a.toml: train must be a list, each a path, as a text, not "corpus.txt"')
