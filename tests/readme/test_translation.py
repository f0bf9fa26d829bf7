"""The README's first translator: trained, exported, served, asked and scored."""

import inspect

import pytest
from readme_commands import (
    blocks,
    commands,
    curl,
    find,
    run,
    run_and_read_standard_error,
    run_module,
    run_program,
    write_pairs,
)
from tiny_encoder_tasks import make_recognizer


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A directory in which a translator was trained and exported."""
    directory = tmp_path_factory.mktemp("readme")
    run_module(find("recipes.translation", "runs/translation"), directory)
    assert "published" in run_module(find("export", "serving/translation"), directory)
    return directory


def test_ask_prints_the_answers_of_both_protocols(workplace):
    output = run_and_read_standard_error(find("export.ask", "In Vienna it was 15 degrees."), workplace)
    assert output.count("  REST  {") == output.count("  gRPC  {") == 2
    assert output.rstrip().endswith("server stopped")


def test_the_local_server_is_given_the_exported_directory(workplace):
    argv = find("export.serve")
    assert (workplace / argv[3] / "1" / "saved_model.pb").is_file()
    assert "--rest-port" in run([*argv[1:], "--help"], workplace)


def test_docker_and_curl_name_what_was_exported(workplace):
    (docker,) = [argv for argv in commands() if argv[0] == "docker"]
    guide = (workplace / "serving/translation/serving.md").read_text(encoding="utf-8")
    assert docker[-1] in guide and "MODEL_NAME=translation" in docker
    assert curl("translation")[-1] in guide


def test_a_file_is_asked_and_scored_as_python_would(workplace):
    import zoo

    write_pairs(workplace, [("sources", 40, 6), ("references", 40, 6)])
    assert "40 texts" in run_module(find("export.ask", "--input-file"), workplace)
    sources = (workplace / "sources.en").read_text(encoding="utf-8").splitlines()
    expected = [text.replace("\n", " ") for text in zoo.load(workplace / "runs/translation")(sources)]
    for protocol in ("rest", "grpc"):
        assert (workplace / f"served/{protocol}.txt").read_text(encoding="utf-8").split("\n") == [*expected, ""]
    assert "BLEU" in run_module(find("zoo.metrics"), workplace)


@pytest.mark.long
def test_the_same_program_in_a_process_of_its_own(workplace):
    """With its export."""
    make_recognizer().save(workplace / "runs/ner")
    run(["-c", blocks("python")[0]], workplace)
    assert (workplace / "serving/python/1/saved_model.pb").is_file()


def test_a_python_program_runs(workplace, monkeypatch):
    """The README's first, which loads a recognizer too; what it exports the fixture has exported."""
    import export

    exported = []
    signature = inspect.signature(export.export_saved_model)
    monkeypatch.setattr(export, "export_saved_model", lambda *args: exported.append(signature.bind(*args).arguments))
    monkeypatch.chdir(workplace)
    make_recognizer().save("runs/ner")
    translator = run_program(0)["translator"]
    assert exported == [{"task": translator, "serving_directory": "serving/python"}]
    assert (workplace / "my_preset/config.json").is_file()
    # In a process that knows of the classes what `import zoo` says.
    loading = "import keras, zoo; print(keras.saving.load_model('model.keras').count_params())"
    assert int(run(["-c", loading], workplace)) == translator.model.count_params()
