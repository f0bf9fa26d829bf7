"""Validation loss per token, and scores such as BLEU, during training."""

import math
import time

import keras

from zoo.errors import UserError
from zoo.training.token_metrics import TokenAccuracy, TokenNegativeLogLikelihood
from zoo.training.training_callback import TrainingCallback
from zoo.training.variable_shapes import dataset_of_any_shape


class _Evaluator(keras.Model):
    """The model with token metrics of its own, so that training does not pay for them."""

    def __init__(self, model):
        super().__init__(name="evaluator")
        self.model = model
        self.built = True
        self.compile(
            optimizer=None,
            loss=None,
            weighted_metrics=[TokenNegativeLogLikelihood(), TokenAccuracy()],
            jit_compile=model.jit_compile,
        )

    def call(self, inputs, training=False):
        return self.model(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=False):
        return keras.ops.zeros(())


class Validation(TrainingCallback):
    """Adds validation results to the logs at each validation step.

    The logs get `val_nll` (mean of `-log p` over all real tokens, without label smoothing), `val_perplexity`,
    `val_accuracy`, `val_<name>` for each score, and `val_seconds`, the time all of it took.

    Args:
        batches: Iterable of `(x, labels, weights)`; read once, at the first validation, and kept.
        score: Optional callable from the model to a dict of floats, such as `{"bleu": 31.2}`.
    """

    def __init__(self, batches, score=None):
        super().__init__()
        self._batches = batches
        self.score = score
        self._evaluator = None

    def evaluate(self, model) -> dict[str, float]:
        """Computes `nll`, `perplexity` and `accuracy` of a model on the batches.

        Raises:
            UserError: There are no batches.
        """
        self._batches = list(self._batches)
        if not self._batches:
            raise UserError("there is no validation data: the file is empty or every example was filtered out")
        if self._evaluator is None or self._evaluator.model is not model:
            self._evaluator = _Evaluator(model)
        if keras.backend.backend() == "tensorflow":
            data = dataset_of_any_shape(lambda: iter(self._batches), self._batches[0])
        else:
            data = (batch for batch in self._batches)
        results = self._evaluator.evaluate(data, steps=len(self._batches), verbose=0, return_dict=True)
        nll = float(results["nll"])
        perplexity = math.exp(nll) if nll < 700.0 else math.inf
        return {"nll": nll, "perplexity": perplexity, "accuracy": float(results["accuracy"])}

    def on_epoch_end(self, epoch, logs=None):
        """Validates, if this is a validation step."""
        if not self.run.validates_here:
            return
        started = time.perf_counter()
        results = self.evaluate(self.model)
        if self.score is not None:
            results.update({name: float(value) for name, value in self.score(self.model).items()})
        results["seconds"] = time.perf_counter() - started
        logs.update({f"val_{name}": value for name, value in results.items()})
