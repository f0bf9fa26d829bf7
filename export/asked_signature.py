"""The signature that `python -m export.ask` asks, and the inputs beside the texts."""

from dataclasses import dataclass, field

from zoo.errors import UserError


@dataclass(frozen=True)
class AskedSignature:
    """A signature with values for its controls.

    Attributes:
        name: The signature's name; empty for `serving_default`.
        outputs: Names of its outputs; () if they are not known, which answers of several outputs do not need.
        controls: Values of the controls that are set, by name.
        defaults: Values of the others, which gRPC fills in and REST wants to have.
    """

    name: str = ""
    outputs: tuple = ()
    controls: dict = field(default_factory=dict)
    defaults: dict = field(default_factory=dict)

    def named(self, outputs):
        """Outputs by name: in column form REST leaves out the name of an only one."""
        return outputs if isinstance(outputs, dict) else dict(zip(self.outputs, [outputs], strict=True))


def find_signature(server, model, given):
    """The signature of a model that takes controls of these names; `serving_default` for none.

    Args:
        server: A `LocalServer` that has loaded the model.
        model: The model's name.
        given: Values by name, as on the command line.

    Raises:
        UserError: for a name that is no control of the model, or a value of another type.
    """
    import tensorflow as tf
    from tensorflow_serving.apis.model_pb2 import ModelSpec

    with server.manager.servable(ModelSpec(name=model)) as servable:
        signatures = dict(servable.signatures)
    controls = {name: set(signature.defaults) for name, signature in signatures.items() if signature.defaults}
    if not given:
        return AskedSignature(outputs=tuple(signatures["serving_default"].outputs))
    for name, known in sorted(controls.items()):
        if known >= set(given):
            defaults = {key: tf.make_ndarray(value) for key, value in signatures[name].defaults.items()}
            values = {key: _value(key, value, defaults[key]) for key, value in given.items()}
            others = {key: value.tolist()[0] for key, value in defaults.items() if key not in values}
            others = {key: value.decode() if isinstance(value, bytes) else value for key, value in others.items()}
            return AskedSignature(name, tuple(signatures[name].outputs), values, others)
    known = sorted(set().union(*controls.values()))
    unknown = next((name for name in given if name not in known), next(iter(given)))
    raise UserError(f"--set: {unknown!r} is not a control of this model; it has {', '.join(known) or 'none'}")


def _value(name, value, default):
    kind = default.dtype.kind
    if kind == "O":
        return value if isinstance(value, str) else str(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or (kind == "i" and not isinstance(value, int)):
        raise UserError(f"--set: {name} must be {'an integer' if kind == 'i' else 'a number'}, got {value!r}")
    return float(value) if kind == "f" else value
