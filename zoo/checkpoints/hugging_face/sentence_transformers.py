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
FLAGS = {
    "pooling_mode_cls_token": "first",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weighted_mean",
    "pooling_mode_lasttoken": "last",
}
MODES = {
    "cls": "first",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean_sqrt_len",
    "weightedmean": "weighted_mean",
    "lasttoken": "last",
}
ACTIVATIONS = {"Identity": "linear", "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu", "SiLU": "swish"}
# Of modules that make one vector of another.
_OF_VECTORS = {
    "module_input_name": ("sentence_embedding", None),
    "module_output_name": ("sentence_embedding", None),
}
# By task of a Transformer: what of the model's outputs is taken, and its name among the modules.
_OUTPUTS = {
    "feature-extraction": ("last_hidden_state", "token_embeddings"),
    "sequence-classification": ("logits", "scores"),
}
# Arguments of transformers' functions, by their present and former names, and those that change no answer.
_ARGUMENTS = ("model_kwargs", "model_args", "processor_kwargs", "tokenizer_args", "config_kwargs", "config_args")
_WITHOUT_EFFECT = {"attn_implementation", "dtype", "torch_dtype", "trust_remote_code", "revision", "token", "cache_dir"}
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
    """The JSON object in a file; {} if there is no such file."""
    return parse_json(read_file(path), path) if path.is_file() else {}


def _check_only(content, path, allowed):
    """Refuses values of keys other than the allowed ones."""
    for key, values in allowed.items():
        if content.get(key) not in values:
            raise UserError(f"{path}: {key} {content[key]!r} is not supported; it must be {values[0]!r}")


def _poolings(folder, prompts):
    path = folder / "config.json"
    content = _object(path)
    if "pooling_mode" in content:
        modes = content["pooling_mode"]
        modes = [modes] if isinstance(modes, str) else modes
        known = isinstance(modes, list) and modes and all(mode in MODES for mode in modes)
        found = [MODES[mode] for mode in modes] if known else []
    else:
        found = [ours for flag, ours in FLAGS.items() if content.get(flag)]
    if not found:
        raise UserError(f"{path}: it names no pooling of {', '.join(MODES)}")
    if content.get("include_prompt", True) is not True and any(prompts.values()):
        raise UserError(f"{path}: include_prompt false is not supported beside prompts")
    return found


def _projection(folder):
    path = folder / "config.json"
    content = _object(path)
    _check_only(content, path, _OF_VECTORS)
    function = str(content.get("activation_function", "torch.nn.modules.activation.Tanh"))
    name = function.rpartition(".")[2]
    # One of another package is not loaded there either, unless its code is trusted.
    if name not in ACTIVATIONS or not function.startswith("torch."):
        known = ", ".join(ACTIVATIONS)
        raise UserError(f"{path}: activation_function {function!r} is not supported; supported are {known} of torch.nn")
    units = content.get("out_features")
    if not isinstance(units, int) or units < 1:
        raise UserError(f"{path} is damaged: out_features is {units!r}; copy it again")
    return {"units": units, "activation": ACTIVATIONS[name], "use_bias": bool(content.get("bias", True))}


def stated_length(files, task="feature-extraction"):
    """How many tokens the Transformer module of a directory reads, or None if its file does not say.

    Args:
        files: `DirectoryFiles`.
        task: What `transformer_task` must be if it is there.

    Raises:
        UserError: for settings that the zoo does not have, by name.
    """
    for name in _TRANSFORMER_FILES:
        if files.holds(name):
            return _length_of_transformer(files / name, task)
    return None


def _length_of_transformer(path, task):
    content = _object(path)
    output, name = _OUTPUTS[task]
    _check_only(content, path, {"transformer_task": (task, None), "module_output_name": (name, None)})
    texts = content.get("modality_config", {"text": {"method": "forward", "method_output_name": output}}) or {}
    found = texts.get("text") if isinstance(texts, dict) else None
    if not isinstance(found, dict) or (found.get("method"), found.get("method_output_name")) != ("forward", output):
        raise UserError(f"{path}: modality_config {texts!r} is not supported; of texts {output} of forward is taken")
    if content.get("tokenizer_name_or_path") is not None:
        raise UserError(
            f"{path}: tokenizer_name_or_path is not supported; put the tokenizer's files beside the model's"
        )
    for key in ("processing_kwargs", *_ARGUMENTS):
        value = content.get(key) or {}
        if not isinstance(value, dict) or value.keys() - (_WITHOUT_EFFECT if key in _ARGUMENTS else set()):
            raise UserError(f"{path}: {key} {value!r} is not supported; put what they say into the files of the model")
    if content.get("do_lower_case"):
        raise UserError(f"{path}: do_lower_case true is not supported; let the tokenizer do it")
    longest = content.get("max_seq_length")
    if longest is not None and (not isinstance(longest, int) or longest < 1):
        raise UserError(f"{path}: max_seq_length {longest!r} is not supported")
    return longest


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
