"""Adapters from a directory that PEFT has written, beside the weights of a model."""

import json
import math
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
from safetensors import SafetensorError, safe_open

from zoo.adapters import LowRank, Rescaling, WeightDecomposed, adapters_of
from zoo.checkpoints.named_tensors import variable_at
from zoo.checkpoints.peft.module_names import CONFIG_FILE, PREFIX, WEIGHTS_FILE, families_of, modules_of
from zoo.errors import UserError

_PARTS = re.compile(r"(.+)\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector(?:\.weight)?|ia3_l)")
# Initial values that also change the weights of the base, so that adapters belong to other ones than it has.
_CHANGED_BASES = ("pissa", "olora", "corda", "loftq", "lora_ga")
# Settings with which PEFT computes something else, and the values with which it does not.
_UNSUPPORTED = {
    "bias": ("none", None),
    "lora_bias": (False, None),
    "layer_replication": (None,),
    "alora_invocation_tokens": (None,),
    "trainable_token_indices": (None,),
    "target_parameters": (None, []),
    "megatron_config": (None,),
    "use_qalora": (False, None),
    "use_bdlora": (False, None, {}),
    "arrow_config": (None,),
}


def read_peft(model: keras.Model, directory: str | Path) -> keras.Model:
    """Puts the adapters of a directory beside the projections of a model, and the weights that it has of a head.

    Args:
        model: A built model of the zoo without adapters, as PEFT's model is without them.
        directory: With adapter_config.json of type LORA (DoRA included) or IA3, and adapter_model.safetensors.

    Returns:
        The model.

    Raises:
        UserError: for files that are missing or damaged, another type of adapter, a setting that is not followed, and
            tensors missing, without a place in the model, or of another shape: each by name, before anything is set.
    """
    directory = Path(directory)
    if adapters_of(model):
        raise UserError("the model has adapters already: fold or drop them first")
    config, tensors = _config(directory), _tensors(directory)
    by_module, adapted, heads = _placed(tensors, model, directory)
    attached = []
    for module, parts in adapted.items():
        for each in by_module[module]:
            attached.append((each, *_adapter(config, module, parts, each, directory)))
    _check_heads(model, heads, directory)
    for each, adapter, values in attached:
        each.projection.attach(adapter)
        for name, value in values.items():
            getattr(adapter, name).assign(value)
    for name, values in heads:
        variable_at(model, name.ours).assign(values.T if name.transposed else values)
    return model


def _config(directory):
    path = directory / CONFIG_FILE
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error!r}); copy the adapter again") from error
    if kind not in ("LORA", "IA3"):
        raise UserError(f"{path}: adapters of peft_type {kind!r} are not supported, only LORA and IA3")
    for name, harmless in _UNSUPPORTED.items():
        if name in config and config[name] not in harmless:
            raise UserError(f"{path}: {name} {config[name]!r} is not supported")
    initial = str(config.get("init_lora_weights", True)).lower()
    if initial.startswith(_CHANGED_BASES):
        raise UserError(
            f"{path}: init_lora_weights {initial!r} also changes the base; save the adapter with "
            "path_initial_model_for_weight_conversion in PEFT"
        )
    return config


def _tensors(directory):
    path = directory / WEIGHTS_FILE
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            found = {name: np.asarray(file.get_tensor(name), "float32") for name in names}
    except (SafetensorError, OSError, TypeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); copy the adapter again") from error
    return {name.removeprefix(PREFIX): values for name, values in found.items()}


def _placed(tensors, model, directory):
    """The modules and tensors of the first family in which every tensor has a place."""
    families = families_of(model)
    for family in families:
        modules, names = modules_of(model, family)
        by_module = {}
        for each in modules:
            by_module.setdefault(each.module, []).append(each)
        adapted, heads, strange = _sorted_tensors(tensors, by_module, names)
        if not strange:
            break
    else:
        raise UserError(
            f"{directory / WEIGHTS_FILE} holds tensors without a place in the model, which is of another family, size "
            f"or task: {', '.join(sorted(strange)[:5])}"
        )
    if not adapted:
        raise UserError(f"{directory / WEIGHTS_FILE} holds no adapters")
    return by_module, adapted, heads


