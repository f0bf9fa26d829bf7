"""A recipe that puts a new head on an encoder."""

import math
from collections.abc import Sequence
from typing import Any

import keras

from recipes.encoders.starting_encoder import starting_encoder
from recipes.skeleton.recipe import Recipe
from recipes.skeleton.run_plan import RunPlan
from zoo.data import RowBatches
from zoo.data.readers.readings import readings
from zoo.training import LinearDecay, ShareOfRun, TokenCrossEntropy, freeze, layer_rate_factors

# Updates without which little is learned, from few examples too, and bounds of what is made of them.
_LEAST_PRETRAINED, _LEAST_FROM_SCRATCH = 200, 1500
_MOST_EPOCHS = 60
_MOST_VALIDATIONS = 20
EXAMPLES = 200


class FineTuning(Recipe):
    """Model and objective: an encoder with a new head, trained in epochs with BERT's optimiser.

    `open_data` of a recipe leaves `sources`, the readers of training, validation and test data, of which the latter may
    be None, and `train_texts` and `validation_texts`, lists of objects with a `text`.
    """

    sources: Any
    train_texts: Sequence[Any]
    validation_texts: Sequence[Any]

    pooler = False
    """Whether the encoder is to have a pooler."""

    def make_head(self, encoder, **dropout):
        """The model: the encoder with its new head.

        Args:
            encoder: `zoo.models.Encoder`.
            dropout: The rate on the input of the head as `dropout`, if one was asked for.
        """
        raise NotImplementedError

    def start(self):
        """The model and its tokenizer; blocks that are not to learn are frozen."""
        config = self.config
        encoder, tokenizer = starting_encoder(config, self.vocabulary_texts(), pooler=self.pooler, resumed=self.resumed)
        model = self.make_head(encoder, **({} if config.dropout is None else {"dropout": config.dropout}))
        model.build()
        freeze(model, config.trainable_blocks)
        return model, (tokenizer,)

    def vocabulary_texts(self):
        """Yields the texts that a new vocabulary is trained on."""
        return (text.text for text in self.train_texts)

    def row_batches(self, token_ids, *labels, max_length, **options):
        """Batches of rows, as `zoo.data.RowBatches`; of few shapes where each new shape is compiled."""
        pad_id = self.tokenizers[0].pad_id
        assert pad_id is not None, "encoders have one"
        return RowBatches(
            token_ids,
            *labels,
            pad_id=pad_id,
            batch_size=self.config.batch_size,
            max_length=max_length,
            fixed_rows=self.config.jit_compile or keras.config.backend() == "jax",
            **options,
        )

    def make_plan(self, num_batches):
        """So many epochs, with the best checkpoints in the end."""
        config = self.config
        epochs = epochs_of(config, num_batches)
        total_steps = num_batches * epochs
        interval = validation_interval(config, epochs, num_batches)
        return RunPlan(
            total_steps,
            min(int(config.warmup_share * total_steps), total_steps - 1),
            interval,
            interval,
            self.metric,
            average_best=True,
            keep_last=1,
        )

    def loss(self):
        """Cross-entropy of the one right label."""
        return TokenCrossEntropy(self.config.label_smoothing)

    def optimizer(self):
        """AdamW, whose rate rises and falls linearly, with factors for lower blocks and the head."""
        config, plan = self.config, self.plan
        factors = layer_rate_factors(self.model, config.layer_decay)
        encoder = {id(variable) for variable in self.model.encoder.variables}
        head = [variable for variable in self.model.trainable_variables if id(variable) not in encoder]
        factors.update({variable.path: config.head_rate_factor for variable in head})
        return {
            "name": "adamw",
            "schedule": LinearDecay(learning_rate_of(config), plan.warmup_steps, plan.total_steps + 1),
            "beta_2": 0.999,
            "epsilon": 1e-8,
            "rate_factors": {path: factor for path, factor in factors.items() if factor != 1.0},
        }

    def data_lines(self):
        """How the files are read."""
        yield from readings(*self.sources)

    def pretrained_part(self):
        """The encoder."""
        return self.model.encoder

    def counted(self):
        """The encoder."""
        return self.model.encoder

    def examples(self):
        """Validation texts."""
        return [text.text for text in self.validation_texts[:EXAMPLES]]


def epochs_of(config, num_batches):
    """Passes over the training data: those asked for, or what suits the number of batches."""
    if config.epochs is not None:
        return config.epochs
    passes, least = (5, _LEAST_PRETRAINED) if config.pretrained is not None else (10, _LEAST_FROM_SCRATCH)
    return max(passes, min(_MOST_EPOCHS, math.ceil(least / num_batches)))


def validation_interval(config, epochs, num_batches):
    """Updates between validations, or a share of a run that may end before."""
    if config.validations_per_epoch is not None:
        return max(1, num_batches // config.validations_per_epoch)
    if config.max_minutes is not None:
        return ShareOfRun(min(epochs, _MOST_VALIDATIONS))
    return num_batches * math.ceil(epochs / _MOST_VALIDATIONS)


def learning_rate_of(config):
    """The learning rate that was asked for, or one that suits the encoder."""
    if config.learning_rate is not None:
        return config.learning_rate
    if config.pretrained is not None:
        return {"full": 5e-5, "lora": 5e-4, "dora": 5e-4}.get(config.tune, 1e-3)
    return 1e-3 if config.size in ("tiny", "mini", "small") else 1e-4
