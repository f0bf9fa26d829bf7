"""Pretrained encoders to put new heads on."""

from pathlib import Path
from typing import Any

from zoo.checkpoints.hugging_face import DirectoryFiles, is_hugging_face, load_hugging_face, load_tokenizer
from zoo.checkpoints.hugging_face.cross_encoder import is_cross_encoder
from zoo.checkpoints.hugging_face.sentence_transformers import MODULES_FILE
from zoo.checkpoints.keras_hub import is_keras_hub, load_keras_hub, load_keras_hub_tokenizer
from zoo.errors import UserError
from zoo.models.encoder_model import EncoderModel
from zoo.tasks.loading import load, stored_task


def load_pretrained_encoder(directory: str | Path, *, pooler: bool, dtype: Any = None) -> tuple[Any, Any]:
    """The encoder of a stored model, whatever head it was saved with, and its tokenizer.

    Args:
        directory: A Hugging Face directory, a KerasHub preset, or the preset of a task over an encoder.
        pooler: Whether the encoder is to have a pooler. A new one is made if the stored model has none.
        dtype: A Keras dtype policy for the encoder; that of the preset, or else the global one, if None.

    Returns:
        (`zoo.models.encoder_model.EncoderModel`, `zoo.tokenizers.Tokenizer`). The tokenizer reads no special tokens
        from text.

    Raises:
        UserError: for a directory that cannot be read or holds no encoder.
    """
    files = DirectoryFiles(directory)
    if is_hugging_face(files):
        encoder, tokenizer = load_hugging_face(files, kind="encoder", dtype=dtype).model, load_tokenizer(files)
    elif is_keras_hub(directory):
        encoder = load_keras_hub(directory, kind="encoder", dtype=dtype).model
        tokenizer = load_keras_hub_tokenizer(directory)
    else:
        task = load(directory, dtype)
        encoder, tokenizer = getattr(task.model, "encoder", None), task.tokenizer
        if not isinstance(encoder, EncoderModel):
            raise UserError(f"{directory} holds a {type(task).__name__}, which has no encoder of the BERT family")
        if getattr(tokenizer, "special_tokens_in_text", ()):
            tokenizer = tokenizer.reading_from_text(())
    if pooler != (encoder.pooler is not None):
        encoder = _with_pooler(encoder, pooler)
    return encoder, tokenizer


def _with_pooler(encoder, pooler):
    changed = type(encoder).from_config({**encoder.get_config(), "pooler": pooler})
    changed.build()
    for layer in encoder.layers:
        if layer is not encoder.pooler:
            changed.get_layer(layer.name).set_weights(layer.get_weights())
    return changed


def is_embedder(directory: str | Path) -> bool:
    """Whether a directory holds a whole `TextEmbedder`, a preset or one of sentence-transformers."""
    files = DirectoryFiles(directory)
    if files.holds(MODULES_FILE):
        return not is_cross_encoder(files)
    return not is_hugging_face(files) and stored_task(directory) == "TextEmbedder"
