"""What the operations of layers depend on: how many vectors they read, and whose gradients are needed."""

from typing import NamedTuple


class Vectors(NamedTuple):
    """Vectors of all positions of a batch, on their way through a model.

    A layer that multiplies them with matrices has a method `flops` that takes them and gives the operations of forward
    and backward pass, and the vectors that come out.

    Attributes:
        rows, length: B and T.
        learns: Whether a gradient with regard to them is needed: whether any weight before them is trained.
    """

    rows: int
    length: int
    learns: bool = False

    def through(self, *layers):
        """The vectors after layers without products of matrices: tables and normalisations, None for none."""
        return self.learning(any(layer.trainable_variables for layer in layers if layer is not None))

    def learning(self, learns):
        """The vectors after something that learns or not."""
        return self._replace(learns=self.learns or bool(learns))

    def product_flops(self, num_inputs, num_outputs, trainable):
        """Operations of the product with a matrix: one forward, one for the gradient of either factor that needs it."""
        once = 2 * self.rows * self.length * num_inputs * num_outputs
        return once * (1 + self.learns + bool(trainable))


def attention_flops(queries, keys, values, width):
    """Scores and weighted values of attention.

    Args:
        queries, keys, values: `Vectors`.
        width: Of the queries of all heads together.

    Returns:
        The operations, and the `Vectors` attended to.
    """
    once = 2 * queries.rows * queries.length * keys.length * width
    weights_learn = queries.learns or keys.learns
    flops = once * (1 + queries.learns + keys.learns) + once * (1 + weights_learn + values.learns)
    return flops, queries.learning(weights_learn or values.learns)


def flops_in_turn(vectors, *layers):
    """Operations of layers that each read what the one before gives, and the `Vectors` that come out; None for none."""
    total = 0
    for layer in layers:
        if layer is not None:
            flops, vectors = layer.flops(vectors)
            total += flops
    return total, vectors
