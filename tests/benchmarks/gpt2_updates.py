"""Training updates of a GPT-2 on one batch, as one round of a benchmark."""

import time

import numpy as np

from zoo.errors import UserError


class GPT2Updates:
    """Training updates of one size, as `zoo.training.train` makes them.

    Args:
        batch: Rows.
        context: Tokens of a row.
        depth: Blocks.
        hidden_dim: Width, with heads of 32.
        vocabulary_size: Tokens of the vocabulary.
        precision: "float32" or "mixed_bfloat16".
        updates: Updates in a round.
        recompute: Whether blocks are computed again in the backward pass.
    """

    def __init__(self, batch, context, depth, hidden_dim, vocabulary_size, precision, updates, recompute=False):
        import keras

        from zoo.layers import recompute_blocks
        from zoo.models import GPT2
        from zoo.training.optimizers.build_optimizer import build_optimizer
        from zoo.training.updates.summed_loss import SummedLoss
        from zoo.training.updates.token_loss import TokenCrossEntropy
        from zoo.training.updates.update_model import update_model

        model = GPT2(
            vocabulary_size,
            hidden_dim,
            4 * hidden_dim,
            hidden_dim // 32,
            depth,
            max_sequence_length=context,
            dtype=precision,
        )
        model.build()
        if recompute:
            recompute_blocks(model)
        model.compile(build_optimizer("adam", 1e-4), TokenCrossEntropy(0.0), jit_compile=False)
        loss = SummedLoss(model.loss)
        self._updates = update_model(model, loss)
        tokens = np.random.default_rng(0).integers(0, vocabulary_size, (batch, context + 1)).astype("int32")
        weights = loss.divided(np.ones((batch, context), "float32"))
        self._batch = {"token_ids": tokens[:, :-1]}, tokens[:, 1:], weights
        self._count = updates
        keras.utils.set_random_seed(0)

    def seconds(self):
        """Wall seconds of an update, the mean of a round."""
        started = time.perf_counter()
        for _ in range(self._count):
            loss = self._updates.train_on_batch(*self._batch)
        if not np.isfinite(float(loss)):
            raise UserError(f"the loss is {loss}")
        return (time.perf_counter() - started) / self._count


def gpt2_updates(threads, **options):
    """Makes a function that trains on the batch some times, for `contestants.py`; `options` are those of the class."""
    from keras_updates import limit_threads

    limit_threads(threads)
    updates = GPT2Updates(**options)
    return lambda: {"seconds": updates.seconds()}
