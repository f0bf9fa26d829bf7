"""A sentence encoder to a directory of sentence-transformers."""

import functools
import json

import keras
import numpy as np

from zoo.checkpoints.hugging_face.safetensors_files import WEIGHTS_FILE, write_tensors
from zoo.checkpoints.hugging_face.sentence_transformers import ACTIVATIONS, FLAGS, MODES, MODULES_FILE, SETTINGS_FILE
from zoo.checkpoints.hugging_face.writing import save_hugging_face
from zoo.errors import UserError

_TYPE = "sentence_transformers.models."
_CLASSES = {"linear": "torch.nn.modules.linear.Identity"} | {
    ours: f"torch.nn.modules.activation.{theirs}" for theirs, ours in ACTIVATIONS.items() if ours != "linear"
}


def save_sentence_transformer(model, directory, *, settings, max_length, pad_token_id, assets):
    """Writes a directory that sentence-transformers and `load_sentence_transformer` read.

    Args:
        model: `zoo.models.SentenceEncoder`.
        directory: Where to write; made if needed. Other files in it stay.
        settings: As of `SentenceModel`.
        max_length: Tokens that are read of a text.
        pad_token_id: Of the tokenizer.
        assets: Files of the tokenizer, as of `save_hugging_face`.

    Raises:
        UserError: for an activation that sentence-transformers' files have no name for; and as of `save_hugging_face`.
    """
    modules = [("Transformer", "", {}, {})]
    modules.append(("Pooling", "1_Pooling", _pooling(model), {}))
    width = len(model.poolings) * model.encoder.hidden_dim
    for layer, activation in zip(model.projections, model.activations, strict=True):
        if activation not in _CLASSES:
            raise UserError(
                f"{directory}: the activation {activation!r} of a dense layer has no name in sentence-transformers; "
                f"these have: {', '.join(_CLASSES)}"
            )
        content = {
            "in_features": width,
            "out_features": layer.units,
            "bias": layer.bias is not None,
            "activation_function": _CLASSES[activation],
        }
        tensors = {"linear.weight": np.ascontiguousarray(_array(layer.kernel).T)}
        if layer.bias is not None:
            tensors["linear.bias"] = _array(layer.bias)
        modules.append(("Dense", f"{len(modules)}_Dense", content, tensors))
        width = layer.units
    if model.layer_norm is not None:
        tensors = {"norm.weight": _array(model.layer_norm.gamma), "norm.bias": _array(model.layer_norm.beta)}
        modules.append(("LayerNorm", f"{len(modules)}_LayerNorm", {"dimension": width}, tensors))
    if model.normalize:
        modules.append(("Normalize", f"{len(modules)}_Normalize", {}, {}))
    listed = [
        {"idx": number, "name": str(number), "path": path, "type": f"{_TYPE}{kind}"}
        for number, (kind, path, _, _) in enumerate(modules)
    ]
    contents = {MODULES_FILE: listed, SETTINGS_FILE: _settings(settings)}
    contents["sentence_bert_config.json"] = {"max_seq_length": max_length, "do_lower_case": False}
    files = dict(assets)
    for _, path, content, tensors in modules:
        if content:
            contents[f"{path}/config.json"] = content
        if tensors:
            files[f"{path}/{WEIGHTS_FILE}"] = functools.partial(write_tensors, tensors)
    for name, content in contents.items():
        files[name] = functools.partial(_write_json, content)
    save_hugging_face(model.encoder, directory, pad_token_id=pad_token_id, assets=files)


def _pooling(model):
    """The content of the pooling's config.json: flags, which every version reads, where they say the order too."""
    content = {"word_embedding_dimension": model.encoder.hidden_dim}
    flags = {flag: ours in model.poolings for flag, ours in FLAGS.items()}
    if tuple(ours for flag, ours in FLAGS.items() if flags[flag]) == model.poolings:
        return {**content, **flags, "include_prompt": True}
    names = {ours: theirs for theirs, ours in MODES.items()}
    return {**content, "pooling_mode": [names[ours] for ours in model.poolings], "include_prompt": True}


def _settings(settings):
    content = {
        "prompts": settings["prompts"],
        "default_prompt_name": settings["default_prompt"] or None,
        "similarity_fn_name": settings["similarity"],
    }
    return content if settings["truncate_dim"] is None else {**content, "truncate_dim": settings["truncate_dim"]}


def _array(variable):
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)


def _write_json(content, path):
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
