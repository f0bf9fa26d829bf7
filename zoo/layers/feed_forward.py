"""The position-wise feed-forward network of a Transformer block."""

import keras

from zoo.layers.activations import activate, check_activation
from zoo.layers.initializers import projection_initializer
from zoo.layers.projection import Projection


@keras.saving.register_keras_serializable(package="zoo")
class FeedForward(keras.layers.Layer):
    """Two projections with an activation between them, applied to every position alone.

    Args:
        hidden_dim: D, of input and output.
        intermediate_dim: Width between the projections.
        activation: "relu", "gelu" (exact, by the error function), "gelu_approximate" (tanh, as in GPT-2) or "swish".
        dropout: Rate of dropout after the activation.
        initializer_stddev: Standard deviation of the initial projections; Glorot's if None.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 3.3.

    Example:
        >>> FeedForward(32, 64)(keras.random.normal((2, 5, 32))).shape
        (2, 5, 32)
    """

    ACTIVATIONS = ("relu", "gelu", "gelu_approximate", "swish")

    def __init__(self, hidden_dim, intermediate_dim, activation="relu", dropout=0.0, initializer_stddev=None, **kwargs):
        super().__init__(**kwargs)
        check_activation(activation, self.ACTIVATIONS)
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.activation_name = activation
        self.dropout_rate = dropout
        self.initializer_stddev = initializer_stddev
        self.expand, self.contract = (
            Projection(
                units,
                kernel_initializer=projection_initializer(initializer_stddev),
                dtype=self.dtype_policy,
                name=name,
            )
            for units, name in ((intermediate_dim, "expand"), (hidden_dim, "contract"))
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=self.dtype_policy, name="dropout") if dropout else None

    def build(self, input_shape):
        """Creates both projections for inputs `[..., D]`."""
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], self.intermediate_dim))
        self.built = True

    def call(self, inputs, training=None):
        """Maps `[..., D]` to `[..., D]`."""
        x = activate(self.expand(inputs), self.activation_name)
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
            initializer_stddev=self.initializer_stddev,
        )
        return config
