"""Rotary positions in configurations: `rope_parameters` of transformers 5, `rope_theta` and `rope_scaling` before."""

from zoo.errors import UserError

_NUMBERS = {
    "linear": {"factor": "factor"},
    "llama3": {
        "factor": "factor",
        "low_freq_factor": "low_frequency_factor",
        "high_freq_factor": "high_frequency_factor",
        "original_max_position_embeddings": "original_max_length",
    },
    "yarn": {
        "factor": "factor",
        "original_max_position_embeddings": "original_max_length",
        "beta_fast": "beta_fast",
        "beta_slow": "beta_slow",
        "attention_factor": "attention_factor",
    },
}
_OPTIONAL = ("beta_fast", "beta_slow", "attention_factor")


def read_rotary(keys, default_base):
    """Arguments `rotary_base`, `rotary_scaling` and `rotary_share` of a model.

    Args:
        keys: `ConfigurationKeys`.
        default_base: Where the configuration names none.

    Raises:
        UserError: for a kind of scaling, or a number of one, that the zoo does not have.
    """
    key = "rope_parameters" if keys.value("rope_parameters", None) is not None else "rope_scaling"
    return read_rotary_group(keys, keys.value(key, {}), key, default_base)


def read_rotary_group(keys, group, key, default_base):
    """As `read_rotary`, of one dictionary of `rope_parameters` or `rope_scaling`."""
    if not isinstance(group, dict):
        raise keys.unsupported(key, "it must be an object")
    numbers = {name: value for name, value in group.items() if value is not None}
    base = numbers.pop("rope_theta", None) or keys.number("rope_theta", default_base)
    share = numbers.pop("partial_rotary_factor", None) or keys.number("partial_rotary_factor", 1.0)
    # Files written for several versions name the kind twice.
    kind = numbers.pop("rope_type", None)
    earlier = numbers.pop("type", kind)
    kind = kind or earlier or "default"
    if kind == "default":
        return {"rotary_base": base, "rotary_scaling": None, "rotary_share": share}
    if kind not in _NUMBERS or earlier not in (None, kind):
        raise keys.unsupported(key, f"supported kinds are default, {', '.join(_NUMBERS)}")
    known = _NUMBERS[kind]
    unknown = sorted(numbers.keys() - known.keys())
    missing = sorted(known.keys() - numbers.keys() - set(_OPTIONAL))
    if unknown or missing:
        raise keys.unsupported(
            key, f"{kind} lacks {', '.join(missing)}" if missing else f"{kind} with {', '.join(unknown)} is not known"
        )
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise keys.unsupported(key, f"{name} must be a positive number")
    scaling = {"kind": kind, **{known[name]: value for name, value in numbers.items()}}
    return {"rotary_base": base, "rotary_scaling": scaling, "rotary_share": share}


def write_rotary(config):
    """The key `rope_parameters` that `read_rotary` and transformers read a model's arguments from."""
    group = {"rope_theta": config["rotary_base"], "rope_type": "default"}
    if config["rotary_share"] != 1.0:
        group["partial_rotary_factor"] = config["rotary_share"]
    scaling = config["rotary_scaling"]
    if scaling is not None:
        names = {ours: theirs for theirs, ours in _NUMBERS[scaling["kind"]].items()}
        unknown = [name for name in scaling if name != "kind" and name not in names]
        if unknown:
            raise UserError(f"transformers has no {', '.join(unknown)} of rotary positions")
        # An attention factor of 0 stands for the published one, which files leave out.
        group |= {names[name]: value for name, value in scaling.items() if name != "kind" and value}
        group["rope_type"] = scaling["kind"]
    return {"rope_parameters": group}
