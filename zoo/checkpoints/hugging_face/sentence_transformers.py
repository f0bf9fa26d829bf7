"""Directories of sentence-transformers: an encoder, and what makes one vector of its vectors."""

import json
from typing import NamedTuple

from zoo.architectures.tensor_name import TensorName
from zoo.checkpoints.hugging_face.directory_files import DirectoryFiles
from zoo.checkpoints.hugging_face.reading import load_hugging_face
from zoo.checkpoints.hugging_face.safetensors_files import SafetensorsFiles
from zoo.checkpoints.named_tensors import assign_tensors, variable_at
from zoo.errors import UserError
from zoo.models.sentence_encoder import SentenceEncoder
from zoo.tokenizers.byte_pair.files import parse_json, read_file

MODULES_FILE = "modules.json"
_TRANSFORMER_FILES = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_xlm-roberta_config.json",
)
SETTINGS_FILE = "config_sentence_transformers.json"
# By the flags of earlier versions, which put the results side by side in this order, and the names of later ones.
_FLAGS = {
    "pooling_mode_cls_token": "first",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weighted_mean",
    "pooling_mode_lasttoken": "last",
}
_MODES = {
    "cls": "first",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "weightedmean": "weighted_mean",
    "lasttoken": "last",
}
_ACTIVATIONS = {"Identity": "linear", "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu", "SiLU": "swish"}
_ONLY = {
    "module_output_name": ("token_embeddings", "sentence_embedding", "scores", None),
    "module_input_name": ("sentence_embedding", None),
}
_SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


class SentenceModel(NamedTuple):
    """What a directory holds.

    Attributes:
        directory: `DirectoryFiles` of the encoder and its tokenizer.
        model: `zoo.models.SentenceEncoder`.
        max_length: Tokens that are read of a text; None if no file says.
        settings: `prompts`, `default_prompt`, `similarity` and `truncate_dim`, as of `zoo.tasks.EmbeddingSettings`.
    """

    directory: DirectoryFiles
    model: SentenceEncoder
    max_length: int | None
    settings: dict


def load_sentence_transformer(directory, dtype=None) -> SentenceModel:
    """Reads a directory as sentence-transformers writes it.

    Args:
        directory: A directory with modules.json.
        dtype: A Keras dtype policy; the global one if None.

    Raises:
        UserError: for missing or damaged files, for modules that the zoo does not have, and settings of others, each by
            name.
    """
    files = DirectoryFiles.of(directory)
    path = files / MODULES_FILE
    kinds = [(each["type"].rpartition(".")[2], files / each["path"]) for each in read_modules(path)]
    names = [kind for kind, _ in kinds]
    order = [name for name in names[2:] if name != "Dropout"]
    behind = [name for name in order if name != "Dense"]
    supported = names[:2] == ["Transformer", "Pooling"] and order == ["Dense"] * order.count("Dense") + behind
    if not supported or behind not in ([], ["LayerNorm"], ["Normalize"], ["LayerNorm", "Normalize"]):
        raise UserError(
            f"{path}: the modules {', '.join(names)} are not supported; supported are Transformer, Pooling, any number "
            "of Dense, LayerNorm and Normalize in this order"
        )
    encoder_files = DirectoryFiles.of(kinds[0][1]) if kinds[0][1] != files.path else files
    encoder = load_hugging_face(encoder_files, kind="encoder", dtype=dtype).model
    settings = _settings(files)
    dense = [folder for kind, folder in kinds if kind == "Dense"]
    norms = [folder for kind, folder in kinds if kind == "LayerNorm"]
    model = SentenceEncoder(
        encoder,
        poolings=_poolings(kinds[1][1], settings["prompts"]),
        projections=[_projection(folder) for folder in dense],
        layer_norm=bool(norms),
        normalize="Normalize" in names,
        dtype=dtype,
    )
    model.build()
    parts = {f"projections.{i}": ("linear", "kernel", "bias") for i in range(len(dense))}
    parts |= {"layer_norm": ("norm", "gamma", "beta")} if norms else {}
    for (layer, (theirs, weight, bias)), folder in zip(parts.items(), [*dense, *norms], strict=True):
        names = [TensorName(f"{layer}.{weight}", f"{theirs}.weight", transposed=weight == "kernel")]
        if getattr(variable_at(model, layer), bias) is not None:
            names.append(TensorName(f"{layer}.{bias}", f"{theirs}.bias"))
        assign_tensors(model, SafetensorsFiles(folder), names)
    return SentenceModel(encoder_files, model, stated_length(encoder_files), settings)


