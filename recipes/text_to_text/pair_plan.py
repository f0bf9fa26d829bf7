"""Size, batch and learning rate of a model of pairs, by their number where nobody asked."""

from dataclasses import replace

# Pairs of texts from which on a larger model and larger batches pay.
_MANY_PAIRS = 100_000
_LEARNING_RATES = {"tiny": 3e-3, "small": 1e-3, "base": 7e-4, "big": 5e-4}
_PRETRAINED_RATE = 5e-5


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
