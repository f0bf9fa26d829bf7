"""One update from the sum of the gradients of a batch's parts, on every backend."""

import importlib

import keras

from zoo.training.distributed.batch_parts import every_nth_row


class UpdateModel(keras.Model):
    """A compiled model, with a training step in which losses and gradients are sums.

    The batches have weights that `SummedLoss.divided` made for the whole batch, over all devices and processes. Each
    device works on its rows in `accumulate_steps` parts, one after the other, and adds the gradients; those of all
    devices are added; then the model's optimizer makes one update. So the number of devices and of parts decides about
    memory and speed, and not about what is learned.

    Of a `BatchLoss`, which parts do not add up to, outputs are computed first, for several parts without what a
    backward pass needs. The loss of the outputs of all parts and devices gives their gradient, and with that each part
    is a sum again, `sum(gradient * output)`, and trained on as others are.

    Args:
        model: Built `keras.Model`, compiled.
        loss: `SummedLoss`.
        accumulate_steps: Number of parts, which divides the rows of each device.
    """

    def __init__(self, model, loss, accumulate_steps=1):
        super().__init__(name="updates")
        self.model = model
        self._loss_sum = loss
        self._accumulate_steps = accumulate_steps
        self._of_whole_batch = loss.of_whole_batch
        self.built = True
        self.compile(
            optimizer=model.optimizer,
            jit_compile=model.jit_compile,
            run_eagerly=model.run_eagerly,
            auto_scale_loss=False,
        )

    @property
    def metrics(self):
        """None: the loss of a step is reported as it is, and not as a mean since the interval began."""
        return []

    def call(self, inputs, training=None):
        """What the model gives."""
        return self.model(inputs, training=training)

    def loss_of(self, part, outputs):
        """The summed loss of a part `(x, labels, weights)`, given the model's outputs for x."""
        _, labels, weights = part
        return self._loss_sum(labels, outputs, weights)

    def scaled_loss_of(self, part, outputs):
        """The summed loss of a part, and what is to be differentiated."""
        loss = self.loss_of(part, outputs)
        return loss, self.optimizer.scale_loss(loss)

    def loss_of_outputs(self, labels, outputs, weights):
        """Loss and scaled loss of outputs of a `BatchLoss`; arguments as of `SummedLoss`."""
        return self.scaled_loss_of((None, labels, weights), outputs)

    @staticmethod
    def product_of(part, outputs):
        """As `scaled_loss_of`, of a part whose labels are gradients of its outputs, scaled already."""
        product = keras.ops.sum(part[1] * keras.ops.cast(outputs, "float32"))
        return product, product

    def parts(self, batch):
        """The parts that a device works on one after the other, for backends that run op by op."""
        for index in range(self._accumulate_steps):
            yield every_nth_row(batch, index, self._accumulate_steps)


def update_model(model, loss, accumulate_steps=1):
    """Makes the `UpdateModel` of the backend in use."""
    backend = keras.backend.backend()
    module = importlib.import_module(f"zoo.training.updates.{backend}_updates")
    return module.Updates(model, loss, accumulate_steps)
