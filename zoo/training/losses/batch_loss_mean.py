"""A loss of whole batches as a metric of validation."""

from typing import Any

import keras

from zoo.training.losses.batch_loss import BatchLoss


@keras.saving.register_keras_serializable(package="zoo")
class BatchLossMean(keras.metrics.Metric):
    """The mean of a `BatchLoss` over batches, each counting by its examples that have weight.

    Args:
        loss: `BatchLoss`.
    """

    def __init__(self, loss: BatchLoss, name: str = "loss"):
        super().__init__(name=name, dtype="float32")
        self.loss = keras.saving.deserialize_keras_object(loss) if isinstance(loss, dict) else loss
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch; arguments as of `BatchLoss`."""
        rows = keras.ops.ones_like(y_pred[:, 0, 0]) if sample_weight is None else sample_weight
        count = keras.ops.sum(keras.ops.cast(rows, "float32"))
        self.total.assign_add(count * self.loss(y_true, y_pred, sample_weight))
        self.count.assign_add(count)

    def result(self) -> Any:
        """Float32 scalar; 0 before the first batch."""
        return keras.ops.divide_no_nan(self.total, self.count)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"loss": keras.saving.serialize_keras_object(self.loss), "name": self.name}
