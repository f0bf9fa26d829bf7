"""Low-rank adapters beside the matrices of a model, which alone are trained."""

import keras

from zoo.weights.layers_by_path import layers_by_path
from zoo.weights.weight_form import WeightForm


class LowRankAdapters(WeightForm):
    """An adapter beside the matrix of every projection, whose own weights are no longer trained.

    Saved separately where weights are quantised; otherwise merged into the matrices when weights are saved, as
    everywhere in Keras.

    Args:
        rank: Rank of an adapter.
        alpha: Its product counts `alpha / rank` times; `rank` if None.

    Source: Hu et al. 2021, https://arxiv.org/abs/2106.09685.

    Example:
        >>> model = LowRankAdapters(rank=8).apply(GPT2.from_size("small"))
    """

    def __init__(self, rank: int, alpha: float | None = None):
        self.rank = rank
        self.alpha = alpha

    def apply(self, model: keras.Model) -> keras.Model:
        """Adds adapters, which do not change answers before they are trained; see `WeightForm`."""
        for layer in layers_by_path(model).values():
            if isinstance(layer, keras.layers.Dense) and not layer.lora_enabled:
                layer.enable_lora(self.rank, lora_alpha=self.alpha)
        return model

    def undo(self, model: keras.Model) -> keras.Model:
        """Drops the adapters with all that they have learned."""
        for layer in layers_by_path(model).values():
            if isinstance(layer, keras.layers.Dense) and layer.lora_enabled:
                layer.drop_adapter()
        return model