def read_modules(path):
    """The list in a modules.json, each a dict with `type` and `path`.

    Raises:
        UserError: for a damaged file.
    """
    try:
        content = json.loads(read_file(path))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); copy it again") from error
    if not isinstance(content, list) or not content:
        raise UserError(f"{path} is damaged: it is no list of modules; copy it again")
    for each in content:
        if not isinstance(each, dict) or not all(isinstance(each.get(key), str) for key in ("type", "path")):
            raise UserError(f"{path} is damaged: each module needs a type and a path; copy it again")
    return content


def _object(path):
    """The JSON object in a file, checked against what is not supported; {} if there is no such file."""
    content = parse_json(read_file(path), path) if path.is_file() else {}
    for key, values in _ONLY.items():
        if content.get(key) not in values:
            raise UserError(f"{path}: {key} {content[key]!r} is not supported; it must be {values[0]!r}")
    return content


def _poolings(folder, prompts):
    path = folder / "config.json"
    content = _object(path)
    if "pooling_mode" in content:
        modes = content["pooling_mode"]
        modes = [modes] if isinstance(modes, str) else modes
        known = isinstance(modes, list) and modes and all(mode in _MODES for mode in modes)
        found = [_MODES[mode] for mode in modes] if known else []
    else:
        found = [ours for flag, ours in _FLAGS.items() if content.get(flag)]
    if not found:
        raise UserError(f"{path}: it names no pooling of {', '.join(_MODES)}")
    if content.get("include_prompt", True) is not True and any(prompts.values()):
        raise UserError(f"{path}: include_prompt false is not supported beside prompts")
    return found


def _projection(folder):
    path = folder / "config.json"
    content = _object(path)
    name = str(content.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    if name not in _ACTIVATIONS:
        raise UserError(f"{path}: activation_function {name!r} is not supported; supported are {[*_ACTIVATIONS]}")
    units = content.get("out_features")
    if not isinstance(units, int) or units < 1:
        raise UserError(f"{path} is damaged: out_features is {units!r}; copy it again")
    return {"units": units, "activation": _ACTIVATIONS[name], "use_bias": bool(content.get("bias", True))}


def stated_length(files, tasks=("feature-extraction", None)):
    """How many tokens the Transformer module of a directory reads, or None if its file does not say.

    Args:
        files: `DirectoryFiles`.
        tasks: What `transformer_task` may be.

    Raises:
        UserError: for settings that the zoo does not have, by name.
    """
    for name in _TRANSFORMER_FILES:
        if files.holds(name):
            content = _object(files / name)
            task = content.get("transformer_task")
            if task not in tasks:
                raise UserError(f"{files / name}: transformer_task {task!r} is not supported; it must be {tasks[0]!r}")
            if content.get("processing_kwargs"):
                raise UserError(f"{files / name}: processing_kwargs {content['processing_kwargs']!r} is not supported")
            if content.get("do_lower_case"):
                raise UserError(f"{files / name}: do_lower_case true is not supported; let the tokenizer do it")
            longest = content.get("max_seq_length")
            if longest is not None and (not isinstance(longest, int) or longest < 1):
                raise UserError(f"{files / name}: max_seq_length {longest!r} is not supported")
            return longest
    return None


def _settings(files):
    path = files / SETTINGS_FILE
    content = files.json(SETTINGS_FILE)
    prompts = content.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(each, str) for each in [*prompts, *prompts.values()]):
        raise UserError(f"{path}: prompts {prompts!r} is not supported; it must be texts by name")
    similarity = content.get("similarity_fn_name") or "cosine"
    if similarity not in _SIMILARITIES:
        raise UserError(f"{path}: similarity_fn_name {similarity!r} is not supported; use {', '.join(_SIMILARITIES)}")
    return {
        "prompts": prompts,
        "default_prompt": content.get("default_prompt_name") or "",
        "similarity": similarity,
        "truncate_dim": content.get("truncate_dim"),
    }
