"""tf_model.h5 as the TensorFlow classes of transformers 4 wrote it, from a PyTorch model.

Those classes are gone from transformers 5. The layout is that of files which transformers 4.49 wrote: a group for each
layer, and shared weights with every layer they are in.
"""

import h5py
from tiny_references import edit_config

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
