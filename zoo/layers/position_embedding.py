"""Learned and sinusoidal position embeddings."""

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.errors import UserError
from zoo.layers.initializers import embedding_initializer


def sinusoidal_table(max_length: int, hidden_dim: int, kind: str = "sinusoidal") -> np.ndarray:
    """The fixed position vectors of the original Transformer, sines in the first half and cosines in the second.

    Args:
        max_length: Number of positions.
        hidden_dim: D.
        kind: "sinusoidal" or "sinusoidal_as_published"; see `PositionEmbedding`.

    Returns:
        numpy float32 `[max_length, D]`.

    Raises:
        UserError: for an odd D with the published frequencies.

    Source: Vaswani et al. 2017, section 3.5, in the half-and-half order of tensor2tensor, fairseq and Marian.
    """
    half = hidden_dim // 2
    if kind == "sinusoidal_as_published" and hidden_dim % 2:
        raise UserError(f"positions {kind!r} need an even hidden_dim, got {hidden_dim}")
    steps = half if kind == "sinusoidal_as_published" else max(half - 1, 1)
    frequencies = np.exp(-np.log(10000.0) * np.arange(half) / steps)
    angles = np.arange(max_length)[:, None] * frequencies[None, :]
    table = np.zeros((max_length, hidden_dim), np.float32)
    table[:, :half] = np.sin(angles)
    table[:, half : 2 * half] = np.cos(angles)
    return table


@keras.saving.register_keras_serializable(package="zoo")
class PositionEmbedding(keras.layers.Layer):
    """Adds a vector for each position to `[B, T, D]`.

    Args:
        max_length: Positions there are vectors for; a longer input is an error.
        kind: "learned", or one of two fixed kinds: "sinusoidal", whose frequencies fall to exactly 1 / 10000 (as in
            tensor2tensor and fairseq), and "sinusoidal_as_published", with 10000 ** (-2i / D) (as in Marian).
        offset: Rows of the table before that of position 0, which are never used: 2 in RoBERTa and BART, else 0.
        initializer_stddev: Standard deviation of the initial learned table; D ** -0.5 if None.

    Example:
        >>> PositionEmbedding(max_length=8)(keras.random.normal((2, 5, 32))).shape
        (2, 5, 32)
    """

    KINDS = ("sinusoidal", "sinusoidal_as_published", "learned")

    def __init__(
        self, max_length: int, kind: str = "sinusoidal", offset: int = 0, initializer_stddev: Any = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if kind not in self.KINDS:
            raise UserError(f"kind must be one of {', '.join(self.KINDS)}, got {kind!r}")
        self.max_length = max_length
        self.kind = kind
        self.offset = offset
        self.initializer_stddev = initializer_stddev

    def build(self, input_shape: Any) -> None:
        """Creates the table `[max_length + offset, D]`, a weight if learned and a constant if not."""
        hidden_dim = input_shape[-1]
        rows = self.max_length + self.offset
        if self.kind == "learned":
            self.table = self.add_weight(
                name="positions",
                shape=(rows, hidden_dim),
                initializer=embedding_initializer(hidden_dim, self.initializer_stddev),
            )
        else:
            self.table = sinusoidal_table(rows, hidden_dim, self.kind)
        self.built = True

    def _table(self):
        return ops.cast(ops.convert_to_tensor(self.table), self.compute_dtype)

    def call(self, inputs: Any, positions: Any = None) -> Any:
        """Adds to inputs `[B, T, D]` the vectors of positions int32 `[B, T]`, or of 0 to T - 1 if those are None.

        Raises:
            UserError: if T is known to exceed `max_length`.
        """
        length = inputs.shape[1]
        if length is not None and length > self.max_length:
            raise UserError(f"a sequence of {length} tokens is longer than max_sequence_length {self.max_length}")
        return self.at(inputs, ops.arange(ops.shape(inputs)[1]) if positions is None else positions)

    def at(self, inputs: Any, index: Any) -> Any:
        """Adds the vector of position `index` (int32 scalar, or any shape that broadcasts) to inputs `[B, T, D]`."""
        return inputs + ops.take(self._table(), self.offset + index, axis=0)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """`[B, T, D]`."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            max_length=self.max_length,
            kind=self.kind,
            offset=self.offset,
            initializer_stddev=self.initializer_stddev,
        )
        return config
