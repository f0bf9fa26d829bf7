"""tf_model.h5 of transformers 4, by value.

The TensorFlow classes are gone from transformers 5, so the files are written here from its PyTorch models, in the
layout of files that transformers 4.49 wrote: a group for each layer, and shared weights with every layer they are in.
"""

import json
import shutil

import h5py
import pytest
from tiny_references import EVERY, LABELS, assert_equal_outputs, edit_config, make_reference, outputs, reference_outputs

from zoo.checkpoints.keras2_hdf5 import load_keras2_hdf5
from zoo.errors import UserError

TOP_LAYERS = {"cls.predictions": "mlm___cls.predictions", "cls.seq_relationship": "nsp___cls.seq_relationship"}


def keras_name(name, ndim):
    """The layer and the weight in Keras 2 that a tensor of PyTorch was in TensorFlow."""
    for theirs, ours in TOP_LAYERS.items():
        name = name.replace(theirs, ours)
    parts = [part.replace("layer@", "layer_._") for part in name.replace("layer.", "layer@").split(".")]
    norm = "norm" in parts[-2].lower()
    if parts[-2] == "word_embeddings":
        pass
    elif parts[-2].endswith("_embeddings"):
        parts[-1] = "embeddings"
    elif parts[-1] == "weight":
        parts[-1] = "gamma" if norm else "kernel"
    elif norm:
        parts[-1] = "beta"
    transposed = parts[-1] == "kernel"
    assert transposed <= (ndim == 2)
    return parts[0], "/".join(parts) + ":0", transposed


def write(reference, directory):
    """A directory as `save_pretrained` of a TensorFlow class left it."""
    reference.model.config.save_pretrained(directory)
    edit_config(directory, architectures=[reference.name])
    base = reference.model.base_model_prefix
    scope = f"tf_{base}"
    layers = {}
    for name, tensor in reference.model.state_dict().items():
        if "decoder" in name or name == "vocab_projector.weight" or "position_ids" in name:
            continue
        name = name if reference.kind != "encoder" else f"{base}.{name}"
        layer, weight, transposed = keras_name(name, tensor.ndim)
        layers.setdefault(layer, {})[f"{scope}/{weight}"] = tensor.numpy().T if transposed else tensor.numpy()
    for head in ("mlm___cls", "vocab_projector", "lm_head"):
        if head in layers:
            shared = {name: value for name, value in layers[base].items() if "/embeddings/" in name}
            layers[head] = {**layers[head], **shared}
    layers["dropout_3"] = {}
    with h5py.File(directory / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = list(layers)
        for layer, weights in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in weights]
            for name, value in weights.items():
                group[name] = value


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    cache = {}

    def get(name):
        if name not in cache:
            cache[name] = (make_reference(name), tmp_path_factory.mktemp(name))
            write(*cache[name])
        return cache[name]

    return get


@pytest.mark.parametrize("name", EVERY)
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
