"""The steps that all recipes share which put a new head on an encoder: encoder, optimiser, training, final weights."""

import math

import keras

from recipes.skeleton.dry_run import end_if_dry_run
from recipes.skeleton.reports import model_flops, report_callbacks
from recipes.skeleton.train_and_average import leave_the_rest_to_the_chief
from recipes.vocabularies.added_tokens import add_to_pretrained, add_to_tokenizer, without_added_tokens
from recipes.vocabularies.trained_size import MOST_TOKENS
from zoo.layers import recompute_blocks
from zoo.models import ENCODER_SIZES, Encoder
from zoo.tasks import load_pretrained_encoder
from zoo.tokenizers import WordPieceTokenizer
from zoo.tokenizers import load as load_tokenizer
from zoo.training import (
    EarlyStopping,
    LinearDecay,
    Resume,
    ShareOfRun,
    TokenCrossEntropy,
    average_checkpoints,
    build_optimizer,
    freeze,
    layer_rate_factors,
    plot_learning_curve,
    select_checkpoints,
    train,
)

TOKENIZER = "tokenizer"
"""Where a run keeps its tokenizer."""

# Of encoders without pretraining.
_POSITIONS = 512
# Updates without which little is learned, from few examples too, and bounds of what is made of them.
_LEAST_PRETRAINED, _LEAST_FROM_SCRATCH = 200, 1500
_MOST_EPOCHS = 60
_MOST_VALIDATIONS = 20


def make_encoder(config, texts, *, pooler, resumed):
    """The encoder to start from and its tokenizer.

    Args:
        config: A `FineTuningConfig`.
        texts: Training texts, from which a vocabulary is trained where there is no pretrained encoder.
        pooler: Whether the encoder is to have a pooler.
        resumed: Whether a run goes on; its tokenizer is then read again.
    """
    if config.pretrained is not None:
        found = load_pretrained_encoder(config.pretrained, pooler=pooler, dtype=config.precision)
        return add_to_pretrained(*found, config.add_token)
    directory = config.directory / TOKENIZER
    if resumed and (directory / "tokenizer.json").is_file():
        tokenizer = load_tokenizer(directory)
    else:
        tokenizer = train_wordpiece(config, texts)
    size = ENCODER_SIZES[config.size]
    encoder = Encoder(
        tokenizer.vocabulary_size, **size, max_sequence_length=_POSITIONS, pooler=pooler, dtype=config.precision
    )
    return encoder, tokenizer


def train_wordpiece(config, texts):
    """A WordPiece tokenizer of texts, of the size that was asked for or that they allow, with the added tokens."""
    size = config.vocabulary_size
    tokenizer = WordPieceTokenizer.train(
        without_added_tokens(texts, config.add_token),
        size or MOST_TOKENS,
        lowercase=config.lowercase,
        lower_to_fit=size is None,
    )
    return add_to_tokenizer(tokenizer, config.add_token, trained=True)


def epochs_of(config, num_batches):
    """Passes over the training data: those asked for, or what suits the number of batches."""
    if config.epochs is not None:
        return config.epochs
    passes, least = (5, _LEAST_PRETRAINED) if config.pretrained is not None else (10, _LEAST_FROM_SCRATCH)
    return max(passes, min(_MOST_EPOCHS, math.ceil(least / num_batches)))


def validation_interval(config, num_batches):
    """Updates between validations, or a share of a run that may end before."""
    if config.validations_per_epoch is not None:
        return max(1, num_batches // config.validations_per_epoch)
    epochs = epochs_of(config, num_batches)
    if config.max_minutes is not None:
        return ShareOfRun(min(epochs, _MOST_VALIDATIONS))
    return num_batches * math.ceil(epochs / _MOST_VALIDATIONS)


def learning_rate_of(config):
    """The learning rate that was asked for, or one that suits the encoder."""
    if config.learning_rate is not None:
        return config.learning_rate
    if config.pretrained is not None:
        return 5e-5
    return 1e-3 if config.size in ("tiny", "mini", "small") else 1e-4


def compile_model(model, config, num_batches, loss=None):
    """Freezes what is not to learn and compiles a built model with optimiser and loss."""
    total_steps = num_batches * epochs_of(config, num_batches)
    freeze(model, config.trainable_blocks)
    factors = layer_rate_factors(model, config.layer_decay)
    encoder = {id(variable) for variable in model.encoder.variables}
    factors.update({v.path: config.head_rate_factor for v in model.trainable_variables if id(v) not in encoder})
    warmup_steps = min(int(config.warmup_share * total_steps), total_steps - 1)
    model.compile(
        optimizer=build_optimizer(
            "adamw",
            LinearDecay(learning_rate_of(config), warmup_steps, total_steps + 1),
            beta_2=0.999,
            epsilon=1e-8,
            weight_decay=config.weight_decay,
            clip_norm=config.clip_norm,
            rate_factors={path: factor for path, factor in factors.items() if factor != 1.0},
            loss_scaling=config.precision == "mixed_float16",
        ),
        loss=TokenCrossEntropy(config.label_smoothing) if loss is None else loss,
        jit_compile=True if config.jit_compile else ("auto" if keras.config.backend() == "jax" else False),
    )


def fine_tune(config, model, batches, validation, metric, claim):
    """Trains a compiled model and leaves it with the weights of its best checkpoints.

    Args:
        config: A `FineTuningConfig`.
        model: From `compile_model`.
        batches: Training batches, with `num_batches()`.
        validation: `zoo.training.Validation`.
        metric: Name of the validation score that decides, such as "val_f1"; larger is better.
        claim: `zoo.training.RunClaim`.

    Returns:
        `zoo.training.TrainingResult`, and the paths of the checkpoints whose average the model is.
    """
    epoch = batches.num_batches()
    total_steps = epoch * epochs_of(config, epoch)
    end_if_dry_run(config, model, batches, total_steps)
    if config.devices.recompute:
        recompute_blocks(model)
    interval = validation_interval(config, epoch)
    with claim:
        result = train(
            model,
            batches,
            total_steps=total_steps,
            directory=config.directory,
            checkpoint_every_steps=interval,
            accumulate_steps=config.devices.accumulate_steps,
            validate_every_steps=interval,
            validation=validation,
            early_stopping=(
                EarlyStopping(metric, config.early_stopping_patience, "max") if config.early_stopping_patience else None
            ),
            resume=Resume(keep_last=1, keep_best=config.average_checkpoints, metric=metric, mode="max"),
            callbacks=[claim, *report_callbacks(config)],
            max_minutes=config.max_minutes,
            ends_in_time=True,
            model_flops=model_flops(config, model),
        )
    leave_the_rest_to_the_chief(model)
    checkpoints = select_checkpoints(config.directory, config.average_checkpoints, metric, "max")
    average_checkpoints(model, checkpoints)
    plot_learning_curve(result.history, config.directory / "learning_curve.png", title=str(config.directory.name))
    return result, checkpoints
