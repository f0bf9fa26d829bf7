"""The output layers of masked language models."""

from typing import Any

import keras
from keras import ops

from zoo.layers.activations import activate, check_activation
from zoo.layers.flops import Vectors
from zoo.layers.given_arguments import given_arguments
from zoo.layers.initializers import projection_initializer
from zoo.layers.partition import Division, Partitioned, columns, entries
from zoo.layers.projection import Projection


@keras.saving.register_keras_serializable(package="zoo")
class MaskedLanguageModelHead(Partitioned, keras.layers.Layer):
    """Logits over the vocabulary: projection, activation, normalisation, then the table of token vectors and a bias.

    Args:
        vocabulary_size: V.
        hidden_dim: D, of the vectors of tokens; the hidden states may have another width.
        activation: After the projection; see `FeedForward`.
        layer_norm_epsilon: Added to the variance.
        initializer_stddev: Standard deviation of the initial projection; Glorot's if None.
        transform_bias, norm_bias: Whether projection and normalisation have biases.

    Source: Devlin et al. 2019, https://arxiv.org/abs/1810.04805, and its reference implementation.

    Example:
        >>> head = MaskedLanguageModelHead(vocabulary_size=11, hidden_dim=4)
        >>> head(keras.random.normal((2, 5, 4)), keras.random.normal((11, 4))).shape
        (2, 5, 11)
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int,
        activation: str = "gelu",
        layer_norm_epsilon: float = 1e-12,
        initializer_stddev: Any = None,
        transform_bias: bool = True,
        norm_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_activation(activation)
        self._config = given_arguments(locals())
        self.vocabulary_size = vocabulary_size
        self.hidden_dim = hidden_dim
        self.activation_name = activation
        self.transform = Projection(
            hidden_dim,
            use_bias=transform_bias,
            kernel_initializer=projection_initializer(initializer_stddev),
            partition=columns("hidden_dim"),
            dtype=self.dtype_policy,
            name="transform",
        )
        self.transform_norm = keras.layers.LayerNormalization(
            epsilon=layer_norm_epsilon, center=norm_bias, dtype=self.dtype_policy, name="transform_norm"
        )

    def partition(self) -> dict[str, Division]:
        """See `Partitioned`."""
        return {"bias": entries("vocabulary_size")}

    def flops(self, vectors: Vectors, embedding: Any) -> tuple[int, Vectors]:
        """Operations of forward and backward pass over `Vectors`, and the `Vectors` of the logits.

        Args:
            vectors: The hidden states.
            embedding: The `TokenEmbedding` whose table the logits are of.
        """
        transform_flops, vectors = self.transform.flops(vectors)
        table_flops, vectors = embedding.flops(vectors.through(self.transform_norm))
        return transform_flops + table_flops, vectors

    def build(self, hidden_states_shape: Any, table_shape: Any = None) -> None:
        """Creates the weights for hidden states `[..., D]`."""
        self.transform.build(hidden_states_shape)
        self.transform_norm.build((*hidden_states_shape[:-1], self.hidden_dim))
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary_size,), initializer="zeros")
        self.built = True

    def call(self, hidden_states: Any, table: Any) -> Any:
        """float32 logits `[..., V]` of hidden states `[..., D]` against the vectors of all tokens, `[V, D]`."""
        x = self.transform_norm(activate(self.transform(hidden_states), self.activation_name))
        table = ops.cast(ops.convert_to_tensor(table), self.compute_dtype)
        logits = ops.cast(ops.matmul(x, ops.transpose(table)), "float32")
        return logits + ops.cast(self.bias, "float32")

    def compute_output_shape(self, hidden_states_shape: Any, table_shape: Any = None) -> tuple:
        """`[..., V]`."""
        return (*hidden_states_shape[:-1], self.vocabulary_size)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **self._config}
