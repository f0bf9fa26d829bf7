"""Numbers that nobody asked for: size, updates, warm-up and intervals that suit the amount of training data."""

from dataclasses import replace

from zoo.training import ShareOfRun

# Pairs of texts from which on a larger model and larger batches pay.
_MANY_PAIRS = 100_000
_LEARNING_RATES = {"tiny": 3e-3, "small": 1e-3, "base": 7e-4, "big": 5e-4}
_PRETRAINED_RATE = 5e-5
_VALIDATIONS = 10
_CHECKPOINTS = 20
_MOST_WARMUP = 4000


def plan_pairs(config, pairs):
    """The configuration with size, batch and learning rate by the number of pairs, where they are None.

    Args:
        config: A `SequenceToSequenceConfig`.
        pairs: Re-iterable of training pairs, which is read once if need be.
    """
    if None not in (config.size, config.batch_size_tokens, config.learning_rate):
        return config
    many = config.pretrained is None and sum(1 for _ in pairs) >= _MANY_PAIRS
    rate = config.learning_rate
    size = config.size or ("small" if many else "tiny")
    smallest = sum(config.max_lengths) if getattr(config, "architecture", "") == "decoder" else max(config.max_lengths)
    return replace(
        config,
        size=size,
        batch_size_tokens=config.batch_size_tokens or max(4096 if many else 2048, smallest),
        learning_rate=rate or (_LEARNING_RATES[size] if config.pretrained is None else _PRETRAINED_RATE),
    )


def plan_updates(config, num_batches, *, passes, least, most):
    """The configuration with numbers of updates where they are None.

    Args:
        config: With `total_steps` and `warmup_steps`.
        num_batches: Batches of an epoch; None for more than can be counted.
        passes: Over the training data, if that makes at least `least` and at most `most` updates.
    """
    total, warmup = config.total_steps, config.warmup_steps
    if total is None:
        total = most if num_batches is None else min(most, max(least, passes * num_batches))
        total = max(total, (warmup or 0) + 1)
    if warmup is None:
        warmup = min(_MOST_WARMUP, total // 10)
    return replace(config, total_steps=total, warmup_steps=warmup)


def intervals(config):
    """Updates between validations and between checkpoints, those of the configuration or shares of the run."""
    return (
        config.validate_every_steps or ShareOfRun(_VALIDATIONS),
        config.checkpoint_every_steps or ShareOfRun(_CHECKPOINTS),
    )


def say_plan(console, total_steps, num_batches, max_minutes):
    """Prints how long training will be.

    Args:
        console: `rich.console.Console`.
        total_steps: Updates.
        num_batches: Batches of an epoch, or None.
        max_minutes: The time limit, or None.
    """
    passes = f", {total_steps / num_batches:,.1f} passes over the training data" if num_batches else ""
    limit = (
        ""
        if max_minutes is None
        else f", or as many as {max_minutes:g} minutes allow, in which the learning rate then falls"
    )
    console.print(f"training: {total_steps:,} updates{passes}{limit}", highlight=False, soft_wrap=True)
