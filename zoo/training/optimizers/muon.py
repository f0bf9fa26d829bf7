"""Muon for the matrices of blocks, and AdamW for everything else."""

from collections.abc import Iterable
from typing import Any

import keras
from keras import ops

from zoo.layers import TransformerBlock
from zoo.layers.projection import Projection
from zoo.training.optimizers.zoo_optimizer import ZooOptimizer


def matrices_of_blocks(model: Any) -> list[str]:
    """Paths of the matrices that Muon is made for: those of the projections of a built model's blocks.

    Embeddings, output matrices, tables of positions, norms and biases are not among them, nor are matrices of integers
    and of adapters.

    Args:
        model: A built model with layers of the class `zoo.layers.TransformerBlock`.

    Returns:
        list of str, in the order of the variables.
    """
    paths = []
    for block in model._flatten_layers(include_self=False):
        if isinstance(block, TransformerBlock):
            for layer in block._flatten_layers(include_self=False):
                if isinstance(layer, Projection):
                    paths.extend(each.path for each in layer.trainable_variables if each.name == "kernel")
    return list(dict.fromkeys(paths))


@keras.saving.register_keras_serializable(package="zoo")
class Muon(ZooOptimizer, keras.optimizers.Muon):
    """`keras.optimizers.Muon` for the matrices that are named, and `AdamW` for all other variables.

    An update of a matrix `[n, m]` is its momentum with all singular values brought near 1, times
    `0.2 * sqrt(max(n, m))`, so that learning rate and weight decay are those of AdamW. Keras tells what is an
    embedding by words in names; here the matrices are named.

    Args:
        matrices: Paths of the variables of rank 2 that Muon updates, such as those of `matrices_of_blocks`.
        beta_1, beta_2: Decay rates of the two moments of AdamW.
        momentum: Decay rate of the momentum of matrices, which looks ahead (Nesterov).
        *args, **kwargs: Others of `keras.optimizers.Muon`, and `rate_factors` of `AdamW`.

    Source: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; the scale of updates: Liu et al. 2025,
        https://arxiv.org/abs/2502.16982, section 2.2.
    """

    amsgrad = False

    def __init__(
        self, *args: Any, matrices: Iterable[str] = (), beta_1: float = 0.9, beta_2: float = 0.999, **kwargs: Any
    ):
        super().__init__(*args, adam_beta_1=beta_1, adam_beta_2=beta_2, **kwargs)
        self.matrices = tuple(matrices)
        self.beta_1, self.beta_2 = beta_1, beta_2

    @property
    def _momentums(self):
        return self.momentums

    @property
    def _velocities(self):
        return self.adam_velocities

    def _should_use_adamw(self, variable):
        return variable.path not in self.matrices

    def _is_matrix(self, variable):
        return self.adam_velocities[self._get_variable_index(variable)] is None

    def _is_fused(self, variable):
        return super()._is_fused(variable) and not self._is_matrix(variable)

    def _decays_in_update(self, variable):
        return True

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's decay and update."""
        if not self._is_fused(variable) and self._own_weight_decay and self._use_weight_decay(variable):
            decay = ops.cast(learning_rate, variable.dtype) * self._own_weight_decay
            self.assign(variable, ops.convert_to_tensor(variable) * (1.0 - decay))
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        config = super().get_config()
        for name in ("adam_beta_1", "adam_beta_2", "adam_weight_decay", "exclude_layers", "exclude_embeddings"):
            config.pop(name)
        return {**config, "matrices": list(self.matrices), "beta_1": self.beta_1, "beta_2": self.beta_2}
