"""The training step under TensorFlow and its strategies."""

from zoo.training.distributed.batch_parts import every_nth_row
from zoo.training.distributed.gathered_rows import gather_rows
from zoo.training.distributed.replica_seeds import seed_states
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

        if self._of_whole_batch:
            loss, gradients = self._through_outputs(data)
        elif self._accumulate_steps == 1:
            loss, gradients = self._gradients(data, self.scaled_loss_of)
        else:
            loss, gradients = self._accumulated(data, self.scaled_loss_of)
        self.optimizer.apply(gradients, self.trainable_variables)
        loss = sum_over_replicas([loss])[0]
        several_workers = isinstance(self.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy)
        # Keras concatenates what the workers report, for which a scalar will not do.
        return {"loss": loss[None] if several_workers else loss}

    def _gradients(self, part, loss_of):
        """Loss of a part, and a gradient or None for each trainable variable."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, scaled = loss_of(part, self(part[0], training=True))
        return loss, self._dense_gradients(tape, scaled)

    def _dense_gradients(self, tape, target, upstream=None):
        import tensorflow as tf

        variables = [variable.value for variable in self.trainable_variables]
        gradients = tape.gradient(target, variables, output_gradients=upstream)
        # Indexed slices become tensors, which can be added up.
        return [None if each is None else tf.convert_to_tensor(each) for each in gradients]

    def _through_outputs(self, batch):
        """Loss and gradients of a `BatchLoss`."""
        import tensorflow as tf

        x, labels, weights = batch
        if self._accumulate_steps == 1:
            with tf.GradientTape() as tape:
                outputs = self(x, training=True)
            loss, upstream = self._gradient_of_outputs(labels, outputs, weights)
            return loss, self._dense_gradients(tape, outputs, tf.cast(upstream, outputs.dtype))
        states = seed_states(self.model)
        before = [tf.identity(state) for state in states]
        stacked = tf.map_fn(
            lambda index: tf.cast(self(every_nth_row(x, index, self._accumulate_steps), training=True), tf.float32),
            tf.range(self._accumulate_steps),
            fn_output_signature=tf.TensorSpec([None, None, None], tf.float32),
            parallel_iterations=1,
        )
        # Row by row in the order of the batch, of which each part has every n-th.
        rows = tf.transpose(stacked, (1, 0, 2, 3))
        outputs = tf.reshape(rows, tf.concat([[-1], tf.shape(rows)[2:]], axis=0))
        loss, upstream = self._gradient_of_outputs(labels, outputs, weights)
        # Once more the same dropout.
        for state, value in zip(states, before, strict=True):
            state.assign(value)
        return loss, self._accumulated((x, upstream, weights), self.product_of)[1]

    def _gradient_of_outputs(self, labels, outputs, weights):
        """The loss of all replicas' outputs, divided by their number, and its gradient for those of this one."""
        import tensorflow as tf

        gathered = gather_rows([labels, tf.stop_gradient(outputs), weights])
        with tf.GradientTape() as tape:
            tape.watch(gathered.tensors[1])
            loss, scaled = self.loss_of_outputs(*gathered.tensors)
        gradient = tape.gradient(scaled, gathered.tensors[1])
        return loss / gathered.count, gathered.own(gradient)

    def _accumulated(self, batch, loss_of):
        """Sums of `_gradients` over the parts, in a loop that holds one part's activations at a time."""
        import tensorflow as tf

        has_gradient = []

        def add_part(index, total, sums):
            loss, gradients = self._gradients(every_nth_row(batch, index, self._accumulate_steps), loss_of)
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
