"""Adam and AdamW with right gradients of embeddings, decay on matrices only, and learning rates by variable."""

from typing import Any

import keras

from zoo.errors import UserError
from zoo.ranges import check_range
from zoo.training.distributed.layouts import whole_value
from zoo.training.distributed.replicas import sum_over_replicas
from zoo.training.optimizers.fused_adam import fused_adam_step
from zoo.training.optimizers.loss_scaling import LossScaleOptimizer
from zoo.training.optimizers.schedules import WarmUp

SCHEDULE_SHARE = "schedule_share"
"""Name of the variable by which a schedule is compressed; see `zoo.training.optimizers.schedules`."""

# On PyTorch, `keras.optimizers.Adam()` makes an instance of a class of that backend, whose update is fused over all
# variables; a subclass of `keras.optimizers.Adam` would lose it. Under TensorFlow none is made here: it would have a
# variable, after which workers can no longer meet.
_AdamBase: Any = keras.optimizers.Adam
_AdamWBase: Any = keras.optimizers.AdamW
if keras.backend.backend() == "torch":
    _AdamBase, _AdamWBase = type(_AdamBase()), type(_AdamWBase())


class _ZooOptimizer(keras.optimizers.Optimizer):
    """What `Adam` and `AdamW` here add to Keras's: right gradients of embeddings, and rates by variable.

    TensorFlow's gradient of an embedding lookup has one slice per looked-up token. Keras squares the slices one by
    one, and takes the norm over them, so that a token that is in a batch n times gets the sum of n squares where the
    square of the sum belongs. Merging the slices first is what other backends and PyTorch do.

    Under a strategy, Keras clips each replica's gradients before it adds them; here they are added first.

    Args:
        rate_factors: dict from the path of a variable to the factor of its learning rate; others have factor 1.
    """

    def __init__(self, *args, rate_factors=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.rate_factors = dict(rate_factors or {})
        self.schedule_share = None

    def build(self, variables):
        """Creates the moments; norms and biases are kept from weight decay."""
        if not self.built:
            # Rank, and not the name, is what tells: scales and offsets of norms and biases are all vectors.
            self._own_weight_decay = self.weight_decay
            self.exclude_from_weight_decay(var_list=[variable for variable in variables if len(variable.shape) < 2])
        built = self.built
        super().build(variables)
        if not built and self.schedule is not None:
            self.schedule_share = self.add_variable(
                (), initializer="ones", aggregation="only_first_replica", name=SCHEDULE_SHARE
            )

    @property
    def schedule(self):
        """The schedule of the learning rate if it is one of `zoo.training.optimizers.schedules`, else None."""
        return self._learning_rate if isinstance(self._learning_rate, WarmUp) else None

    def _get_current_learning_rate(self):
        if self.schedule is None or not self.built:
            return super()._get_current_learning_rate()
        return self.schedule.compressed(self.iterations, self.schedule_share)

    def apply(self, grads, trainable_variables=None):
        """Updates the variables from each replica's `grads`, a list of tensors, None or `tf.IndexedSlices`."""
        self.apply_summed(sum_over_replicas(grads), trainable_variables)

    def apply_summed(self, grads, trainable_variables=None):
        """Updates the variables from gradients that are sums over the replicas already."""
        super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """One variable's update, under TensorFlow with few passes over memory."""
        if self._is_fused(variable):
            decay = self._own_weight_decay if self._use_weight_decay(variable) else None
            fused_adam_step(self, gradient, variable, learning_rate, decay)
        else:
            super().update_step(gradient, variable, learning_rate)

    def _is_fused(self, variable):
        return keras.backend.backend() == "tensorflow" and variable.dtype == "float32" and not self.amsgrad

    def _clip_gradients(self, grads):
        if keras.backend.backend() == "tensorflow" and self.global_clipnorm:
            import tensorflow as tf

            # Keras's own writes the square of every array.
            return tf.clip_by_global_norm(grads, self.global_clipnorm)[0]
        return super()._clip_gradients(grads)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars

    def finalize_variable_values(self, var_list):
        """Nothing: Keras would put moving averages into the model at the end of each `fit`, of which a run has many."""

    def use_moving_averages(self, variables):
        """Puts the moving averages into the trainable variables, at the end of a run with `ema_momentum`."""
        for variable, average in zip(variables, self._model_variables_moving_average, strict=True):
            variable.assign(whole_value(average))

    def _by_rate(self, variables):
        """Yields a factor and the positions of the variables that have it."""
        factors = [self.rate_factors.get(variable.path, 1.0) for variable in variables]
        for factor in dict.fromkeys(factors):
            yield factor, [index for index, each in enumerate(factors) if each == factor]

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        for factor, indices in self._by_rate(trainable_variables):
            rate = learning_rate if factor == 1.0 else learning_rate * factor
            super()._backend_update_step(
                [grads[index] for index in indices], [trainable_variables[index] for index in indices], rate
            )

    def _apply_weight_decay(self, variables):
        # The update of the fused ones decays them.
        variables = [variable for variable in variables if not self._is_fused(variable)]
        if not self._own_weight_decay:
            return
        for factor, indices in self._by_rate(variables):
            # Read while the update is traced; decay is scaled like the rate it is a part of. Replicas are traced on
            # threads that take turns here, so that what this starts from must not be what it sets.
            self.weight_decay = self._own_weight_decay * factor
            super()._apply_weight_decay([variables[index] for index in indices])
        self.weight_decay = self._own_weight_decay

    def get_config(self):
        """The arguments of the constructor."""
        config = super().get_config()
        return {**config, "rate_factors": self.rate_factors} if self.rate_factors else config


@keras.saving.register_keras_serializable(package="zoo")
class Adam(_ZooOptimizer, _AdamBase):
    """`keras.optimizers.Adam` that merges the gradients of repeated tokens under TensorFlow.

    Source: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980.
    """


@keras.saving.register_keras_serializable(package="zoo")
class AdamW(_ZooOptimizer, _AdamWBase):
    """`keras.optimizers.AdamW` that merges the gradients of repeated tokens and decays no norms and no biases.

    Variables of rank 2 and more decay, embeddings included; vectors do not.

    Source: Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101.
    """


OPTIMIZERS = (Adam, AdamW, LossScaleOptimizer)
"""The optimizers that add the gradients of all replicas before they do anything else."""


def build_optimizer(
    name: str,
    schedule: Any,
    beta_1: float = 0.9,
    beta_2: float = 0.98,
    epsilon: float = 1e-9,
    weight_decay: float = 0.0,
    clip_norm: float = 0.0,
    rate_factors: dict[str, float] | None = None,
    loss_scaling: Any = False,
    ema_momentum: float = 0.0,
) -> Any:
    """Makes the optimizer of a recipe.

    Args:
        name: "adam" or "adamw".
        schedule: A `LearningRateSchedule`, or a float for a constant learning rate.
        beta_1, beta_2: Decay rates of the two moments.
        epsilon: Added to the root of the second moment.
        weight_decay: Decoupled decay per update and unit of learning rate, "adamw" only.
        clip_norm: Gradients with a larger global norm are scaled down to it; 0 turns clipping off.
        rate_factors: dict from the path of a variable to the factor of its learning rate, such as
            `zoo.training.layer_rate_factors` gives; 1 for all if None.
        ema_momentum: Share of the old in each update of the moving averages of the weights, which
            `use_moving_averages` puts into the model; 0 for no averages.
        loss_scaling: Whether to scale the loss so that gradients in float16 neither vanish nor overflow.

    Returns:
        `Adam` or `AdamW`, in a `LossScaleOptimizer` if there is loss scaling.

    Raises:
        UserError: An unknown name, or a value that cannot be.
    """
    if name not in ("adam", "adamw"):
        raise UserError(f'unknown optimizer "{name}": choose "adam" or "adamw"')
    for label, value in (("beta_1", beta_1), ("beta_2", beta_2), ("ema_momentum", ema_momentum)):
        check_range(label, value, least=0, below=1)
    for label, value in (("epsilon", epsilon), ("weight_decay", weight_decay), ("clip_norm", clip_norm)):
        check_range(label, value, least=0)
    options = dict(
        learning_rate=schedule,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
        global_clipnorm=clip_norm or None,
        rate_factors=rate_factors,
        **({"use_ema": True, "ema_momentum": ema_momentum} if ema_momentum else {}),
    )
    if name == "adamw":
        optimizer = AdamW(weight_decay=weight_decay, **options)
    elif weight_decay:
        raise UserError('"adam" has no weight decay: set it to 0 or choose "adamw"')
    else:
        optimizer = Adam(**options)
    return LossScaleOptimizer(optimizer) if loss_scaling else optimizer
