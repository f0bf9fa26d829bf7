"""The training step under TensorFlow and its strategies."""

from zoo.training.distributed.batch_parts import every_nth_row
from zoo.training.distributed.replicas import sum_over_replicas
from zoo.training.updates.update_model import UpdateModel


class Updates(UpdateModel):
    """`UpdateModel` under TensorFlow; made in the scope of the model's strategy."""

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # All variables exist. Keras would average a batch over the replicas, which fails for bools and under
        # MultiWorkerMirroredStrategy (keras#20585).
        pass

    def train_step(self, data):
        """One update; returns the loss of the whole batch, over all replicas."""
        import tensorflow as tf

        if self._accumulate_steps == 1:
            loss, gradients = self._gradients(data)
        else:
            loss, gradients = self._accumulated(data)
        self.optimizer.apply(gradients, self.trainable_variables)
        loss = sum_over_replicas([loss])[0]
        several_workers = isinstance(self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy)
        # Keras concatenates what the workers report, for which a scalar will not do.
        return {"loss": loss[None] if several_workers else loss}

    def _gradients(self, part):
        """Loss of a part, and a gradient or None for each trainable variable."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = self.loss_of(part, self(part[0], training=True))
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, [variable.value for variable in self.trainable_variables])
        # Indexed slices become tensors, which can be added up.
        return loss, [None if each is None else tf.convert_to_tensor(each) for each in gradients]

    def _accumulated(self, batch):
        """Sums of `_gradients` over the parts, in a loop that holds one part's activations at a time."""
        import tensorflow as tf

        has_gradient = []

        def add_part(index, total, sums):
            loss, gradients = self._gradients(every_nth_row(batch, index, self._accumulate_steps))
            has_gradient[:] = [each is not None for each in gradients]
            sums = [each if one is None else each + one for each, one in zip(sums, gradients, strict=True)]
            return index + 1, total + loss, sums

        zeros = [tf.zeros(variable.shape, variable.dtype) for variable in self.trainable_variables]
        _, loss, sums = tf.while_loop(
            lambda index, total, sums: index < self._accumulate_steps,
            add_part,
            (tf.constant(0), tf.constant(0.0), zeros),
            maximum_iterations=self._accumulate_steps,
            parallel_iterations=1,
        )
        return loss, [each if real else None for each, real in zip(sums, has_gradient, strict=True)]
