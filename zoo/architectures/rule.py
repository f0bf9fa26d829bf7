"""Which layer of a model is called what in a checkpoint, from which each format makes the names of its tensors."""

from dataclasses import dataclass

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
    """

    kind: str
    ours: str
    theirs: str


def expand(rules, num_layers):
    """The rules with one for each block in place of those with `{i}`."""
    for rule in rules:
        for i in range(num_layers) if "{i}" in rule.ours else (0,):
            yield Rule(rule.kind, rule.ours.format(i=i), rule.theirs.format(i=i))


def names_of_rules(rules):
    """`TensorName` of every weight of the layers that rules name, as PyTorch calls them."""
    found = []
    for rule in rules:
        if rule.kind in _PARTS:
            for ours, theirs, transposed in _PARTS[rule.kind]:
                found.append(TensorName(f"{rule.ours}.{ours}", f"{rule.theirs}.{theirs}", transposed))
        else:
            found.append(TensorName(rule.ours, rule.theirs + (".weight" if rule.kind == "table" else "")))
    return found
