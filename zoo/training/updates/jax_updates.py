"""The training step under JAX."""

import keras

from zoo.training.updates.update_model import UpdateModel


class Updates(UpdateModel):
    """`UpdateModel` under JAX; with a `keras.distribution`, arrays are global and sums are over all devices."""

    def train_step(self, state, data):
        """One update of the variables in `state`; returns the loss of the whole batch and the new state."""
        import jax

        trainable, non_trainable, optimizer_variables, metrics_variables = state
        mapping = list(zip(self.optimizer.variables, optimizer_variables, strict=True))

        def scaled_loss(trainable, non_trainable, part):
            outputs, non_trainable = self.stateless_call(trainable, non_trainable, part[0], training=True)
            loss = self.loss_of(part, outputs)
            with keras.StatelessScope(state_mapping=mapping):
                scaled = self.optimizer.scale_loss(loss)
            return scaled, (loss, non_trainable)

        gradient_of = jax.grad(scaled_loss, has_aux=True)
        if self._accumulate_steps == 1:
            gradients, (loss, non_trainable) = gradient_of(trainable, non_trainable, data)
        else:
            gradients, loss, non_trainable = self._accumulated(gradient_of, trainable, non_trainable, data)
        trainable, optimizer_variables = self.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
        return {"loss": loss}, (trainable, non_trainable, optimizer_variables, metrics_variables)

    def _accumulated(self, gradient_of, trainable, non_trainable, batch):
        import jax

        def split(array):
            # Every k-th row to a part, so that each device keeps rows of all parts.
            rows = array.reshape(-1, self._accumulate_steps, *array.shape[1:])
            return rows.swapaxes(0, 1)

        def add_part(sums, part):
            gradients, loss, non_trainable = sums
            one, (one_loss, non_trainable) = gradient_of(trainable, non_trainable, part)
            return (jax.tree.map(lambda a, b: a + b, gradients, one), loss + one_loss, non_trainable), None

        zeros = jax.tree.map(jax.numpy.zeros_like, trainable)
        sums, _ = jax.lax.scan(add_part, (zeros, jax.numpy.zeros(()), non_trainable), jax.tree.map(split, batch))
        return sums
