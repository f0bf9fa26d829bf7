"""What the README says is so; the tests under `readme` run its commands and programs."""

import importlib
import re
import subprocess
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from readme_commands import README, ROOT, blocks, commands, find, run_program


def test_every_command_is_one_that_is_tested_here():
    tested = {
        "make demo",
        "make test",
        "pip install -e",
        "python -m recipes.translation",
        "python -m recipes.ner",
        "python -m recipes.text_classification",
        "python -m recipes.pretraining",
        "python -m recipes.language_modeling",
        "python -m recipes.summarization",
        "python -m export",
        "docker run -p",
        "curl -d {",
        "python -m export.serve",
        "python -m export.ask",
        "python -m zoo.metrics",
        "python -m zoo.convert",
    }
    assert {" ".join(argv[:3])[: len(shown)] for argv in commands() for shown in tested} & tested == tested
    for argv in commands():
        line = " ".join(argv)
        assert any(line.startswith(known) for known in tested), f"no test runs: {line}"


def test_make_targets_exist():
    for argv in commands():
        if argv[0] == "make":
            shown = subprocess.run(["make", "--dry-run", argv[1]], cwd=ROOT, capture_output=True, text=True, check=True)
            assert "python" in shown.stdout


def test_extras_are_declared():
    declared = metadata.metadata("keras-transformer-zoo").get_all("Provides-Extra")
    (install,) = [argv for argv in commands() if argv[:2] == ["pip", "install"]]
    extras = re.search(r"\[(.*)\]", install[-1]).group(1).split(",")
    assert set(extras) <= set(declared)


@pytest.mark.parametrize(
    ("recipe", "variant"),
    [
        ("translation", "multi30k"),
        ("translation", "multi30k-lowercase"),
        ("translation", "multi30k-lowercase-restart"),
        ("translation", "multi30k-one-hour"),
        ("ner", "wnut17"),
        ("text_classification", "banking77"),
        ("language_modeling", "shakespeare"),
        ("language_modeling", "shakespeare-large"),
        ("language_modeling", "shakespeare-llama"),
        ("summarization", "dialogsum"),
        ("summarization", "dialogsum-decoder"),
    ],
)
def test_variants_parse(recipe, variant):
    argv = find(f"recipes.{recipe}", variant)
    config = importlib.import_module(f"recipes.{recipe}.config")
    pretrained = {"pretrained": Path(argv[-1])} if "--pretrained" in argv else {}
    assert config.parse_command_line(argv[3:]) == replace(config.VARIANTS[variant](), **pretrained)


def test_a_python_program_runs():
    """The README's third; the tests of translators and of generators run the others."""
    assert len(blocks("python")) == 3
    assert run_program(2)["logits"].shape == (2, 7, 32000)


def test_the_code_map_names_what_is_there():
    rooms = re.findall(r"^\| `([^`]+)` \|", README, re.MULTILINE)
    assert len(rooms) > 10
    for room in rooms:
        assert (ROOT / room).exists(), room
