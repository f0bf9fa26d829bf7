"""A language model to train from scratch."""

from zoo.models import GPT2, Llama

_CLASSES = {"gpt2": GPT2, "llama": Llama}
# Characters from which on published sizes are worth their time, those sizes, and what is trained on less.
_MUCH_TEXT = 100_000_000
_MUCH_TEXT_SIZES = {"gpt2": "small", "llama": "110m"}
_LITTLE_TEXT_SIZE = dict(num_layers=4, hidden_dim=256, num_heads=4)


def new_model(config, vocabulary_size, text):
    """The built model that a `LanguageModelingConfig` describes.

    Args:
        config: The configuration.
        vocabulary_size: V.
        text: Training text, an iterable of documents, whose length decides where no size is asked for.
    """
    of_class = _CLASSES[config.architecture]
    if config.size is None and _is_little(text):
        size = {**_LITTLE_TEXT_SIZE, "intermediate_dim": _intermediate_dim(config, _LITTLE_TEXT_SIZE["hidden_dim"])}
    else:
        size = dict(of_class.sizes[config.size or _MUCH_TEXT_SIZES[config.architecture]])
    if config.num_heads is not None:
        size.pop("num_key_value_heads", None)
    for name in ("num_layers", "num_heads", "hidden_dim", "num_key_value_heads"):
        if getattr(config, name) is not None:
            size[name] = getattr(config, name)
    if config.hidden_dim is not None:
        size["intermediate_dim"] = _intermediate_dim(config, config.hidden_dim)
    if config.dropout is not None:
        size.update(dropout=config.dropout, attention_dropout=config.dropout)
    if config.architecture == "llama":
        size.update(qk_norm=config.qk_norm, tied_embeddings=True)
    size.update(vocabulary_size=vocabulary_size, max_sequence_length=config.max_positions or config.context)
    model = of_class(**size, dtype=config.precision)
    model.build()
    return model


def _intermediate_dim(config, hidden_dim):
    """Width of feed-forward networks: gated ones have three matrices in place of two."""
    return 4 * hidden_dim if config.architecture == "gpt2" else 8 * -(-hidden_dim // 3)


def _is_little(text):
    """Whether a text, an iterable of documents, is too short for published sizes."""
    characters = 0
    for document in text:
        characters += len(document)
        if characters >= _MUCH_TEXT:
            return False
    return True
