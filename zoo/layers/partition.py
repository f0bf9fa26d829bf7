"""How the variables of layers are divided over several devices: each layer says so of its own.

Attention is divided by its heads, a feed-forward network by its inner width, a table of token vectors by its tokens. Of
two projections in a row the first is divided by columns and the second by rows, so that the devices need to add up only
what the second gives. Normalisations, biases of second projections, tables of positions and of segments, and the last
layer of a classifier are whole on every device.

Source: Shoeybi et al. 2019, section 3, https://arxiv.org/abs/1909.08053.
"""

from typing import NamedTuple

import keras

MODEL_AXIS = "model"
"""The axis of a mesh of devices that divides models."""


class Division(NamedTuple):
    """How a variable is divided.

    Attributes:
        what: What the divided dimension counts, for messages.
        axes: `MODEL_AXIS`, or None, for each dimension of the variable.
        otherwise: The same, for a size that the model axis does not divide; such a size is an error if None.
    """

    what: str
    axes: tuple
    otherwise: tuple | None = None


def columns(what):
    """The partition of a projection by what it gives: kernel and bias."""
    return {"kernel": Division(what, (None, MODEL_AXIS)), "bias": Division(what, (MODEL_AXIS,))}


def rows(what):
    """The partition of a projection by what it reads: its bias is whole."""
    return {"kernel": Division(what, (MODEL_AXIS, None))}


def entries(what):
    """The division of a vector, which is whole where the model axis does not divide it."""
    return Division(what, (MODEL_AXIS,), otherwise=(None,))


class Partitioned(keras.layers.Layer):
    """Mixin of layers and models that say how their own variables are divided.

    Keras asks the distribution in force for the layout of each variable, by its path and before the layer has it. So a
    layer tells the distribution right before that, if it is one that divides variables: one with a method
    `divide(path, division)`, as `zoo.training` has.
    """

    def partition(self):
        """dict of `Division` by the name of the variable; those that are not in it are whole on every device."""
        return {}

    def add_weight(self, *args, **kwargs):
        """Creates a variable as Keras does."""
        name = kwargs.get("name")
        division = self.partition().get(name)
        divide = getattr(keras.distribution.distribution(), "divide", None)
        if division is not None and divide is not None:
            divide(f"{self.path}/{name}", division)
        return super().add_weight(*args, **kwargs)
