"""Dynamic loss scaling for float16, with a test for overflow that all replicas agree on."""

from typing import Any

import keras
from keras import ops

from zoo.training.distributed.replicas import sum_over_replicas


@keras.saving.register_keras_serializable(package="zoo")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """`keras.optimizers.LossScaleOptimizer` that looks at the sum of all replicas' gradients.

    Keras looks at those of one replica before they are added: an overflow on another makes every weight NaN. Here the
    gradients are added first, so that a value that is not finite, wherever it arose, is seen by all; they skip the
    update together and halve the scale.

    Args:
        inner_optimizer: `zoo.training.Adam` or `AdamW`.
        initial_scale: Factor of the loss at the beginning.
        dynamic_growth_steps: Updates without an overflow after which the factor doubles.

    Source: Micikevicius et al. 2018, section 3.2, https://arxiv.org/abs/1710.03740.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Updates the variables from each replica's scaled gradients, or skips the update."""
        backend = keras.backend.backend()
        if backend == "jax":
            super().apply(grads, trainable_variables)
            return
        if not self.built:
            self.build(trainable_variables)
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        grads = sum_over_replicas(grads)
        if backend == "torch":
            if self.check_finite(grads):
                self._update(grads, variables)
            else:
                self._skip()
            return
        import tensorflow as tf

        # A replica may not wait for the others within a branch, so the branching is done for all of them at once.
        tf.distribute.get_replica_context().merge_call(self._apply_if_finite, args=(grads, variables))

    def use_moving_averages(self, variables: Any) -> None:
        """As of the inner optimizer."""
        self.inner_optimizer.use_moving_averages(variables)

    def _apply_if_finite(self, strategy, grads, variables):
        each_replica = strategy.extended.call_for_each_replica
        finite = strategy.experimental_local_results(each_replica(self.check_finite, args=(grads,)))[0]
        ops.cond(finite, lambda: each_replica(self._update, args=(grads, variables)), self._skip)

    def _update(self, grads, variables):
        self.inner_optimizer.apply_summed(
            [None if each is None else each / self.dynamic_scale for each in grads], variables
        )
        grows = ops.equal(self.step_counter, self.dynamic_growth_steps - 1)
        self.dynamic_scale.assign(ops.where(grows, 2.0 * self.dynamic_scale, self.dynamic_scale))
        self.step_counter.assign(ops.where(grows, 0, self.step_counter + 1))

    def _skip(self):
        self.step_counter.assign(0)
        self.dynamic_scale.assign(0.5 * self.dynamic_scale)
