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

        def scaled_loss(part, outputs):
            with keras.StatelessScope(state_mapping=mapping):
                return self.scaled_loss_of(part, outputs)

        def gradient_by(loss_of):
            def scaled(trainable, non_trainable, part):
                outputs, non_trainable = self.stateless_call(trainable, non_trainable, part[0], training=True)
                loss, scaled = loss_of(part, outputs)
                return scaled, (loss, non_trainable)

            return jax.grad(scaled, has_aux=True)

        if self._accumulate_steps == 1:
            # Arrays are global, and so is the loss of a whole batch.
            gradients, (loss, non_trainable) = gradient_by(scaled_loss)(trainable, non_trainable, data)
        elif self._of_whole_batch:
            loss, data = self._through_outputs(scaled_loss, trainable, non_trainable, data)
            by_product = gradient_by(self.product_of)
            gradients, _, non_trainable = self._accumulated(by_product, trainable, non_trainable, data)
        else:
            gradient_of = gradient_by(scaled_loss)
            gradients, loss, non_trainable = self._accumulated(gradient_of, trainable, non_trainable, data)
        trainable, optimizer_variables = self.optimizer.stateless_apply(optimizer_variables, gradients, trainable)
        return {"loss": loss}, (trainable, non_trainable, optimizer_variables, metrics_variables)

    def _split(self, batch):
        import jax

        def split(array):
            # Every k-th row to a part, so that each device keeps rows of all parts.
            rows = array.reshape(-1, self._accumulate_steps, *array.shape[1:])
            return rows.swapaxes(0, 1)

        return jax.tree.map(split, batch)

    def _through_outputs(self, scaled_loss, trainable, non_trainable, batch):
        """The loss of a whole batch, and the batch with the gradients of its outputs for labels."""
        import jax

        x, labels, weights = batch

        def outputs_of(non_trainable, x):
            outputs, non_trainable = self.stateless_call(trainable, non_trainable, x, training=True)
            return non_trainable, outputs

        _, outputs = jax.lax.scan(outputs_of, non_trainable, self._split(x))
        outputs = outputs.swapaxes(0, 1)
        outputs = outputs.reshape(-1, *outputs.shape[2:])

        def scaled(outputs):
            loss, scaled = scaled_loss((x, labels, weights), outputs)
            return scaled, loss

        gradient, loss = jax.grad(scaled, has_aux=True)(outputs.astype("float32"))
        return loss, (x, gradient, weights)

    def _accumulated(self, gradient_of, trainable, non_trainable, batch):
        import jax

        def add_part(sums, part):
            gradients, loss, non_trainable = sums
            one, (one_loss, non_trainable) = gradient_of(trainable, non_trainable, part)
            return (jax.tree.map(lambda a, b: a + b, gradients, one), loss + one_loss, non_trainable), None

        zeros = jax.tree.map(jax.numpy.zeros_like, trainable)
        sums, _ = jax.lax.scan(add_part, (zeros, jax.numpy.zeros(()), non_trainable), self._split(batch))
        return sums
