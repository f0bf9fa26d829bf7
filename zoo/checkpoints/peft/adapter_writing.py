"""The adapters of a model to a directory that PEFT loads."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.adapters import Adapter, LowRank, Rescaling, WeightDecomposed, adapters_of
from zoo.checkpoints.hugging_face.safetensors_files import write_tensors
from zoo.checkpoints.named_tensors import tensors_by_name, variable_at
from zoo.checkpoints.peft.module_names import CONFIG_FILE, PREFIX, WEIGHTS_FILE, families_of, modules_of
from zoo.errors import UserError
from zoo.writing import write_whole, writing


def write_peft(model: keras.Model, directory: str | Path, base: str | Path | None = None) -> None:
    """Writes the adapters of a model, and the weights beside them that learn, as PEFT keeps them.

    Projections that transformers has as one module get one adapter of their joint rank, which computes the same. Of a
    head that transformers does not have, nothing is written.

    Args:
        model: A model of the zoo with adapters of one kind.
        directory: Where to write adapter_config.json and adapter_model.safetensors; made if needed.
        base: What `base_model_name_or_path` says: the checkpoint without the adapters.

    Raises:
        UserError: for a model without adapters, of no family of transformers, or with adapters that PEFT does not have,
            and if files cannot be written.
    """
    tensors, content = peft_content(model, base)
    directory = Path(directory)
    with writing(directory, "free some space or choose another folder", "the adapter"):
        directory.mkdir(parents=True, exist_ok=True)
        write_tensors(tensors, directory / WEIGHTS_FILE)
        write_whole(directory / CONFIG_FILE, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def peft_content(model: keras.Model, base: str | Path | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors by name and the content of adapter_config.json; arguments and errors as of `write_peft`."""
    adapters = adapters_of(model)
    if not adapters:
        raise UserError("the model has no adapters to write")
    kind = type(next(iter(adapters.values())))
    contents = {LowRank: _low_rank, WeightDecomposed: _low_rank, Rescaling: _rescaling}
    if kind not in contents:
        raise UserError(f"PEFT has no adapters like {kind.__name__}")
    modules, names = modules_of(model, _family(model, base))
    by_module = {}
    for each in modules:
        if each.path in adapters:
            by_module.setdefault(each.module, []).append(each)
    if sum(map(len, by_module.values())) < len(adapters):
        raise UserError("some adapted projections have no name in transformers")
    siblings = {module: [each for each in modules if each.module == module] for module in by_module}
    tensors, content = contents[kind](by_module, siblings, adapters)
    learned = [name for name in names if _learns(model, name) and name.ours.replace(".", "/") not in adapters]
    tensors.update(tensors_by_name(model, learned))
    content = {
        "base_model_name_or_path": None if base is None else str(base),
        "task_type": None,
        "inference_mode": True,
        "fan_in_fan_out": not next(iter(by_module.values()))[0].transposed,
        "modules_to_save": sorted({name.theirs.rpartition(".")[0] for name in learned}) or None,
        **content,
    }
    return {PREFIX + name: values for name, values in tensors.items()}, content


def _family(model, base):
    """The family that the base's config.json names, if it is a directory of transformers; else the first that fits."""
    families = families_of(model)
    path = None if base is None else Path(base) / "config.json"
    if path is not None and path.is_file():
        named = json.loads(path.read_text(encoding="utf-8")).get("model_type")
        families = [each for each in families if each.model_type == named] or families
    return families[0]


def _learns(model, name):
    variable = variable_at(model, name.ours)
    return isinstance(variable, keras.Variable) and variable.trainable


def _values(variable: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(variable), "float32")


def _low_rank(by_module, siblings, adapters):
    tensors, ranks, alphas = {}, {}, {}
    for module, parts in by_module.items():
        found: list[Adapter] = [adapters[each.path] for each in parts]
        scales = {adapter.scale for adapter in found}
        if len(scales) > 1:
            raise UserError(f"the adapters of {module} have different scales, which PEFT cannot say")
        rank = sum(adapter.rank for adapter in found)
        up = np.zeros((rank, parts[0].width), "float32")
        row = 0
        for each, adapter in zip(parts, found, strict=True):
            up[row : row + adapter.rank, each.start : each.start + each.projection.units] = _values(adapter.up)
            row += adapter.rank
        tensors[f"{module}.lora_A.weight"] = np.concatenate([_values(adapter.down).T for adapter in found])
        tensors[f"{module}.lora_B.weight"] = up.T
        ranks[module], alphas[module] = rank, scales.pop() * rank
        if isinstance(found[0], WeightDecomposed):
            magnitude = np.ones(parts[0].width, "float32")
            for each in siblings[module]:
                adapter = adapters.get(each.path)
                lengths = np.linalg.norm(each.projection.folded()[0], axis=0)
                part = lengths if adapter is None else _values(adapter.magnitude)
                magnitude[each.start : each.start + each.projection.units] = part
            tensors[f"{module}.lora_magnitude_vector"] = magnitude
    rank, alpha = min(ranks.values()), alphas[min(ranks, key=ranks.__getitem__)]
    first = next(iter(adapters.values()))
    content = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": first.dropout_rate,
        "use_dora": isinstance(first, WeightDecomposed),
        "target_modules": sorted(by_module),
        "rank_pattern": {module: value for module, value in ranks.items() if value != rank},
        "alpha_pattern": {module: value for module, value in alphas.items() if value != alpha},
        "bias": "none",
    }
    return tensors, content


def _rescaling(by_module, siblings, adapters):
    tensors, of_inputs = {}, []
    for module, parts in by_module.items():
        found = [adapters[each.path] for each in parts]
        if found[0].of_inputs:
            if len(siblings[module]) > 1:
                raise UserError(f"{module} is several projections, of which PEFT cannot rescale the inputs of some")
            tensors[f"{module}.ia3_l"] = _values(found[0].factors)[None]
            of_inputs.append(module)
            continue
        factors = np.ones((parts[0].width, 1), "float32")
        for each, adapter in zip(parts, found, strict=True):
            factors[each.start : each.start + each.projection.units, 0] = _values(adapter.factors)
        tensors[f"{module}.ia3_l"] = factors
    content = {"peft_type": "IA3", "target_modules": sorted(by_module), "feedforward_modules": sorted(of_inputs)}
    return tensors, content
