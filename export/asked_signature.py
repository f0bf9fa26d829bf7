"""The signature that `python -m export.ask` asks, and the inputs beside the texts."""

from dataclasses import dataclass, field

from zoo.errors import UserError


@dataclass(frozen=True)
class AskedSignature:
    """A signature with values for its controls.

    Attributes:
        name: The signature's name; empty for `serving_default`.
        inputs: Names of its texts.
        outputs: Names of its outputs; () if they are not known, which answers of several outputs do not need.
        controls: Values of the controls that are set, by name.
        defaults: Values of the others, which gRPC fills in and REST wants to have.
    """

    name: str = ""
    inputs: tuple = ("text",)
    outputs: tuple = ()
    controls: dict = field(default_factory=dict)
    defaults: dict = field(default_factory=dict)

    def named(self, outputs):
        """Outputs by name: in column form REST leaves out the name of an only one."""
        return outputs if isinstance(outputs, dict) else dict(zip(self.outputs, [outputs], strict=True))


def find_signature(server, model, given, name=None):
    """The signature of a model that takes controls of these names; `serving_default` for none.

    Args:
        server: A `LocalServer` that has loaded the model.
        model: The model's name.
        given: Values by name, as on the command line.
        name: The signature that is asked for; None to find it.

    Raises:
        UserError: for a signature that the model does not have, a name that is no control of it, or a value of another
            type.
    """
    import tensorflow as tf
    from tensorflow_serving.apis.model_pb2 import ModelSpec

    with server.manager.servable(ModelSpec(name=model)) as servable:
        signatures = {each: found for each, found in servable.signatures.items() if not each.startswith("__")}
    if name is not None and name not in signatures:
        raise UserError(f"--signature: the model has no {name!r}; it has {', '.join(sorted(signatures))}")
    known = {each: set(found.defaults) for each, found in signatures.items() if name in (None, each)}
    if not given:
        chosen = name or "serving_default"
    else:
        chosen = next((each for each in sorted(known) if known[each] >= set(given)), None)
    if chosen is None:
        controls = sorted(set().union(*known.values()))
        unknown = next((each for each in given if each not in controls), next(iter(given)))
        raise UserError(f"--set: {unknown!r} is not a control of this model; it has {', '.join(controls) or 'none'}")
    signature = signatures[chosen]
    defaults = {key: tf.make_ndarray(value) for key, value in signature.defaults.items()}
    values = {key: _value(key, value, defaults[key]) for key, value in given.items()}
    others = {key: value.tolist()[0] for key, value in defaults.items() if key not in values}
    return AskedSignature(
        name="" if chosen == "serving_default" else chosen,
        inputs=tuple(sorted(set(signature.inputs) - set(defaults))),
        outputs=tuple(signature.outputs),
        controls=values,
        defaults={key: value.decode() if isinstance(value, bytes) else value for key, value in others.items()},
    )


def _value(name, value, default):
    kind = default.dtype.kind
    if kind == "O":
        return value if isinstance(value, str) else str(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or (kind == "i" and not isinstance(value, int)):
        raise UserError(f"--set: {name} must be {'an integer' if kind == 'i' else 'a number'}, got {value!r}")
    return float(value) if kind == "f" else value
