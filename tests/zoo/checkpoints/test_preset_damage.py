"""Every damaged, missing or foreign file is one UserError that names it."""

import json
import shutil

import pytest

import zoo
from zoo.errors import UserError

FILES = [
    "config.json",
    "model.weights.h5",
    "examples.json",
    "source_tokenizer/tokenizer.json",
    "source_tokenizer/sentencepiece.model",
]
every_file = pytest.mark.parametrize("name", FILES)


@pytest.fixture
def preset(stored, tmp_path):
    return shutil.copytree(stored / "preset", tmp_path / "preset")


def refuse(preset, *words):
    with pytest.raises(UserError) as caught:
        zoo.load(preset)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def test_the_list_is_complete(preset):
    assert sorted(path.relative_to(preset).as_posix() for path in preset.rglob("*") if path.is_file()) == sorted(FILES)
    assert zoo.load(preset)("") == ""


@every_file
def test_missing(preset, name):
    (preset / name).unlink()
    if name == "config.json":
        refuse(preset, str(preset), "is not a preset: it has no config.json")
    else:
        refuse(preset, str(preset / name), "is missing; copy the preset again")


@every_file
def test_truncated(preset, name):
    content = (preset / name).read_bytes()
    for size in (len(content) // 2, 0):
        (preset / name).write_bytes(content[:size])
        refuse(preset, str(preset / name), "damaged" if name == "config.json" else "truncated")


@every_file
def test_one_byte_altered(preset, name):
    content = bytearray((preset / name).read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    (preset / name).write_bytes(bytes(content))
    refuse(preset, str(preset / name), "altered")


def test_every_byte_of_the_configuration_counts(preset):
    """Altered anywhere, config.json is refused, or it still says the same."""
    path = preset / "config.json"
    content = path.read_bytes()
    original = {key: value for key, value in json.loads(content).items() if key != "sha256"}
    (preset / "model.weights.h5").unlink()  # the error about this file means that the configuration was accepted
    refused = 0
    for position in range(0, len(content), 3):
        altered = bytearray(content)
        altered[position] ^= 1
        path.write_bytes(bytes(altered))
        message = refuse(preset)
        if "model.weights.h5 is missing" in message:
            same = json.loads(path.read_bytes())
            assert {key: value for key, value in same.items() if key in original} == original, position
        else:
            assert str(path) in message
            refused += 1
    assert refused > len(content) / 3 * 0.5


def test_a_change_that_is_meant(preset):
    path = preset / "config.json"
    config = json.loads(path.read_text())
    config["task_config"]["settings"]["num_beams"] = 1
    path.write_text(json.dumps(config))
    refuse(preset, str(path), 'or remove its "sha256" entry if the change is meant')
    del config["sha256"]
    path.write_text(json.dumps(config))
    assert zoo.load(preset).settings.num_beams == 1


def rewrite(preset, change):
    path = preset / "config.json"
    config = json.loads(path.read_text())
    del config["sha256"]
    change(config)
    path.write_text(json.dumps(config))
    return str(path)


def test_a_configuration_of_something_else(preset):
    path = preset / "config.json"
    for content in ('{"name": "marian"}', "[]", "3"):
        path.write_text(content)
        refuse(preset, str(path), "is not the configuration of a keras-transformer-zoo preset")
    # That is what Hugging Face directories have.
    path.write_text('{"model_type": "marian"}')
    refuse(preset, str(path), "is damaged: it lacks vocab_size, d_model")
    path.write_bytes(b'{"format": "\xff"}')
    refuse(preset, str(path), "is damaged")


def test_a_newer_format(preset):
    path = rewrite(preset, lambda config: config.update(format_version=2))
    refuse(preset, path, "is of format version 2, newer than 1; upgrade keras-transformer-zoo")


@pytest.mark.parametrize("entry", ["task", "task_config", "model", "files"])
def test_entries_that_are_not_there(preset, entry):
    path = rewrite(preset, lambda config: config.pop(entry))
    refuse(preset, path, f"is damaged: it lacks {entry}")


def test_another_task_model_or_setting(preset):
    rewrite(preset, lambda config: config.update(task="Painter"))
    refuse(preset, str(preset), "holds a 'Painter', which this version does not know")


def test_a_model_that_the_weights_do_not_fit(preset):
    rewrite(preset, lambda config: config["model"]["config"].update(hidden_dim=32))
    refuse(preset, str(preset), "config.json and model.weights.h5 do not make a model")


def test_something_that_is_no_model(preset):
    dense = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}, "registered_name": None}
    rewrite(preset, lambda config: config.update(model=dense))
    refuse(preset, str(preset), "do not make a model: it describes a Dense, not a model")


def test_a_setting_of_another_version(preset):
    path = rewrite(preset, lambda config: config["task_config"]["settings"].update(temperature=1.0))
    refuse(preset, path, "does not describe a Translator of this version", "temperature")


def test_no_directory_at_all(preset):
    refuse(preset / "nowhere", str(preset / "nowhere"), "is not a directory")
    refuse(preset / "config.json", str(preset / "config.json"), "is not a directory")
