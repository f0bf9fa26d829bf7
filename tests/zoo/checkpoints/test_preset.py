"""Saving and loading preset directories; damage is in test_preset_damage.py."""

import json
import resource
import shutil

import keras
import numpy as np
import pytest
from keras import ops

import zoo
from zoo.checkpoints import is_preset, load_preset, save_preset
from zoo.errors import UserError
from zoo.models import EncoderDecoder

SIZES = dict(hidden_dim=8, intermediate_dim=8, num_heads=2, num_encoder_layers=1, num_decoder_layers=1)
IDS = np.array([[4, 5, 6, 2]])
INPUTS = {"source_token_ids": IDS, "source_padding_mask": np.ones_like(IDS), "target_token_ids": IDS}


def make_model(**options):
    model = EncoderDecoder(20, 20, **SIZES, **options)
    model.build()
    return model


def save(directory, model, **options):
    options = {"task": "Some", "task_config": {"a": 1}, "assets": {}, **options}
    save_preset(directory, model=model, **options)


def logits(model):
    return ops.convert_to_numpy(model(INPUTS))


@pytest.fixture
def no_room():
    """A context in which no file can grow beyond some kilobytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_optimiser_and_loss_of_a_model_in_training_are_left_behind(tmp_path):
    """A process that only uses the model need not know their classes."""

    class OfTrainingOnly(keras.optimizers.SGD):
        pass

    model = make_model()
    model.compile(OfTrainingOnly(), "mse")
    save(tmp_path, model)
    assert "OfTrainingOnly" not in (tmp_path / "config.json").read_text()
    assert not load_preset(tmp_path).model.compiled
    config = json.loads((tmp_path / "config.json").read_text())
    del config["sha256"]
    config["model"]["compile_config"] = {
        "optimizer": {"class_name": "OfTrainingOnly", "module": "absent", "config": {}}
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    np.testing.assert_array_equal(logits(load_preset(tmp_path).model), logits(model))


def test_a_preset_holds_model_task_and_assets(tmp_path):
    model = make_model(norm="pre")
    assets = {
        "tokenizer": lambda path: (path.mkdir(), (path / "words.txt").write_text("a\nb\n")),
        "notes.json": lambda path: path.write_text("[]"),
    }
    save(tmp_path / "new" / "preset", model, assets=assets)
    preset = load_preset(tmp_path / "new" / "preset")
    assert (preset.task, preset.task_config, preset.directory) == ("Some", {"a": 1}, tmp_path / "new" / "preset")
    np.testing.assert_array_equal(logits(preset.model), logits(model))
    assert preset.model.get_config() == model.get_config()
    assert (preset.directory / "tokenizer" / "words.txt").read_text() == "a\nb\n"
    found = sorted(path.name for path in preset.directory.iterdir())
    assert found == ["config.json", "model.weights.h5", "notes.json", "tokenizer"]


def test_a_preset_is_text_and_weights_without_pickles(tmp_path):
    save(tmp_path, make_model())
    config = json.loads((tmp_path / "config.json").read_text())
    assert set(config["files"]) == {"model.weights.h5"}
    assert (tmp_path / "model.weights.h5").read_bytes().startswith(b"\x89HDF")


def test_another_precision_at_load(tmp_path):
    model = make_model()
    save(tmp_path, model)
    half = load_preset(tmp_path, dtype="mixed_bfloat16").model
    assert (
        half.dtype_policy.name
        == half.encoder_blocks[0].feed_forward.up_projection.dtype_policy.name
        == "mixed_bfloat16"
    )
    for mine, theirs in zip(half.weights, model.weights, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(mine), ops.convert_to_numpy(theirs))
    assert 0 < np.abs(logits(half) - logits(model)).max() < 0.1
    with pytest.raises(UserError, match="dtype 'float15' is no Keras dtype policy; use for example float32"):
        load_preset(tmp_path, dtype="float15")
    save(tmp_path, half)
    np.testing.assert_array_equal(logits(load_preset(tmp_path, dtype="float32").model), logits(model))
    assert load_preset(tmp_path).model.dtype_policy.name == "mixed_bfloat16"


def test_saving_again_replaces_the_preset_and_keeps_foreign_files(tmp_path):
    save(tmp_path, make_model())
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "logs").mkdir()
    second = make_model(norm="pre")
    save(tmp_path, second, task_config={"a": 2})
    preset = load_preset(tmp_path)
    assert preset.task_config == {"a": 2}
    np.testing.assert_array_equal(logits(preset.model), logits(second))
    assert (tmp_path / "README.md").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.json", "logs", "model.weights.h5"]


def check_first_is_whole(directory, first):
    np.testing.assert_array_equal(logits(load_preset(directory).model), logits(first))
    assert sorted(path.name for path in directory.iterdir()) == ["config.json", "model.weights.h5"]


def test_a_full_disk_is_one_error_and_leaves_the_earlier_preset_whole(tmp_path, no_room):
    """The real thing: HDF5, left to itself, crashes the process when a write fails."""
    first, second = make_model(), make_model()
    save(tmp_path, first)
    no_room()
    with pytest.raises(UserError, match=rf"{tmp_path}: cannot write the preset \(File too large\): free some space"):
        save(tmp_path, second)
    check_first_is_whole(tmp_path, first)


@pytest.mark.parametrize("moment", ["weights", "assets"])
def test_an_interrupted_save_leaves_the_earlier_preset_whole(tmp_path, monkeypatch, moment):
    first, second = make_model(), make_model()
    save(tmp_path, first)

    def fail(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    if moment == "weights":
        monkeypatch.setattr(second, "save_weights", fail)
    with pytest.raises(UserError, match=rf"{tmp_path}: cannot write the preset \(No space left on device\)"):
        save(tmp_path, second, assets={"words.txt": fail} if moment == "assets" else {})
    check_first_is_whole(tmp_path, first)


def test_a_place_taken_by_something_else_is_found_before_anything_is_replaced(tmp_path):
    first = make_model()
    save(tmp_path, first)
    (tmp_path / "words.txt").mkdir()
    (tmp_path / "words.txt" / "mine").touch()
    with pytest.raises(UserError, match=r"words\.txt is a directory; move it away"):
        save(tmp_path, make_model(), assets={"words.txt": lambda path: path.write_text("a")})
    assert (tmp_path / "words.txt" / "mine").exists()
    shutil.rmtree(tmp_path / "words.txt")
    check_first_is_whole(tmp_path, first)


def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=f"{directory}: cannot write the preset"):
            save(directory, make_model())


def test_what_is_a_preset(tmp_path):
    assert not is_preset(tmp_path) and not is_preset(tmp_path / "nowhere")
    save(tmp_path, make_model())
    assert is_preset(tmp_path)
    for content in (b"", b"[1]", b'{"model_type": "marian"}', b"\xff"):
        (tmp_path / "config.json").write_bytes(content)
        assert not is_preset(tmp_path)


def test_a_translator_comes_back_in_a_fresh_process(on_backend, tiny_translator, stored):
    """Every backend's process loads the preset; TensorFlow's answers are those of this process."""
    lines = json.loads((stored / "lines.json").read_text())
    for num_beams, answers in on_backend("tensorflow")["translations"].items():
        expected = tiny_translator.n_best(lines, 1, num_beams=int(num_beams))
        assert [[text for text, _ in best] for best in answers] == [[text for text, _ in best] for best in expected]
        scores = [[score for _, score in best] for best in expected]
        np.testing.assert_allclose([[score for _, score in best] for best in answers], scores, rtol=0, atol=1e-5)


def test_a_translator_comes_back_with_all_its_parts(stored, tiny_translator):
    translator = zoo.load(stored / "preset")
    assert translator.settings == tiny_translator.settings
    assert translator.examples == ["the horse"]
    assert translator.target_tokenizer is translator.source_tokenizer
    assert isinstance(translator.model, keras.Model) and translator.tokenizer.model == tiny_translator.tokenizer.model
