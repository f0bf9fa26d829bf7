"""Directories in the wrong order are refused at once, in one line that says what they are and what the order is."""

import json

import pytest

from export import ask, export_command
from export.directories import check_served_directory
from export.saved_model import export_saved_model
from export.serve import __main__ as serve_command
from zoo.errors import UserError

ORDER = "the order is `python -m export PRESET_DIR SERVING_DIR`"
SOURCES = {"run": "the directory of a run", "preset": "a preset", "bert": "a Hugging Face directory"}


@pytest.fixture
def places(tmp_path):
    """A run, a preset, a Hugging Face directory and a serving directory, as far as they can be told apart."""
    for name in (*SOURCES, "serving/1"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "run" / "recipe.json").write_text('{"recipe": "translation"}')
    (tmp_path / "preset" / "config.json").write_text(json.dumps({"format": "keras-transformer-zoo preset"}))
    (tmp_path / "bert" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "serving" / "1" / "saved_model.pb").touch()
    before = sorted(tmp_path.rglob("*"))
    yield tmp_path
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("source", SOURCES)
def test_an_export_into_what_it_reads_from(places, refused, source):
    directory = places / source
    for first in (places / "preset", directory, places / "new"):
        line = refused(export_command.main, [first, directory])
        assert line == f"error: {directory} is {SOURCES[source]}, where no versions are written; {ORDER}"


def test_an_export_the_wrong_way_round(places, refused):
    for target in ("preset", "new"):
        line = refused(export_command.main, [places / "serving", places / target])
        assert line == f"error: {places}/serving is a serving directory, not a preset; {ORDER}"
    line = refused(export_command.main, [places / "serving/1", places / "new"])
    assert line == f"error: {places}/serving/1 is one version of a model, not a preset; {ORDER}"


def test_an_export_into_a_version(places, refused):
    line = refused(export_command.main, [places / "preset", places / "serving/1"])
    assert line == f"error: {places}/serving/1 is one version of a model; give its parent folder {places}/serving"


def test_an_export_from_python(places, folder):
    with pytest.raises(UserError, match="is a preset, where no versions are written"):
        export_saved_model(folder, places / "preset")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("main", "arguments"), [(serve_command.main, ()), (ask.main, ("a text",))])
def test_serving_what_was_not_exported(places, refused, main, arguments, source):
    directory = places / source
    assert refused(main, [directory, *arguments]) == (
        f"error: {directory} is {SOURCES[source]}, not a serving directory: export it with "
        f"`python -m export {directory} SERVING_DIR` and give SERVING_DIR"
    )


def test_versions_in_a_run_are_served_all_the_same(places):
    (places / "serving" / "recipe.json").touch()
    check_served_directory(places / "serving")
    (places / "serving" / "recipe.json").unlink()
