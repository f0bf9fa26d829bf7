"""Which layer of a model is called what in a checkpoint, from which each format makes the names of its tensors."""

from dataclasses import dataclass, replace

from zoo.architectures.tensor_name import TensorName

_PARTS = {
    "dense": (("kernel", "weight", True), ("bias", "bias", False)),
    "norm": (("gamma", "weight", False), ("beta", "bias", False)),
}


@dataclass(frozen=True)
class Rule:
    """One layer or single tensor of ours and its name in a checkpoint.

    Attributes:
        kind: "dense", "norm" and "table" (of vectors) are layers; "vector" is a single bias.
        ours: Path from the model; `{i}` is a block's index.
        theirs: Name in the checkpoint, without "weight" and "bias".
        part: Of a "dense" layer, if the checkpoint holds n such layers side by side and this one is number i of them,
            counted from 0: (i, n).
    """

    kind: str
    ours: str
    theirs: str
    part: tuple[int, int] | None = None


def expand(rules, num_layers):
    """The rules with one for each block in place of those with `{i}`."""
    for rule in rules:
        for i in range(num_layers) if "{i}" in rule.ours else (0,):
            yield replace(rule, ours=rule.ours.format(i=i), theirs=rule.theirs.format(i=i))


def names_of_rules(rules, model=None):
    """`TensorName` of every weight of the layers that rules name, as PyTorch calls them.

    Args:
        rules: `Rule`s.
        model: Built, some of whose layers may have no bias; if None, all have one.
    """
    found = []
    for rule in rules:
        if rule.kind in _PARTS:
            layer = None if model is None else _layer_at(model, rule.ours)
            for ours, theirs, transposed in _PARTS[rule.kind]:
                if layer is None or getattr(layer, ours) is not None:
                    found.append(TensorName(f"{rule.ours}.{ours}", f"{rule.theirs}.{theirs}", transposed, rule.part))
        else:
            found.append(TensorName(rule.ours, rule.theirs + (".weight" if rule.kind == "table" else "")))
    return found


def _layer_at(model, path):
    for part in path.split("."):
        model = model[int(part)] if part.isdigit() else getattr(model, part)
    return model