def _sorted_tensors(tensors, by_module, names):
    """Tensors of adapters by module and part, pairs of `TensorName` and values of a head, and names of others."""
    known = {name.theirs: name for name in names if name.part is None and name.columns is None}
    adapted, heads, strange = {}, [], []
    for name, values in tensors.items():
        match = _PARTS.fullmatch(name)
        if match and match[1] in by_module:
            adapted.setdefault(match[1], {})[match[2].removesuffix(".weight")] = values
        elif name in known:
            heads.append((known[name], values))
        else:
            strange.append(name)
    return adapted, heads, strange


def _adapter(config, module, parts, each, directory):
    """A new adapter of one projection, and the values of its weights."""
    wanted = {"ia3_l"} if config["peft_type"] == "IA3" else {"lora_A", "lora_B"}
    if config.get("use_dora"):
        wanted.add("lora_magnitude_vector")
    if set(parts) != wanted:
        raise UserError(f"{directory / WEIGHTS_FILE}: {module} has {sorted(parts)} instead of {sorted(wanted)}")
    num_inputs, units = each.projection.input_spec.axes[-1], each.projection.units
    part = slice(each.start, each.start + units)
    if "ia3_l" in parts:
        of_inputs = _matches(module, config.get("feedforward_modules"))
        values = parts["ia3_l"].reshape(-1)
        _check_shape(values, (num_inputs if of_inputs else each.width,), module, directory)
        return Rescaling(of_inputs), {"factors": values if of_inputs else values[part]}
    down, up = parts["lora_A"], parts["lora_B"]
    rank = down.shape[0]
    _check_shape(down, (rank, num_inputs), module, directory)
    _check_shape(up, (each.width, rank), module, directory)
    if rank != _by_pattern(config.get("rank_pattern"), module, config["r"]):
        raise UserError(f"{directory / WEIGHTS_FILE}: {module} has rank {rank}, {CONFIG_FILE} says another")
    alpha = _by_pattern(config.get("alpha_pattern"), module, config["lora_alpha"])
    scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    options = dict(rank=rank, alpha=scale * rank, dropout=config.get("lora_dropout", 0.0))
    values = {"down": down.T, "up": up.T[:, part]}
    if not config.get("use_dora"):
        return LowRank(**options), values
    magnitude = parts["lora_magnitude_vector"].reshape(-1)
    _check_shape(magnitude, (each.width,), module, directory)
    return WeightDecomposed(**options), {**values, "magnitude": magnitude[part]}


def _matches(module, targets: Any):
    """Whether a module is one of those that a list of ends of names, or a regular expression, names."""
    if isinstance(targets, str):
        return re.fullmatch(targets, module) is not None
    return any(module == target or module.endswith(f".{target}") for target in targets or ())


def _by_pattern(patterns, module, default):
    """The value of the first pattern that a module's name ends with, as PEFT looks it up."""
    for pattern, value in (patterns or {}).items():
        if re.match(rf"(.*\.)?({pattern})$", module):
            return value
    return default


def _check_shape(values, shape, module, directory):
    if values.shape != shape:
        raise UserError(
            f"{directory / WEIGHTS_FILE}: an adapter of {module} has shape {list(values.shape)} instead of "
            f"{list(shape)}; it is of another model"
        )


def _check_heads(model, heads, directory):
    for name, values in heads:
        shape = tuple(variable_at(model, name.ours).shape)
        shape = shape[::-1] if name.transposed else shape
        if values.shape != shape:
            raise UserError(
                f"{directory / WEIGHTS_FILE}: {name.theirs} has shape {list(values.shape)} instead of {list(shape)}"
            )
