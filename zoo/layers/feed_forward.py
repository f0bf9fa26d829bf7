"""The position-wise feed-forward network of a Transformer block."""

from typing import Any

import keras

from zoo.layers.activations import activate, check_activation
from zoo.layers.flops import Vectors, flops_in_turn
from zoo.layers.initializers import projection_initializer
from zoo.layers.partition import columns, rows
from zoo.layers.projection import Projection
from zoo.weights.earlier_paths import ReadsEarlierPaths


@keras.saving.register_keras_serializable(package="zoo")
class FeedForward(ReadsEarlierPaths, keras.layers.Layer):
    """Two projections with an activation between them, applied to every position alone.

    Args:
        hidden_dim: D, of input and output.
        intermediate_dim: Width between the projections.
        activation: "relu", "gelu" (exact, by the error function), "gelu_approximate" (tanh, as in GPT-2) or "swish".
        dropout: Rate of dropout after the activation.
        initializer_stddev: Standard deviation of the initial projections; Glorot's if None; see
            `zoo.layers.initializers.projection_initializer` for "fan_in".
        gated: Whether the activation is that of a third projection, and is multiplied with what the first gives.
        use_bias: Whether the projections have biases.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.3; the gate: Shazeer 2020,
    https://arxiv.org/abs/2002.05202.

    Example:
        >>> FeedForward(32, 64)(keras.random.normal((2, 5, 32))).shape
        (2, 5, 32)
    """

    ACTIVATIONS = ("relu", "gelu", "gelu_approximate", "swish")

    def __init__(
        self,
        hidden_dim: int,
        intermediate_dim: int,
        activation: str = "relu",
        dropout: float = 0.0,
        initializer_stddev: Any = None,
        gated: bool = False,
        use_bias: bool = True,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_activation(activation, self.ACTIVATIONS)
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.activation_name = activation
        self.dropout_rate = dropout
        self.initializer_stddev = initializer_stddev
        self.gated = gated
        self.use_bias = use_bias
        # Optimizers and checkpoints know weights by their order, so this one stays.
        divided = columns("intermediate_dim")
        self.gate_projection = self._projection(intermediate_dim, "gate_projection", divided) if gated else None
        self.up_projection = self._projection(intermediate_dim, "up_projection", divided)
        self.down_projection = self._projection(hidden_dim, "down_projection", rows("intermediate_dim"))
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout") if dropout else None

    def _projection(self, units, name, partition):
        return Projection(
            units,
            use_bias=self.use_bias,
            kernel_initializer=projection_initializer(self.initializer_stddev),
            partition=partition,
            dtype=self.dtype_policy,
            name=name,
        )

    def flops(self, vectors: Vectors) -> tuple[int, Vectors]:
        """Operations of forward and backward pass over `Vectors`, and the `Vectors` that come out."""
        gate_flops, gate = flops_in_turn(vectors, self.gate_projection)
        up_flops, up = self.up_projection.flops(vectors)
        down_flops, outputs = self.down_projection.flops(up.learning(gate.learns))
        return gate_flops + up_flops + down_flops, outputs

    def build(self, input_shape: Any) -> None:
        """Creates the projections for inputs `[..., D]`."""
        for layer in (self.gate_projection, self.up_projection):
            if layer is not None:
                layer.build(input_shape)
        self.down_projection.build((*input_shape[:-1], self.intermediate_dim))
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Maps `[..., D]` to `[..., D]`."""
        if self.gated:
            x = activate(self.gate_projection(inputs), self.activation_name) * self.up_projection(inputs)
        else:
            x = activate(self.up_projection(inputs), self.activation_name)
        if self.dropout is not None:
            x = self.dropout(x, training=training)
        return self.down_projection(x)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        """`[..., D]`."""
        return (*input_shape[:-1], self.hidden_dim)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            hidden_dim=self.hidden_dim,
            intermediate_dim=self.intermediate_dim,
            activation=self.activation_name,
            dropout=self.dropout_rate,
            initializer_stddev=self.initializer_stddev,
            gated=self.gated,
            use_bias=self.use_bias,
        )
        return config
