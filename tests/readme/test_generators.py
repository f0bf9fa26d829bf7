"""The README's generators and summarizers, trained and exported."""

import json

import pytest
from readme_commands import curl, find, run_and_read_standard_error, run_module, run_program, write_corpus

import zoo
from zoo.data.datasets.sample_corpus import sample_pairs


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A directory in which a generator was trained."""
    directory = tmp_path_factory.mktemp("readme")
    write_corpus(directory)
    run_module(find("recipes.language_modeling", "runs/generator"), directory)
    return directory


def test_generators_are_exported_with_their_scores(workplace):
    """And byte pairs in the graph say nothing on standard error."""
    assert "published" in run_and_read_standard_error(find("export", "runs/generator"), workplace)
    guide = (workplace / "serving/generator/serving.md").read_text(encoding="utf-8")
    shown = curl("generator")
    assert shown[-1] in guide
    sample = json.loads((workplace / "serving/generator/request_score.json").read_text(encoding="utf-8"))
    asked = json.loads(shown[2])
    assert sample.keys() == asked.keys() and sample["instances"][0].keys() == asked["instances"][0].keys()


def test_a_python_program_runs(workplace, monkeypatch):
    """The README's second."""
    monkeypatch.chdir(workplace)
    assert isinstance(run_program(1)["generator"], zoo.TextGenerator)


def test_summarizers(tmp_path):
    for name, count, seed in (("texts", 100, 3), ("heldout", 10, 4)):
        rows = ({"text": f"{one} {other}", "summary": other} for one, other in sample_pairs(count, seed=seed))
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert "rougeLsum" in run_module(find("recipes.summarization", "runs/summaries"), tmp_path)
