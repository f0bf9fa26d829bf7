"""Which model a request is for: by name, and by version or label where it names one."""

import re
from dataclasses import dataclass, replace

from tensorflow_serving.apis import model_pb2

_IDENTIFIER = re.compile(r"([^/]+)(?:/versions/([0-9]{1,18})|/labels/([^/]+))?")


@dataclass(frozen=True)
class ModelTarget:
    """A model, or one version of it.

    Attributes:
        name: The model's name.
        version: A version's number, or None.
        label: A version's label, or None.
    """

    name: str
    version: int | None = None
    label: str | None = None

    def at(self, version):
        """That version of the model."""
        return replace(self, version=version, label=None)

    def spec(self, signature=""):
        """The `ModelSpec` of a request."""
        spec = model_pb2.ModelSpec(name=self.name, signature_name=signature)
        if self.version is not None:
            spec.version.value = self.version
        elif self.label is not None:
            spec.version_label = self.label
        return spec


def parse_target(identifier):
    """The target of `NAME`, `NAME/versions/3` or `NAME/labels/stable`; None for anything else."""
    found = _IDENTIFIER.fullmatch(identifier)
    if found is None:
        return None
    name, version, label = found.groups()
    return ModelTarget(name, None if version is None else int(version), label)
