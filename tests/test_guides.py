"""Every command in the guides under docs is one that the programs take."""

import re
import shlex
from pathlib import Path

import pytest
import tyro

from recipes.embedding.config import check_data_options, parse_command_line
from zoo.convert import ConvertConfig
from zoo.evaluate.options import EvaluateConfig
from zoo.predict.options import PredictConfig

DOCS = Path(__file__).parents[1] / "docs"
PROGRAMS = {"zoo.convert": ConvertConfig, "zoo.evaluate": EvaluateConfig, "zoo.predict": PredictConfig}


def embedding_commands():
    text = (DOCS / "embeddings.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from map(shlex.split, block.replace("\\\n", " ").splitlines())


def test_commands_of_the_guide_to_embeddings_are_understood():
    found = list(embedding_commands())
    assert len(found) > 1
    for argv in found:
        assert argv[:3] == ["python", "-m", "recipes.embedding"]
        check_data_options(parse_command_line(argv[3:]))


def commands():
    for name in ("predict-and-evaluate.md", "keras-interoperability.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            for line in block.splitlines():
                if " -m zoo." in line:
                    yield shlex.split(line.rpartition("| ")[2].partition(" > ")[0])


@pytest.mark.parametrize("argv", list(commands()), ids=" ".join)
def test_commands_of_the_guides_are_understood(argv):
    assert argv[:2] == ["python", "-m"]
    assert tyro.cli(PROGRAMS[argv[2]], args=argv[3:]) is not None


def test_the_guides_have_commands():
    assert {argv[2] for argv in commands()} == set(PROGRAMS)
