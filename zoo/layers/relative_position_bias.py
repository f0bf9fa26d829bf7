"""A learned bias of attention by how far apart two positions are, as in T5."""

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.errors import UserError


def relative_position_buckets(num_buckets, max_distance):
    """The bucket of every distance from 0 to `max_distance`, which stands for all longer ones too.

    The first half of the buckets is for one distance each, the second for ranges that grow logarithmically.

    Args:
        num_buckets: Buckets in one direction.
        max_distance: From this distance on everything is in the last bucket.

    Returns:
        numpy int32 `[max_distance + 1]`.
    """
    exact = num_buckets // 2
    distances = np.arange(max_distance + 1, dtype=np.float32)
    # In float32, as T5 counts, so that distances on the edge of a range fall on the same side.
    logarithms = np.log(np.maximum(distances, 1) / np.float32(exact)) / np.float32(np.log(max_distance / exact))
    ranges = exact + (logarithms * np.float32(num_buckets - exact)).astype("int32")
    return np.where(distances < exact, distances, np.minimum(ranges, num_buckets - 1)).astype("int32")


@keras.saving.register_keras_serializable(package="zoo")
class RelativePositionBias(keras.layers.Layer):
    """What is added to the attention logits of each head for the distance from a query to a key.

    Args:
        num_heads: H.
        num_buckets: Ranges of distances that share a bias, of both directions together if `bidirectional`.
        max_distance: From this distance on all share one.
        bidirectional: Whether keys after the query have buckets of their own; else they have that of distance 0.

    Source: Raffel et al. 2020, https://arxiv.org/abs/1910.10683, section 2.1.

    Example:
        >>> RelativePositionBias(num_heads=4)(np.arange(3), np.arange(5)).shape
        (1, 4, 3, 5)
    """

    def __init__(
        self, num_heads: int, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True, **kwargs: Any
    ):
        super().__init__(**kwargs)
        one_way = num_buckets // 2 if bidirectional else num_buckets
        if one_way < 2 or max_distance <= one_way // 2:
            raise UserError(
                f"num_buckets ({num_buckets}) must be at least {4 if bidirectional else 2} and max_distance "
                f"({max_distance}) more than {one_way // 2}"
            )
        self.num_heads = num_heads
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.bidirectional = bidirectional
        self.buckets = relative_position_buckets(one_way, max_distance)

    def build(self, query_positions_shape: Any = None, key_positions_shape: Any = None) -> None:
        """Creates the table `[num_buckets, H]`."""
        self.table = self.add_weight(
            name="relative_position_bias",
            shape=(self.num_buckets, self.num_heads),
            initializer=keras.initializers.RandomNormal(stddev=self.num_heads**-0.5),
        )
        self.built = True

    def call(self, query_positions: Any, key_positions: Any) -> Any:
        """The bias float32 `[1, H, T, S]` of int32 positions `[T]` and `[S]`."""
        after = ops.cast(key_positions, "int32")[None, :] - ops.cast(query_positions, "int32")[:, None]
        distances = ops.abs(after) if self.bidirectional else ops.maximum(-after, 0)
        buckets = ops.take(ops.convert_to_tensor(self.buckets), ops.minimum(distances, self.max_distance), axis=0)
        if self.bidirectional:
            buckets = buckets + ops.where(after > 0, self.num_buckets // 2, 0)
        bias = ops.take(ops.cast(ops.convert_to_tensor(self.table), "float32"), buckets, axis=0)
        return ops.transpose(bias, (2, 0, 1))[None]

    def compute_output_shape(self, query_positions_shape: Any, key_positions_shape: Any) -> tuple:
        """`[1, H, T, S]`."""
        return (1, self.num_heads, query_positions_shape[0], key_positions_shape[0])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            num_heads=self.num_heads,
            num_buckets=self.num_buckets,
            max_distance=self.max_distance,
            bidirectional=self.bidirectional,
        )
        return config
