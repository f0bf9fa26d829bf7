"""What earlier versions of this project stored loads, and answers as it did.

Each archive of tests/fixtures was written by tests/fixtures/stored_models.py of the version in its name.
"""

import json
import tarfile
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo

ARCHIVES = sorted((Path(__file__).parents[2] / "fixtures").glob("stored_by_*.tar.xz"))
TEXTS = ["a man rides a horse.", "the quick brown fox, in Warsaw.", "", "Marie [MASK] was born in Köln"]


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def earlier(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("earlier")
    with tarfile.open(request.param) as archive:
        archive.extractall(directory, filter="data")
    return directory


def test_keras_files(earlier):
    files = sorted(earlier.glob("*.keras"))
    assert len(files) >= 22
    for path in files:
        arrays = dict(np.load(path.with_suffix(".npz")))
        expected = {name: arrays.pop(name) for name in list(arrays) if name.startswith("output:")}
        outputs = keras.saving.load_model(path)(arrays)
        outputs = outputs if isinstance(outputs, dict) else {"": outputs}
        for name, value in outputs.items():
            found = np.asarray(value, "float32")
            scale = max(1.0, float(np.abs(expected[f"output:{name}"]).max()))
            np.testing.assert_allclose(found, expected[f"output:{name}"], rtol=0, atol=1e-5 * scale, err_msg=path.name)


@pytest.mark.usefixtures("untraced_tasks")
def test_presets(earlier):
    directories = sorted(path.parent for path in earlier.glob("*/config.json"))
    assert len(directories) >= 8
    for directory in directories:
        expected = json.loads((directory.parent / f"{directory.name}.json").read_text(encoding="utf-8"))
        assert_alike(json.loads(json.dumps(zoo.load(directory)(TEXTS))), expected, directory.name)


def test_layers_by_earlier_names(tmp_path, monkeypatch):
    """Models of the user's own load, keep their names when saved again, and load from that."""
    fixtures = ARCHIVES[0].parent
    monkeypatch.syspath_prepend(str(fixtures))
    from stored_layers import answer

    with tarfile.open(fixtures / "layers_stored_by_0.1.0.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    files = sorted(tmp_path.glob("*.keras"))
    assert [path.stem for path in files] == ["blocks", "quantized", "t5_blocks"]
    for path in files:
        arrays = dict(np.load(path.with_suffix(".npz")))
        expected = arrays.pop("output")
        model = keras.saving.load_model(path)
        np.testing.assert_allclose(answer(model, arrays), expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        model.save(tmp_path / "again.keras")
        again = keras.saving.load_model(tmp_path / "again.keras")
        np.testing.assert_array_equal(answer(again, arrays), answer(model, arrays))
        assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]


def assert_alike(found, expected, name):
    """Equal but for the rounding of numbers."""
    if isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5), name
    elif isinstance(expected, (list, dict)):
        keys = range(len(expected)) if isinstance(expected, list) else expected
        assert type(found) is type(expected) and len(found) == len(expected), name
        for key in keys:
            assert_alike(found[key], expected[key], name)
    else:
        assert found == expected, name
