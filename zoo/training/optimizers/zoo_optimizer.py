"""What the optimizers of this project share: right gradients of embeddings, and learning rates by variable."""

import keras

from zoo.training.distributed.layouts import whole_value
from zoo.training.distributed.replicas import sum_over_replicas
from zoo.training.optimizers.fused_adam import fused_adam_step
from zoo.training.optimizers.schedules import WarmUp

SCHEDULE_SHARE = "schedule_share"
"""Name of the variable by which a schedule is compressed; see `zoo.training.optimizers.schedules`."""


class ZooOptimizer(keras.optimizers.Optimizer):
    """What the optimizers here add to Keras's: right gradients of embeddings, and rates by variable.

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

    def _decays_in_update(self, variable):
        return self._is_fused(variable)

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
        variables = [variable for variable in variables if not self._decays_in_update(variable)]
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
