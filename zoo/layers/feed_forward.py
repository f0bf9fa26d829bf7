"""The position-wise feed-forward network of a Transformer block."""

import keras

from zoo.errors import UserError
from zoo.layers.initializers import glorot_uniform


@keras.saving.register_keras_serializable(package="zoo")
class FeedForward(keras.layers.Layer):
    """Two projections with an activation between them, applied to every position alone.

    Args:
        hidden_dim: D, of input and output.
        intermediate_dim: Width between the projections.
        activation: "relu", "gelu" (exact, by the error function), "gelu_approximate" (tanh, as in GPT-2) or "swish".
        dropout: Rate of dropout after the activation.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.3.

    Example:
        >>> FeedForward(32, 64)(keras.random.normal((2, 5, 32))).shape
        (2, 5, 32)
    """

    ACTIVATIONS = ("relu", "gelu", "gelu_approximate", "swish")

    def __init__(self, hidden_dim, intermediate_dim, activation="relu", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        if activation not in self.ACTIVATIONS:
            raise UserError(f"activation must be one of {', '.join(self.ACTIVATIONS)}, got {activation!r}")
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.activation_name = activation
        self.dropout_rate = dropout
        self.expand = keras.layers.Dense(
            intermediate_dim, kernel_initializer=glorot_uniform(), dtype=self.dtype_policy, name="expand"
        )
        self.contract = keras.layers.Dense(
            hidden_dim, kernel_initializer=glorot_uniform(), dtype=self.dtype_policy, name="contract"
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout") if dropout else None

    def build(self, input_shape):
        """Creates both projections for inputs `[..., D]`."""
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], self.intermediate_dim))
        self.built = True

    def call(self, inputs, training=None):
        """Maps `[..., D]` to `[..., D]`."""
        x = self.expand(inputs)
        if self.activation_name == "gelu_approximate":
            x = keras.activations.gelu(x, approximate=True)
        elif self.activation_name == "gelu":
            x = keras.activations.gelu(x, approximate=False)
        else:
            x = keras.activations.get(self.activation_name)(x)
        if self.dropout is not None:
            x = self.dropout(x, training=training)
        return self.contract(x)

    def compute_output_shape(self, input_shape):
        """`[..., D]`."""
        return (*input_shape[:-1], self.hidden_dim)

    def get_config(self):
        """The constructor's arguments."""
        config = super().get_config()
        config.update(
            hidden_dim=self.hidden_dim,
            intermediate_dim=self.intermediate_dim,
            activation=self.activation_name,
            dropout=self.dropout_rate,
        )
        return config
