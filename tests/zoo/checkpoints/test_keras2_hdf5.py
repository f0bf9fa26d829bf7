"""tf_model.h5 of transformers 4, by value."""

import json
import shutil

import h5py
import pytest
from keras2_files import write
from tiny_references import EVERY, LABELS, assert_equal_outputs, edit_config, make_reference, outputs, reference_outputs

from zoo.checkpoints.keras2_hdf5 import load_keras2_hdf5
from zoo.errors import UserError


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    cache = {}

    def get(name):
        if name not in cache:
            cache[name] = (make_reference(name), tmp_path_factory.mktemp(name))
            write(*cache[name])
        return cache[name]

    return get


@pytest.mark.parametrize("name", [name for name in EVERY if name.startswith(("Bert", "DistilBert", "Roberta"))])
def test_outputs_equal_those_of_transformers(written, name):
    reference, directory = written(name)
    found = load_keras2_hdf5(directory)
    assert (found.kind, found.directory) == (reference.kind, directory)
    assert found.labels == (LABELS if "classifier" in found.kind else None)
    pad_id = reference.model.config.pad_token_id
    assert_equal_outputs(outputs(found.model, pad_id), reference.outputs())


@pytest.mark.parametrize("name", ["BertForPreTraining", "RobertaForSequenceClassification"])
def test_the_encoder_alone(written, name):
    reference, directory = written(name)
    encoder = load_keras2_hdf5(directory, "encoder").model
    pad_id = reference.model.config.pad_token_id
    assert_equal_outputs(outputs(encoder, pad_id), reference_outputs(reference.model.base_model))


def refuse(directory, *words):
    with pytest.raises(UserError) as caught:
        load_keras2_hdf5(directory)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_what_is_refused(written, tmp_path):
    directory = shutil.copytree(written("BertForMaskedLM")[1], tmp_path / "model")
    path = directory / "tf_model.h5"
    config = json.loads((directory / "config.json").read_text())
    edit_config(directory, num_hidden_layers=3, vocab_size=38)
    refuse(
        directory,
        f"{path} does not hold",
        "missing: bert.encoder.layer.2.attention.self.query.kernel, ",
        "of another shape: bert.embeddings.word_embeddings.table [37, 12] instead of [38, 12]",
    )
    (directory / "config.json").write_text(json.dumps(config))
    with h5py.File(path, "r+") as file:
        shared = file["mlm___cls/tf_bert/bert/embeddings/word_embeddings/weight:0"]
        shared[...] = shared[...] + 1
    refuse(directory, f"{path} holds bert.embeddings.word_embeddings.table twice, with different values")
    with h5py.File(path, "r+") as file:
        del file["bert"].attrs["weight_names"]
    refuse(directory, f"{path} is missing, damaged or no HDF5 file of Keras 2 weights")
    path.write_bytes(path.read_bytes()[:3000])
    refuse(directory, f"{path} is missing, damaged")
    path.unlink()
    refuse(directory, f"{path} is missing, damaged")
    edit_config(directory, model_type="mpnet")
    refuse(directory, "a model of type 'mpnet' is read from safetensors files only")
