"""Validation loss per token, and scores such as BLEU, during training."""

import math
import time
from typing import Any

import keras

from zoo.errors import UserError
from zoo.training.callbacks.training_callback import TrainingCallback
from zoo.training.distributed.batch_parts import every_nth_row, pad_rows
from zoo.training.distributed.replicas import replicas_of
from zoo.training.updates.token_metrics import TokenAccuracy, TokenNegativeLogLikelihood
from zoo.training.updates.variable_shapes import dataset_of_any_shape


class _Evaluator(keras.Model):
    """The model with token metrics of its own, so that training does not pay for them."""

    def __init__(self, model, metrics):
        super().__init__(name="evaluator")
        self.model = model
        self.built = True
        self.compile(
            optimizer=None,
            loss=None,
            weighted_metrics=metrics,
            jit_compile=model.jit_compile,
        )

    def call(self, inputs, training=False):
        return self.model(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=False):
        return keras.ops.zeros(())


class Validation(TrainingCallback):
    """Adds validation results to the logs at each validation step.

    The logs get `val_nll` (mean of `-log p` over all real labels, without label smoothing), `val_perplexity`,
    `val_accuracy`, `val_<name>` for each score, and `val_seconds`, the time all of it took.

    Args:
        batches: Iterable of `(x, labels, weights)`; read once, at the first validation, and kept.
        score: Optional callable from the model to a dict of floats, such as `{"bleu": 31.2}`.
        metrics: Keras metrics to compute in place of `nll` and `accuracy` over labels that are ids; with one named
            "nll", `val_perplexity` comes too. A list, or a dict from each output of a model of several to its list.
    """

    def __init__(self, batches: Any, score: Any = None, metrics: Any = None):
        super().__init__()
        self._batches = batches
        self.score = score
        self._metrics = [TokenNegativeLogLikelihood(), TokenAccuracy()] if metrics is None else metrics
        self._evaluator = None
        self._distribution = keras.distribution.distribution()

    def evaluate(self, model: keras.Model) -> dict[str, float]:
        """Computes the metrics of a model on the batches: by default `nll`, `perplexity` and `accuracy`.

        Raises:
            UserError: There are no batches.
        """
        self._batches = list(self._batches)
        if not self._batches:
            raise UserError("there is no validation data: the file is empty or every example was filtered out")
        distribution = keras.distribution.distribution()
        if distribution is not self._distribution:
            # Where processes have parted, variables of theirs in common are of no use.
            self._metrics = keras.tree.map_structure(lambda each: each.from_config(each.get_config()), self._metrics)
            self._evaluator, self._distribution = None, distribution
        if self._evaluator is None or self._evaluator.model is not model:
            self._evaluator = _Evaluator(model, self._metrics)
        if keras.backend.backend() == "tensorflow":
            data = dataset_of_any_shape(lambda: iter(self._batches), self._batches[0])
        else:
            data = (_own_rows(batch, replicas_of(model)) for batch in self._batches)
        self._evaluator.evaluate(data, steps=len(self._batches), verbose=0)
        found = {}
        for metric in keras.tree.flatten(self._metrics):
            found[metric.name] = float(keras.ops.convert_to_numpy(metric.result()))
            if metric.name == "nll":
                found["perplexity"] = math.exp(found["nll"]) if found["nll"] < 700.0 else math.inf
        return found

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Validates, if this is a validation step."""
        if not self.run.validates_here:
            return
        started = time.perf_counter()
        results = self.evaluate(self.model)
        if self.score is not None:
            results.update({name: float(value) for name, value in self.score(self.model).items()})
        results["seconds"] = time.perf_counter() - started
        logs.update({f"val_{name}": value for name, value in results.items()})


def _own_rows(batch, replicas):
    """What this process evaluates of a batch: its share on a mesh of JAX, all elsewhere."""
    if keras.backend.backend() != "jax":
        return batch
    return every_nth_row(pad_rows(batch, replicas.count), *replicas.shares[0])
