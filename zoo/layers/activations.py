"""The activation functions that feed-forward networks and heads know by name."""

import keras

from zoo.errors import UserError

ACTIVATIONS = ("relu", "gelu", "gelu_approximate", "swish", "tanh")


def check_activation(name, known=ACTIVATIONS):
    """Refuses a name that is not among those known.

    Raises:
        UserError: naming the known ones.
    """
    if name not in known:
        raise UserError(f"activation must be one of {', '.join(known)}, got {name!r}")


def activate(x, name):
    """Applies an activation of `ACTIVATIONS` to a tensor.

    Args:
        x: float tensor.
        name: "relu", "gelu" (exact, by the error function), "gelu_approximate" (tanh, as in GPT-2), "swish" or "tanh".

    Returns:
        A tensor of the same shape.
    """
    if name == "gelu_approximate":
        return keras.activations.gelu(x, approximate=True)
    if name == "gelu":
        return keras.activations.gelu(x, approximate=False)
    return keras.activations.get(name)(x)
