"""Adam and AdamW with right gradients of embeddings, decay on matrices only, and learning rates by variable."""

from typing import Any

import keras

from zoo.training.optimizers.zoo_optimizer import ZooOptimizer

# On PyTorch, `keras.optimizers.Adam()` makes an instance of a class of that backend, whose update is fused over all
# variables; a subclass of `keras.optimizers.Adam` would lose it. Under TensorFlow none is made here: it would have a
# variable, after which workers can no longer meet.
_AdamBase: Any = keras.optimizers.Adam
_AdamWBase: Any = keras.optimizers.AdamW
if keras.backend.backend() == "torch":
    _AdamBase, _AdamWBase = type(_AdamBase()), type(_AdamWBase())


@keras.saving.register_keras_serializable(package="zoo")
class Adam(ZooOptimizer, _AdamBase):
    """`keras.optimizers.Adam` that merges the gradients of repeated tokens under TensorFlow.

    Source: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980.
    """


@keras.saving.register_keras_serializable(package="zoo")
class AdamW(ZooOptimizer, _AdamWBase):
    """`keras.optimizers.AdamW` that merges the gradients of repeated tokens and decays no norms and no biases.

    Variables of rank 2 and more decay, embeddings included; vectors do not.

    Source: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101.
    """
